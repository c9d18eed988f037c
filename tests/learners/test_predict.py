"""Predict once; what is not learned acts at once; tags of every kind."""

import functools

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold, LeaveOneOut, cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_sed import (
    EventDecoder,
    FeatureArray,
    SeedEnsemble,
    TwoPassSED,
    WeakEventDetector,
    WeakTagger,
)
from sklearn_sed._clips import _check
from sklearn_sed.calibration import CalibratedTaggerCV
from sklearn_sed.events import make_events, stack_tables
from sklearn_sed.exceptions import LabelError, RareClassWarning
from sklearn_sed.metrics import psds1_scorer, psds2_scorer, psds_score
from sklearn_sed.model_selection import TunedDecoderCV
from sklearn_sed.nn import _training
from tests._networks import EXACT, FAST, tones

X, Y = tones()
NAMES = [[name for name, k in zip(("low", "high"), row) if k] for row in Y]
CLASSES = ["high", "low"]


def two_pass(**params):
    return TwoPassSED(
        tagger=WeakTagger(**EXACT), detector=WeakEventDetector(**EXACT)
    ).set_params(**params)


@pytest.fixture(scope="module")
def fitted():
    return two_pass().fit(X, NAMES)


def mean_bands():
    return FunctionTransformer(lambda X: np.asarray(X).mean(axis=1))


# ---- One pass


