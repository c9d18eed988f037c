"""Convert lists of events from one format to another.

For example:
  sklearn-sed convert found.tsv labels --format audacity
  sklearn-sed convert labels found.csv --from audacity
  sklearn-sed convert strong.tsv weak.tsv --format tags
  sklearn-sed convert selections/ weak.tsv --format tags --audio recordings/

The format "tags" keeps only what is in each recording, not when: the list from which
"train" learns. Tags can be read as well, to be written in their usual form.
"""

import argparse
from pathlib import Path
from typing import Any

from sklearn_sed._cli import _collection
from sklearn_sed._cli._common import (
    add_format,
    add_overwrite,
    add_reading,
    finite,
    folder_if_needed,
    format_of,
    reading,
    say,
    unlisted_audio,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add = parser.add_argument
    add("source", type=Path, help="the file or folder to read")
    add("out", type=Path, help="the file or folder to write")
    add_overwrite(parser)
    add_format(parser, "--from", "what is read", "tags")
    add_format(parser, "--format", "what is written, or tags", "tags")
    audio = "write entries for the recordings of this folder that have no events"
    add("--audio", type=Path, metavar="FOLDER", help=audio)
    threshold = "leave out events with a lower score"
    add("--threshold", type=finite, metavar="SCORE", help=threshold)
    add_reading(parser, "the source")
    _collection.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; return its exit code."""
    from sklearn_sed._storage import check_targets
    from sklearn_sed.events import write_tags
    from sklearn_sed.events._files import render_events, save_events

    inputs = list(args.source.rglob("*")) if args.source.is_dir() else [args.source]
    filenames, tables, tags = _read(args)
    format = format_of(args.out, args.format)
    if format == "tags":
        check_targets([args.out], inputs=inputs)
        write_tags(args.out, filenames, tags, overwrite=args.overwrite)
        print(f"{args.out}: the tags of {len(filenames)} recordings")
        return 0
    if len(tables) < len(filenames):
        raise ValueError(f"{args.source} has tags without times; add --format tags")
    with folder_if_needed(args.out, format, len(filenames)):
        files = render_events(args.out, filenames, tables, format=format)
        check_targets(files, overwrite=args.overwrite, inputs=inputs)
        save_events(args.out, files, tables, format=format)
    n_events = sum(map(len, tables))
    print(f"{args.out}: {n_events} events of {len(filenames)} recordings")
    return 0


def _read(
    args: argparse.Namespace,
) -> tuple[list[str], list[Any], list[list[str]]]:
    """Return the recordings, their event tables (none of a list of tags), and tags."""
    from sklearn_sed.events import make_events, read_events

    source_format = format_of(args.source, getattr(args, "from"))
    tables: list[Any] = []
    if source_format == "tags":
        filenames, tags, understood = _collection.read_tags(args.source, args)
        say(understood)
    else:
        filenames, events = read_events(
            args.source, format=source_format, **reading(args)
        )
        tables = [_above(table, args) for table in events]
        tags = [sorted(set(table["event_label"])) for table in tables]
    if args.audio is not None:
        rest = unlisted_audio(args.audio, filenames, where=str(args.source))
        filenames = [*filenames, *rest]
        tags += [[] for _ in rest]
        if source_format != "tags":
            tables += [make_events([], [], []) for _ in rest]
    return filenames, tables, tags


def _above(table: Any, args: argparse.Namespace) -> Any:
    """Return the events whose score reaches the threshold, if there is one."""
    if args.threshold is None or table.empty:
        return table
    if "score" not in table:
        raise ValueError(f"{args.source} has no scores; leave --threshold out")
    return table[table["score"] >= args.threshold].reset_index(drop=True)
