"""Time log-mel features against librosa, and check that they agree.

Run ``python benchmarks/bench_features.py`` (about a minute). Libraries are held to one
thread; `n_jobs` is the only parallelism. Times are medians of interleaved repetitions.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import librosa
import numpy as np
import soundfile

from sklearn_sed import LogMelTransformer

SETTINGS = {
    "default": {},
    "16 kHz, 25 ms": {"sample_rate": 16000, "n_fft": 400, "hop_length": 160},
    "32 kHz, 128 bands": {"sample_rate": 32000, "n_fft": 1024, "n_mels": 128},
}


def librosa_features(waveforms, transformer):
    """Return what LogMelTransformer gives, made by librosa clip by clip."""
    parameters = {
        "sr": transformer.sample_rate,
        "n_fft": transformer.n_fft,
        "hop_length": transformer.hop_length,
        "n_mels": transformer.n_mels,
    }
    clips = [
        librosa.power_to_db(
            librosa.feature.melspectrogram(y=waveform, **parameters), top_db=None
        )
        for waveform in waveforms
    ]
    return np.stack([clip.T for clip in clips])


def librosa_load(paths, transformer):
    return [librosa.load(path, sr=transformer.sample_rate)[0] for path in paths]


def median_times(functions, n_repeats):
    """Return the median seconds of each function, called in turn."""
    times = {name: [] for name in functions}
    for repeat in range(n_repeats + 1):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            if repeat:  # the first call fills caches
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def worst_difference(ours, theirs):
    """Return the largest difference in dB within 80 dB of each clip's maximum."""
    counts = theirs >= theirs.max(axis=(1, 2), keepdims=True) - 80
    return np.abs(ours - theirs)[counts].max()


def report(title, functions, ours, theirs, n_clips, n_repeats):
    times = median_times(functions, n_repeats)
    reference = times["librosa"]
    print(f"{title}  (agree within {worst_difference(ours, theirs):.1e} dB)")
    for name, seconds in times.items():
        per_clip = 1000 * seconds / n_clips
        print(f"  {name:12s} {per_clip:7.2f} ms/clip  {reference / seconds:5.2f} x")


def bench_waveforms(n_clips, n_repeats):
    for title, parameters in SETTINGS.items():
        transformer = LogMelTransformer(**parameters)
        threads = LogMelTransformer(**parameters, n_jobs=2)
        rng = np.random.default_rng(0)
        n_samples = 10 * transformer.sample_rate
        waveforms = rng.standard_normal((n_clips, n_samples), dtype=np.float32) / 10
        functions = {
            "librosa": lambda t=transformer, w=waveforms: librosa_features(w, t),
            "ours": lambda t=transformer, w=waveforms: t.transform(w),
            "2 threads": lambda t=threads, w=waveforms: t.transform(w),
        }
        ours, theirs = functions["ours"](), functions["librosa"]()
        name = f"waveforms of 10 s, {title}"
        report(name, functions, np.asarray(ours), theirs, n_clips, n_repeats)


def bench_files(n_clips, n_repeats):
    transformer, threads = LogMelTransformer(), LogMelTransformer(n_jobs=2)
    rng = np.random.default_rng(0)
    for ending, rate, n_channels in [
        ("wav", 22050, 1),
        ("wav", 44100, 2),
        ("flac", 44100, 1),
        ("ogg", 44100, 1),
        ("mp3", 44100, 1),
    ]:
        with tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder) / f"{i}.{ending}" for i in range(n_clips)]
            for path in paths:
                noise = 0.1 * rng.standard_normal((10 * rate, n_channels))
                with soundfile.SoundFile(path, "w", rate, n_channels) as file:
                    for second in np.split(noise, 10):
                        file.write(second)

            def by_librosa(paths=paths):
                return librosa_features(librosa_load(paths, transformer), transformer)

            functions = {
                "librosa": by_librosa,
                "ours": lambda paths=paths: transformer.transform(paths),
                "2 threads": lambda paths=paths: threads.transform(paths),
            }
            ours, theirs = functions["ours"](), by_librosa()
            title = f"{ending} files of 10 s, {rate} Hz, {n_channels} channels"
            report(title, functions, np.asarray(ours), theirs, n_clips, n_repeats)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} cores, librosa {librosa.__version__}")
    bench_waveforms(arguments.clips, arguments.repeats)
    bench_files(arguments.clips, arguments.repeats)


if __name__ == "__main__":
    main()
