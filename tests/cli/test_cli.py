"""The command line: what it writes, what it says, how it exits."""

import contextlib
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import soundfile
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_sed import (
    EventDecoder,
    FeatureArray,
    LogMelTransformer,
    SeedEnsemble,
    TwoPassSED,
    WeakEventDetector,
    WeakTagger,
    __version__,
    inference,
    load_model,
    save_model,
)
from sklearn_sed._cli import _collection, _common, _detect, _info, _main, _train, main
from sklearn_sed._learners import _presets
from sklearn_sed.events import (
    _formats,
    make_events,
    read_events,
    read_tags,
    write_events,
)
from sklearn_sed.exceptions import LabelWarning

RATE = 8000
TINY_CRNN = {"n_filters": (2, 3, 3, 4, 4), "n_rnn": 4}
COMMANDS = [
    *("train", "tune", "detect", "tag", "evaluate"),
    *("convert", "clips", "plot", "review", "info"),
]


def write_clip(path, *, tone=False, seed=0):
    """Write half a second of noise, with or without a tone in its middle."""
    clip = 0.01 * np.random.default_rng(seed).normal(size=RATE // 2)
    if tone:
        clip[RATE // 8 : 3 * RATE // 8] += 0.3 * np.sin(np.arange(RATE // 4))
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, clip, RATE)


def fill(folder):
    """Write eight recordings, one of them damaged, and the list of their labels."""
    for i in range(8):
        write_clip(folder / "audio" / "monday" / f"{i}.wav", tone=i % 2 == 0, seed=i)
    (folder / "audio" / "monday" / "7.wav").write_text("no sound")
    rows = [f"{i}.wav\t{'tone' if i % 2 == 0 else ''}" for i in range(8)]
    weak = folder / "weak.tsv"
    weak.write_text("\n".join(["filename\tevent_labels", *rows]) + "\n")
    return weak


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return a folder with recordings and the model that was learned from them."""
    folder = tmp_path_factory.mktemp("trained")
    weak, out = fill(folder), folder / "model.sed"
    arguments = ["train", weak, folder / "audio", "-o", out, "--epochs", 1]
    arguments += ["--sample-rate", RATE, "--quiet"]

    def make_tiny_system(args, make_system=_train._make_system):
        return make_system(args).set_params(detector__network_params=TINY_CRNN)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_train, "_make_system", make_tiny_system)
        code = main([str(argument) for argument in arguments])
    return SimpleNamespace(folder=folder, model=out, code=code)


@pytest.fixture
def sed(capsys):
    """Return a function that runs a command: exit code, output and complaints."""

    def run(*arguments):
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        return SimpleNamespace(code=code, **capsys.readouterr()._asdict())

    return run


@pytest.fixture
def lists(tmp_path):
    """Return a reference and an estimate, of two recordings, one without events."""
    reference, estimated = tmp_path / "reference.tsv", tmp_path / "found.tsv"
    names, nothing = ["a.wav", "b.wav"], make_events([], [], [])
    events = make_events([0.0, 4.0], [1.0, 6.0], ["Dog", "Cat"])
    found = make_events([0.1, 4.5], [1.1, 6.0], ["Dog", "Cat"], [0.9, 0.8])
    write_events(reference, names, [events, nothing])
    write_events(estimated, [f"rec/{name}" for name in names], [found, nothing])
    return SimpleNamespace(reference=reference, estimated=estimated)


# -- help, usage, errors --


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_and_the_exit_codes(command, capsys):
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    text = capsys.readouterr().out
    assert end.value.code == 0
    assert f"  sklearn-sed {command} " in text
    assert "exit codes:\n  0" in text
    if command in ("detect", "evaluate", "convert"):
        assert all(name in text for name in _common.FORMATS)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_examples_in_the_help_are_commands(command, capsys):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    lines = capsys.readouterr().out.splitlines()
    examples = [line.split() for line in lines if line.startswith("  sklearn-sed ")]
    for example in examples:
        args = _main._parser().parse_args(example[1:])
        assert args.run.__module__.endswith(command)


def test_the_first_help_names_every_command(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert all(f"  sklearn-sed {command} " in text for command in COMMANDS)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["listen"],
        ["train", "weak.tsv", "audio"],
        ["train", "weak.tsv", "audio", "more", "-o", "model.sed"],
        ["train", "weak.tsv", "audio", "-o", "model.sed", "--louder"],
        ["train", "weak.tsv", "audio", "-o", "model.sed", "--sample-rate", "16"],
        ["train", "weak.tsv", "audio", "-o", "model.sed", "--sample-rate", "44.1"],
        ["train", "weak.tsv", "audio", "-o", "model.sed", "--epochs", "0"],
        ["train", "weak.tsv", "audio", "-o", "model.sed", "--paper-system", "x"],
        ["convert", "a.tsv", "b.txt", "--format", "word"],
    ],
)
def test_wrong_usage_is_2(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith("usage: sklearn-sed")


def test_what_the_parser_knows_is_what_there_is():
    assert set(_common.FORMATS) == set(_formats.FORMATS)
    assert set(_train.PAPER_SYSTEMS) == set(_presets._VARIANTS)
    one_each = {name for name, own in _formats.FORMATS.items() if own.one_recording}
    assert set(_common.ONE_FILE_EACH) == one_each


def test_as_a_process(tmp_path):
    arguments = ["-m", "sklearn_sed", "convert", "no.tsv", "out.rttm"]
    done = subprocess.run(
        [sys.executable, *arguments], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "sklearn-sed: error: no.tsv: No such file or directory"
    ]


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_nobody_need_read_to_the_end(unbuffered, lists):
    command = [sys.executable, "-m", "sklearn_sed", "evaluate"]
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}

    def end(**pipes):
        process = subprocess.Popen(
            [*command, lists.reference, lists.estimated], env=environment, **pipes
        )
        process.stdout.close()
        with process, process.stderr or contextlib.nullcontext(io.BytesIO()) as said:
            return said.read(), process.wait()

    assert end(stdout=subprocess.PIPE, stderr=subprocess.PIPE) == (b"", 141)
    # What goes wrong otherwise is told, also who reads standard error alone.
    lists.estimated.write_text("no list")
    said, code = end(stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert (code, said.count(b"\n")) == (2, 1)
    assert end(stdout=subprocess.PIPE, stderr=subprocess.STDOUT) == (b"", 141)


def test_a_pipe_that_breaks_elsewhere_is_told(lists, monkeypatch, capfd):
    def fail(*args, **kwargs):
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr("sklearn_sed.events.read_events", fail)
    assert main(["evaluate", str(lists.reference), str(lists.estimated)]) == 2
    assert "Broken pipe" in capfd.readouterr().err


def test_help_does_not_wait_for_heavy_packages():
    code = (
        "import sys, atexit; from sklearn_sed._cli import main\n"
        "heavy = {'numpy', 'pandas', 'sklearn', 'torch', 'librosa'}\n"
        "atexit.register(lambda: print('loaded:', *(heavy & set(sys.modules))))\n"
        "main(['detect', '--help'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "loaded:"


def test_errors_are_one_line_unless_debugging(sed, lists, tmp_path):
    plain = sed("convert", lists.reference, tmp_path / "out.xyz")
    assert plain.code == 2
    assert plain.err.count("\n") == 1
    assert "name the format by an option (see --help), one of 'dcase'" in plain.err
    debug = sed("convert", lists.reference, tmp_path / "out.xyz", "--debug")
    assert debug.code == 2
    assert "Traceback" in debug.err
    assert "AnnotationError" in debug.err


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (KeyboardInterrupt(), 130, "sklearn-sed: interrupted\n"),
        (KeyboardInterrupt("the same call"), 130, "interrupted: the same command\n"),
        (MemoryError("no\nroom"), 2, "error: MemoryError: no room (--debug shows "),
        (ImportError("pip install it"), 2, "error: pip install it\n"),
        (ValueError("pass resume=False"), 2, "error: pass --restart\n"),
        (ValueError("pass encoding='latin-1'"), 2, "pass --encoding 'latin-1'\n"),
        (ValueError("window=9.5 is longer"), 2, "error: --window 9.5 is longer\n"),
        (ValueError("list it in na_values"), 2, "error: list it in --na-values\n"),
        (ValueError("pass as label_columns"), 2, "error: pass as --label-column\n"),
        (ValueError("no column 'label_columns'"), 2, "no column 'label_columns'\n"),
        (ValueError("what separator, window"), 2, "error: what separator, window\n"),
    ],
)
def test_other_ends(error, code, text, sed, lists, monkeypatch):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr("sklearn_sed.events.read_events", fail)
    ended = sed("evaluate", lists.reference, lists.estimated)
    assert ended.code == code
    assert text in ended.err


# -- train --


def test_train_leaves_a_damaged_recording_out(trained):
    assert trained.code == 1
    model = load_model(trained.model)
    assert model[-1].classes_.tolist() == ["tone"]
    assert model[0].get_params()["on_error"] == "raise"
    assert model[0].sample_rate == RATE
    assert model[-1].detector_.n_iter_ == model[-1].tagger_.n_iter_ == 1
    assert model[-1].detector_.random_state == 0


def test_train_says_what_it_did(sed, trained, tmp_path, monkeypatch):
    fitted = load_model(trained.model)[-1]
    seen = []

    class System:
        def fit(self, X, y):
            seen.append((X, y))
            return self

        classes_ = fitted.classes_

    saved = []
    monkeypatch.setattr(_train, "_make_system", lambda args: System())
    monkeypatch.setattr(
        "sklearn_sed._persistence.save_model", lambda model, path: saved.append(path)
    )
    weak = tmp_path / "weak.tsv"
    weak.write_text("filename\tevent_labels\nmonday/7.wav\ttone\n0\ttone\n1.wav\t\n")
    out = tmp_path / "model.sed"
    done = sed("train", weak, trained.folder / "audio", "-o", out)
    assert done.code == 1
    assert done.out.splitlines()[:2] == ["class  recordings", " tone           1"]
    assert "none is held back" in done.out
    assert done.out.endswith(f"{out}: learned from 2 recordings\n")
    assert saved == [out]
    (X, y), *_ = seen
    assert y == [["tone"], []]
    assert len(X) == 2
    assert X.time_resolution is not None
    assert "sklearn-sed: 3 recordings, 1 class, label column 'event_labels'" in done.err
    assert re.search(r"^sklearn-sed: bad file: \S+7\.wav: ", done.err, re.MULTILINE)
    assert "note: 5 audio files in" in done.err
    assert "monday/2.wav, monday/3.wav" in done.err
    assert "fewer than 5 recordings hold tone (1)" in done.err
    assert "there is one class, tone" in done.err
    assert "log-mel" in done.err  # the progress bar


def test_train_scores_what_it_held_back(trained, tmp_path):
    class System:
        def fit(self, X, y, X_val, y_val):
            self.learned, self.watched = y, y_val
            return self

        def predict_tags(self, X):
            return np.array([["cat" in y, True, False] for y in self.watched])

        def predict_proba(self, X):
            return self.predict_tags(X) * 0.9

    # Of 60 recordings six are held back: two have a dog, two a cat, none the owl,
    # of which there is only one.
    labels = [[["dog"], ["cat"], []][i % 3] for i in range(60)]
    labels[2] = ["owl"]
    system, table = _train._fit(System(), np.arange(60), labels, seed=0)
    assert len(system.learned) == 54
    assert ["owl"] in system.learned
    rows = {line.split()[0]: line.split()[1:] for line in table.splitlines()[1:]}
    assert rows == {
        "cat": ["20", "2", "1.00", "1.00"],
        "dog": ["20", "2", "0.50", "0.33"],
        "owl": ["1", "0", "-", "-"],
        "mean": ["60", "6", "0.75", "0.67"],
    }


def test_train_goes_on_from_its_checkpoint(sed, trained, tmp_path, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    def make_tiny_system(args, make_system=_train._make_system):
        return make_system(args).set_params(detector__network_params=TINY_CRNN)

    monkeypatch.setattr(_train, "_make_system", make_tiny_system)
    out, folder = tmp_path / "model.sed", tmp_path / "training"
    command = ["train", trained.folder / "weak.tsv", trained.folder / "audio"]
    command += ["-o", out, "--epochs", 1, "--sample-rate", RATE, "--quiet"]
    command += ["--checkpoint", folder]
    with monkeypatch.context() as patch:
        patch.setattr("sklearn_sed._persistence.save_model", interrupt)
        interrupted = sed(*command)
    assert interrupted.code == 130
    assert "interrupted: the same command goes on where it was" in interrupted.err
    assert not out.exists()
    done = {path.name for path in folder.glob("WeakEventDetector-*")}
    assert done
    finished = sed(*command)
    assert finished.code == 1  # for there is a bad file
    warnings = re.findall("warning: (.*)", finished.err)
    assert len(warnings) == 2  # of one class, in few recordings
    assert {path.name for path in folder.glob("WeakEventDetector-*")} == done
    model, other = (load_model(path)[-1].detector_ for path in (out, trained.model))
    weights = model.net_.module_.state_dict()
    for name, weight in other.net_.module_.state_dict().items():
        assert (weights[name] == weight).all()


def test_train_names_missing_audio(sed, tmp_path):
    write_clip(tmp_path / "audio" / "a.wav")
    weak = tmp_path / "weak.tsv"
    weak.write_text("filename\tevent_labels\na.wav\tx\nb.wav\t\nc.wav\tx\n")
    out = tmp_path / "model.sed"
    done = sed("train", weak, tmp_path / "audio", "-o", out)
    assert done.code == 2
    assert "2 of the 3 recordings" in done.err
    assert "the first is 'b.wav'; --missing skip leaves them out" in done.err
    assert not out.exists()
    collection = read_collection(tmp_path, weak, "--missing", "skip")
    assert [path.name for path in collection.paths] == ["a.wav"]
    assert collection.labels == [["x"]]
    assert "left out: b.wav, c.wav" in collection.err


def test_train_needs_a_list_of_labels(sed, lists, tmp_path):
    out = tmp_path / "model.sed"
    (tmp_path / "weak.tsv").write_text("filename\tevent_labels\n")
    done = sed("train", tmp_path / "weak.tsv", tmp_path, "-o", out)
    assert (done.code, "weak.tsv lists no recordings" in done.err) == (2, True)


def read_collection(folder, labels, *options):
    """What ``train`` is going to learn from, and what it said."""
    arguments = [
        "train",
        *([labels] if labels else []),
        folder / "audio",
        "-o",
        "x.sed",
    ]
    args = _main._parse([str(argument) for argument in (*arguments, *options)])
    err = io.StringIO()
    with contextlib.redirect_stderr(err):
        paths, labels, found = _collection.read_collection(args)
    return SimpleNamespace(paths=paths, labels=labels, found=found, err=err.getvalue())


def test_train_takes_a_file_named_in_full_whatever_its_ending(tmp_path):
    audio = tmp_path / "audio"
    write_clip(audio / "a.wav")
    (audio / "a.wav").rename(audio / "a.sound")
    (tmp_path / "weak.tsv").write_text("filename\tevent_labels\na.sound\tx\n")
    collection = read_collection(tmp_path, tmp_path / "weak.tsv")
    assert collection.paths == [audio / "a.sound"]


def test_audio_without_an_entry(tmp_path):
    for name in ("a", "b", "c"):
        write_clip(tmp_path / "audio" / f"{name}.wav")
    weak = tmp_path / "weak.tsv"
    weak.write_text("filename\tevent_labels\nb.wav\tx\n")
    skipped = read_collection(tmp_path, weak)
    assert skipped.labels == [["x"]]
    assert "2 audio files" in skipped.err
    assert "a.wav, c.wav; they are not used (--unlisted empty takes" in skipped.err
    empty = read_collection(tmp_path, weak, "--unlisted", "empty")
    assert [path.name for path in empty.paths] == ["a.wav", "b.wav", "c.wav"]
    assert empty.labels == [[], ["x"], []]
    assert empty.err == ""
    with pytest.raises(
        ValueError, match=r"have no entry in .*weak\.tsv: a\.wav, c\.wav"
    ):
        read_collection(tmp_path, weak, "--unlisted", "error")


def test_a_folder_for_each_class(tmp_path):
    for name in ("Dog/a", "Dog/unit1/a", "Cat/a", "quiet"):
        write_clip(tmp_path / "audio" / f"{name}.wav")
    found = read_collection(tmp_path, None, "--unlisted", "empty")
    labels = {
        path.relative_to(tmp_path / "audio").as_posix(): own
        for path, own in zip(found.paths, found.labels)
    }
    assert labels == {
        "Dog/a.wav": ["Dog"],
        "Dog/unit1/a.wav": ["Dog"],
        "Cat/a.wav": ["Cat"],
        "quiet.wav": [],
    }
    assert "quiet.wav; they are not used" in read_collection(tmp_path, None).err
    for folder in ("Dog", "Cat"):
        (tmp_path / "audio" / folder).rename(tmp_path / folder)
    with pytest.raises(ValueError, match="has no folders of recordings, one for each"):
        read_collection(tmp_path, None)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "birdnet.csv",
            "Start (s),End (s),Scientific name,Common name,Confidence,File\n"
            "0,3,X x,x,0.9,/d/a.wav\n0,3,Y y,y,0.9,/d/b.wav\n0,3,,nocall,1,/d/c.wav\n",
        ),
        (
            "kaleidoscope.csv",
            "INDIR,FOLDER,IN FILE,OFFSET,DURATION,AUTO ID,MANUAL ID\n"
            "D:\\d,,a.wav,0,1,NoID,x\nD:\\d,,b.wav,0,1,NoID,y\nD:\\d,,c.wav,,,,\n",
        ),
        ("pandas.csv", "file,start,length,label\na,0,1,x\nb,0,1,y\nc,,,\n"),
    ],
)
def test_train_takes_tables_of_programs(name, text, tmp_path):
    for clip in ("a", "b", "c"):
        write_clip(tmp_path / "audio" / f"{clip}.wav")
    (tmp_path / name).write_text(text)
    found = read_collection(tmp_path, tmp_path / name)
    assert found.labels == [["x"], ["y"], []]


@pytest.mark.parametrize(
    ("rows", "options", "reason"),
    [
        ("0\tx\n0.wav\ty", [], "'0.wav' and '0', which are one recording, 0.wav"),
        ("1.wav\tx", ["--missing", "skip"], "none of the 0 recordings of"),
        ("0.wav\t", [], "none of the 1 recordings of .* has a label"),
    ],
)
def test_lists_that_teach_nothing_or_twice(rows, options, reason, tmp_path):
    write_clip(tmp_path / "audio" / "0.wav")
    weak = tmp_path / "weak.tsv"
    weak.write_text(f"filename\tevent_labels\n{rows}\n")
    with pytest.raises(ValueError, match=reason):
        read_collection(tmp_path, weak, *options)


@pytest.mark.parametrize("format", ["dcase", "audacity", "raven", "rttm"])
@pytest.mark.filterwarnings("default")
def test_train_takes_the_tags_of_events(format, tmp_path):
    for name in ("a", "b"):
        write_clip(tmp_path / "audio" / "monday" / f"{name}.wav")
    events = [make_events([0, 1], [1, 2], ["x", "x"]), make_events([0], [1], ["y"])]
    ending = {"dcase": ".tsv", "rttm": ".rttm"}.get(format, "")
    labels = tmp_path / f"labels{ending}"
    names = ["monday/a.wav", "monday/b.wav"]
    write_events(labels, names, events, format=format)
    found = read_collection(tmp_path, labels, "--format", format)
    assert [path.name for path in found.paths] == ["a.wav", "b.wav"]
    assert found.labels == [["x"], ["y"]]
    assert "2 recordings, 2 classes, " in found.found


def test_options_may_stand_between_list_and_audio():
    args = _main._parse(["train", "weak.tsv", "-o", "m.sed", "audio"])
    assert (str(args.labels), str(args.audio)) == ("weak.tsv", "audio")


def test_train_needs_its_folders_before_it_works(sed, trained, tmp_path):
    weak = trained.folder / "weak.tsv"
    done = sed("train", weak, tmp_path / "nowhere", "-o", tmp_path / "model.sed")
    assert (done.code, "there is no folder" in done.err) == (2, True)
    out = tmp_path / "nowhere" / "model.sed"
    done = sed("train", weak, trained.folder / "audio", "-o", out)
    assert (done.code, "does not exist; create it" in done.err) == (2, True)


def test_train_with_nothing_but_bad_audio_is_1_and_writes_nothing(sed, tmp_path):
    (tmp_path / "a.wav").write_text("no sound")
    weak = tmp_path / "weak.tsv"
    weak.write_text("filename\tevent_labels\na.wav\tx\n")
    done = sed("train", weak, tmp_path, "-o", tmp_path / "model.sed", "--quiet")
    assert done.code == 1
    assert "a.wav" in done.err
    assert "None of the 1 clips could be used." in done.err
    assert not (tmp_path / "model.sed").exists()


def test_systems_follow_the_options():
    parse = _main._parser().parse_args
    options = ["train", "weak.tsv", "audio", "-o", "model.sed"]
    system = _train._make_system(parse(options))
    assert system.tagger is None  # one network
    assert (system.detector.random_state, system.detector.verbose) == (0, 1)
    more = ["--paper-system", "mil", "--seed", "3", "--epochs", "2", "--quiet"]
    system = _train._make_system(parse(options + more))
    assert system.detector.network == "paper_crnn"
    assert system.detector.cosine_weight == 0
    assert system.detector.random_state == system.tagger.random_state == 3
    assert system.detector.max_epochs == system.tagger.max_epochs == 2
    assert system.detector.verbose == system.tagger.verbose == 0
    published = _train._make_system(parse([*options, "--paper-system", "mil"]))
    assert (published.tagger.max_epochs, published.detector.max_epochs) == (100, 10)


# -- detect --


def test_detect_lists_bad_files_and_writes_the_rest(sed, trained, tmp_path):
    out = tmp_path / "found.tsv"
    audio = trained.folder / "audio"
    done = sed("detect", trained.model, audio, audio / "monday" / "0.wav", "-o", out)
    assert done.code == 1
    filenames, events = read_events(out)
    n_events = sum(map(len, events))
    assert done.out.splitlines()[:2] == ["class  events", f" tone {n_events:7}"]
    assert done.out.endswith(f"{out}: {n_events} events of 7 recordings\n")
    bad = [line for line in done.err.splitlines() if "bad file" in line]
    assert len(bad) == 1
    assert "7.wav" in bad[0]
    assert "8 of 8 files" in done.err  # the progress bar
    assert len(filenames) == 7
    assert filenames[0].endswith("monday/0.wav")


@pytest.mark.filterwarnings("default")
def test_detect_writes_a_label_track_for_each_recording(sed, trained, tmp_path):
    recordings = [trained.folder / "audio" / "monday" / f"{i}.wav" for i in (0, 1)]
    out = tmp_path / "events.txt"
    options = ["--format", "audacity", "--window", 0.5, "--overlap", 0.1, "--quiet"]
    done = sed("detect", trained.model, *recordings, "-o", out, *options)
    assert done.code == 0
    assert all("no place for the columns score" in s for s in done.err.splitlines())
    assert sorted(file.name for file in out.iterdir()) == ["0.txt", "1.txt"]
    alone = tmp_path / "alone.txt"
    done = sed("detect", trained.model, recordings[0], "-o", alone, *options)
    assert done.code == 0
    assert alone.is_file()


def test_detect_a_single_bad_file(sed, trained, tmp_path):
    out, bad = tmp_path / "labels.txt", trained.folder / "audio" / "monday" / "7.wav"
    done = sed("detect", trained.model, bad, "-o", out, "--format", "audacity")
    assert done.code == 1
    assert "7.wav" in done.err
    assert not out.exists()


def test_detect_passes_its_options_on(sed, trained, tmp_path, monkeypatch):
    passed = {}

    def detect(model, paths, out, **options):
        passed.update(options)
        raise ValueError("stop")

    monkeypatch.setattr(inference, "detect_files", detect)
    options = ["--restart", "--jobs", 2, "--window", 5, "--quiet"]
    out = tmp_path / "out"
    options += ["--format", "raven", "--format", "dcase"]
    options += ["--candidates", "--scores", tmp_path / "scores"]
    done = sed("detect", trained.model, trained.folder, "-o", out, *options)
    assert done.code == 2
    assert passed == {
        "format": ["raven", "dcase"],
        "window": 5.0,
        "overlap": None,
        "tags": None,
        "candidates": True,
        "scores": tmp_path / "scores",
        "resume": False,
        "overwrite": False,
        "on_error": "skip",
        "n_jobs": 2,
        "verbose": False,
    }


def test_detect_leaves_no_folder_behind(sed, trained, tmp_path, monkeypatch):
    def fail(*args, **options):
        raise ValueError("stop")

    monkeypatch.setattr(inference, "detect_files", fail)
    out = tmp_path / "out"
    done = sed("detect", trained.model, trained.folder, "-o", out, "--format", "raven")
    assert (done.code, out.exists()) == (2, False)


def test_detect_in_several_formats_as_a_process(trained, tmp_path):
    arguments = ["-m", "sklearn_sed", "detect", trained.model, trained.folder / "audio"]
    arguments += ["-o", "found.csv", "--quiet", "--threshold", 0]
    for format in ("dcase", "parquet", "raven"):
        arguments += ["--format", format]
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    last = done.stdout.splitlines()[-1]
    assert last.startswith("found.csv, found.parquet, found_raven: ")
    tables = [
        read_events(tmp_path / name, [f"{i}.wav" for i in range(7)])[1]
        for name in ("found.csv", "found.parquet", "found_raven")
    ]
    for first, *others in zip(*tables):
        assert len(first) > 0
        for other in others:
            assert other["onset"].to_numpy() == pytest.approx(first["onset"], abs=1e-6)


@pytest.fixture(scope="module")
def pets(tmp_path_factory):
    """Return a model of two classes, one with a comma, and a recording."""
    folder = tmp_path_factory.mktemp("pets")
    rng = np.random.default_rng(0)
    clips = 0.01 * rng.normal(size=(8, RATE // 2))
    clips[::2, RATE // 8 : 3 * RATE // 8] += 0.3 * np.sin(np.arange(RATE // 4))
    detector = WeakEventDetector(network_params=TINY_CRNN, max_epochs=1, random_state=0)
    model = make_pipeline(LogMelTransformer(sample_rate=RATE), detector)
    with pytest.warns(LabelWarning, match="several labels in one"):
        model.fit(clips, [["Cat", "Dog, big=1"], []] * 4)
    save_model(model, folder / "pets.sed")
    write_clip(folder / "a.wav", tone=True)
    return folder


def detect_pets(sed, pets, out, *options):
    """Run ``detect``; return the exit code, the counts and what was said."""
    command = ["detect", pets / "pets.sed", pets / "a.wav", "-o", out, "--quiet"]
    done = sed(*command, *options)
    counts = dict(line.rsplit(None, 1) for line in done.out.splitlines()[1:-1])
    done.counts = {name.strip(): int(count) for name, count in counts.items()}
    return done


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--threshold", "0"], {"Cat": 1, "Dog, big=1": 1}),
        (["--threshold", "1"], {"Cat": 0, "Dog, big=1": 0}),
        (["--threshold", "Cat=0", "--threshold", "1"], {"Cat": 1, "Dog, big=1": 0}),
        (["--threshold", "0", "--classes", "Cat"], {"Cat": 1}),
        (["--threshold", "0", "--classes", "Dog, big=1"], {"Dog, big=1": 1}),
        (
            ["--threshold", "1", "--threshold", "Dog, big=1=0"],
            {"Cat": 0, "Dog, big=1": 1},
        ),
        (
            ["--threshold", "0", "--classes", "Dog, big=1", "--classes", "Cat"],
            {"Cat": 1, "Dog, big=1": 1},
        ),
        (
            ["--threshold", "0", "--min-duration", "Cat=5"],
            {"Cat": 0, "Dog, big=1": 1},
        ),
    ],
)
def test_detect_is_steered(options, found, sed, pets, tmp_path):
    done = detect_pets(sed, pets, tmp_path / "found.tsv", *options)
    assert (done.code, done.counts) == (0, found)
    _, (table,) = read_events(tmp_path / "found.tsv")
    counts = table["event_label"].value_counts().to_dict()
    assert counts == {label: n for label, n in found.items() if n}


def test_several_classes_have_commas_between():
    known = ["Cat", "Dog", "Cat,Dog", "Owl, barn"]
    assert _detect._class_names("Dog, Cat", known) == ["Dog", "Cat"]
    assert _detect._class_names("Cat,Dog", known) == ["Cat,Dog"]
    assert _detect._class_names("Owl, barn", known) == ["Owl, barn"]


def test_detect_steers_by_every_option(sed, pets, tmp_path, monkeypatch):
    passed = {}

    def stop(model, **settings):
        passed.update(settings)
        raise ValueError("stop")

    monkeypatch.setattr("sklearn_sed.inference._steer.steer", stop)
    options = ["--min-gap", 2, "--min-gap", "Cat=0", "--min-duration", "0.5"]
    assert detect_pets(sed, pets, tmp_path / "x.tsv", *options).code == 2
    assert passed == {
        "classes": None,
        "threshold": {},
        "min_duration": {None: 0.5},
        "min_gap": {None: 2.0, "Cat": 0.0},
    }


def test_detect_with_other_settings_does_not_go_on(sed, pets, tmp_path):
    out = tmp_path / "found.tsv"
    assert detect_pets(sed, pets, out, "--threshold", 0).counts["Cat"] == 1
    assert detect_pets(sed, pets, out, "--threshold", 0).code == 0
    other = detect_pets(sed, pets, out, "--threshold", 1)
    assert other.code == 2
    assert "trained, tuned or set otherwise; pass --restart" in other.err
    anew = detect_pets(sed, pets, out, "--threshold", 1, "--restart")
    assert (anew.code, anew.counts["Cat"]) == (0, 0)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--threshold", "Bird=0.5"], "no class 'Bird' to look for; the classes are C"),
        (["--min-gap", "=1"], "no class '' to look for"),
        (["--classes", "Cat,Bird"], "no class 'Bird'"),
        (["--classes", "Cat,"], "no class ''"),
        (["--classes", "Cat", "--threshold", "Dog, big=1=0"], "the classes are Cat\n"),
        (["--threshold", "0.1", "--threshold", "0.2"], "twice for all classes"),
        (["--threshold", "Cat=0.1", "--threshold", "Cat=0.1"], "twice for Cat"),
    ],
)
def test_detect_names_classes_that_are_not_there(options, text, sed, pets, tmp_path):
    done = detect_pets(sed, pets, tmp_path / "found.tsv", *options)
    assert done.code == 2
    assert text in done.err
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("option", "value", "text"),
    [
        ("--threshold", "1.5", "'1.5' is not a number from 0 to 1, or NAME=NUMBER"),
        ("--threshold", "-0.1", "'-0.1' is not"),
        ("--threshold", "nan", "'nan' is not"),
        ("--threshold", "0,3", "'0,3' is not"),
        ("--threshold", "Cat=", "'Cat=' is not"),
        ("--threshold", "Cat", "'Cat' is not"),
        ("--min-gap", "inf", "'inf' is not a number of seconds from 0 up"),
        ("--min-duration", "Cat=-1", "'Cat=-1' is not a number of seconds"),
    ],
)
def test_settings_are_numbers(option, value, text, capsys):
    with pytest.raises(SystemExit) as end:
        main(["detect", "model.sed", "a.wav", "-o", "found.tsv", option, value])
    assert end.value.code == 2
    assert text in capsys.readouterr().err


def test_detect_with_known_tags_and_scores_as_a_process(trained, tmp_path):
    arguments = ["-m", "sklearn_sed", "detect", trained.model, trained.folder / "audio"]
    arguments += ["-o", "found.tsv", "--known-tags", trained.folder / "weak.tsv"]
    arguments += ["--scores", "scores", "--threshold", 0, "--quiet"]
    for _ in range(2):  # what is there is its own
        done = subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 1
        first, second = done.stderr.splitlines()
        assert "8 recordings, 1 class, label column 'event_labels'" in first
        assert "bad file" in second
    filenames, tables = read_events(tmp_path / "found.tsv")
    assert [len(table) > 0 for table in tables] == [i % 2 == 0 for i in range(7)]
    scores = sorted((tmp_path / "scores").iterdir())
    assert [path.name for path in scores] == [f"{i}.tsv" for i in range(7)]
    assert scores[0].read_text().startswith("onset\toffset\ttone\n0.000000\t0.032000\t")
    assert len(filenames) == 7


@pytest.mark.parametrize(
    ("rows", "options", "found"),
    [
        (["a.wav\tCat"], [], ["Cat"]),
        (["other/a\tCat", "b.wav\t"], [], ["Cat"]),
        (["a.wav\t"], [], []),
        (["a.wav\tCat"], ["--classes", "Dog, big=1"], []),
        (["a.wav\t-1"], ["--threshold", "1"], []),
        (["a.wav\t-1"], ["--threshold", "0"], ["Cat", "Dog, big=1"]),
    ],
)
def test_detect_looks_for_what_is_known(rows, options, found, sed, pets, tmp_path):
    known = tmp_path / "known.tsv"
    known.write_text("\n".join(["filename\tevent_labels", *rows, "c.wav\tCat"]))
    command = ["--known-tags", known, *options]
    if "--threshold" not in options:  # of frames; known classes have no other
        model = load_model(pets / "pets.sed")
        model.set_params(weakeventdetector__decoder=EventDecoder(threshold=0.0))
        save_model(model, tmp_path / "pets.sed")
        write_clip(tmp_path / "a.wav", tone=True)
        pets = tmp_path
    done = detect_pets(sed, pets, tmp_path / "found.tsv", *command)
    assert done.code == 0
    _, (table,) = read_events(tmp_path / "found.tsv")
    assert sorted(set(table["event_label"])) == found


def test_known_tags_in_columns(sed, pets, tmp_path):
    known = tmp_path / "known.csv"
    for row, options, found in (
        ("0,1", [], {"Cat": 0, "Dog, big=1": 1}),
        ("1,1", ["--classes", "Dog, big=1"], {"Dog, big=1": 1}),
    ):
        known.write_text(f'filename,Cat,"Dog, big=1"\na.wav,{row}\n')
        options += ["--known-tags", known, "--threshold", 0, "--restart"]
        done = detect_pets(sed, pets, tmp_path / "found.tsv", *options)
        assert (done.code, done.counts) == (0, found)


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        (["b.wav\tCat"], "known.tsv lacks 1 of the 1 recordings: "),
        (["a.wav\tBird"], "says that a.wav holds 'Bird', which is no class of the mod"),
        (["a.wav\t-1;Cat"], "holds '-1', which is no class"),
        (["x/a.wav\tCat", "y/a.wav\tCat"], "cannot tell which recording is which"),
    ],
)
def test_known_tags_must_be_known(rows, text, sed, pets, tmp_path):
    known = tmp_path / "known.tsv"
    known.write_text("\n".join(["filename\tevent_labels", *rows]))
    done = detect_pets(sed, pets, tmp_path / "found.tsv", "--known-tags", known)
    assert (done.code, text in done.err) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["known.tsv"]


def test_detect_writes_candidates(sed, pets, tmp_path):
    done = detect_pets(sed, pets, tmp_path / "found.tsv", "--candidates")
    assert (done.code, "--candidates True needs events whose own" in done.err) == (
        2,
        True,
    )
    model = load_model(pets / "pets.sed")
    model.set_params(weakeventdetector__decoder=EventDecoder(segmenter="peaks"))
    save_model(model, tmp_path / "pets.sed")
    write_clip(tmp_path / "a.wav", tone=True)
    done = detect_pets(sed, tmp_path, tmp_path / "found.tsv", "--candidates")
    assert done.code == 0
    assert set(done.counts) == {"Cat", "Dog, big=1"}
    assert min(done.counts.values()) >= 1


def test_detect_counts_no_events_too(sed, trained, tmp_path):
    write_clip(tmp_path / "audio" / "quiet.wav", seed=9)
    model = load_model(trained.model)
    model.set_params(twopasssed__detector__decoder=EventDecoder(threshold=1.0))
    save_model(model, tmp_path / "deaf.sed")
    out = tmp_path / "found.tsv"
    done = sed("detect", tmp_path / "deaf.sed", tmp_path / "audio", "-o", out)
    assert done.code == 0
    assert done.out.splitlines()[1].split() == ["tone", "0"]
    assert done.out.endswith("0 events of 1 recordings\n")


def test_detect_names_what_is_missing(sed, trained, tmp_path):
    out = tmp_path / "found.tsv"
    done = sed("detect", trained.model, tmp_path / "no.wav", "-o", out)
    assert (done.code, "there is no file or folder" in done.err) == (2, True)
    (tmp_path / ".hidden.wav").write_text("")
    done = sed("detect", trained.model, tmp_path, "-o", out)
    assert (done.code, "has no audio files" in done.err) == (2, True)
    done = sed("detect", tmp_path / "no.sed", trained.folder, "-o", out)
    assert (done.code, "no.sed" in done.err) == (2, True)
    done = sed("detect", trained.folder / "weak.tsv", trained.folder, "-o", out)
    assert (done.code, "weak.tsv" in done.err) == (2, True)
    assert not out.exists()


# -- tag --


@pytest.mark.parametrize(("ending", "separator"), [("csv", ","), ("TSV", "\t")])
def test_tag_writes_the_probability_of_each_class(
    ending, separator, sed, pets, trained, tmp_path
):
    out = tmp_path / f"tags.{ending}"
    audio = trained.folder / "audio"
    done = sed("tag", pets / "pets.sed", pets / "a.wav", audio, "-o", out)
    assert done.code == 1
    assert done.out == f"{out}: 8 recordings, 2 classes\n"
    assert re.search(r"^sklearn-sed: bad file: \S+7\.wav: ", done.err, re.MULTILINE)
    assert "9 of 9 files" in done.err  # the progress bar
    table = pd.read_csv(out, sep=separator, index_col="filename")
    assert table.columns.tolist() == ["Cat", "Dog, big=1"]
    assert table.index[0] == str(pets / "a.wav")
    assert not any(name.endswith("7.wav") for name in table.index)
    expected = load_model(pets / "pets.sed").predict_proba(table.index.tolist())
    np.testing.assert_allclose(table, expected, rtol=1e-5)


def test_tag_as_a_process(pets):
    command = ["tag", "pets.sed", "a.wav", "-o", "process.csv"]
    done = subprocess.run(
        [sys.executable, "-m", "sklearn_sed", *command],
        cwd=pets,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (
        0,
        "process.csv: 1 recordings, 2 classes\n",
    )
    assert (pets / "process.csv").read_text().startswith('filename,Cat,"Dog, big=1"\n')


def test_tag_passes_its_options_on(sed, pets, tmp_path, monkeypatch):
    passed = {}

    def stop(model, paths, **options):
        passed.update(options)
        raise ValueError("stop")

    monkeypatch.setattr("sklearn_sed.inference.tag_files", stop)
    options = ["--window", 5, "--overlap", 1, "--jobs", 2, "--quiet"]
    out = tmp_path / "tags.csv"
    done = sed("tag", pets / "pets.sed", pets / "a.wav", "-o", out, *options)
    assert (done.code, out.exists()) == (2, False)
    assert passed == {
        "window": 5.0,
        "overlap": 1.0,
        "on_error": "skip",
        "n_jobs": 2,
        "verbose": False,
    }


def test_tag_of_nothing_but_bad_audio_writes_nothing(sed, trained, tmp_path):
    out, bad = tmp_path / "tags.csv", trained.folder / "audio" / "monday" / "7.wav"
    done = sed("tag", trained.model, bad, "-o", out)
    assert (done.code, done.out, out.exists()) == (1, "", False)
    assert "7.wav" in done.err


def test_tag_names_what_it_cannot_write(sed, pets, tmp_path, monkeypatch):
    def work(*args, **kwargs):
        raise AssertionError("the work was begun")

    monkeypatch.setattr("sklearn_sed.inference.tag_files", work)
    done = sed("tag", pets / "pets.sed", pets / "a.wav", "-o", tmp_path / "tags.xlsx")
    assert (done.code, "must end in .csv or .tsv" in done.err) == (2, True)
    name = tmp_path / "caf\udce9.wav"
    name.write_bytes((pets / "a.wav").read_bytes())
    done = sed("tag", pets / "pets.sed", name, "-o", tmp_path / "tags.csv")
    assert (done.code, "cannot be written as UTF-8; rename it" in done.err) == (2, True)


# -- info --


def test_info_tells_what_train_has_made(sed, trained):
    done = sed("info", trained.model)
    assert (done.code, done.err) == (0, "")
    facts, _, table = done.out.partition("\n\n")
    size = trained.model.stat().st_size / 1e6
    assert (
        f"{trained.model}, {size:.1f} MB, saved by sklearn_sed {__version__}" in facts
    )
    assert (
        "hears:     8000 Hz, 64 mel bands from 0 to 4000 Hz, frames of 256.0" in facts
    )
    detector = load_model(trained.model)[-1].detector_
    n_weights = sum(w.numel() for w in detector.net_.module_.parameters())
    line = f"WeakEventDetector, {n_weights} weights, epochs learned: 1\n"
    assert f"network 1: {line}" in f"{facts}\n"
    assert "network 2" not in facts
    assert "decoder:   EventDecoder: segmenter threshold, rescale False" in facts
    date = detector.training_["date"]
    assert f"trained:   {date[:10]}, on 7 clips of 0.5 s, none held back\n" in facts
    names, values = (line.split() for line in table.splitlines())
    assert names[:3] == ["class", "clips", "tag"]
    assert names[3:] == ["threshold", "low", "min_duration", "min_gap"]
    assert values == ["tone", "4", "0.5", "0.5", "0.05", "0.1", "0.5"]


def test_info_as_json(sed, trained, pets, tmp_path):
    facts = json.loads(sed("info", trained.model, "--json").out)
    assert facts["bytes"] == trained.model.stat().st_size
    assert facts["saved_by"] == facts["read_by"] == __version__
    assert facts["steps"] == ["LogMelTransformer", "TwoPassSED"]
    assert facts["hears"]["time_resolution"] == 512 / RATE
    assert [n["estimator"] for n in facts["networks"]] == ["WeakEventDetector"]
    model = load_model(pets / "pets.sed")
    model[0].set_params(duration=np.float32(0.5), sample_rate=np.int64(RATE))
    decoder = EventDecoder(
        threshold=[0.25, 0.75], smoothing=[None, "mean"], low_threshold=["half", None]
    )
    model[1].set_params(decoder=decoder, threshold=[0.125, 0.5])
    save_model(model, tmp_path / "other.sed")
    facts = json.loads(sed("info", tmp_path / "other.sed", "--json").out)
    assert facts["hears"]["duration"] == 0.5
    keys = ("class", "tag", "threshold", "low", "smoothing")
    assert [[row[key] for key in keys] for row in facts["classes"]] == [
        ["Cat", 0.125, 0.25, 0.125, None],
        ["Dog, big=1", 0.5, 0.75, 0.75, "mean"],
    ]
    text = sed("info", tmp_path / "other.sed").out
    assert "clips of 0.5 s" in text
    assert text.splitlines()[-3].split()[-1] == "smoothing"
    assert text.splitlines()[-2].split()[-1] == "-"


def test_info_tells_of_clips_that_were_held_back(sed, tmp_path):
    features = np.random.default_rng(0).normal(size=(12, 20, 64)).astype("float32")
    features = FeatureArray(features, 0.064)
    tagger = WeakTagger(network_params=TINY_CRNN, max_epochs=1, random_state=0)
    y = [["a", "b"], ["a"], []] * 4
    tagger.fit(features, y, X_val=features[:4], y_val=[["a"], ["a"], [], []])
    model = make_pipeline(LogMelTransformer(), tagger)
    facts = info(model, tmp_path, sed)
    (network,) = facts["networks"]
    assert network["trained"] == {"clip_duration": 1.28, **tagger.training_}
    own = tagger.training_["held_back"]
    keys = ("class", "clips", "held_back", "F1", "average_precision")
    first, second = ([row[key] for key in keys] for row in facts["classes"])
    assert first == ["a", 8, 2, own["f1"][0], own["average_precision"][0]]
    assert second == ["b", 4, 0, None, None]
    text = sed("info", tmp_path / "model.sed").out
    assert "on 12 clips of 1.28 s, 4 more held back\n" in text
    assert text.splitlines()[-1].split()[:5] == ["b", "4", "0", "-", "-"]


def test_info_of_an_older_model(sed):
    path = Path(__file__).parents[1] / "data" / "model_v2.sed"
    done = sed("info", path)
    assert (done.code, done.err) == (0, "")
    assert "trained:   not recorded\n" in done.out
    facts = json.loads(sed("info", path, "--json").out)
    assert [network["trained"] for network in facts["networks"]] == [None, None]


def test_windows_are_as_long_as_clips_of_training_as_a_process(trained, tmp_path):
    sound = np.random.default_rng(0).normal(size=4 * RATE)
    soundfile.write(tmp_path / "long.wav", 0.1 * sound, RATE)
    found = []
    for name, options in (("own", []), ("half", ["--window", "0.5"])):
        command = [sys.executable, "-m", "sklearn_sed", "detect", str(trained.model)]
        command += ["long.wav", "-o", "found.tsv", "--scores", name, *options]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0
        found.append((tmp_path / name / "long.tsv").read_text())
    assert found[0] == found[1]


def test_info_shows_the_thresholds_that_tag(sed, pets, tmp_path):
    features = np.random.default_rng(0).normal(size=(8, 20, 64)).astype("float32")
    features = FeatureArray(features, 0.064)
    part = {"network_params": TINY_CRNN, "max_epochs": 1}
    names, y = ["a", "b"], [["b"], ["a", "b"], ["a"], []] * 2
    tagger = WeakTagger(**part, threshold=[0.125, 0.25])
    detector = WeakEventDetector(**part, threshold=[0.9, 0.9])
    ensemble = SeedEnsemble(detector, n_estimators=2)
    linear = make_pipeline(
        FunctionTransformer(np.mean, kw_args={"axis": 1}),
        OneVsRestClassifier(LogisticRegression()),
    )
    for system, tags, n_networks in (
        (TwoPassSED(tagger=tagger, detector=detector), [0.125, 0.25], 2),
        (TwoPassSED(tagger=tagger, detector=ensemble), [0.125, 0.25], 3),
        (ensemble, [0.9, 0.9], 2),
        (tagger, [0.125, 0.25], 1),
    ):
        model = make_pipeline(LogMelTransformer(), system.fit(features, y))
        facts = info(model, tmp_path, sed)
        assert [row["class"] for row in facts["classes"]] == names
        assert [row["tag"] for row in facts["classes"]] == tags
        assert len(facts["networks"]) == n_networks
    mixed = TwoPassSED(tagger=linear, detector=detector).fit(features, y)
    assert _info._tag_thresholds(mixed, names) == [None, None]
    one_each = WeakTagger(**part).fit(features, names * 4)
    facts = info(make_pipeline(LogMelTransformer(), one_each), tmp_path, sed)
    assert facts["classes"] == [
        {"class": "a", "clips": 4, "tag": None},
        {"class": "b", "clips": 4, "tag": None},
    ]
    assert facts["decoder"] is None


def info(model, folder, sed):
    """Save a model; return what ``info`` tells of it."""
    save_model(model, folder / "model.sed")
    as_text = sed("info", folder / "model.sed")
    assert (as_text.code, as_text.err) == (0, "")
    return json.loads(sed("info", folder / "model.sed", "--json").out)


def test_info_says_what_is_no_model_of_recordings(sed, trained, tmp_path):
    done = sed("info", trained.folder / "weak.tsv")
    assert (done.code, "weak.tsv" in done.err) == (2, True)
    save_model(load_model(trained.model)[-1], tmp_path / "bare.sed")
    done = sed("info", tmp_path / "bare.sed")
    assert (done.code, "begins with TwoPassSED" in done.err) == (2, True)


# -- evaluate --


def test_evaluate_prints_the_report(sed, lists):
    done = sed("evaluate", lists.reference, lists.estimated)
    assert (done.code, done.err) == (0, "")
    rows = {line[:9].strip(): line.split() for line in done.out.splitlines() if line}
    assert rows["Dog"][3] == "1.000"
    assert rows["Cat"][3] == "0.000"
    assert rows["macro avg"][4] == "0.500"
    assert "recordings: 2" in done.out
    wide = sed("evaluate", lists.reference, lists.estimated, "--collar", 0.6)
    assert "macro avg     2     2    1.000" in wide.out


def test_evaluate_as_json(sed, lists, tmp_path):
    durations = tmp_path / "durations.tsv"
    durations.write_text("filename\tduration\na.wav\t6\nb.wav\t10\nc.wav\t10\n")
    done = sed(
        *("evaluate", lists.reference, lists.estimated, "--json"),
        *("--durations", durations, "--segment-length", 0.5),
        *("--percentage-of-length", 0),
    )
    scores = json.loads(done.out)
    assert done.code == 0
    assert scores["n_recordings"] == 3
    assert scores["event_based"]["macro avg"]["f1-score"] == 0.5
    # Dog: 2 segments of 3 found; Cat: 3 of the 4 there are, in halves of seconds
    dog, cat = 2 * 2 / (2 + 3), 2 * 3 / (4 + 3)
    assert scores["segment_based_f1"]["macro"] == pytest.approx((dog + cat) / 2)
    assert scores["segment_based_f1"]["micro"] == pytest.approx(2 * 5 / (6 + 6))


@pytest.mark.filterwarnings("default")
def test_evaluate_warns_of_recordings_that_do_not_count(sed, lists, tmp_path):
    durations = tmp_path / "durations.csv"
    durations.write_text("filename,duration\nb.wav,10\n")
    done = sed("evaluate", lists.reference, lists.estimated, "--durations", durations)
    assert done.code == 0
    warned = [line for line in done.err.splitlines() if line]
    assert len(warned) == 2
    assert all(line.startswith("sklearn-sed: warning: ") for line in warned)


@pytest.mark.filterwarnings("always::UserWarning")
def test_evaluate_cuts_references_past_the_end(sed, tmp_path):
    header = "filename\tonset\toffset\tevent_label\n"
    for name, offset in (("reference", 12.5), ("estimated", 10)):
        text = f"{header}a.wav\t9\t{offset}\tDog\n"
        (tmp_path / f"{name}.tsv").write_text(text)
    (tmp_path / "durations.csv").write_text("filename,duration\na.wav,10\n")
    lists = tmp_path / "reference.tsv", tmp_path / "estimated.tsv"
    done = sed("evaluate", *lists, "--durations", tmp_path / "durations.csv")
    warned = [line for line in done.err.splitlines() if line]
    assert len(warned) == 1
    assert "1 events of the reference last beyond the end of their clip" in warned[0]
    assert "until 12.5 s in a.wav, which ends at 10 s" in warned[0]
    assert "macro avg     1     1    1.000" in done.out


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("filename\tseconds\na.wav\t6\n", ", line 1: the column 'duration' is missing"),
        (
            "filename\tduration\na.wav\tsix\n",
            ", line 2: duration 'six' is not a number",
        ),
        (
            "filename\tduration\na.wav\t0\n",
            ", line 2: the duration 0.0 is not positive",
        ),
        (
            "filename\tduration\na.wav\t1\na.wav\t2\n",
            ", line 3: a.wav has two durations",
        ),
    ],
)
def test_evaluate_refuses_wrong_durations(text, reason, sed, lists, tmp_path):
    durations = tmp_path / "durations.tsv"
    durations.write_text(text)
    done = sed("evaluate", lists.reference, lists.estimated, "--durations", durations)
    assert done.code == 2
    assert f"durations.tsv{reason}" in done.err


def test_evaluate_reads_label_tracks(sed, lists, tmp_path):
    track = tmp_path / "anything.txt"
    track.write_text("0.0\t1.0\tDog\n4.0\t6.0\tCat\n")
    formats = ["--reference-format", "audacity", "--estimated-format", "audacity"]
    done = sed("evaluate", track, track, *formats, "--json")
    assert json.loads(done.out)["event_based"]["micro avg"]["f1-score"] == 1


def test_evaluate_hints_at_labels_that_may_be_the_same(sed, tmp_path):
    for name, labels in {
        "reference": ["Dog", "Cow moo", "Owl"],
        "found": ["dog", "cow_moo", "Fan"],
    }.items():
        table = make_events([0, 2, 4], [1, 3, 5], labels)
        write_events(tmp_path / f"{name}.tsv", ["a.wav"], [table])
    done = sed("evaluate", tmp_path / "reference.tsv", tmp_path / "found.tsv")
    assert done.code == 0
    notes = [line for line in done.err.splitlines() if "count as two classes" in line]
    assert len(notes) == 2
    assert "has 'cow_moo'" in notes[0]
    assert "'Cow moo'" in notes[0]
    assert "'Dog'" in notes[1]


# -- convert --


@pytest.mark.parametrize(
    ("out", "options"),
    [
        ("out.csv", []),
        ("out.rttm", []),
        ("labels.txt", ["--format", "audacity"]),
        ("out.jams", []),
        ("out.json", []),
        ("tables", ["--format", "raven"]),
    ],
)
@pytest.mark.filterwarnings("default")
def test_convert_there_and_back(out, options, sed, lists, tmp_path):
    if out.endswith(("jams", "json")):
        pytest.importorskip("jams")
    done = sed("convert", lists.reference, tmp_path / out, *options)
    left_out = "warning: .*no events; 1 recordings are left out" * (out == "out.rttm")
    assert (done.code, bool(done.err)) == (0, bool(left_out))
    assert re.search(left_out, done.err)
    assert done.out == f"{tmp_path / out}: 2 events of 2 recordings\n"
    back = tmp_path / "back.tsv"
    source = [option.replace("--format", "--from") for option in options]
    assert sed("convert", tmp_path / out, back, *source).code == 0
    _, expected = read_events(lists.reference)
    _, events = read_events(back, filenames=["a.wav", "b.wav"])
    columns = ["onset", "offset", "event_label"]
    assert events[0][columns].equals(expected[0])
    assert len(events[1]) == 0


def test_convert_adds_recordings_without_events(sed, lists, tmp_path):
    for name in ("a", "b", "c", "deep/d"):
        write_clip(tmp_path / "audio" / f"{name}.wav")
    options = ["--audio", tmp_path / "audio"]
    done = sed("convert", lists.reference, tmp_path / "all.tsv", *options)
    assert done.out.endswith("2 events of 4 recordings\n")
    filenames, events = read_events(tmp_path / "all.tsv")
    assert filenames == ["a.wav", "b.wav", "c.wav", "deep/d.wav"]
    assert list(map(len, events)) == [2, 0, 0, 0]
    sed(
        *("convert", lists.reference, tmp_path / "weak.tsv", *options),
        *("--format", "tags"),
    )
    assert read_tags(tmp_path / "weak.tsv")[1] == [["Cat", "Dog"], [], [], []]


def test_convert_by_threshold(sed, lists, tmp_path):
    weak = tmp_path / "weak.tsv"
    options = ["--format", "tags", "--threshold", 0.85]
    assert sed("convert", lists.estimated, weak, *options).code == 0
    assert read_tags(weak)[1] == [["Dog"], []]
    done = sed("convert", lists.reference, tmp_path / "other.tsv", *options)
    assert (done.code, "has no scores; leave --threshold out" in done.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["convert", "a.tsv", "b.tsv", "--threshold", "nan"], "'nan' is not a number"),
        (["train", "audio", "-o", "m.sed", "--jobs", "0"], "'0' is not a whole number"),
        (["train", "audio", "-o", "m.sed", "--seed", "-1"], "'-1' is not a whole"),
    ],
)
def test_numbers_that_options_cannot_be(arguments, reason, sed, capsys):
    with pytest.raises(SystemExit):
        sed(*arguments)
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["convert", "gone", "out.tsv"], "gone: No such file or directory"),
        (["convert", "list.tsv", "out.tsv", "--audio", "audio"], "has no audio files"),
        (
            ["convert", "list.tsv", "gone/labels", "--format", "audacity"],
            "the folder gone does not exist; create it",
        ),
        (
            ["convert", "weak.csv", "out.tsv"],
            "if it lists tags without times, add --fr",
        ),
        (
            ["evaluate", "none.tsv", "list.tsv"],
            "none.tsv names no recordings to compare",
        ),
        (["detect", "list.tsv", "list.tsv", "-o", "o.tsv"], "not a model file of skle"),
    ],
)
def test_what_cannot_be_done_is_said_in_words_of_the_command_line(
    arguments, text, sed, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "audio").mkdir()
    header = "filename\tonset\toffset\tevent_label\n"
    (tmp_path / "none.tsv").write_text(header)
    (tmp_path / "list.tsv").write_text(f"{header}a.wav\t0\t1\tx\nb.wav\n")
    (tmp_path / "weak.csv").write_text("filename,tags\na.wav,x\n")
    done = sed(*arguments)
    assert (done.code, done.out) == (2, "")
    assert text in done.err


def test_convert_tags_to_their_usual_form(sed, tmp_path):
    source, out = tmp_path / "mine.csv", tmp_path / "weak.tsv"
    source.write_text("file;dog;cat\na.wav;1;1\nb.wav;0;0\n")
    done = sed("convert", source, out, "--from", "tags", "--format", "tags")
    assert done.code == 0
    assert "2 recordings, 2 classes" in done.err
    assert out.read_text() == "filename\tevent_labels\na.wav\tdog,cat\nb.wav\t\n"
    done = sed("convert", source, tmp_path / "events.tsv", "--from", "tags")
    assert (done.code, "tags without times" in done.err) == (2, True)


def test_convert_to_tags(sed, lists, tmp_path):
    weak = tmp_path / "weak.tsv"
    assert sed("convert", lists.estimated, weak, "--format", "tags").code == 0
    assert read_tags(weak) == (["rec/a.wav", "rec/b.wav"], [["Cat", "Dog"], []])


@pytest.mark.filterwarnings("default")
def test_convert_says_what_a_format_cannot_hold(sed, lists, tmp_path):
    out = tmp_path / "labels"
    done = sed("convert", lists.estimated, out, "--format", "audacity")
    assert done.code == 0
    assert re.fullmatch(
        r"sklearn-sed: warning: .*columns score, which are left out\n", done.err
    )


# -- what is there stays --


@pytest.fixture
def mine(trained, tmp_path):
    """Return a folder of things that are somebody's own."""
    write_clip(tmp_path / "a.wav", tone=True)
    write_events(
        tmp_path / "s.tsv", ["a.wav"], [make_events([0.0], [0.2], ["tone"], [0.9])]
    )
    (tmp_path / "weak.tsv").write_text("filename\tevent_labels\na.wav\ttone\n")
    (tmp_path / "a.tsv").write_text("filename\tevent_labels\na.wav\ttone\n")
    (tmp_path / "scores").mkdir()
    (tmp_path / "scores" / "a.tsv").write_text("mine")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text("0.0\t0.2\ttone\n")
    for name in ("m.sed", "m.csv"):
        (tmp_path / name).write_bytes(trained.model.read_bytes())
    return tmp_path


INPUT, EXISTS = "is an input as well", "exists; write to another file"


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("train weak.tsv . -o weak.tsv", INPUT),
        ("train weak.tsv . -o weak.tsv --overwrite", INPUT),
        ("train weak.tsv . -o a.wav --overwrite", INPUT),
        ("train weak.tsv . -o s.tsv", EXISTS),
        ("train weak.tsv . -o m.sed", EXISTS),
        ("detect m.sed a.wav -o weak.tsv", EXISTS),
        ("detect m.sed a.wav -o m.sed --format dcase --overwrite", INPUT),
        ("detect m.sed a.wav -o a.wav --format dcase --overwrite", INPUT),
        ("detect m.sed a.wav -o labels --format audacity", EXISTS),
        ("detect m.sed a.wav -o new.tsv --scores scores", EXISTS),
        ("detect m.sed a.wav -o b.tsv --scores . --known-tags a.tsv", INPUT),
        ("detect m.sed a.wav -o a.tsv --known-tags a.tsv --overwrite", INPUT),
        (
            "detect m.sed a.wav -o a --known-tags a.tsv --overwrite"
            " --format dcase --format rttm",
            INPUT,
        ),
        ("tag m.sed a.wav -o weak.tsv", EXISTS),
        ("tag m.csv a.wav -o m.csv --overwrite", INPUT),
        ("convert s.tsv s.tsv --format tags", INPUT),
        ("convert s.tsv s.tsv --format tags --overwrite", INPUT),
        ("convert s.tsv ./labels/../s.tsv --overwrite", INPUT),
        ("convert s.tsv weak.tsv --format tags", EXISTS),
        ("convert s.tsv labels --format audacity", EXISTS),
        ("convert labels labels --from audacity --format audacity --overwrite", INPUT),
        ("convert labels weak.tsv --from audacity", EXISTS),
    ],
)
@pytest.mark.filterwarnings("default")
def test_nothing_of_the_users_is_written_over(command, text, sed, mine, monkeypatch):
    def contents():
        return {p: p.read_bytes() for p in mine.rglob("*") if p.is_file()}

    monkeypatch.chdir(mine)
    before = contents()
    done = sed(*command.split())
    assert done.code == 2
    assert text in done.err
    assert (text == INPUT) or "--overwrite" in done.err
    assert contents() == before


