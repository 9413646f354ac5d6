"""The evidence card as text and JSON."""

import json
import xml.etree.ElementTree as ET

from motifs import MOTIF, card, explained_text, planted

from esmgo.data.fasta import Protein
from esmgo.dataset.sample import example, sample_rows
from esmgo.explanation.card import to_text
from esmgo.explanation.card_values import to_json
from esmgo.explanation.explaining import ExplainConfig, explain

ZINC_FINGERS = example("zinc finger")["sequence"][60:130]


def test_the_same_protein_gives_the_same_card_in_any_company(reader):
    cards = []
    for seed in (1, 2, 1):
        found = card(reader, Protein("p", planted(seed, MOTIF)[0]))
        cards.append(json.dumps(to_json(found)))
    assert cards[0] == cards[2] != cards[1]


def test_the_card_names_training_proteins_that_carry_and_that_lack_the_term(ran):
    term = "GO:0008270"
    rows = {row["id"]: row["terms"] for row in sample_rows()["train"]}
    assert ran.training.n_proteins == len(rows)
    assert ran.training.n_carriers == sum(term in terms for terms in rows.values())
    carriers, others = ran.training.carriers, ran.training.others
    assert 0 < len(carriers) + len(others) <= ran.training.n_voting
    assert all(term in rows[each.id] for each in carriers)
    assert not any(term in rows[each.id] for each in others)
    for named in (carriers, others):
        bits = [each.bits for each in named]
        assert bits == sorted(bits, reverse=True)


def test_ancestors_go_from_the_root_to_the_term(ran):
    terms = [each.term.id for each in ran.ancestors]
    assert terms[0] == "GO:0003674"
    assert terms[-1] == "GO:0008270"
    for i, each in enumerate(ran.ancestors):
        assert set(each.parents) <= set(terms[:i])
        assert each.score >= ran.call.score


def test_the_same_answer_in_text_json_and_svg(checkpoint, ran, tmp_path, capsysbinary):
    words = (f"--sequence={ZINC_FINGERS}", "--term=go:0008270")
    code, text, _ = explained_text(capsysbinary, checkpoint, *words)
    assert code == 0
    assert f"Verdict: {ran.verdict}" in text
    assert f"Score: {ran.call.score:.4f}" in text
    assert "no evidence that the" in text
    path = tmp_path / "card.json"
    assert explained_text(capsysbinary, checkpoint, *words, f"--output={path}")[:2] == (0, "")
    found = json.loads(path.read_text())
    assert found["schema_version"] == 2
    (read,) = found["cards"]
    assert read == to_json(ran) | {"protein": "sequence"}
    assert len(read["network"]["track"]["attribution"]) == read["length"]
    assert len(read["network"]["masking"]["random_falls"]) >= 50
    code, drawn, _ = explained_text(capsysbinary, checkpoint, *words, "--format=svg")
    assert code == 0
    assert f"Verdict: {ran.verdict}" in "".join(ET.fromstring(drawn).itertext())


def test_a_card_of_a_blend_fits_80_columns_and_has_all_parts(blended, held_out):
    protein = held_out[0]
    settings = ExplainConfig(
        checkpoint_path=str(blended[0]), sequence=protein.sequence, term="GO:0003677", device="cpu"
    )
    (found,) = explain(settings)
    text = to_text(found)
    assert max(map(len, text.splitlines())) <= 80
    read = json.loads(json.dumps(to_json(found), allow_nan=False))
    parts = read["decomposition"]["parts"]
    assert list(parts) == ["head", *read["similarity"], "coannotation"]
    for name, value in parts.items():
        assert f"{value:+8.3f}  {name}" in text
    total = read["decomposition"]["base"] + sum(parts.values())
    assert abs(total - read["decomposition"]["log_odds"]) < 1e-5
    for each in read["training"]["carriers"] + read["training"]["others"]:
        assert each["protein"] in text
        if each["alignment"]:
            first, last = each["alignment"]["query"]
            assert 1 <= first <= last <= read["length"]
            first, last = each["alignment"]["subject"]
            assert 1 <= first <= last <= each["length"]
