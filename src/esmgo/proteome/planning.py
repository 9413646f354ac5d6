"""``esmgo plan``: reads and judges the proteins once, and writes where each block of them is.

Memory does not grow with the number of accepted proteins. What one has to remember of every
record is written to temporary files in the folder of the plan, about 64 bytes a record.
"""

from __future__ import annotations

import hashlib
import os
import re
from array import array
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from esmgo.data.fasta import MANY_REJECTS
from esmgo.data.reading import FastaConfig, read_source
from esmgo.data.records import MAX_HEADER, split_records
from esmgo.data.rejects import ReadReport, Reject, rejects_option
from esmgo.errors import FastaError, UsageError, brief, printable
from esmgo.files.folder import replacing_folder
from esmgo.files.gzipped import GZIP
from esmgo.files.lines import BOM
from esmgo.files.source import check_readable, chunks, is_file, name_of
from esmgo.files.uses import reads, replaces
from esmgo.options import check, documented, option, overwrite_option
from esmgo.proteome.job import BLOCK, Job
from esmgo.proteome.plan import COPY, JUDGED, PLAN, REJECTS, ROW, Plan, digest_of
from esmgo.proteome.repeated_ids import IdsOnDisk

_PROTEIN = np.dtype([("record", "<i8"), ("digest", "V16")])
_AT_ONCE = 1 << 16


@documented
@dataclass(frozen=True, slots=True)
class PlanConfig(FastaConfig):
    """Settings of ``esmgo plan``."""

    input: str | None = option(
        None,
        "Plan the proteins of this FASTA file, plain or gzip (- for standard input).",
        short="i",
        uses=reads,
        alias="fasta",
    )
    output_dir: str | None = option(
        None, "The folder of the plan, which esmgo predict takes as `input`.", short="o",
        uses=replaces, alias="output",
    )  # fmt: skip
    block_size: int = option(
        BLOCK,
        "Most proteins of a block, the unit of work of shards and of Ray's actors.",
        minimum=1,
        maximum=1 << 20,
    )
    overwrite: bool = overwrite_option("Replace the folder if it holds an older plan.")
    rejects: str | None = rejects_option()

    def __post_init__(self) -> None:
        check(self)
        if self.input is None:
            raise UsageError("nothing to plan: give `input=FILE` (- for standard input)")
        if self.output_dir is None:
            raise UsageError("give the folder of the plan", field="output_dir")


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """Summary of a plan; its text is one line."""

    n_proteins: int
    n_blocks: int
    output_dir: str

    __repr__ = brief

    def __str__(self) -> str:
        where = printable(self.output_dir, 90)
        return f"{self.n_proteins:,} proteins in {self.n_blocks:,} blocks, planned in {where}"


def plan(config: PlanConfig, report: ReadReport | None = None) -> PlanSummary:
    """Read a FASTA file once, and write a folder with which its blocks can be read alone.

    Parameters
    ----------
    config : PlanConfig
        Proteins, size of blocks and folder.
    report : ReadReport, optional
        Filled with rejected records and warnings.

    Returns
    -------
    PlanSummary
        The folder is complete or absent.

    Raises
    ------
    FastaError
        If the file is refused.
    RecordError
        At the first rejected record, if ``report`` is strict; repeated ids come last.
    """
    report = ReadReport(config.strict) if report is None else report
    source, target = str(config.input), Path(str(config.output_dir))
    check_readable(source, FastaError)
    with replacing_folder(target, overwrite=config.overwrite, mark=PLAN) as folder:
        found = write_plan(source, folder, config, report, config.block_size)
        if found.source == COPY:
            text = f"unpacked into {printable(target / COPY, 90)}, from which blocks are read"
            report.notices.append(f"{printable(name_of(source), 60)}: {text}")
    return PlanSummary(found.n_proteins, len(found.blocks), str(target))


def write_plan(
    source: str,
    folder: Path,
    config: FastaConfig,
    report: ReadReport,
    most: int,
    n_shards: int = 1,
) -> Plan:
    """Write a plan into an empty folder; see `plan` for the errors.

    The blocks have at most ``most`` proteins; their number is a multiple of ``n_shards``, unless
    there are fewer proteins.
    """
    is_copied = not is_file(source) or _is_gzip(source)
    path = folder / COPY if is_copied else Path(os.path.realpath(source))
    with TemporaryDirectory(dir=folder, prefix="records-") as temporary:
        work, ids = Path(temporary), IdsOnDisk(Path(temporary), report)
        with ExitStack() as stack:
            names = (work / "starts", work / "proteins", *[path] * is_copied)
            starts, file, *copy = [stack.enter_context(each.open("wb")) for each in names]
            raw = _Raw(source, *copy)
            _read(raw, config, report, ids, starts, file)
        where = _OnDisk(work / "starts", np.dtype("<i8"))
        left_out = _reject_repeated(report, _repeated(path, raw.name, ids, where))
        proteins = _accepted(work, left_out)
        n_blocks = Job.cut(len(proteins), n_shards, most)
        blocks, digest = _blocks(proteins, where, raw.n_bytes, n_blocks)
    report.write_rejects(folder / REJECTS)
    found = Plan(
        folder, COPY if is_copied else str(path), digest, len(proteins), report.n_rejected,
        {name: getattr(config, name) for name in JUDGED}, blocks,
        np.array([each.record for each in report.rejects], np.int64),
    )  # fmt: skip
    found.save()
    return found


