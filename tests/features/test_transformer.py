"""Log-mel features: librosa's numbers, one clip at a time, with their own clock."""

import copy
import pickle
import warnings

import joblib
import librosa
import numpy as np
import pandas as pd
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.model_selection import cross_val_predict, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.utils import _safe_indexing, shuffle
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_sed import FeatureArray, LogMelTransformer
from sklearn_sed._features import _transformer
from sklearn_sed._features._logmel import SILENCE_DB, log_mel
from sklearn_sed.exceptions import AudioError, AudioWarning, ClipError
from tests._damage import damage_in_twenty_ways

RATE = 22050
TORCH = "cpu:0"  # the processor too, by way of torch


@parametrize_with_checks(
    [
        LogMelTransformer(),
        LogMelTransformer(n_fft=511, hop_length=3, n_mels=8, duration=0.002, n_jobs=2),
        LogMelTransformer(n_fft=64, hop_length=9, n_mels=8, device=TORCH),
    ]
)
def test_sklearn_compatible(estimator, check):
    check(estimator)


def test_the_whole_battery_runs():
    names = {
        check.func.__name__
        for _, check in parametrize_with_checks([LogMelTransformer()]).args[1]
    }
    assert len(names) > 35
    assert {"check_estimators_nan_inf", "check_methods_sample_order_invariance"} < names


# Equal to librosa --------------------------------------------------------------------


def signals(rate: int) -> dict[str, np.ndarray]:
    """Return what is hard for a spectrogram, with float32's own values."""
    rng = np.random.default_rng(0)
    t = np.arange(2 * rate) / rate
    waves = {
        "noise": 0.1 * rng.standard_normal(len(t)),
        "faint noise": 1e-5 * rng.standard_normal(len(t)),
        "tone": 0.9 * np.sin(2 * np.pi * 1000.3 * t),
        "low tone": 0.9 * np.sin(2 * np.pi * 27 * t),
        "high tone": 0.9 * np.sin(2 * np.pi * 0.467 * rate * t),
        "chirp": np.sin(2 * np.pi * (50 + 0.1 * rate * t) * t),
        "fading noise": rng.standard_normal(len(t)) * np.logspace(0, -5, len(t)),
        "impulses": (np.arange(len(t)) % 3001 == 1500).astype(float),
        "constant": np.full(len(t), 0.5),
        "clipped": np.sign(np.sin(2 * np.pi * 300 * t)),
        "silence": np.zeros(len(t)),
        "one sample": np.ones(1),
        "shorter than a frame": rng.standard_normal(100),
    }
    return {name: wave.astype(np.float32) for name, wave in waves.items()}


PARAMETERS = [
    {},
    {"sample_rate": 16000, "n_fft": 400, "hop_length": 160, "n_mels": 40, "fmin": 20.0},
    {"sample_rate": 44100, "n_fft": 4096, "n_mels": 128, "fmin": 50.0, "fmax": 14000.0},
    {"sample_rate": 8000, "n_fft": 255, "hop_length": 100, "n_mels": 13},
    {"n_fft": 1023, "hop_length": 511, "fmax": 5000.0},
    {"n_fft": 512, "hop_length": 700, "n_mels": 10, "fmin": 100.0, "fmax": 5000},
    {"sample_rate": 32000, "n_fft": 1024, "hop_length": 320, "fmin": 50},
    {"n_fft": 100_000, "hop_length": 3000, "n_mels": 1},
]


@pytest.mark.filterwarnings("ignore:n_fft=.* is too large:UserWarning")
@pytest.mark.parametrize("parameters", PARAMETERS, ids=str)
def test_equal_to_librosa(parameters):
    transformer = LogMelTransformer(**parameters)
    rate = transformer.sample_rate
    waves = signals(rate)
    ours = transformer.fit_transform(list(waves.values()))
    for (name, wave), clip in zip(waves.items(), ours, strict=True):
        mel = librosa.feature.melspectrogram(
            y=wave,
            sr=rate,
            n_fft=transformer.n_fft,
            hop_length=transformer.hop_length,
            n_mels=transformer.n_mels,
            fmin=transformer.fmin,
            fmax=transformer.fmax,
        )
        expected = librosa.power_to_db(mel, ref=1, amin=1e-10, top_db=None).T
        assert clip.dtype == np.float32
        assert clip.shape == expected.shape
        counts = expected >= expected.max() - 80
        worst = np.abs(clip - expected)[counts].max()
        assert worst < 1e-3, name


