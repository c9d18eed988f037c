"""Event- and segment-based metrics: equal to sed_eval, finite where it is not."""

import builtins
import subprocess
import sys
import warnings
from functools import partial

import numpy as np
import pandas as pd
import pytest

from sklearn_sed.events import make_events
from sklearn_sed.exceptions import AnnotationError, LabelError
from sklearn_sed.metrics import (
    _matching,
    _sed_eval,
    event_based_error_rate,
    event_based_f1_score,
    event_based_report,
    segment_based_error_rate,
    segment_based_f1_score,
)

LABELS = ["Cat", "Dog", "Speech"]


def empty():
    return make_events([], [], [])


def random_tables(rng, n_clips, labels, max_events):
    """Events on a coarse grid, so that ties, overlaps and exact collars are common."""
    step = rng.choice([0.1, 0.05, 0.013])
    tables = []
    for _ in range(n_clips):
        n_events = rng.integers(0, max_events + 1)
        onset = step * rng.integers(0, 60, n_events)
        offset = onset + step * rng.integers(0, 40, n_events)
        tables.append(make_events(onset, offset, rng.choice(labels, n_events)))
    return tables


def random_problem(rng):
    """Return reference, estimate and durations; some events lie beyond the clips."""
    n_clips = rng.integers(1, 4)
    reference = random_tables(rng, n_clips, LABELS[: rng.integers(1, 4)], 6)
    if rng.random() < 0.5:
        estimated = random_tables(rng, n_clips, LABELS[: rng.integers(1, 4)], 6)
    else:  # a noisy copy: most events match more than one other
        estimated = [
            make_events(
                np.maximum(table["onset"] - 0.1, 0),
                table["offset"] + rng.choice([0, 0.1, 0.3]),
                table["event_label"],
            )
            for table in reference
        ]
    return reference, estimated, rng.choice([1.5, 3.0, 4.7], n_clips)


def sed_eval_metrics(reference, estimated, durations):
    """Run sed_eval as its manual says, clip by clip, nothing left out."""
    sound_event = _sed_eval._import_sound_event()
    event_based = sound_event.EventBasedMetrics(LABELS, percentage_of_length=0.2)
    segment_based = sound_event.SegmentBasedMetrics(LABELS, time_resolution=1.0)
    for clip, tables in enumerate(zip(reference, estimated)):
        lists = [
            [event | {"file": f"{clip}.wav"} for event in table.to_dict("records")]
            for table in tables
        ]
        event_based.evaluate(*lists)
        segment_based.evaluate(*lists, evaluated_length_seconds=durations[clip])
    return event_based, segment_based


def flat(tables, label):
    """Return onset, offset and clip of one class, sorted by clip and onset."""
    table = pd.concat([table.assign(clip=clip) for clip, table in enumerate(tables)])
    table = table[table["event_label"] == label].sort_values(["clip", "onset"])
    columns = [table["onset"], table["offset"], table["clip"]]
    return tuple(c.to_numpy(t) for c, t in zip(columns, [float, float, np.int64]))


def assert_agrees(metrics, f1_score, error_rate):
    """Compare the scores of one kind with sed_eval's; its NaN is our 0."""
    overall = metrics.results_overall_metrics()
    class_wise = metrics.results_class_wise_metrics()
    by_class = [class_wise[label] for label in LABELS]
    f1 = np.nan_to_num([c["f_measure"]["f_measure"] for c in by_class])
    np.testing.assert_allclose(f1_score(average=None), f1, atol=1e-9)
    assert f1_score(average="macro") == pytest.approx(f1.mean(), abs=1e-9)
    micro = np.nan_to_num(overall["f_measure"]["f_measure"])
    assert f1_score(average="micro") == pytest.approx(micro, abs=1e-9)

    rates = error_rate(average=None)
    for rate, label in zip(rates, LABELS):
        counts = metrics.class_wise[label]
        if counts["Nref"]:
            expected = class_wise[label]["error_rate"]["error_rate"]
        else:  # sed_eval divides by 2e-16 here
            expected = counts["Nsys"]
        assert rate == pytest.approx(expected, abs=1e-9)
    assert error_rate(average="macro") == pytest.approx(rates.mean(), abs=1e-9)
    if metrics.overall["Nref"]:
        expected = overall["error_rate"]["error_rate"]
        assert error_rate(average="micro") == pytest.approx(expected, abs=1e-9)


