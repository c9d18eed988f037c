"""Polyphonic sound detection score (PSDS), exact over all thresholds."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.utils._param_validation import Interval, validate_params

from sklearn_sed.events._tables import check_labels
from sklearn_sed.metrics._changes import Changes, Statistic
from sklearn_sed.metrics._counts import Floats
from sklearn_sed.metrics._intersection import INTERSECTION
from sklearn_sed.metrics._scored import Scored, read_scores

_SECONDS_PER_HOUR = 3600.0
PSDS = INTERSECTION | {
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
        frames or events whose score is greater.
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
        return area(self.efpr, self.tpr, self.max_efpr)

    @property
    def class_psds(self) -> dict[Any, float]:
        """Normalised area under the curve of each class."""
        return {
            label: area(self.class_efpr[label], self.class_tpr[label], self.max_efpr)
            for label in self.labels
        }


ClassCurve = tuple[Floats, Floats, Floats]  # efpr, tpr, threshold
ScoreSet = tuple[Scored, Iterable[Changes]]  # changes by class


@validate_params(PSDS, prefer_skip_nested_validation=True)
def psds_score(
    y_true: Sequence[pd.DataFrame],
    y_score: Sequence[Any],
    *,
    time_resolution: float | None = None,
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
    makes a difference [2]_, hence without choosing any. Scores are curves, of which a
    threshold cuts events, or events, of which a threshold keeps those that score more.
    The defaults are scenario 1 of the DCASE challenge (react fast); scenario 2 (do not
    confuse classes) has ``dtc_threshold=0.1, gtc_threshold=0.1, cttc_threshold=0.3,
    alpha_ct=0.5``.

    Parameters
    ----------
    y_true : sequence of DataFrame of length n_clips
        Reference events: one table per clip with the columns `onset`, `offset` (in
        seconds) and `event_label`.
    y_score : sequence of array-like of shape (n_frames, n_labels), or of DataFrame
        Frame scores of each clip: any sequence will do, also one that reads a clip when
        asked for it; it is read once per block of classes. Or events of each clip with
        a column `score`, all that a decoder considers.
    time_resolution : float, default=None
        Seconds per frame. By default what `y_score` carries. Events need none.
    time_offset : float, default=None
        When frame 0 begins, in seconds. By default what `y_score` carries, else 0.
        Frame k lasts from ``time_offset + k * time_resolution`` to ``time_offset +
        (k + 1) * time_resolution``; what lies beyond the ends of the clip is cut off.
    labels : sequence of str of length n_labels
        The class of each column; of events, all that occur.
    durations : float or array-like of shape (n_clips,)
        Length of each clip in seconds; events are cut off there.
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
        If an event table is not valid, or one of `y_score` has no scores.
    ClipError
        If the scores of a clip have the wrong shape or are not finite.
    LabelError
        If the clips of `y_true` and `y_score` differ in number, or an event's label is
        not among `labels`.
    TimeResolutionError
        If `time_resolution` is not a positive number, or frame scores have none.
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
    pi_psds_score : With the best of several post-processings.
    intersection_f1_score : The same criteria at one operating point.

    Notes
    -----
    Time that several events of one class share counts once. An event without length
    meets no criterion. Times are compared to the microsecond. Memory beside frame
    scores is some 400 MB and 150 bytes per frame of all clips, whatever the number of
    classes and thresholds.

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
    >>> y_score = [make_events([1.0, 0.0], [3.5, 1.0], ["Dog", "Dog"], [0.9, 0.2])]
    >>> psds_score(y_true, y_score, labels=["Dog"], durations=4.0)
    1.0
    """
    return psd_roc_curve(
        y_true,
        y_score,
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


@validate_params(PSDS, prefer_skip_nested_validation=True)
def psd_roc_curve(
    y_true: Sequence[pd.DataFrame],
    y_score: Sequence[Any],
    *,
    time_resolution: float | None = None,
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
    y_score : sequence of array-like of shape (n_frames, n_labels), or of DataFrame
        Frame scores of each clip, or events with a column `score`.
    time_resolution : float, default=None
        Seconds per frame. By default what `y_score` carries. Events need none.
    time_offset : float, default=None
        When frame 0 begins, in seconds. By default what `y_score` carries, else 0.
    labels : sequence of str of length n_labels
        The class of each column; of events, all that occur.
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
    sets = read_sets(
        y_true,
        [y_score],
        time_resolution=time_resolution,
        time_offset=time_offset,
        labels=labels,
        durations=durations,
        dtc_threshold=dtc_threshold,
        gtc_threshold=gtc_threshold,
        cttc_threshold=cttc_threshold,
        alpha_ct=alpha_ct,
    )
    return combine(
        sets, labels, alpha_ct=alpha_ct, alpha_st=alpha_st, max_efpr=max_efpr
    )


def sweep_psds(
    y_true: Sequence[pd.DataFrame],
    y_scores: Iterable[Sequence[Any]],
    *,
    labels: Sequence[Any],
    alpha_ct: float,
    alpha_st: float,
    max_efpr: float,
    **options: Any,
) -> Statistic:
    """Prepare the PSDS of the best of several sets for any choice of clips."""
    sets = [
        (scored, list(by_class))
        for scored, by_class in read_sets(
            y_true, y_scores, labels=labels, alpha_ct=alpha_ct, **options
        )
    ]
    weighed = {"alpha_ct": alpha_ct, "alpha_st": alpha_st, "max_efpr": max_efpr}
    return lambda weights: combine(sets, labels, weights, **weighed).psds


def read_sets(
    y_true: Sequence[pd.DataFrame],
    y_scores: Iterable[Sequence[Any]],
    *,
    time_resolution: float | None,
    time_offset: float | None,
    labels: Sequence[Any],
    durations: ArrayLike,
    dtc_threshold: float,
    gtc_threshold: float,
    cttc_threshold: float | None,
    alpha_ct: float,
) -> Iterator[ScoreSet]:
    """Read one set of scores after the other, and what each class changes."""
    if alpha_ct > 0 and cttc_threshold is None:
        raise ValueError(
            f"alpha_ct={alpha_ct} weighs cross-triggers, but without cttc_threshold "
            "nothing is one; pass cttc_threshold (0.3 in scenario 2)"
        )
    criteria = dtc_threshold, gtc_threshold, cttc_threshold if alpha_ct > 0 else None
    y_score = None
    for y_score in y_scores:
        scored = read_scores(
            y_true, y_score, labels, durations, time_resolution, time_offset
        )
        yield scored, scored.intersections(criteria)
    if y_score is None:
        raise ValueError(
            "y_scores is empty; pass the scores of one post-processing or more"
        )


def combine(
    sets: Iterable[ScoreSet],
    labels: Sequence[Any],
    weights: Floats | None = None,
    *,
    alpha_ct: float,
    alpha_st: float,
    max_efpr: float,
) -> PSDROC:
    """Combine the best of several sets of scores, each clip counted by its weight."""
    labels = check_labels(labels)
    found: list[list[ClassCurve]] = [[] for _ in labels]
    for scored, by_class in sets:
        seconds, n_ref, cross_weights = _wholes(scored, weights)
        for index, changes in enumerate(by_class):
            totals = changes.totals(weights, alpha_ct * cross_weights)
            rate = totals.fp / (seconds or 1.0) + totals.crossed
            curve = _SECONDS_PER_HOUR * rate, totals.tp / max(n_ref[index], 1.0)
            found[index].append(rising(*curve, totals.threshold, max_efpr))
    best = [rising(*_joined(parts), max_efpr) for parts in found]
    class_efpr, class_tpr, class_thresholds = (
        {label: curve[part] for label, curve in zip(labels, best)} for part in range(3)
    )
    efpr, tpr = _overall_curve(class_efpr, class_tpr, alpha_st)
    return PSDROC(
        labels, efpr, tpr, class_efpr, class_tpr, class_thresholds, float(max_efpr)
    )


def _joined(curves: list[ClassCurve]) -> ClassCurve:
    """Put the points of several curves into one."""
    efpr, tpr, threshold = map(np.concatenate, zip(*curves))
    return efpr, tpr, threshold


def _wholes(scored: Scored, weights: Floats | None) -> tuple[float, Floats, Floats]:
    """Return what counts are divided by, each clip counted by its weight.

    That is the length of all clips, the number of events of each class, and what one
    cross-trigger on each class adds to the rate per second.
    """
    if weights is None:
        weights = np.ones(len(scored.durations))
    heard = scored.seconds_heard @ weights
    # No detection crosses a class that is never heard.
    each = 1.0 / np.where(heard > 0, heard, 1.0) / max(len(heard) - 1, 1)
    return float(scored.durations @ weights), scored.n_ref @ weights, each


def rising(efpr: Floats, tpr: Floats, threshold: Floats, max_efpr: float) -> ClassCurve:
    """Keep the points at which a curve rises."""
    inside = np.flatnonzero(efpr <= max_efpr)
    points = inside[np.lexsort((-tpr[inside], efpr[inside]))]
    best = np.maximum.accumulate(tpr[points])
    points = points[np.diff(best, prepend=-1.0) > 0]
    return efpr[points], tpr[points], threshold[points]


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


def area(efpr: Floats, tpr: Floats, max_efpr: float) -> float:
    """Return the area under a staircase as a fraction of what is possible."""
    return float(np.diff(efpr, append=max_efpr) @ tpr / max_efpr)
