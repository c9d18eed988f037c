"""Print how well the recommended system finds sounds, and what each part of it gives.

``python benchmarks/quality.py --sources FOLDER`` trains the recommended detector, which
is all that ``TwoPassSED()`` trains, variants of it that differ in one thing each, and
taggers to go before it, on the tags of soundscapes; it scores them on soundscapes of
other recordings, over several seeds, beside the published recipe on the same clips.
Without ``--sources`` sounds are synthetic. ``--train`` names what is trained: all
variants take hours. Taggers are scored with the default detector's curves: name
"detector", too.

What there is to choose is chosen with ``--development``, on the last third of the
recordings to train on: those to test on take no part in it.

The row "tuned" knows the times of 150 more soundscapes of the recordings that are
trained on, and uses them for decoding alone. The row "best decoding" is tuned on the
very clips that it is scored on: a bound, not a result. All else knows tags only.

The output folder is shared with ``paper_table.py``, whose published system it may hold,
and is gone on from in the same way.
"""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
import pandas as pd
import torch
from joblib import delayed
from paper_table import (
    Clips,
    Results,
    Settings,
    add_settings,
    make_clips,
    make_train_and_test,
    name_of,
    report,
    run_missing,
    run_rounds,
    scale_epochs,
    score,
    show,
    sources_and_classes,
    sum_up,
    time_fit,
)
from sklearn.metrics import average_precision_score, f1_score

from sklearn_sed import (
    EventDecoder,
    FeatureArray,
    WeakEventDetector,
    WeakTagger,
    load_model,
    save_model,
)
from sklearn_sed.analysis import event_errors
from sklearn_sed.model_selection import TunedDecoderCV
from sklearn_sed.nn import count_parameters

PUBLISHED = "glu_mil_cos"
TUNING_CLIPS = 150
# The cosine penalty as it was published: between any two tags of a clip.
AS_PUBLISHED = {"cosine_pairs": "all"}
# What each variant of the tagger differs in from the default.
TAGGERS: dict[str, dict[str, Any]] = {
    "tagger": {},
    "tagger-pooling-max": {"pooling": "max"},
    "tagger-pooling-mean": {"pooling": "mean"},
    "tagger-pooling-attention": {"pooling": "attention"},
    "tagger-pooling-auto": {"pooling": "auto"},
    "tagger-pooling-power": {"pooling": "power"},
    "tagger-no-mixup": {"mixup": 0.0},
    "tagger-mixup-1": {"mixup": 1.0},
    "tagger-time-mask": {"time_mask": 0.1},
    "tagger-label-smoothing": {"label_smoothing": 0.1},
    "tagger-time-pooling-8": {"network_params": {"time_pooling": 8}},
    "tagger-self-training-1": {"self_training": 1},
    "tagger-40-epochs": {"max_epochs": 40},
}
# What each variant of the detector differs in from the default.
DETECTORS: dict[str, dict[str, Any]] = {
    "detector": {},
    "penalty-0": {"cosine_weight": 0.0},
    "penalty-0.5": {"cosine_weight": 0.5},
    "penalty-1": {"cosine_weight": 1.0},
    "penalty-published": AS_PUBLISHED,
    "penalty-published-0.5": {**AS_PUBLISHED, "cosine_weight": 0.5},
    "penalty-published-1": {**AS_PUBLISHED, "cosine_weight": 1.0},
    "penalty-published-margin-0.3": {**AS_PUBLISHED, "cosine_margin": 0.3},
    "penalty-published-warm-up-10": {**AS_PUBLISHED, "cosine_warmup": 10},
    "pooling-max": {"pooling": "max"},
    "loss-max-mean-min": {"pooling": "max", "loss": "max_mean_min"},
    "pooling-mean": {"pooling": "mean"},
    "pooling-exp-softmax": {"pooling": "exp_softmax"},
    "pooling-attention": {"pooling": "attention"},
    "pooling-auto": {"pooling": "auto"},
    "pooling-power": {"pooling": "power"},
    "pooling-top-k": {"pooling": "top_k"},
    "pooling-noisy-or": {"pooling": "noisy_or"},
    "no-standardisation": {"standardize": False},
    "no-mixup": {"mixup": 0.0},
    "no-roll": {"time_roll": False},
    "no-band-mask": {"mel_mask": 0.0},
    "time-mask": {"time_mask": 0.1},
    "label-smoothing": {"label_smoothing": 0.1},
    "constant-rate": {"schedule": "constant"},
    "no-weight-decay": {"weight_decay": 0.0},
    "gated": {"activation": "glu"},
    "time-pooling-2": {"network_params": {"time_pooling": 2}},
    "time-pooling-8": {"network_params": {"time_pooling": 8}},
    "half-the-width": {"network_params": {"n_filters": (12, 24, 48, 64, 64)}},
    "self-training-1": {"self_training": 1},
    "self-training-2": {"self_training": 2},
    "12-epochs": {"max_epochs": 12},
    "25-epochs": {"max_epochs": 25},
    "40-epochs": {"max_epochs": 40},
    "in-float32": {"precision": "float32"},
}
# Ways of decoding the default detector's curves: alike for sounds of any length, and
# others.
ALIKE = {"threshold": 0.5, "low_threshold": "tenth", "min_gap": 0.5}
DECODERS = {
    "settings alike": EventDecoder(**ALIKE),
    "settings alike, a median of 0.4 s": EventDecoder(**ALIKE, smoothing_length=0.4),
    "one threshold": EventDecoder(low_threshold=None),
    "down to half": EventDecoder(low_threshold="half"),
    "rescaled": EventDecoder(rescale=True, threshold=0.1, low_threshold=None),
    "not smoothed": EventDecoder(smoothing=None),
    "gaps of 0.2 s": EventDecoder(min_gap=0.2),
    "as published": EventDecoder(
        rescale=True,
        smoothing="mean",
        smoothing_length=0.44,
        threshold=0.05,
        low_threshold=None,
        min_gap=0.0,
        min_duration=0.0,
    ),
}
QUICK = {"clips": 100, "test_clips": 40, "epochs_scale": 0.25, "seeds": [0, 1]}


