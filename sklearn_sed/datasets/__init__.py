"""Sounds to learn from: soundscapes made to order, and the corpora of DCASE task 4."""

from sklearn_sed.datasets._corpora import load_dcase2018, load_desed
from sklearn_sed.datasets._soundscapes import make_soundscapes

__all__ = ["load_dcase2018", "load_desed", "make_soundscapes"]
