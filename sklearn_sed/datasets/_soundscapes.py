"""Soundscapes: clips mixed from sound events whose onsets and offsets are known."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import fft
from sklearn.utils import Bunch, check_random_state
from sklearn.utils._param_validation import Interval, validate_params
from tqdm.auto import tqdm

from sklearn_sed.datasets._recordings import cut_event, find_recordings, pick_event
from sklearn_sed.datasets._sources import SYNTHETIC_SOURCES, draw_synthetic
from sklearn_sed.events import make_events, stack_tables, to_tags
from sklearn_sed.exceptions import LabelError

__all__ = ["make_soundscapes"]

_MIN_PAUSE = 0.2  # seconds between two events of one class
_MIN_EVENT = 0.1  # seconds that an event must have room for
_PEAK_DB = (-12.0, -1.0)  # the largest sample of a clip, dB below full scale

Groups = list[tuple[frozenset[str], float]]  # classes that come together, probability


@validate_params(
    {
        "n_clips": [Interval(Integral, 1, None, closed="left")],
        "sources": [None, str, PathLike, Mapping],
        "classes": [None, "array-like"],
        "duration": [Interval(Real, 0, None, closed="neither")],
        "sample_rate": [Interval(Integral, 8000, None, closed="left")],
        "co_occurrence": [None, Mapping, "array-like"],
        "random_state": ["random_state"],
        "out_dir": [None, str, PathLike],
        "verbose": ["verbose"],
    },
    prefer_skip_nested_validation=True,
)
def make_soundscapes(
    n_clips: int,
    *,
    sources: Any = None,
    classes: Sequence[str] | None = None,
    duration: float = 10.0,
    sample_rate: int = 22050,
    events_per_clip: int | tuple[int, int] = (1, 3),
    snr_db: float | tuple[float, float] = (6, 30),
    co_occurrence: Any = None,
    random_state: Any = None,
    out_dir: str | Path | None = None,
    verbose: int = 0,
) -> Bunch:
    """Make clips of sound events over a background, with their true times.

    Each clip is a coloured noise with a few events mixed in. Onset and offset of an
    event are the first and the last moment at which it is heard by itself: its level
    over frames of 10 ms, hysteresis between 15 and 22 dB below its loud level, pauses
    up to 0.2 s bridged. Events of one class never overlap and are at least 0.2 s apart;
    events of different classes may overlap.

    Parameters
    ----------
    n_clips : int
        Number of clips.
    sources : str, Path or mapping, default=None
        Where the events come from. By default synthetic sounds named after the ten
        classes of DCASE 2018 task 4, made anew for each event. Else a folder with one
        sub-folder of recordings (WAV, FLAC, OGG, MP3) per class, or a mapping from each
        class to its recordings, which lets a caller keep the recordings of training
        and test clips apart. Pauses in a recording part it into several events, one of
        which is drawn (clicks shorter than 0.15 s, such as a clock's, belong together);
        events longer than 3 s are cropped to a random length.
    classes : sequence of str, default=None
        The classes to use, all of `sources` by default.
    duration : float, default=10.0
        Length of each clip, in seconds.
    sample_rate : int, default=22050
        Samples per second.
    events_per_clip : int or tuple (low, high), default=(1, 3)
        Number of events in each clip, drawn uniformly, both ends included.
    snr_db : float or tuple (low, high), default=(6, 30)
        Signal-to-noise ratio of each event in dB, drawn uniformly: its RMS between its
        onset and its offset over the RMS of the clip's background.
    co_occurrence : mapping or sequence, default=None
        Classes that appear together. A sequence of groups, such as
        ``[("Dishes", "Frying")]``: where one class of the group occurs in a clip, the
        others do, at times of their own. A mapping from such groups to probabilities,
        such as ``{("Dishes", "Frying"): 0.8}``: they do so in this share of the clips,
        and are drawn independently in the others. ``{"Dishes": "Frying"}`` is another
        way to write one group. The events that join count among `events_per_clip`; a
        clip that was to have too few for a whole group gets one event of each class.
    random_state : int, RandomState instance or None, default=None
        Same `random_state`, same clips. Clip k is the same for every `n_clips` and
        with or without `out_dir`.
    out_dir : str or Path, default=None
        Folder to write the clips to, as 16-bit WAV files, one at a time. It is created
        if need be, and files of the same names in it are overwritten.
    verbose : int, default=0
        1 shows a progress bar.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With these attributes:

        X : ndarray of shape (n_clips, n_samples), dtype float32, or list of str
            The waveforms, or the paths of the files if `out_dir` is given. Each clip is
            scaled so that its largest sample lies at a level drawn from -12 to -1 dB
            below full scale: nothing clips.
        y : ndarray of shape (n_clips,), dtype object
            The true events of each clip (strong labels), a DataFrame with the columns
            `onset`, `offset` (seconds) and `event_label`.
        y_weak : TagArray of shape (n_clips, n_classes), dtype int64
            1 where the class occurs in the clip (weak labels), one column for each of
            `classes`, whose names it knows.
        classes : ndarray of shape (n_classes,), dtype str
            The names of the classes, sorted.
        filenames : list of str
            A name for each clip, that of its file if `out_dir` is given.

    Raises
    ------
    ValueError
        If a parameter has an impossible value, or a class has no recording.
    LabelError
        If `classes` or `co_occurrence` name a class that `sources` lacks.
    AudioError
        If a recording is missing, silent or cannot be read.

    Notes
    -----
    The first event of clip k is of a class that changes with every k and returns after
    `n_classes` clips, so that every class occurs about equally often.

    Examples
    --------
    >>> from sklearn_sed.datasets import make_soundscapes
    >>> data = make_soundscapes(4, classes=["Cat", "Dog"], duration=5, random_state=0)
    >>> data.X.shape
    (4, 110250)
    >>> data.y_weak.shape
    (4, 2)
    >>> data.y[0].columns.tolist()
    ['onset', 'offset', 'event_label']
    """
    recordings = None if sources is None else find_recordings(sources, classes)
    names = _choose_classes(classes, recordings or SYNTHETIC_SOURCES)
    counts = _read_range("events_per_clip", events_per_clip, Integral)
    groups = _read_groups(co_occurrence, names)
    _check_room(counts, groups, duration)
    mixer = _Mixer(
        recordings=recordings,
        classes=names,
        n_samples=int(duration * sample_rate + 1e-6),
        sample_rate=sample_rate,
        events_per_clip=counts,
        snr_db=_read_range("snr_db", snr_db, Real),
        groups=groups,
        seed=int(check_random_state(random_state).randint(2**31 - 1)),
    )
    filenames = [f"soundscape_{clip:05d}.wav" for clip in range(n_clips)]
    X: Any
    if out_dir is None:
        X = np.empty((n_clips, mixer.n_samples), dtype=np.float32)
    else:
        import soundfile

        Path(out_dir).mkdir(parents=True, exist_ok=True)
        X = [str(Path(out_dir) / name) for name in filenames]
    tables = []
    for clip in tqdm(range(n_clips), "soundscapes", unit="clip", disable=not verbose):
        waveform, table = mixer.mix(clip)
        tables.append(table)
        if out_dir is None:
            X[clip] = waveform
        else:
            soundfile.write(X[clip], waveform, sample_rate, subtype="PCM_16")
    return Bunch(
        X=X,
        y=stack_tables(tables),
        y_weak=to_tags(tables, names),
        classes=np.array(names),
        filenames=filenames,
    )


# --------------------------------------------------------------------------------------
# Parameters
# --------------------------------------------------------------------------------------


def _read_range(name: str, value: Any, kind: type) -> tuple[Any, Any]:
    """Read one number or a pair of them as a range."""
    pair = (value, value) if isinstance(value, Real) else value
    fine = (
        isinstance(pair, list | tuple | np.ndarray)
        and len(pair) == 2
        and all(isinstance(number, kind) for number in pair)
        and -np.inf < pair[0] <= pair[1] < np.inf
    )
    if not fine:
        what = "whole number" if kind is Integral else "number"
        raise ValueError(f"{name}={value!r} must be a {what} or a pair (low, high)")
    return pair[0], pair[1]


def _check_room(counts: tuple[float, float], groups: Groups, duration: float) -> None:
    """Refuse numbers of events that no clip can hold."""
    low, high = counts
    if low < 0:
        raise ValueError(f"events_per_clip: {low} is negative")
    room = int((duration + _MIN_PAUSE) / (_MIN_EVENT + _MIN_PAUSE))
    if high > room:
        raise ValueError(
            f"events_per_clip: {high} events of one class do not fit into a clip of "
            f"{duration} s, at most {room} do"
        )
    largest = max((len(_join(group, groups)) for group, _ in groups), default=0)
    if 0 < high < largest:
        raise ValueError(
            f"co_occurrence: {largest} classes come together, but events_per_clip "
            f"allows {high} events; raise it"
        )


def _choose_classes(
    classes: Sequence[str] | None, available: Iterable[str]
) -> list[str]:
    """Return the names of the classes, sorted."""
    chosen = available if classes is None else classes
    names = sorted({str(label) for label in chosen})
    unknown = [label for label in names if label not in available]
    if unknown:
        raise LabelError(
            f"classes: {unknown[0]!r} is not among the sources "
            f"({', '.join(sorted(available))})"
        )
    if not names:
        raise ValueError("classes is empty; name at least one class")
    return names


def _read_groups(co_occurrence: Any, classes: Sequence[str]) -> Groups:
    """Read the groups of classes that appear together, and how probably."""
    if co_occurrence is None or not len(co_occurrence):
        return []
    groups: Groups
    if isinstance(co_occurrence, Mapping):
        groups = [
            (_labels(key), float(value))
            if isinstance(value, Real)
            else (_labels(key) | _labels(value), 1.0)
            for key, value in co_occurrence.items()
        ]
    elif all(isinstance(label, str) for label in co_occurrence):
        groups = [(_labels(co_occurrence), 1.0)]
    else:
        groups = [(_labels(group), 1.0) for group in co_occurrence]
    for group, probability in groups:
        if len(group) < 2:
            raise ValueError(
                f"co_occurrence={co_occurrence!r}: a group has at least two classes, "
                'for instance [("Dishes", "Frying")]'
            )
        for label in sorted(group.difference(classes), key=str):
            raise LabelError(
                f"co_occurrence: {label!r} is not among the classes "
                f"({', '.join(classes)})"
            )
        if not 0 <= probability <= 1:
            raise ValueError(
                f"co_occurrence: {probability} is no probability, for the group "
                f"{sorted(group)}"
            )
    return groups


def _labels(labels: Any) -> frozenset[str]:
    """Read one class or several."""
    several = isinstance(labels, Iterable) and not isinstance(labels, str)
    return frozenset(labels if several else [labels])


def _join(labels: frozenset[str], groups: Groups) -> frozenset[str]:
    """Add all that come together with ``labels``, directly or through others."""
    for group, _ in groups:
        if labels & group and not group <= labels:
            return _join(labels | group, groups)
    return labels


# --------------------------------------------------------------------------------------
# Mixing
# --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Mixer:
    """All that decides what clip k sounds like."""

    recordings: Mapping[str, Sequence[Path]] | None
    classes: list[str]
    n_samples: int
    sample_rate: int
    events_per_clip: tuple[int, int]
    snr_db: tuple[float, float]
    groups: Groups
    seed: int

    def mix(self, clip: int) -> tuple[np.ndarray, pd.DataFrame]:
        """Return the waveform and the events of clip number ``clip``."""
        rng = np.random.default_rng(
            np.random.SeedSequence(self.seed, spawn_key=(clip,))
        )
        waveform = _background(rng, self.n_samples, self.sample_rate)
        onset, offset, labels = [], [], []
        for label, count in self._cast(rng, clip).items():
            for start, event in self._place(rng, label, count):
                waveform[start : start + len(event)] += event
                onset.append(start / self.sample_rate)
                offset.append((start + len(event)) / self.sample_rate)
                labels.append(label)
        peak = 10 ** (rng.uniform(*_PEAK_DB) / 20)
        waveform *= peak / np.abs(waveform).max()
        return waveform, make_events(onset, offset, labels)

    def _cast(self, rng: np.random.Generator, clip: int) -> dict[str, int]:
        """Draw the number of events of each class in a clip."""
        low, high = self.events_per_clip
        n_events = rng.integers(low, high, endpoint=True)
        groups = [group for group in self.groups if rng.random() < group[1]]
        if not n_events:
            return {}
        order = np.random.default_rng(self.seed).permutation(len(self.classes))
        first = self.classes[order[clip % len(self.classes)]]
        cast = dict.fromkeys(sorted(_join(frozenset([first]), groups)), 1)
        while (left := n_events - sum(cast.values())) > 0:
            # A class brings with it what it always comes together with.
            company = {
                label: _join(frozenset([label]), groups) for label in self.classes
            }
            fitting = [
                label
                for label in self.classes
                if label in cast or len(company[label]) <= left
            ]
            label = fitting[rng.integers(len(fitting))]
            joining = [label] if label in cast else sorted(company[label])
            for member in joining:
                cast[member] = cast.get(member, 0) + 1
        return cast

    def _draw(
        self, rng: np.random.Generator, label: str, max_duration: float
    ) -> np.ndarray:
        """Return an event, heard from its first to its last sample."""
        if self.recordings is not None:
            paths = self.recordings[label]
            return pick_event(paths, rng, self.sample_rate, max_duration)
        waveform = draw_synthetic(label, rng, self.sample_rate, max_duration)
        return cut_event(waveform, self.sample_rate, rng, max_duration)

    def _place(
        self, rng: np.random.Generator, label: str, count: int
    ) -> Iterator[tuple[int, np.ndarray]]:
        """Draw the events of one class, scaled, and where they start (samples)."""
        pause = round(_MIN_PAUSE * self.sample_rate)
        room = (self.n_samples - (count - 1) * pause) // count
        events = [
            self._draw(rng, label, room / self.sample_rate)[:room] for _ in range(count)
        ]
        # Of all ways to fit them in without overlap, each is equally probable.
        used = sum(map(len, events)) + (count - 1) * pause
        free = np.sort(rng.integers(self.n_samples - used, size=count, endpoint=True))
        before = 0
        for silence, event in zip(free.tolist(), events):
            snr = rng.uniform(*self.snr_db)
            rms = np.sqrt(np.mean(np.square(event, dtype=float)))
            yield silence + before, event * np.float32(10 ** (snr / 20) / rms)
            before += len(event) + pause


def _background(
    rng: np.random.Generator, n_samples: int, sample_rate: int
) -> np.ndarray:
    """Draw coloured noise with an RMS of 1: a random slope, and some ups and downs."""
    n_fft = fft.next_fast_len(n_samples, real=True)
    spectrum = fft.rfft(rng.standard_normal(n_fft, dtype=np.float32))
    frequency = np.maximum(fft.rfftfreq(n_fft, 1 / sample_rate), 40)
    points = np.geomspace(40, sample_rate / 2, 8)
    bumps = np.interp(np.log(frequency), np.log(points), rng.normal(0, 2, len(points)))
    slope = rng.uniform(0.5, 2)  # of the power spectrum: 1 is pink, 2 is brown
    spectrum *= (frequency ** (-slope / 2) * 10 ** (bumps / 20)).astype(np.float32)
    noise = fft.irfft(spectrum, n_fft)[:n_samples]
    level = np.interp(
        np.arange(n_samples), np.linspace(0, n_samples, 6), rng.normal(0, 1.5, 6)
    )
    noise = noise * (10 ** (level / 20)).astype(np.float32)
    return noise / np.sqrt(np.mean(np.square(noise)))
