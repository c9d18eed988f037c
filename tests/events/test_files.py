"""Writing annotation files and reading them back; which files, which recordings."""

import importlib
import os
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from sklearn_sed.events import (
    make_events,
    read_durations,
    read_events,
    to_table,
    write_events,
)
from sklearn_sed.exceptions import AnnotationError
from tests.events._annotations import DOG, EMPTY, LIST, RAVEN, assert_same_events, write

ENDINGS = {
    "dcase": ".tsv",
    "audacity": ".txt",
    "raven": ".selections.txt",
    "jams": ".jams",
    "rttm": ".rttm",
}
FORMATS = [
    pytest.param("dcase"),
    pytest.param("audacity"),
    pytest.param("raven"),
    pytest.param(
        "jams",
        marks=pytest.mark.skipif(
            importlib.util.find_spec("jams") is None, reason="jams is not installed"
        ),
    ),
    pytest.param("rttm"),
]


# Round trips

# Anything but separators of lines and cells, which the text formats cannot hold.
texts = (
    st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=8)
    | st.sampled_from(["Dog", "Alarm_bell_ringing", "nan", "NA", 'a "quoted" one', '"',
                       "cœur, à côté", "1,5", "Ωμέγα", "\\", ";;", "#"])
)  # fmt: skip
microseconds = st.integers(0, 100_000_000)
scores = st.floats(0, 1)
hertz = st.floats(0, 96_000)


@st.composite
def event_tables(draw, labels=texts, scored=None):
    """Draw a table with times on the microsecond."""
    n_events = draw(st.integers(0, 5))
    onset = np.array([draw(microseconds) for _ in range(n_events)])
    length = np.array([draw(microseconds) for _ in range(n_events)])
    names = [draw(labels) for _ in range(n_events)]
    score = [draw(scores) for _ in range(n_events)] if scored else None
    return make_events(onset / 1e6, (onset + length) / 1e6, names, score)


@st.composite
def corpora(draw, name):
    """Draw recordings with their events, as the format can hold them."""
    words = texts.map(lambda text: "".join(text.split())) if name == "rttm" else texts
    scored = name != "audacity" and draw(st.booleans())
    clips = st.text(st.characters(categories=["L", "Nd"]), min_size=1, max_size=6)
    filenames = draw(st.lists(clips.map("{}.wav".format), unique=True, max_size=3))
    return filenames, [draw(event_tables(words, scored)) for _ in filenames]


@pytest.mark.filterwarnings(
    "ignore:.*(listed more than once|that a recording has no events):UserWarning"
)
@pytest.mark.parametrize("name", FORMATS)
@settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_round_trip_keeps_every_microsecond(tmp_path_factory, name, data):
    filenames, events = data.draw(corpora(name))
    folder = tmp_path_factory.mktemp("labels")
    one_recording = name in ("audacity", "raven", "jams")
    path = folder / "one" if one_recording else folder / f"all{ENDINGS[name]}"
    if one_recording and not filenames:
        return
    write_events(path, filenames, events, format=name)
    # Labels are kept as they are, "NA" too.
    names, read = read_events(path, filenames=filenames, format=name, na_values=[])
    assert names == filenames
    any_events = any(len(table) for table in events)
    for ours, theirs in zip(read, events):
        if not any_events:  # then nothing says whether events would have a score
            ours, theirs = ours[list(EMPTY)], theirs[list(EMPTY)]
        assert_frame_equal(ours, theirs, check_exact=True)


