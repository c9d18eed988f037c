"""What cutting events out of their recordings has in common, whatever for."""

import math
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from tqdm import tqdm

from sklearn_sed.events import to_table
from sklearn_sed.events._records import check_filenames
from sklearn_sed.exceptions import AudioError

_Path = str | os.PathLike[str]

THRESHOLD = 0.5


def check_per_class(per_class: Any) -> None:
    """Refuse what is no number of events."""
    if per_class is not None and per_class < 1:
        raise ValueError(f"per_class={per_class!r} must be 1 or more, or None for all")


def check_pad(pad: Any) -> None:
    """Refuse what is no length of time."""
    if not 0 <= pad < math.inf:
        raise ValueError(f"pad={pad!r} must be a number of seconds, 0 or more")


def check_lengths(events: pd.DataFrame, pad: float) -> None:
    """Refuse events around which nothing would be cut out."""
    empty = events[events["onset"] == events["offset"]]
    if pad == 0 and len(empty):
        event = empty.iloc[0]
        raise ValueError(
            f"{event['filename']}: the event {event['event_label']!r} at "
            f"{event['onset']:.3f} s has no length; pass a pad above 0"
        )


def check_choice(name: str, value: Any, values: Sequence[str]) -> None:
    """Refuse what is not among the values of a parameter."""
    if value not in values:
        raise ValueError(
            f"{name}={value!r} must be one of {', '.join(map(repr, values))}"
        )


def find_events(
    filenames: Sequence[_Path],
    events: Sequence[pd.DataFrame],
    audio: Sequence[_Path] | None,
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return the events, recording by recording and by time, and the audio files.

    Parameters
    ----------
    filenames : sequence of str or Path of length n_recordings
    events : sequence of DataFrame of length n_recordings
    audio : sequence of str or Path of length n_recordings, or None
        None where `filenames` are the audio files.

    Returns
    -------
    table : DataFrame
        As :func:`~sklearn_sed.events.to_table` returns it.
    path_of : dict from str to str
        The audio file of each recording.
    """
    names = check_filenames(filenames, len(events), "event tables")
    paths = names if audio is None else [os.fspath(path) for path in audio]
    if len(paths) != len(names):
        raise ValueError(
            f"audio holds {len(paths)} files for {len(names)} recordings; pass one for "
            "each"
        )
    table = to_table(names, events)
    position = {name: index for index, name in enumerate(names)}
    by_time = np.lexsort((table["onset"], table["filename"].map(position)))
    return table.iloc[by_time], dict(zip(names, paths))


def by_uncertainty(score: np.ndarray, threshold: float) -> np.ndarray:
    """Return the order in which scores are ever further from the threshold."""
    return np.argsort(np.abs(score - threshold), kind="stable")


def each_recording(
    function: Callable[[str, Any], Any],
    work: Sequence[tuple[str, Any]],
    *,
    text: str = "",
    on_error: str,
    n_jobs: int | None,
    verbose: int = 0,
) -> tuple[list[Any], dict[str, str]]:
    """Call a function with each audio file and what is to be done with it.

    Parameters
    ----------
    function : callable
        ``function(path, work)``. It may raise an AudioError.
    work : sequence of (str, object)
        The files, and what is to be done with each.
    text : str
        What the progress bar says.
    on_error : {"raise", "skip"}
    n_jobs, verbose : int
        As in :func:`extract_clips`.

    Returns
    -------
    results : list
        What the function returned; None for files that could not be read.
    skipped : dict from str to str
        What is wrong with these.
    """
    parallel = Parallel(n_jobs, return_as="generator", batch_size=1)
    outcomes = parallel(delayed(_attempt)(function, *item) for item in work)
    bar = tqdm(outcomes, text, len(work), unit="file", disable=not verbose)
    results, skipped = [], {}
    for outcome, (path, _) in zip(bar, work):
        is_bad = isinstance(outcome, AudioError)
        if is_bad and on_error == "raise":
            raise outcome
        if is_bad:
            skipped[path] = outcome.reason
        results.append(None if is_bad else outcome)
    return results, skipped


def _attempt(function: Callable[[str, Any], Any], path: str, work: Any) -> Any:
    """Return what a function returns, or the error about the file."""
    try:
        return function(path, work)
    except AudioError as error:
        return error
