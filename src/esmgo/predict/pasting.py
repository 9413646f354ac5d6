"""Sequences as people paste them: residues, FASTA, or the sequence part of a flat-file entry.

Digits are dropped only where they number lines. What looks like an accession, a gene symbol or a
file name is no sequence, and the error names it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path

from esmgo.data.accessions import UNIPROT, parse_id
from esmgo.data.fasta import Protein
from esmgo.data.foreign import kind_of_text
from esmgo.data.reading import FastaConfig, read_source
from esmgo.data.rejects import ReadReport
from esmgo.data.residues import FEW_RESIDUES
from esmgo.errors import UsageError, printable

_LINE_END = re.compile(r"\r\n|\r|\n")
_WORD = re.compile(r"[^ \t\n]+")
_OTHER = re.compile(r"[^A-Za-z0-9 \t\n*.-]")
_NO_DIGIT = re.compile(r"[^0-9 \t\n]")
_NUMBER = re.compile(r"[0-9]{1,7}")
_FRAME = re.compile(r"\A\s*(ORIGIN[ \t]*\n(?=[ \t]*1 )|SQ   SEQUENCE [^\n]*;[ \t]*\n)|\n//\s*\Z")
"""What encloses the sequence in an entry of GenBank, EMBL or UniProt."""

_FILE = re.compile(
    r".*[/\\].*|.*\.(fa|faa|fas|fasta|fna|ffn|pep|aa|seq|txt|gb|gbk|gp|embl|dat|pdb|cif|tsv|csv"
    r"|jsonl|parquet|zip|gz)",
    re.IGNORECASE,
)
_KINDS = (
    (r"GO:[0-9]{7}", "a GO term", ""),
    (r"[ANXYW]P_[0-9]{6,9}(\.[0-9]+)?", "a RefSeq accession", "www.ncbi.nlm.nih.gov/protein/{}"),
    (r"[NX][MRC]_[0-9]{6,9}(\.[0-9]+)?", "a RefSeq accession of RNA or DNA", "www.uniprot.org"),
    (r"UPI[0-9A-F]{10}", "a UniParc id", "rest.uniprot.org/uniparc/{}.fasta"),
    (r"UniRef[0-9]+_\w+", "a UniRef id", "rest.uniprot.org/uniref/{}.fasta"),
    (r"ENS[A-Z]*[GTP][0-9]{11}(\.[0-9]+)?", "an Ensembl id", "www.ensembl.org"),
    (r"[A-Z]{3}[0-9]{5}([0-9]{2})?(\.[0-9]+)?", "a GenBank accession",
     "www.ncbi.nlm.nih.gov/protein/{}"),
    (r"[A-Z0-9]{1,10}_[A-Z0-9]{3,5}", "a UniProt entry name", "www.uniprot.org"),
    (r"[0-9](?![0-9]{3})[A-Za-z0-9]{3}([_:.][A-Za-z0-9]+)?", "a PDB id",
     "www.rcsb.org/fasta/entry/{:.4}"),
    (r"(?=.*[0-9])[A-Za-z][A-Za-z0-9-]{1,14}", "a gene symbol", "www.uniprot.org"),
)  # fmt: skip
"""Forms that are no sequence, their names, and where to find the sequence."""


def pasted(text: str, config: FastaConfig, report: ReadReport) -> Iterator[Protein]:
    """Read a pasted sequence: residues on any number of lines, or FASTA.

    Line numbers of a flat-file entry are dropped. Raises UsageError, which names what the text
    looks like, if it has other digits and is no FASTA. In FASTA such a record is rejected.
    """
    text = text.strip(" \t\r\n")
    is_known = False
    if text.startswith(">"):
        rows = "\n".join(_without_numbers_of_records(_LINE_END.split(text)))
    else:
        residues = _residues(text)
        rows = f">sequence\n{residues}\n"
        is_known = residues.isalpha() and len(residues) < FEW_RESIDUES
        if is_known:
            report.warn(
                f"{residues} is read as {len(residues)} residues, too short to rely on; if it is a"
                " gene symbol or a name, give its sequence with `fasta=FILE`"
            )
    source = BytesIO(rows.encode("utf-8", "surrogateescape"))
    yield from read_source(source, config, report, is_scored=not is_known)


def queries(given: str | Protein | Iterable[str | Protein]) -> Iterator[Protein]:
    """Yield proteins; a string is read as a pasted sequence and named by its position.

    Raises UsageError or RecordError if it is not a sequence, and UsageError for any other type.

    Examples
    --------
    >>> list(queries(["MKTAYIAKQR", Protein("p2", "MALW")]))
    [Protein(id='query1', sequence='MKTAYIAKQR'), Protein(id='p2', sequence='MALW')]
    """
    several = [given] if isinstance(given, (str, Protein)) else given
    is_other = isinstance(several, (bytes, Mapping)) or any(
        hasattr(several, name) for name in ("columns", "reverse_complement")
    )  # iterating over these gives keys, names of columns or letters (pandas, Biopython)
    if is_other or not isinstance(several, Iterable):
        raise _of_type(given)
    for i, each in enumerate(several, 1):
        if isinstance(each, Protein):
            yield each
        elif not isinstance(each, str):
            raise _of_type(each)
        else:
            for protein in pasted(each, FastaConfig(), ReadReport(strict=True)):
                is_plain = not each.lstrip().startswith(">")
                yield replace(protein, id=f"query{i}") if is_plain else protein


def _of_type(given: object) -> UsageError:
    cure = "give strings, esmgo.Protein(id, sequence), or esmgo.read_fasta(path)"
    return UsageError(f"{type(given).__name__} is not a type of sequences: {cure}")


def _residues(text: str) -> str:
    """Return the letters of a sequence that is no FASTA, without blanks and line numbers."""
    if _is_file(text):
        name = printable(text, 60)
        if "://" in text:
            raise UsageError(f"{name} is an address: download the file and give `fasta=FILE`")
        raise UsageError(f"{name} looks like a file name: `fasta={name}` reads it")
    text = _FRAME.sub("", "\n".join(_LINE_END.split(text)))
    kind = kind_of_text(text.partition("\n")[0])
    if kind and kind not in ("PHYLIP", "a TAB-separated table"):
        raise UsageError(f"the text looks like {kind}; give its residues alone, or as FASTA")
    if _WORD.fullmatch(text) and (what := _seems(text)):
        raise UsageError(what)
    try:
        return "".join(_WORD.findall("\n".join(without_line_numbers(text.split("\n")))))
    except NotALineNumberError as found:
        if _OTHER.search(text):
            return "".join(_NO_DIGIT.findall(text))  # is rejected for its other letters
        reason = f"{printable(repr(str(found)), 40)} in the sequence: digits are read only as"
        raise UsageError(_seems(str(found)) or f"{reason} line numbers of an entry") from None


def _is_file(text: str) -> bool:
    if not _WORD.fullmatch(text) or "\n" in text or len(text) > 1000:
        return False
    try:
        return bool(_FILE.fullmatch(text)) or Path(text).is_file()
    except (OSError, ValueError):
        return False


def _seems(word: str) -> str:
    """Return what a word looks like and what to do, if it is the name of a protein."""
    shown, what, where = printable(word, 30), "", ""
    id = parse_id(word if "|" in word else word.upper())
    if id.database == UNIPROT:
        what = "a UniProt accession"
        where = f"rest.uniprot.org/uniprotkb/{id.canonical}.fasta"
    else:
        for pattern, kind, place in _KINDS:
            if re.fullmatch(pattern, word, re.IGNORECASE):
                what, where = kind, place.format(shown)
                break
    if not what:
        return ""
    found = f"from https://{where} " if where else ""
    return f"{shown} looks like {what}, not residues: get the sequence {found}and give `fasta=FILE`"


class NotALineNumberError(Exception):
    """A word with digits that does not number a line."""


def without_line_numbers(lines: Sequence[str]) -> list[str]:
    """Return lines of one sequence with blanks for their numbers.

    A line may begin with the number of its first residue or end with that of its last, as in
    GenBank and EMBL, or have the numbers of every tenth residue alone, as UniProt shows them.
    An exception names the first word with other digits.
    """
    kept: list[str] = []
    numbers: list[tuple[int, str]] = []  # by how much each differs from the count, and as written
    n_residues = 0
    for line in lines:
        words = list(_WORD.finditer(line))
        is_number = [_NUMBER.fullmatch(word[0]) is not None for word in words]
        if words and all(is_number):
            _check_tens([word[0] for word in words])
            numbers.append((0, words[0][0]))
            kept.append("")
            continue
        first = n_residues + 1
        n_residues += sum(
            len(w[0]) for w, is_one in zip(words, is_number, strict=True) if not is_one
        )
        text = list(line)
        for i, residue in ((0, first), (-1, n_residues)):
            if words and is_number[i]:
                numbers.append((int(words[i][0]) - residue, words[i][0]))
                text[slice(*words[i].span())] = " " * len(words[i][0])
        kept.append("".join(text))
        for word in _WORD.findall(kept[-1]):
            if any(letter in "0123456789" for letter in word):
                raise NotALineNumberError(word)
    shifts = {shift for shift, _ in numbers}
    is_entry = len(shifts) < 2 and n_residues >= FEW_RESIDUES
    if numbers and not (is_entry and (shifts == {0} or (len(numbers) > 1 and _is_ten(*shifts)))):
        raise NotALineNumberError(numbers[0][1])
    return kept


def _is_ten(shift: int) -> bool:
    """Whether a line that was not the first of its entry may begin so many residues later."""
    return shift > 0 and shift % 10 == 0


def _check_tens(words: Sequence[str]) -> None:
    tens = list(map(int, words))
    if tens[0] % 10 or tens != list(range(tens[0], tens[0] + 10 * len(tens), 10)):
        raise NotALineNumberError(words[0])


def _without_numbers_of_records(lines: Sequence[str]) -> Iterator[str]:
    """Yield lines of FASTA with blanks for line numbers; a record with other digits stays."""
    body: list[str] = []
    for header in (*lines, None):
        if header is not None and not header.startswith(">"):
            body.append(header)
            continue
        try:
            yield from without_line_numbers(body)
        except NotALineNumberError:
            yield from body
        body = []
        if header is not None:
            yield header
