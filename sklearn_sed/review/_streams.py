"""Which events are judged first: some for an honest estimate, some to learn most from.

Each class has two orders of its own. The first events of the **audit** order are spread
evenly over its scores, however many they are: what they say holds for all events. The
**learning** order begins with the events closest to the threshold.
"""

import numpy as np
import pandas as pd

from sklearn_sed.inference._cutting import by_uncertainty

_GOLDEN = (5**0.5 - 1) / 2
_PER_RECORDING = 2  # of a class, before the learning order comes to those further away


def add_streams(
    table: pd.DataFrame, thresholds: dict[str, float], rng: np.random.RandomState
) -> pd.DataFrame:
    """Return events with their places in the orders of their classes.

    Parameters
    ----------
    table : DataFrame
        The events of several recordings, by recording and time.
    thresholds : dict from str to float
        The threshold of each class.
    rng : RandomState

    Returns
    -------
    table : DataFrame
        The same rows with the columns `audit` and `learning`, places from 0 on within
        the class; `mixed`, the place where both take turns; and `sampled_by`, whose
        turn it is: "audit" or "uncertain". Without scores, all are of the audit order.
    """
    table = table.assign(audit=0, learning=0)
    for label, rows in table.groupby("event_label", sort=True):
        if "score" in table:
            score = rows["score"].to_numpy()
            audit = np.argsort(score, kind="stable")[_evenly(len(rows), rng)]
            learning = _uncertain(score, rows["filename"], thresholds[label])
        else:
            audit = learning = _evenly(len(rows), rng)
        for name, order in (("audit", audit), ("learning", learning)):
            table.loc[rows.index[order], name] = np.arange(len(rows))
    is_audit = table["audit"] <= table["learning"]
    turn = np.where(is_audit, 2 * table["audit"], 2 * table["learning"] + 1)
    mixed = pd.Series(turn, table.index).groupby(table["event_label"]).rank()
    return table.assign(
        mixed=mixed.astype(int) - 1,
        sampled_by=np.where(is_audit, "audit", "uncertain"),
    )


def _evenly(n_events: int, rng: np.random.RandomState) -> np.ndarray:
    """Return an order in which the first ranks are spread evenly, however many."""
    # By steps of the golden ratio, each rank is reached within 1.9 times as many.
    steps = rng.uniform() + np.arange(2 * n_events + 2) * _GOLDEN
    ranks = (n_events * (steps % 1)).astype(np.int64)
    _, first = np.unique(ranks, return_index=True)
    return ranks[np.sort(first)]


def _uncertain(
    score: np.ndarray, recordings: pd.Series, threshold: float
) -> np.ndarray:
    """Return the events closest to a threshold first, few of each recording."""
    order = by_uncertainty(score, threshold)
    rounds = recordings.iloc[order].groupby(recordings.iloc[order]).cumcount()
    return order[np.argsort(rounds.to_numpy() // _PER_RECORDING, kind="stable")]
