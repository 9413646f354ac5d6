"""Integrated gradients: they add up, and equal those of Captum."""

import numpy as np
import torch
from captum.attr import IntegratedGradients
from motifs import sequence

from esmgo.explanation import attribution
from esmgo.explanation.attribution import MOST_STEPS, attribute, logits
from esmgo.explanation.explanation import Track
from esmgo.model.caller import Caller
from esmgo.model.packing import pack
from esmgo.model.tokens import encode

CPU = torch.device("cpu")


def random_caller(n_terms: int = 3) -> Caller:
    """An encoder of two layers that attends to something, with a random head."""
    caller = Caller.start(None, n_terms, dropout=0.0, seed=0)
    torch.manual_seed(1)
    with torch.no_grad():
        for layer in (caller.head.dense, caller.head.out_proj):
            torch.nn.init.normal_(layer.weight, std=0.3)
    return caller


def test_attributions_add_up_to_the_difference_of_the_scores():
    caller = random_caller()
    for n in (1, 25):
        row = encode(sequence(n, 0), 1024)
        found = attribute(caller, row, 1, CPU)
        assert found.values.shape == (n,)
        unknown = encode("X" * n, 1024)
        np.testing.assert_allclose(
            logits(caller, [row, unknown], 1, CPU), [found.score, found.baseline], atol=1e-5
        )
        assert found.is_complete
        assert abs(found.gap) <= 0.01 * max(1, abs(found.score - found.baseline))


def test_attributions_equal_those_of_captum():
    caller, text = random_caller(), sequence(40, 1)
    row = encode(text, 1024)
    packed, unknown = (pack([encode(t, 1024)], fill=False) for t in (text, "X" * 40))

    def score(x):  # (B, L, D)
        many = pack([row] * len(x), fill=False)
        last = caller.encoder.run(x.flatten(0, 1), many, 0, 2, cls_only=True)
        return caller.head(last)[:, 2]

    theirs = IntegratedGradients(score).attribute(
        caller.encoder.embed(packed)[None].detach(),
        caller.encoder.embed(unknown)[None].detach(),
        n_steps=16,
        method="riemann_middle",
    )
    ours = attribute(caller, row, 2, CPU, n_steps=16).values
    np.testing.assert_allclose(ours, theirs[0].sum(1)[1:-1].detach().numpy(), atol=2e-6)
    assert abs(ours).max() > 0.01


def test_steps_are_doubled_until_the_sum_is_complete_and_what_is_missing_is_said():
    caller = random_caller()
    row = encode(sequence(12, 2), 1024)
    with torch.no_grad():  # a way on which the score jumps
        caller.encoder.embeddings.word_embeddings.weight[24] = 0
        caller.encoder.embeddings.word_embeddings.weight.mul_(100)
    found = attribute(caller, row, 1, CPU)
    assert found.n_steps > 32
    assert found.is_complete or found.n_steps == MOST_STEPS
    short = Track(np.array([1.0, 2.0]), score=4.0, baseline=0.0, n_steps=512)
    assert (short.gap, short.is_complete) == (-1.0, False)


def test_weights_kept_in_bf16_give_gradients_too():
    caller, row = random_caller(), encode(sequence(50, 3), 1024)
    whole = attribute(caller, row, 1, CPU, n_steps=8).values
    caller.encoder.bfloat16()
    half = attribute(caller, row, 1, CPU, n_steps=8).values
    assert np.corrcoef(whole, half)[0, 1] > 0.99


def test_large_encoders_are_computed_anew_on_the_way_back_to_the_same_result(monkeypatch):
    caller, row = random_caller(), encode(sequence(30, 3), 1024)
    held = attribute(caller, row, 1, CPU, n_steps=4).values
    monkeypatch.setattr(attribution, "_HELD", 0)
    anew = attribute(caller, row, 1, CPU, n_steps=4).values
    np.testing.assert_allclose(anew, held, atol=1e-6)


def test_an_unknown_residue_adds_nothing():
    row = encode("MKTAX" + sequence(20, 4), 1024)
    assert attribute(random_caller(), row, 0, CPU, n_steps=4).values[4] == 0
