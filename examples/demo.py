"""Learn from tags, find events: the main job from audio files to a table.

Makes soundscapes as WAV files, trains a two-pass system on their tags, finds events
in soundscapes it never heard, and compares them with two baselines that know no
times. Writes the events and a picture.

Run ``python examples/demo.py`` for synthetic sounds, or ``--sources FOLDER`` to mix
real recordings from a folder with one sub-folder of recordings per class.
"""

import argparse
import time
from pathlib import Path

import matplotlib as mpl
import numpy as np
from joblib import parallel_config
from matplotlib import pyplot as plt
from sklearn.pipeline import make_pipeline

from sklearn_sed import LogMelTransformer, TwoPassSED
from sklearn_sed.datasets import make_soundscapes, split_recordings
from sklearn_sed.events import make_events, stack_tables, write_events
from sklearn_sed.metrics import event_based_f1_score, event_based_report
from sklearn_sed.plotting import EventsDisplay


def whole_clip_events(tags: np.ndarray, classes: np.ndarray, duration: float):
    """Stretch each clip's tags over the whole clip."""
    return stack_tables(
        make_events(
            np.zeros(row.sum()), np.full(row.sum(), duration), classes[row == 1]
        )
        for row in tags
    )


def draw(path: Path, features, reference, found) -> None:
    """Draw a few clips: spectrogram, true and found events."""
    busiest = np.argsort([-len(table) for table in reference], kind="stable")[:4]
    figure, axes = plt.subplots(
        len(busiest), 1, figsize=(8, 3.2 * len(busiest)), layout="constrained"
    )
    for ax, clip in zip(axes, busiest):
        EventsDisplay.from_predictions(
            reference, found, clip=clip, X=features, sample_rate=22050, ax=ax
        )
    figure.savefig(path, dpi=120)


def main() -> None:
    """Run the demo."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sources", type=Path, help="folder of recordings by class")
    parser.add_argument("--out", type=Path, default=Path("demo"))
    parser.add_argument("--train-clips", type=int, default=360)
    parser.add_argument("--test-clips", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    mpl.use("Agg")
    start = time.perf_counter()

    def report(what: str) -> None:
        print(f"[{time.perf_counter() - start:5.0f} s] {what}", flush=True)

    report(f"Making {args.train_clips} + {args.test_clips} soundscapes of 10 s")
    sources = (None, None) if args.sources is None else split_recordings(args.sources)
    train, test = (
        make_soundscapes(
            n_clips,
            sources=source,
            random_state=args.seed + k,
            out_dir=args.out / name,
            verbose=1,
        )
        for k, (n_clips, source, name) in enumerate(
            zip((args.train_clips, args.test_clips), sources, ("train", "test"))
        )
    )

    report("Training on the tags of the first: no times anywhere")
    sed = make_pipeline(LogMelTransformer(verbose=1), TwoPassSED())
    sed.set_params(
        twopasssed__detector__verbose=1,
        twopasssed__detector__random_state=args.seed,
    )
    with parallel_config(n_jobs=-1):
        sed.fit(train.X, train.y_weak)

        report("Finding events in soundscapes never heard")
        features = sed[0].transform(test.X)
        system = sed[-1]
        found = system.predict(features)
    located = system.predict(features, tags=test.y_weak)

    classes = system.classes_
    known = test.y_weak
    tagged = system.predict_tags(features)
    report("Macro event-based F1 (onset 200 ms; offset 200 ms or 20 %):")
    for name, events in (
        ("known tags over the whole clip", whole_clip_events(known, classes, 10.0)),
        ("found tags over the whole clip", whole_clip_events(tagged, classes, 10.0)),
        ("two passes", found),
        ("two passes, known tags", located),
    ):
        score = event_based_f1_score(test.y, events, labels=list(classes))
        print(f"    {name:32}{100 * score:5.1f} %")
    print()
    print(event_based_report(test.y, found, labels=list(classes)))

    write_events(args.out / "events.tsv", test.filenames, found)
    draw(args.out / "events.png", features, test.y, found)
    report(f"Wrote {args.out / 'events.tsv'} and {args.out / 'events.png'}")


if __name__ == "__main__":
    main()
