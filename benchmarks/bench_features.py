"""Time log-mel features against librosa, and check that they agree.

Run ``python benchmarks/bench_features.py`` (about two minutes). Libraries are held to
one thread. Times are of the processor, medians of interleaved repetitions, per clip of
ten seconds; what two threads gain is wall-clock time and needs two idle cores.
``--recordings folder`` measures the recordings in a folder too: how many of their
frames need float64, and what that costs.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import librosa
import numpy as np
import soundfile

from sklearn_sed import LogMelTransformer
from sklearn_sed._features import _logmel
from sklearn_sed.audio import load_audio
from sklearn_sed.datasets import make_soundscapes

SETTINGS = {
    "22,050 Hz, 2048/512, 64 bands": {},
    "16,000 Hz, 1024/256, 128 bands": {
        "sample_rate": 16000,
        "n_fft": 1024,
        "hop_length": 256,
        "n_mels": 128,
    },
    "16,000 Hz, 400/160, 64 bands": {
        "sample_rate": 16000,
        "n_fft": 400,
        "hop_length": 160,
    },
}
COLD = """
import time
import numpy as np
from librosa.filters import mel
from sklearn_sed._features import _logmel
mel(sr=22050, n_fft=2048)
start = time.process_time()
_logmel._kernel()
print(time.process_time() - start)
"""


def librosa_features(waveforms, transformer):
    """Return what LogMelTransformer gives, made by librosa clip by clip."""
    parameters = {
        "sr": transformer.sample_rate,
        "n_fft": transformer.n_fft,
        "hop_length": transformer.hop_length,
        "n_mels": transformer.n_mels,
    }
    return [
        librosa.power_to_db(
            librosa.feature.melspectrogram(y=waveform, **parameters), top_db=None
        ).T
        for waveform in waveforms
    ]


def fall_back_features(waveforms, transformer):
    """Return the same by the form that needs no compiler."""
    kernel, _logmel._kernel = _logmel._kernel, lambda: None
    try:
        parameters = transformer._kernel()
        return [_logmel.log_mel(waveform, **parameters) for waveform in waveforms]
    finally:
        _logmel._kernel = kernel


def librosa_load(paths, transformer):
    return [librosa.load(path, sr=transformer.sample_rate)[0] for path in paths]


def median_times(functions, n_repeats, clock=time.process_time):
    """Return the median seconds of each function, called in turn."""
    times = {name: [] for name in functions}
    for repeat in range(n_repeats + 1):
        for name, function in functions.items():
            start = clock()
            function()
            if repeat:  # the first call fills caches
                times[name].append(clock() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def worst_difference(ours, theirs):
    """Return the largest difference in dB within 80 dB of each clip's maximum."""
    pairs = zip(ours, theirs, strict=True)
    return max(np.abs(a - b)[b >= b.max() - 80].max() for a, b in pairs)


def report(title, functions, n_clips, n_repeats):
    worst = worst_difference(functions["ours"](), functions["librosa"]())
    times = median_times(functions, n_repeats)
    print(f"{title}  (agree within {worst:.1e} dB)")
    for name, seconds in times.items():
        per_clip, ratio = 1000 * seconds / n_clips, times["librosa"] / seconds
        print(f"  {name:14s} {per_clip:7.2f} ms/clip  {ratio:5.2f} x")


def report_threads(transform, X, n_repeats):
    """Print what a second thread gains by the clock, and costs the processor."""
    X = 8 * list(X)  # enough not to measure how threads start
    functions = {n: lambda n=n: transform(n_jobs=n).transform(X) for n in (1, 2)}
    passed = median_times(functions, n_repeats, time.perf_counter)
    spent = median_times(functions, n_repeats)
    print(
        f"  2 threads are {passed[1] / passed[2]:.2f} x as fast as 1, "
        f"in {spent[2] / spent[1]:.2f} x the processor's time"
    )


