"""Folders of files that survive a kill."""

import copy
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from pandas.testing import assert_frame_equal
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from sklearn_sed import EventDecoder, LogMelTransformer, WeakEventDetector
from sklearn_sed.events import read_events
from sklearn_sed.exceptions import (
    AnnotationError,
    AudioError,
    AudioWarning,
    LabelError,
)
from sklearn_sed.inference import (
    _files,
    detect_events,
    detect_files,
    iter_frame_scores,
)
from sklearn_sed.inference._progress import note_progress, seconds_bar
from sklearn_sed.inference._scores import WindowScorer
from tests._networks import TINY_CRNN
from tests.inference._sounds import CLIPS, FEATURES, Y, random_events, write


@pytest.fixture
def folder(tmp_path):
    """Return four recordings, one of them longer than a window, and a bad one."""
    paths = [
        write(tmp_path / f"{i}.wav", random_events(1 + i, seed=i), 1 + i, seed=i)
        for i in range(4)
    ]
    bad = tmp_path / "bad.wav"
    bad.write_text("no audio")
    return [*paths[:2], bad, *paths[2:]]


def sound_files(folder):
    return [path for path in folder if path.name != "bad.wav"]


def check_found(out, model, paths):
    """Check that a table holds what the files give alone."""
    filenames, tables = read_events(out)
    assert filenames == [str(path) for path in paths]
    for path, table in zip(paths, tables):
        expected = detect_events(model, path, window=2.0)
        columns = ["onset", "offset", "event_label", "score"]
        expected = expected.round({"onset": 6, "offset": 6})
        assert_frame_equal(table.reindex(columns=columns), expected, check_dtype=False)
    assert sum(map(len, tables)) > 2


@pytest.mark.parametrize("backend", ["sequential", "threading"])
def test_files_to_one_table(model, folder, backend, tmp_path):
    out = tmp_path / "found.tsv"
    with parallel_config(backend, n_jobs=2):
        report = detect_files(model, folder, out, window=2.0, on_error="skip")
    check_found(out, model, sound_files(folder))
    assert list(report.columns) == ["path", "class", "reason"]
    assert report["path"].tolist() == [str(folder[2])]
    written = pd.read_csv(f"{out}.skipped.csv")
    assert_frame_equal(written, report, check_dtype=False)


def test_nothing_left_out(model, folder, tmp_path):
    out = tmp_path / "found.csv"
    detect_files(model, folder, out, window=2.0, on_error="skip")
    report = detect_files(model, sound_files(folder), out, window=2.0)
    assert report.shape == (0, 3)
    assert not Path(f"{out}.skipped.csv").exists()


def test_a_file_for_each_recording(model, folder, tmp_path):
    with pytest.warns(UserWarning, match="no place for the columns score"):
        detect_files(
            model, sound_files(folder), tmp_path / "labels", format="audacity", window=2
        )
    assert len(list((tmp_path / "labels").iterdir())) == 4
    assert (tmp_path / "labels.journal").exists()


def test_bad_files_raise_or_warn(model, folder, tmp_path):
    out = tmp_path / "found.tsv"
    missing = tmp_path / "missing.wav"
    for backend in ("sequential", "threading"):
        with (
            parallel_config(backend, n_jobs=2),
            pytest.raises(AudioError, match=r"bad\.wav"),
        ):
            detect_files(model, [*folder, missing], out, window=2.0)
    assert not out.exists()
    with pytest.warns(AudioWarning) as warned:
        report = detect_files(model, [*folder, missing], out, on_error="warn", window=2)
    assert [str(w.message).partition(":")[0] for w in warned] == [
        str(folder[2]),
        str(missing),
    ]
    assert report["class"].tolist()[1] == "missing"


def count_calls(monkeypatch):
    """Return a list that grows with every file that is looked at."""
    from sklearn_sed.inference import _files

    seen, detect = [], _files._detect
    monkeypatch.setattr(
        _files,
        "_detect",
        lambda model, task, *rest: seen.append(task.name) or detect(model, task, *rest),
    )
    return seen


