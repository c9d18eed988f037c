"""What clips with times, and clips without labels, are worth beside tagged ones.

Trains ``TwoPassSED()`` on the tags of soundscapes, some of which have times that the
detector learns from (``times="learn"``), with and without unlabelled clips beside them
(``self_training=1``), and scores it on soundscapes of other recordings, over several
seeds. ``python benchmarks/mixed.py --sources FOLDER`` mixes recordings as
``paper_table.py`` does, whose options, clips and scores it has.

All rows have the same tagged clips, the first of which have times; the bound is times
for all. Clips without labels are further ones. Tag thresholds come from training clips
that are held back; times of test clips are looked at for scoring alone.

The output folder gets one JSON file per row and seed, each complete or not there: a run
that was stopped goes on from them. Then
``mixed.json`` and ``mixed.txt`` hold the table, ``mixed.png`` the picture of it.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
import pandas as pd
from joblib import delayed
from paper_table import (
    RECOMMENDED,
    TAG_KINDS,
    Clips,
    Results,
    Settings,
    add_settings,
    make_system,
    make_train_and_test,
    name_of,
    report,
    run_rounds,
    score_system,
    show,
    sum_up,
)

from sklearn_sed.events import stack_tables

QUICK = {
    "clips": 60,
    "untagged": 20,
    "test_clips": 40,
    "seeds": [0, 1],
    "epochs_scale": 0.1,
    "out": Path("mixed_quick"),
    "times": [10, 20],
}


class Row(NamedTuple):
    """What is known of the clips to train on."""

    n_timed: int  # of the tagged clips, how many have times
    unlabelled: bool = False  # whether clips without labels are there, too
    strong_weight: float | None = None  # of the detector, if not its own

    @property
    def name(self) -> str:
        """What files of this row begin with."""
        name = f"times{self.n_timed}" + "-unlabelled" * self.unlabelled
        if self.n_timed and self.strong_weight is not None:
            name += f"-weight{self.strong_weight:g}"
        return name


def make_rows(
    times: Sequence[int], strong_weight: float | None, settings: Settings
) -> list[Row]:
    """Return the rows of the table, tags alone first."""
    counts = [0, *times, settings.clips - settings.untagged]
    rows = [Row(n_timed, False, strong_weight) for n_timed in counts]
    if settings.untagged:
        some = min((n for n in times if n >= 100), default=times[-1])
        rows += [Row(n_timed, True, strong_weight) for n_timed in (0, some)]
    return rows


# --- Training -------------------------------------------------------------------------


def time_fit(estimator: Any, X: Any, y: Any) -> float:
    """Fit an estimator; return the seconds that took."""
    start = time.perf_counter()
    estimator.fit(X, y)
    return time.perf_counter() - start


def known_of(row: Row, clips: Clips, n_tagged: int) -> tuple[Any, np.ndarray]:
    """Return the clips that a row learns from, and what is known of each."""
    n_clips = len(clips.events) if row.unlabelled else n_tagged
    classes = np.array(clips.classes)
    y = [
        clips.events[i]
        if i < row.n_timed
        else classes[clips.tags[i] == 1].tolist()
        if i < n_tagged
        else None
        for i in range(n_clips)
    ]
    return clips.X[:n_clips], stack_tables(y)


def run_row(
    row: Row,
    seed: int,
    train: Clips,
    test: Clips,
    results: Results,
) -> str:
    """Train the system of a row, and score it."""
    report(f"seed {seed}, {row.name}: training")
    settings = results.settings
    system = make_system(RECOMMENDED, seed, settings)
    system.set_params(detector__self_training=int(row.unlabelled))
    if row.n_timed:
        system.set_params(detector__times="learn")
    if row.strong_weight is not None:
        system.set_params(detector__strong_weight=row.strong_weight)
    known = known_of(row, train, settings.clips - settings.untagged)
    seconds = time_fit(system, *known)
    result = {"seconds": seconds, **score_system(system, test)}
    results.write(name_of(row.name, seed), result)
    return (
        f"seed {seed}, {row.name}: trained in {seconds:.0f} s, event F1 "
        f"{100 * result['predicted']['event_f1']:.1f} %, with oracle tags "
        f"{100 * result['oracle']['event_f1']:.1f} %"
    )


def run_missing(
    rows: Sequence[Row],
    seeds: Sequence[int],
    results: Results,
    n_jobs: int,
) -> None:
    """Train and score all that the folder of results lacks."""
    todo = [
        (row, seed)
        for seed in seeds
        for row in rows
        if not results.has(name_of(row.name, seed))
    ]
    n_all = len(rows) * len(seeds)
    report(f"{n_all - len(todo)} of {n_all} rows and seeds are there already")
    if not todo:
        return
    settings = results.settings
    report(f"making {settings.clips} + {settings.test_clips} soundscapes")
    train, test = make_train_and_test(settings, n_jobs)
    jobs = [delayed(run_row)(row, seed, train, test, results) for row, seed in todo]
    run_rounds([jobs], n_jobs)


# --- The table and its picture --------------------------------------------------------


def make_table(
    rows: Sequence[Row], seeds: Sequence[int], results: Results
) -> dict[str, Any]:
    """Sum up the results of each row over the seeds."""
    return {
        row.name: sum_up({s: results.read(name_of(row.name, s)) for s in seeds})
        for row in rows
    }


def render(
    rows: Sequence[Row],
    table: dict[str, Any],
    seeds: Sequence[int],
    settings: Settings,
) -> str:
    """Write the table out."""
    n_tagged = settings.clips - settings.untagged
    sources = settings.sources
    sounds = "synthetic sounds" if sources is None else f"recordings of {sources}"
    sounds += " without those to test on" * settings.development
    lines = [
        f"sklearn_sed {settings.version}, {sounds}, {settings.family} clips of "
        f"{settings.duration:g} s, {settings.test_clips} {settings.test_family} ones "
        f"to test on\nEpochs: {settings.epochs_scale:g} times their own; seeds: "
        f"{', '.join(map(str, seeds))}\nF1 in %, macro average; mean ± sample standard "
        "deviation over the seeds\nSeconds: training of both passes\nOf the way: from "
        "tags alone to times for all, in event F1"
    ]
    for kind, title in TAG_KINDS.items():
        found = pd.DataFrame(
            [
                {
                    "tagged": n_tagged,
                    "with times": row.n_timed,
                    "unlabelled": settings.untagged * row.unlabelled,
                    "event F1": show(table[row.name][kind]["event_f1"], percent=True),
                    "PSDS 1": show(table[row.name][kind]["psds1"]),
                    "PSDS 2": show(table[row.name][kind]["psds2"]),
                    "seconds": f"{table[row.name]['seconds']['mean']:.0f}",
                    "of the way": share_of_way(row, rows, table, kind),
                }
                for row in rows
            ]
        )
        lines.append(f"{title}\n{found.to_string(index=False)}")
    return "\n\n".join(lines)


def share_of_way(
    row: Row, rows: Sequence[Row], table: dict[str, Any], kind: str
) -> str:
    """Say how much of the distance from tags alone to times for all a row goes."""
    full_row = max(rows, key=lambda own: own.n_timed)
    here, none, full = (
        table[own.name][kind]["event_f1"]["mean"] for own in (row, rows[0], full_row)
    )
    return f"{(here - none) / (full - none):.0%}" if full > none else ""


def draw(
    rows: Sequence[Row], table: dict[str, Any], seeds: Sequence[int], path: Path
) -> None:
    """Draw F1 against the number of clips with times."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    ax = figure.subplots()
    for unlabelled, style in ((False, "o-"), (True, "s--")):
        own = [row for row in rows if row.unlabelled == unlabelled]
        for colour, (kind, title) in enumerate(TAG_KINDS.items()):
            scores = [table[row.name][kind]["event_f1"] for row in own]
            ax.errorbar(
                [row.n_timed for row in own],
                [100 * score["mean"] for score in scores],
                [100 * (score["std"] or 0) for score in scores],
                fmt=style,
                color=f"C{colour}",
                label=title + ", with unlabelled clips" * unlabelled,
            )
    ax.set(
        xlabel="clips with times",
        ylabel=f"event-based F1 (%), {len(seeds)} seeds",
    )
    ax.legend()
    figure.savefig(path, dpi=150)


