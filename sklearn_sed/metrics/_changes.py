"""What the counts of one class change at which scores.

As a decision threshold falls, scores rise above it one by one, and each changes the
counts of its clip by a little. Sums of these changes are the counts at every threshold,
over all clips or over any choice of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array

from sklearn_sed.metrics._counts import Floats, Ints

# From how often each clip counts (None: once) to the value of a metric.
Statistic = Callable[[Floats | None], Any]


@dataclass(frozen=True)
class Totals:
    """Counts of one class at every threshold that makes a difference.

    Attributes
    ----------
    threshold : ndarray of shape (n_thresholds,), float64
        Descending from infinity. The counts are those of scores greater than it.
    tp, fp : ndarray of shape (n_thresholds,), float64
        True positives and false positives.
    crossed : ndarray of shape (n_thresholds,), float64
        Weighted sum of cross-triggers.
    """

    threshold: Floats
    tp: Floats
    fp: Floats
    crossed: Floats


@dataclass(frozen=True)
class Changes:
    """Changes in the counts of one class, by descending score.

    Attributes
    ----------
    score : ndarray of shape (n_changes,), float64
        Below which scores the threshold has to fall.
    clip : ndarray of shape (n_changes,), int64
        Where the counts change.
    tp, fp : ndarray of shape (n_changes,), int64
        Change in true positives and false positives.
    crossed : csr_array of shape (n_changes, n_labels)
        Change in cross-triggers on each other class.
    """

    score: Floats
    clip: Ints
    tp: Ints
    fp: Ints
    crossed: csr_array

    @classmethod
    def sort(
        cls,
        score: Floats,
        clip: Ints,
        tp: ArrayLike,
        fp: ArrayLike,
        crossed: csr_array | None = None,
    ) -> "Changes":
        """Sort changes, and leave out those that change nothing."""
        tp, fp = np.broadcast_to(tp, score.shape), np.broadcast_to(fp, score.shape)
        telling = (tp != 0) | (fp != 0)
        if crossed is None:
            crossed = csr_array((len(score), 0))
        telling |= np.diff(crossed.indptr) > 0
        order = np.flatnonzero(telling)
        order = order[np.argsort(score[order])[::-1]]
        return cls(score[order], clip[order], tp[order], fp[order], crossed[order])

    def totals(
        self, weights: Floats | None = None, cross_weights: Floats | None = None
    ) -> Totals:
        """Sum the changes.

        Parameters
        ----------
        weights : ndarray of shape (n_clips,), default=None
            How often each clip counts. By default once.
        cross_weights : ndarray of shape (n_labels,), default=None
            What a cross-trigger on each class counts. By default nothing.
        """
        # A threshold cannot fall between equal scores: their changes come together.
        together = np.flatnonzero(np.diff(self.score, append=-np.inf))

        def total(change: ArrayLike) -> Floats:
            change = np.asarray(change, dtype=np.float64)
            if weights is not None:
                change = change * weights[self.clip]
            return np.append(0.0, np.cumsum(change)[together])

        crossed = np.zeros(len(self.score))
        if cross_weights is not None and self.crossed.nnz:
            crossed = self.crossed @ cross_weights
        # The counts hold for thresholds from the next lower score up to this one.
        steps = self.score[together]
        threshold = np.concatenate([[np.inf], steps[1:], [-np.inf]])[: len(steps) + 1]
        # Rounding must not leave less than nothing.
        return Totals(
            threshold, total(self.tp), total(self.fp), np.maximum(total(crossed), 0.0)
        )
