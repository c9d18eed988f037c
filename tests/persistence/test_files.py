"""Saved models: nothing lost, nothing let in."""

import ast
import copy
import json
import os
import pickle
import re
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
import skorch
import torch
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.exceptions import InconsistentVersionWarning, NotFittedError
from sklearn.feature_selection import SelectKBest
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, KBinsDiscretizer, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from sklearn_sed import (
    EventDecoder,
    FeatureArray,
    LogMelTransformer,
    SeedEnsemble,
    TwoPassSED,
    WeakEventDetector,
    WeakTagger,
    load_model,
    make_paper_system,
    save_model,
)
from sklearn_sed._persistence import _files
from sklearn_sed.calibration import CalibratedTaggerCV
from sklearn_sed.events import make_events, stack_tables
from sklearn_sed.exceptions import ModelFileError
from sklearn_sed.model_selection import TunedDecoderCV
from sklearn_sed.nn import _training
from tests._networks import EXACT, TinyNet
from tests.persistence.make_model import chirps

TINY = {
    "network_params": {"n_filters": (2, 3, 3, 4, 4), "n_rnn": 4},
    "max_epochs": 1,
    "random_state": 0,
}
RNG = np.random.default_rng(0)
X = FeatureArray(RNG.normal(size=(12, 16, 6)).astype(np.float32), 0.05)
X[::2, 4:9, :3] += 4
Y = [["Dog"] if i % 2 == 0 else ["Cat"] if i % 3 == 0 else [] for i in range(12)]
STRONG = stack_tables(
    make_events([0.2], [0.45], ["Dog"]) if i % 2 == 0 else make_events([], [], [])
    for i in range(12)
)


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
    detector = WeakEventDetector(**TINY).fit(X, STRONG)
    grid = {"threshold": [0.3, 0.5, 0.7], "smoothing_length": [0.1, 0.3]}
    tuned = TunedDecoderCV(detector, cv="prefit", param_grid=grid).fit(X, STRONG)
    loaded = round_trip(tuned, tmp_path)
    assert_same(loaded.predict(X), tuned.predict(X))
    assert loaded.decoder_.threshold == tuned.decoder_.threshold
    assert loaded.best_score_ == tuned.best_score_


def test_single_labels_and_columns_with_names(tmp_path):
    table = pd.DataFrame(np.asarray(X)[:, 0], columns=[f"band{i}" for i in range(6)])
    labels = [row[0] if row else "quiet" for row in Y]
    tagger = WeakTagger(**EXACT).set_params(max_epochs=1).fit(table, labels)
    loaded = round_trip(tagger, tmp_path, trusted=[TinyNet])
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


def test_the_file_is_one_of_skops_without_pickle_and_the_same_each_time(
    detector, tmp_path
):
    path = tmp_path / "model.sed"
    save_model(detector, path)
    first = path.read_bytes()
    save_model(detector, path)
    assert path.read_bytes() == first
    types = skops.io.get_untrusted_types(data=first)
    loaded = skops.io.loads(first, trusted=types)
    assert_same(loaded.predict_proba(X), detector.predict_proba(X))
    with zipfile.ZipFile(path) as archive:
        kinds = {Path(name).suffix for name in archive.namelist()}
        assert kinds == {".json", ".npy"}
        for name in archive.namelist():
            content = archive.read(name)
            assert name == "schema.json" or content.startswith(b"\x93NUMPY")
            assert b"|O" not in content[:128]
    assert os.listdir(tmp_path) == ["model.sed"]


# ---- Parts of scikit-learn -------------------------------------------------------


FLAT = np.asarray(X).mean(axis=1)
INDICATOR = np.array([["Cat" in labels, "Dog" in labels] for labels in Y]).astype(int)


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(StandardScaler(), PCA(2), LogisticRegression()),
        make_pipeline(SimpleImputer(), MLPClassifier(max_iter=3, random_state=0)),
        make_pipeline(FunctionTransformer(np.exp), SelectKBest(k=3), GaussianNB()),
        make_pipeline(KBinsDiscretizer(encode="ordinal"), RidgeClassifier()),
        CalibratedClassifierCV(LogisticRegression(), cv=2),
        GaussianProcessClassifier(),
        KNeighborsClassifier(2, algorithm="brute"),
        GridSearchCV(LogisticRegression(), {"C": [1, 2]}, cv=2),
        VotingClassifier([("a", LogisticRegression()), ("b", GaussianNB())]),
        SVC(),
    ],
    ids=lambda model: str(model)[:60],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_any_estimator_of_scikit_learn(model, tmp_path):
    model = clone(model).fit(FLAT, INDICATOR[:, 1])
    loaded = round_trip(model, tmp_path)
    assert_same(loaded.predict(FLAT), model.predict(FLAT))


