"""Event tables as tools write them: their columns, decimals, separators, headers."""

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from sklearn_sed.events import make_events, read_durations, read_events
from sklearn_sed.exceptions import AnnotationError

DOG = make_events([0.5], [1.25], ["Dog"])
RAVEN = (
    "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\t"
    "High Freq (Hz)"
)
ROW = "1\tSpectrogram 1\t1\t0.5\t1.25\t0\t0"
LIST = "filename\tonset\toffset\tevent_label\na.wav\t0.5\t1.25\tDog\nb.wav\n"


@pytest.fixture
def read(tmp_path):
    """Write a file, or a folder of files, and read it."""

    def read(name, text, written="utf-8", **options):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(text.encode(written))
        return read_events(tmp_path / name, **options)

    return read


def raven(headings="", *cells):
    rows = "".join(f"{ROW}\t{row}\n" for row in cells)
    return f"{RAVEN}{headings and chr(9)}{headings}\n{rows}"


# Which column holds the labels


@pytest.mark.parametrize(
    "heading",
    [
        *("Annotation", "Label", "event_label", "Class", "Species", "Species Code"),
        *("Common Name", "Scientific Name", "Call Type", "Sp", "Sp.", "Tag", "Type"),
        *("ID", "Call", "call type", "SPECIES", "species_code", "Common name"),
    ],
)
@pytest.mark.parametrize("name", ["a.selections.txt", "a.txt", "a.tsv"])
def test_columns_of_labels_by_their_usual_names(read, name, heading):
    names, (table,) = read(name, raven(heading, "Dog"))
    assert names == ["a"]
    assert_frame_equal(table, DOG)
    text = LIST.replace("event_label", heading)
    _, events = read("list.tsv", text)
    assert_frame_equal(events[0], DOG)


def test_any_column_may_hold_the_labels(read):
    text = raven("Annotation\tMy calls", "x\tDog")
    _, (table,) = read("a.selections.txt", text, label_column="My calls")
    assert_frame_equal(table, DOG.assign(Annotation="x"))
    _, (table,) = read("a.selections.txt", text, label_column="my_calls")
    assert_frame_equal(table, DOG.assign(Annotation="x"))
    _, (table,) = read("a.selections.txt", text)
    assert_frame_equal(table, DOG.assign(event_label="x", **{"My calls": "Dog"}))
    with pytest.raises(AnnotationError, match="line 1: there is no column 'Calls', on"):
        read("a.selections.txt", text, label_column="Calls")
    with pytest.raises(AnnotationError, match=r"label_column= one of .*, My calls"):
        read("a.selections.txt", text.replace("Annotation", "Remark"))
    list_ = LIST.replace("label\n", "label\tsinger\n").replace("Dog", "x\tDog")
    _, events = read("list.tsv", list_, label_column="singer")
    assert_frame_equal(events[0], DOG.assign(**{"event_label (other)": "x"}))
    with pytest.raises(ValueError, match="label_column='x' names a column or tier"):
        read("a.txt", "0\t1\tDog\n", format="audacity", label_column="x")


@pytest.mark.parametrize(
    ("headings", "cells", "label", "others"),
    [
        ("Annotation\tSpecies", "\tDog", "Dog", {"Annotation": None}),
        ("Annotation\tSpecies", "NA\tDog", "Dog", {"Annotation": "NA"}),
        ("Species Code\tCommon Name", "d1\tDog", "Dog", {"Species Code": "d1"}),
        ("Scientific Name\tCommon Name", "C\tDog", "Dog", {"Scientific Name": "C"}),
        ("Call Type\tSpecies", "bark\tDog", "Dog", {"Call Type": "bark"}),
        ("ID\tSpecies", "7\tDog", "Dog", {"ID": 7.0}),
        ("Type\tAnnotation", "x\tDog", "Dog", {"Type": "x"}),
    ],
)
def test_the_filled_one_of_several_columns(read, headings, cells, label, others):
    _, (table,) = read("a.selections.txt", raven(headings, cells))
    assert table["event_label"].tolist() == [label]
    for name, value in others.items():
        assert table[name].tolist() == [value] or pd.isna(table[name][0])


