"""The losses: published check values, hand-computed values, gradients."""

import math

import numpy as np
import pytest
import torch

from sklearn_sed.nn import WeakLabelLoss, cosine_penalty, make_pooling
from sklearn_sed.nn._losses import Scores


def scores(p, mask=None):
    """Scores of max pooling over given frame probabilities."""
    frame = torch.as_tensor(p, dtype=torch.float64).logit()
    return Scores(make_pooling("max", frame.shape[-1])(frame, mask), frame, mask)


def bce(y, p):
    return -(y * math.log(p) + (1 - y) * math.log(1 - p))


def target(y):
    y = torch.as_tensor(y, dtype=torch.float64)
    return y, torch.ones(len(y), dtype=torch.float64)


def test_penalty_equals_the_published_check_values(shared_data):
    with np.load(shared_data / "ijcnn19" / "dummy_strong_preds_and_y_true.npz") as f:
        p = torch.from_numpy(f["np_y_pred"]).double()
        y = torch.from_numpy(f["np_y_true"]).double()[:, 0]
    expected = np.zeros((2, 10))
    expected[0, [1, 7]] = 0.7112
    expected[1, [1, 8]] = 0.2926
    np.testing.assert_allclose(cosine_penalty(p, y).numpy(), expected, atol=5e-5)


def test_penalty_equals_plain_loops(oracle):
    case = oracle["penalty"]
    p, y = (torch.tensor(case[key], dtype=torch.float64) for key in ("scores", "tags"))
    np.testing.assert_allclose(cosine_penalty(p, y).numpy(), case["penalty"])


