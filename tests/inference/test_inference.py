"""Long recordings in bounded memory, folders of files that survive a kill."""

import json
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from joblib import parallel_config
from pandas.testing import assert_frame_equal
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_sed import (
    EventDecoder,
    LogMelTransformer,
    TwoPassSED,
    WeakEventDetector,
    WeakTagger,
)
from sklearn_sed._decoding._stream import StreamDecoder
from sklearn_sed.events import read_events, stack_tables
from sklearn_sed.exceptions import AnnotationError, AudioError, AudioWarning
from sklearn_sed.inference import Event, detect_events, detect_files, iter_events
from sklearn_sed.inference._windows import CrossFade, iter_log_mel, iter_windows
from tests._networks import EXACT, TINY_CRNN

RATE = 8000
HOP = 200  # 25 ms
FEATURES = {"sample_rate": RATE, "n_fft": 256, "hop_length": HOP, "n_mels": 12}
PITCH = {"high": 2500, "low": 500}


def make_sound(events, seconds, seed=0):
    """Return quiet noise with tones in it."""
    time = np.arange(round(seconds * RATE)) / RATE
    sound = 0.01 * np.random.default_rng(seed).normal(size=len(time))
    for onset, offset, label in events:
        tone = 0.3 * np.sin(2 * np.pi * PITCH[label] * time)
        sound += tone * ((time >= onset) & (time < offset))
    return sound


def make_clips(n_clips=16):
    """Return clips of 2 s and their tags."""
    rng = np.random.default_rng(0)
    clips, y = [], []
    for i in range(n_clips):
        labels = [label for k, label in enumerate(PITCH) if (i >> k) % 2]
        onsets = rng.uniform(0, 1, len(labels))
        events = [(on, on + rng.uniform(0.3, 1), t) for on, t in zip(onsets, labels)]
        clips.append(make_sound(events, 2, seed=i))
        y.append(labels)
    return np.array(clips), y


CLIPS, Y = make_clips()


def make_model(threshold="f1", decoder=None, **features):
    """Return a fitted model whose network sees each frame by itself."""
    part = {**EXACT, "threshold": threshold, "class_weight": None}
    return make_pipeline(
        LogMelTransformer(**FEATURES, **features),
        TwoPassSED(
            tagger=WeakTagger(**part),
            detector=WeakEventDetector(**part, decoder=decoder),
        ),
    ).fit(CLIPS, Y)


@pytest.fixture(scope="module")
def model():
    return make_model()


@pytest.fixture(scope="module")
def eager():
    """Return a model that finds every class in every window."""
    return make_model(threshold=0.0)


def write(path, events, seconds, seed=0, subtype="FLOAT"):
    soundfile.write(path, make_sound(events, seconds, seed), RATE, subtype=subtype)
    return path


def random_events(seconds, seed=0):
    """Return tones of 0.2 to 3 s in random places, those of a class apart."""
    rng = np.random.default_rng(seed)
    events = []
    for label in PITCH:
        time = rng.uniform(0, 2)
        while time < seconds - 0.3:
            end = min(time + rng.uniform(0.3, 3), seconds)
            events.append((time, end, label))
            time = end + rng.uniform(0.4, 4)
    return events


# Features and windows


@pytest.mark.parametrize(
    ("n_fft", "hop_length"), [(256, 200), (255, 64), (512, 100), (64, 200), (16, 1)]
)
@pytest.mark.parametrize("n_samples", [1, 63, 1000, 5003])
def test_streamed_frames_equal_those_of_the_whole(n_fft, hop_length, n_samples):
    rng = np.random.default_rng(n_samples)
    waveform = rng.normal(size=n_samples).astype(np.float32)
    transformer = LogMelTransformer(
        sample_rate=RATE, n_fft=n_fft, hop_length=hop_length, n_mels=2
    )
    (whole,) = transformer.transform([waveform])
    for n_block in (1, 17, 333, 10_000):
        if n_block == 1 and n_samples > 100:
            continue
        cuts = range(n_block, n_samples, n_block)
        streamed = list(iter_log_mel(np.split(waveform, cuts), transformer))
        assert all(len(piece) for piece in streamed)
        streamed = np.concatenate(streamed)
        assert streamed.shape == whole.shape
        np.testing.assert_allclose(streamed, whole, rtol=0, atol=1e-4)


