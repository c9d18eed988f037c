"""Event tables, tags, and the arithmetic between time and frames."""

import copy
import io
import pickle
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pandas.testing import assert_frame_equal

from sklearn_sed.events import (
    TagArray,
    check_events,
    events_to_frames,
    frames_to_events,
    frames_to_time,
    from_table,
    is_event_tables,
    make_events,
    stack_tables,
    time_to_frames,
    to_table,
    to_tags,
)
from sklearn_sed.exceptions import AnnotationError, LabelError, TimeResolutionError

RESOLUTIONS = [0.1, 0.02, 512 / 22050, 1 / 3, 0.016, 1.0, 1e-5]


# Building and checking tables


def test_make_events_sorts_by_onset_then_label_then_offset():
    table = make_events(
        [1, 0, 1, 1], [2, 3, 4, 3], ["Dog", "Zebra", "Cat", "Cat"], [0.1, 0.2, 0.3, 0.4]
    )
    assert table.to_dict("list") == {
        "onset": [0.0, 1.0, 1.0, 1.0],
        "offset": [3.0, 3.0, 4.0, 2.0],
        "event_label": ["Zebra", "Cat", "Cat", "Dog"],
        "score": [0.2, 0.4, 0.3, 0.1],
    }
    assert table.index.equals(pd.RangeIndex(4))


@pytest.mark.parametrize("score", [None, []])
def test_empty_table_has_the_columns_and_dtypes_of_a_full_one(score):
    full = make_events([0], [1], ["Dog"], None if score is None else [0.5])
    empty = make_events([], [], [], score)
    assert len(empty) == 0
    assert empty.dtypes.equals(full.dtypes)
    assert empty.index.equals(pd.RangeIndex(0))
    assert pd.concat([empty, full]).dtypes.equals(full.dtypes)


def test_labels_need_not_be_strings():
    assert make_events([1, 0], [2, 2], np.array([10, 9]))["event_label"].tolist() == [
        9,
        10,
    ]


@pytest.mark.parametrize(
    ("onset", "offset", "label", "score", "message"),
    [
        ([0, np.nan], [1, 1], ["a", "b"], None, "event 1: onset is nan"),
        ([0, 1], [1, np.inf], ["a", "b"], None, "event 1: offset is inf"),
        ([-0.5, 1], [1, 2], ["a", "b"], None, "event 0: onset -0.5 is negative"),
        ([0, 2], [1, 1], ["a", "b"], None, "event 1: offset 1.0 lies before onset 2.0"),
        ([0, 1], [1, 2], ["a", "b"], [0.5, np.nan], "event 1: score is nan"),
        ([0, 1], [1, 2], np.array(["a", None]), None, "event 1: event_label is miss"),
        ([0, 1], [1, 2], ["a"], None, "same length"),
        ([[0]], [[1]], [["a"]], None, "1-D"),
    ],
)
def test_impossible_events_are_named(onset, offset, label, score, message):
    with pytest.raises(AnnotationError, match=message):
        make_events(onset, offset, label, score)


def test_check_events_returns_an_object_array_of_the_same_tables():
    tables = [make_events([0], [1], ["Dog"]), make_events([], [], [])]
    for sequence in (tables, tuple(tables), stack_tables(tables), pd.Series(tables)):
        checked = check_events(sequence)
        assert checked.dtype == object
        assert checked.shape == (2,)
        assert checked[0] is tables[0]


def test_check_events_makes_times_float_and_leaves_the_input_alone():
    table = pd.DataFrame({"onset": [0], "offset": [1.5], "event_label": ["Dog"]})
    checked = check_events([table])[0]
    assert checked["onset"].dtype == checked["offset"].dtype == np.float64
    assert checked["offset"][0] == 1.5
    assert table["onset"].dtype.kind == "i"


DOG = make_events([0.0], [1.0], ["Dog"])


@pytest.mark.parametrize(
    "onset",
    [
        pd.Series([1], dtype="Int64"),
        pd.Series([1.0], dtype="Float64"),
        pd.Series([1.0], dtype=np.float32),
        pd.Series([1.0], dtype=object),
        pd.Series([1.0], dtype=pd.SparseDtype(float)),
    ],
)
def test_real_numbers_of_any_dtype_become_float(onset):
    expected = make_events([1.0], [1.0], ["Dog"])
    assert_frame_equal(check_events([DOG.assign(onset=onset)])[0], expected)
    assert_frame_equal(make_events(onset, [1.0], ["Dog"]), expected)


