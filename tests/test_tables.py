"""An evaluation as tables and as a document."""

import pytest
from made_truth import dense, drawn, grown

from esmgo.go.scores import Scores
from esmgo.go.terms import Aspect
from esmgo.metrics.result import evaluate
from esmgo.metrics.tables import cafa_tables, document, summary

MF, CC = Aspect.MF, Aspect.CC


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
