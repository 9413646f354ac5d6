"""`esmgo merge`: shards become the files of one complete run, or are refused."""

from collections import Counter

import pyarrow.parquet as pq
from killing_predict import FORMATS, digests
from predicting import Bars, error_of, rows_of

from esmgo.cli.main import main
from esmgo.proteome import merging


def test_merged_shards_are_the_bytes_of_the_whole(predict, tmp_path):
    words = (f"--format={FORMATS}", "--taxon=9606", "--date=2025-01-02", "--reference=PMID:1")
    (tmp_path / "whole").mkdir()
    (tmp_path / "merged").mkdir()
    assert predict(tmp_path / "whole" / "x", *words) == 4
    shards = [str(tmp_path / f"{i}.shard") for i in (1, 2, 3)]
    for i, path in enumerate(shards, 1):
        assert predict(path, f"--shard={i}/3", *words) == 4
    assert main(["merge", "-o", str(tmp_path / "merged" / "x"), *reversed(shards)]) == 0
    assert digests(tmp_path / "merged") == digests(tmp_path / "whole")


def test_merging_may_be_told_another_format(predict, tmp_path):
    for i in (1, 2):
        assert predict(tmp_path / f"{i}", f"--shard={i}/2", "--format=gaf") == 4
    shards = [str(tmp_path / "1"), str(tmp_path / "2")]
    assert main(["merge", f"--output={tmp_path / 'x.tsv'}", "--format=tsv", *shards]) == 0
    assert predict(tmp_path / "y.tsv") == 4
    assert (tmp_path / "x.tsv").read_bytes() == (tmp_path / "y.tsv").read_bytes()


def test_some_shards_alone_are_their_part_of_the_whole(predict, tmp_path):
    for i in (1, 2, 3):
        assert predict(tmp_path / f"{i}", "--format=tsv,parquet", f"--shard={i}/3") == 4
    whole = [str(tmp_path / f"{i}") for i in (1, 2, 3)]
    assert main(["merge", "-o", str(tmp_path / "x.tsv"), "--format=tsv", *whole]) == 0
    rows = []
    for each in whole:
        assert main(["merge", "--partial", "-o", f"{each}.parquet", "--format=parquet", each]) == 0
        rows += pq.read_table(f"{each}.parquet").to_pylist()
    assert main(["merge", "-o", str(tmp_path / "y.tsv"), "--partial", *whole[1:]]) == 0
    found = Counter((row["protein"], row["term"]) for row in rows)
    assert found == Counter((row["protein"], row["term"]) for row in rows_of(tmp_path / "x.tsv"))
    some = {row["protein"] for row in rows_of(tmp_path / "y.tsv")}
    assert some == {row["protein"] for row in rows} - {
        row["protein"] for row in pq.read_table(f"{whole[0]}.parquet").to_pylist()
    }


def test_merging_shows_progress(predict, tmp_path, monkeypatch):
    assert predict(tmp_path / "1", "--shard=1/1") == 4
    bars = Bars(monkeypatch, merging)
    assert main(["merge", f"--output={tmp_path / 'x.tsv'}", str(tmp_path / "1")]) == 0
    bars.moved(22)


def test_shards_that_do_not_make_a_whole_are_refused_with_a_reason(predict, tmp_path, capsys):
    for i in (1, 2):
        assert predict(tmp_path / f"{i}", f"--shard={i}/2") == 4
    assert predict(tmp_path / "other", "--shard=2/2", "--min_score=0.3") == 4
    assert predict(tmp_path / "thirds", "--shard=2/3") == 4
    whole = (tmp_path / "2").read_bytes()
    (tmp_path / "cut").write_bytes(whole[:-30])
    at = len(whole) // 2
    (tmp_path / "flipped").write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])

    def merge(*names):
        output = tmp_path / "x.tsv"
        code = main(["merge", "-o", str(output), *(str(tmp_path / name) for name in names)])
        assert not output.exists()
        return code, error_of(capsys)

    capsys.readouterr()
    for names, code, told in [
        ((), 2, "give the files of all shards"),
        (("1",), 2, "1 of 2 shards missing: 2/2"),
        (("1", "1"), 2, "both shard 1/2"),
        (("1", "other"), 2, "--min_score (0.1, now 0.3)"),
        (("1", "thirds"), 2, "--shard (I/2, now I/3)"),
        (("1", "none"), 3, "no such file"),
        (("1", "proteins.fasta"), 3, "not a shard"),
        (("1", "cut"), 3, "not a shard"),
        (("1", "flipped"), 3, "damaged"),
    ]:
        found, line = merge(*names)
        assert (found, told in line) == (code, True), (names, line)


def test_records_of_one_accession_are_one_protein_in_formats_with_accessions(
    predict, tmp_path, capsys
):
    ids = ["sp|P04637|P53_HUMAN", "a", "b", "c", "P04637", "d", "e", "UniProtKB:P04637", "P04637-2"]
    lines = [f">{id}\n{'MKVLAAGIVGLLLAQP' * 5}{'ACDEFGHIK'[i]}\n" for i, id in enumerate(ids)]
    (tmp_path / "twins.fasta").write_text("".join(lines))
    (tmp_path / "whole").mkdir()
    (tmp_path / "merged").mkdir()
    words = ("--format=tsv,cafa,gaf,gpad", "--taxon=9606", "--date=2025-01-02", "--min_score=0")
    changes = {"input": tmp_path / "twins.fasta", "context_length": 64}
    assert predict(tmp_path / "whole" / "x", *words, **changes) == 0
    whole = capsys.readouterr().err
    for i in (1, 2):  # blocks of four, so that each shard has one of the records
        assert predict(tmp_path / f"{i}", f"--shard={i}/2", *words, **changes) == 0
    capsys.readouterr()
    shards = [str(tmp_path / "2"), str(tmp_path / "1")]
    assert main(["merge", "-o", str(tmp_path / "merged" / "x"), *shards]) == 0
    merged = capsys.readouterr().err
    for name, warnings in (("twins.fasta", whole), ("1", merged)):
        assert f"{name}: 9 proteins longer than 64 tokens, scored in" in warnings
        left_out = "2 records with the accession of an earlier one, left out of gaf, gpad and cafa"
        pairs = "P04637 as sp|P0463…P53_HUMAN, UniProtKB:P04637 as sp|P0463…P53_HUMAN"
        assert f"{name}: {left_out}: {pairs}\n" in warnings
    assert digests(tmp_path / "merged") == digests(tmp_path / "whole")
    for end, columns in (("cafa.tsv", 2), ("gpad", 4)):
        rows = (tmp_path / "whole" / f"x.{end}").read_text().splitlines()
        pairs = [tuple(row.split("\t")[:columns]) for row in rows if row[0] != "!"]
        assert len(set(pairs)) == len(pairs) > 20
    gaf = [row.split("\t") for row in (tmp_path / "whole" / "x.gaf").read_text().splitlines()]
    assert {row[16] for row in gaf if row[1:2] == ["P04637"]} == {"", "UniProtKB:P04637-2"}
    table = (tmp_path / "whole" / "x.tsv").read_text().splitlines()
    assert {line.split("\t")[0] for line in table[1:]} == set(ids)
