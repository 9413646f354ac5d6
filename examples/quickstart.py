"""From nothing to called terms in two minutes, offline: train, rank, draw.

Trains the small embedded encoder on the embedded synthetic proteins, ranks the terms of a
protein with zinc fingers that it has never seen, and draws their GO subgraph. Everything is
written to ``quickstart/``.
"""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import esmgo
from esmgo.data.sample import SampleRow, example

FOLDER = Path("quickstart")
CHECKPOINT = FOLDER / "checkpoint.pt"
TRAIN = [
    "fine-tune.py", "--base_model=tiny", "--dataset=sample", "--unfreeze_last_k_layers=2",
    "--num_epochs=12", "--learning_rate=1.5e-3", "--batch_size=8",
    "--gradient_accumulation_steps=1", "--dropout=0", "--eval_interval=6", "--eval_ratio=1",
    "--precision=fp32", "--seed=1", "--device=cpu", f"--checkpoint_path={CHECKPOINT}",
    f"--run_dir_path={FOLDER / 'runs'}",
]  # fmt: skip
EXPECTED = ("zinc ion binding", "DNA-binding transcription factor activity")
CALLED = 0.5  # a quarter of the training proteins, or fewer, have these terms

NEXT = """
What you saw is a toy: synthetic proteins, a small encoder that knows no biology.
With the real ESM2 and the real data (needs the Hugging Face hub; better a GPU):

  {python} fine-tune.py --ontology=https://purl.obolibrary.org/obo/go/go-basic.obo
  {python} predict-rank.py

Your own data: {python} -m esmgo build --help      Your own model folder: --base_model=FOLDER
"""


def run(*words: str) -> None:
    """Show a command, run it, and pass on what it prints."""
    print(f"\n$ {sys.executable.replace(str(Path.cwd()) + '/', '')} {' '.join(words)}", flush=True)
    with subprocess.Popen(
        [sys.executable, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as process:
        for line in process.stdout:
            print(line, end="", flush=True)
    if process.returncode:
        sys.exit(process.returncode)


def called(protein: SampleRow) -> dict[str, float]:
    """Return the probability of every term, by name: the same as above, from Python."""
    predictor = esmgo.Predictor.load(CHECKPOINT, device="cpu")
    (prediction,) = predictor.predict([esmgo.Protein(protein["id"], protein["sequence"])])
    return {term.name: probability for term, probability in prediction.top(len(predictor.labels))}


def main() -> None:
    """Train, rank, draw, and say what comes next."""
    start = time.monotonic()
    FOLDER.mkdir(exist_ok=True)
    run(*TRAIN)
    protein = example("zinc finger")
    fasta = FOLDER / "zinc_finger.fasta"
    fasta.write_text(f">{protein['id']} synthetic\n{protein['sequence']}\n", encoding="ascii")
    where = [f"--checkpoint_path={CHECKPOINT}", f"--fasta={fasta}", "--device=cpu"]
    run("-m", "esmgo", "rank", *where, "--top_k=50")
    picture = FOLDER / ("subgraph.svg" if shutil.which("dot") else "subgraph.html")
    run("-m", "esmgo", "subgraph", *where, f"--output={picture}", "--top_k=50", "--overwrite")
    probabilities = called(protein)
    for name in EXPECTED:
        print(f"{name}: {probabilities[name]:.2f}")
    if min(probabilities[name] for name in EXPECTED) < CALLED:
        sys.exit("quickstart: the terms of the zinc fingers should have been called")
    print(f"\nThe zinc fingers were recognised. Open {picture} to see the subgraph.")
    print(f"{time.monotonic() - start:.0f} seconds.")
    print(NEXT.format(python=sys.executable.replace(str(Path.cwd()) + "/", "")))


if __name__ == "__main__":
    main()
