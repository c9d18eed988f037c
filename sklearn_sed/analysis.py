"""What scores and events look like: class correlation, event overlap and durations.

The functions return numbers; :mod:`sklearn_sed.plotting` draws them.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.utils._param_validation import StrOptions, validate_params

from sklearn_sed._labels._check import check_tags
from sklearn_sed.events import TagArray, check_events
from sklearn_sed.events._tables import check_labels
from sklearn_sed.exceptions import ClipError
from sklearn_sed.metrics._inputs import EventArrays, flatten, label_names
from sklearn_sed.metrics._intersection import covered, merge, on_one_axis

__all__ = ["class_correlation", "event_durations", "event_overlap", "mean_off_diagonal"]


@validate_params(
    {
        "method": [StrOptions({"pearson", "cosine"})],
        "level": [StrOptions({"frame", "clip"})],
    },
    prefer_skip_nested_validation=True,
)
def class_correlation(
    frame_proba: Sequence[ArrayLike],
    *,
    tags: ArrayLike | None = None,
    method: Literal["pearson", "cosine"] = "pearson",
    level: Literal["frame", "clip"] = "frame",
) -> np.ndarray:
    """Measure how much the score curves of the classes resemble each other.

    Learning from tags alone, a detector hardly tells classes apart that often occur in
    the same clips: their curves rise and fall together. The cosine penalty [1]_ is
    there to separate them; compare the correlation without and with it.

    Parameters
    ----------
    frame_proba : array-like of shape (n_clips, n_frames, n_classes) or sequence of \
            array-like of shape (n_frames_i, n_classes)
        Frame scores of each clip.
    tags : array-like of shape (n_clips, n_classes), default=None
        Indicator of the classes in each clip, for ``level="frame"``: a pair of classes
        is then compared in the clips tagged with both. With ``method="cosine"`` this is
        the quantity that the penalty lowers.
    method : {"pearson", "cosine"}, default="pearson"
        Pearson correlation, or cosine similarity (curves are not centred).
    level : {"frame", "clip"}, default="frame"
        "frame": compare the curves in each clip, and average over clips; a clip in
        which one of two curves is flat says nothing about them. "clip": compare the
        mean scores of the clips over all clips, as the authors of [1]_ did.

    Returns
    -------
    correlation : ndarray of shape (n_classes, n_classes)
        Symmetric, 1 on the diagonal; 0 for a pair that no clip says anything about.

    Raises
    ------
    ClipError
        If the scores of a clip have the wrong shape or are not finite.
    LabelError
        If `tags` is not such an indicator.

    See Also
    --------
    mean_off_diagonal : One number for the matrix.

    References
    ----------
    .. [1] T. Pellegrini and L. Cances, "Cosine-similarity penalty to discriminate sound
       classes in weakly-supervised sound event detection", IJCNN 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sed.analysis import class_correlation
    >>> clip = np.array([[0.1, 0.2, 0.9], [0.5, 0.6, 0.5], [0.9, 1.0, 0.1]])
    >>> class_correlation([clip]).round(1)
    array([[ 1.,  1., -1.],
           [ 1.,  1., -1.],
           [-1., -1.,  1.]])
    """
    clips = _check_scores(frame_proba)
    n_classes = clips[0].shape[1]
    if level == "clip":
        if tags is not None:
            raise ValueError(
                "tags choose the clips in which curves are compared: pass them with "
                "level='frame' only"
            )
        clips = [np.stack([clip.mean(axis=0) for clip in clips])]
    if tags is None:
        present = np.ones((len(clips), n_classes), dtype=bool)
    else:
        # Scores have no names, so tags go by the order of their columns, too.
        if isinstance(tags, pd.DataFrame | TagArray):
            tags = np.asarray(tags)
        known = np.arange(n_classes)
        present = check_tags(tags, len(clips), known, name="tags").indicator == 1
    total = np.zeros((n_classes, n_classes))
    n_clips = np.zeros((n_classes, n_classes))
    for clip, there in zip(clips, present):
        similarity, defined = _compare(clip, centred=method == "pearson")
        defined &= there & there[:, None]
        total[defined] += similarity[defined]
        n_clips += defined
    correlation = total / np.maximum(n_clips, 1)
    np.fill_diagonal(correlation, 1.0)
    return correlation


def _check_scores(frame_proba: Sequence[ArrayLike]) -> list[np.ndarray]:
    """Return the scores of each clip as float64, or say which clip is wrong."""
    clips = [np.asarray(clip, dtype=np.float64) for clip in frame_proba]
    if not clips:
        raise ValueError("frame_proba holds no clips: pass the scores of at least one")
    for index, clip in enumerate(clips):
        if clip.ndim != 2 or 0 in clip.shape or clip.shape[1] != clips[0].shape[-1]:
            raise ClipError(
                index,
                f"its scores have shape {clip.shape}; pass (n_frames, n_classes), with "
                "as many classes as in the first clip",
            )
        if not np.isfinite(clip).all():
            raise ClipError(index, "its scores contain NaN or infinity")
    return clips


def _compare(curves: np.ndarray, *, centred: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the cosines of all pairs of columns, and which of them are defined."""
    size = np.linalg.norm(curves, axis=0)
    if centred:
        curves = curves - curves.mean(axis=0)
    norm = np.linalg.norm(curves, axis=0)
    # What is left of a flat curve after centring is rounding error.
    flat = norm <= 1e-9 * size
    curves = curves / np.where(flat, 1.0, norm)
    return np.clip(curves.T @ curves, -1.0, 1.0), ~(flat | flat[:, None])


