"""Event boxes: intervals of a score curve, each with a score of its own.

A threshold on frames decides where events begin and end. Here the shape of the curve
does, and the score of a box decides whether it counts: thresholds can be moved
afterwards. Importing this module imports numba: do it where there are boxes to find.
"""

from typing import NamedTuple

import numpy as np

from sklearn_sed._compile import compiled

# Keeps ratios of scores near 0 from deciding anything.
RATIO_OFFSET = 1e-3
# What is kept of a place where a curve changes, before its totals.
N_FACTS = 3  # frame; lowest and highest score since the place before
# How a walk along a curve begins; extremes are those of no score at all.
UNSEEN = np.array([0.0, -np.inf, 0.0, 2.0, -1.0, 2.0, -1.0])


class Boxes(NamedTuple):
    """Boxes of one class, in order of time."""

    clip: np.ndarray
    start: np.ndarray  # first frame
    stop: np.ndarray  # the frame after the last one
    highest: np.ndarray  # score of any of its frames
    before: np.ndarray  # (n_boxes, n_rows): totals over the frames before `start`
    until: np.ndarray  # ... and before `stop`

    @property
    def mean(self) -> np.ndarray:
        """Mean of each row over each box (n_boxes, n_rows), without rounding errors."""
        length = (self.stop - self.start)[:, np.newaxis]
        return np.round((self.until - self.before) / length, 12)

    def take(self, chosen: np.ndarray | slice) -> "Boxes":
        """Return the chosen ones."""
        return Boxes(*(column[chosen] for column in self))

    def merge(self, joined: np.ndarray) -> "Boxes":
        """Return one for each group, given which ones are joined to the next."""
        if not len(self.start):
            return self
        first = np.flatnonzero(np.append(True, ~joined))
        last = np.append(first[1:], len(self.start)) - 1
        return Boxes(
            self.clip[first],
            self.start[first],
            self.stop[last],
            np.maximum.reduceat(self.highest, first),
            self.before[first],
            self.until[last],
        )


def count_whole(apart: np.ndarray) -> int:
    """Return how many boxes nothing is joined to, given which end a group for good."""
    ends = np.flatnonzero(apart)
    return int(ends[-1]) + 1 if len(ends) else 0


# --- Change detection -----------------------------------------------------------------


@compiled
def follow_changes(state, totals, rows, origin, begin, end, length, half, places):
    """Find where a curve changes: places where it rises and falls most, in turn.

    With d(t) the mean over the `half` frames from t on less that over the `half` frames
    before, and scores of 0 outside the clip, these are the maxima and minima of d. A
    maximum comes first, a minimum last. Where d is level, the place is where the curve
    itself rises or falls most, and of several the first.

    Parameters
    ----------
    state : ndarray of shape (7,)
        The state of the walk, a copy of `UNSEEN` at first.
    totals : ndarray of shape (2, n_rows)
        Totals up to here and up to the pending place, zeros at first.
    rows : ndarray of shape (n_rows, n_columns)
        The curve, and what else is summed.
    origin : int
        Column of frame 0.
    begin, end : int
        Frames to go through, from -half and to length + half.
    length : int
        Frames of the clip.
    half : int
        Half the length of the filter.
    places : ndarray of shape (n, N_FACTS + n_rows)
        Is filled with the places.

    Returns
    -------
    n_places : int
    """
    # Which way d went last, the largest step of the curve while it is level, and where;
    # extremes from the last place to the pending one, and from there on.
    sign, steepest, at = state[0], state[1], state[2]
    low, high, later_low, later_high = state[3], state[4], state[5], state[6]
    curve = rows[0]
    n_places = 0
    for t in range(begin, end):
        here = curve[origin + t] if 0 <= t < length else 0.0
        behind = curve[origin + t - half] if 0 <= t - half < length else 0.0
        ahead = curve[origin + t + half] if 0 <= t + half < length else 0.0
        following = curve[origin + t + 1] if 0 <= t + 1 < length else 0.0
        if 0 <= t < length:
            later_low, later_high = min(later_low, here), max(later_high, here)
            for row in range(len(rows)):
                totals[0, row] += rows[row, origin + t]
        change = (ahead + behind) - 2 * here  # of d times `half`
        if change * sign < 0:
            places[n_places, 0], places[n_places, 1] = at, low
            places[n_places, 2] = high
            places[n_places, N_FACTS:] = totals[1]
            n_places += 1
            low, high = 2.0, -1.0
        if change != 0:
            sign = 1.0 if change > 0 else -1.0
            steepest = -np.inf
        step = sign * (following - here)
        if step > steepest:
            steepest, at = step, t + 1
            low, high = min(low, later_low), max(high, later_high)
            later_low, later_high = 2.0, -1.0
            totals[1] = totals[0]
    state[0], state[1], state[2] = sign, steepest, at
    state[3], state[4], state[5], state[6] = low, high, later_low, later_high
    return n_places


