"""The base models: their names, their files, and the checks of their configuration.

Nothing here imports torch, so that a wrong name or an unreachable hub is reported at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from esmgo.errors import CheckpointError, UsageError, printable
from esmgo.files.hub import is_revision, reads_cached, snapshot
from esmgo.files.source import is_folder
from esmgo.files.uses import Use, reads_folder
from esmgo.model.base_folder import check_tokens, read_json, weight_files
from esmgo.model.tokens import VOCABULARY
from esmgo.options import option

BASES = (
    "facebook/esm2_t6_8M_UR50D",
    "facebook/esm2_t12_35M_UR50D",
    "facebook/esm2_t30_150M_UR50D",
    "facebook/esm2_t33_650M_UR50D",
    "facebook/esm2_t36_3B_UR50D",
    "facebook/esm2_t48_15B_UR50D",
)
"""The six ESM2 models of Lin et al. (2022) on the Hugging Face hub."""

DEFAULT_BASE = BASES[0]

TINY = "tiny"
"""The embedded base: a small ESM2 encoder that needs no download."""

_LIMITS = {
    "vocab_size": 1024,
    "hidden_size": 16_384,
    "num_hidden_layers": 256,
    "num_attention_heads": 256,
    "intermediate_size": 65_536,
    "max_position_embeddings": 1 << 20,
}
"""A few times the sizes of the largest ESM2 (15B); more is an attack or a mistake."""

FREQUENCIES = "rotary_frequencies"
"""Entry of a checkpoint's configuration: the rotary frequencies in radians per residue, if they
are not ``10000 ** (-2 i / width of a head)``."""

POOL = "pool"
"""Entry of a checkpoint's configuration: what the head reads, if it is not the state at <cls>."""

POOLS = ("cls", "mean", "max", "attention")
"""What the head can read; see `esmgo.model.pooling`."""

LORA = "lora"
"""Entry of a checkpoint's configuration: rank, alpha, dropout and number of layers of adapters."""

_FIXED = {"vocab_size": 33, "mask_token_id": 32, "pad_token_id": 1}
_FRACTIONS = ("hidden_dropout_prob", "attention_probs_dropout_prob", "layer_norm_eps")
_IF_GIVEN: dict[str, tuple[Any, ...]] = {
    "token_dropout": (False, True), "emb_layer_norm_before": (False,),
    "is_folding_model": (False,), "is_decoder": (False,), "is_encoder_decoder": (False,),
    "add_cross_attention": (False,), "hidden_act": ("gelu",), "rope_theta": (10_000,),
    "rope_scaling": (), "rope_parameters": ({"rope_theta": 10_000, "rope_type": "default"},),
    "quantization_config": (), "pruned_heads": ({},), "add_bias_fnn": (True,),
    "bos_token_id": (0,), "cls_token_id": (0,), "eos_token_id": (2,), "unk_token_id": (3,),
    "vocab_list": (list(VOCABULARY),),
}  # fmt: skip
"""Entries that may be absent or null, and the values for which the encoder computes what
transformers computes."""


def check_name(name: str) -> None:
    """Raise `UsageError`, naming the base models, if ``name`` is neither one nor a folder."""
    if name in BASES or name == TINY or is_folder(name):
        return
    raise UsageError(
        f"{printable(name, 50)} is neither a folder nor one of: tiny, "
        f"facebook/{', '.join(base.removeprefix('facebook/') for base in BASES)}"[:179],
        field="base_model",
    )


def reads_base(_: object, name: str | None) -> Iterator[Use]:
    """Yield the paths of a base model in a local folder or in the cache of the hub; see `Uses`."""
    if name in BASES and not is_folder(name):
        return reads_cached(name, "model")
    return reads_folder(name or "", "*.json", "*.safetensors", "*.txt")


def revision_option() -> Any:
    """Declare ``revision``, an option of verbs that load a base model."""
    return option(
        None,
        "The commit, branch or tag of a base model of the hub; DATASET@REVISION names that of a"
        " data set.",
        default_text="what the cache has, else the newest",
    )


def locate_base(name: str, revision: str | None = None) -> Path | None:
    """Return the folder of a base model, downloaded if necessary; None for ``tiny``.

    Raises UsageError if the name is unknown, or has no revisions. Raises HubError if the hub is
    unreachable and the model is not in the cache. Raises CheckpointError if the folder does not
    hold an ESM2 model in safetensors.
    """
    check_name(name)
    is_of_hub = name in BASES and not is_folder(name)
    if revision is not None and not (is_of_hub and is_revision(revision)):
        reason = f"{printable(revision, 60)} is not a commit of {printable(name, 60)}"
        raise UsageError(f"{reason}: give that of a base model of the hub", field="revision")
    if name == TINY:
        return None
    folder = Path(name)
    if not is_folder(folder):
        folder = snapshot(
            name,
            "model",
            patterns=["*.json", "*.safetensors", "vocab.txt"],
            required=["config.json", "*.safetensors"],
            local="`base_model=tiny` or `base_model=FOLDER`",
            revision=revision,
        )
    try:
        read_config(folder)
        weight_files(folder)
    except OSError as error:
        raise CheckpointError(folder, f"unreadable: {error.strerror}") from None
    return folder


