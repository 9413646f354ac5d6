"""Read the Gene Ontology from an OBO file and check that it is consistent.

A contradictory ontology is refused, because scores computed with it would be wrong.
Nothing here knows about proteins.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from graphlib import CycleError, TopologicalSorter
from itertools import chain
from operator import itemgetter

from esmgo.errors import printable
from esmgo.files.source import Source
from esmgo.go.ontology import Ontology
from esmgo.go.stanzas import Outline, read_outline
from esmgo.go.terms import Aspect, Term

_log = logging.getLogger(__name__)


def read_obo(source: Source, *, warn: Callable[[str], None] = _log.warning) -> Ontology:
    """Read the Gene Ontology.

    Only ``is_a``, and ``part_of`` within an aspect, are kept. Other relations (``regulates``,
    ``has_part``) and ``part_of`` across aspects do not propagate. Relations to terms of other
    ontologies, and those that hold in some taxa only (``gci_relation``), are left out and counted.

    Parameters
    ----------
    source : str, path or binary file
        An OBO file, plain or gzip; the name does not matter. ``-`` is standard input.
    warn : callable, optional
        Called with one line per warning, for example `ReadReport.warn`. The default logs it.

    Returns
    -------
    Ontology
        If ``data-version`` is missing, its release is ``sha256:`` and the file's digest.

    Raises
    ------
    OntologyError
        If the file is not an OBO file of GO or is truncated, an id is duplicate or ambiguous, a
        name, namespace, parent or root is missing, or there is a cycle or an is_a across
        namespaces. The message names term and line.
    """
    outline = read_outline(source)
    terms = {id: outline.terms[id] for id in sorted(outline.terms)}
    alternatives = _alternatives(terms, outline)
    _check_roots(terms, outline)
    parents = _parents(terms, alternatives, outline)
    _check_cycles(parents, outline)
    _check_orphans(parents, terms, outline, warn)
    replacements = _replacements(terms, alternatives, outline)
    _warn_of_omissions(terms, outline, warn)
    obsolete = frozenset(outline.lines.keys() - terms.keys())
    unspecific = frozenset(outline.unspecific & terms.keys())
    return Ontology(terms, parents, replacements, _release(outline, warn), obsolete, unspecific)


def _warn_of_omissions(
    terms: Mapping[str, Term], outline: Outline, warn: Callable[[str], None]
) -> None:
    if outline.n_foreign:
        warn(f"{_short(outline)}: {outline.n_foreign:,} terms of other ontologies left out")
    for what, pointers in (
        ("to terms of other ontologies", outline.elsewhere),
        ("that hold in some taxa only (gci_relation)", outline.conditional),
    ):
        active = [p for p in pointers if p[0] in terms and p[1] in ("is_a", "part_of")]
        if active:
            id, relation, other, line = active[0]
            first = f"{id} {relation} {printable(other, 24)} (line {line})"
            warn(f"{_short(outline)}: {len(active):,} relations {what} left out, the first {first}")
    if slim := printable(outline.slim, 40):
        warn(f"{_short(outline)}: {slim} is a slim, a part of GO; go-basic.obo has all terms")


def _short(outline: Outline) -> str:
    return printable(outline.name, 60)


def _release(outline: Outline, warn: Callable[[str], None]) -> str:
    version = outline.header.get("data-version")
    if version:
        return version
    warn(f"{_short(outline)}: no data-version; the SHA-256 of the content serves as release")
    return f"sha256:{outline.digest}"


def _parents(
    terms: Mapping[str, Term], alternatives: Collection[str], outline: Outline
) -> dict[str, tuple[str, ...]]:
    found: dict[str, set[str]] = {id: set() for id in terms}
    edges = outline.pointers["is_a"] + outline.pointers["part_of"]  # each in the file's order
    for child, relation, parent, line in sorted(edges, key=lambda edge: outline.lines[edge[0]]):
        if child not in terms:
            continue  # relations of obsolete terms do not count
        if child == parent:
            raise outline.refuse(f"{child} is its own parent ({relation})", line)
        if parent not in terms:
            is_known = parent in outline.lines or parent in alternatives
            why = "is obsolete or an alternative id" if is_known else "does not exist"
            why += "; a slim? use go-basic.obo" if outline.slim else ""
            raise outline.refuse(f"{child} {relation} {parent}, which {why}", line)
        own, other = terms[child].aspect, terms[parent].aspect
        if own is other:
            found[child].add(parent)
        elif relation == "is_a":
            assert own is not None
            assert other is not None
            ways = f"{own.value} is_a {parent} {other.value}"
            raise outline.refuse(f"{child} would have two namespaces: {ways}", line)
    return {id: tuple(sorted(up)) for id, up in found.items()}


def _check_roots(terms: Mapping[str, Term], outline: Outline) -> None:
    present = {term.aspect for term in terms.values()}
    if not present:
        raise outline.refuse("every term is obsolete")
    for aspect in Aspect:
        root = terms.get(aspect.root)
        if root is not None and root.aspect is not aspect:
            reason = f"root {aspect.root} is not in its namespace {aspect.value}"
            raise outline.refuse(reason, outline.lines[aspect.root])
        if root is None and aspect in present:
            what = f"{printable(outline.slim, 40)} is a slim" if outline.slim else "is it a slim"
            reason = f"root {aspect.root} ({aspect.value}) missing: {what}, a part of GO"
            raise outline.refuse(f"{reason}; use go-basic.obo")


def _check_cycles(parents: Mapping[str, tuple[str, ...]], outline: Outline) -> None:
    below = Counter(chain.from_iterable(parents.values()))  # children not yet removed
    free = [id for id in parents if id not in below]
    for id in free:  # grows during the loop
        for parent in parents[id]:
            below[parent] -= 1
            if not below[parent]:
                free.append(parent)
    if len(free) == len(parents):
        return
    try:
        TopologicalSorter(parents).prepare()  # slower, but it names a cycle
    except CycleError as error:
        cycle: list[str] = error.args[1][::-1]  # child before parent, first = last
        way = " → ".join(cycle if len(cycle) <= 6 else [*cycle[:4], "…", cycle[-1]])
        line = outline.line_of(cycle[0], cycle[1], "is_a", "part_of")
        raise outline.refuse(f"a cycle of parents: {way}", line) from None


def _check_orphans(
    parents: Mapping[str, tuple[str, ...]],
    terms: Mapping[str, Term],
    outline: Outline,
    warn: Callable[[str], None],
) -> None:
    orphans = [id for id, up in parents.items() if not up and not terms[id].is_root]
    last, line = next(reversed(outline.lines.items()))
    is_cut = all(id != last for id, *_ in chain(outline.elsewhere, outline.conditional))
    if last in orphans and is_cut:
        why = "a broken download?" if len(orphans) == 1 else "a broken download, or a slim?"
        raise outline.refuse(f"{last}, the last term, has no parent ({why})", line)
    if orphans:
        first = f"{orphans[0]} (line {outline.lines[orphans[0]]})"
        warn(f"{_short(outline)}: {len(orphans):,} terms without a parent, the first {first}")


def _alternatives(terms: Mapping[str, Term], outline: Outline) -> dict[str, str]:
    """Return the owner of each alternative id; active owners take precedence over obsolete ones."""
    owners: dict[str, str] = {}
    for id, _, other, line in sorted(outline.pointers["alt_id"], key=itemgetter(0)):
        if other in terms:
            reason = f"ambiguous id: {other} is a term (line {outline.lines[other]})"
            raise outline.refuse(f"{reason} and an alt_id of {id}", line)
        owner = owners.setdefault(other, id)
        if owner != id and id in terms:
            if owner in terms:
                reason = f"ambiguous id: {other} is an alt_id of {owner} and of {id}"
                raise outline.refuse(reason, line)
            owners[other] = id
    return owners


def _replacements(
    terms: Mapping[str, Term], alternatives: Mapping[str, str], outline: Outline
) -> dict[str, str | None]:
    """Follow alternative ids and ``replaced_by`` to active terms, through any number of steps."""
    steps: dict[str, set[str]] = {id: set() for id in sorted(outline.lines.keys() - terms.keys())}
    for id, _, target, line in sorted(outline.pointers["replaced_by"], key=itemgetter(0)):
        if id in steps:
            if target not in outline.lines and target not in alternatives:
                raise outline.refuse(f"{id} replaced_by {target}, which does not exist", line)
            steps[id].add(target)
    steps |= {id: {owner} for id, owner in alternatives.items()}
    try:
        order = list(TopologicalSorter(steps).static_order())
    except CycleError as error:
        cycle: list[str] = error.args[1][::-1]
        reason = f"obsolete terms replace each other: {' → '.join(cycle[:5])}"
        raise outline.refuse(reason, outline.line_of(cycle[0], cycle[1], "replaced_by")) from None
    ends: dict[str, frozenset[str]] = {}
    for id in order:
        reached = (ends[step] for step in steps.get(id, ()))
        ends[id] = frozenset({id}) if id in terms else frozenset().union(*reached)
    return {id: next(iter(ends[id])) if len(ends[id]) == 1 else None for id in sorted(steps)}
