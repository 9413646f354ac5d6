"""What baselines and the audit have in common: a data set with the whole of its test split.

Nothing here knows about scores or models.
"""

from __future__ import annotations

from dataclasses import dataclass

from esmgo.data.download import locate_ontology
from esmgo.data.rejects import ReadReport
from esmgo.dataset.layout import locate
from esmgo.dataset.opening import (
    DEFAULT,
    SAMPLE,
    Dataset,
    locate_dataset,
    open_dataset,
    parse_subset,
)
from esmgo.evidence.diamond import available_threads
from esmgo.go.obo import read_obo
from esmgo.options import check, option

HOLD_OUT = 0.1
"""Held out of train where there is no test split: what training does unless told otherwise."""


@dataclass(frozen=True, slots=True)
class CorpusConfig:
    """What every verb accepts that compares test proteins with training proteins."""

    dataset: str = option(
        DEFAULT,
        "The data set: a hub id, a local folder SUBSET/SPLIT.parquet or .jsonl, one such file,"
        " or sample.",
    )
    dataset_subset: str = option("all", "The subset: all, mf, cc or bp.")
    ontology: str | None = option(
        None, "The Gene Ontology: a local OBO file (plain or gzip) or the URL of go-basic.obo."
    )
    drop_unknown_terms: bool = option(
        False, "Drop terms that the ontology does not know instead of refusing the data set."
    )
    strict: bool = option(False, "Stop at the first rejected record instead of skipping it.")
    threads: int | None = option(
        None,
        "CPU threads of DIAMOND.",
        minimum=1,
        maximum=1024,
        default_text="all that this process may use",
    )

    def __post_init__(self) -> None:
        check(self)
        object.__setattr__(self, "dataset_subset", parse_subset(self.dataset_subset))

    @property
    def n_threads(self) -> int:
        """The threads asked for, or all that this process may use."""
        return self.threads or available_threads()


def open_corpus(config: CorpusConfig, report: ReadReport) -> Dataset:
    """Open the data set: all of its test split, or what training holds out where it has none.

    ``report`` takes its warnings and rejected rows.

    Raises
    ------
    EsmgoError
        As `esmgo.dataset.opening.open_dataset`.
    """
    name, subset = locate_dataset(config.dataset, config.dataset_subset), config.dataset_subset
    path = locate_ontology(config.ontology) if config.ontology else None
    has_test = name == SAMPLE or "test" in locate(name, subset).files
    data = open_dataset(
        name,
        subset,
        ontology=read_obo(path) if path else None,
        eval_ratio=1.0 if has_test else HOLD_OUT,
        drop_unknown_terms=config.drop_unknown_terms,
        strict=config.strict,
    )
    report.absorb(data.report)
    return data
