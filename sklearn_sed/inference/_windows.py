"""From blocks of samples to frames, from frames to windows, and back to frames."""

from collections.abc import Iterable, Iterator

import numpy as np

from sklearn_sed._features._logmel import log_mel
from sklearn_sed._features._transformer import LogMelTransformer


def iter_log_mel(
    blocks: Iterable[np.ndarray], transformer: LogMelTransformer
) -> Iterator[np.ndarray]:
    """Compute the log-mel frames of a waveform that comes in blocks.

    Parameters
    ----------
    blocks : iterable of ndarray of shape (n_samples_i,), float32
        The waveform, at least one sample.
    transformer : LogMelTransformer
        How frames are computed. Its `duration` is left aside.

    Yields
    ------
    ndarray of shape (n_frames_i, n_mels), float32
        Put together, the frames of the whole waveform.
    """
    names = ("sample_rate", "n_fft", "hop_length", "n_mels", "fmin", "fmax")
    kernel = {name: getattr(transformer, name) for name in names}
    n_fft, hop_length = transformer.n_fft, transformer.hop_length
    n_before = n_fft // 2  # samples of a frame before its centre
    n_context = -(-n_before // hop_length)  # frames that keep silence out of the next
    samples = np.empty(0, np.float32)
    n_known = 0  # frames of `samples` that were yielded
    for block in blocks:
        samples = np.concatenate((samples, block))
        n_complete = (len(samples) - (n_fft - n_before)) // hop_length + 1
        if n_complete <= n_known:
            continue
        yield log_mel(samples, **kernel)[n_known:n_complete]
        n_dropped = max(0, n_complete - n_context)
        samples = samples[n_dropped * hop_length :]
        n_known = n_complete - n_dropped
    rest = log_mel(samples, **kernel)[n_known:]
    if len(rest):
        yield rest


def iter_windows(
    pieces: Iterable[np.ndarray], n_window: int, n_hop: int
) -> Iterator[tuple[list[int], np.ndarray]]:
    """Cut frames that come in pieces into windows of equal length.

    Windows begin every `n_hop` frames; the last one ends with the last frame.

    Parameters
    ----------
    pieces : iterable of ndarray of shape (n_frames_i, n_mels)
        The frames.
    n_window, n_hop : int
        Frames in a window, and from the start of one to the start of the next.

    Yields
    ------
    starts : list of int of length n_windows
        First frame of each window, rising from one yield to the next.
    windows : ndarray of shape (n_windows, n_window, n_mels)
        The windows. Nothing is yielded when all frames fit into one window.
    """
    kept: list[np.ndarray] = []
    first, upcoming = 0, 0  # first frame kept; the next window's start among them
    for piece in pieces:
        frames = np.concatenate((*kept, piece))
        # A window is cut once a frame beyond it is there: it is not the last.
        starts = range(upcoming, len(frames) - n_window, n_hop)
        if starts:
            windows = np.stack([frames[start : start + n_window] for start in starts])
            yield [first + start for start in starts], windows
            first += starts[-1]
            frames, upcoming = frames[starts[-1] :], n_hop
        kept = [frames]
    frames = np.concatenate(kept)
    if first + len(frames) > n_window:
        yield [first + len(frames) - n_window], frames[np.newaxis, -n_window:]


class CrossFade:
    """Averages the values of overlapping windows frame by frame.

    A window counts fully in its middle and fades out towards both ends over the
    overlap, for networks know least about the edges of what they see.

    Parameters
    ----------
    n_window : int
        Frames in a window.
    n_overlap : int
        Frames that a window shares with the next.
    """

    def __init__(self, n_window: int, n_overlap: int):
        ramp = (np.arange(n_window) + 0.5) / max(n_overlap, 1)
        self._fade = np.minimum(1.0, np.minimum(ramp, ramp[::-1]))
        self._first = 0
        self._weights = np.zeros(0)
        self._sums = np.zeros(0)

    def add(self, start: int, values: np.ndarray) -> None:
        """Add a window that begins at frame `start`; frames are the last axis."""
        here = start - self._first
        n_new = here + len(self._fade) - len(self._weights)
        if not self._weights.size:
            self._sums = np.zeros((*values.shape[:-1], 0))
        self._sums = _lengthen(self._sums, n_new)
        self._weights = _lengthen(self._weights, n_new)
        self._sums[..., here : here + len(self._fade)] += values * self._fade
        self._weights[here : here + len(self._fade)] += self._fade

    def take(self, stop: int | None = None) -> np.ndarray:
        """Return and forget the averages up to frame `stop`, of all when None."""
        n_taken = len(self._weights) if stop is None else stop - self._first
        means = self._sums[..., :n_taken] / self._weights[:n_taken]
        self._sums = self._sums[..., n_taken:]
        self._weights = self._weights[n_taken:]
        self._first += n_taken
        return means


def _lengthen(values: np.ndarray, n_new: int) -> np.ndarray:
    """Return the values with zeros after their last axis."""
    zeros = np.zeros((*values.shape[:-1], n_new))
    return np.concatenate((values, zeros), axis=-1)
