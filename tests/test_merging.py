"""`esmgo merge`: shards become the files of one complete run, or are refused."""

from killing_predict import FORMATS, digests
from predicting import Bars, error_of

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
