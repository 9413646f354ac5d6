"""``esmgo build``: a data set from FASTA, annotations and an ontology.

Every given input is read and checked. The data set is written if sequences, annotations, an
ontology and an output folder are given.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from esmgo.data.accessions import accession, forms
from esmgo.data.download import http_option, open_ontology, reads_ontology
from esmgo.data.evidence_codes import evidence_option, parse_evidence
from esmgo.data.fasta import Protein
from esmgo.data.reading import FastaConfig, read_source
from esmgo.data.rejects import ReadReport, rejects_option
from esmgo.data.taxonomy import read_taxonomy
from esmgo.dataset.matching import ProteinTerms, by_record, current_terms
from esmgo.dataset.writing import MARK, Row, write_dataset
from esmgo.errors import AnnotationError, UsageError, brief, printable
from esmgo.files.folder import replacing_folder
from esmgo.files.uses import reads, replaces
from esmgo.go.ontology import Ontology
from esmgo.options import check, documented, option, overwrite_option, refuse_unused


@documented
@dataclass(frozen=True, slots=True)
class BuildConfig(FastaConfig):
    """Settings of ``esmgo build``."""

    sequences: str | None = option(
        None, "The proteins: FASTA, plain or gzip; - reads stdin.", uses=reads
    )
    terms: str | None = option(
        None,
        "The annotations: GAF, GPAD, or a table of proteins and GO ids (docs/data.md lists the"
        " formats), plain or gzip.",
        uses=reads,
    )
    evidence: str = evidence_option()
    ontology: str | None = option(
        None,
        "The Gene Ontology: a local OBO file (plain or gzip) or the URL of go-basic.obo.",
        uses=reads_ontology,
    )
    allow_http: bool = http_option()
    taxonomy: str | None = option(
        None,
        "The taxon of each protein: a table of protein and taxon id, with or without a header, or"
        " FASTA with OX=; plain or gzip.",
        uses=reads,
    )
    output_dir: str | None = option(
        None,
        "The folder to make, SUBSET/SPLIT.parquet; without one the input is only checked.",
        uses=replaces,
    )
    test_ratio: float = option(
        0.1,
        "The proportion of proteins held out as test split by a hash of the id; 0 for none.",
        minimum=0,
        below=1,
    )
    drop_unknown_terms: bool = option(
        False, "Drop terms that are not in the ontology instead of refusing the file."
    )
    require_sequences: bool = option(
        False, "Refuse annotations of proteins without a sequence instead of leaving them out."
    )
    rejects: str | None = rejects_option()
    overwrite: bool = overwrite_option("Replace an older data set at the same place.")

    def __post_init__(self) -> None:
        check(self)
        parse_evidence(self.evidence)
        inputs = (self.sequences, self.terms, self.ontology, self.taxonomy)
        if not any(inputs):
            raise UsageError("nothing to build from: give `sequences`, `terms` or `ontology`")
        if inputs.count("-") > 1:
            raise UsageError("only one input can be standard input (-)")
        if self.terms is None:
            refuse_unused(self, ("evidence", "require_sequences"), "needs `terms`")
        if self.sequences is None:
            refuse_unused(self, ("require_sequences",), "needs `sequences`")
        needed = ("sequences", "terms", "ontology")
        missing = [f"`{name}`" for name in needed if not getattr(self, name)]
        if self.output_dir is not None and missing:
            raise UsageError(f"needs {' and '.join(missing)}, too", field="output_dir")


@dataclass(frozen=True, slots=True)
class BuildSummary:
    """What was read and written. Its text is one line per input and subset."""

    lines: tuple[str, ...]
    report: ReadReport
    output_dir: Path | None

    __repr__ = brief

    def __str__(self) -> str:
        return "\n".join(self.lines)


def build(config: BuildConfig) -> BuildSummary:
    """Check the inputs and, if ``output_dir`` is given, write the data set.

    The folder holds ``<subset>/<split>.parquet`` with the columns id, sequence, length,
    terms (closed under the true-path rule) and taxon_id, for the subsets all, mf, bp and
    cc, with ``dataset.json`` and ``information_accretion.tsv``. Equal inputs give identical
    files. The folder is complete or absent.

    Raises
    ------
    InputError
        If an input is refused, if no annotated protein is in the FASTA file or, with
        ``require_sequences``, one of them is not.
    RecordError
        Under ``strict``, at the first rejected record.
    UsageError
        If ``output_dir`` exists, without ``overwrite``.
    MachineError
        If the folder cannot be written. This is checked before any input is read.
    """
    report = ReadReport(config.strict)
    place: AbstractContextManager[Path | None] = nullcontext()
    if config.output_dir is not None:
        path = Path(config.output_dir)
        place = replacing_folder(path, overwrite=config.overwrite, mark=MARK)
    with report.kept(config.rejects, overwrite=config.overwrite), place as folder:
        ontology = open_ontology(config.ontology, report.warn, allow_http=config.allow_http)
        annotated: dict[str, ProteinTerms] = {}
        if config.terms is not None:
            drop = config.drop_unknown_terms
            annotated = current_terms(
                config.terms,
                ontology,
                report,
                evidence=parse_evidence(config.evidence),
                drop_unknown_terms=drop,
            )
        proteins: list[Protein] = []
        n_rows = len(report.rejects)
        if config.sequences is not None:
            proteins += read_source(config.sequences, config, report, is_scored=False)
        taxa = _taxa(proteins, config, report)
        lines = list(_counts(ontology, annotated, proteins, config))
        if config.sequences and annotated:
            ids = [p.id for p in proteins] + [r.id for r in report.rejects[n_rows:] if r.id]
            annotated = by_record(
                annotated,
                ids,
                str(config.terms),
                str(config.sequences),
                report,
                require_sequences=config.require_sequences,
            )
        if folder is None:
            lines.append("nothing written: no output folder is given")
            return BuildSummary(tuple(lines), report, None)
        assert ontology is not None
        rows = _rows(proteins, annotated, ontology, taxa, config, report)
        lines += write_dataset(folder, rows, ontology, config.test_ratio, report)
    lines.append(f"written to {printable(config.output_dir, 120)}")
    return BuildSummary(tuple(lines), report, Path(config.output_dir or ""))


def _taxa(proteins: list[Protein], config: BuildConfig, report: ReadReport) -> dict[str, str]:
    """Read the taxa by accession; warn of proteins without one."""
    if config.taxonomy is None:
        return {}
    taxa, name = read_taxonomy(config.taxonomy, report.warn), printable(config.taxonomy, 50)
    without = [p.id for p in proteins if accession(p.id) not in taxa]
    if proteins and len(without) == len(proteins):
        look = forms(next(iter(taxa)), str(config.sequences), proteins[0].id)
        report.warn(f"{name}: no protein has a taxon; {look}")
    elif without:
        some = ", ".join(printable(id, 20) for id in without[:3])
        report.notices.append(f"{name}: no taxon of {len(without):,} of {len(proteins):,}: {some}")
    return taxa


def _rows(
    proteins: list[Protein],
    annotated: dict[str, ProteinTerms],
    ontology: Ontology,
    taxa: dict[str, str],
    config: BuildConfig,
    report: ReadReport,
) -> list[Row]:
    """Return the annotated proteins with the ancestors of their terms."""
    closure = {
        term: ontology.ancestors(term) | {term} for at in annotated.values() for term in at.terms
    }
    rows = []
    for protein in proteins:
        at = annotated.get(protein.id)
        if at is not None:
            terms = tuple(sorted(frozenset().union(*(closure[term] for term in at.terms))))
            taxon = taxa.get(accession(protein.id))
            rows.append(Row(protein.id, protein.sequence, terms, taxon))
    if not rows:
        reason = f"no annotated protein was accepted ({report.n_rejected:,} records rejected)"
        raise AnnotationError(config.terms, reason)
    if n_unannotated := len(proteins) - len(rows):
        report.warn(f"{n_unannotated:,} proteins without annotations left out")
    return rows


def _counts(
    ontology: Ontology | None,
    annotated: dict[str, ProteinTerms],
    proteins: list[Protein],
    config: BuildConfig,
) -> Iterator[str]:
    if ontology is not None:
        n_edges = sum(map(len, ontology.parents.values()))
        yield (
            f"ontology {printable(ontology.release, 60)}: {len(ontology):,} terms,"
            f" {n_edges:,} edges"
        )
    if annotated:
        n = sum(len(at.terms) for at in annotated.values())
        n_terms = len(set().union(*(at.terms for at in annotated.values())))
        yield f"annotations: {n:,} of {len(annotated):,} proteins, {n_terms:,} terms"
    if config.sequences:
        n_residues = sum(len(protein.sequence) for protein in proteins)
        yield f"sequences: {len(proteins):,} proteins, {n_residues:,} residues"
