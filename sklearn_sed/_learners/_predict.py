"""Predict once: all that is said of clips comes from a single pass over them."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, ClassVar, NamedTuple

import numpy as np
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _num_samples, check_is_fitted

from sklearn_sed._clips._array import FeatureArray
from sklearn_sed._clips._check import check_time_resolution
from sklearn_sed._decoding._decoder import finds_boxes, keep_candidates
from sklearn_sed._labels._check import UNLABELLED, check_tags
from sklearn_sed._labels._score import score_tags, with_times
from sklearn_sed._learners._parts import takes_checked
from sklearn_sed._unwrap import unwrap
from sklearn_sed.exceptions import LabelError


class Scored(NamedTuple):
    """What one pass over clips says of them; None where it was not asked for."""

    proba: Any  # (n_clips, n_classes): probability of each class in the clip
    tags: Any  # (n_clips, n_classes): 1 for the classes that are taken to be there
    frames: Any = None  # (n_clips, n_frames, n_classes)


def scores_frames(model: Any) -> bool:
    """Tell whether a model says when, not only what."""
    return model._scores_frames


class PredictMixin:
    """All predictions of a model over the one pass that ``_score`` is.

    Subclasses have ``classes_``, ``thresholds_``, ``decoder_`` and ``_score``.
    """

    classes_: np.ndarray
    thresholds_: Any
    decoder_: Any
    _single: bool = False
    _scores_frames: ClassVar[Any] = True

    def _score(self, X: Any, *, tags: bool = True, frames: bool = True) -> Scored:
        """Pass once over clips, for their tags, their frames or both."""
        raise NotImplementedError

    def predict_proba(self, X):
        """Return each clip's probability of each class.

        Parameters
        ----------
        X : array of shape (n_clips, n_frames, n_mels) or sequence of arrays
            Clips, as in ``fit``.

        Returns
        -------
        ndarray of shape (n_clips, n_classes)
            The clip scores that tags come from.
        """
        return self._score(X, frames=False).proba

    def predict_tags(self, X):
        """Say which classes each clip holds.

        Parameters
        ----------
        X : array of shape (n_clips, n_frames, n_mels) or sequence of arrays
            Clips, as in ``fit``.

        Returns
        -------
        ndarray of int of shape (n_clips, n_classes)
            1 for the classes whose clip score is above their threshold: those that
            ``predict`` looks for.
        """
        return self._score(X, frames=False).tags

    @available_if(scores_frames)
    def predict_frame_proba(self, X):
        """Score every frame of every clip.

        Parameters
        ----------
        X : array of shape (n_clips, n_frames, n_mels) or sequence of arrays
            Clips, as in ``fit``.

        Returns
        -------
        FeatureArray of shape (n_clips, n_frames, n_classes), or of n_clips arrays
            Frame probabilities on the input's own frames, float32, carrying the
            features' clock; a 1-D object array of ``(n_frames_i, n_classes)`` where
            clips differ in length.
        """
        return self._score(X, tags=False).frames

    @available_if(scores_frames)
    def predict_curves(self, X, tags=None):
        """Return the curves that ``predict`` cuts into events.

        Parameters
        ----------
        X : array of shape (n_clips, n_frames, n_mels) or sequence of arrays
            Clips, as in ``fit``.
        tags : indicator, label lists, "proba" or None, default=None
            What is known to be in each clip, as in ``predict``. "proba" leaves no
            class out, and multiplies each curve by the clip's probability of its
            class.

        Returns
        -------
        FeatureArray of shape (n_clips, n_frames, n_classes), or of n_clips arrays
            Frame scores as the decoder rescales and smooths them; zero for classes
            that are not looked for.
        """
        if isinstance(tags, str) and tags == "proba":
            scored, weight = self._look(X, None, attrgetter("proba"))
        else:
            scored, weight = self._look(X, tags)
        frames = scored.frames
        if hasattr(self.decoder_, "curves"):
            frames = self.decoder_.curves(frames, frames.time_resolution, self.classes_)
        curves = [np.asarray(c) * w.astype(c.dtype) for c, w in zip(frames, weight)]
        return FeatureArray(
            curves, frames.time_resolution, frames.durations, frames.time_offset
        )

    def predict(self, X, tags=None, candidates=False):
        """Find the events of each clip.

        Parameters
        ----------
        X : array of shape (n_clips, n_frames, n_mels) or sequence of arrays
            Clips, as in ``fit``.
        tags : indicator, label lists or None, default=None
            What is known to be in each clip ("oracle tags"), in any form of labels
            that ``fit`` takes; only these classes are looked for. Where it is None,
            and for clips of which nothing is known (None, or a row of −1), the classes
            are those of ``predict_tags``.
        candidates : bool, default=False
            Return every event that there is to choose from: with scores below the
            threshold, and of all classes where `tags` do not say which are there. For
            decoders whose events have scores of their own, which are multiplied by the
            clip's probability of the class: ``EventDecoder(segmenter="boxes")`` and
            ``"peaks"``. Thresholds can be moved afterwards.

        Returns
        -------
        ndarray of shape (n_clips,) of DataFrame
            One event table per clip: ``onset``, ``offset`` (seconds),
            ``event_label``, ``score``, sorted by onset, then label.

        Raises
        ------
        TimeResolutionError
            If nothing says how long a frame lasts.
        LabelError
            If ``tags`` hold an unknown label.
        ValueError
            If `candidates` are asked for and the decoder has none.
        """
        return self._find(X, tags, candidates)[0]

    def _find(self, X: Any, tags: Any, candidates: bool) -> tuple[np.ndarray, Any]:
        """Return the events of clips, and the frame scores that they were found in."""
        check_is_fitted(self)
        decoder = self.decoder_
        own: Callable[[Scored], Any] = attrgetter("tags")
        if candidates:
            decoder, own = keep_candidates(decoder), attrgetter("proba")
        elif finds_boxes(decoder):
            own = tagged_proba
        (_, _, frames), chosen = self._look(X, tags, own)
        events = decoder.decode(frames, frames.time_resolution, self.classes_, chosen)
        return events, frames

    def _look(
        self, X: Any, tags: Any, own: Callable[[Scored], Any] = attrgetter("tags")
    ) -> tuple[Scored, np.ndarray]:
        """Pass over clips; return also a number for each class, positive if looked for.

        These are known tags, or what `own` makes of the scores.
        """
        check_is_fitted(self)
        known = None
        if tags is not None:
            known = check_tags(tags, _num_samples(X), self.classes_, name="tags")
        asked = known is None or not known.labelled.all()
        scored = self._score(X, tags=asked)
        check_time_resolution(None, scored.frames.time_resolution)
        if known is None:
            return scored, own(scored)
        unknown = known.indicator == UNLABELLED
        found = own(scored) if asked else 0
        return scored, np.where(unknown, found, known.indicator)

    def score(self, X, y):
        """Return macro F1: of events if y has times, else of tags.

        Parameters
        ----------
        X : array of shape (n_clips, n_frames, n_mels) or sequence of arrays
            Clips, as in ``fit``.
        y : array-like of n_clips labels
            Reference, in any form that ``fit`` takes.

        Returns
        -------
        float
            Event-based macro F1 (200 ms, 20 %) over the clips whose times are known,
            if there are any; else macro F1 of the tags, over the clips that have some.
        """
        tables, timed, _ = with_times(y, X) if scores_frames(self) else ([], X, None)
        if len(tables):
            from sklearn_sed.metrics import event_based_f1_score

            return event_based_f1_score(tables, self.predict(timed))
        found = self._labelled(self.predict_tags(X))
        return score_tags(y, found, self.classes_, single=found.ndim == 1)

    def _found(self, proba: np.ndarray) -> np.ndarray:
        """Return the indicator of what is above its threshold, or is the likeliest."""
        if self._single and not scores_frames(self):
            return np.eye(proba.shape[1], dtype=int)[proba.argmax(axis=1)]
        return (proba > self.thresholds_).astype(int)

    def _labelled(self, tags: np.ndarray) -> np.ndarray:
        """Return tags as a classifier predicts: labels, where clips have one each."""
        if self._single and not scores_frames(self):
            return self.classes_[tags.argmax(axis=1)]
        return tags


def tagged_proba(scored: Scored) -> np.ndarray:
    """Return the probabilities of classes that are tagged."""
    return np.where(scored.tags > 0, scored.proba, 0.0)


def score_clips(
    model: Any, X: Any, *, tags: bool = True, frames: bool = True
) -> tuple[Any, Scored]:
    """Score clips by any model that has frames, looking inside what wraps it.

    Returns
    -------
    model : estimator
        The one inside.
    scored : Scored
        What it says.
    """
    inside = unwrap(model)
    X, model = inside.transform(X), inside.estimator
    if hasattr(model, "_scores_frames"):  # a PredictMixin, or a frozen one
        return model, model._score(X, tags=tags, frames=frames)
    proba = found = None
    if tags:
        found = np.asarray(model.predict_tags(X))
        proba = model.predict_proba(X) if hasattr(model, "predict_proba") else found
    return model, Scored(proba, found, model.predict_frame_proba(X) if frames else None)


def tag_clips(tagger: Any, X: Any, classes: np.ndarray) -> Scored:
    """Tag clips by any classifier, its columns in the order of the classes."""
    columns = tag_columns(tagger, classes)
    if hasattr(tagger, "_scores_frames"):
        scored = tagger._score(X, frames=False)
        return Scored(scored.proba[:, columns], scored.tags[:, columns])
    proba = _class_columns(tagger, tagger.predict_proba(X), len(columns))
    tags = np.asarray(tagger.predict(X))
    if tags.ndim == 1 and len(columns) > 1:  # one label per clip
        tags = tags[:, None] == np.asarray(tagger.classes_)
    tags = tags.reshape(len(tags), -1)
    return Scored(proba[:, columns], tags[:, columns].astype(int))


def _class_columns(tagger: Any, proba: Any, n_classes: int) -> np.ndarray:
    """Return one column of probabilities per class, whatever scikit-learn returns."""
    if isinstance(proba, list):  # of each class: those of 0 and of 1
        known = [np.asarray(own).tolist() for own in tagger.classes_]
        proba = [
            p[:, own.index(1)] if 1 in own else np.zeros(len(p))
            for p, own in zip(proba, known)
        ]
        return np.column_stack(proba)
    proba = np.asarray(proba)
    if n_classes == 1 and proba.shape[1] == 2:  # absent and present
        return proba[:, 1:]
    return proba


def tag_columns(tagger: Any, classes: np.ndarray) -> list[int]:
    """Return a tagger's column of each class: by name, or by place where it has none.

    Raises
    ------
    LabelError
        If the tagger knows other classes.
    """
    own, n_classes = tagger.classes_, len(classes)
    wanted = np.asarray(classes).tolist()
    names = [*range(len(own))] if isinstance(own, list) else np.asarray(own).tolist()
    if sorted(map(repr, names)) == sorted(map(repr, wanted)):
        return [names.index(label) for label in wanted]
    # What was fitted to an indicator numbers its columns; to one column, says 0 or 1.
    if names == [*range(n_classes)] or (n_classes == 1 and names == [0, 1]):
        return [*range(n_classes)]
    raise LabelError(
        f"the tagger knows the classes {names}, the detector {wanted}: fit both to the "
        "same classes"
    )


def check_parts(parts: list[Any], whole: Any) -> None:
    """Check that fitted parts know the classes and the features of what holds them.

    Raises
    ------
    ValueError
        If not, or if there are no parts.
    """
    if not parts:
        raise ValueError(f"{type(whole).__name__} has no part that is fitted")
    for part in parts:
        tag_columns(part, whole.classes_)
        n_features = getattr(part, "n_features_in_", None)
        if takes_checked(part) and n_features != whole.n_features_in_:
            raise ValueError(
                f"{type(whole).__name__} has {whole.n_features_in_} features, a part "
                f"of it {n_features}"
            )
