"""Fmax, Smin and micro averages against their definitions written out, and their properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmgo.go.labels import LabelSpace
from esmgo.go.scores import Scores
from esmgo.go.sparse import close_rows
from esmgo.go.terms import Aspect, Term
from esmgo.go.truepath import climb, propagate
from esmgo.metrics.baselines import term_frequency
from esmgo.metrics.curve import THRESHOLDS, thresholds
from esmgo.metrics.evaluator import Evaluator
from esmgo.metrics.micro import micro_sums
from esmgo.metrics.result import evaluate
from esmgo.metrics.tables import cafa_tables, document, summary
from esmgo.metrics.truth import Truth

MF, CC = Aspect.MF, Aspect.CC


def grown(seed: int, n_terms: int) -> LabelSpace:
    """A random ontology of two aspects; each term but the roots has parents before it."""
    random = np.random.default_rng(seed)
    roots = {MF: 0, CC: 1}
    terms, parents = [Term(MF.root, "", MF), Term(CC.root, "", CC)], [(), ()]
    for j in range(2, n_terms + 2):
        aspect = MF if random.random() < 0.6 else CC
        able = [i for i, t in enumerate(terms) if t.aspect is aspect]
        up = set(random.choice(able, random.integers(1, 3))) or {roots[aspect]}
        terms.append(Term(f"GO:{9_000_000 + j}", "", aspect))
        parents.append(tuple(sorted(int(p) for p in up)))
    order = sorted(range(len(terms)), key=lambda j: terms[j].id)
    place = {j: i for i, j in enumerate(order)}
    return LabelSpace(
        tuple(terms[j] for j in order),
        tuple(tuple(sorted(place[p] for p in parents[j])) for j in order),
    )


def drawn(seed: int, n: int, labels: LabelSpace) -> tuple[Truth, np.ndarray]:
    random = np.random.default_rng(seed)
    rows = [random.choice(len(labels), random.integers(0, 4)) for _ in range(n)]
    indptr = np.cumsum([0, *map(len, rows)])
    indices = np.concatenate([np.empty(0, np.int32), *rows]).astype(np.int32)
    closed = close_rows(indptr.astype(np.int64), indices, labels)
    truth = Truth(tuple(f"p{i}" for i in range(n)), *closed, labels)
    values = random.random((n, len(labels))).round(2) * (random.random((n, len(labels))) < 0.5)
    return truth, propagate(values.astype(np.float32), labels)


def dense(truth: Truth) -> np.ndarray:
    matrix = np.zeros((len(truth), len(truth.labels)), bool)
    matrix[np.repeat(np.arange(len(truth)), np.diff(truth.indptr)), truth.indices] = True
    return matrix


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


def counts(sums):
    return np.stack([sums.n, sums.tp, sums.fp, sums.fn, sums.precision, sums.recall], axis=1)


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


@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_perfect_calls_have_fmax_one_and_smin_zero(seed, n):
    labels = grown(seed, 12)
    truth, _ = drawn(seed + 1, n, labels)
    perfect = Scores(truth.proteins, dense(truth).astype(np.float32), labels)
    bits = dict.fromkeys((t.id for t in labels.terms if not t.is_root), 2.0)
    for result in evaluate([perfect], truth, information=bits, rules="exact").values():
        if result.curve.n_proteins:
            assert result.fmax == result.fmax_weighted == 1
            assert result.smin == 0
            assert result.aupr == 1


@given(st.integers(0, 2**32 - 1))
def test_closing_a_closed_truth_changes_nothing(seed):
    labels = grown(seed, 15)
    truth, _ = drawn(seed + 1, 5, labels)
    again = close_rows(truth.indptr, truth.indices, labels)
    assert again[0].tolist() == truth.indptr.tolist()
    assert again[1].tolist() == truth.indices.tolist()


@given(st.integers(0, 2**32 - 1))
def test_filling_keeps_what_a_term_was_given(seed):
    labels = grown(seed, 12)
    given_ = np.random.default_rng(seed).integers(0, 4, (len(labels), 6)).astype(np.uint8)
    filled, raised = given_.copy(), given_.copy()
    climb(filled, labels, fill=True)
    climb(raised, labels)
    assert (filled[given_ > 0] == given_[given_ > 0]).all()
    assert (filled <= raised).all()
    for j, up in enumerate(labels.parents):
        for p in up:
            assert (filled[p][given_[p] == 0] >= filled[j][given_[p] == 0]).all()


def test_nothing_called_is_fmax_zero_and_all_there_is_to_know():
    labels = grown(3, 6)
    truth, values = drawn(4, 5, labels)
    for blocks in ([], [Scores(truth.proteins, values * 0, labels)]):
        for aspect, result in evaluate(blocks, truth).items():
            assert (result.fmax, result.aupr) == (0, 0)
            n_true = dense(truth)[:, labels.columns_of(aspect)].sum()
            assert result.smin == pytest.approx(n_true / result.curve.n_proteins)


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
    used = sorted({*truth.indices.tolist()})
    narrow = LabelSpace(
        tuple(wide.terms[j] for j in used),
        tuple(tuple(used.index(p) for p in wide.parents[j]) for j in used),
    )
    place = np.array([used.index(j) if j in used else -1 for j in range(len(wide))])
    cut = Truth(truth.proteins, truth.indptr, place[truth.indices].astype(np.int32), narrow)
    everything = Scores(truth.proteins, np.ones((4, len(wide)), np.float32), wide)
    for aspect, result in evaluate([everything], cut).items():
        n = len(wide.columns_of(aspect)) * result.curve.n_proteins
        assert result.sums.plain.tp[0] + result.sums.plain.fp[0] == n


def test_known_terms_count_neither_as_true_nor_as_called():
    labels = grown(7, 12)
    truth, values = drawn(8, 6, labels)
    known, _ = drawn(9, 6, labels)
    partial = Truth(*(getattr(truth, f) for f in ("proteins", "indptr", "indices", "labels")),
                    (known.indptr, known.indices))  # fmt: skip
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
    column = next(j for j in labels.columns_of(MF) if (truth.indices == j).any())
    found = evaluate(
        [Scores(truth.proteins, values, labels)], truth, of_interest={labels.terms[column].id}
    )[MF]
    true = dense(truth)[:, column]
    assert found.curve.n_proteins == true.sum()
    assert found.sums.plain.tp[0] == (true & (values[:, column] >= THRESHOLDS[0])).sum()
    assert found.n_terms.sum() == 1


def test_the_rules_differ_in_thresholds_and_in_who_is_counted():
    decimals, summed = thresholds(rules="exact"), thresholds()
    assert decimals.tolist() == [float(f"0.{i:02}") for i in range(1, 100)]
    assert summed.tolist() == np.arange(0.01, 1, 0.01).tolist()
    assert decimals[34] == 0.35 < summed[34]  # a score of 0.35 is below that "0.35"
    labels = grown(1, 4)
    root = labels.column[MF.root]
    leaf = int(labels.columns_of(MF)[0])
    closed = close_rows(np.array([0, 1, 2]), np.array([root, leaf], np.int32), labels)
    truth = Truth(("root alone", "more"), *closed, labels)
    scores = [Scores(truth.proteins, dense(truth).astype(np.float32), labels)]
    assert evaluate(scores, truth)[MF].curve.rc[0] == 0.5
    assert evaluate(scores, truth, rules="exact")[MF].curve.rc[0] == 1


@pytest.mark.parametrize("normalisation", ["cafa", "gt", "pred"])
def test_normalisations_divide_by_what_they_say(normalisation):
    labels = grown(3, 6)
    truth, values = drawn(4, 9, labels)
    block = [Scores(truth.proteins, values, labels)]
    for result in evaluate(block, truth, normalisation=normalisation).values():
        sums, curve = result.sums.plain, result.curve
        at = curve.covered
        everyone, called = np.full(99, sums.n_proteins)[at], sums.n[at]
        by = {"cafa": (called, everyone), "gt": (everyone, everyone), "pred": (called, called)}
        precision, rest = by[normalisation]
        np.testing.assert_allclose(curve.pr[at], sums.precision[at] / precision)
        np.testing.assert_allclose(curve.rc[at], sums.recall[at] / rest)
        np.testing.assert_allclose(curve.mi[at], sums.fp[at] / rest)


def test_groups_of_terms_add_up_to_all_of_them():
    labels = grown(11, 30)
    truth, values = drawn(12, 40, labels)
    found = evaluate([Scores(truth.proteins, values, labels)], truth)
    page = document({"x": found}, {})
    for aspect, each in page["evaluations"][0]["aspects"].items():
        n = dense(truth)[:, labels.columns_of(Aspect[aspect])].sum()
        assert each["n_annotations"] == n
        for kind in ("by_depth", "by_frequency"):
            assert sum(group["n_annotations"] for group in each[kind]) == n
            assert sum(group["n_terms"] for group in each[kind]) == each["n_terms"]
        calls = sum(group["n_calls"] for group in each["reliability"])
        members = dense(truth)[:, labels.columns_of(Aspect[aspect], roots=True)].any(axis=1)
        assert calls == (values[members][:, labels.columns_of(Aspect[aspect])] > 0).sum()


def test_tables_name_the_best_threshold_and_the_summary_says_it():
    labels = grown(11, 30)
    truth, values = drawn(12, 40, labels)
    bits = dict.fromkeys((t.id for t in labels.terms), 1.5)
    found = {"b": evaluate([Scores(truth.proteins, values, labels)], truth, information=bits)}
    tables = cafa_tables(found)
    assert list(tables) == [
        "evaluation_all.tsv", "evaluation_best_f.tsv", "evaluation_best_f_w.tsv",
        "evaluation_best_s.tsv", "evaluation_best_s_w.tsv", "evaluation_best_f_micro.tsv",
        "evaluation_best_f_micro_w.tsv",
    ]  # fmt: skip
    head, cc, mf = (row.split("\t") for row in tables["evaluation_best_f_w.tsv"].splitlines())
    assert (cc[:2], mf[:2]) == (["b", "cellular_component"], ["b", "molecular_function"])
    assert float(mf[head.index("f_w")]) == pytest.approx(found["b"][MF].fmax_weighted)
    assert float(mf[head.index("cov_max")]) == found["b"][MF].weighted.cov.max()
    assert f"{found['b'][MF].fmax:.3f}" in summary(found)


def flat(n: int) -> LabelSpace:
    return LabelSpace(tuple(Term(f"GO:{j:07}", "", Aspect.CC) for j in range(n)), ((),) * n)


def test_micro_averages_are_zero_instead_of_undefined():
    labels = flat(2)
    nobody = Truth(("a",), np.zeros(2, np.int64), np.empty(0, np.int32), labels)
    row = np.zeros(1, np.intp)
    sums = micro_sums(Scores(("a",), np.zeros((1, 2), np.float32), labels), nobody, row)
    assert (sums.f1, sums.precision, sums.recall) == (0, 0, 0)
    first = Truth(("a",), np.array([0, 1]), np.array([0], np.int32), labels)
    sums = micro_sums(Scores(("a",), np.ones((1, 2), np.float32), labels), first, row) + sums
    assert (sums.precision, sums.recall, round(sums.f1, 4)) == (0.5, 1.0, 0.6667)


def test_the_term_frequency_baseline_scores_each_term_by_its_share():
    indices = np.array([0, 1, 0, 0], np.int32)
    scores = term_frequency(["x", "y"], indices, 4, flat(2))
    assert scores.values.tolist() == [[0.75, 0.25], [0.75, 0.25]]
