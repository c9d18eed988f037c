"""Pictures of recordings and their events, one file each."""

import io
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from sklearn_sed._features._transformer import LogMelTransformer
from sklearn_sed._storage import check_targets, replace_file
from sklearn_sed.audio import audio_info, iter_blocks
from sklearn_sed.events import check_events, recording_start
from sklearn_sed.events._names import below_common_folder
from sklearn_sed.events._records import check_filenames
from sklearn_sed.inference._cutting import check_choice, each_recording
from sklearn_sed.inference._windows import iter_log_mel
from sklearn_sed.plotting._events import EventsDisplay
from sklearn_sed.plotting._timeline import TimelineDisplay

_Path = str | os.PathLike[str]

_LONG = 120.0  # seconds; beyond these there is no room for each event
_WIDTH, _DPI = 10.0, 100  # inches, dots per inch
_COLUMNS = 1000  # of a spectrogram, at most
_FRAME = 0.046  # seconds
_BANDS = 64  # of its columns, where there are as many frequencies
_BRIEF = 20.0  # seconds; what is no longer has twice the frames
_TITLE = 100  # letters at most


def plot_recordings(
    filenames: Sequence[_Path],
    events: Sequence[pd.DataFrame],
    out: _Path,
    *,
    audio: Sequence[_Path] | None = None,
    starts: Sequence[datetime | None] | None = None,
    overwrite: bool = False,
    on_error: Literal["raise", "skip"] = "raise",
    n_jobs: int | None = None,
    verbose: int = 0,
) -> pd.DataFrame:
    """Draw the spectrogram of each recording with its events, one picture each.

    Up to two minutes every event is drawn, as in :class:`EventsDisplay`. Of longer
    recordings, which are read piece by piece, the events are counted, as in
    :class:`TimelineDisplay`. Where it is known when a recording began, the axis shows
    the time of the clock.

    Parameters
    ----------
    filenames : sequence of str or Path of length n_recordings
        The recordings.
    events : sequence of DataFrame of length n_recordings
        The event table of each recording.
    out : str or Path
        The folder to write to. It may exist, and is made otherwise.
    audio : sequence of str or Path of length n_recordings, default=None
        The audio file of each recording; None where `filenames` are these files.
    starts : sequence of datetime or None of length n_recordings, default=None
        When each recording began, for an axis with the time of the clock; by default
        :func:`~sklearn_sed.events.recording_start` of its name.
    overwrite : bool, default=False
        Whether to replace pictures that exist.
    on_error : {"raise", "skip"}, default="raise"
        What to do with a recording that cannot be read: raise its error, or go on with
        the next.
    n_jobs : int, default=None
        Number of recordings in work at the same time, in processes. None means 1 unless
        in a :class:`joblib.parallel_config` context; -1 means all processors.
    verbose : int, default=0
        1 shows a bar of the recordings.

    Returns
    -------
    pictures : DataFrame with columns filename, file
        The recordings and, below `out`, their pictures, which are in the same folders
        as they and named like them, ``unitA/1.wav.png``. ``pictures.attrs["skipped"]``
        is a dict from the audio files that could not be read to what is wrong with
        them.

    Raises
    ------
    AnnotationError
        If an event table is not valid, or the name of a recording has several times.
    AudioError
        For a recording that cannot be read, with ``on_error="raise"``.
    OSError
        If `out` cannot be written to, or a picture exists and shall not be replaced.
    ValueError
        If a parameter makes no sense.

    Notes
    -----
    Frequencies go up to half the sample rate of the recording. Where there are more
    frames than columns, a column of the spectrogram is the mean of its frames in dB.
    Memory does not grow with the recording. No window is opened.

    Examples
    --------
    >>> import tempfile, numpy as np, soundfile
    >>> from sklearn_sed.events import make_events
    >>> from sklearn_sed.plotting import plot_recordings
    >>> noise = 0.1 * np.random.default_rng(0).normal(size=16000)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = f"{folder}/20240131_053000.wav"
    ...     soundfile.write(path, noise, 8000)
    ...     events = [make_events([0.5], [1.5], ["Dog"])]
    ...     pictures = plot_recordings([path], events, f"{folder}/pictures")
    >>> pictures["file"].tolist()
    ['20240131_053000.wav.png']
    """
    check_choice("on_error", on_error, ("raise", "skip"))
    tables = check_events(events, name="events")
    names = check_filenames(filenames, len(tables), "event tables")
    paths = names if audio is None else [os.fspath(path) for path in audio]
    if starts is None:
        starts = [recording_start(name) for name in names]
    for what, given in (("audio", paths), ("starts", starts)):
        if len(given) != len(names):
            raise ValueError(
                f"{what} holds {len(given)} items for {len(names)} recordings; pass "
                "one for each"
            )
    out = Path(out)
    files = ["/".join(parts) + ".png" for parts in below_common_folder(names)]
    targets = [out / file for file in files]
    check_targets(targets, overwrite=overwrite, inputs=paths)
    results, skipped = each_recording(
        _draw,
        list(zip(paths, zip(names, tables, starts, targets))),
        text="plot",
        on_error=on_error,
        n_jobs=n_jobs,
        verbose=verbose,
    )
    drawn = [row for row, is_drawn in zip(zip(names, files), results) if is_drawn]
    pictures = pd.DataFrame(drawn, columns=["filename", "file"], dtype=object)
    pictures.attrs["skipped"] = skipped
    return pictures