def test_categorical_labels_become_plain_ones():
    tables = [DOG, make_events([0.0], [1.0], ["Cat"])]
    categorical = [table.astype({"event_label": "category"}) for table in tables]
    for table, checked in zip(tables, check_events(categorical)):
        assert_frame_equal(checked, table)
    assert to_tags(categorical).tolist() == [[0, 1], [1, 0]]
    labels = pd.Categorical(["Dog"])
    assert_frame_equal(make_events([0.0], [1.0], labels), DOG)


@pytest.mark.parametrize(
    "values",
    [
        ["1.0"],
        [True],
        [1 + 0j],
        [b"1"],
        [[1.0]],
        pd.to_timedelta([1.0], unit="s"),
        pd.to_datetime(["2020-01-01"]),
        pd.Categorical([1.0]),
    ],
)
@pytest.mark.parametrize("column", ["onset", "offset", "score"])
def test_columns_that_hold_no_real_numbers(values, column):
    table = DOG.assign(score=0.5)
    table[column] = values
    message = f"the column '{column}' holds values of type .*convert it"
    with pytest.raises(AnnotationError, match=f"strong, clip 1: {message}"):
        check_events([DOG, table], name="strong")
    with pytest.raises(AnnotationError, match=f"events: {message}"):
        make_events(**{key: table[key] for key in table})
    with pytest.raises(AnnotationError, match=f"event table: {message}"):
        events_to_frames(table, ["Dog"], 5, 0.1)


def test_missing_numbers_name_the_event():
    onset = pd.Series([0.0, None], dtype="Float64")
    for values in (onset, onset.astype(object), [0.0, None]):
        with pytest.raises(AnnotationError, match="event 1: onset is nan"):
            make_events(values, [1.0, 1.0], ["Dog", "Dog"])
        table = make_events([0.0, 0.0], [1.0, 1.0], ["Dog", "Dog"])
        with pytest.raises(AnnotationError, match="y, clip 0, event 1: onset is nan"):
            check_events([table.assign(onset=values)])


def test_columns_that_are_not_one():
    with pytest.raises(AnnotationError, match="y, clip 1: the column 'onset' appears"):
        check_events([DOG, pd.concat([DOG, DOG["onset"]], axis=1)])
    levels = pd.concat({"site": DOG}, axis=1)
    with pytest.raises(AnnotationError, match="y, clip 0: its columns have 2 levels"):
        check_events([levels])
    with pytest.raises(AnnotationError, match=r"y, clip 0: expected .* got Series"):
        check_events([DOG["onset"], DOG["onset"]])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["Dog", 1], "event 1: event_label is 1 next to 'Dog'"),
        ([2, "Dog"], "event 1: event_label is 'Dog' next to 2"),
        (["Dog", None], "event 1: event_label is missing"),
        (["Dog", np.nan], "event 1: event_label is missing"),
        (["Dog", b"Dog"], "event 1: event_label is b'Dog'; a label is text"),
        (np.array([b"Dog", b"Cat"]), "event 0: event_label is .*b'Dog'.*decode it"),
        (["Dog", ("Dog", "Cat")], r"event 1: event_label is \('Dog', 'Cat'\)"),
        (["Dog", 1j], "event 1: event_label is 1j"),
    ],
)
def test_labels_that_cannot_be_sorted_together(labels, message):
    with pytest.raises(AnnotationError, match=message):
        make_events([0, 0], [1, 1], labels)
    table = pd.DataFrame({"onset": 0.0, "offset": 1.0, "event_label": list(labels)})
    for use in (check_events, to_tags):
        with pytest.raises(AnnotationError, match=f"clip 1, {message}"):
            use([DOG, table])


def test_names_in_one_clip_and_numbers_in_another():
    numbered = make_events([0.0], [1.0], [3])
    for use in (check_events, to_tags):
        with pytest.raises(
            AnnotationError, match="clip 2: its labels are such as 3, t"
        ):
            use([make_events([], [], []), DOG, numbered])


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (["Dog", 1], "classes, entry 1 is 1 next to 'Dog'"),
        (["Dog", None], "classes, entry 1 is None"),
        (["Dog", np.nan], "classes, entry 1 is"),
        ([1.0, np.nan], "classes, entry 1 is NaN"),
        ([b"Dog"], "classes, entry 0 is b'Dog'; .*decode it"),
        ([["Dog"]], r"classes, entry 0 is \['Dog'\]"),
        (["Dog", "Dog"], "classes must be distinct, got 'Dog' more than once"),
        ("Dog", "classes must be a sequence of class names, got 'Dog'"),
        (3, "classes must be a sequence of class names, got 3"),
    ],
)
def test_lists_of_classes(classes, message):
    with pytest.raises(LabelError, match=message):
        to_tags([DOG], classes)


