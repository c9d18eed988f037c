"""The tagger as a scikit-learn classifier."""

import numpy as np
import pytest
from sklearn.base import is_classifier
from sklearn.metrics import f1_score
from sklearn.model_selection import cross_val_score

from sklearn_sed import WeakTagger
from sklearn_sed.exceptions import LabelError, RareClassWarning
from tests._networks import EXACT, tones

X, Y = tones()


def test_is_a_classifier():
    assert is_classifier(WeakTagger())


def test_multi_label():
    model = WeakTagger(**EXACT).fit(X, Y)
    proba = model.predict_proba(X)
    assert model.predict(X).dtype.kind == "i"
    np.testing.assert_array_equal(model.predict(X), proba > 0.5)
    np.testing.assert_array_equal(model.predict(X), model.decision_function(X) > 0)
    assert model.score(X, Y) == f1_score(Y, model.predict(X), average="macro")


def test_score_leaves_unlabelled_clips_out():
    model = WeakTagger(**EXACT).fit(X, Y)
    y = Y.copy()
    y[::3] = -1
    known = (y >= 0).all(axis=1)
    weight = np.arange(1.0, len(y) + 1)
    assert model.score(X, y) == model.score(X[known], y[known])
    assert model.score(X, y, weight) == model.score(X[known], y[known], weight[known])
    with pytest.raises(LabelError, match="y labels no clip"):
        model.score(X, np.full_like(Y, -1))


def test_score_of_quiet_clips_and_of_classes_never_seen():
    names = [["low"] * a + ["high"] * b for a, b in Y]
    model = WeakTagger(**EXACT).fit(X, names)
    assert model.score(X, [[]] * len(Y)) == 0.0
    other = [[*labels, "new"] for labels in names]
    assert model.score(X, other) == pytest.approx(2 / 3 * model.score(X, names))
    with pytest.warns(RareClassWarning, match="of which the estimator knows none"):
        assert model.score(X, [["new"]] * len(Y)) == 0.0
    with pytest.raises(LabelError, match="of which the estimator knows none"):
        model.score(X, [{7}] * len(Y))


def test_decision_function_is_measured_from_the_thresholds():
    model = WeakTagger(**EXACT, threshold=[0.9, 0.1]).fit(X, Y)
    np.testing.assert_array_equal(
        model.predict_proba(X) > [0.9, 0.1], model.decision_function(X) > 0
    )


@pytest.mark.parametrize("labels", [["a", "b", "c"], [5, 7, 9]])
def test_one_label_per_clip(labels):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 10, 6))
    y = np.array(labels)[np.arange(30) % 3]
    for i in range(30):
        x[i, :, 2 * (i % 3)] += 3
    model = WeakTagger(**EXACT).fit(x, y)
    np.testing.assert_allclose(model.predict_proba(x).sum(axis=1), 1)
    np.testing.assert_array_equal(model.predict(x), y)
    assert model.score(x, y) == 1.0
    assert cross_val_score(model, x, y, cv=3).min() > 0.8


def test_two_exclusive_labels():
    model = WeakTagger(**EXACT).fit(X, Y[:, 0])
    assert model.decision_function(X).shape == (24,)
    assert model.predict_proba(X).shape == (24, 2)
    np.testing.assert_array_equal(model.predict(X), model.decision_function(X) > 0)


@pytest.mark.parametrize(
    "options",
    [
        {"network": "paper_tagger"},
        {
            "network": "paper_tagger",
            "network_params": {"recurrent": True},
            "pooling": "mean",
        },
    ],
)
def test_published_networks(options):
    model = WeakTagger(**options, max_epochs=1, random_state=0).fit(X, Y)
    assert model.predict_proba(X).shape == (24, 2)
