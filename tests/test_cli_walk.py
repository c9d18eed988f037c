"""The whole way on the command line, from what people have to events that are right.

Forty recordings of a low tone, a high one, or neither; however their labels are written
and wherever the files lie, the same model comes out of them, and finds the tones in
recordings that it has not heard.
"""

import contextlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sklearn_sed import load_model
from sklearn_sed._cli import main

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

RATE = 16000
TONES = {"Ratsche": 500, "Glöckchen": 2000}
OPTIONS = ["--epochs", "25", "--sample-rate", str(RATE), "--quiet"]


def sound(events, duration, seed):
    """Return noise with tones in it."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(RATE * duration)) / RATE
    samples = 0.02 * rng.normal(size=len(time))
    for onset, offset, label in events:
        inside = (time >= onset) & (time < offset)
        samples += 0.2 * inside * np.sin(2 * np.pi * TONES[label] * time)
    return samples


def write(path, events, duration, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sound(events, duration, seed), RATE)


def command(*arguments, code=0):
    """Run a command; return what it printed and what it said."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        found = main([str(argument) for argument in arguments])
    assert found == code, err.getvalue()
    return out.getvalue(), err.getvalue()


class Collection:
    """Forty recordings of two seconds, with their events."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.events = []
        # Sorted by class, as folders of classes are.
        for label in 13 * ["Glöckchen"] + 13 * ["Ratsche"] + 14 * [""]:
            onset = rng.uniform(0.2, 0.8)
            event = (round(onset, 3), round(onset + 0.8, 3), label)
            self.events.append([event] if label else [])

    def write(self, folder, names):
        for i, name in enumerate(names):
            write(folder / name, self.events[i], 2.0, seed=i)

    @property
    def labels(self):
        return [[label for *_, label in events] for events in self.events]


@pytest.fixture(scope="module")
def collection():
    return Collection()


@pytest.fixture(scope="module")
def field(tmp_path_factory):
    """Return a folder of two units' recordings of equal name, and their reference."""
    folder = tmp_path_factory.mktemp("field")
    truth = {
        "unitA/20240501_050000.WAV": [(2.0, 3.5, "Ratsche"), (6.0, 7.0, "Glöckchen")],
        "unitB/20240501_050000.WAV": [(1.0, 2.2, "Glöckchen"), (7.5, 8.5, "Ratsche")],
        "unitB/2024.05.02 night.wav": [],
    }
    for i, (name, events) in enumerate(truth.items()):
        write(folder / "recordings" / name, events, 10.0, seed=100 + i)
    rows = [f"{name}\t{a}\t{b}\t{x}" for name, own in truth.items() for a, b, x in own]
    rows.append("unitB/2024.05.02 night.wav")
    reference = folder / "reference.tsv"
    reference.write_text("\n".join(["filename\tonset\toffset\tevent_label", *rows]))
    return folder


@pytest.fixture(scope="module")
def walked(field):
    """The weights, and the events found, of every way that was gone so far."""
    return {}


def check_the_rest_of_the_way(model, field, folder, walked):
    """Detect, evaluate and convert by a model; it is the same as all the others."""
    found = folder / "found.tsv"
    out, _ = command("detect", model, field / "recordings", "-o", found, "--quiet")
    assert "Ratsche" in out
    assert "Glöckchen" in out
    evaluate = ["evaluate", "--json", "--collar", 0.8, field / "reference.tsv"]
    report, said = command(*evaluate, found)
    assert "note" not in said
    assert json.loads(report)["event_based"]["macro avg"]["f1-score"] > 0.7
    for format in ("audacity", "raven"):
        labels = folder / format
        command("convert", found, labels, "--format", format)
        back, _ = command(*evaluate, labels, "--estimated-format", format)
        assert json.loads(back)["event_based"] == json.loads(report)["event_based"]
    system = load_model(model)[-1]
    weights = {
        f"{part} {name}": value.numpy()
        for part in ("tagger_", "detector_")
        for name, value in getattr(system, part).net_.module_.state_dict().items()
    }
    for name, value in walked.setdefault("weights", weights).items():
        np.testing.assert_array_equal(weights[name], value, err_msg=name)
    events = [line.split("\t")[1:] for line in found.read_text().splitlines()]
    assert walked.setdefault("events", events) == events


def one_hot(names, labels, separator, present="1", absent="0"):
    head = separator.join(["recording", *sorted(TONES)])
    rows = [
        separator.join([n, *(present if c in own else absent for c in sorted(TONES))])
        for n, own in zip(names, labels)
    ]
    return "\n".join([head, *rows])


