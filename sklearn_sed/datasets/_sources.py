"""Synthetic sounds named after the ten classes of DCASE 2018 task 4.

Every sound is made anew: pitch, rhythm, timbre, length and run-up are drawn at random,
so that no two events of a class are alike. None imitates a recording; each has the
structure that makes its class recognisable in a spectrogram.

A source is a function ``(rng, sample_rate, duration) -> waveform`` that sounds for
about ``duration`` seconds. Levels are arbitrary: the mixer sets them.
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from scipy import fft, signal

__all__ = ["SYNTHETIC_SOURCES", "draw_synthetic"]

Source = Callable[[np.random.Generator, int, float], np.ndarray]

# Formants F1 to F4 (Hz) of an average adult voice.
_VOWELS = np.array(
    [
        [730, 1090, 2440, 3400],
        [530, 1840, 2480, 3500],
        [270, 2290, 3010, 3600],
        [570, 840, 2410, 3300],
        [300, 870, 2240, 3300],
        [500, 1500, 2500, 3500],
    ],
    dtype=float,
)
_CONTROL_RATE = 200  # points per second at which amplitudes are computed


# --------------------------------------------------------------------------------------
# Building blocks
# --------------------------------------------------------------------------------------


def _curve(values: np.ndarray, n_samples: int) -> np.ndarray:
    """Stretch control values over ``n_samples``, joined by straight lines."""
    points = np.linspace(0, n_samples - 1, len(values))
    return np.interp(np.arange(n_samples), points, values).astype(np.float32)


def _wander(
    rng: np.random.Generator,
    n_samples: int,
    sample_rate: int,
    rate: float,
    depth: float,
) -> np.ndarray:
    """Draw a smooth random curve around 1 that turns ``rate`` times per second."""
    n_points = max(4, int(np.ceil(rate * n_samples / sample_rate)) + 3)
    points = np.exp(depth * rng.standard_normal(n_points))
    return _curve(signal.resample(points, 4 * n_points), n_samples).clip(0.05, None)


def _fades(
    n_samples: int, sample_rate: int, attack: float, release: float
) -> np.ndarray:
    """Return a gain that rises for ``attack`` and falls for ``release`` seconds."""
    time = np.arange(n_samples, dtype=np.float32) / sample_rate
    rise = (time + 1e-4) / max(attack, 1e-4)
    fall = (time[::-1] + 1e-4) / max(release, 1e-4)
    return np.minimum(1, np.minimum(rise, fall))


def _shape(
    waveform: np.ndarray, sample_rate: int, gain: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Multiply the spectrum by ``gain(frequency in Hz)``."""
    n_fft = fft.next_fast_len(len(waveform), real=True)
    spectrum = fft.rfft(waveform.astype(np.float32), n_fft)
    frequency = fft.rfftfreq(n_fft, 1 / sample_rate)
    spectrum *= gain(np.maximum(frequency, 1)).astype(np.float32)
    return fft.irfft(spectrum, n_fft)[: len(waveform)]


def _band(
    low: float, high: float, order: float = 2
) -> Callable[[np.ndarray], np.ndarray]:
    """Return the gain of a smooth band-pass filter."""
    return lambda frequency: (
        1
        / np.sqrt(
            (1 + (low / frequency) ** (2 * order))
            * (1 + (frequency / high) ** (2 * order))
        )
    )


def _noise(
    rng: np.random.Generator,
    n_samples: int,
    sample_rate: int,
    low: float,
    high: float,
    order: float = 2,
) -> np.ndarray:
    """Draw band-limited noise with an RMS of 1."""
    noise = rng.standard_normal(n_samples, dtype=np.float32)
    return _unit(_shape(noise, sample_rate, _band(low, high, order)))


def _unit(waveform: np.ndarray) -> np.ndarray:
    """Scale to an RMS of 1."""
    return waveform / np.sqrt(np.mean(np.square(waveform)) + 1e-20)


def _resonances(
    frequency: np.ndarray, centres: np.ndarray, widths: np.ndarray
) -> np.ndarray:
    """Return the summed gain of resonances (Hz) at ``frequency`` (Hz).

    ``centres`` has one row per resonance, broadcast against ``frequency``.
    """
    offset = (frequency - centres) / (0.5 * widths)
    return np.sum(1 / np.sqrt(1 + offset**2), axis=0)


