"""Which column of an event table says what, by the names that programs give it."""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from sklearn_sed.events._names import path_parts
from sklearn_sed.events._records import (
    DECIMAL_COMMA,
    PLAIN_NUMBER,
    Reading,
    TextTable,
    plain_name,
)
from sklearn_sed.exceptions import AnnotationError

Rows = list[tuple[str, list[str]]]

# Blanks, underscores, brackets and letter case make no difference.
ONSETS = (
    *("onset", "Onset (s)", "event_onset", "Begin Time (s)", "Begin Time", "Begin (s)"),
    *("begin", "Start (s)", "Start Time (s)", "Start Time", "start", "Start (sec)"),
)
OFFSETS = (
    *("offset", "Offset (s)", "event_offset", "End Time (s)", "End Time", "End (s)"),
    *("end", "Stop Time (s)", "Stop Time", "Stop (s)", "stop", "End (sec)"),
)
DURATIONS = ("duration", "Duration (s)", "event_duration", "length", "Length (s)")
SCORES = ("score", "confidence", "probability")
# A filled one that comes first is preferred; the last ones name other things, too.
LABELS = (
    *("event_label", "Annotation", "Label", "Class", "Species", "Common Name"),
    *("Scientific Name", "Species Code", "Species Name", "Call Type", "Sound Type"),
    *("Manual ID", "Auto ID", "TOP1MATCH", "Sp", "Tag", "Type", "Call", "ID"),
)
# What BirdNET lists in its columns where it has found nothing.
_NOTHING = "nocall"
_BIRDNET = ("commonname", "scientificname", "speciescode")
# Thousands to some, decimals to others.
_AMBIGUOUS = re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+")


class LabelColumn(NamedTuple):
    """Where a table has the labels of its events."""

    position: int | None
    """None in a table that has neither labels nor events."""
    name: str = ""
    advice: str = ""
    """What to do about a label that is missing there."""

    def of(self, cells: Sequence[str]) -> str:
        """Return the label of a row."""
        return "" if self.position is None else cells[self.position]

    def says_nothing(self, cells: Sequence[str]) -> bool:
        """Tell whether a row says that its recording has no events."""
        is_theirs = plain_name(self.name) in _BIRDNET
        return is_theirs and self.of(cells).casefold() == _NOTHING


def find_labels(table: TextTable, reading: Reading, usual: str) -> LabelColumn:
    """Return the column of labels: the one asked for, or the first that is filled.

    A table without rows needs none.
    """
    wanted = reading.label_column
    names = table.header
    if wanted is not None:
        index = names.index(wanted) if wanted in names else table.find(wanted)
        if index is None and table.lines:
            raise AnnotationError(
                f"{table.path}, line 1",
                f"there is no column {wanted!r}, only {', '.join(names)}",
            )
        return LabelColumn(index, wanted)
    found = (table.find(name) for name in LABELS)
    known = [i for i in found if i is not None and not _numbers_rows(table, i, reading)]
    if table.lines and not known:
        raise AnnotationError(
            f"{table.path}, line 1",
            f"the column {usual!r} is missing; pass label_column= one of the columns "
            f"{', '.join(names)}",
        )
    if not known:
        return LabelColumn(None)
    filled = [index for index in known if _present(table, index, reading)]
    others = [names[index] for index in filled[1:]]
    advice = f", or pass label_column= such as {others[0]!r}" if others else ""
    first = [*filled, *known][0]
    return LabelColumn(first, names[first], advice)


def _present(table: TextTable, index: int, reading: Reading) -> list[str]:
    """Return the cells of a column that are not missing."""
    cells = [cells[index] for _, cells in table.rows()]
    return [cell for cell in cells if not reading.is_missing(cell)]


def _numbers_rows(table: TextTable, index: int, reading: Reading) -> bool:
    """Tell whether a column is a running number rather than labels."""
    return plain_name(table.header[index]) == "id" and all(
        map(PLAIN_NUMBER.fullmatch, _present(table, index, reading))
    )


def with_decimal_points(
    rows: Rows,
    numbers_of: Callable[[Sequence[str]], Iterable[int]],
    further: Collection[int] = (),
) -> Rows:
    """Return rows with decimal points where their numbers had decimal commas.

    `numbers_of` tells which cells of a row are numbers; `further` ones may be.
    """
    numbers = [
        (where, cells[index])
        for where, cells in rows
        for index in numbers_of(cells)
        if index < len(cells)
    ]
    if not any(DECIMAL_COMMA.fullmatch(cell) for _, cell in numbers):
        return rows
    for where, cell in numbers:
        if _AMBIGUOUS.fullmatch(cell):
            raise AnnotationError(
                where,
                f"{cell!r} may be thousands or have decimals, for other numbers of the "
                "file have a decimal comma; write all of them alike",
            )
    return [
        (
            where,
            [
                cell.replace(",", ".")
                if DECIMAL_COMMA.fullmatch(cell)
                and (index in further or index in numbers_of(cells))
                else cell
                for index, cell in enumerate(cells)
            ],
        )
        for where, cells in rows
    ]


def beside(recording: str, filename: str) -> str:
    """Return the path of a file that a table names.

    One without a folder lies where the table does, and the recording that this would be
    about.
    """
    folder = Path(recording).parent
    if folder == Path() or len(path_parts(filename)) > 1:
        return filename
    return (folder / filename).as_posix()


def name_column(name: str, reserved: Collection[str], owner: str) -> str:
    """Return the name of a further column, another one if an event table has it."""
    return f"{name} ({owner})" if name.casefold() in reserved else name
