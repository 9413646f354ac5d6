"""Training proteins of the same sequence: found, and claimed with their limits."""

import numpy as np
import pytest

from esmgo.evidence.identical import matches
from esmgo.evidence.index import Index, open_index
from esmgo.evidence.kmers import Kmers
from esmgo.go.sparse import SparseRows
from esmgo.model.checkpoint import open_checkpoint

SEQUENCES = ("MKTAYIAKQRQISFVKSHFSRQ", "MASMAGVGGGSGKRVPPTRVWWRLYEF", "GLLGVVFFAAAATSGKTSRLVSVLIG")
VECTORS = np.float32([[1, 2, 3], [-3, 1, 0], [0, 1, -1]])


@pytest.fixture
def index(diamond):
    """Three proteins: one with the shared term and its ancestors, two with other terms."""
    terms = SparseRows.of([4, 2, 1], np.int32([0, 1, 2, 3, 0, 1, 0]))
    return Index(("a", "b", "c"), VECTORS.astype(np.float16), terms, "", Kmers.of(SEQUENCES))


def test_the_same_sequence_is_found_with_its_annotations(index, diamond):
    (found,) = matches(index, SEQUENCES[0], VECTORS[0], diamond)
    assert (found.id, found.columns.tolist(), found.leaves.tolist()) == ("a", [0, 1, 2, 3], [3])
    assert found.n_kmers == index.kmers.sums.n_kept[0]
    assert "same or nearly the same" in str(found)


def test_a_part_of_the_sequence_and_another_embedding_are_no_match(index, diamond):
    assert matches(index, SEQUENCES[0][:-3], VECTORS[0], diamond) == ()
    assert matches(index, SEQUENCES[0], VECTORS[1], diamond) == ()
    assert matches(index, "A", VECTORS[0], diamond) == ()


def test_without_kmers_only_an_equal_embedding_is_a_match(index, diamond):
    plain = Index(index.ids, index.vectors, index.terms)
    (found,) = matches(plain, "any", VECTORS[2] + np.float32(1e-3), diamond)
    assert (found.id, found.n_kmers) == ("c", 0)
    assert "an equal embedding" in str(found)
    assert matches(plain, "any", VECTORS[2] + np.float32(0.1), diamond) == ()


def test_an_index_of_no_proteins_matches_nothing(diamond):
    none = Index((), np.empty((0, 3), np.float16), SparseRows.of([], np.int32([])))
    assert matches(none, "MKT", VECTORS[0], diamond) == ()


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