class _Raw:
    """A source as an unpacked file; notes where records start, and writes ``copy``, if any."""

    def __init__(self, source: str, copy: BinaryIO | None = None) -> None:
        self.name, self.n_bytes, self.starts = name_of(source), 0, array("q")
        self._content, self._copy = chunks(source, FastaError), copy
        self._last = b"\n"

    def read(self, _: int) -> bytes:
        """Return the next bytes; none at the end."""
        data = next(self._content, b"")
        text = self._last + data
        if not self.n_bytes and data.startswith(BOM):
            text = b"\n" * (1 + len(BOM)) + data[len(BOM) :]
        for found in re.finditer(b">", text):
            at = found.start()
            if at and text[at - 1] in b"\n\r":
                self.starts.append(self.n_bytes + at - 1)
        self.n_bytes += len(data)
        self._last = data[-1:]
        if self._copy is not None:
            self._copy.write(data)
        return data


class _OnDisk:
    """Rows of a file; a slice of them is read."""

    def __init__(self, path: Path, dtype: np.dtype[Any]) -> None:
        self._path, self._dtype = path, dtype
        self._n = path.stat().st_size // dtype.itemsize

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        start, stop, _ = rows.indices(self._n)
        offset = start * self._dtype.itemsize
        return np.fromfile(self._path, self._dtype, stop - start, offset=offset)

    def at(self, row: int) -> int:
        """Return a row that is a number."""
        return int(self[row : row + 1][0])


def _is_gzip(path: str) -> bool:
    with Path(path).open("rb") as file:
        return file.read(len(GZIP)) == GZIP


def _read(
    raw: _Raw, config: FastaConfig, report: ReadReport, ids: IdsOnDisk, starts: BinaryIO,
    file: BinaryIO,
) -> None:  # fmt: skip
    """Judge all records; write where each starts, and number and digest of the accepted ones."""
    held = bytearray()
    with tqdm(desc="Planning", unit="protein", disable=None, leave=False) as bar:
        for protein in read_source(cast(BinaryIO, raw), config, report, seen=ids):
            held += report.n_records.to_bytes(8, "little")
            held += digest_of(protein)
            if len(held) >= _AT_ONCE * _PROTEIN.itemsize:
                file.write(held)
                raw.starts.tofile(starts)
                bar.update(len(held) // _PROTEIN.itemsize)
                held.clear()
                del raw.starts[:]
    file.write(held)
    raw.starts.tofile(starts)


def _repeated(path: Path, name: str, ids: IdsOnDisk, where: _OnDisk) -> Iterator[Reject]:
    """Yield the rejections of records whose id an earlier one has, in order."""
    with path.open("rb") as file:
        for record, line, first in ids.repeated():
            file.seek(where.at(record - 1))
            head = file.readline(MAX_HEADER)
            found = next(split_records(name, [head], MAX_HEADER))
            reason = f"duplicate identifier (first seen line {first})"
            yield Reject(name, record, found.id, line, 0, reason)


def _reject_repeated(report: ReadReport, repeated: Iterator[Reject]) -> NDArray[np.int64]:
    """Reject records, for this reason alone; return the numbers of those accepted before."""
    others = {each.record for each in report.rejects}
    accepted, n_others = array("q"), len(others)
    for each in repeated:
        if each.record in others:
            others.remove(each.record)
        else:
            accepted.append(each.record)
            report.n_accepted -= 1
        report.reject(each)
    found = report.rejects
    found[:n_others] = [each for each in found[:n_others] if each.record in others]
    found.sort(key=lambda each: each.record)
    if len(found) > max(MANY_REJECTS, 10 * report.n_accepted):
        reason = f"{len(found):,} of {report.n_records:,} records rejected; not proteins?"
        raise FastaError(found[0].source, reason, found[-1].line)
    return np.array(accepted, np.int64)


def _accepted(work: Path, left_out: NDArray[np.int64]) -> _OnDisk:
    """Return the rows of the accepted proteins, without those of some records."""
    rows = _OnDisk(work / "proteins", _PROTEIN)
    if not len(left_out):
        return rows
    with (work / "accepted").open("wb") as file:
        for start in range(0, len(rows), _AT_ONCE):
            part = rows[start : start + _AT_ONCE]
            part[~np.isin(part["record"], left_out)].tofile(file)
    return _OnDisk(work / "accepted", _PROTEIN)


def _blocks(
    rows: _OnDisk, where: _OnDisk, n_bytes: int, n_blocks: int
) -> tuple[NDArray[np.void], str]:
    """Return the blocks of the accepted proteins, and the digest of all of them."""
    found, whole = np.empty(n_blocks, ROW), hashlib.sha256()
    for number in range(n_blocks):
        part = rows[number * len(rows) // n_blocks : (number + 1) * len(rows) // n_blocks]
        digests = part["digest"].tobytes()
        whole.update(digests)
        first, last = int(part["record"][0]), int(part["record"][-1])
        start = where.at(first - 1)
        end = where.at(last) if last < len(where) else n_bytes
        digest = np.frombuffer(hashlib.sha256(digests).digest(), np.uint8)
        found[number] = (start, end - start, first, digest)
    return found, whole.hexdigest()
