"""From the start of the process to the first answer for one protein: esmgo and transformers.

    python benchmarks/startup.py
    python benchmarks/startup.py --quick

A checkpoint of ESM2-8M (random weights) with 25,000 named terms is trained for one step and
exported; then `esmgo rank --sequence=…` on the checkpoint and a script of ten lines with
``EsmForSequenceClassification`` and ``EsmTokenizer`` on the export take turns, and `esmgo --help`.
"""

import argparse
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import lengths
import models
from evaluation import make_up
from report import head, measured_in_turn, one_thread, say, table, versions

TRANSFORMERS = """
import sys
import torch
from transformers import EsmForSequenceClassification, EsmTokenizer
folder, sequence = sys.argv[1:]
tokenizer = EsmTokenizer.from_pretrained(folder)
model = EsmForSequenceClassification.from_pretrained(folder).eval()
with torch.inference_mode():
    scores = model(**tokenizer(sequence, return_tensors="pt")).logits.sigmoid()[0]
values, columns = scores.topk(5)
for value, column in zip(values.tolist(), columns.tolist()):
    print(f"{value:.4f}: {model.config.id2label[column]}")
"""


def made(folder: Path, base: Path, n_terms: int, esmgo: str) -> tuple[Path, Path]:
    """Train a checkpoint with that many terms for one step; return it and its export."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    ontology = make_up(folder, 1, n_terms, 1)["ontology"]
    text = ontology.read_text()
    terms = [line.removeprefix("id: ") for line in text.splitlines() if line.startswith("id: ")]
    proteins = [sequence[:30] for sequence in lengths.swiss_prot_like(100)]
    rows = {
        "id": [f"P{i:05}" for i in range(len(proteins))],
        "sequence": proteins,
        "terms": [terms[i :: len(proteins)] for i in range(len(proteins))],
    }
    data = folder / "data"
    (data / "all").mkdir(parents=True)
    whole = pa.table(rows)
    parquet.write_table(whole, data / "all" / "train.parquet")  # every term is one of training
    parquet.write_table(whole.slice(0, 2), data / "all" / "test.parquet")
    checkpoint, export = folder / "checkpoint.pt", folder / "export"
    subprocess.run(
        [esmgo, "train", f"--base_model={base}", f"--dataset={data}", f"--ontology={ontology}",
         f"--checkpoint_path={checkpoint}", f"--run_dir_path={folder / 'board'}", "--num_epochs=1",
         "--batch_size=64", "--device=cpu", "--seed=1"],
        check=True, stdout=sys.stderr,
    )  # fmt: skip
    subprocess.run(
        [esmgo, "export", f"--checkpoint_path={checkpoint}", f"--output_dir={export}"],
        check=True,
        stdout=sys.stderr,
    )
    return checkpoint, export


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--size", choices=list(models.SIZES), default="t6_8M")
    parser.add_argument("--terms", type=int, default=25_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--models", type=Path, default=models.CACHE, help="folder for base models")
    parser.add_argument("--quick", action="store_true", help="1,000 terms, one round")
    given = parser.parse_args()
    if given.quick:
        given.terms, given.rounds = 1_000, 1
    one_thread()
    esmgo = str(Path(sysconfig.get_path("scripts")) / "esmgo")
    sequence = lengths.swiss_prot_like(1)[0]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        base = models.base_folder(given.size, given.models)
        say("making a checkpoint")
        checkpoint, export = made(folder, base, given.terms, esmgo)
        programs = {
            "transformers": [sys.executable, "-c", TRANSFORMERS, str(export), sequence],
            "esmgo rank": [esmgo, "rank", f"--checkpoint_path={checkpoint}",
                           f"--sequence={sequence}", "--top_k=5", "--device=cpu"],
            "esmgo --help": [esmgo, "--help"],
        }  # fmt: skip
        prepared = {name: lambda c=command: c for name, command in programs.items()}
        say("once, to fill the caches of files and bytecode")
        measured_in_turn(prepared, 1)
        runs = measured_in_turn(prepared, given.rounds)
    first = runs["transformers"]
    rows = [
        [name, f"{cpu:.2f}", f"{wall:.2f}", f"{memory:,.0f}",
         f"{first[1] / cpu:.1f}", f"{first[0] / wall:.1f}",
         {"esmgo rank": "2 × CPU", "esmgo --help": "0.3 s"}.get(name, "–")]
        for name, (wall, cpu, memory) in runs.items()
    ]  # fmt: skip
    print(head("First answer", versions(("esmgo", "torch", "transformers"))))
    print(f"Whole processes to the five best of {given.terms:,} terms for a protein of "
          f"{len(sequence)} residues, ESM2 {given.size} with random weights; medians of "
          f"{given.rounds} rounds in turn, files in the page cache.\n")  # fmt: skip
    columns = ["program", "CPU, s", "wall, s", "peak, MiB", "× CPU", "× wall", "aim"]
    print(table(columns, rows))


if __name__ == "__main__":
    main()
