"""Events by hour and day."""

from datetime import date, datetime, timedelta

import numpy as np
import pytest

from sklearn_sed.events import make_events
from sklearn_sed.exceptions import AnnotationError
from sklearn_sed.plotting import EventsPerHourDisplay
from tests.plotting._pictures import tick_names

OWL, NONE = make_events([1.0], [2.0], ["Tawny_owl"]), make_events([], [], [])


def colors_of(image):
    return image.to_rgba(image.get_array())


def test_each_class_has_a_field_of_days_and_hours(ax):
    both = make_events([1, 2, 3], [2, 3, 4], ["Robin", "Robin", "Tawny_owl"])
    names = ["x/A_20240131_053000.wav", "B_20240201_230000.wav", "20240201_053000.wav"]
    display = EventsPerHourDisplay.from_predictions(
        names, [both, OWL, NONE], durations=[600, 7200, 60], ax=ax
    )
    assert display.labels == ["Robin", "Tawny_owl"]
    assert display.days == [date(2024, 1, 31), date(2024, 2, 1), date(2024, 2, 2)]
    robins, owls = (np.asarray(image.get_array()) for image in display.ims_)
    assert robins[0, 5] == 2
    assert owls[0, 5] == 1
    assert owls[1, 23] == 1
    assert colors_of(display.ims_[0])[1, 5].tolist() == [1, 1, 1, 1]  # none were heard
    assert colors_of(display.ims_[0])[0, 6, 3] == 0  # nothing was recorded
    assert colors_of(display.ims_[0])[2, 0].tolist() == [1, 1, 1, 1]
    names = [text.get_text() for text in ax.texts]
    assert names == ["Robin", "Tawny owl"]
    assert tick_names(ax.yaxis) == ["31 Jan", "1 Feb", "2 Feb"] * 2
    assert tick_names(ax.xaxis) == [str(hour) for hour in range(0, 25, 3)]
    assert ax.get_xlabel() == "Hour of the day, 2024"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["not recorded"]


def test_where_all_was_recorded_nothing_is_hatched(ax):
    EventsPerHourDisplay.from_predictions(
        ["a"], [OWL], starts=[datetime(2023, 12, 31)], durations=86400.0, ax=ax
    )
    assert ax.get_legend() is None
    assert ax.get_xlabel() == "Hour of the day, 2023"


def test_a_line_divides_days_that_are_apart(ax):
    starts = [datetime(2023, 12, day, 5) for day in (1, 2, 30)] + [datetime(2024, 1, 1)]
    EventsPerHourDisplay.from_predictions("abcd", [OWL] * 4, starts=starts, ax=ax)
    assert len(ax.lines) == 2
    assert ax.get_xlabel() == "Hour of the day, 2023 to 2024"


def test_a_season_has_room_for_some_dates(ax):
    starts = [datetime(2024, 4, 1) + timedelta(days=day) for day in range(120)]
    display = EventsPerHourDisplay.from_predictions(
        range(120), [OWL] * 120, starts=starts, ax=ax
    )
    ticks = ax.get_yticks()
    assert 8 <= len(ticks) <= 12
    assert np.diff(ticks).min() >= 0.15
    assert display._size()[1] < 3.5


def test_chosen_classes(ax):
    display = EventsPerHourDisplay.from_predictions(
        ["20240131_053000"], [OWL], labels=["Robin"], colorbar=False, ax=ax
    )
    assert display.counts.tolist() == [[[0] * 24]]
    display.figure_.canvas.draw()


def test_names_without_a_time_are_named():
    with pytest.raises(AnnotationError, match=r"a\.wav: its name has no date and time"):
        EventsPerHourDisplay.from_predictions(["a.wav"], [OWL])


def test_nothing_to_draw():
    with pytest.raises(ValueError, match="there is no class"):
        EventsPerHourDisplay.from_predictions(["20240131_053000"], [NONE], durations=9)
    with pytest.raises(ValueError, match="there is no day with recordings"):
        EventsPerHourDisplay.from_predictions([], [], labels=["Dog"])
    with pytest.raises(ValueError, match=r"must be \(1, 1, 24\) and \(1, 24\)"):
        EventsPerHourDisplay(
            ["a"], [date(2024, 1, 1)], np.zeros((1, 1, 23)), np.zeros((1, 24))
        ).plot()
