"""Learn from a list of what is in each recording; no times are needed.

For example:
  sklearn-sed train weak.tsv audio/ -o model.sed
  sklearn-sed train audio/ -o model.sed
  sklearn-sed train selections/ audio/ --unlisted empty -o model.sed

The list has a header and one line per recording: the name of the recording, and its
labels or a column of 0 and 1 for each class. A recording that holds none of the sounds
has an empty cell:

  filename	event_labels
  monday.wav	Dog,Speech
  tuesday.wav

Lists of events and folders of label files will do as well: what they say of times is
not needed. Without a list, each folder in audio/ is a class.

The recordings are looked for in audio/ and its subfolders. One that cannot be read is
listed and left out of the training. Recordings without any of the sounds teach a lot:
list them, or say --unlisted empty where your list names only those with events.

Training takes long. With --checkpoint training/ it is noted in that folder how far it
has come: if it was interrupted, the same command goes on there, with the same result.
Of 40 recordings or more a tenth is held back: thresholds are chosen on them, and the
scores that are printed in the end are theirs.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sklearn_sed._cli import _collection
from sklearn_sed._cli._common import (
    add_format,
    add_jobs_and_quiet,
    add_number,
    add_overwrite,
    add_reading,
    list_bad_files,
    positive_int,
    say,
)

PAPER_SYSTEMS = ("fsl", "att", "mil", "glu_mil", "glu_mil_cos")
# No sound is told by so low a rate: it was meant in kilohertz.
LEAST_RATE = 1000
# Classes with fewer recordings are told of, and fewer held back are not worth scores.
FEW_RECORDINGS, FEW_HELD_BACK = 5, 4


def sample_rate(text: str) -> int:
    """Return the sample rate that an option is."""
    rate = positive_int(text)
    if rate < LEAST_RATE:
        raise argparse.ArgumentTypeError(
            f"{rate} Hz is too low a rate for sound; give it in Hz, such as "
            f"{1000 * rate} for {rate} kHz"
        )
    return rate


def seed(text: str) -> int:
    """Return the seed that an option is."""
    if not text.isdecimal() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 up")
    return int(text)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add = parser.add_argument
    labels = "a list of labels or events, or a folder of label files"
    add("labels", type=Path, nargs="?", help=labels)
    add("audio", type=Path, help="the folder of the recordings")
    add("-o", "--out", type=Path, required=True, help="the model file to write (.sed)")
    add_overwrite(parser)
    epochs = "passes through the recordings (default: those of the networks)"
    add("--epochs", type=positive_int, metavar="N", help=epochs)
    add_number(parser, "--seed", 0, "S", "the same seed gives the same model", seed)
    rate = "twice the highest frequency that matters"
    add_number(parser, "--sample-rate", 22050, "HZ", rate, sample_rate)
    checkpoint = "note here how far training has come; delete it when done"
    add("--checkpoint", type=Path, metavar="FOLDER", help=checkpoint)
    system = f"train a published system instead: {', '.join(PAPER_SYSTEMS)}"
    add("--paper-system", choices=PAPER_SYSTEMS, metavar="VARIANT", help=system)
    _collection.add_unlisted(parser)
    _collection.add_missing(parser)
    add_format(parser, "--format", "the list of labels", "tags")
    add_reading(parser, "the list")
    _collection.add_arguments(parser)
    add_jobs_and_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; return its exit code."""
    from sklearn.pipeline import make_pipeline

    from sklearn_sed._features._transformer import LogMelTransformer
    from sklearn_sed._persistence import save_model
    from sklearn_sed._storage import check_targets

    inputs = [args.labels] if args.labels else []
    check_targets([args.out], overwrite=args.overwrite, inputs=inputs)
    collection = _collection.read_collection(args)
    check_targets([args.out], inputs=collection.paths)
    say(collection.found)
    reader = LogMelTransformer(
        sample_rate=args.sample_rate,
        on_error="skip",
        n_jobs=args.jobs,
        verbose=not args.quiet,
    )
    try:
        features = reader.fit_transform(collection.paths)
        exit_code = list_bad_files(reader.report_)
        bad = set(reader.report_.index)
        sound = [i for i in range(len(collection.paths)) if i not in bad]
        labels = [collection.labels[i] for i in sound]
        _warn_of_little(labels)
        system, scores = _fit(_make_system(args), features[sound], labels, args.seed)
        transformer = LogMelTransformer(sample_rate=args.sample_rate)
        save_model(make_pipeline(transformer.fit(collection.paths), system), args.out)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            "the same command goes on where it was"
            if args.checkpoint
            else "nothing is kept; with --checkpoint FOLDER the same command would go "
            "on where it was"
        ) from None
    print(scores)
    print(f"{args.out}: learned from {len(sound)} recordings")
    return exit_code


