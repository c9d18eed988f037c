"""Long recordings: speed, memory, and what the place of the windows matters.

Run ``python benchmarks/bench_inference.py`` (24 hours of sound, 4 GB of disk), or with
``--hours 0.5 --clips 60 --epochs 10`` for a look. Trains the recommended system on
synthetic soundscapes (with ``--model model.sed``, only if there is no such file yet),
then, on one core:

- compares streamed with whole-file features,
- detects events in a short and in a long recording, each in a fresh process, and prints
  the speed and how far the process's memory rises above the loaded model,
- moves the windows over the recording and counts the events whose times move.

The sounds are dense: there are events in nearly every window, so that none is skipped.
Speed is given by the clock and by the time of the processor, which differ when other
programs run.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import pandas as pd
import soundfile
from sklearn.pipeline import make_pipeline

from sklearn_sed import (
    LogMelTransformer,
    TwoPassSED,
    WeakEventDetector,
    WeakTagger,
    load_model,
    save_model,
)
from sklearn_sed.datasets import make_soundscapes
from sklearn_sed.inference import detect_events, iter_events
from sklearn_sed.inference._windows import iter_log_mel
from sklearn_sed.metrics import event_based_f1_score

RATE = 22050
LEADS = (1.1, 2.5, 3.7)  # seconds by which windows are moved
KINDS = ("tags", "frame_proba")  # what windows are asked for
COLLAR = 0.1  # seconds that an event's times may move


def train(n_clips: int, epochs: int):
    data = make_soundscapes(n_clips, random_state=0)
    part = {"random_state": 0, "max_epochs": epochs}
    system = TwoPassSED(tagger=WeakTagger(**part), detector=WeakEventDetector(**part))
    model = make_pipeline(LogMelTransformer(), system)
    start = process_time()
    model.fit(data.X, data.y_weak)
    test = make_soundscapes(max(20, n_clips // 5), random_state=1)
    score = event_based_f1_score(test.y, model.predict(test.X))
    print(
        f"Trained on {n_clips} clips in {process_time() - start:.0f} s; "
        f"event-based F1 on others {score:.3f}",
        flush=True,
    )
    return model


def make_scenes(n_minutes: int) -> np.ndarray:
    """Return minutes of sound whose events lie anywhere."""
    data = make_soundscapes(
        n_minutes, duration=60.0, events_per_clip=(6, 14), random_state=2
    )
    return data.X.astype(np.float32)


def write_recording(path: Path, scenes: np.ndarray, hours: float) -> Path:
    """Write the scenes over and over, minute by minute."""
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16", format="RF64") as file:
        for minute in range(round(hours * 60)):
            file.write(scenes[minute % len(scenes)])
    return path


def compare_features(scenes: np.ndarray) -> None:
    waveform = scenes.ravel()
    transformer = LogMelTransformer()
    (whole,) = transformer.transform([waveform])
    blocks = np.split(waveform, range(80 * RATE, len(waveform), 80 * RATE))
    streamed = np.concatenate(list(iter_log_mel(blocks, transformer)))
    worst = np.abs(streamed - whole).max()
    print(f"Streamed features, {len(whole)} frames: off by {worst:.1e} dB at most")


def measure(model_path: Path, path: Path, overlap: float | None) -> None:
    """Detect in this process, and print the speed and the memory."""
    import torch

    torch.set_num_threads(1)
    model = load_model(model_path)
    duration = soundfile.info(path).duration
    tagged, scored = (count_clips(model[-1], f"predict_{what}") for what in KINDS)
    before = memory("VmRSS")
    start, start_cpu = perf_counter(), process_time()
    n_events = sum(1 for _ in iter_events(model, path, overlap=overlap))
    seconds, cpu = perf_counter() - start, process_time() - start_cpu
    print(
        f"{duration / 3600:5.2f} h: {n_events} events in {seconds:.0f} s "
        f"({duration / seconds:.0f} x real time), {cpu:.0f} s of the processor "
        f"({duration / cpu:.0f} x), memory {memory('VmHWM') - before:.0f} MB above the "
        f"model's {before:.0f} MB, {sum(scored) / sum(tagged):.0%} of windows scored",
        flush=True,
    )


def count_clips(system, method: str) -> list[int]:
    """Return a list that gets the number of clips of each call."""
    counts: list[int] = []
    call = getattr(system, method)
    setattr(system, method, lambda X: counts.append(len(X)) or call(X))
    return counts


def memory(name: str) -> float:
    """Return the memory of this process, or its peak, in MB (Linux)."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    line = next(line for line in lines if line.startswith(name))
    return int(line.split()[1]) / 1024


def move_windows(model, folder: Path, scenes: np.ndarray, overlap) -> None:
    waveform = scenes.ravel()
    tables = []
    for lead in (0.0, *LEADS):
        path = folder / "moved.wav"
        soundfile.write(path, waveform[round(lead * RATE) :], RATE)
        table = detect_events(model, path, overlap=overlap)
        table[["onset", "offset"]] += lead
        tables.append(table)
    for lead, table in zip(LEADS, tables[1:]):
        moved, n_events = count_moved(tables[0], table, start=10.0)
        kept = 1 - moved / n_events
        print(
            f"Windows moved by {lead} s: {kept:.1%} of {n_events} events keep both "
            f"times within {COLLAR} s",
            flush=True,
        )


def count_moved(
    reference: pd.DataFrame, other: pd.DataFrame, start: float
) -> tuple[int, int]:
    """Count the events after a start, and those that the other table has not."""
    moved = n_events = 0
    for event in reference[reference["onset"] > start].itertuples():
        times = other.loc[other["event_label"] == event.event_label]
        off = (times[["onset", "offset"]] - [event.onset, event.offset]).abs()
        moved += not (off <= COLLAR + 1e-9).all(axis=1).any()
        n_events += 1
    return moved, n_events


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--clips", type=int, default=500)
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--minutes", type=int, default=30, help="of different sound")
    parser.add_argument("--overlap", type=float, help="of windows, in seconds")
    parser.add_argument("--model", type=Path, help="file of the model, kept")
    parser.add_argument("--measure", nargs=2, type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        measure(*args.measure, args.overlap)
        return
    scenes = make_scenes(args.minutes)
    compare_features(scenes)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = args.model or folder / "model.sed"
        if not path.exists():
            save_model(train(args.clips, args.epochs), path)
        model = load_model(path)
        for hours in (1 / 6, args.hours):
            write_recording(folder / "long.wav", scenes, hours)
            command = [sys.executable, __file__, "--measure", path, folder / "long.wav"]
            if args.overlap is not None:
                command += ["--overlap", str(args.overlap)]
            subprocess.run(command, check=True)
        move_windows(model, folder, scenes, args.overlap)


if __name__ == "__main__":
    main()
