"""Event- and segment-based metrics: equal to sed_eval, finite where it is not."""

import builtins
import importlib
import json
import sys
import warnings

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
    return [c.to_numpy(t) for c, t in zip(columns, [float, float, np.int64])]


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


@pytest.mark.parametrize(
    "n_problems", [100, pytest.param(1000, marks=pytest.mark.slow)]
)
def test_equal_to_sed_eval_on_random_problems(n_problems):
    rng = np.random.default_rng(n_problems)
    for _ in range(n_problems):
        reference, estimated, durations = random_problem(rng)
        events, segments = sed_eval_metrics(reference, estimated, durations)

        def event_based(score, **options):
            return lambda average: score(
                reference, estimated, labels=LABELS, average=average, **options
            )

        assert_agrees(
            events,
            event_based(event_based_f1_score),
            event_based(event_based_error_rate),
        )
        assert_agrees(
            segments,
            event_based(segment_based_f1_score, durations=durations),
            event_based(segment_based_error_rate, durations=durations),
        )
        for label in LABELS:
            counted = _matching.count_matches(
                *flat(reference, label), *flat(estimated, label)
            )
            assert counted == events.class_wise[label]["Ntp"]
