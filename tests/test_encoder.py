"""The encoder against transformers, one protein at a time, and against itself in any company."""

import threading
from random import Random

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from transformers import EsmConfig
from transformers.models.esm.modeling_esm import EsmForSequenceClassification

from esmgo.learn.loss import sparse_bce
from esmgo.model.caller import Caller
from esmgo.model.packing import CHUNK, pack
from esmgo.model.scoring import Budget, in_batches, probabilities, token_budget
from esmgo.model.tokens import MASK, encode

CPU = torch.device("cpu")
LETTERS = "LAGVSERTIDPKQNFYMHWC"
SIZES = {"8M": (6, 320, 20, 1280), "35M": (12, 480, 20, 1920), "150M": (30, 640, 20, 2560)}


def sequence(n: int, seed: int = 0) -> str:
    return "".join(np.random.default_rng([seed, n]).choice(list(LETTERS), n))


def oracle(folder, n_layers: int, width: int, n_heads: int, n_hidden: int):
    """A random ESM2 of transformers, saved, whose biases are not zero."""
    torch.manual_seed(0)
    config = EsmConfig(
        vocab_size=33, mask_token_id=32, pad_token_id=1, hidden_size=width, num_labels=7,
        num_hidden_layers=n_layers, num_attention_heads=n_heads, intermediate_size=n_hidden,
        position_embedding_type="rotary", token_dropout=True, emb_layer_norm_before=False,
        layer_norm_eps=1e-5, max_position_embeddings=1026,
    )  # fmt: skip
    model = EsmForSequenceClassification(config).eval()
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter, std=0.1)
    model.save_pretrained(folder)
    return model


def same_head(caller: Caller, model) -> Caller:
    caller.head.load_state_dict(model.classifier.state_dict())
    return caller


@torch.inference_mode()
def logits_alone(model, rows) -> torch.Tensor:
    return torch.cat([model(torch.from_numpy(r.astype(np.int64))[None]).logits for r in rows])


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    model = oracle(folder, 3, 32, 4, 64)
    return same_head(Caller.start(folder, 7, dropout=0.0, seed=0), model), model


@pytest.mark.parametrize("name", ["8M", "35M", pytest.param("150M", marks=pytest.mark.slow)])
def test_logits_equal_transformers_one_at_a_time(name, tmp_path):
    model = oracle(tmp_path, *SIZES[name])
    caller = same_head(Caller.start(tmp_path, 7, dropout=0.0, seed=0), model)
    rows = [encode(sequence(n), 1026) for n in (5, 300, 64, 129, 64)]
    with torch.inference_mode():
        ours = caller(pack(rows))
    torch.testing.assert_close(ours, logits_alone(model, rows), atol=2e-6, rtol=0)


def test_hidden_states_of_all_tokens_equal_transformers(small):
    caller, model = small
    rows = [encode(sequence(n), 99) for n in (30, 5, 61)]
    for row, states in zip(rows, caller.hidden(pack(rows)), strict=True):
        with torch.inference_mode():
            theirs = model.esm(torch.from_numpy(row.astype(np.int64))[None]).last_hidden_state[0]
        torch.testing.assert_close(states, theirs, atol=5e-6, rtol=0)


def test_masked_residues_are_scaled_as_transformers_scales_them(small):
    caller, model = small
    rows = [encode(sequence(40), 99), encode(sequence(60), 99)]
    rows[0][5:15] = MASK
    with torch.inference_mode():
        ours = caller(pack(rows))
    torch.testing.assert_close(ours, logits_alone(model, rows), atol=2e-6, rtol=0)


@settings(deadline=None, max_examples=60)
@example([1, 103, 1, 1, 1], Random(0))  # the end of an array of sigmoids was another bit
@given(st.lists(st.integers(1, 2 * CHUNK), min_size=1, max_size=8), st.randoms())
def test_scores_are_the_same_bits_in_any_company_order_and_batch(small, lengths, random):
    caller, _ = small
    rows = [encode(sequence(n, seed), 1026) for seed, n in enumerate(lengths)]
    order = list(range(len(rows)))
    random.shuffle(order)
    together = np.empty((len(rows), 7), np.float32)
    for at, found, _ in probabilities(caller, [rows[i] for i in order], CPU):
        together[[order[i] for i in at]] = found
    for row, score in zip(rows, together, strict=True):
        ((_, alone, _),) = probabilities(caller, [row], CPU)
        np.testing.assert_array_equal(alone[0], score)