def bench_cold():
    """Print what compiling and loading the kernel cost."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
        command = [sys.executable, "-c", COLD]
        for what in ("compiled once, then cached on disk", "loaded from that cache"):
            result = subprocess.run(
                command, env=environment, capture_output=True, text=True, check=True
            )
            print(f"kernel {what}: {float(result.stdout):.2f} s")


def bench_waveforms(n_clips, n_repeats):
    for title, parameters in SETTINGS.items():
        transformer = LogMelTransformer(**parameters)
        rng = np.random.default_rng(0)
        n_samples = 10 * transformer.sample_rate
        waveforms = rng.standard_normal((n_clips, n_samples), dtype=np.float32) / 10
        functions = {
            "librosa": lambda t=transformer, w=waveforms: librosa_features(w, t),
            "fall-back": lambda t=transformer, w=waveforms: fall_back_features(w, t),
            "ours": lambda t=transformer, w=waveforms: t.transform(w),
        }
        report(f"waveforms, {title}", functions, n_clips, n_repeats)
        report_threads(transformer.set_params, waveforms, n_repeats)


def share_in_float64(waveforms, transformer):
    """Return the share of frames that the compiled form leaves to the plain one."""
    plain, settled = _logmel.plain_log_mel, []

    def counting(frames, bank):
        settled.append(len(frames))
        return plain(frames, bank)

    _logmel.plain_log_mel = counting
    n_frames = sum(map(len, transformer.transform(waveforms)))
    _logmel.plain_log_mel = plain
    return sum(settled) / n_frames


def bench_recordings(folder, n_clips, n_repeats):
    """Time real sounds, and count the frames that float64 has to settle."""
    sound = {".wav", ".flac", ".ogg", ".mp3"}
    paths = sorted(path for path in Path(folder).rglob("*") if path.suffix in sound)
    paths = paths[:: max(1, len(paths) // n_clips)][:n_clips]
    for title, parameters in list(SETTINGS.items())[:2]:
        t = LogMelTransformer(**parameters)
        waveforms = [load_audio(path, t.sample_rate)[0] for path in paths]
        functions = {
            "librosa": lambda t=t, w=waveforms: librosa_features(w, t),
            "fall-back": lambda t=t, w=waveforms: fall_back_features(w, t),
            "ours": lambda t=t, w=waveforms: t.transform(w),
        }
        share = share_in_float64(waveforms, t)
        name = f"recordings, {title}, {share:.1%} of frames in float64"
        n_times_ten_seconds = sum(map(len, waveforms)) / t.sample_rate / 10
        report(name, functions, n_times_ten_seconds, n_repeats)


def write_files(folder, waveforms, rate, n_channels, ending):
    """Write each waveform, second by second, to a file of so many channels."""
    paths = [Path(folder) / f"{i}.{ending}" for i in range(len(waveforms))]
    for path, waveform in zip(paths, waveforms):
        with soundfile.SoundFile(path, "w", rate, n_channels) as file:
            for second in np.split(waveform, 10):
                file.write(np.repeat(second[:, np.newaxis], n_channels, axis=1))
    return paths


def bench_files(n_clips, n_repeats, rate=44100):
    transformer = LogMelTransformer()
    rng = np.random.default_rng(0)
    sounds = {
        "noise": 0.1 * rng.standard_normal((n_clips, 10 * rate)),
        "soundscapes": make_soundscapes(n_clips, sample_rate=rate, random_state=0).X,
    }
    for sound, ending, n_channels in [
        ("noise", "wav", 1),
        ("noise", "wav", 2),
        ("noise", "flac", 1),
        ("noise", "ogg", 1),
        ("noise", "mp3", 1),
        ("soundscapes", "wav", 1),
        ("soundscapes", "flac", 1),
        ("soundscapes", "ogg", 1),
        ("soundscapes", "mp3", 1),
    ]:
        with tempfile.TemporaryDirectory() as folder:
            paths = write_files(folder, sounds[sound], rate, n_channels, ending)

            def by_librosa(paths=paths):
                return librosa_features(librosa_load(paths, transformer), transformer)

            functions = {
                "librosa": by_librosa,
                "ours": lambda paths=paths: transformer.transform(paths),
                "decoding alone": lambda paths=paths: [
                    soundfile.read(path, dtype="float32") for path in paths
                ],
            }
            title = f"{ending} files of {sound}, {rate} Hz, {n_channels} channels"
            report(title, functions, n_clips, n_repeats)
            report_threads(LogMelTransformer().set_params, paths, n_repeats)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--recordings", help="folder of audio files")
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} cores, librosa {librosa.__version__}")
    bench_cold()
    bench_waveforms(arguments.clips, arguments.repeats)
    if arguments.recordings:
        bench_recordings(arguments.recordings, arguments.clips, arguments.repeats)
    bench_files(arguments.clips, arguments.repeats)


if __name__ == "__main__":
    main()
