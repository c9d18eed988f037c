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
from sklearn_sed.metrics._counts import ClipCounts
from sklearn_sed.metrics._inputs import EventArrays, align_events, report_past_end


def event_based(
    y_true: Sequence[pd.DataFrame],
    y_pred: Sequence[pd.DataFrame],
    t_collar: float,
    percentage_of_length: float,
    evaluate_offset: bool,
    durations: ArrayLike | None,
    labels: Sequence[Any] | None,
) -> ClipCounts:
    """Count events that agree in label, onset and offset, in an optimal matching."""
    names, reference, estimated = align_events(y_true, y_pred, labels, durations)
    metrics = _import_sound_event().EventBasedMetrics(
        event_label_list=_names(names),
        evaluate_offset=bool(evaluate_offset),
        t_collar=float(t_collar),
        percentage_of_length=float(percentage_of_length),
        event_matching_type="optimal",
    )
    return _count(names, metrics, "Nsubs", reference, estimated)


def segment_based(
    y_true: Sequence[pd.DataFrame],
    y_pred: Sequence[pd.DataFrame],
    segment_length: float,
    durations: ArrayLike | None,
    labels: Sequence[Any] | None,
) -> ClipCounts:
    """Count the classes that sound in each segment of each clip."""
    names, reference, estimated = align_events(y_true, y_pred, labels)
    lengths = None
    if durations is not None:
        lengths = check_durations(durations, reference.n_clips)
        report_past_end(reference, lengths)
    metrics = _import_sound_event().SegmentBasedMetrics(
        event_label_list=_names(names), time_resolution=float(segment_length)
    )
    return _count(names, metrics, "S", reference, estimated, lengths)


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
    true, pred = _event_lists(reference), _event_lists(estimated)
    for clip in sorted(true.keys() | pred.keys()):
        yield clip, true.get(clip, []), pred.get(clip, [])


def _event_lists(events: EventArrays) -> dict[int, list[dict[str, Any]]]:
    """Return the events of each clip that has some, as sed_eval reads them."""
    times = {"onset": events.onset, "offset": events.offset}
    table = pd.DataFrame({"event_label": events.label.astype(str), **times})
    return {clip: own.to_dict("records") for clip, own in table.groupby(events.clip)}


def _count(
    labels: list[Any],
    metrics: Any,
    substituted: str,
    reference: EventArrays,
    estimated: EventArrays,
    durations: NDArray[np.float64] | None = None,
) -> ClipCounts:
    """Let sed_eval count each clip; `substituted` is its name for substitutions."""
    counts = np.zeros((3, reference.n_clips, len(labels)))
    substitutions = np.zeros(reference.n_clips)
    for clip, true, pred in _clips_with_events(reference, estimated):
        length = (
            {} if durations is None else {"evaluated_length_seconds": durations[clip]}
        )
        metrics.reset()
        metrics.evaluate(reference_event_list=true, estimated_event_list=pred, **length)
        rows = [metrics.class_wise[name] for name in _names(labels)]
        counts[:, clip] = [
            [row[key] for row in rows] for key in ("Ntp", "Nref", "Nsys")
        ]
        substitutions[clip] = metrics.overall[substituted]
    tp, n_ref, n_est = counts
    return ClipCounts(labels, tp, n_ref, n_est, substitutions)
