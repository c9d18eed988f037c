"""What a model says about windows: their tags, and the scores of their frames.

Frames are scored in windows that are tagged and in those that overlap one: there is
nothing to find in the others, which in long recordings are most.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from sklearn_sed._clips._check import check_time_resolution
from sklearn_sed._decoding._decoder import ScoreCurves, rescale, stack_scores
from sklearn_sed._learners._predict import score_clips
from sklearn_sed.inference._model import Parts


class _Window(NamedTuple):
    start: int
    frames: np.ndarray  # (n_frames, n_mels)
    tags: np.ndarray  # (n_classes,)
    proba: np.ndarray  # (n_classes,)


class WindowScorer:
    """Scores the windows of a recording for cross-fading, and reads what comes of it.

    Parameters
    ----------
    parts : Parts
        The parts of a model.
    n_window : int
        Frames in a window.

    Attributes
    ----------
    time_resolution : float
        Seconds per frame of the scores. It is there once a window was scored, which
        the first one always is.
    time_offset : float
        When frame 0 begins, in seconds, likewise.
    dtype : dtype
        The precision of the scores, likewise.
    """

    time_resolution: float
    time_offset: float
    dtype: np.dtype

    def __init__(self, parts: Parts, n_window: int):
        self._parts = parts
        self._n_window = n_window
        self._settings = parts.decoder._check(parts.classes)

    def score(
        self, batches: Iterable[tuple[list[int], np.ndarray]]
    ) -> Iterator[tuple[list[int], np.ndarray]]:
        """Tag windows and score those that overlap a tagged one.

        Parameters
        ----------
        batches : iterable of (starts, windows)
            What `iter_windows` yields.

        Yields
        ------
        starts : list of int
            First frame of each window, in order, a little later than they come.
        values : ndarray of shape (n_windows, 5, n_classes, n_window)
            Frame scores; for rescaled classes the curve, rescaled within the window,
            where it is tagged with the class; 1 where it is tagged; 1 where it is
            scored; the clip score. Else zeros.
        """
        waiting: list[_Window] = []
        tagged: list[int] = []
        for starts, windows in batches:
            features = self._parts.features(windows)
            scored = score_clips(self._parts.scorer, features, frames=False)[1]
            tags = np.asarray(scored.tags) == 1
            waiting += map(_Window, starts, windows, tags, np.asarray(scored.proba))
            tagged += [start for start, own in zip(starts, tags) if own.any()]
            # Within these, no window to come begins.
            last = starts[-1]
            n_ready = sum(window.start + self._n_window <= last for window in waiting)
            if n_ready:
                yield self._values(waiting[:n_ready], tagged)
                waiting = waiting[n_ready:]
                tagged = [
                    start for start in tagged if start > last - 2 * self._n_window
                ]
        if waiting:
            yield self._values(waiting, tagged)

    def _values(
        self, windows: list[_Window], tagged: list[int]
    ) -> tuple[list[int], np.ndarray]:
        """Return the values of windows, given where tagged ones begin."""
        starts = [window.start for window in windows]
        n_classes = len(self._settings)
        values = np.zeros((len(windows), 5, n_classes, self._n_window))
        values[:, 2] = np.array([window.tags for window in windows])[..., np.newaxis]
        values[:, 4] = np.array([window.proba for window in windows])[..., np.newaxis]
        chosen = [
            index
            for index, start in enumerate(starts)
            if start == 0
            or any(abs(start - other) < self._n_window for other in tagged)
        ]
        if chosen:
            frames = np.stack([windows[index].frames for index in chosen])
            scores = self._frame_scores(frames)
            shape = (n_classes, len(chosen), self._n_window)
            values[chosen, 0] = scores.values.reshape(shape).swapaxes(0, 1)
            for column, own in enumerate(self._settings):
                if own.rescale:
                    curves = rescale(scores.values[column], scores.bounds)
                    values[chosen, 1, column] = curves.reshape(shape[1:])
            values[:, 1] *= values[:, 2]
            values[chosen, 3] = 1
        return starts, values

    def _frame_scores(self, windows: np.ndarray) -> ScoreCurves:
        """Return the frame scores of windows, end to end."""
        features = self._parts.features(windows)
        frames = self._parts.scorer.predict_frame_proba(features)
        scores = stack_scores(frames, len(self._settings))
        if scores.bounds[-1] != len(windows) * self._n_window:
            raise ValueError(
                "the steps between LogMelTransformer and the detector change the "
                "number of frames: windows could not be put back together"
            )
        self.time_resolution = check_time_resolution(
            None, getattr(frames, "time_resolution", None)
        )
        self.time_offset = frames.time_offset
        self.dtype = scores.dtype
        return scores

    def curves(self, means: np.ndarray) -> np.ndarray:
        """Turn cross-faded values into what is decoded.

        A rescaled curve is the mean over the windows that are tagged with its class:
        in the others it would find the class, too.

        Parameters
        ----------
        means : ndarray of shape (5, n_classes, n_frames)
            Means of the values of windows.

        Returns
        -------
        ndarray of shape (4, n_classes, n_frames)
            The curve, the score, the share of windows that are tagged, and their clip
            score.
        """
        total, shaped, tagged, scored, clip_score = means
        proba, rescaled = np.zeros((2, *total.shape))
        np.divide(total, scored, out=proba, where=scored > 0)
        np.divide(shaped, tagged, out=rescaled, where=tagged > 0)
        rescales = np.array([own.rescale for own in self._settings])
        curve = np.where(rescales[:, np.newaxis], rescaled, proba)
        # In float64, a mean of equal scores may exceed a threshold that they do not.
        return np.stack((curve.astype(self.dtype), proba, tagged, clip_score))
