"""Embeddings of pre-trained models in the place of log-mel features."""

import doctest
import pickle
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from sklearn.base import clone
from sklearn.metrics import average_precision_score
from sklearn.pipeline import make_pipeline

from sklearn_sed import (
    FeatureArray,
    TwoPassSED,
    WeakEventDetector,
    WeakTagger,
    load_model,
    save_model,
)

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "embeddings.rst"
SMALL = {"network": "embedding", "network_params": {"n_hidden": 8, "n_rnn": 4}}
QUICK = {**SMALL, "max_epochs": 1, "batch_size": 8, "random_state": 0}


def embeddings(n_clips, seed, n_frames=10, n_dims=24):
    """Noise in columns of any size, with one direction per class where it sounds."""
    of_model = np.random.default_rng(0)
    directions = of_model.normal(size=(2, n_dims))
    size, offset = np.exp(of_model.normal(size=n_dims)), of_model.normal(size=n_dims)
    rng = np.random.default_rng(seed)
    active = np.zeros((n_clips, n_frames, 2), dtype=bool)
    for clip, c in np.argwhere(rng.random((n_clips, 2)) < 0.5):
        start = rng.integers(n_frames - 2)
        active[clip, start : start + 3, c] = True
    X = rng.normal(size=(n_clips, n_frames, n_dims)) + 1.5 * active @ directions
    X = FeatureArray((size * X + offset).astype(np.float32), time_resolution=0.5)
    return X, active


X, ACTIVE = embeddings(24, seed=1)
Y = ACTIVE.any(axis=1).astype(int)


def test_learns_when_from_tags_alone():
    X, active = embeddings(80, seed=1)
    detector = WeakEventDetector(
        network="embedding", max_epochs=15, learning_rate=5e-3, random_state=0
    ).fit(X, active.any(axis=1).astype(int))
    X, active = embeddings(40, seed=2)
    frames = np.asarray(detector.predict_frame_proba(X)).reshape(-1, 2)
    assert average_precision_score(active.reshape(-1, 2), frames) > 0.9


def test_learns_what_from_one_vector_per_clip():
    X, active = embeddings(80, seed=1, n_frames=3)
    tagger = WeakTagger(
        network="embedding", max_epochs=30, learning_rate=3e-3, random_state=0
    ).fit(np.asarray(X).mean(axis=1), active.any(axis=1).astype(int))
    X, active = embeddings(40, seed=2, n_frames=3)
    assert tagger.score(np.asarray(X).mean(axis=1), active.any(axis=1)) > 0.9


@pytest.mark.parametrize("learner", [WeakTagger, WeakEventDetector])
@pytest.mark.parametrize("n_rnn", [0, 4])
def test_every_shape_of_embeddings_will_do(learner, n_rnn):
    model = learner(**QUICK).set_params(network_params={"n_rnn": n_rnn})
    clips = np.asarray(X)[:, 0]
    of_clips = model.fit(clips, Y).predict_proba(clips)
    np.testing.assert_array_equal(of_clips, model.predict_proba(clips[:, None]))
    rng = np.random.default_rng(0)
    ragged = [clip[: rng.integers(1, 11)] for clip in np.asarray(X)]
    together = model.fit(ragged, Y).predict_proba(ragged)
    alone = np.concatenate([model.predict_proba([clip]) for clip in ragged])
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_without_the_gru_each_frame_is_scored_by_itself():
    detector = WeakEventDetector(**QUICK).set_params(network_params={"n_rnn": 0})
    frames = np.asarray(detector.fit(X, Y).predict_frame_proba(X))
    alone = np.asarray(detector.predict_frame_proba(np.asarray(X).reshape(-1, 1, 24)))
    np.testing.assert_allclose(frames.reshape(-1, 1, 2), alone, atol=1e-6)


def test_columns_that_never_change_do_no_harm():
    dead = np.asarray(X).copy()
    dead[..., ::2] = 0.0
    proba = WeakTagger(**QUICK).fit(dead, Y).predict_proba(X)
    assert np.isfinite(proba).all()


@pytest.mark.parametrize("learner", [WeakTagger, WeakEventDetector])
@pytest.mark.parametrize("pooling", ["attention", "linear_softmax"])
def test_is_saved_by_name(learner, pooling, tmp_path):
    model = learner(**QUICK, pooling=pooling).fit(X, Y)
    assert (model.net_.module_.network.attention is None) == (pooling != "attention")
    save_model(model, tmp_path / "model.sed")
    again = load_model(tmp_path / "model.sed")
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


# ---- The recipe on the guide's page ----------------------------------------------


@pytest.fixture
def recipe(monkeypatch):
    """The classes of the guide's page, in a module as a user would write it."""
    if not PAGE.is_file():
        pytest.skip("there are no docs beside this package")
    module = types.ModuleType("recipe_of_the_guide")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for example in doctest.DocTestParser().get_examples(PAGE.read_text("utf-8")):
        if example.source.startswith(("import", "from", "class")):
            exec(example.source, module.__dict__)
    return module


@pytest.fixture
def embedder(recipe, tmp_path):
    torch.manual_seed(0)
    torch.save(recipe.Backbone().state_dict(), tmp_path / "backbone.pt")
    return recipe.TorchEmbedder(tmp_path / "backbone.pt", batch_size=2)


@pytest.fixture
def paths(tmp_path):
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{i}.wav" for i in range(7)]
    for path, n_samples in zip(paths, (16000, 16000, 16000, 9000, 9000, 8000, 16000)):
        soundfile.write(path, 0.1 * rng.standard_normal(n_samples), 16000)
    return paths


def test_the_recipe_embeds_each_clip_as_if_alone(embedder, paths):
    X = embedder.fit_transform(paths)
    assert [len(clip) for clip in X] == [10, 10, 10, 5, 5, 5, 10]
    assert X.durations.tolist() == [1.0, 1.0, 1.0, 0.5625, 0.5625, 0.5, 1.0]
    assert X.time_resolution == 0.1
    for path, clip in zip(paths, X):
        np.testing.assert_allclose(embedder.transform([path])[0], clip, atol=1e-6)


def test_the_recipe_is_cloned_and_pickled_without_weights(embedder, paths):
    data = pickle.dumps(embedder)
    assert len(data) < 1000
    X = embedder.transform(paths)
    for again in (clone(embedder), pickle.loads(data)):
        for clip, expected in zip(again.transform(paths), X, strict=True):
            np.testing.assert_array_equal(clip, expected)


def test_a_pipeline_with_memory_embeds_what_it_is_fitted_to_once(
    embedder, recipe, paths, tmp_path, monkeypatch
):
    passes = []
    forward = recipe.Backbone.forward
    monkeypatch.setattr(
        recipe.Backbone,
        "forward",
        lambda self, x: passes.append(len(x)) or forward(self, x),
    )
    parts = {"tagger": WeakTagger(**QUICK), "detector": WeakEventDetector(**QUICK)}
    sed = make_pipeline(embedder, TwoPassSED(**parts), memory=str(tmp_path / "memory"))
    y = [["a"], ["b"], ["a", "b"], [], ["a"], ["b"], []]
    for learning_rate in (0.001, 0.01):
        sed.set_params(twopasssed__tagger__learning_rate=learning_rate).fit(paths, y)
        assert sum(passes) == 7
    events = sed.predict(paths)
    assert sum(passes) == 14
    assert [list(table.columns) for table in events] == [
        ["onset", "offset", "event_label", "score"]
    ] * 7
