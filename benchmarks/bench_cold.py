"""The first prediction of a fresh process, stage by stage.

Run ``python benchmarks/bench_cold.py`` (a minute). Saves a hardly trained default
system, then starts fresh interpreters that load it and find the events of one file.
Prints medians of the time that passes and of the processor's; the files of the
libraries are in the system's cache by then, so that a machine after its start takes
longer by the time of reading them. (``bench_import.py`` is about ``import
sklearn_sed`` alone.)
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

CHILD = """
import sys
from time import perf_counter, process_time
last = perf_counter(), process_time()
def lap(name):
    global last
    now = perf_counter(), process_time()
    print(name, now[0] - last[0], now[1] - last[1], sep="\\t")
    last = now
from sklearn_sed import load_model
lap("import sklearn_sed.load_model")
import torch
lap("import torch")
import sklearn_sed.nn, sklearn_sed.nn._training
lap("import the networks and skorch")
model = load_model(sys.argv[1])
lap("load the model")
model.predict(sys.argv[2:3])
lap("predict the first clip")
model.predict(sys.argv[2:3])
lap("predict it again")
"""


def save_example(folder: Path) -> None:
    """Write a model of the default networks and a clip of ten seconds."""
    from sklearn.pipeline import make_pipeline

    from sklearn_sed import LogMelTransformer, TwoPassSED, save_model
    from sklearn_sed.datasets import make_soundscapes

    data = make_soundscapes(8, random_state=0, out_dir=folder)
    model = make_pipeline(LogMelTransformer(), TwoPassSED())
    model.set_params(twopasssed__detector__max_epochs=1)
    save_model(model.fit(data.X, data.y_weak), folder / "model.sed")
    Path(data.X[0]).rename(folder / "clip.wav")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    n_runs = parser.parse_args().runs
    times: dict[str, list[np.ndarray]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_example(folder)
        command = [sys.executable, "-c", CHILD, folder / "model.sed"]
        for run in range(n_runs + 1):
            output = subprocess.run(
                [*command, folder / "clip.wav"],
                check=True,
                capture_output=True,
                text=True,
            ).stdout
            if not run:  # fills caches
                continue
            for line in output.splitlines():
                stage, *seconds = line.split("\t")
                times.setdefault(stage, []).append(np.array(seconds, float))
    medians = {stage: np.median(rows, axis=0) for stage, rows in times.items()}
    *first, again = medians
    total = np.sum([medians[stage] for stage in first], axis=0)
    print(f"{'seconds':35}{'passed':>8}{'of CPU':>8}")
    for stage, (passed, cpu) in [
        *((stage, medians[stage]) for stage in first),
        ("until the first prediction", total),
        (again, medians[again]),
    ]:
        print(f"{stage:35}{passed:8.2f}{cpu:8.2f}")


if __name__ == "__main__":
    main()
