"""Intersection criteria and the intersection-based F1 score."""

from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import Interval, validate_params

from sklearn_sed.metrics._counts import ClipCounts, Floats, averaged
from sklearn_sed.metrics._inputs import EventArrays, align_events
from sklearn_sed.metrics._scores import AVERAGE

Spans = tuple[Floats, Floats]  # onsets and offsets

INTERSECTION = {
    "dtc_threshold": [Interval(Real, 0, 1, closed="right")],
    "gtc_threshold": [Interval(Real, 0, 1, closed="right")],
}


@validate_params(INTERSECTION | AVERAGE, prefer_skip_nested_validation=True)
def intersection_f1_score(
    y_true: Sequence[pd.DataFrame],
    y_pred: Sequence[pd.DataFrame],
    *,
    dtc_threshold: float = 0.5,
    gtc_threshold: float = 0.5,
    durations: ArrayLike | None = None,
    average: str | None = "macro",
    labels: Sequence[Any] | None = None,
) -> float | NDArray[Any]:
    """Compute the intersection-based F1 score.

    An estimated event is relevant when at least the fraction `dtc_threshold` of it
    (detection tolerance criterion) lies within reference events of its class; otherwise
    it is a false positive. A reference event is found when at least the fraction
    `gtc_threshold` of it (ground truth intersection criterion) lies within relevant
    estimated events [1]_. So one long event may find several short ones, and the other
    way round, and boundaries matter less than for :func:`event_based_f1_score`.

    Parameters
    ----------
    y_true : sequence of DataFrame of length n_clips
        Reference events: one table per clip with the columns `onset`, `offset` (in
        seconds) and `event_label`.
    y_pred : sequence of DataFrame of length n_clips
        Estimated events of the same clips.
    dtc_threshold : float, default=0.5
        Fraction of an estimated event that must lie within reference events.
    gtc_threshold : float, default=0.5
        Fraction of a reference event that relevant estimated events must cover.
    durations : float or array-like of shape (n_clips,), default=None
        Length of each clip in seconds; what lies beyond it is not evaluated. By default
        events are taken as they are.
    average : {"macro", "micro"} or None, default="macro"
        "macro": the mean over classes. "micro": one score from the counts of all
        classes. None: the score of each class.
    labels : sequence of str of length n_labels, default=None
        The classes that count, and their order. Events of other classes are left out,
        with a warning. By default all that occur in `y_true` or `y_pred`, sorted.

    Returns
    -------
    score : float or ndarray of shape (n_labels,)
        F1 score, 0 to 1. A class without a true positive has the score 0, also when it
        is never predicted or has no event at all; nothing against nothing is 0.

    Raises
    ------
    AnnotationError
        If an event table is not valid.
    LabelError
        If `y_true` and `y_pred` differ in length, or `labels` are not distinct.
    ValueError
        If `durations` does not hold one positive number per clip.

    Warns
    -----
    UserWarning
        If reference events last beyond the end of their clip, or have no length.

    Notes
    -----
    Time that several events of one class share counts once. An event without length
    meets no criterion. Times are compared to the microsecond.

    References
    ----------
    .. [1] C. Bilen, G. Ferroni, F. Tuveri, J. Azcarreta and S. Krstulovic, "A Framework
       for the Robust Evaluation of Sound Event Detection", ICASSP 2020, section 3.

    Examples
    --------
    >>> from sklearn_sed.events import make_events
    >>> from sklearn_sed.metrics import intersection_f1_score
    >>> y_true = [make_events([0.0, 4.0], [2.0, 6.0], ["Dog", "Cat"])]
    >>> y_pred = [make_events([0.5, 4.0], [2.5, 9.0], ["Dog", "Cat"])]
    >>> intersection_f1_score(y_true, y_pred, average=None)
    array([0., 1.])
    """
    counts = intersection_based(
        y_true, y_pred, dtc_threshold, gtc_threshold, durations, labels
    )
    return averaged(counts.columns()["f1"], average)


def intersection_based(
    y_true: Sequence[pd.DataFrame],
    y_pred: Sequence[pd.DataFrame],
    dtc_threshold: float,
    gtc_threshold: float,
    durations: ArrayLike | None,
    labels: Sequence[Any] | None,
) -> ClipCounts:
    """Count found events and false positives of each clip."""
    names, reference, estimated = align_events(y_true, y_pred, labels, durations)
    end = max(float(e.offset.max(initial=0.0)) for e in (reference, estimated))
    tp, n_ref, fp = np.zeros((3, reference.n_clips, len(names)))
    for label in range(len(names)):
        own = reference[reference.label == label]
        other = estimated[estimated.label == label]
        true, pred = on_one_axis(own, end), on_one_axis(other, end)
        relevant = meets(covered(pred, true), pred[1] - pred[0], dtc_threshold)
        heard = covered(true, (pred[0][relevant], pred[1][relevant]))
        found = meets(heard, true[1] - true[0], gtc_threshold)
        np.add.at(tp[:, label], own.clip[found], 1)
        np.add.at(n_ref[:, label], own.clip, 1)
        np.add.at(fp[:, label], other.clip[~relevant], 1)
    return ClipCounts(names, tp, n_ref, tp + fp, np.zeros(reference.n_clips))


def meets(part: Any, whole: Any, threshold: float) -> Any:
    """Tell whether a part is at least a fraction of the whole, to the microsecond."""
    microseconds = np.rint(part * 1e6)
    return (microseconds > 0) & (microseconds >= np.rint(threshold * whole * 1e6))


def merge(spans: Spans) -> Spans:
    """Merge intervals that overlap or touch; the result is sorted."""
    onset, offset = spans
    order = np.argsort(onset, kind="stable")
    onset, reached = onset[order], np.maximum.accumulate(offset[order])
    opens = np.ones(len(onset), dtype=bool)
    opens[1:] = onset[1:] > reached[:-1]
    return onset[opens], reached[np.roll(opens, -1)]


def on_one_axis(events: EventArrays, end: float) -> Spans:
    """Lay the clips one after the other, so that no two of them touch."""
    start = events.clip * (end + 1.0)
    return start + events.onset, start + events.offset


def union_lengths(events: EventArrays) -> Floats:
    """Return for how many seconds of each clip at least one of the events sounds."""
    end = float(events.offset.max(initial=0.0))
    starts, stops = merge(on_one_axis(events, end))
    clip = (starts // (end + 1.0)).astype(np.int64)
    lengths = np.zeros(events.n_clips)
    np.add.at(lengths, clip, stops - starts)
    return lengths


def covered(spans: Spans, by: Spans) -> Floats:
    """Return for how long each interval is covered by the union of others."""
    onset, offset = spans
    starts, stops = merge(by)
    if not len(starts):
        return np.zeros(len(onset))
    knots = np.column_stack([starts, stops]).ravel()
    lengths = np.column_stack([np.zeros(len(starts)), stops - starts]).ravel()
    until = np.cumsum(lengths)
    return np.interp(offset, knots, until) - np.interp(onset, knots, until)
