"""The losses: sparse targets, and the true-path rule in training."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from killing import START, flags, weights_sha256
from torch.nn.functional import softplus

from esmgo.cli.main import main
from esmgo.dataset.opening import open_dataset
from esmgo.go.labels import LabelSpace
from esmgo.go.terms import Aspect, Term
from esmgo.go.truepath import propagate
from esmgo.learn import loss as module
from esmgo.learn.loss import Climb, coherent_bce, sparse_bce
from esmgo.model.checkpoint import open_checkpoint
from esmgo.predict.scorer import Scorer

CPU = torch.device("cpu")


def space(parents) -> LabelSpace:
    terms = tuple(Term(f"GO:{i:07d}", "", Aspect.MF) for i in range(1, len(parents) + 1))
    return LabelSpace(terms, tuple(map(tuple, parents)))


def random_case(seed: int, n: int, t: int):
    """Terms below up to three others, in any order of columns; closed true cells; logits."""
    random = np.random.default_rng(seed)
    name = random.permutation(t)
    parents: list[list[int]] = [[] for _ in range(t)]
    for j in range(1, t):
        up = random.choice(j, size=min(j, int(random.integers(0, 4))), replace=False)
        parents[name[j]] = sorted(int(name[p]) for p in up)
    labels = space(parents)
    true = propagate((random.random((n, t)) < 0.2).astype(np.float32), labels) > 0
    logits = torch.from_numpy(random.normal(size=(n, t), scale=3).astype(np.float32))
    return labels, logits, true


def cells(true) -> tuple[torch.Tensor, torch.Tensor]:
    rows, columns = (torch.from_numpy(x) for x in np.nonzero(true))
    return rows, columns


def brute_force(logits, true, labels):
    """The definition, one cell at a time."""
    below = [[d for d in range(len(labels)) if j == d or j in labels.ancestors(d)]
             for j in range(len(labels))]  # fmt: skip
    total = logits.new_zeros(())
    for z, y in zip(logits, true, strict=True):
        for j, down in enumerate(below):
            if y[j]:
                total = total + softplus(-z[[d for d in down if y[d]]].max())
            else:
                total = total + softplus(z[down].max())
    return total


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 12))
def test_loss_and_gradient_are_those_of_the_definition(seed, n, t):
    labels, values, true = random_case(seed, n, t)
    one, two = (values.clone().requires_grad_() for _ in range(2))
    expected, found = (
        brute_force(one, true, labels),
        coherent_bce(two, *cells(true), Climb(labels, CPU)),
    )
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    (expected / 3).backward()
    (found / 3).backward()
    torch.testing.assert_close(two.grad, one.grad, rtol=1e-5, atol=1e-6)


def test_a_diamond_by_hand(diamond):
    logits = torch.tensor([[-2.0, 3.0, -1.0, 2.0]], requires_grad=True)  # root left right shared
    found = coherent_bce(
        logits, *cells(np.array([[True, False, True, False]])), Climb(diamond, CPU)
    )
    # the root and right are true: their own logits speak, or each other's; left (3) is false, and
    # so is shared (2), which does not answer for right
    expected = softplus(torch.tensor([1.0, 3.0, 1.0, 2.0])).sum()
    torch.testing.assert_close(found, expected)
    found.backward()
    sigmoid = torch.sigmoid(torch.tensor([0.0, 3.0, -1.0, 2.0]))
    expected = torch.tensor([[0, sigmoid[1], 2 * (sigmoid[2] - 1), sigmoid[3]]])
    torch.testing.assert_close(logits.grad, expected)


def test_the_gradient_is_the_slope():
    labels, values, true = random_case(5, 4, 9)
    climb = Climb(labels, CPU)
    values = values.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda z: coherent_bce(z, *cells(true), climb), values)


def test_without_parents_it_is_the_default():
    _, values, true = random_case(1, 6, 8)
    one, two = (values.clone().requires_grad_() for _ in range(2))
    expected = sparse_bce(one, *cells(true))
    found = coherent_bce(two, *cells(true), Climb(space([()] * 8), CPU))
    torch.testing.assert_close(found, expected)
    expected.backward()
    found.backward()
    torch.testing.assert_close(two.grad, one.grad)


def test_cutting_the_proteins_changes_nothing(monkeypatch):
    labels, values, true = random_case(2, 11, 10)
    climb, found = Climb(labels, CPU), []
    for size in (64, 4, 1):
        monkeypatch.setitem(module._ROWS, "cpu", size)
        z = values.clone().requires_grad_()
        value = coherent_bce(z, *cells(true), climb)
        value.backward()
        found.append((value, z.grad))
    for each in found[1:]:
        torch.testing.assert_close(each, found[0])


def test_equal_logits_move_one_of_them(diamond):
    logits = torch.zeros(1, 4, requires_grad=True)
    none = torch.empty(0, dtype=torch.int64)
    coherent_bce(logits, none, none, Climb(diamond, CPU)).backward()
    assert logits.grad.tolist() == [[0, 0, 0, 2]]


def test_logits_of_any_size_and_sign_keep_their_order():
    climb = Climb(space([(), (0,), (0,)]), CPU)
    none = torch.empty(0, dtype=torch.int64)
    z = torch.tensor([[-0.0, -1.0, -1e30], [0.5, 3e38, float("-inf")], [-5.0, 1e-40, -1e-40]])
    assert climb.winners(z, none, none)[0].tolist() == [1, 1, 2]


def test_what_training_sees_is_what_prediction_says(checkpoint):
    """Of a trained caller: propagated probabilities are those that the loss scores."""
    scorer = Scorer.of(open_checkpoint(checkpoint), device="cpu", dtype="fp32")
    raw, *_ = scorer.states(open_dataset("sample").validation.sequences[:5])
    logits = torch.logit(torch.from_numpy(raw).double())
    none = torch.empty(0, dtype=torch.int64)
    found = coherent_bce(logits, none, none, Climb(scorer.labels, CPU))
    expected = -np.log1p(-propagate(raw, scorer.labels).astype(float)).sum()
    assert found.item() == pytest.approx(expected, rel=1e-5)
    assert found.item() > 1.01 * softplus(logits).sum().item()  # the rule has work to do


def train_head(folder, *words) -> int:
    return main(flags(folder, *START, "--unfreeze_last_k_layers=0", "--num_epochs=2", *words))


def test_training_goes_on_to_the_same_bits_and_refuses_another_loss(tmp_path, capsys):
    assert train_head(tmp_path / "whole", "--loss=coherent") == 0
    assert train_head(tmp_path / "begun", "--loss=coherent", "--num_epochs=1") == 0
    assert train_head(tmp_path / "begun", "--loss=bce", "--resume") == 2
    assert "--loss (was coherent)" in capsys.readouterr().err
    assert train_head(tmp_path / "begun", "--resume") == 0
    one, two = (weights_sha256(tmp_path / name / "c.pt") for name in ("whole", "begun"))
    assert one == two
    assert train_head(tmp_path / "default") == 0
    assert weights_sha256(tmp_path / "default" / "c.pt") != one


def test_without_an_ontology_the_default_is_used_and_said(tmp_path, capsys):
    row = {"id": "p", "sequence": "MKTAYIAK", "terms": ["GO:0000001"]}
    (tmp_path / "one.jsonl").write_text(json.dumps(row) + "\n")
    words = [f"--dataset={tmp_path / 'one.jsonl'}", "--loss=coherent"]
    assert train_head(tmp_path, *words) == 0
    assert "--loss coherent: no term has a parent" in capsys.readouterr().err


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 9))
def test_sparse_loss_and_gradient_are_those_of_dense_targets(seed, n, t):
    random = np.random.default_rng(seed)
    target = random.random((n, t)) < 0.3
    values = torch.from_numpy(random.normal(size=(n, t), scale=4).astype(np.float32))
    rows, columns = (torch.from_numpy(x) for x in np.nonzero(target))
    dense, sparse = (values.clone().requires_grad_() for _ in range(2))
    expected = torch.nn.functional.binary_cross_entropy_with_logits(
        dense, torch.from_numpy(target.astype(np.float32)), reduction="sum"
    )
    found = sparse_bce(sparse, rows, columns)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    (expected / 3).backward()
    (found / 3).backward()
    torch.testing.assert_close(sparse.grad, dense.grad, rtol=1e-5, atol=1e-6)
