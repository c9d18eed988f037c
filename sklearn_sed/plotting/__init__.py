"""Pictures in the manner of scikit-learn's Displays.

A Display stores numbers; its ``plot`` draws them on the axes it is given, or on those
of a new figure, and returns the Display with ``ax_`` and ``figure_``.
``from_predictions`` and ``from_estimator`` build and draw one.
:func:`plot_recordings` writes a picture of each of many recordings. matplotlib loads
with the first picture.
"""

from sklearn_sed.plotting._class_correlation import ClassCorrelationDisplay
from sklearn_sed.plotting._durations import EventDurationsDisplay
from sklearn_sed.plotting._errors import EventErrorsDisplay
from sklearn_sed.plotting._events import EventsDisplay
from sklearn_sed.plotting._events_per_hour import EventsPerHourDisplay
from sklearn_sed.plotting._frame_scores import FrameScoresDisplay
from sklearn_sed.plotting._psd_roc import PSDROCDisplay
from sklearn_sed.plotting._recordings import plot_recordings
from sklearn_sed.plotting._reliability import ReliabilityDisplay
from sklearn_sed.plotting._timeline import TimelineDisplay

__all__ = [
    "ClassCorrelationDisplay",
    "EventDurationsDisplay",
    "EventErrorsDisplay",
    "EventsDisplay",
    "EventsPerHourDisplay",
    "FrameScoresDisplay",
    "PSDROCDisplay",
    "ReliabilityDisplay",
    "TimelineDisplay",
    "plot_recordings",
]
