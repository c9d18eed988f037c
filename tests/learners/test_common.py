"""scikit-learn's own checks, for every estimator.

With a network that is exact there is no expected failure. With the default networks,
which draw random numbers, normalise by batches and compute in float32, there are those
of ``EXPECTED``, which docs/guide/limits.rst states.
"""

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_sed import SeedEnsemble, TwoPassSED, WeakEventDetector, WeakTagger
from tests._networks import EXACT


class DetectorActivity(WeakEventDetector):
    """A view of the detector whose ``predict`` is the frame activity."""

    def predict(self, X):
        return activity(self, X)


class TwoPassActivity(TwoPassSED):
    """A view of the two-pass system whose ``predict`` is the frame activity."""

    def predict(self, X):
        return activity(self, X)


class EnsembleActivity(SeedEnsemble):
    """A view of an ensemble of detectors whose ``predict`` is the frame activity."""

    def predict(self, X):
        return activity(self, X)


def activity(estimator, X):
    frames = np.asarray(estimator.predict_frame_proba(X))
    return (frames > 0.5).astype(int).reshape(len(frames), -1)


@parametrize_with_checks(
    [
        WeakTagger(**EXACT),
        DetectorActivity(**EXACT),
        TwoPassActivity(
            tagger=WeakTagger(**EXACT), detector=WeakEventDetector(**EXACT)
        ),
        EnsembleActivity(WeakEventDetector(**EXACT), n_estimators=2, random_state=0),
    ],
    xfail_strict=True,
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


ROUNDING = "check_methods_subset_invariance"
EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": (
        "a clip of weight 2 is augmented once, two clips are augmented twice, and "
        "batches and batch statistics are others"
    ),
}


def check_default(estimator, check):
    """Run a check; float32 may round a clip otherwise in another company."""
    try:
        check(estimator)
    except AssertionError:
        if check.func.__name__ != ROUNDING:
            raise
        pytest.xfail("scores are rounded to float32 in batches of another size")


@parametrize_with_checks(
    [
        DetectorActivity(max_epochs=2, random_state=0),
        TwoPassActivity().set_params(
            tagger__max_epochs=2,
            tagger__random_state=0,
            detector__max_epochs=2,
            detector__random_state=0,
        ),
    ],
    expected_failed_checks=lambda estimator: EXPECTED,
    xfail_strict=True,
)
def test_scikit_learn_checks_of_the_defaults(estimator, check):
    check_default(estimator, check)


@pytest.mark.slow
@parametrize_with_checks(
    [WeakTagger(max_epochs=25, random_state=0)],  # classes of blobs are to be learned
    expected_failed_checks=lambda estimator: EXPECTED,
    xfail_strict=True,
)
def test_scikit_learn_checks_of_the_default_tagger(estimator, check):
    check_default(estimator, check)
