"""Decode score curves that come in pieces, to the events of the whole curves.

What a segmenter does is local, so that it works on a piece and some frames around it.
Runs of active frames that reach the end of a piece are continued in the next one; a
run is made an event once nothing to come can reach it. So memory depends on the
decoder's lengths of time, never on how long a recording or an event lasts.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from sklearn_sed._decoding._decoder import (
    ClassDecoder,
    EventDecoder,
    Runs,
    Timeline,
    close_gaps,
    drop_short,
)

# Windows marked with a class decide on an event where they carry this much weight.
MAJORITY = 0.5 - 1e-9
# Thresholds that no score and every score exceeds.
_ABOVE_ALL, _BELOW_ALL = 2.0, -1.0


class Event(NamedTuple):
    """One event.

    Attributes
    ----------
    onset, offset : float
        Start and end in seconds from the start of the recording.
    event_label : object
        Its class.
    score : float
        Mean frame score, or what the decoder's segmenter says, 0 to 1.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_sed.inference import Event
    >>> pd.DataFrame([Event(0.5, 1.25, "Dog", 0.75)])
       onset  offset event_label  score
    0    0.5    1.25         Dog   0.75
    """

    onset: float
    offset: float
    event_label: Any
    score: float


class Stretches(NamedTuple):
    """Runs of active frames of one class in a recording, in order."""

    start: np.ndarray
    stop: np.ndarray  # the frame after the last one
    before: np.ndarray  # sum of the scores of all frames before `start`
    total: np.ndarray  # sum of the scores of all frames before `stop`
    tagged: np.ndarray  # whether the class was found around one of the frames
    held: np.ndarray  # whether a frame is above the high threshold

    def take(self, chosen: Any) -> "Stretches":
        """Return the chosen ones."""
        return Stretches(*(column[chosen] for column in self))

    def join(self, first: np.ndarray) -> "Stretches":
        """Return one for each group, given what begins a group."""
        if not len(self.start):
            return self
        begin = np.flatnonzero(first)
        end = np.append(begin[1:], len(first)) - 1
        return Stretches(
            self.start[begin],
            self.stop[end],
            self.before[begin],
            self.total[end],
            np.logical_or.reduceat(self.tagged, begin),
            np.logical_or.reduceat(self.held, begin),
        )


class CurveDecoder:
    """Decodes the score curve of one class of one recording, piece by piece.

    Parameters
    ----------
    decoder : ClassDecoder
        What shapes and cuts the curves of this class. They come rescaled.
    time_offset : float
        When the first frame begins, in seconds.
    """

    def __init__(self, decoder: ClassDecoder, time_offset: float):
        self.own = decoder.own._replace(rescale=False)
        self.decoder = decoder._replace(own=self.own)
        self.segmenter = decoder.decoder.segmenter
        self.step = decoder.step
        self.offset = time_offset
        # Frames that smoothing and the segmenters look ahead and back, generously:
        # steps of a curve lie in the middle of stretches that are steep.
        n_windows = 16 if self.segmenter == "derivative" else 1
        window = n_windows * self.own.window_length
        self._reach = 2 + int((self.own.smoothing_length + window) / self.step)
        # Curve, score, share of windows with the tag, activity where it is known.
        self._rows = np.zeros((4, 0))
        self._first = 0  # frame of the first column
        self._n_done = 0  # columns whose activity is known
        self._total = 0.0  # sum of their scores, and of all before them
        self._waiting = Stretches(
            *np.zeros((2, 0), int), *np.zeros((2, 0)), *np.zeros((2, 0), bool)
        )

    @property
    def safe(self) -> float:
        """The time before which no further event will end."""
        waiting = self._waiting.stop
        frame = waiting[0] if len(waiting) else self._first + self._n_done
        return float(frame * self.step + self.offset)

    def push(
        self, rows: np.ndarray, end: float | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Take the next frames and return the events that are whole now.

        Parameters
        ----------
        rows : ndarray of shape (4, n_frames)
            The curve to decode; the frame scores; the share of windows, by weight,
            that are tagged with the class; their mean clip score, for events whose own
            scores it multiplies.
        end : float or None
            Where the recording ends, in seconds, when these are its last frames.

        Returns
        -------
        onset, offset, score : ndarray of shape (n_events,)
            The events, in order.
        """
        new_rows = np.pad(rows[:3], ((0, 1), (0, 0)))
        self._rows = np.concatenate((self._rows, new_rows), axis=1)
        n_frames = self._rows.shape[1]
        n_known = n_frames if end is not None else n_frames - self._reach
        new = self._waiting.take(slice(0, 0))
        if n_known > self._n_done:
            new = self._segment(n_known)
        found = self._settle(new, end is not None)
        n_past = max(0, self._n_done - self._reach)  # columns that nothing needs
        self._rows = self._rows[:, n_past:].copy()
        self._first += n_past
        self._n_done -= n_past
        return self._events(found, np.inf if end is None else end)

    def _segment(self, n_known: int) -> Stretches:
        """Find the runs in the columns up to `n_known` that are not done."""
        curve, proba, share, active = self._rows
        bounds = np.array([0, len(curve)])
        curve = self.decoder.shape(curve, bounds)
        high, low = self.own.threshold, self.own.low
        if self.segmenter == "derivative":
            # Its threshold is but the state to begin with, which is known here.
            if self._first:
                high = _BELOW_ALL if active[0] else _ABOVE_ALL
            low = high
        runs = self._find(curve, bounds, low, n_known)
        held = np.ones(len(runs.start), dtype=bool)
        if low < high:
            peaks = self._find(curve, bounds, high, n_known)
            begun, over = (np.searchsorted(peaks.start, edge) for edge in runs[1:])
            held = over > begun
        done = slice(self._n_done, n_known)
        sums = self._total + np.concatenate(([0.0], np.cumsum(proba[done])))
        n_tagged = np.concatenate(([0], np.cumsum(share[done] > MAJORITY)))
        start, stop = runs.start - self._n_done, runs.stop - self._n_done
        change = np.zeros(n_known - self._n_done + 1, dtype=int)
        change[start] += 1
        change[stop] -= 1
        active[done] = np.cumsum(change)[:-1]
        found = Stretches(
            runs.start + self._first,
            runs.stop + self._first,
            sums[start],
            sums[stop],
            n_tagged[stop] > n_tagged[start],
            held,
        )
        self._total, self._n_done = sums[-1], n_known
        return found

    def _find(
        self, curve: np.ndarray, bounds: np.ndarray, threshold: float, n_known: int
    ) -> Runs:
        """Return the runs of columns above one threshold, cut to those not done."""
        own = self.own._replace(threshold=threshold, low_threshold=None)
        runs = self.decoder._replace(own=own).cut(curve, bounds)
        start = np.maximum(runs.start, self._n_done)
        stop = np.minimum(runs.stop, n_known)
        return Runs(runs.clip, start, stop).take(stop > start)

    def _settle(self, new: Stretches, is_last: bool) -> Stretches:
        """Return what is whole, gaps closed; keep what may still grow."""
        runs = Stretches(*(np.concatenate(pair) for pair in zip(self._waiting, new)))
        # A run that was cut at the end of the last piece goes on in this one.
        runs = runs.join(np.append(True, runs.start[1:] > runs.stop[:-1]))
        known = self._first + self._n_done
        is_open = not is_last and known in runs.stop[-1:]
        kept = runs.held.copy()
        kept[-1:] |= is_open
        runs = runs.take(kept)
        start, stop = runs.start, runs.stop
        if not is_last and not is_open:  # the nearest that another run may begin
            start, stop = np.append(start, known), np.append(stop, known + 1)
        clip = np.zeros(len(start), dtype=int)
        joined = close_gaps(Runs(clip, start, stop), self.own.min_gap, self.step)
        first = np.isin(start, joined.start)
        n_whole = len(first) if is_last else int(np.flatnonzero(first)[-1])
        waiting = runs.take(slice(n_whole, None))
        # Whether an open run counts may yet have to be seen: it is kept by itself.
        alone = np.zeros(len(waiting.start), dtype=bool)
        alone[:1] = True
        alone[-1:] |= ~waiting.held[-1:]
        self._waiting = waiting.join(alone)
        return runs.take(slice(0, n_whole)).join(first[:n_whole])

    def _events(
        self, found: Stretches, end: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return times and scores of those that are tagged and long enough."""
        found = found.take(found.tagged)
        runs = Runs(np.zeros(len(found.start), dtype=int), found.start, found.stop)
        times = Timeline(self.step, self.offset, np.array([end]))
        runs = drop_short(runs, self.own.min_duration, times)
        found = found.take(np.isin(found.start, runs.start))
        onset, offset = times.of(runs)
        score = (found.total - found.before) / (found.stop - found.start)
        return onset, offset, np.clip(score, 0, 1)


class BoxDecoder:
    """Like `CurveDecoder`, for segmenters that find boxes.

    They remember themselves what they need, see `ChangeStream` and `PeakStream`.
    """

    def __init__(self, decoder: ClassDecoder, finder: Any, time_offset: float):
        self.decoder = decoder._replace(own=decoder.own._replace(rescale=False))
        self.offset = time_offset
        self._finder = finder
        self._stream = finder.stream(n_rows=3)
        self._reach = 1 + int(decoder.own.smoothing_length / decoder.step)
        self._rows = np.zeros((3, 0))  # curve, whether it is tagged, clip score
        self._n_done = 0  # columns that were handed on

    @property
    def safe(self) -> float:
        """The time before which no further event will end."""
        pending, _ = self._choose(self._stream.pending)
        known = self._stream.known(self.decoder.high)
        frame = min([known, *pending.stop.tolist()])
        return float(frame * self.decoder.step + self.offset)

    def push(
        self, rows: np.ndarray, end: float | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Take the next frames and return the events that are whole now."""
        curve, _, share, clip_score = rows
        new_rows = np.stack((curve, share > MAJORITY, clip_score))
        self._rows = np.concatenate((self._rows, new_rows), axis=1)
        n_frames = self._rows.shape[1]
        n_known = n_frames
        if end is None:
            n_known = max(self._n_done, n_frames - self._reach)
        known = self._rows[:, self._n_done : n_known].copy()
        if known.size:
            curve = self.decoder.shape(self._rows[0], np.array([0, n_frames]))
            known[0] = curve[self._n_done : n_known]
        found = self._stream.push(known, end is not None)
        n_past = max(0, n_known - self._reach)  # columns that nothing needs
        self._rows, self._n_done = self._rows[:, n_past:].copy(), n_known - n_past
        ends = np.array([np.inf if end is None else end])
        times = Timeline(self.decoder.step, self.offset, ends)
        found = drop_short(found, self.decoder.own.min_duration, times)
        boxes, score = self._choose(found)
        return *times.of(boxes), score

    def _choose(self, boxes: Any) -> tuple[Any, np.ndarray]:
        """Return the boxes that count and their scores."""
        _, tagged, clip_score = boxes.mean.T
        boxes, clip_score = boxes.take(tagged > 0), clip_score[tagged > 0]
        return self.decoder.choose(boxes, self._finder.score(boxes), clip_score)


def _decoder_of(decoder: ClassDecoder, time_offset: float) -> Any:
    """Return what decodes the curve of a class piece by piece."""
    if decoder.finder is None:
        return CurveDecoder(decoder, time_offset)
    return BoxDecoder(decoder, decoder.finder, time_offset)


class StreamDecoder:
    """Decodes the score curves of all classes of one recording, piece by piece.

    Parameters
    ----------
    decoder : EventDecoder
        The decoder.
    classes : sequence of length n_classes
        The label of each class.
    time_resolution : float
        Seconds per frame.
    dtype : dtype
        The precision of the scores.
    time_offset : float, default=0.0
        When the first frame begins, in seconds.
    """

    def __init__(
        self,
        decoder: EventDecoder,
        classes: Sequence[Any],
        time_resolution: float,
        dtype: np.dtype,
        time_offset: float = 0.0,
    ):
        self._labels = np.asarray(classes).tolist()
        self._curves = [
            _decoder_of(ClassDecoder(decoder, own, time_resolution, dtype), time_offset)
            for own in decoder._check(self._labels)
        ]
        self._found: list[Event] = []

    def push(self, curves: np.ndarray, end: float | None = None) -> list[Event]:
        """Take the next frames and return the events that are whole now.

        Parameters
        ----------
        curves : ndarray of shape (4, n_classes, n_frames)
            What `CurveDecoder.push` takes, of all classes.
        end : float, default=None
            Where the recording ends, in seconds, when these are its last frames.

        Returns
        -------
        list of Event
            The events in order of their offsets, in this call and from call to call.
        """
        for column, curve in enumerate(self._curves):
            times = curve.push(curves[:, column], end)
            self._found += [
                Event(onset, offset, self._labels[column], score)
                for onset, offset, score in zip(*(values.tolist() for values in times))
            ]
        safe = np.inf
        if end is None:
            safe = min(curve.safe for curve in self._curves)
        ready = [event for event in self._found if event.offset <= safe]
        self._found = [event for event in self._found if event.offset > safe]
        # Classes of one offset come in their own order, whatever they are.
        return sorted(ready, key=lambda event: (event.offset, event.onset))
