"""Curves that come in pieces decode to the events of the whole."""

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from sklearn_sed import EventDecoder
from sklearn_sed._decoding._stream import Event, StreamDecoder


@st.composite
def decoders(draw):
    high = draw(st.sampled_from([0.3, 0.5, 0.7]))
    return EventDecoder(
        smoothing=draw(st.sampled_from([None, "mean", "median"])),
        smoothing_length=draw(st.sampled_from([0.1, 0.5])),
        threshold=high,
        low_threshold=draw(st.sampled_from([None, "half", "tenth", 0.1, 0.3])),
        min_gap=draw(st.sampled_from([0.0, 0.1, 0.35, 2.0])),
        min_duration=draw(st.sampled_from([0.0, 0.2, 0.6])),
        segmenter=draw(st.sampled_from(["threshold", "area"])),
    )


@st.composite
def box_decoders(draw):
    return EventDecoder(
        smoothing=draw(st.sampled_from([None, "mean", "median"])),
        smoothing_length=draw(st.sampled_from([0.1, 0.5])),
        threshold=draw(st.sampled_from([0.0, 0.1, 0.4])),
        min_gap=draw(st.sampled_from([0.0, 0.1, 0.35, 2.0])),
        min_duration=draw(st.sampled_from([0.0, 0.2, 0.6])),
        segmenter=draw(st.sampled_from(["boxes", "peaks"])),
        window_length=draw(st.sampled_from([0.1, 0.8, 1.5, 60.0])),
        merge_ratio=draw(st.sampled_from([1.0, 1.5, 10.0, None])),
        merge_difference=draw(st.sampled_from([None, 0.3])),
        peak_share=draw(st.sampled_from([0.0, 0.2, 0.35, 0.9])),
    )


def stream(
    decoder, proba, cuts, end=None, step=0.1, share=None, start=0.0, clip_score=1.0
):
    """Decode scores (n_frames, n_classes) in pieces."""
    share = np.ones_like(proba) if share is None else share
    clip_score = np.broadcast_to(clip_score, proba.shape)
    curves = np.stack((proba, proba, share, clip_score))
    curves = curves.transpose(0, 2, 1).astype(float)
    labels = ["a", "b"][: proba.shape[1]]
    decoding = StreamDecoder(decoder, labels, step, proba.dtype, start)
    pieces = np.split(curves, cuts, axis=2)
    found = [event for piece in pieces[:-1] for event in decoding.push(piece)]
    return found + decoding.push(pieces[-1], len(proba) * step if end is None else end)


def as_table(events):
    table = pd.DataFrame(events, columns=Event._fields)
    return table.sort_values(["onset", "event_label"], ignore_index=True)


@given(
    st.one_of(decoders(), box_decoders()),
    st.integers(0, 2**32 - 1),
    st.floats(0.02, 0.5),
)
@settings(max_examples=200, deadline=None)
def test_pieces_decode_to_the_events_of_the_whole(decoder, seed, roughness):
    rng = np.random.default_rng(seed)
    n_frames = int(rng.integers(1, 300))
    walk = rng.normal(size=(n_frames, 2)).cumsum(axis=0) * roughness
    proba = (1 / (1 + np.exp(-walk))).astype(np.float32)
    if seed % 2:  # level stretches and silence
        proba = np.round(proba * 4) / 4
        proba *= np.repeat(rng.integers(0, 2, (10, 2)), 30, axis=0)[:n_frames]
    cuts = np.sort(rng.integers(0, n_frames, rng.integers(0, 20)))
    end = n_frames * 0.1 - rng.choice([0.0, 0.03])
    start = rng.choice([0.0, -0.05, 0.02])
    events = stream(decoder, proba, cuts, end, start=start)
    assert [e.offset for e in events] == sorted(e.offset for e in events)
    expected = decoder.decode(
        [proba], 0.1, ["a", "b"], durations=[end], time_offset=start
    )[0]
    assert_frame_equal(as_table(events), expected, check_dtype=False)


@pytest.mark.parametrize("seed", range(10))
def test_steps_in_pieces_are_those_of_the_whole(seed):
    rng = np.random.default_rng(seed)
    levels = np.repeat(rng.uniform(0, 1, 40), rng.integers(5, 60, 40))
    proba = np.convolve(levels, np.ones(4) / 4, "same")[:, np.newaxis]
    decoder = EventDecoder(segmenter="derivative", smoothing=None)
    cuts = np.sort(rng.integers(0, len(proba), 15))
    expected = decoder.decode([proba], 0.02, ["a"])[0]
    assert len(expected) >= 3
    events = stream(decoder, proba, cuts, step=0.02)
    assert_frame_equal(as_table(events), expected, check_dtype=False)


def test_an_event_counts_where_most_of_the_weight_is_tagged():
    proba = np.zeros((60, 1))
    proba[10:20] = proba[40:50] = 1.0
    share = np.zeros((60, 1))
    share[19], share[40:50] = 0.5, 0.49
    decoder = EventDecoder(smoothing=None)
    events = stream(decoder, proba, [15, 30, 45], share=share)
    assert events == [Event(pytest.approx(1.0), 2.0, "a", 1.0)]


