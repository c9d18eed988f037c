"""What is known of a clip in part, and what tables say of frames."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklearn_sed.events import (
    check_events,
    events_to_frames,
    events_to_targets,
    make_events,
    partial_events,
    to_tags,
)
from sklearn_sed.events._partial import read_knowledge
from sklearn_sed.exceptions import AnnotationError, LabelError, TimeResolutionError
from sklearn_sed.metrics import event_based_f1_score

NAN = np.nan
DOG = make_events([1.0], [2.0], ["Dog"])
NOTHING = make_events([], [], [])


def rows(*rows):
    return pd.DataFrame(
        rows, columns=["onset", "offset", "event_label", "present"]
    ).astype({"event_label": object})


class TestPartialEvents:
    def test_rows(self):
        table = partial_events(
            DOG, known=[(0, 3), (5, 6)], absent=make_events([7], [8], ["Cat"])
        )
        assert table.columns.tolist() == ["onset", "offset", "event_label", "present"]
        assert table.values.tolist() == [
            [1.0, 2.0, "Dog", True],
            [7.0, 8.0, "Cat", False],
            [0.0, 3.0, None, False],
            [5.0, 6.0, None, False],
        ]

    def test_tags_say_what_is_in_the_clip_and_that_nothing_else_is(self):
        table = partial_events(DOG, tags=["Cat", "Dog"])
        assert table["event_label"].tolist() == ["Dog", "Cat", None]
        assert table["present"].tolist() == [True, True, False]
        assert table["onset"].isna().tolist() == [False, True, True]

    def test_nothing_known(self):
        assert len(partial_events(NOTHING)) == 0
        assert read_knowledge(partial_events(NOTHING), "clip") == ({}, -1, None)

    def test_scores_are_left_out_and_labels_may_be_numbers(self):
        scored = make_events([0.0], [1.0], [3], score=[0.4])
        assert partial_events(scored).values.tolist() == [[0.0, 1.0, 3, True]]

    @pytest.mark.parametrize(
        ("kwargs", "message"),
        [
            ({"known": (0, 1)}, r"known: it has the shape \(2,\); pass a list of pai"),
            ({"known": [(0, 1, 2)]}, r"known: it has the shape \(1, 3\)"),
            ({"known": [(2, 1)]}, r"event 1: offset 1\.0 lies before onset 2\.0"),
            ({"known": [(-1, 1)]}, r"event 1: onset -1\.0 is negative"),
            ({"known": [(0, np.inf)]}, "event 1: offset is inf"),
            (
                {"absent": make_events([1.5], [3.0], ["Dog"])},
                r"events 0 and 1: 'Dog' is present from 1 to 2 s and absent from 1\.5 "
                "to 3 s; they contradict",
            ),
        ],
    )
    def test_impossible_spans(self, kwargs, message):
        with pytest.raises(AnnotationError, match=message):
            partial_events(DOG, **kwargs)

    def test_events_and_tags_that_contradict_each_other(self):
        with pytest.raises(
            LabelError,
            match=r"the events are of \['Dog'\], the tags are \['Cat'\]: they contr"
            r"adict each other about \['Dog'\]",
        ):
            partial_events(DOG, tags=["Cat"])

    def test_spans_that_touch_do_not_contradict(self):
        partial_events(DOG, absent=make_events([0, 2], [1, 3], ["Dog", "Dog"]))
        partial_events(DOG, absent=make_events([1], [2], ["Cat"]))


class TestReadKnowledge:
    def test_a_table_tells_of_all_of_its_clip(self):
        tags, others, table = read_knowledge(DOG, "clip")
        assert (tags, others) == ({"Dog": 1}, 0)
        assert table is DOG

    def test_a_table_without_times_is_one_of_tags(self):
        tags = pd.DataFrame(
            {"onset": [NAN, NAN], "offset": NAN, "event_label": ["Dog", "Cat"]}
        )
        assert read_knowledge(tags, "clip") == ({"Dog": 1, "Cat": 1}, 0, None)

    def test_rows_without_times_are_about_the_clip(self):
        table = rows((NAN, NAN, "Dog", True), (NAN, NAN, "Cat", False))
        assert read_knowledge(table, "clip") == ({"Dog": 1, "Cat": 0}, -1, None)

    def test_a_class_that_is_absent_somewhere_may_be_elsewhere(self):
        silence = make_events([0], [1], ["Cat"])
        tags, others, _ = read_knowledge(partial_events(DOG, absent=silence), "clip")
        assert (tags, others) == ({"Dog": 1, "Cat": -1}, -1)
        table = partial_events(DOG, absent=silence, tags=["Dog"])
        assert read_knowledge(table, "clip").tags == {"Dog": 1, "Cat": 0}

    def test_present_as_files_have_it(self):
        table = rows((0, 1, "Dog", 1), (1, 2, None, 0), (2, 3, NAN, 0))
        found = read_knowledge(table, "clip").table
        assert found["present"].tolist() == [True, False, False]
        assert found["event_label"].tolist() == ["Dog", None, None]
        table["present"] = pd.array([True, False, False], dtype="boolean")
        pd.testing.assert_frame_equal(read_knowledge(table, "clip").table, found)

    @pytest.mark.parametrize(
        ("table", "message"),
        [
            (
                pd.DataFrame(
                    {"onset": [0, NAN], "offset": [1, NAN], "event_label": ["a", "b"]}
                ),
                "y, clip 3, event 1: it has no onset and offset, and other events",
            ),
            (rows((0, NAN, "a", True)), "event 0: offset is nan, and onset is 0.0"),
            (rows((NAN, 1, "a", True)), "event 0: onset is nan, and offset is 1.0"),
            (rows((0, 1, "a", True), (0, 1, "a", 2)), "event 1: present is 2"),
            (rows((0, 1, "a", None)), "event 0: present is None"),
            (rows((0, 1, None, True)), "event 0: event_label is missing"),
            (rows((0, 1, "a", True), (0, 1, 2, True)), "event 1: event_label is 2 n"),
            (rows((2, 1, "a", True)), "event 0: offset 1.0 lies before"),
            (
                rows((0, 1, "a", True), (NAN, NAN, "a", False)),
                "events 0 and 1: 'a' is present from 0 to 1 s and absent in the clip",
            ),
            (
                pd.DataFrame({"onset": [NAN], "offset": NAN, "event_label": [None]}),
                "event 0: event_label is None",
            ),
            (["a"], r"y, clip 3: expected an event table \(DataFrame\), got list"),
        ],
    )
    def test_impossible_tables(self, table, message):
        with pytest.raises(AnnotationError, match=message):
            read_knowledge(table, "y, clip 3")


@pytest.mark.parametrize(
    "take",
    [
        check_events,
        to_tags,
        lambda y: event_based_f1_score(y, y),
        lambda y: events_to_frames(y[1], ["Dog"], 4, 0.5),
    ],
)
def test_what_is_known_in_part_is_never_taken_for_all(take):
    with pytest.raises(AnnotationError, match="only a part of the clip is known"):
        take([DOG, partial_events(DOG, known=[(0, 3)])])


class TestTargets:
    @pytest.mark.parametrize(
        ("events", "kwargs", "expected"),
        [
            # An event from the middle of frame 1 to a quarter of frame 3.
            (([0.15], [0.325]), {}, [0, 0.5, 1, 0.25]),
            (([0.0], [0.4]), {}, [1, 1, 1, 1]),
            (([], []), {}, [0, 0, 0, 0]),
            # Events that overlap count once, those in one frame add up.
            (([0.1, 0.15], [0.2, 0.25]), {}, [0, 1, 0.5, 0]),
            (([0.1, 0.15], [0.12, 0.17]), {}, [0, 0.4, 0, 0]),
            # Frames centred on 0, 0.1, ...: of the first, one half is in the clip.
            (([0.0], [0.025]), {"time_offset": -0.05}, [0.5, 0, 0, 0]),
            (([0.15], [0.25]), {"time_offset": -0.05}, [0, 0, 1, 0]),
            # A clip of 0.24 s: frame 2 ends with it, frame 3 is padding.
            (([0.22], [0.24]), {"duration": 0.24}, [0, 0, 0.5, 0]),
            (([0.2], [0.4]), {"duration": 0.24}, [0, 0, 1, 0]),
        ],
    )
    def test_share_of_each_frame(self, events, kwargs, expected):
        onset, offset = events
        table = make_events(onset, offset, ["Dog"] * len(onset))
        targets = events_to_targets(table, ["Cat", "Dog"], 4, 0.1, **kwargs)
        assert targets.dtype == np.float32
        np.testing.assert_allclose(targets[:, 1], expected, atol=1e-6)
        assert not targets[:, 0].any()

    @pytest.mark.parametrize(
        ("table", "cat", "dog"),
        [
            # Known from 0.05 s on: frame 0 is half known, which is not known.
            (
                partial_events(
                    make_events([0.1], [0.15], ["Dog"]), known=[(0.05, 0.3)]
                ),
                [NAN, 0, 0, NAN],
                [NAN, 0.5, 0, NAN],
            ),
            # Without a known span, the event says nothing of its surroundings.
            (
                partial_events(make_events([0.05], [0.3], ["Dog"])),
                [NAN] * 4,
                [NAN, 1, 1, NAN],
            ),
            # A rejected event is a silence of its class alone.
            (
                partial_events(NOTHING, absent=make_events([0.1], [0.3], ["Dog"])),
                [NAN] * 4,
                [NAN, 0, 0, NAN],
            ),
            # A silence beside an event: the frame that they share is known.
            (
                partial_events(
                    make_events([0.05], [0.2], ["Dog"]),
                    absent=make_events([0.0], [0.05], ["Dog"]),
                ),
                [NAN] * 4,
                [0.5, 1, NAN, NAN],
            ),
            # The tags know of no cat.
            (
                partial_events(make_events([0.1], [0.2], ["Dog"]), tags=["Dog"]),
                [0] * 4,
                [NAN, 1, NAN, NAN],
            ),
            (
                pd.DataFrame({"onset": [NAN], "offset": NAN, "event_label": ["Dog"]}),
                [0] * 4,
                [NAN] * 4,
            ),
            (rows((NAN, NAN, "Dog", False)), [NAN] * 4, [0] * 4),
            (partial_events(NOTHING), [NAN] * 4, [NAN] * 4),
            (NOTHING, [0] * 4, [0] * 4),
        ],
    )
    def test_what_is_not_known_is_nan(self, table, cat, dog):
        targets = events_to_targets(table, ["Cat", "Dog"], 4, 0.1)
        np.testing.assert_allclose(targets.T, [cat, dog], atol=1e-6)

    def test_padding_of_a_clip_known_in_part_is_not_known(self):
        table = partial_events(make_events([0], [0.3], ["Dog"]), known=[(0, 0.3)])
        targets = events_to_targets(table, ["Dog"], 4, 0.1, duration=0.25)
        np.testing.assert_allclose(targets.ravel(), [1, 1, 1, NAN])

    @pytest.mark.parametrize("table", [DOG, rows((0, 1, "Dog", False))])
    def test_unknown_labels(self, table):
        with pytest.raises(LabelError, match="'Dog' is not among the classes"):
            events_to_targets(table, ["Cat"], 4, 0.1)

    def test_impossible_clock(self):
        with pytest.raises(TimeResolutionError):
            events_to_targets(DOG, ["Dog"], 4, 0.0)


spans = st.lists(
    st.tuples(st.integers(0, 40), st.integers(1, 12)).map(
        lambda span: (span[0] / 8, (span[0] + span[1]) / 8)
    ),
    max_size=5,
)
labelled = st.lists(st.tuples(st.sampled_from("ab"), spans.map(tuple)), max_size=2)


def as_table(found):
    pairs = [(onset, offset, label) for label, own in found for onset, offset in own]
    return make_events(*(zip(*pairs) if pairs else ([], [], [])))


@given(labelled, spans, st.sampled_from([0.125, 0.3, 1.0]), st.booleans())
def test_what_is_known_in_part_agrees_with_the_whole(found, known, resolution, centred):
    table, offset = as_table(found), -resolution / 2 * centred
    n_frames = int(7 / resolution)
    whole = events_to_targets(table, ["a", "b"], n_frames, resolution, offset)
    assert not np.isnan(whole).any()
    assert ((whole >= 0) & (whole <= 1)).all()
    part = events_to_targets(
        partial_events(table, known=known), ["a", "b"], n_frames, resolution, offset
    )
    told = ~np.isnan(part)
    np.testing.assert_allclose(part[told], whole[told], atol=1e-6)
    edges = (np.arange(n_frames + 1) * resolution + offset).clip(0)
    for begin, end in known:  # at the least, frames within one span are told
        assert told[(edges[:-1] >= begin) & (edges[1:] <= end)].all()
    everything = partial_events(table, known=[(0, 100)])
    np.testing.assert_array_equal(
        events_to_targets(everything, ["a", "b"], n_frames, resolution, offset), whole
    )


@given(labelled, st.sampled_from([0.125, 0.3, 1.0]))
def test_targets_of_whole_frames_are_those_of_the_roll(found, resolution):
    table, n_frames = as_table(found), int(7 / resolution)
    targets = events_to_targets(table, ["a", "b"], n_frames, resolution)
    active = events_to_frames(table, ["a", "b"], n_frames, resolution)
    np.testing.assert_array_equal(targets > 1e-5, active)
    seconds = targets.sum(axis=0) * resolution
    for column, label in enumerate("ab"):
        own = sorted(pair for name, pairs in found if name == label for pair in pairs)
        heard = np.zeros(7000, dtype=bool)
        for onset, end in own:
            heard[round(onset * 1000) : round(end * 1000)] = True
        assert seconds[column] == pytest.approx(
            heard[: round(n_frames * resolution * 1000)].sum() / 1000, abs=1e-3
        )
