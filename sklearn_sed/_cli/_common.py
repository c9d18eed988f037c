"""What the commands share: their options, the formats, how they speak."""

import argparse
import math
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

FORMATS = (
    *("dcase", "audacity", "raven", "jams", "rttm", "parquet"),
    *("textgrid", "elan", "birdnet"),
)
# The formats with one file for each recording, and the endings that mean them.
ONE_FILE_EACH: dict[str, tuple[str, ...]] = {
    "audacity": (),
    "raven": (".selections.txt", ".selection.table.txt"),
    "jams": (".jams", ".json"),
    "textgrid": (".textgrid",),
    "elan": (".eaf",),
    "birdnet": (
        *(".birdnet.results.csv", ".birdnet.results.r.csv"),
        ".birdnet.results.kaleidoscope.csv",
    ),
}
# What messages of functions speak of, as the command line has it: words, and options
# by the parameters that they are.
_WORDS = {
    "pass format= one of": "name the format by an option (see --help), one of",
    "read it with read_events": "add --from dcase",
    "read it with read_tags": "add --from tags",
    "resume=False": "--restart",
    "overwrite=True": "--overwrite",
    "the same call": "the same command",
    "an earlier call": "an earlier command",
    "a file of save_model": "a model file of sklearn-sed",
    "y has classes": "there are classes",
    "pass a list of labels for each clip": "name what is between them by "
    "--label-separator",
    "pass [] for a clip without any": "leave the cell empty where there is none",
    "y_true": "the reference",
    "y_pred": "the estimate",
}
_OPTIONS = {
    name: f"--{name.replace('_', '-')}"
    for name in (
        *("encoding", "na_values", "label_column", "filename_column"),
        *("separator", "label_separator", "window", "overlap", "order"),
        *("candidates", "fmin", "fmax"),
    )
} | {"label_columns": "--label-column"}
_NAMES = "|".join(_OPTIONS)
_PARAMETER = re.compile(rf"\b({_NAMES})=('[^']*'|\"[^\"]*\"|[\w.-]*)")
# Where they have no value; one word alone may be meant as a word.
_NAME = re.compile(rf"(?<![\w'\"])(?=\w+_)({_NAMES})(?![\w'\"])")

EXIT_CODES = """\
exit codes:
  0  all went well
  1  audio files were bad: they are listed on standard error and left out
  2  the command could not be carried out; standard error says why
  130  it was interrupted (Ctrl-C)
  141  nobody reads on what it prints, as after "| head"
"""
FORMATS_HELP = """\
formats (by the ending of the file, or by name):
  dcase     .tsv, .csv       one table: filename, onset, offset, event_label, or as
                             BirdNET, Kaleidoscope and spreadsheets name them
  audacity  (by name only)   a label track for each recording
  raven     .selections.txt  a selection table for each recording
  jams      .jams, .json     a file for each recording; needs sklearn-sed[jams]
  rttm      .rttm            one file
  parquet   .parquet         one table with all digits; needs sklearn-sed[parquet]
  textgrid  .TextGrid        read only; needs sklearn-sed[textgrid]
  elan      .eaf             read only; needs sklearn-sed[elan]
  birdnet   .BirdNET.results.csv  read only; a file for each recording
Where each recording has a file of its own, those of several are in one folder.
"""


def say(text: str) -> None:
    """Speak to the user, on standard error."""
    print(f"sklearn-sed: {text}", file=sys.stderr)


def in_one_line(text: str) -> str:
    """Return a message as the command line gives it."""
    for words, ours in _WORDS.items():
        text = text.replace(words, ours)
    text = _PARAMETER.sub(lambda found: f"{_OPTIONS[found[1]]} {found[2]}", text)
    text = _NAME.sub(lambda found: _OPTIONS[found[1]], text)
    return " ".join(text.split())


def positive_int(text: str) -> int:
    """Return the number that an option is."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 up")
    return int(text)


def jobs(text: str) -> int:
    """Return how many recordings are read at the same time; -1: one per processor."""
    return -1 if text == "-1" else positive_int(text)


def finite(text: str) -> float:
    """Return the number that an option is, neither NaN nor infinite."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number, such as 0.5")
    return number


def add_number(
    parser: argparse.ArgumentParser,
    option: str,
    default: float,
    metavar: str,
    text: str,
    kind: Callable[[str], float] | None = None,
) -> None:
    """Add an option that is a number, of the kind of its default unless told."""
    parser.add_argument(
        option,
        type=kind or type(default),
        default=default,
        metavar=metavar,
        help=f"{text} (default: {default:g})",
    )


def add_pad(parser: argparse.ArgumentParser, text: str) -> None:
    """Add the option that says how much is taken around events."""
    add_number(parser, "--pad", 1.0, "SECONDS", text, _seconds)


