"""PSDS of events with scores: the same as a count at every threshold."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklearn_sed.events import frames_to_events, make_events
from sklearn_sed.exceptions import AnnotationError, LabelError
from sklearn_sed.metrics import intersection_f1_score, psd_roc_curve, psds_score
from sklearn_sed.plotting import PSDROCDisplay

LABELS = ["Cat", "Dog", "Speech"]
DURATION = 3.0
SCENARIOS = [
    {"dtc_threshold": 0.7, "gtc_threshold": 0.7},
    {
        "dtc_threshold": 0.1,
        "gtc_threshold": 0.1,
        "cttc_threshold": 0.3,
        "alpha_ct": 0.5,
    },
    {"dtc_threshold": 0.5, "gtc_threshold": 0.5, "alpha_st": 0.0},
]


def random_tables(rng, n_clips, max_events, scores):
    """Events on a coarse grid, of any overlap, with many equal scores."""
    tables = []
    for _ in range(n_clips):
        n_events = rng.integers(0, max_events + 1)
        onset = (0.05 * rng.integers(0, 55, n_events)).round(2)
        offset = onset + 0.05 * rng.integers(1, 20, n_events)
        offset = np.minimum(offset, DURATION).round(2)
        score = rng.integers(1, 6, n_events) / 5 if scores else None
        tables.append(make_events(onset, offset, rng.choice(LABELS, n_events), score))
    return tables


def random_problem(seed):
    """Return references, and candidates of which some are near a reference."""
    rng = np.random.default_rng(seed)
    n_clips = int(rng.integers(1, 4))
    y_true = random_tables(rng, n_clips, 5, False)
    y_score = random_tables(rng, n_clips, 8, True)
    for clip, table in enumerate(y_true):
        onset = (table["onset"] + 0.05 * rng.integers(-2, 3, len(table))).clip(0)
        near = make_events(
            onset.round(2),
            np.maximum(table["offset"], onset + 0.05).round(2),
            table["event_label"],
            rng.integers(1, 6, len(table)) / 5,
        )
        both = pd.concat([t for t in (near, y_score[clip]) if len(t)] or [near])
        y_score[clip] = make_events(*(both[column] for column in near))
    return y_true, y_score


def ticks(table, label):
    """Return the hundredths of a second in which a class sounds."""
    chosen = table[table["event_label"] == label]
    spans = zip(chosen["onset"], chosen["offset"])
    return set().union(*(range(round(100 * a), round(100 * b)) for a, b in spans))


def rates_by_hand(y_true, y_score, label, threshold, scenario):
    """Return false positives and hits per hour and event at one threshold."""
    dtc, gtc = scenario["dtc_threshold"], scenario["gtc_threshold"]
    fp = tp = n_ref = 0
    crossed = dict.fromkeys(set(LABELS) - {label}, 0)
    for true, table in zip(y_true, y_score):
        pred = table[table["score"] > threshold] if len(table) else table
        relevant = set()
        for row in range(len(pred)):
            event = pred.iloc[[row]]
            own = ticks(event, event["event_label"].iat[0])
            if event["event_label"].iat[0] != label:
                continue
            shared = own & ticks(true, label)
            if shared and len(shared) >= dtc * len(own) - 1e-9:
                relevant |= own
                continue
            fp += 1
            for other in crossed:
                shared = own & ticks(true, other)
                crossed[other] += bool(shared) and (
                    len(shared) >= scenario.get("cttc_threshold", 9) * len(own) - 1e-9
                )
        for row in range(len(true)):
            event = true.iloc[[row]]
            if event["event_label"].iat[0] == label:
                own = ticks(event, label)
                n_ref += 1
                tp += bool(own & relevant) and (
                    len(own & relevant) >= gtc * len(own) - 1e-9
                )
    heard = {c: sum(len(ticks(t, c)) for t in y_true) / 100 for c in crossed}
    per_second = fp / (DURATION * len(y_true)) + scenario.get("alpha_ct", 0) * np.mean(
        [n / heard[c] if n else 0.0 for c, n in crossed.items()]
    )
    return 3600 * per_second, tp / max(n_ref, 1)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_curves_equal_a_count_at_every_threshold(scenario):
    n_telling = 0
    for seed in range(25):
        y_true, y_score = random_problem(seed)
        options = {"labels": LABELS, "durations": DURATION, "max_efpr": 9000.0}
        curve = psd_roc_curve(y_true, y_score, **options, **scenario)
        grid = np.linspace(0, 9000, 181)
        heights = []
        for label in LABELS:
            points = [
                rates_by_hand(y_true, y_score, label, threshold, scenario)
                for threshold in [*np.arange(6) / 5 - 0.01, 2.0]
            ]
            expected = [max(t for e, t in points if e <= x + 1e-6) for x in grid]
            step = np.searchsorted(curve.class_efpr[label], grid + 1e-6, "right") - 1
            np.testing.assert_allclose(curve.class_tpr[label][step], expected)
            heights.append(expected)
            n_telling += 0 < curve.class_psds[label] < 1
            for efpr, tpr, threshold in zip(
                curve.class_efpr[label],
                curve.class_tpr[label],
                curve.class_thresholds[label],
            ):
                by_hand = rates_by_hand(y_true, y_score, label, threshold, scenario)
                assert by_hand == pytest.approx((efpr, tpr))
        mean, deviation = np.mean(heights, axis=0), np.std(heights, axis=0)
        step = np.searchsorted(curve.efpr, grid + 1e-6, "right") - 1
        expected = np.maximum(mean - scenario.get("alpha_st", 1.0) * deviation, 0.0)
        np.testing.assert_allclose(curve.tpr[step], expected, atol=1e-12)
    assert n_telling > 20


def test_one_threshold_is_an_intersection_f1_score():
    for seed in range(10):
        y_true, y_score = random_problem(seed)
        # One score for all: one operating point.
        flat = [t.assign(score=0.5) if len(t) else t for t in y_score]
        curve = psd_roc_curve(
            y_true,
            flat,
            labels=LABELS,
            durations=DURATION,
            dtc_threshold=0.5,
            gtc_threshold=0.5,
            max_efpr=1e6,
        )
        f1 = intersection_f1_score(y_true, flat, labels=LABELS, average=None)
        n_ref = [sum((t["event_label"] == c).sum() for t in y_true) for c in LABELS]
        for label, n, expected in zip(LABELS, n_ref, f1):
            tp = n * curve.class_tpr[label][-1]
            fp = curve.class_efpr[label][-1] * DURATION * len(y_true) / 3600
            if tp:
                assert 2 * tp / (n + tp + fp) == pytest.approx(expected)


@given(st.integers(0, 10_000))
def test_what_changes_nothing(seed):
    y_true, y_score = random_problem(seed)
    options = {"labels": LABELS, "durations": DURATION, "max_efpr": 5000.0}
    score = psds_score(y_true, y_score, **options)
    assert 0 <= score <= 1
    assert psds_score(y_true[::-1], y_score[::-1], **options) == pytest.approx(score)
    bent = [t.assign(score=t["score"] ** 3) if len(t) else t for t in y_score]
    assert psds_score(y_true, bent, **options) == pytest.approx(score)
    shuffled = [t.sample(frac=1, random_state=0) for t in y_score]
    assert psds_score(y_true, shuffled, **options) == pytest.approx(score)


@given(st.integers(0, 10_000))
def test_events_apart_score_like_the_curve_that_they_draw(seed):
    rng = np.random.default_rng(seed)
    # Clips so long that below the lowest score one long event is a false positive.
    curves = np.zeros((3, 400, 3))
    curves[:, 1:30:2] = rng.choice([0.0, 0.2, 0.4, 0.6], (3, 15, 3))
    y_true = random_tables(rng, 3, 5, False)
    tables = [frames_to_events(c > 0, 0.1, LABELS, score=c) for c in curves]
    options = {"labels": LABELS, "durations": 40.0, "max_efpr": 500.0}
    for scenario in SCENARIOS:
        by_events = psds_score(y_true, tables, **options, **scenario)
        clock = {"time_resolution": 0.1}
        by_frames = psds_score(y_true, curves, **clock, **options, **scenario)
        assert by_events == pytest.approx(by_frames)


def test_a_low_score_costs_only_below_it():
    y_true = [make_events([0.0], [1.0], ["Dog"])]
    y_score = [make_events([0.0, 2.0], [1.0, 3.0], ["Dog", "Dog"], [0.9, 0.1])]
    options = {"labels": ["Dog"], "durations": DURATION}
    curve = psd_roc_curve(y_true, y_score, **options)
    assert curve.psds == 1.0
    np.testing.assert_array_equal(curve.class_thresholds["Dog"], [0.1])
    first = [y_score[0].assign(score=[0.1, 0.9])]
    curve = psd_roc_curve(y_true, first, **options, max_efpr=2400.0)
    np.testing.assert_array_equal(curve.class_efpr["Dog"], [0.0, 1200.0])
    assert curve.psds == 0.5


def test_events_are_cut_at_the_end_of_the_clip():
    y_true = [make_events([2.0], [3.0], ["Dog"])]
    y_score = [make_events([2.0, 3.5], [6.0, 4.0], ["Dog", "Dog"], [0.9, 0.95])]
    options = {"labels": ["Dog"], "max_efpr": 1e5}
    assert psds_score(y_true, y_score, durations=3.0, **options) == 1.0
    assert psds_score(y_true, y_score, durations=7.0, **options) == 0.0


def test_clips_without_candidates_need_no_column():
    y_true = [make_events([0.0], [1.0], ["Dog"]), make_events([], [], [])]
    y_score = [make_events([0.0], [1.0], ["Dog"], [0.4]), make_events([], [], [])]
    options = {"labels": ["Dog"], "durations": DURATION}
    assert psds_score(y_true, y_score, **options) == 1.0
    assert psds_score(y_true, y_score[1:] * 2, **options) == 0.0


def test_bad_tables_get_one_clear_error():
    y_true = [make_events([0.0], [1.0], ["Dog"])]
    options = {"labels": ["Dog"], "durations": DURATION}
    with pytest.raises(AnnotationError, match="y_score, clip 0: the column 'score'"):
        psds_score(y_true, y_true, **options)
    cat = [make_events([0.0], [1.0], ["Cat"], [0.5])]
    with pytest.raises(LabelError, match="y_score has events of 'Cat'"):
        psds_score(y_true, cat, **options)
    nothing = [y_true[0].assign(score=np.nan)]
    with pytest.raises(AnnotationError, match="y_score, clip 0, event 0"):
        psds_score(y_true, nothing, **options)
    with pytest.raises(LabelError, match="y_true has 1 clips but y_score has 2"):
        psds_score(y_true, cat * 2, **options)
    with pytest.raises(AnnotationError, match=r"y_score: .* got a single table"):
        psds_score(y_true, cat[0], **options)
    with pytest.raises(ValueError, match="pass durations"):
        PSDROCDisplay.from_predictions(y_true, cat, labels=["Dog"])


def test_pictures_of_events():
    y_true, y_score = random_problem(3)
    options = {"labels": LABELS, "durations": DURATION}
    display = PSDROCDisplay.from_predictions(y_true, y_score, scenario=2, **options)
    assert display.curve.psds == psds_score(y_true, y_score, **options, **SCENARIOS[1])
