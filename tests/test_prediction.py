"""A prediction: its terms in order."""

from dataclasses import replace

import numpy as np


def test_deeper_terms_come_first_on_ties(predictor, proteins):
    prediction = next(predictor.predict(proteins))
    order = prediction.ranked()
    scores, depth = prediction.scores[order], predictor.labels.depth[order]
    assert (np.diff(scores) <= 0).all()
    assert (np.diff(depth)[np.diff(scores) == 0] <= 0).all()


def test_the_order_by_information_is_that_of_probability_times_bits(predictor, proteins):
    prediction = next(predictor.predict(proteins))
    order = prediction.ranked("information")
    products = prediction.scores * predictor.information.astype(np.float32)
    assert (np.diff(products[order]) <= 0).all()
    ties = np.diff(products[order]) == 0
    assert (np.diff(prediction.scores[order])[ties] <= 0).all()
    assert order.tolist() != prediction.ranked().tolist()
    for unknown in (None, np.full(len(order), np.nan)):
        found = replace(prediction, information=unknown).ranked("information")
        assert found.tolist() == prediction.ranked().tolist()


def test_general_terms_that_a_term_below_implies_can_be_left_out(predictor, proteins):
    labels = predictor.labels
    for prediction in predictor.predict(proteins):
        every, some = (prediction.top(10_000, general=general) for general in (True, False))
        assert some == [row for row in every if row in some]
        score, listed = {t.id: s for t, s in every}, {t.id for t, _ in some}
        assert 0 < len(some) < len(every) == len(labels)
        below = {term.id: [] for term in labels.terms}
        for term, parents in zip(labels.terms, labels.parents, strict=True):
            for p in parents:
                below[labels.terms[p].id].append(score[term.id])
        for id, children in below.items():
            is_implied = any(
                child >= np.float32(score[id]) - np.float32(0.05) for child in children
            )
            assert (id in listed) != is_implied
