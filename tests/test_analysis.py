"""Class correlation, overlap, durations and errors of events."""

from collections import Counter
from datetime import UTC, datetime, time, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from sklearn_sed.analysis import (
    class_correlation,
    event_durations,
    event_errors,
    event_overlap,
    events_per_hour,
    mean_off_diagonal,
)
from sklearn_sed.events import (
    events_to_frames,
    make_events,
    stack_tables,
    to_tags,
)
from sklearn_sed.exceptions import AnnotationError, ClipError, LabelError
from sklearn_sed.metrics import event_based_report


def random_scores(seed=0, n_clips=5, n_classes=4):
    rng = np.random.default_rng(seed)
    return [rng.random((rng.integers(5, 30), n_classes)) for _ in range(n_clips)]


def random_events(seed, n_clips=4, n_events=6):
    """Return events on a grid of a tenth of a second, classes overlapping."""
    rng = np.random.default_rng(seed)
    tables = []
    for _ in range(n_clips):
        onset = rng.integers(0, 80, n_events) / 10
        label = rng.choice(["Cat", "Dog", "Speech"], n_events)
        tables.append(
            make_events(onset, onset + rng.integers(0, 30, n_events) / 10, label)
        )
    return stack_tables(tables)


@pytest.mark.parametrize("level", ["frame", "clip"])
def test_pearson_is_that_of_numpy(level):
    clips = random_scores()
    if level == "frame":
        expected = np.mean([np.corrcoef(clip.T) for clip in clips], axis=0)
    else:
        expected = np.corrcoef(np.stack([clip.mean(axis=0) for clip in clips]).T)
    np.testing.assert_allclose(class_correlation(clips, level=level), expected)


def test_cosine_by_hand():
    clip = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])
    half = np.sqrt(0.5)
    np.testing.assert_allclose(
        class_correlation([clip], method="cosine"),
        [[1, 0, half], [0, 1, half], [half, half, 1]],
    )


def test_an_array_and_a_list_of_clips_are_the_same():
    clips = np.random.default_rng(0).random((3, 20, 4)).astype(np.float32)
    np.testing.assert_array_equal(
        class_correlation(clips), class_correlation(list(clips))
    )


def test_clips_with_flat_curves_say_nothing():
    rng = np.random.default_rng(0)
    clip = rng.random((20, 2))
    flat = np.column_stack([np.full(20, 0.1, np.float32), rng.random(20)])
    alone = class_correlation([clip])
    np.testing.assert_allclose(class_correlation([clip, flat]), alone)
    np.testing.assert_array_equal(class_correlation([flat]), np.eye(2))
    np.testing.assert_array_equal(
        class_correlation([np.zeros((3, 2))], method="cosine"), np.eye(2)
    )


@given(seed=st.integers(0, 10**6), scale=st.floats(1e-6, 1.0))
@settings(deadline=None, max_examples=40)
def test_correlation_is_bounded_symmetric_and_without_scale(seed, scale):
    clips = random_scores(seed)
    for method in ("pearson", "cosine"):
        matrix = class_correlation(clips, method=method)
        assert (np.abs(matrix) <= 1).all()
        np.testing.assert_array_equal(matrix, matrix.T)
        scaled = class_correlation([clip * scale for clip in clips], method=method)
        np.testing.assert_allclose(scaled, matrix, atol=1e-9)


def test_tags_choose_the_clips():
    clips = random_scores(n_clips=3, n_classes=3)
    tags = [[1, 1, 0], [1, 1, 1], [0, 1, 1]]
    matrix = class_correlation(clips, tags=tags, method="cosine")
    one, two, three = (class_correlation([clip], method="cosine") for clip in clips)
    assert matrix[0, 1] == pytest.approx((one[0, 1] + two[0, 1]) / 2)
    assert matrix[0, 2] == pytest.approx(two[0, 2])
    assert matrix[1, 2] == pytest.approx((two[1, 2] + three[1, 2]) / 2)
    table = pd.DataFrame(tags, columns=["Speech", "Dog", "Cat"])
    np.testing.assert_array_equal(
        class_correlation(clips, tags=table, method="cosine"), matrix
    )
    apart = class_correlation(clips, tags=np.eye(3), method="cosine")
    np.testing.assert_array_equal(apart, np.eye(3))


