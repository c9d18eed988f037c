"""Every command accepts what the one before wrote, whatever recordings are called."""

import os
from itertools import product

import pytest
import soundfile
from sklearn.pipeline import make_pipeline

from sklearn_sed import (
    LogMelTransformer,
    TwoPassSED,
    WeakEventDetector,
    WeakTagger,
    save_model,
)
from sklearn_sed._cli import main
from sklearn_sed.events import read_events, read_tags
from tests._networks import TINY_CRNN
from tests.inference._sounds import CLIPS, FEATURES, RATE, Y, make_sound

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*no place for the columns"),
    pytest.mark.filterwarnings("ignore:.*always occur in the 4 labelled"),
]

# Two recorders with the same names, as they write them: dots, blanks, capitals.
NAMES = [
    "unitA/20240501_050000.WAV",
    "unitB/20240501_050000.WAV",
    "unitB/2024.05.02/20240501_050000.WAV",
    "unitB/XC1 - Wren - T. t. troglodytes.wav",
]
TARGETS = {
    "dcase": "found.tsv",
    "audacity": "audacity",
    "raven": "raven",
    "jams": "jams",
    "rttm": "found.rttm",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder with a model that hears all classes, and recordings in it."""
    folder = tmp_path_factory.mktemp("place")
    part = {"threshold": 0.0, "network_params": TINY_CRNN, "max_epochs": 1}
    part["random_state"] = 0
    system = TwoPassSED(tagger=WeakTagger(**part), detector=WeakEventDetector(**part))
    model = make_pipeline(LogMelTransformer(**FEATURES), system).fit(CLIPS, Y)
    save_model(model, folder / "model.sed")
    for seed, name in enumerate(NAMES):
        events = [(0.2 + 0.3 * seed, 1.6 + 0.1 * seed, ("high", "low")[seed % 2])]
        path = folder / "recordings" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, make_sound(events, 2, seed), RATE, format="WAV")
    return folder


@pytest.fixture
def sed(place, monkeypatch, capsys):
    """Return a function that runs a command in the folder and returns its output."""
    monkeypatch.chdir(place)

    def run(*arguments):
        assert main(list(map(str, arguments))) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    return run


def f1_of(scores):
    """Return the macro F1 of a report."""
    return float(scores.split("macro avg")[1].split()[2])


@pytest.mark.parametrize(
    "audio",
    [
        ["recordings"],
        ["recordings/unitA", "recordings/unitB"],
        ["recordings/../recordings/unitA", "recordings/unitB"],
        [None],
    ],
    ids=["folder", "units", "dots", "absolute"],
)
def test_detect_evaluate_convert(sed, place, audio, tmp_path):
    pytest.importorskip("jams")
    audio = [place / "recordings" if path is None else path for path in audio]
    detect = ["detect", "model.sed", *audio, "--window", 2, "--quiet", "-o"]
    reference = tmp_path / "reference.tsv"
    sed(*detect, reference)
    filenames, events = read_events(reference)
    assert len(filenames) == len(NAMES)
    assert all(map(len, events))
    # The reference as somebody else names the recordings.
    text = reference.read_text().replace(f"{place}/", "").replace("recordings/", "")
    reference.write_text(text.replace("../", "D:\\").replace(".WAV", ".flac"))
    targets = {name: path for name, path in TARGETS.items() if name != "rttm"}
    for name, path in targets.items():
        sed(*detect, tmp_path / path, "--format", name)
        evaluate = ["evaluate", reference, tmp_path / path, "--estimated-format", name]
        assert f1_of(sed(*evaluate)) == 1.0
    for (source, path), target in product(targets.items(), targets):
        out = tmp_path / f"{source}-{TARGETS[target]}"
        sed("convert", tmp_path / path, out, "--from", source, "--format", target)
        evaluate = ["evaluate", reference, out, "--estimated-format", target]
        assert f1_of(sed(*evaluate)) == 1.0


def test_rttm(sed, tmp_path):
    out, audio = tmp_path / "found.rttm", [f"recordings/{name}" for name in NAMES[:3]]
    sed("detect", "model.sed", *audio, "-o", out, "--window", 2, "--quiet")
    assert read_events(out)[0] == audio
    sed("convert", out, tmp_path / "labels", "--format", "raven")
    scores = sed("evaluate", out, tmp_path / "labels")
    assert f1_of(scores) == 1.0


def test_train_learns_from_what_was_found(sed, tmp_path):
    labels, weak = tmp_path / "labels", tmp_path / "weak.tsv"
    sed(
        "detect", "model.sed", "recordings", "-o", labels, "--format", "audacity",
        "--window", 2, "--quiet",
    )  # fmt: skip
    sed("convert", labels, weak, "--from", "audacity", "--format", "tags")
    assert sorted(read_tags(weak)[0]) == sorted(os.path.splitext(n)[0] for n in NAMES)
    out = sed(
        "train", weak, "recordings", "-o", tmp_path / "new.sed", "--epochs", 1,
        "--sample-rate", RATE, "--quiet",
    )  # fmt: skip
    assert f"from {len(NAMES)} recordings" in out


def test_a_recording_that_is_bad_moves_no_labels(sed, place, tmp_path, capsys):
    bad = place / "recordings" / "bad.wav"
    bad.write_text("no sound")
    try:
        arguments = [
            "detect",
            "model.sed",
            "recordings/bad.wav",
            f"recordings/{NAMES[0]}",
            "-o",
        ]
        arguments += [tmp_path / "labels", "--format", "raven", "--quiet"]
        assert main(list(map(str, arguments))) == 1
    finally:
        bad.unlink()
    assert (tmp_path / "labels/unitA/20240501_050000.selections.txt").is_file()
