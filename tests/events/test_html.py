"""Events as HTML: what is shown, and that no label becomes markup."""

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklearn_sed.events import EventsHTML, make_events, stack_tables
from sklearn_sed.exceptions import AnnotationError

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title></svg><svg onload=alert(1)>",
    "</style><script>alert(1)</script>",
    "</details></div></td><iframe src='javascript:alert(1)'>",
    "<!--",
    "<![CDATA[",
    "&lt;b&gt;",
    "&#60;b&#62;",
    "{{7*7}}$x$",
    "\u202egnp.exe",
    "x" * 300,
]


class Page(HTMLParser):
    """The structure of a page, and its text."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.structure, self.open, self.text = [], [], []
        self.titles = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.structure.append((tag, tuple(name for name, _ in attrs)))
        self.open.append(tag)
        self.titles += [value for name, value in attrs if name == "title"]

    def handle_startendtag(self, tag, attrs):
        self.structure.append((tag, tuple(name for name, _ in attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_comment(self, data):
        pytest.fail("a comment")

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.text.append(data)


def render(label, name="clip", **columns):
    table = make_events([0.5], [1.25], [label], [0.75]).assign(**columns)
    return Page(EventsHTML([table], filenames=[name])._repr_html_())


@pytest.mark.parametrize("label", HOSTILE)
@pytest.mark.parametrize("place", ["label", "name", "column", "heading"])
def test_no_text_becomes_markup(label, place):
    where = {
        "label": lambda text: render(text),
        "name": lambda text: render("Dog", text),
        "column": lambda text: render("Dog", note=text),
        "heading": lambda text: render("Dog", **{text: 1}),
    }[place]
    page = where(label)
    assert page.structure == where("harmless").structure
    assert not page.open
    assert label in page.text
    if place == "label":
        assert label in page.titles


@given(
    label=st.text(min_size=1).filter(
        lambda text: "\r" not in text and "\0" not in text
    ),
    name=st.text(min_size=1),
)
def test_any_text_leaves_the_structure_alone(label, name):
    page = render(label, name)
    assert page.structure == render("Dog").structure
    assert not page.open


def test_halves_of_characters_do_not_stop_a_notebook_from_being_saved():
    table = make_events([0], [1], ["Dog"])
    # As objects: where pandas has pyarrow, its own texts cannot hold them.
    table = table.assign(event_label=pd.Series(["\ud800"], dtype=object))
    html = EventsHTML([table])._repr_html_()
    assert html.encode("utf-8")


def test_timeline_and_table_say_the_same():
    table = make_events([0.0, 2.5], [1.0, 5.0], ["Dog", "Cat"], [0.5, 0.25])
    html = EventsHTML([table], filenames=["garden.wav"], durations=10)._repr_html_()
    assert '<rect x="0.0000%" width="10.0000%"' in html
    assert '<rect x="25.0000%" width="25.0000%"' in html
    text = Page(html).text
    assert "garden.wav" in text
    assert "0.000 to 1.000 s, score 0.50" in text
    assert "2 events" in text
    assert {"onset", "offset", "event_label", "score", "2.500", "0.250"} <= set(text)
    assert [part for part in text if part in {"Cat", "Dog"}][:2] == ["Cat", "Dog"]


def test_events_of_no_length_are_still_to_be_seen():
    html = EventsHTML([make_events([1.0], [1.0], ["click"])], durations=3600)
    assert 'width="0.0500%"' in html._repr_html_()


def test_clips_without_events():
    nothing = make_events([], [], [])
    page = Page(EventsHTML([nothing])._repr_html_())
    assert "no events" in page.text
    assert Page(EventsHTML([])._repr_html_()).structure


def test_clips_share_a_timeline_that_holds_them_all():
    short, long = make_events([0], [1], ["a"]), make_events([0], [4], ["a"])
    assert EventsHTML([short, long]).durations.tolist() == [4, 4]
    assert EventsHTML([short, long], durations=2).durations.tolist() == [2, 4]
    assert EventsHTML([short, long], durations=[2, 8]).durations.tolist() == [2, 8]


@pytest.mark.parametrize(
    "duration", [0.003, 1.0, 9.999, 10.0, 431 * 512 / 22050, 86400]
)
def test_the_axis_counts_in_round_numbers(duration):
    html = EventsHTML([make_events([0], [duration], ["a"])])._repr_html_()
    marks = [float(mark) for mark in re.findall(r"<text [^>]*>([\d.]+)", html)]
    assert 3 <= len(marks) <= 6
    assert marks[0] == 0
    assert marks[-1] <= duration * (1 + 1e-9)
    np.testing.assert_allclose(np.diff(marks), marks[1])


def test_clips_that_are_left_out_are_counted():
    events = [make_events([0], [1], ["Dog"])] * 5
    html = EventsHTML(events, max_clips=2)._repr_html_()
    assert html.count('sse-clip"') == 2
    assert "3 more clips" in html
    assert "more clip" not in EventsHTML(events)._repr_html_()


def test_what_predictions_look_like():
    events = stack_tables([make_events([0], [1], ["Dog"]), make_events([], [], [])])
    assert repr(EventsHTML(events)) == "EventsHTML(2 clips, 1 event)"


def test_long_labels_are_whole_in_the_table():
    label = "a very long label " * 20
    assert label in render(label).text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"filenames": ["a", "b"]}, "got 2 filenames for 1 clips"),
        ({"durations": [1.0, 2.0]}, r"each of 1 clips, got the shape \(2,\)"),
        ({"durations": 0}, "got 0.0 for clip 0"),
        ({"durations": [np.nan]}, "got nan for clip 0"),
    ],
)
def test_arguments_that_do_not_fit(arguments, message):
    with pytest.raises(ValueError, match=message):
        EventsHTML([make_events([0], [1], ["Dog"])], **arguments)


def test_tables_that_are_not_valid():
    with pytest.raises(AnnotationError, match="pass \\[table\\] for one clip"):
        EventsHTML(make_events([0], [1], ["Dog"]))
    with pytest.raises(AnnotationError, match="events, clip 0"):
        EventsHTML([pd.DataFrame({"onset": [1.0]})])
