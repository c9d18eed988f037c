"""Clips as users hand them in, checked once. One voice for complaints."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from sklearn_sed._clips._array import FeatureArray
from sklearn_sed.exceptions import ClipError, TimeResolutionError


@dataclass(frozen=True)
class ClipSet:
    """Features of several clips, each ``(n_frames_i, n_mels)``, with their clock."""

    clips: Any  # anything that gives one clip per index, without loading the others
    n_frames: np.ndarray
    n_mels: int
    time_resolution: float | None = None
    durations: np.ndarray | None = None
    time_offset: float = 0.0

    def __len__(self) -> int:
        return len(self.clips)

    @property
    def typical_duration(self) -> float | None:
        """Median length of the clips in seconds; None where nothing tells it."""
        if self.durations is not None:
            return float(np.median(self.durations))
        if self.time_resolution is not None:
            return float(np.median(self.n_frames) * self.time_resolution)
        return None

    def take(self, index: np.ndarray) -> "ClipSet":
        """Return some of the clips, none of which is read yet."""
        return replace(
            self,
            clips=_Chosen(self.clips, index),
            n_frames=self.n_frames[index],
            durations=None if self.durations is None else self.durations[index],
        )

    def followed_by(self, other: "ClipSet") -> "ClipSet":
        """Return these clips and others, none of which is read yet.

        Raises
        ------
        ValueError
            If their frames are not alike.
        """
        ours, theirs = (
            (clips.n_mels, clips.time_resolution, clips.time_offset)
            for clips in (self, other)
        )
        if ours != theirs:
            raise ValueError(
                "clips that are learned from together have frames alike, and these "
                f"are of (bands, seconds, offset) {ours} and {theirs}: compute all "
                "features alike"
            )
        durations = None
        if self.durations is not None and other.durations is not None:
            durations = np.append(self.durations, other.durations)
        return replace(
            self,
            clips=_Chained(self.clips, other.clips),
            n_frames=np.append(self.n_frames, other.n_frames),
            durations=durations,
        )

    def with_clock(self, frames: list[np.ndarray]) -> FeatureArray:
        """Return values of every frame of these clips as an array with their clock."""
        return FeatureArray(
            frames, self.time_resolution, self.durations, self.time_offset
        )


class _Chosen:
    """Some of a sequence's items, fetched when asked for."""

    def __init__(self, items: Any, index: np.ndarray):
        self.items, self.index = items, index

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, i: int) -> Any:
        return self.items[self.index[i]]


class _Chained:
    """One sequence's items, and then another's, fetched when asked for."""

    def __init__(self, first: Any, second: Any):
        self.first, self.second = first, second

    def __len__(self) -> int:
        return len(self.first) + len(self.second)

    def __getitem__(self, i: int) -> Any:
        n = len(self.first)
        return self.first[i] if i < n else self.second[i - n]


def check_clips(X: Any, estimator: BaseEstimator, *, reset: bool) -> ClipSet:
    """Check features and say what each clip is, without copying them.

    Parameters
    ----------
    X : array-like of shape (n_clips, n_frames, n_mels), sequence of arrays \
            (n_frames_i, n_mels), StoredFeatures, or array-like of shape \
            (n_clips, n_mels), or ClipSet
        Features. Rows of a 2-D X are clips of one frame. What was checked before is
        not looked at again.
    estimator : BaseEstimator
        Whose ``n_features_in_`` is set (``reset``) or compared.
    reset : bool
        True in ``fit``.

    Returns
    -------
    ClipSet
        The clips.

    Raises
    ------
    ClipError
        If a clip is not 2-D, is empty, has too many or too few columns, or holds
        NaN or infinity.
    ValueError
        If X as a whole has the wrong form.
    """
    if isinstance(X, ClipSet):
        _check_n_mels(X.n_mels, estimator, reset)
        return X
    if np.ndim(getattr(X, "durations", [])) == 0 and X.durations is not None:
        raise ValueError("X is a single clip: pass a batch of one, X[np.newaxis]")
    clips = _as_clips(X, estimator, reset)
    n_mels = clips[0].shape[1]
    _check_n_mels(n_mels, estimator, reset)
    if _is_stored(clips):  # checked when they were stored, read when they are needed
        n_frames = clips.n_frames
    else:
        for i, clip in enumerate(clips):
            _check_clip(i, clip, n_mels)
        n_frames = np.array([len(clip) for clip in clips])
    return ClipSet(clips, n_frames, n_mels, *_clock(X))


