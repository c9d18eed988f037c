"""Log-mel features that know their own clock, and the transformer that makes them."""

import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, takewhile
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import validate_data

from sklearn_sed._clips._array import FeatureArray, stack_clips
from sklearn_sed._features._logmel import (
    SILENCE_DB,
    Bank,
    hann_window,
    log_mel,
    mel_filters,
)
from sklearn_sed.audio._files import MAX_AMPLITUDE, load_clip
from sklearn_sed.exceptions import AudioError, AudioWarning, ClipError

BadClip = AudioError | ClipError

# What a device other than the processor is given at a time, whichever is reached first
_CLIPS_AT_ONCE = 64
_SAMPLES_AT_ONCE = 2**22


class LogMelTransformer(TransformerMixin, BaseEstimator):
    """Turn audio files or waveforms into log-mel spectrograms.

    Equal to ``librosa.feature.melspectrogram`` (Hann window, centred frames, silence
    beyond the ends, Slaney mel scale and norm, power) followed by
    ``power_to_db(ref=1, top_db=None)``. Every clip is computed on its own: neither
    the order nor the company of clips changes a value. Nothing is learned; `fit` only
    checks its input, and `transform` works without it.

    Parameters
    ----------
    sample_rate : int, default=22050
        Samples per second of the waveforms. Files are resampled to it.
    n_fft : int, default=2048
        Samples per frame.
    hop_length : int, default=512
        Samples from one frame to the next; ``hop_length / sample_rate`` is the time
        resolution in seconds.
    n_mels : int, default=64
        Number of mel bands.
    fmin : float, default=0.0
        Lowest frequency in Hz.
    fmax : float, default=None
        Highest frequency in Hz; None means ``sample_rate / 2``.
    duration : float, default=None
        Bring every clip to this length in seconds: longer ones are cut, shorter ones
        padded with silence at the end. None keeps each clip's own length.
    on_error : {"raise", "warn", "skip"}, default="raise"
        What to do with a clip that cannot be used (a damaged file; NaN in a waveform):
        raise its error, or put silence in its place so that rows stay aligned with
        `y`, with one warning per clip or without. That silence is as long as
        `duration`, else as the median of the other clips. What was left out is listed
        in `report_`. When no clip can be used, the first error is raised all the same.
    n_jobs : int, default=None
        Number of clips read and transformed at the same time, in threads. None means
        1 unless in a :class:`joblib.parallel_config` context, -1 all processors.
    device : str, default="cpu"
        Where `transform` computes. "cpu" is the fastest form for a processor; with any
        other device of torch that computes in float64, such as "cuda", the clips are
        read as before and transformed there in batches. :func:`store_features` and the
        functions of :mod:`sklearn_sed.inference` compute on the processor.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    report_ : DataFrame with columns path, class, reason
        The clips that the last `fit`, `transform` or `fit_transform` left out. The
        index is the position in X; `path` the file (or ``"clip 3"`` for a waveform),
        `class` the kind of damage ("missing", "truncated", "not finite"...), `reason`
        what is wrong and what to do. It is the one attribute that `transform` changes
        too, so that a fitted Pipeline can tell what its last `predict` left out.
    n_features_in_ : int
        Samples per clip, when `fit` saw one 2-D array. As everywhere in scikit-learn,
        a 2-D array of another length is refused afterwards: pass a list of waveforms
        when lengths differ.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, when `fit` saw a DataFrame of samples.

    See Also
    --------
    FeatureArray : What `transform` returns.
    sklearn_sed.audio.load_audio : Read one file.

    Notes
    -----
    Waveforms are taken as they are, never rescaled by a guess: int16 and other narrow
    integers are refused because they are PCM codes, and so is any value beyond 1000.

    What torch does for `device` was built and tested with torch on a processor. Its
    speed on a GPU was not measured.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sed import LogMelTransformer
    >>> noise = 0.1 * np.random.default_rng(0).standard_normal((3, 22050))
    >>> X = LogMelTransformer().fit_transform(noise)
    >>> X.shape, round(X.time_resolution, 4), X.durations
    ((3, 44, 64), 0.0232, array([1., 1., 1.]))
    >>> ragged = LogMelTransformer().transform([noise[0], noise[1, :9000]])
    >>> [clip.shape for clip in ragged]
    [(44, 64), (18, 64)]
    """

    _parameter_constraints: ClassVar[dict] = {
        "sample_rate": [Interval(Integral, 1, None, closed="left")],
        "n_fft": [Interval(Integral, 2, None, closed="left")],
        "hop_length": [Interval(Integral, 1, None, closed="left")],
        "n_mels": [Interval(Integral, 1, None, closed="left")],
        "fmin": [Interval(Real, 0, None, closed="left")],
        "fmax": [Interval(Real, 0, None, closed="neither"), None],
        "duration": [Interval(Real, 0, None, closed="neither"), None],
        "on_error": [StrOptions({"raise", "warn", "skip"})],
        "n_jobs": [Integral, None],
        "device": [str],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        *,
        sample_rate=22050,
        n_fft=2048,
        hop_length=512,
        n_mels=64,
        fmin=0.0,
        fmax=None,
        duration=None,
        on_error="raise",
        n_jobs=None,
        device="cpu",
        verbose=0,
    ):
        self.sample_rate = sample_rate
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.n_mels = n_mels
        self.fmin = fmin
        self.fmax = fmax
        self.duration = duration
        self.on_error = on_error
        self.n_jobs = n_jobs
        self.device = device
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Check the parameters and the input; files are not opened yet.

        Parameters
        ----------
        X : sequence of str or Path, ndarray of shape (n_clips, n_samples), or \
