"""Class-wise tuning of the decoder on held-back clips."""

import pickle
from itertools import product

import numpy as np
import pytest
from joblib import parallel_config
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold
from sklearn.pipeline import make_pipeline

from sklearn_sed import (
    EventDecoder,
    FeatureArray,
    LogMelTransformer,
    TwoPassSED,
    WeakEventDetector,
    WeakTagger,
)
from sklearn_sed.datasets import make_soundscapes
from sklearn_sed.events import make_events, stack_tables, to_tags
from sklearn_sed.exceptions import AnnotationError, LabelError, TimeResolutionError
from sklearn_sed.metrics import (
    event_based_f1_score,
    event_based_f1_scorer,
    segment_based_f1_scorer,
)
from sklearn_sed.model_selection import TunedDecoderCV
from tests._networks import EXACT

STEP = 0.1
CLASSES = ["Cat", "Dog"]


class Detector(BaseEstimator):
    """Features are scores already; column 0 of a clip tells which clip it is."""

    def __init__(self, decoder=None, power=1.0, time_resolution=STEP):
        self.decoder = decoder
        self.power = power
        self.time_resolution = time_resolution

    def fit(self, X, y, sample_weight=None):
        self.seen_ = {float(clip[0, 0]) for clip in X}
        self.weight_ = sample_weight
        self.classes_ = np.unique([label for t in y for label in t["event_label"]])
        default = EventDecoder(low_threshold="half")
        self.decoder_ = default if self.decoder is None else clone(self.decoder)
        return self

    def predict_frame_proba(self, X):
        assert not self.seen_ & {float(clip[0, 0]) for clip in X}, "seen in training"
        columns = [1 + CLASSES.index(label) for label in self.classes_]
        scores = [np.asarray(clip)[:, columns] ** self.power for clip in X]
        frames = np.empty(len(scores), dtype=object)
        frames[:] = scores
        return FeatureArray(
            frames,
            time_resolution=self.time_resolution,
            durations=getattr(X, "durations", None),
        )

    def predict_proba(self, X):
        return np.array([clip.max(axis=0) for clip in self.predict_frame_proba(X)])

    def predict_tags(self, X):
        return (self.predict_proba(X) > 0.3).astype(int)

    def predict(self, X, tags=None):
        frames = self.predict_frame_proba(X)
        tags = self.predict_tags(X) if tags is None else tags
        return self.decoder_.decode(frames, STEP, self.classes_, tags)


class Loader(TransformerMixin, BaseEstimator):
    """From names of clips to clips."""

    def __init__(self, store=None):
        self.store = store

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        return [self.store[name] for name in X]


def make_clips(n_clips=12, n_frames=80, seed=0, background=0.1, peak=(0.45, 0.9)):
    """Clips whose Cats peak at 0.45 and whose Dogs have false bumps of 0.6."""
    rng = np.random.default_rng(seed)
    clips, events = [], []
    for clip in range(n_clips):
        scores = rng.uniform(0, background, (n_frames, 3))
        scores[:, 0] = clip / 1000 + seed / 100_000
        onset, offset, label = [], [], []
        for column, name in enumerate(CLASSES):
            if (clip >> column) % 2:
                continue
            start = int(rng.integers(15, 40))
            stop = start + int(rng.integers(10, 25))
            scores[start:stop, 1 + column] = peak[column]
            onset.append(start * STEP)
            offset.append(stop * STEP)
            label.append(name)
        if clip % 3 == 0:
            scores[5:9, 2] = 0.6
        clips.append(scores)
        events.append(make_events(onset, offset, label))
    return np.array(clips), stack_tables(events)


def small_grid(**more):
    grid = {
        "threshold": [0.2, 0.5, 0.8],
        "low_threshold": [None, 0.3],
        "smoothing": [None, "mean", "median"],
        "smoothing_length": [0.3],
        "min_gap": [0.0, 0.3],
        "min_duration": [0.0, 0.5],
    }
    return grid | more


def fitted_elsewhere(X, y, **params):
    """A detector that was fitted on clips other than X."""
    return Detector(**params).fit(X + 0.5, y)


