"""Checks before training: settings, checkpoint and data set, most of them before torch loads."""

from __future__ import annotations

import logging
from collections.abc import Collection
from contextlib import nullcontext
from dataclasses import fields, replace
from pathlib import Path

from esmgo.data.download import locate_ontology
from esmgo.dataset.opening import Dataset, locate_dataset, open_dataset
from esmgo.errors import NOTICE, CheckpointError, UsageError, printable
from esmgo.files.atomic import refusal
from esmgo.files.output import check_free, exclusive, is_stream
from esmgo.files.source import is_folder
from esmgo.learn.config import FREE, Fitted, TrainConfig
from esmgo.learn.ranks import Ranks, joined
from esmgo.model.bases import locate_base
from esmgo.model.checkpoint import Checkpoint, open_checkpoint
from esmgo.model.container import best_path, files_of, is_container
from esmgo.predict.provenance import described

log = logging.getLogger(__name__)


def fit(config: TrainConfig, given: Collection[str] | None = None) -> Fitted:
    """Fine-tune a caller.

    Parameters
    ----------
    config : TrainConfig
        Base model, data set, hyperparameters and output path.
    given : collection of str, optional
        With ``resume``: names of the settings that the user chose; the checkpoint supplies
        all others. If omitted, the settings that differ from their defaults.

    Returns
    -------
    Fitted
        Paths of the last and the best checkpoint, with Fmax per aspect.

    Raises
    ------
    EsmgoError
        A subclass; `esmgo.errors` lists them with their exit codes.
    """
    with joined(config.device) as ranks:
        return _fit(config, given, ranks)


def _fit(config: TrainConfig, given: Collection[str] | None, ranks: Ranks) -> Fitted:
    path = Path(config.checkpoint_path)
    if config.resume and is_folder(path):
        open_checkpoint(path)  # raises; the message describes the folder
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise refusal(path.parent, error) from error
    check_free(path, overwrite=True, field="checkpoint_path")
    if is_stream(path):
        raise UsageError(f"{printable(path, 90)} is not a file; name one", "checkpoint_path")
    files = *files_of(path), best_path(path)
    writes = exclusive(files, overwrite=True, field="checkpoint_path")
    with writes if ranks.is_first else nullcontext():
        previous = None
        if config.resume and path.exists():
            previous = open_checkpoint(path)
            config = _continued(config, previous, _on_purpose(config) if given is None else given)
        elif config.resume:
            log.warning("no checkpoint at %s yet: starting from the beginning", printable(path))
        else:
            _name_replaced(files)
        with ranks.one_by_one():  # downloads
            base = None if previous else locate_base(config.base_model, config.revision)
            source = locate_dataset(config.dataset, config.dataset_subset)
            ontology_path = None
            if config.ontology:
                ontology_path = locate_ontology(config.ontology, allow_http=config.allow_http)
        from esmgo.learn.loop import train  # torch takes seconds to import
        from esmgo.model.device import choose_device, fast_arithmetic

        with fast_arithmetic():  # before torch starts its threads
            device = ranks.place(choose_device(config.device))
            data = _read(config, source, ontology_path, previous)
            if previous:
                _refuse_changed_data(previous, data)
            return train(config, device, data, base, previous, ranks)


def _name_replaced(files: tuple[Path, ...]) -> None:
    """Log which checkpoint, if any, the training will replace; refuse to replace other files."""
    for path in files:
        if path.is_file() and not is_container(path):
            reason = f"{printable(path, 70)} is not a checkpoint, so it is not replaced"
            raise UsageError(f"{reason}; move it, or choose another path", "checkpoint_path")
    path = files[0]
    if path.exists():
        try:
            found = described(open_checkpoint(path))
        except CheckpointError:
            found = f"{printable(path, 60)}, which is not a checkpoint of this version"
        log.log(NOTICE, "this training replaces %s", found)


def _read(
    config: TrainConfig, source: str, ontology_path: Path | None, previous: Checkpoint | None
) -> Dataset:
    ontology = None
    if ontology_path:
        from esmgo.go.obo import read_obo

        log.debug("Reading the ontology ...")
        ontology = read_obo(ontology_path)
    log.debug("Reading the data set ...")
    data = open_dataset(
        source,
        config.dataset_subset,
        ontology=ontology,
        eval_ratio=config.eval_ratio,
        min_term_count=config.min_term_count,
        drop_unknown_terms=config.drop_unknown_terms,
        strict=config.strict,
        validation_ids=previous.training["validation"] if previous else None,
    )
    for line in data.report.lines():
        log.warning("%s", line)
    if data.n_left_out:
        log.warning("proteins without a term of %s, left out: %d", data.subset, data.n_left_out)
    if data.n_unseen:
        log.warning(
            "validation annotations of terms without a training protein, not counted: %d",
            data.n_unseen,
        )
    return data


def _on_purpose(config: TrainConfig) -> set[str]:
    return {each.name for each in fields(config) if getattr(config, each.name) != each.default}


def _continued(config: TrainConfig, previous: Checkpoint, given: Collection[str]) -> TrainConfig:
    """Take settings that were not given from the checkpoint; refuse forbidden changes.

    Settings that an old checkpoint lacks had their default values; ``dtype`` was ``precision``.
    """
    if not previous.training:
        raise CheckpointError(previous.path, "packed to predict only; it cannot be resumed")
    if "validation" not in previous.training:
        raise CheckpointError(previous.path, "it does not list the held-out proteins")
    defaults = {each.name: each.default for each in fields(TrainConfig)}
    settings = previous.training["settings"]
    stored = defaults | {"dtype" if k == "precision" else k: v for k, v in settings.items()}
    changed = [
        f"`{name}` (was {printable(stored[name], 30)})"
        for name in sorted(given)
        if name in stored and name not in FREE and getattr(config, name) != stored[name]
    ]
    if changed:
        reason = f"cannot change {', '.join(changed)}: leave it out or train from scratch"
        raise UsageError(reason, field="resume")
    kept = {"checkpoint_path", "resume", "shard_weights", *given}
    return replace(config, **{k: v for k, v in stored.items() if k not in kept and k in defaults})


def _refuse_changed_data(previous: Checkpoint, data: Dataset) -> None:
    training = previous.training
    if previous.labels.fingerprint != data.labels.fingerprint:
        raise UsageError(
            "is impossible: data set or ontology changed: label space"
            f" {data.labels.fingerprint[:12]}, the checkpoint has"
            f" {previous.labels.fingerprint[:12]} (GO {previous.labels.release})",
            field="resume",
        )
    if training["dataset_sha256"] != data.fingerprint:
        raise UsageError(
            f"is impossible: the data set changed: fingerprint {data.fingerprint[:12]}, the"
            f" checkpoint was trained on {printable(training['dataset_sha256'], 12)};"
            f" {_cure(training.get('dataset_revision'))}",
            field="resume",
        )


def _cure(revision: str | None) -> str:
    if revision is None:
        return "train from scratch"
    return f"`dataset=NAME@{printable(revision, 41)}` is that one"
