"""One y for clips with times, tags, a part of either, or nothing."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline

from sklearn_sed import FeatureArray, SeedEnsemble, TwoPassSED, WeakEventDetector
from sklearn_sed import WeakTagger as Tagger
from sklearn_sed._clips._check import check_clips
from sklearn_sed._labels._check import check_tags
from sklearn_sed._learners._times import known_frames
from sklearn_sed.calibration import CalibratedTaggerCV
from sklearn_sed.events import make_events, partial_events, stack_tables, to_tags
from sklearn_sed.exceptions import AnnotationError, LabelError, TimeResolutionError
from sklearn_sed.metrics import (
    event_based_f1_score,
    event_based_f1_scorer,
    psds1_scorer,
    segment_based_f1_scorer,
    tag_f1_scorer,
)
from sklearn_sed.model_selection import MultilabelStratifiedKFold, TunedDecoderCV
from sklearn_sed.nn import _training
from sklearn_sed.nn._augment import Augment
from sklearn_sed.nn._losses import Scores, WeakLabelLoss
from tests._networks import TinyNet

NAN = np.nan
N_CLIPS = 36


def make_clips():
    """Return clips with a low or high burst, or both, and their event tables."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N_CLIPS, 20, 8)).astype("float32")
    tables = []
    for i in range(N_CLIPS):
        found = []
        for label, bands, when in (("high", slice(4, 8), 11), ("low", slice(4), 3)):
            if rng.random() < 0.5:
                X[i, when : when + 5, bands] += 4
                found.append((when / 10, (when + 5) / 10, label))
        tables.append(make_events(*(zip(*found) if found else ([], [], []))))
    return FeatureArray(X, 0.1), stack_tables(tables)


X, TABLES = make_clips()
TAGS = [sorted(set(table["event_label"])) for table in TABLES]
# A third of the clips with times, a third with tags, a third of the rest unknown.
MIXED = [
    (TABLES[i], TAGS[i], TAGS[i], TABLES[i], set(TAGS[i]), None)[i % 6]
    for i in range(N_CLIPS)
]
TIMED = np.arange(N_CLIPS) % 3 == 0
UNKNOWN = np.arange(N_CLIPS) % 6 == 5


def detector(**params):
    return WeakEventDetector(
        **{"max_epochs": 2, "random_state": 0, "network_params": {"n_rnn": 8}, **params}
    )


def weights(model):
    state = model.net_.module_.state_dict()
    return np.concatenate([value.numpy().ravel() for value in state.values()])