def test_only_what_is_new_or_has_changed_is_done_again(
    model, folder, tmp_path, monkeypatch
):
    seen = count_calls(monkeypatch)
    out = tmp_path / "found.tsv"
    options = {"window": 2.0, "on_error": "skip"}
    detect_files(model, folder[:-1], out, **options)
    assert seen == [str(path) for path in folder[:-1]]
    first = out.read_bytes()
    seen.clear()
    detect_files(model, folder[:-1], out, **options)
    assert seen == []
    assert out.read_bytes() == first
    write(folder[2], [(0.2, 0.9, "low")], 1)  # the bad one is repaired
    report = detect_files(model, folder, out, **options)
    assert seen == [str(folder[2]), str(folder[-1])]
    assert report.empty
    check_found(out, model, folder)
    seen.clear()
    detect_files(model, folder, out, resume=False, **options)
    assert len(seen) == 5


def test_what_was_written_before_stays_until_the_new_is_whole(
    model, folder, tmp_path, monkeypatch
):
    seen = count_calls(monkeypatch)
    out, files = tmp_path / "found.tsv", sound_files(folder)
    detect_files(model, files[:2], out, window=2.0)
    before, replace = out.read_bytes(), os.replace

    def fail(source, target):
        if target == out:
            raise OSError("no space left")
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", fail)
        with pytest.raises(OSError, match="no space left"):
            detect_files(model, files, out, window=2.0)
    assert out.read_bytes() == before
    assert not list(tmp_path.glob(".*.tmp"))
    seen.clear()
    detect_files(model, files, out, window=2.0)
    assert seen == []  # only to be written
    check_found(out, model, files)


def test_a_bad_file_in_the_journal_raises_when_told_to(
    model, folder, tmp_path, monkeypatch
):
    out = tmp_path / "found.tsv"
    detect_files(model, folder, out, window=2.0, on_error="skip")
    seen = count_calls(monkeypatch)
    with pytest.raises(AudioError, match=r"bad\.wav"):
        detect_files(model, folder, out, window=2.0)
    assert seen == [str(folder[2])]


def test_the_window_of_the_model_is_in_the_journal(importable, folder, tmp_path):
    out, files = tmp_path / "found.tsv", sound_files(folder)
    detect_files(importable, files, out)  # learned from clips of 2 s
    detect_files(importable, files, out, window=2)
    with pytest.raises(ValueError, match=r"window=2\.0 instead of 10\.0"):
        detect_files(importable, files, out, window=10.0)


def test_a_journal_of_something_else_is_refused(model, eager, folder, tmp_path):
    out, files = tmp_path / "found.tsv", sound_files(folder)[:1]
    detect_files(model, files, out, window=2.0)
    with pytest.raises(ValueError, match=r"another model.*resume=False"):
        detect_files(eager, files, out, window=2.0)
    with pytest.raises(ValueError, match=r"window=2\.0 instead of 1\.0"):
        detect_files(model, files, out, window=1.0)
    with pytest.raises(ValueError, match=r"overlap=0\.6 instead of 0\.0"):
        detect_files(model, files, out, window=2.0, overlap=0)
    # The same weights, loaded elsewhere, with other ways of computing.
    copy = joblib.load(joblib.dump(model, tmp_path / "model.joblib")[0])
    copy.set_params(logmeltransformer__n_jobs=2)
    detect_files(copy, files, out, window=2.0)


@pytest.mark.parametrize(
    ("paths", "error", "message"),
    [
        ([], ValueError, "paths is empty"),
        ("a.wav", ValueError, r"one path; pass a list of files: \['a\.wav'\]"),
        (["a.wav", "b.wav", "a.wav"], ValueError, r"holds 'a\.wav' twice"),
        (["a\t.wav"], AnnotationError, "cannot hold"),
    ],
)
def test_impossible_lists_of_files(model, paths, error, message, tmp_path):
    with pytest.raises(error, match=message):
        detect_files(model, paths, tmp_path / "found.tsv")
    assert list(tmp_path.iterdir()) == []


