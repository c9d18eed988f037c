"""Score curves of a clip under its spectrogram, the reference events shaded."""

from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np

from sklearn_sed._unwrap import unwrap
from sklearn_sed.exceptions import LabelError
from sklearn_sed.plotting._clip import (
    ClipDisplay,
    check_table,
    describe_features,
    of_clip,
    select_clip,
)
from sklearn_sed.plotting._style import (
    BLACK,
    SKY_BLUE,
    legend_above,
)

CURVE_HEIGHT = 0.9  # of a score of 1, in lanes


@dataclass(eq=False, repr=False)
class FrameScoresDisplay(ClipDisplay):
    """Score curves of a clip under its spectrogram, the reference events shaded.

    Each class has a lane, in which its curve runs from 0 at the bottom to 1 at the top.
    Create the display by :meth:`from_predictions` or :meth:`from_estimator`; all
    parameters are stored as attributes.

    Parameters
    ----------
    frame_proba : array-like of shape (n_frames, n_classes)
        Frame scores of the clip, 0 to 1.
    classes : sequence of str of length n_classes
        The class of each column.
    events_true : DataFrame, default=None
        Reference: event table with the columns `onset`, `offset`, `event_label`.
    threshold : float or array-like of shape (n_classes,), default=None
        Decision threshold, of all classes or of each; drawn as a dotted line.
    labels : sequence of str, default=None
        The classes to show, from top to bottom. By default all, in their order.
    spectrogram : array-like of shape (n_frames, n_mels), default=None
        Mel spectrogram of the clip in dB. None draws the curves alone.
    time_resolution : float, default=None
        Seconds per frame. By default what `frame_proba` or the spectrogram carries.
    time_offset : float, default=None
        When frame 0 begins, in seconds. By default what they carry, else 0.
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
    lines_ : list of matplotlib Line2D
        The curve of each class shown.
    bars_true_ : matplotlib BarContainer or None
        One shade for each reference event shown.

    See Also
    --------
    EventsDisplay : The events found in the curves.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sed.events import make_events
    >>> from sklearn_sed.plotting import FrameScoresDisplay
    >>> frame_proba = np.array([[[0.1, 0.2], [0.9, 0.1], [0.8, 0.3], [0.2, 0.2]]])
    >>> y_true = [make_events([1.0], [3.0], ["Dog"])]
    >>> display = FrameScoresDisplay.from_predictions(
    ...     y_true, frame_proba, classes=["Dog", "Cat"], time_resolution=1.0
    ... )
    >>> len(display.lines_), len(display.bars_true_)
    (2, 1)
    """

    frame_proba: Any
    classes: Any
    _: KW_ONLY
    events_true: Any = None
    threshold: Any = None
    labels: Any = None

    def plot(
        self,
        ax=None,
        *,
        cmap="viridis",
        line_kwargs=None,
        true_kwargs=None,
        legend=True,
    ):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; those of a new figure when None.
        cmap : str or Colormap, default="viridis"
            Colours of the spectrogram.
        line_kwargs : dict, default=None
            Style of the curves: keyword arguments of
            :meth:`matplotlib.axes.Axes.plot`.
        true_kwargs : dict, default=None
            Style of the shades: keyword arguments of
            :meth:`matplotlib.axes.Axes.barh`.
        legend : bool, default=True
            Whether to say what curves and shades are.

        Returns
        -------
        display : FrameScoresDisplay
            This display.

        Raises
        ------
        LabelError
            If one of `labels` is not a class.
        TimeResolutionError
            If nothing says how long a frame lasts.
        ValueError
            If the scores are not those of one clip.
        """
        scores, columns = self._checked_scores()
        labels = [list(self.classes)[column] for column in columns]
        times = self._frame_times(np.arange(len(scores)) + 0.5)
        end = float(self._frame_times(len(scores)))
        height = 1.0 + 0.42 * len(labels) + (self.spectrogram is not None) * 1.7
        ax = self._prepare_axes(ax, 6.0, height)
        self._draw_clip(labels, end, cmap)
        shade = {"color": SKY_BLUE, "alpha": 0.45, "linewidth": 0, "height": 1.0}
        shade |= {"label": "reference event"} | (true_kwargs or {})
        true = check_table(self.events_true, "events_true")
        self.bars_true_ = self._draw_events(true, labels, 0.0, shade)
        style = {"color": BLACK, "linewidth": 1.0, "label": "score, 0 to 1"}
        style |= line_kwargs or {}
        self.lines_ = []
        for lane, column in enumerate(columns):
            curve = lane + CURVE_HEIGHT * (0.5 - scores[:, column])
            self.lines_ += ax.plot(times, curve, **style)
            style["label"] = None
        self._draw_thresholds(ax, columns)
        if legend:
            legend_above(ax)
        return self

    def _checked_scores(self):
        """Return the scores as an array, and the columns to show."""
        scores = np.asarray(self.frame_proba, dtype=np.float64)
        classes = list(self.classes)
        if scores.ndim != 2 or scores.shape[1] != len(classes) or not len(scores):
            raise ValueError(
                "frame_proba must be the scores of one clip, (n_frames, "
                f"{len(classes)}), a column for each class, got shape {scores.shape}"
            )
        if not ((scores >= 0) & (scores <= 1)).all():
            raise ValueError(
                "frame_proba must lie between 0 and 1; pass probabilities or rescaled "
                "scores, not logits"
            )
        labels = classes if self.labels is None else list(self.labels)
        unknown = [label for label in labels if label not in classes]
        if unknown:
            raise LabelError(
                f"labels: {unknown[0]!r} is not among the classes {classes}"
            )
        return scores, [classes.index(label) for label in labels]

    def _draw_thresholds(self, ax, columns):
        """Draw the decision threshold of each class shown."""
        if self.threshold is None:
            return
        thresholds = np.broadcast_to(self.threshold, len(self.classes))
        for lane, column in enumerate(columns):
            ax.axhline(
                lane + CURVE_HEIGHT * (0.5 - thresholds[column]),
                color="0.35",
                linewidth=0.8,
                linestyle=":",
                label=None if lane else "threshold",
            )

    @classmethod
    def from_predictions(
        cls,
        y_true,
        frame_proba,
        *,
        classes,
        clip=0,
        X=None,
        threshold=None,
        labels=None,
        time_resolution=None,
        time_offset=None,
        duration=None,
        sample_rate=None,
        fmin=0.0,
        fmax=None,
        start=None,
        ax=None,
        **kwargs,
    ):
        """Draw the score curves of one clip out of many.

        Parameters
        ----------
        y_true : sequence of DataFrame of length n_clips or None
            Reference events.
        frame_proba : array-like of shape (n_clips, n_frames, n_classes) or sequence \
                of array-like of shape (n_frames_i, n_classes)
            Frame scores of each clip.
        classes : sequence of str of length n_classes
            The class of each column.
        clip : int, default=0
            Index of the clip.
        X : array of shape (n_clips, n_frames, n_mels) or sequence of arrays, \
                default=None
            Features, for the spectrogram.
        threshold : float or array-like of shape (n_classes,), default=None
            Decision threshold, of all classes or of each.
        labels : sequence of str, default=None
            The classes to show. By default all.
        time_resolution : float, default=None
            Seconds per frame. By default what scores or features carry.
        time_offset : float, default=None
            When frame 0 begins, in seconds. By default what they carry, else 0.
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
        display : FrameScoresDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If there is no such clip, or for the reasons of :meth:`plot`.
        """
        display = cls(
            of_clip(frame_proba, clip, "frame_proba"),
            classes,
            events_true=of_clip(y_true, clip, "y_true"),
            threshold=threshold,
            labels=labels,
            time_resolution=time_resolution,
            time_offset=time_offset,
            sample_rate=sample_rate,
            fmin=fmin,
            fmax=fmax,
            start=start,
            **describe_features(X, clip, duration),
        )
        return display.plot(ax, **kwargs)

    @classmethod
    def from_estimator(cls, estimator, X, y=None, *, clip=0, **kwargs):
        """Compute the score curves of one clip and draw them.

        Parameters
        ----------
        estimator : estimator
            Fitted; it, or the last step of a pipeline, has ``predict_frame_proba`` and
            ``classes_``. A pipeline computes the spectrogram, and a transformer in it
            that has `sample_rate`, `fmin` and `fmax` tells the frequencies.
        X : sequence of n_clips items
            What the estimator takes: features, paths, waveforms.
        y : sequence of DataFrame of length n_clips, default=None
            Reference events.
        clip : int, default=0
            Index of the clip; only this one is computed.
        **kwargs : dict
            Keyword arguments of :meth:`from_predictions` (`threshold`, `labels`,
            `duration`, `ax`) and of :meth:`plot`.

        Returns
        -------
        display : FrameScoresDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If there is no such clip, or for the reasons of :meth:`plot`.
        """
        one, known = select_clip(estimator, X, y, clip)
        inside = unwrap(estimator)
        return cls.from_predictions(
            frame_proba=inside.estimator.predict_frame_proba(inside.transform(one)),
            classes=inside.estimator.classes_,
            **known,
            **kwargs,
        )
