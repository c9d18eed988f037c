"""Reading and writing tables of tags."""

import re
import time
from contextlib import suppress

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sklearn_sed.events import read_events, read_tags, write_tags
from sklearn_sed.events._records import is_missing
from sklearn_sed.events._tags import read_tag_table
from sklearn_sed.exceptions import AnnotationError

TAGS = "filename\tevent_labels\na.wav\tDog,Cat\nb.wav\t\n"
FOUND = (["a.wav", "b.wav"], [["Dog", "Cat"], []])
STRONG = "filename\tonset\toffset\tevent_label\na.wav\t0.5\t1.25\tDog\nb.wav\t\t\t\n"
MANY = 100_000


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    "text",
    [
        TAGS,
        "\ufeff" + TAGS.replace("\n", "\r\n"),
        TAGS.replace("event_labels", "Event_Labels"),
        TAGS.replace("Dog,Cat", '" Dog, Cat"'),
        TAGS.replace("b.wav\t", "b.wav"),
        TAGS.replace("\t", ","),
        TAGS.replace("Dog,Cat", '"Dog,Cat"').replace("\t", ","),
        TAGS.replace("Dog,Cat", "Dog,Cat,Dog"),
        "event_labels\tfilename\nDog,Cat\ta.wav\n\tb.wav\n",
    ],
)
def test_lists_of_tags_are_met_kindly(tmp_path, text):
    assert read_tags(write(tmp_path / "weak.csv", text)) == FOUND


# Columns


@pytest.mark.parametrize(
    "heading",
    ["file", "File_Name", "FILENAME", "file path", "path", "filepath", "audio", "wav"]
    + [
        "audio-path",
        "recording",
        "fname",
        "Begin File",
        "begin_path",
        "slice_file_name",
    ],
)
def test_names_of_the_column_of_recordings(tmp_path, heading):
    path = write(tmp_path / "weak.tsv", TAGS.replace("filename", heading))
    assert read_tags(path) == FOUND


@pytest.mark.parametrize(
    "heading",
    ["label", "Labels", "TAG", "tags", "event label", "event-labels", "Annotation"]
    + ["annotations", "Species", "class", "Classes", "category", "Common Name"],
)
def test_names_of_the_column_of_labels(tmp_path, heading):
    path = write(tmp_path / "weak.tsv", TAGS.replace("event_labels", heading))
    assert read_tags(path) == FOUND
    table = read_tag_table(path)
    assert table.summary == (
        f"2 recordings, 2 classes, label column {heading!r}, separated by ','"
    )


def test_other_columns_are_named_or_left_alone(tmp_path):
    text = "id,sound,tags,fold\na.wav,Dog,x,1\nb.wav,,y,2\n"
    path = write(tmp_path / "weak.csv", text)
    with pytest.raises(
        AnnotationError, match=r"line 1: .*'filename' is missing.* id, s"
    ):
        read_tags(path)
    assert read_tags(path, filename_column="ID")[1] == [["x"], ["y"]]
    found = read_tags(path, filename_column="id", label_columns="Sound")
    assert found == (["a.wav", "b.wav"], [["Dog"], []])
    for options, name in [
        ({"filename_column": "file"}, "'file', given as filename_column"),
        (
            {"filename_column": "id", "label_columns": ["dog"]},
            "'dog', given as label_c",
        ),
    ]:
        with pytest.raises(
            AnnotationError, match=f"{name}.* is missing; the header is"
        ):
            read_tags(path, **options)


def test_a_choice_of_columns_is_the_users(tmp_path):
    path = write(tmp_path / "a.csv", "filename,path,labels\na.wav,x/a.wav,Dog\n")
    with pytest.raises(
        AnnotationError, match=r"'filename', 'path' may.*filename_column"
    ):
        read_tags(path)
    assert read_tags(path, filename_column="path") == (["x/a.wav"], [["Dog"]])
    path = write(tmp_path / "b.csv", "filename,common_name,species\na.wav,Wren,T. t.\n")
    with pytest.raises(
        AnnotationError, match=r"'common_name', 'species' may.*label_columns"
    ):
        read_tags(path)
    assert read_tags(path, label_columns="Species")[1] == [["T. t."]]
    both = read_tag_table(path, label_columns=["common_name", "species"])
    assert both.labels == [["Wren", "T. t."]]
    assert "label column 'common_name' and 'species'" in both.summary
    with pytest.raises(ValueError, match="label_columns is empty"):
        read_tags(path, label_columns=[])


