"""Two passes: a tagger says what is in a clip, a detector says when."""

from typing import ClassVar

import numpy as np
import pandas as pd
from sklearn.base import _fit_context, clone
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.validation import check_is_fitted

from sklearn_sed._clips._array import FeatureArray
from sklearn_sed._clips._check import ClipSet, check_clips
from sklearn_sed._labels._check import check_tags
from sklearn_sed._learners._base import DefaultParts
from sklearn_sed._learners._detector import WeakEventDetector, score_events_or_tags
from sklearn_sed._learners._tagger import WeakTagger
from sklearn_sed.exceptions import LabelError


class TwoPassSED(DefaultParts):
    """Sound event detection in two passes, learned from tags alone.

    Pass 1, the tagger, decides which classes are in a clip. Pass 2, the detector,
    scores every frame; only the curves of the classes that pass 1 accepts are decoded
    to events [1]_. Who already knows what is in the clips passes ``tags`` to
    ``predict`` and has them located.

    Parameters
    ----------
    tagger : estimator, default=None
        Multi-label classifier of clips with ``classes_`` and ``predict_proba``;
        a default :class:`WeakTagger` when None. Wrap a fitted one in
        :class:`sklearn.frozen.FrozenEstimator` to leave it as it is.
    detector : estimator, default=None
        What locates events; a default :class:`WeakEventDetector` when None.

    Attributes
    ----------
    tagger_ : estimator
        The fitted tagger.
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
    A part left at None takes nested parameters all the same:
    ``TwoPassSED().set_params(detector__cosine_weight=0.5)`` makes the default
    detector and sets its weight, so that a grid search reaches into it.

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
        "detector": [HasMethods(["fit", "predict", "predict_frame_proba"]), None],
    }

    def __init__(self, *, tagger=None, detector=None):
        self.tagger = tagger
        self.detector = detector

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None):
        """Fit both passes to clips and their tags.

        Parameters
        ----------
        X : array of shape (n_clips, n_frames, n_mels), or sequence of n_clips \
                arrays (n_frames_i, n_mels)
            Features, from :class:`LogMelTransformer` or any other source. A 2-D X
            holds one frame per clip.
        y : array-like of n_clips labels
            Weak or strong labels, in any form that the parts take; of strong labels
            only the tags are used.
        sample_weight : array-like of shape (n_clips,), default=None
            Weight of each clip.

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
        indicator = pd.DataFrame(tags.indicator, columns=tags.classes)
        weight = {} if sample_weight is None else {"sample_weight": sample_weight}
        X = _clocked(X, clips)
        # Without a detector it is not fitted: an interruption leaves it so.
        self.__dict__.pop("detector_", None)
        self.tagger_ = self._part("tagger").fit(X, indicator, **weight)
        self.detector_ = self._part("detector").fit(X, indicator, **weight)
        self.classes_ = np.asarray(self.detector_.classes_)
        self._tagger_columns()
        return self

    def _part(self, name: str):
        """Return an unfitted copy of a part."""
        part = getattr(self, name)
        return self._default_parts[name]() if part is None else clone(part)

    def _tagger_columns(self) -> list[int]:
        """Return the tagger's column of each of the detector's classes."""
        names = np.asarray(self.tagger_.classes_).tolist()
        missing = [label for label in self.classes_.tolist() if label not in names]
        if missing or len(names) != len(self.classes_):
            raise LabelError(
                f"the tagger knows the classes {names}, the detector "
                f"{self.classes_.tolist()}: fit both to the same classes"
            )
        return [names.index(label) for label in self.classes_.tolist()]

    def predict_tags(self, X):
        """Say which classes each clip holds, by the tagger.

        Parameters
        ----------
        X : array of shape (n_clips, n_frames, n_mels) or sequence of arrays
            Features, as in ``fit``.

        Returns
        -------
        ndarray of int of shape (n_clips, n_classes)
            1 for the classes that ``predict`` decodes.
        """
        check_is_fitted(self)
        tags = np.asarray(self.tagger_.predict(self._check(X)))
        return tags[:, self._tagger_columns()].astype(int)

    def predict_proba(self, X):
        """Return the tagger's probability of each class in each clip.

        Parameters
        ----------
        X : array of shape (n_clips, n_frames, n_mels) or sequence of arrays
            Features, as in ``fit``.

        Returns
        -------
        ndarray of shape (n_clips, n_classes)
            Probabilities, each class for itself.
        """
        check_is_fitted(self)
        proba = np.asarray(self.tagger_.predict_proba(self._check(X)))
        return proba[:, self._tagger_columns()]

    def predict_frame_proba(self, X):
        """Return the detector's score of every frame of every clip.

        Parameters
        ----------
        X : array of shape (n_clips, n_frames, n_mels) or sequence of arrays
            Features, as in ``fit``.

        Returns
        -------
        FeatureArray of shape (n_clips, n_frames, n_classes), or of n_clips arrays
            Frame probabilities on the input's own frames, carrying its clock; a 1-D
            object array of ``(n_frames_i, n_classes)`` where clips differ in length.
        """
        check_is_fitted(self)
        return self.detector_.predict_frame_proba(self._check(X))

    def predict(self, X, tags=None):
        """Find the events of each clip.

        Parameters
        ----------
        X : array of shape (n_clips, n_frames, n_mels) or sequence of arrays
            Features, as in ``fit``.
        tags : indicator, label lists or None, default=None
            What is known to be in each clip ("oracle tags"), in any form of labels
            that ``fit`` takes. When None, the tagger says.

        Returns
        -------
        ndarray of shape (n_clips,) of DataFrame
            One event table per clip: ``onset``, ``offset`` (seconds),
            ``event_label``, ``score``, sorted by onset, then label.

        Raises
        ------
        TimeResolutionError
            If neither the features nor the detector say how long a frame lasts.
        LabelError
            If ``tags`` hold an unknown label.
        """
        check_is_fitted(self)
        X = self._check(X)
        if tags is None:
            indicator = self.predict_tags(X)
        else:
            indicator = check_tags(tags, len(X), self.classes_, name="tags").indicator
        return self.detector_.predict(X, tags=indicator)

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
        return hasattr(self, "detector_")

    def _check(self, X):
        """Check the clips to predict, keeping their clock."""
        return _clocked(X, check_clips(X, self, reset=False))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        return tags


def _clocked(X, clips: ClipSet):
    """Return the clips with their clock, X itself where that has it."""
    is_table = isinstance(X, np.ndarray) and X.ndim == 2
    if hasattr(X, "time_resolution") and not is_table:
        return X
    if clips.time_resolution is None:
        return clips.clips
    clock = (clips.time_resolution, clips.durations, clips.time_offset)
    return FeatureArray(clips.clips, *clock)