def test_overlap_of_activities_equals_plain_loops(oracle):
    for case in oracle["problems"]:
        classes = case["labels"]
        y = [
            make_events(*zip(*events)) if events else make_events([], [], [])
            for events in case["reference"].values()
        ]
        n_frames = [round(100 * duration) for duration in case["durations"].values()]
        activity = [
            events_to_frames(table, classes, n, 0.01) for table, n in zip(y, n_frames)
        ]
        matrix = class_correlation(activity, tags=to_tags(y, classes), method="cosine")
        np.testing.assert_allclose(matrix, case["expected"]["overlap"], atol=1e-9)
        durations = event_durations(y)
        assert sum(map(len, durations.values())) == sum(map(len, y))


def test_mean_off_diagonal_ignores_negative_pairs():
    matrix = [[1.0, 0.5, -0.9], [0.5, 1.0, 0.1], [-0.9, 0.1, 1.0]]
    assert mean_off_diagonal(matrix) == pytest.approx(0.2)
    assert mean_off_diagonal([[1.0]]) == 0.0


@given(seed=st.integers(0, 10**6))
@settings(deadline=None, max_examples=40)
def test_overlap_is_that_of_the_frames(seed):
    y = random_events(seed)
    labels = ["Cat", "Dog", "Speech"]
    expected = np.zeros((3, 3))
    for table in y:
        active = events_to_frames(table, labels, 120, 0.1).astype(float)
        expected += 0.1 * active.T @ active
    np.fill_diagonal(expected, 0)
    overlap = event_overlap(y, labels)
    assert overlap.index.tolist() == overlap.columns.tolist() == labels
    np.testing.assert_allclose(overlap, expected, atol=1e-9)


def test_overlap_counts_time_once():
    # Both dogs bark at once: the second with the cat is one second.
    y = [make_events([0.0, 0.5, 1.0], [2.0, 2.0, 2.0], ["Dog", "Dog", "Cat"])]
    assert event_overlap(y).loc["Cat", "Dog"] == 1.0
    assert event_overlap(y, ["Cat"]).to_numpy().tolist() == [[0.0]]
    # What only touches does not overlap.
    touching = [make_events([0.0, 1.0], [1.0, 2.0], ["Dog", "Cat"])]
    assert event_overlap(touching).to_numpy().sum() == 0.0
    assert event_overlap([make_events([], [], [])]).shape == (0, 0)


def test_durations_in_the_order_of_clips():
    y = [
        make_events([0.0, 1.0], [0.5, 4.0], ["Dog", "Cat"]),
        make_events([], [], []),
        make_events([2.0], [2.25], ["Dog"]),
    ]
    durations = event_durations(y)
    assert list(durations) == ["Cat", "Dog"]
    np.testing.assert_allclose(durations["Dog"], [0.5, 0.25])
    chosen = event_durations(y, ["Speech", "Cat"])
    assert list(chosen) == ["Speech", "Cat"]
    assert chosen["Speech"].shape == (0,)


def test_bad_input_is_named():
    with pytest.raises(ClipError, match=r"clip 1: its scores have shape \(3,\)"):
        class_correlation([np.ones((3, 2)), np.ones(3)])
    with pytest.raises(ClipError, match="clip 1"):
        class_correlation([np.ones((3, 2)), np.ones((3, 4))])
    with pytest.raises(ClipError, match="clip 0: its scores contain NaN"):
        class_correlation([np.full((3, 2), np.nan)])
    with pytest.raises(ValueError, match="no clips"):
        class_correlation([])
    with pytest.raises(LabelError, match="tags"):
        class_correlation([np.ones((3, 2))], tags=[[1, 2]])
    with pytest.raises(ValueError, match="level='frame' only"):
        class_correlation([np.ones((3, 2))], tags=[[1, 1]], level="clip")
    for name in ("method", "level"):
        with pytest.raises(ValueError, match=name):
            class_correlation([np.ones((3, 2))], **{name: "nonsense"})
    with pytest.raises(LabelError, match="more than once"):
        event_overlap([make_events([], [], [])], ["Dog", "Dog"])
    with pytest.raises(AnnotationError, match="clip 0"):
        event_durations([[0.0, 1.0, "Dog"]])


CATS = ["Cat"]
NOTHING = ([], [], [])


def causes(y_true, y_pred, **options):
    """Return the causes of one clip, given as (onsets, offsets, labels)."""
    tables = ([make_events(*events)] for events in (y_true, y_pred))
    return event_errors(*tables, **options)["cause"].tolist()