@pytest.mark.parametrize("text", ["a.wav\tDog\nb.wav\tCat\n", "x/a.FLAC;Dog\n"])
def test_a_table_without_a_header(tmp_path, text):
    path = write(tmp_path / "weak.tsv", text)
    with pytest.raises(
        AnnotationError, match=r"line 1: .*looks like a recording instead"
    ):
        read_tags(path)


def test_a_table_of_recordings_alone(tmp_path):
    with pytest.raises(AnnotationError, match="the column 'event_labels' is missing"):
        read_tags(write(tmp_path / "weak.tsv", "filename\na.wav\n"))


@pytest.mark.parametrize("text", ["", "\n\n", ",,\n", "\ufeff"])
def test_a_file_without_anything(tmp_path, text):
    with pytest.raises(AnnotationError, match="the file is empty"):
        read_tags(write(tmp_path / "weak.csv", text))


def test_strong_and_weak_lists_point_to_each_other(tmp_path):
    with pytest.raises(AnnotationError, match="read it with read_tags"):
        read_events(write(tmp_path / "weak.tsv", TAGS))
    path = write(
        tmp_path / "strong.tsv", STRONG + "a.wav\t1\t2\tDog\na.wav\t1\t2\tCat\n"
    )
    with pytest.raises(AnnotationError, match="read it with read_events"):
        read_tags(path)
    table = read_tag_table(path, reduce=True)
    assert (table.filenames, table.labels) == FOUND
    assert table.notes == []
    path = write(path, STRONG + "c.wav\tNA\tNA\tNA\nd.wav\t1\t2\tSpeech, loud\n")
    labels = read_tag_table(path, reduce=True).labels
    assert labels == [["Dog"], [], [], ["Speech, loud"]]
    raven = "Begin Time (s)\tBegin File\tBegin Path\tSpecies\n"
    with pytest.raises(AnnotationError, match="read it with read_events"):
        read_tags(write(tmp_path / "raven.txt", raven))
    path = write(path, STRONG + "c.wav\t1\t2\tNA\n")
    with pytest.raises(
        AnnotationError, match="line 4: event_label is missing; name ev"
    ):
        read_tag_table(path, reduce=True)


# Layouts


def test_one_label_per_row(tmp_path):
    text = "file,species\na.wav,Dog\nb.wav,\na.wav,Cat\na.wav,Dog\n"
    table = read_tag_table(write(tmp_path / "rows.csv", text))
    assert (table.filenames, table.labels) == FOUND
    assert table.notes == []
    assert table.summary.endswith("label column 'species', one label per row")


def test_lists_of_one_recording_are_joined_and_counted(tmp_path):
    text = TAGS + "a.wav\tDog,Bird\nb.wav\tCat\nb.wav\tDog\n"
    path = write(tmp_path / "weak.tsv", text)
    with pytest.warns(
        UserWarning,
        match=r"line 4: a\.wav is listed more than once; its labels are joined, as are "
        r"those of 1 more recording$",
    ) as caught:
        _, labels = read_tags(path)
    assert len(caught) == 1
    assert labels == [["Dog", "Cat", "Bird"], ["Cat", "Dog"]]
    # A recording without labels that has some elsewhere contradicts itself.
    path = write(tmp_path / "rows.tsv", "file\tlabel\na.wav\tDog\na.wav\t\n")
    with pytest.warns(
        UserWarning, match=r"line 3: a\.wav is listed more than once; [^,]*$"
    ):
        assert read_tags(path)[1] == [["Dog"]]


@pytest.mark.parametrize(
    ("yes", "no"),
    [("1", "0"), ("1.0", "0.0"), ("True", "False"), ("TRUE", "FALSE"), ("yes", "no")]
    + [("1", ""), ("x", ""), ("1.00", "0"), ("WAHR", "FALSCH"), ("VRAI", "FAUX")],
)
def test_one_column_for_each_class(tmp_path, yes, no):
    text = f"filename,Dog,Cat,Owl\na.wav,{yes},{yes},{no}\nb.wav,{no},{no},{no}\n"
    table = read_tag_table(write(tmp_path / "one_hot.csv", text))
    assert (table.filenames, table.labels) == FOUND
    assert table.notes == []
    assert table.summary == (
        "2 recordings, 2 classes, 0 and 1 in the columns Dog, Cat, Owl"
    )


