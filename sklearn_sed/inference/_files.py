"""Thousands of files to one table: resumable, in parallel, bad files listed."""

import os
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from joblib import Parallel, delayed
from tqdm import tqdm

from sklearn_sed._features._store import stamp
from sklearn_sed._storage import replace_file
from sklearn_sed.events import make_events, write_events
from sklearn_sed.exceptions import AnnotationError, AudioError, AudioWarning
from sklearn_sed.inference._journal import Journal
from sklearn_sed.inference._model import take_apart
from sklearn_sed.inference._recording import (
    OVERLAP,
    check_windows,
    event_table,
    iter_events,
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
        1 shows a progress bar.

    Returns
    -------
    report : DataFrame with columns path, class, reason
        The files left out: the kind of damage ("missing", "truncated", "not
        finite"...), what is wrong and what to do. If there are any, it is also written
        to a CSV file.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    AudioError
        For the first file that cannot be read, with ``on_error="raise"``. What was
        found in others by then is in the journal.
    AnnotationError
        If the format is unclear or cannot hold a name. This is found before the work.
    ValueError
        If the model or a parameter does not fit, or the journal is of another model,
        `window` or `overlap`.

    See Also
    --------
    detect_events : The events of one recording.
    sklearn_sed.events.read_events : Read `out` again.

    Notes
    -----
    Beside ``found.tsv`` there are ``found.tsv.journal``, one line of JSON per file,
    which may be deleted once nothing is to be added, and, if files were left out,
    ``found.tsv.skipped.csv``. A file counts as changed when its size or time of
    modification has.

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
    names, out = _check_paths(paths), Path(out)
    if on_error not in ("raise", "warn", "skip"):
        raise ValueError(
            f"on_error={on_error!r} must be 'raise', 'warn' or 'skip': what to do with "
            "a file that cannot be read"
        )
    parts = take_apart(model)
    check_windows(window, overlap, parts.transformer)
    _rehearse(out, names, format)
    overlap = OVERLAP * window if overlap is None else overlap
    settings = {
        "model": parts.fingerprint(),
        "window": float(window),
        "overlap": float(overlap),
    }
    with Journal(_beside(out, ".journal"), settings, resume=resume) as journal:
        _work(journal, model, names, window, overlap, on_error, n_jobs, verbose)
    records = [journal.records[name] for name in names]
    sound = [record for record in records if "events" in record]
    if sound or len(names) > 1 or out.is_dir():
        tables = [event_table(record["events"]) for record in sound]
        write_events(out, [record["path"] for record in sound], tables, format=format)
    else:  # a file about a recording that is bad would tell nothing, or old news
        out.unlink(missing_ok=True)
    return _report(_beside(out, ".skipped.csv"), records)


def _check_paths(paths: Any) -> list[str]:
    """Return the paths as text, each a different one."""
    if isinstance(paths, str | os.PathLike):
        raise ValueError(
            f"paths is one path; pass a list of files: [{os.fspath(paths)!r}], or "
            "sorted(Path(folder).glob('*.wav')) for those in a folder"
        )
    names = [os.fspath(path) for path in paths]
    if not names:
        raise ValueError("paths is empty: pass at least one audio file")
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"paths holds {name!r} twice; list every file once")
        seen.add(name)
    return names


def _rehearse(out: Path, names: list[str], format: str | None) -> None:
    """Find what will keep `out` from being written before hours of work, not after."""
    if not out.parent.is_dir():
        raise FileNotFoundError(f"the folder {out.parent} does not exist; create it")
    nothing = make_events([], [], [], [])
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder, out.name)
        if out.is_dir():
            trial.mkdir()
        try:
            write_events(trial, names, [nothing] * len(names), format=format)
        except AnnotationError as error:
            where, reason = (
                text.replace(str(trial), str(out))
                for text in (error.where, error.reason)
            )
            raise AnnotationError(where, reason) from None


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
) -> None:
    """Bring the journal up to date with the files."""
    todo = [name for name in names if not _is_done(journal, name, on_error)]
    errors: dict[str, AudioError] = {}
    begun = set(todo)
    for name in names:
        if name not in begun:
            _warn_of(journal.records[name], on_error)
    tasks = (
        delayed(_detect)(model, name, window, overlap)
        for name in todo
        # Once there is an error to raise, no further file is begun.
        if not (errors and on_error == "raise")
    )
    # Batches of one, in whatever order they end: what is done is in the journal.
    parallel = Parallel(n_jobs, return_as="generator_unordered", batch_size=1)
    with tqdm(
        total=len(names),
        initial=len(names) - len(todo),
        desc="detect",
        unit="file",
        disable=not verbose,
    ) as bar:
        for record in parallel(tasks):
            bar.update()
            if "reason" in record:
                error = AudioError(record["path"], record["reason"])
                errors[record["path"]] = error
                if on_error == "raise":
                    continue
                _warn_of(record, on_error)
            journal.append(record)
    if errors and on_error == "raise":
        # All files before the first bad one were begun before it, and are done.
        raise errors[next(name for name in names if name in errors)]


def _warn_of(record: _Record, on_error: str) -> None:
    """Warn of a file that is left out."""
    if "reason" in record and on_error == "warn":
        message = f"{record['path']}: {record['reason']} (left out)"
        warnings.warn(message, AudioWarning, stacklevel=4)


def _is_done(journal: Journal, name: str, on_error: str) -> bool:
    """Tell whether the journal has this file, unchanged."""
    record = journal.records.get(name)
    if record is None or record["stamp"] != stamp(name):
        return False
    return "events" in record or on_error != "raise"


def _detect(model: Any, name: str, window: float, overlap: float) -> _Record:
    """Return the journal's record of one file."""
    current = stamp(name)
    try:
        events = list(iter_events(model, name, window=window, overlap=overlap))
    except AudioError as error:
        kind = error.reason.partition(":")[0]
        return {"path": name, "stamp": current, "class": kind, "reason": error.reason}
    return {"path": name, "stamp": current, "events": events}


def _report(path: Path, records: Sequence[_Record]) -> pd.DataFrame:
    """Tabulate the files that were left out, also in a file if there are any."""
    columns = ["path", "class", "reason"]
    rows = [
        [record[key] for key in columns] for record in records if "reason" in record
    ]
    report = pd.DataFrame(rows, columns=columns, dtype=str)
    path.unlink(missing_ok=True)
    if rows:
        replace_file(path, report.to_csv(index=False, lineterminator="\n").encode())
    return report
