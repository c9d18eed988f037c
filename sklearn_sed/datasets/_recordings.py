"""Recordings of sounds: find them, and measure when something is heard in them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import ndimage

from sklearn_sed.audio import load_audio
from sklearn_sed.exceptions import AudioError

_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")

# How activity is measured. Times are in seconds, levels in dB.
_FRAME = 0.01
_LOUD_TIME = 0.1  # the loud level is the one exceeded for this long in total,
_SPIKE = -12.0  # or this, relative to the peak, where the sound is shorter
_START_LEVEL = -15.0  # an event must rise above this, relative to the loud level ...
_STAY_LEVEL = -22.0  # ... and lasts while it stays above this,
_ABOVE_FLOOR = 6.0  # and this far above the recording's own noise
_PAUSE = 0.2  # longer pauses part two events,
_CLICK = 0.15  # but clicks shorter than this, such as a clock's, ...
_CLICK_PAUSE = 1.0  # ... belong together up to this pause
_SHORTEST = 0.1  # what is shorter is not an event where the recording has longer ones
_SILENCE = -80.0  # a recording less loud than this (dB below full scale) is silent
_WHOLE = 3.0  # events up to this long are never cropped
_FADE = 0.005
_SEAM = 0.05  # where a sound goes round, its end fades into its begin
_BURST_PAUSE = 0.3  # pauses from here on part the bursts of a take,
_TAKE = 3.0  # which is no longer than this
_TEXTURE = (2.5, 10.0)  # sounds without a pause from the first on, cropped to the last


def find_recordings(
    sources: Any, classes: Sequence[str] | None
) -> dict[str, list[Path]]:
    """List the recordings of each class, sorted, or say which class has none.

    Parameters
    ----------
    sources : str, Path or mapping
        A folder with one sub-folder of recordings per class, or the recordings of each
        class by its name.
    classes : sequence of str or None
        The classes wanted; None for all there are.
    """
    if isinstance(sources, Mapping):
        found = {str(label): _given(label, paths) for label, paths in sources.items()}
    else:
        found = _in_folder(Path(sources), classes)
    if not found:
        raise ValueError(
            f"sources={sources!s}: there is no class; give a folder with one "
            "sub-folder of recordings per class, or a mapping from classes to paths"
        )
    return found


def _in_folder(root: Path, classes: Sequence[str] | None) -> dict[str, list[Path]]:
    """List the recordings in the sub-folders of ``root``."""
    if not root.is_dir():
        raise ValueError(f"sources={str(root)!r}: there is no such folder")
    found = {}
    for folder in sorted(root.iterdir()):
        if not folder.is_dir() or folder.name.startswith("."):
            continue
        found[folder.name] = sorted(
            path
            for path in folder.iterdir()
            if path.suffix.lower() in _SUFFIXES and not path.name.startswith(".")
        )
        wanted = classes is None or folder.name in classes
        if wanted and not found[folder.name]:
            raise ValueError(
                f"{folder}: there is no recording in this folder; put "
                f"{', '.join(_SUFFIXES)} files there, or leave the class "
                f"{folder.name!r} out with `classes`"
            )
    return found


def find_background(given: Any) -> list[Path]:
    """List the recordings of a background: those of a folder, or a list."""
    if not isinstance(given, str | Path):
        return _given("background", given)
    found = sorted(
        path
        for path in Path(given).rglob("*")
        if path.suffix.lower() in _SUFFIXES and not path.name.startswith(".")
    )
    if not found:
        raise ValueError(
            f"background={str(given)!r}: there is no recording in this folder; put "
            f"{', '.join(_SUFFIXES)} files there, or leave background out"
        )
    return found


def _given(label: Any, paths: Sequence[Any]) -> list[Path]:
    """Check the paths that a mapping gives for one class."""
    if isinstance(paths, str | Path):
        raise ValueError(
            f"sources[{label!r}] is one path, {str(paths)!r}; give a list of paths"
        )
    recordings = [Path(path) for path in paths]
    if not recordings:
        raise ValueError(f"sources[{label!r}] is empty; give at least one recording")
    for path in recordings:
        if not path.is_file():
            raise AudioError(path, f"there is no such file (sources[{label!r}])")
    return recordings


def pick_event(
    recordings: Sequence[Path],
    rng: np.random.Generator,
    sample_rate: int,
    max_duration: float,
) -> np.ndarray:
    """Cut one event from a recording drawn at random."""
    waveform = pick_recording(recordings, rng, sample_rate)
    return cut_event(waveform, sample_rate, rng, max_duration, whole=_WHOLE)


def pick_recording(
    recordings: Sequence[Path], rng: np.random.Generator, sample_rate: int
) -> np.ndarray:
    """Read a recording drawn at random, in which something is heard."""
    path = recordings[int(rng.integers(len(recordings)))]
    waveform, _ = load_audio(path, sample_rate)
    if not _active_frames(waveform, int(_FRAME * sample_rate)).any():
        raise AudioError(path, "the recording is silent; remove it from the sources")
    return waveform


class Take(NamedTuple):
    """A sound, and from which sample to which its bursts are heard."""

    waveform: np.ndarray
    bursts: list[tuple[int, int]]

    def is_texture(self, sample_rate: int) -> bool:
        """Tell whether it goes on and on."""
        return any(b - a >= _TEXTURE[0] * sample_rate for a, b in self.bursts)


def cut_take(
    waveform: np.ndarray, sample_rate: int, rng: np.random.Generator, room: float
) -> Take:
    """Cut bursts that follow each other out of a recording, or a piece of a texture.

    A texture lasts from 2.5 to 10 s; a recording that is shorter goes round. What fits
    into ``room`` seconds is cut.
    """
    hop = int(_FRAME * sample_rate)
    segments = _merge(_active_frames(waveform, hop), _BURST_PAUSE)
    lengths = np.ptp(segments, axis=1)
    first = rng.choice(len(segments), p=lengths / lengths.sum())
    start, stop = segments[first]
    if stop - start >= _TEXTURE[0] / _FRAME:
        seconds = rng.uniform(*np.minimum(_TEXTURE, room))
        n_samples = int(seconds * sample_rate)
        spare = (stop - start) * hop - n_samples
        begin = start * hop + int(rng.integers(max(spare, 0), endpoint=True))
        piece = lengthen(waveform[begin : stop * hop], n_samples, sample_rate)
        return Take(_fade(piece, sample_rate), [(0, n_samples)])
    longest = min(_TAKE, room) / _FRAME
    last = first
    while last + 1 < len(segments) and segments[last + 1, 1] - start <= longest:
        last += 1
    stop = min(segments[last, 1], start + int(longest))
    piece = waveform[start * hop : stop * hop].copy()
    bursts = [
        ((a - start) * hop, min((b - start) * hop, len(piece)))
        for a, b in segments[first : last + 1]
    ]
    return Take(_fade(piece, sample_rate), bursts)


def lengthen(waveform: np.ndarray, n_samples: int, sample_rate: int) -> np.ndarray:
    """Return so many samples of a sound, which goes round where it is shorter."""
    overlap = min(round(_SEAM * sample_rate), len(waveform) // 2)
    ramp = np.sqrt(np.linspace(0, 1, overlap, dtype=waveform.dtype))
    longer = waveform.copy()
    while len(longer) < n_samples:
        following = waveform.copy()
        following[:overlap] *= ramp
        following[:overlap] += longer[len(longer) - overlap :] * ramp[::-1]
        longer = np.concatenate([longer[: len(longer) - overlap], following])
    return longer[:n_samples]


def cut_event(
    waveform: np.ndarray,
    sample_rate: int,
    rng: np.random.Generator,
    max_duration: float,
    whole: float = np.inf,
) -> np.ndarray:
    """Cut an event out of a recording, heard from its first to its last sample.

    One of the recording's segments is drawn, a long one more likely than a short one.
    If it lasts longer than ``max_duration`` or ``whole`` seconds, it is cropped to a
    random length of up to ``max_duration``. Empty if the recording is silent.
    """
    hop = int(_FRAME * sample_rate)
    active = _active_frames(waveform, hop)
    segments = _merge(active)
    if not len(segments):
        return waveform[:0]
    lengths = segments[:, 1] - segments[:, 0]
    start, stop = segments[rng.choice(len(segments), p=lengths / lengths.sum())]

    longest = min(stop - start, int(max_duration / _FRAME))
    if stop - start > min(longest, whole / _FRAME):
        length = round(rng.uniform(min(1 / _FRAME, longest), longest))
        start = rng.choice(start + np.flatnonzero(active[start : stop - length + 1]))
        stop = start + 1 + np.flatnonzero(active[start : start + length])[-1]

    return _fade(waveform[start * hop : stop * hop].copy(), sample_rate)


def _fade(event: np.ndarray, sample_rate: int) -> np.ndarray:
    """Let a sound begin and end at zero, in place."""
    n_fade = min(round(_FADE * sample_rate), len(event) // 2)
    ramp = np.linspace(0, 1, n_fade, dtype=event.dtype)
    event[:n_fade] *= ramp
    event[len(event) - n_fade :] *= ramp[::-1]
    return event


def find_segments(waveform: np.ndarray, sample_rate: int) -> np.ndarray:
    """Measure when something is heard in a recording.

    Parameters
    ----------
    waveform : ndarray of shape (n_samples,)
        A mono recording.
    sample_rate : int
        Samples per second.

    Returns
    -------
    segments : ndarray of shape (n_segments, 2), dtype float64
        Onset and offset in seconds, to 10 ms. Empty if the recording is silent.
    """
    hop = int(_FRAME * sample_rate)
    segments = _merge(_active_frames(waveform, hop))
    return np.minimum(segments * hop, len(waveform)) / sample_rate


def _active_frames(waveform: np.ndarray, hop: int) -> np.ndarray:
    """Tell for each frame of 10 ms whether the recording's sound is heard in it."""
    n_frames = -(-len(waveform) // hop)
    padded = np.zeros(n_frames * hop)
    padded[: len(waveform)] = waveform
    level = 10 * np.log10(np.square(padded).reshape(n_frames, hop).mean(axis=1) + 1e-12)
    loudest = np.sort(level)[-round(_LOUD_TIME / _FRAME) :]
    loud = max(loudest[0], loudest[-1] + _SPIKE)
    if loud < _SILENCE:
        return np.zeros(n_frames, dtype=bool)
    start = loud + _START_LEVEL
    # A sound without pauses has no noise floor of its own: it is all heard.
    floor = min(np.percentile(level, 10) + _ABOVE_FLOOR, start)
    runs, n_runs = ndimage.label(level > max(loud + _STAY_LEVEL, floor))
    heard = np.zeros(n_runs + 1, dtype=bool)
    heard[runs[level > start]] = True
    return heard[runs]


def _merge(active: np.ndarray, pause: float = _PAUSE) -> np.ndarray:
    """Join active frames into segments: rows of first frame, last frame + 1."""
    runs = np.flatnonzero(np.diff(np.pad(active.astype(np.int8), 1))).reshape(-1, 2)
    if not len(runs):
        return runs
    segments = _join(runs, _gaps(runs) <= pause / _FRAME)
    click = np.ptp(segments, axis=1) < _CLICK / _FRAME
    near = _gaps(segments) <= _CLICK_PAUSE / _FRAME
    merged = _join(segments, click[1:] & click[:-1] & near)
    long_enough = np.ptp(merged, axis=1) >= _SHORTEST / _FRAME
    return merged[long_enough] if long_enough.any() else merged


def _gaps(segments: np.ndarray) -> np.ndarray:
    """Return the frames between each segment and the next."""
    return segments[1:, 0] - segments[:-1, 1]


def _join(segments: np.ndarray, together: np.ndarray) -> np.ndarray:
    """Join each segment with the next where they belong together."""
    first = np.append(True, ~together)
    last = np.append(~together, True)
    return np.column_stack([segments[first, 0], segments[last, 1]])
