"""Labels and weights as users hand them in, checked once, in one voice."""

import numbers
import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.exceptions import DataConversionWarning
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    _num_samples,
)

from sklearn_sed.events import (
    TagArray,
    check_events,
    is_event_tables,
    stack_tables,
    to_tags,
)
from sklearn_sed.exceptions import (
    LabelError,
    RareClassWarning,
)

UNLABELLED = -1
_COLLECTIONS = (list, tuple, np.ndarray, pd.Series, pd.Index)


@dataclass(frozen=True)
class Tags:
    """Weak labels: which classes are in which clip.

    ``single`` tells that y gave one label per clip; rows of −1 are unlabelled clips.
    ``events`` are the event tables of strong labels.
    """

    indicator: np.ndarray
    classes: np.ndarray
    single: bool = False
    events: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.indicator)

    def take(self, index: np.ndarray) -> "Tags":
        """Return the tags of some clips."""
        events = None if self.events is None else self.events[index]
        return replace(self, indicator=self.indicator[index], events=events)

    @property
    def labelled(self) -> np.ndarray:
        """True for the clips that have tags, of shape (n_clips,)."""
        return (self.indicator != UNLABELLED).all(axis=1)


def check_tags(
    y: Any, n_clips: int, classes: ArrayLike | None = None, *, name: str = "y"
) -> Tags:
    """Check weak or strong labels and reduce them to an indicator.

    Parameters
    ----------
    y : array-like or Tags
        An indicator (array, sparse, TagArray, DataFrame whose columns name the
        classes; a row of −1 is an unlabelled clip), a list or set of labels per clip,
        one label per clip, or one event table per clip. What was checked before
        is passed on.
    n_clips : int
        Number of clips in X.
    classes : array-like of shape (n_classes,) or None, default=None
        Classes to encode by; learned from y when None.
    name : str, default="y"
        What the argument is called in complaints.

    Returns
    -------
    Tags
        The indicator (n_clips, n_classes) of int8, and the classes.

    Raises
    ------
    LabelError
        If labels are unknown, of the wrong form, or not as many as clips.
    """
    if isinstance(y, Tags):
        return y if classes is None else _in_order(y, np.asarray(classes), name)
    if y is None:
        raise LabelError(
            f"the estimator requires {name} to be passed, but the target {name} is None"
        )
    if not hasattr(y, "__len__") and not sparse.issparse(y):
        y = np.asarray(y)
    n_labels = _num_samples(y)
    if n_labels != n_clips:
        raise LabelError(
            "Found input variables with inconsistent numbers of samples: X has "
            f"{n_clips} clips and {name} has {n_labels} entries"
        )
    if n_labels == 0:
        raise LabelError(f"{name} is empty: pass the labels of at least one clip")
    known = None if classes is None else check_class_names(classes, "classes")
    tags = _encode(y, known, name)
    if not len(tags.classes):
        raise LabelError(
            f"{name} names no class: all of its {n_labels} entries are empty; if they "
            "were read from a file, check that its filenames are those of the clips"
        )
    return tags


def check_class_names(names: ArrayLike, where: str) -> np.ndarray:
    """Return the names of classes, or complain about missing or repeated ones."""
    named = np.asarray(names)
    labels = named.tolist()
    if named.ndim != 1 or pd.isna(named).any():
        raise LabelError(f"{where}: {labels} must name each class; None names none")
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice is not None:
        raise LabelError(f"{where}: {twice!r} names two classes; names must differ")
    return named


def _in_order(tags: Tags, classes: np.ndarray, name: str) -> Tags:
    """Return tags with their columns in the order of the classes."""
    found = tags.classes.tolist()
    if sorted(map(repr, found)) != sorted(map(repr, classes.tolist())):
        raise LabelError(f"{name} has the classes {found}, expected {classes.tolist()}")
    columns = [found.index(label) for label in classes.tolist()]
    return replace(tags, indicator=tags.indicator[:, columns], classes=classes)


