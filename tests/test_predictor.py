"""All evidence of a checkpoint: scores, precision, sources, fingerprints."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from containers import rewrite
from predicting import rows_of
from safetensors.numpy import save_file

from esmgo.cli.main import main
from esmgo.data.fasta import Protein
from esmgo.dataset.opening import open_dataset
from esmgo.dataset.sample import sample_rows
from esmgo.errors import CheckpointError, EsmgoError, UsageError, printable
from esmgo.evidence.index_file import open_index
from esmgo.evidence.sources import EvidenceSource
from esmgo.model.checkpoint import open_checkpoint
from esmgo.model.container import index_path
from esmgo.predict.predictor import Predictor


def test_scores_obey_the_true_path_rule_and_say_where_they_come_from(blended, held_out):
    predictor = Predictor.load(blended[0], device="cpu")
    evidence = predictor.evidence(held_out[:20])
    values, labels = evidence.scores.values, predictor.labels
    for j, up in enumerate(labels.parents):
        for p in up:
            assert (values[:, p] >= values[:, j]).all()
    called = values > 0.5
    assert called.any()
    index = open_index(open_checkpoint(blended[0]))
    frequency = index.terms.frequency(len(labels)) / np.float32(len(index))
    for source, flag in (("head", EvidenceSource.HEAD), ("neighbours", EvidenceSource.NEIGHBOURS)):
        alone = Predictor.load(blended[0], device="cpu", sources=[source]).evidence(held_out[:20])
        speaks = (evidence.sources & flag) > 0
        np.testing.assert_array_equal(speaks, alone.scores.values > frequency)
        assert not (alone.sources & EvidenceSource.COANNOTATION).any()
    assert (evidence.sources & EvidenceSource.HOMOLOGY).any()
    without = Predictor.load(blended[0], device="cpu", homology="none").evidence(held_out[:20])
    assert not (without.sources & EvidenceSource.HOMOLOGY).any()
    speaks = (evidence.sources & EvidenceSource.COANNOTATION) > 0
    assert (speaks.any(), speaks[:, [term.is_root for term in labels.terms]].any()) == (True, False)
    counted = ~np.isnan(evidence.precision)
    roots = np.array([term.is_root for term in labels.terms])
    np.testing.assert_array_equal(counted.all(axis=0), ~roots)


def test_a_protein_has_the_same_evidence_alone(blended, held_out):
    predictor = Predictor.load(blended[0], device="cpu", dtype="fp32")
    together = predictor.evidence(held_out[:9])
    for i, protein in enumerate(held_out[:9]):
        alone = predictor.evidence([protein])
        np.testing.assert_array_equal(alone.scores.values[0], together.scores.values[i])
        np.testing.assert_array_equal(alone.precision[0], together.precision[i])
        assert alone.similarity[0] == together.similarity[i]


def test_a_peptide_has_no_precision_and_keeps_no_promise(blended, held_out):
    predictor = Predictor.load(blended[0], device="cpu")
    whole = held_out[0].sequence
    few = [whole[:1], whole[:9], "X" * 70, whole[:9] + "X" * 30]
    proteins = [Protein(f"p{i}", text) for i, text in enumerate([*few, whole[:10]])]
    found = predictor.evidence(proteins + held_out[:1])
    assert np.isnan(found.precision[: len(few)]).all()
    assert np.isfinite(found.precision[len(few) :]).any(axis=1).all()
    assert not predictor.is_promised(found, 0.01)[: len(few)].any()


def test_a_training_protein_is_its_own_neighbour(blended):
    train = open_dataset("sample", "all", eval_ratio=1).train
    found = Predictor.load(blended[0], device="cpu").evidence(
        list(map(Protein, train.ids[:5], train.sequences[:5]))
    )
    np.testing.assert_allclose(found.similarity, 1, atol=1e-3)


def test_one_source_speaks_alone_when_asked(blended, held_out):
    head = Predictor.load(blended[0], device="cpu", sources=["head"]).evidence(held_out[:5])
    near = Predictor.load(blended[0], device="cpu", sources=["neighbours"]).evidence(held_out[:5])
    assert not np.allclose(head.scores.values, near.scores.values)
    assert np.isnan(near.precision).all()  # votes were never calibrated
    tenths = near.scores.values.max(axis=0)
    assert (tenths <= 1).all()


@pytest.mark.parametrize("source", ["head", "neighbours", "kmers"])
def test_a_single_source_is_the_source_of_every_call(predict, blended, tmp_path, source):
    words = (f"--sources={source}", "--min_score=0.01")
    assert predict(tmp_path / "x.tsv", *words, checkpoint_path=blended[0]) == 4
    assert {row["source"] for row in rows_of(tmp_path / "x.tsv")} == {source}


def test_a_checkpoint_without_other_sources_calls_by_its_head(predict, tmp_path):
    assert predict(tmp_path / "x.tsv") == 4
    assert {row["source"] for row in rows_of(tmp_path / "x.tsv")} == {"head"}


@pytest.mark.skipif(shutil.which("diamond") is None, reason="needs DIAMOND")
def test_homology_alone_is_the_source_of_every_call(predict, blended, tmp_path):
    words = ("--sources=homology", "--homology=sample", "--min_score=0.01")
    assert predict(tmp_path / "x.tsv", *words, checkpoint_path=blended[0]) == 4
    assert {row["source"] for row in rows_of(tmp_path / "x.tsv")} <= {"homology"}


@pytest.mark.skipif(shutil.which("diamond") is None, reason="needs DIAMOND")
def test_rejected_training_sequences_are_counted_and_named(predict, blended, tmp_path, capsys):
    row = sample_rows()["train"][0]
    homology, fasta = tmp_path / "train.fasta", tmp_path / "x.fasta"
    homology.write_text(f">{row['id']}\n{row['sequence']}\n>bad\nMK1V\n>worse\nMK_V\n")
    fasta.write_text(f">a\n{row['sequence']}\n")
    words = (f"--homology={homology}", "--sources=homology", "--min_score=0.01")
    changes = {"checkpoint_path": blended[0], "input": fasta}
    assert predict(tmp_path / "x.tsv", *words, **changes) == 4
    err = capsys.readouterr().err
    assert "train.fasta:4 column 3: bad rejected: '1' is not" in err
    assert "train.fasta:6 column 3: worse rejected" in err
    assert "2 of 4 records rejected" in err  # one accepted in either file
    assert "--homology has no sequence of" in err
    assert predict(tmp_path / "y.tsv", *words, "--strict", **changes) == 3
    rows = tmp_path / "train.jsonl"
    lines = [json.dumps(each) for each in [*sample_rows()["train"][:9], row | {"id": "z"}]]
    rows.write_text("\n".join(lines).replace(row["sequence"], "MK1", 1) + "\n")
    words = (f"--homology={rows}", "--sources=homology", "--min_score=0.01")
    assert predict(tmp_path / "z.tsv", *words, **changes) == 4
    assert "1 of 11 records rejected" in capsys.readouterr().err


def test_progress_counts_every_protein(predictor, proteins):
    steps = []
    evidence = predictor.evidence(proteins, progress=steps.append)
    assert sum(steps) == len(evidence.scores.proteins) == len(proteins)
    steps.clear()
    assert sum(len(each.proteins) for each in predictor.score(proteins, progress=steps.append)) == (
        sum(steps)
    )


def pair(blended, folder):
    """A copy of the blended caller and its index; the paths of both."""
    for each in (blended[0], index_path(blended[0])):
        shutil.copy(each, folder / each.name)
    return folder / blended[0].name, folder / index_path(blended[0]).name


LOST = {
    "missing": (lambda path, index: index.unlink(), "missing, and the blend needs it"),
    "empty": (lambda path, index: index.write_bytes(b""), "empty"),
    "cut": (lambda path, index: index.write_bytes(index.read_bytes()[:-9]), "incomplete"),
    "a folder": (lambda path, index: (index.unlink(), index.mkdir()), "a folder"),
    "a link to nothing": (
        lambda path, index: (index.unlink(), index.symlink_to("gone")), "no checkpoint there",
    ),
    "the checkpoint": (lambda path, index: shutil.copy(path, index), "not an index"),
    "no metadata": (lambda path, index: rewritten(index, "esmgo", "esmgp"), "damaged"),
    "of another program": (
        lambda path, index: save_file({"vectors": np.zeros((1, 2))}, index), "not an index",
    ),
}  # fmt: skip


def rewritten(path, old, new):
    data = path.read_bytes()
    path.write_bytes(data.replace(f'"{old}":'.encode(), f'"{new}":'.encode(), 1))


@pytest.mark.parametrize("case", LOST)
def test_a_blend_without_its_index_is_refused_unless_the_head_suffices(
    blended, held_out, tmp_path, case, caplog, capsys
):
    path, index = pair(blended, tmp_path)
    change, reason = LOST[case]
    change(path, index)
    for sources in (None, ["head", "neighbours"], "neighbours", "head,kmers"):
        with pytest.raises(CheckpointError) as caught:
            Predictor.load(path, device="cpu", sources=sources)
        line = str(caught.value)
        assert reason in line
        assert line.startswith(printable(index, 90))
        assert len(line) < 200
        for cure in ("restore it", "run esmgo blend again", "`sources=head`"):
            assert cure in line
    found = Predictor.load(path, device="cpu", sources="head")
    assert reason in caplog.text
    values = found.evidence(held_out[:3]).scores.values
    wanted = Predictor.load(blended[0], device="cpu", sources="head").evidence(held_out[:3])
    np.testing.assert_array_equal(values, wanted.scores.values)
    capsys.readouterr()
    rank = ["rank", "--sequence=MKTAYIAKQRQISFVKSHFS", f"--checkpoint_path={path}", "--device=cpu"]
    assert main(rank) == 6
    assert "--sources=head" in capsys.readouterr().err
    assert main([*rank, "--sources=head"]) == main([*rank, "--raw"]) == 0
    explain = ["explain", *rank[1:], "--term=GO:0003824"]
    assert main(explain) == 6


def test_a_blend_with_files_of_another_model_is_refused(blended, trained, tmp_path):
    path, index = pair(blended, tmp_path)
    blend = open_checkpoint(path).blend
    shutil.copy(trained / "c.index.pt", index)  # of another encoder, the same labels
    with pytest.raises(CheckpointError, match="belongs to another model or blend: restore it"):
        Predictor.load(path, device="cpu")
    other = trained / "c.pt"
    rewrite(other, blend=blend)  # the blend of another model, and its index
    shutil.copy(index_path(blended[0]), index_path(other))
    with pytest.raises(CheckpointError, match="belongs to another model or blend"):
        Predictor.load(other, device="cpu")
    rewrite(other, blend={k: v for k, v in blend.items() if k != "index_sha256"})
    shutil.copy(index, index_path(other))  # the index fits, the blend does not
    with pytest.raises(CheckpointError, match="fitted to another model: run esmgo blend again"):
        Predictor.load(other, device="cpu")
    found = Predictor.load(other, device="cpu", sources="head")
    assert found.variant is None


def test_a_blend_of_an_older_version_takes_the_index_of_its_encoder_or_is_refused(
    blended, checkpoint, trained, held_out, tmp_path
):
    path, index = pair(blended, tmp_path)
    wanted = Predictor.load(path, device="cpu").evidence(held_out[:2]).scores.values
    names = ("index_sha256", "model_sha256")
    old = {k: v for k, v in open_checkpoint(path).blend.items() if k not in names}
    rewrite(path, blend=old)
    found = Predictor.load(path, device="cpu").evidence(held_out[:2]).scores.values
    np.testing.assert_array_equal(found, wanted)
    shutil.copy(index_path(checkpoint), index)  # of the same encoder, without k-mers
    with pytest.raises(CheckpointError, match="needs kmers, which its index lacks"):
        Predictor.load(path, device="cpu")
    shutil.copy(trained / "c.index.pt", index)
    with pytest.raises(CheckpointError, match="belongs to another model"):
        Predictor.load(path, device="cpu")
    index.unlink()
    with pytest.raises(CheckpointError, match="missing, and the blend"):
        Predictor.load(path, device="cpu")


def test_a_checkpoint_without_a_blend_needs_no_index(checkpoint, tmp_path):
    path = tmp_path / checkpoint.name
    shutil.copy(checkpoint, path)
    assert Predictor.load(path, device="cpu").variant is None
    with pytest.raises(UsageError, match="no index beside"):
        Predictor.load(path, device="cpu", sources=["head", "neighbours"])
    index_path(path).write_bytes(index_path(checkpoint).read_bytes()[:-5])
    with pytest.raises(CheckpointError, match="incomplete"):
        Predictor.load(path, device="cpu")


def test_fingerprint_tells_models_and_options_apart(blended, checkpoint):
    prints = {
        Predictor.load(blended[0], device="cpu", dtype="fp32").fingerprint,
        Predictor.load(blended[0], device="cpu", sources=["head"], dtype="fp32").fingerprint,
        Predictor.load(blended[0], device="cpu", context_length=50, dtype="fp32").fingerprint,
        Predictor.load(blended[0], device="cpu", dtype="bf16").fingerprint,
        Predictor.load(checkpoint, device="cpu", dtype="fp32").fingerprint,
    }
    assert len(prints) == 5
    again = Predictor.load(blended[0], device="cpu", dtype="fp32").fingerprint
    assert again in prints


def test_sequences_can_be_given_as_text(predictor):
    text = "MASMAGVGGGSGKRVPPTRVWWRLYEFALGLLGVVFFAAAATSGKTSRLVSVLIG"
    (one,) = predictor.predict(text)
    (same,) = predictor.predict(Protein("query1", text))
    assert one.protein == same.protein
    assert (one.scores == same.scores).all()
    several = predictor.predict([text, Protein("mine", text), f" {text[:20]}\n{text[20:].lower()}"])
    assert [p.protein.id for p in several] == ["query1", "mine", "query3"]
    assert next(predictor.predict(f">mine\n{text}")).protein.id == "mine"
    keys, table = {"mine": text}, pd.DataFrame({"MKTAYIAKQR": [text]})
    types = (Path("a.fasta"), text.encode(), None, 5, keys, table, [5], [("mine", text)])
    for bad in ("P04637", "MK#T", ["MKTAYIAKQR", ""], *types):
        with pytest.raises(EsmgoError):
            list(predictor.predict(bad))
