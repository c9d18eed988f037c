"""Rich transcription time marked (RTTM) files: one line of fields per event."""

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from sklearn_sed.events._records import (
    Annotations,
    Row,
    check_text,
    format_time,
    format_value,
    number,
    read_text,
    shorten,
    split_lines,
)

_N_FIELDS = 8  # type, file, channel, onset, duration, text, subtype, name
_CONFIDENCE = 8
_NONE = "<NA>"
_BLANKS = re.compile(r"[ \t]+")


def parse(path: Path, recording: str) -> Annotations:
    """Read the SPEAKER lines of a file, whose names are the labels."""
    annotations = Annotations(path, columns=["score"])
    others = []
    for line, text in split_lines(read_text(path)):
        place = f"line {line}"
        fields = _BLANKS.split(text.strip(" \t"))
        if fields[0].startswith(";;"):
            continue
        if fields[0] != "SPEAKER":
            others.append(f"{fields[0]!r} in {place}")
            continue
        if len(fields) < _N_FIELDS:
            raise annotations.fault(
                place,
                f"expected at least {_N_FIELDS} fields separated by blanks, got "
                f"{len(fields)}",
            )
        onset = number(fields[3], "onset", annotations, place)
        duration = number(fields[4], "duration", annotations, place)
        if duration < 0:
            raise annotations.fault(place, f"the duration {duration} is negative")
        confidence = fields[_CONFIDENCE] if len(fields) > _CONFIDENCE else _NONE
        # The sum of two decimals, not of their binary neighbours.
        offset = round(onset + duration, 9)
        annotations.filenames.append(fields[1])
        annotations.rows.append(
            Row(place, fields[1], onset, offset, fields[7], {"score": confidence})
        )
    if others:
        annotations.notes.append(
            f"{path}: lines of other types than SPEAKER are left out: {shorten(others)}"
        )
    return annotations


def render(path: Path, filenames: Sequence[str], tables: Sequence[pd.DataFrame]) -> str:
    """Return the events of recordings; one without any has no line."""
    lines = []
    for clip, (filename, table) in enumerate(zip(filenames, tables)):
        check_text(filename, "filename", f"events, clip {clip}", " \t\r\n")
        columns = ["onset", "offset", "event_label", "score"]
        records = table.reindex(columns=columns).itertuples(index=False)
        for event, (onset, offset, label, score) in enumerate(records):
            where = f"events, clip {clip}, event {event}"
            name = check_text(str(label), "event_label", where, " \t\r\n")
            # The difference of the times as written, so that they can be restored.
            duration = round(offset, 6) - round(onset, 6)
            confidence = format_value(score, "score", where) or _NONE
            lines.append(
                f"SPEAKER {filename} 1 {format_time(onset)} {format_time(duration)} "
                f"{_NONE} {_NONE} {name} {confidence} {_NONE}\n"
            )
    return "".join(lines)
