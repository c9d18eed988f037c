"""Read and write annotation files: which format, which files, which recordings."""

import errno
import os
import warnings
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sklearn_sed._storage import check_targets, replace_file
from sklearn_sed.events import _dcase
from sklearn_sed.events._formats import (
    FORMATS,
    by_ending,
    check_format,
    dropped_columns,
    format_of,
    recording_of,
)
from sklearn_sed.events._names import (
    below_common_folder,
    match_recordings,
    strip_ending,
    visible_files,
)
from sklearn_sed.events._records import (
    Reading,
    check_extent,
    check_filenames,
    check_na_values,
    collect,
    report_missing,
    shorten,
)
from sklearn_sed.events._tables import check_events, make_events, stack_tables
from sklearn_sed.exceptions import AnnotationError

_Path = str | os.PathLike


def read_events(
    path: _Path,
    filenames: Sequence[_Path] | None = None,
    *,
    format: str | None = None,
    label_column: str | None = None,
    na_values: Sequence[str] | None = None,
    encoding: str | None = None,
) -> tuple[list[Any], np.ndarray]:
    r"""Read the events of recordings from annotation files.

    ========== ================================ ============================ ==========
    format     ending                           recordings                   `score`
    ========== ================================ ============================ ==========
    "dcase"    .tsv, .csv                       named in the table           column
    "audacity" .txt, with ``format="audacity"`` one file each                column
    "raven"    .selections.txt,                 one file each, or named in   column
               .selection.table.txt             the table (`Begin File`)
    "jams"     .jams (needs the extra `jams`)   one file each                confidence
    "rttm"     .rttm                            named in the file            confidence
    "parquet"  .parquet (extra `parquet`)       named in the table           column
    "textgrid" .TextGrid (extra `textgrid`)     one file each                no
    "elan"     .eaf (extra `elan`)              one file each                no
    "birdnet"  .BirdNET.results.csv, .r.csv,    one file each                column
               .kaleidoscope.csv
    ========== ================================ ============================ ==========

    The last three are read but not written. Columns of tables go by the names that
    programs give them, whatever their order: "dcase" stands for any table with a
    recording, a begin and an end or a length in each row, such as those of BirdNET,
    Kaleidoscope and spreadsheets, and for the lists of sed_eval that have no header.
    Cells are separated by tabs, commas or semicolons; where it is not commas, numbers
    may have decimal commas.

    Parameters
    ----------
    path : str or Path
        The file, or a folder of label files of a format with one file for each
        recording. It is searched with its sub-folders, hidden ones left out; audio may
        lie beside the labels.
    filenames : sequence of str or Path of length n_clips, default=None
        The recordings wanted. A recording the file names differently is recognised as
        :func:`match_recordings` does it. By default all recordings that occur, in the
        order of the file; a label file that does not name its recording gives it its
        own path in the folder without ending.
    format : str, default=None
        One of those above. By default the format follows the ending. The header of a
        ".txt" tells a Raven or DCASE table; an Audacity label track has none: pass
        ``format="audacity"``.
    label_column : str, default=None
        The column of a table that holds the labels. By default the first of the usual
        names that is filled: `event_label`, `Annotation`, `Label`, `Class`, `Species`,
        `Common Name`, `Scientific Name`, `Species Code`, `Call Type` and others; the
        remaining ones stay as further columns. Of a TextGrid or ELAN file, the tier; by
        default all tiers with times, named in a column `tier` where there are several.
    na_values : sequence of str, default=None
        The words that mean that there is nothing, in any letter case; an empty cell
        always does. By default NA, N/A, #N/A, NaN, None, NULL, - and <NA>. Pass a list
        without the name of a class to keep it: ``["-"]`` where a class is "None". A row
        whose times and label are missing is a recording without events.
    encoding : str, default=None
        How the text is encoded, such as "latin-1", where no byte order mark says it.
        UTF-8 by default.

    Returns
    -------
    filenames : list of length n_clips
        `filenames` where given, else the names of the recordings.
    events : ndarray of shape (n_clips,), dtype object
        The event table of each recording. A recording that is not listed has no
        events. There is a column `score` where the events have one. Frequency bounds
        are in the columns `low_freq` and `high_freq` (Hz, NaN where an event has none);
        further columns keep their names.

    Raises
    ------
    AnnotationError
        If the format is unclear or a file breaks its rules. The message names the file
        and the line.
    ImportError
        If a JAMS, Parquet, TextGrid or ELAN file is to be read and the library for it
        is not installed.
    ValueError
        If `label_column` is given for a format without columns or tiers.

    Warns
    -----
    UserWarning
        If events are listed more than once (they are kept), files of a folder have
        their labels in columns of different names or are neither read nor audio,
        recordings of the file are not among `filenames` (they are left out), or a word
        such as NA says that recordings have no events.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_sed.events import read_events
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = Path(folder.name, "test.tsv")
    >>> _ = path.write_text(
    ...     "filename\tonset\toffset\tevent_label\na.wav\t0.5\t1.0\tDog\n"
    ... )
    >>> filenames, events = read_events(path, filenames=["a.wav", "b.wav"])
    >>> events[0]
       onset  offset event_label
    0    0.5     1.0         Dog
    >>> len(events[1])
    0
    >>> folder.cleanup()
    """
    path = Path(path)
    reading = Reading(check_na_values(na_values), encoding, label_column)
    name = None if format is None else check_format(format)
    if not path.exists():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    if path.is_dir():
        name, files, notes = _label_files(path, name, encoding)
        root = path
    else:
        name, files = name or format_of(path, encoding, reading=True), [path]
        root, notes = path.parent, []
    if label_column is not None and not FORMATS[name].has_label_columns:
        raise ValueError(
            f"label_column={label_column!r} names a column or tier, but {path} is of "
            f"the format {name!r}, which has none"
        )
    parsed = [
        FORMATS[name].parse(file, recording_of(file.relative_to(root)), reading)
        for file in files
    ]
    check_extent(
        path,
        len({name for annotations in parsed for name in annotations.columns}),
        sum(max(1, len(annotations.rows)) for annotations in parsed),
        sum(file.stat().st_size for file in files),
    )
    found, tables = collect(parsed)
    notes += [note for annotations in parsed for note in annotations.notes]
    words = [word for annotations in parsed for word in annotations.without_events]
    notes += report_missing(path, words, "events")
    names: list[Any] = found
    if filenames is not None:
        names = list(filenames)
        alone = len(parsed) == len(names) == 1 and not parsed[0].names_recordings
        if not (alone and path.is_file()):
            tables = align(path, found, tables, names, notes)
    for note in notes:
        warnings.warn(note, UserWarning, stacklevel=2)
    return names, stack_tables(tables)