# --- Command line ---------------------------------------------------------------------


def read_arguments(argv: Sequence[str] | None) -> tuple[argparse.Namespace, Settings]:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--times", type=int, nargs="+", help="how many of the tagged clips have times")
    add("--strong-weight", type=float, help="of the detector, if not its own default")
    args, settings = add_settings(
        parser,
        argv,
        QUICK,
        clips=800,
        untagged=400,
        seeds=[0, 1, 2],
        times=[25, 50, 100, 200],
        out=Path("mixed"),
    )
    args.times = sorted(set(args.times))
    n_tagged = settings.clips - settings.untagged
    if not 0 < args.times[0] <= args.times[-1] < n_tagged:
        parser.error(f"--times must lie between 1 and {n_tagged - 1}, of those tagged")
    return args, settings


def main(argv: Sequence[str] | None = None) -> None:
    """Run what is missing, print, write and draw the table."""
    args, settings = read_arguments(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    results = Results(args.out, settings)
    rows = make_rows(args.times, args.strong_weight, settings)
    n_jobs = joblib.effective_n_jobs(args.n_jobs)
    run_missing(rows, args.seeds, results, n_jobs)
    table = make_table(rows, args.seeds, results)
    text = render(rows, table, args.seeds, settings)
    results.write("mixed", table)
    results.write_text("mixed.txt", text + "\n")
    draw(rows, table, args.seeds, args.out / "mixed.png")
    print(f"\n{text}\n")
    report(f"wrote mixed.txt, mixed.json and mixed.png to {args.out}")


if __name__ == "__main__":
    main()
