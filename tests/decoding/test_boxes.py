"""Event boxes by change detection and around peaks."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal

from sklearn_sed import EventDecoder, FeatureArray
from sklearn_sed.events import frames_to_time
from sklearn_sed.exceptions import ClipError, LabelError

CLASSES = ["Cat", "Dog"]
EVERYTHING = {"smoothing": None, "threshold": 0.0, "min_duration": 0.0}
STEPS = {"window_length": 8, "merge_ratio": 1.0}


def boxes_of(curve, time_resolution=1.0, **parameters):
    """(onset, offset, score) of all boxes of a curve that is left as it is."""
    decoder = EventDecoder(**EVERYTHING | parameters)
    scores = np.asarray(curve, dtype=float)[np.newaxis, :, np.newaxis]
    table = decoder.decode(scores, time_resolution, ["Dog"])[0]
    return [*zip(table["onset"], table["offset"], table["score"].round(9))]


def levels(*pairs):
    """A curve of levels that last so many frames."""
    return np.concatenate([np.full(n, level) for n, level in pairs])


# Change detection by hand


@pytest.mark.parametrize("length", [1, 2, 4, 5, 30])
def test_a_rectangle_is_a_box_however_short(length):
    curve = levels((10, 0), (length, 0.5), (10, 0))
    assert boxes_of(curve, segmenter="boxes", **STEPS) == [(10, 10 + length, 0.5)]


def test_the_clip_ends_a_box_and_begins_one():
    assert boxes_of(levels((6, 0.5)), segmenter="boxes", **STEPS) == [(0, 6, 0.5)]
    curve = levels((5, 0.5), (10, 0), (3, 0.25))
    expected = [(0, 5, 0.5), (15, 18, 0.25)]
    assert boxes_of(curve, segmenter="boxes", **STEPS) == expected
    assert boxes_of([0.75], segmenter="boxes", **STEPS) == [(0, 1, 0.75)]


def test_a_step_up_ends_one_box_and_begins_another():
    # d is level, at 0, from 4 frames after the first change to 4 before the second.
    curve = levels((10, 0), (20, 0.25), (20, 0.75), (10, 0))
    first, second = boxes_of(curve, segmenter="boxes", **STEPS)
    assert (first[0], second[:2]) == (10, (30, 50))
    assert 10 < first[1] < 30
    (whole,) = boxes_of(curve, segmenter="boxes", window_length=8)
    assert whole == (10, 50, 0.5)


def test_the_score_is_the_mean_of_the_final_box():
    curve = levels((10, 0), (10, 0.75), (10, 0.25), (10, 0.5), (10, 0))
    assert boxes_of(curve, segmenter="boxes", window_length=8) == [(10, 40, 0.5)]


def test_gaps_are_joined_where_both_sides_are_less_than_so_many_times_as_high():
    curve = levels((10, 0), (10, 0.799), (10, 0.099), (10, 0.399), (10, 0))
    apart = [(10, 20, 0.799), (30, 40, 0.399)]

    def found(**limits):
        return boxes_of(curve, segmenter="boxes", window_length=8, **limits)

    # (0.799 + 0.001) / (0.099 + 0.001) = 8
    assert found(merge_ratio=7.999) == apart
    assert len(found(merge_ratio=8.001)) == 1
    assert found(merge_ratio=None, merge_difference=0.699) == apart
    assert len(found(merge_ratio=None, merge_difference=0.701)) == 1
    assert found(merge_ratio=8.001, merge_difference=0.699) == apart
    assert found(merge_ratio=7.999, merge_difference=0.701) == apart
    assert len(found(merge_ratio=None, merge_difference=None)) == 1
    curve = levels((10, 0), (10, 0.75), (10, 0.25), (10, 0.5), (10, 0))
    assert len(found(merge_ratio=None, merge_difference=0.5)) == 2


def test_gaps_are_decided_on_boxes_that_are_not_merged():
    # The first two are joined; the third is joined to the second alone by its height.
    curve = levels((9, 0), (9, 0.8), (9, 0.1), (9, 0.4), (9, 0.05), (9, 0.4), (9, 0))
    joined = boxes_of(curve, segmenter="boxes", window_length=8, merge_ratio=8.5)
    assert [box[:2] for box in joined] == [(9, 54)]


def test_gaps_do_not_depend_on_the_shortest_gap():
    curve = levels((10, 0), (10, 0.5), (10, 0), (10, 0.5), (10, 0))
    close = boxes_of(curve, 0.01, segmenter="boxes", window_length=0.08, min_gap=5.0)
    assert len(close) == 2


# Peaks by hand


def test_the_highest_frame_takes_the_run_above_a_share_of_it():
    # Half of 0.8 and of 0.4: a score of the share itself stays outside.
    curve = [0.1, 0.5, 0.8, 0.6, 0.4, 0.3, 0.2, 0.0, 0.1]
    expected = [(0, 1, 0.1), (1, 4, 0.8), (4, 6, 0.4), (6, 7, 0.2), (8, 9, 0.1)]
    found = boxes_of(curve, segmenter="peaks", peak_share=0.5, min_gap=0)
    assert found == expected


def test_boxes_that_are_close_and_alike_are_joined_with_all_between():
    curve = levels((2, 0), (3, 0.9), (2, 0.1), (2, 0.5), (2, 0), (2, 0.2), (3, 0))

    def found(min_gap):
        return boxes_of(curve, segmenter="peaks", peak_share=0.5, min_gap=min_gap)

    apart = [(2, 5, 0.9), (5, 7, 0.1), (7, 9, 0.5), (11, 13, 0.2)]
    assert found(2) == apart  # the gap of 2 is not less than 2
    # 0.5 is above half of 0.9, across the lower box between; 0.2 is not.
    assert found(2.5) == [(2, 9, 0.9), (11, 13, 0.2)]


def test_a_peak_just_at_the_share_is_not_joined():
    curve = levels((2, 0), (3, 0.5), (1, 0), (3, 0.25), (2, 0))
    near = {"segmenter": "peaks", "min_gap": 3}
    assert len(boxes_of(curve, peak_share=0.5, **near)) == 2
    assert boxes_of(curve, peak_share=0.49, **near) == [(2, 9, 0.5)]


# Reference implementations, as plain as the definitions


def change_boxes(curve, half, difference, ratio):
    n_frames = len(curve)

    def p(frame):
        return curve[frame] if 0 <= frame < n_frames else 0.0

    times = range(-2 * half, n_frames + 2 * half + 1)
    d = [
        sum(p(t + k) for k in range(half)) - sum(p(t - 1 - k) for k in range(half))
        for t in times
    ]
    # Levels of d: [value, times]
    runs = []
    for t, value in zip(times, d):
        if runs and runs[-1][0] == value:
            runs[-1][1].append(t)
        else:
            runs.append((value, [t]))
    onsets, offsets = [], []
    for (before, _), (value, here), (after, _) in zip(runs, runs[1:], runs[2:]):
        if before < value > after and len(onsets) == len(offsets):
            onsets.append(max(here, key=lambda t: p(t) - p(t - 1)))
        if before > value < after and len(onsets) > len(offsets):
            offsets.append(max(here, key=lambda t: p(t - 1) - p(t)))
    offsets += [n_frames] * (len(onsets) - len(offsets))
    boxes = list(zip(onsets, offsets))
    if not boxes:
        return []
    joined = []
    for (a, b), (c, e) in pairwise(boxes):
        low = min(curve[b:c])
        highs = [max(curve[a:b]), max(curve[c:e])]
        joined.append(
            all(m - low < difference for m in highs)
            and all((m + 1e-3) / (low + 1e-3) < ratio for m in highs)
        )
    final = [list(boxes[0])]
    for (start, stop), is_joined in zip(boxes[1:], joined):
        if is_joined:
            final[-1][1] = stop
        else:
            final.append([start, stop])
    return [(a, b, np.mean(curve[a:b])) for a, b in final]


def peak_boxes(curve, share, max_gap):
    free = [score > 0 for score in curve]
    boxes = []
    while any(free):
        peak = max(
            (k for k in range(len(curve)) if free[k]), key=lambda k: (curve[k], -k)
        )
        start, stop = peak, peak + 1
        while start > 0 and free[start - 1] and curve[start - 1] > share * curve[peak]:
            start -= 1
        while stop < len(curve) and free[stop] and curve[stop] > share * curve[peak]:
            stop += 1
        free[start:stop] = [False] * (stop - start)
        boxes.append((start, stop, curve[peak]))
    boxes.sort()
    group = list(range(len(boxes)))
    for i, (_, stop, one) in enumerate(boxes):
        for j in range(i + 1, len(boxes)):
            start, _, other = boxes[j]
            if start - stop <= max_gap and min(one, other) > share * max(one, other):
                group[i : j + 1] = [min(group[i : j + 1])] * (j + 1 - i)
    # Groups that overlap are one.
    final = []
    for number, box in zip(group, boxes):
        if final and number <= final[-1][0]:
            final[-1][1].append(box)
        else:
            final.append((number, [box]))
    return [(m[0][0], m[-1][1], max(b[2] for b in m)) for _, m in final]


# Sums of these are exact, so that ties are ties.
CURVES = st.lists(
    st.sampled_from([0, 0, 1, 2, 3, 7, 8, 15, 16]), min_size=1, max_size=60
).map(lambda values: np.array(values) / 16)


@given(
    CURVES,
    st.integers(1, 12),
    st.sampled_from([None, 0.0, 0.2, 0.5]),
    st.sampled_from([None, 1.0, 1.5, 3.0, 10.0]),
)
@settings(max_examples=300, deadline=None)
def test_change_detection_is_as_defined(curve, half, difference, ratio):
    found = boxes_of(
        curve,
        segmenter="boxes",
        window_length=2 * half,
        merge_difference=difference,
        merge_ratio=ratio,
    )
    limits = [np.inf if limit is None else limit for limit in (difference, ratio)]
    expected = change_boxes(curve, half, *limits)
    assert_allclose(found, expected, rtol=0, atol=1e-9)


@given(CURVES, st.sampled_from([0.0, 0.2, 0.35, 0.5, 0.9]), st.integers(-1, 8))
@settings(max_examples=300, deadline=None)
def test_peaks_are_as_defined(curve, share, max_gap):
    found = boxes_of(curve, segmenter="peaks", peak_share=share, min_gap=max_gap + 1)
    assert_allclose(found, peak_boxes(curve, share, max_gap), rtol=0, atol=1e-9)


# What no decoder may depend on


def random_clips(seed, n_clips=12, n_classes=2):
    rng = np.random.default_rng(seed)
    clips = []
    for _ in range(n_clips):
        n_frames = int(rng.integers(1, 120))
        walk = rng.normal(size=(n_frames, n_classes)).cumsum(axis=0)
        clips.append((1 / (1 + np.exp(-walk))).astype(np.float32))
    return clips


@pytest.mark.parametrize("segmenter", ["boxes", "peaks"])
@pytest.mark.parametrize("seed", range(5))
def test_clips_and_classes_do_not_depend_on_their_neighbours(segmenter, seed):
    clips = random_clips(seed)
    decoder = EventDecoder(segmenter=segmenter, threshold=0.1)
    tags = np.random.default_rng(seed).uniform(size=(len(clips), 2))
    together = decoder.decode(clips, 0.05, CLASSES, tags)
    assert sum(map(len, together)) > 10
    for index in reversed(range(len(clips))):
        alone = decoder.decode(clips[index : index + 1], 0.05, CLASSES, [tags[index]])
        assert_frame_equal(alone[0], together[index])
    backwards = decoder.decode(clips[::-1], 0.05, CLASSES, tags[::-1])
    for one, other in zip(backwards[::-1], together):
        assert_frame_equal(one, other)
    swapped = [clip[:, ::-1] for clip in clips]
    for one, other in zip(
        decoder.decode(swapped, 0.05, CLASSES[::-1], tags[:, ::-1]), together
    ):
        assert_frame_equal(one, other)


@pytest.mark.parametrize("segmenter", ["boxes", "peaks"])
def test_times_are_those_of_the_scores(segmenter):
    curve = levels((10, 0), (10, 0.5), (12, 0), (8, 0.25))[:, np.newaxis]
    step = 0.1
    scores = FeatureArray([curve], step, [3.97], time_offset=-step / 2)
    decoder = EventDecoder(**EVERYTHING, segmenter=segmenter, window_length=0.8)
    table = decoder.decode(scores, step, ["Dog"])[0]
    assert_array_equal(table["onset"], frames_to_time([10, 32], step, -step / 2))
    assert_array_equal(table["offset"], [frames_to_time(20, step, -step / 2), 3.95])
    early = decoder.decode(scores, step, ["Dog"], durations=[3.6])[0]
    assert early["offset"].tolist()[-1] == 3.6


@pytest.mark.parametrize("segmenter", ["boxes", "peaks"])
def test_curves_without_events(segmenter):
    assert boxes_of(np.zeros(50), segmenter=segmenter) == []
    assert boxes_of([0.0], segmenter=segmenter) == []
    assert boxes_of([0.5], segmenter=segmenter) == [(0, 1, 0.5)]
    assert boxes_of(np.full(50, 0.3), segmenter=segmenter) == [(0, 50, 0.3)]
    decoder = EventDecoder(segmenter=segmenter)
    assert decoder.decode(np.zeros((0, 5, 2)), 1.0, CLASSES).shape == (0,)
    with pytest.raises(ClipError, match="nan"):
        boxes_of([0.1, np.nan], segmenter=segmenter)


# Scores and thresholds


@pytest.mark.parametrize("segmenter", ["boxes", "peaks"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_score_of_the_threshold_does_not_exceed_it(segmenter, dtype):
    scores = np.full((1, 37, 1), 0.3, dtype=dtype)
    for threshold, n_events in ((0.3, 0), (0.29, 1)):
        decoder = EventDecoder(segmenter=segmenter, threshold=threshold)
        assert len(decoder.decode(scores, 1.0, ["a"])[0]) == n_events


@pytest.mark.parametrize("segmenter", ["boxes", "peaks"])
def test_a_threshold_chooses_among_all_candidates(segmenter):
    clips = random_clips(7)
    tags = np.random.default_rng(0).uniform(size=(len(clips), 2)).round(1)
    shape = {"segmenter": segmenter, "min_duration": 0.1}
    every = EventDecoder(threshold=0.0, **shape).decode(clips, 0.05, CLASSES, tags)
    for threshold in (0.2, 0.5, {"Cat": 0.1, "Dog": 0.6}):
        decoder = EventDecoder(threshold=threshold, **shape)
        found = decoder.decode(clips, 0.05, CLASSES, tags)
        for kept, table in zip(found, every):
            limit = [
                threshold[label] if isinstance(threshold, dict) else threshold
                for label in table["event_label"]
            ]
            above = table["score"].to_numpy() > np.array(limit, dtype=float)
            expected = table[above].reset_index(drop=True)
            assert_frame_equal(kept, expected)


@pytest.mark.parametrize("segmenter", ["boxes", "peaks"])
def test_the_clip_score_multiplies(segmenter):
    curve = levels((10, 0), (10, 0.5), (10, 0))
    scores = np.stack((curve, curve), axis=1)[np.newaxis]
    decoder = EventDecoder(**EVERYTHING, segmenter=segmenter)
    table = decoder.decode(scores, 1.0, CLASSES, tags=[[0.5, 0.0]])[0]
    assert table["event_label"].tolist() == ["Cat"]
    assert table["score"].tolist() == [0.25]
    with pytest.raises(LabelError, match=r"from 0 to 1, got 2\.0"):
        decoder.decode(scores, 1.0, CLASSES, tags=[[2, 1]])


def test_settings_per_class():
    curve = levels((10, 0), (10, 0.75), (2, 0.25), (10, 0.5), (10, 0))
    scores = np.stack((curve, curve), axis=1)[np.newaxis]
    settings = {
        "boxes": {"merge_ratio": [2.0, 4.0], "window_length": [2, 8]},
        "peaks": {"peak_share": {"Cat": 0.8, "Dog": 0.3}, "min_gap": 1.0},
    }
    for segmenter, own in settings.items():
        decoder = EventDecoder(**EVERYTHING | own, segmenter=segmenter)
        labels = decoder.decode(scores, 1.0, CLASSES)[0]["event_label"].tolist()
        assert labels.count("Cat") > labels.count("Dog") == 1


@pytest.mark.parametrize(
    "parameters",
    [
        {"merge_ratio": 0.9},
        {"merge_difference": -0.1},
        {"peak_share": 1.5},
        {"window_length": 0.0},
    ],
)
def test_impossible_settings(parameters):
    with pytest.raises(ValueError, match=next(iter(parameters))):
        boxes_of([0.5], segmenter="boxes", **parameters)


def test_a_low_threshold_has_no_say():
    curve = levels((10, 0), (10, 0.5), (10, 0))
    found = boxes_of(curve, segmenter="boxes", window_length=8, low_threshold=0.6)
    assert found == [(10, 20, 0.5)]


@pytest.mark.parametrize("segmenter", ["boxes", "peaks"])
def test_lengths_beyond_any_clip(segmenter):
    curve = levels((3, 0.5), (5, 0), (3, 0.5))
    long = {"window_length": 1e300, "min_gap": 1e300, "segmenter": segmenter}
    assert boxes_of(curve, **long) == boxes_of(curve, **long | {"window_length": 24})
