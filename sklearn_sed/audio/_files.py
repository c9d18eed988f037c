"""Audio files to mono waveforms: open, check, resample, stream.

Every file is checked before and while it is read, because decoders are silent about
much of what goes wrong with recordings: a WAV file that was cut short reads as a
shorter one, a header may claim any sample rate, a float file may hold NaN. Whatever
is wrong ends as one :class:`~sklearn_sed.exceptions.AudioError`, whose reason starts
with the kind of damage and a colon, and ends with what to do.

Conventions: waveforms are 1-D float32 arrays in -1..1; several channels are averaged.
Memory follows the samples that are there, never what a header claims.
"""

import contextlib
import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import soundfile

from sklearn_sed.audio._containers import all_there, check_container, is_unknown
from sklearn_sed.audio._faults import CONVERT, RECOVER, check_header, truncated
from sklearn_sed.audio._repaired import RepairedFile
from sklearn_sed.exceptions import AudioError

__all__ = [
    "AudioInfo",
    "Excerpt",
    "audio_info",
    "iter_blocks",
    "iter_excerpts",
    "load_audio",
]

StrPath = str | os.PathLike[str]

MAX_AMPLITUDE = 1000.0  # 60 dB above full scale: no recording, or a wrong unit
_BLOCK = 2**20  # samples of all channels read at a time
_PIECE = 2**15  # samples per channel converted at a time, to stay in a cache
_LEAD = 2**13  # samples per channel after which no decoder remembers a seek
_MP3_SLACK = 4 * 1152  # samples of encoder delay and padding that decoders drop


@dataclass(frozen=True)
class AudioInfo:
    """What the header of an audio file says.

    Attributes
    ----------
    sample_rate : int
        Samples per second and channel.
    n_channels : int
        Number of channels.
    n_samples : int
        Samples per channel. An estimate for MP3 files without an index.
    format : str
        Container, for instance ``"WAV"`` or ``"FLAC"``.
    subtype : str
        Encoding, for instance ``"PCM_16"`` or ``"VORBIS"``.

    Examples
    --------
    >>> from sklearn_sed.audio import AudioInfo
    >>> AudioInfo(22050, 1, 220500, "WAV", "PCM_16").duration
    10.0
    """

    sample_rate: int
    n_channels: int
    n_samples: int
    format: str
    subtype: str

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.n_samples / self.sample_rate


class Excerpt(NamedTuple):
    """A part of a recording, its channels as they are.

    Attributes
    ----------
    start : float
        Where it begins, in seconds.
    samples : ndarray of shape (n_samples, n_channels)
        float32 in -1..1; int32 where the recording holds whole numbers, whose highest
        bits they are.
    info : AudioInfo
        What the header of the recording says.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sed.audio import AudioInfo, Excerpt
    >>> info = AudioInfo(16000, 2, 160000, "OGG", "VORBIS")
    >>> Excerpt(2.5, np.zeros((8000, 2), np.float32), info).samples.shape
    (8000, 2)
    """

    start: float
    samples: np.ndarray
    info: AudioInfo


def audio_info(path: StrPath) -> AudioInfo:
    """Read and check the header of an audio file.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    AudioInfo
        Sample rate, channels, length and format.

    Raises
    ------
    AudioError
        When the file is missing, no audio, cut short, or its header implausible.
        Damage that only decoding shows (NaN, a broken FLAC frame) is not found here.

    Examples
    --------
    >>> import tempfile, numpy as np, soundfile
    >>> from sklearn_sed.audio import audio_info
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     soundfile.write(f"{folder}/silence.wav", np.zeros(8000), 16000)
    ...     audio_info(f"{folder}/silence.wav").duration
    0.5
    """
    with _Recording(path) as recording:
        return recording.info


