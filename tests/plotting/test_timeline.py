"""Long recordings: events that are counted, and axes that tell the time."""

from datetime import datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklearn_sed.events import make_events
from sklearn_sed.exceptions import AnnotationError
from sklearn_sed.plotting import EventsDisplay, FrameScoresDisplay, TimelineDisplay
from sklearn_sed.plotting._time_axis import nice_step, tell
from tests.plotting._pictures import tick_names

NONE = make_events([], [], [])


def counts_of(display):
    """Return the counts that are drawn; what is less than one is none."""
    values = np.asarray(display.counts_im_.get_array())
    return np.where(values < 1, 0, values).astype(int).tolist()


def test_an_event_counts_in_every_span_in_which_it_is_heard(ax):
    events = make_events(
        [0, 9, 10, 25, 30, 39, 40],
        [5, 11, 20, 25, 31, 41, 50],
        ["Dog", "Dog", "Dog", "Dog", "Rain", "Rain", "Cat"],
    )
    display = TimelineDisplay(events, span=10.0, duration=40.0).plot(ax)
    assert tick_names(ax.yaxis) == ["Cat", "Dog", "Rain"]
    assert counts_of(display) == [[0, 0, 0, 0], [2, 2, 1, 0], [0, 0, 0, 2]]
    assert display.counts_im_.get_extent() == [0.0, 40.0, 2.5, -0.5]
    assert (ax.get_xlim(), ax.get_ylim()) == ((0.0, 40.0), (2.5, -0.5))
    assert display.span_ == 10.0


@given(
    st.lists(st.tuples(st.floats(0, 100), st.floats(0, 30)), max_size=20),
    st.sampled_from([0.5, 1.0, 7.0, 60.0]),
)
def test_counts_are_those_of_a_loop(spans, span):
    events = make_events(
        [onset for onset, _ in spans],
        [onset + length for onset, length in spans],
        ["a"] * len(spans),
    )
    display = TimelineDisplay(events)
    display.span_ = span
    found = display._count(events, ["a"], 100.0)
    edges = [span * i for i in range(found.shape[1])]
    expected = [
        sum(
            a < start + span and (b > start or a == b >= start)
            for a, b in zip(events["onset"], events["offset"])
            if a < 100.0
        )
        for start in edges
    ]
    assert found.tolist() == [expected]


def test_the_last_span_may_be_shorter(ax):
    events = make_events([41], [44], ["Dog"])
    display = TimelineDisplay(events, span=10.0, duration=42.0).plot(ax)
    assert counts_of(display) == [[0, 0, 0, 0, 1]]
    assert ax.get_xlim() == (0.0, 42.0)


def test_no_events_are_white_and_many_are_told_apart(ax):
    onset = np.repeat([10.0, 70.0], [1, 200])
    events = make_events(onset, onset + 1, ["Dog"] * 201)
    display = TimelineDisplay(events, span=60.0, duration=180.0).plot(ax)
    colors = display.counts_im_.to_rgba(display.counts_im_.get_array())[0]
    assert colors[2].tolist() == [1, 1, 1, 1]
    assert len({tuple(color) for color in colors}) == 3
    bar = display.counts_im_.colorbar
    assert tick_names(bar.ax.yaxis) == ["1", "5", "20", "100"]
    assert bar.ax.get_ylabel() == "Events in 1 min"


@pytest.mark.parametrize("highest", [1, 2, 7, 10])
def test_few_events_have_whole_numbers_on_the_scale(highest, ax):
    events = make_events([0.0] * highest, [1.0] * highest, ["Dog"] * highest)
    display = TimelineDisplay(events, duration=1000.0).plot(ax)
    names = [
        text.get_text() for text in display.counts_im_.colorbar.ax.get_yticklabels()
    ]
    assert names[0] == "1"
    assert all(name.isdecimal() for name in names)
    assert len(names) <= 6
    plain = TimelineDisplay(events, duration=1000.0).plot(colorbar=False)
    assert plain.counts_im_.colorbar is None


