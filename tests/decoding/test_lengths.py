"""Settings that follow how long sounds last."""

from copy import deepcopy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.frozen import FrozenEstimator

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
from sklearn_sed._decoding._lengths import event_lengths, follow_lengths

SETTINGS = ("threshold", "low_threshold", "min_gap")


def settings(length, **params):
    """Return the settings of a class whose sounds last so long."""
    decoder = follow_lengths(EventDecoder(**params), np.array([length]), ["Dog"])
    return {name: getattr(decoder, name) for name in SETTINGS}


def test_lengths_by_hand():
    curve = np.array([0.9, 0.9, 0.1, 0.9, 0.9, 0.9, 0.9, 0.5])
    clips = [
        np.stack([curve, curve], axis=1),
        np.stack([1 - curve, np.ones(8)], axis=1),
    ]
    tags = np.array([[True, False], [False, True]])
    # Runs of two and of four frames: (2 * 2 + 4 * 4) / 6 frames; and of all eight.
    lengths = event_lengths(clips, tags, 0.5)
    np.testing.assert_allclose(lengths, [0.5 * 20 / 6, 4.0])


def test_what_is_never_heard_has_no_length():
    clips = [np.full((4, 2), 0.5)]
    assert event_lengths(clips, np.array([[True, False]]), 0.1).tolist() == [0, 0]


@given(
    runs=st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), max_size=5),
    step=st.floats(0.001, 1),
)
def test_lengths_are_those_of_the_runs(runs, step):
    parts = [np.repeat([0.0, 1.0], pair) for pair in runs]
    curve = np.concatenate([*parts, [0.0]])[:, None]
    lengths = np.array([on for _, on in runs])
    expected = step * (lengths**2).sum() / max(lengths.sum(), 1)
    found = event_lengths([curve], np.array([[True]]), step)
    assert found[0] == pytest.approx(expected)


def test_short_long_and_between():
    short = {"threshold": 0.5, "low_threshold": 0.2, "min_gap": 0.3}
    long = {"threshold": 0.3, "low_threshold": 0.03, "min_gap": 2.0}
    for length, expected in (
        (0.01, short),
        (1.0, short),
        (np.sqrt(2), {name: np.sqrt(short[name] * long[name]) for name in SETTINGS}),
        (2.0, long),
        (1000.0, long),
    ):
        found = settings(length)
        for name in SETTINGS:
            assert found[name] == {"Dog": pytest.approx(expected[name])}


def test_what_is_given_stays():
    found = settings(5.0, threshold=0.02, min_gap={"Dog": 0.7})
    assert found["threshold"] == 0.02
    assert found["low_threshold"] == {"Dog": 0.02}  # 0.03 would be above
    assert found["min_gap"] == {"Dog": 0.7}
    assert settings(5.0, low_threshold=0.4)["threshold"] == {"Dog": 0.4}
    assert settings(5.0, low_threshold=None)["threshold"] == {"Dog": 0.3}
    own = follow_lengths(
        EventDecoder(min_gap={"Dog": "auto", "Cat": 1.0}),
        np.array([3.0, 3.0]),
        ["Cat", "Dog"],
    )
    assert own.min_gap == {"Cat": 1.0, "Dog": 2.0}


@pytest.mark.parametrize("segmenter", ["area", "derivative", "boxes", "peaks"])
def test_other_segmenters_stay(segmenter):
    decoder = EventDecoder(segmenter=segmenter)
    assert follow_lengths(decoder, np.array([3.0]), ["Dog"]) is decoder


def test_without_a_length_it_is_the_decoder_by_itself():
    unknown = follow_lengths(EventDecoder(), np.zeros(1), ["Dog"])
    fixed = EventDecoder(threshold=0.5, low_threshold="tenth", min_gap=0.5)
    proba = np.random.default_rng(0).uniform(size=(5, 80, 1)) ** 3
    for decoder in (unknown, EventDecoder()):
        for found, expected in zip(
            decoder.decode(proba, 0.1, ["Dog"]), fixed.decode(proba, 0.1, ["Dog"])
        ):
            assert found.equals(expected)


@pytest.mark.parametrize("name", ["smoothing_length", "min_duration"])
def test_only_these_are_auto(name):
    decoder = EventDecoder(**{name: "auto"})
    with pytest.raises(ValueError, match=name):
        decoder.decode(np.zeros((1, 4, 1)), 0.1, ["Dog"])


@pytest.fixture(scope="module")
def fitted():
    """Return a detector of beeps of half a second and hums of 2.4 s."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(32, 200, 16)).astype("float32")
    y: list[list[str]] = [[] for _ in X]
    for label, every, n_frames, bands in (
        ("beep", 2, 25, slice(0, 4)),
        ("hum", 3, 120, slice(10, 14)),
    ):
        for clip, tags in zip(X[::every], y[::every]):
            start = rng.integers(0, len(clip) - n_frames)
            clip[start : start + n_frames, bands] += 5
            tags.append(label)
    X = FeatureArray(X, time_resolution=0.02)
    return X, y, WeakEventDetector(random_state=0, max_epochs=20).fit(X, y)


def test_a_detector_hears_how_long_sounds_last(fitted, tmp_path):
    X, y, detector = fitted
    beep, hum = detector.event_lengths_
    assert 0.3 < beep < 1 < 1.5 < hum < 3.5
    assert detector.decoder_.min_gap["beep"] == 0.3
    assert detector.decoder_.min_gap["hum"] > 1
    both = TwoPassSED(
        tagger=WeakTagger(max_epochs=1), detector=FrozenEstimator(detector)
    )
    assert both.fit(X, y).decoder_.min_gap["beep"] == 0.3
    save_model(detector, tmp_path / "model.sed")
    again = load_model(tmp_path / "model.sed")
    assert again.decoder_.get_params() == detector.decoder_.get_params()


def test_a_setting_acts_at_once_and_leaves_the_others(fitted):
    before = fitted[2].decoder_
    detector = deepcopy(fitted[2])
    detector.set_params(decoder__min_gap=0.7)
    assert detector.decoder_.min_gap == 0.7
    assert detector.decoder_.low_threshold == before.low_threshold
    detector.set_params(decoder=EventDecoder(threshold=0.4))
    assert detector.decoder_.threshold == 0.4


def test_without_a_clock_lengths_are_not_known(fitted):
    X, y, _ = fitted
    detector = WeakEventDetector(random_state=0, max_epochs=1).fit(np.asarray(X), y)
    assert detector.event_lengths_.tolist() == [0, 0]
    detector.set_params(time_resolution=0.02)
    assert detector.decoder_.min_gap == {"beep": "auto", "hum": "auto"}
    detector.predict(np.asarray(X))


def test_an_ensemble_decodes_as_its_members(fitted):
    X, y, _ = fitted
    short = WeakEventDetector(max_epochs=1)
    ensemble = SeedEnsemble(short, n_estimators=2, random_state=0).fit(X, y)
    own = ensemble.estimators_[0].decoder_.get_params()
    assert ensemble.decoder_.get_params() == own
