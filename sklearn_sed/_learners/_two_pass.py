"""Two passes: a tagger says what is in a clip, a detector says when."""

from typing import Any, ClassVar

import numpy as np
from sklearn.base import _fit_context
from sklearn.frozen import FrozenEstimator
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sklearn_sed._clips._check import check_clips
from sklearn_sed._decoding._decoder import EventDecoder
from sklearn_sed._labels._check import check_tags, warn_odd_names
from sklearn_sed._learners._detector import WeakEventDetector
from sklearn_sed._learners._parts import (
    PartsMixin,
    fit_part,
    handed_on,
    takes_checked,
)
from sklearn_sed._learners._predict import (
    PredictMixin,
    Scored,
    check_parts,
    score_clips,
    tag_clips,
    tag_columns,
)
from sklearn_sed._learners._tagger import WeakTagger, tagger_of
from sklearn_sed._unwrap import unwrap


def _goes_on(part: Any) -> bool:
    """Tell whether a part learns from more clips, or is to be left as it is."""
    frozen = isinstance(part, FrozenEstimator)
    return frozen or (takes_checked(part) and hasattr(part, "partial_fit"))


class TwoPassSED(PredictMixin, PartsMixin):
    """Sound event detection in two passes, learned from tags alone.

    Pass 1, the tagger, decides which classes are in a clip. Pass 2, the detector,
    scores every frame; only the curves of the classes that pass 1 accepts are decoded
    to events [1]_. Who already knows what is in the clips passes ``tags`` to
    ``predict`` and has them located.

    Parameters
    ----------
    tagger : estimator, default=None
        Multi-label classifier of clips with ``classes_`` and ``predict_proba``, such as
        a :class:`WeakTagger`. When None, it is the detector's own network, by its clip
        scores: one network is trained, and clips are passed over once. Wrap a fitted
        one in :class:`sklearn.frozen.FrozenEstimator` to leave it as it is.
    detector : estimator, default=None
        What scores frames, by ``predict_frame_proba``; a default
        :class:`WeakEventDetector` when None. Its `decoder_`, or a default
        :class:`EventDecoder` where it has none, makes events of them.

    Attributes
    ----------
    tagger_ : estimator
        The fitted tagger: a :class:`WeakTagger` with the detector's network where
        `tagger` is None and the detector is a :class:`WeakEventDetector`.
    detector_ : estimator
        The fitted detector.
    classes_ : ndarray of shape (n_classes,)
        The classes.
    n_features_in_ : int
        Number of bands.

    See Also
    --------
    WeakTagger : The first pass.
    WeakEventDetector : The second pass, which also works by itself.
    make_paper_system : The published systems.

    Notes
    -----
    A tagger of its own, of the detector's kind and size, finds the same tags for twice
    the training; one that knows more, such as a classifier of embeddings of a
    pre-trained network, is worth its cost.

    A part left at None takes nested parameters all the same:
    ``TwoPassSED().set_params(detector__cosine_weight=0.5)`` makes the default
    detector and sets its weight, so that a grid search reaches into it, and
    ``set_params(tagger__max_epochs=10)`` makes a :class:`WeakTagger`.

    References
    ----------
    .. [1] T. Pellegrini, L. Cances, "Cosine-similarity penalty to discriminate
       sound classes in weakly-supervised sound event detection", IJCNN 2019,
       arXiv 1901.03146.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sed import FeatureArray, TwoPassSED
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(8, 20, 16)).astype("float32")
    >>> X[::2, 5:10, :4] += 5
    >>> X = FeatureArray(X, time_resolution=0.02)
    >>> sed = TwoPassSED().set_params(
    ...     tagger__max_epochs=2, detector__max_epochs=2,
    ...     tagger__random_state=0, detector__random_state=0,
    ... )
    >>> events = sed.fit(X, [["low"], []] * 4).predict(X, tags=[["low"], []] * 4)
    >>> len(events), len(events[1])
    (8, 0)
    """

    _default_parts: ClassVar[dict[str, type]] = {
        "tagger": WeakTagger,
        "detector": WeakEventDetector,
    }
    _parameter_constraints: ClassVar[dict] = {
        "tagger": [HasMethods(["fit", "predict_proba"]), None],
        "detector": [HasMethods(["fit", "predict"]), None],
    }

    def __init__(self, *, tagger=None, detector=None):
        self.tagger = tagger
        self.detector = detector

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, X_val=None, y_val=None):
        """Fit both passes to clips and their tags.

        Parameters
        ----------
        X : array of shape (n_clips, n_frames, n_mels), or sequence of n_clips \
                arrays (n_frames_i, n_mels)
            Features, from :class:`LogMelTransformer` or any other source. A 2-D X
            holds one frame per clip.
        y : array-like of n_clips labels
            Labels, in any form that the parts take. The tags of all are used; times
            are by a detector with ``times="learn"``.
        sample_weight : array-like of shape (n_clips,), default=None
            Weight of each clip.
        X_val : array of shape (n_clips, n_frames, n_mels) or sequence of arrays, \
                default=None
            Clips that are not learned from, for parts whose ``fit`` takes some.
        y_val : array-like of labels, default=None
            Their labels, weak or strong.

        Returns
        -------
        self : TwoPassSED
            The fitted estimator.

        Raises
        ------
        ClipError
            If a clip is not a finite matrix of as many bands as the others.
        LabelError
            If labels are missing or cannot be understood, or the parts were fitted
            to different classes.
        """
        clips = check_clips(X, self, reset=True)
        tags = check_tags(y, len(clips))
        warn_odd_names(y, tags)
        # Without a detector it is not fitted: an interruption leaves it so.
        self.__dict__.pop("detector_", None)
        if X_val is not None and y_val is not None:
            X_val = check_clips(X_val, self, reset=False)
            y_val = check_tags(y_val, len(X_val), tags.classes, name="y_val")
        parts = self._unfitted_parts()
        for part in parts.values():
            if takes_checked(part):
                part._check_labels(clips, tags)
        for part in parts.values():
            own = handed_on(part, X, clips)
            fit_part(part, own, tags, sample_weight, X_val, y_val)
        return self._keep(parts)

    @available_if(lambda self: all(map(_goes_on, self._current_parts().values())))
    @_fit_context(prefer_skip_nested_validation=False)
    def partial_fit(self, X, y, classes=None, sample_weight=None, replay=None):
        """Have both passes go once over more clips, keeping what they learned.

        Parameters
        ----------
        X : array of shape (n_clips, n_frames, n_mels) or sequence of arrays
            Features, as in ``fit``.
        y : array-like of n_clips labels
            Labels, as in ``fit``.
        classes : array-like of shape (n_classes,), default=None
            All classes that will ever come, for the first call; those of ``y`` when
            None.
        sample_weight : array-like of shape (n_clips,), default=None
            Weight of each clip.
        replay : tuple (X, y), default=None
            Earlier clips and their labels, which half of each batch is drawn from, so
            that what was learned from them is kept.

        Returns
        -------
        self : TwoPassSED
            The estimator, fitted so far.

        Raises
        ------
        LabelError
            If ``classes`` are not those of the first call.
        ValueError
            If `replay` is no pair, or nothing was learned yet that it could keep.
        """
        first = not hasattr(self, "detector_")
        parts = self._current_parts()
        clips = check_clips(X, self, reset=first)
        for part in parts.values():
            if not isinstance(part, FrozenEstimator):
                part.partial_fit(clips, y, classes, sample_weight, replay)
        return self._keep(parts)

    def _unfitted_parts(self) -> dict[str, Any]:
        """Return unfitted copies of the parts that are fitted for themselves."""
        names = ["detector"] if self.tagger is None else ["tagger", "detector"]
        return {name: self._unfitted(name) for name in names}

    def _current_parts(self) -> dict[str, Any]:
        """Return the parts that are fitted for themselves, or what they will be."""
        if not hasattr(self, "detector_"):
            return self._unfitted_parts()
        names = ["detector"] if self._is_one_network else ["tagger", "detector"]
        return {name: getattr(self, f"{name}_") for name in names}

    def _keep(self, parts: dict[str, Any]) -> "TwoPassSED":
        """Keep fitted parts; where there is no tagger, the detector is the tagger."""
        self.classes_ = np.asarray(parts["detector"].classes_)
        self.__dict__.pop("tagger_", None)
        if "tagger" in parts:
            self.tagger_ = parts["tagger"]
            tag_columns(self.tagger_, self.classes_)
        self.detector_ = parts["detector"]
        return self

    @property
    def _is_one_network(self) -> bool:
        """Whether the detector is the tagger, too."""
        return "tagger_" not in self.__dict__

    @property
    def tagger_(self) -> Any:
        """The fitted tagger: one of its own, or what the detector is as a tagger."""
        if not self._is_one_network:
            return self.__dict__["tagger_"]
        if not isinstance(self.detector_, WeakEventDetector):
            return self.detector_
        tagger = tagger_of(self.detector_)
        if isinstance(self.tagger, WeakTagger):  # its threshold was set after fit
            tagger.threshold = self.tagger.threshold
        return tagger

    @tagger_.setter
    def tagger_(self, tagger: Any) -> None:
        self.__dict__["tagger_"] = tagger

    @property
    def decoder_(self) -> Any:
        """The decoder in use: the detector's, or a default one where it has none."""
        detector = unwrap(self.detector_).estimator
        return getattr(detector, "decoder_", None) or EventDecoder()

    def _score(self, X: Any, *, tags: bool = True, frames: bool = True) -> Scored:
        """Pass over clips: once where both are one network, else the tagger first."""
        check_is_fitted(self)
        clips = check_clips(X, self, reset=False)
        tagger = self.tagger_
        if self._is_one_network and not getattr(tagger, "_single", False):
            own = handed_on(self.detector_, X, clips)
            scored = score_clips(self.detector_, own, tags=tags, frames=frames)[1]
            if tags and isinstance(tagger, WeakTagger):
                scored = scored._replace(tags=tagger._found(scored.proba))
            return scored
        proba = found = scores = None
        if tags:
            proba, found, _ = tag_clips(
                tagger, handed_on(tagger, X, clips), self.classes_
            )
        if frames:
            X = handed_on(self.detector_, X, clips)
            scores = score_clips(self.detector_, X, tags=False)[1].frames
        return Scored(proba, found, scores)

    def _check_state(self) -> None:
        """Complain where the parts contradict each other."""
        if hasattr(self, "detector_"):
            check_parts([self.tagger_, self.detector_], self)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "detector_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        return tags
