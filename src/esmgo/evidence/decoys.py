"""Decoys: sequences without a function, made from those of proteins.

The calls that a decoy gets show what a caller calls without evidence.

References
----------
Altschul and Erickson, Molecular Biology and Evolution 2:526 (1985): shuffling that keeps pairs.
Wilson, STOC 28:296 (1996): uniform random trees, by which every order is equally likely.
"""

from __future__ import annotations

import hashlib
from itertools import pairwise

import numpy as np

from esmgo.errors import UsageError, printable
from esmgo.evidence.blosum import FREQUENCY, RESIDUES

KINDS = ("shuffled", "reversed", "pairs", "random")
"""How decoys are made; see `decoy`."""


def decoy(sequence: str, kind: str, random: np.random.Generator | None = None) -> str:
    """Return a decoy of the same length.

    Parameters
    ----------
    sequence : str
        Residues.
    kind : str
        ``shuffled``: the residues in a random order. ``reversed``: from the last to the first.
        ``pairs``: in a random order with the same first and last residue and the same number of
        each pair of adjacent residues; all such orders are equally likely. ``random``: residues
        drawn with their frequencies in Swiss-Prot.
    random : numpy.random.Generator, optional
        When left out, the sequence and the kind determine the decoy, on every machine.

    Raises
    ------
    UsageError
        If the kind is none of `KINDS`.
    """
    if random is None:
        digest = hashlib.sha256(f"{kind}\n{sequence}".encode()).digest()
        random = np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))
    match kind:
        case "shuffled":
            return "".join(random.permutation(list(sequence)).tolist())
        case "reversed":
            return sequence[::-1]
        case "pairs":
            return _with_same_pairs(sequence, random)
        case "random":
            cumulative = np.cumsum(FREQUENCY)
            drawn = np.searchsorted(cumulative, random.random(len(sequence)) * cumulative[-1])
            return "".join(RESIDUES[i] for i in drawn)
    raise UsageError(f"no kind of decoys: {printable(kind, 40)}; choose {', '.join(KINDS)}")


def _with_same_pairs(sequence: str, random: np.random.Generator) -> str:
    """Return a random walk that follows each pair of adjacent residues once: an Eulerian path.

    The last step from each residue is drawn first. These steps form a tree towards the last
    residue of the sequence. The order of the other steps does not matter.
    """
    if len(sequence) < 3:
        return sequence
    after: dict[str, list[str]] = {}
    for here, there in pairwise(sequence):
        after.setdefault(here, []).append(there)
    exits = {here: [each for each in steps if each != here] for here, steps in after.items()}
    last_step: dict[str, str] = {}
    in_tree = {sequence[-1]}
    for start in after:
        here = start
        while here not in in_tree:  # a random walk; a later exit replaces an earlier one
            last_step[here] = exits[here][random.integers(len(exits[here]))]
            here = last_step[here]
        here = start
        while here not in in_tree:
            in_tree.add(here)
            here = last_step[here]
    for here, steps in after.items():
        if here in last_step:
            steps.remove(last_step[here])
        steps[:] = random.permutation(steps).tolist()
        if here in last_step:
            steps.append(last_step[here])
    left = {here: iter(steps) for here, steps in after.items()}
    found = [sequence[0]]
    for _ in range(len(sequence) - 1):
        found.append(next(left[found[-1]]))
    return "".join(found)