@given(
    st.integers(1, 60),
    st.integers(1, 12),
    st.integers(0, 11),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=60, deadline=None)
def test_windows_cover_every_frame_and_fade_back(n_frames, n_window, n_overlap, seed):
    n_overlap = min(n_overlap, n_window - 1)
    rng = np.random.default_rng(seed)
    frames = rng.normal(size=(n_frames, 2))
    pieces = np.split(frames, np.sort(rng.integers(0, n_frames, 3)))
    fade, back, last = CrossFade(n_window, n_overlap), [], -1
    for starts, windows in iter_windows(pieces, n_window, n_window - n_overlap):
        for start, window in zip(starts, windows):
            np.testing.assert_array_equal(window, frames[start : start + n_window])
            assert last < start <= last + max(1, n_window - n_overlap)
            fade.add(start, window.T)
            last = start
        back.append(fade.take(starts[-1]))
    if n_frames <= n_window:
        assert last == -1
        return
    assert last == n_frames - n_window
    back.append(fade.take())
    np.testing.assert_allclose(np.concatenate(back, axis=1), frames.T, atol=1e-12)


def test_a_window_counts_most_in_its_middle():
    fade = CrossFade(8, 4)
    fade.add(0, np.zeros((1, 8)))
    fade.add(4, np.ones((1, 8)))
    mixed = fade.take()[0]
    np.testing.assert_allclose(mixed[:4], 0)
    np.testing.assert_allclose(mixed[4:8], [0.125, 0.375, 0.625, 0.875])
    np.testing.assert_allclose(mixed[8:], 1)


# Decoding piece by piece


@st.composite
def decoders(draw):
    high = draw(st.sampled_from([0.3, 0.5, 0.7]))
    return EventDecoder(
        smoothing=draw(st.sampled_from([None, "mean", "median"])),
        smoothing_length=draw(st.sampled_from([0.1, 0.5])),
        threshold=high,
        low_threshold=draw(st.sampled_from([None, "half", "tenth", 0.1, 0.3])),
        min_gap=draw(st.sampled_from([0.0, 0.1, 0.35, 2.0])),
        min_duration=draw(st.sampled_from([0.0, 0.2, 0.6])),
        segmenter=draw(st.sampled_from(["threshold", "area"])),
    )


def stream(decoder, proba, cuts, end=None, step=0.1, share=None):
    """Decode scores (n_frames, n_classes) in pieces."""
    share = np.ones_like(proba) if share is None else share
    curves = np.stack((proba, proba, share)).transpose(0, 2, 1).astype(float)
    labels = ["a", "b"][: proba.shape[1]]
    decoding = StreamDecoder(decoder, labels, step, proba.dtype)
    pieces = np.split(curves, cuts, axis=2)
    found = [event for piece in pieces[:-1] for event in decoding.push(piece)]
    return found + decoding.push(pieces[-1], len(proba) * step if end is None else end)


def as_table(events):
    table = pd.DataFrame(events, columns=Event._fields)
    return table.sort_values(["onset", "event_label"], ignore_index=True)


@given(decoders(), st.integers(0, 2**32 - 1), st.floats(0.02, 0.5))
@settings(max_examples=100, deadline=None)
def test_pieces_decode_to_the_events_of_the_whole(decoder, seed, roughness):
    rng = np.random.default_rng(seed)
    n_frames = int(rng.integers(1, 300))
    walk = rng.normal(size=(n_frames, 2)).cumsum(axis=0) * roughness
    proba = (1 / (1 + np.exp(-walk))).astype(np.float32)
    cuts = np.sort(rng.integers(0, n_frames, rng.integers(0, 20)))
    end = n_frames * 0.1 - rng.choice([0.0, 0.03])
    events = stream(decoder, proba, cuts, end)
    assert [e.offset for e in events] == sorted(e.offset for e in events)
    expected = decoder.decode([proba], 0.1, ["a", "b"], durations=[end])[0]
    assert_frame_equal(as_table(events), expected, check_dtype=False)


