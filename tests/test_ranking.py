"""Ranking: the seed's transcript, pastes, pipes and long proteins."""

import io
import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from esmgo.cli.main import main
from esmgo.data.fasta import Protein
from esmgo.dataset.sample import EXAMPLES, sample_rows
from esmgo.errors import MachineError
from esmgo.predict.scorer import Scorer

ROOT = Path(__file__).parents[1]
LINE = re.compile(r"[01]\.\d{4}: \S.*")
SEQUENCE = "MASMAGVGGGSGKRVPPTRVWWRLYEFALGLLGVVFFAAAATSGKTSRLVSVLIG"


@pytest.fixture(scope="module")
def predictor(checkpoint):
    return Scorer.load(checkpoint, device="cpu")


@pytest.fixture(scope="module")
def proteins():
    rows = sample_rows()["test"][:12]
    long = Protein("long", "".join(row["sequence"] for row in rows))
    return [*(Protein(row["id"], row["sequence"]) for row in rows), long]


def ranked(capsys, checkpoint, *words, stdin=None, monkeypatch=None):
    if stdin is not None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
    code = main(["rank", f"--checkpoint_path={checkpoint}", "--device=cpu", *words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_batching_does_not_change_scores(predictor, proteins):
    together = [p.scores for p in predictor.predict(proteins)]
    alone = [next(predictor.predict([p])).scores for p in proteins]
    np.testing.assert_allclose(together, alone, atol=1e-5, rtol=0)


def test_results_keep_the_input_order(predictor, proteins):
    assert [p.protein.id for p in predictor.predict(proteins)] == [p.id for p in proteins]
    (block,) = predictor.score(proteins)
    assert block.proteins == tuple(p.id for p in proteins)


def test_an_ancestor_is_never_less_likely_than_its_descendant(predictor, proteins):
    for prediction in predictor.predict(proteins):
        for j, parents in enumerate(predictor.labels.parents):
            assert all(prediction.scores[p] >= prediction.scores[j] for p in parents)


def test_deeper_terms_come_first_on_ties(predictor, proteins):
    prediction = next(predictor.predict(proteins))
    order = prediction.ranked()
    scores, depth = prediction.scores[order], predictor.labels.depth[order]
    assert (np.diff(scores) <= 0).all()
    assert (np.diff(depth)[np.diff(scores) == 0] <= 0).all()


def test_general_terms_that_a_term_below_implies_can_be_left_out(predictor, proteins):
    labels = predictor.labels
    for prediction in predictor.predict(proteins):
        every, some = (prediction.top(10_000, general=general) for general in (True, False))
        assert some == [row for row in every if row in some]
        score, listed = {t.id: s for t, s in every}, {t.id for t, _ in some}
        assert 0 < len(some) < len(every) == len(labels)
        below = {term.id: [] for term in labels.terms}
        for term, parents in zip(labels.terms, labels.parents, strict=True):
            for p in parents:
                below[labels.terms[p].id].append(score[term.id])
        for id, children in below.items():
            is_implied = any(
                child >= np.float32(score[id]) - np.float32(0.05) for child in children
            )
            assert (id in listed) != is_implied


def test_the_front_door_lists_all_terms_and_the_verb_what_says_something(capsys, checkpoint):
    words = f"--sequence={SEQUENCE}", "--top_k=9999"
    every = ranked(capsys, checkpoint, *words, "--general")[1]
    some = ranked(capsys, checkpoint, *words)[1]
    flags = [f"--checkpoint_path={checkpoint}", "--device=cpu", *words]
    assert main(flags, "rank", prog="predict-rank.py") == 0
    assert capsys.readouterr().out.endswith(every)
    assert len(some.splitlines()) < len(every.splitlines())


def test_a_long_protein_is_scored_in_windows_and_takes_the_maximum(checkpoint):
    zinc = sample_rows()["test"][0]["sequence"]
    protein = Protein("long", "A" * 700 + zinc + "A" * 700)
    short = Scorer.load(checkpoint, device="cpu", context_length=402)
    (prediction,) = short.predict([protein], raw=True)
    from esmgo.model.tokens import windows

    parts = [Protein(str(i), part) for i, part in enumerate(windows(protein.sequence, 402))]
    assert prediction.n_windows == len(parts) > 3
    apart = np.stack([p.scores for p in short.predict(parts, raw=True)])
    np.testing.assert_allclose(prediction.scores, apart.max(0), atol=1e-5, rtol=0)


def test_out_of_memory_halves_the_batch_and_goes_on(predictor, proteins, monkeypatch):
    whole = np.stack([p.scores for p in predictor.predict(proteins)])
    real, sizes = predictor.caller.lower, []

    def scarce(packed, half):
        sizes.append(len(packed))
        if len(packed) > 2:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 1 TB")
        return real(packed, half)

    monkeypatch.setattr(predictor.caller, "lower", scarce)
    halved = np.stack([p.scores for p in predictor.predict(proteins)])
    np.testing.assert_array_equal(halved, whole)
    assert max(sizes) > 2

    def none(packed, half):
        raise MemoryError

    monkeypatch.setattr(predictor.caller, "lower", none)
    with pytest.raises(MachineError, match="not enough memory"):
        list(predictor.predict(proteins))


def test_a_sequence_flag_answers_without_asking(capsys, checkpoint):
    code, out, err = ranked(capsys, checkpoint, f"--sequence={SEQUENCE}", "--top_k=5")
    assert code == 0
    head, *lines = out.strip().splitlines()
    assert head == "Top 5 GO Terms:"
    assert len(lines) == 5
    assert all(LINE.fullmatch(line) for line in lines)
    assert "Checkpoint loaded successfully" in err


def test_case_spaces_digits_and_line_ends_do_not_matter(capsys, checkpoint):
    messy = "1 " + SEQUENCE[:20].lower() + "\n 21 " + SEQUENCE[20:] + "*\n"
    one = ranked(capsys, checkpoint, f"--sequence={SEQUENCE}")[1]
    assert ranked(capsys, checkpoint, f"--sequence={messy}")[1] == one


def test_digits_of_a_pasted_fasta_record_do_not_matter(capsys, checkpoint):
    one = ranked(capsys, checkpoint, f"--sequence=>p1\n{SEQUENCE}")[1]
    numbered = f">p1\n        1 {SEQUENCE[:20]}\n       21 {SEQUENCE[20:]}\n"
    assert ranked(capsys, checkpoint, f"--sequence={numbered}")[1] == one
    assert one.startswith("p1\n")


def test_a_file_of_rejects_is_checked_before_any_work(capsys, checkpoint, tmp_path):
    (tmp_path / "there.tsv").write_text("mine")
    word = f"--rejects={tmp_path / 'there.tsv'}"
    assert ranked(capsys, checkpoint, "--sequence=MKT", word)[0] == 2
    assert (tmp_path / "there.tsv").read_text() == "mine"
    assert ranked(capsys, checkpoint, "--sequence=MKT", "--rejects=/nowhere/x.tsv")[0] == 5


def test_piped_input_answers_without_asking(capsys, checkpoint, monkeypatch):
    one = ranked(capsys, checkpoint, f"--sequence={SEQUENCE}")[1]
    piped = ranked(capsys, checkpoint, stdin=SEQUENCE[:30] + "\n" + SEQUENCE[30:] + "\n",
                   monkeypatch=monkeypatch)  # fmt: skip
    assert piped[1] == one
    fasta = f">a first\n{SEQUENCE}\n>b\n{SEQUENCE[::-1]}\n"
    code, out, _ = ranked(capsys, checkpoint, stdin=fasta, monkeypatch=monkeypatch)
    assert code == 0
    assert [block.splitlines()[0] for block in out.strip().split("\n\n")] == ["a", "b"]


def test_nothing_piped_is_said(capsys, checkpoint, monkeypatch):
    code, out, err = ranked(capsys, checkpoint, stdin="", monkeypatch=monkeypatch)
    assert (code, out) == (0, "")
    assert "warning: no sequence" in err


def test_ids_stand_beside_names_when_asked(capsys, checkpoint):
    _, out, _ = ranked(capsys, checkpoint, f"--sequence={SEQUENCE}", "--show_ids")
    assert all(re.search(r" \(GO:\d{7}\)$", line) for line in out.strip().splitlines()[1:])


def test_more_terms_than_there_are_prints_all(capsys, checkpoint, predictor):
    _, out, _ = ranked(capsys, checkpoint, f"--sequence={SEQUENCE}", "--top_k=100000", "--general")
    assert len(out.strip().splitlines()) == 1 + len(predictor.labels)


def test_raw_scores_are_the_networks_own(predictor, proteins):
    raw = next(predictor.predict(proteins, raw=True)).scores
    raised = next(predictor.predict(proteins)).scores
    assert (raised >= raw).all()
    assert (raised > raw).any()


def test_a_bad_letter_is_named(capsys, checkpoint):
    code, out, err = ranked(capsys, checkpoint, "--sequence=MKT1AY#IAK")
    assert (code, out) == (4, "")
    assert "'#'" in err


def test_a_missing_checkpoint_says_how_to_get_one(capsys, tmp_path):
    assert main(["rank", "--sequence=MKT", f"--checkpoint_path={tmp_path / 'none.pt'}"]) == 6
    assert "fine-tune.py" in capsys.readouterr().err


def test_examples_are_proteins():
    assert EXAMPLES


class Terminal:
    """A conversation with a program on a pseudo-terminal."""

    def __init__(self, *words: str) -> None:
        self.here, there = pty.openpty()
        self.program = subprocess.Popen(
            [sys.executable, *words], stdin=there, stdout=there, stderr=subprocess.STDOUT, cwd=ROOT
        )
        os.close(there)
        self.text = ""

    def until(self, words: str, seconds: float = 120) -> str:
        end = time.monotonic() + seconds
        while words not in self.text:
            assert time.monotonic() < end, f"{words!r} did not come: {self.text[-300:]!r}"
            if select.select([self.here], [], [], 0.2)[0]:
                try:
                    self.text += os.read(self.here, 65536).decode().replace("\r\n", "\n")
                except OSError:  # the other side is closed
                    break
        assert words in self.text, self.text[-300:]
        before, _, self.text = self.text.partition(words)
        return before

    def type(self, text: str) -> None:
        os.write(self.here, text.encode())


def test_the_conversation_is_the_seeds(checkpoint):
    talk = Terminal(
        "predict-rank.py", f"--checkpoint_path={checkpoint}", "--top_k=5", "--device=cpu"
    )
    talk.until("Checkpoint loaded successfully\n")
    talk.until("Enter a sequence: ")
    # pasted over several lines: none of them answers the next question
    talk.type(f"{SEQUENCE[:20]}\n{SEQUENCE[20:40].lower()}\n{SEQUENCE[40:]}\n")
    shown = talk.until("\nGo again? (yes|no): ")
    assert "\n\nTop 5 GO Terms:\n" in shown
    first = shown.rstrip().splitlines()[-5:]
    assert all(LINE.fullmatch(line) for line in first)
    talk.type("yes\n")
    talk.until("Enter a sequence: ")
    talk.type(f">pasted as FASTA\n{SEQUENCE}\n")
    again = talk.until("\nGo again? (yes|no): ").rstrip().splitlines()[-5:]
    assert again == first
    talk.type("y\n")
    talk.until("Enter a sequence: ")
    talk.type("MK#T\n")
    assert "'#' is not an amino acid" in talk.until("Go again? (yes|no): ")
    talk.type("y\n")
    talk.until("Enter a sequence: ")
    long = SEQUENCE * 100  # longer than a terminal's own line
    for at in range(0, len(long), 1000):
        talk.type(long[at : at + 1000])
        time.sleep(0.05)
    talk.type("#\n")
    assert f"column {len(long) + 1}" in talk.until("Go again? (yes|no): ")
    talk.type("no\n")
    assert talk.program.wait(20) == 0


def test_end_of_input_ends_the_conversation_quietly(checkpoint):
    talk = Terminal("predict-rank.py", f"--checkpoint_path={checkpoint}", "--device=cpu")
    talk.until("Enter a sequence: ")
    talk.type("\x04")
    assert talk.program.wait(20) == 0
    talk.until("\n")
    assert "Traceback" not in talk.text
