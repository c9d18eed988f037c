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

# Type, file, channel, onset, duration, text, subtype, name, confidence, lookahead; the
# last came late.
_N_FIELDS = (9, 10)
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
        if len(fields) not in _N_FIELDS:
            raise AnnotationError(
                where,
                f"expected 9 or 10 fields separated by blanks, got {len(fields)}; a "
                "name or label with a blank in it makes two fields",
            )
        _, filename, _, onset, duration, _, _, name, confidence = fields[:9]
        extra = {"score": confidence}
        annotations.add(where, filename, name, onset, duration=duration, extra=extra)
    if others:
        annotations.notes.append(
            f"{path}: lines of other types than SPEAKER are left out: {shorten(others)}"
        )
    return annotations


def render(path: Path, filenames: Sequence[str], tables: Sequence[pd.DataFrame]) -> str:
    """Return the events of recordings; one without any has no line."""
    _refuse_blanks(path, filenames, tables)
    lines = []
    for index, (filename, table) in enumerate(zip(filenames, tables)):
        clip = f"events, clip {index}"
        check_text(filename, "filename", clip)
        for where, onset, offset, label, (score,) in written_events(
            clip, table, ["score"]
        ):
            # The difference of the times as written, so that they can be restored.
            duration = float(offset) - float(onset)
            confidence = format_value(score, "score", where) or _NONE
            lines.append(
                f"SPEAKER {filename} 1 {onset} {duration:.6f} {_NONE} {_NONE} {label} "
                f"{confidence} {_NONE}\n"
            )
    return "".join(lines)


def _refuse_blanks(
    path: Path, filenames: Sequence[str], tables: Sequence[pd.DataFrame]
) -> None:
    """Complain about all names and labels that the fields of a line cannot hold."""
    labels = [str(label) for table in tables for label in table["event_label"].unique()]
    faults = []
    for kind, names in (("filename", filenames), ("event_label", labels)):
        bad = list(dict.fromkeys(repr(name) for name in names if len(name.split()) > 1))
        if bad:
            faults.append(
                f"the {kind} {shorten(bad)} contain{'s' * (len(bad) == 1)} ' ', which "
                "this format cannot hold; rename it, or write another format"
            )
    if faults:
        raise AnnotationError(str(path), "\n".join(faults))
