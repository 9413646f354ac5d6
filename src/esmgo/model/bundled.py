"""The bundled caller: a checkpoint and its index that came with the program.

Where it lies, and when it is asked: where no checkpoint is named and none stands at the usual
place. Nothing here knows what is in it; `recipes/bundled_caller.py` makes it.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from esmgo.errors import CheckpointError
from esmgo.options import option

log = logging.getLogger(__name__)

FOLDER = Path(__file__).parents[1] / "bundled"

USUAL = "./checkpoints/checkpoint.pt"
"""Where training leaves its checkpoint, and where one is looked for."""

BUNDLED = "bundled"
"""What ``checkpoint_path`` calls the bundled caller."""

CONTEXT_LENGTH = 1024
"""Tokens per window, of any caller but the bundled one."""

NOTICE = (logging.INFO + logging.WARNING) // 2
"""The level of a line that is no warning, and no result either: standard error."""


def checkpoint_option() -> Any:
    """Declare ``checkpoint_path``, as all verbs have it that need a trained caller."""
    return option(
        None,
        f"The path to the training checkpoint; {BUNDLED} is the caller that came with the program.",
        default_text=f"{USUAL}, and where there is none the bundled caller",
    )


def bundled_path() -> Path:
    """Return the bundled caller's checkpoint.

    Raises
    ------
    CheckpointError
        If the program came without one.
    """
    path = _checkpoint()
    if not path.is_file():
        raise CheckpointError(
            path, "this installation has no bundled caller; give `checkpoint_path=FILE`"
        )
    return path


def card_path() -> Path:
    """Return where the bundled caller's card is: what it is, and what it should answer."""
    return FOLDER / "card.json"


def checkpoint_or_bundled(given: str | None) -> Path:
    """Return the checkpoint to use: the one given, else the usual one, else the bundled one.

    The last is said in one line. Where nothing is there, the usual path is returned, for
    whoever opens it to say that it is missing.

    Parameters
    ----------
    given : str, optional
        A path, which is taken as it is, or `BUNDLED`.

    Raises
    ------
    CheckpointError
        If the bundled caller is asked for by name and not there.
    """
    if given == BUNDLED:
        return bundled_path()
    if given is not None or os.path.lexists(USUAL) or not _checkpoint().is_file():
        return Path(USUAL if given is None else given)
    log.log(
        NOTICE,
        "no checkpoint at %s: using the bundled caller (esmgo selftest tells what it is)",
        USUAL,
    )
    return bundled_path()


def context_of(path: Path, given: int | None) -> int | None:
    """Return the tokens per window of a checkpoint to be used; None is as in training."""
    return CONTEXT_LENGTH if given is None and path != _checkpoint() else given


def _checkpoint() -> Path:
    return FOLDER / "caller.safetensors"
