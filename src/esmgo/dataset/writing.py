"""Writes a data set: one Parquet table per subset and split, and files that describe them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from esmgo.data.rejects import ReadReport
from esmgo.dataset.splits import held_out_by_hash
from esmgo.dataset.subsets import SUBSETS
from esmgo.errors import UsageError
from esmgo.go.information import information_accretion
from esmgo.go.labels import LabelSpace
from esmgo.go.ontology import Ontology
from esmgo.go.sparse import SparseRows
from esmgo.go.terms import Aspect

MARK = "dataset.json"
"""A folder with this file is recognised as a data set."""

_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("sequence", pa.string()),
        ("length", pa.int64()),
        ("terms", pa.list_(pa.string())),
        ("taxon_id", pa.string()),
    ]
)


class Row(NamedTuple):
    """A protein of a data set; its terms are closed and sorted."""

    id: str
    sequence: str
    terms: tuple[str, ...]
    taxon_id: str | None


def write_dataset(
    folder: Path, rows: Sequence[Row], ontology: Ontology, test_ratio: float, report: ReadReport
) -> list[str]:
    """Write the data set into an empty folder; return a line about each subset.

    A protein is in the same split of every subset. A subset has the proteins with a term of its
    aspect, and only those terms.
    """
    held_out = held_out_by_hash([row.id for row in rows], test_ratio)
    if held_out.all():
        reason = f"{test_ratio:g} leaves none of {len(rows)} for training"
        raise UsageError(reason, field="test_ratio")
    train = [row for row, is_test in zip(rows, held_out, strict=True) if not is_test]
    test = [row for row, is_test in zip(rows, held_out, strict=True) if is_test]
    sequences = {row.sequence for row in train}
    if leaks := [row.id for row in test if row.sequence in sequences]:
        what = "test proteins have the sequence of a training protein"
        report.warn(f"{len(leaks):,} {what}, the first {leaks[0]}")
    counts: dict[str, int] = {}
    digests: dict[str, str] = {}
    for subset, aspect in SUBSETS.items():
        for split, part in (("train", train), ("test", test)):
            found = [row for row in (_of(row, aspect, ontology) for row in part) if row.terms]
            counts[f"{subset}/{split}"] = len(found)
            if found:
                path = folder / subset / f"{split}.parquet"
                path.parent.mkdir(exist_ok=True)
                _write_table(path, found)
                name = path.relative_to(folder).as_posix()
                digests[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    labels = _write_information(folder, rows, ontology)
    description = {
        "format": 1,
        "rows": counts,
        "test_ratio": test_ratio,
        "split": "test where the first 8 bytes of SHA-256(id), as a fraction, are below test_ratio",
        "propagated": "is_a and part_of within one aspect, roots included",
        "release": ontology.release,
        "terms": len(labels),
        "labels_sha256": labels.fingerprint,
        "files_sha256": digests,
    }
    text = json.dumps(description, indent=1, ensure_ascii=False) + "\n"
    (folder / MARK).write_text(text, encoding="utf-8")
    return [
        f"{subset}: {counts[f'{subset}/train']:,} train, {counts[f'{subset}/test']:,} test"
        for subset in SUBSETS
    ]


def _of(row: Row, aspect: Aspect | None, ontology: Ontology) -> Row:
    if aspect is None:
        return row
    kept = tuple(term for term in row.terms if ontology.terms[term].aspect is aspect)
    return row._replace(terms=kept)


def _write_table(path: Path, rows: Sequence[Row]) -> None:
    plain = [row._asdict() | {"length": len(row.sequence)} for row in rows]
    pq.write_table(pa.Table.from_pylist(plain, _SCHEMA), path, compression="zstd")


def _write_information(folder: Path, rows: Sequence[Row], ontology: Ontology) -> LabelSpace:
    """Write the information accretion of every term, computed from all proteins."""
    labels = LabelSpace.close({term for row in rows for term in row.terms}, ontology)
    lengths = [len(row.terms) for row in rows]
    columns = np.array([labels.column[term] for row in rows for term in row.terms], np.int32)
    bits = information_accretion(SparseRows.of(lengths, columns), labels)
    lines = [f"{term.id}\t{value:.6f}\n" for term, value in zip(labels.terms, bits, strict=True)]
    (folder / "information_accretion.tsv").write_text("".join(lines), encoding="utf-8")
    return labels
