"""What all Displays have in common."""

import inspect
import subprocess
import sys

import pytest

from sklearn_sed import plotting
from tests.plotting._pictures import (
    Detector,
)

DISPLAYS = [name for name in plotting.__all__ if name.endswith("Display")]


@pytest.mark.parametrize("name", DISPLAYS)
def test_every_display_follows_scikit_learn(name, features, y_true, ax):
    cls = getattr(plotting, name)
    assert isinstance(inspect.getattr_static(cls, "from_predictions"), classmethod)
    model, given = Detector().fit(features), {}
    if name == "EventsPerHourDisplay":
        given["filenames"] = [f"20240131_0{hour}0000.wav" for hour in range(4)]
    display = cls.from_estimator(model, features, y_true, ax=ax, **given)
    assert type(display) is cls
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    given = list(inspect.signature(cls).parameters)
    assert set(given) <= set(vars(display))
    assert display.plot() is display
    assert display.ax_ is not ax


def test_drawing_on_axes_needs_no_figure_of_pyplot():
    script = """
import io, sys
import numpy as np
from sklearn_sed.plotting import *
assert "matplotlib" not in sys.modules
from matplotlib.figure import Figure
from sklearn_sed.events import make_events
ax = Figure().subplots(1, 6)
y = [make_events([0.0], [1.0], ["Dog"])]
scores = np.array([[[0.2], [0.9]]])
EventsDisplay.from_predictions(y, y, ax=ax[0])
FrameScoresDisplay.from_predictions(
    y, scores, classes=["Dog"], time_resolution=0.5, ax=ax[2])
display = ClassCorrelationDisplay.from_predictions(scores, ax=ax[3])
TimelineDisplay.from_predictions(y, ax=ax[4])
EventsPerHourDisplay.from_predictions(["20240131_053000"], y, ax=ax[5])
display.figure_.savefig(io.BytesIO(), format="png")
assert "matplotlib.pyplot" not in sys.modules
# matplotlib itself imports pyplot for a box plot.
EventDurationsDisplay.from_predictions(y, y, ax=ax[1])
import matplotlib.pyplot as plt
assert plt.get_fignums() == []
"""
    subprocess.run([sys.executable, "-c", script], check=True)