@pytest.mark.parametrize("seed", range(10))
def test_steps_in_pieces_are_those_of_the_whole(seed):
    rng = np.random.default_rng(seed)
    levels = np.repeat(rng.uniform(0, 1, 40), rng.integers(5, 60, 40))
    proba = np.convolve(levels, np.ones(4) / 4, "same")[:, np.newaxis]
    decoder = EventDecoder(segmenter="derivative", smoothing=None)
    cuts = np.sort(rng.integers(0, len(proba), 15))
    expected = decoder.decode([proba], 0.02, ["a"])[0]
    assert len(expected) >= 3
    events = stream(decoder, proba, cuts, step=0.02)
    assert_frame_equal(as_table(events), expected, check_dtype=False)


def test_an_event_counts_where_most_of_the_weight_is_tagged():
    proba = np.zeros((60, 1))
    proba[10:20] = proba[40:50] = 1.0
    share = np.zeros((60, 1))
    share[19], share[40:50] = 0.5, 0.49
    decoder = EventDecoder(smoothing=None)
    events = stream(decoder, proba, [15, 30, 45], share=share)
    assert events == [Event(pytest.approx(1.0), 2.0, "a", 1.0)]


def test_events_come_as_soon_as_nothing_can_reach_them():
    proba = np.zeros((400, 2), np.float32)
    proba[10:350, 0] = 0.9  # a long event does not hold back others
    proba[20:30, 1] = 0.9
    decoder = EventDecoder(smoothing=None)
    decoding = StreamDecoder(decoder, ["a", "b"], 0.1, proba.dtype)
    curves = np.stack((proba, proba, np.ones_like(proba))).transpose(0, 2, 1)
    found = [
        [event.event_label for event in decoding.push(piece)]
        for piece in np.split(curves, [100, 200, 300], axis=2)
    ]
    assert found == [["b"], [], [], ["a"]]


def test_an_endless_event_takes_no_memory():
    decoder = EventDecoder(low_threshold=0.2, min_gap=0.3)
    decoding = StreamDecoder(decoder, ["a"], 0.1, np.dtype(np.float32))
    piece = np.tile([0.9, 0.9, 0.1, 0.9, 0.3], 200)
    piece = np.stack((piece, piece, np.ones_like(piece)))[:, np.newaxis]
    sizes = []
    for _ in range(60):
        assert decoding.push(piece) == []
        sizes.append(len(pickle.dumps(decoding)))
    assert max(sizes[1:]) == min(sizes[1:])
    (event,) = decoding.push(piece[..., :1], 6000.1)
    assert (event.onset, event.offset) == (0.0, 6000.1)
    assert event.score == pytest.approx(0.62, abs=1e-3)


# One recording


def test_a_short_recording_has_exactly_the_events_of_predict(model, tmp_path):
    for seconds in (0.01, 1.3, 2.0):
        path = write(tmp_path / "a.wav", [(0.4, 1.0, "high")], seconds)
        expected = model.predict([path])[0]
        assert_frame_equal(detect_events(model, path, window=2.0), expected)
    assert len(expected) == 1


@pytest.mark.parametrize("overlap", [None, 0.0, 0.3, 1.9])
@pytest.mark.parametrize("seconds", [2.01, 3.0, 11.37])
def test_windows_put_together_are_the_whole_recording(
    eager, overlap, seconds, tmp_path
):
    # A network that sees one frame at a time cannot tell a window from the whole.
    path = write(tmp_path / "a.wav", random_events(seconds), seconds)
    expected = eager.predict([path])[0]
    assert len(expected) > 1 or seconds < 3
    found = detect_events(eager, path, window=2.0, overlap=overlap)
    assert_frame_equal(found, expected, check_exact=False, rtol=0, atol=1e-4)


def test_events_are_found_across_windows_and_blocks(model, tmp_path, monkeypatch):
    monkeypatch.setattr("sklearn_sed.inference._recording.BLOCK_DURATION", 3.0)
    truth = [(0.5, 21.0, "low"), (1.7, 2.3, "high"), (9.0, 11.5, "high")]
    path = write(tmp_path / "a.wav", truth, 30)
    events = list(iter_events(model, path, window=2.0))
    assert [event.event_label for event in events] == ["high", "high", "low"]
    for event, (onset, offset, _) in zip(events, [truth[1], truth[2], truth[0]]):
        assert event.onset == pytest.approx(onset, abs=0.05)
        assert event.offset == pytest.approx(offset, abs=0.05)
        assert 0.5 < event.score <= 1


