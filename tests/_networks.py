"""A network small enough for scikit-learn's checks, and exact in float64."""

from torch import nn


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
