"""Sweep a threshold through scores, and count the events that match at every level.

Importing this module imports numba: do it where the sweep begins.
"""

import numpy as np

from sklearn_sed._compile import compiled
from sklearn_sed.metrics._counts import Floats, Ints
from sklearn_sed.metrics._matching import pair_in_turn
from sklearn_sed.metrics._sweep import _Changes, sweep_silence


@compiled
def _count_pairs(
    active: Floats,
    stop_of: Ints,
    times: Floats,
    onset: Floats,
    offset: Floats,
    t_collar: float,
    percentage_of_length: float,
) -> int:
    """Count the reference events that runs of active frames match.

    `active` has a border of one frame; a run that begins at frame k ends before frame
    ``stop_of[k]``.
    """
    starts = np.zeros(len(onset) + 1, np.int64)
    linked = []
    for event in range(len(onset)):
        length = offset[event] - onset[event]
        tolerance = max(t_collar, percentage_of_length * length)
        first = np.searchsorted(times, onset[event] - t_collar) - 1
        for frame in range(max(first, 0), len(times) - 1):
            if times[frame] - onset[event] > t_collar:
                break
            if (
                active[frame + 1]
                and not active[frame]
                and onset[event] - times[frame] <= t_collar
                and abs(offset[event] - times[stop_of[frame]]) <= tolerance
            ):
                linked.append(frame)
        starts[event + 1] = len(linked)
    frames = np.empty(len(linked), np.int64)
    for row in range(len(linked)):
        frames[row] = linked[row]
    return pair_in_turn(starts, frames, len(times)).sum()


@compiled
def sweep_matches(
    scores: Floats,
    first_frame: Ints,
    frame_times: Floats,
    durations: Floats,
    first_event: Ints,
    onset: Floats,
    offset: Floats,
    t_collar: float,
    percentage_of_length: float,
) -> tuple[_Changes, _Changes]:
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
        Reference events of the class, sorted by clip and onset.
    t_collar, percentage_of_length : float
        Tolerances, as for event-based scores.

    Returns
    -------
    tp, fp : ndarray of shape (n_frames,), int32
        Change in true positives and false positives. Among equal scores of a clip, only
        the sum tells something.
    """
    tp = np.zeros(len(scores), np.int32)
    n_runs = np.zeros(len(scores), np.int32)
    for clip in range(len(durations)):
        curve = scores[first_frame[clip] : first_frame[clip + 1]]
        sweep_silence(curve, n_runs[first_frame[clip] : first_frame[clip + 1]])
        events = slice(first_event[clip], first_event[clip + 1])
        if events.start == events.stop:
            continue
        times = np.minimum(frame_times[: len(curve) + 1], durations[clip])
        active = np.zeros(len(curve) + 2, np.bool_)
        start_of = np.zeros(len(curve) + 1, np.int64)
        stop_of = np.zeros(len(curve) + 1, np.int64)
        order = np.argsort(curve)[::-1]
        found = 0
        for rank in range(len(order)):
            frame = order[rank]
            start = start_of[frame] if active[frame] else frame
            stop = stop_of[frame + 1] if active[frame + 2] else frame + 1
            active[frame + 1] = True
            start_of[stop], stop_of[start] = start, stop
            if rank + 1 < len(order) and curve[order[rank + 1]] == curve[frame]:
                continue
            n_pairs = _count_pairs(
                active,
                stop_of,
                times,
                onset[events],
                offset[events],
                t_collar,
                percentage_of_length,
            )
            tp[first_frame[clip] + frame] = n_pairs - found
            found = n_pairs
    return tp, n_runs - tp
