"""Features on disk: filling, reading, and training in memory that does not grow.

Run ``python benchmarks/bench_store.py`` (some minutes, 0.7 GB of disk; Linux), or with
``--clips 500`` for a look. On one core:

- fills a store from ten-second WAV files (a few, under many names) and compares with
  the same features in memory, which must be equal,
- times reading clips in random order,
- trains a small network on stores of different sizes for different numbers of epochs,
  and on the same features in memory, each in a fresh process, and prints how far the
  process's memory rises above what it was before it had features: its own (anonymous)
  memory, and all that is resident, mapped files included,
- opens a store that claims a million clips.

Times are the processor's, but for those of reading.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import argparse
import json
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import numpy as np
import soundfile

from sklearn_sed import (
    LogMelTransformer,
    WeakEventDetector,
    open_features,
    store_features,
)

RATE = 22050
N_DIFFERENT = 16  # files; the others are further names of them


def make_files(folder: Path, n_clips: int) -> list[Path]:
    """Write ten-second files of noise; most are hard links to a few."""
    rng = np.random.default_rng(0)
    paths = [folder / f"{i:06}.wav" for i in range(n_clips)]
    for i, path in enumerate(paths):
        if i < N_DIFFERENT:
            noise = 0.1 * rng.standard_normal(10 * RATE, dtype=np.float32)
            soundfile.write(path, noise, RATE)
        else:
            os.link(paths[i % N_DIFFERENT], path)
    return paths


def compare_filling(paths: list[Path], folder: Path) -> None:
    """Print the processor time per clip with and without the store."""
    transformer = LogMelTransformer()
    transformer.transform(paths[:N_DIFFERENT])  # fills caches
    start = process_time()
    X = store_features(transformer, paths, folder)
    stored = (process_time() - start) / len(paths)
    few = paths[: 8 * N_DIFFERENT]
    start = process_time()
    in_memory = transformer.transform(few)
    computed = (process_time() - start) / len(few)
    assert np.array_equal(in_memory, X[: len(few)])
    start = process_time()
    store_features(transformer, paths, folder)
    again = process_time() - start
    print(
        f"Filling: {1e3 * stored:.2f} ms per clip, in memory {1e3 * computed:.2f} ms "
        f"({stored / computed:.2f} x); finding all {len(paths)} done: {again:.2f} s; "
        "values are equal"
    )


def time_reading(folder: Path) -> None:
    """Print the microseconds per clip, read in random order."""
    X = open_features(folder)
    array = X[:256].load()
    order = np.random.default_rng(0).permutation(len(X))[:1000]
    times: dict[str, list[float]] = {"store": [], "array": []}
    for i in order:
        for kind, source in (("store", X), ("array", array)):
            start = perf_counter()
            np.array(source[int(i) % len(source)])
            times[kind].append(perf_counter() - start)
    store, copy = (1e6 * median(times[kind]) for kind in ("store", "array"))
    print(f"Reading: {store:.0f} µs per clip, out of an array {copy:.0f} µs")


def memory() -> np.ndarray:
    """Return this process's anonymous and its resident memory in MB (Linux)."""
    text = Path("/proc/self/status").read_text(encoding="utf-8")
    lines = dict(line.split(":", 1) for line in text.splitlines())
    return np.array([int(lines[key].split()[0]) / 1024 for key in ("RssAnon", "VmRSS")])


def measure(folder: str, kind: str, n_clips: int, n_epochs: int) -> None:
    """Train in this process and print how far its memory rose."""
    from skorch.callbacks import Callback
    from torch import nn

    class FrameNet(nn.Module):
        """A linear layer for each frame: what it costs is reading."""

        def __init__(self, n_mels, n_classes):
            super().__init__()
            self.layer = nn.Linear(n_mels, n_classes)

        def forward(self, x, mask=None):
            return self.layer(x)

    class Watch(Callback):
        """Keep the highest memory after any batch."""

        highest = np.zeros(2)

        def on_batch_end(self, net, **kwargs):
            self.highest = np.maximum(self.highest, memory())

    def detector(n_epochs, callbacks=None):
        return WeakEventDetector(
            network=FrameNet,
            max_epochs=n_epochs,
            callbacks=callbacks,
            device="cpu",
            random_state=0,
        )

    X = open_features(folder)
    y = np.arange(len(X))[:, None] % [2, 3, 5] == 0
    detector(1).fit(X[:64], y[:64])  # loads torch
    before = memory()
    X = X[:n_clips] if kind == "store" else X[:n_clips].load()
    watch = Watch()
    start = process_time()
    detector(n_epochs, [watch]).fit(X, y[:n_clips])
    seconds = process_time() - start
    size = n_clips * np.asarray(X[0]).nbytes / 2**20
    own, resident = watch.highest - before
    print(
        f"  {kind:6}{n_clips:8}{size:9.0f} MB{n_epochs:8}{own:+13.0f} MB"
        f"{resident:+12.0f} MB{1e3 * seconds / n_clips / n_epochs:10.1f} ms",
        flush=True,
    )


def open_large(store: Path, folder: Path, n_clips: int) -> None:
    """Copy a block's description until there are so many clips, and open that."""
    block = json.loads(next(store.glob("*.json")).read_bytes())
    n_blocks = n_clips // len(block["clips"])
    for i in range(n_blocks):
        for j, clip in enumerate(block["clips"]):
            clip["path"] = f"/somewhere/a-recording-{i}-{j:03}.wav"
        del block["checksum"]
        block["checksum"] = zlib.crc32(json.dumps(block).encode())
        (folder / f"{i:032}.json").write_text(json.dumps(block), encoding="utf-8")
    before = memory()
    start = process_time()
    X = open_features(folder)
    seconds = process_time() - start
    own, _ = memory() - before
    print(f"Opening a store of {len(X)} clips: {seconds:.1f} s, {own:.0f} MB")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=2000)
    parser.add_argument("--measure", nargs=4, help=argparse.SUPPRESS)
    parser.add_argument("--open", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.open:
        open_large(*map(Path, args.open), n_clips=1_000_000)
        return
    if args.measure:
        folder, kind, n_clips, n_epochs = args.measure
        measure(folder, kind, int(n_clips), int(n_epochs))
        return
    with tempfile.TemporaryDirectory() as name:
        audio, folder = Path(name, "audio"), Path(name, "features")
        audio.mkdir()
        compare_filling(make_files(audio, args.clips), folder)
        time_reading(folder)
        print("  X        clips    features  epochs  own memory    resident   per clip")
        for kind, n_clips, n_epochs in (
            ("store", args.clips // 4, 1),
            ("store", args.clips, 1),
            ("store", args.clips, 4),
            ("array", args.clips // 4, 1),
            ("array", args.clips, 1),
        ):
            run = [str(folder), kind, str(n_clips), str(n_epochs)]
            command = [sys.executable, __file__, "--measure", *run]
            subprocess.run(command, check=True)
        large = Path(name, "large")
        large.mkdir()
        command = [sys.executable, __file__, "--open", str(folder), str(large)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
