"""Audacity label tracks: lines of onset, offset and label, without a header.

A line that begins with a backslash gives the frequency range of the label before it;
-1 stands for an undefined bound.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from sklearn_sed.events._records import (
    Annotations,
    Row,
    check_text,
    format_frequency,
    format_time,
    number,
    read_text,
    require_label,
    split_lines,
)

_BOUNDS = ("low_freq", "high_freq")
_UNDEFINED = "-1.000000"


def parse(path: Path, recording: str) -> Annotations:
    """Read a label track."""
    annotations = Annotations(path, [recording], names_recordings=False)
    rows = annotations.rows
    bounded = False  # whether the last label has its frequency line already
    for line, text in split_lines(read_text(path)):
        place = f"line {line}"
        cells = [cell.strip() for cell in text.split("\t")]
        if cells[0] == "\\":
            if not rows or bounded:
                raise annotations.fault(place, "a frequency range without a label")
            rows[-1].extra.update(_parse_bounds(cells, annotations, place))
            annotations.columns = list(_BOUNDS)
        else:
            rows.append(_parse_label(cells, recording, annotations, place))
        bounded = cells[0] == "\\"
    return annotations


def _parse_label(
    cells: list[str], recording: str, annotations: Annotations, place: str
) -> Row:
    """Return the event of one line."""
    if len(cells) < 2:
        raise annotations.fault(
            place, "expected onset, offset and label, separated by tabs"
        )
    onset = number(cells[0], "onset", annotations, place)
    offset = number(cells[1], "offset", annotations, place)
    label = require_label("\t".join(cells[2:]).strip(), annotations, place)
    return Row(place, recording, onset, offset, label, {})


def _parse_bounds(
    cells: list[str], annotations: Annotations, place: str
) -> dict[str, float]:
    """Return the frequency range of one line, NaN for an undefined bound."""
    if len(cells) != 3:
        raise annotations.fault(
            place, "expected a backslash, the low and the high frequency"
        )
    bounds = {}
    for name, cell in zip(_BOUNDS, cells[1:]):
        hertz = number(cell, name, annotations, place)
        bounds[name] = math.nan if hertz < 0 else hertz
    return bounds


def render(path: Path, filenames: Sequence[str], tables: Sequence[pd.DataFrame]) -> str:
    """Return the label track of one recording."""
    lines = []
    columns = ["onset", "offset", "event_label", *_BOUNDS]
    records = tables[0].reindex(columns=columns).itertuples(index=False)
    for event, (onset, offset, label, low, high) in enumerate(records):
        where = f"{filenames[0]}, event {event}"
        text = check_text(str(label), "event_label", where)
        lines.append(f"{format_time(onset)}\t{format_time(offset)}\t{text}\n")
        if not (pd.isna(low) and pd.isna(high)):
            bounds = (
                _UNDEFINED if pd.isna(bound) else format_frequency(bound, where)
                for bound in (low, high)
            )
            lines.append("\t".join(("\\", *bounds)) + "\n")
    return "".join(lines)
