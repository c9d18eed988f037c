"""Keep a training step's memory for the next step."""

import contextlib
import ctypes
import os
import platform
from collections.abc import Iterator

# Options of glibc's mallopt, by their numbers in malloc.h.
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD, MMAP_MAX = -1, -2, -3, -4
MEGABYTE = 1 << 20
KEEP = {MMAP_MAX: 0, TRIM_THRESHOLD: 2**31 - 1, TOP_PAD: 256 * MEGABYTE}
# Where glibc's own adjustment ends in a program with large arrays; it does not come
# back once an option was set.
RESTORE = {
    MMAP_MAX: 65536,
    MMAP_THRESHOLD: 32 * MEGABYTE,
    TRIM_THRESHOLD: 64 * MEGABYTE,
    TOP_PAD: 0,
}


@contextlib.contextmanager
def kept_memory() -> Iterator[None]:
    """Let the allocator keep freed memory; give it back to the system at the end.

    By itself glibc maps each large array anew and unmaps it when it is freed, and
    the system clears every page in between: up to half of the time of a step. In
    return the peak is up to twice as high, for an aligned array never fits into the
    hole that one of its own size has left. Does nothing where there is no glibc, or
    where the user's environment tunes it.
    """
    if platform.libc_ver()[0] != "glibc" or any(
        name.startswith("MALLOC_") for name in os.environ
    ):
        yield
        return
    libc = ctypes.CDLL(None)
    _set_options(libc, KEEP)
    try:
        yield
    finally:
        _set_options(libc, RESTORE)
        libc.malloc_trim(0)


def _set_options(libc: ctypes.CDLL, options: dict[int, int]) -> None:
    for option, value in options.items():
        libc.mallopt(option, value)
