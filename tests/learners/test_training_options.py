"""Each training option has the effect that its name promises."""

import math

import numpy as np
import pytest
import skorch
import torch
from sklearn.metrics import f1_score

from sklearn_sed import FeatureArray, WeakEventDetector, WeakTagger
from tests._networks import EXACT, FAST, LEARNERS, TINY_CRNN, TinyNet, tones

X, Y = tones()


@pytest.fixture(params=LEARNERS)
def learner(request):
    return request.param


class Steps(skorch.callbacks.Callback):
    """Writes down each training step: learning rate, loss, number of clips."""

    def __init__(self, log):
        self.log = log

    def on_grad_computed(self, net, named_parameters, training=False, **kwargs):
        self.log.append(net.optimizer_.param_groups[0]["lr"])


def learning_rates(learner, **params):
    log = []
    learner(
        **{**FAST, "validation_fraction": 0.0, **params}, callbacks=[Steps(log)]
    ).fit(X, Y)
    return np.array(log)


def weights(model):
    return np.concatenate(
        [p.detach().numpy().ravel() for p in model.net_.module_.parameters()]
    )


# ------------------------------------------------------------------ optimisation


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("adam", torch.optim.Adam),
        ("adamw", torch.optim.AdamW),
        ("rmsprop", torch.optim.RMSprop),
        ("sgd", torch.optim.SGD),
    ],
)
def test_the_named_optimizer_learns(learner, name, kind):
    rate = 0.5 if name == "sgd" else 0.02
    model = learner(**{**EXACT, "optimizer": name, "learning_rate": rate}).fit(X, Y)
    assert type(model.net_.optimizer_) is kind
    assert model.history_[-1]["train_loss"] < 0.7 * model.history_[0]["train_loss"]


@pytest.mark.parametrize(
    ("batch_size", "n_steps"), [(1, 24), (5, 5), (8, 3), (24, 1), (99, 1)]
)
def test_batch_size_is_the_clips_of_a_step(learner, batch_size, n_steps):
    rates = learning_rates(learner, batch_size=batch_size, max_epochs=2)
    assert len(rates) == 2 * n_steps


def test_a_constant_learning_rate_stays(learner):
    rates = learning_rates(
        learner, schedule="constant", learning_rate=0.03, max_epochs=4, batch_size=8
    )
    np.testing.assert_allclose(rates, 0.03)


def test_a_cosine_rises_falls_and_ends_at_nothing(learner):
    rates = learning_rates(
        learner, schedule="cosine", learning_rate=0.03, max_epochs=20, batch_size=4
    )
    assert len(rates) == 120
    peak = rates.argmax()
    assert peak == pytest.approx(0.05 * 120, abs=1)
    assert rates[0] == pytest.approx(0.03 / 6, rel=0.01)
    assert rates[peak] == pytest.approx(0.03, rel=0.02)
    assert (np.diff(rates[peak:]) < 0).all()
    assert rates[60] == pytest.approx(0.015, rel=0.01)
    assert rates[-1] < 0.001 * 0.03


def test_a_mapping_says_the_factor_from_there_on(learner):
    rates = learning_rates(
        learner,
        schedule={0.5: 0.1, 0.75: 0.01},
        learning_rate=0.2,
        max_epochs=4,
        batch_size=12,
    )
    expected = [0.2] * 4 + [0.02] * 2 + [0.002] * 2
    np.testing.assert_allclose(rates, expected)


def test_weight_decay_shrinks_weights(learner):
    options = {**EXACT, "optimizer": "adamw"}
    del options["weight_decay"]
    plain, decayed, more = (
        np.linalg.norm(weights(learner(**options, weight_decay=decay).fit(X, Y)))
        for decay in (0.0, 0.1, 1.0)
    )
    assert more < 0.8 * decayed < 0.8 * plain


# --------------------------------------------------------- weights of the labels


def test_a_heavy_class_is_scored_higher_where_nothing_tells(learner):
    """Where features say nothing, a score is the weighted share of the tags."""
    x = np.ones((30, 4, 3), dtype=np.float32)
    y = np.zeros((30, 2), dtype=int)
    y[:10, 0] = y[:20, 1] = 1
    options = {**EXACT, "standardize": False, "pooling": "mean", "max_epochs": 200}
    proba = learner(**options).fit(x, y).predict_proba(x)[0]
    np.testing.assert_allclose(proba, [1 / 3, 2 / 3], atol=0.01)
    weight = np.where(y[:, 0] == 1, 4.0, 1.0)  # of clips: 40 of 60, 50 of 60
    proba = learner(**options).fit(x, y, sample_weight=weight).predict_proba(x)[0]
    np.testing.assert_allclose(proba, [2 / 3, 5 / 6], atol=0.01)


def opposites():
    """Clips of constant features, high with one tag and low with the other."""
    high = np.arange(20) % 2 == 0
    x = np.where(high, 1.0, -1.0)[:, None, None] * np.ones((20, 4, 3))
    return x, np.stack([high, ~high], axis=1).astype(int)