@pytest.mark.parametrize(
    "model",
    [
        DecisionTreeClassifier(),
        RandomForestClassifier(3, random_state=0),
        HistGradientBoostingClassifier(max_iter=2),
        KNeighborsClassifier(2, algorithm="kd_tree"),
    ],
    ids=lambda model: type(model).__name__,
)
def test_trees_and_neighbours_are_trusted_by_name(model, tmp_path):
    model.fit(FLAT, INDICATOR[:, 1])
    path = tmp_path / "model.sed"
    save_model(model, path)
    with pytest.raises(ModelFileError, match="pass trusted=") as caught:
        load_model(path)
    names = ast.literal_eval(re.search(r"\[.*\]", caught.value.reason)[0])
    assert {name.partition(".")[0] for name in names} <= {"numpy", "sklearn"}
    loaded = load_model(path, trusted=names)
    assert_same(loaded.predict(FLAT), model.predict(FLAT))


TAGGERS = [
    OneVsRestClassifier(LogisticRegression()),
    make_pipeline(StandardScaler(), PCA(3), OneVsRestClassifier(LogisticRegression())),
]


@pytest.mark.parametrize("tagger", TAGGERS, ids=["one_vs_rest", "pipeline"])
def test_a_first_pass_of_scikit_learn(tagger, detector, tmp_path):
    tagger = FrozenEstimator(
        make_pipeline(FunctionTransformer(mean_frame), tagger).fit(X, INDICATOR)
    )
    sed = TwoPassSED(tagger=tagger, detector=WeakEventDetector(**TINY))
    sed.fit(X, INDICATOR)
    loaded = round_trip(sed, tmp_path, trusted=[mean_frame])
    assert_same(loaded.predict(X), sed.predict(X))


def mean_frame(X):
    return np.asarray(X).mean(axis=1)


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_a_calibrated_tagger(method, tmp_path):
    tagger = CalibratedTaggerCV(WeakTagger(**TINY), method=method, cv=2).fit(X, Y)
    loaded = round_trip(tagger, tmp_path)
    assert_same(loaded.predict_proba(X), tagger.predict_proba(X))


def test_an_ensemble_with_features_of_its_own(tmp_path):
    learner = WeakTagger(**TINY)
    ensemble = make_pipeline(StandardScaler(), SeedEnsemble(learner, n_estimators=2))
    ensemble.fit(FLAT, Y)
    loaded = round_trip(ensemble, tmp_path)
    assert_same(loaded.predict_proba(FLAT), ensemble.predict_proba(FLAT))


# ---- What cannot be stored -------------------------------------------------------


def test_what_only_training_needs_is_left_out_with_a_warning(tmp_path):
    tagger = WeakTagger(
        **{**TINY, "random_state": np.random.RandomState(0)},
        callbacks=[skorch.callbacks.EpochTimer()],
        checkpoint=tmp_path / "checkpoint",
    ).fit(X, Y)
    pipeline = make_pipeline(LogMelTransformer(), FrozenEstimator(tagger))
    pipeline.set_params(memory=str(tmp_path / "cache"))
    pipeline.remark_ = "mine"
    path = tmp_path / "model.sed"
    with pytest.warns(UserWarning, match="not stored") as caught:
        save_model(pipeline, path)
    left_out = (
        "Pipeline.steps['frozenestimator'][1].estimator.callbacks, Pipeline.memory"
    )
    assert f"not stored: {left_out}. The" in str(caught[0].message)
    assert pipeline.memory is not None
    assert tagger.callbacks is not None
    loaded = load_model(path)
    assert loaded.memory is None
    assert loaded.remark_ == "mine"
    assert loaded[1].estimator.callbacks is None
    assert loaded[1].estimator.checkpoint is None
    assert str(tmp_path).encode() not in path.read_bytes()
    assert_same(loaded[1].predict_proba(X), tagger.predict_proba(X))
    # The random numbers go on where they were.
    tagger.set_params(checkpoint=None, callbacks=None)
    for model in (loaded[1].estimator, tagger):
        model.partial_fit(X, Y)
    assert_same(loaded[1].estimator.predict_proba(X), tagger.predict_proba(X))