def test_a_spectrogram_above(features, ax):
    events = make_events([0.5], [1.0], ["Dog"])
    display = TimelineDisplay.from_predictions(
        [NONE, events], X=features, clip=1, ax=ax
    )
    assert display.duration == 1.95
    assert ax.get_xlim() == (0.0, 1.95)
    assert ax.get_ylim() == (0.5, -4.5)
    assert display.im_.get_array().shape == (16, 20)


def test_nothing_can_be_drawn(ax):
    display = TimelineDisplay(NONE, duration=5000.0).plot(ax)
    assert display.counts_im_ is None
    assert tick_names(ax.yaxis) == []
    display.figure_.canvas.draw()
    empty = TimelineDisplay(NONE, labels=["Dog"]).plot()
    assert not any(np.ravel(counts_of(empty)))
    empty.figure_.canvas.draw()


@pytest.mark.parametrize("span", [0, -1.0, np.nan, np.inf])
def test_impossible_spans(span):
    with pytest.raises(ValueError, match="must be a positive number of seconds"):
        TimelineDisplay(NONE, span=span).plot()


def test_bad_events_are_named():
    with pytest.raises(AnnotationError, match="events, clip 0"):
        TimelineDisplay([1.0]).plot()
    with pytest.raises(ValueError, match="clip=1 is not in y_pred, which has 1"):
        TimelineDisplay.from_predictions([NONE], clip=1)


# The axis of time


@pytest.mark.parametrize(
    ("duration", "names", "label"),
    [
        (120.0, None, "Time (s)"),
        (121.0, ["0:00", "0:30", "1:00", "1:30", "2:00"], "Time (min:s)"),
        (7200.0, ["0:00", "15:00", "30:00"], "Time (min:s)"),
        (7201.0, ["0:00", "0:30", "1:00"], "Time (h:min)"),
        (86400.0, ["0:00", "3:00", "6:00"], "Time (h:min)"),
        (90000.0, ["0:00", "6:00", "12:00", "18:00", "24:00"], "Time (h:min)"),
    ],
)
def test_long_times_are_told_in_minutes_or_hours(duration, names, label, ax):
    EventsDisplay(NONE, duration=duration).plot(ax)
    assert ax.get_xlabel() == label
    if names is not None:
        assert tick_names(ax.xaxis)[: len(names)] == names
        assert ax.get_xticks()[-1] <= duration


def test_a_start_shows_the_clock(ax):
    start = datetime(2024, 1, 31, 22, 50, 30)
    TimelineDisplay(NONE, duration=3 * 3600.0, start=start).plot(ax)
    assert tick_names(ax.xaxis)[:4] == ["23:00", "23:30", "00:00", "00:30"]
    assert ax.get_xticks()[0] == 570.0
    assert ax.get_xlabel() == "31 January 2024 to 1 February 2024"
    zoned = start.replace(tzinfo=timezone(timedelta(hours=10)), microsecond=500_000)
    EventsDisplay(NONE, duration=10.0, start=zoned).plot(ax)
    assert tick_names(ax.xaxis)[0] == "22:50:32"
    assert ax.get_xticks()[0] == 1.5
    assert ax.get_xlabel() == "31 January 2024"
    scores = np.zeros((40, 1))
    display = FrameScoresDisplay.from_predictions(
        None, [scores], classes=["Dog"], time_resolution=86400.0, start=start
    )
    assert tick_names(display.ax_.xaxis)[0] == "07 Feb"


@given(st.floats(0.001, 1e8), st.integers(1, 500))
def test_steps_are_few_and_small_enough(seconds, most):
    step = nice_step(seconds, most)
    assert step * most >= seconds or step == nice_step(1e12, 1)


def test_steps_have_names():
    names = ", ".join(tell(step) for step in (0.5, 30, 60, 90, 3600, 86400))
    assert names == "0.5 s, 30 s, 1 min, 1.5 min, 1 h, 1 d"
