"""Labels and weights as users hand them in, checked once, in one voice."""

import numbers
import re
import unicodedata
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import compress
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.exceptions import DataConversionWarning
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight

from sklearn_sed.events import TagArray, is_event_tables, stack_tables
from sklearn_sed.events._partial import is_partial, read_knowledge
from sklearn_sed.events._records import is_missing, shorten
from sklearn_sed.events._tables import check_labels, find_odd_label
from sklearn_sed.exceptions import LabelError, LabelWarning, RareClassWarning

UNLABELLED = -1
# What a list printed into one label has, and what may stand between several labels.
_LISTED = re.compile(r"[,;|\[\]{}\t\n]|^['\"]|['\"]$")
_COMPOUND = re.compile(r"[,;|/+&]")
_COLLECTIONS = (list, tuple, np.ndarray, pd.Series, pd.Index)


@dataclass(frozen=True)
class Tags:
    """Weak labels: which classes are in which clip.

    ``of`` tells whether y gave the labels of each clip, columns with names, or columns
    without; ``single`` that it gave one label per clip. In the indicator, −1 stands for
    what is not known: of a whole row, the clip is unlabelled. ``others`` is 0 or −1 for
    each clip: what is said of classes that y does not name. ``events`` are event tables
    where times are known, None for the other clips.
    """

    indicator: np.ndarray
    classes: np.ndarray
    of: Literal["labels", "names", "numbers"] = "labels"
    single: bool = False
    others: np.ndarray | None = None
    events: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.indicator)

    def take(self, index: np.ndarray) -> "Tags":
        """Return the tags of some clips."""
        others = None if self.others is None else self.others[index]
        events = None if self.events is None else self.events[index]
        chosen = self.indicator[index]
        return replace(self, indicator=chosen, others=others, events=events)

    def followed_by(self, other: "Tags") -> "Tags":
        """Return the tags of these clips and of others that have the same classes."""
        return replace(
            self,
            indicator=np.concatenate([self.indicator, other.indicator]),
            others=None,
            events=stack_tables([*self._tables, *other._tables]),
        )

    @property
    def labelled(self) -> np.ndarray:
        """True for the clips all of whose tags are known, of shape (n_clips,)."""
        return (self.indicator != UNLABELLED).all(axis=1)

    @property
    def known(self) -> np.ndarray:
        """True for the clips some of whose tags are known, of shape (n_clips,)."""
        return (self.indicator != UNLABELLED).any(axis=1)

    @property
    def located(self) -> np.ndarray:
        """True for the clips with times, if only of a part, of shape (n_clips,)."""
        return self._has(lambda table: True)

    @property
    def timed(self) -> np.ndarray:
        """True for the clips the times of all of whose events are known."""
        return self._has(lambda table: not is_partial(table))

    def _has(self, wanted: Callable[[pd.DataFrame], bool]) -> np.ndarray:
        """Tell which clips have a table that is wanted."""
        found = [table is not None and wanted(table) for table in self._tables]
        return np.array(found, dtype=bool)

    @property
    def _tables(self) -> Any:
        return [None] * len(self) if self.events is None else self.events


def check_tags(y: Any, n_clips: int, classes: Any = None, *, name: str = "y") -> Tags:
    """Check weak or strong labels and reduce them to an indicator.

    Parameters
    ----------
    y : array-like or Tags
        An indicator (array, sparse, TagArray, DataFrame whose columns name the
        classes; a row of −1 is an unlabelled clip), one label per clip, or what is
        known of each clip: an event table, whole or from ``partial_events``, with times
        or with NaN in their place; a list or set of labels; None or −1 for nothing.
        What was checked before is passed on.
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
    AnnotationError
        If an event table is impossible.
    LabelError
        If labels are unknown, of the wrong form, or not as many as clips.
    """
    tags = _encode(y, name)
    for label, present in zip(tags.classes.tolist(), tags.indicator.T):
        if isinstance(label, str) and not label.strip():
            raise LabelError(
                f"{name}, clip {present.argmax()}: the name of a class is {label!r}; "
                "give it one, or leave it out"
            )
    if len(tags) != n_clips:
        raise LabelError(
            "Found input variables with inconsistent numbers of samples: X has "
            f"{n_clips} clips and {name} has {len(tags)} entries"
        )
    if not n_clips:
        raise LabelError(f"{name} is empty: pass the labels of at least one clip")
    if classes is not None:
        tags = _in_order(tags, np.array(check_labels(classes, "classes")), name)
    if not len(tags.classes) and tags.others is not None and tags.others.any():
        raise LabelError(
            f"{name} names no class beside −1 and None; pass an indicator, of which a "
            "row of −1 is an unlabelled clip"
        )
    if not len(tags.classes):
        raise LabelError(
            f"{name} names no class: all of its {n_clips} entries are empty; if they "
            "were read from a file, check that its filenames are those of the clips"
        )
    return tags


