"""What tagger and detector share: training, its options, what it leaves behind."""

import pickle
import threading
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

import joblib
import numpy as np
import pytest
import skorch
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sklearn_sed import WeakEventDetector, WeakTagger
from sklearn_sed.exceptions import LabelError, RareClassWarning
from tests._networks import EXACT, FAST, LEARNERS, TINY_CRNN, TinyNet, tones

X, Y = tones()


@pytest.fixture(params=LEARNERS)
def learner(request):
    return request.param


def test_learns_what_it_should(learner):
    model = learner(**EXACT).fit(X, Y)
    assert model.score(X, Y) > 0.9
    assert model.predict_proba(X).shape == (24, 2)
    assert model.n_iter_ == 60
    assert model.history_[-1]["train_loss"] < model.history_[0]["train_loss"] / 2
    assert isinstance(model.net_, skorch.NeuralNet)


def test_every_form_of_y_gives_the_same_model(learner):
    reference = learner(**FAST).fit(X, Y).predict_proba(X)
    for y in ([[c for c in (0, 1) if row[c]] for row in Y.tolist()], Y.astype(float)):
        if isinstance(y, list):
            y = [set(labels) for labels in y]
        np.testing.assert_array_equal(
            learner(**FAST).fit(X, y).predict_proba(X), reference
        )


@pytest.mark.parametrize(
    "form", ["list", "tuple", "object", "memmap", "float64", "fortran", "read_only"]
)
def test_every_form_of_x_gives_the_same_scores(learner, form, tmp_path):
    plain = np.asarray(X)
    forms = {
        "list": lambda: list(plain),
        "tuple": lambda: tuple(plain),
        "object": lambda: _object_array(plain),
        "memmap": lambda: _memmap(plain, tmp_path / "x.npy"),
        "float64": lambda: plain.astype(np.float64),
        "fortran": lambda: np.asfortranarray(plain),
        "read_only": lambda: _read_only(plain),
    }
    other = forms[form]()
    model = learner(**FAST).fit(other, Y)
    expected = learner(**FAST).fit(plain, Y).predict_proba(plain)
    np.testing.assert_allclose(model.predict_proba(other), expected, atol=1e-6)


def _object_array(X):
    out = np.empty(len(X), dtype=object)
    out[:] = list(X)
    return out


def _memmap(X, path):
    np.save(path, X)
    return np.load(path, mmap_mode="r")


def _read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


@pytest.mark.parametrize("network", ["crnn", "paper"])
@pytest.mark.parametrize("batch_size", [1, 3, 8])
def test_ragged_clips_score_as_they_do_alone(learner, network, batch_size):
    rng = np.random.default_rng(0)
    clips = [x[: rng.integers(1, 21)] for x in np.asarray(X)]
    options = {"network": "crnn", "network_params": TINY_CRNN}
    if network == "paper":
        options = {"network": "paper_tagger" if learner is WeakTagger else "paper_crnn"}
    model = learner(**options, max_epochs=1, random_state=0).fit(clips, Y)
    model.set_params(batch_size=batch_size)
    together = model.predict_proba(clips)
    alone = np.concatenate([model.predict_proba([clip]) for clip in clips])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    backwards = model.predict_proba(clips[::-1])[::-1]
    np.testing.assert_allclose(together, backwards, atol=1e-6)


def test_same_seed_same_model_other_seed_other_model(learner):
    def fit(seed):
        options = {"network_params": TINY_CRNN, "max_epochs": 2, "time_mask": 0.1}
        return learner(**options, random_state=seed).fit(X, Y).predict_proba(X)

    np.testing.assert_array_equal(fit(0), fit(0))
    np.testing.assert_array_equal(fit(np.random.RandomState(3)), fit(3))
    assert np.abs(fit(0) - fit(1)).max() > 1e-4


def test_leaves_the_random_generators_of_torch_and_numpy_alone(learner):
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002 the legacy generator is what is tested
    learner(**FAST).fit(X, Y).predict_proba(X)
    drawn = torch.rand(1).item(), np.random.rand()  # noqa: NPY002
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002
    assert drawn == (torch.rand(1).item(), np.random.rand())  # noqa: NPY002


