"""One recording of any length: stream it, score windows, decode as it goes."""

import math
import os
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from sklearn_sed._decoding._decoder import EventDecoder
from sklearn_sed._decoding._stream import Event, StreamDecoder
from sklearn_sed._features._transformer import LogMelTransformer
from sklearn_sed.audio import audio_info, iter_blocks
from sklearn_sed.events import make_events, time_to_frames
from sklearn_sed.inference._model import take_apart
from sklearn_sed.inference._scores import WindowScorer
from sklearn_sed.inference._windows import CrossFade, iter_log_mel, iter_windows

# Seconds read at a time: eight windows of 10 s, beyond which only memory grows.
BLOCK_DURATION = 60.0
# Part of a window that it shares with the next, unless told. Of the events, 3 % move by
# more than 0.1 s when windows begin elsewhere: 5 % with 0.2, no fewer with 0.5.
OVERLAP = 0.3


def iter_events(
    model: Any,
    path: str | os.PathLike[str],
    *,
    window: float = 10.0,
    overlap: float | None = None,
    verbose: int = 0,
) -> Iterator[Event]:
    """Find the events of one recording of any length, as it is read.

    The recording goes through the model in overlapping windows. Their frame scores are
    cross-faded on the frames of the whole recording and decoded as one curve, so that
    an event that crosses the edges of windows comes out once and whole, however long
    it is. Memory does not grow with the recording.

    Parameters
    ----------
    model : estimator
        A fitted Pipeline from a :class:`~sklearn_sed.LogMelTransformer` to a
        :class:`~sklearn_sed.TwoPassSED` or :class:`~sklearn_sed.WeakEventDetector`,
        also inside a :class:`~sklearn_sed.model_selection.TunedDecoderCV` or a search.
    path : str or Path
        The audio file.
    window : float, default=10.0
        Length of a window in seconds: best that of the clips in training, for a model
        decides for each window which classes are in it.
    overlap : float, default=None
        Seconds that a window shares with the next; 0.3 of a window when None.
        Computing time grows with ``window / (window - overlap)``.
    verbose : int, default=0
        1 shows a progress bar.

    Yields
    ------
    Event
        ``onset``, ``offset``, ``event_label``, ``score``, in order of offsets: a long
        event comes after the shorter ones that end before it. An event is known as
        soon as what follows it is: one window and the decoder's own lengths later.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    AudioError
        If the file cannot be read; for damage further on, once it is reached.
    TypeError
        If the model does not end in a detector.
    ValueError
        If the model does not begin with a LogMelTransformer, `overlap` is not below
        `window`, or `window` is longer than the transformer's `duration`; for a
        recording longer than a window, if events are not decoded by an EventDecoder.

    See Also
    --------
    detect_events : The same as a table.
    detect_files : The same for many files.

    Notes
    -----
    - A window holds all frames of a recording of its length. One whose frames fit into
      a window has exactly the events of ``model.predict([path])``.
    - Each window is tagged by itself. An event is kept when somewhere within it the
      windows tagged with its class carry at least half of the weight, where a window
      fades out towards its ends over the overlap: that is the window whose middle is
      nearest. Where the event begins and ends, tags have no say, except that frames are
      scored only in windows with tags and in those that overlap them.
    - The last window is shifted back to end with the recording.
    - A class that the decoder rescales is rescaled within each window, by the least
      and the largest score there, before windows are cross-faded; only windows tagged
      with the class take part.
    - Except for ``segmenter="derivative"``, whose state may depend on all that came
      before a slow change, events are exactly those of the cross-faded curve decoded
      as a whole.
    - With ``segmenter="boxes"`` and ``"peaks"`` the score of an event is multiplied by
      the mean over its time of the windows' clip scores, cross-faded like their frames.
      "peaks" remembers the curve of a class while it stays above the share of its
      highest score, 24 bytes a frame.
    - A transformer with a `duration` pads a recording no longer than a window, as in
      ``predict``; it never cuts one.

    Examples
    --------
    >>> import tempfile, numpy as np, soundfile
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_sed import LogMelTransformer, WeakEventDetector
    >>> from sklearn_sed.inference import iter_events
    >>> rng = np.random.default_rng(0)
    >>> clips = 0.01 * rng.normal(size=(8, 8000))
    >>> clips[::2, 2000:6000] += 0.3 * np.sin(np.arange(4000))
    >>> model = make_pipeline(
    ...     LogMelTransformer(sample_rate=8000, n_mels=16),
    ...     WeakEventDetector(max_epochs=2, random_state=0),
    ... ).fit(clips, [["tone"], []] * 4)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     soundfile.write(f"{folder}/long.wav", clips.ravel(), 8000)
    ...     events = list(iter_events(model, f"{folder}/long.wav", window=1.0))
    >>> {event.event_label for event in events} <= {"tone"}
    True
    """
    stream = EventStream(model, path, window, overlap)
    return _with_bar(stream) if verbose else iter(stream)


