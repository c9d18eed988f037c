"""Several trainings of one estimator, their scores averaged."""

import numbers
from typing import Any, ClassVar

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import MetaEstimatorMixin, _fit_context
from sklearn.utils import check_random_state, get_tags
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.validation import _num_samples, check_is_fitted

from sklearn_sed._clips._check import check_clips
from sklearn_sed._labels._check import check_tags, warn_odd_names
from sklearn_sed._learners._detector import WeakEventDetector
from sklearn_sed._learners._parts import PartsMixin, fit_part, takes_checked
from sklearn_sed._learners._predict import (
    PredictMixin,
    Scored,
    check_parts,
    score_clips,
    scores_frames,
    tag_clips,
)
from sklearn_sed._unwrap import unwrap


class SeedEnsemble(PredictMixin, MetaEstimatorMixin, PartsMixin):
    """Train one estimator from several seeds and average what the trainings say.

    Trainings that differ in their random numbers alone differ in their errors, too:
    the mean of their scores is better than the scores of most. Nothing is chosen, so
    no labels are spent on choosing, as they are for the best of several trainings.

    Parameters
    ----------
    estimator : estimator, default=None
        What is trained: a detector, or any classifier of clips with a `random_state`; a
        :class:`WeakEventDetector` when None.
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
        Threshold of each class's clip score: the mean over the estimators, one half
        where they have none.
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
    def fit(self, X, y, sample_weight=None, X_val=None, y_val=None):
        """Train from each seed.

        Parameters
        ----------
        X : array of shape (n_clips, n_frames, n_mels) or sequence of arrays
            Features, as the estimator takes them.
        y : array-like of n_clips labels
            Labels, in any form that :meth:`WeakTagger.fit` takes.
        sample_weight : array-like of shape (n_clips,), default=None
            Weight of each clip.
        X_val : array of shape (n_clips, n_frames, n_mels) or sequence of arrays, \
                default=None
            Clips that are not learned from, where the estimator's ``fit`` takes some.
        y_val : array-like of labels, default=None
            Their labels.

        Returns
        -------
        self : SeedEnsemble
            The fitted ensemble.
        """
        rng = check_random_state(self.random_state)
        seeds = rng.randint(np.iinfo(np.int32).max, size=self.n_estimators)
        members = [_seeded(self._unfitted("estimator"), s) for s in seeds.tolist()]
        if takes_checked(members[0]):
            X = check_clips(X, self, reset=True)
        tags = check_tags(y, _num_samples(X))
        warn_odd_names(y, tags)
        self.__dict__.pop("estimators_", None)  # an interruption leaves it unfitted
        self.estimators_ = Parallel(n_jobs=self.n_jobs)(
            delayed(fit_part)(member, X, tags, sample_weight, X_val, y_val)
            for member in members
        )
        first = self.estimators_[0]
        self._single = tags.single
        self.classes_ = tags.classes
        if hasattr(first, "n_features_in_"):
            self.n_features_in_ = first.n_features_in_
        return self

    def _fitted_parts(self, name: str) -> list[Any]:
        return vars(self).get("estimators_", [])

    def _member(self) -> Any:
        """Return one of the trained estimators, or what they will be."""
        if hasattr(self, "estimators_"):
            return self.estimators_[0]
        return self._unfitted("estimator")

    @property
    def _takes_checked(self) -> bool:
        return takes_checked(self._member())

    @property
    def _scores_frames(self) -> bool:
        try:
            return bool(unwrap(self._member()))
        except TypeError:
            return False

    @property
    def thresholds_(self) -> np.ndarray:
        """Mean threshold of each class's clip score."""
        half = np.full(len(self.classes_), 0.5)
        return np.mean(
            [getattr(e, "thresholds_", half) for e in self.estimators_], axis=0
        )

    @property
    def decoder_(self) -> Any:
        """The decoder in use."""
        return self.estimators_[0].decoder_

    def _score(self, X: Any, *, tags: bool = True, frames: bool = True) -> Scored:
        """Pass once over clips with each estimator."""
        check_is_fitted(self)
        if self._takes_checked:
            X = check_clips(X, self, reset=False)
        if not scores_frames(self):
            scored = [tag_clips(e, X, self.classes_) for e in self.estimators_]
        else:
            scored = [
                score_clips(e, X, tags=tags, frames=frames)[1] for e in self.estimators_
            ]
        proba = np.mean([one.proba for one in scored], axis=0)
        found = self._found(proba)
        if scored[0].frames is None:
            return Scored(proba, found)
        first, *others = (one.frames for one in scored)
        return Scored(proba, found, sum(others, first) / len(scored))

    def predict(self, X, tags=None, candidates=False):
        """Find the events of each clip, or its tags where the estimator is a tagger.

        Parameters
        ----------
        X : array of shape (n_clips, n_frames, n_mels) or sequence of arrays
            Features, as in ``fit``.
        tags : indicator, label lists or None, default=None
            For detectors: what is known to be in each clip; only these classes are
            looked for. When None, those whose mean clip score is above their
            threshold.
        candidates : bool, default=False
            For detectors: return every event that there is to choose from, see
            :meth:`WeakEventDetector.predict`.

        Returns
        -------
        ndarray of shape (n_clips,) of DataFrame, or of int of shape (n_clips, \
                n_classes)
            One event table per clip, decoded from the mean frame scores. Where the
            estimator is a tagger, the tags of ``predict_tags``, or with one label per
            clip that label.
        """
        if scores_frames(self):
            return super().predict(X, tags, candidates)
        return self._labelled(self.predict_tags(X))

    def _check_labels(self, clips: Any, tags: Any) -> None:
        self._unfitted("estimator")._check_labels(clips, tags)

    def _check_state(self) -> None:
        """Complain where the estimators contradict each other."""
        if hasattr(self, "estimators_"):
            check_parts(self.estimators_, self)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "estimators_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags = get_tags(self._member()).input_tags
        tags.target_tags = get_tags(self._member()).target_tags
        return tags


def _seeded(estimator: Any, seed: int) -> Any:
    """Set all random states in an estimator, or complain that there are none."""
    names = [
        name
        for name in estimator.get_params()
        if name == "random_state" or name.endswith("__random_state")
    ]
    if not names:
        raise ValueError(
            f"{type(estimator).__name__} has no random_state: all its trainings would "
            "be the same"
        )
    return estimator.set_params(**dict.fromkeys(names, seed))
