"""Base models: local folders in the layout of Hugging Face, good and bad."""

import json
import shutil

import pytest
import torch
from oracles import SEQUENCES, hidden
from safetensors.torch import load_file, save_file
from transformers import EsmModel

from esmgo.cli.main import main
from esmgo.errors import CheckpointError, UsageError
from esmgo.model.bases import BASES, locate_base
from esmgo.model.caller import Caller
from esmgo.model.tokens import encode


def test_the_weights_are_those_of_the_folder(base):
    ours = hidden(Caller.start(base, 3, dropout=0.1, seed=1))
    model = EsmModel.from_pretrained(base, add_pooling_layer=False).eval()
    with torch.inference_mode():
        tokens = (torch.tensor(encode(s, 99).astype(int)[None]) for s in SEQUENCES)
        theirs = torch.cat([model(each).last_hidden_state[0] for each in tokens])
    torch.testing.assert_close(ours, theirs, atol=2e-6, rtol=0)


def test_both_spellings_of_layer_norm_are_read(base, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(base, other)
    tensors = load_file(base / "model.safetensors")
    old, new = ("gamma", "beta"), ("weight", "bias")
    if any(".gamma" in name for name in tensors):
        swap = dict(zip(old, new, strict=True))
    else:
        swap = dict(zip(new, old, strict=True))
    renamed = {
        ".".join(
            swap.get(part, part) if "LayerNorm" in name else part for part in name.split(".")
        ): t
        for name, t in tensors.items()
        if "*" not in name
    }
    assert set(renamed) != set(tensors)
    save_file(renamed, other / "model.safetensors", metadata={"format": "pt"})
    one, two = (hidden(Caller.start(f, 3, dropout=0.1, seed=1)) for f in (base, other))
    assert torch.equal(one, two)


def test_shards_are_read_one_after_the_other(base, tmp_path):
    folder = tmp_path / "shards"
    shutil.copytree(base, folder)
    tensors = {n: t for n, t in load_file(folder / "model.safetensors").items() if "*" not in n}
    (folder / "model.safetensors").unlink()
    names = sorted(tensors)
    for number, some in enumerate((names[::2], names[1::2]), 1):
        shard = folder / f"model-0000{number}-of-00002.safetensors"
        save_file({name: tensors[name] for name in some}, shard, metadata={"format": "pt"})
    one, two = (hidden(Caller.start(f, 3, dropout=0.1, seed=1)) for f in (base, folder))
    assert torch.equal(one, two)


def test_training_on_a_folder_needs_it_no_more_afterwards(base, tmp_path, capsys):
    folder = tmp_path / "base"
    shutil.copytree(base, folder)
    words = [f"--checkpoint_path={tmp_path / 'c.pt'}", f"--run_dir_path={tmp_path / 'runs'}",
             "--device=cpu"]  # fmt: skip
    start = [f"--base_model={folder}", "--dataset=sample", "--num_epochs=1", "--seed=1",
             "--context_length=64", "--unfreeze_last_k_layers=2"]  # fmt: skip
    assert main(["train", *words, *start]) == 0
    shutil.rmtree(folder)
    assert main(["train", *words, "--resume", "--num_epochs=2"]) == 0
    assert main(["rank", words[0], "--sequence=MKTAYIAK", "--device=cpu"]) == 0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda f: (f / "config.json").unlink(), "config.json"),
        (lambda f: (f / "config.json").write_text("{"), "unreadable"),
        (lambda f: edit(f, model_type="bert"), "bert"),
        (lambda f: edit(f, hidden_size=1_000_000), "hidden_size is 1000000"),
        (lambda f: edit(f, num_hidden_layers=100_000), "num_hidden_layers"),
        (lambda f: edit(f, vocab_size=32), "vocab_size"),
        (lambda f: edit(f, position_embedding_type="absolute"), "ESM-1"),
        (lambda f: edit(f, num_hidden_layers=3), "layer.2"),
        (lambda f: edit(f, hidden_size=32), ""),
        (lambda f: (f / "model.safetensors").unlink(), "safetensors"),
        (lambda f: (f / "model.safetensors").write_bytes(b"version https://git-lfs"), ""),
        (lambda f: spoil(f), "not finite"),
    ],
)
def test_a_folder_that_is_no_esm2_is_refused_by_name(base, tmp_path, change, told):
    folder = tmp_path / "base"
    shutil.copytree(base, folder)
    change(folder)
    with pytest.raises(CheckpointError) as error:
        Caller.start(locate_base(str(folder)), 3, dropout=0.1, seed=1)
    assert told in str(error.value)
    assert str(folder)[:20] in str(error.value)
    assert len(str(error.value)) < 190


def edit(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def spoil(folder):
    path = folder / "model.safetensors"
    tensors = load_file(path)
    tensors["esm.embeddings.word_embeddings.weight"][5, 0] = float("inf")
    save_file(tensors, path, metadata={"format": "pt"})


def test_pickled_weights_are_not_opened(base, tmp_path):
    folder = tmp_path / "base"
    shutil.copytree(base, folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="never opened"):
        locate_base(str(folder))


def test_an_unknown_name_lists_the_bases():
    with pytest.raises(UsageError, match="tiny"):
        locate_base("esm2_t6")
    assert len(BASES) == 6
