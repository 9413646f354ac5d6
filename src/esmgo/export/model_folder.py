"""A checkpoint as a folder that plain transformers loads, or its adapters as one for peft."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esmgo.errors import CheckpointError, UsageError
from esmgo.files.folder import replacing_folder
from esmgo.files.uses import replaces
from esmgo.model.bases import FREQUENCIES, LORA, POOL
from esmgo.model.bundled import checkpoint_option
from esmgo.model.tokens import VOCABULARY
from esmgo.options import check, documented, option, overwrite_option
from esmgo.predict.inputs import announce, open_named

if TYPE_CHECKING:
    from torch import Tensor

    from esmgo.go.labels import LabelSpace
    from esmgo.model.caller import Caller
    from esmgo.model.checkpoint import Checkpoint

_FREQUENCIES = "esm.encoder.layer.{}.attention.self.rotary_embeddings.inv_freq"
"""The names of the rotary frequencies; older versions of transformers read them from the file."""

MARK = "go_terms.json"
"""Names, aspects and parents of the terms; only a folder with this file is overwritten."""


@documented
@dataclass(frozen=True, slots=True)
class ExportConfig:
    """What ``esmgo export`` accepts."""

    checkpoint_path: str | None = checkpoint_option()
    output_dir: str | None = option(None, "The folder to write.", uses=replaces)
    adapter: bool = option(
        False,
        "Write only adapters and head, as a folder of the package peft; for a checkpoint that was"
        " trained with `lora_rank`.",
    )
    overwrite: bool = overwrite_option("Replace the folder if there is one.")

    def __post_init__(self) -> None:
        check(self)
        if self.output_dir is None:
            raise UsageError("give `output_dir=FOLDER`")


def export_checkpoint(config: ExportConfig) -> Path:
    """Write a checkpoint as a Hugging Face model folder.

    ``transformers.EsmForSequenceClassification.from_pretrained(folder)`` gives the same
    logits; ``id2label`` holds GO ids, ``go_terms.json`` names, aspects and parents. With
    ``adapter`` it is ``peft.PeftModel.from_pretrained(model, folder)`` that does, where
    ``model`` is `EsmForSequenceClassification` of the base, made with the folder's ``config.json``.

    Returns
    -------
    Path
        The folder: complete or absent.

    Raises
    ------
    UsageError
        If the folder exists and ``overwrite`` is not set.
    CheckpointError
        If the checkpoint is refused, or has no adapters to write.
    """
    folder = Path(str(config.output_dir))
    checkpoint = open_named(config.checkpoint_path)
    if config.adapter and LORA not in checkpoint.encoder:
        raise CheckpointError(checkpoint.path, "it has no adapters; leave out `adapter`")
    if POOL in checkpoint.encoder:
        reason = (
            f"its head reads the {checkpoint.encoder[POOL]} of residues; transformers' reads <cls>"
        )
        raise CheckpointError(checkpoint.path, reason)
    with replacing_folder(folder, overwrite=config.overwrite, mark=MARK) as at:
        from safetensors.torch import save_file  # torch takes seconds: import after the checks

        caller = checkpoint.caller(merged=not config.adapter)
        announce(checkpoint, config.checkpoint_path)
        if config.adapter:
            name, weights = "adapter_model.safetensors", _adapter_weights(caller)
            _write(at / "adapter_config.json", _adapter_config(checkpoint))
        else:
            name, weights = "model.safetensors", _weights(caller)
        save_file(weights, at / name, metadata={"format": "pt"})
        _write(at / "config.json", _config(caller.sizes(), checkpoint.labels))
        _write(at / MARK, checkpoint.labels.to_json())
        _write(at / "tokenizer_config.json", _tokenizer(checkpoint.context_length))
        (at / "vocab.txt").write_text("\n".join(VOCABULARY), encoding="utf-8")
        shutil.copymode(at / "vocab.txt", at / name)  # written for the owner alone
    return folder


def _weights(caller: Caller) -> dict[str, Tensor]:
    import torch

    weights = dict(caller.network.state_dict())
    frequencies = torch.tensor(caller.encoder.frequencies)
    for i in range(len(caller.encoder.layers)):
        weights[_FREQUENCIES.format(i)] = frequencies.clone()
    return weights


def _adapter_weights(caller: Caller) -> dict[str, Tensor]:
    """Return adapters and head by the names of a file of peft."""
    return {
        f"base_model.model.{name}": weight
        for name, weight in caller.network.state_dict().items()
        if name.startswith("classifier.") or ".lora_" in name
    }


def _adapter_config(checkpoint: Checkpoint) -> dict[str, Any]:
    from esmgo.model.adapters import PLACES

    lora, n_layers = checkpoint.encoder[LORA], checkpoint.encoder["num_hidden_layers"]
    layers = "|".join(map(str, range(n_layers - lora["layers"], n_layers)))
    places = "|".join(place.replace(".", r"\.") for place in PLACES)
    return {
        "peft_type": "LORA",
        "task_type": "SEQ_CLS",
        "base_model_name_or_path": checkpoint.training.get("settings", {}).get("base_model"),
        "revision": checkpoint.training.get("base_revision"),
        "r": lora["rank"],
        "lora_alpha": lora["alpha"],
        "lora_dropout": lora["dropout"],
        "target_modules": rf".*\.layer\.({layers})\.({places})",
        "modules_to_save": ["classifier"],
        "bias": "none",
        "inference_mode": True,
    }


def _config(sizes: dict[str, Any], labels: LabelSpace) -> dict[str, Any]:
    ids = [term.id for term in labels.terms]
    own = ("num_labels", FREQUENCIES, LORA)
    sizes = {key: value for key, value in sizes.items() if key not in own}
    return sizes | {
        "architectures": ["EsmForSequenceClassification"],
        "problem_type": "multi_label_classification",
        "eos_token_id": 2,
        "id2label": dict(enumerate(ids)),
        "label2id": {id: j for j, id in enumerate(ids)},
    }


def _tokenizer(context_length: int) -> dict[str, Any]:
    special = {"cls_token": "<cls>", "eos_token": "<eos>", "mask_token": "<mask>"}
    more = {"pad_token": "<pad>", "unk_token": "<unk>", "model_max_length": context_length}
    return {"tokenizer_class": "EsmTokenizer", **special, **more}


def _write(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
