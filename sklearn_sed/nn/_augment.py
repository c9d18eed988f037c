"""Augmentation of a training batch that leaves its tags true."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Augment:
    """Mix, roll and mask the clips of a batch, each time anew.

    It happens on the device that the batch is on; random numbers are drawn on the
    CPU, so that they are the same everywhere.

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

    mixup: float = 0.0
    time_roll: bool = False
    time_mask: float = 0.0
    mel_mask: float = 0.0
    fill: Tensor | None = None

    def __call__(self, batch):
        """Return the augmented batch ``({"x", "n_frames", ...}, y)``.

        Targets of frames, ``"frames"``, move and mix with their frames.
        """
        inputs, y = batch
        names = [name for name in ("x", "frames") if name in inputs]
        curves = [inputs[name] for name in names]
        n_frames = inputs["n_frames"]
        if self.time_roll:
            curves = roll(curves, n_frames)
        if self.mixup > 0:
            curves, y = mix(curves, n_frames, y, self.mixup)
        x = curves[0]
        if self.time_mask > 0:
            x = self._mask(x, span(n_frames, self.time_mask, x.shape[1])[..., None])
        if self.mel_mask > 0:
            n_mels = torch.full_like(n_frames, x.shape[2])
            x = self._mask(x, span(n_mels, self.mel_mask, x.shape[2])[:, None])
        return {**inputs, **dict(zip(names, [x, *curves[1:]]))}, y

    def _mask(self, x: Tensor, covered: Tensor) -> Tensor:
        fill = x.new_zeros(()) if self.fill is None else self.fill.to(x)
        return torch.where(covered, fill, x)


def roll(curves: list[Tensor], n_frames: Tensor) -> list[Tensor]:
    """Turn each clip in time, padding left where it is.

    ``curves`` are of shape (batch, time, ...), and are turned alike.
    """
    time = torch.arange(curves[0].shape[1], device=n_frames.device)
    shift = (draw(n_frames) * n_frames).long()
    index = (time + shift[:, None]) % n_frames[:, None]
    index = torch.where(time < n_frames[:, None], index, time)[..., None]
    return [curve.gather(1, index.expand_as(curve)) for curve in curves]


def mix(
    curves: list[Tensor], n_frames: Tensor, y: Tensor, alpha: float
) -> tuple[list[Tensor], Tensor]:
    """Mix each clip with another of the batch, over the frames that both have.

    Curves after the first are targets of frames. NaN, what is not known, stays so, but
    for classes that the other clip lacks: these add nothing to the first one's.
    """
    share = torch.distributions.Beta(alpha, alpha).sample((len(y),)).to(y)
    share = torch.maximum(share, 1 - share)[:, None]
    other = torch.randperm(len(y)).to(y.device)
    time = torch.arange(curves[0].shape[1], device=y.device)
    both = (time < torch.minimum(n_frames, n_frames[other])[:, None])[..., None]
    lacking = (y[other] == 0)[:, None]
    added = [curve[other] for curve in curves]
    added[1:] = [more.masked_fill(more.isnan() & lacking, 0.0) for more in added[1:]]
    mixed = [
        torch.where(both, torch.lerp(more, curve, share[..., None]), curve)
        for more, curve in zip(added, curves)
    ]
    return mixed, share * y + (1 - share) * y[other]


def span(size: Tensor, longest: float, total: int) -> Tensor:
    """Draw one span per clip; true where it lies, (batch, total)."""
    length = draw(size) * longest * size
    start = draw(size) * (size - length)
    position = torch.arange(total, device=size.device) + 0.5  # middles
    return (position >= start[:, None]) & (position < (start + length)[:, None])


def draw(like: Tensor) -> Tensor:
    """Draw a number between 0 and 1 for each clip."""
    return torch.rand(len(like)).to(like.device)
