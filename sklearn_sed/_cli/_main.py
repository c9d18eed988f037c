"""Find out when sounds happen, having learned from lists of what is in each recording.

  sklearn-sed train weak.tsv audio/ -o model.sed          learn from tags
  sklearn-sed detect model.sed recordings/ -o found.tsv   find events
  sklearn-sed tune model.sed strong.tsv audio/ -o new.sed decide better on events
  sklearn-sed tag model.sed recordings/ -o tags.csv       how probable each class is
  sklearn-sed evaluate reference.tsv found.tsv            compare with a reference
  sklearn-sed convert found.tsv labels --format audacity  look at them elsewhere
  sklearn-sed clips found.tsv audio/ -o clips/            listen to them
  sklearn-sed plot found.tsv audio/ -o pictures/          see them, by hour and day too
  sklearn-sed review found.tsv audio/ -o review/          judge them in a browser
  sklearn-sed info model.sed                              what a model is and does

"sklearn-sed COMMAND --help" explains each one.
"""

import argparse
import os
import select
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TextIO

from sklearn_sed._cli import (
    _clips,
    _convert,
    _detect,
    _evaluate,
    _info,
    _plot,
    _review,
    _tag,
    _train,
    _tune,
)
from sklearn_sed._cli._common import EXIT_CODES, FORMATS_HELP, in_one_line, say
from sklearn_sed._version import __version__
from sklearn_sed.exceptions import AudioError

_COMMANDS = (
    *(_train, _tune, _detect, _tag, _evaluate),
    *(_convert, _clips, _plot, _review, _info),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, default=None
        The arguments; those of the process by default.

    Returns
    -------
    int
        The exit code: 0 when all went well, 1 when audio files were bad and left out,
        2 when the command could not be carried out, 130 when it was interrupted, 141
        when nobody reads on what it prints.

    Raises
    ------
    SystemExit
        After ``--help`` and ``--version``, and for arguments that make no sense (2).

    Examples
    --------
    >>> from sklearn_sed._cli import main
    >>> main(["convert", "missing.tsv", "out.rttm"])
    2
    """
    try:
        try:
            return _run(_parse(argv))
        finally:
            print(end="", flush=True)
    except BrokenPipeError:
        if not _end_unread_output():
            raise
        return 141


def _run(args: argparse.Namespace) -> int:
    """Run the command that the arguments name; return its exit code."""
    with warnings.catch_warnings():
        warnings.showwarning = _show_each_once()
        try:
            return args.run(args)
        except KeyboardInterrupt as interrupt:
            say(in_one_line(": ".join(["interrupted", *map(str, interrupt.args)])))
            return 130
        except Exception as error:
            if isinstance(error, BrokenPipeError) and _end_unread_output():
                return 141
            if args.debug:
                traceback.print_exc()
            say(f"error: {_describe(error)}")
            return 1 if isinstance(error, AudioError) else 2


def _end_unread_output() -> bool:
    """Tell whether nobody reads on, as after ``| head``; if so, print to nowhere."""
    unread = [stream for stream in (sys.stdout, sys.stderr) if _is_unread(stream)]
    for stream in unread:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return bool(unread)


def _is_unread(stream: TextIO) -> bool:
    """Tell whether the other end of a pipe is closed."""
    if not hasattr(select, "poll"):  # Windows cannot tell
        return True
    poll = select.poll()
    poll.register(stream.fileno(), 0)  # for errors alone
    return bool(poll.poll(0))


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the arguments.

    The parser gives an optional one up when options come before it: it is found here.
    """
    parser = _parser()
    args, rest = parser.parse_known_args(argv)
    is_late = rest and not rest[0].startswith("-")
    if is_late and args.run is _train.run and args.labels is None:
        args.labels, args.audio = args.audio, Path(rest.pop(0))
    if rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return args


def _parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    lines_kept = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        "sklearn-sed",
        description=__doc__,
        epilog=EXIT_CODES,
        formatter_class=lines_kept,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for module in _COMMANDS:
        text = module.__doc__ or ""
        with_formats = module in (_detect, _evaluate, _convert)
        formats = f"{FORMATS_HELP}\n" if with_formats else ""
        command = commands.add_parser(
            module.__name__.rpartition("_")[2],
            help=text.partition("\n")[0],
            description=text,
            epilog=f"{formats}{EXIT_CODES}",
            formatter_class=lines_kept,
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
        command.add_argument(
            "--debug", action="store_true", help="show where in the code an error arose"
        )
    return parser


def _describe(error: Exception) -> str:
    """Return an error's message in one line."""
    text = str(error)
    if isinstance(error, OSError) and error.filename is not None:
        text = f"{error.filename}: {error.strerror}"
    elif not isinstance(error, ValueError | OSError | ImportError):
        text = f"{type(error).__name__}: {text} (--debug shows where)"
    return in_one_line(" ".join([text, *getattr(error, "__notes__", [])]))


def _show_each_once() -> Callable[..., None]:
    """Return what shows warnings, each in one line and without the code behind it."""
    shown: set[str] = set()

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        text = in_one_line(str(message))
        if text not in shown:
            shown.add(text)
            say(f"warning: {text}")

    return show
