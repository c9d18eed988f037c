"""Metrics of sound event detection, and scorers for grid search.

Reference and estimated events are sequences of event tables, one per clip, reference
first, times in seconds. Nothing returns NaN: what has nothing to count is 0.

- Event-based: events that agree in label, onset and offset. Segment-based: what sounds
  in each second. Both are counted by sed_eval, the referee of the field.
- Intersection-based and PSDS: how much of the events overlap. The PSDS is computed from
  scores of frames or events, exactly, over all thresholds.
- ``bootstrap`` and ``compare``: confidence intervals over clips, of any metric.
- Scorers have the signature ``scorer(estimator, X, y)`` and go into ``scoring=``. For
  other parameters, wrap a metric: ``make_scorer(event_based_f1_score, t_collar=0.5)``.

Tags are ordinary multi-label targets: for their average precision and F1 score use
:func:`sklearn.metrics.average_precision_score` and :func:`sklearn.metrics.f1_score` on
:func:`sklearn_sed.events.to_tags` or the indicator.
"""

from sklearn_sed.metrics._bootstrap import ScoreInterval, bootstrap, compare
from sklearn_sed.metrics._intersection import intersection_f1_score
from sklearn_sed.metrics._pi_psds import pi_psds_score
from sklearn_sed.metrics._psds import PSDROC, psd_roc_curve, psds_score
from sklearn_sed.metrics._report import event_based_report
from sklearn_sed.metrics._scorers import (
    event_based_f1_scorer,
    psds1_scorer,
    psds2_scorer,
    segment_based_f1_scorer,
    tag_f1_scorer,
)
from sklearn_sed.metrics._scores import (
    event_based_error_rate,
    event_based_f1_score,
    segment_based_error_rate,
    segment_based_f1_score,
)
from sklearn_sed.metrics._swept import (
    best_event_based_f1_score,
    best_segment_based_f1_score,
    segment_mpauc_score,
)

__all__ = [
    "PSDROC",
    "ScoreInterval",
    "best_event_based_f1_score",
    "best_segment_based_f1_score",
    "bootstrap",
    "compare",
    "event_based_error_rate",
    "event_based_f1_score",
    "event_based_f1_scorer",
    "event_based_report",
    "intersection_f1_score",
    "pi_psds_score",
    "psd_roc_curve",
    "psds1_scorer",
    "psds2_scorer",
    "psds_score",
    "segment_based_error_rate",
    "segment_based_f1_score",
    "segment_based_f1_scorer",
    "segment_mpauc_score",
    "tag_f1_scorer",
]
