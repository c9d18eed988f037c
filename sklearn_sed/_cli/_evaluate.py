"""Compare estimated events with reference events, class by class.

For example:
  sklearn-sed evaluate reference.tsv found.tsv --durations durations.tsv

An event is found when its label agrees, its onset is off by no more than the collar,
and its offset by no more than the collar or a part of the event's length. The
recordings of the reference are compared, those without events too if it names them.
A list of durations (columns filename, duration in seconds) names all recordings, and
where each one ends.
"""

import argparse
import json
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from sklearn_sed._cli._common import (
    add_format,
    add_number,
    add_reading,
    format_of,
    reading,
    say,
)

# How alike two labels are, of 1, that may be the same one.
NEAR = 0.85


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add = parser.add_argument
    add("reference", type=Path, help="the reference events")
    add("estimated", type=Path, help="the estimated events")
    add_format(parser, "--reference-format", "the reference")
    add_format(parser, "--estimated-format", "the estimate")
    add_reading(parser, "the reference")
    add("--durations", type=Path, metavar="LIST", help="the length of each recording")
    collar = "tolerance of onsets and offsets"
    add_number(parser, "--collar", 0.2, "SECONDS", collar)
    part = "tolerance of offsets as a part of the event"
    add_number(parser, "--percentage-of-length", 0.2, "FRACTION", part)
    add_number(parser, "--segment-length", 1.0, "SECONDS", "of the segment-based score")
    add("--json", action="store_true", help="print the scores as JSON")


def run(args: argparse.Namespace) -> int:
    """Run the command; return its exit code."""
    from sklearn_sed.events import read_durations, read_events

    filenames: list[str] | None = None
    seconds = None
    if args.durations is not None:
        filenames, seconds = read_durations(args.durations)
    filenames, y_true = read_events(
        args.reference,
        filenames,
        format=format_of(args.reference, args.reference_format),
        **reading(args),
    )
    if not filenames:
        raise ValueError(f"{args.reference} names no recordings to compare")
    _, y_pred = read_events(
        args.estimated,
        filenames,
        format=format_of(args.estimated, args.estimated_format),
    )
    _hint_at_near_labels(args, y_true, y_pred)
    with _clips_by_name(filenames):
        return _report(args, y_true, y_pred, seconds)


@contextmanager
def _clips_by_name(filenames: Sequence[str]) -> Iterator[None]:
    """Have warnings speak of recordings where functions speak of clip numbers."""
    show = warnings.showwarning

    def name(found: re.Match) -> str:
        return filenames[int(found[1])]

    def show_by_name(message: Any, *rest: Any, **options: Any) -> None:
        show(re.sub(r"\bclip (\d+)\b", name, str(message)), *rest, **options)

    warnings.showwarning = show_by_name
    try:
        yield
    finally:
        warnings.showwarning = show


def _report(
    args: argparse.Namespace, y_true: Any, y_pred: Any, seconds: list[float] | None
) -> int:
    """Print the scores."""
    from sklearn_sed.metrics import event_based_report, segment_based_f1_score

    matching = {
        "t_collar": args.collar,
        "percentage_of_length": args.percentage_of_length,
        "durations": seconds,
    }
    segments = {
        average: segment_based_f1_score(
            y_true,
            y_pred,
            segment_length=args.segment_length,
            durations=seconds,
            average=average,
        )
        for average in ("macro", "micro")
    }
    if args.json:
        report = event_based_report(y_true, y_pred, **matching, output_dict=True)
        scores = {
            "n_recordings": len(y_true),
            "event_based": report,
            "segment_based_f1": segments,
        }
        print(json.dumps(scores, indent=2))
        return 0
    print(event_based_report(y_true, y_pred, **matching))
    print(
        f"segment-based F1 ({args.segment_length:g} s): "
        + ", ".join(f"{name} {score:.3f}" for name, score in segments.items())
    )
    print(f"recordings: {len(y_true)}")
    return 0


def _hint_at_near_labels(
    args: argparse.Namespace, y_true: Iterable[Any], y_pred: Iterable[Any]
) -> None:
    """Say which labels of one side alone may be meant by those of the other."""
    from sklearn_sed._labels._check import plain_label

    theirs, ours = (
        {str(label) for table in tables for label in table["event_label"]}
        for tables in (y_true, y_pred)
    )
    plain = {plain_label(label): label for label in sorted(theirs - ours)}
    for label in sorted(ours - theirs):
        for near in get_close_matches(plain_label(label), plain, n=1, cutoff=NEAR):
            say(
                f"note: {args.estimated} has {label!r} and {args.reference} "
                f"{plain[near]!r}, which count as two classes; rename one if they are "
                "the same"
            )
