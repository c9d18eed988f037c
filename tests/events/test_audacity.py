"""Audacity label tracks."""

import numpy as np
import pytest

from sklearn_sed.events import (
    read_events,
    write_events,
)
from sklearn_sed.exceptions import AnnotationError
from tests.events._annotations import write


def test_audacity_label_track_with_frequencies(tmp_path):
    path = write(
        tmp_path / "rec.txt",
        "1.000000\t1.000000\tpoint\r\n\\\t6928.456055\t6928.456055\r\n"
        "2.000000\t2.500000\tlow undefined\r\n\\\t-1.000000\t6334.588867\r\n"
        "3.000000\t3.500000\tplain\r\n",
    )
    names, (table,) = read_events(path, format="audacity")
    assert names == ["rec"]
    assert table["event_label"].tolist() == ["point", "low undefined", "plain"]
    np.testing.assert_array_equal(table["low_freq"], [6928.456055, np.nan, np.nan])
    np.testing.assert_array_equal(
        table["high_freq"], [6928.456055, 6334.588867, np.nan]
    )
    write_events(tmp_path / "copy.txt", ["rec"], [table], format="audacity")
    copy, original = (tmp_path / "copy.txt").read_text(), path.read_text()
    assert copy == original.replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\\\t1\t2\n", "line 1: a frequency range without a label"),
        ("0\t1\ta\n\\\t1\t2\n\\\t1\t2\n", "line 3: a frequency range without a label"),
        ("0\t1\ta\n\\\t1\n", "line 2: expected a backslash, the low and the high"),
        ("0 1 a\n", "line 1: expected onset, offset and label, separated by tabs"),
        ("0\t1\t\n", "line 1: event_label is missing"),
        ("0\t1\ta\n0,5\t1,5,0\tb\n", "line 2: offset '1,5,0' is not a number"),
        ("2\t1\ta\n", "line 1: offset 1.0 lies before onset 2.0"),
    ],
)
def test_faults_in_label_tracks(tmp_path, text, message):
    with pytest.raises(AnnotationError, match=message):
        read_events(write(tmp_path / "rec.txt", text), format="audacity")


def test_a_label_with_tabs_survives_reading_only(tmp_path):
    path = write(tmp_path / "rec.txt", "0\t1\ta\tb\n")
    _, (table,) = read_events(path, format="audacity")
    assert table["event_label"][0] == "a\tb"
    with pytest.raises(AnnotationError, match=r"rec, event 0: .* contains '\\t'"):
        write_events(path, ["rec"], [table], format="audacity")