def test_each_class_gets_what_it_needs():
    X, y = make_clips()
    grid = {"threshold": [0.2, 0.3, 0.5, 0.7, 0.8], "low_threshold": ["half"]}
    tuned = TunedDecoderCV(Detector(), cv=3, param_grid=grid).fit(X, y)
    assert_allclose(tuned.class_scores_, [1, 1])
    assert tuned.best_score_ == 1
    assert tuned.decoder_.threshold["Cat"] < 0.45
    assert tuned.decoder_.threshold["Dog"] >= 0.6
    assert list(tuned.classes_) == CLASSES
    new_X, new_y = make_clips(seed=1)
    assert event_based_f1_score(new_y, tuned.predict(new_X)) == 1
    assert tuned.score(new_X, new_y) == 1
    assert event_based_f1_score(new_y, tuned.estimator_.predict(new_X)) < 0.6


def test_the_same_starts_from_the_default_grid_of_all_settings():
    X, y = make_clips()
    tuned = TunedDecoderCV(Detector(), cv=2).fit(X, y)
    for name in ("rescale", "threshold", "low_threshold"):
        assert set(getattr(tuned.decoder_, name)) == set(CLASSES)
    for name in ("smoothing_length", "min_gap", "min_duration"):
        assert set(getattr(tuned.decoder_, name)) == set(CLASSES)
    tuned.decoder_._check(CLASSES)


def brute_force(X, y, tags, grid):
    """The best score of each class, by decoding and by sed_eval."""
    best = np.zeros(len(CLASSES))
    for values in product(*grid.values()):
        settings = dict(zip(grid, values))
        if (settings["low_threshold"] or 0) > settings["threshold"]:
            continue
        events = EventDecoder(**settings).decode(X[:, :, 1:], STEP, CLASSES, tags)
        scores = event_based_f1_score(y, events, average=None, labels=CLASSES)
        best = np.maximum(best, scores)
    return best


@pytest.mark.parametrize("tags", ["predicted", "true"])
def test_the_search_finds_the_best_there_is(tags):
    X, y = make_clips(8, background=0.7, seed=3)
    detector = fitted_elsewhere(X, y)
    grid = small_grid(rescale=[True, False])
    tuned = TunedDecoderCV(detector, cv="prefit", param_grid=grid, tags=tags).fit(X, y)
    chosen = to_tags(y, CLASSES) if tags == "true" else detector.predict_tags(X)
    assert_allclose(tuned.class_scores_, brute_force(X, y, chosen, grid))
    assert 0 < tuned.best_score_ < 1
    assert tuned.best_score_ == tuned.class_scores_.mean()
    # What was found is what decodes so.
    events = tuned.predict(X, tags=chosen)
    scores = event_based_f1_score(y, events, average=None, labels=CLASSES)
    assert_allclose(scores, tuned.class_scores_)


@pytest.mark.parametrize(
    "scorer", [event_based_f1_scorer, make_scorer(event_based_f1_score)]
)
def test_a_scorer_finds_the_same_as_the_fast_count(scorer):
    X, y = make_clips(6, background=0.6, seed=4)
    grid = {"threshold": [0.2, 0.5, 0.8], "min_duration": [0.0, 0.5]}
    detector = fitted_elsewhere(X, y)
    fast, slow = (
        TunedDecoderCV(detector, cv="prefit", param_grid=grid, scoring=scoring)
        for scoring in (None, scorer)
    )
    assert_allclose(fast.fit(X, y).class_scores_, slow.fit(X, y).class_scores_)
    assert 0 < fast.best_score_ < 1
    assert fast.decoder_.get_params() == slow.decoder_.get_params()


def test_another_scorer_finds_what_it_likes():
    X, y = make_clips(6)
    X[0, 60:65, 2] = 0.9
    grid = {"threshold": [0.3, 0.7], "min_duration": [0.0, 0.7]}
    tuned = TunedDecoderCV(
        Detector(), cv=2, param_grid=grid, scoring=segment_based_f1_scorer
    )
    events = tuned.fit(X, y).predict(make_clips(6, seed=1)[0])
    assert 0.8 < tuned.best_score_ <= 1
    assert len(events) == 6


def test_a_scorer_must_return_a_number():
    X, y = make_clips(4)
    with pytest.raises(ValueError, match="scoring gave nan for the class 'Cat'"):
        TunedDecoderCV(Detector(), cv=2, scoring=lambda *_: np.nan).fit(X, y)


def test_it_is_never_tuned_on_clips_that_trained_it():
    # The detector refuses to score what it has seen.
    X, y = make_clips()
    for cv in (2, KFold(4, shuffle=True, random_state=0), list(KFold(3).split(X))):
        TunedDecoderCV(Detector(), cv=cv, param_grid={"threshold": [0.3]}).fit(X, y)
    with pytest.raises(AssertionError, match="seen in training"):
        TunedDecoderCV(Detector().fit(X, y), cv="prefit").fit(X, y)


