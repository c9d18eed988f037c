"""The defaults learn: from sounds and their tags to what is there, and when.

Waveforms, log-mel features, networks, training and decoding are the real ones; only
the sounds are short and few, and so are the epochs.
"""

import numpy as np
import pytest

from sklearn_sed import LogMelTransformer, TwoPassSED, WeakEventDetector, WeakTagger
from sklearn_sed.events import make_events, stack_tables, to_tags
from tests._networks import tone_bursts

SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))]
TRAINING = {"max_epochs": 20, "batch_size": 8}


@pytest.fixture(scope="module")
def bursts():
    """Features and event tables of clips to learn from, and of others."""
    # Frames of 8 ms: a network sees, and smears an edge over, some 35 of them.
    features = LogMelTransformer(sample_rate=8000, n_fft=256, hop_length=64, n_mels=16)
    (x, y), (x_new, y_new) = tone_bursts(96, seed=0), tone_bursts(64, seed=1)
    return features.fit_transform(x), y, features.transform(x_new), y_new


@pytest.fixture(scope="module", params=SEEDS)
def system(request, bursts):
    """Both passes at their defaults but for the epochs."""
    options = {**TRAINING, "random_state": request.param}
    nested = {f"{part}__{k}": v for part in PARTS for k, v in options.items()}
    return TwoPassSED().set_params(**nested).fit(bursts[0], to_tags(bursts[1]))


PARTS = {"tagger": WeakTagger, "detector": WeakEventDetector}


@pytest.mark.parametrize("part", PARTS)
def test_it_is_the_defaults_that_are_tried(system, part):
    tried = getattr(system, f"{part}_").get_params()
    changed = {*TRAINING, "random_state"}
    default = PARTS[part]().get_params()
    assert {k: v for k, v in tried.items() if k not in changed} == {
        k: v for k, v in default.items() if k not in changed
    }


def test_the_tagger_says_what_is_there(system, bursts):
    *_, x, y = bursts
    truth = to_tags(y)
    np.testing.assert_array_equal(system.tagger_.classes_, system.detector_.classes_)
    assert (system.tagger_.predict(x) == truth).mean() > 0.97
    assert system.tagger_.score(x, truth) > 0.95
    proba = system.tagger_.predict_proba(x)
    assert proba[truth == 1].mean() > 0.8
    assert proba[truth == 0].mean() < 0.2


def test_the_detectors_clip_scores_say_what_is_there(system, bursts):
    *_, x, y = bursts
    assert (system.detector_.predict_tags(x) == to_tags(y)).mean() > 0.97


@pytest.mark.parametrize("passes", ["detector", "both"])
def test_events_are_found_where_they_are(system, bursts, passes):
    *_, x, y = bursts
    model = system if passes == "both" else system.detector_
    late = lateness(y, model.predict(x))
    assert np.abs(late).mean(axis=0).max() < 0.1
    assert np.quantile(np.abs(late), 0.9) < 0.2
    assert model.score(x, y) > 0.8


def test_events_are_neither_early_nor_late(system, bursts):
    """Networks that learn from tags draw events wider, but not to one side."""
    *_, x, y = bursts
    late = lateness(y, system.predict(x, tags=to_tags(y)))
    assert abs(late.mean()) < 0.01


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_the_frames_of_default_features_are_neither_early_nor_late(seed):
    """Where the network's frames last 93 ms."""
    features = LogMelTransformer()
    (x, y), (x_new, y_new) = (
        tone_bursts(96, seed=part, sample_rate=features.sample_rate) for part in (0, 1)
    )
    detector = WeakEventDetector(**TRAINING, random_state=seed)
    detector.fit(features.fit_transform(x), to_tags(y))
    found = detector.predict(features.transform(x_new), tags=to_tags(y_new))
    assert abs(lateness(y_new, found).mean()) < 0.01


def test_curves_are_high_inside_and_low_outside(system, bursts):
    *_, x, y = bursts
    curves = np.asarray(system.predict_frame_proba(x))
    times = np.arange(curves.shape[1]) * x.time_resolution
    for c, label in enumerate(system.classes_):
        inside, outside = [], []
        for curve, table in zip(curves[..., c], y):
            own = table[table["event_label"] == label]
            onset, offset = own[["onset", "offset"]].to_numpy().T
            active = ((times[:, None] >= onset) & (times[:, None] < offset)).any(1)
            near = (
                (times[:, None] >= onset - 0.3) & (times[:, None] < offset + 0.3)
            ).any(1)
            inside.append(curve[active])
            outside.append(curve[~near])
        assert np.concatenate(inside).mean() > 0.6
        assert np.concatenate(outside).mean() < 0.1


def lateness(y, events):
    """How late the onset and offset of each event were found, (n_events, 2).

    Each clip has at most one event of a class; what was missed, torn or found in
    vain is refused beyond one in twenty.
    """
    late, n_wrong = [], 0
    for truth, found in zip(y, events, strict=True):
        for label in {*truth["event_label"], *found["event_label"]}:
            true, own = (
                t.loc[t["event_label"] == label, ["onset", "offset"]].to_numpy()
                for t in (truth, found)
            )
            if len(true) == len(own) == 1:
                late.append((own - true)[0])
            else:
                n_wrong += 1
    assert n_wrong <= 0.05 * (n_wrong + len(late))
    return np.array(late)


def test_lateness_is_measured():
    truth = stack_tables([make_events([0.5], [1.0], ["low"])] * 20)
    found = stack_tables([make_events([0.6], [1.3], ["low"])] * 20)
    np.testing.assert_allclose(lateness(truth, found), np.tile([0.1, 0.3], (20, 1)))
    found[:2] = stack_tables([make_events([], [], [])] * 2)
    with pytest.raises(AssertionError):
        lateness(truth, found)