def test_events_come_as_soon_as_nothing_can_reach_them():
    proba = np.zeros((400, 2), np.float32)
    proba[10:350, 0] = 0.9  # a long event does not hold back others
    proba[20:30, 1] = 0.9
    decoder = EventDecoder(smoothing=None)
    decoding = StreamDecoder(decoder, ["a", "b"], 0.1, proba.dtype)
    ones = np.ones_like(proba)
    curves = np.stack((proba, proba, ones, ones)).transpose(0, 2, 1)
    found = [
        [event.event_label for event in decoding.push(piece)]
        for piece in np.split(curves, [100, 200, 300], axis=2)
    ]
    assert found == [["b"], [], [], ["a"]]


def test_an_endless_event_takes_no_memory():
    decoder = EventDecoder(low_threshold=0.2, min_gap=0.3)
    decoding = StreamDecoder(decoder, ["a"], 0.1, np.dtype(np.float32))
    piece = np.tile([0.9, 0.9, 0.1, 0.9, 0.3], 200)
    ones = np.ones_like(piece)
    piece = np.stack((piece, piece, ones, ones))[:, np.newaxis]
    sizes = []
    for _ in range(60):
        assert decoding.push(piece) == []
        sizes.append(len(pickle.dumps(decoding)))
    assert max(sizes[1:]) == min(sizes[1:])
    (event,) = decoding.push(piece[..., :1], 6000.1)
    assert (event.onset, event.offset) == (0.0, 6000.1)
    assert event.score == pytest.approx(0.62, abs=1e-3)


# Boxes, whose own scores decide


@pytest.mark.parametrize("segmenter", ["boxes", "peaks"])
def test_the_clip_scores_of_the_windows_multiply(segmenter):
    proba = np.zeros((60, 1), np.float32)
    proba[10:20] = proba[40:50] = 0.5
    clip_score = np.full((60, 1), 0.25)
    clip_score[45:] = 0.75
    decoder = EventDecoder(segmenter=segmenter, smoothing=None, threshold=0.0)
    events = stream(decoder, proba, [15, 30, 45], clip_score=clip_score)
    assert [event.score for event in events] == [0.125, 0.25]
    share = np.zeros((60, 1))
    share[19] = 0.5
    events = stream(decoder, proba, [15, 30], share=share, clip_score=clip_score)
    assert [(event.onset, event.score) for event in events] == [(1.0, 0.125)]


@pytest.mark.parametrize("segmenter", ["boxes", "peaks"])
def test_a_box_comes_soon_whatever_low_scores_follow(segmenter):
    rng = np.random.default_rng(0)
    proba = rng.uniform(1e-4, 3e-4, size=(4000, 2)).astype(np.float32)
    proba[10:30, 0] = proba[40:50, 1] = 0.9
    proba[1000:] = 0.0
    decoder = EventDecoder(segmenter=segmenter, smoothing=None)
    decoding = StreamDecoder(decoder, ["a", "b"], 0.1, proba.dtype)
    ones = np.ones_like(proba)
    curves = np.stack((proba, proba, ones, ones)).transpose(0, 2, 1)
    found = [
        [event.event_label for event in decoding.push(piece)]
        for piece in np.split(curves, [100, 200, 1100, 1200], axis=2)
    ]
    assert found[:2] == [["a", "b"], []]
    assert len(pickle.dumps(decoding)) < 20_000


def test_a_box_whose_end_is_pending_holds_back_later_ones():
    # The fall after a short box is level for half a window: its end is known late.
    proba = np.zeros((60, 2), np.float32)
    proba[20, 0] = proba[5:23, 1] = 0.9
    decoder = EventDecoder(
        segmenter="boxes", smoothing=None, smoothing_length=0.0, window_length=2.0
    )
    events = stream(decoder, proba, np.arange(1, 60))
    assert [(event.event_label, round(event.offset, 9)) for event in events] == [
        ("a", 2.1),
        ("b", 2.3),
    ]


def test_endless_boxes_take_no_memory():
    decoder = EventDecoder(segmenter="boxes", window_length=0.8)
    decoding = StreamDecoder(decoder, ["a"], 0.1, np.dtype(np.float32))
    piece = np.tile([0.9, 0.9, 0.1, 0.9, 0.3], 200)
    ones = np.ones_like(piece)
    piece = np.stack((piece, piece, ones, ones))[:, np.newaxis]
    sizes = []
    for _ in range(60):
        assert decoding.push(piece) == []
        sizes.append(len(pickle.dumps(decoding)))
    assert max(sizes[1:]) == min(sizes[1:])
    (event,) = decoding.push(piece[..., :1], 6000.1)
    assert (event.onset, event.offset) == (0.0, 6000.1)