def test_a_class_or_file_that_cannot_be_written_is_found_before_the_work(
    eager, folder, tmp_path, monkeypatch
):
    spaced = folder[1].rename(tmp_path / "a b.wav")
    seen = count_calls(monkeypatch)
    tables = [
        ("dog bark", "found.rttm", None, "event_label 'dog bark'"),
        ("dog", "found.rttm", None, "filename '.*a b.wav'"),
        ("dog\tbark", "found.tsv", None, r"event_label 'dog\\tbark'"),
        ("dog\nbark", "found.csv", None, r"event_label 'dog\\nbark'"),
        (" dog", "found.txt", "audacity", "event_label ' dog'"),
        ("dog\tbark", "found.selections.txt", None, "event_label"),
        ("dog\r", "found.jams", None, "event_label"),
        ("dog\udc80", "found.tsv", None, "UTF-8"),
    ]
    for label, name, format, message in tables:
        model = copy.deepcopy(eager)
        model[-1].classes_ = model[-1].detector_.classes_ = np.array(["cat", label])
        file = spaced if "filename" in message else folder[0]
        with pytest.raises(AnnotationError, match=message) as caught:
            detect_files(model, [file], tmp_path / name, format=format, window=2.0)
        assert str(caught.value).startswith(str(tmp_path / name))
        assert not (tmp_path / f"{name}.journal").exists()
    assert seen == []


@pytest.mark.parametrize("label", ['say "dog"', "dog, bark", "0.5", "'"])
@pytest.mark.parametrize("name", ["found.tsv", "found.csv", "found.selections.txt"])
def test_odd_classes_that_can_be_written_are(eager, folder, label, name, tmp_path):
    model = copy.deepcopy(eager)
    classes = np.array([label, "cat"])
    for part in (model[-1], model[-1].detector_, model[-1].tagger_):
        part.classes_ = classes
    detect_files(model, folder[1:2], tmp_path / name, window=2.0)
    found = read_events(tmp_path / name)[1][0]["event_label"]
    assert set(found) == {label}


def test_a_folder_that_cannot_be_written_is_found_before_the_work(
    model, folder, tmp_path, monkeypatch
):
    seen = count_calls(monkeypatch)
    files = sound_files(folder)

    def refuse(dir):
        raise PermissionError(13, "Permission denied", f"{dir}/tmp123")

    with monkeypatch.context() as patch:
        patch.setattr("tempfile.TemporaryFile", refuse)
        with pytest.raises(PermissionError) as caught:
            detect_files(model, files, tmp_path / "found.tsv", window=2.0)
    assert caught.value.filename == str(tmp_path / "found.tsv")
    with pytest.raises(ValueError, match=r"0\.wav is an input"):
        detect_files(model, files, files[0], format="dcase", window=2.0)
    for taken in ("labels/1.txt", "labels.skipped.csv", "labels.journal"):
        (tmp_path / taken).mkdir(parents=True)
        with pytest.raises((OSError, ValueError), match=f"{taken} is (a|not)"):
            detect_files(
                model, files, tmp_path / "labels", format="audacity", window=2.0
            )
        (tmp_path / taken).rmdir()
    with pytest.raises(AnnotationError, match="this is a folder"):
        detect_files(model, files, tmp_path / "labels", format="dcase", window=2.0)
    assert seen == []


