"""Scores of segments and events over all thresholds."""

from collections.abc import Iterable, Iterator, Sequence
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

from sklearn_sed.metrics._changes import Changes, Statistic
from sklearn_sed.metrics._counts import Floats
from sklearn_sed.metrics._psds import area, rising
from sklearn_sed.metrics._scored import Scored, read_scores
from sklearn_sed.metrics._scores import EVENT_BASED, SEGMENT_BASED

_AVERAGE = {"average": [StrOptions({"macro"}), None]}
_EVENT_BASED = {key: EVENT_BASED[key] for key in ("t_collar", "percentage_of_length")}


@validate_params(
    SEGMENT_BASED | _AVERAGE | {"max_fpr": [Interval(Real, 0, 1, closed="right")]},
    prefer_skip_nested_validation=True,
)
def segment_mpauc_score(
    y_true: Sequence[pd.DataFrame],
    y_score: Sequence[Any],
    *,
    time_resolution: float | None = None,
    time_offset: float | None = None,
    labels: Sequence[Any],
    durations: ArrayLike,
    segment_length: float = 1.0,
    max_fpr: float = 0.1,
    average: str | None = "macro",
) -> float | NDArray[Any]:
    """Compute the mean partial area under the segment-based ROC curve (mpAUC).

    Each clip is cut into segments. A segment is positive when an event of the class
    touches it; its score is the highest in it. The area under the curve of the true
    positive rate by the false positive rate, from 0 to `max_fpr`, is divided by
    `max_fpr`. DCASE 2024 task 4 ranks systems by it on long recordings [1]_.

    Parameters
    ----------
    y_true : sequence of DataFrame of length n_clips
        Reference events: one table per clip with the columns `onset`, `offset` (in
        seconds) and `event_label`.
    y_score : sequence of array-like of shape (n_frames, n_labels), or of DataFrame
        Frame scores of each clip, or events with a column `score`. Segments that no
        event touches come last.
    time_resolution : float, default=None
        Seconds per frame. By default what `y_score` carries. Events need none.
    time_offset : float, default=None
        When frame 0 begins, in seconds. By default what `y_score` carries, else 0.
    labels : sequence of str of length n_labels
        The class of each column; of events, all that occur.
    durations : float or array-like of shape (n_clips,)
        Length of each clip in seconds; events are cut off there.
    segment_length : float, default=1.0
        Length of a segment in seconds.
    max_fpr : float, default=0.1
        False positive rate at which the area ends, over 0 and at most 1.
    average : "macro" or None, default="macro"
        "macro": the mean over classes. None: the area of each class.

    Returns
    -------
    mpauc : float or ndarray of shape (n_labels,)
        Score, 0 to 1; 0 for a class without any positive segment. Chance has
        ``max_fpr / 2``.

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
        If `durations` does not hold one positive number per clip.

    Warns
    -----
    UserWarning
        If reference events last beyond the end of their clip, or have no length.

    Notes
    -----
    The curve is a staircase, as in sed_scores_eval: between two thresholds, the rate of
    the first one holds. :func:`sklearn.metrics.roc_auc_score` draws straight lines and
    rescales partial areas, so that its values differ.

    References
    ----------
    .. [1] S. Cornell et al., "DCASE 2024 Task 4: Sound Event Detection with
       Heterogeneous Data and Missing Labels", arXiv:2406.08056.

    Examples
    --------
    >>> from sklearn_sed.events import make_events
    >>> from sklearn_sed.metrics import segment_mpauc_score
    >>> y_true = [make_events([1.0], [3.0], ["Dog"])]
    >>> frame_proba = [[[0.5], [0.9], [0.2], [0.1]]]
    >>> segment_mpauc_score(
    ...     y_true, frame_proba, time_resolution=1.0, labels=["Dog"], durations=4.0
    ... )
    0.5
    """
    statistic = sweep_segment_mpauc(
        y_true,
        y_score,
        time_resolution,
        time_offset,
        labels,
        durations,
        segment_length,
        max_fpr,
        average,
    )
    return statistic(None)


