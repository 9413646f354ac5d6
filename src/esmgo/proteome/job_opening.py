"""The predictor of a job, and the job that a predictor and its settings make."""

from __future__ import annotations

import datetime as dt
from dataclasses import fields
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from esmgo.data.rejects import ReadReport
from esmgo.go.calls import Purpose
from esmgo.predict.calling import CallRules
from esmgo.predict.inputs import announce, open_named, open_predictor
from esmgo.proteome.config import PredictConfig
from esmgo.proteome.job import Job

if TYPE_CHECKING:
    from esmgo.predict.predictor import Predictor

_IRRELEVANT = frozenset({
    "input", "output", "overwrite", "resume", "shard", "strict", "rejects", "rejects_ok",
    "checkpoint_path", "homology", "engine", "address", "num_actors", "num_gpus", "stall_minutes",
})  # fmt: skip
"""Settings that do not affect the calls, or that a job records elsewhere."""


def open_job(
    config: PredictConfig, report: ReadReport, n_proteins: int, proteins: str, n_blocks: int
) -> tuple[Predictor, CallRules, Job]:
    """Load the checkpoint; return the predictor, its conditions for a call, and the job.

    ``proteins`` is their digest. ``report`` gets rejected records of ``homology``. Raises the
    errors of `open_predictor`, and UsageError if a setting does not fit the checkpoint.
    """
    from esmgo.evidence.sources import EvidenceSource
    from esmgo.model.device import choose_device, resolved  # torch takes seconds

    device = choose_device(config.device)
    checkpoint = open_named(config.checkpoint_path)
    predictor = open_predictor(
        checkpoint,
        device=str(device),
        context_length=config.context_length,
        dtype=config.dtype,
        sources=config.sources,
        homology=config.homology,
        report=report,
    )
    announce(checkpoint, config.checkpoint_path)
    labels = predictor.labels
    if config.shard is None:
        config.check_labels(labels)
    length = predictor.scorer.context_length
    exact = {
        "context_length": length,
        "device": device.type,
        "dtype": resolved(device, config.dtype),
    }
    predictor.check_novelty(config.max_novelty)
    variant = predictor.variant
    rules = config.rules(
        is_calibrated=variant is not None,
        has_novelty=variant is not None and variant.novelty is not None,
    )
    job = Job(
        version=version("esmgo"),
        model=predictor.fingerprint,
        labels=labels.fingerprint,
        proteins=proteins,
        n_proteins=n_proteins,
        options=_options(config) | exact | {"max_novelty": next(iter(rules.values())).max_novelty},
        kept={p.word: str(each) for flags, each in rules.items() for p in Purpose if p in flags},
        sources=tuple(source.word for source in EvidenceSource),
        shard=config.part_of(),
        date=dt.date.today().isoformat(),
        n_blocks=n_blocks,
    )
    return predictor, CallRules(rules, labels), job


def _options(config: PredictConfig) -> dict[str, Any]:
    """Return the settings that determine the calls and their output, as plain values."""
    names = sorted({each.name for each in fields(config)} - _IRRELEVANT)
    rules = next(iter(config.rules().values()))
    plain = {"aspect": [a.name for a in rules.aspects] or None, "min_score": rules.min_score}
    return {name: getattr(config, name) for name in names} | plain
