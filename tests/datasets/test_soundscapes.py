"""Soundscapes: their form, their truth, and what makes them the same again."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sklearn_sed.datasets import make_soundscapes
from sklearn_sed.datasets._mixing import _noise
from sklearn_sed.datasets._sources import SYNTHETIC_SOURCES, draw_synthetic
from sklearn_sed.events import to_tags
from sklearn_sed.exceptions import AudioError, LabelError

SAMPLE_RATE = 8000
SMALL = {"sample_rate": SAMPLE_RATE, "duration": 4.0, "random_state": 0}


def rms(waveform):
    return np.sqrt(np.mean(np.square(waveform, dtype=float)))


def samples(seconds):
    return round(seconds * SAMPLE_RATE)


def mask_of(table, n_samples):
    inside = np.zeros(n_samples, dtype=bool)
    for onset, offset in zip(table["onset"], table["offset"]):
        inside[samples(onset) : samples(offset)] = True
    return inside


def tone(duration, frequency=440.0, rate=SAMPLE_RATE):
    time = np.arange(round(duration * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * frequency * time)).astype(np.float32)


def silence(duration, rate=SAMPLE_RATE):
    return np.zeros(round(duration * rate), dtype=np.float32)


def save(path, *parts, rate=SAMPLE_RATE, channels=1):
    soundfile = pytest.importorskip("soundfile")
    path.parent.mkdir(parents=True, exist_ok=True)
    waveform = np.concatenate(parts)
    soundfile.write(path, np.repeat(waveform[:, None], channels, axis=1), rate)
    return path


# --- form -----------------------------------------------------------------------------


def test_form_of_the_bunch():
    data = make_soundscapes(12, **SMALL)
    assert data.X.shape == (12, 4 * SAMPLE_RATE)
    assert data.X.dtype == np.float32
    assert data.classes.tolist() == sorted(SYNTHETIC_SOURCES)
    assert data.y.shape == (12,)
    assert data.y.dtype == object
    assert data.y_weak.shape == (12, 10)
    assert len(set(data.filenames)) == 12
    np.testing.assert_array_equal(data.y_weak, to_tags(data.y, data.classes))
    for table in data.y:
        assert table.columns.tolist() == ["onset", "offset", "event_label"]
        assert 1 <= len(table) <= 3
        assert (table["onset"] >= 0).all()
        assert (table["offset"] <= 4).all()
        assert (table["onset"] < table["offset"]).all()
        assert table["onset"].is_monotonic_increasing


def test_peaks_lie_between_the_documented_levels():
    data = make_soundscapes(20, **SMALL, snr_db=(-10, 60))
    peaks = 20 * np.log10(np.abs(data.X).max(axis=1))
    assert peaks.min() >= -12.01
    assert peaks.max() <= -0.99
    assert np.ptp(peaks) > 3


@pytest.mark.parametrize(("counts", "expected"), [(4, {4}), ((0, 2), {0, 1, 2})])
def test_number_of_events(counts, expected):
    data = make_soundscapes(25, **SMALL, events_per_clip=counts)
    assert {len(table) for table in data.y} == expected


def test_a_clip_without_events_is_background():
    data = make_soundscapes(2, **SMALL, events_per_clip=0)
    assert not data.y_weak.any()
    assert data.y[0].columns.tolist() == ["onset", "offset", "event_label"]
    assert (np.abs(data.X).max(axis=1) > 0.2).all()


def test_classes_take_turns():
    data = make_soundscapes(20, **SMALL, events_per_clip=1)
    np.testing.assert_array_equal(data.y_weak.sum(axis=0), np.full(10, 2))


def test_chosen_classes():
    data = make_soundscapes(6, **SMALL, classes=["Speech", "Cat"])
    assert data.classes.tolist() == ["Cat", "Speech"]
    assert set(pd.concat(list(data.y))["event_label"]) == {"Cat", "Speech"}


# --- same again -----------------------------------------------------------------------


def test_same_random_state_same_bytes():
    first, again = make_soundscapes(4, **SMALL), make_soundscapes(4, **SMALL)
    assert first.X.tobytes() == again.X.tobytes()
    assert all(a.equals(b) for a, b in zip(first.y, again.y))
    other = make_soundscapes(4, **SMALL | {"random_state": 1})
    assert first.X.tobytes() != other.X.tobytes()


def test_a_clip_does_not_depend_on_how_many_are_made():
    few, many = make_soundscapes(2, **SMALL), make_soundscapes(5, **SMALL)
    np.testing.assert_array_equal(few.X, many.X[:2])
    assert all(a.equals(b) for a, b in zip(few.y, many.y))


def test_no_two_clips_are_alike():
    data = make_soundscapes(3, **SMALL, classes=["Dog"], events_per_clip=1)
    assert len({row.tobytes() for row in data.X}) == 3
    assert len({table["onset"][0] for table in data.y}) == 3


def test_random_state_instance_and_none():
    first = make_soundscapes(1, **SMALL | {"random_state": np.random.RandomState(3)})
    again = make_soundscapes(1, **SMALL | {"random_state": np.random.RandomState(3)})
    np.testing.assert_array_equal(first.X, again.X)
    fresh = make_soundscapes(1, **SMALL | {"random_state": None})
    assert not np.array_equal(first.X, fresh.X)


def test_the_global_random_state_is_left_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    make_soundscapes(1, **SMALL)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_files_hold_the_same_clips(tmp_path):
    soundfile = pytest.importorskip("soundfile")
    folder = tmp_path / "new" / "folder"
    written = make_soundscapes(3, **SMALL, out_dir=folder)
    kept = make_soundscapes(3, **SMALL)
    assert [str(folder / name) for name in written.filenames] == written.X
    assert sorted(path.name for path in folder.iterdir()) == written.filenames
    for path, waveform in zip(written.X, kept.X):
        info = soundfile.info(path)
        assert (info.samplerate, info.channels) == (SAMPLE_RATE, 1)
        assert (info.format, info.subtype) == ("WAV", "PCM_16")
        read, _ = soundfile.read(path, dtype="float32")
        assert np.abs(read - waveform).max() <= 1 / 2**15
    assert all(a.equals(b) for a, b in zip(written.y, kept.y))
    np.testing.assert_array_equal(written.y_weak, kept.y_weak)
    assert written.filenames == kept.filenames


# --- truth ----------------------------------------------------------------------------


@pytest.mark.parametrize("label", sorted(SYNTHETIC_SOURCES))
def test_a_synthetic_event_is_heard_where_it_is_labelled(label):
    data = make_soundscapes(6, **SMALL, classes=[label], events_per_clip=1, snr_db=200)
    for waveform, table in zip(data.X, data.y):
        inside = mask_of(table, len(waveform))
        assert rms(waveform[~inside]) < 1e-6 * rms(waveform[inside])
        heard = waveform[inside]
        edge = samples(0.04)
        assert len(heard) > 4 * edge
        for end in (heard[:edge], heard[-edge:]):
            assert 20 * np.log10(rms(end) / rms(heard)) > -28
        # No long pause within: the label means what it says. (Clinks of dishes may be
        # so short that they count as clicks, which may lie further apart.)
        frame = samples(0.01)
        level = np.square(heard[: len(heard) // frame * frame]).reshape(-1, frame)
        quiet = 10 * np.log10(level.mean(axis=1) / rms(heard) ** 2 + 1e-12) < -36
        pauses = "".join("x" if q else " " for q in quiet).split()
        assert max(map(len, pauses), default=0) <= (30 if label == "Dishes" else 21)


@pytest.mark.parametrize("snr_db", [-5, 6, 20])
def test_snr_is_event_rms_over_background_rms(snr_db):
    choice = {"classes": ["Cat", "Frying"], "events_per_clip": 1}
    mixed = make_soundscapes(4, **SMALL, **choice, snr_db=snr_db)
    background = make_soundscapes(4, **SMALL, **choice, snr_db=-200)
    events = make_soundscapes(4, **SMALL, **choice, snr_db=200)
    for clip, table in enumerate(mixed.y):
        inside = mask_of(table, mixed.X.shape[1])
        noise = background.X[clip].astype(float) / rms(background.X[clip])
        event = events.X[clip].astype(float) / rms(events.X[clip][inside])
        parts = np.stack([noise, event], axis=1)
        (of_noise, of_event), rest, *_ = np.linalg.lstsq(parts, mixed.X[clip])
        assert rest[0] < 1e-6
        assert 20 * np.log10(of_event / of_noise) == pytest.approx(snr_db, abs=0.02)


def test_snr_is_drawn_from_its_range():
    choice = {"classes": ["Frying"], "events_per_clip": 1}
    loud = make_soundscapes(8, **SMALL, **choice, snr_db=(6, 30))
    ratios = []
    for waveform, table in zip(loud.X, loud.y):
        inside = mask_of(table, len(waveform))
        if not inside.all():
            ratios.append(20 * np.log10(rms(waveform[inside]) / rms(waveform[~inside])))
    assert len(ratios) > 4
    assert 4 < min(ratios) < max(ratios) < 33
    assert np.ptp(ratios) > 5


@pytest.mark.parametrize("label", ["Dog", "Frying"])
def test_events_of_one_class_stay_apart(label):
    data = make_soundscapes(5, **SMALL, classes=[label], events_per_clip=5)
    for table in data.y:
        assert len(table) == 5
        pauses = table["onset"].to_numpy()[1:] - table["offset"].to_numpy()[:-1]
        assert pauses.min() >= 0.2 - 1e-9


def test_events_start_anywhere():
    data = make_soundscapes(40, **SMALL, classes=["Dishes"], events_per_clip=1)
    onsets = np.array([table["onset"][0] for table in data.y])
    assert onsets.min() < 0.8
    assert onsets.max() > 2.4


@pytest.mark.parametrize("slope_seed", range(3))
def test_background_is_coloured(slope_seed):
    noise = _noise(np.random.default_rng(slope_seed), 40000, SAMPLE_RATE)
    assert rms(noise) == pytest.approx(1, rel=1e-3)
    power = np.abs(np.fft.rfft(noise)) ** 2
    frequency = np.fft.rfftfreq(len(noise), 1 / SAMPLE_RATE)
    low = power[(frequency > 60) & (frequency < 300)].mean()
    high = power[(frequency > 2000) & (frequency < 3500)].mean()
    assert low > 4 * high


@pytest.mark.parametrize("sample_rate", [8000, 44100])
@pytest.mark.parametrize("label", sorted(SYNTHETIC_SOURCES))
def test_sources_at_any_rate_and_length(label, sample_rate):
    rng = np.random.default_rng(0)
    for longest in (0.1, 0.5, 6.0):
        waveform = draw_synthetic(label, rng, sample_rate, longest)
        assert np.isfinite(waveform).all()
        assert rms(waveform) > 1e-3
        assert len(waveform) > 0.05 * sample_rate


def test_short_and_long_classes_last_as_in_dcase():
    data = make_soundscapes(
        60, sample_rate=8000, events_per_clip=1, random_state=0, snr_db=200
    )
    table = pd.concat(list(data.y))
    median = (table["offset"] - table["onset"]).groupby(table["event_label"]).median()
    short = ["Alarm_bell_ringing", "Cat", "Dishes", "Dog", "Speech"]
    assert (median[short] < 2.2).all()
    assert (median.drop(short) > 2.2).all()


def test_synthetic_classes_can_be_told_apart():
    librosa = pytest.importorskip("librosa")
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    data = make_soundscapes(
        240, events_per_clip=1, duration=3, sample_rate=16000, snr_db=15, random_state=0
    )
    features = []
    for waveform in data.X:
        mel = librosa.feature.melspectrogram(y=waveform, sr=16000, n_mels=32)
        level = librosa.power_to_db(mel)
        change = np.abs(np.diff(level, axis=1)).mean(axis=1)
        features.append(np.concatenate([level.max(axis=1), level.std(axis=1), change]))
    labels = data.y_weak.argmax(axis=1)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
    score = model.fit(features[:160], labels[:160]).score(features[160:], labels[160:])
    # Chance is 0.1. Time-averaged levels tell most of them apart, not all.
    assert 0.7 < score < 1


# --- co-occurrence --------------------------------------------------------------------


@pytest.mark.parametrize(
    "co_occurrence",
    [
        [("Dishes", "Frying")],
        ("Dishes", "Frying"),
        {("Dishes", "Frying"): 1},
        {"Dishes": "Frying"},
        {"Dishes": ["Frying"]},
    ],
    ids=str,
)
def test_classes_that_appear_together(co_occurrence):
    data = make_soundscapes(30, **SMALL, co_occurrence=co_occurrence)
    tags = pd.DataFrame(data.y_weak, columns=data.classes)
    assert tags["Dishes"].sum() > 3
    np.testing.assert_array_equal(tags["Dishes"], tags["Frying"])
    assert {len(table) for table in data.y} == {1, 2, 3}
    times = [
        table.set_index("event_label")["onset"][["Dishes", "Frying"]]
        for table, both in zip(data.y, tags["Dishes"])
        if both and table["event_label"].is_unique
    ]
    assert all(onsets["Dishes"] != onsets["Frying"] for onsets in times)


def test_no_groups_change_nothing():
    free = make_soundscapes(2, **SMALL)
    for none in ([], {}):
        data = make_soundscapes(2, **SMALL, co_occurrence=none)
        np.testing.assert_array_equal(data.X, free.X)


def test_groups_share_members():
    groups = [("Cat", "Dog"), ("Dog", "Speech")]
    data = make_soundscapes(20, **SMALL, co_occurrence=groups)
    tags = pd.DataFrame(data.y_weak, columns=data.classes)[["Cat", "Dog", "Speech"]]
    assert set(tags.sum(axis=1)) == {0, 3}


def test_probability_of_appearing_together():
    data = make_soundscapes(
        100,
        **SMALL | {"duration": 1.0},
        classes=["Cat", "Dog", "Dishes", "Speech"],
        events_per_clip=(1, 2),
        co_occurrence={("Cat", "Dog"): 0.5},
    )
    tags = pd.DataFrame(data.y_weak, columns=data.classes)
    cats = tags["Dog"][tags["Cat"] == 1]
    assert 0.4 < cats.mean() < 0.8


# --- recordings -----------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    """Make recordings: bursts of 0.5 s and 0.8 s in silence, and a long noise."""
    rng = np.random.default_rng(0)
    hiss = 0.1 * rng.standard_normal(6 * SAMPLE_RATE).astype(np.float32)
    burst, longer = tone(0.5), tone(0.8)
    gap = silence(0.7)
    save(tmp_path / "Beep" / "one.wav", gap, burst, gap, burst, silence(1.3))
    save(tmp_path / "Beep" / "two.flac", gap, burst, gap, channels=2)
    save(tmp_path / "Buzz" / "one.ogg", gap, longer, gap)
    save(tmp_path / "Hiss" / "one.mp3", hiss)
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "Beep" / "notes.txt").write_text("no sound")
    return tmp_path


def test_a_folder_of_recordings(folder):
    data = make_soundscapes(12, sources=folder, **SMALL, snr_db=200, events_per_clip=1)
    assert data.classes.tolist() == ["Beep", "Buzz", "Hiss"]
    for waveform, table in zip(data.X, data.y):
        (label,) = table["event_label"]
        duration = table["offset"][0] - table["onset"][0]
        if label == "Hiss":
            assert 1 <= duration <= 4
        else:
            expected = {"Beep": 0.5, "Buzz": 0.8}[label]
            assert duration == pytest.approx(expected, abs=0.041)
        inside = mask_of(table, len(waveform))
        assert rms(waveform[~inside]) < 1e-6 * rms(waveform[inside])


def test_long_recordings_are_cropped_to_random_lengths(folder):
    data = make_soundscapes(
        9, sources=folder, **SMALL, classes=["Hiss"], events_per_clip=1
    )
    durations = [table["offset"][0] - table["onset"][0] for table in data.y]
    assert len(set(durations)) == 9
    assert 1 <= min(durations) < 2 < max(durations) <= 4


def test_recordings_are_resampled(tmp_path):
    save(tmp_path / "Beep" / "one.wav", tone(1, 1000, 44100), rate=44100)
    data = make_soundscapes(1, sources=tmp_path, **SMALL, snr_db=200, events_per_clip=1)
    spectrum = np.abs(np.fft.rfft(data.X[0]))
    peak = np.fft.rfftfreq(data.X.shape[1], 1 / SAMPLE_RATE)[spectrum.argmax()]
    assert peak == pytest.approx(1000, abs=2)


def test_a_mapping_keeps_recordings_apart(folder):
    chosen = {
        "Beep": [str(folder / "Beep" / "two.flac")],
        "Hiss": [folder / "Hiss/one.mp3"],
    }
    data = make_soundscapes(4, sources=chosen, **SMALL)
    assert data.classes.tolist() == ["Beep", "Hiss"]
    assert data.y_weak.any(axis=0).all()


def test_real_recordings(shared_data):
    sources = shared_data / "esc10"
    data = make_soundscapes(
        20, sources=sources, events_per_clip=1, snr_db=200, random_state=0
    )
    assert len(data.classes) == 10
    for waveform, table in zip(data.X, data.y):
        onset, offset = (round(22050 * table[key][0]) for key in ("onset", "offset"))
        heard = waveform[onset:offset]
        outside = np.concatenate([waveform[:onset], waveform[offset:]])
        assert rms(outside) < 1e-6 * rms(heard)
        for end in (heard[:882], heard[-882:]):
            assert 20 * np.log10(rms(end) / rms(heard)) > -30


# --- bad input ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_clips": 0}, "n_clips"),
        ({"duration": 0}, "duration"),
        ({"duration": np.inf}, "duration"),
        ({"sample_rate": 4000}, "sample_rate"),
        ({"classes": "Dog"}, "classes"),
        ({"classes": []}, "classes is empty"),
        ({"events_per_clip": (3, 1)}, "events_per_clip=(3, 1) must be a whole number"),
        ({"events_per_clip": 1.5}, "whole number"),
        ({"events_per_clip": -1}, "-1 is negative"),
        ({"events_per_clip": 50}, "at most 33"),
        ({"snr_db": np.nan}, "snr_db=nan must be a number"),
        ({"snr_db": (1, 2, 3)}, "snr_db"),
        ({"snr_db": "loud"}, "snr_db"),
        ({"co_occurrence": [("Dog",)]}, "at least two classes"),
        ({"co_occurrence": [5]}, "at least two classes"),
        ({"co_occurrence": {("Dog", "Cat"): 2}}, "2.0 is no probability"),
        ({"co_occurrence": [("Dog", "Cat", "Speech", "Dishes")]}, "4 classes"),
        ({"sources": "nowhere"}, "'nowhere': there is no such folder"),
        ({"sources": {}}, "there is no class"),
        ({"sources": {"Dog": []}}, "sources['Dog'] is empty"),
        ({"sources": {"Dog": "dog.wav"}}, "one path, 'dog.wav'"),
        ({"random_state": "today"}, "random_state"),
        ({"family": "thick"}, "family"),
        ({"family": "dense", "events_per_clip": 2}, "is for the family 'sparse'"),
        ({"background": []}, "sources['background'] is empty"),
        ({"background": "nowhere"}, "'nowhere': there is no recording"),
        ({"reverberation": 0}, "reverberation=0 must be positive"),
        ({"reverberation": (1, 0.5)}, "reverberation"),
    ],
    ids=str,
)
def test_impossible_values(parameters, message):
    with pytest.raises(ValueError) as caught:
        make_soundscapes(**{"n_clips": 1} | parameters)
    assert message in str(caught.value)


def test_unknown_classes(folder):
    with pytest.raises(LabelError, match=r"'Dgo' is not among .*Dishes, Dog, Elec"):
        make_soundscapes(1, classes=["Dgo"])
    with pytest.raises(LabelError, match=r"'Bop' is not among .*Beep, Buzz, Hiss"):
        make_soundscapes(1, sources=folder, classes=["Bop"])
    with pytest.raises(LabelError, match="co_occurrence: 'Cow' is not among"):
        make_soundscapes(1, co_occurrence=[("Cat", "Cow")])


def test_empty_folders(folder):
    (folder / "Void").mkdir()
    with pytest.raises(ValueError, match=r"Void: there is no recording in this folder"):
        make_soundscapes(1, sources=folder)
    make_soundscapes(1, sources=folder, classes=["Beep"], **SMALL)
    (folder / "Void" / "Nothing").mkdir()
    with pytest.raises(ValueError, match="there is no class"):
        make_soundscapes(1, sources=folder / "Void" / "Nothing")


def test_silent_and_missing_recordings(tmp_path):
    path = save(tmp_path / "Hush" / "one.wav", silence(1))
    with pytest.raises(AudioError, match=r"one\.wav: the recording is silent"):
        make_soundscapes(1, sources=tmp_path, **SMALL)
    absent = Path(tmp_path / "Hush" / "two.wav")
    with pytest.raises(AudioError, match=r"two\.wav: there is no such file"):
        make_soundscapes(1, sources={"Hush": [path, absent]})


# --- dense clips, rooms, other backgrounds --------------------------------------------


def same_class(table):
    """Return the gaps between the events of each class."""
    for _, own in table.groupby("event_label"):
        ordered = own.sort_values("onset")
        yield from ordered["onset"].to_numpy()[1:] - ordered["offset"].to_numpy()[:-1]


def test_bursts_of_a_dense_clip_are_events_of_their_own(tmp_path):
    # Three beeps with pauses that part them, and one that does not.
    parts = [tone(0.2), silence(0.4), tone(0.2), silence(0.1), tone(0.3)]
    save(tmp_path / "Beep" / "a.wav", silence(0.5), *parts, silence(0.5))
    data = make_soundscapes(30, sources=tmp_path, family="dense", **SMALL)
    lengths = {
        round(length, 2)
        for table in data.y
        for length in table["offset"] - table["onset"]
    }
    assert lengths == {0.2, 0.6}
    gaps = [gap for table in data.y for gap in same_class(table)]
    assert min(gaps) == pytest.approx(0.3, abs=0.1)
    assert any(abs(gap - 0.4) < 0.02 for gap in gaps)  # within a take
    assert max(map(len, data.y)) > 2  # with repeats
    for waveform, table in zip(data.X, data.y):
        inside = mask_of(table, len(waveform))
        assert rms(waveform[inside]) > 2 * rms(waveform[~inside])


def test_textures_of_a_dense_clip_go_on(tmp_path):
    rng = np.random.default_rng(0)
    hiss = 0.1 * rng.standard_normal(3 * SAMPLE_RATE).astype(np.float32)
    save(tmp_path / "Hiss" / "a.wav", hiss)
    data = make_soundscapes(
        40, sources=tmp_path, family="dense", **SMALL | {"duration": 12.0}
    )
    assert list(map(len, data.y)) == [1] * 40
    lengths = np.array([(t["offset"] - t["onset"])[0] for t in data.y])
    assert 2.5 <= lengths.min() < 3.5
    assert 9 < lengths.max() <= 10
    # Where the recording goes round there is no hole.
    for waveform, table in zip(data.X, data.y):
        heard = waveform[mask_of(table, len(waveform))]
        blocks = heard[: len(heard) // 400 * 400].reshape(-1, 400)
        level = np.sqrt(np.mean(np.square(blocks[1:-1]), axis=1))
        assert level.min() > 0.6 * np.median(level)


def with_neighbours(data):
    """Return the share of events that have another of their class in the clip."""
    labels = [table["event_label"] for table in data.y]
    return np.mean(pd.concat(own.map(own.value_counts()) for own in labels) > 1)


def test_a_dense_clip_has_one_to_three_classes():
    data = make_soundscapes(300, family="dense", sample_rate=8000, random_state=0)
    n_classes = np.asarray(data.y_weak).sum(axis=1)
    shares = np.bincount(n_classes, minlength=4)[1:] / 300
    np.testing.assert_allclose(shares, [0.35, 0.45, 0.2], atol=0.08)


def test_dense_clips_of_real_recordings_are_dense(shared_data):
    options = {"sources": shared_data / "esc10", "sample_rate": 8000}
    sparse, dense = (
        make_soundscapes(100, family=family, random_state=0, **options)
        for family in ("sparse", "dense")
    )
    assert with_neighbours(sparse) < 0.15
    assert 0.2 < with_neighbours(dense) < 0.4
    gaps = np.array([gap for table in dense.y for gap in same_class(table)])
    assert gaps.min() > 0.29
    assert 0.2 < np.mean(gaps < 0.5) < 0.45


def test_a_background_of_recordings(tmp_path):
    save(tmp_path / "street" / "a.wav", tone(1.0, 300))
    save(tmp_path / "b.wav", tone(20.0, 300))
    for background in (tmp_path, [tmp_path / "b.wav"]):
        data = make_soundscapes(4, background=background, events_per_clip=0, **SMALL)
        for waveform in data.X:
            power = np.abs(np.fft.rfft(waveform)) ** 2
            assert power[1100:1300].sum() > 0.98 * power.sum()
    save(tmp_path / "b.wav", silence(20.0))
    with pytest.raises(AudioError, match=r"b\.wav.*the background is silent here"):
        make_soundscapes(1, background=[tmp_path / "b.wav"], **SMALL)


def test_rooms_ring_after_the_sound_and_leave_the_times(tmp_path):
    save(tmp_path / "Beep" / "a.wav", silence(0.5), tone(0.5), silence(0.5))
    options = {"sources": tmp_path, "events_per_clip": 1, "snr_db": 40, **SMALL}
    dry = make_soundscapes(6, **options)
    wet = make_soundscapes(6, reverberation=0.5, **options)
    short = make_soundscapes(6, reverberation=(0.05, 0.1), **options)
    after = {"dry": [], "wet": [], "short": []}
    for name, data in (("dry", dry), ("wet", wet), ("short", short)):
        for waveform, table in zip(data.X, data.y):
            assert (table["offset"] - table["onset"])[0] == pytest.approx(0.5, abs=0.02)
            last = samples(table["offset"][0])
            if last + 800 < len(waveform):
                event = waveform[samples(table["onset"][0]) : last]
                after[name].append(rms(waveform[last + 200 : last + 600]) / rms(event))
    assert np.mean(after["wet"]) > 5 * np.mean(after["dry"])
    assert np.mean(after["wet"]) > 2 * np.mean(after["short"])
