"""Frame scores in the lanes of their classes."""

import numpy as np
import pytest

from sklearn_sed.exceptions import LabelError, TimeResolutionError
from sklearn_sed.plotting import (
    FrameScoresDisplay,
)
from tests.plotting._pictures import (
    CLASSES,
    Detector,
    extents,
    legend_names,
    tick_names,
)


def test_score_curves_run_through_their_lanes(y_true, features, ax):
    frame_proba = Detector().fit(None).predict_frame_proba(features)
    display = FrameScoresDisplay.from_predictions(
        y_true,
        frame_proba,
        classes=CLASSES,
        X=features,
        threshold=[0.2, 0.5, 0.8],
        ax=ax,
    )
    assert tick_names(ax.yaxis)[:3] == ["Cat", "Dog", "Running water"]
    for lane, line in enumerate(display.lines_):
        x, y = line.get_data()
        np.testing.assert_allclose(x, 0.05 + 0.1 * np.arange(20))
        scores = np.asarray(frame_proba[0][:, lane], dtype=float)
        np.testing.assert_allclose(y, lane + 0.45 - 0.9 * scores)
    assert extents(display.bars_true_) == [(1, 0.1, 0.4), (0, 0.5, 0.9), (1, 1.0, 1.5)]
    assert legend_names(ax) == ["score, 0 to 1", "threshold", "reference event"]
    dotted = [line for line in ax.lines if line.get_linestyle() == ":"]
    levels = [line.get_ydata()[0] for line in dotted]
    np.testing.assert_allclose(levels, [0.45 - 0.18, 1.0, 2.45 - 0.72])
    assert ax.get_xlim() == (0.0, 1.95)


def test_scores_alone_with_a_clock_of_their_own(ax):
    scores = np.linspace(0, 1, 8).reshape(1, 4, 2)
    display = FrameScoresDisplay.from_predictions(
        None,
        scores,
        classes=["Dog", "Cat"],
        labels=["Cat"],
        time_resolution=0.5,
        ax=ax,
        line_kwargs={"color": "red"},
        legend=False,
    )
    (line,) = display.lines_
    np.testing.assert_allclose(line.get_ydata(), 0.45 - 0.9 * scores[0, :, 1])
    assert line.get_color() == "red"
    assert ax.get_xlim() == (0.0, 2.0)
    assert display.bars_true_ is None
    assert display.im_ is None


def test_bad_scores_are_named(y_true):
    scores = np.full((4, 20, 3), 0.5)
    draw = FrameScoresDisplay.from_predictions
    with pytest.raises(TimeResolutionError, match="how many seconds"):
        draw(y_true, scores, classes=CLASSES)
    with pytest.raises(ValueError, match=r"\(n_frames, 2\)"):
        draw(y_true, scores, classes=CLASSES[:2], time_resolution=0.1)
    for wrong in (8 * scores, np.nan * scores):
        with pytest.raises(ValueError, match="between 0 and 1"):
            draw(y_true, wrong, classes=CLASSES, time_resolution=0.1)
    with pytest.raises(LabelError, match="'Speech' is not among"):
        draw(y_true, scores, classes=CLASSES, labels=["Speech"], time_resolution=0.1)
