"""The same again: to the last bit, or to a millionth where the company changes."""

import copy
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from joblib import parallel_config
from pandas.testing import assert_frame_equal
from sklearn.base import clone
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from sklearn_sed import (
    EventDecoder,
    LogMelTransformer,
    TwoPassSED,
    WeakEventDetector,
    WeakTagger,
)
from sklearn_sed.events import read_events
from sklearn_sed.inference import detect_files
from tests._networks import TINY_CRNN

RATE = 8000
FEATURES = {"sample_rate": RATE, "n_fft": 256, "hop_length": 200, "n_mels": 12}
TOLERANCE = 1e-6
PART = {
    "network_params": TINY_CRNN,  # with dropout and batch statistics
    "max_epochs": 6,
    "batch_size": 5,
    "time_mask": 0.1,
    "learning_rate": 0.02,
    "random_state": 0,
}


def make_system():
    return make_pipeline(
        LogMelTransformer(**FEATURES),
        TwoPassSED(
            tagger=WeakTagger(**PART, threshold=0.2),
            detector=WeakEventDetector(
                **PART, decoder=EventDecoder(threshold=0.4, min_duration=0.0)
            ),
        ),
    )


def make_sounds(n_clips=24):
    """Return clips of different lengths with a tone in the middle, or none."""
    rng = np.random.default_rng(0)
    clips, tags = [], []
    for i in range(n_clips):
        clip = 0.01 * rng.normal(size=rng.integers(4000, 12000))
        tags.append([["low"], ["high"], ["low", "high"], []][i % 4])
        for label, pitch in (("low", 0.3), ("high", 1.5)):
            if label in tags[-1]:
                clip[1000:3000] += 0.3 * np.sin(pitch * np.arange(2000))
        clips.append(clip.astype(np.float32))
    return clips, tags


CLIPS, TAGS = make_sounds()


@pytest.fixture(scope="module")
def system():
    return make_system().fit(CLIPS, TAGS)


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sounds")
    for i, clip in enumerate(CLIPS):
        soundfile.write(folder / f"{i:02}.wav", clip, RATE, subtype="FLOAT")
    return sorted(folder.iterdir())


def frame_proba(system, clips):
    return system[-1].predict_frame_proba(system[0].transform(clips))


def weights(system):
    return [
        tensor.numpy()
        for part in (system[-1].tagger_, system[-1].detector_)
        for tensor in part.net_.module_.state_dict().values()
    ]


def assert_same_events(one, other):
    assert len(one) == len(other)
    for a, b in zip(one, other):
        assert_frame_equal(a.drop(columns="score"), b.drop(columns="score"))
        np.testing.assert_allclose(a["score"], b["score"], atol=TOLERANCE)


def assert_close(one, other):
    for a, b in zip(one, other):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), atol=TOLERANCE)


def test_there_is_something_to_compare(system):
    events = system.predict(CLIPS)
    assert sum(map(len, events)) > 10
    assert {label for table in events for label in table["event_label"]} == {
        "low",
        "high",
    }


def test_same_seed_same_weights_and_predictions_to_the_last_bit(system):
    again = make_system().fit(CLIPS, TAGS)
    for a, b in zip(weights(system), weights(again), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(
        system.predict_proba(CLIPS), again.predict_proba(CLIPS)
    )
    frames = frame_proba(system, CLIPS), frame_proba(again, CLIPS)
    for a, b in zip(*frames):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(system.predict(CLIPS), again.predict(CLIPS)):
        assert_frame_equal(a, b, check_exact=True)
    other = make_system().set_params(
        twopasssed__tagger__random_state=1, twopasssed__detector__random_state=1
    )
    other.fit(CLIPS, TAGS)
    assert any((a != b).any() for a, b in zip(weights(system), weights(other)))


@pytest.mark.parametrize("batch_size", [1, 2, 7, 100])
def test_batch_size_of_prediction(system, batch_size):
    other = copy.deepcopy(system)
    other[-1].tagger_.set_params(batch_size=batch_size)
    other[-1].detector_.set_params(batch_size=batch_size)
    assert_close(other.predict_proba(CLIPS), system.predict_proba(CLIPS))
    assert_close(frame_proba(other, CLIPS), frame_proba(system, CLIPS))
    assert_same_events(other.predict(CLIPS), system.predict(CLIPS))


def test_order_and_company_of_clips(system):
    order = np.random.default_rng(1).permutation(len(CLIPS))
    shuffled = [CLIPS[i] for i in order]
    assert_close(system.predict_proba(shuffled), system.predict_proba(CLIPS)[order])
    frames = frame_proba(system, CLIPS)
    assert_close(frame_proba(system, shuffled), frames[order])
    events = system.predict(CLIPS)
    assert_same_events(system.predict(shuffled), events[order])
    alone = [system.predict([clip])[0] for clip in CLIPS]
    assert_same_events(alone, events)


@pytest.mark.parametrize(
    "backend", ["threading", pytest.param("loky", marks=pytest.mark.slow)]
)
def test_number_of_jobs(system, backend, paths, tmp_path):
    features = system[0].transform(CLIPS)
    with parallel_config(backend, n_jobs=2):
        for a, b in zip(system[0].transform(CLIPS), features):
            np.testing.assert_array_equal(a, b)
    one, two = tmp_path / "one.tsv", tmp_path / "two.tsv"
    detect_files(system, paths, one, window=0.5)
    with parallel_config(backend, n_jobs=2):
        detect_files(system, paths[::-1], two, window=0.5)
    names, events = read_events(one)
    _, others = read_events(two, names)
    assert len(names) == len(paths)
    assert_same_events(events, others)


def test_trainings_in_threads_do_not_share_random_numbers(system):
    features = system[0].transform(CLIPS)
    tagger = WeakTagger(**PART)

    def fit(seed):
        return clone(tagger).set_params(random_state=seed).fit(features, TAGS)

    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(fit, (0, 1, 2)))
    for seed, model in enumerate(together):
        np.testing.assert_array_equal(
            model.predict_proba(features), fit(seed).predict_proba(features)
        )


def test_folds_in_jobs(system):
    features = system[0].transform(CLIPS)
    tagger = WeakTagger(**PART)
    y = np.array([[("low" in tags), ("high" in tags)] for tags in TAGS]).astype(int)

    def folds(**jobs):
        with parallel_config("threading", **jobs):
            return cross_val_predict(
                tagger, features, y, cv=KFold(3), method="predict_proba"
            )

    np.testing.assert_array_equal(folds(n_jobs=1), folds(n_jobs=2))


@pytest.mark.slow
def test_another_process_says_the_same(system, tmp_path):
    script = textwrap.dedent(
        """
        import sys
        import numpy as np
        import torch
        from tests.learners import test_determinism as here
        torch.set_num_threads(int(sys.argv[2]))
        system = here.make_system().fit(here.CLIPS, here.TAGS)
        frames = [np.asarray(f) for f in here.frame_proba(system, here.CLIPS)]
        np.savez(sys.argv[1], system.predict_proba(here.CLIPS), *frames)
        """
    )
    path, n_threads = tmp_path / "said.npz", str(torch.get_num_threads())
    subprocess.run(
        [sys.executable, "-c", script, path, n_threads],
        check=True,
        cwd=Path(__file__).parents[2],
    )
    with np.load(path) as said:
        proba, *frames = said.values()
    np.testing.assert_array_equal(proba, system.predict_proba(CLIPS))
    for a, b in zip(frames, frame_proba(system, CLIPS), strict=True):
        np.testing.assert_array_equal(a, b)
