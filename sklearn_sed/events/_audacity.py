"""Audacity label tracks: lines of onset, offset and label, without a header.

A line that begins with a backslash gives the frequency range of the label before it;
-1 stands for an undefined bound.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from sklearn_sed.events._columns import with_decimal_points
from sklearn_sed.events._records import (
    Annotations,
    Reading,
    format_frequency,
    is_number,
    number,
    read_lines,
    written_events,
)
from sklearn_sed.exceptions import AnnotationError

_BOUNDS = ("low_freq", "high_freq")
_UNDEFINED = "-1.000000"


def parse(path: Path, recording: str, reading: Reading) -> Annotations:
    """Read a label track; a number that follows every label is its score."""
    rows = [
        (where, [cell.strip() for cell in text.split("\t")])
        for where, text in read_lines(path, reading.encoding)
    ]
    labels = [cells for _, cells in rows if cells[0] != "\\"]
    scored = bool(labels) and all(
        len(cells) == 4 and is_number(cells[3]) for cells in labels
    )
    columns = ["score"] * scored
    annotations = Annotations(path, reading, [recording], columns=columns)
    annotations.names_recordings = False
    is_bare = False  # whether the last line was a label, which may get a range
    for where, cells in with_decimal_points(
        rows, lambda cells: (1, 2) if cells[0] == "\\" else (0, 1, 3)[: 2 + scored]
    ):
        if cells[0] != "\\":
            if len(cells) < 2:
                raise AnnotationError(
                    where, "expected onset, offset and label, separated by tabs"
                )
            extra = dict(zip(columns, cells[3:]))
            label = cells[2] if scored else "\t".join(cells[2:]).strip()
            annotations.add(where, recording, label, cells[0], cells[1], extra=extra)
        elif not is_bare:
            raise AnnotationError(where, "a frequency range without a label")
        elif len(cells) != 3:
            raise AnnotationError(
                where, "expected a backslash, the low and the high frequency"
            )
        else:
            annotations.columns = [*columns, *_BOUNDS]
            for name, cell in zip(_BOUNDS, cells[1:]):
                hertz = number(where, name, cell)
                bound = math.nan if hertz < 0 else hertz
                annotations.rows[-1].extra[name] = bound
        is_bare = cells[0] != "\\"
    return annotations


def render(path: Path, filenames: Sequence[str], tables: Sequence[pd.DataFrame]) -> str:
    """Return the label track of one recording."""
    lines = []
    for where, onset, offset, label, bounds in written_events(
        filenames[0], tables[0], _BOUNDS
    ):
        lines.append(f"{onset}\t{offset}\t{label}\n")
        if not all(map(pd.isna, bounds)):
            low, high = (
                _UNDEFINED if pd.isna(bound) else format_frequency(bound, where)
                for bound in bounds
            )
            lines.append(f"\\\t{low}\t{high}\n")
    return "".join(lines)