def test_penalty_by_hand():
    p = torch.tensor([[[0.9, 0.3, 0.5], [0.1, 0.4, 0.5]]], dtype=torch.float64)
    y = torch.tensor([[1.0, 1.0, 0.0]], dtype=torch.float64)
    cosine = (0.27 + 0.04) / (math.hypot(0.9, 0.1) * math.hypot(0.3, 0.4))
    expected = torch.tensor([[cosine, cosine, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(cosine_penalty(p, y), expected)
    torch.testing.assert_close(
        cosine_penalty(p, y, margin=0.5), (expected - 0.5).clamp(min=0)
    )


def test_pairs_are_weighted():
    p = torch.rand(1, 8, 3, dtype=torch.float64)
    y = torch.ones(1, 3, dtype=torch.float64)
    weight = torch.tensor([[0.0, 0.5, 0.0], [0.5, 0.0, 0.0], [0.0, 0.0, 7.0]])
    one = cosine_penalty(p[..., :2], y[:, :2])[0, 0]
    torch.testing.assert_close(
        cosine_penalty(p, y, pair_weight=weight)[0],
        torch.stack([one / 2, one / 2, torch.zeros_like(one)]),
    )


def test_one_tag_or_none_adds_nothing():
    p = torch.rand(2, 7, 3)
    y = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    assert cosine_penalty(p, y).abs().max() == 0


def test_penalty_ignores_padding():
    p = torch.rand(1, 9, 2, dtype=torch.float64)
    y = torch.ones(1, 2, dtype=torch.float64)
    mask = torch.arange(9)[None] < 5
    torch.testing.assert_close(cosine_penalty(p, y, mask), cosine_penalty(p[:, :5], y))


def test_penalty_survives_curves_of_zeros():
    p = torch.zeros(1, 4, 2, requires_grad=True)
    penalty = cosine_penalty(p, torch.ones(1, 2))
    penalty.sum().backward()
    assert penalty.abs().max() == 0
    assert torch.isfinite(p.grad).all()


def test_penalty_gradient_numerically():
    torch.manual_seed(0)
    p = torch.rand(2, 6, 3, dtype=torch.float64, requires_grad=True)
    y = torch.tensor([[1, 1, 0], [1, 1, 1]], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: cosine_penalty(x, y, margin=0.2), p)


P = [[[0.2, 0.6], [0.7, 0.1]]]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("clip", [bce(1, 0.7), bce(0, 0.6)]),
        ("max_min", [bce(1, 0.7) + bce(0, 0.2), bce(0, 0.6) + bce(0, 0.1)]),
        (
            "max_mean_min",
            [
                bce(1, 0.7) + bce(0.5, 0.45) + bce(0, 0.2),
                bce(0, 0.6) + bce(0, 0.35) + bce(0, 0.1),
            ],
        ),
        (
            "strong",
            [(bce(1, 0.2) + bce(1, 0.7)) / 2, (bce(0, 0.6) + bce(0, 0.1)) / 2],
        ),
    ],
)
def test_each_kind_by_hand(kind, expected):
    loss = WeakLabelLoss(kind)(scores(P), target([[1, 0]]))
    assert loss.item() == pytest.approx(sum(expected) / 2)


@pytest.mark.parametrize("kind", ["clip", "max_min", "max_mean_min", "strong"])
def test_padding_never_moves_the_loss(kind):
    torch.manual_seed(0)
    p = torch.rand(2, 9, 3, dtype=torch.float64)
    y = [[1, 1, 0], [0, 1, 1]]
    mask = torch.arange(9) < torch.tensor([[9], [4]])
    loss = WeakLabelLoss(kind, cosine_weight=0.5)
    together = loss(scores(p, mask), target(y))
    alone = [
        loss(scores(p[i : i + 1, :n]), target(y[i : i + 1]))
        for i, n in ((0, 9), (1, 4))
    ]
    torch.testing.assert_close(together, torch.stack(alone).mean())


@pytest.mark.parametrize("kind", ["clip", "max_min", "max_mean_min", "strong"])
def test_loss_gradient_numerically(kind):
    torch.manual_seed(0)
    frame = torch.randn(2, 6, 3, dtype=torch.float64, requires_grad=True)
    mask = torch.arange(6) < torch.tensor([[6], [3]])
    y = target([[1, 1, 0], [0, 1, 1]])
    pooling = make_pooling("max", 3)
    loss = WeakLabelLoss(kind, cosine_weight=0.3)
    assert torch.autograd.gradcheck(
        lambda x: loss(Scores(pooling(x, mask), x, mask), y), frame
    )


def test_cosine_weight_class_weight_and_clip_weight():
    y = torch.tensor([[1.0, 1.0]], dtype=torch.float64)
    plain = [bce(1, 0.7), bce(1, 0.6)]
    cosine = (0.12 + 0.07) / (math.hypot(0.2, 0.7) * math.hypot(0.6, 0.1))
    loss = WeakLabelLoss(cosine_weight=0.1, class_weight=[1.0, 10.0])
    expected = ((plain[0] + 0.1 * cosine) + 10 * (plain[1] + 0.1 * cosine)) / 2
    weight = torch.tensor([3.0], dtype=torch.float64)
    assert loss(scores(P), (y, weight)).item() == pytest.approx(3 * expected)


def test_penalty_warms_up():
    loss, both = WeakLabelLoss(cosine_weight=0.8, cosine_warmup=3), target([[1, 1]])
    without = WeakLabelLoss()(scores(P), both)
    full = WeakLabelLoss(cosine_weight=1.0)(scores(P), both) - without
    weights = []
    for epoch in range(6):
        loss.epoch = epoch
        weights.append(((loss(scores(P), both) - without) / full).item())
    assert weights == pytest.approx([0.2, 0.4, 0.6, 0.8, 0.8, 0.8], rel=1e-4)


def test_label_smoothing_moves_tags_towards_one_half():
    loss = WeakLabelLoss(label_smoothing=0.2)(scores(P), target([[1, 0]]))
    assert loss.item() == pytest.approx((bce(0.9, 0.7) + bce(0.1, 0.6)) / 2)


@pytest.mark.parametrize("extreme", [-1e4, -100.0, 100.0, 1e4])
@pytest.mark.parametrize("kind", ["clip", "max_min", "max_mean_min", "strong"])
def test_float32_stays_finite_at_extreme_scores(kind, extreme):
    frame = torch.full((1, 5, 2), extreme, requires_grad=True)
    clip = make_pooling("max", 2)(frame)
    loss = WeakLabelLoss(kind, cosine_weight=1.0)(
        Scores(clip, frame), (torch.tensor([[1.0, 1.0]]), torch.ones(1))
    )
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(frame.grad).all()


@pytest.mark.parametrize("low", [-20.0, -35.0, -50.0, -80.0, -200.0])
def test_penalty_of_vanishing_scores_has_finite_gradients(low):
    logits = torch.full((1, 20, 2), low)
    logits[:, :, 1] = 0
    logits[0, 3, 0] += 1
    logits.requires_grad_()
    penalty = cosine_penalty(logits.sigmoid(), torch.ones(1, 2))
    penalty.sum().backward()
    assert torch.isfinite(penalty).all()
    assert torch.isfinite(logits.grad).all()
