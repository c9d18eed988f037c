"""What every annotation format shares: reading cells, checking rows, writing safely."""

import codecs
import csv
import io
import math
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from sklearn_sed.events._tables import REQUIRED_COLUMNS, find_fault
from sklearn_sed.exceptions import AnnotationError

_Path = str | os.PathLike
DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?")
# What a float holds without loss: identifiers such as 007 stay text.
PLAIN_NUMBER = re.compile(r"[+-]?(0|[1-9]\d{0,14})(\.\d+)?([eE][+-]?\d+)?")
# Byte order marks; those of UTF-32 begin like those of UTF-16.
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# What stands for no value, in lower case.
NA_VALUES = frozenset({"na", "n/a", "#n/a", "nan", "none", "null", "-", "<na>"})
# The headings of the column that names the recordings, as `plain_name` makes them.
RECORDINGS = (
    *("filename", "filenames", "file", "files", "filepath", "path", "fname"),
    *("audio", "audiofile", "audiofilename", "audiofilepath", "audiopath"),
    *("recording", "recordings", "recordingname", "recordingfile", "wav", "wavfile"),
    *("wavfilename", "soundfile", "soundfilename", "slicefilename", "infile"),
    *("clip", "clipname", "beginfile", "beginpath", "recordingid", "clipid", "fileid"),
)
# Where Excel is told what separates cells.
_SEPARATOR_LINE = re.compile(r"\"?sep=([^\r\n])\"?(?=[\r\n])", re.IGNORECASE)
# Cells, empty ones too, for a character of a file; each takes a separator as a rule.
_MAX_CELLS = 20


def is_missing(cell: str, words: frozenset[str] = NA_VALUES) -> bool:
    """Tell whether a cell is empty or one of the words that stand for no value."""
    text = cell.strip().casefold()
    return not text or text in words


def check_na_values(na_values: Iterable[str] | None) -> frozenset[str]:
    """Return the words that stand for no value: those given, or the usual ones."""
    if na_values is None:
        return NA_VALUES
    if isinstance(na_values, str) or not all(isinstance(w, str) for w in na_values):
        raise ValueError(
            f"na_values={na_values!r} is not a list of words; pass such as ['NA', '-'],"
            " or [] where only empty cells mean no label"
        )
    return frozenset(word.strip().casefold() for word in na_values)


def report_missing(path: Path, words: Sequence[str], what: str) -> list[str]:
    """Return the note on recordings that a word, one for each, says have nothing."""
    if not words:
        return []
    having = "1 recording has" if len(words) == 1 else f"{len(words)} recordings have"
    return [
        f"{path}: {having} no {what} (written as {', '.join(dict.fromkeys(words))}); "
        "for a class of that name, list the words that mean no label in na_values"
    ]


class Reading(NamedTuple):
    """How a user wants files to be read."""

    na_values: frozenset[str] = NA_VALUES
    encoding: str | None = None
    label_column: str | None = None

    def is_missing(self, cell: str) -> bool:
        """Tell whether a cell stands for no value."""
        return is_missing(cell, self.na_values)


class Row(NamedTuple):
    """One event as a file has it; `where` names the file and the place in it."""

    where: str
    filename: str
    onset: float
    offset: float
    event_label: str
    extra: dict[str, Any]