def load_audio(
    path: StrPath, sample_rate: int | None = None, *, duration: float | None = None
) -> tuple[np.ndarray, int]:
    """Read an audio file as a mono waveform.

    Parameters
    ----------
    path : str or Path
        The file: WAV, FLAC, OGG, MP3 or whatever else libsndfile reads.
    sample_rate : int, default=None
        Resample to this rate in Hz (soxr, high quality); None keeps the file's own.
    duration : float, default=None
        Read at most so many seconds from the start; None reads all.

    Returns
    -------
    waveform : ndarray of shape (n_samples,), float32
        The mean of the channels, in -1..1 (float files may exceed that).
    sample_rate : int
        Its sample rate in Hz.

    Raises
    ------
    AudioError
        When the file cannot be read whole and sound. Past `duration`, only damage
        that shows in the container is found.

    Notes
    -----
    A WAV file is read to its end where its header cannot say how long it is: with more
    than 4 GB, whose size does not fit, or with a size that programs write to a pipe (0
    before samples, or up to 4 kB below 2**31 or 2**32). In the latter, and in the rarer
    containers that libsndfile reads (all but WAV, RF64, W64, AIFF, AU, FLAC, OGG, MP3),
    whether it was cut short cannot be known. A size that is 8 to 80 bytes too large, or
    by its header, as several recorders write it, is no sign of it.

    Examples
    --------
    >>> import tempfile, numpy as np, soundfile
    >>> from sklearn_sed.audio import load_audio
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     soundfile.write(f"{folder}/stereo.wav", np.full((8000, 2), 0.5), 16000)
    ...     waveform, sample_rate = load_audio(f"{folder}/stereo.wav", 8000)
    >>> waveform.shape, sample_rate
    ((4000,), 8000)
    """
    waveform, rate, _ = load_clip(path, sample_rate, duration)
    return waveform, rate


def iter_blocks(
    path: StrPath, sample_rate: int | None = None, *, block_duration: float = 60.0
) -> Iterator[np.ndarray]:
    """Read an audio file of any length piece by piece, in bounded memory.

    Parameters
    ----------
    path : str or Path
        The file.
    sample_rate : int, default=None
        Resample to this rate in Hz as the file is read; None keeps the file's own.
    block_duration : float, default=60.0
        Seconds per block; the last one may be shorter.

    Yields
    ------
    ndarray of shape (n_samples,), float32
        Consecutive pieces of the mono waveform. Put together they equal what
        :func:`load_audio` returns, bit by bit.

    Raises
    ------
    AudioError
        At the first block when the file cannot be opened, later when the damage is
        met: what was yielded before it is sound.

    Examples
    --------
    >>> import tempfile, numpy as np, soundfile
    >>> from sklearn_sed.audio import iter_blocks
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     soundfile.write(f"{folder}/silence.wav", np.zeros(40000), 16000)
    ...     [len(b) for b in iter_blocks(f"{folder}/silence.wav", block_duration=1)]
    [16000, 16000, 8000]
    """
    with _Recording(path) as recording:
        rate = recording.info.sample_rate if sample_rate is None else sample_rate
        n_block = max(1, round(block_duration * rate))
        pieces: list[np.ndarray] = []
        for piece in recording.blocks(rate):
            pieces.append(piece)
            if sum(map(len, pieces)) < n_block:
                continue
            joined = np.concatenate(pieces)
            n_whole = len(joined) - len(joined) % n_block
            for start in range(0, n_whole, n_block):
                yield joined[start : start + n_block].copy()
            pieces = [joined[n_whole:]]
        rest = np.concatenate(pieces)
        if len(rest):
            yield rest


