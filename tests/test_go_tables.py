"""Tables of GO ids without evidence: those of the field, and what is left out of them."""

import io

import pytest
from annotating import left_out, taken

from esmgo.data.annotation_files import annotation_blocks
from esmgo.data.evidence_codes import parse_evidence
from esmgo.data.rejects import ReadReport

A, B, C = "GO:0016787", "GO:0005634", "GO:0007049"
READ = [("P1", A), ("P1", B), ("P2", C)]

UNIPROT = "Entry\tReviewed\tEntry Name\tGene Ontology (GO)\tLength\n"
EGGNOG = (
    "## Mon Jan  1 2024\n## emapper-2.1.12\n##\n"
    "#query\tseed_ortholog\tevalue\tscore\teggNOG_OGs\tDescription\tGOs\tEC\n"
)


def scan(protein, go, n=15):
    """A row of InterProScan."""
    cells = [protein, "0" * 32, "70", "Pfam", "PF00001", "some, domain", "1", "50", "1e-5", "T"]
    return "\t".join([*cells, "01-01-2024", "IPR000001", "a; domain", go, "-"][:n]) + "\n"


TABLES = {
    "two columns": (f"EntryID\tterm\nP1\t{A}\nP1\t{B}\nP2\t{C}\n", "EntryID and term"),
    "no header": (f"P1\t{A}\nP1\t{B}\nP2\t{C}\n", "proteins and GO ids"),
    "blanks": (f"P1 {A}\nP1  {B}\nP2 {C}\n", "proteins and GO ids"),
    "header, blanks": (f"EntryID term\nP1 {A}\nP1 {B}\nP2 {C}\n", "EntryID and term"),
    "unknown header": (f"locus\tannotation\nP1\t{A}\nP1\t{B}\nP2\t{C}\n", "proteins and GO ids"),
    "semicolons": (f"P1\t{A};{B}\nP2\t{C}\n", "proteins and GO ids"),
    "topGO": (f"P1\t{A}, {B}\nP2\t{C}\n", "proteins and GO ids"),
    "bars": (f"P1\t{A}|{B}\nP2\t{C}\n", "proteins and GO ids"),
    "bars, blanks": (f"P1 {A} | {B}\nP2 {C}\n", "proteins and GO ids"),
    "map with header": (f"gene\tGO\nP1\t{A}; {B};\nP2\t{C}\n", "gene and GO"),
    "comments": (f"# made by hand\nP1\t{A},{B}\n\nP2\t{C}\n", "proteins and GO ids"),
    "more columns": (f"x\tprotein\tGO_ID\n1\tP1\t{A};{B}\n1\tP2\t{C}\n", "protein and GO_ID"),
    "UniProt ids": (
        f"Entry\tEntry Name\tGene Ontology IDs\nP1\tX\t{A}; {B}\nP2\tY\t{C}\n", "UniProt",
    ),
    "UniProt names": (
        (f"{UNIPROT}P1\treviewed\tX\thydrolase activity [{A}]; nucleus [{B}]\t9\n"
        f"P2\treviewed\tY\tcell cycle [{C}]\t9\n"), "UniProt",
    ),
    "UniProt both": (
        (f"From\tEntry\tGene Ontology (GO)\tGene Ontology IDs\nz\tP1\tx [{A}]; y [{B}]\t{A}; {B}\n"
        f"z\tP2\tw [{C}]\t{C}\n"), "UniProt",
    ),
    "eggNOG": (
        (f"{EGGNOG}P1\tx\t1e-9\t5\tCOG1\td\t{A},{B}\t-\nP2\tx\t1e-9\t5\tCOG1\td\t{C}\t-\n"
        "## 2 queries scanned\n"), "eggNOG-mapper",
    ),
    "eggNOG 1": (
        f"#query_name\tseed_eggNOG_ortholog\tGO_terms\nP1\tx\t{A},{B}\nP2\tx\t{C}\n",
        "eggNOG-mapper",
    ),
    "InterProScan": (
        scan("P1", f"{A}(InterPro)|{B}(PANTHER)") + scan("P1", "-") + scan("P2", C), "InterProScan",
    ),
    "InterProScan, ragged": (
        scan("P1", f"{A}|{B}") + scan("P1", "", 11) + scan("P2", C, 14), "InterProScan",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "name"), TABLES.values(), ids=TABLES)
