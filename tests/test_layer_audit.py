"""`esmgo audit --layers`: a regression on the vectors of each layer."""

import json

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import SEQUENCES

import esmgo
from esmgo.assess.layer_audit import _PENALTIES, POOLED, layer_vectors, ridge
from esmgo.cli.main import main
from esmgo.model.caller import Caller
from esmgo.model.embeddings import embed

CPU = torch.device("cpu")


@settings(max_examples=20)
@given(st.integers(3, 12), st.integers(1, 20), st.integers(0, 99))
def test_the_regression_is_the_closed_form_with_the_least_error_of_leaving_one_out(n, width, seed):
    random = np.random.default_rng(seed)
    x, test = random.normal(size=(n, width)), random.normal(size=(4, width))
    y = x @ random.normal(size=(width, 3)) + random.normal(size=(n, 3))
    mean, deviation = x.mean(0), x.std(0) + 1e-6
    a, b, centred = (x - mean) / deviation, (test - mean) / deviation, y - y.mean(0)
    errors, found = [], []
    for penalty in _PENALTIES * np.linalg.eigvalsh(a @ a.T).clip(0).mean():

        def fitted(rows, at, penalty=penalty):
            gram = a[rows].T @ a[rows] + penalty * np.eye(width)
            return at @ np.linalg.solve(gram, a[rows].T @ centred[rows])

        rows = np.arange(n)
        out = [fitted(rows != i, a[i]) - centred[i] for i in range(n)]
        errors.append(np.square(out).mean())
        found.append(fitted(rows, b) + y.mean(0))
    best = found[int(np.argmin(errors))]
    ours = ridge(*(each.astype(np.float32) for each in (x, y, test)))
    if np.sort(errors)[1] > 1.001 * min(errors):  # else rounding decides
        np.testing.assert_allclose(ours, best, atol=2e-3, rtol=2e-3)


def test_vectors_of_a_layer_are_those_of_an_encoder_that_ends_there(base):
    whole = Caller.start(base, 3, dropout=0.0, seed=0)
    found = layer_vectors(whole, SEQUENCES, 64, CPU)
    assert found.shape == (2, len(POOLED), len(SEQUENCES), 16)
    for i in (1, 2):
        for j, pool in enumerate(POOLED):
            caller = Caller.start(base, 3, dropout=0.0, seed=0, layers=i, pool=pool)
            expected = embed(caller, [text[:62] for text in SEQUENCES], 64, CPU)
            np.testing.assert_allclose(found[i - 1, j], expected, atol=2e-3, rtol=2e-3)


def test_the_audit_prints_a_row_per_layer_and_pool_and_writes_them(tmp_path, capsys):
    words = ["audit", "--layers", "--dataset=sample", "--base_model=tiny", "--device=cpu",
             "--num_proteins=60", f"--output_dir={tmp_path / 'X'}"]  # fmt: skip
    assert main(words) == 0
    printed = capsys.readouterr().out
    kept = json.loads((tmp_path / "X" / "layers.json").read_text())
    assert (kept["n_train"], kept["n_validation"], kept["encoder"]) == (60, 60, "tiny")
    assert [(row["layer"], row["pool"]) for row in kept["layers"]] == [
        (layer, pool) for layer in (1, 2) for pool in POOLED
    ]
    rows = (tmp_path / "X" / "layers.tsv").read_text().splitlines()
    assert rows[0] == "layer\tpool\tMF\tBP\tCC\tmean"
    means = {tuple(row.split("\t")[:2]): float(row.split("\t")[-1]) for row in rows[1:]}
    layer, pool = max(means, key=means.get)
    assert f"best: layer {layer}, {pool}" in printed
    assert max(means.values()) > np.mean(list(kept["term_frequency"].values()))
    assert main(words) == 2
    assert main([*words, "--overwrite", "--num_proteins=30"]) == 0


def test_a_checkpoint_has_layers_too(checkpoint):
    config = esmgo.AuditConfig(
        layers=True, dataset="sample", checkpoint_path=str(checkpoint), device="cpu",
        num_proteins=20,
    )  # fmt: skip
    assert len(esmgo.audit(config).scores) == 2 * len(POOLED)


def test_flags_that_do_not_fit_are_refused(capsys):
    for words, message in (
        (["--layers"], "--layers needs either --base_model or --checkpoint_path"),
        (["--base_model=tiny"], "--base_model is used only with --layers"),
        (["--layers", "--base_model=tiny", "--decoys"], "--decoys cannot be combined with"),
        (["--num_proteins=3"], "--num_proteins is used only with --decoys or --layers"),
        (["--layers", "--base_model=tiny", "--fasta=x"], "--fasta is used only with --decoys"),
    ):
        assert main(["audit", "--dataset=sample", *words]) == 2
        assert message in capsys.readouterr().err
