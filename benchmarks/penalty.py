"""Print what the cosine penalty gives: by its weight, pairs, margin and warm-up.

``python benchmarks/penalty.py`` trains the published GLU-MIL detector and the default
one on the tags of short synthetic soundscapes, in which four classes come one by one
or, in most clips, in pairs, over several seeds. For each setting of the penalty it
prints the event-based F1 with the true tags, and how alike the curves of the pairs are.
"Correlated" is the default, in which the penalty acts on classes whose tags correlate.
"""

import argparse
from collections.abc import Iterator
from typing import Any

import numpy as np

from sklearn_sed import LogMelTransformer, WeakEventDetector, make_paper_system
from sklearn_sed.analysis import class_correlation
from sklearn_sed.datasets import make_soundscapes
from sklearn_sed.metrics import event_based_f1_score

PAIRS = [("Alarm_bell_ringing", "Speech"), ("Cat", "Dog")]
CLASSES = sorted(label for pair in PAIRS for label in pair)
ALL: dict[str, Any] = {"cosine_pairs": "all"}  # as published
PENALTIES: dict[str, dict[str, Any]] = {
    "none": {"cosine_weight": 0.0},
    "all, 0.1": {"cosine_weight": 0.1, **ALL},
    "all, 0.5": {"cosine_weight": 0.5, **ALL},
    "all, 1": {"cosine_weight": 1.0, **ALL},
    "all, 1 above 0.3": {"cosine_weight": 1.0, "cosine_margin": 0.3, **ALL},
    "all, 1 after 10 epochs": {"cosine_weight": 1.0, "cosine_warmup": 10, **ALL},
    "correlated, 0.1": {"cosine_weight": 0.1},
    "correlated, 0.5": {"cosine_weight": 0.5},
    "correlated, 1": {"cosine_weight": 1.0},
}


def detectors(seed: int) -> Iterator[tuple[str, str, WeakEventDetector]]:
    """Yield the name of a network, of a penalty, and the detector with both."""
    for penalty, params in PENALTIES.items():
        published = make_paper_system("glu_mil", random_state=seed).detector
        # Short clips are fewer steps than the published ones: as many by more epochs.
        yield "published", penalty, published.set_params(max_epochs=30, **params)
        yield (
            "default",
            penalty,
            WeakEventDetector(max_epochs=25, random_state=seed, **params),
        )


def judge(detector: WeakEventDetector, X: Any, y: np.ndarray, tags: Any) -> list[float]:
    """Return event-based F1 with the true tags, and how alike the pairs' curves are."""
    events = detector.predict(X, tags=tags)
    curves = class_correlation(detector.predict_frame_proba(X), tags=tags)
    alike = [curves[tuple(map(CLASSES.index, pair))] for pair in PAIRS]
    return [event_based_f1_score(y, events, labels=CLASSES), float(np.mean(alike))]


def compare(share: float, n_clips: int, seeds: list[int], networks: list[str]) -> None:
    """Print a row for each network and penalty, with pairs in a share of the clips."""
    settings: dict[str, Any] = {
        "classes": CLASSES,
        "duration": 3.0,
        "co_occurrence": dict.fromkeys(PAIRS, share),
    }
    train = make_soundscapes(n_clips, random_state=0, **settings)
    test = make_soundscapes(n_clips // 2, random_state=1, **settings)
    log_mel = LogMelTransformer()
    X_train, X_test = log_mel.transform(train.X), log_mel.transform(test.X)
    print(
        f"\nPairs in {share:.0%} of the clips\n{'network':12}{'penalty':24}"
        f"{'event F1 (%)':18}correlation of the pairs"
    )
    rows: dict[tuple[str, str], list] = {}
    for seed in seeds:
        for network, penalty, detector in detectors(seed):
            if network in networks:
                detector.set_params(precision="auto").fit(X_train, train.y_weak)
                result = judge(detector, X_test, test.y, test.y_weak)
                rows.setdefault((network, penalty), []).append(result)
    for (network, penalty), results in sorted(rows.items()):
        f1, alike = np.mean(results, axis=0)
        f1_std, alike_std = np.std(results, axis=0, ddof=1)
        f1_text = f"{100 * f1:.1f} ± {100 * f1_std:.1f}"
        print(
            f"{network:12}{penalty:24}{f1_text:18}{alike:.2f} ± {alike_std:.2f}",
            flush=True,
        )


def main() -> None:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--clips", type=int, default=200, help="soundscapes to train on")
    add("--shares", type=float, nargs="+", default=[0.0, 0.9], help="of clips in pairs")
    add("--seeds", type=int, nargs="+", default=[0, 1, 2], help="two or more")
    names = ["published", "default"]
    add("--networks", nargs="+", choices=names, default=names, help="detectors")
    args = parser.parse_args()
    for share in args.shares:
        compare(share, args.clips, args.seeds, args.networks)


if __name__ == "__main__":
    main()
