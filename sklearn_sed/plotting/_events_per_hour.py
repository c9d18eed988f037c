"""How many events of each class are heard in each hour of each day."""

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np

from sklearn_sed.analysis import events_per_hour
from sklearn_sed.events import recording_start
from sklearn_sed.exceptions import AnnotationError
from sklearn_sed.plotting._style import Display, class_name, count_bar, draw_counts

_WIDTH = 6.5  # inches of all
_GAP = 0.24  # inches above a class, for its name
_DAY_HEIGHT = 0.2  # inches of a day, where there are few
_LEAST, _MOST = 0.45, 1.8  # inches of a class
_DATE_HEIGHT = 0.16  # inches of a date
_FRAME = 1.0  # inches below and above all


@dataclass(eq=False, repr=False)
class EventsPerHourDisplay(Display):
    """How many events of each class are heard in each hour of each day.

    Each class has a field with a row for each day with recordings and a column for each
    hour. Hours without recordings are hatched; a line divides days with others between
    them that are left out. Create the display by :meth:`from_predictions` or
    :meth:`from_estimator`; all parameters are stored as attributes.

    Parameters
    ----------
    labels : sequence of str of length n_labels
        The class of each field.
    days : sequence of datetime.date of length n_days
        The day of each row.
    counts : array-like of shape (n_labels, n_days, 24)
        As :func:`~sklearn_sed.analysis.events_per_hour` returns them.
    seconds : array-like of shape (n_days, 24)
        How much of each hour was recorded.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the picture.
    figure_ : matplotlib Figure
        Figure that contains it.
    ims_ : list of matplotlib AxesImage
        The field of each class.

    See Also
    --------
    sklearn_sed.analysis.events_per_hour : The numbers.
    TimelineDisplay : The events of one recording.

    Examples
    --------
    >>> from sklearn_sed.events import make_events
    >>> from sklearn_sed.plotting import EventsPerHourDisplay
    >>> filenames = ["WOOD_20240131_053000.wav", "WOOD_20240201_053000.wav"]
    >>> y_pred = [make_events([1.0], [2.0], ["Owl"]), make_events([], [], [])]
    >>> display = EventsPerHourDisplay.from_predictions(
    ...     filenames, y_pred, durations=600
    ... )
    >>> display.counts[0, :, 5]
    array([1, 0])
    """

    labels: Any
    days: Any
    counts: Any
    seconds: Any

    def plot(self, ax=None, *, cmap="viridis_r", colorbar=True):
        """Draw the fields.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; those of a new figure when None.
        cmap : str or Colormap, default="viridis_r"
            Colours of the counts. No events are white.
        colorbar : bool, default=True
            Whether to draw the scale.

        Returns
        -------
        display : EventsPerHourDisplay
            This display.

        Raises
        ------
        ValueError
            If there is no class or no day, or the shapes do not fit.
        """
        counts, seconds = self._check()
        n_labels, n_days, _ = counts.shape
        field = self._field_height()
        ax = self._prepare_axes(ax, *self._size())
        # The unit of height is an inch of the figure that this would be alone in.
        bottom = n_labels * (field + _GAP)
        counts = np.ma.masked_array(counts, np.broadcast_to(seconds == 0, counts.shape))
        highest = int(np.max(self.counts))
        self.ims_, ticks, names = [], [], []
        for number, label in enumerate(self.labels):
            top = number * (field + _GAP) + _GAP
            extent = (0.0, 24.0, top + field, top)
            self._hatch(top, field)
            self.ims_.append(
                draw_counts(ax, counts[number], highest, cmap, extent=extent)
            )
            self._outline(top, field)
            ax.text(
                *(0.0, top - 0.05, class_name(label)),
                **{"ha": "left", "va": "bottom", "weight": "bold", "size": "small"},
            )
            for day in _chosen(n_days, field):
                ticks.append(top + field * (day + 0.5) / n_days)
                names.append(f"{self.days[day].day} {self.days[day]:%b}")
        ax.set_yticks(ticks, names, size="small")
        ax.tick_params(axis="y", length=0)
        ax.set_xticks(range(0, 25, 3))
        ax.set(
            xlim=(0, 24), ylim=(bottom, 0.0), xlabel=f"Hour of the day, {self._years()}"
        )
        ax.spines[:].set_visible(False)
        if colorbar:
            count_bar(ax, self.ims_[0], "Events in the hour")
        if (seconds == 0).any():
            self._explain_hatches()
        return self

    def _field_height(self):
        """Return the height of a class in inches."""
        return min(max(_DAY_HEIGHT * len(self.days), _LEAST), _MOST)

    def _size(self):
        """Return width and height of a figure in inches."""
        return _WIDTH, _FRAME + len(self.labels) * (self._field_height() + _GAP)

    def _check(self):
        """Return the counts and the seconds as arrays."""
        counts = np.asarray(self.counts)
        seconds = np.asarray(self.seconds, dtype=np.float64)
        n_labels, n_days = len(self.labels), len(self.days)
        if not n_labels or not n_days:
            missing = "class" if n_days else "day with recordings"
            raise ValueError(f"there is no {missing}: there is nothing to draw")
        expected = (n_labels, n_days, 24), (n_days, 24)
        if (counts.shape, seconds.shape) != expected:
            raise ValueError(
                f"counts and seconds have the shapes {counts.shape} and "
                f"{seconds.shape}, for {n_labels} classes and {n_days} days these must "
                f"be {expected[0]} and {expected[1]}"
            )
        return counts, seconds

    def _hatch(self, top, field):
        """Draw what lies behind a field, which shows where nothing was recorded."""
        from matplotlib.patches import Rectangle

        self.ax_.add_patch(Rectangle((0.0, top), 24.0, field, **_HATCH))

    def _outline(self, top, field):
        """Draw the edges of a field, and the lines between days that are apart."""
        from matplotlib.patches import Rectangle

        frame = {"fill": False, "edgecolor": "0.5", "linewidth": 0.6, "clip_on": False}
        self.ax_.add_patch(Rectangle((0.0, top), 24.0, field, **frame))
        for row in range(1, len(self.days)):
            if self.days[row] - self.days[row - 1] > timedelta(days=1):
                height = top + field * row / len(self.days)
                self.ax_.plot([0, 24], [height] * 2, color="0.3", linewidth=0.8)

    def _years(self):
        """Return the years that the days are in."""
        first, last = self.days[0].year, self.days[-1].year
        return f"{first}" if first == last else f"{first} to {last}"

    def _explain_hatches(self):
        """Say what is hatched, above the fields on the right."""
        from matplotlib.patches import Patch

        self.ax_.legend(
            handles=[Patch(**_HATCH, label="not recorded")],
            loc="lower right",
            bbox_to_anchor=(1.0, 1.0),
            frameon=False,
            borderaxespad=0.0,
            fontsize="small",
        )

    @classmethod
    def from_predictions(
        cls,
        filenames,
        y_pred,
        *,
        starts=None,
        durations=None,
        labels=None,
        ax=None,
        **kwargs,
    ):
        """Count events by the hour and draw the counts.

        Parameters
        ----------
        filenames : sequence of str or Path of length n_clips
            The recordings, whose names say when they began.
        y_pred : sequence of DataFrame of length n_clips
            Their events.
        starts : sequence of datetime of length n_clips, default=None
            When each recording began; by default
            :func:`~sklearn_sed.events.recording_start` of its name.
        durations : float or array-like of shape (n_clips,), default=None
            The length of each recording in seconds. By default it ends with its last
            event.
        labels : sequence of str of length n_labels, default=None
            The classes to show. By default those that occur, sorted.
        ax : matplotlib Axes, default=None
            Axes to draw on; those of a new figure when None.
        **kwargs : dict
            Keyword arguments of :meth:`plot`.

        Returns
        -------
        display : EventsPerHourDisplay
            The display, drawn.

        Raises
        ------
        AnnotationError
            If the name of a recording has no time, or several.
        ValueError
            If there is nothing to draw.
        """
        if starts is None:
            starts = [_start(name) for name in filenames]
        hourly = events_per_hour(starts, y_pred, durations=durations, labels=labels)
        return cls(*hourly).plot(ax, **kwargs)

    @classmethod
    def from_estimator(cls, estimator, X, y=None, *, filenames=None, **kwargs):
        """Find events, count them by the hour and draw the counts.

        Parameters
        ----------
        estimator : estimator
            Fitted; its ``predict`` returns event tables.
        X : sequence of n_clips items
            What the estimator takes: paths, features, waveforms.
        y : object, default=None
            Ignored.
        filenames : sequence of str or Path of length n_clips, default=None
            The names of the recordings; by default X, which are paths then.
        **kwargs : dict
            Keyword arguments of :meth:`from_predictions` (`starts`, `durations`,
            `labels`, `ax`) and of :meth:`plot`.

        Returns
        -------
        display : EventsPerHourDisplay
            The display, drawn.
        """
        filenames = X if filenames is None else filenames
        return cls.from_predictions(filenames, estimator.predict(X), **kwargs)


_HATCH = {
    "facecolor": "0.93",
    "edgecolor": "0.75",
    "hatch": "/////",
    "linewidth": 0.0,
    "zorder": -1,
}


def _chosen(n_days: int, field: float) -> range:
    """Return the days of a field of a height whose dates there is room for."""
    return range(0, n_days, math.ceil(n_days * _DATE_HEIGHT / field))


def _start(name: Any) -> Any:
    """Return when a recording began, or say that its name does not tell."""
    start = recording_start(name)
    if start is None:
        raise AnnotationError(
            str(name),
            "its name has no date and time, such as 20240131_053000; pass starts",
        )
    return start
