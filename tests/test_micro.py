"""Micro averages."""

import numpy as np
from made_truth import flat

from esmgo.go.scores import Scores
from esmgo.go.sparse import SparseRows
from esmgo.metrics.micro import micro_sums
from esmgo.metrics.truth import Truth


def test_micro_averages_are_zero_instead_of_undefined():
    labels = flat(2)
    nobody = Truth(("a",), SparseRows.of([0], np.empty(0, np.int32)), labels)
    row = np.zeros(1, np.intp)
    sums = micro_sums(Scores(("a",), np.zeros((1, 2), np.float32), labels), nobody, row)
    assert (sums.f1, sums.precision, sums.recall) == (0, 0, 0)
    first = Truth(("a",), SparseRows.of([1], np.array([0], np.int32)), labels)
    sums = micro_sums(Scores(("a",), np.ones((1, 2), np.float32), labels), first, row) + sums
    assert (sums.precision, sums.recall, round(sums.f1, 4)) == (0.5, 1.0, 0.6667)
