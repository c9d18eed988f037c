"""Events of a clip, true and found, under its spectrogram."""

from dataclasses import KW_ONLY, dataclass
from typing import Any

import pandas as pd

from sklearn_sed.plotting._clip import (
    ClipDisplay,
    check_table,
    describe_features,
    of_clip,
    select_clip,
)
from sklearn_sed.plotting._style import (
    ESTIMATED_COLOR,
    REFERENCE_COLOR,
    legend_above,
)


@dataclass(eq=False, repr=False)
class EventsDisplay(ClipDisplay):
    """Reference and estimated events of a clip under its spectrogram.

    Each class has a lane, with its reference events above its estimated ones where
    there are both. Create the display by :meth:`from_predictions` or
    :meth:`from_estimator`; all parameters are stored as attributes.

    Parameters
    ----------
    events_true : DataFrame, default=None
        Reference: event table with the columns `onset`, `offset`, `event_label`. Alone
        and with a `score`, it is drawn as the estimate that it is.
    events_pred : DataFrame, default=None
        Estimate: event table.
    labels : sequence of str, default=None
        The classes to show, from top to bottom. By default those that occur, sorted.
    spectrogram : array-like of shape (n_frames, n_mels), default=None
        Mel spectrogram of the clip in dB. None draws the events alone.
    time_resolution : float, default=None
        Seconds per frame of the spectrogram. By default what the spectrogram carries.
    time_offset : float, default=None
        When its frame 0 begins, in seconds. By default what it carries, else 0.
    duration : float, default=None
        Length of the clip in seconds. By default the end of what is drawn.
    sample_rate : float, default=None
        Sample rate in Hz behind the spectrogram. None counts mel bands instead of
        labelling frequencies.
    fmin : float, default=0.0
        Lowest frequency of the mel bands, in Hz.
    fmax : float, default=None
        Highest frequency of the mel bands, in Hz; half the sample rate when None.
    start : datetime, default=None
        When the clip began. Then the axis shows the time of the clock.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the picture.
    figure_ : matplotlib Figure
        Figure that contains it.
    im_ : matplotlib AxesImage or None
        The spectrogram.
    bars_true_, bars_pred_ : matplotlib BarContainer or None
        One bar for each reference and for each estimated event.

    See Also
    --------
    FrameScoresDisplay : The score curves in which events are found.

    Examples
    --------
    >>> from sklearn_sed.events import make_events
    >>> from sklearn_sed.plotting import EventsDisplay
    >>> y_true = [make_events([0.5, 2.0], [1.0, 4.0], ["Dog", "Speech"])]
    >>> y_pred = [make_events([0.6], [1.2], ["Dog"])]
    >>> display = EventsDisplay.from_predictions(y_true, y_pred)
    >>> len(display.bars_true_), len(display.bars_pred_)
    (2, 1)
    """

    events_true: Any = None
    events_pred: Any = None
    _: KW_ONLY
    labels: Any = None

    def plot(
        self,
        ax=None,
        *,
        cmap="viridis",
        true_kwargs=None,
        pred_kwargs=None,
        legend=True,
    ):
        """Draw the events.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; those of a new figure when None.
        cmap : str or Colormap, default="viridis"
            Colours of the spectrogram.
        true_kwargs, pred_kwargs : dict, default=None
            Style of the bars: keyword arguments of :meth:`matplotlib.axes.Axes.barh`.
        legend : bool, default=True
            Whether to say which bars are which.

        Returns
        -------
        display : EventsDisplay
            This display.

        Raises
        ------
        AnnotationError
            If an event table is not valid.
        ValueError
            If there are neither reference nor estimated events, or the spectrogram is
            not that of one clip.
        """
        if self.events_true is None and self.events_pred is None:
            raise ValueError("nothing to draw: pass events_true, events_pred or both")
        true = check_table(self.events_true, "events_true")
        pred = check_table(self.events_pred, "events_pred")
        if pred is None and "score" in true:
            true, pred = None, true
        drawn = pd.concat([table for table in (true, pred) if table is not None])
        labels = self.labels
        if labels is None:
            labels = sorted(drawn["event_label"].unique())
        labels = list(labels)
        ax = self._prepare_axes(ax, 6.0, self._height(len(labels)))
        last_offset = drawn["offset"].max() if len(drawn) else 0.0
        self._draw_clip(labels, last_offset, cmap)
        style = {"height": 0.38, "linewidth": 0.8}
        reference = {"color": REFERENCE_COLOR, "label": "reference"} | style
        estimate = {"color": ESTIMATED_COLOR, "label": "estimated"} | style
        reference |= true_kwargs or {}
        estimate |= pred_kwargs or {}
        shift = 0.0 if true is None or pred is None else 0.2
        self.bars_true_ = self._draw_events(true, labels, -shift, reference)
        self.bars_pred_ = self._draw_events(pred, labels, shift, estimate)
        if legend:
            legend_above(ax)
        return self

    @classmethod
    def from_predictions(
        cls,
        y_true=None,
        y_pred=None,
        *,
        clip=0,
        X=None,
        labels=None,
        duration=None,
        sample_rate=None,
        fmin=0.0,
        fmax=None,
        start=None,
        ax=None,
        **kwargs,
    ):
        """Draw the events of one clip out of many.

        Parameters
        ----------
        y_true : sequence of DataFrame of length n_clips, default=None
            Reference events; what a detector found may be passed alone.
        y_pred : sequence of DataFrame of length n_clips, default=None
            Estimated events.
        clip : int, default=0
            Index of the clip.
        X : array of shape (n_clips, n_frames, n_mels) or sequence of arrays, \
                default=None
            Features, for the spectrogram. They must carry their time resolution, as
            those of :class:`~sklearn_sed.LogMelTransformer` do.
        labels : sequence of str, default=None
            The classes to show. By default those that occur in the clip, sorted.
        duration : float, default=None
            Length of the clip in seconds. By default what the features say.
        sample_rate, fmin, fmax : float
            The frequencies behind the mel bands, as in the class.
        start : datetime, default=None
            When the clip began, as in the class.
        ax : matplotlib Axes, default=None
            Axes to draw on; those of a new figure when None.
        **kwargs : dict
            Keyword arguments of :meth:`plot`.

        Returns
        -------
        display : EventsDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If there is no such clip, or for the reasons of :meth:`plot`.
        """
        display = cls(
            of_clip(y_true, clip, "y_true"),
            of_clip(y_pred, clip, "y_pred"),
            labels=labels,
            sample_rate=sample_rate,
            fmin=fmin,
            fmax=fmax,
            start=start,
            **describe_features(X, clip, duration),
        )
        return display.plot(ax, **kwargs)

    @classmethod
    def from_estimator(cls, estimator, X, y=None, *, clip=0, **kwargs):
        """Find the events of one clip and draw them.

        Parameters
        ----------
        estimator : estimator
            Fitted; its ``predict`` returns event tables. A pipeline computes the
            spectrogram, and a transformer in it that has `sample_rate`, `fmin` and
            `fmax` tells the frequencies.
        X : sequence of n_clips items
            What the estimator takes: features, paths, waveforms.
        y : sequence of DataFrame of length n_clips, default=None
            Reference events.
        clip : int, default=0
            Index of the clip; only this one is computed.
        **kwargs : dict
            Keyword arguments of :meth:`from_predictions` (`labels`, `duration`,
            `start`, `ax`)
            and of :meth:`plot`.

        Returns
        -------
        display : EventsDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If there is no such clip, or for the reasons of :meth:`plot`.
        """
        one, known = select_clip(estimator, X, y, clip)
        return cls.from_predictions(y_pred=estimator.predict(one), **known, **kwargs)
