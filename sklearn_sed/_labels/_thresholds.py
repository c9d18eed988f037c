"""Per-class thresholds of clip scores, chosen on held-back clips."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import precision_recall_fscore_support
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import StrOptions, validate_params
from sklearn.utils.validation import check_array, check_consistent_length

# Pooling float32 scores can leave 0..1 by rounding.
SCORE_TOLERANCE = 1e-6
# The published annealing: restarts from 0.4..0.6, steps whose size shrinks along the
# way and away from 0.5.
N_RESTARTS = 100
N_STEPS = 30
FIRST_STEP = 0.07
STEP_DECAY = 1 / (1.9 * N_STEPS)
STEP_SPREAD = 0.08


@validate_params(
    {
        "y_true": ["array-like"],
        "y_proba": ["array-like"],
        "method": [StrOptions({"f1", "annealing", "roc", "mean_prf"})],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def tag_thresholds(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    method: str = "f1",
    random_state: int | np.random.RandomState | None = None,
) -> np.ndarray:
    """Choose the threshold of each class from clip scores and true tags.

    A class is positive in a clip when its score > threshold. Use clips that the model
    was not trained on, and do not score the model on these clips.

    Parameters
    ----------
    y_true : array-like of shape (n_clips, n_classes)
        Indicator of the true tags. Rows of -1 are unlabelled clips and are ignored.
    y_proba : array-like of shape (n_clips, n_classes)
        Clip scores, 0 to 1.
    method : {"f1", "annealing", "roc", "mean_prf"}, default="f1"
        How to choose:

        - "f1": the threshold with the highest F1 score of the class, hence of macro F1,
          by an exact search. It lies in the middle between two scores; among equally
          good thresholds, the one nearest to 0.5.
        - "annealing": random walks through all thresholds at once, from 100 starts
          within 0.4..0.6, in 30 steps that get smaller; the best macro F1 on the way.
        - "roc": the point of the ROC curve where the true positive rate exceeds the
          false positive rate most.
        - "mean_prf": the mean of the precision, recall and F1 reached with threshold
          0.5.

        The last three are those of [1]_, for comparison.
    random_state : int, RandomState instance or None, default=None
        Seed of the method "annealing".

    Returns
    -------
    thresholds : ndarray of shape (n_classes,), float64
        The threshold of each class, 0 to 1. A class that is present in none or in all
        of the labelled clips gets 0.5: they say nothing about its threshold.

    Raises
    ------
    ValueError
        If the shapes differ, or a score is not a number from 0 to 1.

    References
    ----------
    .. [1] T. Pellegrini, L. Cances, "Cosine-similarity penalty to discriminate sound
       classes in weakly-supervised sound event detection", IJCNN 2019,
       arXiv:1901.03146.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sed._labels._thresholds import tag_thresholds
    >>> y_true = np.array([[1, 0], [1, 1], [0, 1], [0, 0]])
    >>> y_proba = np.array([[0.9, 0.1], [0.4, 0.3], [0.2, 0.4], [0.1, 0.2]])
    >>> tag_thresholds(y_true, y_proba)
    array([0.3 , 0.25])
    """
    truth, proba = _check(y_true, y_proba)
    present = truth.sum(axis=0)
    telling = (present > 0) & (present < len(truth))
    thresholds = np.full(truth.shape[1], 0.5)
    if not telling.any():
        return thresholds
    truth, proba = truth[:, telling], proba[:, telling]
    if method == "annealing":
        rng = check_random_state(random_state)
        thresholds[telling] = _anneal(truth, proba, rng)
    else:
        choose: Callable[[np.ndarray, np.ndarray], float]
        choose = {"f1": _best_f1, "roc": _best_roc, "mean_prf": _mean_prf}[method]
        thresholds[telling] = [choose(t, p) for t, p in zip(truth.T, proba.T)]
    return thresholds


def given_thresholds(threshold: Any, n_classes: int) -> np.ndarray:
    """Return thresholds that were given, one for each class, or complain."""
    given = np.asarray(threshold, dtype=np.float64)
    if given.ndim and given.shape != (n_classes,):
        raise ValueError(
            f"threshold has shape {given.shape}; pass one value, or one for each of "
            f"the {n_classes} classes"
        )
    if not ((given >= 0) & (given <= 1)).all():  # NaN, too
        raise ValueError(
            f"threshold={given.tolist()} must lie within 0..1: a clip has a class when "
            "its score is above the class's threshold"
        )
    return np.broadcast_to(given, (n_classes,)).copy()


def _check(y_true: ArrayLike, y_proba: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return the labelled rows as booleans and float64 scores."""
    tags = check_array(y_true, input_name="y_true", ensure_min_samples=0)
    proba = check_array(
        y_proba, input_name="y_proba", dtype=np.float64, ensure_min_samples=0
    )
    check_consistent_length(tags, proba)
    if tags.shape != proba.shape:
        raise ValueError(
            f"y_true and y_proba must have the same shape, got {tags.shape} and "
            f"{proba.shape}"
        )
    labelled = (tags >= 0).all(axis=1)
    tags, proba = tags[labelled], proba[labelled]
    for name, values in (("y_true", tags), ("y_proba", proba)):
        if ((values < -SCORE_TOLERANCE) | (values > 1 + SCORE_TOLERANCE)).any():
            low, high = values.min(), values.max()
            raise ValueError(f"{name} must lie within 0..1, got {low} to {high}")
    return tags > 0, proba.clip(0, 1)


