"""TextGrid files of Praat and EAF files of ELAN."""

import sys

import pytest
from pandas.testing import assert_frame_equal

from sklearn_sed.events import make_events, read_events, write_events
from sklearn_sed.exceptions import AnnotationError

DOG = make_events([0.5], [1.25], ["Dog"])

LONG = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 4.5
tiers? <exists>
size = 1
item []:
    item [1]:
        class = "IntervalTier"
        name = "sounds"
        xmin = 0
        xmax = 4.5
        intervals: size = 3
        intervals [1]:
            xmin = 0
            xmax = 0.5
            text = ""
        intervals [2]:
            xmin = 0.5
            xmax = 1.25
            text = "Dog"
        intervals [3]:
            xmin = 1.25
            xmax = 4.5
            text = ""
"""
SHORT = """File type = "ooTextFile"
Object class = "TextGrid"

0
4.5
<exists>
2
"IntervalTier"
"sounds"
0
4.5
3
0
0.5
""
0.5
1.25
"a ""loud"" dog"
1.25
4.5
""
"TextTier"
"peaks"
0
4.5
1
0.75
"bark"
"""


@pytest.fixture
def textgrid(tmp_path):
    pytest.importorskip("praatio")

    def read(text, written="utf-8", **options):
        path = tmp_path / "rec.TextGrid"
        path.write_bytes(text.encode(written))
        return read_events(path, **options)

    return read


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_intervals_of_a_textgrid(textgrid, encoding):
    names, (table,) = textgrid(LONG.replace("Dog", "Bébé"), encoding)
    assert names == ["rec"]
    assert_frame_equal(table, DOG.assign(event_label="Bébé"))
    _, (table,) = textgrid(LONG.replace("Dog", "Bébé"), "latin-1", encoding="latin-1")
    assert table["event_label"].tolist() == ["Bébé"]
    assert textgrid(LONG.replace("\n", "\r\n"))[1][0].equals(DOG)


@pytest.mark.parametrize("text", [SHORT, SHORT.rstrip("\n")])
def test_all_tiers_of_a_textgrid_or_one(textgrid, text):
    _, (table,) = textgrid(text)
    expected = make_events([0.5, 0.75], [1.25, 0.75], ['a "loud" dog', "bark"])
    assert_frame_equal(table, expected.assign(tier=["sounds", "peaks"]))
    _, (table,) = textgrid(text, label_column="peaks")
    assert_frame_equal(table, expected[1:].reset_index(drop=True))
    with pytest.raises(AnnotationError, match="no tier 'calls', only sounds, peaks"):
        textgrid(text, label_column="calls")


@pytest.mark.parametrize("text", ["", "{}", "[1]", "filename\tonset\n", LONG[:400]])
def test_what_is_no_textgrid(textgrid, text):
    with pytest.raises(AnnotationError, match=r"rec\.TextGrid: not a TextGrid file"):
        textgrid(text)


def test_a_textgrid_whose_times_make_no_sense(textgrid):
    with pytest.raises(
        AnnotationError, match=r"tier 'sounds', annotation 1: offset 0\.2"
    ):
        textgrid(LONG.replace("xmax = 1.25", "xmax = 0.25"))


@pytest.fixture
def eaf(tmp_path):
    pympi = pytest.importorskip("pympi")
    document = pympi.Eaf()
    document.remove_tier("default")
    document.add_tier("Call")
    document.add_annotation("Call", 500, 1250, "song ")
    document.add_annotation("Call", 2000, 2501, "alarm")
    document.add_linguistic_type("about", constraints="Symbolic_Association")
    document.path = tmp_path / "rec.eaf"
    return document


def test_annotations_of_elan(eaf):
    eaf.to_file(eaf.path)
    names, (table,) = read_events(eaf.path)
    assert names == ["rec"]
    expected = make_events([0.5, 2.0], [1.25, 2.501], ["song", "alarm"])
    assert_frame_equal(table, expected)
    eaf.add_tier("Weather")
    eaf.add_annotation("Weather", 0, 3000, "rain")
    eaf.to_file(eaf.path)
    _, (table,) = read_events(eaf.path)
    assert table["event_label"].tolist() == ["rain", "song", "alarm"]
    assert table["tier"].tolist() == ["Weather", "Call", "Call"]
    assert_frame_equal(read_events(eaf.path, label_column="Call")[1][0], expected)


def test_tiers_of_elan_that_describe_others(eaf):
    eaf.add_tier("Species", ling="about", parent="Call")
    eaf.add_ref_annotation("Species", "Call", 600, "GWWA")
    eaf.to_file(eaf.path)
    with pytest.warns(UserWarning, match=r"rec\.eaf: the tiers Species describe annot"):
        _, (table,) = read_events(eaf.path)
    assert table["event_label"].tolist() == ["song", "alarm"]
    _, (table,) = read_events(eaf.path, label_column="Species")
    assert_frame_equal(table, DOG.assign(event_label="GWWA"))


def test_faults_in_elan(eaf):
    eaf.add_annotation("Call", 3000, 3500, "")
    eaf.to_file(eaf.path)
    with pytest.raises(
        AnnotationError, match="tier 'Call', annotation 3: event_label is"
    ):
        read_events(eaf.path)
    text = eaf.path.read_text()
    for bad in ("", "<a>", "<a/>", text[:-300], text.replace("TIME_VALUE", "VALUE")):
        eaf.path.write_text(bad)
        with pytest.raises(AnnotationError, match=r"rec\.eaf: not an ELAN file"):
            read_events(eaf.path)
    with pytest.raises(FileNotFoundError, match=r"none\.eaf"):
        read_events(eaf.path.with_name("none.eaf"))


@pytest.mark.parametrize(
    ("name", "library", "extra"),
    [("a.TextGrid", "praatio", "textgrid"), ("a.eaf", "pympi", "elan")],
)
def test_without_its_library_the_error_says_how_to_get_it(
    tmp_path, monkeypatch, name, library, extra
):
    for module in [m for m in sys.modules if m.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, library, None)
    (tmp_path / name).write_text("")
    with pytest.raises(ImportError, match=rf"pip install 'sklearn-sed\[{extra}\]'"):
        read_events(tmp_path / name)


@pytest.mark.parametrize("name", ["a.TextGrid", "a.eaf"])
def test_tiers_are_not_written(tmp_path, name):
    with pytest.raises(AnnotationError, match="is read but not written"):
        write_events(tmp_path / name, ["a"], [DOG])
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_textgrids(textgrid, tmp_path):
    textgrid(LONG)
    (tmp_path / "b.TextGrid").write_text(LONG.replace("Dog", "Cat"))
    names, events = read_events(tmp_path, filenames=["x/b.wav", "x/rec.wav"])
    assert names == ["x/b.wav", "x/rec.wav"]
    assert [table["event_label"].tolist() for table in events] == [["Cat"], ["Dog"]]


def test_tiers_belong_to_formats_that_have_some(tmp_path):
    (tmp_path / "a.rttm").write_text("")
    with pytest.raises(ValueError, match="label_column='Call' names a column or tier"):
        read_events(tmp_path / "a.rttm", label_column="Call")
