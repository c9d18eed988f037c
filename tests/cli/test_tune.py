"""``sklearn-sed tune``: from a model and a few events to one that decides better."""

import subprocess
import sys

import numpy as np
import pytest
import soundfile
from sklearn.pipeline import make_pipeline

from sklearn_sed import (
    EventDecoder,
    LogMelTransformer,
    WeakEventDetector,
    load_model,
    save_model,
)
from sklearn_sed._cli import main
from sklearn_sed.events import make_events, read_events, write_events

RATE = 8000
TONE = make_events([0.5], [1.5], ["tone"])


def sound(*, tone, seed, seconds=2.0):
    clip = 0.01 * np.random.default_rng(seed).normal(size=round(RATE * seconds))
    if tone:
        clip[RATE // 2 : 3 * RATE // 2] += 0.3 * np.sin(np.arange(RATE))
    return clip


@pytest.fixture(scope="module")
def clumsy():
    """Return a model that finds a tone, and takes it for far too long."""
    clips = [sound(tone=i % 2 == 0, seed=i) for i in range(16)]
    detector = WeakEventDetector(
        network="embedding",  # each frame by itself
        network_params={"n_hidden": 8, "n_rnn": 0},
        max_epochs=40,
        threshold=0.0,
        random_state=0,
        decoder=EventDecoder(threshold=0.0, smoothing_length=1.0),
    )
    model = make_pipeline(LogMelTransformer(sample_rate=RATE), detector)
    return model.fit(np.array(clips), [["tone"], []] * 8)


@pytest.fixture
def folder(clumsy, tmp_path):
    """Write a model, a list of events, and their recordings, one not in the list."""
    save_model(clumsy, tmp_path / "model.sed")
    (tmp_path / "audio").mkdir()
    for i in range(5):
        clip = sound(tone=i < 4, seed=20 + i)
        soundfile.write(tmp_path / "audio" / f"{i}.wav", clip, RATE)
    names = [f"{i}.wav" for i in range(4)]
    write_events(tmp_path / "strong.tsv", names, [TONE] * 4)
    return tmp_path


def tune(folder, *options, out="tuned.sed"):
    audio, events = folder / "audio", folder / "strong.tsv"
    given = ["tune", folder / "model.sed", events, audio, "-o", folder / out]
    return main([str(argument) for argument in [*given, "--quiet", *options]])


@pytest.mark.filterwarnings("default:.*not wanted are left out")
def test_a_tuned_model_works_everywhere(folder, capsys):
    assert tune(folder, "--folds", 2) == 0
    said = capsys.readouterr()
    lines = [line.split() for line in said.out.splitlines()]
    assert lines[0] == ["class", "events", "F1", "F1", "tuned"]
    assert lines[1][:2] == ["tone", "4"]
    assert lines[2][0] == "mean"
    own, better = map(float, lines[2][2:])
    assert better > own
    assert said.out.endswith(f"{folder / 'tuned.sed'}: tuned on 4 recordings\n")
    assert "1 audio files" in said.err
    assert "--unlisted empty" in said.err
    for command in (
        ["info", "tuned.sed"],
        ["detect", "tuned.sed", "audio", "-o", "found.tsv", "--quiet"],
        ["detect", "model.sed", "audio", "-o", "own.tsv", "--quiet"],
        ["tag", "tuned.sed", "audio", "-o", "tags.csv", "--quiet"],
        ["evaluate", "strong.tsv", "found.tsv"],
    ):
        paths = [str(folder / text) if "." in text else text for text in command]
        paths = [str(folder / "audio") if text == "audio" else text for text in paths]
        assert main(paths) == 0
    assert read_events(folder / "found.tsv")[0] == read_events(folder / "own.tsv")[0]
    tuned = load_model(folder / "tuned.sed")
    assert set(tuned.decoder_.threshold) == {"tone"}
    assert "EventDecoder" in capsys.readouterr().out


def test_a_list_of_nothing_is_named(folder, capsys):
    write_events(folder / "strong.tsv", [], [], overwrite=True)
    assert tune(folder) == 2
    assert "strong.tsv lists no recording to tune on" in capsys.readouterr().err
    assert not (folder / "tuned.sed").exists()


def test_as_a_process(folder):
    command = ["tune", "model.sed", "strong.tsv", "audio", "-o", "tuned.sed"]
    done = subprocess.run(
        [sys.executable, "-m", "sklearn_sed", *command, "--folds", "2"],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    assert done.stdout.endswith("tuned.sed: tuned on 4 recordings\n")
    assert "tune: 100%" in done.stderr


def test_what_does_not_help_is_not_written(folder, capsys):
    assert tune(folder, "--folds", 2) == 0
    (folder / "model.sed").write_bytes((folder / "tuned.sed").read_bytes())
    capsys.readouterr()
    assert tune(folder, "--folds", 2, out="again.sed") == 1
    said = capsys.readouterr()
    assert "tuning on 4 recordings does not help" in said.err
    assert said.out.splitlines()[-1].split()[0] == "mean"
    assert not (folder / "again.sed").exists()


def test_options_reach_the_tuning(folder, monkeypatch):
    passed = {}

    def stop(model, paths, events, **options):
        passed.update(options, paths=paths, lengths=[*map(len, events)])
        raise ValueError("stop")

    monkeypatch.setattr("sklearn_sed.inference.tune_files", stop)
    options = ["--folds", 3, "--window", 4, "--overlap", 1, "--jobs", 2]
    assert tune(folder, *options, "--unlisted", "empty") == 2
    assert passed == {
        "window": 4.0,
        "overlap": 1.0,
        "cv": 3,
        "on_error": "skip",
        "n_jobs": 2,
        "verbose": False,
        "paths": [folder / "audio" / f"{i}.wav" for i in range(5)],
        "lengths": [1, 1, 1, 1, 0],
    }


def test_classes_that_the_model_does_not_know(folder, capsys):
    both = make_events([0.5, 0.5], [1.5, 1.0], ["tone", "rain"])
    names = [f"{i}.wav" for i in range(4)]
    write_events(folder / "strong.tsv", names, [both] * 4)
    assert tune(folder, "--folds", 2) == 0
    said = capsys.readouterr()
    assert "does not know: rain; their events are left out" in said.err
    assert "rain" not in said.out
    write_events(folder / "strong.tsv", names, [both[:1]] * 4)
    write_events(folder / "strong.tsv", names, [both[both.event_label == "rain"]] * 4)
    assert tune(folder, "--overwrite") == 2
    assert "does not know: rain; it knows tone" in capsys.readouterr().err


def test_a_list_of_nothing_is_nothing_to_tune_on(folder, capsys):
    write_events(folder / "strong.tsv", [], [], overwrite=True)
    assert tune(folder, "--unlisted", "empty") == 2
    assert "there is nothing to tune on" in capsys.readouterr().err
    assert not (folder / "tuned.sed").exists()


def test_a_bad_recording_is_listed(folder, capsys):
    (folder / "audio" / "3.wav").write_text("no sound")
    assert tune(folder, "--folds", 2) == 1
    said = capsys.readouterr()
    assert "bad file:" in said.err
    assert "tuned on 3 recordings" in said.out
    assert (folder / "tuned.sed").exists()


def test_nothing_of_the_users_is_written_over(folder, capsys):
    for out, options, text in (
        ("model.sed", ["--overwrite"], "is an input as well"),
        ("strong.tsv", ["--overwrite"], "is an input as well"),
        ("audio/0.wav", ["--overwrite"], "is an input as well"),
        ("strong.tsv", [], "is an input as well"),
        ("there.sed", [], "exists; write to another file"),
    ):
        (folder / "there.sed").write_text("mine")
        before = (folder / out).read_bytes()
        assert tune(folder, *options, out=out) == 2
        assert text in capsys.readouterr().err
        assert (folder / out).read_bytes() == before


def test_one_fold_is_none(capsys):
    with pytest.raises(SystemExit):
        main(["tune", "m.sed", "s.tsv", "audio", "-o", "t.sed", "--folds", "1"])
    assert "one fold leaves nothing to tune on" in capsys.readouterr().err
