"""Events cut out of their recordings, to be listened to."""

import hashlib
import io
import json
import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from sklearn_sed._storage import check_targets, replace_file
from sklearn_sed.audio import Excerpt, iter_excerpts
from sklearn_sed.events._names import path_parts, strip_ending
from sklearn_sed.exceptions import AudioError
from sklearn_sed.inference._cutting import (
    THRESHOLD,
    by_uncertainty,
    check_choice,
    check_lengths,
    check_pad,
    check_per_class,
    each_recording,
    find_events,
)

_Path = str | os.PathLike[str]

LISTING = "clips.csv"
ORDERS = ("score", "uncertain", "random", "time")
# How samples are stored by how the recording stores them, other than by 16 bits.
_SUBTYPES = {
    "wav": {
        **{name: name for name in ("PCM_U8", "PCM_24", "PCM_32", "FLOAT")},
        **{"PCM_S8": "PCM_U8", "DOUBLE": "FLOAT"},
        **{"ALAC_20": "PCM_24", "ALAC_24": "PCM_24", "ALAC_32": "PCM_32"},
    },
    "flac": {
        **dict.fromkeys(("PCM_U8", "PCM_S8"), "PCM_S8"),
        **dict.fromkeys(("PCM_24", "PCM_32", "FLOAT", "DOUBLE"), "PCM_24"),
        **dict.fromkeys(("ALAC_20", "ALAC_24", "ALAC_32"), "PCM_24"),
    },
}
# What no system of files keeps from being a name, beside letters, marks and digits.
_PLAIN = frozenset(" -_.+,()&'")
# What Windows opens as devices, and the one name that is ours.
_RESERVED = {
    *("CON", "PRN", "AUX", "NUL", "CLIPS"),
    *(f"{port}{digit}" for port in ("COM", "LPT") for digit in "0123456789¹²³"),
}
_MAX_BYTES = 60  # of a class or recording in a name, which may have 143 at the least


