"""CUDA against the CPU: attention, training, and the scores of every evidence source.

``ESMGO_TEST_DEVICE=cpu pytest tests/test_gpu.py`` runs the same code without a GPU.
"""

import json
import logging
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from oracles import SIZES, configuration, drawn, sequence
from torch.nn.functional import gelu, layer_norm
from training import config, losses

from esmgo.blending.blend_config import BlendConfig
from esmgo.blending.blending import blend
from esmgo.dataset.opening import open_dataset
from esmgo.learn.finetune import fit
from esmgo.model.caller import Caller
from esmgo.model.container import index_path
from esmgo.model.packing import pack
from esmgo.model.tokens import encode
from esmgo.predict.predictor import Predictor

DEVICE = os.environ.get("ESMGO_TEST_DEVICE", "cuda")
GOLDEN = json.loads((Path(__file__).parent / "golden" / "logits.json").read_text())
LENGTHS = (300, 5, 64, 64, 129, 1)

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        DEVICE.startswith("cuda") and not torch.cuda.is_available(), reason="needs a CUDA device"
    ),
]


def random_caller(*sizes: int) -> Caller:
    """A caller on the device, its weights the same on every machine."""
    made = configuration(*sizes)
    empty = Caller(made, made["num_labels"]).network.state_dict()
    weights = {name: drawn(name, tuple(each.shape)) for name, each in empty.items()}
    caller = Caller.restore("random", made, weights)
    caller.network.to(DEVICE)
    return caller


def plain_layer(weights: dict[str, torch.Tensor], x: torch.Tensor, n_heads: int) -> torch.Tensor:
    """A layer of ESM2 on the tokens of one protein, shape=(L, D), written out in float64."""
    weights = {name: each.detach().cpu().double() for name, each in weights.items()}

    def linear(name, x):
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def norm(name, x):
        return layer_norm(x, x.shape[1:], weights[f"{name}.weight"], weights[f"{name}.bias"], 1e-5)

    length, width = x.shape
    half = width // n_heads // 2
    angle = torch.outer(torch.arange(length), 10_000.0 ** -(torch.arange(half) / half)).double()
    cos, sin = angle.cos(), angle.sin()
    normed = norm("attention.LayerNorm", x)
    q, k, v = (
        linear(f"attention.self.{name}", normed).view(length, n_heads, 2 * half).transpose(0, 1)
        for name in ("query", "key", "value")
    )
    q, k = (
        torch.cat([a * cos - b * sin, b * cos + a * sin], -1)
        for a, b in (q.split(half, -1), k.split(half, -1))
    )
    weight = (q @ k.transpose(1, 2) / (2 * half) ** 0.5).softmax(-1)  # (H, L, L)
    x = x + linear("attention.output.dense", (weight @ v).transpose(0, 1).reshape(length, width))
    return x + linear("output.dense", gelu(linear("intermediate.dense", norm("LayerNorm", x))))


@pytest.mark.parametrize(("half", "within"), [(False, 1e-4), (True, 5e-2)], ids=["fp32", "bf16"])
@pytest.mark.parametrize("cls_only", [False, True])
def test_packed_attention_is_that_of_each_protein_written_out(half, within, cls_only):
    caller = random_caller(1, 64, 4, 128)
    layer = caller.encoder.layers[0]
    packed = pack([encode(sequence(n), 1026) for n in LENGTHS], DEVICE)
    with torch.inference_mode():
        x = caller.encoder.embed(packed)
        found = layer(x, packed, half, cls_only, (0.0, 0.0))
    assert found.device.type == torch.device(DEVICE).type
    weights = dict(layer.named_parameters())
    rows = [plain_layer(weights, each.cpu().double(), 4) for each in packed.split(x)]
    if cls_only:
        expected = torch.stack([each[0] for each in rows])
    else:
        expected, found = torch.cat(rows), torch.cat(packed.split(found))
    torch.testing.assert_close(found.cpu().double(), expected, atol=within, rtol=within)


