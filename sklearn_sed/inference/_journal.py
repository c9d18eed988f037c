"""A journal of what was done, from which interrupted work goes on.

Lines of JSON in a file that is only ever appended to, each by one call of the system:
a kill leaves at most the begin of a line, and processes that work at the same time lose
none of each other's. A data base would do as well, but takes five times as long to
write down the work of a second.
"""

import json
import os
import threading
import uuid
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from sklearn_sed._storage import replace_file

# How the first line begins. It names the format: a later one may need another number.
_FORMAT = {"sklearn_sed_journal": 2}
_MAGIC = json.dumps(_FORMAT).removesuffix("}").encode()


class Journal:
    """Records of files, appended line by line and read back after a restart.

    Parameters
    ----------
    path : Path
        The file.
    settings : dict
        What the records depend on. A journal of other settings is refused.
    resume : bool
        Whether to go on with the journal there is, or to start a new one.

    Attributes
    ----------
    records : dict from str to dict
        The last record of each file, by its `path`; of other processes as far as read.
    """

    def __init__(self, path: Path, settings: dict[str, Any], *, resume: bool):
        self.path = path
        self.records: dict[str, dict[str, Any]] = {}
        self._begun: dict[str, str] = {}  # files in work, and the call that has them
        self._header: dict[str, Any] = {}
        self._call = uuid.uuid4().hex
        self._lock = threading.Lock()  # joblib asks for tasks in threads of its own
        self._refuse_other_files()
        written, scores = written_files(path), written_scores(path)
        if not resume:
            replace_file(path, b"")
        self._file = path.open("ab", buffering=0)
        self._reader = path.open("rb")
        try:
            self._read()
            if not self._header and not self.records:
                self._write({**_FORMAT, **settings})
                self._write({"written": sorted(written), "scores": scores})
                self._read()  # another process may have been first
            self._check_settings(settings)
        except BaseException:
            self._close()
            raise

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *exc_info: object) -> None:
        with suppress(OSError):
            self._write({"ended": self._call})
        self._close()

    def _close(self) -> None:
        self._reader.close()
        self._file.close()

    def append(self, record: dict[str, Any]) -> None:
        """Add the record of one file, which has its `path`, for good."""
        with self._lock:
            self._take_in(record)
            self._write(record)
            os.fsync(self._file.fileno())

    def note_written(self, files: dict[str, bytes]) -> None:
        """Say which files are about to come out of the work, and what is in them."""
        self._write({"written": [(k, zlib.crc32(v)) for k, v in files.items()]})

    def begin(self, name: str, scores: Path | None = None) -> bool:
        """Say that a file is in work; tell whether it is so here and nowhere else.

        `scores` is the table that the work will write on the way, if any. Of two
        processes that say so at the same time, the line that comes first counts.
        """
        with self._lock:
            self._read()
            if name not in self._begun:
                table = {} if scores is None else {"scores": {str(scores): None}}
                self._write({"begun": name, "call": self._call, **table})
                self._read()
            return self._begun.get(name) == self._call

    def _write(self, entry: dict[str, Any]) -> None:
        """Append a line, on a line of its own whatever a killed process has left."""
        text = json.dumps(entry).encode()
        line = b"\n%s\t%08x\n" % (text, zlib.crc32(text))
        size = os.fstat(self._file.fileno()).st_size
        content = line if size >= len(_MAGIC) else line.lstrip()[size:]
        if self._file.write(content) != len(content):
            raise OSError(f"{self.path} could not be written to: is the disk full?")

    def _read(self) -> None:
        """Take in the lines that have come since, those that have their end."""
        start = self._reader.tell()
        lines = self._reader.read().splitlines(keepends=True)
        if lines and not lines[-1].endswith(b"\n"):
            del lines[-1]
        self._reader.seek(start + sum(map(len, lines)))
        for entry in _entries(lines):
            self._take_in(entry)

    def _take_in(self, entry: dict[str, Any]) -> None:
        """Note what a line says."""
        match entry:
            case {"sklearn_sed_journal": _}:
                self._header = self._header or entry
            case {"begun": name, "call": call}:
                self._begun.setdefault(name, call)
            case {"ended": call}:
                self._begun = {k: v for k, v in self._begun.items() if v != call}
            case {"path": name}:
                self.records[name] = entry
                self._begun.pop(name, None)

    def _refuse_other_files(self) -> None:
        """Refuse what is no journal, also where a new one is to be begun."""
        begin = b""
        if self.path.exists():  # looked for once: another process may just make it
            if not self.path.is_file():
                raise ValueError(f"{self.path} is not a file; write to another file")
            with self.path.open("rb") as stream:
                begin = stream.read(len(_MAGIC))
        if begin != _MAGIC[: len(begin)]:
            raise ValueError(
                f"{self.path} is not a journal of this version; move or delete it, or "
                "write to another file"
            )

    def _check_settings(self, settings: dict[str, Any]) -> None:
        """Refuse a journal whose records do not fit."""
        advice = "pass resume=False to start over, or write to another file"
        if not self._header:
            raise ValueError(f"{self.path} is damaged in its first line; {advice}")
        for name, value in settings.items():
            found = self._header.get(name)
            if found == value:
                continue
            what = f"{name}={found!r} instead of {value!r}"
            if name == "model":
                what = "another model, or this one trained, tuned or set otherwise"
            raise ValueError(f"{self.path} was begun with {what}; {advice}")


def _entries(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Yield what lines say; a damaged one is as good as not there."""
    for line in lines:
        text, _, checksum = line.strip().partition(b"\t")
        if checksum == b"%08x" % zlib.crc32(text):
            yield json.loads(text)


def written_files(path: Path) -> set[tuple[str, int]]:
    """Return the names and checksums of all files that a journal says were written."""
    if not path.is_file():
        return set()
    with path.open("rb") as stream:
        return {
            (name, checksum)
            for entry in _entries(stream)
            for name, checksum in entry.get("written", ())
        }


def written_scores(path: Path) -> dict[str, Any]:
    """Return the tables of scores that a journal says were written, and their stamps.

    Of one that was begun and not ended, the stamp is None.
    """
    if not path.is_file():
        return {}
    with path.open("rb") as stream:
        return {
            name: found
            for entry in _entries(stream)
            for name, found in entry.get("scores", {}).items()
        }
