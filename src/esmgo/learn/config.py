"""Settings and result of a training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from esmgo.data.download import http_option, reads_ontology
from esmgo.data.rejects import ReadReport
from esmgo.dataset.layout import reads_dataset
from esmgo.dataset.opening import DEFAULT
from esmgo.dataset.subsets import parse_subset
from esmgo.errors import UsageError, brief
from esmgo.files.uses import Use, fills
from esmgo.go.terms import Aspect
from esmgo.model.bases import BASES, DEFAULT_BASE, POOLS, reads_base, revision_option
from esmgo.model.bundled import USUAL
from esmgo.model.container import best_path, files_of
from esmgo.options import (
    check,
    device_option,
    documented,
    dtype_option,
    option,
    refuse_unused,
)


def _writes(_: object, path: str) -> Iterator[Use]:
    files = *files_of(Path(path)), best_path(Path(path))
    return (Use(str(each), "write") for each in files)


@documented
@dataclass(frozen=True, slots=True)
class TrainConfig:
    """Settings of ``fine-tune.py`` and ``esmgo train``."""

    base_model: str = option(
        DEFAULT_BASE,
        f"The base model name, choose from {', '.join(BASES)}; a local folder in Hugging Face"
        " layout; or tiny, the embedded one that needs no download.",
        uses=reads_base,
    )
    revision: str | None = revision_option()
    dataset: str = option(
        DEFAULT,
        "The data set: a hub id; a local folder laid out as SUBSET/SPLIT.parquet or .jsonl;"
        " one such file; or sample, the embedded synthetic one.",
        uses=reads_dataset,
    )
    dataset_subset: str = option(
        "all",
        "The subset of the dataset to train on, choose from all, mf for molecular function,"
        " cc for cellular component, or bp for biological process.",
    )
    ontology: str | None = option(
        None,
        "The Gene Ontology: a local OBO file (plain or gzip) or the URL of go-basic.obo. Without"
        " it terms have no names and annotations are not propagated.",
        uses=reads_ontology,
    )
    allow_http: bool = http_option()
    min_term_count: int = option(
        1, "Leave out terms with fewer training proteins, counted after propagation.", minimum=1
    )
    drop_unknown_terms: bool = option(
        False, "Drop terms that the ontology lacks instead of refusing the data set."
    )
    strict: bool = option(False, "Stop at the first rejected record instead of skipping it.")
    num_dataset_processes: int = option(
        1,
        "The number of workers (threads) that prepare batches ahead of the model.",
        minimum=1,
        maximum=256,
    )
    context_length: int = option(
        1026,
        "The maximum length of the input sequences, in tokens; longer ones are cut.",
        minimum=3,
        maximum=100_002,
    )
    encoder_layers: int | None = option(
        None,
        "Use only the first n layers of the base model, then its final layer norm.",
        minimum=1,
        default_text="all layers",
    )
    pool: str = option(
        "cls",
        "What the head reads: cls, the final state at <cls>; or of the residues' final states the"
        " mean, the max, or a mean with trained weights (attention).",
        choices=POOLS,
    )
    unfreeze_last_k_layers: int = option(
        0, "Fine-tune the last k layers of the pre-trained encoder.", minimum=0
    )
    lora_rank: int | None = option(
        None,
        "Train adapters of this rank (LoRA) on query, key, value and attention output of the"
        " encoder's layers, instead of the layers themselves.",
        minimum=1,
        maximum=4096,
        default_text="no adapters",
    )
    lora_alpha: float | None = option(
        None,
        "The output of the adapters is multiplied by this number over their rank.",
        above=0,
        below=1e6,
        default_text="twice `lora_rank`",
    )
    lora_dropout: float = option(
        0.0, "The amount of dropout on the input of the adapters.", minimum=0, below=1
    )
    lora_layers: int | None = option(
        None,
        "Add adapters to the last k layers only; activations of the layers below are stored.",
        minimum=1,
        default_text="all layers",
    )
    batch_size: int = option(
        16, "The number of samples to pass through the network at a time.", minimum=1
    )
    gradient_accumulation_steps: int = option(
        4,
        "The number of batches to pass through the network before updating the weights.",
        minimum=1,
        alias="gradient_accumulation_step",
    )
    max_gradient_norm: float = option(
        1.0, "Clip gradients above this threshold norm before stepping.", above=0
    )
    loss: str = option(
        "bce",
        "bce: binary cross entropy of each term by itself; coherent: binary cross entropy of"
        " scores that obey the true-path rule.",
        choices=("bce", "coherent"),
    )
    learning_rate: float = option(
        1e-4, "The learning rate of the Adam optimizer.", above=0, maximum=10
    )
    encoder_learning_rate: float | None = option(
        None,
        "The learning rate of the encoder's weights, if it differs from that of the head.",
        above=0,
        maximum=10,
        default_text="as `learning_rate`",
    )
    weight_decay: float = option(
        0.01,
        "The fraction of a weight, times the learning rate, that each step subtracts from it.",
        minimum=0,
        maximum=1,
    )
    schedule: str = option(
        "constant",
        "The learning rate after the warm-up: constant; linear, a straight line that reaches 0"
        " after the last step; or cosine, half a cosine wave that does.",
        choices=("constant", "linear", "cosine"),
    )
    warm_up: float | None = option(
        None,
        "The fraction of all steps in which the learning rate rises to its value.",
        minimum=0,
        below=1,
        default_text="0 with schedule constant, else 0.02",
    )
    dropout: float = option(
        0.1,
        "The amount of dropout to apply to the hidden and attention layers during training.",
        minimum=0,
        below=1,
    )
    substitution_rate: float = option(
        0.0,
        "The fraction of residues to replace in each epoch, mostly by similar ones (BLOSUM62);"
        " activations are then not stored.",
        minimum=0,
        below=1,
    )
    num_epochs: int = option(20, "The number of epochs to train for.", minimum=1)
    patience: int | None = option(
        None,
        "Stop after this many evaluations in a row without a higher mean Fmax.",
        minimum=1,
        default_text="train all epochs",
    )
    eval_interval: int = option(
        2,
        "Evaluate the model after this many epochs on the testing set, and after the last.",
        minimum=1,
    )
    eval_ratio: float = option(
        0.1, "The proportion of testing samples to validate the model on.", above=0, maximum=1
    )
    checkpoint_interval: int = option(
        2,
        "Save the model parameters to disk every this many epochs, and after the last.",
        minimum=1,
    )
    checkpoint_path: str = option(
        USUAL,
        "The path to the training checkpoint; without `resume` an older one is replaced.",
        uses=_writes,
    )
    resume: bool = option(False, "Should we resume training from the last checkpoint?")
    cache_gb: float | None = option(
        None,
        "Gigabytes of disk that the activations of frozen layers may take, beside the checkpoint;"
        " 0: compute them in each epoch.",
        minimum=0,
        default_text="half of the free disk",
    )
    activation_checkpointing: bool = option(
        False,
        "Recompute the activations of unfrozen layers in the backward pass: less memory, more"
        " time.",
    )
    shard_weights: bool = option(
        False,
        "Divide the weights among the ranks of torchrun, for a base model that does not fit on one"
        " device; the last bits then depend on the number of ranks.",
    )
    run_dir_path: str = option(
        "./runs/instruction-tune",
        "The path to the TensorBoard run directory; this training session is a folder of its own"
        " in it, named by its time.",
        uses=fills,
    )
    dtype: str = dtype_option()
    device: str | None = device_option()
    seed: int | None = option(
        None, "The seed for the random number generator.", minimum=0, maximum=2**63 - 1
    )

    def __post_init__(self) -> None:
        check(self)
        if self.lora_rank is None:
            names = ("lora_alpha", "lora_dropout", "lora_layers")
            refuse_unused(self, names, "has no effect without `lora_rank`")
        elif self.unfreeze_last_k_layers:
            reason = "either adapters or layers are trained: leave out `unfreeze_last_k_layers`"
            raise UsageError(reason, "lora_rank")
        object.__setattr__(self, "dataset_subset", parse_subset(self.dataset_subset))


FREE = frozenset(
    {
        "learning_rate", "encoder_learning_rate", "num_epochs", "patience", "eval_interval",
        "checkpoint_interval", "checkpoint_path", "resume", "run_dir_path", "device",
        "num_dataset_processes", "strict",
        "dataset", "ontology", "allow_http", "cache_gb", "activation_checkpointing",
        "shard_weights",
    }
)  # fmt: skip
"""Settings that may change on resume; data set and ontology are compared by content."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """The result of fine-tuning.

    ``fmax`` is the Fmax of the last validation, per aspect. ``naive_fmax`` is that of the
    term-frequency baseline. ``report`` lists the rejected records.
    """

    path: Path
    best_path: Path | None
    epoch: int
    fmax: dict[Aspect | None, float]
    naive_fmax: dict[Aspect | None, float]
    report: ReadReport

    __repr__ = brief
