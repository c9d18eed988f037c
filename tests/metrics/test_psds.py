"""Intersection-based F1 and PSDS: the referee's values, and a count by hand."""

import json
from dataclasses import dataclass

import numpy as np
import pytest

from sklearn_sed import FeatureArray
from sklearn_sed.events import events_to_frames, make_events
from sklearn_sed.exceptions import (
    AnnotationError,
    ClipError,
    LabelError,
    TimeResolutionError,
)
from sklearn_sed.metrics import (
    PSDROC,
    _intersection,
    _scored,
    _sweep,
    event_based_error_rate,
    event_based_f1_score,
    event_based_report,
    intersection_f1_score,
    psd_roc_curve,
    psds_score,
    segment_based_error_rate,
    segment_based_f1_score,
)

LABELS = ["Cat", "Dog", "Speech"]
SCENARIO_1 = {"dtc_threshold": 0.7, "gtc_threshold": 0.7, "alpha_st": 1.0}
SCENARIO_2 = {
    "dtc_threshold": 0.1,
    "gtc_threshold": 0.1,
    "cttc_threshold": 0.3,
    "alpha_ct": 0.5,
    "alpha_st": 1.0,
}
PLAIN = {"dtc_threshold": 0.5, "gtc_threshold": 0.5, "alpha_st": 0.0}


def empty():
    return make_events([], [], [])


def tables_of(case, kind):
    return [
        make_events(*zip(*events)) if (events := case[kind][clip]) else empty()
        for clip in case["durations"]
    ]


def test_intersection_f1_equals_the_oracle(oracle):
    for case in oracle["problems"]:
        tables = tables_of(case, "reference"), tables_of(case, "estimated")
        labels = case["labels"]
        by_class = intersection_f1_score(*tables, labels=labels, average=None)
        macro = intersection_f1_score(*tables, labels=labels)
        micro = intersection_f1_score(*tables, labels=labels, average="micro")
        expected = case["expected"]["intersection_based_f"]
        np.testing.assert_allclose(by_class, [expected[c] for c in labels], atol=1e-9)
        assert macro == pytest.approx(expected["macro_average"], abs=1e-9)
        assert micro == pytest.approx(expected["micro_average"], abs=1e-9)


@pytest.mark.parametrize(
    ("key", "scenario"),
    [("psds1", SCENARIO_1), ("psds2", SCENARIO_2), ("psds_plain", PLAIN)],
)
def test_psds_equals_the_oracle(oracle, key, scenario):
    for case in oracle["problems"]:
        curve = psd_roc_curve(
            tables_of(case, "reference"),
            [np.array(case["scores"][clip]) / 100 for clip in case["durations"]],
            time_resolution=case["time_resolution"],
            labels=case["labels"],
            durations=list(case["durations"].values()),
            max_efpr=case["max_efpr"],
            **scenario,
        )
        assert curve.psds == pytest.approx(case["expected"][key], abs=1e-9)
        expected = case["expected"][f"{key}_class_wise"]
        assert curve.class_psds == pytest.approx(expected, abs=1e-9)


# A second opinion: every threshold tried, every run of frames looked at, sets of
# milliseconds instead of interval arithmetic.


@dataclass
class Problem:
    y_true: list
    frame_proba: list
    durations: np.ndarray
    time_resolution: float


def random_problem(rng):
    """Coarse scores, so that ties are many; events may overlap."""
    n_clips = rng.integers(1, 4)
    resolution = rng.choice([0.1, 0.25])
    durations = rng.choice([1.55, 2.0, 3.0], n_clips)
    y_true, frame_proba = [], []
    for duration in durations:
        n_events = rng.integers(0, 5)
        onset = 0.05 * rng.integers(0, int(20 * duration), n_events)
        offset = onset + 0.05 * rng.integers(1, 20, n_events)
        offset = np.minimum(offset, duration)
        y_true.append(make_events(onset, offset, rng.choice(LABELS, n_events)))
        n_frames = int(duration / resolution) + rng.integers(0, 3)
        scores = rng.integers(0, 4, (n_frames, 3)) / 5
        times = resolution * (np.arange(n_frames) + 0.5)
        for start, stop, label in y_true[-1].itertuples(index=False):
            scores[(times > start) & (times < stop), LABELS.index(label)] += 0.4
        frame_proba.append(scores.round(1))
    return Problem(y_true, frame_proba, durations, float(resolution))


