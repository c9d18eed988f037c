"""Tables of tags: which classes occur in which recording, however it is written."""

import os
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from sklearn_sed._storage import check_targets, replace_file
from sklearn_sed.events._names import strip_ending
from sklearn_sed.events._records import (
    Reading,
    TextTable,
    check_filenames,
    check_na_values,
    check_text,
    is_missing,
    join_rows,
    plain_name,
    read_table,
    report_missing,
    shorten,
)
from sklearn_sed.exceptions import AnnotationError

_Path = str | os.PathLike
# The headings of the column of labels, as `plain_name` makes them.
_LABELS = (
    *("label", "labels", "eventlabel", "eventlabels", "primarylabel"),
    *("tag", "tags", "annotation", "annotations", "category", "categories"),
    *("class", "classes", "soundclass", "event", "events", "soundevent", "soundevents"),
    *("species", "commonname", "scientificname"),
)
_TIMES = ("onset", "Begin Time (s)")
_SEPARATORS = (",", ";", "|")
_UNWRITTEN = "".join(_SEPARATORS) + "\t\r\n"
_LIST = "list"
_PRINTED = re.compile(r"\[.*\]|\{.*\}|\((['\"].*)?\)|set\(\)", re.DOTALL)
# An item of a printed list, quoted or bare, and what comes before the next.
_ITEM = re.compile(
    r"""\s*(?:[ubUB]?'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([^\s,'"\[\]{}][^,'"\[\]{}]*))"""
    r"""\s*(?:,|$|(?=['"]))"""
)
_BRACKETS = (("(", ")"), ("[", "]"), ("{", "}"))
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)")
_QUOTED = re.compile(r"^(['\"])(.+)\1$")
_NUMPY = re.compile(r"""np\.str_\(('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\)""")
_MARK = re.compile(
    # The last ones as German and French spreadsheets write them.
    r"(?P<there>1([.,]0*)?|true|yes|x|wahr|ja|vrai|oui)|"
    r"0([.,]0*)?|false|no|falsch|nein|faux|non",
    re.IGNORECASE,
)
# What R and pandas make of the column of row names, which has no heading.
_ROW_NAMES = ("column1", "unnamed0")

_Cells = list[tuple[str, list[str]]]
"""Where each row is, and its cells."""
_Found = list[tuple[list[str], list[str]]]
"""The labels in each row, and the words in the place of labels."""


class TagTable(NamedTuple):
    """The tags of recordings, and how their table was understood."""

    filenames: list[str]
    labels: list[list[str]]
    notes: list[str]
    """What the reader has to be warned of."""
    summary: str
    """What was understood, in one line."""