def test_folds_are_stratified_by_class():
    # Sorted by class: plain folds would hold back a class that was never learned.
    X, y = make_clips(8)
    order = np.argsort([len(table) and table["event_label"][0] == "Dog" for table in y])
    tuned = TunedDecoderCV(Detector(), cv=2).fit(X[order], y[order])
    assert tuned.best_score_ == 1


def test_prefit_keeps_the_estimator():
    X, y = make_clips()
    detector = fitted_elsewhere(X, y)
    before = detector.decoder_.get_params()
    tuned = TunedDecoderCV(detector, cv="prefit").fit(X, y)
    assert tuned.estimator_ is detector
    assert detector.decoder_.get_params() == before
    with pytest.raises(NotFittedError):
        TunedDecoderCV(Detector(), cv="prefit").fit(X, y)


def test_settings_not_in_the_grid_stay_those_of_the_estimator():
    X, y = make_clips()
    decoder = EventDecoder(
        min_duration={"Cat": 0.3, "Dog": 0.2}, low_threshold="half", window_length=0.4
    )
    detector = Detector(decoder=decoder)
    tuned = TunedDecoderCV(detector, cv=2, param_grid={"threshold": [0.3, 0.7]})
    tuned.fit(X, y)
    assert tuned.decoder_.get_params() == {
        **decoder.get_params(),
        "threshold": {"Cat": 0.3, "Dog": 0.7},
    }
    assert decoder.threshold == "auto"


def test_the_middle_of_equally_good_thresholds():
    X, y = make_clips(background=0.05)
    grid = {"threshold": [0.02, 0.1, 0.2, 0.3, 0.4, 0.6], "smoothing": [None]}
    tuned = TunedDecoderCV(Detector(), cv=2, param_grid=grid).fit(X, y)
    # Any of 0.1 to 0.4 finds the Cats, which peak at 0.45.
    assert 0.2 <= tuned.decoder_.threshold["Cat"] <= 0.3


def test_a_class_without_events_keeps_its_settings():
    X, y = make_clips(8)
    cats = stack_tables(table[table["event_label"] == "Cat"] for table in y)
    detector = fitted_elsewhere(X, y, decoder=EventDecoder(threshold=0.55))
    tuned = TunedDecoderCV(detector, cv="prefit").fit(X, cats)
    assert tuned.decoder_.threshold["Dog"] == 0.55
    assert tuned.class_scores_[1] == 0
    assert tuned.class_scores_[0] == 1


def test_a_class_that_no_clip_is_tagged_with_keeps_its_settings():
    X, y = make_clips(8, peak=(0.2, 0.9))
    tuned = TunedDecoderCV(fitted_elsewhere(X, y), cv="prefit").fit(X, y)
    assert tuned.class_scores_[0] == 0
    assert tuned.decoder_.threshold["Cat"] == 0.5


def test_a_class_missing_from_a_training_fold():
    X, y = make_clips(8)
    has_cat = to_tags(y, CLASSES)[:, 0] > 0
    # The only Cat is in one clip: its fold is scored by a detector of Dogs alone.
    lone = np.flatnonzero(has_cat)[1:]
    y[lone] = [table[table["event_label"] == "Dog"] for table in y[lone]]
    tuned = TunedDecoderCV(Detector(), cv=2).fit(X, y)
    assert list(tuned.classes_) == CLASSES
    assert tuned.class_scores_[0] == 0
    assert tuned.class_scores_[1] == 1


@pytest.mark.parametrize("segmenter", ["derivative", "area", "boxes", "peaks"])
def test_other_segmenters_are_tuned_too(segmenter):
    X, y = make_clips(8)
    decoder = EventDecoder(segmenter=segmenter, window_length=0.5)
    tuned = TunedDecoderCV(Detector(decoder=decoder), cv=2).fit(X, y)
    assert tuned.decoder_.segmenter == segmenter
    assert tuned.best_score_ > 0.6


def test_tags_that_are_known_are_taken():
    X, y = make_clips()
    tuned = TunedDecoderCV(Detector(), cv=2).fit(X, y)
    new_X, _ = make_clips(seed=2)
    none = tuned.predict(new_X, tags=np.zeros((len(new_X), 2)))
    assert all(table.empty for table in none)
    lists = tuned.predict(new_X, tags=[["Dog"]] * len(new_X))
    assert {label for t in lists for label in t["event_label"]} == {"Dog"}
    with pytest.raises(LabelError, match="Cow"):
        tuned.predict(new_X, tags=[["Cow"]] * len(new_X))


