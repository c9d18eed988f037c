"""``sklearn-sed clips``: from a list of events to files to listen to."""

import numpy as np
import pandas as pd
import pytest
import soundfile

from sklearn_sed._cli import main
from sklearn_sed.events import make_events, write_events

RATE = 8000


@pytest.fixture
def found(tmp_path):
    """Write a list of events and two recordings, of units with equal names."""
    for unit in "AB":
        path = tmp_path / "audio" / f"unit{unit}" / "1.flac"
        path.parent.mkdir(parents=True)
        soundfile.write(path, np.full(5 * RATE, 0.1 if unit == "A" else 0.2), RATE)
    dog = make_events([1, 3], [2, 4], ["Dog", "Dog"], [0.9, 0.55])
    cat = make_events([1], [2], ["Cat"], [0.7])
    path = tmp_path / "found.tsv"
    write_events(path, [f"D:\\unit{unit}\\1.wav" for unit in "AB"], [dog, cat])
    return path


def clips(found, *options):
    audio, out = found.parent / "audio", found.parent / "clips"
    given = ["clips", found, audio, "-o", out, "--quiet", *options]
    return main([str(argument) for argument in given])


def test_events_are_cut_out_of_the_recordings_that_match(found, capsys):
    assert clips(found, "--pad", 0.5) == 0
    out = found.parent / "clips"
    listed = pd.read_csv(out / "clips.csv")
    assert listed["event_label"].tolist() == ["Cat", "Dog", "Dog"]
    assert listed["start"].tolist() == [0.5, 0.5, 2.5]
    for file, level in zip(listed["file"], [0.2, 0.1, 0.1]):
        samples, rate = soundfile.read(out / file)
        assert (len(samples), rate) == (2 * RATE, RATE)
        np.testing.assert_allclose(samples, level, atol=1e-4)
    printed = capsys.readouterr().out.splitlines()
    assert [line.split() for line in printed[1:3]] == [["Cat", "1"], ["Dog", "2"]]
    assert printed[3] == f"{out}: 3 clips of 2 recordings"


def test_options_choose_order_number_and_format(found):
    options = ("--per-class", 1, "--order", "uncertain", "--format", "flac")
    assert clips(found, *options) == 0
    files = sorted(path.name for path in found.parent.glob("clips/*/*"))
    assert [name[:5] for name in files] == ["0.550", "0.700"]
    assert all(name.endswith(".flac") for name in files)


def test_a_missing_recording_stops_or_is_left_out(found, capsys):
    event = make_events([1], [2], ["Dog"], [0.5])
    write_events(found, ["unitA/1.wav", "unitB/lost.wav"], [event, event])
    assert clips(found) == 2
    assert "--missing skip leaves them out" in capsys.readouterr().err
    assert clips(found, "--missing", "skip") == 0
    said = capsys.readouterr()
    assert "unitB/lost.wav" in said.err
    assert "1 clips of 1 recordings" in said.out


def test_a_bad_recording_is_listed(found, capsys):
    (found.parent / "audio" / "unitB" / "1.flac").write_text("no sound")
    assert clips(found) == 1
    said = capsys.readouterr()
    assert "bad file:" in said.err
    assert "2 clips of 1 recordings" in said.out


def test_events_without_scores_are_cut_in_other_orders(found, capsys):
    write_events(found, ["unitA/1"], [make_events([1], [2], ["Dog"])])
    assert clips(found) == 2
    assert "pass --order 'time' or --order 'random'" in capsys.readouterr().err
    assert clips(found, "--order", "random", "--seed", 3) == 0


@pytest.mark.parametrize("pad", ["-1", "nan", "long"])
def test_a_pad_is_seconds(found, pad, capsys):
    with pytest.raises(SystemExit):
        clips(found, f"--pad={pad}")
    assert f"{pad!r} is not a number of seconds from 0" in capsys.readouterr().err


def test_a_list_without_events_gives_no_clips(found, capsys):
    write_events(found, ["unitA/1"], [make_events([], [], [])])
    assert clips(found) == 0
    assert "0 clips of 0 recordings" in capsys.readouterr().out
