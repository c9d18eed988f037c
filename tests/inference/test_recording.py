"""One recording of any length."""

import numpy as np
import pytest
import soundfile
from pandas.testing import assert_frame_equal
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from sklearn_sed import EventDecoder, LogMelTransformer, WeakEventDetector
from sklearn_sed.exceptions import AudioError, LabelError
from sklearn_sed.inference import detect_events, iter_events, iter_frame_scores
from sklearn_sed.inference._recording import RecordingStream
from sklearn_sed.inference._steer import steer
from tests._networks import TINY_CRNN
from tests.inference._sounds import (
    CLIPS,
    FEATURES,
    RATE,
    Y,
    make_model,
    make_sound,
    random_events,
    write,
)
from tests.inference.test_model import OnlyDecodes


@pytest.fixture(scope="module")
def detector():
    """Return a detector that sees frames around a frame, and finds many events."""
    part = {"network_params": TINY_CRNN, "max_epochs": 2, "random_state": 0}
    decoder = EventDecoder(rescale=True)
    detector = WeakEventDetector(**part, threshold=0.0, decoder=decoder)
    return detector.fit(LogMelTransformer(**FEATURES).transform(CLIPS), Y)


@pytest.mark.parametrize("extra", [-1, 0, 1])
@pytest.mark.parametrize(
    ("file_rate", "rate", "hop_length", "window"),
    [
        (8000, 8000, 200, 2.0),
        (8000, 8000, 333, 2.0),
        (22050, 22050, 441, 1.3),
        (22050, 22050, 512, 1.3),
        (44100, 22050, 315, 2.0),
        (16000, 22050, 441, 2.0),
        (48000, 11025, 175, 1.0),
        (8000, 8000, 160, 0.3 - 0.1),
    ],
)
def test_a_window_holds_a_recording_of_its_length(
    detector, file_rate, rate, hop_length, window, extra, tmp_path
):
    features = {**FEATURES, "sample_rate": rate, "hop_length": hop_length}
    model = make_pipeline(LogMelTransformer(**features), detector)
    n_samples = round(window * file_rate) + extra
    sound = make_sound([(0.05, 0.8 * window, "low")], 3)[:n_samples]
    sound = np.resize(sound, n_samples)
    path = tmp_path / "a.wav"
    soundfile.write(path, sound, file_rate)
    expected = model.predict([path])[0]
    assert len(expected)
    assert_frame_equal(detect_events(model, path, window=window), expected)
    shorter = detect_events(model, path, window=0.8 * window)
    assert not shorter.equals(expected)


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
    # the last frame is centred on 5.1 s and lasts 25 ms
    assert event[:3] == (0.0, pytest.approx(5.1125), "low")
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * 500 * time[:-1000]), 44100)
    (event,) = iter_events(model, path, window=2.0)
    assert event[:3] == (0.0, len(time[:-1000]) / 44100, "low")
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
        "max_epochs": 60,
        "decoder": EventDecoder(low_threshold="half"),
        "learning_rate": 0.02,
        "random_state": 0,
        "batch_size": 4,
    }
    model = make_pipeline(LogMelTransformer(**FEATURES), WeakEventDetector(**part))
    model.fit(CLIPS, Y)
    sound = make_sound(random_events(200), 200)
    tables = []
    for lead in (0.0, 0.7):
        path = tmp_path / "a.wav"
        soundfile.write(path, sound[round(lead * RATE) :], RATE)
        table = detect_events(model, path, window=2.0)
        table[["onset", "offset"]] += lead
        tables.append(table[table["onset"] > 2])
    assert len(tables[0]) > 30
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


def test_a_bar_when_asked(model, tmp_path, capsys):
    path = write(tmp_path / "a.wav", [], 5)
    assert list(iter_events(model, path, window=2.0)) == []
    assert capsys.readouterr().err == ""
    list(iter_events(model, path, window=2.0, verbose=1))
    assert "5/5" in capsys.readouterr().err


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
        iter_events(model, path, window=2.5)
    found = detect_events(model, path)
    assert_frame_equal(found, model.predict([path])[0])
    path = write(tmp_path / "a.wav", [(3.2, 3.8, "low")], 5)
    assert len(detect_events(model, path)) == 1


