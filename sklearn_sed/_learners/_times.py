"""What times teach: targets of frames, where they are known."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sklearn_sed._clips._check import ClipSet, check_time_resolution
from sklearn_sed._labels._check import Tags
from sklearn_sed.events import events_to_targets, frames_to_time
from sklearn_sed.exceptions import AnnotationError, LabelError


class KnownFrames(Sequence):
    """What the frames of each clip are known to be, NaN where that is not known.

    A clip without times has one row of NaN for all of its frames, which is repeated
    when it is asked for.
    """

    def __init__(self, targets: list[np.ndarray], n_frames: np.ndarray):
        self.targets, self.n_frames = targets, n_frames

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, i):
        targets = self.targets[i]
        return np.broadcast_to(targets, (self.n_frames[i], targets.shape[-1]))

    def take(self, index: np.ndarray) -> "KnownFrames":
        """Return those of some clips."""
        return KnownFrames([self.targets[i] for i in index], self.n_frames[index])

    def followed_by(self, other: "KnownFrames") -> "KnownFrames":
        """Return those of these clips and of others."""
        n_frames = np.append(self.n_frames, other.n_frames)
        return KnownFrames([*self.targets, *other.targets], n_frames)


def known_frames(clips: ClipSet, tags: Tags) -> KnownFrames:
    """Say what the frames of clips are known to be, of those that have times.

    Others have no class in any frame that they are not tagged with. That is left to
    the loss of tags: of their own classes nothing is known, and silence alone would
    teach that there is less to be heard than there is.
    """
    classes, ends = tags.classes.tolist(), _ends(clips)
    resolution = check_time_resolution(None, clips.time_resolution)
    unknown = np.full(len(classes), np.nan, dtype=np.float32)
    targets = [unknown] * len(clips)
    tables: Any = tags.events
    for i in np.flatnonzero(tags.located):
        targets[i] = events_to_targets(
            tables[i],
            classes,
            clips.n_frames[i],
            resolution,
            clips.time_offset,
            ends[i],
        )
    return KnownFrames(targets, clips.n_frames)


def check_times(clips: ClipSet, tags: Tags, name: str, *, needed: bool) -> None:
    """Check that times lie in their clips, to within one frame after the end.

    Raises
    ------
    AnnotationError
        If a span of times does not; the message names the clip and the row.
    LabelError
        If there are no times at all, and some are needed.
    TimeResolutionError
        If nothing says how long a frame lasts.
    """
    resolution = check_time_resolution(None, clips.time_resolution)
    located = np.flatnonzero(tags.located)
    if needed and not len(located):
        raise LabelError(
            f"times='learn' learns from times, and {name} has none: pass event tables "
            "(onset, offset, event_label) for the clips whose times are known, or "
            "times='ignore' to learn from tags alone"
        )
    tables: Any = tags.events
    for i, end in zip(located, _ends(clips)[located].tolist()):
        table = tables[i]
        past = (table["offset"] > end + resolution).to_numpy()
        if past.any():
            row = int(past.argmax())
            raise AnnotationError(
                f"{name}, clip {i}, event {row}",
                f"it lasts from {table['onset'].iloc[row]:g} to "
                f"{table['offset'].iloc[row]:g} s, and the clip ends at {end:g} s; "
                "cut it there, or check that times count from the clip's start",
            )


def _ends(clips: ClipSet) -> np.ndarray:
    """Return when each clip ends: as it is told, else with its last frame."""
    if clips.durations is not None:
        return clips.durations
    resolution = check_time_resolution(None, clips.time_resolution)
    return frames_to_time(clips.n_frames, resolution, clips.time_offset)