def iter_excerpts(
    path: StrPath, spans: Iterable[tuple[float, float]], *, pad: float = 0.0
) -> Iterator[Excerpt]:
    """Read parts of an audio file of any length, and nothing else of it.

    Parameters
    ----------
    path : str or Path
        The file.
    spans : iterable of (float, float)
        Where each part begins and ends, in seconds, in any order.
    pad : float, default=0.0
        Seconds read before and after each part, as far as the file goes.

    Yields
    ------
    Excerpt
        The parts, at the file's own sample rate, with its own channels. What lies
        beyond the end of the file is left out.

    Raises
    ------
    AudioError
        When the file cannot be opened, ends before a part begins, or is damaged there.
        Damage elsewhere in its samples is not found.

    Notes
    -----
    libsndfile seeks to the sample in all but a few telephone codecs (GSM 6.10, G.721,
    G.723, NMS ADPCM), which are read from their start, block by block, for each part.

    Examples
    --------
    >>> import tempfile, numpy as np, soundfile
    >>> from sklearn_sed.audio import iter_excerpts
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     soundfile.write(f"{folder}/stereo.wav", np.zeros((40000, 2)), 16000)
    ...     parts = list(iter_excerpts(f"{folder}/stereo.wav", [(0.5, 1), (2, 9)]))
    >>> [(part.start, part.samples.shape) for part in parts]
    [(0.5, (8000, 2)), (2.0, (8000, 2))]
    """
    with _Recording(path) as recording:
        for onset, offset in spans:
            if recording.is_seekable:
                yield recording.excerpt(onset, offset, pad)
            else:
                with _Recording(path) as from_start:
                    yield from_start.excerpt(onset, offset, pad)


def load_clip(
    path: StrPath, sample_rate: int | None, duration: float | None
) -> tuple[np.ndarray, int, float]:
    """Return the waveform, its sample rate and its true length in seconds."""
    with _Recording(path) as recording:
        rate = recording.info.sample_rate if sample_rate is None else sample_rate
        blocks = recording.blocks(rate)
        if duration is not None:
            blocks = _take(blocks, max(1, round(duration * rate)))
        waveform = np.concatenate(list(blocks))
        seconds = recording.n_read / recording.info.sample_rate
    return waveform, rate, seconds if duration is None else min(seconds, duration)


def _take(blocks: Iterator[np.ndarray], n_samples: int) -> Iterator[np.ndarray]:
    """Yield the first `n_samples` samples and read no further."""
    for block in blocks:
        yield block[:n_samples]
        n_samples -= len(block)
        if n_samples <= 0:
            return


