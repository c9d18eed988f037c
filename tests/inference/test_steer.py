"""A trained model that finds more or less, or fewer classes."""

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from pandas.testing import assert_frame_equal
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_sed import (
    EventDecoder,
    LogMelTransformer,
    SeedEnsemble,
    TwoPassSED,
    WeakEventDetector,
)
from sklearn_sed.events import make_events, stack_tables
from sklearn_sed.exceptions import LabelError
from sklearn_sed.inference import detect_events, detect_files
from sklearn_sed.inference._model import take_apart
from sklearn_sed.inference._steer import steer
from sklearn_sed.model_selection import TunedDecoderCV
from tests._networks import EXACT
from tests.inference._sounds import CLIPS, FEATURES, Y, make_model, random_events, write


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Return a recording that fits into a window and one that does not."""
    folder = tmp_path_factory.mktemp("recordings")
    return [
        write(folder / f"{n}.wav", random_events(n, seed=n), n, seed=n) for n in (2, 30)
    ]


def find(model, paths):
    return [detect_events(model, path, window=2.0) for path in paths]


def find_seconds(model, paths):
    """Return how much is found: joined events are fewer, but not shorter."""
    tables = find(model, paths)
    return [float((table["offset"] - table["onset"]).sum()) for table in tables]


def single_class():
    part = {**EXACT, "threshold": "f1", "class_weight": None, "max_epochs": 15}
    y = [[label for label in labels if label == "low"] for labels in Y]
    return make_pipeline(LogMelTransformer(**FEATURES), WeakEventDetector(**part)).fit(
        CLIPS, y
    )


def of_scikit_learn():
    tagger = make_pipeline(
        FunctionTransformer(lambda X: np.array([np.max(clip, axis=0) for clip in X])),
        OneVsRestClassifier(LogisticRegression()),
    )
    detector = WeakEventDetector(**{**EXACT, "class_weight": None})
    return make_pipeline(
        LogMelTransformer(**FEATURES), TwoPassSED(tagger=tagger, detector=detector)
    ).fit(CLIPS, Y)


def ensemble():
    detector = WeakEventDetector(**{**EXACT, "class_weight": None})
    return make_pipeline(
        LogMelTransformer(**FEATURES), SeedEnsemble(detector, n_estimators=2)
    ).fit(CLIPS, Y)


def tuned():
    tuner = TunedDecoderCV(
        fitted(make_model)[-1], cv="prefit", param_grid={"min_gap": [0.2]}
    )
    model = fitted(make_model)
    y = stack_tables(model.predict(list(CLIPS)))
    return make_pipeline(model[0], tuner.fit(model[0].transform(CLIPS), y))


def boxes():
    return make_model(decoder=EventDecoder(segmenter="boxes"))


def rescaled():
    return make_model(decoder=EventDecoder(rescale=True, threshold=0.3))


@cache
def fitted(make):
    return make()


MODELS = [make_model, single_class, of_scikit_learn, ensemble, tuned, boxes, rescaled]


@pytest.mark.parametrize("make", MODELS)
def test_a_lower_threshold_finds_more(make, recordings):
    model = fitted(make)
    thresholds = (1.0, 0.9, 0.5, 0.1, 0.0)
    found = [
        find_seconds(steer(model, threshold={None: t}), recordings) for t in thresholds
    ]
    for shorter, longer in pairwise(found):
        assert all(a <= b + 1e-9 for a, b in zip(shorter, longer))
    assert found[0] == [0.0, 0.0]
    assert found[0][1] < found[2][1] < found[-1][1]


def test_both_scores_must_exceed_the_threshold(recordings):
    # Neither pass alone can find more than the other lets through.
    model = fitted(make_model)
    for name, value in (
        ("twopasssed__detector__decoder__threshold", 1.0),
        ("twopasssed__tagger__threshold", 1.0),
    ):
        deaf = make_model(decoder=EventDecoder()).set_params(**{name: value})
        assert find_seconds(deaf, recordings) == [0.0, 0.0]
        heard = find_seconds(steer(deaf, threshold={None: 0.2}), recordings)
        assert heard == find_seconds(steer(model, threshold={None: 0.2}), recordings)
        assert all(heard)


@pytest.mark.parametrize("make", MODELS)
def test_without_settings_nothing_changes(make, recordings):
    model = fitted(make)
    for found, expected in zip(
        find(steer(model), recordings), find(model, recordings), strict=True
    ):
        assert_frame_equal(found, expected)


@pytest.mark.parametrize("make", [make_model, ensemble, tuned, boxes, rescaled])
def test_classes_are_found_as_if_the_others_were_there(make, recordings):
    model = fitted(make)
    steered = steer(model, classes=["low"])
    assert take_apart(steered).classes == ["low"]
    for found, every in zip(find(steered, recordings), find(model, recordings)):
        expected = every[every["event_label"] == "low"].reset_index(drop=True)
        assert_frame_equal(found, expected)
    assert any(map(len, find(steered, recordings)))


def test_a_setting_for_one_class_and_one_for_the_others(recordings):
    model = fitted(make_model)
    before = model[-1].decoder_.get_params()
    steered = steer(model, threshold={None: 1.0, "low": 0.4}, min_gap={"high": 3})
    decoder = take_apart(steered).decoder
    assert decoder.threshold == {"high": 1.0, "low": 0.4}
    assert decoder.min_gap == {"high": 3, "low": pytest.approx(0.3)}
    assert decoder.min_duration == {"high": 0.1, "low": 0.1}
    for table in find(steered, recordings):
        assert set(table["event_label"]) == {"low"}
    assert model[-1].decoder_.get_params() == before


def test_short_events_and_gaps(model, recordings):
    (table,) = find(model, recordings[1:])
    lengths = table["offset"] - table["onset"]
    assert lengths.min() < 1 < lengths.max()
    (long,) = find(steer(model, min_duration={None: 1.0}), recordings[1:])
    assert_frame_equal(long, table[lengths > 1].reset_index(drop=True))
    (joined,) = find(steer(model, min_gap={None: 60}), recordings[1:])
    assert len(joined) == 2


def test_a_low_threshold_never_is_the_higher_one():
    decoder = EventDecoder(low_threshold=0.4)
    model = make_model(decoder=decoder)
    lower = take_apart(steer(model, threshold={"low": 0.2})).decoder
    assert lower.low_threshold == {"high": 0.4, "low": 0.2}
    higher = take_apart(steer(model, threshold={"low": 0.8})).decoder
    assert higher.low_threshold == {"high": 0.4, "low": 0.4}
    shares = make_model(decoder=EventDecoder(low_threshold="tenth"))
    plain = take_apart(steer(shares, threshold={None: 0.2})).decoder
    assert set(plain.low_threshold.values()) == {"tenth"}


def test_rescaled_scores_keep_their_threshold():
    steered = steer(fitted(rescaled), threshold={None: 0.9})
    assert set(take_apart(steered).decoder.threshold.values()) == {0.3}


def test_many_files(model, recordings, tmp_path):
    steered = steer(model, threshold={None: 0.2}, classes=["high"])
    out = tmp_path / "found.tsv"
    how = {"window": 2.0, "n_jobs": 2}
    report = detect_files(steered, recordings, out, **how)
    n_events = sum(map(len, find(steered, recordings)))
    assert report.attrs["n_events"] == {"high": n_events}
    again = steer(model, threshold={None: 0.2}, classes=["high"])
    assert detect_files(again, recordings, out, **how).attrs == report.attrs
    for other in (
        model,
        steer(model, threshold={None: 0.3}, classes=["high"]),
        steer(model, threshold={None: 0.2}),
        steer(model, threshold={None: 0.2}, classes=["high"], min_gap={None: 1}),
    ):
        with pytest.raises(ValueError, match="set otherwise"):
            detect_files(other, recordings, out, **how)


def test_thresholds_of_the_window_alone_tell_models_apart():
    model = fitted(rescaled)
    prints = {
        take_apart(steer(model, threshold={None: t})).fingerprint() for t in (0.2, 0.3)
    }
    assert len(prints) == 2


def test_a_class_that_is_not_there_is_named(model):
    match = "no class 'cat' to look for; the classes are high, low"
    for settings in ({"classes": ["cat"]}, {"min_gap": {"cat": 1.0}}):
        with pytest.raises(LabelError, match=match):
            steer(model, **settings)
    with pytest.raises(LabelError, match=r"'low' to look for; the classes are high$"):
        steer(model, classes=["high"], threshold={"low": 0.5})


def test_other_decoders_cannot_be_steered():
    class Nothing:
        def decode(self, frame_proba, time_resolution, classes, tags=None):
            return stack_tables([make_events([], [], [])] * len(frame_proba))

    with pytest.raises(TypeError, match="by Nothing; only the settings of an EventD"):
        steer(make_model(decoder=Nothing()), threshold={None: 0.1})