def _encode(y: Any, known: np.ndarray | None, name: str) -> Tags:
    """Reduce labels of any form to an indicator of the known classes, or of theirs."""
    if is_event_tables(y):
        tables = list(check_events(y, name=name))
        present: Any = to_tags(tables, None if known is None else known.tolist())
        indicator = np.asarray(present, dtype=np.int8)
        classes = present.classes if known is None else known
        return Tags(indicator, classes, events=stack_tables(tables))
    if isinstance(y, TagArray) and y.classes is not None:
        y = pd.DataFrame(np.asarray(y), columns=y.classes)
    if isinstance(y, pd.DataFrame) or sparse.issparse(y):
        return _from_indicator(y, known, name)
    if _has_label_lists(y):
        return _from_lists(y, known, name)
    matrix = np.asarray(y)
    if matrix.ndim == 2 and not (matrix.shape[1] == 1 and not _is_binary(matrix)):
        return _from_indicator(matrix, known, name)
    return _from_vector(matrix, known, name)


def named_labels(y: Any) -> set:
    """Return the labels that y calls by name; none where it only counts classes."""
    if isinstance(y, Tags):
        return set(y.classes.tolist())
    if is_event_tables(y):
        return {label for table in check_events(y) for label in table["event_label"]}
    if isinstance(y, TagArray) and y.classes is not None:
        return set(y.classes)
    if isinstance(y, pd.DataFrame):
        return set(y.columns)
    if sparse.issparse(y):
        return set()
    if _has_label_lists(y):
        rows = (row for row in y if np.iterable(row) and not isinstance(row, str))
        return {label for row in rows for label in row}
    return set(np.asarray(y).tolist()) if np.ndim(y) == 1 else set()


def _has_label_lists(y: Any) -> bool:
    """Tell one collection of labels per clip from a matrix or a vector."""
    if isinstance(y, np.ndarray) and y.dtype != object:
        return False
    rows = list(y)
    if any(isinstance(row, set | frozenset) for row in rows):
        return True
    is_list = [isinstance(row, _COLLECTIONS) for row in rows]
    if not all(is_list):
        return any(is_list)
    if any(isinstance(label, str) for row in rows for label in row):
        return True
    lengths = {len(row) for row in rows}
    return len(lengths) > 1 or lengths == {0}


def _is_binary(values: Any) -> bool:
    return bool(np.isin(np.asarray(values), [0, 1, UNLABELLED]).all())


def _from_lists(y: Any, known: np.ndarray | None, name: str) -> Tags:
    """Encode a collection of labels per clip."""
    for i, row in enumerate(y):
        if isinstance(row, str) or not np.iterable(row):
            raise LabelError(
                f"{name}, clip {i}: {row!r} is not a list or set of labels; pass "
                f"[{row!r}] where there is one label, [] where there is none"
            )
        if any(label == "" or pd.isna(label) for label in row):
            raise LabelError(
                f"{name}, clip {i}: {list(row)!r} holds a label that is missing; pass "
                "[] for a clip with none of the sounds"
            )
    if known is None:
        known = _sorted_labels({label for row in y for label in row}, name)
    column = {label: j for j, label in enumerate(known.tolist())}
    indicator = np.zeros((len(y), len(known)), dtype=np.int8)
    for i, row in enumerate(y):
        for label in row:
            if label not in column:
                raise _unknown(f"{name}, clip {i}", label, known)
            indicator[i, column[label]] = 1
    return Tags(indicator, known)


def _sorted_labels(labels: set, name: str) -> np.ndarray:
    """Return labels in order, or complain that they are of several types."""
    try:
        return np.array(sorted(labels))
    except TypeError as error:
        kinds = sorted({type(label).__name__ for label in labels})
        raise LabelError(
            f"{name} holds labels of the types {kinds}, which have no order: pass "
            "names alone (str), or numbers alone"
        ) from error


def _from_indicator(y: Any, known: np.ndarray | None, name: str) -> Tags:
    """Check an indicator; a DataFrame's columns name the classes."""
    columns = None
    if isinstance(y, pd.DataFrame):
        columns = check_class_names(y.columns, f"the columns of {name}")
        if known is not None and set(columns) != set(known):
            raise LabelError(
                f"{name} has the columns {columns.tolist()}, expected {known.tolist()}"
            )
        y = y[known.tolist()] if known is not None else y
    matrix = _as_numbers(y.toarray() if sparse.issparse(y) else y)
    if matrix.dtype.kind not in "biuf":
        raise LabelError(
            f"{name} is a table of {matrix.dtype}; pass numbers 0 and 1, a list of "
            "labels per clip, or one event table per clip"
        )
    assert_all_finite(matrix, input_name=name)
    unlabelled = (matrix == UNLABELLED).all(axis=1)
    wrong = ~np.isin(matrix, [0, 1]).all(axis=1) & ~unlabelled
    if wrong.any():
        i = int(np.argmax(wrong))
        raise LabelError(
            f"Unknown label type: {name}, clip {i} is {matrix[i].tolist()}; an "
            "indicator holds 0 and 1, or −1 throughout for an unlabelled clip; pass "
            "numbers that are labels as one set per clip"
        )
    if known is None:
        known = np.arange(matrix.shape[1]) if columns is None else columns
    if matrix.shape[1] != len(known):
        raise LabelError(
            f"{name} has {matrix.shape[1]} columns, expected {len(known)}: one for "
            f"each of {known.tolist()}"
        )
    return Tags(matrix.astype(np.int8), known)