def _make_system(args: argparse.Namespace) -> Any:
    """Return the system to train, as its options say."""
    from sklearn_sed._learners._presets import make_paper_system
    from sklearn_sed._learners._two_pass import TwoPassSED

    common = {
        "random_state": args.seed,
        "verbose": 0 if args.quiet else 1,
        "checkpoint": args.checkpoint,
    }
    if args.epochs is not None:
        common["max_epochs"] = args.epochs
    system = make_paper_system(args.paper_system) if args.paper_system else TwoPassSED()
    parts = ["detector"] if system.tagger is None else ["tagger", "detector"]
    return system.set_params(
        **{f"{part}__{key}": value for part in parts for key, value in common.items()}
    )


def _warn_of_little(labels: Sequence[Sequence[str]]) -> None:
    """Say where there is too little to learn from."""
    counts: dict[str, int] = {}
    for row in labels:
        for label in row:
            counts[label] = counts.get(label, 0) + 1
    if len(labels) == 1:
        say("warning: there is one recording to learn from; a model needs many")
    if len(counts) == 1:
        say(
            f"warning: there is one class, {next(iter(counts))}; recordings without "
            "it are what it is told by"
        )
    few = [
        f"{label} ({n})" for label, n in sorted(counts.items()) if n < FEW_RECORDINGS
    ]
    if few:
        say(
            f"warning: fewer than {FEW_RECORDINGS} recordings hold {', '.join(few)}; "
            "with so few a class is hardly learned"
        )


def _fit(
    system: Any, features: Any, labels: list[list[str]], seed: int
) -> tuple[Any, str]:
    """Fit a system; return it and a table of its scores on what was held back."""
    import numpy as np
    from sklearn.preprocessing import MultiLabelBinarizer

    from sklearn_sed.nn import kept_memory

    binarizer = MultiLabelBinarizer().fit(labels)
    y = binarizer.transform(labels)
    held_back = _hold_back(y, seed)
    train = np.setdiff1d(np.arange(len(y)), held_back)
    learned = [labels[i] for i in train]
    watched = {}
    if len(held_back):
        watched["X_val"] = features[held_back]
        watched["y_val"] = [labels[i] for i in held_back]
    with kept_memory():
        system.fit(features[train], learned, **watched)
    return system, _score_table(system, y, binarizer.classes_, held_back, watched)


def _hold_back(y: Any, seed: int) -> Any:
    """Return a tenth of the clips, without which every class is still there."""
    import numpy as np

    from sklearn_sed.model_selection import MultilabelStratifiedKFold

    if len(y) < 10 * FEW_HELD_BACK:
        return np.arange(0)
    folds = MultilabelStratifiedKFold(10, shuffle=True, random_state=seed).split(y, y)
    return next(
        (test for train, test in folds if y[train].any(axis=0).all()), np.arange(0)
    )


def _score_table(
    system: Any,
    y: Any,
    classes: Any,
    held_back: Any,
    watched: dict[str, Any],
) -> str:
    """Return how many recordings hold each class, and how well it is told."""
    import numpy as np
    import pandas as pd
    from sklearn.metrics import average_precision_score, f1_score

    table = pd.DataFrame({"class": classes, "recordings": y.sum(axis=0)})
    if not len(held_back):
        return (
            f"{table.to_string(index=False)}\n"
            f"no scores: of {len(y)} recordings none is held back, for that takes "
            f"{10 * FEW_HELD_BACK}"
        )
    y_val = y[held_back]
    found = system.predict_tags(watched["X_val"])
    proba = system.predict_proba(watched["X_val"])
    known = y_val.any(axis=0)
    table["held back"] = y_val.sum(axis=0)
    table["F1"] = f1_score(y_val, found, average=None, zero_division=0.0)
    table["average precision"] = [
        average_precision_score(*pair) if pair[0].any() else np.nan
        for pair in zip(y_val.T, proba.T)
    ]
    table.loc[~known, "F1"] = np.nan
    mean = table[["F1", "average precision"]].mean()
    table.loc[len(table)] = ["mean", len(y), len(y_val), *mean]
    return table.to_string(index=False, float_format="{:.2f}".format, na_rep="-")
