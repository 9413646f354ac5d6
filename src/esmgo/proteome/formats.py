"""Output files of calls: their formats and names; complete or absent."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from esmgo.data.accessions import parse_id
from esmgo.data.rejects import ReadReport
from esmgo.errors import UsageError, printable
from esmgo.files.output import check_suffix, cut_suffix, is_stream, opened
from esmgo.files.uses import Use
from esmgo.go.labels import LabelSpace
from esmgo.options import option, overwrite_option
from esmgo.proteome.job import Job
from esmgo.render.associations import GafWriter, GpadWriter
from esmgo.render.calls import CafaWriter, CsvWriter, JsonWriter, ParquetWriter, TableWriter
from esmgo.render.writer import About, Writer

FORMATS: dict[str, tuple[str, type[Writer]]] = {
    "tsv": (".tsv", TableWriter),
    "csv": (".csv", CsvWriter),
    "jsonl": (".jsonl", JsonWriter),
    "parquet": (".parquet", ParquetWriter),
    "cafa": (".cafa.tsv", CafaWriter),
    "gaf": (".gaf", GafWriter),
    "gpad": (".gpad", GpadWriter),
}
"""Suffix and writer of each format."""

REFERENCE = "DOI:10.1126/science.ade2574"
"""The paper of ESM2. No GO_REF fits: GO_REF:0000117, for example, is UniProt's ARBA."""

ASSIGNED_BY = "esmgo"

_SUFFIXES = {end: name for name, (end, _) in FORMATS.items()} | {".cafa": "cafa", ".txt": "tsv"}
_WORD = re.compile(r"[\w-]+", re.ASCII)  # a prefix, as GPAD has it
_REFERENCE = re.compile(r"[\w-]+:[!-{}~]+", re.ASCII)


def _writes(config: OutputConfig, output: str | None) -> Iterator[Use]:
    if output is not None:
        yield from (Use(each, "write") for each in config.outputs())
        if output != "-" and (parts := config.parts()) is not None:
            yield Use(str(parts), "replace")


