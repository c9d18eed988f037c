"""The log-mel transform by torch: equal to the plain one, whoever else is there."""

import numpy as np
import pytest

from sklearn_sed._features import _logmel
from sklearn_sed.nn import _log_mel
from sklearn_sed.nn._log_mel import batched_log_mel

RATE = 22050


def waves():
    """Return waveforms of several lengths that are hard for a spectrogram."""
    rng = np.random.default_rng(0)
    t = np.arange(RATE) / RATE
    loud_above_4_khz = np.fft.rfft(rng.standard_normal(RATE))
    loud_above_4_khz[:4000] *= 10**-3.5
    clips = [
        0.1 * rng.standard_normal(RATE),
        0.9 * np.sin(2 * np.pi * 1000.3 * t),
        np.ones(1),
        0.9 * np.sin(2 * np.pi * 27 * t[:9001]),
        np.zeros(5000),
        1e-5 * rng.standard_normal(700),
        np.fft.irfft(loud_above_4_khz),
        300 * np.sin(2 * np.pi * 9000 * t[:3000]),
        np.full(2, 1e-30),
    ]
    return [clip.astype(np.float32) for clip in clips]


def transform(clips, n_fft=2048, hop_length=512, n_mels=64):
    """Return what torch makes of clips."""
    spectrograms = batched_log_mel(
        clips,
        window=_logmel.hann_window(n_fft),
        filters=_logmel.mel_filters(_logmel.Bank(RATE, n_fft, n_mels, 0.0, None)),
        hop_length=hop_length,
        floor=float(_logmel.SILENCE_DB),
        device="cpu",
    )
    return list(spectrograms)


FORMS = [(2048, 512, 64), (400, 160, 40), (1023, 700, 20), (8, 11, 2), (3, 1, 1)]


@pytest.mark.filterwarnings("ignore:Empty filters detected:UserWarning")
@pytest.mark.parametrize("form", FORMS, ids=str)
def test_equal_to_the_plain_form(form):
    n_fft, hop_length, n_mels = form
    for wave, mel in zip(waves(), transform(waves(), *form), strict=True):
        frames = _logmel._frames(wave, n_fft, hop_length)
        bank = _logmel.Bank(RATE, n_fft, n_mels, 0.0, None)
        expected = _logmel.plain_log_mel(frames, bank)
        assert mel.dtype == np.float32
        assert mel.shape == expected.shape
        assert np.abs(mel - expected)[expected >= expected.max() - 80].max() < 1e-4
        if np.abs(wave).max() < 1e-20:
            assert (mel == _logmel.SILENCE_DB).all()


@pytest.mark.parametrize("block", [1, 5000, 100_000])
def test_company_and_blocks_change_nothing(block, monkeypatch):
    together = transform(waves())
    monkeypatch.setattr(_log_mel, "_BLOCK", block)
    for wave, expected in zip(waves(), together, strict=True):
        np.testing.assert_allclose(transform([wave])[0], expected, rtol=0, atol=1e-6)
    for mel, expected in zip(transform(waves()[::-1]), together[::-1], strict=True):
        np.testing.assert_allclose(mel, expected, rtol=0, atol=1e-6)
