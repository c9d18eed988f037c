"""Excerpts of recordings as files that every browser plays and shows."""

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from sklearn_sed.audio import Excerpt, iter_excerpts
from sklearn_sed.review._picture import Axis, draw

FORMATS = ("mp3", "wav")
LONGEST = 60.0  # seconds of an event that are cut out
_SHARED = 6.0  # seconds of events that near events share at most
_MAX_RATE = 48000  # what people hear, and browsers play
_MIN_RATE = 8000
# 64 kbit/s in frames of equal length at the highest rate: with others, browsers begin
# up to a tenth of a second off where they are told to.
_MP3 = {"bitrate_mode": "CONSTANT", "compression_level": 0.889}


class Written(NamedTuple):
    """An excerpt: what its files are called, where it is (s), how slow it plays."""

    excerpt: str
    start: float
    duration: float
    slowed: int


def share_excerpts(table: pd.DataFrame, pad: float) -> tuple[list[str], pd.DataFrame]:
    """Decide which events share an excerpt.

    Parameters
    ----------
    table : DataFrame
        Events by recording and onset.
    pad : float
        Seconds around each event.

    Returns
    -------
    names : list of str of length n_events
        The excerpt of each event, by the name of its files.
    excerpts : DataFrame
        For each name, in the index, the `filename`, and `onset` and `offset` of the
        events in it.
    """
    place = []
    excerpts: list[list[Any]] = []
    for name, onset, offset in zip(table["filename"], table["onset"], table["offset"]):
        offset = min(offset, onset + LONGEST)
        last: list[Any] = excerpts[-1] if excerpts else [None, 0.0, 0.0]
        end = max(last[2], offset)
        is_near = name == last[0] and onset - pad < last[2] + pad
        if is_near and end - last[1] <= max(_SHARED, last[2] - last[1]):
            last[2] = end
        else:
            excerpts.append([name, onset, offset])
        place.append(len(excerpts) - 1)
    names = [f"{index:06}" for index in range(len(excerpts))]
    columns = ["filename", "onset", "offset"]
    return [names[index] for index in place], pd.DataFrame(excerpts, names, columns)


def check_format(format: str) -> None:
    """Refuse a format that the installed libsndfile does not write."""
    import soundfile

    if format.upper() not in soundfile.available_formats():
        raise ValueError(
            f"format={format!r} takes libsndfile 1.1 or later; install it, or pass "
            "format='wav'"
        )


def write_excerpts(
    path: str,
    spans: Sequence[tuple[str, float, float]],
    *,
    folder: Path,
    pad: float,
    format: str,
    axis: Axis,
) -> list[Written]:
    """Write sound and picture of parts of a recording.

    Parameters
    ----------
    path : str
        The recording.
    spans : sequence of (str, float, float)
        What the files are called, and where each part begins and ends.
    folder : Path
        Where they are written to.
    pad : float
        Seconds before and after each part.
    format : {"mp3", "wav"}
    axis : Axis
        The frequencies of the pictures.
    """
    written = []
    times = [span[1:] for span in spans]
    for (name, *_), part in zip(spans, iter_excerpts(path, times, pad=pad)):
        rate = part.info.sample_rate
        samples = _to_mono(part)
        slowed = 10 ** max(0, math.ceil(math.log10(rate / _MAX_RATE)))
        sound = _encode(samples, rate / slowed, format)
        (folder / f"{name}.{format}").write_bytes(sound)
        (folder / f"{name}.png").write_bytes(draw(samples, rate, axis))
        written.append(Written(name, part.start, len(samples) / rate, slowed))
    return written


def _to_mono(excerpt: Excerpt) -> np.ndarray:
    """Return the mean of the channels, no louder than full scale."""
    is_whole = excerpt.samples.dtype == np.int32
    mono = excerpt.samples.mean(axis=1, dtype=np.float64) / (2.0**31 if is_whole else 1)
    return (mono / max(1.0, np.abs(mono).max())).astype(np.float32)


def _encode(samples: np.ndarray, rate: float, format: str) -> bytes:
    """Return the content of an audio file, at a rate that browsers play."""
    import soundfile

    is_mp3 = format == "mp3"
    written = _MAX_RATE if is_mp3 else max(_MIN_RATE, math.ceil(rate))
    if written != rate:
        import soxr

        samples = soxr.resample(samples, rate, written, quality="HQ")
    how: dict[str, Any] = _MP3 if is_mp3 else {"subtype": "PCM_16"}
    stream = io.BytesIO()
    soundfile.write(stream, samples, written, format=format, **how)
    return stream.getvalue()
