"""Synthetic sounds named after the ten classes of DCASE 2018 task 4.

Every sound is made anew: pitch, rhythm, timbre, length and run-up are drawn at random,
so that no two events of a class are alike. None imitates a recording; each has the
structure that makes its class recognisable in a spectrogram.

A source is a function ``(synth, duration) -> waveform`` that sounds for about
``duration`` seconds. Levels are arbitrary: the mixer sets them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import fft, signal

__all__ = ["SYNTHETIC_SOURCES", "draw_synthetic"]

Source = Callable[["_Synth", float], np.ndarray]

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


def _band(
    low: float, high: float, order: float = 2
) -> Callable[[np.ndarray], np.ndarray]:
    """Return the gain of a smooth band-pass filter."""

    def gain(frequency: np.ndarray) -> np.ndarray:
        below, above = (low / frequency), (frequency / high)
        return 1 / np.sqrt((1 + below ** (2 * order)) * (1 + above ** (2 * order)))

    return gain


def _unit(waveform: np.ndarray) -> np.ndarray:
    """Scale to an RMS of 1."""
    return waveform / np.sqrt(np.mean(np.square(waveform)) + 1e-20)


def _resonances(
    frequency: np.ndarray, centres: np.ndarray, widths: np.ndarray, strength: Any = 1
) -> np.ndarray:
    """Return the summed gain of resonances (Hz) at ``frequency`` (Hz).

    ``centres`` has one row per resonance, broadcast against ``frequency``.
    """
    offset = (frequency - centres) / (0.5 * widths)
    return np.sum(strength / np.sqrt(1 + offset**2), axis=0)


@dataclass(frozen=True)
class _Synth:
    """Makes the parts of sounds, from its random numbers, at its sample rate."""

    rng: np.random.Generator
    sample_rate: int

    def time(self, duration: float) -> np.ndarray:
        """Return the time of each sample."""
        return np.arange(round(duration * self.sample_rate)) / self.sample_rate

    def wander(self, n_samples: int, rate: float, depth: float) -> np.ndarray:
        """Draw a smooth random curve around 1 that turns ``rate`` times per second."""
        n_points = max(4, int(np.ceil(rate * n_samples / self.sample_rate)) + 3)
        points = np.exp(depth * self.rng.standard_normal(n_points))
        curve = _curve(signal.resample(points, 4 * n_points), n_samples)
        return curve.clip(0.05, None)

    def fade(self, waveform: np.ndarray, attack: float, release: float) -> np.ndarray:
        """Let a sound rise for ``attack`` and fall for ``release`` seconds."""
        time = np.arange(len(waveform), dtype=np.float32) / self.sample_rate
        rise = (time + 1e-4) / max(attack, 1e-4)
        fall = (time[::-1] + 1e-4) / max(release, 1e-4)
        return waveform * np.minimum(1, np.minimum(rise, fall))

    def shape(
        self, waveform: np.ndarray, gain: Callable[[np.ndarray], np.ndarray]
    ) -> np.ndarray:
        """Multiply the spectrum by ``gain(frequency in Hz)``."""
        n_fft = fft.next_fast_len(len(waveform), real=True)
        spectrum = fft.rfft(waveform.astype(np.float32), n_fft)
        frequency = fft.rfftfreq(n_fft, 1 / self.sample_rate)
        spectrum *= gain(np.maximum(frequency, 1)).astype(np.float32)
        return fft.irfft(spectrum, n_fft)[: len(waveform)]

    def noise(
        self, n_samples: int, low: float, high: float, order: float = 2
    ) -> np.ndarray:
        """Draw band-limited noise with an RMS of 1."""
        noise = self.rng.standard_normal(n_samples, dtype=np.float32)
        return _unit(self.shape(noise, _band(low, high, order)))

    def voice(
        self, pitch: np.ndarray, amplitude: Callable[[np.ndarray], np.ndarray]
    ) -> np.ndarray:
        """Add up harmonics of a moving pitch under a moving spectral envelope.

        ``pitch`` (Hz) and what ``amplitude(frequency)`` returns are control curves of
        one length, spread over ``len(pitch) / _CONTROL_RATE`` seconds.
        """
        n_samples = round(len(pitch) / _CONTROL_RATE * self.sample_rate)
        cycles = np.cumsum(_curve(pitch, n_samples).astype(float)) / self.sample_rate
        step = np.exp(2j * np.pi * cycles).astype(np.complex64)
        turn = np.ones_like(step)
        waveform = np.zeros(n_samples, dtype=np.float32)
        limit = 0.45 * self.sample_rate
        for harmonic in range(1, int(limit / pitch.min()) + 1):
            turn *= step
            frequency = harmonic * pitch
            audible = np.clip(10 * (1 - frequency / limit), 0, 1)
            waveform += _curve(amplitude(frequency) * audible, n_samples) * turn.imag
        return _unit(waveform)

    def motor(self, pitch: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Sound harmonics of fixed weights over a moving pitch (Hz, per sample)."""
        n_audible = max(1, int(0.45 * self.sample_rate / pitch.max()))
        weights = weights[:n_audible]
        phases = self.rng.uniform(0, 2 * np.pi, len(weights))
        spectrum = np.zeros(4097, dtype=complex)
        spectrum[1 : len(weights) + 1] = weights * np.exp(1j * phases)
        period = fft.irfft(spectrum).astype(np.float32)
        cycles = np.cumsum(pitch.astype(float)) / self.sample_rate
        return _unit(period[(cycles % 1 * len(period)).astype(int)])

    def run_up(self, n_samples: int, start: float, stop: float) -> np.ndarray:
        """Return the relative speed of a motor that starts and stops (seconds each)."""
        time = np.arange(n_samples, dtype=np.float32) / self.sample_rate
        speed = 1 - 0.7 * np.exp(-time / (start / 3))
        return speed * (1 - 0.6 * np.exp(-time[::-1] / (stop / 3)))

    def modes(
        self,
        frequency: np.ndarray,
        decay: np.ndarray,
        strength: np.ndarray,
        duration: float,
    ) -> np.ndarray:
        """Strike a body: decaying sines, ``decay`` seconds to fall to 1/e."""
        time = self.time(duration)
        phase = self.rng.uniform(0, 2 * np.pi, len(frequency))
        sines = np.sin(2 * np.pi * frequency[:, None] * time + phase[:, None])
        sines *= np.exp(-time / decay[:, None]) * strength[:, None]
        audible = frequency < 0.45 * self.sample_rate
        return sines[audible].sum(axis=0).astype(np.float32)

    def repeat(
        self,
        make: Callable[[], np.ndarray],
        pause: tuple[float, float],
        duration: float,
    ) -> np.ndarray:
        """Repeat a sound, with pauses (seconds) too short to part it from the next."""
        parts = [make()]
        length = len(parts[0])
        while length < duration * self.sample_rate:
            n_silent = round(self.rng.uniform(*pause) * self.sample_rate)
            silence = np.zeros(n_silent, dtype=np.float32)
            parts += [silence, make() * self.rng.uniform(0.5, 1)]
            length += n_silent + len(parts[-1])
        return np.concatenate(parts)


