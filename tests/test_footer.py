"""The footer of a Parquet file: it agrees with Arrow's reading, and no damage ends the process."""

import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_rows import A, B

from esmgo.dataset.footer import stored_leaves
from esmgo.dataset.parquet import read_parquet
from esmgo.errors import DatasetError

TABLE = pa.table({
    "id": [f"p{i}" for i in range(300)],
    "sequence": ["MKT"] * 300,
    "terms": [[A, B], [], [A]] * 100,
    "flag": [True, None, False] * 100,
    "score": [1.5] * 300,
    "nested": [{"a": 1, "b": ["x"]}] * 300,
})  # fmt: skip


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "zstd", "row_group_size": 100, "write_page_index": True},
        {"use_dictionary": False, "data_page_version": "2.0", "write_statistics": False},
        {"version": "1.0", "sorting_columns": [pq.SortingColumn(0)]},
    ],
)
def test_the_sizes_are_those_that_arrow_reads(tmp_path, options):
    path = tmp_path / "x.parquet"
    pq.write_table(TABLE, path, **options)
    metadata = pq.ParquetFile(path).metadata
    groups = map(metadata.row_group, range(metadata.num_row_groups))
    columns = [group.column(at) for group in groups for at in range(metadata.num_columns)]
    assert stored_leaves(path) == [
        (column.path_in_schema, column.num_values, column.total_uncompressed_size)
        for column in columns
    ]


def test_damage_to_a_footer_is_one_line_and_never_ends_the_process(tmp_path):
    path = tmp_path / "x.parquet"
    pq.write_table(TABLE.select(["id", "sequence", "terms"]), path)
    data, rng = path.read_bytes(), random.Random(5)
    start = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    refused = []
    for _ in range(400):
        changed = bytearray(data)
        for _ in range(rng.choice([1, 1, 4])):
            changed[rng.randrange(start, len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(changed)
        try:
            read_parquet(path)
        except DatasetError as error:
            refused.append(str(error))
    assert len(refused) > 100
    assert max(map(len, refused)) < 250 + len(str(path))


def thrift(*fields):
    """A footer, its length and its mark."""
    footer = b"".join(fields)
    return b"PAR1" + footer + len(footer).to_bytes(4, "little") + b"PAR1"


DAMAGED = {
    "too short": b"PAR1",
    "longer than the file": b"PAR1\xff\xff\xff\x00PAR1",
    "no row groups": thrift(b"\x00"),
    "no end": thrift(b"\x49\x1c\x19\x1c\x3c\x00"),
    "a list without an end": thrift(b"\x49\xf5\xff\xff\xff\xff\x0f"),
    "an integer without an end": thrift(b"\x15" + b"\xff" * 100_000),
    "structs within structs": thrift(b"\x1c" * 100_000),
    "lists within lists": thrift(b"\x49" + b"\x19" * 100_000),
    "text longer than the footer": thrift(b"\x18\xff\xff\xff\xff\x0f"),
    "an unknown kind": thrift(b"\x1f"),
    "a number where a list belongs": thrift(b"\x45\x02\x00"),
    "a text where a number belongs": thrift(
        b"\x49\x1c\x19\x1c\x3c\x39\x18\x01a\x28\x01a\x16\x02\x00\x00\x00\x00"
    ),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_footer_is_a_value_error(tmp_path, case):
    path = tmp_path / "x.parquet"
    path.write_bytes(DAMAGED[case])
    with pytest.raises(ValueError, match="its footer is"):
        stored_leaves(path)


def test_a_footer_that_is_too_large_is_not_read(tmp_path):
    path = tmp_path / "x.parquet"
    path.write_bytes(thrift(b"\x00" * (4 << 20), b"\x00"))
    with pytest.raises(ValueError, match=r"4,194,305 bytes, at most 4,194,304 are read"):
        stored_leaves(path)
