"""How much the score curves of the classes resemble each other."""

from dataclasses import KW_ONLY, dataclass
from itertools import permutations
from typing import Any

import numpy as np

from sklearn_sed._labels._check import check_tags
from sklearn_sed._unwrap import unwrap
from sklearn_sed.analysis import class_correlation, mean_off_diagonal
from sklearn_sed.plotting._style import Display, class_name


@dataclass(eq=False, repr=False)
class ClassCorrelationDisplay(Display):
    """Matrix of how much the score curves of the classes resemble each other.

    Create the display by :meth:`from_predictions` or :meth:`from_estimator`; all
    parameters are stored as attributes.

    Parameters
    ----------
    correlation : ndarray of shape (n_classes, n_classes)
        As :func:`~sklearn_sed.analysis.class_correlation` returns it.
    display_labels : sequence of str of length n_classes, default=None
        The class of each row and column. None numbers them.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the matrix.
    figure_ : matplotlib Figure
        Figure that contains it.
    im_ : matplotlib AxesImage
        The matrix.
    text_ : ndarray of shape (n_classes, n_classes), dtype object, or None
        The values written into it; None on the diagonal.
    mean_off_diagonal_ : float
        The mean over pairs of classes that the title gives, negative ones counted 0.

    See Also
    --------
    sklearn_sed.analysis.class_correlation : The numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sed.plotting import ClassCorrelationDisplay
    >>> frame_proba = np.random.default_rng(0).random((4, 50, 3))
    >>> display = ClassCorrelationDisplay.from_predictions(
    ...     frame_proba, classes=["Cat", "Dog", "Speech"]
    ... )
    >>> display.correlation.shape
    (3, 3)
    """

    correlation: Any
    _: KW_ONLY
    display_labels: Any = None

    def plot(
        self,
        ax=None,
        *,
        cmap=None,
        include_values=None,
        values_format="z.2f",
        colorbar=True,
        im_kwargs=None,
    ):
        """Draw the matrix.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; those of a new figure when None.
        cmap : str or Colormap, default=None
            Colours. By default "RdBu_r" from −1 to 1 where there are negative values,
            else "cividis" from 0 to 1.
        include_values : bool, default=None
            Whether to write the values into the matrix. By default up to 12 classes.
        values_format : str, default="z.2f"
            Format of the values.
        colorbar : bool, default=True
            Whether to draw the colour scale.
        im_kwargs : dict, default=None
            Keyword arguments of :meth:`matplotlib.axes.Axes.imshow`.

        Returns
        -------
        display : ClassCorrelationDisplay
            This display.

        Raises
        ------
        ValueError
            If the matrix is not square, or the labels do not fit it.
        """
        matrix, names = self._check()
        side = 2.2 + 0.38 * len(matrix)
        ax = self._prepare_axes(ax, side + 1.2, side)
        signed = matrix.min() < 0
        style = {
            "cmap": cmap or ("RdBu_r" if signed else "cividis"),
            "vmin": -1.0 if signed else 0.0,
            "vmax": 1.0,
        }
        self.im_ = ax.imshow(matrix, **style | (im_kwargs or {}))
        if include_values is None:
            include_values = len(matrix) <= 12
        self.text_ = None
        if include_values:
            self.text_ = self._write_values(matrix, values_format)
        ax.set_xticks(range(len(matrix)), names, rotation=45, ha="right")
        for tick in ax.get_xticklabels():
            tick.set_rotation_mode("anchor")
        ax.set_yticks(range(len(matrix)), names)
        self.mean_off_diagonal_ = mean_off_diagonal(matrix)
        ax.set_title(
            f"mean off the diagonal: {self.mean_off_diagonal_:.2f}", size="medium"
        )
        if colorbar:
            self.figure_.colorbar(
                self.im_,
                cax=ax.inset_axes((1.03, 0.0, 0.04, 1.0)),
                ticks=np.linspace(-1, 1, 5) if signed else np.linspace(0, 1, 3),
            )
        return self

    def _check(self):
        """Return the matrix as an array, and the names of its rows."""
        matrix = np.asarray(self.correlation, dtype=np.float64)
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.size:
            raise ValueError(f"correlation must be square, got shape {matrix.shape}")
        if self.display_labels is None:
            return matrix, [str(index) for index in range(len(matrix))]
        names = [class_name(label) for label in self.display_labels]
        if len(names) != len(matrix):
            raise ValueError(
                f"display_labels has {len(names)} names for {len(matrix)} classes"
            )
        return matrix, names

    def _write_values(self, matrix, values_format):
        """Write each value off the diagonal in black or white, whichever is clearer."""
        text = np.full(matrix.shape, None, dtype=object)
        size = "medium" if len(matrix) <= 5 else "x-small"
        style = {"ha": "center", "va": "center", "size": size}
        luminance = self.im_.to_rgba(matrix)[..., :3] @ (0.299, 0.587, 0.114)
        for row, column in permutations(range(len(matrix)), 2):
            value = format(matrix[row, column], values_format).replace("0.", ".", 1)
            color = "white" if luminance[row, column] < 0.5 else "black"
            text[row, column] = self.ax_.text(column, row, value, color=color, **style)
        return text

    @classmethod
    def from_predictions(
        cls,
        frame_proba,
        *,
        classes=None,
        tags=None,
        method="pearson",
        level="frame",
        ax=None,
        **kwargs,
    ):
        """Correlate frame scores and draw the matrix.

        Parameters
        ----------
        frame_proba : array-like of shape (n_clips, n_frames, n_classes) or sequence \
                of array-like of shape (n_frames_i, n_classes)
            Frame scores of each clip.
        classes : sequence of str of length n_classes, default=None
            The class of each column.
        tags, method, level
            As in :func:`~sklearn_sed.analysis.class_correlation`.
        ax : matplotlib Axes, default=None
            Axes to draw on; those of a new figure when None.
        **kwargs : dict
            Keyword arguments of :meth:`plot`.

        Returns
        -------
        display : ClassCorrelationDisplay
            The display, drawn.
        """
        correlation = class_correlation(
            frame_proba, tags=tags, method=method, level=level
        )
        return cls(correlation, display_labels=classes).plot(ax, **kwargs)

    @classmethod
    def from_estimator(cls, estimator, X, y=None, **kwargs):
        """Compute frame scores, correlate them and draw the matrix.

        Parameters
        ----------
        estimator : estimator
            Fitted; it, or the last step of a pipeline, has ``predict_frame_proba`` and
            ``classes_``.
        X : sequence of n_clips items
            What the estimator takes: features, paths, waveforms.
        y : weak or strong labels of length n_clips, default=None
            Known tags: a pair of classes is then compared in the clips that have both.
        **kwargs : dict
            Keyword arguments of :meth:`from_predictions` (`method`, `level`, `ax`) and
            of :meth:`plot`.

        Returns
        -------
        display : ClassCorrelationDisplay
            The display, drawn.
        """
        inside = unwrap(estimator)
        model = inside.estimator
        frame_proba = model.predict_frame_proba(inside.transform(X))
        tags = None
        if y is not None:
            tags = check_tags(y, len(frame_proba), model.classes_).indicator == 1
        return cls.from_predictions(
            frame_proba, classes=model.classes_, tags=tags, **kwargs
        )