@pytest.mark.filterwarnings("ignore:.*(no length|beyond the end):UserWarning")
@pytest.mark.parametrize("n_problems", [50, pytest.param(1000, marks=pytest.mark.slow)])
def test_equal_to_sed_eval_on_random_problems(n_problems):
    rng = np.random.default_rng(n_problems)
    for _ in range(n_problems):
        reference, estimated, durations = random_problem(rng)
        events, segments = sed_eval_metrics(reference, estimated, durations)

        tables = {"y_true": reference, "y_pred": estimated, "labels": LABELS}
        assert_agrees(
            events,
            partial(event_based_f1_score, **tables),
            partial(event_based_error_rate, **tables),
        )
        assert_agrees(
            segments,
            partial(segment_based_f1_score, **tables, durations=durations),
            partial(segment_based_error_rate, **tables, durations=durations),
        )
        for label in LABELS:
            counted = _matching.count_matches(
                flat(reference, label), flat(estimated, label)
            )
            assert counted == events.class_wise[label]["Ntp"]


def tables_of(case, kind):
    return [
        make_events(*zip(*events)) if (events := case[kind][clip]) else empty()
        for clip in case["durations"]
    ]


def test_event_based_scores_equal_the_oracle(oracle):
    for case in oracle["problems"]:
        expected = case["expected"]["event_based"]
        report = event_based_report(
            tables_of(case, "reference"),
            tables_of(case, "estimated"),
            labels=case["labels"],
            output_dict=True,
        )
        micro = report["micro avg"]
        assert micro["f1-score"] == pytest.approx(expected["micro_f"], abs=1e-9)
        assert micro["error_rate"] == pytest.approx(expected["error_rate"], abs=1e-9)
        for label, f1 in expected["class_wise_f"].items():
            assert report[label]["f1-score"] == pytest.approx(f1 or 0, abs=1e-9)


def test_segment_based_scores_equal_the_oracle(oracle):
    for case in oracle["problems"]:
        expected = case["expected"]["segment_based"]
        tables = tables_of(case, "reference"), tables_of(case, "estimated")
        options = {
            "labels": case["labels"],
            "durations": list(case["durations"].values()),
        }
        micro = segment_based_f1_score(*tables, average="micro", **options)
        assert micro == pytest.approx(expected["micro_f"], abs=1e-9)
        rate = segment_based_error_rate(*tables, average="micro", **options)
        assert rate == pytest.approx(expected["error_rate"], abs=1e-9)
        by_class = segment_based_f1_score(*tables, average=None, **options)
        for f1, label in zip(by_class, case["labels"]):
            assert f1 == pytest.approx(expected["class_wise_f"][label] or 0, abs=1e-9)


def read_dcase(path, filenames=None):
    """Read a DCASE list without our own reader."""
    table = pd.read_csv(path, sep="\t").dropna()
    groups = dict(list(table.groupby("filename")))
    filenames = filenames or sorted(groups)
    tables = [
        make_events(*(groups[name][c] for c in ("onset", "offset", "event_label")))
        if name in groups
        else empty()
        for name in filenames
    ]
    return filenames, tables


def test_published_predictions_get_their_published_score(shared_data):
    filenames, y_true = read_dcase(shared_data / "dcase2018" / "test_prefix.csv")
    predictions = shared_data / "ijcnn19" / "predictions.csv"
    predicted_files, _ = read_dcase(predictions)
    _, y_pred = read_dcase(predictions, filenames)
    assert (len(filenames), len(predicted_files)) == (288, 279)
    assert set(predicted_files) <= set(filenames)

    report = event_based_report(y_true, y_pred, output_dict=True)
    assert round(100 * report["micro avg"]["f1-score"], 2) == 34.85
    assert round(100 * report["macro avg"]["f1-score"], 2) == 35.00
    assert (report["micro avg"]["n_ref"], report["micro avg"]["n_est"]) == (906, 1005)
    for label, percent in {
        "Blender": 58.1,
        "Cat": 45.3,
        "Dishes": 0.0,
        "Speech": 40.7,
        "Vacuum_cleaner": 53.2,
    }.items():
        assert round(100 * report[label]["f1-score"], 1) == percent


ALL_SCORES = [
    event_based_f1_score,
    event_based_error_rate,
    segment_based_f1_score,
    segment_based_error_rate,
]


