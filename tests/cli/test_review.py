"""``sklearn-sed review``: from a list of events to a page."""

import pytest

from sklearn_sed._cli import main
from sklearn_sed.events import make_events, write_events
from tests.review._page import read_data, write_recordings, write_sound


@pytest.fixture
def found(tmp_path):
    """Write a list of events, and recordings of units with equal names."""
    _, tables = write_recordings(tmp_path / "audio")
    names = [f"D:\\unit{unit}\\20240501_053000.WAV" for unit in range(3)]
    write_events(tmp_path / "found.tsv", names, tables)
    return tmp_path / "found.tsv"


def review(found, *options):
    audio, out = found.parent / "audio", found.parent / "review"
    given = ["review", found, audio, "-o", out, "--quiet", *options]
    return main([str(argument) for argument in given])


def test_events_become_a_page(found, capsys):
    assert review(found) == 0
    out = found.parent / "review"
    printed = capsys.readouterr().out.splitlines()
    assert [line.split() for line in printed[1:3]] == [["Cat", "3"], ["Dog", "9"]]
    assert printed[3] == f"{out / 'review.html'}: 12 events in 12 excerpts"
    head, events, _ = read_data(out)
    assert head["recordings"][1][0] == "D:\\unit1\\20240501_053000.WAV"
    assert len(events) == 12
    assert review(found) == 2
    assert (
        "exists; write to another file, or pass --overwrite" in capsys.readouterr().err
    )
    assert review(found, "--overwrite") == 0


def test_options(found):
    options = ["--per-class", 1, "--threshold", 0.3, "--threshold", "Dog=0.6"]
    options += ["--class", "Owl", "--class", "a, b", "--blind", "--pad", 0.5]
    options += ["--format", "wav", "--fmin", 100, "--fmax", 4000, "--seed", 3]
    assert review(found, *options) == 0
    head, events, parts = read_data(found.parent / "review")
    assert head["thresholds"] == [0.3, 0.6]
    assert head["classes"] == ["Owl", "a, b"]
    assert (head["blind"], head["format"]) == (True, "wav")
    assert len(events) == 2
    assert {duration for _, _, _, duration, _ in parts} == {2.0}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--threshold", "Owl=0.5"], "'Owl', of which there are no events"),
        (["--threshold", "0.5", "--threshold", "0.6"], "--threshold is given twice"),
        (["--fmin", "9000"], "--fmin 9000"),
    ],
)
def test_what_makes_no_sense(options, message, found, capsys):
    assert review(found, *options) == 2
    assert message in capsys.readouterr().err


def test_a_bad_recording(found, capsys):
    unit = found.parent / "audio" / "unit1"
    (unit / "20240501_053000.wav").write_text("no sound")
    assert review(found) == 1
    assert "bad file:" in capsys.readouterr().err
    assert len(read_data(found.parent / "review")[1]) == 8


def test_a_list_without_events(tmp_path, capsys):
    write_sound(tmp_path / "audio" / "a.wav")
    write_events(tmp_path / "found.tsv", ["a.wav"], [make_events([], [], [])])
    assert review(tmp_path / "found.tsv") == 0
    assert "0 events in 0 excerpts" in capsys.readouterr().out
