"""Base models: local folders in the layout of Hugging Face, good and bad."""

import json
import shutil
from dataclasses import fields

import pytest
import torch
from oracles import edit, hidden, theirs
from safetensors.torch import load_file, save_file
from transformers import EsmConfig, EsmTokenizer

from esmgo.cli.main import main
from esmgo.errors import CheckpointError, HubError, UsageError
from esmgo.model.bases import BASES, locate_base
from esmgo.model.caller import Caller
from esmgo.model.tokens import VOCABULARY


def test_the_weights_are_those_of_the_folder(base):
    ours = hidden(Caller.start(base, 3, dropout=0.1, seed=1))
    torch.testing.assert_close(ours, theirs(base), atol=2e-6, rtol=0)


SWITCHES = {
    "vocab_size": [64, None, 33.0], "mask_token_id": [31, None], "pad_token_id": [0, None, True],
    "hidden_size": [17, None, "16"], "num_hidden_layers": [1], "num_attention_heads": [1, 3, 16],
    "intermediate_size": [32.0], "hidden_dropout_prob": [0.0, 0.5, 1, "no"],
    "attention_probs_dropout_prob": [0.0, 0.5], "max_position_embeddings": [5],
    "rope_theta": [10_000.0, 500.0], "initializer_range": [1.0],
    "layer_norm_eps": [1e-12, 0.1, None, "small"],
    "position_embedding_type": ["absolute", "relative_key", "relative_key_query", None, 1],
    "use_cache": [False], "emb_layer_norm_before": [True, None, 1],
    "token_dropout": [True, False, None, "no"], "is_folding_model": [True],
    "esmfold_config": [None], "vocab_list": [list("ACDEF"), list(VOCABULARY)],
    "is_decoder": [True], "add_cross_attention": [True], "tie_word_embeddings": [False],
    "bos_token_id": [0, 7], "eos_token_id": [2, 5, None, [2, 3]],
    "is_encoder_decoder": [True], "chunk_size_feed_forward": [2],
    # of no release of EsmConfig, of older ones, or of other models
    "hidden_act": ["gelu", "relu", "silu"], "rope_scaling": [{"type": "linear", "factor": 2.0}],
    "rope_parameters": [{"rope_type": "yarn", "factor": 2.0, "rope_theta": 10_000.0}],
    "head_dim": [8, 4], "pruned_heads": [{}, {"0": [1]}], "quantization_config": [{"bits": 4}],
    "add_bias_fnn": [False], "auto_map": [{"AutoModel": "own.Model"}, {"AutoConfig": "own.C"}],
    "classifier_dropout": [0.5], "unk_token_id": [9], "cls_token_id": [1],
}  # fmt: skip
"""Values of entries of config.json, of all that EsmConfig has and that may change a vector."""

IRRELEVANT = {
    "transformers_version", "architectures", "output_hidden_states", "return_dict", "dtype",
    "id2label", "label2id", "problem_type",
}  # fmt: skip


def test_every_entry_of_the_configuration_of_transformers_is_tried():
    assert {field.name for field in fields(EsmConfig)} - IRRELEVANT <= SWITCHES.keys()


@pytest.mark.parametrize(
    ("entry", "value"), [(entry, value) for entry, values in SWITCHES.items() for value in values]
)
def test_a_switch_of_the_configuration_is_computed_or_refused(base, tmp_path, entry, value):
    folder = tmp_path / "base"
    shutil.copytree(base, folder)
    edit(folder, **{entry: value})
    ours, line = None, ""
    try:
        ours = hidden(Caller.start(locate_base(str(folder)), 3, dropout=0.1, seed=1))
    except CheckpointError as error:
        line = str(error)
    assert len(line) < 200
    if ours is None:
        assert entry in line or "inv_freq" in line  # of heads of another size
    else:
        torch.testing.assert_close(ours, theirs(folder), atol=2e-6, rtol=0)


TOKENIZERS = {
    "vocab.txt": [
        lambda tokens: "\n".join([*tokens[:4], *sorted(tokens[4:])]),
        lambda tokens: "\n".join(tokens[:-1]),
        lambda tokens: "\n".join([*tokens, "J"]),
        lambda tokens: "\n".join(tokens).replace("L", "l", 1),
        lambda tokens: b"\xff\xfe",
    ],
    "tokenizer.json": [
        lambda tokens: json.dumps({"model": {"vocab": {t: i for i, t in enumerate(tokens[1:])}}}),
        lambda tokens: json.dumps({"model": {"vocab": list(tokens)}}),
        lambda tokens: "{}",
    ],
    "added_tokens.json": [lambda tokens: '{"<J>": 20}'],
    "tokenizer_config.json": [
        lambda tokens: '{"cls_token": "<s>"}',
        lambda tokens: '{"mask_token": {"content": "#"}}',
        lambda tokens: '{"added_tokens_decoder": {"1": {"content": "<unk>"}}}',
    ],
    "special_tokens_map.json": [lambda tokens: '{"eos_token": "</s>"}', lambda tokens: "[]"],
}


@pytest.mark.parametrize("name", TOKENIZERS)
def test_another_vocabulary_is_refused(base, tmp_path, name):
    folder = tmp_path / "base"
    shutil.copytree(base, folder)
    for made in TOKENIZERS[name]:
        content = made(list(VOCABULARY))
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        with pytest.raises(CheckpointError, match=name) as caught:
            locate_base(str(folder))
        assert len(str(caught.value)) < 200


def test_the_tokenizer_of_esm2_is_accepted(base, tmp_path):
    folder = tmp_path / "base"
    shutil.copytree(base, folder)
    for line_end in ("\n", "\r\n"):
        (folder / "vocab.txt").write_text(line_end.join([*VOCABULARY, ""]), newline="")
        EsmTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
        assert locate_base(str(folder)) == folder
    (folder / "added_tokens.json").write_text('{"<extra>": 33}')
    (folder / "special_tokens_map.json").write_text('{"cls_token": "<cls>", "sep_token": "x"}')
    assert locate_base(str(folder)) == folder


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


def test_only_a_base_of_the_hub_has_a_revision(base, capsys):
    for name, revision in ((str(base), "v1"), ("tiny", "v1"), (BASES[0], "../x"), (BASES[0], "")):
        with pytest.raises(UsageError, match="give that of a base model of the hub") as told:
            locate_base(name, revision)
        assert told.value.field == "revision"
    words = ["embed", "--fasta=x", "--output=x.npz", "--base_model=tiny", "--revision=v1"]
    assert main(words) in (2, 3)
    with pytest.raises(HubError, match="at revision v1: not local"):
        locate_base(BASES[0], "v1")


def test_an_unknown_name_lists_the_bases():
    with pytest.raises(UsageError, match="tiny"):
        locate_base("esm2_t6")
    assert len(BASES) == 6
