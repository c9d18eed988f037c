"""What scores and events look like: class correlation, overlap, durations and errors.

The functions return numbers; :mod:`sklearn_sed.plotting` draws them.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import combinations
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import StrOptions, validate_params

from sklearn_sed._labels._check import check_tags
from sklearn_sed.events import TagArray, check_events
from sklearn_sed.events._tables import check_durations, check_labels
from sklearn_sed.exceptions import ClipError
from sklearn_sed.metrics._counts import Ints
from sklearn_sed.metrics._inputs import EventArrays, align_events, flatten, label_names
from sklearn_sed.metrics._intersection import covered, meets, merge, on_one_axis
from sklearn_sed.metrics._scores import EVENT_BASED

__all__ = [
    "HourlyEvents",
    "class_correlation",
    "event_durations",
    "event_errors",
    "event_overlap",
    "events_per_hour",
    "mean_off_diagonal",
]

# What becomes of a reference event, from found to lost, then of an estimated event that
# stands for none.
CAUSES = (
    "found",
    "onset off",
    "offset off",
    "both off",
    "merged",
    "split",
    "missed",
    "missed tag",
    "false alarm",
    "false tag",
)
_SHARED = 0.5  # of the shorter of two events that meet
_HOUR = 3600.0


class HourlyEvents(NamedTuple):
    """How many events are heard in each hour of each day.

    Attributes
    ----------
    labels : list of length n_labels
        The classes.
    days : list of datetime.date of length n_days
        The days with recordings, in order. Days without any are not among them.
    counts : ndarray of int of shape (n_labels, n_days, 24)
        Events of each class that are heard in each hour.
    seconds : ndarray of shape (n_days, 24)
        How much of each hour was recorded, by all recorders together.

    Examples
    --------
    >>> from datetime import date
    >>> import numpy as np
    >>> from sklearn_sed.analysis import HourlyEvents
    >>> nothing = np.zeros((1, 1, 24), dtype=int), np.zeros((1, 24))
    >>> HourlyEvents(["Dog"], [date(2024, 1, 31)], *nothing).counts.shape
    (1, 1, 24)
    """

    labels: list[Any]
    days: list[date]
    counts: np.ndarray
    seconds: np.ndarray


@validate_params(
    {
        "method": [StrOptions({"pearson", "cosine"})],
        "level": [StrOptions({"frame", "clip"})],
    },
    prefer_skip_nested_validation=True,
)
def class_correlation(
    frame_proba: Sequence[ArrayLike],
    *,
    tags: ArrayLike | None = None,
    method: Literal["pearson", "cosine"] = "pearson",
    level: Literal["frame", "clip"] = "frame",
) -> np.ndarray:
    """Measure how much the score curves of the classes resemble each other.

    Learning from tags alone, a detector hardly tells classes apart that often occur in
    the same clips: their curves rise and fall together. The cosine penalty [1]_ is
    there to separate them; compare the correlation without and with it.

    Parameters
    ----------
    frame_proba : array-like of shape (n_clips, n_frames, n_classes) or sequence of \
            array-like of shape (n_frames_i, n_classes)
        Frame scores of each clip.
    tags : array-like of shape (n_clips, n_classes), default=None
        Indicator of the classes in each clip, for ``level="frame"``: a pair of classes
        is then compared in the clips tagged with both. With ``method="cosine"`` this is
        the quantity that the penalty lowers.
    method : {"pearson", "cosine"}, default="pearson"
        Pearson correlation, or cosine similarity (curves are not centred).
    level : {"frame", "clip"}, default="frame"
        "frame": compare the curves in each clip, and average over clips; a clip in
        which one of two curves is flat says nothing about them. "clip": compare the
        mean scores of the clips over all clips, as the authors of [1]_ did.

    Returns
    -------
    correlation : ndarray of shape (n_classes, n_classes)
        Symmetric, 1 on the diagonal; 0 for a pair that no clip says anything about.

    Raises
    ------
    ClipError
        If the scores of a clip have the wrong shape or are not finite.
    LabelError
        If `tags` is not such an indicator.

    See Also
    --------
    mean_off_diagonal : One number for the matrix.

    References
    ----------
    .. [1] T. Pellegrini and L. Cances, "Cosine-similarity penalty to discriminate sound
       classes in weakly-supervised sound event detection", IJCNN 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sed.analysis import class_correlation
    >>> clip = np.array([[0.1, 0.2, 0.9], [0.5, 0.6, 0.5], [0.9, 1.0, 0.1]])
    >>> class_correlation([clip]).round(1)
    array([[ 1.,  1., -1.],
           [ 1.,  1., -1.],
           [-1., -1.,  1.]])
    """
    clips = _check_scores(frame_proba)
    n_classes = clips[0].shape[1]
    if level == "clip":
        if tags is not None:
            raise ValueError(
                "tags choose the clips in which curves are compared: pass them with "
                "level='frame' only"
            )
        clips = [np.stack([clip.mean(axis=0) for clip in clips])]
    if tags is None:
        present = np.ones((len(clips), n_classes), dtype=bool)
    else:
        # Scores have no names, so tags go by the order of their columns, too.
        if isinstance(tags, pd.DataFrame | TagArray):
            tags = np.asarray(tags)
        known = np.arange(n_classes)
        present = check_tags(tags, len(clips), known, name="tags").indicator == 1
    total = np.zeros((n_classes, n_classes))
    n_clips = np.zeros((n_classes, n_classes))
    for clip, there in zip(clips, present):
        similarity, defined = _compare(clip, centred=method == "pearson")
        defined &= there & there[:, None]
        total[defined] += similarity[defined]
        n_clips += defined
    correlation = total / np.maximum(n_clips, 1)
    np.fill_diagonal(correlation, 1.0)
    return correlation


def _check_scores(frame_proba: Sequence[ArrayLike]) -> list[np.ndarray]:
    """Return the scores of each clip as float64, or say which clip is wrong."""
    clips = [np.asarray(clip, dtype=np.float64) for clip in frame_proba]
    if not clips:
        raise ValueError("frame_proba holds no clips: pass the scores of at least one")
    for index, clip in enumerate(clips):
        if clip.ndim != 2 or 0 in clip.shape or clip.shape[1] != clips[0].shape[-1]:
            raise ClipError(
                index,
                f"its scores have shape {clip.shape}; pass (n_frames, n_classes), with "
                "as many classes as in the first clip",
            )
        if not np.isfinite(clip).all():
            raise ClipError(index, "its scores contain NaN or infinity")
    return clips


def _compare(curves: np.ndarray, *, centred: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the cosines of all pairs of columns, and which of them are defined."""
    size = np.linalg.norm(curves, axis=0)
    if centred:
        curves = curves - curves.mean(axis=0)
    norm = np.linalg.norm(curves, axis=0)
    # What is left of a flat curve after centring is rounding error.
    flat = norm <= 1e-9 * size
    curves = curves / np.where(flat, 1.0, norm)
    return np.clip(curves.T @ curves, -1.0, 1.0), ~(flat | flat[:, None])


