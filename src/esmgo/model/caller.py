"""The caller: an ESM2 encoder and the stock classification head on its ``<cls>`` position.

Exactly ``EsmForSequenceClassification`` of transformers, so that a checkpoint exports
to plain transformers. Frozen layers run in evaluation mode: without dropout.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import EsmConfig
from transformers.models.esm.modeling_esm import EsmForSequenceClassification, EsmModel
from transformers.utils import logging as transformers_logging

from esmgo.errors import CheckpointError, UsageError, shown
from esmgo.model.bases import check_config, read_config
from esmgo.model.container import shape_text
from esmgo.model.tiny import initialise_tiny, tiny_config

__all__ = ["Caller"]

_COMPUTED = ("contact_head.", "rotary_embeddings.inv_freq")
"""Entries that a base model may lack: unused, or computed."""


class Caller:
    """Encoder and head = caller.

    Parameters
    ----------
    config : EsmConfig
        Sizes; ``num_labels`` is the number of terms T.
    """

    def __init__(self, config: Any) -> None:
        self.network: nn.Module = EsmForSequenceClassification(config).eval()
        self.config = config
        self._unfrozen: list[nn.Module] = []
        self.unfreeze(0)

    @classmethod
    def start(cls, base: Path | None, n_terms: int, *, dropout: float, seed: int) -> Caller:
        """Put a new head on a base model.

        Parameters
        ----------
        base : Path or None
            Folder in Hugging Face layout; None stands for the embedded ``tiny``.
        n_terms : int
            Outputs of the head.
        dropout : float
            Of hidden and attention layers, in training.
        seed : int
            Decides the head's first weights.

        Raises
        ------
        CheckpointError
            If the folder's weights are not those of its configuration.
        """
        config = tiny_config() if base is None else EsmConfig(**_sizes(read_config(base)))
        config.num_labels = n_terms
        config.hidden_dropout_prob = config.attention_probs_dropout_prob = dropout
        torch.manual_seed(seed)
        caller = cls(config)
        if base is None:
            initialise_tiny(caller.encoder)
        else:
            caller.encoder.load_state_dict(_base_weights(base, config))
        return caller

    @classmethod
    def restore(
        cls, source: object, config: dict[str, Any], weights: Mapping[str, Tensor]
    ) -> Caller:
        """Rebuild a caller from what a checkpoint holds.

        Raises
        ------
        CheckpointError
            Naming the first tensor that is missing, unknown, or of another shape.
        """
        check_config(source, config)
        n_terms = config.get("num_labels")
        expected = expected_shapes(config)
        for name, shape in expected.items():
            if name not in weights:
                raise CheckpointError(source, f"incomplete: without {name}")
            if tuple(weights[name].shape) != shape:
                raise CheckpointError(
                    source,
                    f"{name} is {shape_text(weights[name].shape)}, expected {shape_text(shape)}",
                )
        if unknown := sorted(set(weights) - set(expected)):
            raise CheckpointError(source, f"unknown tensor {shown(unknown[0])}")
        caller = cls(EsmConfig(**_sizes(config), num_labels=n_terms))
        caller.network.load_state_dict(weights)
        return caller

    @property
    def encoder(self) -> nn.Module:
        """The ESM2 encoder."""
        return self.network.esm  # type: ignore[return-value]

    @property
    def head(self) -> nn.Module:
        """Dropout, dense, tanh, dropout, output."""
        return self.network.classifier  # type: ignore[return-value]

    def sizes(self) -> dict[str, Any]:
        """Return the configuration as plain values for `restore`."""
        config = _sizes(self.config.to_dict())
        return config | {"model_type": "esm", "num_labels": self.config.num_labels}

    def unfreeze(self, k: int) -> None:
        """Let the head and the last ``k`` encoder layers learn; the final layer norm with k > 0.

        Raises
        ------
        UsageError
            If the encoder has fewer layers.
        """
        layers = self.encoder.encoder.layer  # type: ignore[union-attr]
        if not 0 <= k <= len(layers):  # type: ignore[arg-type]
            raise UsageError(
                f"--unfreeze_last_k_layers={k}: this encoder has {len(layers)} layers"  # type: ignore[arg-type]
            )
        self.network.requires_grad_(False)
        norm = self.encoder.encoder.emb_layer_norm_after  # type: ignore[union-attr]
        self._unfrozen = [self.head]
        if k > 0:
            self._unfrozen += [*layers[-k:], norm]  # type: ignore[index, list-item]
        for module in self._unfrozen:
            module.requires_grad_(True)

    def trainable(self) -> dict[str, nn.Parameter]:
        """Return the parameters that learn, by name."""
        return {name: p for name, p in self.network.named_parameters() if p.requires_grad}

    def train(self, on: bool = True) -> None:
        """Switch dropout on in head and unfrozen layers, and nowhere else."""
        self.network.eval()
        for module in self._unfrozen:
            module.train(on)

    def set_output_bias(self, counts: Tensor, n_proteins: int) -> None:
        """Start each output at its term's log-odds in the training data.

        With tens of thousands of rare terms, gradient descent would need many epochs
        to get there.

        Parameters
        ----------
        counts : Tensor, shape=(T,)
            Training proteins that have the term.
        n_proteins : int
            Training proteins.
        """
        rate = (counts.double() + 0.5) / (n_proteins + 1)
        with torch.no_grad():
            self.head.out_proj.bias.copy_(torch.logit(rate))  # type: ignore[union-attr, operator]

    def __call__(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Return logits.

        Parameters
        ----------
        tokens, mask : Tensor, shape=(B, L), dtype=int64
            Token ids, and 1 where there is one.

        Returns
        -------
        Tensor, shape=(B, T), dtype=float32
        """
        hidden = self.encoder(tokens, attention_mask=mask).last_hidden_state  # (B, L, D)
        return self.head(hidden).float()  # type: ignore[no-any-return]  # (B, T)


