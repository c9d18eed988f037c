"""What networks remember of their training."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, f1_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_sed import (
    FeatureArray,
    SeedEnsemble,
    TwoPassSED,
    WeakEventDetector,
    WeakTagger,
)
from sklearn_sed._fingerprint import fingerprint
from sklearn_sed._learners._inside import networks_in
from tests._networks import TINY_CRNN

PART = {"network_params": TINY_CRNN, "max_epochs": 1, "random_state": 0}
RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 20, 8)).astype("float32")
Y = [["a", "b"], ["a"], []] * 4


def fit(**options):
    return WeakTagger(**PART).fit(X, Y, **options)


def test_what_was_learned_from_is_counted():
    before = datetime.now(UTC) - timedelta(seconds=1)
    record = fit().training_
    date = datetime.fromisoformat(record.pop("date"))
    assert before <= date <= datetime.now(UTC)
    assert record == {"n_clips": 12, "class_count": [8, 4], "held_back": None}
    # Clips that say nothing are not learned from.
    y = np.array([[1, 0], [-1, -1], [0, 1]] * 4)
    record = WeakTagger(**PART).fit(X, y).training_
    assert (record["n_clips"], record["class_count"]) == (8, [4, 4])


@pytest.mark.parametrize("kind", [WeakTagger, WeakEventDetector])
@pytest.mark.parametrize("threshold", ["f1", 0.4])
def test_how_well_held_back_clips_were_told(kind, threshold):
    X_val = RNG.normal(size=(9, 20, 8)).astype("float32")
    y_val = [["a"], [], []] * 3
    model = kind(**PART, threshold=threshold)
    model.fit(X, Y, X_val=X_val, y_val=y_val)
    held_back = model.training_["held_back"]
    assert model.training_["n_clips"] == 12
    assert (held_back["n_clips"], held_back["class_count"]) == (9, [3, 0])
    truth = np.array([1, 0, 0] * 3)
    found, proba = model.predict_tags(X_val)[:, 0], model.predict_proba(X_val)[:, 0]
    assert held_back["f1"] == [f1_score(truth, found), None]
    expected = average_precision_score(truth, proba)
    assert held_back["average_precision"] == [pytest.approx(expected), None]


def test_clips_that_the_estimator_holds_back_itself():
    many, labels = np.tile(X, (10, 1, 1)), Y * 10
    record = WeakTagger(**PART).fit(many, labels).training_
    assert record["n_clips"] + record["held_back"]["n_clips"] == 120
    assert record["class_count"][0] + record["held_back"]["class_count"][0] == 80


def test_one_label_for_each_clip():
    model = WeakTagger(**PART, early_stopping=True, validation_fraction=0.25)
    model.fit(X, ["a", "b", "c"] * 4)
    record = model.training_
    assert sum(record["class_count"]) == record["n_clips"] == 9
    assert sum(record["held_back"]["class_count"]) == 3


def test_partial_fit_adds_up():
    model = WeakTagger(**PART)
    for part in (slice(0, 5), slice(5, 12)):
        model.partial_fit(X[part], Y[part], classes=["a", "b"])
    record = model.training_
    assert (record["n_clips"], record["class_count"]) == (12, [8, 4])
    assert model.set_params(warm_start=True).fit(X, Y).training_["n_clips"] == 12


def test_the_length_of_clips_is_remembered():
    assert fit().clip_duration_ is None  # nothing tells how long a frame lasts
    timed = FeatureArray(X, time_resolution=0.5)
    assert WeakTagger(**PART).fit(timed, Y).clip_duration_ == 10.0
    seconds = FeatureArray(X, 0.5, durations=[3.0, 9.5, 9.75] * 4)
    assert WeakTagger(**PART).fit(seconds, Y).clip_duration_ == 9.5
    model = TwoPassSED(tagger=WeakTagger(**PART), detector=WeakEventDetector(**PART))
    model.fit(seconds, Y)
    assert [part.clip_duration_ for part in networks_in(model)] == [9.5, 9.5]


def test_it_changes_no_prediction():
    early, late = fit(), fit()
    late.training_ = {**early.training_, "date": "2020-02-02T00:00:00+00:00"}
    assert fingerprint(early) == fingerprint(late)


def test_networks_are_found_wherever_they_are():
    linear = make_pipeline(
        FunctionTransformer(np.mean, kw_args={"axis": 1}),
        OneVsRestClassifier(LogisticRegression()),
    )
    ensemble = SeedEnsemble(WeakEventDetector(**PART), n_estimators=2)
    mixed = TwoPassSED(tagger=linear, detector=make_pipeline(ensemble)).fit(X, Y)
    assert [type(part) for part in networks_in(mixed)] == [WeakEventDetector] * 2
    assert list(networks_in(linear.fit(X, np.array([[1, 0], [0, 1]] * 6)))) == []
