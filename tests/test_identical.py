"""Training proteins with the same sequence are found with their annotations."""

from dataclasses import replace

import numpy as np
import pytest

from esmgo.evidence.identical import matches
from esmgo.evidence.index import Index
from esmgo.evidence.index_file import open_index
from esmgo.evidence.stored_sequences import StoredSequences
from esmgo.go.sparse import SparseRows
from esmgo.model.checkpoint import open_checkpoint

SEQUENCES = ("MKTAYIAKQRQISFVKSHFSRQ", "MASMAGVGGGSGKRVPPTRVWWRLYEF", "MKTAYIAKQRQISFVKSHFSRQ")


@pytest.fixture
def index(diamond):
    """Three proteins: one with the shared term and its ancestors, two with other terms."""
    terms = SparseRows.of([4, 2, 1], np.int32([0, 1, 2, 3, 0, 1, 0]))
    vectors = np.zeros((3, 2), np.float16)
    sequences = StoredSequences.of(SEQUENCES)
    return Index(("a", "b", "c"), vectors, terms, np.zeros(3, np.int32), sequences=sequences)


def test_the_same_sequence_is_found_with_its_annotations(index, diamond):
    found, other = matches(index, SEQUENCES[0], diamond)
    assert (found.id, found.columns.tolist(), found.leaves.tolist()) == ("a", [0, 1, 2, 3], [3])
    assert (other.id, other.columns.tolist(), other.leaves.tolist()) == ("c", [0], [0])
    assert str(found) == "The same sequence as the training protein a"


@pytest.mark.parametrize("sequence", [SEQUENCES[0][:-1], SEQUENCES[0][:-1] + "E", "A", ""])
def test_another_sequence_is_no_match(index, diamond, sequence):
    assert matches(index, sequence, diamond) == ()


def test_an_index_without_sequences_matches_nothing(index, diamond):
    assert matches(replace(index, sequences=None), SEQUENCES[0], diamond) == ()


def test_training_proteins_find_themselves_in_a_new_index(checkpoint, predictor, proteins):
    from esmgo.data.fasta import Protein
    from esmgo.dataset.opening import open_dataset

    data = open_dataset("sample", "all", eval_ratio=1).train
    index = open_index(open_checkpoint(checkpoint))
    ids = index.ids[:5]
    sequences = dict(zip(data.ids, data.sequences, strict=True))
    own = [Protein(id, sequences[id]) for id in ids]
    for prediction in predictor.predict(own):
        assert prediction.protein.id in [match.id for match in prediction.matches]
    assert all(prediction.matches == () for prediction in predictor.predict(proteins))
