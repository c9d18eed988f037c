"""What a model says about windows: their tags, and the scores of their frames.

Events are looked for in windows that are tagged and in those that overlap one: the
frames of the others, which in long recordings are most, are scored only for who asks.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from sklearn_sed._clips._array import FeatureArray
from sklearn_sed._clips._check import check_time_resolution
from sklearn_sed._decoding._decoder import (
    EventDecoder,
    ScoreCurves,
    rescale,
    stack_scores,
)
from sklearn_sed._learners._predict import score_clips
from sklearn_sed.events import frames_to_time
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
    known : ndarray of shape (n_classes,), default=None
        1 for the classes that are known to be in the recording; None asks the model
        what is in each window.
    candidates : bool, default=False
        Whether to look for every class in every window.
    everywhere : bool, default=False
        Whether to score the frames of all windows.

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

    def __init__(
        self,
        parts: Parts,
        n_window: int,
        known: np.ndarray | None = None,
        *,
        candidates: bool = False,
        everywhere: bool = False,
    ):
        self._parts = parts
        self._n_window = n_window
        self._known = known
        self._candidates = candidates
        self._everywhere = everywhere
        self._rescales = np.zeros(len(parts.classes), dtype=bool)
        if isinstance(parts.decoder, EventDecoder):
            settings = parts.decoder._check(parts.classes)
            self._rescales = np.array([own.rescale for own in settings])

    def score(
        self, batches: Iterable[tuple[list[int], np.ndarray]]
    ) -> Iterator[tuple[list[int], np.ndarray]]:
        """Tag windows and score those that overlap a tagged one, or all.

        Parameters
        ----------
        batches : iterable of (starts, windows)
            What `iter_windows` yields.

        Yields
        ------
        starts : list of int
            First frame of each window, in order, a little later than they come.
        values : ndarray of shape (n_windows, 5 or 6, n_classes, n_window)
            Frame scores, where the window overlaps a tagged one; for rescaled classes
            the curve, rescaled within the window, where it is tagged with the class; 1
            where it is tagged; 1 where it overlaps a tagged one; the clip score. Else
            zeros. If all windows are scored, the scores of each come last.
        """
        waiting: list[_Window] = []
        tagged: list[int] = []
        for starts, windows in batches:
            tags, proba = self._tag(windows)
            waiting += map(_Window, starts, windows, tags, proba)
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

    def _tag(self, windows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the classes to look for in each window, and their clip scores."""
        if self._known is not None:
            known = np.tile(self._known, (len(windows), 1))
            return known == 1, known
        features = self._parts.features(windows)
        scored = score_clips(self._parts.scorer, features, frames=False)[1]
        proba = np.asarray(scored.proba)
        return (proba > 0 if self._candidates else np.asarray(scored.tags) == 1), proba

    def _values(
        self, windows: list[_Window], tagged: list[int]
    ) -> tuple[list[int], np.ndarray]:
        """Return the values of windows, given where tagged ones begin."""
        starts = [window.start for window in windows]
        n_classes = len(self._rescales)
        n_rows = 6 if self._everywhere else 5
        values = np.zeros((len(windows), n_rows, n_classes, self._n_window))
        values[:, 2] = np.array([window.tags for window in windows])[..., np.newaxis]
        values[:, 4] = np.array([window.proba for window in windows])[..., np.newaxis]
        chosen = [
            index
            for index, start in enumerate(starts)
            if start == 0
            or any(abs(start - other) < self._n_window for other in tagged)
        ]
        scored = list(range(len(windows))) if self._everywhere else chosen
        if scored:
            frames = np.stack([windows[index].frames for index in scored])
            scores = self._frame_scores(frames)
            shape = (n_classes, len(scored), self._n_window)
            values[scored, 0] = scores.values.reshape(shape).swapaxes(0, 1)
            for column in np.flatnonzero(self._rescales):
                curves = rescale(scores.values[column], scores.bounds)
                values[scored, 1, column] = curves.reshape(shape[1:])
            values[:, 1] *= values[:, 2]
            values[chosen, 3] = 1
        if self._everywhere:
            values[:, 5] = values[:, 0]
            values[:, 0] *= values[:, 3]
        return starts, values

    def _frame_scores(self, windows: np.ndarray) -> ScoreCurves:
        """Return the frame scores of windows, end to end."""
        features = self._parts.features(windows)
        frames = self._parts.scorer.predict_frame_proba(features)
        scores = stack_scores(frames, len(self._rescales))
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

    def blocks(
        self, first: int, means: np.ndarray, end: float | None
    ) -> Iterator[FeatureArray]:
        """Yield the scores of all windows, cross-faded, as a block that has any frames.

        Parameters
        ----------
        first : int
            The number of the first frame.
        means : ndarray of shape (6, n_classes, n_frames)
            Means of the values of windows.
        end : float or None
            Where the recording ends, in seconds, when these are its last frames.
        """
        n_frames = means.shape[-1]
        if n_frames:
            begin, stop = (
                float(frames_to_time(k, self.time_resolution, self.time_offset))
                for k in (first, first + n_frames)
            )
            scores = means[5].T.clip(0, 1).astype(self.dtype)
            duration = stop if end is None else end
            yield FeatureArray(scores, self.time_resolution, duration, begin)

    def curves(self, means: np.ndarray) -> np.ndarray:
        """Turn cross-faded values into what is decoded.

        A rescaled curve is the mean over the windows that are tagged with its class:
        in the others it would find the class, too.

        Parameters
        ----------
        means : ndarray of shape (5 or 6, n_classes, n_frames)
            Means of the values of windows.

        Returns
        -------
        ndarray of shape (4, n_classes, n_frames)
            The curve, the score, the share of windows that are tagged, and their clip
            score.
        """
        total, shaped, tagged, scored, clip_score = means[:5]
        proba, rescaled = np.zeros((2, *total.shape))
        np.divide(total, scored, out=proba, where=scored > 0)
        np.divide(shaped, tagged, out=rescaled, where=tagged > 0)
        curve = np.where(self._rescales[:, np.newaxis], rescaled, proba)
        # In float64, a mean of equal scores may exceed a threshold that they do not.
        return np.stack((curve.astype(self.dtype), proba, tagged, clip_score))