LAYOUTS = {
    "dcase": lambda names, labels: "\n".join(
        [
            "filename\tevent_labels",
            *(f"{n}\t{','.join(y)}" for n, y in zip(names, labels)),
        ]
    ),
    "one label per row": lambda names, labels: "\n".join(
        ["file,label", *(f"{n},{x}" for n, y in zip(names, labels) for x in y or [""])]
    ),
    "R": lambda names, labels: "\n".join(
        [
            '"fname","species"',
            *(
                f'"{n}",{x}'
                for n, y in zip(names, labels)
                for x in [f'"{x}"' for x in y] or ["NA"]
            ),
        ]
    ),
    "one-hot": lambda names, labels: one_hot(names, labels, ","),
    "one-hot of pandas": lambda names, labels: one_hot(
        names, labels, ";", "True", "False"
    ),
    "lists of pandas": lambda names, labels: "\n".join(
        ["path,tags", *(f'{n},"{y}"' for n, y in zip(names, labels))]
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_tag_table(layout, collection, field, walked, tmp_path):
    names = [f"{i:02}.wav" for i in range(40)]
    collection.write(tmp_path / "audio", names)
    table = tmp_path / ("weak.tsv" if layout == "dcase" else "weak.csv")
    table.write_text(LAYOUTS[layout](names, collection.labels), encoding="utf-8")
    model = tmp_path / "model.sed"
    out, said = command("train", table, tmp_path / "audio", "-o", model, *OPTIONS)
    assert "40 recordings, 2 classes" in said
    assert "average precision" in out
    check_the_rest_of_the_way(model, field, tmp_path, walked)


def test_folder_per_class(collection, field, walked, tmp_path):
    names = [
        f"{''.join(labels) or '.'}/{'' if labels else 'z'}{i:02}.wav"
        for i, labels in enumerate(collection.labels)
    ]
    collection.write(tmp_path / "audio", names)
    model = tmp_path / "model.sed"
    _, said = command(
        "train", tmp_path / "audio", "-o", model, "--unlisted", "empty", *OPTIONS
    )
    assert "2 classes, each a folder" in said
    check_the_rest_of_the_way(model, field, tmp_path, walked)


def test_raven_folder_with_empty_recordings(collection, field, walked, tmp_path):
    names = [f"monday/{i:02}.wav" for i in range(40)]
    collection.write(tmp_path / "audio", names)
    head = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\t"
    head += "High Freq (Hz)\tCall Type"
    for i, (name, events) in enumerate(zip(names, collection.events)):
        rows = [
            f"{k}\tSpectrogram 1\t1\t{on}\t{off}\t0\t4000\t{label}"
            for k, (on, off, label) in enumerate(events, 1)
        ]
        table = tmp_path / "selections" / name
        table = table.with_name(f"{table.stem}.Table.1.selections.txt")
        table.parent.mkdir(parents=True, exist_ok=True)
        if rows or i % 2:  # of the other empty recordings there is no table
            table.write_text("\n".join([head, *rows]) + "\n")
    model = tmp_path / "model.sed"
    arguments = ["train", tmp_path / "selections", tmp_path / "audio", "-o", model]
    _, said = command(*arguments, "--unlisted", "error", *OPTIONS, code=2)
    assert "--unlisted" in said or "have no entry" in said
    command(*arguments, "--unlisted", "empty", *OPTIONS)
    check_the_rest_of_the_way(model, field, tmp_path, walked)


def test_two_units_with_equal_names(collection, field, walked, tmp_path):
    names = [f"unit{unit}/{i:02}.WAV" for unit in "AB" for i in range(20)]
    collection.write(tmp_path / "audio", names)
    lines = [
        f"D:\\arus\\unit{name[4]}\\{Path(name).name}\t{','.join(labels)}"
        for name, labels in zip(names, collection.labels)
    ]
    table = tmp_path / "weak.tsv"
    table.write_text("\n".join(["Begin Path\tlabels", *lines]))
    model = tmp_path / "model.sed"
    command("train", table, tmp_path / "audio", "-o", model, *OPTIONS)
    check_the_rest_of_the_way(model, field, tmp_path, walked)


def test_german_spreadsheet(collection, field, walked, tmp_path):
    names = [f"{i:02}.wav" for i in range(40)]
    collection.write(tmp_path / "audio", names)
    rows = [
        f"{name};{on:.3f};{off:.3f};{label}".replace(".", ",").replace(",wav", ".wav")
        for name, events in zip(names, collection.events)
        for on, off, label in events
    ]
    table = tmp_path / "ereignisse.csv"
    text = "\r\n".join(["filename;onset;offset;event_label", *rows])
    table.write_bytes(text.encode("latin-1"))
    model = tmp_path / "model.sed"
    arguments = ["train", table, tmp_path / "audio", "-o", model]
    arguments += ["--unlisted", "empty", *OPTIONS]
    _, said = command(*arguments, code=2)
    assert "--encoding" in said
    command(*arguments, "--encoding", "latin-1")
    check_the_rest_of_the_way(model, field, tmp_path, walked)