@pytest.mark.parametrize("score", ALL_SCORES)
def test_nothing_against_nothing_is_zero(score):
    for y in ([], [empty()], [empty(), empty()]):
        assert score(y, y) == 0
        assert score(y, y, average="micro") == 0
        assert score(y, y, average=None).shape == (0,)
        np.testing.assert_array_equal(
            score(y, y, average=None, labels=["Cat", "Dog"]), [0, 0]
        )


def test_without_reference_the_error_rate_counts_insertions():
    y_true = [empty()]
    y_pred = [make_events([0, 3], [1, 5], ["Dog", "Dog"])]
    assert event_based_f1_score(y_true, y_pred) == 0
    assert event_based_error_rate(y_true, y_pred) == 2
    assert event_based_error_rate(y_true, y_pred, average="micro") == 2
    assert segment_based_error_rate(y_true, y_pred) == 3


def test_classes_never_predicted_count_as_zero():
    y_true = [make_events([0, 3], [1, 5], ["Cat", "Dog"])]
    y_pred = [make_events([0], [1], ["Cat"])]
    assert event_based_f1_score(y_true, y_pred) == 0.5
    assert segment_based_f1_score(y_true, y_pred) == 0.5
    np.testing.assert_array_equal(
        event_based_f1_score(y_true, y_pred, average=None), [1, 0]
    )


def test_collar_and_percentage():
    y_true = [make_events([1.0], [11.0], ["Dog"])]
    y_pred = [make_events([1.25], [12.9], ["Dog"])]
    assert event_based_f1_score(y_true, y_pred) == 0
    assert event_based_f1_score(y_true, y_pred, t_collar=0.25) == 1
    assert event_based_f1_score(y_true, y_pred, t_collar=1) == 1  # a whole number
    assert (
        event_based_f1_score(y_true, y_pred, t_collar=0.25, percentage_of_length=0.1)
        == 0
    )


def test_one_event_belongs_to_one_pair():
    y_true = [make_events([0.0, 0.1], [1.0, 1.1], ["Dog", "Dog"])]
    y_pred = [make_events([0.05], [1.0], ["Dog"])]
    report = event_based_report(y_true, y_pred, output_dict=True)["Dog"]
    assert (report["precision"], report["recall"]) == (1, 0.5)


def test_what_lies_beyond_the_clip_is_not_in_its_segments():
    y_true = [make_events([0.0], [2.0], ["Dog"])]
    y_pred = [make_events([0.0, 4.0], [2.0, 5.0], ["Dog", "Dog"])]
    assert segment_based_f1_score(y_true, y_pred) == pytest.approx(0.8)
    assert segment_based_f1_score(y_true, y_pred, durations=[3.0]) == 1
    assert segment_based_f1_score(y_true, y_pred, durations=3) == 1


def test_labels_travel_unharmed():
    """sed_eval alone would strip the blank and drop "none"."""
    labels = ["none", " Dog", "Dog", ""]
    y = [make_events([0, 1, 2, 3], [1, 2, 3, 4], labels)]
    np.testing.assert_array_equal(
        event_based_f1_score(y, y, average=None, labels=labels), np.ones(4)
    )
    numbers = [make_events([0, 1], [1, 2], [7, 3])]
    assert list(event_based_report(numbers, numbers, output_dict=True))[:2] == [3, 7]


def test_labels_choose_and_order_the_classes():
    y_true = [make_events([0, 3], [1, 5], ["Cat", "Dog"])]
    y_pred = [make_events([0, 8], [1, 9], ["Cat", "Bird"])]
    with pytest.warns(UserWarning, match=r"'Bird' \(0 reference, 1 estimated events\)"):
        scores = event_based_f1_score(
            y_true, y_pred, labels=["Dog", "Cat", "Frog"], average=None
        )
    np.testing.assert_array_equal(scores, [0, 1, 0])
    with pytest.warns(UserWarning, match="not among `labels` and not evaluated"):
        assert event_based_f1_score(y_true, y_pred, labels=["Cat"]) == 1


def test_labels_may_be_an_array():
    y = [make_events([0, 3], [1, 5], ["Cat", "Dog"])]
    report = event_based_report(y, y, labels=np.array(["Dog", "Cat"]), output_dict=True)
    assert list(map(repr, report))[:2] == ["'Dog'", "'Cat'"]  # plain strings


