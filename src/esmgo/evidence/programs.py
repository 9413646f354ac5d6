"""The programs that search for similar sequences, and how they are called.

References
----------
Buchfink, Reuter & Drost, Nature Methods 18:366 (2021): DIAMOND.
Steinegger & Söding, Nature Biotechnology 35:1026 (2017): MMseqs2.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from esmgo.errors import MachineError

MOST_HITS = 100
"""Hits per protein, at most: the training proteins with the best alignments."""

E_VALUE = 1e-3
"""Weaker hits are left out, as DIAMOND does by default."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program that compares proteins with proteins.

    Parameters
    ----------
    name : str
        Of the executable.
    cure : str
        Commands that install it.
    make, search : str
        Arguments for a database ``subjects`` of ``subjects.fasta``, and for a table ``hits.tsv``
        of ``queries.fasta``, with the columns of `esmgo.evidence.search.COLUMNS`. ``{most}`` is
        the number of hits per query and ``{threads}`` that of CPU threads.
    """

    name: str
    cure: str
    make: str
    search: str

    def path(self) -> str:
        """Return the path of the executable; call it before any long work.

        Raises MachineError if it is not on PATH. The message names commands that install it.
        """
        found = shutil.which(self.name)
        if found is None:
            raise MachineError(f"the program {self.name} is not on PATH: {self.cure}")
        return found


DIAMOND = Program(
    "diamond",
    "apt install diamond-aligner, conda install -c bioconda diamond, or brew install diamond",
    "makedb --in subjects.fasta --db subjects --quiet --threads {threads}",
    "blastp --query queries.fasta --db subjects --out hits.tsv --very-sensitive"
    f" --max-target-seqs {{most}} --evalue {E_VALUE} --tmpdir . --quiet --threads {{threads}}"
    " --outfmt 6 qseqid sseqid bitscore pident qstart qend sstart send",
)

MMSEQS = Program(
    "mmseqs",
    "apt install mmseqs2, conda install -c bioconda mmseqs2, or brew install mmseqs2",
    "createdb subjects.fasta subjects --dbtype 1 -v 1",
    f"easy-search queries.fasta subjects hits.tsv work -s 7.5 -e {E_VALUE} --dbtype 1 -v 1"
    " --max-accept {most} --threads {threads}"
    " --format-output query,target,bits,pident,qstart,qend,tstart,tend",
)

BUILTIN, NONE = "builtin", "none"
"""Names of the search without a program, and of no search."""

PROGRAMS = {program.name: program for program in (DIAMOND, MMSEQS)}

SEARCHES = (BUILTIN, *PROGRAMS)
"""Ways to find homologs among the training proteins of an index."""