def test_the_other_methods_are_the_estimators():
    X, y = make_clips()
    tuned = TunedDecoderCV(Detector(), cv=2).fit(X, y)
    new_X, new_y = make_clips(seed=2)
    for method in ("predict_proba", "predict_tags"):
        expected = getattr(tuned.estimator_, method)(new_X)
        assert_array_equal(getattr(tuned, method)(new_X), expected)
    frames = tuned.predict_frame_proba(new_X)
    assert frames.time_resolution == STEP
    assert_array_equal(frames[3], tuned.estimator_.predict_frame_proba(new_X)[3])
    weak = to_tags(new_y, CLASSES)
    assert tuned.score(new_X, weak) == pytest.approx(2 * 6 / 13 / 2 + 0.5, abs=0.2)


def test_durations_end_the_events():
    X, y = make_clips(4)
    X[:, :, 1:] = 0.1
    X[:, 60:, 1:] = 0.9
    y = stack_tables(make_events([6.0] * 2, [7.5] * 2, CLASSES) for _ in X)
    X = FeatureArray(X, time_resolution=STEP, durations=np.full(4, 7.5))
    detector = Detector().fit(X + 0.5, y)
    grid = {"threshold": [0.7]}
    tuned = TunedDecoderCV(detector, cv="prefit", param_grid=grid).fit(X, y)
    assert tuned.best_score_ == 1
    assert max(table["offset"].max() for table in tuned.predict(X)) == 7.5


def test_around_a_pipeline_and_inside_one():
    X, y = make_clips()
    new_X, new_y = make_clips(seed=1)
    store = {f"{i}.wav": clip for i, clip in enumerate([*X, *new_X])}
    names = list(store)
    train, test = names[: len(X)], names[len(X) :]
    around = TunedDecoderCV(make_pipeline(Loader(store), Detector()), cv=3)
    inside = make_pipeline(Loader(store), TunedDecoderCV(Detector(), cv=3))
    grid_search = GridSearchCV(
        Detector(), {"power": [1.0]}, cv=2, scoring=lambda estimator, X, y: 0.0
    )
    search = TunedDecoderCV(grid_search, cv=2)
    for tuned in (around, inside):
        events = tuned.fit(train, y).predict(test)
        assert event_based_f1_score(new_y, events) == 1
        known = tuned.predict(test, tags=[["Dog"]] * len(test))
        assert {label for t in known for label in t["event_label"]} == {"Dog"}
    assert_array_equal(around.predict_frame_proba(test)[0], new_X[0][:, 1:])
    assert_array_equal(around.predict_tags(test), search.fit(X, y).predict_tags(new_X))
    frozen = FrozenEstimator(around.estimator_)
    again = TunedDecoderCV(frozen, cv="prefit").fit(test, new_y)
    assert again.best_score_ == 1


def test_in_a_grid_search():
    X, y = make_clips()
    tuned = TunedDecoderCV(Detector(), cv=2, param_grid={"threshold": [0.3, 0.7]})
    search = GridSearchCV(tuned, {"estimator__power": [1.0, 9.0]}, cv=2).fit(X, y)
    assert search.best_params_ == {"estimator__power": 1.0}
    assert search.best_score_ == 1


def test_parameters_clone_and_pickle():
    tuned = TunedDecoderCV(Detector(decoder=EventDecoder()), param_grid=small_grid())
    tuned.set_params(estimator__decoder__threshold=0.4, cv=2)
    copy = clone(tuned)
    assert copy.get_params()["estimator__decoder__threshold"] == 0.4
    assert copy.estimator is not tuned.estimator
    X, y = make_clips()
    new_X, _ = make_clips(seed=1)
    tuned.fit(X, y)
    again = pickle.loads(pickle.dumps(tuned))
    for table, expected in zip(again.predict(new_X), tuned.predict(new_X)):
        assert_frame_equal(table, expected)
    for value in tuned.decoder_.threshold.values():
        assert type(value) is float


def test_jobs_change_nothing():
    X, y = make_clips(background=0.6)
    grid = small_grid(threshold=np.linspace(0.3, 0.9, 4))
    alone = TunedDecoderCV(Detector(), cv=3, param_grid=grid).fit(X, y)
    with parallel_config(backend="threading"):
        both = TunedDecoderCV(Detector(), cv=3, param_grid=grid, n_jobs=2).fit(X, y)
    assert both.decoder_.get_params() == alone.decoder_.get_params()
    assert_array_equal(both.class_scores_, alone.class_scores_)


