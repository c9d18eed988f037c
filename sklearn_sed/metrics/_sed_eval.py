"""Event- and segment-based counts by sed_eval, the referee of the field.

sed_eval loads on first use. Class names travel through it as numbers, for it strips
blanks from names and takes one called "none" for missing.
"""

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sklearn_sed.events._tables import check_durations
from sklearn_sed.metrics._counts import Counts, Evaluation
from sklearn_sed.metrics._inputs import EventArrays, align_events, report_past_end


def event_based(
    y_true: Sequence[pd.DataFrame],
    y_pred: Sequence[pd.DataFrame],
    t_collar: float,
    percentage_of_length: float,
    durations: ArrayLike | None,
    labels: Sequence[Any] | None,
) -> Evaluation:
    """Count events that agree in label, onset and offset, in an optimal matching."""
    names, reference, estimated = align_events(y_true, y_pred, labels, durations)
    metrics = _import_sound_event().EventBasedMetrics(
        event_label_list=_names(names),
        t_collar=float(t_collar),
        percentage_of_length=float(percentage_of_length),
        event_matching_type="optimal",
    )
    for _, true, pred in _clips_with_events(reference, estimated):
        metrics.evaluate(reference_event_list=true, estimated_event_list=pred)
    return _evaluation(names, metrics, substitutions=metrics.overall["Nsubs"])


def segment_based(
    y_true: Sequence[pd.DataFrame],
    y_pred: Sequence[pd.DataFrame],
    segment_length: float,
    durations: ArrayLike | None,
    labels: Sequence[Any] | None,
) -> Evaluation:
    """Count the classes that sound in each segment of each clip."""
    names, reference, estimated = align_events(y_true, y_pred, labels)
    if durations is not None:
        durations = check_durations(durations, reference.n_clips)
        report_past_end(reference, durations)
    metrics = _import_sound_event().SegmentBasedMetrics(
        event_label_list=_names(names), time_resolution=float(segment_length)
    )
    for clip, true, pred in _clips_with_events(reference, estimated):
        metrics.evaluate(
            reference_event_list=true,
            estimated_event_list=pred,
            evaluated_length_seconds=None if durations is None else durations[clip],
        )
    return _evaluation(names, metrics, substitutions=metrics.overall["S"])


def _import_sound_event() -> Any:
    """Import the metrics of sed_eval without the warnings of its dependencies."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from sed_eval import sound_event
        except ModuleNotFoundError as error:
            if error.name != "pkg_resources":
                raise
            raise ImportError(
                "sed_eval needs pkg_resources, which setuptools 82 removed; run "
                "pip install 'setuptools<82'"
            ) from error
    return sound_event


def _names(labels: list[Any]) -> list[str]:
    """Return a harmless stand-in for each class name."""
    return [str(index) for index in range(len(labels))]


def _clips_with_events(
    reference: EventArrays, estimated: EventArrays
) -> Iterator[tuple[int, list[dict[str, Any]], list[dict[str, Any]]]]:
    """Yield the clips in which something happens, as lists of sed_eval's events."""
    clips = zip(reference.by_clip(), estimated.by_clip())
    for clip, (true, pred) in enumerate(clips):
        if true.start < true.stop or pred.start < pred.stop:
            yield clip, _event_list(reference, true), _event_list(estimated, pred)


def _event_list(events: EventArrays, chosen: slice) -> list[dict[str, Any]]:
    """Return events as the dictionaries that sed_eval reads."""
    return [
        {"event_label": str(label), "onset": onset, "offset": offset}
        for label, onset, offset in zip(
            events.label[chosen].tolist(),
            events.onset[chosen].tolist(),
            events.offset[chosen].tolist(),
        )
    ]


def _evaluation(labels: list[Any], metrics: Any, substitutions: float) -> Evaluation:
    """Collect the counts that sed_eval has accumulated."""
    by_class = [metrics.class_wise[name] for name in _names(labels)]
    return Evaluation(
        labels,
        class_wise=_counts(
            np.array([[count[key] for count in by_class] for key in _KEYS]), 0.0
        ),
        overall=_counts(
            np.array([metrics.overall[key] for key in _KEYS]), substitutions
        ),
    )


_KEYS = ("Ntp", "Nref", "Nsys")


def _counts(numbers: NDArray[np.float64], substitutions: float) -> Counts:
    """Turn the numbers named by `_KEYS` into counts."""
    tp, n_ref, n_est = numbers.astype(np.float64)
    return Counts(tp, n_est - tp, n_ref - tp, np.full(tp.shape, substitutions))
