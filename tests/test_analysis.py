"""Class correlation, event overlap and durations."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_sed.analysis import (
    class_correlation,
    event_durations,
    event_overlap,
    mean_off_diagonal,
)
from sklearn_sed.events import (
    events_to_frames,
    make_events,
    stack_tables,
    to_tags,
)
from sklearn_sed.exceptions import AnnotationError, ClipError, LabelError


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
