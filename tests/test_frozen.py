"""What users type and import is listed in `tests/golden`; write_golden.py writes it again."""

import pytest
from write_golden import GOLDEN, flags, signatures


@pytest.mark.parametrize(("name", "made"), [("flags.tsv", flags), ("signatures.txt", signatures)])
def test_flags_and_public_names_are_those_of_the_lists(name, made):
    listed = (GOLDEN / name).read_text(encoding="utf-8").splitlines()
    assert made().splitlines() == listed, f"if meant: python tests/write_golden.py {name}"


def test_the_lists_hold_no_address_and_no_version_of_python():
    text = flags() + signatures()
    for word in (" at 0x", "<bound", "pathlib", "typing.", "numpy."):
        assert word not in text
