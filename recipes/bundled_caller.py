"""Make the bundled caller from a data set, with one command and one seed.

    python recipes/bundled_caller.py DATASET ONTOLOGY FOLDER --seed=1 [--ia=FILE] [--device=cpu]

DATASET is a folder of {all,mf,bp,cc}/{train,test}.parquet, as `esmgo build` makes it. Its training
proteins are split into training and calibration proteins; the blend is fitted on the latter. The
test split is read only at the end, for the evaluation. FOLDER/bundled is the result: copy it to
src/esmgo/bundled. FOLDER/recipe.json records the commands, their times and the machine. When the
script is run again, it skips finished steps and resumes training.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from model_card import figures

from esmgo.files.atomic import write_atomically

CUT = "--share=0.1"
BASE = "--layers=3 --width=192 --heads=8 --window --pool"
LAYERS = (
    "--unfreeze_last_k_layers=3 --min_term_count=50 --context_length=402 --batch_size=32"
    " --gradient_accumulation_steps=1 --schedule=linear --dropout=0 --num_epochs=5"
    " --eval_interval=1 --checkpoint_interval=1 --eval_ratio=1"
)
"""All layers, on frequent terms only: the gradient of rare terms is mostly noise."""

ENCODER = f"{LAYERS} --learning_rate=1e-3 --substitution_rate=0.1"
RESTART = f"{LAYERS} --learning_rate=7e-4"
"""A second run, from the result of the first, which still improved and did not overfit."""

HEAD = (
    "--context_length=1026 --batch_size=64 --gradient_accumulation_steps=1 --learning_rate=1e-3"
    " --schedule=linear --num_epochs=6 --eval_interval=3 --checkpoint_interval=1 --eval_ratio=1"
)
"""Finally a head for all terms, on the frozen encoder."""

BLEND = "--num_neighbours=100 --kmers=500"

SOURCES = {
    "blend": "",
    "none": "--homology=none",
    "head": "--sources=head",
    "neighbours": "--sources=neighbours",
    "kmers": "--sources=kmers",
    "homology": "--homology=diamond",
    "mmseqs": "--homology=mmseqs",
}
"""Evaluated sources of the caller. MMseqs2 is left out where it is not installed."""

RECIPES = Path(__file__).resolve().parent


def steps(ia: str, encoder: str = "") -> dict[str, str]:
    """Return the commands by name; names in braces are replaced when they run.

    With a trained ``encoder``, a folder, only a head is trained.
    """
    often = "--seed={seed} --device={device} --resume"
    packed = "--checkpoint_path={folder}/bundled/caller.safetensors"
    whole, cut = (f"--dataset={each} --ontology={{ontology}}" for each in ("{dataset}", "{cut}"))
    weighed = f"--identity={{folder}}/audit/nearest.tsv --overwrite{ia}"
    found = {"cut": f"hold_out.py {{dataset}} {{cut}} {CUT}"}
    stages = {"encoder": ENCODER, "restart": RESTART, "caller": HEAD}
    base = "{folder}/base"
    if encoder:
        stages, base = {"caller": HEAD}, encoder
    else:
        found["base"] = f"untrained_base.py {base} {BASE} --seed={{seed}}"
    for name, settings in stages.items():
        checkpoint = f"--checkpoint_path={{folder}}/{name}/checkpoint.pt"
        found[name] = (
            f"esmgo train {cut} --base_model={base} {checkpoint} {settings} {often}"
            f" --run_dir_path={{folder}}/runs/{name}"
        )
        base = f"{{folder}}/{name}/model"
        if name != "caller":
            found[f"export {name}"] = f"esmgo export {checkpoint} --output_dir={base} --overwrite"
    found |= {
        "blend": f"esmgo blend {cut} {checkpoint} {BLEND} --seed={{seed}} --device={{device}}",
        "bundle": "bundle.py {folder}/caller/checkpoint.pt {folder}/bundled --overwrite",
        "audit": f"esmgo audit {whole} --output_dir={{folder}}/audit --overwrite",
    }
    for name in ("naive", "diamond"):
        to = f"--output={{folder}}/predictions/{name}.tsv --overwrite"
        found[name] = f"esmgo baseline {name} {whole} {to}"
        found[f"evaluate {name}"] = (
            f"esmgo evaluate {whole} --predictions={{folder}}/predictions/{name}.tsv"
            f" --output_dir={{folder}}/evaluation/{name} {weighed}"
        )
    for name, sources in SOURCES.items():
        if name == "mmseqs" and not shutil.which(name):
            continue
        found[f"evaluate {name}"] = (
            f"esmgo evaluate {whole} {packed} {sources} --device={{device}}"
            f" --output_dir={{folder}}/evaluation/{name} {weighed}"
        )
    return found


def main() -> None:
    """Run the steps that are not done."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    for name in ("dataset", "ontology", "folder"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ia", type=Path, help="information accretion, for the weighted metrics")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--encoder", default="", help="a trained base, as pretrain.py makes it")
    options = parser.parse_args()
    folder = options.folder
    (folder / "predictions").mkdir(parents=True, exist_ok=True)
    (folder / "evaluation").mkdir(exist_ok=True)
    known = vars(options) | {"cut": folder / "cut"}
    shown = {name: name.upper() for name in ("dataset", "ontology", "folder", "ia")}
    shown |= {"cut": "FOLDER/cut"}
    journal = folder / "recipe.json"
    done = json.loads(journal.read_text())["steps"] if journal.exists() else {}
    for name, command in steps(" --ia={ia}" if options.ia else "", options.encoder).items():
        words = [word.format(**known) for word in command.split()]
        text = command.format(**(known | shown))
        if name in done:
            if done[name]["command"] != text:
                parser.error(f"step {name} was done with another command: choose a new folder")
            continue
        if name == "base":
            shutil.rmtree(folder / "base", ignore_errors=True)  # incomplete, of a killed run
        done[name] = {"command": text} | run(words)
        record = {"seed": options.seed, "machine": machine(options.device), "steps": done}
        write_atomically(journal, (json.dumps(record, indent=1) + "\n").encode())
    complete_card(folder, json.loads(journal.read_text()))


def run(words: list[str]) -> dict[str, float]:
    """Run a command; return wall and processor time in seconds."""
    print(f"\n$ {' '.join(words)}", flush=True)
    program = ["-m", "esmgo"] if words[0] == "esmgo" else [str(RECIPES / words[0])]
    start, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    keeping = os.environ | {
        "MALLOC_MMAP_MAX_": "0"
    }  # keeps buffers instead of allocating them at each step
    subprocess.run([sys.executable, *program, *words[1:]], check=True, env=keeping)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": round(time.monotonic() - start, 1), "cpu_seconds": round(used, 1)}


def machine(device: str) -> dict[str, Any]:
    """Return a description of the machine."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    found: dict[str, Any] = {
        "processor": names[0] if names else platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "device": torch.cuda.get_device_name() if device.startswith("cuda") else device,
        "python": platform.python_version(),
    }
    return found | {name: version(name) for name in ("esmgo", "torch", "numpy", "safetensors")}


def complete_card(folder: Path, record: dict[str, Any]) -> None:
    """Put the recipe and the figures of the evaluation into the card."""
    path = folder / "bundled" / "card.json"
    card = json.loads(path.read_text(encoding="utf-8"))
    card |= {"recipe": record, "evaluation": figures(folder / "evaluation")}
    write_atomically(path, (json.dumps(card, indent=1) + "\n").encode())
    print(f"\nDone: {folder / 'bundled'}\n{card['summary']}")


if __name__ == "__main__":
    main()
