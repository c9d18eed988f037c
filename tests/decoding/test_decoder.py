"""Decoding frame scores into events."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal
from sklearn.base import clone

from sklearn_sed import FeatureArray
from sklearn_sed._decoding._decoder import EventDecoder, decode_flat, make_timeline
from sklearn_sed.events import frames_to_events, make_events
from sklearn_sed.exceptions import ClipError, LabelError, TimeResolutionError
from sklearn_sed.metrics import intersection_f1_score, psd_roc_curve

SEGMENTERS = ("threshold", "derivative", "area")
CLASSES = ["Cat", "Dog"]


def plain(**settings):
    """A decoder that only does what it is told."""
    nothing = {
        "smoothing": None,
        "low_threshold": None,
        "min_gap": 0,
        "min_duration": 0,
    }
    return EventDecoder(**(nothing | settings))


def decode_curve(decoder, curve, time_resolution=1.0, **more):
    """Onsets and offsets of the events of one curve."""
    frame_proba = np.asarray(curve, dtype=float)[np.newaxis, :, np.newaxis]
    table = decoder.decode(frame_proba, time_resolution, ["Dog"], **more)[0]
    return list(zip(table["onset"].tolist(), table["offset"].tolist()))


# Thresholding


def test_an_event_is_the_union_of_its_frames():
    curve = [0.9, 0.1, 0.6, 0.7, 0.2, 0.8]
    expected = [(0.0, 0.5), (1.0, 2.0), (2.5, 3.0)]
    assert decode_curve(plain(), curve, 0.5) == expected


def test_a_score_equal_to_the_threshold_is_inactive():
    assert decode_curve(plain(threshold=0.5), [0.5, 0.5, 0.5]) == []
    assert decode_curve(plain(threshold=0.0), [0.0, 0.0, 1e-300]) == [(2, 3)]
    assert decode_curve(plain(threshold=1.0), [1.0]) == []
    hysteresis = plain(threshold=0.6, low_threshold=0.3)
    assert decode_curve(hysteresis, [0.3, 0.6, 0.3]) == []
    assert decode_curve(hysteresis, [0.3, 0.61, 0.3]) == [(1, 2)]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("smoothing", [None, "mean", "median"])
def test_the_tie_holds_in_the_precision_of_the_scores(dtype, smoothing):
    decoder = plain(threshold=0.3, smoothing=smoothing, smoothing_length=5)
    frame_proba = np.full((1, 20, 1), 0.3, dtype=dtype)
    assert decoder.decode(frame_proba, 1.0, ["Dog"])[0].empty


def test_hysteresis_keeps_low_frames_that_touch_a_high_one():
    decoder = plain(threshold=0.6, low_threshold=0.3)
    curve = [0.4, 0.7, 0.4, 0.1, 0.4, 0.5, 0.2, 0.5, 0.9]
    assert decode_curve(decoder, curve) == [(0, 3), (7, 9)]


def test_a_share_of_the_threshold():
    curve = np.random.default_rng(0).uniform(size=50)
    for share, low in (("half", 0.4), ("tenth", 0.08)):
        expected = decode_curve(plain(threshold=0.8, low_threshold=low), curve)
        assert (
            decode_curve(plain(threshold=0.8, low_threshold=share), curve) == expected
        )


def test_equal_thresholds_are_one_threshold():
    curve = np.random.default_rng(0).uniform(size=50)
    single = decode_curve(plain(threshold=0.4), curve)
    assert decode_curve(plain(threshold=0.4, low_threshold=0.4), curve) == single


# Gaps and durations


def test_short_gaps_are_closed_and_short_events_dropped():
    curve = [0.9, 0, 0.9, 0, 0, 0.9, 0.9, 0.9]
    assert decode_curve(plain(min_gap=0.2), curve, 0.1) == [
        (0, pytest.approx(0.3)),
        (0.5, pytest.approx(0.8)),
    ]
    # Gaps first: the first two frames last long enough together.
    assert decode_curve(plain(min_gap=0.2, min_duration=0.3), curve, 0.1) == [
        (0, pytest.approx(0.3)),
        (0.5, pytest.approx(0.8)),
    ]
    assert decode_curve(plain(min_duration=0.3), curve, 0.1) == [
        (0.5, pytest.approx(0.8))
    ]


def test_a_gap_or_event_of_just_the_minimum_stays():
    # 3 * 0.1 > 0.3 in floating point, and 0.7 - 0.4 < 0.3.
    curve = [0.9] * 4 + [0] * 3 + [0.9] * 3
    found = decode_curve(plain(min_gap=0.3, min_duration=0.3), curve, 0.1)
    assert_allclose(found, [(0, 0.4), (0.7, 1.0)])


def test_the_clip_ends_the_last_event():
    curve = [0, 0, 0.9, 0.9]
    assert decode_curve(plain(), curve, 0.5, durations=[1.75]) == [(1.0, 1.75)]
    # What is left within the clip is too short, or nothing at all.
    short = plain(min_duration=0.8)
    assert decode_curve(short, curve, 0.5, durations=[1.75]) == []
    assert decode_curve(plain(), curve, 0.5, durations=[1.0]) == []


def test_times_begin_at_the_time_offset_and_stay_in_the_clip():
    curve = [0.9, 0.9, 0, 0.9]
    found = decode_curve(plain(), curve, 0.5, time_offset=-0.25, durations=[1.5])
    assert found == [(0.0, 0.75), (1.25, 1.5)]
    assert decode_curve(plain(), curve, 0.5, time_offset=0.25)[0] == (0.25, 1.25)
    # Within the clip, the first event is a quarter of a second shorter.
    short = plain(min_duration=0.8)
    assert decode_curve(short, curve, 0.5, time_offset=-0.25) == []
    # Frames before the clip begins are none of its events.
    assert decode_curve(plain(), [0.9, 0, 0.9], 0.5, time_offset=-0.5) == [(0.5, 1)]


def test_scores_say_themselves_where_and_how_long_they_are():
    scores = np.full((2, 4, 1), 0.9)
    timed = FeatureArray(scores, 0.5, [1.6, 1.7], -0.25)
    found = plain().decode(timed, 0.5, ["Dog"])
    given = plain().decode(scores, 0.5, ["Dog"], None, [1.6, 1.7], -0.25)
    told = plain().decode(timed, 0.5, ["Dog"], durations=[1.0, 9.0], time_offset=0.0)
    for tables, ends in (found, [1.6, 1.7]), (given, [1.6, 1.7]), (told, [1.0, 2.0]):
        assert [table["offset"].tolist() for table in tables] == [[end] for end in ends]
    ragged = FeatureArray([scores[0], scores[1, :2]], 0.5, None, -0.25)
    ends = [table["offset"][0] for table in plain().decode(ragged, 0.5, ["Dog"])]
    assert ends == [1.75, 0.75]


# The curves that are decoded


def test_curves_by_hand():
    scores = np.array([[0.2, 0.2], [0.8, 0.5], [0.2, 0.8]], np.float32)
    timed = FeatureArray([scores, scores[:2]], 0.5, [1.4, 0.9], -0.25)
    decoder = plain(
        rescale=[True, False], smoothing=["mean", None], smoothing_length=1.5
    )
    curves = decoder.curves(timed, 0.5, CLASSES, tags=[[1, 1], [0, 1]])
    assert (curves.time_resolution, curves.time_offset) == (0.5, -0.25)
    assert curves.durations.tolist() == [1.4, 0.9]
    assert [curve.dtype for curve in curves] == [np.float32] * 2
    third = np.full(3, 1 / 3, np.float32)
    assert_array_equal(curves[0], np.column_stack((third, scores[:, 1])))
    assert_array_equal(curves[1], np.column_stack((np.zeros(2), scores[:2, 1])))
    plain_scores = decoder.curves(scores[np.newaxis].tolist(), 0.5, CLASSES)
    assert plain_scores.shape == (1, 3, 2)
    assert plain_scores.dtype == np.float64
    assert plain_scores.durations is None
    assert len(decoder.curves([], 0.5, CLASSES)) == 0


# Smoothing and rescaling


def test_smoothing_by_hand():
    curve = np.array([0.9, 0.0, 0.0, 0.9, 0.9, 0.0])
    # Continued by the first and last score: 0.9 | 0.9 0 0 0.9 0.9 0 | 0.
    mean = np.array([1.8, 0.9, 0.9, 1.8, 1.8, 0.9]) / 3
    for threshold, active in ((0.29, [0, 1, 2, 3, 4, 5]), (0.31, [0, 3, 4])):
        assert_array_equal(mean > threshold, np.isin(np.arange(6), active))
        decoder = plain(smoothing="mean", smoothing_length=3, threshold=threshold)
        runs = decode_curve(decoder, curve)
        frames = [k for on, off in runs for k in range(int(on), int(off))]
        assert frames == active
    decoder = plain(smoothing="median", smoothing_length=3)
    assert decode_curve(decoder, curve) == [(0, 1), (3, 5)]


def test_the_smoothing_length_is_the_nearest_odd_number_of_frames():
    spike = np.zeros(99)
    spike[49] = 1
    for seconds, n_frames in ((0, 1), (1.9, 1), (2, 3), (3.9, 3), (4, 5), (19.2, 19)):
        decoder = plain(smoothing="mean", smoothing_length=seconds, threshold=0)
        (event,) = decode_curve(decoder, spike)
        assert event[1] - event[0] == n_frames
    # 0.44 s are 18.9 frames of 23 ms, and 4 * 0.1 / 0.1 < 4 must not matter.
    r = 512 / 22050
    paper = plain(smoothing="mean", smoothing_length=0.44, threshold=0)
    assert_allclose(decode_curve(paper, spike, r), [(40 * r, 59 * r)])
    decoder = plain(smoothing="mean", smoothing_length=0.1 + 0.3, threshold=0)
    assert_allclose(decode_curve(decoder, spike, 0.1), [(4.7, 5.2)])


def test_rescaling_uses_the_inner_frames_of_each_clip_and_class():
    ramp = np.linspace(0.40, 0.60, 21)
    ramp[[0, 1, 2, -3, -2, -1]] = [1, 1, 1, 0, 0, 0]
    # Frames 3 to 17 hold 0.43 to 0.57: the middle, frame 10, becomes 0.5.
    assert decode_curve(plain(rescale=True), ramp) == [(0, 3), (11, 18)]
    frame_proba = np.stack([ramp, ramp / 4], axis=1)[np.newaxis]
    flat = decode_flat(
        plain(rescale=True), frame_proba, make_timeline(frame_proba, 1.0), CLASSES
    )
    assert_array_equal(flat.onset[flat.class_index == 0], [0, 11])
    assert_array_equal(flat.onset[flat.class_index == 1], [0, 11])


def test_rescaling_short_clips():
    # A quarter of the frames at each end is left out: none of three, one of four.
    assert decode_curve(plain(rescale=True), [0.1, 0.2, 0.1]) == [(1, 2)]
    assert decode_curve(plain(rescale=True), [0.0, 0.4, 0.6, 0.2]) == [(2, 3)]


@pytest.mark.parametrize("n_frames", [1, 2, 5, 50])
def test_a_flat_curve_stays_as_it_is(n_frames):
    decoder = plain(rescale=True, threshold=0.4)
    assert decode_curve(decoder, np.full(n_frames, 0.3)) == []
    assert decode_curve(decoder, np.full(n_frames, 0.7)) == [(0, n_frames)]
    rounding = 0.3 + 1e-7 * (np.arange(n_frames) % 2)
    assert decode_curve(decoder, rounding) == []


# No drift


@pytest.mark.parametrize("segmenter", SEGMENTERS)
@pytest.mark.parametrize("smoothing", [None, "mean", "median"])
@pytest.mark.parametrize("rescale", [False, True])
@pytest.mark.parametrize("time_resolution", [512 / 22050, 0.05])
def test_a_rectangle_comes_back(segmenter, smoothing, rescale, time_resolution):
    n_frames = 200
    decoder = plain(
        segmenter=segmenter,
        smoothing=smoothing,
        rescale=rescale,
        smoothing_length=9 * time_resolution,
        window_length=10 * time_resolution,
    )
    edges = [(0, 30), (20, 40), (63, 110), (150, 200)]
    if smoothing != "mean" or segmenter == "threshold":
        # The second of two windows sees what the first left at the end of the clip.
        edges += [(1, 30), (4, 60), (150, 199)]
    for start, stop in edges:
        curve = np.full(n_frames, 0.02)
        curve[start:stop] = 0.98
        found = decode_curve(decoder, curve, time_resolution)
        assert found == [(start * time_resolution, stop * time_resolution)]


@pytest.mark.parametrize("segmenter", SEGMENTERS)
def test_several_rectangles_come_back(segmenter):
    decoder = plain(segmenter=segmenter, window_length=6)
    curve = np.full(100, 0.1)
    for start, stop in [(0, 12), (20, 31), (50, 70), (90, 100)]:
        curve[start:stop] = 0.9
    expected = [(0, 12), (20, 31), (50, 70), (90, 100)]
    assert decode_curve(decoder, curve) == expected


# Derivative and area


def test_derivative_sees_changes_not_levels():
    decoder = plain(segmenter="derivative", window_length=4, rising=0.2, falling=0.2)
    curve = np.full(60, 0.1)
    curve[20:40] = 0.4
    assert decode_curve(decoder, curve) == [(20, 40)]
    assert decode_curve(plain(threshold=0.5), curve) == []
    slow = np.linspace(0.1, 0.9, 60)
    assert decode_curve(decoder, slow) == []


def test_derivative_passes_over_a_dip():
    curve = np.full(60, 0.1)
    curve[20:50] = 0.9
    curve[33:36] = 0.3
    decoder = plain(segmenter="derivative", window_length=6)
    assert decode_curve(decoder, curve) == [(20, 50)]
    decoder.set_params(flat=1.0)
    assert decode_curve(decoder, curve)[0][1] < 36


def test_derivative_begins_inside_an_event():
    decoder = plain(segmenter="derivative", window_length=4)
    curve = np.full(40, 0.1)
    curve[:10] = 0.9
    assert decode_curve(decoder, curve) == [(0, 10)]
    assert decode_curve(decoder.set_params(threshold=0.95), curve) == []


def test_area_is_the_mean_of_a_centred_window():
    decoder = plain(segmenter="area", window_length=5, threshold=0.5)
    curve = np.zeros(30)
    curve[10:20:2] = 1.0
    # Windows of five frames around 11 to 17 hold two or three ones; three are > 0.5.
    runs = decode_curve(decoder, curve)
    frames = [k for on, off in runs for k in range(int(on), int(off))]
    assert frames == [12, 14, 16]
    low = plain(segmenter="area", window_length=5, threshold=0.5, low_threshold=0.3)
    assert decode_curve(low, curve) == [(10, 19)]


# Scores, tags, classes


def test_the_score_is_the_mean_of_the_given_scores():
    curve = np.array([0.2, 0.8, 0.6])
    decoder = plain(rescale=True, threshold=0.3)
    table = decoder.decode(curve[np.newaxis, :, np.newaxis], 1.0, ["Dog"])[0]
    assert_allclose(table["score"], [0.7])


def test_tags_choose_the_classes_of_each_clip():
    frame_proba = np.full((3, 4, 2), 0.9)
    tags = [[1, 0], [0, 0], [-1, 1]]
    events = plain().decode(frame_proba, 1.0, CLASSES, tags=tags)
    assert [table["event_label"].tolist() for table in events] == [["Cat"], [], ["Dog"]]
    assert list(events[1].columns) == ["onset", "offset", "event_label", "score"]


def test_events_are_sorted_by_onset_then_label():
    frame_proba = np.zeros((1, 9, 2))
    frame_proba[0, [1, 2, 7], 0] = 0.9
    frame_proba[0, [1, 4], 1] = 0.9
    table = plain().decode(frame_proba, 1.0, ["Dog", "Cat"])[0]
    expected = make_events(
        [1, 1, 4, 7], [2, 3, 5, 8], ["Cat", "Dog", "Cat", "Dog"], [0.9] * 4
    )
    assert_frame_equal(table, expected)


def per_class_forms(values):
    return [values, np.array(values, dtype=object), dict(zip(CLASSES, values))]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("threshold", [0.2, 0.7]),
        ("low_threshold", [None, 0.1]),
        ("low_threshold", ["half", 0.5]),
        ("smoothing", [None, "median"]),
        ("smoothing_length", [0.0, 7.0]),
        ("rescale", [True, False]),
        ("min_gap", [0.0, 3.0]),
        ("min_duration", [4.0, 0.0]),
    ],
)
def test_settings_per_class(name, values):
    rng = np.random.default_rng(1)
    frame_proba = rng.uniform(size=(2, 80, 2))
    smoothing = "mean" if name == "smoothing_length" else None
    base = plain(smoothing=smoothing, smoothing_length=5)
    one_by_one = [
        clone(base).set_params(**{name: value}).decode(frame_proba, 1.0, CLASSES)
        for value in values
    ]
    for form in per_class_forms(values):
        decoder = clone(base).set_params(**{name: form})
        events = decoder.decode(frame_proba, 1.0, CLASSES)
        for clip, table in enumerate(events):
            for label, single in zip(CLASSES, one_by_one):
                own = table[table["event_label"] == label]
                alone = single[clip][single[clip]["event_label"] == label]
                assert_frame_equal(
                    own.reset_index(drop=True), alone.reset_index(drop=True)
                )
    assert not one_by_one[0][0].equals(one_by_one[1][0])


def test_ragged_input_is_decoded_clip_by_clip():
    rng = np.random.default_rng(2)
    clips = [rng.uniform(size=(n, 2)).astype(np.float32) for n in (30, 1, 2, 17, 30)]
    ragged = np.empty(len(clips), dtype=object)
    ragged[:] = clips
    decoder = EventDecoder(smoothing_length=0.3, low_threshold=0.3, min_duration=0)
    together = decoder.decode(ragged, 0.1, CLASSES)
    for clip, table in zip(clips, together):
        assert_frame_equal(table, decoder.decode(clip[np.newaxis], 0.1, CLASSES)[0])
    for table, again in zip(together, decoder.decode(clips, 0.1, CLASSES)):
        assert_frame_equal(table, again)


def test_no_clips_and_no_events():
    assert EventDecoder().decode([], 0.1, CLASSES).shape == (0,)
    silence = EventDecoder().decode(np.zeros((2, 9, 2)), 0.1, CLASSES)
    assert [len(table) for table in silence] == [0, 0]
    derivative = EventDecoder(segmenter="derivative")
    assert derivative.decode(np.zeros((2, 9, 2)), 0.1, CLASSES)[1].empty


def test_input_is_left_alone():
    frame_proba = np.random.default_rng(4).uniform(size=(2, 40, 2))
    before = frame_proba.copy()
    frame_proba.flags.writeable = False
    EventDecoder(rescale=True).decode(frame_proba, 0.1, CLASSES)
    assert_array_equal(frame_proba, before)


def test_integer_scores_and_labels():
    events = plain().decode([[[0, 1], [1, 1]]], 0.5, [7, 3])[0]
    assert events["event_label"].tolist() == [3, 7]


def test_a_set_is_not_one_value_per_class():
    with pytest.raises(ValueError, match="threshold"):
        EventDecoder(threshold={0.2, 0.4})._check(CLASSES)


def test_clone_keeps_the_very_parameters():
    thresholds = {"Cat": 0.3, "Dog": 0.6}
    decoder = EventDecoder(threshold=thresholds)
    assert decoder.get_params()["threshold"] is thresholds
    assert clone(decoder).get_params()["threshold"] == thresholds


# Properties

score = st.floats(0, 1, width=32)
clip_scores = st.integers(1, 40).flatmap(
    lambda n: hnp.arrays(np.float64, (n, 2), elements=score)
)
decoders = st.builds(
    EventDecoder,
    rescale=st.booleans(),
    smoothing=st.sampled_from([None, "mean", "median"]),
    smoothing_length=st.floats(0, 2),
    threshold=st.floats(0.3, 0.9),
    low_threshold=st.sampled_from([None, "half", "tenth"]) | st.floats(0, 0.3),
    min_gap=st.floats(0, 1),
    min_duration=st.floats(0, 1),
    segmenter=st.sampled_from(SEGMENTERS),
    window_length=st.floats(0.01, 1),
    rising=st.floats(0, 0.6),
    falling=st.floats(0, 0.6),
)
resolutions = st.sampled_from([512 / 22050, 0.1, 0.3])


@given(st.lists(clip_scores, min_size=1, max_size=4), decoders, resolutions)
@settings(max_examples=120, deadline=None)
def test_events_are_in_order(clips, decoder, time_resolution):
    durations = [(len(clip) - 0.4) * time_resolution for clip in clips]
    events = decoder.decode(clips, time_resolution, CLASSES, durations=durations)
    for table, duration in zip(events, durations):
        assert (table["onset"] >= 0).all()
        assert (table["offset"] <= duration).all()
        assert (table["offset"] > table["onset"]).all()
        length = table["offset"] - table["onset"]
        assert (length >= decoder.min_duration - 1e-6).all()
        assert table["score"].between(0, 1).all()
        order = table.sort_values(["onset", "event_label"], ignore_index=True)
        assert_frame_equal(table, order)
        for _, own in table.groupby("event_label"):
            gap = own["onset"].to_numpy()[1:] - own["offset"].to_numpy()[:-1]
            assert (gap >= max(decoder.min_gap, time_resolution / 2) - 1e-6).all()


@given(st.lists(clip_scores, min_size=2, max_size=5), decoders, resolutions)
@settings(max_examples=80, deadline=None)
def test_neighbours_never_change_a_clip(clips, decoder, time_resolution):
    together = decoder.decode(clips, time_resolution, CLASSES)
    alone = [decoder.decode([clip], time_resolution, CLASSES)[0] for clip in clips]
    for table, single in zip(together, alone):
        assert_frame_equal(table, single, check_exact=True)


@given(st.data(), decoders, st.sampled_from([np.float16, np.float32, np.float64]))
@settings(max_examples=200, deadline=None)
def test_a_threshold_finds_the_same_in_curves_and_in_decode(data, decoder, dtype):
    """Also at ties: at a value of the smoothed curve, and one float step beside it."""
    draw = data.draw
    clips = [c.astype(dtype) for c in draw(st.lists(clip_scores, min_size=1))]
    n_frames = [len(clip) for clip in clips]
    step = 0.1
    timed = FeatureArray(clips, step, np.array(n_frames) * step - 0.07, -0.05)
    tags = draw(hnp.arrays(bool, (len(clips), 2)))
    if decoder.segmenter == "derivative":
        decoder.segmenter = "area"
    decoder.set_params(low_threshold=None, min_gap=0, min_duration=0)
    curves = decoder.curves(timed, step, CLASSES, tags)
    values = np.concatenate([curve.ravel() for curve in curves])
    tie = draw(st.sampled_from(values.tolist()))
    beside = np.nextafter(dtype(tie), dtype(draw(st.sampled_from([0, 1]))))
    threshold = draw(st.sampled_from([tie, float(beside), np.nextafter(tie, 1.0)]))
    decoder.set_params(threshold=threshold)
    active = [curve > dtype(threshold) for curve in curves]
    for table, on, end in zip(
        decoder.decode(timed, step, CLASSES, tags), active, timed.durations
    ):
        expected = frames_to_events(on, step, CLASSES, end, time_offset=-0.05)
        assert_frame_equal(table.drop(columns="score"), expected, check_exact=True)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("seed", range(5))
def test_the_psd_roc_of_curves_counts_what_decode_finds(dtype, seed):
    rng = np.random.default_rng(seed)
    walk = rng.integers(-1, 2, size=(6, 50, 1)).astype(float)
    walk[:, 9:22] += 1
    walk[:, 29:35] += rng.integers(-1, 3, size=(6, 1, 1))
    scores = FeatureArray(1 / (1 + np.exp(-walk)), 0.1, np.full(6, 4.93), -0.05)
    scores = scores.astype(dtype)
    y = [make_events([1.0, 3.0], [2.1, 3.4], ["Dog"] * 2)] * 6
    decoder = plain(smoothing="mean", smoothing_length=0.3)
    curves = decoder.curves(scores, 0.1, ["Dog"])
    criteria = {"dtc_threshold": 0.5, "gtc_threshold": 0.5}
    roc = psd_roc_curve(
        y,
        curves,
        time_resolution=0.1,
        labels=["Dog"],
        durations=curves.durations,
        alpha_st=0.0,
        max_efpr=1e6,
        **criteria,
    )
    hours = 6 * 4.93 / 3600
    points = zip(
        *(v["Dog"] for v in (roc.class_tpr, roc.class_efpr, roc.class_thresholds))
    )
    n_points = 0
    for tpr, efpr, threshold in points:
        if 0 <= threshold <= 1:
            decoder.set_params(threshold=threshold)
            found = decoder.decode(scores, 0.1, ["Dog"])
            n_true = 12 * tpr
            expected = 2 * n_true / (n_true + 12 + efpr * hours)
            f1 = intersection_f1_score(y, found, **criteria)
            assert f1 == pytest.approx(expected, abs=1e-9)
            n_points += 1
    assert n_points >= 2


@given(clip_scores, st.floats(0.2, 0.9), st.floats(0, 0.2))
@settings(max_examples=80, deadline=None)
def test_hysteresis_contains_the_events_of_the_high_threshold(clip, high, low):
    single = plain(threshold=high)
    double = plain(threshold=high, low_threshold=low)
    times = make_timeline([clip], 1.0)
    inner = decode_flat(single, [clip], times, CLASSES)
    outer = decode_flat(double, [clip], times, CLASSES)
    for index, onset, offset in zip(inner.class_index, inner.onset, inner.offset):
        around = (outer.class_index == index) & (outer.onset <= onset)
        assert (around & (outer.offset >= offset)).sum() == 1
    # And each of its events contains one of theirs.
    for index, onset, offset in zip(outer.class_index, outer.onset, outer.offset):
        within = (inner.class_index == index) & (inner.onset >= onset)
        assert (within & (inner.offset <= offset)).any()


def reference_events(curve, high, low):
    """Hysteresis frame by frame, slowly."""
    active = curve > high
    for _ in curve:
        touched = np.convolve(active, [1, 1, 1])[1:-1] > 0
        active = active | (touched & (curve > low))
    edges = np.flatnonzero(np.diff(np.concatenate(([0], active, [0]))))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist()))


@given(
    hnp.arrays(np.float64, st.integers(1, 40), elements=score),
    st.floats(0.3, 1),
    st.floats(0, 0.3),
)
@settings(max_examples=80, deadline=None)
def test_hysteresis_equals_growing_frame_by_frame(curve, high, low):
    decoder = plain(threshold=high, low_threshold=low)
    assert decode_curve(decoder, curve) == reference_events(curve, high, low)


@given(
    hnp.arrays(np.float64, st.integers(1, 30), elements=score),
    st.sampled_from(["mean", "median"]),
    st.integers(0, 20),
)
@settings(max_examples=80, deadline=None)
def test_smoothed_scores_stay_within_the_range_of_the_scores(curve, kind, half):
    decoder = plain(smoothing=kind, smoothing_length=2 * half + 1)
    # The precision of the scores is that of a mean: float64.
    top = min(np.nextafter(curve.max(), 1) * (1 + 1e-12), 1)
    decoder.set_params(threshold=top)
    assert decode_curve(decoder, curve) == []
    if curve.min() > 0:
        decoder.set_params(threshold=curve.min() * (1 - 1e-12))
        assert decode_curve(decoder, curve) == [(0, len(curve))]


# Bad input


@pytest.mark.parametrize(
    ("frame_proba", "message"),
    [
        ([np.zeros((3, 2)), np.zeros((3, 4))], r"clip 1: .*\(n_frames, 2\).*\(3, 4\)"),
        ([np.zeros((0, 2))], r"clip 0: .*at least one frame.*\(0, 2\)"),
        (np.zeros((4, 2)), r"clip 0: .*got \(2,\)"),
        (
            [np.zeros((3, 2)), [[0, 1], [np.nan, 0]]],
            "clip 1: .*class 0 in frame 1.*nan",
        ),
        ([[[0, 1], [0, 1.5]]], "clip 0: .*class 1 in frame 1 is 1.5; .*0 to 1"),
        ([[[0, -0.1]]], "is -0.1"),
    ],
)
def test_bad_scores_are_named(frame_proba, message):
    with pytest.raises(ClipError, match=message):
        EventDecoder().decode(frame_proba, 0.1, CLASSES)


@pytest.mark.parametrize("time_resolution", [None, 0, -1, np.nan])
def test_frames_must_last(time_resolution):
    with pytest.raises(TimeResolutionError, match="time_resolution"):
        EventDecoder().decode(np.zeros((1, 3, 2)), time_resolution, CLASSES)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        (
            {"threshold": 0.3, "low_threshold": 0.4},
            ValueError,
            "low_threshold=0.4 is above threshold=0.3 for class 'Cat'",
        ),
        (
            {"threshold": {"Cat": 0.5, "Dog": 0.3}, "low_threshold": 0.4},
            ValueError,
            "low_threshold=0.4 is above threshold=0.3 for class 'Dog'",
        ),
        ({"threshold": 1.5}, ValueError, "threshold"),
        ({"threshold": [0.5, 2.0]}, ValueError, r"threshold\['Dog'\].*Got 2.0"),
        ({"threshold": [0.5]}, LabelError, "threshold has 1 values for 2 classes"),
        (
            {"min_gap": {"Cat": 0.1, "Cow": 0.2}},
            LabelError,
            r"min_gap.*missing: \['Dog'\], not a class: \['Cow'\]",
        ),
        ({"smoothing": ["mean", "max"]}, ValueError, r"smoothing\['Dog'\].*median"),
        ({"min_duration": -1}, ValueError, "min_duration"),
        ({"window_length": 0}, ValueError, "window_length"),
    ],
)
def test_impossible_settings(parameters, error, message):
    decoder = EventDecoder(**parameters)
    with pytest.raises(error, match=message):
        decoder.decode(np.zeros((1, 3, 2)), 0.1, CLASSES)
    with pytest.raises(error, match=message):
        decoder._check(CLASSES)


def test_an_unknown_segmenter_lists_the_valid_ones():
    with pytest.raises(ValueError, match="Got 'magic'") as error:
        EventDecoder(segmenter="magic")._check(CLASSES)
    assert all(segmenter in str(error.value) for segmenter in SEGMENTERS)


def test_tags_and_durations_must_fit():
    frame_proba = np.zeros((2, 3, 2))
    with pytest.raises(LabelError, match=r"\(2, 2\), got \(2, 3\)"):
        EventDecoder().decode(frame_proba, 0.1, CLASSES, tags=np.ones((2, 3)))
    for lists in ([["a"], []], [["a"], ["b"]]):
        with pytest.raises(LabelError, match="must be an indicator"):
            EventDecoder().decode(frame_proba, 0.1, CLASSES, tags=lists)
    with pytest.raises(ValueError, match=r"shape \(2,\), got \(1,\)"):
        EventDecoder().decode(frame_proba, 0.1, CLASSES, durations=[1])
    with pytest.raises(ClipError, match="clip 1: its duration is nan"):
        EventDecoder().decode(frame_proba, 0.1, CLASSES, durations=[1, np.nan])
