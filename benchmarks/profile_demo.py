"""Where the time of the demo goes, stage by stage.

Run ``python benchmarks/profile_demo.py`` (a few minutes): the main job of ``make demo``
with a fifth of its clips and all of its epochs, on one thread, each stage by itself.
Prints seconds of processor time and shares, and which operators a training step of each
network spends its time in. The demo itself has ``--train-clips 360 --test-clips 100``.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import argparse
import tempfile
from collections.abc import Callable
from time import process_time
from typing import Any

from sklearn_sed import LogMelTransformer, WeakEventDetector, WeakTagger
from sklearn_sed.audio import load_audio
from sklearn_sed.datasets import make_soundscapes
from sklearn_sed.metrics import event_based_f1_score, event_based_report

RATE = 22050


class Stages:
    """Run pieces of work one after the other and keep their times."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.n_clips: dict[str, int] = {}

    def run(self, name: str, n_clips: int, work: Callable, *args: Any, **kwargs: Any):
        """Do a piece of work on so many clips (clips times epochs in training)."""
        start = process_time()
        result = work(*args, **kwargs)
        self.seconds[name] = process_time() - start
        self.n_clips[name] = n_clips
        print(f"  {name}: {self.seconds[name]:.1f} s", flush=True)
        return result

    def report(self) -> None:
        """Print the table."""
        total = sum(self.seconds.values())
        print(f"\n{'stage':34}{'seconds':>9}{'share':>9}{'ms per clip':>13}")
        for name, seconds in self.seconds.items():
            per_clip = 1e3 * seconds / self.n_clips[name]
            print(f"{name:34}{seconds:9.2f}{seconds / total:9.1%}{per_clip:13.2f}")
        print(f"{'all':34}{total:9.2f}\n")


def profile_step(name: str, estimator: Any, X: Any, y: Any) -> None:
    """Print the operators that one epoch of training spends most of its time in."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU]) as trace:
        estimator.partial_fit(X, y)
    operators = sorted(trace.key_averages(), key=lambda op: -op.self_cpu_time_total)
    total = sum(op.self_cpu_time_total for op in operators)
    print(f"Operators of the {name}'s training steps, in shares of their time:")
    for op in operators[:8]:
        print(f"  {op.key:50}{op.self_cpu_time_total / total:7.1%}")


def main() -> None:
    """Run the profile."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train-clips", type=int, default=72)
    parser.add_argument("--test-clips", type=int, default=20)
    args = parser.parse_args()
    n_train, n_test = args.train_clips, args.test_clips
    n_all = n_train + n_test
    start = process_time()
    import torch

    torch.set_num_threads(1)
    print(f"import torch: {process_time() - start:.1f} s; {n_train} + {n_test} clips:")
    stages = Stages()
    with tempfile.TemporaryDirectory() as folder:
        train, test = stages.run(
            "make soundscapes",
            n_all,
            lambda: [
                make_soundscapes(n, random_state=k, out_dir=f"{folder}/{k}")
                for k, n in enumerate((n_train, n_test))
            ],
        )
        waveforms = stages.run(
            "decode",
            n_all,
            lambda: [load_audio(path, RATE)[0] for path in [*train.X, *test.X]],
        )
    X = stages.run("features", n_all, LogMelTransformer().transform, waveforms)
    X_train, X_test = X[:n_train], X[n_train:]
    tagger = WeakTagger(max_epochs=10, random_state=0, device="cpu")
    detector = WeakEventDetector(random_state=0, device="cpu")
    y = train.y_weak
    stages.run("train the tagger (10 epochs)", 10 * n_train, tagger.fit, X_train, y)
    stages.run("train the detector (25 epochs)", 25 * n_train, detector.fit, X_train, y)
    tags = stages.run("tag", n_test, tagger.predict, X_test)
    frames = stages.run("score frames", n_test, detector.predict_frame_proba, X_test)
    decode = detector.decoder_.decode
    classes = detector.classes_
    clock = X.time_resolution, classes, tags, X_test.durations
    found = stages.run("decode events", n_test, decode, frames, *clock)
    labels = list(classes)
    stages.run("F1", n_test, event_based_f1_score, test.y, found, labels=labels)
    stages.run("report", n_test, event_based_report, test.y, found, labels=labels)
    stages.report()
    profile_step("tagger", tagger, X_train, y)
    profile_step("detector", detector, X_train, y)


if __name__ == "__main__":
    main()
