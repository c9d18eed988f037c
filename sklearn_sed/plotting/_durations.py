"""How long the events of each class last."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_sed.analysis import event_durations
from sklearn_sed.plotting._style import (
    ESTIMATED_COLOR,
    REFERENCE_COLOR,
    Display,
    class_name,
    divide_lanes,
    legend_above,
)

BOX_HEIGHT = 0.3


@dataclass(eq=False, repr=False)
class EventDurationsDisplay(Display):
    """Distributions of event durations, reference against estimated, class by class.

    A box spans the middle half of the events, its line is the median, whiskers reach
    from the 5th to the 95th percentile; every event is a dot. Create the display by
    :meth:`from_predictions` or :meth:`from_estimator`; all parameters are stored as
    attributes.

    Parameters
    ----------
    durations_true : dict from label to array-like of shape (n_events,)
        Durations of the reference events in seconds, as
        :func:`~sklearn_sed.analysis.event_durations` returns them.
    durations_pred : dict from label to array-like of shape (n_events,), default=None
        Durations of the estimated events in seconds.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the boxes.
    figure_ : matplotlib Figure
        Figure that contains it.
    boxes_true_, boxes_pred_ : dict or None
        The boxes, as :meth:`matplotlib.axes.Axes.boxplot` returns them.

    See Also
    --------
    sklearn_sed.analysis.event_durations : The numbers.

    Examples
    --------
    >>> from sklearn_sed.events import make_events
    >>> from sklearn_sed.plotting import EventDurationsDisplay
    >>> y_true = [make_events([0.0, 2.0], [0.5, 4.0], ["Dog", "Speech"])]
    >>> y_pred = [make_events([0.0, 2.0], [0.3, 2.5], ["Dog", "Speech"])]
    >>> display = EventDurationsDisplay.from_predictions(y_true, y_pred)
    >>> display.durations_pred["Speech"]
    array([0.5])
    """

    durations_true: Any
    durations_pred: Any = None

    def plot(self, ax=None, *, log_scale=True, show_events=True, legend=True):
        """Draw the distributions.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; those of a new figure when None.
        log_scale : bool, default=True
            Whether durations are on a logarithmic scale: a click and a vacuum cleaner
            differ by orders of magnitude.
        show_events : bool, default=True
            Whether to draw a dot for every event. On a logarithmic scale there is none
            for an event without length.
        legend : bool, default=True
            Whether to say which boxes are which.

        Returns
        -------
        display : EventDurationsDisplay
            This display.

        Raises
        ------
        ValueError
            If there is no class.
        """
        pred = self.durations_pred
        labels = list(self.durations_true)
        labels += [label for label in pred or {} if label not in labels]
        if not labels:
            raise ValueError("durations_true holds no class: there is nothing to draw")
        ax = self._prepare_axes(ax, 5.0, 1.1 + 0.42 * len(labels))
        shift = 0.0 if pred is None else 0.2
        true = {"color": REFERENCE_COLOR, "label": "reference"}
        self.boxes_true_ = self._draw(
            self.durations_true, labels, -shift, show_events, **true
        )
        self.boxes_pred_ = None
        if pred is not None:
            found = {"color": ESTIMATED_COLOR, "label": "estimated"}
            self.boxes_pred_ = self._draw(pred, labels, shift, show_events, **found)
        ax.set_yticks(range(len(labels)), [class_name(label) for label in labels])
        ax.set(ylim=(len(labels) - 0.5, -0.5), xlabel="Duration (s)")
        if log_scale:
            from matplotlib.ticker import LogLocator, NullFormatter

            ax.set_xscale("log")
            ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
            ax.xaxis.set_minor_formatter(NullFormatter())
        divide_lanes(ax, len(labels))
        if legend:
            legend_above(ax)
        return self

    def _draw(self, durations, labels, shift, show_events, *, color, label):
        """Draw one box for each class that has events, and a dot for each event."""
        drawn = [
            (lane + shift, np.asarray(durations[name], dtype=np.float64))
            for lane, name in enumerate(labels)
            if len(durations.get(name, ()))
        ]
        ax = self.ax_
        for lane, seconds in drawn if show_events else ():
            # The dots of a class are spread evenly over the height of its box.
            spread = BOX_HEIGHT * ((np.arange(len(seconds)) * 0.618) % 1.0 - 0.5)
            ax.plot(seconds, lane + spread, ".", color=color, alpha=0.5, markersize=3)
        boxes = ax.boxplot(
            [seconds for _, seconds in drawn],
            positions=[lane for lane, _ in drawn],
            orientation="horizontal",
            widths=BOX_HEIGHT,
            whis=(5, 95),
            showfliers=False,
            patch_artist=True,
            manage_ticks=False,
            boxprops={"facecolor": "white", "alpha": 0.7, "edgecolor": color},
            medianprops={"color": color, "linewidth": 2.0},
            whiskerprops={"color": color},
            capprops={"color": color},
        )
        ax.plot([], [], color=color, linewidth=4.0, label=label)
        return boxes

    @classmethod
    def from_predictions(cls, y_true, y_pred=None, *, labels=None, ax=None, **kwargs):
        """Collect the durations of events and draw their distributions.

        Parameters
        ----------
        y_true : sequence of DataFrame of length n_clips
            Reference events.
        y_pred : sequence of DataFrame of length n_clips, default=None
            Estimated events.
        labels : sequence of str, default=None
            The classes to show, from top to bottom. By default those that occur.
        ax : matplotlib Axes, default=None
            Axes to draw on; those of a new figure when None.
        **kwargs : dict
            Keyword arguments of :meth:`plot`.

        Returns
        -------
        display : EventDurationsDisplay
            The display, drawn.
        """
        pred = None if y_pred is None else event_durations(y_pred, labels)
        return cls(event_durations(y_true, labels), pred).plot(ax, **kwargs)

    @classmethod
    def from_estimator(cls, estimator, X, y, **kwargs):
        """Find events and draw the distributions of their durations.

        Parameters
        ----------
        estimator : estimator
            Fitted; its ``predict`` returns event tables.
        X : sequence of n_clips items
            What the estimator takes: features, paths, waveforms.
        y : sequence of DataFrame of length n_clips
            Reference events.
        **kwargs : dict
            Keyword arguments of :meth:`from_predictions` (`labels`, `ax`) and of
            :meth:`plot`.

        Returns
        -------
        display : EventDurationsDisplay
            The display, drawn.
        """
        return cls.from_predictions(y, estimator.predict(X), **kwargs)
