"""Rows of GAF and GPAD, and readers of text, for the tests of annotations."""

import io

from esmgo.data.annotation_files import read_annotations
from esmgo.data.rejects import ReadReport

GAF = "!gaf-version: 2.2\n"
GPAD_1, GPAD_2 = "!gpa-version: 1.2\n", "!gpad-version: 2.0\n"
KINASE = "GO:0004672"


def gaf_row(protein="P12345", term=KINASE, qualifier="enables", evidence="IDA", **changes):
    """A row of GAF 2.2; changes are aspect, kind, form and database."""
    at = {"aspect": "F", "kind": "protein", "form": "", "database": "UniProtKB"} | changes
    cells = [at["database"], protein, "SYM", qualifier, term, "PMID:1", evidence, "", at["aspect"]]
    more = ["", "", at["kind"], "taxon:9606", "20240101", "UniProt", "", at["form"]]
    return "\t".join([*cells, *more]) + "\n"


def gpad_row(protein="P12345", term=KINASE, qualifier="enables", eco="ECO:0000314"):
    """A row of GPAD 1.2."""
    cells = ["UniProtKB", protein, qualifier, term, "PMID:1", eco, "", "", "20240101", "UniProt"]
    return "\t".join([*cells, "", ""]) + "\n"


def gpad_2_row(protein="UniProtKB:P12345", term=KINASE, qualifier="RO:0002327", negation="",
               eco="ECO:0000314"):  # fmt: skip
    """A row of GPAD 2.0."""
    cells = [protein, negation, qualifier, term, "PMID:1", eco, "", "", "2024-01-01", "UniProt"]
    return "\t".join([*cells, "", ""]) + "\n"


def taken(text, evidence="experimental"):
    """The proteins and terms that are read from a text, and the report."""
    report = ReadReport()
    data = text.encode() if isinstance(text, str) else text
    found = list(read_annotations(io.BytesIO(data), evidence=evidence, report=report))
    return [(a.protein, a.term) for a in found], report


def left_out(report):
    """The warnings of a report as one text."""
    return "; ".join(report.warnings)
