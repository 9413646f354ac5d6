"""Results as pandas data frames."""

import sys
from pathlib import Path

import numpy as np
import pytest

import esmgo
from esmgo.go.frames import frame
from esmgo.predict.calling import CallRules, Rules


def test_without_pandas_the_error_names_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        frame({"x": [1]})


def test_a_prediction_is_a_table_of_all_terms(predictor, proteins):
    pytest.importorskip("pandas")
    prediction = next(predictor.predict(proteins))
    table = prediction.to_pandas()
    assert list(table.columns) == [
        "term", "name", "aspect", "score", "precision", "decoy_rate", "information"
    ]  # fmt: skip
    assert len(table) == len(predictor.labels)
    assert (table.information >= 0).all()
    assert (np.diff(table.score) <= 0).all()
    assert table.precision.isna().all()
    assert set(table.aspect) == {"MF", "BP", "CC"}


def test_calls_are_a_table_of_their_terms(predictor, proteins):
    pytest.importorskip("pandas")
    evidence = predictor.evidence(proteins[:3])
    calls = CallRules(Rules(min_score=0.05, top_k=4), predictor.labels).calls(evidence, [9, 9, 9])
    table = calls.to_pandas(predictor.labels)
    assert table.protein.value_counts().to_dict() == {p.id: 4 for p in proteins[:3]}
    assert (table.score >= np.float32(0.05)).all()


def test_an_evaluation_is_a_table_of_its_measures(cafa_files):
    pytest.importorskip("pandas")
    found = esmgo.evaluate_files(
        esmgo.EvaluateConfig(
            predictions=str(cafa_files / "p.tsv"),
            truth=str(cafa_files / "truth.tsv"),
            ontology=str(cafa_files / "go.obo"),
        )
    )
    table = found.to_pandas()
    assert list(table.columns) == ["name", "aspect", "fmax", "fmax_weighted", "smin", "aupr"]
    ((name, evaluation),) = found.evaluations.items()
    assert Path(table.name[0]).name == Path(name).name
    assert table.fmax.tolist() == [result.fmax for result in evaluation.values()]