@dataclass(frozen=True)  # without slots, since it is a second base of classes with slots
class OutputConfig:
    """Settings of the verbs that write called terms."""

    output: str | None = option(
        None,
        "The output: a file, compressed if it ends in .gz, or - for standard output.",
        short="o",
        uses=_writes,
    )
    format: str | None = option(
        None,
        "tsv, csv, jsonl, parquet, cafa, gaf or gpad; several, comma-separated, replace the suffix"
        " of `output`.",
        default_text="by the suffix of `output`; tsv if it has none",
    )
    taxon: int | None = option(
        None, "The number of the NCBI taxon of all proteins; gaf needs it.", minimum=1
    )
    reference: str | None = option(
        None,
        "The reference in gaf and gpad, as DATABASE:ID.",
        default_text=f"{REFERENCE}, the paper of ESM2",
    )
    assigned_by: str | None = option(
        None,
        "The creator of the annotations in gaf and gpad; also the database of ids that are not"
        " UniProt's.",
        default_text=ASSIGNED_BY,
    )
    date: str | None = option(
        None,
        "The date in gaf and gpad, YYYY-MM-DD.",
        default_text="the day on which the job began",
    )
    overwrite: bool = overwrite_option(
        "Start from scratch: discard unfinished work and replace the output files."
    )

    def check_output(self) -> None:
        """Check the settings of output files; raise UsageError naming the wrong one."""
        if self.output is None:
            raise UsageError("give `output=FILE` (- for standard output)")
        found = self.targets()
        if found and self.format is None:
            check_suffix(self.output, _SUFFIXES, cure="; or give `format`")
        if is_stream(self.output) and (len(found) > 1 or "parquet" in found):
            what = "parquet" if len(found) == 1 else "several formats"
            raise UsageError(f"{what} cannot go to {printable(self.output, 40)}; name a file")
        for name, pattern in (("reference", _REFERENCE), ("assigned_by", _WORD)):
            value = getattr(self, name)
            if value is not None and not pattern.fullmatch(value):
                form = "DATABASE:ID" if name == "reference" else "one word"
                raise UsageError(f"{printable(value, 60)} is not {form}", field=name)
        if self.date is not None:
            _check_date(self.date)

    def targets(self) -> dict[str, str]:
        """Return the output file of each format.

        Raises UsageError if a format is unknown.

        Examples
        --------
        >>> OutputConfig(output="x.tsv.gz", format="tsv,gaf").targets()
        {'tsv': 'x.tsv.gz', 'gaf': 'x.gaf.gz'}
        """
        names, output = self.formats(), str(self.output)
        if len(names) == 1:
            return {names[0]: output}
        stem, suffix, packed = _cut(output)
        if suffix.lower() not in _SUFFIXES:
            stem += suffix
        return {name: stem + FORMATS[name][0] + packed for name in names}

    def suffix(self) -> str:
        """Return the suffix of `output` in lower case, without ``.gz``; empty if it has none."""
        return _cut(str(self.output))[1].lower()

    def formats(self) -> tuple[str, ...]:
        """Return the names of the formats.

        Raises UsageError if a format is unknown.
        """
        if self.format is None:
            return (_SUFFIXES.get(self.suffix(), "tsv"),)
        names = dict.fromkeys(name.strip() for name in self.format.lower().split(","))
        for name in names:
            if name not in FORMATS:
                raise UsageError(
                    f"must be of {', '.join(FORMATS)}, not {printable(repr(name), 40)}",
                    field="format",
                )
        return tuple(names)

    def outputs(self) -> list[str]:
        """Return the output files."""
        return list(self.targets().values())

    def parts(self) -> Path | None:
        """Return the folder of unfinished work, if the verb keeps any."""
        return None

    def check_taxon(self) -> None:
        """Raise UsageError if the format gaf is requested without a taxon."""
        if self.taxon is None and "gaf" in self.targets():
            raise UsageError("gaf names the taxon of each protein: give `taxon=NUMBER` (NCBI)")

    def warn_of_unused(self, formats: Collection[str], report: ReadReport) -> None:
        """Warn of every setting that none of the formats has."""
        of_gaf, of_both = ("gaf",), ("gaf", "gpad")
        for name, those in {
            "taxon": of_gaf, "reference": of_both, "assigned_by": of_both, "date": of_both
        }.items():  # fmt: skip
            if getattr(self, name) is not None and not set(those) & set(formats):
                what = f"is for {' and '.join(those)}, and has no effect on {', '.join(formats)}"
                report.warn(f"`{name}` {what}")

    def check_labels(self, labels: LabelSpace) -> None:
        """Raise UsageError if the formats cannot represent a label space."""
        if not {"gaf", "gpad"}.isdisjoint(self.targets()) and any(
            t.aspect is None for t in labels.terms
        ):
            raise UsageError(
                "gaf and gpad need the aspect of every term, and this checkpoint was trained"
                " without an ontology"
            )

    def about(self, job: Job, labels: LabelSpace) -> About:
        """Return the metadata for writers."""
        return About(
            labels=labels,
            model=job.model,
            version=version("esmgo"),
            kept=job.kept,
            sources=job.sources,
            parse_id=parse_id,
            date=self.date or job.date,
            reference=self.reference or REFERENCE,
            assigned_by=self.assigned_by or ASSIGNED_BY,
            taxon=self.taxon,
        )


def _cut(output: str) -> tuple[str, str, str]:
    """Cut a name as `cut_suffix` does; the suffix of CAFA has two parts."""
    stem, suffix, packed = cut_suffix(output)
    if (stem + suffix).lower().endswith(".cafa.tsv"):
        stem, suffix = stem[: -len(".cafa")], stem[-len(".cafa") :] + suffix
    return stem, suffix, packed


def _check_date(text: str) -> None:
    try:
        is_plain = dt.date.fromisoformat(text).isoformat() == text
    except ValueError:
        is_plain = False
    if not is_plain:
        raise UsageError(f"{printable(text, 30)} is no day written as YYYY-MM-DD", field="date")


@contextmanager
def writers(targets: dict[str, str], about: About) -> Iterator[list[Writer]]:
    """Open a writer for each format; the files appear when the block ends without an error."""
    with ExitStack() as stack:
        found = []
        for name, output in targets.items():
            writer = FORMATS[name][1](stack.enter_context(opened(output)), about)
            found.append(stack.enter_context(closing(writer)))
        yield found
