"""Features on disk: made once, by many processes, and read clip by clip.

A store is a folder of blocks. Each block is a file of numbers, ``<name>.npy``, the
frames of a few clips one after the other, and a file ``<name>.json`` that says what
they are: the transformer's parameters, and for each clip its audio file, that file's
size and time of modification, its frames, seconds and checksum, or why it could not be
used; then a checksum of all this. The name is a digest of what is known before the
work. Both files are written under another name and then renamed, the numbers first: a
block is there as a whole or not at all, and those who make the same block at the same
time write the same files. A clip is checked whenever it is read.
"""

import hashlib
import io
import json
import os
import random
import warnings
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.base import clone

from sklearn_sed._clips._array import FeatureArray
from sklearn_sed._features._logmel import SILENCE_DB
from sklearn_sed._features._transformer import (
    BadClip,
    LogMelTransformer,
    _report,
    transform_clip,
    typical_length,
)
from sklearn_sed._storage import replace_file
from sklearn_sed.exceptions import AudioError, AudioWarning

# Clips in a block: half a second of work, a few megabytes, and few enough files for a
# million clips.
BLOCK = 64
_FORMAT = 2
_HEADER = 128  # bytes before the numbers, as np.save writes them
_FORMAT_KEY = "sklearn_sed_features"


class _Clip(NamedTuple):
    """What a store remembers of a clip, and when its file was changed."""

    path: str
    block: str
    start: int
    n_frames: int = 0
    duration: float = 0.0
    checksum: int = 0
    reason: str = ""  # why the clip could not be used
    stamp: list[int] | None = None


_CLIP = np.dtype(
    [
        (name, object if kind is str else kind)
        for name, kind in _Clip.__annotations__.items()
        if name != "stamp"
    ]
)


