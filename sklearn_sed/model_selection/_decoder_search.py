"""Search for the best settings of a decoder for one class."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import pairwise, product
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.ndimage import correlate1d
from sklearn.base import BaseEstimator

from sklearn_sed._decoding._decoder import (
    ClassDecoder,
    ClassSettings,
    EventDecoder,
    Runs,
    Timeline,
    check_per_class,
    close_gaps,
    drop_short,
    finds_boxes,
)
from sklearn_sed.events import make_events, stack_tables

# Of segmenters that find boxes; all others are tuned over the last grid.
BOX_GRIDS: dict[str, dict[str, list]] = {
    "boxes": {
        "smoothing_length": [0.1, 0.3, 0.6],
        "threshold": [0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7],
        "min_duration": [0.0, 0.2, 0.5],
        "window_length": [0.25, 0.5, 1.0],
        "merge_ratio": [2.0, 3.0, 5.0, 10.0, 20.0, 50.0],
        "merge_difference": [0.2, 0.4, None],
    },
    "peaks": {
        "smoothing_length": [0.1, 0.3, 0.6],
        "threshold": [0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8],
        "min_gap": [0.1, 0.3, 0.5, 0.8],
        "min_duration": [0.0, 0.2, 0.5],
        "peak_share": [0.05, 0.1, 0.2, 0.35, 0.5],
    },
}
DEFAULT_GRID: dict[str, list] = {
    "rescale": [False, True],
    "smoothing_length": [0.1, 0.3, 0.8],
    "threshold": [0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.85],
    "low_threshold": [0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.4, 0.6],
    "min_gap": [0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 3.0],
    "min_duration": [0.0, 0.2, 0.5],
}


class ClassCurves(NamedTuple):
    """The score curves of one class in the clips in which it is decoded."""

    values: np.ndarray
    bounds: np.ndarray
    clips: np.ndarray  # of all held-back clips
    times: Timeline  # of these clips
    dtype: np.dtype
    weight: np.ndarray  # what multiplies the scores of boxes in each clip


def default_grid(decoder: EventDecoder) -> dict[str, list]:
    """Return the values of each setting that are tried unless told."""
    return BOX_GRIDS.get(decoder.segmenter, DEFAULT_GRID)


def check_grid(param_grid: Mapping) -> dict[str, list]:
    """Return the values of each setting that is tuned, or say what is wrong."""
    grid = {}
    for name, values in param_grid.items():
        if name not in ClassSettings._fields:
            raise ValueError(
                f"param_grid: {name!r} is not a per-class setting of EventDecoder; "
                f"choose from {', '.join(ClassSettings._fields)}"
            )
        # Plain numbers: the decoder is saved as JSON.
        grid[name] = [v.item() if isinstance(v, np.generic) else v for v in values]
        check_per_class(name, grid[name], list(range(len(grid[name]))))
        if not grid[name]:
            raise ValueError(f"param_grid: {name!r} has no values to try")
    return grid


def search_settings(
    curves: ClassCurves,
    decoder: EventDecoder,
    start: ClassSettings,
    grid: dict[str, list],
    objective: Callable[..., float],
) -> tuple[ClassSettings, float]:
    """Return the best settings of a class, and the objective's value for them.

    Those win that are good in the midst of others that are; the settings to start from
    stay unless they are better.
    """

    def score(clips: np.ndarray, runs: Runs) -> float:
        return objective(clips[runs.clip], *curves.times.of(runs))

    if not curves.clips.size:
        nothing = np.zeros(0, dtype=np.int64)
        return start, score(nothing, Runs(nothing, nothing, nothing))
    alone = {name: [value] for name, value in start._asdict().items()}
    ((_, runs),) = _candidates(curves, decoder, alone)
    start_score = score(curves.clips, runs)
    grid = alone | grid
    scores = {
        settings: score(curves.clips, runs)
        for settings, runs in _candidates(curves, decoder, grid)
    }
    best = _most_supported(scores, grid)
    if scores[best] > start_score:
        return best, scores[best]
    return start, start_score


def _most_supported(
    scores: dict[ClassSettings, float], grid: dict[str, list]
) -> ClassSettings:
    """Return the settings with the highest score, smoothed over the grid.

    Along each axis of numbers, settings weigh twice what their neighbours do.
    """
    names = ClassSettings._fields
    cells = [ClassSettings(*cell) for cell in product(*(grid[name] for name in names))]
    shape = [len(grid[name]) for name in names]
    known = np.reshape([float(cell in scores) for cell in cells], shape)
    total = np.reshape([scores.get(cell, 0.0) for cell in cells], shape)
    weight = known
    for axis, name in enumerate(names):
        if name not in ("rescale", "smoothing"):
            total = correlate1d(total, [1, 2, 1], axis=axis, mode="constant")
            weight = correlate1d(weight, [1, 2, 1], axis=axis, mode="constant")
    smoothed = np.where(known > 0, total / np.maximum(weight, 1), -np.inf)
    return cells[np.argmax(np.round(smoothed, 9))]


def _candidates(
    curves: ClassCurves, decoder: EventDecoder, grid: dict[str, list]
) -> Iterator[tuple[ClassSettings, Any]]:
    """Yield all settings and the runs of active frames, or boxes, that they give.

    What several settings have in common is computed once: a curve is smoothed, then cut
    for each pair of thresholds, then cleaned for each gap and each duration. Of what
    the segmenter does not look at, the first value stands for all.
    """
    step, first = curves.times.step, [values[0] for values in grid.values()]
    cut = _cut_to_boxes if finds_boxes(decoder) else _cut_by_thresholds
    names = ("rescale", "smoothing", "smoothing_length", "window_length")
    for shape in product(*(grid[name] for name in names)):
        own = ClassSettings(*first)._replace(**dict(zip(names, shape)))
        one = ClassDecoder(decoder, own, step, curves.dtype)
        shaped = curves._replace(values=one.shape(curves.values, curves.bounds))
        for own, found in cut(shaped, one, grid):
            for min_duration in grid["min_duration"]:
                runs = drop_short(found, min_duration, curves.times)
                yield own._replace(min_duration=min_duration), runs


def _cut_by_thresholds(
    curves: ClassCurves, one: ClassDecoder, grid: dict[str, list]
) -> Iterator[tuple[ClassSettings, Runs]]:
    """Yield thresholds and gaps, and the runs that they give."""
    pairs = product(grid["threshold"], grid["low_threshold"])
    cuts = [one.own._replace(threshold=high, low_threshold=low) for high, low in pairs]
    cuts = [own for own in cuts if own.low <= own.threshold]
    if not cuts:
        raise ValueError(
            f"no low_threshold of {grid['low_threshold']} goes with a threshold of "
            f"{grid['threshold']}: it may not be above it"
        )
    for own in cuts:
        found = one._replace(own=own).cut(curves.values, curves.bounds)
        for min_gap in grid["min_gap"]:
            joined = close_gaps(found, min_gap, one.step)
            yield own._replace(min_gap=min_gap), joined


def _cut_to_boxes(
    curves: ClassCurves, one: ClassDecoder, grid: dict[str, list]
) -> Iterator[tuple[ClassSettings, Any]]:
    """Yield settings of the segmenters of boxes, and the boxes that they give."""
    names = ("min_gap", "merge_ratio", "merge_difference", "peak_share")
    for values in product(*(grid[name] for name in names)):
        own = one.own._replace(**dict(zip(names, values)))
        finder: Any = one._replace(own=own).finder
        boxes = finder.find(curves.values, curves.bounds)
        score, weight = finder.score(boxes), curves.weight[boxes.clip]
        for threshold in grid["threshold"]:
            own = own._replace(threshold=threshold)
            yield own, one._replace(own=own).choose(boxes, score, weight)[0]


def make_objectives(
    scoring: Callable | None, y: np.ndarray, labels: list
) -> Iterator[Callable[..., float]]:
    """Yield what is to be maximised for each class, a function of its events."""
    if scoring is not None:
        for label in labels:
            reference = [table[table["event_label"] == label] for table in y]
            yield partial(_scorer_value, scoring, stack_tables(reference), label)
        return
    events = pd.concat(list(y), ignore_index=True)
    events["clip"] = np.repeat(np.arange(len(y)), [len(table) for table in y])
    events = events.sort_values(["clip", "onset"])
    for label in labels:
        own = events[events["event_label"] == label]
        times = tuple(own[column].to_numpy() for column in ("onset", "offset", "clip"))
        yield partial(_event_f1, times)


def _event_f1(
    reference: tuple[np.ndarray, np.ndarray, np.ndarray],
    clip: np.ndarray,
    onset: np.ndarray,
    offset: np.ndarray,
) -> float:
    """Return the event-based F1 score of one class."""
    from sklearn_sed.metrics._matching import count_matches

    n_matched = count_matches(reference, (onset, offset, clip))
    return 2 * n_matched / max(len(reference[0]) + len(clip), 1)


def _scorer_value(
    scoring: Callable,
    reference: np.ndarray,
    label: Any,
    clip: np.ndarray,
    onset: np.ndarray,
    offset: np.ndarray,
) -> float:
    """Return what a scorer says of the events of one class."""
    cuts = np.searchsorted(clip, np.arange(len(reference) + 1))
    events = stack_tables(
        make_events(onset[a:b], offset[a:b], np.full(b - a, label))
        for a, b in pairwise(cuts)
    )
    value = float(scoring(_Predicted(events), np.arange(len(reference)), reference))
    if not np.isfinite(value):
        raise ValueError(
            f"scoring gave {value} for the class {label!r}; return a number"
        )
    return value


class _Predicted(BaseEstimator):
    """Events as an estimator that predicts them, for scorers."""

    def __init__(self, events):
        self.events = events

    def predict(self, X):
        """Return the events."""
        return self.events
