"""Lists of events, their missing values and encodings."""

import re

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from sklearn_sed.events import (
    read_events,
    to_table,
    write_events,
)
from sklearn_sed.exceptions import AnnotationError
from tests.events._annotations import DOG, EMPTY, LIST, assert_same_events, write


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
