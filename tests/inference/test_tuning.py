"""Decoders tuned on recordings of any length, and what that gains."""

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_sed import EventDecoder, LogMelTransformer, load_model, save_model
from sklearn_sed.events import make_events, stack_tables
from sklearn_sed.exceptions import (
    AnnotationError,
    AudioError,
    AudioWarning,
    LabelError,
)
from sklearn_sed.inference import detect_events, tag_files, tune_files
from sklearn_sed.inference._tuning import _Clips, _within
from sklearn_sed.metrics import event_based_f1_score
from sklearn_sed.model_selection import MultilabelStratifiedKFold, TunedDecoderCV
from tests._networks import TinyNet
from tests.inference._sounds import FEATURES, RATE, make_model, random_events, write

GRID = {"threshold": [0.1, 0.5, 0.9], "min_gap": [0.0, 0.3], "min_duration": [0.0, 0.2]}
OPTIONS = {"window": 2.0, "param_grid": GRID, "cv": 3}


@pytest.fixture(scope="module")
def clumsy():
    """Return a model that hears well and decides badly."""
    return make_model(threshold=0.5, decoder=EventDecoder(min_gap=2.0))


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Return recordings of 1.5 to 9 s and their events."""
    folder = tmp_path_factory.mktemp("recordings")
    paths, events = [], []
    for i, seconds in enumerate([1.5, 9.03, 6.0, 7.77, 2.0, 8.5]):
        rows = random_events(seconds, seed=i)
        paths.append(write(folder / f"{i}.wav", rows, seconds, seed=i))
        events.append(make_events(*zip(*rows)) if rows else make_events([], [], []))
    return paths, events


@pytest.fixture(scope="module")
def tuned(clumsy, recordings):
    return tune_files(clumsy, *recordings, **OPTIONS)


def test_a_clumsy_decoder_gains(tuned, clumsy, tmp_path):
    assert tuned.scores.index.tolist() == ["high", "low"]
    assert (tuned.scores["f1_tuned"] > tuned.scores["f1"] + 0.2).all()
    expected = (tuned.scores["f1_tuned"] - tuned.scores["f1"]).mean()
    assert tuned.gain == pytest.approx(expected)
    assert tuned.model.decoder_.min_gap == {"high": 0.0, "low": 0.0}
    rows = random_events(30, seed=9)
    path = write(tmp_path / "new.wav", rows, 30, seed=9)
    y_true = [make_events(*zip(*rows))]
    own, better = (
        event_based_f1_score(y_true, [detect_events(model, path, window=2.0)])
        for model in (clumsy, tuned.model)
    )
    assert better > own + 0.2


def test_the_gain_is_that_of_recordings_held_back(tuned, clumsy, recordings):
    paths, events = np.array(recordings[0]), stack_tables(recordings[1])
    found = np.empty(len(paths), dtype=object)
    for train, test in MultilabelStratifiedKFold(3).split(paths, events):
        others = tune_files(clumsy, paths[train], events[train], **OPTIONS).model
        found[test] = stack_tables(
            detect_events(others, path, window=2.0) for path in paths[test]
        )
    by_class = {"average": None, "labels": ["high", "low"]}
    np.testing.assert_array_equal(
        tuned.scores["f1_tuned"], event_based_f1_score(events, found, **by_class)
    )
    own = stack_tables(detect_events(clumsy, path, window=2.0) for path in paths)
    np.testing.assert_array_equal(
        tuned.scores["f1"], event_based_f1_score(events, own, **by_class)
    )
    counts = [
        sum((t["event_label"] == c).sum() for t in events) for c in by_class["labels"]
    ]
    assert tuned.scores["n_events"].tolist() == counts


@pytest.fixture
def short(tmp_path):
    """Return recordings no longer than a window and their events."""
    paths, events = [], []
    for i in range(6):
        rows = random_events(2.0, seed=10 + i)
        paths.append(str(write(tmp_path / f"{i}.wav", rows, 2.0, seed=i)))
        events.append(make_events(*zip(*rows)) if rows else make_events([], [], []))
    return paths, events


def test_no_decoder_is_judged_on_what_it_was_tuned_on(clumsy, short, monkeypatch):
    tuned_on, judged_on = {}, {}
    kept = []  # so that no two of them have one id

    def fit(self, X, y, fit=TunedDecoderCV.fit):
        kept.append(self)
        tuned_on[id(self)] = set(X)
        return fit(self, X, y)

    def detect(model, path, **options):
        judged_on.setdefault(id(model), set()).add(path)
        return detect_events(model, path, **options)

    monkeypatch.setattr(TunedDecoderCV, "fit", fit)
    monkeypatch.setattr("sklearn_sed.inference._tuning.detect_events", detect)
    paths, events = short
    final = tune_files(clumsy, paths, events, **OPTIONS).model
    assert judged_on.pop(id(clumsy)) == set(paths)
    assert tuned_on.pop(id(final)) == set(paths)
    assert tuned_on.keys() == judged_on.keys()
    assert len(tuned_on) == 3
    assert set.union(*judged_on.values()) == set(paths)
    for model, judged in judged_on.items():
        assert tuned_on[model] == set(paths) - judged


def test_short_recordings_are_tuned_as_clips(clumsy, short):
    paths, events = short
    found = tune_files(clumsy, paths, events, **OPTIONS).model
    tuner = TunedDecoderCV(clumsy, cv="prefit", param_grid=GRID)
    tuner.fit(paths, stack_tables(events))
    assert found.decoder_.get_params() == tuner.decoder_.get_params()


def test_a_tuned_model_is_saved_loaded_and_tuned_again(tuned, recordings, tmp_path):
    paths, events = recordings
    save_model(tuned.model, tmp_path / "tuned.sed")
    loaded = load_model(tmp_path / "tuned.sed", trusted=[TinyNet])
    for path in paths:
        found = detect_events(loaded, path, window=2.0)
        assert found.equals(detect_events(tuned.model, path, window=2.0))
    again = tune_files(loaded, paths, events, window=2.0, cv=2, param_grid=GRID)
    assert again.model.decoder_.get_params() == tuned.model.decoder_.get_params()
    save_model(again.model, tmp_path / "again.sed")
    twice = load_model(tmp_path / "again.sed", trusted=[TinyNet])
    assert tag_files(twice, paths).equals(tag_files(loaded, paths))


def test_nothing_is_gained_where_there_is_nothing_to_choose(model, recordings):
    own = {"threshold": [0.5]}
    same = tune_files(model, *recordings, window=2.0, param_grid=own)
    assert same.gain == 0.0


def test_a_class_without_events_keeps_its_settings(clumsy, recordings):
    paths, events = recordings
    low = [table[table["event_label"] == "low"] for table in events]
    found = tune_files(clumsy, paths, low, **OPTIONS)
    assert found.scores.index.tolist() == ["low"]
    assert found.model.decoder_.min_gap == {"high": 2.0, "low": 0.0}


def test_bad_files_raise_warn_or_are_left_out(clumsy, recordings, tmp_path):
    paths, events = recordings
    bad = tmp_path / "bad.wav"
    bad.write_text("no sound")
    given = [bad, *paths[:3]], [events[1], *events[:3]]
    with pytest.raises(AudioError, match=r"bad\.wav"):
        tune_files(clumsy, *given, **OPTIONS)
    found = tune_files(clumsy, *given, **OPTIONS, on_error="skip")
    assert [*found.skipped] == [str(bad)]
    expected = tune_files(clumsy, paths[:3], events[:3], **OPTIONS)
    assert found.scores.equals(expected.scores)
    with pytest.warns(AudioWarning, match="left out"):
        tune_files(clumsy, *given, **OPTIONS, on_error="warn")
    with pytest.raises(ValueError, match="1 recordings can be read"):
        tune_files(clumsy, given[0][:2], given[1][:2], on_error="skip")


def test_what_makes_no_sense_is_refused_at_once(clumsy, recordings, monkeypatch):
    def work(*args, **kwargs):
        raise AssertionError("the work was begun")

    monkeypatch.setattr("sklearn_sed.inference._tuning.load_audio", work)
    paths, events = recordings
    for error, message, changes in (
        (ValueError, "cv=1 must be", {"cv": 1}),
        (ValueError, "cv=None must be", {"cv": None}),
        (ValueError, "window=0 must", {"window": 0}),
        (ValueError, "on_error='no' must", {"on_error": "no"}),
        (ValueError, "6 tables for 5 recordings", {"paths": paths[:5]}),
        (ValueError, "twice", {"paths": paths[:1] * 6}),
        (AnnotationError, "events", {"events": [1] * 6}),
        (
            LabelError,
            r"5\.wav: the model does not know 'dog', but the classes high, low",
            {"events": [*events[:5], make_events([0], [1], ["dog"])]},
        ),
    ):
        with pytest.raises(error, match=message):
            tune_files(clumsy, **({"paths": paths, "events": events} | changes))
    with pytest.raises(TypeError, match="has no predict_frame_proba"):
        tune_files(
            make_pipeline(LogMelTransformer(), FunctionTransformer()), *recordings
        )


def test_recordings_without_events_are_nothing_to_tune_on(clumsy, recordings):
    paths, events = recordings
    with pytest.raises(ValueError, match="nothing to tune on"):
        tune_files(clumsy, paths, [table[:0] for table in events])


def test_long_recordings_are_cut_into_windows(tmp_path):
    clips = _Clips()
    transformer = LogMelTransformer(**FEATURES)
    table = make_events([0.5, 1.0, 4.2], [1.0, 3.5, 4.3], ["high", "low", "low"])
    for name, seconds in (("a", 2.0), ("b", 5.0), ("c", 2.0 + 199 / RATE)):
        path = str(write(tmp_path / f"{name}.wav", [], seconds))
        clips.add(path, table, transformer, 2.0)
    sounds, events = clips.of(np.array([1]))
    assert [len(sound) for sound in sounds] == [2 * RATE] * 3
    starts = [0.0, 2.0, 3.0]
    for start, own in zip(starts, events):
        assert own.equals(_within(table, start, start + 2.0))
    assert events[0]["offset"].tolist() == [1.0, 2.0]
    assert events[1]["onset"].tolist() == [0.0]
    assert events[2].drop(columns="event_label").round(6).to_numpy().tolist() == [
        [0.0, 0.5],
        [1.2, 1.3],
    ]
    whole, tables = clips.of(np.array([0, 2]))
    assert whole == clips.names[::2]
    assert all(own.equals(table) for own in tables)


def test_in_processes(tuned, clumsy, recordings):
    together = tune_files(clumsy, *recordings, **OPTIONS, n_jobs=2)
    assert together.scores.equals(tuned.scores)
    assert together.model.decoder_.get_params() == tuned.model.decoder_.get_params()


def test_a_bar_when_asked(clumsy, recordings, capsys):
    tune_files(clumsy, *recordings, **OPTIONS, verbose=1)
    assert "tune: 100%" in capsys.readouterr().err
