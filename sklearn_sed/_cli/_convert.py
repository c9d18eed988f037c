"""Convert lists of events from one format to another.

For example:
  sklearn-sed convert found.tsv labels --format audacity
  sklearn-sed convert labels found.csv --from audacity
  sklearn-sed convert strong.tsv weak.tsv --format tags

The format "tags" keeps only what is in each recording, not when: the list from which
"train" learns.
"""

import argparse
from pathlib import Path

from sklearn_sed._cli._common import add_format, folder_if_needed, format_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("source", type=Path, help="the file or folder to read")
    parser.add_argument("out", type=Path, help="the file or folder to write")
    add_format(parser, "--from", "what is read")
    add_format(parser, "--format", "what is written, or tags", "tags")


def run(args: argparse.Namespace) -> int:
    """Run the command; return its exit code."""
    from sklearn_sed.events import read_events, write_events, write_tags

    source_format = format_of(args.source, getattr(args, "from"))
    filenames, events = read_events(args.source, format=source_format)
    if args.format == "tags":
        tags = [sorted(set(table["event_label"])) for table in events]
        write_tags(args.out, filenames, tags)
    else:
        format = format_of(args.out, args.format)
        with folder_if_needed(args.out, format, len(filenames)):
            write_events(args.out, filenames, list(events), format=format)
    n_events = sum(map(len, events))
    print(f"{args.out}: {n_events} events of {len(filenames)} recordings")
    return 0
