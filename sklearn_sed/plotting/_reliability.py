"""How often what is called probable is true."""

from dataclasses import KW_ONLY, dataclass
from typing import Any

from sklearn_sed.calibration import CalibrationCurve, multilabel_calibration_curve
from sklearn_sed.plotting._style import (
    Display,
    class_style,
    legend_of_curves,
    overall_style,
)


@dataclass(eq=False, repr=False)
class ReliabilityDisplay(Display):
    """Reliability diagram of tag probabilities, with the distribution of these.

    A calibrated tagger keeps to the diagonal; below it, the tagger is too sure of the
    classes. Bars along the bottom show which fraction of the probabilities is in each
    bin. Create the display by :meth:`from_predictions` or :meth:`from_estimator`; all
    parameters are stored as attributes.

    Parameters
    ----------
    curve : CalibrationCurve
        Of all classes together, as
        :func:`~sklearn_sed.calibration.multilabel_calibration_curve` returns it.
    class_curves : dict from label to CalibrationCurve, default=None
        The curve of each class.
    name : str, default=None
        What to call the curve in the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curves.
    figure_ : matplotlib Figure
        Figure that contains it.
    line_ : matplotlib Line2D
        The curve of all classes together.
    class_lines_ : dict from label to matplotlib Line2D
        The curves of the classes, where drawn.
    diagonal_ : matplotlib Line2D
        Perfect calibration.
    bars_ : matplotlib BarContainer or None
        The distribution of the probabilities.

    See Also
    --------
    sklearn_sed.calibration.CalibratedTaggerCV : Makes probabilities reliable.
    sklearn.calibration.CalibrationDisplay : The like for one class.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sed.plotting import ReliabilityDisplay
    >>> rng = np.random.default_rng(0)
    >>> y_proba = rng.random((100, 2))
    >>> y_true = (rng.random((100, 2)) < y_proba).astype(int)
    >>> display = ReliabilityDisplay.from_predictions(
    ...     y_true, y_proba, labels=["Cat", "Dog"]
    ... )
    >>> round(display.curve.error, 2) < 0.1
    True
    """

    curve: CalibrationCurve
    _: KW_ONLY
    class_curves: dict[Any, CalibrationCurve] | None = None
    name: str | None = None

    def plot(
        self,
        ax=None,
        *,
        name=None,
        plot_classes=True,
        show_distribution=True,
        line_kwargs=None,
    ):
        """Draw the diagram.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; those of a new figure when None.
        name : str, default=None
            What to call the curve in the legend; by default the display's own name.
        plot_classes : bool, default=True
            Whether to draw a curve for each class.
        show_distribution : bool, default=True
            Whether to draw the distribution of the probabilities.
        line_kwargs : dict, default=None
            Style of the curve of all classes together: keyword arguments of
            :meth:`matplotlib.axes.Axes.plot`.

        Returns
        -------
        display : ReliabilityDisplay
            This display.
        """
        class_curves = (self.class_curves or {}) if plot_classes else {}
        ax = self._prepare_axes(ax, 7.0 if class_curves else 4.2, 4.0)
        self.diagonal_ = ax.plot([0, 1], [0, 1], color="0.6", linestyle=":")[0]
        self.bars_ = None
        if show_distribution:
            share = self.curve.count / max(self.curve.count.sum(), 1)
            style = {"width": 0.03, "color": "0.8", "zorder": 0.5}
            self.bars_ = ax.bar(self.curve.prob_pred, share, **style)
        self.class_lines_ = {
            label: self._draw(curve, class_style(index, label, curve.error))
            for index, (label, curve) in enumerate(class_curves.items())
        }
        style = overall_style(name or self.name, f"ECE = {self.curve.error:.3f}")
        style |= {"marker": "o", "markersize": 5.0} | (line_kwargs or {})
        self.line_ = self._draw(self.curve, style)
        ax.set(
            xlim=(-0.01, 1.01),
            ylim=(-0.01, 1.01),
            xlabel="Mean predicted probability",
            ylabel="Fraction of clips with the class",
        )
        legend_of_curves(ax, many=bool(class_curves), loc="upper left")
        return self

    def _draw(self, curve, style):
        """Draw a curve."""
        return self.ax_.plot(curve.prob_pred, curve.prob_true, **style)[0]

    @classmethod
    def from_predictions(
        cls,
        y_true,
        y_proba,
        *,
        labels=None,
        n_bins=10,
        strategy="uniform",
        name=None,
        ax=None,
        **kwargs,
    ):
        """Compare probabilities with labels and draw the diagram.

        Parameters
        ----------
        y_true : array-like of n_clips labels
            Reference tags: an indicator, or with `labels` any weak or strong labels.
        y_proba : array-like of shape (n_clips, n_classes)
            Probability of each class in each clip.
        labels : sequence of str of length n_classes, default=None
            The class of each column. By default the names that `y_true` carries, or
            else numbers.
        n_bins : int, default=10
            Number of bins.
        strategy : {"uniform", "quantile"}, default="uniform"
            Bins of equal width, or with equally many probabilities.
        name : str, default=None
            What to call the curve in the legend.
        ax : matplotlib Axes, default=None
            Axes to draw on; those of a new figure when None.
        **kwargs : dict
            Keyword arguments of :meth:`plot`.

        Returns
        -------
        display : ReliabilityDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            For the reasons of
            :func:`~sklearn_sed.calibration.multilabel_calibration_curve`.
        """
        bins = {"labels": labels, "n_bins": n_bins, "strategy": strategy}
        curve, by_class = (
            multilabel_calibration_curve(y_true, y_proba, average=average, **bins)
            for average in ("micro", None)
        )
        names = getattr(y_true, "classes", None) if labels is None else labels
        if names is None:
            names = range(len(by_class))
        display = cls(curve, class_curves=dict(zip(names, by_class)), name=name)
        return display.plot(ax, **kwargs)

    @classmethod
    def from_estimator(cls, estimator, X, y, **kwargs):
        """Compute probabilities, compare them with labels and draw the diagram.

        Parameters
        ----------
        estimator : estimator
            Fitted, with ``predict_proba`` of shape (n_clips, n_classes) and
            ``classes_``.
        X : sequence of n_clips items
            What the estimator takes: features, paths, waveforms.
        y : weak or strong labels of length n_clips
            Reference labels.
        **kwargs : dict
            Keyword arguments of :meth:`from_predictions` (`n_bins`, `strategy`, `name`,
            `ax`) and of :meth:`plot`.

        Returns
        -------
        display : ReliabilityDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            For the reasons of :meth:`from_predictions`.
        """
        proba = estimator.predict_proba(X)
        return cls.from_predictions(y, proba, labels=estimator.classes_, **kwargs)
