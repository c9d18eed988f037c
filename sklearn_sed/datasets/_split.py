"""Recordings for training and recordings for testing, kept apart by origin."""

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from numbers import Real
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, validate_params

from sklearn_sed.datasets._recordings import find_recordings

__all__ = ["split_recordings"]

Recordings = dict[str, list[Path]]
Origin = Callable[[Path], Hashable]


@validate_params(
    {
        "sources": [str, PathLike, Mapping],
        "test_size": [Interval(Real, 0, 1, closed="neither")],
        "origin": [callable, None],
    },
    prefer_skip_nested_validation=True,
)
def split_recordings(
    sources: Any, *, test_size: float = 0.25, origin: Origin | None = None
) -> tuple[Recordings, Recordings]:
    """Split the recordings of each class in two: for training and for testing.

    Takes cut from one longer recording sound alike: a detector that was trained on one
    of them knows the others. So recordings of one origin stay together. Of each class,
    the last ones by name are for testing; where names begin with a fold, as in ESC-50
    [1]_, they are the last fold.

    Parameters
    ----------
    sources : str, Path or mapping
        A folder with one sub-folder of recordings per class, or the recordings of each
        class by its name, as in :func:`make_soundscapes`.
    test_size : float, default=0.25
        Share of each class's recordings to test with, between 0 and 1: as nearly as
        origins allow.
    origin : callable, default=None
        Is given the path of a recording and returns what it was cut from, for instance
        ``lambda path: path.name.split("_")[0]``. By default the file's name without the
        take at its end (and the target after it), as in ESC-50: "1-187207-A.ogg" and
        "1-187207-B.ogg" have one origin.

    Returns
    -------
    train, test : dict of str to list of Path
        The recordings of each class, sources of :func:`make_soundscapes`.

    Raises
    ------
    ValueError
        If there is no class, a class has no recording, or all recordings of a class
        have one origin.
    AudioError
        If a given recording is missing.

    References
    ----------
    .. [1] K. J. Piczak, "ESC: Dataset for Environmental Sound Classification", ACM
       Multimedia 2015.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_sed.datasets import split_recordings
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     (Path(folder) / "Dog").mkdir()
    ...     for name in ("1-10-A", "1-10-B", "1-11-A", "2-12-A", "2-12-B"):
    ...         (Path(folder) / "Dog" / f"{name}.wav").touch()
    ...     train, test = split_recordings(folder)
    >>> [path.name for path in test["Dog"]]
    ['2-12-A.wav', '2-12-B.wav']
    """
    origin = origin or _without_take
    train: Recordings = {}
    test: Recordings = {}
    for label, paths in find_recordings(sources, None).items():
        takes = _by_origin(paths, origin)
        if len(takes) == 1:
            raise ValueError(
                f"sources: the recordings of {label!r} have one origin, that of "
                f"{paths[0]}; add recordings of another, or tell origins apart with "
                "`origin`"
            )
        first = _first_test_origin([len(group) for group in takes], test_size)
        train[label] = [path for group in takes[:first] for path in group]
        test[label] = [path for group in takes[first:] for path in group]
    return train, test


def _without_take(path: Path) -> str:
    """Return a name without its take: "1-187207-A" and "1-187207-A-20" alike."""
    return re.sub(r"-[A-Z](-\d+)?$", "", path.stem)


def _by_origin(paths: Sequence[Path], origin: Origin) -> list[list[Path]]:
    """Put recordings of one origin together, in the order of their names."""
    groups: dict[Hashable, list[Path]] = {}
    for path in sorted(paths, key=lambda path: path.name):
        groups.setdefault(origin(path), []).append(path)
    return list(groups.values())


def _first_test_origin(sizes: Sequence[int], test_size: float) -> int:
    """Choose where to cut, so that the parts are nearest to what is wanted."""
    n_train = np.cumsum(sizes[:-1])
    wanted = (1 - test_size) * sum(sizes)
    return 1 + int(np.argmin(np.abs(n_train - wanted)))
