"""Training proteins as evidence."""

import numpy as np

from esmgo.data.fasta import Protein
from esmgo.dataset.opening import open_dataset
from esmgo.predict.predictor import Predictor


def test_a_held_out_protein_does_not_vote_for_itself(blended):
    data = open_dataset("sample", "all", eval_ratio=1)
    own = np.array([len(data.train)])
    sources = Predictor.load(blended[0], device="cpu").sources
    protein = [Protein(data.validation.ids[0], data.validation.sequences[0])]
    vector = sources.index.vectors[own].astype(np.float32)
    alone, all_ = (sources.find_relatives(protein, vector, *of) for of in ((own,), ()))
    for name in ("neighbours", "kmers"):
        assert own[0] in all_.votes[name].voter
        assert own[0] not in alone.votes[name].voter
    assert alone.similarity["kmers"] < all_.similarity["kmers"]
    assert alone.similarity["neighbours"] <= all_.similarity["neighbours"]
