"""The frequency of terms as a baseline."""

import numpy as np
from made_truth import flat

from esmgo.go.sparse import SparseRows
from esmgo.metrics.term_frequency import term_frequency


def test_the_term_frequency_baseline_scores_each_term_by_its_share():
    terms = SparseRows.of([2, 1, 1, 0], np.array([0, 1, 0, 0], np.int32))
    scores = term_frequency(["x", "y"], terms, flat(2))
    assert scores.values.tolist() == [[0.75, 0.25], [0.75, 0.25]]
