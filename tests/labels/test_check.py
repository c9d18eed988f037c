"""Every complaint about what users hand in, and every form that is taken."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import BaseEstimator

from sklearn_sed import (
    FeatureArray,
    SeedEnsemble,
    TwoPassSED,
    WeakEventDetector,
    WeakTagger,
)
from sklearn_sed._clips._check import check_clips, check_time_resolution
from sklearn_sed._labels._check import (
    check_class_weight,
    check_tags,
    check_weights,
    warn_odd_names,
    warn_rare_classes,
)
from sklearn_sed.calibration import CalibratedTaggerCV
from sklearn_sed.events import TagArray, make_events, stack_tables
from sklearn_sed.exceptions import (
    AnnotationError,
    ClipError,
    LabelError,
    LabelWarning,
    RareClassWarning,
    TimeResolutionError,
)
from sklearn_sed.model_selection import MultilabelStratifiedKFold

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
            ([["a", ""], ["a"]], r"clip 0: a label is missing \(''\); leave it out"),
            ([["a"], ["a", None]], r"clip 1: a label is missing \(None\); leave it"),
            ([[], -1], "y names no class beside −1 and None; pass an indicator"),
            (["a", -1], r"clip 1: a label is -1 next to 'a'"),
            (["a", 1], r"clip 1: a label is 1 next to 'a'"),
            ([b"a", b"b"], r"clip 0: a label is b'a'"),
        ],
    )
    def test_what_cannot_be_understood(self, y, message):
        with pytest.raises(LabelError, match=message):
            check_tags(y, 2)

    @pytest.mark.parametrize(
        "missing", [None, np.nan, pd.NA, pd.NaT, "", "  ", "\t", np.datetime64("NaT")]
    )
    def test_a_clip_without_a_label_is_named(self, missing):
        vector = np.empty(3, dtype=object)
        vector[:] = ["Dog", missing, "Cat"]
        lists = np.empty(3, dtype=object)
        lists[:] = [["Dog"], [missing], ["Cat", "Dog"]]
        series = pd.Series(["Dog", missing, "Cat"], dtype=object)
        for y in (
            ["Dog", missing, "Cat"],
            vector,
            vector[:, np.newaxis],
            series,
            [["Dog"], [missing], ["Cat"]],
            [{"Dog"}, {missing}, {"Cat"}],
            *([["Dog"], missing, []] for _ in range(missing is not None)),
            lists,
            pd.Series(lists),
        ):
            shown = re.escape(
                repr(missing) if isinstance(missing, str) else str(missing)
            )
            with pytest.raises(
                LabelError,
                match=rf"y, clip 1 has no label \({shown}\); pass \[\] for a clip "
                "without any of the sounds, None for an unlabelled one",
            ):
                check_tags(y, 3)

    @pytest.mark.parametrize("dtype", ["string", "category", "str"])
    def test_columns_of_pandas_with_gaps(self, dtype):
        with pytest.raises(LabelError, match="clip 1 has no label"):
            check_tags(pd.Series(["Dog", None, "Cat"]).astype(dtype), 3)

    def test_missing_marks(self):
        for y in (
            [[np.nan, 1], [0, 1]],
            pd.DataFrame({"Dog": [None, 1], "Cat": [1, 0]}),
        ):
            with pytest.raises(LabelError, match=r"clip 0 holds NaN.* −1 throughout"):
                check_tags(y, 2)

    @pytest.mark.parametrize(
        "y",
        [
            pd.DataFrame([[1, 0], [0, 1]], columns=["Cat", ""]),
            TagArray([[1, 0], [0, 1]], ["Cat", " "]),
            [make_events([0], [1], ["Cat"]), make_events([0], [1], [" "])],
        ],
    )
    def test_classes_without_a_name(self, y):
        with pytest.raises(
            LabelError, match=r"y, clip 1: the name of a class is '.?'; gi"
        ):
            check_tags(y, 2)

    @pytest.mark.parametrize(
        "y",
        [
            [["Dog"], -1, []],
            [["Dog"], [-1], []],
            [{"Dog"}, np.int64(-1), set()],
            pd.Series([["Dog"], -1, []]),
            [["Dog"], np.array([-1]), []],
        ],
    )
    def test_minus_one_in_the_place_of_a_list_is_an_unlabelled_clip(self, y):
        assert check_tags(y, 3).indicator.tolist() == [[1], [-1], [0]]
        tags = check_tags(y, 3, ["Cat", "Dog"])
        assert tags.indicator.tolist() == [[0, 1], [-1, -1], [0, 0]]
        assert tags.labelled.tolist() == [True, False, True]

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
        ],
    )
    def test_tables_that_are_none(self, table, message):
        with pytest.raises(AnnotationError, match=message):
            check_tags([TABLES[0], table], 2)

    @pytest.mark.parametrize(
        "y", [np.array([0.5, 1.5]), np.array([np.nan, 1.0]), [[np.nan, 1], [0, 1]]]
    )
    def test_numbers_that_are_no_labels(self, y):
        with pytest.raises(
            ValueError, match=r"Unknown label type|NaN|no label \(nan\)"
        ):
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
        (
            ["Dog", "Cat,Dog", "Cat"],
            r"'Cat,Dog' may be several .* pass a list of labels",
        ),
        (["Dog;Cat", "Owl"], "'Dog;Cat' may be several labels in one"),
        ([["['Dog'", "'Cat']"], []], r"\"'Cat'\]\", \"\['Dog'\" may be several"),
        ([["Dog|Cat"], ["[]"]], r"'Dog\|Cat', '\[\]' may be several"),
        (["Dog/Cat", "Dog", "cat"], "'Dog/Cat' may be several"),
        (["Cat & Dog", "Dog", "Cat"], "'Cat & Dog' may be several"),
        (
            ["Dog", "dog", "DOG "],
            "'DOG ' and 'Dog' and 'dog' are the same but for case",
        ),
        (["Dog bark", "Dog_bark"], "'Dog bark' and 'Dog_bark' are the same but"),
        (
            ["e\u0301", "\u00e9"],
            "are the same but for case or blanks; write them alike",
        ),
        (["Dog", "nan"], r"'nan' often stand for no label; pass \[\]"),
        (
            pd.DataFrame(INDICATOR, columns=["Dog", "dog"]),
            "'Dog' and 'dog' are the same",
        ),
        ([make_events([0], [1], ["Dog,Cat"])], "'Dog,Cat' may be several labels"),
    ],
)
def test_odd_names_get_one_warning(y, message):
    tags = check_tags(y, len(y))
    with pytest.warns(LabelWarning, match=message) as caught:
        warn_odd_names(y, tags)
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_odd_names(tags, tags)


@pytest.mark.parametrize(
    "y",
    [
        ["Dog", "Dog bark", "Bird (song)"],
        ["A/B", "C"],
        ["Dog's", "R&B", "T. t. x"],
        [1, 2],
    ],
)
def test_fine_names_get_no_warning(y):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_odd_names(y, check_tags(y, len(y)))


def test_every_estimator_warns_of_odd_names_once_and_refuses_gaps():
    X = np.random.default_rng(0).normal(size=(12, 8, 4)).astype("float32")
    y = ["Dog", "Cat,Dog", "Cat"] * 4
    quick = {"max_epochs": 1}
    for estimator in (
        WeakTagger(**quick),
        WeakEventDetector(**quick),
        TwoPassSED(tagger=WeakTagger(**quick), detector=WeakEventDetector(**quick)),
        SeedEnsemble(WeakTagger(**quick), n_estimators=2),
    ):
        with pytest.warns(LabelWarning, match=r"'Cat,Dog' may be") as caught:
            estimator.fit(X, y)
        assert [w.category for w in caught].count(LabelWarning) == 1
        assert caught[0].filename == __file__
    for estimator in (
        *(WeakTagger(), WeakEventDetector(), TwoPassSED(), SeedEnsemble(WeakTagger())),
        CalibratedTaggerCV(WeakTagger(**quick)),
    ):
        for gaps in (["Dog", None, "Cat"] * 4, [["Dog"], [np.nan], ["Cat"]] * 4):
            with pytest.raises(LabelError, match="y, clip 1 has no label"):
                estimator.fit(X, gaps)
    with pytest.raises(LabelError, match="y, clip 1 has no label"):
        next(MultilabelStratifiedKFold(2).split(X, ["Dog", "", "Cat"] * 4))
    tagger = WeakTagger(**quick).fit(X, [["Dog"], -1, ["Cat"]] * 4)
    assert tagger.classes_.tolist() == ["Cat", "Dog"]
    with pytest.raises(LabelError, match="y, clip 1 has no label"):
        tagger.score(X, ["Dog", "", "Cat"] * 4)


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


def test_masked_labels_are_refused():
    y = np.ma.masked_array([[1, 0], [0, 1]], mask=[[0, 0], [0, 1]])
    with pytest.raises(LabelError, match="y has masked entries"):
        check_tags(y, 2)
    assert check_tags(np.ma.masked_array([[1, 0], [0, 1]]), 2).indicator.sum() == 2