def milliseconds(onset, offset):
    return set(range(round(1000 * onset), round(1000 * offset)))


def covered_by(table, label):
    chosen = table[table["event_label"] == label]
    spans = zip(chosen["onset"], chosen["offset"])
    return set().union(*(milliseconds(*span) for span in spans))


def detections(scores, threshold, duration, resolution):
    """Runs of frames above the threshold, within the clip, as sets of milliseconds."""
    times = np.minimum(np.arange(len(scores) + 1) * resolution, duration)
    runs, run = [], set()
    for frame, score in enumerate(scores):
        if score > threshold:
            run |= milliseconds(times[frame], times[frame + 1])
        else:
            runs, run = [*runs, run], set()
    return [run for run in [*runs, run] if run]


def count_by_hand(problem, label, threshold, dtc, gtc, cttc):
    """Count false positives, true positives and cross-triggers at one threshold."""
    fp = tp = 0
    crossing = dict.fromkeys(LABELS, 0)
    for table, scores, duration in zip(
        problem.y_true, problem.frame_proba, problem.durations
    ):
        column = scores[:, LABELS.index(label)]
        target, relevant = covered_by(table, label), set()
        for run in detections(column, threshold, duration, problem.time_resolution):
            if run & target and len(run & target) >= dtc * len(run) - 1e-9:
                relevant |= run
                continue
            fp += 1
            for other in set(LABELS) - {label}:
                shared = len(run & covered_by(table, other))
                crossing[other] += shared > 0 and shared >= cttc * len(run) - 1e-9
        for _, event in table[table["event_label"] == label].iterrows():
            span = milliseconds(event["onset"], event["offset"])
            tp += (
                bool(span & relevant) and len(span & relevant) >= gtc * len(span) - 1e-9
            )
    return fp, tp, crossing


def curve_by_hand(problem, label, scenario, max_efpr):
    """Return the best true positive rate reached up to each false positive rate."""
    n_ref = sum((table["event_label"] == label).sum() for table in problem.y_true)
    heard = {
        other: sum(len(covered_by(table, other)) for table in problem.y_true) / 1000
        for other in LABELS
    }
    points = []
    scores = np.unique(np.concatenate(problem.frame_proba))
    for threshold in [-1, *scores]:
        fp, tp, crossing = count_by_hand(
            problem,
            label,
            threshold,
            scenario["dtc_threshold"],
            scenario["gtc_threshold"],
            scenario.get("cttc_threshold", 1),
        )
        rate = fp / problem.durations.sum()
        crossed = [
            crossing[other] / heard[other] if heard[other] else 0
            for other in LABELS
            if other != label
        ]
        rate += scenario.get("alpha_ct", 0) * np.mean(crossed)
        points.append((3600 * rate, tp / max(n_ref, 1)))
    return lambda x: max(tpr for efpr, tpr in [*points, (0, 0)] if efpr <= x + 1e-6)


@pytest.fixture(params=["compiled", "interpreted"])
def sweep_mode(request, monkeypatch):
    """The sweep as machine code and as Python."""
    if request.param == "interpreted":
        monkeypatch.setattr(_sweep, "_meets", _intersection.meets)
        for name in (
            "_covered_until",
            "_credit",
            "sweep_silence",
            "_sweep_clip",
            "sweep",
        ):
            monkeypatch.setattr(_sweep, name, getattr(_sweep, name).py_func)


@pytest.mark.usefixtures("sweep_mode")
@pytest.mark.parametrize("scenario", [SCENARIO_1, SCENARIO_2, PLAIN])
def test_curves_equal_a_count_by_hand(scenario):
    rng = np.random.default_rng(7)
    n_telling = 0
    for _ in range(18):
        problem = random_problem(rng)
        max_efpr = 20_000.0
        curve = psd_roc_curve(
            problem.y_true,
            problem.frame_proba,
            time_resolution=problem.time_resolution,
            labels=LABELS,
            durations=problem.durations,
            max_efpr=max_efpr,
            **scenario,
        )
        grid = np.linspace(0, max_efpr, 200)
        heights = []
        for label in LABELS:
            by_hand = curve_by_hand(problem, label, scenario, max_efpr)
            efpr, tpr = curve.class_efpr[label], curve.class_tpr[label]
            step = np.searchsorted(efpr, grid + 1e-6, side="right") - 1
            expected = [by_hand(x) for x in grid]
            np.testing.assert_allclose(tpr[step], expected, atol=1e-12)
            heights.append(expected)
            n_telling += 0 < curve.class_psds[label] < 1
        mean, deviation = np.mean(heights, axis=0), np.std(heights, axis=0)
        step = np.searchsorted(curve.efpr, grid + 1e-6, side="right") - 1
        np.testing.assert_allclose(
            curve.tpr[step],
            np.maximum(mean - scenario["alpha_st"] * deviation, 0),
            atol=1e-12,
        )
    assert n_telling > 10  # the problems are not trivial