@pytest.mark.parametrize(
    ("name", "format", "written"),
    [
        ("found.tsv", None, "found.tsv"),
        ("labels", "raven", "labels/0.selections.txt"),
        ("found.csv", ["rttm", "dcase"], "found.csv"),
        ("found.csv", ["rttm", "dcase"], "found.rttm"),
        ("found", ["raven", "dcase"], "found_raven/0.selections.txt"),
        ("found", ["raven", "parquet"], "found.parquet"),
    ],
)
def test_only_what_an_earlier_call_wrote_is_replaced(
    model, folder, tmp_path, name, format, written
):
    files, out = sound_files(folder), tmp_path / name
    if format == "raven":
        out.mkdir()

    def detect(**options):
        detect_files(
            model, files, out, format=format, window=2.0, overwrite=False, **options
        )

    # The whole chain: a new file, the same call again, with another model's journal
    # begun anew, then work of the user's own.
    detect()
    detect()
    detect(resume=False)
    detect()
    by_hand = (tmp_path / written).read_bytes() + b"\n"
    (tmp_path / written).write_bytes(by_hand)
    for options in ({}, {"resume": False}):
        with pytest.raises(FileExistsError, match=f"{written} exists; write to anoth"):
            detect(**options)
        assert (tmp_path / written).read_bytes() == by_hand
    journal = tmp_path / f"{name}.journal"
    journal.unlink()
    with pytest.raises(FileExistsError, match="exists; write to another file"):
        detect()
    assert not journal.exists()
    detect_files(model, files, out, format=format, window=2.0)
    assert (tmp_path / written).read_bytes() != by_hand


def test_a_list_of_skipped_files_that_somebody_keeps_is_not_lost(
    model, folder, tmp_path
):
    kept = tmp_path / "found.tsv.skipped.csv"
    kept.write_text("mine")
    with pytest.raises(FileExistsError, match=r"skipped\.csv exists"):
        detect_files(model, folder, tmp_path / "found.tsv", overwrite=False)
    assert kept.read_text() == "mine"


def test_what_will_go_wrong_goes_wrong_before_the_work(model, tmp_path):
    paths = [tmp_path / "none.wav", tmp_path / "sub" / "none.wav"]
    with pytest.raises(AnnotationError, match="ending does not tell") as caught:
        detect_files(model, paths, tmp_path / "found.xyz")
    assert str(tmp_path / "found.xyz") in str(caught.value)
    (tmp_path / "labels").mkdir()
    with pytest.raises(AnnotationError, match="would both be written"):
        detect_files(model, ["a.wav", "./a.wav"], tmp_path / "labels", format="raven")
    with pytest.raises(FileNotFoundError, match=r"nowhere does not exist"):
        detect_files(model, paths, tmp_path / "nowhere" / "found.tsv")
    with pytest.raises(ValueError, match="on_error='ignore'"):
        detect_files(model, paths, tmp_path / "found.tsv", on_error="ignore")
    with pytest.raises(ValueError, match="overlap=10"):
        detect_files(model, paths, tmp_path / "found.tsv", overlap=10)
    assert [path.name for path in tmp_path.iterdir()] == ["labels"]


def test_a_bar_of_seconds_over_files(model, folder, tmp_path, capsys):
    out = tmp_path / "found.tsv"
    files = sound_files(folder)  # of 1, 2, 3 and 4 seconds
    detect_files(model, files[:2], out, window=2.0)
    assert capsys.readouterr().err == ""
    detect_files(model, files, out, window=2.0, verbose=1)
    assert re.search(r"7/7 .*4 of 4 files", capsys.readouterr().err)
    # A file that nobody can read has no seconds, and is done all the same.
    detect_files(model, folder, out, window=2.0, verbose=1, on_error="skip")
    assert "5 of 5 files" in capsys.readouterr().err


