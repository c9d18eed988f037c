"""What is drawn."""

import matplotlib as mpl
import numpy as np
import pytest

from sklearn_sed import FeatureArray
from sklearn_sed.events import (
    events_to_frames,
    make_events,
    stack_tables,
)
from tests.plotting._pictures import CLASSES


@pytest.fixture(autouse=True)
def headless():
    """Draw into memory, and close what was drawn."""
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    yield
    plt.close("all")


@pytest.fixture
def ax():
    """Axes of a figure that pyplot does not know."""
    from matplotlib.figure import Figure

    return Figure(layout="constrained").subplots()


@pytest.fixture(scope="module")
def y_true():
    return stack_tables(
        [
            make_events([0.1, 0.5, 1.0], [0.4, 0.9, 1.5], ["Dog", "Cat", "Dog"]),
            make_events([], [], []),
            make_events([0.0], [1.9], ["Running_water"]),
            make_events([0.3], [0.4], ["Dog"]),
        ]
    )


@pytest.fixture(scope="module")
def features(y_true):
    """Return noise, louder in the band of a class while that sounds."""
    X = np.random.default_rng(0).uniform(-80, -40, (4, 20, 16)).astype(np.float32)
    for clip, table in zip(X, y_true):
        clip[:, : len(CLASSES)] += 30 * events_to_frames(table, CLASSES, 20, 0.1)
    return FeatureArray(X, time_resolution=0.1, durations=[1.95] * 4)


@pytest.fixture(scope="module")
def y_pred():
    return stack_tables(
        [
            make_events([0.2, 1.2], [0.5, 1.9], ["Dog", "Running_water"], [0.9, 0.4]),
            make_events([0.7], [0.8], ["Cat"], [0.5]),
            make_events([], [], []),
            make_events([0.0], [1.0], ["Dog"], [0.9]),
        ]
    )


@pytest.fixture(scope="module")
def waveforms():
    rng = np.random.default_rng(0)
    return rng.normal(0, 0.1, (3, 11025)).astype(np.float32)