def test_scorers_are_left_out(tmp_path):
    detector = WeakEventDetector(**TINY).fit(X, STRONG)
    tuned = TunedDecoderCV(
        detector,
        cv="prefit",
        scoring=lambda *args: 0.5,
        param_grid={"threshold": [0.3, 0.5]},
    ).fit(X, STRONG)
    with pytest.warns(UserWarning, match=r"stored: TunedDecoderCV\.scoring\. The"):
        loaded = round_trip(tuned.set_params(cv=KFold(3)), tmp_path)
    assert (loaded.cv.n_splits, loaded.scoring) == (3, None)
    assert_same(loaded.predict(X), tuned.predict(X))
    with pytest.warns(UserWarning, match=r"TunedDecoderCV\.cv, .*\.scoring\. The"):
        loaded = round_trip(tuned.set_params(cv=[([0, 1], iter([2]))]), tmp_path)
    assert loaded.cv == 5


def test_own_networks_are_asked_for_by_name(tmp_path):
    path = tmp_path / "model.sed"
    model = WeakTagger(**EXACT).set_params(max_epochs=1).fit(X, Y)
    save_model(model, path)
    with pytest.raises(
        ModelFileError, match=r"pass trusted=\['tests\._networks\.TinyNet'\] to load"
    ):
        load_model(path)
    for trusted in (["tests._networks.TinyNet"], [TinyNet], {TinyNet}):
        loaded = load_model(path, trusted=trusted)
        assert_same(loaded.predict_proba(X), model.predict_proba(X))


def test_a_network_that_has_changed_is_noticed(tmp_path, monkeypatch):
    path = tmp_path / "model.sed"
    save_model(WeakTagger(**EXACT).set_params(max_epochs=1).fit(X, Y), path)
    monkeypatch.setattr("tests._networks.TinyNet", lambda *a: TinyNet(*a).layers[:1])
    with pytest.raises(ModelFileError, match="2 of the net's arrays are missing"):
        load_model(path, trusted=["tests._networks.TinyNet"])


NET = skorch.NeuralNet(TinyNet, torch.nn.MSELoss, module__n_mels=1, module__n_classes=1)
NET.initialize()


class Scaler(StandardScaler):
    """A stranger's step."""


def double(X):
    return 2 * X


def test_a_strangers_parts_are_asked_for_all_at_once(tmp_path):
    model = make_pipeline(Scaler(), FunctionTransformer(double)).fit(X[:, 0])
    path = tmp_path / "model.sed"
    save_model(model, path)
    names = [f"{__name__}.Scaler", f"{__name__}.double"]
    with pytest.raises(ModelFileError, match=re.escape(f"pass trusted={names} to")):
        load_model(path)
    with pytest.raises(ModelFileError, match=re.escape(f"pass trusted={names[1:]} to")):
        load_model(path, trusted=names[:1])
    loaded = load_model(path, trusted=names)
    assert_same(loaded.transform(X[:, 0]), model.transform(X[:, 0]))


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (WeakTagger(), NotFittedError, "not fitted"),
        (TwoPassSED(), NotFittedError, "not fitted"),
        (make_pipeline(LogMelTransformer(), TwoPassSED()), NotFittedError, "fitted"),
        (LogisticRegression(), NotFittedError, "not fitted"),
        (LogMelTransformer(n_mels=10**40), ValueError, "too many digits"),
        (EventDecoder(threshold=pd.Series([0.5])), ValueError, "cannot be saved: "),
        (EventDecoder(threshold=["x" * 5 * 2**20]), ValueError, "too many parts"),
        (
            make_pipeline(LogMelTransformer(), NET),
            ValueError,
            "in which a pickle could be",
        ),
        ({"model": 1}, TypeError, "estimator"),
    ],
)
def test_what_cannot_be_saved_is_named(model, error, message, tmp_path):
    with pytest.raises(error, match=message):
        save_model(model, tmp_path / "model.sed")
    assert os.listdir(tmp_path) == []


