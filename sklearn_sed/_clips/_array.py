"""Features of clips that know their own clock."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar, NamedTuple

import numpy as np

from sklearn_sed._annotated import AnnotatedArray


class Clock(NamedTuple):
    """When the frames of clips are: what a `FeatureArray` carries."""

    time_resolution: float | None = None
    time_offset: float = 0.0
    is_clip: bool = False  # the first axis is frames
    durations: np.ndarray | None = None


class FeatureArray(AnnotatedArray):
    """Features of clips, with the seconds per frame and the seconds per clip.

    An ordinary array otherwise. Its clock follows indexing along the clips (``X[3]``,
    ``X[2:5]``, ``X[mask]``, ``X[[4, 1]]``), slicing of frames and bands, copies, views,
    element-wise arithmetic and functions (``np.where``, ``np.clip``), joining
    (``np.concatenate``, ``np.stack``), pickling and joblib, whose hashes tell equal
    values with other clocks apart. What cannot follow an operation is forgotten, never
    wrong: cutting the frames of clips forgets their durations; sorting, rolling or
    averaging frames, or turning them round, forgets all. (Only values that are moved in
    place, as in ``X[:] = X[::-1]``, are moved unseen.)

    Parameters
    ----------
    values : array-like of shape (n_clips, n_frames, n_mels) or (n_clips, n_features), \
