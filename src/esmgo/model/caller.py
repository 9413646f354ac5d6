"""The caller: an ESM2 encoder and the standard classification head, by default at ``<cls>``.

It then computes the same as ``EsmForSequenceClassification`` of transformers, with the same names
of weights, so a checkpoint can be exported to plain transformers. Frozen layers run without
gradients and dropout, so their output for a protein can be stored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from esmgo.errors import CheckpointError, UsageError, printable
from esmgo.model.adapters import adapters, add_adapters, draw_adapters, merge_adapters
from esmgo.model.bases import FREQUENCIES, LORA, POOL, check_config
from esmgo.model.container import shape_text
from esmgo.model.encoder import Encoder, Head, in_chunks
from esmgo.model.packing import Packed
from esmgo.model.pooling import pooled
from esmgo.model.tiny import tiny_sizes, tiny_weights
from esmgo.model.weights import read_base, sizes_of

HEAD_CHUNK = 32
"""Proteins per chunk of the head on a CPU; see `in_chunks`."""

LARGE = 1_000_000_000
"""Weights from which an encoder is kept in bf16, if it computes in bf16."""

_ENTRIES = (*tiny_sizes(), FREQUENCIES, POOL, LORA)  # in this order in every checkpoint


class Caller:
    """An encoder and a head; ``sizes`` are the entries of a checked ``config.json``."""

    def __init__(self, sizes: Mapping[str, Any], n_terms: int) -> None:
        self._sizes = {key: sizes[key] for key in _ENTRIES if key in sizes}
        self.n_terms = n_terms
        self.network = nn.Module()
        with torch.device("meta"):  # allocates nothing: weights are read later
            self.network.esm = Encoder(self._sizes)
            has_query = self.pool == "attention"
            self.network.classifier = Head(sizes["hidden_size"], n_terms, has_query=has_query)
            if self.lora:
                add_adapters(self.encoder, *(self.lora[n] for n in ("rank", "alpha", "layers")))
        self.is_training = self.recomputes = False
        self.unfreeze(0)

    @classmethod
    def start(
        cls,
        base: Path | None,
        n_terms: int,
        *,
        dropout: float,
        seed: int,
        half: bool = False,
        layers: int | None = None,
        pool: str = "cls",
    ) -> Caller:
        """Put a new head on a base model.

        Raises CheckpointError if the weights in the folder do not fit its configuration. Raises
        UsageError if it has fewer than ``layers`` layers.

        Parameters
        ----------
        base : Path or None
            Folder in Hugging Face layout; None is the embedded ``tiny``.
        n_terms : int
            Outputs of the head.
        dropout : float
            Rate in hidden and attention layers, in training.
        seed : int
            Determines the head's initial weights.
        half : bool
            Keep an encoder of a billion or more weights in bf16.
        layers : int, optional
            Use only the first layers of the base, and its final norm.
        pool : str
            What the head reads; see `esmgo.model.pooling.pooled`.
        """
        sizes = dict(tiny_sizes() if base is None else sizes_of(base))
        n_layers = sizes["num_hidden_layers"]
        sizes |= {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
        if pool != "cls":
            sizes[POOL] = pool
        if layers is not None and layers > n_layers:
            reason = f"{layers} is above {n_layers}, the layers of this base"
            raise UsageError(reason, field="encoder_layers")
        sizes["num_hidden_layers"] = layers or n_layers
        caller = cls(sizes, n_terms)
        encoder = caller.encoder
        n_weights = sum(p.numel() for p in encoder.parameters())
        encoder.to(torch.bfloat16 if half and n_weights >= LARGE else torch.float32)
        encoder.to_empty(device="cpu")
        for parameter in encoder.contact_head.parameters():
            nn.init.zeros_(parameter)
        if base is None:
            encoder.load_state_dict(tiny_weights(), strict=False)
        else:
            read_base(base, encoder, n_layers)
        caller.head.draw(seed)
        return caller

    @classmethod
    def restore(
        cls, source: object, config: dict[str, Any], weights: Mapping[str, Tensor]
    ) -> Caller:
        """Rebuild a caller, with its adapters, from a checkpoint's configuration and weights.

        Weights in float16 are converted to float32. Raises CheckpointError if a tensor is
        missing, unknown, or of the wrong shape. The message names it.
        """
        check_config(source, config)
        n_terms = config.get("num_labels")
        if not isinstance(n_terms, int) or not 0 < n_terms < 1_000_000:
            raise CheckpointError("config", f"num_labels is {printable(repr(n_terms), 30)}")
        caller = cls(config, n_terms)
        expected = {name: tuple(t.shape) for name, t in caller.network.state_dict().items()}
        for name, shape in expected.items():
            if name not in weights:
                raise CheckpointError(source, f"incomplete: without {name}")
            if tuple(weights[name].shape) != shape:
                raise CheckpointError(
                    source,
                    f"{name} is {shape_text(weights[name].shape)}, expected {shape_text(shape)}",
                )
        if unknown := sorted(set(weights) - set(expected)):
            raise CheckpointError(source, f"unknown tensor {printable(unknown[0])}")
        wide = {n: w.float() if w.dtype is torch.float16 else w for n, w in weights.items()}
        caller.network.load_state_dict(wide, assign=True)
        return caller

    @property
    def encoder(self) -> Encoder:
        """The ESM2 encoder."""
        return self.network.esm  # type: ignore[return-value]

    @property
    def head(self) -> Head:
        """The classification head."""
        return self.network.classifier  # type: ignore[return-value]

    @property
    def width(self) -> int:
        """Size of a hidden state."""
        return int(self._sizes["hidden_size"])

    @property
    def n_heads(self) -> int:
        """Attention heads per layer."""
        return int(self._sizes["num_attention_heads"])

    @property
    def pool(self) -> str:
        """What the head reads; see `esmgo.model.pooling.pooled`."""
        return str(self._sizes.get(POOL, "cls"))

    @property
    def lora(self) -> dict[str, Any] | None:
        """Rank, alpha, dropout and number of layers of the adapters, if there are any."""
        return self._sizes.get(LORA)

    @property
    def n_frozen(self) -> int:
        """Number of layers that are not trained: the lowest ones."""
        return len(self.encoder.layers) - self.n_unfrozen

    @property
    def is_lower_pooled(self) -> bool:
        """Whether `lower` returns one vector per protein: nothing below the head is trained."""
        return self.n_unfrozen == 0 and self.pool != "attention"

    def sizes(self) -> dict[str, Any]:
        """Return the configuration as JSON values, for `restore`."""
        return self._sizes | {"model_type": "esm", "num_labels": self.n_terms}

    def unfreeze(self, k: int) -> None:
        """Make the head and the last ``k`` layers trainable; if k > 0 the final layer norm, too.

        Trainable weights become fp32: near 0.05 bf16 has steps of 2e-4, and an update of 1e-4
        would be lost. The other weights keep their type. Raises UsageError if the encoder has
        fewer layers.
        """
        layers = self.encoder.layers
        if not 0 <= k <= len(layers):
            reason = f"{k} is not between 0 and {len(layers)}, the layers of this encoder"
            raise UsageError(reason, field="unfreeze_last_k_layers")
        self.n_unfrozen = k
        self.network.requires_grad_(False)
        unfrozen = [self.head]
        if k > 0:
            unfrozen += [*layers[-k:], self.encoder.encoder.emb_layer_norm_after]  # type: ignore[list-item]
        for module in unfrozen:
            module.float().requires_grad_(True)

    def adapt(self, rank: int, alpha: float, dropout: float, layers: int | None, seed: int) -> None:
        """Add adapters to the last ``layers`` layers, by default to all; ``seed`` draws them.

        Raises UsageError if the encoder has fewer layers, or is narrower than ``rank``.
        """
        layers = len(self.encoder.layers) if layers is None else layers
        add_adapters(self.encoder, rank, alpha, layers)
        draw_adapters(self.encoder, seed)
        found = {"rank": rank, "alpha": float(alpha), "dropout": float(dropout)}
        self._sizes[LORA] = found | {"layers": layers}

    def train_adapters(self) -> None:
        """Make the head and all adapters trainable."""
        assert self.lora is not None
        self.unfreeze(0)
        self.n_unfrozen = self.lora["layers"]
        for each in adapters(self.encoder):
            each.lora_A.requires_grad_(True)
            each.lora_B.requires_grad_(True)

    def merge(self) -> None:
        """Add the adapters to the weights beside them; nothing is left to train but the head."""
        merge_adapters(self.encoder)
        self._sizes.pop(LORA, None)

    def trainable(self) -> dict[str, nn.Parameter]:
        """Return the parameters that are trained, by name."""
        return {name: p for name, p in self.network.named_parameters() if p.requires_grad}

    def train(self, on: bool = True) -> None:
        """Switch dropout in the head, in unfrozen layers and in adapters on or off."""
        self.is_training = on
        if self.lora:
            for each in adapters(self.encoder):
                each.rate = self.lora["dropout"] if on else 0.0

    def set_output_bias(self, counts: Tensor, n_proteins: int) -> None:
        """Set each output's bias to its term's log-odds in the training data.

        With tens of thousands of rare terms, gradient descent would need many epochs to learn
        them. ``counts``, shape=(T,), are the training proteins with each term, of ``n_proteins``.
        """
        rate = (counts.double() + 0.5) / (n_proteins + 1)
        with torch.no_grad():
            self.head.out_proj.bias.copy_(torch.logit(rate))

    def __call__(self, packed: Packed, half: bool = False) -> Tensor:
        """Return logits, shape=(B, T), dtype=float32, of proteins in input order."""
        return self.upper(self.lower(packed, half), packed, half)

    @torch.no_grad()
    def lower(self, packed: Packed, half: bool = False) -> Tensor:
        """Return the output of the frozen layers; dtype=float32.

        If all layers are frozen, it is the pooled states after the final layer norm,
        shape=(B, D), in input order; else the residual stream of all tokens, shape=(n, D),
        with rows as in ``packed``. Pooling by attention is trained, so it needs all tokens.
        """
        x = self.encoder.embed(packed)
        if self.is_lower_pooled:
            return self.pooled(x, packed, half=half)
        return self.encoder.run(x, packed, 0, self.n_frozen, half=half)

    @torch.no_grad()
    def probabilities(self, x: Tensor, packed: Packed | None, half: bool = False) -> Tensor:
        """Return probabilities from the output of `lower`; shape=(B, T), dtype=float32.

        They do not depend on the number of proteins, to the last bit: PyTorch computes
        exponentials differently at the end of an array, so they are computed on full chunks.
        """
        return self.upper(x, packed, half, then=torch.sigmoid)

    def upper(
        self,
        x: Tensor,
        packed: Packed | None,
        half: bool = False,
        *,
        then: Callable[[Tensor], Tensor] | None = None,
    ) -> Tensor:
        """Return logits, or ``then(logits)``, from the output of `lower`; shape=(B, T), fp32."""
        x = self.vectors(x, packed, half)
        rate = float(self._sizes["hidden_dropout_prob"]) if self.is_training else 0.0

        def called(x: Tensor) -> Tensor:
            logits = self.head(x, rate)
            return logits if then is None else then(logits)

        return in_chunks(called, x.float(), size=HEAD_CHUNK)

    def vectors(self, x: Tensor, packed: Packed | None, half: bool = False) -> Tensor:
        """Return what the head reads, pooled final states, from the output of `lower`; (B, D)."""
        if self.is_lower_pooled:
            return x
        assert packed is not None
        if self.n_unfrozen == 0:
            return pooled(x, packed, self.pool, self.head.pool)
        names = ("hidden_dropout_prob", "attention_probs_dropout_prob")
        hidden, attention = (float(self._sizes[n]) if self.is_training else 0.0 for n in names)
        return self.pooled(
            x, packed, self.n_frozen, half=half, dropout=(hidden, attention),
            recompute=self.recomputes,
        )  # fmt: skip

    def pooled(self, x: Tensor, packed: Packed, first: int = 0, **options: Any) -> Tensor:
        """Return what the head reads from the input of layer ``first``; shape=(B, D).

        ``options`` are those of `Encoder.run`.
        """
        is_cls, last = self.pool == "cls", len(self.encoder.layers)
        x = self.encoder.run(x, packed, first, last, cls_only=is_cls, **options)
        return x if is_cls else pooled(x, packed, self.pool, self.head.pool)

    @torch.no_grad()
    def hidden(self, packed: Packed, half: bool = False) -> list[Tensor]:
        """Return the final hidden states of each protein, in input order; shape=(L, D) each."""
        x = self.encoder.embed(packed)
        return packed.split(self.encoder.run(x, packed, 0, len(self.encoder.layers), half=half))
