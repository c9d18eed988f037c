"""Features on disk: what is written, when it is made anew, and how it is read."""

import json
import pickle
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from joblib import parallel_config
from sklearn.model_selection import GridSearchCV, KFold, train_test_split

from sklearn_sed._clips._array import FeatureArray
from sklearn_sed._features import _store
from sklearn_sed._features._store import StoredFeatures, open_features, store_features
from sklearn_sed._features._transformer import LogMelTransformer
from sklearn_sed._learners._detector import WeakEventDetector
from sklearn_sed._learners._tagger import WeakTagger
from sklearn_sed._learners._two_pass import TwoPassSED
from sklearn_sed.events import make_events, stack_tables
from sklearn_sed.exceptions import AudioError, AudioWarning
from sklearn_sed.model_selection import TunedDecoderCV

RATE = 8000
PARAMS = {"sample_rate": RATE, "n_fft": 256, "hop_length": 200, "n_mels": 8}
N_CLIPS = 7


def log_mel(**params) -> LogMelTransformer:
    return LogMelTransformer(**{**PARAMS, **params})


def write_clip(path: Path, seed: int, n_samples: int = 2000) -> str:
    noise = 0.1 * np.random.default_rng(seed).standard_normal(n_samples)
    if seed % 2:
        noise += 0.5 * np.sin(np.arange(n_samples))
    soundfile.write(path, noise, RATE)
    return str(path)


@pytest.fixture
def paths(tmp_path) -> list[str]:
    """Return audio files, the odd ones with a tone in them."""
    return [write_clip(tmp_path / f"{i}.wav", i) for i in range(N_CLIPS)]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(_store, "BLOCK", 3)


@pytest.fixture
def computed(monkeypatch) -> list[str]:
    """Return a list that will hold the names of the files read."""
    names = []

    def transform_clip(i, clip, *args):
        names.append(Path(clip).name)
        return true(i, clip, *args)

    true = _store.transform_clip
    monkeypatch.setattr(_store, "transform_clip", transform_clip)
    return names


def assert_same_features(stored: StoredFeatures, X: FeatureArray) -> None:
    assert len(stored) == len(X)
    assert stored.time_resolution == X.time_resolution
    np.testing.assert_array_equal(stored.durations, X.durations)
    for ours, theirs in zip(stored, X):
        assert isinstance(ours, FeatureArray)
        assert ours.dtype == np.float32
        np.testing.assert_array_equal(ours, theirs)


def test_it_holds_what_the_transformer_returns(paths, tmp_path):
    X = log_mel().transform(paths)
    stored = store_features(log_mel(), [Path(p) for p in paths], tmp_path / "store")
    assert_same_features(stored, X)
    assert stored.filenames == paths
    assert stored.shape == X.shape
    assert stored.ndim == 3
    assert stored.dtype == X.dtype
    assert stored.n_mels == 8
    assert stored.report.empty
    assert stored[2].time_resolution == X.time_resolution
    assert stored[2].durations == X.durations[2]
    loaded = stored.load()
    np.testing.assert_array_equal(loaded, X)
    np.testing.assert_array_equal(loaded.durations, X.durations)
    assert np.asarray(stored, dtype=np.float64).dtype == np.float64
    with pytest.raises(ValueError, match="without a copy"):
        np.asarray(stored, copy=False)


def test_clips_of_unequal_length(tmp_path):
    paths = [write_clip(tmp_path / f"{i}.wav", i, 1000 + 500 * i) for i in range(5)]
    X = log_mel().transform(paths)
    stored = store_features(log_mel(), paths, tmp_path / "store")
    assert_same_features(stored, X)
    assert stored.shape == (5,)
    assert [clip.shape for clip in stored.load()] == [clip.shape for clip in X]
    assert stored[[2, 2]].shape == (2, *X[2].shape)
    padded = store_features(log_mel(duration=0.3), paths, tmp_path / "padded")
    np.testing.assert_array_equal(padded, log_mel(duration=0.3).transform(paths))


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> StoredFeatures:
    folder = tmp_path_factory.mktemp("store")
    paths = [write_clip(folder / f"{i}.wav", i) for i in range(N_CLIPS)]
    return store_features(log_mel(), paths, folder / "store")


