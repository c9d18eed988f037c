"""Reading and writing annotation files."""

import importlib
import json
import os
import re
import warnings

import numpy as np
import pandas as pd
import pytest
import soundfile
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
EMPTY = make_events([], [], [])
DOG = make_events([0.5], [1.25], ["Dog"])


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


def assert_same_events(read, expected):
    assert len(read) == len(expected)
    for ours, theirs in zip(read, expected):
        assert_frame_equal(ours, theirs)


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


@pytest.mark.filterwarnings("ignore:.*listed more than once:UserWarning")
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
    # Nothing is lost of a column without values.
    write_events(
        tmp_path / "a.txt", ["a"], [DOG.assign(score=0.5)[:0]], format="audacity"
    )


def test_numpy_floats_and_integer_labels_are_written_plainly(tmp_path):
    table = make_events([0], [1], np.array([3]), np.array([0.5], dtype=np.float32))
    write_events(tmp_path / "a.tsv", ["a"], [table])
    assert "a\t0.000000\t1.000000\t3\t0.5\n" in (tmp_path / "a.tsv").read_text()


# Files from others


def test_a_list_of_events_as_pandas_reads_it(data, tmp_path):
    filenames, events = read_events(data / "test.csv")
    assert (len(filenames), sum(map(len, events))) == (30, 90)
    theirs = pd.read_csv(data / "test.csv", sep="\t")
    order = ["filename", "onset", "event_label", "offset"]
    assert_frame_equal(
        to_table(filenames, events).sort_values(order, ignore_index=True),
        theirs.sort_values(order, ignore_index=True),
    )
    write_events(tmp_path / "copy.tsv", filenames, events)
    copied, again = read_events(tmp_path / "copy.tsv")
    assert copied == filenames
    assert_same_events(again, events)


def test_lists_align_to_each_other(data):
    wanted, reference = read_events(data / "test.csv")
    with pytest.warns(UserWarning, match="the events of 5 recordings"):
        names, found = read_events(data / "test_shared.csv", wanted)
    assert names == wanted
    assert found.shape == reference.shape
    assert sum(len(table) == 0 for table in found) == 5


def test_predictions_align_to_the_reference(shared_data):
    filenames, reference = read_events(shared_data / "dcase2018/test_prefix.csv")
    assert (len(filenames), sum(map(len, reference))) == (288, 906)
    names, found = read_events(shared_data / "ijcnn19/predictions.csv", filenames)
    assert names == filenames
    assert sum(map(len, found)) == 1005
    assert sum(len(table) == 0 for table in found) == 9


LIST = "filename\tonset\toffset\tevent_label\na.wav\t0.5\t1.25\tDog\nb.wav\t\t\t\n"


@pytest.mark.parametrize(
    "text",
    [
        LIST,
        "\ufeff" + LIST,
        LIST.replace("\n", "\r\n"),
        LIST.replace("\n", "\r"),
        LIST.replace("\t", ","),
        LIST.replace("filename\tonset", "FileName\t Onset "),
        LIST.replace("\n", "\n\n"),
        LIST.removesuffix("\n"),
        LIST.replace("b.wav\t\t\t", "b.wav"),
        LIST.replace("\t0.5\t", "\t 0.5\t").replace("Dog", '"Dog "'),
        LIST.replace("\tDog\n", "\tDog\t\t\n"),
        "event_label,filename,offset,onset\nDog,a.wav,1.25,5e-1\n,b.wav,,\n",
    ],
)
def test_lists_of_events_are_met_kindly(tmp_path, text):
    path = write(tmp_path / "list.csv", text)
    names, events = read_events(path)
    assert names == ["a.wav", "b.wav"]
    assert_same_events(events, [DOG, EMPTY])


def test_columns_of_others_are_kept(tmp_path):
    text = LIST.replace("label\n", "label\tScore\tannotator\t\n")
    text = text.replace("Dog\n", "Dog\t0.75\t007\tx\n")
    _, (dog, empty) = read_events(write(tmp_path / "list.tsv", text))
    columns = ["onset", "offset", "event_label", "score", "annotator", "column_7"]
    assert list(dog) == list(empty) == columns
    assert dog.iloc[0].tolist()[3:] == [0.75, "007", "x"]
    assert dog["score"].dtype == np.float64


