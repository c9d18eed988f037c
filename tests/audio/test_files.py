"""Files to waveforms: every kind of recording in, every kind of damage named."""

import itertools
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sklearn_sed.audio import audio_info, iter_blocks, load_audio
from sklearn_sed.audio._files import _Recording, _take
from sklearn_sed.exceptions import AudioError

RATE = 22050
NOISE = 0.1 * np.random.default_rng(0).standard_normal(2 * RATE)


def write(path: Path, samples=NOISE, rate=RATE, **how) -> Path:
    """Write in blocks: libsndfile crashes on long OGG files written in one call."""
    samples = np.asarray(samples)
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    with soundfile.SoundFile(path, "w", rate, channels, **how) as file:
        for start in range(0, len(samples), 10000):
            file.write(samples[start : start + 10000])
    return path


def cut(path: Path, share: float) -> Path:
    """Leave only the first bytes of a file."""
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    return path


def patch(path: Path, at: int, form: str, value) -> Path:
    """Overwrite a number in a file's header."""
    content = bytearray(path.read_bytes())
    struct.pack_into(form, content, at, value)
    path.write_bytes(content)
    return path


def reason_of(path) -> str:
    with pytest.raises(AudioError) as caught:
        load_audio(path, 16000)
    assert caught.value.path == str(path)
    return caught.value.reason


FORMATS = {
    "a.wav": {},
    "a24.wav": {"subtype": "PCM_24"},
    "a32.wav": {"subtype": "PCM_32"},
    "a8.wav": {"subtype": "PCM_U8"},
    "afloat.wav": {"subtype": "FLOAT"},
    "adouble.wav": {"subtype": "DOUBLE"},
    "aadpcm.wav": {"subtype": "IMA_ADPCM"},
    "ax.wav": {"format": "WAVEX", "subtype": "PCM_16"},
    "a.rf64": {"format": "RF64", "subtype": "PCM_16"},
    "a.w64": {"format": "W64", "subtype": "PCM_16"},
    "a.aiff": {},
    "a.au": {},
    "a.caf": {"format": "CAF", "subtype": "PCM_16"},
    "a.flac": {},
    "a.ogg": {},
    "a.mp3": {},
}
LOSSY = {"a8.wav", "aadpcm.wav", "a.ogg", "a.mp3"}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_waveform(name, tmp_path):
    path = write(tmp_path / name, **FORMATS[name])
    waveform, rate = load_audio(path)
    assert rate == RATE
    assert waveform.dtype == np.float32
    assert waveform.ndim == 1
    slack = 1000 if name == "aadpcm.wav" else 0  # whole blocks only
    assert len(NOISE) <= len(waveform) <= len(NOISE) + slack
    if name not in LOSSY:
        np.testing.assert_allclose(waveform, NOISE, atol=1 / 2**15)


def test_opus_and_a_path_as_text(tmp_path):
    path = write(tmp_path / "a.opus", rate=48000, format="OGG", subtype="OPUS")
    waveform, rate = load_audio(str(path))
    assert (len(waveform), rate) == (len(NOISE), 48000)


