"""Batches prepared beside the GPU, as far as a machine without one can tell."""

import threading

import numpy as np
import pytest
import torch

from sklearn_sed import WeakEventDetector, WeakTagger
from sklearn_sed.nn import _training
from sklearn_sed.nn._augment import Augment

LEARNERS = [WeakTagger, WeakEventDetector]


@pytest.fixture
def clips():
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(n, 8)).astype(np.float32) for n in rng.integers(8, 16, 20)]
    return X, rng.integers(0, 2, (20, 2))


def make_batches(n_batches, threads):
    for i in range(n_batches):
        threads.append(threading.current_thread().name)
        inputs = {"x": torch.full((2, 3, 4), float(i)), "n_frames": torch.tensor([3])}
        yield inputs, torch.tensor([i])


@pytest.mark.parametrize("n_batches", [0, 1, 4])
def test_prefetched_batches_keep_their_order(n_batches):
    threads = []
    batches = list(_training.Prefetched(make_batches(n_batches, threads), "cpu"))
    assert [int(y) for _, y in batches] == list(range(n_batches))
    here = threading.current_thread().name
    assert threads[:1] == [here][:n_batches]  # where the order of clips is drawn
    assert all(name.startswith("prefetch") for name in threads[1:])


def test_one_batch_is_prepared_while_another_is_used():
    threads = []
    batches = iter(_training.Prefetched(make_batches(9, threads), "cpu"))
    for i, _ in zip(range(3), batches):
        assert len(threads) <= i + 2
    batches.close()
    assert len(threads) <= 4


def test_an_error_of_the_loader_is_raised():
    def broken():
        yield from make_batches(2, [])
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        list(_training.Prefetched(broken(), "cpu"))


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.filterwarnings("ignore:.*pin_memory")
def test_prefetching_changes_nothing(learner, clips, monkeypatch):
    def fit():
        model = learner(max_epochs=3, batch_size=4, device="cpu", random_state=0)
        return model.fit(*clips)

    plain = fit()
    expected = plain.predict_proba(clips[0])
    monkeypatch.setattr(_training, "is_gpu", lambda device: True)
    used = []

    class Watched(_training.Prefetched):
        def __init__(self, loader, device):
            used.append((loader.pin_memory, device))
            super().__init__(loader, device)

    monkeypatch.setattr(_training, "Prefetched", Watched)
    ahead = fit()
    assert plain.history_ == ahead.history_
    assert np.array_equal(ahead.predict_proba(clips[0]), expected)
    assert set(used) == {(True, "cpu")}
    assert len(used) == 2  # training, prediction


def test_augmentation_stays_on_the_device_of_the_batch():
    augment = Augment(mixup=0.5, time_roll=True, time_mask=0.2, mel_mask=0.2)
    x, n_frames = torch.ones(4, 9, 5), torch.tensor([9, 3, 9, 1])
    batch = {"x": x, "n_frames": n_frames, "frames": torch.ones(4, 9, 2)}
    inputs, y = augment(_training._moved((batch, torch.ones(4, 2)), "meta"))
    assert {t.device.type for t in (*inputs.values(), y)} == {"meta"}
    assert inputs["x"].shape == x.shape


@pytest.mark.parametrize("learner", LEARNERS)
def test_losses_of_batches_are_forgotten(learner, clips):
    model = learner(max_epochs=4, batch_size=4, random_state=0).fit(*clips)
    n_batches = [len(row["batches"]) for row in model.net_.history]
    assert n_batches[:-1] == [0, 0, 0]
