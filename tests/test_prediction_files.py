"""Predictions of all kinds: what is read alike, what is rejected, and what is refused by name."""

import gzip
import io
import json
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from annotating import gaf_row, gpad_row
from evaluating import evaluate, evaluated
from hypothesis import given
from hypothesis import strategies as st

import esmgo
from esmgo.data import cafa, prediction_files
from esmgo.data.prediction_files import read_predictions
from esmgo.data.rejects import ReadReport
from esmgo.errors import AnnotationError, RecordError

ROWS = [("a", "GO:0000020", 0.9), ("b", "GO:0000010", 0.6)]
CALLS = [{"term": "GO:0000020", "name": "below", "aspect": "MF", "score": 0.9, "precision": None}]
SAME = {
    "CAFA": "a\tGO:0000020\t0.9\nb\tGO:0000010\t0.6\n",
    "blanks": "a GO:0000020 0.9\nb   GO:0000010 0.6\n",
    "comments": "# ours\n\n#\na\tGO:0000020\t0.9\nb\tGO:0000010\t0.6\n",
    "a score without a known name": "id\tterm\tours\na\tGO:0000020\t0.9\nb\tGO:0000010\t.6\n",
    "joined files": "id\tterm\tscore\na\tGO:0000020\t.9\nid\tterm\tscore\nb\tGO:0000010\t0.6\n",
    "TSV of predict": "protein\tterm\tname\taspect\tscore\tprecision\tsource\n"
    "a\tGO:0000020\tbelow, 3'-5'\tMF\t0.9\t0.8\thead\nb\tGO:0000010\tleft\tMF\t0.6\t\thead+kmers\n",
    "TSV of predict without its header": "a\tGO:0000020\tbelow\tMF\t0.9\t0.8\thead\n"
    "b\tGO:0000010\tleft\tMF\t0.6\t\thead+kmers\n",
    "other order": "Score\tGO ID\tProtein ID\n0.9\tGO:0000020\ta\n0.6\tGO:0000010\tb\n",
    "CSV": 'protein,term,name,score\na,GO:0000020,"below, it",0.9\nb,GO:0000010,left,0.6\n',
    "a header of unknown names": "sequence_name\tlabel\tcertainty\tx\n"
    "a\tGO:0000020\t0.9\tx\nb\tGO:0000010\t0.6\tx\n",
    "ProteInfer": "sequence_name\tpredicted_label\tconfidence\tdescription\n"
    "a\tGO:0000020\t0.9\tbelow\nb\tGO:0000010\t0.6\tleft\n",
    "DeepFRI": "### Predictions made by DeepFRI.\n"
    "Protein,GO_term/EC_number,Score,GO_term/EC_number name\n"
    "a,GO:0000020,0.90000,below\nb,GO:0000010,0.60000,left\n",
    "CSV of unknown names": "sequence,label,certainty\na,GO:0000020,0.9\nb,GO:0000010,0.6\n",
    "CSV without a header": "a,GO:0000020,0.9\nb,GO:0000010,0.6\n",
    "semicolons": '"EntryID";"GO";"probability"\n"a";"GO:0000020";"0.9"\n"b";"GO:0000010";"0.6"\n',
    "DeepGOPlus": "a\tGO:0000020|0.900\nnone\nb\tGO:0000010|0.600\n",
    "DeepGOPlus, first without a term": "none\na\tGO:0000020|0.900\nb\tGO:0000010|0.6\n",
    "DeepGOPlus with commas": "a,GO:0000020|0.900\nb,GO:0000010|0.600\n",
    "DeepGOPlus, quoted": 'a,"GO:0000020|0.9"\nb,"GO:0000010|0.6"\n',
    "predict.py of DeepGOPlus": "a\tGO:0000020\tbelow\t5.1\t.9\n\nb\tGO:0000010\tleft\t2.2\t.6\n",
    "JSON Lines of predict": json.dumps({"schema_version": 1, "protein": "a", "calls": CALLS})
    + '\n{"protein": "none", "calls": []}\n'
    + '{"protein": "b", "length": 3, "calls": [{"term": "GO:0000010", "score": 0.6}]}\n',
    "JSON Lines, a call each": '{"id": "a", "term": "GO:0000020", "score": 0.9}\n'
    '{"id": "b", "term": "GO:0000010", "score": "0.6"}\n',
}  # fmt: skip


