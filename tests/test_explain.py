"""The evidence card: attributions that add up, a test that can fail, honest words."""

import json
import re
import shlex
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients

import esmgo
from esmgo.cli.main import main
from esmgo.data.fasta import Protein
from esmgo.dataset.sample import example, sample_rows
from esmgo.errors import UsageError
from esmgo.evidence.index import Index
from esmgo.explanation import attribution
from esmgo.explanation.attribution import MOST_STEPS, Attribution, attribute, logits
from esmgo.explanation.card import to_json, to_text
from esmgo.explanation.deletion import Deletion, deletion_test, highest, scattered
from esmgo.explanation.explaining import carriers, column_of, explained
from esmgo.explanation.explanation import LITTLE, NOT_SUPPORTED, SUPPORTED
from esmgo.explanation.track import to_svg
from esmgo.go.labels import LabelSpace
from esmgo.go.terms import Aspect, Term
from esmgo.model.caller import Caller
from esmgo.model.packing import pack
from esmgo.model.tokens import MASK, encode, windows
from esmgo.predict.scorer import Scorer

ROOT = Path(__file__).parents[1]
CPU = torch.device("cpu")
SVG = "{http://www.w3.org/2000/svg}"
LETTERS = list("LAGVSERTIDPKQNFYMHWC")
ZINC_FINGERS = example("zinc finger")["sequence"][60:130]
MOTIF = "HWCYMHCWFY"
TERMS = tuple(
    Term(f"GO:000000{i}", name, Aspect.MF)
    for i, name in enumerate(["root of all", "motif binding", "strong motif binding"], 1)
)
LABELS = LabelSpace(TERMS, ((), (0,), (1,)), "test")


def sequence(n: int, seed: int) -> str:
    return "".join(np.random.default_rng([seed, n]).choice(LETTERS, n))


def shuffled(random: np.random.Generator) -> str:
    """The motif's residues in another order: composition tells nothing."""
    return "".join(random.permutation(list(MOTIF)))


def planted(seed: int, motif: str, n: int = 100) -> tuple[str, int]:
    """A random protein of ``n`` residues with a motif in it, and where."""
    random = np.random.default_rng(seed)
    letters, at = random.choice(LETTERS, n), int(random.integers(0, n - len(motif)))
    letters[at : at + len(motif)] = list(motif)
    return "".join(letters), at


def random_caller(n_terms: int = 3) -> Caller:
    """An encoder of two layers that attends to something, with a random head."""
    caller = Caller.start(None, n_terms, dropout=0.0, seed=0)
    torch.manual_seed(1)
    with torch.no_grad():
        for layer in (caller.head.dense, caller.head.out_proj):
            torch.nn.init.normal_(layer.weight, std=0.3)
    return caller


