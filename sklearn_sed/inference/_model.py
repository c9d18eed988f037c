"""What detection takes a fitted model apart into."""

from copy import copy
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_sed._clips._array import FeatureArray
from sklearn_sed._features._transformer import LogMelTransformer
from sklearn_sed._fingerprint import fingerprint
from sklearn_sed._learners._inside import networks_in
from sklearn_sed._unwrap import unwrap


class Parts(NamedTuple):
    """The parts of a fitted model that turns files into events."""

    transformer: LogMelTransformer
    steps: list[Any]  # transformers of features
    scorer: Any  # what tags clips and scores frames
    decoder: Any  # what finds events there: an EventDecoder, or the user's own

    @property
    def classes(self) -> list[Any]:
        """The classes; their numbers where a classifier of several outputs has none."""
        own = self.scorer.classes_
        return [*range(len(own))] if isinstance(own, list) else np.asarray(own).tolist()

    @property
    def clip_duration(self) -> float | None:
        """Length of the clips that were learned from, in seconds, where it is known."""
        if self.transformer.duration is not None:
            return self.transformer.duration
        return next(
            filter(None, (net.clip_duration_ for net in networks_in(self.scorer))), None
        )

    @property
    def time_resolution(self) -> float:
        """Seconds per frame of the features."""
        return self.transformer.hop_length / self.transformer.sample_rate

    def features(self, windows: np.ndarray) -> Any:
        """Return windows (n_windows, n_frames, n_mels) as the scorer takes them."""
        resolution = self.time_resolution
        X: Any = FeatureArray(windows, resolution, time_offset=-resolution / 2)
        for step in self.steps:
            X = step.transform(X)
        return X

    def fingerprint(self) -> str:
        """Return what tells this model from those that may find other events."""
        return fingerprint(self.transformer, self.steps, self.scorer, self.decoder)


def take_apart(model: Any, method: str = "predict_frame_proba") -> Parts:
    """Return the parts of a fitted model, or say what it lacks.

    Parameters
    ----------
    model : estimator
        A fitted Pipeline that begins with a LogMelTransformer, or a search, tuner or
        calibrator of one, or in one.
    method : str, default="predict_frame_proba"
        What its last step must have; of a tagger, which has no frames, "predict_proba".

    Returns
    -------
    Parts
        Its parts.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    TypeError
        If it does not end in a detector, or what else has the method.
    ValueError
        If it does not begin with a LogMelTransformer.
    """
    check_is_fitted(model)
    steps, scorer = unwrap(model, method)
    decoder = getattr(scorer, "decoder_", None)
    while hasattr(scorer, "decoder_") and hasattr(scorer, "estimator_"):  # a tuner
        inner, scorer = unwrap(scorer.estimator_, method)
        steps += inner
    if not steps and hasattr(scorer, "estimator_"):  # a calibrator of a pipeline
        scorer = copy(scorer)
        steps, scorer.estimator_ = unwrap(scorer.estimator_, method)
    if not steps or not isinstance(steps[0], LogMelTransformer):
        first = type(steps[0] if steps else scorer).__name__
        raise ValueError(
            f"the model begins with {first}, which does not take audio files: fit and "
            "pass make_pipeline(LogMelTransformer(), TwoPassSED())"
        )
    return Parts(steps[0], steps[1:], scorer, decoder)
