"""Sounds to learn from: soundscapes made to order, and the corpora of DCASE task 4."""

from sklearn_sed.datasets._corpora import load_dcase2018, load_desed
from sklearn_sed.datasets._soundscapes import make_soundscapes
from sklearn_sed.datasets._split import split_recordings

__all__ = ["load_dcase2018", "load_desed", "make_soundscapes", "split_recordings"]