@dataclass
class Annotations:
    """What one annotation file holds, in its order."""

    path: Path
    reading: Reading
    filenames: list[str] = field(default_factory=list)
    """The recordings, those without events too."""
    rows: list[Row] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    """The columns beyond the three of every event table."""
    names_recordings: bool = True
    """Whether the file itself says which recordings it is about."""
    notes: list[str] = field(default_factory=list)
    """What the reader has to be warned of."""
    without_events: list[str] = field(default_factory=list)
    """The words that stand in the place of events, each for a recording without any."""
    label_column: str = ""
    """The column that its labels come from, where it has columns."""
    advice: str = ""
    """What to do about a missing label beside naming the event."""

    def add(
        self,
        where: str,
        filename: str,
        label: str,
        onset: Any,
        offset: Any = None,
        duration: Any = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        """Add an event by its cells, of which one says when it ends.

        Where all of them are missing, the recording has no events.
        """
        self.filenames.append(filename)
        cells = [str(c) for c in (onset, offset, duration, label) if c is not None]
        words = [cell.strip() for cell in cells if cell.strip()]
        if all(map(self.reading.is_missing, words)):
            self.without_events += words[:1]
            return
        start = number(where, "onset", onset)
        if duration is None:
            stop = number(where, "offset", offset)
        else:
            length = number(where, "duration", duration)
            if length < 0:
                raise AnnotationError(where, f"the duration {length} is negative")
            # The sum of two decimals, not of their binary neighbours.
            stop = round(start + length, 9)
        if self.reading.is_missing(label):
            reason = f"event_label is missing; name every event{self.advice}"
            if label:
                reason += f". {label!r} means no label unless na_values says otherwise"
            raise AnnotationError(where, reason)
        self.rows.append(Row(where, filename, start, stop, label, extra or {}))


def plain_name(heading: str) -> str:
    """Return a heading in lower case, without blanks, underscores and the like."""
    return re.sub(r"[\W_]+", "", heading).casefold()


class TextTable(NamedTuple):
    """A text file with a header: its column names, and where each row is."""

    path: Path
    header: list[str]
    lines: list[tuple[str, list[str]]]
    separator: str

    def rows(self, *, listing: bool = False) -> Iterator[tuple[str, list[str]]]:
        """Yield where each row is, and as many cells as the header has.

        Surplus cells belong to the last column where it is a `listing`: in a file
        that nobody quoted, each label of a list is a cell of its own.
        """
        width = len(self.header)
        comma = "," if self.separator == "\t" else self.separator
        for where, cells in self.lines:
            while len(cells) > width and not cells[-1]:
                cells = cells[:-1]
            if listing:
                cells = [*cells[: width - 1], comma.join(cells[width - 1 :])]
            if any(cells[width:]):
                raise AnnotationError(
                    where,
                    f"{len(cells)} cells where the header names {width} columns; quote "
                    "cells that contain the separator, and write decimals with a point",
                )
            yield where, cells[:width] + [""] * (width - len(cells))

    def find(self, *names: str) -> int | None:
        """Return the position of the first of these columns, however it is spelt."""
        position = {plain_name(name): index for index, name in enumerate(self.header)}
        found = (position.get(plain_name(name)) for name in names)
        return next((index for index in found if index is not None), None)

    def locate(
        self,
        required: dict[str, tuple[str, ...]],
        optional: dict[str, tuple[str, ...]] | None = None,
    ) -> dict[str, int]:
        """Return the positions of columns by our names for them."""
        positions = {}
        for name, headings in (required | (optional or {})).items():
            index = self.find(*headings)
            if index is not None:
                positions[name] = index
            elif name in required:
                expected = (" or ".join(headings) for headings in required.values())
                raise AnnotationError(
                    f"{self.path}, line 1",
                    f"the column {headings[0]!r} is missing; the header must name the "
                    f"columns {', '.join(expected)}, separated by tabs, commas or "
                    f"semicolons, got {', '.join(self.header)}",
                )
        return positions

    def find_recordings(self) -> list[int]:
        """Return the positions of the columns that may name the recordings."""
        return [i for i, n in enumerate(self.header) if plain_name(n) in RECORDINGS]


def read_text(path: Path, encoding: str | None = None) -> str:
    """Return a file's text without a byte order mark.

    The mark says how the text is encoded, else `encoding` does, else it is UTF-8.
    """
    content = path.read_bytes()
    if content.startswith(b"PK\3\4"):
        raise AnnotationError(
            str(path), "this is a spreadsheet or an archive, not text; save it as CSV"
        )
    marked = next((_MARKS[mark] for mark in _MARKS if content.startswith(mark)), None)
    codec = marked or encoding or "utf-8"
    try:
        text = content.decode(codec)
    except LookupError as error:
        raise ValueError(
            f"encoding={encoding!r} is not known; pass such as 'utf-8', 'utf-16' or "
            "'latin-1'"
        ) from error
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise AnnotationError(
            f"{path}, line {line}",
            f"the text is not {codec.removesuffix('-sig').upper()}; save the file as "
            "UTF-8, or pass how it is encoded, such as encoding='latin-1'",
        ) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise AnnotationError(
            f"{path}, line {line}",
            f"the text is not {codec.upper()}: it holds zero bytes; save the file as "
            "UTF-8, or pass how it is encoded, such as encoding='utf-16-le'",
        )
    return text


def read_lines(path: Path, encoding: str | None = None) -> list[tuple[str, str]]:
    """Return the lines that are not blank and where they are, whatever ends a line."""
    text = read_text(path, encoding)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [
        (f"{path}, line {number}", line)
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]


def read_table(
    path: Path,
    encoding: str | None = None,
    *,
    separator: str | None = None,
    quoted: bool = True,
) -> TextTable:
    """Read a file with a header, which tells what separates cells if nobody does."""
    separator, rows = read_cells(path, encoding, separator=separator, quoted=quoted)
    return with_header(path, separator, rows[0][1], rows[1:])


def read_cells(
    path: Path,
    encoding: str | None = None,
    *,
    separator: str | None = None,
    quoted: bool = True,
) -> tuple[str, list[tuple[str, list[str]]]]:
    """Return what separates the cells of a file, where its rows are, and their cells.

    Tab-separated cells may be `quoted` or not; others are, where it is necessary.
    """
    text = read_text(path, encoding)
    said = _SEPARATOR_LINE.match(text)
    if said:
        separator, text = said[1], text[said.end() :]
    lines = io.StringIO(text, newline="")
    separator = separator or _separator_of(lines)
    lines.seek(0)
    reader = csv.reader(
        lines,
        delimiter=separator,
        skipinitialspace=True,
        quoting=csv.QUOTE_MINIMAL if quoted or separator != "\t" else csv.QUOTE_NONE,
        strict=True,
    )
    rows = []
    try:
        for cells in reader:
            if any("\n" in cell or "\r" in cell for cell in cells):
                raise csv.Error("a quoted cell runs over several lines")
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                rows.append((f"{path}, line {reader.line_num}", stripped))
    except csv.Error as error:
        raise AnnotationError(
            f"{path}, line {reader.line_num}",
            f"{error}; check the quotation marks, and that "
            "tabs, commas or semicolons separate the cells",
        ) from error
    if not rows:
        raise AnnotationError(str(path), "the file is empty, a header was expected")
    return separator, rows


def with_header(
    path: Path, separator: str, names: list[str], rows: list[tuple[str, list[str]]]
) -> TextTable:
    """Return a table whose columns have distinct names."""
    if _has_row_names(len(names), rows):
        names = ["", *names]
    header = [name or f"column_{index}" for index, name in enumerate(names, 1)]
    count = Counter(name.casefold() for name in header)
    repeated = [name for name in header if count[name.casefold()] > 1]
    if repeated:
        raise AnnotationError(
            f"{path}, line 1", f"the column {repeated[0]!r} appears twice"
        )
    check_extent(path, len(header), len(rows) + 1, path.stat().st_size)
    return TextTable(path, header, rows, separator)


def _has_row_names(width: int, rows: list[tuple[str, list[str]]]) -> bool:
    """Tell whether rows begin with numbers without a heading, as R writes them."""
    first = [cells[0] for _, cells in rows if len(cells) == width + 1]
    if not first or len(first) < len(rows) or not all(map(str.isdecimal, first)):
        return False
    return all(int(a) < int(b) for a, b in pairwise(["0", *first]))


def _separator_of(lines: Iterable[str]) -> str:
    """Return what separates cells in the first line that has several of them."""
    line = next(filter(re.compile(r"[\t;,]").search, lines), "")
    if "\t" in line:
        return "\t"
    # Where they are as many, commas are those of decimals.
    return ";" if line.count(";") >= max(line.count(","), 1) else ","


def check_extent(path: Path, n_columns: int, n_rows: int, n_characters: int) -> None:
    """Refuse a table that would take far more memory than its files."""
    if n_columns * n_rows > _MAX_CELLS * max(n_characters, 1):
        raise AnnotationError(
            str(path),
            f"{n_columns} columns for {n_rows} rows that are mostly empty; leave out "
            "the columns without values",
        )


def is_number(cell: str) -> bool:
    """Tell whether a cell is a number, its decimals after a point or a comma."""
    return bool(re.fullmatch(r"[+-]?\d+([.,]\d*)?([eE][+-]?\d+)?", cell))


def number(where: str, name: str, cell: Any) -> float:
    """Return a cell's number, or say what is wrong with it."""
    text = str(cell)
    try:
        if "_" in text:
            raise ValueError("an underscore")
        return float(text)
    except ValueError:
        if is_missing(text):
            reason = f"{name} is missing"
        elif DECIMAL_COMMA.fullmatch(text):
            reason = (
                f"{name} {text!r} has a decimal comma; write {text.replace(',', '.')}"
            )
        else:
            reason = f"{name} {text!r} is not a number"
        raise AnnotationError(where, reason) from None


def collect(files: Sequence[Annotations]) -> tuple[list[str], list[pd.DataFrame]]:
    """Check the rows of files and sort them into one event table per recording."""
    _report_duplicates(files)
    _report_label_columns(files)
    rows = [row for annotations in files for row in annotations.rows]
    times = {
        "onset": np.array([row.onset for row in rows], dtype=np.float64),
        "offset": np.array([row.offset for row in rows], dtype=np.float64),
    }
    further = {}
    for name in dict.fromkeys(name for own in files for name in own.columns):
        if name != "score":
            further[name] = _values(name, rows)
        elif _have_scores(rows):
            scores = [number(row.where, name, row.extra[name]) for row in rows]
            further[name] = np.array(scores, dtype=np.float64)
    fault = find_fault(times | {k: v for k, v in further.items() if k == "score"})
    if fault is not None:
        event, reason = fault
        raise AnnotationError(rows[event].where, reason)
    names = list(dict.fromkeys(name for own in files for name in own.filenames))
    position = {name: clip for clip, name in enumerate(names)}
    clip = np.array([position[row.filename] for row in rows], dtype=np.int64)
    labels = np.array([row.event_label for row in rows], dtype=object)
    rank = np.unique(labels, return_inverse=True)[1]
    order = np.lexsort((times["offset"], rank, times["onset"], clip))
    columns = {**times, "event_label": pd.Series(labels, dtype=str), **further}
    table = pd.DataFrame(columns).iloc[order]
    bounds = np.searchsorted(clip[order], np.arange(len(names) + 1))
    tables = [
        table.iloc[start:stop].reset_index(drop=True)
        for start, stop in pairwise(bounds)
    ]
    return names, tables


def _report_duplicates(files: Sequence[Annotations]) -> None:
    """Note the events that files list more than once."""
    first: dict[tuple, str] = {}
    for annotations in files:
        repeats = []
        here = f"{annotations.path}, "
        for row in annotations.rows:
            where = first.setdefault(row[1:5], row.where)
            if where is not row.where:
                places = row.where.removeprefix(here), where.removeprefix(here)
                repeats.append(" repeats ".join(places))
        if repeats:
            annotations.notes.append(
                f"{annotations.path}: {len(repeats)} events are listed more than once "
                f"and kept as they are: {shorten(repeats)}"
            )


def _report_label_columns(files: Sequence[Annotations]) -> None:
    """Note where files that belong together have their labels in other columns."""
    with_rows = [own for own in files if own.rows]
    for own in with_rows:
        first = with_rows[0]
        if plain_name(own.label_column) != plain_name(first.label_column):
            own.notes.append(
                f"{own.path}: the labels are those of the column {own.label_column!r}, "
                f"but of {first.label_column!r} in {first.path}; pass label_column= to "
                "choose"
            )
            return


def _have_scores(rows: Sequence[Row]) -> bool:
    """Tell whether events have a score, or say which has none beside others."""
    scored = [not is_missing(str(row.extra.get("score", ""))) for row in rows]
    if any(scored) and not all(scored):
        bare, other = rows[scored.index(False)], rows[scored.index(True)]
        raise AnnotationError(
            bare.where,
            f"the event has no score while that of {other.where} has; give all events "
            "a score or none",
        )
    return all(scored)


def _values(name: str, rows: Sequence[Row]) -> np.ndarray:
    """Return a further column: numbers where all cells are plain ones, else text."""
    cells = [str(row.extra.get(name, "")) for row in rows]
    present = [cell for cell in cells if not is_missing(cell)]
    if all(map(PLAIN_NUMBER.fullmatch, present)):
        return np.array([math.nan if is_missing(c) else float(c) for c in cells])
    return np.array([cell or math.nan for cell in cells], dtype=object)


def shorten(items: Sequence[str], limit: int = 5) -> str:
    """Return the first items as text, and how many more there are."""
    more = len(items) - limit
    return ", ".join(items[:limit]) + (f" and {more} more" if more > 0 else "")


def check_filenames(filenames: Sequence[_Path], n_clips: int, what: str) -> list[str]:
    """Return the names of recordings as text, each a different one."""
    names = [os.fspath(filename) for filename in filenames]
    if len(names) != n_clips:
        raise AnnotationError(
            "filenames", f"got {len(names)} filenames for {n_clips} {what}"
        )
    if len(set(names)) < len(names):
        twice = Counter(names).most_common(1)[0][0]
        raise AnnotationError(
            "filenames", f"{twice!r} appears twice; every recording needs its own name"
        )
    return names


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


def written_events(
    clip: str,
    table: pd.DataFrame,
    columns: Sequence[str] = (),
    forbidden: str = "\t\r\n",
) -> Iterator[tuple[str, str, str, str, list[Any]]]:
    """Yield where each event is, its times and label as text, and further values."""
    chosen = table.reindex(columns=[*REQUIRED_COLUMNS, *columns])
    records = chosen.itertuples(index=False, name=None)
    for event, (onset, offset, label, *further) in enumerate(records):
        where = f"{clip}, event {event}"
        text = check_text(str(label), "event_label", where, forbidden)
        # To the microsecond.
        yield where, f"{onset:.6f}", f"{offset:.6f}", text, further


def extra_columns(table: pd.DataFrame) -> list[str]:
    """Return the columns beyond those of every event table and the clip's name."""
    return [name for name in table if name not in (*REQUIRED_COLUMNS, "filename")]


def join_rows(path: Path, rows: list[list[str]]) -> str:
    """Return rows as text, with commas for a ".csv" and tabs for any other file."""
    stream = io.StringIO()
    delimiter = "," if path.suffix.casefold() == ".csv" else "\t"
    csv.writer(stream, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return stream.getvalue()