@pytest.mark.usefixtures("sweep_mode")
def test_thresholds_reach_their_points():
    rng = np.random.default_rng(8)
    for _ in range(10):
        problem = random_problem(rng)
        curve = psd_roc_curve(
            problem.y_true,
            problem.frame_proba,
            time_resolution=problem.time_resolution,
            labels=LABELS,
            durations=problem.durations,
            max_efpr=20_000.0,
            **PLAIN,
        )
        for label in LABELS:
            n_ref = sum((t["event_label"] == label).sum() for t in problem.y_true)
            for efpr, tpr, threshold in zip(
                curve.class_efpr[label],
                curve.class_tpr[label],
                curve.class_thresholds[label],
            ):
                fp, tp, _ = count_by_hand(problem, label, threshold, 0.5, 0.5, 1)
                assert efpr == pytest.approx(3600 * fp / problem.durations.sum())
                assert tpr == pytest.approx(tp / max(n_ref, 1))


def one_clip(scores, events=((1.0, 3.0),), **options):
    """Score one clip of one class with frames of one second."""
    y_true = (
        [make_events(*zip(*events), ["Dog"] * len(events))] if events else [empty()]
    )
    frame_proba = [np.reshape(scores, (-1, 1))]
    options = {"time_resolution": 1.0, "labels": ["Dog"], "durations": 4.0} | options
    return psd_roc_curve(y_true, frame_proba, **options)


def test_a_perfect_curve():
    curve = one_clip([0.1, 0.9, 0.8, 0.3])
    assert isinstance(curve, PSDROC)
    np.testing.assert_array_equal(curve.class_efpr["Dog"], [0])
    np.testing.assert_array_equal(curve.class_thresholds["Dog"], [0.3])
    assert (curve.psds, curve.class_psds) == (1, {"Dog": 1})


def test_area_is_that_of_the_staircase():
    # The event is found once the first frame, 900 false positives per hour, is active.
    curve = one_clip([0.9, 0.1, 0.8, 0.8], ((2.0, 4.0),), max_efpr=3600.0)
    np.testing.assert_array_equal(curve.class_efpr["Dog"], [0, 900])
    np.testing.assert_array_equal(curve.class_tpr["Dog"], [0, 1])
    assert curve.psds == 0.75
    # Beyond the end of the curve, nothing counts.
    assert one_clip([0.9, 0.1, 0.8, 0.8], ((2.0, 4.0),)).psds == 0


def test_frames_are_active_strictly_above_the_threshold():
    assert one_clip([0.5, 0.5, 0.5, 0.5]).psds == 0  # all at once: half is outside
    assert one_clip([0.5, 0.5, 0.5, 0.5], dtc_threshold=0.5).psds == 1


def test_frames_beyond_the_clip_are_cut():
    scores = [0.1, 0.9, 0.8, 0.1, 0.7, 0.6]
    assert one_clip(scores, max_efpr=3600.0, durations=4.0).psds == 1
    # The last frame counts as far as it lies in the clip.
    events = ((1.0, 1.5),)
    assert one_clip([0.0, 0.9], events, durations=1.5).psds == 1
    assert one_clip([0.0, 0.9], events, durations=4.0).psds == 0
    # A clip with fewer frames than seconds is inactive where it has none.
    assert one_clip([0.1, 0.9, 0.8], durations=4.0).psds == 1


def test_frames_begin_at_the_time_offset():
    scores = [0.1, 0.9, 0.9, 0.1]
    options = {"gtc_threshold": 1.0, "dtc_threshold": 1.0}
    assert one_clip(scores, [(0.5, 2.5)], **options).psds == 0
    assert one_clip(scores, [(0.5, 2.5)], time_offset=-0.5, **options).psds == 1
    carried = FeatureArray([np.reshape(scores, (-1, 1))], 1.0, None, -0.5)
    y_true = [make_events([0.5], [2.5], ["Dog"])]
    options |= {"time_resolution": 1.0, "labels": ["Dog"], "durations": 4.0}
    assert psds_score(y_true, carried, **options) == 1
    assert psds_score(y_true, carried, time_offset=0.0, **options) == 0
    # Frames before the clip begins are no false positives.
    late = one_clip([0.9, 0.9, 0.1, 0.9, 0.9, 0.1], time_offset=-2.0)
    assert late.efpr.tolist() == [0.0]


