"""Scores of the sources, by aspect."""

from dataclasses import replace

import numpy as np
from made_scores import said

from esmgo.dataset.sample import sample_ontology_path
from esmgo.evidence.source_scores import of_aspect
from esmgo.go.labels import LabelSpace
from esmgo.go.obo import read_obo
from esmgo.go.terms import Aspect


def test_a_protein_that_was_not_looked_at_in_an_aspect_is_no_witness_there():
    labels = LabelSpace.close(["GO:0003677", "GO:0005634"], read_obo(sample_ontology_path()))
    told = said(1, len(labels))
    at, root, part = of_aspect(told, labels, Aspect.MF)
    assert labels.column["GO:0003677"] in at
    assert labels.column["GO:0003674"] not in at
    assert root.tolist() == [labels.column["GO:0003674"]]
    whole = told.columns(root)
    np.testing.assert_allclose(part.head, told.head[:, at] / whole.head)
    for name, votes in told.votes.items():
        np.testing.assert_allclose(part.votes[name], votes[:, at] / whole.votes[name])
    nobody = replace(told, votes={name: 0 * votes for name, votes in told.votes.items()})
    for votes in of_aspect(nobody, labels, Aspect.MF)[2].votes.values():
        assert not votes.any()
