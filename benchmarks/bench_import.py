"""What importing the package costs beyond importing scikit-learn.

Starts a fresh interpreter for each import, in turn, and prints medians in seconds.
"""

import argparse
import statistics
import subprocess
import sys
import time

STATEMENTS = {
    "import sklearn": "import sklearn",
    "import sklearn_sed": "import sklearn_sed",
    "the main names": "from sklearn_sed import LogMelTransformer, TwoPassSED",
    "import torch": "import torch",
}


def seconds(statement: str) -> float:
    """Return the wall time of an interpreter that runs one statement."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - start


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    times: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for run in range(runs + 1):
        for name, statement in STATEMENTS.items():
            took = seconds(statement)
            if run:  # the first round warms the disk cache
                times[name].append(took)
    base = statistics.median(times["import sklearn"])
    for name, values in times.items():
        median = statistics.median(values)
        print(f"{name:20} {median:6.3f} s   {median - base:+6.3f} s")


if __name__ == "__main__":
    main()