def test_an_empty_score_column_is_no_score(tmp_path):
    text = LIST.replace("label\n", "label\tscore\n")
    _, (dog, _) = read_events(write(tmp_path / "list.tsv", text))
    assert list(dog) == list(EMPTY)


def test_a_list_without_events(tmp_path):
    path = write(tmp_path / "list.tsv", LIST.splitlines()[0])
    names, events = read_events(path)
    assert names == []
    assert events.shape == (0,)
    assert_same_events(read_events(path, ["a.wav"])[1], [EMPTY])


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("1.25", "0.25", 2, "offset 0.25 lies before onset 0.5"),
        ("0.5", "-0.5", 2, "onset -0.5 is negative"),
        ("0.5", "nan", 2, "onset is nan"),
        ("1.25", "inf", 2, "offset is inf"),
        ("0.5", "", 2, "onset is missing"),
        ("0.5", "half", 2, "onset 'half' is not a number"),
        ("0.5", "0_5", 2, "onset '0_5' is not a number"),
        ("Dog", "", 2, "event_label is missing"),
        ("a.wav", "", 2, "filename is missing"),
        ("Dog", "Dog\textra", 2, "5 cells where the header names 4 columns"),
        ("Dog", '"Dog', 3, "quotation marks"),
        ("Dog", '"Dog" bark', 2, "quotation marks"),
        ('Dog\n', '"Dog\nbark"\n', 3, "a quoted cell runs over several lines"),
        ("\tevent_label", "", 1, "the column 'event_label' is missing"),
        ("filename\t", "a.wav\t", 1, "the column 'filename' is missing"),
        ("event_label", "event_label\tOnset", 1, "the column 'onset' appears twice"),
    ],
)  # fmt: skip
def test_faults_in_lists_of_events_name_the_line(tmp_path, old, new, line, message):
    path = write(tmp_path / "list.tsv", LIST.replace(old, new, 1))
    with pytest.raises(AnnotationError, match=message) as caught:
        read_events(path)
    assert caught.value.where == f"{path}, line {line}"


def test_decimal_commas_between_commas(tmp_path):
    text = "filename,onset,offset,event_label\na.wav,0,5,1,25,Dog\n"
    with pytest.raises(
        AnnotationError, match=r"line 2: 6 cells .* decimals with a poin"
    ):
        read_events(write(tmp_path / "list.csv", text))


def test_a_file_that_is_not_utf8_names_the_line(tmp_path):
    path = write(tmp_path / "list.tsv", LIST.replace("Dog", "Bébé"), "latin-1")
    with pytest.raises(AnnotationError, match=r"list\.tsv, line 2: .* not UTF-8"):
        read_events(path)


def test_an_empty_list(tmp_path):
    with pytest.raises(AnnotationError, match="the file is empty"):
        read_events(write(tmp_path / "list.tsv", "\n"))


def test_duplicates_are_reported_and_kept(tmp_path):
    text = LIST + "a.wav\t0.50\t1.25\tDog\na.wav\t0.5\t1.25\tCat\n"
    path = write(tmp_path / "list.tsv", text)
    with pytest.warns(
        UserWarning, match=r"list\.tsv: 1 events .* line 4 repeats line 2"
    ):
        _, events = read_events(path)
    assert events[0]["event_label"].tolist() == ["Cat", "Dog", "Dog"]


def test_many_duplicates_make_a_short_warning(tmp_path):
    path = write(tmp_path / "list.tsv", LIST + "a.wav\t0.5\t1.25\tDog\n" * 9)
    with pytest.warns(UserWarning, match=r"line 8 repeats line 2 and 4 more$"):
        read_events(path)


def test_score_for_some_events_only(tmp_path):
    text = LIST.replace("label\n", "label\tscore\n").replace("Dog\n", "Dog\t0.5\n")
    path = write(tmp_path / "list.tsv", text + "a.wav\t0\t1\tCat\t\n")
    with pytest.raises(
        AnnotationError, match=r"line 4: .* no score while .* line 2 has"
    ):
        read_events(path)
    for score, reason in (
        ("inf", "score is inf"),
        ("high", "score 'high' is not a num"),
    ):
        path = write(tmp_path / "list.tsv", text.replace("Dog\t0.5", f"Dog\t{score}"))
        with pytest.raises(AnnotationError, match=f"line 2: {reason}"):
            read_events(path)


