"""Calibrated tag probabilities, and how to measure calibration."""

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn import config_context
from sklearn.base import BaseEstimator, clone
from sklearn.calibration import calibration_curve
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_sed import WeakTagger
from sklearn_sed.calibration import (
    CalibratedTaggerCV,
    CalibrationCurve,
    expected_calibration_error,
    multilabel_calibration_curve,
)
from sklearn_sed.events import TagArray, make_events, stack_tables
from sklearn_sed.exceptions import LabelError, RareClassWarning
from sklearn_sed.model_selection import MultilabelStratifiedGroupKFold

CLASSES = ["Cat", "Dog", "Speech"]


class Passes(BaseEstimator):
    """An estimator whose probabilities are its features."""

    def fit(self, X, y):
        if isinstance(y, list):
            self.classes_ = np.array(sorted({label for row in y for label in row}))
        elif isinstance(y, pd.DataFrame):
            self.classes_ = y.columns.to_numpy()
        else:
            self.classes_ = np.arange(np.shape(y)[1])
        return self

    def predict_proba(self, X):
        return np.asarray(X)[:, : len(self.classes_)]


def log_odds_and_labels(n_clips, n_classes=3, seed=0):
    """Return true log-odds and labels drawn by them."""
    rng = np.random.default_rng(seed)
    log_odds = rng.normal(-0.5, 1.5, (n_clips, n_classes))
    return log_odds, (rng.random(log_odds.shape) < expit(log_odds)).astype(int)


@parametrize_with_checks(
    [CalibratedTaggerCV(OneVsRestClassifier(LogisticRegression()), cv=2)]
)
# Some checks have so few clips that all that are held back, or learned from, are alike.
@pytest.mark.filterwarnings(
    "ignore::sklearn_sed.exceptions.RareClassWarning", "ignore:Label not:UserWarning"
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_sigmoid_undoes_a_linear_distortion_of_the_log_odds():
    log_odds, y = log_odds_and_labels(4000)
    calibrated = CalibratedTaggerCV(Passes(), cv=2).fit(expit(2.5 * log_odds + 1), y)
    for calibrator in calibrated.calibrators_:
        assert calibrator.coef_.item() == pytest.approx(1 / 2.5, abs=0.03)
        assert calibrator.intercept_.item() == pytest.approx(-1 / 2.5, abs=0.06)
    new, _ = log_odds_and_labels(50, seed=1)
    np.testing.assert_allclose(
        calibrated.predict_proba(expit(2.5 * new + 1)), expit(new), atol=0.03
    )


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_unreliable_probabilities_become_reliable(method):
    log_odds, y = log_odds_and_labels(3000)
    new, y_new = log_odds_and_labels(3000, seed=1)
    calibrated = CalibratedTaggerCV(Passes(), method=method)
    calibrated.fit(expit(3 * log_odds), y)
    before, after = expit(3 * new), calibrated.predict_proba(expit(3 * new))
    assert expected_calibration_error(y_new, before) > 0.1
    assert expected_calibration_error(y_new, after) < 0.03
    for column in range(3):
        assert brier_score_loss(y_new[:, column], after[:, column]) < brier_score_loss(
            y_new[:, column], before[:, column]
        )
    # A class is ranked as before: only ties may be new.
    order = np.argsort(before[:, 0])
    assert (np.diff(after[order, 0]) >= 0).all()


def test_isotonic_corrects_what_no_sigmoid_can():
    rng = np.random.default_rng(0)
    proba = rng.random((4000, 1))
    y = (rng.random(proba.shape) < np.where(proba > 0.5, 0.6, 0.4)).astype(int)
    errors = {}
    for method in ("sigmoid", "isotonic"):
        calibrated = CalibratedTaggerCV(Passes(), method=method, cv=2).fit(proba, y)
        after = calibrated.predict_proba(proba)
        errors[method] = np.abs(after - np.where(proba > 0.5, 0.6, 0.4)).mean()
    assert errors["isotonic"] < 0.02 < errors["sigmoid"]


def test_probabilities_are_never_certain():
    proba = np.repeat([[0.0], [1.0]], 20, axis=0)
    y = np.repeat([[0], [1]], 20, axis=0)
    for method in ("sigmoid", "isotonic"):
        calibrated = CalibratedTaggerCV(Passes(), method=method, cv=2).fit(proba, y)
        after = calibrated.predict_proba(proba)
        assert 0 < after[0] < 0.05
        assert 0.95 < after[-1] < 1
        np.testing.assert_array_equal(calibrated.predict(proba), y)


def test_small_differences_are_not_blown_up():
    # Copies trained too briefly: nearly the same, and the final estimator is elsewhere.
    y = np.tile([[0], [1]], (10, 1))
    held_back = 0.5 + 1e-5 * (y - 0.5)
    estimator = Passes().fit(held_back, y)
    calibrated = CalibratedTaggerCV(estimator, cv="prefit").fit(held_back, y)
    np.testing.assert_allclose(calibrated.predict_proba([[0.6], [0.4]]), 0.5, atol=0.1)


def test_held_back_clips_calibrate_an_overfitted_estimator():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 60))
    y = (X[:, :2] + rng.normal(size=(150, 2)) > 0).astype(int)
    X_new = rng.normal(size=(500, 60))
    y_new = (X_new[:, :2] + rng.normal(size=(500, 2)) > 0).astype(int)
    overfitted = OneVsRestClassifier(LogisticRegression(C=1e3, max_iter=1000))
    by_cv = CalibratedTaggerCV(overfitted).fit(X, y)
    overfitted.fit(X, y)
    # On its own training clips it is right, so there is nothing to correct.
    by_itself = CalibratedTaggerCV(overfitted, cv="prefit").fit(X, y)
    error = expected_calibration_error(y_new, by_cv.predict_proba(X_new))
    assert error < 0.1
    assert error < 0.5 * expected_calibration_error(
        y_new, by_itself.predict_proba(X_new)
    )