def test_columns_of_marks_beside_others(tmp_path):
    text = "file;year;site;Dog;Cat\na.wav;2021;north;1;1\nb.wav;2022;south;0;0\n"
    path = write(tmp_path / "one_hot.csv", text)
    with pytest.raises(
        AnnotationError, match=r"line 2: the column 'year' holds '2021', "
    ):
        read_tags(path)
    assert read_tags(path, label_columns=["Dog", "Cat"]) == FOUND
    assert read_tags(path, label_columns="Dog")[1] == [["Dog"], []]
    with pytest.raises(
        AnnotationError, match="line 2: the column 'site' holds 'north'"
    ):
        read_tags(path, label_columns=["site", "Dog"])
    path = write(tmp_path / "counts.csv", text.replace("0;0", "0;3"))
    with pytest.raises(
        AnnotationError, match="line 3: the column 'Cat' holds '3', neith"
    ):
        read_tags(path, label_columns=["Dog", "Cat"])


def test_marks_that_are_missing_are_counted(tmp_path):
    path = write(tmp_path / "one_hot.csv", "file,Dog,None\na.wav,1,NA\nb.wav,0,1\n")
    with pytest.warns(
        UserWarning, match=r"1 recording has no label in some columns \(wr"
    ):
        assert read_tags(path)[1] == [["Dog"], ["None"]]


@pytest.mark.parametrize("index", [",", '"",', "Unnamed: 0,"])
def test_row_names_are_no_class(tmp_path, index):
    text = f"{index}file,Dog,Cat\n0,a.wav,1,1\n1,b.wav,0,0\n"
    assert read_tags(write(tmp_path / "pandas.csv", text)) == FOUND


def test_a_label_column_of_0_and_1(tmp_path):
    path = write(tmp_path / "weak.csv", "file,label,hasbird\na.wav,1,1\nb.wav,0,0\n")
    with pytest.raises(
        AnnotationError, match=r"'label' holds 0 and 1 instead of labels"
    ):
        read_tags(path)
    assert read_tags(path, label_columns="hasbird")[1] == [["hasbird"], []]
    # Other numbers are names, and so is an "x" alone.
    path = write(tmp_path / "x.csv", "file,label\na.wav,x\nb.wav,\n")
    assert read_tags(path)[1] == [["x"], []]
    path = write(tmp_path / "marks.csv", "file,Dog,Cat\na.wav,x,x\nb.wav,,\n")
    assert read_tags(path, label_columns=["Dog", "Cat"]) == FOUND
    path = write(tmp_path / "digits.csv", "file,label\na.wav,1\nb.wav,7\n")
    assert read_tags(path)[1] == [["1"], ["7"]]


# Separators


@pytest.mark.parametrize("mark", [",", ";", "|"])
@pytest.mark.parametrize("separator", ["\t", ",", ";"])
def test_what_separates_labels_and_cells(tmp_path, separator, mark):
    labels = f'"Dog{mark} Cat"'
    text = TAGS.replace("Dog,Cat", labels).replace("\t", separator)
    table = read_tag_table(write(tmp_path / "weak.txt", text))
    assert (table.filenames, table.labels) == FOUND
    assert table.summary.endswith(f"'event_labels', separated by {mark!r}")


@pytest.mark.parametrize("separator", [",", ";"])
def test_labels_that_nobody_quoted(tmp_path, separator):
    text = TAGS.replace("\t", separator).replace(
        "Dog,Cat", separator.join(["Dog", "Cat"])
    )
    assert read_tags(write(tmp_path / "weak.csv", text)) == FOUND
    # Surplus cells of another table are no labels.
    path = write(tmp_path / "a.csv", "labels,file\nDog,a.wav,Cat\n")
    with pytest.raises(
        AnnotationError, match="line 2: 3 cells where the header names 2"
    ):
        read_tags(path)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_labels_that_a_spreadsheet_spreads_over_columns(tmp_path, separator):
    text = "file,labels,,\na.wav,Dog,Cat,\nb.wav,,,\n".replace(",", separator)
    assert read_tags(write(tmp_path / "spread.csv", text)) == FOUND
    text = "file,Dog,Cat,,\na.wav,1,1,,\nb.wav,0,0,,\n".replace(",", separator)
    assert read_tags(write(tmp_path / "one_hot.csv", text)) == FOUND
    path = write(tmp_path / "one_hot.csv", text.replace("0", "0" + separator * 2 + "1"))
    with pytest.raises(
        AnnotationError, match=r"line 3: . cells where the header names 3"
    ):
        read_tags(path)