def test_metadata_reach_the_estimator_and_the_splitter():
    X, y = make_clips()
    groups = np.arange(len(X)) // 2
    weight = np.arange(len(X), dtype=float)
    with pytest.raises(ValueError, match="routing"):
        TunedDecoderCV(Detector()).fit(X, y, sample_weight=weight)
    with config_context(enable_metadata_routing=True):
        detector = Detector().set_fit_request(sample_weight=True)
        tuned = TunedDecoderCV(detector, cv=GroupKFold(3))
        tuned.fit(X, y, sample_weight=weight, groups=groups)
        assert_array_equal(tuned.estimator_.weight_, weight)
        prefit = TunedDecoderCV(fitted_elsewhere(X, y), cv="prefit")
        assert prefit.fit(X, y).estimator_.weight_ is None


def test_tags_of_the_estimator_are_passed_on():
    tags = TunedDecoderCV(Detector()).__sklearn_tags__()
    assert tags.target_tags.required
    assert tags.input_tags == Detector().__sklearn_tags__().input_tags


def test_times_are_needed():
    X, y = make_clips(4)
    with pytest.raises(LabelError, match="tunes on the times of events"):
        TunedDecoderCV(Detector()).fit(X, to_tags(y, CLASSES))
    with pytest.raises(LabelError, match="tunes on the times of events"):
        TunedDecoderCV(Detector()).fit(X, [["Dog"], [], ["Cat"], []])
    broken = [*y[:3], y[3].drop(columns="offset")]
    with pytest.raises(AnnotationError, match=r"clip 3.*'offset' is missing"):
        TunedDecoderCV(Detector()).fit(X, broken)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        TunedDecoderCV(Detector()).fit(X, y[:3])


def test_bad_input():
    X, y = make_clips(6)
    cow = stack_tables(make_events([0], [1], ["Cow"]) for _ in X)
    prefit = TunedDecoderCV(fitted_elsewhere(X, y), cv="prefit")
    with pytest.raises(LabelError, match="'Cow' is not among the classes"):
        prefit.fit(X, cow)
    prefit.estimator.time_resolution = None
    with pytest.raises(TimeResolutionError, match="LogMelTransformer"):
        prefit.fit(X, y)
    with pytest.raises(TypeError, match="DummyClassifier has no predict_frame_proba"):
        TunedDecoderCV(DummyClassifier().fit([[0]], [0]), cv="prefit").fit(X, y)
    with pytest.raises(NotFittedError):
        TunedDecoderCV(Detector()).predict(X)
    with pytest.raises(ValueError, match="'cv' parameter"):
        TunedDecoderCV(Detector(), cv=1).fit(X, y)


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ({"treshold": [0.3]}, "'treshold' is not a per-class setting.*min_duration"),
        ({"threshold": [0.3, 1.5]}, "threshold.*Got 1.5"),
        ({"smoothing": []}, "'smoothing' has no values"),
        ({"threshold": [0.2], "low_threshold": [0.4]}, "no low_threshold of"),
    ],
)
def test_an_impossible_grid(grid, message):
    X, y = make_clips(6)
    with pytest.raises(ValueError, match=message):
        TunedDecoderCV(Detector(), cv=2, param_grid=grid).fit(X, y)


def test_from_files_to_tuned_events(tmp_path):
    data = make_soundscapes(
        8, classes=CLASSES, duration=2.0, random_state=0, out_dir=tmp_path
    )
    learner = EXACT | {"max_epochs": 2}
    sed = make_pipeline(
        LogMelTransformer(),
        TwoPassSED(tagger=WeakTagger(**learner), detector=WeakEventDetector(**learner)),
    )
    tuned = TunedDecoderCV(sed, cv=2, param_grid=small_grid()).fit(data.X, data.y)
    start = tuned.estimator_[-1].detector_.decoder_
    assert tuned.decoder_.segmenter == start.segmenter
    events = tuned.predict(data.X, tags=data.y)
    assert len(events) == 8
    assert max(table["offset"].max() for table in events if len(table)) <= 2.0
    alone = TunedDecoderCV(tuned.estimator_, cv="prefit").fit(data.X, data.y)
    assert alone.best_score_ == alone.class_scores_.mean()