# --- Training -------------------------------------------------------------------------


def make_learner(name: str, seed: int, settings: Settings) -> Any:
    """Build a variant of the tagger or the detector, unfitted."""
    params = {"random_state": seed, "precision": settings.precision}
    if name in TAGGERS:
        learner: Any = WeakTagger(**{**params, **TAGGERS[name]})
    else:
        learner = WeakEventDetector(**{**params, **DETECTORS[name]})
    return scale_epochs(learner, settings.epochs_scale)


def train_learner(name: str, seed: int, train: Clips, results: Results) -> str:
    """Train a variant of the tagger or the detector, and keep it."""
    report(f"seed {seed}, {name}: training")
    learner = make_learner(name, seed, results.settings)
    seconds = time_fit(learner, train)
    save_model(learner, model_file(name, seed, results))
    # Last: where this result is there, the model is.
    result = {
        "seconds": seconds,
        "n_threads": torch.get_num_threads(),
        "n_weights": count_parameters(learner.net_.module_),
    }
    results.write(f"trained-{name_of(name, seed)}", result)
    return f"seed {seed}, {name}: trained in {seconds:.0f} s"


def model_file(name: str, seed: int, results: Results) -> Path:
    """Return where a trained model lies."""
    return results.folder / f"trained-{name_of(name, seed)}.sed"


# --- Scoring --------------------------------------------------------------------------


class Scores(NamedTuple):
    """What a system says of the test clips."""

    frame_proba: FeatureArray
    proba: np.ndarray
    tags: np.ndarray


class Seed:
    """The models of one seed and what they say, each asked once."""

    def __init__(self, seed: int, test: Clips, tuning: Clips, results: Results):
        self.seed, self.test, self.tuning, self.results = seed, test, tuning, results

    def model(self, name: str) -> Any:
        """Return a trained model."""
        return load_model(model_file(name, self.seed, self.results))

    def one_pass(self, name: str) -> Scores:
        """Return what a detector says by itself."""
        return scores_of(self.model(name), self.test)

    def decoder(
        self, decoder: EventDecoder | None = None, name: str = "detector"
    ) -> EventDecoder:
        """Return a decoder as a detector uses it, settings by the lengths of sounds."""
        return self.model(name).set_params(decoder=decoder).decoder_

    @cached_property
    def detector(self) -> Scores:
        """What the default detector says by itself."""
        return self.one_pass("detector")

    def tagged_by(self, name: str) -> Scores:
        """Return what a tagger and the default detector say."""
        tagger = self.model(name)
        proba = tagger.predict_proba(self.test.X)
        return Scores(self.detector.frame_proba, proba, proba > tagger.thresholds_)

    def combined(self, scores: Scores) -> Scores:
        """Return the same with the mean of both clip scores, above one half."""
        proba = (scores.proba + self.detector.proba) / 2
        return scores._replace(proba=proba, tags=proba > 0.5)

    def tuned(self, clips: Clips) -> EventDecoder:
        """Return a decoder tuned on clips with times."""
        tuner = TunedDecoderCV(self.model("detector"), cv="prefit")
        return tuner.fit(clips.X, clips.events).decoder_


