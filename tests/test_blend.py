"""Blending head, neighbours and homology; calibration; what each call came from."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from esmgo.cli.main import main
from esmgo.data.fasta import Protein
from esmgo.dataset.opening import open_dataset
from esmgo.dataset.sample import sample_ontology_path
from esmgo.errors import CheckpointError, UsageError
from esmgo.evidence.index import index_path, open_index
from esmgo.evidence.source_scores import SourceScores, of_aspect
from esmgo.evidence.sources import EvidenceSource
from esmgo.go.labels import LabelSpace
from esmgo.go.obo import read_obo
from esmgo.go.terms import Aspect
from esmgo.learn.blending import BlendConfig, blend
from esmgo.learn.fitting import cells_of, edges_of, fit_stacker
from esmgo.model.checkpoint import open_checkpoint
from esmgo.predict.blend import Blend, Variant
from esmgo.predict.predictor import Predictor
from esmgo.predict.regression import Stacker, features


def said(n=40, t=30, seed=0, **other):
    draw = np.random.default_rng(seed)
    head, near = (draw.uniform(0.01, 0.99, (n, t)).astype(np.float32) for _ in range(2))
    similarity = draw.uniform(0, 1, n).astype(np.float32)
    frequency = draw.uniform(0.01, 0.5, t).astype(np.float32)
    told = {"head": head, "votes": {"neighbours": near}, "similarity": similarity,
            "shared": np.zeros(n, np.float32), "bits": np.zeros(n, np.float32),
            "frequency": frequency, "coannotated": near[::-1] / 2}  # fmt: skip
    return SourceScores(**(told | other))


@pytest.fixture(scope="session")
def held_out():
    proteins = open_dataset("sample", "all", eval_ratio=1).validation
    return list(map(Protein, proteins.ids, proteins.sequences))


def test_weights_of_a_known_model_are_found_again():
    told = said(400, 100)
    names = [name for name, _ in features(told)]
    true = Stacker(-1.0, dict.fromkeys(names, 0.0) | {"head": 0.8, "neighbours": 0.5})
    at = np.arange(told.head.size)
    y = np.random.default_rng(1).uniform(size=len(at)) < true.probabilities(told).ravel()
    found = fit_stacker(*cells_of(told, at), y, np.ones(len(at)))
    away = np.abs(found.probabilities(told) - true.probabilities(told))
    assert (away.mean() < 0.01, away.max() < 0.1) == (True, True)


def test_a_cell_that_stands_for_two_counts_twice():
    told = said()
    names = [name for name, _ in features(told)]
    _, x = cells_of(told, np.arange(told.head.size))
    y = np.random.default_rng(2).uniform(size=len(x)) < told.head.ravel()
    weight = np.where(np.arange(len(x)) % 2, 1.0, 2.0)
    twice = np.concatenate([np.arange(len(x)), np.arange(0, len(x), 2)])
    a = fit_stacker(names, x, y, weight)
    b = fit_stacker(names, x[twice], y[twice], np.ones(len(twice)))
    assert a.weights == pytest.approx(b.weights, rel=1e-6, abs=1e-6)
    near = fit_stacker(names, x[::2], y[::2], weight[::2])
    assert near.weights != pytest.approx(a.weights, rel=1e-3)
    again = fit_stacker(names, x, y, weight, near)
    assert again.weights == pytest.approx(a.weights, rel=1e-4, abs=1e-4)


def test_the_features_of_cells_are_those_of_the_whole():
    kmers = np.random.default_rng(4).uniform(size=(8, 6)).astype(np.float32)
    told = said(8, 6, votes={"neighbours": said(8, 6).head, "kmers": kmers})
    at = np.array([40, 0, 13])
    names, x = cells_of(told, at)
    assert names == [name for name, _ in features(told)]
    for name, column, (_, whole) in zip(names, x.T, features(told), strict=True):
        wanted = np.broadcast_to(whole, told.head.shape).ravel()[at]
        np.testing.assert_array_equal(column, wanted, err_msg=name)


def test_a_protein_that_was_not_looked_at_in_an_aspect_is_no_witness_there():
    labels = LabelSpace.close(["GO:0003677", "GO:0005634"], read_obo(sample_ontology_path()))
    told = said(1, len(labels))
    at, root, part = of_aspect(told, labels, Aspect.MF)
    assert labels.column["GO:0003677"] in at
    assert labels.column["GO:0003674"] not in at
    assert root.tolist() == [labels.column["GO:0003674"]]
    whole = told.columns(root)
    np.testing.assert_allclose(part.head, told.head[:, at] / whole.head)
    for name, votes in told.votes.items():
        np.testing.assert_allclose(part.votes[name], votes[:, at] / whole.votes[name])
    nobody = replace(told, votes={name: 0 * votes for name, votes in told.votes.items()})
    for votes in of_aspect(nobody, labels, Aspect.MF)[2].votes.values():
        assert not votes.any()


def test_features_do_not_tell_which_term_or_protein_it_is():
    told = said(8, 6)
    order = np.random.default_rng(3).permutation(6)
    stacker = Stacker(0.1, {name: 0.3 for name, _ in features(told)})
    np.testing.assert_allclose(
        stacker.probabilities(told.columns(order)), stacker.probabilities(told)[:, order], rtol=1e-5
    )


def test_bins_hold_equal_parts_and_proteins_without_a_hit_have_their_own():
    values = np.float32([0, 0, 0, 1, 2, 3, 4, 5, 6])
    edges = edges_of(values, ("head", "homology"))
    assert np.bincount(np.searchsorted(edges, values, side="right")).tolist() == [3, 2, 2, 2]
    edges = edges_of(values[:0], ("head",))
    assert edges == ()


def test_blend_is_at_least_as_good_as_its_sources_out_of_fold(blended):
    _, summary = blended
    both = summary.fmax["blend of head + neighbours"]
    for source in ("head", "neighbours"):
        assert np.mean(list(both.values())) > np.mean(list(summary.fmax[source].values())) - 0.01


def test_scores_obey_the_true_path_rule_and_say_where_they_come_from(blended, held_out):
    predictor = Predictor.load(blended[0], device="cpu")
    evidence = predictor.evidence(held_out[:20])
    values, labels = evidence.scores.values, predictor.labels
    for j, up in enumerate(labels.parents):
        for p in up:
            assert (values[:, p] >= values[:, j]).all()
    called = values > 0.5
    assert called.any()
    index = open_index(open_checkpoint(blended[0]))
    frequency = np.bincount(index.indices, minlength=len(labels)) / np.float32(len(index))
    for source, flag in (("head", EvidenceSource.HEAD), ("neighbours", EvidenceSource.NEIGHBOURS)):
        alone = Predictor.load(blended[0], device="cpu", sources=[source]).evidence(held_out[:20])
        speaks = (evidence.sources & flag) > 0
        np.testing.assert_array_equal(speaks, alone.scores.values > frequency)
        assert not (alone.sources & EvidenceSource.COANNOTATION).any()
    assert not (evidence.sources & EvidenceSource.HOMOLOGY).any()
    speaks = (evidence.sources & EvidenceSource.COANNOTATION) > 0
    assert (speaks.any(), speaks[:, [term.is_root for term in labels.terms]].any()) == (True, False)
    counted = ~np.isnan(evidence.precision)
    roots = np.array([term.is_root for term in labels.terms])
    np.testing.assert_array_equal(counted.all(axis=0), ~roots)


def test_a_protein_has_the_same_evidence_alone(blended, held_out):
    predictor = Predictor.load(blended[0], device="cpu", precision="fp32")
    together = predictor.evidence(held_out[:9])
    for i, protein in enumerate(held_out[:9]):
        alone = predictor.evidence([protein])
        np.testing.assert_array_equal(alone.scores.values[0], together.scores.values[i])
        np.testing.assert_array_equal(alone.precision[0], together.precision[i])
        assert alone.similarity[0] == together.similarity[i]


def test_a_training_protein_is_its_own_neighbour(blended):
    train = open_dataset("sample", "all", eval_ratio=1).train
    found = Predictor.load(blended[0], device="cpu").evidence(
        list(map(Protein, train.ids[:5], train.sequences[:5]))
    )
    np.testing.assert_allclose(found.similarity, 1, atol=1e-3)


def test_a_promise_is_made_in_all_aspects_and_groups_together(blended):
    checkpoint = open_checkpoint(blended[0])
    variant = Blend.of(checkpoint).variant(["head", "neighbours"])
    labels, n_groups = checkpoint.labels, len(variant.edges) + 1
    found = variant.thresholds(0.6, np.arange(n_groups), labels)  # (G, T)
    alone = variant.calibration.thresholds_for(0.6, 0.9)  # (A, G)
    joint = variant.calibration.thresholds_for(0.6, 1 - 0.1 / (3 * n_groups))
    assert np.isfinite(joint).any()
    for a, aspect in enumerate(labels.aspects):
        columns = found[:, labels.columns_of(aspect)]
        assert (columns == joint[a][:, None]).all()
        assert (columns >= alone[a][:, None]).all()
    assert (joint > alone).any()


def test_one_source_speaks_alone_when_asked(blended, held_out):
    head = Predictor.load(blended[0], device="cpu", sources=["head"]).evidence(held_out[:5])
    near = Predictor.load(blended[0], device="cpu", sources=["neighbours"]).evidence(held_out[:5])
    assert not np.allclose(head.scores.values, near.scores.values)
    assert np.isnan(near.precision).all()  # votes were never calibrated
    tenths = near.scores.values.max(axis=0)
    assert (tenths <= 1).all()


def test_without_an_index_the_head_speaks_alone(blended, held_out, tmp_path):
    path = tmp_path / "checkpoint.pt"
    shutil.copy(blended[0], path)
    found = Predictor.load(path, device="cpu").evidence(held_out[:3])
    wanted = Predictor.load(blended[0], device="cpu", sources=["head"]).evidence(held_out[:3])
    np.testing.assert_array_equal(found.scores.values, wanted.scores.values)
    assert np.isnan(found.similarity).all()
    with pytest.raises(UsageError, match="no index beside"):
        Predictor.load(path, device="cpu", sources=["head", "neighbours"])


def test_fingerprint_tells_models_and_options_apart(blended, checkpoint):
    prints = {
        Predictor.load(blended[0], device="cpu", precision="fp32").fingerprint,
        Predictor.load(blended[0], device="cpu", sources=["head"], precision="fp32").fingerprint,
        Predictor.load(blended[0], device="cpu", context_length=50, precision="fp32").fingerprint,
        Predictor.load(blended[0], device="cpu", precision="bf16").fingerprint,
        Predictor.load(checkpoint, device="cpu", precision="fp32").fingerprint,
    }
    assert len(prints) == 5
    again = Predictor.load(blended[0], device="cpu", precision="fp32").fingerprint
    assert again in prints


def test_blend_survives_the_round_trip_and_weights_stay_as_they_were(blended, checkpoint):
    found = Blend.of(open_checkpoint(blended[0]))
    assert [v.sources for v in found.variants] == [
        ("head",),
        ("head", "neighbours"),
        ("head", "neighbours", "kmers"),
    ]
    again = Variant.from_json(found.variants[1].to_json())
    assert again.stackers == found.variants[1].stackers
    assert Blend.of(open_checkpoint(checkpoint)) is None
    opened = open_checkpoint(blended[0])
    assert opened.optimizer_state()  # resuming still works
    assert opened.training["epoch"] == 4


def test_blending_again_gives_the_same(blended, tmp_path):
    before = []
    for each in (blended[0], index_path(blended[0])):
        shutil.copy(each, tmp_path / each.name)
        before.append((tmp_path / each.name).read_bytes())
    path = tmp_path / blended[0].name
    summary = blend(BlendConfig(checkpoint_path=str(path), dataset="sample", device="cpu"))
    assert summary.fmax == blended[1].fmax
    assert [each.read_bytes() for each in (path, index_path(path))] == before


def test_without_kmers_there_is_no_blend_of_them(blended, held_out, tmp_path):
    for each in (blended[0], index_path(blended[0])):
        shutil.copy(each, tmp_path / each.name)
    path = tmp_path / blended[0].name
    blend(BlendConfig(checkpoint_path=str(path), dataset="sample", device="cpu", kmers=0))
    assert open_index(open_checkpoint(path)).kmers is None
    assert Predictor.load(path, device="cpu").variant.sources == ("head", "neighbours")
    with pytest.raises(UsageError, match="no k-mers beside"):
        Predictor.load(path, device="cpu", sources=["kmers"])
    # an index that has more than the blend: what there is a blend of
    shutil.copy(index_path(blended[0]), index_path(path))
    found = Predictor.load(path, device="cpu")
    assert found.variant.sources == ("head", "neighbours")
    assert not (found.evidence(held_out[:3]).sources & EvidenceSource.KMERS).any()


def test_a_held_out_protein_does_not_vote_for_itself(blended):
    data = open_dataset("sample", "all", eval_ratio=1)
    own = np.array([len(data.train)])
    sources = Predictor.load(blended[0], device="cpu").sources
    protein = [Protein(data.validation.ids[0], data.validation.sequences[0])]
    vector = sources.index.vectors[own].astype(np.float32)
    alone, all_ = sources.ask(protein, vector, own), sources.ask(protein, vector)
    for name in ("neighbours", "kmers"):
        assert own[0] in all_.votes[name].voter
        assert own[0] not in alone.votes[name].voter
    assert alone.shared[0] < all_.shared[0]
    assert alone.similarity[0] <= all_.similarity[0]


def test_damaged_blend_is_refused(blended, tmp_path):
    from esmgo.model.checkpoint import replace_blend

    path = tmp_path / "checkpoint.pt"
    shutil.copy(blended[0], path)
    for broken in ({"blend": 1, "num_neighbours": 3, "variants": [{}]}, {"blend": 9}):
        replace_blend(path, broken)
        with pytest.raises(CheckpointError, match="blend"):
            Blend.of(open_checkpoint(path))


def test_blending_needs_the_data_that_it_was_trained_on(blended, tmp_path):
    path = tmp_path / "checkpoint.pt"
    for each in (blended[0], index_path(blended[0])):
        shutil.copy(each, tmp_path / each.name)
    (tmp_path / "data.jsonl").write_text(
        "".join(f'{{"id": "p{i}", "sequence": "MKV", "terms": ["GO:0003674"]}}\n' for i in range(9))
    )
    with pytest.raises(UsageError, match="not what the checkpoint was trained on"):
        blend(BlendConfig(checkpoint_path=str(path), dataset=str(tmp_path / "data.jsonl")))


def test_blending_needs_proteins_that_were_held_out(checkpoint, tmp_path):
    for each in (checkpoint, index_path(checkpoint)):
        shutil.copy(each, tmp_path / each.name)
    with pytest.raises(UsageError, match="held out"):
        blend(BlendConfig(checkpoint_path=str(tmp_path / "checkpoint.pt"), dataset="sample"))


def test_evaluating_a_checkpoint_takes_the_sources_asked_for(blended, capsys):
    command = ["evaluate", f"--checkpoint_path={blended[0]}", "--dataset=sample", "--device=cpu"]
    texts = []
    for sources in ((), ("--sources=head",), ("--sources=neighbours",)):
        assert main([*command, *sources]) == 0
        texts.append(capsys.readouterr().out)
    assert len(set(texts)) == 3
    assert main([*command, "--sources=oracle"]) == 2
    assert "no source" in capsys.readouterr().err


def test_homology_is_blended_where_diamond_is(blended, held_out, tmp_path, capsys):
    if shutil.which("diamond") is None:
        pytest.skip("needs the program diamond")
    path = tmp_path / "checkpoint.pt"
    for each in (blended[0], index_path(blended[0])):
        shutil.copy(each, tmp_path / each.name)
    assert main([
        "blend", f"--checkpoint_path={path}", "--dataset=sample", "--homology", "--device=cpu",
    ]) == 0  # fmt: skip
    assert "blend of head + neighbours + kmers + homology" in capsys.readouterr().out
    data = open_dataset("sample", "all", eval_ratio=1)
    train = data.train
    sequences = dict(zip(train.ids, train.sequences, strict=True))
    predictor = Predictor.load(path, device="cpu", homology=sequences)
    known = [Protein("as in training", train.sequences[7])]
    evidence = predictor.evidence([*known, *held_out[:3]])
    terms = train.indices[train.indptr[7] : train.indptr[8]]
    own = [j for j in terms if not data.labels.terms[j].is_root]
    assert (evidence.sources[0, own] & EvidenceSource.HOMOLOGY > 0).mean() > 0.9  # others vote, too
    assert evidence.bin[0] == len(predictor.variant.edges)  # the closest group
    with pytest.raises(UsageError, match="none of its ids"):
        Predictor.load(path, device="cpu", homology={"stranger": "MKV"})
