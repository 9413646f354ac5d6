"""GAF, and every other table with qualifiers and evidence codes; a layout names the columns.

A row with a negative qualifier, of an object that is no protein, or with evidence that is not
wanted is left out and counted. A row with a fault is rejected.

References
----------
https://geneontology.org/docs/go-annotation-file-gaf-format-2.2/ and the pages of 2.1, 2.0 and 1.0
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from esmgo.data.accessions import parse_id
from esmgo.data.annotations import (
    AnnotationBlock,
    Faults,
    FileReport,
    aspect_codes,
    fault_of_aspect,
    fault_of_id,
    fault_of_term,
)
from esmgo.data.columns import ABSENT, Column, Columns, read_columns
from esmgo.data.evidence_codes import code_of, fault_of_evidence, is_taken
from esmgo.errors import printable

RELATIONS = {
    "enables": "RO:0002327",
    "contributes_to": "RO:0002326",
    "involved_in": "RO:0002331",
    "acts_upstream_of": "RO:0002263",
    "acts_upstream_of_positive_effect": "RO:0004034",
    "acts_upstream_of_negative_effect": "RO:0004035",
    "acts_upstream_of_or_within": "RO:0002264",
    "acts_upstream_of_or_within_positive_effect": "RO:0004032",
    "acts_upstream_of_or_within_negative_effect": "RO:0004033",
    "part_of": "BFO:0000050",
    "located_in": "RO:0001025",
    "is_active_in": "RO:0002432",
    "colocalizes_with": "RO:0002325",
}
"""The permitted relations of a gene product to a term, and their ids in GPAD 2.0."""

NOT = "NOT"

_PROTEINS = frozenset({
    "", "protein", "gene_product", "gene", "polypeptide", "protein_coding_gene", "gene_segment",
    "protein_structure", "pr:000000001", "so:0000104", "so:0000704", "so:0001217",
})  # fmt: skip
"""Types of objects that may be proteins: some databases annotate the gene of a protein."""

_NO_PROTEINS = frozenset({"complexportal", "rnacentral", "rfam"})
"""Databases without proteins, for formats without types."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a format, from 0; `ABSENT` if it has none of that kind.

    ``least`` is the least number of columns of a row, and ``columns`` describes them. If
    ``is_curie``, ids start with the database and a colon. If ``may_lack_terms``, rows without a
    term are left out instead of rejected.
    """

    protein: int
    qualifier: int
    term: int
    evidence: int
    least: int
    columns: str
    database: int = ABSENT
    aspect: int = ABSENT
    type: int = ABSENT
    form: int = ABSENT
    negation: int = ABSENT
    relations: frozenset[str] = frozenset(RELATIONS)
    is_curie: bool = False
    may_lack_terms: bool = False


GAF = Layout(
    database=0, protein=1, qualifier=3, term=4, evidence=6, aspect=8, type=11, form=16,
    least=15, columns="GAF has 15 to 17",
)  # fmt: skip


def read_associations(
    blocks: Iterable[tuple[int, bytes]],
    layout: Layout,
    evidence: frozenset[str],
    about: FileReport,
) -> Iterator[AnnotationBlock]:
    """Yield the positive annotations of proteins with one of the evidence codes.

    Parameters
    ----------
    blocks : iterable of (int, bytes)
        Number of the first line, and complete lines.
    layout : Layout
        The format.
    evidence : frozenset of str
        See `parse_evidence`.
    about : FileReport
        Gets rejected rows, and the number of rows left out by reason.
    """
    at = layout
    wanted = (
        at.protein, at.qualifier, at.term, at.evidence, at.database, at.aspect, at.type, at.form,
        at.negation,
    )  # fmt: skip
    for rows in read_columns(blocks, wanted, comment=b"!"):
        yield _taken(rows, layout, evidence, about)


def _taken(
    rows: Columns, layout: Layout, evidence: frozenset[str], about: FileReport
) -> AnnotationBlock:
    if layout.may_lack_terms:
        has_term = rows.columns[2].where(bool)
        about.leave_out("rows without a GO id", int(np.count_nonzero(~has_term)))
        rows = rows.take(has_term)
    protein, qualifier, term, code, database, aspect, kind, form, negation = rows.columns
    if layout.is_curie:
        database, protein = _split(protein)
    code = Column(code.codes, code.map(code_of))
    faults = Faults(rows)
    faults.check_width(layout.least, layout.columns)
    faults.check(protein, fault_of_id)
    faults.check(qualifier, lambda text: _fault_of_qualifier(text, layout.relations))
    faults.check(negation, lambda text: _fault_of_qualifier(text, frozenset()))
    faults.check(term, fault_of_term)
    if layout.evidence != ABSENT:
        faults.check(code, fault_of_evidence)
    if layout.aspect != ABSENT:
        faults.check(aspect, fault_of_aspect)
    is_left = about.rows_without(faults, protein)
    is_not = qualifier.where(_is_negative) | negation.where(_is_negative)
    about.leave_out(NOT, int(np.count_nonzero(is_left & is_not)))
    is_left &= ~is_not
    for column, may_be in ((kind, _may_be_protein), (database, _may_have_proteins)):
        is_other = is_left & ~column.where(may_be)
        about.left_out += column.counts(is_other)
        is_left &= ~is_other
    is_wanted = code.where(lambda text: is_taken(text, evidence))
    about.codes_left_out += code.counts(is_left & ~is_wanted)
    is_left &= is_wanted
    about.codes_taken += code.counts(is_left)
    about.n_taken += int(np.count_nonzero(is_left))
    protein, form = _forms(protein, form)
    block = AnnotationBlock(protein, term, form, aspect_codes(aspect), rows.line)
    return block.take(is_left)


def _fault_of_qualifier(text: str, relations: frozenset[str]) -> str:
    """Return what is wrong with qualifiers, which ``|`` separates, or an empty string."""
    words = [word.strip() for word in text.split("|")] if text else []
    for word in words:
        if word != NOT and word not in relations and word.lower() not in relations:
            cure = "; NOT is written NOT|relation" if NOT in text.upper() else ""
            return f"{printable(repr(text), 40)} is no qualifier of an annotation{cure}"
    return ""


def _is_negative(text: str) -> bool:
    return NOT in [word.strip() for word in text.split("|")]


def _may_be_protein(kind: str) -> bool:
    return kind.lower().replace(" ", "_").replace("-", "_") in _PROTEINS


def _may_have_proteins(database: str) -> bool:
    return database.lower() not in _NO_PROTEINS


def _split(column: Column) -> tuple[Column, Column]:
    """Return database and id of each ``database:id``."""
    parts = column.map(lambda text: text.partition(":"))
    ids = [id if colon else database for database, colon, id in parts]
    return Column(column.codes, [part[0] for part in parts]), Column(column.codes, ids)


def _forms(protein: Column, form: Column) -> tuple[Column, Column]:
    """Return the proteins without the number of an isoform, and the isoforms and chains.

    ``form`` is column 17 of GAF, such as ``UniProtKB:P12345-2``. In GPAD the protein itself may
    be an isoform or a chain.
    """
    parsed = protein.map(parse_id)
    proteins = [
        id.canonical if id.canonical != id.accession else text
        for id, text in zip(parsed, protein.values, strict=True)
    ]
    of_protein = [id.accession if id.canonical != id.accession else "" for id in parsed]
    own = [text.partition(":")[2] or text for text in form.values]
    codes = np.where(form.where(bool), form.codes, protein.codes + len(own))
    return Column(protein.codes, proteins), Column(codes.astype(np.int32), [*own, *of_protein])
