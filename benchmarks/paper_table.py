"""Print the published table again, on soundscapes that anyone can make.

Trains the systems of Pellegrini and Cances (IJCNN 2019, arXiv 1901.03146) and the
recommended ``TwoPassSED()`` on the tags of soundscapes in which classes come together,
and scores them on soundscapes of their own, over several seeds: once with the tags
that the tagger predicts, once with the true ones ("oracle tags").

``python benchmarks/paper_table.py --sources FOLDER`` mixes the recordings of a folder
with one sub-folder per class: the last quarter of each class by name is for testing,
and takes of one recording stay together. Without ``--sources`` sounds are synthetic.

The output folder gets one JSON file per system and seed, each complete or not there: a
run that was stopped goes on from them when it is started again. ``table.json`` and
``table.txt`` hold the result.

Nothing is learned from what is scored: tag thresholds come from training clips that are
held back, decoders are as the systems have them, and times are those of the test clips,
looked at for scoring alone. Seeds differ in training, not in the clips. The same seeds
on the same number of threads give the same figures.
"""

import argparse
import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import torch
from joblib import Parallel, delayed, parallel_config
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import average_precision_score

from sklearn_sed import (
    FeatureArray,
    LogMelTransformer,
    TwoPassSED,
    WeakEventDetector,
    __version__,
    load_model,
    make_paper_system,
    save_model,
)
from sklearn_sed.datasets import make_soundscapes, split_recordings
from sklearn_sed.datasets._sources import SYNTHETIC_SOURCES
from sklearn_sed.events import TagArray, make_events, stack_tables
from sklearn_sed.metrics import (
    event_based_f1_score,
    intersection_f1_score,
    psds_score,
    segment_based_f1_score,
)
from sklearn_sed.nn import count_parameters

RECOMMENDED = "recommended"
SYSTEMS = {
    "fsl": "FSL",
    "att": "ATT",
    "mil": "MIL",
    "glu_mil": "GLU-MIL",
    "glu_mil_cos": "GLU-MIL+cos",
    RECOMMENDED: "TwoPassSED()",
}
WHOLE_CLIP = "whole_clip"
TAG_KINDS = {"predicted": "Predicted tags", "oracle": "Oracle tags"}
# Macro event-based F1 (%) on the test clips of DCASE 2018 task 4, mean and standard
# deviation of five runs, where they were published.
PUBLISHED = {
    "predicted": {
        "fsl": "15.27",
        "att": "16.80",
        "mil": "28.90 ± 1.95",
        "glu_mil": "30.15 ± 0.79",
        "glu_mil_cos": "31.50 ± 1.83",
    },
    "oracle": {"glu_mil_cos": "37.93 ± 2.36"},
}
BLOCK = 100  # soundscapes made at once; their waveforms take 90 MB
# What --quick shortens, so that two cores need some ten minutes.
QUICK = {
    "clips": 100,
    "test_clips": 40,
    "seeds": [0, 1],
    "epochs_scale": 0.25,
    "out": Path("paper_table_quick"),
}


# --- What is asked for, and what there is already -------------------------------------


@dataclass(frozen=True)
class Settings:
    """All that a result depends on, beside the system and the seed."""

    sources: str | None
    clips: int
    test_clips: int
    duration: float
    co_occurrence: float
    epochs_scale: float
    tagger_epochs_scale: float
    precision: str
    development: bool = False
    untagged: int = 0
    family: str = "sparse"
    test_family: str = "sparse"
    version: str = __version__


@dataclass(frozen=True)
class Results:
    """A folder of results that were all made with the same settings."""

    folder: Path
    settings: Settings

    def has(self, name: str) -> bool:
        """Tell whether a result is there, and stop if it has other settings."""
        path = self.folder / f"{name}.json"
        if not path.exists():
            return False
        made_with = json.loads(path.read_text(encoding="utf-8"))["settings"]
        different = [
            f"{key}={made_with.get(key)!r}, not {value!r}"
            for key, value in asdict(self.settings).items()
            if made_with.get(key) != value
        ]
        if different:
            raise SystemExit(
                f"{path} was made with {'; '.join(different)}: choose another folder "
                "with --out, or remove the file"
            )
        return True

    def read(self, name: str) -> dict[str, Any]:
        """Return a result that is there, without the settings."""
        path = self.folder / f"{name}.json"
        result = json.loads(path.read_text(encoding="utf-8"))
        del result["settings"]
        return result

    def write(self, name: str, result: Mapping[str, Any]) -> None:
        """Write a result: whole, or not at all."""
        content = {"settings": asdict(self.settings), **result}
        self.write_text(f"{name}.json", json.dumps(content, indent=2) + "\n")

    def write_text(self, filename: str, text: str) -> None:
        """Write a file under another name first, so that it is never half there."""
        unfinished = self.folder / f"{filename}.unfinished"
        unfinished.write_text(text, encoding="utf-8")
        os.replace(unfinished, self.folder / filename)