def mean_off_diagonal(correlation: ArrayLike) -> float:
    """Summarise a class correlation in one number.

    Parameters
    ----------
    correlation : array-like of shape (n_classes, n_classes)
        A symmetric matrix, such as :func:`class_correlation` returns.

    Returns
    -------
    mean : float
        Mean over the pairs of different classes, negative values counted as 0, as in
        the published analysis; 0 for a single class.

    Examples
    --------
    >>> from sklearn_sed.analysis import mean_off_diagonal
    >>> mean_off_diagonal([[1.0, 0.6, -0.5], [0.6, 1.0, 0.3], [-0.5, 0.3, 1.0]])
    0.3
    """
    matrix = np.asarray(correlation, dtype=np.float64)
    pairs = matrix[np.triu_indices(len(matrix), k=1)]
    return float(np.maximum(pairs, 0).mean()) if len(pairs) else 0.0


def event_overlap(
    y: Sequence[pd.DataFrame], labels: Sequence[Any] | None = None
) -> pd.DataFrame:
    """Measure for how long the events of different classes sound at the same time.

    Parameters
    ----------
    y : sequence of DataFrame of length n_clips
        The events of each clip.
    labels : sequence of str of length n_labels, default=None
        The classes to compare; events of others are left out. By default the classes
        that occur, sorted.

    Returns
    -------
    overlap : DataFrame of shape (n_labels, n_labels)
        Seconds over all clips in which both classes sound; 0 on the diagonal. Half its
        sum is the total overlap.

    Raises
    ------
    AnnotationError
        If an event table is not valid.
    LabelError
        If `labels` are not distinct.

    Examples
    --------
    >>> from sklearn_sed.analysis import event_overlap
    >>> from sklearn_sed.events import make_events
    >>> y = [make_events([0.0, 2.0], [3.0, 4.0], ["Frying", "Dishes"])]
    >>> overlap = event_overlap(y)
    >>> overlap
            Dishes  Frying
    Dishes     0.0     1.0
    Frying     1.0     0.0
    >>> float(overlap.to_numpy().sum() / 2)
    1.0
    """
    labels, events = _flatten(y, labels)
    end = float(events.offset.max(initial=0.0))
    spans = [
        merge(on_one_axis(events[events.label == index], end))
        for index in range(len(labels))
    ]
    seconds = np.zeros((len(labels), len(labels)))
    for one, other in combinations(range(len(labels)), 2):
        seconds[one, other] = covered(spans[one], spans[other]).sum()
    return pd.DataFrame(seconds + seconds.T, index=labels, columns=labels)


