"""Sweep a threshold through frame scores: what changes at which score.

As the threshold falls, frames become active one by one, and runs of active frames
(detections) are born, grow and merge. Each frame changes the counts of its clip by a
little; the changes in all clips, summed in the order of the scores, are the counts at
every threshold. Importing this module imports numba: do it where the sweep begins.
"""

import numpy as np
from numpy.typing import NDArray

from sklearn_sed._compile import compiled
from sklearn_sed.metrics._counts import Floats, Ints
from sklearn_sed.metrics._intersection import meets

_Changes = NDArray[np.int32]

_meets = compiled(meets)


@compiled
def _covered_until(times: Floats, onset: Floats, offset: Floats) -> Floats:
    """Return for how long events, sorted by onset, cover the clip up to each time."""
    covered = np.zeros(len(times))
    reached = 0.0
    for event in range(len(onset)):
        start = max(onset[event], reached)
        if offset[event] > start:
            covered += np.minimum(np.maximum(times - start, 0.0), offset[event] - start)
            reached = offset[event]
    return covered


@compiled
def _credit(
    covered: Floats, onset: Floats, offset: Floats, start: float, stop: float, sign: int
) -> None:
    """Add a relevant detection to what is covered of each event, or take it away."""
    for event in range(len(onset)):
        shared = min(stop, offset[event]) - max(start, onset[event])
        covered[event] += sign * max(shared, 0.0)


@compiled
def sweep_silence(scores: Floats, fp: _Changes) -> None:
    """Sweep a clip in which every detection is a false positive.

    Their number grows by one at a local maximum and shrinks by one at a minimum.
    """
    for frame in range(len(scores)):
        if frame == 0 or scores[frame] > scores[frame - 1]:
            fp[frame] += 1
        if frame + 1 < len(scores) and scores[frame + 1] > scores[frame]:
            fp[frame] -= 1


@compiled
def _sweep_clip(
    scores: Floats,
    times: Floats,
    onset: Floats,
    offset: Floats,
    others: Floats,
    thresholds: tuple[float, float, float],
    fp: _Changes,
    tp: _Changes,
    ct: _Changes,
) -> None:
    """Sweep a clip with reference events, writing the change at each frame.

    `onset` and `offset` are the reference events of the class itself; each row of
    `others` tells how long another class covers the clip up to each of `times`, each
    row of `ct` takes the changes in cross-triggers on it.
    """
    dtc_threshold, gtc_threshold, cttc_threshold = thresholds
    n_frames = len(scores)
    inside = _covered_until(times, onset, offset)
    covered = np.zeros(len(onset))
    found = np.zeros(len(onset), np.bool_)
    active = np.zeros(n_frames + 2, np.bool_)  # shifted by one, to have both borders
    start_of = np.zeros(n_frames + 1, np.int64)
    stop_of = np.zeros(n_frames + 1, np.int64)
    relevant = np.zeros(n_frames, np.bool_)
    crossing = np.zeros((len(others), n_frames), np.bool_)
    for frame in np.argsort(scores)[::-1]:
        start = start_of[frame] if active[frame] else frame
        stop = stop_of[frame + 1] if active[frame + 2] else frame + 1
        active[frame + 1] = True
        # The runs on both sides end ...
        for first, last in ((start, frame), (frame + 1, stop)):
            if first < last:
                fp[frame] -= not relevant[first]
                ct[:, frame] -= crossing[:, first]
                if relevant[first]:
                    _credit(covered, onset, offset, times[first], times[last], -1)
        # ... and become one with this frame.
        start_of[stop], stop_of[start] = start, stop
        length = times[stop] - times[start]
        relevant[start] = _meets(inside[stop] - inside[start], length, dtc_threshold)
        if relevant[start]:
            _credit(covered, onset, offset, times[start], times[stop], 1)
        for other in range(len(others)):
            shared = others[other, stop] - others[other, start]
            crosses = _meets(shared, length, cttc_threshold)
            crossing[other, start] = crosses and not relevant[start]
        fp[frame] += not relevant[start]
        ct[:, frame] += crossing[:, start]
        for event in range(len(onset)):
            hit = _meets(covered[event], offset[event] - onset[event], gtc_threshold)
            tp[frame] += np.int32(hit) - np.int32(found[event])
            found[event] = hit


@compiled
def sweep(
    scores: Floats,
    first_frame: Ints,
    frame_times: Floats,
    durations: Floats,
    first_event: Ints,
    onset: Floats,
    offset: Floats,
    label: Ints,
    target: int,
    crossable: NDArray[np.bool_],
    thresholds: tuple[float, float, float],
) -> tuple[_Changes, _Changes, list[Ints]]:
    """Find what each frame of one class changes when the threshold falls below it.

    Parameters
    ----------
    scores : ndarray of shape (n_frames,)
        Scores of the class, clip after clip.
    first_frame : ndarray of shape (n_clips + 1,)
        Where each clip begins in `scores`.
    frame_times : ndarray of shape (n_frames_of_the_longest_clip + 1,)
        When each frame of a clip begins; the last ends with the clip.
    durations : ndarray of shape (n_clips,)
        Length of each clip in seconds.
    first_event : ndarray of shape (n_clips + 1,)
        Where each clip begins among the reference events.
    onset, offset : ndarray of shape (n_events,)
        Reference events of all classes, sorted by clip, class and onset.
    label : ndarray of shape (n_events,)
        Class of each reference event.
    target : int
        The class that `scores` belong to.
    crossable : ndarray of shape (n_labels,), dtype bool
        The classes on which cross-triggers are counted.
    thresholds : tuple of float
        Thresholds of the detection tolerance, ground truth intersection and
        cross-trigger tolerance criteria.

    Returns
    -------
    fp, tp : ndarray of shape (n_frames,), int32
        Change in false positives and true positives.
    ct : list of ndarray of shape (n_changes, 3), int64
        Changes in cross-triggers: frame, class, change.
    """
    fp = np.zeros(len(scores), np.int32)
    tp = np.zeros(len(scores), np.int32)
    crossed = [np.zeros((0, 3), np.int64)]
    for clip in range(len(durations)):
        frames = slice(first_frame[clip], first_frame[clip + 1])
        events = slice(first_event[clip], first_event[clip + 1])
        heard = label[events]
        n_frames = frames.stop - frames.start
        times = np.minimum(frame_times[: n_frames + 1], durations[clip])
        own = heard == target
        classes = np.unique(heard[crossable[heard]])
        if not own.any() and not len(classes):
            sweep_silence(scores[frames], fp[frames])
            continue
        others = np.empty((len(classes), n_frames + 1))
        for row, other in enumerate(classes):
            chosen = heard == other
            others[row] = _covered_until(
                times, onset[events][chosen], offset[events][chosen]
            )
        ct = np.zeros((len(classes), n_frames), np.int32)
        _sweep_clip(
            scores[frames],
            times,
            onset[events][own],
            offset[events][own],
            others,
            thresholds,
            fp[frames],
            tp[frames],
            ct,
        )
        place = np.argwhere(ct)
        changes = np.empty((len(place), 3), np.int64)
        changes[:, 0] = frames.start + place[:, 1]
        changes[:, 1] = classes[place[:, 0]]
        changes[:, 2] = ct.ravel()[place[:, 0] * n_frames + place[:, 1]]
        crossed.append(changes)
    return fp, tp, crossed
