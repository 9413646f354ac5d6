"""Train an ESM2 encoder from scratch: first on masked residues, then on GO terms.

    python recipes/pretrain.py DATASET ONTOLOGY FOLDER --more=proteins.parquet --device=cuda

DATASET is the result of hold_out.py, so that the validation measures on families that are not
trained on. The masked residues are those of its training proteins and of ``--more``, which needs
no terms. The stages that follow are those of `esmgo train`:
all layers on frequent terms, then a head for all terms. FOLDER/base is the encoder after the masked
residues, FOLDER/encoder/model the one after frequent terms, FOLDER/caller the checkpoint.
bundled_caller.py goes on from there, with ``--encoder=FOLDER/encoder/model``.

Each stage has a part of ``--minutes`` and saves every minute, so that a killed run loses one minute
at most; the same command continues it. FOLDER/pretrain.tsv records the loss of each minute on
proteins that are not trained on.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy, gelu, linear
from untrained_base import initialised, sizes_of, write

from esmgo.data.residues import clean
from esmgo.model.encoder import Encoder
from esmgo.model.packing import Packed, pack
from esmgo.model.tokens import MASK, encode

CHOSEN, MASKED, REPLACED = 0.15, 0.8, 0.1
"""Fraction of residues to predict; of these, the fractions masked and replaced at random."""

FIRST_RESIDUE, LAST_RESIDUE = 4, 23
HELD_OUT = 256
"""Proteins on which the loss is reported."""

WARM_UP = 200
"""Updates in which the learning rate rises; it then falls with the time that is left."""

SHARES = {"masked": 0.5, "encoder": 0.35, "caller": 0.15}
"""Parts of the time for the three stages."""

TERMS = (
    "--min_term_count=50 --context_length=402 --batch_size=128 --gradient_accumulation_steps=1"
    " --learning_rate=4e-4 --substitution_rate=0.1 --num_epochs=12"
)
HEAD = (
    "--context_length=1026 --batch_size=256 --gradient_accumulation_steps=1 --learning_rate=1e-3"
    " --num_epochs=12"
)
COMMON = "--schedule=linear --dropout=0 --eval_ratio=1 --eval_interval=3 --checkpoint_interval=1"


@dataclass
class Pretraining:
    """An encoder, its output layer and its optimiser; ``step`` updates are done.

    The output layer is that of ESM: dense, GELU, layer norm, and the token embeddings.
    """

    encoder: Encoder
    dense: torch.nn.Linear
    norm: torch.nn.LayerNorm
    bias: torch.nn.Parameter
    step: int = 0
    spent: float = 0.0
    optimizer: torch.optim.Optimizer = field(init=False)

    @classmethod
    def start(cls, options: argparse.Namespace, device: torch.device) -> Pretraining:
        """Begin with random weights."""
        torch.manual_seed(options.seed)
        draw = torch.Generator().manual_seed(options.seed)
        width = options.width
        found = cls(
            initialised(sizes_of(options.layers, width, options.heads), draw),
            torch.nn.Linear(width, width),
            torch.nn.LayerNorm(width),
            torch.nn.Parameter(torch.zeros(33)),
        )
        with torch.no_grad():  # tied to the output, they must be small
            found.encoder.embeddings.word_embeddings.weight.mul_(width**-0.5)
        for part in (found.encoder, found.dense, found.norm):
            part.to(device)
        found.bias.data = found.bias.data.to(device)
        found.optimizer = torch.optim.AdamW(
            found.weights().values(), lr=options.rate, betas=(0.9, 0.98), weight_decay=0.01
        )
        return found

    def weights(self) -> dict[str, torch.nn.Parameter]:
        """Return all trained weights by name; the contact head is none of them."""
        names = {f"esm.{n}": p for n, p in self.encoder.named_parameters() if "contact" not in n}
        names |= {f"lm_head.dense.{n}": p for n, p in self.dense.named_parameters()}
        names |= {f"lm_head.layer_norm.{n}": p for n, p in self.norm.named_parameters()}
        return names | {"lm_head.bias": self.bias}

    def loss(self, packed: Packed, truth: Tensor, half: bool) -> Tensor:
        """Return the mean cross entropy of the residues to predict; ``truth`` is -1 elsewhere."""
        x = self.encoder.embed(packed)
        x = self.encoder.run(x, packed, 0, len(self.encoder.layers), half=half)
        at = truth >= 0
        x = self.norm(gelu(self.dense(x[at])))
        logits = linear(x, self.encoder.embeddings.word_embeddings.weight, self.bias)
        return cross_entropy(logits, truth[at])

    def save(self, folder: Path) -> None:
        """Write the weights and the state of the optimiser."""
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / "pretraining.pt.part"
        weights = {name: p.detach().cpu() for name, p in self.weights().items()}
        state = self.optimizer.state_dict()
        progress = {"step": self.step, "spent": self.spent}
        torch.save({"weights": weights, "optimizer": state, **progress}, part)
        part.replace(folder / "pretraining.pt")

    def resume(self, folder: Path) -> None:
        """Continue from what `save` wrote, if anything."""
        path = folder / "pretraining.pt"
        if not path.exists():
            return
        found = torch.load(path, map_location="cpu", weights_only=True)
        with torch.no_grad():
            for name, parameter in self.weights().items():
                parameter.copy_(found["weights"][name])
        self.optimizer.load_state_dict(found["optimizer"])
        self.step, self.spent = found["step"], found["spent"]


def main() -> None:
    """Run the stages that are not done."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    for name in ("dataset", "ontology", "folder"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--more", type=Path, help="parquet with a column `sequence`")
    for name, default in (("layers", 6), ("width", 320), ("heads", 20), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--minutes", type=float, default=8.0, help="of all stages together")
    parser.add_argument("--updates", type=float, default=float("inf"), help="of the first stage")
    parser.add_argument("--tokens", type=int, default=65_536, help="per update")
    parser.add_argument("--context", type=int, default=402, help="tokens of a protein, at most")
    parser.add_argument("--rate", type=float, default=2e-3, help="highest learning rate")
    parser.add_argument("--device", default="cuda")
    options = parser.parse_args()
    masked_residues(options)
    previous = options.folder / "base"
    for name, settings in (("encoder", f"--unfreeze_last_k_layers={options.layers} {TERMS}"),
                           ("caller", HEAD)):  # fmt: skip
        supervised(options, name, settings, previous)
        previous = options.folder / name / "model"


def masked_residues(options: argparse.Namespace) -> None:
    """Predict masked residues until the time of this stage is spent; write FOLDER/base."""
    device = torch.device(options.device)
    training = Pretraining.start(options, device)
    training.resume(options.folder)
    proteins = tokens_of(options)
    batches = endless(proteins[HELD_OUT:], options, training.step)
    draw = torch.Generator(device).manual_seed(options.seed + training.step)
    total, is_half = 60 * options.minutes * SHARES["masked"], device.type == "cuda"
    first, start = training.step, time.monotonic() - training.spent
    saved = start + training.spent
    while training.step < options.updates and (now := time.monotonic()) - start < total:
        rate = options.rate * min(1, (training.step + 1) / WARM_UP) * (1 - (now - start) / total)
        for group in training.optimizer.param_groups:
            group["lr"] = rate
        packed, truth = chosen(pack(next(batches), device), draw)
        training.optimizer.zero_grad(set_to_none=True)
        training.loss(packed, truth, is_half).backward()
        torch.nn.utils.clip_grad_norm_(training.weights().values(), 1.0)
        training.optimizer.step()
        training.step += 1
        if now - saved > min(60, total / 4):
            saved = now
            report(training, proteins[:HELD_OUT], device, options.folder, now - start)
    if training.step > first:
        report(training, proteins[:HELD_OUT], device, options.folder, time.monotonic() - start)
    base = options.folder / "base"
    base.mkdir(exist_ok=True)
    write(base, training.encoder, sizes_of(options.layers, options.width, options.heads))


def tokens_of(options: argparse.Namespace) -> list[NDArray[np.uint8]]:
    """Return the token ids of each distinct sequence, in a random order that the seed decides."""
    tables = [options.dataset / "all" / "train.parquet", *([options.more] if options.more else [])]
    found = {
        clean(text).sequence: None
        for path in tables
        for text in pq.read_table(path, columns=["sequence"])["sequence"].to_pylist()
    }
    sequences = list(found)
    order = np.random.default_rng(options.seed).permutation(len(sequences))
    return [encode(sequences[i], len(sequences[i]) + 2) for i in order]


def endless(
    proteins: list[NDArray[np.uint8]], options: argparse.Namespace, n_done: int
) -> Iterator[list[NDArray[np.uint8]]]:
    """Yield batches of about ``--tokens`` tokens for ever; of long proteins a random part."""
    draw = np.random.default_rng([options.seed, n_done])
    batch, size = [], 0
    while True:
        for i in draw.permutation(len(proteins)):
            row, first = proteins[i], 0
            if len(row) > options.context:
                first = int(draw.integers(len(row) - options.context + 1))
            batch.append(row[first : first + options.context])
            size += len(batch[-1])
            if size >= options.tokens:
                yield batch
                batch, size = [], 0


def chosen(packed: Packed, draw: torch.Generator) -> tuple[Packed, Tensor]:
    """Choose residues to predict; return the changed tokens, and the true ones, -1 elsewhere."""
    tokens, device = packed.tokens, packed.tokens.device
    is_residue = (tokens >= FIRST_RESIDUE) & (tokens <= LAST_RESIDUE)
    one, two = (torch.rand(len(tokens), generator=draw, device=device) for _ in range(2))
    is_chosen = is_residue & (one < CHOSEN)
    other = torch.randint(
        FIRST_RESIDUE, LAST_RESIDUE + 1, (len(tokens),), generator=draw, device=device
    )
    found = torch.where(is_chosen & (two < MASKED), MASK, tokens)
    found = torch.where(is_chosen & (two >= MASKED) & (two < MASKED + REPLACED), other, found)
    return Packed(found, packed.lengths, packed.order), torch.where(is_chosen, tokens, -1)


def report(
    training: Pretraining,
    proteins: list[NDArray[np.uint8]],
    device: torch.device,
    folder: Path,
    spent: float,
) -> None:
    """Save, and record the loss on proteins that are not trained on, with the same masks."""
    training.spent = spent
    training.save(folder)
    draw, losses = torch.Generator(device).manual_seed(0), []
    with torch.no_grad():
        for first in range(0, len(proteins), 32):
            rows = [row[:402] for row in proteins[first : first + 32]]
            packed, truth = chosen(pack(rows, device), draw)
            losses.append(training.loss(packed, truth, half=False).item())
    line = f"{training.step}\t{spent:.0f}\t{np.mean(losses):.4f}"
    print(f"update, seconds, loss: {line}", flush=True)
    with (folder / "pretrain.tsv").open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def supervised(options: argparse.Namespace, name: str, settings: str, base: Path) -> None:
    """Run or resume a stage of `esmgo train` for its part of the time; export its encoder.

    The loop of the command saves when it is interrupted.
    """
    folder = options.folder / name
    checkpoint = folder / "checkpoint.pt"
    if (folder / "model").exists():
        return
    command = (
        f"train --dataset={options.dataset} --ontology={options.ontology} --base_model={base}"
        f" --checkpoint_path={checkpoint} --run_dir_path={folder}/runs {settings} {COMMON}"
        f" --seed={options.seed} --device={options.device} --resume"
    )
    esmgo(command, 60 * options.minutes * SHARES[name])
    if not checkpoint.exists():
        sys.exit(f"error: {name}: no time for one epoch; give more --minutes")
    esmgo(f"export --checkpoint_path={checkpoint} --output_dir={folder / 'model'} --overwrite")


def esmgo(command: str, seconds: float | None = None) -> None:
    """Run a command; interrupt it when its time is spent."""
    print(f"\n$ esmgo {command}", flush=True)
    process = subprocess.Popen([sys.executable, "-m", "esmgo", *command.split()])
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGTERM)
        code = process.wait()
    if code not in (0, 128 + signal.SIGTERM):
        sys.exit(code)


if __name__ == "__main__":
    main()
