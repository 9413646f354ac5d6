"""Which proteins go together, and as what tokens."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmgo.learn.windows import epoch_windows
from esmgo.model.batches import token_batches
from esmgo.model.tokens import VOCABULARY, encode, windows

LENGTHS = st.lists(st.integers(3, 300), min_size=1, max_size=80).map(np.array)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    from transformers import EsmTokenizer

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


@given(LENGTHS, st.integers(1, 2000))
def test_token_batches_hold_every_protein_once_within_the_budget(lengths, budget):
    batches = token_batches(lengths, budget)
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    for rows in batches:
        assert len(rows) == 1 or len(rows) * lengths[rows].max() <= budget


@given(LENGTHS, st.integers(1, 8), st.integers(1, 4), st.integers(0, 9), st.integers(1, 3))
def test_an_epoch_holds_every_protein_once_in_an_order_of_seed_and_epoch(n, b, a, seed, epoch):
    epochs = [epoch_windows(n, b, a, seed, epoch) for _ in range(2)]
    flat = [np.concatenate([rows for window in each for rows in window]) for each in epochs]
    assert sorted(flat[0]) == list(range(len(n)))
    assert (flat[0] == flat[1]).all()
    assert all(len(window) <= a and all(len(rows) <= b for rows in window) for window in epochs[0])
