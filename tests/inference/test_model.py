"""What a fitted model is taken apart into."""

import pytest
from pandas.testing import assert_frame_equal
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_sed import TwoPassSED
from sklearn_sed.events import make_events, stack_tables
from sklearn_sed.inference import detect_events, iter_events
from sklearn_sed.model_selection import TunedDecoderCV
from tests.inference._sounds import CLIPS, Y, write


@pytest.fixture(scope="module")
def tuned_parts(model):
    """Return the features and events of clips, and how to tune on them."""
    X = model[0].transform(CLIPS)
    how = {"cv": "prefit", "param_grid": {"min_gap": [0.2]}}
    return X, stack_tables(model.predict(list(CLIPS))), how


def test_wherever_the_detector_is(model, tuned_parts, tmp_path):
    path = write(tmp_path / "a.wav", [(1, 2, "low")], 7)
    expected = detect_events(model, path, window=2.0)
    assert len(expected) == 1
    X, y, how = tuned_parts
    logmel, sed = model[0], model[-1]
    search = GridSearchCV(make_pipeline(FrozenEstimator(model)), {}, cv=2).fit(
        list(CLIPS), y
    )
    tuned = TunedDecoderCV(sed, **how).fit(X, y)
    within = TwoPassSED(
        tagger=FrozenEstimator(sed.tagger_),
        detector=make_pipeline(FunctionTransformer(), FrozenEstimator(sed.detector_)),
    ).fit(X, y)
    for other in (
        make_pipeline(logmel, within),
        FrozenEstimator(model),
        make_pipeline(logmel, "passthrough", FunctionTransformer(), sed),
        make_pipeline(logmel, make_pipeline(FrozenEstimator(sed))),
        search,
        make_pipeline(logmel, tuned),
        FrozenEstimator(make_pipeline(logmel, FrozenEstimator(tuned))),
    ):
        assert_frame_equal(detect_events(other, path, window=2.0), expected)


@pytest.mark.parametrize("outside", [False, True])
def test_a_tuned_decoder_decodes(model, tuned_parts, outside, tmp_path):
    path = write(tmp_path / "a.wav", [(1, 2, "low")], 7)
    X, y, how = tuned_parts
    if outside:
        tuned = whole = TunedDecoderCV(FrozenEstimator(model), **how)
        tuned.fit(list(CLIPS), y)
    else:
        tuned = TunedDecoderCV(make_pipeline(FunctionTransformer(), model[-1]), **how)
        whole = make_pipeline(model[0], tuned.fit(X, y))
    assert len(detect_events(whole, path, window=2.0)) == 1
    tuned.decoder_.set_params(min_duration=1.5)
    assert len(detect_events(whole, path, window=2.0)) == 0


class OnlyDecodes(BaseEstimator):
    """A decoder of the user's own, which finds one event in every clip."""

    def decode(self, frames, time_resolution, classes, tags=None, durations=None):
        table = make_events([0.5], [1.0], [classes[0]], [1.0])
        return stack_tables([table] * len(frames))


def test_a_decoder_of_the_users_own(model, tmp_path):
    other = clone(model).fit(CLIPS, Y)
    other[-1].detector_.decoder = OnlyDecodes()
    path = write(tmp_path / "a.wav", [], 2)
    (event,) = iter_events(other, path, window=2.0)
    assert event[:2] == (0.5, 1.0)
    path = write(tmp_path / "long.wav", [], 5)
    with pytest.raises(ValueError, match=r"long\.wav.*OnlyDecodes.*a longer window"):
        detect_events(other, path, window=2.0)
    assert len(detect_events(other, path, window=5.0)) == 1


def test_models_that_cannot_be_used(model, tmp_path):
    path = write(tmp_path / "a.wav", [], 1)
    with pytest.raises(NotFittedError):
        iter_events(clone(model), path)
    with pytest.raises(ValueError, match=r"begins with TwoPassSED.*make_pipeline"):
        iter_events(model[-1], path)
    with pytest.raises(ValueError, match="begins with FunctionTransformer"):
        iter_events(make_pipeline(FunctionTransformer(), model[-1]), path)
    with pytest.raises(TypeError, match="WeakTagger has no predict_frame_proba"):
        iter_events(make_pipeline(model[0], model[-1].tagger_), path)
    path = write(tmp_path / "a.wav", [], 9)
    halved = FunctionTransformer(lambda X: X[:, ::2])
    with pytest.raises(ValueError, match="change the number of frames"):
        detect_events(make_pipeline(model[0], halved, model[-1]), path, window=2.0)