class TestForms:
    @pytest.mark.parametrize("form", [list, tuple, stack_tables, pd.Series])
    def test_what_is_known(self, form):
        tags = check_tags(form(MIXED), N_CLIPS)
        whole = to_tags(TABLES, ["high", "low"])
        np.testing.assert_array_equal(tags.indicator[~UNKNOWN], whole[~UNKNOWN])
        assert (tags.indicator[UNKNOWN] == -1).all()
        np.testing.assert_array_equal(tags.timed, TIMED)
        np.testing.assert_array_equal(tags.labelled, ~UNKNOWN)
        np.testing.assert_array_equal(tags.known, ~UNKNOWN)

    def test_every_kind_of_entry(self):
        heard = make_events([1], [2], ["low"])
        without = pd.DataFrame({"onset": [NAN], "offset": NAN, "event_label": ["low"]})
        y = [
            heard,
            make_events([], [], []),
            without,
            ["low"],
            {"high"},
            ("low",),
            [],
            None,
            -1,
            partial_events(heard),
            partial_events(heard, tags=["low"]),
            partial_events(heard, absent=make_events([0], [1], ["high"])),
        ]
        tags = check_tags(y, len(y), ["high", "low", "noise"])
        assert tags.indicator.tolist() == [
            [0, 1, 0],
            [0, 0, 0],
            [0, 1, 0],
            [0, 1, 0],
            [1, 0, 0],
            [0, 1, 0],
            [0, 0, 0],
            [-1, -1, -1],
            [-1, -1, -1],
            [-1, 1, -1],
            [0, 1, 0],
            [-1, 1, -1],
        ]
        assert np.flatnonzero(tags.timed).tolist() == [0, 1]
        assert np.flatnonzero(tags.located).tolist() == [0, 1, 9, 10, 11]
        assert np.flatnonzero(~tags.labelled).tolist() == [7, 8, 9, 11]
        assert np.flatnonzero(~tags.known).tolist() == [7, 8]
        assert tags.take([9, 0]).located.tolist() == [True, True]

    @pytest.mark.parametrize(
        ("entry", "error", "message"),
        [
            ("low", LabelError, r"y, clip 1: 'low' is not a list or set of labels"),
            (3, LabelError, "y, clip 1: 3 is not a list or set of labels"),
            ([None], LabelError, r"y, clip 1 has no label \(None\)"),
            ([["low"]], LabelError, r"y, clip 1: a label is \['low'\]"),
            ([3], LabelError, "y, clip 1: a label is 3 next to 'high'"),
            (TABLES[0].assign(offset=-1.0), AnnotationError, "y, clip 1, event 0"),
            (
                partial_events(TABLES[0], tags=["high", "low"]).assign(onset=NAN),
                AnnotationError,
                "y, clip 1, event 0: onset is nan",
            ),
            (
                pd.concat([partial_events(TABLES[0])] * 2, ignore_index=True).assign(
                    present=lambda table: np.arange(len(table)) < len(table) // 2
                ),
                AnnotationError,
                "y, clip 1, events . and .: .* is present from .* they contradict",
            ),
        ],
    )
    def test_entries_that_are_not_understood(self, entry, error, message):
        assert len(TABLES[0])
        with pytest.raises(error, match=message):
            check_tags([TABLES[1] if len(TABLES[1]) else ["high"], entry], 2)

    def test_nothing_known_of_all(self):
        with pytest.raises(LabelError, match="names no class beside −1 and None"):
            detector().fit(X[:2], [None, None])
        with pytest.raises(LabelError, match="y labels no clip"):
            detector().fit(
                X[:2], [partial_events(make_events([], [], [])), {"low"}], [1, 0]
            )


class TestTagsOfAll:
    """With times="ignore", which clips have times makes no difference."""

    @pytest.mark.parametrize("params", [{}, {"class_weight": "balanced"}])
    def test_weights_are_those_of_plain_tags(self, params):
        indicator = np.array(to_tags(TABLES, ["high", "low"]))
        forms = [
            TABLES,
            TAGS,
            pd.DataFrame(indicator, columns=["high", "low"]),
            [TAGS[i] if i % 2 else TABLES[i] for i in range(N_CLIPS)],
        ]
        plain = weights(detector(**params).fit(X, indicator))
        for y in forms:
            np.testing.assert_array_equal(weights(detector(**params).fit(X, y)), plain)

    def test_unknown_clips_are_left_out(self):
        rows = np.where(UNKNOWN[:, None], -1, to_tags(TABLES, ["high", "low"]))
        expected = weights(detector().fit(X, np.array(rows)))
        np.testing.assert_array_equal(weights(detector().fit(X, MIXED)), expected)

    @pytest.mark.parametrize("make", [TwoPassSED, lambda: SeedEnsemble(detector())])
    def test_systems(self, make):
        system = make()
        if isinstance(system, TwoPassSED):
            system = TwoPassSED(tagger=Tagger(max_epochs=1), detector=detector())
        assert len(system.fit(X, MIXED).predict(X)) == N_CLIPS

    def test_tags_that_are_known_in_part(self):
        """Unknown classes of a clip have no gradient, known ones have."""
        clip = torch.zeros(1, 2, requires_grad=True)
        frame = torch.zeros(1, 4, 2, requires_grad=True)
        loss = WeakLabelLoss(cosine_weight=1.0)
        y = torch.tensor([[1.0, NAN]])
        loss(Scores(clip, frame), (y, torch.ones(1))).backward()
        assert clip.grad[0, 0] == -0.25  # half of sigmoid(0) - 1
        assert clip.grad[0, 1] == 0
        assert not frame.grad.any()


