"""Multi-label stratified folds."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse
from sklearn import config_context
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import GridSearchCV, cross_validate

from sklearn_sed.events import make_events, stack_tables
from sklearn_sed.exceptions import LabelError
from sklearn_sed.model_selection import (
    MultilabelStratifiedGroupKFold,
    MultilabelStratifiedKFold,
)

CLASSES = ["Cat", "Dog", "Speech"]


def folds_of(cv, y, groups=None):
    """Return the fold of each clip, having checked that the folds are a partition."""
    n_clips = y.shape[0] if sparse.issparse(y) else len(y)
    fold = np.full(n_clips, -1)
    for k, (train, test) in enumerate(cv.split(np.zeros(n_clips), y, groups)):
        assert len(test) > 0
        assert (fold[test] == -1).all()
        np.testing.assert_array_equal(np.union1d(train, test), np.arange(n_clips))
        assert len(train) + len(test) == n_clips
        fold[test] = k
    assert (fold >= 0).all()
    return fold


def counts_of(fold, y, n_splits):
    return np.stack([y[fold == k].sum(axis=0) for k in range(n_splits)])


def worst_deviation(fold, y, n_splits):
    """Return how far the count of a label in a fold is from its exact share."""
    return np.abs(counts_of(fold, y, n_splits) - y.sum(axis=0) / n_splits).max()


def random_problem(seed):
    """Return a random indicator, its labels correlated or not, and n_splits."""
    rng = np.random.default_rng(seed)
    n_clips, n_classes = rng.integers(40, 400), rng.integers(2, 13)
    latent = rng.standard_normal((n_clips, n_classes))
    latent += rng.uniform(0, 1.5) * rng.standard_normal((n_clips, 1))
    prevalence = rng.uniform(0.02, 0.5, n_classes)
    cut = [np.quantile(z, 1 - p) for z, p in zip(latent.T, prevalence)]
    return (latent > cut).astype(int), int(rng.integers(2, 8))


@given(
    y=hnp.arrays(
        np.int8,
        st.tuples(st.integers(5, 40), st.integers(1, 6)),
        elements=st.integers(0, 1),
    ),
    n_splits=st.integers(2, 5),
    seed=st.none() | st.integers(0, 3),
)
@settings(deadline=None)
def test_any_indicator_is_partitioned_into_even_folds(y, n_splits, seed):
    cv = MultilabelStratifiedKFold(
        n_splits, shuffle=seed is not None, random_state=seed
    )
    fold = folds_of(cv, y)
    assert np.ptp(np.bincount(fold, minlength=n_splits)) <= 2
    np.testing.assert_array_equal(fold, folds_of(cv, y))
    # Worse than this and a plain exchange of two clips would have helped.
    assert worst_deviation(fold, y, n_splits) <= 2


@given(
    y=st.lists(st.integers(0, 4), min_size=5, max_size=60),
    n_splits=st.integers(2, 5),
)
@settings(deadline=None)
def test_one_label_per_clip_is_stratified_exactly(y, n_splits):
    y = np.array([CLASSES[0], CLASSES[1], CLASSES[2], "x", "z"])[y]
    if len(set(y)) == 1:
        y[0] = "other"
    fold = folds_of(MultilabelStratifiedKFold(n_splits), y)
    indicator = (y[:, None] == np.unique(y)).astype(int)
    assert worst_deviation(fold, indicator, n_splits) < 1
    assert np.ptp(np.bincount(fold)) <= 1


def test_labels_are_within_one_clip_of_their_share():
    worst = []
    for seed in range(100):
        y, n_splits = random_problem(seed)
        fold = folds_of(MultilabelStratifiedKFold(n_splits), y)
        worst.append(worst_deviation(fold, y, n_splits))
        assert np.ptp(np.bincount(fold)) <= 1
    assert np.mean(np.array(worst) < 1) >= 0.99
    assert max(worst) < 1.5


@given(seed=st.integers(0, 10**6), n_splits=st.integers(2, 5))
@settings(deadline=None, max_examples=50)
def test_unlabelled_clips_are_spread_evenly(seed, n_splits):
    rng = np.random.default_rng(seed)
    y = (rng.random((60, 3)) < 0.3).astype(int)
    unlabelled = rng.random(60) < 0.4
    y[unlabelled] = -1
    fold = folds_of(MultilabelStratifiedKFold(n_splits), y)
    both = np.column_stack([np.maximum(y, 0), unlabelled])
    assert worst_deviation(fold, both, n_splits) < 1


def test_every_form_of_labels_gives_the_same_folds():
    rng = np.random.default_rng(0)
    y = (rng.random((30, 3)) < 0.4).astype(int)
    lists = [[c for c, on in zip(CLASSES, row) if on] for row in y]
    tables = stack_tables(
        make_events(np.arange(len(row)), np.arange(len(row)) + 1.0, row)
        for row in lists
    )
    cv = MultilabelStratifiedKFold(3)
    expected = folds_of(cv, y)
    forms = [
        y.astype(bool),
        sparse.csr_array(y),
        pd.DataFrame(y, columns=CLASSES),
        lists,
        [set(row) for row in lists],
        tables,
    ]
    for form in forms:
        np.testing.assert_array_equal(folds_of(cv, form), expected)


def test_many_clips_are_exchanged_by_samples():
    rng = np.random.default_rng(0)
    y = (rng.random((1500, 30)) < rng.uniform(0.05, 0.6, 30)).astype(int)
    fold = folds_of(MultilabelStratifiedKFold(5), y)
    assert worst_deviation(fold, y, 5) < 1


def test_shuffling_makes_other_folds_as_good():
    y, n_splits = random_problem(1)
    folds = [
        folds_of(MultilabelStratifiedKFold(n_splits, shuffle=True, random_state=s), y)
        for s in (0, 0, 1)
    ]
    np.testing.assert_array_equal(folds[0], folds[1])
    assert (folds[0] != folds[2]).any()
    for fold in folds:
        assert worst_deviation(fold, y, n_splits) < 1


@given(seed=st.integers(0, 10**6), n_splits=st.integers(2, 4))
@settings(deadline=None, max_examples=50)
def test_groups_stay_together(seed, n_splits):
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 12, 60)
    groups[:4] = np.arange(4)
    y = (rng.random((60, 3)) < 0.3).astype(int)
    fold = folds_of(MultilabelStratifiedGroupKFold(n_splits), y, groups)
    for group in np.unique(groups):
        assert len(set(fold[groups == group])) == 1


def test_groups_are_dealt_out_evenly():
    # Twelve recordings cut into ten clips each, four recordings per class.
    groups = np.repeat(np.arange(12), 10)
    y = np.eye(3, dtype=int)[groups % 3]
    fold = folds_of(MultilabelStratifiedGroupKFold(4), y, groups)
    np.testing.assert_array_equal(counts_of(fold, y, 4), np.full((4, 3), 10))


def test_groups_of_one_clip_are_as_good_as_no_groups():
    y, n_splits = random_problem(2)
    cv = MultilabelStratifiedGroupKFold(n_splits, shuffle=True, random_state=0)
    fold = folds_of(cv, y, [f"clip {i}" for i in range(len(y))])
    assert worst_deviation(fold, y, n_splits) < 1


def test_uneven_groups_beat_random_assignment():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), rng.integers(1, 12, 40))
    y = (rng.random((40, 6)) < 0.3)[groups].astype(int)
    fold = folds_of(MultilabelStratifiedGroupKFold(5), y, groups)
    by_chance = [
        worst_deviation(rng.permuted(np.arange(40) % 5)[groups], y, 5)
        for _ in range(200)
    ]
    assert worst_deviation(fold, y, 5) < min(by_chance)


def test_as_cv_of_scikit_learn():
    y, _ = random_problem(3)
    X = np.zeros((len(y), 1))
    search = GridSearchCV(
        DummyClassifier(),
        {"strategy": ["prior", "most_frequent"]},
        cv=MultilabelStratifiedKFold(3),
    )
    assert search.fit(X, y).n_splits_ == 3
    groups = np.arange(len(y)) // 2
    cv = MultilabelStratifiedGroupKFold(3)
    result = cross_validate(
        DummyClassifier(), X, y, cv=cv, groups=groups, return_indices=True
    )
    for test in result["indices"]["test"]:
        assert set(groups[test]).isdisjoint(np.delete(groups, test))
    with config_context(enable_metadata_routing=True):
        routed = cross_validate(
            DummyClassifier(), X, y, cv=cv, params={"groups": groups}
        )
    np.testing.assert_array_equal(routed["test_score"], result["test_score"])


def test_splitter_conventions():
    cv = MultilabelStratifiedKFold(4, shuffle=True, random_state=7)
    assert cv.get_n_splits() == 4
    assert repr(cv) == (
        "MultilabelStratifiedKFold(n_splits=4, random_state=7, shuffle=True)"
    )
    assert repr(MultilabelStratifiedGroupKFold()).startswith(
        "MultilabelStratifiedGroupKFold(n_splits=5"
    )


def test_event_tables_of_mixed_labels_are_named():
    y = [make_events([0.0], [1.0], [label]) for label in ("Dog", "Cat", 3)]
    with pytest.raises(LabelError, match="y, clip 2: a label is 3 next to 'Dog'"):
        next(MultilabelStratifiedKFold(2).split(np.zeros(3), y))


def test_bad_input_is_named():
    y = np.array([[1, 0], [0, 1], [1, 1]])
    X = np.zeros(3)
    with pytest.raises(ValueError, match="n_splits=5 greater"):
        next(MultilabelStratifiedKFold(5).split(X, y))
    with pytest.raises(LabelError, match="y is None"):
        next(MultilabelStratifiedKFold(2).split(X, None))
    with pytest.raises(LabelError, match="clip 1"):
        next(MultilabelStratifiedKFold(2).split(X, np.array([[1, 0], [2, 0], [0, 0]])))
    with pytest.raises(ValueError, match="'groups' parameter should not be None"):
        next(MultilabelStratifiedGroupKFold(2).split(X, y))
    with pytest.raises(ValueError, match=r"n_splits=3 is more than .* 2"):
        next(MultilabelStratifiedGroupKFold(3).split(X, y, [0, 0, 1]))
    with pytest.raises(ValueError, match="shuffle is False"):
        MultilabelStratifiedKFold(2, random_state=0)
    with pytest.warns(UserWarning, match="groups parameter is ignored"):
        next(MultilabelStratifiedKFold(2).split(X, y, [0, 0, 1]))
