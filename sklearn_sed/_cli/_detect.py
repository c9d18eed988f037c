"""Find the events of recordings of any length.

For example:
  sklearn-sed detect model.sed recordings/ -o found.tsv
  sklearn-sed detect model.sed recordings/ -o labels --format audacity
  sklearn-sed detect model.sed recordings/ -o found.tsv --format dcase --format raven

The last one writes found.tsv and the folder found_raven. Folders are searched with
their subfolders. If the command is interrupted, the same command goes on where it was:
what is done is noted in found.tsv.journal. A file that exists is written over only if
an earlier command made it and nobody has changed it since. Recordings that cannot be
read are left out, and listed in found.tsv.skipped.csv as well.

The model can be steered without learning anew:
  sklearn-sed detect model.sed recordings/ -o found.tsv --threshold 0.3
  sklearn-sed detect model.sed recordings/ -o dogs.tsv --classes Dog --threshold Dog=0.7

An event is found where two scores exceed --threshold: that of its class in the window,
which else has a threshold from training, and that of moments within it. A lower number
finds more and is wrong more often. In models that stretch the scores of moments, as
those of --paper-system do, the first alone decides. The score in found.tsv is a mean
over the whole event, and may be lower; "sklearn-sed convert --threshold" leaves events
out by it.

If you know what is in the recordings, the model finds out when:
  sklearn-sed detect model.sed recordings/ -o found.tsv --known-tags weak.tsv

The list is as for "sklearn-sed train". It must name every recording; -1 in the place of
labels leaves one to the model.

--scores writes the score of each class in each frame, a table for each recording:
  sklearn-sed detect model.sed recordings/ -o found.tsv --scores scores/
"""

import argparse
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from sklearn_sed._cli._by_class import add_for_class, by_class, fraction, seconds
from sklearn_sed._cli._common import (
    add_format,
    add_jobs_and_quiet,
    add_overwrite,
    add_windows,
    folder_if_needed,
    format_of,
    in_one_line,
    list_bad_files,
    recordings,
    say,
)

