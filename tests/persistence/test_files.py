"""Saved models: nothing lost, nothing let in."""

import copy
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skorch
import torch
from safetensors.numpy import load_file
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_sed import (
    EventDecoder,
    FeatureArray,
    LogMelTransformer,
    TwoPassSED,
    WeakEventDetector,
    WeakTagger,
    load_model,
    make_paper_system,
    save_model,
)
from sklearn_sed._persistence import _files
from sklearn_sed.events import make_events, stack_tables
from sklearn_sed.exceptions import ModelFileError
from sklearn_sed.model_selection import TunedDecoderCV
from sklearn_sed.nn import _training
from tests._networks import EXACT, TinyNet

TINY = {
    "network_params": {"n_filters": (2, 3, 3, 4, 4), "n_rnn": 4},
    "max_epochs": 1,
    "random_state": 0,
}
RNG = np.random.default_rng(0)
X = FeatureArray(RNG.normal(size=(12, 16, 6)).astype(np.float32), 0.05)
X[::2, 4:9, :3] += 4
Y = [["Dog"] if i % 2 == 0 else ["Cat"] if i % 3 == 0 else [] for i in range(12)]


def round_trip(model, folder, **options):
    path = Path(folder, "model.sed")
    save_model(model, path)
    return load_model(path, **options)


def assert_same(found, expected):
    """Compare what two models say, to the last bit."""
    if isinstance(expected, np.ndarray) and expected.dtype == object:
        for one, other in zip(found, expected, strict=True):
            if isinstance(other, pd.DataFrame):
                pd.testing.assert_frame_equal(one, other, check_exact=True)
            else:
                np.testing.assert_array_equal(one, other)
    else:
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


@pytest.fixture(scope="module")
def detector():
    decoder = EventDecoder(threshold={"Dog": 0.4, "Cat": 0.45}, smoothing=None)
    return WeakEventDetector(**TINY, decoder=decoder, class_weight="balanced").fit(X, Y)


@pytest.fixture(scope="module")
def two_pass(detector):
    tagger = FrozenEstimator(WeakTagger(**TINY, threshold=[0.3, 0.4]).fit(X, Y))
    return TwoPassSED(tagger=tagger, detector=detector).fit(X, Y)


# ---- What goes in comes out ------------------------------------------------------


@pytest.mark.parametrize(
    ("learner", "params"),
    [
        (WeakTagger, {**TINY, "activation": "glu", "pooling": "attention"}),
        (WeakTagger, {**TINY, "network": "paper_tagger", "network_params": None}),
        (WeakEventDetector, {**TINY, "pooling": "auto", "optimizer": "sgd"}),
        (WeakEventDetector, {**TINY, "pooling": "power", "optimizer": "rmsprop"}),
        (
            WeakEventDetector,
            {
                **TINY,
                "network": "paper_crnn",
                "network_params": None,
                "activation": "glu",
                "precision": "float64",
                "schedule": {0.5: 0.1},
            },
        ),
        (
            WeakEventDetector,
            {
                **TINY,
                "network": "paper_att",
                "network_params": None,
                "pooling": "attention",
                "class_weight": {"Dog": 2.0},
                "time_resolution": np.float64(0.1),
            },
        ),
    ],
)
def test_a_learner_says_and_learns_on_the_same(learner, params, tmp_path):
    model = learner(**params).fit(X, Y)
    loaded = round_trip(model, tmp_path)
    assert repr(loaded) == repr(model)
    assert loaded.history_ == model.history_
    assert_same(loaded.thresholds_, model.thresholds_)
    assert_same(loaded.classes_, model.classes_)
    for again in (False, True):
        if again:
            model.partial_fit(X, Y)
            loaded.partial_fit(X, Y)
            assert loaded.n_iter_ == model.n_iter_ == 2
        assert_same(loaded.predict_proba(X), model.predict_proba(X))
        assert_same(loaded.predict(X), model.predict(X))
    assert loaded.history_ == model.history_


def test_warm_start_goes_on_where_it_was(tmp_path):
    model = WeakTagger(**TINY, warm_start=True).fit(X, Y)
    loaded = round_trip(model, tmp_path)
    assert_same(loaded.fit(X, Y).predict_proba(X), model.fit(X, Y).predict_proba(X))


def test_two_passes_with_a_frozen_part(two_pass, tmp_path):
    loaded = round_trip(two_pass, tmp_path)
    for method in ("predict", "predict_proba", "predict_frame_proba", "predict_tags"):
        assert_same(getattr(loaded, method)(X), getattr(two_pass, method)(X))
    assert loaded.predict_frame_proba(X).time_resolution == 0.05
    # One estimator held in two places is stored once and stays one.
    assert loaded.tagger_ is loaded.tagger
    assert loaded.detector is not loaded.detector_


