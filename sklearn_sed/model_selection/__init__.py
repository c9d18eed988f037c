"""Model selection for sound event detection: folds, and decoders tuned on times."""

from sklearn_sed._labels._folds import (
    MultilabelStratifiedGroupKFold,
    MultilabelStratifiedKFold,
)
from sklearn_sed.model_selection._tuned_decoder import TunedDecoderCV

__all__ = [
    "MultilabelStratifiedGroupKFold",
    "MultilabelStratifiedKFold",
    "TunedDecoderCV",
]