@pytest.mark.parametrize("half", [False, True], ids=["fp32", "bf16"])
def test_gradients_of_packed_proteins_are_those_of_the_cpu(half):
    found = []
    for device in ("cpu", DEVICE):
        caller = random_caller(2, 64, 4, 128)
        caller.network.to(device)
        caller.unfreeze(2)
        packed = pack([encode(sequence(n), 1026) for n in LENGTHS], device)
        caller.upper(caller.lower(packed, half), packed, half).square().sum().backward()
        found.append([each.grad.cpu() for each in caller.trainable().values()])
    largest = max(each.norm() for each in found[0])
    for one, other in zip(*found, strict=True):
        assert (one - other).norm() < (0.05 if half else 1e-3) * (one.norm() + largest / 100)


@pytest.mark.parametrize("half", [False, True], ids=["fp32", "bf16"])
def test_logits_are_the_golden_ones(half):
    caller = random_caller(*SIZES["8M"])
    packed = pack([encode(sequence(n), 1026) for n in GOLDEN["lengths"]], DEVICE)
    with torch.inference_mode():
        found = caller(packed, half).cpu()
    far = np.abs(found.numpy() - np.array(GOLDEN["logits"]["8M"])).max()
    assert far < (0.15 if half else 1e-3)


@pytest.mark.parametrize("loss", ["bce", "coherent"])
@pytest.mark.parametrize("k", [0, 1])
def test_training_has_the_losses_of_the_cpu(k, loss, tmp_path, caplog):
    found = []
    for name, device in (("cpu", "cpu"), ("here", DEVICE)):
        caplog.clear()
        with caplog.at_level(logging.INFO, logger="esmgo"):
            fit(config(
                tmp_path / name, device=device, num_epochs=3, eval_interval=99, dropout=0.0,
                learning_rate=1e-3, unfreeze_last_k_layers=k, loss=loss,
            ))  # fmt: skip
        found.append([float(each) for each in losses(caplog)])
    assert found[1][2] < found[1][1] < found[1][0]
    np.testing.assert_allclose(found[1], found[0], rtol=5e-3)


def test_training_in_bf16_learns(tmp_path, caplog):
    with caplog.at_level(logging.INFO, logger="esmgo"):
        fit(config(tmp_path, device=DEVICE, dtype="bf16", num_epochs=3, eval_interval=99,
                   learning_rate=1e-3, unfreeze_last_k_layers=1))  # fmt: skip
    found = [float(each) for each in losses(caplog)]
    assert found[2] < found[1] < found[0] < 0.5


@pytest.mark.parametrize("name", ["head", "neighbours", "kmers", "blend"])
def test_scores_of_each_source_are_those_of_the_cpu(name, blended, held_out):
    sources = None if name == "blend" else [name]
    check_scores(blended[0], held_out[:40], sources=sources)


@pytest.mark.skipif(not shutil.which("diamond"), reason="needs the program diamond")
def test_scores_with_homology_are_those_of_the_cpu(blended, held_out, tmp_path):
    path = tmp_path / blended[0].name
    for each in (blended[0], index_path(blended[0])):
        shutil.copy(each, tmp_path / each.name)
    blend(
        BlendConfig(checkpoint_path=str(path), dataset="sample", homology="diamond", device="cpu")
    )
    train = open_dataset("sample", "all", eval_ratio=1).train
    sequences = dict(zip(train.ids, train.sequences, strict=True))
    for sources in (None, ["homology"]):
        check_scores(path, held_out[:40], homology=sequences, sources=sources)


def check_scores(path: Path, proteins, **more) -> None:
    """Scores in fp32 on the device are within 0.001 of those on the CPU."""
    here, cpu = (
        Predictor.load(path, device=device, dtype="fp32", **more).evidence(proteins)
        for device in (DEVICE, "cpu")
    )
    assert cpu.scores.values.max() > 0.5
    np.testing.assert_allclose(here.scores.values, cpu.scores.values, atol=1e-3, rtol=0)
