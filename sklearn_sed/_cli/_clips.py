"""Cut events out of their recordings, to listen to them.

For example:
  sklearn-sed clips found.tsv audio/ -o clips/ --per-class 50
  sklearn-sed clips found.tsv audio/ -o clips/ --per-class 50 --order uncertain

Each class gets a folder in clips/, and clips/clips.csv lists what was cut out: the
file, the recording, the event, and where in the recording the clip begins. Of long
recordings only the parts around the events are read. What is there already is not cut
again: if the command is interrupted, the same command goes on where it was.

The recordings are looked for in audio/ and its subfolders. One that cannot be read is
listed and left out.
"""

import argparse
from pathlib import Path

from sklearn_sed._cli import _collection
from sklearn_sed._cli._common import (
    add_jobs_and_quiet,
    add_number,
    add_pad,
    list_bad_files,
    positive_int,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add = parser.add_argument
    _collection.add_annotated(parser, "the events, such as detect has found")
    add("-o", "--out", type=Path, required=True, help="the folder to write to")
    cut_again = "cut again what is there"
    add("--overwrite", action="store_true", help=cut_again)
    per_class = "events of each class at most (default: all)"
    add("--per-class", type=positive_int, metavar="N", help=per_class)
    order = "which events come first: those of the highest score, those whose score is \
closest to 0.5, any, or the first ones (default: score)"
    orders = ("score", "uncertain", "random", "time")
    add("--order", choices=orders, default="score", help=order)
    seed = "the same seed gives the same random order"
    add_number(parser, "--seed", 0, "S", seed)
    add_pad(parser, "cut out before and after each event")
    format = "what is written (default: wav)"
    add("--format", choices=("wav", "flac"), default="wav", help=format)
    add_jobs_and_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; return its exit code."""
    import pandas as pd

    from sklearn_sed.inference import extract_clips

    found = _collection.read_annotated(args, with_empty=False)
    clips = extract_clips(
        found.names,
        found.events,
        args.out,
        audio=found.paths,
        per_class=args.per_class,
        order=args.order,
        pad=args.pad,
        format=args.format,
        random_state=args.seed,
        overwrite=args.overwrite,
        on_error="skip",
        n_jobs=args.jobs,
        verbose=not args.quiet,
    )
    counts = clips["event_label"].value_counts(sort=False).rename("clips")
    if len(counts):
        print(counts.rename_axis("class").reset_index().to_string(index=False))
    n_recordings = clips["filename"].nunique()
    print(f"{args.out}: {len(clips)} clips of {n_recordings} recordings")
    skipped = clips.attrs["skipped"].items()
    return list_bad_files(pd.DataFrame(skipped, columns=["path", "reason"]))