def test_prefit_uses_the_estimator_as_it_is():
    log_odds, y = log_odds_and_labels(300)
    estimator = Passes().fit(log_odds, y)
    calibrated = CalibratedTaggerCV(estimator, cv="prefit").fit(expit(log_odds), y)
    assert calibrated.estimator_ is estimator
    with pytest.raises(NotFittedError):
        CalibratedTaggerCV(Passes(), cv="prefit").fit(expit(log_odds), y)


def test_a_class_without_positives_keeps_its_probabilities():
    log_odds, y = log_odds_and_labels(100)
    y[:, 1], proba = 0, expit(log_odds)
    with pytest.warns(RareClassWarning, match=r"\[1\] are in none"):
        calibrated = CalibratedTaggerCV(Passes(), cv=2).fit(proba, y)
    assert calibrated.calibrators_[1] is None
    after = calibrated.predict_proba(proba)
    np.testing.assert_array_equal(after[:, 1], proba[:, 1])
    assert (after[:, 0] != proba[:, 0]).all()


def test_a_class_that_a_fold_never_saw_is_calibrated_by_the_others():
    # The one clip with "Rare" is held back from the copy that is to score it.
    y = [["Dog"], []] * 10 + [["Dog", "Rare"]]
    proba = np.random.default_rng(0).random((21, 2))
    with pytest.warns(RareClassWarning, match="Rare"):
        calibrated = CalibratedTaggerCV(Passes(), cv=3).fit(proba, y)
    assert calibrated.calibrators_[0] is not None
    assert np.isfinite(calibrated.predict_proba(proba)).all()


def test_unlabelled_clips_do_not_calibrate():
    log_odds, y = log_odds_and_labels(400)
    proba = expit(2 * log_odds)
    estimator = Passes().fit(proba, y)
    y[::2] = -1
    half = CalibratedTaggerCV(estimator, cv="prefit").fit(proba[1::2], y[1::2])
    everything = CalibratedTaggerCV(estimator, cv="prefit").fit(proba, y)
    np.testing.assert_allclose(
        everything.predict_proba(proba), half.predict_proba(proba)
    )


