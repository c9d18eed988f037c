"""Counts first, ratios after: what every event metric is computed from."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RATIOS = ["f1", "precision", "recall", "error_rate"]
COUNTS = ["n_ref", "n_est", "substitutions", "deletions", "insertions"]


@dataclass(frozen=True)
class ClipCounts:
    """Events (or active segments) found in each clip.

    Attributes
    ----------
    labels : list of length n_labels
        The classes.
    tp, n_ref, n_est : ndarray of shape (n_clips, n_labels)
        True positives, reference events and estimated events.
    substitutions : ndarray of shape (n_clips,)
        Pairs of a false positive and a false negative that differ by their label only.
    """

    labels: list[Any]
    tp: Floats
    n_ref: Floats
    n_est: Floats
    substitutions: Floats

    def measures(self) -> pd.DataFrame:
        """Compute all measures of the clips together.

        Returns
        -------
        DataFrame of shape (n_labels + 1, 10)
            A row for each class, and the row "micro avg". A ratio without anything to
            divide by is 0, an error rate then the number of errors.
        """
        index = pd.Index([*self.labels, "micro avg"], dtype=object)
        table = pd.DataFrame(self.columns(), index)
        return table.astype(dict.fromkeys(COUNTS, int))

    def columns(self, weights: Floats | None = None) -> dict[str, Floats]:
        """Compute the columns of `measures`.

        Parameters
        ----------
        weights : ndarray of shape (n_clips,), default=None
            How often each clip counts. By default once.
        """
        if weights is None:
            weights = np.ones(len(self.substitutions))
        tp, n_ref, n_est = (
            np.append(by_class, by_class.sum())
            for by_class in (weights @ n for n in (self.tp, self.n_ref, self.n_est))
        )
        replaced = np.zeros(len(tp))
        replaced[-1] = weights @ self.substitutions
        return {
            "tp": tp,
            "n_ref": n_ref,
            "n_est": n_est,
            "f1": 2 * tp / np.maximum(n_ref + n_est, 1),
            "precision": tp / np.maximum(n_est, 1),
            "recall": tp / np.maximum(n_ref, 1),
            "error_rate": (n_ref + n_est - 2 * tp - replaced) / np.maximum(n_ref, 1),
            "substitutions": replaced,
            "deletions": n_ref - tp - replaced,
            "insertions": n_est - tp - replaced,
        }


def averaged(measure: ArrayLike, average: str | None) -> float | Floats:
    """Return a column of measures as "macro" or "micro" average, or by class."""
    *by_class, overall = np.asarray(measure).tolist()
    if average == "micro":
        return overall
    if average is None:
        return np.array(by_class)
    return float(np.mean(by_class)) if by_class else 0.0
