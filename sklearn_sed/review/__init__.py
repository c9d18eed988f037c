"""Listen to found events, judge them, and know how many are right.

:func:`write_review` writes a folder with a page that opens in any browser by a double
click, without a server, a network or an installation. What is judged there comes out as
an event table, of which :func:`estimate_precision` says how precise the events are.
"""

from sklearn_sed.review._precision import PrecisionEstimate, estimate_precision
from sklearn_sed.review._write import write_review

__all__ = ["PrecisionEstimate", "estimate_precision", "write_review"]
