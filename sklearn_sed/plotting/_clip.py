"""What pictures of one clip share: a spectrogram above one lane for each class."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing

from sklearn_sed._clips._check import check_time_resolution
from sklearn_sed._unwrap import unwrap
from sklearn_sed.events import check_events, frames_to_time
from sklearn_sed.plotting._style import Display, class_name, divide_lanes
from sklearn_sed.plotting._time_axis import label_time

SPECTROGRAM_HEIGHT = 4.0  # in lanes
DYNAMIC_RANGE = 80.0  # in dB: what is weaker has the colour of silence


@dataclass(eq=False, repr=False)
class ClipDisplay(Display):
    """A clip's spectrogram over lanes, one for each class, in a single axes.

    The vertical unit is the height of a lane. Lane k lies around k, counted downwards;
    the spectrogram lies above lane 0. So time is shared, and the picture goes into any
    axes of any figure.
    """

    _: KW_ONLY
    spectrogram: Any = None
    time_resolution: float | None = None
    time_offset: float | None = None
    duration: float | None = None
    sample_rate: float | None = None
    fmin: float = 0.0
    fmax: float | None = None
    start: datetime | None = None

    def _height(self, n_lanes: int) -> float:
        """Return how high a figure is, in inches."""
        return 1.0 + 0.3 * n_lanes + (self.spectrogram is not None) * 1.4

    def _draw_clip(self, labels: list[Any], last_offset: float, cmap: Any) -> float:
        """Draw the spectrogram, the names of the lanes and the labels of the axes.

        Returns the end of the axis of time.
        """
        ax, n_lanes = self.ax_, len(labels)
        positions: list[float] = list(range(n_lanes))
        names = [class_name(label) for label in labels]
        end = last_offset
        self.im_ = None
        if self.spectrogram is not None:
            bands = self._check_spectrogram()
            edges = self._frame_times([0, len(bands)])
            top, end = -0.5 - SPECTROGRAM_HEIGHT, max(end, edges[1])
            peak = bands.max()
            self.im_ = ax.imshow(
                bands.T,
                origin="lower",
                aspect="auto",
                extent=(*edges, -0.5, top),
                cmap=cmap,
                vmin=max(bands.min(), peak - DYNAMIC_RANGE),
                vmax=peak,
            )
            for position, name in self._band_ticks(bands.shape[1]):
                positions.append(-0.5 - position * SPECTROGRAM_HEIGHT / bands.shape[1])
                names.append(name)
        ax.set_yticks(positions, names)
        divide_lanes(ax, n_lanes)
        end = float(self.duration if self.duration is not None else end) or 1.0
        self._limit(labels, end)
        label_time(ax, end, self.start)
        return end

    def _limit(self, labels: list[Any], end: float) -> None:
        """Have the axes end where the picture does."""
        top = -0.5 - SPECTROGRAM_HEIGHT * (self.im_ is not None)
        self.ax_.set(xlim=(0.0, end), ylim=(max(len(labels), 1) - 0.5, top))

    def _draw_events(
        self, table: Any, labels: Sequence[Any], shift: float, style: dict[str, Any]
    ) -> Any:
        """Draw a bar in its lane for each event of the labels; None without a table."""
        if table is None:
            return None
        table = table[table["event_label"].isin(labels)]
        if not len(table):  # the legend still has their colour
            shown = ("alpha", "color", "edgecolor", "facecolor", "hatch", "label")
            patch = {key: style[key] for key in shown if key in style}
            self.ax_.fill_between([], [], **patch)
            style = style | {"label": None}
        lanes = [labels.index(label) + shift for label in table["event_label"]]
        onset, offset = table["onset"].to_numpy(), table["offset"].to_numpy()
        return self.ax_.barh(lanes, offset - onset, left=onset, **style)

    def _frame_times(self, frames: Any) -> np.ndarray:
        """Return when frames begin, by what is given or the first that carries it."""
        carrier = getattr(self, "frame_proba", None)
        if getattr(carrier, "time_resolution", None) is None:
            carrier = self.spectrogram
        known = getattr(carrier, "time_resolution", None)
        resolution = check_time_resolution(self.time_resolution, known)
        offset = self.time_offset
        if offset is None:
            offset = getattr(carrier, "time_offset", 0.0)
        return frames_to_time(frames, resolution, offset)

    def _check_spectrogram(self) -> np.ndarray:
        """Return the spectrogram as an array."""
        bands = np.asarray(self.spectrogram, dtype=np.float64)
        if bands.ndim != 2 or 0 in bands.shape or not np.isfinite(bands).all():
            raise ValueError(
                "spectrogram must be the finite features of one clip, (n_frames, "
                f"n_mels), got an array of shape {bands.shape}"
            )
        return bands

    def _band_ticks(self, n_mels: int) -> list[tuple[float, str]]:
        """Return at which height, counted in bands, to write which frequency."""
        if self.sample_rate is None:
            return [(0.5, "band 1"), (n_mels - 0.5, f"band {n_mels}")]
        from sklearn_sed._compile import import_librosa

        hz_to_mel = import_librosa().hz_to_mel
        fmax = self.sample_rate / 2 if self.fmax is None else self.fmax
        low, high = hz_to_mel(self.fmin), hz_to_mel(fmax)
        octaves = 500.0 * 2.0 ** np.arange(10)
        # The first band peaks one step above fmin, the last one step below fmax; a band
        # is drawn half a band up and down from its peak.
        steps = (hz_to_mel(octaves) - low) / (high - low) * (n_mels + 1)
        heights = steps - 0.5
        return [
            (float(height), f"{hz / 1000:g} kHz" if hz >= 1000 else f"{hz:g} Hz")
            for height, hz in zip(heights, octaves)
            if 0 <= height <= n_mels
        ]


def check_table(table: Any, name: str) -> Any:
    """Return a valid event table, or None for None."""
    return None if table is None else check_events([table], name=name)[0]


def of_clip(sequence: Any, clip: int, name: str) -> Any:
    """Return what a sequence (or None) holds for a clip."""
    if sequence is None:
        return None
    if not 0 <= clip < len(sequence):
        raise ValueError(
            f"clip={clip} is not in {name}, which has {len(sequence)} clips, counted "
            "from 0"
        )
    return sequence[clip]


def describe_features(
    features: Any, clip: int, duration: float | None
) -> dict[str, Any]:
    """Return the spectrogram of a clip, which has its clock, and its duration."""
    spectrogram = of_clip(features, clip, "X")
    if not isinstance(spectrogram, np.ndarray) or spectrogram.ndim != 2:
        return {"duration": duration}
    durations = getattr(features, "durations", None)
    if duration is None and durations is not None:
        duration = float(durations[clip])
    return {"spectrogram": spectrogram, "duration": duration}


def select_clip(estimator: Any, X: Any, y: Any, clip: int) -> tuple[Any, dict]:
    """Return X with one clip only, and what ``from_predictions`` is told of it.

    That is its events, the features that the estimator makes of it and, where a
    transformer knows them, the frequencies behind these.
    """
    of_clip(X, clip, "X")
    X = _safe_indexing(X, [clip])
    inside = unwrap(estimator, "fit", deep=True)
    names = ("sample_rate", "fmin", "fmax")
    known = [
        {name: getattr(step, name) for name in names}
        for step in inside.transformers
        if all(hasattr(step, name) for name in names)
    ]
    y_true = None if y is None else [of_clip(y, clip, "y")]
    return X, {"y_true": y_true, "X": inside.transform(X), **(known or [{}])[0]}
