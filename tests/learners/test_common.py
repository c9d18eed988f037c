"""scikit-learn's own checks, for every estimator, with no expected failure."""

import numpy as np
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