def test_a_label_that_another_column_has(read):
    text = raven("Annotation\tSpecies", "Cat\tcat", "\tdog")
    with pytest.raises(
        AnnotationError,
        match="line 3: event_label is missing; name every event, or pass label_column= "
        "such as 'Species'",
    ):
        read("a.selections.txt", text)
    _, (table,) = read("a.selections.txt", text, label_column="species")
    assert table["event_label"].tolist() == ["cat", "dog"]


def test_running_numbers_are_no_labels(read):
    text = raven("ID\tKind", "1\tDog")
    with pytest.raises(AnnotationError, match="the column 'Annotation' is missing"):
        read("a.selections.txt", text)
    assert read("a.selections.txt", text, label_column="ID")[1][0].shape == (1, 4)


def test_tables_without_rows_need_no_labels(read, tmp_path):
    for headings in ("Kind", "Annotation", ""):
        names, events = read("labels/quiet.Table.1.selections.txt", raven(headings))
        assert names == ["quiet"]
        assert [len(table) for table in events] == [0]
    read("labels/loud.Table.1.selections.txt", raven("Call Type", "Dog"))
    for options in ({}, {"label_column": "Call Type"}):
        names, (loud, quiet) = read_events(tmp_path / "labels", **options)
        assert names == ["loud", "quiet"]
        assert_frame_equal(loud, DOG)
        assert len(quiet) == 0


def test_several_tables_of_one_recording(read, tmp_path):
    read("labels/a.Table.1.selections.txt", raven("Annotation", "Dog"))
    cat = raven("Annotation", "Cat")
    read("labels/a.Table.2.selections.txt", cat)
    names, (table,) = read_events(tmp_path / "labels")
    assert names == ["a"]
    assert table["event_label"].tolist() == ["Cat", "Dog"]
    read("labels/a.Table.3.selections.txt", cat)
    with pytest.warns(
        UserWarning,
        match=r"Table\.3\.selections\.txt: 1 events are listed more than once .*: "
        r"line 2 repeats .*a\.Table\.2\.selections\.txt, line 2$",
    ):
        _, (table,) = read_events(tmp_path / "labels")
    assert table["event_label"].tolist() == ["Cat", "Cat", "Dog"]


def test_files_that_have_their_labels_in_different_columns(read, tmp_path):
    read("labels/a.selections.txt", raven("Annotation\tSpecies", "\tDog"))
    read("labels/b.selections.txt", raven("annotation\tSpecies", "check\tCat"))
    with pytest.warns(
        UserWarning,
        match=r"b\.selections\.txt: .* those of the column 'annotation', but of "
        r"'Species' in .*a\.selections\.txt; pass label_column=",
    ):
        read_events(tmp_path / "labels")
    _, events = read_events(tmp_path / "labels", label_column="Species")
    assert [table["event_label"][0] for table in events] == ["Dog", "Cat"]


@pytest.mark.parametrize("heading", ["score", "Confidence", "PROBABILITY", "Score"])
def test_the_score_by_its_usual_names(read, heading):
    expected = DOG.assign(score=0.75)
    text = raven(f"Annotation\t{heading}", "Dog\t0.75")
    assert_frame_equal(read("a.selections.txt", text)[1][0], expected)
    text = LIST.replace("label\n", f"label\t{heading}\n").replace("Dog", "Dog\t0.75")
    assert_frame_equal(read("a.tsv", text)[1][0], expected)


# Decimal commas


@pytest.mark.parametrize("separator", [";", "\t"])
@pytest.mark.parametrize("written", ["utf-8", "utf-8-sig", "utf-16"])
def test_spreadsheets_with_decimal_commas(read, separator, written):
    text = (
        "filename;onset;offset;event_label;score;snr;note\n"
        "a.wav;0,5;1,25;Dog;0,75;-3,5;a, b\nb.wav;;;;;;\nc.wav;1;2E1;1,5;7,5E-1;;\n"
    )
    names, (dog, none, other) = read("l.csv", text.replace(";", separator), written)
    assert names == ["a.wav", "b.wav", "c.wav"]
    assert_frame_equal(dog, DOG.assign(score=0.75, snr=-3.5, note="a, b"))
    assert len(none) == 0
    assert other.iloc[0].tolist()[:4] == [1.0, 20.0, "1,5", 0.75]