def _as_numbers(values: Any) -> np.ndarray:
    """Return a matrix of numbers, those of pandas' nullable and object types too."""
    matrix = np.asarray(values)
    if matrix.dtype != object:
        return matrix
    if not all(isinstance(v, numbers.Number) or v is pd.NA for v in matrix.flat):
        return matrix
    return np.where(pd.isna(matrix), np.nan, matrix).astype(np.float64)


def _from_vector(y: np.ndarray, known: np.ndarray | None, name: str) -> Tags:
    """Encode one label per clip."""
    if y.ndim == 2:
        warnings.warn(
            f"A column-vector {name} was passed when a 1d array was expected. Please "
            "change its shape to (n_clips,)",
            DataConversionWarning,
            stacklevel=4,
        )
        y = y[:, 0]
    if y.dtype.kind == "f":
        assert_all_finite(y, input_name=name)
    if y.dtype == object:
        missing = pd.isna(y)
        if missing.any():
            raise LabelError(
                f"{name}, clip {int(missing.argmax())}: its label is missing; pass a "
                "list of labels per clip, [] for a clip with none of the sounds"
            )
        _sorted_labels(set(y.tolist()), name)
        y = np.array(y.tolist())
    check_classification_targets(y)
    found, index = np.unique(y, return_inverse=True)
    if known is None:
        known = found
    for label in found:
        if label not in known:
            raise _unknown(name, label, known)
    position = np.array([np.flatnonzero(known == label)[0] for label in found])
    indicator = np.zeros((len(y), len(known)), dtype=np.int8)
    indicator[np.arange(len(y)), position[index]] = 1
    return Tags(indicator, known, single=True)


def _unknown(where: str, label: Any, known: np.ndarray) -> LabelError:
    return LabelError(
        f"{where}: the label {label!r} is unknown; the classes are {known.tolist()}"
    )


def warn_rare_classes(tags: Tags) -> None:
    """Warn of classes that no, or every, labelled clip has: nothing to learn from."""
    labelled = tags.indicator[tags.labelled]
    if tags.single or len(labelled) < 2:
        return
    for present, what in ((0, "never"), (1, "always")):
        names = tags.classes[(labelled == present).all(axis=0)].tolist()
        if names:
            warnings.warn(
                f"{names} {what} occur in the {len(labelled)} labelled training clips: "
                "there is nothing to tell them by; add clips or leave the class out",
                RareClassWarning,
                stacklevel=3,
            )


def check_weights(sample_weight: Any, n_clips: int) -> np.ndarray:
    """Check one non-negative weight per clip; ones when None."""
    weight = _check_sample_weight(
        sample_weight,
        np.empty((n_clips, 1)),
        dtype=np.float64,
        ensure_non_negative=True,
    )
    if not weight.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    return weight


def check_class_weight(class_weight: Any, tags: Tags) -> np.ndarray | None:
    """Turn a class weight ("balanced", mapping or sequence) into an array, or None."""
    if class_weight is None:
        return None
    n_classes = len(tags.classes)
    if isinstance(class_weight, str):
        count = np.maximum((tags.indicator == 1).sum(axis=0), 1)
        weight = 1 / count
        return weight * n_classes / weight.sum()
    if isinstance(class_weight, dict):
        for label in class_weight:
            if label not in tags.classes:
                raise _unknown("class_weight", label, tags.classes)
        return np.array(
            [class_weight.get(c, 1.0) for c in tags.classes.tolist()], float
        )
    weight = np.asarray(class_weight, dtype=float)
    if weight.shape != (n_classes,):
        raise ValueError(
            f"class_weight has shape {weight.shape}; pass one weight for each of the "
            f"{n_classes} classes"
        )
    return weight
