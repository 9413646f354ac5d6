"""`esmgo explain`: which protein, term and window; verdicts; what is refused."""

import json

import numpy as np
import pytest
import torch
from motifs import LABELS, MOTIF, TERMS, card, explained_text, planted, sequence, shuffled
from predicting import Bars

from esmgo.cli.main import main
from esmgo.data.fasta import Protein
from esmgo.dataset.sample import sample_rows
from esmgo.errors import UsageError
from esmgo.explanation import explaining
from esmgo.explanation.card import to_text
from esmgo.explanation.card_values import to_json
from esmgo.explanation.decomposition import LEAST
from esmgo.explanation.explaining import ExplainConfig, column_of, explain
from esmgo.explanation.explanation import CONTRADICTED, LITTLE, NOT_SUPPORTED, SUPPORTED
from esmgo.model.caller import Caller
from esmgo.model.tokens import windows
from esmgo.predict.ranking import RankConfig, rank
from esmgo.predict.scorer import Scorer

CPU = torch.device("cpu")


def said(found) -> str:
    """The card's text, on one line."""
    return " ".join(to_text(found).split())


def test_a_planted_motif_is_found_and_supported(reader):
    ranks, p_values = [], []
    for seed in range(5):
        text, at = planted(seed, MOTIF)
        found = card(reader, Protein("p", text))
        motif = np.arange(at, at + len(MOTIF))
        values, others = found.track.values, np.delete(found.track.values, motif)
        ranks.append((values[motif, None] > others).mean())
        p_values.append(found.masking.p_value)
        assert (found.verdict == SUPPORTED) == (found.masking.p_value <= 0.05)
    assert np.mean(ranks) > 0.9  # percentile of the motif's residues among the others
    assert np.median(p_values) <= 0.05  # a tenth of the residues at random may hit the motif


def test_a_caller_that_ignores_the_sequence_is_not_supported(deaf):
    found = card(deaf, Protein("p", sequence(40, 5)))
    assert found.probability > 0.9
    assert found.verdict == NOT_SUPPORTED
    assert found.masking.p_value == 1
    assert "No residue supports the term" in said(found)


def test_a_weak_call_has_little_to_explain(reader):
    text, _ = planted(3, shuffled(np.random.default_rng(3)))
    found = card(reader, Protein("p", text))
    assert found.probability < 0.5
    assert found.verdict == LITTLE
    assert f"The call is weak, with a score of {found.call.score:.2f}" in said(found)


def test_a_probability_that_comes_from_a_descendant_is_explained_there():
    with torch.no_grad():
        caller = Caller.start(None, 3, dropout=0.0, seed=0)
        caller.head.out_proj.bias.copy_(torch.tensor([0.0, -2.0, 1.0]))
    scorer = Scorer(caller, LABELS, 99, CPU, "fp32")
    found = card(scorer, Protein("p", sequence(30, 6)))
    assert found.explained == TERMS[2]
    assert found.probability > found.own_probability
    assert "its descendant strong motif binding (GO:0000003)" in said(found)
    assert [each.term for each in found.ancestors] == [TERMS[0], TERMS[1]]


def test_a_long_protein_is_explained_where_the_term_scores_highest(reader):
    text, _ = planted(1, MOTIF)
    long = sequence(150, 7) + text + sequence(150, 8)
    found = card(reader, Protein("p", long))
    first, last = found.track.first, found.track.last
    at = long.index(MOTIF)
    assert first - 1 <= at < at + len(MOTIF) <= last
    assert long[first - 1 : last] in windows(long, 120)
    assert f"residues {first} to {last}" in said(found)
    assert all(first <= place <= last for place in to_json(found)["network"]["track"]["marked"])
    assert set(to_json(found)["network"]["track"]["marked"]) & set(
        range(at + 1, at + len(MOTIF) + 1)
    )


@pytest.mark.parametrize("sources", [None, "head", "neighbours"])
def test_a_card_has_the_score_and_the_precision_of_rank(blended, held_out, sources):
    protein = held_out[0]
    settings = {"checkpoint_path": str(blended[0]), "sequence": protein.sequence}
    settings |= {"device": "cpu", "sources": sources}
    (ranked,) = rank(RankConfig(**settings))
    for term in (ranked.labels.terms[j] for j in ranked.ranked()[[0, 10, 40, -1]]):
        (found,) = explain(ExplainConfig(term=term.id, **settings))
        j = ranked.labels.column[term.id]
        assert found.call.score == ranked.scores[j]
        if ranked.precision is not None:
            np.testing.assert_equal(np.float32(found.call.precision), ranked.precision[j])
            np.testing.assert_equal(np.float32(found.call.decoy_rate), ranked.decoy_rate[j])
        for each in found.ancestors:
            assert each.score == ranked.scores[ranked.labels.column[each.term.id]]
        bits = found.call.information
        assert bits == ranked.information[j] >= 0
        assert bits == 0 or not term.is_root
        if found.call.source == term:
            assert found.call.own_score == pytest.approx(found.call.score)
        assert (found.call.decomposition is None) == (sources is not None)
        if found.call.decomposition is not None:
            p = min(max(found.call.score, LEAST), 1 - LEAST)
            odds = np.log(p) - np.log1p(-p)
            assert found.call.decomposition.log_odds == pytest.approx(odds, abs=1e-5)


