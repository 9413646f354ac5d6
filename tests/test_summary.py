"""The rules of each format, and what the summary counts."""

import re

import numpy as np
import pytest
from associating import checked
from killing_predict import digests
from predicting import error_of, rows_of

from esmgo.cli.main import main
from esmgo.data.accessions import accession
from esmgo.data.fasta import read_fasta
from esmgo.data.rejects import ReadReport
from esmgo.dataset.sample import sample_rows
from esmgo.go.unspecific import unspecific_of
from esmgo.predict.predictor import Predictor

SUMMARY = re.compile(
    r"([\d,]+) calls; ([\d,]+) annotations, left out ([\d,]+) calls without (a .*?) and ([\d,]+) of"
    r" terms not for annotation(?:; [^;]* unlike anything known [^;]*)?, written"
)


def numbers(found):
    """The numbers of a match, and the text between them."""
    *first, text, last = found.groups()
    return (*(int(n.replace(",", "")) for n in (*first, last)), text)


def annotated(path):
    """Accession and term of each line of a GAF file."""
    return {(row[1], row[4]) for row in checked(path, "gaf")}


def test_annotations_of_a_checkpoint_without_a_calibration_score_half(predict, tmp_path, capsys):
    assert predict(tmp_path / "x.gaf", "--taxon=9606") == 4
    n_calls, n_annotations, n_uncertain, _, text = numbers(SUMMARY.search(capsys.readouterr().out))
    assert text == "a score of 0.5 or more"
    assert predict(tmp_path / "x.tsv") == 4
    rows = rows_of(tmp_path / "x.tsv")
    assert n_calls == len(rows)
    assert n_uncertain == sum(float(row["score"]) < 0.5 for row in rows)
    assert n_annotations == len(checked(tmp_path / "x.gaf", "gaf"))
    scores = {(accession(row["protein"]), row["term"]): float(row["score"]) for row in rows}
    found = annotated(tmp_path / "x.gaf")
    assert all(scores[each] >= 0.5 for each in found)
    assert unspecific_of().isdisjoint(term for _, term in found)


def test_annotations_of_a_calibrated_checkpoint_keep_a_promise(predict, blended, tmp_path, capsys):
    lines = "".join(f">{row['id']}\n{row['sequence']}\n" for row in sample_rows()["test"][:12])
    (tmp_path / "a.fasta").write_text(lines)
    flags = {"checkpoint_path": blended[0], "input": tmp_path / "a.fasta"}
    words = ("--taxon=9606", "--min_information=0")
    assert predict(tmp_path / "x.gaf", *words, **flags) == 0
    *_, text = numbers(SUMMARY.search(capsys.readouterr().out))
    assert text == "a promised precision of 0.5 and a novelty of 0.7 or less"
    predictor = Predictor.load(blended[0], device="cpu", context_length=1024, dtype="fp32")
    evidence = predictor.evidence(list(read_fasta(tmp_path / "a.fasta")))
    promised = predictor.is_promised(evidence, 0.5, 0)
    column = predictor.labels.column
    at = {id: i for i, id in enumerate(evidence.scores.proteins)}
    found = annotated(tmp_path / "x.gaf")
    assert found
    assert all(promised[at[protein], column[term]] for protein, term in found)
    assert max(evidence.novelty[at[protein]] for protein, _ in found) <= np.float32(0.7)
    assert predict(tmp_path / "y.gaf", "--precision=0.5", *words, **flags) == 0
    assert annotated(tmp_path / "y.gaf") == found


@pytest.mark.parametrize("words", [["--min_score=0.1"], ["--min_score=0"], ["--min_score=0.9"]])
def test_an_explicit_score_wins(predict, tmp_path, capsys, words):
    assert predict(tmp_path / "x", *words, "--taxon=9606", "--format=tsv,gaf,cafa") == 4
    out = capsys.readouterr().out
    assert "left out" in out
    assert "without a score" not in out
    low = min(float(row["score"]) for row in rows_of(tmp_path / "x.tsv"))
    assert low >= float(words[0].partition("=")[2])
    cafa = [line.split("\t") for line in (tmp_path / "x.cafa.tsv").read_text().splitlines()]
    assert min(float(score) for *_, score in cafa) >= max(low - 0.0005, 0.001)