class StoredFeatures:
    """Features on disk that are read when they are asked for.

    What :func:`store_features` and :func:`open_features` return. It takes the place of
    an array of features wherever the estimators of this package, or scikit-learn's
    pipelines and searches, take X; only the clips at work are in memory. It holds no
    open file, and copies of it in other processes read the same files.

    ``X[3]`` reads one clip, a :class:`FeatureArray` of shape (n_frames, n_mels). A
    slice, mask or list of clips (``X[2:5]``, ``X[mask]``, ``X[[4, 1]]``) reads
    nothing: it is another view onto the same store. ``np.asarray(X)`` reads all.

    Attributes
    ----------
    filenames : list of str
        The audio file of each clip.
    durations : ndarray of shape (n_clips,), float64
        Seconds per clip, without padding.
    n_frames : ndarray of shape (n_clips,), int
        Frames per clip.
    n_mels : int
        Number of mel bands.
    time_resolution, time_offset : float
        Seconds per frame, and the second at which frame 0 begins.
    shape : tuple of int
        (n_clips, n_frames, n_mels) where clips are equally long, else (n_clips,).
    report : DataFrame with columns path, class, reason
        The clips that could not be used, by position; silence takes their place.

    See Also
    --------
    FeatureArray : Features in memory.

    Examples
    --------
    >>> import tempfile, numpy as np, soundfile
    >>> from sklearn_sed import LogMelTransformer, store_features
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     paths = [f"{folder}/{i}.wav" for i in range(3)]
    ...     for path in paths:
    ...         soundfile.write(path, 0.1 * np.ones(22050), 22050)
    ...     X = store_features(LogMelTransformer(), paths, f"{folder}/features")
    ...     clip = X[0]
    >>> X
    StoredFeatures(shape=(3, 44, 64), folder='.../features')
    >>> X[[2, 0]].shape, X.durations
    ((2, 44, 64), array([1., 1., 1.]))
    >>> clip.shape, float(clip.durations)
    ((44, 64), 1.0)
    """

    dtype = np.dtype(np.float32)

    def __init__(self, folder: Path, settings: dict[str, Any], clips: np.ndarray):
        self._folder = folder
        self._settings = settings
        self._clips = clips
        self.n_mels: int = settings["n_mels"]
        self.time_resolution: float = settings["hop_length"] / settings["sample_rate"]
        self.time_offset = -self.time_resolution / 2  # frames are centred

    @property
    def filenames(self) -> list[str]:
        """The audio file of each clip."""
        return self._clips["path"].tolist()

    @property
    def durations(self) -> np.ndarray:
        """Seconds per clip."""
        return self._clips["duration"].copy()

    @property
    def n_frames(self) -> np.ndarray:
        """Frames per clip."""
        return self._clips["n_frames"].copy()

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array that the clips would make."""
        lengths = np.unique(self.n_frames)
        if len(lengths) != 1:
            return (len(self),)
        return len(self), int(lengths[0]), self.n_mels

    @property
    def ndim(self) -> int:
        """Number of dimensions of that array."""
        return len(self.shape)

    @property
    def report(self) -> pd.DataFrame:
        """The clips that could not be used."""
        return _report(
            {
                i: AudioError(clip["path"], clip["reason"])
                for i, clip in enumerate(self._clips)
                if clip["reason"]
            }
        )

    def load(self) -> FeatureArray:
        """Read all clips into memory.

        Returns
        -------
        FeatureArray of shape (n_clips, n_frames, n_mels), or of n_clips arrays
            The features, as :meth:`LogMelTransformer.transform` returns them.
        """
        if self.ndim == 3:
            values: Any = np.empty(self.shape, self.dtype)
        else:
            values = np.empty(len(self), dtype=object)
        for i in range(len(self)):
            values[i] = np.asarray(self[i])
        return FeatureArray(
            values, self.time_resolution, self.durations, self.time_offset
        )

    def __len__(self) -> int:
        return len(self._clips)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, tuple):  # X[clips, ...], as scikit-learn writes it
            key, *others = key
            if not all(k is Ellipsis or _is_everything(k) for k in others):
                raise IndexError(
                    "stored features are indexed by clip alone; for some frames or "
                    "bands read the clip first: X[clip][frames, bands]"
                )
        clips = self._clips[key]
        if not isinstance(clips, np.void):
            return StoredFeatures(self._folder, self._settings, clips)
        return FeatureArray(
            self._read(clips), self.time_resolution, clips["duration"], self.time_offset
        )

    def _read(self, clip: np.void) -> np.ndarray:
        """Read one clip."""
        n_mels, n_frames = self.n_mels, clip["n_frames"]
        if clip["reason"]:
            return np.full((n_frames, n_mels), SILENCE_DB, self.dtype)
        path = self._folder / f"{clip['block']}.npy"
        offset = _HEADER + clip["start"] * n_mels * self.dtype.itemsize
        try:
            values = np.fromfile(path, self.dtype, n_frames * n_mels, offset=offset)
            if zlib.crc32(values.data) != clip["checksum"]:
                raise OSError(f"the frames of {clip['path']} are not what was stored")
        except OSError as error:
            raise OSError(
                f"{path} is missing or damaged ({error}): delete it together with its "
                ".json file and call store_features again"
            ) from error
        return values.reshape(n_frames, n_mels)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("features on disk cannot become an array without a copy")
        return np.asarray(self.load(), dtype=dtype)

    def __repr__(self) -> str:
        return f"StoredFeatures(shape={self.shape}, folder={str(self._folder)!r})"


def store_features(
    transformer: LogMelTransformer,
    paths: Sequence[str | os.PathLike[str]],
    folder: str | os.PathLike[str],
) -> StoredFeatures:
    """Compute the features of audio files into a folder, as far as they are not there.

    For features that shall be computed once, or do not fit into memory. When the work
    is interrupted, by whatever means, the same call goes on where it was. Files that
    are new or have changed are done, no other is done twice. Any number of processes,
    on any number of machines, may fill one folder at the same time: each takes the
    work in an order of its own and passes over what another has finished.

    Parameters
    ----------
    transformer : LogMelTransformer
        What computes the features. Its `n_jobs`, `on_error` and `verbose` count here
        too; under a :class:`joblib.parallel_config` of another backend, the work is
        done there.
    paths : sequence of str or Path of length n_clips
        The audio files. The store knows a file by its path as it is written here.
    folder : str or Path
        The store; a folder that does not exist is made.

    Returns
    -------
    StoredFeatures of shape (n_clips, n_frames, n_mels), or of n_clips clips
        The features of `paths`, in their order.

    Raises
    ------
    AudioError
        For a file that cannot be read whole, with ``on_error="raise"``, or when none
        can. What was computed by then is stored.
    ValueError
        If the folder holds features of other parameters, or `paths` are not paths.

    See Also
    --------
    open_features : Open a store without its audio files.

    Notes
    -----
    A file counts as changed when its size or time of modification has; its earlier
    features stay in the folder, unused. With ``on_error="warn"`` or ``"skip"`` a clip
    that cannot be used is stored as such, and silence as long as the median of the
    others takes its place. A process that is killed may leave a file
    ``.<letters>.tmp`` in the folder.

    Examples
    --------
    >>> import tempfile, numpy as np, soundfile
    >>> from sklearn_sed import LogMelTransformer, open_features, store_features
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     soundfile.write(f"{folder}/a.wav", 0.1 * np.ones(22050), 22050)
    ...     paths = [f"{folder}/a.wav", f"{folder}/b.wav"]
    ...     log_mel = LogMelTransformer(on_error="skip")
    ...     X = store_features(log_mel, paths, f"{folder}/features")
    ...     again = open_features(f"{folder}/features")
    ...     values = np.asarray(again)
    >>> X.report["class"].tolist()
    ['missing']
    >>> values.shape, round(float(values[1].max()))
    ((2, 44, 64), -100)
    """
    if not isinstance(transformer, LogMelTransformer):
        raise ValueError(
            f"transformer is a {type(transformer).__name__}; pass a LogMelTransformer"
        )
    names = _check_paths(paths)
    transformer = clone(transformer).fit(names)
    settings = _settings_of(transformer)
    folder = Path(folder).absolute()
    folder.mkdir(exist_ok=True)
    _, clips = _read_clips(folder, settings)
    todo = [
        name
        for name in dict.fromkeys(names)
        if not _is_done(clips.get(name), stamp(name), transformer.on_error)
    ]
    _fill(folder, settings, transformer, todo, len(set(names)), clips)
    if transformer.on_error == "warn":
        for name in dict.fromkeys(names):
            if clips[name].reason:
                error = AudioError(name, clips[name].reason)
                message = f"{error} (silence takes its place)"
                warnings.warn(message, AudioWarning, stacklevel=2)
    return _assemble(folder, settings, [clips[name] for name in names])


def open_features(
    folder: str | os.PathLike[str],
    paths: Sequence[str | os.PathLike[str]] | None = None,
) -> StoredFeatures:
    """Open the features that :func:`store_features` has stored.

    The audio files themselves are not needed, nor looked at.

    Parameters
    ----------
    folder : str or Path
        The store.
    paths : sequence of str or Path of length n_clips, default=None
        The audio files whose features are wanted, as they were written when stored;
        None means all, in alphabetical order.

    Returns
    -------
    StoredFeatures of shape (n_clips, n_frames, n_mels), or of n_clips clips
        The features. Of files that have changed, the latest that were stored.

    Raises
    ------
    ValueError
        If the folder is no store, or does not have one of `paths`.

    See Also
    --------
    store_features : Compute and store features.

    Examples
    --------
    >>> import tempfile, numpy as np, soundfile
    >>> from sklearn_sed import LogMelTransformer, open_features, store_features
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = f"{folder}/a.wav"
    ...     soundfile.write(path, 0.1 * np.ones(22050), 22050)
    ...     X = store_features(LogMelTransformer(), [path], f"{folder}/features")
    ...     open_features(f"{folder}/features", [path]).shape
    (1, 44, 64)
    """
    folder = Path(folder).absolute()
    settings, clips = _read_clips(folder)
    if not clips:
        raise ValueError(
            f"{folder} holds no features: fill it with store_features(transformer, "
            "paths, folder)"
        )
    names = sorted(clips) if paths is None else _check_paths(paths)
    missing = [name for name in names if name not in clips]
    if missing:
        raise ValueError(
            f"{folder} does not have {missing[0]!r} ({len(missing)} of {len(names)} "
            "files are missing): add them with store_features(transformer, paths, "
            "folder), and write paths as they were written then"
        )
    return _assemble(folder, settings, [clips[name] for name in names])


def stamp(name: str) -> list[int] | None:
    """Return what changes when a file does; None when there is none."""
    try:
        status = os.stat(name)
    except (OSError, ValueError):
        return None
    return [status.st_size, status.st_mtime_ns]


def _is_everything(key: Any) -> bool:
    return isinstance(key, slice) and key == slice(None)


def _check_paths(paths: Any) -> list[str]:
    """Return the paths as text."""
    if isinstance(paths, str | os.PathLike):
        raise ValueError(
            f"paths is one path; pass a list of files: [{os.fspath(paths)!r}], or "
            "sorted(Path(folder).glob('*.wav')) for those in a folder"
        )
    names = []
    for i, path in enumerate(paths):
        if not isinstance(path, str | os.PathLike):
            raise ValueError(
                f"paths, clip {i}: a {type(path).__name__} is not the path of an "
                "audio file; features of waveforms in memory are not stored"
            )
        names.append(str(os.fspath(path)))
    if not names:
        raise ValueError("paths is empty: pass at least one audio file")
    return names


def _settings_of(transformer: LogMelTransformer) -> dict[str, Any]:
    """Return the parameters that the features depend on, as JSON has them."""
    settings = {**transformer._kernel(), "duration": transformer.duration}
    return json.loads(json.dumps(settings, default=lambda x: x.item()))


def _read_clips(
    folder: Path, settings: Mapping[str, Any] | None = None
) -> tuple[dict[str, Any], dict[str, _Clip]]:
    """Return the parameters of a store, those expected if any, and its clips by path.

    Of a file that was stored more than once, the latest counts.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"the folder {folder} does not exist")
    found = dict(settings or {})
    clips: dict[str, _Clip] = {}
    files = [entry for entry in os.scandir(folder) if entry.name.endswith(".json")]
    for entry in sorted(files, key=lambda file: (file.stat().st_mtime_ns, file.name)):
        block = _read_block(Path(entry.path))
        found = found or block["settings"]
        clips.update(_clips_of(entry.name.removesuffix(".json"), block, found, folder))
    return found, clips


