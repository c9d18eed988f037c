"""Frames from blocks, windows from frames, and back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_sed import LogMelTransformer
from sklearn_sed.inference._windows import CrossFade, iter_log_mel, iter_windows
from tests.inference._sounds import RATE


@pytest.mark.parametrize(
    ("n_fft", "hop_length"), [(256, 200), (255, 64), (512, 100), (64, 200), (16, 1)]
)
@pytest.mark.parametrize("n_samples", [1, 63, 1000, 5003])
def test_streamed_frames_equal_those_of_the_whole(n_fft, hop_length, n_samples):
    rng = np.random.default_rng(n_samples)
    waveform = rng.normal(size=n_samples).astype(np.float32)
    transformer = LogMelTransformer(
        sample_rate=RATE, n_fft=n_fft, hop_length=hop_length, n_mels=2
    )
    (whole,) = transformer.transform([waveform])
    for n_block in (1, 17, 333, 10_000):
        if n_block == 1 and n_samples > 100:
            continue
        cuts = range(n_block, n_samples, n_block)
        streamed = list(iter_log_mel(np.split(waveform, cuts), transformer))
        assert all(len(piece) for piece in streamed)
        streamed = np.concatenate(streamed)
        assert streamed.shape == whole.shape
        np.testing.assert_allclose(streamed, whole, rtol=0, atol=1e-4)


@given(
    st.integers(1, 60),
    st.integers(1, 12),
    st.integers(0, 11),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=60, deadline=None)
def test_windows_cover_every_frame_and_fade_back(n_frames, n_window, n_overlap, seed):
    n_overlap = min(n_overlap, n_window - 1)
    rng = np.random.default_rng(seed)
    frames = rng.normal(size=(n_frames, 2))
    pieces = np.split(frames, np.sort(rng.integers(0, n_frames, 3)))
    fade, back, last = CrossFade(n_window, n_overlap), [], -1
    for starts, windows in iter_windows(pieces, n_window, n_window - n_overlap):
        for start, window in zip(starts, windows):
            np.testing.assert_array_equal(window, frames[start : start + n_window])
            assert last < start <= last + max(1, n_window - n_overlap)
            fade.add(start, window.T)
            last = start
        back.append(fade.take(starts[-1]))
    if n_frames <= n_window:
        assert last == -1
        return
    assert last == n_frames - n_window
    back.append(fade.take())
    np.testing.assert_allclose(np.concatenate(back, axis=1), frames.T, atol=1e-12)


def test_a_window_counts_most_in_its_middle():
    fade = CrossFade(8, 4)
    fade.add(0, np.zeros((1, 8)))
    fade.add(4, np.ones((1, 8)))
    mixed = fade.take()[0]
    np.testing.assert_allclose(mixed[:4], 0)
    np.testing.assert_allclose(mixed[4:8], [0.125, 0.375, 0.625, 0.875])
    np.testing.assert_allclose(mixed[8:], 1)
