"""How many of the found events are right, from those that somebody has judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from sklearn_sed.events import check_events
from sklearn_sed.events._records import PLAIN_NUMBER
from sklearn_sed.exceptions import AnnotationError

VERDICTS = ("accepted", "rejected", "corrected", "added", "unsure")
_SAVED = ("score", "verdict", "sampled_by", "found_label")
MIN_AUDIT = 10  # judged events of the audit order, in each bin
_MAX_BINS = 4
_N_DRAWS = 4000


@dataclass(frozen=True)
class PrecisionEstimate:
    """How many of the events above a threshold are right, as far as it is known.

    Attributes
    ----------
    value : float or None
        The share of right events; None where too few have been judged.
    low, high : float or None
        Where it lies, with the confidence asked for.
    n_events : int
        Number of events above the threshold.
    n_judged : int
        How many of them have been accepted, corrected or rejected.
    n_audit : int
        How many of these were chosen by the audit order.

    Examples
    --------
    >>> from sklearn_sed.review import PrecisionEstimate
    >>> PrecisionEstimate(0.8, 0.7, 0.9, 1500, 100, 50).value
    0.8
    """

    value: float | None
    low: float | None
    high: float | None
    n_events: int
    n_judged: int
    n_audit: int


def estimate_precision(
    found: Sequence[pd.DataFrame],
    reviewed: Sequence[pd.DataFrame],
    *,
    threshold: float | Mapping[str, float] = 0.0,
    confidence: float = 0.95,
    random_state: int | np.random.RandomState | None = None,
) -> dict[str, PrecisionEstimate]:
    r"""Estimate the precision of found events from those that were reviewed.

    It is the precision of the events as they are found, decided by whether somebody
    accepts them. It says nothing about events that were not found.

    Parameters
    ----------
    found : sequence of DataFrame
        The event tables, with scores, that :func:`write_review` was given.
    reviewed : sequence of DataFrame
        The event tables that the page saved, as
        :func:`~sklearn_sed.events.read_events` returns them.
    threshold : float or dict from str to float, default=0.0
        Events count whose score exceeds it; of a dict, that of each class, 0 for those
        it lacks.
    confidence : float, default=0.95
        Probability that the interval holds the precision.
    random_state : int, RandomState or None, default=None
        For the draws behind the interval.

    Returns
    -------
    estimates : dict from str to PrecisionEstimate
        The estimate for each class that was found.

    Raises
    ------
    AnnotationError
        If found events have no scores, or a table was not saved by a review page.
    ValueError
        If `confidence` is not between 0 and 1.

    See Also
    --------
    write_review : Writes the page.

    Notes
    -----
    The page offers events in two orders by turns. The audit order is spread evenly over
    the scores, the learning order begins with uncertain ones. Events that were judged
    by choice, as uncertain ones are, count as what they are. The others are divided by
    score into at most four bins of equal size, each with ten events or more of the
    audit order; in each bin b, k of the n that were judged are right, and so the same
    share of all N. Over all N(t) events above t, of which Y were judged by choice and
    are right,

    .. math:: P(t) = \frac{1}{N(t)} \Big(Y + \sum_b k_b + (N_b - n_b) k_b / n_b\Big)

    For the interval, the shares k/n are drawn from Beta(k + ½, n - k + ½), and how many
    of the events not judged are right from the binomial distribution. With fewer than
    ten judged events of the audit order there is no estimate, unless all events are
    judged.

    A corrected time counts as right; an event that was given another class counts as
    wrong for its own. Unsure events count as not judged.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sed.events import make_events
    >>> from sklearn_sed.review import estimate_precision
    >>> onset = np.arange(40.0)
    >>> found = make_events(onset, onset + 1, ["Dog"] * 40, (onset + 1) / 40)
    >>> reviewed = found[::2].assign(
    ...     verdict=["rejected"] * 10 + ["accepted"] * 10,
    ...     sampled_by="audit",
    ...     found_label="Dog",
    ... )
    >>> dog = estimate_precision([found], [reviewed], random_state=0)["Dog"]
    >>> dog.value, dog.n_audit
    (0.5, 20)
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence!r} must lie between 0 and 1")
    rng = check_random_state(random_state)
    events = _join(found, "found", ("score",))
    judged = _judged(_join(reviewed, "reviewed", _SAVED))
    limits = threshold if isinstance(threshold, Mapping) else {}
    estimates = {}
    for label, rows in events.groupby("event_label", sort=True):
        own = judged[judged["found_label"] == _name(label)]
        limit = limits.get(label, 0.0) if isinstance(threshold, Mapping) else threshold
        estimates[str(label)] = _estimate(
            rows["score"].to_numpy(),
            own["score"].to_numpy(),
            own["is_right"].to_numpy(),
            (own["sampled_by"] == "audit").to_numpy(),
            limit,
            confidence,
            rng,
        )
    return estimates


