"""Finished work on disk: kept, checked, and never mixed."""

from collections import Counter

from killing_predict import digests
from predicting import error_of, rows_of


def test_unfinished_work_is_neither_used_nor_thrown_away_unasked(
    predict, stopped, tmp_path, capsys
):
    before = digests(tmp_path / "x.tsv.parts")
    assert predict(stopped) == 2
    line = error_of(capsys)
    assert "--resume continues" in line
    assert "--overwrite starts again" in line
    assert digests(tmp_path / "x.tsv.parts") == before
    assert predict(stopped, "--override", "--top_k=1") == 4
    assert set(Counter(row["protein"] for row in rows_of(stopped)).values()) == {1}
    assert not (tmp_path / "x.tsv.parts").exists()


def test_a_damaged_part_is_computed_again(predict, stopped, tmp_path, capsys):
    part = tmp_path / "x.tsv.parts" / "000" / "part-0000001"
    whole = bytearray(part.read_bytes())
    whole[len(whole) // 2] ^= 1
    part.write_bytes(whole)
    assert predict(stopped, "--resume") == 4
    assert "part-0000001 is damaged: computing it again" in capsys.readouterr().err
    assert predict(tmp_path / "whole.tsv") == 4
    assert stopped.read_bytes() == (tmp_path / "whole.tsv").read_bytes()


def test_resume_without_unfinished_work_starts_and_says_so(predict, tmp_path, capsys):
    assert predict(tmp_path / "x.tsv", "--resume") == 4
    assert "nothing to resume: starting from the beginning" in capsys.readouterr().err
    assert predict(tmp_path / "x.tsv", "--resume") == 2  # now there is an output
    assert "--overwrite" in error_of(capsys)


def test_a_folder_of_somebody_else_is_left_alone(predict, tmp_path, capsys):
    (tmp_path / "x.tsv.parts").mkdir()
    (tmp_path / "x.tsv.parts" / "thesis.txt").write_text("mine")
    assert predict(tmp_path / "x.tsv", "--override") == 2
    assert "thesis.txt is not a part" in error_of(capsys)
    (tmp_path / "y.tsv.parts").write_text("mine")
    assert predict(tmp_path / "y.tsv") == 2
    assert "in the way" in error_of(capsys)


def test_a_name_too_long_for_the_folder_of_parts_is_one_line(predict, tmp_path, capsys):
    for words in ((), ("--resume",)):
        assert predict(tmp_path / f"{'y' * 250}.tsv", *words) == 5
        assert "file name too long" in error_of(capsys)