def test_a_pipeline_from_waveforms_to_events(tmp_path):
    waveforms = 0.1 * RNG.standard_normal((6, 2000)).astype(np.float32)
    waveforms[::2, 500:900] *= 8
    sed = make_pipeline(
        LogMelTransformer(n_mels=8, n_fft=256, hop_length=128, on_error="skip"),
        TwoPassSED().set_params(
            **{f"tagger__{key}": value for key, value in TINY.items()},
            **{f"detector__{key}": value for key, value in TINY.items()},
        ),
    ).fit(waveforms, [["knock"], []] * 3)
    loaded = round_trip(sed, tmp_path)
    assert_same(loaded.predict(waveforms), sed.predict(waveforms))
    assert [name for name, _ in loaded.steps] == ["logmeltransformer", "twopasssed"]
    assert loaded[0].n_features_in_ == 2000
    assert len(loaded[0].report_) == 0


def test_the_paper_system(tmp_path):
    system = make_paper_system("glu_mil_cos", random_state=0).set_params(
        tagger__max_epochs=1, detector__max_epochs=1
    )
    system.fit(X, Y)
    loaded = round_trip(system, tmp_path)
    assert_same(loaded.predict(X), system.predict(X))


def test_a_tuned_decoder(tmp_path):
    y = stack_tables(
        make_events([0.2], [0.45], ["Dog"]) if i % 2 == 0 else make_events([], [], [])
        for i in range(12)
    )
    detector = WeakEventDetector(**TINY).fit(X, y)
    grid = {"threshold": [0.3, 0.5, 0.7], "smoothing_length": [0.1, 0.3]}
    tuned = TunedDecoderCV(detector, cv="prefit", param_grid=grid).fit(X, y)
    loaded = round_trip(tuned, tmp_path)
    assert_same(loaded.predict(X), tuned.predict(X))
    assert loaded.decoder_.threshold == tuned.decoder_.threshold
    assert loaded.best_score_ == tuned.best_score_


def test_single_labels_and_columns_with_names(tmp_path):
    table = pd.DataFrame(np.asarray(X)[:, 0], columns=[f"band{i}" for i in range(6)])
    labels = [row[0] if row else "none" for row in Y]
    tagger = WeakTagger(**EXACT).set_params(max_epochs=1).fit(table, labels)
    loaded = round_trip(tagger, tmp_path, networks={"TinyNet": TinyNet})
    assert_same(loaded.predict(table), tagger.predict(table))
    assert_same(loaded.feature_names_in_, tagger.feature_names_in_)


def test_parts_without_anything_learned(tmp_path):
    decoder = EventDecoder(low_threshold=np.array([0.1, 0.2]), min_gap=[0.5, 1])
    loaded = round_trip(decoder, tmp_path)
    assert_same(loaded.low_threshold, decoder.low_threshold)
    assert loaded.min_gap == [0.5, 1]
    transformer = round_trip(LogMelTransformer(n_mels=np.int64(32)), tmp_path)
    assert transformer.n_mels == 32
    assert isinstance(transformer.n_mels, np.int64)


def test_a_loaded_model_is_like_any_other(detector, tmp_path):
    loaded = round_trip(detector, tmp_path)
    expected = detector.predict_proba(X)
    for twin in (copy.deepcopy(loaded), pickle.loads(pickle.dumps(loaded))):
        assert_same(twin.predict_proba(X), expected)
    assert_same(round_trip(loaded, tmp_path).predict_proba(X), expected)
    before = torch.get_rng_state()
    load_model(tmp_path / "model.sed")
    assert torch.equal(torch.get_rng_state(), before)


def test_the_file_is_plain_safetensors_and_the_same_each_time(detector, tmp_path):
    path = tmp_path / "model.sed"
    save_model(detector, path)
    first = path.read_bytes()
    save_model(detector, path)
    assert path.read_bytes() == first
    mean = next(v for k, v in load_file(path).items() if k.endswith("module/mean"))
    np.testing.assert_allclose(mean, np.asarray(X).mean(axis=(0, 1)), atol=0.5)
    assert os.listdir(tmp_path) == ["model.sed"]


# ---- What cannot be stored -------------------------------------------------------


