"""Events as HTML: what a notebook shows of them."""

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from sklearn_sed.events._tables import check_durations, check_events

# Colours come from the page's text, so that they suit light and dark pages; the blue of
# the bars stands out from both.
_STYLE = """
.sse { max-width: 60em; line-height: 1.4; }
.sse-clip { margin: 0 0 1em; }
.sse-name { font-weight: 600; overflow-wrap: anywhere; }
.sse-lanes { display: grid; grid-template-columns: fit-content(30%) minmax(0, 1fr);
  gap: 2px .6em; align-items: center; margin: .3em 1em .3em 0; font-size: 90%; }
.sse-label { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.sse-lanes svg { display: block; width: 100%; overflow: visible; fill: currentColor; }
.sse-lane { background: color-mix(in srgb, currentColor 9%, transparent); }
.sse-lanes rect { fill: #0088d0; stroke: #0088d0; }
.sse-lanes line { stroke: currentColor; }
.sse-lanes text { font-size: 11px; text-anchor: middle; }
.sse summary { cursor: pointer; }
.sse-table { max-height: 20em; overflow: auto; }
.sse-table table { border-collapse: collapse; }
.sse-table th, .sse-table td { padding: .1em .8em .1em 0; text-align: left;
  font-variant-numeric: tabular-nums; }
"""
_LANE_HEIGHT = 16  # pixels
_SHORTEST = 0.05  # per cent of the timeline: what is shorter is drawn this long


class EventsHTML:
    """Events of clips for a notebook: a timeline and a table for each.

    As the last line of a cell it shows itself: one lane for each class of a clip, a bar
    for each event (times and score appear under the pointer), and a table to unfold.
    Names and labels are shown as they are written; nothing in them is taken for markup.

    Parameters
    ----------
    events : sequence of DataFrame of length n_clips
        The event table of each clip. Columns beyond `onset`, `offset`, `event_label`
        and `score` appear in the table.
    filenames : sequence of str or Path of length n_clips, default=None
        The name of each clip. By default clips are counted from 0.
    durations : float or array-like of float of shape (n_clips,), default=None
        Length of the clips in seconds, where the timelines end. By default, and where
        an event ends later, the end of the last event.
    max_clips : int, default=20
        How many clips are shown. The others are counted below.

    Raises
    ------
    AnnotationError
        If an event table is not valid.
    ValueError
        If there are not as many filenames or durations as clips, or a duration is not
        a positive number.

    See Also
    --------
    sklearn_sed.plotting.EventsDisplay : Events of a clip under its spectrogram.

    Examples
    --------
    >>> from sklearn_sed.events import EventsHTML, make_events
    >>> events = [make_events([0.5, 2], [0.9, 4], ["Dog", "Speech"])]
    >>> view = EventsHTML(events, filenames=["garden.wav"], durations=5.0)
    >>> view
    EventsHTML(1 clip, 2 events)
    >>> html = view._repr_html_()
    """

    def __init__(
        self,
        events: Sequence[pd.DataFrame],
        *,
        filenames: Sequence[Any] | None = None,
        durations: ArrayLike | None = None,
        max_clips: int = 20,
    ):
        self.events = check_events(events, name="events")
        n_clips = len(self.events)
        if filenames is None:
            filenames = [f"clip {clip}" for clip in range(n_clips)]
        if len(filenames) != n_clips:
            raise ValueError(
                f"got {len(filenames)} filenames for {n_clips} clips; pass one per clip"
            )
        self.filenames = [str(name) for name in filenames]
        ends = np.array([table["offset"].max() for table in self.events])
        ends = np.nan_to_num(ends)  # of clips without events
        if durations is None:
            durations = ends.max(initial=0.0) or 1.0
        self.durations = np.maximum(ends, check_durations(durations, n_clips))
        self.max_clips = max_clips

    def __repr__(self) -> str:
        n_clips, n_events = len(self.events), sum(map(len, self.events))
        return f"EventsHTML({_count(n_clips, 'clip')}, {_count(n_events, 'event')})"

    def _repr_html_(self) -> str:
        """Return the HTML that a notebook shows."""
        clips = zip(self.filenames, self.events, self.durations)
        parts = [_render_clip(*clip) for clip, _ in zip(clips, range(self.max_clips))]
        left_out = len(self.events) - len(parts)
        if left_out:
            parts.append(
                f"<p>{_count(left_out, 'more clip')}; raise <code>max_clips</code> to "
                "see them.</p>"
            )
        html = f'<div class="sse"><style>{_STYLE}</style>{"".join(parts)}</div>'
        return _whole(html)


def _whole(text: str) -> str:
    """Return text without halves of characters, which no file or page can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _count(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number} {noun}" + "s" * (number != 1)


def _render_clip(name: str, table: pd.DataFrame, duration: float) -> str:
    """Return one clip: its name, a lane for each class, a time axis, its table."""
    labels = table["event_label"].map(lambda label: _whole(str(label)))
    lanes = [
        f'<span class="sse-label" title="{escape(label)}">{escape(label)}</span>'
        f'<svg class="sse-lane" height="{_LANE_HEIGHT}" aria-hidden="true">'
        f"{''.join(_render_bars(rows, duration))}</svg>"
        for label, rows in table.groupby(labels)
    ]
    return (
        f'<div class="sse-clip"><div class="sse-name">{escape(name)}</div>'
        f'<div class="sse-lanes">{"".join(lanes)}<span></span>'
        f'<svg height="18" aria-hidden="true">{"".join(_render_marks(duration))}</svg>'
        f"</div>{_render_table(table)}</div>"
    )


def _render_bars(rows: pd.DataFrame, duration: float) -> Iterator[str]:
    """Yield the bars of one class."""
    for event in rows.to_dict("records"):
        onset, offset = event["onset"], event["offset"]
        text = f"{onset:.3f} to {offset:.3f} s"
        if "score" in event:
            text += f", score {event['score']:.2f}"
        start, width = 100 * onset / duration, 100 * (offset - onset) / duration
        yield (
            f'<rect x="{start:.4f}%" width="{max(width, _SHORTEST):.4f}%" y="3" '
            f'height="{_LANE_HEIGHT - 6}"><title>{text}</title></rect>'
        )


def _render_marks(duration: float) -> Iterator[str]:
    """Yield the marks of the time axis: round numbers of seconds, at most six."""
    power = 10.0 ** np.floor(np.log10(duration / 5))
    step = next(s * power for s in (1, 2, 5, 10) if duration / (s * power) <= 5)
    for k in range(int(duration / step * (1 + 1e-9)) + 1):
        x, unit = f"{100 * k * step / duration:.4f}%", "" if k else " s"
        yield (
            f'<line x1="{x}" x2="{x}" y1="0" y2="4"/>'
            f'<text x="{x}" y="15">{round(k * step, 9):.9g}{unit}</text>'
        )


def _render_table(table: pd.DataFrame) -> str:
    """Return the table of a clip, folded, or say that it is empty."""
    if table.empty:
        return "<div>no events</div>"
    with pd.option_context("display.max_colwidth", None):
        html = table.to_html(
            escape=True, index=False, border=0, na_rep="", float_format="{:.3f}".format
        )
    return (
        f"<details><summary>{_count(len(table), 'event')}</summary>"
        f'<div class="sse-table">{html}</div></details>'
    )