# pyarrow, which pandas stores text by where it is there, has no place for names that
# are not UTF-8.
@pd.option_context("mode.string_storage", "python")
def extract_clips(
    filenames: Sequence[_Path],
    events: Sequence[pd.DataFrame],
    out: _Path,
    *,
    audio: Sequence[_Path] | None = None,
    per_class: int | None = None,
    order: Literal["score", "uncertain", "random", "time"] = "score",
    pad: float = 1.0,
    format: Literal["wav", "flac"] = "wav",
    random_state: int | np.random.RandomState | None = None,
    overwrite: bool = False,
    on_error: Literal["raise", "skip"] = "raise",
    n_jobs: int | None = None,
    verbose: int = 0,
) -> pd.DataFrame:
    """Cut events out of their recordings, into a folder for each class.

    Of a long recording only the parts around the events are read. What is there
    already is not cut again: interrupted, the same call goes on where it was, provided
    that `random_state` is a number where the order is random.

    Parameters
    ----------
    filenames : sequence of str or Path of length n_recordings
        The recordings.
    events : sequence of DataFrame of length n_recordings
        The event table of each recording.
    out : str or Path
        The folder to write to. It may exist, and is made otherwise.
    audio : sequence of str or Path of length n_recordings, default=None
        The audio file of each recording; None where `filenames` are these files.
        :func:`~sklearn_sed.events.match_recordings` finds files by the names in a list.
    per_class : int, default=None
        How many events of each class are cut out, at most; None takes all of them.
    order : {"score", "uncertain", "random", "time"}, default="score"
        Which events of a class come first: those of the highest score, those whose
        score is closest to 0.5, the threshold, any, or the first ones of the first
        recordings. The first two take events with scores.
    pad : float, default=1.0
        Seconds cut out before and after an event, as far as the recording goes.
    format : {"wav", "flac"}, default="wav"
        What is written, at the sample rate, with the channels and, for recordings of
        whole numbers, with the bits of the recording. FLAC holds 24 of them at most.
    random_state : int, RandomState or None, default=None
        For the order "random".
    overwrite : bool, default=False
        Whether to cut again what is there.
    on_error : {"raise", "skip"}, default="raise"
        What to do with a recording that cannot be read: raise its error, or go on with
        the next.
    n_jobs : int, default=None
        Number of recordings in work at the same time, in processes. None means 1 unless
        in a :class:`joblib.parallel_config` context; -1 means all processors.
    verbose : int, default=0
        1 shows a bar of the recordings.

    Returns
    -------
    clips : DataFrame
        The clips of this call, class by class, in the order asked for. Its columns are
        the `file` below `out`, the recording and the event (`filename`, `onset`,
        `offset`, `event_label`, and `score` where events have one), and `start`, where
        in the recording the clip begins, in seconds. ``clips.attrs["skipped"]`` is a
        dict from the audio files that could not be read to what is wrong with them.

    Raises
    ------
    AnnotationError
        If an event table is not valid, or the lengths differ.
    AudioError
        For a recording that cannot be read where events are, or ends before one begins,
        with ``on_error="raise"``.
    OSError
        If `out` cannot be written to.
    ValueError
        If a parameter makes no sense, or the order takes scores and there are none.

    See Also
    --------
    detect_files : Finds the events of recordings.
    sklearn_sed.audio.iter_excerpts : Reads parts of a recording.

    Notes
    -----
    A file is named after the score, the folder and name of the recording, onset and
    offset, and eight digits that tell apart what is called alike, such as
    ``0.973_unitA_monday_000012.345-000013.500_1b9d27c4.wav``. Other labels, times,
    scores or another `pad` make another file. What not every system allows in a name is
    replaced by ``_``; a folder that is named otherwise than its class, or like another
    one but for the case of letters, ends in ``~`` and eight digits.

    ``clips.csv`` in `out` lists the clips. What earlier calls have listed stays there,
    as do columns that you add. Samples beyond full scale, as lossy formats may have
    them, are clipped, but those of a float recording are refused for FLAC. Memory
    follows the longest clip.

    Examples
    --------
    >>> import tempfile, numpy as np, soundfile
    >>> from sklearn_sed.events import make_events
    >>> from sklearn_sed.inference import extract_clips
    >>> events = make_events([2, 4], [2.5, 6], ["Dog", "Dog"], [0.7, 0.9])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = f"{folder}/monday.wav"
    ...     soundfile.write(path, np.zeros(80000), 8000)
    ...     clips = extract_clips([path], [events], f"{folder}/clips", per_class=1)
    >>> clips[["onset", "offset", "event_label", "score", "start"]]
       onset  offset event_label  score  start
    0    4.0     6.0         Dog    0.9    3.0
    """
    check_per_class(per_class)
    check_pad(pad)
    check_choice("order", order, ORDERS)
    check_choice("format", format, tuple(_SUBTYPES))
    check_choice("on_error", on_error, ("raise", "skip"))
    table, path_of = find_events(filenames, events, audio)
    out = Path(out)
    folders = _folders(table["event_label"].unique())
    clips = _chosen(table, per_class, order, random_state)
    check_lengths(clips, pad)
    clips.insert(0, "file", _files(clips, folders, pad, format))
    clips["start"] = (clips["onset"] - pad).clip(lower=0.0)
    check_targets([out / LISTING], inputs=path_of.values())
    listed = _listed(out / LISTING)
    out.mkdir(parents=True, exist_ok=True)
    work = [
        (path_of[name], list(zip(rows["file"], rows["onset"], rows["offset"])))
        for name, rows in clips.groupby("filename", sort=False)
    ]
    cut = partial(_cut, out=out, pad=pad, format=format, overwrite=overwrite)
    try:
        _, skipped = each_recording(
            cut, work, text="clips", on_error=on_error, n_jobs=n_jobs, verbose=verbose
        )
        if skipped:
            is_there = [os.path.exists(out / file) for file in clips["file"]]
            clips = clips[is_there].reset_index(drop=True)
        _list(out / LISTING, listed, clips)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("the same call goes on where it was") from None
    clips.attrs["skipped"] = skipped
    return clips


def _chosen(
    table: pd.DataFrame, per_class: int | None, order: str, random_state: Any
) -> pd.DataFrame:
    """Return the first events of each class in an order, class by class."""
    columns = ["filename", "onset", "offset", "event_label"]
    has_scores = "score" in table
    if len(table) and not has_scores and order in ("score", "uncertain"):
        raise ValueError(
            f"order={order!r} takes events with scores, and these have none; pass "
            "order='time' or order='random'"
        )
    table = table[columns + ["score"] * has_scores]
    if order == "random":
        table = table.iloc[check_random_state(random_state).permutation(len(table))]
    elif order != "time" and has_scores:
        score = table["score"].to_numpy()
        table = table.iloc[
            np.argsort(-score, kind="stable")
            if order == "score"
            else by_uncertainty(score, THRESHOLD)
        ]
    if per_class is not None:
        table = table.groupby("event_label", sort=False).head(per_class)
    return table.sort_values("event_label", kind="stable", ignore_index=True)


