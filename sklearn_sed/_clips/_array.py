"""Features of clips that know their own clock."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np


class FeatureArray(np.ndarray):
    """Features of clips, with the seconds per frame and the seconds per clip.

    An ordinary array otherwise. Both attributes follow indexing along the clips
    (``X[3]``, ``X[2:5]``, ``X[mask]``, ``X[[4, 1]]``), slicing of frames and bands,
    copies, views, element-wise arithmetic, joining (``np.concatenate``, ``np.stack``),
    pickling and joblib. What cannot follow an operation becomes None, never wrong:
    cutting the frames of clips forgets their durations, averaging over frames forgets
    the time resolution too. (Only values that are moved in place, as in
    ``X[:] = X[::-1]``, are moved unseen.)

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

    Attributes
    ----------
    time_resolution : float or None
        Seconds per frame.
    durations : ndarray of shape (n_clips,), float64, or None
        Seconds per clip. A single clip ``X[i]`` has a 0-d array.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sed import FeatureArray
    >>> X = FeatureArray(np.zeros((3, 50, 64)), 0.02, [1.0, 0.7, 0.9])
    >>> X[[2, 0]].durations
    array([0.9, 1. ])
    >>> X[1].time_resolution, float(X[1].durations)
    (0.02, 0.7)
    >>> X[:, ::2].time_resolution, X[:, :10].durations is None
    (0.04, True)
    """

    time_resolution: float | None
    durations: np.ndarray | None

    def __new__(
        cls,
        values: Any,
        time_resolution: float | None = None,
        durations: Any = None,
    ) -> "FeatureArray":
        """Wrap `values` without copying an array."""
        if isinstance(values, list | tuple):
            values = stack_clips([np.asarray(clip) for clip in values])
        array: Any = np.asarray(values).view(cls)
        if time_resolution is not None and not 0 < time_resolution < np.inf:
            raise ValueError(
                f"time_resolution={time_resolution} must be positive: seconds per frame"
            )
        if durations is not None:
            durations = np.array(durations, dtype=np.float64)
            if durations.shape not in [(), array.shape[:1]]:
                raise ValueError(
                    f"durations has shape {durations.shape}; {len(array)} clips need "
                    f"({len(array)},)"
                )
        array.time_resolution = time_resolution
        array.durations = durations
        return array

    def __array_finalize__(self, obj: Any) -> None:
        # numpy calls this for views and new arrays alike and does not say which clips
        # of obj they hold, so that only the explicit methods below keep durations
        same_frames = self.ndim == np.ndim(obj) and self.shape[1:] == np.shape(obj)[1:]
        self.time_resolution = (
            getattr(obj, "time_resolution", None) if same_frames else None
        )
        self.durations = None

    def __array_wrap__(
        self, array: np.ndarray, context: Any = None, return_scalar: bool = False
    ) -> Any:
        result: Any = super().__array_wrap__(array, context, return_scalar)
        if result.ndim == 0:
            return result[()]  # the mean of all values is a number, not an array
        if context is not None:
            ufunc, inputs, _ = context
            alike = [
                x
                for x in inputs
                if isinstance(x, FeatureArray)
                and x.ndim == result.ndim
                and x.shape[:2] == result.shape[:2]
            ]
            element_wise = ufunc.signature is None
            clock = _common_clock(alike) if element_wise else (None, None)
            result.time_resolution, result.durations = clock
        return result

    def __getitem__(self, key: Any) -> Any:
        item: Any = super().__getitem__(key)
        if isinstance(item, np.ndarray):
            item = item.view(FeatureArray)  # clips of unequal length are plain arrays
            item.time_resolution, item.durations = self._clock_of(key)
        return item

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        result: Any = super().__array_function__(func, types, args, kwargs)
        if func is not np.concatenate or not isinstance(result, np.ndarray):
            return result
        result = result.view(FeatureArray)
        axis = args[1] if len(args) > 1 else kwargs.get("axis", 0)
        result.time_resolution, result.durations = (
            _joined_clock(args[0]) if axis == 0 else (None, None)
        )
        return result

    def _clock_of(self, key: Any) -> tuple[float | None, np.ndarray | None]:
        """Return the time resolution and the durations of ``self[key]``."""
        is_clip = self.durations is not None and self.durations.ndim == 0
        first, *others = key if isinstance(key, tuple) and key else (key,)
        if is_clip and first is None:  # a batch of one clip
            resolution, duration = self._clock_of(tuple(others))
            return resolution, None if duration is None else duration[np.newaxis]
        keys = _keys_per_axis(key, self.ndim)
        if keys is None:
            return None, None
        resolution, durations = self.time_resolution, self.durations
        clips = () if is_clip else keys.pop(0)
        frames = keys.pop(0) if is_clip or self.ndim == 3 else slice(None)
        if not all(isinstance(k, slice) for k in keys):
            return None, None
        if isinstance(frames, slice):
            n_frames = self.shape[-2] if self.ndim > 1 else 0
            if range(*frames.indices(n_frames)) == range(n_frames):
                kept = None if durations is None else np.asarray(durations[clips])
                return resolution, kept
            if resolution is not None:
                resolution *= abs(frames.step or 1)
        elif not isinstance(frames, Integral):
            resolution = None
        return resolution, None

    def _keep_clock(self, same: Any) -> Any:
        """Hand the attributes to an array that holds the same clips and frames."""
        if isinstance(same, FeatureArray) and same.shape[:2] == self.shape[:2]:
            same.time_resolution, same.durations = self.time_resolution, self.durations
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

    def transpose(self, *axes: Any) -> Any:
        """Return a view with other axes, as :meth:`numpy.ndarray.transpose` does."""
        return _without_clock(super().transpose(*axes))

    def swapaxes(self, axis1: Any, axis2: Any) -> Any:
        """Return a view with two axes swapped, as :meth:`numpy.ndarray.swapaxes`."""
        return _without_clock(super().swapaxes(axis1, axis2))

    @property
    def T(self) -> Any:
        """The array with its axes in reverse, without a clock."""
        return self.transpose()

    @property
    def mT(self) -> Any:
        """The array with its last two axes swapped, without a clock."""
        return self.swapaxes(-1, -2)

    def __copy__(self) -> Any:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> Any:
        return self._keep_clock(super().__deepcopy__(memo).view(FeatureArray))

    def __reduce__(self) -> Any:
        rebuild, args, state = tuple(super().__reduce__())
        return rebuild, args, (state, self.time_resolution, self.durations)

    def __setstate__(self, state: Any) -> None:
        array_state, self.time_resolution, self.durations = state
        super().__setstate__(array_state)


def _keys_per_axis(key: Any, n_axes: int) -> list | None:
    """Spell an index out, one key per axis; None when that is not possible."""
    keys = list(key) if isinstance(key, tuple) else [key]
    if any(k is None or isinstance(k, bool | np.bool_) for k in keys):
        return None
    at = next((i for i, k in enumerate(keys) if k is Ellipsis), len(keys))
    n_missing = n_axes - len(keys[:at] + keys[at + 1 :])
    keys[at : at + 1] = [slice(None)] * n_missing
    one_each = all(isinstance(k, slice) or np.ndim(k) <= 1 for k in keys)
    return keys if one_each and len(keys) == n_axes else None


def _common_clock(
    arrays: Sequence[FeatureArray],
) -> tuple[float | None, np.ndarray | None]:
    """Return the time resolution and the durations that all arrays agree on."""
    resolutions = {x.time_resolution for x in arrays}
    durations = {None if x.durations is None else x.durations.tobytes() for x in arrays}
    return (
        arrays[0].time_resolution if len(resolutions) == 1 else None,
        arrays[0].durations if len(durations) == 1 else None,
    )


def _without_clock(array: Any) -> Any:
    """Forget the attributes of an array whose axes have other meanings."""
    array.time_resolution = array.durations = None
    return array


def _joined_clock(
    arrays: Sequence[Any],
) -> tuple[float | None, np.ndarray | None]:
    """Return the time resolution and the durations of arrays of clips put together."""
    resolutions = {getattr(x, "time_resolution", None) for x in arrays}
    durations: list[Any] = [getattr(x, "durations", None) for x in arrays]
    known = [seconds for seconds in durations if np.ndim(seconds) == 1]
    return (
        resolutions.pop() if len(resolutions) == 1 else None,
        np.concatenate(known) if len(known) == len(durations) else None,
    )


def stack_clips(clips: Sequence[np.ndarray]) -> np.ndarray:
    """Stack arrays along a new first axis, as objects when their shapes differ."""
    if len({clip.shape for clip in clips}) <= 1:
        return np.array(clips)
    stacked = np.empty(len(clips), dtype=object)
    for i, clip in enumerate(clips):
        stacked[i] = clip
    return stacked
