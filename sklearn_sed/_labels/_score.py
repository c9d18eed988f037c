"""The score of tags, which all estimators share."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import f1_score
from sklearn.utils import _safe_indexing, check_consistent_length

from sklearn_sed._labels._check import check_tags, named_labels, timed_tables
from sklearn_sed.exceptions import LabelError, RareClassWarning


def score_tags(
    y: Any,
    predicted: ArrayLike,
    classes: ArrayLike,
    *,
    single: bool = False,
    sample_weight: Any = None,
) -> float:
    """Return the macro F1 of predicted tags over the clips that y labels.

    Parameters
    ----------
    y : array-like of n_clips labels
        Reference, in any form that ``fit`` takes. Classes that it names and `classes`
        lack were never predicted, and count 0.
    predicted : array-like of shape (n_clips, n_classes) or (n_clips,)
        Indicator, or labels if `single`.
    classes : array-like of shape (n_classes,)
        The classes.
    single : bool, default=False
        Whether each clip has one label.
    sample_weight : array-like of shape (n_clips,), default=None
        Weight of each clip.

    Raises
    ------
    LabelError
        If labels are unknown, of the wrong form, or missing in every clip.
    """
    predicted = np.asarray(predicted)
    classes = with_unknown(classes, y)
    if not single:
        predicted = add_columns(predicted, len(classes))
    tags = check_tags(y, len(predicted), classes)
    labelled = tags.labelled
    if not labelled.any():
        raise LabelError("y labels no clip: scoring needs clips with tags")
    reference = tags.indicator[labelled]
    if single:
        reference = tags.classes[reference.argmax(axis=1)]
    if sample_weight is not None:
        check_consistent_length(predicted, sample_weight)
        sample_weight = np.asarray(sample_weight)[labelled]
    score = f1_score(
        reference,
        predicted[labelled],
        average="macro",
        sample_weight=sample_weight,
        zero_division=0,
    )
    return float(score)


def with_times(y: Any, X: Any, tags: Any = None) -> tuple[NDArray[Any], Any, Any]:
    """Return the event tables of clips whose times y tells, these clips and their tags.

    Tags that are None, or one word for all clips, stay so. There may be no such clips.
    """
    timed, tables = timed_tables(y)
    if timed.all():
        return tables, X, tags
    check_consistent_length(X, timed)
    index = np.flatnonzero(timed)
    if tags is not None and not isinstance(tags, str):
        tags = _safe_indexing(tags, index)
    return tables, _safe_indexing(X, index), tags


def with_unknown(classes: ArrayLike, y: Any) -> list[Any]:
    """Return an estimator's classes, and after them what else a reference names.

    A rare class may miss in the training part of a fold: never found, but no error.
    Names where the classes are numbers, or the other way round, are one.
    """
    known, named = np.asarray(classes).tolist(), named_labels(y)
    if len({isinstance(label, str) for label in (*known, *named)}) > 1:
        raise LabelError(
            f"y names the classes {sorted(map(str, named))}, of which the estimator "
            f"knows none; it was fitted on {known}"
        )
    if named and not named & set(known):
        warnings.warn(
            f"y names the classes {sorted(named)}, of which the estimator knows none: "
            f"all count as missed; it was fitted on {known}",
            RareClassWarning,
            stacklevel=3,
        )
    return known + sorted(named - set(known))


def add_columns(values: ArrayLike, n_columns: int) -> NDArray[Any]:
    """Append columns of zeros for classes that nobody predicts."""
    values = np.asarray(values)
    return np.pad(values, ((0, 0), (0, n_columns - values.shape[1])))