def name_of(system: str, seed: int) -> str:
    """Name the result of a system and a seed."""
    return f"{system}-seed{seed}"


def report(what: str) -> None:
    """Print what happens, with the time."""
    print(f"{time.strftime('%H:%M:%S')}  {what}", flush=True)


# --- Soundscapes ----------------------------------------------------------------------


@dataclass(frozen=True)
class Clips:
    """Features of soundscapes, and what is true of these.

    The features are a plain array, which joblib hands to processes without copying.
    """

    features: np.ndarray
    time_resolution: float
    time_offset: float
    durations: np.ndarray
    events: np.ndarray
    tags: TagArray
    classes: list[str]

    @property
    def X(self) -> FeatureArray:
        """Features with their clock, as estimators take them."""
        return FeatureArray(
            self.features,
            self.time_resolution,
            self.durations,
            time_offset=self.time_offset,
        )


def sources_and_classes(settings: Settings) -> tuple[Sequence[Any], list[str]]:
    """Return the sources of the clips to train on and to test on, and the classes."""
    if settings.sources is None:
        return (None, None), sorted(SYNTHETIC_SOURCES)
    sources = split_recordings(settings.sources)
    if settings.development:
        sources = split_recordings(sources[0], test_size=1 / 3)
    return sources, sorted(sources[0])


def make_train_and_test(settings: Settings, n_jobs: int) -> tuple[Clips, Clips]:
    """Make clips to train on and clips to test on, from different recordings."""
    sources, classes = sources_and_classes(settings)
    make = partial(make_clips, classes=classes, settings=settings, n_jobs=n_jobs)
    train = hide_tags(
        make(settings.clips, sources=sources[0], seed=0), settings.untagged
    )
    test = make(
        settings.test_clips, sources=sources[1], seed=1, family=settings.test_family
    )
    if not test.tags.any(axis=0).all():
        raise SystemExit(
            f"--test-clips {settings.test_clips}: not every one of the {len(classes)} "
            "classes is heard in so few clips"
        )
    return train, test


def hide_tags(clips: Clips, n_clips: int) -> Clips:
    """Return clips of which the last ones have no tags: rows of −1."""
    tags = clips.tags.copy()
    tags[len(tags) - n_clips :] = -1
    return replace(clips, tags=tags)


def make_clips(
    n_clips: int,
    sources: Any,
    seed: int,
    classes: Sequence[str],
    settings: Settings,
    n_jobs: int,
    family: str | None = None,
) -> Clips:
    """Make soundscapes and their features, in blocks that fit into memory."""
    parameters = {
        "sources": sources,
        "family": family or settings.family,
        "duration": settings.duration,
        # Classes that are neighbours in the alphabet come together.
        "co_occurrence": dict.fromkeys(
            zip(classes[::2], classes[1::2]), settings.co_occurrence
        ),
    }
    blocks = Parallel(n_jobs=n_jobs)(
        delayed(make_block)(
            min(BLOCK, n_clips - start), random_state=[seed, start], **parameters
        )
        for start in range(0, n_clips, BLOCK)
    )
    features, events, tags = zip(*blocks)
    return Clips(
        features=np.concatenate([np.asarray(block) for block in features]),
        time_resolution=features[0].time_resolution,
        time_offset=features[0].time_offset,
        durations=np.concatenate([block.durations for block in features]),
        events=np.concatenate(events),
        tags=TagArray(np.concatenate(tags), classes),
        classes=list(classes),
    )


def make_block(
    n_clips: int, random_state: Sequence[int], **parameters: Any
) -> tuple[FeatureArray, np.ndarray, TagArray]:
    """Make some soundscapes, and return their features, events and tags."""
    rng = np.random.RandomState(random_state)
    data = make_soundscapes(n_clips, random_state=rng, **parameters)
    return LogMelTransformer().fit_transform(data.X), data.y, data.y_weak


