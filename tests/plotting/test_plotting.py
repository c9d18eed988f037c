"""Displays: what they draw, from what, and what they refuse."""

import inspect
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sklearn_sed import FeatureArray, LogMelTransformer, plotting
from sklearn_sed.analysis import class_correlation, mean_off_diagonal
from sklearn_sed.calibration import multilabel_calibration_curve
from sklearn_sed.events import (
    TagArray,
    events_to_frames,
    frames_to_events,
    make_events,
    stack_tables,
)
from sklearn_sed.exceptions import AnnotationError, LabelError, TimeResolutionError
from sklearn_sed.metrics import psd_roc_curve, psds_score
from sklearn_sed.plotting import (
    ClassCorrelationDisplay,
    EventDurationsDisplay,
    EventsDisplay,
    FrameScoresDisplay,
    PSDROCDisplay,
    ReliabilityDisplay,
)
from sklearn_sed.plotting._style import ESTIMATED_COLOR, REFERENCE_COLOR

CLASSES = ["Cat", "Dog", "Running_water"]
RESOLUTION = 512 / 22050


class Detector(ClassifierMixin, BaseEstimator):
    """A detector that hears each class in a band of its own."""

    def fit(self, X, y=None):
        self.classes_ = np.array(CLASSES)
        return self

    def predict_frame_proba(self, X):
        bands = np.asarray(X)[:, :, : len(CLASSES)]
        return FeatureArray(
            (np.clip(bands, -80, 0) + 80) / 80, X.time_resolution, X.durations
        )

    def predict_proba(self, X):
        return np.asarray(self.predict_frame_proba(X)).mean(axis=1)

    def predict(self, X):
        return stack_tables(
            frames_to_events(scores > 0.5, X.time_resolution, CLASSES)
            for scores in self.predict_frame_proba(X)
        )

    def score(self, X, y):
        return 0.0


@pytest.fixture(autouse=True)
def headless():
    """Draw into memory, and close what was drawn."""
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    yield
    plt.close("all")


@pytest.fixture
def ax():
    """Axes of a figure that pyplot does not know."""
    from matplotlib.figure import Figure

    return Figure(layout="constrained").subplots()


@pytest.fixture(scope="module")
def y_true():
    return stack_tables(
        [
            make_events([0.1, 0.5, 1.0], [0.4, 0.9, 1.5], ["Dog", "Cat", "Dog"]),
            make_events([], [], []),
            make_events([0.0], [1.9], ["Running_water"]),
            make_events([0.3], [0.4], ["Dog"]),
        ]
    )


@pytest.fixture(scope="module")
def features(y_true):
    """Return noise, louder in the band of a class while that sounds."""
    X = np.random.default_rng(0).uniform(-80, -40, (4, 20, 16)).astype(np.float32)
    for clip, table in zip(X, y_true):
        clip[:, : len(CLASSES)] += 30 * events_to_frames(table, CLASSES, 20, 0.1)
    return FeatureArray(X, time_resolution=0.1, durations=[1.95] * 4)


@pytest.fixture(scope="module")
def y_pred():
    return stack_tables(
        [
            make_events([0.2, 1.2], [0.5, 1.9], ["Dog", "Running_water"], [0.9, 0.4]),
            make_events([0.7], [0.8], ["Cat"], [0.5]),
            make_events([], [], []),
            make_events([0.0], [1.0], ["Dog"], [0.9]),
        ]
    )


@pytest.fixture(scope="module")
def waveforms():
    rng = np.random.default_rng(0)
    return rng.normal(0, 0.1, (3, 11025)).astype(np.float32)


def extents(bars):
    """Return lane, start and end of each bar."""
    return [
        (round(bar.get_y() + bar.get_height() / 2, 6), bar.get_x(), bar.get_x() + w)
        for bar in bars
        for w in [bar.get_width()]
    ]


def tick_names(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def legend_names(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


@pytest.mark.parametrize("nothing", ["reference", "estimated"])
def test_the_legend_keeps_its_colours_when_there_is_nothing_to_draw(ax, nothing):
    table, none = make_events([0.5], [1.0], ["Dog"]), make_events([], [], [])
    tables = (none, table) if nothing == "reference" else (table, none)
    EventsDisplay(*tables).plot(ax)
    patches = ax.get_legend().get_patches()
    colors = [mpl.colors.to_hex(patch.get_facecolor()).upper() for patch in patches]
    assert dict(zip(legend_names(ax), colors, strict=True)) == {
        "reference": REFERENCE_COLOR,
        "estimated": ESTIMATED_COLOR,
    }


@pytest.mark.parametrize("given", ["first", "named", "with_none"])
def test_what_was_found_alone_is_an_estimate(y_pred, ax, given):
    scored = [table.assign(score=0.5) for table in y_pred]
    call = {
        "first": lambda: EventsDisplay.from_predictions(scored, ax=ax),
        "named": lambda: EventsDisplay.from_predictions(y_pred=y_pred, ax=ax),
        "with_none": lambda: EventsDisplay.from_predictions(None, y_pred, ax=ax),
    }[given]
    display = call()
    assert legend_names(ax) == ["estimated"]
    assert display.bars_true_ is None
    assert extents(display.bars_pred_) == [(0.2, 0.2, 0.5), (1.2, 1.2, 1.9)]
    with pytest.raises(ValueError, match="nothing to draw"):
        EventsDisplay.from_predictions()


def test_events_lie_in_the_lanes_of_their_classes(y_true, y_pred, ax):
    display = EventsDisplay.from_predictions(y_true, y_pred, ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert tick_names(ax.yaxis) == ["Cat", "Dog", "Running water"]
    assert extents(display.bars_true_) == [
        (0.8, 0.1, 0.4),
        (-0.2, 0.5, 0.9),
        (0.8, 1.0, 1.5),
    ]
    assert extents(display.bars_pred_) == [(1.2, 0.2, 0.5), (2.2, 1.2, 1.9)]
    assert ax.get_xlim() == (0.0, 1.9)
    assert ax.get_ylim() == (2.5, -0.5)
    assert ax.get_xlabel() == "Time (s)"
    assert legend_names(ax) == ["reference", "estimated"]
    assert display.im_ is None


def test_events_under_their_spectrogram(y_true, y_pred, features, ax):
    display = EventsDisplay.from_predictions(
        y_true, y_pred, X=features, sample_rate=22050, ax=ax
    )
    image = display.im_
    np.testing.assert_array_equal(image.get_array(), features[0].T)
    start, end, bottom, top = image.get_extent()
    assert (start, end) == (0.0, 2.0)
    assert top < bottom == -0.5
    assert ax.get_ylim() == (2.5, top)
    # The recording ends within the last frame.
    assert ax.get_xlim() == (0.0, 1.95)
    assert tick_names(ax.yaxis)[3:] == ["500 Hz", "1 kHz", "2 kHz", "4 kHz", "8 kHz"]


@pytest.mark.parametrize(
    ("n_mels", "fmin", "fmax"), [(64, 0.0, None), (128, 50.0, 8000.0), (40, 300.0, 9e3)]
)
def test_frequencies_are_where_librosa_has_them(n_mels, fmin, fmax, ax):
    from librosa import mel_frequencies

    display = EventsDisplay(
        make_events([], [], []),
        spectrogram=np.zeros((10, n_mels)),
        time_resolution=0.1,
        sample_rate=22050,
        fmin=fmin,
        fmax=fmax,
    ).plot(ax)
    _, _, bottom, top = display.im_.get_extent()
    peaks = mel_frequencies(n_mels + 2, fmin=fmin, fmax=fmax or 11025)[1:-1]
    for position, name in zip(ax.get_yticks(), tick_names(ax.yaxis)):
        value, unit = name.split()
        hz = float(value) * {"Hz": 1, "kHz": 1000}[unit]
        band = (position - bottom) / (top - bottom) * n_mels - 0.5
        assert np.interp(hz, peaks, np.arange(n_mels)) == pytest.approx(band, abs=0.02)


def test_spectrogram_without_frequencies_counts_bands(features, ax):
    EventsDisplay(make_events([], [], []), spectrogram=features[0]).plot(ax)
    assert tick_names(ax.yaxis) == ["band 1", "band 16"]


def test_faint_sounds_have_the_colour_of_silence(ax):
    spectrogram = np.array([[0.0, -30.0], [-200.0, -60.0]])
    display = EventsDisplay(
        make_events([], [], []), spectrogram=spectrogram, time_resolution=1.0
    ).plot(ax)
    assert display.im_.get_clim() == (-80.0, 0.0)


def test_events_of_chosen_classes(y_true, ax):
    display = EventsDisplay.from_predictions(
        y_true,
        labels=["Speech", "Dog"],
        duration=4.0,
        ax=ax,
        legend=False,
        true_kwargs={"color": "red"},
    )
    assert tick_names(ax.yaxis) == ["Speech", "Dog"]
    assert extents(display.bars_true_) == [(0.8, 0.1, 0.4), (0.8, 1.0, 1.5)]
    assert display.bars_true_[0].get_facecolor() == (1.0, 0.0, 0.0, 1.0)
    assert display.bars_pred_ is None
    assert ax.get_xlim() == (0.0, 4.0)
    assert ax.get_legend() is None


def test_a_clip_without_events_can_be_drawn(y_true, y_pred):
    display = EventsDisplay.from_predictions(y_true, y_pred, clip=1)
    assert len(display.bars_true_) == 0
    assert len(display.bars_pred_) == 1
    nothing = EventsDisplay(make_events([], [], [])).plot()
    assert nothing.ax_.get_xlim() == (0.0, 1.0)
    nothing.figure_.canvas.draw()
    point = EventsDisplay(make_events([0.3], [0.3], ["Dog"])).plot()
    assert extents(point.bars_true_) == [(-0.2, 0.3, 0.3)]
    point.figure_.canvas.draw()


def test_events_from_a_pipeline_of_waveforms(waveforms, ax):
    model = make_pipeline(LogMelTransformer(n_mels=32, fmax=8000.0), Detector())
    model.fit(waveforms)
    y = stack_tables([make_events([0.1], [0.2], ["Cat"])] * 3)
    display = EventsDisplay.from_estimator(model, waveforms, y, clip=2, ax=ax)
    found = model.predict(waveforms)[2]
    assert len(display.bars_pred_) == len(found) > 0
    assert len(display.bars_true_) == 1
    np.testing.assert_array_equal(
        display.spectrogram, model[:-1].transform(waveforms)[2]
    )
    assert display.fmax == 8000.0
    assert "4 kHz" in tick_names(ax.yaxis)
    assert ax.get_xlim() == (0.0, 0.5)
    alone = EventsDisplay.from_estimator(model, waveforms, clip=2)
    assert alone.bars_true_ is None


def test_searches_and_frozen_estimators_are_looked_into(waveforms):
    pipeline = make_pipeline(LogMelTransformer(n_mels=16), Detector())
    y = np.zeros((3, 1))
    search = GridSearchCV(pipeline, {"logmeltransformer__fmin": [100.0]}, cv=2)
    search.fit(waveforms, y)
    frozen = FrozenEstimator(pipeline.fit(waveforms))
    for model, fmin in ((search, 100.0), (frozen, 0.0)):
        display = FrameScoresDisplay.from_estimator(model, waveforms, clip=1)
        assert display.fmin == fmin
        assert display.sample_rate == 22050
        assert len(display.lines_) == 3
    alone = make_pipeline(Detector()).fit(waveforms)
    X = LogMelTransformer(n_mels=16).transform(waveforms)
    assert FrameScoresDisplay.from_estimator(alone, X).sample_rate is None


def test_what_is_not_features_is_not_drawn_as_a_spectrogram(y_true, y_pred):
    display = EventsDisplay.from_predictions(y_true, y_pred, X=["a.wav"] * 4)
    assert display.im_ is None


def test_bad_events_are_named(y_true, features):
    with pytest.raises(ValueError, match="nothing to draw"):
        EventsDisplay().plot()
    with pytest.raises(ValueError, match="clip=4 is not in y_true, which has 4"):
        EventsDisplay.from_predictions(y_true, clip=4)
    with pytest.raises(AnnotationError, match="events_true, clip 0"):
        EventsDisplay([0.0, 1.0, "Dog"]).plot()
    with pytest.raises(ValueError, match=r"\(n_frames, n_mels\), got .* \(4, 20, 16\)"):
        EventsDisplay(y_true[0], spectrogram=np.asarray(features)).plot()
    with pytest.raises(TimeResolutionError, match="how many seconds"):
        EventsDisplay(y_true[0], spectrogram=np.zeros((20, 16))).plot()


def test_score_curves_run_through_their_lanes(y_true, features, ax):
    frame_proba = Detector().fit(None).predict_frame_proba(features)
    display = FrameScoresDisplay.from_predictions(
        y_true,
        frame_proba,
        classes=CLASSES,
        X=features,
        threshold=[0.2, 0.5, 0.8],
        ax=ax,
    )
    assert tick_names(ax.yaxis)[:3] == ["Cat", "Dog", "Running water"]
    for lane, line in enumerate(display.lines_):
        x, y = line.get_data()
        np.testing.assert_allclose(x, 0.05 + 0.1 * np.arange(20))
        scores = np.asarray(frame_proba[0][:, lane], dtype=float)
        np.testing.assert_allclose(y, lane + 0.45 - 0.9 * scores)
    assert extents(display.bars_true_) == [(1, 0.1, 0.4), (0, 0.5, 0.9), (1, 1.0, 1.5)]
    assert legend_names(ax) == ["score, 0 to 1", "threshold", "reference event"]
    dotted = [line for line in ax.lines if line.get_linestyle() == ":"]
    levels = [line.get_ydata()[0] for line in dotted]
    np.testing.assert_allclose(levels, [0.45 - 0.18, 1.0, 2.45 - 0.72])
    assert ax.get_xlim() == (0.0, 1.95)


def test_scores_alone_with_a_clock_of_their_own(ax):
    scores = np.linspace(0, 1, 8).reshape(1, 4, 2)
    display = FrameScoresDisplay.from_predictions(
        None,
        scores,
        classes=["Dog", "Cat"],
        labels=["Cat"],
        time_resolution=0.5,
        ax=ax,
        line_kwargs={"color": "red"},
        legend=False,
    )
    (line,) = display.lines_
    np.testing.assert_allclose(line.get_ydata(), 0.45 - 0.9 * scores[0, :, 1])
    assert line.get_color() == "red"
    assert ax.get_xlim() == (0.0, 2.0)
    assert display.bars_true_ is None
    assert display.im_ is None


def test_bad_scores_are_named(y_true):
    scores = np.full((4, 20, 3), 0.5)
    draw = FrameScoresDisplay.from_predictions
    with pytest.raises(TimeResolutionError, match="how many seconds"):
        draw(y_true, scores, classes=CLASSES)
    with pytest.raises(ValueError, match=r"\(n_frames, 2\)"):
        draw(y_true, scores, classes=CLASSES[:2], time_resolution=0.1)
    for wrong in (8 * scores, np.nan * scores):
        with pytest.raises(ValueError, match="between 0 and 1"):
            draw(y_true, wrong, classes=CLASSES, time_resolution=0.1)
    with pytest.raises(LabelError, match="'Speech' is not among"):
        draw(y_true, scores, classes=CLASSES, labels=["Speech"], time_resolution=0.1)


def test_class_correlation_matrix(ax):
    rng = np.random.default_rng(0)
    frame_proba = rng.random((3, 30, 3))
    display = ClassCorrelationDisplay.from_predictions(
        frame_proba, classes=CLASSES, ax=ax
    )
    expected = class_correlation(frame_proba)
    np.testing.assert_array_equal(display.im_.get_array(), expected)
    assert display.im_.get_clim() == (-1.0, 1.0)
    assert (
        tick_names(ax.xaxis) == tick_names(ax.yaxis) == ["Cat", "Dog", "Running water"]
    )
    assert display.text_[0, 0] is None
    assert float(display.text_[0, 1].get_text()) == round(expected[0, 1], 2)
    assert display.mean_off_diagonal_ == mean_off_diagonal(expected)
    assert ax.get_title() == f"mean off the diagonal: {display.mean_off_diagonal_:.2f}"


def test_class_correlation_adapts_to_its_matrix(ax):
    cosine = np.full((13, 13), 0.9)
    display = ClassCorrelationDisplay(cosine).plot(ax, colorbar=False)
    assert display.im_.get_clim() == (0.0, 1.0)
    assert display.im_.get_cmap().name == "cividis"
    assert display.text_ is None
    assert tick_names(ax.yaxis)[-1] == "12"
    small = ClassCorrelationDisplay(cosine[:2, :2]).plot()
    assert small.text_[0, 1].get_text() == ".90"
    # Yellow is bright: black on it, white on dark blue.
    assert small.text_[0, 1].get_color() == "black"
    dark = ClassCorrelationDisplay(np.eye(2)).plot()
    assert dark.text_[0, 1].get_color() == "white"


@pytest.mark.parametrize("n_classes", [1, 3, 10, 20])
def test_names_and_scale_of_a_matrix_lie_within_its_figure(n_classes):
    names = ["Electric_shaver_toothbrush"] * n_classes
    matrix = np.full((n_classes, n_classes), -0.5)
    figure = ClassCorrelationDisplay(matrix, display_labels=names).plot().figure_
    figure.canvas.draw()
    drawn, size = figure.get_tightbbox(), figure.get_size_inches()
    assert (drawn.min >= 0).all()
    assert (drawn.max <= size).all()


def test_class_correlation_from_estimator(features, y_true):
    model = make_pipeline(Detector()).fit(features)
    display = ClassCorrelationDisplay.from_estimator(model, features, method="cosine")
    frame_proba = model[-1].predict_frame_proba(features)
    np.testing.assert_array_equal(
        display.correlation, class_correlation(frame_proba, method="cosine")
    )
    tagged = ClassCorrelationDisplay.from_estimator(model, features, y_true)
    tags = [[1, 1, 0], [0, 0, 0], [0, 0, 1], [0, 1, 0]]
    np.testing.assert_array_equal(
        tagged.correlation, class_correlation(frame_proba, tags=tags)
    )
    assert tagged.display_labels.tolist() == CLASSES


def test_bad_matrices_are_named():
    with pytest.raises(ValueError, match=r"square, got shape \(2, 3\)"):
        ClassCorrelationDisplay(np.ones((2, 3))).plot()
    with pytest.raises(ValueError, match="1 names for 2 classes"):
        ClassCorrelationDisplay(np.eye(2), display_labels=["Dog"]).plot()


def test_durations_side_by_side(y_true, y_pred, ax):
    display = EventDurationsDisplay.from_predictions(y_true, y_pred, ax=ax)
    assert tick_names(ax.yaxis) == ["Cat", "Dog", "Running water"]
    assert len(display.boxes_true_["boxes"]) == len(display.boxes_pred_["boxes"]) == 3
    # Lines of the medians: dogs bark for 0.3, 0.5 and 0 seconds.
    median = display.boxes_true_["medians"][1]
    assert median.get_xdata()[0] == pytest.approx(0.3)
    assert np.mean(median.get_ydata()) == pytest.approx(0.8)
    found = display.boxes_pred_["medians"][1]
    assert found.get_xdata()[0] == pytest.approx(np.median([0.3, 1.0]))
    assert np.mean(found.get_ydata()) == pytest.approx(1.2)
    assert ax.get_xscale() == "log"
    assert ax.get_xlabel() == "Duration (s)"
    assert legend_names(ax) == ["reference", "estimated"]
    display.figure_.canvas.draw()


def test_durations_of_one_list_or_of_missing_classes(y_true, y_pred, ax):
    display = EventDurationsDisplay.from_predictions(
        y_true, ax=ax, log_scale=False, show_events=False, legend=False
    )
    assert display.boxes_pred_ is None
    assert ax.get_xscale() == "linear"
    assert np.mean(display.boxes_true_["medians"][0].get_ydata()) == 0.0
    other = EventDurationsDisplay({"Dog": [1.0]}, {"Cat": [2.0, 3.0]}).plot()
    assert tick_names(other.ax_.yaxis) == ["Dog", "Cat"]
    assert np.mean(other.boxes_pred_["medians"][0].get_ydata()) == pytest.approx(1.2)
    with pytest.raises(ValueError, match="no class"):
        EventDurationsDisplay({}).plot()


def test_durations_from_estimator(features, y_true):
    display = EventDurationsDisplay.from_estimator(
        Detector().fit(features), features, y_true, labels=["Dog"]
    )
    found = Detector().predict(features)
    assert len(display.durations_pred["Dog"]) == sum(
        (table["event_label"] == "Dog").sum() for table in found
    )
    assert len(display.durations_true["Dog"]) == 3


def test_psd_roc_curves(y_true, features, ax):
    frame_proba = Detector().fit(None).predict_frame_proba(features)
    display = PSDROCDisplay.from_predictions(
        y_true,
        frame_proba,
        labels=CLASSES,
        name="mine",
        ax=ax,
        scenario={"max_efpr": 5000.0, "alpha_st": 0.0},
    )
    expected = psd_roc_curve(
        y_true,
        frame_proba,
        time_resolution=0.1,
        labels=CLASSES,
        durations=1.95,
        max_efpr=5000.0,
        alpha_st=0.0,
    )
    assert len(expected.efpr) > 2
    assert display.curve.psds == expected.psds
    x, y = display.line_.get_data()
    np.testing.assert_array_equal(x[1:-1], expected.efpr)
    np.testing.assert_array_equal(y[1:-1], expected.tpr)
    assert x[0] == y[0] == 0.0
    assert x[-1] == 5000.0
    # The area under the staircase is the score.
    assert np.diff(x) @ y[:-1] / 5000 == pytest.approx(expected.psds)
    assert list(display.class_lines_) == CLASSES
    names = legend_names(ax)
    assert names[-1] == f"mine (PSDS = {expected.psds:.3f})"
    assert names[2] == f"Running water ({expected.class_psds['Running_water']:.2f})"
    assert ax.get_xlim() == (0.0, 5000.0)


def test_psd_roc_scenarios(y_true, features, ax):
    frame_proba = np.asarray(Detector().fit(None).predict_frame_proba(features))
    common = {"labels": CLASSES, "time_resolution": 0.1}
    first, second = (
        PSDROCDisplay.from_predictions(
            y_true, frame_proba, scenario=s, ax=ax, plot_classes=False, **common
        )
        for s in (1, 2)
    )
    assert not first.class_lines_
    assert first.curve.psds < second.curve.psds
    assert second.curve.psds == psds_score(
        y_true,
        frame_proba,
        durations=2.0,
        dtc_threshold=0.1,
        gtc_threshold=0.1,
        cttc_threshold=0.3,
        alpha_ct=0.5,
        **common,
    )
    own = PSDROCDisplay.from_predictions(
        y_true, frame_proba, scenario={"max_efpr": 50.0}, **common
    )
    assert own.curve.max_efpr == 50.0
    with pytest.raises(ValueError, match="scenario must be 1, 2 or a dict"):
        PSDROCDisplay.from_predictions(y_true, frame_proba, scenario=3, **common)
    with pytest.raises(TimeResolutionError):
        PSDROCDisplay.from_predictions(y_true, frame_proba, labels=CLASSES)


def test_psd_roc_from_estimator(y_true, features):
    model = make_pipeline(Detector()).fit(features)
    display = PSDROCDisplay.from_estimator(model, features, y_true, name="model")
    frame_proba = Detector().fit(None).predict_frame_proba(features)
    direct = PSDROCDisplay.from_predictions(y_true, frame_proba, labels=CLASSES)
    assert display.curve.psds == direct.curve.psds
    # A class that nobody trained is never found.
    more = y_true.copy()
    more[1] = make_events([0.0], [1.0], ["Speech"])
    unknown = PSDROCDisplay.from_estimator(model, features, more)
    assert unknown.curve.class_psds["Speech"] == 0.0


def test_reliability_curves(ax):
    rng = np.random.default_rng(0)
    y_proba = rng.random((200, 3))
    y = (rng.random((200, 3)) < y_proba).astype(int)
    display = ReliabilityDisplay.from_predictions(
        y, y_proba, labels=CLASSES, n_bins=5, name="mine", ax=ax
    )
    expected = multilabel_calibration_curve(y, y_proba, n_bins=5)
    x, height = display.line_.get_data()
    np.testing.assert_array_equal(x, expected.prob_pred)
    np.testing.assert_array_equal(height, expected.prob_true)
    assert list(display.class_lines_) == CLASSES
    assert sum(bar.get_height() for bar in display.bars_) == pytest.approx(1.0)
    assert legend_names(ax)[-1] == f"mine (ECE = {expected.error:.3f})"
    assert display.diagonal_.get_xydata().tolist() == [[0, 0], [1, 1]]


@pytest.mark.parametrize(("width", "beside"), [(3.4, False), (7.0, True)])
def test_many_curves_leave_room_for_themselves(width, beside):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, 3.5), layout="constrained")
    y_true = TagArray([[1, 0], [0, 1]], ["Alarm_bell_ringing", "Dog"])
    display = ReliabilityDisplay.from_predictions(
        y_true, [[0.9, 0.2], [0.1, 0.8]], ax=figure.subplots()
    )
    figure.draw_without_rendering()
    axes, legend = display.ax_.bbox, display.ax_.get_legend().get_window_extent()
    assert legend_names(display.ax_)[0] == "Alarm bell ringing (0.10)"
    assert axes.width > figure.bbox.width / 2
    assert (legend.x0 >= axes.x1) == beside
    assert legend.x0 >= 0


def test_reliability_with_less_on_it(features, y_true):
    model = make_pipeline(Detector()).fit(features)
    display = ReliabilityDisplay.from_estimator(
        model, features, y_true, plot_classes=False, show_distribution=False
    )
    assert display.class_lines_ == {}
    assert display.bars_ is None
    assert list(display.class_curves) == CLASSES
    unnamed = ReliabilityDisplay.from_predictions([[1, 0]], [[0.9, 0.2]])
    assert list(unnamed.class_curves) == [0, 1]
    bare = ReliabilityDisplay(display.curve).plot(name="bare")
    assert legend_names(bare.ax_)[0].startswith("bare (ECE")


@pytest.mark.parametrize("name", plotting.__all__)
def test_every_display_follows_scikit_learn(name, features, y_true, ax):
    cls = getattr(plotting, name)
    assert isinstance(inspect.getattr_static(cls, "from_predictions"), classmethod)
    display = cls.from_estimator(Detector().fit(features), features, y_true, ax=ax)
    assert type(display) is cls
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    given = list(inspect.signature(cls).parameters)
    assert set(given) <= set(vars(display))
    assert display.plot() is display
    assert display.ax_ is not ax


def test_drawing_on_axes_needs_no_figure_of_pyplot():
    script = """
import io, sys
import numpy as np
from sklearn_sed.plotting import *
assert "matplotlib" not in sys.modules
from matplotlib.figure import Figure
from sklearn_sed.events import make_events
ax = Figure().subplots(1, 4)
y = [make_events([0.0], [1.0], ["Dog"])]
scores = np.array([[[0.2], [0.9]]])
EventsDisplay.from_predictions(y, y, ax=ax[0])
FrameScoresDisplay.from_predictions(
    y, scores, classes=["Dog"], time_resolution=0.5, ax=ax[2])
display = ClassCorrelationDisplay.from_predictions(scores, ax=ax[3])
display.figure_.savefig(io.BytesIO(), format="png")
assert "matplotlib.pyplot" not in sys.modules
# matplotlib itself imports pyplot for a box plot.
EventDurationsDisplay.from_predictions(y, y, ax=ax[1])
import matplotlib.pyplot as plt
assert plt.get_fignums() == []
"""
    subprocess.run([sys.executable, "-c", script], check=True)
