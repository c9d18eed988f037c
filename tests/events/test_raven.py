"""Raven selection tables."""

import numpy as np
import pytest
import soundfile
from pandas.testing import assert_frame_equal

from sklearn_sed.events import (
    make_events,
    read_events,
    write_events,
)
from sklearn_sed.exceptions import AnnotationError
from tests.events._annotations import DOG, RAVEN, write


@pytest.mark.parametrize(
    "name",
    [
        "rec.selections.txt",
        "rec.Table.1.selections.txt",
        "rec.BirdNET.selection.table.txt",
        "rec.txt",
    ],
)
def test_raven_selection_table(tmp_path, name):
    names, (table,) = read_events(write(tmp_path / name, RAVEN))
    assert names == ["rec"]
    assert_frame_equal(table, DOG.assign(low_freq=100.0, high_freq=8000.0))


def test_raven_table_as_written(tmp_path):
    path = tmp_path / "rec.selections.txt"
    bounded = DOG.assign(score=0.75, low_freq=100, high_freq=11025.0000009)
    write_events(path, ["rec"], [bounded])
    expected = RAVEN.replace("0.5\t1.25", "0.500000\t1.250000")
    expected = expected.replace("100\t8000", "100.000000\t11025.000000")
    expected = expected.replace("Annotation", "Annotation\tScore")
    assert path.read_text() == expected.replace("Dog", "Dog\t0.75")
    # Bounds that are not known lie within the band of every recording.
    write_events(path, ["rec"], [DOG])
    assert "\t0.0\t0.0\tDog" in path.read_text()
    with pytest.raises(
        AnnotationError, match="both low_freq and high_freq, or neither"
    ):
        write_events(path, ["rec"], [DOG.assign(low_freq=100.0)])


def test_raven_bounds_of_recordings_that_are_there(tmp_path):
    recording = tmp_path / "rec.wav"
    soundfile.write(recording, np.zeros(100), 22_050)
    low, high = [np.nan, 100.0], [np.nan, 8000.0]
    tables = [
        make_events([0.5, 2], [1, 3], ["a", "b"]).assign(low_freq=low, high_freq=high)
    ]
    path = tmp_path / "rec.selections.txt"
    write_events(path, [recording], tables)
    _, (table,) = read_events(path)
    assert table["low_freq"].tolist() == [0.0, 100.0]
    assert table["high_freq"].tolist() == [11_025.0, 8000.0]
    # A path that leads to no sound does not keep a table from being written.
    recording.write_text("no sound")
    write_events(path, [recording], tables)
    assert read_events(path)[1][0]["high_freq"].isna().tolist() == [True, False]


def test_raven_lists_a_selection_once_per_view(tmp_path):
    row = RAVEN.splitlines()[1] + "\n"
    waveform = row.replace("Spectrogram", "Waveform").replace("8000", "0")
    other = row.replace("1\tS", "2\tS", 1).replace("Dog", "Cat")
    text = RAVEN.replace(row, "") + waveform + row + row.replace("m 1", "m 2") + other
    _, (table,) = read_events(write(tmp_path / "rec.selections.txt", text))
    assert table["event_label"].tolist() == ["Cat", "Dog"]
    assert table["high_freq"].tolist() == [8000.0, 8000.0]


def test_raven_table_of_other_programs(tmp_path):
    text = (
        "begin time (s)\tend time (s)\tCommon Name\tSpecies Code\tConfidence\tChannel\t"
        "Onset\n0.5\t1.25\tGreat Tit\tgretit1\t0.75\t2\tx\n"
    )
    _, (table,) = read_events(write(tmp_path / "rec.selections.txt", text))
    expected = make_events([0.5], [1.25], ["Great Tit"], [0.75]).assign(
        **{"Species Code": "gretit1", "Channel": 2.0, "Onset (Raven)": "x"}
    )
    assert_frame_equal(table, expected)
    write_events(tmp_path / "copy.selections.txt", ["copy"], [table.assign(Channel=2)])
    _, (copy,) = read_events(tmp_path / "copy.selections.txt")
    assert_frame_equal(copy, expected, check_like=True)


COMBINED = (
    "Selection\tView\tChannel\tBegin Path\tFile Offset (s)\tBegin Time (s)\t"
    "End Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tSpecies\n"
    "1\tSpectrogram 1\t1\tC:\\rec\\a.wav\t0.5\t0.5\t1.25\t0\t8000\tDog\n"
    "2\tSpectrogram 1\t1\tC:\\rec\\b.wav\t0.1\t60.1\t60.3\t0\t8000\tCat\n"
)


def test_raven_table_of_several_recordings(tmp_path):
    path = write(tmp_path / "all.selections.txt", COMBINED)
    names, (dog, cat) = read_events(path)
    assert names == ["C:\\rec\\a.wav", "C:\\rec\\b.wav"]
    assert dog.iloc[0, :2].tolist() == [0.5, 1.25]
    assert cat.iloc[0, :2].tolist() == [0.1, 0.3]
    assert cat["event_label"][0] == "Cat"
    # The table names its recordings: one wanted is not all there are.
    with pytest.warns(UserWarning, match=r"left out: C:\\rec\\a\.wav"):
        _, (cat,) = read_events(path, ["b.wav"])
    assert cat["event_label"][0] == "Cat"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("File Offset (s)", "Delta", r"selections\.txt: .* several sound files"),
        ("C:\\rec\\b.wav", "", "line 3: the name of the sound file is missing"),
        ("Species", "Kind", r"line 1: the column 'Annotation' is missing; .*, Kind"),
        ("End Time", "Time", r"line 1: the column 'End Time \(s\)' is missing"),
        ("60.3", "1,060.3", r"line 3: End Time \(s\) '1,060.3' is not a number"),
        ("8000\tDog", "high\tDog", "line 2: high_freq 'high' is not a number"),
        ("\tDog", "\t", "line 2: event_label is missing"),
    ],
)
def test_faults_in_raven_tables(tmp_path, old, new, message):
    path = write(tmp_path / "all.selections.txt", COMBINED.replace(old, new))
    with pytest.raises(AnnotationError, match=message):
        read_events(path)
