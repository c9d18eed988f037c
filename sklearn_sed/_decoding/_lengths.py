"""Settings of a decoder that follow how long the sounds of each class last."""

from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import clone

from sklearn_sed._decoding._decoder import EventDecoder, check_per_class

# Seconds up to which sounds are short, and from which on they are long; and what each
# setting is for the one and for the other.
SHORT, LONG = 1.0, 2.0
SETTINGS = {
    "threshold": (0.5, 0.3),
    "low_threshold": (0.2, 0.03),
    "min_gap": (0.3, 2.0),
}


def event_lengths(
    frame_proba: Sequence[np.ndarray], tags: np.ndarray, time_resolution: float
) -> np.ndarray:
    """Return how long the sounds of each class last, as score curves tell.

    Parameters
    ----------
    frame_proba : sequence of n_clips arrays of shape (n_frames_i, n_classes)
        Frame scores.
    tags : array of bool of shape (n_clips, n_classes)
        The classes of each clip.
    time_resolution : float
        Seconds per frame.

    Returns
    -------
    ndarray of shape (n_classes,)
        Mean over the frames that score above one half, in clips that have the class, of
        the seconds that the unbroken run of them around each frame lasts; 0 where there
        is none.
    """
    squares, frames = np.zeros(tags.shape[1]), np.zeros(tags.shape[1])
    for clip, own in zip(frame_proba, tags):
        active = np.pad((clip.T > 0.5) & own[:, None], ((0, 0), (1, 1)))
        change = np.diff(active.astype(np.int8))
        column, start = np.nonzero(change > 0)
        length = np.nonzero(change < 0)[1] - start
        np.add.at(squares, column, length**2)
        np.add.at(frames, column, length)
    return time_resolution * squares / np.maximum(frames, 1)


def follow_lengths(
    decoder: EventDecoder, lengths: np.ndarray, labels: Sequence[Any]
) -> EventDecoder:
    """Return a decoder whose "auto" settings follow lengths of sounds in seconds.

    They stay at "auto" where a length is 0, which is not known, and with segmenters
    that look at other settings.
    """
    if decoder.segmenter != "threshold":
        return decoder
    given = {
        name: check_per_class(name, getattr(decoder, name), list(labels))
        for name in SETTINGS
    }
    followed = [
        _follow(dict(zip(given, own)), length) if length > 0 else dict(zip(given, own))
        for own, length in zip(zip(*given.values()), lengths)
    ]
    changed = {
        name: dict(zip(labels, (own[name] for own in followed)))
        for name, values in given.items()
        if "auto" in values
    }
    return clone(decoder).set_params(**changed)


def _follow(own: dict[str, Any], length: float) -> dict[str, Any]:
    """Return the settings of a class, those that are "auto" by the length of sounds."""
    place = np.log(np.clip(length, SHORT, LONG) / SHORT) / np.log(LONG / SHORT)
    values = {
        name: float(short * (long / short) ** place)
        for name, (short, long) in SETTINGS.items()
    }
    high, low = own["threshold"], own["low_threshold"]
    if high != "auto":
        values["low_threshold"] = min(values["low_threshold"], high)
    elif isinstance(low, Real):
        values["threshold"] = max(values["threshold"], float(low))
    return {name: values[name] if own[name] == "auto" else own[name] for name in own}