def _read_block(path: Path) -> dict[str, Any]:
    """Read the description of one block."""
    try:
        block = json.loads(path.read_bytes())
        version = block[_FORMAT_KEY]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(
            f"{path} does not describe stored features: move it away, or delete it if "
            "it is damaged and call store_features again"
        ) from error
    if version != _FORMAT:
        raise ValueError(
            f"{path} is of format {version}, this version of sklearn_sed reads "
            f"{_FORMAT}: store the features in another folder"
        )
    checksum = block.pop("checksum", None)
    if checksum != _checksum(block):
        raise ValueError(
            f"{path} is damaged: delete it together with its .npy file and call "
            "store_features again"
        )
    return block


def _checksum(block: Mapping[str, Any]) -> int:
    """Return the checksum of a block's description."""
    return zlib.crc32(json.dumps(block).encode())


def _clips_of(
    name: str, block: Mapping[str, Any], settings: Mapping[str, Any], folder: Path
) -> dict[str, _Clip]:
    """Return the clips of one block by path, or refuse those of other parameters."""
    for key, value in settings.items():
        found = block["settings"].get(key)
        if found != value:
            raise ValueError(
                f"{folder} holds features of {key}={found!r} instead of {value!r}: "
                "store these in another folder"
            )
    clips, start = {}, 0
    for clip in block["clips"]:
        clips[clip["path"]] = known = _Clip(block=name, start=start, **clip)
        start += known.n_frames
    return clips


