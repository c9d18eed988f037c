"""What event tables say of frames, as a network shall say it."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from sklearn_sed.events._frames import TIME_TOLERANCE, frames_to_time
from sklearn_sed.events._partial import is_partial, read_knowledge
from sklearn_sed.events._tables import PRESENT, unknown_label


def events_to_targets(
    table: pd.DataFrame,
    classes: Sequence[Any],
    n_frames: int,
    time_resolution: float,
    time_offset: float = 0.0,
    duration: float | None = None,
) -> np.ndarray:
    """Convert the events of one clip to what a network shall say of its frames.

    A frame's target for a class is the share of the frame in which the class sounds: at
    an onset, targets of frames of a curve without end would rise from 0 to 1 between
    half a frame before it and half a frame after. Of a frame that is partly outside the
    clip, the part inside counts.

    Parameters
    ----------
    table : DataFrame
        The event table of a clip, or one from :func:`partial_events`.
    classes : sequence of str of length n_classes
        The class of each column.
    n_frames : int
        Number of frames of the clip.
    time_resolution : float
        Seconds per frame.
    time_offset : float, default=0.0
        When frame 0 begins, in seconds: half a frame before 0 where frames are centred.
    duration : float, default=None
        Length of the clip in seconds. By default it ends with its last frame.

    Returns
    -------
    targets : ndarray of shape (n_frames, n_classes), dtype float32
        From 0 to 1; NaN where the table does not tell of the whole frame.

    Raises
    ------
    AnnotationError
        If the table is not valid.
    LabelError
        If a label is not among `classes`.
    TimeResolutionError
        If `time_resolution` is not a positive number.

    Examples
    --------
    >>> from sklearn_sed.events import events_to_targets, make_events, partial_events
    >>> table = make_events([0.05], [0.3], ["Dog"])
    >>> events_to_targets(table, ["Dog"], n_frames=4, time_resolution=0.1).ravel()
    array([0.5, 1. , 1. , 0. ], dtype=float32)
    >>> table = partial_events(table, known=[(0, 0.2)])
    >>> events_to_targets(table, ["Dog"], n_frames=4, time_resolution=0.1).ravel()
    array([0.5, 1. , 1. , nan], dtype=float32)
    """
    tags, others, spans = read_knowledge(table, "event table")
    for label in tags:
        if label not in classes:
            raise unknown_label("event table", label, classes)
    targets = np.full((n_frames, len(classes)), np.nan, dtype=np.float32)
    known = [tags.get(label, others) for label in classes]
    targets[:, np.array(known) == 0] = 0.0
    if spans is None:
        return targets
    onset, offset = spans["onset"].to_numpy(), spans["offset"].to_numpy()
    named = spans["event_label"].to_numpy(dtype=object)
    edges = frames_to_time(np.arange(n_frames + 1), time_resolution, time_offset)
    edges = edges.clip(0.0, math.inf if duration is None else duration)
    length, tolerance = np.diff(edges), min(TIME_TOLERANCE, time_resolution / 4)
    inside = length > tolerance
    for column, label in enumerate(classes):
        if known[column] == 0:
            continue
        own = named == label
        told = np.ones(n_frames, dtype=bool)
        if is_partial(spans):
            spoken = own | pd.isna(named)
            seconds = _covered(edges, onset[spoken], offset[spoken])
            told = inside & (seconds > length - tolerance)
            own &= spans[PRESENT].to_numpy()
        seconds = _covered(edges, onset[own], offset[own])
        share = np.divide(seconds, length, out=np.zeros(n_frames), where=inside)
        targets[told, column] = share[told].clip(0.0, 1.0)
    return targets


def _covered(edges: np.ndarray, onset: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Return the seconds of each frame, given its edges, that spans cover."""
    order = onset.argsort()[: np.count_nonzero(~np.isnan(onset))]  # NaN comes last
    if not len(order):
        return np.zeros(len(edges) - 1)
    onset, end = onset[order], np.maximum.accumulate(offset[order])
    first = np.append(True, onset[1:] > end[:-1])  # of spans that touch each other
    start, stop = onset[first], end[np.append(first[1:], True)]
    times = np.column_stack([start, stop]).ravel()
    covered = np.column_stack([np.zeros(len(start)), stop - start]).ravel().cumsum()
    return np.diff(np.interp(edges, times, covered))
