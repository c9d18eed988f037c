"""Event- and segment-based F1 scores and error rates."""

from collections.abc import Sequence
from numbers import Real
from typing import Any

import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

from sklearn_sed.metrics._counts import averaged
from sklearn_sed.metrics._sed_eval import event_based, segment_based

AVERAGE = {"average": [StrOptions({"macro", "micro"}), None]}
EVENT_BASED = {
    "t_collar": [Interval(Real, 0, None, closed="neither")],
    "percentage_of_length": [Interval(Real, 0, 1, closed="both")],
    "evaluate_offset": ["boolean"],
}
SEGMENT_BASED = {"segment_length": [Interval(Real, 0, None, closed="neither")]}


@validate_params(EVENT_BASED | AVERAGE, prefer_skip_nested_validation=True)
def event_based_f1_score(
    y_true: Sequence[pd.DataFrame],
    y_pred: Sequence[pd.DataFrame],
    *,
    t_collar: float = 0.2,
    percentage_of_length: float = 0.2,
    evaluate_offset: bool = True,
    durations: ArrayLike | None = None,
    average: str | None = "macro",
    labels: Sequence[Any] | None = None,
) -> float | NDArray[Any]:
    """Compute the event-based F1 score.

    An estimated event is right when it has the label of a reference event of its clip,
    its onset lies within `t_collar` of that event's onset, and its offset within the
    larger of `t_collar` and `percentage_of_length` times that event's length of its
    offset. Each event belongs to one pair at most; the pairs are a maximum matching.
    sed_eval counts them [1]_.

    Parameters
    ----------
    y_true : sequence of DataFrame of length n_clips
        Reference events: one table per clip with the columns `onset`, `offset` (in
        seconds) and `event_label`.
    y_pred : sequence of DataFrame of length n_clips
        Estimated events of the same clips.
    t_collar : float, default=0.2
        Tolerance of onsets and offsets, in seconds.
    percentage_of_length : float, default=0.2
        Tolerance of offsets as a fraction of the length of the reference event.
    evaluate_offset : bool, default=True
        Whether offsets count. Without them, events that begin at the right time are
        right: the onset-based score.
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

    See Also
    --------
    event_based_report : All measures of all classes.
    event_based_error_rate : Errors per reference event.

    References
    ----------
    .. [1] A. Mesaros, T. Heittola and T. Virtanen, "Metrics for Polyphonic Sound Event
       Detection", Applied Sciences 6(6), 2016.

    Examples
    --------
    >>> from sklearn_sed.events import make_events
    >>> from sklearn_sed.metrics import event_based_f1_score
    >>> y_true = [make_events([0.0, 4.0], [1.0, 6.0], ["Dog", "Cat"])]
    >>> y_pred = [make_events([0.1, 4.5], [1.1, 6.0], ["Dog", "Cat"])]
    >>> event_based_f1_score(y_true, y_pred)
    0.5
    >>> event_based_f1_score(y_true, y_pred, average=None, labels=["Dog", "Cat"])
    array([1., 0.])

    Onsets alone:

    >>> event_based_f1_score(y_true, y_pred, t_collar=0.5, evaluate_offset=False)
    1.0
    """
    counts = event_based(
        y_true,
        y_pred,
        t_collar,
        percentage_of_length,
        evaluate_offset,
        durations,
        labels,
    )
    return averaged(counts.columns()["f1"], average)


@validate_params(EVENT_BASED | AVERAGE, prefer_skip_nested_validation=True)
def event_based_error_rate(
    y_true: Sequence[pd.DataFrame],
    y_pred: Sequence[pd.DataFrame],
    *,
    t_collar: float = 0.2,
    percentage_of_length: float = 0.2,
    evaluate_offset: bool = True,
    durations: ArrayLike | None = None,
    average: str | None = "macro",
    labels: Sequence[Any] | None = None,
) -> float | NDArray[Any]:
    """Compute the event-based error rate: errors per reference event.

    Events are matched as for :func:`event_based_f1_score`, by sed_eval [1]_. Of one
    class, the errors are its missed events (deletions) and its invented ones
    (insertions). Over all classes ("micro"), a missed and an invented event that agree
    in onset and offset count once (a substitution).

    Parameters
    ----------
    y_true : sequence of DataFrame of length n_clips
        Reference events: one table per clip with the columns `onset`, `offset` (in
        seconds) and `event_label`.
    y_pred : sequence of DataFrame of length n_clips
        Estimated events of the same clips.
    t_collar : float, default=0.2
        Tolerance of onsets and offsets, in seconds.
    percentage_of_length : float, default=0.2
        Tolerance of offsets as a fraction of the length of the reference event.
    evaluate_offset : bool, default=True
        Whether offsets count. Without them, events that begin at the right time are
        right: the onset-based score.
    durations : float or array-like of shape (n_clips,), default=None
        Length of each clip in seconds; what lies beyond it is not evaluated. By default
        events are taken as they are.
    average : {"macro", "micro"} or None, default="macro"
        "macro": the mean over classes. "micro": all events together. None: the error
        rate of each class.
    labels : sequence of str of length n_labels, default=None
        The classes that count, and their order. Events of other classes are left out,
        with a warning. By default all that occur in `y_true` or `y_pred`, sorted.

    Returns
    -------
    error_rate : float or ndarray of shape (n_labels,)
        0 or more; it exceeds 1 where more is invented than found. Without any reference
        event it is the number of insertions, so nothing against nothing is 0.

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

    References
    ----------
    .. [1] A. Mesaros, T. Heittola and T. Virtanen, "Metrics for Polyphonic Sound Event
       Detection", Applied Sciences 6(6), 2016.

    Examples
    --------
    >>> from sklearn_sed.events import make_events
    >>> from sklearn_sed.metrics import event_based_error_rate
    >>> y_true = [make_events([0.0, 4.0], [1.0, 6.0], ["Dog", "Cat"])]
    >>> y_pred = [make_events([0.1, 4.5], [1.1, 6.0], ["Dog", "Cat"])]
    >>> event_based_error_rate(y_true, y_pred, average=None)
    array([2., 0.])
    """
    counts = event_based(
        y_true,
        y_pred,
        t_collar,
        percentage_of_length,
        evaluate_offset,
        durations,
        labels,
    )
    return averaged(counts.columns()["error_rate"], average)