# --- Systems --------------------------------------------------------------------------


def make_system(name: str, seed: int, settings: Settings) -> TwoPassSED:
    """Build an unfitted system, its training as long as asked for."""
    if name == RECOMMENDED:
        system = TwoPassSED(detector=WeakEventDetector(random_state=seed))
    else:
        system = make_paper_system(name, random_state=seed)
    scales = settings.tagger_epochs_scale, settings.epochs_scale
    for part, scale in zip((system.tagger, system.detector), scales):
        if part is not None:
            scale_epochs(part, scale).set_params(precision=settings.precision)
    return system


def scale_epochs(learner: Any, scale: float) -> Any:
    """Make training shorter or longer; "auto" becomes a factor on its 25 epochs."""
    if scale == 1:
        return learner
    epochs = 25 if learner.max_epochs == "auto" else learner.max_epochs
    return learner.set_params(max_epochs=max(1, round(scale * epochs)))


def train_tagger(seed: int, train: Clips, results: Results) -> str:
    """Train the published tagger, which all published systems share."""
    report(f"seed {seed}, tagger: training")
    tagger = make_system("mil", seed, results.settings).tagger
    seconds = time_fit(tagger, train)
    save_model(tagger, tagger_file(seed, results))
    # Last: where this result is there, the tagger is.
    results.write(name_of("tagger", seed), {"seconds": seconds})
    return f"seed {seed}, tagger: trained in {seconds:.0f} s"


def tagger_file(seed: int, results: Results) -> Path:
    """Return where a trained tagger lies."""
    return results.folder / f"{name_of('tagger', seed)}.sed"


def run_system(
    name: str, seed: int, train: Clips, test: Clips, results: Results
) -> str:
    """Train a system, or its detector where it has the published tagger; score it."""
    report(f"seed {seed}, {SYSTEMS[name]}: training")
    system = make_system(name, seed, results.settings)
    before = 0.0
    if name != RECOMMENDED:
        tagger = load_model(tagger_file(seed, results))
        system.set_params(tagger=FrozenEstimator(tagger))
        before = results.read(name_of("tagger", seed))["seconds"]
    seconds = time_fit(system, train)
    result = {
        "seconds": before + seconds,
        "n_threads": torch.get_num_threads(),
        "n_weights": count_weights(system),
        "tag_f1": system.score(test.X, test.tags),
        "tag_map": average_precision_score(
            np.asarray(test.tags), system.predict_proba(test.X), average="macro"
        ),
        **score_system(system, test),
    }
    results.write(name_of(name, seed), result)
    return (
        f"seed {seed}, {SYSTEMS[name]}: trained in {seconds:.0f} s, event F1 "
        f"{100 * result['predicted']['event_f1']:.1f} %, with oracle tags "
        f"{100 * result['oracle']['event_f1']:.1f} %"
    )


def time_fit(estimator: Any, clips: Clips) -> float:
    """Fit an estimator to the tags of clips; return the seconds that took."""
    start = time.perf_counter()
    estimator.fit(clips.X, clips.tags)
    return time.perf_counter() - start


def count_weights(system: TwoPassSED) -> int:
    """Count the weights of all networks."""
    modules = {part.net_.module_ for part in (system.tagger_, system.detector_)}
    return sum(map(count_parameters, modules))


# --- Scores ---------------------------------------------------------------------------


def score_system(system: TwoPassSED, test: Clips) -> dict[str, dict]:
    """Score the events of a system, with the tags that it predicts and the true ones.

    The PSDS is that of the curves which the tags let pass; those of other classes are
    zero.
    """
    frame_proba = system.predict_frame_proba(test.X)
    tags = {"predicted": system.predict_tags(test.X), "oracle": np.asarray(test.tags)}
    return {
        kind: score(
            system.predict(test.X, tags=known), frame_proba * known[:, None], test
        )
        for kind, known in tags.items()
    }


def score_whole_clip(test: Clips) -> dict[str, Any]:
    """Score the baseline that knows no times: each true tag, over the whole clip."""
    classes = np.array(test.classes)
    tags = np.asarray(test.tags)
    events = stack_tables(
        make_events(np.zeros(row.sum()), np.full(row.sum(), end), classes[row == 1])
        for row, end in zip(tags, test.durations)
    )
    n_frames = test.features.shape[1]
    return score(events, np.repeat(tags[:, None], n_frames, axis=1), test)


