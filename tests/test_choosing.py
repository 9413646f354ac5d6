"""Which sources a predictor has, by what is requested."""

from dataclasses import replace

import numpy as np
import pytest

from esmgo.errors import UsageError
from esmgo.evidence.index_file import open_index
from esmgo.evidence.kmers import Kmers
from esmgo.evidence.local_search import LocalSearch
from esmgo.evidence.relatives import search_of
from esmgo.evidence.sources import SCORING
from esmgo.model.checkpoint import open_checkpoint
from esmgo.predict.choosing import choose


@pytest.mark.parametrize(("homology", "requested", "names"), [
    (None, None, SCORING),
    ("builtin", None, SCORING),
    ("none", None, ("head", "neighbours", "kmers")),
    (None, ("head", "neighbours"), ("head", "neighbours")),
    (None, ("homology",), ("homology",)),
])  # fmt: skip
def test_the_request_decides(blended, homology, requested, names):
    found = choose(open_checkpoint(blended[0]), homology, requested, 1)
    if len(names) > 1:
        assert found.variant.sources == names
    assert found.alone == names[0]
    by_alignment = isinstance(found.sources._homologs, LocalSearch)
    assert by_alignment == ("homology" in names)
    assert found.sources._with_kmers == ("kmers" in names)


def test_every_request_has_a_digest_of_its_own(blended):
    checkpoint = open_checkpoint(blended[0])
    requests = [(None, None), ("none", None), (None, ("head",)), (None, ("homology",))]
    digests = [choose(checkpoint, *each, 1).digest for each in requests]
    assert len(set(digests)) == len(digests)
    assert choose(checkpoint, "builtin", None, 2).digest == digests[0]


def test_alignments_alone_score_without_votes_of_kmers(blended, held_out):
    sources = choose(open_checkpoint(blended[0]), None, ("homology",), 1).sources
    vectors = np.zeros((2, sources.index.vectors.shape[1]), np.float32)
    assert set(sources.find_relatives(held_out[:2], vectors).votes) == {"neighbours", "homology"}


def test_an_index_without_the_nearest_has_no_builtin_search(blended):
    index = open_index(open_checkpoint(blended[0]))
    assert search_of(None, index) == "builtin"
    assert search_of("none", index) is None
    assert search_of("diamond", index) == "diamond"
    old = replace(index, kmers=replace(index.kmers, near=None))
    assert search_of(None, old) is None
    assert search_of(None, replace(index, sequences=None)) is None
    assert isinstance(index.kmers, Kmers)


def test_a_blend_without_homology_does_not_need_it(blended, monkeypatch):
    checkpoint = open_checkpoint(blended[0])
    less = [v for v in checkpoint.blend["variants"] if "homology" not in v["sources"]]
    without = replace(checkpoint, blend=checkpoint.blend | {"variants": less})
    assert choose(without, None, None, 1).variant.sources == ("head", "neighbours", "kmers")
    with pytest.raises(UsageError, match="has no blend of head, neighbours, kmers, homology"):
        choose(without, "builtin", None, 1)