@pytest.mark.parametrize(
    ("model", "n_passes"),
    [
        (WeakEventDetector(**FAST), 1),
        (TwoPassSED(tagger=WeakTagger(**FAST), detector=WeakEventDetector(**FAST)), 2),
        (SeedEnsemble(WeakEventDetector(**FAST), n_estimators=3, random_state=0), 3),
        (TunedDecoderCV(WeakEventDetector(**FAST), cv=2), 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_predict_passes_once_over_the_clips(model, n_passes, monkeypatch):
    tables = stack_tables(
        [make_events([0.1] * len(t), [0.4] * len(t), t) for t in NAMES]
    )
    model = clone(model).fit(X, tables)
    passes, real = [], _training.predict
    monkeypatch.setattr(
        _training, "predict", lambda *args: passes.append(1) or real(*args)
    )
    model.predict(X)
    assert len(passes) == n_passes
    passes.clear()
    model.predict(X, tags=NAMES)
    known = {TwoPassSED: 1}.get(type(model), n_passes)
    assert len(passes) == known


def test_clips_are_checked_once(monkeypatch):
    seen, real = [], _check._check_clip
    monkeypatch.setattr(
        _check, "_check_clip", lambda i, *args: seen.append(i) or real(i, *args)
    )
    tagger = SeedEnsemble(WeakTagger(**FAST), n_estimators=2, random_state=0)
    model = TwoPassSED(tagger=tagger, detector=WeakEventDetector(**FAST)).fit(X, NAMES)
    assert seen == [*range(24)]
    seen.clear()
    model.predict(X)
    assert seen == [*range(24)]


# ---- What is not learned


@pytest.mark.parametrize("wrapped", [False, True], ids=["alone", "in a pipeline"])
def test_decoder_and_threshold_act_at_the_next_predict(fitted, wrapped):
    model = make_pipeline(FunctionTransformer(), fitted) if wrapped else fitted
    prefix = "twopasssed__" if wrapped else ""
    before = model.predict(X)
    assert sum(map(len, before))
    model.set_params(**{f"{prefix}detector__decoder__min_duration": 0.9})
    assert sum(map(len, model.predict(X))) < sum(map(len, before))
    model.set_params(**{f"{prefix}detector__decoder": EventDecoder(threshold=1.0)})
    assert sum(map(len, model.predict(X))) == 0
    model.set_params(**{f"{prefix}detector__decoder": None})
    assert [len(t) for t in model.predict(X)] == [len(t) for t in before]
    model.set_params(**{f"{prefix}tagger__threshold": 1.0})
    assert sum(map(len, model.predict(X))) == 0
    model.set_params(**{f"{prefix}tagger__threshold": "f1"})
    assert [len(t) for t in model.predict(X)] == [len(t) for t in before]


def test_they_act_on_each_kind_of_estimator():
    detector = WeakEventDetector(**EXACT).fit(X, NAMES)
    ensemble = SeedEnsemble(WeakEventDetector(**EXACT), n_estimators=2).fit(X, NAMES)
    two = TwoPassSED(tagger=WeakTagger(**EXACT), detector=ensemble).fit(X, NAMES)
    for model, name in (
        (detector, "decoder__threshold"),
        (ensemble, "estimator__decoder__threshold"),
        (two, "detector__estimator__decoder__threshold"),
    ):
        assert sum(map(len, model.predict(X)))
        assert sum(map(len, model.set_params(**{name: 1.0}).predict(X))) == 0
    detector.set_params(decoder=None, threshold=[1.0, 0.5])
    assert detector.thresholds_.tolist() == [1.0, 0.5]
    assert {label for t in detector.predict(X) for label in t["event_label"]} == {"low"}


@pytest.mark.parametrize("threshold", [[np.nan, 0.5], [0.5, 1.5], [-0.1, 0.5]])
def test_impossible_thresholds(threshold):
    with pytest.raises(ValueError, match=r"within 0\.\.1"):
        WeakTagger(**FAST, threshold=threshold).fit(X, Y)


class OnlyDecodes(BaseEstimator):
    """A decoder of the user's own."""

    def decode(self, frame_proba, time_resolution, classes, tags=None):
        return stack_tables(
            [
                make_events([0.0] * k, [time_resolution] * k, np.asarray(classes)[row])
                for k, row in ((int(row.sum()), row == 1) for row in np.asarray(tags))
            ]
        )


def test_a_decoder_with_decode_alone(fitted):
    model = two_pass(detector__decoder=OnlyDecodes()).fit(X, NAMES)
    tags = fitted.predict_tags(X)
    assert [len(t) for t in model.predict(X)] == tags.sum(axis=1).tolist()
    assert 0 <= psds1_scorer(model, X, model.predict(X)) < 1


# ---- What scorers see


def test_curves_are_those_that_are_decoded(fitted):
    curves, tags = fitted.predict_curves(X), fitted.predict_tags(X)
    assert isinstance(curves, FeatureArray)
    assert curves.time_resolution == 0.05
    for clip, row in zip(np.asarray(curves), tags):
        assert (clip[:, row == 0] == 0).all()
        assert (clip[:, row == 1] > 0).any(axis=0).all()
    known = fitted.predict_curves(X, tags=[["low"]] * 24)
    assert (np.asarray(known)[:, :, 0] == 0).all()
    weighted = np.asarray(fitted.predict_curves(X, tags="proba"))
    whole = np.asarray(fitted.predict_curves(X, tags=np.ones((24, 2))))
    expected = whole * fitted.predict_proba(X)[:, None]
    np.testing.assert_allclose(weighted, expected, rtol=1e-5)


def strong(label_lists):
    tables = []
    for clip, labels in zip(np.asarray(X), label_lists):
        rows = []
        for label, bands in (("low", slice(0, 2)), ("high", slice(3, 5))):
            loud = np.flatnonzero(clip[:, bands].mean(axis=1) > 2)
            if label in labels and len(loud):
                rows.append((0.05 * loud[0], 0.05 * (loud[-1] + 1), label))
        tables.append(make_events(*zip(*rows)) if rows else make_events([], [], []))
    return stack_tables(tables)


@pytest.mark.parametrize(
    "grid",
    [
        {"tagger__threshold": [0.5, 1.0]},
        {"detector__decoder__smoothing_length": [0.05, 0.95]},
    ],
    ids=lambda grid: next(iter(grid)),
)
def test_a_search_by_psds_moves(grid):
    search = GridSearchCV(two_pass(), grid, scoring=psds1_scorer, cv=KFold(2))
    search.fit(X, strong(NAMES))
    one, other = search.cv_results_["mean_test_score"]
    assert one != other
    assert max(one, other) > 0.2


# ---- Candidates

BOXES = {"segmenter": "boxes", "smoothing": None, "threshold": 0.3}


@pytest.mark.parametrize("segmenter", ["boxes", "peaks"])
@pytest.mark.parametrize(
    ("model", "path"),
    [
        (WeakEventDetector(**EXACT), ""),
        (two_pass(), "detector__"),
        (SeedEnsemble(WeakEventDetector(**EXACT), n_estimators=2), "estimator__"),
        (TunedDecoderCV(WeakEventDetector(**EXACT), cv=2), "estimator__"),
        (
            make_pipeline(FunctionTransformer(), WeakEventDetector(**EXACT)),
            "weakeventdetector__",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_thresholds_can_be_moved_afterwards(model, path, segmenter):
    model = clone(model).set_params(**{f"{path}decoder": EventDecoder(**BOXES)})
    model.set_params(**{f"{path}decoder__segmenter": segmenter})
    model.fit(X, strong(NAMES) if isinstance(model, TunedDecoderCV) else NAMES)
    inside = model[-1] if path.startswith("weak") else model
    tags, proba = inside.predict_tags(X), inside.predict_proba(X)
    found, every = model.predict(X), model.predict(X, candidates=True)
    assert sum(map(len, every)) > sum(map(len, found)) > 0
    classes, threshold = np.array(CLASSES), inside.decoder_.threshold
    if not isinstance(threshold, dict):
        threshold = dict.fromkeys(CLASSES, threshold)
    for table, candidates, row in zip(found, every, tags):
        label, score = candidates["event_label"], candidates["score"]
        kept = candidates[
            label.isin(classes[row == 1]) & (score > label.map(threshold))
        ]
        pd.testing.assert_frame_equal(table, kept.reset_index(drop=True))
    # Scores are those of the boxes times the clip's; known tags weigh 1.
    known = model.predict(X, tags=np.ones((len(X), 2)), candidates=True)
    for table, candidates, row in zip(every, known, proba):
        score = candidates["score"] * candidates["event_label"].map(
            dict(zip(CLASSES, row))
        )
        np.testing.assert_allclose(table["score"], score, rtol=1e-6)


def test_candidates_are_of_known_classes_where_tags_are_known(fitted):
    model = two_pass(detector__decoder=EventDecoder(**BOXES)).fit(X, NAMES)
    tags = np.array([[1, 0], [-1, -1]] * 12)
    for table, row in zip(model.predict(X, tags=tags, candidates=True), tags):
        assert set(table["event_label"]) == ({"high"} if row[0] == 1 else {*CLASSES})


def test_thresholds_on_frames_have_no_candidates(fitted):
    own = two_pass(detector__decoder=OnlyDecodes()).fit(X, NAMES)
    for model in (fitted, own):
        with pytest.raises(ValueError, match="segmenter='boxes'"):
            model.predict(X, candidates=True)


@pytest.mark.parametrize("segmenter", ["boxes", "peaks"])
def test_scorers_judge_all_candidates(segmenter):
    y = strong(NAMES)
    decoder = EventDecoder(segmenter=segmenter, smoothing=None, threshold=1.0)
    model = two_pass(detector__decoder=decoder).fit(X, NAMES)
    assert sum(map(len, model.predict(X))) == 0
    events = model.predict(X, candidates=True)
    scenario2 = {"dtc_threshold": 0.1, "gtc_threshold": 0.1, "cttc_threshold": 0.3}
    durations = np.full(len(X), np.shape(X)[1] * 0.05)
    score = functools.partial(psds_score, y, labels=CLASSES, durations=durations)
    assert psds1_scorer(model, X, y) == score(events)
    assert psds2_scorer(model, X, y) == score(events, **scenario2, alpha_ct=0.5) > 0.1
    assert psds1_scorer(make_pipeline(model), X, y, tags="proba") == score(events)
    known = model.predict(X, tags=NAMES, candidates=True)
    assert psds1_scorer(model, X, y, tags=NAMES) == score(known)


# ---- Tags


def test_rows_of_minus_one_are_not_known(fitted):
    tags = np.array([[1, 0], [-1, -1], [0, 1], [-1, -1]] * 6)
    own = fitted.predict(X)
    found = fitted.predict(X, tags=tags)
    for table, row, expected in zip(found, tags, own):
        if row[0] < 0:
            pd.testing.assert_frame_equal(table, expected)
        else:
            assert set(table["event_label"]) <= {CLASSES[row.argmax()]}
    nothing_known = fitted.predict(X, tags=np.full((24, 2), -1))
    assert [len(t) for t in nothing_known] == [len(t) for t in own]


@pytest.mark.parametrize(
    "tagger",
    [
        OneVsRestClassifier(LogisticRegression()),
        KNeighborsClassifier(3),
        RandomForestClassifier(random_state=0),
        CalibratedTaggerCV(OneVsRestClassifier(LogisticRegression()), cv=3),
    ],
    ids=lambda tagger: type(tagger).__name__,
)
@pytest.mark.parametrize("labels", ["names", "frame", "indicator"])
def test_classifiers_of_scikit_learn_tag(tagger, labels):
    flat = np.asarray(X).mean(axis=1)
    y = {
        "names": NAMES,
        "frame": pd.DataFrame(Y, columns=["low", "high"]),
        "indicator": Y,
    }[labels]
    tagger = make_pipeline(mean_bands(), tagger)
    model = TwoPassSED(tagger=tagger, detector=WeakEventDetector(**FAST)).fit(X, y)
    expected = clone(tagger[-1]).fit(flat, Y).predict(flat)
    if labels == "names":
        expected = expected[:, ::-1]
    np.testing.assert_array_equal(model.predict_tags(X), expected)
    proba = model.predict_proba(X)
    assert proba.shape == (24, 2)
    np.testing.assert_array_equal(proba > 0.5, expected == 1)
    assert len(model.predict(X)) == 24


@pytest.mark.parametrize("frozen", ["ours", "scikit-learn's"])
def test_a_frozen_tagger_of_one_label_per_clip(frozen):
    one = np.array(["low" if row[0] else "high" for row in Y])
    if frozen == "ours":
        tagger = WeakTagger(**EXACT).fit(X, one)
    else:
        tagger = make_pipeline(mean_bands(), LogisticRegression()).fit(X, one)
    model = TwoPassSED(
        tagger=FrozenEstimator(tagger), detector=WeakEventDetector(**FAST)
    ).fit(X, NAMES)
    tags = model.predict_tags(X)
    assert (tags.sum(axis=1) == 1).all()
    np.testing.assert_array_equal(
        np.array(CLASSES)[tags.argmax(axis=1)], tagger.predict(X)
    )


@pytest.mark.parametrize("several", [False, True])
def test_ensembles_of_classifiers_of_scikit_learn(several):
    flat = np.asarray(X).mean(axis=1)
    y = NAMES if several else np.array(["low" if row[0] else "high" for row in Y])
    forest = RandomForestClassifier(5)
    ensemble = SeedEnsemble(forest, n_estimators=3, random_state=0).fit(flat, y)
    assert len({e.random_state for e in ensemble.estimators_}) == 3
    assert ensemble.classes_.tolist() == CLASSES
    found = ensemble.predict(flat)
    assert found.shape == ((24, 2) if several else (24,))
    assert ensemble.score(flat, y) > 0.9
    with pytest.raises(ValueError, match="has no random_state"):
        SeedEnsemble(KNeighborsClassifier()).fit(flat, y)


def test_an_ensemble_scores_the_labels_that_it_predicts():
    one = np.array(["low" if row[0] else "high" for row in Y])
    ensemble = SeedEnsemble(WeakTagger(**EXACT), n_estimators=2).fit(X, one)
    assert ensemble.score(X, ensemble.predict(X)) == 1.0
    other = np.where(ensemble.predict(X) == "low", "high", "low")
    assert ensemble.score(X, other) == 0.0


@pytest.mark.parametrize(
    "y",
    [
        pd.DataFrame(Y, columns=["low", "high"]).astype("Int64"),
        pd.DataFrame(Y == 1, columns=["low", "high"]).astype("boolean"),
        pd.DataFrame(Y, columns=["low", "high"]).astype(object),
        Y.astype(object),
    ],
    ids=["Int64", "boolean", "object", "object array"],
)
def test_indicators_of_other_types(y):
    expected = WeakTagger(**FAST).fit(X, Y).predict_proba(X)
    np.testing.assert_array_equal(
        WeakTagger(**FAST).fit(X, y).predict_proba(X), expected
    )


def test_columns_name_each_class_once():
    for columns in (["low", "low"], ["low", None]):
        with pytest.raises(LabelError, match="the columns of y"):
            WeakTagger(**FAST).fit(X, pd.DataFrame(Y, columns=columns))
    y = pd.DataFrame(Y, columns=["low", "high"]).astype("Int64")
    y.iloc[0, 0] = pd.NA
    with pytest.raises(ValueError, match="NaN"):
        WeakTagger(**FAST).fit(X, y)


@pytest.mark.parametrize("label", ["", None, np.nan])
def test_labels_that_are_missing(label):
    with pytest.raises(LabelError, match=r"y, clip 2 has no label \(.*pass \[\] for"):
        WeakTagger(**FAST).fit(X, [["a"], [], [label], *NAMES[3:]])


def test_a_class_missing_from_a_fold_counts_as_missed():
    one = np.array(["low"] * 12 + ["high"] * 11 + ["rare"])
    tagger = WeakTagger(**FAST)
    with pytest.warns(RareClassWarning, match="all count as missed"):
        scores = cross_val_score(
            tagger, X[-3:], one[-3:], cv=LeaveOneOut(), error_score="raise"
        )
    assert scores[-1] == 0
