"""`esmgo blend`: what it needs, and what it leaves in a checkpoint."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from esmgo.blending.blend_config import BlendConfig
from esmgo.blending.blending import blend
from esmgo.cli.main import main
from esmgo.data.fasta import Protein
from esmgo.data.rejects import ReadReport
from esmgo.dataset.opening import open_dataset
from esmgo.errors import CheckpointError, UsageError
from esmgo.evidence.index_file import open_index
from esmgo.evidence.relatives import available_sources
from esmgo.evidence.sources import SCORING, EvidenceSource
from esmgo.model.checkpoint import open_checkpoint, replace_blend
from esmgo.model.container import index_path
from esmgo.predict.predictor import Predictor


def test_blend_is_at_least_as_good_as_its_sources_out_of_fold(blended):
    _, summary = blended
    both = summary.fmax["blend of head + neighbours"]
    for source in ("head", "neighbours"):
        assert np.mean(list(both.values())) > np.mean(list(summary.fmax[source].values())) - 0.01


def test_blending_again_gives_the_same(blended, tmp_path):
    before = []
    for each in (blended[0], index_path(blended[0])):
        shutil.copy(each, tmp_path / each.name)
        before.append((tmp_path / each.name).read_bytes())
    path = tmp_path / blended[0].name
    summary = blend(BlendConfig(checkpoint_path=str(path), dataset="sample", device="cpu"))
    assert summary.fmax == blended[1].fmax
    assert [each.read_bytes() for each in (path, index_path(path))] == before


def test_without_kmers_there_is_no_blend_of_them(blended, held_out, tmp_path):
    for each in (blended[0], index_path(blended[0])):
        shutil.copy(each, tmp_path / each.name)
    path = tmp_path / blended[0].name
    blend(BlendConfig(checkpoint_path=str(path), dataset="sample", device="cpu", kmers=0))
    assert open_index(open_checkpoint(path)).kmers is None
    assert Predictor.load(path, device="cpu").variant.sources == ("head", "neighbours")
    with pytest.raises(UsageError, match="no k-mers beside"):
        Predictor.load(path, device="cpu", sources=["kmers"])
    # an index that has more than the blend: what there is a blend of
    shutil.copy(index_path(blended[0]), index_path(path))
    with pytest.raises(CheckpointError, match="run esmgo blend again"):
        Predictor.load(path, device="cpu")
    value = open_checkpoint(path).blend
    del value["index_sha256"]  # as an older version wrote it
    replace_blend(path, value)
    found = Predictor.load(path, device="cpu")
    assert found.variant.sources == ("head", "neighbours")
    assert not (found.evidence(held_out[:3]).sources & EvidenceSource.KMERS).any()


@pytest.mark.parametrize("case", ["missing", "damaged", "of another encoder"])
def test_blending_again_replaces_a_lost_index(blended, trained, tmp_path, case):
    path = tmp_path / blended[0].name
    shutil.copy(blended[0], path)
    if case == "damaged":
        index_path(path).write_bytes(index_path(blended[0]).read_bytes()[:-9])
    elif case != "missing":
        shutil.copy(trained / "c.index.pt", index_path(path))
    report = ReadReport()
    blend(BlendConfig(checkpoint_path=str(path), dataset="sample", device="cpu"), report)
    (line,) = report.warnings
    assert "computed again" in line
    assert len(line) < 200
    before, after = (open_index(open_checkpoint(each)) for each in (blended[0], path))
    assert before.ids == after.ids
    np.testing.assert_allclose(before.vectors, after.vectors, atol=2e-3)
    assert Predictor.load(path, device="cpu").variant.sources == SCORING


def test_blending_needs_the_data_that_it_was_trained_on(blended, tmp_path):
    path = tmp_path / "checkpoint.pt"
    for each in (blended[0], index_path(blended[0])):
        shutil.copy(each, tmp_path / each.name)
    (tmp_path / "data.jsonl").write_text(
        "".join(f'{{"id": "p{i}", "sequence": "MKV", "terms": ["GO:0003674"]}}\n' for i in range(9))
    )
    with pytest.raises(UsageError, match="not the data set of the training"):
        blend(BlendConfig(checkpoint_path=str(path), dataset=str(tmp_path / "data.jsonl")))


def test_blending_needs_proteins_that_were_held_out(checkpoint, tmp_path):
    for each in (checkpoint, index_path(checkpoint)):
        shutil.copy(each, tmp_path / each.name)
    with pytest.raises(UsageError, match="held-out"):
        blend(BlendConfig(checkpoint_path=str(tmp_path / "checkpoint.pt"), dataset="sample"))


def test_blend_passes_on_the_warnings_of_the_data_set(blended, monkeypatch):
    def opened(*args, **options):
        data = open_dataset(*args, **options)
        data.report.warn("some terms are obsolete")
        return replace(data, validation=data.validation.subset(range(5)))

    monkeypatch.setattr("esmgo.blending.blending.open_dataset", opened)
    report = ReadReport()
    with pytest.raises(UsageError, match="5 held-out proteins"):
        blend(BlendConfig(checkpoint_path=str(blended[0]), dataset="sample"), report)
    assert report.warnings == ["some terms are obsolete"]


def test_homology_is_blended_where_diamond_is(blended, held_out, tmp_path, capsys):
    if shutil.which("diamond") is None:
        pytest.skip("needs the program diamond")
    path = tmp_path / "checkpoint.pt"
    for each in (blended[0], index_path(blended[0])):
        shutil.copy(each, tmp_path / each.name)
    assert main([
        "blend", f"--checkpoint_path={path}", "--dataset=sample", "--homology=diamond",
        "--device=cpu",
    ]) == 0  # fmt: skip
    assert "blend of head + neighbours + kmers + homology" in capsys.readouterr().out
    data = open_dataset("sample", "all", eval_ratio=1)
    train = data.train
    sequences = dict(zip(train.ids, train.sequences, strict=True))
    predictor = Predictor.load(path, device="cpu", homology=sequences)
    known = [Protein("as in training", train.sequences[7])]
    evidence = predictor.evidence([*known, *held_out[:3]])
    terms = train.terms.row(7)
    own = [j for j in terms if not data.labels.terms[j].is_root]
    assert (evidence.sources[0, own] & EvidenceSource.HOMOLOGY > 0).mean() > 0.9  # others vote, too
    assert evidence.group[0] == len(predictor.variant.edges)  # the closest group
    with pytest.raises(UsageError, match="homology: names no training protein"):
        Predictor.load(path, device="cpu", homology={"stranger": "MKV"})
    index = open_index(open_checkpoint(path))
    same = dict(zip(index.ids, map(index.sequences.__getitem__, range(len(index))), strict=True))
    by_file, by_name = (
        Predictor.load(path, device="cpu", homology=each).evidence(held_out[:5])
        for each in (same, "diamond")
    )
    np.testing.assert_array_equal(by_file.scores.values, by_name.scores.values)
    if shutil.which("mmseqs"):
        other = Predictor.load(path, device="cpu", homology="mmseqs")
        assert other.fingerprint != Predictor.load(path, homology="diamond").fingerprint
        near = other.evidence(held_out[:5]).scores.values
        assert np.corrcoef(near.ravel(), by_name.scores.values.ravel())[0, 1] > 0.9


@pytest.mark.parametrize(("name", "words"), [
    ("blast", "no search of the name blast; builtin, diamond, mmseqs, none"),
    ("diamond", "no similar k-mers and sequences beside .*: run esmgo blend again, or give"),
])  # fmt: skip
def test_a_program_needs_a_known_name_and_an_index_with_sequences(blended, name, words):
    checkpoint = open_checkpoint(blended[0])
    index = replace(open_index(checkpoint), sequences=None)
    with pytest.raises(UsageError, match=words):
        available_sources(index, name, None, "checkpoint.pt")
