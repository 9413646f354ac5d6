"""The ways of scoring proteins that are compared, each made of a base folder and a head.

A contender is made once and then called with token ids; it returns probabilities in the order
of its input. All get ids, not letters, so that nobody pays for a tokenizer. Packages
are imported by who needs them: each contender lives in a process, and maybe an environment,
of its own.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import models
import numpy as np
from numpy.typing import NDArray

PADDED_TO = 1026
"""Tokens: the seed pads every protein to the whole context."""

PAD = 1

Rows = Sequence[NDArray[np.uint8]]
Probabilities = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Setup:
    """What every contender is made of."""

    size: str
    folder: Path
    n_terms: int


@dataclass(frozen=True, slots=True)
class Contender:
    """A way of scoring.

    Parameters
    ----------
    make : callable
        Loads the model; returns a function of token ids and batch size.
    precision : str
        Of its matrix products.
    batches : tuple of int
        Batch sizes to try in the warm-up; the fastest is measured. None where a
        contender chooses for itself.
    """

    make: Callable[[Setup], Callable[[Rows, int], Probabilities]]
    precision: str
    batches: tuple[int | None, ...] = (16,)


def padded(rows: Rows, length: int) -> tuple[Any, Any]:
    """Return token ids and mask as tensors, shape=(B, length)."""
    import torch

    ids = np.full((len(rows), length), PAD, np.int64)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = row
    tokens = torch.from_numpy(ids)
    return tokens, (tokens != PAD).long()


def sorted_batches(rows: Rows, size: int) -> Iterator[NDArray[np.intp]]:
    """Yield row numbers in batches of like length, longest first."""
    order = np.argsort([-len(row) for row in rows], kind="stable")
    for at in range(0, len(order), size):
        yield order[at : at + size]


def length_sorted(model: Callable[[Any, Any], Any], n_terms: int) -> Any:
    """Return a function that scores in batches padded to their longest protein."""

    def score(rows: Rows, size: int) -> Probabilities:
        found = np.empty((len(rows), n_terms), np.float32)
        for at in sorted_batches(rows, size):
            batch = [rows[i] for i in at]
            found[at] = model(*padded(batch, max(map(len, batch))))
        return found

    return score


def seed_way(setup: Setup) -> Any:
    """Eager attention, every protein padded to the context length, fp32, in the given order."""
    import torch

    model = models.classifier(setup.folder, setup.n_terms, "eager")

    @torch.inference_mode()
    def score(rows: Rows, size: int) -> Probabilities:
        parts = []
        for at in range(0, len(rows), size):
            tokens, mask = padded(rows[at : at + size], PADDED_TO)
            logits = model(input_ids=tokens, attention_mask=mask).logits
            parts.append(logits.sigmoid().numpy())
        return np.concatenate(parts)

    return score


def transformers_sorted(setup: Setup, attention: str = "sdpa", precision: str = "fp32") -> Any:
    """Transformers with length-sorted batches; bf16 by autocast."""
    import torch

    model = models.classifier(setup.folder, setup.n_terms, attention)

    @torch.inference_mode()
    def probabilities(tokens: Any, mask: Any) -> Any:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            logits = model(input_ids=tokens, attention_mask=mask).logits
        return logits.float().sigmoid().numpy()

    return length_sorted(probabilities, setup.n_terms)


def openvino(setup: Setup, precision: str = "bf16") -> Any:
    """OpenVINO on the traced model, shapes dynamic, one thread in one stream."""
    import openvino as ov
    import torch

    class Probabilities(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = models.classifier(setup.folder, setup.n_terms, "sdpa")

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            logits = self.model(input_ids=input_ids, attention_mask=attention_mask).logits
            return logits.sigmoid()

    tokens, mask = padded([np.full(n, 5, np.uint8) for n in (40, 33)], 40)  # a mask that masks
    with torch.inference_mode():
        traced = ov.convert_model(
            Probabilities().eval(),
            example_input={"input_ids": tokens, "attention_mask": mask},
            input=[("input_ids", [-1, -1]), ("attention_mask", [-1, -1])],
        )
    compiled = ov.Core().compile_model(
        traced,
        "CPU",
        {
            "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
            "INFERENCE_NUM_THREADS": 1,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "THROUGHPUT",
            "ENABLE_CPU_PINNING": False,
        },
    )
    request = compiled.create_infer_request()

    def probabilities(tokens: Any, mask: Any) -> Any:
        return request.infer([tokens.numpy(), mask.numpy()])[0]

    return length_sorted(probabilities, setup.n_terms)


def fair_esm(setup: Setup) -> Any:
    """The original implementation, fp32, without its language-model head."""
    import esm
    import torch

    stock = models.classifier(setup.folder, setup.n_terms, "sdpa")
    n_layers, width, n_heads, _ = models.SIZES[setup.size]
    encoder = esm.ESM2(n_layers, width, n_heads, "ESM-1b", token_dropout=True).eval()
    weights = models.fair_names(stock.esm.state_dict())
    missing, unexpected = encoder.load_state_dict(weights, strict=False)
    assert not unexpected
    assert all(name.startswith(("lm_head", "contact_head")) or "inv_freq" in name
               for name in missing), missing  # fmt: skip
    encoder.lm_head = torch.nn.Identity()

    @torch.inference_mode()
    def probabilities(tokens: Any, mask: Any) -> Any:
        del mask  # it finds padding by itself
        hidden = encoder(tokens, repr_layers=[n_layers])["representations"][n_layers]
        return stock.classifier(hidden).sigmoid().numpy()

    return length_sorted(probabilities, setup.n_terms)


def faesm(setup: Setup) -> Any:
    """faesm's encoder with its SDPA attention, fp32 (its flash attention needs CUDA)."""
    import torch
    from faesm.esm import FAEsmModel
    from transformers import EsmConfig

    stock = models.classifier(setup.folder, setup.n_terms, "eager")
    config = EsmConfig.from_pretrained(setup.folder)
    config.use_fa = False
    encoder = FAEsmModel(config, add_pooling_layer=False).eval()
    missing, _ = encoder.load_state_dict(stock.esm.state_dict(), strict=False)
    assert all("inv_freq" in name or "position" in name for name in missing), missing

    @torch.inference_mode()
    def probabilities(tokens: Any, mask: Any) -> Any:
        hidden = encoder(tokens, attention_mask=mask.bool()).last_hidden_state
        return stock.classifier(hidden).sigmoid().numpy()

    return length_sorted(probabilities, setup.n_terms)