def test_label_smoothing_keeps_scores_from_the_ends(learner):
    x, y = opposites()
    options = {**EXACT, "pooling": "mean", "max_epochs": 200}
    sharp = learner(**options).fit(x, y).predict_proba(x)
    smooth = learner(**options, label_smoothing=0.4).fit(x, y).predict_proba(x)
    np.testing.assert_allclose(smooth, 0.2 + 0.6 * y, atol=0.01)
    np.testing.assert_allclose(sharp, y, atol=0.02)


def test_standardisation_makes_scale_and_offset_of_bands_meaningless(learner):
    scale = np.geomspace(1e-2, 1e3, 6)
    moved = FeatureArray(np.asarray(X, dtype=float) * scale - 80, X.time_resolution)
    one, other = (learner(**EXACT).fit(x, Y).predict_proba(x) for x in (X, moved))
    np.testing.assert_allclose(one, other, atol=1e-4)
    options = {**EXACT, "standardize": False, "max_epochs": 2}
    one, other = (learner(**options).fit(x, Y).predict_proba(x) for x in (X, moved))
    assert np.abs(one - other).max() > 0.01


# -------------------------------------------------------------- held-back clips


@pytest.mark.parametrize(("fraction", "n_train"), [(0.0, 100), (0.2, 80), (0.5, 50)])
def test_clips_that_are_held_back_are_not_trained_on(fraction, n_train):
    x, y = tones(100)
    options = {**FAST, "batch_size": 1, "max_epochs": 1, "early_stopping": True}
    log = []
    model = WeakTagger(**options, validation_fraction=fraction, callbacks=[Steps(log)])
    if fraction:
        model.fit(x, y)
        assert "valid_loss" in model.history_[0]
        assert len(log) == pytest.approx(n_train, abs=2)
    else:
        model.set_params(early_stopping=False).fit(x, y)
        assert "valid_loss" not in model.history_[0]
        assert len(log) == n_train


@pytest.mark.parametrize("patience", [2, 5])
def test_training_ends_so_many_epochs_after_the_best(learner, patience):
    rng = np.random.default_rng(0)
    model = learner(
        **{**FAST, "max_epochs": 200, "learning_rate": 0.05, "schedule": "constant"},
        early_stopping=True,
        n_iter_no_change=patience,
        validation_fraction=0.25,
        mixup=0.0,
    ).fit(rng.normal(size=(40, 5, 6)), rng.integers(0, 2, (40, 2)))
    losses = [row["valid_loss"] for row in model.history_]
    assert len(losses) - 1 - np.argmin(losses) == patience


def test_learned_thresholds_beat_one_half_on_rare_classes(learner):
    """Of noise, F1 is best where every clip is taken, the threshold below them all."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 4, 6)), (rng.random((200, 2)) < 0.2).astype(int)
    options = {**FAST, "max_epochs": 20, "learning_rate": 0.02}
    options["validation_fraction"] = 0.5
    model = learner(**options, threshold="f1").fit(x, y)
    proba = model.predict_proba(x)
    half, learned = (
        f1_score(y, (proba > t).astype(int), average="macro", zero_division=0)
        for t in (0.5, model.thresholds_)
    )
    assert learned > half + 0.15


# ------------------------------------------------------------ cosine penalty


def co_tagged(seed):
    """Clips of two sounds that always come together, one after the other."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(40, 24, 6))
    y = np.repeat([[1, 1], [0, 0]], 20, axis=0)
    x[:20, 3:9, :3] += 3
    x[:20, 15:21, 3:] += 3
    return x, y


def overlap(model, x):
    a, b = np.asarray(model.predict_frame_proba(x)).transpose(2, 0, 1)
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.mean((a * b).sum(axis=1) / norms)