def _cuts(truth: np.ndarray, proba: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return all ways to cut the scores of a class in two.

    Returns
    -------
    threshold : ndarray of shape (n_cuts,)
        The middle of the gap between the scores on either side, in rising order.
    positive : ndarray of shape (n_cuts,)
        Number of clips with a score above the threshold.
    hits : ndarray of shape (n_cuts,)
        Number of them that are true.
    """
    scores, inverse, count = np.unique(proba, return_inverse=True, return_counts=True)
    true_count = np.bincount(inverse, weights=truth, minlength=len(scores))
    # A cut below the lowest score, one below each other score, and one above all.
    below = np.append(0.0, scores)
    middle = np.append((below[:-1] + scores) / 2, (scores[-1] + 1) / 2)
    # Between neighbouring floats there is no middle: the lower one parts them.
    above = np.append(scores, np.inf)
    threshold = np.where(middle < above, middle, below)
    positive = np.append(count[::-1].cumsum()[::-1], 0)
    hits = np.append(true_count[::-1].cumsum()[::-1], 0)
    # No threshold within 0..1 lies below a score of 0.
    start = int(scores[0] == 0)
    return threshold[start:], positive[start:], hits[start:]


def _best_f1(truth: np.ndarray, proba: np.ndarray) -> float:
    """Return the threshold with the highest F1 score."""
    threshold, positive, hits = _cuts(truth, proba)
    f1 = 2 * hits / (positive + truth.sum())
    best = np.flatnonzero(f1 == f1.max())
    return threshold[best[np.argmin(np.abs(threshold[best] - 0.5))]]


def _best_roc(truth: np.ndarray, proba: np.ndarray) -> float:
    """Return the threshold that parts true and false positive rate most."""
    threshold, positive, hits = _cuts(truth, proba)
    n_true = truth.sum()
    distance = hits / n_true - (positive - hits) / (len(truth) - n_true)
    return threshold[np.argmax(distance)]


def _mean_prf(truth: np.ndarray, proba: np.ndarray) -> float:
    """Return the mean of precision, recall and F1 with threshold 0.5."""
    scores = precision_recall_fscore_support(
        truth, proba > 0.5, average="binary", zero_division=0
    )
    return float(np.mean(scores[:3]))


def _anneal(
    truth: np.ndarray, proba: np.ndarray, rng: np.random.RandomState
) -> np.ndarray:
    """Return the best of the thresholds that random walks come across."""
    n_classes = truth.shape[1]
    best = np.full(n_classes, 0.5)
    best_f1 = _macro_f1(truth, proba, best[np.newaxis])[0]
    walks = rng.uniform(0.4, 0.6, size=(N_RESTARTS, n_classes))
    for step in range(N_STEPS):
        reach = np.exp(-(((walks - 0.5) / STEP_SPREAD) ** 2) / 2)
        size = FIRST_STEP * (1 - step * STEP_DECAY)
        walks = np.clip(walks + size * reach * rng.uniform(-1, 1, walks.shape), 0, 1)
        f1 = _macro_f1(truth, proba, walks)
        winner = int(np.argmax(f1))
        if f1[winner] > best_f1:
            best, best_f1 = walks[winner], f1[winner]
    return best


def _macro_f1(
    truth: np.ndarray, proba: np.ndarray, thresholds: np.ndarray
) -> np.ndarray:
    """Return the macro F1 score of each row of thresholds."""
    total = np.zeros(len(thresholds))
    for column, (true, scores) in enumerate(zip(truth.T, proba.T)):
        order = np.argsort(scores)
        cut = np.searchsorted(scores[order], thresholds[:, column], side="right")
        hits = np.append(true[order][::-1].cumsum()[::-1], 0)[cut]
        total += 2 * hits / (len(scores) - cut + true.sum())
    return total / truth.shape[1]
