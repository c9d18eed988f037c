"""A picture of each recording."""

import subprocess
import sys
from datetime import datetime

import matplotlib as mpl
import numpy as np
import pytest
import soundfile

from sklearn_sed.events import make_events
from sklearn_sed.exceptions import AnnotationError, AudioError
from sklearn_sed.plotting import (
    EventsDisplay,
    TimelineDisplay,
    _recordings,
    plot_recordings,
)

RATE = 8000
NONE = make_events([], [], [])
DOG = make_events([0.5], [1.5], ["Dog"])


def write(path, seconds=2.0, pitch=1000.0, rate=RATE):
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(round(seconds * rate)) / rate
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * pitch * time), rate)
    return path


@pytest.fixture
def drawn(monkeypatch):
    """Collect the displays that are drawn."""
    displays = []
    for cls in (EventsDisplay, TimelineDisplay):

        def plot(self, *args, plot=cls.plot, **kwargs):
            displays.append(self)
            return plot(self, *args, **kwargs)

        monkeypatch.setattr(cls, "plot", plot)
    return displays


def test_pictures_lie_where_the_recordings_do(drawn, tmp_path):
    names = ["unitA/20240131_053000.wav", "unitB/20240131_053000.wav", "$x$.wav"]
    paths = [write(tmp_path / "audio" / name) for name in names]
    pictures = plot_recordings(
        names, [DOG, NONE, DOG], tmp_path / "out" / "deep", audio=paths
    )
    assert pictures["filename"].tolist() == names
    assert pictures["file"].tolist() == [f"{name}.png" for name in names]
    assert pictures.attrs["skipped"] == {}
    for file in pictures["file"]:
        pixels = mpl.image.imread(tmp_path / "out" / "deep" / file)
        assert pixels.shape[1] == 1000
        assert pixels.std() > 0.1
    assert [display.start for display in drawn] == [
        datetime(2024, 1, 31, 5, 30)
    ] * 2 + [None]
    titles = [display.ax_.get_title(loc="left") for display in drawn]
    assert titles == names
    assert [text.get_text() for text in drawn[1].ax_.texts] == ["no events"]
    assert len(drawn[0].bars_pred_) == 1
    assert drawn[0].ax_.get_legend() is None


@pytest.mark.parametrize("seconds", [0.01, 0.4, 119.0, 121.0, 700.0])
def test_the_spectrogram_is_that_of_the_sound(seconds, drawn, tmp_path, monkeypatch):
    monkeypatch.setattr(_recordings, "_COLUMNS", 100)
    path = write(tmp_path / "a.wav", seconds)
    plot_recordings([path], [NONE], tmp_path / "out")
    (display,) = drawn
    assert isinstance(display, TimelineDisplay) == (seconds > 120)
    bands = np.asarray(display.spectrogram)
    assert len(bands) <= 100
    # The last column may reach beyond the end.
    assert len(bands) * display.time_resolution >= seconds
    assert (len(bands) - 1) * display.time_resolution <= seconds + 0.1
    assert display.duration == seconds
    ticks = dict(zip([t.get_text() for t in display.ax_.get_yticklabels()], range(9)))
    position = display.ax_.get_yticks()[ticks["1 kHz"]]
    _, _, bottom, top = display.im_.get_extent()
    loudest = np.median(bands.argmax(axis=1)) + 0.5
    assert (position - bottom) / (top - bottom) * 64 == pytest.approx(loudest, abs=1)


def test_memory_does_not_grow_with_the_recording(drawn, tmp_path, monkeypatch):
    path = write(tmp_path / "a.wav", 300.0)
    lengths = []
    iter_blocks = _recordings.iter_blocks

    def watched(path):
        for block in iter_blocks(path, block_duration=1.0):
            lengths.append(len(block))
            yield block

    plot_recordings([path], [NONE], tmp_path / "one")
    monkeypatch.setattr(_recordings, "iter_blocks", watched)
    plot_recordings([path], [NONE], tmp_path / "two")
    assert max(lengths) == RATE
    np.testing.assert_allclose(drawn[0].spectrogram, drawn[1].spectrogram, atol=1e-3)


@pytest.mark.parametrize("rate", [200, 4000, 384_000])
def test_any_sample_rate(rate, tmp_path):
    path = write(tmp_path / "a.wav", 1.0, rate / 5, rate)
    assert len(plot_recordings([path], [DOG], tmp_path / "out")) == 1


def test_pictures_that_exist_stay(tmp_path):
    paths = [write(tmp_path / f"{name}.wav") for name in "ab"]
    out = tmp_path / "out"
    plot_recordings(paths[:1], [DOG], out)
    before = (out / "a.wav.png").read_bytes()
    with pytest.raises(FileExistsError, match=r"a\.wav\.png exists"):
        plot_recordings(paths, [NONE, NONE], out)
    assert not (out / "b.wav.png").exists()
    assert (out / "a.wav.png").read_bytes() == before
    plot_recordings(paths, [NONE, NONE], out, overwrite=True)
    assert (out / "a.wav.png").read_bytes() != before


def test_bad_recordings_raise_or_are_left_out(tmp_path):
    good, bad, cut = (tmp_path / f"{name}.wav" for name in ("good", "bad", "cut"))
    write(good)
    bad.write_text("no sound")
    write(cut).write_bytes(write(cut).read_bytes()[:-RATE])
    paths = [bad, good, cut]
    with pytest.raises(AudioError, match=r"bad\.wav"):
        plot_recordings(paths, [DOG] * 3, tmp_path / "one")
    pictures = plot_recordings(paths, [DOG] * 3, tmp_path / "two", on_error="skip")
    assert pictures["filename"].tolist() == [str(good)]
    assert [*pictures.attrs["skipped"]] == [str(bad), str(cut)]
    assert [file.name for file in (tmp_path / "two").iterdir()] == ["good.wav.png"]


def test_what_makes_no_sense_is_refused(tmp_path):
    path = write(tmp_path / "a.wav")
    for error, message, given, options in (
        (AnnotationError, "2 filenames for 1", [path, "b"], {}),
        (ValueError, "audio holds 0 items for 1", [path], {"audio": []}),
        (ValueError, "starts holds 2 items", [path], {"starts": [None] * 2}),
        (ValueError, "on_error='no'", [path], {"on_error": "no"}),
        (AnnotationError, "several times", ["20240131_053000_20240131_053001"], {}),
    ):
        with pytest.raises(error, match=message):
            plot_recordings(given, [DOG], tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_a_start_that_is_given_is_not_looked_for(drawn, tmp_path):
    name = "20240131_053000_20240131_060000.wav"
    path = write(tmp_path / name)
    plot_recordings([name], [DOG], tmp_path / "out", audio=[path], starts=[None])
    assert drawn[0].start is None


def test_in_processes(tmp_path):
    paths = [write(tmp_path / f"{name}.wav") for name in "ab"]
    plot_recordings(paths, [DOG, DOG], tmp_path / "out", n_jobs=2)
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_no_window_is_opened_and_pyplot_stays_away(tmp_path):
    write(tmp_path / "a.wav")
    script = """
import sys
from sklearn_sed.events import make_events
from sklearn_sed.plotting import plot_recordings
plot_recordings(["a.wav"], [make_events([0], [1], ["x"])], "out", verbose=1)
assert "matplotlib.pyplot" not in sys.modules
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "plot: 100%" in done.stderr
    assert (tmp_path / "out" / "a.wav.png").exists()