# --------------------------------------------------------------------------------------
# The ten sounds
# --------------------------------------------------------------------------------------


def _speech(synth: _Synth, duration: float) -> np.ndarray:
    """Speak syllables: gliding formants, a falling and accented pitch, fricatives."""
    rng = synth.rng
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
        formants = _resonances(frequency, centres, widths, strength)
        return formants / frequency**0.3 * (0.02 + syllable)

    base = rng.choice([rng.uniform(90, 150), rng.uniform(170, 270)])
    accents = _Synth(rng, _CONTROL_RATE).wander(n_control, 2.5, 0.12)
    pitch = base * np.linspace(1.15, 0.85, n_control) * accents
    loudness = rng.uniform(0.5, 1, n_syllables)[place.astype(int)]
    syllable = loudness * np.sin(np.pi * (place % 1)) ** rng.uniform(0.4, 0.8)
    voiced = synth.voice(pitch, amplitude)

    for start in np.flatnonzero(rng.random(n_syllables) < 0.4):
        first = int(start / n_syllables * len(voiced))
        hiss = synth.noise(int(0.09 * synth.sample_rate), 2500, 7000)
        hiss = hiss * np.hanning(len(hiss)) * rng.uniform(0.2, 0.6)
        voiced[first : first + len(hiss)] += hiss[: len(voiced) - first]
    return voiced


