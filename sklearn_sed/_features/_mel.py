"""The mel scale of Slaney's Auditory Toolbox, and its filter bank."""

import functools
import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

# Linear up to 1 kHz, which is 15 mel; from there, 27 mel are a factor of 6.4.
_BREAK_HZ, _BREAK_MEL = 1000.0, 15.0
_LOG_STEP = np.log(6.4) / 27


def hz_to_mel(hz: ArrayLike) -> Any:
    """Return the place of frequencies on the mel scale."""
    ratio = np.asarray(hz) / _BREAK_HZ
    return np.where(
        ratio < 1,
        _BREAK_MEL * ratio,
        _BREAK_MEL + np.log(np.maximum(ratio, 1)) / _LOG_STEP,
    )


def mel_to_hz(mel: ArrayLike) -> Any:
    """Return the frequencies at places on the mel scale."""
    above = np.asarray(mel) - _BREAK_MEL
    return _BREAK_HZ * np.where(
        above < 0, 1 + above / _BREAK_MEL, np.exp(_LOG_STEP * np.maximum(above, 0))
    )


@functools.lru_cache(maxsize=16)
def mel_filters(
    sample_rate: float, n_fft: int, n_mels: int, fmin: float, fmax: float | None
) -> np.ndarray:
    """Return triangles of equal area over the bins of a Fourier transform.

    The peak of each band is where its neighbours begin and end.
    """
    top = sample_rate / 2 if fmax is None else fmax
    edges = mel_to_hz(np.linspace(hz_to_mel(fmin), hz_to_mel(top), n_mels + 2))
    low, peak, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    bins = np.fft.rfftfreq(n_fft, 1 / sample_rate)
    triangles = np.minimum((bins - low) / (peak - low), (high - bins) / (high - peak))
    filters = np.maximum(triangles, 0) * 2 / (high - low)
    n_empty = n_mels - np.count_nonzero(filters.any(axis=1))
    if n_empty:
        warnings.warn(
            f"Empty filters detected: {n_empty} of n_mels={n_mels} bands lie between "
            f"the frequencies that n_fft={n_fft} tells apart, and are silent; lower "
            "n_mels or raise n_fft",
            UserWarning,
            stacklevel=2,
        )
    return filters.astype(np.float32)
