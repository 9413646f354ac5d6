"""Names of subsets."""

import pytest

from esmgo.dataset.subsets import parse_subset
from esmgo.errors import UsageError


@pytest.mark.parametrize(
    ("text", "subset"),
    [("all", "all"), ("MF", "mf"), ("biological_process", "bp"), ("Cellular_Component", "cc")],
)
def test_subsets_are_written_in_several_ways(text, subset):
    assert parse_subset(text) == subset


def test_other_subsets_are_refused():
    with pytest.raises(UsageError, match="dataset_subset: must be"):
        parse_subset("xx")
