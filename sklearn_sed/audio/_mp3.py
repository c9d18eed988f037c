"""How long is an MP3 file, and was it cut short? Its frames can be counted.

References
----------
ISO/IEC 11172-3 and 13818-3.
"""

import functools
import mmap
import struct
from typing import BinaryIO

from sklearn_sed.audio._faults import CONVERT, truncated
from sklearn_sed.exceptions import AudioError


def starts_frame(magic: bytes) -> bool:
    """Tell whether a frame may start with these bytes."""
    return magic[:3] in _mp3_frames()


def check_mp3(path: object, file: BinaryIO) -> float | None:
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