def _in_order(tags: Tags, classes: np.ndarray, name: str) -> Tags:
    """Return tags with a column for each of the classes, in their order."""
    found, known = tags.classes.tolist(), classes.tolist()
    if tags.of == "numbers" and len(found) != len(known):
        raise LabelError(
            f"{name} has {len(found)} columns, expected {len(known)}: one for each of "
            f"{known}"
        )
    if tags.of == "numbers":
        return replace(tags, classes=classes, of="names")
    if tags.of == "names" and set(found) != set(known):
        raise LabelError(f"{name} has the columns {found}, expected {known}")
    column = {label: index for index, label in enumerate(known)}
    for label, present in zip(found, tags.indicator.T):
        if label not in column:
            raise _unknown(f"{name}, clip {present.argmax()}", label, classes)
    others = tags.others
    if others is None:
        others = np.where(tags.labelled, 0, UNLABELLED)
    indicator = np.repeat(others.astype(np.int8)[:, None], len(known), axis=1)
    indicator[:, [column[label] for label in found]] = tags.indicator
    return replace(tags, indicator=indicator, classes=classes)


def _encode(y: Any, name: str) -> Tags:
    """Reduce labels of any form to an indicator of the classes that they name."""
    if isinstance(y, Tags):
        return y
    if y is None:
        raise LabelError(
            f"the estimator requires {name} to be passed, but the target {name} is None"
        )
    if isinstance(y, np.ma.MaskedArray) and np.ma.is_masked(y):
        raise LabelError(
            f"{name} has masked entries, which say nothing of what is there; pass a "
            "row of −1 for an unlabelled clip, and fill the others"
        )
    if is_event_tables(y):
        return _from_entries(y, name)
    if isinstance(y, TagArray) and y.classes is not None:
        y = pd.DataFrame(np.asarray(y), columns=y.classes)
    if isinstance(y, pd.DataFrame):
        columns = np.array(check_labels(y.columns, f"the columns of {name}"))
        return Tags(_check_indicator(y, name), columns, "names")
    if not sparse.issparse(y):
        if hasattr(y, "__len__") and _has_label_lists(y):
            return _from_entries(y, name)
        matrix = np.asarray(y)
        if matrix.ndim not in (1, 2):
            raise LabelError(
                f"{name} has shape {matrix.shape}; pass the labels of each clip, or an "
                "indicator of shape (n_clips, n_classes)"
            )
        if matrix.ndim == 1 or matrix.shape[1] == 1:
            labels = np.asarray(y, dtype=object).ravel()
            _complain_of_missing(labels, np.arange(len(labels)), name)
        binary = np.isin(matrix, [0, 1, UNLABELLED]).all()
        if matrix.ndim == 1 or (matrix.shape[1] == 1 and not binary):
            if matrix.dtype.kind in "fc":
                assert_all_finite(matrix, input_name=name)
                check_classification_targets(matrix)
            return _from_vector(np.asarray(y, dtype=object), name)
    indicator = _check_indicator(y, name)
    return Tags(indicator, np.arange(indicator.shape[1]), "numbers")


