"""How a clip is mixed: its background, which sounds are in it, where and how loud."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import fft, signal

from sklearn_sed.audio import load_audio
from sklearn_sed.datasets._recordings import (
    Take,
    cut_event,
    cut_take,
    lengthen,
    pick_event,
    pick_recording,
)
from sklearn_sed.datasets._sources import draw_synthetic
from sklearn_sed.events import make_events
from sklearn_sed.exceptions import AudioError

MIN_PAUSE = 0.2  # seconds between two events of one class
_PEAK_DB = (-12.0, -1.0)  # the largest sample of a clip, dB below full scale
_GAPS = (0.3, 2.0)  # seconds between a sound and its repeat
_DIRECT_DB = (3.0, 12.0)  # level of a sound over that of its reverberation

Groups = list[tuple[frozenset[str], float]]  # classes that come together, probability


class Family(NamedTuple):
    """What kind of clips are mixed."""

    snr_db: tuple[float, float]
    events_per_clip: tuple[int, int] | None = None
    """Where it is None, numbers follow from classes, repeats and bursts."""
    classes_per_clip: tuple[float, ...] = ()
    """How probable 1, 2, ... classes are in a clip."""
    repeats: tuple[float, ...] = ()
    """How probable it is that a short sound comes 1, 2, ... times."""


FAMILIES = {
    "sparse": Family((6, 30), (1, 3)),
    "dense": Family((10, 30), None, (0.35, 0.45, 0.2), (0.9, 0.07, 0.03)),
}


def join(labels: frozenset[str], groups: Groups) -> frozenset[str]:
    """Add all that come together with ``labels``, directly or through others."""
    for group, _ in groups:
        if labels & group and not group <= labels:
            return join(labels | group, groups)
    return labels


@dataclass(frozen=True)
class Mixer:
    """All that decides what clip k sounds like."""

    recordings: Mapping[str, Sequence[Path]] | None
    classes: list[str]
    n_samples: int
    sample_rate: int
    family: Family
    groups: Groups
    background: Sequence[Path] | None
    reverberation: tuple[float, float] | None
    seed: int

    def mix(self, clip: int) -> tuple[np.ndarray, pd.DataFrame]:
        """Return the waveform and the events of clip number ``clip``."""
        rng = np.random.default_rng(
            np.random.SeedSequence(self.seed, spawn_key=(clip,))
        )
        waveform = self._background(rng)
        room = self._room(rng)
        onset, offset, labels = [], [], []
        for label, count in self._cast(rng, clip).items():
            place = self._place if self.family.events_per_clip else self._repeat
            for start, (sound, bursts) in place(rng, label, count):
                snr = rng.uniform(*self.family.snr_db)
                heard = np.concatenate([sound[a:b] for a, b in bursts])
                rms = np.sqrt(np.mean(np.square(heard, dtype=float)))
                scaled = sound * np.float32(10 ** (snr / 20) / rms)
                if room is not None:
                    scaled = signal.fftconvolve(scaled, room)[: len(waveform) - start]
                waveform[start : start + len(scaled)] += scaled
                for first, last in bursts:
                    onset.append((start + first) / self.sample_rate)
                    offset.append((start + last) / self.sample_rate)
                    labels.append(label)
        peak = 10 ** (rng.uniform(*_PEAK_DB) / 20)
        waveform *= peak / np.abs(waveform).max()
        return waveform, make_events(onset, offset, labels)

    def _cast(self, rng: np.random.Generator, clip: int) -> dict[str, int]:
        """Draw the classes of a clip, and the number of events of each.

        Where classes are counted instead of events, each class has one: it follows
        from the sounds how many they are.
        """
        if self.family.events_per_clip:
            low, high = self.family.events_per_clip
            n_events = int(rng.integers(low, high, endpoint=True))
        else:
            chances = self.family.classes_per_clip
            n_events = 1 + int(rng.choice(len(chances), p=chances))
        groups = [group for group in self.groups if rng.random() < group[1]]
        if not n_events:
            return {}
        order = np.random.default_rng(self.seed).permutation(len(self.classes))
        first = self.classes[order[clip % len(self.classes)]]
        cast = dict.fromkeys(sorted(join(frozenset([first]), groups)), 1)
        while (left := n_events - sum(cast.values())) > 0:
            # A class brings with it what it always comes together with.
            company = {
                label: join(frozenset([label]), groups) for label in self.classes
            }
            fitting = [
                label
                for label in self.classes
                if (label in cast and self.family.events_per_clip)
                or (label not in cast and len(company[label]) <= left)
            ]
            if not fitting:
                break
            label = fitting[rng.integers(len(fitting))]
            joining = [label] if label in cast else sorted(company[label])
            for member in joining:
                cast[member] = cast.get(member, 0) + 1
        return cast

    def _draw(
        self, rng: np.random.Generator, label: str, max_duration: float
    ) -> np.ndarray:
        """Return an event, heard from its first to its last sample."""
        if self.recordings is not None:
            paths = self.recordings[label]
            return pick_event(paths, rng, self.sample_rate, max_duration)
        waveform = draw_synthetic(label, rng, self.sample_rate, max_duration)
        return cut_event(waveform, self.sample_rate, rng, max_duration)

    def _place(
        self, rng: np.random.Generator, label: str, count: int
    ) -> Iterator[tuple[int, Take]]:
        """Draw so many events of one class, and where they start (samples)."""
        pause = round(MIN_PAUSE * self.sample_rate)
        room = (self.n_samples - (count - 1) * pause) // count
        events = [
            self._draw(rng, label, room / self.sample_rate)[:room] for _ in range(count)
        ]
        # Of all ways to fit them in without overlap, each is equally probable.
        used = sum(map(len, events)) + (count - 1) * pause
        free = np.sort(rng.integers(self.n_samples - used, size=count, endpoint=True))
        before = 0
        for silence, event in zip(free.tolist(), events):
            yield silence + before, Take(event, [(0, len(event))])
            before += len(event) + pause

    def _repeat(
        self, rng: np.random.Generator, label: str, count: int
    ) -> Iterator[tuple[int, Take]]:
        """Draw a sound of one class and its repeats, and where they start (samples)."""
        duration = self.n_samples / self.sample_rate
        if self.recordings is not None:
            source = pick_recording(self.recordings[label], rng, self.sample_rate)
        else:
            source = draw_synthetic(label, rng, self.sample_rate, duration)
        take = cut_take(source, self.sample_rate, rng, duration)
        takes, gaps = [take], [0]
        chances = self.family.repeats
        n_sounds = (
            1
            if take.is_texture(self.sample_rate)
            else 1 + rng.choice(len(chances), p=chances)
        )
        used = len(take.waveform)
        for _ in range(n_sounds - 1):
            take = cut_take(source, self.sample_rate, rng, duration)
            gap = round(rng.uniform(*_GAPS) * self.sample_rate)
            used += gap + len(take.waveform)
            if used > self.n_samples:
                break
            takes.append(take)
            gaps.append(gap)
        start = int(
            rng.integers(
                self.n_samples - sum(len(take.waveform) for take in takes) - sum(gaps),
                endpoint=True,
            )
        )
        for gap, take in zip(gaps, takes):
            start += gap
            yield start, take
            start += len(take.waveform)

    def _room(self, rng: np.random.Generator) -> np.ndarray | None:
        """Draw the impulse response of a room: the sound, then a noise that decays."""
        if self.reverberation is None:
            return None
        seconds = rng.uniform(*self.reverberation)  # until it is 60 dB down
        n_samples = max(2, round(seconds * self.sample_rate))
        decay = 10 ** (-3 * np.arange(n_samples) / n_samples)
        tail = rng.normal(size=n_samples) * decay
        tail[0] = 0
        level = 10 ** (-rng.uniform(*_DIRECT_DB) / 20)
        tail *= level / np.sqrt(np.sum(np.square(tail)))
        tail[0] = 1
        return tail.astype(np.float32)

    def _background(self, rng: np.random.Generator) -> np.ndarray:
        """Return what is heard beneath the events, with an RMS of 1."""
        if self.background is None:
            return _noise(rng, self.n_samples, self.sample_rate)
        path = self.background[int(rng.integers(len(self.background)))]
        waveform, _ = load_audio(path, self.sample_rate)
        start = rng.integers(max(len(waveform) - self.n_samples, 0), endpoint=True)
        piece = lengthen(waveform[start:], self.n_samples, self.sample_rate)
        rms = np.sqrt(np.mean(np.square(piece, dtype=float)))
        if not rms:
            raise AudioError(path, "the background is silent here; leave it out")
        return piece / np.float32(rms)


def _noise(rng: np.random.Generator, n_samples: int, sample_rate: int) -> np.ndarray:
    """Draw coloured noise with an RMS of 1: a random slope, and some ups and downs."""
    n_fft = fft.next_fast_len(n_samples, real=True)
    spectrum = fft.rfft(rng.standard_normal(n_fft, dtype=np.float32))
    frequency = np.maximum(fft.rfftfreq(n_fft, 1 / sample_rate), 40)
    points = np.geomspace(40, sample_rate / 2, 8)
    bumps = np.interp(np.log(frequency), np.log(points), rng.normal(0, 2, len(points)))
    slope = rng.uniform(0.5, 2)  # of the power spectrum: 1 is pink, 2 is brown
    spectrum *= (frequency ** (-slope / 2) * 10 ** (bumps / 20)).astype(np.float32)
    noise = fft.irfft(spectrum, n_fft)[:n_samples]
    level = np.interp(
        np.arange(n_samples), np.linspace(0, n_samples, 6), rng.normal(0, 1.5, 6)
    )
    noise = noise * (10 ** (level / 20)).astype(np.float32)
    return noise / np.sqrt(np.mean(np.square(noise)))
