"""Saves one container over another: what strace kills, or fails, at every system call.

``python tests/saver.py TARGET VALUE``; needs no torch, so that hundreds of runs are quick.
"""

import os
import sys
from pathlib import Path

import numpy as np

from esmgo.errors import EsmgoError
from esmgo.model.container import write_container


def save(target: Path, value: int) -> None:
    tensors = [
        (f"t{i}", "F32", (3000,), np.full(3000, value, "<f4").view(np.uint8).data) for i in range(3)
    ]
    write_container(target, tensors, {"format": 1, "value": value})


if __name__ == "__main__":
    os.getppid()  # the marker: what comes after it is the save
    try:
        save(Path(sys.argv[1]), int(sys.argv[2]))
    except EsmgoError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
