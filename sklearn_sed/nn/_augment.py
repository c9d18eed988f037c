"""Augmentation of a training batch that leaves its tags true."""

import torch
from torch import Tensor

__all__ = ["Augment"]


class Augment:
    """Mix, roll and mask the clips of a batch, each time anew.

    Parameters
    ----------
    mixup : float, default=0.0
        Parameter α of the Beta distribution that two clips are mixed by; their
        tags are mixed the same way. 0 mixes nothing.
    time_roll : bool, default=False
        Whether to turn each clip in time by a random number of frames.
    time_mask, mel_mask : float, default=0.0
        Longest share of a clip's frames, or bands, that a mask covers.
    fill : Tensor of shape (n_mels,) or None, default=None
        What masked values become; 0 when None.
    """

    def __init__(
        self,
        mixup: float = 0.0,
        time_roll: bool = False,
        time_mask: float = 0.0,
        mel_mask: float = 0.0,
        fill: Tensor | None = None,
    ):
        self.mixup = mixup
        self.time_roll = time_roll
        self.time_mask = time_mask
        self.mel_mask = mel_mask
        self.fill = fill

    def __call__(self, batch):
        """Return the augmented batch ``({"x", "n_frames"}, (y, weight))``."""
        inputs, (y, weight) = batch
        x, n_frames = inputs["x"], inputs["n_frames"]
        if self.time_roll:
            x = roll(x, n_frames)
        if self.mixup > 0:
            x, y = mix(x, n_frames, y, self.mixup)
        if self.time_mask > 0:
            x = self._mask(x, span(n_frames, self.time_mask, x.shape[1])[..., None])
        if self.mel_mask > 0:
            n_mels = torch.full_like(n_frames, x.shape[2])
            x = self._mask(x, span(n_mels, self.mel_mask, x.shape[2])[:, None])
        return {"x": x, "n_frames": n_frames}, (y, weight)

    def _mask(self, x: Tensor, covered: Tensor) -> Tensor:
        fill = x.new_zeros(()) if self.fill is None else self.fill.to(x)
        return torch.where(covered, fill, x)


def roll(x: Tensor, n_frames: Tensor) -> Tensor:
    """Turn each clip in time, padding left where it is."""
    time = torch.arange(x.shape[1])
    shift = (torch.rand(len(x)) * n_frames).long()
    index = (time + shift[:, None]) % n_frames[:, None]
    index = torch.where(time < n_frames[:, None], index, time)
    return x.gather(1, index[..., None].expand_as(x))


def mix(x: Tensor, n_frames: Tensor, y: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """Mix each clip with another of the batch, over the frames that both have."""
    share = torch.distributions.Beta(alpha, alpha).sample((len(x),)).to(x.dtype)
    share = torch.maximum(share, 1 - share)
    other = torch.randperm(len(x))
    both = torch.arange(x.shape[1]) < torch.minimum(n_frames, n_frames[other])[:, None]
    mixed = share[:, None, None] * x + (1 - share[:, None, None]) * x[other]
    x = torch.where(both[..., None], mixed, x)
    return x, share[:, None] * y + (1 - share[:, None]) * y[other]


def span(size: Tensor, longest: float, total: int) -> Tensor:
    """Draw one span per clip; true where it lies, (batch, total)."""
    length = torch.rand(len(size)) * longest * size
    start = torch.rand(len(size)) * (size - length)
    position = torch.arange(total)
    return (position >= start[:, None]) & (position < (start + length)[:, None])
