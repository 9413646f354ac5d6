"""What ``esmgo blend`` accepts, and what it returns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from esmgo.data.download import http_option, reads_ontology
from esmgo.dataset.layout import reads_dataset
from esmgo.errors import UsageError, brief, printable
from esmgo.evidence.programs import BUILTIN, NONE, SEARCHES
from esmgo.files.uses import Use
from esmgo.model.bundled import USUAL
from esmgo.model.container import files_of
from esmgo.options import (
    check,
    device_option,
    documented,
    dtype_option,
    option,
    threads_option,
)


@documented
@dataclass(frozen=True, slots=True)
class BlendConfig:
    """Settings of ``esmgo blend``."""

    checkpoint_path: str = option(
        USUAL,
        "The checkpoint, in which the blend is stored.",
        uses=lambda _, path: [Use(str(each), "write") for each in files_of(Path(path))],
    )
    dataset: str | None = option(
        None,
        "The data set of the training: a hub id, a local folder, one file, or sample. The blend is"
        " fitted to its held-out proteins, which were not used for training.",
        uses=reads_dataset,
    )
    ontology: str | None = option(
        None,
        "The ontology of the training: a local OBO file or a URL.",
        default_text="as in training",
        uses=reads_ontology,
    )
    allow_http: bool = http_option()
    homology: str | None = option(
        None,
        "How to find training proteins with similar sequences: builtin, diamond, mmseqs or none."
        " The blend fits every way.",
        choices=(*SEARCHES, NONE),
        default_text="builtin; without `kmers` none",
    )
    num_neighbours: int = option(
        10,
        "Number of nearest training proteins, by embedding, that vote.",
        minimum=1,
        maximum=1000,
    )
    kmers: int = option(
        560,
        "Average number of k-mers per training protein to keep in the index, the most conserved"
        " ones; 0: blend without k-mers.",
        minimum=0,
        maximum=100_000,
    )
    seed: int = option(0, "The seed for choosing cells and folds.", minimum=0)
    threads: int | None = threads_option()
    dtype: str = dtype_option()
    device: str | None = device_option()

    def __post_init__(self) -> None:
        check(self)
        if self.dataset is None:
            raise UsageError("give `dataset=…`: what the checkpoint was trained on")
        if self.homology == BUILTIN and not self.kmers:
            raise UsageError("builtin needs `kmers` above 0", field="homology")

    @property
    def search(self) -> str | None:
        """The search for homologs; None for none."""
        found = self.homology or (BUILTIN if self.kmers else NONE)
        return None if found == NONE else found


@dataclass(frozen=True, slots=True)
class BlendSummary:
    """Fmax of each source, and of each blend out of fold, on the calibration proteins.

    Parameters
    ----------
    n_proteins : int
        Number of calibration proteins.
    fmax : dict of str to dict of str to float
        By source or blend, then by aspect.
    path : str
        The checkpoint.
    """

    n_proteins: int
    fmax: dict[str, dict[str, float]]
    path: str

    __repr__ = brief

    def __str__(self) -> str:
        names = list(next(iter(self.fmax.values())))
        width = max(map(len, self.fmax))
        lines = [f"Fmax on {self.n_proteins:,} held-out proteins, blends out of fold"]
        lines += [f"{'':{width}}  " + "  ".join(f"{n:>6}" for n in names)]
        for name, row in self.fmax.items():
            lines.append(f"{name:{width}}  " + "  ".join(f"{row[n]:6.3f}" for n in names))
        return "\n".join([*lines, f"blend stored in {printable(self.path, 90)}"])