def test_excel_is_told_the_separator(tmp_path):
    for line in ("sep=;", '"sep=;"', "SEP=;\r"):
        text = f"{line}\nfile;labels, if any\na.wav;Dog,Cat\nb.wav;\n;Dog\n"
        path = write(tmp_path / "weak.csv", "\ufeff" + text)
        with pytest.raises(AnnotationError, match="line 5: filename is missing"):
            read_tags(path, label_columns="labels, if any")
        write(path, text.removesuffix(";Dog\n"))
        assert read_tags(path, label_columns="labels, if any") == FOUND


def test_each_column_has_its_kind_of_lists(tmp_path):
    text = "file,primary_label,others\na.wav,Dog,\"['Cat', 'Owl']\"\nb.wav,,[]\n"
    path = write(tmp_path / "birdclef.csv", text)
    table = read_tag_table(path, label_columns=["primary_label", "others"])
    assert table.labels == [["Dog", "Cat", "Owl"], []]
    assert table.summary == (
        "2 recordings, 3 classes, label column 'primary_label' and 'others', one label "
        "per row and printed as lists"
    )


def test_a_header_alone(tmp_path):
    table = read_tag_table(write(tmp_path / "weak.csv", "file,labels\n"))
    assert table.labels == table.filenames == table.notes == []
    assert table.summary.startswith("0 recordings, 0 classes, label column 'labels', ")


def test_separators_on_request(tmp_path):
    path = write(tmp_path / "weak.txt", "file|labels\na.wav|Dog/Cat\nb.wav|\n")
    assert read_tags(path, separator="|", label_separator="/") == FOUND
    # AudioSet's names hold commas.
    text = 'file,labels\na.wav,"Male speech, man speaking"\nb.wav,"Dog;Bark, yip"\n'
    path = write(tmp_path / "weak.csv", text)
    with pytest.raises(
        AnnotationError, match=r"line 3: .*'Dog;Bark, yip' are not written like 'Male"
    ):
        read_tags(path)
    labels = read_tags(path, label_separator=";")[1]
    assert labels == [["Male speech, man speaking"], ["Dog", "Bark, yip"]]
    labels = read_tags(path, label_separator="")[1]
    assert labels == [["Male speech, man speaking"], ["Dog;Bark, yip"]]
    for wrong in ("", "tab", "\n", '"'):
        with pytest.raises(ValueError, match=r"separator=.* must be one character"):
            read_tags(path, separator=wrong)


@pytest.mark.parametrize(
    "cell",
    [
        "['Dog', 'Cat']",
        "['Dog' 'Cat']",
        '["Dog", "Cat"]',
        "('Dog', 'Cat')",
        "[Dog, Cat]",
    ]
    + ["{'Dog', 'Cat'}", "[u'Dog', u'Cat']", "[np.str_('Dog'), np.str_('Cat')]"]
    + ["['Dog','Cat',]", "[ 'Dog' , \"Cat\" ]", "'Dog','Cat'"],
)
@pytest.mark.parametrize("nothing", ["[]", "", "set()", "[ ]", "['']", "()"])
def test_printed_lists(tmp_path, cell, nothing):
    if cell[0] == "'" and nothing:
        return
    quoted = cell.replace('"', '""')
    text = f'filename,labels\na.wav,"{quoted}"\nb.wav,"{nothing}"\n'
    assert read_tags(write(tmp_path / "lists.csv", text)) == FOUND


