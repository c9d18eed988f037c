"""One fingerprint for one model, wherever it is, and another for any other."""

import importlib
import os
import pickle
import subprocess
import sys
import textwrap
from functools import partial

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_sed import (
    EventDecoder,
    LogMelTransformer,
    SeedEnsemble,
    TwoPassSED,
    WeakEventDetector,
    WeakTagger,
    load_model,
    save_model,
)
from sklearn_sed._fingerprint import fingerprint
from sklearn_sed.calibration import CalibratedTaggerCV
from tests._networks import FAST, TINY_CRNN, TinyNet, tones

X, Y = tones()
PART = {"network_params": TINY_CRNN, "max_epochs": 1, "random_state": 0}


def means(clips):
    """Return the mean of each band."""
    return np.mean(np.asarray(clips), axis=1)


class Circle:
    """Holds itself, and a set whose order is another one in each process."""

    def __init__(self):
        self.own = self
        self.words = set("abcdefghij")


@pytest.fixture(scope="module")
def known():
    """Return fitted models of every kind."""
    classifier = OneVsRestClassifier(LogisticRegression())
    forest = OneVsRestClassifier(RandomForestClassifier(5, random_state=0))
    mean_of = FunctionTransformer(means)
    table = {"table": pd.DataFrame({"a": [1.5]}), "matrix": sparse.eye(3).tocsr()}
    detector = WeakEventDetector(**PART).fit(X, Y)
    models = {
        "scikit-learn": TwoPassSED(
            tagger=make_pipeline(mean_of, StandardScaler(), classifier),
            detector=FrozenEstimator(detector),
        ),
        "forest": make_pipeline(mean_of, forest),
        "calibrated": CalibratedTaggerCV(WeakTagger(**FAST), cv=2, method="isotonic"),
        "ensemble": SeedEnsemble(
            WeakEventDetector(**PART), n_estimators=2, random_state=0
        ),
        "circle": FunctionTransformer(kw_args={"circle": Circle()}),
        "tables": FunctionTransformer(partial(np.add, 1), kw_args=table),
    }
    fitted = {name: model.fit(X, Y) for name, model in models.items()}
    return {"detector": detector, "features": LogMelTransformer(), **fitted}


SCRIPT = """
    import pickle, sys, joblib
    from sklearn_sed._fingerprint import fingerprint
    with open(sys.argv[1], "rb") as stream:
        models = pickle.load(stream)
    models["joblib"] = joblib.load(sys.argv[2], mmap_mode="r")
    for name, model in models.items():
        print(name, fingerprint(model), sep=":")
"""


def test_in_another_process(known, tmp_path):
    (tmp_path / "models.pickle").write_bytes(pickle.dumps(known))
    joblib.dump(known["detector"], tmp_path / "model.joblib")
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT)]
    command += [tmp_path / "models.pickle", tmp_path / "model.joblib"]
    expected = {name: fingerprint(model) for name, model in known.items()}
    expected["joblib"] = expected["detector"]
    assert len(set(expected.values())) == len(known)
    run = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONHASHSEED": "7"},
    )
    assert dict(line.split(":") for line in run.stdout.splitlines()) == expected


@pytest.mark.parametrize(
    "name", ["detector", "ensemble", "calibrated", "forest", "scikit-learn"]
)
def test_after_work_and_in_a_model_file(known, name, tmp_path):
    model = known[name]
    before = fingerprint(model)
    model.predict(X)
    assert fingerprint(model) == before
    save_model(model, tmp_path / "model.sed")
    trusted = [f"{TinyNet.__module__}.TinyNet", f"{__name__}.means"]
    trusted.append("sklearn.tree._tree.Tree")
    loaded = load_model(tmp_path / "model.sed", trusted=trusted)
    assert fingerprint(loaded) == before


def test_ways_of_computing_do_not_count(known):
    model = pickle.loads(pickle.dumps(known["detector"]))
    before = fingerprint(model)
    model.set_params(device="cuda", batch_size=3, verbose=1, random_state=None)
    model.net_.module_.train()
    assert fingerprint(model) == before
    log_mel = LogMelTransformer(fmin=100)
    before = fingerprint(log_mel)
    log_mel.set_params(n_jobs=2, on_error="skip", verbose=1, fmin=100.0)
    log_mel.transform(np.zeros((2, 30000)))
    assert fingerprint(clone(log_mel)) == before


def change_weight(model):
    with torch.no_grad():
        next(model.net_.module_.parameters()).view(-1)[0] += 1e-3


def change_dropout(model):
    model.net_.module_.network.dropout.p = 0.5


def change_threshold(model):
    model.thresholds_ = model.thresholds_ + 1e-9


CHANGES = [
    change_weight,
    change_dropout,
    change_threshold,
    lambda model: setattr(model, "classes_", np.array(["b", "a"])),
    lambda model: model.set_params(decoder__min_gap=0.25),
    lambda model: setattr(model, "event_lengths_", np.array([1.5, 3.0])),
    lambda model: model.set_params(time_resolution=0.02),
    lambda model: model.set_params(decoder=EventDecoder(min_gap=0.1)),
]


@pytest.mark.parametrize("number", range(len(CHANGES)))
def test_what_changes_predictions_counts(known, number):
    model = pickle.loads(pickle.dumps(known["detector"]))
    CHANGES[number](model)
    assert fingerprint(model) != fingerprint(known["detector"])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (np.zeros(4), np.zeros((2, 2))),
        (np.zeros(2, "f4"), np.zeros(2, "f8")),
        (["ab", "c"], ["a", "bc"]),
        ({"a": 1, "b": 2}, {"a": 2, "b": 1}),
        ([1, [2]], [[1], 2]),
        ("1", 1),
        (True, 1),
        (lambda x: x + 1, lambda x: x + 2),
        (partial(np.power, 2), partial(np.power, 3)),
        (LogMelTransformer(n_mels=12), LogMelTransformer(n_mels=13)),
        (LogMelTransformer(), LogMelTransformer(hop_length=256)),
        (np.array([(1, 2.0)], "u1,f8"), np.array([(1, 3.0)], "u1,f8")),
    ],
)
def test_one_and_another(one, other):
    assert fingerprint(one) != fingerprint(other)


def test_what_is_the_same():
    padded = np.dtype([("a", "u1"), ("b", "f8")], align=True)
    one, other = (np.full(16, fill, "u1").view(padded) for fill in (0, 255))
    other[["a", "b"]] = (0, 0.0)  # what lies between them stays
    assert one.tobytes() != other.tobytes()
    assert fingerprint(one) == fingerprint(other)
    matrix = np.arange(6.0).reshape(2, 3)
    assert fingerprint(matrix) == fingerprint(np.asfortranarray(matrix))
    assert fingerprint({"a": 1, "b": 2.0}) == fingerprint({"b": np.int32(2), "a": 1.0})

    def adder(step):
        return lambda x: x + step

    assert fingerprint(adder(1)) == fingerprint(adder(1)) != fingerprint(adder(2))


def test_packages_are_known_by_name_wherever_they_are(tmp_path, monkeypatch):
    # A user's packages lie elsewhere than those of the interpreter.
    for folder, kinds in (("site-packages", 1), ("src", 2)):
        found = set()
        for number in (1, 2):
            root = tmp_path / folder / str(number)
            root.mkdir(parents=True)
            (root / "elsewhere.py").write_text(f"def work():\n    return {number}\n")
            monkeypatch.delitem(sys.modules, "elsewhere", raising=False)
            monkeypatch.syspath_prepend(root)
            found.add(fingerprint(importlib.import_module("elsewhere").work))
        assert len(found) == kinds
