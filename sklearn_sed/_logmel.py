"""The log-mel transform: one waveform in, one spectrogram in dB out."""

import functools
from typing import NamedTuple

import numpy as np
import scipy.fft

_AMIN = np.float32(1e-10)  # the power that counts as silence: -100 dB
_DB_PER_LN = np.float32(10.0 / np.log(10.0))
_BLOCK = 2**16  # samples transformed at a time: what stays in a processor's cache
_BANDS_AT_ONCE = 8

SILENCE_DB = np.log(_AMIN) * _DB_PER_LN


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
    """
    # The transform is done in float64: in float32 its rounding would show as much as
    # 6e-3 dB on bands 80 dB below a pure tone.
    window, bands = _window(n_fft), _mel_bands(sample_rate, n_fft, n_mels, fmin, fmax)
    padded = np.pad(waveform, n_fft // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop_length]
    mel = np.empty((len(frames), n_mels), np.float32)
    n_block = max(1, _BLOCK // n_fft)
    for start in range(0, len(frames), n_block):
        windowed = frames[start : start + n_block] * window
        power = _power(scipy.fft.rfft(windowed, axis=1, overwrite_x=True))
        for band in bands:
            out = mel[start : start + n_block, band.mels]
            np.matmul(power[:, band.bins], band.weights, out=out)
    np.maximum(mel, _AMIN, out=mel)
    np.log(mel, out=mel)
    mel *= _DB_PER_LN
    return mel


def _power(spectrum: np.ndarray) -> np.ndarray:
    """Return the squared magnitude as float32, using the spectrum as workspace."""
    parts = spectrum.view(np.float64)
    parts *= parts
    power = np.empty(spectrum.shape, np.float32)
    return np.add(parts[:, 0::2], parts[:, 1::2], out=power, casting="same_kind")


class _Band(NamedTuple):
    """A few neighbouring mel bands and the only frequency bins that they weigh."""

    mels: slice
    bins: slice
    weights: np.ndarray  # (n_bins, n_mels)


@functools.lru_cache(maxsize=16)
def _window(n_fft: int) -> np.ndarray:
    """Return the periodic Hann window."""
    from scipy.signal import get_window

    return get_window("hann", n_fft, fftbins=True)


@functools.lru_cache(maxsize=16)
def _mel_bands(
    sample_rate: float, n_fft: int, n_mels: int, fmin: float, fmax: float | None
) -> tuple[_Band, ...]:
    """Split librosa's mel filter bank into groups of bands without their zeros."""
    from librosa.filters import mel

    filters = mel(sr=sample_rate, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax)
    bands = []
    for start in range(0, n_mels, _BANDS_AT_ONCE):
        group = filters[start : start + _BANDS_AT_ONCE]
        used = np.flatnonzero(group.any(axis=0))
        bins = slice(used[0], used[-1] + 1) if len(used) else slice(0, 1)
        weights = np.ascontiguousarray(group[:, bins].T)
        bands.append(_Band(slice(start, start + len(group)), bins, weights))
    return tuple(bands)
