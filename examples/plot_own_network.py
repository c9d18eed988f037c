"""
Your own network
================

*How little does it take to train a network of my own from tags?*

A network turns log-mel frames into one logit per frame and class. Everything around it
stays: pooling, losses, augmentation, training, thresholds, decoding.
"""

# %%
# A network is built with ``n_mels`` and ``n_classes`` and called as
# ``network(x, mask)``: `x` has the shape (batch, n_frames, n_mels); `mask` is true on
# the frames that each clip has, or None where all clips are equally long. Frames beyond
# a clip's end are set to zero, so that padding never moves a score.
from torch import nn


class FrameNet(nn.Module):
    """Three convolutions over time and a linear head."""

    def __init__(self, n_mels, n_classes, n_hidden=64):
        super().__init__()
        sizes = [n_mels, n_hidden, n_hidden]
        self.layers = nn.ModuleList(
            nn.Conv1d(n_in, n_hidden, kernel_size=9, padding=4) for n_in in sizes
        )
        self.head = nn.Linear(n_hidden, n_classes)

    def forward(self, x, mask=None):
        for layer in self.layers:
            x = layer(x.transpose(1, 2)).transpose(1, 2).relu()
            if mask is not None:
                x = x.masked_fill(~mask[..., None], 0.0)
        return self.head(x)


# %%
# It goes where the name of a network goes; its further arguments go into
# ``network_params``.
from sklearn.pipeline import make_pipeline

from sklearn_sed import LogMelTransformer, WeakEventDetector
from sklearn_sed.datasets import make_soundscapes
from sklearn_sed.plotting import FrameScoresDisplay

settings = {"classes": ["Alarm_bell_ringing", "Dog", "Speech"], "duration": 3}
train = make_soundscapes(100, events_per_clip=(0, 2), random_state=0, **settings)
test = make_soundscapes(6, events_per_clip=(2, 3), random_state=1, **settings)
sed = make_pipeline(
    LogMelTransformer(n_mels=32),
    WeakEventDetector(
        network=FrameNet,
        network_params={"n_hidden": 48},
        batch_size=8,
        learning_rate=2e-3,
        max_epochs=30,
        device="cpu",
        random_state=0,
    ),
).fit(train.X, train.y_weak)

# %%
# The score curves of a clip it never heard, over the true events.
FrameScoresDisplay.from_estimator(sed, test.X, test.y, clip=4)
