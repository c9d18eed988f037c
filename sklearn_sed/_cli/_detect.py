"""Find the events of recordings."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sklearn_sed._cli._common import (
    AUDIO_ENDINGS,
    EXIT_CODES,
    FORMATS_HELP,
    add_command,
    add_format,
    add_jobs_and_quiet,
    audio_in,
    folder_if_needed,
    format_of,
    list_bad_files,
)

_HELP = """\
Find the events of recordings of any length.

examples:
  sklearn-sed detect model.sed recordings/ -o found.tsv
  sklearn-sed detect model.sed recordings/ -o labels --format audacity

Folders are searched with their subfolders. If the command is interrupted, the same
command goes on where it was: what is done is noted in found.tsv.journal. Recordings
that cannot be read are left out, and listed in found.tsv.skipped.csv as well.
"""


def add_parser(commands: Any) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    parser = add_command(
        commands,
        "detect",
        "find events in recordings",
        _HELP,
        f"{FORMATS_HELP}\n{EXIT_CODES}",
    )
    add = parser.add_argument
    add("model", type=Path, help="the model file")
    add("audio", type=Path, nargs="+", help="recordings, or folders of them")
    add("-o", "--out", type=Path, required=True, help="the file or folder to write")
    add_format(parser, "--format", "what is written")
    add(
        "--window",
        type=float,
        default=10.0,
        metavar="SECONDS",
        help="heard at a time; best the length of clips in training (default: 10)",
    )
    add(
        "--overlap",
        type=float,
        metavar="SECONDS",
        help="shared with the next window (default: 0.3 of it)",
    )
    add(
        "--restart",
        action="store_true",
        help="begin anew, whatever an earlier call has done",
    )
    add_jobs_and_quiet(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    """Run the command; return its exit code."""
    from sklearn_sed._persistence import load_model
    from sklearn_sed.inference import detect_files

    paths = _recordings(args.audio)
    format = format_of(args.out, args.format)
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
            on_error="skip",
            n_jobs=args.jobs,
            verbose=not args.quiet,
        )
    n_sound = len(paths) - len(report)
    if n_sound:
        print(f"{args.out}: the events of {n_sound} recordings")
    return list_bad_files(report)


def _recordings(given: Sequence[Path]) -> list[Path]:
    """Return the recordings that are given one by one or by their folder."""
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
