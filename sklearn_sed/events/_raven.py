"""Raven selection tables."""

import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from sklearn_sed.events._names import recording_base
from sklearn_sed.events._records import (
    Annotations,
    Row,
    TextTable,
    check_text,
    extra_columns,
    fit_cells,
    format_frequency,
    format_time,
    format_value,
    is_missing,
    number,
    read_table,
    require_label,
)
from sklearn_sed.exceptions import AnnotationError

_LABELS = ("Annotation", "Label", "event_label", "Class", "Species", "Common Name")
# Our name of each column, and Raven's names for it.
_REQUIRED = {
    "begin": ("Begin Time (s)",),
    "end": ("End Time (s)",),
    "event_label": _LABELS,
}
_OPTIONAL = {
    "low_freq": ("Low Freq (Hz)",),
    "high_freq": ("High Freq (Hz)",),
    "score": ("Score", "Confidence"),
    "file": ("Begin File", "Begin Path"),
    "file_offset": ("File Offset (s)",),
    "selection": ("Selection",),
    "view": ("View",),
}
_BOUNDS = ("low_freq", "high_freq")
_RESERVED = {"filename", "onset", "offset", "event_label", "score", *_BOUNDS}


def parse(path: Path, recording: str) -> Annotations:
    """Read a selection table."""
    table = read_table(path, quoted=False)
    where = _columns(path, table)
    annotations = Annotations(path, names_recordings="file" in where)
    lines = _one_view(annotations, table, where)
    used = set(where.values())
    extra = {
        f"{name} (Raven)" if name.casefold() in _RESERVED else name: index
        for index, name in enumerate(table.header)
        if index not in used and not _is_first_channel(name, index, lines)
    }
    for line, cells in lines:
        annotations.rows.append(
            _parse_row(cells, where, extra, recording, annotations, f"line {line}")
        )
    annotations.filenames = [row.filename for row in annotations.rows]
    if not annotations.rows:
        annotations.filenames = [recording]
        annotations.names_recordings = False
    if len(set(annotations.filenames)) > 1 and "file_offset" not in where:
        raise AnnotationError(
            str(path),
            "the table is about several sound files but does not say when in each of "
            "them; add the measurement 'File Offset (s)' to the table in Raven",
        )
    given = [
        name
        for name in _BOUNDS
        if any(not math.isnan(row.extra[name]) for row in annotations.rows)
    ]
    annotations.columns = [*["score"] * ("score" in where), *given, *extra]
    return annotations


def _columns(path: Path, table: TextTable) -> dict[str, int]:
    """Return the position of each column that means something to us."""
    where = {}
    for name, headings in (_REQUIRED | _OPTIONAL).items():
        index = table.find(*headings)
        if index is not None:
            where[name] = index
        elif name in _REQUIRED:
            raise AnnotationError(
                f"{path}, line 1",
                f"the column {headings[0]!r} is missing; a selection table has "
                f"'Begin Time (s)', 'End Time (s)' and one of {', '.join(_LABELS)}, "
                f"got {', '.join(table.header)}",
            )
    return where


def _one_view(
    annotations: Annotations, table: TextTable, where: dict[str, int]
) -> list[tuple[int, list[str]]]:
    """Return the rows of the table, each selection once.

    Raven lists a selection in every view (waveform, spectrogram) that shows it.
    """
    lines = [
        (line, fit_cells(cells, table, annotations, f"line {line}"))
        for line, cells in table.rows
    ]
    if "selection" not in where or "view" not in where:
        return lines
    identity = [
        where[name]
        for name in ("selection", "begin", "end", "event_label", "file")
        if name in where
    ]
    views: dict[tuple[str, ...], str] = {}
    for _, cells in lines:
        key, view = tuple(cells[index] for index in identity), cells[where["view"]]
        kept = views.setdefault(key, view)
        if view.startswith("Spectrogram") and not kept.startswith("Spectrogram"):
            views[key] = view
    return [
        (line, cells)
        for line, cells in lines
        if cells[where["view"]] == views[tuple(cells[index] for index in identity)]
    ]


