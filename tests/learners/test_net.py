"""The net that a fitted learner holds is one that a user of skorch can use."""

import numpy as np
import pytest
import skorch
import torch
from skorch.callbacks import (
    BatchScoring,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    LRScheduler,
)

from sklearn_sed import WeakEventDetector, WeakTagger
from sklearn_sed.events import make_events, stack_tables
from sklearn_sed.exceptions import LabelError
from tests._networks import EXACT, FAST, LEARNERS, TINY_CRNN, tones

X, Y = tones()
HELD_BACK = {**FAST, "max_epochs": 4, "validation_fraction": 0.25}


@pytest.fixture(params=LEARNERS)
def learner(request):
    return request.param


def test_scores_of_held_back_clips_are_in_the_history(learner):
    scores = [
        ("f1", EpochScoring("f1_macro", lower_is_better=False, name="valid_f1")),
        ("map", EpochScoring("average_precision", name="valid_map")),
        ("plain", EpochScoring("f1_macro", name="uncached", use_caching=False)),
        ("batch", BatchScoring("f1_micro", name="batch_f1")),
    ]
    options = {**EXACT, "max_epochs": 20, "validation_fraction": 0.25}
    model = learner(**options, callbacks=scores).fit(X, Y)
    rows = model.history_
    assert [row["epoch"] for row in rows] == [*range(1, 21)]
    for row in rows:
        assert row["valid_f1"] == row["uncached"]
        assert {"train_loss", "valid_loss", "valid_map", "batch_f1"} <= row.keys()
    assert rows[-1]["valid_f1"] > rows[0]["valid_f1"]
    assert rows[-1]["valid_map"] > 0.9


def test_callbacks_of_skorch_do_what_they_say(learner, tmp_path):
    kept = Checkpoint(dirname=str(tmp_path), monitor="valid_loss_best")
    model = learner(**HELD_BACK, callbacks=[kept]).fit(X, Y)
    model.net_.load_params(f_params=tmp_path / "params.pt")
    patient = EarlyStopping(patience=2, threshold=10.0, sink=lambda text: None)
    options = {**HELD_BACK, "max_epochs": 50}
    stopped = learner(**options, callbacks=[patient]).fit(X, Y)
    assert stopped.n_iter_ == 3
    assert stopped.predict_proba(X).shape == (24, 2)


def test_a_scheduler_of_skorch_takes_the_place_of_ours(learner):
    seen = []

    class Watch(skorch.callbacks.Callback):
        def on_epoch_begin(self, net, **kwargs):
            seen.append(net.optimizer_.param_groups[0]["lr"])

    halving = LRScheduler(torch.optim.lr_scheduler.StepLR, step_size=1, gamma=0.5)
    learner(**HELD_BACK, learning_rate=0.8, callbacks=[halving, Watch()]).fit(X, Y)
    assert seen == [0.8, 0.4, 0.2, 0.1]


def test_the_net_predicts_clips(learner):
    model = learner(**FAST).fit(X, Y)
    ragged = [x[: 5 + i % 9] for i, x in enumerate(np.asarray(X))]
    model.set_params(batch_size=7)
    for clips in (np.asarray(X), X, ragged):
        proba = model.net_.predict_proba(clips)
        np.testing.assert_allclose(proba, model.predict_proba(clips), atol=1e-6)
        clip, frame, mask = model.net_.forward(clips)
        assert clip.shape == (24, 2)
        assert mask.sum(dim=1).tolist() == [len(c) for c in clips]
        assert frame.shape == (24, max(map(len, clips)), 2)
        np.testing.assert_allclose(torch.sigmoid(clip), proba, atol=1e-6)
    sizes = [len(scores.clip) for scores in model.net_.forward_iter(X)]
    assert sizes == [7, 7, 7, 3]
    indicator = model.net_.predict(X)
    np.testing.assert_array_equal(indicator, model.net_.predict_proba(X) > 0.5)


def test_the_net_can_be_trained_on(learner):
    model = learner(**EXACT).fit(X, Y)
    before = model.history_[-1]["train_loss"]
    model.net_.partial_fit(X, Y.astype(float), epochs=5)
    assert len(model.net_.history) == 65
    assert model.net_.history[-1, "train_loss"] < 2 * before


def test_clips_that_the_user_holds_back(learner):
    x, y = tones(60, seed=1)
    model = learner(**HELD_BACK, early_stopping=True).fit(X, Y, X_val=x, y_val=y)
    assert all("valid_loss" in row for row in model.history_)
    # All of X is learned from, whatever the fraction.
    plain = learner(**{**HELD_BACK, "validation_fraction": 0.0}).fit(X, Y)
    losses = [row["train_loss"] for row in model.history_]
    assert losses == [row["train_loss"] for row in plain.history_]
    learned = learner(**{**EXACT, "max_epochs": 15}).fit(X, Y, X_val=x, y_val=y)
    assert (learned.thresholds_ != 0.5).all()
    with pytest.raises(ValueError, match="belong together"):
        learner(**FAST).fit(X, Y, X_val=x)
    with pytest.raises(LabelError, match=r"y_val.*'Owl'"):
        learner(**FAST).fit(X, Y, X_val=x, y_val=[["Owl"]] * 60)


