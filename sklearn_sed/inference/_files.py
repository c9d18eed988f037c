"""Thousands of files to one table: resumable, in parallel, bad files listed."""

import os
import warnings
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from joblib import Parallel, delayed

from sklearn_sed._features._store import stamp
from sklearn_sed._storage import check_targets, replace_file
from sklearn_sed.events._files import render_events, save_events
from sklearn_sed.exceptions import AnnotationError, AudioError, AudioWarning
from sklearn_sed.inference._journal import Journal, written_files
from sklearn_sed.inference._model import take_apart
from sklearn_sed.inference._progress import note_progress, seconds_bar
from sklearn_sed.inference._recording import (
    OVERLAP,
    EventStream,
    check_windows,
    event_table,
)

_Path = str | os.PathLike[str]
_Record = dict[str, Any]


def detect_files(
    model: Any,
    paths: Sequence[_Path],
    out: _Path,
    *,
    format: str | None = None,
    window: float = 10.0,
    overlap: float | None = None,
    resume: bool = True,
    overwrite: bool = True,
    on_error: Literal["raise", "warn", "skip"] = "raise",
    n_jobs: int | None = None,
    verbose: int = 0,
) -> pd.DataFrame:
    """Find the events of many recordings of any length and write them to a file.

    What is found in a file is written to a journal beside `out` as soon as the file is
    done. When the work is interrupted, by whatever means, the same call goes on where
    it was and ends with the same `out`. A later call with more files, or with files
    that have changed, only looks at these.

    Parameters
    ----------
    model : estimator
        A fitted model of audio files, as in :func:`iter_events`.
    paths : sequence of str or Path of length n_files
        The audio files, by which they are named in `out`.
    out : str or Path
        The file to write, or the folder for a format with one file for each recording.
        Writing comes last, and each file is written as a whole or not at all.
    format : {"dcase", "audacity", "raven", "jams", "rttm"}, default=None
        By default the format follows the ending of `out`, as in
        :func:`~sklearn_sed.events.write_events`.
    window : float, default=10.0
        Length of a window in seconds.
    overlap : float, default=None
        Seconds that a window shares with the next; 0.3 of a window when None.
    resume : bool, default=True
        Whether to go on with the journal of an earlier call. False starts over.
    overwrite : bool, default=True
        Whether to replace files that exist. False replaces only what an earlier call
        wrote, by its journal, and nobody has changed since.
    on_error : {"raise", "warn", "skip"}, default="raise"
        What to do with a file that cannot be read: raise its error, or leave it out of
        `out` and go on, with one warning per file or without. When it is the only one,
        there is no `out`.
    n_jobs : int, default=None
        Number of files in work at the same time, in processes. None means 1 unless in
        a :class:`joblib.parallel_config` context, which may choose another backend
        that hands results back one by one ("threading", "dask"; not
        "multiprocessing"); -1 means all processors.
    verbose : int, default=0
        1 shows a bar of the seconds read, within long files as well.

    Returns
    -------
    report : DataFrame with columns path, class, reason
        The files left out: the kind of damage ("missing", "truncated", "not
        finite"...), what is wrong and what to do. If there are any, it is also written
        to a CSV file. ``report.attrs["n_events"]`` is a dict of how many events of each
        class were found.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    AudioError
        For the first file that cannot be read, with ``on_error="raise"``. What was
        found in others by then is in the journal.
    AnnotationError
        If the format is unclear or cannot hold a name or a class. This, and whether
        `out` can be written, is found before the work.
    OSError
        If `out` cannot be written, or exists and shall not be replaced.
    TypeError
        If the model does not end in a detector.
    ValueError
        If the model or a parameter does not fit, the journal is of another model,
        `window` or `overlap`, or its file is something else.

    See Also
    --------
    detect_events : The events of one recording.
    sklearn_sed.events.read_events : Read `out` again.

    Notes
    -----
    Beside ``found.tsv`` there are ``found.tsv.journal``, lines of JSON, which may be
    deleted once nothing is to be added, and, if files were left out,
    ``found.tsv.skipped.csv``. A file counts as changed when its size or time of
    modification has.

    Several processes of one machine may work at once, by the same call: they share the
    files by the journal, and each writes `out` when all are done. The last files may
    be done twice.

    Examples
    --------
    >>> import tempfile, numpy as np, soundfile
    >>> from pathlib import Path
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_sed import LogMelTransformer, WeakEventDetector
    >>> from sklearn_sed.inference import detect_files
    >>> rng = np.random.default_rng(0)
    >>> clips = 0.01 * rng.normal(size=(8, 8000))
    >>> clips[::2, 2000:6000] += 0.3 * np.sin(np.arange(4000))
    >>> model = make_pipeline(
    ...     LogMelTransformer(sample_rate=8000, n_mels=16),
    ...     WeakEventDetector(max_epochs=2, random_state=0),
    ... ).fit(clips, [["tone"], []] * 4)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     soundfile.write(f"{folder}/a.wav", clips[0], 8000)
    ...     paths = [f"{folder}/a.wav", f"{folder}/b.wav"]
    ...     out = f"{folder}/found.tsv"
    ...     report = detect_files(model, paths, out, on_error="skip")
    ...     written = sorted(file.name for file in Path(folder).glob("found*"))
    >>> report["class"].tolist()
    ['missing']
    >>> written
    ['found.tsv', 'found.tsv.journal', 'found.tsv.skipped.csv']
    """
    names, out = check_paths(paths), Path(out)
    check_on_error(on_error)
    parts = take_apart(model)
    check_windows(window, overlap, parts.transformer)
    _rehearse(out, names, parts.classes, format, overwrite)
    overlap = OVERLAP * window if overlap is None else overlap
    settings = {
        "model": parts.fingerprint(),
        "window": float(window),
        "overlap": float(overlap),
    }
    with Journal(_beside(out, ".journal"), settings, resume=resume) as journal:
        found = _work(journal, model, names, window, overlap, on_error, n_jobs, verbose)
        records = [found[name] for name in names]
        report = _write(journal, out, records, format)
    labels = (event[2] for record in records for event in record.get("events", ()))
    n_events = Counter(labels)
    report.attrs["n_events"] = {label: n_events[label] for label in parts.classes}
    return report


