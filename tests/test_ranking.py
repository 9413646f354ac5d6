"""Ranking: what `esmgo rank` and predict-rank.py print."""

import re

import pytest

from esmgo.cli.main import main
from esmgo.predict.ranking import RankConfig

SEQUENCE = "MASMAGVGGGSGKRVPPTRVWWRLYEFALGLLGVVFFAAAATSGKTSRLVSVLIG"


def test_the_front_door_lists_all_terms_and_the_verb_what_says_something(
    ranked, capsys, checkpoint
):
    words = f"--sequence={SEQUENCE}", "--top_k=9999"
    every = ranked(*words, "--general")[1]
    some = ranked(*words)[1]
    flags = [f"--checkpoint_path={checkpoint}", "--device=cpu", *words]
    assert main(flags, "rank", prog="predict-rank.py") == 0
    assert capsys.readouterr().out.endswith(every)
    assert len(some.splitlines()) < len(every.splitlines())


def test_a_file_of_rejects_is_checked_before_any_work(ranked, tmp_path):
    (tmp_path / "there.tsv").write_text("mine")
    word = f"--rejects={tmp_path / 'there.tsv'}"
    assert ranked("--sequence=MKT", word)[0] == 2
    assert (tmp_path / "there.tsv").read_text() == "mine"
    assert ranked("--sequence=MKT", "--rejects=/nowhere/x.tsv")[0] == 5
    assert ranked("--sequence=MKT", "--rejects=/dev/stdout")[0] == 2


def test_ids_stand_beside_names_when_asked(ranked):
    _, out, _ = ranked(f"--sequence={SEQUENCE}", "--show_ids")
    assert all(re.search(r" \(GO:\d{7}\)$", line) for line in out.strip().splitlines()[1:])


def test_more_terms_than_there_are_prints_all(ranked, predictor):
    _, out, _ = ranked(f"--sequence={SEQUENCE}", "--top_k=100000", "--general")
    assert len(out.strip().splitlines()) == 1 + len(predictor.labels)


def test_a_bad_letter_is_named(ranked):
    code, out, err = ranked("--sequence=MKT1AY#IAK")
    assert (code, out) == (4, "")
    assert "'#'" in err


def test_a_missing_checkpoint_says_how_to_get_one(capsys, tmp_path):
    assert main(["rank", "--sequence=MKT", f"--checkpoint_path={tmp_path / 'none.pt'}"]) == 6
    assert "fine-tune.py" in capsys.readouterr().err


def test_ranking_takes_one_input():
    with pytest.raises(ValueError, match="not both"):
        RankConfig(sequence="MKT", fasta="x")
