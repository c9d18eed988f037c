"""What is known of a clip: all of its events, a part of them, or its tags alone."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from sklearn_sed.events._frames import TIME_TOLERANCE
from sklearn_sed.events._tables import (
    PRESENT,
    REQUIRED_COLUMNS,
    as_times,
    check_columns,
    check_labels,
    check_table,
    find_fault,
    find_odd_label,
)
from sklearn_sed.exceptions import AnnotationError, LabelError


class Knowledge(NamedTuple):
    """What is known of a clip: 1 for what is in it, 0 for what is not, −1 for unknown.

    That of classes by name, that of all others, and the table if it tells of times.
    """

    tags: dict[Any, int]
    others: int
    table: pd.DataFrame | None = None


def partial_events(
    events: pd.DataFrame,
    *,
    known: ArrayLike = (),
    absent: pd.DataFrame | None = None,
    tags: Iterable[Any] | None = None,
) -> pd.DataFrame:
    """Build the table of a clip of which only a part is known.

    An event table tells all of its clip: where it has no event, nothing sounds. This
    one has a column `present` more, and tells no more than its rows do. Estimators
    learn from what is known, and leave the rest open; scores of events leave such
    clips out.

    Parameters
    ----------
    events : DataFrame
        Events that are known, such as those that a reviewer accepted.
    known : array-like of shape (n_spans, 2), default=()
        Onset and offset, in seconds, of the spans in which nothing sounds but
        `events`.
    absent : DataFrame, default=None
        Events that are known not to be there, such as rejected ones: spans in which
        their class does not sound.
    tags : iterable of labels, default=None
        All classes of the clip, where they are known. By default it has those of
        `events`, and may have any other.

    Returns
    -------
    table : DataFrame
        Columns `onset`, `offset`, `event_label` and `present`. A row says that its
        class sounds from onset to offset or, where `present` is False, that it does
        not; without a label, that nothing but the events of the table does; without
        onset and offset, it says so of the clip as a whole.

    Raises
    ------
    AnnotationError
        If a span is impossible, or an event lies where its class is absent.
    LabelError
        If an event's class is not among `tags`.

    See Also
    --------
    events_to_targets : What a table says of each frame.

    Examples
    --------
    A dog barks at 2 s, what was found at 5 s is none, and from 0 to 4 s nothing else
    is heard:

    >>> from sklearn_sed.events import make_events, partial_events
    >>> heard = make_events([2.0], [2.5], ["Dog"])
    >>> rejected = make_events([5.0], [6.0], ["Dog"])
    >>> partial_events(heard, known=[(0, 4)], absent=rejected)
       onset  offset event_label  present
    0    2.0     2.5         Dog     True
    1    5.0     6.0         Dog    False
    2    0.0     4.0        None    False
    """
    rows = [(*row, True) for row in _rows(events, "events")]
    if absent is not None:
        rows += [(*row, False) for row in _rows(absent, "absent")]
    spans = np.asarray(known, dtype=np.float64)
    if spans.size and spans.shape[1:] != (2,):
        raise AnnotationError(
            "known",
            f"it has the shape {spans.shape}; pass a list of pairs (onset, offset)",
        )
    rows += [(onset, offset, None, False) for onset, offset in spans.tolist()]
    if tags is not None:
        named = check_labels(tags, "tags")
        heard = list(dict.fromkeys(events["event_label"].tolist()))
        other = [label for label in heard if label not in named]
        if other:
            raise LabelError(
                f"the events are of {heard}, the tags are {named}: they contradict "
                f"each other about {other}; correct one of them"
            )
        rows += [(np.nan, np.nan, tag, True) for tag in named if tag not in heard]
        rows.append((np.nan, np.nan, None, False))
    columns = list(zip(*rows)) or [()] * 4
    onset, offset = (np.array(times, dtype=np.float64) for times in columns[:2])
    labels = pd.Series(list(columns[2]), dtype=object)
    table = pd.DataFrame(
        {
            "onset": onset,
            "offset": offset,
            "event_label": labels,
            PRESENT: np.array(columns[3], dtype=bool),
        }
    )
    return _check_partial(table, "partial events")


def _rows(table: pd.DataFrame, where: str) -> list[tuple]:
    """Return onset, offset and label of each event."""
    columns = [check_table(table, where)[name].tolist() for name in REQUIRED_COLUMNS]
    return list(zip(*columns))


def is_partial(table: pd.DataFrame) -> bool:
    """Tell a table that is known in part from one of all events of a clip."""
    return PRESENT in table


def read_knowledge(table: Any, where: str) -> Knowledge:
    """Check a clip's event table of any kind, and say what it tells.

    Raises
    ------
    AnnotationError
        If the table, or a part of it, is impossible.
    """
    check_columns(table, where)
    if is_partial(table):
        return _read_partial(_check_partial(table, where))
    timeless = _timeless(as_times(table, where), where)
    labels = table["event_label"]
    if not timeless.any():
        table = check_table(table, where)
    elif not timeless.all():
        raise AnnotationError(
            f"{where}, event {timeless.argmax()}",
            "it has no onset and offset, and other events have; give all of them, "
            "none where only tags are known, or build the table by partial_events",
        )
    else:
        _complain_of_labels(labels.to_numpy(), where)
        table = None
    return Knowledge(dict.fromkeys(labels.tolist(), 1), 0, table)


def _read_partial(table: pd.DataFrame) -> Knowledge:
    """Say what a checked table of a part of a clip tells."""
    present = table[PRESENT].to_numpy()
    timeless = table["onset"].isna().to_numpy()
    labels = table["event_label"]
    whole = labels[~present & timeless]
    others = 0 if whole.isna().any() else -1
    tags = {
        **dict.fromkeys(labels.dropna().tolist(), others),
        **dict.fromkeys(whole.dropna().tolist(), 0),
        **dict.fromkeys(labels[present].tolist(), 1),
    }
    return Knowledge(tags, others, None if timeless.all() else table)


def _timeless(times: dict[str, np.ndarray], where: str) -> np.ndarray:
    """Tell which rows have neither onset nor offset; one without the other is odd."""
    onset, offset = np.isnan(times["onset"]), np.isnan(times["offset"])
    odd = onset != offset
    if odd.any():
        event = int(odd.argmax())
        name, other = ("onset", "offset") if onset[event] else ("offset", "onset")
        raise AnnotationError(
            f"{where}, event {event}",
            f"{name} is {times[name][event]}, and {other} is {times[other][event]}; "
            "give both, or none where the times are not known",
        )
    return onset


def _complain_of_labels(labels: np.ndarray, where: str) -> None:
    """Complain about labels that are missing or odd."""
    fault = find_odd_label(labels)
    if fault is not None:
        raise AnnotationError(f"{where}, event {fault[0]}", f"event_label {fault[1]}")


def _check_partial(table: pd.DataFrame, where: str) -> pd.DataFrame:
    """Return a table of a part of a clip in its own form, or say what is wrong."""
    times = as_times(table, where)
    timed = ~_timeless(times, where)
    fault = find_fault({name: times[name][timed] for name in ("onset", "offset")})
    if fault is not None:
        event = np.flatnonzero(timed)[fault[0]]
        raise AnnotationError(f"{where}, event {event}", fault[1])
    present = table[PRESENT].to_numpy(dtype=object, na_value=None)
    odd = ~np.isin(present, [True, False])
    if odd.any():
        event = int(odd.argmax())
        raise AnnotationError(
            f"{where}, event {event}",
            f"{PRESENT} is {present[event]!r}; it is True where the class sounds, "
            "False where it does not",
        )
    labels = table["event_label"].astype(object)
    labels = labels.where(labels.notna(), None).to_numpy()
    checked = pd.DataFrame(
        {
            "onset": times["onset"],
            "offset": times["offset"],
            "event_label": pd.Series(labels, dtype=object),
            PRESENT: present.astype(bool),
        }
    )
    bare = checked[PRESENT] & checked["event_label"].isna()
    if bare.any():
        raise AnnotationError(
            f"{where}, event {int(bare.argmax())}",
            "event_label is missing; only spans in which nothing else sounds, whose "
            f"{PRESENT} is False, go without",
        )
    named = checked["event_label"].notna().to_numpy()
    fault = find_odd_label(labels[named])
    if fault is not None:
        event = np.flatnonzero(named)[fault[0]]
        raise AnnotationError(f"{where}, event {event}", f"event_label {fault[1]}")
    _complain_of_contradictions(checked, where)
    return checked


def _complain_of_contradictions(table: pd.DataFrame, where: str) -> None:
    """Complain about a class that is said to sound where it is said not to."""
    events = table[table[PRESENT]]
    silences = table[~table[PRESENT] & table["event_label"].notna()]
    for i, onset, offset, label, _ in silences.itertuples():
        own = events[events["event_label"] == label]
        begin, end = own["onset"].clip(lower=onset), own["offset"].clip(upper=offset)
        meets = end - begin > TIME_TOLERANCE
        if np.isnan(onset):
            meets = pd.Series(True, own.index)
        if meets.any():
            event = meets.index[meets.argmax()]
            raise AnnotationError(
                f"{where}, events {event} and {i}",
                f"{label!r} is present {_when(own.loc[event])} and absent "
                f"{_when(table.loc[i])}; they contradict each other: correct one",
            )


def _when(row: pd.Series) -> str:
    """Return the span of a row in words."""
    if np.isnan(row["onset"]):
        return "in the clip"
    return f"from {row['onset']:g} to {row['offset']:g} s"
