"""`esmgo subgraph`: which terms are called, and of which protein."""

import json

import numpy as np
import pytest

from esmgo.cli.main import main
from esmgo.data.famous import famous_path
from esmgo.model.bundled import card_path

SEQUENCE = "MASMAGVGGGSGKRVPPTRVWWRLYEFALGLLGVVFFAAAATSGKTSRLVSVLIG"
FASTA = f">sp|P04637|P53_HUMAN Tumor antigen\n{SEQUENCE}\n>b\n{SEQUENCE[::-1]}\n"


@pytest.fixture
def drawn(checkpoint, tmp_path, capsys):
    """Draw with these flags; return exit code, what the JSON holds, and standard error."""
    (tmp_path / "two.fasta").write_text(FASTA)

    def drawn(*words):
        path = tmp_path / "x.json"
        flags = [f"--checkpoint_path={checkpoint}", "--device=cpu", f"-o{path}", "--override"]
        code = main(["subgraph", str(tmp_path / "two.fasta"), *flags, *words])
        return code, json.loads(path.read_text()) if code == 0 else None, capsys.readouterr().err

    return drawn


def called(graph):
    return {node["id"] for node in graph["nodes"] if node["is_called"]}


def test_the_terms_are_those_of_rank_above_the_threshold(drawn, predictor, proteins):
    code, graph, _ = drawn("--protein=P04637", "--top_k=4", "--min_score=0.05")
    assert code == 0
    protein = next(iter(proteins))
    (prediction,) = predictor.predict([type(protein)("p", SEQUENCE)])
    best = np.concatenate(list(prediction.best(4, min_score=0.05).values()))
    assert called(graph) == {predictor.labels.terms[j].id for j in best}
    assert (prediction.scores[best] >= np.float32(0.05)).all()
    probability = {node["id"]: node["probability"] for node in graph["nodes"]}
    assert all(probability[e["parent"]] >= probability[e["child"]] for e in graph["edges"])


def test_no_term_below_the_threshold_is_called(drawn):
    _, graph, err = drawn("--protein=b", "--min_score=1")
    assert graph["nodes"] == []
    assert "no term scores 1 or more; lower --min_score" in err


def test_the_picture_has_the_description_and_the_selection(drawn):
    _, graph, _ = drawn("--protein=P04637", "--top_k=3")
    assert graph["protein"] == "sp|P04637|P53_HUMAN"
    assert graph["description"] == "Tumor antigen"
    assert "the 3 most probable informative terms of each aspect" in graph["selection"]
    assert "0.1 or more" in graph["selection"]


def test_aspects_can_be_chosen(drawn):
    _, graph, _ = drawn("--protein=b", "--aspect=mf,cc", "--min_score=0")
    assert {node["aspect"] for node in graph["nodes"]} == {"MF", "CC"}
    assert drawn("--protein=b", "--aspect=xx")[0] == 2


def test_one_protein_is_drawn(drawn):
    code, _, err = drawn()
    assert code == 2
    assert "2 proteins in" in err
    assert "choose one with --protein=ID" in err
    assert drawn("--protein=c")[0] == 2


def test_the_picture_of_p53_shows_dna_and_transcription(tmp_path, monkeypatch):
    if not card_path().is_file():
        pytest.skip("this installation has no bundled caller")
    monkeypatch.chdir(tmp_path)
    words = [str(famous_path()), "--protein=P04637", "--checkpoint_path=bundled", "--device=cpu"]
    assert main(["subgraph", *words, "-o", "p53.json"]) == 0
    names = [n["name"] for n in json.loads((tmp_path / "p53.json").read_text())["nodes"]]
    assert {"DNA binding", "regulation of DNA-templated transcription"} <= set(names)