@given(
    n_samples=st.integers(1, 3000),
    n_fft=st.integers(2, 600),
    hop_length=st.integers(1, 700),
)
@settings(max_examples=60, deadline=None)
def test_as_many_frames_as_librosa(n_samples, n_fft, hop_length):
    wave = np.random.default_rng(n_samples).standard_normal(n_samples)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours = LogMelTransformer(n_fft=n_fft, hop_length=hop_length, n_mels=2)
        clip = ours.transform([wave])[0]
        expected = librosa.stft(wave, n_fft=n_fft, hop_length=hop_length)
    assert len(clip) == expected.shape[1]


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "mp3"])
@pytest.mark.parametrize("n_channels", [1, 2])
def test_files_equal_librosa(ending, n_channels, tmp_path):
    noise = 0.1 * np.random.default_rng(0).standard_normal((44100, n_channels))
    path = tmp_path / f"a.{ending}"
    with soundfile.SoundFile(path, "w", 32000, n_channels) as file:
        file.write(noise[:20000])
        file.write(noise[20000:])
    X = LogMelTransformer().fit_transform([path])
    channels, rate = soundfile.read(path, dtype="float32", always_2d=True)
    wave = librosa.resample(channels.mean(axis=1), orig_sr=rate, target_sr=RATE)
    mel = librosa.feature.melspectrogram(y=wave, sr=RATE, n_mels=64)
    expected = librosa.power_to_db(mel, top_db=None).T
    counts = expected >= expected.max() - 80
    assert np.abs(X[0] - expected)[counts].max() < 1e-3
    assert X.durations[0] == 44100 / 32000


def test_the_window_is_not_padded_with_the_signal():
    silence = log_mel(
        np.zeros(3000, np.float32),
        sample_rate=RATE,
        n_fft=512,
        hop_length=100,
        n_mels=5,
        fmin=0.0,
        fmax=None,
    )
    assert (silence == SILENCE_DB).all()
    assert pytest.approx(-100) == SILENCE_DB


