"""Compiling by numba, which keeps the results where it can write.

Importing this module imports numba: do it when there is something to compute.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from numba import njit


def compiled(*signature: Any, **options: Any) -> Callable[[Callable], Any]:
    """Compile a function that runs beside Python's threads.

    The result is cached in the first folder that can be written of NUMBA_CACHE_DIR, the
    package's own and the user's cache. Where there is none, each process compiles anew.

    Parameters
    ----------
    *signature, **options
        As of :func:`numba.njit`.

    Returns
    -------
    callable
        A decorator.
    """
    jit: Any = partial(njit, *signature, nogil=True, **options)

    def decorate(function: Callable) -> Any:
        try:
            return jit(cache=True)(function)
        except RuntimeError:  # no folder for the cache
            return jit()(function)

    return decorate
