"""A file whose header is wrong, as a decoder should see it."""

import io
import os
import struct
from typing import Any

from sklearn_sed.audio._containers import Container


class RepairedFile(io.RawIOBase):
    """The samples of a WAV file behind the header that they should have.

    Parameters
    ----------
    path : str or Path
        The file.
    container : Container
        What there is to repair.
    """

    def __init__(self, path: str | os.PathLike[str], container: Container):
        n_bytes = container.end - container.start
        self._file = open(path, "rb")  # noqa: SIM115
        self._header = _header(container.wav_format, n_bytes)
        self._skipped = container.start - len(self._header)
        self._size = len(self._header) + n_bytes
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:
        n_bytes = max(0, min(len(buffer), self._size - self._at))
        content = self._header[self._at : self._at + n_bytes]
        if len(content) < n_bytes:
            self._file.seek(self._at + len(content) + self._skipped)
            content += self._file.read(n_bytes - len(content))
        buffer[: len(content)] = content
        self._at += len(content)
        return len(content)

    def close(self) -> None:
        self._file.close()
        super().close()


def _header(wav_format: bytes, n_bytes: int) -> bytes:
    """Return a header for samples of a format, of 64 bits (RF64) where they need it."""
    form = struct.pack("<4sI", b"fmt ", len(wav_format)) + wav_format
    total = 4 + len(form) + 8 + n_bytes
    if total < 2**32:
        start = struct.pack("<4sI4s", b"RIFF", total, b"WAVE")
        return start + form + struct.pack("<4sI", b"data", n_bytes)
    start = struct.pack("<4sI4s", b"RF64", 0xFFFFFFFF, b"WAVE")
    wide = struct.pack("<4sIQQQI", b"ds64", 28, total + 36, n_bytes, 0, 0)
    return start + wide + form + struct.pack("<4sI", b"data", 0xFFFFFFFF)
