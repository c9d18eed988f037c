"""From frame scores to events: rescale, smooth, segment, close gaps, drop short ones.

The score curves of one class in several clips are held end to end in one 1-D array;
``bounds`` of shape (n_clips + 1,) says where each clip begins and the last one ends.
Every step works on all clips at once, and no step looks across a bound: a clip's events
do not depend on its neighbours.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from numbers import Real
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.ndimage import correlate1d, median_filter
from sklearn.base import BaseEstimator, clone
from sklearn.utils._param_validation import (
    Interval,
    StrOptions,
    validate_parameter_constraints,
)

from sklearn_sed._clips._array import FeatureArray
from sklearn_sed.events import frames_to_time, make_events, stack_tables
from sklearn_sed.events._frames import TIME_TOLERANCE, lasts, run_times
from sklearn_sed.exceptions import ClipError, LabelError

if TYPE_CHECKING:
    from sklearn_sed._decoding._boxes import Boxes, Changes, Peaks

# More than a clip has: lengths of time beyond it make no difference.
MANY_FRAMES = 2**24
# Segmenters whose events have scores that decide whether they count.
BOX_SEGMENTERS = {"boxes", "peaks"}
# Recurrent and convolutional networks are unreliable at the edges of a clip.
EDGE_FRAMES = 3
# Low thresholds that follow the threshold, by name.
SHARES = {"half": 1 / 2, "tenth": 1 / 10}
# What settings left at "auto" are where nobody knows how long sounds last.
AUTO: dict[str, Any] = {"threshold": 0.5, "low_threshold": "tenth", "min_gap": 0.5}
# A curve that moves less than this is flat: the rest is float32 rounding.
FLAT_RANGE = 1e-6
# Interpolating float32 scores over time can leave 0..1 by rounding.
SCORE_TOLERANCE = 1e-6


class ClassSettings(NamedTuple):
    """The settings of an `EventDecoder` that each class may have for itself."""

    rescale: bool
    smoothing: str | None
    smoothing_length: float
    threshold: float
    low_threshold: float | str | None
    min_gap: float
    min_duration: float
    window_length: float
    merge_ratio: float | None
    merge_difference: float | None
    peak_share: float

    @property
    def low(self) -> float:
        """The score above which a frame belongs to an event that touches it."""
        if self.low_threshold is None:
            return self.threshold
        if isinstance(self.low_threshold, str):
            return self.threshold * SHARES[self.low_threshold]
        return self.low_threshold


class ScoreCurves(NamedTuple):
    """Frame scores of several clips, end to end."""

    values: np.ndarray  # (n_classes, n_frames of all clips), float64
    bounds: np.ndarray  # (n_clips + 1,)
    dtype: np.dtype  # the precision in which the scores came


class Runs(NamedTuple):
    """Runs of active frames of one class, sorted by clip, then by start."""

    clip: np.ndarray
    start: np.ndarray  # first frame, counted from the start of the clip
    stop: np.ndarray  # the frame after the last one

    def take(self, chosen: np.ndarray) -> "Runs":
        """Return the chosen runs."""
        return Runs(*(column[chosen] for column in self))


class Timeline(NamedTuple):
    """When the frames of several clips are."""

    step: float  # seconds per frame
    offset: float  # when frame 0 begins
    ends: np.ndarray  # when each clip ends

    def take(self, clips: np.ndarray) -> "Timeline":
        """Return that of the chosen clips."""
        return self._replace(ends=self.ends[clips])

    def of(self, runs: "Runs | Boxes") -> tuple[np.ndarray, np.ndarray]:
        """Return onsets and offsets in seconds, cut to the clips."""
        ends = self.ends[runs.clip]
        return run_times(runs.start, runs.stop, self.step, self.offset, ends)


class FlatEvents(NamedTuple):
    """Events of many clips as parallel arrays, sorted by class, clip, then onset."""

    clip: np.ndarray
    class_index: np.ndarray
    onset: np.ndarray  # seconds
    offset: np.ndarray  # seconds
    score: np.ndarray


_FRACTION = Interval(Real, 0, 1, closed="both")
_SECONDS = Interval(Real, 0, None, closed="left")
_CLASS_CONSTRAINTS: dict[str, list] = {
    "rescale": ["boolean"],
    "smoothing": [StrOptions({"mean", "median"}), None],
    "smoothing_length": [_SECONDS],
    "threshold": [_FRACTION, StrOptions({"auto"})],
    "low_threshold": [_FRACTION, StrOptions({"auto", *SHARES}), None],
    "min_gap": [_SECONDS, StrOptions({"auto"})],
    "min_duration": [_SECONDS],
    "window_length": [Interval(Real, 0, None, closed="neither")],
    "merge_ratio": [Interval(Real, 1, None, closed="left"), None],
    "merge_difference": [_FRACTION, None],
    "peak_share": [_FRACTION],
}


@dataclass(kw_only=True, eq=False, repr=False)
class EventDecoder(BaseEstimator):
    """Turn frame scores into events.

    The score curve of each class of each clip is rescaled if asked, smoothed, and cut
    into events; then short gaps are closed and short events dropped, in this order. An
    event is the union of its frames, cut to the time of its clip, and frame k lasts
    from k to k + 1 times the time resolution after the time offset: nothing drifts.

    There is nothing to fit: a decoder holds settings. Those marked "per class" take
    one value for all classes, a sequence with one value per class in the order of the
    classes, or a dict from class label to value.

    Barks are short and follow each other; rain goes on. What finds the ends of the one
    tears the other to pieces. So settings at "auto" follow the length of each class's
    sounds, which a :class:`WeakEventDetector` learns from its training clips, without
    times (`event_lengths_`): from one value for sounds of up to 1 s to another one for
    sounds of 2 s and more, along a straight line between, lengths and values on
    logarithmic axes. In a decoder that is used by itself, for a class of unknown
    length, and with segmenters other than "threshold", they are the values given last.

    Parameters
    ----------
    rescale : bool, per class, default=False
        Stretch each curve to the range 0..1 by its own minimum and maximum. They are
        taken without the first and last three frames of the clip (a quarter of the
        frames at each end where a clip has fewer than twelve); frames beyond them are
        clipped to 0 or 1. A curve that is flat, its range below 1e-6, stays as it is.
    smoothing : {"mean", "median"} or None, per class, default="median"
        Moving average or moving median. A clip is continued by its first and last
        score, so that smoothed scores stay within the range of the scores, and edges
        of events stay where they are up to the ends of the clip.
    smoothing_length : float, per class, default=0.2
        Length of the smoothing window in seconds, rounded to the nearest odd number of
        frames.
    threshold : float or "auto", per class, default="auto"
        A frame is active when its score > threshold; an event of the segmenters
        "boxes" and "peaks" is kept when its own score is. The threshold is read in the
        precision of the scores, to which smoothed curves are rounded, too: a float32
        score of 0.3 does not exceed 0.3. "auto": 0.5 for short sounds, 0.3 for long
        ones; else 0.5.
    low_threshold : float, {"auto", "half", "tenth"} or None, per class, default="auto"
        Hysteresis: frames with a score > low_threshold are active, too, where an
        unbroken run of them contains a frame above `threshold`. A name is a share of
        the threshold, None is one threshold alone. Networks that learn from tags are
        sure of the frames that give a sound away, and score the rest of it low, of a
        long sound most of all. "auto": 0.2 for short sounds, 0.03 for long ones, but
        not above `threshold`; else a tenth of it.
    min_gap : float or "auto", per class, default="auto"
        Gaps between two events of a class that last less than this, in seconds, are
        closed: curves of networks that learn from tags tear more often than long
        sounds follow each other so fast. The segmenter "peaks" joins no boxes that are
        farther apart; "boxes" does not look at it. "auto": 0.3 for short sounds, 2 for
        long ones; else 0.5.
    min_duration : float, per class, default=0.1
        Events that last less than this, in seconds, are dropped.
    segmenter : {"threshold", "derivative", "area", "boxes", "peaks"}, \
            default="threshold"
        What cuts the curve into events:

        - "threshold": `threshold` and `low_threshold`.
        - "derivative": an event begins in the middle of a rise by more than `rising`
          within `window_length`. It ends in the middle of a fall by more than
          `falling`, unless the score rises again by more than `flat` within the next
          `window_length`. A clip begins inside an event when its first score >
          `threshold`. Events shorter than the window are not placed exactly.
        - "area": `threshold` and `low_threshold` on the mean area under the curve in a
          centred window of `window_length`.
        - "boxes": change detection [3]_. Take the mean score over the next half of
          `window_length` less the mean over the last half: an event begins at a
          maximum of the difference, and ends at the minimum that follows. Two with a
          gap between that is not low enough, by `merge_ratio` and `merge_difference`,
          are joined. The score of an event is the mean of the curve.
        - "peaks": the highest frame takes the run of frames around it whose scores are
          above `peak_share` of its own; then the highest of those that are left. Two
          events with less than `min_gap` between are joined when the lower peak is
          above `peak_share` of the higher one. The score of an event is its peak.

        The last two multiply scores by the clip's, where one is given, and keep what
        exceeds `threshold`, which has no say in where events begin and end.
    window_length : float, per class, default=0.25
        Window of the segmenters "derivative", "area" and "boxes", in seconds.
    rising : float, default=0.3
        Rise that begins an event (segmenter "derivative").
    falling : float, default=0.3
        Fall that ends an event (segmenter "derivative").
    flat : float, default=0.05
        Largest rise after a fall that ends an event (segmenter "derivative").
    merge_ratio : float or None, per class, default=10.0
        Two events are joined when their highest scores are both less than this many
        times the lowest between them, 0.001 added to each (segmenter "boxes"). 1.5, 2
        and 3 are published, for networks that learn from times; curves of networks
        that learn from tags tear deeper. 1 joins nothing, None sets no limit.
    merge_difference : float or None, per class, default=None
        Events are joined only if both highest scores exceed the lowest between them by
        less than this, too (segmenter "boxes"). None sets no limit.
    peak_share : float, per class, default=0.35
        Share of a peak's score (segmenter "peaks").

    References
    ----------
    .. [1] T. Pellegrini, L. Cances, "Cosine-similarity penalty to discriminate sound
       classes in weakly-supervised sound event detection", IJCNN 2019,
       arXiv:1901.03146. Its decoding is ``EventDecoder(rescale=True,
       smoothing="mean", smoothing_length=0.44, threshold=0.05, low_threshold=None,
       min_gap=0, min_duration=0)``.
    .. [2] L. Cances, P. Guyot, T. Pellegrini, "Evaluation of post-processing algorithms
       for polyphonic sound event detection", WASPAA 2019, arXiv:1906.06909.
    .. [3] J. Ebbers, F. G. Germain, G. Wichern, J. Le Roux, "Sound event bounding
       boxes", Interspeech 2024, arXiv:2406.04212.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sed import EventDecoder
    >>> frame_proba = np.zeros((1, 8, 2))
    >>> frame_proba[0, 2:6, 1] = 0.9
    >>> decoder = EventDecoder(smoothing=None)
    >>> decoder.decode(frame_proba, 0.5, ["Cat", "Dog"])[0]
       onset  offset event_label  score
    0    1.0     3.0         Dog    0.9
    """

    rescale: Any = False
    smoothing: Any = "median"
    smoothing_length: Any = 0.2
    threshold: Any = "auto"
    low_threshold: Any = "auto"
    min_gap: Any = "auto"
    min_duration: Any = 0.1
    segmenter: str = "threshold"
    window_length: Any = 0.25
    rising: float = 0.3
    falling: float = 0.3
    flat: float = 0.05
    merge_ratio: Any = 10.0
    merge_difference: Any = None
    peak_share: Any = 0.35

    _parameter_constraints: ClassVar[dict] = {
        **{
            name: [*allowed, "array-like", dict]
            for name, allowed in _CLASS_CONSTRAINTS.items()
        },
        "segmenter": [StrOptions({"threshold", "derivative", "area"} | BOX_SEGMENTERS)],
        "rising": [_FRACTION],
        "falling": [_FRACTION],
        "flat": [_FRACTION],
    }
    # What model files of the same format may lack: they are older.
    _later_parameters: ClassVar[frozenset[str]] = frozenset(
        {"merge_ratio", "merge_difference", "peak_share"}
    )

    def decode(
        self,
        frame_proba,
        time_resolution,
        classes,
        tags=None,
        durations=None,
        time_offset=None,
    ) -> np.ndarray:
        """Decode the frame scores of several clips.

        Parameters
        ----------
        frame_proba : ndarray of shape (n_clips, n_frames, n_classes) or sequence of \
                array-likes of shape (n_frames_i, n_classes)
            Frame scores, 0 to 1.
        time_resolution : float
            Seconds per frame.
        classes : sequence of length n_classes
            The label of each class.
        tags : array-like of shape (n_clips, n_classes), default=None
            The classes to decode in each clip, marked by a positive number. By default
            all of them. The segmenters "boxes" and "peaks" multiply scores by it: pass
            the clips' probabilities.
        durations : array-like of shape (n_clips,), default=None
            Length of each clip in seconds, which no offset exceeds. By default what
            `frame_proba` carries; where that is nothing, a clip ends with its last
            frame.
        time_offset : float, default=None
            When frame 0 begins, in seconds. By default what `frame_proba` carries,
            else 0.

        Returns
        -------
        events : ndarray of shape (n_clips,), dtype object
            The event table of each clip: `onset`, `offset` (seconds), `event_label`
            and `score`, the mean of `frame_proba` over the frames of the event, or
            what the segmenter says it is.

        Raises
        ------
        ClipError
            If a clip's scores have the wrong shape, no frames, or values that are not
            numbers from 0 to 1.
        LabelError
            If `tags` or a setting does not fit the classes.
        TimeResolutionError
            If `time_resolution` is not a positive number.
        ValueError
            If a setting is impossible.
        """
        n_clips = len(frame_proba)
        times = make_timeline(frame_proba, time_resolution, durations, time_offset)
        flat = decode_flat(self, frame_proba, times, classes, tags)
        order = np.argsort(flat.clip, kind="stable")
        columns = (flat.onset, flat.offset, np.asarray(classes)[flat.class_index])
        onset, offset, label, score = (c[order] for c in (*columns, flat.score))
        cuts = np.searchsorted(flat.clip[order], np.arange(n_clips + 1))
        return stack_tables(
            make_events(onset[a:b], offset[a:b], label[a:b], score[a:b])
            for a, b in pairwise(cuts)
        )

    def curves(self, frame_proba, time_resolution, classes, tags=None) -> FeatureArray:
        """Return the score curves that `decode` cuts: rescaled and smoothed.

        Parameters
        ----------
        frame_proba : ndarray of shape (n_clips, n_frames, n_classes) or sequence of \
                array-likes of shape (n_frames_i, n_classes)
            Frame scores, 0 to 1.
        time_resolution : float
            Seconds per frame.
        classes : sequence of length n_classes
            The label of each class.
        tags : array-like of shape (n_clips, n_classes), default=None
            The classes to decode in each clip, marked by a positive number. By default
            all of them.

        Returns
        -------
        curves : FeatureArray of shape (n_clips, n_frames, n_classes), or of n_clips \
                arrays (n_frames_i, n_classes)
            The curves in the precision of the scores, 0 for the classes that `tags`
            leave out, with the time resolution, and what `frame_proba` carries of time
            offset and durations. A threshold on them finds what it finds in `decode`,
            before gaps are closed and short events dropped.

        Raises
        ------
        ValueError
            As for `decode`.

        Examples
        --------
        >>> from sklearn_sed import EventDecoder
        >>> decoder = EventDecoder(smoothing="mean", smoothing_length=3.0)
        >>> decoder.curves([[[0.0], [0.9], [0.0]]], 1.0, ["Dog"])[0].ravel().tolist()
        [0.3, 0.3, 0.3]
        """
        step = float(frames_to_time(1, time_resolution))
        settings = self._check(classes)
        scores = stack_scores(frame_proba, len(settings))
        stacked = np.zeros(scores.values.T.shape, scores.dtype)
        shaped = _shape(self, settings, scores, step, tags)
        length = np.diff(scores.bounds)
        for index, _, clips, _, _, _, curve in shaped:
            chosen = np.isin(np.arange(len(length)), clips)
            stacked[np.repeat(chosen, length), index] = curve
        return FeatureArray(
            [stacked[a:b] for a, b in pairwise(scores.bounds)],
            step,
            getattr(frame_proba, "durations", None),
            getattr(frame_proba, "time_offset", 0.0),
        )

    def _check(self, classes: Sequence[Any]) -> list[ClassSettings]:
        """Return the settings of each class, or say which one is impossible."""
        self._validate_params()
        labels = np.asarray(classes).tolist()
        columns = {
            name: check_per_class(name, getattr(self, name), labels)
            for name in ClassSettings._fields
        }
        for name, otherwise in AUTO.items():
            columns[name] = [otherwise if v == "auto" else v for v in columns[name]]
        settings = [ClassSettings(*values) for values in zip(*columns.values())]
        for label, own in zip(labels, settings):
            if own.low > own.threshold and not finds_boxes(self):
                raise ValueError(
                    f"low_threshold={own.low_threshold} is above "
                    f"threshold={own.threshold} for class {label!r}: frames above the "
                    "low threshold are kept where they touch one above the high "
                    "threshold; lower low_threshold or raise threshold"
                )
        return settings


def finds_boxes(decoder: Any) -> bool:
    """Tell whether a decoder's events have scores that decide whether they count."""
    return isinstance(decoder, EventDecoder) and decoder.segmenter in BOX_SEGMENTERS