def _seconds(text: str) -> float:
    """Return the seconds that an option is."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0")
    return seconds


def add_jobs_and_quiet(parser: argparse.ArgumentParser) -> None:
    """Add the options of commands that read recordings."""
    text = "recordings read at the same time; -1: one per processor"
    add_number(parser, "--jobs", 1, "N", text, jobs)
    parser.add_argument("--quiet", action="store_true", help="show no progress bars")


def add_windows(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how long recordings are heard."""
    window = "heard at a time (default: the length of clips in training, 10 where the \
model does not know it)"
    parser.add_argument("--window", type=float, metavar="SECONDS", help=window)
    overlap = "shared with the next window (default: 0.3 of it)"
    parser.add_argument("--overlap", type=float, metavar="SECONDS", help=overlap)


def add_overwrite(parser: argparse.ArgumentParser) -> None:
    """Add the option without which nothing that exists is written over."""
    overwrite = "write over what exists"
    parser.add_argument("--overwrite", action="store_true", help=overwrite)


def add_format(
    parser: argparse.ArgumentParser,
    option: str,
    what: str,
    *more: str,
    action: str = "store",
) -> None:
    """Add an option that names a format."""
    parser.add_argument(
        option,
        action=action,
        choices=(*FORMATS, *more),
        metavar="FORMAT",
        help=f"format of {what} (default: by its ending)",
    )


def format_of(path: Path, format: str | None) -> str | None:
    """Return the format by name or ending; None where the library shall look."""
    if format is not None:
        return format
    for name, endings in ONE_FILE_EACH.items():
        if endings and path.name.lower().endswith(endings):
            return name
    return None


def add_reading(parser: argparse.ArgumentParser, what: str) -> None:
    """Add the options that say how labels are written."""
    add = parser.add_argument
    labels = f"column of the labels in {what}, where there are several"
    add("--label-column", metavar="NAME", action="append", help=labels)
    missing = "words that mean no label, instead of NA, N/A, NaN, None, NULL and -"
    add("--na-values", metavar="WORD", nargs="*", help=missing)
    encoding = f"of {what}, such as latin-1 (default: UTF-8, or as the file begins)"
    add("--encoding", metavar="NAME", help=encoding)


def reading(args: argparse.Namespace) -> dict[str, Any]:
    """Return how events are to be read."""
    column, *more = args.label_column or [None]
    if more:
        raise ValueError(f"a list of events has one label column; leave out {more}")
    return {
        "label_column": column,
        "na_values": args.na_values,
        "encoding": args.encoding,
    }


@contextmanager
def folder_if_needed(
    out: Path, format: str | None, n_recordings: int
) -> Iterator[None]:
    """Make the folder for several recordings that have a file each."""
    new = format in ONE_FILE_EACH and n_recordings > 1 and not out.exists()
    if new:
        if not out.parent.is_dir():
            raise ValueError(f"the folder {out.parent} does not exist; create it")
        out.mkdir()
    try:
        yield
    except BaseException:
        if new:
            with suppress(OSError):  # not empty: it was written to
                out.rmdir()
        raise


def audio_in(folder: Path) -> list[Path]:
    """Return the recordings in a folder and its subfolders, hidden ones left out."""
    from sklearn_sed.events._names import strip_ending, visible_files

    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}")
    return [
        path for path in visible_files(folder) if strip_ending(path.name) != path.name
    ]


def recordings(given: Sequence[Path]) -> list[Path]:
    """Return the recordings that are given one by one or by their folder."""
    from sklearn_sed.events._names import AUDIO_ENDINGS

    paths: list[Path] = []
    for path in given:
        if path.is_dir():
            found = audio_in(path)
            if not found:
                raise ValueError(
                    f"the folder {path} has no audio files (looked for "
                    f"{' '.join(sorted(AUDIO_ENDINGS))})"
                )
            paths += found
        elif path.exists():
            paths.append(path)
        else:
            raise ValueError(f"there is no file or folder {path}")
    return list(dict.fromkeys(paths))


def unlisted_audio(folder: Path, filenames: Sequence[str], *, where: str) -> list[str]:
    """Return the recordings of a folder that a list does not name."""
    from sklearn_sed.events import match_recordings

    found = [path.relative_to(folder).as_posix() for path in audio_in(folder)]
    if not found:
        raise ValueError(f"{folder} has no audio files")
    match = match_recordings(filenames, found, where=where)
    return [name for name in found if name not in match]


def list_bad_files(report: Any) -> int:
    """List the audio files that were left out; return the exit code."""
    for path, reason in zip(report["path"], report["reason"]):
        say(f"bad file: {in_one_line(f'{path}: {reason}')}")
    return 1 if len(report) else 0
