"""Compare estimated events with reference events."""

import argparse
import json
from pathlib import Path
from typing import Any

from sklearn_sed._cli._common import (
    EXIT_CODES,
    FORMATS_HELP,
    add_command,
    add_format,
    format_of,
)

_HELP = """\
Compare estimated events with reference events, class by class.

example:
  sklearn-sed evaluate reference.tsv found.tsv --durations durations.tsv

An event is found when its label agrees, its onset is off by no more than the collar,
and its offset by no more than the collar or a part of the event's length. The
recordings of the reference are compared, those without events too if it names them.
A list of durations (columns filename, duration in seconds) names all recordings, and
where each one ends.
"""


def add_parser(commands: Any) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    parser = add_command(
        commands,
        "evaluate",
        "compare events with a reference",
        _HELP,
        f"{FORMATS_HELP}\n{EXIT_CODES}",
    )
    add = parser.add_argument
    add("reference", type=Path, help="the reference events")
    add("estimated", type=Path, help="the estimated events")
    add_format(parser, "--reference-format", "the reference")
    add_format(parser, "--estimated-format", "the estimate")
    add("--durations", type=Path, metavar="LIST", help="the length of each recording")
    add(
        "--collar",
        type=float,
        default=0.2,
        metavar="SECONDS",
        help="tolerance of onsets and offsets (default: 0.2)",
    )
    add(
        "--percentage-of-length",
        type=float,
        default=0.2,
        metavar="FRACTION",
        help="tolerance of offsets as a part of the event (default: 0.2)",
    )
    add(
        "--segment-length",
        type=float,
        default=1.0,
        metavar="SECONDS",
        help="of the segment-based score (default: 1)",
    )
    add("--json", action="store_true", help="print the scores as JSON")
    return parser


def run(args: argparse.Namespace) -> int:
    """Run the command; return its exit code."""
    from sklearn_sed.events import read_durations, read_events
    from sklearn_sed.metrics import event_based_report, segment_based_f1_score

    filenames: list[str] | None = None
    seconds = None
    if args.durations is not None:
        filenames, seconds = read_durations(args.durations)
    filenames, y_true = read_events(
        args.reference,
        filenames,
        format=format_of(args.reference, args.reference_format),
    )
    _, y_pred = read_events(
        args.estimated,
        filenames,
        format=format_of(args.estimated, args.estimated_format),
    )
    matching = {
        "t_collar": args.collar,
        "percentage_of_length": args.percentage_of_length,
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
