"""Lists of events of many recordings: those of DCASE and others, and durations."""

import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from sklearn_sed.events._columns import (
    DURATIONS,
    OFFSETS,
    ONSETS,
    SCORES,
    LabelColumn,
    beside,
    find_labels,
    name_column,
    with_decimal_points,
)
from sklearn_sed.events._names import strip_ending
from sklearn_sed.events._records import (
    RECORDINGS,
    Annotations,
    Reading,
    TextTable,
    check_text,
    extra_columns,
    format_value,
    is_number,
    join_rows,
    number,
    plain_name,
    read_cells,
    read_table,
    with_header,
    written_events,
)
from sklearn_sed.events._tables import REQUIRED_COLUMNS
from sklearn_sed.exceptions import AnnotationError

STRONG = ("filename", *REQUIRED_COLUMNS)
# sed_eval's lists without a header, by the number of cells.
_LAYOUTS = {
    3: REQUIRED_COLUMNS,
    4: STRONG,
    5: ("filename", "scene_label", *REQUIRED_COLUMNS),
}


def parse_events(path: Path, recording: str, reading: Reading) -> Annotations:
    """Read a list of events; a row with a filename alone is a clip without events."""
    return _parse(path, recording, reading, owned=False)


def parse_birdnet(path: Path, recording: str, reading: Reading) -> Annotations:
    """Read what BirdNET has found in one recording, after which the file is named."""
    return _parse(path, recording, reading, owned=True)


def _parse(path: Path, recording: str, reading: Reading, *, owned: bool) -> Annotations:
    """Read a list of events, with a header or without."""
    separator, cells = read_cells(path, reading.encoding)
    layout = _layout_of([row for _, row in cells])
    if layout is None:
        table = with_header(path, separator, cells[0][1], cells[1:])
    else:
        table = with_header(path, separator, list(layout), cells)
    owned = owned or layout is REQUIRED_COLUMNS
    return parse_table(table, recording, reading, owned=owned)


def parse_table(
    table: TextTable, recording: str, reading: Reading, *, owned: bool = False
) -> Annotations:
    """Read a table of events, `owned` by the recording if it names none itself."""
    files = _find_files(table)
    labels, times = _find_events(table, reading, need_files=not (files or owned))
    score = table.find(*SCORES)
    extra = {} if score is None else {"score": score}
    numbers = {*times.values(), *extra.values()}
    used = {*files, *numbers, labels.position}
    extra |= {
        name_column(name, {*STRONG, "score"}, "other"): index
        for index, name in enumerate(table.header)
        if index not in used
    }
    annotations = Annotations(
        table.path,
        reading,
        columns=list(extra),
        names_recordings=bool(files),
        label_column=labels.name,
        advice=labels.advice,
    )
    rows = list(table.rows())
    if table.separator != ",":
        rows = with_decimal_points(rows, lambda _: numbers, extra.values())
    for where, row in rows:
        names = [row[index] for index in files]
        filename = "/".join(filter(None, names)) if files else recording
        if files and not names[-1]:
            raise AnnotationError(where, "filename is missing")
        filename = beside(recording, filename)
        if labels.says_nothing(row):
            annotations.filenames.append(filename)
            continue
        own, further = (
            {name: row[index] for name, index in columns.items()}
            for columns in (times, extra)
        )
        annotations.add(where, filename, labels.of(row), **own, extra=further)
    if owned and not rows:
        annotations.filenames = [recording]
        annotations.names_recordings = False
    return annotations


def names_times(path: Path, encoding: str | None) -> bool:
    """Tell whether a table has times beside its labels, rather than tags alone."""
    separator, cells = read_cells(path, encoding)
    table = TextTable(path, cells[0][1], [], separator)
    begin, end, length = (table.find(*n) for n in (ONSETS, OFFSETS, DURATIONS))
    has_times = None not in (begin, end) or None not in (
        begin if end is None else end,
        length,
    )
    return has_times and table.find("event_labels") is None


