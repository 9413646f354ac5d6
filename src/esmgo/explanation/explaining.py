"""``esmgo explain``: the evidence for one term of a protein.

It consists of the term's ancestors, the most similar training proteins that carry it, the
contribution of each residue to its score, and a test of the residues that contribute most.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from esmgo.data.fasta import Protein
from esmgo.data.rejects import ReadReport
from esmgo.errors import UsageError, printable
from esmgo.evidence.index import Index, open_index
from esmgo.evidence.neighbours import nearest
from esmgo.explanation.attribution import STEPS, attribute, logits
from esmgo.explanation.card import NOTES, SCHEMA_VERSION, to_json, to_text
from esmgo.explanation.deletion import N_RANDOM, deletion_test
from esmgo.explanation.explanation import Ancestor, Explanation, Training
from esmgo.explanation.track import to_svg
from esmgo.files.output import exclusive, opened
from esmgo.files.uses import writes
from esmgo.go.labels import LabelSpace
from esmgo.go.truepath import propagate
from esmgo.model.bundled import context_of
from esmgo.model.tokens import encode, window_starts, windows
from esmgo.options import documented, option, overwrite_option
from esmgo.predict.inputs import ReadingConfig, announce, open_named, read_proteins
from esmgo.predict.scorer import Scorer

FORMATS = ("text", "json", "svg")
_SUFFIXES = {".txt": "text", ".json": "json", ".svg": "svg"}

NEAREST = 5
"""Training proteins with the term that a card names."""


@documented
@dataclass(frozen=True, slots=True)
class ExplainConfig(ReadingConfig):
    """What ``esmgo explain`` accepts."""

    term: str | None = option(
        None, "The term to explain: its GO id, or its name, in either case of letters."
    )
    output: str = option("-", "Where to: a file, or - for standard output.", short="o", uses=writes)
    format: str | None = option(
        None,
        "text, json or svg; when not given, as the suffix of `output` says, else text.",
        choices=FORMATS,
    )
    overwrite: bool = overwrite_option()

    def __post_init__(self) -> None:
        ReadingConfig.__post_init__(self)
        if self.term is None or not self.term.strip():
            raise UsageError(
                "nothing to explain: give `term=GO:…` (esmgo rank with `show_ids` lists ids)"
            )
        if self.format is None and self.output != "-" and self.made is None:
            known = ", ".join(_SUFFIXES)
            reason = f"{printable(self.output, 80)} should end in {known}, or give `format`"
            raise UsageError(reason, field="output")

    @property
    def made(self) -> str | None:
        """The format to write: one of `FORMATS`, or None if neither flag determines it."""
        if self.format is None and self.output == "-":
            return "text"
        return self.format or _SUFFIXES.get(Path(self.output).suffix.lower())


def explain(config: ExplainConfig, report: ReadReport | None = None) -> Iterator[Explanation]:
    """Explain why proteins are called for ``config.term``, in input order.

    All input is read and checked before the first explanation.

    Parameters
    ----------
    config : ExplainConfig
        With ``term``, and ``sequence`` or ``fasta``.
    report : ReadReport, optional
        Filled with rejected records and warnings.

    Yields
    ------
    Explanation
        The same for the same protein, independent of other input.

    Raises
    ------
    UsageError
        If the checkpoint does not have the term.
    """
    proteins = read_proteins(config, report if report is not None else ReadReport(config.strict))
    checkpoint = open_named(config.checkpoint_path)
    column = column_of(str(config.term), checkpoint.labels)
    index = open_index(checkpoint, with_kmers=False)
    scorer = Scorer.of(
        checkpoint,
        device=config.device,
        context_length=context_of(checkpoint.path, config.context_length),
        dtype=config.dtype,
    )
    announce(checkpoint, config.checkpoint_path)
    passes = STEPS + N_RANDOM + 2  # of a protein, at least
    with tqdm(
        desc="Explaining", total=passes * len(proteins), unit="pass", disable=None, leave=False
    ) as bar:
        for i, protein in enumerate(proteins, 1):
            end = passes * i
            progress = partial(_advance, bar, end)
            yield explained(scorer, index, protein, column, progress)
            _advance(bar, end, passes)


def _advance(bar: tqdm[NoReturn], end: int, n: int) -> None:
    """Advance a bar by ``n``, up to ``end``."""
    bar.update(min(n, end - int(bar.n)))


def write_explanations(config: ExplainConfig, report: ReadReport | None = None) -> None:
    """Write the explanations that ``config`` requests; a file is complete or absent."""
    with exclusive((config.output,), overwrite=config.overwrite), opened(config.output) as file:
        for part in _rendered(explain(config, report), str(config.made)):
            file.write(part.encode("utf-8", "backslashreplace"))
            file.flush()


def _rendered(found: Iterable[Explanation], format: str) -> Iterator[str]:
    """Yield the output; text card by card."""
    if format == "text":
        for i, each in enumerate(found):
            yield "\n" * (2 * bool(i)) + f"{to_text(each)}\n"
    elif format == "svg":
        yield to_svg(list(found))
    else:
        cards = [to_json(each) for each in found]
        value = {"schema_version": SCHEMA_VERSION, "notes": NOTES, "cards": cards}
        yield (
            json.dumps(value, allow_nan=False, indent=1) + "\n"
        )  # ASCII, for ids that are not Unicode


def explained(
    scorer: Scorer,
    index: Index | None,
    protein: Protein,
    column: int,
    progress: Callable[[int], object] | None = None,
) -> Explanation:
    """Explain one term of one protein; see `attribute` for ``progress``."""
    labels, device = scorer.labels, scorer.device
    own, vectors, _ = scorer.states([protein.sequence])
    called = propagate(own, labels)[0]
    source = _source(own[0], column, labels)
    first, row = _window(scorer, protein.sequence, source)
    track = attribute(scorer.caller, row, source, device, first=first + 1, progress=progress)
    score = partial(logits, scorer.caller, column=source, device=device, progress=progress)
    chain = sorted((*labels.ancestors(column), column), key=lambda j: (labels.depth[j], j))
    return Explanation(
        protein_id=protein.id,
        sequence=protein.sequence,
        term=labels.terms[column],
        probability=float(called[column]),
        own_probability=float(own[0, column]),
        explained=labels.terms[source],
        ancestors=tuple(_ancestor(j, labels, called) for j in chain),
        training=None if index is None else carriers_of(index, vectors, column, NEAREST),
        track=track,
        masking=deletion_test(row, track.marked, score),
    )


def carriers_of(index: Index, vector: NDArray[np.float32], column: int, k: int) -> Training:
    """Find the ``k`` training proteins with a term that are most similar to a protein.

    Parameters
    ----------
    index : Index
        Of M training proteins.
    vector : ndarray, shape=(1, D), dtype=float32
        The protein's embedding, by the same encoder.
    column : int
        The term.
    k : int
        Proteins to name, at most.
    """
    carriers = index.terms.owner[index.terms.indices == column]
    found: tuple[tuple[str, float], ...] = ()
    if len(carriers):
        near = nearest(vector, index.vectors[carriers], k)
        pairs = zip(carriers[near.protein[0]], near.similarity[0], strict=True)
        found = tuple((index.ids[i], float(similarity)) for i, similarity in pairs)
    return Training(len(index.ids), len(carriers), found)


def column_of(text: str, labels: LabelSpace) -> int:
    """Return the column of a term given by its id or its name, in upper or lower case.

    Raises UsageError if there is no such term; names similar ones.
    """
    wanted = text.strip().lower()
    known = {term.name.lower(): j for j, term in enumerate(labels.terms)}
    known |= {term.id.lower(): j for j, term in enumerate(labels.terms)}
    if wanted in known:
        return known[wanted]
    near = [labels.terms[known[each]] for each in get_close_matches(wanted[:100], known, 2, 0.75)]
    also = f"; near: {', '.join(f'{t.id} {printable(t.name, 30)}' for t in near)}" if near else ""
    raise UsageError(
        f"{printable(text, 40)} is not among the {len(labels):,} terms of this checkpoint, which"
        f" has no alternative ids{also}",
        field="term",
    )


def _source(own: NDArray[np.float32], column: int, labels: LabelSpace) -> int:
    """Return the term that a term's probability comes from: itself, or a higher descendant."""
    below = [
        j for j in range(len(labels)) if own[j] > own[column] and column in labels.ancestors(j)
    ]
    return max(below, key=lambda j: own[j], default=column)


def _window(scorer: Scorer, sequence: str, column: int) -> tuple[int, NDArray[np.uint8]]:
    """Return start and token ids of the window in which a term scores highest."""
    length = scorer.context_length
    rows = [encode(part, length) for part in windows(sequence, length)]
    best = 0
    if len(rows) > 1:
        best = int(logits(scorer.caller, rows, column, scorer.device).argmax())
    return window_starts(len(sequence), length)[best], rows[best]


def _ancestor(j: int, labels: LabelSpace, called: NDArray[np.float32]) -> Ancestor:
    parents = tuple(labels.terms[p].id for p in labels.parents[j])
    return Ancestor(labels.terms[j], parents, int(labels.depth[j]), float(called[j]))