def _files(
    clips: pd.DataFrame, folders: dict[Any, str], pad: float, format: str
) -> list[str]:
    """Return the file of each clip, below the folder that is written to."""
    files = []
    for filename, onset, offset, label, *scores in clips.itertuples(index=False):
        recording = strip_ending("_".join(path_parts(filename)[-2:]))
        identity = json.dumps([filename, onset, offset, str(label), scores, pad])
        name = "_".join(
            [
                *(f"{score:.3f}"[:12] for score in scores),
                _plain(recording),
                "-".join(f"{time:010.3f}"[:12] for time in (onset, offset)),
                _digest(identity),
            ]
        )
        files.append(f"{folders[label]}/{name}.{format}")
    return files


def _folders(labels: Iterable[Any]) -> dict[Any, str]:
    """Return the folder of each class, none like another on any system of files."""
    plain = {label: _plain(str(label)) for label in labels}
    count = Counter(text.casefold() for text in plain.values())
    return {
        label: text
        if text == str(label) and count[text.casefold()] == 1
        else f"{text}~{_digest(str(label))}"
        for label, text in plain.items()
    }


def _plain(name: str) -> str:
    """Return what every system of files allows of a name; it has no ``~``."""
    text = "".join(
        character
        if character in _PLAIN or unicodedata.category(character)[0] in "LMN"
        else "_"
        for character in unicodedata.normalize("NFC", name)
    )
    text = text.strip(" .-").encode()[:_MAX_BYTES].decode(errors="ignore")
    text = text.strip(" .-")
    is_reserved = text.partition(".")[0].strip().upper() in _RESERVED
    return f"_{text}" if is_reserved or not text else text


def _digest(text: str) -> str:
    content = text.encode(errors="surrogateescape")
    return hashlib.blake2b(content, digest_size=4).hexdigest()


def _cut(
    path: str,
    rows: list[tuple[str, float, float]],
    *,
    out: Path,
    pad: float,
    format: str,
    overwrite: bool,
) -> None:
    """Write the clips of a recording that are wanted."""
    wanted = [row for row in rows if overwrite or not os.path.exists(out / row[0])]
    spans = [row[1:] for row in wanted]
    # The files come first: where none is wanted, the recording is not opened.
    for (file, *_), excerpt in zip(wanted, iter_excerpts(path, spans, pad=pad)):
        content = _encode(path, excerpt, format)
        (out / file).parent.mkdir(exist_ok=True)
        replace_file(out / file, content)


def _encode(path: str, excerpt: Excerpt, format: str) -> bytes:
    """Return the content of an audio file."""
    import soundfile

    info = excerpt.info
    subtype = _SUBTYPES[format].get(info.subtype, "PCM_16")
    if info.subtype in ("FLOAT", "DOUBLE") and subtype != "FLOAT":
        peak = np.abs(excerpt.samples).max()
        if peak > 1:
            raise AudioError(
                path,
                f"beyond full scale: a peak of {peak:.3g} near {excerpt.start:.3f} s, "
                "which FLAC cannot hold; write WAV files",
            )
    stream = io.BytesIO()
    try:
        soundfile.write(
            stream, excerpt.samples, info.sample_rate, subtype, format=format
        )
    except soundfile.SoundFileError as error:
        raise AudioError(
            path,
            f"unfit: {info.n_channels} channels at {info.sample_rate} Hz cannot be "
            f"written as {format.upper()}; write the other format",
        ) from error
    return stream.getvalue()


def _listed(path: Path) -> pd.DataFrame:
    """Return what earlier calls have listed, as it is."""
    if not path.exists():
        return pd.DataFrame({"file": []}, dtype=str)
    try:
        table = pd.read_csv(
            path,
            dtype=str,
            keep_default_na=False,
            encoding="utf-8-sig",
            encoding_errors="surrogateescape",
        )
    except ValueError:
        table = pd.DataFrame()
    if "file" not in table:
        raise ValueError(
            f"{path} is not a list of clips with the column 'file', separated by "
            "commas; move it, or write to another folder"
        )
    return table


def _list(path: Path, listed: pd.DataFrame, clips: pd.DataFrame) -> None:
    """Add clips to the list of those there are, if it lacks any."""
    new = clips[~clips["file"].isin(listed["file"])].drop_duplicates("file").astype(str)
    if len(new) or not path.exists():
        table = pd.concat([listed, new]).fillna("") if len(listed) else new
        # With this end of lines, cells with any other are quoted.
        text = table.to_csv(index=False, lineterminator="\r\n")
        replace_file(path, text.encode(errors="surrogateescape"))
