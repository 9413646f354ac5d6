"""Random proteins with and without a motif, and `esmgo explain` on them."""

import numpy as np

from esmgo.cli.main import main
from esmgo.data.fasta import Protein
from esmgo.evidence.relatives import Sources
from esmgo.explanation.explaining import explained
from esmgo.explanation.explanation import Explanation
from esmgo.go.labels import LabelSpace
from esmgo.go.terms import Aspect, Term
from esmgo.predict.predictor import Predictor
from esmgo.predict.scorer import Scorer

LETTERS = list("LAGVSERTIDPKQNFYMHWC")
MOTIF = "HWCYMHCWFY"
TERMS = tuple(
    Term(f"GO:000000{i}", name, Aspect.MF)
    for i, name in enumerate(["root of all", "motif binding", "strong motif binding"], 1)
)
LABELS = LabelSpace(TERMS, ((), (0,), (1,)), "test")


def sequence(n: int, seed: int) -> str:
    """A random protein, the same for each length and seed."""
    return "".join(np.random.default_rng([seed, n]).choice(LETTERS, n))


def shuffled(random: np.random.Generator) -> str:
    """The motif's residues in another order: composition tells nothing."""
    return "".join(random.permutation(list(MOTIF)))


def planted(seed: int, motif: str, n: int = 100) -> tuple[str, int]:
    """A random protein of ``n`` residues with a motif in it, and where."""
    random = np.random.default_rng(seed)
    letters, at = random.choice(LETTERS, n), int(random.integers(0, n - len(motif)))
    letters[at : at + len(motif)] = list(motif)
    return "".join(letters), at


def explained_text(capsysbinary, checkpoint, *words) -> tuple[int, str, str]:
    """Explain with these flags; return exit code, standard output and standard error."""
    code = main(["explain", f"--checkpoint_path={checkpoint}", "--device=cpu", *words])
    captured = capsysbinary.readouterr()
    return code, captured.out.decode(), captured.err.decode()


def card(scorer: Scorer, protein: Protein, column: int = 1) -> Explanation:
    """The explanation of one term by a network alone."""
    (found,) = explained(Predictor(scorer, Sources(scorer.labels, None)), [protein], column)
    return found
