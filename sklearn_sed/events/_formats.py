"""The formats of annotation files, and how to tell which one a file has."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from sklearn_sed.events import (
    _audacity,
    _dcase,
    _jams,
    _parquet,
    _raven,
    _rttm,
    _tiers,
)
from sklearn_sed.events._records import (
    Annotations,
    Reading,
    extra_columns,
    is_number,
    plain_name,
    read_lines,
)
from sklearn_sed.exceptions import AnnotationError


class Format(NamedTuple):
    """How one annotation format is read and written."""

    endings: tuple[str, ...]
    parse: Callable[[Path, str, Reading], Annotations]
    render: Callable[[Path, Sequence[str], Sequence[pd.DataFrame]], str | bytes] | None
    """None for a format that is only read."""
    one_recording: bool
    """Whether a file is about one recording only."""
    columns: frozenset[str] | None = None
    """The columns it holds beyond those of every event table; None: any."""
    has_label_columns: bool = True
    """Whether it has columns or tiers of which one may hold the labels."""
    holds_empty: bool = True
    """Whether it can say that a recording has no events."""


# A Raven table ends in ".txt" like an Audacity label track, but says more.
FORMATS = {
    "dcase": Format((".tsv", ".csv"), _dcase.parse_events, _dcase.render_events, False),
    "raven": Format(
        (".selections.txt", ".selection.table.txt"), _raven.parse, _raven.render, True
    ),
    "audacity": Format(
        (".txt",),
        _audacity.parse,
        _audacity.render,
        True,
        frozenset({"low_freq", "high_freq"}),
        has_label_columns=False,
    ),
    "jams": Format(
        (".jams",),
        _jams.parse,
        _jams.render,
        True,
        frozenset({"score"}),
        has_label_columns=False,
    ),
    "rttm": Format(
        (".rttm",),
        _rttm.parse,
        _rttm.render,
        False,
        frozenset({"score"}),
        has_label_columns=False,
        holds_empty=False,
    ),
    "parquet": Format((".parquet",), _parquet.parse, _parquet.render, False),
    "textgrid": Format((".textgrid",), _tiers.parse_textgrid, None, True),
    "elan": Format((".eaf",), _tiers.parse_elan, None, True),
    "birdnet": Format(
        (
            ".birdnet.results.csv",
            ".birdnet.results.r.csv",
            ".birdnet.results.kaleidoscope.csv",
        ),
        _dcase.parse_birdnet,
        None,
        True,
    ),
}
# What others call the recordings, which Raven names by "Begin File" or "Begin Path".
_NOT_OF_RAVEN = {"filename", "file", "filepath"}
# What programs put between the name of the recording and the ending.
_TABLE_SUFFIX = re.compile(r"(\.Table\.\d+|\.BirdNET(\.results)?)$")


def check_format(format: str) -> str:
    """Return the name of a format that exists."""
    if format not in FORMATS:
        raise ValueError(
            f"format must be one of {', '.join(map(repr, FORMATS))}, got {format!r}"
        )
    return format


def by_ending(path: Path) -> tuple[str | None, str]:
    """Return the format that a file's ending tells, and its name without it."""
    endings = [
        (len(ending), name)
        for name, own in FORMATS.items()
        for ending in own.endings
        if path.name.casefold().endswith(ending)
    ]
    if not endings:
        return None, path.stem
    length, name = max(endings)
    return name, path.name[:-length]


def format_of(path: Path, encoding: str | None = None, *, reading: bool) -> str:
    """Return the format that a file's ending tells or, in a text, its first line."""
    name, _ = by_ending(path)
    if reading and name in ("audacity", "dcase"):
        lines = [re.split("[\t,;]", line) for _, line in read_lines(path, encoding)]
        lines.sort(key=lambda cells: len(cells) < 2)  # names alone tell nothing
        cells = lines[0] if lines else []
        names = set(map(plain_name, cells))
        if names >= {"begintimes", "endtimes"} and not names & _NOT_OF_RAVEN:
            return "raven"
        is_list = len(cells) > 3 and not is_number(cells[0]) and is_number(cells[-2])
        if name == "audacity" and (names & _NOT_OF_RAVEN or is_list):
            return "dcase"
    if name and name != "audacity":
        return name
    possible = [name for name, own in FORMATS.items() if reading or own.render]
    raise AnnotationError(
        str(path),
        "the ending does not tell the format; pass format= one of "
        f"{', '.join(map(repr, possible))}",
    )


def recording_of(path: Path) -> str:
    """Return the recording that a label file is named after, folders included."""
    stem = _TABLE_SUFFIX.sub("", by_ending(path)[1])
    return (path.parent / stem).as_posix()


def dropped_columns(chosen: Format, tables: Sequence[pd.DataFrame]) -> list[str]:
    """Return the columns with values that a format cannot hold."""
    if chosen.columns is None:
        return []
    columns = dict.fromkeys(
        column
        for table in tables
        for column in extra_columns(table)
        if column not in chosen.columns and table[column].notna().any()
    )
    return list(columns)
