"""A network small enough for scikit-learn's checks, and exact in float64."""

import numpy as np
from torch import nn

from sklearn_sed import FeatureArray, WeakEventDetector, WeakTagger
from sklearn_sed.events import make_events, stack_tables


class TinyNet(nn.Module):
    """One hidden layer per frame; no batch statistics, no dropout."""

    def __init__(self, n_mels, n_classes):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_mels, 32), nn.Tanh(), nn.Linear(32, n_classes)
        )

    def forward(self, x, mask=None):
        return self.layers(x)


# Full batches, no augmentation, nothing held back: the same clips give the same
# steps, in whatever order they come and whether they are repeated or weighted.
# Self-training would turn a difference in rounding into a frame more or less.
EXACT = {
    "network": TinyNet,
    "precision": "float64",
    "mixup": 0.0,
    "time_roll": False,
    "mel_mask": 0.0,
    "optimizer": "adam",
    "learning_rate": 0.05,
    "weight_decay": 0.0,
    "schedule": "constant",
    "max_epochs": 60,
    "batch_size": 1000,
    "validation_fraction": 0.0,
    "self_training": 0,
    "random_state": 0,
}


LEARNERS = [WeakTagger, WeakEventDetector]


FAST = {"network": TinyNet, "max_epochs": 2, "self_training": 0, "random_state": 0}


TINY_CRNN = {"n_filters": (2, 3, 3, 4, 4), "n_rnn": 4}


def tones(n_clips=24, n_frames=20, seed=0):
    """Clips of noise with a band that is loud for a while, and their tags."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_clips, n_frames, 6)).astype(np.float32)
    y = np.zeros((n_clips, 2), dtype=int)
    for i in range(n_clips):
        for c in range(2):
            if (i + c) % (c + 2) == 0:
                start = rng.integers(0, n_frames // 2)
                X[i, start : start + n_frames // 3, 3 * c : 3 * c + 2] += 4
                y[i, c] = 1
    return FeatureArray(X, time_resolution=0.05), y


def tone_bursts(n_clips, seed, *, sample_rate=8000, duration=2.0):
    """Waveforms of noise with a burst of a low tone, a high one, both or none.

    Returns them with their event tables; starts and lengths are random.
    """
    rng = np.random.default_rng(seed)
    time = np.arange(int(sample_rate * duration)) / sample_rate
    sounds = 0.2 * rng.normal(size=(n_clips, len(time)))
    tables = []
    for i, sound in enumerate(sounds):
        labels = [["low"], ["high"], ["low", "high"], []][i % 4]
        onsets = rng.uniform(0.2, 1.2, len(labels))
        offsets = onsets + rng.uniform(0.3, 0.7, len(labels))
        for label, onset, offset in zip(labels, onsets, offsets):
            phase = 2 * np.pi * {"low": 500, "high": 2000}[label] * time
            sound += 0.1 * np.sin(phase) * ((time >= onset) & (time < offset))
        tables.append(make_events(onsets, offsets, labels))
    return sounds.astype(np.float32), stack_tables(tables)