def test_many_left_out_labels_are_counted_not_listed():
    y = [
        make_events(np.arange(12), np.arange(12) + 1, [f"c{i:02d}" for i in range(12)])
    ]
    with pytest.warns(UserWarning, match="'c10'.* and 1 more$"):
        event_based_f1_score(y, y, labels=["c00"])


def test_the_warning_points_at_the_caller():
    y = [make_events([0], [1], ["Dog"])]
    with pytest.warns(UserWarning, match="not among") as caught:
        event_based_f1_score(y, y, labels=["Cat"])
    assert caught[0].filename == __file__


@pytest.mark.parametrize("score", ALL_SCORES)
def test_bad_input_gets_one_clear_error(score):
    y = [make_events([0], [1], ["Dog"])]
    with pytest.raises(LabelError, match="y_true has 1 clips but y_pred has 2"):
        score(y, y + y)
    with pytest.raises(AnnotationError, match="y_pred, clip 0, event 0: offset"):
        score(y, [y[0].assign(onset=3.0)])
    with pytest.raises(AnnotationError, match="y_true"):
        score(y[0], y)
    with pytest.raises(LabelError, match="'Dog' more than once"):
        score(y, y, labels=["Dog", "Cat", "Dog"])
    with pytest.raises(LabelError, match="sequence of class names, got 'Dog'"):
        score(y, y, labels="Dog")
    with pytest.raises(ValueError, match="'average' parameter"):
        score(y, y, average="weighted")


@pytest.mark.parametrize(
    ("durations", "match"),
    [
        ([1.0, 2.0], "each of 1 clips, got the shape"),
        ([0.0], "got 0.0 for clip 0"),
        (np.nan, "got nan for clip 0"),
    ],
)
def test_bad_durations(durations, match):
    y = [make_events([0], [1], ["Dog"])]
    with pytest.raises(ValueError, match=match):
        segment_based_f1_score(y, y, durations=durations)


@pytest.mark.parametrize(
    "options", [{"t_collar": 0}, {"percentage_of_length": 1.5}, {"t_collar": "0.2"}]
)
def test_bad_tolerances(options):
    with pytest.raises(ValueError, match=f"'{next(iter(options))}' parameter"):
        event_based_f1_score([empty()], [empty()], **options)


def test_report_counts_and_averages():
    # Cat is missed, and a Dog invented in its place: one substitution over all.
    y_true = [make_events([0, 4], [1, 6], ["Cat", "Dog"])]
    y_pred = [make_events([0, 4], [1, 6], ["Dog", "Dog"])]
    report = event_based_report(y_true, y_pred, output_dict=True)
    assert report["Dog"] == {
        "n_ref": 1,
        "n_est": 2,
        "f1-score": pytest.approx(2 / 3),
        "precision": 0.5,
        "recall": 1.0,
        "error_rate": 1.0,
        "substitutions": 0,
        "deletions": 0,
        "insertions": 1,
    }
    macro, micro = report["macro avg"], report["micro avg"]
    assert macro["f1-score"] == pytest.approx(1 / 3)
    assert (macro["deletions"], macro["insertions"]) == (1, 1)
    assert (micro["substitutions"], micro["deletions"], micro["insertions"]) == (
        1,
        0,
        0,
    )
    assert micro["error_rate"] == 0.5
    assert micro["f1-score"] == event_based_f1_score(y_true, y_pred, average="micro")


def test_report_text_shows_what_the_dictionary_holds():
    y_true = [make_events([0, 4], [1, 6], ["Cat", "Dog"])]
    y_pred = [make_events([0.0], [1.0], ["Cat"])]
    text = event_based_report(y_true, y_pred, digits=1, labels=["Dog", "Cat"])
    rows = [" ".join(line.split()) for line in text.splitlines() if line]
    assert rows == [
        "n_ref n_est f1-score precision recall ER sub del ins",
        "Dog 1 0 0.0 0.0 0.0 1.0 0 1 0",
        "Cat 1 1 1.0 1.0 1.0 0.0 0 0 0",
        "macro avg 2 1 0.5 0.5 0.5 0.5 0 1 0",
        "micro avg 2 1 0.7 1.0 0.5 0.5 0 1 0",
    ]


def test_report_of_nothing():
    report = event_based_report([empty()], [empty()], output_dict=True)
    assert list(report) == ["macro avg", "micro avg"]
    assert not any(value for row in report.values() for value in row.values())
    assert "micro avg" in event_based_report([empty()], [empty()])