@compiled
def all_changes(curve, bounds, half):
    """Return the places where the curves of clips change, and how many each has."""
    places = np.empty((len(curve) + len(bounds), N_FACTS + 1))
    counts = np.empty(len(bounds) - 1, np.int64)
    rows = curve.reshape(1, -1)
    found = 0
    for clip in range(len(counts)):
        origin, length = bounds[clip], bounds[clip + 1] - bounds[clip]
        counts[clip] = follow_changes(
            UNSEEN.copy(),
            np.zeros((2, 1)),
            rows,
            origin,
            -half,
            length + half,
            length,
            half,
            places[found:],
        )
        found += counts[clip]
    return places[:found], counts


def boxes_between(places: np.ndarray, clip: np.ndarray) -> tuple[Boxes, np.ndarray]:
    """Return boxes from every other place to the next, and the lowest score before."""
    on, off = places[::2], places[1::2]
    start, stop = on[:, 0].astype(np.int64), off[:, 0].astype(np.int64)
    boxes = Boxes(clip, start, stop, off[:, 2], on[:, N_FACTS:], off[:, N_FACTS:])
    return boxes, on[:, 1]


class Changes(NamedTuple):
    """Boxes by change detection: from a steep rise of a curve to a steep fall.

    Two of them are joined when the gap between is not low enough: when both exceed its
    lowest score by less than `difference`, and are less than `ratio` times as high.
    """

    half: int  # frames of half the filter
    difference: float
    ratio: float

    def find(self, curve: np.ndarray, bounds: np.ndarray) -> Boxes:
        """Return the boxes of clips; their first mean is that of the curve."""
        half = min(self.half, int(np.diff(bounds).max()))
        places, counts = all_changes(curve, bounds, half)
        clip = np.repeat(np.arange(len(counts)), counts // 2)
        boxes, lowest = boxes_between(places, clip)
        return boxes.merge(self.joined(boxes, lowest[1:]))

    def joined(self, boxes: Boxes, lowest: np.ndarray) -> np.ndarray:
        """Tell which are joined to the next, given the lowest score between."""
        return (
            self.bridges(lowest, boxes.highest[:-1])
            & self.bridges(lowest, boxes.highest[1:])
            & (boxes.clip[1:] == boxes.clip[:-1])
        )

    def bridges(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """Tell whether a gap is about as high as a box."""
        quotient = (high + RATIO_OFFSET) / (low + RATIO_OFFSET)
        return (high - low < self.difference) & (quotient < self.ratio)

    def score(self, boxes: Boxes) -> np.ndarray:
        """Return the score of each box: its mean."""
        return boxes.mean[:, 0]

    def stream(self, n_rows: int) -> "ChangeStream":
        """Return what finds the boxes of a curve that comes in pieces."""
        return ChangeStream(self, n_rows)


class ChangeStream:
    """Finds boxes by change detection in a curve that comes in pieces.

    Memory grows neither with the curve nor with its boxes.

    Attributes
    ----------
    pending : Boxes
        Boxes that may yet grow.
    """

    def __init__(self, changes: Changes, n_rows: int):
        self._changes = changes
        self._rows = np.zeros((n_rows, 0))
        self._first = 0  # frame of the first column
        self._at = -changes.half  # frame to go on from
        self._state = UNSEEN.copy()
        self._totals = np.zeros((2, n_rows))
        self._places = np.zeros((0, N_FACTS + n_rows))
        self.pending = self._boxes()[0]

    def push(self, rows: np.ndarray, is_last: bool) -> Boxes:
        """Take the next frames (n_rows, n_frames), return the boxes that are whole."""
        half = self._changes.half
        self._rows = np.concatenate((self._rows, rows), axis=1)
        length = self._first + self._rows.shape[1]
        end = length + half if is_last else max(length - half, self._at)
        places = np.empty((end - self._at, self._places.shape[1]))
        walk = (self._state, self._totals, self._rows, -self._first)
        n_places = follow_changes(*walk, self._at, end, length, half, places)
        n_past = max(0, end - half - self._first)
        self._rows = self._rows[:, n_past:].copy()
        self._first, self._at = self._first + n_past, end
        self._places = np.concatenate((self._places, places[:n_places]))
        boxes, lowest = self._boxes()
        joined = self._changes.joined(boxes, lowest[1:])
        # Whether the last one may be joined to one to come, by the gap so far.
        odd = len(self._places) % 2
        gap = self._places[-1, 1] if odd else self._state[3]
        open_end = self._changes.bridges(gap, boxes.highest[-1:]) & (not is_last)
        n_whole = count_whole(~np.append(joined, open_end))
        # Of those that wait, all joined: where they begin and the last one.
        kept = self._places[2 * n_whole :]
        if len(kept) > 3:
            kept = np.concatenate((kept[:1], kept[len(kept) - 1 - odd :]))
        self._places = kept
        self.pending = self._boxes()[0]
        return boxes.take(slice(0, n_whole)).merge(joined[: max(n_whole - 1, 0)])

    def known(self, threshold: float) -> int:
        """Return before which frame no box to come ends, if it scores more."""
        return int(self._at if self._state[0] > 0 else self._state[2])

    def _boxes(self) -> tuple[Boxes, np.ndarray]:
        """Return the boxes of all places, and the lowest scores before them."""
        n_boxes = len(self._places) // 2
        return boxes_between(self._places[: 2 * n_boxes], np.zeros(n_boxes, np.int64))


# --- Peaks ----------------------------------------------------------------------------


@compiled
def claim(curve, begin, end, share, claims, n_claims):
    """Let peaks claim the frames around them, the highest first.

    The highest unclaimed frame, of several the first, claims the run of unclaimed
    frames around it whose scores are above `share` of its own. What is left on either
    side is claimed in the same way, until scores are 0.
    """
    todo = [(begin, end)]
    while todo:
        begin, end = todo.pop()
        if begin == end:
            continue
        peak = begin + np.argmax(curve[begin:end])
        height = curve[peak]
        if height <= 0:
            continue
        start, stop = peak, peak + 1
        while start > begin and curve[start - 1] > share * height:
            start -= 1
        while stop < end and curve[stop] > share * height:
            stop += 1
        claims[n_claims, 0], claims[n_claims, 1] = start, stop
        n_claims += 1
        todo.append((begin, start))
        todo.append((stop, end))
    return n_claims


@compiled
def all_claims(curve, bounds, share, is_last):
    """Return first frames of claims and those after the last, and the frames settled.

    Clips are cut into stretches at their breaks: frames whose score is at most `share`
    of the highest one since the break before. No peak's run crosses a break, whatever
    follows, so that stretches are claimed one by one. The last one is settled where
    nothing follows.
    """
    claims = np.empty((len(curve), 2), np.int64)
    n_claims, settled = 0, 0
    for clip in range(len(bounds) - 1):
        begin = bounds[clip]
        while begin < bounds[clip + 1]:
            end, highest = begin + 1, curve[begin]
            while end < bounds[clip + 1] and curve[end] > share * highest:
                highest = max(highest, curve[end])
                end += 1
            if is_last or end < len(curve):
                n_claims = claim(curve, begin, end, share, claims, n_claims)
                settled = end
            begin = end
    return claims[:n_claims], settled


@compiled
def neighbours(clip, start, stop, height, share, max_gap):
    """Tell which boxes are joined to the next.

    Any two of a clip with at most `max_gap` frames between them are joined, with all
    between, when the lower peak is above `share` of the higher one.
    """
    joined = np.zeros(max(len(start) - 1, 0), np.bool_)
    for first in range(len(start)):
        for second in range(first + 1, len(start)):
            if clip[second] != clip[first] or start[second] - stop[first] > max_gap:
                break
            lower = min(height[first], height[second])
            if lower > share * max(height[first], height[second]):
                joined[first:second] = True
    return joined


class Peaks(NamedTuple):
    """Boxes around peaks: runs of frames above `share` of the highest score in them.

    Two of them with at most `max_gap` frames between are joined, with all between, when
    the lower peak is above `share` of the higher one.
    """

    share: float
    max_gap: int

    def find(self, curve: np.ndarray, bounds: np.ndarray) -> Boxes:
        """Return the boxes of clips, with no totals."""
        claims, _ = all_claims(curve, bounds, self.share, True)
        start, stop = claims[np.argsort(claims[:, 0])].T
        clip = np.searchsorted(bounds, start, side="right") - 1
        origin = bounds[clip]
        nothing = np.zeros((len(start), 0))
        highest = highest_of(curve, start, stop)
        boxes = Boxes(clip, start - origin, stop - origin, highest, nothing, nothing)
        return boxes.merge(self.joined(boxes))

    def joined(self, boxes: Boxes) -> np.ndarray:
        """Tell which are joined to the next."""
        return neighbours(*boxes[:4], self.share, self.max_gap)

    def score(self, boxes: Boxes) -> np.ndarray:
        """Return the score of each box: that of its peak."""
        return boxes.highest

    def stream(self, n_rows: int) -> "PeakStream":
        """Return what finds the boxes of a curve that comes in pieces."""
        return PeakStream(self, n_rows)


class PeakStream:
    """Finds boxes around peaks in a curve that comes in pieces.

    Memory grows only while the curve stays above the share of its highest score, which
    a long event may do, and with boxes that are joined.

    Attributes
    ----------
    pending : Boxes
        Boxes that may yet grow.
    """

    def __init__(self, peaks: Peaks, n_rows: int):
        self._peaks = peaks
        self._rows = np.zeros((n_rows, 0))
        self._totals = np.zeros(n_rows)
        self._boxes = Boxes(*np.zeros((4, 0), int), *np.zeros((2, 0, n_rows)))
        self.pending = self._boxes
        self._first = 0  # frame of the first column

    def push(self, rows: np.ndarray, is_last: bool) -> Boxes:
        """Take the next frames (n_rows, n_frames), return the boxes that are whole."""
        self._rows = np.concatenate((self._rows, rows), axis=1)
        curve = self._rows[0]
        bounds = np.array([0, len(curve)])
        claims, settled = all_claims(curve, bounds, self._peaks.share, is_last)
        start, stop = claims[np.argsort(claims[:, 0])].T
        totals = np.cumsum(self._rows[:, :settled], axis=1).T
        totals = self._totals + np.pad(totals, ((1, 0), (0, 0)))
        new = Boxes(
            np.zeros(len(start), int),
            start + self._first,
            stop + self._first,
            highest_of(curve, start, stop),
            totals[start],
            totals[stop],
        )
        boxes = Boxes(*(np.concatenate(pair) for pair in zip(self._boxes, new)))
        self._rows = self._rows[:, settled:].copy()
        self._totals = totals[-1]
        self._first += settled
        joined = self._peaks.joined(boxes)
        apart = np.append(~joined, np.ones(len(boxes.stop[-1:]), bool))
        n_whole = count_whole(apart & (is_last | self._beyond_reach(boxes)))
        self._boxes = boxes.take(slice(n_whole, None))
        self.pending = self._boxes.merge(joined[n_whole:])
        return boxes.take(slice(0, n_whole)).merge(joined[: max(n_whole - 1, 0)])

    def known(self, threshold: float) -> int:
        """Return before which frame no box to come ends, if it scores more."""
        curve = self._rows[0]
        return self._first + (len(curve) if curve.max(initial=0) <= threshold else 0)

    def _beyond_reach(self, boxes: Boxes) -> np.ndarray:
        """Tell which boxes, and all before, no box to come is joined to.

        It would begin in a column up to `last`, and be less high than the score there
        divided by the share: too low, perhaps, or the gap is too long already.
        """
        share, max_gap = self._peaks
        curve = self._rows[0]
        last = boxes.stop + max_gap - self._first
        ahead = np.append(0.0, np.maximum.accumulate(curve))
        highest = ahead[np.clip(last + 1, 0, len(curve))]
        # A little less, so that rounding makes no difference.
        is_beyond = (last < len(curve)) & (highest <= 0.99 * share**2 * boxes.highest)
        return np.logical_and.accumulate(is_beyond)


def highest_of(curve: np.ndarray, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Return the highest score of each run of frames."""
    if not len(start):
        return np.zeros(0)
    # One more value, so that the end of the last clip is an index.
    edges = np.column_stack((start, stop)).ravel()
    return np.maximum.reduceat(np.append(curve, 0.0), edges)[::2]
