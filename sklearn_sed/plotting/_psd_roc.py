"""PSD-ROC curves: what is found against what is falsely found, at all thresholds."""

from dataclasses import KW_ONLY, dataclass

import numpy as np

from sklearn_sed._clips._check import check_time_resolution
from sklearn_sed.events import is_event_tables
from sklearn_sed.metrics import PSDROC, psd_roc_curve
from sklearn_sed.metrics._scorers import SCENARIOS, lengths_of, scored_output
from sklearn_sed.plotting._style import (
    Display,
    class_style,
    legend_of_curves,
    overall_style,
)


@dataclass(eq=False, repr=False)
class PSDROCDisplay(Display):
    """PSD-ROC curve, whose area is the PSDS, and the curves of the classes.

    Create the display by :meth:`from_predictions` or :meth:`from_estimator`; all
    parameters are stored as attributes.

    Parameters
    ----------
    curve : PSDROC
        As :func:`~sklearn_sed.metrics.psd_roc_curve` returns it.
    name : str, default=None
        What to call the curve in the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curves.
    figure_ : matplotlib Figure
        Figure that contains it.
    line_ : matplotlib Line2D
        The curve over all classes.
    class_lines_ : dict from label to matplotlib Line2D
        The curves of the classes, where drawn.

    See Also
    --------
    sklearn_sed.metrics.psd_roc_curve : The numbers.

    Examples
    --------
    >>> from sklearn_sed.events import make_events
    >>> from sklearn_sed.plotting import PSDROCDisplay
    >>> y_true = [make_events([1.0], [3.0], ["Dog"])]
    >>> frame_proba = [[[0.1], [0.9], [0.8], [0.3]]]
    >>> display = PSDROCDisplay.from_predictions(
    ...     y_true, frame_proba, time_resolution=1.0, labels=["Dog"], durations=4.0
    ... )
    >>> display.curve.psds
    1.0
    """

    curve: PSDROC
    _: KW_ONLY
    name: str | None = None

    def plot(self, ax=None, *, name=None, plot_classes=True, line_kwargs=None):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; those of a new figure when None.
        name : str, default=None
            What to call the curve in the legend; by default the display's own name.
        plot_classes : bool, default=True
            Whether to draw a curve for each class.
        line_kwargs : dict, default=None
            Style of the curve over all classes: keyword arguments of
            :meth:`matplotlib.axes.Axes.plot`.

        Returns
        -------
        display : PSDROCDisplay
            This display.
        """
        curve = self.curve
        ax = self._prepare_axes(ax, 6.0 if plot_classes else 4.2, 3.6)
        areas = curve.class_psds if plot_classes else {}
        self.class_lines_ = {
            label: self._draw(
                curve.class_efpr[label],
                curve.class_tpr[label],
                class_style(index, label, area),
            )
            for index, (label, area) in enumerate(areas.items())
        }
        style = overall_style(name or self.name, f"PSDS = {curve.psds:.3f}")
        self.line_ = self._draw(curve.efpr, curve.tpr, style | (line_kwargs or {}))
        ax.set(
            xlim=(0.0, curve.max_efpr),
            ylim=(0.0, 1.02),
            xlabel="Effective false positives per hour",
            ylabel="Effective true positive rate",
        )
        legend_of_curves(ax, many=plot_classes, loc="lower right")
        return self

    def _draw(self, efpr, tpr, style):
        """Draw a staircase from no false positives to the end of the curve."""
        x = np.concatenate([[0.0], efpr, [self.curve.max_efpr]])
        y = np.concatenate([[0.0], tpr, tpr[-1:]])
        return self.ax_.plot(x, y, drawstyle="steps-post", **style)[0]

    @classmethod
    def from_predictions(
        cls,
        y_true,
        y_score,
        *,
        labels,
        time_resolution=None,
        time_offset=None,
        durations=None,
        scenario=1,
        name=None,
        ax=None,
        **kwargs,
    ):
        """Compute the curves from scores and draw them.

        Parameters
        ----------
        y_true : sequence of DataFrame of length n_clips
            Reference events.
        y_score : sequence of array-like of shape (n_frames, n_labels), or of DataFrame
            Frame scores of each clip, or events with a column `score`.
        labels : sequence of str of length n_labels
            The class of each column; of events, all that occur.
        time_resolution : float, default=None
            Seconds per frame. By default what the scores carry.
        time_offset : float, default=None
            When frame 0 begins, in seconds. By default what the scores carry, else 0.
        durations : float or array-like of shape (n_clips,), default=None
            Length of each clip in seconds. By default what the scores carry, else the
            length of their frames; of events they must be given.
        scenario : {1, 2} or dict, default=1
            Criteria and weights: those of scenario 1 (react fast) or 2 (do not confuse
            classes) of the DCASE challenge, or your own keyword arguments of
            :func:`~sklearn_sed.metrics.psd_roc_curve`.
        name : str, default=None
            What to call the curve in the legend.
        ax : matplotlib Axes, default=None
            Axes to draw on; those of a new figure when None.
        **kwargs : dict
            Keyword arguments of :meth:`plot`.

        Returns
        -------
        display : PSDROCDisplay
            The display, drawn.

        Raises
        ------
        TimeResolutionError
            If nothing says how long a frame lasts.
        ValueError
            If the scenario is unknown, `durations` are missing, or for the reasons of
            :func:`~sklearn_sed.metrics.psd_roc_curve`.
        """
        if not isinstance(scenario, dict) and scenario not in SCENARIOS:
            raise ValueError(f"scenario must be 1, 2 or a dict, got {scenario!r}")
        if durations is None and is_event_tables(y_score):
            raise ValueError("events do not say how long clips are: pass durations")
        if durations is None:
            clock = getattr(y_score, "time_resolution", None)
            resolution = check_time_resolution(time_resolution, clock)
            durations = lengths_of(y_score, resolution)
        curve = psd_roc_curve(
            y_true,
            y_score,
            time_resolution=time_resolution,
            time_offset=time_offset,
            labels=labels,
            durations=durations,
            **scenario if isinstance(scenario, dict) else SCENARIOS[scenario],
        )
        return cls(curve, name=name).plot(ax, **kwargs)

    @classmethod
    def from_estimator(cls, estimator, X, y, **kwargs):
        """Compute frame scores and their curves, and draw them.

        Parameters
        ----------
        estimator : estimator
            Fitted; it, or the last step of a pipeline, has ``predict_frame_proba`` and
            ``classes_``. A class of `y` that it does not know is never found.
        X : sequence of n_clips items
            What the estimator takes: features, paths, waveforms.
        y : sequence of DataFrame of length n_clips
            Reference events.
        **kwargs : dict
            Keyword arguments of :meth:`from_predictions` (`scenario`, `name`, `ax`) and
            of :meth:`plot`.

        Returns
        -------
        display : PSDROCDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            For the reasons of :meth:`from_predictions`.
        """
        return cls.from_predictions(y, **scored_output(estimator, X, y), **kwargs)
