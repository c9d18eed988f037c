"""Probabilities of several labels that mean what they say.

Of the clips to which a calibrated tagger gives a class the probability 0.8, eight in
ten have it. :class:`CalibratedTaggerCV` calibrates,
:func:`multilabel_calibration_curve` and :func:`expected_calibration_error` measure, and
:class:`~sklearn_sed.plotting.ReliabilityDisplay` shows how far off probabilities are.
"""

import warnings
from dataclasses import dataclass
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logit
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    MetaEstimatorMixin,
    _fit_context,
    clone,
)
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import check_cv
from sklearn.utils import _safe_indexing, check_array, get_tags, indexable
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    StrOptions,
    validate_params,
)
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    _raise_for_params,
    process_routing,
)
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import (
    _check_method_params,
    _num_samples,
    check_is_fitted,
)

from ._validation import UNLABELLED, check_tags
from .exceptions import LabelError, RareClassWarning
from .model_selection import MultilabelStratifiedKFold

__all__ = [
    "CalibratedTaggerCV",
    "CalibrationCurve",
    "expected_calibration_error",
    "multilabel_calibration_curve",
]

# Log-odds of probabilities closer to 0 or 1 than this say no more than this.
TINY = 1e-6

_BINNING: dict[str, list] = {
    "n_bins": [Interval(Integral, 1, None, closed="left")],
    "strategy": [StrOptions({"uniform", "quantile"})],
}