def test_every_form_of_labels_is_calibrated_alike():
    log_odds, y = log_odds_and_labels(60)
    X = expit(2 * log_odds)
    lists = [[c for c, on in zip(CLASSES, row) if on] for row in y]
    expected = CalibratedTaggerCV(Passes(), cv=3).fit(X, y).predict_proba(X)
    for form in (lists, pd.DataFrame(y, columns=CLASSES)):
        calibrated = CalibratedTaggerCV(Passes(), cv=3).fit(X, form)
        assert calibrated.classes_.tolist() == CLASSES
        np.testing.assert_allclose(calibrated.predict_proba(X), expected)
    assert calibrated.score(X, lists) == calibrated.score(X, y.astype(bool))


def test_columns_go_by_position_where_the_estimator_only_counts_classes():
    log_odds, y = log_odds_and_labels(60)
    inner = OneVsRestClassifier(LogisticRegression())
    plain = CalibratedTaggerCV(inner, cv=2).fit(log_odds, y)
    for named in (pd.DataFrame(y, columns=CLASSES), TagArray(y, CLASSES)):
        calibrated = CalibratedTaggerCV(inner, cv=2).fit(log_odds, named)
        np.testing.assert_allclose(
            calibrated.predict_proba(log_odds), plain.predict_proba(log_odds)
        )
        assert calibrated.score(log_odds, named) == plain.score(log_odds, y)


def test_one_label_per_clip_gives_one_label_per_clip():
    rng = np.random.default_rng(0)
    label = rng.integers(0, 3, 200)
    X = rng.normal(size=(200, 3))
    X[np.arange(200), label] += 2
    y = np.array(CLASSES)[label]
    calibrated = CalibratedTaggerCV(LogisticRegression(), cv=3).fit(X, y)
    np.testing.assert_allclose(calibrated.predict_proba(X).sum(axis=1), 1)
    assert (calibrated.predict(X) == y).mean() > 0.8
    assert calibrated.score(X, y) > 0.8


def test_in_a_grid_search_over_a_pipeline():
    log_odds, y = log_odds_and_labels(120)
    inner = make_pipeline(StandardScaler(), OneVsRestClassifier(LogisticRegression()))
    search = GridSearchCV(
        CalibratedTaggerCV(inner, cv=2),
        {
            "method": ["sigmoid", "isotonic"],
            "estimator__onevsrestclassifier__n_jobs": [1],
        },
        cv=2,
    )
    search.fit(log_odds, y)
    again = pickle.loads(pickle.dumps(search.best_estimator_))
    np.testing.assert_array_equal(
        again.predict_proba(log_odds), search.best_estimator_.predict_proba(log_odds)
    )
    assert clone(again).get_params()["method"] == again.method


def test_groups_reach_the_splitter():
    log_odds, y = log_odds_and_labels(60)
    groups = np.arange(60) // 3
    calibrated = CalibratedTaggerCV(Passes(), cv=MultilabelStratifiedGroupKFold(3))
    with config_context(enable_metadata_routing=True):
        calibrated.fit(expit(log_odds), y, groups=groups)
    assert len(calibrated.calibrators_) == 3
    with pytest.raises(ValueError, match="groups"):
        calibrated.fit(expit(log_odds), y, groups=groups)


def test_strong_labels_and_our_tagger():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(24, 6, 8)).astype(np.float32)
    X[::2, :, :3] += 4
    beep, silence = make_events([0.5], [1.0], ["beep"]), make_events([], [], [])
    y = stack_tables([beep, silence] * 12)
    tagger = WeakTagger(max_epochs=3, random_state=0, device="cpu")
    calibrated = CalibratedTaggerCV(tagger, cv=2).fit(X, y)
    proba = calibrated.predict_proba(X)
    assert proba.shape == (24, 1)
    assert proba[::2].mean() > proba[1::2].mean()
    assert calibrated.classes_.tolist() == ["beep"]


