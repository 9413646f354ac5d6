"""`esmgo embed`: vectors that are right, in order, complete or absent."""

import gzip
import json
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from oracles import states
from predicting import Bars

import esmgo
from esmgo.cli.main import main
from esmgo.dataset.sample import sample_rows
from esmgo.model import embeddings
from esmgo.model.embeddings import embed
from esmgo.model.tokens import windows
from esmgo.predict import embedding

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def proteins():
    rows = sample_rows()["test"][:4]
    long = ("long", "".join(row["sequence"] for row in rows))
    return [*((row["id"], row["sequence"]) for row in rows), long, ("sp|P1|X", "MKT"), ("one", "M")]


@pytest.fixture
def fasta(tmp_path, proteins):
    path = tmp_path / "proteins.fasta"
    path.write_text("".join(f">{id} words\n{sequence}\n" for id, sequence in proteins))
    return path


def run(fasta, output, *words, encoder="--base_model=tiny"):
    words = [*words, f"--fasta={fasta}", f"--output={output}", "--device=cpu"]
    return main(["embed", encoder, "--dtype=fp32", *words])


def read(path):
    """Ids, lengths, vectors and metadata of an output of either kind."""
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as found:
            names = ("ids", "sequence_lengths", "embeddings")
            return *(found[name] for name in names), json.loads(str(found["metadata"]))
    table = pq.read_table(path)
    vectors = table["embedding"].combine_chunks()
    matrix = vectors.flatten().to_numpy().reshape(len(table), table.schema.types[2].list_size)
    found = {k.decode(): v.decode() for k, v in table.schema.metadata.items()}
    found.pop("ARROW:schema", None)
    ids, lengths = (table[name].to_numpy() for name in ("id", "sequence_length"))
    return ids, lengths, matrix, found


@pytest.mark.parametrize("suffix", ["parquet", "npz"])
def test_vectors_are_those_of_cls_in_the_order_of_the_file(
    tmp_path, fasta, proteins, tiny, suffix, capsys
):
    assert run(fasta, tmp_path / f"x.{suffix}") == 0, capsys.readouterr().err
    assert "7 proteins as vectors of 128 (cls)" in capsys.readouterr().out
    ids, lengths, vectors, metadata = read(tmp_path / f"x.{suffix}")
    assert ids.tolist() == [id for id, _ in proteins]
    assert lengths.tolist() == [len(sequence) for _, sequence in proteins]
    assert vectors.dtype == np.float32
    expected = [np.mean([states(tiny, w)[0] for w in windows(s, 1024)], 0) for _, s in proteins]
    np.testing.assert_allclose(vectors, expected, atol=2e-5)
    assert metadata == {
        "base_model": "tiny", "pooling": "cls", "context_length": "1024", "precision": "fp32",
        "esmgo": esmgo.__version__,
    }  # fmt: skip


def test_mean_and_a_short_context_reach_the_file(tmp_path, fasta, tiny, proteins):
    assert run(fasta, tmp_path / "x.npz", "--pooling=mean", "--context_length=100") == 0
    _, _, vectors, metadata = read(tmp_path / "x.npz")
    expected = embed(tiny, [s for _, s in proteins], 100, CPU, pooling="mean")
    np.testing.assert_allclose(vectors, expected, atol=2e-5)
    assert (metadata["pooling"], metadata["context_length"]) == ("mean", "100")


def test_blocks_change_nothing(tmp_path, fasta, monkeypatch):
    run(fasta, tmp_path / "whole.parquet")
    monkeypatch.setattr(embedding, "BLOCK", 3)
    run(fasta, tmp_path / "cut.parquet")
    one, two = (read(tmp_path / f"{name}.parquet") for name in ("whole", "cut"))
    assert pq.ParquetFile(tmp_path / "cut.parquet").num_row_groups == 3
    assert one[0].tolist() == two[0].tolist()
    np.testing.assert_allclose(one[2], two[2], atol=2e-5)


def test_a_block_is_written_before_the_next_is_computed(tmp_path, fasta, monkeypatch):
    fasta.write_text("".join(f">{i}\nMKT\n" for i in range(40)))
    real, sizes = embeddings.embed, []

    def watched(*arguments, **more):
        sizes.append(sum(p.stat().st_size for p in tmp_path.glob(".x.parquet.*")))
        return real(*arguments, **more)

    monkeypatch.setattr(embedding, "BLOCK", 1)
    monkeypatch.setattr(embeddings, "embed", watched)
    assert run(fasta, tmp_path / "x.parquet") == 0
    assert sizes == sorted(sizes)
    assert 0 < sizes[-1] < (tmp_path / "x.parquet").stat().st_size


