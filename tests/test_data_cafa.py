"""CAFA's tables: what is read, and which line is refused."""

import io

import pytest
from evaluating import PREDICTIONS, evaluate, evaluated

import esmgo
from esmgo.data.cafa import BLOCK, lines_of, read_ids
from esmgo.data.prediction_files import read_predictions
from esmgo.errors import AnnotationError


@pytest.mark.parametrize(("line", "reason"), [
    ("a\tGO:0000020", "2 columns; expected a protein, a GO id, a score"),
    ("a\tGO:20\t0.5", "'GO:20' is not a GO id"),
    ("a\tGO:0000020\t0,5", "the score '0,5' is not a number"),
    ("\tGO:0000020\t0.5", "no protein id"),
    ("a\x01\tGO:0000020\t0.5", "control character"),
    ("a\tGO:0000020\t", "the score '' is not a number"),
    (b"a\xff\tGO:0000020\t0.5", "not UTF-8: byte 0xFF"),
])  # fmt: skip
def test_a_malformed_line_is_rejected_and_the_others_count(cafa_files, capsys, line, reason):
    data = line if isinstance(line, bytes) else line.encode()
    (cafa_files / "p.tsv").write_bytes(PREDICTIONS.encode() + b"\n" + data + b"\n")
    assert evaluate(cafa_files) == 4
    out, err = capsys.readouterr()
    assert "0.667" in out
    assert "p.tsv:4: " in err
    assert f"rejected: {reason}" in err
    assert "1 of 3 records rejected" in err
    assert evaluate(cafa_files, "--strict") == 3
    assert reason in capsys.readouterr().err
    (cafa_files / "p.tsv").write_bytes(b"\n" + data + b"\n" + data + b"\n")
    assert evaluate(cafa_files) == 3
    err = capsys.readouterr().err
    assert "p.tsv:2: none of 2 lines can be read" in err
    assert reason in err
    assert err.count("\n") == 1


def test_a_malformed_line_far_into_the_file_is_named_too(tmp_path):
    line = b"a\tGO:0000020\t0.5\n"
    n = BLOCK // len(line) + 1000
    source = io.BytesIO(line * n + b"a GO:0000020\n" + line)
    with pytest.raises(AnnotationError, match=f":{n + 1}: 2 columns"):
        list(read_predictions(source))


def test_blanks_headers_and_the_preamble_of_older_files_are_read(cafa_files):
    (cafa_files / "p.tsv").write_text(
        "AUTHOR us\nMODEL 1\nKEYWORDS sequence alignment.\n"
        "a GO:0000020  0.9\r\n\r\nb GO:0000010 0.6 more\nEND\n"
    )
    (cafa_files / "truth.tsv").write_text(
        "EntryID\tterm\taspect\n" + "a\tGO:0000020\tF\nb\tGO:0000030\tF\n"
    )
    result = evaluated(cafa_files).evaluations["p.tsv"][esmgo.Aspect.MF]
    assert result.fmax == pytest.approx(2 / 3)


def test_ids_are_first_words_each_once(tmp_path):
    assert read_ids(io.BytesIO(b"b more\n\na\r\nb\n")) == ["b", "a"]
    warnings = []
    assert read_ids(io.BytesIO(b">b more\nMK\nLV\n>\nMK\n> \n"), warnings.append) == ["b"]
    assert read_ids(io.BytesIO(b"id,name\na,x\n,y\n"), warnings.append) == ["a"]
    assert [each.partition(": ")[2] for each in warnings] == [
        "2 lines without an id, left out: line 4, line 6",
        "1 lines without an id, left out: line 3",
    ]
    with pytest.raises(AnnotationError, match="the file has no ids"):
        read_ids(io.BytesIO(b"\n\n"))


def test_predictions_are_the_same_read_fast_or_line_by_line():
    tidy = b"".join(b"p%d\tGO:%07d\t0.%d\n" % (i % 7, i % 5, i % 9 + 1) for i in range(50))
    (a,), (b,) = (list(read_predictions(io.BytesIO(t))) for t in (tidy, tidy.replace(b"\t", b"  ")))
    assert [a.proteins[i] for i in a.protein] == [b.proteins[i] for i in b.protein]
    assert [a.terms[i] for i in a.term] == [b.terms[i] for i in b.term]
    assert a.scores.tolist() == b.scores.tolist()


@pytest.mark.parametrize("blank", [b"\n", b" \n", b"\t\r\n", b"\r", b" \t \n\n"])
def test_lines_after_blank_lines_keep_their_numbers(blank):
    block = (
        b"P1 x\n" + blank.replace(b"\r\n", b"\n").replace(b"\r", b"\n") * 50_000 + b"# c\nP2 y\n"
    )
    n = block.count(b"\n")
    assert list(lines_of(7, block, "x")) == [(7, "P1 x"), (6 + n, "P2 y")]
