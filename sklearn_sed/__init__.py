"""Weakly supervised sound event detection with the scikit-learn API.

Learn from tags *what* sounds are in a clip, and find *when* they happen.
Public names load on first use, so that importing the package stays light.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