@pytest.mark.parametrize(
    ("y_true", "y_pred", "expected"),
    [
        pytest.param(([1], [2], CATS), ([1.1], [2.1], CATS), ["found"], id="found"),
        pytest.param(
            ([1], [11], CATS), ([1.2], [9.0], CATS), ["found"], id="found by its length"
        ),
        pytest.param(
            ([1, 4], [2, 5], CATS * 2),
            ([1], [2], CATS),
            ["found", "missed"],
            id="missed",
        ),
        pytest.param(
            ([1], [2], CATS),
            ([1.6], [2.6], CATS),
            ["missed", "false alarm"],
            id="less than half is shared",
        ),
        pytest.param(
            ([1, 4], [2, 5], ["Cat", "Dog"]),
            ([4], [5], ["Dog"]),
            ["missed tag", "found"],
            id="missed tag",
        ),
        pytest.param(
            ([1, 4], [2, 5], CATS * 2), ([1], [5], CATS), ["merged"] * 2, id="merged"
        ),
        pytest.param(
            ([0, 10.1], [10, 10.4], CATS * 2),
            ([0], [10.4], CATS),
            ["found", "merged"],
            id="merged with one that is found",
        ),
        pytest.param(
            ([1, 1.15], [1.1, 1.25], CATS * 2),
            ([1.15], [1.25], CATS),
            ["found", "merged"],
            id="in tolerance of two",
        ),
        pytest.param(
            ([1, 2.1], [2, 3], CATS * 2),
            ([1], [2.4], CATS),
            ["offset off", "missed"],
            id="a touch does not merge",
        ),
        pytest.param(
            ([0], [10], CATS), ([0, 5], [4, 10], CATS * 2), ["split"], id="split"
        ),
        pytest.param(
            ([0, 11], [10, 12], CATS * 2),
            ([0, 5, 11], [4, 10, 12], CATS * 3),
            ["split", "found"],
            id="split beside a found one",
        ),
        pytest.param(
            ([1], [4], CATS), ([1.5], [4.5], CATS), ["onset off"], id="onset off"
        ),
        pytest.param(
            ([1], [2], CATS), ([1], [3], CATS), ["offset off"], id="offset off"
        ),
        pytest.param(([1], [4], CATS), ([2], [3], CATS), ["both off"], id="both off"),
        pytest.param(
            ([1], [2], CATS),
            ([1, 1.1, 7], [2, 2.1, 8], CATS * 3),
            ["found", "false alarm", "false alarm"],
            id="false alarm",
        ),
        pytest.param(
            ([1], [2], CATS),
            ([1, 1], [2, 2], ["Cat", "Dog"]),
            ["found", "false tag"],
            id="false tag",
        ),
        pytest.param(NOTHING, ([1], [2], CATS), ["false tag"], id="no reference"),
        pytest.param(([1], [2], CATS), NOTHING, ["missed tag"], id="no estimate"),
        pytest.param(NOTHING, NOTHING, [], id="nothing at all"),
    ],
)
def test_cause(y_true, y_pred, expected):
    assert causes(y_true, y_pred) == expected


def test_tolerances_decide_about_causes():
    y_true, y_pred = ([1], [5], CATS), ([1.5], [6], CATS)
    assert causes(y_true, y_pred) == ["both off"]
    assert causes(y_true, y_pred, t_collar=0.5) == ["offset off"]
    assert causes(y_true, y_pred, percentage_of_length=0.25) == ["onset off"]
    assert causes(y_true, y_pred, t_collar=0.5, percentage_of_length=0.25) == ["found"]
    assert causes(([1], [2], CATS), ([1], [3], CATS), durations=2) == ["found"]


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_the_earliest_of_two_is_found(order):
    y_true = [make_events([1, 1], [2, 2.1], CATS * 2).iloc[order]]
    errors = event_errors(y_true, [make_events([1], [2.05], CATS)])
    assert errors["offset"].tolist() == [2.0, 2.1]
    assert errors["cause"].tolist() == ["found", "merged"]


