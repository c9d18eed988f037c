"""A decoder tuned on recordings of any length, and whether that helps."""

import os
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from tqdm import tqdm

from sklearn_sed.audio import load_audio
from sklearn_sed.events import check_events, make_events, stack_tables
from sklearn_sed.exceptions import AudioError, AudioWarning, LabelError
from sklearn_sed.inference._files import check_on_error, check_paths
from sklearn_sed.inference._model import take_apart
from sklearn_sed.inference._recording import (
    check_windows,
    detect_events,
    length_of_window,
)
from sklearn_sed.model_selection import MultilabelStratifiedKFold, TunedDecoderCV


class Tuned(NamedTuple):
    """A model with a tuned decoder, and what that gains.

    Attributes
    ----------
    model : TunedDecoderCV
        The model, its decoder tuned on all recordings.
    scores : DataFrame of shape (n_classes_with_events, 3)
        By class, those without events left out: `n_events` in the reference, and the
        event-based F1 (0.2 s, 20 %) of events found by the model as it was, `f1`, and
        by decoders tuned on other recordings, `f1_tuned`.
    skipped : dict from str to str
        The recordings that could not be read, and what is wrong with them.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_sed.inference import Tuned
    >>> scores = pd.DataFrame({"n_events": [9], "f1": [0.5], "f1_tuned": [0.75]})
    >>> Tuned(None, scores, {}).gain
    0.25
    """

    model: TunedDecoderCV
    scores: pd.DataFrame
    skipped: dict[str, str]

    @property
    def gain(self) -> float:
        """What tuning adds to the mean F1 of the classes, on new recordings."""
        return float((self.scores["f1_tuned"] - self.scores["f1"]).mean())


def tune_files(
    model: Any,
    paths: Sequence[str | os.PathLike[str]],
    events: Sequence[pd.DataFrame],
    *,
    window: float | None = None,
    overlap: float | None = None,
    cv: int = 5,
    param_grid: Mapping[str, list] | None = None,
    on_error: Literal["raise", "warn", "skip"] = "raise",
    n_jobs: int | None = None,
    verbose: int = 0,
) -> Tuned:
    """Tune the decoder of a trained model on a few recordings whose events are known.

    The settings of each class are chosen by
    :class:`~sklearn_sed.model_selection.TunedDecoderCV`. What they gain is measured on
    recordings that they were not chosen on: in turn, each fold of recordings is held
    back, and its events are found by the model as it is and with a decoder tuned on the
    others. The networks stay as they are.

    Parameters
    ----------
    model : estimator
        A fitted model of audio files, as in :func:`iter_events`. The recordings are
        best others than it has learned from.
    paths : sequence of str or Path of length n_files
        The audio files, of any length.
    events : sequence of DataFrame of length n_files
        The events of each recording, all there are of the classes of the model.
    window : float, default=None
        Length of a window in seconds, with which the model will be used; by default
        that of the clips in training, see :func:`iter_events`.
    overlap : float, default=None
        Seconds that a window shares with the next; 0.3 of a window when None.
    cv : int, default=5
        Number of folds of recordings, at least 2. There are no more of them than
        recordings.
    param_grid : dict from str to list, default=None
        The values to try, as in :class:`~sklearn_sed.model_selection.TunedDecoderCV`.
    on_error : {"raise", "warn", "skip"}, default="raise"
        What to do with a file that cannot be read: raise its error, or leave it out and
        go on, with one warning per file or without.
    n_jobs : int, default=None
        Number of classes that are tuned, and of recordings that are decoded, at the
        same time. None means 1 unless in a :class:`joblib.parallel_config` context; -1
        means all processors.
    verbose : int, default=0
        1 shows a bar of the folds.

    Returns
    -------
    Tuned
        The tuned `model`, the `scores` of each class without and with tuning, the files
        that were `skipped`, and the `gain`. It is for you to take the model or leave
        it.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    AudioError
        For the first file that cannot be read, with ``on_error="raise"``.
    AnnotationError
        If an event table is not valid.
    LabelError
        If the model does not know a class.
    TypeError
        If the model does not end in a detector.
    ValueError
        If fewer than two recordings can be read, none has an event, or a parameter or
        the model does not fit.

    See Also
    --------
    sklearn_sed.model_selection.TunedDecoderCV : Tunes on clips, and trains as well.

    Notes
    -----
    Settings are chosen on clips of a window's length. A recording longer than that is
    cut into such clips, the last of which ends with the recording, and its events are
    cut with it. The gain is that of :func:`detect_events`, which goes through the whole
    recording. Recordings longer than a window are held in memory, 88 kB for each second
    at 22,050 Hz.

    Examples
    --------
    >>> import tempfile, numpy as np, soundfile
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_sed import LogMelTransformer, WeakEventDetector
    >>> from sklearn_sed.events import make_events
    >>> from sklearn_sed.inference import tune_files
    >>> rng = np.random.default_rng(0)
    >>> clips = 0.01 * rng.normal(size=(8, 8000))
    >>> clips[::2, 2000:6000] += 0.3 * np.sin(np.arange(4000))
    >>> model = make_pipeline(
    ...     LogMelTransformer(sample_rate=8000, n_mels=16),
    ...     WeakEventDetector(max_epochs=2, random_state=0),
    ... ).fit(clips, [["tone"], []] * 4)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     paths = [f"{folder}/{i}.wav" for i in range(4)]
    ...     for path, clip in zip(paths, clips[::2]):
    ...         soundfile.write(path, clip, 8000)
    ...     events = [make_events([0.25], [0.75], ["tone"])] * 4
    ...     grid = {"threshold": [0.3, 0.5, 0.7]}
    ...     tuned = tune_files(model, paths, events, cv=2, param_grid=grid)
    >>> list(tuned.scores.columns), tuned.scores.index.tolist()
    (['n_events', 'f1', 'f1_tuned'], ['tone'])
    >>> sorted(tuned.model.decoder_.threshold)
    ['tone']
    """
    names = check_paths(paths)
    check_on_error(on_error)
    if not isinstance(cv, int | np.integer) or cv < 2:
        raise ValueError(f"cv={cv!r} must be a number of folds, 2 or more")
    tables = check_events(events, name="events")
    if len(tables) != len(names):
        raise ValueError(
            f"events holds {len(tables)} tables for {len(names)} recordings; pass one "
            "for each"
        )
    parts = take_apart(model)
    window = length_of_window(window, parts)
    check_windows(window, overlap, parts.transformer)
    _check_known(names, tables, parts.classes)
    clips = _Clips()
    skipped: dict[str, str] = {}
    for name, table in zip(names, tables):
        try:
            clips.add(name, table, parts.transformer, window)
        except AudioError as error:
            if on_error == "raise":
                raise
            if on_error == "warn":
                message = f"{error} (left out)"
                warnings.warn(message, AudioWarning, stacklevel=2)
            skipped[name] = error.reason
    n_recordings = len(clips.names)
    if n_recordings < 2:
        raise ValueError(
            f"{n_recordings} recordings can be read: one is held back, to see whether "
            "tuning helps; pass 2 or more, best 10 and more"
        )
    if not sum(map(len, clips.tables)):
        raise ValueError(
            "none of the recordings has an event: there is nothing to tune on"
        )

    def tune(recordings: np.ndarray) -> TunedDecoderCV:
        tuner = TunedDecoderCV(model, cv="prefit", param_grid=param_grid, n_jobs=n_jobs)
        return tuner.fit(*clips.of(recordings))

    def detect(model: Any, recordings: np.ndarray) -> list[pd.DataFrame]:
        return Parallel(n_jobs)(
            delayed(detect_events)(
                model, clips.names[i], window=window, overlap=overlap
            )
            for i in recordings
        )

    every = np.arange(n_recordings)
    folds = MultilabelStratifiedKFold(min(cv, n_recordings))
    splits = list(folds.split(every, stack_tables(clips.tables)))
    found = np.empty(n_recordings, dtype=object)
    for train, test in tqdm(splits, "tune", unit="fold", disable=not verbose):
        found[test] = stack_tables(detect(tune(train), test))
    scores = _compare(clips.tables, detect(model, every), list(found))
    return Tuned(tune(every), scores, skipped)


