"""Warnings about the proteins of a data set."""

from made_rows import A, row, warned

from esmgo.dataset.opening import open_dataset


def test_twins_and_leaks_are_named(tmp_path, write_rows, ontology):
    twin = row("a", A)
    write_rows(
        [twin, twin | {"id": "b", "sequence": twin["sequence"].lower() + "*"}], "all/train.jsonl"
    )
    write_rows([twin | {"id": "t"}, row("u", A)], "all/test.jsonl")
    told = warned(open_dataset(str(tmp_path), ontology=ontology, eval_ratio=1.0))
    assert "same sequence (2): a, b" in told
    assert "of a training protein (1): t" in told


def test_the_same_protein_in_both_splits_is_found_by_its_accession(tmp_path, write_rows, ontology):
    write_rows([row("sp|P04637|P53_HUMAN", A), row("b", A)], "all/train.jsonl")
    write_rows([row("P04637.2", A), row("P04637-2", A)], "all/test.jsonl")
    told = warned(open_dataset(str(tmp_path), ontology=ontology, eval_ratio=1.0))
    assert "with the id or sequence of a training protein (1): P04637.2" in told
