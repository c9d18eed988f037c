"""The networks: log-mel frames in, frame (or clip) logits out.

A network is a module called as ``network(x, mask)`` with features
``(batch, n_frames, n_mels)`` and the mask of the frames that each clip has (None
when all have all). It returns frame logits ``(batch, n_out, n_classes)`` with
``n_out = ceil(n_frames / time_pooling)``, or a pair of these and the logits of an
attention head, or clip logits ``(batch, n_classes)``. Its frame j is centred on input
frame ``first_centre + j * time_pooling``. Any module that does so can take the place of
those here; the attributes ``time_pooling`` and ``first_centre`` are 1 and the middle of
the first ``time_pooling`` frames where it does not have them.

Padding never moves a clip's scores: after every layer that would let padding in,
the frames beyond a clip's end are set back to zero, which is what a convolution
sees beyond the end of an unpadded clip.
"""

import math
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, batch_norm, max_pool2d
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from sklearn_sed.nn._losses import Scores
from sklearn_sed.nn._pooling import Pooling, mask_fill


def count_parameters(network: nn.Module) -> int:
    """Count a network's weights the way Keras does.

    Batch-norm statistics count, frozen weights do not, so that the counts of the
    published networks come out.

    Parameters
    ----------
    network : Module
        The network.

    Returns
    -------
    int
        Number of weights.

    Examples
    --------
    >>> from sklearn_sed.nn import PaperCRNN, count_parameters
    >>> count_parameters(PaperCRNN(64, 10, activation="relu"))
    133706
    """
    learned = sum(p.numel() for p in network.parameters() if p.requires_grad)
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    return learned + sum(2 * norm.num_features for norm in norms)