@validate_params(SEGMENT_BASED | _AVERAGE, prefer_skip_nested_validation=True)
def best_segment_based_f1_score(
    y_true: Sequence[pd.DataFrame],
    y_score: Sequence[Any],
    *,
    time_resolution: float | None = None,
    time_offset: float | None = None,
    labels: Sequence[Any],
    durations: ArrayLike,
    segment_length: float = 1.0,
    average: str | None = "macro",
) -> float | NDArray[Any]:
    """Compute the segment-based F1 score at the best threshold of each class.

    The thresholds are chosen on the clips that are scored [1]_. So this is what a
    system could reach, whatever its thresholds are, and not what it reaches.

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
        Length of each clip in seconds; events are cut off there.
    segment_length : float, default=1.0
        Length of a segment in seconds.
    average : "macro" or None, default="macro"
        "macro": the mean over classes. None: the score of each class.

    Returns
    -------
    score : float or ndarray of shape (n_labels,)
        The highest F1 score over all thresholds, 0 to 1; 0 for a class without any
        reference event.

    Raises
    ------
    ValueError
        For the reasons of :func:`segment_mpauc_score`.

    See Also
    --------
    segment_based_f1_score : The score of the events that a system decodes.
    segment_mpauc_score : Not of one threshold, but of all up to a false positive rate.

    References
    ----------
    .. [1] J. Ebbers, R. Haeb-Umbach and R. Serizel, "Threshold Independent Evaluation
       of Sound Event Detection Scores", ICASSP 2022.

    Examples
    --------
    >>> from sklearn_sed.events import make_events
    >>> from sklearn_sed.metrics import best_segment_based_f1_score
    >>> y_true = [make_events([1.0], [3.0], ["Dog"])]
    >>> frame_proba = [[[0.1], [0.4], [0.3], [0.2]]]
    >>> best_segment_based_f1_score(
    ...     y_true, frame_proba, time_resolution=1.0, labels=["Dog"], durations=4.0
    ... )
    1.0
    """
    statistic = sweep_segment_f1(
        y_true,
        y_score,
        time_resolution,
        time_offset,
        labels,
        durations,
        segment_length,
        average,
    )
    return statistic(None)


@validate_params(_EVENT_BASED | _AVERAGE, prefer_skip_nested_validation=True)
def best_event_based_f1_score(
    y_true: Sequence[pd.DataFrame],
    y_score: Sequence[Any],
    *,
    time_resolution: float | None = None,
    time_offset: float | None = None,
    labels: Sequence[Any],
    durations: ArrayLike,
    t_collar: float = 0.2,
    percentage_of_length: float = 0.2,
    average: str | None = "macro",
) -> float | NDArray[Any]:
    """Compute the event-based F1 score at the best threshold of each class.

    The thresholds are chosen on the clips that are scored [1]_. So this is what a
    system could reach, whatever its thresholds are, and not what it reaches.

    Parameters
    ----------
    y_true : sequence of DataFrame of length n_clips
        Reference events: one table per clip with the columns `onset`, `offset` (in
        seconds) and `event_label`.
    y_score : sequence of array-like of shape (n_frames, n_labels), or of DataFrame
        Frame scores of each clip, of which a threshold makes an event of each run of
        higher scores; or events with a column `score`, of which it keeps those that
        score more.
    time_resolution : float, default=None
        Seconds per frame. By default what `y_score` carries. Events need none.
    time_offset : float, default=None
        When frame 0 begins, in seconds. By default what `y_score` carries, else 0.
    labels : sequence of str of length n_labels
        The class of each column; of events, all that occur.
    durations : float or array-like of shape (n_clips,)
        Length of each clip in seconds; events are cut off there.
    t_collar : float, default=0.2
        Tolerance of onsets and offsets, in seconds.
    percentage_of_length : float, default=0.2
        Tolerance of offsets as a fraction of the length of the reference event.
    average : "macro" or None, default="macro"
        "macro": the mean over classes. None: the score of each class.

    Returns
    -------
    score : float or ndarray of shape (n_labels,)
        The highest F1 score over all thresholds, 0 to 1; 0 for a class without any
        reference event.

    Raises
    ------
    ValueError
        For the reasons of :func:`segment_mpauc_score`.

    See Also
    --------
    event_based_f1_score : The score of the events that a system decodes.

    References
    ----------
    .. [1] J. Ebbers, R. Haeb-Umbach and R. Serizel, "Threshold Independent Evaluation
       of Sound Event Detection Scores", ICASSP 2022.

    Examples
    --------
    >>> from sklearn_sed.events import make_events
    >>> from sklearn_sed.metrics import best_event_based_f1_score
    >>> y_true = [make_events([1.0], [3.0], ["Dog"])]
    >>> y_score = [make_events([1.1, 5.0], [3.2, 6.0], ["Dog", "Dog"], [0.4, 0.3])]
    >>> best_event_based_f1_score(y_true, y_score, labels=["Dog"], durations=8.0)
    1.0
    """
    statistic = sweep_event_f1(
        y_true,
        y_score,
        time_resolution,
        time_offset,
        labels,
        durations,
        t_collar,
        percentage_of_length,
        average,
    )
    return statistic(None)