def test_silent_unless_asked(learner):
    for verbose in (0, 1):
        out, err = StringIO(), StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            learner(**{**FAST, "verbose": verbose}).fit(X, Y)
        assert out.getvalue() == ""
        assert (learner.__name__ in err.getvalue()) == bool(verbose)


@pytest.mark.parametrize("dump", ["pickle", "joblib"])
def test_pickles_after_fit_without_the_training_clips(learner, dump, tmp_path):
    model = learner(**FAST).fit(*tones(200))
    if dump == "pickle":
        data = pickle.dumps(model)
        again = pickle.loads(data)
        assert len(data) < 100_000 < np.asarray(tones(200)[0]).nbytes + 10_000
    else:
        joblib.dump(model, tmp_path / "model.joblib")
        again = joblib.load(tmp_path / "model.joblib")
    np.testing.assert_array_equal(model.predict_proba(X), again.predict_proba(X))
    again.partial_fit(X, Y)


@pytest.mark.parametrize(
    ("batch_size", "n_epochs"),
    # 24 clips: 24 batches are 25 epochs, 12 are the 42 that 500 steps take, and one
    # batch is as many as there are at most.
    [(1, 25), (2, 42), (24, 100)],
)
def test_few_steps_in_an_epoch_are_more_epochs(learner, batch_size, n_epochs):
    options = {**FAST, "max_epochs": "auto", "validation_fraction": 0.0}
    model = learner(**options, batch_size=batch_size).fit(X, Y)
    assert model.n_iter_ == len(model.history_) == n_epochs
    same = learner(**{**options, "max_epochs": n_epochs}, batch_size=batch_size)
    np.testing.assert_array_equal(
        model.predict_proba(X), same.fit(X, Y).predict_proba(X)
    )


def test_epochs_are_counted_by_the_clips_of_each_round():
    untagged = np.vstack([Y[:12], np.full((12, 2), -1)])
    options = {**FAST, "max_epochs": "auto", "batch_size": 1}
    model = WeakEventDetector(**options, validation_fraction=0.0).fit(X, untagged)
    assert model.n_iter_ == 42
    model.set_params(self_training=1).fit(X, untagged)
    assert model.n_iter_ == 25


def test_early_stopping_returns_to_the_best_epoch(learner):
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(40, 5, 6))
    y = rng.integers(0, 2, (40, 2))
    model = learner(
        **{**FAST, "max_epochs": 200, "learning_rate": 0.05, "schedule": "constant"},
        early_stopping=True,
        validation_fraction=0.25,
        n_iter_no_change=3,
        mixup=0.0,
    ).fit(noise, y)
    losses = [epoch["valid_loss"] for epoch in model.history_]
    assert model.n_iter_ == len(losses) < 200
    assert np.argmin(losses) == len(losses) - 4
    users = learner(
        **{**FAST, "max_epochs": 200, "learning_rate": 0.05, "schedule": "constant"},
        callbacks=[skorch.callbacks.EarlyStopping(patience=3, sink=lambda text: None)],
        validation_fraction=0.25,
        mixup=0.0,
    ).fit(noise, y)
    assert users.n_iter_ == model.n_iter_


def test_class_weight_moves_the_scores_of_its_class(learner):
    options = {**EXACT, "max_epochs": 5}
    plain = learner(**options).fit(X, Y)
    heavy = learner(**options, class_weight={1: 50.0}).fit(X, Y)
    assert not np.allclose(plain.predict_proba(X), heavy.predict_proba(X))
    balanced = learner(**options, class_weight="balanced").fit(X, Y)
    count = Y.sum(axis=0)
    weight = 1 / count
    same = learner(**options, class_weight=2 * weight / weight.sum()).fit(X, Y)
    np.testing.assert_allclose(balanced.predict_proba(X), same.predict_proba(X))


def test_weights_count_as_repetitions_and_zero_leaves_out(learner):
    weight = np.arange(24) % 3
    weighted = learner(**EXACT).fit(X, Y, sample_weight=weight)
    repeated = learner(**EXACT).fit(
        np.repeat(np.asarray(X), weight, axis=0), np.repeat(Y, weight, axis=0)
    )
    np.testing.assert_allclose(
        weighted.predict_proba(X), repeated.predict_proba(X), rtol=1e-7
    )