class TestFoldsAndSearches:
    def test_folds_spread_the_kinds(self):
        rng = np.random.default_rng(1)
        order = rng.permutation(N_CLIPS)
        y = stack_tables([MIXED[i] for i in order])
        for _, test in MultilabelStratifiedKFold(4).split(X, y):
            assert TIMED[order[test]].sum() == 3
            assert UNKNOWN[order[test]].sum() in (1, 2)

    def test_folds_are_as_before_where_all_clips_are_alike(self):
        cv = MultilabelStratifiedKFold(4, shuffle=True, random_state=0)
        for one, other in zip(cv.split(X, TABLES), cv.split(X, TAGS), strict=True):
            np.testing.assert_array_equal(one[1], other[1])

    @pytest.mark.parametrize("form", [list, stack_tables, pd.Series])
    def test_searches_slice_it(self, form):
        y = form(MIXED)
        scores = cross_val_score(detector(), X, y, cv=KFold(3, shuffle=True))
        assert np.isfinite(scores).all()
        search = GridSearchCV(
            make_pipeline(detector(times="learn")),
            {"weakeventdetector__strong_weight": [0.5, 1.0]},
            cv=MultilabelStratifiedKFold(2),
            scoring=event_based_f1_scorer,
            error_score="raise",
        )
        assert np.isfinite(search.fit(X, y).best_score_)


@pytest.fixture(scope="module")
def fitted():
    return detector(times="learn", max_epochs=40, learning_rate=0.005).fit(X, TABLES)


class TestScores:
    def test_events_count_where_times_are_known(self, fitted):
        expected = event_based_f1_score(TABLES[TIMED], fitted.predict(X[TIMED]))
        assert expected > 0
        wrong = [table.assign(onset=table["onset"] / 2) for table in TABLES[:18]]
        partial = [*map(partial_events, wrong), *MIXED[18:]]
        assert fitted.score(X, MIXED) == expected
        assert event_based_f1_scorer(fitted, X, MIXED) == expected
        others = X[TIMED][6:], TABLES[TIMED][6:]
        assert fitted.score(X, partial) == fitted.score(*others)

    @pytest.mark.parametrize(
        "scorer", [event_based_f1_scorer, segment_based_f1_scorer, psds1_scorer]
    )
    def test_scorers_leave_out_clips_without_times(self, fitted, scorer):
        assert scorer(fitted, X, MIXED) == scorer(fitted, X[TIMED], TABLES[TIMED])
        part = [partial_events(table, known=[(0, 2)]) for table in TABLES]
        with pytest.raises(LabelError, match="y tells those of no clip"):
            scorer(fitted, X, part)
        with pytest.raises(LabelError, match="y tells those of no clip"):
            scorer(fitted, X, TAGS)

    def test_known_tags_follow_their_clips(self, fitted):
        some = [TAGS[i] if TIMED[i] else [] for i in range(N_CLIPS)]
        expected = psds1_scorer(fitted, X[TIMED], TABLES[TIMED], tags=TABLES[TIMED])
        assert psds1_scorer(fitted, X, MIXED, tags=some) == expected

    def test_tags_count_where_they_are_known(self, fitted):
        found = X[~UNKNOWN], [TAGS[i] for i in np.flatnonzero(~UNKNOWN)]
        assert tag_f1_scorer(fitted, X, MIXED) == tag_f1_scorer(fitted, *found)
        tagger = Tagger(max_epochs=1, random_state=0).fit(X, MIXED)
        assert tagger.score(X, MIXED) == tagger.score(*found)
        # A clip known in part says nothing of the classes that were missed.
        partial = [partial_events(table) for table in TABLES[:6]] + MIXED[6:]
        assert tagger.score(X, partial) == tagger.score(X[6:], MIXED[6:])
        assert fitted.score(X[1:3], MIXED[1:3]) == fitted.score(X[1:3], TAGS[1:3])

    def test_known_tags_of_some_clips(self, fitted):
        events = fitted.predict(X[:3], tags=[None, [], ["low"]])
        assert not len(events[1])
        assert set(events[2]["event_label"]) <= {"low"}
        pd.testing.assert_frame_equal(events[0], fitted.predict(X[:1])[0])