def test_rows_are_in_the_order_of_time():
    y_true = [make_events([], [], []), make_events([3, 1], [4, 2], ["Cat", "Dog"])]
    y_pred = [make_events([5], [6], ["Dog"]), make_events([2, 8], [3, 9], ["Dog"] * 2)]
    errors = event_errors(y_true, y_pred, labels=["Dog", "Cat", "Speech"])
    columns = ["clip", "event_label", "onset", "offset", "duration", "origin", "cause"]
    assert errors.columns.tolist() == columns
    assert errors["event_label"].cat.categories.tolist() == ["Dog", "Cat", "Speech"]
    assert errors.to_numpy().tolist() == [
        [0, "Dog", 5.0, 6.0, 1.0, "estimated", "false tag"],
        [1, "Dog", 1.0, 2.0, 1.0, "reference", "missed"],
        [1, "Dog", 2.0, 3.0, 1.0, "estimated", "false alarm"],
        [1, "Cat", 3.0, 4.0, 1.0, "reference", "missed tag"],
        [1, "Dog", 8.0, 9.0, 1.0, "estimated", "false alarm"],
    ]
    assert event_errors([], []).shape == (0, 7)


def in_pairs(graph):
    """Tell which rows make a maximum matching of the rows so far larger."""
    sizes = [
        np.count_nonzero(maximum_bipartite_matching(csr_array(graph[:n])) >= 0)
        for n in range(1, len(graph) + 1)
    ]
    return np.diff([0, *sizes]).astype(bool)


def by_definition(true, pred):
    """Return the causes among events (onset, offset) of one class and clip."""

    def off(event, other):
        tolerance = max(0.2, 0.2 * (event[1] - event[0]))
        onset = abs(event[0] - other[0]) > 0.2
        return onset, abs(event[1] - other[1]) > tolerance

    def meet(event, other):
        shared = min(event[1], other[1]) - max(event[0], other[0])
        shorter = min(event[1] - event[0], other[1] - other[0])
        return shared > 1e-6 and shared >= 0.5 * shorter - 1e-6

    graph = np.array([[not any(off(e, o)) for o in pred] for e in true], dtype=bool)
    graph = graph.reshape(len(true), len(pred))
    found, paired = in_pairs(graph), in_pairs(graph.T)
    causes = []
    for event, is_found in zip(true, found):
        met = [j for j, other in enumerate(pred) if meet(event, other)]
        if is_found:
            causes.append("found")
        elif not pred:
            causes.append("missed tag")
        elif not met:
            causes.append("missed")
        elif any(paired[j] or sum(meet(e, pred[j]) for e in true) > 1 for j in met):
            causes.append("merged")
        elif len(met) > 1:
            causes.append("split")
        else:
            names = {(1, 1): "both off", (1, 0): "onset off", (0, 1): "offset off"}
            causes.append(names[off(event, pred[met[0]])])
    for other, is_paired in zip(pred, paired):
        explains = any(meet(e, other) and not f for e, f in zip(true, found))
        if not is_paired and not explains:
            causes.append("false alarm" if true else "false tag")
    return causes


def times_of(table, label):
    own = table[table["event_label"] == label].sort_values(["onset", "offset"])
    return list(zip(own["onset"].tolist(), own["offset"].tolist()))


@pytest.mark.filterwarnings("ignore:.*no length:UserWarning")
@given(seed=st.integers(0, 10**6), crowded=st.booleans())
@settings(deadline=None, max_examples=100)
def test_errors_are_those_of_the_definitions(seed, crowded):
    y_true, y_pred = (random_events(2 * seed + i, n_events=9) for i in range(2))
    if crowded:
        for table in (*y_true, *y_pred):
            table[["onset", "offset"]] /= 4
    errors = event_errors(y_true, y_pred)
    for clip, (true, pred) in enumerate(zip(y_true, y_pred)):
        for label in ["Cat", "Dog", "Speech"]:
            own = errors[(errors["clip"] == clip) & (errors["event_label"] == label)]
            expected = by_definition(times_of(true, label), times_of(pred, label))
            in_order = own.sort_values("origin", ascending=False, kind="stable")
            assert in_order["cause"].tolist() == expected
    by_origin = errors["origin"].value_counts()
    assert by_origin["reference"] == sum(map(len, y_true))
    report = event_based_report(y_true, y_pred, output_dict=True)
    n_found = (errors["cause"] == "found").sum()
    recall = report["micro avg"]["recall"]
    assert n_found == pytest.approx(recall * by_origin["reference"])