def test_estimators_without_columns_per_class_are_refused():
    log_odds, y = log_odds_and_labels(60)
    with pytest.raises(ValueError, match="OneVsRestClassifier"):
        CalibratedTaggerCV(KNeighborsClassifier(), cv=2).fit(log_odds, y)


def test_the_curve_of_each_class_is_that_of_scikit_learn():
    log_odds, y = log_odds_and_labels(500)
    proba = expit(log_odds)
    for strategy in ("uniform", "quantile"):
        curves = multilabel_calibration_curve(
            y, proba, n_bins=7, strategy=strategy, average=None
        )
        for column, curve in enumerate(curves):
            prob_true, prob_pred = calibration_curve(
                y[:, column], proba[:, column], n_bins=7, strategy=strategy
            )
            np.testing.assert_allclose(curve.prob_true, prob_true)
            np.testing.assert_allclose(curve.prob_pred, prob_pred)
            assert curve.count.sum() == 500


@given(seed=st.integers(0, 10**6), n_bins=st.integers(1, 12))
@settings(deadline=None, max_examples=40)
def test_calibration_error_by_hand(seed, n_bins):
    rng = np.random.default_rng(seed)
    proba = rng.random((30, 2))
    y = rng.integers(0, 2, (30, 2))
    expected = []
    for column in range(2):
        bins = np.minimum((proba[:, column] * n_bins).astype(int), n_bins - 1)
        expected.append(
            sum(
                abs((y[bins == k, column] - proba[bins == k, column]).sum())
                for k in range(n_bins)
            )
            / 30
        )
    by_class = expected_calibration_error(y, proba, n_bins=n_bins, average=None)
    np.testing.assert_allclose(by_class, expected)
    macro = expected_calibration_error(y, proba, n_bins=n_bins)
    assert macro == pytest.approx(np.mean(expected))
    pooled = expected_calibration_error(y, proba, n_bins=n_bins, average="micro")
    assert 0 <= pooled <= macro + 1e-12


def test_calibration_of_named_and_unlabelled_clips():
    y = np.array([[1, 0], [-1, -1], [0, 0]])
    proba = np.array([[0.75, 0.25], [0.0, 1.0], [0.25, 0.25]])
    assert expected_calibration_error(y, proba) == 0.25
    assert expected_calibration_error(
        [["Dog"], []], proba[[0, 2]], labels=["Dog", "Cat"]
    ) == pytest.approx(0.25)
    unlabelled = multilabel_calibration_curve(y[[1]], proba[[1]])
    assert isinstance(unlabelled, CalibrationCurve)
    assert unlabelled.error == 0.0


def test_bad_input_is_named():
    y, proba = np.array([[1, 0], [0, 1]]), np.array([[0.5, 0.5], [0.1, 0.2]])
    with pytest.raises(ValueError, match="between 0 and 1"):
        multilabel_calibration_curve(y, 3 * proba)
    with pytest.raises(ValueError, match="NaN"):
        multilabel_calibration_curve(y, np.nan * proba)
    with pytest.raises(LabelError, match="2 classes but y_proba has 1"):
        multilabel_calibration_curve(y, proba[:, :1])
    for name in ("n_bins", "strategy", "average"):
        with pytest.raises(ValueError, match=name):
            expected_calibration_error(y, proba, **{name: "nonsense"})
    with pytest.raises(ValueError, match="method"):
        CalibratedTaggerCV(Passes(), method="nonsense").fit(proba, y)
    with pytest.raises(ValueError, match="cv"):
        CalibratedTaggerCV(Passes(), cv=1).fit(proba, y)
    with pytest.raises(NotFittedError):
        CalibratedTaggerCV(Passes()).predict_proba(proba)
