"""Learn from a list of what is in each recording; no times are needed.

For example:
  sklearn-sed train weak.tsv audio/ -o model.sed

weak.tsv has a header and one line per recording, separated by tabs, the labels by
commas; a recording that holds none of the sounds has an empty cell:

  filename	event_labels
  monday.wav	Dog,Speech
  tuesday.wav

The recordings are looked for in audio/ and its subfolders. One that cannot be read is
listed and left out of the training; audio without labels is reported and not used.

Training takes long. With --checkpoint training/ it is noted in that folder how far it
has come: if it was interrupted, the same command goes on there, with the same result.
"""

import argparse
from pathlib import Path
from typing import Any

from sklearn_sed._cli._common import (
    add_jobs_and_quiet,
    add_number,
    audio_in,
    list_bad_files,
    positive_int,
    say,
)

PAPER_SYSTEMS = ("fsl", "att", "mil", "glu_mil", "glu_mil_cos")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add = parser.add_argument
    add("labels", type=Path, help="the list of labels, .tsv or .csv")
    add("audio", type=Path, help="the folder of the recordings")
    add("-o", "--out", type=Path, required=True, help="the model file to write (.sed)")
    epochs = "passes through the recordings (default: those of the networks)"
    add("--epochs", type=positive_int, metavar="N", help=epochs)
    add_number(parser, "--seed", 0, "S", "the same seed gives the same model")
    rate = "twice the highest frequency that matters"
    add_number(parser, "--sample-rate", 22050, "HZ", rate, positive_int)
    checkpoint = "note here how far training has come; delete it when done"
    add("--checkpoint", type=Path, metavar="FOLDER", help=checkpoint)
    system = f"train a published system instead: {', '.join(PAPER_SYSTEMS)}"
    add("--paper-system", choices=PAPER_SYSTEMS, metavar="VARIANT", help=system)
    add_jobs_and_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; return its exit code."""
    from sklearn.pipeline import make_pipeline

    from sklearn_sed._features._transformer import LogMelTransformer
    from sklearn_sed._persistence import save_model
    from sklearn_sed.events import read_tags
    from sklearn_sed.nn import kept_memory

    if not args.out.parent.is_dir():
        raise ValueError(f"the folder {args.out.parent} does not exist; create it")
    filenames, labels = read_tags(args.labels)
    if not filenames:
        raise ValueError(f"{args.labels} lists no recordings")
    paths = _audio_of(filenames, args.labels, args.audio)
    reader = LogMelTransformer(
        sample_rate=args.sample_rate,
        on_error="skip",
        n_jobs=args.jobs,
        verbose=not args.quiet,
    )
    features = reader.fit_transform(paths)
    exit_code = list_bad_files(reader.report_)
    bad = set(reader.report_.index)
    sound = [i for i in range(len(paths)) if i not in bad]
    system = _make_system(args)
    with kept_memory():
        system.fit(features[sound], [labels[i] for i in sound])
    transformer = LogMelTransformer(sample_rate=args.sample_rate).fit(paths)
    save_model(make_pipeline(transformer, system), args.out)
    classes = ", ".join(map(str, system.classes_))
    print(f"{args.out}: learned {classes} from {len(sound)} recordings")
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
    return system.set_params(
        **{f"tagger__{name}": value for name, value in common.items()},
        **{f"detector__{name}": value for name, value in common.items()},
    )


def _audio_of(filenames: list[str], labels: Path, folder: Path) -> list[Path]:
    """Return the audio file of each recording of a list; report what is not in it."""
    from sklearn_sed.events import match_recordings

    found = [path.relative_to(folder).as_posix() for path in audio_in(folder)]
    match = match_recordings(filenames, found, where=str(labels))
    path_of = {name: folder / path for path, name in match.items()}
    used = set(path_of.values())
    for name in filenames:
        # A file that the list names in full may have any ending.
        if name not in path_of and (folder / name).is_file():
            path_of[name] = folder / name
    missing = [name for name in filenames if name not in path_of]
    if missing:
        raise ValueError(
            f"{len(missing)} of the {len(filenames)} recordings in {labels} have no "
            f"audio file in {folder}; the first is {missing[0]!r}"
        )
    unused = [path for path in found if folder / path not in used]
    if unused:
        some = ", ".join(unused[:5]) + (", ..." if len(unused) > 5 else "")
        say(
            f"note: {len(unused)} audio files in {folder} have no labels in {labels} "
            f"and are not used: {some}"
        )
    return [path_of[name] for name in filenames]