def check_paths(paths: Any) -> list[str]:
    """Return the paths as text, each a different one."""
    if isinstance(paths, str | os.PathLike):
        raise ValueError(
            f"paths is one path; pass a list of files: [{os.fspath(paths)!r}], or "
            "sorted(Path(folder).glob('*.wav')) for those in a folder"
        )
    names = [os.fspath(path) for path in paths]
    if not names:
        raise ValueError("paths is empty: pass at least one audio file")
    name, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise ValueError(f"paths holds {name!r} twice; list every file once")
    return names


def check_on_error(on_error: Any) -> None:
    """Refuse what does not say what to do with a bad file."""
    if on_error not in ("raise", "warn", "skip"):
        raise ValueError(
            f"on_error={on_error!r} must be 'raise', 'warn' or 'skip': what to do with "
            "a file that cannot be read"
        )


def _rehearse(
    out: Path,
    names: list[str],
    classes: list[Any],
    format: str | None,
    overwrite: bool,
) -> None:
    """Find what will keep `out` from being written before hours of work, not after."""
    if not out.parent.is_dir():
        raise FileNotFoundError(f"the folder {out.parent} does not exist; create it")
    every = event_table([(0.0, 1.0, label, 0.5) for label in classes])
    # With bounds: a Raven table needs no look into the recordings for them.
    every = every.assign(low_freq=0.0, high_freq=0.0)
    tables = [every, *[every[:1]] * (len(names) - 1)]
    try:
        files = render_events(out, names, tables, format=format)
        for text in files.values():
            text.encode()
    except AnnotationError as error:
        raise AnnotationError(str(out), error.reason) from None
    except UnicodeEncodeError as error:
        reason = f"the name {error.object!r} cannot be written as UTF-8; rename it"
        raise AnnotationError(str(out), reason) from None
    targets = [*files, _beside(out, ".skipped.csv")]
    journal = _beside(out, ".journal")
    ours = written_files(journal)
    check_targets([*targets, journal], inputs=names)
    if not overwrite:
        check_targets(
            (t for t in targets if not _is_ours(t, out, ours)), overwrite=False
        )


