"""The matrix of what correlates."""

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

from sklearn_sed.analysis import class_correlation, mean_off_diagonal
from sklearn_sed.plotting import (
    ClassCorrelationDisplay,
)
from tests.plotting._pictures import CLASSES, Detector, tick_names


def test_class_correlation_matrix(ax):
    rng = np.random.default_rng(0)
    frame_proba = rng.random((3, 30, 3))
    display = ClassCorrelationDisplay.from_predictions(
        frame_proba, classes=CLASSES, ax=ax
    )
    expected = class_correlation(frame_proba)
    np.testing.assert_array_equal(display.im_.get_array(), expected)
    assert display.im_.get_clim() == (-1.0, 1.0)
    assert (
        tick_names(ax.xaxis) == tick_names(ax.yaxis) == ["Cat", "Dog", "Running water"]
    )
    assert display.text_[0, 0] is None
    assert float(display.text_[0, 1].get_text()) == round(expected[0, 1], 2)
    assert display.mean_off_diagonal_ == mean_off_diagonal(expected)
    assert ax.get_title() == f"mean off the diagonal: {display.mean_off_diagonal_:.2f}"


def test_class_correlation_adapts_to_its_matrix(ax):
    cosine = np.full((13, 13), 0.9)
    display = ClassCorrelationDisplay(cosine).plot(ax, colorbar=False)
    assert display.im_.get_clim() == (0.0, 1.0)
    assert display.im_.get_cmap().name == "cividis"
    assert display.text_ is None
    assert tick_names(ax.yaxis)[-1] == "12"
    small = ClassCorrelationDisplay(cosine[:2, :2]).plot()
    assert small.text_[0, 1].get_text() == ".90"
    # Yellow is bright: black on it, white on dark blue.
    assert small.text_[0, 1].get_color() == "black"
    dark = ClassCorrelationDisplay(np.eye(2)).plot()
    assert dark.text_[0, 1].get_color() == "white"


@pytest.mark.parametrize("n_classes", [1, 3, 10, 20])
def test_names_and_scale_of_a_matrix_lie_within_its_figure(n_classes):
    names = ["Electric_shaver_toothbrush"] * n_classes
    matrix = np.full((n_classes, n_classes), -0.5)
    figure = ClassCorrelationDisplay(matrix, display_labels=names).plot().figure_
    figure.canvas.draw()
    drawn, size = figure.get_tightbbox(), figure.get_size_inches()
    assert (drawn.min >= 0).all()
    assert (drawn.max <= size).all()


def test_class_correlation_from_estimator(features, y_true):
    model = make_pipeline(Detector()).fit(features)
    display = ClassCorrelationDisplay.from_estimator(model, features, method="cosine")
    frame_proba = model[-1].predict_frame_proba(features)
    np.testing.assert_array_equal(
        display.correlation, class_correlation(frame_proba, method="cosine")
    )
    tagged = ClassCorrelationDisplay.from_estimator(model, features, y_true)
    tags = [[1, 1, 0], [0, 0, 0], [0, 0, 1], [0, 1, 0]]
    np.testing.assert_array_equal(
        tagged.correlation, class_correlation(frame_proba, tags=tags)
    )
    assert tagged.display_labels.tolist() == CLASSES


def test_bad_matrices_are_named():
    with pytest.raises(ValueError, match=r"square, got shape \(2, 3\)"):
        ClassCorrelationDisplay(np.ones((2, 3))).plot()
    with pytest.raises(ValueError, match="1 names for 2 classes"):
        ClassCorrelationDisplay(np.eye(2), display_labels=["Dog"]).plot()
