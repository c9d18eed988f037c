"""What there is to learn from: recordings, and what a list or folder says of them."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sklearn_sed._cli._common import (
    add_format,
    add_reading,
    audio_in,
    format_of,
    in_one_line,
    reading,
    say,
)

_SEPARATORS = {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}


class Collection(NamedTuple):
    """Recordings and their labels; ``found`` is what was understood, in one line."""

    paths: list[Path]
    labels: list[list[str]]
    found: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how a table of tags is meant."""
    add = parser.add_argument
    add("--filename-column", metavar="NAME", help="column that names the recordings")
    names = ", ".join(_SEPARATORS)
    add("--separator", metavar="CHAR", help=f"between columns ({names}, or itself)")
    add("--label-separator", metavar="CHAR", help="between the labels of a recording")


def read_tags(path: Path, args: argparse.Namespace) -> tuple[list, list, str]:
    """Return the recordings of a table, the labels of each, and what was understood.

    Of a list of events, the times are not needed.
    """
    from sklearn_sed.events._tags import read_tag_table

    separators = {
        name: _SEPARATORS.get(character, character)
        for name in ("separator", "label_separator")
        if (character := getattr(args, name)) is not None
    }
    table = read_tag_table(
        path,
        filename_column=args.filename_column,
        label_columns=args.label_column,
        na_values=args.na_values,
        encoding=args.encoding,
        reduce=True,
        **separators,
    )
    for note in table.notes:
        say(f"note: {in_one_line(note)}")
    return table.filenames, table.labels, table.summary


def read_collection(args: argparse.Namespace) -> Collection:
    """Find the recordings and their labels, by a list, label files or folders."""
    found = [path.relative_to(args.audio) for path in audio_in(args.audio)]
    if args.labels is None:
        return _by_folders(args.audio, found, args.unlisted)
    filenames, labels, understood = _read_labels(args)
    if not filenames:
        raise ValueError(f"{args.labels} lists no recordings")
    path_of = find_audio(filenames, found, args.labels, args)
    kept = [i for i, name in enumerate(filenames) if name in path_of]
    if not any(labels[i] for i in kept):
        raise ValueError(
            f"none of the {len(kept)} recordings of {args.labels} in {args.audio} has "
            "a label: there is nothing to learn"
        )
    entries = {path_of[filenames[i]]: labels[i] for i in kept}
    unlisted = [path for path in found if path not in entries]
    lacking = f"entry in {args.labels}"
    rest = take_unlisted(args.audio, unlisted, args.unlisted, lacking)
    return _collect(args.audio, entries | rest, understood)


class Annotated(NamedTuple):
    """Recordings of a list of events: their names there, audio files and events.

    ``unlisted`` are the audio files that the list does not name.
    """

    names: list[str]
    paths: list[Path]
    events: list[Any]
    unlisted: list[Path]


def read_annotated(args: argparse.Namespace, *, with_empty: bool = True) -> Annotated:
    """Find the recordings of a list of events, all of them or those with events."""
    from sklearn_sed.events import read_events

    found = [path.relative_to(args.audio) for path in audio_in(args.audio)]
    filenames, events = read_events(
        args.events,
        format=format_of(args.events, getattr(args, "from")),
        **reading(args),
    )
    table_of = {
        name: table
        for name, table in zip(filenames, events)
        if with_empty or len(table)
    }
    path_of = find_audio(list(table_of), found, args.events, args)
    names = [name for name in table_of if name in path_of]
    listed = set(path_of.values())
    return Annotated(
        names,
        [args.audio / path_of[name] for name in names],
        [table_of[name] for name in names],
        [path for path in found if path not in listed],
    )


def add_annotated(parser: argparse.ArgumentParser, what: str) -> None:
    """Add the arguments that say which events, and where their recordings are."""
    parser.add_argument("events", type=Path, help=what)
    parser.add_argument("audio", type=Path, help="the folder of the recordings")
    add_missing(parser)
    add_format(parser, "--from", "the events")
    add_reading(parser, "the events")


def add_unlisted(parser: argparse.ArgumentParser) -> None:
    """Add the option that says what audio without an entry means."""
    text = "audio without an entry: leave it out with a note (skip), take it for \
recordings with none of the sounds (empty), or stop (default: skip)"
    choices = ("skip", "empty", "error")
    parser.add_argument("--unlisted", choices=choices, default="skip", help=text)