def read_config(folder: Path) -> dict[str, Any]:
    """Read and check the ``config.json`` of a model folder, and check its tokenizer.

    Raises CheckpointError if it is missing, not JSON, or not of an ESM2 encoder of plausible
    size, or if it requires anything that the encoder does not compute.
    """
    path = folder / "config.json"
    if not path.exists():
        raise CheckpointError(folder, "no config.json: not a Hugging Face model folder")
    config = read_json(path)
    check_config(path, config)
    check_tokens(folder)
    return config


def check_config(source: object, config: Any) -> None:
    """Raise `CheckpointError`, naming the entry, if this is no configuration of an ESM2 encoder.

    The sizes are checked before memory is allocated for them.
    """
    kind = config.get("model_type") if isinstance(config, dict) else None
    if kind != "esm":
        raise CheckpointError(source, f"model_type is {printable(repr(kind), 30)}, expected 'esm'")
    for entry, expected in _faults(config):
        found = printable(repr(config.get(entry)), 30)
        raise CheckpointError(source, f"{entry} is {found}, {expected}")
    if config["hidden_size"] % (2 * config["num_attention_heads"]):
        raise CheckpointError(source, "hidden_size is not an even multiple of num_attention_heads")
    width = config["hidden_size"] // config["num_attention_heads"]
    if config.get("head_dim") not in (None, width):
        raise CheckpointError(source, f"head_dim is not {width}, hidden_size by attention heads")
    if config.get("position_embedding_type") != "rotary":
        raise CheckpointError(source, "position_embedding_type is not 'rotary': ESM-1, not ESM2")
    own = config.get("auto_map")
    if isinstance(own, dict) and any(str(name).startswith("AutoModel") for name in own):
        raise CheckpointError(source, "auto_map names a model's own code, which is never run")
    turns = config.get(FREQUENCIES)
    if turns is not None and not _are_frequencies(turns, width // 2):
        raise CheckpointError(source, f"{FREQUENCIES} are not {width // 2} positive numbers")
    if config.get(POOL) not in (None, *POOLS):
        found = printable(repr(config[POOL]), 30)
        raise CheckpointError(source, f"{POOL} is {found}, expected one of {', '.join(POOLS)}")
    if config.get(LORA) is not None and not _are_adapters(config[LORA], config):
        found = printable(repr(config[LORA]), 60)
        raise CheckpointError(source, f"{LORA} is {found}: no adapters of this encoder")


def _faults(config: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each entry whose value no ESM2 encoder has, and what is expected."""
    for entry, limit in _LIMITS.items():
        value = config.get(entry)
        if type(value) is not int or not 0 < value <= limit:
            yield entry, f"expected 1 to {limit:,}"
    for entry, fixed in _FIXED.items():
        if type(config.get(entry)) is not int or config[entry] != fixed:
            yield entry, f"expected {fixed} as in ESM2"
    for entry in _FRACTIONS:
        value = config.get(entry, 0.5)
        if type(value) not in (float, int) or not 0 <= value < 1:
            yield entry, "expected a fraction such as 0.1"
    for entry, allowed in _IF_GIVEN.items():
        value = config.get(entry)
        if value is not None and value not in allowed:
            known = printable(json.dumps((*allowed, None)[0]), 20)
            yield entry, f"expected {known}: nothing else is computed"


def _are_frequencies(value: Any, n: int) -> bool:
    return (
        isinstance(value, list)
        and len(value) == n
        and all(type(x) is float and 0 < x < 1e6 for x in value)
    )


def _are_adapters(value: Any, config: dict[str, Any]) -> bool:
    if not isinstance(value, dict) or set(value) != {"rank", "alpha", "dropout", "layers"}:
        return False
    rank, layers, alpha, dropout = (value[n] for n in ("rank", "layers", "alpha", "dropout"))
    return (
        type(rank) is type(layers) is int
        and type(alpha) is type(dropout) is float
        and 0 < rank <= config["hidden_size"]
        and 0 < layers <= config["num_hidden_layers"]
        and 0 < alpha < 1e6
        and 0 <= dropout < 1
    )