def mean_off_diagonal(correlation: ArrayLike) -> float:
    """Summarise a class correlation in one number.

    Parameters
    ----------
    correlation : array-like of shape (n_classes, n_classes)
        A symmetric matrix, such as :func:`class_correlation` returns.

    Returns
    -------
    mean : float
        Mean over the pairs of different classes, negative values counted as 0, as in
        the published analysis; 0 for a single class.

    Examples
    --------
    >>> from sklearn_sed.analysis import mean_off_diagonal
    >>> mean_off_diagonal([[1.0, 0.6, -0.5], [0.6, 1.0, 0.3], [-0.5, 0.3, 1.0]])
    0.3
    """
    matrix = np.asarray(correlation, dtype=np.float64)
    pairs = matrix[np.triu_indices(len(matrix), k=1)]
    return float(np.maximum(pairs, 0).mean()) if len(pairs) else 0.0


def event_overlap(
    y: Sequence[pd.DataFrame], labels: Sequence[Any] | None = None
) -> pd.DataFrame:
    """Measure for how long the events of different classes sound at the same time.

    Parameters
    ----------
    y : sequence of DataFrame of length n_clips
        The events of each clip.
    labels : sequence of str of length n_labels, default=None
        The classes to compare; events of others are left out. By default the classes
        that occur, sorted.

    Returns
    -------
    overlap : DataFrame of shape (n_labels, n_labels)
        Seconds over all clips in which both classes sound; 0 on the diagonal. Half its
        sum is the total overlap.

    Raises
    ------
    AnnotationError
        If an event table is not valid.
    LabelError
        If `labels` are not distinct.

    Examples
    --------
    >>> from sklearn_sed.analysis import event_overlap
    >>> from sklearn_sed.events import make_events
    >>> y = [make_events([0.0, 2.0], [3.0, 4.0], ["Frying", "Dishes"])]
    >>> overlap = event_overlap(y)
    >>> overlap
            Dishes  Frying
    Dishes     0.0     1.0
    Frying     1.0     0.0
    >>> float(overlap.to_numpy().sum() / 2)
    1.0
    """
    labels, events = _flatten(y, labels)
    end = float(events.offset.max(initial=0.0))
    spans = [
        merge(on_one_axis(events[events.label == index], end))
        for index in range(len(labels))
    ]
    seconds = np.zeros((len(labels), len(labels)))
    for one, other in combinations(range(len(labels)), 2):
        seconds[one, other] = covered(spans[one], spans[other]).sum()
    return pd.DataFrame(seconds + seconds.T, index=labels, columns=labels)


def _flatten(
    y: Sequence[pd.DataFrame], labels: Sequence[Any] | None
) -> tuple[list[Any], EventArrays]:
    """Return the given labels, or those that occur, and their events."""
    tables = check_events(y)
    names = label_names(tables)
    labels = sorted(set(names)) if labels is None else check_labels(labels)
    return labels, flatten(tables, names, labels)


def event_durations(
    y: Sequence[pd.DataFrame], labels: Sequence[Any] | None = None
) -> dict[Any, np.ndarray]:
    """Collect the durations of the events of each class.

    Parameters
    ----------
    y : sequence of DataFrame of length n_clips
        The events of each clip.
    labels : sequence of str of length n_labels, default=None
        The classes to collect; events of others are left out. By default the classes
        that occur, sorted.

    Returns
    -------
    durations : dict from label to ndarray of shape (n_events,)
        Durations in seconds, in the order of clips.

    Raises
    ------
    AnnotationError
        If an event table is not valid.
    LabelError
        If `labels` are not distinct.

    Examples
    --------
    >>> from sklearn_sed.analysis import event_durations
    >>> from sklearn_sed.events import make_events
    >>> y = [make_events([0.0, 1.0], [0.5, 3.0], ["Dog", "Cat"])]
    >>> event_durations(y)
    {'Cat': array([2.]), 'Dog': array([0.5])}
    """
    labels, events = _flatten(y, labels)
    seconds = events.offset - events.onset
    return {label: seconds[events.label == i] for i, label in enumerate(labels)}
