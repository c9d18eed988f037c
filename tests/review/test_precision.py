"""The precision that is estimated from a review, against the truth."""

import numpy as np
import pytest

from sklearn_sed.events import make_events, read_events, write_events
from sklearn_sed.exceptions import AnnotationError
from sklearn_sed.review import estimate_precision
from sklearn_sed.review._streams import add_streams


def simulate(seed, n_events=1500, n_judged=100, order="mixed"):
    """Return found events, whether they are right, and those that were judged."""
    rng = np.random.RandomState(seed)
    score = rng.beta(1.2, 1.2, n_events)
    is_right = rng.uniform(size=n_events) < 1 / (1 + np.exp(-6 * (score - 0.5)))
    onset = np.arange(n_events, dtype=float)
    found = make_events(onset, onset + 1, ["Dog"] * n_events, score)
    table = found.assign(filename=(onset // 25).astype(int).astype(str))
    table = add_streams(table, {"Dog": 0.5}, rng)
    table = table.assign(
        found_label="Dog", verdict=np.where(is_right, "accepted", "rejected")
    )
    return found, is_right, table.sort_values(order)[:n_judged]


def errors(estimates):
    """Return mean error and coverage of pairs of estimate and truth."""
    error = np.array([found.value - truth for found, truth in estimates])
    inside = [found.low <= truth <= found.high for found, truth in estimates]
    return error.mean(), np.mean(inside)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("threshold", "n_judged"), [(0.0, 100), (0.5, 100), (0.7, 200), (0.0, 800)]
)
def test_no_bias_and_the_interval_holds_the_truth(threshold, n_judged):
    estimates = []
    for seed in range(200):
        found, is_right, judged = simulate(seed, n_judged=n_judged)
        [dog] = estimate_precision(
            [found], [judged], threshold=threshold, random_state=seed
        ).values()
        above = found["score"] > threshold
        if dog.value is not None:
            estimates.append((dog, is_right[above].mean()))
    bias, coverage = errors(estimates)
    assert len(estimates) > 150
    assert abs(bias) < 0.015
    assert 0.9 < coverage <= 1.0


def test_a_plain_share_of_uncertain_events_would_be_wrong():
    wrong, right = [], []
    for seed in range(20):
        found, is_right, judged = simulate(seed, n_judged=100)
        chosen = judged[judged["sampled_by"] == "uncertain"]
        above = found["score"] > 0.7
        truth = is_right[above].mean()
        wrong.append((chosen["verdict"] == "accepted").mean() - truth)
        [dog] = estimate_precision(
            [found], [judged], threshold=0.7, random_state=0
        ).values()
        if dog.value is not None:
            right.append(dog.value - truth)
    assert np.mean(wrong) < -0.2
    assert abs(np.mean(right)) < 0.1


def make_review(n_events, audit=(), chosen=(), rejected=()):
    """Return events of scores 0.01, 0.02, ..., and those of some numbers judged."""
    score = (np.arange(n_events) + 1) / 100
    onset = np.arange(n_events)
    found = make_events(onset, onset + 1, ["Dog"] * n_events, score)
    numbers = [*audit, *chosen]
    reviewed = found.iloc[numbers].assign(
        found_label="Dog",
        sampled_by=["audit"] * len(audit) + ["uncertain"] * len(chosen),
        verdict=["rejected" if n in rejected else "accepted" for n in numbers],
    )
    return found, reviewed


def estimate(found, reviewed, **options):
    return estimate_precision([found], [reviewed], random_state=0, **options)["Dog"]


def test_by_hand():
    # Four by choice; of the other 40, in each half ten of 20 are audited.
    audit = range(0, 40, 2)
    found, reviewed = make_review(
        44, audit, chosen=range(40, 44), rejected=[0, 2, 4, 6, 8, 10, 42]
    )
    dog = estimate(found, reviewed)
    lower = 4 + (20 - 10) * 4 / 10  # six of the ten below are wrong
    upper = 10 + (20 - 10) * 10 / 10
    assert dog.value == pytest.approx((3 + lower + upper) / 44)
    assert (dog.n_events, dog.n_judged, dog.n_audit) == (44, 24, 20)
    assert dog.low < dog.value < dog.high


def test_fewer_than_ten_audited_are_too_few():
    found, reviewed = make_review(100, range(50, 59), chosen=range(20))
    dog = estimate(found, reviewed)
    assert (dog.value, dog.low, dog.high) == (None, None, None)
    assert dog.n_audit == 9
    found, reviewed = make_review(100, range(50, 60), chosen=range(20))
    assert estimate(found, reviewed).value == 1.0
    assert estimate(found, reviewed, threshold=0.55).value is None


def test_when_all_is_judged_nothing_is_estimated():
    found, reviewed = make_review(5, range(2), range(2, 5), rejected=[4])
    dog = estimate(found, reviewed)
    assert dog.value == dog.low == dog.high == 0.8
    none_above = estimate(found, reviewed, threshold=0.9)
    assert (none_above.value, none_above.n_events) == (None, 0)


def test_what_verdicts_count():
    found, reviewed = make_review(40, range(0, 40, 2))
    half = estimate(found, reviewed)
    assert half.value == 1.0
    moved = reviewed.assign(verdict="corrected")
    assert estimate(found, moved).value == 1.0
    renamed = reviewed.assign(verdict="corrected", event_label="Cat")
    assert estimate(found, renamed).value == 0.0
    unsure = reviewed.assign(verdict=["unsure"] * 10 + ["accepted"] * 10)
    assert estimate(found, unsure).n_audit == 10
    added = reviewed.assign(verdict="added", found_label=np.nan)
    assert estimate(found, added).n_judged == 0


def test_thresholds_and_classes_go_together():
    found, reviewed = make_review(40, range(0, 40, 2), rejected=range(0, 20))
    cat = found.assign(event_label="Cat")
    estimates = estimate_precision(
        [found, cat], [reviewed], threshold={"Dog": 0.2}, random_state=0
    )
    assert estimates["Dog"].value == 1.0
    assert estimates["Cat"].value is None
    assert (estimates["Dog"].n_events, estimates["Cat"].n_events) == (20, 40)


def test_the_table_comes_from_a_file(tmp_path):
    found, reviewed = make_review(40, range(0, 40, 2))
    write_events(tmp_path / "found.tsv", ["a.wav"], [found])
    write_events(tmp_path / "reviewed.tsv", ["a.wav"], [reviewed])
    tables = [
        read_events(tmp_path / f"{name}.tsv")[1] for name in ("found", "reviewed")
    ]
    assert estimate_precision(*tables)["Dog"].value == 1.0


@pytest.mark.parametrize("column", ["verdict", "sampled_by", "score", "found_label"])
def test_a_table_that_no_page_has_saved_is_named(column):
    found, reviewed = make_review(40, range(0, 40, 2))
    with pytest.raises(AnnotationError, match=f"reviewed: the column '{column}'"):
        estimate_precision([found], [reviewed.drop(columns=column)])


def test_what_does_not_belong_together_is_named():
    found, reviewed = make_review(40, range(0, 40, 2))
    with pytest.raises(AnnotationError, match=r"an event of score 0\.01 is not among"):
        estimate(found.iloc[1:], reviewed)
    with pytest.raises(AnnotationError, match="found: the column 'score'"):
        estimate_precision([found.drop(columns="score")], [reviewed])
    with pytest.raises(AnnotationError, match="the verdict 'yes' is none of"):
        estimate(found, reviewed.assign(verdict="yes"))
    with pytest.raises(ValueError, match="confidence=95"):
        estimate(found, reviewed, confidence=95)


def test_nothing_found_or_judged():
    empty = make_events([], [], [], [])
    assert estimate_precision([], []) == {}
    found, _ = make_review(40)
    assert estimate_precision([found], [empty])["Dog"].n_judged == 0


def test_equal_scores():
    found, reviewed = make_review(40, range(0, 40, 2), rejected=range(0, 40, 4))
    found, reviewed = (table.assign(score=0.5) for table in (found, reviewed))
    assert estimate(found, reviewed).value == 0.5


def test_numbers_as_labels(tmp_path):
    found, reviewed = make_review(40, range(0, 40, 2))
    found = found.assign(event_label=7)
    reviewed = reviewed.assign(event_label=7, found_label=7)
    [estimate] = estimate_precision([found], [reviewed]).values()
    assert estimate.value == 1.0
    write_events(tmp_path / "reviewed.tsv", ["a.wav"], [reviewed])
    _, reviewed = read_events(tmp_path / "reviewed.tsv")
    assert estimate_precision([found], reviewed)["7"].value == 1.0
