"""Features of clips that know their own clock."""

from collections.abc import Iterator, Sequence
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np

# Functions whose result has the frames of what they are given, value by value, and
# those that may keep frames as they are: the shape of the result tells.
_BY_VALUE = {
    *(np.where, np.select, np.choose, np.piecewise, np.pad, np.copy),
    *(np.clip, np.round, np.around, np.fix, np.nan_to_num, np.real, np.imag),
    *(np.zeros_like, np.ones_like, np.empty_like, np.full_like),
    *(np.isclose, np.isposinf, np.isneginf, np.i0, np.sinc, np.angle),
}
# These go through np.concatenate, which knows what becomes of the clock.
_JOINING = {np.stack, np.vstack, np.hstack, np.append}


class Clock(NamedTuple):
    """When the frames of clips are: what a `FeatureArray` carries."""

    time_resolution: float | None = None
    time_offset: float = 0.0
    is_clip: bool = False  # the first axis is frames
    durations: np.ndarray | None = None


class FeatureArray(np.ndarray):
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
        array._clock = Clock(
            None if time_resolution is None else float(time_resolution),
            float(time_offset),
            np.ndim(durations) == 0 and durations is not None,
            durations,
        )
        return array

    @property
    def _clock(self) -> Clock:
        return Clock(
            self.time_resolution, self.time_offset, self._is_clip, self.durations
        )

    @_clock.setter
    def _clock(self, clock: Clock) -> None:
        self.time_resolution, self.time_offset, self._is_clip, self.durations = clock

    def __array_finalize__(self, obj: Any) -> None:
        # numpy calls this for views and new arrays alike and does not say which frames
        # of obj they hold: only the methods below know of operations that keep them
        self._clock = Clock()

    def __array_wrap__(
        self, array: np.ndarray, context: Any = None, return_scalar: bool = False
    ) -> Any:
        result: Any = super().__array_wrap__(array, context, return_scalar)
        if result.ndim == 0:
            return result[()]  # the mean of all values is a number, not an array
        is_by_value = context is not None and context[0].signature is None
        result._clock = _common_clock(context[1], result) if is_by_value else Clock()
        return result

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        result: Any = super().__array_function__(func, types, args, kwargs)
        given = list(_feature_arrays([*args, kwargs]))
        if func is np.concatenate and isinstance(result, np.ndarray):
            axis = args[1] if len(args) > 1 else kwargs.get("axis", 0)
            along_clips = axis in (0, -result.ndim)
            result = result.view(FeatureArray)
            result._clock = (
                _joined_clock(args[0]) if along_clips else _common_clock(given, result)
            )
        elif func in _BY_VALUE and isinstance(result, np.ndarray):
            result = result.view(FeatureArray)
            result._clock = _common_clock(given, result)
        elif func not in _JOINING:
            for array in _feature_arrays([result]):
                if not any(array is same for same in given):
                    array._clock = Clock()
        return result

    def __getitem__(self, key: Any) -> Any:
        item: Any = super().__getitem__(key)
        if isinstance(item, np.ndarray):
            item = item.view(FeatureArray)  # clips of unequal length are plain arrays
            item._clock = self._clock_of(key)
        return item

    def _clock_of(self, key: Any) -> Clock:
        """Return the clock of ``self[key]``."""
        resolution, offset, is_clip, durations = self._clock
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

    def _keep_clock(self, same: Any) -> Any:
        """Hand the clock to an array that holds the same clips and frames."""
        if isinstance(same, FeatureArray) and _frames_shape(same) == _frames_shape(
            self
        ):
            same._clock = self._clock
        return same

    def copy(self, order: Any = "C") -> Any:
        """Return a copy, as :meth:`numpy.ndarray.copy` does."""
        return self._keep_clock(super().copy(order))

    def astype(self, *args: Any, **kwargs: Any) -> Any:
        """Return the values in another dtype, as :meth:`numpy.ndarray.astype` does."""
        return self._keep_clock(super().astype(*args, **kwargs))

    def view(self, *args: Any, **kwargs: Any) -> Any:
        """Return a view, as :meth:`numpy.ndarray.view` does."""
        return self._keep_clock(super().view(*args, **kwargs))

    @property  # type: ignore[misc]
    def strides(self) -> Any:
        """The strides: what joblib hashes beside values, shape and type."""
        return _Strides(super().strides, self._clock)

    def __copy__(self) -> Any:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> Any:
        return self._keep_clock(super().__deepcopy__(memo).view(FeatureArray))

    def __reduce__(self) -> Any:
        rebuild, args, state = tuple(super().__reduce__())
        return rebuild, args, (state, tuple(self._clock))

    def __setstate__(self, state: Any) -> None:
        array_state, clock = state
        self._clock = Clock(*clock)
        super().__setstate__(array_state)


class _Strides(tuple):
    """Strides that are pickled, and so hashed, together with a clock."""

    clock: tuple

    def __new__(cls, strides: tuple, clock: tuple) -> "_Strides":
        whole = super().__new__(cls, strides)
        whole.clock = tuple(clock)
        return whole

    def __reduce__(self) -> Any:
        return _Strides, (tuple(self), self.clock)


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


def _feature_arrays(values: Any) -> Iterator[FeatureArray]:
    """Yield the feature arrays among values, however nested."""
    if isinstance(values, FeatureArray):
        yield values
    elif isinstance(values, list | tuple | dict):
        for value in values.values() if isinstance(values, dict) else values:
            yield from _feature_arrays(value)


def _common_clock(values: Any, result: np.ndarray) -> Clock:
    """Return what those of the values agree on that have the frames of the result."""
    clocks = [
        array._clock
        for array in _feature_arrays(values)
        if _frames_shape(array) == _frames_shape(result)
    ]
    # what has no clock, like a mean, is as silent as a plain array
    clocks = [
        clock
        for clock in clocks
        if clock.time_resolution is not None or clock.durations is not None
    ]
    durations = {None if c.durations is None else c.durations.tobytes() for c in clocks}
    return Clock(
        *_common_frames(clocks),
        durations=clocks[0].durations if len(durations) == 1 else None,
    )


def _joined_clock(arrays: Sequence[Any]) -> Clock:
    """Return the clock of arrays of clips put together."""
    clocks = [getattr(x, "_clock", Clock()) for x in arrays]
    known = [c.durations for c in clocks if c.durations is not None and not c.is_clip]
    return Clock(
        *_common_frames(clocks),
        durations=np.concatenate(known) if len(known) == len(clocks) else None,
    )


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
