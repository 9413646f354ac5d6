"""All evidence of a checkpoint: scores, precision, sources, fingerprints."""

import shutil

import numpy as np
import pytest

from esmgo.data.fasta import Protein
from esmgo.dataset.opening import open_dataset
from esmgo.errors import UsageError
from esmgo.evidence.index import open_index
from esmgo.evidence.sources import EvidenceSource
from esmgo.model.checkpoint import open_checkpoint
from esmgo.predict.predictor import Predictor


def test_scores_obey_the_true_path_rule_and_say_where_they_come_from(blended, held_out):
    predictor = Predictor.load(blended[0], device="cpu")
    evidence = predictor.evidence(held_out[:20])
    values, labels = evidence.scores.values, predictor.labels
    for j, up in enumerate(labels.parents):
        for p in up:
            assert (values[:, p] >= values[:, j]).all()
    called = values > 0.5
    assert called.any()
    index = open_index(open_checkpoint(blended[0]))
    frequency = index.terms.frequency(len(labels)) / np.float32(len(index))
    for source, flag in (("head", EvidenceSource.HEAD), ("neighbours", EvidenceSource.NEIGHBOURS)):
        alone = Predictor.load(blended[0], device="cpu", sources=[source]).evidence(held_out[:20])
        speaks = (evidence.sources & flag) > 0
        np.testing.assert_array_equal(speaks, alone.scores.values > frequency)
        assert not (alone.sources & EvidenceSource.COANNOTATION).any()
    assert not (evidence.sources & EvidenceSource.HOMOLOGY).any()
    speaks = (evidence.sources & EvidenceSource.COANNOTATION) > 0
    assert (speaks.any(), speaks[:, [term.is_root for term in labels.terms]].any()) == (True, False)
    counted = ~np.isnan(evidence.precision)
    roots = np.array([term.is_root for term in labels.terms])
    np.testing.assert_array_equal(counted.all(axis=0), ~roots)


def test_a_protein_has_the_same_evidence_alone(blended, held_out):
    predictor = Predictor.load(blended[0], device="cpu", dtype="fp32")
    together = predictor.evidence(held_out[:9])
    for i, protein in enumerate(held_out[:9]):
        alone = predictor.evidence([protein])
        np.testing.assert_array_equal(alone.scores.values[0], together.scores.values[i])
        np.testing.assert_array_equal(alone.precision[0], together.precision[i])
        assert alone.similarity[0] == together.similarity[i]


def test_a_training_protein_is_its_own_neighbour(blended):
    train = open_dataset("sample", "all", eval_ratio=1).train
    found = Predictor.load(blended[0], device="cpu").evidence(
        list(map(Protein, train.ids[:5], train.sequences[:5]))
    )
    np.testing.assert_allclose(found.similarity, 1, atol=1e-3)


def test_one_source_speaks_alone_when_asked(blended, held_out):
    head = Predictor.load(blended[0], device="cpu", sources=["head"]).evidence(held_out[:5])
    near = Predictor.load(blended[0], device="cpu", sources=["neighbours"]).evidence(held_out[:5])
    assert not np.allclose(head.scores.values, near.scores.values)
    assert np.isnan(near.precision).all()  # votes were never calibrated
    tenths = near.scores.values.max(axis=0)
    assert (tenths <= 1).all()


def test_without_an_index_the_head_speaks_alone(blended, held_out, tmp_path):
    path = tmp_path / "checkpoint.pt"
    shutil.copy(blended[0], path)
    found = Predictor.load(path, device="cpu").evidence(held_out[:3])
    wanted = Predictor.load(blended[0], device="cpu", sources=["head"]).evidence(held_out[:3])
    np.testing.assert_array_equal(found.scores.values, wanted.scores.values)
    assert np.isnan(found.similarity).all()
    with pytest.raises(UsageError, match="no index beside"):
        Predictor.load(path, device="cpu", sources=["head", "neighbours"])


def test_fingerprint_tells_models_and_options_apart(blended, checkpoint):
    prints = {
        Predictor.load(blended[0], device="cpu", dtype="fp32").fingerprint,
        Predictor.load(blended[0], device="cpu", sources=["head"], dtype="fp32").fingerprint,
        Predictor.load(blended[0], device="cpu", context_length=50, dtype="fp32").fingerprint,
        Predictor.load(blended[0], device="cpu", dtype="bf16").fingerprint,
        Predictor.load(checkpoint, device="cpu", dtype="fp32").fingerprint,
    }
    assert len(prints) == 5
    again = Predictor.load(blended[0], device="cpu", dtype="fp32").fingerprint
    assert again in prints
