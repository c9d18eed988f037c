"""Scorers: in grid search and cross-validation, alone and in pipelines."""

import pickle

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.dummy import DummyClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import check_scoring, make_scorer
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.pipeline import Pipeline, make_pipeline

from sklearn_sed import FeatureArray, TwoPassSED
from sklearn_sed.events import frames_to_events, make_events, stack_tables, to_tags
from sklearn_sed.exceptions import LabelError, TimeResolutionError
from sklearn_sed.metrics import (
    event_based_f1_score,
    event_based_f1_scorer,
    psds1_scorer,
    psds2_scorer,
    psds_score,
    segment_based_f1_score,
    segment_based_f1_scorer,
    tag_f1_scorer,
)

CLASSES = ["Cat", "Dog"]
EVENT_SCORERS = [
    event_based_f1_scorer,
    segment_based_f1_scorer,
    psds1_scorer,
    psds2_scorer,
]
ALL_SCORERS = [*EVENT_SCORERS, tag_f1_scorer]


class BandDetector(BaseEstimator):
    """A detector whose bands are its classes: loud is active."""

    def __init__(self, threshold=0.5, classes=CLASSES):
        self.threshold = threshold
        self.classes = classes

    def fit(self, X, y):
        self.classes_ = np.array(self.classes)
        return self

    def predict_frame_proba(self, X):
        return X

    def predict(self, X):
        return stack_tables(
            frames_to_events(clip > self.threshold, X.time_resolution, self.classes_)
            for clip in X
        )


