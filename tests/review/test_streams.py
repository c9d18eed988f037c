"""The orders in which events are judged."""

import numpy as np
import pandas as pd
import pytest

from sklearn_sed.review._streams import add_streams


def make_table(n_events, seed=0, n_recordings=20, label="Dog"):
    rng = np.random.default_rng(seed)
    names = np.sort(rng.integers(0, n_recordings, n_events))
    return pd.DataFrame(
        {
            "filename": [f"{name}.wav" for name in names],
            "onset": np.arange(n_events, dtype=float),
            "offset": np.arange(n_events) + 0.5,
            "event_label": label,
            "score": rng.beta(0.7, 1.5, n_events).round(2),  # with ties
        }
    )


def with_streams(table, thresholds=None, seed=0):
    labels = table["event_label"].unique()
    thresholds = dict.fromkeys(labels, 0.5) | (thresholds or {})
    return add_streams(table, thresholds, np.random.RandomState(seed))


@pytest.mark.parametrize("n_events", [1, 2, 3, 10, 57, 1500])
def test_every_event_has_one_place_in_each_order(n_events):
    table = with_streams(make_table(n_events))
    for name in ("audit", "learning", "mixed"):
        assert sorted(table[name]) == list(range(n_events))


@pytest.mark.parametrize("seed", range(5))
def test_the_first_of_the_audit_are_spread_evenly_over_the_scores(seed):
    table = with_streams(make_table(1500), seed=seed)
    ranks = table["score"].rank(method="first") / len(table)
    in_order = ranks[table.sort_values("audit").index].to_numpy()
    for n in (10, 20, 50, 200):
        places = np.sort(in_order[:n])
        # Drawn at random, the largest of these is 1.22 / sqrt(n) in one of ten cases.
        assert np.abs(places - (np.arange(n) + 0.5) / n).max() < 2 / n


def test_the_audit_is_another_one_for_other_seeds_and_classes():
    table = pd.concat([make_table(100), make_table(100, label="Cat")])
    table = table.reset_index(drop=True)
    one, two = (with_streams(table, seed=seed)["audit"] for seed in (0, 1))
    assert not one.equals(two)
    assert one.equals(with_streams(table)["audit"])
    assert one[:100].tolist() != one[100:].tolist()


def test_the_learning_order_begins_close_to_the_threshold_of_the_class():
    table = pd.concat([make_table(300), make_table(300, label="Cat")])
    table = with_streams(table.reset_index(drop=True), {"Cat": 0.2})
    for label, threshold in {"Dog": 0.5, "Cat": 0.2}.items():
        rows = table[table["event_label"] == label].sort_values("learning")
        first = rows[:40]
        assert first["filename"].value_counts().max() == 2
        nearest = (rows["score"] - threshold).abs().groupby(rows["filename"])
        wanted = nearest.nsmallest(2).sort_values().to_numpy()
        found = (first["score"] - threshold).abs().to_numpy()
        np.testing.assert_array_equal(found, wanted)


def test_both_orders_take_turns():
    table = with_streams(make_table(1000)).sort_values("mixed")
    first = table[:100]
    assert first["sampled_by"][:2].tolist() == ["audit", "uncertain"]
    counts = first["sampled_by"].value_counts()
    assert abs(counts["audit"] - counts["uncertain"]) <= 4
    for name, column in (("audit", "audit"), ("uncertain", "learning")):
        assert first.loc[first["sampled_by"] == name, column].is_monotonic_increasing


def test_without_scores_all_is_audit():
    table = with_streams(make_table(50).drop(columns="score"))
    assert set(table["sampled_by"]) == {"audit"}
    assert table["audit"].tolist() == table["mixed"].tolist()
    assert table["audit"].tolist() != list(range(50))
