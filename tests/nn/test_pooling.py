"""Clip poolings: hand-computed values, masks, stability, gradients."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_sed.nn import POOLINGS, make_pooling

P = torch.tensor([0.2, 0.5, 0.9], dtype=torch.float64)
LOGITS = P.logit()[None, :, None]


def pool(name, logits, mask=None, attention=None):
    torch.manual_seed(0)
    pooling = make_pooling(name, logits.shape[-1]).to(logits.dtype)
    if pooling.needs_attention and attention is None:
        attention = torch.zeros_like(logits)
    return pooling(logits, mask, attention).sigmoid()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mean", (0.2 + 0.5 + 0.9) / 3),
        ("max", 0.9),
        ("linear_softmax", (0.04 + 0.25 + 0.81) / 1.6),
        (
            "exp_softmax",
            (0.2 * math.exp(0.2) + 0.5 * math.exp(0.5) + 0.9 * math.exp(0.9))
            / (math.exp(0.2) + math.exp(0.5) + math.exp(0.9)),
        ),
        ("top_k", 0.9),
        ("noisy_or", (0.2 + 0.5 + 0.9) / 3),
        ("power", (0.04 + 0.25 + 0.81) / 1.6),
    ],
)
def test_hand_computed(name, expected):
    assert pool(name, LOGITS).item() == pytest.approx(expected)


def test_auto_starts_as_exponential_softmax():
    assert pool("auto", LOGITS).item() == pytest.approx(
        pool("exp_softmax", LOGITS).item()
    )


def test_auto_sharpness_goes_from_mean_to_max():
    pooling = make_pooling("auto", 1).double()
    pooling.sharpness.data.fill_(0.0)
    assert pooling(LOGITS).sigmoid().item() == pytest.approx(1.6 / 3)
    pooling.sharpness.data.fill_(1e3)
    assert pooling(LOGITS).sigmoid().item() == pytest.approx(0.9)


def test_attention_hand_computed():
    logits = torch.stack([P.logit(), (1 - P).logit()], dim=1)[None]
    attention = torch.tensor(
        [[[1.0, 0.0], [0.0, 0.0], [0.0, 2.0]]], dtype=torch.float64
    )
    a = torch.softmax(attention, dim=-1)[0]
    p = logits.sigmoid()[0]
    expected = (a * p).sum(0) / a.sum(0)
    torch.testing.assert_close(pool("attention", logits, None, attention)[0], expected)


def test_top_k_averages_a_tenth():
    p = torch.linspace(0.01, 0.99, 30, dtype=torch.float64)
    expected = p[-3:].mean().item()
    assert pool("top_k", p.logit()[None, :, None]).item() == pytest.approx(expected)


def test_noisy_or_over_segments():
    p = torch.full((25,), 0.3, dtype=torch.float64)
    expected = 1 - 0.7**3
    assert pool("noisy_or", p.logit()[None, :, None]).item() == pytest.approx(expected)


@pytest.mark.parametrize("name", sorted(POOLINGS))
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_padding_never_moves_a_score(name, data):
    lengths = data.draw(st.lists(st.integers(1, 40), min_size=1, max_size=4))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**31)))
    n = max(lengths) + data.draw(st.integers(0, 15))
    padded = torch.from_numpy(rng.normal(0, 4, (len(lengths), n, 2)))
    attention = torch.from_numpy(rng.normal(0, 2, padded.shape))
    mask = torch.arange(n) < torch.tensor(lengths)[:, None]
    together = pool(name, padded, mask, attention)
    for i, length in enumerate(lengths):
        alone = pool(
            name, padded[i : i + 1, :length], None, attention[i : i + 1, :length]
        )
        torch.testing.assert_close(together[i : i + 1], alone)


@pytest.mark.parametrize("name", sorted(POOLINGS))
@settings(max_examples=25, deadline=None)
@given(
    values=st.lists(st.floats(-6, 6), min_size=1, max_size=25),
)
def test_score_lies_between_the_lowest_and_highest_frame(name, values):
    logits = torch.tensor(values, dtype=torch.float64)[None, :, None]
    score = pool(name, logits).item()
    p = logits.sigmoid()
    lowest, highest = p.min().item(), p.max().item()
    if name == "noisy_or":
        highest = 1.0
    assert lowest - 1e-9 <= score <= highest + 1e-9


@pytest.mark.parametrize("name", sorted(POOLINGS))
@pytest.mark.parametrize("extreme", [-200.0, -90.0, 90.0, 200.0])
def test_extreme_scores_keep_finite_values_and_gradients(name, extreme):
    logits = torch.full((2, 12, 3), extreme, requires_grad=True)
    pooling = make_pooling(name, 3)
    attention = torch.zeros_like(logits) if pooling.needs_attention else None
    clip = pooling(logits, None, attention)
    assert torch.isfinite(clip).all()
    for target in (0.0, 1.0):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            clip, torch.full_like(clip, target)
        )
        (gradient,) = torch.autograd.grad(loss, logits, retain_graph=True)
        assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("name", sorted(POOLINGS))
def test_gradients_numerically(name):
    torch.manual_seed(1)
    logits = torch.randn(2, 23, 2, dtype=torch.float64, requires_grad=True)
    attention = torch.randn_like(logits).requires_grad_()
    mask = torch.arange(23) < torch.tensor([[23], [9]])
    pooling = make_pooling(name, 2).double()
    assert torch.autograd.gradcheck(
        lambda x, a: pooling(x, mask, a), (logits, attention)
    )


def test_unknown_pooling_lists_the_known():
    with pytest.raises(ValueError, match=r"linear_softmax.*top_k"):
        make_pooling("median", 1)
