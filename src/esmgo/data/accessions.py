"""The accession in a protein's identifier: one rule for all files that are compared or written.

Identifiers stay as written in data sets and in our own tables. GAF, GPAD and CAFA files have the
accession, and two files are compared by the accessions of both. The table is in docs/ids.md.

References
----------
https://www.uniprot.org/help/accession_numbers, https://www.uniprot.org/help/fasta-headers and
https://ncbi.github.io/cxx-toolkit/pages/ch_demo#ch_demo.id1_fetch.html_ref_fasta
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from esmgo.errors import printable

UNIPROT = "UniProtKB"

_ACCESSION = r"(?:[OPQ][0-9][A-Z0-9]{3}[0-9]|[A-NR-Z](?:[0-9][A-Z][A-Z0-9]{2}){1,2}[0-9])"
_UNIPROT = re.compile(rf"({_ACCESSION})(?:\.[0-9]+)?(-[0-9]+|[-:]PRO_[0-9]{{10}})?")
_CLUSTER = re.compile(rf"UniRef(?:50|90|100)_({_ACCESSION}(?:-[0-9]+)?|UPI[0-9A-F]{{10}})")
_UNIPROT_PREFIX = re.compile(r"(?i:uniprot(?:kb)?)(?:/(?:Swiss-Prot|TrEMBL))?:")
_ENSEMBL = re.compile(r"(ENS[A-Z]*[PTG][0-9]{11})(?:\.[0-9]+)?")
_CHAIN = re.compile(r"([0-9][A-Za-z0-9]{3})[:_]([A-Za-z0-9]+)")
_ISOLATE = re.compile(r"EPI_ISL_[0-9]+")
_NAME = re.compile(r"[A-Za-z][\w-]*", re.ASCII)
_NCBI = frozenset({
    "gi", "gb", "emb", "dbj", "ref", "pir", "prf", "tpg", "tpe", "tpd", "gpp", "nat", "bbs",
    "bbm", "gim",
})  # fmt: skip
"""Tags with an accession and perhaps a name after them."""


class ProteinId(NamedTuple):
    """The parts of an identifier.

    Parameters
    ----------
    accession : str
        Names the protein. It has no ``|`` and is empty only if the identifier is.
    database : str
        ``UniProtKB``, or empty: the identifier does not have the form of UniProt's.
    symbol : str
        The entry name after the accession, or the accession.
    canonical : str
        The accession without the number of an isoform or of a chain.
    """

    accession: str
    database: str
    symbol: str
    canonical: str


def accession(id: str) -> str:
    """Return the accession in an identifier; see `parse_id`.

    Examples
    --------
    >>> accession("sp|P04637|P53_HUMAN"), accession("gi|16128008|ref|NP_414555.1|")
    ('P04637', 'NP_414555.1')
    >>> accession("pdb|4HHB|A"), accession("p53")
    ('4HHB_A', 'p53')
    """
    return parse_id(id).accession


def parse_id(id: str) -> ProteinId:
    """Return the parts of an identifier, the first word of a FASTA header.

    UniProt's ``sp|X|Y`` counts as UniProt's only if X has the form of an accession. In a form that
    is not in the table of docs/ids.md, ``_`` replaces ``|``.

    Examples
    --------
    >>> parse_id("sp|P04637-2|P53_HUMAN")
    ProteinId(accession='P04637-2', database='UniProtKB', symbol='P53_HUMAN', canonical='P04637')
    >>> parse_id("sp|MINE_1|")
    ProteinId(accession='MINE_1', database='', symbol='MINE_1', canonical='MINE_1')
    """
    head, bar, rest = id.partition("|")
    if bar:
        return _of_fields(head, rest.split("|"))
    prefix = _UNIPROT_PREFIX.match(id)
    return _plain(id[prefix.end() :] or id if prefix else id)


class Numbering:
    """Numbers proteins by accession: ids that share an accession are one protein.

    Parameters
    ----------
    ids : iterable of str
        The first ids, see `add`.

    Examples
    --------
    >>> one = Numbering(["sp|P04637|P53_HUMAN", "p53"])
    >>> one.find("P04637"), one.find("P53"), one.add("tr|P04637|"), one.ids
    (0, -1, 0, ['sp|P04637|P53_HUMAN', 'p53'])
    """

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self.ids: list[str] = []
        """The first id of each protein, as written."""
        self.shared: dict[str, str] = {}
        """Further ids that share the accession of a protein, with its first id."""
        self._number: dict[str, int] = {}
        for id in ids:
            self.add(id)

    def __len__(self) -> int:
        return len(self.ids)

    def add(self, id: str) -> int:
        """Return the number of a protein; a new protein gets the next one."""
        number = self.find(id)
        if number < 0:
            number = len(self.ids)
            self._number[id] = self._number[accession(id)] = number
            self.ids.append(id)
        elif id != self.ids[number] and id not in self.shared:
            self.shared[id] = self.ids[number]
            self._number[id] = number
        return number

    def find(self, id: str) -> int:
        """Return the number of a protein, -1 for one that was not added."""
        number = self._number.get(id)
        return self._number.get(accession(id), -1) if number is None else number

    def report(self, warn: Callable[[str], None], name: str) -> None:
        """Pass ``warn`` a line about ids that share an accession, if there are any."""
        if self.shared:
            id, first = next(iter(self.shared.items()))
            warn(
                f"{printable(name, 60)}: {len(self.shared):,} ids share the accession of another"
                f" and are read as the same protein: {printable(id, 30)} as {printable(first, 30)}"
            )


def warn_of_repeats(repeated: Mapping[str, str], name: str, warn: Callable[[str], None]) -> None:
    """Pass ``warn`` a line about proteins that a format with accessions has already, if any.

    ``repeated`` maps the ids of those that are left out to the id of the one that is written.
    """
    if repeated:
        pairs = [f"{printable(i, 18)} as {printable(f, 18)}" for i, f in repeated.items()][:2]
        warn(
            f"{printable(name, 40)}: {len(repeated):,} records with the accession of an earlier"
            f" one, left out of gaf, gpad and cafa: {', '.join(pairs)}"
        )


def forms(id: str, other: str, other_id: str) -> str:
    """Return how the ids of a file and of another look, for a message that none of them match.

    Examples
    --------
    >>> forms("ENSP00000269305.4", "truth.tsv", "P04637")
    'its ids look like ENSP00000269305.4, those of truth.tsv like P04637'
    """
    return (
        f"its ids look like {printable(id, 22)}, those of {printable(other, 24)} like"
        f" {printable(other_id, 22)}"
    )


def _of_fields(tag: str, fields: list[str]) -> ProteinId:
    """Return the parts of an identifier with ``|``; the fields are those after the tag."""
    used = [field for field in fields if field]
    if not used:
        return _plain(tag or "_")
    if tag == "gi" and len(used) > 2:
        return _of_fields(fields[1], fields[2:])
    if tag in ("sp", "tr") or _UNIPROT_PREFIX.fullmatch(f"{tag}:"):
        return _plain(used[0], used[1] if len(used) > 1 else "")
    if tag in _NCBI:
        return _plain(used[0])
    if tag in ("pdb", "jgi"):
        return _plain("_".join(used[:2]))
    if tag in ("lcl", "gnl"):
        return _plain("_".join(used[1:] if tag == "gnl" and len(used) > 1 else used))
    is_chain = _CHAIN.fullmatch(tag) and used[0] in ("PDBID", "Chain", "Chains")  # RCSB
    if is_chain or _ENSEMBL.fullmatch(tag):  # the second is GENCODE's
        return _plain(tag)
    if isolate := next(filter(_ISOLATE.fullmatch, used), ""):
        after = (used[used.index(isolate) + 1 :] or [""])[0]
        name = tag if "/" not in tag else after if _NAME.fullmatch(after) else ""
        return _plain("_".join(filter(None, [name, isolate])))
    return _plain("_".join(filter(None, [tag, *used])))


def _plain(text: str, symbol: str = "") -> ProteinId:
    """Return the parts of an identifier without ``|``."""
    cluster = _CLUSTER.fullmatch(text)
    if cluster:
        text = cluster[1]
    uniprot = _UNIPROT.fullmatch(text)
    if uniprot:
        canonical, part = uniprot[1], uniprot[2] or ""
        name = canonical + part
        return ProteinId(name, UNIPROT, symbol or name, canonical)
    if ensembl := _ENSEMBL.fullmatch(text):
        text = ensembl[1]
    elif chain := _CHAIN.fullmatch(text):
        text = f"{chain[1]}_{chain[2]}"
    return ProteinId(text, "", text, text)