@pytest.mark.parametrize("sources", [None, "head"])
def test_a_term_that_a_training_protein_and_its_relatives_lack_is_contradicted(blended, sources):
    row = next(row for row in sample_rows()["train"] if "GO:0004713" in row["terms"])
    assert "GO:0008270" not in row["terms"]
    settings = {"checkpoint_path": str(blended[0]), "sequence": row["sequence"], "device": "cpu"}
    (found,) = explain(ExplainConfig(term="GO:0008270", sources=sources, **settings))
    assert found.training.others[0].id == row["id"]
    assert found.training.others[0].alignment.identity == 1
    assert found.training.agreement < 0.25
    assert found.verdict == CONTRADICTED
    assert "carries the term" in said(found) or "lacks the term" in said(found)
    (found,) = explain(ExplainConfig(term="GO:0004713", sources=sources, **settings))
    assert found.training.carriers[0].id == row["id"]
    assert found.verdict != CONTRADICTED


def test_cards_of_a_block_are_those_of_single_proteins(blended, held_out, tmp_path):
    path = tmp_path / "p.fasta"
    path.write_text("".join(f">{p.id}\n{p.sequence}\n" for p in held_out[:3]))
    settings = {"checkpoint_path": str(blended[0]), "term": "GO:0003677", "device": "cpu"}
    together = list(explain(ExplainConfig(fasta=str(path), **settings)))
    for found, protein in zip(together, held_out[:3], strict=True):
        (alone,) = explain(ExplainConfig(sequence=protein.sequence, **settings))
        assert to_json(found) == to_json(alone) | {"protein": protein.id}


def test_several_proteins_give_several_cards_and_bad_ones_are_counted(
    checkpoint, tmp_path, capsysbinary
):
    path = tmp_path / "p.fasta"
    path.write_text(f">one\n{sequence(30, 1)}\n>two\nMK1T\n>three\n{sequence(40, 2)}\n")
    words = (f"--fasta={path}", "--term=zinc ion BINDING", "--format=json")
    code, out, err = explained_text(capsysbinary, checkpoint, *words)
    assert code == 4
    assert [card["protein"] for card in json.loads(out)["cards"]] == ["one", "three"]
    assert "two rejected" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--term=GO:0008271"], "near: GO:0008270"),
        (["--term=zinc ion bindin"], "near: GO:0008270 zinc ion binding"),
        (["--term=GO:9999999"], "no alternative ids"),
        (["--term="], "nothing to explain"),
        ([], "nothing to explain"),
        (["--term=GO:0008270", "--output=card.gif"], "should end in .txt, .json, .svg"),
        (["--term=GO:0008270", "--format=gif"], "--format must be one of"),
    ],
)
def test_what_cannot_be_explained_is_one_line_and_code_2(checkpoint, capsysbinary, words, said):
    code, out, err = explained_text(capsysbinary, checkpoint, "--sequence=MKTAYIAKQR", *words)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1
    assert len(err) <= 200


def test_a_file_is_replaced_only_when_asked(checkpoint, tmp_path, capsysbinary):
    path = tmp_path / "card.txt"
    path.write_text("mine")
    words = ("--sequence=MKTAYIAKQRQISF", "--term=GO:0008270", f"--output={path}")
    assert explained_text(capsysbinary, checkpoint, *words)[0] == 2
    assert path.read_text() == "mine"
    assert explained_text(capsysbinary, checkpoint, *words, "--overwrite")[0] == 0
    assert path.read_text().startswith("Evidence for zinc ion binding (GO:0008270) in sequence")


def test_a_checkpoint_without_an_index_says_so(checkpoint, tmp_path, capsysbinary):
    path = tmp_path / "alone.pt"
    path.write_bytes(checkpoint.read_bytes())
    code, out, _ = explained_text(
        capsysbinary, path, "--sequence=MKTAYIAKQRQISF", "--term=GO:0008270"
    )
    assert code == 0
    assert "no index beside the checkpoint" in out


def test_names_that_two_terms_share_are_asked_for_by_id():
    with pytest.raises(UsageError, match="near"):
        column_of("motif bindin", LABELS)
    assert column_of(" go:0000002", LABELS) == column_of("Motif Binding", LABELS) == 1


def test_progress_moves_with_every_batch(checkpoint, tmp_path, monkeypatch):
    bars = Bars(monkeypatch, explaining)
    rows = sample_rows()["test"][:2]
    (tmp_path / "a.fasta").write_text("".join(f">{r['id']}\n{r['sequence'][:60]}\n" for r in rows))
    words = [f"--checkpoint_path={checkpoint}", "--device=cpu", "--term=GO:0008270"]
    assert main(["explain", *words, f"--fasta={tmp_path / 'a.fasta'}"]) == 0
    bars.moved(2 * (32 + 99 + 2))
