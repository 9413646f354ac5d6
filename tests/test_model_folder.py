"""`esmgo export`: a folder that transformers loads with the same logits."""

import json

import pytest
import torch
from oracles import SEQUENCES
from training import config
from transformers import EsmConfig, EsmForSequenceClassification, EsmTokenizer

from esmgo.cli.main import main
from esmgo.learn.config import TrainConfig
from esmgo.learn.finetune import fit
from esmgo.model.checkpoint import open_checkpoint
from esmgo.model.packing import pack
from esmgo.model.tokens import encode


def test_an_export_loads_in_transformers_with_the_same_logits(base, tmp_path, capsys):
    fitted = fit(
        TrainConfig(
            base_model=str(base), dataset="sample", num_epochs=1, device="cpu", seed=1,
            context_length=64, unfreeze_last_k_layers=1, dtype="fp32",
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


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")  # in peft
def test_adapters_load_in_peft_with_the_same_logits(base, tmp_path, capsys):
    peft = pytest.importorskip("peft", reason="needs the package peft")
    settings = {"lora_rank": 4, "lora_layers": 1, "encoder_learning_rate": 0.01}
    fitted = fit(config(tmp_path, base_model=str(base), context_length=64, **settings))
    folder = tmp_path / "adapter"
    words = ["export", f"--checkpoint_path={fitted.path}", f"--output_dir={folder}", "--adapter"]
    assert main(words) == 0
    assert not (folder / "model.safetensors").exists()

    sizes = EsmConfig.from_pretrained(folder)
    model = EsmForSequenceClassification.from_pretrained(base, config=sizes)
    model = peft.PeftModel.from_pretrained(model, folder).eval()
    assert model.peft_config["default"].base_model_name_or_path == str(base)
    tokenizer = EsmTokenizer.from_pretrained(folder)
    caller = open_checkpoint(fitted.path).caller()
    for sequence in SEQUENCES:
        with torch.inference_mode():
            ours = caller(pack([encode(sequence, 64)]))
            theirs = model(**tokenizer(sequence, return_tensors="pt")).logits
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-6)


def test_a_checkpoint_without_adapters_has_none_to_write(checkpoint, tmp_path, capsys):
    words = ["export", f"--checkpoint_path={checkpoint}", f"--output_dir={tmp_path / 'X'}"]
    assert main([*words, "--adapter"]) == 6
    assert "it has no adapters; leave out --adapter" in capsys.readouterr().err
    assert not (tmp_path / "X").exists()
