"""An estimator around a tagger that corrects its probabilities."""

import warnings
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.special import logit
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    MetaEstimatorMixin,
    _fit_context,
)
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.utils import get_tags, indexable
from sklearn.utils._param_validation import HasMethods, StrOptions
from sklearn.utils.validation import _num_samples, check_is_fitted

from sklearn_sed._labels._check import UNLABELLED, check_tags, named_labels
from sklearn_sed._labels._score import score_tags
from sklearn_sed.events import TagArray
from sklearn_sed.exceptions import RareClassWarning
from sklearn_sed.model_selection._held_back import HeldBackMixin

# Log-odds of probabilities closer to 0 or 1 than this say no more than this.
TINY = 1e-6
# Of a weak prior on the slope of log-odds: without it, differences of 1e-5 between the
# probabilities of an untrained network would be blown up to certainty.
SLOPE_VARIANCE = 100.0


class CalibratedTaggerCV(
    HeldBackMixin, ClassifierMixin, MetaEstimatorMixin, BaseEstimator
):
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
        "cv": HeldBackMixin._cv_constraints,
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
        X, y = indexable(X, y)
        if not _num_samples(X):
            raise ValueError("X holds no clips (0 samples): pass at least one clip")
        self.__dict__.pop("calibrators_", None)  # an interruption leaves it unfitted
        if self.cv != "prefit":
            check_tags(y, _num_samples(X))  # complain before a long training
        clips, judged = self._fit_and_judge(X, y, params, _classes_of, _predict_proba)
        self.classes_ = _classes_of(self.estimator_)
        tags = check_tags(self._as_named_here(y), _num_samples(X), self.classes_)
        self._single = tags.single
        self.calibrators_ = [
            _fit_calibrator(self.method, probabilities, present)
            for probabilities, present in zip(
                np.concatenate(judged).T, tags.indicator[clips].T
            )
        ]
        self._warn_uncalibrated()
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))
        return self

    def _as_named_here(self, y: Any) -> Any:
        """Return labels without names where the estimator only counts classes."""
        if isinstance(y, pd.DataFrame | TagArray):
            names = named_labels(y)
            if names and not names.issuperset(self.classes_.tolist()):
                return np.asarray(y)
        return y

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

    def _check_state(self) -> None:
        """Complain where what was learned contradicts the estimator."""
        if not hasattr(self, "calibrators_"):
            return
        known = _classes_of(self.estimator_).tolist()
        if self.classes_.tolist() != known or len(self.calibrators_) != len(known):
            raise ValueError(
                f"{len(self.calibrators_)} calibrators and the classes "
                f"{self.classes_.tolist()} do not fit the estimator's, {known}"
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
        check_is_fitted(self, "calibrators_")
        proba = _predict_proba(self.estimator_, X, self.classes_)
        for column, calibrator in enumerate(self.calibrators_):
            own = proba[:, column]
            if isinstance(calibrator, IsotonicRegression):
                proba[:, column] = calibrator.predict(own)
            elif calibrator is not None:
                proba[:, column] = calibrator.predict_proba(_log_odds(own))[:, 1]
        if self._single:
            proba[proba.sum(axis=1) == 0] = 1.0  # nothing is likelier than the rest
            proba /= proba.sum(axis=1, keepdims=True)
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
            Reference labels, in any form that ``fit`` takes; unlabelled clips (rows
            of −1) are left out.
        sample_weight : array-like of shape (n_clips,), default=None
            Weight of each clip.

        Returns
        -------
        score : float
            Macro F1; a class that is neither present nor predicted counts 0.
        """
        return score_tags(
            self._as_named_here(y),
            self.predict(X),
            self.classes_,
            single=self._single,
            sample_weight=sample_weight,
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags = get_tags(self.estimator).input_tags
        tags.target_tags.multi_output = True
        tags.classifier_tags.multi_label = True
        return tags


def _classes_of(estimator: Any) -> np.ndarray:
    """Return an estimator's classes, or complain that they have no columns."""
    if isinstance(estimator.classes_, list):
        raise _no_columns(estimator)
    return np.asarray(estimator.classes_)


def _no_columns(estimator: Any) -> ValueError:
    return ValueError(
        f"predict_proba of {type(estimator).__name__} does not return one column for "
        f"each of its {len(estimator.classes_)} classes; wrap it in "
        "sklearn.multiclass.OneVsRestClassifier"
    )


def _predict_proba(estimator: Any, X: Any, classes: np.ndarray) -> np.ndarray:
    """Return probabilities by class; NaN for a class that the estimator misses."""
    known = _classes_of(estimator)
    proba = estimator.predict_proba(X)
    if np.shape(proba)[1:] != known.shape:
        raise _no_columns(estimator)
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
    if len(np.unique(present)) < 2:
        return None
    if method == "isotonic":
        # So many clips cannot tell a smaller probability from 0, nor a larger from 1.
        least = 1 / (len(present) + 2)
        return IsotonicRegression(
            y_min=least, y_max=1 - least, out_of_bounds="clip"
        ).fit(proba, present)
    # Platt's targets keep clear of 0 and 1, so that the slope stays finite however well
    # the classes separate: each clip counts partly as positive, partly as negative.
    n_present = present.sum()
    n_absent = len(present) - n_present
    target = np.where(
        present == 1, (n_present + 1) / (n_present + 2), 1 / (n_absent + 2)
    )
    log_odds = _log_odds(proba)
    return LogisticRegression(C=SLOPE_VARIANCE).fit(
        np.concatenate([log_odds, log_odds]),
        np.repeat([1, 0], len(proba)),
        sample_weight=np.concatenate([target, 1 - target]),
    )


def _log_odds(proba: np.ndarray) -> np.ndarray:
    """Return log-odds as the one feature of a regression."""
    return logit(np.clip(proba, TINY, 1 - TINY))[:, None]