def timed_tables(y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return where y tells the times of all events of a clip, and the event tables.

    Returns
    -------
    timed : ndarray of bool of shape (n_clips,)
        Which clips these are.
    tables : ndarray of shape (n_timed,) of DataFrame
        Their tables.
    """
    tags = _encode(y, "y")
    timed = tags.timed
    return timed, stack_tables([]) if tags.events is None else tags.events[timed]


def named_labels(y: Any) -> set:
    """Return the labels that y calls by name; none where it only counts classes."""
    tags = _encode(y, "y")
    return set() if tags.of == "numbers" else set(tags.classes.tolist())


def _has_label_lists(y: Any) -> bool:
    """Tell one collection of labels per clip from a matrix or a vector."""
    if isinstance(y, np.ndarray) and y.dtype != object:
        return False
    rows = list(y)
    if any(isinstance(row, set | frozenset) for row in rows):
        return True
    if rows and all(row is None for row in rows):
        return True
    is_list = [isinstance(row, _COLLECTIONS) for row in rows]
    if not all(is_list):
        return any(is_list)
    if any(isinstance(label, str) for row in rows for label in row):
        return True
    lengths = {len(row) for row in rows}
    return len(lengths) > 1 or lengths == {0}


def _from_entries(y: Any, name: str) -> Tags:
    """Encode what is known of each clip: a table, a list of labels, or nothing."""
    found = [_read_entry(entry, name, clip) for clip, entry in enumerate(y)]
    named, known, rest, tables = zip(*found) if found else [()] * 4
    labels = [label for row in named for label in row]
    clip = np.repeat(np.arange(len(found)), [len(row) for row in named])
    in_list = np.array([not isinstance(entry, pd.DataFrame) for entry in y])[clip]
    _complain_of_missing([*compress(labels, in_list)], clip[in_list], name)
    classes, column = _sort_labels(labels, clip, name)
    others = np.array(rest, dtype=np.int8)
    indicator = np.repeat(others[:, None], len(classes), axis=1)
    indicator[clip, column] = [value for row in known for value in row]
    events = None if all(t is None for t in tables) else stack_tables(tables)
    return Tags(indicator, classes, others=others, events=events)


def _read_entry(entry: Any, name: str, clip: int) -> tuple[list, list, int, Any]:
    """Return labels, what is known of each and of all others, and a table of times."""
    if isinstance(entry, pd.DataFrame):
        tags, others, table = read_knowledge(entry, f"{name}, clip {clip}")
        return list(tags), list(tags.values()), others, table
    if entry is None or _is_unlabelled(entry):
        return [], [], UNLABELLED, None
    if isinstance(entry, str) or not np.iterable(entry):
        _complain_of_missing([entry], np.array([clip]), name)
        raise LabelError(
            f"{name}, clip {clip}: {entry!r} is not a list or set of labels; pass "
            f"[{entry!r}] where there is one label, [] where there is none"
        )
    labels = list(entry)
    return labels, [1] * len(labels), 0, None


def _is_unlabelled(row: Any) -> bool:
    """Tell whether −1 stands in the place of a clip's labels."""
    if isinstance(row, _COLLECTIONS) and len(row) == 1:
        row = next(iter(row))
    return isinstance(row, numbers.Real) and row == UNLABELLED


def _sort_labels(
    labels: Any, clip: np.ndarray, name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct labels in order, and which of them each label is."""
    fault = find_odd_label(labels)
    if fault is not None:
        raise LabelError(
            f"{name}, clip {clip[fault[0]]}: a label {fault[1]}; pass a list of labels "
            "per clip, [] for a clip with none of the sounds"
        )
    return np.unique(np.array(labels), return_inverse=True)


def _complain_of_missing(labels: Any, clip: np.ndarray, name: str) -> None:
    """Raise an error if a label is None, NaN or blank, and say what to pass."""
    blank = (isinstance(label, str) and not label.strip() for label in labels)
    missing = pd.isna(pd.Series(labels, dtype=object)) | np.fromiter(blank, dtype=bool)
    if not missing.any():
        return
    index = int(missing.argmax())
    label = labels[index]
    shown = repr(label) if isinstance(label, str) else label
    if np.count_nonzero(clip == clip[index]) > 1:
        raise LabelError(
            f"{name}, clip {clip[index]}: a label is missing ({shown}); leave it out"
        )
    raise LabelError(
        f"{name}, clip {clip[index]} has no label ({shown}); pass [] for a clip "
        "without any of the sounds, None for an unlabelled one, beside lists of labels "
        "for the others"
    )


def _check_indicator(y: Any, name: str) -> np.ndarray:
    """Return an indicator as int8, or say what else it is."""
    matrix = _as_numbers(y.toarray() if sparse.issparse(y) else y)
    if matrix.dtype.kind not in "biuf":
        raise LabelError(
            f"{name} is a table of {matrix.dtype}; pass numbers 0 and 1, a list of "
            "labels per clip, or one event table per clip"
        )
    if np.isnan(matrix).any():
        clip = int(np.isnan(matrix).any(axis=1).argmax())
        raise LabelError(
            f"{name}, clip {clip} holds NaN: {matrix[clip].tolist()}; an indicator "
            "holds 0 and 1, or −1 throughout for an unlabelled clip"
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
    return matrix.astype(np.int8)


def _as_numbers(values: Any) -> np.ndarray:
    """Return a matrix of numbers, those of pandas' nullable and object types too."""
    matrix = np.asarray(values)
    if matrix.dtype != object:
        return matrix
    if not all(isinstance(v, numbers.Number) or v is pd.NA for v in matrix.flat):
        return matrix
    return np.where(pd.isna(matrix), np.nan, matrix).astype(np.float64)


def _from_vector(y: np.ndarray, name: str) -> Tags:
    """Encode one label per clip."""
    if y.ndim == 2:
        warnings.warn(
            f"A column-vector {name} was passed when a 1d array was expected. Please "
            "change its shape to (n_clips,)",
            DataConversionWarning,
            stacklevel=4,
        )
        y = y[:, 0]
    classes, index = _sort_labels(y.tolist(), np.arange(len(y)), name)
    indicator = np.eye(len(classes), dtype=np.int8)[index]
    return Tags(indicator, classes, single=True)


def _unknown(where: str, label: Any, known: np.ndarray) -> LabelError:
    return LabelError(
        f"{where}: the label {label!r} is unknown; the classes are {known.tolist()}"
    )


def warn_rare_classes(tags: Tags) -> None:
    """Warn of classes that no, or every, labelled clip has: nothing to learn from."""
    labelled = tags.indicator[tags.known]
    if tags.single or len(labelled) < 2:
        return
    for other, what in ((1, "never"), (0, "always")):
        names = tags.classes[(labelled != other).all(axis=0)].tolist()
        if names:
            warnings.warn(
                f"{names} {what} occur in the {len(labelled)} labelled training clips: "
                "there is nothing to tell them by; add clips or leave the class out",
                RareClassWarning,
                stacklevel=3,
            )


def warn_odd_names(y: Any, tags: Tags) -> None:
    """Warn of class names that may not be meant as they are; once, before `Tags`."""
    names = [name for name in tags.classes.tolist() if isinstance(name, str)]
    if isinstance(y, Tags) or not names:
        return
    plain = {plain_label(name) for name in names}
    parts = {name: list(map(plain_label, _COMPOUND.split(name))) for name in names}
    reasons = {
        "may be several labels in one; pass a list of labels for each clip": [
            repr(name)
            for name in names
            if _LISTED.search(name)
            or (len(parts[name]) > 1 and plain >= {*parts[name]})
        ],
        "are the same but for case or blanks; write them alike": [
            " and ".join(map(repr, group)) for group in near_equal_labels(names)
        ],
        "often stand for no label; pass [] for a clip without any": [
            repr(name) for name in names if is_missing(name)
        ],
    }
    found = [f"{shorten(which)} {reason}" for reason, which in reasons.items() if which]
    if found:
        warnings.warn(
            f"y has classes that may not be meant so: {'. '.join(found)}",
            LabelWarning,
            stacklevel=4,  # past the wrapper of fit
        )


def near_equal_labels(labels: Iterable[str]) -> list[list[str]]:
    """Return the groups of labels that differ only in case, blanks or underscores."""
    groups: dict[str, list[str]] = {}
    for label in labels:
        groups.setdefault(plain_label(label), []).append(label)
    return [group for group in groups.values() if len(group) > 1]


def plain_label(label: str) -> str:
    """Return a label without what is easily written in another way."""
    text = unicodedata.normalize("NFKC", label).casefold()
    return re.sub(r"[\s_-]+", "", text) or text


def check_weights(sample_weight: Any, n_clips: int) -> np.ndarray:
    """Check one non-negative weight per clip; ones when None."""
    clips = np.empty((n_clips, 1))
    return _check_sample_weight(
        sample_weight, clips, dtype=np.float64, ensure_non_negative=True
    )


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