@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_channels_are_averaged(subtype, tmp_path):
    channels = np.random.default_rng(1).uniform(-1, 1, (3000, 8))
    path = write(tmp_path / "eight.wav", channels, subtype=subtype)
    waveform, _ = load_audio(path)
    np.testing.assert_allclose(waveform, channels.mean(axis=1), atol=1 / 2**15)
    assert audio_info(path).n_channels == 8


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 44100, 48000, 192000])
def test_resampling_is_soxr_hq(rate, tmp_path):
    path = write(tmp_path / "a.wav", rate=rate, subtype="FLOAT")
    waveform, _ = load_audio(path, RATE)
    samples = NOISE.astype(np.float32)
    expected = soxr.resample(samples, rate, RATE, quality="HQ")
    assert len(waveform) == -(-len(NOISE) * RATE // rate)
    n_common = min(len(waveform), len(expected))
    np.testing.assert_array_equal(waveform[:n_common], expected[:n_common])
    assert not waveform[n_common:].any()


@pytest.mark.parametrize("n_samples", [1, 2, 100])
@pytest.mark.parametrize("rate", [8000, 22050, 192000])
def test_tiny_files_keep_a_sample(n_samples, rate, tmp_path):
    path = write(tmp_path / "tiny.wav", np.full(n_samples, 0.25), rate)
    waveform, _ = load_audio(path, RATE)
    assert len(waveform) == -(-n_samples * RATE // rate)
    assert np.isfinite(waveform).all()


@pytest.mark.parametrize("samples", [np.zeros(500), np.full(500, 0.5), np.ones(500)])
def test_silence_dc_and_clipping_are_valid(samples, tmp_path):
    waveform, _ = load_audio(write(tmp_path / "a.wav", samples))
    np.testing.assert_allclose(waveform, samples, atol=1 / 2**15)


def test_duration_reads_no_further(tmp_path):
    path = write(tmp_path / "a.wav", rate=44100)
    whole, _ = load_audio(path, RATE)
    start, _ = load_audio(path, RATE, duration=0.3)
    np.testing.assert_array_equal(start, whole[: round(0.3 * RATE)])
    beyond, _ = load_audio(path, RATE, duration=100)
    np.testing.assert_array_equal(beyond, whole)


def test_info(tmp_path):
    info = audio_info(write(tmp_path / "a.flac", rate=16000))
    assert (info.sample_rate, info.n_samples, info.format) == (16000, 44100, "FLAC")
    assert info.duration == 44100 / 16000


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3"])
@pytest.mark.parametrize("rate", [None, 16000, 44100])
def test_blocks_equal_the_whole(name, rate, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "sklearn_sed.audio._files._BLOCK", 5000
    )  # many reads in a short file
    path = write(tmp_path / name)
    whole, true_rate = load_audio(path, rate)
    for block_duration in (0.01, 0.37, 1.0, 50.0):
        blocks = list(iter_blocks(path, rate, block_duration=block_duration))
        np.testing.assert_array_equal(np.concatenate(blocks), whole)
        n_block = round(block_duration * true_rate)
        assert {len(block) for block in blocks[:-1]} <= {n_block}
        assert 0 < len(blocks[-1]) <= n_block


def test_reading_in_other_steps_changes_nothing(tmp_path, monkeypatch):
    path = write(tmp_path / "a.flac", np.stack([NOISE, -0.5 * NOISE], axis=1), 44100)
    whole, _ = load_audio(path, RATE)
    monkeypatch.setattr("sklearn_sed.audio._files._BLOCK", 3333)
    np.testing.assert_array_equal(load_audio(path, RATE)[0], whole)


def test_unfinished_iteration_closes_the_file(tmp_path):
    path = write(tmp_path / "a.wav")
    blocks = iter_blocks(path, block_duration=0.1)
    next(blocks)
    blocks.close()
    open_files = Path("/proc/self/fd")
    if open_files.is_dir():
        links = [os.path.realpath(link) for link in open_files.iterdir()]
        assert str(path) not in links


# Damage ------------------------------------------------------------------------------


def test_no_file(tmp_path):
    assert reason_of(tmp_path / "none.wav").startswith("missing: ")
    assert reason_of(tmp_path / "none.wav" / "below.wav").startswith("missing: ")
    assert reason_of("a\0b.wav").startswith("missing: ")
    link = tmp_path / "link.wav"
    link.symlink_to(tmp_path / "gone.wav")
    assert reason_of(link).startswith("dangling link: it points to ")
    link.unlink()
    link.symlink_to(link)
    assert reason_of(link).startswith("missing: ")


def test_not_a_file(tmp_path):
    assert reason_of(tmp_path).startswith("directory: ")
    assert reason_of(os.devnull).startswith("not a file: ")


def test_unopenable_file(tmp_path, monkeypatch):
    path = write(tmp_path / "a.wav")

    def refuse(*args):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    assert "Permission denied" in reason_of(path)


@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.ogg", "a.flac", "a.txt"])
def test_empty_file(name, tmp_path):
    (tmp_path / name).touch()
    assert reason_of(tmp_path / name).startswith("empty: 0 bytes")


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "mp3", "au", "raw", "vox"])
@pytest.mark.parametrize(
    "content",
    [
        b"This is not audio.\n" * 500,
        np.random.default_rng(3).bytes(20000),
        b"\xff\xd8\xff\xe0\x00\x10JFIF" + np.random.default_rng(4).bytes(20000),
        b"\x00\x00\x00\x20ftypM4A " + np.random.default_rng(5).bytes(20000),
        b"ID3\x04\x00\x00\x00\x00\x00\x0a" + bytes(3000),
    ],
    ids=["text", "random", "jpeg", "m4a", "id3"],
)
def test_no_audio_under_an_audio_name(ending, content, tmp_path, capfd):
    path = tmp_path / f"a.{ending}"
    path.write_bytes(content)
    assert reason_of(path).startswith("unreadable: ")
    assert capfd.readouterr().err == ""


