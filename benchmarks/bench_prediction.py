"""Prediction: from WAV files to events, with the recommended and a published system.

Run ``python benchmarks/bench_prediction.py`` (about five minutes, most of it training;
with ``--epochs 1`` two). Fits ``TwoPassSED()`` and ``make_paper_system("glu_mil_cos")``
with a decoder that finds events, on soundscapes of ten seconds, then on one core:

- times the whole path from WAV files to event tables, and each stage of it, as medians
  of the processor's time,
- predicts in batches of 1, 7 and 32 clips, which must give the same events.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import argparse
import tempfile
from statistics import median
from time import process_time

import numpy as np
import torch
from pandas.testing import assert_frame_equal
from sklearn.pipeline import make_pipeline

from sklearn_sed import LogMelTransformer, TwoPassSED, make_paper_system
from sklearn_sed.audio import load_audio
from sklearn_sed.datasets import make_soundscapes

RATE = 22050
SYSTEMS = {
    "recommended": TwoPassSED,
    "published": lambda: make_paper_system("glu_mil_cos"),
}


def fit(system, data, n_epochs):
    """Return a fitted pipeline whose every tag is decoded."""
    parts = ["detector"] if system.tagger is None else ["tagger", "detector"]
    for part in parts:
        system.set_params(
            **{
                f"{part}__max_epochs": n_epochs,
                f"{part}__random_state": 0,
                f"{part}__precision": "auto",
            }
        )
    # So that no clip goes without events.
    system.set_params(**{f"{parts[0]}__threshold": 0.2})
    return make_pipeline(LogMelTransformer(), system).fit(data.X, data.y_weak)


def median_time(work, n_repeats):
    """Return the median seconds of the processor, after one run to warm up."""
    times = []
    for repeat in range(n_repeats + 1):
        start = process_time()
        work()
        if repeat:
            times.append(process_time() - start)
    return median(times)


def report(name, model, paths, n_repeats):
    """Print the speed of the whole path and of its stages."""
    transformer, system = model[0], model[-1]
    waveforms = [load_audio(path, RATE)[0] for path in paths]
    X = transformer.transform(waveforms)
    tags = system.predict_tags(X)
    frames = system.predict_frame_proba(X)
    detector = system.detector_
    clock = X.time_resolution, detector.classes_, tags, X.durations
    stages = {
        "WAV files to events": lambda: model.predict(paths),
        "  decode": lambda: [load_audio(path, RATE) for path in paths],
        "  log-mel": lambda: transformer.transform(waveforms),
        "  clip scores": lambda: system.predict_tags(X),
        "  frame scores": lambda: system.predict_frame_proba(X),
        "  events": lambda: detector.decoder_.decode(frames, *clock),
    }
    n_events = sum(map(len, model.predict(paths))) / len(paths)
    n_tags = tags.sum() / len(paths)
    print(f"{name}: {n_tags:.1f} tags and {n_events:.1f} events in a clip")
    seconds = sum(len(waveform) for waveform in waveforms) / RATE
    for stage, work in stages.items():
        passed = median_time(work, n_repeats)
        print(
            f"  {stage:22}{1e3 * passed / len(paths):8.2f} ms per clip"
            f"{seconds / passed:8.0f} x real time",
            flush=True,
        )


def compare_batches(model, paths):
    """Predict in batches of several sizes; the events must be the same."""
    tables = {}
    for size in (1, 7, 32):
        for part in (model[-1].tagger_, model[-1].detector_):
            part.set_params(batch_size=size)
        tables[size] = model.predict(paths)
    worst = 0.0
    for size in (1, 7):
        for one, other in zip(tables[size], tables[32], strict=True):
            drop = {"columns": "score"}
            assert_frame_equal(one.drop(**drop), other.drop(**drop), check_exact=True)
            if len(one):
                worst = max(worst, np.abs(one["score"] - other["score"]).max())
    print(f"  batches of 1, 7, 32: same events, scores within {worst:.1e}")


def main():
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        data = make_soundscapes(args.clips, random_state=0, out_dir=folder)
        for name, make_system in SYSTEMS.items():
            model = fit(make_system(), data, args.epochs)
            report(name, model, data.X, args.repeats)
            compare_batches(model, data.X)


if __name__ == "__main__":
    main()