def test_a_search(tmp_path):
    y = np.array([["Dog" in labels, "Cat" in labels] for labels in Y]).astype(int)
    search = GridSearchCV(WeakTagger(**TINY), {"batch_size": [8]}, cv=2).fit(X, y)
    for model in (search, search.best_estimator_):
        loaded = round_trip(model, tmp_path)
        assert_same(loaded.predict_proba(X), search.predict_proba(X))


def test_networks_that_nobody_could_find_again_are_refused(tmp_path):
    def build(n_mels, n_classes):
        return TinyNet(n_mels, n_classes)

    class Build:
        def __call__(self, n_mels, n_classes):
            return TinyNet(n_mels, n_classes)

    params = {**EXACT, "max_epochs": 1}
    for network in (build, Build(), lambda *args: TinyNet(*args)):
        tagger = WeakTagger(**{**params, "network": network}).fit(X, Y)
        with pytest.raises(ValueError, match="define it at the top level of a module"):
            save_model(tagger, tmp_path / "model.sed")
    build.__name__, build.__module__ = "TinyNet", TinyNet.__module__
    tagger = WeakTagger(**{**params, "network": build}).fit(X, Y)
    with pytest.raises(
        ValueError, match=r"tests\._networks\.TinyNet is not to be found"
    ):
        save_model(tagger, tmp_path / "model.sed")


def test_parameters_that_wait_for_the_next_fit_are_kept(tmp_path):
    tagger = WeakTagger(**copy.deepcopy(TINY)).fit(X, Y)
    tagger.set_params(pooling="max", optimizer="sgd", batch_size=3, precision="float64")
    tagger.network_params["n_rnn"] = 5  # in place
    expected = tagger.predict_proba(X)
    for loaded in (round_trip(tagger, tmp_path), copy.deepcopy(tagger)):
        assert loaded.get_params() == tagger.get_params()
        assert_same(loaded.predict_proba(X), expected)
        assert_same(
            loaded.fit(X, Y).predict_proba(X), clone(tagger).fit(X, Y).predict_proba(X)
        )


def test_a_diverged_or_interrupted_model_is_not_saved(tmp_path):
    path = tmp_path / "model.sed"
    tagger = WeakTagger(**TINY).fit(X, Y)
    next(tagger.net_.module_.parameters()).data[:] = np.nan
    with pytest.raises(ValueError, match="are not finite numbers"):
        save_model(tagger, path)
    del tagger._thresholds  # what an interruption leaves
    with pytest.raises(NotFittedError):
        save_model(tagger, path)
    assert not path.exists()


# ---- Other machines, other versions ----------------------------------------------


@pytest.mark.parametrize("device", ["cuda:63", "meta", "nonsense"])
def test_a_device_that_is_not_here(device, detector, tmp_path):
    elsewhere = copy.deepcopy(detector).set_params(device=device)
    path = tmp_path / "model.sed"
    save_model(elsewhere, path)
    assert f'\\"{device}\\"'.encode() in path.read_bytes()
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


@pytest.mark.parametrize("version", [2])
def test_files_of_every_earlier_format_still_predict(version):
    """They are made by ``python -m tests.persistence.make_model``."""
    data = Path(__file__).parents[1] / "data"
    expected = json.loads((data / f"model_v{version}.json").read_text())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InconsistentVersionWarning)
        model = load_model(data / f"model_v{version}.sed")
    assert model[0].device == "cpu"
    assert model[-1].classes_.tolist() == expected["classes"]
    # What was not recorded then.
    assert model[-1].tagger_.training_ is model[-1].detector_.clip_duration_ is None
    features = model[:-1].transform(chirps())
    frames = model[-1].predict_frame_proba(features)
    np.testing.assert_allclose(frames, expected["frame_proba"], atol=1e-5)
    tags = model[-1].predict_proba(features)
    np.testing.assert_allclose(tags, expected["proba"], atol=1e-5)
    events = model.predict(chirps())
    assert [len(table) for table in events] == expected["n_events"]


def test_a_file_of_the_format_before_skops_is_refused_in_one_sentence(tmp_path):
    header = b'{"__metadata__":{"sklearn_sed":"{}"}}'
    path = tmp_path / "model.sed"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(ModelFileError, match="train and save the model again"):
        load_model(path)


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