def test_a_decodable_format_under_a_wrong_ending_is_fine(tmp_path):
    path = write(tmp_path / "a.flac").rename(tmp_path / "a.wav")
    assert len(load_audio(path)[0]) == len(NOISE)


@pytest.mark.parametrize("rate", [0, 99, 1_000_001, 2**31 - 1])
def test_implausible_sample_rate(rate, tmp_path):
    path = patch(write(tmp_path / "a.wav"), 24, "<I", rate)
    assert reason_of(path).startswith(f"implausible header: a sample rate of {rate} Hz")


def test_implausible_sample_rate_of_aiff_and_au(tmp_path):
    path = write(tmp_path / "a.aiff")
    at = path.read_bytes().index(b"COMM") + 16
    for exponent in (0x7FFF, 0x0000):
        reason = reason_of(patch(path, at, ">H", exponent))
        assert reason.startswith("implausible header: a sample rate of")
    path = patch(write(tmp_path / "a.au"), 16, ">I", 2**31 - 1)
    assert reason_of(path).startswith("implausible header: a sample rate of 2147483647")


def test_no_channels(tmp_path):
    path = patch(write(tmp_path / "a.wav"), 22, "<H", 0)
    assert reason_of(path).startswith("implausible header: no channels")
    path = write(tmp_path / "a.aiff")
    patch(path, path.read_bytes().index(b"COMM") + 8, ">H", 0)
    assert reason_of(path).startswith("implausible header: no channels")


def test_no_samples(tmp_path):
    path = write(tmp_path / "a.wav", NOISE[:0])
    assert reason_of(path).startswith("no samples: ")
    path.write_bytes(path.read_bytes() + b"LIST\x05\0\0\0INFO.\0guan\0\0\0\0")
    assert reason_of(path).startswith("no samples: ")
    path.write_bytes(path.read_bytes()[:44])
    for size in PIPES.values():
        assert reason_of(patch(path, 40, "<I", size)).startswith("no samples: ")
    path = write(tmp_path / "a.au", NOISE[:0])
    assert reason_of(path).startswith("no samples: ")


def test_header_only(tmp_path):
    path = write(tmp_path / "a.wav")
    path.write_bytes(path.read_bytes()[:44])
    assert reason_of(path).startswith("truncated: 0.000 s found, 2.000 s expected")


def test_flac_without_a_length(tmp_path):
    path = patch(write(tmp_path / "a.flac"), 22, ">I", 0)  # a stream's header
    assert reason_of(path).startswith("no length: ")


@pytest.mark.parametrize("name", sorted(set(FORMATS) - {"a.caf", "a.flac", "a.ogg"}))
@pytest.mark.parametrize("share", [0.1, 0.37, 0.999])
def test_truncated_files_say_how_much_is_left(name, share, tmp_path):
    path = write(tmp_path / name, **FORMATS[name])
    expected = audio_info(path).duration
    reason = reason_of(cut(path, share))
    kind, found, _, _, wanted, _, _, *_ = reason.split()
    assert kind == "truncated:"
    assert float(found) == pytest.approx(share * expected, abs=0.1)
    assert float(wanted) == pytest.approx(expected, abs=0.1)
    assert reason.endswith("copy or download it again")