@contextmanager
def picture(file: Path, width: float, height: float) -> Iterator[Any]:
    """Give axes to draw on, in inches, and write what was drawn there to a PNG file.

    No window is opened, whatever matplotlib is set to.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=_DPI, layout="constrained")
    yield figure.subplots()
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    file.parent.mkdir(parents=True, exist_ok=True)
    replace_file(file, stream.getvalue())


def _draw(path: str, work: tuple[str, pd.DataFrame, Any, Path]) -> bool:
    """Draw a recording: its name, its events, its start, and where to write to."""
    name, table, start, target = work
    seen = _see(path)
    labels = sorted(table["event_label"].unique())
    options = {"labels": labels, "start": start, **seen}
    display: EventsDisplay | TimelineDisplay
    drawing: dict[str, Any] = {}
    if seen["duration"] <= _LONG:
        display = EventsDisplay(events_pred=table, **options)
        drawing["legend"] = False
    else:
        display = TimelineDisplay(table, **options)
    size = _WIDTH, display._height(max(len(labels), 1)) + 0.3
    title = name if len(name) <= _TITLE else f"...{name[3 - _TITLE :]}"
    with picture(target, *size) as ax:
        display.plot(ax, **drawing)
        ax.set_title(title, loc="left", fontsize="medium", parse_math=False)
        if not labels:
            place = ax.get_yaxis_transform()
            ax.text(0.5, 0.0, "no events", transform=place, **_CENTRED)
    return True


_CENTRED = {"ha": "center", "va": "center", "color": "0.4"}


def _see(path: str) -> dict[str, Any]:
    """Return the spectrogram of a recording, with its clock, and what else is shown."""
    info = audio_info(path)
    rate = info.sample_rate
    n_fft = 2 ** max(6, round(math.log2(_FRAME * rate)))
    hop = n_fft // (4 if info.duration <= _BRIEF else 2)
    transformer = LogMelTransformer(
        sample_rate=rate, n_fft=n_fft, hop_length=hop, n_mels=min(_BANDS, n_fft // 4)
    )
    n_each = max(1, math.ceil(info.duration * rate / hop / _COLUMNS))
    n_samples = 0

    def blocks():
        nonlocal n_samples
        for block in iter_blocks(path):
            n_samples += len(block)
            yield block

    columns: list[np.ndarray] = []
    rest: Any = np.empty((0, transformer.n_mels))
    for frames in iter_log_mel(blocks(), transformer):
        rest = np.concatenate((rest, frames))
        n_whole = len(rest) // n_each * n_each
        whole = rest[:n_whole].reshape(-1, n_each, rest.shape[1])
        columns += list(whole.mean(axis=1))
        rest = rest[n_whole:]
    if len(rest):
        columns.append(rest.mean(axis=0))
    return {
        "spectrogram": np.array(columns),
        "time_resolution": n_each * hop / rate,
        "time_offset": -hop / rate / 2,
        "duration": n_samples / rate,
        "sample_rate": rate,
    }