def test_semicolons_with_decimal_points(read):
    names, events = read("list.csv", LIST.replace("\t", ";"))
    assert names == ["a.wav", "b.wav"]
    assert_frame_equal(events[0], DOG)


def test_raven_tables_with_decimal_commas(read):
    text = raven("Annotation\tScore\tPeak (Hz)", "1,5\t0,9\t440,5").replace(
        "0.5", "0,5"
    )
    text = text.replace("1.25\t0\t0", "1,25\t100,0\t15000,0")
    _, (table,) = read("a.selections.txt", text)
    expected = make_events([0.5], [1.25], ["1,5"], [0.9])
    bounds = {"low_freq": 100.0, "high_freq": 15000.0, "Peak (Hz)": 440.5}
    assert_frame_equal(table, expected.assign(**bounds))


def test_label_tracks_with_decimal_commas(read):
    text = "0,500000\t1,250000\tDog\n\\\t500,0\t2000,5\n2\t3,5\t1,5\n"
    _, (table,) = read("a.txt", text, format="audacity")
    expected = make_events([0.5, 2], [1.25, 3.5], ["Dog", "1,5"])
    bounds = {"low_freq": [500.0, None], "high_freq": [2000.5, None]}
    assert_frame_equal(table, expected.assign(**bounds))


def test_thousands_of_rows_with_decimal_commas(read):
    rows = "".join(f"a.wav;{k},5;{k},75;Dog\n" for k in range(20_000))
    _, (table,) = read("a.csv", f"filename;onset;offset;event_label\n{rows}")
    assert (table["offset"] - table["onset"] == 0.25).all()
    assert len(table) == 20_000


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "a.csv",
            "a.wav,0,5,1,25,Dog",
            "line 2: 6 cells .* write decimals with a point",
        ),
        ("a.csv", 'a.wav,"0,5","1,25",Dog', "line 2: onset '0,5' has a decimal comma"),
        ("a.tsv", "a.wav\t0,5\t1.250\tDog", "line 2: '1.250' may be thousands or have"),
        ("a.tsv", "a.wav\t0,5\t1.250,5\tDog", "line 2: offset '1.250,5' is not a numb"),
        ("a.tsv", "a.wav\t0,5\t1,,25\tDog", "line 2: offset '1,,25' is not a number"),
    ],
)
def test_numbers_that_could_be_others(read, name, text, message):
    header = "filename\tonset\toffset\tevent_label\n"
    header = header.replace("\t", ",") if name == "a.csv" else header
    with pytest.raises(AnnotationError, match=message):
        read(name, f"{header}{text}\n")


def test_commas_and_points_that_cannot_be_thousands(read):
    _, events = read("list.tsv", LIST.replace("0.5", "0,5"))
    assert_frame_equal(events[0], DOG)


def test_durations_of_a_spreadsheet(tmp_path):
    (tmp_path / "d.csv").write_text("File;Length (s)\na.wav;10,5\nb.wav;7\n")
    assert read_durations(tmp_path / "d.csv") == (["a.wav", "b.wav"], [10.5, 7.0])


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.txt"])
def test_headings_of_raven_beside_names_of_recordings(read, name):
    text = "File,Begin Time (s),End Time (s),Annotation\na.wav,0,1,Dog\nb.wav,0,1,Cat\n"
    names, events = read(name, text)
    assert names == ["a.wav", "b.wav"]
    assert [list(table["event_label"]) for table in events] == [["Dog"], ["Cat"]]


def test_row_names_of_r_without_a_heading(read):
    text = '"file" "start" "end" "label"\n"1" "a.wav" 0.5 1.25 "Dog"\n'
    names, (table,) = read("r.tsv", text.replace(" ", "\t"))
    assert names == ["a.wav"]
    assert table["event_label"].tolist() == ["Dog"]
    with pytest.raises(AnnotationError, match="tabs, commas or semicolons separate"):
        read("r.tsv", text)


# Without a header


