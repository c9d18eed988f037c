"""Rich transcription time marked (RTTM) files: one line of fields per event."""

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from sklearn_sed.events._records import (
    Annotations,
    Reading,
    check_text,
    format_value,
    read_lines,
    shorten,
    written_events,
)
from sklearn_sed.exceptions import AnnotationError

_N_FIELDS = 8  # type, file, channel, onset, duration, text, subtype, name
_NONE = "<NA>"
_BLANKS = re.compile(r"[ \t]+")


def parse(path: Path, recording: str, reading: Reading) -> Annotations:
    """Read the SPEAKER lines of a file, whose names are the labels."""
    annotations = Annotations(path, reading, columns=["score"])
    others = []
    for where, text in read_lines(path, reading.encoding):
        fields = _BLANKS.split(text.strip(" \t"))
        if fields[0].startswith(";;"):
            continue
        if fields[0] != "SPEAKER":
            others.append(f"{fields[0]!r} in {where.rpartition(', ')[2]}")
            continue
        if len(fields) < _N_FIELDS:
            raise AnnotationError(
                where,
                f"expected at least {_N_FIELDS} fields separated by blanks, got "
                f"{len(fields)}",
            )
        _, filename, _, onset, duration, _, _, name, *rest = fields
        extra = {"score": rest[0] if rest else _NONE}
        annotations.add(where, filename, name, onset, duration=duration, extra=extra)
    if others:
        annotations.notes.append(
            f"{path}: lines of other types than SPEAKER are left out: {shorten(others)}"
        )
    return annotations


def render(path: Path, filenames: Sequence[str], tables: Sequence[pd.DataFrame]) -> str:
    """Return the events of recordings; one without any has no line."""
    blanks = " \t\r\n"
    lines = []
    for index, (filename, table) in enumerate(zip(filenames, tables)):
        clip = f"events, clip {index}"
        check_text(filename, "filename", clip, blanks)
        for where, onset, offset, label, (score,) in written_events(
            clip, table, ["score"], blanks
        ):
            # The difference of the times as written, so that they can be restored.
            duration = float(offset) - float(onset)
            confidence = format_value(score, "score", where) or _NONE
            lines.append(
                f"SPEAKER {filename} 1 {onset} {duration:.6f} {_NONE} {_NONE} {label} "
                f"{confidence} {_NONE}\n"
            )
    return "".join(lines)