class _Recording:
    """An open, checked audio file that yields mono blocks and counts its samples."""

    def __init__(self, path: StrPath):
        self.path = path
        self.n_read = 0
        container = check_container(path, _check_file(path))
        self._mp3_duration = container.duration
        with contextlib.ExitStack() as stack:
            source: Any = os.fspath(path)
            if container.wav_format:
                source = stack.enter_context(RepairedFile(path, container))
            self._file = stack.enter_context(_open(path, source))
            self.info = self._check_header()
            self._exit = stack.pop_all()

    def __enter__(self) -> "_Recording":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._exit.close()

    def blocks(self, sample_rate: int) -> Iterator[np.ndarray]:
        """Yield the whole file as float32 mono blocks at `sample_rate`."""
        return _resample(self._mono_blocks(), self.info.sample_rate, sample_rate)

    @property
    def is_seekable(self) -> bool:
        """Whether reading can go on at any sample."""
        return self._file.seekable()

    def excerpt(self, onset: float, offset: float, pad: float) -> Excerpt:
        """Read from `pad` seconds before the onset to as many behind the offset."""
        rate, n_samples = self.info.sample_rate, self.info.n_samples
        begin, first, last = (
            round(min(max(0.0, time * rate), n_samples))
            for time in (onset, onset - pad, offset + pad)
        )
        if begin >= n_samples:
            raise self._too_short(n_samples, onset)
        last = max(last, first + 1)
        is_whole = self.info.subtype.startswith(("PCM_", "ALAC_"))
        self._go_to(first, lead=0 if is_whole else min(first, _LEAD))
        samples = self._read(last - first, "int32" if is_whole else "float32")
        self.n_read = first + len(samples)
        if self.n_read < min(last, self._n_expected()):
            raise self._truncated("there is no more")
        if self.n_read <= begin:
            raise self._too_short(self.n_read, onset)
        if not is_whole:
            _check_samples(self.path, samples, first / rate)
        return Excerpt(first / rate, samples, self.info)

    def _go_to(self, first: int, lead: int) -> None:
        """Have reading go on at a sample, of a file just opened if it cannot seek.

        Lossy decoders need a `lead` before what they read is right, and libvorbis mixes
        in what was read last unless it was sent to the start.
        """
        if self.is_seekable:
            with self._complaints():
                self._file.seek(0)
                self._file.seek(first - lead)
            self._read(lead, "float32")
            return
        while self.n_read < first:
            block = self._read(min(_BLOCK, first - self.n_read), "float32")
            if not len(block):
                raise self._truncated("there is no more")
            self.n_read += len(block)

    def _too_short(self, n_samples: int, onset: float) -> AudioError:
        """Build the error for a part that begins where the file has ended."""
        end = n_samples / self.info.sample_rate
        return AudioError(
            self.path,
            f"too short: it ends at {end:.3f} s, before what begins at {onset:.3f} s; "
            "check that the times are of this recording",
        )

    def _check_header(self) -> AudioInfo:
        """Return the header, or complain about what cannot be true in it."""
        file = self._file
        info = AudioInfo(
            file.samplerate, file.channels, file.frames, file.format, file.subtype
        )
        check_header(self.path, info.n_channels, info.sample_rate)
        if info.format == "RAW":
            reason = f"unreadable: it has no header that libsndfile knows; {CONVERT}"
            raise AudioError(self.path, reason)
        if info.format in ("AU", "W64"):
            self._check_log(info.duration)
        if info.n_samples <= 0:
            raise AudioError(self.path, f"no samples: it is only a header; {RECOVER}")
        if info.n_samples >= 2**62:  # what libsndfile says for a FLAC stream
            reason = f"no length: its header does not say how long it is; {CONVERT}"
            raise AudioError(self.path, reason)
        return info

    def _check_log(self, found: float) -> None:
        """Find the size that libsndfile corrected, which it notes in its log."""
        for line in re.findall(r"(\d+) \(should be (\d+)\)", self._file.extra_info):
            claimed, present = map(int, line)
            if not is_unknown(claimed) and not all_there(claimed, present):
                expected = found * claimed / present if found else None
                raise truncated(self.path, found, expected)

    def _mono_blocks(self) -> Iterator[np.ndarray]:
        """Yield checked mono blocks at the file's own rate, or find the damage."""
        is_int16 = self.info.subtype == "PCM_16"
        n_block = max(1, _BLOCK // self.info.n_channels)
        while len(block := self._read(n_block, "int16" if is_int16 else "float32")):
            if not is_int16:
                _check_samples(self.path, block, self.n_read / self.info.sample_rate)
            self.n_read += len(block)
            full_scale = 2.0**15 if is_int16 else 1.0
            for start in range(0, len(block), _PIECE):
                yield _to_mono(block[start : start + _PIECE], full_scale)
            if len(block) < n_block:  # behind a gap the decoder would repeat samples
                break
        if self.n_read < max(self._n_expected(), 1):
            raise self._truncated("there is no more")

    def _n_expected(self) -> float:
        """Return how many samples there are at least."""
        if self.info.format == "MP3":
            # libsndfile's own length is an estimate when the file has no index
            return (self._mp3_duration or 0.0) * self.info.sample_rate - _MP3_SLACK
        return self.info.n_samples

    def _read(self, n_samples: int, dtype: str) -> np.ndarray:
        """Read a block."""
        with self._complaints():
            return self._file.read(n_samples, dtype=dtype, always_2d=True)

    @contextlib.contextmanager
    def _complaints(self) -> Iterator[None]:
        """Turn a decoder's complaint into ours."""
        import soundfile

        try:
            yield
        except soundfile.SoundFileError as error:
            with contextlib.suppress(soundfile.SoundFileError):
                self.n_read = max(self.n_read, self._file.tell())
            raise self._truncated(_detail(error)) from error

    def _truncated(self, detail: str) -> AudioError:
        """Build the error for a file that broke off while it was read."""
        expected = self._mp3_duration or self.info.duration
        found = self.n_read / self.info.sample_rate
        return truncated(self.path, found, expected, detail)


def _check_file(path: StrPath) -> int:
    """Return the size in bytes of a regular file that is not empty."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        if os.path.islink(path):
            target = os.readlink(path)
            reason = f"dangling link: it points to {target}, which does not exist; "
            raise AudioError(path, reason + "restore that file") from None
        raise AudioError(path, "missing: no such file; check the path") from None
    except (OSError, ValueError) as error:
        raise AudioError(path, f"missing: {error}; check the path") from None
    if stat.S_ISDIR(status.st_mode):
        raise AudioError(path, "directory: pass the files in it, not the folder")
    if not stat.S_ISREG(status.st_mode):
        reason = "not a file: a pipe or device has no length; record it to a file first"
        raise AudioError(path, reason)
    if status.st_size == 0:
        raise AudioError(path, f"empty: 0 bytes; {RECOVER}")
    return status.st_size


def _open(path: StrPath, source: Any) -> "soundfile.SoundFile":
    """Open a file with libsndfile."""
    import soundfile

    try:
        return soundfile.SoundFile(source)
    except (soundfile.SoundFileError, TypeError) as error:
        # a TypeError asks for the parameters of a headerless (RAW) file
        raise AudioError(path, f"unreadable: {_detail(error)}; {CONVERT}") from error


def _detail(error: Exception) -> str:
    """Return libsndfile's own words, without the path that soundfile adds."""
    text = getattr(error, "error_string", "no header that libsndfile knows")
    return text.removeprefix("Error : ").rstrip(". ")


def _check_samples(path: StrPath, block: np.ndarray, start: float) -> None:
    """Refuse NaN, infinite and absurdly large samples."""
    peak = max(block.max(), -block.min())  # NaN and infinity survive max and min
    if peak <= MAX_AMPLITUDE:
        return
    if np.isfinite(peak):
        reason = f"implausible amplitude: a peak of {peak:.3g}, where samples lie in "
        raise AudioError(path, f"{reason}-1..1; scale it and save it again")
    reason = f"not finite: NaN or infinite samples in the block from {start:.3f} s; "
    raise AudioError(path, f"{reason}save it again from its source")


def _to_mono(block: np.ndarray, full_scale: float) -> np.ndarray:
    """Average the channels of an (n_samples, n_channels) block into float32."""
    mono = block[:, 0].astype(np.float32)
    for channel in range(1, block.shape[1]):
        mono += block[:, channel]
    mono *= np.float32(1.0 / (full_scale * block.shape[1]))
    return mono


def _resample(
    blocks: Iterator[np.ndarray], rate_in: int, rate_out: int
) -> Iterator[np.ndarray]:
    """Resample a stream; it comes out ``ceil(n * rate_out / rate_in)`` samples long."""
    if rate_in == rate_out:
        yield from blocks
        return
    import soxr

    stream = soxr.ResampleStream(rate_in, rate_out, 1, dtype="float32", quality="HQ")
    n_in = n_out = 0
    for block in blocks:
        n_in += len(block)
        piece = stream.resample_chunk(block)
        n_out += len(piece)
        yield piece
    piece = stream.resample_chunk(np.empty(0, np.float32), last=True)
    n_left = -(-n_in * rate_out // rate_in) - n_out
    rest = np.zeros(n_left, np.float32)
    rest[: len(piece)] = piece[:n_left]
    yield rest
