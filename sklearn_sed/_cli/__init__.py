"""The command line: ``sklearn-sed train``, ``detect``, ``clips`` and the others.

Each command is a thin wrapper of public functions, which it imports only when it runs,
so that ``--help`` answers at once. What is found goes to files and standard output;
progress, warnings and complaints to standard error.
"""

from sklearn_sed._cli._main import main

__all__ = ["main"]