def write_events(
    path: _Path,
    filenames: Sequence[_Path],
    events: Sequence[pd.DataFrame],
    *,
    format: str | None = None,
    overwrite: bool = True,
) -> None:
    """Write the events of recordings to annotation files.

    Times are written to the microsecond ("parquet": with all their digits), scores with
    all their digits. A file is written as a whole or not at all. :func:`read_events`
    lists the formats.

    Parameters
    ----------
    path : str or Path
        The file. For a format with one file for each recording ("audacity", "raven",
        "jams") and several recordings: a folder, made where it does not exist, whose
        files are named after the recordings, in sub-folders as these are below the
        folder that they share, and without their audio ending where that is clear.
    filenames : sequence of str or Path of length n_clips
        The names of the recordings.
    events : sequence of DataFrame of length n_clips
        The event table of each recording. The columns `low_freq` and `high_freq` (Hz)
        are the frequency bounds of a Raven selection or an Audacity label. A Raven
        selection without bounds gets 0 Hz to half the sample rate of its recording
        where `filenames` has the path of the audio file, else 0 to 0 Hz.
    format : {"dcase", "audacity", "raven", "jams", "rttm", "parquet"}, default=None
        By default the format follows the ending of `path`. A "dcase" file is separated
        by commas if it ends in ".csv", else by tabs, as sed_eval reads them; in it and
        in "parquet", a recording without events is a row with its name alone. "rttm"
        cannot say that a recording has no events.
    overwrite : bool, default=True
        Whether to replace files that exist.

    Raises
    ------
    FileExistsError
        If a file exists and shall not be replaced; nothing is written then.
    AnnotationError
        If the format is unclear, an event table is not valid, or the format cannot hold
        a name.
    ImportError
        If a JAMS or Parquet file is to be written and the library for it is not
        installed.

    Warns
    -----
    UserWarning
        If the format cannot hold a column, such as the `score` in an Audacity label
        track, or recordings without events.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_sed.events import make_events, write_events
    >>> events = [make_events([0.5], [1.0], ["Dog"], [0.75]), make_events([], [], [])]
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = Path(folder.name, "found.csv")
    >>> write_events(path, ["a.wav", "b.wav"], events)
    >>> print(path.read_text())
    filename,onset,offset,event_label,score
    a.wav,0.500000,1.000000,Dog,0.75
    b.wav
    >>> folder.cleanup()
    """
    files = render_events(Path(path), filenames, events, format=format)
    check_targets(files, overwrite=overwrite)
    save_events(Path(path), files, events, format=format)


