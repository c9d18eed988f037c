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
    Reading,
    format_frequency,
    number,
    read_lines,
    written_events,
)
from sklearn_sed.exceptions import AnnotationError

_BOUNDS = ("low_freq", "high_freq")
_UNDEFINED = "-1.000000"


def parse(path: Path, recording: str, reading: Reading) -> Annotations:
    """Read a label track."""
    annotations = Annotations(path, reading, [recording], names_recordings=False)
    is_bare = False  # whether the last line was a label, which may get a range
    for where, text in read_lines(path, reading.encoding):
        cells = [cell.strip() for cell in text.split("\t")]
        if cells[0] != "\\":
            if len(cells) < 2:
                raise AnnotationError(
                    where, "expected onset, offset and label, separated by tabs"
                )
            label = "\t".join(cells[2:]).strip()
            annotations.add(where, recording, label, cells[0], cells[1])
        elif not is_bare:
            raise AnnotationError(where, "a frequency range without a label")
        elif len(cells) != 3:
            raise AnnotationError(
                where, "expected a backslash, the low and the high frequency"
            )
        else:
            annotations.columns = list(_BOUNDS)
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