class Louder(TransformerMixin, BaseEstimator):
    """Features scaled, their clock kept."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return FeatureArray(np.asarray(X) * 2, X.time_resolution, X.durations)


@pytest.fixture
def problem():
    """Clips of 4 s in which each event is a run of frames at 0.4, over 0.1."""
    X = np.full((6, 40, 2), 0.1)
    y = []
    for clip in range(6):
        start = 5 + clip
        X[clip, start : start + 20, clip % 2] = 0.4
        y.append(make_events([start / 10], [start / 10 + 2], [CLASSES[clip % 2]]))
    return FeatureArray(X, 0.1, np.full(6, 4.0)), stack_tables(y)


@pytest.mark.parametrize("scorer", ALL_SCORERS)
def test_in_grid_search_on_a_pipeline(problem, scorer):
    X, y = problem
    pipeline = make_pipeline("passthrough", Louder(), BandDetector())
    grid = {"banddetector__threshold": [0.1, 0.6, 0.9]}
    search = GridSearchCV(pipeline, grid, scoring=scorer, cv=KFold(3)).fit(X, y)
    assert search.best_score_ == 1
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    if scorer in EVENT_SCORERS[:2]:
        assert search.best_params_ == {"banddetector__threshold": 0.6}
        assert search.cv_results_["mean_test_score"].tolist() != [1, 1, 1]
    assert scorer(search, X, y) == 1
    assert scorer(FrozenEstimator(pipeline.fit(X, y)), X, y) == scorer(pipeline, X, y)


def test_several_in_cross_validation(problem):
    X, y = problem
    scoring = {scorer.__name__: scorer for scorer in ALL_SCORERS}
    results = cross_validate(BandDetector(0.3), X, y, scoring=scoring, cv=KFold(2))
    for name in scoring:
        np.testing.assert_array_equal(results[f"test_{name}"], [1, 1])


@pytest.mark.parametrize("scorer", ALL_SCORERS)
def test_scikit_learn_takes_it_as_a_scorer(scorer):
    assert check_scoring(BandDetector(), scoring=scorer) is scorer
    assert pickle.loads(pickle.dumps(scorer)) is scorer


def test_scores_are_those_of_the_metrics(problem):
    X, y = problem
    detector = BandDetector(0.3).fit(X, y)
    y = stack_tables(table.assign(offset=table["offset"] + 0.5) for table in y)
    y_pred = detector.predict(X)
    assert event_based_f1_scorer(detector, X, y) == event_based_f1_score(y, y_pred)
    expected = segment_based_f1_score(y, y_pred)
    assert 0 < segment_based_f1_scorer(detector, X, y) == expected < 1
    options = {"time_resolution": 0.1, "labels": CLASSES, "durations": 4.0}
    assert psds1_scorer(detector, X, y) == psds_score(y, X, **options)
    assert psds2_scorer(detector, X, y) == psds_score(
        y,
        X,
        **options,
        dtc_threshold=0.1,
        gtc_threshold=0.1,
        cttc_threshold=0.3,
        alpha_ct=0.5,
    )


def test_metrics_make_scorers_with_other_parameters(problem):
    X, y = problem
    y = stack_tables(table.assign(onset=table["onset"] - 0.3) for table in y)
    detector = BandDetector(0.3).fit(X, y)
    assert event_based_f1_scorer(detector, X, y) == 0
    lenient = make_scorer(event_based_f1_score, t_collar=0.5)
    assert lenient(detector, X, y) == 1


@pytest.mark.parametrize("scorer", [psds1_scorer, psds2_scorer])
def test_durations_default_to_the_frames(problem, scorer):
    X, y = problem
    detector = BandDetector().fit(X, y)
    without = FeatureArray(np.asarray(X), 0.1)
    assert scorer(detector, without, y) == scorer(detector, X, y)
    # What lies beyond the recording is padding: noise there costs nothing.
    X[:, 35:] = 0.9
    assert scorer(detector, FeatureArray(X, 0.1, np.full(6, 3.5)), y) == 1
    assert scorer(detector, X, y) < 1


@pytest.mark.parametrize("scorer", [psds1_scorer, psds2_scorer])
def test_frame_scorers_need_a_clock_and_a_detector(problem, scorer):
    X, y = problem
    with pytest.raises(TimeResolutionError, match="seconds a frame lasts"):
        scorer(BandDetector().fit(X, y), np.asarray(X), y)
    with pytest.raises(TypeError, match="DummyClassifier has no predict_frame_proba"):
        scorer(Pipeline([("only", DummyClassifier())]), X, y)


@pytest.mark.parametrize("scorer", EVENT_SCORERS)
def test_tags_are_refused_where_times_are_needed(problem, scorer):
    X, y = problem
    detector = BandDetector().fit(X, y)
    for weak in (to_tags(y, CLASSES), [["Dog"]] * 6, ["Dog"] * 6):
        with pytest.raises(LabelError, match=r"pass strong y.*use tag_f1_scorer"):
            scorer(detector, X, weak)


@pytest.mark.parametrize("scorer", [psds1_scorer, psds2_scorer, tag_f1_scorer])
def test_classes_missing_in_training_are_never_detected(problem, scorer):
    X, y = problem
    detector = BandDetector(0.3).fit(X, y)
    y[0] = y[0].assign(event_label="Bird")
    score = scorer(detector, X, y)
    assert np.isfinite(score)
    assert score < scorer(detector, X[1:], y[1:])


@pytest.mark.parametrize("scorer", [psds1_scorer, psds2_scorer, tag_f1_scorer])
def test_labels_unlike_the_classes_are_an_error(problem, scorer):
    X, y = problem
    detector = BandDetector(classes=[0, 1]).fit(X, y)
    with pytest.raises(LabelError, match=r"y names the classes \['Cat', 'Dog'\]"):
        scorer(detector, X, y)


def test_tags_of_weak_and_strong_labels(problem):
    X, y = problem
    detector = BandDetector(0.3).fit(X, y)
    assert tag_f1_scorer(detector, X, y) == 1
    tags = to_tags(y, CLASSES)
    assert tag_f1_scorer(detector, X, tags) == 1
    assert tag_f1_scorer(detector, X, [["Dog"], *([["Cat"], ["Dog"]] * 2), []]) < 1
    wrong = tags.copy()
    wrong[0] = [0, 1]
    assert 0 < tag_f1_scorer(detector, X, wrong) < 1
    wrong[0] = -1  # unlabelled
    assert tag_f1_scorer(detector, X, wrong) == 1
    y[0] = y[0].assign(event_label="Bird")
    lists = [table["event_label"].tolist() for table in y]
    strong = tag_f1_scorer(detector, X, y)
    for weak in (lists, to_tags(y, [*CLASSES, "Bird"])):
        assert tag_f1_scorer(detector, X, weak) == strong < 1


def test_tags_of_a_tagger(problem):
    class Tagger(BandDetector):
        def predict(self, X):
            return to_tags(super().predict(X), CLASSES)

    X, y = problem
    assert tag_f1_scorer(Tagger(0.3).fit(X, y), X, y) == 1
    y[0] = make_events([0, 1], [1, 2], ["Cat", "Bird"])
    assert tag_f1_scorer(Tagger(0.3).fit(X, y), X, y) == pytest.approx(2 / 3)


@pytest.mark.slow
@pytest.mark.parametrize("scorer", ALL_SCORERS)
def test_with_our_own_estimator_in_two_processes(problem, scorer):
    X, y = problem
    X = FeatureArray(X.astype(np.float32), 0.1, X.durations)
    sed = make_pipeline(Louder(), TwoPassSED()).set_params(
        twopasssed__tagger__max_epochs=1, twopasssed__detector__max_epochs=1
    )
    search = GridSearchCV(
        sed,
        {"twopasssed__detector__cosine_weight": [0, 1.0]},
        scoring=scorer,
        cv=KFold(2),
        n_jobs=2,
        error_score="raise",
    ).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