def _is_done(clip: _Clip | None, current: list[int] | None, on_error: str) -> bool:
    """Tell whether the features of a file are stored, as it is now."""
    if clip is None or clip.stamp != current:
        return False
    return not clip.reason or on_error != "raise"


def _fill(
    folder: Path,
    settings: dict[str, Any],
    transformer: LogMelTransformer,
    todo: list[str],
    n_clips: int,
    clips: dict[str, _Clip],
) -> None:
    """Bring the store, and what is known of its clips, up to date with the files."""
    from joblib import Parallel, delayed
    from tqdm import tqdm

    groups = [todo[i : i + BLOCK] for i in range(0, len(todo), BLOCK)]
    # Processes that fill one folder at the same time rarely meet at the same block.
    random.Random(os.urandom(16)).shuffle(groups)
    raises = transformer.on_error == "raise"
    errors: list[AudioError] = []
    tasks = (
        # with an error to raise, a file may have been unreadable for once
        delayed(_store_block)(folder, settings, group, again=raises)
        for group in groups
        # Once there is an error to raise, no further block is begun.
        if not (errors and raises)
    )
    # Batches of one, in whatever order they end.
    parallel = Parallel(
        transformer.n_jobs,
        prefer="threads",
        return_as="generator_unordered",
        batch_size=1,
    )
    with tqdm(
        total=n_clips,
        initial=n_clips - len(todo),
        desc="log-mel",
        unit="clip",
        disable=not transformer.verbose,
    ) as bar:
        for name, block in parallel(tasks):
            bar.update(len(block["clips"]))
            new = _clips_of(name, block, settings, folder)
            clips.update(new)
            errors += [AudioError(c.path, c.reason) for c in new.values() if c.reason]
    if errors and raises:
        raise errors[0]