def _flatten(
    y: Sequence[pd.DataFrame], labels: Sequence[Any] | None
) -> tuple[list[Any], EventArrays]:
    """Return the given labels, or those that occur, and their events."""
    tables = check_events(y)
    names = label_names(tables)
    labels = sorted(set(names)) if labels is None else check_labels(labels)
    return labels, flatten(tables, names, labels)


def event_durations(
    y: Sequence[pd.DataFrame], labels: Sequence[Any] | None = None
) -> dict[Any, np.ndarray]:
    """Collect the durations of the events of each class.

    Parameters
    ----------
    y : sequence of DataFrame of length n_clips
        The events of each clip.
    labels : sequence of str of length n_labels, default=None
        The classes to collect; events of others are left out. By default the classes
        that occur, sorted.

    Returns
    -------
    durations : dict from label to ndarray of shape (n_events,)
        Durations in seconds, in the order of clips.

    Raises
    ------
    AnnotationError
        If an event table is not valid.
    LabelError
        If `labels` are not distinct.

    Examples
    --------
    >>> from sklearn_sed.analysis import event_durations
    >>> from sklearn_sed.events import make_events
    >>> y = [make_events([0.0, 1.0], [0.5, 3.0], ["Dog", "Cat"])]
    >>> event_durations(y)
    {'Cat': array([2.]), 'Dog': array([0.5])}
    """
    labels, events = _flatten(y, labels)
    seconds = events.offset - events.onset
    return {label: seconds[events.label == i] for i, label in enumerate(labels)}