def test_tables_of_the_field_are_read(text, name):
    found, report = taken(text)
    assert sorted(found) == sorted(READ)
    assert name in report.notices[0]
    assert not report.rejects
    assert found == taken(text.replace("\n", "\r\n"))[0]


def test_uniprot_columns_of_each_aspect_are_joined():
    text = (
        "Entry\tGene Ontology (molecular function)\tGene Ontology (cellular component)\n"
        f"P1\thydrolase [{A}]\tnucleus [{B}]\nP2\t\tcycle [{C}]\nP3\t\t\n"
    )
    found, report = taken(text)
    assert sorted(found) == sorted(READ)
    assert "rows left out: rows without a GO id 1" in left_out(report)


@pytest.mark.parametrize("cell", ["", "-", "NA", "None", ";", "."])
def test_a_protein_without_an_id_is_left_out_and_counted(cell):
    found, report = taken(f"P1\t{A}\nP3\t{cell}\nP2\t{C}\n")
    assert found == [("P1", A), ("P2", C)]
    assert "rows without a GO id 1" in left_out(report)


@pytest.mark.parametrize("cell", ["GO:1", f"{A};GO_0005634", "binding", f"{A} 0.5", "HP:0000118"])
def test_a_cell_with_any_other_word_is_a_reject(cell):
    found, report = taken(f"P1\t{A}\nP3\t{cell}\nP2\t{C}\n")
    assert found == [("P1", A), ("P2", C)]
    assert [(r.line, r.id) for r in report.rejects] == [(2, "P3")]


EXPORTS = {
    "QuickGO": (
        ("GENE PRODUCT DB\tGENE PRODUCT ID\tSYMBOL\tQUALIFIER\tGO TERM\tGO ASPECT\tECO ID\t"
        "GO EVIDENCE CODE\n"),
        "UniProtKB\tP1\tX\t{q}\t{go}\tF\tECO:0000314\t{code}\n",
    ),
    "gene2go": (
        "#tax_id\tGeneID\tGO_ID\tEvidence\tQualifier\tGO_term\tPubMed\tCategory\n",
        "9606\tP1\t{go}\t{code}\t{q}\tname\t-\tFunction\n",
    ),
    "BioMart": (
        "Gene stable ID\tProtein stable ID\tGO term accession\tGO term evidence code\tqualifier\n",
        "ENSG1\tP1\t{go}\t{code}\t{q}\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("header", "row"), EXPORTS.values(), ids=EXPORTS)
def test_evidence_and_qualifiers_of_exports_count(header, row):
    rows = [("enables", A, "IDA"), ("NOT enables", B, "IDA"), ("NOT|enables", B, "IDA"),
            ("enables", C, "IEA")]  # fmt: skip
    found, report = taken(header + "".join(row.format(q=q, go=go, code=c) for q, go, c in rows))
    assert found == [("P1", A)]
    assert [reject.line for reject in report.rejects] == [3]
    assert "NOT 1" in left_out(report)
    assert "IEA 1" in left_out(report)


def test_rows_of_an_export_without_a_term_are_left_out():
    header, row = EXPORTS["BioMart"]
    found, report = taken(header + row.format(q="", go=A, code="IDA") + "ENSG1\tP3\t\t\t\n")
    assert found == [("P1", A)]
    assert not report.rejects
    assert "rows without a GO id 1" in left_out(report)


def test_lines_are_those_of_the_file_in_every_block(monkeypatch):
    monkeypatch.setattr("esmgo.data.annotation_files.BLOCK", 64)
    text = "#x\n\nEntryID\tterm\n" + "".join(f"p{i}\t{A}, {B}\n" for i in range(40)) + f"q {C}\n"
    report = ReadReport()
    blocks = annotation_blocks(
        io.BytesIO(text.encode()), evidence=parse_evidence("all"), report=report
    )
    found = [a for block in blocks for a in block]
    assert [(a.protein, a.line) for a in found] == [
        (f"p{i}", i + 4) for i in range(40) for _ in "ab"
    ]
    assert [(r.line, r.record) for r in report.rejects] == [(44, 41)]
