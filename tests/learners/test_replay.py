"""Going on from a few clips, with earlier ones among them."""

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from skorch.callbacks import Callback

from sklearn_sed import (
    FeatureArray,
    LogMelTransformer,
    TwoPassSED,
    WeakEventDetector,
    WeakTagger,
    open_features,
    store_features,
)
from sklearn_sed._features._store import StoredFeatures
from sklearn_sed._learners._base import _interleave
from sklearn_sed.events import make_events
from sklearn_sed.exceptions import AnnotationError, LabelError

CLASSES = ["high", "low"]
SMALL = {"max_epochs": 1, "random_state": 0, "network_params": {"n_rnn": 8}}


def clips(n_clips, value, resolution=0.1):
    """Return clips that all their values tell apart."""
    return FeatureArray(np.full((n_clips, 10, 8), value, dtype=np.float32), resolution)


OLD, NEW = clips(30, 0.0), clips(11, 1.0)
Y_OLD, Y_NEW = [["low"], ["high"]] * 15, [["high"]] * 5 + [[]] * 6


class Batches(Callback):
    """Note of each batch which clips are new ones."""

    def __init__(self):
        self.seen = []

    def on_batch_begin(self, net, batch=None, training=False, **kwargs):
        self.seen.append((batch[0]["x"][:, 0, 0] == 1).tolist())


@pytest.fixture(params=[WeakTagger, WeakEventDetector])
def fitted(request):
    return request.param(**SMALL).fit(OLD, Y_OLD)


def weights(model):
    return np.concatenate(
        [w.numpy().ravel() for w in model.net_.module_.state_dict().values()]
    )


def test_a_batch_holds_both_kinds(fitted):
    batches = Batches()
    fitted.set_params(callbacks=[batches], batch_size=8)
    fitted.partial_fit(NEW, Y_NEW, replay=(OLD, Y_OLD))
    assert [(sum(new), len(new)) for new in batches.seen] == [(4, 8), (4, 8), (3, 7)]
    fitted.partial_fit(NEW, Y_NEW)
    assert all(map(all, batches.seen[3:]))


@given(st.integers(1, 40), st.integers(1, 40), st.integers(2, 9), st.integers(0, 9))
def test_the_order_of_clips(n_new, n_old, batch_size, seed):
    order = _interleave(n_new, n_old, batch_size, np.random.RandomState(seed))
    new = order < n_new
    assert sorted(order[new].tolist()) == list(range(n_new))
    assert (order < n_new + n_old).all()
    batches = [new[i : i + batch_size] for i in range(0, len(order), batch_size)]
    for batch in batches:
        assert 0 < batch.sum() < len(batch)
        assert (~batch).sum() == batch_size - batch_size // 2
    times_drawn = np.bincount(order[~new] - n_new, minlength=n_old)
    assert times_drawn.max() - times_drawn.min() <= 1


def test_going_on_is_repeated_exactly_and_goes_on(fitted):
    def go_on(model):
        return model.partial_fit(NEW, Y_NEW, replay=(OLD, Y_OLD))

    other = clone(fitted).fit(OLD, Y_OLD)
    thresholds = fitted.thresholds_
    np.testing.assert_array_equal(weights(go_on(fitted)), weights(go_on(other)))
    once = weights(fitted)
    assert not np.array_equal(weights(go_on(fitted)), once)
    assert fitted.n_iter_ == 3
    np.testing.assert_array_equal(fitted.thresholds_, thresholds)


def test_weights_are_of_new_clips(fitted):
    weight = np.r_[np.ones(6), np.zeros(5)]
    other = clone(fitted).fit(OLD, Y_OLD)
    fitted.partial_fit(NEW, Y_NEW, sample_weight=weight, replay=(OLD, Y_OLD))
    other.partial_fit(NEW[:6], Y_NEW[:6], replay=(OLD, Y_OLD))
    np.testing.assert_array_equal(weights(fitted), weights(other))


def test_times_of_both(monkeypatch):
    model = WeakEventDetector(times="learn", **SMALL)
    tables = [make_events([0.2], [0.6], tags) for tags in Y_OLD]
    model.fit(OLD, tables)
    frames = []
    collect = Batches()
    collect.on_batch_begin = lambda net, batch=None, **kwargs: frames.append(
        batch[0]["frames"].isnan().any(dim=2).any(dim=1).tolist()
    )
    model.set_params(callbacks=[collect])
    model.partial_fit(NEW, [*Y_NEW[:4], *tables[4:5], *Y_NEW[5:]], replay=(OLD, tables))
    assert sum(map(sum, frames)) == 10  # the new ones that have tags, but no times
    late = make_events([0.0], [5.0], ["low"])
    with pytest.raises(AnnotationError, match="y of replay, clip 1, event 0: it lasts"):
        model.partial_fit(NEW, Y_NEW, replay=(OLD, [tables[0], late, *tables[2:]]))


