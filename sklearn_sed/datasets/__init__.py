"""Sounds to learn from: soundscapes made to order, and the corpora of DCASE task 4."""

from sklearn_sed.datasets._soundscapes import make_soundscapes

__all__ = ["make_soundscapes"]
