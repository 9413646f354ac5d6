"""K-mers that proteins share: who is alike, what is kept, and what is written."""

import shutil
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmgo.dataset.opening import open_dataset
from esmgo.errors import CheckpointError
from esmgo.evidence.index_file import open_index
from esmgo.evidence.kmers import GROUPS, NEAR, SHAPES, Kmers, best, kmers_of
from esmgo.model.checkpoint import open_checkpoint
from esmgo.model.container import index_path, read_header, write_container

LETTERS = "".join(GROUPS)
sequence = st.text(alphabet=LETTERS + "XBUO", max_size=60)


def plain(sequence):
    """The k-mers of a sequence, as written."""
    number = {letter: g for g, letters in enumerate(GROUPS) for letter in letters}
    found = set()
    for kind, shape in enumerate(SHAPES):
        for first in range(len(sequence) - len(shape) + 1):
            word = [sequence[first + i] for i, counts in enumerate(shape) if counts == "1"]
            if all(letter in number for letter in word):
                found.add((kind, *(number[letter] for letter in word)))
    return found


@given(sequence)
def test_kmers_are_the_distinct_words_of_known_residues(sequence):
    words = plain(sequence)
    wanted = sorted(sum(g * 13**i for i, g in enumerate(word[::-1])) for word in words)
    assert kmers_of(sequence).tolist() == wanted


@given(st.lists(sequence, min_size=1, max_size=8), sequence)
def test_cosine_equals_that_of_the_plain_sets(known, asked):
    sets, own = list(map(plain, known)), plain(asked)
    everywhere = [word for each in sets for word in each]
    n = len(known) + 1
    rarity = {word: np.log(n / everywhere.count(word)) ** 1.5 for word in everywhere}

    def length(words):
        return np.sqrt(sum(rarity.get(word, 0) ** 2 for word in words))

    found = Kmers.of(known).cosine(asked)
    for each, cosine in zip(sets, found, strict=True):
        shared = sum(rarity[word] ** 2 for word in each & own)
        whole = length(each) * length(own)
        assert cosine == pytest.approx(shared / whole if whole else 0, abs=1e-6)


def family(draw, n, length=80, motif="HWCHKMYWDERGHW"):
    """Proteins that share a motif, each elsewhere in it, and nothing else."""
    for at in draw.integers(0, length - len(motif), n):
        residues = draw.choice(list("ACDEFGHIKLMNPQRSTVWY"), length)
        yield "".join([*residues[:at], motif, *residues[at + len(motif) :]])


def test_what_is_kept_is_what_a_family_shares():
    draw = np.random.default_rng(0)
    motifs = ["".join(draw.choice(list(LETTERS), 14)) for _ in range(6)]
    proteins = [p for motif in motifs for p in family(draw, 12, motif=motif)]
    whole, small = Kmers.of(proteins), Kmers.of(proteins, 18)
    assert 16 * len(proteins) < len(small.holders.indices) <= 18 * len(proteins)
    assert 18 * len(proteins) < len(whole.holders.indices)
    wanted = np.unique(np.concatenate([kmers_of(motif) for motif in motifs]))
    assert np.isin(wanted, small.keys).all()
    (new,) = family(draw, 1, motif=motifs[3])
    first = best(small.cosine(new), 12)
    assert set(first.tolist()) == set(range(36, 48))


def test_proteins_to_be_looked_up_decide_nothing_about_themselves():
    draw = np.random.default_rng(1)
    motifs = ["".join(draw.choice(list(LETTERS), 14)) for _ in range(8)]
    trained = [p for motif in motifs[:6] for p in family(draw, 12, motif=motif)]
    others = [p for motif in motifs[4:] for p in family(draw, 6, motif=motif)]

    def holders(kmers, i):
        return kmers.keys[kmers.holders.owner[kmers.lists.indices == i]]

    alone, n = Kmers.of(trained, 18), len(trained)
    both = Kmers.of([*trained, *others], 18, n_trained=n)
    for i in range(n):  # more or fewer of those by chance, where there is more or less room
        a, b = set(holders(alone, i)), set(holders(both, i))
        assert a <= b or b <= a
    assert len(both.holders.indices) <= 18 * (n + len(others))
    assert set(kmers_of(motifs[4])) <= set(holders(both, n))


def test_the_nearest_of_each_protein_are_listed():
    draw = np.random.default_rng(5)
    motifs = ["".join(draw.choice(list(LETTERS), 14)) for _ in range(4)]
    proteins = [p for motif in motifs for p in family(draw, NEAR + 4, motif=motif)]
    whole, kmers = Kmers.of(proteins), Kmers.of(proteins, 18)
    assert whole.near is None
    for i, protein in enumerate(proteins):
        cosine = whole.cosine(protein)
        cosine[i] = 2  # listed itself
        assert kmers.near.row(i).tolist() == sorted(best(cosine, NEAR + 1))
    assert kmers.near_any(np.array([3, 40])).tolist() == sorted(
        {*kmers.near.row(3).tolist(), *kmers.near.row(40).tolist()}
    )
    order = draw.permutation(len(proteins))
    found = kmers.reordered(order)
    for i, old in enumerate(order):
        assert sorted(order[found.near.row(i)]) == kmers.near.row(old).tolist()


