"""The axis of time, in the units that people tell it in."""

import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_IN_SECONDS = 2 * _MINUTE  # what is no longer is told in seconds
_STEPS = (
    *(0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30),
    *(_MINUTE * n for n in (1, 2, 5, 10, 15, 30)),
    *(_HOUR * n for n in (1, 2, 3, 6, 12)),
    *(_DAY * n for n in (1, 2, 7, 14, 28)),
)
_TICKS = 8  # at most


def nice_step(seconds: float, most: int) -> float:
    """Return a length of time that people count in, so many of which are enough."""
    return next((step for step in _STEPS if seconds <= step * most), _STEPS[-1])


def tell(seconds: float) -> str:
    """Return a length of time that people count in as text."""
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= unit:
            return f"{seconds / unit:g} {name}"
    return f"{seconds:g} s"


def label_time(ax: "Axes", end: float, start: datetime | None = None) -> None:
    """Label the horizontal axis, which is in seconds up to `end`.

    With a `start`, the labels are those of the clock.
    """
    if start is not None:
        _label_clock(ax, end, start)
        return
    if end <= _IN_SECONDS:
        ax.set_xlabel("Time (s)")
        return
    step = nice_step(end, _TICKS)
    unit, name = (_MINUTE, "min:s") if end <= 2 * _HOUR else (_HOUR, "h:min")
    ticks = [step * i for i in range(int(end / step) + 1)]
    ax.set_xticks(
        ticks, [f"{t // unit:.0f}:{t % unit * 60 // unit:02.0f}" for t in ticks]
    )
    ax.set_xlabel(f"Time ({name})")


def _label_clock(ax: "Axes", end: float, start: datetime) -> None:
    """Label the axis by the clock, at its full seconds, minutes, hours or days."""
    step = max(nice_step(end, _TICKS), 1)
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    passed = (start - midnight).total_seconds()
    first = math.ceil(passed / step)
    ticks = [step * i for i in range(first, int((passed + end) / step) + 1)]
    form = "%H:%M:%S" if step < _MINUTE else "%H:%M" if step < _DAY else "%d %b"
    names = [(midnight + timedelta(seconds=tick)).strftime(form) for tick in ticks]
    ax.set_xticks([tick - passed for tick in ticks], names)
    days = [start, start + timedelta(seconds=end)]
    first_day, last_day = (f"{day.day} {day:%B %Y}" for day in days)
    several = first_day != last_day
    ax.set_xlabel(f"{first_day} to {last_day}" if several else first_day)
