"""Was this audio file cut short? What containers say about their own length.

Decoders read what is there and keep silent about what is not. The structure of the
container tells: a WAV header names the bytes of its samples, the last page of an Ogg
stream is marked, MP3 frames can be counted and often were, by the encoder. What it
tells is not always meant: many recorders and all pipes write a size that is wrong.

References
----------
RIFF and WAVE: Microsoft/IBM, Multimedia Programming Interface, 1991; RF64: EBU Tech
3306, BW64: ITU-R BS.2088; AIFF: Apple, Audio Interchange File Format 1.3; Ogg: RFC
3533.
"""

import os
import struct
from typing import BinaryIO, NamedTuple

from sklearn_sed.audio._faults import RECOVER, check_header, truncated
from sklearn_sed.audio._mp3 import check_mp3, starts_frame
from sklearn_sed.exceptions import AudioError

_MAX_CHUNKS = 1000  # of a WAV or AIFF file, before or behind its samples
_MAX_BODY = 1024  # bytes read of a chunk of the header
# The sizes that programs write for samples without a known end, to a pipe or where they
# are killed: 0, and close below 2**31 and 2**32, less a header or a part of a frame.
_UNKNOWN = (
    range(1),
    range(0x7FFFEF00, 0x80000100),
    range(0xFFFFEF00, 2**32),
    range(2**63, 2**64),
)
_HEADER = 80  # bytes of a WAV header, by which a recorder may count too many
_OGG_HEADER = struct.Struct("<4sBBqIIIB")
_MAX_OGG_PAGE = _OGG_HEADER.size + 255 + 255 * 255


class Container(NamedTuple):
    """What the structure of a file tells beyond what a decoder sees in it."""

    duration: float | None = None
    """The length in seconds of an MP3 file, by its frames."""
    wav_format: bytes = b""
    """The format chunk of a WAV file that needs another header."""
    start: int = 0
    """Where the samples of that file start, ..."""
    end: int = 0
    """... and where they end."""


def check_container(path: str | os.PathLike[str], size: int) -> Container:
    """Raise AudioError for a file whose container is cut short or cannot be true.

    Parameters
    ----------
    path : str or Path
        A file.
    size : int
        Its size in bytes.

    Returns
    -------
    Container
        What has to be known to read it whole. Empty for files whose headers can be
        relied on once this check is passed.
    """
    try:
        with open(path, "rb") as file:
            magic = file.read(4)
            if magic in (b"RIFF", b"RIFX", b"RF64", b"BW64", b"FORM"):
                return _check_iff(path, file, size)
            if magic == b"OggS":
                _check_ogg(path, file, size)
                return Container()
            is_mp3 = magic[:3] == b"ID3" or starts_frame(magic)
            if is_mp3 or os.fspath(path).lower().endswith(".mp3"):
                return Container(check_mp3(path, file))
    except OSError as error:
        raise AudioError(path, f"unreadable: {error.strerror}; {RECOVER}") from error
    return Container()


def is_unknown(claimed: int) -> bool:
    """Tell whether a size is one that stands for "to the end of the file"."""
    return any(claimed in sizes for sizes in _UNKNOWN)


def all_there(
    claimed: int, present: int, header: int = _HEADER, block: int = 1
) -> bool:
    """Tell whether no samples are missing, going by a size that may be a bit too large.

    Some recorders count the header in, or a part of it. A file that was cut short lacks
    more as a rule, and ends within a block (a sample of every channel).
    """
    surplus = claimed - present
    is_slip = 8 <= surplus <= min(header, _HEADER) or header - 8 <= surplus <= header
    return surplus <= 0 or (is_slip and present % block == 0)


