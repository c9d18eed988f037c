"""PSD-ROC curves."""

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

from sklearn_sed.events import (
    make_events,
)
from sklearn_sed.exceptions import TimeResolutionError
from sklearn_sed.metrics import psd_roc_curve, psds_score
from sklearn_sed.plotting import (
    PSDROCDisplay,
)
from tests.plotting._pictures import CLASSES, Detector, legend_names


def test_psd_roc_curves(y_true, features, ax):
    frame_proba = Detector().fit(None).predict_frame_proba(features)
    display = PSDROCDisplay.from_predictions(
        y_true,
        frame_proba,
        labels=CLASSES,
        name="mine",
        ax=ax,
        scenario={"max_efpr": 5000.0, "alpha_st": 0.0},
    )
    expected = psd_roc_curve(
        y_true,
        frame_proba,
        time_resolution=0.1,
        labels=CLASSES,
        durations=1.95,
        max_efpr=5000.0,
        alpha_st=0.0,
    )
    assert len(expected.efpr) > 2
    assert display.curve.psds == expected.psds
    x, y = display.line_.get_data()
    np.testing.assert_array_equal(x[1:-1], expected.efpr)
    np.testing.assert_array_equal(y[1:-1], expected.tpr)
    assert x[0] == y[0] == 0.0
    assert x[-1] == 5000.0
    # The area under the staircase is the score.
    assert np.diff(x) @ y[:-1] / 5000 == pytest.approx(expected.psds)
    assert list(display.class_lines_) == CLASSES
    names = legend_names(ax)
    assert names[-1] == f"mine (PSDS = {expected.psds:.3f})"
    assert names[2] == f"Running water ({expected.class_psds['Running_water']:.2f})"
    assert ax.get_xlim() == (0.0, 5000.0)


def test_psd_roc_scenarios(y_true, features, ax):
    frame_proba = np.asarray(Detector().fit(None).predict_frame_proba(features))
    common = {"labels": CLASSES, "time_resolution": 0.1}
    first, second = (
        PSDROCDisplay.from_predictions(
            y_true, frame_proba, scenario=s, ax=ax, plot_classes=False, **common
        )
        for s in (1, 2)
    )
    assert not first.class_lines_
    assert first.curve.psds < second.curve.psds
    assert second.curve.psds == psds_score(
        y_true,
        frame_proba,
        durations=2.0,
        dtc_threshold=0.1,
        gtc_threshold=0.1,
        cttc_threshold=0.3,
        alpha_ct=0.5,
        **common,
    )
    own = PSDROCDisplay.from_predictions(
        y_true, frame_proba, scenario={"max_efpr": 50.0}, **common
    )
    assert own.curve.max_efpr == 50.0
    with pytest.raises(ValueError, match="scenario must be 1, 2 or a dict"):
        PSDROCDisplay.from_predictions(y_true, frame_proba, scenario=3, **common)
    with pytest.raises(TimeResolutionError):
        PSDROCDisplay.from_predictions(y_true, frame_proba, labels=CLASSES)


def test_psd_roc_from_estimator(y_true, features):
    model = make_pipeline(Detector()).fit(features)
    display = PSDROCDisplay.from_estimator(model, features, y_true, name="model")
    frame_proba = Detector().fit(None).predict_frame_proba(features)
    direct = PSDROCDisplay.from_predictions(y_true, frame_proba, labels=CLASSES)
    assert display.curve.psds == direct.curve.psds
    # A class that nobody trained is never found.
    more = y_true.copy()
    more[1] = make_events([0.0], [1.0], ["Speech"])
    unknown = PSDROCDisplay.from_estimator(model, features, more)
    assert unknown.curve.class_psds["Speech"] == 0.0
