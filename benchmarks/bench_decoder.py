"""Time decoding and the tuning of a decoder, on one core.

Run ``python benchmarks/bench_decoder.py``. Scores are random curves that cross the
thresholds about as often as those of a detector.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from time import perf_counter

import numpy as np
from scipy.ndimage import gaussian_filter1d

from sklearn_sed import EventDecoder
from sklearn_sed._decoding._decoder import Timeline, decode_flat, make_timeline
from sklearn_sed.model_selection._decoder_search import (
    DEFAULT_GRID,
    ClassCurves,
    make_objectives,
    search_settings,
)

TIME_RESOLUTION = 512 / 22050
N_FRAMES = 431
CLASSES = [f"class {index}" for index in range(10)]
DECODERS = {
    "default": EventDecoder(),
    "published": EventDecoder(
        rescale=True,
        smoothing="mean",
        smoothing_length=0.44,
        threshold=0.05,
        low_threshold=None,
        min_gap=0,
        min_duration=0,
    ),
    "hysteresis": EventDecoder(threshold=0.6, low_threshold=0.3),
    "derivative": EventDecoder(segmenter="derivative"),
    "area": EventDecoder(segmenter="area"),
    "boxes": EventDecoder(segmenter="boxes"),
    "peaks": EventDecoder(segmenter="peaks"),
}
GRID = {
    "rescale": [False, True],
    "smoothing": ["median", "mean"],
    "smoothing_length": [0.2, 0.5],
    "threshold": [0.1, 0.3, 0.5, 0.7, 0.9],
    "low_threshold": [None, 0.1],
    "min_gap": [0.1, 0.3, 0.5, 0.7],
    "min_duration": [0.0, 0.2, 0.4],
}


def make_scores(n_clips: int, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=(n_clips, N_FRAMES, len(CLASSES)))
    smooth = gaussian_filter1d(noise, 8, axis=1)
    return (1 / (1 + np.exp(-20 * smooth))).astype(np.float32)


def time_decoding() -> None:
    frame_proba = make_scores(1000, seed=0)
    times = make_timeline(frame_proba, TIME_RESOLUTION)
    print("Decoding 1,000 clips x 431 frames x 10 classes:")
    for name, decoder in DECODERS.items():
        start = perf_counter()
        flat = decode_flat(decoder, frame_proba, times, CLASSES)
        middle = perf_counter()
        decoder.decode(frame_proba, TIME_RESOLUTION, CLASSES)
        end = perf_counter()
        print(
            f"  {name:10s} {len(flat.clip):6d} events, arrays {middle - start:.2f} s, "
            f"tables {end - middle:.2f} s"
        )


def time_tuning() -> None:
    n_clips = 150
    frame_proba = make_scores(n_clips, seed=1)
    y = EventDecoder(threshold=0.55).decode(
        make_scores(n_clips, seed=2), TIME_RESOLUTION, CLASSES
    )
    objectives = list(make_objectives(None, y, CLASSES))
    no_events = np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0)
    objectives[0](*no_events)  # loads what was compiled
    start = EventDecoder()._check(CLASSES)[0]
    for name, grid in (("1,000 settings or so", GRID), ("default grid", DEFAULT_GRID)):
        n_settings = np.prod([len(values) for values in grid.values()])
        begin = perf_counter()
        for index, objective in enumerate(objectives):
            curves = ClassCurves(
                np.float64(frame_proba[:, :, index]).ravel(),
                np.arange(n_clips + 1) * N_FRAMES,
                np.arange(n_clips),
                Timeline(TIME_RESOLUTION, 0.0, np.full(n_clips, np.inf)),
                frame_proba.dtype,
                np.ones(n_clips),
            )
            search_settings(curves, EventDecoder(), start, grid, objective)
        print(
            f"Tuning 10 classes on 150 clips, {name} ({n_settings} with impossible "
            f"pairs of thresholds): {perf_counter() - begin:.1f} s"
        )


if __name__ == "__main__":
    time_decoding()
    time_tuning()
