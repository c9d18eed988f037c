"""Read thousands of audio files with mutated headers.

Run ``python benchmarks/fuzz_audio.py``. Every file must give either a finite waveform
or one AudioError, within 5 s and with at most 64 MB plus twice its size of memory; no
file may crash the decoder. Exits with 1, and says how to make the file again, when one
does not. Files are read in child processes, so that a crash is seen and survived.
"""

import argparse
import collections
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

from sklearn_sed.audio import load_audio
from sklearn_sed.exceptions import AudioError

FORMATS = {
    "wav": {},
    "float.wav": {"subtype": "FLOAT"},
    "adpcm.wav": {"subtype": "IMA_ADPCM"},
    "flac": {},
    "ogg": {},
    "mp3": {},
}
MAX_SECONDS = 5.0
PATIENCE = 60.0  # seconds, start of the child included
MAX_BYTES = 64 * 2**20  # beyond twice the file
EXTREMES = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]


def make_originals(folder):
    """Return the bytes of one sound file per format, mono and stereo."""
    originals = {}
    noise = 0.1 * np.random.default_rng(0).standard_normal((16000, 2))
    for name, how in FORMATS.items():
        for n_channels in (1, 2):
            path = Path(folder) / f"{n_channels}.{name}"
            soundfile.write(path, noise[:, :n_channels], 16000, **how)
            originals[path.name] = path.read_bytes()
    return originals


def mutate(content, rng):
    """Change a few bytes, numbers or lengths, mostly in the header."""
    content = bytearray(content)
    for _ in range(rng.integers(1, 5)):
        reach = len(content) if rng.random() < 0.2 else min(200, len(content))
        at = int(rng.integers(reach))
        kind = rng.integers(5)
        if kind == 0:
            content[at] = rng.integers(256)
        elif kind == 1:
            content[at] ^= 1 << int(rng.integers(8))
        elif kind == 2:
            order = ("little", "big")[rng.integers(2)]
            content[at : at + 4] = int(rng.choice(EXTREMES)).to_bytes(4, order)
        elif kind == 3:
            del content[at : at + int(rng.integers(1, 50))]
        else:
            content[at:at] = rng.bytes(int(rng.integers(1, 50)))
    return bytes(content)


def make_file(seed, originals):
    """Return the name and content of a mutated file; the same for the same seed."""
    rng = np.random.default_rng(seed)
    name = list(originals)[rng.integers(len(originals))]
    return name, mutate(originals[name], rng)


def peak_bytes():
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def read_files(seeds, originals, folder, results):
    """Read files one by one; put (seed, outcome, seconds, bytes) for each."""
    paths = []
    for name, content in originals.items():
        paths.append(Path(folder) / f"{os.getpid()}-{name}")
        paths[-1].write_bytes(content)
        load_audio(paths[-1], 22050)
    baseline = peak_bytes()
    for seed in seeds:
        name, content = make_file(seed, originals)
        path = Path(folder) / f"{os.getpid()}-{name}"
        path.write_bytes(content)
        start = time.perf_counter()
        try:
            waveform, _ = load_audio(path, 22050)
            outcome = "read" if np.isfinite(waveform).all() else "NOT FINITE"
        except AudioError as error:
            outcome = error.reason.partition(":")[0]
        except Exception as error:
            outcome = f"RAISED {error!r}"
        seconds = time.perf_counter() - start
        growth = peak_bytes() - baseline - 2 * len(content)
        results.put((seed, outcome, seconds, growth))
    for path in paths:
        path.unlink()


def run(seeds, originals, folder):
    """Yield a result per file; a child that dies is replaced behind its last file."""
    context = multiprocessing.get_context("spawn")
    seeds = list(seeds)
    while seeds:
        results = context.SimpleQueue()
        child = context.Process(
            target=read_files, args=(seeds, originals, folder, results)
        )
        child.start()
        last = time.monotonic()
        while seeds and (child.is_alive() or not results.empty()):
            if not results.empty():
                yield results.get()
                seeds.pop(0)
                last = time.monotonic()
            elif time.monotonic() - last > PATIENCE:
                child.kill()
                child.join()
            else:
                time.sleep(0.01)
        child.join()
        if seeds:
            outcome = f"CRASHED or hung, exit code {child.exitcode}"
            yield seeds.pop(0), outcome, time.monotonic() - last, 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0, help="of the first file")
    arguments = parser.parse_args()
    outcomes, failures, slowest, largest = collections.Counter(), [], 0.0, 0
    with tempfile.TemporaryDirectory() as folder:
        originals = make_originals(folder)
        seeds = range(arguments.seed, arguments.seed + arguments.files)
        for seed, outcome, seconds, n_bytes in run(seeds, originals, folder):
            outcomes[outcome] += 1
            slowest, largest = max(slowest, seconds), max(largest, n_bytes)
            bad = outcome[:2].isupper() or seconds > MAX_SECONDS or n_bytes > MAX_BYTES
            if bad:
                failures.append((seed, outcome, seconds, n_bytes))
    for outcome, count in outcomes.most_common():
        print(f"{count:6d}  {outcome}")
    megabytes = largest / 2**20
    print(f"slowest {slowest:.3f} s, largest {megabytes:.1f} MB beyond twice the file")
    for seed, outcome, seconds, n_bytes in failures:
        print(
            f"FAILED {outcome}, {seconds:.3f} s, {n_bytes / 2**20:.1f} MB: "
            f"again with --seed {seed} --files 1"
        )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
