"""On a cluster of worker processes: the same results, even when a worker dies."""

import os
import signal

import numpy as np
import pytest
import soundfile
from joblib import parallel_config
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline

from sklearn_sed._decoding._decoder import EventDecoder
from sklearn_sed._features import _store, _transformer
from sklearn_sed._features._store import store_features
from sklearn_sed._features._transformer import LogMelTransformer
from sklearn_sed._learners._detector import WeakEventDetector
from sklearn_sed.events import make_events, stack_tables
from sklearn_sed.inference import detect_files
from sklearn_sed.inference._journal import Journal

RATE = 8000
N_CLIPS = 10
LOG_MEL = LogMelTransformer(sample_rate=RATE, n_fft=256, hop_length=200, n_mels=8)
# Hardly trained: that there are events at all takes a threshold of zero.
DETECTOR = WeakEventDetector(
    max_epochs=1,
    batch_size=4,
    threshold=0.0,
    decoder=EventDecoder(rescale=True),
    random_state=0,
)
PATIENCE = "300s"  # until a process has started on a busy machine


@pytest.fixture(scope="module")
def client():
    """Start two worker processes of one thread each."""
    dask = pytest.importorskip("dask")
    distributed = pytest.importorskip("distributed")
    settings = {
        "distributed.comm.timeouts.connect": PATIENCE,
        "distributed.comm.timeouts.tcp": PATIENCE,
    }
    with (
        dask.config.set(settings),
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def paths(tmp_path_factory) -> list[str]:
    """Return audio files, the odd ones with a tone in them."""
    folder = tmp_path_factory.mktemp("audio")
    rng = np.random.default_rng(0)
    paths = [str(folder / f"{i}.wav") for i in range(N_CLIPS)]
    for i, path in enumerate(paths):
        clip = 0.01 * rng.standard_normal(RATE)
        if i % 2:
            clip[2000:6000] += 0.3 * np.sin(np.arange(4000))
        soundfile.write(path, clip, RATE)
    return paths


@pytest.fixture
def elsewhere(monkeypatch):
    """Return a function after which this process can read no audio any more."""

    def load_clip(*args):
        pytest.fail("the audio is read here, not by a worker")

    return lambda: monkeypatch.setattr(_transformer, "load_clip", load_clip)


def kill_one(client) -> None:
    """Kill a worker process; its nanny starts another."""
    os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)


def test_features(client, paths, elsewhere):
    X = LOG_MEL.transform(paths)
    elsewhere()
    with parallel_config("dask"):
        spread = LOG_MEL.transform(paths)
    np.testing.assert_array_equal(spread, X)
    np.testing.assert_array_equal(spread.durations, X.durations)
    assert spread.time_resolution == X.time_resolution


def test_waveforms(client):
    waveforms = np.random.default_rng(0).normal(0, 0.1, (4, RATE))
    with parallel_config("dask"):
        spread = LOG_MEL.transform(waveforms)
    np.testing.assert_array_equal(spread, LOG_MEL.transform(waveforms))


def test_store(client, paths, tmp_path, elsewhere, monkeypatch):
    X = LOG_MEL.transform(paths)
    monkeypatch.setattr(_store, "BLOCK", 2)
    elsewhere()
    with parallel_config("dask"):
        stored = store_features(LOG_MEL, paths, tmp_path / "store")
    np.testing.assert_array_equal(stored, X)
    assert len(list((tmp_path / "store").glob("*.npy"))) == 5


@pytest.mark.slow
def test_a_store_is_filled_though_a_worker_dies(client, paths, tmp_path, monkeypatch):
    monkeypatch.setattr(_store, "BLOCK", 1)
    true, n_calls = _store._clips_of, 0

    def clips_of(*args):
        nonlocal n_calls
        n_calls += 1
        if n_calls == 2:  # one block is done, the others are under way
            kill_one(client)
        return true(*args)

    monkeypatch.setattr(_store, "_clips_of", clips_of)
    with parallel_config("dask"):
        stored = store_features(LOG_MEL, paths, tmp_path / "store")
    assert n_calls >= N_CLIPS
    np.testing.assert_array_equal(stored, LOG_MEL.transform(paths))


@pytest.mark.slow
def test_grid_search(client, paths, tmp_path):
    y = stack_tables(
        make_events([0.25], [0.75], ["tone"]) if i % 2 else make_events([], [], [])
        for i in range(N_CLIPS)
    )
    X = store_features(LOG_MEL, paths, tmp_path / "store")
    search = GridSearchCV(
        DETECTOR, {"cosine_weight": [0.0, 0.5]}, cv=KFold(2), error_score="raise"
    )
    here = search.fit(X, y).cv_results_
    with parallel_config("dask"):
        spread = search.fit(X, y).cv_results_
    np.testing.assert_array_equal(spread["mean_test_score"], here["mean_test_score"])


@pytest.fixture(scope="module")
def model(paths):
    tags = [["tone"] if i % 2 else [] for i in range(N_CLIPS)]
    return make_pipeline(LOG_MEL, DETECTOR).fit(paths, tags)


@pytest.fixture(scope="module")
def found(model, paths, tmp_path_factory) -> bytes:
    """Return the table that one process writes."""
    out = tmp_path_factory.mktemp("found") / "found.tsv"
    detect_files(model, paths, out, window=1.0)
    return out.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("scatter", [False, True])
def test_detection(client, model, paths, found, tmp_path, elsewhere, scatter):
    out = tmp_path / "found.tsv"
    elsewhere()
    with parallel_config("dask", scatter=[model] if scatter else None):
        detect_files(model, paths, out, window=1.0)
    assert found.count(b"tone") >= N_CLIPS // 2
    assert out.read_bytes() == found


@pytest.mark.slow
@pytest.mark.parametrize("scatter", [False, True])
def test_detection_goes_on_though_a_worker_dies(
    client, model, paths, found, tmp_path, monkeypatch, scatter
):
    true, n_calls = Journal.append, 0

    def append(self, record):
        nonlocal n_calls
        n_calls += 1
        if n_calls == 1:
            kill_one(client)
        true(self, record)

    monkeypatch.setattr(Journal, "append", append)
    out = tmp_path / "found.tsv"
    with parallel_config("dask", scatter=[model] if scatter else None):
        detect_files(model, paths, out, window=1.0)
    assert n_calls == N_CLIPS
    assert out.read_bytes() == found
