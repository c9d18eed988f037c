"""Audio files to waveforms: open, check, resample, stream, cut."""

from sklearn_sed.audio._files import (
    AudioInfo,
    Excerpt,
    audio_info,
    iter_blocks,
    iter_excerpts,
    load_audio,
)

__all__ = [
    "AudioInfo",
    "Excerpt",
    "audio_info",
    "iter_blocks",
    "iter_excerpts",
    "load_audio",
]
