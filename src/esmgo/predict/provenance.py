"""Where a checkpoint comes from, in one line: base, data set, GO release, date, calibration."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from esmgo.errors import printable
from esmgo.model.bundled import is_bundled
from esmgo.model.checkpoint import Checkpoint

_BUNDLED = "base of its own, 6.5M weights · trained on CAFA 6 train (UniProt-GOA 2025-06)"
"""What the bundled checkpoint does not contain; docs/model_card.md."""


def described(checkpoint: Checkpoint) -> str:
    """Return one line of under 150 characters about a checkpoint.

    It has the file's name, the base model, the data set, the GO release, the epoch, the time at
    which the file was written, and whether it is calibrated.
    """
    labels, training = checkpoint.labels, checkpoint.training
    release = printable(labels.release.partition(" (")[0], 20) or "of unknown release"
    calibration = "calibrated" if checkpoint.blend else "not calibrated"
    if is_bundled(checkpoint.path):
        return f"bundled caller · {_BUNDLED} · GO {release} · {calibration}"
    settings = training.get("settings", {})
    base, dataset, subset = (
        printable(Path(str(settings.get(name, "unknown"))).name, 22)
        for name in ("base_model", "dataset", "dataset_subset")
    )
    epoch = f" · epoch {training['epoch']}" if training else ""
    written = dt.datetime.fromtimestamp(checkpoint.header.path.stat().st_mtime)
    return (
        f"{printable(checkpoint.path, 40)} · base {base} · trained on {dataset}"
        f"{'' if subset in ('all', 'unknown') else f' ({subset})'} · GO {release}{epoch}"
        f" · {written:%Y-%m-%d %H:%M} · {calibration}"
    )