or sequence of n_clips arrays of shape (n_frames_i, n_mels)
        The features. An array is not copied; a sequence of unequal arrays becomes a
        1-D object array.
    time_resolution : float, default=None
        Seconds per frame.
    durations : array-like of shape (n_clips,), default=None
        Seconds per clip, without padding. A scalar says that `values` is one clip.
    time_offset : float, default=0.0
        When frame 0 begins, in seconds: frame k covers the time from ``time_offset +
        k * time_resolution`` to ``time_offset + (k + 1) * time_resolution``.

    Attributes
    ----------
    time_resolution : float or None
        Seconds per frame.
    durations : ndarray of shape (n_clips,), float64, or None
        Seconds per clip. A single clip ``X[i]`` has a 0-d array.
    time_offset : float
        When frame 0 begins. Every other frame of ``X[:, ::2]`` lasts twice as long and
        is centred where it was, so that the first begins earlier.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sed import FeatureArray
    >>> X = FeatureArray(np.zeros((3, 50, 64)), 0.02, [1.0, 0.7, 0.9])
    >>> X[[2, 0]].durations
    array([0.9, 1. ])
    >>> X[1].time_resolution, float(X[1].durations)
    (0.02, 0.7)
    >>> X[:, ::2].time_resolution, X[:, ::2].time_offset
    (0.04, -0.01)
    >>> X[:, 10:].time_offset, X[:, 10:].durations is None
    (0.2, True)
    """

    time_resolution: float | None
    time_offset: float
    durations: np.ndarray | None
    _is_clip: bool
    _nothing: ClassVar[Clock] = Clock()

    def __new__(
        cls,
        values: Any,
        time_resolution: float | None = None,
        durations: Any = None,
        time_offset: float = 0.0,
    ) -> "FeatureArray":
        """Wrap `values` without copying an array."""
        if isinstance(values, list | tuple):
            values = stack_clips([np.asarray(clip) for clip in values])
        array: Any = np.asarray(values).view(cls)
        if time_resolution is not None and not 0 < time_resolution < np.inf:
            raise ValueError(
                f"time_resolution={time_resolution} must be positive: seconds per frame"
            )
        if not -np.inf < time_offset < np.inf:
            raise ValueError(
                f"time_offset={time_offset} must be a number: the second at which "
                "frame 0 begins"
            )
        if durations is not None:
            durations = np.array(durations, dtype=np.float64)
            if durations.shape not in [(), array.shape[:1]]:
                raise ValueError(
                    f"durations has shape {durations.shape}; {len(array)} clips need "
                    f"({len(array)},)"
                )
        array._note = Clock(
            None if time_resolution is None else float(time_resolution),
            float(time_offset),
            np.ndim(durations) == 0 and durations is not None,
            durations,
        )
        return array

    @property
    def _note(self) -> Clock:
        return Clock(
            self.time_resolution, self.time_offset, self._is_clip, self.durations
        )

    @_note.setter
    def _note(self, clock: tuple) -> None:
        self.time_resolution, self.time_offset, self._is_clip, self.durations = clock

    @classmethod
    def _common_note(cls, arrays: Sequence[Any], result: np.ndarray) -> Clock:
        """Return what those agree on that have the frames of the result."""
        clocks = [
            array._note
            for array in arrays
            if _frames_shape(array) == _frames_shape(result)
        ]
        # what has no clock, like a mean, is as silent as a plain array
        clocks = [
            clock
            for clock in clocks
            if clock.time_resolution is not None or clock.durations is not None
        ]
        durations = {c.durations is not None and c.durations.tobytes() for c in clocks}
        return Clock(
            *_common_frames(clocks),
            durations=clocks[0].durations if len(durations) == 1 else None,
        )

    @classmethod
    def _joined_note(cls, arrays: Sequence[Any]) -> Clock:
        """Return the clock of arrays of clips put together."""
        clocks = [getattr(x, "_note", Clock()) for x in arrays]
        known = [
            c.durations for c in clocks if c.durations is not None and not c.is_clip
        ]
        return Clock(
            *_common_frames(clocks),
            durations=np.concatenate(known) if len(known) == len(clocks) else None,
        )

    def __getitem__(self, key: Any) -> Any:
        item: Any = super().__getitem__(key)
        if isinstance(item, np.ndarray):
            item = item.view(FeatureArray)  # clips of unequal length are plain arrays
            item._note = self._clock_of(key)
        return item

    def _clock_of(self, key: Any) -> Clock:
        """Return the clock of ``self[key]``."""
        resolution, offset, is_clip, durations = self._note
        first, *others = key if isinstance(key, tuple) and key else (key,)
        if is_clip and first is None:  # a batch of one clip
            clock = self._clock_of(tuple(others))
            if clock.durations is not None:
                clock = clock._replace(durations=clock.durations[np.newaxis])
            return clock._replace(is_clip=False)
        keys = _keys_per_axis(key, self.ndim)
        if keys is None:
            return Clock()
        clips = slice(None) if is_clip else keys.pop(0)
        frames = keys.pop(0) if is_clip or self.ndim == 3 else slice(None)
        if not all(isinstance(k, slice) for k in keys):
            return Clock()
        is_one = is_clip or isinstance(clips, Integral)
        if isinstance(frames, slice):
            n_frames = self.shape[-2] if self.ndim > 1 else 0
            taken = range(*frames.indices(n_frames))
            if taken.step < 0:
                return Clock()
            if taken != range(n_frames)[:: taken.step]:
                durations = None
            elif durations is not None and not is_clip:
                durations = np.asarray(durations[clips])
            start, step = taken.start, taken.step
        elif isinstance(frames, Integral) and not is_one:  # clips of one frame
            start, step, durations = range(self.shape[1])[frames], 1, None
        else:
            return Clock()
        if resolution is not None:
            offset += (start + (1 - step) / 2) * resolution
            resolution *= step
        elif (start, step) != (0, 1):
            offset = 0.0
        return Clock(resolution, offset, is_one, durations)


def _keys_per_axis(key: Any, n_axes: int) -> list | None:
    """Spell an index out, one key per axis; None when that is not possible."""
    keys = list(key) if isinstance(key, tuple) else [key]
    if any(k is None or isinstance(k, bool | np.bool_) for k in keys):
        return None
    at = next((i for i, k in enumerate(keys) if k is Ellipsis), len(keys))
    n_missing = n_axes - len(keys[:at] + keys[at + 1 :])
    keys[at : at + 1] = [slice(None)] * n_missing
    one_each = all(isinstance(k, slice | Integral) or np.ndim(k) == 1 for k in keys)
    return keys if one_each and len(keys) == n_axes else None


def _frames_shape(array: np.ndarray) -> tuple[int, ...]:
    """Return the number of axes, and the lengths of those of clips and frames."""
    return array.ndim, *array.shape[: max(1, array.ndim - 1)]


def _common_frames(clocks: Sequence[Clock]) -> tuple[float | None, float, bool]:
    """Return the part of the clocks that is not of each clip, where they agree."""
    frames = {clock[:3] for clock in clocks}
    return frames.pop() if len(frames) == 1 else Clock()[:3]


def stack_clips(clips: Sequence[np.ndarray]) -> np.ndarray:
    """Stack arrays along a new first axis, as objects when their shapes differ."""
    if len({clip.shape for clip in clips}) <= 1:
        return np.array(clips)
    stacked = np.empty(len(clips), dtype=object)
    for i, clip in enumerate(clips):
        stacked[i] = clip
    return stacked
