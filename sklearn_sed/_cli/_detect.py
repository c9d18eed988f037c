"""Find the events of recordings of any length.

For example:
  sklearn-sed detect model.sed recordings/ -o found.tsv
  sklearn-sed detect model.sed recordings/ -o labels --format audacity

Folders are searched with their subfolders. If the command is interrupted, the same
command goes on where it was: what is done is noted in found.tsv.journal. A file that
exists is written over only if an earlier command made it and nobody has changed it
since. Recordings that cannot be read are left out, and listed in found.tsv.skipped.csv
as well.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from sklearn_sed._cli._common import (
    add_format,
    add_jobs_and_quiet,
    add_number,
    add_overwrite,
    audio_in,
    folder_if_needed,
    format_of,
    list_bad_files,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add = parser.add_argument
    add("model", type=Path, help="the model file")
    add("audio", type=Path, nargs="+", help="recordings, or folders of them")
    add("-o", "--out", type=Path, required=True, help="the file or folder to write")
    add_overwrite(parser)
    add_format(parser, "--format", "what is written")
    window = "heard at a time; best the length of clips in training"
    add_number(parser, "--window", 10.0, "SECONDS", window)
    overlap = "shared with the next window (default: 0.3 of it)"
    add("--overlap", type=float, metavar="SECONDS", help=overlap)
    restart = "begin anew, whatever an earlier call has done"
    add("--restart", action="store_true", help=restart)
    add_jobs_and_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; return its exit code."""
    import pandas as pd

    from sklearn_sed._persistence import load_model
    from sklearn_sed._storage import check_targets
    from sklearn_sed.inference import detect_files

    paths = _recordings(args.audio)
    format = format_of(args.out, args.format)
    if not args.out.is_dir():
        check_targets([args.out], inputs=[args.model, *paths])
    model = load_model(args.model)
    with folder_if_needed(args.out, format, len(paths)):
        report = detect_files(
            model,
            paths,
            args.out,
            format=format,
            window=args.window,
            overlap=args.overlap,
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
        print(f"{args.out}: {counts.sum()} events of {n_sound} recordings")
    return list_bad_files(report)


def _recordings(given: Sequence[Path]) -> list[Path]:
    """Return the recordings that are given one by one or by their folder."""
    from sklearn_sed.events._names import AUDIO_ENDINGS

    paths: list[Path] = []
    for path in given:
        if path.is_dir():
            found = audio_in(path)
            if not found:
                raise ValueError(
                    f"the folder {path} has no audio files (looked for "
                    f"{' '.join(sorted(AUDIO_ENDINGS))})"
                )
            paths += found
        elif path.exists():
            paths.append(path)
        else:
            raise ValueError(f"there is no file or folder {path}")
    return list(dict.fromkeys(paths))
