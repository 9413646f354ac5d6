"""`esmgo audit --decoys`: calls on proteins and on decoys, counted by hand."""

import json

import numpy as np
import pytest

import esmgo
from esmgo.assess.decoy_audit import BANDS, PRECISIONS, Count, DecoyAudit, chosen
from esmgo.cli.main import main
from esmgo.data.fasta import Protein
from esmgo.errors import UsageError
from esmgo.evidence.decoys import KINDS, decoy
from esmgo.predict.bands import EDGES
from esmgo.predict.novelty import MAX_NOVELTY


@pytest.fixture(scope="module")
def folder(blended, held_out, tmp_path_factory):
    """A run over 12 proteins: its folder, and what it prints."""
    home = tmp_path_factory.mktemp("decoys")
    fasta = home / "real.fasta"
    fasta.write_text("".join(f">{p.id}\n{p.sequence}\n" for p in held_out[:12]))
    words = [f"--checkpoint_path={blended[0]}", f"--fasta={fasta}", "--device=cpu"]
    assert main(["audit", "--decoys", *words, f"--output_dir={home / 'out'}"]) == 0
    return home / "out"


def test_counts_are_those_of_each_protein_by_itself(folder, blended, held_out):
    predictor = esmgo.Predictor.load(blended[0], device="cpu")
    bits = predictor.information
    rows = [line.split("\t") for line in (folder / "decoys.tsv").read_text().splitlines()]
    assert rows[0] == ["precision", "band", "kind", "calls", "proteins", "ratio"]
    found = {(float(p), band, kind): row for p, band, kind, *row in rows[1:]}
    assert set(found) == {(p, b, k) for p in PRECISIONS for b in BANDS for k in ("real", *KINDS)}
    is_in = (bits < EDGES[0], (bits >= EDGES[0]) & (bits < EDGES[1]), bits >= EDGES[1])
    for kind in ("real", "shuffled", "pairs"):
        calls, n_proteins = np.zeros((3, 3), int), np.zeros((3, 3), int)
        for protein in held_out[:12]:
            sequence = protein.sequence if kind == "real" else decoy(protein.sequence, kind)
            evidence = predictor.evidence([Protein("x", sequence)])
            for i, precision in enumerate(PRECISIONS):
                called = predictor.is_promised(evidence, precision)[0]
                called &= not evidence.novelty[0] > MAX_NOVELTY
                for j, band in enumerate(is_in):
                    calls[i, j] += called[band].sum()
                    n_proteins[i, j] += called[band].any()
        for i, precision in enumerate(PRECISIONS):
            for j, band in enumerate(BANDS[:3]):
                row = found[precision, band, kind]
                assert list(map(int, row[:2])) == [calls[i, j], n_proteins[i, j]]
            assert int(found[precision, "informative", kind][0]) == calls[i, 1:].sum()


def test_the_files_agree(folder):
    found = json.loads((folder / "decoys.json").read_text())
    assert (found["schema_version"], found["n_proteins"]) == (1, 12)
    rows = (folder / "decoys.tsv").read_text().splitlines()[1:]
    for row, count in zip(rows, found["counts"], strict=True):
        ratio = "" if count["ratio"] is None else f"{count['ratio']:.6g}"
        n = [count["precision"], count["band"], count["kind"], count["n_calls"]]
        assert row.split("\t") == [*map(str, n), str(count["n_proteins"]), ratio]


def test_the_table_states_a_ratio_or_that_there_is_none():
    counts = tuple(
        Count(0.7, band, kind, n, min(n, 3))
        for band, real in (("general", 8000), ("informative", 0))
        for kind, n in zip(("real", *KINDS), (real, 80, 0, 4, 8), strict=True)
    )
    lines = str(DecoyAudit(counts, 300, "a.fasta", "")).splitlines()
    assert lines[-2].split() == [
        "0.7", "general", "8,000", "(3)", "0.0100", "0.0000", "0.0005", "0.0010",
    ]  # fmt: skip
    assert lines[-1].split() == ["0.7", "informative", "0", "(0)", "-", "-", "-", "-"]
    assert lines[3].split() == ["precision", "terms", "real", *KINDS]


def test_the_sequences_decide_which_proteins_are_used():
    proteins = [Protein(f"p{i}", "MKT" + "A" * i) for i in range(30)]
    some = chosen(proteins, 10)
    assert len(some) == 10
    assert [p.id for p in chosen(proteins[::-1], 10)] == [p.id for p in some[::-1]]
    assert chosen(proteins, 50) == proteins


def test_flags_that_do_not_fit_are_refused(checkpoint, tmp_path):
    for name, value in (("checkpoint_path", "x.pt"), ("fasta", "x"), ("num_proteins", 3)):
        with pytest.raises(UsageError, match="only with `decoys`"):
            esmgo.AuditConfig(dataset="sample", **{name: value})
    with pytest.raises(UsageError, match="not used with `fasta`"):
        esmgo.AuditConfig(decoys=True, fasta="a.fasta", dataset="sample")
    with pytest.raises(UsageError, match="calibrated"):
        esmgo.audit(
            esmgo.AuditConfig(
                decoys=True, checkpoint_path=str(checkpoint), dataset="sample", device="cpu"
            )
        )
