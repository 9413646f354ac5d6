"""The evidence card as text and JSON."""

import json
import xml.etree.ElementTree as ET

from motifs import MOTIF, explained_text, planted

from esmgo.data.fasta import Protein
from esmgo.dataset.sample import example, sample_rows
from esmgo.explanation.card import to_json
from esmgo.explanation.explaining import explained

ZINC_FINGERS = example("zinc finger")["sequence"][60:130]


def test_the_same_protein_gives_the_same_card_in_any_company(reader):
    cards = []
    for seed in (1, 2, 1):
        found = explained(reader, None, Protein("p", planted(seed, MOTIF)[0]), 1)
        cards.append(json.dumps(to_json(found)))
    assert cards[0] == cards[2] != cards[1]


def test_the_card_names_training_proteins_that_carry_the_term(ran):
    term = "GO:0008270"
    rows = {row["id"]: row["terms"] for row in sample_rows()["train"]}
    assert ran.training.n_proteins == len(rows)
    assert ran.training.n_carriers == sum(term in terms for terms in rows.values())
    assert len(ran.training.nearest) == 5
    assert all(term in rows[id] and -1 <= s <= 1 for id, s in ran.training.nearest)
    similarities = [s for _, s in ran.training.nearest]
    assert similarities == sorted(similarities, reverse=True)


def test_ancestors_go_from_the_root_to_the_term(ran):
    terms = [each.term.id for each in ran.ancestors]
    assert terms[0] == "GO:0003674"
    assert terms[-1] == "GO:0008270"
    for i, each in enumerate(ran.ancestors):
        assert set(each.parents) <= set(terms[:i])
        assert each.probability >= ran.probability


def test_the_same_answer_in_text_json_and_svg(checkpoint, ran, tmp_path, capsysbinary):
    words = (f"--sequence={ZINC_FINGERS}", "--term=go:0008270")
    code, text, _ = explained_text(capsysbinary, checkpoint, *words)
    assert code == 0
    assert f"Verdict: {ran.verdict}" in text
    assert f"Probability {ran.probability:.4f}" in text
    assert "no evidence that the" in text
    path = tmp_path / "card.json"
    assert explained_text(capsysbinary, checkpoint, *words, f"--output={path}")[:2] == (0, "")
    found = json.loads(path.read_text())
    assert found["schema_version"] == 1
    (card,) = found["cards"]
    assert card == to_json(ran) | {"protein": "sequence"}
    assert len(card["track"]["attribution"]) == card["length"]
    assert len(card["masking"]["random_falls"]) >= 50
    code, drawn, _ = explained_text(capsysbinary, checkpoint, *words, "--format=svg")
    assert code == 0
    assert f"Verdict: {ran.verdict}" in "".join(ET.fromstring(drawn).itertext())