@pytest.mark.parametrize("name", ["a.tsv", "a.csv", "a.txt"])
@pytest.mark.parametrize("separator", ["\t", ",", ";"])
def test_lists_of_sed_eval(read, name, separator):
    text = "b.wav\na.wav\t0.5\t1.25\tDog\na.wav\t2\t3\tCat\n".replace("\t", separator)
    names, (none, table) = read(name, text)
    assert names == ["b.wav", "a.wav"]
    assert len(none) == 0
    assert_frame_equal(table, make_events([0.5, 2], [1.25, 3], ["Dog", "Cat"]))
    text = "a.wav\tpark\t0.5\t1.25\tDog\n".replace("\t", separator)
    names, (table,) = read(name, text)
    assert names == ["a.wav"]
    assert_frame_equal(table, DOG.assign(scene_label="park"))


def test_lists_of_sed_eval_about_one_recording(read):
    names, (table,) = read("rec.tsv", "0.5\t1.25\tDog\n0.5\t0.5\tCat\n")
    assert names == ["rec"]
    assert table["event_label"].tolist() == ["Cat", "Dog"]
    names, (table,) = read(
        "rec.ann", "0,5;1,25;Dog\n", filenames=["x.wav"], format="dcase"
    )
    assert names == ["x.wav"]
    assert_frame_equal(table, DOG)


def test_lists_of_names_alone(read):
    names, events = read("a.tsv", "a.wav\nb.wav\n")
    assert names == ["a.wav", "b.wav"]
    assert [len(table) for table in events] == [0, 0]
    for text in ("filename\na.wav\n", "filename\na.wav\t0.5\t1.25\tDog\n"):
        with pytest.raises(AnnotationError, match="the column 'onset' is missing"):
            read("a.tsv", text)


@pytest.mark.parametrize(
    "text",
    [
        "a.wav\t0.5\tDog\n",
        "a.wav\t0.5\tend\tDog\n",
        "0.5\t1.25\tDog\na.wav\n",
        "a.wav\t0.5\t1.25\tDog\na.wav\tpark\t0.5\t1.25\tDog\n",
        "a.wav\t0.5\t1.25\tDog\na.wav\t0.5\t1.25\tDog\t7\n",
        "Dog\nCat\n",
    ],
)
def test_what_has_neither_a_header_nor_a_known_layout(read, text):
    with pytest.raises(
        AnnotationError, match="line 1: the column 'filename' is missing"
    ):
        read("a.tsv", text)


def test_labels_that_are_named_like_columns_are_no_header(read):
    names, (table,) = read("a.tsv", "0.5\t1.25\tcall\n")
    assert names == ["a"]
    assert_frame_equal(table, DOG.assign(event_label="call"))


# BirdNET and Kaleidoscope


CSV = "Start (s),End (s),Scientific name,Common name,Confidence,File\n"
FOUND = "0.5,1.25,Canis,Dog,0.75,/data/a.wav\n"
THEIRS = DOG.assign(score=0.75)


def test_results_of_birdnet(read):
    names, (table,) = read("a.BirdNET.results.csv", CSV + FOUND)
    assert names == ["/data/a.wav"]
    assert_frame_equal(table, THEIRS.assign(**{"Scientific name": "Canis"}))
    combined = CSV + FOUND + FOUND.replace("/a", "/b")
    names, _ = read("BirdNET_CombinedTable.csv", combined)
    assert names == ["/data/a.wav", "/data/b.wav"]


def test_results_of_birdnet_that_name_no_file(read):
    old = (CSV + FOUND).replace(",File", "").replace(",/data/a.wav", "")
    names, (table,) = read("x.BirdNET.results.csv", old)
    assert names == ["x"]
    assert table["event_label"].tolist() == ["Dog"]
    assert read("x.BirdNET.results.csv", old, filenames=["b/x.wav"])[0] == ["b/x.wav"]
    with pytest.raises(AnnotationError, match="the column 'filename' is missing"):
        read("x.csv", old)


