"""Recordings, events, and pages of them."""

import json

import numpy as np
import soundfile

from sklearn_sed.events import make_events

RATE = 16000


def write_sound(path, seconds=12.0, rate=RATE, tone=1000.0, seed=0):
    """Write noise with a tone in every second second."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    samples = 0.02 * rng.standard_normal(len(time))
    samples += 0.3 * np.sin(2 * np.pi * tone * time) * (time % 2 < 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate)
    return path


def write_recordings(folder, n_recordings=3):
    """Write recordings with four events each; return paths and tables."""
    paths = [
        write_sound(folder / f"unit{unit}" / "20240501_053000.wav", seed=unit)
        for unit in range(n_recordings)
    ]
    rng = np.random.default_rng(0)
    onsets = np.array([1.0, 4.0, 7.0, 10.0])
    tables = [
        make_events(
            onsets, onsets + 1, ["Dog", "Cat", "Dog", "Dog"], rng.uniform(size=4)
        )
        for _ in paths
    ]
    return paths, tables


def read_data(out):
    """Return what the page is told: the head, the events and the excerpts."""
    parts = []
    for path in sorted((out / "review_files").glob("data-*.js")):
        text = path.read_bytes().decode("ascii").strip()
        assert text.startswith("receive(")
        assert text.endswith(");")
        parts.append(json.loads(text[len("receive(") : -2]))
    head, *chunks = parts
    assert head["nFiles"] == len(chunks)
    rows = [
        [row for chunk in chunks for row in chunk[name]]
        for name in ("events", "excerpts")
    ]
    return head, *rows