def test_what_only_training_needs_is_left_out_with_a_warning(tmp_path):
    tagger = WeakTagger(
        **{**TINY, "random_state": np.random.RandomState(0)},
        callbacks=[skorch.callbacks.EpochTimer()],
    ).fit(X, Y)
    pipeline = make_pipeline(LogMelTransformer(), FrozenEstimator(tagger))
    pipeline.set_params(memory=str(tmp_path / "cache"))
    pipeline.remark_ = "mine"
    with pytest.warns(UserWarning, match="not stored") as caught:
        save_model(pipeline, tmp_path / "model.sed")
    message = str(caught[0].message)
    for name in ("callbacks", "random_state", "Pipeline.memory", "Pipeline.remark_"):
        assert name in message
    loaded = load_model(tmp_path / "model.sed")
    assert loaded.memory is None
    assert loaded[1].estimator.callbacks is None
    assert_same(loaded[1].predict_proba(X), tagger.predict_proba(X))


def test_own_networks_are_asked_for_by_name(tmp_path):
    path = tmp_path / "model.sed"
    model = WeakTagger(**EXACT).set_params(max_epochs=1).fit(X, Y)
    save_model(model, path)
    with pytest.raises(ModelFileError, match=r"networks=\{'TinyNet': \.\.\.\}"):
        load_model(path)
    loaded = load_model(path, networks={"TinyNet": TinyNet})
    assert_same(loaded.predict_proba(X), model.predict_proba(X))
    with pytest.raises(ModelFileError, match="2 of the net's arrays are missing"):
        load_model(path, networks={"TinyNet": lambda *args: TinyNet(*args).layers[:1]})


class Scaler(StandardScaler):
    """A stranger's step."""


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (WeakTagger(), NotFittedError, "not fitted"),
        (TwoPassSED(), NotFittedError, "not fitted"),
        (make_pipeline(LogMelTransformer(), TwoPassSED()), NotFittedError, "fitted"),
        (LogisticRegression(), ValueError, "LogisticRegression cannot be saved"),
        (
            make_pipeline(Scaler(), LogMelTransformer()),
            ValueError,
            r"Pipeline\.steps\['scaler'\] is a Scaler",
        ),
        (LogMelTransformer(n_mels=10**30), ValueError, r"\.n_mels=1000.* stored"),
        (EventDecoder(threshold=pd.Series([0.5])), ValueError, r"\.threshold="),
        (
            EventDecoder(threshold=np.ones(1, np.longdouble)),
            ValueError,
            "threshold is an array of",
        ),
        (EventDecoder(threshold=["x" * 5 * 2**20]), ValueError, "too many classes"),
    ],
)
def test_what_cannot_be_saved_is_named(model, error, message, tmp_path):
    with pytest.raises(error, match=message):
        save_model(model, tmp_path / "model.sed")
    assert os.listdir(tmp_path) == []


def test_a_search_says_what_to_save(tmp_path):
    y = np.array([["Dog" in labels, "Cat" in labels] for labels in Y]).astype(int)
    search = GridSearchCV(WeakTagger(**TINY), {"batch_size": [8]}, cv=2).fit(X, y)
    with pytest.raises(ValueError, match="save its best_estimator_"):
        save_model(search, tmp_path / "model.sed")
    round_trip(search.best_estimator_, tmp_path)


def test_networks_without_a_name_of_their_own_are_refused(tmp_path):
    def build(n_mels, n_classes):
        return TinyNet(n_mels, n_classes)

    class Build:
        def __call__(self, n_mels, n_classes):
            return TinyNet(n_mels, n_classes)

    params = {**EXACT, "max_epochs": 1}
    tagger = WeakTagger(**{**params, "network": Build()}).fit(X, Y)
    with pytest.raises(ValueError, match=r"WeakTagger\.network=.* define a function"):
        save_model(tagger, tmp_path / "model.sed")
    build.__name__ = "TinyNet"
    sed = TwoPassSED(
        tagger=WeakTagger(**params),
        detector=WeakEventDetector(**{**params, "network": build}),
    ).fit(X, Y)
    with pytest.raises(ValueError, match="no name of its own"):
        save_model(sed, tmp_path / "model.sed")


def test_parameters_that_the_net_was_not_fitted_with(tmp_path):
    tagger = WeakTagger(**copy.deepcopy(TINY)).fit(X, Y)
    tagger.set_params(pooling="max")
    with pytest.raises(ValueError, match=r"pooling is 'max', but .* 'linear"):
        save_model(tagger, tmp_path / "model.sed")
    tagger.set_params(pooling="linear_softmax")
    tagger.network_params["n_rnn"] = 5  # in place
    with pytest.raises(ValueError, match="network_params is"):
        save_model(tagger, tmp_path / "model.sed")
    tagger.set_params(network_params=TINY["network_params"])
    tagger.set_params(batch_size=3, learning_rate=0.1)  # which the net can follow
    assert round_trip(tagger, tmp_path).batch_size == 3