@pytest.mark.parametrize("name", FORMATS)
@given(data=st.data())
@settings(
    deadline=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_float_is_kept_to_half_a_microsecond(tmp_path_factory, name, data):
    onset = data.draw(st.floats(0, 1e5))
    offset = onset + data.draw(st.floats(0, 1e5))
    path = tmp_path_factory.mktemp("labels") / f"a{ENDINGS[name]}"
    write_events(path, ["a"], [make_events([onset], [offset], ["x"])], format=name)
    (table,) = read_events(path, ["a"], format=name)[1]
    np.testing.assert_allclose(table["onset"], onset, rtol=0, atol=5.1e-7)
    np.testing.assert_allclose(table["offset"], offset, rtol=0, atol=5.1e-7)


@pytest.mark.parametrize("name", ["audacity", "raven", "dcase"])
@given(low=hertz, high=hertz)
@settings(
    deadline=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_frequencies_are_kept_and_never_raised(tmp_path_factory, name, low, high):
    path = tmp_path_factory.mktemp("labels") / f"a{ENDINGS[name]}"
    table = DOG.assign(low_freq=low, high_freq=high)
    write_events(path, ["a"], [table], format=name)
    (read,) = read_events(path, ["a"], format=name)[1]
    if name == "raven" and max(low, high) < 1e-6:
        assert "low_freq" not in read
        return
    for column, given_bound in (("low_freq", low), ("high_freq", high)):
        assert given_bound - 1e-6 <= read[column][0] <= given_bound


@pytest.mark.parametrize("name", ["audacity", "raven"])
@pytest.mark.parametrize("bound", [-100.0, np.inf])
def test_impossible_frequencies(tmp_path, name, bound):
    table = DOG.assign(low_freq=0.0, high_freq=bound)
    with pytest.raises(
        AnnotationError, match=r"a, event 0: the frequency -?(100.0|inf)"
    ):
        write_events(tmp_path / f"a{ENDINGS[name]}", ["a"], [table], format=name)


def test_event_free_clips_come_back(tmp_path):
    for path in (tmp_path / "all.tsv", tmp_path / "all.csv"):
        write_events(path, ["a.wav", "b.wav", "c.wav"], [EMPTY, DOG, EMPTY])
        names, events = read_events(path)
        assert names == ["a.wav", "b.wav", "c.wav"]
        assert_same_events(events, [EMPTY, DOG, EMPTY])
    assert (tmp_path / "all.csv").read_text().splitlines() == [
        "filename,onset,offset,event_label",
        "a.wav",
        "b.wav,0.500000,1.250000,Dog",
        "c.wav",
    ]


@pytest.mark.parametrize("name", ["audacity", "raven"])
def test_a_folder_of_label_files(tmp_path, name):
    filenames = ["rec/Y1_350.000_360.000.wav", "rec/b.flac", "c"]
    write_events(tmp_path / "new", filenames, [DOG, EMPTY, DOG], format=name)
    ending = ENDINGS[name]
    files = [path for path in (tmp_path / "new").rglob("*") if path.is_file()]
    assert sorted(path.relative_to(tmp_path / "new").as_posix() for path in files) == [
        f"c{ending}", f"rec/Y1_350.000_360.000{ending}", f"rec/b{ending}"
    ]  # fmt: skip
    names, events = read_events(tmp_path / "new", format=name)
    assert names == ["c", "rec/Y1_350.000_360.000", "rec/b"]
    assert_same_events(events, [DOG, DOG, EMPTY])
    wanted = ["other.wav", "c.wav", *filenames[:2]]
    names, events = read_events(tmp_path / "new", filenames=wanted, format=name)
    assert names == wanted
    assert_same_events(events, [EMPTY, DOG, DOG, EMPTY])


def test_a_label_file_need_not_be_named_after_its_recording(tmp_path):
    path = tmp_path / "labels.txt"
    write_events(path, ["dog.wav"], [DOG], format="audacity")
    assert read_events(path, format="audacity")[0] == ["labels"]
    names, events = read_events(path, ["dog.wav"], format="audacity")
    assert names == ["dog.wav"]
    assert_same_events(events, [DOG])


def test_further_columns_survive_in_tables(tmp_path):
    table = make_events([0, 1], [1, 2], ["a", "b"], [0.25, 0.1]).assign(
        snr=[3.5, np.nan], note=["007", "said, loud"], take=[1, 2]
    )
    for path in (tmp_path / "a.tsv", tmp_path / "a.csv", tmp_path / "a.selections.txt"):
        write_events(path, ["a"], [table])
        (read,) = read_events(path, ["a"])[1]
        assert_frame_equal(read, table.astype({"take": float}), check_exact=True)


def test_columns_without_a_place_are_reported(tmp_path):
    scored = DOG.assign(score=0.5)
    with pytest.warns(
        UserWarning, match=r"a\.txt: the format 'audacity' has no .*score"
    ):
        write_events(tmp_path / "a.txt", ["a"], [scored], format="audacity")
    with pytest.warns(UserWarning, match="'rttm' has no place for the columns snr"):
        write_events(tmp_path / "a.rttm", ["a"], [scored.assign(snr=1.0)])
    with pytest.warns(UserWarning, match="no events; 1 recordings are left out"):
        write_events(tmp_path / "b.rttm", ["a", "b"], [scored, scored.iloc[:0]])
    # Nothing is lost of a column without values.
    write_events(
        tmp_path / "a.txt", ["a"], [DOG.assign(score=0.5)[:0]], format="audacity"
    )


def test_numpy_floats_and_integer_labels_are_written_plainly(tmp_path):
    table = make_events([0], [1], np.array([3]), np.array([0.5], dtype=np.float32))
    write_events(tmp_path / "a.tsv", ["a"], [table])
    assert "a\t0.000000\t1.000000\t3\t0.5\n" in (tmp_path / "a.tsv").read_text()


# Recordings wanted


def test_names_may_differ_by_folder_or_ending(tmp_path):
    path = write(tmp_path / "list.tsv", LIST)
    for wanted in (
        ["x/b.wav", "x/a.wav"],
        ["b.flac", "y\\a"],
        [tmp_path / "b", "a.wav"],
    ):
        names, events = read_events(path, filenames=wanted)
        assert names == wanted
        assert_same_events(events, [EMPTY, DOG])
    # The same recording twice.
    assert_same_events(read_events(path, ["a.wav", "a.wav"])[1], [DOG, DOG])


def test_an_exact_name_goes_first(tmp_path):
    text = LIST + "x/a.wav\t1\t2\tCat\n"
    _, events = read_events(write(tmp_path / "list.tsv", text), ["x/a.wav", "a.wav"])
    assert [table["event_label"][0] for table in events] == ["Cat", "Dog"]


@pytest.mark.parametrize(
    ("extra", "wanted"),
    [
        ("x/a.wav\t1\t2\tCat\n", ["y/a.wav"]),
        ("", ["x/a.wav", "y/a.wav"]),
        ("a.flac\t1\t2\tCat\n", ["a.mp3"]),
    ],
)
def test_ambiguous_names(tmp_path, extra, wanted):
    path = write(tmp_path / "list.tsv", LIST + extra)
    with pytest.raises(AnnotationError, match="cannot tell which recording is which"):
        read_events(path, filenames=wanted)


def test_recordings_left_out_are_reported(tmp_path):
    path = write(tmp_path / "list.tsv", LIST)
    with pytest.warns(UserWarning, match=r"events of 1 recordings .* left out: a\.wav"):
        names, events = read_events(path, filenames=["b.wav"])
    assert names == ["b.wav"]
    assert_same_events(events, [EMPTY])
    # Nothing is lost with a recording that has no events.
    read_events(path, filenames=["a.wav"])


# Other readers


@pytest.mark.filterwarnings("ignore:The inplace keyword")
def test_crowsetta_reads_what_we_write(tmp_path):
    crowsetta = pytest.importorskip("crowsetta")
    table = make_events([0.5, 3], [1.25, 4], ["Dog", "Cat"])
    write_events(tmp_path / "rec.txt", ["rec"], [table], format="audacity")
    track = crowsetta.formats.seq.AudSeq.from_file(tmp_path / "rec.txt")
    np.testing.assert_array_equal(track.start_times, table["onset"])
    np.testing.assert_array_equal(track.end_times, table["offset"])
    assert list(track.labels) == ["Dog", "Cat"]
    path = tmp_path / "rec.selections.txt"
    for low, high in ((np.nan, np.nan), (0, 8000)):
        write_events(path, ["rec"], [table.assign(low_freq=low, high_freq=high)])
        raven = crowsetta.formats.bbox.Raven.from_file(path)
        np.testing.assert_array_equal(raven.df["begin_time_s"], table["onset"])
        np.testing.assert_array_equal(raven.df["end_time_s"], table["offset"])
        assert raven.df["annotation"].tolist() == ["Dog", "Cat"]


@pytest.mark.filterwarnings("ignore")
def test_sed_eval_reads_what_we_write(tmp_path):
    sed_eval = pytest.importorskip("sed_eval")
    path = tmp_path / "all.tsv"
    write_events(path, ["a.wav", "b.wav"], [DOG.assign(score=0.5), EMPTY])
    found = sed_eval.io.load_event_list(str(path))
    assert found.unique_files == ["a.wav", "b.wav"]
    assert len(found.filter(filename="a.wav")) == 1
    assert found[0].onset == 0.5
    assert found[0].offset == 1.25
    assert found.max_offset == 1.25


def test_pandas_reads_what_we_write(tmp_path):
    table = make_events([0.5], [1.25], ['5" pipe, loud'], [0.1])
    write_events(tmp_path / "all.csv", ["a,b.wav"], [table])
    found = pd.read_csv(tmp_path / "all.csv")
    assert_frame_equal(found, to_table(["a,b.wav"], [table]))


# Which format, which files


def test_unclear_formats(tmp_path):
    text = write(tmp_path / "rec.txt", "0\t1\tDog\n")
    for path in (
        text,
        write(tmp_path / "empty.txt", ""),
        write(tmp_path / "a.lab", ""),
    ):
        with pytest.raises(
            AnnotationError, match="the ending does not tell the format"
        ):
            read_events(path)
    with pytest.raises(AnnotationError, match="pass format= one of 'dcase', 'raven'"):
        write_events(tmp_path / "new.txt", ["a"], [DOG])
    with pytest.raises(
        ValueError, match=r"format must be one of 'dcase', .* got 'srt'"
    ):
        read_events(text, format="srt")


def test_the_header_of_a_txt_tells_a_table(tmp_path):
    path = tmp_path / "list.txt"
    write_events(path, ["a.wav"], [DOG], format="dcase")
    assert path.read_text().startswith("filename\t")
    assert_same_events(read_events(path)[1], [DOG])


def test_folders_with_files_of_several_formats(tmp_path):
    write(tmp_path / "a.wav", "")
    with pytest.raises(AnnotationError, match="the folder has no label files"):
        read_events(tmp_path)
    write_events(tmp_path, ["a"], [DOG], format="raven")
    assert read_events(tmp_path)[0] == ["a"]
    write(tmp_path / "b.txt", "0\t1\tCat\n")
    with pytest.raises(AnnotationError, match=r"b\.txt: the ending does not tell"):
        read_events(tmp_path)
    with pytest.warns(UserWarning, match=r"1 files .* 'raven' are not read: b\.txt"):
        assert read_events(tmp_path, format="raven")[0] == ["a"]
    with pytest.warns(UserWarning, match=r"'audacity' .* read: a\.selections\.txt"):
        assert read_events(tmp_path, format="audacity")[0] == ["b"]
    (tmp_path / "b.txt").unlink()
    write(tmp_path / "c.jams", "{}")
    with pytest.raises(AnnotationError, match=r"several formats; .* 'jams', 'raven'"):
        read_events(tmp_path)
    with pytest.raises(AnnotationError, match="'dcase' is about many recordings"):
        read_events(tmp_path, format="dcase")


def test_one_file_in_a_folder_with_other_columns(tmp_path):
    write(tmp_path / "a.txt", "0\t1\tDog\n\\\t1\t2\n")
    write(tmp_path / "b.txt", "0\t1\tDog\n")
    _, (a, b) = read_events(tmp_path, format="audacity")
    assert a["low_freq"].tolist() == [1.0]
    assert b["low_freq"].isna().all()


def test_raven_tables_of_a_folder_may_end_in_txt(tmp_path):
    write(tmp_path / "a.txt", RAVEN)
    for name in ("raven", None):
        assert read_events(tmp_path, format=name)[0] == ["a"]


@pytest.mark.parametrize(
    ("path", "filenames", "options", "message"),
    [
        ("a.txt", ["a", "b"], {"format": "audacity"}, "about one recording, got 2"),
        (".", ["a", "b"], {"format": "rttm"}, "this is a folder, but all recordings"),
        ("x", ["./a", "a"], {"format": "raven"}, r"\./a and a .* written to a\.sel"),
        ("x", [".a", "a"], {"format": "raven"}, r"\.a\.sel.* would be a hidden"),
        ("x", ["D:/a", "E:/a"], {"format": "raven"}, "different folders"),
        ("x", ["..", "a"], {"format": "raven"}, "'..' is no name of a recording"),
        ("a.tsv", ["a", "a"], {}, "'a' appears twice"),
        ("a.tsv", ["a"], {}, "1 filenames for 2 event tables"),
        ("a.tsv", ["a", " "], {}, "events, clip 1: the filename ' ' is empty or has"),
    ],
)
def test_what_cannot_be_written_where(tmp_path, path, filenames, options, message):
    with pytest.raises(AnnotationError, match=message):
        write_events(tmp_path / path, filenames, [DOG, EMPTY], **options)
    assert list(tmp_path.iterdir()) == []


def test_text_that_breaks_a_table_is_refused(tmp_path):
    with pytest.raises(
        AnnotationError, match=r"clip 0, event 0: the note 'a\\nb' cont"
    ):
        write_events(tmp_path / "a.tsv", ["a"], [DOG.assign(note="a\nb")])


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "all.tsv"
    write_events(path, ["a"], [DOG])
    before = path.read_text()

    def fail(*args):
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk is full"):
        write_events(path, ["b"], [EMPTY])
    assert path.read_text() == before
    assert list(tmp_path.iterdir()) == [path]


# Files that would take minutes, or memory that no machine has, if the work or the
# memory grew faster than the file.
MANY = 100_000
HEADER = "\t".join(f"c{index}" for index in range(MANY))


@pytest.mark.parametrize(
    ("name", "first", "row"),
    [
        ("a.tsv", "filename\tonset\toffset\tevent_label", "a\t0\t1\tDog\n"),
        ("a.selections.txt", "Begin Time (s)\tEnd Time (s)\tLabel", "0\t1\tDog\n"),
    ],
)
def test_headers_of_many_columns(tmp_path, name, first, row):
    path = write(tmp_path / name, f"{first}\t{HEADER}\n{row}")
    _, [events] = read_events(path)
    assert events.shape == (1, 3 + MANY)
    assert events["event_label"].tolist() == ["Dog"]
    write(path, f"{first}\t{HEADER}\tC0\n{row}")
    with pytest.raises(AnnotationError, match="line 1: the column 'c0' appears twice"):
        read_events(path)
    write(path, f"{first}\t{HEADER}\n{row * MANY}")
    with pytest.raises(AnnotationError, match="that are mostly empty; leave out"):
        read_events(path)


def test_folders_of_many_columns(tmp_path):
    for index in range(100):
        own = "\t".join(f"f{index}c{column}" for column in range(1000))
        text = f"Begin Time (s)\tEnd Time (s)\tLabel\t{own}\n" + "0\t1\tDog\n" * 20
        write(tmp_path / f"{index}.selections.txt", text)
    with pytest.raises(AnnotationError, match="100000 columns for 2000 rows"):
        read_events(tmp_path)


def test_one_long_label_among_many(tmp_path):
    header = "filename\tonset\toffset\tevent_label\n"
    rows = "".join(f"a\t{second}\t{second}\tDog\n" for second in range(MANY))
    path = write(tmp_path / "a.tsv", f"{header}{rows}a\t0\t1\t{'x' * MANY}\n")
    _, [events] = read_events(path)
    assert len(events) == MANY + 1
    assert len(make_events(*events[["onset", "offset"]].T.values, [
        *events["event_label"]])) == MANY + 1  # fmt: skip


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.tsv"):
        read_events(tmp_path / "none.tsv")
    with pytest.raises(FileNotFoundError, match=r"the folder .*none does not exist"):
        write_events(tmp_path / "none" / "a.tsv", ["a"], [DOG])


def test_warnings_point_to_the_caller(tmp_path):
    path = write(tmp_path / "list.tsv", LIST + "a.wav\t0.5\t1.25\tDog\n")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read_events(path)
    assert [warning.filename for warning in caught] == [__file__]


# Durations and names ------------------------------------------------------------------


def test_durations_and_what_is_wrong_with_them(tmp_path):
    path = tmp_path / "durations.csv"
    path.write_text("duration,filename\n10,a.wav\n7.5,b.wav\n10,a.wav\n")
    assert read_durations(path) == (["a.wav", "b.wav"], [10.0, 7.5])
    for text, reason in (
        ("filename,seconds\na.wav,1\n", "line 1: the column 'duration' is missing"),
        ("filename,duration\n,1\n", "line 2: filename is missing"),
        ("filename,duration\na.wav,inf\n", "line 2: the duration inf is not positive"),
        ("filename,duration\na.wav,1\na.wav,2\n", "line 3: a.wav has two durations"),
    ):
        path.write_text(text)
        with pytest.raises(AnnotationError, match=reason):
            read_durations(path)


def test_a_path_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="No such file or directory"):
        read_events(tmp_path / "gone")
