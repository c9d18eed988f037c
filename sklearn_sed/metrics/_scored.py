"""Scores of clips, as curves or as events, and what they change at which threshold."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array, vstack

from sklearn_sed.events import (
    check_events,
    frames_to_time,
    is_event_tables,
    time_to_frames,
)
from sklearn_sed.events._tables import check_durations, check_labels
from sklearn_sed.exceptions import (
    AnnotationError,
    ClipError,
    LabelError,
    TimeResolutionError,
)
from sklearn_sed.metrics._changes import Changes
from sklearn_sed.metrics._counts import Floats, Ints
from sklearn_sed.metrics._inputs import (
    EventArrays,
    flatten,
    label_names,
    report_no_length,
    report_past_end,
)
from sklearn_sed.metrics._intersection import (
    Spans,
    covered,
    meets,
    on_one_axis,
    union_lengths,
)

_BLOCK_BYTES = 2**28  # frame scores held at once, as float64

Criteria = tuple[float, float, float | None]  # dtc, gtc and cttc thresholds


@dataclass(frozen=True)
class Segments:
    """Scores of one class in equal pieces of the clips.

    Attributes
    ----------
    clip : ndarray of shape (n_segments,), int64
        Where the segment lies.
    active : ndarray of shape (n_segments,), dtype bool
        Where a reference event touches the segment.
    score : ndarray of shape (n_segments,), float64
        Highest score in the segment, minus infinity where there is none.
    """

    clip: Ints
    active: NDArray[np.bool_]
    score: Floats


@dataclass(frozen=True)
class Scored(ABC):
    """Reference events and their clips; what has scores are curves or events.

    Attributes
    ----------
    labels : list of length n_labels
        The classes.
    reference : EventArrays
        The reference events, sorted by clip, class and onset.
    durations : ndarray of shape (n_clips,), float64
        Length of each clip in seconds.
    """

    labels: list[Any]
    reference: EventArrays
    durations: Floats

    @cached_property
    def n_ref(self) -> Floats:
        """Number of reference events, of shape (n_labels, n_clips)."""
        n_labels, n_clips = len(self.labels), len(self.durations)
        cell = self.reference.label * n_clips + self.reference.clip
        counts = np.bincount(cell, minlength=n_labels * n_clips)
        return counts.reshape(n_labels, n_clips).astype(np.float64)

    @cached_property
    def seconds_heard(self) -> Floats:
        """For how long each class sounds, of shape (n_labels, n_clips)."""
        lengths = [union_lengths(own) for own in self._by_class()]
        return np.reshape(lengths, (len(self.labels), len(self.durations)))

    @abstractmethod
    def intersections(self, criteria: Criteria) -> Iterator[Changes]:
        """Yield what changes for each class, by the intersection criteria."""

    @abstractmethod
    def matches(self, t_collar: float, share: float) -> Iterator[Changes]:
        """Yield what changes for each class, by matched onsets and offsets."""

    def segments(self, seconds: float) -> Iterator[Segments]:
        """Yield the segments of each class."""
        n_segments = time_to_frames(self.durations, seconds, "offset")
        first = np.append(0, np.cumsum(n_segments))
        clip = np.repeat(np.arange(len(n_segments)), n_segments)
        for own, score in zip(self._by_class(), self._segment_scores(seconds, first)):
            _, touched = _touched(own, seconds, first)
            active = np.zeros(first[-1], dtype=bool)
            active[touched] = True
            yield Segments(clip, active, score)

    @abstractmethod
    def _segment_scores(self, seconds: float, first: Ints) -> Iterator[Floats]:
        """Yield the highest score in each segment for each class."""

    def _by_class(self) -> Iterator[EventArrays]:
        """Yield the reference events of each class."""
        for label in range(len(self.labels)):
            yield self.reference[self.reference.label == label]


@dataclass(frozen=True)
class ScoredEvents(Scored):
    """Events with scores: a threshold keeps the events of higher scores.

    Attributes
    ----------
    estimated : EventArrays
        The events, sorted by clip, class and onset.
    score : ndarray of shape (n_events,), float64
        Their scores.
    """

    estimated: EventArrays
    score: Floats

    def intersections(self, criteria: Criteria) -> Iterator[Changes]:
        dtc_threshold, gtc_threshold, cttc_threshold = criteria
        end = float(self.durations.max(initial=0.0))
        references = list(self._by_class())
        true_spans = [on_one_axis(events, end) for events in references]
        for label, (events, score) in enumerate(self._scored_by_class()):
            spans = on_one_axis(events, end)
            length = spans[1] - spans[0]
            relevant = meets(covered(spans, true_spans[label]), length, dtc_threshold)
            crossed = np.zeros((len(length), len(self.labels)), dtype=np.int64)
            if cttc_threshold is not None:
                for other in set(range(len(self.labels))) - {label}:
                    shared = covered(spans, true_spans[other])
                    crossed[:, other] = meets(shared, length, cttc_threshold)
            crossed[relevant] = 0
            found = _found_at(
                true_spans[label],
                (spans[0][relevant], spans[1][relevant]),
                score[relevant],
                gtc_threshold,
            )
            hits = found > -np.inf
            none = csr_array((int(hits.sum()), len(self.labels)), dtype=np.int64)
            yield Changes.sort(
                np.append(score, found[hits]),
                np.append(events.clip, references[label].clip[hits]),
                tp=np.repeat([0, 1], [len(length), hits.sum()]),
                fp=np.append(~relevant, np.zeros(hits.sum(), dtype=bool)),
                crossed=vstack([csr_array(crossed), none], format="csr"),
            )

    def matches(self, t_collar: float, share: float) -> Iterator[Changes]:
        from sklearn_sed.metrics._matching import matched, pairs

        for true, (pred, score) in zip(self._by_class(), self._scored_by_class()):
            graph = pairs(
                (true.onset, true.offset, true.clip),
                (pred.onset, pred.offset, pred.clip),
                t_collar,
                share,
            )
            order = np.argsort(score)[::-1]
            tp = matched(csr_array(graph.T)[order]).astype(np.int64)
            yield Changes.sort(score[order], pred.clip[order], tp, 1 - tp)

    def _segment_scores(self, seconds: float, first: Ints) -> Iterator[Floats]:
        for events, score in self._scored_by_class():
            event, touched = _touched(events, seconds, first)
            scores = np.full(first[-1], -np.inf)
            np.maximum.at(scores, touched, score[event])
            yield scores

    def _scored_by_class(self) -> Iterator[tuple[EventArrays, Floats]]:
        for label in range(len(self.labels)):
            chosen = self.estimated.label == label
            yield self.estimated[chosen], self.score[chosen]


@dataclass(frozen=True)
class ScoredFrames(Scored):
    """Frame scores: a threshold makes an event of each run of higher scores.

    Attributes
    ----------
    frame_proba : sequence of array-like of shape (n_frames, n_labels)
        Frame scores of each clip, read clip by clip.
    n_frames : ndarray of shape (n_clips,), int64
        Number of frames that begin within each clip.
    time_resolution, time_offset : float
        Seconds per frame, and when the first begins.
    """

    frame_proba: Sequence[ArrayLike]
    n_frames: Ints
    time_resolution: float
    time_offset: float

    @property
    def first_frame(self) -> Ints:
        """Where each clip begins when they follow each other."""
        return np.append(0, np.cumsum(self.n_frames))

    @property
    def times(self) -> Floats:
        """When frames begin, and the last one ends."""
        bounds = np.arange(self.n_frames.max(initial=0) + 1)
        return frames_to_time(bounds, self.time_resolution, self.time_offset).clip(0)

    def intersections(self, criteria: Criteria) -> Iterator[Changes]:
        from sklearn_sed.metrics._sweep import sweep

        dtc_threshold, gtc_threshold, cttc_threshold = criteria
        first_event = self._first_of(self.reference)
        for label, scores in self._columns():
            others = np.arange(len(self.labels)) != label
            fp, tp, crossed = sweep(
                scores,
                self.first_frame,
                self.times,
                self.durations,
                first_event,
                self.reference.onset,
                self.reference.offset,
                self.reference.label,
                label,
                others & (cttc_threshold is not None),
                (float(dtc_threshold), float(gtc_threshold), cttc_threshold or 1.0),
            )
            frame, other, change = np.concatenate(crossed).T
            crossings = csr_array(
                (change, (frame, other)), shape=(len(scores), len(self.labels))
            )
            yield Changes.sort(scores, self._clip_of_frame, tp, fp, crossings)

    def matches(self, t_collar: float, share: float) -> Iterator[Changes]:
        from sklearn_sed.metrics._match_sweep import sweep_matches

        for true, (_, scores) in zip(self._by_class(), self._columns()):
            tp, fp = sweep_matches(
                scores,
                self.first_frame,
                self.times,
                self.durations,
                self._first_of(true),
                true.onset,
                true.offset,
                float(t_collar),
                float(share),
            )
            yield Changes.sort(scores, self._clip_of_frame, tp, fp)

    def _segment_scores(self, seconds: float, first: Ints) -> Iterator[Floats]:
        n_segments = np.diff(first)
        edges = np.arange(n_segments.max(initial=0) + 1) * seconds
        clock = {
            "time_resolution": self.time_resolution,
            "time_offset": self.time_offset,
        }
        starts = time_to_frames(edges[:-1], side="onset", **clock).clip(0)
        stops = time_to_frames(edges[1:], side="offset", **clock)
        ranges = np.concatenate(
            [
                np.column_stack([starts[:n], stops[:n]]).clip(0, n_frames) + base
                for n, n_frames, base in zip(
                    n_segments, self.n_frames, self.first_frame
                )
            ]
            or [np.zeros((0, 2), np.int64)]
        )
        empty = ranges[:, 0] >= ranges[:, 1]
        for _, scores in self._columns():
            # What is appended lets the end of the last clip be an index.
            peaks = np.maximum.reduceat(np.append(scores, -np.inf), ranges.ravel())
            yield np.where(empty, -np.inf, peaks[::2])

    @property
    def _clip_of_frame(self) -> Ints:
        return np.repeat(np.arange(len(self.n_frames)), self.n_frames)

    @staticmethod
    def _first_of(events: EventArrays) -> Ints:
        return np.searchsorted(events.clip, np.arange(events.n_clips + 1))

    def _columns(self) -> Iterator[tuple[int, Floats]]:
        """Yield the scores of each class, clip after clip, in bounded memory."""
        bounds, n_labels = self.first_frame, len(self.labels)
        n_columns = max(1, _BLOCK_BYTES // (8 * max(1, int(bounds[-1]))))
        for first in range(0, n_labels, n_columns):
            columns = slice(first, min(first + n_columns, n_labels))
            block = np.empty((columns.stop - first, bounds[-1]))
            for clip, scores in enumerate(map(np.asarray, self.frame_proba)):
                frames = slice(bounds[clip], bounds[clip + 1])
                block[:, frames] = scores[: frames.stop - frames.start, columns].T
            yield from enumerate(block, start=first)


def read_scores(
    y_true: Sequence[pd.DataFrame],
    y_score: Sequence[Any],
    labels: Sequence[Any],
    durations: ArrayLike,
    time_resolution: float | None,
    time_offset: float | None,
) -> Scored:
    """Check references and scores, and cut both at the ends of their clips."""
    labels = check_labels(labels)
    reference, _ = _flatten(y_true, labels, "y_true")
    seconds = check_durations(durations, reference.n_clips)
    if isinstance(y_score, pd.DataFrame):
        check_events(y_score, name="y_score")  # says what to pass
    if len(y_score) != len(seconds):
        raise LabelError(
            f"y_true has {len(seconds)} clips but y_score has {len(y_score)}; pass "
            "the scores of the clips in y_true"
        )
    if is_event_tables(y_score):
        estimated, order = _flatten(y_score, labels, "y_score")
        score = _scores_of(y_score)[order]
        inside = estimated.onset < seconds[estimated.clip]
        own = _cut(reference, seconds)
        return ScoredEvents(
            labels, own, seconds, estimated.within(seconds), score[inside]
        )
    if time_resolution is None:
        time_resolution = getattr(y_score, "time_resolution", None)
    if time_resolution is None:
        raise TimeResolutionError(
            "y_score does not say how many seconds a frame lasts: pass "
            "time_resolution, or scores that carry it, as predict_frame_proba "
            "returns them"
        )
    if time_offset is None:
        time_offset = getattr(y_score, "time_offset", 0.0)
    n_before = int(time_to_frames(0.0, time_resolution, "onset", time_offset))
    if n_before > 0:  # frames that end before the clip begins
        y_score = [np.asarray(scores)[n_before:] for scores in y_score]
        time_offset += n_before * time_resolution
    ends = time_to_frames(seconds, time_resolution, "offset", time_offset).clip(0)
    n_frames = np.minimum(_check_frames(y_score, len(labels)), ends)
    # Where durations are counted in frames, a clip may be one longer.
    own = _cut(reference, seconds, time_resolution)
    return ScoredFrames(
        labels, own, seconds, y_score, n_frames, float(time_resolution), time_offset
    )


def _flatten(
    events: Sequence[pd.DataFrame], labels: list[Any], name: str
) -> tuple[EventArrays, Ints]:
    """Return the events sorted by clip, class and onset, and their places before."""
    tables = check_events(events, name=name)
    names = label_names(tables)
    unknown = sorted(set(names) - set(labels))
    if unknown:
        raise LabelError(
            f"{name} has events of {unknown[0]!r}, which is not among `labels`: they "
            "hold every class that occurs, one for each column of frame scores"
        )
    flat = flatten(tables, names, labels)
    order = np.lexsort((flat.onset, flat.label, flat.clip))
    return flat[order], order


def _scores_of(events: Sequence[pd.DataFrame]) -> Floats:
    """Return the score of every event, clip after clip."""
    columns = [np.zeros(0)]
    for clip, table in enumerate(events):
        if len(table) and "score" not in table:
            raise AnnotationError(
                f"y_score, clip {clip}",
                "the column 'score' is missing; pass events with scores, as predict "
                "returns them, or frame scores",
            )
        columns += [table["score"].to_numpy(np.float64)] if len(table) else []
    return np.concatenate(columns)


def _cut(reference: EventArrays, durations: Floats, *slack: float) -> EventArrays:
    """Cut reference events at the end of their clip, and say so."""
    report_past_end(reference, durations, *slack)
    reference = reference.within(durations)
    report_no_length(reference)
    return reference


def _check_frames(frame_proba: Sequence[ArrayLike], n_labels: int) -> Ints:
    """Return how many frames each clip has."""
    n_frames = np.zeros(len(frame_proba), dtype=np.int64)
    for clip, scores in enumerate(map(np.asarray, frame_proba)):
        if scores.ndim != 2 or scores.shape[1] != n_labels:
            raise ClipError(
                clip,
                f"y_score has the shape {scores.shape}, expected (n_frames, "
                f"{n_labels}), one column per label",
            )
        if not np.isfinite(scores).all():
            raise ClipError(clip, "y_score contains NaN or infinity")
        n_frames[clip] = len(scores)
    return n_frames


def _found_at(true: Spans, relevant: Spans, score: Floats, threshold: float) -> Floats:
    """Return the score at which each reference event is found, or minus infinity.

    Time that several estimated events share belongs to the one of the highest score.
    """
    edges = np.unique(np.concatenate([*true, *relevant]))
    height = np.full(len(edges), -np.inf)
    bounds = np.searchsorted(edges, np.column_stack(relevant))
    for event in np.argsort(score):
        height[slice(*bounds[event])] = score[event]
    lengths = np.diff(edges, append=0.0)
    found = np.full(len(true[0]), -np.inf)
    for event, pieces in enumerate(map(slice, *np.searchsorted(edges, np.stack(true)))):
        order = np.argsort(height[pieces])[::-1]
        heard = np.cumsum(lengths[pieces][order])
        enough = meets(heard, true[1][event] - true[0][event], threshold)
        if enough.any():
            found[event] = height[pieces][order][np.argmax(enough)]
    return found


def _touched(events: EventArrays, seconds: float, first: Ints) -> tuple[Ints, Ints]:
    """Return every pair of an event and a segment that it touches."""
    start = time_to_frames(events.onset, seconds, "onset")
    stop = time_to_frames(events.offset, seconds, "offset")
    stop = np.minimum(stop, np.diff(first)[events.clip])
    n_touched = np.maximum(stop - start, 0)
    event = np.repeat(np.arange(len(start)), n_touched)
    before = np.repeat(np.cumsum(n_touched) - n_touched, n_touched)
    place = np.arange(len(event)) - before
    return event, first[events.clip[event]] + start[event] + place