def test_bf16_stays_within_its_bound(small):
    caller, _ = small
    rows = [encode(sequence(n), 1026) for n in (50, 200, 17)]
    with torch.inference_mode():
        full, half = (caller(pack(rows), h).sigmoid() for h in (False, True))
    assert not torch.equal(full, half)
    torch.testing.assert_close(full, half, atol=2e-2, rtol=0)


def test_weights_kept_ready_for_bf16_follow_the_weights(small, tmp_path):
    folder = tmp_path
    model = oracle(folder, 2, 32, 4, 64)
    caller = same_head(Caller.start(folder, 7, dropout=0.0, seed=0), model)
    packed = pack([encode(sequence(50), 99)])
    with torch.inference_mode():
        before = caller(packed, True)
    with torch.no_grad():
        for parameter in caller.encoder.layers.parameters():
            parameter.mul_(1.5)
    with torch.inference_mode():
        assert not torch.equal(caller(packed, True), before)


def test_only_cls_is_computed_where_only_cls_is_read(small):
    caller, _ = small
    packed = pack([encode(sequence(n), 99) for n in (20, 40)])
    vectors = caller.lower(packed)
    states = list(caller.hidden(packed))
    assert vectors.shape == (2, 32)
    torch.testing.assert_close(vectors, torch.stack([s[0] for s in states]), atol=1e-6, rtol=0)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_gradients_of_unfrozen_layers_are_those_of_transformers(k, tmp_path):
    model = oracle(tmp_path, 3, 32, 4, 64)
    caller = same_head(Caller.start(tmp_path, 7, dropout=0.0, seed=0), model)
    caller.unfreeze(k)
    caller.train()
    rows = [encode(sequence(n), 99) for n in (20, 40)]
    caller(pack(rows)).square().sum().backward()
    for row in rows:
        model(torch.from_numpy(row.astype(np.int64))[None]).logits.square().sum().backward()
    theirs = dict(model.named_parameters())
    assert len(caller.trainable()) == 4 + 2 + 16 * k
    for name, parameter in caller.trainable().items():
        torch.testing.assert_close(parameter.grad, theirs[name].grad, atol=2e-5, rtol=1e-4)


def test_recomputed_activations_give_the_same_gradient(tmp_path):
    oracle(tmp_path, 2, 32, 4, 64)
    gradients = []
    for recomputes in (False, True):
        caller = Caller.start(tmp_path, 7, dropout=0.3, seed=0)
        caller.unfreeze(2)
        caller.train()
        caller.recomputes = recomputes
        torch.manual_seed(5)
        caller(pack([encode(sequence(30), 99)])).square().sum().backward()
        gradients.append([p.grad for p in caller.trainable().values()])
    for one, two in zip(*gradients, strict=True):
        torch.testing.assert_close(one, two)


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


@pytest.fixture
def two_threads():
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)


def test_scores_are_the_same_to_the_last_bit_with_two_threads(two_threads):
    draw = np.random.default_rng(5)
    caller = Caller.start(None, 40, dropout=0.0, seed=0)
    rows = [draw.integers(4, 24, n).astype(np.uint8) for n in (700, 500, 3, 60, 1024, 1024, 200)]
    found = {}
    for n_threads in (1, 2):
        torch.set_num_threads(n_threads)
        budget = token_budget(caller, CPU)
        assert budget.workers == n_threads
        found[n_threads] = np.empty((len(rows), 40), np.float32)
        for at, values, _ in probabilities(caller, rows, CPU):
            found[n_threads][at] = values
        assert torch.get_num_threads() == n_threads
    np.testing.assert_array_equal(found[1], found[2])


def test_batches_side_by_side_come_in_order_and_are_halved_where_memory_is_short(two_threads):
    lengths = np.arange(100, 0, -1)
    seen = []

    def compute(at):
        seen.append(len(at))
        if len(at) > 5:
            raise MemoryError
        return lengths[at].sum()

    found = list(in_batches(lengths, compute, Budget(400, 2)))
    assert np.concatenate([at for at, _ in found]).tolist() == list(range(100))
    assert all(made == lengths[at].sum() for at, made in found)
    assert max(seen) > 5
    assert torch.get_num_threads() == 2


def test_another_error_in_a_worker_is_told_at_once(two_threads):
    def compute(at):
        raise ValueError("no such thing")

    with pytest.raises(ValueError, match="no such thing"):
        list(in_batches(np.arange(1, 50), compute, Budget(60, 2)))
    assert torch.get_num_threads() == 2


def test_leaving_early_leaves_no_worker_behind(two_threads):
    for _ in in_batches(np.full(50, 10), lambda at: at.sum(), Budget(20, 2)):
        break
    assert torch.get_num_threads() == 2
    assert not [t for t in threading.enumerate() if t.name.startswith("batch")]
