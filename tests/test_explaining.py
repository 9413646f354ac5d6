"""`esmgo explain`: which protein, term and window; verdicts; what is refused."""

import json

import numpy as np
import pytest
import torch
from motifs import LABELS, MOTIF, TERMS, explained_text, planted, sequence, shuffled
from predicting import Bars

from esmgo.cli.main import main
from esmgo.data.fasta import Protein
from esmgo.dataset.sample import sample_rows
from esmgo.errors import UsageError
from esmgo.evidence.index import Index
from esmgo.explanation import explaining
from esmgo.explanation.card import to_json, to_text
from esmgo.explanation.explaining import carriers_of, column_of, explained
from esmgo.explanation.explanation import LITTLE, NOT_SUPPORTED, SUPPORTED
from esmgo.go.sparse import SparseRows
from esmgo.model.caller import Caller
from esmgo.model.tokens import windows
from esmgo.predict.scorer import Scorer

CPU = torch.device("cpu")


def said(found) -> str:
    """The card's text, on one line."""
    return " ".join(to_text(found).split())


def test_a_planted_motif_is_found_and_supported(reader):
    ranks, p_values = [], []
    for seed in range(5):
        text, at = planted(seed, MOTIF)
        found = explained(reader, None, Protein("p", text), 1)
        motif = np.arange(at, at + len(MOTIF))
        values, others = found.track.values, np.delete(found.track.values, motif)
        ranks.append((values[motif, None] > others).mean())
        p_values.append(found.masking.p_value)
        assert (found.verdict == SUPPORTED) == (found.masking.p_value <= 0.05)
    assert np.mean(ranks) > 0.9  # percentile of the motif's residues among the others
    assert np.median(p_values) <= 0.05  # a tenth of the residues at random may hit the motif


def test_a_caller_that_ignores_the_sequence_is_not_supported(deaf):
    found = explained(deaf, None, Protein("p", sequence(40, 5)), 1)
    assert found.probability > 0.9
    assert found.verdict == NOT_SUPPORTED
    assert found.masking.p_value == 1
    assert "No residue supports the term" in said(found)


def test_a_weak_call_has_little_to_explain_or_is_not_supported(reader):
    text, _ = planted(3, shuffled(np.random.default_rng(3)))
    found = explained(reader, None, Protein("p", text), 1)
    assert found.probability < 0.5
    assert found.verdict in (LITTLE, NOT_SUPPORTED)
    assert f"only {found.probability:.2f}: there is little to explain" in said(found)


def test_a_probability_that_comes_from_a_descendant_is_explained_there():
    with torch.no_grad():
        caller = Caller.start(None, 3, dropout=0.0, seed=0)
        caller.head.out_proj.bias.copy_(torch.tensor([0.0, -2.0, 1.0]))
    scorer = Scorer(caller, LABELS, 99, CPU, "fp32")
    found = explained(scorer, None, Protein("p", sequence(30, 6)), 1)
    assert found.explained == TERMS[2]
    assert found.probability > found.own_probability
    assert "its descendant strong motif binding (GO:0000003)" in said(found)
    assert [each.term for each in found.ancestors] == [TERMS[0], TERMS[1]]


def test_a_long_protein_is_explained_where_the_term_scores_highest(reader):
    text, _ = planted(1, MOTIF)
    long = sequence(150, 7) + text + sequence(150, 8)
    found = explained(reader, None, Protein("p", long), 1)
    first, last = found.track.first, found.track.last
    at = long.index(MOTIF)
    assert first - 1 <= at < at + len(MOTIF) <= last
    assert long[first - 1 : last] in windows(long, 120)
    assert f"residues {first} to {last}" in said(found)
    assert all(first <= place <= last for place in to_json(found)["track"]["marked"])
    assert set(to_json(found)["track"]["marked"]) & set(range(at + 1, at + len(MOTIF) + 1))


def test_carriers_are_the_nearest_training_proteins_with_the_term():
    index = Index(
        ids=("a", "b", "c", "d"),
        vectors=np.array([[1, 0], [0, 1], [1, 1], [-1, 0]], np.float16),
        terms=SparseRows(np.array([0, 2, 2, 4, 6]), np.array([0, 1, 0, 1, 0, 2], np.int32)),
    )
    found = carriers_of(index, np.array([[1, 0]], np.float32), 1, 5)
    assert (found.n_proteins, found.n_carriers) == (4, 2)
    assert [id for id, _ in found.nearest] == ["a", "c"]
    np.testing.assert_allclose([s for _, s in found.nearest], [1, 0.5**0.5], atol=1e-3)
    assert carriers_of(index, np.array([[1, 0]], np.float32), 0, 1).nearest[0][0] == "a"
    assert carriers_of(index, np.array([[1, 0]], np.float32), 3, 5).nearest == ()


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
