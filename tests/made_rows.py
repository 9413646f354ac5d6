"""Rows of a small data set, and what a data set made of them holds."""

BP, MF = "GO:0008150", "GO:0003674"
A, B, C, D, M = (f"GO:000000{i}" for i in (1, 2, 3, 4, 5))


def sequence(i):
    """A protein of 30 residues, another one for each number."""
    return "M" + "".join("ACDEFGHIKLMNPQRSTVWY"[(i * 7 + k * k) % 20] for k in range(29)) + "W" * i


def row(id, *terms, **more):
    """A row of a data set, its sequence made from its id."""
    number = sum(map(ord, id))
    return {"id": id, "sequence": sequence(number % 97), "terms": list(terms)} | more


def annotations(proteins, labels):
    """The terms of each protein, by id."""
    return {
        id: [labels.terms[j].id for j in proteins.terms.row(i)] for i, id in enumerate(proteins.ids)
    }


def warned(data):
    """The warnings of a data set, a line each."""
    assert all(len(warning) < 200 for warning in data.report.warnings)
    return "\n".join(data.report.warnings)
