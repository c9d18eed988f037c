"""Options that are given for all classes, for one by NAME=NUMBER, or both."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from math import inf, nan
from typing import Any

# A setting of one class, or of all others where that is None.
Setting = tuple[str | None, float]


def fraction(text: str) -> Setting:
    """Return the threshold that an option is."""
    return _setting(text, 1.0, "a number from 0 to 1")


def seconds(text: str) -> Setting:
    """Return the length of time that an option is."""
    return _setting(text, inf, "a number of seconds from 0 up")


def _setting(text: str, most: float, what: str) -> Setting:
    """Return the class and the number of NUMBER or NAME=NUMBER."""
    name, is_for_one, number = text.rpartition("=")
    try:
        value = float(number)
    except ValueError:
        value = nan
    if not 0 <= value <= most or value == inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}, or NAME=NUMBER")
    return (name if is_for_one else None), value


def add_for_class(
    parser: argparse.ArgumentParser,
    option: str,
    metavar: str,
    kind: Callable[[str], Setting],
    text: str,
    default: str,
) -> None:
    """Add an option that may be given for all classes and for each."""
    parser.add_argument(
        option,
        type=kind,
        action="append",
        metavar=metavar,
        help=f"{text} (default: {default})",
    )


def by_class(
    option: str, settings: Sequence[Setting], known: Mapping[str, Any]
) -> dict[Any, float]:
    """Return the number of each class, by None that of all others."""
    numbers: dict[Any, float] = {}
    for name, number in settings:
        label = None if name is None else known.get(name, name)
        if label in numbers:
            whom = "all classes" if name is None else name
            raise ValueError(f"{option} is given twice for {whom}; give it once")
        numbers[label] = number
    return numbers