def sweep_segment_mpauc(
    y_true: Sequence[pd.DataFrame],
    y_score: Sequence[Any],
    time_resolution: float | None,
    time_offset: float | None,
    labels: Sequence[Any],
    durations: ArrayLike,
    segment_length: float,
    max_fpr: float,
    average: str | None,
) -> Statistic:
    """Prepare the partial area for any choice of clips."""
    scored = read_scores(
        y_true, y_score, labels, durations, time_resolution, time_offset
    )
    prepared = list(_segments(scored, segment_length))

    def statistic(weights: Floats | None) -> float | Floats:
        areas = []
        for changes, positive, negative in prepared:
            totals = changes.totals(weights)
            fpr = totals.fp / max(_total(negative, weights), 1.0)
            tpr = totals.tp / max(_total(positive, weights), 1.0)
            fpr, tpr, _ = rising(fpr, tpr, totals.threshold, max_fpr)
            areas.append(area(fpr, tpr, max_fpr))
        return _averaged(areas, average)

    return statistic


def sweep_segment_f1(
    y_true: Sequence[pd.DataFrame],
    y_score: Sequence[Any],
    time_resolution: float | None,
    time_offset: float | None,
    labels: Sequence[Any],
    durations: ArrayLike,
    segment_length: float,
    average: str | None,
) -> Statistic:
    """Prepare the best segment-based F1 score for any choice of clips."""
    scored = read_scores(
        y_true, y_score, labels, durations, time_resolution, time_offset
    )
    prepared = _segments(scored, segment_length)
    return _best_f1([(changes, n_ref) for changes, n_ref, _ in prepared], average)


def sweep_event_f1(
    y_true: Sequence[pd.DataFrame],
    y_score: Sequence[Any],
    time_resolution: float | None,
    time_offset: float | None,
    labels: Sequence[Any],
    durations: ArrayLike,
    t_collar: float,
    percentage_of_length: float,
    average: str | None,
) -> Statistic:
    """Prepare the best event-based F1 score for any choice of clips."""
    scored = read_scores(
        y_true, y_score, labels, durations, time_resolution, time_offset
    )
    changes = scored.matches(t_collar, percentage_of_length)
    return _best_f1(zip(changes, scored.n_ref), average)


def _segments(
    scored: Scored, segment_length: float
) -> Iterator[tuple[Changes, NDArray[Any], NDArray[Any]]]:
    """Yield changes and the positive and negative segments of each clip, by class."""
    n_clips = len(scored.durations)
    for s in scored.segments(segment_length):
        found = s.score > -np.inf  # no threshold makes something of nothing
        active = s.active[found]
        yield (
            Changes.sort(s.score[found], s.clip[found], active, ~active),
            np.bincount(s.clip[s.active], minlength=n_clips),
            np.bincount(s.clip[~s.active], minlength=n_clips),
        )


def _best_f1(by_class: Iterable[tuple[Changes, Any]], average: str | None) -> Statistic:
    """Return the highest F1 score of each class for any choice of clips."""
    prepared = list(by_class)

    def statistic(weights: Floats | None) -> float | Floats:
        best = []
        for changes, positive in prepared:
            totals = changes.totals(weights)
            n_ref = _total(positive, weights)
            f1 = 2 * totals.tp / np.maximum(n_ref + totals.tp + totals.fp, 1.0)
            best.append(f1.max())
        return _averaged(best, average)

    return statistic


def _total(by_clip: NDArray[Any], weights: Floats | None) -> float:
    """Sum over clips, each counted by its weight."""
    return float(by_clip.sum() if weights is None else by_clip @ weights)


def _averaged(by_class: list[float], average: str | None) -> float | Floats:
    """Return the mean over classes, 0 without any, or the value of each."""
    if average is None:
        return np.array(by_class, dtype=np.float64)
    return float(np.mean(by_class)) if by_class else 0.0
