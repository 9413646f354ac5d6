"""Fitting novelty to made data, and the precision by level."""

from types import SimpleNamespace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from esmgo.assess.novelty_audit import auroc_of
from esmgo.blending.novelty_fitting import LEVELS, fit_novelty, precision_by
from esmgo.predict.novelty import Features, novelty_of, probability
from esmgo.predict.residue_pairs import ResiduePairs


def test_proteins_and_decoys_are_separated_and_precision_falls():
    random = np.random.default_rng(1)
    n = 400
    features = Features(ResiduePairs.of(["MKT"]), ("head", "kmers"), np.ones(1, bool))
    is_similarity = features.is_similarity(2)
    k = len(is_similarity)
    x, decoys = random.normal(0, 1, (n, k)), random.normal(0, 1, (n, k))
    x[:, is_similarity] -= 1  # a similarity that is lower among proteins is not used
    decoys[:, 0] -= 3  # the first column separates, the second orders
    right = random.binomial(15, 1 / (1 + np.exp(-2 * x[:, 1])))
    best = np.stack([right, np.full(n, 15)], axis=1)
    best[:9] = 0  # proteins without a call
    job = SimpleNamespace(
        records=[None] * n, vectors=np.zeros((n, 2)), fold=np.arange(n) % 5
    )  # fmt: skip
    found, of_decoys = fit_novelty(
        job, SimpleNamespace(features=features, best=best, of_proteins=[x], of_decoys=[decoys])
    )
    constants, weights = found.weights[:, 0], found.weights[:, 1:]
    real, made = (
        novelty_of(*probability(constants[:, None] + weights @ each.T), found.highest)
        for each in (x, decoys)
    )
    assert (weights[0, is_similarity] == 0).all()
    assert auroc_of(real, made) > 0.9
    assert auroc_of(real, of_decoys) > 0.9
    assert np.corrcoef(real, x[:, 1])[0, 1] < -0.6
    assert len(found.levels) == len(found.precision) == LEVELS
    assert found.precision[0] > 0.8 > 0.3 > found.precision[-1]


@given(
    st.lists(
        st.tuples(st.floats(0, 1, width=32), st.integers(0, 9), st.integers(0, 9)), max_size=80
    )
)
def test_levels_ascend_and_their_precision_never_rises(rows):
    novelty = np.array([row[0] for row in rows], np.float32)
    best = np.array([[min(a, b), b] for _, a, b in rows], np.int64).reshape(-1, 2)
    levels, precision = precision_by(novelty, best)
    assert len(levels) == len(precision) >= 1
    assert (np.diff(levels) > 0).all()
    assert (np.diff(precision) <= 0).all()
    assert all(0 <= x <= 1 for x in (*levels, *precision))
