"""Confidence intervals: by counts as by clips, and as wide as they should be."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    average_precision_score,
    f1_score,
    precision_score,
    recall_score,
)

from sklearn_sed import FeatureArray
from sklearn_sed.events import make_events, to_tags
from sklearn_sed.exceptions import LabelError
from sklearn_sed.metrics import (
    ScoreInterval,
    best_event_based_f1_score,
    best_segment_based_f1_score,
    bootstrap,
    compare,
    event_based_error_rate,
    event_based_f1_score,
    intersection_f1_score,
    pi_psds_score,
    psds_score,
    segment_based_error_rate,
    segment_based_f1_score,
    segment_mpauc_score,
)
from tests.metrics.test_scored_events import DURATION, LABELS, SCENARIOS, random_tables

COUNTED = [
    event_based_f1_score,
    event_based_error_rate,
    segment_based_f1_score,
    segment_based_error_rate,
    intersection_f1_score,
]
SWEPT = [
    psds_score,
    segment_mpauc_score,
    best_segment_based_f1_score,
    best_event_based_f1_score,
]


def by_clips(metric):
    """Return a metric that nobody knows, so that it is called on every resample."""
    return lambda y_true, y_pred, **params: metric(y_true, y_pred, **params)


def noisy(rng, y_true):
    """Return estimates with scores: most events, some of them late, and others."""
    return [
        make_events(
            *(np.concatenate(columns) for columns in zip(*parts)),
            rng.integers(1, 8, sum(len(part[0]) for part in parts)) / 8,
        )
        for parts in (
            (
                (
                    table["onset"],
                    table["offset"] + rng.choice([0.0, 0.4], len(table)),
                    table["event_label"],
                ),
                tuple(extra[c] for c in ("onset", "offset", "event_label")),
            )
            for table, extra in zip(y_true, random_tables(rng, len(y_true), 1, False))
        )
    ]


def clips(n_clips=12, seed=0):
    rng = np.random.default_rng(seed)
    y_true = random_tables(rng, n_clips, 3, False)
    return y_true, noisy(rng, y_true)


def assert_same(found, expected):
    for part in ("value", "low", "high"):
        np.testing.assert_allclose(getattr(found, part), getattr(expected, part))


@pytest.mark.parametrize("labels", [None, LABELS])
@pytest.mark.parametrize("average", ["macro", "micro"])
@pytest.mark.parametrize("metric", COUNTED)
def test_counts_are_resampled_as_clips_are(metric, average, labels):
    y_true, y_pred = clips()
    options = {"n": 30, "random_state": 3, "average": average, "labels": labels}
    found = bootstrap(metric, y_true, y_pred, **options)
    assert_same(found, bootstrap(by_clips(metric), y_true, y_pred, **options))
    assert found.value == metric(y_true, y_pred, average=average, labels=labels)
    assert found.low < found.value < found.high


def test_a_class_that_a_resample_lacks_counts_as_in_the_metric():
    y_true = [make_events([0.0], [1.0], [label]) for label in LABELS]
    y_pred = y_true[:2] + [make_events([], [], [])]
    for labels in (None, LABELS):
        options = {"n": 40, "random_state": 0, "labels": labels}
        found = bootstrap(event_based_f1_score, y_true, y_pred, **options)
        slow = bootstrap(by_clips(event_based_f1_score), y_true, y_pred, **options)
        assert_same(found, slow)
    # Without labels, perfect clips have a perfect score.
    assert bootstrap(event_based_f1_score, y_true, y_true, random_state=0).low == 1.0


@pytest.mark.parametrize("metric", COUNTED)
def test_each_class_has_its_interval(metric):
    y_true, y_pred = clips(30)
    options = {"n": 30, "random_state": 3, "average": None, "labels": LABELS}
    found = bootstrap(metric, y_true, y_pred, **options)
    assert found.low.shape == (3,)
    assert_same(found, bootstrap(by_clips(metric), y_true, y_pred, **options))
    assert len(repr(found).splitlines()) == 3


def some_durations(n_clips):
    """Lengths of clips that differ, none of which ends before its events."""
    return DURATION + np.arange(n_clips) % 4


@pytest.mark.parametrize("curves", [False, True])
@pytest.mark.parametrize(
    ("metric", "options"),
    [
        *((metric, {}) for metric in SWEPT),
        *((psds_score, {"max_efpr": 3000.0, **scenario}) for scenario in SCENARIOS),
        (segment_mpauc_score, {"average": None, "max_fpr": 0.5}),
    ],
)
def test_sums_over_thresholds_are_resampled_as_clips_are(metric, options, curves):
    y_true, y_score = clips(8)
    if curves:
        rng = np.random.default_rng(1)
        y_score = [rng.integers(0, 9, (60 + 5 * clip, 3)) / 9 for clip in range(8)]
        y_score = FeatureArray(y_score, 0.05)
    options = options | {"labels": LABELS, "durations": some_durations(8)}
    again = {"n": 25, "random_state": 1}
    found = bootstrap(metric, y_true, y_score, **options, **again)
    slow = bootstrap(by_clips(metric), y_true, y_score, **options, **again)
    assert_same(found, slow)
    np.testing.assert_allclose(found.value, metric(y_true, y_score, **options))


def test_pi_psds():
    y_true, first = clips(8)
    second = noisy(np.random.default_rng(5), y_true)
    options = {"labels": LABELS, "durations": 5.0, "max_efpr": 3000.0}
    sets = iter([first, second])
    interval = bootstrap(pi_psds_score, y_true, sets, n=20, random_state=0, **options)
    assert interval.value == pi_psds_score(y_true, [first, second], **options)
    rng = np.random.RandomState(0)
    values = []
    for _ in range(20):
        drawn = np.sort(rng.randint(8, size=8))
        chosen = [[y[i] for i in drawn] for y in (y_true, first, second)]
        values.append(pi_psds_score(chosen[0], chosen[1:], **options))
    expected = np.quantile(values, [0.025, 0.975])
    np.testing.assert_allclose([interval.low, interval.high], expected)


@pytest.mark.parametrize("average", ["macro", "micro", None])
@pytest.mark.parametrize("metric", [f1_score, precision_score, recall_score])
def test_tags(metric, average):
    y_true, y_pred = (to_tags(y, LABELS) for y in clips(40))
    options = {"average": average, "zero_division": 0, "n": 50, "random_state": 0}
    found = bootstrap(metric, y_true, y_pred, **options)
    assert_same(found, bootstrap(by_clips(metric), y_true, y_pred, **options))


def test_metrics_of_others_and_their_weights():
    rng = np.random.default_rng(0)
    y_true = rng.integers(0, 2, (60, 3))
    y_score = y_true + rng.normal(size=(60, 3))
    interval = bootstrap(average_precision_score, y_true, y_score, random_state=0)
    assert interval.low < interval.value < interval.high
    # A clip without weight has no say.
    weight = np.repeat([1.0, 0.0], 30)
    y_pred = np.where(np.arange(60)[:, None] < 30, y_true, 1 - y_true)
    options = {"average": "macro", "sample_weight": weight, "zero_division": 1}
    assert bootstrap(f1_score, y_true, y_pred, n=50, **options).low == 1.0


def test_a_partial_is_the_metric_and_its_parameters():
    y_true, y_pred = clips(8)
    durations = some_durations(8)
    narrow = partial(segment_based_f1_score, segment_length=0.5, durations=durations)
    found = bootstrap(narrow, y_true, y_pred, n=20, random_state=0)
    expected = bootstrap(
        segment_based_f1_score,
        y_true,
        y_pred,
        n=20,
        random_state=0,
        segment_length=0.5,
        durations=durations,
    )
    assert_same(found, expected)


def test_a_constant_has_no_width():
    interval = bootstrap(lambda y_true, y_pred: 0.5, [1, 2], [1, 2])
    assert interval == ScoreInterval(0.5, 0.5, 0.5, 0.95)


def test_seeds_decide():
    y_true, y_pred = clips(20)
    first, again, other = (
        bootstrap(event_based_f1_score, y_true, y_pred, n=50, random_state=seed)
        for seed in (0, 0, 1)
    )
    assert first == again
    assert first.value == other.value
    assert (first.low, first.high) != (other.low, other.high)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=15)
def test_more_confidence_takes_more_room(seed):
    y_true, y_pred = clips(20, seed)
    narrow, wide = (
        bootstrap(
            event_based_f1_score,
            y_true,
            y_pred,
            n=100,
            confidence=confidence,
            random_state=seed,
            labels=LABELS,
        )
        for confidence in (0.5, 0.99)
    )
    assert 0 <= wide.low <= narrow.low <= narrow.high <= wide.high <= 1
    assert wide.low <= wide.value <= wide.high


def mean(y_true, y_pred):
    return np.mean(y_pred)


def test_intervals_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        sample = rng.normal(size=40)
        interval = bootstrap(
            mean, sample, sample, n=200, confidence=0.8, random_state=rng.integers(99)
        )
        held += interval.low <= 0.0 <= interval.high
    assert 140 <= held <= 180


# Two systems


def test_a_system_equals_itself():
    y_true, y_pred = clips()
    same = compare(event_based_f1_score, y_true, y_pred, y_pred, n=50)
    assert same == ScoreInterval(0.0, 0.0, 0.0, 0.95)


def test_what_both_find_hard_cancels_out():
    rng = np.random.default_rng(0)
    hard = rng.normal(size=100)
    a, b = hard + 0.3, hard + rng.normal(scale=0.1, size=100)
    difference = compare(mean, hard, a, b, random_state=0)
    alone = bootstrap(mean, hard, a, random_state=0)
    assert difference.value == pytest.approx(a.mean() - b.mean())
    assert 0 < difference.low < difference.value < difference.high
    assert difference.high - difference.low < (alone.high - alone.low) / 4
    reverse = compare(mean, hard, b, a, random_state=0)
    assert reverse.low == pytest.approx(-difference.high)


@pytest.mark.parametrize("metric", [event_based_f1_score, best_event_based_f1_score])
def test_comparison_by_counts_as_by_clips(metric):
    y_true, a = clips()
    b = noisy(np.random.default_rng(9), y_true)
    options = {"labels": LABELS, "durations": 5.0, "n": 20, "random_state": 0}
    found = compare(metric, y_true, a, b, **options)
    assert_same(found, compare(by_clips(metric), y_true, a, b, **options))
    assert found.low < found.high


# What is refused


def test_bad_input_gets_one_clear_error():
    y_true, y_pred = clips(4)
    with pytest.raises(LabelError, match="y_true has 4 clips but y_pred has 3"):
        bootstrap(mean, y_true, y_pred[:3])
    with pytest.raises(LabelError, match="y_true has 4 clips but y_pred has 3"):
        bootstrap(event_based_f1_score, y_true, y_pred[:3])
    with pytest.raises(LabelError, match="no clips"):
        bootstrap(event_based_f1_score, [], [])
    with pytest.raises(ValueError, match="'t_collar' parameter"):
        bootstrap(event_based_f1_score, y_true, y_pred, t_collar=-1)
    with pytest.raises(TypeError, match="t_colar"):
        bootstrap(event_based_f1_score, y_true, y_pred, t_colar=1)
    for key, value in {"n": 0, "confidence": 1.0, "metric": "f1"}.items():
        options = {"metric": mean, key: value}
        with pytest.raises(ValueError, match=f"'{key}' parameter of bootstrap"):
            bootstrap(y_true=y_true, y_pred=y_pred, **options)
    with pytest.raises(ValueError, match="returns nan on a resample"):
        bootstrap(lambda y_true, y_pred: np.nan, y_true, y_pred)
    with pytest.raises(ValueError, match=r"shape \(\d,\) on a resample .* \(4,\) on"):
        bootstrap(lambda t, p: np.zeros(len(set(t))), [1, 2, 3, 4], [1] * 4, n=99)


def test_warnings_come_once():
    y_true = [make_events([0.0], [9.0], ["Dog"])] * 3
    with pytest.warns(UserWarning, match="3 events of y_true last beyond") as caught:
        bootstrap(event_based_f1_score, y_true, y_true, n=9, durations=5.0)
    assert len(caught) == 1
    assert caught[0].filename == __file__