def scores_of(model: Any, test: Clips) -> Scores:
    """Return what a detector, or a mean of several, says of clips."""
    proba = model.predict_proba(test.X)
    frames = model.predict_frame_proba(test.X)
    return Scores(frames, proba, proba > model.thresholds_)


def mean_of(seeds: Sequence[Seed]) -> Scores:
    """Return the mean of what the default detectors of several seeds say."""
    frames, proba, tags = zip(*(seed.detector for seed in seeds))
    # The thresholds are about one half: so is that of the mean vote.
    mean = sum(frames) / len(frames)
    return Scores(mean, np.mean(proba, 0), np.mean(tags, 0) > 0.5)


def judge(scores: Scores, decoder: EventDecoder, test: Clips) -> dict[str, Any]:
    """Score what a system says, decoded with its own tags and with the true ones."""
    truth = np.asarray(test.tags)
    result = {
        "tag_f1": f1_score(truth, scores.tags, average="macro", zero_division=0),
        "tag_map": average_precision_score(truth, scores.proba, average="macro"),
    }
    for kind, known in (("predicted", scores.tags), ("oracle", truth)):
        events = decoder.decode(
            scores.frame_proba,
            test.time_resolution,
            test.classes,
            known,
            test.durations,
        )
        curves = scores.frame_proba * known[:, None]
        result[kind] = score(events, curves, test) | {"causes": causes(events, test)}
    return result


def causes(events: np.ndarray, test: Clips) -> dict[str, float]:
    """Return what becomes of the events, as shares of those of the reference."""
    errors = event_errors(test.events, events)
    n_reference = sum(map(len, test.events))
    return (errors["cause"].value_counts() / n_reference).to_dict()


def make_rows(
    trained: Sequence[str], seed: Seed, others: Sequence[Seed]
) -> dict[str, Callable[[], dict]]:
    """Return what is scored of a seed, by name."""
    test = seed.test
    rows: dict[str, Callable[[], dict]] = {}
    if "detector" in trained:
        rows["detector"] = lambda: judge(seed.detector, seed.decoder(), test)
        rows["tuned"] = lambda: judge(seed.detector, seed.tuned(seed.tuning), test)
        rows["best decoding"] = lambda: judge(seed.detector, seed.tuned(test), test)
        rows["thresholds of one half"] = lambda: judge(
            seed.detector._replace(tags=seed.detector.proba > 0.5), seed.decoder(), test
        )
        for name, decoder in DECODERS.items():
            rows[name] = partial(
                lambda decoder: judge(seed.detector, seed.decoder(decoder), test),
                decoder,
            )
        if len(others) > 1:
            rows[f"mean of {len(others)} other seeds"] = lambda: judge(
                mean_of(others), others[0].decoder(), test
            )
    for name in trained:
        if name in TAGGERS:
            rows[name] = partial(
                lambda name: judge(seed.tagged_by(name), seed.decoder(), test), name
            )
            rows[f"{name}, mean of clip scores"] = partial(
                lambda name: judge(
                    seed.combined(seed.tagged_by(name)), seed.decoder(), test
                ),
                name,
            )
        elif name != "detector":
            rows[name] = partial(
                lambda name: judge(seed.one_pass(name), seed.decoder(name=name), test),
                name,
            )
    return rows


# --- Running --------------------------------------------------------------------------


def train_missing(
    names: Sequence[str],
    seeds: Sequence[int],
    train: Clips,
    results: Results,
    n_jobs: int,
) -> None:
    """Train all that the folder of results lacks."""
    todo = [
        delayed(train_learner)(name, seed, train, results)
        for seed in seeds
        for name in names
        if not results.has(f"trained-{name_of(name, seed)}")
    ]
    report(f"{len(names) * len(seeds) - len(todo)} models are there already")
    run_rounds([todo], n_jobs)