@pytest.mark.parametrize(
    ("events", "message"),
    [
        (DOG, "strong: expected one event table per clip, got a single table"),
        ("Dog", "strong: expected a sequence of event tables, got str"),
        ([DOG, None], "strong, clip 1: expected an event table .*NoneType"),
        ([DOG.drop(columns="offset")], "strong, clip 0: the column 'offset' is missin"),
        ([DOG, DOG.assign(onset=2.0)], "strong, clip 1, event 0: offset 1.0 lies bef"),
        ([DOG.assign(onset="soon")], "strong, clip 0: .* real numbers"),
        ([DOG.assign(event_label=None)], "strong, clip 0, event 0: event_label is mis"),
        ([DOG.assign(score=np.nan)], "strong, clip 0, event 0: score is nan"),
    ],
)
def test_check_events_names_clip_and_event(events, message):
    with pytest.raises(AnnotationError, match=message):
        check_events(events, name="strong")


@pytest.mark.parametrize(
    ("y", "strong"),
    [
        ([DOG], True),
        ((DOG, DOG), True),
        (stack_tables([DOG]), True),
        (pd.Series([DOG]), True),
        ([DOG, None], True),
        (DOG, False),
        ([], False),
        ([["Dog"], []], False),
        (np.zeros((3, 2)), False),
        (np.array(["Dog", "Cat"]), False),
        (np.array([["Dog"], ["Cat"]], dtype=object), False),
        (None, False),
    ],
)
def test_is_event_tables(y, strong):
    assert is_event_tables(y) is strong


def test_stacked_tables_survive_indexing_and_pickling():
    events = stack_tables([DOG, make_events([], [], []), DOG])
    kept = pickle.loads(pickle.dumps(events))[np.array([True, False, True])]
    assert kept.shape == (2,)
    assert_frame_equal(kept[1], DOG)


# Tags and long tables


def test_to_tags_sorts_the_labels_that_occur():
    events = [
        make_events([0, 1, 2], [1, 2, 3], ["Dog", "Cat", "Dog"]),
        make_events([], [], []),
        make_events([0], [1], ["Speech"]),
    ]
    tags = to_tags(events)
    assert tags.dtype.kind == "i"
    assert tags.tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 1]]
    assert to_tags(events, classes=["Speech", "Bell", "Dog", "Cat"]).tolist() == [
        [0, 0, 1, 1],
        [0, 0, 0, 0],
        [1, 0, 0, 0],
    ]


def test_to_tags_refuses_an_unknown_label():
    with pytest.raises(LabelError, match=r"clip 1: the label 'Dog' .*\(Cat\)"):
        to_tags([make_events([], [], []), DOG], classes=["Cat"])


def test_to_table_joins_in_the_order_of_the_clips():
    table = to_table(
        ["b.wav", "empty.wav", "a.wav"],
        [DOG, make_events([], [], []), make_events([2, 1], [3, 3], ["Cat", "Cat"])],
    )
    assert table.columns.tolist() == ["filename", "onset", "offset", "event_label"]
    assert table["filename"].tolist() == ["b.wav", "a.wav", "a.wav"]
    assert table["onset"].tolist() == [0.0, 1.0, 2.0]
    assert table.index.equals(pd.RangeIndex(3))


@pytest.mark.parametrize("events", [[], [make_events([], [], [])]])
def test_to_table_without_events_keeps_its_columns(events):
    table = to_table([f"{clip}.wav" for clip in range(len(events))], events)
    full = to_table(["a.wav"], [DOG])
    assert len(table) == 0
    assert table.dtypes.equals(full.dtypes)


def test_to_table_keeps_scores_and_further_columns():
    scored = make_events([0], [1], ["Dog"], [0.25])
    table = to_table(["a", "b"], [scored.assign(low_freq=100.0), scored])
    assert table.columns.tolist()[3:] == ["event_label", "score", "low_freq"]
    assert table["score"].tolist() == [0.25, 0.25]
    assert table["low_freq"].isna().tolist() == [False, True]
    # A clip without events has nothing to score.
    assert "score" in to_table(["a", "b"], [scored, make_events([], [], [])])