def events_per_hour(
    starts: Sequence[datetime],
    y: Sequence[pd.DataFrame],
    *,
    durations: ArrayLike | None = None,
    labels: Sequence[Any] | None = None,
) -> HourlyEvents:
    """Count the events of each class in each hour of each day.

    An event counts in every hour in which it is heard: one that lasts from 5:59 to
    6:01, in two.

    Parameters
    ----------
    starts : sequence of datetime of length n_clips
        When each recording began. Hours are those of the clock that this was read from,
        whatever its time zone.
    y : sequence of DataFrame of length n_clips
        The events of each recording.
    durations : float or array-like of shape (n_clips,), default=None
        The length of each recording in seconds. By default it ends with its last event.
    labels : sequence of str of length n_labels, default=None
        The classes to count; events of others are left out. By default the classes that
        occur, sorted.

    Returns
    -------
    HourlyEvents
        The `counts` by label, day and hour, and how many `seconds` of each hour were
        recorded.

    Raises
    ------
    AnnotationError
        If an event table is not valid.
    LabelError
        If `labels` are not distinct.
    ValueError
        If there is not one start, or duration, for each recording.

    See Also
    --------
    sklearn_sed.events.recording_start : Reads the start from the name of a recording.
    sklearn_sed.plotting.EventsPerHourDisplay : Draws the counts.

    Examples
    --------
    >>> from datetime import datetime
    >>> from sklearn_sed.analysis import events_per_hour
    >>> from sklearn_sed.events import make_events
    >>> y = [make_events([0, 3590], [10, 3610], ["Dog", "Dog"])]
    >>> hourly = events_per_hour([datetime(2024, 1, 31, 22)], y, durations=2 * 3600)
    >>> hourly.days
    [datetime.date(2024, 1, 31)]
    >>> hourly.counts[0, 0, -3:]
    array([0, 2, 1])
    >>> hourly.seconds[0, -3:]
    array([   0., 3600., 3600.])
    """
    labels, events = _flatten(y, labels)
    if len(starts) != events.n_clips:
        raise ValueError(
            f"got {len(starts)} starts for {events.n_clips} recordings; pass one each"
        )
    if durations is None:
        seconds = np.zeros(len(starts))
        np.maximum.at(seconds, events.clip, events.offset)
    else:
        seconds = check_durations(durations, len(starts))
    local = [start.replace(tzinfo=None) for start in starts]
    first = min((start.date() for start in local), default=date.min)
    midnight = datetime.combine(first, time())
    start = np.array([(moment - midnight).total_seconds() for moment in local])
    heard, event = _hours(
        start[events.clip] + events.onset, events.offset - events.onset
    )
    recorded, clip = _hours(start, seconds)
    since = np.maximum(recorded * _HOUR, start[clip])
    until = np.minimum((recorded + 1) * _HOUR, (start + seconds)[clip])
    numbers = np.unique(np.concatenate((heard, recorded)) // 24)
    counts = np.zeros((len(labels), len(numbers), 24), dtype=np.int64)
    coverage = np.zeros((len(numbers), 24))
    day, hour = np.searchsorted(numbers, heard // 24), heard % 24
    np.add.at(counts, (events.label[event], day, hour), 1)
    day, hour = np.searchsorted(numbers, recorded // 24), recorded % 24
    np.add.at(coverage, (day, hour), until - since)
    days = [first + timedelta(days=int(number)) for number in numbers]
    return HourlyEvents(list(labels), days, counts, coverage)


def _hours(start: np.ndarray, seconds: np.ndarray) -> tuple[Ints, Ints]:
    """Return the hours that spans of time are in, and the span of each of these."""
    first = np.floor(start / _HOUR).astype(np.int64)
    last = np.ceil((start + seconds) / _HOUR).astype(np.int64) - 1
    n_hours = np.maximum(last - first, 0) + 1
    span = np.repeat(np.arange(len(start)), n_hours)
    within = np.arange(len(span)) - np.repeat(np.cumsum(n_hours) - n_hours, n_hours)
    return first[span] + within, span


@validate_params(
    {name: EVENT_BASED[name] for name in ("t_collar", "percentage_of_length")},
    prefer_skip_nested_validation=True,
)
def event_errors(
    y_true: Sequence[pd.DataFrame],
    y_pred: Sequence[pd.DataFrame],
    *,
    t_collar: float = 0.2,
    percentage_of_length: float = 0.2,
    durations: ArrayLike | None = None,
    labels: Sequence[Any] | None = None,
) -> pd.DataFrame:
    """Find out what becomes of each event, and the cause of each error.

    Events are right by the rules of
    :func:`~sklearn_sed.metrics.event_based_f1_score`; this function tells why the
    others are wrong. Only events of the same class and clip are compared. Two of them
    *meet* when they share at least half of the shorter one. The cause of a reference
    event is the first in this list that applies:

    - "found": it is a true positive. Where one estimated event could be paired with
      several reference events, the earliest are found.
    - "missed tag": its clip has no estimated event of its class at all.
    - "missed": it meets no estimated event.
    - "merged": it meets an estimated event that also meets another reference event, or
      is paired with one.
    - "split": it meets several estimated events.
    - "onset off", "offset off", "both off": it meets one estimated event, whose onset,
      offset or both are out of tolerance.

    An estimated event that is not paired, and meets no reference event except those
    that are found, is superfluous. Its cause is one of these:

    - "false tag": its clip has no reference event of its class at all.
    - "false alarm": it has, but elsewhere in time, or found already.

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
    durations : float or array-like of shape (n_clips,), default=None
        Length of each clip in seconds; what lies beyond it is not evaluated. By default
        events are taken as they are.
    labels : sequence of str of length n_labels, default=None
        The classes that count, and their order. Events of other classes are left out,
        with a warning. By default all that occur in `y_true` or `y_pred`, sorted.

    Returns
    -------
    errors : DataFrame
        One row for each reference event and each superfluous estimated event, by clip,
        onset, offset and class, with the columns

        - `clip`: index of the clip,
        - `event_label`: class, categorical in the order of `labels`,
        - `onset`, `offset`, `duration`: of the event, in seconds,
        - `origin`: "reference" or "estimated",
        - `cause`: as above, categorical, from "found" to "false tag".

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
    sklearn_sed.plotting.EventErrorsDisplay : Draws how many events have which cause.
    sklearn_sed.metrics.event_based_report : The scores of each class.

    Notes
    -----
    The rows that are "found" are the true positives, the other rows of reference events
    are the false negatives. False positives are the superfluous events and those that
    explain the error of a reference event: with its onset off, an event counts as a
    false negative and its estimate as a false positive, but they are one row here.

    An event without length meets no other.

    Examples
    --------
    >>> from sklearn_sed.analysis import event_errors
    >>> from sklearn_sed.events import make_events
    >>> y_true = [make_events([0, 2, 4, 7], [1, 3, 4.4, 9], ["Dog"] * 3 + ["Cat"])]
    >>> y_pred = [make_events([0, 7.5, 9.5], [3, 9, 9.9], ["Dog", "Cat", "Cat"])]
    >>> errors = event_errors(y_true, y_pred)
    >>> errors[["event_label", "onset", "offset", "cause"]]
      event_label  onset  offset        cause
    0         Dog    0.0     1.0       merged
    1         Dog    2.0     3.0       merged
    2         Dog    4.0     4.4       missed
    3         Cat    7.0     9.0    onset off
    4         Cat    9.5     9.9  false alarm

    How many of which class, or of which length:

    >>> import pandas as pd
    >>> pd.crosstab(errors["event_label"], errors["cause"])
    cause        onset off  merged  missed  false alarm
    event_label
    Cat                  1       0       0            1
    Dog                  0       2       1            0
    >>> length = pd.cut(errors["duration"], [0, 0.5, 1, 2, 10])
    >>> pd.crosstab(length, errors["cause"])
    cause       onset off  merged  missed  false alarm
    duration
    (0.0, 0.5]          0       0       1            1
    (0.5, 1.0]          0       2       0            0
    (1.0, 2.0]          1       0       0            0
    """
    labels, reference, estimated = align_events(y_true, y_pred, labels, durations)
    groups = []
    for events in (reference, estimated):
        # Events of one class and clip lie side by side, as if they had a clip alone.
        events = replace(events, clip=events.clip * len(labels) + events.label)
        groups.append(events[np.lexsort((events.offset, events.onset, events.clip))])
    true, pred = groups
    causes, superfluous = _causes(true, pred, t_collar, percentage_of_length)
    shown = (true, pred[superfluous])
    clip, label, onset, offset = (
        np.concatenate([getattr(events, name) for events in shown])
        for name in ("clip", "label", "onset", "offset")
    )
    n_events = [len(events.clip) for events in shown]
    columns = {
        "clip": clip // max(len(labels), 1),
        "event_label": pd.Categorical.from_codes(label, labels),
        "onset": onset,
        "offset": offset,
        "duration": offset - onset,
        "origin": np.repeat(["reference", "estimated"], n_events),
        "cause": pd.Categorical(causes, CAUSES),
    }
    order = np.lexsort((label, offset, onset, columns["clip"]))
    return pd.DataFrame(columns).iloc[order].reset_index(drop=True)


def _causes(
    true: EventArrays, pred: EventArrays, t_collar: float, percentage_of_length: float
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return the causes of reference and superfluous events, and which are the latter.

    What has one value of `clip` can meet; the events are sorted by it, then by onset.
    """
    from sklearn_sed.metrics._matching import matched, pairs

    graph = pairs(
        (true.onset, true.offset, true.clip),
        (pred.onset, pred.offset, pred.clip),
        t_collar,
        percentage_of_length,
    )
    found, paired = matched(graph), matched(graph.T)
    one, other = _meetings(true, pred)
    serves_several = paired | (np.bincount(other, minlength=len(paired)) > 1)
    n_met = np.bincount(one, minlength=len(found))
    merged, early_or_late, short_or_long = np.zeros((3, len(found)), dtype=bool)
    merged[one[serves_several[other]]] = True
    tolerance = np.maximum(t_collar, percentage_of_length * (true.offset - true.onset))
    early_or_late[one] = np.abs(true.onset[one] - pred.onset[other]) > t_collar
    short_or_long[one] = np.abs(true.offset[one] - pred.offset[other]) > tolerance[one]
    # Were an event and its only estimate in tolerance of each other, both unpaired, the
    # matching would not be maximum: one of the last three always applies.
    cause = np.select(
        [
            found,
            ~np.isin(true.clip, pred.clip),
            n_met == 0,
            merged,
            n_met > 1,
            early_or_late & short_or_long,
            early_or_late,
        ],
        ["found", "missed tag", "missed", "merged", "split", "both off", "onset off"],
        "offset off",
    )
    superfluous = ~paired
    superfluous[other[~found[one]]] = False
    is_there = np.isin(pred.clip[superfluous], true.clip)
    return np.append(cause, np.where(is_there, "false alarm", "false tag")), superfluous


def _meetings(true: EventArrays, pred: EventArrays) -> tuple[Ints, Ints]:
    """Return every pair of a reference and an estimated event that meet."""
    end = max(float(events.offset.max(initial=0.0)) for events in (true, pred))
    (start, stop), (others_start, others_stop) = (
        on_one_axis(events, end) for events in (true, pred)
    )
    reached = np.maximum.accumulate(others_stop)
    first = np.searchsorted(reached, start)
    n_near = np.maximum(np.searchsorted(others_start, stop) - first, 0)
    one = np.repeat(np.arange(len(n_near)), n_near)
    other = np.arange(len(one)) - np.repeat(np.cumsum(n_near) - n_near - first, n_near)
    shared = np.minimum(true.offset[one], pred.offset[other]) - np.maximum(
        true.onset[one], pred.onset[other]
    )
    shorter = np.minimum(
        (true.offset - true.onset)[one], (pred.offset - pred.onset)[other]
    )
    met = meets(shared, shorter, _SHARED)
    return one[met], other[met]
