"""Losses for learning when sounds happen from tags alone."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from sklearn_sed.nn._pooling import MeanPooling, mask_fill


class Scores(tuple):
    """What a network says of a batch, as logits; some networks score clips alone.

    Parameters
    ----------
    clip : Tensor of shape (batch, n_classes), or iterable of Tensor
        Clip logits; or all parts, which is how skorch rebuilds a tuple.
    frame : Tensor of shape (batch, n_out, n_classes) or None, default=None
        Frame logits.
    mask : Tensor of bool of shape (batch, n_out) or None, default=None
        True on the frames that a clip has; None when all have all.
    """

    __slots__ = ()

    def __new__(
        cls, clip: Any, frame: Tensor | None = None, mask: Tensor | None = None
    ):
        """Keep the parts that there are."""
        parts = (clip, frame, mask) if isinstance(clip, Tensor) else clip
        return super().__new__(cls, (part for part in parts if part is not None))

    @property
    def clip(self) -> Tensor:
        """Clip logits."""
        return self[0]

    @property
    def frame(self) -> Any:
        """Frame logits, or None."""
        return self[1] if len(self) > 1 else None

    @property
    def mask(self) -> Tensor | None:
        """The mask of their frames, or None."""
        return self[2] if len(self) > 2 else None


def cosine_penalty(
    frame_proba: Tensor,
    y: Tensor,
    mask: Tensor | None = None,
    margin: float = 0.0,
    pair_weight: Tensor | None = None,
) -> Tensor:
    """Cosine similarity in time between the classes that a clip is tagged with.

    With q_c = y_c·p[:, c] over time and S[c, d] the cosine of the angle between
    q_c and q_d, the penalty of a tagged class c is the sum over the other tagged
    classes d of the part of S[c, d] above ``margin``; for all other classes it is
    0 [1]_.

    Parameters
    ----------
    frame_proba : Tensor of shape (batch, n_frames, n_classes)
        Frame probabilities.
    y : Tensor of shape (batch, n_classes)
        Tags; a class counts as tagged above 0.5.
    mask : Tensor of bool of shape (batch, n_frames) or None, default=None
        True on the frames that a clip has; None when all have all.
    margin : float, default=0.0
        Similarity that is free of charge. The paper's is 0.
    pair_weight : Tensor of shape (n_classes, n_classes) or None, default=None
        What each pair of classes counts; 1 when None, as in the paper.

    Returns
    -------
    Tensor of shape (batch, n_classes)
        The penalty of each class.

    References
    ----------
    .. [1] T. Pellegrini, L. Cances, "Cosine-similarity penalty to discriminate
       sound classes in weakly-supervised sound event detection", IJCNN 2019,
       arXiv 1901.03146.

    Examples
    --------
    >>> import torch
    >>> from sklearn_sed.nn import cosine_penalty
    >>> together = torch.tensor([[[0.8, 0.6], [0.6, 0.8]]])
    >>> cosine_penalty(together, torch.ones(1, 2))
    tensor([[0.9600, 0.9600]])
    """
    tagged = (y > 0.5).to(frame_proba.dtype)
    p = mask_fill(frame_proba, mask, 0.0)
    # A cosine does not depend on scale; without this, the squares of tiny scores
    # underflow and the gradient of their norm overflows.
    highest = p.detach().amax(dim=1, keepdim=True)
    p = p / highest.clamp(min=torch.finfo(p.dtype).tiny)
    unit = p * p.square().sum(dim=1, keepdim=True).clamp(min=1.0).rsqrt()
    similarity = unit.transpose(1, 2) @ unit
    pairs = tagged[:, :, None] * tagged[:, None, :]
    pairs = pairs * (1 - torch.eye(pairs.shape[-1], dtype=p.dtype, device=p.device))
    if pair_weight is not None:
        pairs = pairs * pair_weight.to(p.dtype)
    return ((similarity - margin).clamp(min=0) * pairs).sum(dim=-1)


class WeakLabelLoss(nn.Module):
    """Multiple-instance loss against the tags, plus the cosine penalty.

    Per class the loss is ``MIL + cosine_weight · penalty``; the mean is taken over
    classes and clips, clips weighted by their sample weight.

    Parameters
    ----------
    kind : {"clip", "max_min", "max_mean_min", "strong"}, default="clip"
        - "clip": binary cross-entropy (BCE) of the tag and the pooled clip score;
        - "max_min": the same, plus BCE(0, min p);
        - "max_mean_min": the same, plus BCE(y/2, mean p) and BCE(0, min p);
        - "strong": false strong labelling, the tag copied to every frame.
    cosine_weight : float, default=0.0
        Weight α of the cosine penalty.
    cosine_margin : float, default=0.0
        Similarity below which nothing is penalised.
    cosine_warmup : int, default=0
        Epochs before the penalty has its full weight, which it rises to linearly.
    pair_weight : array-like of shape (n_classes, n_classes) or None, default=None
        What each pair of classes counts in the penalty; 1 when None.
    class_weight : array-like of shape (n_classes,) or None, default=None
        Weight of each class.
    label_smoothing : float, default=0.0
        Tags are moved by half of this towards 1/2.
    frame_weight : float, default=1.0
        Weight of the loss of frames, of its mean over the clips of a batch whose frames
        have targets.

    Examples
    --------
    >>> import torch
    >>> from sklearn_sed.nn._losses import Scores, WeakLabelLoss
    >>> loss = WeakLabelLoss()
    >>> y, weight = torch.ones(1, 1), torch.ones(1)
    >>> loss(Scores(clip=torch.zeros(1, 1)), (y, weight))
    tensor(0.6931)
    """

    class_weight: Tensor | None
    pair_weight: Tensor | None

    def __init__(
        self,
        kind: str = "clip",
        cosine_weight: float = 0.0,
        cosine_margin: float = 0.0,
        cosine_warmup: int = 0,
        pair_weight: ArrayLike | None = None,
        class_weight: Sequence[float] | None = None,
        label_smoothing: float = 0.0,
        frame_weight: float = 1.0,
    ):
        super().__init__()
        self.kind = kind
        self.cosine_weight = cosine_weight
        self.cosine_margin = cosine_margin
        self.cosine_warmup = cosine_warmup
        self.epoch = 0
        self.label_smoothing = label_smoothing
        self.frame_weight = frame_weight
        weights = {"class_weight": class_weight, "pair_weight": pair_weight}
        for name, weight in weights.items():
            tensor = None if weight is None else torch.as_tensor(weight)
            self.register_buffer(name, tensor)

    def forward(self, scores: Scores, target: tuple[Tensor, ...]) -> Tensor:
        """Return the loss of a batch.

        Parameters
        ----------
        scores : Scores
            Clip logits, and frame logits with their mask where there are any.
        target : tuple of (y, weight) or (y, weight, frames)
            Tags (batch, n_classes), hard or mixed, clip weights (batch,), and what
            the network's frames are taken to be (batch, n_out, n_classes). NaN is what
            is not known, and counts for nothing.

        Returns
        -------
        Tensor, scalar
            The loss.

        Raises
        ------
        ValueError
            If the loss is one of frames and there are no scores of them.
        """
        y, weight, *frames = target
        of_frames = frames or self.cosine_weight > 0 or self.kind != "clip"
        if scores.frame is None and of_frames:
            raise ValueError(
                "the network scores clips alone, and this loss is one of frames, too: "
                "choose a network that scores frames"
            )
        known = ~y.isnan()
        y = torch.where(known, y, 0.5)
        loss = self.mil(scores, y + self.label_smoothing * (0.5 - y)) * known
        for of_frame in frames:
            # The mean over the clips that have targets, of all clips.
            located = (~of_frame.isnan()).any(dim=2).any(dim=1)
            share = located.sum().clamp(min=1) / len(y)
            own = frame_loss(scores.frame, of_frame)
            loss = loss + self.frame_weight / share * own
        if self.cosine_weight > 0:
            penalty = cosine_penalty(
                scores.frame.sigmoid(),
                y,
                scores.mask,
                self.cosine_margin,
                self.pair_weight,
            )
            risen = min(1.0, (self.epoch + 1) / (self.cosine_warmup + 1))
            loss = loss + self.cosine_weight * risen * penalty
        if self.class_weight is not None:
            loss = loss * self.class_weight
        return (weight * loss.mean(dim=1)).mean()

    def mil(self, scores: Scores, y: Tensor) -> Tensor:
        """Return the multiple-instance loss of each clip and class."""
        if self.kind == "strong":
            return self._strong(scores, y)
        loss = _bce(scores.clip, y)
        if self.kind == "max_mean_min":
            mean = MeanPooling(y.shape[1])(scores.frame, scores.mask)
            loss = loss + _bce(mean, y / 2)
        if self.kind in ("max_min", "max_mean_min"):
            lowest = mask_fill(scores.frame, scores.mask, math.inf).amin(dim=1)
            loss = loss + _bce(lowest, torch.zeros_like(y))
        return loss

    def _strong(self, scores: Scores, y: Tensor) -> Tensor:
        """Mean BCE of a clip's frames against the clip's tags."""
        frame = _bce(scores.frame, y[:, None].expand_as(scores.frame))
        if scores.mask is None:
            return frame.mean(dim=1)
        n_frames = scores.mask.sum(dim=1, keepdim=True)
        return mask_fill(frame, scores.mask, 0.0).sum(dim=1) / n_frames


def frame_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Mean BCE of each clip's and class's frames; NaN targets count for nothing."""
    known = ~target.isnan()
    loss = _bce(logits, torch.where(known, target, 0.5)) * known
    return loss.sum(dim=1) / known.sum(dim=1).clamp(min=1)


def _bce(logits: Tensor, y: Tensor) -> Tensor:
    return binary_cross_entropy_with_logits(logits, y, reduction="none")
