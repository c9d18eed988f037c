"""Event tables: build, check and stack them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from pandas.api.extensions import ExtensionArray
from pandas.api.types import infer_dtype

from sklearn_sed._annotated import AnnotatedArray
from sklearn_sed.exceptions import AnnotationError, LabelError

REQUIRED_COLUMNS = ("onset", "offset", "event_label")
# The column that makes a table one of what is known of a clip, see `partial_events`.
PRESENT = "present"
# What pandas calls columns of real numbers, and of labels that can be sorted.
_NUMBERS = {"floating", "integer", "mixed-integer-float", "empty"}
_LABELS = {*_NUMBERS, "string", "boolean"} - {"floating", "mixed-integer-float"}


class TagArray(AnnotatedArray):
    """An indicator of tags that knows the names of its classes.

    An ordinary integer array otherwise. The names stay with the columns when clips
    are selected, and through copies, pickling and joblib, so that an estimator fitted
    to it predicts events by name.

    Parameters
    ----------
    indicator : array-like of int of shape (n_clips, n_classes)
        1 where the class is in the clip, else 0; −1 throughout for unlabelled clips.
    classes : array-like of shape (n_classes,)
        The class of each column.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,) or None
        The class of each column; None for what is no such indicator any more, such as
        a single row or column.

    Raises
    ------
    LabelError
        If there is not one class for each column.

    Examples
    --------
    >>> from sklearn_sed.events import TagArray
    >>> tags = TagArray([[1, 0], [0, 1], [1, 1]], ["Cat", "Dog"])
    >>> tags[[2, 0]].classes
    array(['Cat', 'Dog'], dtype='<U3')
    """

    classes: np.ndarray | None

    def __new__(cls, indicator: ArrayLike, classes: ArrayLike) -> "TagArray":
        """Wrap an indicator without copying it."""
        tags = np.asarray(indicator, dtype=np.int64).view(cls)
        names = np.asarray(classes)
        if tags.ndim != 2 or names.shape != tags.shape[1:]:
            raise LabelError(
                f"an indicator of shape {tags.shape} needs one class for each column, "
                f"got {names.tolist()}"
            )
        tags.classes = names
        return tags

    @property
    def _note(self) -> np.ndarray | None:
        return self.classes

    @_note.setter
    def _note(self, classes: np.ndarray | None) -> None:
        self.classes = classes

    @classmethod
    def _common_note(cls, arrays: Sequence[Any], result: np.ndarray) -> Any:
        """Return the names that arrays of the result's shape have."""
        return cls._same_names([x for x in arrays if x.shape == result.shape])

    @classmethod
    def _joined_note(cls, arrays: Sequence[Any]) -> Any:
        """Return the names that all the arrays have; rows of −1 go with any names."""
        labelled = [x for x in arrays if (np.asarray(x) != -1).any()]
        return cls._same_names(labelled or arrays)

    @classmethod
    def _same_names(cls, arrays: Sequence[Any]) -> Any:
        names: list[Any] = [getattr(x, "classes", None) for x in arrays]
        if not names or any(own is None for own in names):
            return None
        return names[0] if all(np.array_equal(x, names[0]) for x in names) else None

    def __getitem__(self, key: Any) -> Any:
        item = super().__getitem__(key)
        if isinstance(item, TagArray) and item.ndim == 2:
            # A choice of columns loses the names, a choice of rows keeps them.
            columns = key[1:] if isinstance(key, tuple) else ()
            if all(k is Ellipsis or repr(k) == repr(slice(None)) for k in columns):
                item.classes = self.classes
        return item


def make_events(
    onset: ArrayLike,
    offset: ArrayLike,
    event_label: ArrayLike,
    score: ArrayLike | None = None,
) -> pd.DataFrame:
    """Build the event table of one clip.

    Parameters
    ----------
    onset : array-like of shape (n_events,)
        Start of each event, in seconds from the start of the clip.
    offset : array-like of shape (n_events,)
        End of each event, in seconds.
    event_label : array-like of shape (n_events,)
        Class of each event.
    score : array-like of shape (n_events,), default=None
        Confidence in each event, 0 to 1. By default the table has no such column.

    Returns
    -------
    events : DataFrame of shape (n_events, 3) or (n_events, 4)
        Columns `onset` and `offset` (float64), `event_label` and, where given, `score`
        (float64), sorted by onset, then label, then offset.

    Raises
    ------
    AnnotationError
        If the columns differ in length, or an event is impossible: a number that is
        not finite, a negative onset, an offset before its onset, a missing label.

    Examples
    --------
    >>> from sklearn_sed.events import make_events
    >>> make_events([2.5, 0.0], [3.0, 1.2], ["Speech", "Dog"])
       onset  offset event_label
    0    0.0     1.2         Dog
    1    2.5     3.0      Speech
    """
    times = {"onset": onset, "offset": offset}
    if score is not None:
        times["score"] = score
    given = {key: _as_column(value) for key, value in times.items()}
    labels = np.asarray(_as_column(event_label))
    shapes = {key: column.shape for key, column in given.items()}
    shapes["event_label"] = labels.shape
    if len(set(shapes.values())) > 1 or labels.ndim != 1:
        raise AnnotationError(
            "events",
            f"every column must be 1-D and of the same length, got the shapes {shapes}",
        )
    columns = {key: _as_floats(column, key, "events") for key, column in given.items()}
    fault = find_fault(columns, labels)
    if fault is not None:
        event, reason = fault
        raise AnnotationError(f"event {event}", reason)
    return _build(columns, labels)


