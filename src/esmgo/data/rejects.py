"""The report of a reader: counts, rejected records and warnings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from esmgo.errors import RecordError, UsageError, brief, escaped, printable
from esmgo.files.atomic import write_atomically
from esmgo.files.output import check_free, check_suffix, is_stream
from esmgo.files.uses import writes
from esmgo.options import option

MOST_LINES = 20
"""Warnings and rejected records that are printed; a summary counts all rejected records."""


def rejects_option() -> Any:
    """Declare ``rejects``, an option of verbs that read records."""
    return option(
        None,
        "Write the rejected records to this TSV file; `overwrite` replaces it, too.",
        uses=writes,
    )


@dataclass(frozen=True, slots=True)
class Reject:
    """A rejected record: its place and the reason.

    ``record``, ``line`` and ``column`` count from 1; line and column are 0 if they do not apply.
    """

    source: str
    record: int
    id: str
    line: int
    column: int
    reason: str

    def __str__(self) -> str:
        where = f":{self.line}" if self.line else ""
        column = f" column {self.column}" if self.column else ""
        name = printable(self.id, 50) if self.id else f"record {self.record}"
        file = printable(Path(self.source).name, 60)
        return f"{file}{where}{column}: {name} rejected: {self.reason}"


@dataclass(slots=True)
class ReadReport:
    """Counts, rejects and warnings of one reading; the reader updates it with each record.

    ``notices`` are lines that are no warnings, such as the format of a file.
    """

    strict: bool = False
    n_accepted: int = 0
    rejects: list[Reject] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    n_unlisted: int = 0
    """Rejected records that are counted and not listed, where a file has very many."""

    __repr__ = brief

    @property
    def n_rejected(self) -> int:
        """Number of rejected records."""
        return len(self.rejects) + self.n_unlisted

    @property
    def n_records(self) -> int:
        """Number of accepted and rejected records."""
        return self.n_accepted + self.n_rejected

    def lines(self) -> list[str]:
        """Return lines to print: the first warnings and rejects, and the number of all rejects."""
        named = [*self.warnings[:MOST_LINES], *map(str, self.rejects[:MOST_LINES])]
        if self.rejects:
            named.append(f"{self.n_rejected} of {self.n_records} records rejected")
        return named

    def reject(self, reject: Reject) -> None:
        """Add a rejected record; with ``strict`` it is a `RecordError`."""
        self.rejects.append(reject)
        if self.strict:
            raise RecordError(str(reject))

    def absorb(self, other: ReadReport) -> None:
        """Add the counts, rejected records and warnings of another reading."""
        self.n_accepted += other.n_accepted
        self.rejects += other.rejects
        self.notices += other.notices
        self.n_unlisted += other.n_unlisted
        for message in other.warnings:
            self.warn(message)

    def absorb_further(self, other: ReadReport) -> None:
        """Add the findings of a further input; its records count only if some are rejected."""
        n = self.n_accepted
        self.absorb(other)
        if not other.n_rejected:
            self.n_accepted = n

    @contextmanager
    def kept(self, path: str | None, *, overwrite: bool) -> Iterator[None]:
        """Check a file, if one is named; write the rejects to it when the work ends or fails."""
        if path and is_stream(path):
            raise UsageError(f"{printable(path)} is not a file; choose another name", "rejects")
        if path:
            if path.endswith(".gz"):
                raise UsageError(f"{printable(path)} is written without compression", "rejects")
            check_suffix(path, (".tsv", ".txt"), field="rejects")
            check_free(path, overwrite=overwrite, field="rejects")
        try:
            yield
        finally:
            if path and self.n_records:
                self.write_rejects(Path(path))

    def write_rejects(self, path: Path) -> None:
        """Write all rejected records as a TAB-separated table; the file is complete or absent."""
        rows = ["record\tid\tline\tcolumn\treason"]
        rows += [
            f"{r.record}\t{escaped(r.id)}\t{r.line}\t{r.column}\t{r.reason}" for r in self.rejects
        ]
        write_atomically(path, ("\n".join(rows) + "\n").encode())

    def warn(self, message: str) -> None:
        """Add a warning about a changed or unusual record; a repeated warning is added once."""
        if message not in self.warnings:
            self.warnings.append(message)