def read_tags(
    path: _Path,
    *,
    filename_column: str | None = None,
    label_columns: str | Sequence[str] | None = None,
    separator: str | None = None,
    label_separator: str | None = None,
    na_values: Sequence[str] | None = None,
    encoding: str | None = None,
) -> tuple[list[str], list[list[str]]]:
    r"""Read a table of tags: which classes occur in which recording.

    A table has a header and one of these layouts:

    - a list of labels for each recording: ``a.wav  Dog,Cat``;
    - a row for each label of a recording: ``a.wav  Dog`` and ``a.wav  Cat``;
    - a column of 0 and 1 for each class.

    Parameters
    ----------
    path : str or Path
        The file: DCASE's columns `filename` and `event_labels`, or others.
    filename_column : str, default=None
        The column that names the recordings. By default the one with a usual name, such
        as `filename`, `file`, `path`, `audio`, `recording`, `fname` or `Begin File`;
        letter case, blanks and underscores make no difference.
    label_columns : str or sequence of str, default=None
        The column of labels; several whose labels are joined; or those of 0 and 1, each
        named like its class. By default the one with a usual name, such as `labels`,
        `tags`, `event_labels`, `annotation`, `species` or `class`; without one, all
        columns beside the recordings' are classes and must hold 0 and 1.
    separator : str, default=None
        What separates cells. By default a tab, comma or semicolon, as in the header.
    label_separator : str, default=None
        What separates the labels in a cell; an empty string where each cell is one
        label. By default a comma, semicolon or ``|``, whichever the cells hold, or
        a list as Python or JSON print it: ``['Dog', 'Cat']``.
    na_values : sequence of str, default=None
        The words that mean no label, in any letter case; an empty cell always does. By
        default NA, N/A, #N/A, NaN, None, NULL, - and <NA>. Pass a list without the name
        of a class to keep it: ``["-"]`` where a class is called "None".
    encoding : str, default=None
        How the text is encoded, such as "latin-1", where no byte order mark says it.
        UTF-8 by default.

    Returns
    -------
    filenames : list of str of length n_clips
        The recordings, in the order of the file.
    labels : list of list of str of length n_clips
        The labels of each recording.

    Raises
    ------
    AnnotationError
        If a column could not be told from others, or a row breaks the layout of the
        table. The message names the line.
    ValueError
        If `separator`, `na_values` or `encoding` is impossible.

    Warns
    -----
    UserWarning
        If words such as NA say that recordings have no label, or recordings with lists
        of labels are listed more than once; these labels are joined.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_sed.events import read_tags
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = Path(folder.name, "weak.tsv")
    >>> _ = path.write_text("filename\tevent_labels\na.wav\tDog,Speech\nb.wav\t\n")
    >>> read_tags(path)
    (['a.wav', 'b.wav'], [['Dog', 'Speech'], []])
    >>> _ = path.write_text("File;Dog;Cat\na.wav;1;1\nb.wav;0;0\n")
    >>> read_tags(path)
    (['a.wav', 'b.wav'], [['Dog', 'Cat'], []])
    >>> folder.cleanup()
    """
    table = read_tag_table(
        Path(path),
        filename_column=filename_column,
        label_columns=label_columns,
        separator=separator,
        label_separator=label_separator,
        na_values=na_values,
        encoding=encoding,
    )
    for note in table.notes:
        warnings.warn(note, UserWarning, stacklevel=2)
    return table.filenames, table.labels


def write_tags(
    path: _Path,
    filenames: Sequence[_Path],
    labels: Sequence[Sequence[str]],
    *,
    overwrite: bool = True,
) -> None:
    """Write a DCASE list of tags.

    Parameters
    ----------
    path : str or Path
        The file: separated by commas if it ends in ".csv", else by tabs.
    filenames : sequence of str or Path of length n_clips
        The names of the recordings.
    labels : sequence of sequence of str of length n_clips
        The labels of each recording.
    overwrite : bool, default=True
        Whether to replace a file that exists.

    Raises
    ------
    FileExistsError
        If the file exists and shall not be replaced.
    AnnotationError
        If the lengths differ or the format cannot hold a name.

    Warns
    -----
    UserWarning
        If a label is a word that stands for no label, such as "None".

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_sed.events import read_tags, write_tags
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = Path(folder.name, "weak.tsv")
    >>> write_tags(path, ["a.wav", "b.wav"], [["Dog", "Speech"], []])
    >>> read_tags(path)
    (['a.wav', 'b.wav'], [['Dog', 'Speech'], []])
    >>> folder.cleanup()
    """
    path = Path(path)
    check_targets([path], overwrite=overwrite)
    names = check_filenames(filenames, len(labels), "label lists")
    rows = [["filename", "event_labels"]]
    words: list[str] = []
    for clip, (filename, tags) in enumerate(zip(names, labels)):
        where = f"labels, clip {clip}"
        if isinstance(tags, str):
            raise AnnotationError(where, f"expected a list of labels, got {tags!r}")
        check_text(filename, "filename", where)
        texts = [check_text(str(tag), "label", where, _UNWRITTEN) for tag in tags]
        for text in texts:
            if _PRINTED.fullmatch(text) or _QUOTED.search(text):
                raise AnnotationError(
                    where, f"the label {text!r} would be read as a list; rename it"
                )
        words += filter(is_missing, texts)
        rows.append([filename, ",".join(texts)])
    if words:
        warnings.warn(
            f"{path}: the labels {', '.join(sorted(set(words)))} are read as no label "
            "unless na_values says otherwise",
            UserWarning,
            stacklevel=2,
        )
    replace_file(path, join_rows(path, rows).encode())