def keep_candidates(decoder: Any) -> EventDecoder:
    """Return a decoder that keeps every event that this one chooses from."""
    if not finds_boxes(decoder):
        raise ValueError(
            "candidates=True needs events whose own scores decide whether they count, "
            "as those of EventDecoder(segmenter='boxes') or 'peaks': elsewhere the "
            f"thresholds decide where events begin and end, as those of {decoder!r} do"
        )
    return clone(decoder).set_params(threshold=0.0)


def check_per_class(name: str, value: Any, labels: list) -> list:
    """Return the checked value of a setting for each class."""
    if isinstance(value, Mapping):
        missing = [label for label in labels if label not in value]
        unknown = [label for label in value if label not in labels]
        if missing or unknown:
            raise LabelError(
                f"{name} must have one value for each class; missing: {missing}, "
                f"not a class: {unknown}"
            )
        values = [value[label] for label in labels]
    elif value is None or np.ndim(value) == 0:
        values = [value] * len(labels)
    else:
        values = list(value)
        if len(values) != len(labels):
            raise LabelError(
                f"{name} has {len(values)} values for {len(labels)} classes; pass one "
                "value, one per class, or a dict from class label to value"
            )
    for label, own in zip(labels, values):
        key = f"{name}[{label!r}]"
        validate_parameter_constraints(
            {key: _CLASS_CONSTRAINTS[name]}, {key: own}, caller_name="EventDecoder"
        )
    return values


