"""Raven selection tables."""

import math
import os
from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

import pandas as pd

from sklearn_sed.audio import audio_info
from sklearn_sed.events._columns import (
    SCORES,
    Rows,
    beside,
    find_labels,
    name_column,
    with_decimal_points,
)
from sklearn_sed.events._records import (
    Annotations,
    Reading,
    extra_columns,
    format_frequency,
    format_value,
    is_missing,
    number,
    read_table,
    written_events,
)
from sklearn_sed.exceptions import AnnotationError, AudioError

# Our name of each column, and Raven's names for it.
_REQUIRED: dict[str, tuple[str, ...]] = {
    "begin": ("Begin Time (s)",),
    "end": ("End Time (s)",),
}
_NUMBERS = {
    "low_freq": ("Low Freq (Hz)",),
    "high_freq": ("High Freq (Hz)",),
    "score": SCORES,
    "file_offset": ("File Offset (s)",),
}
_OPTIONAL = _NUMBERS | {
    "file": ("Begin Path", "Begin File"),
    "selection": ("Selection",),
    "view": ("View",),
}
_BOUNDS = ("low_freq", "high_freq")
_IDENTITY = {"selection", "begin", "end", "event_label", "file"}
_RESERVED = {"filename", "onset", "offset", "event_label", "score", *_BOUNDS}


def parse(path: Path, recording: str, reading: Reading) -> Annotations:
    """Read a selection table."""
    table = read_table(path, reading.encoding, quoted=False)
    positions = table.locate(_REQUIRED, _OPTIONAL)
    labels = find_labels(table, reading, "Annotation")
    if labels.position is not None:
        positions["event_label"] = labels.position
    rows = _one_view(list(table.rows()), positions)
    extra = {
        name_column(name, _RESERVED, "Raven"): index
        for index, name in enumerate(table.header)
        if index not in positions.values() and not _is_first_channel(name, index, rows)
    }
    if table.separator != ",":
        numbers = [positions[n] for n in (*_REQUIRED, *_NUMBERS) if n in positions]
        rows = with_decimal_points(rows, lambda _: numbers, extra.values())
    annotations = Annotations(
        path,
        reading,
        names_recordings="file" in positions,
        label_column=labels.name,
        advice=labels.advice,
    )
    for where, cells in rows:
        own = {name: cells[index] for name, index in positions.items()}
        filename = own.get("file", recording)
        if not filename:
            raise AnnotationError(where, "the name of the sound file is missing")
        filename = beside(recording, filename)
        if labels.says_nothing(cells):
            annotations.filenames.append(filename)
            continue
        onset = number(where, "Begin Time (s)", own["begin"])
        offset = number(where, "End Time (s)", own["end"])
        if "file" in own and "file_offset" in own:
            # The table's own clock runs through all its files; microseconds are kept.
            length = offset - onset
            onset = number(where, "File Offset (s)", own["file_offset"])
            offset = round(onset + length, 9)
        further: dict[str, Any] = {name: cells[index] for name, index in extra.items()}
        further |= _parse_bounds(own, where)
        if "score" in own:
            further["score"] = own["score"]
        label = labels.of(cells)
        annotations.add(where, filename, label, onset, offset, extra=further)
    if not rows:
        annotations.filenames = [recording]
        annotations.names_recordings = False
    if len(set(annotations.filenames)) > 1 and "file_offset" not in positions:
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
    annotations.columns = [*["score"] * ("score" in positions), *given, *extra]
    return annotations


def _one_view(rows: Rows, positions: dict[str, int]) -> Rows:
    """Return the rows of the table, each selection once.

    Raven lists a selection in every view (waveform, spectrogram) that shows it.
    """
    if "selection" not in positions or "view" not in positions:
        return rows
    identity = itemgetter(*(positions[name] for name in positions.keys() & _IDENTITY))
    view_of = itemgetter(positions["view"])
    views: dict[tuple[str, ...], str] = {}
    for _, cells in rows:
        kept = views.setdefault(identity(cells), view_of(cells))
        if view_of(cells).startswith("Spectrogram") > kept.startswith("Spectrogram"):
            views[identity(cells)] = view_of(cells)
    return [row for row in rows if view_of(row[1]) == views[identity(row[1])]]


def _is_first_channel(name: str, index: int, rows: Rows) -> bool:
    """Tell whether a column says only that everything is in the first channel."""
    return name.casefold() == "channel" and all(
        cells[index] == "1" for _, cells in rows
    )


def _parse_bounds(own: dict[str, str], where: str) -> dict[str, float]:
    """Return the frequency range, NaN where none is given; 0 to 0 Hz is none."""
    bounds = {}
    for name in _BOUNDS:
        cell = own.get(name, "")
        bounds[name] = math.nan if is_missing(cell) else number(where, name, cell)
    return bounds if any(bounds.values()) else dict.fromkeys(_BOUNDS, math.nan)


def render(path: Path, filenames: Sequence[str], tables: Sequence[pd.DataFrame]) -> str:
    """Return the selection table of one recording.

    Other readers require the frequency columns and a decimal point in them: events
    without bounds get the whole band of a recording that is there to be asked, else 0.0
    to 0.0 Hz, which lies within every band.
    """
    extra = [
        name
        for name in extra_columns(tables[0])
        if name not in (*_BOUNDS, "score", "Channel")
    ]
    if "score" in tables[0]:
        extra.insert(0, "score")
    header = ["Selection", "View", "Channel", "Begin Time (s)", "End Time (s)"]
    header += ["Low Freq (Hz)", "High Freq (Hz)", "Annotation"]
    header += ["Score" if name == "score" else name for name in extra]
    lines = ["\t".join(header)]
    channel = tables[0].get("Channel", 1)
    table = tables[0].assign(Channel=channel)
    columns = ["Channel", *_BOUNDS, *extra]
    is_bare = table.reindex(columns=list(_BOUNDS)).isna().all(axis=1).any()
    band = _band_of(filenames[0]) if is_bare else (0.0, 0.0)
    events = written_events(filenames[0], table, columns)
    for event, (where, onset, offset, label, values) in enumerate(events, 1):
        channel, low, high, *further = values
        cells = [str(event), "Spectrogram 1", format_value(channel, "Channel", where)]
        cells += [onset, offset, *_render_bounds(low, high, band, where), label]
        cells += [format_value(*pair, where) for pair in zip(further, extra)]
        lines.append("\t".join(cells))
    return "\n".join(lines) + "\n"


def _band_of(filename: str) -> tuple[float, float]:
    """Return 0 Hz and half the sample rate of a recording, 0 where it is not there."""
    if not os.path.isfile(filename):
        return 0.0, 0.0
    try:
        return 0.0, audio_info(filename).sample_rate / 2
    except AudioError:  # whoever reads the sound is told; its band is just not known
        return 0.0, 0.0


def _render_bounds(
    low: float, high: float, band: tuple[float, float], where: str
) -> list[str]:
    """Return the low and high frequency of an event; the band if it has none."""
    if pd.isna(low) and pd.isna(high):
        return [str(bound) for bound in band]
    if pd.isna(low) or pd.isna(high):
        raise AnnotationError(
            where, "a Raven selection needs both low_freq and high_freq, or neither"
        )
    return [format_frequency(bound, where) for bound in (low, high)]