def _layout_of(rows: list[list[str]]) -> tuple[str, ...] | None:
    """Return the columns of a list without a header; None for one that has a header."""
    if plain_name(rows[0][0]) == "filename":
        return None
    events = [row for row in rows if len(row) > 1]
    if not events:
        has_names = all(strip_ending(name) != name for (name,) in rows)
        return STRONG if has_names else None
    layout = _LAYOUTS.get(len(events[0]), ())
    if len(layout) < 3 + (len(events) < len(rows)):  # no place for names alone
        return None
    onset = layout.index("onset")
    fits = all(
        len(row) == len(layout) and all(map(is_number, row[onset : onset + 2]))
        for row in events
    )
    return layout if fits else None


def _find_files(table: TextTable) -> list[int]:
    """Return the columns that name the recordings, of which the last is the file."""
    kaleidoscope = [table.find(name) for name in ("INDIR", "FOLDER", "IN FILE")]
    if kaleidoscope[-1] is not None:
        return [index for index in kaleidoscope if index is not None]
    filename = table.find("filename")
    return table.find_recordings()[:1] if filename is None else [filename]


def _find_events(
    table: TextTable, reading: Reading, *, need_files: bool
) -> tuple[LabelColumn, dict[str, int]]:
    """Return where a table says what the events are and when they are."""
    onset, offset = table.find(*ONSETS), table.find(*OFFSETS)
    duration = table.find(*DURATIONS)
    if onset is None and duration is not None:
        onset, offset = offset, None  # Kaleidoscope's offset is into the recording
    if onset is None and table.find("event_labels") is not None:
        raise AnnotationError(
            str(table.path),
            "this is a list of tags without times; read it with read_tags",
        )
    end, name = (duration, "duration") if offset is None else (offset, "offset")
    needed = {"filename": need_files, "onset": onset is None, "offset": end is None}
    missing = [name for name, is_missing in needed.items() if is_missing]
    if missing or onset is None or end is None:
        raise AnnotationError(
            f"{table.path}, line 1",
            f"the column {missing[0]!r} is missing; the header must name the columns "
            f"{', '.join(STRONG)}, separated by tabs, commas or semicolons, got "
            f"{', '.join(table.header)}"
            + "; if it lists tags without times, read it with read_tags"
            * (end is None),
        )
    return find_labels(table, reading, "event_label"), {"onset": onset, name: end}


def render_events(
    path: Path, filenames: Sequence[str], tables: Sequence[pd.DataFrame]
) -> str:
    """Return a list of events; clips without any get a row with their name alone."""
    extra = list(
        dict.fromkeys(name for table in tables for name in extra_columns(table))
    )
    rows = [[*STRONG, *extra]]
    for index, (filename, table) in enumerate(zip(filenames, tables)):
        clip = f"events, clip {index}"
        check_text(filename, "filename", clip)
        if table.empty:
            # Without the empty cells, which sed_eval's reader stumbles over.
            rows.append([filename])
        for where, *event, further in written_events(clip, table, extra):
            values = [format_value(*pair, where) for pair in zip(further, extra)]
            rows.append([filename, *event, *values])
    return join_rows(path, rows)


def parse_durations(path: Path) -> dict[str, float]:
    """Read how many seconds each recording lasts."""
    table = read_table(path)
    names = ("filename", "duration")
    positions = table.locate({"filename": RECORDINGS, "duration": DURATIONS})
    rows = list(table.rows())
    if table.separator != ",":
        rows = with_decimal_points(rows, lambda _: [positions["duration"]])
    durations: dict[str, float] = {}
    for where, cells in rows:
        filename, cell = (cells[positions[name]] for name in names)
        if not filename:
            raise AnnotationError(where, "filename is missing")
        seconds = number(where, "duration", cell)
        if not 0 < seconds < math.inf:
            raise AnnotationError(where, f"the duration {seconds} is not positive")
        if durations.setdefault(filename, seconds) != seconds:
            raise AnnotationError(where, f"{filename} has two durations")
    return durations
