"""Base models: local folders in Hugging Face layout, good and bad, and the export back."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from esmgo.cli.main import main
from esmgo.dataset.opening import open_dataset
from esmgo.errors import CheckpointError, UsageError
from esmgo.go.labels import LabelSpace
from esmgo.learn.config import TrainConfig
from esmgo.learn.finetune import fit
from esmgo.model.bases import BASES, locate_base
from esmgo.model.caller import Caller
from esmgo.model.checkpoint import open_checkpoint, save_checkpoint
from esmgo.model.packing import pack
from esmgo.model.tokens import encode

SEQUENCES = ["MKTAYIAKQRQISFVKSHFSRQLEERLG", "MASMAGVGGGSGKRVPPTRVWWRLYEFALGLLGVVFFAAAATSGK", "MU"]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A random ESM2 of two layers, sixteen wide, as transformers saves it."""
    from transformers import EsmConfig
    from transformers.models.esm.modeling_esm import EsmForMaskedLM

    torch.manual_seed(0)
    config = EsmConfig(
        vocab_size=33, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, position_embedding_type="rotary", token_dropout=True,
        mask_token_id=32, pad_token_id=1, layer_norm_eps=1e-5, max_position_embeddings=1026,
        emb_layer_norm_before=False,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("base")
    EsmForMaskedLM(config).save_pretrained(folder)
    return folder


def hidden(caller):
    return torch.cat(list(caller.hidden(pack([encode(s, 99) for s in SEQUENCES]))))


def test_the_weights_are_those_of_the_folder(base):
    from transformers import EsmModel

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


def test_a_large_encoder_is_kept_in_bf16_and_comes_back_from_a_checkpoint(
    base, tmp_path, monkeypatch
):
    from esmgo.model import caller as module

    monkeypatch.setattr(module, "LARGE", 1)
    small = Caller.start(base, 3, dropout=0.0, seed=1, half=True)
    assert {p.dtype for p in small.encoder.parameters()} == {torch.bfloat16}
    assert {p.dtype for p in small.head.parameters()} == {torch.float32}
    monkeypatch.undo()
    whole = Caller.start(base, 3, dropout=0.0, seed=1, half=True)
    torch.testing.assert_close(hidden(small), hidden(whole), atol=0.05, rtol=0.05)
    labels = open_dataset("sample").labels
    kept = LabelSpace(labels.terms[:1], ((),))
    caller = Caller.start(base, 1, dropout=0.0, seed=1)
    caller.encoder.to(torch.bfloat16)
    training = {"settings": {}, "validation": [], "dataset_sha256": "", "runs_on": "",
                "seed": 0, "epoch": 0, "step": 0, "n_updates": 0, "n_epoch_updates": 0,
                "n_epoch_cells": 0, "threads": 1, "loss_sum": 0.0, "norm_sum": 0.0,
                "best_fmax": -1.0}  # fmt: skip
    save_checkpoint(tmp_path / "c.pt", caller, kept, 99, training)
    again = open_checkpoint(tmp_path / "c.pt").caller()
    assert torch.equal(hidden(again), hidden(caller))


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


def test_an_export_loads_in_transformers_with_the_same_logits(base, tmp_path, capsys):
    from transformers import EsmForSequenceClassification, EsmTokenizer

    fitted = fit(
        TrainConfig(
            base_model=str(base), dataset="sample", num_epochs=1, device="cpu", seed=1,
            context_length=64, unfreeze_last_k_layers=1, precision="fp32",
            checkpoint_path=str(tmp_path / "c.pt"), run_dir_path=str(tmp_path / "runs"),
        )
    )  # fmt: skip
    words = ["export", f"--checkpoint_path={fitted.path}", f"--output_dir={tmp_path / 'X'}"]
    assert main(words) == 0
    assert main(words) == 2
    assert "overwrite" in capsys.readouterr().err
    assert main([*words, "--overwrite"]) == 0

    model, found = EsmForSequenceClassification.from_pretrained(
        tmp_path / "X", output_loading_info=True
    )
    assert not found["unexpected_keys"]
    assert not found["missing_keys"]
    tokenizer = EsmTokenizer.from_pretrained(tmp_path / "X")
    checkpoint = open_checkpoint(fitted.path)
    ids = [term.id for term in checkpoint.labels.terms]
    assert [model.config.id2label[i] for i in range(len(ids))] == ids
    caller = checkpoint.caller()
    for sequence in SEQUENCES:
        with torch.inference_mode():
            ours = caller(pack([encode(sequence, 64)]))
            theirs = model.eval()(**tokenizer(sequence, return_tensors="pt")).logits
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)
    assert json.loads((tmp_path / "X" / "go_terms.json").read_text())["release"]
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "X").iterdir()}
    assert modes == {checkpoint.path.stat().st_mode & 0o777}
