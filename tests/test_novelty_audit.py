"""The audit of novelty: AUROC and deciles, counted by hand."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from made_calls import BITS, KINASE, LABELS, NUCLEUS, SERINE, evidence

from esmgo.assess.novelty_audit import NoveltyCounts, auroc_of
from esmgo.go.sparse import SparseRows

NUMBERS = st.lists(st.integers(0, 9).map(float), min_size=1, max_size=20)


@given(NUMBERS, NUMBERS)
def test_auroc_is_the_share_of_pairs_in_the_right_order(real, decoys):
    pairs = [(a < b) + 0.5 * (a == b) for a in real for b in decoys]
    found = auroc_of(np.array(real, np.float32), np.array(decoys, np.float32))
    assert abs(found - np.mean(pairs)) < 1e-9


def test_calls_are_counted_by_tenths_of_the_proteins():
    truth = SparseRows.of([2] * 20, np.array([KINASE, SERINE] * 20, np.int32))
    counts = NoveltyCounts(LABELS, BITS >= 3, truth)
    for i in range(20):  # the first two are the most novel; their calls are wrong
        row = {KINASE: 0.9, SERINE: 0.6} if i > 1 else {KINASE: 0.4, NUCLEUS: 0.9}
        counts.add("real", evidence(row, novelty=1 - i / 20), np.array([i]))
        counts.add("shuffled", evidence(row, novelty=1), None)
    found = counts.found("real")
    assert found.auroc == {"shuffled": 39 / 40}
    assert found.kept == {"real": 14 / 20, "shuffled": 0}
    first, second, *_ = found.deciles
    assert (first.calls, first.best) == ((0, 0), (4, 4))  # not studied in CC
    assert (second.calls, second.best) == ((4, 4), (4, 4))
    assert len(found.deciles) == 10
    assert np.allclose([first.least, first.most], [0.95, 1])
    text = list(found.lines())
    assert text[-10].split() == ["1.000", "to", "0.950", "0", "-", "4", "1.000"]
    assert found.to_json()["deciles"][1]["n_right_calls"] == 4


def test_without_a_truth_there_are_no_deciles_and_without_a_novelty_nothing():
    counts = NoveltyCounts(LABELS, BITS >= 3, None)
    counts.add("real", evidence({KINASE: 0.9}, novelty=0.1), np.array([0]))
    assert counts.found("real").deciles == ()
    unknown = NoveltyCounts(LABELS, BITS >= 3, None)
    unknown.add("real", evidence({KINASE: 0.9}), np.array([0]))
    assert unknown.found("real") is None
