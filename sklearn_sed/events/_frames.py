"""Time ↔ frames: the one place that knows when a frame is.

Frame k covers the seconds from o + k·r to o + (k + 1)·r, where r is the time resolution
and o the time offset. Times of events are cut to those of their clip.
"""

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from sklearn_sed.events._tables import check_table, make_events, unknown_label
from sklearn_sed.exceptions import TimeResolutionError

# Annotation files are written to the microsecond: times closer than this are the same.
TIME_TOLERANCE = 1e-6


def _check_time_resolution(time_resolution: float) -> float:
    """Return the seconds per frame as a float, or say that they make no sense."""
    try:
        seconds = float(time_resolution)
    except (TypeError, ValueError):
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise TimeResolutionError(
            f"time_resolution must be a positive number of seconds per frame, got "
            f"{time_resolution!r}"
        )
    return seconds


def frames_to_time(
    frames: ArrayLike, time_resolution: float, time_offset: float = 0.0
) -> np.ndarray:
    """Convert frame indices to the times at which the frames begin.

    Frame ``k`` begins at ``time_offset + k * time_resolution`` seconds, which may be
    before the clip does; the end of an event whose last frame is ``k`` is the beginning
    of frame ``k + 1``.

    Parameters
    ----------
    frames : array-like of int
        Frame indices.
    time_resolution : float
        Seconds per frame.
    time_offset : float, default=0.0
        When frame 0 begins, in seconds: half a frame before 0 where frames are centred.

    Returns
    -------
    seconds : ndarray of float64, same shape as `frames`
        The beginning of each frame.

    Raises
    ------
    TimeResolutionError
        If `time_resolution` is not a positive number.

    Examples
    --------
    >>> from sklearn_sed.events import frames_to_time
    >>> frames_to_time([0, 1, 4], time_resolution=0.5)
    array([0. , 0.5, 2. ])
    """
    return np.asarray(frames) * _check_time_resolution(time_resolution) + time_offset


def run_times(
    start: ArrayLike,
    stop: ArrayLike,
    time_resolution: float,
    time_offset: float,
    end: Any,
) -> tuple[np.ndarray, np.ndarray]:
    """Return onsets and offsets of runs of frames, cut to the time from 0 to `end`."""
    onset = frames_to_time(start, time_resolution, time_offset)
    offset = frames_to_time(stop, time_resolution, time_offset)
    return np.maximum(onset, 0.0), np.minimum(offset, end)


def lasts(onset: np.ndarray, offset: np.ndarray, time_resolution: float) -> np.ndarray:
    """Tell which events last longer than rounding error."""
    return offset - onset > min(TIME_TOLERANCE, time_resolution / 4)


def time_to_frames(
    seconds: ArrayLike,
    time_resolution: float,
    side: Literal["onset", "offset"] = "onset",
    time_offset: float = 0.0,
) -> np.ndarray:
    """Convert times to frame indices.

    Times within a microsecond of a frame boundary lie on it, so that 0.3 s at 0.1 s per
    frame is frame 3, however 0.3 and 0.1 are rounded.

    Parameters
    ----------
    seconds : array-like of float
        Times from the start of the clip.
    time_resolution : float
        Seconds per frame.
    side : {"onset", "offset"}, default="onset"
        "onset": the frame that contains the time. "offset": the first frame that begins
        at or after the time, so that ``range(onset_frame, offset_frame)`` are the
        frames of an event.
    time_offset : float, default=0.0
        When frame 0 begins, in seconds: half a frame before 0 where frames are centred.

    Returns
    -------
    frames : ndarray of int64, same shape as `seconds`
        Frame indices.

    Raises
    ------
    TimeResolutionError
        If `time_resolution` is not a positive number.
    ValueError
        If `side` is neither "onset" nor "offset".

    Examples
    --------
    >>> from sklearn_sed.events import time_to_frames
    >>> time_to_frames([0.3, 0.35], time_resolution=0.1)
    array([3, 3])
    >>> time_to_frames([0.3, 0.35], time_resolution=0.1, side="offset")
    array([3, 4])
    """
    resolution = _check_time_resolution(time_resolution)
    position = (np.asarray(seconds, dtype=np.float64) - time_offset) / resolution
    tolerance = min(TIME_TOLERANCE / resolution, 0.25)
    if side == "onset":
        return np.floor(position + tolerance).astype(np.int64)
    if side == "offset":
        return np.ceil(position - tolerance).astype(np.int64)
    raise ValueError(f"side must be 'onset' or 'offset', got {side!r}")


