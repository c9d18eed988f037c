"""Probabilities of several labels that mean what they say.

Of the clips to which a calibrated tagger gives a class the probability 0.8, eight in
ten have it. :class:`CalibratedTaggerCV` calibrates,
:func:`multilabel_calibration_curve` and :func:`expected_calibration_error` measure, and
:class:`~sklearn_sed.plotting.ReliabilityDisplay` shows how far off probabilities are.
"""

from sklearn_sed.calibration._calibrated_tagger import CalibratedTaggerCV
from sklearn_sed.calibration._curve import (
    CalibrationCurve,
    expected_calibration_error,
    multilabel_calibration_curve,
)

__all__ = [
    "CalibratedTaggerCV",
    "CalibrationCurve",
    "expected_calibration_error",
    "multilabel_calibration_curve",
]