def test_to_table_refuses_what_does_not_fit_together():
    with pytest.raises(AnnotationError, match="2 filenames for 1 event tables"):
        to_table(["a", "b"], [DOG])
    with pytest.raises(AnnotationError, match=r"clip 0: .* no score while .* clip 1"):
        to_table(["a", "b"], [DOG, DOG.assign(score=0.5)])


# Time and frames


@pytest.mark.parametrize("time_resolution", RESOLUTIONS)
def test_frame_times_are_their_own_frames(time_resolution):
    frames = np.arange(100_000)
    seconds = frames_to_time(frames, time_resolution)
    for side in ("onset", "offset"):
        assert (time_to_frames(seconds, time_resolution, side=side) == frames).all()
        # As read from a file written to the microsecond.
        if time_resolution > 1e-4:
            written = np.round(seconds, 6)
            assert (time_to_frames(written, time_resolution, side=side) == frames).all()


def test_time_to_frames_by_hand():
    assert time_to_frames(0.3, 0.1) == 3  # 0.3 / 0.1 is 2.9999999999999996
    assert time_to_frames(0.3, 0.1, side="offset") == 3
    assert time_to_frames(0.31, 0.1) == 3
    assert time_to_frames(0.31, 0.1, side="offset") == 4
    assert time_to_frames([0.0], 0.1, side="offset").tolist() == [0]
    # centred frames: frame 3 lasts from 0.25 to 0.35
    assert frames_to_time([0, 3], 0.1, -0.05).tolist() == pytest.approx([-0.05, 0.25])
    assert time_to_frames([0, 0.25, 0.3], 0.1, time_offset=-0.05).tolist() == [0, 3, 3]
    assert time_to_frames(0.3, 0.1, "offset", -0.05) == 4
    with pytest.raises(ValueError, match="side must be 'onset' or 'offset'"):
        time_to_frames(0.3, 0.1, side="middle")


@pytest.mark.parametrize("time_resolution", [0, -1, np.nan, np.inf, None, "fast"])
def test_impossible_time_resolutions(time_resolution):
    with pytest.raises(TimeResolutionError, match="positive number of seconds"):
        frames_to_time(1, time_resolution)


rolls = hnp.arrays(
    bool, st.tuples(st.integers(1, 60), st.integers(1, 4)), elements=st.booleans()
)


@given(
    rolls,
    st.sampled_from(RESOLUTIONS),
    st.floats(0.01, 1.0),
    st.sampled_from([-0.5, -0.01, 0.0, 0.3, 2.0]),
)
def test_roll_to_events_and_back(active, time_resolution, part_of_last_frame, shift):
    n_frames, n_classes = active.shape
    classes = [f"class {index}" for index in range(n_classes)]
    start = shift * time_resolution
    duration = max(start, 0) + (n_frames - 1 + part_of_last_frame) * time_resolution
    rounds = part_of_last_frame * time_resolution < 1.001e-6
    for end in (None, duration):
        events = frames_to_events(
            active, time_resolution, classes, end, time_offset=start
        )
        back = events_to_frames(events, classes, n_frames, time_resolution, start)
        assert (back == active).all() or (end is not None and rounds)
        last = start + n_frames * time_resolution
        assert (events["offset"] <= last + 1e-9).all()
        assert (events["onset"] >= max(start, 0)).all()
        if end is not None:
            assert (events["offset"] <= end).all()
        check_events([events])


@given(rolls, st.sampled_from([0.1, 512 / 22050]))
def test_events_of_a_class_never_touch(active, time_resolution):
    classes = list(range(active.shape[1]))
    events = frames_to_events(active, time_resolution, classes)
    for _, runs in events.groupby("event_label"):
        gaps = runs["onset"].to_numpy()[1:] - runs["offset"].to_numpy()[:-1]
        assert (gaps > time_resolution / 2).all()


