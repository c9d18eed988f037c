"""Parquet files of events."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from sklearn_sed.events import make_events, read_events, write_events
from sklearn_sed.exceptions import AnnotationError


def events(**more):
    """Return one event with all the digits that a number has, and more columns."""
    return make_events([1 / 3], [0.1 + 0.2 + 1], ["Dög, big"], [2 / 3]).assign(**more)


def test_what_is_written_is_read_to_the_last_digit(tmp_path):
    nothing = make_events([], [], [])
    tables = [events(low_freq=1e-5, note="a\tb"), nothing, events(low_freq=np.nan)]
    names = ["unit A/ä.wav", "b.wav", "c.wav"]
    write_events(tmp_path / "found.parquet", names, tables)
    found, read = read_events(tmp_path / "found.parquet")
    assert found == names
    for own, table in zip(read, tables):
        table = table.reindex(columns=own.columns)
        assert_frame_equal(own, table, check_exact=True, check_dtype=False)
    written = pd.read_parquet(tmp_path / "found.parquet")
    assert list(written.columns) == [
        *("filename", "onset", "offset", "event_label", "score", "low_freq", "note")
    ]
    assert written["onset"].isna().tolist() == [False, True, False]
    assert (written["onset"][0], written["score"][2]) == (1 / 3, 2 / 3)
    aligned = read_events(tmp_path / "found.parquet", ["x/c.flac", "d.wav", "ä.wav"])[1]
    assert [len(table) for table in aligned] == [1, 0, 1]


def test_tables_of_other_programs(tmp_path):
    table = pd.DataFrame(
        {
            "Start (s)": [0, 3],
            "End (s)": np.array([3, 6], np.float32),
            "Common name": ["Blackbird", "Robin"],
            "Confidence": [0.5, 0.25],
            "File": ["a.wav", "a.wav"],
            "checked": [True, None],
        }
    )
    table.to_parquet(tmp_path / "birds.parquet")
    names, (read,) = read_events(tmp_path / "birds.parquet")
    assert names == ["a.wav"]
    assert read["offset"].tolist() == [3.0, 6.0]
    assert read["event_label"].tolist() == ["Blackbird", "Robin"]
    assert read["score"].tolist() == [0.5, 0.25]


def test_bad_files_are_named(tmp_path):
    path = tmp_path / "found.parquet"
    write_events(path, ["a.wav"], [events()])
    content = path.read_bytes()
    for bad in (b"", b"no table", content[:-9], content[:50] + content[90:]):
        path.write_bytes(bad)
        with pytest.raises(AnnotationError, match=r"found\.parquet: it cannot be read"):
            read_events(path)
    table = pd.DataFrame({"filename": ["a.wav"], "onset": [1.0], "offset": ["late"]})
    table.assign(event_label="x").to_parquet(path)
    with pytest.raises(AnnotationError, match=r"found\.parquet, row 0: .*'late'"):
        read_events(path)
    table.drop(columns="onset").to_parquet(path)
    with pytest.raises(AnnotationError, match="'onset' is missing"):
        read_events(path)


def test_what_cannot_be_held_is_named(tmp_path):
    path = tmp_path / "found.parquet"
    for name, table, message in (
        ("a.wav", events(note=[object()]), "column 'note' cannot be written"),
        ("a\udc80.wav", events(), "column 'filename' cannot be written"),
        (" a.wav", events(), "blanks around it"),
    ):
        with pytest.raises(AnnotationError, match=message):
            write_events(path, [name], [table])
    assert not path.exists()


def test_without_the_library_the_error_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    message = r"pip install 'sklearn-sed\[parquet\]'"
    with pytest.raises(ImportError, match=message):
        write_events(tmp_path / "found.parquet", ["a.wav"], [events()])
    (tmp_path / "found.parquet").write_text("")
    with pytest.raises(ImportError, match=message):
        read_events(tmp_path / "found.parquet")


def test_as_a_process(tmp_path):
    write_events(tmp_path / "a.tsv", ["a.wav", "b.wav"], [events(), events()[:0]])
    for arguments in ("a.tsv b.parquet", "b.parquet c.tsv"):
        command = [sys.executable, "-m", "sklearn_sed", "convert", *arguments.split()]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.endswith("1 events of 2 recordings\n")
    assert (tmp_path / "a.tsv").read_text() == (tmp_path / "c.tsv").read_text()