def test_where_birdnet_has_found_nothing(read, tmp_path):
    for text in (CSV, CSV.replace(",File", ""), f"{CSV}0,3,nocall,nocall,1.0,y.wav\n"):
        names, events = read("results/y.BirdNET.results.csv", text)
        assert [name.removesuffix(".wav") for name in names] == ["y"]
        assert [len(table) for table in events] == [0]
    read("results/x.BirdNET.results.csv", CSV + FOUND.replace("/data/a", "x"))
    wanted = ["x.wav", "y.wav"]
    _, events = read_events(tmp_path / "results", wanted)
    assert [len(table) for table in events] == [1, 0]
    read("unit/x.BirdNET.results.csv", CSV + FOUND.replace("/data/a", "x"))
    _, events = read_events(tmp_path, ["unit/x.wav", "results/x.wav"])
    assert [len(table) for table in events] == [1, 1]
    read("list.tsv", LIST.replace("a.wav", "./a.wav"))
    assert read_events(tmp_path / "list.tsv")[0][0] == "./a.wav"
    headings = "Common Name\tSpecies Code\tConfidence"
    names, events = read("z.selections.txt", raven(headings, "nocall\tnocall\t1.0"))
    assert names == ["z"]
    assert [len(table) for table in events] == [0]
    # In a list of your own, it is a class like others.
    _, events = read("list.tsv", LIST.replace("Dog", "nocall"))
    assert len(events[0]) == 1


def test_birdnet_for_r(read):
    text = (
        "filepath,start,end,scientific_name,common_name,confidence,lat,model\n"
        "/data/a.wav,0.5,1.25,Canis,Dog,0.75,-1,x\n"
    )
    expected = THEIRS.assign(scientific_name="Canis", lat=-1.0, model="x")
    for name in ("a.BirdNET.results.r.csv", "BirdNET_RTable.csv"):
        names, (table,) = read(name, text)
        assert names == ["/data/a.wav"]
        assert_frame_equal(table, expected)


def test_label_tracks_of_birdnet(read):
    text = "0.5\t1.25\tCanis_Dog\t0.75\n"
    names, (table,) = read("a.BirdNET.results.txt", text, format="audacity")
    assert names == ["a"]
    assert_frame_equal(table, THEIRS.assign(event_label="Canis_Dog"))
    # A number after some labels only is part of them.
    _, (table,) = read("a.txt", text + "2\t3\tCat\n", format="audacity")
    assert table["event_label"].tolist() == ["Canis_Dog\t0.75", "Cat"]


@pytest.mark.parametrize(
    ("header", "row", "filename"),
    [
        (
            "INDIR,FOLDER,IN FILE,OFFSET,DURATION,scientific_name,common_name,"
            "confidence",
            "/data,unit1,a.wav,0.5,0.75,Canis,Dog,0.75",
            "/data/unit1/a.wav",
        ),
        (
            "INDIR,OUTDIR,FOLDER,IN FILE,CHANNEL,OFFSET,DURATION,AUTO ID*,MANUAL ID,"
            "Score",
            "D:\\data,,unit1,a.wav,0,0.5,0.75,NoID,Dog,0.75",
            "D:\\data/unit1/a.wav",
        ),
        (
            "FOLDER,IN FILE,OFFSET,DURATION,TOP1MATCH,MANUAL ID,Confidence",
            "unit1,a.wav,0.5,0.75,Dog,,0.75",
            "unit1/a.wav",
        ),
        (
            "IN FILE,OFFSET,DURATION,AUTO ID,Probability",
            "a.wav,0.5,0.75,Dog,0.75",
            "a.wav",
        ),
    ],
)
def test_tables_of_kaleidoscope(read, header, row, filename):
    for name in ("k.csv", "k.BirdNET.results.kaleidoscope.csv"):
        names, (table,) = read(name, f"{header}\n{row}\n")
        assert names == [filename]
        assert_frame_equal(table[list(THEIRS)], THEIRS)


def test_lengths_in_place_of_ends(read):
    text = "file,start,duration,label\na.wav,0.5,0.75,Dog\n"
    assert_frame_equal(read("a.csv", text)[1][0], DOG)
    with pytest.raises(
        AnnotationError, match=r"line 2: the duration -1\.0 is negative"
    ):
        read("a.csv", text.replace("0.75", "-1"))
    with pytest.raises(AnnotationError, match="line 1: the column 'offset' is missing"):
        read("a.csv", text.replace("duration", "pitch"))
