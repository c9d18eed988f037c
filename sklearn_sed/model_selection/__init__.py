"""Model selection for sound event detection: folds, and decoders tuned on times."""

from ._split import MultilabelStratifiedGroupKFold, MultilabelStratifiedKFold
from ._tuned_decoder import TunedDecoderCV

__all__ = [
    "MultilabelStratifiedGroupKFold",
    "MultilabelStratifiedKFold",
    "TunedDecoderCV",
]
