"""The log-mel transform: one waveform in, one spectrogram in dB out."""

import functools
import warnings
from collections.abc import Iterator
from types import ModuleType
from typing import NamedTuple

import numpy as np
import scipy.fft
from scipy.sparse import csr_array

_AMIN = np.float32(1e-10)  # the power that counts as silence: -100 dB
_DB_PER_LN = np.float32(10.0 / np.log(10.0))
_BLOCK = 2**17  # samples transformed at a time: what stays in a processor's cache
_RANGE = 1e-8  # 80 dB below a clip's maximum nobody asks for 1e-3 dB
_TOLERANCE = 1e-3 * np.log(10) / 10  # 1e-3 dB as a share of the power
_ROUNDING = 2.0**-24
# What float32 does to abs(V)**2, as the text of _kernel says
_SPREAD = (2 * 10 * _ROUNDING / _TOLERANCE) ** 2
_ECHO = (2 * 1.2 * _ROUNDING / _TOLERANCE) ** 2
_SCIPY = 2**2  # errors of scipy's transform are up to twice as large
_COMPILED_LENGTHS = [2**power for power in range(3, 15)]

SILENCE_DB = np.log(_AMIN) * _DB_PER_LN


class Bank(NamedTuple):
    """The parameters of a mel filter bank."""

    sample_rate: float
    n_fft: int
    n_mels: int
    fmin: float
    fmax: float | None


def log_mel(
    waveform: np.ndarray,
    *,
    sample_rate: float,
    n_fft: int,
    hop_length: int,
    n_mels: int,
    fmin: float,
    fmax: float | None,
) -> np.ndarray:
    """Compute the mel power spectrogram of one waveform in dB.

    Frames are centred: frame k is the Hann-windowed stretch of `n_fft` samples around
    sample ``k * hop_length``, with silence before and after the waveform. Bands are
    triangles on the Slaney mel scale, of equal area. Decibels are relative to 1, down
    to -100. This is what librosa computes.

    Parameters
    ----------
    waveform : ndarray of shape (n_samples,), float32
        At least one sample, all finite.
    sample_rate, n_fft, hop_length, n_mels, fmin, fmax
        As in :class:`~sklearn_sed.LogMelTransformer`.

    Returns
    -------
    ndarray of shape (n_frames, n_mels), float32
        ``n_frames = 1 + n_samples // hop_length`` for even `n_fft`.

    Notes
    -----
    When `n_fft` is a power of two, a kernel compiled by numba does the work in float32.
    For other lengths, and where numba cannot compile, scipy does it block by block. The
    plain form in float64 does it for frames in which rounding would move a band by
    1e-3 dB that is less than 80 dB below the clip's maximum.
    """
    bank = Bank(sample_rate, n_fft, n_mels, fmin, fmax)
    kernel = _kernel() if n_fft in _COMPILED_LENGTHS else None
    if kernel is None:
        frames = _frames(waveform, n_fft, hop_length)
        mel, peaks, doubts = blocked_log_mel(frames, bank)
    else:
        n_frames, tables = 1 + len(waveform) // hop_length, _tables(bank)
        mel, peaks, doubts = kernel.log_mel_frames(
            waveform, n_frames, hop_length, tables, SILENCE_DB
        )
    rows = np.flatnonzero(doubts > max(_AMIN, _RANGE * peaks.max()))
    if len(rows):
        frames = _frames(waveform, n_fft, hop_length)
        for block in _blocks(len(rows), n_fft):
            mel[rows[block]] = plain_log_mel(frames[rows[block]], bank)
    return mel


@functools.cache
def _kernel() -> ModuleType | None:
    """Return the compiled form, or None where there is none."""
    try:
        from sklearn_sed._features import _kernel as compiled
    except Exception as error:  # a compiler may fail in any way
        reason = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        message = f"log-mel features are computed in a slower form ({reason})"
        warnings.warn(message, RuntimeWarning, stacklevel=3)
        return None
    return compiled


@functools.lru_cache(maxsize=16)
def _tables(bank: Bank) -> NamedTuple:
    """Return what the compiled form needs to know."""
    from sklearn_sed._features._kernel import make_tables

    return make_tables(hann_window(bank.n_fft), mel_filters(bank), _limits(bank))


