"""The lists of the DCASE challenges: events and durations."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from sklearn_sed.events._records import (
    Annotations,
    Reading,
    TextTable,
    check_text,
    extra_columns,
    format_value,
    join_rows,
    number,
    read_table,
    written_events,
)
from sklearn_sed.events._tables import REQUIRED_COLUMNS
from sklearn_sed.exceptions import AnnotationError

_STRONG = ("filename", *REQUIRED_COLUMNS)


def parse_events(path: Path, recording: str, reading: Reading) -> Annotations:
    """Read a list of events; a row with a filename alone is a clip without events."""
    table = read_table(path, reading.encoding)
    if table.find("event_labels") is not None and table.find("onset") is None:
        raise AnnotationError(
            str(path), "this is a list of tags without times; read it with read_tags"
        )
    extra = {
        "score" if name.casefold() == "score" else name: index
        for index, name in enumerate(table.header)
        if name.casefold() not in _STRONG
    }
    annotations = Annotations(path, reading, columns=list(extra))
    for where, cells, (filename, onset, offset, label) in _named_rows(table, *_STRONG):
        further = {name: cells[index] for name, index in extra.items()}
        annotations.add(where, filename, label, onset, offset, extra=further)
    return annotations


def _named_rows(
    table: TextTable, *names: str
) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield where each row is, its cells, and those of columns, the filename first."""
    positions = table.locate({name: (name,) for name in names}).values()
    for where, cells in table.rows():
        chosen = [cells[index] for index in positions]
        if not chosen[0]:
            raise AnnotationError(where, "filename is missing")
        yield where, cells, chosen


def render_events(
    path: Path, filenames: Sequence[str], tables: Sequence[pd.DataFrame]
) -> str:
    """Return a list of events; clips without any get a row with their name alone."""
    extra = list(
        dict.fromkeys(name for table in tables for name in extra_columns(table))
    )
    rows = [[*_STRONG, *extra]]
    for index, (filename, table) in enumerate(zip(filenames, tables)):
        clip = f"events, clip {index}"
        check_text(filename, "filename", clip)
        if table.empty:
            # Without the empty cells, which sed_eval's reader stumbles over.
            rows.append([filename])
        for where, *event, further in written_events(clip, table, extra):
            values = [format_value(*pair, where) for pair in zip(further, extra)]
            rows.append([filename, *event, *values])
    return join_rows(path, rows)


def parse_durations(path: Path) -> dict[str, float]:
    """Read how many seconds each recording lasts."""
    durations: dict[str, float] = {}
    rows = _named_rows(read_table(path), "filename", "duration")
    for where, _, (filename, cell) in rows:
        seconds = number(where, "duration", cell)
        if not 0 < seconds < math.inf:
            raise AnnotationError(where, f"the duration {seconds} is not positive")
        if durations.setdefault(filename, seconds) != seconds:
            raise AnnotationError(where, f"{filename} has two durations")
    return durations
