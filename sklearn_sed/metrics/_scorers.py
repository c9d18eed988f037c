"""Scorers: what ``scoring=`` of a grid search or cross-validation takes."""

from typing import Any

import numpy as np

from sklearn_sed._clips._check import check_time_resolution
from sklearn_sed._decoding._decoder import finds_boxes
from sklearn_sed._labels._score import add_columns, score_tags, with_times, with_unknown
from sklearn_sed._unwrap import unwrap
from sklearn_sed.events import is_event_tables, to_tags
from sklearn_sed.exceptions import LabelError
from sklearn_sed.metrics._psds import psds_score
from sklearn_sed.metrics._scores import event_based_f1_score, segment_based_f1_score

# The criteria and weights of the DCASE challenge: react fast; do not confuse classes.
SCENARIOS: dict[int, dict[str, float]] = {
    1: {"dtc_threshold": 0.7, "gtc_threshold": 0.7},
    2: {
        "dtc_threshold": 0.1,
        "gtc_threshold": 0.1,
        "cttc_threshold": 0.3,
        "alpha_ct": 0.5,
    },
}


def event_based_f1_scorer(estimator: Any, X: Any, y: Any) -> float:
    """Score predicted events by their macro event-based F1 score.

    Parameters
    ----------
    estimator : estimator
        Fitted; its ``predict`` returns one event table per clip.
    X : array-like of length n_clips
        Clips, as the estimator takes them.
    y : sequence of DataFrame of length n_clips
        Reference events. Clips whose times are not known, or in part, are left out.

    Returns
    -------
    score : float
        :func:`event_based_f1_score` with its defaults.

    Raises
    ------
    LabelError
        If `y` tells the times of no clip.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from sklearn_sed.events import make_events
    >>> from sklearn_sed.metrics import event_based_f1_scorer
    >>> y = [make_events([0.0], [1.0], ["Dog"])]
    >>> estimator = SimpleNamespace(predict=lambda X: y)
    >>> event_based_f1_scorer(estimator, ["dog.wav"], y)
    1.0
    """
    y, X, _ = _with_times(y, X)
    return event_based_f1_score(y, estimator.predict(X))


def segment_based_f1_scorer(estimator: Any, X: Any, y: Any) -> float:
    """Score predicted events by their macro segment-based F1 score.

    Parameters
    ----------
    estimator : estimator
        Fitted; its ``predict`` returns one event table per clip.
    X : array-like of length n_clips
        Clips, as the estimator takes them.
    y : sequence of DataFrame of length n_clips
        Reference events. Clips whose times are not known, or in part, are left out.

    Returns
    -------
    score : float
        :func:`segment_based_f1_score` with its defaults: segments of one second, each
        clip up to its last event.

    Raises
    ------
    LabelError
        If `y` tells the times of no clip.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from sklearn_sed.events import make_events
    >>> from sklearn_sed.metrics import segment_based_f1_scorer
    >>> y = [make_events([0.0], [1.0], ["Dog"])]
    >>> estimator = SimpleNamespace(predict=lambda X: y)
    >>> segment_based_f1_scorer(estimator, ["dog.wav"], y)
    1.0
    """
    y, X, _ = _with_times(y, X)
    return segment_based_f1_score(y, estimator.predict(X))


def psds1_scorer(estimator: Any, X: Any, y: Any, tags: Any = None) -> float:
    """Score what an estimator decodes by the PSDS, scenario 1: react fast.

    Parameters
    ----------
    estimator : estimator
        Fitted; it, the last step of a pipeline or the best estimator of a search has
        ``predict_curves``, or at least ``predict_frame_proba``, and ``classes_``.
    X : array-like of length n_clips
        Clips, as the estimator takes them.
    y : sequence of DataFrame of length n_clips
        Reference events. A class that the estimator was not trained on counts as never
        detected. Clips whose times are not known, or in part, are left out.
    tags : indicator, label lists, "proba" or None, default=None
        As in :meth:`~sklearn_sed.TwoPassSED.predict_curves`: by default the curves of
        classes that the estimator does not find in a clip are zero; "proba" weighs
        each curve by the clip's probability of its class instead. In a search, pass
        ``functools.partial(psds1_scorer, tags="proba")``.
        Where the scores of events decide, as with ``EventDecoder(segmenter="boxes")``,
        all events are judged that ``predict(X, tags, candidates=True)`` returns.

    Returns
    -------
    score : float
        :func:`psds_score` with ``dtc_threshold=0.7, gtc_threshold=0.7, alpha_st=1``. A
        clip is as long as its recording, where the features tell, else as its frames.

    Raises
    ------
    LabelError
        If `y` tells the times of no clip, or none of the estimator's classes.
    TimeResolutionError
        If neither the features nor the estimator say how long a frame lasts.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from sklearn_sed import FeatureArray
    >>> from sklearn_sed.events import make_events
    >>> from sklearn_sed.metrics import psds1_scorer
    >>> y = [make_events([1.0], [3.0], ["Dog"])]
    >>> frame_proba = FeatureArray([[[0.1], [0.9], [0.8]]], time_resolution=1.0)
    >>> estimator = SimpleNamespace(
    ...     classes_=["Dog"], predict_frame_proba=lambda X: frame_proba
    ... )
    >>> psds1_scorer(estimator, ["dog.wav"], y)
    1.0
    """
    y, X, tags = _with_times(y, X, tags)
    return psds_score(y, **scored_output(estimator, X, y, tags), **SCENARIOS[1])