def _frames(waveform: np.ndarray, n_fft: int, hop_length: int) -> np.ndarray:
    """Return the centred frames as a view of the padded waveform."""
    padded = np.pad(waveform, n_fft // 2)
    return np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop_length]


def plain_log_mel(frames: np.ndarray, bank: Bank) -> np.ndarray:
    """Compute the log-mel spectrum of each frame, in float64 where rounding matters.

    The transform is done in float64: in float32 its rounding would show as much as
    6e-3 dB on bands 80 dB below a pure tone.
    """
    filters, window = _sparse_filters(bank), hann_window(bank.n_fft)
    mel = np.empty((len(frames), bank.n_mels), np.float32)
    for block in _blocks(len(frames), bank.n_fft):
        mel[block] = (filters @ _power(frames[block], window).T).T
    return _to_decibels(mel)


def blocked_log_mel(
    frames: np.ndarray, bank: Bank
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compute the same in float32, and where rounding might show.

    Returns what ``log_mel_frames`` of the compiled form does.
    """
    filters = _sparse_filters(bank)
    window = hann_window(bank.n_fft).astype(np.float32)
    mel = np.empty((len(frames), bank.n_mels), np.float32)
    sums, maxima = np.empty((2, len(frames), 1), np.float32)
    for block in _blocks(len(frames), bank.n_fft):
        power = _power(frames[block], window)
        mel[block] = (filters @ power.T).T
        power.sum(axis=1, keepdims=True, out=sums[block])
        power.max(axis=1, keepdims=True, out=maxima[block])
    spread, echoes = _limits(bank)
    bounds = _SCIPY * (sums * spread + maxima * echoes)
    peaks, doubts = mel.max(axis=1), np.where(mel < bounds, mel, 0).max(axis=1)
    return _to_decibels(mel), peaks, doubts


def _blocks(n_frames: int, n_fft: int) -> Iterator[slice]:
    """Divide frames into blocks that stay in a cache."""
    n_block = max(1, _BLOCK // n_fft)
    for start in range(0, n_frames, n_block):
        yield slice(start, start + n_block)


def _power(frames: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Return the power spectrum as float32, computed in the window's precision."""
    spectrum = scipy.fft.rfft(frames * window, axis=1, overwrite_x=True)
    parts = spectrum.view(window.dtype)
    parts *= parts
    power = np.empty(spectrum.shape, np.float32)
    return np.add(parts[:, 0::2], parts[:, 1::2], out=power, casting="same_kind")


def _to_decibels(mel: np.ndarray) -> np.ndarray:
    """Turn power into decibels, in place."""
    np.maximum(mel, _AMIN, out=mel)
    np.log(mel, out=mel)
    mel *= _DB_PER_LN
    return mel


@functools.lru_cache(maxsize=16)
def hann_window(n_fft: int) -> np.ndarray:
    """Return the periodic Hann window."""
    from scipy.signal import get_window

    return get_window("hann", n_fft, fftbins=True)


@functools.lru_cache(maxsize=16)
def mel_filters(bank: Bank) -> np.ndarray:
    """Return librosa's mel filter bank."""
    from sklearn_sed._compile import import_librosa

    settings = bank._asdict()
    return import_librosa().filters.mel(sr=settings.pop("sample_rate"), **settings)


@functools.lru_cache(maxsize=16)
def _limits(bank: Bank) -> tuple[np.ndarray, np.ndarray]:
    """Return the power of each band below which float32 may be off by 1e-3 dB.

    It is given per sum of ``abs(V)**2``, and per maximum of it.
    """
    filters = mel_filters(bank)
    heights = filters.max(axis=1)
    widths = filters.sum(axis=1) / np.maximum(heights, np.finfo(np.float32).tiny)
    counts = np.minimum(1, 4 / np.maximum(widths, 1))
    spread, echoes = _SPREAD * 2 / bank.n_fft * heights, _ECHO * heights * counts
    return spread.astype(np.float32), echoes.astype(np.float32)


@functools.lru_cache(maxsize=16)
def _sparse_filters(bank: Bank) -> csr_array:
    """Return the filter bank without its zeros."""
    return csr_array(mel_filters(bank))
