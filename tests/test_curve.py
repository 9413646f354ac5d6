"""Curves over thresholds: rules and normalisations."""

import numpy as np
import pytest
from made_truth import dense, drawn, grown

from esmgo.go.scores import Scores
from esmgo.go.sparse import SparseRows
from esmgo.go.terms import Aspect
from esmgo.metrics.curve import thresholds
from esmgo.metrics.result import evaluate
from esmgo.metrics.truth import Truth

MF, CC = Aspect.MF, Aspect.CC


def test_the_rules_differ_in_thresholds_and_in_who_is_counted():
    decimals, summed = thresholds(rules="exact"), thresholds()
    assert decimals.tolist() == [float(f"0.{i:02}") for i in range(1, 100)]
    assert summed.tolist() == np.arange(0.01, 1, 0.01).tolist()
    assert decimals[34] == 0.35 < summed[34]  # a score of 0.35 is below that "0.35"
    labels = grown(1, 4)
    root = labels.column[MF.root]
    leaf = int(labels.columns_of(MF)[0])
    closed = SparseRows(np.array([0, 1, 2]), np.array([root, leaf], np.int32)).closed(labels)
    truth = Truth(("root alone", "more"), closed, labels)
    scores = [Scores(truth.proteins, dense(truth).astype(np.float32), labels)]
    assert evaluate(scores, truth)[MF].curve.rc[0] == 0.5
    assert evaluate(scores, truth, rules="exact")[MF].curve.rc[0] == 1


@pytest.mark.parametrize("normalisation", ["cafa", "gt", "pred"])
def test_normalisations_divide_by_what_they_say(normalisation):
    labels = grown(3, 6)
    truth, values = drawn(4, 9, labels)
    block = [Scores(truth.proteins, values, labels)]
    for result in evaluate(block, truth, normalisation=normalisation).values():
        sums, curve = result.sums.plain, result.curve
        at = curve.covered
        everyone, called = np.full(99, sums.n_proteins)[at], sums.n[at]
        by = {"cafa": (called, everyone), "gt": (everyone, everyone), "pred": (called, called)}
        precision, rest = by[normalisation]
        np.testing.assert_allclose(curve.pr[at], sums.precision[at] / precision)
        np.testing.assert_allclose(curve.rc[at], sums.recall[at] / rest)
        np.testing.assert_allclose(curve.mi[at], sums.fp[at] / rest)
