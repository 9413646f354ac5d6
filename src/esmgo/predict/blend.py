"""The blend of a checkpoint: weights of the sources, and the calibration of blended scores.

`esmgo blend` fits it and stores it in the checkpoint; see `esmgo.blending.blending`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esmgo.errors import CheckpointError, brief, printable
from esmgo.evidence.source_scores import SourceScores, given_aspect
from esmgo.evidence.sources import EvidenceSource, parse_sources
from esmgo.go.labels import LabelSpace
from esmgo.go.terms import Aspect
from esmgo.go.truepath import climb
from esmgo.metrics.calibration import Calibration
from esmgo.model.checkpoint import Checkpoint
from esmgo.predict.bands import Bands
from esmgo.predict.calling import MIN_INFORMATION
from esmgo.predict.novelty import Features, Novelty
from esmgo.predict.regression import Stacker, feature_names
from esmgo.predict.residue_pairs import ResiduePairs
from esmgo.predict.stored_calibration import packed_calibration, unpacked_calibration

FORMAT, WITHOUT_NOVELTY = 5, 4
"""The version of stored blends, and the one before, which has no novelty."""

CONFIDENCE = 0.9
"""Probability that a promised precision holds, for each aspect, group and band."""


def key_of(aspect: Aspect | None) -> str:
    """Return the name of an aspect in JSON."""
    return aspect.name if aspect else "none"


@dataclass(frozen=True)
class Variant:
    """The blend of some sources.

    Parameters
    ----------
    sources : tuple of str
        Names of `esmgo.evidence.sources.SCORING`.
    stackers : dict of str to Stacker
        By aspect, see `key_of`; a single source has none; its scores are used directly.
    edges : tuple of float
        Lower edges, except the first, of the groups of proteins by `SourceScores.closeness`.
    bands : Bands
        The information of the terms.
    calibration : Calibration
        Calibration of the blended scores, by `Bands.kinds` and group.
    novelty : Novelty, optional
        None in a blend of an earlier version.
    """

    sources: tuple[str, ...]
    stackers: Mapping[str, Stacker]
    edges: tuple[float, ...]
    bands: Bands
    calibration: Calibration
    novelty: Novelty | None = None

    __repr__ = brief

    def blended(self, scores: SourceScores, labels: LabelSpace) -> NDArray[np.float32]:
        """Return the blended probabilities, shape=(N, T), without the true-path rule."""
        return blended(scores, labels, self.stackers)

    def groups(self, scores: SourceScores) -> NDArray[np.intp]:
        """Return the group of each protein by its closest training protein; shape=(N,)."""
        return np.searchsorted(self.edges, scores.closeness(self.sources), side="right")

    def precision_of(
        self, scores: NDArray[np.float32], group: NDArray[np.intp], labels: LabelSpace
    ) -> NDArray[np.float32]:
        """Return the calibrated precision of calls, shape=(N, T); NaN for roots."""
        return self.calibration.precision_of(scores, self.bands.kinds(labels), group)

    def decoy_rate_of(
        self, scores: NDArray[np.float32], group: NDArray[np.intp], labels: LabelSpace
    ) -> NDArray[np.float32]:
        """Return the calls of decoys for each call of a protein, shape=(N, T); NaN for roots."""
        return self.calibration.decoy_rate_of(scores, self.bands.kinds(labels), group)

    def thresholds(
        self,
        precision: float,
        group: NDArray[np.intp],
        labels: LabelSpace,
        min_information: float = MIN_INFORMATION,
    ) -> NDArray[np.float32]:
        """Return the lowest score that keeps a promised precision, shape=(N, T); inf if none does.

        Each promise of an aspect, group and band holds with probability `CONFIDENCE`. It concerns
        the whole band: terms of bands that begin below ``min_information`` have no threshold.
        Decoys are counted in the bands of informative terms.
        """
        band = np.arange(len(self.calibration.curve)) % len(self.bands)  # (K,)
        is_promised = band >= self.bands.first(min_information)
        found = self.calibration.thresholds_for(precision, CONFIDENCE, band > 0)  # (K, G)
        found[~is_promised] = np.inf
        found = np.vstack([found, np.full(found.shape[1], np.inf, np.float32)])  # for roots
        return found[self.bands.kinds(labels)].T[group]

    def is_promised(
        self,
        scores: NDArray[np.float32],
        group: NDArray[np.intp],
        labels: LabelSpace,
        precision: float,
        min_information: float = MIN_INFORMATION,
    ) -> NDArray[np.bool_]:
        """Return where a score reaches `thresholds`, or that of a descendant does; (N, T).

        A root is no call.
        """
        threshold = self.thresholds(precision, group, labels, min_information)  # (N, T)
        columns = np.ascontiguousarray((scores >= threshold).T, np.uint8)
        climb(columns, labels)
        columns[self.bands.kinds(labels) < 0] = 0
        return columns.T.astype(bool)

    def to_json(self) -> dict[str, Any]:
        """Return plain values; `from_json` takes them."""
        return {
            "sources": list(self.sources),
            "stackers": {key: stacker.to_json() for key, stacker in self.stackers.items()},
            "edges": list(self.edges),
            "calibration": packed_calibration(self.calibration),
            "novelty": self.novelty and self.novelty.to_json(),
        }

    @classmethod
    def from_json(
        cls,
        value: dict[str, Any],
        bands: Bands,
        n_aspects: int,
        pairs: ResiduePairs | None = None,
        width: int = 0,
    ) -> Variant:
        """Read a result of `to_json`; without ``pairs`` it has no novelty.

        ``width`` is that of the vectors of the model.

        Raises
        ------
        KeyError, TypeError, ValueError
            If ``value`` is anything else.
        """
        sources = parse_sources(value["sources"])
        stackers = {str(k): Stacker.from_json(v) for k, v in value["stackers"].items()}
        if not sources or any(feature_names(sources) - set(s.weights) for s in stackers.values()):
            raise ValueError("weights of other sources")
        edges = tuple(map(float, value["edges"]))
        n_kinds, n_groups = n_aspects * len(bands), len(edges) + 1
        found = unpacked_calibration(value["calibration"], n_kinds, n_groups)
        novelty = None
        if pairs is not None and value["novelty"] is not None:
            features = Features(pairs, sources, bands.is_informative)
            novelty = Novelty.from_json(value["novelty"], features, width)
        return cls(sources, stackers, edges, bands, found, novelty)


def blended(
    scores: SourceScores, labels: LabelSpace, stackers: Mapping[str, Stacker]
) -> NDArray[np.float32]:
    """Return blended probabilities, shape=(N, T), without the true-path rule.

    They are conditional on the protein having any term of the aspect. A root gets 0, which the
    true-path rule raises.
    """
    values = scores.head.copy()
    for aspect in labels.aspects:
        if key_of(aspect) in stackers:
            at, root, part = given_aspect(scores, labels, aspect)
            values[:, root] = 0
            values[:, at] = stackers[key_of(aspect)].probabilities(part)
    return values


@dataclass(frozen=True)
class Blend:
    """The variants that a checkpoint has, each for different sources."""

    num_neighbours: int
    variants: tuple[Variant, ...]

    __repr__ = brief

    def variant(self, sources: Sequence[str]) -> Variant | None:
        """Return the variant of exactly these sources, or None."""
        return next((v for v in self.variants if set(v.sources) == set(sources)), None)

    def widest(self, sources: Sequence[str]) -> Variant | None:
        """Return the variant with the largest subset of these sources, or None."""
        fit = (v for v in self.variants if set(v.sources) <= set(sources))
        return max(fit, key=lambda v: len(v.sources), default=None)

    def to_json(self) -> dict[str, Any]:
        """Return plain values; `from_json` takes them."""
        first = self.variants[0]
        return {
            "blend": FORMAT,
            "num_neighbours": self.num_neighbours,
            "bands": first.bands.to_json(),
            "residue_pairs": first.novelty and first.novelty.features.pairs.to_json(),
            "variants": [variant.to_json() for variant in self.variants],
        }

    def check_sources(self, available: Sequence[str], checkpoint: Checkpoint) -> None:
        """Raise CheckpointError if the index lacks a source of the blend; homology is optional."""
        needed = {name for variant in self.variants for name in variant.sources}
        if lacking := sorted(needed - {*available, EvidenceSource.HOMOLOGY.word}):
            reason = f"its blend needs {lacking[0]}, which its index lacks: run esmgo blend again"
            raise CheckpointError(checkpoint.path, reason)

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> Blend | None:
        """Read the blend of a checkpoint, or None if it has none.

        Raises
        ------
        CheckpointError
            If it is damaged, was written by another version, or names another model.
        """
        value = checkpoint.blend
        if value is None:
            return None
        if value.get("blend") not in (FORMAT, WITHOUT_NOVELTY):
            reason = (
                f"blend of format {printable(value.get('blend'), 20)}, of another version of esmgo"
            )
            raise CheckpointError(checkpoint.path, f"{reason}: esmgo blend fits a new one")
        if value.get("model_sha256", checkpoint.model_fingerprint) != checkpoint.model_fingerprint:
            raise CheckpointError(
                checkpoint.path, "its blend was fitted to another model: run esmgo blend again"
            )
        try:
            labels = checkpoint.labels
            bands = Bands.from_json(value["bands"], len(labels))
            of_pairs = value["residue_pairs"] if value["blend"] == FORMAT else None
            pairs = None if of_pairs is None else ResiduePairs.from_json(of_pairs)
            shape = len(labels.aspects), pairs, int(checkpoint.encoder["hidden_size"])
            each = (Variant.from_json(v, bands, *shape) for v in value["variants"])
            found = cls(int(value["num_neighbours"]), tuple(each))
            if found.num_neighbours < 1:
                raise ValueError("num_neighbours below 1")
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise CheckpointError(
                checkpoint.path, f"damaged blend ({printable(error, 50)}): run esmgo blend again"
            ) from None
        return found
