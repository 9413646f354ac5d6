"""Ranking: what `esmgo rank` and predict-rank.py print."""

import re

import numpy as np
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
    listed = sorted(re.findall(r"(0\.\d{4}): (.*)", capsys.readouterr().out))
    grouped = re.compile(r"^  (0\.\d{4})(?:  0\.\d\d)?  [ \d]\d\.\d  (.*?)(?: \*)?$", re.MULTILINE)
    assert listed == sorted(grouped.findall(every))
    assert len(some.splitlines()) < len(every.splitlines())


def numbers(text):
    """The probability and the bits of each listed term, by aspect."""
    parts = re.split(r"^(?=\w)", text, flags=re.MULTILINE)[2:]
    row = re.compile(r"^  (0\.\d{4})  (..\.\d)  ", re.MULTILINE)
    return [[(float(p), float(bits)) for p, bits in row.findall(part)] for part in parts]


def test_terms_are_ordered_by_information_or_by_score(ranked):
    words = f"--sequence={SEQUENCE}", "--top_k=9999", "--general"
    by_default, by_score = numbers(ranked(*words)[1]), numbers(ranked(*words, "--sort=score")[1])
    assert numbers(ranked(*words, "--sort=information")[1]) == by_default
    for rows, others in zip(by_default, by_score, strict=True):
        assert sorted(rows) == sorted(others)
        products = np.array([p * bits for p, bits in rows])
        assert (np.diff(products) < 0.15).all()  # bits are printed with one decimal
        assert (np.diff([p for p, _ in others]) <= 0).all()


def test_the_front_door_orders_by_score_unless_another_order_is_given(capsys, checkpoint):
    flags = [f"--checkpoint_path={checkpoint}", "--device=cpu", f"--sequence={SEQUENCE}"]
    found = []
    for more in ([], ["--sort=score"], ["--sort=information"]):
        assert main([*flags, *more], "rank", prog="predict-rank.py") == 0
        found.append(re.findall(r"^0\.\d{4}", capsys.readouterr().out, re.MULTILINE))
    assert found[0] == found[1] == sorted(found[0], reverse=True)
    assert found[2] != sorted(found[2], reverse=True)


def test_an_order_by_unknown_information_is_refused(ranked, checkpoint, tmp_path):
    word = f"--sequence={SEQUENCE}"
    assert ranked(word, "--sort=information", "--raw")[0] == 2
    assert ranked(word, "--sort=score", "--raw")[0] == 0
    alone = tmp_path / "alone.pt"
    alone.symlink_to(checkpoint)  # without its index
    code, _, err = ranked(word, "--sort=information", f"--checkpoint_path={alone}")
    assert (code, "--sort" in err) == (2, True)
    code, out, _ = ranked(word, f"--checkpoint_path={alone}")
    assert code == 0
    assert "Top 10 GO Terms of each aspect: probability, name" in out


def test_a_file_of_rejects_is_checked_before_any_work(ranked, tmp_path):
    (tmp_path / "there.tsv").write_text("mine")
    word = f"--rejects={tmp_path / 'there.tsv'}"
    assert ranked("--sequence=MKT", word)[0] == 2
    assert (tmp_path / "there.tsv").read_text() == "mine"
    assert ranked("--sequence=MKT", "--rejects=/nowhere/x.tsv")[0] == 5
    assert ranked("--sequence=MKT", "--rejects=/dev/stdout")[0] == 2


def test_ids_stand_beside_names_when_asked(ranked):
    _, out, _ = ranked(f"--sequence={SEQUENCE}", "--show_ids")
    rows = [line for line in out.splitlines() if line.startswith("  ")]
    assert rows
    assert all(re.search(r" \(GO:\d{7}\)$", row) for row in rows)


def test_more_terms_than_there_are_prints_all(ranked, predictor):
    _, out, _ = ranked(f"--sequence={SEQUENCE}", "--top_k=100000", "--general")
    rows = [line for line in out.splitlines() if line.startswith("  ")]
    assert len(rows) == len(predictor.labels)


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


FASTA = f">sp|P04637|P53_HUMAN Cellular tumor antigen\n{SEQUENCE}\n>b\n{SEQUENCE[::-1]}\n"


@pytest.fixture
def fasta(tmp_path):
    """A file of two proteins."""
    (tmp_path / "two.fasta").write_text(FASTA)
    return tmp_path / "two.fasta"


def test_the_file_is_named_in_four_ways(ranked, fasta):
    wanted = ranked(f"--fasta={fasta}")[:2]
    assert wanted[0] == 0
    assert ranked(str(fasta))[:2] == wanted
    assert ranked("--top_k", "10", str(fasta))[:2] == wanted
    assert ranked("-i", str(fasta))[:2] == wanted
    assert ranked(f"--input={fasta}")[:2] == wanted
    code, _, err = ranked(str(fasta), f"--fasta={fasta}")
    assert (code, "--fasta is given twice" in err) == (2, True)
    assert ranked(str(fasta), str(fasta))[0] == 2


def test_terms_stand_by_aspect_below_the_identifier_of_the_protein(ranked, fasta):
    _, out, _ = ranked(str(fasta), "--top_k=3")
    first, second = out.strip().split("\n\n")
    assert first.splitlines()[0] == "sp|P04637|P53_HUMAN"
    assert second.splitlines()[0] == "b"
    titles = [x for x in first.splitlines()[2:] if not x.startswith("  ")]
    assert titles == ["Molecular function", "Biological process", "Cellular component"]
    assert len(first.splitlines()) == 2 + 3 * 4