def test_unlabelled_clips_are_left_out(learner):
    y = np.vstack([Y, np.full((6, 2), -1)])
    noise = np.random.default_rng(9).normal(size=(6, 20, 6))
    more = np.concatenate([np.asarray(X), noise])
    with_them = learner(**EXACT).fit(more, y)
    without = learner(**EXACT).fit(X, Y)
    np.testing.assert_allclose(
        with_them.predict_proba(X), without.predict_proba(X), rtol=1e-7
    )
    with pytest.raises(LabelError, match="labels no clip"):
        learner(**FAST).fit(X, np.full((24, 2), -1))


def test_warm_start_goes_on(learner):
    model = learner(**FAST, warm_start=True).fit(X, Y)
    net = model.net_
    model.fit(X, Y)
    assert model.net_ is net
    assert model.n_iter_ == 4
    cold = learner(**FAST).fit(X, Y)
    net = cold.net_
    assert cold.fit(X, Y).net_ is not net
    with pytest.raises(LabelError, match="'Owl' is unknown"):
        model.fit(X, [{"Owl"}] * 24)


def test_partial_fit_learns_batch_by_batch(learner):
    model = learner(**{**FAST, "learning_rate": 0.02})
    for _ in range(40):
        for part in (slice(0, 12), slice(12, 24)):
            model.partial_fit(X[part], Y[part], classes=[0, 1])
    assert model.n_iter_ == 80
    assert model.score(X, Y) > 0.8
    assert model.thresholds_.tolist() == [0.5, 0.5]


def test_more_training_takes_the_learning_rate_of_today(learner):
    model = learner(**FAST, schedule="constant").fit(X, Y)
    model.set_params(learning_rate=0.5).partial_fit(X, Y)
    assert model.net_.optimizer_.param_groups[0]["lr"] == 0.5


def test_partial_fit_knows_classes_that_come_later(learner):
    model = learner(**FAST)
    labels = [["Dog"] if i % 2 else [] for i in range(24)]
    with pytest.warns(RareClassWarning, match="Owl"):
        # the warning is fit's: partial_fit may see a class later
        clone(model).fit(X, _frame(labels, ["Dog", "Owl"]))
    model.partial_fit(X, labels, classes=["Dog", "Owl"])
    assert model.predict_proba(X).shape == (24, 2)


def _frame(labels, classes):
    import pandas as pd

    return pd.DataFrame(
        [[int(c in row) for c in classes] for row in labels], columns=classes
    )


@pytest.mark.parametrize("method", ["f1", "annealing", "roc", "mean_prf"])
def test_thresholds_are_learned_on_held_back_clips(learner, method):
    x, y = tones(120)
    options = {**FAST, "max_epochs": 15, "learning_rate": 0.02}
    model = learner(**options, threshold=method, validation_fraction=0.3).fit(x, y)
    assert model.thresholds_.shape == (2,)
    assert ((model.thresholds_ >= 0) & (model.thresholds_ <= 1)).all()
    if method == "f1":
        assert (model.thresholds_ != 0.5).any()
    if method == "mean_prf":
        # The published way asks for certainty when the tagger makes no mistake.
        assert model.thresholds_.min() > 0.9
    else:
        assert model.score(x, y) > 0.8


def test_too_few_held_back_clips_leave_one_half(learner):
    model = learner(**FAST, validation_fraction=0.2).fit(X, Y)
    assert model.thresholds_.tolist() == [0.5, 0.5]


def test_thresholds_may_be_given(learner):
    model = learner(**FAST, threshold=0.3).fit(X, Y)
    assert model.thresholds_.tolist() == [0.3, 0.3]
    model = learner(**FAST, threshold=[0.2, 0.9]).fit(X, Y)
    assert model.thresholds_.tolist() == [0.2, 0.9]
    with pytest.raises(ValueError, match="one for each of the 2 classes"):
        learner(**FAST, threshold=[0.2, 0.9, 0.1]).fit(X, Y)


