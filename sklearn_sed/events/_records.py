"""What every annotation format shares: reading cells, checking rows, writing safely."""

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from sklearn_sed._storage import replace_file
from sklearn_sed.events._tables import REQUIRED_COLUMNS, find_fault
from sklearn_sed.exceptions import AnnotationError

_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
# What a float holds without loss: identifiers such as 007 stay text.
_PLAIN_NUMBER = re.compile(r"[+-]?(0|[1-9]\d{0,14})(\.\d+)?([eE][+-]?\d+)?")
_MISSING = frozenset({"", "nan", "<na>"})
# Cells, empty ones too, for a character of a file; each takes a separator as a rule.
_MAX_CELLS = 20


class Row(NamedTuple):
    """One event as a file has it; `place` says where ("line 3")."""

    place: str
    filename: str
    onset: float
    offset: float
    event_label: str
    extra: dict[str, Any]


@dataclass
class Annotations:
    """What one annotation file holds, in its order."""

    path: Path
    filenames: list[str] = field(default_factory=list)
    """The recordings, those without events too."""
    rows: list[Row] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    """The columns beyond the three of every event table."""
    names_recordings: bool = True
    """Whether the file itself says which recordings it is about."""
    notes: list[str] = field(default_factory=list)
    """What the reader has to be warned of."""

    def fault(self, place: str, reason: str) -> AnnotationError:
        """Return the complaint about one place in the file."""
        return AnnotationError(f"{self.path}, {place}", reason)


class TextTable(NamedTuple):
    """A text file with a header: its column names and its rows by line number."""

    header: list[str]
    rows: list[tuple[int, list[str]]]

    def find(self, *names: str) -> int | None:
        """Return the position of the first of these columns, in any letter case."""
        position = {name.casefold(): index for index, name in enumerate(self.header)}
        found = (position.get(name.casefold()) for name in names)
        return next((index for index in found if index is not None), None)


def read_text(path: Path) -> str:
    """Return a UTF-8 file's text without a byte order mark."""
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise AnnotationError(
            f"{path}, line {line}", "the text is not UTF-8; save the file as UTF-8"
        ) from error


def split_lines(text: str) -> list[tuple[int, str]]:
    """Return the lines that are not blank with their numbers, whatever ends a line."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [(number, line) for number, line in enumerate(lines, 1) if line.strip()]


def read_table(path: Path, *, quoted: bool = True) -> TextTable:
    """Read a tab- or comma-separated file with a header."""
    text = read_text(path)
    lines = split_lines(text)
    if not lines:
        raise AnnotationError(str(path), "the file is empty, a header was expected")
    delimiter = "\t" if "\t" in lines[0][1] else ","
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
        strict=True,
    )
    table = []
    try:
        for cells in reader:
            if any("\n" in cell or "\r" in cell for cell in cells):
                raise csv.Error("a quoted cell runs over several lines")
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                table.append((reader.line_num, stripped))
    except csv.Error as error:
        raise AnnotationError(
            f"{path}, line {reader.line_num}", f"{error}; check the quotation marks"
        ) from error
    header = [name or f"column_{index}" for index, name in enumerate(table[0][1], 1)]
    count = Counter(name.casefold() for name in header)
    repeated = [name for name in header if count[name.casefold()] > 1]
    if repeated:
        raise AnnotationError(
            f"{path}, line 1", f"the column {repeated[0]!r} appears twice"
        )
    check_extent(path, len(header), len(table), len(text))
    return TextTable(header, table[1:])


def check_extent(path: Path, n_columns: int, n_rows: int, n_characters: int) -> None:
    """Refuse a table that would take far more memory than its files."""
    if n_columns * n_rows > _MAX_CELLS * max(n_characters, 1):
        raise AnnotationError(
            str(path),
            f"{n_columns} columns for {n_rows} rows that are mostly empty; leave out "
            "the columns without values",
        )


def fit_cells(
    cells: list[str], table: TextTable, annotations: Annotations, place: str
) -> list[str]:
    """Return as many cells as the header has, or complain about surplus ones."""
    width = len(table.header)
    if any(cells[width:]):
        raise annotations.fault(
            place,
            f"{len(cells)} cells where the header names {width} columns; quote cells "
            "that contain the separator, and write decimals with a point",
        )
    return cells[:width] + [""] * (width - len(cells))


def is_missing(cell: str) -> bool:
    """Tell whether a cell stands for no value."""
    return cell.casefold() in _MISSING


def number(cell: str, name: str, annotations: Annotations, place: str) -> float:
    """Return a cell's number, or say what is wrong with it."""
    try:
        if "_" in cell:
            raise ValueError("an underscore")
        return float(cell)
    except ValueError:
        if is_missing(cell):
            reason = f"{name} is missing"
        elif _DECIMAL_COMMA.fullmatch(cell):
            reason = (
                f"{name} {cell!r} has a decimal comma; write {cell.replace(',', '.')}"
            )
        else:
            reason = f"{name} {cell!r} is not a number"
        raise annotations.fault(place, reason) from None


def require_label(label: str, annotations: Annotations, place: str) -> str:
    """Return a label that is not empty."""
    if not label:
        raise annotations.fault(place, "event_label is missing; name every event")
    return label


