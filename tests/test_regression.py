"""The linear model of a blend."""

import numpy as np
from made_scores import source_scores

from esmgo.predict.regression import Stacker, features


def test_features_do_not_tell_which_term_or_protein_it_is():
    scores = source_scores(8, 6)
    order = np.random.default_rng(3).permutation(6)
    stacker = Stacker(0.1, {name: 0.3 for name, _ in features(scores)})
    np.testing.assert_allclose(
        stacker.probabilities(scores.columns(order)),
        stacker.probabilities(scores)[:, order],
        rtol=1e-5,
    )