def _by_folders(folder: Path, found: Sequence[Path], unlisted: str) -> Collection:
    """Take the first folder that each recording is in for its label."""
    inside = [path for path in found if len(path.parts) > 1]
    outside = [path for path in found if len(path.parts) == 1]
    if not inside:
        raise ValueError(
            f"{folder} has no folders of recordings, one for each class; name a list "
            "of labels: sklearn-sed train LABELS AUDIO"
        )
    rest = take_unlisted(folder, outside, unlisted, "folder of a class")
    entries = {path: [path.parts[0]] for path in inside}
    n_classes = len({label for [label] in entries.values()})
    understood = f"{len(inside)} recordings, {n_classes} classes, each a folder"
    return _collect(folder, entries | rest, understood)


def _collect(
    folder: Path, entries: dict[Path, list[str]], understood: str
) -> Collection:
    """Return recordings in the order of their paths, which no list can change."""
    paths = sorted(entries)
    labels = [entries[path] for path in paths]
    return Collection([folder / path for path in paths], labels, understood)


def take_unlisted(
    folder: Path, paths: Sequence[Path], choice: str, lacking: str
) -> dict[Path, list[str]]:
    """Return the recordings without an entry that are learned from, as empty ones."""
    if not paths or choice == "empty":
        return {path: [] for path in paths}
    some = ", ".join(path.as_posix() for path in paths[:5])
    text = (
        f"{len(paths)} audio files in {folder} have no {lacking}: {some}"
        f"{', ...' if len(paths) > 5 else ''}"
    )
    if choice == "error":
        raise ValueError(text)
    say(
        f"note: {text}; they are not used (--unlisted empty takes them for recordings "
        "with none of the sounds)"
    )
    return {}


def add_missing(parser: argparse.ArgumentParser) -> None:
    """Add the option that says what to do without the audio of a recording."""
    text = "entries without audio: stop, or list them and go on (default: error)"
    choices = ("error", "skip")
    parser.add_argument("--missing", choices=choices, default="error", help=text)


def find_audio(
    filenames: Sequence[str],
    found: Sequence[Path],
    listed: Path,
    args: argparse.Namespace,
) -> dict[str, Path]:
    """Return the audio file of each recording of a list, of those that may lack it."""
    path_of = _audio_of(filenames, found, listed, args.audio)
    missing = [name for name in filenames if name not in path_of]
    if missing:
        text = (
            f"{len(missing)} of the {len(filenames)} recordings in {listed} have "
            f"no audio file in {args.audio}"
        )
        if args.missing == "error":
            raise ValueError(
                f"{text}; the first is {missing[0]!r}; --missing skip leaves them out"
            )
        say(f"note: {text} and are left out: {', '.join(missing)}")
    return path_of


def _audio_of(
    filenames: Sequence[str], found: Sequence[Path], labels: Path, folder: Path
) -> dict[str, Path]:
    """Return the audio file of each recording of a list that has one."""
    from sklearn_sed.events import match_recordings

    match = match_recordings(
        filenames, [path.as_posix() for path in found], where=str(labels)
    )
    path_of = {name: Path(path) for path, name in match.items()}
    rest = [name for name in filenames if name not in path_of]
    again = match_recordings(rest, list(match), where=str(labels))
    for path, name in again.items():
        raise ValueError(
            f"{labels} has entries for {match[path]!r} and {name!r}, which are one "
            f"recording, {path}; write its name alike in both"
        )
    for name in filenames:
        # A file that the list names in full may have any ending.
        if name not in path_of and (folder / name).is_file():
            path_of[name] = Path(name)
    return path_of


def _is_event_list(args: argparse.Namespace, format: str | None) -> bool:
    """Tell whether the labels are events, and no option speaks of tables of tags."""
    from sklearn_sed.events._dcase import names_times

    if args.labels.is_dir():
        return True
    of_tags = (args.filename_column, args.separator, args.label_separator)
    return (
        format != "tags"
        and of_tags == (None, None, None)
        and names_times(args.labels, args.encoding)
    )


def _read_labels(args: argparse.Namespace) -> tuple[list, list, str]:
    """Return the recordings of a list, the labels of each, and what was understood."""
    from sklearn_sed.events import read_events

    format = format_of(args.labels, args.format)
    if format in (None, "dcase", "tags") and not _is_event_list(args, format):
        return read_tags(args.labels, args)
    filenames, events = read_events(args.labels, format=format, **reading(args))
    labels = [sorted(set(table["event_label"])) for table in events]
    n_classes = len({label for row in labels for label in row})
    understood = (
        f"{len(filenames)} recordings, {n_classes} classes, by "
        f"{sum(map(len, events))} events, whose times are not needed"
    )
    return filenames, labels, understood