class ClassDecoder(NamedTuple):
    """How the curves of one class are shaped and cut."""

    decoder: EventDecoder
    own: ClassSettings
    step: float  # seconds per frame
    dtype: np.dtype  # the precision in which thresholds are read

    @property
    def high(self) -> float:
        """The threshold in the precision in which it is read."""
        return float(self.dtype.type(self.own.threshold))

    def shape(self, curve: np.ndarray, bounds: np.ndarray) -> np.ndarray:
        """Rescale and smooth curves as the settings say.

        They are rounded to the precision in which thresholds are read, so that what is
        a tie there is one for whoever cuts them.
        """
        own = self.own
        if own.rescale:
            curve = rescale(curve, bounds)
        if own.smoothing is not None:
            n_frames = _odd_frames(own.smoothing_length, self.step)
            curve = _smooth(curve, bounds, own.smoothing, n_frames)
        if self.decoder.segmenter == "area":
            n_frames = _odd_frames(own.window_length, self.step)
            curve = _smooth(curve, bounds, "mean", n_frames)
        return curve.astype(self.dtype).astype(np.float64)

    def cut(self, curve: np.ndarray, bounds: np.ndarray) -> Runs:
        """Cut shaped curves into runs of active frames."""
        if self.decoder.segmenter == "derivative":
            half = max(1, round(self.own.window_length / self.step / 2))
            return _runs_by_derivative(curve, bounds, self.decoder, self.high, half)
        low = float(self.dtype.type(self.own.low))
        return _runs_by_threshold(curve, bounds, self.high, low)

    @property
    def finder(self) -> "Changes | Peaks | None":
        """What finds boxes in shaped curves, for segmenters that do."""
        if not finds_boxes(self.decoder):
            return None
        from sklearn_sed._decoding._boxes import Changes, Peaks

        own = self.own
        if self.decoder.segmenter == "peaks":
            max_gap = np.floor((own.min_gap - TIME_TOLERANCE) / self.step)
            return Peaks(own.peak_share, int(min(max_gap, MANY_FRAMES)))
        half = max(1, round(min(own.window_length / self.step / 2, MANY_FRAMES)))
        limits = (own.merge_difference, own.merge_ratio)
        return Changes(half, *(np.inf if limit is None else limit for limit in limits))

    def choose(
        self, boxes: "Boxes", score: np.ndarray, weight: np.ndarray
    ) -> tuple["Boxes", np.ndarray]:
        """Return the boxes whose weighted scores exceed the threshold, and these."""
        score = (score * weight).astype(self.dtype).astype(np.float64)
        chosen = score > self.high
        return boxes.take(chosen), score[chosen]