_AS_IS = "as the model has it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add = parser.add_argument
    add("model", type=Path, help="the model file")
    add("audio", type=Path, nargs="+", help="recordings, or folders of them")
    add("-o", "--out", type=Path, required=True, help="the file or folder to write")
    add_overwrite(parser)
    add_format(parser, "--format", "what is written, or several", action="append")
    add_windows(parser)
    threshold = "what scores must exceed, 0 to 1; NAME=NUMBER for one class"
    add_for_class(parser, "--threshold", "NUMBER", fraction, threshold, _AS_IS)
    shortest = "leave shorter events out"
    add_for_class(parser, "--min-duration", "SECONDS", seconds, shortest, _AS_IS)
    gap = "join events of a class with a shorter gap between them"
    add_for_class(parser, "--min-gap", "SECONDS", seconds, gap, _AS_IS)
    classes = "look for these alone, several with commas between or each on its own"
    add("--classes", metavar="NAME", action="append", help=classes)
    known = "a list of what is in each recording, which is then looked for"
    add("--known-tags", type=Path, metavar="FILE", help=known)
    scores = "write the scores of frames here, a table for each recording"
    add("--scores", type=Path, metavar="FOLDER", help=scores)
    candidates = "write all events there are to choose from, whatever their score (for \
models whose events have scores of their own)"
    add("--candidates", action="store_true", help=candidates)
    restart = "begin anew, whatever an earlier call has done"
    add("--restart", action="store_true", help=restart)
    add_jobs_and_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; return its exit code."""
    import pandas as pd

    from sklearn_sed._persistence import load_model
    from sklearn_sed._storage import check_targets
    from sklearn_sed.events._files import files_in
    from sklearn_sed.inference import detect_files
    from sklearn_sed.inference._files import outputs_of

    paths = recordings(args.audio)
    several = args.format if args.format and len(args.format) > 1 else None
    format = None if several else format_of(args.out, *(args.format or [None]))
    outputs = outputs_of(args.out, several or format)
    targets = [own.path for own in outputs if not own.path.is_dir()]
    if args.scores is not None:
        targets += files_in(args.scores, ".tsv", list(map(str, paths)))
    lists = [args.known_tags] if args.known_tags else []
    check_targets(targets, inputs=[args.model, *lists, *paths])
    model = load_model(args.model)
    tags = _known_tags(args, paths, model) if args.known_tags else None
    model = _steered(model, args)
    with folder_if_needed(args.out, format, len(paths)):
        report = detect_files(
            model,
            paths,
            args.out,
            format=several or format,
            window=args.window,
            overlap=args.overlap,
            tags=tags,
            candidates=args.candidates,
            scores=args.scores,
            resume=not args.restart,
            overwrite=args.overwrite,
            on_error="skip",
            n_jobs=args.jobs,
            verbose=not args.quiet,
        )
    n_sound = len(paths) - len(report)
    if n_sound:
        counts = pd.Series(report.attrs["n_events"], name="events", dtype=int)
        print(counts.rename_axis("class").reset_index().to_string(index=False))
        written = ", ".join(str(own.path) for own in outputs)
        print(f"{written}: {counts.sum()} events of {n_sound} recordings")
    return list_bad_files(report)


def _steered(model: Any, args: argparse.Namespace) -> Any:
    """Return the model with the settings that are given; itself where none are."""
    from sklearn_sed.inference._model import take_apart
    from sklearn_sed.inference._steer import steer

    names = ("threshold", "min_duration", "min_gap")
    if args.classes is None and not any(getattr(args, name) for name in names):
        return model
    known = {str(label): label for label in take_apart(model).classes}
    given = {}
    for name in names:
        option = f"--{name.replace('_', '-')}"
        given[name] = by_class(option, getattr(args, name) or [], known)
    return steer(model, classes=_chosen(args, known), **given)


def _known_tags(
    args: argparse.Namespace, paths: Sequence[Path], model: Any
) -> list[list[int]]:
    """Return a row for each recording: what is in it, of the classes to look for."""
    from sklearn_sed.events import match_recordings
    from sklearn_sed.events._records import shorten
    from sklearn_sed.events._tags import read_tag_table
    from sklearn_sed.inference._model import take_apart

    listed = args.known_tags
    table = read_tag_table(listed, reduce=True)
    for note in table.notes:
        say(f"note: {in_one_line(note)}")
    say(table.summary)
    names = list(map(str, paths))
    match = match_recordings(table.filenames, names, where=str(listed))
    missing = [name for name in names if name not in match]
    if missing:
        raise ValueError(
            f"{listed} lacks {len(missing)} of the {len(names)} recordings: "
            f"{shorten(missing)}; add them, with no label where there is nothing, -1 "
            "where it is not known"
        )
    known = {str(label): label for label in take_apart(model).classes}
    chosen = _chosen(args, known) or known.values()
    columns = [name for name, label in known.items() if label in chosen]
    labels_of = dict(zip(table.filenames, table.labels))
    tags = []
    for name in names:
        labels = labels_of[match[name]]
        unknown = [label for label in labels if label not in known]
        if unknown == labels == ["-1"]:
            tags.append([-1] * len(columns))
        elif unknown:
            raise ValueError(
                f"{listed} says that {match[name]} holds {unknown[0]!r}, which is no "
                f"class of the model; its classes are {', '.join(known)}"
            )
        else:
            tags.append([int(name in labels) for name in columns])
    return tags


def _chosen(args: argparse.Namespace, known: Mapping[str, Any]) -> list[Any] | None:
    """Return the classes to look for, where some are named."""
    if args.classes is None:
        return None
    return [
        known.get(name, name)
        for text in args.classes
        for name in _class_names(text, known)
    ]


def _class_names(text: str, known: Collection[str]) -> list[str]:
    """Return the classes that are meant: one, which may hold commas, or several."""
    return [text] if text in known else [name.strip() for name in text.split(",")]
