"""What a network remembers of its training, beside what it has learned."""

import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, f1_score


def training_record(
    indicator: np.ndarray, earlier: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return when a training has ended and how many clips it had.

    Parameters
    ----------
    indicator : ndarray of shape (n_clips, n_classes)
        1 for the classes in each clip.
    earlier : dict, default=None
        The record of a training that this one goes on from.
    """
    n_clips, class_count = len(indicator), (indicator == 1).sum(axis=0).tolist()
    if earlier is not None:
        n_clips += earlier["n_clips"]
        class_count = [a + b for a, b in zip(class_count, earlier["class_count"])]
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "n_clips": n_clips,
        "class_count": class_count,
        "held_back": None,
    }


def held_back_record(
    indicator: np.ndarray, found: np.ndarray, proba: np.ndarray
) -> dict[str, Any]:
    """Return how well the classes of clips were told; None for a class of no clip."""
    counts = indicator.sum(axis=0).tolist()
    columns = list(zip(indicator.T, found.T, proba.T))
    f1 = [f1_score(y, tags, zero_division=0.0) for y, tags, _ in columns]
    precision = [
        average_precision_score(y, own) if n else None
        for n, (y, _, own) in zip(counts, columns)
    ]
    return {
        "n_clips": len(indicator),
        "class_count": counts,
        "f1": [float(own) if n else None for own, n in zip(f1, counts)],
        "average_precision": [None if own is None else float(own) for own in precision],
    }


def check_record(record: Any, n_classes: int) -> None:
    """Complain about a record in a file that no training has made."""
    if record is None:  # of an earlier version
        return
    datetime.fromisoformat(record["date"])
    parts = [record, *filter(None, [record["held_back"]])]
    counts = [count for part in parts for count in part["class_count"]]
    counts += [part["n_clips"] for part in parts]
    if any(type(count) is not int or count < 0 for count in counts):
        raise ValueError(f"a training has had {counts} clips")
    lists = [part["class_count"] for part in parts]
    for part in parts[1:]:
        for scores in (part["f1"], part["average_precision"]):
            lists.append(scores)
            for score in scores:
                fits = type(score) is float and 0 <= score <= 1
                if score is not None and not fits:
                    raise ValueError(f"held-back clips have the score {score!r}")
    if any(len(own) != n_classes for own in lists):
        raise ValueError(f"the clips of {n_classes} classes are counted {lists}")


def check_duration(seconds: Any) -> None:
    """Complain about a length of clips that no clip has."""
    known = type(seconds) in (int, float) and 0 < seconds < math.inf
    if seconds is not None and not known:
        raise ValueError(f"clips of training have lasted {seconds!r} s")