def test_frames_are_scored_only_around_tags(model, tmp_path, monkeypatch):
    path = write(tmp_path / "a.wav", [(20.3, 20.8, "low"), (21.5, 27, "high")], 60)
    n_scored = []
    score = model[-1].predict_frame_proba

    def count(X):
        n_scored.append(len(X))
        return score(X)

    monkeypatch.setattr(model[-1], "predict_frame_proba", count, raising=False)
    found = detect_events(model, path, window=2.0)
    assert found["event_label"].tolist() == ["low", "high"]
    assert found["offset"].tolist() == pytest.approx([20.8, 27], abs=0.05)
    # The first window, those that hold an event, one or two beside these; of 43.
    assert 6 < sum(n_scored) <= 10


def test_events_come_before_the_file_is_read(model, tmp_path):
    path = write(tmp_path / "a.flac", [(1, 2, "low")], 400, subtype="PCM_16")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 3 // 4])
    events = iter_events(model, path, window=2.0)
    assert next(events).event_label == "low"
    with pytest.raises(AudioError, match="truncated"):
        list(events)


def test_other_rates_and_true_length(model, tmp_path):
    path = tmp_path / "a.wav"
    time = np.arange(round(5.1234 * 44100)) / 44100
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * 500 * time), 44100)
    (event,) = iter_events(model, path, window=2.0)
    assert event[:3] == (0.0, len(time) / 44100, "low")
    path = tmp_path / "a.mp3"
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * 500 * time), 44100, format="MP3")
    (event,) = iter_events(model, path, window=2.0)
    assert event.offset == pytest.approx(len(time) / 44100, abs=0.05)


def test_a_rescaling_decoder_is_rescaled_in_each_window(tmp_path):
    decoder = EventDecoder(rescale={"high": True, "low": False}, threshold=0.5)
    model = make_model(decoder=decoder)
    truth = [(1.5, 5.5, "high"), (9.2, 9.9, "high"), (3, 4, "low")]
    path = write(tmp_path / "a.wav", truth, 14)
    found = detect_events(model, path, window=3.0)
    assert len(found) == 3
    for event, (onset, offset, label) in zip(found.itertuples(), sorted(truth)):
        assert event.event_label == label
        assert event.onset == pytest.approx(onset, abs=0.06)
        assert event.offset == pytest.approx(offset, abs=0.06)


def test_a_network_with_context_agrees_on_any_grid(tmp_path):
    part = {
        "network_params": TINY_CRNN,
        "max_epochs": 30,
        "learning_rate": 0.02,
        "random_state": 0,
        "batch_size": 4,
    }
    model = make_pipeline(LogMelTransformer(**FEATURES), WeakEventDetector(**part))
    model.fit(CLIPS, Y)
    sound = make_sound(random_events(50), 50)
    tables = []
    for lead in (0.0, 0.7):
        path = tmp_path / "a.wav"
        soundfile.write(path, sound[round(lead * RATE) :], RATE)
        table = detect_events(model, path, window=2.0)
        table[["onset", "offset"]] += lead
        tables.append(table[table["onset"] > 2])
    assert len(tables[0]) > 8
    moved = sum(
        not (
            (tables[1]["event_label"] == event.event_label)
            & ((tables[1][["onset", "offset"]] - np.array(event[:2])).abs() <= 0.1).all(
                axis=1
            )
        ).any()
        for event in tables[0].itertuples(index=False)
    )
    assert moved <= 0.1 * len(tables[0])


def test_models_of_other_shapes(model, tmp_path):
    path = write(tmp_path / "a.wav", [(1, 2, "low")], 7)
    expected = detect_events(model, path, window=2.0)
    assert len(expected) == 1
    logmel, sed = model[0], model[-1]
    for other in (
        FrozenEstimator(model),
        make_pipeline(logmel, "passthrough", FunctionTransformer(), sed),
        make_pipeline(logmel, make_pipeline(FrozenEstimator(sed))),
    ):
        assert_frame_equal(detect_events(other, path, window=2.0), expected)


class Search(BaseEstimator):
    """What a fitted search looks like from outside."""

    def __init__(self, model):
        self.best_estimator_ = model

    def fit(self):
        pass