@pytest.mark.parametrize(
    ("form", "subtype"),
    [
        *itertools.product(("WAV", "WAVEX", "RF64"), ("PCM_16", "PCM_24", "FLOAT")),
        ("WAV", "IMA_ADPCM"),
    ],
)
def test_a_wav_cut_at_any_byte_says_how_much_is_left(form, subtype, tmp_path):
    path = write(tmp_path / "a.wav", NOISE[:300], format=form, subtype=subtype)
    whole, content = audio_info(path).duration, path.read_bytes()
    start = content.index(b"data") + 8
    block = struct.unpack_from("<H", content, content.index(b"fmt ") + 20)[0]
    for n_bytes in range(start, len(content)):
        path.write_bytes(content[:n_bytes])
        n_missing = len(content) - n_bytes
        is_small = 8 <= n_missing <= min(start, 80) or 0 <= start - n_missing <= 8
        if is_small and (n_bytes - start) % block == 0:
            # The header of a file as several recorders leave it.
            assert len(load_audio(path)[0]) == (n_bytes - start) // block
            continue
        found = whole * (n_bytes - start) / (len(content) - start)
        kind, text = reason_of(path).split(": ")
        assert kind == "truncated"
        seconds = re.match(r"(\S+) s found, (\S+) s expected; copy", text).groups()
        np.testing.assert_allclose(
            [float(s) for s in seconds], [found, whole], atol=1e-3
        )


@pytest.mark.parametrize("form", ["W64", "AU"])
def test_nothing_but_a_header(form, tmp_path):
    path = write(tmp_path / "a.au", NOISE[:300], format=form, subtype="PCM_16")
    path.write_bytes(path.read_bytes()[:-600])
    assert reason_of(path).startswith("truncated: 0.000 s found, more expected")


@given(data=st.data(), name=st.sampled_from(["a.wav", "a.flac", "a.ogg", "a.mp3"]))
@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_a_cut_anywhere_is_found(data, name, tmp_path):
    path = tmp_path / name
    if not (tmp_path / f"{name}.whole").exists():
        write(path).rename(tmp_path / f"{name}.whole")
    content = (tmp_path / f"{name}.whole").read_bytes()
    n_bytes = data.draw(st.integers(1, len(content) - 1))
    if 8 <= len(content) - n_bytes <= 44 and name == "a.wav":
        return  # so little too much is what several recorders write
    path.write_bytes(content[:n_bytes])
    reason = reason_of(path)
    if n_bytes > 5000:
        assert reason.startswith("truncated")


def test_flac_and_ogg_say_how_much_is_left(tmp_path):
    reason = reason_of(cut(write(tmp_path / "a.flac"), 0.5))
    found, expected = float(reason.split()[3]), float(reason.split()[6])
    assert reason.startswith("truncated or damaged: ")
    assert 0.7 < found < 1.05
    assert expected == 2.0
    reason = reason_of(cut(write(tmp_path / "a.ogg"), 0.7))
    assert reason.startswith("truncated: ")
    assert 0.3 < float(reason.split()[1]) < 1.5
    assert "more expected" in reason


@pytest.mark.parametrize("name", ["a.flac", "a.ogg", "a.mp3"])
def test_damage_in_the_middle(name, tmp_path):
    path = write(tmp_path / name, np.tile(NOISE, 5))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3000] = np.random.default_rng(6).bytes(3000)
    path.write_bytes(content)
    assert reason_of(path).startswith("truncated")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite(value, tmp_path):
    samples = np.stack([NOISE, NOISE], axis=1)
    samples[30000, 1] = value
    path = write(tmp_path / "a.wav", samples, subtype="FLOAT")
    assert reason_of(path).startswith("not finite: ")


def test_infinities_do_not_cancel_between_channels(tmp_path):
    path = write(tmp_path / "a.wav", [[1e20, -1e20]] * 9, subtype="DOUBLE")
    assert reason_of(path).startswith("implausible amplitude: a peak of 1e+20")
    path = write(tmp_path / "a.wav", [[1e300, -1e300]] * 9, subtype="DOUBLE")
    assert reason_of(path).startswith("not finite: ")
    path = write(tmp_path / "a.wav", [900.0] * 9, subtype="FLOAT")
    assert load_audio(path)[0].max() == 900.0  # far too loud, but a recording


# Sizes that are wrong while all samples are there -----------------------------------

