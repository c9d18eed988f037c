"""From frame scores to clip scores: the poolings of multiple-instance learning.

Conventions
-----------
Frame scores come as logits x, with p = sigmoid(x). Nearly every pooling of the
field is a weighted mean of the frame probabilities, ``P = Σ w·p / Σ w``; they
differ in the weights alone. Then ``1 - P = Σ w·(1 - p) / Σ w``, the normaliser
cancels in the odds, and the clip's logit is

    logit P = logsumexp(log w + log p) - logsumexp(log w + log(1 - p)),

which stays exact where P itself would round to 0 or 1. A pooling therefore only
has to say what its log weights are.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, pad, softplus


def mask_fill(values: Tensor, mask: Tensor | None, fill: float) -> Tensor:
    """Replace what lies outside each clip; ``mask`` is ``(batch, n_frames)``."""
    return values if mask is None else values.masked_fill(~mask[..., None], fill)


class Pooling(nn.Module):
    """A weighted mean over time, computed in the logit domain.

    Subclasses say what their log weights are. They are built for a number of
    classes because some learn a value per class.

    Parameters
    ----------
    n_classes : int
        Number of classes.
    """

    needs_attention = False

    def __init__(self, n_classes: int):
        super().__init__()

    def forward(
        self,
        logits: Tensor,
        mask: Tensor | None = None,
        attention: Tensor | None = None,
    ) -> Tensor:
        """Pool frame logits ``(batch, n_frames, n_classes)`` to clip logits.

        Parameters
        ----------
        logits : Tensor of shape (batch, n_frames, n_classes)
            Frame logits.
        mask : Tensor of bool of shape (batch, n_frames) or None, default=None
            True on the frames that a clip has; None when all have all.
        attention : Tensor of shape (batch, n_frames, n_classes) or None
            Logits of the attention head, for the pooling that uses one.

        Returns
        -------
        Tensor of shape (batch, n_classes)
            Clip logits.
        """
        log_weights = mask_fill(
            self.log_weights(logits, mask, attention), mask, -math.inf
        )
        present = torch.logsumexp(log_weights + logsigmoid(logits), dim=1)
        absent = torch.logsumexp(log_weights + logsigmoid(-logits), dim=1)
        return present - absent

    def log_weights(
        self, logits: Tensor, mask: Tensor | None, attention: Tensor | None
    ) -> Tensor:
        """Return the log weight of each frame, up to a constant per clip and class."""
        raise NotImplementedError


class MeanPooling(Pooling):
    """All frames count the same: P = mean p."""

    def log_weights(self, logits, mask, attention):
        return torch.zeros_like(logits)


class MaxPooling(Pooling):
    """Only the highest frame counts: P = max p."""

    def forward(self, logits, mask=None, attention=None):
        return mask_fill(logits, mask, -math.inf).amax(dim=1)


class LinearSoftmaxPooling(Pooling):
    """Frames count by their own probability: P = Σ p² / Σ p.

    Raises the frames above half the clip's score and lowers the others, and so
    localises [1]_.

    References
    ----------
    .. [1] Y. Wang, J. Li, F. Metze, "A comparison of five multiple instance
       learning pooling functions for sound event detection with weak labeling",
       ICASSP 2019, arXiv 1810.09050.
    """

    def log_weights(self, logits, mask, attention):
        return logsigmoid(logits)


class ExponentialSoftmaxPooling(Pooling):
    """Frames count by the exponential of their probability: P = Σ p·eᵖ / Σ eᵖ."""

    def log_weights(self, logits, mask, attention):
        return logits.sigmoid()


class AutoPooling(Pooling):
    """Like exponential softmax with a sharpness learned per class.

    P = Σ p·e^{kp} / Σ e^{kp}: k = 0 is the mean, k → ∞ the maximum [1]_.

    References
    ----------
    .. [1] B. McFee, J. Salamon, J. P. Bello, "Adaptive pooling operators for
       weakly labeled sound event detection", TASLP 2018, arXiv 1804.10070.
    """

    def __init__(self, n_classes: int):
        super().__init__(n_classes)
        self.sharpness = nn.Parameter(torch.ones(n_classes))

    def log_weights(self, logits, mask, attention):
        return self.sharpness * logits.sigmoid()


class PowerPooling(Pooling):
    """Frames count by a power of their probability: P = Σ p^{n+1} / Σ pⁿ.

    The exponent n ≥ 0 is learned per class and starts at 1, which is linear
    softmax [1]_.

    References
    ----------
    .. [1] Y. Liu et al., "Power pooling: An adaptive pooling function for weakly
       labelled sound event detection", IJCNN 2021, arXiv 2010.09985.
    """

    def __init__(self, n_classes: int):
        super().__init__(n_classes)
        start = math.log(math.expm1(1.0))
        self.raw_exponent = nn.Parameter(torch.full((n_classes,), start))

    def log_weights(self, logits, mask, attention):
        return softplus(self.raw_exponent) * logsigmoid(logits)


class AttentionPooling(Pooling):
    """Frames count by a second head of the network: P = Σ a·p / Σ a.

    The attention a is the softmax of that head over the classes [1]_.

    References
    ----------
    .. [1] Y. Xu et al., "Large-scale weakly supervised audio classification using
       gated convolutional neural network", ICASSP 2018, arXiv 1710.00343.
    """

    needs_attention = True

    def log_weights(self, logits, mask, attention):
        return attention.log_softmax(dim=-1)


class TopKPooling(Pooling):
    """The highest tenth of the frames counts: P = mean of the k largest p.

    k is a tenth of the clip's frames, at least one.
    """

    fraction = 0.1

    def log_weights(self, logits, mask, attention):
        scores = mask_fill(logits, mask, -math.inf)
        rank = scores.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
        n_frames = logits.shape[1] if mask is None else mask.sum(1)[:, None, None]
        k = torch.as_tensor(n_frames, device=rank.device).mul(self.fraction).ceil()
        return torch.zeros_like(logits).masked_fill(rank >= k, -math.inf)


class NoisyOrPooling(Pooling):
    """At least one segment holds the sound: P = 1 - Π (1 - p̄ over each segment).

    A segment lasts ten of the network's frames; p̄ is the mean probability there.
    """

    segment = 10

    def forward(self, logits, mask=None, attention=None):
        n_frames = logits.shape[1]
        padding = (0, 0, 0, -n_frames % self.segment)
        if mask is None:
            mask = logits.new_ones(logits.shape[:2], dtype=torch.bool)
        absent = pad(
            mask_fill(logsigmoid(-logits), mask, -math.inf), padding, value=-math.inf
        )
        absent = absent.unflatten(1, (-1, self.segment))
        counts = pad(mask, padding[2:]).unflatten(1, (-1, self.segment)).sum(2)
        used = (counts > 0)[..., None, None]
        # A segment beyond the clip's end says nothing: its log(1 - p̄) is 0.
        log_mean = torch.logsumexp(absent.masked_fill(~used, 0.0), dim=2)
        log_absent = log_mean - counts.clamp(min=1).to(log_mean).log()[..., None]
        total = -log_absent.masked_fill(~used[..., 0], 0.0).sum(dim=1)
        # P = 1 - exp(-total), hence logit P = log(exp(total) - 1).
        tiny = torch.finfo(total.dtype).tiny
        return total + torch.log((-torch.expm1(-total)).clamp(min=tiny))


POOLINGS: dict[str, type[Pooling]] = {
    "attention": AttentionPooling,
    "auto": AutoPooling,
    "exp_softmax": ExponentialSoftmaxPooling,
    "linear_softmax": LinearSoftmaxPooling,
    "max": MaxPooling,
    "mean": MeanPooling,
    "noisy_or": NoisyOrPooling,
    "power": PowerPooling,
    "top_k": TopKPooling,
}


def make_pooling(name: str, n_classes: int) -> Pooling:
    """Build the clip pooling called ``name``.

    Parameters
    ----------
    name : str
        One of the keys of ``POOLINGS``.
    n_classes : int
        Number of classes.

    Returns
    -------
    Pooling
        A module that turns frame logits into clip logits.

    Raises
    ------
    ValueError
        If there is no such pooling; the message lists those there are.

    Examples
    --------
    >>> import torch
    >>> from sklearn_sed.nn import make_pooling
    >>> frame_proba = torch.tensor([[[0.2], [0.8]]])
    >>> make_pooling("linear_softmax", 1)(frame_proba.logit()).sigmoid()
    tensor([[0.6800]])
    """
    if name not in POOLINGS:
        raise ValueError(
            f"pooling={name!r} is unknown; choose one of {sorted(POOLINGS)}"
        )
    return POOLINGS[name](n_classes)