def test_the_bar_moves_within_a_long_file(model, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sklearn_sed.inference._recording.BLOCK_DURATION", 1.0)
    path = str(write(tmp_path / "long.wav", random_events(6, seed=0), 6, seed=0))
    with seconds_bar("detect", [path], 1, disable=False) as bar:
        # Whoever reads it may be another process: all goes by the notes.
        _files._detect(model, _files._Task(path, 2.0, None), bar.notes)
        noted = [json.loads(line) for line in bar.notes.read_text().splitlines()]
        assert noted == [[path, float(second)] for second in range(1, 7)]
        bar.notes.write_text("")
    with seconds_bar("detect", [path], 1, disable=False) as bar:
        note_progress(bar.notes, path, 4.0)
        until = time.monotonic() + 30
        while "4/6" not in capsys.readouterr().err:
            assert time.monotonic() < until
            bar._bar.refresh()
            time.sleep(0.05)


def test_files_in_processes(importable, folder, tmp_path):
    # The test's own module is not importable there: networks come from the package.
    files = sound_files(folder)
    detect_files(importable, files, tmp_path / "one.tsv", window=2.0)
    detect_files(importable, files, tmp_path / "two.tsv", window=2.0, n_jobs=2)
    one, two = (read_events(tmp_path / f"{name}.tsv")[1] for name in ("one", "two"))
    for a, b in zip(one, two):
        assert_frame_equal(a, b, check_exact=False, rtol=0, atol=1e-5)


SCRIPT = """
    import signal, sys, time, joblib
    from pathlib import Path
    from sklearn_sed.inference import _files, detect_files

    # Where the tests run in the background of a shell, it is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    detect = _files._detect
    def slowly(model, task, *rest):
        print(Path(task.name).name, flush=True)
        time.sleep(0.3)
        return detect(model, task, *rest)
    _files._detect = slowly
    folder = Path(sys.argv[1])
    model = joblib.load(folder / "model.joblib")
    print("ready", flush=True)
    sys.stdin.readline()
    detect_files(model, sorted(folder.glob("*.wav")), folder / "found.tsv", window=2.0,
                 on_error="skip")
"""


@pytest.fixture(scope="module")
def importable():
    """Return a model whose network another process can import."""
    part = {"network_params": TINY_CRNN, "max_epochs": 1, "random_state": 0}
    model = make_pipeline(LogMelTransformer(**FEATURES), WeakEventDetector(**part))
    return model.fit(CLIPS, Y)


@pytest.fixture
def start(importable, folder, tmp_path):
    """Return a function that starts a process which works on the folder, slowly."""
    joblib.dump(importable, tmp_path / "model.joblib")
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT), str(tmp_path)]

    def start():
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        process = subprocess.Popen(command, text=True, **pipes)
        processes.append(process)
        return process

    processes = []
    yield start
    for process in processes:
        process.kill()
        process.communicate()


def go(*processes):
    """Have processes begin when all are ready."""
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_process_is_taken_up_where_it_was(
    importable, start, stop, folder, tmp_path, monkeypatch
):
    out, paths = tmp_path / "found.tsv", sorted(folder)
    process = start()
    go(process)
    for _ in range(3):
        process.stdout.readline()
    process.send_signal(stop)
    error = process.communicate()[1]
    if stop == signal.SIGINT:
        last = error.strip().splitlines()[-1]
        assert last == "KeyboardInterrupt: 2 of 5 files are done, the same call goes on"
    assert not out.exists()
    seen = count_calls(monkeypatch)
    report = detect_files(importable, paths, out, window=2.0, on_error="skip")
    assert sorted(seen) == [str(path) for path in paths[2:]]
    assert len(report) == 1
    resumed = out.read_bytes()
    options = {"window": 2.0, "on_error": "skip"}
    detect_files(importable, paths, out, resume=False, **options)
    assert out.read_bytes() == resumed


