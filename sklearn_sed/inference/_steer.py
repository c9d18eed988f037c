"""A trained model with other thresholds, shortest lengths and fewer classes."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import make_pipeline

from sklearn_sed._clips._array import FeatureArray
from sklearn_sed._decoding._decoder import ClassSettings, EventDecoder
from sklearn_sed._learners._predict import PredictMixin, Scored, score_clips
from sklearn_sed.exceptions import LabelError
from sklearn_sed.inference._model import Parts, take_apart


class SteeredDetector(PredictMixin, BaseEstimator):
    """A fitted detector that looks for some of its classes, by other settings.

    Parameters
    ----------
    steered : estimator
        The fitted detector. It stays as it is.
    decoder : EventDecoder
        What finds the events, its settings given for each class that is looked for.
    thresholds : dict from class to float
        The clip scores above which classes are taken to be in a clip, where these are
        not left to the estimator.
    """

    def __init__(self, steered: Any, decoder: Any, thresholds: Mapping[Any, float]):
        self.steered = steered
        self.decoder = decoder
        self.thresholds = thresholds

    def fit(self, X, y=None):
        """Do nothing: the estimator is fitted."""
        return self

    @property
    def classes_(self):
        """The classes that are looked for."""
        own = np.asarray(self.steered.classes_)
        return own[[label in self.decoder.threshold for label in own.tolist()]]

    @property
    def decoder_(self) -> Any:
        """The decoder in use."""
        return self.decoder

    def _score(self, X: Any, *, tags: bool = True, frames: bool = True) -> Scored:
        """Pass over clips with the estimator, and keep what is looked for."""
        scored = score_clips(self.steered, X, tags=tags, frames=frames)[1]
        labels = self.classes_.tolist()
        own = np.asarray(self.steered.classes_).tolist()
        columns = [own.index(label) for label in labels]
        proba = found = scores = None
        if tags:
            proba = np.asarray(scored.proba)[:, columns]
            found = np.array(scored.tags)[:, columns]
            for i, label in enumerate(labels):
                if label in self.thresholds:
                    found[:, i] = proba[:, i] > self.thresholds[label]
        if frames:
            scores = FeatureArray(
                [np.asarray(clip)[:, columns] for clip in scored.frames],
                scored.frames.time_resolution,
                scored.frames.durations,
                scored.frames.time_offset,
            )
        return Scored(proba, found, scores)

    def __sklearn_is_fitted__(self) -> bool:
        return True


def steer(
    model: Any,
    *,
    classes: Sequence[Any] | None = None,
    threshold: Mapping[Any, float] | None = None,
    min_duration: Mapping[Any, float] | None = None,
    min_gap: Mapping[Any, float] | None = None,
) -> Any:
    """Return a model that finds events by other settings than a fitted one.

    Parameters
    ----------
    model : estimator
        A fitted model of audio files, which stays as it is.
    classes : sequence, default=None
        The classes to look for; all by default.
    threshold : dict from class to float, default=None
        What both scores of an event must exceed: that of its class in the window, and
        that of its frames. Where the decoder rescales the frames of a class, these say
        nothing of whether it is there, and its threshold there stays as it is. A lower
        threshold for the ends of events, where it is a number, comes along when it
        would be the higher one. None as a class means all others.
    min_duration, min_gap : dict from class to float, default=None
        Settings of the :class:`~sklearn_sed.EventDecoder`, likewise.

    Returns
    -------
    Pipeline
        A fitted model of audio files.

    Raises
    ------
    LabelError
        If there is no such class.
    TypeError
        If the model has no EventDecoder.
    """
    parts = take_apart(model)
    if not isinstance(parts.decoder, EventDecoder):
        raise TypeError(
            f"the model decodes events by {type(parts.decoder).__name__}; only the "
            "settings of an EventDecoder can be changed"
        )
    labels = _chosen(parts, classes)
    thresholds = _for_each(threshold, labels)
    changes = {
        "min_duration": _for_each(min_duration, labels),
        "min_gap": _for_each(min_gap, labels),
    }
    settings = dict(zip(parts.classes, parts.decoder._check(parts.classes)))
    steered = {}
    for label in labels:
        own = settings[label]._replace(
            **{name: given[label] for name, given in changes.items() if label in given}
        )
        if label in thresholds and not own.rescale:
            own = _with_threshold(own, thresholds[label])
        steered[label] = own
    decoder = clone(parts.decoder).set_params(
        **{
            name: {label: getattr(own, name) for label, own in steered.items()}
            for name in ClassSettings._fields
        }
    )
    decoder._check(labels)
    detector = SteeredDetector(parts.scorer, decoder, thresholds)
    return make_pipeline(parts.transformer, *parts.steps, detector)


def _chosen(parts: Parts, classes: Sequence[Any] | None) -> list[Any]:
    """Return the classes to look for, in the order of the model."""
    if classes is None:
        return parts.classes
    _check_known(classes, parts.classes)
    return [label for label in parts.classes if label in classes]


def _for_each(given: Mapping[Any, float] | None, labels: list[Any]) -> dict[Any, float]:
    """Return a setting of each class that it is given for."""
    given = given or {}
    own = {label: value for label, value in given.items() if label is not None}
    _check_known(own, labels)
    return own if None not in given else dict.fromkeys(labels, given[None]) | own


def _check_known(given: Collection[Any], labels: list[Any]) -> None:
    """Refuse classes that are not there."""
    for label in given:
        if label not in labels:
            raise LabelError(
                f"there is no class {label!r} to look for; the classes are "
                f"{', '.join(map(str, labels))}"
            )


def _with_threshold(own: ClassSettings, threshold: float) -> ClassSettings:
    """Return the settings of a class with another threshold."""
    low = own.low_threshold
    if low is not None and not isinstance(low, str):
        low = min(low, threshold)
    return own._replace(threshold=threshold, low_threshold=low)
