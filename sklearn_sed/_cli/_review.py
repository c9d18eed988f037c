"""Write a page on which events are heard, seen and judged, in any browser.

For example:
  sklearn-sed review found.tsv audio/ -o review/
  sklearn-sed review found.tsv audio/ -o review/ --per-class 200 --threshold Dog=0.7

Open review/review.html by a double click. It needs no server and no network, and the
folder may be sent to somebody. Accept, reject and correct events there, add missed
ones, and see how many of the events are right. The page suggests an order from which
this is told without bias: an audit of all scores and the most uncertain events take
turns. "Save" writes a table that sklearn-sed reads and the page loads again.

The recordings are looked for in audio/ and its subfolders. One that cannot be read is
listed and left out.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sklearn_sed._cli import _collection
from sklearn_sed._cli._by_class import add_for_class, by_class, fraction
from sklearn_sed._cli._common import (
    add_jobs_and_quiet,
    add_number,
    add_overwrite,
    add_pad,
    finite,
    list_bad_files,
    positive_int,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add = parser.add_argument
    _collection.add_annotated(parser, "the events, such as detect has found")
    add("-o", "--out", type=Path, required=True, help="the folder to write to")
    add_overwrite(parser)
    per_class = "events of each class at most (default: all)"
    add("--per-class", type=positive_int, metavar="N", help=per_class)
    threshold = "where scores are most uncertain; NAME=NUMBER for one class"
    add_for_class(parser, "--threshold", "NUMBER", fraction, threshold, "0.5")
    classes = "another class to choose from, beside those of the events"
    add("--class", metavar="NAME", action="append", default=[], help=classes)
    blind = "hide class and score of an event until it is judged"
    add("--blind", action="store_true", help=blind)
    seed = "the same seed gives the same order"
    add_number(parser, "--seed", 0, "S", seed)
    add_pad(parser, "heard and seen before and after each event")
    format = "of the sound; wav has 16 bits and is much larger (default: mp3)"
    add("--format", choices=("mp3", "wav"), default="mp3", help=format)
    fmin = "lowest frequency of the pictures"
    add_number(parser, "--fmin", 0.0, "HZ", fmin, finite)
    fmax = "highest frequency of the pictures (default: all there is)"
    add("--fmax", type=finite, metavar="HZ", help=fmax)
    add_jobs_and_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; return its exit code."""
    import pandas as pd

    from sklearn_sed.review import write_review

    found = _collection.read_annotated(args, with_empty=False)
    events = write_review(
        found.names,
        found.events,
        args.out,
        audio=found.paths,
        per_class=args.per_class,
        threshold=_thresholds(args.threshold or [], found.events),
        classes=getattr(args, "class"),
        pad=args.pad,
        format=args.format,
        fmin=args.fmin,
        fmax=args.fmax,
        blind=args.blind,
        random_state=args.seed,
        overwrite=args.overwrite,
        on_error="skip",
        n_jobs=args.jobs,
        verbose=not args.quiet,
    )
    counts = events["event_label"].value_counts().sort_index().rename("events")
    if len(counts):
        print(counts.rename_axis("class").reset_index().to_string(index=False))
    n_excerpts = events["excerpt"].nunique()
    print(f"{args.out / 'review.html'}: {len(events)} events in {n_excerpts} excerpts")
    skipped = events.attrs["skipped"].items()
    return list_bad_files(pd.DataFrame(skipped, columns=["path", "reason"]))


def _thresholds(given: Sequence[Any], tables: Sequence[Any]) -> dict[Any, float]:
    """Return the threshold of each class, and those given for others."""
    labels = [label for own in tables for label in own["event_label"].unique()]
    known = {str(label): label for label in labels}
    numbers = by_class("--threshold", given, known)
    common = numbers.pop(None, 0.5)
    return dict.fromkeys(known.values(), common) | numbers
