"""The FASTA reader."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmgo.data.fasta import Protein, read_fasta
from esmgo.data.rejects import ReadReport
from esmgo.errors import FastaError, RecordError

BAD = Path(__file__).parents[2] / "shared" / "bad_inputs" / "fasta"
needs_bad_inputs = pytest.mark.skipif(not BAD.is_dir(), reason="the shared bad inputs are absent")
CLEAN = [Protein("p1", "MKTAYIAKQR"), Protein("p2", "QISFVKSHFSR"), Protein("p3", "QLEERLGLIE")]
TEXT = b"".join(f">{p.id}\n{p.sequence}\n".encode() for p in CLEAN)


class InParts(io.BytesIO):
    """A file that gives a few bytes at a time."""

    def __init__(self, data: bytes, size: int) -> None:
        super().__init__(data)
        self.size = size

    def read1(self, _=-1) -> bytes:
        return super().read1(self.size)


def read(data: bytes, **rules) -> tuple[list[Protein], ReadReport]:
    report = ReadReport()
    proteins = list(read_fasta(io.BytesIO(data), report=report, **rules))
    assert report.n_accepted == len(proteins)
    return proteins, report


def rejected(data: bytes, **rules) -> list[tuple[str, int, int, str]]:
    _, report = read(data, **rules)
    return [(r.id or f"record {r.record}", r.line, r.column, r.reason) for r in report.rejects]


def refused(data: bytes) -> FastaError:
    with pytest.raises(FastaError) as caught:
        read(data)
    assert len(str(caught.value)) < 200
    assert "\n" not in str(caught.value)
    return caught.value


SAME = {
    "as it is": TEXT,
    "Windows line ends": TEXT.replace(b"\n", b"\r\n"),
    "old Mac line ends": TEXT.replace(b"\n", b"\r"),
    "mixed line ends": TEXT.replace(b"\n", b"\r\n", 2).replace(b"\n>p3\n", b"\r>p3\r"),
    "no final newline": TEXT.rstrip(b"\n"),
    "blank lines": b"\n \n\t\n" + TEXT.replace(b"\n>", b"\n\n  \n>") + b"\n\n",
    "byte order mark": b"\xef\xbb\xbf" + TEXT,
    "lower case": TEXT.replace(b"MKTAY", b"mktay"),
    "blocks of ten": TEXT.replace(b"MKTAY", b"  MKT AY\t"),
    "blank lines before the first": b"\n" * 9999 + TEXT,
    "blank lines between records": TEXT.replace(b"\n>", b"\r\n" * 9999 + b">"),
    "blank lines inside": TEXT.replace(b"KTA", b"KT" + b"\r\n \t\n\r" * 9999 + b"A"),
    "description": TEXT.replace(b">p1", b">p1 sp|P1 OS=Homo sapiens"),
    "TAB after the id": TEXT.replace(b">p1", b">p1\tGO:0005575\t0.99"),
    "^A after the id": TEXT.replace(b">p1", b">p1\x01gi|2 second"),
    "line separator in a description": TEXT.replace(b">p1", ">p1 a\u2028>p9".encode()),
    "form feed in a description": TEXT.replace(b">p1", b">p1 a\x0c>p9"),
    "header of 100 kB": TEXT.replace(b">p1", b">p1 " + b"x" * 100_000),
    "header of 3 MB": TEXT.replace(b">p1", b">p1 " + b"x" * 3_000_000),
    "gzip": gzip.compress(TEXT),
    "gzip in three members": b"".join(map(gzip.compress, (TEXT[:9], TEXT[9:20], TEXT[20:]))),
    "gzip padded with NULs": gzip.compress(TEXT) + b"\0" * 512,
}  # fmt: skip


@pytest.mark.parametrize("data", SAME.values(), ids=SAME)
def test_the_same_proteins_are_read_however_they_are_written(data):
    proteins, report = read(data)
    assert proteins == CLEAN
    assert not report.warnings


@given(
    st.lists(st.text("ACDEFGHIKLMNPQRSTVWY", min_size=1, max_size=90), min_size=1, max_size=4),
    st.data(),
)
def test_any_wrapping_and_any_line_ends_give_the_same_proteins(sequences, data):
    ends = st.sampled_from(["\n", "\r\n", "\r", "\n\n", " \r\n", "\n" * 20, "\r \t" * 9 + "\n"])
    text, width = "", data.draw(st.integers(1, 100))
    for i, sequence in enumerate(sequences):
        text += f">p{i}" + data.draw(ends)
        for start in range(0, len(sequence), width):
            text += sequence[start : start + width] + data.draw(ends)
    size = data.draw(st.integers(1, 50))
    for source in (io.BytesIO(text.encode()), InParts(text.encode(), size)):
        proteins = read_fasta(source, report=ReadReport(), allow_nucleotide_like=True)
        assert [p.sequence for p in proteins] == sequences


def test_unusual_but_legal_residues_stay():
    assert read(b">sec\nMKUAOLLBZX\n")[0] == [Protein("sec", "MKUAOLLBZX")]


def test_ids_are_kept_as_written():
    ids = ["../../etc/passwd", "<script>alert(1)</script>", "=1+1", "sp|P04637|P53_HUMAN", "C:\\x"]
    proteins, report = read("".join(f">{id}\nMKTAYIAKQR\n" for id in ids).encode())
    assert [p.id for p in proteins] == ids
    assert not report.warnings


REJECTED = {
    "empty at the end": (b">p1\nMK\n>p4\n", ("p4", 3, 0, "empty sequence")),
    "empty in the middle": (b">p1\nMK\n>gone\n>p2\nML\n", ("gone", 3, 0, "empty sequence")),
    "stop alone": (b">p1\n*\n", ("p1", 1, 0, "empty sequence")),
    "lone header sign": (b">\n", ("record 1", 1, 0, "no identifier")),
    "blanks and no id": (b"> \t \nMK\n", ("record 1", 1, 0, "no identifier")),
    "duplicate": (b">p1\nMK\n>p1\nML\n", ("p1", 3, 0, "first seen line 1")),
    "gap": (b">p1\nMKL\nM--K\n", ("p1", 3, 2, "gap")),
    "dot": (b">p1\nM.K\n", ("p1", 2, 2, "a stop, or a gap")),
    "stop inside": (b">p1\nMK*TM\n", ("p1", 2, 3, "stop")),
    "stops inside and at the end": (b">p1\nMK**TM.\n*", ("p1", 2, 3, "stop")),
    "stops of both kinds inside": (b">p1\nMK\n.*\n\nTM\n", ("p1", 3, 1, "stop")),
    "dot at the start": (b">p1\n.MK\n", ("p1", 2, 1, "a stop")),
    "gap after the stop": (b">p1\nMK*--\n", ("p1", 2, 3, "stop")),
    "after many blank lines": (
        b">p1\nMK\n" + b"\n" * 300_000 + b"ML\n \t\n" + b"\r\n" * 300_000 + b"\tM L#\n",
        ("p1", 600_005, 5, "'#'"),
    ),
    "digit": (b">p1\nMK1T\n", ("p1", 2, 3, "'1'")),
    "special token": (b">p1\nMK<mask>\n", ("p1", 2, 3, "'<'")),
    "Greek letter": (">p1\nMK\u0391\n".encode(), ("p1", 2, 3, "U+0391")),
    "full-width letter": (">p1\nMK\uff2d\n".encode(), ("p1", 2, 3, "U+FF2D")),
    "Latin-1 letter": (b">p1\nMK\xe9\n", ("p1", 2, 3, "U+00E9")),
    "NUL": (b">p1\nMKT\0AYI\n>p2\nMK\n", ("p1", 2, 4, "0x00")),
    "lost line end": (b">p1\nMK>p2\nML\n", ("p1", 2, 3, "'>'")),
    "escape in the id": (b">p\x1b[2J\nMK\n", ("record 1", 1, 0, "0x1B")),
    "endless id": (b">" + b"x" * 5000 + b"\nMK\n", ("record 1", 1, 0, "identifier of 5,000")),
    "PIR": (b">P1;CRAB\nTitle\nMK\n", ("record 1", 1, 0, "PIR")),
    "nucleotides": (b">gene\n" + b"ACGTN" * 12 + b"\n", ("gene", 1, 0, "nucleotides")),
    "too long": (b">big\n" + b"M" * 100_001 + b"\n", ("big", 1, 0, "100,000")),
    "too long by far": (b">big\n" + b"M" * 3_000_000 + b"\n", ("big", 1, 0, "100,000")),
}


@pytest.mark.parametrize(("data", "expected"), REJECTED.values(), ids=REJECTED)
def test_a_bad_record_is_rejected_with_its_place(data, expected):
    ((id, line, column, reason),) = rejected(data)
    assert (id, line, column) == expected[:3]
    assert expected[3] in reason


def test_reading_goes_on_after_a_rejected_record():
    proteins, report = read(TEXT.replace(b">p2\n", b">b1\nM1\n>b2\n>p2\n"))
    assert proteins == CLEAN
    assert report.n_records == 5
    assert [r.record for r in report.rejects] == [2, 3]


WHITE_SPACE = "\v\f\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2003\u2007\u2009\u2028\u2029\u202f\u3000"
INVISIBLE = "\u200b\u200d\u2060\ufeff\xad\u202e\u180e"


@pytest.mark.parametrize("letter", WHITE_SPACE + INVISIBLE, ids=lambda x: f"U+{ord(x):04X}")
@pytest.mark.parametrize("text", ["MK{}TA", "MKTA{}", "{}MKTA", "MKTA\n{}", "MKTA*{}"])
def test_other_white_space_and_invisible_characters_are_named_by_code_point(letter, text):
    body = text.format(letter)
    ((id, line, _, reason),) = rejected(f">p1\n{body}\n".encode())
    assert (id, line) == ("p1", 3 if "\n" in body else 2)
    if "*" not in body:
        assert f"U+{ord(letter):04X}" in reason


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters=">"), max_size=30))
def test_only_blanks_and_line_ends_disappear_from_a_sequence(text):
    proteins, report = read(f">p1\n{text}\n".encode(), allow_nucleotide_like=True)
    left = "".join(c for c in text if c not in " \t\r\n").rstrip("*.")
    if proteins:
        assert proteins[0].sequence.replace("X", "J") == left.upper().replace("X", "J")
        assert ("dropped" in "".join(report.warnings)) == (left[-1:] != text.strip(" \t\r\n")[-1:])
    else:
        assert not left or not left.isascii() or not left.isalpha()


STOPS = ["*", ".", "**", "..", ".*", "*.", "*\n*\n", " . ", "\n.\n\n"]


@pytest.mark.parametrize("stops", STOPS)
@pytest.mark.parametrize("strip_gaps", [False, True])
def test_stops_at_the_end_are_dropped_with_one_warning(stops, strip_gaps):
    data = TEXT.replace(b"AKQR\n", b"AKQR" + stops.encode() + b"\n")
    data = data.replace(b"FSR\n", b"FSR*\n")
    proteins, report = read(data, strip_gaps=strip_gaps)
    assert proteins == CLEAN
    (warning,) = report.warnings
    assert "stops at the end (* or .), dropped: record 1 (p1), record 2 (p2)" in warning


def test_dots_are_gaps_only_beside_dashes():
    aligned = b">a\nMKTA-YI..AKQR..\n>b\nMKTAYI..AKQR\n>c\nMKT.*.-AYIAKQRL\n>d\nMKTAYIAKQR*--\n"
    proteins, report = read(aligned, strip_gaps=True)
    assert proteins == [Protein("a", "MKTAYIAKQR"), Protein("d", "MKTAYIAKQR")]
    assert [(r.id, r.column) for r in report.rejects] == [("b", 7), ("c", 5)]
    dots, stops = report.warnings
    assert "'.' beside '-', dropped as gaps: record 1 (a)" in dots
    assert "stops at the end (* or .), dropped: record 4 (d)" in stops


def test_blanks_after_the_header_sign_are_left_out_with_one_warning():
    data = TEXT.replace(b">p1", b"> p1 one").replace(b">p3", b">\t  p3\tthree")
    proteins, report = read(data)
    assert proteins == CLEAN
    (warning,) = report.warnings
    assert "blanks after '>', left out: record 1 (p1), record 3 (p3)" in warning
    assert [r[3] for r in rejected(b">p1\nMK\n> p1\nML\n")] == [
        "duplicate identifier (first seen line 1)"
    ]


def test_rules_can_be_lifted():
    assert read(b">a\nM-K.L\n", strip_gaps=True)[0] == [Protein("a", "MKL")]
    assert read(b">a\n" + b"ACGT" * 20, allow_nucleotide_like=True)[0][0].sequence == "ACGT" * 20
    assert rejected(b">a\nMKL\n>b\nMK\n", max_length=2)[0][0] == "a"


def test_without_a_report_or_with_a_strict_one_the_first_bad_record_stops_the_reading():
    for report in (None, ReadReport(strict=True)):
        with pytest.raises(RecordError, match="b1"):
            list(read_fasta(io.BytesIO(b">a\nMK\n>b1\nM1\n"), report=report))


WARNED = {
    "J": (b">amb\nMKTAYIAKJL\n", "read as X: record 1 (amb)"),
    "double sign": (b">>p1\nMKTAYIAKQR\n", "record 1 (>p1)"),
    "direction override": (">p\u202e1\nMKTAYIAKQR\n".encode(), "record 1 (p\\u202e1)"),
    "Latin-1": (b">p1 prot\xe9ine\nMKTAYIAKQR\n", "Latin-1: record 1 (p1)"),
    "all X": (b">p1\nXXXXXXXXXX\n", "all residues are X: record 1 (p1)"),
}


@pytest.mark.parametrize(("data", "words"), WARNED.values(), ids=WARNED)
def test_what_looks_odd_is_taken_with_one_warning(data, words):
    proteins, report = read(data)
    assert len(proteins) == 1
    assert len(report.warnings) == 1
    assert words in report.warnings[0]


def test_a_thousand_odd_records_give_one_warning():
    _, report = read(b"".join(b">p%d\nMKTAYIAKQJ\n" % i for i in range(1000)))
    (warning,) = report.warnings
    assert warning.endswith("and 997 more")
    assert len(warning) < 200


REFUSED = {
    "empty": (b"", None, "no FASTA records"),
    "empty gzip": (gzip.compress(b""), None, "no FASTA records"),
    "white space": (b" \n\t\r\n\n", None, "no FASTA records"),
    "no header": (b"\nMKTAY\n", 2, "before the first '>'"),
    "FASTQ": (b"@r1\nACGT\n+\nIIII\n", 1, "FASTQ"),
    "GenBank": (b"LOCUS       AAA12345   20 aa\n", 1, "GenBank"),
    "EMBL": (b"ID   P53_HUMAN   Reviewed;  393 AA.\n", 1, "EMBL"),
    "Clustal": (b"CLUSTAL W (1.8)\n\na  MK\n", 1, "Clustal"),
    "Stockholm": (b"# STOCKHOLM 1.0\na MK\n//\n", 1, "Stockholm"),
    "PDB": (b"HEADER    HYDROLASE\n", 1, "PDB"),
    "HTML": (b"<!DOCTYPE html>\n<html></html>\n", 1, "HTML"),
    "JSON": (b'{"id": "a"}\n', 1, "JSON"),
    "table": (b"id\tsequence\na\tMK\n", 1, "table"),
    "semicolon comments": (b";comment\n>p1\nMK\n", 1, "';'"),
    "binary": (bytes(range(256)) * 16, None, "binary"),
    "binary after a header sign": (b">" + bytes(range(256)) * 16, None, "binary"),
    "UTF-16": (TEXT.decode().encode("utf-16"), None, "UTF-16"),
    "UTF-16 without a mark": (TEXT.decode().encode("utf-16-le"), None, "UTF-16"),
    "UTF-32": (TEXT.decode().encode("utf-32"), None, "UTF-32"),
    "bzip2": (bz2.compress(TEXT), None, "bzip2"),
    "xz": (lzma.compress(TEXT), None, "xz"),
    "zstd": (b"\x28\xb5\x2f\xfd\x24\x05", None, "zstd"),
    "zip": (b"PK\x03\x04\x14\0\0\0", None, "zip"),
    "gzip twice": (gzip.compress(gzip.compress(TEXT)), None, "inside gzip"),
    "damaged gzip": (gzip.compress(TEXT)[:-8] + b"\0" * 8, None, "damaged"),
    "bytes after gzip": (gzip.compress(TEXT) + b"GARBAGE", None, "follow the gzip"),
    "git-lfs": (b"version https://git-lfs.github.com/spec/v1\n", None, "git-lfs"),
}


@pytest.mark.parametrize(("data", "line", "words"), REFUSED.values(), ids=REFUSED)
def test_a_file_that_is_no_fasta_is_refused_in_one_line(data, line, words):
    error = refused(data)
    assert error.line == line
    assert words in str(error)


@pytest.mark.parametrize("n_bytes", [30, 40, 60])
def test_a_truncated_gzip_is_refused_and_names_the_last_good_record(n_bytes):
    error = refused(gzip.compress(TEXT, 0)[:n_bytes])  # 15 bytes of header, then TEXT as it is
    assert "too early" in str(error)
    last = {30: "", 40: "p1, line 1", 60: "p2, line 3"}[n_bytes]
    assert str(error).partition("last good record: ")[2] == last


def test_a_bomb_of_one_endless_line_needs_little_memory():
    tracemalloc = pytest.importorskip("tracemalloc")
    bomb = gzip.compress(b">bomb\n" + b"M" * (1 << 24))
    tracemalloc.start()
    try:
        _, report = read(bomb)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert report.rejects[0].id == "bomb"
    assert peak < 8 << 20


def test_a_file_of_rejects_is_refused_before_they_fill_the_memory(monkeypatch):
    monkeypatch.setattr("esmgo.data.fasta.MANY_REJECTS", 20)
    assert len(rejected(b">\n" * 20)) == 20
    error = refused(b">p1\nMK\n" + b">\n" * 100)
    assert "21 of the first 22 records rejected; not proteins?" in str(error)
    assert error.line == 23
    good = b"".join(b">p%d\nMK\n" % i for i in range(4))
    assert len(rejected(good + b">\n" * 40)) == 40


MANIFEST = [
    ("05_last_record_empty.fasta", 3, [("p4", 11)]),
    ("06_middle_record_empty.fasta", 2, [("gone", 4)]),
    ("08_space_after_gt.fasta", 1, []),
    ("09_duplicate_id_same_seq.fasta", 2, [("p1", 7)]),
    ("20_gap_dash.fasta", 2, [("aln", 5)]),
    ("21_gap_dot.fasta", 2, [("aln", 5)]),
    ("23_selenocysteine_pyrrolysine.fasta", 1, []),
    ("24_ambiguous_BZXJ.fasta", 1, []),
    ("26_special_tokens_injected.fasta", 2, [("inj", 5)]),
    ("27_greek_cyrillic_homoglyph.fasta", 2, [("homo", 5)]),
    ("32_nul_in_sequence.fasta", 1, [("p1", 2)]),
    ("35_dna.fasta", 0, [("gene", 1), ("gene2", 7)]),
    ("39_inner_gt.fasta", 0, [("p1", 2)]),
    ("42_titin_40k.fasta", 3, []),
    ("44_single_line_200k.fasta", 0, [("big", 1)]),
    ("47_path_traversal_id.fasta", 3, []),
    ("48_xss_id.fasta", 3, []),
    ("51_ansi_escape_id.fasta", 1, [("", 1)]),
    ("53_bidi_override_id.fasta", 2, []),
    ("57_double_gt.fasta", 2, []),
    ("68_gzip_bomb_64MiB.fasta.gz", 0, [("bomb", 1)]),
    ("72_mixed_good_bad.fasta", 3, [("b1", 5), ("b2", 7), ("b3", 9), ("b4", 14)]),
]


TWINS = [
    "11_crlf.fasta",
    "12_cr_only.fasta",
    "14_no_final_newline.fasta",
    "17_soft_masked.fasta",
    "15_blank_lines_trailing_space.fasta",
    "29_utf8_bom.fasta",
    "45_header_100k.fasta",
    "50_tab_in_header.fasta",
    "54_ctrl_a_merged_header.fasta",
    "59_unicode_line_sep.fasta",
    "60_clean.fasta.gz",
    "62_plain_named_gz.fasta.gz",
    "65_multi_member.fasta.gz",
]


REFUSALS = [
    ("02_whitespace_only.fasta", None),
    ("03_no_header.fasta", 1),
    ("30_utf16.fasta", None),
    ("33_random_binary.fasta", None),
    ("36_fastq.fasta", 1),
    ("38_genbank.fasta", 1),
    ("41_semicolon_comments.fasta", 1),
    ("63_truncated.fasta.gz", None),
    ("66_trailing_garbage.fasta.gz", None),
    ("69_bzip2.fasta.bz2", None),
    ("71_zip_slip.zip", None),
]


@needs_bad_inputs
@pytest.mark.parametrize(("name", "n_accepted", "places"), MANIFEST)
def test_a_shared_file_gives_the_records_of_its_manifest(name, n_accepted, places):
    report = ReadReport()
    assert len(list(read_fasta(BAD / name, report=report))) == n_accepted
    assert [(r.id, r.line) for r in report.rejects] == places


@needs_bad_inputs
@pytest.mark.parametrize("name", TWINS)
def test_a_shared_twin_reads_as_the_clean_file(name):
    report = ReadReport()
    twin = list(read_fasta(BAD / name, report=report))
    assert twin == list(read_fasta(BAD / "00_clean.fasta"))
    assert not report.warnings


@needs_bad_inputs
@pytest.mark.parametrize(("name", "line"), REFUSALS)
def test_a_shared_file_is_refused_as_its_manifest_says(name, line):
    with pytest.raises(FastaError, match=name) as caught:
        list(read_fasta(BAD / name, report=ReadReport()))
    assert caught.value.line == line
    assert len(str(caught.value)) < 200


@needs_bad_inputs
def test_three_thousand_empty_records_are_all_reported():
    report = ReadReport()
    assert not list(read_fasta(BAD / "56_many_empty_records.fasta", report=report))
    assert report.n_rejected == 3000


REPORTS = {
    # what each record becomes: "" if it is accepted, or its place and words of the reason
    "62-foreign-white-space/ws_nbsp.fa": ["2:11 U+00A0", "", "", ""],
    "26-gffread-dots/in.fasta": ["", "4:31 '.' inside the sequence: a stop", "", "", ""],
    "28-leading-space/in.fasta": ["", "", ""],
}


@pytest.mark.parametrize(("name", "expected"), REPORTS.items())
@pytest.mark.parametrize("strip_gaps", [False, True])
def test_files_that_outsiders_reported_are_read_as_they_expect(shared, name, expected, strip_gaps):
    if strip_gaps and "white" in name:
        pytest.skip("the record has gaps, too")
    report, path = ReadReport(), shared / "reports" / name
    if not path.exists():
        pytest.skip("needs the reports beside the repository")
    proteins = list(read_fasta(path, report=report, strip_gaps=strip_gaps))
    assert len(proteins) == expected.count("")
    found = [f"{r.line}:{r.column} {r.reason}" for r in report.rejects]
    wanted = list(filter(None, expected))
    for each, (place, _, words) in zip(found, (x.partition(" ") for x in wanted), strict=True):
        assert each.startswith(place)
        assert words in each
    if "leading" in name:
        assert [p.id for p in proteins] == ["P12345", "P54321", "P11111"]
