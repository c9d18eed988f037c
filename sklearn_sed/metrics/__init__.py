"""Metrics of sound event detection."""

from sklearn_sed.metrics._report import event_based_report
from sklearn_sed.metrics._scores import (
    event_based_error_rate,
    event_based_f1_score,
    segment_based_error_rate,
    segment_based_f1_score,
)
from sklearn_sed.metrics._intersection import intersection_f1_score
from sklearn_sed.metrics._psds import PSDROC, psds_score, psd_roc_curve