def esmgo(setup: Setup, precision: str) -> Any:
    """This package, by the call that its own verbs make."""
    import torch

    from esmgo.model.caller import Caller
    from esmgo.model.scoring import probabilities

    caller = Caller.start(setup.folder, setup.n_terms, dropout=0.0, seed=0)
    models.fill_head(caller.head, models.SIZES[setup.size][1], setup.n_terms)
    device = torch.device("cpu")

    def score(rows: Rows, size: int) -> Probabilities:
        del size  # it packs by tokens
        found = np.empty((len(rows), setup.n_terms), np.float32)
        for at, scores, _ in probabilities(caller, rows, device, precision):
            found[at] = scores
        return found

    return score


TRIED = (1, 4, 16)

CONTENDERS = {
    "seed's way (eager, padded to 1026, batch 16)": Contender(seed_way, "fp32"),
    "transformers SDPA, sorted, batch 16": Contender(transformers_sorted, "fp32"),
    "transformers SDPA, sorted, batch 16, bf16": Contender(
        lambda setup: transformers_sorted(setup, precision="bf16"), "bf16"
    ),
    "transformers SDPA, sorted, best batch": Contender(transformers_sorted, "fp32", TRIED),
    "transformers SDPA, sorted, best batch, bf16": Contender(
        lambda setup: transformers_sorted(setup, precision="bf16"), "bf16", TRIED
    ),
    "fair-esm, sorted": Contender(fair_esm, "fp32", TRIED),
    "faesm SDPA, sorted": Contender(faesm, "fp32", TRIED),
    "OpenVINO, sorted": Contender(lambda setup: openvino(setup, "fp32"), "fp32", TRIED),
    "OpenVINO, sorted, bf16": Contender(openvino, "bf16", TRIED),
    "esmgo": Contender(lambda setup: esmgo(setup, "fp32"), "fp32", (None,)),
    "esmgo, bf16": Contender(lambda setup: esmgo(setup, "bf16"), "bf16", (None,)),
}
"""By the names of the result table; the first is the baseline."""

REFERENCE = Contender(lambda setup: transformers_sorted(setup, "eager"), "fp32", (1,))
"""One protein at a time, nothing padded: what drift is measured from."""