# What ffmpeg, sox and espeak, arecord, lame, and killed recorders write for a size.
PIPES = {
    "ffmpeg": 0xFFFFFFFF,
    "less a header": 0xFFFFFFFF - 36,
    "less a page": 0xFFFFF000,
    "sox": 0x7FFFF000,
    "sox, 24 bit stereo": 0x7FFFF000 // 6 * 6,
    "arecord": 0x80000000,
    "lame": 0x7FFFFFFF,
    "lame, less a header": 0x7FFFFFFF - 36,
    "killed": 0,
}
SLIPS = {"header": 44, "RIFF size": 36, "CubicSDR": 16, "least": 8, "odd": 11}


def wav(n_channels=1, bits=16, rate=RATE, magic=b"RIFF", before=b"", kind=1):
    """Return the header of a WAV file up to its data size."""
    block = n_channels * bits // 8
    form = struct.pack("<HHIIHH", kind, n_channels, rate, rate * block, block, bits)
    return magic + bytes(4) + b"WAVE" + before + b"fmt \x10\0\0\0" + form + b"data"


def size_of(n_bytes) -> bytes:
    return struct.pack("<I", n_bytes)


@pytest.mark.parametrize("what", [*PIPES, *SLIPS])
@pytest.mark.parametrize("n_channels", [1, 2])
@pytest.mark.parametrize(("bits", "rate"), [(8, 8000), (16, 384000), (24, 48000)])
def test_wrong_sizes_of_whole_recordings(
    what, n_channels, bits, rate, tmp_path, monkeypatch
):
    monkeypatch.setattr("sklearn_sed.audio._files._BLOCK", 999)
    pcm = np.random.default_rng(8).bytes(5000 * n_channels * bits // 8)
    (tmp_path / "right.wav").write_bytes(
        wav(n_channels, bits, rate) + size_of(len(pcm)) + pcm
    )
    size = PIPES[what] if what in PIPES else len(pcm) + SLIPS[what]
    (tmp_path / "a.wav").write_bytes(wav(n_channels, bits, rate) + size_of(size) + pcm)
    expected, _ = load_audio(tmp_path / "right.wav")
    assert audio_info(tmp_path / "a.wav") == audio_info(tmp_path / "right.wav")
    np.testing.assert_array_equal(load_audio(tmp_path / "a.wav")[0], expected)
    blocks = list(iter_blocks(tmp_path / "a.wav", block_duration=1000 / rate))
    assert [len(block) for block in blocks] == [1000] * 5
    np.testing.assert_array_equal(np.concatenate(blocks), expected)


@pytest.mark.parametrize("what", [*PIPES, *SLIPS])
@pytest.mark.parametrize("form", ["WAVEX", "RF64", "bext"])
@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_wrong_sizes_behind_longer_headers(what, form, subtype, tmp_path):
    path = tmp_path / "a.wav"
    if form == "bext":  # a broadcast file with room for GUANO
        write(path, subtype=subtype)
        content = path.read_bytes()
        room = b"bext" + size_of(602) + bytes(602) + b"guan" + size_of(3) + b"a:1\0"
        path.write_bytes(content[:12] + room + content[12:])
    else:
        write(path, format=form, subtype=subtype)
    expected, _ = load_audio(path)
    content = path.read_bytes()
    start = content.index(b"data") + 8
    n_bytes = len(content) - start
    sizes = [PIPES[what]] if what in PIPES else [n_bytes + SLIPS[what]]
    sizes += [n_bytes + start, n_bytes + start - 8]
    for size in sizes:
        if form == "RF64":
            patch(path, content.index(b"ds64") + 16, "<Q", size)
        else:
            patch(path, start - 4, "<I", size)
        np.testing.assert_array_equal(load_audio(path)[0], expected)
        assert audio_info(path).duration == 2.0


def test_an_rf64_that_was_never_finished(tmp_path):
    path = write(tmp_path / "a.wav", format="RF64", subtype="PCM_16")
    expected, _ = load_audio(path)
    at = path.read_bytes().index(b"ds64") + 16
    for size in (0, 2**64 - 1, 2**63):
        np.testing.assert_array_equal(
            load_audio(patch(path, at, "<Q", size))[0], expected
        )


@pytest.mark.parametrize("surplus", [1, 2, 6, 7, 100, 512, 4096])
def test_what_is_missing_is_reported(surplus, tmp_path):
    path = write(tmp_path / "a.wav")
    patch(path, 40, "<I", len(path.read_bytes()) - 44 + surplus)
    assert reason_of(path).startswith("truncated: ")


@pytest.mark.parametrize("n_samples", [1000, 1001])
@pytest.mark.parametrize("size", ["right", 0, 0xFFFFFFFF])
def test_chunks_behind_the_samples(n_samples, size, tmp_path):
    samples = bytes(range(1, 251)) * 4 + bytes(n_samples - 1000)
    pad = bytes(n_samples % 2)
    n_bytes = n_samples if size == "right" else size
    good = b"LIST\x04\0\0\0INFOguan\x03\0\0\0a:1\0"
    for behind in (b"", good, good[:4] + size_of(99999) + good[8:], bytes(300)):
        if size != "right" and behind:
            continue  # no program writes chunks behind samples of unknown size
        content = wav(bits=8) + size_of(n_bytes) + samples + pad + behind
        (tmp_path / "a.wav").write_bytes(content)
        n_read = audio_info(tmp_path / "a.wav").n_samples
        assert n_read == n_samples + (len(pad) if size != "right" else 0)


def test_wrong_sizes_of_w64(tmp_path):
    path = write(tmp_path / "a.w64", format="W64", subtype="PCM_16")
    expected, _ = load_audio(path)
    n_bytes = path.stat().st_size
    for size in (n_bytes + 24, 0xFFFFFFFF, 2**64 - 1):
        patch(path, 16, "<Q", size)
        np.testing.assert_array_equal(load_audio(path)[0], expected)
    # More than 4 GB are no unknown size in a format that is made for them.
    assert reason_of(patch(path, 16, "<Q", 5 * 10**9)).startswith("truncated: 2.000 s")


def test_bw64(tmp_path):
    pcm = np.random.default_rng(8).bytes(4000)
    ds64 = b"ds64" + struct.pack("<IQQQI", 28, 4080, 4000, 2000, 0)
    header = wav(magic=b"BW64", before=ds64)
    (tmp_path / "a.wav").write_bytes(wav() + size_of(4000) + pcm)
    for size in (4000, 0xFFFFFFFF):
        (tmp_path / "b.wav").write_bytes(header + size_of(size) + pcm)
        expected, _ = load_audio(tmp_path / "a.wav")
        np.testing.assert_array_equal(load_audio(tmp_path / "b.wav")[0], expected)
    (tmp_path / "b.wav").write_bytes(header + size_of(0xFFFFFFFF) + pcm[:2000])
    assert reason_of(tmp_path / "b.wav").startswith("truncated: ")


@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0xFFFFFFFF, 44152])
def test_wrong_sizes_of_aiff(size, tmp_path):
    path = write(tmp_path / "a.aiff", NOISE[:22050])
    expected, _ = load_audio(path)
    at = path.read_bytes().index(b"SSND") + 4
    np.testing.assert_array_equal(load_audio(patch(path, at, ">I", size))[0], expected)


