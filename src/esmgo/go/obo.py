"""The Gene Ontology from an OBO file, through obonet; no graph object leaves this module.

An ontology that contradicts itself is refused: every score computed on it would be
wrong somewhere. Nothing here knows about proteins.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

import obonet

from esmgo.errors import OntologyError, shown
from esmgo.go.ontology import Ontology
from esmgo.go.source import Source
from esmgo.go.stanzas import Outline, read_outline
from esmgo.go.terms import Aspect, Term

__all__ = ["read_obo"]

_log = logging.getLogger(__name__)

Nodes = Mapping[str, Mapping[str, Any]]


def read_obo(source: Source, *, warn: Callable[[str], None] = _log.warning) -> Ontology:
    """Read the Gene Ontology.

    Kept are ``is_a`` and, within an aspect, ``part_of``; other relations (``regulates``,
    ``has_part``) and ``part_of`` across aspects do not propagate and are left out.

    Parameters
    ----------
    source : str, path or binary file
        OBO, plain or gzip, whatever its name; ``-`` is standard input.
    warn : callable, optional
        Takes one line about each thing that looks odd; by default they are logged.
        `ReadReport.warn` fits.

    Returns
    -------
    Ontology
        Without ``data-version`` its release is ``sha256:`` and the digest of the content.

    Raises
    ------
    OntologyError
        With term and line: no OBO of GO, a truncated file, duplicate or ambiguous ids, a
        missing name, namespace, parent or root, a cycle, an is_a across namespaces.
    """
    outline = read_outline(source)
    text = "\n".join(["ontology: go", *outline.lines, ""])
    graph = obonet.read_obo(io.StringIO(text), ignore_obsolete=False)
    nodes: Nodes = {id: graph.nodes[id] for id in sorted(outline.terms)}
    terms = {id: _term(id, node) for id, node in nodes.items() if not _is_obsolete(node)}
    alternatives = _alternatives(nodes, terms, outline)
    edges = graph.edges(keys=True)
    parents = _parents(edges, terms, {*nodes, *alternatives}, outline)
    _check_roots(terms, outline)
    _check_cycles(parents, outline)
    _check_orphans(parents, terms, outline, warn)
    replacements = _replacements(nodes, terms, alternatives, outline)
    if outline.n_foreign:
        warn(f"{_short(outline)}: {outline.n_foreign:,} terms of other ontologies left out")
    return Ontology(terms, parents, replacements, _release(outline, warn))


def _short(outline: Outline) -> str:
    return shown(outline.name, 60)


def _release(outline: Outline, warn: Callable[[str], None]) -> str:
    version, _ = outline.header.get("data-version", ("", 0))
    if version:
        return version
    warn(f"{_short(outline)}: no data-version; the SHA-256 of the content stands for the release")
    return f"sha256:{outline.digest}"


def _is_obsolete(node: Mapping[str, Any]) -> bool:
    return bool(node.get("is_obsolete") == "true")


def _term(id: str, node: Mapping[str, Any]) -> Term:
    return Term(id, node["name"], Aspect(node["namespace"]))


def _parents(
    edges: Iterable[tuple[str, str, str]],
    terms: Mapping[str, Term],
    known: set[str],
    outline: Outline,
) -> dict[str, tuple[str, ...]]:
    found: dict[str, set[str]] = {id: set() for id in terms}
    for child, parent, relation in edges:
        if child not in terms:
            continue  # what an obsolete term was, it is no more
        at = (child, relation, parent)
        if child == parent:
            raise outline.refuse(f"{child} is its own parent ({relation})", *at)
        if parent not in terms:
            why = "is obsolete or an alternative id" if parent in known else "does not exist"
            reason = f"{child} {relation} {shown(parent, 40)}, which {why}"
            raise outline.refuse(reason, *at)
        own, other = terms[child].aspect, terms[parent].aspect
        if own is other:
            found[child].add(parent)
        elif relation == "is_a":
            assert own is not None
            assert other is not None
            reason = f"{child} would have two namespaces: {own.value} is_a {parent} {other.value}"
            raise outline.refuse(reason, *at)
    return {id: tuple(sorted(up)) for id, up in found.items()}


def _check_roots(terms: Mapping[str, Term], outline: Outline) -> None:
    present = {term.aspect for term in terms.values()}
    if not present:
        raise OntologyError(outline.name, "every term is obsolete")
    for aspect in Aspect:
        root = terms.get(aspect.root)
        if root is not None and root.aspect is not aspect:
            reason = f"root {aspect.root} is not in its namespace {aspect.value}"
            raise outline.refuse(reason, aspect.root)
        if root is None and aspect in present:
            raise OntologyError(outline.name, f"root {aspect.root} ({aspect.value}) missing")


def _check_cycles(parents: Mapping[str, tuple[str, ...]], outline: Outline) -> None:
    try:
        TopologicalSorter(parents).prepare()
    except CycleError as error:
        cycle: list[str] = error.args[1][::-1]  # child before parent, first = last
        way = " → ".join(cycle if len(cycle) <= 6 else [*cycle[:4], "…", cycle[-1]])
        line = outline.pointers.get(
            (cycle[0], "is_a", cycle[1]), outline.pointers.get((cycle[0], "part_of", cycle[1]))
        )
        raise OntologyError(outline.name, f"a cycle of parents: {way}", line) from None


def _check_orphans(
    parents: Mapping[str, tuple[str, ...]],
    terms: Mapping[str, Term],
    outline: Outline,
    warn: Callable[[str], None],
) -> None:
    orphans = [id for id, up in parents.items() if not up and not terms[id].is_root]
    if outline.last_term in orphans:
        reason = f"{outline.last_term}, the last term, has no parent (a broken download?)"
        raise outline.refuse(reason, outline.last_term)
    if orphans:
        first = f"{orphans[0]} (line {outline.terms[orphans[0]]})"
        warn(f"{_short(outline)}: {len(orphans):,} terms without a parent, the first {first}")


def _alternatives(nodes: Nodes, terms: Mapping[str, Term], outline: Outline) -> dict[str, str]:
    """Return the owner of each alternative id; an active owner goes before an obsolete one."""
    owners: dict[str, str] = {}
    for id, node in nodes.items():
        for other in node.get("alt_id", ()):
            at = (id, "alt_id", other)
            if other in terms:
                reason = f"ambiguous id: {other} is a term (line {outline.terms[other]})"
                raise outline.refuse(f"{reason} and an alt_id of {id}", *at)
            owner = owners.setdefault(other, id)
            if owner != id and id in terms:
                if owner in terms:
                    reason = f"ambiguous id: {other} is an alt_id of {owner} and of {id}"
                    raise outline.refuse(reason, *at)
                owners[other] = id
    return owners


def _replacements(
    nodes: Nodes, terms: Mapping[str, Term], alternatives: Mapping[str, str], outline: Outline
) -> dict[str, str | None]:
    """Follow alternative ids and ``replaced_by`` to active terms, through any number of steps."""
    steps = {id: set(node.get("replaced_by", ())) for id, node in nodes.items() if id not in terms}
    for id, targets in steps.items():
        for target in targets:
            if target not in nodes and target not in alternatives:
                reason = f"{id} replaced_by {target}, which does not exist"
                raise outline.refuse(reason, id, "replaced_by", target)
    steps |= {id: {owner} for id, owner in alternatives.items()}
    try:
        order = list(TopologicalSorter(steps).static_order())
    except CycleError as error:
        cycle: list[str] = error.args[1][::-1]
        reason = f"obsolete terms replace each other: {' → '.join(cycle[:5])}"
        raise outline.refuse(reason, cycle[0], "replaced_by", cycle[1]) from None
    ends: dict[str, frozenset[str]] = {}
    for id in order:
        reached = (ends[step] for step in steps.get(id, ()))
        ends[id] = frozenset({id}) if id in terms else frozenset().union(*reached)
    return {id: next(iter(ends[id])) if len(ends[id]) == 1 else None for id in sorted(steps)}
