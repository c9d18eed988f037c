"""Pictures in the manner of scikit-learn's Displays.

A Display stores numbers; its ``plot`` draws them on the axes it is given, or on those
of a new figure, and returns the Display with ``ax_`` and ``figure_``.
``from_predictions`` and ``from_estimator`` build and draw one. matplotlib loads with
the first picture.
"""

from ._class_correlation import ClassCorrelationDisplay
from ._durations import EventDurationsDisplay
from ._events import EventsDisplay
from ._frame_scores import FrameScoresDisplay
from ._psd_roc import PSDROCDisplay
from ._reliability import ReliabilityDisplay

__all__ = [
    "ClassCorrelationDisplay",
    "EventDurationsDisplay",
    "EventsDisplay",
    "FrameScoresDisplay",
    "PSDROCDisplay",
    "ReliabilityDisplay",
]