def test_a_score_at_the_threshold_is_negative(learner):
    model = learner(**FAST).fit(X, Y)
    proba = model.predict_proba(X)
    model.thresholds_ = proba[0].copy()
    tags = model.predict(X) if learner is WeakTagger else model.predict_tags(X)
    assert tags[0].tolist() == [0, 0]
    model.thresholds_ = np.nextafter(proba[0], 0)
    tags = model.predict(X) if learner is WeakTagger else model.predict_tags(X)
    assert tags[0].tolist() == [1, 1]


def test_a_callback_that_stops_training_leaves_it_fitted(learner):
    class Stop(skorch.callbacks.Callback):
        def on_epoch_end(self, net, **kwargs):
            if len(net.history) == 3:
                raise KeyboardInterrupt  # as skorch's own callbacks do

    options = {**FAST, "validation_fraction": 0.0}
    stopped = learner(**{**options, "max_epochs": 9}, callbacks=[Stop()]).fit(X, Y)
    assert stopped.n_iter_ == len(stopped.history_) == 3
    assert stopped.predict_proba(X).shape == (24, 2)


def test_callbacks_of_skorch_are_called(learner):
    seen = []

    class Watch(skorch.callbacks.Callback):
        def on_epoch_end(self, net, **kwargs):
            seen.append(net.history[-1, "train_loss"])

    learner(**FAST, callbacks=[Watch()]).fit(X, Y)
    assert len(seen) == 2


def test_fits_in_a_thread(learner):
    models = []
    thread = threading.Thread(target=lambda: models.append(learner(**FAST).fit(X, Y)))
    thread.start()
    thread.join()
    assert models[0].predict_proba(X).shape == (24, 2)


@pytest.mark.parametrize("precision", ["auto", "float32", "bfloat16", "float64"])
def test_precision_is_stated_and_predictions_are_not_coarse(learner, precision):
    model = learner(
        network_params=TINY_CRNN, precision=precision, max_epochs=1, random_state=0
    ).fit(X, Y)
    expected = {"float32", "bfloat16"} if precision == "auto" else {precision}
    assert model.precision_ in expected
    parameter = next(model.net_.module_.parameters())
    assert parameter.dtype == (
        torch.float64 if precision == "float64" else torch.float32
    )
    assert np.isfinite(model.predict_proba(X)).all()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"pooling": "median"}, r"pooling='median' is unknown.*linear_softmax"),
        ({"network": "resnet"}, r"network='resnet' is unknown.*crnn"),
        ({"max_epochs": 0}, "max_epochs"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"optimizer": "lion"}, "optimizer"),
        ({"validation_fraction": 1.0}, "validation_fraction"),
    ],
)
def test_impossible_parameters_are_refused_before_training(learner, params, message):
    with pytest.raises(ValueError, match=message):
        learner(**params).fit(X, Y)


def test_attention_needs_a_network_with_a_second_head():
    with pytest.raises(ValueError, match="attention head"):
        WeakEventDetector(network="paper_crnn", pooling="attention").fit(X, Y)
    with pytest.raises(ValueError, match="attention head"):
        WeakTagger(network="paper_tagger", pooling="attention").fit(X, Y)


def test_inputs_are_not_changed(learner):
    x, y = tones()
    weight = np.ones(24)
    before = np.array(x), y.copy(), weight.copy()
    model = learner(network_params=TINY_CRNN, max_epochs=1, random_state=0)
    model.fit(x, y, sample_weight=weight).predict_proba(x)
    np.testing.assert_array_equal(np.asarray(x), before[0])
    np.testing.assert_array_equal(y, before[1])
    np.testing.assert_array_equal(weight, before[2])


def test_not_fitted(learner):
    with pytest.raises(NotFittedError):
        learner().predict_proba(X)


def test_a_loss_that_is_not_finite_stops_training(learner):
    class Broken(TinyNet):
        def forward(self, x, mask=None):
            return super().forward(x) * float("nan")

    model = learner(**{**FAST, "network": Broken})
    with pytest.raises(FloatingPointError, match="lower learning_rate"):
        model.fit(X, Y)
    with pytest.raises(NotFittedError):
        model.predict_proba(X)