def test_searches_and_tuned_decoders_are_taken_apart(model, tmp_path):
    from sklearn_sed.model_selection import TunedDecoderCV

    path = write(tmp_path / "a.wav", [(1, 2, "low")], 7)
    y = stack_tables(model.predict(list(CLIPS)))
    grid = {"min_gap": [0.2]}
    tuned = TunedDecoderCV(FrozenEstimator(model), cv="prefit", param_grid=grid)
    tuned.fit(list(CLIPS), y)
    assert len(detect_events(tuned, path, window=2.0)) == 1
    tuned.decoder_.set_params(min_duration=1.5)
    assert len(detect_events(tuned, path, window=2.0)) == 0
    assert len(detect_events(Search(model), path, window=2.0)) == 1


def test_a_bar_when_asked(model, tmp_path, capsys):
    path = write(tmp_path / "a.wav", [], 5)
    assert list(iter_events(model, path, window=2.0)) == []
    assert capsys.readouterr().err == ""
    list(iter_events(model, path, window=2.0, verbose=1))
    assert "5/5" in capsys.readouterr().err


class OtherDecoder:
    """Not an EventDecoder."""

    def decode(self):
        pass


@pytest.mark.parametrize(
    ("window", "overlap", "message"),
    [
        (0, None, "window=0 must be a positive"),
        (float("inf"), None, "window=inf must be"),
        (2.0, 2.0, r"overlap=2\.0 must be at least 0 and less than window=2\.0"),
        (2.0, -1, "overlap=-1"),
    ],
)
def test_impossible_windows(model, window, overlap, message, tmp_path):
    path = write(tmp_path / "a.wav", [], 1)
    with pytest.raises(ValueError, match=message):
        iter_events(model, path, window=window, overlap=overlap)


def test_windows_are_no_longer_than_the_clips_of_the_model(tmp_path):
    model = make_model(duration=2.0)
    path = write(tmp_path / "a.wav", [(0.2, 0.8, "low")], 1)
    with pytest.raises(ValueError, match=r"pass window=2\.0"):
        iter_events(model, path)
    found = detect_events(model, path, window=2.0)
    assert_frame_equal(found, model.predict([path])[0])
    path = write(tmp_path / "a.wav", [(3.2, 3.8, "low")], 5)
    assert len(detect_events(model, path, window=2.0)) == 1


def test_models_that_cannot_be_used(model, tmp_path):
    path = write(tmp_path / "a.wav", [], 1)
    with pytest.raises(NotFittedError):
        iter_events(clone(model), path)
    with pytest.raises(ValueError, match=r"begins with TwoPassSED.*make_pipeline"):
        iter_events(model[-1], path)
    with pytest.raises(ValueError, match="begins with FunctionTransformer"):
        iter_events(make_pipeline(FunctionTransformer(), model[-1]), path)
    with pytest.raises(ValueError, match="ends in WeakTagger, which scores no frames"):
        iter_events(make_pipeline(model[0], model[-1].tagger_), path)
    other = clone(model).fit(CLIPS, Y)
    other[-1].detector_.decoder_ = OtherDecoder()
    with pytest.raises(ValueError, match="events by OtherDecoder"):
        iter_events(other, path)
    path = write(tmp_path / "a.wav", [], 9)
    halved = FunctionTransformer(lambda X: X[:, ::2])
    with pytest.raises(ValueError, match="change the number of frames"):
        detect_events(make_pipeline(model[0], halved, model[-1]), path, window=2.0)


def test_a_missing_file_is_named_at_once(model, tmp_path):
    with pytest.raises(AudioError, match=r"none\.wav"):
        iter_events(model, tmp_path / "none.wav")


# Folders


@pytest.fixture
def folder(tmp_path):
    """Return four recordings, one of them longer than a window, and a bad one."""
    paths = [
        write(tmp_path / f"{i}.wav", random_events(1 + i, seed=i), 1 + i, seed=i)
        for i in range(4)
    ]
    bad = tmp_path / "bad.wav"
    bad.write_text("no audio")
    return [*paths[:2], bad, *paths[2:]]


def sound_files(folder):
    return [path for path in folder if path.name != "bad.wav"]


def check_found(out, model, paths):
    """Check that a table holds what the files give alone."""
    filenames, tables = read_events(out)
    assert filenames == [str(path) for path in paths]
    for path, table in zip(paths, tables):
        expected = detect_events(model, path, window=2.0)
        columns = ["onset", "offset", "event_label", "score"]
        expected = expected.round({"onset": 6, "offset": 6})
        assert_frame_equal(table.reindex(columns=columns), expected, check_dtype=False)
    assert sum(map(len, tables)) > 2