def _check_known(names: list[str], tables: Any, classes: list[Any]) -> None:
    """Refuse classes that the model does not know."""
    for name, table in zip(names, tables):
        for label in table["event_label"].unique().tolist():
            if label not in classes:
                raise LabelError(
                    f"{name}: the model does not know {label!r}, but the classes "
                    f"{', '.join(map(str, classes))}; correct it or leave it out"
                )


class _Clips:
    """Recordings, and clips of a window's length with their events cut out of them."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.tables: list[pd.DataFrame] = []
        self._sounds: list[Any] = []  # paths, and waveforms cut out of long recordings
        self._events: list[pd.DataFrame] = []
        self._recordings: list[int] = []  # of each clip

    def add(self, name: str, table: pd.DataFrame, transformer: Any, window: float):
        """Read a recording and add it."""
        rate, hop = transformer.sample_rate, transformer.hop_length
        waveform, _ = load_audio(name, rate)
        n_window = round(window * rate)
        if len(waveform) // hop <= n_window // hop:  # as many frames as a window
            sounds: list[Any] = [name]
            events = [table]
        else:
            last = len(waveform) - n_window
            starts = [*range(0, last, n_window), last]
            sounds = [waveform[start : start + n_window] for start in starts]
            events = [
                _within(table, start / rate, (start + n_window) / rate)
                for start in starts
            ]
        self._recordings += [len(self.names)] * len(sounds)
        self._sounds += sounds
        self._events += events
        self.names.append(name)
        self.tables.append(table)

    def of(self, recordings: np.ndarray) -> tuple[list[Any], np.ndarray]:
        """Return the clips of recordings and their events."""
        chosen = np.flatnonzero(np.isin(self._recordings, recordings))
        events = stack_tables(self._events[i] for i in chosen)
        return [self._sounds[i] for i in chosen], events


def _within(table: pd.DataFrame, start: float, stop: float) -> pd.DataFrame:
    """Return the events of a part of a recording, in its own time."""
    inside = table[(table["onset"] < stop) & (table["offset"] > start)]
    return make_events(
        (inside["onset"] - start).clip(lower=0.0),
        inside["offset"].clip(upper=stop) - start,
        inside["event_label"],
    )


def _compare(
    y_true: list[pd.DataFrame], own: list[pd.DataFrame], tuned: list[pd.DataFrame]
) -> pd.DataFrame:
    """Return the scores of both, class by class."""
    from sklearn_sed.metrics import event_based_f1_score

    n_events = pd.concat(y_true)["event_label"].value_counts().sort_index()
    labels = n_events.index.tolist()
    scores = pd.DataFrame({"n_events": n_events.rename_axis("class")})
    for name, found in (("f1", own), ("f1_tuned", tuned)):
        known = [table[table["event_label"].isin(labels)] for table in found]
        scores[name] = event_based_f1_score(y_true, known, average=None, labels=labels)
    return scores
