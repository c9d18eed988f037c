"""Audio files to mono waveforms: open, check, resample, stream."""

from sklearn_sed.audio._files import AudioInfo, audio_info, iter_blocks, load_audio

__all__ = ["AudioInfo", "audio_info", "iter_blocks", "load_audio"]