@pytest.mark.parametrize("backend", ["sequential", "threading"])
def test_files_to_one_table(model, folder, backend, tmp_path):
    out = tmp_path / "found.tsv"
    with parallel_config(backend, n_jobs=2):
        report = detect_files(model, folder, out, window=2.0, on_error="skip")
    check_found(out, model, sound_files(folder))
    assert list(report.columns) == ["path", "class", "reason"]
    assert report["path"].tolist() == [str(folder[2])]
    written = pd.read_csv(f"{out}.skipped.csv")
    assert_frame_equal(written, report, check_dtype=False)


def test_nothing_left_out(model, folder, tmp_path):
    out = tmp_path / "found.csv"
    detect_files(model, folder, out, window=2.0, on_error="skip")
    report = detect_files(model, sound_files(folder), out, window=2.0)
    assert report.shape == (0, 3)
    assert not Path(f"{out}.skipped.csv").exists()


def test_a_file_for_each_recording(model, folder, tmp_path):
    with pytest.warns(UserWarning, match="no place for the columns score"):
        detect_files(
            model, sound_files(folder), tmp_path / "labels", format="audacity", window=2
        )
    assert len(list((tmp_path / "labels").iterdir())) == 4
    assert (tmp_path / "labels.journal").exists()


def test_bad_files_raise_or_warn(model, folder, tmp_path):
    out = tmp_path / "found.tsv"
    missing = tmp_path / "missing.wav"
    for backend in ("sequential", "threading"):
        with (
            parallel_config(backend, n_jobs=2),
            pytest.raises(AudioError, match=r"bad\.wav"),
        ):
            detect_files(model, [*folder, missing], out, window=2.0)
    assert not out.exists()
    with pytest.warns(AudioWarning) as warned:
        report = detect_files(model, [*folder, missing], out, on_error="warn", window=2)
    assert [str(w.message).partition(":")[0] for w in warned] == [
        str(folder[2]),
        str(missing),
    ]
    assert report["class"].tolist()[1] == "missing"


def count_calls(monkeypatch):
    """Return a list that grows with every file that is looked at."""
    from sklearn_sed.inference import _files

    seen, detect = [], _files._detect
    monkeypatch.setattr(
        _files,
        "_detect",
        lambda model, name, *rest: seen.append(name) or detect(model, name, *rest),
    )
    return seen


def test_only_what_is_new_or_has_changed_is_done_again(
    model, folder, tmp_path, monkeypatch
):
    seen = count_calls(monkeypatch)
    out = tmp_path / "found.tsv"
    options = {"window": 2.0, "on_error": "skip"}
    detect_files(model, folder[:-1], out, **options)
    assert seen == [str(path) for path in folder[:-1]]
    first = out.read_bytes()
    seen.clear()
    detect_files(model, folder[:-1], out, **options)
    assert seen == []
    assert out.read_bytes() == first
    write(folder[2], [(0.2, 0.9, "low")], 1)  # the bad one is repaired
    report = detect_files(model, folder, out, **options)
    assert seen == [str(folder[2]), str(folder[-1])]
    assert report.empty
    check_found(out, model, folder)
    seen.clear()
    detect_files(model, folder, out, resume=False, **options)
    assert len(seen) == 5


def test_what_was_written_before_stays_until_the_new_is_whole(
    model, folder, tmp_path, monkeypatch
):
    seen = count_calls(monkeypatch)
    out, files = tmp_path / "found.tsv", sound_files(folder)
    detect_files(model, files[:2], out, window=2.0)
    before, replace = out.read_bytes(), os.replace

    def fail(source, target):
        if target == out:
            raise OSError("no space left")
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", fail)
        with pytest.raises(OSError, match="no space left"):
            detect_files(model, files, out, window=2.0)
    assert out.read_bytes() == before
    assert not list(tmp_path.glob(".*.tmp"))
    seen.clear()
    detect_files(model, files, out, window=2.0)
    assert seen == []  # only to be written
    check_found(out, model, files)


