"""Residues as tokens, and long proteins as windows."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import EsmTokenizer

from esmgo.model.tokens import VOCABULARY, Completed, encode, windows


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    path.write_text("\n".join(VOCABULARY))
    return EsmTokenizer(str(path))


def test_tokens_are_those_of_the_reference_tokenizer(tokenizer):
    for sequence in ("M", "ACDEFGHIKLMNPQRSTVWY", "BUZOX", "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQ"):
        assert encode(sequence, 1026).tolist() == tokenizer(sequence)["input_ids"]


def test_tokens_of_famous_proteins_are_those_of_the_reference_tokenizer(tokenizer, shared):
    lines = (shared / "data" / "demo_proteins.jsonl").read_text().splitlines()
    for line in lines:
        sequence = json.loads(line)["sequence"]
        wanted = tokenizer(sequence, truncation=True, max_length=1026)["input_ids"]
        assert encode(sequence, 1026).tolist() == wanted
    assert len(lines) == 31


@given(st.integers(1, 3000), st.integers(3, 500))
def test_windows_cover_every_residue_and_fit_the_context(n, context_length):
    sequence = "".join(chr(65 + i % 23) for i in range(n))
    parts = windows(sequence, context_length)
    size = context_length - 2
    assert all(len(part) <= size for part in parts)
    assert parts[0] == sequence[:size]
    assert parts[-1] == sequence[-size:]
    if n > size:
        # neighbours touch or overlap, by 256 residues or half a window where that is less
        step = -(-(n - size) // (len(parts) - 1))
        assert step <= max(1, size - min(256, size // 2)) + 1


@given(st.lists(st.integers(1, 4), min_size=1, max_size=9), st.randoms(use_true_random=False))
def test_a_protein_is_complete_with_its_last_window(counts, chance):
    completed = Completed([["M"] * n for n in counts])
    rows = list(range(sum(counts)))
    chance.shuffle(rows)
    found = [completed(np.array(rows[i : i + 3])) for i in range(0, len(rows), 3)]
    assert sum(found) == len(counts)
    last = [max(rows.index(at) for at in np.flatnonzero(completed.owner == i)) // 3
            for i in range(len(counts))]  # fmt: skip
    assert found == [last.count(i) for i in range(len(found))]
