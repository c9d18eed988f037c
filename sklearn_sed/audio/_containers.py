"""Was this audio file cut short? What containers say about their own length.

Decoders read what is there and keep silent about what is not. The structure of the
container tells: a WAV header names the bytes of its samples, the last page of an Ogg
stream is marked, MP3 frames can be counted and often were, by the encoder. What it
tells is not always meant: many recorders and all pipes write a size that is wrong.

References
----------
RIFF and WAVE: Microsoft/IBM, Multimedia Programming Interface, 1991; RF64: EBU Tech
3306, BW64: ITU-R BS.2088; AIFF: Apple, Audio Interchange File Format 1.3; Ogg: RFC
3533; MP3: ISO/IEC 11172-3 and 13818-3.
"""

import functools
import mmap
import os
import struct
from typing import BinaryIO, NamedTuple

from sklearn_sed.exceptions import AudioError

RECOVER = "copy or download it again"
CONVERT = "convert it to WAV or FLAC, or leave it out"
SAMPLE_RATES = (100, 1_000_000)  # Hz: from whale hydrophones to bat detectors

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
            is_mp3 = magic[:3] == b"ID3" or magic[:3] in _mp3_frames()
            if is_mp3 or os.fspath(path).lower().endswith(".mp3"):
                return Container(_check_mp3(path, file))
    except OSError as error:
        raise AudioError(path, f"unreadable: {error.strerror}; {RECOVER}") from error
    return Container()


def check_header(path: object, n_channels: int, sample_rate: float) -> None:
    """Refuse a header without channels, or of a rate at which nobody records."""
    if n_channels == 0:
        raise AudioError(path, f"implausible header: no channels; {RECOVER}")
    low, high = SAMPLE_RATES
    if not low <= sample_rate <= high:
        reason = f"implausible header: a sample rate of {sample_rate:.0f} Hz (known "
        raise AudioError(path, f"{reason}are {low} to {high} Hz); {RECOVER}")


def truncated(
    path: object, found: float, expected: float | None, detail: str = ""
) -> AudioError:
    """Build the error for a file that holds less than it should, in seconds."""
    wanted = "more" if expected is None else f"{expected:.3f} s"
    reason = f"{found:.3f} s found, {wanted} expected"
    if not detail:
        return AudioError(path, f"truncated: {reason}; {RECOVER}")
    return AudioError(
        path, f"truncated or damaged: {reason} ({detail}); {RECOVER}, or {CONVERT}"
    )


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


def _check_mp3(path: object, file: BinaryIO) -> float | None:
    """Count the frames of an MP3 file and compare them with its index, if it has one.

    A Xing (VBR) or Info (CBR) index in the first frame holds the number of frames.
    """
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        first = _skip_id3(data)
        if data[first : first + 4] == b"fLaC":
            return None
        at = _find_mp3_frame(data, first)
        if at is None:
            reason = f"unreadable: no audio of a known kind in it; {CONVERT}"
            raise AudioError(path, reason)
        length, n_samples, sample_rate = _mp3_frames()[data[at : at + 3]]
        n_indexed = _read_mp3_index(data[at : at + length])
        n_frames, is_cut = _count_mp3_frames(data, at)
    if n_indexed is not None:
        n_frames -= 1  # the index sits in a frame of its own
        n_frames_at_most = n_frames if is_cut else n_frames + 1
        is_cut = n_frames_at_most < n_indexed  # some encoders count that frame too
    seconds = n_samples / sample_rate
    if is_cut:
        expected = None if n_indexed is None else n_indexed * seconds
        raise truncated(path, max(n_frames, 0) * seconds, expected)
    return n_frames * seconds


def _skip_id3(data: mmap.mmap) -> int:
    """Return where the audio may start, behind an ID3v2 tag."""
    if data[:3] != b"ID3" or len(data) < 10:
        return 0
    a, b, c, d = data[6:10]  # seven bits each
    return 10 + (a << 21 | b << 14 | c << 7 | d)


def _find_mp3_frame(data: mmap.mmap, at: int) -> int | None:
    """Return where the next frame starts that another one follows."""
    frames = _mp3_frames()
    at = data.find(b"\xff", at)
    while at >= 0:
        frame = frames.get(data[at : at + 3])
        if frame is not None:
            following = frames.get(data[at + frame[0] : at + frame[0] + 3])
            ends = at + frame[0] == len(data)
            if ends or (following is not None and following[2] == frame[2]):
                return at
        at = data.find(b"\xff", at + 1)
    return None


def _count_mp3_frames(data: mmap.mmap, at: int | None) -> tuple[int, bool]:
    """Return the number of whole frames, and whether a last one is cut."""
    frames, size = _mp3_frames(), len(data)
    n_frames = 0
    while at is not None:
        frame = frames.get(data[at : at + 3])
        while frame is not None and at + frame[0] <= size:
            n_frames += 1
            at += frame[0]
            frame = frames.get(data[at : at + 3])
        if frame is not None:
            return n_frames, True
        at = _find_mp3_frame(data, at)
    return n_frames, False


def _read_mp3_index(frame: bytes) -> int | None:
    """Return the number of frames that the index in a first frame gives."""
    for tag in (b"Xing", b"Info"):
        at = frame.find(tag, 0, 48)
        if at >= 0 and len(frame) >= at + 12:
            flags, n_frames = struct.unpack_from(">II", frame, at + 4)
            return n_frames if flags & 1 else None
    return None


@functools.cache
def _mp3_frames() -> dict[bytes, tuple[int, int, int]]:
    """Return bytes, samples and sample rate of a frame by its first three bytes."""
    bitrates_1 = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
    bitrates_2 = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
    sample_rates = (44100, 48000, 32000)
    versions = {  # second byte without its last bit (CRC): MPEG 1, 2 and 2.5
        0xFA: (1, 1152, bitrates_1),
        0xF2: (2, 576, bitrates_2),
        0xE2: (4, 576, bitrates_2),
    }
    frames = {}
    for second, (divisor, n_samples, bitrates) in versions.items():
        for i, bitrate in enumerate(bitrates, start=1):
            for j, sample_rate in enumerate(sample_rates):
                rate = sample_rate // divisor
                for bits in range(4):  # padding and private bit
                    length = n_samples // 8 * bitrate * 1000 // rate + (bits >> 1)
                    third = i << 4 | j << 2 | bits
                    for crc in range(2):
                        key = bytes([0xFF, second | crc, third])
                        frames[key] = (length, n_samples, rate)
    return frames
