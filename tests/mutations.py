"""Break a copy of the package on purpose and see which test notices.

``python tests/mutations.py`` applies each fault by itself to a copy in a temporary
folder, runs the tests that ought to notice there, and prints which one did. It fails
when a fault goes unnoticed, when its text is no longer found in its part of the
package, or when the tests fail without any fault. ``python tests/mutations.py
nn _labels`` tries the faults of these parts alone.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]


class Fault(NamedTuple):
    """Text in one part of the package, what takes its place, who should notice."""

    what: str
    part: str
    old: str
    new: str
    tests: str


DEFAULTS = "tests/learners/test_defaults.py"
OPTIONS = "tests/learners/test_training_options.py"
AUGMENT = "tests/nn/test_augment.py"
LOSSES = "tests/nn/test_losses.py"
DECODER = "tests/decoding/test_decoder.py"
BOXES = "tests/decoding/test_boxes.py"
STREAM = "tests/decoding/test_stream.py"

FAULTS = [
    Fault(
        "the default network says nothing",
        "nn",
        "x = self.dropout(self.gru(self.dropout(as_sequence(x)), mask))",
        "x = 0 * self.dropout(self.gru(self.dropout(as_sequence(x)), mask))",
        DEFAULTS,
    ),
    Fault(
        "its frames come 96 ms late",
        "nn",
        "x = self.dropout(self.gru(self.dropout(as_sequence(x)), mask))",
        "x = self.dropout(self.gru(self.dropout(as_sequence(x)), mask)).roll(3, 1)",
        DEFAULTS,
    ),
    Fault(
        "clips are mixed, their tags are not",
        "nn",
        "share * y + (1 - share) * y[other]",
        "y",
        AUGMENT,
    ),
    Fault(
        "the share is that of the other clip",
        "nn",
        "torch.lerp(more, curve,",
        "torch.lerp(curve, more,",
        AUGMENT,
    ),
    Fault(
        "clips turn through their padding",
        "nn",
        "index = (time + shift[:, None]) % n_frames[:, None]",
        "index = (time + shift[:, None]) % len(time)",
        AUGMENT,
    ),
    Fault(
        "masks are of any length",
        "nn",
        "draw(size) * longest * size",
        "draw(size) * size",
        AUGMENT,
    ),
    Fault(
        "masks are zero instead of the mean",
        "nn",
        "torch.where(covered, fill, x)",
        "torch.where(covered, 0.0, x)",
        AUGMENT,
    ),
    Fault(
        "the penalty's margin adds",
        "nn",
        "(similarity - margin)",
        "(similarity + margin)",
        f"{LOSSES} {OPTIONS}",
    ),
    Fault(
        "padding counts in the penalty",
        "nn",
        "p = mask_fill(frame_proba, mask, 0.0)",
        "p = frame_proba",
        LOSSES,
    ),
    Fault(
        "labels are smoothed towards zero",
        "nn",
        "self.label_smoothing * (0.5 - y)",
        "self.label_smoothing * (0.0 - y)",
        f"{LOSSES} {OPTIONS}",
    ),
    Fault(
        "the weight of clips is forgotten",
        "nn",
        "(weight * loss.mean(dim=1))",
        "(loss.mean(dim=1))",
        f"{LOSSES} {OPTIONS}",
    ),
    Fault(
        "the cosine schedule ends half way",
        "nn",
        "math.cos(math.pi * min(",
        "math.cos(0.5 * math.pi * min(",
        OPTIONS,
    ),
    Fault(
        "weights do not decay",
        "nn",
        "optimizer__weight_decay=spec.weight_decay",
        "optimizer__weight_decay=0.0",
        OPTIONS,
    ),
    Fault(
        "one threshold in place of two",
        "_decoding",
        "_active_runs(curve > low, bounds)",
        "_active_runs(curve > high, bounds)",
        DECODER,
    ),
    Fault(
        "gaps are closed between clips",
        "_decoding",
        "| (runs.clip[1:] != runs.clip[:-1])",
        "| False",
        DECODER,
    ),
    Fault(
        "short events stay",
        "_decoding",
        "is_long = offset - onset > min_duration",
        "is_long = offset - onset > 0 * min_duration",
        DECODER,
    ),
    Fault(
        "a frame is half as long in decoding",
        "_decoding",
        "step = float(frames_to_time(1, time_resolution))",
        "step = 0.5 * float(frames_to_time(1, time_resolution))",
        DECODER,
    ),
    Fault(
        "gaps are joined by the box before them alone",
        "_decoding",
        "            & self.bridges(lowest, boxes.highest[1:])\n",
        "",
        BOXES,
    ),
    Fault(
        "boxes that are alike are joined without those between",
        "_decoding",
        "joined[first:second] = True",
        "joined[first] = True",
        BOXES,
    ),
    Fault(
        "what may yet be claimed otherwise is claimed",
        "_decoding",
        "if is_last or end < len(curve):",
        "if True:",
        STREAM,
    ),
    Fault(
        "the worst threshold instead of the best",
        "_labels",
        "np.argmax(f1)",
        "np.argmin(f1)",
        "tests/labels",
    ),
    Fault(
        "one of the labels of a clip is taken for another",
        "_labels",
        "indicator[clip, column] = [",
        "indicator[clip, np.asarray(column) - 1] = [",
        "tests/labels",
    ),
    Fault(
        "long runs say no more of how long sounds last than short ones",
        "_decoding",
        "np.add.at(squares, column, length**2)",
        "np.add.at(squares, column, length)",
        "tests/decoding/test_lengths.py",
    ),
    Fault(
        "long sounds are decoded as short ones are",
        "_decoding",
        '"min_gap": (0.3, 2.0)',
        '"min_gap": (0.3, 0.3)',
        "tests/decoding/test_lengths.py",
    ),
    Fault(
        "tuning does not look at neighbours",
        "model_selection",
        "correlate1d(total, [1, 2, 1]",
        "correlate1d(total, [0, 4, 0]",
        "tests/model_selection/test_tuned_decoder.py",
    ),
    Fault(
        "a clip of which one tag is not known counts as labelled",
        "_labels",
        "(self.indicator != UNLABELLED).all(axis=1)",
        "np.ones(len(self.indicator), dtype=bool)",
        "tests/labels tests/learners/test_tagger.py",
    ),
]


def main(parts: list[str]) -> int:
    """Try the faults; return how many went unnoticed."""
    faults = [fault for fault in FAULTS if not parts or fault.part in parts]
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in ("sklearn_sed", "tests"):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, copy / name, ignore=ignored)
        shutil.copy(ROOT / "pyproject.toml", copy)
        tests = sorted({test for fault in faults for test in fault.tests.split()})
        if failure := first_failure(copy, tests):
            print(f"without any fault, {failure} fails")
            return len(faults)
        return sum(not noticed(copy, fault) for fault in faults)


def noticed(copy: Path, fault: Fault) -> bool:
    """Apply one fault, run its tests, take it back, print a row of the table."""
    paths = sorted((copy / "sklearn_sed" / fault.part).rglob("*.py"))
    found = [path for path in paths if fault.old in path.read_text(encoding="utf-8")]
    if not found:
        print(f"{fault.part:24} {fault.what:56} ITS TEXT IS GONE: {fault.old}")
        return False
    path = found[0]
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole.replace(fault.old, fault.new, 1), encoding="utf-8")
    try:
        failure = first_failure(copy, fault.tests.split())
    finally:
        path.write_text(whole, encoding="utf-8")
    where = f"{fault.part}/{path.name}"
    print(f"{where:24} {fault.what:56} {failure or 'NOT NOTICED'}", flush=True)
    return failure is not None


def first_failure(copy: Path, tests: list[str]) -> str | None:
    """Run tests in the copy; return the first that fails, if any."""
    options = ["-x", "-q", "--tb=no", "-m", "not slow", "-p", "no:cacheprovider"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *tests],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    if run.returncode == 0:
        return None
    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", run.stdout, re.MULTILINE)
    return failed[1] if failed else f"pytest ended with {run.returncode}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) > 0)