def test_early_stopping_watches_event_f1():
    low = make_events([0.2], [0.5], ["low"])
    events = stack_tables([low, make_events([], [], [])] * 12)
    clips = np.random.default_rng(0).normal(size=(24, 20, 6)).astype(np.float32)
    clips[::2, 4:10, :2] += 4
    options = {**EXACT, "time_resolution": 0.05, "early_stopping": "event_f1"}
    options |= {"max_epochs": 300, "n_iter_no_change": 5}
    detector = WeakEventDetector(**options)
    detector.fit(clips, events, X_val=clips, y_val=events)
    scores = [row["valid_score"] for row in detector.history_]
    assert scores[-6] == max(scores) == detector.score(clips, events) > 0.9
    assert detector.n_iter_ < 300
    with pytest.raises(LabelError, match="watches times"):
        detector.fit(clips, events, X_val=clips, y_val=[["low"], []] * 12)


def test_early_stopping_without_clips_to_watch_is_refused(learner):
    with pytest.raises(ValueError, match="no clips to watch"):
        learner(**{**FAST, "validation_fraction": 0.0}, early_stopping=True).fit(X, Y)
    with pytest.raises(ValueError, match="no clips to watch"):
        learner(**FAST, early_stopping=True).fit(X[:6], Y[:6])


@pytest.mark.parametrize(
    ("options", "n_held_back"),
    [
        ({}, 12),
        ({"threshold": 0.3}, 0),
        ({"threshold": 0.3, "early_stopping": True}, 12),
        ({"validation_fraction": 0.05}, 0),
        ({"validation_fraction": 0.05, "callbacks": [EarlyStopping()]}, 6),
    ],
)
def test_clips_are_held_back_where_somebody_looks_at_them(options, n_held_back):
    x, y = tones(120)
    sizes = []

    class Count(torch.nn.Module):
        def forward(self, x, mask=None):
            if self.training:
                sizes.append(len(x))
            return x[..., :2]

        def __init__(self, n_mels, n_classes):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

    class Learning(Count):
        def forward(self, x, mask=None):
            return super().forward(x, mask) + self.weight

    quick = {"max_epochs": 1, "batch_size": 500, "network": Learning}
    WeakTagger(**quick, **options).fit(x, y)
    assert sizes == [120 - n_held_back]


def test_each_class_has_its_share_of_the_clips_held_back():
    y = np.zeros((100, 2), dtype=int)
    y[:10, 0] = 1
    y[5:55, 1] = 1
    x = np.random.default_rng(0).normal(size=(100, 4, 3))
    x[:, :, 2] = np.arange(100)[:, None]
    seen = set()

    class Watch(torch.nn.Module):
        def __init__(self, n_mels, n_classes):
            super().__init__()
            self.layer = torch.nn.Linear(n_mels, n_classes)

        def forward(self, x, mask=None):
            if not self.training:
                seen.update(x[:, 0, 2].round().int().tolist())
            return self.layer(x)

    for seed in range(3):
        seen.clear()
        WeakTagger(
            network=Watch,
            standardize=False,
            max_epochs=1,
            validation_fraction=0.2,
            random_state=seed,
        ).fit(x, y)
        assert y[sorted(seen)].sum(axis=0).tolist() == [2, 10]
        assert len(seen) == 20


@pytest.mark.parametrize("goes_on", ["warm_start", "partial_fit"])
@pytest.mark.parametrize(
    "change",
    [
        {"mixup": 5.0},
        {"class_weight": [1.0, 9.0]},
        {"weight_decay": 0.9},
        {"batch_size": 4},
        {"label_smoothing": 0.9},
        {"cosine_weight": 9.0, "cosine_pairs": "all"},
        {"loss": "strong"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_goes_on_follows_the_parameters_of_today(goes_on, change):
    options = {**EXACT, "max_epochs": 1, "batch_size": 12, "optimizer": "adamw"}

    def learned(**params):
        model = WeakEventDetector(**options, warm_start=True).fit(X, Y)
        model.set_params(**params)
        more = model.fit if goes_on == "warm_start" else model.partial_fit
        return more(X, Y).predict_proba(X)

    assert not np.array_equal(learned(), learned(**change))


def test_each_call_that_goes_on_draws_anew():
    orders = []

    class Watch(skorch.callbacks.Callback):
        def on_batch_begin(self, net, batch=None, training=False, **kwargs):
            orders[-1] += batch[0]["x"][:, 0, 0].tolist()

    for kind in ("warm", "partial"):
        model = WeakTagger(**{**FAST, "validation_fraction": 0.0}, warm_start=True)
        model.set_params(max_epochs=1, callbacks=[Watch()])
        orders.clear()
        for _ in range(3):
            orders.append([])
            (model.fit if kind == "warm" else model.partial_fit)(X, Y)
        assert sorted(orders[0]) == sorted(orders[1]) == sorted(orders[2])
        assert orders[0] != orders[1] != orders[2] != orders[0]


def test_another_network_does_not_go_on(learner):
    model = learner(network_params=TINY_CRNN, max_epochs=1, warm_start=True)
    model.fit(X, Y).set_params(pooling="max")
    for more in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match="pooling is 'max', but the net"):
            more(X, Y)
    model.set_params(pooling="linear_softmax").fit(X, Y)


def test_partial_fit_refuses_other_classes(learner):
    model = learner(**FAST).partial_fit(X, Y, classes=[0, 1])
    model.partial_fit(X, Y, classes=[0, 1]).partial_fit(X, Y)
    with pytest.raises(LabelError, match=r"\[0, 1, 2\] are not those of the first"):
        model.partial_fit(X, Y, classes=[0, 1, 2])
