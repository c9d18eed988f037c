"""Events of a long recording, as many as there are."""

from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np

from sklearn_sed.plotting._clip import (
    ClipDisplay,
    check_table,
    describe_features,
    of_clip,
    select_clip,
)
from sklearn_sed.plotting._style import count_bar, draw_counts
from sklearn_sed.plotting._time_axis import nice_step, tell

_BINS = 240  # at most


@dataclass(eq=False, repr=False)
class TimelineDisplay(ClipDisplay):
    """How many events of each class are heard when in a long recording.

    Where there is no room for each event, its class has a lane of counts, one for each
    span of time. An event counts in every span in which it is heard. Create the display
    by :meth:`from_predictions` or :meth:`from_estimator`; all parameters are stored as
    attributes.

    Parameters
    ----------
    events : DataFrame
        Event table with the columns `onset`, `offset`, `event_label`.
    labels : sequence of str, default=None
        The classes to show, from top to bottom. By default those that occur, sorted.
    span : float, default=None
        Seconds of a count. By default such that there are 240 of them at most.
    spectrogram : array-like of shape (n_frames, n_mels), default=None
        Mel spectrogram of the recording in dB. None draws the counts alone.
    time_resolution : float, default=None
        Seconds per frame of the spectrogram. By default what the spectrogram carries.
    time_offset : float, default=None
        When its frame 0 begins, in seconds. By default what it carries, else 0.
    duration : float, default=None
        Length of the recording in seconds. By default the end of what is drawn.
    start : datetime, default=None
        When the recording began. Then the axis shows the time of the clock.
    sample_rate : float, default=None
        Sample rate in Hz behind the spectrogram. None counts mel bands instead of
        labelling frequencies.
    fmin : float, default=0.0
        Lowest frequency of the mel bands, in Hz.
    fmax : float, default=None
        Highest frequency of the mel bands, in Hz; half the sample rate when None.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the picture.
    figure_ : matplotlib Figure
        Figure that contains it.
    im_ : matplotlib AxesImage or None
        The spectrogram.
    counts_im_ : matplotlib AxesImage or None
        The counts; None where there is no class.
    span_ : float
        Seconds of a count.

    See Also
    --------
    EventsDisplay : Shows each event of a clip.
    EventsPerHourDisplay : Counts the events of many recordings by the clock.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sed.events import make_events
    >>> from sklearn_sed.plotting import TimelineDisplay
    >>> onset = np.arange(0.0, 7200.0, 60.0)
    >>> events = make_events(onset, onset + 1.5, ["Dog"] * 60 + ["Speech"] * 60)
    >>> display = TimelineDisplay.from_predictions([events])
    >>> display.span_, display.counts_im_.get_array().shape
    (30.0, (2, 239))
    """

    events: Any
    _: KW_ONLY
    labels: Any = None
    span: float | None = None

    def plot(self, ax=None, *, cmap="viridis", count_cmap="viridis_r", colorbar=True):
        """Draw the counts.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; those of a new figure when None.
        cmap : str or Colormap, default="viridis"
            Colours of the spectrogram.
        count_cmap : str or Colormap, default="viridis_r"
            Colours of the counts. No events are white.
        colorbar : bool, default=True
            Whether to draw the scale of the counts.

        Returns
        -------
        display : TimelineDisplay
            This display.

        Raises
        ------
        AnnotationError
            If the event table is not valid.
        ValueError
            If the span is no positive number, or the spectrogram is not that of one
            clip.
        """
        if self.span is not None and not 0 < self.span < np.inf:
            raise ValueError(f"span={self.span!r} must be a positive number of seconds")
        table = check_table(self.events, "events")
        labels = self.labels
        if labels is None:
            labels = sorted(table["event_label"].unique())
        labels = list(labels)
        ax = self._prepare_axes(ax, 8.0, self._height(len(labels)))
        last_offset = table["offset"].max() if len(table) else 0.0
        end = self._draw_clip(labels, last_offset, cmap)
        self.span_ = self.span or float(nice_step(end, _BINS))
        counts = self._count(table, labels, end)
        self.counts_im_ = None
        if labels:
            self.counts_im_ = draw_counts(
                ax,
                counts,
                counts.max(),
                count_cmap,
                extent=(0.0, counts.shape[1] * self.span_, len(labels) - 0.5, -0.5),
                zorder=0.4,
            )
            self._limit(labels, end)
            if colorbar:
                count_bar(ax, self.counts_im_, f"Events in {tell(self.span_)}")
        return self

    def _count(self, table, labels, end):
        """Return how many events of each class are heard in each span."""
        n_spans = max(int(np.ceil(round(end / self.span_, 6))), 1)
        counts = np.zeros((len(labels), n_spans + 1), dtype=np.int64)
        table = table[table["event_label"].isin(labels) & (table["onset"] < end)]
        lanes = [labels.index(label) for label in table["event_label"]]
        first = np.floor(table["onset"].to_numpy() / self.span_).astype(np.int64)
        stop = np.ceil(table["offset"].to_numpy() / self.span_).astype(np.int64)
        np.add.at(counts, (lanes, first), 1)
        np.add.at(counts, (lanes, np.clip(stop, first + 1, n_spans)), -1)
        return counts.cumsum(axis=1)[:, :-1]

    @classmethod
    def from_predictions(
        cls,
        y_pred,
        *,
        clip=0,
        X=None,
        labels=None,
        span=None,
        duration=None,
        start=None,
        sample_rate=None,
        fmin=0.0,
        fmax=None,
        ax=None,
        **kwargs,
    ):
        """Draw how many events are heard when in one recording out of many.

        Parameters
        ----------
        y_pred : sequence of DataFrame of length n_clips
            Events.
        clip : int, default=0
            Index of the recording.
        X : array of shape (n_clips, n_frames, n_mels) or sequence of arrays, \
                default=None
            Features, for the spectrogram. They must carry their time resolution, as
            those of :class:`~sklearn_sed.LogMelTransformer` do.
        labels, span, start
            As in the class.
        duration : float, default=None
            Length of the recording in seconds. By default what the features say.
        sample_rate, fmin, fmax : float
            The frequencies behind the mel bands, as in the class.
        ax : matplotlib Axes, default=None
            Axes to draw on; those of a new figure when None.
        **kwargs : dict
            Keyword arguments of :meth:`plot`.

        Returns
        -------
        display : TimelineDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If there is no such recording, or for the reasons of :meth:`plot`.
        """
        display = cls(
            of_clip(y_pred, clip, "y_pred"),
            labels=labels,
            span=span,
            start=start,
            sample_rate=sample_rate,
            fmin=fmin,
            fmax=fmax,
            **describe_features(X, clip, duration),
        )
        return display.plot(ax, **kwargs)

    @classmethod
    def from_estimator(cls, estimator, X, y=None, *, clip=0, **kwargs):
        """Find the events of one recording and draw how many are heard when.

        Parameters
        ----------
        estimator : estimator
            Fitted; its ``predict`` returns event tables. It passes over the whole
            recording at once: :func:`~sklearn_sed.inference.detect_events` finds the
            events of long ones.
        X : sequence of n_clips items
            What the estimator takes: features, paths, waveforms.
        y : object, default=None
            Ignored.
        clip : int, default=0
            Index of the recording; only this one is computed.
        **kwargs : dict
            Keyword arguments of :meth:`from_predictions` (`labels`, `span`, `start`,
            `duration`, `ax`) and of :meth:`plot`.

        Returns
        -------
        display : TimelineDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If there is no such recording, or for the reasons of :meth:`plot`.
        """
        one, known = select_clip(estimator, X, None, clip)
        del known["y_true"]
        return cls.from_predictions(estimator.predict(one), **known | kwargs)
