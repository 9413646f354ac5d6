"""Probabilities of proteins: any batch, any order, any length."""

import numpy as np
import pytest

from esmgo.data.fasta import Protein
from esmgo.dataset.sample import sample_rows
from esmgo.errors import MachineError
from esmgo.model.tokens import windows
from esmgo.predict.predictor import Predictor


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


def test_a_long_protein_is_scored_in_windows_and_takes_the_maximum(checkpoint):
    zinc = sample_rows()["test"][0]["sequence"]
    protein = Protein("long", "A" * 700 + zinc + "A" * 700)
    short = Predictor.load(checkpoint, device="cpu", context_length=402)
    (prediction,) = short.predict([protein], raw=True)
    parts = [Protein(str(i), part) for i, part in enumerate(windows(protein.sequence, 402))]
    assert prediction.n_windows == len(parts) > 3
    apart = np.stack([p.scores for p in short.predict(parts, raw=True)])
    np.testing.assert_allclose(prediction.scores, apart.max(0), atol=1e-5, rtol=0)


def test_out_of_memory_halves_the_batch_and_goes_on(predictor, proteins, monkeypatch):
    whole = np.stack([p.scores for p in predictor.predict(proteins)])
    real, sizes = predictor.scorer.caller.lower, []

    def scarce(packed, half):
        sizes.append(len(packed))
        if len(packed) > 2:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 1 TB")
        return real(packed, half)

    monkeypatch.setattr(predictor.scorer.caller, "lower", scarce)
    halved = np.stack([p.scores for p in predictor.predict(proteins)])
    np.testing.assert_array_equal(halved, whole)
    assert max(sizes) > 2

    def none(packed, half):
        raise MemoryError

    monkeypatch.setattr(predictor.scorer.caller, "lower", none)
    with pytest.raises(MachineError, match="not enough memory"):
        list(predictor.predict(proteins))


def test_raw_scores_are_the_networks_own(predictor, proteins):
    raw = next(predictor.predict(proteins, raw=True)).scores
    raised = next(predictor.predict(proteins)).scores
    assert (raised >= raw).all()
    assert (raised > raw).any()