def read_tag_table(
    path: Path,
    *,
    filename_column: str | None = None,
    label_columns: str | Sequence[str] | None = None,
    separator: str | None = None,
    label_separator: str | None = None,
    na_values: Sequence[str] | None = None,
    encoding: str | None = None,
    reduce: bool = False,
) -> TagTable:
    """Read tags as `read_tags` does; with `reduce` those of a list of events, too."""
    if separator is not None and (len(separator) != 1 or separator in "\"'\r\n"):
        raise ValueError(
            f"separator={separator!r} must be one character, such as ',' or a tab"
        )
    reading = Reading(check_na_values(na_values), encoding)
    table = _without_unnamed(read_table(path, encoding, separator=separator))
    times = table.find(*_TIMES)
    is_strong = times is not None and table.find("event_labels") is None
    if is_strong and not reduce and label_columns is None:
        raise AnnotationError(
            str(path), "this is a list of events with times; read it with read_events"
        )
    if is_strong and label_separator is None:
        label_separator = ""  # an event has one label
    recording = _find_recordings(table, filename_column)
    named = _find_labels(table, label_columns)
    columns = named or _find_classes(table, recording)
    comma = "," if table.separator == "\t" else table.separator
    is_last = named == [len(table.header) - 1]
    rows = list(table.rows(listing=is_last and label_separator in (None, comma)))
    names = [table.header[column] for column in columns]
    cells = [(where, [row[column] for column in columns]) for where, row in rows]
    if _hold_marks(cells, reading) or not named:
        if named and label_columns is None:
            raise AnnotationError(
                str(path),
                f"the column {names[0]!r} holds 0 and 1 instead of labels; for a class "
                f"{names[0]!r} that is there or not, pass it as label_columns",
            )
        found = _read_marks(cells, names, reading)
        layout = f"0 and 1 in the columns {shorten(names)}"
    else:
        found, how = _read_lists(cells, label_separator, reading)
        layout = f"label column {' and '.join(map(repr, names))}, {how}"
    filenames = []
    for (where, row), (labels, _) in zip(rows, found):
        if reading.is_missing(row[recording]):
            raise AnnotationError(where, "filename is missing")
        if times is not None and not labels and not reading.is_missing(row[times]):
            raise AnnotationError(where, "event_label is missing; name every event")
        filenames.append(row[recording])
    notes = [
        *_report_words(path, filenames, found, len(columns)),
        *_report_repeats(rows, filenames, found),
    ]
    return _join(filenames, found, notes, layout)


def _join(
    filenames: list[str], found: _Found, notes: list[str], layout: str
) -> TagTable:
    """Return the labels that each recording has in any of its rows."""
    tags: dict[str, dict[str, None]] = {}
    for filename, (labels, _) in zip(filenames, found):
        tags.setdefault(filename, {}).update(dict.fromkeys(labels))
    n_classes = len({label for labels in tags.values() for label in labels})
    counts = f"{_count(len(tags), 'recording')}, {_count(n_classes, 'class', 'es')}"
    return TagTable(
        list(tags), [list(own) for own in tags.values()], notes, f"{counts}, {layout}"
    )


def _count(number: int, noun: str, plural: str = "s") -> str:
    return f"{number} {noun}{plural * (number != 1)}"


def _without_unnamed(table: TextTable) -> TextTable:
    """Return a table without the last columns if these have no heading.

    Spreadsheets spread the labels of a recording over them: surplus cells.
    """
    header = table.header
    while header and header[-1] == f"column_{len(header)}":
        header = header[:-1]
    return table._replace(header=header)


def _find_recordings(table: TextTable, name: str | None) -> int:
    """Return the position of the column that names the recordings."""
    if name is not None:
        return _position(table, name, "filename_column")
    found = table.find_recordings()
    if len(found) == 1:
        return found[0]
    if found:
        reason = f"the columns {_quote(table, found)} may all name the recordings"
    elif any(name != strip_ending(name) for name in table.header):
        reason = (
            f"{', '.join(table.header)} looks like a recording instead of a header; "
            "put a first line above it that names the columns, such as 'filename' and "
            "'event_labels'"
        )
        raise AnnotationError(f"{table.path}, line 1", reason)
    else:
        reason = (
            "the column 'filename' is missing; no heading among "
            f"{', '.join(table.header)} is known to name the recordings"
        )
    raise AnnotationError(
        f"{table.path}, line 1", f"{reason}; pass the right one as filename_column"
    )