def _dog(synth: _Synth, duration: float) -> np.ndarray:
    """Bark: a steep rise and fall of pitch, rough, with a hard attack."""
    rng = synth.rng
    peak = np.exp(rng.uniform(np.log(280), np.log(800)))  # a large or a small dog
    length = rng.uniform(0.13, 0.26)
    throat = peak * rng.uniform(1.8, 3.0, (2, 1)) * np.array([[1.0], [1.9]])
    widths = np.array([[500.0], [900.0]])
    rough = rng.uniform(0.2, 0.6)

    def bark() -> np.ndarray:
        n_control = max(8, round(length * rng.uniform(0.8, 1.2) * _CONTROL_RATE))
        time = np.linspace(0, 1, n_control)
        rise = np.interp(time, [0, 0.25, 1], [0.65, 1, rng.uniform(0.45, 0.65)])
        pitch = peak * rng.uniform(0.9, 1.1) * rise
        pitch *= 1 + 0.04 * rng.standard_normal(n_control)
        fade = np.minimum(1, time / 0.06) * (1 - time) ** 0.7

        tone = synth.voice(pitch, lambda f: fade * _resonances(f, throat, widths))
        breath = synth.noise(len(tone), peak, 6 * peak)
        return tone + rough * breath * _curve(fade, len(tone))

    return synth.repeat(bark, (0.04, 0.15), duration)


def _cat(synth: _Synth, duration: float) -> np.ndarray:
    """Meow: a long arch of pitch, many harmonics; the mouth opens and closes."""
    rng = synth.rng
    top = rng.uniform(450, 850)
    widths = np.array([[500.0], [800.0], [1500.0]])

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

        tone = synth.voice(pitch, lambda f: fade * _resonances(f, centres, widths))
        breath = synth.noise(len(tone), 1500, 7000)
        return tone + 0.05 * breath * _curve(fade, len(tone))

    return synth.repeat(meow, (0.03, 0.14), duration)


def _alarm(synth: _Synth, duration: float) -> np.ndarray:
    """Sound beeps, a bell, a telephone or a siren."""
    rng = synth.rng
    make = (_beeps, _bell, _telephone, _siren)[rng.choice(4, p=[0.35, 0.3, 0.2, 0.15])]
    return make(synth, duration)


def _beeps(synth: _Synth, duration: float) -> np.ndarray:
    """Beep on one pitch, cut hard."""
    rng = synth.rng
    tone = rng.uniform(900, 3600)
    length = rng.uniform(0.06, 0.2)
    weights = np.array([1, 0, rng.uniform(0, 0.5), 0, rng.uniform(0, 0.25)])

    def beep() -> np.ndarray:
        n_samples = round(length * synth.sample_rate)
        waveform = synth.motor(np.full(n_samples, tone), weights)
        return synth.fade(waveform, 0.004, 0.008)

    pause = rng.uniform(0.05, 0.14)
    return synth.repeat(beep, (pause, pause + 1e-3), duration)


def _bell(synth: _Synth, duration: float) -> np.ndarray:
    """Ring a bell with a clapper that strikes it many times a second."""
    rng = synth.rng
    n_samples = round(duration * synth.sample_rate)
    strikes = np.zeros(n_samples, dtype=np.float32)
    every = synth.sample_rate / rng.uniform(9, 24)
    at = (np.arange(0, n_samples, every) + rng.uniform(0, 0.03 * every)).astype(int)
    at = at[at < n_samples]
    strikes[at] = rng.uniform(0.6, 1, len(at))
    partials = rng.uniform(700, 1600) * np.array([1, 1.5, 2.0, 2.74, 3.76, 5.4])
    partials *= rng.uniform(0.98, 1.02, len(partials))
    decay = rng.uniform(0.1, 0.35) / np.sqrt(partials / partials[0])
    ring = synth.modes(partials, decay, rng.uniform(0.3, 1, 6), 0.6)
    waveform = signal.oaconvolve(strikes, ring)[:n_samples]
    return synth.fade(waveform, 0, 0.05)


