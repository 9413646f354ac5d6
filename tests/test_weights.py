"""Weights of base models: which files and tensors are read, and what is refused or named."""

import json
import shutil

import pytest
import torch
from containers import rewrite
from oracles import edit, hidden, theirs
from safetensors.torch import load_file, save_file

from esmgo.errors import CheckpointError
from esmgo.model.bases import locate_base
from esmgo.model.caller import Caller
from esmgo.model.checkpoint import open_checkpoint
from esmgo.model.packing import frequencies


@pytest.fixture
def folder(base, tmp_path):
    return shutil.copytree(base, tmp_path / "base")


def tensors_of(folder):
    return load_file(folder / "model.safetensors")


def store(folder, tensors, name="model.safetensors"):
    save_file({k: t.contiguous() for k, t in tensors.items()}, folder / name, {"format": "pt"})


def ours(folder):
    return hidden(Caller.start(locate_base(str(folder)), 3, dropout=0.1, seed=1))


def refusal(folder):
    with pytest.raises(CheckpointError) as caught:
        ours(folder)
    line = str(caught.value)
    assert len(line) < 200
    assert line.isprintable()
    return line


@pytest.mark.parametrize("prefix", ["_orig_mod.", "_orig_mod.esm._orig_mod.", "esm.encoder."])
def test_names_of_a_compiled_model_are_those_of_the_plain_one(base, folder, prefix):
    old = {"_orig_mod.": "", "_orig_mod.esm._orig_mod.": "esm.", "esm.encoder.": "esm.encoder."}
    new = "esm.encoder._orig_mod." if prefix == "esm.encoder." else prefix
    store(folder, {k.replace(old[prefix], new, 1): t for k, t in tensors_of(folder).items()})
    assert torch.equal(ours(folder), ours(base))


def test_a_compiled_checkpoint_is_the_plain_one(checkpoint, tmp_path):
    plain = open_checkpoint(checkpoint)
    path = tmp_path / "c.pt"
    shutil.copy(checkpoint, path)
    rewrite(path, lambda name: f"_orig_mod.{name}")
    found = open_checkpoint(path)
    assert found.encoder_fingerprint == plain.encoder_fingerprint
    assert found.model_fingerprint == plain.model_fingerprint
    before, after = (c.caller().network.state_dict() for c in (plain, found))
    assert all(torch.equal(before[name], after[name]) for name in before)


SURPLUS = {
    "esm.encoder.layer.7.LayerNorm.weight": "warned",
    "esm.encoder.layer.0.crossattention.self.query.weight": "warned",
    "esm.embeddings.layer_norm.weight": "warned",
    "esm.embeddings.token_type_embeddings.weight": "warned",
    "esm.embeddings.position_embeddings.weight": "unused",
    "esm.embeddings.position_ids": "unused",
    "lm_head.decoder.weight": "unused",
    "esm.pooler.dense.weight": "unused",
    "classifier.out_proj.weight": "unused",
    "esm.encoder.layer.0.attention.self.query.lora_A.default.weight": "adapter",
    "esm.encoder.layer.0.attention.self.query.base_layer.weight": "adapter",
    "esm.encoder.layer.0.output.adapters.x.adapter_down.0.weight": "adapter",
    "esm.encoder.layer.0.attention.self.key.ia3_l": "adapter",
    "classifier.modules_to_save.default.weight": "adapter",
    "embeddings.word_embeddings.weight": "occurs twice",
    "_orig_mod.esm.embeddings.word_embeddings.weight": "occurs twice",
}


@pytest.mark.parametrize("name", SURPLUS)
def test_surplus_weights_are_named_or_refused(base, folder, name, caplog):
    tensors = tensors_of(folder)
    like = tensors["esm.embeddings.word_embeddings.weight"]
    store(folder, tensors | {name: torch.full_like(like, 0.5)})
    kind = SURPLUS[name]
    if kind not in ("warned", "unused"):
        assert kind in refusal(folder)
        return
    assert torch.equal(ours(folder), ours(base))
    assert (name in caplog.text) == (kind == "warned")
    if kind == "warned":
        assert "1 weights are not of ESM2" in caplog.text


def test_of_many_surplus_weights_the_first_three_are_named(folder, caplog):
    more = {f"esm.extra.{i}": torch.ones(1) for i in range(40)}
    store(folder, tensors_of(folder) | more)
    ours(folder)
    (record,) = caplog.records
    assert "40 weights" in record.message
    assert [i for i in range(40) if f"esm.extra.{i}" in record.message] == [0, 1, 10]
    assert len(record.message) < 200


@pytest.mark.parametrize("where", ["layer.0", "layer.*", "model", "all layers", "half"])
def test_rotary_frequencies_of_the_file_are_used_as_transformers_uses_them(base, folder, where):
    rounded = torch.tensor(frequencies(8)).half()
    in_layer = "esm.encoder.layer.{}.attention.self.rotary_embeddings.inv_freq"
    names = {
        "layer.0": [in_layer.format(0)], "layer.*": [in_layer.format("*")],
        "model": ["esm.rotary_embeddings.inv_freq"],
        "all layers": [in_layer.format(i) for i in range(2)], "half": [in_layer.format(0)],
    }[where]  # fmt: skip
    tensors = {k: t for k, t in tensors_of(folder).items() if "inv_freq" not in k}
    values = rounded if where == "half" else rounded.float()
    store(folder, tensors | {name: values.clone() for name in names})
    found = ours(folder)
    assert not torch.equal(found, ours(base))
    torch.testing.assert_close(found, theirs(folder), atol=2e-6, rtol=0)