INDICES = st.one_of(
    st.slices(N_CLIPS),
    st.lists(st.integers(-N_CLIPS, N_CLIPS - 1)).map(lambda i: np.array(i, int)),
    st.lists(st.integers(-N_CLIPS, N_CLIPS - 1), min_size=1),
    st.lists(st.booleans(), min_size=N_CLIPS, max_size=N_CLIPS).map(np.array),
)


@given(INDICES)
def test_an_index_is_a_view_of_the_clips_that_numpy_takes(store, index):
    view = store[index]
    assert isinstance(view, StoredFeatures)
    assert view.filenames == np.array(store.filenames)[index].tolist()
    assert store[index, ...].filenames == view.filenames
    assert store[index, :, :].filenames == view.filenames
    for ours, theirs in zip(view, np.asarray(store)[index], strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_only_clips_are_indexed(store):
    with pytest.raises(IndexError, match=r"X\[clip\]\[frames, bands\]"):
        store[:, 2]
    with pytest.raises(IndexError):
        store[N_CLIPS]
    np.testing.assert_array_equal(store[np.int64(-1)], store[N_CLIPS - 1])


def test_repr_says_where_and_how_much(store):
    assert repr(store[:2]).startswith("StoredFeatures(shape=(2, 11, 8), folder='")


def test_a_pickled_copy_reads_the_same_files(store):
    many = store[np.arange(700) % N_CLIPS]
    pickled = pickle.dumps(many)
    assert len(pickled) < many.load().nbytes / 2
    np.testing.assert_array_equal(pickle.loads(pickled)[-3:], many[-3:])


def test_nothing_is_done_twice(paths, tmp_path, computed):
    store_features(log_mel(), paths[:5], tmp_path / "store")
    assert sorted(computed) == ["0.wav", "1.wav", "2.wav", "3.wav", "4.wav"]
    computed.clear()
    other = log_mel(n_jobs=2, on_error="skip", verbose=0)
    stored = store_features(other, [*paths[::-1], paths[0]], tmp_path / "store")
    assert sorted(computed) == ["5.wav", "6.wav"]
    assert_same_features(stored, log_mel().transform([*paths[::-1], paths[0]]))


def test_a_changed_file_is_done_anew(paths, tmp_path, computed):
    store_features(log_mel(), paths, tmp_path / "store")
    computed.clear()
    write_clip(Path(paths[3]), 103, 2500)
    stored = store_features(log_mel(), paths, tmp_path / "store")
    assert computed == ["3.wav"]
    assert stored.n_frames.tolist() == [11, 11, 11, 13, 11, 11, 11]
    again = open_features(tmp_path / "store", paths)
    assert_same_features(again, log_mel().transform(paths))


@pytest.mark.parametrize(
    ("params", "complaint"),
    [
        ({"n_mels": 9}, "n_mels=8 instead of 9"),
        ({"fmax": np.float64(3000)}, "fmax=None instead of 3000.0"),
        ({"duration": 0.5}, "duration=None instead of 0.5"),
    ],
)
def test_other_parameters_are_refused(store, params, complaint):
    with pytest.raises(ValueError, match=complaint):
        store_features(log_mel(**params), store.filenames, store._folder)


def test_numpy_numbers_are_the_same_parameters(store):
    same = log_mel(n_mels=np.int64(8), fmin=np.float32(0))
    assert len(store_features(same, store.filenames, store._folder)) == N_CLIPS


@pytest.mark.parametrize(
    ("paths", "complaint"),
    [
        ("a.wav", r"pass a list of files: \['a.wav'\]"),
        ([], "paths is empty"),
        ([np.zeros(100)], "paths, clip 0: a ndarray is not the path"),
    ],
)
def test_what_is_no_list_of_paths_is_refused(tmp_path, paths, complaint):
    with pytest.raises(ValueError, match=complaint):
        store_features(log_mel(), paths, tmp_path / "store")


def test_only_log_mel_transformers(tmp_path):
    with pytest.raises(ValueError, match="is a WeakTagger; pass a LogMelTransformer"):
        store_features(WeakTagger(), ["a.wav"], tmp_path)
    with pytest.raises(ValueError, match="fmin < fmax"):
        store_features(log_mel(fmin=5000), ["a.wav"], tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_a_bad_file_is_raised_and_the_others_are_kept(paths, tmp_path, computed):
    Path(paths[4]).write_bytes(b"")
    with pytest.raises(AudioError, match=r"4\.wav"):
        store_features(log_mel(), paths, tmp_path / "store")
    computed.clear()
    write_clip(Path(paths[4]), 4)
    stored = store_features(log_mel(), paths, tmp_path / "store")
    assert 1 <= len(computed) < N_CLIPS - 1
    assert_same_features(stored, log_mel().transform(paths))


def test_silence_takes_the_place_of_bad_files(paths, tmp_path, computed):
    Path(paths[2]).write_bytes(b"")
    paths.insert(5, str(tmp_path / "missing.wav"))
    skipping = log_mel(on_error="skip")
    X = skipping.transform(paths)
    stored = store_features(skipping, paths, tmp_path / "store")
    assert_same_features(stored, X)
    assert stored.shape == X.shape
    np.testing.assert_array_equal(stored.load(), X)
    assert stored.report.equals(skipping.report_)
    assert stored[3:].report.index.tolist() == [2]
    assert stored[:2].report.empty
    computed.clear()
    store_features(skipping, paths, tmp_path / "store")
    assert computed == []
    with pytest.warns(AudioWarning, match="silence takes its place") as caught:
        store_features(log_mel(on_error="warn"), paths, tmp_path / "store")
    assert len(caught) == 2
    assert caught[0].filename == __file__
    with pytest.raises(AudioError):
        store_features(log_mel(), paths, tmp_path / "store")
    assert computed != []


def test_a_file_that_could_not_be_read_for_once(paths, tmp_path, monkeypatch):
    true = _store.transform_clip
    failing = [AudioError(paths[1], "unreadable: the network is down; try again")]

    def transform_clip(i, clip, *args):
        if clip == paths[1] and failing:
            return failing.pop()
        return true(i, clip, *args)

    monkeypatch.setattr(_store, "transform_clip", transform_clip)
    with pytest.raises(AudioError, match="the network is down"):
        store_features(log_mel(), paths[:3], tmp_path / "store")
    stored = store_features(log_mel(), paths[:3], tmp_path / "store")
    assert_same_features(stored, log_mel().transform(paths[:3]))


def test_no_usable_file_at_all(tmp_path):
    with pytest.raises(AudioError) as caught:
        store_features(log_mel(on_error="skip"), ["a.wav", "b.wav"], tmp_path / "store")
    assert caught.value.__notes__ == ["None of the 2 clips could be used."]


def test_an_interruption_leaves_whole_blocks(paths, tmp_path, monkeypatch):
    true = _store.transform_clip
    calls = []

    def transform_clip(*args):
        calls.append(args)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return true(*args)

    monkeypatch.setattr(_store, "transform_clip", transform_clip)
    with pytest.raises(KeyboardInterrupt):
        store_features(log_mel(), paths, tmp_path / "store")
    done = open_features(tmp_path / "store")
    assert 1 <= len(done) <= 4
    assert_same_features(done, log_mel().transform(done.filenames))
    del calls[:]
    calls += [None] * 5
    stored = store_features(log_mel(), paths, tmp_path / "store")
    assert len(calls) - 5 == N_CLIPS - len(done)
    assert_same_features(stored, log_mel().transform(paths))


def test_a_killed_process_leaves_whole_blocks(paths, tmp_path):
    code = """
import os, sys
from sklearn_sed import LogMelTransformer
from sklearn_sed._features import _store
true, calls = _store.transform_clip, []
def transform_clip(*args):
    calls.append(args)
    return true(*args) if len(calls) < 6 else os._exit(9)
_store.transform_clip, _store.BLOCK = transform_clip, 2
_store.store_features(LogMelTransformer(**eval(sys.argv[1])), sys.argv[3:], sys.argv[2])
"""
    folder = tmp_path / "store"
    command = [sys.executable, "-c", code, repr(PARAMS), str(folder), *paths]
    assert subprocess.run(command, check=False).returncode == 9
    assert 3 <= len(open_features(folder)) <= 5
    stored = store_features(log_mel(), paths, folder)
    assert_same_features(stored, log_mel().transform(paths))


def test_several_fill_one_folder_at_the_same_time(paths, tmp_path, computed):
    results = []

    def fill():
        results.append(store_features(log_mel(n_jobs=2), paths, tmp_path / "store"))

    threads = [threading.Thread(target=fill) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    X = log_mel().transform(paths)
    assert len(results) == 4
    for stored in results:
        assert_same_features(stored, X)
    files = sorted((tmp_path / "store").iterdir())
    assert [file.suffix for file in files] == [".json", ".npy"] * 3
    assert_same_features(open_features(tmp_path / "store", paths), X)


def test_who_comes_second_takes_what_is_there(paths, tmp_path, computed, monkeypatch):
    folder = tmp_path / "store"
    first = store_features(log_mel(), paths, folder)
    computed.clear()
    # A process that looked at the folder while it was empty.
    monkeypatch.setattr(_store, "_read_clips", lambda folder, settings: (settings, {}))
    second = store_features(log_mel(), paths, folder)
    assert computed == []
    np.testing.assert_array_equal(second, first)


@pytest.mark.slow
def test_processes_fill_one_folder(paths, tmp_path):
    with parallel_config("loky", n_jobs=2):
        stored = store_features(log_mel(), paths, tmp_path / "store")
    assert_same_features(stored, log_mel().transform(paths))


def test_progress(paths, tmp_path, capsys):
    store_features(log_mel(), paths[:3], tmp_path / "store")
    store_features(log_mel(verbose=1), paths, tmp_path / "store")
    assert "7/7" in capsys.readouterr().err


def test_open_without_the_audio(paths, tmp_path):
    X = log_mel().transform(paths)
    store_features(log_mel(), paths[::-1], tmp_path / "store")
    for path in paths:
        Path(path).unlink()
    stored = open_features(tmp_path / "store")
    assert stored.filenames == paths
    assert_same_features(stored, X)
    assert_same_features(open_features(tmp_path / "store", paths[3:5]), X[3:5])
    with pytest.raises(ValueError, match=r"does not have 'x.wav' \(2 of 3 files"):
        open_features(tmp_path / "store", ["x.wav", paths[0], "y.wav"])


def test_what_is_no_store_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        open_features(tmp_path / "store")
    with pytest.raises(FileNotFoundError):
        store_features(log_mel(), ["a.wav"], tmp_path / "no" / "store")
    with pytest.raises(ValueError, match="holds no features"):
        open_features(tmp_path)
    for content in ("[]", "{}", "{", '"text"', "[" * 100_000):
        (tmp_path / "other.json").write_text(content, encoding="utf-8")
        with pytest.raises(ValueError, match=r"other\.json does not describe stored"):
            open_features(tmp_path)


@pytest.mark.parametrize("version", [1, 3])
def test_other_formats_are_refused(store, tmp_path, version):
    (block,) = {clip["block"] for clip in store._clips[:1]}
    description = json.loads((store._folder / f"{block}.json").read_bytes())
    description["sklearn_sed_features"] = version
    (tmp_path / f"{block}.json").write_text(json.dumps(description), encoding="utf-8")
    with pytest.raises(ValueError, match=rf"is of format {version}.*another folder"):
        open_features(tmp_path)


@pytest.mark.parametrize("damage", ["truncate", "remove"])
def test_damage_is_found_when_it_is_read(paths, tmp_path, damage):
    stored = store_features(log_mel(), paths, tmp_path / "store")
    file = tmp_path / "store" / f"{stored._clips[0]['block']}.npy"
    if damage == "truncate":
        file.write_bytes(file.read_bytes()[:-4])
    else:
        file.unlink()
    view = stored[2:4]  # begins with the last clip of the first block
    with pytest.raises(OSError, match=rf"{file.name} is missing or damaged.*delete it"):
        view[0]
    file.unlink(missing_ok=True)
    file.with_suffix(".json").unlink()
    again = store_features(log_mel(), paths, tmp_path / "store")
    assert_same_features(again, log_mel().transform(paths))


def test_every_flipped_byte_of_the_numbers_is_found(paths, tmp_path):
    stored = store_features(log_mel(), paths[:2], tmp_path / "store")
    file = tmp_path / "store" / f"{stored._clips[0]['block']}.npy"
    content = bytearray(file.read_bytes())
    half = 128 + stored[0].nbytes
    for position in range(128, half):
        content[position] ^= 16
        file.write_bytes(content)
        content[position] ^= 16
        with pytest.raises(OSError, match=rf"{file} is missing or damaged .*0\.wav"):
            stored[0]
        assert len(stored[1]) == 11  # one clip's damage is no other's
    file.write_bytes(content)
    np.testing.assert_array_equal(stored, log_mel().transform(paths[:2]))
    np.testing.assert_array_equal(np.load(file), np.concatenate([*stored]))


def test_every_flipped_byte_of_a_description_is_found(paths, tmp_path):
    stored = store_features(log_mel(), paths[:2], tmp_path / "store")
    file = tmp_path / "store" / f"{stored._clips[0]['block']}.json"
    content = bytearray(file.read_bytes())
    for position in range(len(content)):
        content[position] ^= 4
        file.write_bytes(content)
        content[position] ^= 4
        with pytest.raises(ValueError, match=rf"{file}.* (delete|another folder)"):
            open_features(tmp_path / "store")


@pytest.mark.parametrize(
    "change",
    [
        {"n_frames": 10**30},
        {"n_frames": -1},
        {"n_frames": "11"},
        {"duration": None},
        {"path": 3},
        {"checksum": 1.5},
    ],
)
def test_absurd_descriptions_are_refused(store, tmp_path, change):
    name = store._clips[0]["block"]
    description = json.loads((store._folder / f"{name}.json").read_bytes())
    description["clips"][1] |= change
    (tmp_path / f"{name}.json").write_text(json.dumps(description), encoding="utf-8")
    with pytest.raises(ValueError, match=rf"{name}\.json is damaged: delete it"):
        open_features(tmp_path)


TAGS = [["tone"] if i % 2 else [] for i in range(N_CLIPS)]
TABLES = stack_tables(
    make_events([0.0], [0.25], ["tone"]) if i % 2 else make_events([], [], [])
    for i in range(N_CLIPS)
)
TRAINING = {"max_epochs": 1, "random_state": 0, "batch_size": 2}


def test_estimators_learn_the_same_as_from_an_array(store):
    X = store.load()
    y = np.array([[i % 2, 1 - i % 2] for i in range(N_CLIPS)])
    y[3] = -1  # an unlabelled clip
    tagger = WeakTagger(**TRAINING)
    ours, theirs = tagger.fit(store, y).predict_proba(store), None
    theirs = tagger.fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(ours, theirs)
    detector = WeakEventDetector(**TRAINING)
    ours = detector.fit(store, y).predict_frame_proba(store)
    theirs = detector.fit(X, y).predict_frame_proba(X)
    np.testing.assert_array_equal(ours, theirs)
    assert ours.time_resolution == X.time_resolution
    both = TwoPassSED(tagger=tagger, detector=detector).fit(store, y)
    for a, b in zip(both.predict(store, tags=y), both.predict(X, tags=y)):
        assert a.equals(b)
    with pytest.raises(ValueError, match="0 sample"):
        tagger.predict(store[:0])
    other = FeatureArray(np.zeros((2, 5, 9)))
    with pytest.raises(ValueError, match="8 features, but WeakTagger is expecting 9"):
        WeakTagger(**TRAINING).fit(other, [["a"], []]).predict(store)


def test_scikit_learn_takes_it_apart(store):
    train, test, *_ = train_test_split(store, TAGS, random_state=0)
    assert isinstance(train, StoredFeatures)
    assert sorted(train.filenames + test.filenames) == store.filenames
    search = GridSearchCV(
        WeakEventDetector(**TRAINING),
        {"cosine_weight": [0.0, 0.5]},
        cv=KFold(2),
        error_score="raise",
    )
    ours = search.fit(store, TABLES).cv_results_["mean_test_score"]
    theirs = search.fit(store.load(), TABLES).cv_results_["mean_test_score"]
    np.testing.assert_array_equal(ours, theirs)
    tuned = TunedDecoderCV(WeakEventDetector(**TRAINING), cv=KFold(2))
    assert len(tuned.fit(store, TABLES).predict(store)) == N_CLIPS


def test_training_holds_a_batch_at_a_time(store, monkeypatch):
    true = StoredFeatures._read
    alive: set[int] = set()
    most = 0

    def read(self, clip):
        nonlocal most
        values = true(self, clip)
        alive.add(id(values))
        weakref.finalize(values, alive.discard, id(values))
        most = max(most, len(alive))
        return values

    monkeypatch.setattr(StoredFeatures, "_read", read)
    many = store[np.arange(70) % N_CLIPS]
    tags = [TAGS[i % N_CLIPS] for i in range(70)]
    sed = TwoPassSED(
        tagger=WeakTagger(**TRAINING), detector=WeakEventDetector(**TRAINING)
    )
    sed.fit(many, tags).predict(many)
    assert 1 <= most <= TRAINING["batch_size"]
