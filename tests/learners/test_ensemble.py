"""Several trainings, their scores averaged."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sklearn_sed import (
    EventDecoder,
    FeatureArray,
    SeedEnsemble,
    TwoPassSED,
    WeakEventDetector,
    WeakTagger,
    load_model,
    save_model,
)
from sklearn_sed.model_selection import TunedDecoderCV
from tests._networks import FAST, TinyNet, tones

X, Y = tones(12)


def detectors(**params):
    return SeedEnsemble(WeakEventDetector(**FAST), random_state=0, **params)


@pytest.fixture(scope="module")
def ensemble():
    return detectors(n_estimators=2).fit(X, Y)


def test_scores_are_means(ensemble):
    one, two = ensemble.estimators_
    assert one.random_state != two.random_state
    frames = ensemble.predict_frame_proba(X)
    expected = (one.predict_frame_proba(X) + two.predict_frame_proba(X)) / 2
    assert_allclose(np.asarray(frames), np.asarray(expected), atol=1e-7)
    assert frames.time_resolution == X.time_resolution
    clip = (one.predict_proba(X) + two.predict_proba(X)) / 2
    assert_allclose(ensemble.predict_proba(X), clip)
    assert_allclose(ensemble.thresholds_, (one.thresholds_ + two.thresholds_) / 2)
    assert_array_equal(ensemble.predict_tags(X), clip > ensemble.thresholds_)


def test_events_come_from_the_mean_curves(ensemble):
    tags = np.zeros((len(X), len(ensemble.classes_)), dtype=int)
    tags[:, 0] = 1
    found = ensemble.predict(X, tags=tags)
    expected = EventDecoder().decode(
        ensemble.predict_frame_proba(X), X.time_resolution, ensemble.classes_, tags
    )
    for a, b in zip(found, expected):
        assert a.equals(b)


def test_clips_of_different_lengths(ensemble):
    ragged = np.empty(2, dtype=object)
    ragged[:] = [np.asarray(X[0]), np.asarray(X[1])[:20]]
    frames = ensemble.predict_frame_proba(FeatureArray(ragged, X.time_resolution))
    assert [len(clip) for clip in frames] == [len(X[0]), 20]


def test_the_same_seed_gives_the_same_ensemble(ensemble):
    again = clone(ensemble).fit(X, Y)
    assert_array_equal(again.predict_proba(X), ensemble.predict_proba(X))


def test_a_default_part_takes_nested_parameters():
    ensemble = SeedEnsemble().set_params(estimator__cosine_weight=0.5)
    assert isinstance(ensemble.estimator, WeakEventDetector)
    assert ensemble.estimator.cosine_weight == 0.5


def test_both_passes_may_be_ensembles(tmp_path):
    two_pass = TwoPassSED(
        tagger=SeedEnsemble(WeakTagger(**FAST), n_estimators=2, random_state=0),
        detector=detectors(n_estimators=2),
    ).fit(X, Y)
    events = two_pass.predict(X)
    assert_array_equal(two_pass.predict_tags(X), two_pass.tagger_.predict(X))
    save_model(two_pass, tmp_path / "model.sed")
    loaded = load_model(tmp_path / "model.sed", trusted=[TinyNet])
    assert_array_equal(loaded.predict_proba(X), two_pass.predict_proba(X))
    for a, b in zip(loaded.predict(X), events):
        assert a.equals(b)


def test_one_label_per_clip():
    labels = np.array(["a", "b"] * 6)
    ensemble = SeedEnsemble(WeakTagger(**FAST), n_estimators=2, random_state=0)
    ensemble.fit(X, labels)
    proba = ensemble.predict_proba(X)
    assert_allclose(proba.sum(axis=1), 1)
    assert_array_equal(ensemble.predict(X), np.array(["a", "b"])[proba.argmax(axis=1)])
    assert not hasattr(ensemble, "predict_frame_proba")


def test_it_can_be_tuned_and_searched(ensemble):
    tuned = TunedDecoderCV(ensemble, cv="prefit", param_grid={"threshold": [0.3, 0.5]})
    tuned.fit(X, ensemble.predict(X, tags=Y))
    assert set(tuned.decoder_.threshold) == set(ensemble.classes_)
    grid = {"estimator__pooling": ["max", "mean"]}
    search = GridSearchCV(detectors(n_estimators=1), grid, cv=2).fit(X, Y)
    assert search.best_estimator_.estimators_[0].pooling in grid["estimator__pooling"]
    assert (
        search.best_params_["estimator__pooling"]
        == search.best_estimator_.estimator.pooling
    )


def test_weights_reach_every_training():
    weight = np.r_[np.ones(6), np.zeros(6)]
    half = detectors(n_estimators=2).fit(X, Y, sample_weight=weight)
    fewer = detectors(n_estimators=2).fit(X[:6], Y[:6])
    assert_array_equal(half.predict_proba(X), fewer.predict_proba(X))


def test_no_trainings():
    with pytest.raises(ValueError, match="n_estimators"):
        detectors(n_estimators=0).fit(X, Y)
