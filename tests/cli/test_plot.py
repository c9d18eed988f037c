"""``sklearn-sed plot``: from a list of events to pictures."""

import subprocess
import sys

import numpy as np
import pytest
import soundfile

from sklearn_sed._cli import main
from sklearn_sed.events import make_events, write_events

RATE = 8000
NAMES = ["unitA/20240131_053000.wav", "unitB/20240131_053000.wav", "dog.wav"]
DOG, NONE = make_events([1], [2], ["Dog"], [0.9]), make_events([], [], [])


@pytest.fixture
def found(tmp_path):
    """Write a list of events and three recordings, of which one has no time."""
    for name in NAMES:
        path = tmp_path / "audio" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.full(3 * RATE, 0.1), RATE)
    listed = [f"D:\\{name}".replace("/", "\\") for name in NAMES]
    write_events(tmp_path / "found.tsv", listed, [DOG, NONE, DOG])
    return tmp_path / "found.tsv"


def plot(found, *options):
    audio, out = found.parent / "audio", found.parent / "pictures"
    given = ["plot", found, audio, "-o", out, "--quiet", *options]
    return main([str(argument) for argument in given])


def pictures(found):
    out = found.parent / "pictures"
    files = (path for path in out.rglob("*") if path.is_file())
    return sorted(path.relative_to(out).as_posix() for path in files)


HOURS = "events_per_hour.png"
RECORDINGS = sorted(f"{name}.png" for name in NAMES)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], sorted([HOURS, *RECORDINGS])),
        (["--only", "recordings"], RECORDINGS),
        (["--only", "hours"], [HOURS]),
    ],
)
def test_what_is_drawn(options, expected, found, capsys):
    assert plot(found, *options) == 0
    assert pictures(found) == expected
    said, out = capsys.readouterr(), found.parent / "pictures"
    printed = []
    if expected != [HOURS]:
        printed.append(f"{out}: 3 pictures of recordings")
    if HOURS in expected:
        printed.append(f"{out / HOURS}: 1 classes, 1 days")
        assert "1 of 3 recordings have no date and time in their names" in said.err
        assert said.err.endswith("dog.wav\n")
    assert said.out.splitlines() == printed


def test_as_a_process(found):
    command = ["plot", "found.tsv", "audio", "-o", "pictures"]
    done = subprocess.run(
        [sys.executable, "-m", "sklearn_sed", *command],
        cwd=found.parent,
        capture_output=True,
        text=True,
        env={"PATH": "", "MPLBACKEND": "TkAgg", "PYTHONPATH": ":".join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    assert pictures(found) == sorted([HOURS, *RECORDINGS])
    assert "plot: 100%" in done.stderr


def test_nothing_is_written_over(found, capsys):
    assert plot(found, "--only", "hours") == 0
    assert plot(found) == 2
    assert f"{HOURS} exists; write to another file" in capsys.readouterr().err
    assert pictures(found) == [HOURS]
    assert plot(found, "--only", "recordings") == 0
    assert plot(found, "--only", "recordings") == 2
    assert plot(found, "--overwrite") == 0


def test_no_hour_is_known(found, capsys):
    write_events(found, NAMES[1:], [NONE, DOG])
    assert plot(found) == 0
    assert pictures(found) == sorted([f"{name}.png" for name in NAMES[1:]])
    assert "is not drawn: there are no events whose hour is known" in (
        capsys.readouterr().err
    )


def test_a_name_with_two_times_is_told_of(found, capsys):
    name = "20240131_053000_20240131_060000.wav"
    audio = found.parent / "audio"
    (audio / "dog.wav").rename(audio / name)
    write_events(found, [NAMES[0], name], [DOG, DOG])
    assert plot(found) == 0
    said = capsys.readouterr().err
    assert f"note: {name}: it has several times" in said
    assert "it counts as without a time" in said
    assert f"{name}.png" in pictures(found)


def test_bad_recordings_are_listed_once(found, capsys):
    (found.parent / "audio" / NAMES[1]).write_text("no sound")
    for options in ([], ["--only", "hours", "--overwrite"]):
        assert plot(found, *options) == 1
        assert capsys.readouterr().err.count("bad file:") == 1
    assert pictures(found) == sorted({HOURS, *RECORDINGS} - {f"{NAMES[1]}.png"})


def test_missing_recordings_stop_or_are_left_out(found, capsys):
    write_events(found, ["lost.wav", "dog.wav"], [DOG, DOG])
    assert plot(found) == 2
    assert "--missing skip leaves them out" in capsys.readouterr().err
    assert plot(found, "--missing", "skip", "--only", "recordings") == 0
    assert pictures(found) == ["dog.wav.png"]