def detect_events(
    model: Any,
    path: str | os.PathLike[str],
    *,
    window: float = 10.0,
    overlap: float | None = None,
    verbose: int = 0,
) -> pd.DataFrame:
    """Find the events of one recording of any length, as a table.

    Parameters
    ----------
    model : estimator
        A fitted model of audio files, as in :func:`iter_events`.
    path : str or Path
        The audio file.
    window : float, default=10.0
        Length of a window in seconds.
    overlap : float, default=None
        Seconds that a window shares with the next; 0.3 of a window when None.
    verbose : int, default=0
        1 shows a progress bar.

    Returns
    -------
    DataFrame
        The event table: ``onset``, ``offset`` (seconds), ``event_label``, ``score``,
        sorted by onset, then label.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    AudioError
        If the file cannot be read whole.
    ValueError
        If the model or a parameter does not fit.

    See Also
    --------
    iter_events : How it is done, event by event.

    Examples
    --------
    >>> import tempfile, numpy as np, soundfile
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_sed import LogMelTransformer, WeakEventDetector
    >>> from sklearn_sed.inference import detect_events
    >>> rng = np.random.default_rng(0)
    >>> clips = 0.01 * rng.normal(size=(8, 8000))
    >>> clips[::2, 2000:6000] += 0.3 * np.sin(np.arange(4000))
    >>> model = make_pipeline(
    ...     LogMelTransformer(sample_rate=8000, n_mels=16),
    ...     WeakEventDetector(max_epochs=2, random_state=0),
    ... ).fit(clips, [["tone"], []] * 4)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     soundfile.write(f"{folder}/long.wav", clips.ravel(), 8000)
    ...     events = detect_events(model, f"{folder}/long.wav", window=1.0)
    >>> list(events.columns)
    ['onset', 'offset', 'event_label', 'score']
    """
    events = iter_events(model, path, window=window, overlap=overlap, verbose=verbose)
    return event_table(list(events))


def event_table(rows: Any) -> pd.DataFrame:
    """Return rows of onset, offset, label, score as an event table."""
    onset, offset, label, score = zip(*rows) if rows else ((), (), (), ())
    return make_events(onset, offset, np.array(label), score)


def check_windows(
    window: float, overlap: float | None, transformer: LogMelTransformer
) -> tuple[int, int]:
    """Return the frames of a window and of its overlap, or say what is wrong."""
    if not 0 < window < np.inf:
        raise ValueError(f"window={window!r} must be a positive number of seconds")
    if transformer.duration is not None and window > transformer.duration:
        raise ValueError(
            f"window={window!r} is longer than the clips of the model, whose "
            f"LogMelTransformer has duration={transformer.duration!r}: pass "
            f"window={transformer.duration!r}"
        )
    overlap = OVERLAP * window if overlap is None else overlap
    if not 0 <= overlap < window:
        raise ValueError(
            f"overlap={overlap!r} must be at least 0 and less than window={window!r}: "
            "windows have to move on"
        )
    time_resolution = transformer.hop_length / transformer.sample_rate
    # Frames are centred: one more than hops in the samples of a window.
    n_samples = math.ceil(round(window * transformer.sample_rate, 6))
    n_window = n_samples // transformer.hop_length + 1
    n_overlap = int(time_to_frames(overlap, time_resolution))
    return n_window, min(n_overlap, n_window - 1)


def _with_bar(stream: "EventStream") -> Iterator[Event]:
    """Yield the events of a recording beside a bar of the seconds read."""
    name = os.path.basename(stream.path)
    with tqdm(total=round(stream.duration), desc=name, unit="s") as bar:
        stream.progress = lambda seconds: bar.update(round(seconds) - bar.n)
        yield from stream


class EventStream:
    """The events of a recording as it is read.

    Parameters
    ----------
    model : estimator
        A fitted model of audio files.
    path : str or Path
        The audio file, whose header is read.
    window, overlap : float
        Lengths in seconds, as in :func:`iter_events`.
    progress : callable, default=None
        Called with the seconds read so far.
    """

    def __init__(
        self,
        model: Any,
        path: str | os.PathLike[str],
        window: float,
        overlap: float | None,
        progress: Callable[[float], None] | None = None,
    ):
        self.model = model
        self.path = path
        self.progress = progress
        self._parts = take_apart(model)
        self._n_window, self._n_overlap = check_windows(
            window, overlap, self._parts.transformer
        )
        self._info = audio_info(path)
        self._seconds = 0.0

    @property
    def duration(self) -> float:
        """Seconds of the recording; of some files exact only once all is read."""
        if self._info.format == "MP3":  # whose header does not say it to the sample
            return self._seconds or self._info.duration
        return self._info.duration

    def _blocks(self) -> Iterator[np.ndarray]:
        """Yield the samples of the file in blocks."""
        sample_rate = self._parts.transformer.sample_rate
        n_samples = 0
        for block in iter_blocks(self.path, sample_rate, block_duration=BLOCK_DURATION):
            yield block
            n_samples += len(block)
            self._seconds = n_samples / sample_rate
            if self.progress is not None:
                self.progress(self._seconds)

    def __iter__(self) -> Iterator[Event]:
        parts, n_window, n_overlap = self._parts, self._n_window, self._n_overlap
        pieces = iter_log_mel(self._blocks(), parts.transformer)
        batches = iter_windows(pieces, n_window, n_window - n_overlap)
        first = next(batches, None)
        if first is None:
            table = self.model.predict([self.path])[0]
            table = table.sort_values(["offset", "onset"])[list(Event._fields)]
            yield from map(Event._make, table.itertuples(index=False))
            return
        if not isinstance(parts.decoder, EventDecoder):
            raise ValueError(
                f"{self.path} is longer than a window, and the model decodes events by "
                f"{type(parts.decoder).__name__}; only an EventDecoder can go through "
                "a recording piece by piece: pass a longer window"
            )
        fade = CrossFade(n_window, n_overlap)
        scorer = WindowScorer(parts, n_window)
        decoder = None
        for starts, values in scorer.score(chain([first], batches)):
            if decoder is None:
                decoder = StreamDecoder(
                    parts.decoder,
                    parts.classes,
                    scorer.time_resolution,
                    scorer.dtype,
                    scorer.time_offset,
                )
            for start, window_values in zip(starts, values):
                fade.add(start, window_values)
            # Any further window begins after the last one did.
            yield from decoder.push(scorer.curves(fade.take(starts[-1])))
        if decoder is not None:
            yield from decoder.push(scorer.curves(fade.take()), self.duration)
