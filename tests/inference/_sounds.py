"""Tones in noise, and a model that has learned them."""

import numpy as np
import soundfile
from sklearn.pipeline import make_pipeline

from sklearn_sed import LogMelTransformer, TwoPassSED, WeakEventDetector, WeakTagger
from tests._networks import EXACT

RATE = 8000
HOP = 200  # 25 ms
FEATURES = {"sample_rate": RATE, "n_fft": 256, "hop_length": HOP, "n_mels": 12}
PITCH = {"high": 2500, "low": 500}


def make_sound(events, seconds, seed=0):
    """Return quiet noise with tones in it."""
    time = np.arange(round(seconds * RATE)) / RATE
    sound = 0.01 * np.random.default_rng(seed).normal(size=len(time))
    for onset, offset, label in events:
        tone = 0.3 * np.sin(2 * np.pi * PITCH[label] * time)
        sound += tone * ((time >= onset) & (time < offset))
    return sound


def make_clips(n_clips=16):
    """Return clips of 2 s and their tags."""
    rng = np.random.default_rng(0)
    clips, y = [], []
    for i in range(n_clips):
        labels = [label for k, label in enumerate(PITCH) if (i >> k) % 2]
        onsets = rng.uniform(0, 1, len(labels))
        events = [(on, on + rng.uniform(0.3, 1), t) for on, t in zip(onsets, labels)]
        clips.append(make_sound(events, 2, seed=i))
        y.append(labels)
    return np.array(clips), y


CLIPS, Y = make_clips()


def make_model(threshold="f1", decoder=None, **features):
    """Return a fitted model whose network sees each frame by itself."""
    part = {**EXACT, "threshold": threshold, "class_weight": None}
    return make_pipeline(
        LogMelTransformer(**FEATURES, **features),
        TwoPassSED(
            tagger=WeakTagger(**part),
            detector=WeakEventDetector(**part, decoder=decoder),
        ),
    ).fit(CLIPS, Y)


def write(path, events, seconds, seed=0, subtype="FLOAT"):
    soundfile.write(path, make_sound(events, seconds, seed), RATE, subtype=subtype)
    return path


def random_events(seconds, seed=0):
    """Return tones of 0.2 to 3 s in random places, those of a class apart."""
    rng = np.random.default_rng(seed)
    events = []
    for label in PITCH:
        time = rng.uniform(0, 2)
        while time < seconds - 0.3:
            end = min(time + rng.uniform(0.3, 3), seconds)
            events.append((time, end, label))
            time = end + rng.uniform(0.4, 4)
    return events
