"""Saved models: one file, JSON and numbers inside, no pickle."""

from sklearn_sed._persistence._files import load_model, save_model

__all__ = ["load_model", "save_model"]
