"""Thousands of files to one table: resumable, in parallel, bad files listed."""

import os
import warnings
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from sklearn_sed._decoding._decoder import keep_candidates
from sklearn_sed._features._store import stamp
from sklearn_sed._labels._check import check_tags
from sklearn_sed._storage import check_targets, replace_file
from sklearn_sed.events._files import files_in, render_events, save_events
from sklearn_sed.events._formats import FORMATS, by_ending, check_format
from sklearn_sed.exceptions import AnnotationError, AudioError, AudioWarning
from sklearn_sed.inference._journal import Journal, written_files, written_scores
from sklearn_sed.inference._model import take_apart
from sklearn_sed.inference._progress import note_progress, seconds_bar
from sklearn_sed.inference._recording import (
    OVERLAP,
    RecordingStream,
    check_windows,
    event_table,
    length_of_window,
)
from sklearn_sed.inference._score_tables import score_header, score_table

_Path = str | os.PathLike[str]
_Record = dict[str, Any]


class _Output(NamedTuple):
    """What is written in one format."""

    path: Path
    format: str | None
    in_folder: bool = False  # whether that is a folder without being told by its name

    def render(self, names: list[str], tables: Sequence[Any], bad: Sequence[str] = ()):
        """Return the files and their content."""
        return render_events(
            self.path,
            names,
            tables,
            format=self.format,
            beside=bad,
            in_folder=self.in_folder,
        )


class _Task(NamedTuple):
    """What is to be done with a file."""

    name: str
    window: float
    overlap: float | None
    candidates: bool = False
    known: list[Any] | None = None  # the classes that are known to be there
    scores: Path | None = None  # where its frame scores are written