def decode_flat(
    decoder: EventDecoder,
    frame_proba: Any,
    times: Timeline,
    classes: Sequence[Any],
    tags: ArrayLike | None = None,
) -> FlatEvents:
    """Decode like `EventDecoder.decode`, to flat arrays instead of tables."""
    settings = decoder._check(classes)
    scores = stack_scores(frame_proba, len(settings))
    parts = []
    shaped = _shape(decoder, settings, scores, times.step, tags)
    for index, one, clips, weight, proba, bounds, curve in shaped:
        own_times, min_duration = times.take(clips), one.own.min_duration
        finder = one.finder
        if finder is None:
            found = close_gaps(one.cut(curve, bounds), one.own.min_gap, times.step)
            runs = drop_short(found, min_duration, own_times)
            score = _mean_score(proba, bounds, runs)
        else:
            boxes = drop_short(finder.find(curve, bounds), min_duration, own_times)
            runs, score = one.choose(boxes, finder.score(boxes), weight[boxes.clip])
        column = np.full(len(score), index)
        parts.append((clips[runs.clip], column, *own_times.of(runs), score))
    if not parts:
        none = np.zeros(0, dtype=np.int64)
        return FlatEvents(none, none, *np.zeros((3, 0)))
    return FlatEvents(*(np.concatenate(column) for column in zip(*parts)))