def save_events(
    path: Path,
    files: Mapping[Path, bytes],
    events: Sequence[pd.DataFrame],
    *,
    format: str | None = None,
) -> None:
    """Write the files of `render_events`, and warn of what they have no place for."""
    name = format or format_of(path, reading=False)
    dropped = dropped_columns(FORMATS[name], events)
    if dropped:
        warnings.warn(
            f"{path}: the format {name!r} has no place for the columns "
            f"{', '.join(dropped)}, which are left out",
            UserWarning,
            stacklevel=3,
        )
    n_empty = sum(table.empty for table in events)
    if n_empty and not FORMATS[name].holds_empty:
        warnings.warn(
            f"{path}: the format {name!r} cannot say that a recording has no events; "
            f"{n_empty} recordings are left out",
            UserWarning,
            stacklevel=3,
        )
    if path not in files:
        for folder in {path, *(file.parent for file in files)}:
            folder.mkdir(parents=True, exist_ok=True)
    for file, content in files.items():
        replace_file(file, content)


def render_events(
    path: Path,
    filenames: Sequence[_Path],
    events: Sequence[pd.DataFrame],
    *,
    format: str | None = None,
    beside: Sequence[_Path] = (),
    in_folder: bool = False,
) -> dict[Path, bytes]:
    """Return the files that `write_events` writes, and their content.

    A folder, which `path` is with `in_folder`, is laid out as if the recordings
    `beside` had files in it, too.
    """
    tables = list(check_events(events, name="events"))
    names = check_filenames(filenames, len(tables), "event tables")
    name = format_of(path, reading=False) if format is None else check_format(format)
    chosen = FORMATS[name]
    if chosen.render is None:
        raise AnnotationError(
            str(path), f"the format {name!r} is read but not written; write another one"
        )
    new = chosen.one_recording and not path.suffix and not path.exists()
    if new or in_folder or path.is_dir():
        if not chosen.one_recording:
            raise AnnotationError(
                str(path),
                f"this is a folder, but all recordings go into one file of the format "
                f"{name!r}; pass the path of that file",
            )
        others = [os.fspath(other) for other in beside]
        files = files_in(path, chosen.endings[0], [*names, *others])
        return {
            file: _encode(path, chosen.render(file, [filename], [table]))
            for file, filename, table in zip(files, names, tables)
        }
    if chosen.one_recording and len(names) != 1:
        raise AnnotationError(
            str(path),
            f"a file of the format {name!r} is about one recording, got {len(names)}; "
            "pass a folder, in which each recording gets its own file",
        )
    return {path: _encode(path, chosen.render(path, names, tables))}


def _encode(path: Path, content: str | bytes) -> bytes:
    """Return the content of a file, or say what of it is no text."""
    if isinstance(content, bytes):
        return content
    try:
        return content.encode()
    except UnicodeEncodeError as error:
        start = content.rfind("\n", 0, error.start) + 1
        line = content[start:].partition("\n")[0]
        reason = f"{line!r} cannot be written as UTF-8; rename what is odd there"
        raise AnnotationError(str(path), reason) from None


