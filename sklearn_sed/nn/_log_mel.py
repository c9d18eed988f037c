"""The log-mel transform by torch: several clips at once, on any of its devices."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

_BLOCK = 2**23  # samples in the frames transformed at a time: 64 MB in float64


def batched_log_mel(
    waveforms: Sequence[np.ndarray],
    *,
    window: np.ndarray,
    filters: np.ndarray,
    hop_length: int,
    floor: float,
    device: str,
) -> Iterator[np.ndarray]:
    """Yield the mel power spectrogram of each waveform in dB, computed in float64.

    The waveforms lie end to end with half a frame of silence between them, so that
    each has its own frames alone, and these are transformed block by block.

    Parameters
    ----------
    waveforms : sequence of ndarray of shape (n_samples_i,), float32
        At least one sample each, all finite.
    window : ndarray of shape (n_fft,)
        What each frame is multiplied with.
    filters : ndarray of shape (n_mels, 1 + n_fft // 2)
        Weights of the frequency bins in each mel band, none negative.
    hop_length : int
        Samples from one frame to the next.
    floor : float
        Decibels of silence.
    device : str
        Device of torch.

    Yields
    ------
    ndarray of shape (n_frames_i, n_mels), float32
        Decibels relative to 1.
    """
    n_fft, half = len(window), len(window) // 2
    silence = np.zeros(half, np.float32)
    pieces = [piece for waveform in waveforms for piece in (waveform, silence)]
    lengths = np.array([half + len(waveform) for waveform in waveforms])
    n_frames = 1 + (lengths + half - n_fft) // hop_length
    starts = np.concatenate(
        [
            start + hop_length * np.arange(n)
            for start, n in zip(np.cumsum(lengths) - lengths, n_frames)
        ]
    )
    samples = torch.from_numpy(np.concatenate([silence, *pieces])).to(device)
    frames = samples.unfold(0, n_fft, 1)
    taper = torch.from_numpy(window).to(device, torch.float64)
    weights = torch.from_numpy(filters.T).to(device, torch.float64)
    mel = np.empty((len(starts), len(filters)), np.float32)
    n_block = max(1, _BLOCK // n_fft)
    for first in range(0, len(starts), n_block):
        block = slice(first, first + n_block)
        spectrum = torch.fft.rfft(frames[torch.from_numpy(starts[block])] * taper)
        power = spectrum.real.square() + spectrum.imag.square()
        decibels = 10 * torch.log10(power @ weights)
        mel[block] = decibels.clamp(min=floor).float().cpu().numpy()
    yield from np.split(mel, np.cumsum(n_frames)[:-1])