def test_a_bad_file_in_the_journal_raises_when_told_to(
    model, folder, tmp_path, monkeypatch
):
    out = tmp_path / "found.tsv"
    detect_files(model, folder, out, window=2.0, on_error="skip")
    seen = count_calls(monkeypatch)
    with pytest.raises(AudioError, match=r"bad\.wav"):
        detect_files(model, folder, out, window=2.0)
    assert seen == [str(folder[2])]


@pytest.mark.parametrize("n_cut", [1, 30, 10**6])
def test_a_journal_that_breaks_off(model, folder, n_cut, tmp_path, monkeypatch):
    out, files = tmp_path / "found.tsv", sound_files(folder)
    detect_files(model, files, out, window=2.0)
    expected = out.read_bytes()
    journal = Path(f"{out}.journal")
    content = journal.read_bytes()
    journal.write_bytes(content[: max(20, len(content) - n_cut)])
    seen = count_calls(monkeypatch)
    detect_files(model, files, out, window=2.0)
    assert len(seen) == (1 if n_cut < 1000 else 4)
    assert out.read_bytes() == expected
    lines = journal.read_text().splitlines()
    assert [json.loads(line).get("path") for line in lines[1:]] == list(map(str, files))


def test_a_damaged_line_is_done_again(model, folder, tmp_path, monkeypatch):
    out, files = tmp_path / "found.tsv", sound_files(folder)
    detect_files(model, files, out, window=2.0)
    expected = out.read_bytes()
    journal = Path(f"{out}.journal")
    lines = journal.read_bytes().splitlines(keepends=True)
    lines[2] = b"\0" * 50 + b"\n"
    lines[3] = b"[]\n"
    journal.write_bytes(b"".join(lines))
    seen = count_calls(monkeypatch)
    detect_files(model, files, out, window=2.0)
    assert seen == list(map(str, files[1:3]))
    assert out.read_bytes() == expected


def test_a_journal_of_something_else_is_refused(model, eager, folder, tmp_path):
    out, files = tmp_path / "found.tsv", sound_files(folder)[:1]
    detect_files(model, files, out, window=2.0)
    with pytest.raises(ValueError, match=r"another model.*resume=False"):
        detect_files(eager, files, out, window=2.0)
    with pytest.raises(ValueError, match=r"window=2\.0 instead of 1\.0"):
        detect_files(model, files, out, window=1.0)
    with pytest.raises(ValueError, match=r"overlap=0\.6 instead of 0\.0"):
        detect_files(model, files, out, window=2.0, overlap=0)
    # The same weights, loaded elsewhere, with other ways of computing.
    copy = joblib.load(joblib.dump(model, tmp_path / "model.joblib")[0])
    copy.set_params(logmeltransformer__n_jobs=2)
    detect_files(copy, files, out, window=2.0)
    for content in ("filename\tonset\n", '{"sklearn_sed_journal": 99}\n'):
        Path(f"{out}.journal").write_text(content)
        with pytest.raises(ValueError, match=r"found\.tsv\.journal is not a journal"):
            detect_files(model, files, out, window=2.0)


def test_every_setting_tells_models_apart(model):
    from sklearn_sed.inference._model import take_apart

    models = [
        model,
        make_model(decoder=EventDecoder(min_gap=0.3)),
        make_model(threshold=0.4),
        make_model(fmin=100),
        make_pipeline(model[0], model[-1].detector_),
        make_pipeline(model[0], FunctionTransformer(), model[-1]),
    ]
    prints = {take_apart(other).fingerprint() for other in models}
    assert len(prints) == 6


def test_other_taggers_have_a_fingerprint_too(folder, tmp_path):
    part = {**EXACT, "max_epochs": 1}
    model = make_pipeline(
        LogMelTransformer(**FEATURES),
        TwoPassSED(
            tagger=make_pipeline(
                FunctionTransformer(time_means),
                OneVsRestClassifier(LogisticRegression()),
            ),
            detector=WeakEventDetector(**part),
        ),
    ).fit(CLIPS, [[int(label in labels) for label in PITCH] for labels in Y])
    files = sound_files(folder)
    for _ in range(2):
        detect_files(model, files, tmp_path / "found.tsv", window=2.0)


def time_means(X):
    return np.array([np.mean(clip, axis=0) for clip in X])


