"""Formats of calls and the names of their files."""

import pytest

from esmgo.errors import UsageError
from esmgo.go.labels import LabelSpace
from esmgo.proteome.formats import OutputConfig


@pytest.mark.parametrize(
    ("output", "format", "expected"),
    [
        ("x.tsv", None, {"tsv": "x.tsv"}),
        ("x", None, {"tsv": "x"}),
        ("x.txt", None, {"tsv": "x.txt"}),
        ("-", None, {"tsv": "-"}),
        ("x.jsonl.gz", None, {"jsonl": "x.jsonl.gz"}),
        ("x.cafa.tsv", None, {"cafa": "x.cafa.tsv"}),
        ("x.cafa", None, {"cafa": "x.cafa"}),
        ("X.CSV.gz", None, {"csv": "X.CSV.gz"}),
        ("x.gz", None, {"tsv": "x.gz"}),
        ("/dev/stdout", None, {"tsv": "/dev/stdout"}),
        ("a.b/x", None, {"tsv": "a.b/x"}),
        (".hidden", None, {"tsv": ".hidden"}),
        ("x.xlsx", "tsv", {"tsv": "x.xlsx"}),
        ("x.cafa", "tsv,gaf", {"tsv": "x.tsv", "gaf": "x.gaf"}),
        ("a.b/x.GAF", None, {"gaf": "a.b/x.GAF"}),
        ("x.tsv", "gpad", {"gpad": "x.tsv"}),
        ("x.tsv", "tsv, GAF,tsv", {"tsv": "x.tsv", "gaf": "x.gaf"}),
        ("x.cafa.tsv.gz", "cafa,tsv", {"cafa": "x.cafa.tsv.gz", "tsv": "x.tsv.gz"}),
        ("v1.2", "jsonl,parquet", {"jsonl": "v1.2.jsonl", "parquet": "v1.2.parquet"}),
    ],
)
def test_the_format_follows_from_the_suffix_and_several_make_their_own(output, format, expected):
    config = OutputConfig(output=output, format=format)
    assert config.targets() == expected
    config.check_output()


def test_annotation_files_need_aspects():
    plain = LabelSpace.close(["GO:0004672"], None)
    OutputConfig(output="x.tsv").check_labels(plain)
    for output in ("x.gaf", "x.gpad"):
        with pytest.raises(UsageError, match="without an ontology"):
            OutputConfig(output=output, taxon=1).check_labels(plain)


@pytest.mark.parametrize(
    "output",
    ["x.xlsx", "x.gmt", "x.json", "x.xls", "x.ods", "x.gff3", "x.tsv.zip", "x.1", "x.ndjson"],
)
def test_an_unknown_suffix_is_refused_with_the_known_ones(output):
    with pytest.raises(UsageError, match=r"not in \.tsv, \.csv, \.jsonl.*`format`") as caught:
        OutputConfig(output=output).check_output()
    assert len(str(caught.value)) < 200
