"""What each source adds to a blended score."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esmgo.evidence.source_scores import SourceScores
from esmgo.explanation.decomposition import Decomposition, decompose
from esmgo.go.labels import LabelSpace
from esmgo.go.terms import Aspect, Term

TERMS = tuple(Term(f"GO:000000{i}", "", Aspect.MF) for i in (1, 2, 3))
LABELS = LabelSpace(TERMS, ((), (0,), (1,)), "test")
PROBABILITY = st.floats(0, 1, width=32)


def logit(p):
    return np.log(p / (1 - p))


def scores_of(head, votes, coannotation, frequency) -> SourceScores:
    """The scores of one protein for a root and the terms below it."""
    return SourceScores(
        np.float32([head]),
        {name: np.float32([each]) for name, each in votes.items()},
        {name: np.float32([0.5]) for name in votes},
        np.float32(frequency),
        np.float32([coannotation]),
    )


def summed(scores: SourceScores, labels: LabelSpace) -> np.ndarray:
    """A blend without products: log-odds that are a sum over the sources."""
    total = sum(3 * (i + 1) * each for i, each in enumerate(scores.by_source().values()))
    z = total + 5 * scores.coannotation - 4
    return (1 / (1 + np.exp(-z.astype(np.float64)))).astype(np.float32)


def test_a_sum_is_decomposed_into_its_terms():
    frequency = [1, 0.4, 0.1]
    scores = scores_of([1, 0.9, 0.8], {"kmers": [1, 0.2, 0.0]}, [0, 0.3, 0.6], frequency)
    found = decompose(scores, 2, summed, LABELS)
    assert list(found.parts) == ["head", "kmers", "coannotation"]
    wanted = {"head": 3 * 0.7, "kmers": -6 * 0.1, "coannotation": 5 * 0.5}
    for name, value in wanted.items():
        assert found.parts[name] == pytest.approx(value, abs=1e-4)
    assert found.base == pytest.approx(3 * 0.1 + 6 * 0.1 + 5 * 0.1 - 4, abs=1e-4)
    assert found.log_odds == pytest.approx(logit(summed(scores, LABELS)[0, 2]), abs=1e-5)


@settings(max_examples=50, deadline=None)
@given(st.lists(PROBABILITY, min_size=12, max_size=12), st.integers(1, 2), st.data())
def test_parts_of_any_blend_add_up_and_neutral_sources_add_nothing(values, column, data):
    head, kmers, near, coannotation = np.reshape(values, (4, 3))
    frequency = [1, 0.4, 0.1]
    neutral = data.draw(st.sampled_from(["head", "kmers", "neighbours"]))
    votes = {"neighbours": near, "kmers": kmers, "head": head} | {neutral: frequency}
    scores = scores_of(votes.pop("head"), votes, coannotation, frequency)

    def blended(scores: SourceScores, labels: LabelSpace) -> np.ndarray:
        product = np.prod([0.1 + each for each in scores.by_source().values()], axis=0)
        return np.clip(product * (0.2 + scores.coannotation) / 2, 0.01, 0.99).astype(np.float32)

    found = decompose(scores, column, blended, LABELS)
    whole = logit(float(blended(scores, LABELS)[0, column]))
    assert found.log_odds == pytest.approx(whole, abs=1e-5)
    assert found.base + sum(found.parts.values()) == found.log_odds
    assert found.parts[neutral] == pytest.approx(0, abs=1e-6)


def test_certain_scores_have_finite_parts():
    scores = scores_of([1, 1, 1], {}, [0, 0, 0], [1, 0.5, 0.0])
    found = decompose(scores, 2, lambda scores, labels: scores.head, LABELS)
    assert np.isfinite([found.base, *found.parts.values()]).all()
    assert "Decomposition" in repr(Decomposition(0.0, {}))
