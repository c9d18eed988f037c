"""Model selection for sound event detection: folds for clips with several labels."""

from ._split import MultilabelStratifiedGroupKFold, MultilabelStratifiedKFold

__all__ = ["MultilabelStratifiedGroupKFold", "MultilabelStratifiedKFold"]
