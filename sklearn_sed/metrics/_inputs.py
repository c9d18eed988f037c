"""Bring reference and estimated events into one form, and say what is wrong."""

import sys
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sklearn_sed.events import check_events
from sklearn_sed.events._tables import check_durations, check_labels
from sklearn_sed.exceptions import LabelError

# Modules between whoever calls a metric and this one.
_OURS = ("sklearn_sed.", "sklearn.utils")
_SLACK = 1e-3  # seconds past the end that rounded durations leave


@dataclass(frozen=True)
class EventArrays:
    """The events of several clips as flat arrays with one element per event.

    Attributes
    ----------
    clip : ndarray of shape (n_events,), int64
        Index of the clip, ascending.
    label : ndarray of shape (n_events,), int64
        Index of the class in the list of labels.
    onset, offset : ndarray of shape (n_events,), float64
        Times in seconds.
    n_clips : int
        Number of clips, those without events included.
    """

    clip: NDArray[np.int64]
    label: NDArray[np.int64]
    onset: NDArray[np.float64]
    offset: NDArray[np.float64]
    n_clips: int

    def __getitem__(self, chosen: NDArray[Any]) -> "EventArrays":
        """Choose events by a mask or by indices."""
        parts = (self.clip, self.label, self.onset, self.offset)
        clip, label, onset, offset = (part[chosen] for part in parts)
        return EventArrays(clip, label, onset, offset, self.n_clips)

    def within(self, durations: NDArray[np.float64]) -> "EventArrays":
        """Cut events at the end of their clip; those that begin there are left out."""
        ends = durations[self.clip]
        cut = replace(self, offset=np.minimum(self.offset, ends))
        return cut[self.onset < ends]


def label_names(tables: NDArray[np.object_]) -> list[Any]:
    """Return the label of every event, clip after clip."""
    return [label for table in tables for label in table["event_label"].tolist()]


def flatten(
    tables: NDArray[np.object_], names: list[Any], labels: Sequence[Any]
) -> EventArrays:
    """Flatten checked event tables, leaving out labels that are not listed."""
    code = {label: index for index, label in enumerate(labels)}
    codes = np.array([code.get(name, -1) for name in names], dtype=np.int64)
    empty = np.zeros(0)
    events = EventArrays(
        clip=np.repeat(np.arange(len(tables)), [len(table) for table in tables]),
        label=codes,
        onset=np.concatenate([empty, *(table["onset"].array for table in tables)]),
        offset=np.concatenate([empty, *(table["offset"].array for table in tables)]),
        n_clips=len(tables),
    )
    return events[codes >= 0]


def align_events(
    y_true: Sequence[pd.DataFrame],
    y_pred: Sequence[pd.DataFrame],
    labels: Iterable[Any] | None,
    durations: ArrayLike | None = None,
) -> tuple[list[Any], EventArrays, EventArrays]:
    """Check that the tables belong together and flatten them.

    Without `labels`, all that occur on either side are taken, sorted. What lies past
    the end of a clip whose duration is given is cut off.
    """
    reference = check_events(y_true, name="y_true")
    estimated = check_events(y_pred, name="y_pred")
    if len(reference) != len(estimated):
        raise LabelError(
            f"y_true has {len(reference)} clips but y_pred has {len(estimated)}; pass "
            "one event table per clip on both sides, an empty one for no events"
        )
    names = label_names(reference), label_names(estimated)
    _check_same_kind(*names)
    if labels is None:
        labels = sorted(set(names[0]) | set(names[1]))
    else:
        labels = check_labels(labels)
        _report_left_out(labels, *names)
    true = flatten(reference, names[0], labels)
    pred = flatten(estimated, names[1], labels)
    if durations is not None:
        seconds = check_durations(durations, true.n_clips)
        report_past_end(true, seconds)
        true, pred = true.within(seconds), pred.within(seconds)
    report_no_length(true)
    return labels, true, pred


def report_past_end(
    reference: EventArrays, durations: NDArray[np.float64], tolerance: float = _SLACK
) -> None:
    """Warn about reference events that last beyond the end of their clip."""
    past = np.flatnonzero(reference.offset > durations[reference.clip] + tolerance)
    if len(past):
        clip, offset = reference.clip[past[0]], reference.offset[past[0]]
        _warn(
            f"{len(past)} events of y_true last beyond the end of their clip and are "
            f"cut there, such as one until {offset:g} s in clip {clip}, which ends at "
            f"{durations[clip]:g} s"
        )


def report_no_length(reference: EventArrays) -> None:
    """Warn about reference events that end where they begin."""
    bare = np.flatnonzero(reference.onset == reference.offset)
    if len(bare):
        clip, onset = reference.clip[bare[0]], reference.onset[bare[0]]
        _warn(
            f"{len(bare)} events of y_true have no length, such as the one at "
            f"{onset:g} s in clip {clip}: hardly a detection agrees with them; give "
            "them an end or leave them out"
        )


def _check_same_kind(reference: list[Any], estimated: list[Any]) -> None:
    """Refuse names on one side and numbers on the other: nothing would ever match."""
    # Each side is of one kind.
    if len({isinstance(side[0], str) for side in (reference, estimated) if side}) > 1:
        raise LabelError(
            f"some events are labelled by name and others by number, such as "
            f"{reference[0]!r} in y_true and {estimated[0]!r} in y_pred: fit the "
            "estimator to labels that know their names (label lists, a DataFrame with "
            "named columns)"
        )


def _report_left_out(
    labels: Sequence[Any], reference: list[Any], estimated: list[Any]
) -> None:
    """Warn about events whose label is not listed: they are not evaluated."""
    left_out = sorted((set(reference) | set(estimated)) - set(labels))
    if left_out:
        listed = ", ".join(
            f"{label!r} ({reference.count(label)} reference, {estimated.count(label)} "
            "estimated events)"
            for label in left_out[:10]
        )
        _warn(
            f"not among `labels` and not evaluated: {listed}"
            + (f" and {len(left_out) - 10} more" if len(left_out) > 10 else "")
        )


def _warn(message: str) -> None:
    """Warn whoever called the metric."""
    level, frame = 1, sys._getframe()
    while frame.f_back and frame.f_globals["__name__"].startswith(_OURS):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, UserWarning, stacklevel=level)
