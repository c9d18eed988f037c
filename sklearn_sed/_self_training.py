"""What a trained detector's own events teach the next one."""

from typing import Any

import numpy as np

from sklearn_sed._decoder import EventDecoder, decode_flat

# An event begins where the teacher is rather sure, and reaches as far as it hears
# anything of it: curves learned from tags alone fall off early.
TEACHER = {"threshold": 0.3, "low_threshold": 0.05}
# A clip without tags teaches what its teacher is sure of.
SURE = 0.8


def learn_tags(indicator: np.ndarray, clip_proba: np.ndarray) -> np.ndarray:
    """Return the tags to learn: those known, and the teacher's scores for the rest.

    Parameters
    ----------
    indicator : array of shape (n_clips, n_classes)
        Tags; rows of −1 are unlabelled clips.
    clip_proba : array of shape (n_clips, n_classes)
        The teacher's clip scores.

    Returns
    -------
    ndarray of float of shape (n_clips, n_classes)
        Tags from 0 to 1.
    """
    return np.where(indicator < 0, clip_proba, indicator)


def learn_frames(
    frame_proba: Any, tags: np.ndarray, time_resolution: float | None
) -> list[np.ndarray]:
    """Return what the frames of each clip are taken to be.

    Frames within the events that the teacher finds are 1, the others 0. A class is
    unknown where its tag is neither sure to be there nor sure not to be, or where
    there is a tag and no event.

    Parameters
    ----------
    frame_proba : sequence of n_clips arrays of shape (n_frames_i, n_classes)
        The teacher's frame scores.
    tags : array of shape (n_clips, n_classes)
        Tags from 0 to 1.
    time_resolution : float or None
        Seconds per frame; without it curves are not smoothed.

    Returns
    -------
    list of n_clips arrays of shape (n_frames_i, n_classes), float16
        1, 0, or NaN where it is unknown.
    """
    n_frames = [len(clip) for clip in frame_proba]
    step, decoder = time_resolution, EventDecoder(**TEACHER)
    if step is None:
        step = 1.0
        decoder.set_params(smoothing=None, min_gap=0.0, min_duration=0.0)
    classes = np.arange(tags.shape[1])
    present = tags >= SURE
    events = decode_flat(decoder, frame_proba, step, classes, present)
    targets = [np.zeros((n, len(classes)), np.float16) for n in n_frames]
    first = np.rint(events.onset / step).astype(int)
    last = np.rint(events.offset / step).astype(int)
    found = np.zeros(tags.shape, dtype=bool)
    for clip, column, start, stop in zip(events.clip, events.class_index, first, last):
        targets[clip][start:stop, column] = 1
        found[clip, column] = True
    unknown = (present & ~found) | ((tags > 1 - SURE) & (tags < SURE))
    for target, columns in zip(targets, unknown):
        target[:, columns] = np.nan
    return targets
