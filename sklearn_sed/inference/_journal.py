"""A journal of what was done, from which interrupted work goes on."""

import json
import os
from pathlib import Path
from typing import Any, BinaryIO

# The first line names the journal's format: a later one may need another number.
_FORMAT = {"sklearn_sed_journal": 1}


class Journal:
    """Records of files, appended line by line and read back after a restart.

    The first line says what the records depend on. A line is written as a whole or, if
    the process is killed while it is, without its end, by which it is known.

    Parameters
    ----------
    path : Path
        The file.
    settings : dict
        What the records depend on. A journal of other settings is refused.
    resume : bool
        Whether to go on with the journal there is, or to start a new one.
    """

    def __init__(self, path: Path, settings: dict[str, Any], *, resume: bool):
        self.path = path
        self.records: dict[str, dict[str, Any]] = {}
        header = _encode({**_FORMAT, **settings})
        lines = self._complete_lines() if resume else []
        if lines:
            self._check_header(lines[0], settings)
            for line in lines[1:]:
                record = _decode(line)
                if "path" in record:
                    self.records[record["path"]] = record
            self._file: BinaryIO = path.open("r+b")
            self._file.seek(sum(map(len, lines)))
            self._file.truncate()
        else:
            self._file = path.open("wb")
            self._write(header)

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._file.close()

    def append(self, record: dict[str, Any]) -> None:
        """Add the record of one file, which has its `path`."""
        self.records[record["path"]] = record
        self._write(_encode(record))

    def _write(self, line: bytes) -> None:
        """Write a line so that it outlives a power cut."""
        self._file.write(line)
        self._file.flush()
        os.fsync(self._file.fileno())

    def _complete_lines(self) -> list[bytes]:
        """Return the lines that have their end."""
        if not self.path.exists():
            return []
        lines = self.path.read_bytes().splitlines(keepends=True)
        return [line for line in lines if line.endswith(b"\n")]

    def _check_header(self, line: bytes, settings: dict[str, Any]) -> None:
        """Refuse a journal whose records do not fit."""
        header = _decode(line)
        advice = "pass resume=False to start over, or write to another file"
        if not _FORMAT.items() <= header.items():
            raise ValueError(f"{self.path} is not a journal of this version; {advice}")
        for name, value in settings.items():
            found = header.get(name)
            if found == value:
                continue
            what = f"{name}={found!r} instead of {value!r}"
            if name == "model":
                what = "another model, or this one trained or tuned anew"
            raise ValueError(f"{self.path} was begun with {what}; {advice}")


def _encode(record: dict[str, Any]) -> bytes:
    return (json.dumps(record) + "\n").encode()


def _decode(line: bytes) -> dict[str, Any]:
    """Return the record of a line; an empty one for a line that is damaged."""
    try:
        record = json.loads(line)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}
