"""Clip probabilities of recordings of any length."""

import numpy as np
import pytest
from pandas.testing import assert_frame_equal
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_sed import FeatureArray, LogMelTransformer, WeakTagger
from sklearn_sed.calibration import CalibratedTaggerCV
from sklearn_sed.exceptions import AudioError, AudioWarning
from sklearn_sed.inference import tag_files
from sklearn_sed.model_selection import TunedDecoderCV
from tests._networks import EXACT
from tests.inference._sounds import CLIPS, FEATURES, HOP, RATE, Y, random_events, write

WINDOW = 2.0
EVENTS = [(1.0, 1.7, "low"), (8.0, 9.0, "low"), (17.2, 18.0, "high")]


@pytest.fixture(scope="module")
def long(tmp_path_factory):
    """Return a recording of 20 s, of no whole number of windows or blocks."""
    path = tmp_path_factory.mktemp("long") / "long.wav"
    return write(path, EVENTS, 20.137)


def highest(model, path, overlap=0.3 * WINDOW):
    """Return the highest probability of the windows that a recording is cut into."""
    frames = model[0].transform([path])[0]
    n_window = round(WINDOW * RATE) // HOP + 1
    hop = n_window - int(overlap * RATE / HOP)
    starts = [*range(0, len(frames) - n_window, hop), len(frames) - n_window]
    windows = np.stack([frames[start : start + n_window] for start in starts])
    windows = FeatureArray(windows, HOP / RATE, time_offset=-HOP / RATE / 2)
    return model[1:].predict_proba(windows).max(axis=0)


@pytest.mark.parametrize("overlap", [None, 0.0, 1.5])
@pytest.mark.parametrize("block", [0.7, 60.0])
def test_a_recording_has_its_highest_window(model, long, overlap, block, monkeypatch):
    monkeypatch.setattr("sklearn_sed.inference._tags.BLOCK_DURATION", block)
    proba = tag_files(model, [long], window=WINDOW, overlap=overlap)
    expected = highest(model, long, 0.3 * WINDOW if overlap is None else overlap)
    np.testing.assert_allclose(proba.loc[str(long)], expected, rtol=1e-4)
    assert proba.columns.tolist() == model.classes_.tolist()
    assert proba.index.name == "filename"


def test_a_long_recording_has_what_is_in_it_once(model, long, tmp_path):
    quiet = write(tmp_path / "quiet.wav", [], 20.0)
    proba = tag_files(model, [long, quiet], window=WINDOW)
    assert proba.shape == (2, 2)
    assert (proba.iloc[0] > proba.iloc[1]).all()


@pytest.mark.parametrize("seconds", [0.1, 1.0, WINDOW])
def test_a_short_recording_has_what_predict_proba_says(model, seconds, tmp_path):
    path = write(tmp_path / "a.wav", random_events(seconds), seconds)
    for own in (model, make_tagger(duration=2.5)):
        proba = tag_files(own, [path], window=WINDOW)
        np.testing.assert_array_equal(proba, own.predict_proba([str(path)]))


def make_tagger(**features):
    tagger = WeakTagger(**EXACT)
    return make_pipeline(LogMelTransformer(**FEATURES, **features), tagger).fit(
        CLIPS, Y
    )


def pooled(classifier):
    mean = FunctionTransformer(
        lambda X: np.stack([np.mean(clip, axis=0) for clip in X])
    )
    return make_pipeline(LogMelTransformer(**FEATURES), mean, classifier)


INDICATOR = np.array([["high" in labels, "low" in labels] for labels in Y], dtype=int)


@pytest.mark.parametrize(
    "make",
    [
        make_tagger,
        lambda: CalibratedTaggerCV(make_tagger(), cv="prefit").fit(CLIPS, Y),
        lambda: GridSearchCV(
            make_tagger(), {"weaktagger__threshold": [0.5]}, cv=KFold(2)
        ).fit(CLIPS, Y),
        lambda: pooled(OneVsRestClassifier(LogisticRegression())).fit(CLIPS, INDICATOR),
    ],
    ids=["tagger", "calibrated", "search", "classifier"],
)
def test_whatever_has_probabilities(make, long, tmp_path):
    model = make()
    short = write(tmp_path / "short.wav", random_events(1.5), 1.5)
    proba = tag_files(model, [short, long], window=WINDOW)
    np.testing.assert_allclose(proba.iloc[:1], model.predict_proba([str(short)]))
    assert np.isfinite(proba).all(axis=None)
    inner = getattr(model, "best_estimator_", model)
    if not isinstance(inner, CalibratedTaggerCV):
        np.testing.assert_allclose(proba.iloc[1], highest(inner, long), rtol=1e-4)


