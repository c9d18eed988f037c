"""Bring reference and estimated events into one form, and say what is wrong."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_sed.events import check_events
from sklearn_sed.events._tables import check_labels
from sklearn_sed.exceptions import LabelError


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

    def by_clip(self) -> Iterator[slice]:
        """Yield the slice of each clip's events."""
        bounds = np.searchsorted(self.clip, np.arange(self.n_clips + 1))
        yield from map(slice, bounds[:-1].tolist(), bounds[1:].tolist())


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
) -> tuple[list[Any], EventArrays, EventArrays]:
    """Check that the tables belong together and flatten them.

    Without `labels`, all that occur on either side are taken, sorted.
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
    return (
        labels,
        flatten(reference, names[0], labels),
        flatten(estimated, names[1], labels),
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
        warnings.warn(
            f"not among `labels` and not evaluated: {listed}"
            + (f" and {len(left_out) - 10} more" if len(left_out) > 10 else ""),
            UserWarning,
            stacklevel=6,  # whoever called the metric
        )
