"""``esmgo explain``: the evidence for one term of a protein.

It consists of the term's score and what each source adds to it, the term's ancestors, the nearest
training proteins that carry and that lack the term, the contribution of each residue to the
network's score, and a test of the residues that contribute most.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from esmgo.data.fasta import Protein
from esmgo.data.rejects import ReadReport
from esmgo.errors import UsageError, printable
from esmgo.evidence.sources import EvidenceSource
from esmgo.evidence.votes import Votes
from esmgo.explanation.attribution import STEPS, attribute, logits
from esmgo.explanation.card import to_text
from esmgo.explanation.card_values import NOTES, SCHEMA_VERSION, to_json
from esmgo.explanation.carriers import training_of
from esmgo.explanation.decomposition import decompose
from esmgo.explanation.deletion import N_RANDOM, deletion_test
from esmgo.explanation.explanation import Ancestor, Call, Explanation
from esmgo.explanation.track import to_svg
from esmgo.files.output import exclusive, opened
from esmgo.files.uses import writes
from esmgo.go.labels import LabelSpace
from esmgo.model.batches import blocks
from esmgo.model.tokens import encode, window_starts, windows
from esmgo.options import documented, option, overwrite_option
from esmgo.predict.findings import Findings
from esmgo.predict.inputs import CallerConfig, open_named, read_proteins
from esmgo.predict.predictor import BLOCK, Predictor
from esmgo.predict.scorer import Scorer

FORMATS = ("text", "json", "svg")
_SUFFIXES = {".txt": "text", ".json": "json", ".svg": "svg"}


@documented
@dataclass(frozen=True, slots=True)
class ExplainConfig(CallerConfig):
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
        CallerConfig.__post_init__(self)
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
    report = report if report is not None else ReadReport(config.strict)
    proteins = read_proteins(config, report)
    column = column_of(str(config.term), open_named(config.checkpoint_path).labels)
    predictor = config.predictor(report)
    passes = STEPS + N_RANDOM + 2  # of a protein, at least
    with tqdm(
        desc="Explaining", total=passes * len(proteins), unit="pass", disable=None, leave=False
    ) as bar:
        end = passes

        def progress(n: int) -> None:
            bar.update(min(n, end - int(bar.n)))

        for block in blocks(proteins, BLOCK):
            for found in explained(predictor, block, column, progress):
                yield found
                progress(passes)
                end += passes


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
    predictor: Predictor,
    proteins: Sequence[Protein],
    column: int,
    progress: Callable[[int], object] | None = None,
) -> Iterator[Explanation]:
    """Explain one term of each protein of a block; see `attribute` for ``progress``."""
    labels, scorer, index = predictor.labels, predictor.scorer, predictor.sources.index
    found = Findings.of(proteins, scorer, predictor.sources)
    evidence = predictor.combined(found)
    blend = predictor.variant if predictor.alone is None else None
    if blend is not None:
        own = blend.blended(found.scores, labels)
    else:  # votes obey the true-path rule
        sources = found.scores.by_source() | {EvidenceSource.HEAD.word: found.raw}
        own = sources[str(predictor.alone)]
    chain = sorted((*labels.ancestors(column), column), key=lambda j: (labels.depth[j], j))
    for i, protein in enumerate(proteins):
        values, scores = evidence.scores.values[i], found.scores.rows(slice(i, i + 1))
        source = _source(own[i], column, labels)
        network = _source(found.raw[i], source, labels)
        first, row = _window(scorer, protein.sequence, network)
        track = attribute(
            scorer.caller, row, network, scorer.device, first=first + 1, progress=progress
        )
        score = partial(
            logits, scorer.caller, column=network, device=scorer.device, progress=progress
        )
        votes = {name: _of_query(each, i) for name, each in found.relatives.votes.items()}
        yield Explanation(
            protein_id=protein.id,
            sequence=protein.sequence,
            term=labels.terms[column],
            call=Call(
                score=float(values[column]),
                precision=float(evidence.precision[i, column]),
                decoy_rate=float(evidence.decoy_rate[i, column]),
                information=float(evidence.information[column]),
                novelty=float(evidence.novelty[i]),
                best_precision=float(evidence.best_precision[i]),
                own_score=float(own[i, column]),
                source=labels.terms[source],
                decomposition=None
                if blend is None
                else decompose(scores, source, blend.blended, labels),
                similarity={name: float(x[0]) for name, x in scores.similarity.items()},
            ),
            ancestors=tuple(_ancestor(j, labels, values) for j in chain),
            training=None
            if index is None
            else training_of(index, votes, protein.sequence, column, labels),
            probability=float(scores.head[0, column]),
            own_probability=float(found.raw[i, column]),
            explained=labels.terms[network],
            track=track,
            masking=deletion_test(row, track.marked, score),
        )


def _of_query(votes: Votes, query: int) -> Votes:
    """Return the votes for one protein."""
    first, last = np.searchsorted(votes.query, [query, query + 1])
    number = np.zeros(last - first, np.int64)
    total = votes.total[query : query + 1]
    return Votes(number, votes.voter[first:last], votes.weight[first:last], total)


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


def _ancestor(j: int, labels: LabelSpace, values: NDArray[np.float32]) -> Ancestor:
    parents = tuple(labels.terms[p].id for p in labels.parents[j])
    return Ancestor(labels.terms[j], parents, int(labels.depth[j]), float(values[j]))
