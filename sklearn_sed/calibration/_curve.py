"""How far probabilities are from how often they come true."""

from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_array
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

from sklearn_sed._labels._check import check_tags
from sklearn_sed.exceptions import LabelError

_BINNING: dict[str, list] = {
    "n_bins": [Interval(Integral, 1, None, closed="left")],
    "strategy": [StrOptions({"uniform", "quantile"})],
}


@dataclass(frozen=True)
class CalibrationCurve:
    """Reliability curve: how often what is called probable is true.

    Attributes
    ----------
    prob_true : ndarray of shape (n_points,)
        Fraction of the clips in each bin that have the class.
    prob_pred : ndarray of shape (n_points,)
        Mean probability in each bin.
    count : ndarray of shape (n_points,)
        How many probabilities are in each bin. Empty bins are left out.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sed.calibration import CalibrationCurve
    >>> curve = CalibrationCurve(
    ...     prob_true=np.array([0.0, 1.0]),
    ...     prob_pred=np.array([0.2, 0.9]),
    ...     count=np.array([30, 10]),
    ... )
    >>> round(curve.error, 3)
    0.175
    """

    prob_true: np.ndarray
    prob_pred: np.ndarray
    count: np.ndarray

    @property
    def error(self) -> float:
        """Expected calibration error: mean distance of the two, weighted by count."""
        if not self.count.sum():
            return 0.0
        distance = np.abs(self.prob_true - self.prob_pred)
        return float(np.average(distance, weights=self.count))


@validate_params(
    _BINNING | {"average": [StrOptions({"micro"}), None]},
    prefer_skip_nested_validation=True,
)
def multilabel_calibration_curve(
    y_true: Any,
    y_proba: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    n_bins: int = 10,
    strategy: str = "uniform",
    average: str | None = "micro",
) -> CalibrationCurve | list[CalibrationCurve]:
    """Compare probabilities with how often they come true.

    Parameters
    ----------
    y_true : array-like of n_clips labels
        Reference tags: an indicator, or with `labels` any weak or strong labels.
        Unlabelled clips (rows of −1) are left out.
    y_proba : array-like of shape (n_clips, n_classes)
        Probability of each class in each clip, 0 to 1.
    labels : array-like of shape (n_classes,), default=None
        The class of each column.
    n_bins : int, default=10
        Number of bins.
    strategy : {"uniform", "quantile"}, default="uniform"
        Bins of equal width, or with equally many probabilities.
    average : {"micro", None}, default="micro"
        "micro": one curve for the probabilities of all classes together. None: a curve
        for each class.

    Returns
    -------
    curve : CalibrationCurve or list of n_classes CalibrationCurve
        The points of the curve, and how many probabilities are behind each.

    Raises
    ------
    LabelError
        If `y_true` cannot be understood or does not fit `y_proba`.
    ValueError
        If probabilities are not between 0 and 1, or a parameter is unknown.

    See Also
    --------
    sklearn.calibration.calibration_curve : The same for one class.

    Examples
    --------
    >>> from sklearn_sed.calibration import multilabel_calibration_curve
    >>> y_true = [[1, 0], [1, 1], [0, 0], [1, 0]]
    >>> y_proba = [[0.9, 0.1], [0.9, 0.7], [0.7, 0.1], [0.9, 0.1]]
    >>> curve = multilabel_calibration_curve(y_true, y_proba, n_bins=2)
    >>> curve.prob_true, curve.prob_pred.round(2), curve.count
    (array([0. , 0.8]), array([0.1 , 0.82]), array([3, 5]))
    """
    present, proba = _check_targets(y_true, y_proba, labels)
    if average == "micro":
        return _bin(present.ravel(), proba.ravel(), n_bins, strategy)
    return [
        _bin(column, probabilities, n_bins, strategy)
        for column, probabilities in zip(present.T, proba.T)
    ]


def _check_targets(
    y_true: Any, y_proba: ArrayLike, labels: ArrayLike | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return indicator and probabilities of the labelled clips."""
    proba = check_array(y_proba, dtype=np.float64, input_name="y_proba")
    if proba.min() < 0 or proba.max() > 1:
        raise ValueError(
            f"y_proba must lie between 0 and 1, got {proba.min()} to {proba.max()}"
        )
    tags = check_tags(y_true, len(proba), labels, name="y_true")
    indicator = tags.indicator
    if indicator.shape != proba.shape:
        raise LabelError(
            f"y_true names {indicator.shape[1]} classes but y_proba has "
            f"{proba.shape[1]} columns; pass the classes of the columns as `labels`"
        )
    return indicator[tags.labelled], proba[tags.labelled]


def _bin(
    present: np.ndarray, proba: np.ndarray, n_bins: int, strategy: str
) -> CalibrationCurve:
    """Compare probability and frequency in each bin that is not empty."""
    inner = np.linspace(0.0, 1.0, n_bins + 1)[1:-1]
    if strategy == "quantile" and len(proba):
        inner = np.quantile(proba, inner)
    index = np.searchsorted(inner, proba)
    count = np.bincount(index, minlength=n_bins)
    full = count > 0
    mean_true, mean_pred = (
        np.bincount(index, weights=values, minlength=n_bins)[full] / count[full]
        for values in (present, proba)
    )
    return CalibrationCurve(mean_true, mean_pred, count[full])


@validate_params(
    _BINNING | {"average": [StrOptions({"macro", "micro"}), None]},
    prefer_skip_nested_validation=True,
)
def expected_calibration_error(
    y_true: Any,
    y_proba: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    n_bins: int = 10,
    strategy: str = "uniform",
    average: str | None = "macro",
) -> float | np.ndarray:
    """Measure how far probabilities are from how often they come true.

    Parameters
    ----------
    y_true, y_proba, labels, n_bins, strategy
        As in :func:`multilabel_calibration_curve`.
    average : {"macro", "micro", None}, default="macro"
        "macro": mean over classes. "micro": all classes together, whose errors may
        cancel out. None: one value for each class.

    Returns
    -------
    error : float or ndarray of shape (n_classes,)
        Mean distance between probability and frequency over the bins, weighted by how
        many probabilities are in each [1]_; 0 is best.

    Raises
    ------
    LabelError
        If `y_true` cannot be understood or does not fit `y_proba`.
    ValueError
        If probabilities are not between 0 and 1, or a parameter is unknown.

    References
    ----------
    .. [1] M. Naeini, G. Cooper and M. Hauskrecht, "Obtaining well calibrated
       probabilities using Bayesian binning", AAAI 2015.

    Examples
    --------
    >>> from sklearn_sed.calibration import expected_calibration_error
    >>> y_true = [[1, 0], [1, 0], [0, 0], [0, 1]]
    >>> y_proba = [[0.5, 0.25], [0.5, 0.25], [0.5, 0.25], [0.5, 0.25]]
    >>> expected_calibration_error(y_true, y_proba)
    0.0
    """
    curves = multilabel_calibration_curve(
        y_true,
        y_proba,
        labels=labels,
        n_bins=n_bins,
        strategy=strategy,
        average="micro" if average == "micro" else None,
    )
    if isinstance(curves, CalibrationCurve):
        return curves.error
    errors = np.array([curve.error for curve in curves])
    return float(errors.mean()) if average == "macro" else errors
