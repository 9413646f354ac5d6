"""A checkpoint as a folder that plain transformers loads."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esmgo.errors import UsageError
from esmgo.files.folder import replacing_folder
from esmgo.files.uses import replaces
from esmgo.model.bases import FREQUENCIES
from esmgo.model.bundled import checkpoint_option
from esmgo.model.tokens import VOCABULARY
from esmgo.options import check, documented, option, overwrite_option
from esmgo.predict.inputs import announce, open_named

if TYPE_CHECKING:
    from esmgo.go.labels import LabelSpace

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
    overwrite: bool = overwrite_option("Replace the folder if there is one.")

    def __post_init__(self) -> None:
        check(self)
        if self.output_dir is None:
            raise UsageError("give `output_dir=FOLDER`")


def export_checkpoint(config: ExportConfig) -> Path:
    """Write a checkpoint as a Hugging Face model folder.

    ``transformers.EsmForSequenceClassification.from_pretrained(folder)`` gives the same
    logits; ``id2label`` holds GO ids, ``go_terms.json`` names, aspects and parents.

    Returns
    -------
    Path
        The folder: complete or absent.

    Raises
    ------
    UsageError
        If the folder exists and ``overwrite`` is not set.
    CheckpointError
        If the checkpoint is refused.
    """
    folder = Path(str(config.output_dir))
    checkpoint = open_named(config.checkpoint_path)
    with replacing_folder(folder, overwrite=config.overwrite, mark=MARK) as at:
        import torch
        from safetensors.torch import save_file  # torch takes seconds: import after the checks

        caller = checkpoint.caller()
        announce(checkpoint, config.checkpoint_path)
        weights = dict(caller.network.state_dict())
        frequencies = torch.tensor(caller.encoder.frequencies)
        for i in range(len(caller.encoder.layers)):
            weights[_FREQUENCIES.format(i)] = frequencies.clone()
        save_file(weights, at / "model.safetensors", metadata={"format": "pt"})
        _write(at / "config.json", _config(caller.sizes(), checkpoint.labels))
        _write(at / MARK, checkpoint.labels.to_json())
        _write(at / "tokenizer_config.json", _tokenizer(checkpoint.context_length))
        (at / "vocab.txt").write_text("\n".join(VOCABULARY), encoding="utf-8")
        shutil.copymode(at / "vocab.txt", at / "model.safetensors")  # written for the owner alone
    return folder


def _config(sizes: dict[str, Any], labels: LabelSpace) -> dict[str, Any]:
    ids = [term.id for term in labels.terms]
    sizes = {key: value for key, value in sizes.items() if key not in ("num_labels", FREQUENCIES)}
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
