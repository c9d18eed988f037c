"""Scores over all thresholds: sed_scores_eval's values, and every threshold tried."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from sklearn_sed import FeatureArray
from sklearn_sed.events import frames_to_events, make_events
from sklearn_sed.exceptions import TimeResolutionError
from sklearn_sed.metrics import (
    _match_sweep,
    _sweep,
    best_event_based_f1_score,
    best_segment_based_f1_score,
    event_based_f1_score,
    pi_psds_score,
    psds_score,
    segment_based_f1_score,
    segment_mpauc_score,
)
from tests.metrics.test_scored_events import (
    DURATION,
    LABELS,
    SCENARIOS,
    random_problem,
    random_tables,
)

SWEPT = [
    segment_mpauc_score,
    best_segment_based_f1_score,
    best_event_based_f1_score,
]


@pytest.fixture(scope="module")
def problems(data):
    """Problems and the values that sed_scores_eval gives them."""
    text = (data / "scores_oracle.json").read_text(encoding="utf-8")
    content = json.loads(text)
    for problem in content["problems"]:
        y_true = [
            make_events(*zip(*events)) if events else make_events([], [], [])
            for events in problem["reference"]
        ]
        sets = [
            [np.array(scores) / 100 for scores in clips] for clips in problem["sets"]
        ]
        options = {
            "time_resolution": content["time_resolution"],
            "labels": content["labels"],
            "durations": problem["durations"],
        }
        problem["problem"] = y_true, sets, options
    return content["problems"]


@pytest.mark.parametrize("scenario", [1, 2])
def test_pi_psds_equals_sed_scores_eval(problems, scenario):
    for problem in problems:
        y_true, sets, options = problem["problem"]
        options = options | {"max_efpr": 2000.0} | SCENARIOS[scenario - 1]
        value, _ = problem["expected"][f"psds{scenario}"]
        assert psds_score(y_true, sets[0], **options) == pytest.approx(value)
        value = problem["expected"][f"pi_psds{scenario}"]
        assert pi_psds_score(y_true, sets, **options) == pytest.approx(value)
        assert pi_psds_score(y_true, iter(sets[::-1]), **options) == pytest.approx(
            value
        )


@pytest.mark.parametrize(
    ("score", "key", "extra"),
    [
        (segment_mpauc_score, "mpauc", {}),
        (segment_mpauc_score, "auc", {"max_fpr": 1.0}),
        (best_segment_based_f1_score, "best_segment_f1", {}),
        (best_event_based_f1_score, "best_event_f1", {}),
    ],
)
def test_equal_to_sed_scores_eval(problems, score, key, extra):
    for problem in problems:
        y_true, sets, options = problem["problem"]
        expected = list(problem["expected"][key].values())
        by_class = score(y_true, sets[0], **options, **extra, average=None)
        np.testing.assert_allclose(by_class, expected)
        assert score(y_true, sets[0], **options, **extra) == pytest.approx(
            np.mean(expected)
        )


def test_pi_psds_takes_events_too():
    y_true, y_score = random_problem(4)
    other = random_problem(5)[1]
    options = {"labels": LABELS, "durations": DURATION, "max_efpr": 5000.0}
    single = psds_score(y_true, y_score, **options)
    assert pi_psds_score(y_true, [y_score], **options) == single
    other = (other * 3)[: len(y_true)]
    options["alpha_st"] = 0.0
    both = pi_psds_score(y_true, [y_score, other], **options)
    singles = [psds_score(y_true, y, **options) for y in (y_score, other)]
    assert both >= max(singles)
    with pytest.raises(ValueError, match="y_scores is empty"):
        pi_psds_score(y_true, [], **options)


# Every threshold tried


@pytest.fixture(params=["compiled", "interpreted"])
def sweep_mode(request, monkeypatch):
    """The sweep as machine code and as Python."""
    if request.param == "interpreted":
        monkeypatch.setattr(_match_sweep, "sweep_silence", _sweep.sweep_silence.py_func)
        for name in ("pair_in_turn", "_count_pairs", "sweep_matches"):
            function = getattr(_match_sweep, name).py_func
            monkeypatch.setattr(_match_sweep, name, function)


def random_curves(seed):
    """Return references, curves of many equal scores, and their clock."""
    rng = np.random.default_rng(seed)
    y_true = random_tables(rng, 3, 5, False)
    n_frames = [30, 30, 33]  # the last clip has frames beyond its end
    curves = [rng.integers(0, 4, (n, 3)) / 10 for n in n_frames]
    for table, curve in zip(y_true, curves):
        times = 0.1 * (np.arange(len(curve)) + 0.5)
        for onset, offset, label in table.itertuples(index=False):
            loud = (times > onset) & (times < offset)
            curve[loud, LABELS.index(label)] += rng.integers(0, 5) / 10
    curves = [curve.round(1) for curve in curves]
    return y_true, FeatureArray(curves, 0.1, [DURATION] * 3, -0.05)


def kept(y_score, threshold):
    """Return the events that a threshold leaves."""
    if isinstance(y_score, FeatureArray):
        return [
            frames_to_events(c > threshold, 0.1, LABELS, DURATION, time_offset=-0.05)
            for c in y_score
        ]
    return [t[t["score"] > threshold] if len(t) else t for t in y_score]


@pytest.mark.usefixtures("sweep_mode")
@pytest.mark.parametrize("problem", [random_problem, random_curves])
@pytest.mark.parametrize(
    ("best", "single", "extra"),
    [
        (best_event_based_f1_score, event_based_f1_score, {}),
        (best_event_based_f1_score, event_based_f1_score, {"t_collar": 0.5}),
        (best_segment_based_f1_score, segment_based_f1_score, {}),
        (best_segment_based_f1_score, segment_based_f1_score, {"segment_length": 0.5}),
    ],
)
def test_best_f1_is_the_best_of_all_thresholds(problem, best, single, extra):
    n_telling = 0
    for seed in range(6):
        y_true, y_score = problem(seed)
        options = extra | {"labels": LABELS, "durations": DURATION, "average": None}
        found = best(y_true, y_score, **options)
        thresholds = [-1.0, *np.arange(0, 2.4, 0.1) + 0.05]
        tried = [single(y_true, kept(y_score, t), **options) for t in thresholds]
        np.testing.assert_allclose(found, np.max(tried, axis=0))
        n_telling += ((found > 0) & (found < 1)).sum()
    assert n_telling > 6


def test_a_pair_that_is_exchanged():
    """The second event can be found only if the first takes another partner."""
    y_true = [make_events([1.0, 1.2], [2.0, 2.2], ["Dog", "Dog"])]
    y_score = [make_events([1.1, 0.9], [2.1, 1.9], ["Dog", "Dog"], [0.9, 0.4])]
    options = {"labels": ["Dog"], "durations": 5.0}
    assert best_event_based_f1_score(y_true, y_score, **options) == 1.0


@given(seed=st.integers(0, 10_000))
def test_each_turn_leaves_a_maximum_matching(seed):
    rng = np.random.default_rng(seed)
    graph = csr_array(rng.random((12, 10)) < rng.choice([0.1, 0.2, 0.3]))
    indices = (part.astype(np.int64) for part in (graph.indptr, graph.indices))
    paired = _match_sweep.pair_in_turn(*indices, 10)
    for n, n_pairs in enumerate(np.cumsum(paired), start=1):
        matching = maximum_bipartite_matching(graph[:n])
        assert n_pairs == np.count_nonzero(matching >= 0)


@pytest.mark.parametrize("score", SWEPT)
@given(seed=st.integers(0, 10_000), curves=st.booleans())
@settings(max_examples=25)
def test_what_changes_nothing(score, seed, curves):
    y_true, y_score = (random_curves if curves else random_problem)(seed)
    options = {"labels": LABELS, "durations": DURATION}
    value = score(y_true, y_score, **options)
    assert 0 <= value <= 1
    backwards = y_score[::-1]
    assert score(y_true[::-1], backwards, **options) == pytest.approx(value)
    if curves:
        assert score(y_true, y_score**3, **options) == pytest.approx(value)
    else:
        bent = [t.assign(score=t["score"] ** 3) if len(t) else t for t in y_score]
        assert score(y_true, bent, **options) == pytest.approx(value)
        more = options | {"labels": [*LABELS, "Bird"]}  # which never occurs
        assert score(y_true, y_score, **more) == pytest.approx(value * 3 / 4)
    by_class = score(y_true, y_score, **options, average=None)
    assert by_class.mean() == pytest.approx(value)


@given(seed=st.integers(0, 10_000), curves=st.booleans())
@settings(max_examples=25)
def test_the_best_is_never_below_the_scores_of_one_threshold(seed, curves):
    y_true, y_score = (random_curves if curves else random_problem)(seed)
    options = {"labels": LABELS, "durations": DURATION}
    events = kept(y_score, 0.3)
    one = event_based_f1_score(y_true, events, **options)
    assert best_event_based_f1_score(y_true, y_score, **options) >= one - 1e-12
    one = segment_based_f1_score(y_true, events, **options)
    assert best_segment_based_f1_score(y_true, y_score, **options) >= one - 1e-12


def test_perfect_and_hopeless_scores():
    y_true = [make_events([1.0], [3.0], ["Dog"]), make_events([], [], [])]
    perfect = [make_events([1.0], [3.0], ["Dog"], [0.9]), make_events([], [], [])]
    hopeless = [
        make_events([4.0], [5.0], ["Dog"], [0.9]),
        make_events([0.0], [5.0], ["Dog"], [0.9]),
    ]
    options = {"labels": ["Dog"], "durations": 5.0}
    for score in SWEPT:
        assert score(y_true, perfect, **options) == 1.0
        assert score(y_true, hopeless, **options) == 0.0
        assert score([], [], time_resolution=1.0, **options) == 0.0
        nothing = [y_true[1]] * 2
        assert score(nothing, hopeless, **options) == 0.0
        assert score(nothing, nothing, **options) == 0.0
        assert score(y_true, y_true[1:] * 2, **options) == 0.0


def test_partial_area_of_a_staircase():
    # Of five negative segments, the first false alarm comes after one of two hits.
    y_true = [make_events([0.0], [2.0], ["Dog"])]
    frame_proba = [[[0.9], [0.5], [0.7], [0.1], [0.1], [0.2], [0.0]]]
    options = {"time_resolution": 1.0, "labels": ["Dog"], "durations": 7.0}
    score = segment_mpauc_score(y_true, frame_proba, **options)
    assert score == 0.5
    score = segment_mpauc_score(y_true, frame_proba, **options, max_fpr=0.4)
    assert score == pytest.approx(0.75)


@pytest.mark.parametrize("score", [*SWEPT, pi_psds_score])
def test_bad_input_gets_one_clear_error(score):
    y_true = [make_events([0.0], [2.0], ["Dog"])]
    frames = [np.zeros((5, 1))]
    y_score = [frames] if score is pi_psds_score else frames
    options = {"labels": ["Dog"], "durations": 5.0}
    with pytest.raises(TimeResolutionError, match="pass time_resolution"):
        score(y_true, y_score, **options)
    with pytest.raises(ValueError, match="durations"):
        score(y_true, y_score, labels=["Dog"], durations=0.0)


@pytest.mark.parametrize(
    ("score", "change"),
    [
        (segment_mpauc_score, {"max_fpr": 0.0}),
        (segment_mpauc_score, {"segment_length": 0.0}),
        (best_segment_based_f1_score, {"average": "micro"}),
        (best_event_based_f1_score, {"t_collar": 0.0}),
    ],
)
def test_impossible_parameters(score, change):
    y_true = [make_events([0.0], [2.0], ["Dog"])]
    with pytest.raises(ValueError, match=f"'{next(iter(change))}' parameter"):
        score(y_true, y_true, labels=["Dog"], durations=5.0, **change)


def test_onsets_alone():
    y_true = [make_events([1.0, 5.0], [2.0, 6.0], ["Dog", "Dog"])]
    y_pred = [make_events([1.1, 5.5], [4.0, 6.0], ["Dog", "Dog"])]
    assert event_based_f1_score(y_true, y_pred) == 0.0
    assert event_based_f1_score(y_true, y_pred, evaluate_offset=False) == 0.5
    wide = {"t_collar": 0.5, "evaluate_offset": False}
    assert event_based_f1_score(y_true, y_pred, **wide) == 1.0
