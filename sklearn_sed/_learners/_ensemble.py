"""Several trainings of one estimator, their scores averaged."""

import numbers
from typing import Any, ClassVar

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import MetaEstimatorMixin, _fit_context, clone
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sklearn_sed._clips._array import FeatureArray
from sklearn_sed._clips._check import check_time_resolution
from sklearn_sed._labels._check import check_tags
from sklearn_sed._learners._base import DefaultParts
from sklearn_sed._learners._detector import WeakEventDetector, score_events_or_tags


def _scores_frames(ensemble: "SeedEnsemble") -> bool:
    """Tell whether the members are detectors."""
    return hasattr(ensemble._member(), "predict_frame_proba")


class SeedEnsemble(MetaEstimatorMixin, DefaultParts):
    """Train one estimator from several seeds and average what the trainings say.

    Trainings that differ in their random numbers alone differ in their errors, too:
    the mean of their scores is better than the scores of most. Nothing is chosen, so
    no labels are spent on choosing, as they are for the best of several trainings.

    Parameters
    ----------
    estimator : WeakEventDetector or WeakTagger, default=None
        What is trained; a :class:`WeakEventDetector` when None.
    n_estimators : int, default=3
        Number of trainings. Training and prediction take so many times as long.
    n_jobs : int or None, default=None
        Trainings at a time, see joblib. Each uses several threads: more than one at
        a time pays on machines with many cores.
    random_state : int, RandomState instance or None, default=None
        Where the seed of each training comes from.

    Attributes
    ----------
    estimators_ : list of estimators
        The trained estimators.
    classes_ : ndarray of shape (n_classes,)
        The classes.
    thresholds_ : ndarray of shape (n_classes,)
        Threshold of each class's clip score: the mean over the estimators.
    decoder_ : EventDecoder
        The decoder in use; only of detectors.
    n_features_in_ : int
        Number of bands.

    See Also
    --------
    TwoPassSED : Takes an ensemble as tagger or detector.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sed import SeedEnsemble, WeakEventDetector
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(8, 20, 16)).astype("float32")
    >>> X[::2, 5:10, :4] += 5
    >>> detector = WeakEventDetector(max_epochs=2, time_resolution=0.02)
    >>> ensemble = SeedEnsemble(detector, n_estimators=2, random_state=0)
    >>> ensemble.fit(X, [["low"], []] * 4).predict_frame_proba(X).shape
    (8, 20, 1)
    """

    _default_parts: ClassVar[dict[str, type]] = {"estimator": WeakEventDetector}
    _parameter_constraints: ClassVar[dict] = {
        "estimator": [HasMethods(["fit", "predict_proba"]), None],
        "n_estimators": [Interval(numbers.Integral, 1, None, closed="left")],
        "n_jobs": [numbers.Integral, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self, estimator=None, *, n_estimators=3, n_jobs=None, random_state=None
    ):
        self.estimator = estimator
        self.n_estimators = n_estimators
        self.n_jobs = n_jobs
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None):
        """Train from each seed.

        Parameters
        ----------
        X : array of shape (n_clips, n_frames, n_mels) or sequence of arrays
            Features, as the estimator takes them.
        y : array-like of n_clips labels
            Labels, as the estimator takes them.
        sample_weight : array-like of shape (n_clips,), default=None
            Weight of each clip.

        Returns
        -------
        self : SeedEnsemble
            The fitted ensemble.
        """
        rng = check_random_state(self.random_state)
        seeds = rng.randint(np.iinfo(np.int32).max, size=self.n_estimators)
        weight = {} if sample_weight is None else {"sample_weight": sample_weight}
        # Without thresholds it is not fitted: an interruption leaves it so.
        self.__dict__.pop("thresholds_", None)
        self.estimators_ = Parallel(n_jobs=self.n_jobs)(
            delayed(_fit)(self._unfitted().set_params(random_state=seed), X, y, weight)
            for seed in seeds.tolist()
        )
        first = self.estimators_[0]
        self._single = first._single
        self.classes_ = first.classes_
        self.n_features_in_ = first.n_features_in_
        self.thresholds_ = np.mean([e.thresholds_ for e in self.estimators_], axis=0)
        if hasattr(first, "decoder_"):
            self.decoder_ = first.decoder_
        return self

    def _unfitted(self):
        """Return a copy of the estimator."""
        if self.estimator is None:
            return self._default_parts["estimator"]()
        return clone(self.estimator)

    def _member(self):
        """Return one of the trained estimators, or what they will be."""
        if hasattr(self, "estimators_"):
            return self.estimators_[0]
        return self._unfitted()

    def predict_proba(self, X):
        """Return the mean clip score of each class.

        Parameters
        ----------
        X : array of shape (n_clips, n_frames, n_mels) or sequence of arrays
            Features, as in ``fit``.

        Returns
        -------
        ndarray of shape (n_clips, n_classes)
            Mean of the estimators' clip scores.
        """
        check_is_fitted(self)
        return np.mean([e.predict_proba(X) for e in self.estimators_], axis=0)

    @available_if(_scores_frames)
    def predict_frame_proba(self, X):
        """Return the mean score of every frame of every clip.

        Parameters
        ----------
        X : array of shape (n_clips, n_frames, n_mels) or sequence of arrays
            Features, as in ``fit``.

        Returns
        -------
        FeatureArray of shape (n_clips, n_frames, n_classes), or of n_clips arrays
            Mean of the estimators' frame scores, carrying the features' clock.
        """
        check_is_fitted(self)
        total = None
        for estimator in self.estimators_:
            frames = estimator.predict_frame_proba(X)
            plain = np.asarray(frames)
            total = plain if total is None else total + plain
        mean = total / len(self.estimators_)
        clock = (frames.time_resolution, frames.durations, frames.time_offset)
        return FeatureArray(mean, *clock)

    def predict_tags(self, X):
        """Say which classes each clip holds.

        Parameters
        ----------
        X : array of shape (n_clips, n_frames, n_mels) or sequence of arrays
            Features, as in ``fit``.

        Returns
        -------
        ndarray of int of shape (n_clips, n_classes)
            1 where the mean clip score is above the class's threshold.
        """
        return (self.predict_proba(X) > self.thresholds_).astype(int)

    def predict(self, X, tags=None):
        """Find the events of each clip, or its tags where the estimator is a tagger.

        Parameters
        ----------
        X : array of shape (n_clips, n_frames, n_mels) or sequence of arrays
            Features, as in ``fit``.
        tags : indicator, label lists or None, default=None
            For detectors: what is known to be in each clip; only these classes are
            looked for. When None, those whose mean clip score is above their
            threshold.

        Returns
        -------
        ndarray of shape (n_clips,) of DataFrame, or of int of shape (n_clips, \
                n_classes)
            One event table per clip, decoded from the mean frame scores. Where the
            estimator is a tagger, the tags of ``predict_tags``, or with one label per
            clip that label.
        """
        check_is_fitted(self)
        if not _scores_frames(self):
            if not self._single:
                return self.predict_tags(X)
            return self.classes_[self.predict_proba(X).argmax(axis=1)]
        frames = self.predict_frame_proba(X)
        if tags is None:
            indicator = self.predict_tags(X)
        else:
            indicator = check_tags(
                tags, len(frames), self.classes_, name="tags"
            ).indicator
        return self.decoder_.decode(
            frames,
            check_time_resolution(None, frames.time_resolution),
            self.classes_,
            indicator == 1,
            frames.durations,
        )

    def score(self, X, y):
        """Return macro F1: of events where y has times, else of tags.

        Parameters
        ----------
        X : array of shape (n_clips, n_frames, n_mels) or sequence of arrays
            Features, as in ``fit``.
        y : event tables or weak labels
            Reference.

        Returns
        -------
        float
            Event-based macro F1 (200 ms, 20 %) for event tables; macro F1 of the
            tags for weak labels.
        """
        return score_events_or_tags(self, X, y)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "thresholds_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags = self._member().__sklearn_tags__().input_tags
        tags.target_tags = self._member().__sklearn_tags__().target_tags
        return tags


def _fit(estimator: Any, X: Any, y: Any, weight: dict) -> Any:
    """Fit an estimator."""
    return estimator.fit(X, y, **weight)