def _as_column(values: ArrayLike) -> Any:
    """Return what is an array or Series already, else an array of what was given."""
    if isinstance(values, np.ndarray | pd.Series | pd.Index | ExtensionArray):
        return values
    return np.asarray(values, dtype=object)  # 1 next to "a" stays a number


def _as_floats(column: Any, name: str, where: str) -> np.ndarray:
    """Return a column of numbers as float64, NaN for what is missing."""
    if column.dtype == np.float64:
        return np.asarray(column)
    if infer_dtype(column) not in _NUMBERS:
        raise AnnotationError(
            where,
            f"the column {name!r} holds values of type {infer_dtype(column)}, it must "
            "hold real numbers: convert it with .astype(float), or a timedelta with "
            ".dt.total_seconds()",
        )
    return pd.Series(column).to_numpy(dtype=np.float64, na_value=np.nan)


def _build(columns: dict[str, np.ndarray], labels: np.ndarray) -> pd.DataFrame:
    """Sort checked columns into an event table."""
    if len(labels) > 1:
        keys = labels
        if labels.dtype == object:
            keys = np.unique(labels, return_inverse=True)[1]
        order = np.lexsort((columns["offset"], keys, columns["onset"]))
        columns = {key: column[order] for key, column in columns.items()}
        labels = labels[order]
    # An array of no labels has no telling dtype: it is one of strings.
    label_column = labels if len(labels) else pd.Series([], dtype=str)
    if labels.dtype == object and len(labels):
        label_column = pd.Series(labels).infer_objects()
    table = {
        "onset": columns["onset"],
        "offset": columns["offset"],
        "event_label": label_column,
    }
    if "score" in columns:
        table["score"] = columns["score"]
    return pd.DataFrame(table)


def find_fault(
    columns: dict[str, np.ndarray], labels: Any = None
) -> tuple[int, str] | None:
    """Return the index of the first impossible event and the reason, or None."""
    onset, offset = columns["onset"], columns["offset"]
    # Comparisons with NaN are false: this finds what is not finite, too.
    fine = (onset >= 0) & (offset >= onset) & (offset < np.inf)
    if "score" in columns:
        fine &= np.isfinite(columns["score"])
    if labels is not None:
        fine &= ~pd.isna(labels)
    if fine.all():
        fault = None if labels is None else find_odd_label(labels)
        return fault and (fault[0], f"event_label {fault[1]}")
    event = int(np.argmin(fine))
    for name, column in columns.items():
        if not np.isfinite(column[event]):
            return event, f"{name} is {column[event]}, it must be a finite number"
    start, end = float(onset[event]), float(offset[event])
    if start < 0:
        return event, f"onset {start} is negative; times count from the clip's start"
    if end < start:
        return event, f"offset {end} lies before onset {start}"
    return event, "event_label is missing"


def find_odd_label(labels: Any) -> tuple[int, str] | None:
    """Return the index of the first label that is unlike the others, and why."""
    if infer_dtype(labels, skipna=False) in _LABELS:
        return None
    labels = np.asarray(labels, dtype=object).tolist()
    for index, label in enumerate(labels):
        if not isinstance(label, str | Real | np.bool_):
            return (
                index,
                f"is {label!r}; a label is text (bytes: decode it) or a number",
            )
        if label != label:
            return index, "is NaN; a label is text or a number"
        if isinstance(label, str) != isinstance(labels[0], str):
            return index, (
                f"is {label!r} next to {labels[0]!r}; labels are all text or all "
                "numbers"
            )
    return None