def test_windows_are_as_long_as_the_clips_of_training(tmp_path):
    path = write(tmp_path / "a.wav", random_events(20), 20)

    def scores(model, **options):
        return np.concatenate(list(iter_frame_scores(model, path, **options)))

    # A network that sees its surroundings tells windows of other lengths apart.
    part = {"network_params": TINY_CRNN, "max_epochs": 1, "random_state": 0}
    model = make_pipeline(LogMelTransformer(**FEATURES), WeakEventDetector(**part))
    model.fit(CLIPS, Y)
    assert model[-1].clip_duration_ == 2.0
    by_window = [scores(model, window=window) for window in (2.0, 10.0)]
    assert not np.array_equal(*by_window)
    np.testing.assert_array_equal(scores(model), by_window[0])
    steered = steer(model, classes=["low"])
    np.testing.assert_array_equal(scores(steered), by_window[0][:, 1:])
    padded = LogMelTransformer(**FEATURES, duration=3.0)
    model = make_pipeline(padded, WeakEventDetector(**part)).fit(CLIPS, Y)
    np.testing.assert_array_equal(scores(model), scores(model, window=3.0))
    # Files of earlier versions do not know it.
    older = clone(model).set_params(logmeltransformer__duration=None).fit(CLIPS, Y)
    older[-1].clip_duration_ = None
    np.testing.assert_array_equal(scores(older), scores(older, window=10.0))


def test_a_missing_file_is_named_at_once(model, tmp_path):
    with pytest.raises(AudioError, match=r"none\.wav"):
        iter_events(model, tmp_path / "none.wav")


@pytest.mark.parametrize("segmenter", ["boxes", "peaks"])
def test_events_with_scores_of_their_own(segmenter, tmp_path):
    decoder = EventDecoder(segmenter=segmenter, threshold=0.0)
    model = make_model(threshold=0.0, decoder=decoder)
    path = write(tmp_path / "a.wav", [(0.4, 1.0, "high")], 1.9)
    expected = model.predict([path])[0]
    assert_frame_equal(detect_events(model, path, window=2.0), expected)
    # Frames are the same in any window; clip scores are those of the windows.
    path = write(tmp_path / "b.wav", random_events(11), 11)
    expected = model.predict([path])[0]
    found = detect_events(model, path, window=2.0)
    times = ["onset", "offset", "event_label"]
    assert_frame_equal(found[times], expected[times])
    whole, windows = (table["score"].to_numpy() for table in (expected, found))
    assert 0 < np.abs(whole - windows).max() < 1
    assert (windows[whole > 0.6] > 0.3).all()


# -- frame scores --


@pytest.mark.parametrize("overlap", [None, 0.0, 1.9])
def test_events_are_decoded_from_the_frame_scores(eager, overlap, tmp_path):
    path = write(tmp_path / "a.wav", random_events(11.37), 11.37)
    options = {"window": 2.0, "overlap": overlap}
    blocks = list(iter_frame_scores(eager, path, **options))
    assert len(blocks) > 1
    scores = np.concatenate(blocks)
    resolution = blocks[0].time_resolution
    assert resolution == 0.025
    (expected,) = eager[-1].decoder_.decode(
        scores[np.newaxis],
        resolution,
        eager.classes_,
        durations=[11.37],
        time_offset=blocks[0].time_offset,
    )
    assert_frame_equal(detect_events(eager, path, **options), expected)
    # Each block knows when it is, to the end of the recording.
    lengths = np.cumsum([0, *map(len, blocks)])
    offsets = [block.time_offset for block in blocks]
    assert offsets == pytest.approx((lengths[:-1] - 0.5) * resolution)
    assert [float(block.durations) for block in blocks] == pytest.approx(
        [*offsets[1:], 11.37]
    )


@pytest.mark.parametrize("seconds", [0.01, 1.3, 2.0])
def test_the_frame_scores_of_a_short_recording_are_those_of_predict(
    model, seconds, tmp_path
):
    path = write(tmp_path / "a.wav", [(0.4, 1.0, "high")], seconds)
    (block,) = iter_frame_scores(model, path, window=2.0)
    expected = model[-1].predict_frame_proba(model[0].transform([path]))[0]
    np.testing.assert_array_equal(block, expected)
    assert block.time_offset == expected.time_offset
    assert float(block.durations) == pytest.approx(seconds)


