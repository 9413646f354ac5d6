"""`esmgo export`: a folder that transformers loads with the same logits."""

import json

import torch
from oracles import SEQUENCES
from transformers import EsmForSequenceClassification, EsmTokenizer

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