@pytest.mark.parametrize("value", [float("nan"), 0.0, -1.0])
def test_impossible_rotary_frequencies_are_refused(folder, value):
    name = "esm.encoder.layer.0.attention.self.rotary_embeddings.inv_freq"
    tensors = {k: t for k, t in tensors_of(folder).items() if "inv_freq" not in k}
    store(folder, tensors | {name: torch.full((4,), value)})
    assert "positive" in refusal(folder)
    store(folder, tensors | {name: torch.ones(4), name.replace("0", "1"): torch.ones(4) / 2})
    assert "different rotary" in refusal(folder)
    store(folder, tensors | {name: torch.ones(5)})
    assert "shape" in refusal(folder)


def sharded(folder):
    """Split the weights into two shards with a list, as transformers does; return the list."""
    tensors = tensors_of(folder)
    (folder / "model.safetensors").unlink()
    names, weight_map = sorted(tensors), {}
    for number, some in enumerate((names[::2], names[1::2]), 1):
        name = f"model-0000{number}-of-00002.safetensors"
        store(folder, {each: tensors[each] for each in some}, name)
        weight_map |= dict.fromkeys(some, name)
    listed = {"metadata": {"total_size": 1}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(listed))
    return listed


SHARDS = {
    "shard missing": (lambda f, m: (f / "model-00002-of-00002.safetensors").unlink(), "without"),
    "outside": (lambda f, m: move(f, m, "../model-00002-of-00002.safetensors"), "not the name"),
    "absolute": (lambda f, m: move(f, m, "/etc/passwd"), "not the name"),
    "parent": (lambda f, m: move(f, m, ".."), "not "),
    "empty name": (lambda f, m: move(f, m, ""), "not "),
    "pickle": (lambda f, m: move(f, m, "pytorch_model-00002-of-00002.bin"), "never opened"),
    "number": (lambda f, m: move(f, m, 2), "no `weight_map`"),
    "no map": (lambda f, m: m.pop("weight_map"), "no `weight_map`"),
    "empty map": (lambda f, m: m.update(weight_map={}), "no `weight_map`"),
    "other shard": (lambda f, m: move(f, m, "model-00001-of-00002.safetensors"), "without"),
    "entry too many": (
        lambda f, m: m["weight_map"].update(x="model-00001-of-00002.safetensors"), "without x",
    ),
    "deep": (lambda f, m: m.update(metadata=json.loads("[" * 900 + "]" * 900)), ""),
}  # fmt: skip


def move(folder, listed, name):
    """Say that the second shard is elsewhere."""
    for key, at in listed["weight_map"].items():
        if "00002-of" in str(at):
            listed["weight_map"][key] = name


@pytest.mark.parametrize("case", SHARDS)
def test_a_wrong_list_of_shards_is_refused(base, folder, case):
    listed = sharded(folder)
    assert torch.equal(ours(folder), ours(base))
    change, reason = SHARDS[case]
    change(folder, listed)
    (folder / "model.safetensors.index.json").write_text(json.dumps(listed))
    if reason:
        assert reason in refusal(folder)
    else:
        assert torch.equal(ours(folder), ours(base))


def test_a_list_of_shards_that_is_no_json_is_refused(folder):
    sharded(folder)
    for text in ("{", "[]", "[" * 100_000, '{"a": 1, "a": 2}'):
        (folder / "model.safetensors.index.json").write_text(text)
        assert "unreadable" in refusal(folder)


def test_shards_without_a_list_are_complete_or_refused(base, folder):
    sharded(folder)
    (folder / "model.safetensors.index.json").unlink()
    assert torch.equal(ours(folder), ours(base))
    (folder / "model-00002-of-00002.safetensors").unlink()
    assert "without the shard model-00002-of-00002" in refusal(folder)


def test_other_files_beside_the_weights_are_not_read(base, folder):
    tensors = {k: t + 1 for k, t in tensors_of(folder).items()}
    for name in ("a.safetensors", "model-00001-of-00002.safetensors", "optimizer.safetensors"):
        store(folder, tensors, name)
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    assert torch.equal(ours(folder), ours(base))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "pytorch_model-00001-of-00002.bin", "x.pt"])
def test_pickled_shards_are_refused_with_the_cure(folder, name):
    (folder / "model.safetensors").rename(folder / name)
    (folder / "pytorch_model.bin.index.json").write_text("{}")
    line = refusal(folder)
    assert name in line
    assert "save_pretrained" in line


def test_an_adapter_beside_the_weights_is_refused(folder):
    (folder / "adapter_config.json").write_text("{}")
    assert "merge it first" in refusal(folder)


@pytest.mark.parametrize("kind", [torch.float64, torch.float16, torch.bfloat16])
def test_weights_of_other_types_are_converted(folder, kind):
    store(folder, {k: t.to(kind) for k, t in tensors_of(folder).items()})
    edit(folder, dtype=str(kind).removeprefix("torch."))
    torch.testing.assert_close(ours(folder), theirs(folder), atol=2e-6, rtol=0)


def test_a_missing_weight_is_named_with_what_is_there_instead(folder):
    store(folder, {f"model.{k}": t for k, t in tensors_of(folder).items()})
    line = refusal(folder)
    assert "embeddings.word_embeddings.weight is missing (model.esm" in line
