"""The detector: score curves on the input's own frames, events, tags that are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sklearn_sed import EventDecoder, FeatureArray, WeakEventDetector
from sklearn_sed._learners._detector import tag_correlation
from sklearn_sed.events import make_events, stack_tables
from sklearn_sed.exceptions import ClipError, LabelError, TimeResolutionError
from tests._networks import EXACT, TINY_CRNN, TinyNet, tones

X, Y = tones()
NAMES = [[name for name, k in zip(("high", "low"), row[::-1]) if k] for row in Y]


@pytest.fixture(scope="module")
def detector():
    decoder = EventDecoder(smoothing=None, min_gap=0.0, min_duration=0.0)
    return WeakEventDetector(**EXACT, decoder=decoder).fit(X, NAMES)


def test_finds_when(detector):
    """A network without memory, told only which clips hold a tone, says when."""
    late, n_loud = [], 0
    for table, clip in zip(detector.predict(X), np.asarray(X)):
        for label, bands in (("low", slice(0, 2)), ("high", slice(3, 5))):
            loud = np.flatnonzero(clip[:, bands].mean(axis=1) > 2)
            found = table.loc[table["event_label"] == label, ["onset", "offset"]]
            n_loud += len(loud) > 0
            if len(found) == 1 and len(loud):
                late.append(found.to_numpy()[0] - 0.05 * (loud[[0, -1]] + [0, 1]))
    assert len(late) >= 0.9 * n_loud > 10
    assert np.abs(late).max() <= 0.1
    assert np.abs(late).mean() < 0.025
    assert detector.score(X, NAMES) > 0.9


def test_event_tables_are_well_formed(detector):
    events = detector.predict(X)
    assert events.shape == (24,)
    assert events.dtype == object
    for table in events:
        assert list(table.columns) == ["onset", "offset", "event_label", "score"]
        assert (table["offset"] > table["onset"]).all()
        assert table["score"].between(0, 1).all()
        assert table["onset"].is_monotonic_increasing
        assert (table["offset"] <= 20 * 0.05 + 1e-9).all()


def test_frame_scores_lie_on_the_frames_of_the_input():
    model = WeakEventDetector(
        network_params=TINY_CRNN, max_epochs=1, random_state=0
    ).fit(X, Y)
    frames = model.predict_frame_proba(X)
    assert isinstance(frames, FeatureArray)
    assert frames.shape == (24, 20, 2)
    assert frames.dtype == np.float32
    assert frames.time_resolution == 0.05
    assert ((frames >= 0) & (frames <= 1)).all()
    ragged = model.predict_frame_proba(
        [x[:n] for x, n in zip(np.asarray(X), (1, 7, 20))]
    )
    assert [len(clip) for clip in ragged] == [1, 7, 20]


def test_only_accepted_classes_are_decoded(detector):
    tags = detector.predict_tags(X)
    for table, row in zip(detector.predict(X), tags):
        accepted = set(detector.classes_[row == 1])
        assert set(table["event_label"]) <= accepted
    assert 0 < tags.mean() < 1  # or nothing was asked
    assert sum(map(len, detector.predict(X))) >= 0.9 * tags.sum()


@pytest.mark.parametrize("form", ["indicator", "lists", "sets", "bool", "events"])
def test_known_tags_are_located(detector, form):
    nothing = make_events([], [], [])
    low = make_events([0.0], [1.0], ["low"])
    tags = {
        "indicator": np.tile([0, 1], (24, 1)),
        "lists": [["low"]] * 24,
        "sets": [{"low"}] * 24,
        "bool": np.tile([False, True], (24, 1)),
        "events": stack_tables([low] * 24),
    }[form]
    assert {
        label for t in detector.predict(X, tags=tags) for label in t["event_label"]
    } == {"low"}
    none = detector.predict(X, tags=stack_tables([nothing] * 24))
    assert all(len(table) == 0 for table in none)
    assert all(list(t.columns)[:3] == ["onset", "offset", "event_label"] for t in none)


def test_wrong_tags_are_named(detector):
    with pytest.raises(LabelError, match="'Owl'"):
        detector.predict(X, tags=[["Owl"]] * 24)
    with pytest.raises(LabelError, match="24 clips and tags has 3 entries"):
        detector.predict(X, tags=[["low"]] * 3)


def test_time_resolution_of_features_or_of_the_parameter(detector):
    plain = np.asarray(X)
    with pytest.raises(TimeResolutionError, match="time_resolution=hop_length"):
        detector.predict(plain)
    slow = detector.predict(FeatureArray(plain, time_resolution=0.5))
    fast = detector.predict(X)
    for a, b in zip(slow, fast):
        np.testing.assert_allclose(a["onset"], 10 * b["onset"])
    told = WeakEventDetector(**EXACT, time_resolution=0.5).fit(plain, NAMES)
    assert told.predict_frame_proba(plain).time_resolution == 0.5
    assert len(told.predict(plain)) == 24


def test_events_end_with_the_clip(detector):
    short = FeatureArray(np.asarray(X), time_resolution=0.05, durations=[0.93] * 24)
    for table in detector.predict(short, tags=[["low", "high"]] * 24):
        assert (table["offset"] <= 0.93).all()


def test_decoder_parameters_reach_the_events():
    model = WeakEventDetector(**EXACT).set_params(decoder__threshold=0.999)
    assert isinstance(model.decoder, EventDecoder)
    strict = model.fit(X, NAMES).predict(X)
    loose = model.set_params(decoder__threshold=0.001).fit(X, NAMES).predict(X)

    def total(events):
        return sum((t["offset"] - t["onset"]).sum() for t in events)

    assert total(strict) < total(loose)


def test_strong_labels_count_by_their_tags_and_are_scored_by_their_times(detector):
    tables = stack_tables(
        [make_events([0.1] * len(n), [0.5] * len(n), sorted(n)) for n in NAMES]
    )
    other = WeakEventDetector(**EXACT).fit(X, tables)
    np.testing.assert_array_equal(
        other.predict_frame_proba(X), detector.predict_frame_proba(X)
    )
    truth = detector.predict(X)
    assert detector.score(X, truth) == 1.0
    assert detector.score(X, tables) < 1.0


def test_cosine_penalty_pulls_curves_of_co_tagged_classes_apart():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 20, 6))
    x[::2, 2:8, :3] += 3
    x[::2, 12:18, 3:] += 3
    y = np.repeat([[1, 1], [0, 0]], 20, axis=0).reshape(2, 20, 2).transpose(1, 0, 2)
    y = y.reshape(40, 2)

    def cosine(weight):
        model = WeakEventDetector(**EXACT, cosine_weight=weight).fit(x, y)
        a, b = np.asarray(model.predict_frame_proba(x))[::2].transpose(2, 0, 1)
        return np.mean(
            (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
        )

    assert cosine(1.0) < cosine(0.0) - 0.3


@pytest.mark.parametrize("loss", ["clip", "max_min", "max_mean_min", "strong"])
def test_every_loss_trains(loss):
    pooling = "max" if loss.startswith("max") else "linear_softmax"
    options = {**EXACT, "pooling": pooling, "loss": loss}
    model = WeakEventDetector(**options).fit(X, Y)
    assert model.history_[-1]["train_loss"] < model.history_[0]["train_loss"]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"loss": "max_min"}, "pooling='max'"),
        ({"loss": "strong", "pooling": "attention"}, "choose another of the two"),
        ({"cosine_weight": -1}, "cosine_weight"),
        (
            {"decoder": EventDecoder(threshold=0.2, low_threshold=0.5)},
            "low_threshold=0.5 is above",
        ),
        ({"decoder": "mean"}, "decoder"),
    ],
)
def test_impossible_combinations_are_refused_before_training(params, message):
    def explode(n_mels, n_classes):
        raise AssertionError("training began")

    with pytest.raises(ValueError, match=message):
        WeakEventDetector(network=explode, **params).fit(X, Y)


def test_bad_clips_are_named(detector):
    bad = np.array(X)
    bad[3, 2, 1] = np.nan
    with pytest.raises(ClipError, match="clip 3: it contains NaN"):
        detector.predict(bad)


def test_batches_never_change_an_event():
    model = WeakEventDetector(
        network_params=TINY_CRNN, max_epochs=2, random_state=0, threshold=0.0
    ).fit(X, Y)
    whole = model.predict(X)
    for batch_size in (1, 5, 24):
        model.set_params(batch_size=batch_size)
        for a, b in zip(whole, model.predict(X)):
            np.testing.assert_array_equal(a["onset"], b["onset"])
            np.testing.assert_array_equal(a["offset"], b["offset"])


def test_own_network_with_attention():
    class Attending(TinyNet):
        def forward(self, x, mask=None):
            logits = super().forward(x)
            return logits, logits

    model = WeakEventDetector(**{**EXACT, "network": Attending, "pooling": "attention"})
    assert model.fit(X, Y).score(X, Y) > 0.8


def test_the_penalty_acts_where_tags_hardly_tell_classes_apart():
    rng = np.random.default_rng(0)
    together, alone = rng.random((2, 40)) < 0.5
    tags = np.stack([together, together, alone], axis=1).astype(int)
    tags[0] = [1, 0, 0]
    tags[1] = [0, 1, 1]
    tags[2] = -1  # unlabelled: says nothing
    x = rng.normal(size=(40, 12, 5)).astype(np.float32)
    params = {"network_params": TINY_CRNN, "max_epochs": 1, "random_state": 0}

    def pair_weight(**more):
        detector = WeakEventDetector(**params, **more).fit(x, tags)
        return detector.net_.criterion_.pair_weight

    expected = np.corrcoef(np.delete(tags, 2, axis=0).T) - np.eye(3)
    np.testing.assert_allclose(pair_weight(), expected.clip(0), atol=1e-6)
    assert expected[0, 1] > 0.8
    assert pair_weight(cosine_pairs="all") is None


@given(st.data())
def test_correlation_of_tags(data):
    n_clips = data.draw(st.integers(1, 12))
    tags = data.draw(arrays(int, (n_clips, 3), elements=st.integers(0, 1)))
    times = data.draw(arrays(int, n_clips, elements=st.integers(1, 4)))
    found = tag_correlation(tags, times.astype(float))
    repeated = np.repeat(tags, times, axis=0)
    np.testing.assert_allclose(
        found, tag_correlation(repeated, np.ones(len(repeated))), atol=1e-12
    )
    assert np.isfinite(found).all()
    assert (np.diag(found) == 0).all()
    for a, b in ((0, 1), (1, 2)):
        if repeated[:, a].std() and repeated[:, b].std():
            r = np.corrcoef(repeated[:, a], repeated[:, b])[0, 1]
            assert found[a, b] == pytest.approx(max(r, 0), abs=1e-9)
        else:
            assert found[a, b] == 0