def test_two_processes_share_the_work(importable, start, folder, tmp_path, monkeypatch):
    out = tmp_path / "found.tsv"
    both = [start(), start()]
    go(*both)
    done = [process.communicate()[0].split() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert set(done[0]) | set(done[1]) == {path.name for path in folder}
    assert len(done[0]) + len(done[1]) <= 6  # the last one perhaps twice
    assert min(map(len, done)) >= 1
    shared = out.read_bytes()
    seen = count_calls(monkeypatch)
    options = {"window": 2.0, "on_error": "skip"}
    detect_files(importable, sorted(folder), out, **options)
    assert seen == []
    detect_files(importable, sorted(folder), out, resume=False, **options)
    assert out.read_bytes() == shared


# -- scores, known tags, candidates --


def read_scores(path):
    """Read a table of scores as sed_scores_eval does, and check what it checks."""
    table = pd.read_csv(path, sep="\t")
    assert list(table.columns) == ["onset", "offset", "high", "low"]
    assert (table["onset"] < table["offset"]).all()
    assert (table["onset"][1:].to_numpy() == table["offset"][:-1].to_numpy()).all()
    return table


@pytest.fixture
def units(tmp_path):
    """Return recordings of one name, in the folders of two units."""
    paths = []
    for unit, seconds in (("a", 1.5), ("b", 7.3)):
        (tmp_path / "audio" / unit).mkdir(parents=True)
        path = tmp_path / "audio" / unit / "1.wav"
        paths.append(write(path, random_events(seconds), seconds))
    return paths


def test_scores_are_written_beside_events(model, units, tmp_path, monkeypatch):
    monkeypatch.setattr("sklearn_sed.inference._recording.BLOCK_DURATION", 1.0)
    scores = tmp_path / "new" / "scores"
    out = tmp_path / "found.tsv"
    detect_files(model, units, out, window=2.0, scores=scores)
    check_found(out, model, units)
    files = [path for path in scores.rglob("*") if path.is_file()]
    assert sorted(files) == [scores / "a" / "1.tsv", scores / "b" / "1.tsv"]
    for path, unit, seconds in zip(units, "ab", (1.5, 7.3)):
        table = read_scores(scores / unit / "1.tsv")
        blocks = list(iter_frame_scores(model, path, window=2.0))
        np.testing.assert_array_equal(
            table[["high", "low"]].to_numpy(), np.concatenate(blocks)
        )
        assert table["onset"][0] == 0
        assert table["offset"].tolist()[:2] == [0.0125, 0.0375]
        assert table["offset"].tolist()[-1] == seconds


def test_scores_that_are_there_are_not_computed_again(
    model, units, tmp_path, monkeypatch
):
    out, scores = tmp_path / "found.tsv", tmp_path / "scores"
    table = scores / "b" / "1.tsv"

    def detect(paths=units, **options):
        seen.clear()
        options = {"scores": scores, "overwrite": False, **options}
        detect_files(model, paths, out, window=2.0, **options)
        return [path for path in paths if str(path) in seen]

    seen = count_calls(monkeypatch)
    assert detect(scores=None) == units
    assert detect() == units
    assert detect() == detect(scores=None) == []
    written = table.read_bytes()
    assert detect(resume=False) == units
    table.unlink()
    assert detect() == units[1:]
    assert table.read_bytes() == written
    # What somebody has changed, or had there before, stays.
    table.write_bytes(written + b"mine")
    for options in ({}, {"resume": False}):
        with pytest.raises(FileExistsError, match=r"b.1\.tsv exists"):
            detect(**options)
        assert table.read_bytes() == written + b"mine"
    assert detect(overwrite=True) == units[1:]
    assert table.read_bytes() == written
    assert detect() == []
    Path(f"{out}.journal").unlink()
    out.unlink()
    with pytest.raises(FileExistsError, match=r"a.1\.tsv exists"):
        detect()
    assert not out.exists()


def test_a_table_of_scores_is_there_as_a_whole_or_not(
    model, units, tmp_path, monkeypatch
):
    out, scores = tmp_path / "found.tsv", tmp_path / "scores"
    options = {"window": 2.0, "scores": scores, "overwrite": False}
    blocks, calls = WindowScorer.blocks, []

    def stop(*args):
        calls.append(args)
        if len(calls) > 2:
            raise KeyboardInterrupt
        return blocks(*args)

    monkeypatch.setattr("sklearn_sed.inference._recording.BLOCK_DURATION", 1.0)
    with monkeypatch.context() as patch:
        patch.setattr(WindowScorer, "blocks", stop)
        message = "1 of 2 files are done, the same call goes on"
        with pytest.raises(KeyboardInterrupt, match=message):
            detect_files(model, units, out, **options)
    assert [path.name for path in (scores / "b").iterdir()] == []
    # Killed after the table was there and before the journal knew: it is our own.
    (scores / "b" / "1.tsv").write_text("what a dead process wrote")
    detect_files(model, units, out, **options)
    assert len(read_scores(scores / "b" / "1.tsv")) > 100


def test_a_file_that_is_bad_now_has_no_scores(model, units, tmp_path):
    out, scores = tmp_path / "found.tsv", tmp_path / "scores"
    options = {"window": 2.0, "scores": scores, "overwrite": False, "on_error": "skip"}
    detect_files(model, units, out, **options)
    units[0].write_text("no audio")
    detect_files(model, units, out, **options)
    assert not (scores / "a" / "1.tsv").exists()
    # What is put there then is not ours.
    (scores / "a" / "1.tsv").write_text("mine")
    with pytest.raises(FileExistsError, match=r"a.1\.tsv exists"):
        detect_files(model, units, out, **options)


def test_scores_that_cannot_be_written_are_found_before_the_work(
    model, units, tmp_path, monkeypatch
):
    seen = count_calls(monkeypatch)
    options = {"window": 2.0}
    for label, message in (("onset", "two columns 'onset'"), ("a\tb", r"'a\\tb'")):
        other = copy.deepcopy(model)
        other[-1].classes_ = other[-1].detector_.classes_ = np.array([label, "zoo"])
        with pytest.raises(AnnotationError, match=message):
            detect_files(
                other, units, tmp_path / "found.rttm", scores=tmp_path / "s", **options
            )
    with pytest.raises(ValueError, match=r"1\.tsv would be written twice"):
        detect_files(
            model, units[:1], tmp_path / "1.tsv", scores=tmp_path / ".", **options
        )
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OSError, match="taken"):
        detect_files(
            model, units, tmp_path / "f.tsv", scores=tmp_path / "taken", **options
        )
    assert seen == []
    assert not list(tmp_path.glob("*.journal"))


