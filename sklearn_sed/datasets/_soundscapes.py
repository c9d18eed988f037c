"""Soundscapes: clips mixed from sound events whose onsets and offsets are known."""

from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np
from sklearn.utils import Bunch, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions, validate_params
from tqdm.auto import tqdm

from sklearn_sed.datasets._mixing import FAMILIES, MIN_PAUSE, Groups, Mixer, join
from sklearn_sed.datasets._recordings import find_background, find_recordings
from sklearn_sed.datasets._sources import SYNTHETIC_SOURCES
from sklearn_sed.events import stack_tables, to_tags
from sklearn_sed.exceptions import LabelError

__all__ = ["make_soundscapes"]

_MIN_EVENT = 0.1  # seconds that an event must have room for


@validate_params(
    {
        "n_clips": [Interval(Integral, 1, None, closed="left")],
        "sources": [None, str, PathLike, Mapping],
        "classes": [None, "array-like"],
        "duration": [Interval(Real, 0, None, closed="neither")],
        "sample_rate": [Interval(Integral, 8000, None, closed="left")],
        "family": [StrOptions(set(FAMILIES))],
        "background": [None, str, PathLike, list, tuple],
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
    family: Literal["sparse", "dense"] = "sparse",
    events_per_clip: int | tuple[int, int] | None = None,
    snr_db: float | tuple[float, float] | None = None,
    background: Any = None,
    reverberation: float | tuple[float, float] | None = None,
    co_occurrence: Any = None,
    random_state: Any = None,
    out_dir: str | Path | None = None,
    verbose: int = 0,
) -> Bunch:
    """Make clips of sound events over a background, with their true times.

    Each clip is a coloured noise with a few events mixed in. Onset and offset of an
    event are the first and the last moment at which it is heard by itself: its level
    over frames of 10 ms, hysteresis between 15 and 22 dB below its loud level. Events
    of one class never overlap; events of different classes may.

    There are two families of clips. In a "sparse" one, an event is a whole sound, with
    pauses up to 0.2 s bridged, and rarely meets another of its class. In a "dense" one,
    sounds come as in recordings made outdoors or at home: each burst of a sound that is
    silent for 0.3 s is an event of its own, short sounds come again, and textures such
    as rain go on for seconds. A system that is good at the one need not be at the
    other: measure with both.

    Parameters
    ----------
    n_clips : int
        Number of clips.
    sources : str, Path or mapping, default=None
        Where the events come from. By default synthetic sounds named after the ten
        classes of DCASE 2018 task 4, made anew for each event. Else a folder with one
        sub-folder of recordings (WAV, FLAC, OGG, MP3) per class, or a mapping from each
        class to its recordings, which lets a caller keep the recordings of training
        and test clips apart. Pauses in a recording part it into several events (clicks
        shorter than 0.15 s, such as a clock's, belong together). In the sparse family
        one of them is drawn, and cropped to a random length where it is longer than
        3 s.
    classes : sequence of str, default=None
        The classes to use, all of `sources` by default.
    duration : float, default=10.0
        Length of each clip, in seconds.
    sample_rate : int, default=22050
        Samples per second.
    family : {"sparse", "dense"}, default="sparse"
        What the clips are like. Of a dense family, 35 % hold one class, 45 % two and
        20 % three. Bursts that follow each other within 3 s of a recording come
        together; in 1 of 10 cases they, or others of the recording, come once or twice
        again, 0.3 to 2 s later. What sounds without a pause for 2.5 s is a texture of
        2.5 to 10 s; shorter recordings of one go round.
    events_per_clip : int or tuple (low, high), default=None
        Number of events in each clip of the sparse family, drawn uniformly, both ends
        included; 1 to 3 when None.
    snr_db : float or tuple (low, high), default=None
        Signal-to-noise ratio of each sound in dB, drawn uniformly: its RMS where it is
        heard over the RMS of the clip's background. When None 6 to 30 in the sparse
        family, 10 to 30 in the dense one.
    background : str, Path or sequence of paths, default=None
        Recordings to mix the events into, or a folder of them, instead of noise. A
        random piece of one is in each clip; one that is shorter than the clip goes
        round.
    reverberation : float or tuple (low, high), default=None
        Seconds in which a room's echo falls by 60 dB, drawn uniformly for each clip:
        each sound is followed by its echo, 3 to 12 dB below it. The times stay those
        of the sounds themselves. None leaves echoes out.
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
    groups = _read_groups(co_occurrence, names)
    kind = FAMILIES[family]
    if events_per_clip is not None and not kind.events_per_clip:
        raise ValueError(
            f"events_per_clip={events_per_clip!r} is for the family 'sparse'; in "
            f"{family!r} it follows from the classes and sounds that are drawn"
        )
    if events_per_clip is not None:
        counts = _read_range("events_per_clip", events_per_clip, Integral)
        kind = kind._replace(events_per_clip=counts)
    if kind.events_per_clip:
        _check_room(kind.events_per_clip, groups, duration)
    if snr_db is not None:
        kind = kind._replace(snr_db=_read_range("snr_db", snr_db, Real))
    mixer = Mixer(
        recordings=recordings,
        classes=names,
        n_samples=int(duration * sample_rate + 1e-6),
        sample_rate=sample_rate,
        family=kind,
        groups=groups,
        background=None if background is None else find_background(background),
        reverberation=_read_reverberation(reverberation),
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


def _read_reverberation(seconds: Any) -> tuple[float, float] | None:
    """Read how long rooms ring."""
    if seconds is None:
        return None
    low, high = _read_range("reverberation", seconds, Real)
    if low <= 0:
        raise ValueError(f"reverberation={seconds!r} must be positive: seconds")
    return low, high


def _check_room(counts: tuple[float, float], groups: Groups, duration: float) -> None:
    """Refuse numbers of events that no clip can hold."""
    low, high = counts
    if low < 0:
        raise ValueError(f"events_per_clip: {low} is negative")
    room = int((duration + MIN_PAUSE) / (_MIN_EVENT + MIN_PAUSE))
    if high > room:
        raise ValueError(
            f"events_per_clip: {high} events of one class do not fit into a clip of "
            f"{duration} s, at most {room} do"
        )
    largest = max((len(join(group, groups)) for group, _ in groups), default=0)
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
