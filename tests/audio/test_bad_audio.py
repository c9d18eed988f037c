"""Twenty damaged files among a thousand: none is lost, none is let in unseen."""

import numpy as np
import pandas as pd
import pytest
import soundfile
from pandas.testing import assert_frame_equal
from sklearn.pipeline import make_pipeline

from sklearn_sed import (
    EventDecoder,
    LogMelTransformer,
    TwoPassSED,
    WeakEventDetector,
    WeakTagger,
)
from sklearn_sed._features._logmel import SILENCE_DB
from sklearn_sed.events import read_events
from sklearn_sed.exceptions import AudioError, AudioWarning
from sklearn_sed.inference import detect_events, detect_files
from tests._damage import damage_in_twenty_ways
from tests._networks import EXACT, TINY_CRNN

RATE = 8000
N_FILES, N_BAD = 1000, 20
FEATURES = {"sample_rate": RATE, "n_fft": 256, "hop_length": 200, "n_mels": 12}
EVERY = N_FILES // N_BAD  # of the files, one is damaged


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """Return a thousand paths; each fiftieth, from the eighth on, is of a bad file."""
    folder = tmp_path_factory.mktemp("recordings")
    (folder / "bad").mkdir()
    bad = list(damage_in_twenty_ways(folder / "bad"))
    rng = np.random.default_rng(0)
    paths = []
    for i in range(N_FILES):
        if i % EVERY == 7:
            paths.append(bad[i // EVERY])
            continue
        samples = 0.01 * rng.normal(size=rng.integers(1600, 3200))
        samples[200:1400] += 0.5 * np.sin(np.arange(1200))
        paths.append(str(folder / f"{i:03}.wav"))
        soundfile.write(paths[-1], samples, RATE)
    return paths


@pytest.fixture(scope="module")
def bad(paths):
    return paths[7::EVERY]


@pytest.fixture(scope="module")
def model():
    """Return a model that finds an event in most files."""
    rng = np.random.default_rng(0)
    clips = 0.01 * rng.normal(size=(16, 4000))
    clips[::2, 1000:3000] += 0.5 * np.sin(np.arange(2000))
    return make_pipeline(
        LogMelTransformer(**FEATURES),
        WeakEventDetector(**EXACT, threshold=0.0, decoder=EventDecoder(smoothing=None)),
    ).fit(clips, [["tone"], []] * 8)


def check_report(report, bad):
    assert list(report.columns) == ["path", "class", "reason"]
    assert report["path"].tolist() == bad
    for row in report.itertuples():
        assert row.reason.startswith(f"{row[2]}: ")


def check_warnings(caught, bad):
    messages = [str(warning.message) for warning in caught]
    assert len(messages) == N_BAD
    assert all(m.startswith(f"{path}: ") for path, m in zip(bad, messages))


def test_features_of_a_thousand_files(paths, bad):
    transformer = LogMelTransformer(**FEATURES, on_error="skip")
    X = transformer.fit_transform(paths)
    assert len(X) == N_FILES
    check_report(transformer.report_, bad)
    for i, (path, clip) in enumerate(zip(paths, X)):
        if i % EVERY == 7:
            assert (clip == SILENCE_DB).all()
        else:
            (alone,) = LogMelTransformer(**FEATURES).fit_transform([path])
            np.testing.assert_array_equal(clip, alone)
    with pytest.raises(AudioError) as first:
        LogMelTransformer(**FEATURES).fit_transform(paths)
    assert first.value.path == bad[0]
    with pytest.warns(AudioWarning) as caught:
        LogMelTransformer(**FEATURES, on_error="warn").fit_transform(paths)
    check_warnings(caught, bad)


@pytest.mark.slow
def test_events_of_a_thousand_files(paths, bad, model, tmp_path):
    out = tmp_path / "found.tsv"
    with pytest.raises(AudioError) as first:
        detect_files(model, paths, out)
    assert first.value.path == bad[0]
    assert not out.exists()
    with pytest.warns(AudioWarning) as caught:
        report = detect_files(model, paths, out, on_error="warn")
    check_report(report, bad)
    check_warnings(caught, bad)
    assert_frame_equal(pd.read_csv(f"{out}.skipped.csv"), report, check_dtype=False)
    filenames, tables = read_events(out)
    assert filenames == [path for path in paths if path not in set(bad)]
    for path, table in zip(filenames, tables):
        alone = detect_events(model, path).round({"onset": 6, "offset": 6})
        assert_frame_equal(
            table.reindex(columns=alone.columns), alone, check_dtype=False
        )
    assert sum(map(len, tables)) > N_FILES / 2
    content = out.read_bytes()
    assert_frame_equal(
        detect_files(model, paths, out, resume=False, on_error="skip"), report
    )
    assert out.read_bytes() == content


def test_each_call_warns_of_what_it_leaves_out(paths, bad, model, tmp_path):
    few = [*paths[5:9], bad[1]]
    out = tmp_path / "found.tsv"
    detect_files(model, few, out, on_error="skip")
    for _ in range(2):
        with pytest.warns(AudioWarning) as caught:
            detect_files(model, few, out, on_error="warn")
        assert [str(w.message).partition(": ")[0] for w in caught] == bad[:2]


@pytest.mark.filterwarnings("ignore:.*no place for the columns score")
@pytest.mark.parametrize(
    ("out", "format"),
    [
        ("found.tsv", None),
        ("found.rttm", None),
        ("labels.txt", "audacity"),
        ("labels", "audacity"),
        ("one.selections.txt", None),
        ("one.jams", None),
    ],
)
def test_one_file_and_it_is_bad(out, format, bad, model, tmp_path):
    if out.endswith(".jams"):
        pytest.importorskip("jams")
    out = tmp_path / out
    out.with_name(out.name).touch()  # what an earlier call found is not true any more
    if not out.suffix:
        out.unlink()
        out.mkdir()
    report = detect_files(model, bad[:1], out, format=format, on_error="skip")
    check_report(report, bad[:1])
    assert not out.exists() or (out.is_dir() and not list(out.iterdir()))
    assert (tmp_path / f"{out.name}.skipped.csv").exists()


@pytest.mark.filterwarnings("ignore:.*no place for the columns score")
@pytest.mark.parametrize("format", ["audacity", "raven", "jams"])
def test_a_file_for_each_recording_but_the_bad(format, paths, bad, model, tmp_path):
    if format == "jams":
        pytest.importorskip("jams")
    few = [bad[0], paths[0], bad[1]]
    out = tmp_path / "labels"
    report = detect_files(model, few, out, format=format, on_error="skip")
    check_report(report, bad[:2])
    (file,) = out.iterdir()
    assert file.name.startswith("000.")
    report = detect_files(
        model, bad[:2], tmp_path / "none", format=format, on_error="skip"
    )
    check_report(report, bad[:2])
    assert not list((tmp_path / "none").iterdir())


NOISE = 0.1 * np.random.default_rng(2).standard_normal(4000)
ODD = {
    "8_channels": (np.tile(NOISE[:, None], 8), RATE, "PCM_16"),
    "1_sample": (NOISE[:1], RATE, "PCM_16"),
    "shorter_than_a_frame": (NOISE[:100], RATE, "PCM_16"),
    "dc": (np.full(4000, 0.5), RATE, "FLOAT"),
    "silence": (np.zeros(4000), RATE, "PCM_16"),
    "clipped": (np.sign(NOISE), RATE, "PCM_16"),
    "nearly_nothing": (1e-30 * NOISE, RATE, "FLOAT"),
    "30_dB_too_loud": (300 * NOISE, RATE, "FLOAT"),
    **{f"{rate}_Hz": (NOISE, rate, "PCM_16") for rate in (11025, 44100, 96000, 192000)},
    **{how: (NOISE, RATE, how) for how in ("PCM_U8", "PCM_24", "PCM_32", "DOUBLE")},
}


def test_odd_but_valid_clips_have_finite_scores(tmp_path):
    rng = np.random.default_rng(0)
    part = {"network_params": TINY_CRNN, "max_epochs": 1, "random_state": 0}
    system = TwoPassSED(
        tagger=WeakTagger(**part, threshold=0.0), detector=WeakEventDetector(**part)
    )
    system = make_pipeline(LogMelTransformer(**FEATURES), system)
    system.fit(0.1 * rng.normal(size=(12, 4000)), [["a"], ["b"], []] * 4)
    paths = []
    for name, (samples, rate, subtype) in ODD.items():
        paths.append(tmp_path / f"{name}.wav")
        soundfile.write(paths[-1], samples, rate, subtype=subtype)
    features = system[0].transform(paths)
    assert np.isfinite(system.predict_proba(paths)).all()
    for clip, path in zip(system[1].predict_frame_proba(features), paths):
        assert len(clip) >= 1
        assert np.isfinite(clip).all(), path
    for path, table in zip(paths, system.predict(paths)):
        streamed = detect_events(system, path)
        assert_frame_equal(streamed, table)
        assert np.isfinite(table[["onset", "offset", "score"]].to_numpy()).all()
    # Odd clips learn as well, alone and together.
    again = system.fit(paths, [["a"], ["b"], [], ["a", "b"]] * 4)
    assert np.isfinite(again.predict_proba(paths)).all()
