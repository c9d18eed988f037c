"""Two passes, by themselves and in scikit-learn's machinery, from audio files."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    cross_val_predict,
    cross_validate,
)
from sklearn.pipeline import make_pipeline

from sklearn_sed import (
    FeatureArray,
    LogMelTransformer,
    TwoPassSED,
    WeakEventDetector,
    WeakTagger,
    make_paper_system,
)
from sklearn_sed.datasets import make_soundscapes
from sklearn_sed.exceptions import AudioError, LabelError, TimeResolutionError
from sklearn_sed.metrics import event_based_f1_scorer, tag_f1_scorer
from tests._networks import EXACT, FAST, tones

X, Y = tones()
NAMES = [[name for name, k in zip(("low", "high"), row) if k] for row in Y]


def two_pass(**params):
    return TwoPassSED(
        tagger=WeakTagger(**EXACT), detector=WeakEventDetector(**EXACT)
    ).set_params(**params)


@pytest.fixture(scope="module")
def fitted():
    return two_pass().fit(X, NAMES)


def test_only_what_the_tagger_accepts_is_decoded(fitted):
    tags = fitted.predict_tags(X)
    np.testing.assert_array_equal(tags, fitted.tagger_.predict(X))
    by_hand = fitted.detector_.predict(X, tags=tags)
    for a, b in zip(fitted.predict(X), by_hand):
        pd.testing.assert_frame_equal(a, b)


def test_known_tags_take_the_place_of_the_tagger(fitted):
    found = fitted.predict(X, tags=[["high"]] * 24)
    assert {label for table in found for label in table["event_label"]} == {"high"}
    with pytest.raises(LabelError, match="'Owl'"):
        fitted.predict(X, tags=[["Owl"]] * 24)


def test_methods_come_from_the_pass_they_belong_to(fitted):
    np.testing.assert_array_equal(
        fitted.predict_proba(X), fitted.tagger_.predict_proba(X)
    )
    frames = fitted.predict_frame_proba(X)
    np.testing.assert_array_equal(frames, fitted.detector_.predict_frame_proba(X))
    assert frames.time_resolution == 0.05
    assert fitted.classes_.tolist() == ["high", "low"]
    assert fitted.score(X, NAMES) > 0.9
    assert fitted.score(X, fitted.predict(X)) == 1.0


def test_parts_left_out_take_nested_parameters():
    sed = TwoPassSED().set_params(
        tagger__max_epochs=3,
        detector__cosine_weight=0.5,
        detector__decoder__threshold=0.4,
    )
    assert sed.tagger.max_epochs == 3
    assert sed.detector.cosine_weight == 0.5
    assert sed.detector.decoder.threshold == 0.4
    again = clone(sed)
    assert again.get_params()["detector__decoder__threshold"] == 0.4
    other = TwoPassSED()
    assert other.tagger is None
    assert other.detector is None
    with pytest.raises(ValueError, match="Invalid parameter 'colour'"):
        TwoPassSED().set_params(detector__colour=1)


def test_given_parts_are_copied_not_fitted():
    sed = two_pass()
    sed.fit(X, NAMES)
    assert not hasattr(sed.tagger, "classes_")
    assert not hasattr(sed.detector, "classes_")


def test_frozen_parts_stay_as_they_are(fitted):
    sed = TwoPassSED(
        tagger=FrozenEstimator(fitted.tagger_), detector=WeakEventDetector(**FAST)
    ).fit(X, NAMES)
    np.testing.assert_array_equal(sed.predict_proba(X), fitted.predict_proba(X))
    both = TwoPassSED(
        tagger=FrozenEstimator(fitted.tagger_),
        detector=FrozenEstimator(fitted.detector_),
    ).fit(X, NAMES)
    for a, b in zip(both.predict(X), fitted.predict(X)):
        pd.testing.assert_frame_equal(a, b)


def test_parts_with_other_classes_are_refused(fitted):
    sed = TwoPassSED(
        tagger=FrozenEstimator(fitted.tagger_), detector=WeakEventDetector(**FAST)
    )
    with pytest.raises(LabelError, match="fit both to the same classes"):
        sed.fit(X, [["low", "Owl"], *NAMES[1:]])


def test_columns_are_matched_by_name(fitted):
    swapped = clone(fitted.tagger).fit(X, pd.DataFrame(Y, columns=["low", "high"]))
    assert swapped.classes_.tolist() == ["low", "high"]
    sed = TwoPassSED(
        tagger=FrozenEstimator(swapped), detector=FrozenEstimator(fitted.detector_)
    ).fit(X, NAMES)
    np.testing.assert_allclose(sed.predict_proba(X), swapped.predict_proba(X)[:, ::-1])


@pytest.mark.parametrize("form", ["ragged", "list", "two_d", "memmap"])
def test_other_forms_of_x(form, tmp_path):
    plain = np.asarray(X)
    np.save(tmp_path / "x.npy", plain)
    other = {
        "ragged": FeatureArray([x[: 5 + i % 9] for i, x in enumerate(plain)], 0.05),
        "list": list(plain),
        "two_d": plain[:, 0],
        "memmap": np.load(tmp_path / "x.npy", mmap_mode="r"),
    }[form]
    sed = two_pass(detector__time_resolution=0.05).fit(other, NAMES)
    events = sed.predict(other)
    assert len(events) == 24
    lengths = [len(clip) for clip in sed.predict_frame_proba(other)]
    assert lengths == [1 if form == "two_d" else len(clip) for clip in other]


@pytest.mark.parametrize("form", [lambda X: [*X], lambda X: X[:, 0]])
def test_other_forms_of_x_keep_their_clock(form):
    clips = form(FeatureArray(np.asarray(X), 0.05, np.full(24, 0.75)))
    if clips[0].ndim == 1:
        clips = FeatureArray(np.asarray(clips), 0.05)
    assert len(two_pass().fit(clips, NAMES).predict(clips)) == 24


def test_clips_known_to_be_quiet_have_no_events(fitted):
    assert [len(table) for table in fitted.predict(X[:2], tags=[[], []])] == [0, 0]


def test_without_a_clock_it_says_what_to_pass():
    sed = two_pass().fit(np.asarray(X), NAMES)
    with pytest.raises(TimeResolutionError, match="time_resolution="):
        sed.predict(np.asarray(X))


# ------------------------------------------------------------- from audio files


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return make_soundscapes(
        12,
        classes=["Alarm_bell_ringing", "Vacuum_cleaner"],
        duration=2.0,
        events_per_clip=(1, 2),
        random_state=0,
        out_dir=tmp_path_factory.mktemp("clips"),
    )


def pipeline(**params):
    """The pipeline of the README, its parts at their defaults, but quick."""
    sed = make_pipeline(LogMelTransformer(n_mels=16), TwoPassSED())
    quick = {
        f"twopasssed__{part}__{name}": value
        for part in ("tagger", "detector")
        for name, value in (*FAST.items(), ("validation_fraction", 0.0))
    }
    return sed.set_params(**quick, **params)


def labels(clips):
    return [clips.classes[row == 1].tolist() for row in clips.y_weak]


def test_pipeline_from_paths_to_events(clips):
    sed = pipeline().fit(clips.X, clips.y_weak)
    assert sed.classes_.tolist() == clips.classes.tolist()
    events = sed.predict(clips.X)
    assert len(events) == 12
    assert all((table["offset"] <= 2.0).all() for table in events)
    located = sed.predict(clips.X, tags=clips.y_weak)
    assert len(located) == 12


def test_caching_pipeline_gives_the_same(clips, tmp_path):
    plain = pipeline().fit(clips.X, labels(clips)).predict(clips.X)
    cached = pipeline(memory=str(tmp_path))
    for _ in range(2):
        found = cached.fit(clips.X, labels(clips)).predict(clips.X)
        for a, b in zip(plain, found):
            pd.testing.assert_frame_equal(a, b)


@pytest.mark.parametrize("n_jobs", [None, 2])
@pytest.mark.parametrize(
    "grid",
    [
        {"twopasssed__detector__cosine_weight": [0, 0.5]},
        {"twopasssed__detector__decoder__threshold": [0.3, 0.6]},
    ],
)
@pytest.mark.parametrize("labels_are", ["strong", "weak"])
def test_grid_search(clips, grid, n_jobs, labels_are):
    y = clips.y if labels_are == "strong" else labels(clips)
    scoring = event_based_f1_scorer if labels_are == "strong" else tag_f1_scorer
    search = GridSearchCV(
        pipeline(),
        grid,
        scoring=scoring,
        cv=KFold(2),
        n_jobs=n_jobs,
        error_score="raise",
    ).fit(clips.X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    fitted = search.best_estimator_[-1].detector_.get_params()
    for name, value in search.best_params_.items():
        assert fitted[name.removeprefix("twopasssed__detector__")] == value
    assert len(search.predict(clips.X)) == 12


def test_cross_validation(clips):
    events = cross_val_predict(pipeline(), clips.X, labels(clips), cv=KFold(3))
    assert events.shape == (12,)
    assert all(isinstance(table, pd.DataFrame) for table in events)
    scores = cross_validate(
        pipeline(),
        clips.X,
        clips.y,
        cv=KFold(2),
        scoring={"events": event_based_f1_scorer, "tags": tag_f1_scorer},
    )
    assert np.isfinite(scores["test_events"]).all()
    assert np.isfinite(scores["test_tags"]).all()


def test_a_missing_file_is_named(clips):
    with pytest.raises(AudioError, match=r"nowhere\.wav"):
        pipeline().fit([*clips.X[:-1], "nowhere.wav"], labels(clips))


@pytest.mark.parametrize("variant", ["fsl", "att", "mil", "glu_mil", "glu_mil_cos"])
def test_published_systems_fit_and_predict(variant):
    sed = make_paper_system(variant, random_state=0)
    sed.set_params(tagger__max_epochs=1, detector__max_epochs=1)
    events = sed.fit(X, NAMES).predict(X, tags=NAMES)
    assert len(events) == 24


def test_unknown_variant_lists_the_known():
    with pytest.raises(ValueError, match=r"glu_mil_cos.*mil"):
        make_paper_system("mil_glu")


def test_published_recipes():
    system = make_paper_system("glu_mil_cos", random_state=3)
    detector, tagger = system.detector, system.tagger
    assert (detector.optimizer, detector.max_epochs, detector.batch_size) == (
        "rmsprop",
        10,
        32,
    )
    assert detector.schedule == {0.6: 0.1}
    assert (detector.pooling, detector.loss) == ("max", "clip")
    assert (tagger.optimizer, tagger.max_epochs) == ("adam", 100)
    assert tagger.schedule == {0.3: 0.5, 0.6: 0.1}
    assert detector.decoder.rescale
    assert detector.decoder.low_threshold is None
    assert (tagger.random_state, detector.random_state) == (3, 3)
    assert (detector.cosine_weight, detector.cosine_pairs) == (0.1, "all")
    assert make_paper_system("glu_mil").detector.cosine_weight == 0
    assert make_paper_system("mil").detector.activation == "relu"
    assert make_paper_system("fsl").detector.loss == "strong"
    assert make_paper_system("att").detector.pooling == "attention"