def _join(
    tables: Sequence[pd.DataFrame], name: str, columns: Sequence[str]
) -> pd.DataFrame:
    """Return the events of all tables that have any, or say which column they lack."""
    filled = [table for table in check_events(tables, name=name) if len(table)]
    for table in filled:
        for column in columns:
            if column not in table:
                raise AnnotationError(
                    name,
                    f"the column {column!r} is missing; pass the events that the page "
                    "was written for, with scores, and those that it saved",
                )
    return pd.concat(filled) if filled else pd.DataFrame(columns=["event_label"])


def _judged(reviewed: pd.DataFrame) -> pd.DataFrame:
    """Return the reviewed events that were found, and whether they are right."""
    if not len(reviewed):
        columns = ["score", "sampled_by", "found_label", "is_right"]
        return pd.DataFrame(columns=columns)
    odd = reviewed[~reviewed["verdict"].isin(VERDICTS)]
    if len(odd):
        raise AnnotationError(
            "reviewed",
            f"the verdict {odd['verdict'].iloc[0]!r} is none of {', '.join(VERDICTS)}",
        )
    judged = reviewed[reviewed["verdict"].isin(["accepted", "rejected", "corrected"])]
    found_label = judged["found_label"].map(_name)
    is_own = judged["event_label"].map(_name) == found_label
    is_right = is_own & (judged["verdict"] != "rejected")
    return judged.assign(found_label=found_label, is_right=is_right)


def _name(label: Any) -> str:
    """Return a label as text, such as columns of numbers are read: 7 as 7.0."""
    text = str(label)
    return repr(float(text)) if PLAIN_NUMBER.fullmatch(text) else text


def _estimate(
    score: np.ndarray,
    judged: np.ndarray,
    is_right: np.ndarray,
    is_audit: np.ndarray,
    threshold: float,
    confidence: float,
    rng: np.random.RandomState,
) -> PrecisionEstimate:
    """Estimate the precision of one class.

    Parameters
    ----------
    score : ndarray of shape (n_events,)
        The scores of all events.
    judged : ndarray of shape (n_judged,)
        Those of the judged events, which are among them.
    is_right, is_audit : ndarray of shape (n_judged,), bool
        Whether they are right, and of the audit order.
    threshold, confidence : float
    rng : RandomState
    """
    _check_scores(score, judged)
    score = score[score > threshold]
    above = judged > threshold
    judged, is_right, is_audit = judged[above], is_right[above], is_audit[above]
    n_events, n_audit = len(score), int(is_audit.sum())
    counts = (n_events, len(judged), n_audit)
    if len(judged) == n_events:
        share = float(is_right.mean()) if n_events else None
        return PrecisionEstimate(share, share, share, *counts)
    chosen = judged[~is_audit]
    rest = _without(score, chosen)
    bins = _bins(rest, judged[is_audit])
    if bins is None:
        return PrecisionEstimate(None, None, None, *counts)
    edges, n_audit_of = bins
    place = np.searchsorted(edges, rest, side="right")
    n_of = np.bincount(place, minlength=len(n_audit_of))
    right = judged[is_audit & is_right]
    place = np.searchsorted(edges, right, side="right")
    n_right = np.bincount(place, minlength=len(n_audit_of))
    n_known = int((is_right & ~is_audit).sum()) + int(n_right.sum())
    n_unknown = n_of - n_audit_of
    value = (n_known + (n_unknown * n_right / n_audit_of).sum()) / n_events
    size = (_N_DRAWS, len(n_of))
    shares = rng.beta(n_right + 0.5, n_audit_of - n_right + 0.5, size)
    drawn = (n_known + rng.binomial(n_unknown, shares).sum(axis=1)) / n_events
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return PrecisionEstimate(
        float(value), float(min(low, value)), float(max(high, value)), *counts
    )


def _check_scores(score: np.ndarray, judged: np.ndarray) -> None:
    """Refuse judged events that are not among all events."""
    values, counts = np.unique(judged, return_counts=True)
    there = np.searchsorted(np.sort(score), values, side="right")
    there -= np.searchsorted(np.sort(score), values, side="left")
    if (counts > there).any():
        odd = float(values[np.argmax(counts > there)])
        raise AnnotationError(
            "reviewed",
            f"an event of score {odd} is not among the found ones; pass the events "
            "that the page was written for",
        )


def _without(score: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Return the scores, sorted, without those of some events."""
    values, counts = np.unique(score, return_counts=True)
    taken, n_taken = np.unique(chosen, return_counts=True)
    counts[np.searchsorted(values, taken)] -= n_taken
    return np.repeat(values, counts)


def _bins(rest: np.ndarray, audit: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the edges between most bins of equal size, and the audited of each.

    None where even in a single bin there are too few.
    """
    for n_bins in range(_MAX_BINS, 0, -1):
        edges = rest[len(rest) * np.arange(1, n_bins) // n_bins]
        place = np.searchsorted(edges, audit, side="right")
        counts = np.bincount(place, minlength=n_bins)
        if counts.min() >= MIN_AUDIT:
            return edges, counts
    return None