def test_a_tour_goes_from_each_to_the_one_most_like_it_that_is_left():
    draw = np.random.default_rng(2)
    motifs = ["".join(draw.choice(list(LETTERS), 14)) for _ in range(4)]
    proteins = [p for motif in motifs for p in family(draw, 6, motif=motif)]
    mixed = draw.permutation(len(proteins))
    kmers = Kmers.of([proteins[i] for i in mixed])
    tour = kmers.tour()
    assert sorted(tour) == list(range(len(proteins)))
    assert tour[0] == 0
    left = set(tour.tolist())
    for here, there in pairwise(tour.tolist()):
        left.discard(here)
        cosine = kmers.cosine(proteins[mixed[here]])
        assert cosine[there] == pytest.approx(max(cosine[i] for i in left))
    families = mixed[tour] // 6
    assert (np.diff(families) != 0).sum() < 12  # of 23; by chance 18


def test_a_tour_goes_on_where_nobody_shares_anything():
    kmers = Kmers.of(["MKVLAWDE", "", "GHKMYWCC", "MKVLAWDE"])
    assert kmers.tour().tolist() == [0, 3, 1, 2]
    assert Kmers.of([]).tour().tolist() == []


def same(found, wanted):
    np.testing.assert_array_equal(found.keys, wanted.keys)
    np.testing.assert_array_equal(found.lists.indptr, wanted.lists.indptr)
    np.testing.assert_array_equal(found.lists.indices, wanted.lists.indices)


def test_proteins_in_another_order_are_the_same():
    draw = np.random.default_rng(3)
    proteins = list(family(draw, 9))
    kmers, order = Kmers.of(proteins), draw.permutation(9)
    found, wanted = kmers.reordered(order), Kmers.of([proteins[i] for i in order])
    same(found, wanted)


def test_all_are_kept_where_there_is_room_and_none_are_no_mistake():
    few = ["MKVLAWDERGHKMYW", "", "MKV", "XXXXXXXXXXX"]
    a, b = Kmers.of(few), Kmers.of(few, 100)
    assert a.holders.indices.tolist() == b.holders.indices.tolist() == [0] * len(kmers_of(few[0]))
    assert a.cosine(few[0]).tolist() == pytest.approx([1, 0, 0, 0])
    assert Kmers.of(few[1:]).cosine(few[0]).tolist() == [0, 0, 0]
    assert Kmers.of([]).cosine(few[0]).tolist() == []


def test_the_best_come_first_and_nobody_without_anything():
    assert best(np.array([0, 0.5, 0.2, 0.5, 0.9, 0.0]), 3).tolist() == [4, 1, 3]
    assert best(np.zeros(3), 2).tolist() == []


def test_the_index_of_a_blend_holds_all_proteins_and_their_kmers(blended):
    data = open_dataset("sample", "all", eval_ratio=1)
    index = open_index(open_checkpoint(blended[0]))
    sequences = [*data.train.sequences, *data.validation.sequences]
    assert index.ids == (*data.train.ids, *data.validation.ids)
    wanted = Kmers.of(sequences, 560, n_trained=len(data.train))
    same(index.kmers, wanted)
    for i in (0, 7, len(index) - 1):
        assert index.kmers.near_any(np.array([i])).tolist() == wanted.near.row(i).tolist()
    n = len(data.train)
    np.testing.assert_array_equal(index.terms.row(n + 3), data.validation.terms.row(3))
    assert [index.sequences[i] for i in range(len(index))] == sequences


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("kmers.parts", lambda data: data[:-4]),
        ("kmers.counts", lambda data: b"not deflated"),
        ("near.parts", lambda data: data[:-4]),
        ("near.counts", lambda data: b"not deflated"),
        ("kmers.keys", None),
        ("kmers.length", lambda data: data[:-4]),
    ],
)
def test_damaged_kmers_are_refused(blended, tmp_path, name, change):
    for path in (blended[0], index_path(blended[0])):
        shutil.copy(path, tmp_path / path.name)
    path = tmp_path / index_path(blended[0]).name
    header, tensors = read_header(path), []
    for each, info in header.tensors.items():
        data = path.read_bytes()[header.data_start + info.begin : header.data_start + info.end]
        if each == name:
            if change is None:
                continue
            data = change(data)
        shape = (len(data) // {"U8": 1, "F32": 4}.get(info.dtype, 1),)
        shape = shape if each == name or info.dtype == "U8" else info.shape
        tensors.append((each, info.dtype, shape, memoryview(data)))
    write_container(path, tensors, header.metadata)
    with pytest.raises(CheckpointError, match="damaged k-mers"):
        open_index(replace(open_checkpoint(tmp_path / blended[0].name), blend=None))


def test_kmers_of_another_kind_are_refused(blended, tmp_path):
    for path in (blended[0], index_path(blended[0])):
        shutil.copy(path, tmp_path / path.name)
    path = tmp_path / index_path(blended[0]).name
    header, data = read_header(path), path.read_bytes()
    tensors = [
        (name, info.dtype, info.shape,
         memoryview(data)[header.data_start + info.begin : header.data_start + info.end])
        for name, info in header.tensors.items()
    ]  # fmt: skip
    write_container(path, tensors, header.metadata | {"kmers": "11111 A B C"})
    with pytest.raises(CheckpointError, match="of a different kind"):
        open_index(replace(open_checkpoint(tmp_path / blended[0].name), blend=None))