def test_lists_as_pandas_writes_them(tmp_path):
    path = tmp_path / "lists.csv"
    labels = [["Dog's bark", 'a "quoted" one', "Bébé"], [], ["a, b", "c; (d", "[e]"]]
    for column in (
        labels,
        list(map(np.array, labels)),
        [list(map(np.str_, own)) for own in labels],
    ):
        frame = pd.DataFrame({"file": ["a", "b", "c"], "labels": column})
        frame.to_csv(path, index=False)
        assert read_tags(path) == (["a", "b", "c"], labels)
        frame.to_csv(path, sep="\t", encoding="utf-16")
        assert read_tags(path) == (["a", "b", "c"], labels)
    path.write_text('file\tlabels\na\t["B\\u00e9b\\u00e9"]\n')
    assert read_tags(path)[1] == [["Bébé"]]


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("Dog,,Cat", "line 2: a label is empty in 'Dog,,Cat'"),
        ("Dog;", "line 2: a label is empty in 'Dog;'"),
        (
            "Dog,NA",
            "line 2: 'NA' among the labels 'Dog,NA' means no label; leave it ou",
        ),
        ("['Dog', None]", "line 2: 'None' among the labels"),
        ("-|Dog", "line 2: '-' among the labels"),
        ("['Dog'", r"line 2: the label .* has a bracket without its counterpart"),
        ("['Dog' Cat", r"has a bracket without its counterpart"),
        ("['Dog', 'Cat]", r"line 2: the list .* cannot be read; check its quotation"),
        ("['Dog',, 'Cat']", r"line 2: the list .* cannot be read"),
        ("[['Dog'], ['Cat']]", r"line 2: the list .* cannot be read"),
        ("array(['Dog', 'Cat'], dtype=object)", "has a bracket without its counterp"),
        ("Bird (song, male)", "line 2: the label 'Bird .song' in .* label_separator"),
        ("Dog,b.wav", r"line 2: the label 'b\.wav' is the name of a recording"),
        ("Dog;Cat,Owl", "line 2: the labels .* are not written like"),
    ],
)
def test_labels_that_are_no_labels(tmp_path, cell, message):
    path = write(tmp_path / "weak.tsv", TAGS.replace("Dog,Cat", cell))
    with pytest.raises(AnnotationError, match=message):
        read_tags(path)


@pytest.mark.parametrize(
    "cells", [("Dog;Cat", "Dog,Cat"), ("['Dog']", "Dog"), ("Dog", "['Dog']")]
)
def test_a_file_has_one_kind_of_lists(tmp_path, cells):
    text = "file\tlabels\na\t\nb\t{}\nc\t{}\n".format(*cells)
    with pytest.raises(
        AnnotationError,
        match=r"line 4: the labels .* not written like .* in line 3; wri",
    ):
        read_tags(write(tmp_path / "weak.tsv", text))


def test_row_names_without_a_heading_are_no_recordings(tmp_path):
    # As R's write.table has them.
    path = write(tmp_path / "r.csv", '"file","labels"\n"r1","a.wav","Dog"\n')
    with pytest.raises(AnnotationError, match=r"'a\.wav' is the name of a recording"):
        read_tags(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("a.wav", "", "line 2: filename is missing"),
        ("a.wav", "NA", "line 2: filename is missing"),
        ("event_labels", "filename", "line 1: the column 'filename' appears twice"),
        ("Dog", '"Dog"', "line 2: .*check the quotation marks"),
    ],
)
def test_faults_in_lists_of_tags(tmp_path, old, new, message):
    with pytest.raises(AnnotationError, match=message):
        read_tags(write(tmp_path / "weak.tsv", TAGS.replace(old, new)))


# Missing labels and encodings


WORDS = [
    "NA",
    "n/a",
    "#N/A",
    "NaN",
    "None",
    "null",
    "NULL",
    "-",
    "<NA>",
    " na ",
    "[nan]",
]


@pytest.mark.parametrize("word", WORDS)
def test_words_for_no_label(tmp_path, word):
    path = write(tmp_path / "weak.csv", f"filename,labels\na.wav,Dog\nb.wav,{word}\n")
    if word == "[nan]":
        path.write_text(path.read_text().replace("Dog", "[Dog]"))
    note = f"1 recording has no label (written as {word.strip(' []')})"
    with pytest.warns(UserWarning, match=re.escape(note)) as caught:
        found = read_tags(path)
    assert found == (["a.wav", "b.wav"], [["Dog"], []])
    assert len(caught) == 1


