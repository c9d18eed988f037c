"""Compiling by numba, which always finds a folder for its results.

Importing this module imports numba: do it when there is something to compute.
"""

import os
import tempfile
from functools import partial
from types import ModuleType
from typing import Any

from numba import config, njit
from numba.core.caching import UserProvidedCacheLocator, UserWideCacheLocator


def _ensure_cache() -> tempfile.TemporaryDirectory | None:
    """Point numba to a temporary folder where it can write to no other.

    There, functions of any package can be compiled with ``cache=True``. Processes that
    this one starts share the folder, which is deleted when this one ends.
    """
    for locator in (UserProvidedCacheLocator, UserWideCacheLocator):
        if locator.from_function(_ensure_cache, __file__):
            return None
    folder = tempfile.TemporaryDirectory(prefix="numba-", ignore_cleanup_errors=True)
    os.environ["NUMBA_CACHE_DIR"] = folder.name
    config.CACHE_DIR = folder.name  # type: ignore[attr-defined]
    return folder


_folder = _ensure_cache()

# Compile a function, once for all processes, that runs beside Python's threads.
compiled: Any = partial(njit, cache=True, nogil=True)


def import_librosa() -> ModuleType:
    """Import librosa, which cannot be imported where numba has no cache."""
    import librosa

    return librosa