def test_a_diverged_or_interrupted_model_is_not_saved(tmp_path):
    path = tmp_path / "model.sed"
    tagger = WeakTagger(**TINY).fit(X, Y)
    next(tagger.net_.module_.parameters()).data[:] = np.nan
    with pytest.raises(ValueError, match="are not finite numbers"):
        save_model(tagger, path)
    del tagger.thresholds_  # what an interruption leaves
    with pytest.raises(NotFittedError):
        save_model(tagger, path)
    assert not path.exists()


# ---- Other machines, other versions ----------------------------------------------


@pytest.mark.parametrize("device", ["cuda:63", "meta", "nonsense"])
def test_a_device_that_is_not_here(device, detector, tmp_path):
    elsewhere = copy.deepcopy(detector).set_params(device=device)
    path = tmp_path / "model.sed"
    save_model(elsewhere, path)
    assert f'\\"device\\":\\"{device}\\"'.encode() in path.read_bytes()
    loaded = load_model(path)
    assert loaded.device == "auto"
    if _training.resolve_device("auto") == "cpu":
        assert_same(loaded.predict_proba(X), detector.predict_proba(X))
    loaded.partial_fit(X, Y)


def test_a_device_of_features_that_is_not_here(tmp_path):
    for device, there in [("cuda:63", "cpu"), ("auto", "cpu"), ("cpu:0", "cpu:0")]:
        path = tmp_path / "model.sed"
        save_model(make_pipeline(LogMelTransformer(device=device)), path)
        loaded = load_model(path)
        assert loaded[0].device == there
        assert loaded.transform(chirps()).shape == (2, 8, 64)


def chirps():
    """Waveforms that no random generator is needed for."""
    t = np.arange(4000) / 8000
    return np.array([0.3 * np.sin(2 * np.pi * f * t * (1 + t)) for f in (300, 700)])


@pytest.mark.parametrize("version", [1])
def test_files_of_every_earlier_format_still_predict(version):
    data = Path(__file__).parent / "data"
    expected = json.loads((data / f"model_v{version}.json").read_text())
    model = load_model(data / f"model_v{version}.sed")
    assert model[0].device == "cpu"
    assert model[-1].classes_.tolist() == expected["classes"]
    features = model[:-1].transform(chirps())
    frames = model[-1].predict_frame_proba(features)
    np.testing.assert_allclose(frames, expected["frame_proba"], atol=1e-5)
    tags = model[-1].predict_proba(features)
    np.testing.assert_allclose(tags, expected["proba"], atol=1e-5)
    events = model.predict(chirps())
    assert [len(table) for table in events] == expected["n_events"]


# ---- Files are whole -------------------------------------------------------------


@pytest.mark.parametrize("step", ["fsync", "replace", "_load"])
def test_a_save_that_fails_leaves_the_old_file(step, detector, tmp_path, monkeypatch):
    def fail(*args):
        raise KeyboardInterrupt

    path = tmp_path / "model.sed"
    save_model(LogMelTransformer(), path)
    old = path.read_bytes()
    where = _files if step == "_load" else os
    monkeypatch.setattr(where, step, fail)
    with pytest.raises(KeyboardInterrupt):
        save_model(detector, path)
    assert path.read_bytes() == old
    assert os.listdir(tmp_path) == ["model.sed"]


def test_saving_through_a_link_and_into_no_folder(tmp_path):
    (tmp_path / "real").mkdir()
    link = tmp_path / "link.sed"
    link.symlink_to(tmp_path / "real" / "model.sed")
    save_model(LogMelTransformer(n_mels=3), link)
    assert link.is_symlink()
    assert load_model(tmp_path / "real" / "model.sed").n_mels == 3
    with pytest.raises(FileNotFoundError, match="nowhere does not exist; create it"):
        save_model(LogMelTransformer(), tmp_path / "nowhere" / "model.sed")


def test_a_file_that_is_replaced_while_it_is_read(detector, tmp_path, monkeypatch):
    import safetensors

    path, other = tmp_path / "model.sed", tmp_path / "other.sed"
    save_model(WeakEventDetector(**TINY, cosine_weight=9.0).fit(X, Y), path)
    save_model(detector, other)

    def replace_then_open(*args, **kwargs):
        if other.exists():
            other.replace(path)
        return safe_open(*args, **kwargs)

    safe_open = safetensors.safe_open
    monkeypatch.setattr(safetensors, "safe_open", replace_then_open)
    loaded = load_model(path)
    assert loaded.cosine_weight == detector.cosine_weight
    assert_same(loaded.predict_proba(X), detector.predict_proba(X))


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs fork")
def test_kills_while_saving():
    script = Path(__file__).parents[2] / "benchmarks" / "kill_save.py"
    if not script.exists():
        pytest.skip("the benchmarks are not beside these tests")
    done = subprocess.run(
        [sys.executable, script, "5"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "5 kills" in done.stdout