def test_words_are_counted_once(tmp_path):
    text = "filename,labels\na,NA\nb,N/A\nc,Dog\nd,\ne,NA\n"
    with pytest.warns(
        UserWarning, match=r"3 recordings have no label \(written as NA, N/A\)"
    ) as caught:
        assert read_tags(write(tmp_path / "weak.csv", text))[1][2:] == [["Dog"], [], []]
    assert len(caught) == 1


def test_words_beside_printed_lists(tmp_path):
    path = write(
        tmp_path / "weak.tsv", "file\tlabels\na\t['Dog']\nb\tnan\nc\t\nd\t[]\n"
    )
    with pytest.warns(
        UserWarning, match=r"1 recording has no label \(written as nan\)"
    ):
        assert read_tags(path)[1] == [["Dog"], [], [], []]


def test_na_values_replace_the_words(tmp_path):
    path = write(
        tmp_path / "weak.csv", "filename,labels\na,None\nb,NA\nc,\nd,Dog|None\n"
    )
    assert read_tags(path, na_values=[])[1] == [["None"], ["NA"], [], ["Dog", "None"]]
    with pytest.warns(UserWarning, match="written as NA"):
        assert read_tags(path, na_values=["na"])[1][:2] == [["None"], []]
    path = write(tmp_path / "weak.csv", 'filename,labels\na,Dog\nb,"no, none"\n')
    with pytest.warns(UserWarning, match="written as no, none"):
        assert read_tags(path, na_values=["No, none"])[1] == [["Dog"], []]
    with pytest.raises(ValueError, match="na_values='NA' is not a list of words"):
        read_tags(path, na_values="NA")


@pytest.mark.parametrize(
    ("codec", "encoding"),
    [("utf-8", None), ("utf-8-sig", None), ("utf-16", None), ("utf-16", "latin-1")]
    + [("latin-1", "latin-1"), ("cp1252", "cp1252"), ("utf-16-be", "utf-16-be")],
)
def test_encodings(tmp_path, codec, encoding):
    text = TAGS.replace("Dog", "Bébé")
    path = write(tmp_path / "weak.tsv", text, codec)
    assert read_tags(path, encoding=encoding)[1] == [["Bébé", "Cat"], []]
    if encoding and codec != "utf-16":
        with pytest.raises(AnnotationError, match=r"not UTF-8.* encoding="):
            read_tags(path)


def test_zero_bytes_are_those_of_utf_16(tmp_path):
    path = write(tmp_path / "weak.tsv", TAGS, "utf-16-le")
    with pytest.raises(AnnotationError, match=r"line 1: .* zero bytes; .*'utf-16-le'"):
        read_tags(path)
    assert read_tags(path, encoding="utf-16-le") == FOUND


def test_a_spreadsheet_is_not_text(tmp_path):
    path = tmp_path / "weak.xlsx"
    path.write_bytes(b"PK\x03\x04 and so on")
    with pytest.raises(AnnotationError, match="a spreadsheet or an archive, not text"):
        read_tags(path)


# Writing


def test_a_list_of_tags(data, tmp_path):
    filenames, labels = read_tags(data / "weak.csv")
    assert len(filenames) == len(labels) == 80
    assert filenames[1] == "Y9XY--bY0bc9_1050.000_1060.000.wav"
    assert labels[1] == ["Vacuum_cleaner", "Dog", "Electric_shaver_toothbrush"]
    assert len({label for tags in labels for label in tags}) == 10
    for copy in (tmp_path / "weak.tsv", tmp_path / "weak.csv"):
        write_tags(copy, filenames, labels)
        assert read_tags(copy) == (filenames, labels)


@pytest.mark.parametrize(
    ("filenames", "labels", "message"),
    [
        (["a"], [], "1 filenames for 0 label lists"),
        (["a"], ["Dog"], "labels, clip 0: expected a list of labels, got 'Dog'"),
        (["a"], [["Dog,Cat"]], "labels, clip 0: the label 'Dog,Cat' contains ','"),
        (["a"], [["Dog;Cat"]], "labels, clip 0: the label 'Dog;Cat' contains ';'"),
        (["a"], [["[Dog]"]], "labels, clip 0: .* would be read as a list; rename it"),
        (["a", "a"], [[], []], "'a' appears twice"),
    ],
)
def test_tags_that_cannot_be_written(tmp_path, filenames, labels, message):
    with pytest.raises(AnnotationError, match=message):
        write_tags(tmp_path / "weak.tsv", filenames, labels)
    assert list(tmp_path.iterdir()) == []


