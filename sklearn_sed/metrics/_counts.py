"""Counts first, ratios after: what every event metric is computed from."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def ratio(part: ArrayLike, whole: ArrayLike) -> Floats:
    """Divide, giving 0 where there is nothing to divide by."""
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


@dataclass(frozen=True)
class Counts:
    """Numbers of events (or active segments) found, invented and missed.

    Attributes
    ----------
    tp, fp, fn : ndarray
        True positives, false positives and false negatives. What is a substitution
        counts in both `fp` and `fn`.
    substitutions : ndarray
        Pairs of a false positive and a false negative that differ by their label only.
    """

    tp: Floats
    fp: Floats
    fn: Floats
    substitutions: Floats

    @property
    def n_ref(self) -> Floats:
        """Number of reference events."""
        return self.tp + self.fn

    @property
    def n_est(self) -> Floats:
        """Number of estimated events."""
        return self.tp + self.fp

    @property
    def deletions(self) -> Floats:
        """Reference events missed and not substituted."""
        return self.fn - self.substitutions

    @property
    def insertions(self) -> Floats:
        """Estimated events invented that substitute none."""
        return self.fp - self.substitutions

    @property
    def precision(self) -> Floats:
        """Fraction of the estimated events that are right, 0 without any."""
        return ratio(self.tp, self.n_est)

    @property
    def recall(self) -> Floats:
        """Fraction of the reference events that are found, 0 without any."""
        return ratio(self.tp, self.n_ref)

    @property
    def f1(self) -> Floats:
        """Harmonic mean of precision and recall, 0 without a true positive."""
        return ratio(2 * self.tp, self.n_ref + self.n_est)

    @property
    def error_rate(self) -> Floats:
        """Errors per reference event; without any, the number of errors."""
        errors = self.substitutions + self.deletions + self.insertions
        return ratio(errors, np.maximum(self.n_ref, 1))


@dataclass(frozen=True)
class Evaluation:
    """The counts of one comparison, by class and over all.

    Attributes
    ----------
    labels : list
        The classes.
    class_wise : Counts
        Arrays of shape (n_labels,).
    overall : Counts
        Arrays of shape ().
    """

    labels: list[Any]
    class_wise: Counts
    overall: Counts

    def average(self, measure: str, average: str | None) -> float | Floats:
        """Return a measure of `Counts` as "macro" or "micro" average, or by class."""
        if average == "micro":
            return float(getattr(self.overall, measure))
        by_class: Floats = getattr(self.class_wise, measure)
        if average is None:
            return by_class
        return float(by_class.mean()) if len(by_class) else 0.0
