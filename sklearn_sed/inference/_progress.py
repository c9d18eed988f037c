"""A bar over files that moves within long ones, whatever process reads them."""

import json
import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tqdm import tqdm

from sklearn_sed.audio import audio_info
from sklearn_sed.exceptions import AudioError

_PAUSE = 0.2  # seconds between two looks at what was noted


class SecondsBar:
    """A bar of the seconds read of files; ``finish`` counts a file as read whole.

    ``notes`` is where those who read say how far they are; None without a bar.
    """

    def __init__(
        self, what: str, names: Sequence[str], n_files: int, notes: Path | None
    ):
        self.notes = notes
        self._durations = {name: _duration(name) for name in names} if notes else {}
        self._seconds = dict.fromkeys(self._durations, 0.0)
        self._total = 0.0  # their sum, of which there may be millions
        self._n_files, self._n_left = n_files, len(names)
        self._lock = threading.Lock()
        self._bar = tqdm(
            total=round(sum(self._durations.values())),
            desc=what,
            unit="s",
            postfix=self._files(),
            disable=notes is None,
        )

    def finish(self, name: str) -> None:
        """Count a file as read."""
        if self.notes is not None:
            self._n_left -= 1
            self._bar.set_postfix_str(self._files(), refresh=False)
            self._move(name, self._durations[name])

    def _files(self) -> str:
        return f"{self._n_files - self._n_left} of {self._n_files} files"

    def _move(self, name: str, seconds: float) -> None:
        with self._lock:
            more = max(seconds - self._seconds[name], 0.0)
            self._seconds[name] += more
            self._total += more
            self._bar.update(round(self._total) - self._bar.n)

    def _follow(self, notes: Path, ended: threading.Event) -> None:
        """Move with what is noted, until all has ended."""
        with notes.open() as stream:
            while not ended.wait(_PAUSE):
                for line in stream:
                    self._move(*json.loads(line))


@contextmanager
def seconds_bar(
    what: str, names: Sequence[str], n_files: int, *, disable: bool
) -> Iterator[SecondsBar]:
    """Show a named bar of the seconds read of files, of which so many more are done."""
    if disable:
        yield SecondsBar(what, names, n_files, None)
        return
    with tempfile.TemporaryDirectory() as folder:
        notes = Path(folder, "progress")
        notes.touch()
        bar = SecondsBar(what, names, n_files, notes)
        ended = threading.Event()
        follower = threading.Thread(target=bar._follow, args=[notes, ended])
        follower.start()
        try:
            yield bar
        finally:
            ended.set()
            follower.join()
            bar._bar.close()


def note_progress(notes: Path | None, name: str, seconds: float) -> None:
    """Say how many seconds of a file were read."""
    if notes is None:
        return
    # On another machine the notes are not there: its files count when they are done.
    with suppress(FileNotFoundError):
        descriptor = os.open(notes, os.O_WRONLY | os.O_APPEND)
        try:
            os.write(descriptor, f"{json.dumps([name, seconds])}\n".encode())
        finally:
            os.close(descriptor)


def _duration(name: str) -> float:
    """Return how long a file is; a bad one has nothing to read."""
    try:
        return audio_info(name).duration
    except AudioError:
        return 0.0