def test_a_class_called_none_is_written_with_a_warning(tmp_path):
    path = tmp_path / "weak.tsv"
    with pytest.warns(UserWarning, match="the labels None are read as no label unless"):
        write_tags(path, ["a"], [["None"]])
    assert read_tags(path, na_values=[]) == (["a"], [["None"]])


texts = st.text(
    st.characters(exclude_categories=["C", "Z"], exclude_characters=",;|()[]{}'\""),
    min_size=1,
    max_size=6,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(labels=st.lists(st.lists(texts, max_size=3, unique=True), max_size=4))
def test_what_is_written_is_read(tmp_path, labels):
    filenames = [f"{clip}.wav" for clip in range(len(labels))]
    cells = {",".join(own).casefold() for own in labels} - {""}
    if (
        cells
        and cells <= {"0", "1", "x", "true", "false", "yes", "no"}
        and cells != {"x"}
    ):
        return  # as marks are
    if any(is_missing(label) for own in labels for label in own):
        return  # with a warning, see above
    for ending in ("tsv", "csv"):
        path = tmp_path / f"weak.{ending}"
        write_tags(path, filenames, labels)
        assert read_tags(path, na_values=[]) == (filenames, labels)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    labels=st.lists(
        st.lists(st.text(" ab'\"\\,[](){}|;é\u3000", min_size=1), max_size=3),
        min_size=1,
    )
)
def test_any_printed_list_is_read(tmp_path, labels):
    expected = [[label.strip() for label in own] for own in labels]
    if not all(all(own) for own in expected):
        return
    path = tmp_path / "lists.csv"
    frame = pd.DataFrame(
        {"file": [f"{i}.wav" for i in range(len(labels))], "tags": labels}
    )
    frame.to_csv(path, index=False)
    assert read_tags(path, na_values=[])[1] == [
        list(dict.fromkeys(own)) for own in expected
    ]


# Large tables


def test_many_tags_of_one_recording(tmp_path):
    rows = "".join(f"a.wav\tc{index}\n" for index in range(MANY))
    path = write(tmp_path / "weak.tsv", f"filename\tevent_labels\n{rows}")
    assert len(read_tags(path)[1][0]) == MANY


@pytest.mark.parametrize(
    "cell",
    [
        "[" * MANY + "]",
        "['" + " " * MANY,
        "[" + "\\" * MANY + "]",
        "[" + "a " * (MANY // 2) + "']",
        "[" + " " * MANY + "]",
    ],
)
def test_long_cells_take_little_time(tmp_path, cell):
    path = write(tmp_path / "weak.tsv", TAGS.replace("Dog,Cat", cell))
    start = time.perf_counter()
    with suppress(AnnotationError):
        read_tags(path)
    assert time.perf_counter() - start < 5


def test_the_last_of_many_filenames_appears_twice(tmp_path):
    filenames = [f"{index}.wav" for index in [*range(MANY), MANY - 1]]
    with pytest.raises(AnnotationError, match=r"'99999\.wav' appears twice"):
        write_tags(tmp_path / "weak.tsv", filenames, [[]] * len(filenames))


@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_row_names_of_r_without_a_heading(tmp_path, separator):
    rows = ['"filename","labels"', '"1","a.wav","Dog"', '"3","b.wav","Cat"']
    path = write(tmp_path / "r.txt", "\n".join(rows).replace(",", separator))
    assert read_tags(path) == (["a.wav", "b.wav"], [["Dog"], ["Cat"]])
    path = write(tmp_path / "r.txt", "filename,labels\n3,Dog,Cat\n1,Dog,Cat\n")
    assert read_tags(path)[0] == ["3", "1"]


def test_blanks_before_quotation_marks(tmp_path):
    path = tmp_path / "tags.csv"
    path.write_text('filename, tags\na.wav, "Dog,Cat"\n')
    assert read_tags(path) == (["a.wav"], [["Dog", "Cat"]])
