"""Reliability diagrams."""

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

from sklearn_sed.calibration import multilabel_calibration_curve
from sklearn_sed.events import (
    TagArray,
)
from sklearn_sed.plotting import (
    ReliabilityDisplay,
)
from tests.plotting._pictures import CLASSES, Detector, legend_names


def test_reliability_curves(ax):
    rng = np.random.default_rng(0)
    y_proba = rng.random((200, 3))
    y = (rng.random((200, 3)) < y_proba).astype(int)
    display = ReliabilityDisplay.from_predictions(
        y, y_proba, labels=CLASSES, n_bins=5, name="mine", ax=ax
    )
    expected = multilabel_calibration_curve(y, y_proba, n_bins=5)
    x, height = display.line_.get_data()
    np.testing.assert_array_equal(x, expected.prob_pred)
    np.testing.assert_array_equal(height, expected.prob_true)
    assert list(display.class_lines_) == CLASSES
    assert sum(bar.get_height() for bar in display.bars_) == pytest.approx(1.0)
    assert legend_names(ax)[-1] == f"mine (ECE = {expected.error:.3f})"
    assert display.diagonal_.get_xydata().tolist() == [[0, 0], [1, 1]]


@pytest.mark.parametrize(("width", "beside"), [(3.4, False), (7.0, True)])
def test_many_curves_leave_room_for_themselves(width, beside):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, 3.5), layout="constrained")
    y_true = TagArray([[1, 0], [0, 1]], ["Alarm_bell_ringing", "Dog"])
    display = ReliabilityDisplay.from_predictions(
        y_true, [[0.9, 0.2], [0.1, 0.8]], ax=figure.subplots()
    )
    figure.draw_without_rendering()
    axes, legend = display.ax_.bbox, display.ax_.get_legend().get_window_extent()
    assert legend_names(display.ax_)[0] == "Alarm bell ringing (0.10)"
    assert axes.width > figure.bbox.width / 2
    assert (legend.x0 >= axes.x1) == beside
    assert legend.x0 >= 0


def test_reliability_with_less_on_it(features, y_true):
    model = make_pipeline(Detector()).fit(features)
    display = ReliabilityDisplay.from_estimator(
        model, features, y_true, plot_classes=False, show_distribution=False
    )
    assert display.class_lines_ == {}
    assert display.bars_ is None
    assert list(display.class_curves) == CLASSES
    unnamed = ReliabilityDisplay.from_predictions([[1, 0]], [[0.9, 0.2]])
    assert list(unnamed.class_curves) == [0, 1]
    bare = ReliabilityDisplay(display.curve).plot(name="bare")
    assert legend_names(bare.ax_)[0].startswith("bare (ECE")