@given(
    st.lists(
        st.tuples(st.floats(0, 12), st.floats(0, 3), st.sampled_from("ab")), max_size=8
    ),
    st.sampled_from([0.1, 512 / 22050, 1.0]),
)
def test_a_frame_is_active_where_an_event_overlaps_it(drawn, time_resolution):
    n_frames = int(10 / time_resolution)
    onset = [start for start, _, _ in drawn]
    offset = [start + length for start, length, _ in drawn]
    labels = [label for _, _, label in drawn]
    events = make_events(onset, offset, labels)
    active = events_to_frames(events, ["a", "b"], n_frames, time_resolution)
    begin = np.arange(n_frames)[:, None] * time_resolution
    for index, label in enumerate("ab"):
        chosen = events[events["event_label"] == label]
        overlap = (
            np.minimum(begin + time_resolution, chosen["offset"].to_numpy())
            - np.maximum(begin, chosen["onset"].to_numpy())
        ).max(axis=1, initial=-1.0)
        # Within rounding error of the tolerance either answer is right.
        certain = np.abs(overlap - 1e-6) > 1e-9
        assert (active[certain, index] == (overlap > 1e-6)[certain]).all()


def test_events_to_frames_refuses_an_unknown_label():
    with pytest.raises(LabelError, match="the label 'Dog' is not among the classes"):
        events_to_frames(DOG, ["Cat"], 10, 0.1)


def test_an_event_without_extent_activates_no_frame():
    events = make_events([0.25, 0.5], [0.25, 0.5], ["Dog", "Dog"])
    assert not events_to_frames(events, ["Dog"], 10, 0.1).any()


def test_frames_beyond_the_duration_give_no_event():
    active = np.ones((5, 1), dtype=bool)
    active[3] = False
    events = frames_to_events(active, 0.1, ["Dog"], duration=0.25)
    assert events.to_dict("list") == {
        "onset": [0.0],
        "offset": [0.25],
        "event_label": ["Dog"],
    }
    scored = frames_to_events(active, 0.1, ["Dog"], duration=0.25, score=active)
    assert scored["score"].tolist() == [1.0]


def test_event_scores_are_the_mean_over_the_frames():
    score = np.array([[0.9, 0.1], [0.7, 0.8], [0.2, 0.6], [0.3, 0.4]], dtype=np.float32)
    active = np.array([[1, 0], [1, 1], [0, 1], [1, 1]], dtype=bool)
    events = frames_to_events(active, 0.5, ["Dog", "Cat"], score=score)
    assert events["event_label"].tolist() == ["Dog", "Cat", "Dog"]
    np.testing.assert_allclose(events["score"], [0.8, 0.6, 0.3], atol=1e-7)


def test_no_active_frame_gives_an_empty_scored_table():
    for n_frames in (0, 3):
        roll = np.zeros((n_frames, 2), dtype=bool)
        events = frames_to_events(roll, 0.1, ["a", "b"], score=roll)
        assert len(events) == 0
        assert events.columns.tolist() == ["onset", "offset", "event_label", "score"]


def test_shapes_must_agree():
    with pytest.raises(ValueError, match=r"active must have the shape \(n_frames, 2\)"):
        frames_to_events(np.zeros((3, 1)), 0.1, ["a", "b"])
    with pytest.raises(ValueError, match=r"score must have the shape of active"):
        frames_to_events(np.zeros((3, 1)), 0.1, ["a"], score=np.zeros(3))


def test_tags_keep_the_names_of_their_classes():
    tags = TagArray(np.eye(3, dtype=int), ["a", "b", "c"])
    for same in (
        tags[1:],
        tags[[2, 0]],
        tags[[True, False, True]],
        tags[[0, 1], ...],
        tags[1:, :],
        tags.copy(),
        tags.astype(np.int8),
        tags == 1,
        pickle.loads(pickle.dumps(tags)),
        tags.view(),
        copy.deepcopy(tags),
        tags[[1]][0:],
        1 - tags,
        np.where(tags == 1, tags, -1),
        np.vstack([tags, tags[:1]]),
        np.concatenate([tags, tags]),
        np.concatenate(
            [np.full((2, 3), -1), tags, TagArray([[-1] * 3], ["x", "y", "z"])]
        ),
        np.append(tags, tags, axis=0),
        joblib.Parallel(2)(joblib.delayed(np.negative)(tags) for _ in "a")[0],
    ):
        assert same.classes.tolist() == ["a", "b", "c"]
    other_names = TagArray(tags, ["c", "b", "a"])
    for other in (
        tags[0],
        tags[:, 0],
        tags[:, ::-1],
        tags[..., ::-1],
        tags[:, [2, 0, 1]],
        tags[[0, 1, 2], [2, 0, 1]],
        tags[tags == 1],
        tags.T,
        tags.mT,
        tags.swapaxes(0, 1),
        tags.take([2, 0, 1], axis=1),
        np.take(tags, [2, 0, 1], axis=1),
        np.roll(tags, 1, axis=1),
        np.flip(tags, 1),
        np.flip(tags),
        np.fliplr(tags),
        np.delete(tags, 0, axis=1),
        np.sort(tags, axis=1),
        np.rot90(tags),
        np.repeat(tags, 1, axis=1),
        np.split(tags, [1], axis=1)[1],
        np.hstack([tags, tags]),
        np.concatenate([tags, other_names]),
        np.vstack([tags, np.eye(3, dtype=int)]),
        tags + other_names,
        np.eye(3, dtype=int) @ tags @ np.eye(3, dtype=int)[::-1],
    ):
        assert getattr(other, "classes", None) is None
    assert joblib.hash(tags) == joblib.hash(tags.copy()) != joblib.hash(other_names)
    assert tags.sum(axis=0).tolist() == [1, 1, 1]
    with pytest.raises(LabelError, match="one class for each column"):
        TagArray([[1, 0]], ["a"])