def test_only_what_is_drawn_is_read(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{i}.wav" for i in range(20)]
    for path in paths:
        soundfile.write(path, 0.1 * rng.normal(size=4000), 8000)
    log_mel = LogMelTransformer(sample_rate=8000, n_fft=512, hop_length=256, n_mels=8)
    store_features(log_mel, paths, tmp_path / "store")
    stored = open_features(tmp_path / "store")
    model = WeakTagger(**SMALL).fit(stored, Y_OLD[:20])
    read = set()
    getitem = StoredFeatures.__getitem__

    def note(self, key):
        clip = getitem(self, key)
        if clip.ndim == 2:
            read.add(key)
        return clip

    monkeypatch.setattr(StoredFeatures, "__getitem__", note)
    new = log_mel.fit_transform(paths[:2])
    model.partial_fit(new, [["low"], []], replay=(stored, Y_OLD[:20]))
    assert 8 <= len(read) <= 10  # eight were drawn; the first tells of the bands


@pytest.mark.parametrize(
    ("replay", "error", "message"),
    [
        ("old", ValueError, r"replay is a str; pass earlier clips and their labels"),
        ((OLD,), ValueError, r"replay is a tuple; pass .* as a tuple, \(X, y\)"),
        ((OLD, Y_OLD[:3]), LabelError, "X has 30 clips and y of replay has 3 entries"),
        ((OLD, [["other"]] * 30), LabelError, "y of replay, clip 0: the label 'other'"),
        ((clips(30, 0.0, 0.2), Y_OLD), ValueError, r"\(8, 0\.1, 0\.0\) and \(8, 0\.2"),
    ],
)
def test_what_cannot_be_replayed(fitted, replay, error, message):
    before = weights(fitted)
    with pytest.raises(error, match=message):
        fitted.partial_fit(NEW, Y_NEW, replay=replay)
    np.testing.assert_array_equal(weights(fitted), before)
    assert len(fitted.predict(NEW)) == len(NEW)


def test_there_has_to_be_something_to_keep_and_room_for_it(fitted):
    with pytest.raises(ValueError, match="nothing was learned yet"):
        clone(fitted).partial_fit(NEW, Y_NEW, replay=(OLD, Y_OLD))
    fitted.set_params(batch_size=1)
    with pytest.raises(ValueError, match="batch_size=1 has no room"):
        fitted.partial_fit(NEW, Y_NEW, replay=(OLD, Y_OLD))


class TestTwoPasses:
    def test_both_passes_go_on(self):
        parts = WeakTagger(**SMALL), WeakEventDetector(**SMALL)
        system = TwoPassSED(tagger=parts[0], detector=parts[1]).fit(OLD, Y_OLD)
        system.partial_fit(NEW, Y_NEW, replay=(OLD, Y_OLD))
        for part, own in zip(parts, (system.tagger_, system.detector_)):
            alone = clone(part).fit(OLD, Y_OLD)
            alone.partial_fit(NEW, Y_NEW, replay=(OLD, Y_OLD))
            np.testing.assert_array_equal(weights(alone), weights(own))

    def test_from_the_start(self):
        system = TwoPassSED(
            tagger=WeakTagger(**SMALL), detector=WeakEventDetector(**SMALL)
        )
        system.partial_fit(OLD[:2], [["low"], []], classes=CLASSES)
        assert system.classes_.tolist() == CLASSES
        assert len(system.predict(NEW)) == len(NEW)

    def test_a_frozen_part_stays_as_it_is(self):
        tagger = WeakTagger(**SMALL).fit(OLD, Y_OLD)
        before = weights(tagger)
        system = TwoPassSED(
            tagger=FrozenEstimator(tagger), detector=WeakEventDetector(**SMALL)
        ).fit(OLD, Y_OLD)
        detector = weights(system.detector_)
        system.partial_fit(NEW, Y_NEW)
        np.testing.assert_array_equal(weights(tagger), before)
        assert not np.array_equal(weights(system.detector_), detector)

    def test_parts_that_cannot_go_on(self):
        from sklearn.linear_model import LogisticRegression

        system = TwoPassSED(tagger=LogisticRegression())
        assert not hasattr(system, "partial_fit")