def test_a_classifier_of_several_outputs_has_numbered_columns(long):
    several = pooled(MultiOutputClassifier(LogisticRegression())).fit(CLIPS, INDICATOR)
    one_each = pooled(OneVsRestClassifier(LogisticRegression())).fit(CLIPS, INDICATOR)
    proba = tag_files(several, [long], window=WINDOW)
    assert proba.columns.tolist() == [0, 1]
    expected = tag_files(one_each, [long], window=WINDOW)
    np.testing.assert_allclose(proba, expected, rtol=1e-6)


def test_a_tuner_has_the_probabilities_of_what_it_tuned(model, long):
    events = model.predict(CLIPS)
    tuned = TunedDecoderCV(model, cv="prefit", param_grid={"threshold": [0.5]})
    found = tag_files(tuned.fit(CLIPS, events), [long], window=WINDOW)
    np.testing.assert_array_equal(found, tag_files(model, [long], window=WINDOW))


def test_bad_files_raise_warn_or_are_left_out(model, long, tmp_path):
    bad, gone = tmp_path / "bad.wav", tmp_path / "gone.wav"
    bad.write_text("no sound")
    paths = [bad, long, gone]
    with pytest.raises(AudioError, match=r"bad\.wav"):
        tag_files(model, paths)
    proba = tag_files(model, paths, on_error="skip")
    assert proba.index.tolist() == [str(long)]
    assert [*proba.attrs["skipped"]] == [str(bad), str(gone)]
    assert proba.attrs["skipped"][str(gone)].startswith("missing: ")
    with pytest.warns(AudioWarning) as warned:
        tag_files(model, paths, on_error="warn")
    assert len(warned) == 2
    nothing = tag_files(model, [gone], on_error="skip")
    assert nothing.shape == (0, 2)


def test_damage_far_into_a_recording_is_found(model, tmp_path):
    path = write(tmp_path / "a.wav", random_events(9), 9)
    path.write_bytes(path.read_bytes()[:-RATE])
    assert tag_files(model, [path], on_error="skip", window=1.0).empty


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"on_error": "ignore"}, "on_error='ignore' must be"),
        ({"window": 0}, "must be a positive number of seconds"),
        ({"window": 2, "overlap": 2}, "windows have to move on"),
        ({"paths": []}, "paths is empty"),
        ({"paths": "a.wav"}, "paths is one path"),
        ({"paths": ["a.wav", "a.wav"]}, "twice"),
    ],
)
def test_impossible_parameters(model, options, message):
    with pytest.raises(ValueError, match=message):
        tag_files(model, **({"paths": ["a.wav"]} | options))


def test_a_model_without_probabilities_is_named(long):
    model = pooled(FunctionTransformer()).fit(CLIPS, INDICATOR)
    with pytest.raises(TypeError, match="FunctionTransformer has no predict_proba"):
        tag_files(model, [long])


def test_files_in_processes(model, long, tmp_path):
    short = write(tmp_path / "short.wav", random_events(1.5), 1.5)
    alone = tag_files(model, [short, long], window=WINDOW)
    together = tag_files(model, [short, long], window=WINDOW, n_jobs=2)
    assert together.equals(alone)


def test_a_bar_when_asked(model, long, capsys):
    tag_files(model, [long], window=WINDOW, verbose=1)
    said = capsys.readouterr().err
    assert "tag: 100%" in said
    assert "1 of 1 files" in said


def test_windows_are_as_long_as_the_clips_of_training(model, tmp_path):
    path = write(tmp_path / "a.wav", random_events(9), 9)
    own, two, ten = (tag_files(model, [path], window=w) for w in (None, 2.0, 10.0))
    assert_frame_equal(own, two)
    assert not own.equals(ten)