@validate_params(SEGMENT_BASED | AVERAGE, prefer_skip_nested_validation=True)
def segment_based_f1_score(
    y_true: Sequence[pd.DataFrame],
    y_pred: Sequence[pd.DataFrame],
    *,
    segment_length: float = 1.0,
    durations: ArrayLike | None = None,
    average: str | None = "macro",
    labels: Sequence[Any] | None = None,
) -> float | NDArray[Any]:
    """Compute the segment-based F1 score.

    Each clip is cut into segments; a class is active in a segment when one of its
    events touches the segment. What is active in reference and estimate is compared
    segment by segment. sed_eval counts [1]_.

    Parameters
    ----------
    y_true : sequence of DataFrame of length n_clips
        Reference events: one table per clip with the columns `onset`, `offset` (in
        seconds) and `event_label`.
    y_pred : sequence of DataFrame of length n_clips
        Estimated events of the same clips.
    segment_length : float, default=1.0
        Length of a segment in seconds.
    durations : float or array-like of shape (n_clips,), default=None
        Length of each clip in seconds; segments that begin beyond it are not evaluated.
        By default a clip ends with its last event.
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

    References
    ----------
    .. [1] A. Mesaros, T. Heittola and T. Virtanen, "Metrics for Polyphonic Sound Event
       Detection", Applied Sciences 6(6), 2016.

    Examples
    --------
    >>> from sklearn_sed.events import make_events
    >>> from sklearn_sed.metrics import segment_based_f1_score
    >>> y_true = [make_events([0.0], [2.0], ["Dog"])]
    >>> y_pred = [make_events([0.0], [4.0], ["Dog"])]
    >>> round(segment_based_f1_score(y_true, y_pred), 4)
    0.6667
    >>> segment_based_f1_score(y_true, y_pred, durations=2.0)
    1.0
    """
    counts = segment_based(y_true, y_pred, segment_length, durations, labels)
    return averaged(counts.columns()["f1"], average)


@validate_params(SEGMENT_BASED | AVERAGE, prefer_skip_nested_validation=True)
def segment_based_error_rate(
    y_true: Sequence[pd.DataFrame],
    y_pred: Sequence[pd.DataFrame],
    *,
    segment_length: float = 1.0,
    durations: ArrayLike | None = None,
    average: str | None = "macro",
    labels: Sequence[Any] | None = None,
) -> float | NDArray[Any]:
    """Compute the segment-based error rate: errors per active reference segment.

    Segments are compared as for :func:`segment_based_f1_score`, by sed_eval [1]_. Over
    all classes ("micro"), a missed and an invented class of the same segment count once
    (a substitution).

    Parameters
    ----------
    y_true : sequence of DataFrame of length n_clips
        Reference events: one table per clip with the columns `onset`, `offset` (in
        seconds) and `event_label`.
    y_pred : sequence of DataFrame of length n_clips
        Estimated events of the same clips.
    segment_length : float, default=1.0
        Length of a segment in seconds.
    durations : float or array-like of shape (n_clips,), default=None
        Length of each clip in seconds; segments that begin beyond it are not evaluated.
        By default a clip ends with its last event.
    average : {"macro", "micro"} or None, default="macro"
        "macro": the mean over classes. "micro": all classes together. None: the error
        rate of each class.
    labels : sequence of str of length n_labels, default=None
        The classes that count, and their order. Events of other classes are left out,
        with a warning. By default all that occur in `y_true` or `y_pred`, sorted.

    Returns
    -------
    error_rate : float or ndarray of shape (n_labels,)
        0 or more; it exceeds 1 where more is invented than found. Without any reference
        event it is the number of insertions, so nothing against nothing is 0.

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

    References
    ----------
    .. [1] A. Mesaros, T. Heittola and T. Virtanen, "Metrics for Polyphonic Sound Event
       Detection", Applied Sciences 6(6), 2016.

    Examples
    --------
    >>> from sklearn_sed.events import make_events
    >>> from sklearn_sed.metrics import segment_based_error_rate
    >>> y_true = [make_events([0.0], [2.0], ["Dog"])]
    >>> y_pred = [make_events([0.0], [2.0], ["Cat"])]
    >>> segment_based_error_rate(y_true, y_pred, average="micro")
    1.0
    """
    counts = segment_based(y_true, y_pred, segment_length, durations, labels)
    return averaged(counts.columns()["error_rate"], average)
