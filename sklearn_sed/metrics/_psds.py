"""Polyphonic sound detection score (PSDS), exact over all thresholds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import Interval, validate_params

from sklearn_sed.events import check_events, frames_to_time, time_to_frames
from sklearn_sed.events._tables import check_durations, check_labels
from sklearn_sed.exceptions import ClipError, LabelError
from sklearn_sed.metrics._counts import Floats, Ints
from sklearn_sed.metrics._inputs import (
    EventArrays,
    flatten,
    label_names,
    report_no_length,
    report_past_end,
)
from sklearn_sed.metrics._intersection import INTERSECTION, union_length

_SECONDS_PER_HOUR = 3600.0
_BLOCK_BYTES = 2**28  # frame scores held at once, as float64
_PSDS = INTERSECTION | {
    "cttc_threshold": [Interval(Real, 0, 1, closed="right"), None],
    "alpha_ct": [Interval(Real, 0, None, closed="left")],
    "alpha_st": [Interval(Real, 0, None, closed="left")],
    "max_efpr": [Interval(Real, 0, None, closed="neither")],
}


@dataclass(frozen=True)
class PSDROC:
    """Polyphonic sound detection receiver operating characteristic (PSD-ROC).

    All curves are staircases: a rate holds from its point to the next one, the last
    until `max_efpr`.

    Attributes
    ----------
    labels : list of length n_labels
        The classes.
    efpr : ndarray of shape (n_points,)
        Effective false positive rates per hour, ascending from 0.
    tpr : ndarray of shape (n_points,)
        Effective true positive rates: mean over classes less `alpha_st` times their
        standard deviation, not below 0.
    class_efpr, class_tpr : dict of ndarray
        For each label the curve of the class, only the points at which it rises.
    class_thresholds : dict of ndarray
        For each label the decision thresholds of these points: they are reached by the
        frames whose score is greater.
    max_efpr : float
        Where the curves end.

    See Also
    --------
    psd_roc_curve : Computes it.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sed.events import make_events
    >>> from sklearn_sed.metrics import psd_roc_curve
    >>> curve = psd_roc_curve(
    ...     [make_events([1.0], [2.0], ["Dog"])],
    ...     np.array([[[0.1], [0.9], [0.2], [0.1]]]),
    ...     time_resolution=1.0,
    ...     labels=["Dog"],
    ...     durations=4.0,
    ... )
    >>> curve.class_thresholds["Dog"], curve.class_tpr["Dog"]
    (array([0.2]), array([1.]))
    """

    labels: list[Any]
    efpr: Floats
    tpr: Floats
    class_efpr: dict[Any, Floats]
    class_tpr: dict[Any, Floats]
    class_thresholds: dict[Any, Floats]
    max_efpr: float

    @property
    def psds(self) -> float:
        """Normalised area under the curve: the PSDS."""
        return _area(self.efpr, self.tpr, self.max_efpr)

    @property
    def class_psds(self) -> dict[Any, float]:
        """Normalised area under the curve of each class."""
        return {
            label: _area(self.class_efpr[label], self.class_tpr[label], self.max_efpr)
            for label in self.labels
        }


@validate_params(_PSDS, prefer_skip_nested_validation=True)
def psds_score(
    y_true: Sequence[pd.DataFrame],
    frame_proba: Sequence[ArrayLike],
    *,
    time_resolution: float,
    time_offset: float | None = None,
    labels: Sequence[Any],
    durations: ArrayLike,
    dtc_threshold: float = 0.7,
    gtc_threshold: float = 0.7,
    cttc_threshold: float | None = None,
    alpha_ct: float = 0.0,
    alpha_st: float = 1.0,
    max_efpr: float = 100.0,
) -> float:
    """Compute the polyphonic sound detection score (PSDS).

    It is the area under the PSD-ROC curve [1]_, computed from every threshold that
    makes a difference [2]_, hence without choosing any. The defaults are scenario 1 of
    the DCASE challenge (react fast); scenario 2 (do not confuse classes) has
    ``dtc_threshold=0.1, gtc_threshold=0.1, cttc_threshold=0.3, alpha_ct=0.5``.

    Parameters
    ----------
    y_true : sequence of DataFrame of length n_clips
        Reference events: one table per clip with the columns `onset`, `offset` (in
        seconds) and `event_label`.
    frame_proba : sequence of array-like of shape (n_frames, n_labels)
        Frame scores of each clip. Any sequence will do, also one that reads a clip
        when asked for it; it is read once per block of classes.
    time_resolution : float
        Seconds per frame.
    time_offset : float, default=None
        When frame 0 begins, in seconds. By default what `frame_proba` carries, else 0.
        Frame k lasts from ``time_offset + k * time_resolution`` to ``time_offset +
        (k + 1) * time_resolution``; what lies beyond the ends of the clip is cut off.
    labels : sequence of str of length n_labels
        The class of each column.
    durations : float or array-like of shape (n_clips,)
        Length of each clip in seconds; reference events are cut off there.
    dtc_threshold : float, default=0.7
        Fraction of a detection that must lie within reference events of its class.
        Otherwise it is a false positive.
    gtc_threshold : float, default=0.7
        Fraction of a reference event that detections other than false positives must
        cover.
    cttc_threshold : float, default=None
        Fraction of a false positive that must lie within reference events of another
        class to be a cross-trigger.
    alpha_ct : float, default=0.0
        Weight of cross-triggers in the effective false positive rate. They are counted
        per hour of the class that they confuse, averaged over the other classes.
    alpha_st : float, default=1.0
        Weight of the standard deviation over classes, taken off the mean true positive
        rate.
    max_efpr : float, default=100.0
        Effective false positive rate per hour at which the curve ends.

    Returns
    -------
    psds : float
        Score, 0 to 1. The true positive rate of a class without any reference event is
        0, so pass only labels that occur, or compare nothing but equal data.

    Raises
    ------
    AnnotationError
        If an event table is not valid.
    ClipError
        If the scores of a clip have the wrong shape or are not finite.
    LabelError
        If the clips of `y_true` and `frame_proba` differ in number, or an event's label
        is not among `labels`.
    TimeResolutionError
        If `time_resolution` is not a positive number.
    ValueError
        If `durations` does not hold one positive number per clip, or `alpha_ct` is
        given without `cttc_threshold`.

    Warns
    -----
    UserWarning
        If reference events last beyond the end of their clip by more than a frame, or
        have no length.

    See Also
    --------
    psd_roc_curve : The curve, the curves of each class and their areas.
    intersection_f1_score : The same criteria at one operating point.

    Notes
    -----
    Time that several reference events of one class share counts once. An event without
    length meets no criterion. Times are compared to the microsecond. Memory
    beside `frame_proba` is some 400 MB and a hundred bytes per frame of all clips,
    whatever the number of classes and thresholds.

    References
    ----------
    .. [1] C. Bilen, G. Ferroni, F. Tuveri, J. Azcarreta and S. Krstulovic, "A Framework
       for the Robust Evaluation of Sound Event Detection", ICASSP 2020.
    .. [2] J. Ebbers, R. Haeb-Umbach and R. Serizel, "Threshold Independent Evaluation
       of Sound Event Detection Scores", ICASSP 2022.

    Examples
    --------
    >>> from sklearn_sed.events import make_events
    >>> from sklearn_sed.metrics import psds_score
    >>> y_true = [make_events([1.0], [3.0], ["Dog"])]
    >>> frame_proba = [[[0.1], [0.9], [0.8], [0.3]]]
    >>> psds_score(y_true, frame_proba, time_resolution=1.0, labels=["Dog"],
    ...            durations=4.0)
    1.0
    """
    return psd_roc_curve(
        y_true,
        frame_proba,
        time_resolution=time_resolution,
        time_offset=time_offset,
        labels=labels,
        durations=durations,
        dtc_threshold=dtc_threshold,
        gtc_threshold=gtc_threshold,
        cttc_threshold=cttc_threshold,
        alpha_ct=alpha_ct,
        alpha_st=alpha_st,
        max_efpr=max_efpr,
    ).psds


@validate_params(_PSDS, prefer_skip_nested_validation=True)
def psd_roc_curve(
    y_true: Sequence[pd.DataFrame],
    frame_proba: Sequence[ArrayLike],
    *,
    time_resolution: float,
    time_offset: float | None = None,
    labels: Sequence[Any],
    durations: ArrayLike,
    dtc_threshold: float = 0.7,
    gtc_threshold: float = 0.7,
    cttc_threshold: float | None = None,
    alpha_ct: float = 0.0,
    alpha_st: float = 1.0,
    max_efpr: float = 100.0,
) -> PSDROC:
    """Compute the PSD-ROC curve: true positive rate by effective false positive rate.

    Parameters
    ----------
    y_true : sequence of DataFrame of length n_clips
        Reference events: one table per clip with the columns `onset`, `offset` (in
        seconds) and `event_label`.
    frame_proba : sequence of array-like of shape (n_frames, n_labels)
        Frame scores of each clip.
    time_resolution : float
        Seconds per frame.
    time_offset : float, default=None
        When frame 0 begins, in seconds. By default what `frame_proba` carries, else 0.
    labels : sequence of str of length n_labels
        The class of each column.
    durations : float or array-like of shape (n_clips,)
        Length of each clip in seconds.
    dtc_threshold, gtc_threshold, cttc_threshold : float
        Criteria, see :func:`psds_score`.
    alpha_ct, alpha_st, max_efpr : float
        Weights and end of the curve, see :func:`psds_score`.

    Returns
    -------
    curve : PSDROC
        The curve over all classes (`efpr`, `tpr`) and its area (`psds`), the curves of
        each class (`class_efpr`, `class_tpr`, `class_thresholds`) and their areas
        (`class_psds`).

    Raises
    ------
    ValueError
        As for :func:`psds_score`.

    Examples
    --------
    >>> from sklearn_sed.events import make_events
    >>> from sklearn_sed.metrics import psd_roc_curve
    >>> y_true = [make_events([1.0], [3.0], ["Dog"])]
    >>> frame_proba = [[[0.1], [0.9], [0.8], [0.3]]]
    >>> curve = psd_roc_curve(y_true, frame_proba, time_resolution=1.0,
    ...                       labels=["Dog"], durations=4.0)
    >>> curve.class_tpr["Dog"], curve.class_thresholds["Dog"]
    (array([1.]), array([0.3]))
    """
    from sklearn_sed.metrics._sweep import sweep

    if alpha_ct > 0 and cttc_threshold is None:
        raise ValueError(
            f"alpha_ct={alpha_ct} weighs cross-triggers, but without cttc_threshold "
            "nothing is one; pass cttc_threshold (0.3 in scenario 2)"
        )
    labels = check_labels(labels)
    events = _check_reference(y_true, labels)
    seconds = check_durations(durations, events.n_clips)
    if time_offset is None:
        time_offset = getattr(frame_proba, "time_offset", 0.0)
    n_before = int(time_to_frames(0.0, time_resolution, "onset", time_offset))
    if n_before > 0:  # frames that end before the clip begins
        frame_proba = [np.asarray(scores)[n_before:] for scores in frame_proba]
        time_offset += n_before * time_resolution
    n_frames = _check_scores(frame_proba, labels, seconds)
    ends = time_to_frames(seconds, time_resolution, "offset", time_offset)
    n_frames = np.minimum(n_frames, ends.clip(0))
    # Where durations are counted in frames, a clip may be one longer.
    report_past_end(events, seconds, time_resolution)
    events = events.within(seconds)
    report_no_length(events)
    bounds = np.arange(n_frames.max(initial=0) + 1)
    times = frames_to_time(bounds, time_resolution, time_offset).clip(0)
    weights = alpha_ct * _cross_trigger_weights(events, len(labels))
    thresholds = (float(dtc_threshold), float(gtc_threshold), cttc_threshold or 1.0)
    first_frame = np.append(0, np.cumsum(n_frames))
    first_event = np.searchsorted(events.clip, np.arange(events.n_clips + 1))
    curves = {}
    for index, scores in _by_class(frame_proba, first_frame, len(labels)):
        fp, tp, ct = sweep(
            scores,
            first_frame,
            times,
            seconds,
            first_event,
            events.onset,
            events.offset,
            events.label,
            index,
            np.where(np.arange(len(labels)) == index, 0.0, weights),
            thresholds,
        )
        n_ref = int((events.label == index).sum())
        curves[labels[index]] = _class_curve(
            scores, fp, tp, ct, n_ref, float(seconds.sum()) or 1.0, max_efpr
        )
    class_efpr, class_tpr, class_thresholds = (
        {label: curve[part] for label, curve in curves.items()} for part in range(3)
    )
    efpr, tpr = _overall_curve(class_efpr, class_tpr, alpha_st)
    return PSDROC(
        labels, efpr, tpr, class_efpr, class_tpr, class_thresholds, float(max_efpr)
    )


def _check_reference(y_true: Sequence[pd.DataFrame], labels: list[Any]) -> EventArrays:
    """Return the reference events sorted by clip, class and onset."""
    tables = check_events(y_true, name="y_true")
    names = label_names(tables)
    unknown = sorted(set(names) - set(labels))
    if unknown:
        raise LabelError(
            f"y_true has events of {unknown[0]!r}, which is not among `labels`; "
            "frame_proba needs a column for every class that occurs"
        )
    events = flatten(tables, names, labels)
    return events[np.lexsort((events.onset, events.label, events.clip))]


def _check_scores(
    frame_proba: Sequence[ArrayLike], labels: list[Any], durations: Floats
) -> Ints:
    """Return how many frames each clip has."""
    if len(frame_proba) != len(durations):
        raise LabelError(
            f"y_true has {len(durations)} clips but frame_proba has "
            f"{len(frame_proba)}; pass the scores of the clips in y_true"
        )
    n_frames = np.zeros(len(durations), dtype=np.int64)
    for clip, scores in enumerate(map(np.asarray, frame_proba)):
        if scores.ndim != 2 or scores.shape[1] != len(labels):
            raise ClipError(
                clip,
                f"frame_proba has the shape {scores.shape}, expected (n_frames, "
                f"{len(labels)}), one column per label",
            )
        if not np.isfinite(scores).all():
            raise ClipError(clip, "frame_proba contains NaN or infinity")
        n_frames[clip] = len(scores)
    return n_frames


def _cross_trigger_weights(events: EventArrays, n_labels: int) -> Floats:
    """Return what one cross-trigger on each class adds to the rate per second."""
    weights = np.zeros(n_labels)
    for label in range(n_labels):
        seconds = union_length(events[events.label == label])
        if seconds > 0 and n_labels > 1:
            weights[label] = 1.0 / seconds / (n_labels - 1)
    return weights


def _by_class(
    frame_proba: Sequence[ArrayLike], bounds: Ints, n_labels: int
) -> Iterator[tuple[int, Floats]]:
    """Yield the scores of each class, clip after clip, in bounded memory."""
    n_columns = max(1, _BLOCK_BYTES // (8 * max(1, int(bounds[-1]))))
    for first in range(0, n_labels, n_columns):
        columns = slice(first, min(first + n_columns, n_labels))
        block = np.empty((columns.stop - first, bounds[-1]))
        for clip, scores in enumerate(map(np.asarray, frame_proba)):
            frames = slice(bounds[clip], bounds[clip + 1])
            block[:, frames] = scores[: frames.stop - frames.start, columns].T
        yield from enumerate(block, start=first)


def _class_curve(
    scores: Floats,
    fp: Ints,
    tp: Ints,
    ct: Floats,
    n_ref: int,
    seconds: float,
    max_efpr: float,
) -> tuple[Floats, Floats, Floats]:
    """Turn changes at scores into rates, and keep the points at which a curve rises."""
    changed = np.flatnonzero((fp != 0) | (tp != 0) | (ct != 0))
    order = changed[np.argsort(scores[changed])[::-1]]
    steps = scores[order]
    # A threshold cannot fall between equal scores: their changes come together.
    together = np.flatnonzero(np.diff(steps, append=-np.inf))

    def total(change: NDArray[Any]) -> NDArray[Any]:
        return np.append(0, np.cumsum(change[order])[together])

    efpr = _SECONDS_PER_HOUR * (total(fp) / seconds + np.maximum(total(ct), 0.0))
    tpr = total(tp) / max(n_ref, 1)
    # The counts hold for thresholds from the next lower score up to this one.
    thresholds = np.concatenate([[np.inf], steps[together][1:], [-np.inf]])
    inside = np.flatnonzero(efpr <= max_efpr)
    points = inside[np.lexsort((-tpr[inside], efpr[inside]))]
    best = np.maximum.accumulate(tpr[points])
    points = points[np.diff(best, prepend=-1.0) > 0]
    return efpr[points], tpr[points], thresholds[points]


def _overall_curve(
    class_efpr: dict[Any, Floats], class_tpr: dict[Any, Floats], alpha_st: float
) -> tuple[Floats, Floats]:
    """Combine the curves of all classes at every rate at which one of them rises."""
    efpr = np.unique(np.concatenate([[0.0], *class_efpr.values()]))
    mean, variance = np.zeros(len(efpr)), np.zeros(len(efpr))

    def heights() -> Iterator[Floats]:
        for label, points in class_efpr.items():
            step = np.searchsorted(points, efpr, side="right") - 1
            yield class_tpr[label][step]

    for tpr in heights():
        mean += tpr / len(class_efpr)
    for tpr in heights():
        variance += (tpr - mean) ** 2 / len(class_efpr)
    return efpr, np.maximum(mean - alpha_st * np.sqrt(variance), 0.0)


def _area(efpr: Floats, tpr: Floats, max_efpr: float) -> float:
    """Return the area under a staircase as a fraction of what is possible."""
    return float(np.diff(efpr, append=max_efpr) @ tpr / max_efpr)
