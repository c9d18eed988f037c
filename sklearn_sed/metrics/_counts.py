"""Counts first, ratios after: what every event metric is computed from."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RATIOS = ["f1", "precision", "recall", "error_rate"]
COUNTS = ["n_ref", "n_est", "substitutions", "deletions", "insertions"]


def measures(
    labels: Sequence[Any],
    tp: ArrayLike,
    n_ref: ArrayLike,
    n_est: ArrayLike,
    substitutions: float = 0.0,
) -> pd.DataFrame:
    """Compute all measures of the events (or active segments) found.

    Parameters
    ----------
    labels : sequence of str of length n_labels
        The classes.
    tp, n_ref, n_est : array-like of shape (n_labels + 1,)
        True positives, reference events and estimated events: of each class, and of all
        together.
    substitutions : float, default=0
        Pairs of a false positive and a false negative that differ by their label only.

    Returns
    -------
    DataFrame of shape (n_labels + 1, 10)
        A row for each class, and the row "micro avg". A ratio without anything to
        divide by is 0, an error rate then the number of errors.
    """
    tp, n_ref, n_est = (np.asarray(n, np.float64) for n in (tp, n_ref, n_est))
    replaced = np.zeros(len(tp))
    replaced[-1] = substitutions
    table = {
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
    index = pd.Index([*labels, "micro avg"], dtype=object)
    return pd.DataFrame(table, index).astype(dict.fromkeys(COUNTS, int))


def averaged(table: pd.DataFrame, measure: str, average: str | None) -> float | Floats:
    """Return one of the measures as "macro" or "micro" average, or by class."""
    *by_class, overall = table[measure].tolist()
    if average == "micro":
        return overall
    if average is None:
        return np.array(by_class)
    return float(np.mean(by_class)) if by_class else 0.0
