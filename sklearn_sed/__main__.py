"""Run the command line as ``python -m sklearn_sed``."""

import sys

from sklearn_sed._cli import main

if __name__ == "__main__":
    sys.exit(main())
