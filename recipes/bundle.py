"""Pack a blended checkpoint and its index into the bundled caller of the program.

    python recipes/bundle.py CHECKPOINT FOLDER [--overwrite]

writes three files, all or none, of at most 50 MB together:

- FOLDER/caller.safetensors: weights in int8, label space and blend, without optimiser state and
  settings;
- FOLDER/caller.index.safetensors: coarse vectors, k-mers, ids, terms and sequences of the training
  proteins; similar proteins are adjacent, which compresses better;
- FOLDER/card.json: a description, SHA-256 of both files, and scores for `esmgo selftest`.

The effect of packing on scores is measured on five famous proteins, or on those of --fasta=FILE,
and printed. By default FOLDER is the place from which the program reads its bundled caller.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from esmgo.data.famous import famous_path
from esmgo.data.fasta import read_fasta
from esmgo.evidence.index import Index
from esmgo.evidence.index_file import open_index, write_index
from esmgo.evidence.neighbours import nearest
from esmgo.files.folder import replacing_folder
from esmgo.model.bundled import FOLDER
from esmgo.model.checkpoint import Checkpoint, open_checkpoint, replace_blend, save_checkpoint
from esmgo.model.container import index_path
from esmgo.model.tensors import SCALE
from esmgo.predict.predictor import Predictor
from esmgo.predict.selftest import TOLERANCE, scores_of

LIMIT = 50_000_000
PATHS = {"checkpoint_path", "run_dir_path", "dataset", "ontology", "base_model"}
"""Settings that are paths on the machine of the training."""

WORDS = {
    "intended_use": "Hypotheses about what a protein does, from its sequence alone, offline.",
    "limits": "A small encoder trained from scratch on experimentally annotated proteins, most of"
    " them of few model organisms. Not for clinical use. A term that is not called is not evidence"
    " that the protein lacks the function.",
    "licences": "Weights: Apache-2.0, as the program. Made from UniProtKB sequences and UniProt-GOA"
    " annotations (UniProt Consortium) and the Gene Ontology (GO Consortium), both CC BY 4.0. The"
    " index has the sequences of UniProtKB.",
}


def main() -> None:
    """Write the folder."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER)
    parser.add_argument("--fasta", type=Path, default=famous_path(), help="to compare scores on")
    parser.add_argument("--overwrite", action="store_true")
    options = parser.parse_args()
    source = open_checkpoint(options.checkpoint)
    index = open_index(source)
    if index is None or source.blend is None:
        parser.error(f"{options.checkpoint} has no blend, or no index: esmgo blend fits both")
    if index.kmers is not None:
        with tqdm(desc="Ordering", total=len(index), unit="protein", disable=None) as bar:
            index = index.reordered(index.kmers.tour(bar.update))
    with replacing_folder(options.folder, overwrite=options.overwrite, mark="card.json") as folder:
        path = folder / "caller.safetensors"
        packed = pack(source, path)
        encoder = packed.encoder_fingerprint
        sha256 = write_index(index_path(path), index, packed.labels, encoder, small=True)
        replace_blend(path, source.blend | {"index_sha256": sha256})
        packed = open_checkpoint(path)
        changes = differences(source, packed, options.fasta) | same_neighbours(index, packed)
        card = card_of(source, packed, index, changes)
        (folder / "card.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
        size = sum(each.stat().st_size for each in folder.iterdir())
        for each in sorted(folder.iterdir()):
            print(f"{each.stat().st_size / 1e6:6.2f} MB  {each.name}")
        print("\n".join(f"{name}: {value:.6g}" for name, value in changes.items()))
        if size > LIMIT:
            parser.error(f"{size / 1e6:.1f} MB in all, {LIMIT / 1e6:.0f} MB at most")
    print(f"{size / 1e6:.2f} MB in {options.folder}")


def pack(source: Checkpoint, path: Path) -> Checkpoint:
    """Write only weights and label space."""
    save_checkpoint(path, source.caller(), source.labels, source.context_length, {}, small=True)
    return open_checkpoint(path)


def differences(source: Checkpoint, packed: Checkpoint, fasta: Path) -> dict[str, float]:
    """Return by how much the scores of the head alone and of the blend differ."""
    proteins = list(read_fasta(fasta))
    found = {}
    for name, sources in (("head", ("head",)), ("blend", None)):
        before, after = (
            Predictor.load(each, device="cpu", dtype="fp32", sources=sources)
            for each in (source, packed)
        )
        pairs = zip(before.score(proteins), after.score(proteins), strict=True)
        found[name] = max(float(np.abs(x.values - y.values).max()) for x, y in pairs)
    changes = {f"largest difference of a score of the {name}": far for name, far in found.items()}
    return changes | {
        "least difference of similarity between the last neighbour and the next": gap(after)
    }


def gap(packed: Predictor) -> float:
    """Return by how much the last neighbour of any famous protein is nearer than the next one.

    Below 1e-6 another processor may find other neighbours, and `esmgo selftest` may fail on it.
    """
    _, vectors, _ = packed.scorer.states([p.sequence for p in read_fasta(famous_path())])
    k, index = packed.sources.num_neighbours, packed.sources.index
    assert index is not None
    near = nearest(vectors, index.vectors, k + 1).similarity
    return float((near[:, -2] - near[:, -1]).min())


def same_neighbours(index: Index, packed: Checkpoint, k: int = 10) -> dict[str, float]:
    """Return the fraction of the nearest neighbours of training proteins that packing keeps."""
    small = open_index(packed)
    assert small is not None
    some = np.random.default_rng(0).permutation(len(index))[:500]
    found = [
        nearest(each.vectors[some].astype(np.float32), each.vectors, k).protein
        for each in (index, small)
    ]
    same = [len(np.intersect1d(a, b)) / len(a) for a, b in zip(*found, strict=True)]
    return {f"part of the {found[0].shape[1]} nearest that stay": float(np.mean(same))}


def card_of(
    source: Checkpoint, packed: Checkpoint, index: Index, changes: dict[str, float]
) -> dict[str, Any]:
    """Return the description of the files, as plain values."""
    sizes, labels = packed.encoder, packed.labels
    tensors = packed.header.tensors.items()
    n_weights = sum(int(np.prod(t.shape)) for name, t in tensors if not name.endswith(SCALE))
    settings: dict[str, Any] = source.training.get("settings", {})
    summary = (
        f"{sizes['num_hidden_layers']} layers, {sizes['hidden_size']} wide, {n_weights:,} weights;"
        f" {len(labels):,} terms of GO {labels.release or 'unknown'}; {len(index):,} training"
        f" proteins; made by esmgo {version('esmgo')}"
    )
    return {
        "summary": summary,
        "esmgo": version("esmgo"),
        "files": {name: {"bytes": size, "sha256": digest} for name, size, digest in files(packed)},
        "caller": {
            "encoder": sizes,
            "n_weights": n_weights,
            "n_terms": len(labels),
            "go_release": labels.release,
            "n_training_proteins": len(index),
            "context_length": packed.context_length,
        },
        "training": {k: v for k, v in sorted(settings.items()) if k not in PATHS},
        "packing": changes,
        **WORDS,
        "selftest": {
            "tolerance": TOLERANCE,
            "torch": torch.__version__,
            "scores": scores_of(Predictor.load(packed, device="cpu", dtype="fp32")),
        },
    }


def files(packed: Checkpoint) -> Iterator[tuple[str, int, str]]:
    """Yield name, size and SHA-256 of checkpoint and index."""
    for path in (packed.path, index_path(packed.path)):
        data = path.read_bytes()
        yield path.name, len(data), hashlib.sha256(data).hexdigest()


if __name__ == "__main__":
    main()
