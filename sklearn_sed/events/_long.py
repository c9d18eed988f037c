"""The events of several clips as one long table, and back."""

import os
import warnings
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from sklearn_sed.events._files import align
from sklearn_sed.events._tables import (
    REQUIRED_COLUMNS,
    check_events,
    check_table,
    make_events,
    stack_tables,
)
from sklearn_sed.exceptions import AnnotationError


def to_table(filenames: Sequence[Any], events: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Join the events of several clips into one long table.

    Parameters
    ----------
    filenames : sequence of str or Path of length n_clips
        The name of each clip.
    events : sequence of DataFrame of length n_clips
        The event table of each clip.

    Returns
    -------
    table : DataFrame of shape (n_events, n_columns)
        Columns `filename`, `onset`, `offset`, `event_label`, then `score` and any other
        columns of the tables (NaN where a clip has events without that column). Clips
        come in the given order; a clip without events has no row. A column `filename`
        of the tables gives way.

    Raises
    ------
    AnnotationError
        If the lengths differ, a table is not valid, or only some events have a score.

    See Also
    --------
    from_table : Splits such a table.

    Examples
    --------
    >>> from sklearn_sed.events import make_events, to_table
    >>> events = [make_events([0.5], [1.0], ["Dog"]), make_events([], [], [])]
    >>> to_table(["a.wav", "b.wav"], events)
      filename  onset  offset event_label
    0    a.wav    0.5     1.0         Dog
    """
    tables = check_events(events, name="events")
    if len(filenames) != len(tables):
        raise AnnotationError(
            "events",
            f"got {len(filenames)} filenames for {len(tables)} event tables; pass one "
            "name per table",
        )
    lengths = [len(table) for table in tables]
    filled = [clip for clip, length in enumerate(lengths) if length]
    scored = [clip for clip in filled if "score" in tables[clip]]
    if scored and len(scored) < len(filled):
        bare = next(clip for clip in filled if "score" not in tables[clip])
        raise AnnotationError(
            f"events, clip {bare}",
            f"its events have no score while those of clip {scored[0]} do; give all "
            "events a score or none",
        )
    kept = (
        [tables[clip] for clip in filled] or list(tables) or [make_events([], [], [])]
    )
    table = pd.concat(kept, ignore_index=True).drop(columns="filename", errors="ignore")
    names = np.repeat(
        np.array([str(name) for name in filenames], dtype=object), lengths
    )
    table.insert(0, "filename", pd.Series(names, dtype=str))
    leading = ["filename", *REQUIRED_COLUMNS, *["score"] * ("score" in table)]
    return table[leading + [column for column in table if column not in leading]]


def from_table(
    table: pd.DataFrame, filenames: Sequence[str | os.PathLike] | None = None
) -> tuple[list[Any], np.ndarray]:
    """Split a long table into the events of each clip.

    Parameters
    ----------
    table : DataFrame
        Columns `filename`, `onset`, `offset`, `event_label`, and any others, such as
        :func:`to_table` returns or pandas reads from a list of events. A row with a
        filename alone, its times and label missing, is a clip without events.
    filenames : sequence of str or Path of length n_clips, default=None
        The clips wanted, recognised as :func:`match_recordings` does it. By default
        those of the table, in its order.

    Returns
    -------
    filenames : list of length n_clips
        `filenames` where given, else the names in the table.
    events : ndarray of shape (n_clips,), dtype object
        The event table of each clip, sorted by onset, then label. A clip that is not in
        the table has no events. Further columns stay.

    Raises
    ------
    AnnotationError
        If a column or a filename is missing, or an event is impossible. The message
        names its row.

    Warns
    -----
    UserWarning
        If the table has events of clips that are not among `filenames`.

    See Also
    --------
    to_table : Joins the events of clips.
    read_events : Reads events from files.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_sed.events import from_table
    >>> table = pd.DataFrame(
    ...     {
    ...         "filename": ["b.wav", "a.wav", "b.wav"],
    ...         "onset": [2.0, 0.5, 0.0],
    ...         "offset": [3.0, 1.0, 1.5],
    ...         "event_label": ["Cat", "Dog", "Dog"],
    ...     }
    ... )
    >>> filenames, events = from_table(table, filenames=["a.wav", "b.wav", "c.wav"])
    >>> events[1]
       onset  offset event_label
    0    0.0     1.5         Dog
    1    2.0     3.0         Cat
    >>> [len(table) for table in events]
    [1, 2, 0]
    """
    if not isinstance(table, pd.DataFrame) or "filename" not in table:
        raise AnnotationError(
            "table",
            "expected a DataFrame with the columns filename, "
            f"{', '.join(REQUIRED_COLUMNS)}; rename those that say the same",
        )
    unnamed = table["filename"].isna().to_numpy()
    if unnamed.any():
        row = int(np.argmax(unnamed))
        raise AnnotationError(f"table, row {row}", "filename is missing")
    codes, found = pd.factorize(table["filename"].map(os.fspath))
    times = table.columns.intersection(REQUIRED_COLUMNS)
    is_event = table[times].notna().any(axis=1).to_numpy()
    events, codes = table[is_event].drop(columns="filename"), codes[is_event]
    if "score" in events and events["score"].isna().all():
        events = events.drop(columns="score")
    events = check_table(events, "table")
    rank = np.unique(events["event_label"].to_numpy(object), return_inverse=True)[1]
    order = np.lexsort((events["offset"], rank, events["onset"], codes))
    leading = [name for name in (*REQUIRED_COLUMNS, "score") if name in events]
    events = events[[*leading, *events.columns.difference(leading, sort=False)]]
    bounds = np.searchsorted(codes[order], np.arange(len(found) + 1))
    tables = [
        events.iloc[order[start:stop]].reset_index(drop=True)
        for start, stop in pairwise(bounds)
    ]
    names: list[Any] = list(found)
    if filenames is not None:
        notes: list[str] = []
        names = list(filenames)
        tables = align("table", list(found), tables, names, notes)
        for note in notes:
            warnings.warn(note, UserWarning, stacklevel=2)
    return names, stack_tables(tables)
