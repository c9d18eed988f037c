"""The lists of the DCASE challenges: events (strong) and tags (weak)."""

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from sklearn_sed.events._records import (
    Annotations,
    Row,
    TextTable,
    check_text,
    extra_columns,
    fit_cells,
    format_time,
    format_value,
    is_missing,
    number,
    read_table,
    require_label,
)
from sklearn_sed.exceptions import AnnotationError

_TIMES = ("onset", "offset")
_STRONG = ("filename", "onset", "offset", "event_label")
_WEAK = ("filename", "event_labels")
_DURATIONS = ("filename", "duration")


def parse_events(path: Path, recording: str) -> Annotations:
    """Read a list of events; a row with a filename alone is a clip without events."""
    table = read_table(path)
    if table.find("event_labels") is not None and table.find("onset") is None:
        raise AnnotationError(
            str(path), "this is a list of tags without times; read it with read_tags"
        )
    where = _columns(path, table, _STRONG)
    extra = {
        "score" if name.casefold() == "score" else name: index
        for index, name in enumerate(table.header)
        if index not in where.values()
    }
    annotations = Annotations(path, columns=list(extra))
    for line, row in table.rows:
        place = f"line {line}"
        cells = fit_cells(row, table, annotations, place)
        filename = cells[where["filename"]]
        if not filename:
            raise annotations.fault(place, "filename is missing")
        annotations.filenames.append(filename)
        if all(is_missing(cells[where[name]]) for name in _STRONG[1:]):
            continue
        onset, offset = (
            number(cells[where[name]], name, annotations, place) for name in _TIMES
        )
        label = require_label(cells[where["event_label"]], annotations, place)
        further = {name: cells[index] for name, index in extra.items()}
        annotations.rows.append(Row(place, filename, onset, offset, label, further))
    return annotations


def _columns(path: Path, table: TextTable, names: Sequence[str]) -> dict[str, int]:
    """Return the position of each required column."""
    found = {name: table.find(name) for name in names}
    missing = [name for name, index in found.items() if index is None]
    if missing:
        raise AnnotationError(
            f"{path}, line 1",
            f"the column {missing[0]!r} is missing; the header must name the columns "
            f"{', '.join(names)}, separated by tabs or commas, got "
            f"{', '.join(table.header)}",
        )
    return {name: index for name, index in found.items() if index is not None}


def render_events(
    path: Path, filenames: Sequence[str], tables: Sequence[pd.DataFrame]
) -> str:
    """Return a list of events; clips without any get a row with their name alone."""
    extra = list(
        dict.fromkeys(name for table in tables for name in extra_columns(table))
    )
    rows = [[*_STRONG, *extra]]
    for clip, (filename, table) in enumerate(zip(filenames, tables)):
        check_text(filename, "filename", f"events, clip {clip}")
        if table.empty:
            # Without the empty cells, which sed_eval's reader stumbles over.
            rows.append([filename])
        # A column that this table lacks has no values.
        records = table.reindex(columns=[*_STRONG[1:], *extra]).itertuples(index=False)
        for event, (onset, offset, label, *further) in enumerate(records):
            where = f"events, clip {clip}, event {event}"
            text = check_text(str(label), "event_label", where)
            rows.append(
                [filename, format_time(onset), format_time(offset), text]
                + [format_value(*pair, where) for pair in zip(further, extra)]
            )
    return _join(path, rows)


def _join(path: Path, rows: list[list[str]]) -> str:
    """Return rows as text, with commas for a ".csv" and tabs for any other file."""
    stream = io.StringIO()
    delimiter = "," if path.suffix.casefold() == ".csv" else "\t"
    csv.writer(stream, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return stream.getvalue()


def parse_tags(path: Path) -> tuple[list[str], list[list[str]], list[str]]:
    """Read a list of tags: the clips, their labels, and what to warn of."""
    table = read_table(path)
    if table.find("event_labels") is None and table.find("onset") is not None:
        raise AnnotationError(
            str(path), "this is a list of events with times; read it with read_events"
        )
    where = _columns(path, table, _WEAK)
    annotations = Annotations(path)
    tags: dict[str, dict[str, None]] = {}
    for line, row in table.rows:
        place = f"line {line}"
        if where["event_labels"] == len(table.header) - 1:
            # In a comma-separated file nobody quoted, each label is a cell of its own.
            last = where["event_labels"]
            row = [*row[:last], ",".join(row[last:])]
        cells = fit_cells(row, table, annotations, place)
        filename = cells[where["filename"]]
        if not filename:
            raise annotations.fault(place, "filename is missing")
        if filename in tags:
            annotations.notes.append(
                f"{path}, {place}: {filename} is listed more than once; its labels are "
                "joined"
            )
        cell = cells[where["event_labels"]]
        labels = (
            [] if is_missing(cell) else [label.strip() for label in cell.split(",")]
        )
        if "" in labels:
            raise annotations.fault(place, f"a label is empty in {cell!r}")
        tags.setdefault(filename, {}).update(dict.fromkeys(labels))
    return list(tags), [list(labels) for labels in tags.values()], annotations.notes


def render_tags(
    path: Path, filenames: Sequence[str], labels: Sequence[Sequence[str]]
) -> str:
    """Return a list of tags."""
    rows = [list(_WEAK)]
    for clip, (filename, tags) in enumerate(zip(filenames, labels)):
        where = f"labels, clip {clip}"
        check_text(filename, "filename", where)
        texts = [check_text(str(tag), "label", where, ",\t\r\n") for tag in tags]
        rows.append([filename, ",".join(texts)])
    return _join(path, rows)


def parse_durations(path: Path) -> dict[str, float]:
    """Read how many seconds each recording lasts."""
    table, annotations = read_table(path), Annotations(path)
    where = _columns(path, table, _DURATIONS)
    durations: dict[str, float] = {}
    for line, row in table.rows:
        place = f"line {line}"
        cells = fit_cells(row, table, annotations, place)
        filename = cells[where["filename"]]
        if not filename:
            raise annotations.fault(place, "filename is missing")
        seconds = number(cells[where["duration"]], "duration", annotations, place)
        if not 0 < seconds < math.inf:
            raise annotations.fault(place, f"the duration {seconds} is not positive")
        if durations.setdefault(filename, seconds) != seconds:
            raise annotations.fault(place, f"{filename} has two durations")
    return durations