def check_labels(labels: Iterable[Any], name: str = "labels") -> list[Any]:
    """Return a list of classes, or say which are not distinct or cannot be sorted."""
    if isinstance(labels, str) or not np.iterable(labels):
        raise LabelError(f"{name} must be a sequence of class names, got {labels!r}")
    labels = labels.tolist() if isinstance(labels, np.ndarray) else list(labels)
    fault = find_odd_label(labels)
    if fault is not None:
        raise LabelError(f"{name}, entry {fault[0]} {fault[1]}")
    twice = [label for label, count in Counter(labels).items() if count > 1]
    if twice:
        raise LabelError(f"{name} must be distinct, got {twice[0]!r} more than once")
    return labels


def check_durations(durations: ArrayLike, n_clips: int) -> np.ndarray:
    """Return the length of each clip in seconds; one number stands for all clips."""
    seconds = np.asarray(durations, dtype=np.float64)
    if seconds.ndim == 0:
        seconds = np.full(n_clips, seconds)
    if seconds.shape != (n_clips,):
        raise ValueError(
            f"durations must hold one number of seconds for each of {n_clips} clips, "
            f"got the shape {seconds.shape}"
        )
    fine = (seconds > 0) & (seconds < np.inf)
    if not fine.all():
        clip = int(np.argmin(fine))
        raise ValueError(
            f"durations must be positive numbers of seconds, got {seconds[clip]} for "
            f"clip {clip}"
        )
    return seconds


def stack_tables(tables: Iterable[pd.DataFrame]) -> np.ndarray:
    """Put one table per clip into a 1-D object array, the form of a strong ``y``.

    Parameters
    ----------
    tables : iterable of DataFrame
        The event table of each clip.

    Returns
    -------
    events : ndarray of shape (n_clips,), dtype object
        The same tables. scikit-learn can index and split such an array.

    Examples
    --------
    >>> from sklearn_sed.events import make_events, stack_tables
    >>> stack_tables([make_events([0], [1], ["Dog"]), make_events([], [], [])]).shape
    (2,)
    """
    tables = list(tables)
    events = np.empty(len(tables), dtype=object)
    for clip, table in enumerate(tables):
        events[clip] = table
    return events


def is_event_tables(y: object) -> bool:
    """Tell a strong ``y`` (one event table per clip) from a weak one (tags).

    Parameters
    ----------
    y : object
        Targets of any form.

    Returns
    -------
    strong : bool
        True for a sequence with a DataFrame among its elements. A DataFrame itself is
        not one: as a ``y``, it is an indicator with named classes.

    Examples
    --------
    >>> from sklearn_sed.events import is_event_tables, make_events
    >>> is_event_tables([make_events([0], [1], ["Dog"])])
    True
    >>> is_event_tables([["Dog"], []])
    False
    """
    if isinstance(y, np.ndarray) and (y.ndim != 1 or y.dtype != object):
        return False
    if not isinstance(y, list | tuple | np.ndarray | pd.Series):
        return False
    return any(isinstance(table, pd.DataFrame) for table in y)


def check_events(events: Sequence[pd.DataFrame], *, name: str = "y") -> np.ndarray:
    """Check the event tables of several clips.

    Parameters
    ----------
    events : sequence of DataFrame
        One table per clip, of all its events: one from :func:`partial_events` is
        refused. Columns other than `onset`, `offset`, `event_label` and `score` are
        left alone.
    name : str, default="y"
        What error messages call the argument.

    Returns
    -------
    events : ndarray of shape (n_clips,), dtype object
        The tables, their times and scores float64. A table that is so already is
        passed on, not copied.

    Raises
    ------
    AnnotationError
        If `events` is not a sequence of tables, a table lacks a column, or an event is
        impossible. The message names the clip and the event.

    Examples
    --------
    >>> from sklearn_sed.events import check_events, make_events
    >>> table = make_events([0.0], [1.0], ["Dog"])
    >>> check_events([table]).shape
    (1,)
    >>> check_events([table, table.assign(onset=2.0)])
    Traceback (most recent call last):
    ...
    sklearn_sed.exceptions.AnnotationError: y, clip 1, event 0: offset 1.0 lies before
    onset 2.0
    """
    if isinstance(events, pd.DataFrame):
        raise AnnotationError(
            name,
            "expected one event table per clip, got a single table; pass [table] for "
            "one clip, or split a long table by from_table",
        )
    if not isinstance(events, list | tuple | np.ndarray | pd.Series):
        raise AnnotationError(
            name,
            f"expected a sequence of event tables, got {type(events).__name__}",
        )
    tables = [
        check_table(table, f"{name}, clip {clip}") for clip, table in enumerate(events)
    ]
    firsts = [
        (clip, table["event_label"].iat[0])
        for clip, table in enumerate(tables)
        if len(table)
    ]
    for clip, label in firsts:
        first, other = firsts[0]
        if isinstance(label, str) != isinstance(other, str):
            raise AnnotationError(
                f"{name}, clip {clip}",
                f"its labels are such as {label}, those of clip {first} such as "
                f"{other}; labels are all text or all numbers",
            )
    return stack_tables(tables)