@pytest.mark.filterwarnings("default")
def test_what_may_be_written_over_is(sed, mine, monkeypatch):
    monkeypatch.chdir(mine)
    for command in (
        "detect m.sed a.wav -o weak.tsv --overwrite --quiet",
        "detect m.sed a.wav -o labels --format audacity --overwrite --quiet",
        "detect m.sed a.wav -o new.tsv --scores scores --overwrite --quiet",
        "tag m.sed a.wav -o weak.tsv --overwrite --quiet",
        "convert s.tsv weak.tsv --format tags --overwrite",
        "convert s.tsv labels --format audacity --overwrite",
    ):
        assert sed(*command.split()).code == 0


def test_detect_goes_on_with_its_own_output_alone(sed, mine, monkeypatch):
    monkeypatch.chdir(mine)
    detect = ["detect", "m.sed", "a.wav", "-o", "found.tsv", "--quiet"]
    assert sed(*detect).code == sed(*detect).code == 0
    corrected = (mine / "found.tsv").read_text() + "\n"
    (mine / "found.tsv").write_text(corrected)
    assert sed(*detect).code == 2
    assert (mine / "found.tsv").read_text() == corrected
    assert sed(*detect, "--overwrite").code == 0
    assert (mine / "found.tsv").read_text() != corrected


def test_that_a_target_can_be_written_is_tried_first(sed, mine, monkeypatch):
    def work(*args, **kwargs):
        raise AssertionError("the work was begun")

    def refuse(dir):
        raise PermissionError(13, "Permission denied", f"{dir}/tmp123")

    monkeypatch.chdir(mine)
    monkeypatch.setattr("sklearn_sed._features._transformer.load_clip", work)
    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    for command, name in (
        ("train weak.tsv . -o new.sed", "new.sed"),
        ("detect m.sed a.wav -o new.tsv", "new.tsv"),
        ("tag m.sed a.wav -o new.csv", "new.csv"),
        ("convert s.tsv new.csv", "new.csv"),
    ):
        done = sed(*command.split())
        assert done.code == 2
        assert f"error: {name}: Permission denied" in done.err