def test_known_tags_of_files(model, units, tmp_path, monkeypatch):
    out = tmp_path / "found.tsv"
    seen = count_calls(monkeypatch)
    own = [detect_events(model, path, window=2.0) for path in units]
    known = [detect_events(model, path, window=2.0, tags=["high"]) for path in units]

    def check(tags, expected, done):
        seen.clear()
        detect_files(model, units, out, window=2.0, tags=tags)
        assert len(seen) == done
        _, tables = read_events(out)
        for found, wanted in zip(tables, expected):
            assert found["event_label"].tolist() == wanted["event_label"].tolist()
            assert found["onset"].to_numpy() == pytest.approx(wanted["onset"], abs=1e-6)

    assert own[0]["event_label"].tolist() == ["low"]
    check([["high"], ["high"]], known, 2)
    check(np.array([[1, 0], [1, 0]]), known, 0)
    # Another tag is another question, of this file alone.
    check([["high"], -1], [known[0], own[1]], 1)
    check(None, own, 1)
    check([[], []], [own[0][:0], own[1][:0]], 2)
    with pytest.raises(LabelError, match=r"tags, clip 1.*'dog'"):
        detect_files(model, units, out, window=2.0, tags=[[], ["dog"]])
    with pytest.raises(LabelError, match="2 clips and tags has 1 entries"):
        detect_files(model, units, out, window=2.0, tags=[["high"]])


