"""Two minutes offline: call three famous proteins, draw one, then train your own caller.

First the bundled caller, trained on real proteins, ranks the terms of three proteins in seconds.
Then the small embedded encoder is trained on the embedded synthetic proteins, and ranks the terms
of a protein with zinc fingers that is not in its training set. All output is in ``quickstart/``.
"""

import subprocess
import sys
import time
from pathlib import Path

import esmgo
from esmgo.data.famous import famous_path
from esmgo.dataset.sample import SampleRow, example
from esmgo.model.bundled import FOLDER as BUNDLED

FOLDER = Path("quickstart")
CHECKPOINT = FOLDER / "checkpoint.pt"
TRAIN = [
    "fine-tune.py", "--base_model=tiny", "--dataset=sample", "--unfreeze_last_k_layers=2",
    "--num_epochs=12", "--learning_rate=1.5e-3", "--batch_size=8",
    "--gradient_accumulation_steps=1", "--dropout=0", "--eval_interval=6", "--eval_ratio=1",
    "--dtype=fp32", "--seed=1", "--device=cpu", f"--checkpoint_path={CHECKPOINT}",
    f"--run_dir_path={FOLDER / 'runs'}",
]  # fmt: skip
EXPECTED = ("zinc ion binding", "DNA-binding transcription factor activity")
CALLED = 0.5  # a quarter of the training proteins, or fewer, have these terms
N_FAMOUS = 3  # p53, CDK2, haemoglobin alpha

HONEST = """
The bundled caller is a small model that was trained on real proteins, including these three.
They show the form of the results, not their accuracy. docs/model_card.md reports the accuracy on
proteins without a relative in the training set.
"""

NEXT = """
This example trained a small encoder, which was never pretrained, on synthetic proteins.
With ESM2 and real data (needs the Hugging Face hub; a GPU is recommended):

  {python} fine-tune.py --ontology=https://purl.obolibrary.org/obo/go/go-basic.obo
  {python} predict-rank.py

Your own data: {python} -m esmgo build --help      Your own model folder: --base_model=FOLDER
"""


def run(*words: str) -> None:
    """Print a command, run it, and print its output."""
    print(f"\n$ {sys.executable.replace(str(Path.cwd()) + '/', '')} {' '.join(words)}", flush=True)
    with subprocess.Popen(
        [sys.executable, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as process:
        for line in process.stdout:
            print(line, end="", flush=True)
    if process.returncode:
        sys.exit(process.returncode)


def draw(*words: str) -> Path:
    """Draw a subgraph as SVG; return its path."""
    name, *rest = words
    picture = FOLDER / f"{name}.svg"
    run("-m", "esmgo", "subgraph", *rest, "--device=cpu", f"--output={picture}", "--overwrite")
    return picture


def call_famous() -> None:
    """Call three famous proteins with the bundled caller, and draw the first."""
    start = time.monotonic()
    if not BUNDLED.is_dir():
        print("The bundled caller is not installed: the famous proteins are skipped.")
        return
    proteins = list(esmgo.read_fasta(famous_path()))[:N_FAMOUS]
    fasta = FOLDER / "famous.fasta"
    fasta.write_text("".join(f">{p.id}\n{p.sequence}\n" for p in proteins), encoding="ascii")
    where = ["--checkpoint_path=bundled", f"--fasta={fasta}"]
    run("-m", "esmgo", "rank", *where, "--device=cpu", "--top_k=15")
    picture = draw("famous", *where, f"--protein={proteins[0].id}", "--top_k=15")
    print(f"\n{time.monotonic() - start:.0f} seconds. Open {picture} to see the subgraph of p53.")
    print(HONEST)


def called(protein: SampleRow) -> dict[str, float]:
    """Return the probability of every term, by name; this is `esmgo rank` in Python."""
    predictor = esmgo.Predictor.load(CHECKPOINT, device="cpu")
    (prediction,) = predictor.predict([esmgo.Protein(protein["id"], protein["sequence"])])
    return {term.name: probability for term, probability in prediction.top(len(predictor.labels))}


def train_and_call() -> None:
    """Train the tiny caller, rank a protein with zinc fingers, draw it."""
    run(*TRAIN)
    protein = example("zinc finger")
    fasta = FOLDER / "zinc_finger.fasta"
    fasta.write_text(f">{protein['id']} synthetic\n{protein['sequence']}\n", encoding="ascii")
    where = [f"--checkpoint_path={CHECKPOINT}", f"--fasta={fasta}"]
    run("-m", "esmgo", "rank", *where, "--device=cpu", "--top_k=15")
    picture = draw("subgraph", *where, "--top_k=50")
    probabilities = called(protein)
    for name in EXPECTED:
        print(f"{name}: {probabilities[name]:.2f}")
    if min(probabilities[name] for name in EXPECTED) < CALLED:
        sys.exit("quickstart: error: the expected terms of the zinc fingers were not called")
    print(f"\nThe zinc fingers were recognised. Open {picture} to see the subgraph.")


def main() -> None:
    """Call, train, call again, and print the next steps."""
    start = time.monotonic()
    FOLDER.mkdir(exist_ok=True)
    call_famous()
    train_and_call()
    print(f"{time.monotonic() - start:.0f} seconds in all.")
    print(NEXT.format(python=sys.executable.replace(str(Path.cwd()) + "/", "")))


if __name__ == "__main__":
    main()
