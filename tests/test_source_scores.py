"""Scores of the sources, by aspect."""

from dataclasses import replace

import numpy as np
from made_scores import source_scores

from esmgo.dataset.sample import sample_ontology_path
from esmgo.evidence.source_scores import given_aspect
from esmgo.go.labels import LabelSpace
from esmgo.go.obo import read_obo
from esmgo.go.terms import Aspect


def test_a_protein_that_was_not_looked_at_in_an_aspect_is_no_witness_there():
    labels = LabelSpace.close(["GO:0003677", "GO:0005634"], read_obo(sample_ontology_path()))
    scores = source_scores(1, len(labels))
    at, root, part = given_aspect(scores, labels, Aspect.MF)
    assert labels.column["GO:0003677"] in at
    assert labels.column["GO:0003674"] not in at
    assert root.tolist() == [labels.column["GO:0003674"]]
    whole = scores.columns(root)
    np.testing.assert_allclose(part.head, scores.head[:, at] / whole.head)
    for name, votes in scores.votes.items():
        np.testing.assert_allclose(part.votes[name], votes[:, at] / whole.votes[name])
    nobody = replace(scores, votes={name: 0 * votes for name, votes in scores.votes.items()})
    for votes in given_aspect(nobody, labels, Aspect.MF)[2].votes.values():
        assert not votes.any()
