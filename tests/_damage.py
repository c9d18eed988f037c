"""Twenty ways in which audio files are damaged."""

import os
import struct

import numpy as np
import soundfile

RATE = 22050


def damage_in_twenty_ways(folder) -> dict[str, str]:
    """Write twenty damaged files; return the class of damage by path."""
    noise = 0.1 * np.random.default_rng(0).standard_normal(RATE)

    def sound(name, samples=noise, subtype=None):
        path = folder / name
        soundfile.write(path, samples, RATE, subtype=subtype)
        return path, bytearray(path.read_bytes())

    def patched(name, at, form, value):
        path, content = sound(name)
        struct.pack_into(form, content, at, value)
        path.write_bytes(content)

    def cut(name, n_bytes):
        path, content = sound(name)
        path.write_bytes(content[:n_bytes])

    def special(name, value):
        samples = noise.copy()
        samples[5000] = value
        sound(name, samples, "FLOAT")

    rng = np.random.default_rng(1)
    (folder / "empty.wav").touch()
    cut("header.wav", 44)
    for name in ("cut.wav", "cut.flac", "cut.ogg", "cut.mp3"):
        cut(name, int(rng.integers(4000, 5000)))
    sound("no_data.wav", noise[:0])
    patched("rate_0.wav", 24, "<I", 0)
    patched("rate_max.wav", 24, "<I", 2**31 - 1)
    patched("no_channels.wav", 22, "<H", 0)
    special("nan.wav", np.nan)
    special("infinite.wav", np.inf)
    special("huge.wav", 1e20)
    (folder / "text.wav").write_text("not audio " * 500)
    (folder / "jpeg.mp3").write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF" + rng.bytes(9000))
    (folder / "m4a.flac").write_bytes(b"\x00\x00\x00\x20ftypM4A " + rng.bytes(9000))
    (folder / "random.ogg").write_bytes(rng.bytes(9000))
    (folder / "folder.wav").mkdir()
    os.symlink(folder / "gone.wav", folder / "link.wav")
    classes = {
        "empty.wav": "empty",
        "header.wav": "truncated",
        "cut.wav": "truncated",
        "cut.flac": "truncated or damaged",
        "cut.ogg": "truncated",
        "cut.mp3": "truncated",
        "no_data.wav": "no samples",
        "rate_0.wav": "implausible header",
        "rate_max.wav": "implausible header",
        "no_channels.wav": "implausible header",
        "nan.wav": "not finite",
        "infinite.wav": "not finite",
        "huge.wav": "implausible amplitude",
        "text.wav": "unreadable",
        "jpeg.mp3": "unreadable",
        "m4a.flac": "unreadable",
        "random.ogg": "unreadable",
        "folder.wav": "directory",
        "link.wav": "dangling link",
        "missing.wav": "missing",
    }
    return {str(folder / name): kind for name, kind in classes.items()}
