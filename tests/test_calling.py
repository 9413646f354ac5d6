"""Which of a protein's terms are called."""

from dataclasses import replace

import numpy as np
from made_calls import (
    CELL,
    COMPLEX,
    CYCLE,
    KINASE,
    LABELS,
    NUCLEUS,
    RIBOSOME,
    ROOT_BP,
    ROOT_MF,
    ROW,
    SERINE,
    evidence,
)

from esmgo.go.calls import ALL_PURPOSES, Ancestry, Purpose, leaves
from esmgo.go.labels import LabelSpace
from esmgo.go.scores import Scores
from esmgo.go.terms import Aspect
from esmgo.predict.calling import CallRules, Rules


def kept(rules, *rows, promised=None):
    """The called columns of each protein."""
    found = CallRules(rules, LABELS).calls(evidence(*rows), [3] * len(rows), promised)
    assert found.is_sound(len(LABELS))
    return [found.terms.row(i).tolist() for i in range(len(rows))]


def test_calls_come_best_first_deeper_terms_first_and_without_roots():
    (found,) = kept(Rules(), ROW)
    assert found == [KINASE, CYCLE, SERINE, RIBOSOME, COMPLEX, NUCLEUS]
    assert kept(Rules(min_score=0.05), ROW) == [[*found, CELL]]
    assert kept(Rules(min_score=0.5), ROW, {}) == [[KINASE, CYCLE, SERINE], []]


def test_aspects_and_the_best_and_the_leaves():
    assert kept(Rules(aspects=(Aspect.MF, Aspect.BP)), ROW) == [[KINASE, CYCLE, SERINE]]
    assert kept(Rules(top_k=2), ROW) == [[KINASE, CYCLE]]
    assert kept(Rules(most_specific=True), ROW) == [[CYCLE, SERINE, RIBOSOME, NUCLEUS]]
    assert kept(Rules(most_specific=True, top_k=2), ROW) == [[CYCLE, SERINE]]
    # a term counts as specific where its descendant is cut
    assert kept(Rules(most_specific=True, min_score=0.6), ROW) == [[KINASE, CYCLE]]


def test_ancestors_come_back_whatever_cut_them_off():
    (found,) = kept(Rules(most_specific=True, top_k=2, with_ancestors=True), ROW)
    assert found == [ROOT_MF, KINASE, CYCLE, ROOT_BP, SERINE]


def test_a_protein_that_is_unlike_anything_known_has_no_calls_and_abstains():
    rules = {Purpose.TABLE: Rules(max_novelty=0.5), Purpose.CAFA: Rules()}
    for novelty, n in ((0.5, 6), (0.6, 0), (np.nan, 6)):
        found = CallRules(rules, LABELS).calls(evidence(ROW, novelty=novelty), [3])
        assert len(found.of(Purpose.TABLE).terms.indices) == n
        assert len(found.of(Purpose.CAFA).terms.indices) == 6
        np.testing.assert_array_equal(found.novelty, np.float32([novelty]))
    rules = Rules(min_score=0, precision=0.9, max_novelty=0.5)
    promised = np.ones((1, len(LABELS)), np.bool_)
    found = CallRules(rules, LABELS).calls(evidence(ROW, novelty=0.6), [3], lambda *_: promised)
    assert found.n_abstained.tolist() == [3]
    assert str(rules).endswith("and their ancestors) and a novelty of 0.5 or less")


def test_a_protein_and_an_aspect_without_a_promise_is_an_abstention():
    promised = np.zeros((2, len(LABELS)), np.bool_)
    promised[0, [SERINE, ROOT_BP, NUCLEUS]] = True  # a root is no call
    rules = Rules(min_score=0, precision=0.9)
    found = CallRules(rules, LABELS).calls(evidence(ROW, ROW), [3, 3], lambda *_: promised)
    assert found.terms.indices.tolist() == [SERINE, NUCLEUS]
    assert found.n_abstained.tolist() == [1, 3]
    few = CallRules(replace(rules, aspects=(Aspect.MF,)), LABELS)
    assert few.calls(evidence(ROW, ROW), [3, 3], lambda *_: promised).n_abstained.tolist() == [0, 1]


def test_each_purpose_has_the_calls_of_its_own_rules():
    specific = Rules(most_specific=True)
    rules = {
        Purpose.TABLE: specific,
        Purpose.CAFA: replace(specific, min_score=0.001, top_k=2),
        Purpose.ANNOTATION: replace(specific, min_score=0, precision=0.5),
    }
    promised = np.zeros((1, len(LABELS)), np.bool_)
    promised[0, [KINASE, NUCLEUS, ROOT_BP]] = True
    found = CallRules(rules, LABELS).calls(evidence(ROW), [3], lambda *_: promised)
    assert found.is_sound(len(LABELS))
    for purpose, each in rules.items():
        alone = CallRules(each, LABELS).calls(evidence(ROW), [3], lambda *_: promised)
        np.testing.assert_array_equal(found.of(purpose).terms.indices, alone.terms.indices)
        np.testing.assert_array_equal(found.of(purpose).scores, alone.scores)
    # the annotation is of the kinase, although its child is called with a lower score
    assert found.of(Purpose.ANNOTATION).terms.indices.tolist() == [KINASE, NUCLEUS]
    assert SERINE in found.of(Purpose.TABLE).terms.indices
    assert found.of(ALL_PURPOSES) is found
    assert found.n_abstained.tolist() == [0]  # the first rules have no precision


def test_a_label_space_without_an_ontology_has_calls_and_no_ancestors():
    plain = LabelSpace.close([t.id for t in LABELS.terms], None)
    found = CallRules(Rules(most_specific=True), plain).calls(
        replace(evidence(ROW), scores=Scores(("p",), evidence(ROW).scores.values, plain)), [3]
    )
    assert found.terms.indices.tolist() == [KINASE, CYCLE, SERINE, RIBOSOME, COMPLEX, NUCLEUS]
    assert leaves([KINASE, SERINE], Ancestry(plain)) == [KINASE, SERINE]