def _find_labels(table: TextTable, names: str | Sequence[str] | None) -> list[int]:
    """Return the positions of the columns of labels, none where none is known."""
    if names is not None:
        names = [names] if isinstance(names, str) else names
        if not names:
            raise ValueError("label_columns is empty; name a column, or leave it out")
        return [_position(table, name, "label_columns") for name in names]
    headings = [plain_name(name) for name in table.header]
    found = [column for column, name in enumerate(headings) if name in _LABELS]
    if len(found) > 1:
        raise AnnotationError(
            f"{table.path}, line 1",
            f"the columns {_quote(table, found)} may all hold the labels; pass the "
            "right ones as label_columns",
        )
    return found


def _position(table: TextTable, name: str, parameter: str) -> int:
    """Return where a column is that was asked for."""
    column = table.header.index(name) if name in table.header else table.find(name)
    if column is None:
        raise AnnotationError(
            f"{table.path}, line 1",
            f"the column {name!r}, given as {parameter}, is missing; the header is "
            f"{', '.join(table.header)}",
        )
    return column


def _find_classes(table: TextTable, recording: int) -> list[int]:
    """Return the columns of classes: all that are not about recordings or rows."""
    columns = [
        column
        for column, name in enumerate(table.header)
        if column != recording and (column or plain_name(name) not in _ROW_NAMES)
    ]
    if not columns:
        raise AnnotationError(
            f"{table.path}, line 1",
            "the column 'event_labels' is missing; the header is "
            f"{', '.join(table.header)}",
        )
    return columns


def _quote(table: TextTable, columns: list[int]) -> str:
    return ", ".join(repr(table.header[column]) for column in columns)


def _hold_marks(cells: _Cells, reading: Reading) -> bool:
    """Tell whether a column has nothing but 0 and 1; a lone "x" may be a label."""
    columns = list(zip(*(row for _, row in cells)))
    present = [[c for c in column if not reading.is_missing(c)] for column in columns]
    return any(
        column
        and all(map(_MARK.fullmatch, column))
        and (len(columns) > 1 or {cell.casefold() for cell in column} != {"x"})
        for column in present
    )


def _read_marks(cells: _Cells, names: list[str], reading: Reading) -> _Found:
    """Read columns of 0 and 1, one for each class."""
    found: _Found = []
    for where, row in cells:
        labels, words = [], []
        for name, cell in zip(names, row):
            if reading.is_missing(cell):
                words += [cell] * bool(cell)
            elif (mark := _MARK.fullmatch(cell)) is None:
                raise AnnotationError(
                    where,
                    f"the column {name!r} holds {cell!r}, neither 0 nor 1; pass the "
                    "columns that hold labels, or 0 and 1, as label_columns",
                )
            elif mark["there"]:
                labels.append(name)
        found.append((labels, words))
    return found


def _read_lists(
    cells: _Cells, separator: str | None, reading: Reading
) -> tuple[_Found, str]:
    """Read columns of labels; return also how they are separated, in words."""
    columns = zip(*([(where, cell) for cell in row] for where, row in cells))
    kinds = [
        _find_separator(column, reading) if separator is None else separator
        for column in columns
    ]
    found: _Found = []
    for where, row in cells:
        labels: list[str] = []
        words: list[str] = []
        for cell, kind in zip(row, kinds):
            if reading.is_missing(cell):
                words += [cell] * bool(cell)
                continue
            parts = _split(where, cell, kind, guessed=separator is None)
            missing = [part for part in parts if reading.is_missing(part)]
            if missing and len(parts) > 1:
                raise AnnotationError(
                    where,
                    f"{missing[0]!r} among the labels {cell!r} means no label; leave it"
                    " out, or list the words that mean no label in na_values",
                )
            words += missing
            labels += [part for part in parts if part not in missing]
        found.append((labels, words))
    how = {_LIST: "printed as lists", "": "one label per row"}
    described = (how.get(kind, f"separated by {kind!r}") for kind in kinds or [""])
    return found, " and ".join(dict.fromkeys(described))