def psds2_scorer(estimator: Any, X: Any, y: Any, tags: Any = None) -> float:
    """Score what an estimator decodes by the PSDS, scenario 2: do not confuse classes.

    Parameters
    ----------
    estimator : estimator
        Fitted; it, the last step of a pipeline or the best estimator of a search has
        ``predict_curves``, or at least ``predict_frame_proba``, and ``classes_``.
    X : array-like of length n_clips
        Clips, as the estimator takes them.
    y : sequence of DataFrame of length n_clips
        Reference events. A class that the estimator was not trained on counts as never
        detected. Clips whose times are not known, or in part, are left out.
    tags : indicator, label lists, "proba" or None, default=None
        As in :meth:`~sklearn_sed.TwoPassSED.predict_curves`: by default the curves of
        classes that the estimator does not find in a clip are zero; "proba" weighs
        each curve by the clip's probability of its class instead. In a search, pass
        ``functools.partial(psds1_scorer, tags="proba")``.
        Where the scores of events decide, as with ``EventDecoder(segmenter="boxes")``,
        all events are judged that ``predict(X, tags, candidates=True)`` returns.

    Returns
    -------
    score : float
        :func:`psds_score` with ``dtc_threshold=0.1, gtc_threshold=0.1,
        cttc_threshold=0.3, alpha_ct=0.5, alpha_st=1``. A clip is as long as its
        recording, where the features tell, else as its frames.

    Raises
    ------
    LabelError
        If `y` tells the times of no clip, or none of the estimator's classes.
    TimeResolutionError
        If neither the features nor the estimator say how long a frame lasts.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from sklearn_sed import FeatureArray
    >>> from sklearn_sed.events import make_events
    >>> from sklearn_sed.metrics import psds2_scorer
    >>> y = [make_events([1.0], [3.0], ["Dog"])]
    >>> frame_proba = FeatureArray([[[0.1], [0.9], [0.8]]], time_resolution=1.0)
    >>> estimator = SimpleNamespace(
    ...     classes_=["Dog"], predict_frame_proba=lambda X: frame_proba
    ... )
    >>> psds2_scorer(estimator, ["dog.wav"], y)
    1.0
    """
    y, X, tags = _with_times(y, X, tags)
    return psds_score(y, **scored_output(estimator, X, y, tags), **SCENARIOS[2])


def tag_f1_scorer(estimator: Any, X: Any, y: Any) -> float:
    """Score the tags of the predicted events by their macro F1 score.

    Parameters
    ----------
    estimator : estimator
        Fitted; its ``predict`` returns one event table per clip, or an indicator of
        tags. It has ``classes_``.
    X : array-like of length n_clips
        Clips, as the estimator takes them.
    y : weak labels or event tables of length n_clips
        Reference tags, or reference events of which only the tags count. Clips whose
        tags are not known, or in part, are left out.

    Returns
    -------
    score : float
        Macro F1 over the classes of the estimator, and those of `y` that it was not
        trained on. A class without a true positive counts as 0.

    Raises
    ------
    LabelError
        If `y` holds none of the estimator's classes or is not valid.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from sklearn_sed.events import make_events
    >>> from sklearn_sed.metrics import tag_f1_scorer
    >>> y = [make_events([0.0], [1.0], ["Dog"])]
    >>> estimator = SimpleNamespace(classes_=["Dog"], predict=lambda X: y)
    >>> tag_f1_scorer(estimator, ["dog.wav"], y)
    1.0
    """
    predicted = estimator.predict(X)
    classes = np.asarray(estimator.classes_).tolist()
    if is_event_tables(predicted):
        predicted = to_tags(predicted, classes)
    return score_tags(y, predicted, classes, single=np.ndim(predicted) == 1)


def scored_output(estimator: Any, X: Any, y: Any, tags: Any = None) -> dict[str, Any]:
    """Return what an estimator decides on by its scores, as `psds_score` takes it.

    These are the curves that it decodes, or all its candidates where the scores of
    events decide. Pipelines, searches and frozen estimators are looked into. An
    estimator without ``predict_curves`` decodes its frame scores as they are.
    """
    inside = unwrap(estimator)
    model, X = inside.estimator, inside.transform(X)
    labels = with_unknown(model.classes_, y)
    if finds_boxes(getattr(model, "decoder_", None)) and hasattr(model, "_find"):
        known = None if isinstance(tags, str) and tags == "proba" else tags
        y_score, scores = model._find(X, known, candidates=True)
    else:
        if hasattr(model, "predict_curves"):
            scores = model.predict_curves(X, tags=tags)
        else:
            scores = model.predict_frame_proba(X)
        y_score = [add_columns(own, len(labels)) for own in scores]
    resolution = check_time_resolution(None, getattr(scores, "time_resolution", None))
    return {
        "y_score": y_score,
        "time_resolution": resolution,
        "time_offset": getattr(scores, "time_offset", 0.0),
        "labels": labels,
        "durations": lengths_of(scores, resolution),
    }


def lengths_of(curves: Any, time_resolution: float) -> Any:
    """Return the seconds of each clip that curves carry, else those of their frames."""
    durations = getattr(curves, "durations", None)
    if durations is None:
        return [len(scores) * time_resolution for scores in curves]
    return durations


def _with_times(y: Any, X: Any, tags: Any = None) -> tuple[Any, Any, Any]:
    """Choose the clips with times; complain where there are none."""
    chosen = with_times(y, X, tags)
    if not len(chosen[0]):
        raise LabelError(
            "this scorer compares times, and y tells those of no clip: pass strong y, "
            "an event table (onset, offset, event_label) for each clip whose events "
            "are all known; for tags use tag_f1_scorer"
        )
    return chosen