@pytest.mark.parametrize("name", ["P04637", "sp|P04637|P53_HUMAN", "tr|P04637|OTHER"])
def test_a_protein_is_selected_by_identifier_or_accession(ranked, fasta, name):
    _, out, _ = ranked(str(fasta), f"--protein={name}")
    assert out.startswith("sp|P04637|P53_HUMAN")
    assert "\nb\n" not in out
    assert ranked(f"--protein={name}", stdin=FASTA)[1] == out
    assert ranked(f"--protein={name}", f"--sequence={FASTA}")[1] == out


def test_a_protein_that_is_not_there_is_named_with_those_that_are(ranked, fasta):
    code, out, err = ranked(str(fasta), "--protein=P99999")
    assert (code, out) == (2, "")
    assert "--protein P99999 is not among the proteins: sp|P04637|P53_HUMAN, b" in err


def test_a_rejected_protein_that_is_asked_for_is_named_with_the_reason(ranked, tmp_path):
    (tmp_path / "x.fasta").write_text(f">a\nMK#T\n>b\n{SEQUENCE}\n")
    code, _, err = ranked(str(tmp_path / "x.fasta"), "--protein=a")
    assert code == 2
    assert "'#' is not an amino acid" in err


def test_aspects_can_be_chosen(ranked, fasta, checkpoint, capsys):
    _, out, _ = ranked(str(fasta), "--aspect=cc,mf", "--protein=b")
    assert "Biological process" not in out
    assert out.index("Molecular function") < out.index("Cellular component")
    assert ranked(str(fasta), "--aspect=xx")[0] == 2
    words = [f"--checkpoint_path={checkpoint}", "--device=cpu", "--aspect=cc", "--top_k=4"]
    assert main([*words, f"--sequence={SEQUENCE}"], "rank", prog="predict-rank.py") == 0
    assert len(re.findall(r"^0\.\d{4}: ", capsys.readouterr().out, re.MULTILINE)) == 4


def test_the_output_is_a_file_as_printed_or_a_table(ranked, fasta, tmp_path):
    _, shown, _ = ranked(str(fasta), "--top_k=2")
    assert ranked(str(fasta), "--top_k=2", "-o", str(tmp_path / "x.txt"))[:2] == (0, "")
    assert (tmp_path / "x.txt").read_text() == shown
    assert ranked(str(fasta), "--top_k=2", f"--output={tmp_path / 'x.tsv'}")[0] == 0
    header, *rows = [line.split("\t") for line in (tmp_path / "x.tsv").read_text().splitlines()]
    assert header[:6] == ["protein", "term", "name", "aspect", "score", "precision"]
    assert len(rows) == 2 * 3 * 2
    assert {row[3] for row in rows} == {"MF", "BP", "CC"}
    assert ranked(str(fasta), f"--output={tmp_path / 'x.tsv'}")[0] == 2
    assert ranked(str(fasta), f"--output={tmp_path / 'x.tsv'}", "--overwrite")[0] == 0
    assert ranked(str(fasta), f"--output={tmp_path / 'x.tsv'}", "--override")[0] == 0


@pytest.mark.parametrize("name", ["x.xlsx", "x.csv", "x.gmt", "x"])
def test_other_outputs_are_refused_before_any_work(ranked, fasta, tmp_path, name):
    code, _, err = ranked(str(fasta), "-o", str(tmp_path / name))
    assert code == 2
    assert ".txt or .tsv" in err
    assert "base tiny" not in err


def test_a_training_protein_is_reported_with_what_is_annotated_there(ranked):
    from esmgo.dataset.opening import open_dataset

    data = open_dataset("sample", "all", eval_ratio=1).train
    _, out, _ = ranked(f"--sequence={data.sequences[0]}")
    assert f"The same sequence as the training protein {data.ids[0]}" in out
    assert "Annotated there (*): " in out
    assert re.search(r"^  .* \*$", out, re.MULTILINE)
    assert "training protein" not in ranked(f"--sequence={SEQUENCE}")[1]


def test_the_novelty_of_a_protein_is_printed_and_limited(blended, held_out, tmp_path, capsys):
    words = [
        f"--checkpoint_path={blended[0]}",
        "--device=cpu",
        f"--sequence={held_out[0].sequence}",
    ]
    assert main(["rank", *words]) == 0
    line = next(each for each in capsys.readouterr().out.splitlines() if "Novelty" in each)
    assert re.fullmatch(
        r"Novelty [01]\.\d\d(, unlike anything known)?; of the 5 best informative terms of each"
        r" aspect of such proteins, \d+ % are right",
        line,
    )
    assert main(["rank", *words, "--max_novelty=0"]) == 0
    out, err = capsys.readouterr()
    assert out.count("(none)") == 3
    assert "unlike anything known (novelty above 0): no terms" in err
    assert main(["rank", *words, "--max_novelty=0", f"--output={tmp_path / 'x.tsv'}"]) == 0
    assert len((tmp_path / "x.tsv").read_text().splitlines()) == 1
    assert main(words, "rank", prog="predict-rank.py") == 0
    assert "Novelty" not in capsys.readouterr().out
    assert main(["rank", *words, "--raw", "--max_novelty=0.5"]) == 2
    assert "--max_novelty cannot be combined with --raw" in capsys.readouterr().err