def test_frames_are_scored_whatever_is_tagged(model, eager, tmp_path):
    path = write(tmp_path / "a.wav", [(12.3, 12.8, "low")], 30)
    (event,) = iter_events(model, path, window=2.0)
    scores = np.concatenate(list(iter_frame_scores(model, path, window=2.0)))
    assert (scores > 0).all()
    seen = []
    events = RecordingStream(model, path, 2.0, None).events(seen.append)
    assert list(events) == [event]
    np.testing.assert_array_equal(np.concatenate(seen), scores)
    assert len(detect_events(eager, path, window=2.0)) == 1


def test_frame_scores_need_no_decoder(model, tmp_path):
    path = write(tmp_path / "a.wav", random_events(9), 9)
    other = clone(model).fit(CLIPS, Y)
    other[-1].detector_.decoder = OnlyDecodes()
    found, expected = (
        np.concatenate(list(iter_frame_scores(m, path, window=2.0)))
        for m in (other, model)
    )
    np.testing.assert_array_equal(found, expected)


def test_frame_scores_come_before_the_file_is_read(model, tmp_path):
    path = write(tmp_path / "a.flac", [(1, 2, "low")], 400, subtype="PCM_16")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 3 // 4])
    blocks = iter_frame_scores(model, path, window=2.0)
    assert 0 < len(next(blocks)) * 0.025 < 70
    with pytest.raises(AudioError, match="truncated"):
        list(blocks)


# -- known tags, candidates --


@pytest.mark.parametrize("seconds", [1.9, 11.37])
def test_known_tags_are_looked_for_and_nothing_else(model, eager, seconds, tmp_path):
    path = write(tmp_path / "a.wav", random_events(seconds), seconds)
    every = detect_events(eager, path, window=2.0)
    assert set(every["event_label"]) == {"high", "low"}

    def find(tags):
        return detect_events(model, path, window=2.0, tags=tags)

    for tags in (["low", "high"], {"high", "low"}, np.array([1, 1])):
        assert_frame_equal(find(tags), every)
    low = every[every["event_label"] == "low"].reset_index(drop=True)
    for tags in (["low"], np.array([0, 1])):
        assert_frame_equal(find(tags), low)
    assert find([]).empty
    own = detect_events(model, path, window=2.0)
    for tags in (None, -1, np.array([-1, -1])):
        assert_frame_equal(find(tags), own)
    with pytest.raises(LabelError, match="'dog'"):
        iter_events(model, path, tags=["dog"])


def test_the_tagger_is_not_asked_what_is_known(model, tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise AssertionError

    path = write(tmp_path / "a.wav", random_events(9), 9)
    monkeypatch.setattr(model[-1].tagger_, "_score", fail)
    assert len(detect_events(model, path, window=2.0, tags=["low"]))
    assert list(iter_frame_scores(model, path, window=2.0))


@pytest.mark.parametrize("tags", [None, ["high"]])
@pytest.mark.parametrize("seconds", [1.9, 11])
@pytest.mark.parametrize("segmenter", ["boxes", "peaks"])
def test_a_threshold_chooses_among_candidates(segmenter, seconds, tags, tmp_path):
    model = make_model(threshold=0.0, decoder=EventDecoder(segmenter=segmenter))
    path = write(tmp_path / "a.wav", random_events(seconds), seconds)
    options = {"window": 2.0, "tags": tags}
    every = detect_events(model, path, candidates=True, **options)
    for threshold in (0.1, 0.5):
        model[-1].detector_.decoder.set_params(threshold=threshold)
        found = detect_events(model, path, **options)
        chosen = every[every["score"] > threshold].reset_index(drop=True)
        assert 0 < len(found) < len(every)
        assert_frame_equal(found, chosen)
    model[-1].tagger_.threshold = 1.0  # finds nothing by itself
    assert_frame_equal(detect_events(model, path, candidates=True, **options), every)


def test_thresholds_on_frames_have_no_candidates(model, tmp_path):
    path = write(tmp_path / "a.wav", [], 1)
    with pytest.raises(ValueError, match="candidates=True needs events whose own"):
        iter_events(model, path, candidates=True)
