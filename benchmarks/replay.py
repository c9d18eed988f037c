"""Go on from a few clips of another place: what is learned, and what is forgotten.

A detector is trained on soundscapes of one kind (dense, 10 to 30 dB over the noise) and
then meets a few clips of another (0 to 6 dB), with their times, as a reviewer would
hand them on. It goes on with them by ``partial_fit``, several times over, once with a
replay of the earlier clips and once without. Printed is the event-based F1, given the
tags, on other clips of both kinds, before and after.
"""

import argparse
import time
from copy import deepcopy
from typing import Any

from sklearn_sed import LogMelTransformer, WeakEventDetector
from sklearn_sed.datasets import make_soundscapes
from sklearn_sed.metrics import event_based_f1_score

QUICK = {"clips": 24, "new": 8, "test": 8, "passes": [1], "max_epochs": 1}


def make(n_clips: int, seed: int, duration: float, **kind: Any) -> tuple[Any, Any]:
    """Return features and events of soundscapes."""
    data = make_soundscapes(
        n_clips, family="dense", duration=duration, random_state=seed, **kind
    )
    return LogMelTransformer().fit_transform(data.X), data.y


def score(detector: WeakEventDetector, X: Any, y: Any) -> float:
    """Return the event-based F1 of a detector that is given the tags, in percent."""
    return 100 * event_based_f1_score(y, detector.predict(X, tags=y))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=200, help="of the old kind")
    parser.add_argument("--new", type=int, default=20, help="of the new kind")
    parser.add_argument("--test", type=int, default=100, help="of each kind")
    parser.add_argument("--passes", type=int, nargs="+", default=[10])
    parser.add_argument(
        "--learning-rate", type=float, nargs="+", default=[1e-3, 1e-4, 3e-5, 1e-5]
    )
    parser.add_argument("--max-epochs", default="auto")
    parser.add_argument("--duration", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="see that it runs")
    args = parser.parse_args()
    if args.quick:
        vars(args).update(QUICK)
    old, new = {}, {"snr_db": (0, 6)}
    X, y = make(args.clips, 0, args.duration, **old)
    X_new, y_new = make(args.new, 1, args.duration, **new)
    tests = [make(args.test, 2, args.duration, **kind) for kind in (old, new)]
    start = time.perf_counter()
    before = WeakEventDetector(
        times="learn", max_epochs=args.max_epochs, random_state=args.seed
    ).fit(X, y)
    print(f"trained on {args.clips} clips in {time.perf_counter() - start:.0f} s")
    print("learning rate  replay  passes  old F1  new F1")
    print(" " * 31 + "".join(f"{score(before, *test):8.1f}" for test in tests))
    for rate in args.learning_rate:
        for replay in ((X, y), None):
            model = deepcopy(before).set_params(learning_rate=rate)
            n_done = 0
            for n_passes in args.passes:
                for _ in range(n_passes - n_done):
                    model.partial_fit(X_new, y_new, replay=replay)
                n_done = n_passes
                scores = "".join(f"{score(model, *test):8.1f}" for test in tests)
                how = "yes" if replay else "no"
                print(f"{rate:13g}  {how:>6}  {n_passes:6}{scores}", flush=True)


if __name__ == "__main__":
    main()