# Missing values and encodings

WORDS = ["NA", "n/a", "#N/A", "NaN", "None", "null", "-", "<NA>", " na "]


@pytest.mark.parametrize("word", WORDS)
def test_words_for_nothing_are_a_recording_without_events(tmp_path, word):
    text = (
        f"filename,onset,offset,event_label\na.wav,0.5,1.25,Dog\nb.wav,{word},,{word}"
    )
    path = write(tmp_path / "list.csv", text)
    note = f"1 recording has no events (written as {word.strip()})"
    with pytest.warns(UserWarning, match=re.escape(note)) as caught:
        names, events = read_events(path)
    assert len(caught) == 1
    assert names == ["a.wav", "b.wav"]
    assert_same_events(events, [DOG, EMPTY])


def test_the_note_counts_the_recordings_of_all_files(tmp_path):
    for name, word in [("a", "NA"), ("b", "-"), ("c", "NA")]:
        write(tmp_path / f"{name}.txt", f"{word}\t{word}\t{word}\n")
    with pytest.warns(UserWarning, match=r"3 recordings have .* \(written as NA, -\)"):
        names, events = read_events(tmp_path, format="audacity")
    assert names == ["a", "b", "c"]
    assert_same_events(events, [EMPTY] * 3)


@pytest.mark.parametrize("word", [*WORDS, ""])
def test_a_missing_label_with_times_names_the_line(tmp_path, word):
    path = write(tmp_path / "list.tsv", LIST + f"c.wav\t1\t2\t{word}\n")
    with pytest.raises(AnnotationError, match="line 4: event_label is missing"):
        read_events(path)
    path = write(tmp_path / "list.tsv", LIST + f"c.wav\t{word}\t2\tDog\n")
    with pytest.raises(AnnotationError, match=r"line 4: onset is (missing|nan)"):
        read_events(path)


def test_na_values_replace_the_words(tmp_path):
    path = write(tmp_path / "list.tsv", LIST.replace("Dog", "None"))
    _, events = read_events(path, na_values=["-"])
    assert events[0]["event_label"].tolist() == ["None"]
    path = write(tmp_path / "list.tsv", LIST.replace("b.wav\t\t\t", "b.wav\tX\tX\tx"))
    with pytest.warns(UserWarning, match="written as X"):
        assert_same_events(read_events(path, na_values=["X"])[1], [DOG, EMPTY])
    for wrong in ("NA", [None]):
        with pytest.raises(ValueError, match=r"na_values=.* is not a list of words"):
            read_events(path, na_values=wrong)


def test_words_in_further_columns(tmp_path):
    text = (
        "filename\tonset\toffset\tevent_label\tscore\tsnr\tremark\n"
        "a.wav\t0.5\t1.25\tDog\t-\t3\tnone\na.wav\t2\t3\tDog\tNA\tNA\tfar\n"
    )
    _, (table,) = read_events(write(tmp_path / "list.tsv", text))
    assert "score" not in table
    np.testing.assert_array_equal(table["snr"], [3, np.nan])
    assert table["remark"].tolist() == ["none", "far"]


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_says_the_encoding(tmp_path, codec):
    path = write(tmp_path / "list.tsv", LIST.replace("Dog", "Bébé"), codec)
    for encoding in (None, "latin-1"):
        _, events = read_events(path, encoding=encoding)
        assert events[0]["event_label"].tolist() == ["Bébé"]


@pytest.mark.parametrize("codec", ["latin-1", "cp1252", "utf-16-le"])
def test_an_encoding_on_request(tmp_path, codec):
    path = write(tmp_path / "list.tsv", LIST.replace("Dog", "Bébé"), codec)
    with pytest.raises(AnnotationError, match=r"not UTF-8.* encoding='"):
        read_events(path)
    _, events = read_events(path, encoding=codec)
    assert events[0]["event_label"].tolist() == ["Bébé"]
    with pytest.raises(ValueError, match="encoding='klingon' is not known"):
        read_events(path, encoding="klingon")


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


# Audacity


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


# Raven


RAVEN = (
    "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\t"
    "High Freq (Hz)\tAnnotation\n"
    "1\tSpectrogram 1\t1\t0.5\t1.25\t100\t8000\tDog\n"
)


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