def score(events: np.ndarray, frame_proba: np.ndarray, test: Clips) -> dict[str, Any]:
    """Compare events and frame scores with the truth."""
    event_f1 = partial(event_based_f1_score, test.events, events, labels=test.classes)
    psds = partial(
        psds_score,
        test.events,
        frame_proba,
        time_resolution=test.time_resolution,
        labels=test.classes,
        durations=test.durations,
    )
    return {
        "event_f1": event_f1(),
        "segment_f1": segment_based_f1_score(
            test.events, events, durations=test.durations, labels=test.classes
        ),
        "intersection_f1": intersection_f1_score(
            test.events, events, labels=test.classes
        ),
        "psds1": psds(),
        "psds2": psds(
            dtc_threshold=0.1, gtc_threshold=0.1, cttc_threshold=0.3, alpha_ct=0.5
        ),
        "class_event_f1": dict(zip(test.classes, event_f1(average=None).tolist())),
    }


# --- Running --------------------------------------------------------------------------


def run_missing(
    systems: Sequence[str], seeds: Sequence[int], results: Results, n_jobs: int
) -> None:
    """Train and score all that the folder of results lacks."""
    todo = [
        (name, seed)
        for seed in seeds
        for name in systems
        if not results.has(name_of(name, seed))
    ]
    n_all = len(systems) * len(seeds)
    report(f"{n_all - len(todo)} of {n_all} systems and seeds are there already")
    baseline_is_there = results.has(WHOLE_CLIP)
    if not todo and baseline_is_there:
        return
    settings = results.settings
    report(f"making {settings.clips} + {settings.test_clips} soundscapes")
    train, test = make_train_and_test(settings, n_jobs)
    if not baseline_is_there:
        results.write(WHOLE_CLIP, score_whole_clip(test))

    def run(chosen: Iterable[tuple[str, int]]) -> list:
        return [
            delayed(run_system)(name, seed, train, test, results)
            for name, seed in chosen
        ]

    published = [job for job in todo if job[0] != RECOMMENDED]
    recommended = [job for job in todo if job[0] == RECOMMENDED]
    taggers = [
        delayed(train_tagger)(seed, train, results)
        for seed in sorted({seed for _, seed in published})
        if not results.has(name_of("tagger", seed))
    ]
    # The published systems wait for their taggers, the recommended ones for nobody.
    run_rounds([[*taggers, *run(recommended)], run(published)], n_jobs)


