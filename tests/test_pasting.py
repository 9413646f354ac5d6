"""What people paste: which digits are line numbers, and what is no sequence."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmgo.data.reading import FastaConfig
from esmgo.data.rejects import ReadReport
from esmgo.errors import UsageError
from esmgo.predict.pasting import NotALineNumberError, pasted, without_line_numbers

SEQUENCE = (
    "MEEPQSDPSVEPPLSQETFSDLWKLLPENNVLSPLPSQAMDDLMLSPDDIEQWFTEDPGP"
    "DEAPRMPEAAPPVAPAPAAPTPAAPAPAPSWPLSSS"
)


def read(text):
    report = ReadReport()
    return list(pasted(text, FastaConfig(), report)), report


def tens(text):
    return " ".join(text[i : i + 10] for i in range(0, len(text), 10))


def rows(width=60):
    return [(i, SEQUENCE[i : i + width]) for i in range(0, len(SEQUENCE), width)]


GENBANK = "\n".join(f"{i + 1:9} {tens(row.lower())}" for i, row in rows())
EMBL = "\n".join(f"     {tens(row):66}{i + len(row):9}" for i, row in rows())
UNIPROT = "\n".join(
    "".join(f"{n:11}" for n in range(i + 10, i + len(row) + 1, 10)) + "\n" + tens(row)
    for i, row in rows()
)
ENTRIES = {
    "GenBank": GENBANK,
    "GenBank with its frame": f"ORIGIN      \n{GENBANK}\n//\n",
    "EMBL": EMBL,
    "UniProt's page": UNIPROT,
    "UniProt's text": "SQ   SEQUENCE   97 AA;  10 MW;  AD5C149FD8106131 CRC64;\n"
    + "\n".join(f"     {tens(row)}" for _, row in rows())
    + "\n//\n",
    "both ends": "\n".join(f"{i + 1} {row} {i + len(row)}" for i, row in rows(10)),
    "Windows line ends": GENBANK.replace("\n", "\r\n"),
    "TABs": GENBANK.replace(" ", "\t"),
    "one line": f"1 {SEQUENCE}",
    "blank lines": GENBANK.replace("\n", "\n\n \n"),
    "FASTA": f">sequence\n{GENBANK}\n",
    "indented FASTA": f"  \n >sequence p53\r\n{EMBL}",
    "plain": SEQUENCE,
}


@pytest.mark.parametrize("text", ENTRIES.values(), ids=ENTRIES)
def test_line_numbers_of_entries_are_dropped(text):
    (protein,), report = read(text)
    assert (protein.id, protein.sequence) == ("sequence", SEQUENCE)
    assert not report.rejects


def test_a_letter_that_is_no_residue_comes_before_digits():
    proteins, report = read("MKTAYIAKQR7QISF#VKS")
    assert not proteins
    assert "'#' is not an amino acid" in report.rejects[0].reason


def test_a_part_of_an_entry_may_be_pasted():
    part = "\n".join(f"{i + 1:9} {tens(row)}" for i, row in rows(30)[1:])
    (protein,), _ = read(part)
    assert protein.sequence == SEQUENCE[30:]


NO_SEQUENCES = {
    "P04637": "a UniProt accession",
    "p04637": "https://rest.uniprot.org/uniprotkb/P04637.fasta",
    "np_000537.3": "a RefSeq accession",
    "A0A024RBG1": "a UniProt accession",
    "sp|P04637|P53_HUMAN": "rest.uniprot.org/uniprotkb/P04637.fasta",
    "P04637\nP38398": "P04637 looks like a UniProt accession",
    "P53_HUMAN": "a UniProt entry name",
    "INS_HUMAN": "a UniProt entry name",
    "NP_000537.3": "a RefSeq accession, not residues: get the sequence from https://www.ncbi",
    "NM_000546": "a RefSeq accession of RNA or DNA",
    "AAA59988.1": "a GenBank accession",
    "ENSP00000269305.4": "an Ensembl id",
    "UPI000002ED67": "a UniParc id",
    "1TUP": "a PDB id",
    "4hhb_A": "www.rcsb.org/fasta/entry/4hhb ",
    "GO:0006915": "a GO term",
    "TP53": "a gene symbol",
    "p53": "a gene symbol",
    "BRCA1 protein": "BRCA1 looks like a gene symbol",
    "IL 2": "'2' in the sequence",
    "7157": "'7157' in the sequence",
    "7150": "'7150' in the sequence",
    "MKTAYIAKQR7QISFVKS": "digits are read only as line numbers",
    "1 MKTAYIAKQR\n12 QISFVKSHFS": "'1' in the sequence",
    "7 MKTAYIAKQR": "'7' in the sequence",
    "61 MKTAYIAKQR": "'61' in the sequence",
    "MKTAYIAKQR 11": "'11' in the sequence",
    "10 25\nMKTAYIAKQR": "'10' in the sequence",
    "MKTAY 5 IAKQR": "'5' in the sequence",
    "proteins.fa": "a file name: `fasta=proteins.fa`",
    "https://rest.uniprot.org/uniprotkb/P04637.fasta": "is an address: download the file",
    "data/human.fasta.gz": "a file name",
    "C:\\data\\x": "a file name",
    "LOCUS       AAA12345   20 aa\nORIGIN\n": "the text looks like GenBank",
    '{"id": "a"}': "the text looks like JSON",
}


@pytest.mark.parametrize(("text", "words"), NO_SEQUENCES.items())
def test_what_is_no_sequence_is_named(text, words):
    with pytest.raises(UsageError) as caught:
        read(text)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 190


def test_a_file_of_the_folder_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "proteins").write_text(">a\nMK\n")
    with pytest.raises(UsageError, match="proteins looks like a file name"):
        read("proteins")


def test_other_digits_in_fasta_reject_the_record():
    proteins, report = read(">a\nMKTAYIAKQ7\n>b\n1 MKTAYIAKQR\n>c\n 7 MKTAYIAKQR\n")
    assert [p.id for p in proteins] == ["b"]
    assert [(r.id, r.line, r.column) for r in report.rejects] == [("a", 2, 10), ("c", 6, 2)]


def test_other_white_space_in_a_paste_is_rejected():
    for letter in "\x0b\x0c\xa0\u2028":
        for text in (f"{SEQUENCE}{letter}{SEQUENCE}", f">p\n{SEQUENCE}{letter}{SEQUENCE}"):
            proteins, report = read(text)
            assert not proteins
            assert f"U+{ord(letter):04X}" in report.rejects[0].reason


@given(st.text("MKTAY*", min_size=10, max_size=200), st.integers(10, 70), st.integers(0, 9))
def test_numbered_lines_keep_their_letters_and_their_width(sequence, width, n_before):
    width -= width % 10
    starts = range(0, len(sequence), width)
    shift = 10 * n_before if len(starts) > 1 else 0
    lines = [f"{i + 1 + shift:5} {sequence[i : i + width]}" for i in starts]
    found = without_line_numbers(lines)
    assert list(map(len, found)) == list(map(len, lines))
    assert "".join(found).replace(" ", "") == sequence


@given(st.text("MKTA 0123456789\n", max_size=60))
def test_no_letter_is_lost_or_added(text):
    with suppress(NotALineNumberError):
        found = without_line_numbers(text.split("\n"))
        letters = "".join(letter for letter in text if letter.isalpha())
        assert "".join(found).replace(" ", "") == letters
