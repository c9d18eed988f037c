"""How sure a model is that classes are in recordings, whatever their length."""

import os
import warnings
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from sklearn_sed._learners._predict import score_clips, tag_clips
from sklearn_sed.audio import iter_blocks
from sklearn_sed.exceptions import AudioError, AudioWarning
from sklearn_sed.inference._files import check_on_error, check_paths
from sklearn_sed.inference._model import Parts, take_apart
from sklearn_sed.inference._progress import note_progress, seconds_bar
from sklearn_sed.inference._recording import (
    BLOCK_DURATION,
    check_windows,
    length_of_window,
)
from sklearn_sed.inference._windows import iter_log_mel, iter_windows


def tag_files(
    model: Any,
    paths: Sequence[str | os.PathLike[str]],
    *,
    window: float | None = None,
    overlap: float | None = None,
    on_error: Literal["raise", "warn", "skip"] = "raise",
    n_jobs: int | None = None,
    verbose: int = 0,
) -> pd.DataFrame:
    """Tell how probable each class is in each of many recordings of any length.

    A recording longer than a window goes through the model in overlapping windows, and
    has of each class the probability of the window where it is highest. Memory does not
    grow with the recording.

    Parameters
    ----------
    model : estimator
        A fitted Pipeline that begins with a :class:`~sklearn_sed.LogMelTransformer` and
        ends in whatever has `predict_proba`: a :class:`~sklearn_sed.TwoPassSED`,
        :class:`~sklearn_sed.WeakEventDetector`, :class:`~sklearn_sed.WeakTagger`, or a
        classifier; also inside a search, a tuner or a
        :class:`~sklearn_sed.calibration.CalibratedTaggerCV`.
    paths : sequence of str or Path of length n_files
        The audio files.
    window : float, default=None
        Length of a window in seconds; by default that of the clips in training, see
        :func:`iter_events`.
    overlap : float, default=None
        Seconds that a window shares with the next; 0.3 of a window when None.
    on_error : {"raise", "warn", "skip"}, default="raise"
        What to do with a file that cannot be read: raise its error, or leave it out and
        go on, with one warning per file or without.
    n_jobs : int, default=None
        Number of files in work at the same time, in processes. None means 1 unless in
        a :class:`joblib.parallel_config` context; -1 means all processors.
    verbose : int, default=0
        1 shows a bar of the seconds read, within long files as well.

    Returns
    -------
    proba : DataFrame of shape (n_sound_files, n_classes)
        The probabilities. Its index, `filename`, holds the paths as they are given, its
        columns are the classes. ``proba.attrs["skipped"]`` is a dict from the files
        that are left out to what is wrong with them.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    AudioError
        For the first file that cannot be read, with ``on_error="raise"``.
    TypeError
        If the model has no `predict_proba`.
    ValueError
        If the model does not begin with a LogMelTransformer, a parameter makes no
        sense, or a path is there twice.

    See Also
    --------
    detect_files : Tells when, too.

    Notes
    -----
    - A recording whose frames fit into a window has the probabilities of
      ``model.predict_proba([path])``.
    - The last window is shifted back to end with the recording.
    - The highest of many windows is higher than that of few: of recordings that differ
      much in length, probabilities do not compare.

    Examples
    --------
    >>> import tempfile, numpy as np, soundfile
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_sed import LogMelTransformer, WeakTagger
    >>> from sklearn_sed.inference import tag_files
    >>> rng = np.random.default_rng(0)
    >>> clips = 0.01 * rng.normal(size=(8, 8000))
    >>> clips[::2, 2000:6000] += 0.3 * np.sin(np.arange(4000))
    >>> model = make_pipeline(
    ...     LogMelTransformer(sample_rate=8000, n_mels=16),
    ...     WeakTagger(max_epochs=2, random_state=0),
    ... ).fit(clips, [["tone"], []] * 4)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     soundfile.write(f"{folder}/long.wav", clips.ravel(), 8000)
    ...     proba = tag_files(model, [f"{folder}/long.wav"], window=1.0)
    >>> proba.shape, proba.index.name, list(proba.columns)
    ((1, 1), 'filename', ['tone'])
    """
    names = check_paths(paths)
    check_on_error(on_error)
    parts = take_apart(model, "predict_proba")
    window = length_of_window(window, parts)
    windows = check_windows(window, overlap, parts.transformer)
    parallel = Parallel(n_jobs, return_as="generator", batch_size=1)
    proba: dict[str, np.ndarray] = {}
    skipped: dict[str, str] = {}
    with seconds_bar("tag", names, len(names), disable=not verbose) as bar:
        work = (delayed(_tag)(parts, name, *windows, bar.notes) for name in names)
        for name, found in zip(names, parallel(work)):
            if not isinstance(found, AudioError):
                proba[name] = found
            elif on_error == "raise":
                raise found
            else:
                skipped[name] = found.reason
            bar.finish(name)
    for name, reason in skipped.items() if on_error == "warn" else ():
        message = f"{name}: {reason} (left out)"
        warnings.warn(message, AudioWarning, stacklevel=2)
    table = pd.DataFrame(
        np.reshape([*proba.values()], (-1, len(parts.classes))),
        index=pd.Index([*proba], name="filename", dtype=object),
        columns=parts.classes,
    )
    table.attrs["skipped"] = skipped
    return table


def _tag(
    parts: Parts, name: str, n_window: int, n_overlap: int, notes: Path | None
) -> np.ndarray | AudioError:
    """Return the probabilities of a recording, or why it cannot be read."""
    blocks = _blocks(name, parts.transformer.sample_rate, notes)
    pieces = iter_log_mel(blocks, parts.transformer)
    highest: Any = -np.inf
    try:
        for _, windows in iter_windows(pieces, n_window, n_window - n_overlap):
            proba = _clip_proba(parts, parts.features(windows))
            highest = np.maximum(highest, proba.max(axis=0))
        if np.ndim(highest) == 0:  # all of it fits into one window
            clip: Any = parts.transformer.transform([name])
            for step in parts.steps:
                clip = step.transform(clip)
            highest = _clip_proba(parts, clip)[0]
    except AudioError as error:
        return error
    return highest


def _clip_proba(parts: Parts, features: Any) -> np.ndarray:
    """Return the probabilities of clips, by any model that has some."""
    scorer = parts.scorer
    if hasattr(scorer, "predict_frame_proba"):
        return np.asarray(score_clips(scorer, features, frames=False)[1].proba)
    return tag_clips(scorer, features, np.asarray(parts.classes)).proba


def _blocks(name: str, sample_rate: int, notes: Path | None) -> Iterator[np.ndarray]:
    """Yield the samples of a file in blocks, and note how far it has come."""
    note = partial(note_progress, notes, name)
    n_samples = 0
    for block in iter_blocks(name, sample_rate, block_duration=BLOCK_DURATION):
        yield block
        n_samples += len(block)
        note(n_samples / sample_rate)