def _check_iff(path: object, file: BinaryIO, size: int) -> Container:
    """Compare the size of the sample chunk of a WAV or AIFF file with the file's."""
    file.seek(0)
    magic = file.read(12)[:4]
    order = ">" if magic in (b"RIFX", b"FORM") else "<"
    wide = None  # the 64-bit size of an RF64 file
    wav_format = b""
    n_seconds = bytes_per_second = 0.0
    block = 1
    for _ in range(_MAX_CHUNKS):
        header = file.read(8)
        if len(header) < 8:
            return Container()
        name, claimed = struct.unpack(f"{order}4sI", header)
        start = file.tell()
        body = b""
        if name in (b"ds64", b"fmt ", b"COMM"):
            body = file.read(min(claimed, _MAX_BODY))
        if name == b"ds64" and len(body) >= 16:
            wide = struct.unpack_from("<Q", body, 8)[0]
        elif name == b"fmt " and len(body) >= 16:
            bytes_per_second, block = _wav_rates(path, body, order)
            wav_format = body
        elif name == b"COMM" and len(body) >= 18:
            n_seconds = _aiff_duration(path, body)
        elif name in (b"data", b"SSND"):
            break
        file.seek(start + claimed + claimed % 2)
    else:
        return Container()
    if claimed == 0xFFFFFFFF and wide is not None:
        claimed = wide
    n_bytes = _count_bytes(file, claimed, start, size)
    present = size - start
    if n_bytes == 0:
        raise AudioError(path, f"no samples: none follow its header; {RECOVER}")
    expected = n_bytes / bytes_per_second if bytes_per_second else n_seconds
    if expected and not all_there(n_bytes, present, start, block):
        raise truncated(path, expected * present / n_bytes, expected)
    if order == ">" or (n_bytes == claimed and magic != b"BW64"):
        return Container()
    return Container(None, wav_format, start, start + min(n_bytes, present))


def _count_bytes(file: BinaryIO, claimed: int, start: int, size: int) -> int:
    """Return how many bytes of samples there should be, by a size that may be wrong."""
    present = size - start

    def ends(n_bytes: int) -> bool:
        return _are_chunks(file, start + n_bytes + n_bytes % 2, size)

    if is_unknown(claimed):
        return claimed if claimed <= present and ends(claimed) else present
    while size > 2**32 and claimed + _HEADER < present and not ends(claimed):
        claimed += 2**32  # of a larger number, a header holds the lower 32 bits
    return claimed


def _are_chunks(file: BinaryIO, at: int, size: int) -> bool:
    """Tell whether a WAV file holds nothing but chunks from some byte on."""
    for _ in range(_MAX_CHUNKS):
        if at >= size:
            return True
        file.seek(at)
        name, claimed = struct.unpack("<4sI", file.read(8).ljust(8, b"\0"))
        at += 8 + claimed + claimed % 2
        if not (name.isascii() and name.decode().isprintable()) or at > size + 1:
            return False
    return False


def _wav_rates(path: object, body: bytes, order: str) -> tuple[float, int]:
    """Return the bytes per second and per block that a WAV format chunk gives."""
    n_channels, sample_rate, byte_rate, block = struct.unpack_from(
        f"{order}HIIH", body, 2
    )
    check_header(path, n_channels, sample_rate)
    return byte_rate or sample_rate * block, max(block, 1)


def _aiff_duration(path: object, body: bytes) -> float:
    """Return the seconds that the common chunk of an AIFF file gives."""
    n_channels, n_samples, _, exponent, mantissa = struct.unpack_from(">HIHHQ", body)
    # an 80-bit float, 1 sign, 15 exponent and 64 mantissa bits
    sample_rate = mantissa * 2.0 ** min((exponent & 0x7FFF) - 16383 - 63, 0)
    check_header(path, n_channels, sample_rate)
    return n_samples / sample_rate


def _check_ogg(path: object, file: BinaryIO, size: int) -> None:
    """Look for the end-of-stream mark on the last page of an Ogg file."""
    file.seek(0)
    first = file.read(64)
    is_vorbis = first[29:35] == b"vorbis" and len(first) >= 44
    sample_rate = struct.unpack_from("<I", first, 40)[0] if is_vorbis else 48000
    file.seek(max(0, size - 2 * _MAX_OGG_PAGE))
    tail = file.read()
    position = 0  # in samples, at the end of the last page that is whole
    at = tail.find(b"OggS")
    while at >= 0 and len(tail) >= at + _OGG_HEADER.size:
        _, _, flags, granule, *_, n_segments = _OGG_HEADER.unpack_from(tail, at)
        start = at + _OGG_HEADER.size
        lengths = tail[start : start + n_segments]
        end = start + n_segments + sum(lengths)
        if len(lengths) < n_segments or end > len(tail):
            break
        position = max(position, granule)
        at = tail.find(b"OggS", end)
        if at < 0 and flags & 4:
            return
    raise truncated(path, position / max(sample_rate, 1), None)