def _is_ours(file: Path, out: Path, written: set[tuple[str, int]]) -> bool:
    """Tell whether a file is as an earlier call has written it."""
    return (
        file.is_file()
        and (os.path.relpath(file, out.parent), zlib.crc32(file.read_bytes()))
        in written
    )


def _beside(out: Path, ending: str) -> Path:
    return out.with_name(out.name + ending)


def _work(
    journal: Journal,
    model: Any,
    names: list[str],
    window: float,
    overlap: float,
    on_error: str,
    n_jobs: int | None,
    verbose: int,
) -> dict[str, _Record]:
    """Bring the journal up to date with the files, and return their records."""
    records: dict[str, _Record] = {}
    bad: set[str] = set()

    def is_done(name: str) -> bool:
        record = journal.records.get(name)
        if record is None or record["stamp"] != stamp(name):
            return False
        if "reason" in record and on_error == "raise":
            return False
        records[name] = record
        return True

    def tasks() -> Iterator[Any]:
        elsewhere: list[str] = []
        for name, is_last in chain(
            ((name, False) for name in todo), ((name, True) for name in elsewhere)
        ):
            mine = journal.begin(name)
            if is_done(name):
                bar.finish(name)
                continue
            if mine or is_last:
                yield delayed(_detect)(model, name, window, overlap, bar.notes)
            else:
                # In work by another process: by the end it is done, or that is dead.
                elsewhere.append(name)
            if bad and on_error == "raise":  # no further file is begun
                return

    todo = [name for name in names if not is_done(name)]
    # Batches of one, in whatever order they end: what is done is in the journal.
    parallel = Parallel(n_jobs, return_as="generator_unordered", batch_size=1)
    try:
        with seconds_bar("detect", todo, len(names), disable=not verbose) as bar:
            for record in parallel(tasks()):
                records[record["path"]] = record
                if "reason" in record:
                    bad.add(record["path"])
                if "events" in record or on_error != "raise":
                    journal.append(record)
                bar.finish(record["path"])
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"{len(records)} of {len(names)} files are done, the same call goes on"
        ) from None
    for name in names:
        record = records.get(name, {})
        if "reason" in record and on_error == "raise":
            # All files before the first bad one were begun before it, and are done.
            raise AudioError(name, record["reason"])
        if "reason" in record and on_error == "warn":
            message = f"{name}: {record['reason']} (left out)"
            warnings.warn(message, AudioWarning, stacklevel=3)
    return records


def _detect(
    model: Any, name: str, window: float, overlap: float, notes: Path | None
) -> _Record:
    """Return the journal's record of one file."""
    current = stamp(name)
    try:
        progress = partial(note_progress, notes, name)
        events = list(EventStream(model, name, window, overlap, progress))
    except AudioError as error:
        kind = error.reason.partition(":")[0]
        return {"path": name, "stamp": current, "class": kind, "reason": error.reason}
    return {"path": name, "stamp": current, "events": events}


def _write(
    journal: Journal, out: Path, records: Sequence[_Record], format: str | None
) -> pd.DataFrame:
    """Write what was found, and which files were left out, if any; return the latter.

    The journal hears of it first: what it has not heard of is somebody else's.
    """
    columns = ["path", "class", "reason"]
    rows = [
        [record[key] for key in columns] for record in records if "reason" in record
    ]
    report = pd.DataFrame(rows, columns=columns, dtype=str)
    skipped = _beside(out, ".skipped.csv")
    text = report.to_csv(index=False, lineterminator="\n")
    files = {skipped: text.encode(errors="surrogateescape")} if rows else {}
    sound = [record for record in records if "events" in record]
    names = [record["path"] for record in sound]
    tables = [event_table(record["events"]) for record in sound]
    # A file about a recording that is bad would tell nothing.
    is_written = sound or len(records) > 1 or out.is_dir()
    texts = {}
    if is_written:
        bad = [record["path"] for record in records if "reason" in record]
        texts = render_events(out, names, tables, format=format, beside=bad)
        files |= {file: text.encode() for file, text in texts.items()}
    journal.note_written(
        {os.path.relpath(file, out.parent): data for file, data in files.items()}
    )
    if is_written:
        save_events(out, texts, tables, format=format)
    else:  # nor would old news
        out.unlink(missing_ok=True)
    if rows:
        replace_file(skipped, files[skipped])
    else:
        skipped.unlink(missing_ok=True)
    return report