class TestAround:
    def test_decoders_are_tuned_on_clips_with_times(self, fitted):
        grid = {"threshold": [0.3, 0.5, 0.7]}
        expected, mixed = (
            TunedDecoderCV(fitted, cv="prefit", param_grid=grid).fit(*data)
            for data in ((X[TIMED], TABLES[TIMED]), (X, MIXED))
        )
        assert mixed.decoder_.threshold == expected.decoder_.threshold
        assert mixed.best_score_ == expected.best_score_ > 0

    @pytest.mark.parametrize("form", [list, stack_tables])
    def test_decoders_are_tuned_across_folds(self, form):
        tuned = TunedDecoderCV(detector(), cv=2, param_grid={"threshold": [0.3, 0.5]})
        y = form(MIXED)
        tuned.fit(X, y)
        np.testing.assert_array_equal(
            weights(tuned.estimator_), weights(detector().fit(X, MIXED))
        )
        y = [tags if i else TABLES[0] for i, tags in enumerate(TAGS)]
        assert tuned.fit(X, form(y)).decoder_  # one fold has no times at all

    def test_tuning_without_times(self):
        with pytest.raises(LabelError, match="tunes on the times of events"):
            TunedDecoderCV(detector()).fit(X, [None, *TAGS[1:]])

    def test_calibration(self):
        tagger = Tagger(max_epochs=2, random_state=0)
        calibrated = CalibratedTaggerCV(tagger, cv=3).fit(X, stack_tables(MIXED))
        assert np.isfinite(calibrated.predict_proba(X)).all()