def triples(content, **options):
    """Read all lines as protein, term and score."""
    data = content if isinstance(content, bytes) else content.encode()
    return [
        (pairs.proteins[p], pairs.terms[t], score)
        for pairs in read_predictions(io.BytesIO(data), **options)
        for p, t, score in zip(
            pairs.protein.tolist(), pairs.term.tolist(), pairs.scores.tolist(), strict=True
        )
    ]


@pytest.mark.parametrize("kind", SAME)
def test_the_first_lines_decide_what_a_file_is(kind):
    assert triples(SAME[kind]) == ROWS
    assert triples(gzip.compress(SAME[kind].replace("\n", "\r\n").encode())) == ROWS


@pytest.mark.parametrize(("content", "reason"), [
    ("!gaf-version: 2.2\nUniProtKB\tP1\n", "looks like GAF or GPAD, .* given as `truth`"),
    ("!gpa-version: 1.1\n", "looks like GAF or GPAD"),
    (gaf_row(), "looks like GAF or GPAD"),
    (gpad_row(), "looks like GAF or GPAD"),
    ("GO:0000020\ta\t0.9\n", "the term comes first"),
    ("a\tb\t99.1" + "\t1" * 9 + "\n", "looks like hits of BLAST or DIAMOND"),
    (">P1 x\nMKT\n", "looks like FASTA; write its predictions with esmgo predict"),
    ("EntryID\tterm\taspect\na\tGO:0000020\tMFO\n", "looks like annotations, without scores"),
    ("format-version: 1.2\n", "looks like OBO; it is given as `ontology`"),
    ("##gff-version 3\n1\tx\n", "looks like GFF"),
    ("<!DOCTYPE html>\n", "looks like HTML"),
    ('[{"protein": "a"}]\n', "looks like JSON"),
    ('[{"protein":"a","term":"GO:0000010","score":0.9}]\n', "looks like JSON, an array"),
    ('{"id": "a", "sequence": "MK", "terms": []}\n', "a data set; it is given as `dataset`"),
    ('{"accession": "a"}\n', "no 'calls' and no 'term'"),
    ("term\tscore\nGO:0000020\t0.9\n", "the header has no column of protein ids"),
    ("protein\tname\tterm\na\tb\tGO:0000020\n", "the header has no column named score"),
    ("", "the file has no lines of data"),
    ("\n# nothing\n\n", "the file has no lines of data"),
    (b"\x89HDF\r\n\x1a\n" + bytes(40), "looks like HDF5; give TSV or JSON Lines"),
    (b"\x93NUMPY\1\0" + bytes(40), "looks like a NumPy array"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(40), "Excel"),
    (bytes(range(32)) * 4, "looks like binary data"),
])  # fmt: skip
def test_another_kind_is_refused_by_name(content, reason):
    with pytest.raises(AnnotationError, match=reason) as caught:
        triples(content, report=ReadReport())
    assert len(str(caught.value)) < 200