def _check_n_mels(n_mels: int, estimator: Any, reset: bool) -> None:
    """Set an estimator's number of bands, or compare it."""
    if reset:
        estimator.n_features_in_ = n_mels
    elif n_mels != estimator.n_features_in_:
        raise ValueError(
            f"X has {n_mels} features, but {type(estimator).__name__} is expecting "
            f"{estimator.n_features_in_} features as input: compute features with the "
            "same number of bands as in fit"
        )


def _clock(X: Any) -> tuple[float | None, np.ndarray | None, float]:
    """Return time resolution, durations and time offset of X, or of its clips."""
    if not isinstance(X, list | tuple):
        return (
            getattr(X, "time_resolution", None),
            getattr(X, "durations", None),
            getattr(X, "time_offset", 0.0),
        )
    clocks = [
        (getattr(clip, "time_resolution", None), getattr(clip, "time_offset", 0.0))
        for clip in X
    ]
    first = next((clock for clock in clocks if clock[0] is not None), (None, 0.0))
    for i, clock in enumerate(clocks):
        if clock[0] is not None and clock != first:
            raise ClipError(
                i,
                f"its frames last {clock[0]} s and begin at {clock[1]} s, those of "
                f"other clips {first[0]} s and {first[1]} s; compute the features of "
                "all clips alike",
            )
    seconds = [getattr(clip, "durations", None) for clip in X]
    timed = all(s is not None and np.ndim(s) == 0 for s in seconds)
    durations = np.array(seconds, dtype=np.float64) if timed else None
    if any(resolution is None for resolution, _ in clocks):
        return None, durations, 0.0
    return first[0], durations, first[1]


def _as_clips(X: Any, estimator: BaseEstimator, reset: bool) -> Any:
    """Return X as a sequence of 2-D arrays, by its rank."""
    if isinstance(X, np.ndarray) and X.ndim == 3 and X.dtype != object:
        if X.dtype.kind == "c":
            raise ValueError("Complex data not supported: pass real features")
        if 0 in X.shape:
            raise ValueError(
                f"Found array with 0 clips, frames or bands (shape={X.shape}) while a "
                "minimum of 1 is required by " + type(estimator).__name__
            )
        return np.asarray(X)
    if isinstance(X, np.ndarray) and X.ndim > 3:
        raise ValueError(
            f"X has shape {X.shape}: pass (n_clips, n_frames, n_mels), that is at most "
            "three dimensions"
        )
    if _is_ragged(X):
        return [np.asarray(clip) for clip in X]
    if (isinstance(X, list | tuple) or _is_stored(X)) and len(X) == 0:
        raise ValueError("X holds no clips (0 samples): pass at least one clip")
    if _is_stored(X):
        return X
    X = validate_data(
        estimator, X, dtype="numeric", ensure_all_finite=False, reset=reset
    )
    return X[:, None, :]


def _is_stored(X: Any) -> bool:
    """Tell features on disk, which know their lengths, from those in memory."""
    return hasattr(type(X), "n_frames")


def _is_ragged(X: Any) -> bool:
    """Tell a sequence of 2-D arrays from anything else."""
    if isinstance(X, np.ndarray):
        if X.dtype != object or X.ndim not in (1, 3) or not len(X):
            return False
    elif not isinstance(X, list | tuple) or not X:
        return False
    first = X[0]
    if isinstance(first, str) or sparse.issparse(first):
        return False
    if isinstance(first, np.ndarray | pd.DataFrame):
        return first.ndim >= 2
    return bool(np.iterable(first)) and len(first) > 0 and np.iterable(first[0])


def _check_clip(i: int, clip: np.ndarray, n_mels: int) -> None:
    """Complain about a clip that is not a finite, non-empty matrix of n_mels bands."""
    if clip.ndim != 2:
        raise ClipError(
            i, f"its features have shape {clip.shape}; pass (n_frames, n_mels)"
        )
    if clip.dtype.kind not in "fiub":
        raise ClipError(i, f"its features are {clip.dtype}; pass real numbers")
    if len(clip) == 0:
        raise ClipError(i, "it has no frames; leave it out or pad it with silence")
    if clip.shape[1] != n_mels:
        raise ClipError(
            i, f"it has {clip.shape[1]} bands where others have {n_mels}; use the same"
        )
    if not np.isfinite(clip).all():
        raise ClipError(
            i, "it contains NaN or infinity; repair the recording or leave it out"
        )


def check_time_resolution(given: float | None, of_features: float | None) -> float:
    """Return how long a frame lasts, in seconds, or say how to tell it."""
    resolution = of_features if given is None else given
    if resolution is None:
        raise TimeResolutionError(
            "the features do not say how many seconds a frame lasts: pass "
            "time_resolution=hop_length / sample_rate to the detector, or features "
            "from LogMelTransformer, which carry it"
        )
    return float(resolution)
