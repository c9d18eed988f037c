"""Print what event boxes are worth: PSDS and event F1 of the same curves.

``python benchmarks/boxes.py --sources FOLDER --development`` trains the recommended
detector as ``quality.py`` does, in the same folder and gone on from in the same way,
and decodes its curves in several ways.

PSDS is that of curves, or of all events with scores that a decoder chooses from. Event
F1 is that of the decoder's threshold, and of the best one for all classes, which is
chosen on the very clips that are scored: a bound, not a result.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import joblib
import numpy as np
import pandas as pd
from paper_table import (
    Clips,
    Results,
    Settings,
    add_settings,
    make_train_and_test,
    report,
    show,
    sum_up,
)
from quality import QUICK, Seed, train_missing

from sklearn_sed import EventDecoder
from sklearn_sed.events import stack_tables
from sklearn_sed.metrics import event_based_f1_score, psds_score

THRESHOLDS = [0.05, *np.arange(0.1, 0.9, 0.1)]
BOXES = {
    "boxes": EventDecoder(segmenter="boxes"),
    "boxes, as published": EventDecoder(
        segmenter="boxes",
        smoothing=None,
        min_duration=0.0,
        window_length=0.48,
        merge_ratio=2.0,
    ),
    "peaks": EventDecoder(segmenter="peaks"),
}


def score_ways(seed: Seed, test: Clips) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield each way of decoding and its scores."""
    scores, default = seed.detector, seed.decoder()
    clip = {"tags": scores.tags[:, None], "probabilities": scores.proba[:, None]}
    where = (test.time_resolution, test.classes)
    smooth = default.curves(scores.frame_proba, *where)
    yield "frame scores", psds(scores.frame_proba, test)
    for name, weight in clip.items():
        yield f"frame scores × {name}", psds(scores.frame_proba * weight, test)
        yield f"the same, smoothed × {name}", psds(smooth * weight, test)
    decode = partial(
        EventDecoder.decode,
        frame_proba=scores.frame_proba,
        time_resolution=test.time_resolution,
        classes=test.classes,
        durations=test.durations,
    )
    found = decode(default, tags=scores.tags)
    bound = best_f1(
        lambda t: decode(seed.decoder(EventDecoder(threshold=t)), tags=scores.tags),
        test,
    )
    yield (
        "default decoder",
        psds(found, test) | {"event_f1": event_f1(found, test), "best_f1": bound},
    )
    for name, decoder in BOXES.items():
        decoder = decoder.set_params(threshold=0.0)
        every = decode(decoder, tags=scores.proba)
        tagged = decode(decoder, tags=np.where(scores.tags, scores.proba, 0.0))
        yield (
            name,
            psds(every, test)
            | {
                "event_f1": event_f1(above(tagged, 0.5), test),
                "best_f1": best_f1(partial(above, tagged), test),
            },
        )


def above(events: np.ndarray, threshold: float) -> np.ndarray:
    """Return the events with higher scores."""
    return stack_tables(table[table["score"] > threshold] for table in events)


def event_f1(events: np.ndarray, test: Clips) -> float:
    """Return event-based F1."""
    return event_based_f1_score(test.events, events, labels=test.classes)


def best_f1(events_at: Callable[[float], np.ndarray], test: Clips) -> float:
    """Return event-based F1 with the best threshold for all classes."""
    return max(event_f1(events_at(threshold), test) for threshold in THRESHOLDS)


def psds(y_score: np.ndarray, test: Clips) -> dict[str, float]:
    """Return both PSDS."""
    score = partial(
        psds_score,
        test.events,
        y_score,
        time_resolution=test.time_resolution,
        labels=test.classes,
        durations=test.durations,
    )
    scenario2 = {"dtc_threshold": 0.1, "gtc_threshold": 0.1, "cttc_threshold": 0.3}
    return {"psds1": score(), "psds2": score(**scenario2, alpha_ct=0.5)}


def read_arguments(argv: Sequence[str] | None) -> tuple[argparse.Namespace, Settings]:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    return add_settings(parser, argv, QUICK)


def main(argv: Sequence[str] | None = None) -> None:
    """Train what is missing, score and print."""
    args, settings = read_arguments(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    results = Results(args.out, settings)
    n_jobs = joblib.effective_n_jobs(args.n_jobs)
    train, test = make_train_and_test(settings, n_jobs)
    train_missing(["detector"], args.seeds, train, results, n_jobs)
    by_seed = {}
    for seed in args.seeds:
        report(f"seed {seed}: scoring")
        by_seed[seed] = dict(score_ways(Seed(seed, test, test, results), test))
    rows = {
        way: {
            name: show(value, percent=name.endswith("f1"))
            for name, value in sum_up({s: by_seed[s][way] for s in by_seed}).items()
        }
        for way in by_seed[args.seeds[0]]
    }
    print(f"\n{pd.DataFrame(rows).T.fillna('').to_string()}\n")


if __name__ == "__main__":
    main()
