"""Draw events: under the spectrogram of each recording, and by hour and day.

For example:
  sklearn-sed plot found.tsv audio/ -o pictures/
  sklearn-sed plot found.tsv audio/ -o pictures/ --only hours

Each recording gets a picture with its spectrogram, named like it, in the same folders
as in audio/. Up to two minutes every event is drawn; of longer recordings the events
are counted.

Where the names of recordings say when they began, as those of most recorders do
(20240131_053000.wav, SITE_20240131_053000.wav, 2024-01-31T05-30-00.wav), times are
those of the clock, and events_per_hour.png shows how many events of each class were
heard in each hour of each day.

The recordings are looked for in audio/ and its subfolders. One that cannot be read is
listed and left out.
"""

import argparse
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sklearn_sed._cli import _collection
from sklearn_sed._cli._common import (
    add_jobs_and_quiet,
    add_overwrite,
    in_one_line,
    list_bad_files,
    say,
)

HOURS = "events_per_hour.png"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add = parser.add_argument
    _collection.add_annotated(parser, "the events, such as detect has found")
    add("-o", "--out", type=Path, required=True, help="the folder to write to")
    add_overwrite(parser)
    only = f"draw the recordings alone, or {HOURS} alone"
    add("--only", choices=("recordings", "hours"), help=only)
    add_jobs_and_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; return its exit code."""
    import pandas as pd

    from sklearn_sed._storage import check_targets
    from sklearn_sed.plotting import plot_recordings

    found = _collection.read_annotated(args)
    names = [path.relative_to(args.audio).as_posix() for path in found.paths]
    starts = [_start(name) for name in names]
    hours = args.out / HOURS
    inputs = [args.events, *found.paths]
    if args.only != "recordings":
        check_targets([hours], overwrite=args.overwrite, inputs=inputs)
    skipped: dict[str, str] = {}
    if args.only != "hours":
        pictures = plot_recordings(
            names,
            found.events,
            args.out,
            audio=found.paths,
            starts=starts,
            overwrite=args.overwrite,
            on_error="skip",
            n_jobs=args.jobs,
            verbose=not args.quiet,
        )
        skipped |= pictures.attrs["skipped"]
        print(f"{args.out}: {len(pictures)} pictures of recordings")
    if args.only != "recordings":
        skipped |= _draw_hours(hours, found, names, starts)
    rows = skipped.items()
    return list_bad_files(pd.DataFrame(rows, columns=["path", "reason"]))


def _start(name: str) -> datetime | None:
    """Return when a recording began, and say where its name tells it in two ways."""
    from sklearn_sed.events import recording_start
    from sklearn_sed.exceptions import AnnotationError

    try:
        return recording_start(name)
    except AnnotationError as error:
        say(f"note: {in_one_line(str(error))}; it counts as without a time")
        return None


def _draw_hours(
    file: Path,
    found: _collection.Annotated,
    names: Sequence[str],
    starts: Sequence[datetime | None],
) -> dict[str, str]:
    """Draw the events by hour and day; return the recordings that cannot be read."""
    from sklearn_sed.analysis import events_per_hour
    from sklearn_sed.audio import audio_info
    from sklearn_sed.events._records import shorten
    from sklearn_sed.exceptions import AudioError
    from sklearn_sed.plotting import EventsPerHourDisplay
    from sklearn_sed.plotting._recordings import picture

    skipped: dict[str, str] = {}
    begun: list[tuple[datetime, Any, float]] = []
    timeless = [name for name, start in zip(names, starts) if start is None]
    for path, table, start in zip(found.paths, found.events, starts):
        try:
            if start is not None:
                begun.append((start, table, audio_info(path).duration))
        except AudioError as error:
            skipped[str(path)] = error.reason
    if timeless:
        say(
            f"note: {len(timeless)} of {len(names)} recordings have no date and time "
            "in their names, such as 20240131_053000, and do not count in "
            f"{file.name}: {shorten(timeless)}"
        )
    if not any(len(table) for _, table, _ in begun):
        say(f"note: {file.name} is not drawn: there are no events whose hour is known")
        return skipped
    known, tables, seconds = zip(*begun)
    hourly = events_per_hour(known, tables, durations=seconds)
    display = EventsPerHourDisplay(*hourly)
    with picture(file, *display._size()) as ax:
        display.plot(ax)
    print(f"{file}: {len(hourly.labels)} classes, {len(hourly.days)} days")
    return skipped