def run_rounds(rounds: Sequence[Sequence[Any]], n_jobs: int) -> None:
    """Run rounds of tasks in processes that share the cores, and report each end."""
    n_threads = max(1, joblib.cpu_count() // n_jobs)
    n_all = sum(map(len, rounds))
    n_done = 0
    with parallel_config("loky", n_jobs=n_jobs, inner_max_num_threads=n_threads):
        for tasks in rounds:
            for message in Parallel(return_as="generator_unordered")(tasks):
                n_done += 1
                report(f"[{n_done}/{n_all}] {message}")


# --- Tables ---------------------------------------------------------------------------


def make_table(
    systems: Sequence[str], seeds: Sequence[int], results: Results
) -> dict[str, Any]:
    """Sum up the results of each system over the seeds."""
    summaries = {
        name: sum_up({seed: results.read(name_of(name, seed)) for seed in seeds})
        for name in systems
    }
    baseline = results.read(WHOLE_CLIP)
    return {"seeds": list(seeds), "systems": summaries, WHOLE_CLIP: baseline}


def sum_up(by_seed: Mapping[int, Any]) -> Any:
    """Turn one result per seed into one result, of summaries where there were numbers.

    A summary has the mean, the sample standard deviation (None for one seed), the best
    value and its seed.
    """
    first = next(iter(by_seed.values()))
    if isinstance(first, Mapping):
        return {
            key: sum_up({seed: result[key] for seed, result in by_seed.items()})
            for key in first
        }
    values = list(by_seed.values())
    best_seed = max(by_seed, key=by_seed.__getitem__)
    return {
        "mean": float(np.mean(values)),
        "std": float(np.std(values, ddof=1)) if len(values) > 1 else None,
        "best": by_seed[best_seed],
        "best_seed": best_seed,
    }


def render(table: Mapping[str, Any], settings: Settings) -> str:
    """Write the table out."""
    systems = table["systems"]
    baseline = sum_up({0: table[WHOLE_CLIP]})
    sections = [caption(table["seeds"], settings)]
    for kind, title in TAG_KINDS.items():
        rows = {name: score_row(systems[name][kind]) for name in systems}
        for name in systems:
            rows[name]["published"] = PUBLISHED[kind].get(name, "")
        if kind == "oracle":
            rows[WHOLE_CLIP] = score_row(baseline) | {"best": ""}
        sections.append(f"{title}\n{align(rows)}")
    training = {name: training_row(systems[name]) for name in systems}
    sections.append(f"Training\n{align(training)}")
    for kind, title in TAG_KINDS.items():
        rows = {name: class_row(systems[name][kind]) for name in systems}
        if kind == "oracle":
            rows[WHOLE_CLIP] = class_row(baseline)
        sections.append(
            f"{title}: event-based F1 of each class\n{align(rows, transpose=True)}"
        )
    return "\n\n".join(sections)


def caption(seeds: Sequence[int], settings: Settings) -> str:
    """Say what the figures are."""
    names = ", ".join(map(str, seeds))
    sources = settings.sources
    sounds = "synthetic sounds" if sources is None else f"recordings of {sources}"
    if settings.development:
        sounds += " without those to test on"
    return f"""\
sklearn_sed {settings.version}, {sounds}, clips of {settings.duration:g} s
{settings.clips} clips to train on, {settings.test_clips} to test on
Clips: {settings.family}, tested on {settings.test_family} ones.
Co-occurrence: classes come in pairs in {100 * settings.co_occurrence:g} % of the clips
Epochs: {settings.epochs_scale:g} times each detector's own, \
{settings.tagger_epochs_scale:g} times each tagger's; seeds: {names}
Precision of training: {settings.precision}
F1 in %, macro average; mean ± sample standard deviation over the seeds
Events: onset within 200 ms, offset within 200 ms or 20 %; segments: 1 s
PSDS: the curves of classes that the tags leave out count as zero
Best: the best seed's score, on the clips that are scored, as published
Published: on other clips, those of DCASE 2018 task 4
Whole clip: the true tags, each from the start of the clip to its end
Seconds: training of both passes (the published systems share a tagger)"""


def score_row(summary: Mapping[str, Any]) -> dict[str, str]:
    """Write out scores with one kind of tags."""
    event_f1 = summary["event_f1"]
    return {
        "event F1": show(event_f1, percent=True),
        "best": f"{100 * event_f1['best']:.1f} (seed {event_f1['best_seed']})",
        "segment F1": show(summary["segment_f1"], percent=True),
        "intersection F1": show(summary["intersection_f1"], percent=True),
        "PSDS 1": show(summary["psds1"]),
        "PSDS 2": show(summary["psds2"]),
    }


def training_row(summary: Mapping[str, Any]) -> dict[str, str]:
    """Write out what the tags are worth, and what training took."""
    return {
        "tag F1": show(summary["tag_f1"], percent=True),
        "tag mAP": show(summary["tag_map"]),
        "seconds": f"{summary['seconds']['mean']:.0f}",
        "threads": f"{summary['n_threads']['mean']:g}",
        "weights": f"{summary['n_weights']['mean']:,.0f}",
    }


def class_row(summary: Mapping[str, Any]) -> dict[str, str]:
    """Write out the mean score of each class."""
    return {
        label: f"{100 * score['mean']:.1f}"
        for label, score in summary["class_event_f1"].items()
    }


def show(summary: Mapping[str, Any], percent: bool = False) -> str:
    """Write out mean and standard deviation, in per cent or as they are."""
    scale, digits = (100, 1) if percent else (1, 3)
    numbers = [summary["mean"], summary["std"]]
    return " ± ".join(f"{scale * x:.{digits}f}" for x in numbers if x is not None)


def align(rows: Mapping[str, Mapping[str, str]], transpose: bool = False) -> str:
    """Write rows of text below each other, or side by side."""
    names = {**SYSTEMS, WHOLE_CLIP: "whole clip"}
    columns = pd.DataFrame({names[name]: row for name, row in rows.items()})
    return (columns if transpose else columns.T).fillna("").to_string()


# --- Command line ---------------------------------------------------------------------


def add_settings(
    parser: argparse.ArgumentParser,
    argv: Sequence[str] | None,
    quick: Mapping[str, Any],
    **defaults: Any,
) -> tuple[argparse.Namespace, Settings]:
    """Add what a result depends on to a command line's options, and read it.

    Options have other defaults where these are given; ``--quick`` changes them to those
    of ``quick``.
    """
    options = [
        ("--sources", Path, None, "folder of recordings, a sub-folder per class"),
        ("--clips", int, 1500, "soundscapes to train on"),
        ("--test-clips", int, 300, "soundscapes to test on"),
        ("--untagged", int, 0, "of those to train on, how many have no tags"),
        ("--duration", float, 10.0, "length of a clip in seconds"),
        ("--co-occurrence", float, 0.5, "share of clips where classes come in pairs"),
        ("--epochs-scale", float, 1.0, "factor on the epochs of every network"),
        ("--tagger-epochs-scale", float, None, "another factor for the taggers"),
        ("--out", Path, Path("paper_table"), "folder for results"),
        ("--n-jobs", int, 1, "processes, of some 3 GB each; they share the cores"),
    ]
    for name, kind, default, text in options:
        parser.add_argument(name, type=kind, default=default, help=text)
    add = parser.add_argument
    precisions = ["float32", "bfloat16"]
    add("--precision", choices=precisions, default="float32", help="of training")
    add(
        "--development",
        action="store_true",
        help="leave the recordings to test on alone: what there is to choose is chosen "
        "on the last third of the others",
    )
    families = ["sparse", "dense"]
    add("--family", choices=families, default="sparse", help="what the clips are like")
    help_ = "the same of those to test on (default: as those to train on)"
    add("--test-family", choices=families, help=help_)
    add("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4], help="of training")
    changes = ", ".join(f"{key}={value}" for key, value in quick.items())
    add("--quick", action="store_true", help=f"a small run, other defaults: {changes}")
    parser.set_defaults(**defaults)
    if parser.parse_known_args(argv)[0].quick:
        parser.set_defaults(**quick)
    args = parser.parse_args(argv)
    if args.tagger_epochs_scale is None:
        args.tagger_epochs_scale = args.epochs_scale
    _check_settings(parser, args)
    args.seeds = sorted(set(args.seeds))
    settings = Settings(
        sources=None if args.sources is None else str(args.sources),
        clips=args.clips,
        test_clips=args.test_clips,
        duration=args.duration,
        co_occurrence=args.co_occurrence,
        epochs_scale=args.epochs_scale,
        tagger_epochs_scale=args.tagger_epochs_scale,
        precision=args.precision,
        development=args.development,
        untagged=args.untagged,
        family=args.family,
        test_family=args.test_family or args.family,
    )
    if args.quick:
        report("--quick: too few clips and epochs to say how good a system is")
    return args, settings


def _check_settings(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Stop with a word on the first option that is impossible."""
    for name in (
        "clips",
        "test_clips",
        "duration",
        "epochs_scale",
        "tagger_epochs_scale",
    ):
        if getattr(args, name) <= 0:
            parser.error(f"--{name.replace('_', '-')} must be positive")
    if not 0 <= args.untagged < args.clips:
        parser.error("--untagged must leave some of --clips their tags")
    if not 0 <= args.co_occurrence <= 1:
        parser.error("--co-occurrence must lie within 0..1")
    if args.development and args.sources is None:
        parser.error("--development needs --sources: synthetic sounds are not split")
    if args.sources is not None and not args.sources.is_dir():
        parser.error(f"--sources: there is no folder {args.sources}")


def read_arguments(argv: Sequence[str] | None) -> tuple[argparse.Namespace, Settings]:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    names = list(SYSTEMS)
    parser.add_argument(
        "--systems", nargs="+", choices=SYSTEMS, default=names, help="rows"
    )
    args, settings = add_settings(parser, argv, QUICK)
    args.systems = [name for name in SYSTEMS if name in args.systems]
    return args, settings


def main(argv: Sequence[str] | None = None) -> None:
    """Run what is missing, print and write the table."""
    args, settings = read_arguments(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    results = Results(args.out, settings)
    n_jobs = joblib.effective_n_jobs(args.n_jobs)
    run_missing(args.systems, args.seeds, results, n_jobs)
    table = make_table(args.systems, args.seeds, results)
    text = render(table, settings)
    results.write("table", table)
    results.write_text("table.txt", text + "\n")
    print(f"\n{text}\n")
    report(f"wrote {args.out / 'table.txt'} and {args.out / 'table.json'}")


if __name__ == "__main__":
    main()