@pytest.mark.parametrize(
    ("paths", "error", "message"),
    [
        ([], ValueError, "paths is empty"),
        ("a.wav", ValueError, r"one path; pass a list of files: \['a\.wav'\]"),
        (["a.wav", "b.wav", "a.wav"], ValueError, r"holds 'a\.wav' twice"),
        (["a\t.wav"], AnnotationError, "cannot hold"),
    ],
)
def test_impossible_lists_of_files(model, paths, error, message, tmp_path):
    with pytest.raises(error, match=message):
        detect_files(model, paths, tmp_path / "found.tsv")
    assert list(tmp_path.iterdir()) == []


def test_what_will_go_wrong_goes_wrong_before_the_work(model, tmp_path):
    paths = [tmp_path / "none.wav", tmp_path / "sub" / "none.wav"]
    with pytest.raises(AnnotationError, match="ending does not tell") as caught:
        detect_files(model, paths, tmp_path / "found.xyz")
    assert str(tmp_path / "found.xyz") in str(caught.value)
    (tmp_path / "labels").mkdir()
    with pytest.raises(AnnotationError, match="would both be written"):
        detect_files(model, paths, tmp_path / "labels", format="audacity")
    with pytest.raises(FileNotFoundError, match=r"nowhere does not exist"):
        detect_files(model, paths, tmp_path / "nowhere" / "found.tsv")
    with pytest.raises(ValueError, match="on_error='ignore'"):
        detect_files(model, paths, tmp_path / "found.tsv", on_error="ignore")
    with pytest.raises(ValueError, match="overlap=10"):
        detect_files(model, paths, tmp_path / "found.tsv", overlap=10)
    assert [path.name for path in tmp_path.iterdir()] == ["labels"]


def test_a_bar_over_files(model, folder, tmp_path, capsys):
    files = sound_files(folder)
    detect_files(model, files[:2], tmp_path / "found.tsv", window=2.0)
    assert capsys.readouterr().err == ""
    detect_files(model, files, tmp_path / "found.tsv", window=2.0, verbose=1)
    assert "4/4" in capsys.readouterr().err


def test_files_in_processes(model, folder, tmp_path):
    # The test's own module is not importable there: networks come from the package.
    part = {"network_params": TINY_CRNN, "max_epochs": 1, "random_state": 0}
    model = make_pipeline(LogMelTransformer(**FEATURES), WeakEventDetector(**part))
    model.fit(CLIPS, Y)
    files = sound_files(folder)
    detect_files(model, files, tmp_path / "one.tsv", window=2.0)
    detect_files(model, files, tmp_path / "two.tsv", window=2.0, n_jobs=2)
    one, two = (read_events(tmp_path / f"{name}.tsv")[1] for name in ("one", "two"))
    for a, b in zip(one, two):
        assert_frame_equal(a, b, check_exact=False, rtol=0, atol=1e-5)


SCRIPT = """
    import sys, time, joblib
    from pathlib import Path
    from sklearn_sed.inference import _files, detect_files

    detect = _files._detect
    def slowly(model, name, *rest):
        time.sleep(0.15)
        return detect(model, name, *rest)
    _files._detect = slowly
    folder = Path(sys.argv[1])
    model = joblib.load(folder / "model.joblib")
    print("ready", flush=True)
    detect_files(model, sorted(folder.glob("*.wav")), folder / "found.tsv", window=2.0,
                 on_error="skip")
"""


def test_a_killed_process_is_taken_up_where_it_was(folder, tmp_path, monkeypatch):
    part = {"network_params": TINY_CRNN, "max_epochs": 1, "random_state": 0}
    model = make_pipeline(LogMelTransformer(**FEATURES), WeakEventDetector(**part))
    model.fit(CLIPS, Y)
    joblib.dump(model, tmp_path / "model.joblib")
    out, paths = tmp_path / "found.tsv", sorted(folder)
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        journal, deadline = Path(f"{out}.journal"), time.monotonic() + 60
        while not (journal.exists() and journal.read_bytes().count(b"\n") >= 3):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    assert not out.exists()
    n_done = journal.read_bytes().count(b"\n") - 1
    assert 2 <= n_done < 5
    seen = count_calls(monkeypatch)
    report = detect_files(model, paths, out, window=2.0, on_error="skip")
    assert seen == [str(path) for path in paths[n_done:]]
    assert len(report) == 1
    resumed = out.read_bytes()
    detect_files(model, paths, out, window=2.0, on_error="skip", resume=False)
    assert out.read_bytes() == resumed
