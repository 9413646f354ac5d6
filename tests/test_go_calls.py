"""Called terms, gathered row by row."""

from dataclasses import replace

import numpy as np
from made_calls import CYCLE, LABELS, ROW, evidence

from esmgo.go.calls import Calls
from esmgo.go.sparse import SparseRows
from esmgo.predict.calling import CallRules, Rules


def test_rows_are_gathered_with_all_that_belongs_to_them():
    one = CallRules(Rules(), LABELS).calls(evidence(ROW, {}, {CYCLE: 0.5}), [3, 4, 5])
    found = Calls.gather(["x", "y", "z"], [(one, 2), (one, 1), (one, 0)])
    assert found.lengths.tolist() == [5, 4, 3]
    assert found.terms.counts.tolist() == [1, 0, 6]
    again = Calls.gather(one.proteins, [(found, 2), (found, 1), (found, 0)])
    for name, array in one.arrays().items():
        np.testing.assert_array_equal(again.arrays()[name], array)
    assert not replace(one, terms=SparseRows(one.terms.indptr, one.terms.indices + 99)).is_sound(
        len(LABELS)
    )
    assert not replace(one, scores=one.scores[1:]).is_sound(len(LABELS))