def _telephone(synth: _Synth, duration: float) -> np.ndarray:
    """Warble between two tones."""
    rng = synth.rng
    low = rng.uniform(700, 1500)
    pair = np.array([low, low * rng.uniform(1.15, 1.45)])
    turns = synth.time(duration) * rng.uniform(16, 32)
    pitch = pair[turns.astype(int) % 2]
    weights = np.array([1, rng.uniform(0, 0.4), rng.uniform(0, 0.4)])
    waveform = synth.motor(pitch, weights)
    return synth.fade(waveform, 0.005, 0.02)


def _siren(synth: _Synth, duration: float) -> np.ndarray:
    """Sweep a tone up and down."""
    rng = synth.rng
    time = synth.time(duration)
    sweep = signal.sawtooth(2 * np.pi * rng.uniform(1, 5) * time, rng.choice([0.5, 1]))
    pitch = rng.uniform(900, 2200) * rng.uniform(1.15, 1.5) ** sweep
    weights = np.array([1, 0.3, 0.3, 0.1])
    waveform = synth.motor(pitch, weights)
    return synth.fade(waveform, 0.01, 0.02)


def _dishes(synth: _Synth, duration: float) -> np.ndarray:
    """Clink: inharmonic modes that decay fast, behind a click."""
    rng = synth.rng
    body = rng.uniform(1200, 3500)

    def clink() -> np.ndarray:
        n_modes = rng.integers(6, 11)
        frequency = body * rng.uniform(0.85, 1.2) * (1 + rng.uniform(0, 3.5, n_modes))
        decay = rng.uniform(0.025, 0.1, n_modes)
        strength = rng.uniform(0.2, 1, n_modes)
        waveform = synth.modes(frequency, decay, strength, 0.3)
        n_click = max(8, round(0.006 * synth.sample_rate))
        click = rng.uniform(0.5, 2.5) * synth.noise(n_click, 1500, 9000)
        waveform[:n_click] += click * np.linspace(1, 0, n_click)
        keep = round(rng.uniform(0.08, 0.2) * synth.sample_rate)
        return synth.fade(waveform[:keep], 0, 0.03)

    return synth.repeat(clink, (0, 0.06), duration)


def _frying(synth: _Synth, duration: float) -> np.ndarray:
    """Crackle densely over a bright sizzle."""
    rng = synth.rng
    n_samples = round(duration * synth.sample_rate)
    rate = np.exp(rng.uniform(np.log(80), np.log(500)))
    density = rate / synth.sample_rate * synth.wander(n_samples, 1.5, 0.4)
    pops = rng.random(n_samples, dtype=np.float32) < density
    strength = rng.standard_exponential(n_samples, dtype=np.float32)
    pops = pops * strength ** rng.uniform(1.2, 1.8)
    low = rng.uniform(1200, 3000)
    crackle = _unit(synth.shape(pops, _band(low, rng.uniform(6000, 10000))))
    sizzle = synth.noise(n_samples, rng.uniform(2500, 5000), 11000)
    sizzle *= synth.wander(n_samples, 1, 0.25)
    waveform = crackle + rng.uniform(0.5, 1.2) * sizzle
    return synth.fade(waveform, rng.uniform(0.02, 0.4), 0.15)


def _running_water(synth: _Synth, duration: float) -> np.ndarray:
    """Splash: noise whose bands flutter independently, and bubbles."""
    rng = synth.rng
    n_samples = round(duration * synth.sample_rate)
    edges = np.array([250, 700, 1600, 3500, 8000]) * rng.uniform(0.8, 1.3)
    flutter = rng.uniform(4, 12)
    tilt = rng.uniform(0.55, 0.95)
    waveform = np.zeros(n_samples, dtype=np.float32)
    for band, (low, high) in enumerate(pairwise(edges)):
        depth = synth.wander(n_samples, flutter, rng.uniform(0.2, 0.6))
        noise = synth.noise(n_samples, low, high, order=3)
        waveform += tilt**band * depth * noise

    time = synth.time(0.05)
    last = max(1, n_samples - len(time))
    for start in rng.integers(last, size=rng.poisson(12 * duration)):
        tone = np.exp(rng.uniform(np.log(400), np.log(1800)))
        rising = 2 * np.pi * tone * time * (1 + 4 * time)
        bubble = np.sin(rising) * np.exp(-time / 0.012) * rng.uniform(0.5, 3)
        waveform[start : start + len(time)] += bubble[: n_samples - start]
    return synth.fade(waveform, rng.uniform(0.03, 0.3), 0.2)