def events_to_frames(
    table: pd.DataFrame,
    classes: Sequence[Any],
    n_frames: int,
    time_resolution: float,
    time_offset: float = 0.0,
) -> np.ndarray:
    """Convert the events of one clip to frame activity (a "roll").

    A frame is active for a class when an event of the class overlaps it by more than a
    microsecond (rounding error). Events or parts of events before the first frame or
    beyond the last one have no frame to be shown in.

    Parameters
    ----------
    table : DataFrame
        The event table of a clip.
    classes : sequence of str of length n_classes
        The class of each column.
    n_frames : int
        Number of frames of the clip.
    time_resolution : float
        Seconds per frame.
    time_offset : float, default=0.0
        When frame 0 begins, in seconds: half a frame before 0 where frames are centred.

    Returns
    -------
    active : ndarray of shape (n_frames, n_classes), dtype bool
        True where the class sounds in the frame.

    Raises
    ------
    LabelError
        If an event's label is not among `classes`.
    TimeResolutionError
        If `time_resolution` is not a positive number.

    Examples
    --------
    >>> from sklearn_sed.events import events_to_frames, make_events
    >>> table = make_events([0.1], [0.3], ["Dog"])
    >>> events_to_frames(table, ["Dog"], n_frames=4, time_resolution=0.1).ravel()
    array([False,  True,  True, False])
    """
    table = check_table(table, "event table")
    column = {label: index for index, label in enumerate(classes)}
    active = np.zeros((n_frames, len(column)), dtype=bool)
    onset = table["onset"].to_numpy(dtype=np.float64)
    offset = table["offset"].to_numpy(dtype=np.float64)
    starts = time_to_frames(onset, time_resolution, "onset", time_offset)
    stops = time_to_frames(offset, time_resolution, "offset", time_offset)
    # An event that lasts no longer than rounding error overlaps nothing by more.
    stops[~lasts(onset, offset, time_resolution)] = 0
    for label, start, stop in zip(
        table["event_label"].tolist(), starts.clip(0), stops.clip(0)
    ):
        if label not in column:
            raise unknown_label("event table", label, classes)
        active[start:stop, column[label]] = True
    return active


def frames_to_events(
    active: ArrayLike,
    time_resolution: float,
    classes: Sequence[Any],
    duration: float | None = None,
    score: ArrayLike | None = None,
    time_offset: float = 0.0,
) -> pd.DataFrame:
    """Convert the frame activity of one clip to events: one for each run of frames.

    Parameters
    ----------
    active : array-like of shape (n_frames, n_classes), dtype bool
        True where the class sounds in the frame.
    time_resolution : float
        Seconds per frame.
    classes : sequence of str of length n_classes
        The class of each column.
    duration : float, default=None
        Length of the clip in seconds, which no time exceeds: the last frame may reach
        beyond it, and frames that lie beyond it altogether are padding and give no
        event. By default the clip ends with its last frame. No time is below 0.
    score : array-like of shape (n_frames, n_classes), default=None
        Frame scores. An event's `score` is their mean over its frames. By default the
        table has no such column.
    time_offset : float, default=0.0
        When frame 0 begins, in seconds: half a frame before 0 where frames are centred.

    Returns
    -------
    events : DataFrame
        The event table.

    Raises
    ------
    TimeResolutionError
        If `time_resolution` is not a positive number.
    ValueError
        If the shapes of `active`, `score` and `classes` do not agree.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sed.events import frames_to_events
    >>> active = np.array([[0, 1, 1, 0, 1]], dtype=bool).T
    >>> frames_to_events(active, 0.5, ["Dog"], duration=2.25)
       onset  offset event_label
    0    0.5    1.50         Dog
    1    2.0    2.25         Dog
    """
    active = np.asarray(active, dtype=bool)
    labels = np.asarray(classes)
    if active.ndim != 2 or active.shape[1] != len(labels):
        raise ValueError(
            f"active must have the shape (n_frames, {len(labels)}), one column per "
            f"class, got {active.shape}"
        )
    n_frames, n_classes = active.shape
    edged = np.zeros((n_classes, n_frames + 2), dtype=np.int8)
    edged[:, 1:-1] = active.T
    change = np.diff(edged, axis=1)
    # Class by class, so that the n-th start and the n-th stop are of one event.
    column, start = np.nonzero(change == 1)
    stop = np.nonzero(change == -1)[1]
    end = np.inf if duration is None else duration
    onset, offset = run_times(start, stop, time_resolution, time_offset, end)
    inside = lasts(onset, offset, time_resolution)
    event_score = None
    if score is not None:
        curves = np.asarray(score, dtype=np.float64)
        if curves.shape != active.shape:
            raise ValueError(
                f"score must have the shape of active, {active.shape}, got "
                f"{curves.shape}"
            )
        event_score = _mean_score(curves, column, start, stop)[inside]
    return make_events(
        onset[inside], offset[inside], labels[column[inside]], event_score
    )


def _mean_score(
    score: np.ndarray, column: np.ndarray, start: np.ndarray, stop: np.ndarray
) -> np.ndarray:
    """Return the mean frame score of each event, given by class and frames."""
    if not len(column):
        return np.zeros(0)
    # Sums between start and stop in one curve that runs through all classes; the zero
    # at the end lets the last stop be an index.
    curve = np.append(score.T.ravel(), 0.0)
    first = column * len(score)
    bounds = np.column_stack([first + start, first + stop]).ravel()
    return np.add.reduceat(curve, bounds)[::2] / (stop - start)