def expected_shapes(config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """Return name and shape of every tensor of a caller, allocating none."""
    n_terms = config.get("num_labels")
    if not isinstance(n_terms, int) or not 0 < n_terms < 1_000_000:
        raise CheckpointError("config", f"num_labels is {shown(repr(n_terms), 30)}")
    with torch.device("meta"):
        network = EsmForSequenceClassification(EsmConfig(**_sizes(config), num_labels=n_terms))
    return {name: tuple(t.shape) for name, t in network.state_dict().items()}


def _sizes(config: dict[str, Any]) -> dict[str, Any]:
    """The entries of a configuration that decide what the encoder computes."""
    keys = (
        "vocab_size", "mask_token_id", "pad_token_id", "hidden_size", "num_hidden_layers",
        "num_attention_heads", "intermediate_size", "hidden_dropout_prob",
        "attention_probs_dropout_prob", "max_position_embeddings", "layer_norm_eps",
        "position_embedding_type", "emb_layer_norm_before", "token_dropout",
    )  # fmt: skip
    return {key: config[key] for key in keys if key in config}


def _base_weights(folder: Path, config: Any) -> dict[str, Tensor]:
    verbosity = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity(transformers_logging.CRITICAL)
    transformers_logging.disable_progress_bar()
    try:
        encoder, found = EsmModel.from_pretrained(
            folder,
            config=config,
            add_pooling_layer=False,
            local_files_only=True,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are told below, by name
        )
    except Exception as error:  # transformers raises whatever its readers raise
        raise CheckpointError(folder, f"its weights cannot be read: {shown(error, 90)}") from None
    finally:
        transformers_logging.set_verbosity(verbosity)
        transformers_logging.enable_progress_bar()
    absent = {*found["missing_keys"], *(key for key, *_ in found["mismatched_keys"])}
    if wrong := sorted(name for name in absent if not name.startswith(_COMPUTED)):
        raise CheckpointError(folder, f"its weights do not fit its config.json: {shown(wrong[0])}")
    weights: dict[str, Tensor] = encoder.state_dict()
    if bad := first_not_finite(weights):
        raise CheckpointError(folder, f"{bad} holds values that are not finite")
    return weights


def first_not_finite(tensors: Mapping[str, Tensor]) -> str | None:
    """Return the name of the first tensor with an infinite or undefined value, or None."""
    for name, tensor in tensors.items():
        if not math.isfinite(tensor.double().sum().item()) and not tensor.isfinite().all():
            return name
    return None