def _vacuum_cleaner(synth: _Synth, duration: float) -> np.ndarray:
    """Blow broad noise over a whine that runs up slowly and drifts with the load."""
    rng = synth.rng
    n_samples = round(duration * synth.sample_rate)
    start, stop = rng.uniform(0.5, 1.2), rng.uniform(0.3, 0.8)
    speed = synth.run_up(n_samples, start, stop)
    load = synth.wander(n_samples, 0.8, 0.025)
    weights = rng.uniform(0.2, 1, 24) / np.arange(1, 25) ** 0.5
    pitch = rng.uniform(180, 380) * speed * load
    whine = synth.motor(pitch, weights)
    wind = synth.noise(n_samples, 150, rng.uniform(1800, 4000), order=1)
    wind *= synth.wander(n_samples, 0.8, 0.1)
    waveform = speed**2 * (wind + rng.uniform(0.3, 0.8) * whine)
    return synth.fade(waveform, 0.05, 0.1)


def _blender(synth: _Synth, duration: float) -> np.ndarray:
    """Scream as a motor does, rough from what the blades hit, at changing speeds."""
    rng = synth.rng
    n_samples = round(duration * synth.sample_rate)
    speed = synth.run_up(n_samples, rng.uniform(0.15, 0.4), 0.2)
    n_steps = rng.integers(1, 4)
    gears = np.repeat(rng.uniform(0.75, 1.15, n_steps), 8)
    speed *= _curve(gears, n_samples) * synth.wander(n_samples, 6, 0.02)
    formant = rng.uniform(1500, 3200)
    pitch = rng.uniform(350, 700) * speed
    frequency = np.median(pitch) * np.arange(1, 17)
    weights = 0.1 + _resonances(frequency, np.array([[formant]]), np.array([[1500.0]]))
    whine = synth.motor(pitch, weights)
    grinding = synth.noise(n_samples, 900, 5500)
    time = synth.time(duration)
    beat = 1 + rng.uniform(0.4, 0.8) * np.sin(2 * np.pi * rng.uniform(14, 35) * time)
    beat *= synth.wander(n_samples, 10, 0.3)
    waveform = speed**2 * beat * (whine + rng.uniform(0.3, 0.7) * grinding)
    return synth.fade(waveform.astype(np.float32), 0.02, 0.08)


def _shaver(synth: _Synth, duration: float) -> np.ndarray:
    """Buzz steadily: close, sharp harmonics, brightest in the treble."""
    rng = synth.rng
    n_samples = round(duration * synth.sample_rate)
    base = rng.choice([rng.uniform(85, 130), rng.uniform(220, 290)])
    load = synth.wander(n_samples, 1.5, 0.008)
    frequency = base * np.arange(1, 100)
    peaks = np.array([[rng.uniform(2200, 4200)], [rng.uniform(4500, 7500)]])
    weights = _resonances(frequency, peaks, np.array([[1200.0], [2500.0]]))
    weights = weights * rng.uniform(0.3, 1, len(frequency))
    weights[:2] += rng.uniform(0.3, 1.5, 2)
    buzz = synth.motor(base * load, weights)
    scrape = synth.noise(n_samples, 3000, 9000)
    press = synth.wander(n_samples, 2, 0.25)
    waveform = press * (buzz + rng.uniform(0.05, 0.2) * scrape)
    return synth.fade(waveform, 0.04, 0.05)


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
    duration = float(np.clip(duration, 0.25, max_duration))
    return source(_Synth(rng, sample_rate), duration)