def _shape(
    decoder: EventDecoder,
    settings: Sequence[ClassSettings],
    scores: ScoreCurves,
    step: float,
    tags: ArrayLike | None,
) -> Iterator[tuple[int, ClassDecoder, Any, Any, Any, Any, Any]]:
    """Yield class, its decoder, clips, tags, scores, bounds, curve, as tags allow."""
    weight = _check_tags(tags, len(scores.bounds) - 1, len(settings))
    if finds_boxes(decoder) and (weight > 1).any():
        raise LabelError(
            f"segmenter={decoder.segmenter!r} multiplies scores by tags, which must be "
            f"numbers from 0 to 1, got {weight.max()}"
        )
    for index, own in enumerate(settings):
        clips = np.flatnonzero(weight[:, index] > 0)
        if clips.size:
            proba, bounds = select_clips(scores.values[index], scores.bounds, clips)
            one = ClassDecoder(decoder, own, step, scores.dtype)
            curve = one.shape(proba, bounds)
            yield index, one, clips, weight[clips, index], proba, bounds, curve


def stack_scores(frame_proba: Any, n_classes: int) -> ScoreCurves:
    """Put the scores of several clips end to end, checked."""
    if isinstance(frame_proba, np.ndarray) and frame_proba.dtype != object:
        clips = list(np.asarray(frame_proba))
    else:
        clips = [np.asarray(clip) for clip in frame_proba]
    for index, clip in enumerate(clips):
        if clip.ndim != 2 or clip.shape[1] != n_classes or not len(clip):
            raise ClipError(
                index,
                f"frame scores must have the shape (n_frames, {n_classes}) with at "
                f"least one frame and one column per class, got {clip.shape}",
            )
    lengths = [len(clip) for clip in clips]
    bounds = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))
    if not clips:
        return ScoreCurves(np.zeros((n_classes, 0)), bounds, np.dtype(np.float64))
    stacked = np.concatenate(clips)
    if stacked.dtype.kind != "f":
        stacked = stacked.astype(np.float64)
    # Comparisons with NaN are false: this finds what is not a number, too.
    fine = (stacked >= -SCORE_TOLERANCE) & (stacked <= 1 + SCORE_TOLERANCE)
    if not fine.all():
        frame, column = np.argwhere(~fine)[0]
        clip = int(np.searchsorted(bounds, frame, side="right")) - 1
        raise ClipError(
            clip,
            f"the score of class {column} in frame {frame - bounds[clip]} is "
            f"{stacked[frame, column]}; frame scores must be numbers from 0 to 1",
        )
    values = np.ascontiguousarray(stacked.T, dtype=np.float64)
    return ScoreCurves(values.clip(0, 1), bounds, stacked.dtype)