# RTTM


def test_rttm(tmp_path):
    path = write(
        tmp_path / "all.rttm",
        ";; a comment\n"
        "SPEAKER a 1  0.1 0.2 <NA> <NA> Dog <NA> <NA>\n"
        "SPEAKER b 1\t1.0 0.5 <NA> <NA> Cat <NA>\n",
    )
    names, events = read_events(path)
    assert names == ["a", "b"]
    assert_same_events(
        events, [make_events([0.1], [0.3], ["Dog"]), make_events([1.0], [1.5], ["Cat"])]
    )


def test_rttm_lines_of_other_types_are_reported(tmp_path):
    path = write(
        tmp_path / "all.rttm",
        "SPKR-INFO a 1 <NA> <NA> <NA> unknown Dog <NA>\n"
        "SPEAKER a 1 0.1 0.2 <NA> <NA> Dog 0.5\n",
    )
    with pytest.warns(
        UserWarning, match=r"all\.rttm: .* left out: 'SPKR-INFO' in line 1"
    ):
        _, (table,) = read_events(path)
    assert table["score"].tolist() == [0.5]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a 1 0.1 0.2", "line 1: expected 9 or 10 fields separated by blanks, got 5"),
        ("a 1 0.1 0.2 <NA> <NA> Dog", "line 1: expected 9 or 10 fields .*, got 8"),
        ("a 1 0.1 0.2 <NA> <NA> Big dog <NA> <NA>", "got 11; a name or label with a"),
        ("a b 1 0.1 0.2 <NA> <NA> Dog <NA> <NA>", "got 11; a name or label with a bl"),
        ("a b 1 0.1 0.2 <NA> <NA> Dog <NA>", "line 1: event_label is missing"),
        ("a 1 0.1 0.2 <NA> <NA> Big dog <NA>", "line 1: score 'dog' is not a number"),
        ("a 1 0.1 -1 <NA> <NA> x <NA> <NA>", "line 1: the duration -1.0 is negative"),
        ("a 1 0.1 nan <NA> <NA> x <NA> <NA>", "line 1: offset is nan"),
        ("a 1 <NA> 1 <NA> <NA> x <NA> <NA>", "line 1: onset is missing"),
    ],
)
def test_faults_in_rttm(tmp_path, line, message):
    with pytest.raises(AnnotationError, match=message):
        read_events(write(tmp_path / "all.rttm", f"SPEAKER {line}"))


def test_rttm_cannot_hold_blanks(tmp_path):
    for filename, label in (("a b.wav", "Dog"), ("a.wav", "Big dog")):
        with pytest.raises(AnnotationError, match="contains ' ', which this format"):
            write_events(
                tmp_path / "all.rttm", [filename], [DOG.assign(event_label=label)]
            )
    tables = [DOG.assign(event_label=label) for label in ("Dog", "Big dog", "a\xa0b")]
    with pytest.raises(AnnotationError) as caught:
        write_events(tmp_path / "all.rttm", ["a b", "c", "d e"], tables)
    assert caught.value.reason.splitlines() == [
        f"the {names} contain ' ', which this format cannot hold; rename it, or write "
        "another format"
        for names in ("filename 'a b', 'd e'", "event_label 'Big dog', 'a\\xa0b'")
    ]
    assert list(tmp_path.iterdir()) == []


# JAMS


# jams calls jsonschema in a way that it is about to give up.
JAMS_WARNS = pytest.mark.filterwarnings("ignore:Passing a schema:DeprecationWarning")


def jams_file(tmp_path, *annotations):
    jams = pytest.importorskip("jams")
    document = jams.JAMS()
    document.file_metadata.duration = 10.0
    for namespace, value in annotations:
        annotation = jams.Annotation(namespace, time=0, duration=10.0)
        annotation.append(time=0.1, duration=0.2, value=value, confidence=0.5)
        document.annotations.append(annotation)
    document.save(str(tmp_path / "rec.jams"), strict=False)
    return tmp_path / "rec.jams"


