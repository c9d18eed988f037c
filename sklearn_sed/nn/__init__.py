"""Networks, clip poolings, losses and training: the only package that uses torch.

Everything here works on padded batches of clips. A batch carries its frame
scores as logits ``(batch, n_frames, n_classes)`` and a boolean mask
``(batch, n_frames)`` that is true on the frames a clip really has; ``None``
stands for "every clip fills the batch".
"""

from sklearn_sed.nn._losses import WeakLabelLoss, cosine_penalty
from sklearn_sed.nn._memory import kept_memory
from sklearn_sed.nn._networks import (
    CRNN,
    EmbeddingNet,
    PaperATT,
    PaperCRNN,
    PaperTagger,
    count_parameters,
)
from sklearn_sed.nn._pooling import POOLINGS, make_pooling

__all__ = [
    "CRNN",
    "POOLINGS",
    "EmbeddingNet",
    "PaperATT",
    "PaperCRNN",
    "PaperTagger",
    "WeakLabelLoss",
    "cosine_penalty",
    "count_parameters",
    "kept_memory",
    "make_pooling",
]
