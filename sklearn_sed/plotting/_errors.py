"""What becomes of events, and the causes of errors."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from sklearn_sed.analysis import event_errors
from sklearn_sed.plotting._style import (
    BLACK,
    CYCLE,
    Display,
    class_name,
    legend_of_curves,
)

# One colour for what is right, blues for boundaries, warm colours for what is lost or
# mistaken for something else, greys for what nobody asked for.
COLORS = {
    "found": CYCLE[2],
    "onset off": CYCLE[5],
    "offset off": CYCLE[0],
    "both off": "#003A5C",
    "merged": CYCLE[1],
    "split": "#F0E442",
    "missed": CYCLE[3],
    "missed tag": CYCLE[4],
    "false alarm": "0.45",
    "false tag": "0.75",
}
SUPERFLUOUS = ("false alarm", "false tag")


@dataclass(eq=False, repr=False)
class EventErrorsDisplay(Display):
    """How many events are found, and which cause the errors have, as stacked bars.

    Right of zero, a bar counts the reference events of a class or of a range of
    durations, those that are found first; left of zero, the superfluous estimated
    events. Create the display by :meth:`from_predictions` or :meth:`from_estimator`;
    all parameters are stored as attributes.

    Parameters
    ----------
    errors : DataFrame
        As :func:`~sklearn_sed.analysis.event_errors` returns it.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the bars.
    figure_ : matplotlib Figure
        Figure that contains it.
    bars_ : dict from str to matplotlib BarContainer
        The bars of each cause, one bar for each class or range.
    counts_ : DataFrame of shape (n_bars, n_causes)
        How many events each bar stands for.

    See Also
    --------
    sklearn_sed.analysis.event_errors : The numbers, and what each cause means.

    Examples
    --------
    >>> from sklearn_sed.events import make_events
    >>> from sklearn_sed.plotting import EventErrorsDisplay
    >>> y_true = [make_events([0.0, 2.0, 5.0], [1.0, 2.4, 8.0], ["Dog", "Dog", "Cat"])]
    >>> y_pred = [make_events([0.0, 5.5], [1.0, 8.0], ["Dog", "Cat"])]
    >>> display = EventErrorsDisplay.from_predictions(y_true, y_pred)
    >>> display.counts_.loc["Dog", ["found", "missed"]].tolist()
    [1, 1]
    """

    errors: pd.DataFrame

    def plot(
        self,
        ax=None,
        *,
        by="event_label",
        bins=(0.25, 0.5, 1.0, 2.0),
        legend=True,
        bar_kwargs=None,
    ):
        """Draw the bars.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; those of a new figure when None.
        by : {"event_label", "duration"}, default="event_label"
            What a bar stands for: a class, or a range of durations.
        bins : sequence of float, default=(0.25, 0.5, 1.0, 2.0)
            Durations in seconds at which one range ends and the next begins, for
            ``by="duration"``. An event that lasts for one of them belongs to the longer
            range.
        legend : bool, default=True
            Whether to name the causes that occur.
        bar_kwargs : dict, default=None
            Keyword arguments of :meth:`matplotlib.axes.Axes.barh`.

        Returns
        -------
        display : EventErrorsDisplay
            This display.

        Raises
        ------
        ValueError
            If there is no class or an unknown cause, `by` is something else, or `bins`
            are not positive and ascending.
        """
        self.counts_ = self._count(by, bins)
        names = [class_name(name) for name in self.counts_.index]
        ax = self._prepare_axes(ax, 6.4, 0.9 + 0.36 * max(len(names), 5))
        right, left = np.zeros((2, len(names)))
        self.bars_ = {}
        for cause, counts in self.counts_.items():
            style = {"color": COLORS[cause], "height": 0.7} | (bar_kwargs or {})
            if counts.any():  # the legend names it
                style["label"] = cause
            side, sign = (left, -1) if cause in SUPERFLUOUS else (right, 1)
            widths = sign * counts.to_numpy()
            self.bars_[cause] = ax.barh(range(len(names)), widths, left=side, **style)
            side += widths
        ax.use_sticky_edges = False  # bars keep away from the frame on both sides
        ax.axvline(0.0, color=BLACK, linewidth=0.8)
        ax.set_yticks(range(len(names)), names)
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.xaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
        ax.set(
            ylim=(len(names) - 0.5, -0.5),
            xlabel="Events (left of 0: superfluous)",
        )
        if by == "duration":
            ax.set_ylabel("Duration (s)")
        if legend and self.counts_.any(axis=None):
            legend_of_curves(ax, many=True, loc="best")
        return self

    def _count(self, by, bins):
        """Return how many events of each class or range have each cause."""
        unknown = sorted(set(self.errors["cause"]) - set(COLORS))
        if unknown:
            raise ValueError(
                f"errors holds the cause {unknown[0]!r}; those of event_errors are "
                f"{', '.join(COLORS)}"
            )
        if by == "event_label":
            groups = pd.Categorical(self.errors["event_label"])
        elif by == "duration":
            edges = np.array(bins, dtype=np.float64, ndmin=1)
            if edges.ndim > 1 or not edges.size or not (np.diff([0, *edges]) > 0).all():
                raise ValueError(
                    f"bins must be durations in seconds, positive and ascending, got "
                    f"{bins!r}"
                )
            # Times are compared to the microsecond.
            seconds = np.round(self.errors["duration"], 6)
            names = [f"{low:g} to {high:g}" for low, high in pairwise(edges)]
            names = [f"< {edges[0]:g}", *names, f"≥ {edges[-1]:g}"]
            groups = pd.Categorical.from_codes(np.digitize(seconds, edges), names)
        else:
            raise ValueError(f"by must be 'event_label' or 'duration', got {by!r}")
        if not len(groups.categories):
            raise ValueError("errors holds no class: there is nothing to draw")
        causes = pd.Categorical(self.errors["cause"], list(COLORS))
        table = pd.DataFrame({by: groups, "cause": causes})
        return table.groupby([by, "cause"], observed=False).size().unstack()

    @classmethod
    def from_predictions(
        cls,
        y_true,
        y_pred,
        *,
        t_collar=0.2,
        percentage_of_length=0.2,
        durations=None,
        labels=None,
        ax=None,
        **kwargs,
    ):
        """Find the causes of errors and draw how many events have which.

        Parameters
        ----------
        y_true : sequence of DataFrame of length n_clips
            Reference events.
        y_pred : sequence of DataFrame of length n_clips
            Estimated events.
        t_collar, percentage_of_length, durations, labels
            As in :func:`~sklearn_sed.analysis.event_errors`; classes are drawn in the
            order of `labels`, from top to bottom.
        ax : matplotlib Axes, default=None
            Axes to draw on; those of a new figure when None.
        **kwargs : dict
            Keyword arguments of :meth:`plot`.

        Returns
        -------
        display : EventErrorsDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            For the reasons of :func:`~sklearn_sed.analysis.event_errors` and of
            :meth:`plot`.
        """
        errors = event_errors(
            y_true,
            y_pred,
            t_collar=t_collar,
            percentage_of_length=percentage_of_length,
            durations=durations,
            labels=labels,
        )
        return cls(errors).plot(ax, **kwargs)

    @classmethod
    def from_estimator(cls, estimator, X, y, **kwargs):
        """Find events and draw the causes of errors.

        Parameters
        ----------
        estimator : estimator
            Fitted; its ``predict`` returns event tables.
        X : sequence of n_clips items
            What the estimator takes: features, paths, waveforms.
        y : sequence of DataFrame of length n_clips
            Reference events.
        **kwargs : dict
            Keyword arguments of :meth:`from_predictions` (`labels`, `t_collar`, `ax`
            and so on) and of :meth:`plot`.

        Returns
        -------
        display : EventErrorsDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            For the reasons of :meth:`from_predictions`.
        """
        return cls.from_predictions(y, estimator.predict(X), **kwargs)