def test_candidates_of_files(model, units, tmp_path):
    boxes = clone(model).fit(CLIPS, Y)
    boxes[-1].detector_.decoder = EventDecoder(segmenter="boxes")
    out = tmp_path / "found.tsv"
    detect_files(boxes, units, out, window=2.0, candidates=True)
    _, tables = read_events(out)
    for path, table in zip(units, tables):
        expected = detect_events(boxes, path, window=2.0, candidates=True)
        assert len(table) == len(expected)
        assert table["score"].to_numpy() == pytest.approx(expected["score"])
    with pytest.raises(ValueError, match="begun with candidates=True instead of False"):
        detect_files(boxes, units, out, window=2.0)
    with pytest.raises(ValueError, match="candidates=True needs events"):
        detect_files(model, units, tmp_path / "x.tsv", window=2.0, candidates=True)
    assert not (tmp_path / "x.tsv.journal").exists()


def test_ctrl_c_while_the_result_is_written(model, units, tmp_path, monkeypatch):
    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(_files, "save_events", stop)
    with pytest.raises(KeyboardInterrupt, match="2 of 2 files are done, the same call"):
        detect_files(model, units, tmp_path / "found.tsv", window=2.0)


# -- several formats --


@pytest.mark.parametrize("name", ["found.tsv", "found", "v1.2"])
def test_several_formats_at_once(model, units, tmp_path, name):
    formats = ["dcase", "parquet", "rttm", "raven", "jams"]
    out = tmp_path / name
    seen = detect_files(model, units, out, format=formats, window=2.0)
    assert seen.empty
    stem = name.removesuffix(".tsv")
    endings = (".parquet", ".rttm", ".tsv", "_jams", "_raven")
    assert {path.name for path in tmp_path.iterdir()} == {
        *("audio", f"{name}.journal", *(f"{stem}{ending}" for ending in endings))
    }
    check_found(tmp_path / f"{stem}.tsv", model, units)
    files = sorted((tmp_path / f"{stem}_raven").rglob("*.txt"))
    assert [file.parent.name for file in files] == ["a", "b"]
    expected = read_events(tmp_path / f"{stem}.tsv")[1]
    for written in (f"{stem}.parquet", f"{stem}.rttm", f"{stem}_raven", f"{stem}_jams"):
        format = "rttm" if written.endswith("rttm") else None
        _, tables = read_events(tmp_path / written, units, format=format)
        for table, wanted in zip(tables, expected):
            columns = ["onset", "offset", "event_label", "score"]
            assert_frame_equal(table[columns], wanted, rtol=0, atol=1e-6)


def test_another_format_takes_no_more_work(model, units, tmp_path, monkeypatch):
    seen = count_calls(monkeypatch)
    out = tmp_path / "found.tsv"
    detect_files(model, units, out, window=2.0)
    assert len(seen) == 2
    detect_files(model, units, out, window=2.0, format=["dcase", "raven"])
    assert len(seen) == 2
    detect_files(model, units, out, window=2.0, format=["dcase"])
    assert {path.name for path in tmp_path.iterdir()} == {
        *("audio", "found.tsv", "found.tsv.journal", "found_raven"),
    }


@pytest.mark.parametrize(
    ("format", "error", "message"),
    [
        ([], ValueError, "one format or more"),
        (["dcase", "dcase"], ValueError, "each once"),
        (["dcase", "word"], ValueError, "format must be one of"),
        (["dcase", "textgrid"], AnnotationError, "is read but not written"),
    ],
)
def test_impossible_formats(model, units, format, error, message, tmp_path):
    with pytest.raises(error, match=message):
        detect_files(model, units, tmp_path / "found.tsv", format=format)
    assert [path.name for path in tmp_path.iterdir()] == ["audio"]


def test_a_single_recording_in_several_formats(model, units, folder, tmp_path):
    out = tmp_path / "found"
    options = {"window": 2.0, "format": ["raven", "dcase"], "on_error": "skip"}
    detect_files(model, units[:1], out, **options)
    assert (tmp_path / "found_raven" / "1.selections.txt").is_file()
    bad = tmp_path / "only bad"
    assert len(detect_files(model, [folder[2]], bad, **options)) == 1
    assert sorted(path.name for path in tmp_path.glob("only bad*")) == [
        *("only bad.journal", "only bad.skipped.csv")
    ]