def test_one_job_in_several_formats_writes_the_bytes_of_one_job_each(predict, tmp_path):
    formats = ("tsv", "csv", "jsonl", "parquet", "cafa", "gaf", "gpad")
    words = ("--taxon=9606", "--date=2025-01-02", "--most_specific", "--top_k=40")
    for name in ("all", "each"):
        (tmp_path / name).mkdir()
    assert predict(tmp_path / "all" / "x", f"--format={','.join(formats)}", *words) == 4
    for name in formats:
        suffix = ".cafa.tsv" if name == "cafa" else f".{name}"
        assert predict(tmp_path / "each" / f"x{suffix}", *words) == 4
    assert digests(tmp_path / "all") == digests(tmp_path / "each")


def test_cafa_goes_down_to_a_thousandth(predict, tmp_path):
    for name in ("x.cafa", "x.cafa.tsv"):
        assert predict(tmp_path / name) == 4
        lines = [line.split("\t") for line in (tmp_path / name).read_text().splitlines()]
        low = min(float(score) for *_, score in lines)
        assert 0.001 <= low < 0.1


def test_shards_give_the_files_of_the_whole_in_any_format_they_have_calls_for(
    predict, tmp_path, capsys
):
    formats, words = "tsv,csv,gaf,gpad,jsonl", ("--taxon=9606", "--date=2025-01-02")
    for name in ("whole", "merged"):
        (tmp_path / name).mkdir()
    assert predict(tmp_path / "whole" / "x", f"--format={formats}", *words) == 4
    whole = capsys.readouterr().out
    shards = [str(tmp_path / f"{i}.shard") for i in (1, 2)]
    for i, path in enumerate(shards, 1):
        assert predict(path, f"--shard={i}/2", *words) == 4
    capsys.readouterr()
    assert (
        main(["merge", "-o", str(tmp_path / "merged" / "x"), f"--format={formats}", *shards]) == 0
    )
    assert digests(tmp_path / "merged") == digests(tmp_path / "whole")
    assert SUMMARY.search(capsys.readouterr().out)[0] == SUMMARY.search(whole)[0]
    assert main(["merge", "-o", str(tmp_path / "x.cafa"), *shards]) == 2
    assert "cafa has lower scores than these shards" in error_of(capsys)
    assert not (tmp_path / "x.cafa").exists()
    for i, path in enumerate(shards, 1):
        assert predict(path, f"--shard={i}/2", "--format=cafa", "--overwrite", *words) == 4
    assert main(["merge", "-o", str(tmp_path / "merged" / "y"), *shards]) == 0
    assert predict(tmp_path / "whole" / "y.cafa") == 4
    assert (tmp_path / "merged" / "y").read_bytes() == (tmp_path / "whole/y.cafa").read_bytes()


def test_the_suffix_of_the_merged_file_counts_more_than_the_format_of_the_shards(
    predict, tmp_path, capsys
):
    shard = tmp_path / "a.shard"
    assert predict(shard, "--shard=1/1", "--format=tsv") == 4
    assert main(["merge", "-o", str(tmp_path / "x.csv"), str(shard)]) == 0
    assert (tmp_path / "x.csv").read_text().startswith("protein,term")
    assert main(["merge", "-o", str(tmp_path / "x.xlsx"), str(shard)]) == 2
    assert "ends in .xlsx, not in .tsv, .csv" in error_of(capsys)


def test_rejects_and_repeated_proteins_are_counted_as_before(predict, proteome, tmp_path, capsys):
    assert predict(tmp_path / "x.tsv") == 4
    n = len(list(read_fasta(proteome, report=ReadReport())))
    assert re.match(rf"{n} proteins \(\d+ with an earlier one's sequence\), [\d,]+ calls, written",
                    capsys.readouterr().out)  # fmt: skip


def test_labels_that_no_format_has_are_a_warning(predict, tmp_path, capsys):
    assert predict(tmp_path / "x.tsv", "--taxon=9606", "--date=2025-01-01") == 4
    err = capsys.readouterr().err
    assert "warning: --taxon is for gaf, and has no effect on tsv" in err
    assert "warning: --date is for gaf and gpad, and has no effect on tsv" in err
    assert predict(tmp_path / "x.gaf", "--taxon=9606", "--date=2025-01-01") == 4
    assert "no effect" not in capsys.readouterr().err
