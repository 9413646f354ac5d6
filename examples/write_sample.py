"""Write the embedded synthetic sample as files of the field, into the folder ``sample/``.

The commands of the documents use these files. The proteins do not exist; see
`esmgo.dataset.sample`.
"""

from pathlib import Path

import esmgo
from esmgo.dataset.sample import sample_ontology_path, sample_rows

FOLDER = Path("sample")


def main() -> None:
    """Write FASTA and term tables of both splits, and the ontology."""
    FOLDER.mkdir(exist_ok=True)
    terms = esmgo.read_obo(sample_ontology_path()).terms
    for split, rows in sample_rows().items():
        fasta = "".join(f">{row['id']}\n{row['sequence']}\n" for row in rows)
        table = "".join(
            f"{row['id']}\t{id}\t{terms[id].aspect.name}O\n" for row in rows for id in row["terms"]
        )
        (FOLDER / f"{split}.fasta").write_text(fasta, encoding="ascii")
        (FOLDER / f"{split}_terms.tsv").write_text(f"EntryID\tterm\taspect\n{table}", "ascii")
    (FOLDER / "go.obo").write_bytes(sample_ontology_path().read_bytes())
    print(*sorted(FOLDER.iterdir()), sep="\n")


if __name__ == "__main__":
    main()
