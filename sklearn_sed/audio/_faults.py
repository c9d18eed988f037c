"""What is wrong with an audio file, in words that say what to do."""

from sklearn_sed.exceptions import AudioError

RECOVER = "copy or download it again"
CONVERT = "convert it to WAV or FLAC, or leave it out"
SAMPLE_RATES = (100, 1_000_000)  # Hz: from whale hydrophones to bat detectors


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
