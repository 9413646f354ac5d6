"""What the head of every result tells, Markdown tables, and programs run as whole processes."""

import os
import platform
import re
import shlex
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from evaluation import measured

__all__ = ["head", "measured_in_turn", "one_thread", "say", "table", "versions"]

THREADS = (
    "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)  # fmt: skip


def one_thread() -> None:
    """Hold this process's children to one thread, and away from the network."""
    os.environ |= dict.fromkeys(THREADS, "1") | {"HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1"}


def say(*words: object) -> None:
    """Report progress on standard error."""
    print(time.strftime("%H:%M:%S"), *words, file=sys.stderr, flush=True)


def versions(packages: Iterable[str]) -> str:
    """Return the packages that are installed, with their versions."""
    found = []
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def head(title: str, packages: str) -> str:
    """Return title, command, hardware and versions, as the first lines of a result file."""
    script, *words = sys.argv
    # where things lie on this machine is nobody's business: file names are enough
    words = [re.sub(r"[^=:]*/", "", word) for word in words]
    command = shlex.join(["python", f"benchmarks/{Path(script).name}", *words])
    return (
        f"# {title}, {time.strftime('%Y-%m-%d')}\n\n`{command}`\n\n"
        f"{_processor()}, {os.cpu_count()} cores, one thread used; "
        f"Python {platform.python_version()}, {packages}.\n"
    )


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def measured_in_turn(
    programs: dict[str, Callable[[], list[str]]], rounds: int
) -> dict[str, tuple[float, float, float]]:
    """Run programs A B A B; return medians of wall seconds, CPU seconds and peak MiB.

    Parameters
    ----------
    programs : dict
        For each name a function that prepares a run, unmeasured, and returns its command.
    """
    runs: dict[str, list[tuple[float, float, float]]] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, prepare in programs.items():
            wall, cpu, memory = measured(prepare())
            say(f"{name}: {cpu:.2f} CPU-s, {wall:.2f} s, {memory:,.0f} MiB")
            runs[name].append((wall, cpu, memory))
    return {
        name: tuple(statistics.median(x) for x in zip(*each, strict=True))  # type: ignore[misc]
        for name, each in runs.items()
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    told = {k.strip(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
    flags = told.get("flags", "").split()
    fast = [flag for flag in ("avx512f", "avx512_bf16", "avx512_fp16", "amx_bf16") if flag in flags]
    name = told.get("model name", platform.machine())
    model = f"family {told.get('cpu family', '?')} model {told.get('model', '?')}"
    return f"{name} ({model}{'; ' if fast else ''}{', '.join(fast)})"