def _voice(
    pitch: np.ndarray, sample_rate: int, amplitude: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Add up harmonics of a moving pitch under a moving spectral envelope.

    ``pitch`` (Hz) and what ``amplitude(frequency)`` returns are control curves of one
    length, spread over ``len(pitch) / _CONTROL_RATE`` seconds.
    """
    n_samples = round(len(pitch) / _CONTROL_RATE * sample_rate)
    cycles = np.cumsum(_curve(pitch, n_samples).astype(float)) / sample_rate
    step = np.exp(2j * np.pi * cycles).astype(np.complex64)
    turn = np.ones_like(step)
    waveform = np.zeros(n_samples, dtype=np.float32)
    limit = 0.45 * sample_rate
    for harmonic in range(1, int(limit / pitch.min()) + 1):
        turn *= step
        frequency = harmonic * pitch
        loudness = amplitude(frequency) * np.clip(10 * (1 - frequency / limit), 0, 1)
        waveform += _curve(loudness, n_samples) * turn.imag
    return waveform


def _motor(
    rng: np.random.Generator, pitch: np.ndarray, sample_rate: int, weights: np.ndarray
) -> np.ndarray:
    """Sound harmonics of fixed weights over a moving pitch (Hz, one per sample)."""
    n_harmonics = min(len(weights), max(1, int(0.45 * sample_rate / pitch.max())))
    spectrum = np.zeros(4097, dtype=complex)
    phases = rng.uniform(0, 2 * np.pi, n_harmonics)
    spectrum[1 : n_harmonics + 1] = weights[:n_harmonics] * np.exp(1j * phases)
    period = fft.irfft(spectrum).astype(np.float32)
    cycles = np.cumsum(pitch.astype(float)) / sample_rate
    return _unit(period[(cycles % 1 * len(period)).astype(int)])


def _run_up(n_samples: int, sample_rate: int, start: float, stop: float) -> np.ndarray:
    """Return the relative speed of a motor that starts and stops (seconds each)."""
    time = np.arange(n_samples, dtype=np.float32) / sample_rate
    speed = 1 - 0.7 * np.exp(-time / (start / 3))
    return speed * (1 - 0.6 * np.exp(-time[::-1] / (stop / 3)))


def _repeat(
    rng: np.random.Generator,
    make: Callable[[], np.ndarray],
    pause: tuple[float, float],
    sample_rate: int,
    duration: float,
) -> np.ndarray:
    """Repeat a sound, with pauses (seconds) too short to part one from the next."""
    parts = [make()]
    length = len(parts[0])
    while length < duration * sample_rate:
        silence = np.zeros(round(rng.uniform(*pause) * sample_rate), dtype=np.float32)
        parts += [silence, make() * rng.uniform(0.5, 1)]
        length += len(silence) + len(parts[-1])
    return np.concatenate(parts)


# --------------------------------------------------------------------------------------
# The ten sounds
# --------------------------------------------------------------------------------------


def _speech(rng: np.random.Generator, sample_rate: int, duration: float) -> np.ndarray:
    """Speak syllables: gliding formants, a falling and accented pitch, fricatives."""
    n_syllables = max(2, round(duration * rng.uniform(3.5, 5.5)))
    n_control = max(8, round(duration * _CONTROL_RATE))
    place = np.linspace(0, n_syllables, n_control, endpoint=False)

    size = rng.uniform(0.95, 1.2)  # a shorter vocal tract raises the formants
    vowels = _VOWELS[rng.integers(len(_VOWELS), size=n_syllables + 1)] * size
    centres = np.stack(
        [np.interp(place, np.arange(n_syllables + 1), formant) for formant in vowels.T]
    )
    widths = np.array([[80.0], [110.0], [170.0], [250.0]])
    strength = np.array([1, 0.6, 0.3, 0.2])[:, None]

    def amplitude(frequency: np.ndarray) -> np.ndarray:
        offset = (frequency - centres) / (0.5 * widths)
        return np.sum(strength / np.sqrt(1 + offset**2), axis=0) / frequency**0.3

    base = rng.choice([rng.uniform(90, 150), rng.uniform(170, 270)])
    accents = _wander(rng, n_control, _CONTROL_RATE, 2.5, 0.12)
    pitch = base * np.linspace(1.15, 0.85, n_control) * accents
    loudness = rng.uniform(0.5, 1, n_syllables)[place.astype(int)]
    syllable = loudness * np.sin(np.pi * (place % 1)) ** rng.uniform(0.4, 0.8)
    voiced = _voice(pitch, sample_rate, lambda f: amplitude(f) * (0.02 + syllable))
    voiced = _unit(voiced)

    for start in np.flatnonzero(rng.random(n_syllables) < 0.4):
        first = int(start / n_syllables * len(voiced))
        hiss = _noise(rng, int(0.09 * sample_rate), sample_rate, 2500, 7000)
        hiss = (hiss * np.hanning(len(hiss)) * rng.uniform(0.2, 0.6))[
            : len(voiced) - first
        ]
        voiced[first : first + len(hiss)] += hiss
    return voiced


def _dog(rng: np.random.Generator, sample_rate: int, duration: float) -> np.ndarray:
    """Bark: a steep rise and fall of pitch, rough, with a hard attack."""
    peak = np.exp(rng.uniform(np.log(280), np.log(800)))  # a large or a small dog
    length = rng.uniform(0.13, 0.26)
    throat = peak * rng.uniform(1.8, 3.0, (2, 1)) * np.array([[1.0], [1.9]])
    rough = rng.uniform(0.2, 0.6)

    def bark() -> np.ndarray:
        n_control = max(8, round(length * rng.uniform(0.8, 1.2) * _CONTROL_RATE))
        time = np.linspace(0, 1, n_control)
        rise = np.interp(time, [0, 0.25, 1], [0.65, 1, rng.uniform(0.45, 0.65)])
        pitch = peak * rng.uniform(0.9, 1.1) * rise
        pitch *= 1 + 0.04 * rng.standard_normal(n_control)
        fade = np.minimum(1, time / 0.06) * (1 - time) ** 0.7

        def amplitude(frequency: np.ndarray) -> np.ndarray:
            widths = np.array([[500.0], [900.0]])
            return fade * _resonances(frequency, throat, widths)

        tone = _unit(_voice(pitch, sample_rate, amplitude))
        breath = _noise(rng, len(tone), sample_rate, peak, 6 * peak)
        return tone + rough * breath * _curve(fade, len(tone))

    return _repeat(rng, bark, (0.04, 0.15), sample_rate, duration)


def _cat(rng: np.random.Generator, sample_rate: int, duration: float) -> np.ndarray:
    """Meow: a long arch of pitch, many harmonics; the mouth opens and closes."""
    top = rng.uniform(450, 850)

    def meow() -> np.ndarray:
        length = np.clip(duration, 0.35, rng.uniform(0.8, 1.6))
        n_control = round(length * _CONTROL_RATE)
        time = np.linspace(0, 1, n_control)
        turn = rng.uniform(0.25, 0.55)
        arch = np.interp(time, [0, turn, 1], [rng.uniform(0.6, 0.85), 1, 0.6])
        arch = np.convolve(np.pad(arch, 20, mode="edge"), np.ones(41) / 41, "valid")
        vibrato = 1 + 0.015 * np.sin(2 * np.pi * rng.uniform(5, 9) * length * time)
        pitch = top * rng.uniform(0.92, 1.08) * arch * vibrato
        mouth = np.interp(time, [0, 0.35, 0.7, 1], [700, 1900, 1500, 800])
        centres = np.stack([mouth, 2.1 * mouth, np.full_like(mouth, 5000)])
        fade = np.minimum(1, time / 0.12) * np.minimum(1, (1 - time) / 0.3) ** 0.8

        def amplitude(frequency: np.ndarray) -> np.ndarray:
            widths = np.array([[500.0], [800.0], [1500.0]])
            return fade * _resonances(frequency, centres, widths)

        tone = _unit(_voice(pitch, sample_rate, amplitude))
        breath = _noise(rng, len(tone), sample_rate, 1500, 7000)
        return tone + 0.05 * breath * _curve(fade, len(tone))

    return _repeat(rng, meow, (0.03, 0.14), sample_rate, duration)


def _alarm(rng: np.random.Generator, sample_rate: int, duration: float) -> np.ndarray:
    """Sound beeps, a bell, a telephone or a siren."""
    make = (_beeps, _bell, _telephone, _siren)[rng.choice(4, p=[0.35, 0.3, 0.2, 0.15])]
    return make(rng, sample_rate, duration)


def _beeps(rng: np.random.Generator, sample_rate: int, duration: float) -> np.ndarray:
    """Beep on one pitch, cut hard."""
    tone = rng.uniform(900, 3600)
    length = rng.uniform(0.06, 0.2)
    weights = np.array([1, 0, rng.uniform(0, 0.5), 0, rng.uniform(0, 0.25)])

    def beep() -> np.ndarray:
        n_samples = round(length * sample_rate)
        waveform = _motor(rng, np.full(n_samples, tone), sample_rate, weights)
        return waveform * _fades(n_samples, sample_rate, 0.004, 0.008)

    pause = rng.uniform(0.05, 0.14)
    return _repeat(rng, beep, (pause, pause + 1e-3), sample_rate, duration)


def _bell(rng: np.random.Generator, sample_rate: int, duration: float) -> np.ndarray:
    """Ring a bell with a clapper that strikes it many times a second."""
    n_samples = round(duration * sample_rate)
    strikes = np.zeros(n_samples, dtype=np.float32)
    every = sample_rate / rng.uniform(9, 24)
    at = (np.arange(0, n_samples, every) + rng.uniform(0, 0.03 * every)).astype(int)
    at = at[at < n_samples]
    strikes[at] = rng.uniform(0.6, 1, len(at))
    partials = rng.uniform(700, 1600) * np.array([1, 1.5, 2.0, 2.74, 3.76, 5.4])
    partials *= rng.uniform(0.98, 1.02, len(partials))
    decay = rng.uniform(0.1, 0.35) / np.sqrt(partials / partials[0])
    ring = _modes(partials, decay, rng.uniform(0.3, 1, 6), rng, sample_rate, 0.6)
    waveform = signal.oaconvolve(strikes, ring)[:n_samples]
    return waveform * _fades(n_samples, sample_rate, 0, 0.05)


def _telephone(
    rng: np.random.Generator, sample_rate: int, duration: float
) -> np.ndarray:
    """Warble between two tones."""
    n_samples = round(duration * sample_rate)
    low = rng.uniform(700, 1500)
    pair = np.array([low, low * rng.uniform(1.15, 1.45)])
    turns = np.arange(n_samples) / sample_rate * rng.uniform(16, 32)
    pitch = pair[turns.astype(int) % 2]
    weights = np.array([1, rng.uniform(0, 0.4), rng.uniform(0, 0.4)])
    waveform = _motor(rng, pitch, sample_rate, weights)
    return waveform * _fades(n_samples, sample_rate, 0.005, 0.02)


def _siren(rng: np.random.Generator, sample_rate: int, duration: float) -> np.ndarray:
    """Sweep a tone up and down."""
    n_samples = round(duration * sample_rate)
    time = np.arange(n_samples) / sample_rate
    sweep = signal.sawtooth(2 * np.pi * rng.uniform(1, 5) * time, rng.choice([0.5, 1]))
    pitch = rng.uniform(900, 2200) * rng.uniform(1.15, 1.5) ** sweep
    weights = np.array([1, 0.3, 0.3, 0.1])
    waveform = _motor(rng, pitch, sample_rate, weights)
    return waveform * _fades(n_samples, sample_rate, 0.01, 0.02)


def _modes(
    frequency: np.ndarray,
    decay: np.ndarray,
    strength: np.ndarray,
    rng: np.random.Generator,
    sample_rate: int,
    duration: float,
) -> np.ndarray:
    """Strike a body: decaying sines, ``decay`` seconds to fall to 1/e."""
    time = np.arange(round(duration * sample_rate)) / sample_rate
    audible = frequency < 0.45 * sample_rate
    phase = rng.uniform(0, 2 * np.pi, len(frequency))
    sines = np.sin(2 * np.pi * frequency[:, None] * time + phase[:, None])
    sines *= np.exp(-time / decay[:, None]) * strength[:, None]
    return sines[audible].sum(axis=0).astype(np.float32)


def _dishes(rng: np.random.Generator, sample_rate: int, duration: float) -> np.ndarray:
    """Clink: inharmonic modes that decay fast, behind a click."""
    body = rng.uniform(1200, 3500)

    def clink() -> np.ndarray:
        n_modes = rng.integers(6, 11)
        frequency = body * rng.uniform(0.85, 1.2) * (1 + rng.uniform(0, 3.5, n_modes))
        decay = rng.uniform(0.025, 0.1, n_modes)
        strength = rng.uniform(0.2, 1, n_modes)
        waveform = _modes(frequency, decay, strength, rng, sample_rate, 0.3)
        n_click = max(8, round(0.006 * sample_rate))
        waveform[:n_click] += (
            rng.uniform(0.5, 2.5)
            * _noise(rng, n_click, sample_rate, 1500, 9000)
            * np.linspace(1, 0, n_click)
        )
        keep = round(rng.uniform(0.08, 0.2) * sample_rate)
        return waveform[:keep] * _fades(keep, sample_rate, 0, 0.03)

    return _repeat(rng, clink, (0, 0.06), sample_rate, duration)


def _frying(rng: np.random.Generator, sample_rate: int, duration: float) -> np.ndarray:
    """Crackle densely over a bright sizzle."""
    n_samples = round(duration * sample_rate)
    rate = np.exp(rng.uniform(np.log(80), np.log(500)))
    density = rate / sample_rate * _wander(rng, n_samples, sample_rate, 1.5, 0.4)
    pops = (
        rng.random(n_samples, dtype=np.float32) < density
    ) * rng.standard_exponential(n_samples, dtype=np.float32) ** rng.uniform(1.2, 1.8)
    low = rng.uniform(1200, 3000)
    crackle = _unit(_shape(pops, sample_rate, _band(low, rng.uniform(6000, 10000))))
    sizzle = _noise(rng, n_samples, sample_rate, rng.uniform(2500, 5000), 11000)
    sizzle *= _wander(rng, n_samples, sample_rate, 1, 0.25)
    waveform = crackle + rng.uniform(0.5, 1.2) * sizzle
    return waveform * _fades(n_samples, sample_rate, rng.uniform(0.02, 0.4), 0.15)


def _running_water(
    rng: np.random.Generator, sample_rate: int, duration: float
) -> np.ndarray:
    """Splash: noise whose bands flutter independently, and bubbles."""
    n_samples = round(duration * sample_rate)
    edges = np.array([250, 700, 1600, 3500, 8000]) * rng.uniform(0.8, 1.3)
    flutter = rng.uniform(4, 12)
    tilt = rng.uniform(0.55, 0.95)
    waveform = np.zeros(n_samples, dtype=np.float32)
    for band, (low, high) in enumerate(pairwise(edges)):
        depth = _wander(rng, n_samples, sample_rate, flutter, rng.uniform(0.2, 0.6))
        noise = _noise(rng, n_samples, sample_rate, low, high, order=3)
        waveform += tilt**band * depth * noise

    length = round(0.05 * sample_rate)
    time = np.arange(length) / sample_rate
    for start in rng.integers(
        max(1, n_samples - length), size=rng.poisson(12 * duration)
    ):
        tone = np.exp(rng.uniform(np.log(400), np.log(1800)))
        rising = 2 * np.pi * tone * time * (1 + 4 * time)
        bubble = np.sin(rising) * np.exp(-time / 0.012) * rng.uniform(0.5, 3)
        waveform[start : start + length] += bubble[: n_samples - start]
    return waveform * _fades(n_samples, sample_rate, rng.uniform(0.03, 0.3), 0.2)


def _vacuum_cleaner(
    rng: np.random.Generator, sample_rate: int, duration: float
) -> np.ndarray:
    """Blow broad noise over a whine that runs up slowly and drifts with the load."""
    n_samples = round(duration * sample_rate)
    start, stop = rng.uniform(0.5, 1.2), rng.uniform(0.3, 0.8)
    speed = _run_up(n_samples, sample_rate, start, stop)
    load = _wander(rng, n_samples, sample_rate, 0.8, 0.025)
    weights = rng.uniform(0.2, 1, 24) / np.arange(1, 25) ** 0.5
    pitch = rng.uniform(180, 380) * speed * load
    whine = _motor(rng, pitch, sample_rate, weights)
    wind = _noise(rng, n_samples, sample_rate, 150, rng.uniform(1800, 4000), order=1)
    wind *= _wander(rng, n_samples, sample_rate, 0.8, 0.1)
    waveform = speed**2 * (wind + rng.uniform(0.3, 0.8) * whine)
    return waveform * _fades(n_samples, sample_rate, 0.05, 0.1)


def _blender(rng: np.random.Generator, sample_rate: int, duration: float) -> np.ndarray:
    """Scream as a motor does, rough from what the blades hit, at changing speeds."""
    n_samples = round(duration * sample_rate)
    speed = _run_up(n_samples, sample_rate, rng.uniform(0.15, 0.4), 0.2)
    n_steps = rng.integers(1, 4)
    gears = np.repeat(rng.uniform(0.75, 1.15, n_steps), 8)
    speed *= _curve(gears, n_samples) * _wander(rng, n_samples, sample_rate, 6, 0.02)
    formant = rng.uniform(1500, 3200)
    pitch = rng.uniform(350, 700) * speed
    frequency = np.median(pitch) * np.arange(1, 17)
    weights = 0.1 + _resonances(frequency, np.array([[formant]]), np.array([[1500.0]]))
    whine = _motor(rng, pitch, sample_rate, weights)
    grinding = _noise(rng, n_samples, sample_rate, 900, 5500)
    time = np.arange(n_samples) / sample_rate
    beat = 1 + rng.uniform(0.4, 0.8) * np.sin(2 * np.pi * rng.uniform(14, 35) * time)
    beat *= _wander(rng, n_samples, sample_rate, 10, 0.3)
    waveform = speed**2 * beat * (whine + rng.uniform(0.3, 0.7) * grinding)
    return waveform.astype(np.float32) * _fades(n_samples, sample_rate, 0.02, 0.08)


def _shaver(rng: np.random.Generator, sample_rate: int, duration: float) -> np.ndarray:
    """Buzz steadily: close, sharp harmonics, brightest in the treble."""
    n_samples = round(duration * sample_rate)
    base = rng.choice([rng.uniform(85, 130), rng.uniform(220, 290)])
    load = _wander(rng, n_samples, sample_rate, 1.5, 0.008)
    frequency = base * np.arange(1, 100)
    peaks = np.array([[rng.uniform(2200, 4200)], [rng.uniform(4500, 7500)]])
    weights = _resonances(frequency, peaks, np.array([[1200.0], [2500.0]]))
    weights = weights * rng.uniform(0.3, 1, len(frequency))
    weights[:2] += rng.uniform(0.3, 1.5, 2)
    buzz = _motor(rng, base * load, sample_rate, weights)
    scrape = _noise(rng, n_samples, sample_rate, 3000, 9000)
    press = _wander(rng, n_samples, sample_rate, 2, 0.25)
    waveform = press * (buzz + rng.uniform(0.05, 0.2) * scrape)
    return waveform * _fades(n_samples, sample_rate, 0.04, 0.05)


#: Source, median duration (s) and its spread (standard deviation of the logarithm),
#: the durations after the strong labels of DCASE 2018 task 4.
SYNTHETIC_SOURCES: dict[str, tuple[Source, float, float]] = {
    "Alarm_bell_ringing": (_alarm, 0.9, 0.8),
    "Blender": (_blender, 4.5, 0.7),
    "Cat": (_cat, 0.7, 0.5),
    "Dishes": (_dishes, 0.45, 0.5),
    "Dog": (_dog, 0.6, 0.7),
    "Electric_shaver_toothbrush": (_shaver, 7.0, 0.5),
    "Frying": (_frying, 9.0, 0.3),
    "Running_water": (_running_water, 5.5, 0.6),
    "Speech": (_speech, 1.4, 0.6),
    "Vacuum_cleaner": (_vacuum_cleaner, 8.0, 0.4),
}


def draw_synthetic(
    label: str, rng: np.random.Generator, sample_rate: int, max_duration: float
) -> np.ndarray:
    """Make one sound of a class, of a typical duration up to ``max_duration`` s."""
    source, median, spread = SYNTHETIC_SOURCES[label]
    duration = median * np.exp(spread * rng.standard_normal())
    return source(rng, sample_rate, float(np.clip(duration, 0.25, max_duration)))
