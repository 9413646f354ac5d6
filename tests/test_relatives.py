"""Training proteins as evidence."""

from dataclasses import replace

import numpy as np

from esmgo.data.fasta import Protein
from esmgo.dataset.opening import open_dataset
from esmgo.dataset.sample import TAXON
from esmgo.evidence.votes import SAME_SPECIES
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


def test_relatives_of_the_same_species_weigh_more(blended):
    data = open_dataset("sample", "all", eval_ratio=1)
    sources = Predictor.load(blended[0], device="cpu").sources
    index = sources.index
    assert index.taxa.tolist() == [int(TAXON)] * len(index)
    record = data.validation.records[0]
    own, vector = np.array([len(data.train)]), index.vectors[:1].astype(np.float32)
    head = np.zeros((1, len(data.labels)), np.float32)
    index.taxa[::2] = 1

    def scores(taxon):
        relatives = sources.find_relatives([replace(record, taxon=taxon)], vector, own)
        return relatives, sources.score(relatives, head).votes["homology"][0]

    relatives, unknown = scores(0)
    votes = relatives.votes["homology"]
    carried = [set(index.terms.row(row)) for row in votes.voter]
    for taxon in (0, 1, int(TAXON)):
        weight = votes.weight * np.where(index.taxa[votes.voter] == taxon, SAME_SPECIES, 1)
        of_term = [sum(weight[[j in terms for terms in carried]]) for j in range(len(unknown))]
        np.testing.assert_allclose(scores(taxon)[1], np.array(of_term) / weight.sum(), atol=1e-6)
    assert not np.allclose(unknown, scores(1)[1])
