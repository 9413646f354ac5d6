"""The bundled caller: a checkpoint and its index that are installed with the program.

It is used if none is given or at the usual path. `recipes/bundled_caller.py` makes it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from esmgo.errors import CheckpointError
from esmgo.files.uses import Use
from esmgo.model.container import files_of, index_path
from esmgo.options import option

FOLDER = Path(__file__).parents[1] / "bundled"

USUAL = "./checkpoints/checkpoint.pt"
"""The path of the checkpoint for training and prediction, unless one is given."""

BUNDLED = "bundled"
"""The value of ``checkpoint_path`` that selects the bundled caller."""

CONTEXT_LENGTH = 1024
"""Tokens per window by default, for all callers but the bundled one."""


def reads_checkpoint(_: object, given: str | None) -> Iterator[Use]:
    """Yield the paths of a checkpoint, if one is given, and of its index."""
    if given is not None:
        path = _chosen(given)
        last = path.parent / path.name.replace(".best", "", 1)  # may share its index
        yield from (Use(str(each), "read") for each in (*files_of(path), index_path(last)))


def checkpoint_option() -> Any:
    """Declare the option ``checkpoint_path`` of all verbs that need a trained caller."""
    return option(
        None,
        f"The path to the training checkpoint; {BUNDLED} is the caller that came with the program.",
        default_text=f"{USUAL}, or the bundled caller if there is none",
        uses=lambda config, given: reads_checkpoint(config, str(_chosen(given))),
    )


def bundled_path() -> Path:
    """Return the bundled caller's checkpoint.

    Raises CheckpointError if the installation has none.
    """
    path = _checkpoint()
    if not path.is_file():
        raise CheckpointError(
            path, "this installation has no bundled caller; give `checkpoint_path=FILE`"
        )
    return path


def card_path() -> Path:
    """Return the path of the bundled caller's card: its description and expected scores."""
    return FOLDER / "card.json"


def checkpoint_or_bundled(given: str | None) -> Path:
    """Return the checkpoint to use: the one given, else the usual one, else the bundled one.

    If none exists, the usual path is returned, so that opening it raises the error. ``given`` is
    `BUNDLED` or a path. Raises CheckpointError if nothing is there, or if the bundled caller is
    requested by name and not installed.
    """
    path = _chosen(given)
    if is_bundled(path):
        return bundled_path()
    if given is not None and _is_absent(path) and _checkpoint().is_file():
        raise CheckpointError(
            path,
            f"no checkpoint there; fine-tune.py makes one, `checkpoint_path={BUNDLED}` is the"
            " caller that came with esmgo",
        )
    return path


def is_bundled(path: Path) -> bool:
    """Whether a checkpoint is the bundled one."""
    return path == _checkpoint()


def context_of(path: Path, given: int | None) -> int | None:
    """Return the tokens per window to use; None (for the bundled caller) means as in training."""
    return CONTEXT_LENGTH if given is None and not is_bundled(path) else given


def _chosen(given: str | None) -> Path:
    if given is None:
        is_missing = not os.path.lexists(USUAL)
        return _checkpoint() if is_missing and _checkpoint().is_file() else Path(USUAL)
    return _checkpoint() if given == BUNDLED else Path(given)


def _is_absent(path: Path) -> bool:
    """Whether there is certainly nothing at a path; opening it gives any other reason."""
    try:
        path.lstat()
    except FileNotFoundError:
        return True
    except (OSError, ValueError):
        pass
    return False


def _checkpoint() -> Path:
    return FOLDER / "caller.safetensors"
