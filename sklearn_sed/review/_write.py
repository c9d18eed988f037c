"""A folder with a page on which events are heard, seen and judged."""

import math
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from sklearn_sed._storage import check_targets, replace_file
from sklearn_sed.audio import audio_info
from sklearn_sed.events._records import check_text
from sklearn_sed.events._tables import check_labels
from sklearn_sed.exceptions import AnnotationError
from sklearn_sed.inference._cutting import (
    THRESHOLD,
    check_choice,
    check_lengths,
    check_pad,
    check_per_class,
    each_recording,
    find_events,
)
from sklearn_sed.review._data import render_data
from sklearn_sed.review._excerpts import (
    FORMATS,
    Written,
    check_format,
    share_excerpts,
    write_excerpts,
)
from sklearn_sed.review._picture import Axis
from sklearn_sed.review._streams import add_streams

_Path = str | os.PathLike[str]

PAGE = "review.html"
FILES = "review_files"
_FMAX = 22050.0  # Hz, where there are no recordings


def write_review(
    filenames: Sequence[_Path],
    events: Sequence[pd.DataFrame],
    out: _Path,
    *,
    audio: Sequence[_Path] | None = None,
    per_class: int | None = None,
    threshold: float | Mapping[Any, float] = THRESHOLD,
    classes: Sequence[str] = (),
    pad: float = 1.0,
    format: Literal["mp3", "wav"] = "mp3",
    fmin: float = 0.0,
    fmax: float | None = None,
    blind: bool = False,
    random_state: int | np.random.RandomState | None = None,
    overwrite: bool = False,
    on_error: Literal["raise", "skip"] = "raise",
    n_jobs: int | None = None,
    verbose: int = 0,
) -> pd.DataFrame:
    """Write a page to review events on: listen, look, accept, reject, correct, add.

    The folder holds ``review.html``, which opens in a browser by a double click, and
    ``review_files`` beside it, with a sound and a picture of each excerpt. Nothing is
    loaded from a network, and the folder may be copied anywhere. The page keeps what is
    judged in the browser, and saves it as a table that
    :func:`~sklearn_sed.events.read_events` reads and the page loads again.

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
        :func:`~sklearn_sed.events.match_recordings` finds files by the names in a list.
    per_class : int, default=None
        How many events of each class are on the page, at most; None takes all. They are
        the first ones of the order that the page suggests. The others count where the
        page says how many events are above a threshold and how precise they are.
    threshold : float or dict from str to float, default=0.5
        Where scores are most uncertain; of a dict, for each class, 0.5 for those it
        lacks. The page begins with these thresholds.
    classes : sequence of str, default=()
        Classes to choose from when events are corrected or added, beside those that
        occur. On the page, further ones can be typed.
    pad : float, default=1.0
        Seconds before and after an event, as far as the recording goes.
    format : {"mp3", "wav"}, default="mp3"
        How excerpts are stored. WAV files have 16 bits and are up to twelve times as
        large.
    fmin : float, default=0.0
        The lowest frequency of the pictures in Hz.
    fmax : float, default=None
        The highest one; None takes half the highest sample rate. All pictures have the
        same axis, on the mel scale.
    blind : bool, default=False
        Whether the class and the score of an event are hidden until it is judged.
    random_state : int, RandomState or None, default=None
        For the order of the events. The same number gives the same order.
    overwrite : bool, default=False
        Whether to replace a page that is there, ``review_files`` included.
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
    reviewed : DataFrame
        The events of the page, in the order that it suggests. Its columns are the
        recording and the event (`filename`, `onset`, `offset`, `event_label`, and
        `score` where events have one), `sampled_by` ("audit" or "uncertain"), and the
        excerpt: the name of its files in ``review_files/excerpts`` without their
        endings, `excerpt`, and where it is in the recording, `excerpt_onset` and
        `excerpt_offset`.
        ``reviewed.attrs["skipped"]`` is a dict from the audio files that could not be
        read to what is wrong with them.

    Raises
    ------
    AnnotationError
        If an event table is not valid, the lengths differ, or a table could not hold a
        name.
    AudioError
        For a recording that cannot be read where events are, or ends before one begins,
        with ``on_error="raise"``.
    FileExistsError
        If there is a page already and it shall not be replaced.
    OSError
        If `out` cannot be written to.
    ValueError
        If a parameter makes no sense. A ``LabelError``, if it is `classes`.

    See Also
    --------
    estimate_precision : Says how precise the events are, as the page does.
    sklearn_sed.inference.extract_clips : Cuts events out of recordings, for any player.

    Notes
    -----
    The page suggests an order in which two kinds of events take turns: an audit of each
    class, spread evenly over its scores, from which its precision is estimated without
    bias, and the events closest to the threshold, two of a recording at first, from
    which a model learns most.

    Events that are near each other share an excerpt. Of an event longer than a minute,
    the first minute is cut out. Sound is mono, at most 48 kHz: what is above plays at a
    tenth of its speed, so that bats are heard; times are those of the recording. The
    page is written as a whole or not at all.

    Examples
    --------
    >>> import tempfile, numpy as np, soundfile
    >>> from sklearn_sed.events import make_events
    >>> from sklearn_sed.review import write_review
    >>> events = make_events([2, 4], [2.5, 6], ["Dog", "Dog"], [0.7, 0.9])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = f"{folder}/monday.wav"
    ...     soundfile.write(path, np.zeros(80000), 8000)
    ...     page = write_review([path], [events], f"{folder}/review", random_state=0)
    >>> page[["onset", "sampled_by", "excerpt", "excerpt_onset", "excerpt_offset"]]
       onset sampled_by excerpt  excerpt_onset  excerpt_offset
    0    4.0      audit  000000            1.0             7.0
    1    2.0  uncertain  000000            1.0             7.0
    """
    check_per_class(per_class)
    check_pad(pad)
    check_choice("format", format, FORMATS)
    check_choice("on_error", on_error, ("raise", "skip"))
    check_format(format)
    _check_texts("filename", map(os.fspath, filenames))
    further = [str(label) for label in check_labels(classes, "classes")]
    _check_texts("event_label", further)
    table, path_of = find_events(filenames, events, audio)
    _check_texts("event_label", table["event_label"].unique())
    thresholds = _thresholds(threshold, table["event_label"].unique().tolist())
    table = add_streams(table, thresholds, check_random_state(random_state))
    shown = table[table["mixed"] < (per_class or math.inf)]
    check_lengths(shown, pad)
    out = Path(out)
    _check_out(out, path_of.values(), overwrite)
    excerpt, excerpts = share_excerpts(shown, pad)
    shown = shown.assign(excerpt=excerpt)
    each = partial(each_recording, on_error=on_error, n_jobs=n_jobs)
    paths = [path_of[name] for name in excerpts["filename"].unique()]
    rates, skipped = each(_sample_rate, [(path, None) for path in paths])
    axis = _axis(fmin, fmax, [rate for rate in rates if rate is not None])
    work = [
        (path_of[name], list(zip(own.index, own["onset"], own["offset"])))
        for name, own in excerpts.groupby("filename", sort=False)
        if path_of[name] not in skipped
    ]
    with _new_files(out) as files:
        folder = files / "excerpts"
        folder.mkdir()
        write = partial(
            write_excerpts, folder=folder, pad=pad, format=format, axis=axis
        )
        written, damaged = each(write, work, text="excerpts", verbose=verbose)
        parts = [part for own in written if own is not None for part in own]
        there = pd.DataFrame(parts, columns=Written._fields).set_index("excerpt")
        excerpts = excerpts.join(there, how="inner")
        shown = shown[shown["excerpt"].isin(excerpts.index)]
        scripts = render_data(
            shown,
            excerpts,
            table.drop(shown.index),
            thresholds=thresholds,
            classes=further,
            axis=axis,
            format=format,
            blind=bool(blind),
        )
        for index, script in enumerate(scripts):
            (files / f"data-{index:03}.js").write_text(script, encoding="ascii")
        page = resources.files("sklearn_sed.review") / "_page"
        for file in page.iterdir():
            if file.name != PAGE:
                (files / file.name).write_bytes(file.read_bytes())
    replace_file(out / PAGE, (page / PAGE).read_bytes())
    return _reviewed(shown, excerpts, skipped | damaged)