def test_without_reference_events_the_score_is_zero():
    assert one_clip([0.1, 0.9, 0.8, 0.3], ()).psds == 0
    assert one_clip([], ()).psds == 0
    no_clips = psd_roc_curve([], [], time_resolution=1.0, labels=["Dog"], durations=[])
    assert no_clips.psds == 0
    curve = psd_roc_curve(
        [make_events([0.0], [1.0], ["Dog"])],
        [np.array([[0.9, 0.2], [0.1, 0.8]])],
        time_resolution=1.0,
        labels=["Dog", "Cat"],
        durations=2.0,
        **SCENARIO_2,
    )
    assert curve.class_psds == {"Dog": 1, "Cat": 0}
    assert curve.psds == 0  # mean 0.5 less standard deviation 0.5


def test_cross_triggers_cost():
    arguments = (
        [make_events([0.0, 2.0], [1.0, 3.0], ["Dog", "Cat"])],
        [np.array([[0.5, 0.1], [0.1, 0.2], [0.9, 0.9], [0.0, 0.3]])],
    )
    options = {"time_resolution": 1.0, "labels": ["Dog", "Cat"], "durations": 4.0}
    # "Dog" answers to the Cat of one second before it finds its own event.
    free = psd_roc_curve(*arguments, **options, **PLAIN, max_efpr=9999.0)
    np.testing.assert_allclose(free.class_efpr["Dog"], [0, 900])
    weighed = psd_roc_curve(
        *arguments,
        **options,
        **PLAIN,
        max_efpr=9999.0,
        cttc_threshold=0.3,
        alpha_ct=0.5,
    )
    np.testing.assert_allclose(weighed.class_efpr["Dog"], [0, 900 + 0.5 * 3600])


def test_blocks_of_classes_change_nothing(monkeypatch):
    problem = random_problem(np.random.default_rng(4))
    options = {
        "time_resolution": problem.time_resolution,
        "labels": LABELS,
        "durations": problem.durations,
        "max_efpr": 99_999.0,
        **SCENARIO_2,
        "alpha_st": 0.0,
    }
    together = psds_score(problem.y_true, problem.frame_proba, **options)
    monkeypatch.setattr(_scored, "_BLOCK_BYTES", 1)
    apart = psds_score(problem.y_true, problem.frame_proba, **options)
    assert together == apart > 0


def test_frame_scores_are_read_clip_by_clip():
    """A sequence that loads on demand never hands out more than one clip."""
    problem = random_problem(np.random.default_rng(2))

    class OnDemand:
        def __len__(self):
            return len(problem.frame_proba)

        def __getitem__(self, clip):
            return problem.frame_proba[clip].astype(np.float32)

    options = {
        "time_resolution": problem.time_resolution,
        "labels": LABELS,
        "durations": problem.durations,
        "max_efpr": 9999.0,
        **PLAIN,
    }
    expected = psds_score(problem.y_true, problem.frame_proba, **options)
    assert psds_score(problem.y_true, OnDemand(), **options) == expected > 0


def test_score_is_the_area_under_the_curve():
    problem = random_problem(np.random.default_rng(4))
    options = {
        "time_resolution": problem.time_resolution,
        "labels": LABELS,
        "durations": problem.durations,
        "max_efpr": 5000.0,
        **PLAIN,
    }
    curve = psd_roc_curve(problem.y_true, problem.frame_proba, **options)
    widths = np.diff(np.append(curve.efpr, curve.max_efpr))
    assert psds_score(problem.y_true, problem.frame_proba, **options) == pytest.approx(
        (widths * curve.tpr).sum() / 5000
    )


