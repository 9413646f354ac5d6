"""Called terms as annotation files of the GO consortium: GAF 2.2 and GPAD 2.0.

Only the most specific calls of a protein are written: readers of these formats add the
ancestors themselves, and take an annotation to a root to mean "no function known". A most specific
call of a term that GO does not allow in annotations is left out and counted. None of its ancestors
replaces it, since they are even less specific.

References
----------
https://geneontology.org/docs/go-annotation-file-gaf-format-2.2/ and
https://github.com/geneontology/go-annotation/blob/master/specs/gpad-gpi-2-0.md
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from esmgo.errors import escaped, printable
from esmgo.go.calls import Calls, Purpose, leaves
from esmgo.go.terms import Aspect
from esmgo.render.writer import About, AccessionWriter, ParsedId

EVIDENCE_CODE, EVIDENCE_CLASS = "IEA", "ECO:0000501"
"""Inferred from electronic annotation, not checked by a curator."""

COMPLEX = "GO:0032991"
"""protein-containing complex: a protein is a part of it, not located in it."""

_RELATIONS = {
    Aspect.MF: ("enables", "RO:0002327"),
    Aspect.BP: ("involved_in", "RO:0002331"),
    Aspect.CC: ("located_in", "RO:0001025"),
}
_PART_OF = ("part_of", "BFO:0000050")
_LETTERS = {Aspect.MF: "F", Aspect.BP: "P", Aspect.CC: "C"}


class AnnotationWriter(AccessionWriter):
    """Writes the most specific calls of terms that GO allows in annotations, and counts them."""

    purpose = Purpose.ANNOTATION

    def __init__(self, file: BinaryIO, about: About) -> None:
        super().__init__(file, about)
        self.n_annotations = self.n_unspecific = 0

    def _annotated(self, calls: Calls) -> Iterator[tuple[ParsedId, list[int]]]:
        """Yield the parts of each protein's id, and the columns to write."""
        about = self._about
        for i, parts in self._named(calls):
            accession, database, symbol, canonical = map(escaped, parts)
            found = leaves(calls.terms.row(i).tolist(), about.above)
            columns = [j for j in found if j not in about.unspecific]
            self.n_annotations += len(columns)
            self.n_unspecific += len(found) - len(columns)
            yield (accession, database or about.assigned_by, symbol, canonical), columns


class GafWriter(AnnotationWriter):
    """GAF 2.2: 17 columns, a line per call."""

    def __init__(self, file: BinaryIO, about: About) -> None:
        super().__init__(file, about)
        file.write(_header("!gaf-version: 2.2", about))

    def write(self, calls: Calls) -> None:
        """Write the next block of proteins; one without calls has no line."""
        about = self._about
        end = f"taxon:{about.taxon}\t{about.date.replace('-', '')}\t{about.assigned_by}\t\t"
        for (accession, database, symbol, canonical), columns in self._annotated(calls):
            form = f"{database}:{accession}" if accession != canonical else ""
            for j in columns:
                term = about.labels.terms[j]
                assert term.aspect is not None
                self._file.write(
                    f"{database}\t{canonical}\t{symbol}\t{_relation(j, about)[0]}\t{term.id}"
                    f"\t{about.reference}\t{EVIDENCE_CODE}\t\t{_LETTERS[term.aspect]}\t\t\tprotein"
                    f"\t{end}{form}\n".encode("utf-8", "backslashreplace")
                )


class GpadWriter(AnnotationWriter):
    """GPAD 2.0: 12 columns, a line per call."""

    def __init__(self, file: BinaryIO, about: About) -> None:
        super().__init__(file, about)
        file.write(_header("!gpad-version: 2.0", about))

    def write(self, calls: Calls) -> None:
        """Write the next block of proteins; one without calls has no line."""
        about = self._about
        end = f"{EVIDENCE_CLASS}\t\t\t{about.date}\t{about.assigned_by}\t\t\n"
        for (accession, database, *_), columns in self._annotated(calls):
            for j in columns:
                self._file.write(
                    f"{database}:{accession}\t\t{_relation(j, about)[1]}"
                    f"\t{about.labels.terms[j].id}\t{about.reference}\t{end}".encode(
                        "utf-8", "backslashreplace"
                    )
                )


def _header(version: str, about: About) -> bytes:
    kept = about.kept[Purpose.ANNOTATION.word]
    lines = (
        version,
        f"!generated-by: {about.assigned_by}",
        f"!date-generated: {about.date}",
        f"!go-version: {printable(about.labels.release, 200) or 'unknown'}",
        f"!program: esmgo {about.version}, model {about.model}",
        "!Predicted from the sequence alone by machine learning; no curator has looked at it.",
        f"!Annotated are calls with {kept}, and of these the most specific alone.",
        "!Terms that GO does not allow in annotations (gocheck_do_not_annotate) are left out.",
        "!A score is the model's probability of a term, no general term less likely than a",
        "!special one below it; a precision is the share of such calls that was right among",
        "!proteins held out of training.",
        "!The absence of an annotation is not evidence of the absence of a function.",
    )
    return ("\n".join(lines) + "\n").encode("utf-8", "backslashreplace")


def _relation(column: int, about: About) -> tuple[str, str]:
    """Return the relation of a protein to a term: its name and its id."""
    aspect = about.labels.terms[column].aspect
    assert aspect is not None
    complexes = about.labels.column.get(COMPLEX, -1)
    if aspect is Aspect.CC and (column == complexes or complexes in about.above[column]):
        return _PART_OF
    return _RELATIONS[aspect]