def check_table(table: Any, where: str) -> pd.DataFrame:
    """Return a table with float64 times, or say what is wrong with it."""
    check_columns(table, where)
    if PRESENT in table:
        raise AnnotationError(
            where,
            f"its column {PRESENT!r} says that only a part of the clip is known, and "
            "the events of whole clips are needed here; leave the clip out, or rename "
            "the column where it means something else",
        )
    columns = as_times(table, where)
    labels = table["event_label"].to_numpy()
    fault = find_fault(columns, labels)
    if fault is not None:
        event, reason = fault
        raise AnnotationError(f"{where}, event {event}", reason)
    if any(table[name].dtype != np.float64 for name in columns):
        table = table.assign(**columns)
    if isinstance(table["event_label"].dtype, pd.CategoricalDtype):
        table = table.assign(event_label=labels)
    return table


def as_times(table: pd.DataFrame, where: str) -> dict[str, np.ndarray]:
    """Return the columns of numbers that a table has as float64."""
    return {
        name: _as_floats(table[name], name, where)
        for name in ("onset", "offset", "score")
        if name in table
    }


def check_columns(table: Any, where: str) -> None:
    """Complain about what has not the columns of an event table, once each."""
    if not isinstance(table, pd.DataFrame):
        raise AnnotationError(
            where, f"expected an event table (DataFrame), got {type(table).__name__}"
        )
    if table.columns.nlevels > 1:
        raise AnnotationError(
            where,
            f"its columns have {table.columns.nlevels} levels; an event table has one: "
            "choose it with table.droplevel(..., axis=1)",
        )
    if not table.columns.is_unique:
        twice = table.columns[table.columns.duplicated()][0]
        raise AnnotationError(
            where, f"the column {twice!r} appears twice; drop or rename one"
        )
    missing = [column for column in REQUIRED_COLUMNS if column not in table]
    if missing:
        raise AnnotationError(
            where,
            f"the column {missing[0]!r} is missing; an event table has the columns "
            f"{', '.join(REQUIRED_COLUMNS)}",
        )


def to_tags(
    events: Sequence[pd.DataFrame], classes: Sequence[Any] | None = None
) -> np.ndarray:
    """Reduce events to tags: which classes occur in which clip.

    Parameters
    ----------
    events : sequence of DataFrame
        The event table of each clip.
    classes : sequence of str of length n_classes, default=None
        The class of each column. By default the labels that occur, sorted.

    Returns
    -------
    tags : TagArray of shape (n_clips, n_classes), dtype int64
        1 where the class has an event in the clip, else 0; knows its ``classes``.

    Raises
    ------
    LabelError
        If an event's label is not among `classes`, or these are not distinct.
    AnnotationError
        If an event table is not valid.

    Examples
    --------
    >>> from sklearn_sed.events import make_events, to_tags
    >>> events = [make_events([0, 3], [1, 4], ["Dog", "Cat"]), make_events([], [], [])]
    >>> to_tags(events)
    TagArray([[1, 1],
              [0, 0]])
    >>> to_tags(events, classes=["Dog", "Cat", "Speech"])
    TagArray([[1, 1, 0],
              [0, 0, 0]])
    """
    tables = check_events(events, name="events")
    labels = [table["event_label"].unique().tolist() for table in tables]
    if classes is None:
        classes = sorted({label for present in labels for label in present})
    classes = check_labels(classes, "classes")
    column = {label: index for index, label in enumerate(classes)}
    tags = np.zeros((len(tables), len(column)), dtype=np.int64)
    for clip, present in enumerate(labels):
        for label in present:
            if label not in column:
                raise unknown_label(f"clip {clip}", label, classes)
            tags[clip, column[label]] = 1
    return TagArray(tags, np.array(classes))


def unknown_label(where: str, label: Any, classes: Sequence[Any]) -> LabelError:
    """Return the complaint about a label that is not among the classes."""
    known = ", ".join(map(str, list(classes)[:20])) + (", ..." * (len(classes) > 20))
    return LabelError(
        f"{where}: the label {label!r} is not among the classes ({known}); correct it "
        "or add it to `classes`"
    )
