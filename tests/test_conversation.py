"""Sequences from a pipe, a flag and a conversation, however pasted."""

import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINE = re.compile(r"[01]\.\d{4}: \S.*")
ROW = re.compile(r"  [01]\.\d{4}  [ \d]\d\.\d  \S.*")
SEQUENCE = "MASMAGVGGGSGKRVPPTRVWWRLYEFALGLLGVVFFAAAATSGKTSRLVSVLIG"


def test_a_sequence_flag_answers_without_asking(ranked):
    code, out, err = ranked(f"--sequence={SEQUENCE}", "--top_k=5")
    assert code == 0
    head, *lines = out.strip().splitlines()
    assert head == "Top 5 GO Terms of each aspect by probability × bits: probability, bits, name"
    assert len(lines) == 3 * (1 + 5)
    assert all(ROW.fullmatch(line) for line in lines if line.startswith(" "))
    assert "Checkpoint loaded successfully" in err


def test_case_spaces_digits_and_line_ends_do_not_matter(ranked):
    messy = "1 " + SEQUENCE[:20].lower() + "\n 21 " + SEQUENCE[20:] + "*\n"
    one = ranked(f"--sequence={SEQUENCE}")[1]
    assert ranked(f"--sequence={messy}")[1] == one


def test_digits_of_a_pasted_fasta_record_do_not_matter(ranked):
    one = ranked(f"--sequence=>p1\n{SEQUENCE}")[1]
    numbered = f">p1\n        1 {SEQUENCE[:20]}\n       21 {SEQUENCE[20:]}\n"
    assert ranked(f"--sequence={numbered}")[1] == one
    assert one.startswith("p1\n")


NO_SEQUENCES = {
    "P04637": "P04637 looks like a UniProt accession",
    " P04637-2\n": "https://rest.uniprot.org/uniprotkb/P04637.fasta and give --fasta=FILE",
    "TP53": "a gene symbol",
    "proteins.fasta": "looks like a file name: --fasta=proteins.fasta reads it",
    f"{SEQUENCE[:9]}1{SEQUENCE[9:]}": "digits are read only as line numbers",
}


@pytest.mark.parametrize(("text", "words"), NO_SEQUENCES.items())
@pytest.mark.parametrize("is_piped", [False, True])
def test_what_is_no_sequence_is_an_error_that_names_it(ranked, text, words, is_piped):
    code, out, err = ranked(stdin=text) if is_piped else ranked(f"--sequence={text}")
    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    assert line.startswith("error: ")
    assert words in line
    assert len(line) < 200


def test_a_sequence_of_few_residues_gets_a_warning(ranked):
    code, out, err = ranked("--sequence=EGFR")
    assert code == 0
    assert "GO Terms" in out
    words = "too short to rely on"
    assert f"warning: EGFR is read as 4 residues, {words}; if it is a gene symbol or a name" in err
    assert err.count(words) == 1
    assert words not in ranked(f"--sequence={SEQUENCE[:10]}")[2]
    err = ranked("--sequence=>p\nMKTAYIAK.*")[2]
    assert "1 sequences of fewer than 10 known residues, too few to rely on: p" in err


def test_piped_input_answers_without_asking(ranked):
    one = ranked(f"--sequence={SEQUENCE}")[1]
    piped = ranked(stdin=SEQUENCE[:30] + "\n" + SEQUENCE[30:] + "\n")  # fmt: skip
    assert piped[1] == one
    fasta = f">a first\n{SEQUENCE}\n>b\n{SEQUENCE[::-1]}\n"
    code, out, _ = ranked(stdin=fasta)
    assert code == 0
    assert [block.splitlines()[0] for block in out.strip().split("\n\n")] == ["a", "b"]


def test_nothing_piped_is_said(ranked):
    code, out, err = ranked(stdin="")
    assert (code, out) == (0, "")
    assert "warning: no sequence" in err


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
    talk.type("P04637\n")
    assert "error: P04637 looks like a UniProt accession" in talk.until("Go again? (yes|no): ")
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