@pytest.mark.parametrize("pairs", ["all", "correlated"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_penalty_pulls_co_tagged_classes_apart(pairs, seed):
    x, y = co_tagged(seed)
    options = {**EXACT, "random_state": seed, "cosine_pairs": pairs}
    found = {
        name: overlap(WeakEventDetector(**options, **params).fit(x, y), x[:20])
        for name, params in {
            "off": {"cosine_weight": 0.0},
            "on": {"cosine_weight": 1.0},
            "free of charge": {"cosine_weight": 1.0, "cosine_margin": 0.999},
            "late": {"cosine_weight": 1.0, "cosine_warmup": 10**6},
        }.items()
    }
    assert found["on"] < found["off"] - 0.2
    assert found["free of charge"] > found["off"] - 0.1
    assert found["late"] == pytest.approx(found["off"], abs=0.01)


def test_the_penalty_leaves_pairs_alone_that_tags_tell_apart():
    x, y = co_tagged(0)
    y[5:25] = [1, 0]
    y[20:] = [0, 1]
    assert np.corrcoef(y.T)[0, 1] < 0 < (y.sum(axis=1) == 2).sum()
    curves = {
        (pairs, weight): np.asarray(
            WeakEventDetector(**EXACT, cosine_pairs=pairs, cosine_weight=weight)
            .fit(x, y)
            .predict_frame_proba(x)
        )
        for pairs in ("correlated", "all")
        for weight in (0.0, 1.0)
    }
    np.testing.assert_allclose(
        curves["correlated", 1.0], curves["correlated", 0.0], atol=1e-6
    )
    assert np.abs(curves["all", 1.0] - curves["all", 0.0]).max() > 0.01


# --------------------------------------------------------- losses and poolings


def test_kinds_of_loss_say_what_frames_become():
    """Constant features: every frame has one score, which the loss alone sets."""
    x, y = opposites()

    def score(kind, pooling):
        options = {**EXACT, "pooling": pooling, "max_epochs": 300}
        model = WeakEventDetector(**options, loss=kind).fit(x, y)
        return np.asarray(model.predict_frame_proba(x))[0, 0]

    # BCE(1, p) + BCE(0, p) is lowest at 1/2, and so with BCE(1/2, p) added.
    np.testing.assert_allclose(score("max_min", "max"), [0.5, 0], atol=0.05)
    np.testing.assert_allclose(score("max_mean_min", "max"), [0.5, 0], atol=0.05)
    np.testing.assert_allclose(score("clip", "max"), [1, 0], atol=0.05)
    np.testing.assert_allclose(score("strong", "mean"), [1, 0], atol=0.05)


def test_copied_tags_fill_clips_and_pooled_ones_find_parts():
    x, y = tones(40)
    filled, found = (
        np.asarray(
            WeakEventDetector(**EXACT, loss=kind).fit(x, y).predict_frame_proba(x)
        )
        for kind in ("strong", "clip")
    )
    quiet = np.asarray(x)[..., :2].mean(axis=2) < 1
    quiet &= y[:, :1] == 1
    assert filled[..., 0][quiet].mean() > found[..., 0][quiet].mean()


@pytest.mark.parametrize(
    "pooling",
    ["max", "mean", "linear_softmax", "exp_softmax", "auto", "power", "top_k"],
)
def test_clip_scores_are_pooled_frame_scores(pooling):
    model = WeakEventDetector(**{**EXACT, "max_epochs": 20}, pooling=pooling).fit(X, Y)
    frames = np.asarray(model.predict_frame_proba(X), dtype=float)
    expected = {
        "max": frames.max(axis=1),
        "mean": frames.mean(axis=1),
        "linear_softmax": (frames**2).sum(axis=1) / frames.sum(axis=1),
        "top_k": np.sort(frames, axis=1)[:, -2:].mean(axis=1),
        "exp_softmax": (frames * np.exp(frames)).sum(axis=1) / np.exp(frames).sum(1),
    }
    clip = model.predict_proba(X)
    if pooling in expected:
        np.testing.assert_allclose(clip, expected[pooling], atol=1e-5)
    assert (clip >= frames.mean(axis=1) - 1e-6).all()
    assert (clip <= frames.max(axis=1) + 1e-6).all()


# ------------------------------------------------------------------- precision


@pytest.mark.parametrize("learner", LEARNERS)
def test_precisions_differ_by_their_rounding(learner):
    options = {"network_params": TINY_CRNN, "max_epochs": 2, "random_state": 0}
    proba = {
        p: learner(**options, precision=p).fit(X, Y).predict_proba(X)
        for p in ("bfloat16", "float32")
    }
    gap = np.abs(proba["bfloat16"] - proba["float32"]).max()
    assert 1e-6 < gap < 0.1


# --------------------------------------------------------------- self-training


def test_self_training_learns_from_clips_without_tags():
    x, y = tones(60)
    few = y.copy()
    few[6:] = -1
    options = {**EXACT, "batch_size": 1, "max_epochs": 1}
    for rounds, n_steps in ((0, 6), (1, 6 + 60), (2, 6 + 60 + 60)):
        log = []
        model = WeakEventDetector(**{**options, "self_training": rounds})
        model.set_params(callbacks=[Steps(log)]).fit(x, few)
        assert len(log) == n_steps


def test_self_training_keeps_absent_classes_silent():
    once = WeakEventDetector(**EXACT).fit(X, Y)
    again = WeakEventDetector(**{**EXACT, "self_training": 1}).fit(X, Y)
    absent = Y == 0

    def mean(model):
        return np.asarray(model.predict_frame_proba(X)).mean(axis=1)[absent].mean()

    assert mean(again) < 0.05
    assert mean(again) <= mean(once) + 0.01


def test_own_networks_get_their_parameters(learner):
    class Sized(TinyNet):
        def __init__(self, n_mels, n_classes, n_hidden):
            super().__init__(n_mels, n_classes)
            self.layers[0] = torch.nn.Linear(n_mels, n_hidden)
            self.layers[2] = torch.nn.Linear(n_hidden, n_classes)

    model = learner(**{**FAST, "network": Sized}, network_params={"n_hidden": 7})
    assert len(weights(model.fit(X, Y))) == 6 * 7 + 7 + 7 * 2 + 2
    assert math.isfinite(model.history_[-1]["train_loss"])