def test_spreadsheets_and_parquet_are_refused_by_name():
    book, table = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(book, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
    pq.write_table(pa.table({"protein": ["a"] * 9, "term": ["GO:0000020"] * 9}), table)
    for data, reason in ((book, "an Excel"), (table, "looks like Parquet")):
        with pytest.raises(AnnotationError, match=reason):
            triples(data.getvalue())


@pytest.mark.parametrize(("kind", "line", "reason"), [
    ("DeepGOPlus", "a\tGO:0000030|x\tGO:0000010|.5", "the score 'x' is not a number"),
    ("DeepGOPlus", "a\tGO:3|0.5\tGO:0000010|.5", "'GO:3' is not a GO id"),
    ("JSON Lines of predict", "{", "not JSON"),
    ("JSON Lines of predict", "[" * 100_000, "nested too deeply"),
    ("JSON Lines of predict", "[]", "not a JSON object"),
    ("JSON Lines of predict", '{"protein": 3}', "no text in field 'protein'"),
    ("JSON Lines of predict", '{"protein": "a", "calls": 3}', "field 'calls' is no list"),
    ("JSON Lines of predict", '{"protein": "a", "calls": [3]}', "no text in field 'term'"),
    ("JSON Lines, a call each", '{"id": "a", "term": "GO:0000020"}', "None is not a number"),
    ("JSON Lines, a call each", '{"id": "a", "term": "GO:0000020", "score": true}', "a boolean"),
    ("JSON Lines, a call each", '{"id": "a", "term": "GO:0000020", "score": NaN}', "is nan"),
    ("CSV", "a,GO:0000020", "2 columns"),
    ("CSV", "a,GO:0000020,x,1e999", "the score is inf"),
    ("TSV of predict", "a\tGO:0000020\tx\tMF\t-inf\t\t", "the score is -inf"),
])  # fmt: skip
def test_a_bad_line_of_any_kind_is_a_reject(kind, line, reason):
    report = ReadReport()
    found = triples(SAME[kind] + line + "\n", report=report)
    assert [row for row in found if row[2] != 0.5] == ROWS
    (reject,) = report.rejects
    assert reject.line == SAME[kind].count("\n") + 1
    assert reason in reject.reason
    with pytest.raises(RecordError):
        triples(SAME[kind] + line + "\n", report=ReadReport(strict=True))


def test_very_many_rejects_are_counted_and_not_kept():
    report = ReadReport()
    assert triples("a\tGO:0000020\t0.5\n" + "a\tGO:0000020\tnan\n" * 5000, report=report)
    assert (report.n_rejected, report.n_accepted, len(report.rejects)) == (5000, 1, 1000)
    assert report.lines()[-1] == "5000 of 5001 records rejected"


def test_a_table_of_bad_lines_is_refused_before_its_end(monkeypatch):
    monkeypatch.setattr(prediction_files, "_MANY_REJECTS", 2000)
    with pytest.raises(AnnotationError, match="2,000 of the first 2,001 lines cannot be read; 1 c"):
        triples("a\tGO:0000020\t0.5\n" + "x\n" * 5000, report=ReadReport())
    half = "a\tGO:0000020\t0.5\nx\n" * 3000
    assert len(triples(half, report=ReadReport())) == 3000


def test_a_file_with_a_header_alone_predicts_nothing(cafa_files, capsys):
    (cafa_files / "p.tsv").write_text("protein\tterm\tname\taspect\tscore\tprecision\tsource\n")
    assert evaluate(cafa_files) == 0
    assert "p.tsv: nothing predicted for any protein of the truth\n" in capsys.readouterr().err


@pytest.mark.parametrize("score", ["nan", "inf", "-inf", "NaN", "1e999"])
def test_a_score_that_is_not_finite_is_rejected_with_its_line(cafa_files, capsys, score):
    (cafa_files / "p.tsv").write_text(SAME["CAFA"] + f"\na\tGO:0000030\t{score}\n")
    for rules in ("cafaeval", "exact"):
        assert evaluate(cafa_files, f"--rules={rules}") == 4
        err = capsys.readouterr().err
        assert "p.tsv:4: a rejected: the score is " in err
        assert "1 of 3 records rejected" in err
    assert evaluate(cafa_files, "--strict") == 3


@pytest.mark.parametrize(("rules", "code", "fmax"), [("cafaeval", 0, 1.0), ("exact", 4, 2 / 3)])
def test_a_score_above_one_follows_the_rules(cafa_files, capsys, rules, code, fmax):
    lines = "b\tGO:0000030\t2\n" + "b\tGO:0000030\t1.5\n" * 4
    (cafa_files / "p.tsv").write_text("a\tGO:0000020\t0.9\n\n\n" + lines + "b\tGO:0000030\t1\n")
    if rules == "exact":
        (cafa_files / "p.tsv").write_text("a\tGO:0000020\t0.9\n\n\n" + lines)
    assert evaluate(cafa_files, f"--rules={rules}") == code
    err = capsys.readouterr().err
    what = "counted at every threshold" if rules == "cafaeval" else "left out"
    assert f"p.tsv: 5 lines with a score above 1, {what}: p.tsv:4, p.tsv:5, p.tsv:6\n" in err
    found = evaluated(cafa_files, rules=rules).evaluations["p.tsv"][esmgo.Aspect.MF]
    assert found.fmax == pytest.approx(fmax)


@pytest.mark.parametrize(("lines", "code", "word"), [
    ("a\tGO:0000020\t0\nb\tGO:0000020\t0\n", 4, "a score of 0 or below"),
    ("a\tGO:0000020\t-0.5\n", 4, "a score of 0 or below"),
    ("a\tGO:0000020\tnan\nb\tGO:0000010\tinf\n", 4, "2 of 2 records rejected"),
    ("a\tGO:7654321\t0.5\n", 0, "terms not in the ontology"),
    ("a\tGO:0000040\t0.5\n", 0, "obsolete terms"),
    ("zz\tGO:0000020\t0.5\n", 0, "its ids look like zz, those of"),
    ("a\tGO:0003674\t0.5\n", 0, ""),
])  # fmt: skip
def test_a_file_of_which_no_line_survives_scores_0(cafa_files, capsys, lines, code, word):
    (cafa_files / "p.tsv").write_text(lines)
    assert evaluate(cafa_files) == code
    out, err = capsys.readouterr()
    assert word in err
    assert ("nothing predicted for any protein of the truth" in err) == bool(word)
    found = evaluated(cafa_files).evaluations["p.tsv"][esmgo.Aspect.MF]
    assert (found.fmax, found.smin, found.aupr) == (0, 1.5, 0)
    assert " 0.000" in out
    assert evaluate(cafa_files, f"--output_dir={cafa_files / 'out'}") == code
    page = json.loads((cafa_files / "out" / "evaluation.json").read_text())
    best = page["evaluations"][0]["aspects"]["MF"]["best"]
    assert (best["fmax"]["value"], best["fmax"]["threshold"]) == (0, None)
    assert best["smin"]["value"] == 1.5


@pytest.mark.parametrize("line", [
    b"other%07d\tGO:0000020\t0.5\n", b"a%07d\tGO:0000020\t0\n", b"a%07d\tGO:0000020\tnan\n",
    b"a%07d\tbinding\t0.5\n",
])  # fmt: skip
def test_a_block_without_a_line_that_counts_changes_nothing(cafa_files, monkeypatch, line):
    expected = evaluated(cafa_files).document["evaluations"]
    monkeypatch.setattr(cafa, "BLOCK", 1 << 10)
    block = b"".join(line % i for i in range(1000))
    (cafa_files / "p.tsv").write_bytes(block + SAME["CAFA"].encode())
    assert evaluated(cafa_files).document["evaluations"] == expected


@given(st.lists(st.tuples(
    st.sampled_from(["a", "b", "sp|c|d", "x y"]), st.integers(0, 9), st.floats(0.001, 1)
), min_size=1))  # fmt: skip
def test_all_kinds_hold_the_same_rows(rows):
    rows = [(id, f"GO:000000{term}", score) for id, term, score in rows]
    tsv = "protein\tterm\tname\taspect\tscore\n" + "".join(
        f"{id}\t{term}\tn\tMF\t{score!r}\n" for id, term, score in rows
    )
    deep = "".join(f"{id}\t{term}|{score!r}\n" for id, term, score in rows)
    lines = "".join(
        json.dumps({"protein": id, "calls": [{"term": term, "score": score}]}) + "\n"
        for id, term, score in rows
    )
    cafa = "".join(f"{id}\t{term}\t{score!r}\n" for id, term, score in rows)
    for text in (tsv, deep, lines, cafa, cafa.replace("\n", "\n\n")):
        assert triples(text) == rows


@pytest.mark.parametrize("blank", ["\u2028", "\x1c", "\u00a0 \u3000"])
def test_blanks_of_any_script_are_no_line(blank):
    for text in SAME.values():
        assert triples(text + blank + "\n") == ROWS
        assert triples(f"{blank}\n" + text) == ROWS


def test_line_numbers_are_those_of_the_file():
    content = "\n\na\tGO:0000020\t0.5\n\n\nb\tGO:0000020\t0.5\nb\tGO:0000010\t0.5"
    for text in (content, content.replace("\t", " "), "protein\tterm\tscore\n" + content[1:]):
        (pairs,) = read_predictions(io.BytesIO(text.encode()))
        np.testing.assert_array_equal(pairs.lines, [3, 6, 7])