GOOD = {
    "y_true": [make_events([0.0], [1.0], ["Dog"])],
    "y_score": [np.zeros((4, 2))],
    "time_resolution": 0.5,
    "labels": ["Dog", "Cat"],
    "durations": [2.0],
}


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"y_score": []}, LabelError, "y_true has 1 clips but y_score has 0"),
        (
            {"y_score": [np.zeros((4, 3))]},
            ClipError,
            r"clip 0: .*\(4, 3\), expected",
        ),
        (
            {"y_score": [np.zeros(4)]},
            ClipError,
            "clip 0: y_score has the shape",
        ),
        ({"y_score": [np.full((4, 2), np.nan)]}, ClipError, "clip 0: .* NaN"),
        ({"labels": ["Cat", "Bird"]}, LabelError, "'Dog', which is not among `labels`"),
        ({"labels": ["Dog", "Dog"]}, LabelError, "'Dog' more than once"),
        ({"time_resolution": None}, TimeResolutionError, "pass time_resolution"),
        ({"durations": [2.0, 3.0]}, ValueError, "each of 1 clips"),
        ({"durations": -1}, ValueError, "got -1.0 for clip 0"),
        ({"alpha_ct": 0.5}, ValueError, "pass cttc_threshold"),
        ({"dtc_threshold": 0}, ValueError, "'dtc_threshold' parameter"),
        ({"max_efpr": 0}, ValueError, "'max_efpr' parameter"),
        ({"y_true": [None]}, AnnotationError, "y_true, clip 0"),
    ],
)
def test_bad_input_gets_one_clear_error(change, error, match):
    psds_score(**GOOD)
    with pytest.raises(error, match=match):
        psds_score(**GOOD | change)


def f1(y_true, y_pred, **options):
    """Score intervals of one class in one clip."""
    tables = [[make_events(*zip(*e), ["Dog"] * len(e))] for e in (y_true, y_pred)]
    return intersection_f1_score(*tables, **options)


def test_one_detection_may_find_several_events_and_the_reverse():
    assert f1([(0, 1), (1.2, 2)], [(0, 2)]) == 1
    assert f1([(0, 2)], [(0, 0.9), (1.1, 2)]) == 1
    # The first half alone does not cover enough.
    assert f1([(0, 2)], [(0, 0.9), (1.1, 6)]) == 0


def test_thresholds_are_met_exactly():
    assert f1([(0.1, 0.4)], [(0.1, 0.7)]) == 1  # in floating point, just not a half
    assert f1([(0.1, 0.4)], [(0.1, 0.70001)]) == 0
    assert f1([(0.1, 0.4)], [(0.1, 0.7)], dtc_threshold=0.51) == 0
    assert f1([(0.1, 0.7)], [(0.1, 0.4)], gtc_threshold=0.51) == 0


def test_shared_time_counts_once():
    # Two reference events over the same 0.4 s do not make 0.8 s.
    assert f1([(0, 0.4), (0, 0.4)], [(0, 1)]) == 0
    assert f1([(0, 1)], [(0, 0.4), (0, 0.4)]) == 0
    assert f1([(0, 1), (0.5, 2)], [(0, 2)]) == 1


def test_events_without_length_meet_no_criterion():
    assert f1([(0, 2)], [(1, 1)]) == 0
    for found in ((0, 2), (1, 1)):
        with pytest.warns(UserWarning, match="1 events of y_true have no length"):
            assert f1([(1, 1)], [found]) == 0


def test_clips_and_classes_stay_apart():
    early, late = make_events([0.0], [1.0], ["Dog"]), make_events([1.0], [2.0], ["Dog"])
    assert intersection_f1_score([early, late], [late, early]) == 0
    assert intersection_f1_score([early, late], [early, late]) == 1
    cat = early.assign(event_label="Cat")
    assert intersection_f1_score([early], [cat]) == 0


def test_intersection_of_nothing_is_zero():
    for average in ("macro", "micro"):
        assert intersection_f1_score([empty()], [empty()], average=average) == 0
    assert intersection_f1_score([], [], average=None).shape == (0,)
    np.testing.assert_array_equal(
        intersection_f1_score([empty()], [empty()], average=None, labels=LABELS),
        np.zeros(3),
    )


def test_intersection_reports_what_it_leaves_out():
    y = [make_events([0.0, 1.0], [1.0, 2.0], ["Dog", "Cat"])]
    with pytest.warns(UserWarning, match="'Cat'") as caught:
        assert intersection_f1_score(y, y, labels=["Dog"]) == 1
    assert caught[0].filename == __file__


# References that the clip does not hold


