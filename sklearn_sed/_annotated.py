"""Arrays that carry a note, and forget it where it cannot follow."""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np

# Functions whose result has the rows and columns of what they are given, value by
# value, and those that may leave them as they are: the shape of the result tells.
_BY_VALUE = {
    *(np.where, np.select, np.choose, np.piecewise, np.pad, np.copy),
    *(np.clip, np.round, np.around, np.fix, np.nan_to_num, np.real, np.imag),
    *(np.zeros_like, np.ones_like, np.empty_like, np.full_like),
    *(np.isclose, np.isposinf, np.isneginf, np.i0, np.sinc, np.angle),
}
# These go through np.concatenate.
_JOINING = {np.stack, np.vstack, np.hstack, np.append}


class AnnotatedArray(np.ndarray):
    """An array with a note about it, `_note`, that is never wrong.

    The note stays with copies, views, pickles and element-wise results, and joblib's
    hash tells equal values with other notes apart. A subclass says what becomes of it
    in `__getitem__`, in element-wise operations (`_common_note`) and where arrays are
    joined (`_joined_note`). Any other operation forgets it.
    """

    _nothing: ClassVar[Any] = None
    _note: Any

    @classmethod
    def _common_note(cls, arrays: Sequence[Any], result: np.ndarray) -> Any:
        """Return what the arrays agree on about a result of their values."""
        raise NotImplementedError

    @classmethod
    def _joined_note(cls, arrays: Sequence[Any]) -> Any:
        """Return the note of arrays joined along the first axis."""
        raise NotImplementedError

    def __array_finalize__(self, obj: Any) -> None:
        # numpy calls this for views and new arrays alike and does not say which part
        # of obj they hold: only the methods below know of operations that keep the note
        self._note = self._nothing

    def __array_wrap__(
        self, array: np.ndarray, context: Any = None, return_scalar: bool = False
    ) -> Any:
        result: Any = super().__array_wrap__(array, context, return_scalar)
        if result.ndim == 0:
            return result[()]  # the mean of all values is a number, not an array
        is_by_value = context is not None and context[0].signature is None
        result._note = (
            self._common_note(list(self._among(context[1])), result)
            if is_by_value
            else self._nothing
        )
        return result

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        result: Any = super().__array_function__(func, types, args, kwargs)
        given = list(self._among([*args, kwargs]))
        joins = func is np.concatenate
        if (joins or func in _BY_VALUE) and isinstance(result, np.ndarray):
            axis = args[1] if len(args) > 1 else kwargs.get("axis", 0)
            result = result.view(type(self))
            result._note = (
                self._joined_note(args[0])
                if joins and axis in (0, -result.ndim)
                else self._common_note(given, result)
            )
        elif func not in _JOINING:
            for array in self._among([result]):
                if not any(array is same for same in given):
                    array._note = self._nothing
        return result

    @classmethod
    def _among(cls, values: Any) -> Iterator[Any]:
        """Yield the arrays of this class among values, however nested."""
        if isinstance(values, cls):
            yield values
        elif isinstance(values, list | tuple | dict):
            for value in values.values() if isinstance(values, dict) else values:
                yield from cls._among(value)

    def _keep_note(self, same: Any) -> Any:
        """Hand the note to an array of the same values."""
        if isinstance(same, type(self)) and same.shape == self.shape:
            same._note = self._note
        return same

    def copy(self, order: Any = "C") -> Any:
        """Return a copy, as :meth:`numpy.ndarray.copy` does."""
        return self._keep_note(super().copy(order))

    def astype(self, *args: Any, **kwargs: Any) -> Any:
        """Return the values in another dtype, as :meth:`numpy.ndarray.astype` does."""
        return self._keep_note(super().astype(*args, **kwargs))

    def view(self, *args: Any, **kwargs: Any) -> Any:
        """Return a view, as :meth:`numpy.ndarray.view` does."""
        return self._keep_note(super().view(*args, **kwargs))

    @property  # type: ignore[misc]
    def strides(self) -> Any:
        """The strides: what joblib hashes beside values, shape and type."""
        return _Strides(super().strides, self._note)

    def __copy__(self) -> Any:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> Any:
        return self._keep_note(super().__deepcopy__(memo).view(type(self)))

    def __reduce__(self) -> Any:
        rebuild, args, state = tuple(super().__reduce__())
        return rebuild, args, (state, self._note)

    def __setstate__(self, state: Any) -> None:
        array_state, self._note = state
        super().__setstate__(array_state)


class _Strides(tuple):
    """Strides that are pickled, and so hashed, together with a note."""

    note: Any

    def __new__(cls, strides: tuple, note: Any) -> "_Strides":
        whole = super().__new__(cls, strides)
        whole.note = note
        return whole

    def __reduce__(self) -> Any:
        return _Strides, (tuple(self), self.note)