# Long tables --------------------------------------------------------------------------


def test_a_long_table_splits_into_what_it_was_joined_of():
    events = stack_tables(
        [
            make_events([2, 0], [3, 1], ["Cat", "Dog"], [0.5, 0.75]),
            make_events([1, 1, 1], [2, 2, 1.5], ["b", "a", "b"], [0.1, 0.2, 0.3]),
        ]
    )
    long = to_table(["b.wav", "a.wav"], events).assign(snr=[1.0, 2.0, 3.0, 4.0, 5.0])
    names, tables = from_table(long.sample(frac=1, random_state=0)[::-1])
    assert sorted(names) == ["a.wav", "b.wav"]
    names, tables = from_table(long)
    assert names == ["b.wav", "a.wav"]
    for ours, theirs in zip(tables, events):
        assert_frame_equal(ours.drop(columns="snr"), theirs)
    assert tables[1]["snr"].tolist() == [3.0, 4.0, 5.0]
    assert_frame_equal(to_table(names, tables), long)


def test_long_tables_align_to_the_clips_wanted():
    long = to_table(["x/a.wav", "b.wav"], [make_events([0], [1], ["Dog"])] * 2)
    names, tables = from_table(long, [Path("c.wav"), "a.flac", "b"])
    assert names == [Path("c.wav"), "a.flac", "b"]
    assert [len(table) for table in tables] == [0, 1, 1]
    with pytest.warns(
        UserWarning, match=r"table: the events of 1 .* out: b\.wav"
    ) as caught:
        from_table(long, ["a.wav"])
    assert caught[0].filename == __file__
    names, tables = from_table(long[:0])
    assert (names, tables.shape) == ([], (0,))
    assert [len(table) for table in from_table(long[:0], ["a"])[1]] == [0]


def test_long_tables_as_pandas_reads_them():
    """Clips without events are rows with a name alone; columns come in any order."""
    text = "event_label,score,filename,offset,onset\nDog,,a.wav,1,0\n,,b.wav,,\n"
    names, (dog, none) = from_table(pd.read_csv(io.StringIO(text)))
    assert names == ["a.wav", "b.wav"]
    assert_frame_equal(dog, make_events([0], [1], ["Dog"]))
    assert_frame_equal(none, make_events([], [], []), check_dtype=False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"filename": ["a", None]}, "table, row 1: filename is missing"),
        ({"offset": [1.0, -1.0]}, "table, event 1: offset -1.0 lies before onset 0.0"),
        ({"offset": [1.0, np.nan]}, "table, event 1: offset is nan"),
        ({"event_label": ["Dog", None]}, "table, event 1: event_label is missing"),
        ({"score": [0.5, np.nan]}, "table, event 1: score is nan"),
    ],
)
def test_faults_in_long_tables(change, message):
    long = to_table(["a", "b"], [make_events([0], [1], ["Dog"])] * 2)
    with pytest.raises(AnnotationError, match=message):
        from_table(long.assign(**change))
    for table in (long.drop(columns="filename"), [long]):
        with pytest.raises(
            AnnotationError, match="expected a DataFrame with the column"
        ):
            from_table(table)
    with pytest.raises(AnnotationError, match="the column 'onset' is missing"):
        from_table(long.drop(columns="onset"))
