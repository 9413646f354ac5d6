"""Checks every column of GAF 2.2 and GPAD 2.0 against its specification.

https://geneontology.org/docs/go-annotation-file-gaf-format-2.2/ and
https://github.com/geneontology/go-annotation/blob/master/specs/gpad-gpi-2-0.md
"""

import re

_NAME = r"[A-Za-z0-9_-]+"
_ID = rf"{_NAME}:[^\s|]+"
_UNIPROT = r"([OPQ][0-9][A-Z0-9]{3}[0-9]|[A-NR-Z]([0-9][A-Z][A-Z0-9]{2}){1,2}[0-9])"
_PART = r"(-[0-9]+|[-:]PRO_[0-9]{10})"
_RELATIONS = {
    "F": "enables|contributes_to",
    "P": "involved_in|acts_upstream_of(_or_within)?((_positive|_negative)_effect)?",
    "C": "located_in|part_of|is_active_in|colocalizes_with",
}

GAF = (
    _NAME,  # DB
    r"[^\s|]+",  # DB object id
    r"[^\s|]+",  # symbol
    rf"(NOT\|)?({'|'.join(_RELATIONS.values())})",
    r"GO:\d{7}",
    rf"{_ID}(\|{_ID})*",  # references
    r"[A-Z]{2,3}",  # evidence code
    rf"({_ID}([|,]{_ID})*)?",  # with or from
    r"[FPC]",
    r"[^\t]*",  # name
    r"([^\t|]+(\|[^\t|]+)*)?",  # synonyms
    r"protein",
    r"taxon:[1-9]\d*(\|taxon:[1-9]\d*)?",
    r"\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])",
    _NAME,  # assigned by
    r"[^\t]*",  # annotation extension
    rf"({_ID})?",  # gene product form
)

GPAD = (
    _ID,
    r"(NOT)?",
    r"(RO|BFO):\d{7}",
    r"GO:\d{7}",
    _ID,
    r"ECO:\d{7}",
    rf"({_ID}([|,]{_ID})*)?",
    r"(NCBITaxon:[1-9]\d*)?",
    r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])",
    _NAME,
    r"[^\t]*",
    r"(([\w-]+=[^=|\t]+)(\|[\w-]+=[^=|\t]+)*)?",
)

_FIRST = {"gaf": (GAF, "!gaf-version: 2.2"), "gpad": (GPAD, "!gpad-version: 2.0")}


def checked(path, name):
    """The rows of a file in which every column of every row is as specified."""
    patterns, version = _FIRST[name]
    text = path.read_text(encoding="utf-8")
    assert text.endswith("\n")
    lines = text[:-1].split("\n")
    assert lines[0] == version
    rows = [line.split("\t") for line in lines if not line.startswith("!")]
    for row in rows:
        assert len(row) == len(patterns), row
        for i, (pattern, cell) in enumerate(zip(patterns, row, strict=True), 1):
            assert re.fullmatch(pattern, cell), (i, cell)
            assert cell == cell.strip(), (i, cell)
        _check_together(row, name)
    return rows


def _check_together(row, name):
    """What columns of a row require of each other."""
    if name == "gpad":
        database, _, id = row[0].partition(":")
        assert (database == "UniProtKB") == bool(re.fullmatch(rf"{_UNIPROT}{_PART}?", id)), row
        return
    assert (row[0] == "UniProtKB") == bool(re.fullmatch(_UNIPROT, row[1])), row
    assert re.fullmatch(rf"(NOT\|)?({_RELATIONS[row[8]]})", row[3]), row
    assert not row[16] or re.fullmatch(rf"{re.escape(f'{row[0]}:{row[1]}')}{_PART}", row[16]), row