# No disk holds these files: they are as good as empty.
@pytest.mark.skipif(os.name != "posix", reason="needs sparse files")
@pytest.mark.parametrize("n_wraps", [1, 2])
@pytest.mark.parametrize(
    ("size", "behind"),
    [
        ("wrapped", b""),
        ("wrapped", b"LIST\xc8\0\0\0INFO" + bytes(196)),
        ("wrapped", b"\xff" * 20),
        ("44 too many", b""),
        (0, b""),
        (0x7FFFF000, b""),
        (0xFFFFFFFF, b""),
    ],
)
@pytest.mark.parametrize(("n_channels", "bits"), [(1, 16), (2, 24)])
def test_a_wav_of_more_than_4_gb(n_wraps, size, behind, n_channels, bits, tmp_path):
    path, last = tmp_path / "long.wav", np.arange(1, 1001)
    block = n_channels * bits // 8
    n_samples = (n_wraps * 2**32 + 10**9) // block
    claimed = {"wrapped": n_samples * block, "44 too many": n_samples * block + 44}
    with path.open("wb") as file:
        file.write(wav(n_channels, bits, 48000))
        file.write(size_of(claimed.get(size, size) % 2**32))
        file.seek(44 + (n_samples - 1000) * block)
        frames = np.repeat(last, n_channels).astype("<i4").view(np.uint8).reshape(-1, 4)
        file.write(frames[:, : bits // 8].tobytes())
        file.write(behind)
    info = audio_info(path)
    assert (info.n_samples, info.sample_rate) == (n_samples, 48000)
    assert not load_audio(path, duration=0.1)[0].any()
    assert not next(iter_blocks(path, block_duration=1.0)).any()
    with _Recording(path) as recording:
        recording._file.seek(n_samples - 1000)
        block = np.concatenate(list(_take(recording.blocks(48000), 1000)))
    np.testing.assert_allclose(block, last / 2.0 ** (bits - 1), rtol=1e-6)


@pytest.mark.skipif(os.name != "posix", reason="needs sparse files")
def test_a_wav_of_more_than_4_gb_that_was_cut_short(tmp_path):
    path = tmp_path / "long.wav"
    path.write_bytes(wav() + size_of(10**9))
    with path.open("r+b") as file:
        file.truncate(2**32 + 10**8)
    found, wanted = 2**32 + 10**8 - 44, 2**32 + 10**9
    expected = (
        f"truncated: {found / 44100:.3f} s found, {wanted / 44100:.3f} s expected"
    )
    assert reason_of(path).startswith(expected)


# MP3 with and without an index -------------------------------------------------------


def write_mp3(path: Path, mode: str) -> tuple[bytes, bytes]:
    """Return an MP3 file's index frame and the frames after it."""
    from sklearn_sed.audio._mp3 import _mp3_frames

    how = {"bitrate_mode": mode, "compression_level": 0.5}
    content = write(path, np.tile(NOISE, 3), 44100, **how).read_bytes()
    at = _mp3_frames()[content[:3]][0]
    return content[:at], content[at:]


def test_mp3_tags_are_no_audio(tmp_path):
    path = tmp_path / "a.mp3"
    index, frames = write_mp3(path, "VARIABLE")
    whole, _ = load_audio(path)
    id3 = b"ID3\x04\x00\x00\x00\x00\x10\x00" + bytes(2048)
    ape = b"APETAGEX" + np.random.default_rng(7).bytes(20000)
    for content in (id3 + index + frames, index + frames + ape):
        path.write_bytes(content)
        np.testing.assert_array_equal(load_audio(path)[0], whole)


def test_mp3_of_constant_bit_rate_needs_no_index(tmp_path):
    path = tmp_path / "a.mp3"
    _, frames = write_mp3(path, "CONSTANT")
    tag = b"TAG" + bytes(125)
    for content in (frames, frames + tag, bytes(500) + frames):
        path.write_bytes(content)
        assert len(load_audio(path)[0]) / 44100 == pytest.approx(3.0, abs=0.1)
    path.write_bytes(frames[: len(frames) // 2 + 100])
    assert reason_of(path).startswith("truncated: 1.5")


def test_mp3_that_decodes_only_in_part(tmp_path):
    path = tmp_path / "a.mp3"
    index, frames = write_mp3(path, "VARIABLE")
    path.write_bytes(frames)  # libsndfile guesses the length, far too short
    assert reason_of(path).startswith("truncated or damaged: ")
    path.write_bytes(2 * (index + frames))
    assert reason_of(path).startswith("truncated or damaged: 3.000 s found, 6.0")


def test_flac_behind_an_id3_tag(tmp_path):
    path = write(tmp_path / "a.flac")
    id3 = b"ID3\x04\x00\x00\x00\x00\x00\x10" + bytes(16)
    path.write_bytes(id3 + path.read_bytes())
    assert len(load_audio(path)[0]) == len(NOISE)


def test_mutated_headers_do_no_harm():
    script = Path(__file__).parents[2] / "benchmarks" / "fuzz_audio.py"
    if not script.exists():
        pytest.skip("the benchmarks are not beside these tests")
    command = [sys.executable, str(script), "--files", "200"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "slowest" in done.stdout
