"""The compiled log-mel transform: equal to the plain one, frame by frame."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_sed._features import _kernel, _logmel
from sklearn_sed._features._logmel import SILENCE_DB, Bank, log_mel, plain_log_mel

RATE = 22050
DEFAULTS = {
    "sample_rate": RATE,
    "n_fft": 2048,
    "hop_length": 512,
    "n_mels": 64,
    "fmin": 0.0,
    "fmax": None,
}


def plain(waveform, parameters):
    """Return the plain form of the log-mel spectrogram of a waveform."""
    rest = dict(parameters)
    frames = _logmel._frames(waveform, rest["n_fft"], rest.pop("hop_length"))
    return plain_log_mel(frames, Bank(**rest))


def compiled(waveform, parameters):
    """Return what the kernel makes by itself, and which frames are in doubt."""
    rest = dict(parameters)
    hop_length = rest.pop("hop_length")
    n_frames = 1 + len(waveform) // hop_length
    tables = _logmel._tables(Bank(**rest))
    mel, peaks, doubts = _kernel.log_mel_frames(
        waveform, n_frames, hop_length, tables, SILENCE_DB
    )
    return mel, doubts > 1e-8 * peaks.max()


def differences(mel, expected):
    """Return the differences from expected, 0 below 80 dB under its maximum."""
    return np.abs(mel - expected) * (expected >= expected.max() - 80)


def make_wave(kind, n_samples, seed):
    """Return a waveform of full scale, of a kind that is hard in its own way."""
    rng = np.random.default_rng(seed)
    t = np.arange(n_samples)
    frequency = 10 ** rng.uniform(-4, np.log10(0.5))
    if kind == "silence":
        return np.zeros(n_samples)
    if kind == "constant":
        return np.full(n_samples, rng.uniform(-1, 1))
    if kind == "clicks":
        return np.where(rng.random(n_samples) < 0.01, rng.choice([-1, 1], n_samples), 0)
    if kind == "tone":
        return np.sin(2 * np.pi * (frequency * t + rng.random()))
    if kind == "tone in noise":
        noise = 10 ** rng.uniform(-6, -3) * rng.standard_normal(n_samples)
        return np.sin(2 * np.pi * frequency * t) + noise
    if kind == "square":
        return np.sign(np.sin(2 * np.pi * frequency * t))
    if kind == "rumble":
        return np.cumsum(rng.standard_normal(n_samples)) / np.sqrt(n_samples)
    return rng.standard_normal(n_samples) / 5


KINDS = [
    "silence",
    "constant",
    "clicks",
    "tone",
    "tone in noise",
    "square",
    "rumble",
    "noise",
]


@pytest.mark.filterwarnings("ignore:Empty filters detected:UserWarning")
@settings(max_examples=150, deadline=None)
@given(
    n_fft=st.integers(3, 12).map(lambda power: 2**power),
    hop=st.floats(0.001, 1.5),
    n_samples=st.integers(1, 6000),
    n_mels=st.integers(1, 80),
    band=st.sampled_from([(0.0, None), (50.0, None), (300.0, 3400.0), (0.0, 8000.0)]),
    sample_rate=st.sampled_from([16000, 22050, 44100]),
    kind=st.sampled_from(KINDS),
    level=st.sampled_from([1e-30, 1e-6, 0.01, 1.0, 300.0]),
    seed=st.integers(0, 1000),
)
def test_equal_to_the_plain_form(
    n_fft, hop, n_samples, n_mels, band, sample_rate, kind, level, seed
):
    parameters = {
        "sample_rate": sample_rate,
        "n_fft": n_fft,
        "hop_length": max(1, round(hop * n_fft), n_samples // 200),
        "n_mels": n_mels,
        "fmin": band[0],
        "fmax": band[1],
    }
    wave = (level * make_wave(kind, n_samples, seed)).astype(np.float32)
    mel, expected = log_mel(wave, **parameters), plain(wave, parameters)
    assert mel.dtype == np.float32
    assert mel.shape == expected.shape
    assert np.isfinite(mel).all()
    assert (mel >= SILENCE_DB).all()
    assert differences(mel, expected).max() < 1e-3
    if kind == "silence" or level == 1e-30:
        assert (mel == SILENCE_DB).all()


@pytest.mark.parametrize("n_fft", [512, 1024, 2048, 4096])
def test_frames_that_need_float64_get_it(n_fft):
    # noise that is 70 dB louder above 4 kHz than below
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(2 * RATE))
    gain = np.where(np.fft.rfftfreq(2 * RATE, 1 / RATE) > 4000, 0.2, 0.2 * 10**-3.5)
    wave = np.fft.irfft(gain * spectrum).astype(np.float32)
    parameters = {**DEFAULTS, "n_fft": n_fft, "hop_length": n_fft // 4}
    expected = plain(wave, parameters)
    mel, in_doubt = compiled(wave, parameters)
    assert differences(mel, expected).max() > 1e-3
    assert differences(mel, expected)[~in_doubt].max() < 1e-3
    assert differences(log_mel(wave, **parameters), expected).max() < 1e-3


def test_frames_of_noise_need_no_float64():
    wave = np.random.default_rng(0).standard_normal(3 * RATE).astype(np.float32)
    mel, in_doubt = compiled(wave, DEFAULTS)
    assert not in_doubt.any()
    assert np.abs(mel - plain(wave, DEFAULTS)).max() < 1e-4


@settings(max_examples=30, deadline=None)
@given(hop_length=st.integers(1, 600), n_dropped=st.integers(1, 90))
def test_a_frame_is_the_same_in_any_place(hop_length, n_dropped):
    parameters = {**DEFAULTS, "n_fft": 256, "hop_length": hop_length, "n_mels": 10}
    n_samples = (n_dropped + 20) * hop_length + 256
    wave = np.random.default_rng(0).standard_normal(n_samples).astype(np.float32)
    whole = log_mel(wave, **parameters)
    part = log_mel(wave[n_dropped * hop_length :], **parameters)
    inside = -(-128 // hop_length)  # the frames before meet the silence outside
    np.testing.assert_array_equal(part[inside:], whole[n_dropped + inside :])


def test_the_last_frames_hear_silence_after_the_end():
    wave = np.random.default_rng(0).standard_normal(5000).astype(np.float32)
    alone = log_mel(wave, **DEFAULTS)
    longer = log_mel(np.pad(wave, (0, 50_000)), **DEFAULTS)
    np.testing.assert_array_equal(alone, longer[: len(alone)])


def test_threads_change_nothing_and_run_side_by_side():
    rng = np.random.default_rng(0)
    waves = [
        rng.standard_normal(n).astype(np.float32) for n in rng.integers(1, 9**5, 9)
    ]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda wave: log_mel(wave, **DEFAULTS), waves))
    for wave, mel in zip(waves, together):
        np.testing.assert_array_equal(mel, log_mel(wave, **DEFAULTS))
    assert _kernel._kernel.targetoptions["nogil"]


def test_any_kind_of_array(tmp_path):
    wave = np.random.default_rng(0).standard_normal(9000).astype(np.float32)
    expected = log_mel(wave, **DEFAULTS)
    read_only = wave.copy()
    read_only.flags.writeable = False
    np.save(tmp_path / "wave.npy", wave)
    unaligned = np.frombuffer(b"?" + wave.tobytes(), np.uint8)[1:].view(np.float32)
    strided = np.repeat(wave, 2)[::2]
    memory_mapped = np.load(tmp_path / "wave.npy", mmap_mode="r")
    assert not unaligned.flags.aligned
    for same in (read_only, unaligned, strided, memory_mapped):
        np.testing.assert_array_equal(log_mel(same, **DEFAULTS), expected)


# Where there is no kernel ------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Empty filters detected:UserWarning")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_fft", [2, 3, 4, 7, 400, 551, 1021, 1023, 1102, 2**15])
def test_other_lengths_take_the_blocked_form(n_fft, kind, monkeypatch):
    monkeypatch.setattr(_logmel, "_kernel", lambda: pytest.fail("not for this length"))
    for seed in range(10):
        wave = make_wave(kind, 9000, seed).astype(np.float32)
        parameters = {**DEFAULTS, "n_fft": n_fft, "n_mels": 1 + seed % 3 * 20}
        mel, expected = log_mel(wave, **parameters), plain(wave, parameters)
        assert differences(mel, expected).max() < 1e-3


@pytest.mark.parametrize("n_fft", [400, 1021, 2048])
def test_the_blocked_form_needs_no_float64_for_noise(n_fft):
    wave = make_wave("noise", 22050, 0).astype(np.float32)
    frames = _logmel._frames(wave, n_fft, 160)
    _, _, doubts = _logmel.blocked_log_mel(frames, Bank(RATE, n_fft, 20, 50.0, None))
    assert not doubts[20:-20].any()


@pytest.mark.filterwarnings("ignore:Empty filters detected:UserWarning")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_fft", [8, 400, 512, 551, 1021, 1102, 2048])
def test_the_blocked_form_knows_where_rounding_shows(n_fft, kind):
    bank = Bank(RATE, n_fft, 40, 0.0, None)
    for seed in range(20):
        wave = make_wave(kind, 9000, seed).astype(np.float32)
        frames = _logmel._frames(wave, n_fft, 100)
        expected = plain_log_mel(frames, bank)
        mel, peaks, doubts = _logmel.blocked_log_mel(frames, bank)
        in_doubt = doubts > 1e-8 * peaks.max()
        assert differences(mel, expected)[~in_doubt].max(initial=0) < 1e-3


def test_without_numba(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn_sed._features._kernel", None)
    monkeypatch.delattr("sklearn_sed._features._kernel")
    wave = np.random.default_rng(0).standard_normal(9000).astype(np.float32)
    expected = plain(wave, DEFAULTS)
    _logmel._kernel.cache_clear()
    try:
        with pytest.warns(RuntimeWarning, match=r"a slower form \(\w*Error"):
            mel = log_mel(wave, **DEFAULTS)
        assert differences(mel, expected).max() < 1e-3
        np.testing.assert_array_equal(log_mel(wave, **DEFAULTS), mel)
    finally:
        _logmel._kernel.cache_clear()


SCRIPT = """
import warnings
import numpy as np
from sklearn_sed._features import _logmel
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    kernel = _logmel._kernel()
print([str(warning.message) for warning in caught])
if kernel is not None:
    print(sum(kernel._kernel.stats.cache_hits.values()))
"""


def run_script(**environment):
    """Run SCRIPT in a fresh interpreter and return the lines it prints."""
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout.splitlines()


@pytest.mark.slow
def test_compiled_once(tmp_path):
    first, second = (run_script(NUMBA_CACHE_DIR=str(tmp_path)) for _ in range(2))
    assert first == ["[]", "0"]
    assert second == ["[]", "1"]


@pytest.mark.slow
def test_with_the_compiler_switched_off():
    (warnings,) = run_script(NUMBA_DISABLE_JIT="1")
    assert "unset NUMBA_DISABLE_JIT" in warnings
