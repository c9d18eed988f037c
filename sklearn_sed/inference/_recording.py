"""One recording of any length: stream it, score windows, decode as it goes."""

import math
import os
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from sklearn_sed._clips._array import FeatureArray
from sklearn_sed._decoding._decoder import EventDecoder, keep_candidates
from sklearn_sed._decoding._stream import Event, StreamDecoder
from sklearn_sed._features._transformer import LogMelTransformer
from sklearn_sed._labels._check import UNLABELLED, check_tags
from sklearn_sed._unwrap import unwrap
from sklearn_sed.audio import audio_info, iter_blocks
from sklearn_sed.events import make_events, time_to_frames
from sklearn_sed.inference._model import Parts, take_apart
from sklearn_sed.inference._scores import WindowScorer
from sklearn_sed.inference._windows import CrossFade, iter_log_mel, iter_windows

# Seconds read at a time: eight windows of 10 s, beyond which only memory grows.
BLOCK_DURATION = 60.0
# Part of a window that it shares with the next, unless told. Of the events, 3 % move by
# more than 0.1 s when windows begin elsewhere: 5 % with 0.2, no fewer with 0.5.
OVERLAP = 0.3
# Seconds of a window where nothing tells how long the clips of training were.
WINDOW = 10.0


def iter_events(
    model: Any,
    path: str | os.PathLike[str],
    *,
    window: float | None = None,
    overlap: float | None = None,
    tags: Any = None,
    candidates: bool = False,
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
    window : float, default=None
        Length of a window in seconds. None takes the length of the clips in training,
        for a model decides for each window which classes are in it: the `duration` of
        the LogMelTransformer, else what the model remembers (`clip_duration_`), and 10
        where it is from a file of an earlier version.
    overlap : float, default=None
        Seconds that a window shares with the next; 0.3 of a window when None.
        Computing time grows with ``window / (window - overlap)``.
    tags : list or set of labels, indicator of shape (n_classes,), −1 or None, \
            default=None
        What is known to be in the recording ("oracle tags"): only these classes are
        looked for, in every window. None and −1 leave it to the model.
    candidates : bool, default=False
        Whether to return every event that there is to choose from, as
        :meth:`TwoPassSED.predict <sklearn_sed.TwoPassSED.predict>` does, so that
        thresholds can be moved afterwards.
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
    LabelError
        If `tags` hold a class that the model does not know.
    TypeError
        If the model does not end in a detector.
    ValueError
        If the model does not begin with a LogMelTransformer, `overlap` is not below
        `window`, or `window` is longer than the transformer's `duration`; if
        `candidates` are asked for and the decoder has none; for a recording longer than
        a window, if events are not decoded by an EventDecoder.

    See Also
    --------
    detect_events : The same as a table.
    detect_files : The same for many files.
    iter_frame_scores : The scores that events are found in.

    Notes
    -----
    - A window holds all frames of a recording of its length. One whose frames fit into
      a window has exactly the events of ``model.predict([path])``.
    - Each window is tagged by itself, where `tags` do not say what is in the recording.
      An event is kept when somewhere within it the
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
    stream = RecordingStream(
        model, path, window, overlap, tags=tags, candidates=candidates
    )
    return _with_bar(stream, stream.events()) if verbose else stream.events()


def iter_frame_scores(
    model: Any,
    path: str | os.PathLike[str],
    *,
    window: float | None = None,
    overlap: float | None = None,
    verbose: int = 0,
) -> Iterator[FeatureArray]:
    """Score the frames of one recording of any length, as it is read.

    The scores are those of ``predict_frame_proba`` in overlapping windows, cross-faded
    on the frames of the whole recording, whatever the model takes to be in a window.
    Memory does not grow with the recording.

    Parameters
    ----------
    model : estimator
        A fitted model of audio files, as in :func:`iter_events`.
    path : str or Path
        The audio file.
    window : float, default=None
        Length of a window in seconds; by default that of the clips in training.
    overlap : float, default=None
        Seconds that a window shares with the next; 0.3 of a window when None.
    verbose : int, default=0
        1 shows a progress bar.

    Yields
    ------
    FeatureArray of shape (n_frames, n_classes)
        The scores of the next frames, a column for each class in the order of the
        model's ``classes_``. A block knows when it is: its frame k begins at
        ``time_offset + k * time_resolution`` seconds of the recording. Its `durations`
        is where it ends: the last block ends with the recording. Put together by
        ``np.concatenate``, blocks are the scores of the whole recording, from the
        `time_offset` of the first.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    AudioError
        If the file cannot be read; for damage further on, once it is reached.
    TypeError
        If the model does not end in a detector.
    ValueError
        If the model or a parameter does not fit.

    See Also
    --------
    iter_events : Finds events in these scores.
    detect_files : Writes the scores of many files as tables, with ``scores=``.

    Notes
    -----
    :func:`iter_events` decodes the same numbers wherever windows are tagged. It leaves
    windows without tags out, and beyond the last tagged window an event may run on into
    frames that are scored there by fewer windows. Classes that the decoder rescales are
    decoded from curves that are rescaled within each window. A recording whose frames
    fit into a window has exactly the scores of ``predict_frame_proba``.

    Examples
    --------
    >>> import tempfile, numpy as np, soundfile
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_sed import LogMelTransformer, WeakEventDetector
    >>> from sklearn_sed.inference import iter_frame_scores
    >>> rng = np.random.default_rng(0)
    >>> clips = 0.01 * rng.normal(size=(8, 8000))
    >>> clips[::2, 2000:6000] += 0.3 * np.sin(np.arange(4000))
    >>> model = make_pipeline(
    ...     LogMelTransformer(sample_rate=8000, n_mels=16),
    ...     WeakEventDetector(max_epochs=2, random_state=0),
    ... ).fit(clips, [["tone"], []] * 4)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     soundfile.write(f"{folder}/long.wav", clips.ravel(), 8000)
    ...     path = f"{folder}/long.wav"
    ...     blocks = list(iter_frame_scores(model, path, window=1.0))
    >>> np.concatenate(blocks).shape, blocks[0].time_resolution
    ((126, 1), 0.064)
    """
    stream = RecordingStream(model, path, window, overlap)
    scores = stream.frame_scores()
    return _with_bar(stream, scores) if verbose else scores


def detect_events(
    model: Any,
    path: str | os.PathLike[str],
    *,
    window: float | None = None,
    overlap: float | None = None,
    tags: Any = None,
    candidates: bool = False,
    verbose: int = 0,
) -> pd.DataFrame:
    """Find the events of one recording of any length, as a table.

    Parameters
    ----------
    model : estimator
        A fitted model of audio files, as in :func:`iter_events`.
    path : str or Path
        The audio file.
    window : float, default=None
        Length of a window in seconds; by default that of the clips in training.
    overlap : float, default=None
        Seconds that a window shares with the next; 0.3 of a window when None.
    tags : list or set of labels, indicator of shape (n_classes,), −1 or None, \
            default=None
        What is known to be in the recording, as in :func:`iter_events`.
    candidates : bool, default=False
        Whether to return every event that there is to choose from.
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
    events = iter_events(
        model,
        path,
        window=window,
        overlap=overlap,
        tags=tags,
        candidates=candidates,
        verbose=verbose,
    )
    return event_table(list(events))


def event_table(rows: Any) -> pd.DataFrame:
    """Return rows of onset, offset, label, score as an event table."""
    onset, offset, label, score = zip(*rows) if rows else ((), (), (), ())
    return make_events(onset, offset, np.array(label), score)


def length_of_window(window: float | None, parts: Parts) -> float:
    """Return the seconds of a window: as given, else as clips of training are long."""
    if window is None:
        return parts.clip_duration or WINDOW
    return window


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


def known_tags(tags: Any, classes: list[Any]) -> np.ndarray | None:
    """Return the indicator of what is known to be in a recording; None: nothing."""
    if tags is None or (np.ndim(tags) == 0 and tags == UNLABELLED):
        return None
    checked = check_tags([tags], 1, classes, name="tags")
    return checked.indicator[0] if checked.labelled[0] else None


def _with_bar(stream: "RecordingStream", items: Iterator[Any]) -> Iterator[Any]:
    """Yield what comes of a recording beside a bar of the seconds read."""
    name = os.path.basename(stream.path)
    with tqdm(total=round(stream.duration), desc=name, unit="s") as bar:
        stream.progress = lambda seconds: bar.update(round(seconds) - bar.n)
        yield from items


class RecordingStream:
    """What a model says about a recording, as it is read.

    Parameters
    ----------
    model : estimator
        A fitted model of audio files.
    path : str or Path
        The audio file, whose header is read.
    window, overlap : float
        Lengths in seconds, as in :func:`iter_events`.
    tags : object, default=None
        What is known to be in the recording, likewise.
    candidates : bool, default=False
        Whether all events are wanted that there are to choose from.
    progress : callable, default=None
        Called with the seconds read so far.
    """

    def __init__(
        self,
        model: Any,
        path: str | os.PathLike[str],
        window: float | None,
        overlap: float | None,
        *,
        tags: Any = None,
        candidates: bool = False,
        progress: Callable[[float], None] | None = None,
    ):
        self.path = path
        self.progress = progress
        self._inside = unwrap(model)
        self._parts = take_apart(model)
        self._n_window, self._n_overlap = check_windows(
            length_of_window(window, self._parts), overlap, self._parts.transformer
        )
        self._known = known_tags(tags, self._parts.classes)
        self._candidates = candidates
        self._decoder = self._parts.decoder
        self._options: dict[str, Any] = {}  # of predict, where they are asked for
        if self._known is not None:
            self._options["tags"] = self._known[np.newaxis]
        if candidates:
            self._decoder = keep_candidates(self._decoder)
            self._options["candidates"] = True
        self._info = audio_info(path)
        self._seconds = 0.0

    @property
    def duration(self) -> float:
        """Seconds of the recording; of some files exact only once all is read."""
        if self._info.format == "MP3":  # whose header does not say it to the sample
            return self._seconds or self._info.duration
        return self._info.duration

    def frame_scores(self) -> Iterator[FeatureArray]:
        """Yield the frame scores in blocks."""
        windows = self._windows()
        first = next(windows, None)
        if first is None:
            yield self._inside.estimator.predict_frame_proba(self._whole())[0]
            return
        nothing = np.zeros(len(self._parts.classes))  # whose windows need no tags
        scorer = WindowScorer(self._parts, self._n_window, nothing, everywhere=True)
        for piece in self._pieces(scorer, chain([first], windows)):
            yield from scorer.blocks(*piece)

    def events(
        self, take_scores: Callable[[FeatureArray], object] | None = None
    ) -> Iterator[Event]:
        """Yield the events; give the frame scores to who takes them, in blocks."""
        windows = self._windows()
        first = next(windows, None)
        if first is None:
            X, detector = self._whole(), self._inside.estimator
            table = detector.predict(X, **self._options)[0]
            table = table.sort_values(["offset", "onset"])[list(Event._fields)]
            if take_scores is not None:
                take_scores(detector.predict_frame_proba(X)[0])
            yield from map(Event._make, table.itertuples(index=False))
            return
        if not isinstance(self._decoder, EventDecoder):
            raise ValueError(
                f"{self.path} is longer than a window, and the model decodes events by "
                f"{type(self._decoder).__name__}; only an EventDecoder can go through "
                "a recording piece by piece: pass a longer window"
            )
        scorer = WindowScorer(
            self._parts,
            self._n_window,
            self._known,
            candidates=self._candidates,
            everywhere=take_scores is not None,
        )
        decoder = None
        for first_frame, means, end in self._pieces(scorer, chain([first], windows)):
            if decoder is None:
                decoder = StreamDecoder(
                    self._decoder,
                    self._parts.classes,
                    scorer.time_resolution,
                    scorer.dtype,
                    scorer.time_offset,
                )
            if take_scores is not None:
                for block in scorer.blocks(first_frame, means, end):
                    take_scores(block)
            yield from decoder.push(scorer.curves(means), end)

    def _whole(self) -> Any:
        """Return the features of the recording, as the detector takes them."""
        return self._inside.transform([self.path])

    def _windows(self) -> Iterator[tuple[list[int], np.ndarray]]:
        """Yield the windows in batches; none where one holds the recording."""
        pieces = iter_log_mel(self._blocks(), self._parts.transformer)
        return iter_windows(pieces, self._n_window, self._n_window - self._n_overlap)

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

    def _pieces(
        self,
        scorer: WindowScorer,
        windows: Iterable[tuple[list[int], np.ndarray]],
    ) -> Iterator[tuple[int, np.ndarray, float | None]]:
        """Score windows; yield the next frames' means, from which frame on, the end.

        The end of the recording, in seconds, comes with its last frames.
        """
        fade = CrossFade(self._n_window, self._n_overlap)
        n_frames = 0
        for starts, values in scorer.score(windows):
            for start, window_values in zip(starts, values):
                fade.add(start, window_values)
            # Any further window begins after the last one did.
            yield n_frames, fade.take(starts[-1]), None
            n_frames = starts[-1]
        yield n_frames, fade.take(), self.duration