# Input and output --------------------------------------------------------------------


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Return paths of WAV files of one second, two of them stereo or 8 kHz."""
    folder = tmp_path_factory.mktemp("recordings")
    rng = np.random.default_rng(0)
    paths = []
    for i, (rate, channels) in enumerate([(RATE, 1), (RATE, 2), (8000, 1), (RATE, 1)]):
        paths.append(folder / f"{i}.wav")
        soundfile.write(paths[-1], rng.uniform(-0.5, 0.5, (rate, channels)), rate)
    return paths


@pytest.fixture
def noise():
    return 0.1 * np.random.default_rng(0).standard_normal((5, 9000))


def test_all_ways_to_pass_waveforms_agree(noise, tmp_path):
    transformer = LogMelTransformer(n_fft=512, n_mels=12)
    X = transformer.fit_transform(noise)
    assert X.shape == (5, 18, 12)
    assert X.time_resolution == 512 / RATE
    np.testing.assert_array_equal(X.durations, np.full(5, 9000 / RATE))
    np.save(tmp_path / "noise.npy", noise)
    ragged = np.empty(5, dtype=object)
    for i, clip in enumerate(noise):
        ragged[i] = clip
    for same in (
        list(noise),
        tuple(noise),
        noise.tolist(),
        ragged,
        pd.DataFrame(noise),
        [pd.Series(clip) for clip in noise],
        noise.astype(object),
        np.asfortranarray(noise),
        np.load(tmp_path / "noise.npy", mmap_mode="r"),
    ):
        np.testing.assert_array_equal(LogMelTransformer.transform(transformer, same), X)


def test_all_ways_to_pass_files_agree(recordings):
    X = LogMelTransformer().fit_transform(recordings)
    assert X.shape == (4, 44, 64)
    names = [str(path) for path in recordings]
    for same in (names, np.array(names), pd.Series(recordings), tuple(names)):
        np.testing.assert_array_equal(LogMelTransformer().transform(same), X)


def test_a_clip_is_the_same_in_any_company(recordings, noise):
    transformer = LogMelTransformer()
    X = transformer.fit_transform(recordings)
    np.testing.assert_array_equal(transformer.transform(recordings[::-1]), X[::-1])
    np.testing.assert_array_equal(transformer.transform(recordings[2:3]), X[2:3])
    np.testing.assert_array_equal(
        transformer.transform([noise[0], noise[1]])[1],
        transformer.transform(noise[1:2])[0],
    )


@pytest.mark.parametrize(
    "backend", ["threading", pytest.param("loky", marks=pytest.mark.slow)]
)
def test_jobs_change_nothing(recordings, backend):
    alone = LogMelTransformer().fit_transform(recordings * 5)
    threads = LogMelTransformer(n_jobs=2).fit_transform(recordings * 5)
    np.testing.assert_array_equal(threads, alone)
    with joblib.parallel_config(backend, n_jobs=2):
        chosen = LogMelTransformer().fit_transform(recordings[:2])
    np.testing.assert_array_equal(chosen, alone[:2])


def test_unequal_clips_make_a_ragged_array(noise):
    X = LogMelTransformer().fit_transform([noise[0], noise[1, :700], noise[2, :1]])
    assert X.shape == (3,)
    assert X.dtype == object
    assert [clip.shape for clip in X] == [(18, 64), (2, 64), (1, 64)]
    np.testing.assert_array_equal(X.durations, np.array([9000, 700, 1]) / RATE)
    assert X[1].time_resolution == X.time_resolution
    assert X[1].durations == 700 / RATE
    lists = LogMelTransformer().transform([noise[0].tolist(), noise[1, :700].tolist()])
    assert [clip.shape for clip in lists] == [(18, 64), (2, 64)]


def test_duration_cuts_and_pads_with_silence(noise):
    transformer = LogMelTransformer(duration=0.2)
    n_samples = round(0.2 * RATE)
    X = transformer.fit_transform([noise[0], noise[1, :1000]])
    assert X.shape == (2, 1 + n_samples // 512, 64)
    np.testing.assert_array_equal(X.durations, [0.2, 1000 / RATE])
    start = transformer.transform([noise[0, :n_samples]])
    np.testing.assert_array_equal(X[0], start[0])
    assert (X[1, 4:] == SILENCE_DB).all()  # frames of 2048 reach 1024 samples back
    alone = LogMelTransformer().transform([noise[1, :1000]])[0]
    np.testing.assert_allclose(X[1, :1], alone[:1], atol=1e-4)


def test_duration_of_files(recordings):
    X = LogMelTransformer(duration=0.25).fit_transform(recordings)
    assert X.shape == (4, 1 + round(0.25 * RATE) // 512, 64)
    np.testing.assert_array_equal(X.durations, np.full(4, 0.25))


def test_nothing_is_learned(noise):
    transformer = LogMelTransformer().fit(noise)
    X = transformer.transform(noise)
    np.testing.assert_array_equal(LogMelTransformer().transform(noise), X)
    np.testing.assert_array_equal(clone(transformer).transform(noise), X)
    unpickled = pickle.loads(pickle.dumps(transformer))
    np.testing.assert_array_equal(unpickled.transform(noise), X)
    assert not hasattr(transformer, "get_feature_names_out")
    assert not hasattr(transformer, "set_output")


def test_length_is_remembered_for_arrays_only(noise):
    transformer = LogMelTransformer().fit(noise)
    assert transformer.n_features_in_ == 9000
    with pytest.raises(ValueError, match=r"pass a list of waveforms: list\(X\)"):
        transformer.transform(noise[:, :500])
    assert transformer.transform(list(noise[:, :500])).shape == (5, 1, 64)
    transformer.fit(list(noise))
    assert not hasattr(transformer, "n_features_in_")
    assert transformer.transform(noise[:, :500]).shape == (5, 1, 64)


def test_progress_bar(noise, capsys):
    LogMelTransformer().fit_transform(noise)
    assert capsys.readouterr().err == ""
    LogMelTransformer(verbose=1).fit_transform(noise)
    assert "5/5" in capsys.readouterr().err


# On a device -------------------------------------------------------------------------


@pytest.mark.parametrize("n_samples_at_once", [1, 30_000, 2**22])
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_a_device_changes_nothing(recordings, noise, n_samples_at_once, n_jobs):
    clips = [*recordings, *noise, noise[0, :700], noise[1, :1], np.zeros(5000)]
    expected = LogMelTransformer().fit_transform(clips)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_transformer, "_SAMPLES_AT_ONCE", n_samples_at_once)
        transformer = LogMelTransformer(device=TORCH, n_jobs=n_jobs)
        X = transformer.fit_transform(clips)
    assert X.time_resolution == expected.time_resolution
    np.testing.assert_array_equal(X.durations, expected.durations)
    for clip, same in zip(X, expected, strict=True):
        assert clip.dtype == np.float32
        assert clip.shape == same.shape
        assert np.abs(clip - same)[same >= same.max() - 80].max() < 1e-3
    assert (X[-1] == SILENCE_DB).all()


def test_company_on_a_device(noise):
    clips = [*noise, 100 * noise[0], noise[1, :700], noise[2, :1]]
    transformer = LogMelTransformer(device=TORCH)
    together = transformer.fit_transform(clips)
    for clip, row in zip(clips, together, strict=True):
        np.testing.assert_allclose(transformer.transform([clip])[0], row, atol=1e-6)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_bad_clips_on_a_device(noise, n_jobs, tmp_path):
    clips = [tmp_path / "missing.wav", *noise, np.full(9000, np.nan)]
    transformer = LogMelTransformer(device=TORCH, on_error="skip", n_jobs=n_jobs)
    X = transformer.fit_transform(clips)
    assert X.shape == (7, 18, 64)
    assert (X[[0, 6]] == SILENCE_DB).all()
    assert transformer.report_["class"].to_dict() == {0: "missing", 6: "not finite"}
    with pytest.raises(ClipError, match="clip 0: not finite"):
        transformer.transform(clips[-1:])
    with pytest.raises(AudioError, match=r"missing\.wav"):
        transformer.set_params(on_error="raise").transform(clips)


# Bad input ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([], "X is empty"),
        ("a.wav", r"pass a list of paths: \['a.wav'\]"),
        (np.zeros((4, 2, 900)), r"Average the channels first: X.mean\(axis=1\)"),
        (np.zeros((4, 900, 2)), r"Average the channels first: X.mean\(axis=2\)"),
        (np.zeros(900), r"one waveform of 900 samples; .* \[X\]"),
        ([0.1, 0.2], r"one waveform of 2 samples"),
        (iter(["a.wav"]), r"pass a list, list\(X\)"),
        (np.array([["a.wav"], ["b.wav"]]), "pass one column"),
        (pd.DataFrame({"f": ["a.wav"], "y": [1]}), "pass one column"),
        (5, "Expected 2D array"),
    ],
)
def test_wrong_containers(X, message):
    for method in (LogMelTransformer().fit, LogMelTransformer().transform):
        with pytest.raises(ValueError, match=message):
            method(X)


@pytest.mark.parametrize(
    ("clip", "message"),
    [
        (np.zeros((2, 900)), r"average the channels first: clip.mean\(axis=0\)"),
        (np.zeros((900, 2)), r"average the channels first: clip.mean\(axis=1\)"),
        (np.zeros(900, np.int16), r"\(clip\) / 32768"),
        (np.zeros(900, np.uint8), r"\(clip - 128.0\) / 128"),
        (np.zeros(9, complex), "dtype complex128"),
        (np.array(["a", "b"]), "dtype <U1"),
        (None, "None is neither a path nor a 1-D array"),
        ([0.1, 0.2], "neither a path nor"),
        (np.float32(3), "neither a path nor"),
    ],
)
@pytest.mark.parametrize("on_error", ["raise", "skip"])
def test_wrong_form_is_always_an_error(clip, message, on_error):
    transformer = LogMelTransformer(on_error=on_error)
    for method in (transformer.fit, transformer.transform):
        with pytest.raises(ClipError, match=f"clip 1: wrong form: .*{message}") as bad:
            method([np.zeros(50), clip])
        assert bad.value.clip == 1


BAD_VALUES = [
    ([0.1, np.nan, 0.2], "not finite: NaN at sample 1"),
    ([0.1, 0.3, -np.inf], "not finite: infinity at sample 2"),
    ([1e300, 0], "not finite: infinity at sample 0"),
    ([1e20, 0], r"implausible amplitude: a peak of 1e\+20"),
    ([-20000, 3], "implausible amplitude: a peak of 20000; .*clip / 32768"),
    ([], "no samples"),
]


@pytest.mark.parametrize(("values", "message"), BAD_VALUES)
def test_bad_values(values, message, noise):
    clips = [noise[0], np.array(values), noise[1, :700], noise[2]]
    for method in (LogMelTransformer().fit, LogMelTransformer().transform):
        with pytest.raises(ClipError, match=f"clip 1: {message}"):
            method(clips)
    transformer = LogMelTransformer(on_error="skip")
    X = transformer.fit_transform(clips)
    assert (X[1] == SILENCE_DB).all()
    assert X[1].shape == (18, 64)  # as the median of the others
    assert X.durations[1] == X.durations[0]
    assert list(transformer.report_.index) == [1]
    assert transformer.report_.loc[1, "path"] == "clip 1"


@pytest.mark.parametrize("on_error", ["raise", "skip"])
def test_bad_values_in_an_array(noise, on_error):
    noise[3, 5] = np.nan
    transformer = LogMelTransformer(on_error=on_error)
    if on_error == "raise":
        with pytest.raises(ClipError, match="clip 3: not finite: NaN at sample 5"):
            transformer.fit(noise)
    else:
        X = transformer.fit_transform(noise)
        np.testing.assert_array_equal(X[:3], LogMelTransformer().transform(noise[:3]))
        assert X.shape == (5, 18, 64)
        assert transformer.report_["class"].to_dict() == {3: "not finite"}


def test_pcm_codes_in_an_array():
    with pytest.raises(ClipError, match="PCM codes"):
        LogMelTransformer().fit(np.zeros((3, 500), np.int16))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"fmin": 6000.0, "fmax": 5000.0}, "fmin < fmax <= sample_rate / 2 = 11025 Hz"),
        ({"fmax": 12000.0}, "fmin < fmax <= sample_rate / 2 = 11025 Hz"),
        ({"fmin": 11025.0}, "fmin < fmax <= sample_rate / 2 = 11025 Hz"),
        ({"n_mels": 0}, "'n_mels'"),
        ({"duration": -1.0}, "'duration'"),
        ({"on_error": "ignore"}, "'on_error'"),
        ({"device": None}, "'device'"),
        ({"device": "cuda:63"}, "device='cuda:63' is no device .* pass 'cpu', or"),
        ({"device": "meta"}, "device='meta' is no device"),
        ({"device": "GPU"}, "device='GPU' is no device"),
    ],
)
def test_wrong_parameters(parameters, message, noise):
    transformer = LogMelTransformer(**parameters)
    for method in (transformer.fit, transformer.transform):
        with pytest.raises(ValueError, match=message):
            method(noise)


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    return damage_in_twenty_ways(tmp_path_factory.mktemp("damaged"))


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_twenty_damaged_files_among_good_ones(recordings, damaged, n_jobs):
    assert len(damaged) == 20
    paths = list(damaged)
    for i in range(21):
        paths.insert(2 * i, recordings[i % len(recordings)])
    alone = LogMelTransformer().fit_transform(recordings)
    transformer = LogMelTransformer(on_error="skip", n_jobs=n_jobs)
    X = transformer.fit_transform(paths)
    assert X.shape == (41, 44, 64)
    for i in range(21):
        np.testing.assert_array_equal(X[2 * i], alone[i % len(recordings)])
    assert (X[1::2] == SILENCE_DB).all()
    np.testing.assert_array_equal(X.durations, np.ones(41))
    report = transformer.report_
    assert list(report.columns) == ["path", "class", "reason"]
    assert list(report.index) == list(range(1, 41, 2))
    assert dict(zip(report["path"], report["class"])) == damaged
    for row in report.itertuples():
        assert row.reason.startswith(f"{row[2]}: ")
        assert "; " in row.reason or row.reason.count(", ")  # there is a remedy

    with pytest.raises(AudioError) as first:
        LogMelTransformer(n_jobs=n_jobs).fit_transform(paths)
    assert first.value.path == paths[1]

    with pytest.warns(AudioWarning) as caught:
        warned = LogMelTransformer(on_error="warn", n_jobs=n_jobs).fit_transform(paths)
    np.testing.assert_array_equal(warned, X)
    messages = [str(warning.message) for warning in caught]
    assert len(messages) == 20
    assert all(path in message for path, message in zip(damaged, messages))


def test_report_belongs_to_the_last_call(recordings, damaged):
    bad = next(iter(damaged))
    transformer = LogMelTransformer(on_error="skip").fit(recordings)
    assert len(transformer.report_) == 0
    transformer.transform([*recordings, bad])
    assert list(transformer.report_["path"]) == [bad]
    transformer.transform(recordings)
    assert len(transformer.report_) == 0
    unfitted = LogMelTransformer(on_error="skip")
    unfitted.transform([recordings[0], bad])
    assert list(unfitted.report_["path"]) == [bad]


def test_when_no_clip_is_left(damaged):
    transformer = LogMelTransformer(on_error="skip")
    with pytest.raises(AudioError) as caught:
        transformer.fit_transform(list(damaged)[:3])
    assert caught.value.path == next(iter(damaged))
    assert caught.value.__notes__ == ["None of the 3 clips could be used."]


def test_in_a_pipeline(recordings, damaged):
    class Loudest(LogMelTransformer):
        """Predict the loudest band: all that a pipeline needs as its last step."""

        def fit(self, X, y=None):
            self.resolution_ = X.time_resolution
            return self

        def predict(self, X):
            return X.mean(axis=1).argmax(axis=1)

    paths = [*recordings, next(iter(damaged))]
    features = LogMelTransformer(on_error="skip")
    pipeline = make_pipeline(features, Loudest()).fit(recordings)
    assert pipeline[-1].resolution_ == 512 / RATE
    assert pipeline.predict(paths).shape == (5,)
    assert list(pipeline[0].report_.index) == [4]
    assert cross_val_predict(pipeline, recordings, cv=2).shape == (4,)


# The features array ------------------------------------------------------------------


def make_features(n_clips=6, n_frames=4, n_mels=3):
    rng = np.random.default_rng(0)
    values = rng.standard_normal((n_clips, n_frames, n_mels))
    return FeatureArray(values, 0.02, 1.0 + np.arange(n_clips), -0.01)


def make_ragged():
    clips = [np.full((n, 3), float(n)) for n in (4, 2, 5, 1)]
    return FeatureArray(clips, 0.02, [4.0, 2.0, 5.0, 1.0], -0.01)


def same(a, b) -> bool:
    """Are two feature arrays the same, clock included?"""
    values = all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))
    clock = (a.time_resolution, a.time_offset) == (b.time_resolution, b.time_offset)
    if a.durations is None or b.durations is None:
        return values and clock and a.durations is b.durations
    return values and clock and np.array_equal(a.durations, b.durations)


N = 6
clip_keys = st.one_of(
    st.integers(-N, N - 1),
    st.slices(N),
    st.lists(st.integers(-N, N - 1), min_size=1).map(np.array),
    st.lists(st.integers(-N, N - 1), min_size=1),
    st.lists(st.booleans(), min_size=N, max_size=N).map(np.array),
    st.just(Ellipsis),
)


@settings(deadline=None)
@given(key=clip_keys, form=st.sampled_from(["plain", "dots", "full"]))
def test_indexing_clips_keeps_the_clock(key, form):
    X = make_features(N)
    if form == "dots" and key is not Ellipsis:
        part = X[key, ...]
    elif form == "full":
        part = X[key, :, :]
    else:
        part = X[key]
    np.testing.assert_array_equal(part, np.asarray(X)[key])
    assert part.time_resolution == 0.02
    np.testing.assert_array_equal(part.durations, X.durations[key])
    assert np.ndim(part.durations) == np.ndim(part) - 2


@settings(deadline=None)
@given(key=clip_keys)
def test_indexing_ragged_clips_keeps_the_clock(key):
    clips = [np.full((1 + i, 3), float(i)) for i in range(N)]
    X = FeatureArray(clips, 0.02, 1.0 + np.arange(N))
    part = X[key]
    assert isinstance(part, FeatureArray)
    assert part.time_resolution == 0.02
    expected = X.durations[key]
    np.testing.assert_array_equal(part.durations, expected)
    if np.ndim(expected) == 0:
        assert len(part) == expected
    else:
        assert [len(clip) for clip in part] == list(expected)


axis_keys = st.one_of(
    st.integers(0, 2), st.slices(3), st.lists(st.integers(0, 2), min_size=1, max_size=3)
)


@settings(deadline=None)
@given(keys=st.lists(axis_keys | st.sampled_from([None, Ellipsis]), max_size=4))
def test_any_index_gives_a_true_clock_or_none(keys):
    keys = tuple(keys)
    X = make_features(3, 3, 3)
    # clip, frame and value say where each number came from
    where = np.indices((3, 3, 3))
    try:
        clips, frames = where[0][keys], where[1][keys]
    except IndexError:
        return
    part = X[keys]
    if not isinstance(part, FeatureArray):
        return
    durations = part.durations
    if durations is not None and durations.ndim == 1:
        expected = durations.reshape(-1, *[1] * (part.ndim - 1))
        np.testing.assert_array_equal(X.durations[clips], expected + 0 * clips)
        assert set(np.unique(frames)) in [{0, 1, 2}, {0, 2}, {0}, set()]
    elif durations is not None:
        assert (X.durations[clips] == durations).all()
    if part.time_resolution is not None and part.ndim == 3 and part.size:
        steps = np.diff(frames, axis=1)
        step = part.time_resolution / 0.02
        np.testing.assert_allclose(steps, np.full_like(steps, round(step)))
        middle = part.time_offset + part.time_resolution / 2
        np.testing.assert_allclose(middle, 0.02 * frames[:, 0], atol=1e-9)
    if part.time_resolution is None:
        assert part.time_offset == 0


def test_frames_of_a_single_clip():
    clip = make_features()[2]
    assert clip.durations.shape == ()
    assert clip[:].durations == 3.0
    assert clip[:, 1:].durations == 3.0
    assert clip[1:].durations is None
    assert clip[1:].time_offset == pytest.approx(0.01)
    assert clip[::2].time_resolution == 0.04
    assert clip[::2].time_offset == pytest.approx(-0.02)
    assert clip[::2].durations == 3.0
    assert clip[[0, 3]].time_resolution is None
    assert clip[::-1].time_resolution is None
    assert isinstance(clip[0, 0], float)


@pytest.mark.parametrize("make", [make_features, make_ragged])
def test_a_clip_without_duration_has_its_frames_first(make):
    X = make()
    clip = FeatureArray(np.asarray(X), 0.02, time_offset=-0.01)[2]
    assert clip.durations is None
    assert clip[::2].time_resolution == 0.04
    assert clip[1::2].time_offset == pytest.approx(0.0)
    assert clip[np.newaxis].time_offset == -0.01
    assert clip[np.newaxis, :, 1:].time_resolution == 0.02


def test_slices_of_frames_are_centred_where_they_were():
    X = make_features(n_frames=40)
    for a, s in [(0, 2), (3, 1), (5, 4), (39, 7)]:
        part = X[:, a::s]
        centres = part.time_offset + (np.arange(part.shape[1]) + 0.5) * (
            part.time_resolution
        )
        np.testing.assert_allclose(centres, 0.02 * np.arange(40)[a::s], atol=1e-12)
        assert (part.durations is not None) == (a == 0)
    assert X[:, :-1].durations is None
    assert X[:, :-2:2].durations is None


@pytest.mark.parametrize("make", [make_features, make_ragged])
@pytest.mark.parametrize(
    "operation",
    [
        lambda X: X.copy(),
        copy.copy,
        copy.deepcopy,
        lambda X: X.view(),
        lambda X: X[:],
        lambda X: X + 0,
        lambda X: np.negative(np.negative(X)),
        lambda X: pickle.loads(pickle.dumps(X)),
        lambda X: pickle.loads(pickle.dumps(X, protocol=2)),
        lambda X: joblib.Parallel(2)(joblib.delayed(np.negative)(-X) for _ in "a")[0],
        lambda X: _safe_indexing(X, np.arange(len(X))),
        lambda X: X[::-1][::-1],
        lambda X: np.concatenate([X[:2], X[2:]]),
        np.asanyarray,
    ],
)
def test_same_clips_same_clock(make, operation):
    X = make()
    assert same(operation(X), X)


@pytest.mark.parametrize("make", [make_features, make_ragged])
def test_joblib_files_and_memory(make, tmp_path):
    X = make()
    joblib.dump(X, tmp_path / "features")
    assert same(joblib.load(tmp_path / "features"), X)
    calls = []

    def double(features):
        calls.append(1)
        return features * 2

    cached = joblib.Memory(tmp_path / "cache", verbose=0).cache(double)
    assert same(cached(X), X * 2)
    assert same(cached(X.copy()), X * 2)
    assert len(calls) == 1


def test_sklearn_splits_keep_the_clock():
    X = make_features()
    train, test = train_test_split(X, random_state=0)
    both = np.concatenate([train.durations, test.durations])
    np.testing.assert_array_equal(np.sort(both), X.durations)
    mixed = shuffle(X, random_state=0)
    for clip in mixed:
        np.testing.assert_array_equal(clip, X[int(clip.durations) - 1])


def test_arithmetic():
    X, Y = make_features(), make_features()[::-1]
    assert X.astype(np.float32).dtype == np.float32
    assert X.astype(np.float32).durations is not None
    assert (X + Y).durations is None
    assert (X + Y).time_resolution == 0.02
    faster = FeatureArray(np.asarray(X), 0.01, X.durations)
    assert (X + faster).time_resolution is None
    assert (X + faster).durations is not None
    X += 1
    np.log(X.clip(1), out=X)
    assert X.durations is not None
    assert isinstance(X.mean(), float)
    assert type(X.view(np.ndarray)) is np.ndarray


def bands(X):
    return np.zeros(X.shape[-1])


@pytest.mark.parametrize(
    "operation",
    [
        lambda X: X - X.mean(axis=(0, 1)),
        lambda X: X - X.mean(axis=2, keepdims=True),
        lambda X: X.mean(axis=1, keepdims=True) - X,
        lambda X: X / X.std(axis=(1, 2), keepdims=True),
        lambda X: X - np.sort(X, axis=1),
        lambda X: X - X[:, :1],
        lambda X: X + bands(X),
        lambda X: X + np.zeros((len(X), 1, 1)),
        lambda X: X > 0,
        lambda X: np.exp(X),
        lambda X: 1 / X,
        lambda X: X + X,
        lambda X: np.maximum(X, X.min(axis=1, keepdims=True)),
        lambda X: X.clip(-1, 1),
        lambda X: np.clip(X, -1, 1),
        lambda X: np.where(X > 0, X, 0.0),
        lambda X: np.where(np.asarray(X) > 0, 0.0, X),
        lambda X: np.select([X > 1, X > 0], [X, 2 * X]),
        lambda X: np.nan_to_num(X),
        lambda X: np.nan_to_num(X, copy=False),
        lambda X: np.round(X, 1),
        lambda X: np.zeros_like(X),
        lambda X: np.pad(X, ((0, 0), (0, 0), (1, 2))),
        lambda X: np.concatenate([X, X], axis=2),
        lambda X: np.concatenate([X, X.mean(axis=2, keepdims=True)], axis=-1),
        lambda X: X[:, :, ::-1],
        lambda X: np.modf(X)[1],
        lambda X: np.array_split(X, 1)[0] + X,
        lambda X: np.atleast_3d(X),
    ],
)
def test_what_keeps_the_frames_keeps_the_clock(operation):
    X = make_features()
    result = operation(X)
    assert (result.time_resolution, result.time_offset) == (0.02, -0.01)
    np.testing.assert_array_equal(result.durations, X.durations)
    clip = FeatureArray(np.zeros((4, 3)), 0.02, 1.0, -0.01)
    result = clip - clip.mean(axis=0, keepdims=True) + np.ones(3)
    assert (result.time_offset, result.durations) == (-0.01, 1.0)


@pytest.mark.parametrize(
    "operation",
    [
        lambda X: X.mean(axis=0),
        lambda X: np.sort(X, axis=1),
        lambda X: np.sort(X, axis=0),
        lambda X: np.flip(X, 1),
        lambda X: np.fliplr(X),
        lambda X: np.roll(X, 1, axis=1),
        lambda X: np.take(X, [2, 0, 1, 3], axis=1),
        lambda X: X.take([2, 0, 1, 3], axis=1),
        lambda X: np.take_along_axis(X, np.argsort(X, axis=1), axis=1),
        lambda X: np.delete(X, 0, axis=1),
        lambda X: np.repeat(X, 1, axis=1),
        lambda X: X.repeat(1, axis=1),
        lambda X: np.rot90(X, 2),
        lambda X: np.pad(X, ((0, 0), (1, 0), (0, 0))),
        lambda X: np.pad(X, ((1, 0), (0, 0), (0, 0))),
        lambda X: np.split(X, 2, axis=1)[1],
        lambda X: np.sort_complex(X),
        lambda X: np.cumsum(X, axis=1),
        lambda X: np.apply_along_axis(np.sort, 1, X),
        lambda X: np.partition(X, 1, axis=1),
        lambda X: np.matmul(np.ones((4, 4)), X),
        lambda X: np.add.accumulate(X, axis=1),
        lambda X: np.sort(X, axis=1)[::2],
        lambda X: X[:, ::-1],
        lambda X: X[:, ::-2],
        lambda X: np.broadcast_to(X[:1], X.shape),
        lambda X: np.einsum("ijk->kij", X),
        lambda X: X.mean(axis=1),
        lambda X: X.mean(axis=1, keepdims=True),
        lambda X: X.reshape(len(X), -1),
        lambda X: X.ravel(),
        lambda X: X[X > 0],
        lambda X: X[None],
        lambda X: X[:, [0, 1]],
        lambda X: X[[0, 1], [0, 1]],
        lambda X: X[np.array([[0, 1], [2, 3]])],
        lambda X: X[..., 0],
        lambda X: X[True],
        lambda X: X.T,
        lambda X: X.mT,
        lambda X: X.swapaxes(1, 2),
        lambda X: np.moveaxis(X, 1, 2),
        lambda X: np.concatenate([X, X], axis=1),
        lambda X: np.concatenate([X, np.asarray(X)]),
        lambda X: np.hstack([X, X]),
    ],
)
def test_what_loses_the_frames_loses_the_clock(operation):
    result = operation(make_features())
    assert getattr(result, "time_resolution", None) is None
    assert getattr(result, "time_offset", 0.0) == 0.0
    assert getattr(result, "durations", None) is None


@pytest.mark.parametrize(
    "operation",
    [
        lambda X: np.roll(X, 1, axis=0),
        lambda X: np.take(X, [1, 0], axis=0),
        lambda X: np.repeat(X, 2, axis=0),
        lambda X: X[:, 1:],
        lambda X: X[:, 0],
        lambda X: np.matmul(X, np.ones((3, 3))),
    ],
)
def test_what_may_mix_clips_loses_durations(operation):
    assert operation(make_features()).durations is None


def test_joining_clips_joins_their_clocks():
    X = make_features()
    one = X[3]
    assert same(one[np.newaxis], X[3:4])
    assert same(one[None, :, 1:], X[3:4, :, 1:])
    assert one[None, ::2].time_resolution == 0.04
    assert one[None, ::2].durations.tolist() == [4.0]
    for joined in (
        np.stack([X[4], X[1]]),
        np.vstack([X[4:5], X[1:2]]),
        np.append(X[4:5], X[1:2], axis=0),
    ):
        assert same(joined, X[[4, 1]])
    rows = FeatureArray(np.asarray(X)[:, 0], 0.5, X.durations)
    assert same(np.concatenate([rows[:2], rows[2:]]), rows)
    ragged = make_ragged()
    for join in (np.concatenate, np.hstack):
        assert same(join([ragged[2:], ragged[:2]]), ragged[[2, 3, 0, 1]])
    for other in (0.01, -0.01), (0.02, 0.0):
        unlike = FeatureArray(np.asarray(X), other[0], X.durations, other[1])
        for both in np.concatenate([X, unlike]), np.vstack([X, unlike]):
            assert (both.time_resolution, both.time_offset) == (None, 0.0)
            assert both.durations.tolist() == [*X.durations] * 2
        assert (X + unlike).time_resolution is None


@pytest.mark.parametrize("make", [make_features, make_ragged])
def test_hashes_tell_clocks_apart(make, tmp_path):
    values = np.asarray(make())
    seconds = np.arange(1.0, 1 + len(values))
    clocks = [
        (None, None),
        (0.02, None),
        (0.03, None),
        (0.02, None, -0.01),
        (0.02, seconds),
        (0.02, seconds[::-1]),
    ]
    hashes = [joblib.hash(FeatureArray(values, *clock)) for clock in clocks]
    assert len(set(hashes)) == len(clocks)
    again = [joblib.hash(FeatureArray(values.copy(), *clock)) for clock in clocks]
    assert again == hashes
    cached = joblib.Memory(tmp_path, verbose=0).cache(lambda X: X.time_offset)
    assert [cached(FeatureArray(values, 1.0, None, o)) for o in (0.0, 0.5)] == [0, 0.5]
    assert FeatureArray(values).strides == values.strides


def test_features_are_validated():
    with pytest.raises(ValueError, match=r"durations has shape \(3,\); 6 clips need"):
        FeatureArray(np.zeros((6, 4, 3)), 0.02, [1, 2, 3])
    for wrong in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="must be positive"):
            FeatureArray(np.zeros((6, 4, 3)), wrong)
    for wrong in (np.nan, np.inf):
        with pytest.raises(ValueError, match="the second at which frame 0 begins"):
            FeatureArray(np.zeros((6, 4, 3)), 0.02, time_offset=wrong)


def test_features_from_lists_and_without_copies():
    values = np.zeros((6, 4, 3))
    assert np.shares_memory(FeatureArray(values), values)
    assert FeatureArray([np.zeros((4, 3))] * 2).shape == (2, 4, 3)
    assert make_ragged().shape == (4,)
    assert FeatureArray(values).durations is None
    X = make_ragged()
    assert type(np.asarray(X)[0]) is np.ndarray
    assert X[0].durations == 4.0
    assert np.shares_memory(X[0], np.asarray(X)[0])