def read_durations(path: _Path) -> tuple[list[str], list[float]]:
    r"""Read a list of how long recordings are, such as metrics ask for.

    Parameters
    ----------
    path : str or Path
        A file with the columns `filename` and `duration` (seconds), separated by tabs,
        commas or semicolons; other usual names of the columns will do.

    Returns
    -------
    filenames : list of str of length n_clips
        The recordings, in the order of the file.
    durations : list of float of length n_clips
        Their lengths in seconds.

    Raises
    ------
    AnnotationError
        If the file breaks the rules of its format. The message names the line.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_sed.events import read_durations
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = Path(folder.name, "durations.tsv")
    >>> _ = path.write_text("filename\tduration\na.wav\t10.0\nb.wav\t7.5\n")
    >>> read_durations(path)
    (['a.wav', 'b.wav'], [10.0, 7.5])
    >>> folder.cleanup()
    """
    durations = _dcase.parse_durations(Path(path))
    return list(durations), list(durations.values())


def _label_files(
    folder: Path, name: str | None, encoding: str | None
) -> tuple[str, list[Path], list[str]]:
    """Return the format of a folder's label files, these, and what to warn of."""
    files: dict[str | None, list[Path]] = defaultdict(list)
    every_file = visible_files(folder)
    for file in every_file:
        files[by_ending(file)[0]].append(file)
    if name is None:
        one_each = [name for name, own in FORMATS.items() if own.one_recording]
        every = [file for name in one_each for file in files[name]]
        names = {format_of(file, encoding, reading=True) for file in every}
        if len(names) > 1:
            raise AnnotationError(
                str(folder),
                "the folder has label files of several formats; pass format= one of "
                f"{', '.join(map(repr, sorted(names)))}",
            )
        name = names.pop() if names else "audacity"
    if not FORMATS[name].one_recording:
        raise AnnotationError(
            str(folder),
            f"a file of the format {name!r} is about many recordings; pass the file",
        )
    chosen = files[name]
    if name == "raven":
        chosen = chosen or files["audacity"]
    if not chosen:
        raise AnnotationError(str(folder), "the folder has no label files")
    known = set(chosen)
    unread = [
        file.relative_to(folder).as_posix()
        for file in every_file
        if file not in known and strip_ending(file.name) == file.name
    ]
    if not unread:
        return name, chosen, []
    note = (
        f"{folder}: {len(unread)} files that are no label files of the format {name!r} "
        f"are not read: {shorten(unread)}"
    )
    return name, chosen, [note]


def align(
    where: object,
    found: list[str],
    tables: list[pd.DataFrame],
    filenames: list[Any],
    notes: list[str],
) -> list[pd.DataFrame]:
    """Return the table of each wanted recording, an empty one where none is found."""
    wanted = [os.fspath(name) for name in filenames]
    match = match_recordings(found, wanted, where=str(where))
    table_of = dict(zip(found, tables))
    left_out = [name for name in found if len(table_of[name])]
    left_out = sorted(set(left_out) - set(match.values()))
    if left_out:
        notes.append(
            f"{where}: the events of {len(left_out)} recordings that are not "
            f"wanted are left out: {shorten(left_out)}"
        )
    empty = tables[0].iloc[:0] if tables else make_events([], [], [])
    return [table_of[match[name]] if name in match else empty.copy() for name in wanted]


def files_in(folder: Path, ending: str, filenames: Sequence[str]) -> list[Path]:
    """Return a file in a folder for each recording, named after it."""
    parts = below_common_folder(filenames)
    stems = [(*folders, strip_ending(own)) for *folders, own in parts]
    count = Counter(stems)
    files: dict[Path, str] = {}
    for filename, own, stem in zip(filenames, parts, stems):
        label = Path(*stem[:-1], stem[-1] + ending)
        is_clear = (
            count[stem] == 1
            and strip_ending(stem[-1]) == stem[-1]
            and recording_of(label) == "/".join(stem)
        )
        if not is_clear:  # with the audio's ending, it is not taken for another
            label = Path(*own[:-1], own[-1] + ending)
        if any(part.startswith(".") for part in label.parts):
            raise AnnotationError(
                str(folder),
                f"{label.as_posix()}, what is known of {filename}, would be a hidden "
                "file that is not read again; rename the recording",
            )
        if folder / label in files:
            raise AnnotationError(
                str(folder),
                f"{files[folder / label]} and {filename} would both be written to "
                f"{label.as_posix()}; write them to different folders",
            )
        files[folder / label] = filename
    return list(files)
