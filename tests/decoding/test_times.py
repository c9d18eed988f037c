"""From sounds to times: nothing comes early or late."""

import numpy as np
import pytest

from sklearn_sed import EventDecoder, FeatureArray, LogMelTransformer

N_CLIPS, N_BURSTS, RATE = 100, 10, 22050


@pytest.fixture(scope="module")
def bursts():
    """A thousand bursts of noise: waveforms, and (n_clips, n_bursts, 2) times."""
    rng = np.random.default_rng(0)
    onset = np.arange(N_BURSTS) + rng.uniform(0.1, 0.3, (N_CLIPS, N_BURSTS))
    times = np.stack((onset, onset + rng.uniform(0.3, 0.5, onset.shape)), axis=2)
    samples = np.round(times * RATE).astype(int)
    sounds = np.zeros((N_CLIPS, N_BURSTS * RATE), np.float32)
    for sound, clip in zip(sounds, samples):
        for start, stop in clip:
            sound[start:stop] = 0.1 * rng.normal(size=stop - start)
    return sounds, samples / RATE


def found_times(scores):
    """Onsets and offsets of the stretches above one half, (n_clips, n_bursts, 2)."""
    decoder = EventDecoder(
        smoothing=None, threshold=0.5, low_threshold=None, min_gap=0.05
    )
    tables = decoder.decode(scores, scores.time_resolution, ["noise"])
    return np.array([table[["onset", "offset"]].to_numpy() for table in tables])


@pytest.mark.parametrize(
    "transformer",
    [
        LogMelTransformer(),
        LogMelTransformer(n_fft=1024, hop_length=300, sample_rate=RATE),
    ],
)
def test_a_thousand_bursts_are_where_they_are_heard(bursts, transformer):
    """A frame that is centred on the edge of a burst has half of its energy."""
    sounds, times = bursts
    X = transformer.fit_transform(sounds)
    energy = (10 ** (X / 10)).sum(axis=2)
    inside = np.median(energy[energy > energy.max() / 10])
    scores = np.clip(energy / inside, 0, 1)[..., np.newaxis]
    clock = X.time_resolution, X.durations, X.time_offset
    late = found_times(FeatureArray(scores, *clock)) - times
    assert np.abs(late).max() < 0.03
    assert np.abs(late.mean(axis=(0, 1))).max() < 0.003


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_thousand_bursts_are_where_their_frames_are_centred(bursts, step):
    _, times = bursts
    frames = np.arange(0, N_BURSTS, 512 / RATE)
    active = (frames[:, None] >= times[:, None, :, 0]) & (
        frames[:, None] < times[:, None, :, 1]
    )
    resolution = 512 / RATE
    scores = active.any(axis=2, keepdims=True).astype(np.float32)
    scores = FeatureArray(scores, resolution, time_offset=-resolution / 2)
    late = found_times(scores[:, ::step]) - times
    assert np.abs(late.mean(axis=(0, 1))).max() < 0.003