class TestLearning:
    def test_frames_of_each_kind(self):
        heard = make_events([0.25], [0.5], ["low"])
        y = [
            heard,
            ["low"],
            partial_events(heard, known=[(0, 0.4)]),
            None,
            make_events([], [], []),
        ]
        features = FeatureArray(np.zeros((5, 6, 2)), 0.1)
        tags = check_tags(y, 5, ["high", "low"])
        frames = known_frames(check_clips(features, detector(), reset=True), tags)
        low = [0, 0, 0.5, 1, 1, 0]
        expected = [
            ([0] * 6, low),
            ([NAN] * 6, [NAN] * 6),
            ([0, 0, 0, 0, NAN, NAN], [0, 0, 0.5, 1, 1, NAN]),
            ([NAN] * 6, [NAN] * 6),
            ([0] * 6, [0] * 6),
        ]
        assert len(frames) == len(expected)
        for own, columns in zip(frames, expected):
            np.testing.assert_allclose(own.T, columns, atol=1e-6)
        np.testing.assert_array_equal(frames.take(np.array([3, 0]))[1], frames[0])

    def test_clips_of_other_lengths_and_offsets(self):
        """Log-mel frames are centred: an onset at 0.25 s is in the middle of one."""
        heard = make_events([0.25], [0.5], ["low"])
        clips = [np.zeros((7, 2)), np.zeros((4, 2))]
        features = FeatureArray(clips, 0.1, durations=[0.6, 0.3], time_offset=-0.05)
        tags = check_tags([heard, make_events([0], [0.3], ["low"])], 2)
        frames = known_frames(check_clips(features, detector(), reset=True), tags)
        np.testing.assert_allclose(
            frames[0].ravel(), [0, 0, 0, 1, 1, 0.5, 0], atol=1e-6
        )
        np.testing.assert_allclose(frames[1].ravel(), [1] * 4, atol=1e-6)

    def test_times_teach(self):
        """Frames at the edges of events are learned: tags alone do not tell of them."""
        scores = []
        for times in ("ignore", "learn"):
            model = detector(times=times, max_epochs=100, learning_rate=0.005)
            events = model.fit(X, MIXED).predict(X, tags=TAGS)
            scores.append(event_based_f1_score(TABLES, events))
        assert scores[1] > scores[0] + 0.3

    @pytest.mark.parametrize(
        "make",
        [
            lambda: detector(times="learn"),
            lambda: TwoPassSED(detector=detector(times="learn")),
            lambda: TwoPassSED(detector=SeedEnsemble(detector(times="learn"))),
        ],
    )
    def test_complaints_come_before_training(self, make, monkeypatch):
        monkeypatch.setattr(_training, "train", None)
        for y in (TAGS, [partial_events(make_events([], [], [])), *TAGS[1:]]):
            with pytest.raises(LabelError, match="learns from times, and y has none"):
                make().fit(X, y)
        late = make_events([0.5], [2.2], ["low"])
        with pytest.raises(
            AnnotationError,
            match=r"y, clip 7, event 0: it lasts from 0\.5 to 2\.2 s, and the clip en",
        ):
            make().fit(X, [None, *MIXED[1:7], late, *MIXED[8:]])
        silent = partial_events(TABLES[0], absent=make_events([1], [3], ["high"]))
        with pytest.raises(AnnotationError, match=r"y, clip 0, event .* 1 to 3 s"):
            make().fit(X, [silent, *MIXED[1:]])
        with pytest.raises(TimeResolutionError):
            make().fit(np.asarray(X), MIXED)

    def test_a_clock_of_the_detector(self):
        y = [MIXED[i] for i in range(N_CLIPS)]
        clocked = detector(times="learn", time_resolution=0.1).fit(np.asarray(X), y)
        np.testing.assert_array_equal(
            weights(clocked), weights(detector(times="learn").fit(X, y))
        )

    def test_clips_of_which_only_frames_are_known(self):
        silent = partial_events(
            make_events([], [], []), absent=make_events([0.2], [1.0], ["low"])
        )
        y = [silent if entry is None else entry for entry in MIXED]
        ignored, learned = (
            weights(detector(times=times).fit(X, y)) for times in ("ignore", "learn")
        )
        np.testing.assert_array_equal(ignored, weights(detector().fit(X, MIXED)))
        assert not np.array_equal(
            learned, weights(detector(times="learn").fit(X, MIXED))
        )

    def test_sample_weight(self):
        """Clips without weight teach nothing, neither by tags nor by times."""
        weight = np.where(np.arange(N_CLIPS) < 30, 1.0, 0.0)
        np.testing.assert_array_equal(
            weights(detector(times="learn").fit(X, MIXED, weight)),
            weights(detector(times="learn").fit(X[:30], MIXED[:30])),
        )

    def test_self_training_keeps_what_is_known(self, monkeypatch):
        seen = []
        train = _training.train
        monkeypatch.setattr(
            _training,
            "train",
            lambda net, data, *a, **k: seen.append(data) or train(net, data, *a, **k),
        )
        detector(times="learn", self_training=1).fit(X, MIXED)
        first, second = ([inputs["frames"] for inputs, _ in data] for data in seen)
        assert len(first) == np.count_nonzero(~UNKNOWN)
        assert len(second) == N_CLIPS
        assert any(np.isnan(frames).any() for frames in first)
        assert not any(np.isnan(frames).any() for frames in second)
        for own, other in zip(first, [second[i] for i in np.flatnonzero(~UNKNOWN)]):
            told = ~np.isnan(own)
            np.testing.assert_array_equal(own[told], other[told])

    def test_event_f1_is_watched_where_there_are_times(self):
        params = {"early_stopping": "event_f1", "validation_fraction": 0.3}
        model = detector(times="learn", **params).fit(X, MIXED)
        assert all(0 <= row["valid_score"] <= 1 for row in model.history_)
        with pytest.raises(LabelError, match="no clip that is held back has them"):
            detector(**params).fit(X, TAGS)

    def test_held_back_clips_are_watched_by_the_same_loss(self):
        losses = [
            detector(times=times, early_stopping=True, validation_fraction=0.3)
            .fit(X, MIXED)
            .history_[0]["valid_loss"]
            for times in ("ignore", "learn")
        ]
        assert losses[1] > losses[0] + 0.1

    def test_checkpoints_know_the_times(self, tmp_path):
        moved = stack_tables(MIXED)
        moved[0] = moved[0].assign(offset=moved[0]["offset"] + 0.1)
        assert len(moved[0])
        for times, n_files in (("ignore", 1), ("learn", 2)):
            folder = tmp_path / times
            for y in (MIXED, moved):
                detector(times=times, checkpoint=folder).fit(X, y)
            assert len(list(folder.iterdir())) == n_files

    def test_partial_fit(self):
        model = detector(times="learn")
        model.partial_fit(X, MIXED)
        other = clone(model).partial_fit(X, TAGS, ["high", "low"])
        assert not np.array_equal(weights(model), weights(other))
        model.partial_fit(X, TAGS)  # no times this time

    def test_two_passes(self):
        sed = TwoPassSED().set_params(
            detector__times="learn",
            detector__max_epochs=2,
            detector__random_state=0,
            detector__network_params={"n_rnn": 8},
            tagger__max_epochs=1,
        )
        sed.fit(X, MIXED)
        np.testing.assert_array_equal(
            weights(sed.detector_), weights(detector(times="learn").fit(X, MIXED))
        )

    @pytest.mark.parametrize(
        "params", [{"times": "learn", "cosine_weight": 0.0}, {"cosine_weight": 0.1}]
    )
    def test_networks_that_score_clips_alone(self, params):
        class OfMeans(TinyNet):
            def forward(self, x, mask=None):
                return super().forward(x.mean(dim=1))

        model = WeakEventDetector(network=OfMeans, max_epochs=1, **params)
        with pytest.raises(ValueError, match="the network scores clips alone"):
            model.fit(X, MIXED)

    def test_strong_weight(self):
        fits = [
            weights(detector(times=times, strong_weight=weight).fit(X, MIXED))
            for times in ("ignore", "learn")
            for weight in (1.0, 3.0)
        ]
        np.testing.assert_array_equal(fits[0], fits[1])
        assert not np.array_equal(fits[2], fits[3])

    def test_the_loss_of_frames_is_weighted_like_that_of_clips(self):
        """Class and clip weights, and strong_weight, by hand."""
        loss = WeakLabelLoss(class_weight=[1.0, 3.0], frame_weight=2.0)
        frames = torch.tensor([[[1.0, NAN], [1.0, 0.0], [NAN, NAN]]])
        scores = Scores(torch.zeros(1, 2), torch.zeros(1, 3, 2))
        y = torch.tensor([[1.0, NAN]])
        log2 = np.log(2)  # the cross-entropy of every zero
        expected = 0.5 * ((log2 + 2 * log2) * 1 + (0 + 2 * log2) * 3) / 2
        found = loss(scores, (y, torch.tensor([0.5]), frames))
        assert float(found) == pytest.approx(expected)
        # Beside a clip without times, the loss of frames is the mean of those with.
        frames = torch.cat([frames, torch.full_like(frames, NAN)])
        scores = Scores(torch.zeros(2, 2), torch.zeros(2, 3, 2))
        found = loss(scores, (y.expand(2, 2), torch.tensor([0.5, 0.5]), frames))
        of_tags, of_frames = 0.5 * log2 / 2, 0.5 * (2 * log2 + 2 * log2 * 3) / 2
        assert float(found) == pytest.approx(of_tags + of_frames)

    def test_mixing_with_unknown_frames_makes_unknown_frames(self):
        x = torch.arange(2.0).reshape(2, 1, 1).expand(2, 5, 1)
        frames = torch.where(x == 0, 0.0, NAN)
        y = torch.tensor([[1.0], [NAN]])
        batch = {"x": x, "n_frames": torch.full((2,), 5), "frames": frames}
        outcomes = set()
        for seed in range(8):
            torch.manual_seed(seed)
            mixed, tags = Augment(mixup=1.0)((batch, y))
            alone = bool((mixed["x"][0] == 0).all())  # the known clip, with itself
            assert mixed["frames"][0].isnan().all() != alone
            assert tags[0].isnan().all() != alone
            assert mixed["frames"][1].isnan().all()
            assert tags[1].isnan().all()
            outcomes.add(alone)
        assert outcomes == {False, True}

    def test_mixing_with_a_clip_that_lacks_the_class_leaves_its_frames_known(self):
        x = torch.arange(2.0).reshape(2, 1, 1).expand(2, 5, 2)
        frames = torch.where(x == 0, 1.0, NAN)
        batch = {"x": x, "n_frames": torch.full((2,), 5), "frames": frames}
        y = torch.tensor([[1.0, 1.0], [0.0, 1.0]])
        shares = set()
        for seed in range(8):
            torch.manual_seed(seed)
            mixed, tags = Augment(mixup=1.0)((batch, y))
            share = tags[0, :1]  # of the first clip, in the mixture
            shares.add(float(share))
            torch.testing.assert_close(mixed["frames"][0, :, 0], share.expand(5))
            assert mixed["frames"][0, :, 1].isnan().all() == (share < 1)
            assert mixed["frames"][1].isnan().all()
        assert min(shares) < 1
