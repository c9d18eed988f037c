"""Per-class tag thresholds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import f1_score

from sklearn_sed._labels._thresholds import tag_thresholds


def class_f1(truth, scores, threshold):
    estimated = scores > threshold
    total = truth.sum() + estimated.sum()
    return 2 * (truth & estimated).sum() / total if total else 0.0


# Few distinct values, so that scores are often tied; neighbouring floats; the ends.
score_values = st.sampled_from(
    [0.0, 5e-324, 0.1, 0.3, np.nextafter(0.3, 1), 0.5, 0.7, np.nextafter(1, 0), 1.0]
)


@st.composite
def one_class(draw):
    n_clips = draw(st.integers(2, 12))
    truth = draw(hnp.arrays(bool, n_clips))
    scores = draw(hnp.arrays(np.float64, n_clips, elements=score_values))
    return truth, scores


@given(one_class())
@settings(max_examples=300, deadline=None)
def test_f1_is_the_best_there_is(problem):
    truth, scores = problem
    threshold = tag_thresholds(truth[:, None].astype(int), scores[:, None])[0]
    assert 0 <= threshold <= 1
    if not truth.any() or truth.all():
        assert threshold == 0.5
        return
    # Every set of positives that a threshold within 0..1 can give.
    brute_force = max(class_f1(truth, scores, t) for t in [0.0, *scores])
    assert class_f1(truth, scores, threshold) == brute_force


@given(
    st.integers(1, 4).flatmap(
        lambda n: st.tuples(
            hnp.arrays(np.int64, (9, n), elements=st.integers(0, 1)),
            hnp.arrays(np.float64, (9, n), elements=st.floats(0, 1)),
        )
    ),
    st.sampled_from(["annealing", "roc", "mean_prf"]),
)
@settings(max_examples=60, deadline=None)
def test_no_other_method_beats_f1(problem, method):
    y_true, y_proba = problem
    telling = y_true.any(axis=0) & ~y_true.all(axis=0)
    other = tag_thresholds(y_true, y_proba, method=method, random_state=0)
    assert ((other >= 0) & (other <= 1)).all()
    assert (other[~telling] == 0.5).all()
    exact = tag_thresholds(y_true, y_proba)
    for column in np.flatnonzero(telling):
        truth, scores = y_true[:, column] > 0, y_proba[:, column]
        best = class_f1(truth, scores, exact[column])
        assert class_f1(truth, scores, other[column]) <= best


def test_the_middle_of_the_gap_nearest_to_one_half():
    y_true = [[1], [1], [0], [0]]
    assert tag_thresholds(y_true, [[0.9], [0.8], [0.2], [0.1]]) == 0.5
    assert tag_thresholds(y_true, [[0.9], [0.8], [0.6], [0.1]]) == pytest.approx(0.7)
    # One clip accepted or all of them: F1 = 2/3. 0.85 is nearer to 0.5 than 0.1 is.
    y_true, y_proba = [[1], [0], [0], [1]], [[0.9], [0.8], [0.7], [0.2]]
    assert class_f1(np.array(y_true) > 0, np.array(y_proba), 0.85) == 2 / 3
    assert class_f1(np.array(y_true) > 0, np.array(y_proba), 0.1) == 2 / 3
    assert tag_thresholds(y_true, y_proba) == pytest.approx(0.85)


def test_all_clips_positive_is_a_cut_below_the_lowest_score():
    # The one negative clip scores highest: the best is to accept every clip.
    threshold = tag_thresholds([[0], [1], [1], [1]], [[0.9], [0.6], [0.6], [0.4]])
    assert threshold == pytest.approx(0.2)


def test_a_score_of_zero_is_never_positive():
    threshold = tag_thresholds([[0], [1], [1]], [[0.4], [0.0], [0.0]])
    assert threshold >= 0


def test_macro_f1_is_the_mean_of_the_best_of_each_class():
    rng = np.random.default_rng(0)
    y_true = rng.integers(0, 2, (60, 4))
    y_proba = np.clip(0.4 * y_true + rng.uniform(0, 0.7, y_true.shape), 0, 1)
    scores = {
        method: f1_score(
            y_true,
            y_proba > tag_thresholds(y_true, y_proba, method=method, random_state=1),
            average="macro",
        )
        for method in ("f1", "annealing", "roc", "mean_prf")
    }
    assert scores["f1"] == max(scores.values())
    half = f1_score(y_true, y_proba > 0.5, average="macro")
    assert half <= scores["annealing"] <= scores["f1"]


def test_unlabelled_clips_are_ignored():
    y_true = np.array([[1, 0], [0, 1], [1, 1], [0, 0]])
    y_proba = np.array([[0.9, 0.2], [0.3, 0.8], [0.6, 0.7], [0.1, 0.4]])
    more = np.vstack([y_true, [[-1, -1]] * 2]), np.vstack([y_proba, [[0.45, 0.55]] * 2])
    np.testing.assert_array_equal(
        tag_thresholds(*more), tag_thresholds(y_true, y_proba)
    )


@pytest.mark.parametrize("method", ["f1", "annealing", "roc", "mean_prf"])
def test_classes_that_say_nothing_get_one_half(method):
    y_true = [[0, 1], [0, 1], [0, 1]]
    y_proba = [[0.1, 0.2], [0.9, 0.9], [0.3, 0.3]]
    np.testing.assert_array_equal(
        tag_thresholds(y_true, y_proba, method=method), [0.5, 0.5]
    )
    unlabelled = np.full((3, 2), -1)
    np.testing.assert_array_equal(
        tag_thresholds(unlabelled, y_proba, method=method), [0.5, 0.5]
    )


def test_roc_takes_the_point_farthest_above_the_diagonal():
    y_true = np.array([[1], [1], [0], [1], [0], [0]])
    y_proba = np.array([[0.9], [0.8], [0.7], [0.6], [0.4], [0.2]])
    # Above 0.75: 2/3 - 0. Between 0.4 and 0.6: 3/3 - 1/3, the same: the lower cut.
    assert tag_thresholds(y_true, y_proba, method="roc") == pytest.approx(0.5)


def test_mean_prf_by_hand():
    # At 0.5: two hits of three estimated and four true.
    y_true = np.array([[1], [1], [0], [1], [1], [0]])
    y_proba = np.array([[0.9], [0.8], [0.7], [0.5], [0.4], [0.2]])
    expected = (2 / 3 + 2 / 4 + 4 / 7) / 3
    found = tag_thresholds(y_true, y_proba, method="mean_prf")
    assert found == pytest.approx(expected)
    never = tag_thresholds([[1], [0]], [[0.1], [0.2]], method="mean_prf")
    assert never == 0


def test_annealing_repeats_with_its_seed():
    rng = np.random.default_rng(3)
    y_true, y_proba = rng.integers(0, 2, (30, 3)), rng.uniform(0, 1, (30, 3))
    first, again, other = (
        tag_thresholds(y_true, y_proba, method="annealing", random_state=seed)
        for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_scores_may_leave_the_range_by_rounding():
    y_proba = np.array([[np.float32(1) + np.finfo(np.float32).eps], [-1e-9]])
    assert tag_thresholds([[1], [0]], y_proba) == 0.5


@pytest.mark.parametrize(
    ("y_true", "y_proba", "message"),
    [
        ([[1], [0]], [[0.2]], "inconsistent numbers of samples"),
        ([[1, 0]], [[0.2]], "same shape"),
        ([[1], [2]], [[0.2], [0.1]], "y_true must lie within 0..1"),
        ([[1], [0]], [[1.2], [0.1]], "y_proba must lie within 0..1"),
        ([[1], [0]], [[np.nan], [0.1]], "y_proba contains NaN"),
    ],
)
def test_bad_input(y_true, y_proba, message):
    with pytest.raises(ValueError, match=message):
        tag_thresholds(y_true, y_proba)


def test_an_unknown_method_lists_the_valid_ones():
    with pytest.raises(ValueError, match="Got 'best'") as error:
        tag_thresholds([[1], [0]], [[0.2], [0.1]], method="best")
    for method in ("annealing", "f1", "mean_prf", "roc"):
        assert method in str(error.value)