def test_the_same_input_gives_the_same_bytes(tmp_path, fasta):
    fasta.write_text(">a\nMKT\n>b\nMKTAYIAKQRQ\n")
    for suffix in ("npz", "parquet"):
        for name in ("a", "b"):
            run(fasta, tmp_path / f"{name}.{suffix}")
        one, two = ((tmp_path / f"{name}.{suffix}").read_bytes() for name in ("a", "b"))
        assert one == two


def test_a_checkpoint_embeds_and_names_its_base(tmp_path, fasta, checkpoint):
    assert run(fasta, tmp_path / "x.parquet", encoder=f"--checkpoint_path={checkpoint}") == 0
    ids, _, vectors, metadata = read(tmp_path / "x.parquet")
    assert vectors.shape == (len(ids), 128)
    assert (metadata["base_model"], metadata["checkpoint_path"]) == ("tiny", str(checkpoint))


def test_rejected_records_are_counted_and_listed(tmp_path, capsys):
    path, rejects = tmp_path / "mixed.fasta.gz", tmp_path / "rejects.tsv"
    path.write_bytes(gzip.compress(b">a\nMKT\n>b\nMK1\n>a\nMMM\n>c\nWWW\n"))
    assert run(path, tmp_path / "x.npz", f"--rejects={rejects}") == 4
    assert "2 of 4 records rejected" in capsys.readouterr().err
    assert read(tmp_path / "x.npz")[0].tolist() == ["a", "c"]
    assert len(rejects.read_text().splitlines()) == 3
    assert run(path, tmp_path / "y.npz", "--strict") == 3
    assert not (tmp_path / "y.npz").exists()


@pytest.mark.parametrize("suffix", ["parquet", "npz"])
def test_a_file_of_rejects_alone_gives_an_empty_table(tmp_path, suffix):
    path = tmp_path / "bad.fasta"
    path.write_text(">a\n!!!\n")
    assert run(path, tmp_path / f"x.{suffix}") == 4
    ids, lengths, vectors, _ = read(tmp_path / f"x.{suffix}")
    assert (len(ids), len(lengths), vectors.shape) == (0, 0, (0, 128))


def test_a_file_that_ends_too_early_leaves_nothing(tmp_path, fasta, monkeypatch):
    whole = gzip.compress(fasta.read_bytes())
    (tmp_path / "cut.fasta.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "out").mkdir()
    monkeypatch.setattr(embedding, "BLOCK", 1)
    for suffix in ("parquet", "npz"):
        assert run(tmp_path / "cut.fasta.gz", tmp_path / "out" / f"x.{suffix}") == 3
    assert list((tmp_path / "out").iterdir()) == []


def test_an_older_file_is_replaced_only_when_asked(tmp_path, fasta, capsys):
    output = tmp_path / "x.npz"
    output.write_text("mine")
    assert run(fasta, output) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert output.read_text() == "mine"
    assert run(fasta, output, "--overwrite") == 0
    assert len(read(output)[0]) == 7


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--base_model=tiny", "--output=x.npz"], "--fasta"),
        (["--fasta=x", "--output=x.npz"], "one encoder"),
        (["--fasta=x", "--base_model=tiny", "--checkpoint_path=c", "--output=x.npz"], "one enc"),
        (["--fasta=x", "--base_model=tiny"], ".parquet or .npz"),
        (["--fasta=x", "--base_model=tiny", "--output=x.csv"], "not x.csv"),
        (["--fasta=x", "--base_model=tiny", "--output=-"], "not -"),
        (["--fasta=x", "--base_model=tiny", "--output=x.npz", "--pooling=max"], "cls, mean"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(words, told, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["embed", *words]) == 2
    err = capsys.readouterr().err
    assert told in err
    assert len(err.splitlines()) == 1
    assert len(err) < 200


def test_a_missing_file_and_a_missing_folder_are_told_first(tmp_path, fasta, capsys):
    assert run(tmp_path / "none.fasta", tmp_path / "x.npz") == 3
    assert run(fasta, tmp_path / "none" / "x.npz") == 5
    assert "there is no such folder" in capsys.readouterr().err


def test_help_loads_neither_torch_nor_pyarrow():
    program = (
        "import sys; from esmgo.cli.main import main; assert main(['embed', '--help']) == 0;"
        "assert not {'torch', 'pyarrow', 'transformers'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--pooling" in done.stdout


def test_progress_moves_with_every_batch(fasta, proteins, tmp_path, monkeypatch):
    bars = Bars(monkeypatch, embedding)
    assert run(fasta, tmp_path / "x.npz") == 0
    assert sum(bars.steps) == len(proteins)
    assert sum(step > 0 for step in bars.steps) > 1