@pytest.fixture(scope="module")
def reader() -> Scorer:
    """A caller that has learned to tell the motif from shuffled ones; two of its terms mean it."""
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    caller = Caller.start(None, 3, dropout=0.0, seed=0)
    caller.unfreeze(2)
    optimizer = torch.optim.Adam(caller.trainable().values(), lr=2e-3)
    has = np.arange(16) % 2 == 0
    truth = torch.from_numpy(np.stack([has | True, has, has], 1).astype(np.float32))
    for step in range(100):
        motifs = [MOTIF if each else shuffled(random) for each in has]
        texts = [planted(1000 + 16 * step + i, motif, 40)[0] for i, motif in enumerate(motifs)]
        found = caller(pack([encode(text, 99) for text in texts]))
        loss = torch.nn.functional.binary_cross_entropy_with_logits(found, truth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    caller.unfreeze(0)
    return Scorer(caller, LABELS, 120, CPU, "fp32")


@pytest.fixture(scope="module")
def deaf() -> Scorer:
    """A caller that is sure of everything and ignores the protein."""
    caller = Caller.start(None, 3, dropout=0.0, seed=0)
    with torch.no_grad():
        caller.head.out_proj.weight.zero_()
        caller.head.out_proj.bias.fill_(3.0)
    return Scorer(caller, LABELS, 99, CPU, "fp32")


@pytest.fixture(scope="module")
def ran(checkpoint):
    """The card of a protein with zinc fingers, by a caller of one epoch."""
    (found,) = esmgo.explain(
        esmgo.ExplainConfig(
            checkpoint_path=str(checkpoint), sequence=ZINC_FINGERS,
            term="GO:0008270", device="cpu",
        )
    )  # fmt: skip
    return found


def explained_text(capsysbinary, checkpoint, *words) -> tuple[int, str, str]:
    code = main(["explain", f"--checkpoint_path={checkpoint}", "--device=cpu", *words])
    captured = capsysbinary.readouterr()
    return code, captured.out.decode(), captured.err.decode()


def said(found) -> str:
    """The card's text, on one line."""
    return " ".join(to_text(found).split())


def test_attributions_add_up_to_the_difference_of_the_scores():
    caller = random_caller()
    for n in (1, 25):
        row = encode(sequence(n, 0), 1024)
        found = attribute(caller, row, 1, CPU)
        assert found.residues.shape == (n,)
        unknown = encode("X" * n, 1024)
        np.testing.assert_allclose(
            logits(caller, [row, unknown], 1, CPU), [found.score, found.baseline], atol=1e-5
        )
        assert found.is_complete
        assert abs(found.gap) <= 0.01 * max(1, abs(found.score - found.baseline))


def test_attributions_equal_those_of_captum():
    caller, text = random_caller(), sequence(40, 1)
    row = encode(text, 1024)
    packed, unknown = (pack([encode(t, 1024)], fill=False) for t in (text, "X" * 40))

    def score(x):  # (B, L, D)
        many = pack([row] * len(x), fill=False)
        last = caller.encoder.run(x.flatten(0, 1), many, 0, 2, cls_only=True)
        return caller.head(last)[:, 2]

    theirs = IntegratedGradients(score).attribute(
        caller.encoder.embed(packed)[None].detach(),
        caller.encoder.embed(unknown)[None].detach(),
        n_steps=16,
        method="riemann_middle",
    )
    ours = attribute(caller, row, 2, CPU, n_steps=16).residues
    np.testing.assert_allclose(ours, theirs[0].sum(1)[1:-1].detach().numpy(), atol=2e-6)
    assert abs(ours).max() > 0.01


def test_steps_are_doubled_until_the_sum_is_complete_and_what_is_missing_is_said():
    caller = random_caller()
    row = encode(sequence(12, 2), 1024)
    with torch.no_grad():  # a way on which the score jumps
        caller.encoder.embeddings.word_embeddings.weight[24] = 0
        caller.encoder.embeddings.word_embeddings.weight.mul_(100)
    found = attribute(caller, row, 1, CPU)
    assert found.n_steps > 32
    assert found.is_complete or found.n_steps == MOST_STEPS
    short = Attribution(np.array([1.0, 2.0]), score=4.0, baseline=0.0, n_steps=512)
    assert (short.gap, short.is_complete) == (-1.0, False)


def test_weights_kept_in_bf16_give_gradients_too():
    caller, row = random_caller(), encode(sequence(50, 3), 1024)
    whole = attribute(caller, row, 1, CPU, n_steps=8).residues
    caller.encoder.bfloat16()
    half = attribute(caller, row, 1, CPU, n_steps=8).residues
    assert np.corrcoef(whole, half)[0, 1] > 0.99


def test_large_encoders_are_computed_anew_on_the_way_back_to_the_same_result(monkeypatch):
    caller, row = random_caller(), encode(sequence(30, 3), 1024)
    held = attribute(caller, row, 1, CPU, n_steps=4).residues
    monkeypatch.setattr(attribution, "_HELD", 0)
    anew = attribute(caller, row, 1, CPU, n_steps=4).residues
    np.testing.assert_allclose(anew, held, atol=1e-6)


def test_an_unknown_residue_adds_nothing():
    row = encode("MKTAX" + sequence(20, 4), 1024)
    assert attribute(random_caller(), row, 0, CPU, n_steps=4).residues[4] == 0


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
    assert "No residue speaks for the term" in said(found)


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


def test_the_same_protein_gives_the_same_card_in_any_company(reader):
    cards = []
    for seed in (1, 2, 1):
        found = explained(reader, None, Protein("p", planted(seed, MOTIF)[0]), 1)
        cards.append(json.dumps(to_json(found)))
    assert cards[0] == cards[2] != cards[1]


def test_the_masks_of_the_test_have_the_marked_runs_elsewhere():
    row = encode(sequence(50, 9), 1024)
    marked = np.array([0, 1, 2, 20, 48, 49])
    seen = []

    def score(rows):
        seen.extend(np.flatnonzero(r == MASK) - 1 for r in rows)
        return np.array([(r != MASK).sum() for r in rows], np.float32)

    found = deletion_test(row, marked, score)
    assert found.fall == 6
    assert (found.random == 6).all()
    whole, first, *random = seen
    assert len(whole) == 0
    assert first.tolist() == marked.tolist()
    assert len({tuple(each) for each in random}) > 90
    for each in random:
        lengths = sorted(len(run) for run in np.split(each, np.flatnonzero(np.diff(each) > 1) + 1))
        assert lengths == [1, 2, 3]
        assert 0 <= each.min() <= each.max() < 50
    assert found.p_value == 1  # every random mask does as much


def test_random_places_reach_every_residue():
    random = np.random.default_rng(0)
    seen = np.concatenate([scattered(np.array([2, 1]), 8, random) for _ in range(200)])
    assert sorted(set(seen.tolist())) == list(range(8))


def test_p_counts_the_masks_that_do_as_much():
    random = np.zeros(99, np.float32)
    random[:4] = 2
    found = Deletion(2.0, random)
    assert found.p_value == 0.05
    assert found.is_supported
    assert not Deletion(0.0, np.full(99, -1, np.float32)).is_supported  # nothing falls


def test_few_residues_are_marked_and_only_those_that_speak_for_the_term():
    assert len(highest(np.arange(1.0, 101))) == 10
    assert highest(np.array([1.0, -1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0])).tolist() == [0, 3]
    assert len(highest(np.ones(4))) == 2
    assert highest(np.ones(1)).tolist() == [0]


def test_carriers_are_the_nearest_training_proteins_with_the_term():
    index = Index(
        ids=("a", "b", "c", "d"),
        vectors=np.array([[1, 0], [0, 1], [1, 1], [-1, 0]], np.float16),
        indptr=np.array([0, 2, 2, 4, 6]),
        indices=np.array([0, 1, 0, 1, 0, 2], np.int32),
    )
    found = carriers(index, np.array([[1, 0]], np.float32), 1, 5)
    assert (found.n_proteins, found.n_carriers) == (4, 2)
    assert [id for id, _ in found.nearest] == ["a", "c"]
    np.testing.assert_allclose([s for _, s in found.nearest], [1, 0.5**0.5], atol=1e-3)
    assert carriers(index, np.array([[1, 0]], np.float32), 0, 1).nearest[0][0] == "a"
    assert carriers(index, np.array([[1, 0]], np.float32), 3, 5).nearest == ()


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


def test_the_picture_has_every_residue_and_marks_the_highest(ran):
    root = ET.fromstring(to_svg([ran, ran]))
    letters = [e for e in root.iter(f"{SVG}text") if (e.get("class") or "").split()[:1] == ["l"]]
    assert "".join(e.text for e in letters) == 2 * ran.sequence
    bold = [i for i, e in enumerate(letters[: len(ran.sequence)]) if "m" in e.get("class").split()]
    assert bold == ran.track.marked.tolist()
    assert not [e for e in root.iter() if e.tag in (f"{SVG}script", f"{SVG}image")]
    assert "href" not in to_svg([ran])


def test_the_picture_of_nothing_and_of_odd_names_is_sound(deaf):
    nasty = Protein('</svg><script>"&\x1b\udc80\n', "MKT")
    found = explained(deaf, None, nasty, 1)
    ET.fromstring(to_svg([found]).encode())
    json.dumps(to_json(found)).encode()
    assert "\x1b" not in to_text(found)
    ET.fromstring(to_svg([]))


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
        (["--term=GO:0008270", "--output=card.gif"], "end it in .txt, .json, .svg"),
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


def test_commands_of_the_document_run_as_printed(checkpoint, tmp_path, monkeypatch, capsysbinary):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "checkpoint.pt").write_bytes(checkpoint.read_bytes())
    (tmp_path / "proteins.fasta").write_text(f">a\n{sequence(40, 1)}\n>b\n{sequence(30, 2)}\n")
    text = (ROOT / "docs" / "explain.md").read_text(encoding="utf-8")
    commands = re.search(r"```sh\n(.*?)```", text, re.DOTALL)[1].splitlines()
    assert len(commands) >= 3
    for command in commands:
        _, *words = shlex.split(command)
        assert main([*words, "--device=cpu"]) == 0
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(compile(block, "explain.md", "exec"), {})
