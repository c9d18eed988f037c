"""What becomes of events."""

import numpy as np
import pandas as pd
import pytest

from sklearn_sed.analysis import event_errors
from sklearn_sed.events import make_events
from sklearn_sed.plotting import EventErrorsDisplay
from tests.plotting._pictures import Detector, extents, legend_names, tick_names


@pytest.fixture(scope="module")
def errors():
    y_true = [
        make_events([0, 2, 4, 6], [1, 3, 5, 6.3], ["Dog"] * 3 + ["Running_water"]),
        make_events([1], [1.5], ["Dog"]),
    ]
    y_pred = [
        make_events([0, 2, 8], [1, 5, 8.2], ["Dog"] * 3),
        make_events([3, 3], [4, 4], ["Dog", "Cat"]),
    ]
    return event_errors(y_true, y_pred)


def test_bars_by_class(errors, ax):
    display = EventErrorsDisplay(errors).plot(ax)
    assert tick_names(ax.yaxis) == ["Cat", "Dog", "Running water"]
    assert extents(display.bars_["found"]) == [(0, 0, 0), (1, 0, 1), (2, 0, 0)]
    assert extents(display.bars_["merged"]) == [(0, 0, 0), (1, 1, 3), (2, 0, 0)]
    assert extents(display.bars_["missed"]) == [(0, 0, 0), (1, 3, 4), (2, 0, 0)]
    assert extents(display.bars_["missed tag"]) == [(0, 0, 0), (1, 4, 4), (2, 0, 1)]
    # What nobody asked for goes to the left.
    assert extents(display.bars_["false alarm"]) == [(0, 0, 0), (1, 0, -2), (2, 0, 0)]
    assert extents(display.bars_["false tag"]) == [(0, 0, -1), (1, -2, -2), (2, 0, 0)]
    occur = ["found", "merged", "missed", "missed tag", "false alarm", "false tag"]
    assert legend_names(ax) == occur
    assert display.counts_.to_numpy().sum() == len(errors)
    assert list(display.counts_) == errors["cause"].cat.categories.tolist()
    assert len({bars[0].get_facecolor() for bars in display.bars_.values()}) == 10
    ax.figure.draw_without_rendering()
    left, right = ax.get_xlim()
    assert left < -2 < 4 < right
    assert "−" not in "".join(tick_names(ax.xaxis))


def test_bars_by_duration(errors, ax):
    display = EventErrorsDisplay(errors).plot(
        ax, by="duration", bins=[0.3, 1], legend=False, bar_kwargs={"height": 0.5}
    )
    assert tick_names(ax.yaxis) == ["< 0.3", "0.3 to 1", "≥ 1"]
    assert ax.get_ylabel() == "Duration (s)"
    assert ax.get_legend() is None
    assert display.bars_["found"][0].get_height() == pytest.approx(0.5)
    # 6.3 − 6 is a little less than 0.3.
    counts = display.counts_
    assert counts["missed tag"].tolist() == [0, 1, 0]
    assert counts["missed"].tolist() == [0, 1, 0]
    assert counts["merged"].tolist() == [0, 0, 2]
    assert counts["false alarm"].tolist() == [1, 0, 1]


def test_classes_without_events_and_tables_from_files(errors, tmp_path):
    nothing = [make_events([], [], [])]
    display = EventErrorsDisplay.from_predictions(nothing, nothing, labels=["Dog"])
    assert display.counts_.to_numpy().tolist() == [[0] * 10]
    assert display.ax_.get_legend() is None
    errors.to_csv(tmp_path / "errors.csv")
    read = EventErrorsDisplay(pd.read_csv(tmp_path / "errors.csv")).plot()
    pd.testing.assert_frame_equal(
        read.counts_, EventErrorsDisplay(errors).plot().counts_, check_index_type=False
    )


def test_errors_from_estimator(features, y_true):
    model = Detector().fit(features)
    options = {
        "labels": ["Dog", "Running_water", "Cat"],
        "t_collar": 0.05,
        "percentage_of_length": 0.0,
        "durations": 2.0,
    }
    display = EventErrorsDisplay.from_estimator(
        model, features, y_true, **options, by="duration"
    )
    expected = event_errors(y_true, model.predict(features), **options)
    pd.testing.assert_frame_equal(display.errors, expected)
    assert display.counts_.index.name == "duration"


def test_what_cannot_be_drawn(errors):
    display = EventErrorsDisplay(errors)
    with pytest.raises(ValueError, match="by must be 'event_label' or 'duration'"):
        display.plot(by="clip")
    for bins in ([], [0.0, 1.0], [2.0, 1.0], [np.nan], [[1.0]]):
        with pytest.raises(ValueError, match="bins must be durations"):
            display.plot(by="duration", bins=bins)
    with pytest.raises(ValueError, match="the cause 'lost'; those of event_errors"):
        EventErrorsDisplay(errors.assign(cause="lost")).plot()
    with pytest.raises(ValueError, match="no class"):
        EventErrorsDisplay.from_predictions([], [])
