"""Frame scores as tables on disk, in the layout of DCASE and sed_scores_eval."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from sklearn_sed._clips._array import FeatureArray
from sklearn_sed._clips._check import check_time_resolution
from sklearn_sed._storage import replacing
from sklearn_sed.events import frames_to_time
from sklearn_sed.events._records import check_text, join_rows
from sklearn_sed.exceptions import AnnotationError

_TIMES = ("onset", "offset")


def score_header(path: Path, classes: Sequence[Any]) -> str:
    """Return the first line of a table of scores, or say why there can be none."""
    names = [check_text(str(label), "class", str(path)) for label in classes]
    for name in names:
        if name in _TIMES or names.count(name) > 1:
            raise AnnotationError(
                str(path), f"it would have two columns {name!r}; rename the class"
            )
    return join_rows(path, [[*_TIMES, *names]])


@contextmanager
def score_table(
    path: Path, classes: Sequence[Any]
) -> Iterator[Callable[[FeatureArray], None]]:
    """Write a table of scores, as a whole or not at all.

    Parameters
    ----------
    path : Path
        The file. Its folder is made where it does not exist.
    classes : sequence of length n_classes
        The class of each column.

    Yields
    ------
    callable
        Takes the frame scores of the recording, block after block. Times are cut to
        those of the recording, and a frame begins where the one before it ends, to the
        last digit.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    last: list[str] = []  # where the frames written so far end
    with replacing(path) as stream:
        stream.write(score_header(path, classes).encode())

        def write(block: FeatureArray) -> None:
            step = check_time_resolution(None, block.time_resolution)
            edges = frames_to_time(range(1, len(block) + 1), step, block.time_offset)
            if block.durations is not None:
                edges = np.minimum(edges, block.durations)
            last[:] = last or [_seconds(block.time_offset)]
            rows = []
            for edge, scores in zip(edges, np.asarray(block).astype(str).tolist()):
                offset = _seconds(edge)
                if offset != last[0]:  # else the frame is outside the recording
                    rows.append([last[0], offset, *scores])
                    last[0] = offset
            stream.write(join_rows(path, rows).encode())

        yield write


def _seconds(time: float) -> str:
    """Return a time of a recording to the microsecond."""
    return f"{max(time, 0.0):.6f}"
