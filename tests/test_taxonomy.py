"""The taxon of each protein, from tables and from FASTA."""

import io

import pytest

from esmgo.data.fasta import read_fasta
from esmgo.data.taxonomy import described_taxon, read_taxonomy
from esmgo.errors import AnnotationError


def read(text, *more):
    return read_taxonomy(io.BytesIO(text.encode()), *more)


@pytest.mark.parametrize("text", [
    "EntryID\ttaxonomyID\nP10000\t9606\nb\t10090\n",
    "P10000\t9606\nb\t10090\n",
    "P10000 9606\nb   10090",
    "Entry\tOrganism (ID)\nP10000\t9606\nb\t10090\n",
    "protein taxid\n\nP10000 9606\nb 10090\n",
    ">P10000\t9606\n>b\t10090\n",
    ">P10000\t9606\nMKLV\n>b\t10090\nMKLV\nAAA\n>c without a taxon\nMKL\n",
    ">sp|P10000|X_Y Name OS=Homo sapiens OX=9606 PE=1 SV=1\nMKLV\n>b OX=10090\nMKLV\n",
    "sp|P10000|X_Y\ttaxon:9606\nb\tNCBITaxon:10090\n",
    "Entry\tEntry Name\tOrganism\tOrganism (ID)\nP10000\tA\tMan\t9606\nb\tB\tMouse\t10090\n",
    "accession\taccession.version\ttaxid\tgi\nP10000\tP10000.1\t9606\t1\nb\tb.1\t10090\t2\n",
    "#tax_id\tGene\n9606\tP10000\n10090\tb\n",
    'EntryID,taxonomyID\n"P10000","9606"\nb,10090\n',
    "\ufeffEntryID\ttaxonID\r\nP10000\t9606\r\nP10000\t9606\r\nb\t10090\r\n",
])  # fmt: skip
def test_each_form_gives_the_taxon_of_each_accession(text):
    assert read(text) == {"P10000": "9606", "b": "10090"}


def test_headers_without_a_taxon_are_counted():
    warnings = []
    assert list(read(">a OX=1\nMK\n>b\nMK\n>\n>c OX=x\n", warnings.append)) == ["a"]
    (warning,) = warnings
    assert warning.endswith(": 3 headers without a taxon, left out: line 3, line 5, line 6")


@pytest.mark.parametrize(("text", "line", "words"), [
    ("a\thuman\n", 1, "expected a protein id"),
    ("EntryID\ttaxonomyID\na\thuman\n", 2, "expected a protein id"),
    ("EntryID\ttaxonomyID\na\t1\nb\n", 3, "expected a protein id"),
    ("a\t1\na\t2\n", 2, "a second taxon of a"),
    ("P10000\t1\nsp|P10000|X_Y\t2\n", 2, "a second taxon"),
    ("a\t9606\tx\n", 1, "expected a protein id"),
    ("a\t9999999999\n", 1, "expected a protein id"),
    ("Entry\tName\tTaxID\na\tb\n", 2, "expected a protein id"),
    ("\t9606\n", 1, "expected a protein id"),
    ("EntryID\ttaxonomyID\n", None, "no taxa"),
    ("taxonomyID\n9606\n", 1, "expected a protein id"),
    (">a without\nMKL\n", None, "no taxa"),
    ("", None, "no taxa"),
])  # fmt: skip
def test_a_malformed_taxonomy_is_refused_with_its_line(text, line, words):
    with pytest.raises(AnnotationError, match=words) as caught:
        read(text)
    assert caught.value.line == line


@pytest.mark.parametrize(("head", "idle", "words"), [
    ("a\t9606\n", ",\n", "more than 1,000,000 rows have no value"),
    ("", "a\t9606\n", "more than 1,000,000 rows repeat a protein"),
    (">a OX=9606\n", "M\n", "more than 1,000,000 lines in one record"),
])  # fmt: skip
def test_lines_that_add_nothing_are_bounded(head, idle, words):
    assert read(head + idle * 1000) == {"a": "9606"}
    with pytest.raises(AnnotationError, match=words):
        read(head + idle * 1_000_010)


@pytest.mark.parametrize(("description", "taxon"), [
    ("p53 OS=Homo sapiens OX=9606 GN=TP53 PE=1 SV=4", 9606), ("OX=10090", 10090), ("10090", 10090),
    ("taxon:9606\tmore", 9606), ("", 0), ("kinase 2", 0), ("BOX=12", 0), ("OX=x", 0),
    ("OX=99999999999", 0), ("insulin OX=0", 0),
])  # fmt: skip
def test_a_header_names_the_taxon_of_its_protein(description, taxon):
    assert described_taxon(description) == taxon
    text = f">p {description}\nMKTWYV\n>q\nMKTWYV\n".encode()
    assert [protein.taxon for protein in read_fasta(io.BytesIO(text))] == [taxon, 0]
