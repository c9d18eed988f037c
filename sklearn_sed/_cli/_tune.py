"""Tune how a model decides on events, on a few recordings whose events are known.

For example:
  sklearn-sed tune model.sed strong.tsv audio/ -o tuned.sed

The list has the onset, offset and label of all events of a few recordings, ten or more
if you can, and best others than the model has learned from. For each class the
thresholds, the smoothing, the shortest event and the shortest gap are chosen that find
most of them; the networks stay as they are.

What that gains is told by recordings that the settings were not chosen on: the
recordings are divided into folds, and each fold is held back in turn. You see the
event-based F1 of each class as the model is and tuned. Where tuning does not help,
nothing is written, and the exit code is 1.

The recordings are looked for in audio/ and its subfolders. One that cannot be read is
listed and left out. Recordings without any events count: list them, or say --unlisted
empty where your list names only those with events.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sklearn_sed._cli import _collection
from sklearn_sed._cli._common import (
    add_jobs_and_quiet,
    add_number,
    add_overwrite,
    add_windows,
    list_bad_files,
    positive_int,
    say,
)


def folds(text: str) -> int:
    """Return the number of folds that an option is."""
    number = positive_int(text)
    if number < 2:
        raise argparse.ArgumentTypeError("one fold leaves nothing to tune on; give 2")
    return number


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add = parser.add_argument
    add("model", type=Path, help="the model file")
    _collection.add_annotated(parser, "the events of the recordings, all there are")
    add("-o", "--out", type=Path, required=True, help="the model file to write (.sed)")
    add_overwrite(parser)
    add_number(parser, "--folds", 5, "N", "parts held back in turn", folds)
    add_windows(parser)
    _collection.add_unlisted(parser)
    add_jobs_and_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; return its exit code."""
    import pandas as pd

    from sklearn_sed._persistence import load_model, save_model
    from sklearn_sed._storage import check_targets
    from sklearn_sed.events import make_events
    from sklearn_sed.inference import tune_files

    inputs = [args.model, args.events]
    check_targets([args.out], overwrite=args.overwrite, inputs=inputs)
    found = _collection.read_annotated(args)
    model = load_model(args.model)
    events = _known_events(model, found.events, args.events)
    lacking = f"entry in {args.events}"
    unlisted = _collection.take_unlisted(
        args.audio, found.unlisted, args.unlisted, lacking
    )
    paths = [*found.paths, *(args.audio / path for path in unlisted)]
    if not paths:
        raise ValueError(
            f"{args.events} lists no recording to tune on; list some, or take those "
            "without an entry for recordings with none of the sounds by --unlisted "
            "empty"
        )
    check_targets([args.out], inputs=paths)
    tuned = tune_files(
        model,
        paths,
        [*events, *[make_events([], [], [])] * len(unlisted)],
        window=args.window,
        overlap=args.overlap,
        cv=args.folds,
        on_error="skip",
        n_jobs=args.jobs,
        verbose=not args.quiet,
    )
    skipped = tuned.skipped.items()
    exit_code = list_bad_files(pd.DataFrame(skipped, columns=["path", "reason"]))
    print(_score_table(tuned.scores))
    n_recordings = len(paths) - len(skipped)
    if tuned.gain <= 0:
        say(
            f"tuning on {n_recordings} recordings does not help: {args.out} is not "
            "written; more recordings may, or more folds, which leave more to tune on"
        )
        return 1
    save_model(tuned.model, args.out)
    print(f"{args.out}: tuned on {n_recordings} recordings")
    return exit_code


def _known_events(model: Any, tables: Sequence[Any], listed: Path) -> list[Any]:
    """Return the events of the classes of a model, and say which others there are."""
    from sklearn_sed.inference._model import take_apart

    classes = take_apart(model).classes
    labels = {label for table in tables for label in table["event_label"]}
    unknown = ", ".join(sorted(map(str, labels - set(classes))))
    if unknown:
        names = ", ".join(map(str, classes))
        text = f"{listed} has classes that the model does not know: {unknown}"
        if not labels & set(classes):
            raise ValueError(f"{text}; it knows {names}")
        say(f"note: {text}; their events are left out")
    return [table[table["event_label"].isin(classes)] for table in tables]


def _score_table(scores: Any) -> str:
    """Return the scores for people."""
    headings = {"n_events": "events", "f1": "F1", "f1_tuned": "F1 tuned"}
    table = scores.rename(columns=headings).reset_index()
    mean = table[["F1", "F1 tuned"]].mean()
    table.loc[len(table)] = ["mean", table["events"].sum(), *mean]
    return table.to_string(index=False, float_format="{:.3f}".format)
