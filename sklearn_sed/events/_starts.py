"""When a recording began, as recorders write it into its name."""

import os
import re
from datetime import UTC, datetime, timedelta, timezone

from sklearn_sed.events._names import path_parts
from sklearn_sed.events._records import shorten
from sklearn_sed.exceptions import AnnotationError

_TIME = re.compile(
    r"""
    (?<!\d)
    (?P<year>(?:19|20)\d\d)(?P<dash>[-._]?)(?P<month>\d\d)(?P=dash)(?P<day>\d\d)
    (?P<between>[Tt]|[-._ $]{0,2})
    (?P<hour>\d\d)(?P<colon>[-:._]?)(?P<minute>\d\d)
    (?:(?P=colon)(?P<second>\d\d)(?:[.,](?P<fraction>\d{3}(?:\d{3})?)(?!\d))?)?
    (?P<zone>[Zz](?![A-Za-z])|[+-]\d\d:?\d\d(?!\d))?
    (?!\d)
    """,
    re.VERBOSE | re.ASCII,
)
# Which of the first two is the day, nothing tells.
_YEAR_LAST = re.compile(
    r"(?<!\d)(?P<first>\d\d)([-._]?)(?P<second>\d\d)\2(?P<year>(?:19|20)\d\d)"
    r"(?:[Tt]|[-._ $]{1,2})([01]\d|2[0-3])([-:._]?)[0-5]\d\6[0-5]\d(?!\d)",
    re.ASCII,
)
_LONGEST_OFFSET = timedelta(hours=14)


def recording_start(name: str | os.PathLike[str]) -> datetime | None:
    """Return when a recording began, from its name.

    Parameters
    ----------
    name : str or Path
        The recording. Its folders are not looked at.

    Returns
    -------
    datetime or None
        The start, by the clock of the recorder; with a time zone where the name has
        one. None where the name has no date and time.

    Raises
    ------
    AnnotationError
        If the name has several times, or a date with the year last, in which day and
        month cannot be told apart.

    Notes
    -----
    The date begins with the year, in four digits, and the time has seconds, which may
    be missing after ``T`` alone. These, with anything before and after them, are read:

    - ``20240131_053000`` (AudioMoth, Song Meter), also with ``-``, ``.``, ``$``, a
      blank or nothing between date and time;
    - ``2024-01-31_05-30-00``, with ``.`` or ``_`` for ``-``;
    - ``20240131T053000+1000``, ``2024-01-31T05:30:00.250Z`` (ISO 8601);
    - ``S20240131T053000+1000_E20240131T060000+1000`` (Frontier Labs): the first one.

    A date without a time, a year of two digits, and a number of seconds since 1970 are
    no start: nothing tells them from other numbers.

    Examples
    --------
    >>> from sklearn_sed.events import recording_start
    >>> recording_start("unitA/WOOD_20240131_053000.wav")
    datetime.datetime(2024, 1, 31, 5, 30)
    >>> recording_start("20240131T053000+1000_REC.flac").isoformat()
    '2024-01-31T05:30:00+10:00'
    >>> recording_start("dog.wav") is None
    True
    """
    name = os.fspath(name)
    last = "".join(path_parts(name)[-1:])
    found = [
        (match, start) for match in _TIME.finditer(last) if (start := _read(match))
    ]
    starts = list(dict.fromkeys(start for _, start in found))
    if len(found) == 2 and [last[m.start() - 1 : m.start()] for m, _ in found] == [
        "S",
        "E",
    ]:
        return starts[0]
    if len(starts) > 1:
        times = shorten([start.isoformat(" ") for start in starts])
        raise AnnotationError(
            name, f"it has several times, {times}; leave the start alone in the name"
        )
    year_last = _YEAR_LAST.search(last)
    if not starts and year_last and _is_date(year_last):
        raise AnnotationError(
            name,
            f"which is the day and which the month in {year_last[0]!r}? Rename it, the "
            "year first, such as 20240131_053000",
        )
    return starts[0] if starts else None


def _read(match: re.Match[str]) -> datetime | None:
    """Return the time that is meant, if it is one."""
    is_iso = match["between"] in ("T", "t")
    if match["second"] is None and not is_iso:
        return None
    if not match["between"] and (match["dash"] or match["colon"]):
        return None
    names = ("year", "month", "day", "hour", "minute", "second")
    year, month, day, hour, minute, second = (int(match[name] or 0) for name in names)
    fraction = int((match["fraction"] or "").ljust(6, "0"))
    try:
        start = datetime(year, month, day, hour, minute, second, fraction)
    except ValueError:
        return None
    zone = match["zone"]
    if zone and zone in "Zz":
        return start.replace(tzinfo=UTC)
    if zone and is_iso:
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
        if offset <= _LONGEST_OFFSET and int(zone[-2:]) < 60:
            sign = -1 if zone[0] == "-" else 1
            return start.replace(tzinfo=timezone(sign * offset))
    return start


def _is_date(match: re.Match[str]) -> bool:
    """Tell whether a day and a month are before the year, in any order."""
    low, high = sorted((int(match["first"]), int(match["second"])))
    return 1 <= low <= 12 and high <= 31
