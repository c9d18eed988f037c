"""Two passes by one network: without a tagger, the detector's clip scores decide."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal

from sklearn_sed import (
    SeedEnsemble,
    TwoPassSED,
    WeakEventDetector,
    WeakTagger,
    load_model,
    save_model,
)
from tests._networks import EXACT, FAST, tones

X, Y = tones()
NAMES = [[name for name, k in zip(("low", "high"), row) if k] for row in Y]


@pytest.fixture(scope="module")
def fitted():
    return TwoPassSED(detector=WeakEventDetector(**EXACT)).fit(X, NAMES)


def same_events(found, expected):
    for one, other in zip(found, expected, strict=True):
        assert_frame_equal(one, other)


def test_it_is_the_detector_alone(fitted):
    detector = fitted.detector_
    assert_array_equal(fitted.predict_proba(X), detector.predict_proba(X))
    assert_array_equal(fitted.predict_tags(X), detector.predict_tags(X))
    same_events(fitted.predict(X), detector.predict(X))
    assert sum(map(len, fitted.predict(X))) > 0


def test_the_tagger_is_a_tagger(fitted):
    assert isinstance(fitted.tagger_, WeakTagger)
    assert fitted.tagger_.net_ is fitted.detector_.net_
    assert_array_equal(fitted.tagger_.predict(X), fitted.predict_tags(X))
    assert fitted.tagger_.decision_function(X).shape == Y.shape


def test_clips_are_passed_over_once(fitted, monkeypatch):
    seen = []
    run = WeakEventDetector._run

    def count(self, clips, **options):
        seen.append(type(self).__name__)
        return run(self, clips, **options)

    monkeypatch.setattr(WeakEventDetector, "_run", count)
    monkeypatch.setattr(WeakTagger, "_run", count)
    fitted.predict(X)
    assert seen == ["WeakEventDetector"]


def test_a_threshold_of_the_tagger_acts_at_once(fitted):
    model = TwoPassSED(detector=WeakEventDetector(**EXACT)).fit(X, NAMES)
    model.set_params(tagger__threshold=1.0)
    assert not model.predict_tags(X).any()
    assert sum(map(len, model.predict(X))) == 0
    same_events(model.predict(X, tags=NAMES), fitted.predict(X, tags=NAMES))
    assert not model.tagger_.predict(X).any()


def test_a_tagger_that_is_given_is_trained():
    params = {f"detector__{name}": value for name, value in FAST.items()}
    model = TwoPassSED().set_params(**params, tagger__max_epochs=1).fit(X, NAMES)
    assert model.tagger_.net_ is not model.detector_.net_
    assert model.tagger_.n_iter_ == 1


def test_one_label_per_clip_excludes_the_others():
    labels = np.where(Y[:, 0] == 1, "low", "high")
    model = TwoPassSED(detector=WeakEventDetector(**EXACT)).fit(X, labels)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)
    assert_array_equal(model.predict_tags(X).sum(axis=1), 1)


def test_it_learns_on():
    model = TwoPassSED(detector=WeakEventDetector(**EXACT)).fit(X, NAMES)
    before = model.predict_proba(X)
    model.partial_fit(X[:4], NAMES[:4])
    assert model.tagger_.net_ is model.detector_.net_
    assert (model.predict_proba(X) != before).any()
    assert_array_equal(model.tagger_.predict_proba(X), model.predict_proba(X))


def test_other_detectors_tag_for_themselves():
    ensemble = SeedEnsemble(WeakEventDetector(**FAST), n_estimators=2)
    model = TwoPassSED(detector=ensemble).fit(X, NAMES)
    assert_array_equal(model.predict_tags(X), model.detector_.predict_tags(X))


def test_it_is_saved_and_loaded(tmp_path):
    model = TwoPassSED(detector=WeakEventDetector(max_epochs=1)).fit(X, NAMES)
    save_model(model, tmp_path / "model.sed")
    again = load_model(tmp_path / "model.sed")
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert_array_equal(again.tagger_.predict(X), model.tagger_.predict(X))
    assert again.tagger_.net_ is again.detector_.net_
    save_model(model.detector_, tmp_path / "detector.sed")
    sizes = [(tmp_path / f"{n}.sed").stat().st_size for n in ("model", "detector")]
    assert sizes[0] < 1.01 * sizes[1]  # the network is there once