class MaskedBatchNorm2d(nn.BatchNorm2d):
    """Batch norm whose statistics come from the frames that clips really have."""

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Normalise ``x`` of shape (batch, channels, n_frames, n_mels)."""
        if not self.training:
            return super().forward(x)
        if mask is None:
            return self._norm(x)
        frames_first = x.permute(0, 2, 1, 3)
        out = torch.zeros_like(frames_first)
        out[mask] = self._norm(frames_first[mask][..., None])[..., 0]
        return out.permute(0, 2, 1, 3)

    def _norm(self, x: Tensor) -> Tensor:
        if x.numel() > x.shape[1]:
            return super().forward(x)
        # One value per channel has no spread to learn from.
        return batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
        )


class GatedLinearUnit(nn.Module):
    """Half of the channels, gated by the sigmoid of the other half."""

    def forward(self, x: Tensor) -> Tensor:
        """Halve the channels of ``x`` of shape (batch, channels, n_frames, n_mels)."""
        linear, gate = x.chunk(2, dim=1)
        return linear * gate.sigmoid()


def pool_mask(mask: Tensor | None, factor: int) -> Tensor | None:
    """Mask of the frames left when time is divided by ``factor``, rounded up."""
    return None if mask is None else mask[:, ::factor]


def mask_map(x: Tensor, mask: Tensor | None, fill: float = 0.0) -> Tensor:
    """Set a feature map's frames beyond each clip's end to ``fill``."""
    return x if mask is None else x.masked_fill(~mask[:, None, :, None], fill)


class ConvBlock(nn.Module):
    """Convolution, batch norm, activation, pooling, dropout; padding stays out.

    Parameters
    ----------
    n_in, n_out : int
        Channels that come in and go out.
    pool : tuple of (time, mel)
        Pooling sizes; an incomplete last window is pooled over what it holds.
    activation : {"relu", "glu"}
        What follows the batch norm.
    pooling : {"max", "mean"}, default="max"
        How windows are pooled.
    dropout : Module or None, default=None
        Applied last.
    kernel_size, stride : int
        Of the convolution.
    bias : bool, default=False
        Whether the convolution has one; batch norm makes it redundant.
    norm : dict or None, default=None
        Keyword arguments of the batch norm.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        pool: tuple[int, int],
        activation: str,
        *,
        pooling: str = "max",
        dropout: nn.Module | None = None,
        kernel_size: int = 3,
        stride: int = 1,
        bias: bool = False,
        norm: dict | None = None,
    ):
        super().__init__()
        gated = activation == "glu"
        self.conv = nn.Conv2d(
            n_in,
            2 * n_out if gated else n_out,
            kernel_size,
            stride=stride,
            padding=kernel_size // 2,
            bias=bias,
        )
        self.norm = MaskedBatchNorm2d(self.conv.out_channels, **(norm or {}))
        self.activation = GatedLinearUnit() if gated else nn.ReLU(inplace=True)
        self.dropout = dropout or nn.Identity()
        self.stride, self.pool, self.pooling = stride, pool, pooling

    def forward(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return the block's map and the mask of its frames."""
        mask_in = pool_mask(mask, self.stride)
        x = self.activation(self.norm(self.conv(x), mask_in))
        mask_out = pool_mask(mask_in, self.pool[0])
        if self.pooling == "max":
            x = max_pool2d(mask_map(x, mask_in, -math.inf), self.pool, ceil_mode=True)
        else:
            x = avg_pool2d(mask_map(x, mask_in), self.pool, ceil_mode=True)
            if mask_in is not None and self.pool[0] > 1:
                whole = mask_in.to(x.dtype)[:, None, :, None]
                share = avg_pool2d(whole, (self.pool[0], 1), ceil_mode=True)
                x = x / share.clamp(min=1 / self.pool[0])
        return mask_map(self.dropout(x), mask_out), mask_out


class MaskedGRU(nn.GRU):
    """A bidirectional GRU over time whose backward pass starts at each clip's end."""

    def __init__(self, n_in: int, n_hidden: int):
        super().__init__(n_in, n_hidden, batch_first=True, bidirectional=True)

    def forward(self, x, mask):
        """Map (batch, n_frames, n_in) to (batch, n_frames, 2 n_hidden)."""
        if mask is None:
            return super().forward(x)[0]
        packed = pack_padded_sequence(
            x, mask.sum(1).cpu(), batch_first=True, enforce_sorted=False
        )
        out, _ = pad_packed_sequence(
            super().forward(packed)[0], batch_first=True, total_length=x.shape[1]
        )
        return out


def as_sequence(x: Tensor) -> Tensor:
    """Turn a map (batch, channels, n_frames, n_mels) into (batch, n_frames, n)."""
    return x.permute(0, 2, 1, 3).flatten(2)


def _divide(size: int, *factors: int) -> int:
    """Divide ``size`` by each factor in turn, rounding up."""
    for factor in factors:
        size = -(-size // factor)
    return size


class CRNN(nn.Module):
    """The recommended network: early time pooling, a small biGRU, a linear head.

    A wide first convolution halves time and frequency, which is where most of the
    cost of a CRNN on log-mel frames lies; four 3 × 3 blocks follow, with average
    pooling, and one bidirectional GRU.

    Parameters
    ----------
    n_mels : int
        Columns of a frame.
    n_classes : int
        Number of classes.
    n_filters : tuple of int, default=(24, 48, 96, 128, 128)
        Channels of the convolutions, the first of which is the wide one.
    n_rnn : int, default=96
        Units of the GRU in each direction.
    activation : {"relu", "glu"}, default="relu"
        What follows each batch norm.
    time_pooling : {2, 4, 8}, default=4
        Input frames per output frame.
    dropout : float, default=0.2
        Dropout before and after the GRU.
    attention : bool, default=False
        Whether to add an attention head.

    Examples
    --------
    >>> import torch
    >>> from sklearn_sed.nn import CRNN
    >>> CRNN(64, 10, time_pooling=4)(torch.zeros(2, 43, 64)).shape
    torch.Size([2, 11, 10])
    """

    def __init__(
        self,
        n_mels: int,
        n_classes: int,
        *,
        n_filters: tuple[int, ...] = (24, 48, 96, 128, 128),
        n_rnn: int = 96,
        activation: str = "relu",
        time_pooling: int = 4,
        dropout: float = 0.2,
        attention: bool = False,
    ):
        super().__init__()
        if time_pooling not in (2, 4, 8):
            raise ValueError(f"time_pooling={time_pooling!r} must be 2, 4 or 8")
        self.time_pooling = time_pooling
        # The wide convolution is centred on every other frame, from frame 0 on.
        self.first_centre = time_pooling / 2 - 1
        n_halvings = time_pooling.bit_length() - 2
        wide = ConvBlock(1, n_filters[0], (1, 1), activation, kernel_size=7, stride=2)
        self.blocks = nn.ModuleList([wide])
        for i, (n_in, n_out) in enumerate(pairwise(n_filters)):
            pool = (2 if i < n_halvings else 1, 2)
            block = ConvBlock(n_in, n_out, pool, activation, pooling="mean")
            self.blocks.append(block)
        self.dropout = nn.Dropout(dropout)
        n_bands = _divide(n_mels, *[2] * len(n_filters))
        self.gru = MaskedGRU(n_filters[-1] * n_bands, n_rnn)
        self.head = nn.Linear(2 * n_rnn, n_classes)
        self.attention = nn.Linear(2 * n_rnn, n_classes) if attention else None

    def forward(self, x: Tensor, mask: Tensor | None = None):
        """Return frame logits, with attention logits where there is such a head."""
        x = x[:, None]
        for block in self.blocks:
            x, mask = block(x, mask)
        x = self.dropout(self.gru(self.dropout(as_sequence(x)), mask))
        if self.attention is None:
            return self.head(x)
        return self.head(x), self.attention(x)


class _KerasStyle(nn.Module):
    """What the published networks owe to Keras: initial weights and batch norm."""

    norm: ClassVar[dict] = {"eps": 1e-3, "momentum": 0.01}

    def _initialize(self) -> None:
        """Draw Glorot-uniform and orthogonal weights; freeze the GRU's second bias."""
        for name, parameter in self.named_parameters():
            if "weight_hh" in name:
                for gate in parameter.data.chunk(3):
                    nn.init.orthogonal_(gate)
            elif parameter.ndim > 1:
                nn.init.xavier_uniform_(parameter)
            elif "bias" in name:
                nn.init.zeros_(parameter)
            if "bias_hh" in name:
                parameter.requires_grad_(False)


class PaperCRNN(_KerasStyle):
    """The published detector: three convolution blocks, biGRU 64, dense 64.

    Time is not pooled. With 64 mel bands and 10 classes it has 133,706 weights
    (``activation="relu"``, "MIL") or 208,586 ("glu", "GLU-MIL") [1]_.

    Parameters
    ----------
    n_mels : int
        Columns of a frame.
    n_classes : int
        Number of classes.
    activation : {"relu", "glu"}, default="glu"
        Plain blocks with dropout 0.1, or gated ones without bias and dropout.

    Notes
    -----
    The GRU's input is dropped out as published; the dropout of 0.1 between its
    steps, which torch does not offer, is left out.

    References
    ----------
    .. [1] T. Pellegrini, L. Cances, "Cosine-similarity penalty to discriminate
       sound classes in weakly-supervised sound event detection", IJCNN 2019,
       arXiv 1901.03146.

    Examples
    --------
    >>> import torch
    >>> from sklearn_sed.nn import PaperCRNN
    >>> PaperCRNN(64, 10)(torch.zeros(2, 43, 64)).shape
    torch.Size([2, 43, 10])
    """

    time_pooling = 1

    def __init__(self, n_mels: int, n_classes: int, *, activation: str = "glu"):
        super().__init__()
        plain = activation == "relu"
        self.blocks = nn.ModuleList(
            ConvBlock(
                n_in,
                64,
                (1, 4),
                activation,
                bias=plain,
                dropout=nn.Dropout(0.1) if plain else None,
                norm=self.norm,
            )
            for n_in in (1, 64, 64)
        )
        self.input_dropout = nn.Dropout2d(0.1)
        self.gru = MaskedGRU(64 * _divide(n_mels, 4, 4, 4), 64)
        self.dropout = nn.Dropout(0.1 if plain else 0.0)
        self.dense = nn.Linear(128, 64)
        self.head = nn.Linear(64, n_classes)
        self._initialize()

    def embed(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Return what the heads see: (batch, n_frames, 64)."""
        x = x[:, None]
        for block in self.blocks:
            x, mask = block(x, mask)
        x = self.gru(as_sequence(self.input_dropout(x)), mask)
        return self.dropout(self.dense(self.dropout(x)).relu())

    def forward(self, x: Tensor, mask: Tensor | None = None):
        """Return frame logits (batch, n_frames, n_classes)."""
        return self.head(self.embed(x, mask))


class PaperATT(PaperCRNN):
    """Gated CRNN with a classification head and an attention head [1]_.

    Parameters
    ----------
    n_mels : int
        Columns of a frame.
    n_classes : int
        Number of classes.

    References
    ----------
    .. [1] Y. Xu et al., "Large-scale weakly supervised audio classification using
       gated convolutional neural network", ICASSP 2018, arXiv 1710.00343.

    Examples
    --------
    >>> import torch
    >>> from sklearn_sed.nn import PaperATT
    >>> scores, attention = PaperATT(64, 10)(torch.zeros(2, 43, 64))
    >>> scores.shape == attention.shape == (2, 43, 10)
    True
    """

    def __init__(self, n_mels: int, n_classes: int):
        super().__init__(n_mels, n_classes, activation="glu")
        self.attention = nn.Linear(64, n_classes)
        nn.init.xavier_uniform_(self.attention.weight)
        nn.init.zeros_(self.attention.bias)

    def forward(self, x: Tensor, mask: Tensor | None = None):
        """Return frame logits and attention logits (batch, n_frames, n_classes)."""
        x = self.embed(x, mask)
        return self.head(x), self.attention(x)


class PaperTagger(_KerasStyle):
    """The published tagger: three convolution blocks, global pools, dense 1024.

    With 64 mel bands and 10 classes it has 907,018 weights. The recurrent variant
    puts biGRU 64 and dense 64 in the place of the global pools and gives frame
    logits, to be averaged over time [1]_.

    Parameters
    ----------
    n_mels : int
        Columns of a frame.
    n_classes : int
        Number of classes.
    recurrent : bool, default=False
        Whether to build the recurrent variant.

    References
    ----------
    .. [1] T. Pellegrini, L. Cances, "Cosine-similarity penalty to discriminate
       sound classes in weakly-supervised sound event detection", IJCNN 2019,
       arXiv 1901.03146.

    Examples
    --------
    >>> import torch
    >>> from sklearn_sed.nn import PaperTagger
    >>> PaperTagger(64, 10)(torch.zeros(2, 43, 64)).shape
    torch.Size([2, 10])
    """

    time_pooling = 2

    def __init__(self, n_mels: int, n_classes: int, *, recurrent: bool = False):
        super().__init__()
        self.blocks = nn.ModuleList(
            ConvBlock(
                n_in,
                n_out,
                pool,
                "relu",
                bias=True,
                dropout=nn.Dropout2d(0.2),
                norm=self.norm,
            )
            for n_in, n_out, pool in (
                (1, 64, (2, 4)),
                (64, 128, (1, 4)),
                (128, 256, (1, 4)),
            )
        )
        self.recurrent = recurrent
        if recurrent:
            self.gru = MaskedGRU(256 * _divide(n_mels, 4, 4, 4), 64)
            self.dense = nn.Linear(128, 64)
            self.head = nn.Linear(64, n_classes)
        else:
            self.dense = nn.Linear(512, 1024)
            self.dropout = nn.Dropout(0.5)
            self.head = nn.Linear(1024, n_classes)
        self._initialize()

    def forward(self, x: Tensor, mask: Tensor | None = None):
        """Return clip logits, or frame logits when recurrent."""
        x = x[:, None]
        for block in self.blocks:
            x, mask = block(x, mask)
        if self.recurrent:
            return self.head(self.dense(self.gru(as_sequence(x), mask)).relu())
        highest = mask_map(x, mask, -math.inf).amax(dim=(2, 3))
        mean = x.mean(dim=(2, 3))
        if mask is not None:
            mean = mean * (mask.shape[1] / mask.sum(dim=1, keepdim=True))
        x = self.dense(torch.cat([mean, highest], dim=1)).relu()
        return self.head(self.dropout(x))


class EmbeddingNet(nn.Module):
    """A network for embeddings: a dense layer per frame, a small biGRU, a linear head.

    Each column of an embedding is a feature of its own, unrelated to its neighbours,
    and its frames already know their surroundings. So there is no convolution, and
    time is not pooled: there is one output frame per input frame.

    Parameters
    ----------
    n_mels : int
        Columns of a frame: the dimensions of the embedding.
    n_classes : int
        Number of classes.
    n_hidden : int, default=128
        Units of the dense layer.
    n_rnn : int, default=64
        Units of the GRU in each direction; 0 leaves it out, and every frame is then
        scored by itself.
    dropout : float, default=0.2
        Dropout before and after the dense layer, and after the GRU.
    attention : bool, default=False
        Whether to add an attention head.

    Examples
    --------
    >>> import torch
    >>> from sklearn_sed.nn import EmbeddingNet
    >>> EmbeddingNet(768, 10)(torch.zeros(2, 50, 768)).shape
    torch.Size([2, 50, 10])
    """

    time_pooling = 1

    def __init__(
        self,
        n_mels: int,
        n_classes: int,
        *,
        n_hidden: int = 128,
        n_rnn: int = 64,
        dropout: float = 0.2,
        attention: bool = False,
    ):
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(n_mels, n_hidden)
        self.gru = MaskedGRU(n_hidden, n_rnn) if n_rnn else None
        n_features = 2 * n_rnn or n_hidden
        self.head = nn.Linear(n_features, n_classes)
        self.attention = nn.Linear(n_features, n_classes) if attention else None

    def forward(self, x: Tensor, mask: Tensor | None = None):
        """Return frame logits, with attention logits where there is such a head."""
        x = self.dropout(self.dense(self.dropout(x)).relu())
        if self.gru is not None:
            x = self.dropout(self.gru(x, mask))
        if self.attention is None:
            return self.head(x)
        return self.head(x), self.attention(x)


class WeakLabelNet(nn.Module):
    """A network between the standardisation of its input and the clip pooling.

    Parameters
    ----------
    network : Module
        Called as ``network(x, mask)``; see the module's text.
    pooling : Pooling
        From frame logits to clip logits.
    mean, scale : Tensor of shape (n_mels,)
        Subtracted from each band, and what each band is divided by.
    """

    mean: Tensor
    scale: Tensor

    def __init__(
        self, network: nn.Module, pooling: Pooling, mean: Tensor, scale: Tensor
    ):
        super().__init__()
        self.network = network
        self.pooling = pooling
        self.time_pooling = getattr(network, "time_pooling", 1)
        middle = (self.time_pooling - 1) / 2
        self.first_centre = getattr(network, "first_centre", middle)
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)

    def forward(self, x: Tensor, n_frames: Tensor) -> Scores:
        """Score a padded batch (batch, max(n_frames), n_mels)."""
        mask = None
        if bool((n_frames < x.shape[1]).any()):
            mask = torch.arange(x.shape[1], device=x.device) < n_frames[:, None]
        x = mask_fill((x - self.mean) / self.scale, mask, 0.0)
        out = self.network(x, mask)
        logits, attention = out if isinstance(out, tuple) else (out, None)
        if logits.ndim == 2:
            return Scores(clip=logits)
        n_out = _divide(x.shape[1], self.time_pooling)
        if logits.shape[1] != n_out:
            raise ValueError(
                f"{type(self.network).__name__} scored {logits.shape[1]} frames of "
                f"clips of {x.shape[1]}, expected {n_out}, for its time_pooling is "
                f"{self.time_pooling}: set its attribute time_pooling to the number of "
                "input frames per scored frame"
            )
        mask = pool_mask(mask, self.time_pooling)
        return Scores(self.pooling(logits, mask, attention), logits, mask)

    def frame_proba(self, scores: Scores, n_frames: int) -> Tensor:
        """Bring frame scores back to the input's frames, as probabilities.

        Between the centres of the network's frames probabilities are interpolated
        linearly, beyond the first and last centre they stay.

        Parameters
        ----------
        scores : Scores
            With frame logits (batch, n_out, n_classes).
        n_frames : int
            Frames of the longest clip.

        Returns
        -------
        Tensor of shape (batch, n_frames, n_classes)
            Frame probabilities; those beyond a clip's end mean nothing.
        """
        proba = scores.frame.sigmoid()
        if self.time_pooling == 1 and self.first_centre == 0:
            return proba
        frame = torch.arange(n_frames, dtype=proba.dtype, device=proba.device)
        place = ((frame - self.first_centre) / self.time_pooling).clamp(min=0)
        place = place.expand(len(proba), -1)
        last = torch.full_like(place[:, :1], proba.shape[1] - 1)
        if scores.mask is not None:
            last = scores.mask.sum(dim=1, keepdim=True).to(place) - 1
        return _between(proba, place.minimum(last))

    def on_own_frames(self, target: Tensor, n_frames: Tensor) -> Tensor:
        """Read targets of the input's frames at the centres of the network's frames.

        Parameters
        ----------
        target : Tensor of shape (batch, n_frames, n_classes)
            Targets, NaN where they are not known and beyond a clip's end.
        n_frames : Tensor of int of shape (batch,)
            Frames of each clip.

        Returns
        -------
        Tensor of shape (batch, n_out, n_classes)
            The targets at the centres, interpolated linearly. Next to one that is not
            known, the one that is; beyond a clip's last frame, that of this frame.
        """
        n_out = _divide(target.shape[1], self.time_pooling)
        first = self.time_pooling * torch.arange(n_out, device=target.device)
        place = (first + self.first_centre).to(target.dtype).expand(len(target), -1)
        n_frames = n_frames[:, None]
        return _between(
            target, torch.where(first < n_frames, place.minimum(n_frames - 1), place)
        )


def _between(values: Tensor, place: Tensor) -> Tensor:
    """Interpolate values (batch, n, n_classes) linearly at places (batch, n_places)."""
    place = place.clamp(0, values.shape[1] - 1)
    shape = -1, -1, values.shape[2]
    low = values.gather(1, place.floor().long()[..., None].expand(shape))
    high = values.gather(1, place.ceil().long()[..., None].expand(shape))
    mixed = torch.lerp(low, high, place.frac()[..., None])
    return torch.where(low.isnan(), high, torch.where(high.isnan(), low, mixed))