PAST = [
    make_events([9.0], [12.5], ["Dog"]),
    make_events([0.0, 11.0], [1.0, 12.0], ["Dog", "Dog"]),
]
FOUND = [make_events([9.0], [10.0], ["Dog"]), make_events([0.0], [1.0], ["Dog"])]
CUT = "2 events of y_true last beyond .* one until 12.5 s in clip 0, which ends at 10 s"


def in_frames(tables, n_frames=100):
    """Scores of 0.1 s that say exactly what event tables say."""
    return [
        events_to_frames(table, ["Dog"], n_frames, 0.1).astype(float)
        for table in tables
    ]


@pytest.mark.parametrize(
    "score", [event_based_f1_score, segment_based_f1_score, intersection_f1_score]
)
def test_references_past_the_end_cost_nothing_where_durations_are_known(score):
    with pytest.warns(UserWarning, match=CUT) as caught:
        assert score(PAST, FOUND, durations=[10.0, 10.0]) == 1.0
    assert [warning.filename for warning in caught] == [__file__]
    # What is estimated past the end is cut just so.
    with pytest.warns(UserWarning, match=CUT):
        assert score(PAST, PAST, durations=10.0) == 1.0
    if score is not segment_based_f1_score:
        assert score(PAST, FOUND) == pytest.approx(0.4, abs=0.11)
    with pytest.raises(ValueError, match="one number of seconds for each of 2 clips"):
        score(PAST, FOUND, durations=[10.0])


@pytest.mark.parametrize("score", [event_based_error_rate, segment_based_error_rate])
def test_error_rates_know_the_end_too(score):
    with pytest.warns(UserWarning, match=CUT):
        assert score(PAST, FOUND, durations=10.0) == 0.0


def test_the_report_knows_the_end_too():
    with pytest.warns(UserWarning, match=CUT):
        report = event_based_report(PAST, FOUND, durations=10.0, output_dict=True)
    assert report["Dog"]["n_ref"] == 2
    assert report["Dog"]["f1-score"] == 1.0


def test_psds_of_references_past_the_end():
    options = {"time_resolution": 0.1, "labels": ["Dog"], "durations": 10.0}
    with pytest.warns(UserWarning, match=CUT) as caught:
        assert psds_score(PAST, in_frames(FOUND), **options) == 1.0
    assert [warning.filename for warning in caught] == [__file__]
    # Lengths that are counted in frames may fall short by one.
    short = options | {"durations": 9.95}
    assert psds_score(FOUND, in_frames(FOUND), **short) == 1.0


def test_an_event_cut_to_nothing_is_left_out():
    """Others' tools cut what lies past the end to events without length there."""
    cut = [make_events([0.0, 10.0], [1.0, 10.0], ["Dog", "Dog"])]
    assert event_based_f1_score(cut, [FOUND[1]], durations=10.0) == 1.0


@pytest.mark.parametrize(
    "score", [event_based_f1_score, segment_based_f1_score, intersection_f1_score]
)
def test_references_without_length_are_counted(score):
    points = [make_events([0.0, 3.0, 5.0], [1.0, 3.0, 5.0], ["Dog"] * 3), FOUND[0]]
    with pytest.warns(
        UserWarning, match="2 events of y_true have no length, .* at 3 s in clip 0"
    ) as caught:
        score(points, points)
    assert len(caught) == 1


def test_rounded_durations_are_no_cut():
    assert event_based_f1_score(FOUND, FOUND, durations=9.9995) == 1.0


@pytest.mark.parametrize(
    ("key", "scenario"),
    [("psds1", SCENARIO_1), ("psds2", SCENARIO_2), ("psds_plain", PLAIN)],
)
def test_psds_equals_sed_scores_eval(shared_data, key, scenario):
    folder = shared_data / "metrics_oracle"
    cases = json.loads((folder / "cases.json").read_text(encoding="utf-8"))
    cases = [case for case in cases if case["expected"][key] is not None]
    assert len(cases) > 20
    with np.load(folder / "scores.npz") as scores:
        for case in cases:
            curve = psd_roc_curve(
                tables_of(case, "reference"),
                [scores[f"{case['seed']}/{clip}"] for clip in case["durations"]],
                time_resolution=case["time_resolution"],
                labels=case["labels"],
                durations=list(case["durations"].values()),
                **scenario,
            )
            assert curve.psds == pytest.approx(case["expected"][key], abs=1e-7)
            expected = case["expected"][f"{key}_class_wise"]
            assert curve.class_psds == pytest.approx(expected, abs=1e-7)