@JAMS_WARNS
def test_jams_reads_what_we_write(tmp_path):
    jams = pytest.importorskip("jams")
    path = tmp_path / "rec.jams"
    table = make_events([0.5, 0.1], [1.25, 0.3], ["Dog", "Cat"], [0.75, 0.25])
    write_events(path, ["rec.wav"], [table])
    document = jams.load(str(path))  # validates
    assert document.file_metadata.duration == 1.25
    found = document.annotations[0].to_dataframe()
    assert found["time"].tolist() == [0.1, 0.5]
    assert found["duration"].tolist() == [0.2, 0.75]
    assert found["value"].tolist() == ["Cat", "Dog"]
    assert found["confidence"].tolist() == [0.25, 0.75]
    write_events(tmp_path / "none.jams", ["none.wav"], [EMPTY])
    assert jams.load(str(tmp_path / "none.jams")).file_metadata.duration == 0.0


@JAMS_WARNS
def test_jams_of_others(tmp_path):
    expected = make_events([0.1], [0.3], ["Dog"], [0.5])
    names, events = read_events(jams_file(tmp_path, ("tag_open", "Dog")))
    assert names == ["rec"]
    assert_same_events(events, [expected])
    path = jams_file(tmp_path, ("tag_open", "Cat"), ("segment_open", "Dog"))
    with pytest.warns(UserWarning, match="only segment annotations are read"):
        assert_same_events(read_events(path)[1], [expected])


def scaper_sound(label, role, time=0.1, duration=0.2):
    value = {"label": label, "role": role, "source_file": "x.wav", "snr": 6.0}
    return {"time": time, "duration": duration, "value": value, "confidence": 1.0}


@JAMS_WARNS
@pytest.mark.parametrize("namespace", ["scaper", "sound_event"])
def test_jams_of_mixtures(tmp_path, namespace):
    """scaper writes the one, and wrote URBAN-SED with the other."""
    pytest.importorskip("jams")
    park = scaper_sound("park", "background", 0.0, 10.0)
    siren, dog = scaper_sound("siren", "foreground", 2.0, 1.5), scaper_sound("dog", "f")

    def read(*data):
        annotation = {"namespace": namespace, "data": data, "sandbox": {}}
        annotation["annotation_metadata"] = {}
        tags = annotation | {"namespace": "tag_open", "data": []}
        document = {"annotations": [annotation, tags], "file_metadata": {}}
        write(tmp_path / "mix.jams", json.dumps(document | {"sandbox": {}}))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            (table,) = read_events(tmp_path / "mix.jams")[1]
        assert f"only {namespace} annotations are read" in str(caught[-1].message)
        return table

    expected = make_events([0.1, 2.0], [0.3, 3.5], ["dog", "siren"], [1.0, 1.0])
    assert_frame_equal(read(park, siren, dog), expected)
    assert len(read(park)) == 0
    del siren["value"]["label"]
    with pytest.raises(
        AnnotationError, match=r"observation 1: the value \{'role'.* is"
    ):
        read(park, siren)


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (("tempo", 120.0), "no segment or tag annotation, only the namespaces tempo"),
        (("segment_open", 3), "annotation 0, observation 0: the value 3 is not a lab"),
        (("segment_open", " "), "annotation 0, observation 0: event_label is missing"),
    ],
)
@JAMS_WARNS
@pytest.mark.filterwarnings("ignore:3 is not of type:UserWarning")
def test_faults_in_jams(tmp_path, annotation, message):
    with pytest.raises(AnnotationError, match=message):
        read_events(jams_file(tmp_path, annotation))


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"annotations": [{}]}',
        '{"annotations": [{"namespace": 5, "data": [], "sandbox": {}}]}',
        "[" * 100_000,
        '{"annotations":' * 100_000,
    ],
)
def test_what_is_no_jams_file(tmp_path, text):
    pytest.importorskip("jams")
    with pytest.raises(AnnotationError, match=r"rec\.jams: not a JAMS file"):
        read_events(write(tmp_path / "rec.jams", text))


def test_without_jams_the_error_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(importlib.import_module("sys").modules, "jams", None)
    with pytest.raises(ImportError, match=r"pip install 'sklearn-sed\[jams\]'"):
        write_events(tmp_path / "a.jams", ["a"], [DOG])
    with pytest.raises(ImportError, match=r"pip install 'sklearn-sed\[jams\]'"):
        read_events(write(tmp_path / "a.jams", "{}"))


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
