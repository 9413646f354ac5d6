"""Choosing the evidence sources of a predictor, from what a checkpoint has and what is requested.

What is requested decides, never which programs the machine has: the same command uses the same
sources on every machine.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeVar

from esmgo.errors import CheckpointError, UsageError, printable
from esmgo.evidence.homology import Homologs
from esmgo.evidence.index import Index
from esmgo.evidence.index_file import open_index
from esmgo.evidence.local_search import LocalSearch
from esmgo.evidence.programs import BUILTIN
from esmgo.evidence.relatives import Sources, available_sources, search_of
from esmgo.evidence.sources import EvidenceSource
from esmgo.model.checkpoint import Checkpoint
from esmgo.predict.blend import Blend, Variant

log = logging.getLogger(__name__)

_T = TypeVar("_T")

_HEAD, _KMERS, _HOMOLOGY = (
    source.word for source in (EvidenceSource.HEAD, EvidenceSource.KMERS, EvidenceSource.HOMOLOGY)
)


class Chosen(NamedTuple):
    """Sources, the blend that combines them, and a digest of what determines their scores.

    Without a ``variant`` the scores of the source with the name ``alone`` are used.
    """

    sources: Sources
    variant: Variant | None
    alone: str
    digest: str


def choose(
    checkpoint: Checkpoint,
    homology: str | Mapping[str, str] | None,
    requested: Sequence[str] | None,
    threads: int,
) -> Chosen:
    """Open index and blend, and choose the sources; see `Predictor.load`."""
    is_head_alone = requested == (_HEAD,)
    with_kmers = requested is None or not {_KMERS, _HOMOLOGY}.isdisjoint(requested)
    index = _unless(is_head_alone, lambda: open_index(checkpoint, with_kmers=with_kmers))
    search = search_of(homology, index)
    wanted = available_sources(index, search, requested, str(checkpoint.path))
    blend = _unless(is_head_alone, lambda: Blend.of(checkpoint))
    if blend is not None and requested is None:
        blend.check_sources(wanted, checkpoint)
    variant = blend.variant(wanted) if blend else None
    if variant is None and requested is None and homology is None:
        variant = blend.widest(wanted) if blend else None
        wanted = variant.sources if variant else (_HEAD,)
    elif variant is None and len(wanted) > 1:
        how = "esmgo blend with `homology`" if _HOMOLOGY in wanted else "esmgo blend"
        name = printable(checkpoint.path, 60)
        raise UsageError(f"{name} has no blend of {', '.join(wanted)}: {how} fits one")
    search = search if _HOMOLOGY in wanted else None
    if index is not None and _KMERS not in wanted and search != BUILTIN:
        index = replace(index, kmers=None)  # searching them takes time
    sources = Sources(
        checkpoint.labels,
        index,
        searching(index, search, threads),
        num_neighbours=blend.num_neighbours if blend else 10,
        is_blended=variant is not None and len(variant.sources) > 1,
        with_kmers=_KMERS in wanted,
    )
    digest = hashlib.sha256(repr(list(wanted)).encode())
    digest.update(checkpoint.header.notes["sha256"].encode())
    if index is not None:
        digest.update(index.fingerprint.encode())
    if isinstance(search, str):
        digest.update(search.encode())
    else:
        for id, sequence in sorted((search or {}).items()):
            digest.update(f">{id}\n{sequence}\n".encode())
    return Chosen(sources, variant, wanted[0], digest.hexdigest())


def searching(
    index: Index | None, search: str | Mapping[str, str] | None, threads: int
) -> Homologs | LocalSearch | None:
    """Return what finds homologs by ``search``, a result of `search_of`."""
    if index is None or search is None:
        return None
    if search == BUILTIN:
        return LocalSearch(index, threads)
    return Homologs.of(index, search, threads)


def _unless(is_optional: bool, read: Callable[[], _T]) -> _T | None:
    """Return ``read()``; if it is optional, a refused file is a warning."""
    try:
        return read()
    except CheckpointError as error:
        if not is_optional:
            raise CheckpointError(error.source, f"{error.reason}, or give `sources=head`") from None
        log.warning("%s", error)
        return None
