"""Tell how probable each class is in each recording.

For example:
  sklearn-sed tag model.sed recordings/ -o tags.csv

The table has a row for each recording and a column for each class, with what the model
decides by whether the class is there at all; "sklearn-sed info" shows what it must
exceed. A recording longer than a window has the highest probability of its windows: a
long one has more of them, and is likelier to have a high one.

Folders are searched with their subfolders. Recordings that cannot be read are listed
and left out.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from sklearn_sed._cli._common import (
    add_jobs_and_quiet,
    add_overwrite,
    add_windows,
    list_bad_files,
    recordings,
)

_SEPARATORS = {".csv": ",", ".tsv": "\t"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add = parser.add_argument
    add("model", type=Path, help="the model file")
    add("audio", type=Path, nargs="+", help="recordings, or folders of them")
    add("-o", "--out", type=Path, required=True, help="the .csv or .tsv file to write")
    add_overwrite(parser)
    add_windows(parser)
    add_jobs_and_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; return its exit code."""
    import pandas as pd

    from sklearn_sed._persistence import load_model
    from sklearn_sed._storage import check_targets, replace_file
    from sklearn_sed.inference import tag_files

    separator = _separator(args.out)
    paths = recordings(args.audio)
    check_targets([args.out], overwrite=args.overwrite, inputs=[args.model, *paths])
    _check_names(paths)
    proba = tag_files(
        load_model(args.model),
        paths,
        window=args.window,
        overlap=args.overlap,
        on_error="skip",
        n_jobs=args.jobs,
        verbose=not args.quiet,
    )
    n_recordings, n_classes = proba.shape
    if n_recordings:
        text = proba.to_csv(sep=separator, float_format="%.6g", lineterminator="\n")
        replace_file(args.out, text.encode())
        print(f"{args.out}: {n_recordings} recordings, {n_classes} classes")
    skipped = proba.attrs["skipped"].items()
    return list_bad_files(pd.DataFrame(skipped, columns=["path", "reason"]))


def _separator(out: Path) -> str:
    """Return what stands between the columns of a file with this ending."""
    try:
        return _SEPARATORS[out.suffix.lower()]
    except KeyError:
        raise ValueError(f"{out} must end in .csv or .tsv") from None


def _check_names(paths: Sequence[Path]) -> None:
    """Refuse names that are no text."""
    for path in paths:
        try:
            str(path).encode()
        except UnicodeEncodeError:
            raise ValueError(
                f"the name {str(path)!r} cannot be written as UTF-8; rename it"
            ) from None
