"""``esmgo embed``: one vector per protein, as a Parquet table or a NumPy archive."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from esmgo.data.fasta import Protein
from esmgo.data.reading import FastaConfig, read_source
from esmgo.data.rejects import ReadReport, rejects_option
from esmgo.errors import FastaError, UsageError, printable
from esmgo.files.atomic import replacing
from esmgo.files.hub import revision_of
from esmgo.files.output import check_free, exclusive
from esmgo.files.source import check_readable
from esmgo.files.uses import reads, writes
from esmgo.model.batches import blocks
from esmgo.model.checkpoint import Checkpoint
from esmgo.options import check, documented, dtype_option, option, overwrite_option
from esmgo.predict.inputs import EncoderConfig

if TYPE_CHECKING:
    import torch

    from esmgo.model.caller import Caller

BLOCK = 1_024
"""Proteins embedded together: enough for batches of similar length, and a bound on memory."""

Block: TypeAlias = tuple[tuple[Protein, ...], NDArray[np.float32]]


@documented
@dataclass(frozen=True, slots=True)
class EmbedConfig(EncoderConfig, FastaConfig):
    """Settings of ``esmgo embed``."""

    fasta: str | None = option(
        None,
        "Embed the proteins of this FASTA file, plain or gzip (- for standard input).",
        short="i",
        alias="input",
        uses=reads,
    )
    output: str | None = option(
        None,
        "The output file, ending in .parquet (written in blocks) or .npz (held in memory first).",
        short="o",
        uses=writes,
    )
    overwrite: bool = overwrite_option()
    pooling: str = option(
        "cls",
        "The vector of a protein: cls, the final state of the first token, which the head reads;"
        " or mean, the mean of the final states of its residues.",
        choices=("cls", "mean"),
    )
    dtype: str = dtype_option()
    rejects: str | None = rejects_option()

    def __post_init__(self) -> None:
        check(self)
        if self.fasta is None:
            raise UsageError("nothing to embed: give `fasta=FILE` (- for standard input)")
        if (self.base_model is None) == (self.checkpoint_path is None):
            raise UsageError(
                "give one encoder: `base_model=NAME` (tiny needs no download) or"
                " `checkpoint_path=FILE`"
            )
        if self.output is None or Path(self.output).suffix not in _WRITERS:
            found = "" if self.output is None else f", not {printable(self.output, 60)}"
            raise UsageError(f"give `output=FILE` ending in .parquet or .npz{found}")


@dataclass(frozen=True, slots=True)
class EmbedSummary:
    """Summary of the output; its text is one line."""

    n_proteins: int
    width: int
    pooling: str
    output: str

    def __str__(self) -> str:
        return (
            f"{self.n_proteins:,} proteins as vectors of {self.width:,} ({self.pooling}) written"
            f" to {printable(self.output, 90)}"
        )


def write_embeddings(config: EmbedConfig, report: ReadReport | None = None) -> EmbedSummary:
    """Write one vector per protein, in input order.

    A Parquet file has the columns ``id``, ``sequence_length`` and ``embedding``, a list of
    float32 of fixed size. It is written in blocks, so memory does not grow with the proteins.
    A NumPy archive has the arrays ``ids``, ``sequence_lengths``, ``embeddings`` and
    ``metadata`` (JSON), without pickle, and is held in memory. Both record base model, pooling,
    context length, precision and program version.

    Parameters
    ----------
    config : EmbedConfig
        Proteins, encoder and output.
    report : ReadReport, optional
        Filled with rejected records and warnings.

    Returns
    -------
    EmbedSummary
        The file is complete or absent.
    """
    report = ReadReport(config.strict) if report is None else report
    fasta, output = str(config.fasta), str(config.output)
    check_free(output, overwrite=config.overwrite)
    check_readable(fasta, FastaError)
    source = config.encoder()
    from esmgo.model.device import choose_device, resolved  # torch takes seconds
    from esmgo.model.embeddings import encoder_of

    device = choose_device(config.device)
    caller = encoder_of(source, device)
    proteins = read_source(fasta, config, report)
    dtype, width = resolved(device, config.dtype), caller.width
    metadata = _origin(config, source) | {
        "pooling": config.pooling,
        "context_length": str(config.context_length),
        "precision": dtype,
        "esmgo": version("esmgo"),
    }
    blocks = _embedded(config, caller, proteins, device, dtype)
    with exclusive((output,), overwrite=config.overwrite), replacing(Path(output)) as file:
        n_proteins = _WRITERS[Path(output).suffix](blocks, width, metadata, file)
    return EmbedSummary(n_proteins, width, config.pooling, output)


def _origin(config: EmbedConfig, source: Checkpoint | Path | None) -> dict[str, str]:
    if not isinstance(source, Checkpoint):
        revision = revision_of(source)
        pinned = {} if revision is None else {"base_revision": revision}
        return {"base_model": str(config.base_model)} | pinned
    settings = source.training.get("settings", {})
    base = str(settings.get("base_model", "unknown"))
    return {"base_model": base, "checkpoint_path": str(config.checkpoint_path)}


def _embedded(
    config: EmbedConfig,
    caller: Caller,
    proteins: Iterable[Protein],
    device: torch.device,
    dtype: str,
) -> Iterator[Block]:
    from esmgo.model.embeddings import embed

    with tqdm(desc="Embedding", unit="protein", disable=None, leave=False) as bar:
        for block in blocks(proteins, BLOCK):
            vectors = embed(
                caller,
                [protein.sequence for protein in block],
                config.context_length,
                device,
                dtype,
                config.pooling,
                progress=bar.update,
            )  # (B, D)
            yield block, vectors


def _write_parquet(
    blocks: Iterable[Block], width: int, metadata: Mapping[str, str], file: BinaryIO
) -> int:
    """Write a row group per block; return the number of proteins."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {
        "id": pa.string(),
        "sequence_length": pa.int64(),
        "embedding": pa.list_(pa.float32(), width),
    }
    schema = pa.schema(columns, metadata=metadata)
    n_proteins = 0
    with pq.ParquetWriter(
        file, schema, compression="none", use_dictionary=False, write_page_checksum=True
    ) as writer:
        for proteins, vectors in blocks:
            arrays = [
                pa.array([protein.id for protein in proteins], pa.string()),
                pa.array([len(protein.sequence) for protein in proteins], pa.int64()),
                pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), width),
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            n_proteins += len(proteins)
    return n_proteins


def _write_npz(
    blocks: Iterable[Block], width: int, metadata: Mapping[str, str], file: BinaryIO
) -> int:
    """Write an archive for `numpy.load`; equal values give equal bytes."""
    ids, lengths, vectors = [], [], [np.empty((0, width), np.float32)]
    for proteins, block in blocks:
        ids += [protein.id for protein in proteins]
        lengths += [len(protein.sequence) for protein in proteins]
        vectors.append(block)
    arrays = {
        "ids": np.array(ids, np.str_),
        "sequence_lengths": np.array(lengths, np.int64),
        "embeddings": np.concatenate(vectors),  # (N, D)
        "metadata": np.array(json.dumps(metadata)),
    }
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy")  # with a constant date
            with archive.open(entry, "w", force_zip64=True) as part:
                np.lib.format.write_array(part, array, allow_pickle=False)
    return len(ids)


_WRITERS: dict[str, Callable[[Iterable[Block], int, Mapping[str, str], BinaryIO], int]] = {
    ".parquet": _write_parquet,
    ".npz": _write_npz,
}