def _check_tags(tags: ArrayLike | None, n_clips: int, n_classes: int) -> np.ndarray:
    """Return the numbers that mark the classes to decode in each clip."""
    if tags is None:
        return np.ones((n_clips, n_classes))
    try:
        marks = np.asarray(tags, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise LabelError(
            "tags must be an indicator, 1 for each class to decode in a clip, not "
            "labels; sklearn.preprocessing.MultiLabelBinarizer makes one of label lists"
        ) from error
    if marks.shape != (n_clips, n_classes):
        raise LabelError(
            f"tags must have the shape (n_clips, n_classes) = {n_clips, n_classes}, "
            f"got {marks.shape}"
        )
    return marks


def make_timeline(
    frame_proba: Any,
    time_resolution: float,
    durations: ArrayLike | None = None,
    time_offset: float | None = None,
) -> Timeline:
    """Return when the frames of clips are, by what is given and what they carry."""
    step = float(frames_to_time(1, time_resolution))
    if time_offset is None:
        time_offset = getattr(frame_proba, "time_offset", 0.0)
    if durations is None:
        durations = getattr(frame_proba, "durations", None)
    if durations is None:  # a clip ends with its last frame
        durations = np.full(len(frame_proba), np.inf)
    ends = np.asarray(durations, dtype=np.float64)
    if ends.shape != (len(frame_proba),):
        raise ValueError(
            "durations must hold one number of seconds per clip, shape "
            f"({len(frame_proba)},), got {ends.shape}"
        )
    if not (ends > 0).all():
        clip = int(np.argmin(ends > 0))
        raise ClipError(clip, f"its duration is {ends[clip]} s; it must be positive")
    return Timeline(step, float(time_offset), ends)


def select_clips(
    curve: np.ndarray, bounds: np.ndarray, clips: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the curve and the bounds of some of the clips, given in rising order."""
    length = np.diff(bounds)
    if len(clips) == len(length):
        return curve, bounds
    chosen = np.zeros(len(length), dtype=bool)
    chosen[clips] = True
    return curve[np.repeat(chosen, length)], np.append(0, np.cumsum(length[clips]))


def rescale(curve: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Stretch the curve of each clip to 0..1; leave a flat curve as it is."""
    length = np.diff(bounds)
    margin = np.minimum(EDGE_FRAMES, length // 4)
    inner = np.column_stack((bounds[:-1] + margin, bounds[1:] - margin)).ravel()
    # One more value, so that the end of the last clip is an index.
    extended = np.append(curve, 0.0)
    low = np.minimum.reduceat(extended, inner)[::2]
    span = np.maximum.reduceat(extended, inner)[::2] - low
    flat = span < FLAT_RANGE
    low, span = np.where(flat, 0, low), np.where(flat, 1, span)
    return np.clip((curve - np.repeat(low, length)) / np.repeat(span, length), 0, 1)


def _odd_frames(seconds: float, time_resolution: float) -> int:
    """Return the odd number of frames nearest to a length of time."""
    return 2 * int((seconds + TIME_TOLERANCE) / time_resolution / 2) + 1


def _smooth(
    curve: np.ndarray, bounds: np.ndarray, smoothing: str, n_frames: int
) -> np.ndarray:
    """Filter the curve of each clip, continued by its first and last score."""
    if n_frames == 1:
        return curve
    half = n_frames // 2
    source, padded_bounds = _padded_frames(bounds, half)
    padded = curve[source]
    if smoothing == "mean":
        padded = correlate1d(padded, np.ones(n_frames)) / n_frames
    else:
        padded = median_filter(padded, size=n_frames)
    shift = padded_bounds[:-1] + half - bounds[:-1]
    return padded[np.arange(len(curve)) + np.repeat(shift, np.diff(bounds))]


def _padded_frames(bounds: np.ndarray, margin: int) -> tuple[np.ndarray, np.ndarray]:
    """Return indices that repeat the end frames of each clip, and the new bounds."""
    length = np.diff(bounds)
    padded_bounds = bounds + 2 * margin * np.arange(len(bounds))
    padded_length = length + 2 * margin
    # Shifted back by the frames added so far, each index is one of its own clip or lies
    # up to `margin` frames outside.
    added = padded_bounds[:-1] + margin - bounds[:-1]
    frame = np.arange(padded_bounds[-1]) - np.repeat(added, padded_length)
    first = np.repeat(bounds[:-1], padded_length)
    last = np.repeat(bounds[1:] - 1, padded_length)
    return np.clip(frame, first, last), padded_bounds


def _active_runs(
    active: np.ndarray, bounds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return first frames and frames after the last one of the runs of True."""
    before = np.concatenate(([False], active[:-1]))
    before[bounds[:-1]] = False
    after = np.append(active[1:], False)
    after[bounds[1:] - 1] = False
    return np.flatnonzero(active & ~before), np.flatnonzero(active & ~after) + 1


def _runs_by_threshold(
    curve: np.ndarray, bounds: np.ndarray, high: float, low: float
) -> Runs:
    """Find the runs of frames above `low` that hold a frame above `high`."""
    start, stop = _active_runs(curve > low, bounds)
    if low < high and start.size:
        # From one start to the next: frames between the runs are not above `high`.
        holds = np.logical_or.reduceat(curve > high, start)
        start, stop = start[holds], stop[holds]
    clip = np.searchsorted(bounds, start, side="right") - 1
    return Runs(clip, start - bounds[clip], stop - bounds[clip])


def _runs_by_derivative(
    curve: np.ndarray,
    bounds: np.ndarray,
    decoder: EventDecoder,
    threshold: float,
    half: int,
) -> Runs:
    """Find the runs of frames from a rise to a fall that lasts.

    The slope before a frame is taken over a window of `half` frames on either side of
    its beginning. Clips are lengthened by their end values, so that a step near the end
    of a clip is seen from both sides like any other.
    """
    window = 2 * half
    source, padded_bounds = _padded_frames(bounds, window)
    padded = curve[source]
    slope = np.zeros(len(padded))
    slope[: 1 - window] = padded[window - 1 :] - padded[: 1 - window]
    # The windows that begin in the last frames of a clip reach into the next one.
    slope[padded_bounds[1:, np.newaxis] - np.arange(1, window)] = 0.0
    rises = _steps(slope > decoder.rising, padded_bounds, half)
    falls = _steps(slope < -decoder.falling, padded_bounds, half)
    falls = falls[_next_rise(padded, padded_bounds, falls, window) <= decoder.flat]

    clips, length = np.arange(len(bounds) - 1), np.diff(bounds)
    # Changes of state: (clips, frames, whether an event is open from there on). A clip
    # begins in the state of its first frame; its end closes any event. Steps may lie in
    # the frames added to a clip, in between these two.
    changes = [(clips, 0 * clips - window, curve[bounds[:-1]] > threshold)]
    for steps, begins in ((falls, False), (rises, True)):
        clip = np.searchsorted(padded_bounds, steps, side="right") - 1
        frame = steps - padded_bounds[clip] - window
        changes.append((clip, frame, np.full(len(frame), begins)))
    changes.append((clips, length + window, np.zeros(len(clips), dtype=bool)))
    clip, frame, opens = (np.concatenate(column) for column in zip(*changes))
    order = np.lexsort((frame, clip))
    changed = order[np.diff(opens[order], prepend=False)]
    clip, opens = clip[changed], opens[changed]
    frame = np.clip(frame[changed], 0, length[clip])
    runs = Runs(clip[opens], frame[opens], frame[~opens])
    return runs.take(runs.stop > runs.start)


def _steps(steep: np.ndarray, bounds: np.ndarray, half: int) -> np.ndarray:
    """Return the first frame after the middle of each run of steep windows."""
    start, stop = _active_runs(steep, bounds)
    return (start + stop - 1) // 2 + half


def _next_rise(
    padded: np.ndarray, bounds: np.ndarray, steps: np.ndarray, window: int
) -> np.ndarray:
    """Return how far the curve rises in the window that follows each step."""
    end = bounds[np.searchsorted(bounds, steps, side="right")]
    frame = steps[:, np.newaxis] + np.arange(window)
    following = padded[np.minimum(frame, end[:, np.newaxis] - 1)]
    lowest = np.minimum.accumulate(following, axis=1)
    return (following - lowest).max(axis=1)


def close_gaps(runs: Runs, min_gap: float, time_resolution: float) -> Runs:
    """Join runs of a clip with less than `min_gap` seconds between them."""
    gap = frames_to_time(runs.start[1:] - runs.stop[:-1], time_resolution)
    apart = (gap > min_gap - TIME_TOLERANCE) | (runs.clip[1:] != runs.clip[:-1])
    first, last = np.append(True, apart), np.append(apart, True)
    first, last = first[: len(runs.clip)], last[: len(runs.clip)]
    return Runs(runs.clip[first], runs.start[first], runs.stop[last])


def drop_short(runs: Any, min_duration: float, times: Timeline) -> Any:
    """Drop runs or boxes that last less than `min_duration` within their clip."""
    onset, offset = times.of(runs)
    is_long = offset - onset > min_duration - min(TIME_TOLERANCE, times.step / 4)
    return runs.take(is_long & lasts(onset, offset, times.step))


def _mean_score(proba: np.ndarray, bounds: np.ndarray, runs: Runs) -> np.ndarray:
    """Return the mean score of each run."""
    if not runs.clip.size:
        return np.zeros(0)
    origin = bounds[runs.clip]
    edges = np.column_stack((origin + runs.start, origin + runs.stop)).ravel()
    # One more value, so that the end of the last clip is an index.
    total = np.add.reduceat(np.append(proba, 0.0), edges)[::2]
    return np.clip(total / (runs.stop - runs.start), 0, 1)