def _check_texts(name: str, values: Iterable[Any]) -> None:
    """Refuse names that the table which the page saves could not hold."""
    for text in map(str, values):
        check_text(text, name, "events", forbidden="\r\n")
        if text.encode(errors="replace").decode() != text:
            raise AnnotationError(
                "events",
                f"the {name} {text!r} is no text: it holds bytes that are not UTF-8; "
                "rename it",
            )


def _thresholds(
    threshold: float | Mapping[Any, float], labels: list[Any]
) -> dict[Any, float]:
    """Return the threshold of each class."""
    given = (
        threshold
        if isinstance(threshold, Mapping)
        else dict.fromkeys(labels, threshold)
    )
    for label, value in given.items():
        if label not in labels:
            raise ValueError(
                f"threshold names the class {label!r}, of which there are no events"
            )
        if not math.isfinite(value):
            raise ValueError(f"threshold={value!r} must be a finite number")
    return {label: float(given.get(label, THRESHOLD)) for label in labels}


def _check_out(out: Path, inputs: Iterable[str], overwrite: bool) -> None:
    """Find what will keep the page from being written."""
    inputs = list(inputs)
    if out.exists() and not out.is_dir():
        raise NotADirectoryError(f"{out} is a file; write to a folder")
    check_targets([out / PAGE], overwrite=overwrite, inputs=inputs)
    files = out / FILES
    if files.exists() and not overwrite:
        raise FileExistsError(
            f"{files} exists; write to another folder, or pass overwrite=True"
        )
    for path in inputs:
        if files.resolve() in Path(path).resolve().parents:
            raise ValueError(
                f"{path} is an input, and in the folder that is replaced; write to "
                "another folder"
            )