def detect_files(
    model: Any,
    paths: Sequence[_Path],
    out: _Path,
    *,
    format: str | Sequence[str] | None = None,
    window: float | None = None,
    overlap: float | None = None,
    tags: Any = None,
    candidates: bool = False,
    scores: _Path | None = None,
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
    format : {"dcase", "audacity", "raven", "jams", "rttm", "parquet"}, or sequence of \
            these, default=None
        By default the format follows the ending of `out`, as in
        :func:`~sklearn_sed.events.write_events`. Of several formats, the one that has
        the ending of `out` is written to `out`; ``found.tsv`` without its ending begins
        the names of the others: ``found.rttm``, ``found.parquet``, and the folders
        ``found_audacity``, ``found_raven`` and ``found_jams``.
    window : float, default=None
        Length of a window in seconds; by default that of the clips in training, see
        :func:`iter_events`.
    overlap : float, default=None
        Seconds that a window shares with the next; 0.3 of a window when None.
    tags : indicator or label lists of length n_files, default=None
        What is known to be in each file ("oracle tags"), in any form of labels that
        ``fit`` takes: only these classes are looked for. Where it is None, and in rows
        of −1, the model decides.
    candidates : bool, default=False
        Whether to write every event that there is to choose from, so that thresholds
        can be moved afterwards; see :func:`iter_events`.
    scores : str or Path, default=None
        A folder to write the frame scores to, a table for each file in sub-folders as
        the files are in: `onset` and `offset` of each frame and a column for each
        class, separated by tabs, as DCASE and sed_scores_eval read them. They are those
        of :func:`iter_frame_scores`, whose computing takes longer.
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
        `out` and `scores` can be written, is found before the work.
    LabelError
        If `tags` hold a class that the model does not know.
    OSError
        If a file cannot be written, or exists and shall not be replaced.
    TypeError
        If the model does not end in a detector.
    ValueError
        If the model or a parameter does not fit, the journal is of another model,
        `window`, `overlap` or `candidates`, or its file is something else.

    See Also
    --------
    detect_events : The events of one recording.
    iter_frame_scores : The frame scores of one recording.
    sklearn_sed.events.read_events : Read `out` again.

    Notes
    -----
    Beside ``found.tsv`` there are ``found.tsv.journal``, lines of JSON, which may be
    deleted once nothing is to be added, and, if files were left out,
    ``found.tsv.skipped.csv``. A file counts as changed when its size or time of
    modification has, or what is known to be in it. Tables of scores are written as the
    files are done.

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
    window = length_of_window(window, parts)
    check_windows(window, overlap, parts.transformer)
    overlap = OVERLAP * window if overlap is None else overlap
    if candidates:
        keep_candidates(parts.decoder)
    known = _known_tags(tags, len(names), parts.classes)
    tables: list[Any] = [None] * len(names)
    if scores is not None:
        tables = files_in(Path(os.path.abspath(scores)), ".tsv", names)
    tasks = [
        _Task(name, window, overlap, candidates, *rest)
        for name, *rest in zip(names, known, tables)
    ]
    outputs = outputs_of(out, format)
    _rehearse(out, outputs, tasks, parts.classes, overwrite)
    settings = {
        "model": parts.fingerprint(),
        "window": float(window),
        "overlap": float(overlap),
        "candidates": candidates,
    }
    found: dict[str, _Record] = {}
    with Journal(_beside(out, ".journal"), settings, resume=resume) as journal:
        try:
            _work(journal, model, tasks, found, on_error, n_jobs, verbose)
            records = [found[name] for name in names]
            report = _write(journal, out, outputs, records)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(
                f"{len(found)} of {len(names)} files are done, the same call goes on"
            ) from None
    labels = (event[2] for record in records for event in record.get("events", ()))
    n_events = Counter(labels)
    report.attrs["n_events"] = {label: n_events[label] for label in parts.classes}
    return report


def outputs_of(out: Path, format: str | Sequence[str] | None) -> list[_Output]:
    """Return what is written in each format, all beside `out`."""
    if format is None or isinstance(format, str):
        return [_Output(out, format)]
    formats = list(map(check_format, format))
    if not formats or len(set(formats)) < len(formats):
        raise ValueError(f"format={format!r} must name one format or more, each once")
    if len(formats) == 1:
        return [_Output(out, formats[0])]
    own, stem = by_ending(out)
    stem = out.name if own is None else stem
    outputs = []
    for name in formats:
        in_folder = FORMATS[name].one_recording
        ending = f"_{name}" if in_folder else FORMATS[name].endings[0]
        path = out if name == own and not in_folder else out.with_name(stem + ending)
        outputs.append(_Output(path, name, in_folder))
    return outputs


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


def _known_tags(tags: Any, n_files: int, classes: list[Any]) -> list[list[Any] | None]:
    """Return the classes that are known to be in each file; None where that is not."""
    if tags is None:
        return [None] * n_files
    checked = check_tags(tags, n_files, classes, name="tags")
    return [
        [label for label, there in zip(classes, row) if there] if is_known else None
        for row, is_known in zip(checked.indicator, checked.labelled)
    ]


def _rehearse(
    out: Path,
    outputs: list[_Output],
    tasks: list[_Task],
    classes: list[Any],
    overwrite: bool,
) -> None:
    """Find what will keep files from being written before hours of work, not after."""
    names = [task.name for task in tasks]
    scores = [task.scores for task in tasks if task.scores is not None]
    if scores:
        score_header(scores[0], classes)
    if not out.parent.is_dir():
        raise FileNotFoundError(f"the folder {out.parent} does not exist; create it")
    try:
        every = event_table([(0.0, 1.0, label, 0.5) for label in classes])
    except UnicodeEncodeError as error:  # of tables that pyarrow keeps the text of
        reason = f"the name {error.object!r} cannot be written as UTF-8; rename it"
        raise AnnotationError(str(out), reason) from None
    # With bounds: a Raven table needs no look into the recordings for them.
    every = every.assign(low_freq=0.0, high_freq=0.0)
    tables = [every, *[every[:1]] * (len(names) - 1)]
    files: list[Path] = []
    for output in outputs:
        try:
            files += output.render(names, tables)
        except AnnotationError as error:
            raise AnnotationError(str(output.path), error.reason) from None
    targets = [*files, _beside(out, ".skipped.csv")]
    journal = _beside(out, ".journal")
    both = set(scores) & {Path(os.path.abspath(target)) for target in targets}
    if both:
        raise ValueError(
            f"{min(both)} would be written twice; write the scores to another folder"
        )
    check_targets([*targets, *scores, journal], inputs=names)
    if not overwrite:
        ours, our_scores = written_files(journal), written_scores(journal)
        others = [
            *(target for target in targets if not _is_ours(target, out, ours)),
            *(table for table in scores if not _is_our_table(table, our_scores)),
        ]
        check_targets(others, overwrite=False)


def _is_ours(file: Path, out: Path, written: set[tuple[str, int]]) -> bool:
    """Tell whether a file is as an earlier call has written it."""
    return (
        file.is_file()
        and (os.path.relpath(file, out.parent), zlib.crc32(file.read_bytes()))
        in written
    )


def _is_our_table(table: Path, written: dict[str, Any]) -> bool:
    """Tell whether a table of scores is as an earlier call has written it, or began."""
    name = str(table)
    return name in written and written[name] in (None, stamp(name))


def _beside(out: Path, ending: str) -> Path:
    return out.with_name(out.name + ending)


def _work(
    journal: Journal,
    model: Any,
    tasks: list[_Task],
    found: dict[str, _Record],
    on_error: str,
    n_jobs: int | None,
    verbose: int,
) -> None:
    """Bring the journal up to date with the files, and collect their records."""
    bad: set[str] = set()

    def is_done(task: _Task) -> bool:
        record = journal.records.get(task.name)
        if record is None or record["stamp"] != stamp(task.name):
            return False
        if "reason" in record and on_error == "raise":
            return False
        if "events" in record and not _answers(record, task):
            return False
        found[task.name] = record
        return True

    def calls() -> Iterator[Any]:
        elsewhere: list[_Task] = []
        for task, is_last in chain(
            ((task, False) for task in todo), ((task, True) for task in elsewhere)
        ):
            mine = journal.begin(task.name, task.scores)
            if is_done(task):
                bar.finish(task.name)
                continue
            if mine or is_last:
                yield delayed(_detect)(model, task, bar.notes)
            else:
                # In work by another process: by the end it is done, or that is dead.
                elsewhere.append(task)
            if bad and on_error == "raise":  # no further file is begun
                return

    todo = [task for task in tasks if not is_done(task)]
    # Batches of one, in whatever order they end: what is done is in the journal.
    parallel = Parallel(n_jobs, return_as="generator_unordered", batch_size=1)
    names = [task.name for task in todo]
    with seconds_bar("detect", names, len(tasks), disable=not verbose) as bar:
        for record in parallel(calls()):
            found[record["path"]] = record
            if "reason" in record:
                bad.add(record["path"])
            if "events" in record or on_error != "raise":
                journal.append(record)
            bar.finish(record["path"])
    for task in tasks:
        record = found.get(task.name, {})
        if "reason" in record and on_error == "raise":
            # All files before the first bad one were begun before it, and are done.
            raise AudioError(task.name, record["reason"])
        if "reason" in record and on_error == "warn":
            message = f"{task.name}: {record['reason']} (left out)"
            warnings.warn(message, AudioWarning, stacklevel=3)


def _answers(record: _Record, task: _Task) -> bool:
    """Tell whether what was found in a file is what is asked for now."""
    return record.get("tags") == task.known and (
        task.scores is None or record.get("scores") == _score_stamps(task)
    )


def _score_stamps(task: _Task) -> dict[str, list[int]]:
    """Return the table of scores of a file and what changes when that does."""
    return {str(task.scores): stamp(str(task.scores)) or []}


def _detect(model: Any, task: _Task, notes: Path | None) -> _Record:
    """Do what is to be done with a file; return the journal's record of it."""
    record: _Record = {"path": task.name, "stamp": stamp(task.name)}
    classes = take_apart(model).classes
    tags = None
    if task.known is not None:
        tags = np.isin(np.arange(len(classes)), list(map(classes.index, task.known)))
    try:
        stream = RecordingStream(
            model,
            task.name,
            task.window,
            task.overlap,
            tags=tags,
            candidates=task.candidates,
            progress=partial(note_progress, notes, task.name),
        )
        with ExitStack() as stack:
            take_scores = None
            if task.scores is not None:
                take_scores = stack.enter_context(score_table(task.scores, classes))
            record["events"] = list(stream.events(take_scores))
    except AudioError as error:
        record["class"] = error.reason.partition(":")[0]
        record["reason"] = error.reason
        if task.scores is not None:  # old news
            task.scores.unlink(missing_ok=True)
    if task.known is not None:
        record["tags"] = task.known
    if task.scores is not None:
        record["scores"] = _score_stamps(task)
    return record


def _write(
    journal: Journal, out: Path, outputs: list[_Output], records: Sequence[_Record]
) -> pd.DataFrame:
    """Write what was found, and which files were left out, if any; return the latter.

    The journal hears of it first: what it has not heard of is somebody else's.
    """
    columns = ["path", "class", "reason"]
    rows = [
        [record[key] for key in columns] for record in records if "reason" in record
    ]
    report = pd.DataFrame(rows, columns=columns, dtype=object)
    skipped = _beside(out, ".skipped.csv")
    text = report.to_csv(index=False, lineterminator="\n")
    files = {skipped: text.encode(errors="surrogateescape")} if rows else {}
    sound = [record for record in records if "events" in record]
    names = [record["path"] for record in sound]
    tables = [event_table(record["events"]) for record in sound]
    bad = [record["path"] for record in records if "reason" in record]
    contents = {
        # A file about a recording that is bad would tell nothing.
        output: output.render(names, tables, bad)
        for output in outputs
        if sound or len(records) > 1 or output.path.is_dir()
    }
    for content in contents.values():
        files |= content
    journal.note_written(
        {os.path.relpath(file, out.parent): data for file, data in files.items()}
    )
    for output in outputs:
        if output in contents:
            save_events(output.path, contents[output], tables, format=output.format)
        else:  # nor would old news
            output.path.unlink(missing_ok=True)
    if rows:
        replace_file(skipped, files[skipped])
    else:
        skipped.unlink(missing_ok=True)
    return report