class CalibratedTaggerCV(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """Calibrate the tag probabilities of an estimator, class by class.

    The estimator is fitted on all clips. How its probabilities are to be corrected is
    learned from clips that it, or copies of it, did not see: by cross-validation or,
    with ``cv="prefit"``, from all the clips that are passed.
    :class:`sklearn.calibration.CalibratedClassifierCV` does the like for one label per
    clip, and refuses several.

    Parameters
    ----------
    estimator : estimator
        A :class:`~sklearn_sed.WeakTagger`, :class:`~sklearn_sed.TwoPassSED`, a pipeline
        that ends in one, or any other estimator with `classes_` and a `predict_proba`
        of shape (n_clips, n_classes).
    method : {"sigmoid", "isotonic"}, default="sigmoid"
        "sigmoid": a logistic regression on the log-odds of each class [1]_, safe with
        few clips. "isotonic": any increasing function, which needs hundreds of clips
        with the class.
    cv : int, cross-validation generator, iterable or "prefit", default=5
        The clips that are held back in turn. An int is the number of folds of a
        :class:`~sklearn_sed.model_selection.MultilabelStratifiedKFold`. "prefit": the
        estimator is fitted already, on other clips.
    n_jobs : int, default=None
        Number of folds fitted at the same time. None means 1 unless in a
        :obj:`joblib.parallel_backend` context, -1 all processors.

    Attributes
    ----------
    estimator_ : estimator
        The estimator fitted on all clips; with ``cv="prefit"`` the one passed.
    calibrators_ : list of length n_classes
        The fitted regression of each class; None for a class that the held-back clips
        all have, or all lack. Its probabilities stay as they are, with a warning.
    classes_ : ndarray of shape (n_classes,)
        The classes.
    n_features_in_ : int
        Number of features. Only where the estimator has it.

    See Also
    --------
    expected_calibration_error : How far off probabilities are.
    sklearn_sed.plotting.ReliabilityDisplay : The picture of it.

    References
    ----------
    .. [1] J. Platt, "Probabilistic outputs for support vector machines and comparisons
       to regularized likelihood methods", Advances in Large Margin Classifiers, 1999.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.multiclass import OneVsRestClassifier
    >>> from sklearn_sed.calibration import CalibratedTaggerCV
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 2))
    >>> y = (X + rng.normal(size=(200, 2)) > 0).astype(int)
    >>> sure = OneVsRestClassifier(LogisticRegression()).fit(5 * X[:100], y[:100])
    >>> calibrated = CalibratedTaggerCV(sure, cv="prefit").fit(X[100:], y[100:])
    >>> calibrated.predict_proba([[1.0, -1.0]]).round(1)
    array([[0.8, 0.2]])
    """

    _parameter_constraints: ClassVar[dict] = {
        "estimator": [HasMethods(["fit", "predict_proba"])],
        "method": [StrOptions({"sigmoid", "isotonic"})],
        "cv": [
            Interval(Integral, 2, None, closed="left"),
            "cv_object",
            StrOptions({"prefit"}),
        ],
        "n_jobs": [Integral, None],
    }

    def __init__(self, estimator, *, method="sigmoid", cv=5, n_jobs=None):
        self.estimator = estimator
        self.method = method
        self.cv = cv
        self.n_jobs = n_jobs

    # The estimator is validated by its own fit.
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, **params):
        """Fit the estimator and calibrate its probabilities.

        Parameters
        ----------
        X : sequence of n_clips items
            Whatever the estimator takes.
        y : array-like of n_clips labels
            Weak labels (indicator, label lists, one label per clip) or strong ones, of
            which the tags count. Unlabelled clips (rows of −1) do not calibrate.
        **params : dict
            Metadata for the estimator's ``fit`` and the splitter's ``split``, with
            metadata routing enabled.

        Returns
        -------
        self : CalibratedTaggerCV
            The fitted estimator.

        Raises
        ------
        LabelError
            If labels cannot be understood.
        NotFittedError
            If ``cv="prefit"`` and the estimator is not fitted.
        """
        _raise_for_params(params, self, None)
        routed = process_routing(self, "fit", **params)
        X, y = indexable(X, y)
        if not _num_samples(X):
            raise ValueError("X holds no clips (0 samples): pass at least one clip")
        if self.cv == "prefit":
            check_is_fitted(self.estimator)
            self.estimator_ = self.estimator
        else:
            check_tags(y, _num_samples(X))  # complain before a long training
            fit_params = routed["estimator"]["fit"]
            self.estimator_ = clone(self.estimator).fit(X, y, **fit_params)
        self.classes_ = np.asarray(self.estimator_.classes_)
        tags = check_tags(y, _num_samples(X), self.classes_)
        self._single = tags.single
        if self.cv == "prefit":
            clips = slice(None)
            proba = _predict_proba(self.estimator_, X, self.classes_)
        else:
            split_params = routed["splitter"]["split"]
            clips, proba = self._predict_held_back(X, y, fit_params, split_params)
        self.calibrators_ = [
            _fit_calibrator(self.method, probabilities, present)
            for probabilities, present in zip(proba.T, tags.indicator[clips].T)
        ]
        self._warn_uncalibrated()
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))
        return self

    def _splitter(self):
        """Return the cross-validation splitter."""
        if isinstance(self.cv, Integral):
            return MultilabelStratifiedKFold(self.cv)
        return check_cv(self.cv)

    def _predict_held_back(
        self, X: Any, y: Any, fit_params: dict, split_params: dict
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return held-back clips, and what copies of the estimator say of them."""
        splits = list(self._splitter().split(X, y, **split_params))
        parts = Parallel(n_jobs=self.n_jobs)(
            delayed(_fit_and_predict)(
                clone(self.estimator), X, y, train, test, self.classes_, fit_params
            )
            for train, test in splits
        )
        return np.concatenate([test for _, test in splits]), np.concatenate(parts)

    def _warn_uncalibrated(self) -> None:
        """Warn of the classes whose probabilities stay as they are."""
        names = [
            label
            for label, calibrator in zip(self.classes_.tolist(), self.calibrators_)
            if calibrator is None
        ]
        if names:
            warnings.warn(
                f"{names} are in none, or in all, of the clips that calibrate: their "
                "probabilities stay as they are; add clips with and without them",
                RareClassWarning,
                stacklevel=3,
            )

    def predict_proba(self, X):
        """Return the calibrated probability of each class in each clip.

        Parameters
        ----------
        X : sequence of n_clips items
            Clips, as in ``fit``.

        Returns
        -------
        proba : ndarray of shape (n_clips, n_classes)
            Probabilities; each for itself, or with one label per clip summing to 1.
        """
        check_is_fitted(self)
        proba = _predict_proba(self.estimator_, X, self.classes_)
        for column, calibrator in enumerate(self.calibrators_):
            if calibrator is not None:
                proba[:, column] = _calibrate(calibrator, proba[:, column])
        if self._single:
            total = proba.sum(axis=1, keepdims=True)
            n_classes = len(self.classes_)
            proba = np.where(total > 0, proba, 1.0) / np.where(
                total > 0, total, n_classes
            )
        return proba

    def predict(self, X):
        """Say which classes each clip holds.

        Parameters
        ----------
        X : sequence of n_clips items
            Clips, as in ``fit``.

        Returns
        -------
        tags : ndarray of int of shape (n_clips, n_classes), or of shape (n_clips,)
            1 where the calibrated probability is above one half; with one label per
            clip, the likeliest.
        """
        proba = self.predict_proba(X)
        if self._single:
            return self.classes_[proba.argmax(axis=1)]
        return (proba > 0.5).astype(int)

    def score(self, X, y, sample_weight=None):
        """Return the macro-averaged F1 of the predicted tags.

        Parameters
        ----------
        X : sequence of n_clips items
            Clips, as in ``fit``.
        y : array-like of n_clips labels
            Reference labels, in any form that ``fit`` takes.
        sample_weight : array-like of shape (n_clips,), default=None
            Weight of each clip.

        Returns
        -------
        score : float
            Macro F1; a class that is neither present nor predicted counts 0.
        """
        predicted = self.predict(X)
        reference = check_tags(y, len(predicted), self.classes_).indicator
        if self._single:
            reference = self.classes_[reference.argmax(axis=1)]
        return f1_score(
            reference,
            predicted,
            average="macro",
            sample_weight=sample_weight,
            zero_division=0,
        )

    def get_metadata_routing(self):
        """Say where metadata go: to the estimator's fit, and to the splitter.

        Returns
        -------
        routing : MetadataRouter
            The routing of metadata.
        """
        splitter = self._splitter() if isinstance(self.cv, Integral) else self.cv
        return (
            MetadataRouter(owner=self)
            .add(
                estimator=self.estimator,
                method_mapping=MethodMapping().add(caller="fit", callee="fit"),
            )
            .add(
                splitter=splitter,
                method_mapping=MethodMapping().add(caller="fit", callee="split"),
            )
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags = get_tags(self.estimator).input_tags
        tags.target_tags.multi_output = True
        tags.classifier_tags.multi_label = True
        return tags


def _fit_and_predict(
    estimator: Any,
    X: Any,
    y: Any,
    train: np.ndarray,
    test: np.ndarray,
    classes: np.ndarray,
    fit_params: dict,
) -> np.ndarray:
    """Fit on some clips and return the probabilities of the others."""
    fit_params = _check_method_params(X, fit_params, indices=train)
    estimator.fit(_safe_indexing(X, train), _safe_indexing(y, train), **fit_params)
    return _predict_proba(estimator, _safe_indexing(X, test), classes)


def _predict_proba(estimator: Any, X: Any, classes: np.ndarray) -> np.ndarray:
    """Return probabilities by class; NaN for a class that the estimator misses."""
    proba = estimator.predict_proba(X)
    known = np.asarray(estimator.classes_)
    if isinstance(proba, list) or np.shape(proba)[1:] != (len(known),):
        raise ValueError(
            f"predict_proba of {type(estimator).__name__} does not return one column "
            f"for each of its {len(known)} classes; wrap it in "
            "sklearn.multiclass.OneVsRestClassifier"
        )
    aligned = np.full((len(proba), len(classes)), np.nan)
    position = {label: column for column, label in enumerate(classes.tolist())}
    aligned[:, [position[label] for label in known.tolist()]] = proba
    return aligned


def _fit_calibrator(
    method: str, proba: np.ndarray, present: np.ndarray
) -> LogisticRegression | IsotonicRegression | None:
    """Learn to correct the probabilities of one class; None where there is no way."""
    used = np.isfinite(proba) & (present != UNLABELLED)
    proba, present = proba[used], present[used]
    n_present = int(present.sum())
    n_absent = len(present) - n_present
    if not n_present or not n_absent:
        return None
    if method == "isotonic":
        # So many clips cannot tell a smaller probability from 0, nor a larger from 1.
        least = 1 / (len(present) + 2)
        return IsotonicRegression(
            y_min=least, y_max=1 - least, out_of_bounds="clip"
        ).fit(proba, present)
    # Platt's targets keep clear of 0 and 1, so that the slope stays finite however well
    # the classes separate: each clip counts partly as positive, partly as negative.
    target = np.where(
        present == 1, (n_present + 1) / (n_present + 2), 1 / (n_absent + 2)
    )
    log_odds = _log_odds(proba)
    return LogisticRegression(C=np.inf).fit(
        np.concatenate([log_odds, log_odds]),
        np.repeat([1, 0], len(proba)),
        sample_weight=np.concatenate([target, 1 - target]),
    )


def _calibrate(
    calibrator: LogisticRegression | IsotonicRegression, proba: np.ndarray
) -> np.ndarray:
    """Correct the probabilities of one class."""
    if isinstance(calibrator, IsotonicRegression):
        return calibrator.predict(proba)
    return calibrator.predict_proba(_log_odds(proba))[:, 1]


def _log_odds(proba: np.ndarray) -> np.ndarray:
    """Return log-odds as the one feature of a regression."""
    return logit(np.clip(proba, TINY, 1 - TINY))[:, None]


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
    indicator = check_tags(y_true, len(proba), labels, name="y_true").indicator
    if indicator.shape != proba.shape:
        raise LabelError(
            f"y_true names {indicator.shape[1]} classes but y_proba has "
            f"{proba.shape[1]} columns; pass the classes of the columns as `labels`"
        )
    labelled = (indicator != UNLABELLED).all(axis=1)
    return indicator[labelled], proba[labelled]


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
