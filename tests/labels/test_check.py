"""Every complaint about what users hand in, and every form that is taken."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import BaseEstimator

from sklearn_sed import FeatureArray
from sklearn_sed._clips._check import check_clips, check_time_resolution
from sklearn_sed._labels._check import (
    check_class_weight,
    check_tags,
    check_weights,
    warn_rare_classes,
)
from sklearn_sed.events import TagArray, make_events, stack_tables
from sklearn_sed.exceptions import (
    AnnotationError,
    ClipError,
    LabelError,
    RareClassWarning,
    TimeResolutionError,
)

TABLES = stack_tables(
    [make_events([0, 1], [1, 2], ["Dog", "Cat"]), make_events([], [], [])]
)
INDICATOR = [[1, 1], [0, 0]]


def clips(X, **kwargs):
    return check_clips(X, BaseEstimator(), reset=True, **kwargs)


class TestClips:
    @pytest.mark.parametrize(
        ("X", "n_frames"),
        [
            (np.zeros((3, 5, 4)), [5, 5, 5]),
            (np.zeros((3, 4), dtype=np.int16), [1, 1, 1]),
            ([[0.0, 1.0, 2.0, 3.0]] * 2, [1, 1]),
            ([np.zeros((2, 4)), np.zeros((7, 4))], [2, 7]),
            ((np.zeros((2, 4)), np.zeros((2, 4))), [2, 2]),
            (np.zeros((1, 5, 4)).tolist(), [5]),
            (pd.DataFrame(np.zeros((3, 4))), [1, 1, 1]),
            ([pd.DataFrame(np.zeros((3, 4)))], [3]),
        ],
    )
    def test_forms(self, X, n_frames):
        found = clips(X)
        assert found.n_frames.tolist() == n_frames
        assert found.n_mels == 4
        assert [clip.shape for clip in found.clips] == [(n, 4) for n in n_frames]

    def test_object_array_of_matrices(self):
        X = np.empty(2, dtype=object)
        X[:] = [np.zeros((2, 4)), np.zeros((3, 4))]
        assert clips(X).n_frames.tolist() == [2, 3]

    def test_memory_map_is_not_loaded(self, tmp_path):
        X = np.lib.format.open_memmap(
            tmp_path / "x.npy", mode="w+", dtype=np.float32, shape=(4, 3, 2)
        )
        found = clips(X)
        assert np.shares_memory(found.clips, X)

    @pytest.mark.parametrize(
        ("X", "message"),
        [
            ([], "at least one clip"),
            (np.zeros((0, 4)), "0 sample"),
            (np.zeros((0, 5, 4)), "0 clips, frames or bands"),
            (np.zeros((2, 3, 4, 5)), r"at most three dimensions"),
            (np.zeros(4), "Reshape your data"),
            (np.zeros((2, 3, 4), dtype=complex), "Complex data not supported"),
        ],
    )
    def test_whole_of_the_wrong_form(self, X, message):
        with pytest.raises(ValueError, match=message):
            clips(X)

    def test_a_single_clip_is_not_a_batch(self):
        X = FeatureArray(np.zeros((3, 5, 4)), 0.02, [0.1] * 3)
        with pytest.raises(ValueError, match=r"single clip: pass .* X\[np\.newaxis\]"):
            clips(X[0])
        for batch in (X[:1], X[0][np.newaxis]):
            found = clips(batch)
            assert len(found) == 1
            assert found.time_resolution == 0.02
            assert found.durations.tolist() == [0.1]

    def test_a_list_of_features_has_their_clock(self):
        X = FeatureArray(np.zeros((3, 5, 4)), 0.02, [0.1, 0.2, 0.3])
        found = clips([X[2], X[0]])
        assert found.time_resolution == 0.02
        assert found.durations.tolist() == [0.3, 0.1]
        found = clips([X[2], np.zeros((5, 4))])
        assert found.time_resolution is None
        assert found.durations is None
        faster = FeatureArray(np.zeros((5, 4)), 0.01)
        with pytest.raises(ClipError, match=r"clip 1: its frames last 0\.01 s"):
            clips([X[0], faster])

    @pytest.mark.parametrize(
        ("bad", "message"),
        [
            (np.zeros((3, 5)), "has 5 bands where others have 4"),
            (np.zeros((0, 4)), "has no frames"),
            (np.full((3, 4), np.nan), "NaN or infinity"),
            (np.full((3, 4), np.inf), "NaN or infinity"),
            (np.zeros((1, 3, 4)), r"shape \(1, 3, 4\)"),
            (np.full((3, 4), "x"), "pass real numbers"),
        ],
    )
    def test_one_bad_clip_is_named(self, bad, message):
        with pytest.raises(ClipError, match=message) as error:
            clips([np.zeros((2, 4)), bad])
        assert error.value.clip == 1

    def test_other_number_of_bands_than_in_fit(self):
        estimator = BaseEstimator()
        check_clips(np.zeros((2, 3, 4)), estimator, reset=True)
        with pytest.raises(ValueError, match="X has 5 features, but BaseEstimator"):
            check_clips(np.zeros((2, 3, 5)), estimator, reset=False)


class TestTags:
    @pytest.mark.parametrize(
        ("y", "classes"),
        [
            (INDICATOR, [0, 1]),
            (np.array(INDICATOR, dtype=bool), [0, 1]),
            (np.array(INDICATOR, dtype=float), [0, 1]),
            (sparse.csr_array(np.array(INDICATOR)), [0, 1]),
            (pd.DataFrame(INDICATOR, columns=["Cat", "Dog"]), ["Cat", "Dog"]),
            ([["Dog", "Cat"], []], ["Cat", "Dog"]),
            ([{"Dog", "Cat"}, set()], ["Cat", "Dog"]),
            ([("Dog", "Cat"), ()], ["Cat", "Dog"]),
            (pd.Series([["Dog", "Cat"], []]), ["Cat", "Dog"]),
            (TABLES, ["Cat", "Dog"]),
            (TagArray(INDICATOR, ["Cat", "Dog"]), ["Cat", "Dog"]),
            (list(TABLES), ["Cat", "Dog"]),
            ([[7, 3], []], [3, 7]),
        ],
    )
    def test_forms(self, y, classes):
        tags = check_tags(y, 2)
        assert tags.indicator.tolist() == INDICATOR
        assert tags.classes.tolist() == classes
        assert not tags.single

    @pytest.mark.parametrize(
        "y", [["b", "a", "b"], np.array([5, 2, 5]), pd.Series(["b", "a", "b"])]
    )
    def test_one_label_per_clip(self, y):
        tags = check_tags(y, 3)
        assert tags.single
        assert tags.indicator.tolist() == [[0, 1], [1, 0], [0, 1]]

    def test_object_array_of_label_lists(self):
        y = np.empty(2, dtype=object)
        y[:] = [["Dog"], ["Cat"]]
        assert check_tags(y, 2).classes.tolist() == ["Cat", "Dog"]

    def test_rows_of_minus_one_are_unlabelled(self):
        tags = check_tags([[-1, -1], [0, 1]], 2)
        assert tags.indicator.tolist() == [[-1, -1], [0, 1]]

    def test_known_classes_order_the_columns(self):
        frame = pd.DataFrame([[1, 0]], columns=["Dog", "Cat"])
        assert check_tags(frame, 1, ["Cat", "Dog"]).indicator.tolist() == [[0, 1]]
        assert check_tags([["Dog"]], 1, ["Cat", "Dog"]).indicator.tolist() == [[0, 1]]
        assert check_tags(TABLES, 2, ["Dog", "Cat", "Owl"]).indicator.tolist() == [
            [1, 1, 0],
            [0, 0, 0],
        ]

    @pytest.mark.parametrize(
        ("y", "message"),
        [
            (None, "target y is None"),
            ([["Dog"]], "2 clips and y has 1 entries"),
            ([[0, 2], [1, 0]], "clip 0.*2"),
            ([[0, -1], [1, 0]], "clip 0"),
            ([["Dog"], "Cat"], "clip 1: 'Cat' is not a list or set"),
            (np.array([["a", "b"], ["c", "d"]]), "pass numbers 0 and 1"),
            ([[], []], "names no class: all of its 2 entries are empty"),
            ([TABLES[1], TABLES[1]], "check that its filenames"),
            (np.zeros((2, 0)), "names no class"),
            (np.zeros((2, 3, 4)), r"shape \(2, 3, 4\); pass the labels of each clip"),
            ("ab", r"shape \(\); pass the labels of each clip"),
            ([["a"], [1]], r"clip 1: a label is 1 next to 'a'"),
            ([["a"], {b"a"}], r"clip 1: a label is b'a'.*decode"),
            ([["a"], [None]], r"clip 1: a label is None"),
            ([["a"], [np.nan]], r"clip 1: a label is NaN"),
            ([["a", ""], ["a"]], r"clip 0: a label is missing"),
            (["a", 1], r"clip 1: a label is 1 next to 'a'"),
            ([b"a", b"b"], r"clip 0: a label is b'a'"),
            (pd.Series(["a", None]), r"clip 1: a label is"),
        ],
    )
    def test_what_cannot_be_understood(self, y, message):
        with pytest.raises(LabelError, match=message):
            check_tags(y, 2)

    def test_no_labels_at_all(self):
        with pytest.raises(LabelError, match="at least one clip"):
            check_tags([], 0)

    def test_clips_without_labels_where_classes_are_known(self):
        for y in ([[], []], [(), ()], [set(), set()], [TABLES[1], TABLES[1]]):
            assert check_tags(y, 2, ["Cat", "Dog"]).indicator.tolist() == [[0, 0]] * 2

    @pytest.mark.parametrize(
        ("table", "message"),
        [
            (TABLES[0].drop(columns="event_label"), "clip 1: the column 'event_label'"),
            (TABLES[0].drop(columns="onset"), "clip 1: the column 'onset'"),
            (None, "clip 1: expected an event table"),
        ],
    )
    def test_tables_that_are_none(self, table, message):
        with pytest.raises(AnnotationError, match=message):
            check_tags([TABLES[0], table], 2)

    @pytest.mark.parametrize(
        "y", [np.array([0.5, 1.5]), np.array([np.nan, 1.0]), [[np.nan, 1], [0, 1]]]
    )
    def test_numbers_that_are_no_labels(self, y):
        with pytest.raises(ValueError, match=r"Unknown label type|NaN"):
            check_tags(y, 2)

    @pytest.mark.parametrize(
        "y",
        [
            [["Owl"], []],
            [{"Owl"}, set()],
            ["Owl", "Dog"],
            stack_tables([make_events([0], [1], ["Owl"]), TABLES[1]]),
            pd.DataFrame(INDICATOR, columns=["Owl", "Dog"]),
            TagArray(INDICATOR, ["Owl", "Dog"]),
            [[1, 0, 1], [0, 0, 0]],
        ],
    )
    def test_unknown_labels(self, y):
        with pytest.raises(LabelError, match=r"Owl|3 columns"):
            check_tags(y, 2, ["Cat", "Dog"])

    @given(st.lists(st.sets(st.sampled_from("abcde")), min_size=1).filter(any))
    def test_every_form_means_the_same(self, sets):
        tags = check_tags(sets, len(sets))
        frame = pd.DataFrame(tags.indicator, columns=tags.classes)
        lists = [sorted(labels) for labels in sets]
        tables = [make_events([0.0] * len(s), [1.0] * len(s), sorted(s)) for s in sets]
        for other in (frame, lists, tables):
            same = check_tags(other, len(sets), tags.classes)
            assert same.indicator.tolist() == tags.indicator.tolist()


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([[1, 0], [0, 0]], r"\[1\] never occur"),
        ([[1, 0], [1, 1]], r"\[0\] always occur"),
    ],
)
def test_rare_classes_are_named(y, message):
    with pytest.warns(RareClassWarning, match=message):
        warn_rare_classes(check_tags(y, 2))


def test_weights():
    assert check_weights(None, 2).tolist() == [1, 1]
    with pytest.raises(ValueError, match="at least one non-zero"):
        check_weights([0, 0], 2)
    with pytest.raises(ValueError, match="sample_weight"):
        check_weights([1, 1, 1], 2)
    with pytest.raises(ValueError, match=r"[Nn]egative"):
        check_weights([1, -1], 2)


def test_class_weight():
    tags = check_tags([["a"], ["a", "b"], ["a"], []], 4)
    assert check_class_weight(None, tags) is None
    assert check_class_weight("balanced", tags).tolist() == [0.5, 1.5]
    assert check_class_weight({"b": 10}, tags).tolist() == [1, 10]
    assert check_class_weight([2, 3], tags).tolist() == [2, 3]
    with pytest.raises(LabelError, match="'c' is unknown"):
        check_class_weight({"c": 10}, tags)
    with pytest.raises(ValueError, match="one weight for each of the 2 classes"):
        check_class_weight([1, 2, 3], tags)


def test_time_resolution():
    assert check_time_resolution(None, 0.02) == 0.02
    assert check_time_resolution(0.5, 0.02) == 0.5
    with pytest.raises(TimeResolutionError, match="hop_length / sample_rate"):
        check_time_resolution(None, None)
