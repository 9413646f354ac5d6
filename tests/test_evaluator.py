"""Sums over proteins against their definition written out."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from made_truth import counts, dense, drawn, grown

from esmgo.go.labels import LabelSpace
from esmgo.go.scores import Scores
from esmgo.go.terms import Aspect
from esmgo.metrics.curve import THRESHOLDS
from esmgo.metrics.evaluator import Evaluator
from esmgo.metrics.result import evaluate
from esmgo.metrics.truth import Truth

MF, CC = Aspect.MF, Aspect.CC


def by_definition(truth, values, aspect, weight):
    """Rows of n, tp, fp, fn, pr, rc per threshold, protein by protein and term by term."""
    columns = truth.labels.columns_of(aspect)
    with_root = truth.labels.columns_of(aspect, roots=True)
    matrix, w = dense(truth), weight[columns]
    rows = []
    for threshold in THRESHOLDS:
        sums = np.zeros(6)
        for row, true in zip(values, matrix, strict=True):
            if not true[with_root].any():
                continue
            called, right = row[columns] >= threshold, true[columns]
            tp, n_called, n_true = (w[x].sum() for x in (called & right, called, right))
            sums += [
                n_called > 0, tp, w[called & ~right].sum(), w[right & ~called].sum(),
                tp / n_called if n_called else 0, tp / n_true if n_true else 0,
            ]  # fmt: skip
        rows.append(sums)
    return np.array(rows)


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 12))
def test_sums_are_their_definition(seed, n, n_terms):
    labels = grown(seed, n_terms)
    truth, values = drawn(seed + 1, n, labels)
    bits = {t.id: float(j % 3) for j, t in enumerate(labels.terms) if not t.is_root}
    weight = np.array([bits.get(t.id, 0.0) for t in labels.terms])
    found = evaluate([Scores(truth.proteins, values, labels)], truth, information=bits)
    for aspect, result in found.items():
        plain = by_definition(truth, values, aspect, np.ones(len(labels)))
        np.testing.assert_allclose(counts(result.sums.plain), plain, rtol=1e-12)
        weighted = by_definition(truth, values, aspect, weight)
        np.testing.assert_allclose(counts(result.sums.weighted), weighted, rtol=1e-12, atol=1e-15)


@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 9), st.booleans())
def test_the_order_of_proteins_and_their_blocks_change_nothing(seed, n, cut, exact):
    labels = grown(seed, 10)
    truth, values = drawn(seed + 1, n, labels)
    rules = "exact" if exact else "cafaeval"
    strata = np.arange(n) % 2
    order = np.random.default_rng(seed).permutation(n)
    parts = [order[i : i + cut] for i in range(0, n, cut)]
    blocks = [
        Scores(tuple(truth.proteins[i] for i in part), values[part], labels) for part in parts
    ]
    options = {"rules": rules, "strata": strata}
    whole = evaluate([Scores(truth.proteins, values, labels)], truth, **options)
    found = evaluate(blocks, truth, **options)
    machines = []
    for part in parts:
        evaluator = Evaluator(truth, **options)
        evaluator.add(Scores(tuple(truth.proteins[i] for i in part), values[part], labels), part)
        machines.append(evaluator.sums)
    for aspect, result in whole.items():
        added = machines[0][aspect]
        for other in machines[1:]:
            added = added + other[aspect]
        for sums in (found[aspect].sums, added):
            assert sums.plain.n_proteins == result.sums.plain.n_proteins
            np.testing.assert_allclose(counts(sums.plain), counts(result.sums.plain), rtol=1e-12)
            np.testing.assert_array_equal(sums.hits, result.sums.hits)
            np.testing.assert_array_equal(sums.misses, result.sums.misses)
            both = sums.strata[0] + sums.strata[-1] if len(sums.strata) > 1 else sums.strata[0]
            np.testing.assert_allclose(counts(both), counts(sums.plain), rtol=1e-12)


def test_a_protein_without_scores_counts_and_one_without_truth_does_not():
    labels = grown(3, 6)
    truth, values = drawn(4, 5, labels)
    some = Scores(("stranger", *truth.proteins[:2]), values[[4, 0, 1]], labels)
    silent = np.where(np.arange(5)[:, None] < 2, values, 0).astype(np.float32)
    whole = evaluate([Scores(truth.proteins, silent, labels)], truth)
    for aspect, result in evaluate([some], truth).items():
        np.testing.assert_array_equal(counts(result.sums.plain), counts(whole[aspect].sums.plain))


def test_terms_that_only_the_caller_has_are_false_calls():
    wide = grown(5, 8)
    truth, _ = drawn(6, 4, wide)
    used = sorted({*truth.terms.indices.tolist()})
    narrow = LabelSpace(
        tuple(wide.terms[j] for j in used),
        tuple(tuple(used.index(p) for p in wide.parents[j]) for j in used),
    )
    place = np.array([used.index(j) if j in used else -1 for j in range(len(wide))])
    cut = Truth(truth.proteins, truth.terms.renamed(place.astype(np.int32)), narrow)
    everything = Scores(truth.proteins, np.ones((4, len(wide)), np.float32), wide)
    for aspect, result in evaluate([everything], cut).items():
        n = len(wide.columns_of(aspect)) * result.curve.n_proteins
        assert result.sums.plain.tp[0] + result.sums.plain.fp[0] == n


def test_known_terms_count_neither_as_true_nor_as_called():
    labels = grown(7, 12)
    truth, values = drawn(8, 6, labels)
    known, _ = drawn(9, 6, labels)
    partial = replace(truth, known=known.terms)
    hidden = dense(known)
    left = dense(truth) & ~hidden
    found = evaluate([Scores(truth.proteins, values, labels)], partial, rules="exact")
    for aspect, result in found.items():
        columns = labels.columns_of(aspect)
        member = left[:, columns].any(axis=1)
        assert result.curve.n_proteins == member.sum()
        called = (values >= THRESHOLDS[0]) & ~hidden
        tp = (called & left)[member][:, columns].sum()
        assert result.sums.plain.tp[0] == tp
        assert result.sums.plain.fp[0] == called[member][:, columns].sum() - tp


def test_only_terms_of_interest_count():
    labels = grown(7, 12)
    truth, values = drawn(8, 6, labels)
    column = next(j for j in labels.columns_of(MF) if (truth.terms.indices == j).any())
    found = evaluate(
        [Scores(truth.proteins, values, labels)], truth, of_interest={labels.terms[column].id}
    )[MF]
    true = dense(truth)[:, column]
    assert found.curve.n_proteins == true.sum()
    assert found.sums.plain.tp[0] == (true & (values[:, column] >= THRESHOLDS[0])).sum()
    assert found.n_terms.sum() == 1
