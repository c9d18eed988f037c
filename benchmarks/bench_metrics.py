"""Time and memory of the metrics.

Run ``python benchmarks/bench_metrics.py``. It prints how much faster events are counted
inside tuning loops than by sed_eval, and how the memory and time of the exact PSDS grow
with the number of clips, up to what an evaluation set of AudioSet's size would take.
"""

import argparse
import multiprocessing
import resource
import sys
import time

import numpy as np

from sklearn_sed.events import make_events
from sklearn_sed.metrics import event_based_report, psds_score

DURATION = 10.0
SCENARIO_2 = {
    "dtc_threshold": 0.1,
    "gtc_threshold": 0.1,
    "cttc_threshold": 0.3,
    "alpha_ct": 0.5,
}


def random_events(rng, n_clips, labels, n_events):
    tables = []
    for _ in range(n_clips):
        onset = rng.uniform(0, 8, n_events)
        offset = onset + rng.uniform(0.3, 2, n_events)
        tables.append(make_events(onset, offset, rng.choice(labels, n_events)))
    return tables


def jitter(rng, tables):
    """Move events by amounts that some of them survive."""
    moved = []
    for table in tables:
        onset = np.maximum(table["onset"] + rng.normal(0, 0.2, len(table)), 0)
        offset = np.maximum(table["offset"] + rng.normal(0, 0.2, len(table)), onset)
        moved.append(make_events(onset, offset, table["event_label"]))
    return moved


def flatten(tables, label):
    """Return onset, offset and clip of one class, sorted by clip and onset."""
    chosen = [table[table["event_label"] == label] for table in tables]
    clip = np.repeat(np.arange(len(tables)), [len(table) for table in chosen])
    onset, offset = (
        np.concatenate([table[name] for table in chosen])
        for name in ("onset", "offset")
    )
    return onset, offset, clip


def seconds_of(function, n_times=1):
    start = time.perf_counter()
    for _ in range(n_times):
        result = function()
    return (time.perf_counter() - start) / n_times, result


def bench_counting(n_clips=1000, n_events=5, n_classes=10):
    """Compare count_matches with sed_eval on the same events."""
    from sklearn_sed.metrics._matching import count_matches
    from sklearn_sed.metrics._sed_eval import event_based

    rng = np.random.default_rng(0)
    labels = [f"class_{i:02d}" for i in range(n_classes)]
    y_true = random_events(rng, n_clips, labels, n_events)
    y_pred = jitter(rng, y_true)
    event_based_report(y_true[:1], y_pred[:1])  # imports sed_eval
    arrays = [(flatten(y_true, label), flatten(y_pred, label)) for label in labels]
    count_matches(*arrays[0])  # compiles, or loads what was compiled
    slow, by_clip = seconds_of(
        lambda: event_based(y_true, y_pred, 0.2, 0.2, True, None, labels)
    )
    fast, counts = seconds_of(lambda: [count_matches(*a) for a in arrays], 100)
    assert counts == by_clip.tp.sum(axis=0).tolist()
    print(f"Event-based counting, {n_clips} clips x {n_events} events")
    print(f"  sed_eval       {slow * 1e3:10.2f} ms")
    print(f"  count_matches  {fast * 1e3:10.2f} ms  ({slow / fast:.0f} times faster,")
    print(f"  the same {sum(counts)} matches)\n")


def peak_megabytes():
    """Return the largest amount of memory that this process has held so far."""
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def random_scores(rng, y_true, labels, n_frames):
    """Smooth noise, higher where events are."""
    shape = (len(y_true), n_frames, len(labels))
    scores = np.empty(shape, dtype=np.float32)
    frame = DURATION / n_frames
    for clip, table in enumerate(y_true):
        noise = rng.standard_normal((n_frames + 10, len(labels)), dtype=np.float32)
        total = np.cumsum(noise, axis=0)
        scores[clip] = total[10:] - total[:-10]
        for onset, offset, label in table.itertuples(index=False):
            frames = slice(int(onset / frame), int(offset / frame))
            scores[clip, frames, labels.index(label)] += 6
    return scores


def measure_psds(n_clips, n_classes, n_frames):
    """Return seconds and megabytes that a PSDS takes, in a process of its own."""
    rng = np.random.default_rng(0)
    labels = [f"class_{i:03d}" for i in range(n_classes)]
    y_true = random_events(rng, n_clips, labels, 4)
    scores = random_scores(rng, y_true, labels, n_frames)
    options = {"time_resolution": DURATION / n_frames, "durations": DURATION}
    # Compile first, on a few classes.
    few = [table[table["event_label"].isin(labels[:2])] for table in y_true[:5]]
    psds_score(few, scores[:5, :, :2], labels=labels[:2], **options, **SCENARIO_2)
    before = peak_megabytes()
    seconds, _ = seconds_of(
        lambda: psds_score(y_true, scores, labels=labels, **options, **SCENARIO_2)
    )
    return seconds, peak_megabytes() - before, scores.nbytes / 1e6


def bench_psds(n_clips, n_classes, n_frames, n_target=15_000):
    """Print how a PSDS grows with the number of clips."""
    print(f"PSDS, {n_classes} classes, clips of {n_frames} frames, scenario 2")
    print("     clips   seconds   scores (MB)   beside them (MB)")
    context = multiprocessing.get_context("spawn")
    memory = []
    for n in n_clips:
        with context.Pool(1) as pool:
            seconds, extra, given = pool.apply(measure_psds, (n, n_classes, n_frames))
        memory.append(extra)
        print(f"{n:10d}{seconds:10.1f}{given:14.0f}{extra:19.0f}", flush=True)
    last = n_clips[-1]
    growth = (memory[-1] - memory[0]) / (last - n_clips[0])
    beside = memory[-1] + growth * (n_target - last)
    print(f"Growth: {growth * 1e3:.0f} kB per clip. {n_target} clips would take")
    print(f"  {seconds * n_target / last / 60:.0f} minutes")
    print(f"  {given * n_target / last / 1e3:.1f} GB of scores, if held in memory")
    print(f"  {beside / 1e3:.1f} GB beside them")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clips", type=int, nargs="+", default=[250, 500, 1000])
    parser.add_argument("--classes", type=int, default=300)
    parser.add_argument("--frames", type=int, default=431)
    options = parser.parse_args()
    bench_counting()
    bench_psds(options.clips, options.classes, options.frames)


if __name__ == "__main__":
    main()