def _store_block(
    folder: Path, settings: dict[str, Any], group: Sequence[str], again: bool
) -> tuple[str, dict[str, Any]]:
    """Compute and write one block, unless it is there; return name and description.

    With `again`, a block with files that could not be read is computed anew.
    """
    clips: list[dict[str, Any]] = [
        {"path": name, "stamp": stamp(name)} for name in group
    ]
    block = {_FORMAT_KEY: _FORMAT, "settings": settings, "clips": clips}
    name = hashlib.sha256(json.dumps(block).encode()).hexdigest()[:32]
    description = folder / f"{name}.json"
    if description.exists():
        there = _read_block(description)
        if not (again and any("reason" in clip for clip in there["clips"])):
            return name, there
    rows = [np.empty((0, settings["n_mels"]), np.float32)]
    kernel = {key: value for key, value in settings.items() if key != "duration"}
    for clip in clips:
        result = transform_clip(0, clip["path"], settings["duration"], kernel)
        if isinstance(result, BadClip):
            clip["reason"] = result.reason
            continue
        values, seconds = result
        clip.update(
            n_frames=len(values), duration=seconds, checksum=zlib.crc32(values.data)
        )
        rows.append(values)
    content = io.BytesIO()
    np.save(content, np.concatenate(rows))
    replace_file(folder / f"{name}.npy", content.getvalue())
    checked = {**block, "checksum": _checksum(block)}
    replace_file(description, json.dumps(checked).encode())
    return name, block


def _assemble(
    folder: Path, settings: dict[str, Any], clips: Sequence[_Clip]
) -> StoredFeatures:
    """Return the features of clips; those that could not be used become silence."""
    sound = [clip for clip in clips if not clip.reason]
    if not sound:
        error = AudioError(clips[0].path, clips[0].reason)
        error.add_note(f"None of the {len(clips)} clips could be used.")
        raise error
    n_frames, seconds = typical_length(
        [clip.n_frames for clip in sound], [clip.duration for clip in sound]
    )
    rows = [
        clip._replace(n_frames=n_frames, duration=seconds) if clip.reason else clip
        for clip in clips
    ]
    table = np.array([row[:-1] for row in rows], _CLIP)  # all but the stamp
    return StoredFeatures(folder, settings, table)