def _find_separator(column: Iterable[tuple[str, str]], reading: Reading) -> str:
    """Return what separates the labels in a column: a character, `_LIST`, or nothing.

    A column has where each cell is, and the cell.
    """
    first: dict[str, tuple[str, str]] = {}
    for where, cell in column:
        if reading.is_missing(cell) or cell == "[]":
            continue
        kinds = [mark for mark in _SEPARATORS if mark in cell] or [""]
        for kind in [_LIST] if _PRINTED.fullmatch(cell) else kinds:
            first.setdefault(kind, (where, cell))
    if _LIST not in first:
        first.pop("", None)
    if len(first) > 1:
        (_, (one, cell)), (kind, (where, other)) = list(first.items())[:2]
        raise AnnotationError(
            where,
            f"the labels {other!r} are not written like {cell!r} in "
            f"{one.rpartition(', ')[2]}; write all in one way, or pass what separates "
            "labels as label_separator",
        )
    return next(iter(first), "")


def _split(where: str, cell: str, kind: str, *, guessed: bool) -> list[str]:
    """Return the labels in a cell."""
    if guessed and cell == "[]":
        return []
    is_list = guessed and kind == _LIST
    if is_list:
        parts = _parse_list(where, cell)
    else:
        parts = [part.strip() for part in (cell.split(kind) if kind else [cell])]
        if guessed:
            parts = [_QUOTED.sub(r"\2", part) for part in parts]
    if parts == [""]:
        return []
    for part in parts:
        if not part:
            raise AnnotationError(where, f"a label is empty in {cell!r}")
        if part != strip_ending(part):
            raise AnnotationError(
                where,
                f"the label {part!r} is the name of a recording; the header must name "
                "every column, and a recording stands in a row of its own",
            )
        if (
            guessed
            and not is_list
            and any(part.count(a) != part.count(b) for a, b in _BRACKETS)
        ):
            raise AnnotationError(
                where,
                f"the label {part!r} in {cell!r} has a bracket without its "
                "counterpart; pass what separates labels as label_separator, '' where "
                "each cell is one label",
            )
    return parts


def _parse_list(where: str, cell: str) -> list[str]:
    """Return the items of a list as Python, numpy, pandas or JSON print it."""
    text = "" if cell == "set()" else _NUMPY.sub(r"\1", cell[1:-1].strip())
    items = []
    start = 0
    while start < len(text):
        item = _ITEM.match(text, start)
        if item is None:
            raise AnnotationError(
                where, f"the list {cell!r} cannot be read; check its quotation marks"
            )
        items.append(_ESCAPE.sub(_unescape, next(filter(None, item.groups()), "")))
        start = item.end()
    return [item.strip() for item in items]


def _unescape(escape: re.Match) -> str:
    """Return the character that an escape sequence stands for."""
    code = escape[1]
    return chr(int(code[1:], 16)) if len(code) > 1 else code


def _report_words(
    path: Path, filenames: list[str], found: _Found, n_columns: int
) -> list[str]:
    """Note how many recordings have a word in the place of labels."""
    words = {name: words[0] for name, (_, words) in zip(filenames, found) if words}
    what = "label" if n_columns == 1 else "label in some columns"
    return report_missing(path, list(words.values()), what)


def _report_repeats(rows: _Cells, filenames: list[str], found: _Found) -> list[str]:
    """Note the recordings listed more than once, unless each row has one label."""
    count = Counter(filenames)
    numbers = [len(labels) for labels, _ in found]
    again = [n for n, filename in zip(numbers, filenames) if count[filename] > 1]
    if not again or (max(numbers) <= 1 and min(again) == 1):
        return []
    first = {name: row for row, name in reversed(list(enumerate(filenames)))}
    repeat = next(row for row, name in enumerate(filenames) if first[name] < row)
    more = sum(n > 1 for n in count.values()) - 1
    return [
        f"{rows[repeat][0]}: {filenames[repeat]} is listed more than once; its labels "
        "are joined"
        + f", as are those of {_count(more, 'more recording')}"
        * bool(more)
    ]