def test_sed_eval_without_pkg_resources_says_what_to_install(monkeypatch):
    original = builtins.__import__

    def without_pkg_resources(name, *args, **kwargs):
        if name == "sed_eval":
            raise ModuleNotFoundError("No module named 'x'", name=missing)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_pkg_resources)
    missing = "pkg_resources"
    with pytest.raises(ImportError, match="pip install 'setuptools<82'"):
        _sed_eval._import_sound_event()
    missing = "something_else"
    with pytest.raises(ModuleNotFoundError, match="No module named 'x'"):
        _sed_eval._import_sound_event()


def test_sed_eval_is_imported_without_its_warnings(monkeypatch):
    for name in [
        n for n in sys.modules if n.split(".")[0] in {"sed_eval", "dcase_util"}
    ]:
        monkeypatch.delitem(sys.modules, name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _sed_eval._import_sound_event()


def test_importing_the_metrics_loads_neither_sed_eval_nor_numba():
    script = (
        "import sys, sklearn_sed.metrics;"
        "assert not {'sed_eval', 'numba', 'torch', 'librosa'} & set(sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True)
    assert result.returncode == 0, result.stderr.decode()


@pytest.fixture(params=["compiled", "interpreted"])
def matching(request, monkeypatch):
    """The matching of pairs that are found by machine code and by Python."""
    if request.param == "interpreted":
        monkeypatch.setattr(_matching, "link", _matching.link.py_func)
    return _matching


def brute_force_matches(ref, est):
    """Try all assignments of one clip's events."""
    if not ref:
        return 0
    (onset, offset), *rest = ref
    best = brute_force_matches(rest, est)
    for i, (est_onset, est_offset) in enumerate(est):
        if abs(onset - est_onset) <= 0.2 and abs(offset - est_offset) <= max(
            0.2, 0.2 * (offset - onset)
        ):
            best = max(best, 1 + brute_force_matches(rest, est[:i] + est[i + 1 :]))
    return best


def test_count_matches_is_a_maximum_matching(matching):
    rng = np.random.default_rng(3)
    n_rematched = 0
    for _ in range(200):
        clips = []
        for _ in range(2):
            n_events = rng.integers(0, 6, 3)
            onset = 0.1 * rng.integers(0, 8, n_events.sum())
            offset = onset + 0.1 * rng.integers(0, 12, n_events.sum())
            clip = np.repeat(np.arange(3), n_events)
            order = np.lexsort((onset, clip))
            clips.append((onset[order], offset[order], clip))
        expected = sum(
            brute_force_matches(
                *[[(a, b) for a, b, c in zip(*events) if c == clip] for events in clips]
            )
            for clip in range(3)
        )
        assert matching.count_matches(*clips) == expected
        n_rematched += expected > 3
    assert n_rematched > 20  # the problems are not trivial


def test_count_matches_of_crowded_clips(matching):
    """More candidate pairs than events: room for them has to grow."""
    onset = np.full(30, 1.0)
    clip = np.zeros(30, np.int64)
    events = (onset, onset + 1, clip)
    assert matching.count_matches(events, events) == 30
    none = np.zeros(0), np.zeros(0), np.zeros(0, np.int64)
    assert matching.count_matches(none, events) == 0
    assert matching.count_matches(events, none) == 0
    assert matching.count_matches(events, (onset, onset + 1, clip + 1)) == 0
    assert matching.count_matches(events, (onset + 0.3, onset + 1, clip)) == 0
    assert matching.count_matches(events, (onset + 0.3, onset + 1, clip), 0.5) == 30


def test_names_against_numbers_are_refused():
    named, numbered = make_events([0], [1], ["Dog"]), make_events([0], [1], [3])
    with pytest.raises(LabelError, match=r"'Dog' in y_true and 3 in y_pred"):
        event_based_f1_score([named], [numbered])


def test_labels_of_two_kinds_are_refused():
    dog, three = (make_events([0.0], [1.0], [label]) for label in ("Dog", 3))
    for score in (event_based_f1_score, segment_based_f1_score, event_based_report):
        with pytest.raises(
            AnnotationError, match="y_pred, clip 1: its labels are such"
        ):
            score([dog, dog], [dog, three])
        with pytest.raises(LabelError, match="labels, entry 1 is None"):
            score([dog], [dog], labels=["Dog", None])