@pytest.mark.filterwarnings("ignore:.*no length:UserWarning")
@given(seed=st.integers(0, 10**6))
@settings(deadline=None, max_examples=40)
def test_errors_depend_on_no_order_and_no_name(seed):
    y_true, y_pred = (random_events(2 * seed + i, n_events=9) for i in range(2))
    errors = event_errors(y_true, y_pred)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(y_true))
    names = {"Cat": "z", "Dog": "y", "Speech": "x"}
    shuffled = (
        [
            y[i].sample(frac=1, random_state=seed).replace({"event_label": names})
            for i in order
        ]
        for y in (y_true, y_pred)
    )
    other = event_errors(*shuffled, labels=["z", "y", "x"])
    other["clip"] = order[other["clip"]]
    other["event_label"] = other["event_label"].cat.rename_categories(
        {new: old for old, new in names.items()}
    )
    keys = ["clip", "onset", "offset", "event_label", "origin", "cause"]
    pd.testing.assert_frame_equal(
        other.sort_values(keys, ignore_index=True),
        errors.sort_values(keys, ignore_index=True),
    )
    assert (event_errors(y_true, y_true)["cause"] == "found").all()


def test_bad_events_are_named_to_who_passed_them():
    good = [make_events([0.0], [1.0], ["Dog"])]
    with pytest.raises(LabelError, match="y_true has 1 clips but y_pred has 2"):
        event_errors(good, good * 2)
    with pytest.raises(AnnotationError, match="y_pred, clip 0"):
        event_errors(good, [[0.0, 1.0, "Dog"]])
    with pytest.raises(ValueError, match="t_collar"):
        event_errors(good, good, t_collar=-1)
    with pytest.warns(UserWarning, match="no length") as caught:
        event_errors([make_events([1.0], [1.0], ["Dog"])], good)
    assert caught[0].filename == __file__


@given(
    recordings=st.lists(
        st.tuples(
            st.datetimes(datetime(2023, 12, 30), datetime(2024, 1, 3)),
            st.integers(1, 200_000),
            st.lists(st.tuples(st.integers(0, 10**5), st.integers(0, 20_000))),
        ),
        max_size=4,
    )
)
def test_events_per_hour_are_those_of_a_loop(recordings):
    starts = [start.replace(microsecond=0) for start, _, _ in recordings]
    seconds = [duration for _, duration, _ in recordings]
    y = [
        make_events([a for a, _ in own], [a + b for a, b in own], ["Dog"] * len(own))
        for _, _, own in recordings
    ]
    hourly = events_per_hour(starts, y, durations=seconds, labels=["Cat", "Dog"])
    expected, covered = Counter(), Counter()
    hour = timedelta(hours=1)
    for start, duration, table in zip(starts, seconds, y):
        moment, end = start, start + timedelta(seconds=duration)
        while moment < end:
            cell = moment.replace(minute=0, second=0)
            until = min(cell + hour, end)
            covered[cell] += (until - moment).total_seconds()
            moment = until
        for onset, offset in zip(table["onset"], table["offset"]):
            begin = start + timedelta(seconds=onset)
            end = start + timedelta(seconds=offset)
            cell = begin.replace(minute=0, second=0)
            expected[cell] += 1
            while (cell := cell + hour) < end:
                expected[cell] += 1
    assert hourly.days == sorted({cell.date() for cell in covered | expected})
    assert hourly.counts.shape == (2, len(hourly.days), 24)
    assert not hourly.counts[0].any()
    for row, day in enumerate(hourly.days):
        cells = [datetime.combine(day, time(hour)) for hour in range(24)]
        assert hourly.counts[1, row].tolist() == [expected[cell] for cell in cells]
        assert hourly.seconds[row].tolist() == [covered[cell] for cell in cells]


def test_recordings_without_durations_end_with_their_last_event():
    start = datetime(2024, 1, 31, 23, 59, tzinfo=UTC)
    y = [make_events([0, 30], [90, 60], ["Dog", "Cat"]), make_events([], [], [])]
    hourly = events_per_hour([start, start], y)
    assert hourly.labels == ["Cat", "Dog"]
    assert hourly.seconds[0, 23] == 60
    assert hourly.seconds[1, 0] == 30
    assert hourly.counts[:, 0, 23].tolist() == [1, 1]
    assert hourly.counts[:, 1, 0].tolist() == [0, 1]


def test_impossible_starts_and_durations():
    y = [make_events([0], [1], ["Dog"])]
    with pytest.raises(ValueError, match="got 0 starts for 1 recordings"):
        events_per_hour([], y)
    with pytest.raises(ValueError, match="durations must be positive"):
        events_per_hour([datetime(2024, 1, 1)], y, durations=0)
