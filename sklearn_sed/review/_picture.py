"""Spectrograms as small pictures, all on one axis of frequencies."""

import struct
import zlib
from functools import lru_cache
from typing import NamedTuple

import numpy as np

HEIGHT = 112  # pixels
_PER_SECOND = 110  # pixels
_WIDTHS = (120, 2000)
_WINDOW = 0.025  # seconds, to the next power of two samples
_N_COLOURS = 16
_RANGE_DB = (30.0, 80.0)  # from the darkest to the brightest, at least and at most
_BLOCK = 256  # columns in work at a time


class Axis(NamedTuple):
    """The frequencies from the bottom to the top of a picture, equal steps in mel."""

    fmin: float
    fmax: float

    def height(self, hertz: np.ndarray) -> np.ndarray:
        """Return how high frequencies are in the picture, 0 to 1."""
        low, high = _mel(self.fmin), _mel(self.fmax)
        return (_mel(hertz) - low) / (high - low)

    def edges(self) -> np.ndarray:
        """Return the frequencies between rows of pixels, from the bottom."""
        mel = np.linspace(_mel(self.fmin), _mel(self.fmax), HEIGHT + 1)
        return 700 * (10 ** (mel / 2595) - 1)

    def ticks(self) -> list[tuple[float, str]]:
        """Return at which heights to write which frequencies."""
        steps = (1, 2, 5) if self.fmax < 8 * self.fmin else (1, 4)
        hertz = np.outer(10.0 ** np.arange(6), steps).ravel()
        heights = self.height(hertz)
        return [
            (
                round(float(height), 4),
                f"{hz / 1000:g} kHz" if hz >= 1000 else f"{hz:g} Hz",
            )
            for height, hz in zip(heights, hertz)
            if 0.05 < height < 0.95
        ]


def _mel(hertz: float | np.ndarray) -> np.ndarray:
    return np.asarray(2595 * np.log10(1 + np.asarray(hertz) / 700))


def draw(samples: np.ndarray, sample_rate: int, axis: Axis) -> bytes:
    """Return the spectrogram of a waveform as a PNG file.

    Parameters
    ----------
    samples : ndarray of shape (n_samples,), float32
    sample_rate : int
    axis : Axis
        Above half the sample rate there is darkness.
    """
    n_columns = round(len(samples) / sample_rate * _PER_SECOND)
    n_columns = min(max(n_columns, _WIDTHS[0]), _WIDTHS[1])
    power = np.concatenate(
        [
            _rows(_columns(samples, sample_rate, places), sample_rate, axis)
            for places in np.array_split(
                (np.arange(n_columns) + 0.5) / n_columns, -(-n_columns // _BLOCK)
            )
        ]
    )
    is_heard = axis.edges()[:-1] < sample_rate / 2
    loudness = 10 * np.log10(np.maximum(power, 1e-12))
    heard = loudness[:, is_heard] if is_heard.any() else loudness
    top = heard.max()
    least, most = _RANGE_DB
    bottom = np.clip(np.percentile(heard, 30), top - most, top - least)
    level = (loudness - bottom) / (top - bottom) * _N_COLOURS
    level = np.clip(level, 0, _N_COLOURS - 1).astype(np.uint8)
    return _png(level.T[::-1], _palette())


def _columns(samples: np.ndarray, sample_rate: int, places: np.ndarray) -> np.ndarray:
    """Return the power spectra around places of a waveform, which are from 0 to 1."""
    n_fft = 2 ** max(5, round(np.log2(_WINDOW * sample_rate)))
    window = np.hanning(n_fft + 2)[1:-1].astype(np.float32)
    first = (places * len(samples)).astype(np.int64) - n_fft // 2
    index = first[:, np.newaxis] + np.arange(n_fft)
    inside = (index >= 0) & (index < len(samples))
    frames = np.where(inside, samples[np.clip(index, 0, len(samples) - 1)], 0)
    return np.abs(np.fft.rfft(frames * window)) ** 2


def _rows(power: np.ndarray, sample_rate: int, axis: Axis) -> np.ndarray:
    """Return the mean power between the frequencies of each row of pixels."""
    # A bin reaches half a bin up and down from its frequency.
    bins = np.pad(np.cumsum(power, axis=1, dtype=np.float64), ((0, 0), (1, 0)))
    place = axis.edges() / sample_rate * 2 * (power.shape[1] - 1) + 0.5
    place = np.clip(place, 0, power.shape[1])
    whole = np.minimum(place.astype(np.int64), power.shape[1] - 1)
    upto = bins[:, whole] + (place - whole) * power[:, whole]
    return np.diff(upto) / np.maximum(np.diff(place), 1e-9)


@lru_cache(maxsize=1)
def _palette() -> bytes:
    from matplotlib import colormaps

    colours = colormaps["magma"](np.linspace(0, 1, _N_COLOURS))[:, :3]
    return (255 * colours).round().astype(np.uint8).tobytes()


def _png(level: np.ndarray, palette: bytes) -> bytes:
    """Return a picture of four bits per pixel."""
    height, width = level.shape
    level = np.pad(level, ((0, 0), (0, width % 2)))
    lines = np.pad(level[:, ::2] << 4 | level[:, 1::2], ((0, 0), (1, 0)))  # no filter
    header = struct.pack(">IIBBBBB", width, height, 4, 3, 0, 0, 0)
    chunks = [
        (b"IHDR", header),
        (b"PLTE", palette),
        (b"IDAT", zlib.compress(lines.tobytes(), 9)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )
