"""Events on a clip, under their spectrogram."""

import matplotlib as mpl
import numpy as np
import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sklearn_sed import FeatureArray, LogMelTransformer
from sklearn_sed.events import (
    make_events,
    stack_tables,
)
from sklearn_sed.exceptions import AnnotationError, TimeResolutionError
from sklearn_sed.plotting import (
    EventsDisplay,
    FrameScoresDisplay,
)
from sklearn_sed.plotting._style import ESTIMATED_COLOR, REFERENCE_COLOR
from tests.plotting._pictures import (
    CLASSES,
    Detector,
    extents,
    legend_names,
    tick_names,
)


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
    assert extents(display.bars_pred_) == [(0.0, 0.2, 0.5), (1.0, 1.2, 1.9)]
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


def test_pictures_are_where_the_clock_has_them(y_true, features):
    centred = FeatureArray(
        np.asarray(features), 0.1, features.durations, time_offset=-0.05
    )
    picture = EventsDisplay.from_predictions(y_true, X=centred, sample_rate=22050)
    assert picture.im_.get_extent()[:2] == pytest.approx([-0.05, 1.95])
    scores = np.full((4, 20, 3), 0.5)
    late, early = (
        FrameScoresDisplay.from_predictions(
            y_true, FeatureArray(scores, 0.1, time_offset=offset), classes=CLASSES
        ).lines_[0]
        for offset in (0.0, -0.05)
    )
    np.testing.assert_allclose(late.get_xdata() - early.get_xdata(), 0.05)


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
    assert extents(display.bars_true_) == [(1.0, 0.1, 0.4), (1.0, 1.0, 1.5)]
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
    assert extents(point.bars_true_) == [(0.0, 0.3, 0.3)]
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
