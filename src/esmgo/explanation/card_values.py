"""The evidence card of one term of one protein as plain values, and what its numbers mean."""

from __future__ import annotations

import math
from typing import Any

from esmgo.explanation.carriers import FEW, MOST, Relative, Training
from esmgo.explanation.explanation import Call, Explanation
from esmgo.go.terms import Term

SCHEMA_VERSION = 2
"""Version of the JSON form. It grows when old readers would misread it."""

NOTES = {
    "score": "as esmgo rank and esmgo predict give it with the same settings; at least that of"
    " every term below (the true-path rule). A term that is not called, or not annotated, is no"
    " evidence that the protein lacks the function.",
    "precision": "the part of such calls that is in the annotations of proteins kept back.",
    "decoy rate": "the calls at or above the score that decoys, such as shuffled sequences, get"
    " for each one of a real protein.",
    "information": "-log2 of the part of the training proteins with any term of the aspect that"
    " have this one. A term of few bits applies to many proteins.",
    "novelty": "how unlike the training proteins the protein is: the probability that such a"
    " sequence is a decoy, if both are equally frequent.",
    "sources": "the log-odds of the score, less those from the term's frequency alone, divided"
    " among the sources (Shapley values). A source adds nothing where it scores the term as its"
    " frequency.",
    "nearest": "training proteins that vote and are annotated in the aspect, by alignment, then"
    " by votes. Similarity by source: neighbours, the cosine of the network's embeddings; kmers,"
    " the cosine of the sets of k-mers; homology, bits of an alignment.",
    "verdict": "contradicted: of the alignment scores of these proteins, the carriers have less"
    f" than {100 * FEW:.0f} %. Else little to explain: precision (or score) below .5. Else"
    f" supported: the carriers have at least {100 * MOST:.0f} %, or the masking test supports the"
    " marked residues. Else not supported.",
    "attribution": "what each residue adds to the network's own score on the path from a protein"
    " of unknown residues. It shows what the network used, not how a protein works, and nothing"
    " of what the other sources add.",
    "p": "the share of masks, random ones and this one, that lower the score at least as much.",
}
"""What the numbers of a card mean."""

_DIGITS = 6


def to_json(found: Explanation) -> dict[str, Any]:
    """Return a card as plain values; residues are counted from 1."""
    call, track, test = found.call, found.track, found.masking
    return {
        "protein": found.protein_id,
        "length": len(found.sequence),
        "term": _term(found.term),
        "score": _rounded(call.score),
        "precision": _rounded(call.precision),
        "decoy_rate": _rounded(call.decoy_rate),
        "information": _rounded(call.information),
        "novelty": _rounded(call.novelty),
        "best_precision": _rounded(call.best_precision),
        "own_score": _rounded(call.own_score),
        "scored_term": _term(call.source),
        "similarity": {name: _rounded(value) for name, value in call.similarity.items()},
        "decomposition": _decomposition(call),
        "ancestors": [
            _term(each.term)
            | {"parents": list(each.parents), "depth": each.depth, "score": _rounded(each.score)}
            for each in found.ancestors
        ],
        "training": found.training and _training(found.training),
        "network": {
            "probability": _rounded(found.probability),
            "own_probability": _rounded(found.own_probability),
            "explained_term": _term(found.explained),
            "track": {
                "method": "integrated gradients",
                "baseline": "all residues X",
                "first_residue": track.first,
                "last_residue": track.last,
                "score": _rounded(track.score),
                "baseline_score": _rounded(track.baseline),
                "gap": _rounded(track.gap),
                "is_complete": track.is_complete,
                "n_steps": track.n_steps,
                "attribution": [_rounded(float(value)) for value in track.values],
                "marked": (track.first + track.marked).tolist(),
            },
            "masking": {
                "fall": _rounded(test.fall),
                "random_falls": [_rounded(float(fall)) for fall in test.random],
                "p_value": _rounded(test.p_value),
            },
        },
        "verdict": found.verdict,
        "sentence": found.sentence,
        "remarks": found.remarks,
    }


def _decomposition(call: Call) -> dict[str, Any] | None:
    found = call.decomposition
    if found is None:
        return None
    return {
        "base": _rounded(found.base),
        "parts": {name: _rounded(value) for name, value in found.parts.items()},
        "log_odds": _rounded(found.log_odds),
    }


def _training(training: Training) -> dict[str, Any]:
    return {
        "n_proteins": training.n_proteins,
        "n_carriers": training.n_carriers,
        "n_voting": training.n_voting,
        "n_voting_carriers": training.n_voting_carriers,
        "n_aligned": training.n_aligned,
        "n_aligned_carriers": training.n_aligned_carriers,
        "agreement": _rounded(training.agreement),
        "carriers": list(map(_relative, training.carriers)),
        "others": list(map(_relative, training.others)),
    }


def _relative(relative: Relative) -> dict[str, Any]:
    found = relative.alignment
    return {
        "protein": relative.id,
        "similarity": {name: _rounded(value) for name, value in relative.similarity.items()},
        "length": relative.length or None,
        "alignment": found
        and {
            "bits": _rounded(relative.bits),
            "identity": _rounded(found.identity),
            "n_columns": found.n_columns,
            "query": [found.query_start + 1, found.query_end],
            "subject": [found.subject_start + 1, found.subject_end],
        },
    }


def _term(term: Term) -> dict[str, Any]:
    return {
        "id": term.id, "name": term.name, "aspect": term.aspect.name if term.aspect else None,
    }  # fmt: skip


def _rounded(value: float) -> float | None:
    """Return a value with six decimals; None for one that is not known."""
    return None if math.isnan(value) else round(value, _DIGITS)