def _sample_rate(path: str, _: None) -> int:
    return audio_info(path).sample_rate


def _axis(fmin: float, fmax: float | None, sample_rates: Sequence[int]) -> Axis:
    """Return the frequencies that the pictures show."""
    if fmax is None:
        fmax = max(sample_rates, default=2 * _FMAX) / 2
    if not 0 <= fmin < fmax < math.inf:
        raise ValueError(
            f"fmin={fmin!r} and fmax={fmax!r} must be frequencies in Hz, from 0 up and "
            "in this order"
        )
    return Axis(float(fmin), float(fmax))


@contextmanager
def _new_files(out: Path) -> Iterator[Path]:
    """Yield a folder that becomes that of the page's files if all goes well."""
    is_new = not out.exists()
    out.mkdir(parents=True, exist_ok=True)
    unfinished, old = (out / f".{uuid.uuid4().hex}.tmp" for _ in range(2))
    try:
        unfinished.mkdir()
        yield unfinished
        if (out / FILES).exists():
            (out / FILES).rename(old)
        unfinished.rename(out / FILES)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        if is_new:
            with suppress(OSError):  # somebody else has written there
                out.rmdir()
        raise
    if old.exists():
        shutil.rmtree(old)


def _reviewed(
    shown: pd.DataFrame, excerpts: pd.DataFrame, skipped: dict[str, str]
) -> pd.DataFrame:
    """Return the events of the page, in the order that it suggests."""
    start = shown["excerpt"].map(excerpts["start"])
    shown = shown.assign(
        excerpt_onset=start,
        excerpt_offset=start + shown["excerpt"].map(excerpts["duration"]),
    ).sort_values(["mixed", "event_label"], kind="stable", ignore_index=True)
    columns = ["filename", "onset", "offset", "event_label", "score", "sampled_by"]
    columns += ["excerpt", "excerpt_onset", "excerpt_offset"]
    reviewed = shown[[name for name in columns if name in shown]]
    reviewed.attrs["skipped"] = skipped
    return reviewed
