"""Parquet tables as rows. Terms stay dictionary-encoded, without a Python list per protein."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from esmgo.dataset.footer import Leaf, stored_leaves
from esmgo.dataset.rows import Place, Rows, taxon_id
from esmgo.errors import DatasetError, printable
from esmgo.files.source import chunks
from esmgo.go.sparse import SparseRows

_MAGIC = b"PAR1"
ROWS = 1 << 20
TEXT = 1 << 26
"""Rows, and bytes of text, that any file may have; a larger file may have more, by its size."""

TAXON = "taxon_id"

_TEXT = (pa.string(), pa.large_string(), pa.string_view())


def is_parquet(path: Path) -> bool:
    """Whether a file is Parquet: by its name, or else by its first bytes."""
    if path.suffix == ".parquet" or not path.is_file():
        return path.suffix == ".parquet"
    try:
        with path.open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError:  # reading it will raise the error with the reason
        return False


def read_parquet(path: Path) -> Rows:
    """Read the columns ``id``, ``sequence``, ``terms`` (or ``go_terms``) and, if any, ``taxon_id``.

    A list of terms that is null is empty, and a term that is null becomes an empty string.

    A `DatasetError` names the file, the column, and the row counted from 1.
    """
    table, terms_name = _read(path)
    ids = _texts(table, "id", path)
    sequences = _texts(table, "sequence", path)
    terms = _lists(table, terms_name, path)
    counts = pc.fill_null(pc.list_value_length(terms), 0).to_numpy(zero_copy_only=False)
    coded = pc.fill_null(pc.cast(terms.flatten(), pa.string()), "").dictionary_encode()
    for row, id in enumerate(ids, 1):
        if not id or id.isspace():
            raise Place(str(path), "row", row).refuse("column 'id' is empty")
    return Rows(
        source=str(path),
        ids=ids,
        sequences=sequences,
        vocabulary=coded.dictionary.to_pylist(),
        terms=SparseRows.of(counts, coded.indices.to_numpy().astype(np.int32)),
        files=((str(path), "row"),),
        file=np.zeros(len(ids), np.int32),
        number=np.arange(1, len(ids) + 1),
        taxa=_taxa(table),
    )


def _read(path: Path) -> tuple[Any, str]:
    head = next(chunks(path, DatasetError), b"")
    if not head.startswith(_MAGIC):
        what = "not a Parquet file: it does not start with PAR1" if head else "empty (0 bytes)"
        raise DatasetError(path, what)
    try:
        stored = stored_leaves(path)
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            terms = _terms_name(names, path)
            columns = ["id", "sequence", terms]
            columns += [TAXON] * (names.count(TAXON) == 1)
            leaves = [leaf for leaf in stored if leaf.path.split(".")[0] in columns]
            _check_sizes(leaves, file.metadata.num_rows, path)
        with pq.ParquetFile(
            path,
            read_dictionary=sorted({leaf.path for leaf in leaves}),
            page_checksum_verification=True,
        ) as file:
            room = TEXT + 64 * path.stat().st_size
            parts = []
            for number in range(file.num_row_groups):
                part = file.read_row_group(number, columns=columns)
                part.validate(full=True)
                room -= sum(map(_text_bytes, part.columns))
                if room < 0:
                    raise _too_large(path, TEXT + 64 * path.stat().st_size - room, "bytes of text")
                parts.append(pa.table(list(map(_plain, part.columns)), names=columns))
            table = pa.concat_tables(parts) if parts else file.read(columns=columns)
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise DatasetError(path, _why(error)) from None
    return table, terms


def _check_sizes(leaves: list[Leaf], n_rows: int, path: Path) -> None:
    """Raise DatasetError if the sizes that the footer states do not fit the file's."""
    size = path.stat().st_size
    for what, each, most in (
        ("rows", [n_rows], ROWS + 8 * size),
        ("values", [leaf.values for leaf in leaves], 4 * ROWS + 16 * size),
        ("bytes", [leaf.size for leaf in leaves], TEXT + 64 * size),
    ):
        if min(each, default=0) < 0 or sum(each) > most:
            raise _too_large(path, sum(each), what)


def _text_bytes(column: Any) -> int:
    """Return the bytes of text; one text of a dictionary may stand for any number of cells."""
    n_bytes = 0
    for chunk in column.chunks:
        values = chunk.values if hasattr(chunk, "values") else chunk
        if isinstance(values, pa.DictionaryArray):
            lengths = pc.fill_null(pc.binary_length(values.dictionary), 0).to_numpy()
            at = values.indices.drop_null().to_numpy()
            n_bytes += int(lengths.astype(np.int64)[at].sum())
    return n_bytes


def _plain(column: Any) -> Any:
    """Return a column without dictionaries."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return pc.cast(column, kind.value_type)
    if hasattr(kind, "value_type") and pa.types.is_dictionary(kind.value_type):
        of = pa.large_list if pa.types.is_large_list(kind) else pa.list_
        return pc.cast(column, of(kind.value_type.value_type))
    return column


def _too_large(path: Path, n: int, what: str) -> DatasetError:
    size = path.stat().st_size
    return DatasetError(path, f"{n:,} {what} in {size:,} bytes: too many for a data set")


def _terms_name(names: list[str], path: Path) -> str:
    if "terms" in names and "go_terms" in names:
        raise DatasetError(path, "has both columns 'terms' and 'go_terms'; keep one")
    terms = "go_terms" if "go_terms" in names else "terms"
    for name in ("id", "sequence", terms):
        if name not in names:
            raise DatasetError(path, f"no column {name!r}; found {printable(', '.join(names), 60)}")
        if names.count(name) > 1:
            raise DatasetError(path, f"column {name!r} appears twice")
    return terms


def _why(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    if isinstance(error, KeyError):
        return "not a readable Parquet file: its columns are not those of its schema"
    return f"not a readable Parquet file: {printable(' '.join(str(error).split()), 80)}"


def _texts(table: Any, name: str, path: Path) -> list[str]:
    column = table.column(name)
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if kind not in _TEXT:
        raise DatasetError(path, f"column {name!r} is {printable(column.type, 40)}, not text")
    if column.null_count:
        row = int(np.flatnonzero(column.is_null().to_numpy())[0])
        raise Place(str(path), "row", row + 1).refuse(f"column {name!r} is null")
    texts: list[str] = column.to_pylist()
    return texts


def _taxa(table: Any) -> NDArray[np.int32]:
    """Return the taxon ids, 0 for what is none."""
    if TAXON not in table.column_names:
        return np.zeros(len(table), np.int32)
    return np.array([taxon_id(value) for value in table.column(TAXON).to_pylist()], np.int32)


def _lists(table: Any, name: str, path: Path) -> Any:
    column = table.column(name)
    kind = column.type
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    value = kind.value_type if is_list else None
    if value is not None and pa.types.is_dictionary(value):
        value = value.value_type
    if value is None or value not in (*_TEXT, pa.null()):
        raise DatasetError(path, f"column {name!r} is {printable(kind, 40)}, not a list of GO ids")
    joined = column.combine_chunks()
    return pa.concat_arrays(joined.chunks) if isinstance(joined, pa.ChunkedArray) else joined