def _is_first_channel(
    name: str, index: int, lines: list[tuple[int, list[str]]]
) -> bool:
    """Tell whether a column says only that everything is in the first channel."""
    return name.casefold() == "channel" and all(
        cells[index] == "1" for _, cells in lines
    )


def _parse_row(
    cells: list[str],
    where: dict[str, int],
    extra: dict[str, int],
    recording: str,
    annotations: Annotations,
    place: str,
) -> Row:
    """Return the event of one row."""

    def seconds(name: str) -> float:
        heading = (_REQUIRED | _OPTIONAL)[name][0]
        return number(cells[where[name]], heading, annotations, place)

    onset, offset = seconds("begin"), seconds("end")
    if "file" in where:
        recording = recording_base(cells[where["file"]])
        if not recording:
            raise annotations.fault(place, "the name of the sound file is missing")
        if "file_offset" in where:
            # The table's own clock runs through all its files; microseconds are kept.
            length = offset - onset
            onset = seconds("file_offset")
            offset = round(onset + length, 9)
    label = require_label(cells[where["event_label"]], annotations, place)
    further: dict[str, object] = {name: cells[index] for name, index in extra.items()}
    further |= _parse_bounds(cells, where, annotations, place)
    if "score" in where:
        further["score"] = cells[where["score"]]
    return Row(place, recording, onset, offset, label, further)


def _parse_bounds(
    cells: list[str], where: dict[str, int], annotations: Annotations, place: str
) -> dict[str, float]:
    """Return the frequency range, NaN where none is given; 0 to 0 Hz is none."""
    bounds = {}
    for name in _BOUNDS:
        cell = cells[where[name]] if name in where else ""
        bounds[name] = (
            math.nan if is_missing(cell) else number(cell, name, annotations, place)
        )
    if not any(bounds.values()):
        return dict.fromkeys(_BOUNDS, math.nan)
    return bounds


def render(path: Path, filenames: Sequence[str], tables: Sequence[pd.DataFrame]) -> str:
    """Return the selection table of one recording.

    Other readers require the frequency columns and a decimal point in them: events
    without bounds get 0.0 to 0.0 Hz, which lies within every recording's band.
    """
    extra = [
        name
        for name in extra_columns(tables[0])
        if name not in (*_BOUNDS, "score", "Channel")
    ]
    score = ["score"] if "score" in tables[0] else []
    header = ["Selection", "View", "Channel", "Begin Time (s)", "End Time (s)"]
    header += ["Low Freq (Hz)", "High Freq (Hz)", "Annotation"]
    lines = ["\t".join([*header, *(name.title() for name in score), *extra])]
    for event, row in enumerate(tables[0].to_dict("records")):
        where = f"{filenames[0]}, event {event}"
        cells = [str(event + 1), "Spectrogram 1"]
        cells += [format_value(row.get("Channel", 1), "Channel", where)]
        cells += [format_time(row["onset"]), format_time(row["offset"])]
        cells += _render_bounds(row, where)
        cells += [check_text(str(row["event_label"]), "event_label", where)]
        cells += [format_value(row[name], name, where) for name in (*score, *extra)]
        lines.append("\t".join(cells))
    return "\n".join(lines) + "\n"


def _render_bounds(row: dict, where: str) -> list[str]:
    """Return the low and high frequency of an event, 0.0 where there are none."""
    missing = [pd.isna(row.get(name, math.nan)) for name in _BOUNDS]
    if all(missing):
        return ["0.0", "0.0"]
    if any(missing):
        raise AnnotationError(
            where, "a Raven selection needs both low_freq and high_freq, or neither"
        )
    return [format_frequency(row[name], where) for name in _BOUNDS]