sequence of 1-D arrays
            Audio files, or mono waveforms in -1..1 at `sample_rate`.
        y : object, default=None
            Not used.

        Returns
        -------
        LogMelTransformer
            The transformer itself.

        Raises
        ------
        ClipError
            For a waveform of the wrong rank or dtype, and, with
            ``on_error="raise"``, for one that is empty, not finite or far beyond 1.
        """
        self._check_settings()
        clips = self._check_clips(X, reset=True)
        if self.on_error == "raise":
            for i, clip in enumerate(clips):
                if not _is_path(clip):
                    _check_waveform(i, clip)
        self.report_ = _report({})
        return self

    def transform(self, X):
        """Compute the spectrograms.

        Parameters
        ----------
        X : sequence of str or Path, ndarray of shape (n_clips, n_samples), or \
sequence of 1-D arrays
            Audio files, or mono waveforms in -1..1 at `sample_rate`.

        Returns
        -------
        FeatureArray of shape (n_clips, n_frames, n_mels), or of n_clips arrays
            Decibels relative to 1, float32, down to -100. Clips of different lengths
            come as a 1-D object array of (n_frames_i, n_mels) arrays. `durations` are
            the clips' own lengths, or `duration` where that is shorter; `time_offset`
            is half a frame before 0, for frame k is centred on ``k * hop_length``
            samples.

        Raises
        ------
        AudioError
            For a file that cannot be read whole, with ``on_error="raise"``.
        ClipError
            For a waveform of the wrong rank or dtype, and, with
            ``on_error="raise"``, for one that is empty, not finite or far beyond 1.
        """
        self._validate_params()
        self._check_settings()
        clips = self._check_clips(X, reset=False)
        results, errors = [], {}
        for result in self._iter_results(clips, errors):
            if isinstance(result, BadClip):
                errors[len(results)] = result
                if self.on_error == "warn":
                    message = f"{result} (silence takes its place)"
                    warnings.warn(message, AudioWarning, stacklevel=2)
            results.append(result)
        if errors:
            self._settle(results, errors)
        if errors or not hasattr(self, "report_") or len(self.report_):
            self.report_ = _report(errors)
        resolution = self.hop_length / self.sample_rate
        rows, seconds = zip(*results)
        return FeatureArray(stack_clips(rows), resolution, seconds, -resolution / 2)

    def _check_settings(self) -> None:
        """Check the mel bands, which end at half the sample rate, and the device."""
        highest = self.sample_rate / 2
        fmax = highest if self.fmax is None else self.fmax
        if not self.fmin < fmax <= highest:
            raise ValueError(
                f"fmin={self.fmin} and fmax={self.fmax} must satisfy fmin < fmax <= "
                f"sample_rate / 2 = {highest:g} Hz"
            )
        if self.device != "cpu":
            from sklearn_sed.nn._devices import check_device

            check_device(self.device, "float64")

    def _check_clips(self, X: Any, *, reset: bool) -> Sequence:
        """Return the paths or waveforms of X, after a look at their form."""
        clips = _listed_clips(X)
        if clips is None:
            self._check_length(X, reset=reset)
            clips = validate_data(
                self, X, reset=reset, dtype="numeric", ensure_all_finite=False
            )
        elif reset:
            for name in ("n_features_in_", "feature_names_in_"):
                self.__dict__.pop(name, None)
        for i, clip in enumerate(clips):
            if not _is_path(clip):
                _check_form(i, clip)
        return clips

    def _check_length(self, X: Any, *, reset: bool) -> None:
        """Refuse a 2-D array of another length than in fit, as scikit-learn does."""
        shape: tuple = getattr(X, "shape", ())
        expected = getattr(self, "n_features_in_", None)
        if reset or expected is None or len(shape) != 2 or shape[1] == expected:
            return
        raise ValueError(
            f"X has {shape[1]} features, but {type(self).__name__} is expecting "
            f"{expected} features as input, the samples per clip that fit saw. For "
            f"clips of another length pass a list of waveforms: list(X)"
        )

    def _iter_results(self, clips: Sequence, errors: dict[int, BadClip]) -> Iterable:
        """Yield the spectrogram and the seconds of each clip, or what is wrong."""
        from joblib import Parallel, delayed, effective_n_jobs
        from tqdm import tqdm

        how = self.duration, self._kernel()
        n_clips, n_jobs = len(clips), effective_n_jobs(self.n_jobs)
        on_cpu = self.device == "cpu"
        if on_cpu:
            calls = (delayed(transform_clip)(i, c, *how) for i, c in enumerate(clips))
            # a clip takes so little that handing it over would cost a third more
            n_at_once = max(1, min(16, n_clips // (4 * n_jobs)))
        else:
            n_each = max(1, min(_CLIPS_AT_ONCE, n_clips // n_jobs))
            calls = (
                delayed(_transform_on)(self.device, i, clips[i : i + n_each], *how)
                for i in range(0, n_clips, n_each)
            )
            n_at_once = 1
        # once the first error is known no further clip is begun
        tasks = takewhile(lambda _: self.on_error != "raise" or not errors, calls)
        parallel = Parallel(
            self.n_jobs,
            prefer="threads",
            return_as="generator",
            batch_size=n_at_once,
            pre_dispatch=4 * n_at_once * n_jobs,
        )
        bar = {"desc": "log-mel", "unit": "clip", "disable": not self.verbose}
        results = parallel(tasks)
        return tqdm(
            results if on_cpu else chain.from_iterable(results), total=n_clips, **bar
        )

    def _kernel(self) -> dict[str, Any]:
        """Return the parameters of the spectrogram itself."""
        names = ("sample_rate", "n_fft", "hop_length", "n_mels", "fmin", "fmax")
        return {name: getattr(self, name) for name in names}

    def _settle(self, results: list, errors: dict[int, BadClip]) -> None:
        """Raise the first error, or put silence in the place of bad clips."""
        first = next(iter(errors.values()))
        sound = [result for result in results if not isinstance(result, BadClip)]
        if self.on_error == "raise":
            raise first
        if not sound:
            first.add_note(f"None of the {len(results)} clips could be used.")
            raise first
        n_frames, seconds = typical_length(
            [len(row) for row, _ in sound], [seconds for _, seconds in sound]
        )
        silence = np.full((n_frames, self.n_mels), SILENCE_DB, np.float32)
        for i in errors:
            results[i] = silence, seconds

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def _is_path(clip: Any) -> bool:
    return isinstance(clip, str | os.PathLike)


def _listed_clips(X: Any) -> list | None:
    """Return the clips of a sequence of paths or arrays; None for a 2-D array."""
    if _is_path(X):
        raise ValueError(f"X is one path; pass a list of paths: [{X!r}]")
    if getattr(X, "ndim", 0) > 2:
        raise ValueError(
            f"X has shape {X.shape}: expected mono waveforms, (n_clips, n_samples). "
            f"Average the channels first: X.mean(axis={1 + np.argmin(X.shape[1:])})"
        )
    if getattr(X, "ndim", 0) == 2:
        is_table = isinstance(X, np.ndarray | pd.DataFrame) and X.size > 0
        if is_table and _is_path(np.asarray(X)[0, 0]):
            raise ValueError("X is a table of paths; pass one column: list(X[name])")
        return None
    if isinstance(X, Iterator):
        raise ValueError("X can be gone through only once: pass a list, list(X)")
    if not isinstance(X, list | tuple) and getattr(X, "ndim", 0) != 1:
        return None
    clips = list(X)
    if not clips:
        raise ValueError("X is empty: pass at least one path or waveform")
    if all(isinstance(clip, Real) for clip in clips):
        raise ValueError(
            f"Reshape your data: X is one waveform of {len(clips)} samples; pass a "
            "list of waveforms, [X]"
        )
    if all(isinstance(clip, list | tuple) for clip in clips):
        equally_long = len({len(clip) for clip in clips}) == 1
        return None if equally_long else [np.asarray(clip) for clip in clips]
    if not any(_is_path(clip) or getattr(clip, "ndim", 0) > 0 for clip in clips):
        return None
    return clips


def _check_form(clip_index: int, clip: Any) -> None:
    """Complain about what can never be a mono waveform, however its values are."""
    shape = getattr(clip, "shape", None)
    if shape is None or len(shape) == 0:
        reason = f"{clip!r} is neither a path nor a 1-D array; pass one of them"
        raise ClipError(clip_index, f"wrong form: {reason}")
    if len(shape) > 1:
        raise ClipError(
            clip_index,
            f"wrong form: shape {shape}, but waveforms are mono, (n_samples,); average "
            f"the channels first: clip.mean(axis={np.argmin(shape)})",
        )
    dtype = np.asarray(clip[:0]).dtype
    if dtype.kind in "iu" and dtype.itemsize < 4:
        full_scale = 2 ** (8 * dtype.itemsize - 1)
        offset = f" - {full_scale}.0" if dtype.kind == "u" else ""
        raise ClipError(
            clip_index,
            f"wrong form: {dtype} holds PCM codes; scale them to -1..1 first: "
            f"(clip{offset}) / {full_scale}",
        )
    if dtype.kind not in "biuf":
        raise ClipError(clip_index, f"wrong form: dtype {dtype}; pass floats in -1..1")


def _check_waveform(clip_index: int, clip: Any) -> np.ndarray:
    """Return a waveform as contiguous float32, or complain about its values."""
    with np.errstate(over="ignore"):
        waveform = np.ascontiguousarray(clip, dtype=np.float32)
    if not len(waveform):
        raise ClipError(clip_index, "no samples: it is empty; leave it out")
    peak = max(waveform.max(), -waveform.min())  # NaN and infinity survive both
    if peak <= MAX_AMPLITUDE:
        return waveform
    if np.isfinite(peak):
        reason = f"implausible amplitude: a peak of {peak:.6g}; scale it to -1..1 first"
        raise ClipError(clip_index, f"{reason} (16-bit PCM codes: clip / 32768)")
    at = int(np.flatnonzero(~np.isfinite(waveform))[0])
    what = "NaN" if np.isnan(waveform[at]) else "infinity"
    reason = f"not finite: {what} at sample {at}; replace it or leave the clip out"
    raise ClipError(clip_index, reason)


def transform_clip(
    clip_index: int, clip: Any, duration: float | None, kernel: dict
) -> tuple[np.ndarray, float] | BadClip:
    """Return the spectrogram of a clip and its length in seconds, or its error."""
    loaded = _load_waveform(clip_index, clip, duration, kernel["sample_rate"])
    if isinstance(loaded, BadClip):
        return loaded
    waveform, seconds = loaded
    return log_mel(waveform, **kernel), seconds


def _transform_on(
    device: str, start: int, clips: Sequence, duration: float | None, kernel: dict
) -> list[tuple[np.ndarray, float] | BadClip]:
    """Do the same for several clips by torch, the first of which has index `start`."""
    from sklearn_sed.nn._log_mel import batched_log_mel

    bank = Bank(**{name: kernel[name] for name in Bank._fields})
    loaded = (
        _load_waveform(i, clip, duration, kernel["sample_rate"])
        for i, clip in enumerate(clips, start)
    )
    results: list[tuple[np.ndarray, float] | BadClip] = []
    for batch in _batches(loaded):
        spectrograms = batched_log_mel(
            [result[0] for result in batch if not isinstance(result, BadClip)],
            window=hann_window(kernel["n_fft"]),
            filters=mel_filters(bank),
            hop_length=kernel["hop_length"],
            floor=float(SILENCE_DB),
            device=device,
        )
        results += [
            result if isinstance(result, BadClip) else (next(spectrograms), result[1])
            for result in batch
        ]
    return results


def _batches(loaded: Iterable) -> Iterator[list]:
    """Divide waveforms into batches, each of which ends once it is large enough."""
    batch, n_samples = [], 0
    for result in loaded:
        batch.append(result)
        n_samples += 0 if isinstance(result, BadClip) else len(result[0])
        if n_samples >= _SAMPLES_AT_ONCE:
            yield batch
            batch, n_samples = [], 0
    if batch:
        yield batch


def _load_waveform(
    clip_index: int, clip: Any, duration: float | None, sample_rate: int
) -> tuple[np.ndarray, float] | BadClip:
    """Return the waveform of a clip and its length in seconds, or its error."""
    try:
        if _is_path(clip):
            waveform, _, seconds = load_clip(clip, sample_rate, duration)
        else:
            waveform = _check_waveform(clip_index, clip)
            seconds = len(waveform) / sample_rate
    except (AudioError, ClipError) as error:
        return error
    if duration is not None:
        n_samples = max(1, round(duration * sample_rate))
        waveform = waveform[:n_samples]
        waveform = np.pad(waveform, (0, n_samples - len(waveform)))
        seconds = min(seconds, duration)
    return waveform, seconds


def typical_length(
    n_frames: Sequence[int], seconds: Sequence[float]
) -> tuple[int, float]:
    """Return the median length of clips in frames and in seconds."""
    # the lower median is the length of a clip: equal lengths stay equal
    middle = (len(n_frames) - 1) // 2
    return sorted(n_frames)[middle], sorted(seconds)[middle]


def _report(errors: dict[int, BadClip]) -> pd.DataFrame:
    """Tabulate the clips that were left out."""
    rows = [
        (
            getattr(error, "path", f"clip {i}"),
            error.reason.partition(":")[0],
            error.reason,
        )
        for i, error in errors.items()
    ]
    index = pd.Index(list(errors), dtype=int, name="clip")
    return pd.DataFrame(rows, index=index, columns=["path", "class", "reason"])
