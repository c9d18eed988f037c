"""How long events last."""

import numpy as np
import pytest

from sklearn_sed.plotting import (
    EventDurationsDisplay,
)
from tests.plotting._pictures import Detector, legend_names, tick_names


def test_durations_side_by_side(y_true, y_pred, ax):
    display = EventDurationsDisplay.from_predictions(y_true, y_pred, ax=ax)
    assert tick_names(ax.yaxis) == ["Cat", "Dog", "Running water"]
    assert len(display.boxes_true_["boxes"]) == len(display.boxes_pred_["boxes"]) == 3
    # Lines of the medians: dogs bark for 0.3, 0.5 and 0 seconds.
    median = display.boxes_true_["medians"][1]
    assert median.get_xdata()[0] == pytest.approx(0.3)
    assert np.mean(median.get_ydata()) == pytest.approx(0.8)
    found = display.boxes_pred_["medians"][1]
    assert found.get_xdata()[0] == pytest.approx(np.median([0.3, 1.0]))
    assert np.mean(found.get_ydata()) == pytest.approx(1.2)
    assert ax.get_xscale() == "log"
    assert ax.get_xlabel() == "Duration (s)"
    assert legend_names(ax) == ["reference", "estimated"]
    display.figure_.canvas.draw()


def test_durations_of_one_list_or_of_missing_classes(y_true, y_pred, ax):
    display = EventDurationsDisplay.from_predictions(
        y_true, ax=ax, log_scale=False, show_events=False, legend=False
    )
    assert display.boxes_pred_ is None
    assert ax.get_xscale() == "linear"
    assert np.mean(display.boxes_true_["medians"][0].get_ydata()) == 0.0
    other = EventDurationsDisplay({"Dog": [1.0]}, {"Cat": [2.0, 3.0]}).plot()
    assert tick_names(other.ax_.yaxis) == ["Dog", "Cat"]
    assert np.mean(other.boxes_pred_["medians"][0].get_ydata()) == pytest.approx(1.2)
    with pytest.raises(ValueError, match="no class"):
        EventDurationsDisplay({}).plot()


def test_durations_from_estimator(features, y_true):
    display = EventDurationsDisplay.from_estimator(
        Detector().fit(features), features, y_true, labels=["Dog"]
    )
    found = Detector().predict(features)
    assert len(display.durations_pred["Dog"]) == sum(
        (table["event_label"] == "Dog").sum() for table in found
    )
    assert len(display.durations_true["Dog"]) == 3