def collect(
    files: Iterable[Annotations],
) -> tuple[list[str], list[pd.DataFrame]]:
    """Check the rows of files and sort them into one event table per recording."""
    files = list(files)
    for annotations in files:
        _check_rows(annotations)
        _report_duplicates(annotations)
    clips = {
        name: clip
        for clip, name in enumerate(
            dict.fromkeys(name for parsed in files for name in parsed.filenames)
        )
    }
    rows = [row for parsed in files for row in parsed.rows]
    clip = np.array([clips[row.filename] for row in rows], dtype=np.int64)
    onset = np.array([row.onset for row in rows], dtype=np.float64)
    offset = np.array([row.offset for row in rows], dtype=np.float64)
    rank = {label: i for i, label in enumerate(sorted({r.event_label for r in rows}))}
    label = np.array([rank[row.event_label] for row in rows], dtype=np.int64)
    order = np.lexsort((offset, label, onset, clip))
    columns: dict[str, Any] = {
        "onset": onset,
        "offset": offset,
        "event_label": pd.Series([row.event_label for row in rows], dtype=str),
    }
    for name in dict.fromkeys(name for parsed in files for name in parsed.columns):
        values = _score(files) if name == "score" else _extra(name, rows)
        if values is not None:
            columns[name] = values
    table = pd.DataFrame(columns).iloc[order]
    bounds = np.searchsorted(clip[order], np.arange(len(clips) + 1))
    tables = [
        table.iloc[start:stop].reset_index(drop=True)
        for start, stop in pairwise(bounds)
    ]
    return list(clips), tables


def _check_rows(annotations: Annotations) -> None:
    """Refuse impossible events, naming their place."""
    rows = annotations.rows
    times = {
        "onset": np.array([row.onset for row in rows], dtype=np.float64),
        "offset": np.array([row.offset for row in rows], dtype=np.float64),
    }
    fault = find_fault(times)
    if fault is not None:
        event, reason = fault
        raise annotations.fault(rows[event].place, reason)


def _report_duplicates(annotations: Annotations) -> None:
    """Note the events that a file lists more than once."""
    first: dict[tuple, str] = {}
    repeats = []
    for row in annotations.rows:
        place = first.setdefault(row[1:5], row.place)
        if place is not row.place:
            repeats.append(f"{row.place} repeats {place}")
    if repeats:
        annotations.notes.append(
            f"{annotations.path}: {len(repeats)} events are listed more than once and "
            f"kept as they are: {shorten(repeats)}"
        )


def _score(files: list[Annotations]) -> np.ndarray | None:
    """Return the score of every row, or None when no row has one."""
    scores: list[float] = []
    scored = bare = None
    for annotations in files:
        for row in annotations.rows:
            cell = str(row.extra.get("score", ""))
            if is_missing(cell):
                bare = bare or (annotations, row.place)
                continue
            scored = scored or (annotations, row.place)
            value = number(cell, "score", annotations, row.place)
            if not math.isfinite(value):
                raise annotations.fault(
                    row.place, f"score is {value}, it must be a finite number"
                )
            scores.append(value)
    if bare and scored:
        raise bare[0].fault(
            bare[1],
            f"the event has no score while that of {scored[0].path}, {scored[1]} has; "
            "give all events a score or none",
        )
    return None if bare else np.array(scores, dtype=np.float64)


def _extra(name: str, rows: list[Row]) -> np.ndarray:
    """Return a further column: numbers where all cells are plain ones, else text."""
    cells = [str(row.extra.get(name, "")) for row in rows]
    present = [cell for cell in cells if not is_missing(cell)]
    kind = float if all(map(_PLAIN_NUMBER.fullmatch, present)) else str
    values = [math.nan if is_missing(cell) else kind(cell) for cell in cells]
    return np.array(values, dtype=np.float64 if kind is float else object)


def shorten(items: Sequence[str], limit: int = 5) -> str:
    """Return the first items as text, and how many more there are."""
    more = len(items) - limit
    return ", ".join(items[:limit]) + (f" and {more} more" if more > 0 else "")


def check_text(text: str, name: str, where: str, forbidden: str = "\t\r\n") -> str:
    """Return a name that a text format can hold, or say why it cannot."""
    bad = next((character for character in forbidden if character in text), None)
    if bad is None and text and text == text.strip():
        return text
    reason = (
        f"contains {bad!r}, which this format cannot hold"
        if bad is not None
        else "is empty or has blanks around it"
    )
    raise AnnotationError(where, f"the {name} {text!r} {reason}; rename it")


def format_time(seconds: float) -> str:
    """Return a time to the microsecond."""
    return f"{seconds:.6f}"


def format_frequency(hertz: float, where: str) -> str:
    """Return a frequency to the microhertz, never above what is given.

    A bound above half the sample rate would keep Raven from opening the table.
    """
    if not 0 <= hertz < math.inf:
        raise AnnotationError(
            where, f"the frequency {hertz} must be zero or more Hz, NaN if undefined"
        )
    exact = Decimal(repr(float(hertz)))
    return str(exact.quantize(Decimal("0.000001"), rounding=ROUND_DOWN))


def format_value(value: Any, name: str, where: str) -> str:
    """Return a further column's value; nothing for a missing one."""
    if pd.isna(value):
        return ""
    if isinstance(value, float):
        return repr(float(value))
    return check_text(str(value), name, where)


def extra_columns(table: pd.DataFrame) -> list[str]:
    """Return the columns beyond those of every event table and the clip's name."""
    return [name for name in table if name not in (*REQUIRED_COLUMNS, "filename")]


def write_text(path: Path, text: str) -> None:
    """Write a file as a whole or not at all."""
    replace_file(path, text.encode())