def score_missing(
    names: Sequence[str],
    seeds: Sequence[int],
    test: Clips,
    tuning: Clips,
    results: Results,
) -> list[str]:
    """Score all rows that the folder of results lacks; return the rows."""
    models = [Seed(seed, test, tuning, results) for seed in seeds]
    for model in models:
        others = [other for other in models if other is not model]
        rows = make_rows(names, model, others)
        for name, row in rows.items():
            if not results.has(file_of(name, model.seed)):
                report(f"seed {model.seed}, {name}: scoring")
                results.write(file_of(name, model.seed), row())
    return list(rows)


def file_of(row: str, seed: int) -> str:
    """Name the result of a row and a seed."""
    return name_of(row.replace(",", "").replace(" ", "-"), seed)


def make_table(
    rows: Sequence[str], names: Sequence[str], seeds: Sequence[int], results: Results
) -> dict[str, Any]:
    """Sum up the results of each row over the seeds, and what training took."""
    published = {
        seed: results.read(name_of(PUBLISHED, seed))
        for seed in seeds
        if results.has(name_of(PUBLISHED, seed))
    }
    table = {"published": sum_up(published)} if published else {}
    for row in rows:
        table[row] = sum_up({seed: results.read(file_of(row, seed)) for seed in seeds})
    training = {
        name: sum_up(
            {seed: results.read(f"trained-{name_of(name, seed)}") for seed in seeds}
        )
        for name in names
    }
    return {"seeds": [*seeds], "rows": table, "training": training}


def render(table: Mapping[str, Any]) -> str:
    """Write the table out."""
    columns = {
        "event F1": ("event_f1", True),
        "segment F1": ("segment_f1", True),
        "intersection F1": ("intersection_f1", True),
        "PSDS 1": ("psds1", False),
        "PSDS 2": ("psds2", False),
    }
    parts = [f"Seeds: {', '.join(map(str, table['seeds']))}"]
    for kind, title in (("oracle", "Oracle tags"), ("predicted", "Own tags")):
        text = {
            row: {
                column: show(summary[kind][key], percent=percent)
                for column, (key, percent) in columns.items()
            }
            | ({"tag mAP": show(summary["tag_map"])} if kind == "predicted" else {})
            for row, summary in table["rows"].items()
        }
        parts.append(f"{title}\n{pd.DataFrame(text).T.to_string()}")
    for kind, title in (("oracle", "oracle"), ("predicted", "own")):
        text = {
            row: {
                cause: f"{100 * summary[kind]['causes'][cause]['mean']:.1f}"
                for cause in summary[kind]["causes"]
            }
            for row, summary in table["rows"].items()
            if "causes" in summary[kind]
        }
        becomes = pd.DataFrame(text).T.to_string()
        parts.append(f"What becomes of 100 events, {title} tags\n{becomes}")
    training = {
        name: {
            "seconds": f"{summary['seconds']['mean']:.0f}",
            "threads": f"{summary['n_threads']['mean']:g}",
            "weights": f"{summary['n_weights']['mean']:,.0f}",
        }
        for name, summary in table["training"].items()
    }
    parts.append(f"Training\n{pd.DataFrame(training).T.to_string()}")
    return "\n\n".join(parts)


def read_arguments(argv: Sequence[str] | None) -> tuple[argparse.Namespace, Settings]:
    """Read the command line."""
    names = [*TAGGERS, *DETECTORS]
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "--train", nargs="+", choices=names, default=names, help="models"
    )
    parser.add_argument(
        "--published", action="store_true", help="train the published recipe, too"
    )
    args, settings = add_settings(parser, argv, QUICK)
    if "detector" not in args.train and {*args.train} & TAGGERS.keys():
        parser.error("taggers need the detector: add it to --train")
    return args, settings


def main(argv: Sequence[str] | None = None) -> None:
    """Train and score what is missing, print and write the table."""
    args, settings = read_arguments(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    results = Results(args.out, settings)
    n_jobs = joblib.effective_n_jobs(args.n_jobs)
    if args.published:
        run_missing([PUBLISHED], args.seeds, results, n_jobs)
    train, test = make_train_and_test(settings, n_jobs)
    sources, classes = sources_and_classes(settings)
    tuning = make_clips(TUNING_CLIPS, sources[0], 2, classes, settings, n_jobs)
    train_missing(args.train, args.seeds, train, results, n_jobs)
    rows = score_missing(args.train, args.seeds, test, tuning, results)
    table = make_table(rows, args.train, args.seeds, results)
    text = render(table)
    results.write_text("quality.json", json.dumps(table, indent=2) + "\n")
    results.write_text("quality.txt", text + "\n")
    print(f"\n{text}\n")


if __name__ == "__main__":
    main()
