"""Confidence intervals of scores, by resampling clips."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score, precision_score, recall_score
from sklearn.utils import _safe_indexing, check_random_state
from sklearn.utils._param_validation import (
    Interval,
    validate_parameter_constraints,
    validate_params,
)
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import _num_samples

from sklearn_sed.exceptions import LabelError
from sklearn_sed.metrics._changes import Statistic
from sklearn_sed.metrics._counts import ClipCounts, Floats, averaged
from sklearn_sed.metrics._intersection import intersection_based, intersection_f1_score
from sklearn_sed.metrics._pi_psds import pi_psds_score
from sklearn_sed.metrics._psds import psds_score, sweep_psds
from sklearn_sed.metrics._scores import (
    event_based_error_rate,
    event_based_f1_score,
    segment_based_error_rate,
    segment_based_f1_score,
)
from sklearn_sed.metrics._sed_eval import event_based, segment_based
from sklearn_sed.metrics._swept import (
    best_event_based_f1_score,
    best_segment_based_f1_score,
    segment_mpauc_score,
    sweep_event_f1,
    sweep_segment_f1,
    sweep_segment_mpauc,
)

# Metrics that are ratios of counts, which are summed over clips.
_COUNTED: dict[Callable, tuple[Callable[..., ClipCounts], str]] = {
    event_based_f1_score: (event_based, "f1"),
    event_based_error_rate: (event_based, "error_rate"),
    segment_based_f1_score: (segment_based, "f1"),
    segment_based_error_rate: (segment_based, "error_rate"),
    intersection_f1_score: (intersection_based, "f1"),
}
# Metrics of all thresholds, at each of which counts are summed over clips.
_SWEPT: dict[Callable, Callable[..., Statistic]] = {
    psds_score: lambda y_true, y_score, **params: sweep_psds(
        y_true, [y_score], **params
    ),
    pi_psds_score: sweep_psds,
    segment_mpauc_score: sweep_segment_mpauc,
    best_segment_based_f1_score: sweep_segment_f1,
    best_event_based_f1_score: sweep_event_f1,
}
# Metrics of scikit-learn's that are counted here where `y` are tags.
_TAGGING = {f1_score: "f1", precision_score: "precision", recall_score: "recall"}
_BY_CLIP = ("durations", "sample_weight")  # parameters with a value for each clip
_BOOTSTRAP = {
    "metric": [callable],
    "n": [Interval(Integral, 1, None, closed="left")],
    "confidence": [Interval(Real, 0, 1, closed="neither")],
    "random_state": ["random_state"],
}


@dataclass(frozen=True, repr=False)
class ScoreInterval:
    """A score and its confidence interval.

    Attributes
    ----------
    value : float or ndarray
        The score of all clips, or a difference of two scores.
    low, high : float or ndarray
        Ends of the interval.
    confidence : float
        Confidence level of the interval.

    See Also
    --------
    bootstrap : Computes it for one system.
    compare : Computes it for the difference of two systems.

    Examples
    --------
    >>> from sklearn_sed.metrics import ScoreInterval
    >>> ScoreInterval(0.58, 0.531, 0.625, 0.95)
    0.580 (0.531 to 0.625, 95 % confidence)
    """

    value: Any
    low: Any
    high: Any
    confidence: float

    def __repr__(self) -> str:
        rows = zip(*(np.ravel(x) for x in (self.value, self.low, self.high)))
        level = f"{100 * self.confidence:g} % confidence"
        return "\n".join(f"{v:.3f} ({a:.3f} to {b:.3f}, {level})" for v, a, b in rows)


@validate_params(_BOOTSTRAP, prefer_skip_nested_validation=False)
def bootstrap(
    metric: Callable[..., Any],
    y_true: Any,
    y_pred: Any,
    *,
    n: int = 1000,
    confidence: float = 0.95,
    random_state: int | np.random.RandomState | None = None,
    **metric_params: Any,
) -> ScoreInterval:
    """Compute a score and its confidence interval by resampling clips.

    Clips are drawn with replacement, as many as there are, `n` times. The interval
    holds the central part of the scores of these resamples [1]_ (percentile method). It
    tells how far the score would move with other clips of the same kind; not how far it
    moves with another training, for which several seeds are needed. Clips cut from one
    recording are not independent, so that their interval is too narrow.

    Parameters
    ----------
    metric : callable
        ``metric(y_true, y_pred, **metric_params)`` returns a score, or an array of
        scores such as those of each class. Any metric will do: of this module, of
        scikit-learn, or your own. A ``functools.partial`` of one is taken for it and
        its parameters.
    y_true : sequence of length n_clips
        Reference events, or what the metric takes.
    y_pred : sequence of length n_clips
        Estimated events, frame scores, tags, or what the metric takes.
    n : int, default=1000
        Number of resamples.
    confidence : float, default=0.95
        Confidence level, between 0 and 1.
    random_state : int, RandomState instance or None, default=None
        Seed of the resampling. Pass an int for the same interval each time.
    **metric_params : dict
        Parameters of the metric. `durations` and `sample_weight` of one value per clip
        are resampled with the clips.

    Returns
    -------
    interval : ScoreInterval
        With ``value``, the score of all clips, ``low`` and ``high``.

    Raises
    ------
    LabelError
        If `y_true` and `y_pred` differ in length, or there is no clip.
    ValueError
        If the metric is not finite, or not of one shape, on every resample; and for the
        reasons of the metric.

    See Also
    --------
    compare : The difference of two systems on the same clips.

    Notes
    -----
    The metrics of this module, and scikit-learn's F1 score, precision and recall of
    indicators, are computed from counts per clip: clips are compared once, then counts
    are resampled. Any other metric is called `n` times and takes `n` times as long.

    Where a metric chooses its `labels` itself, a class that does not occur in a
    resample does not count in it. Pass `labels` to have the same mean everywhere.

    References
    ----------
    .. [1] B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap", Chapman
       & Hall, 1993, chapter 13.

    Examples
    --------
    >>> from sklearn_sed.events import make_events
    >>> from sklearn_sed.metrics import bootstrap, event_based_f1_score
    >>> y_true = [make_events([1.0], [2.0], ["Dog"])] * 40
    >>> right, late = y_true[0], make_events([1.5], [2.0], ["Dog"])
    >>> y_pred = [right] * 30 + [late] * 10
    >>> interval = bootstrap(event_based_f1_score, y_true, y_pred, random_state=0)
    >>> interval
    0.750 (0.600 to 0.875, 95 % confidence)
    >>> interval.low < interval.value < interval.high
    True
    """
    statistic = _prepare(metric, y_true, y_pred, metric_params)
    return _interval(statistic, _num_samples(y_true), n, confidence, random_state)


@validate_params(_BOOTSTRAP, prefer_skip_nested_validation=False)
def compare(
    metric: Callable[..., Any],
    y_true: Any,
    y_pred_a: Any,
    y_pred_b: Any,
    *,
    n: int = 1000,
    confidence: float = 0.95,
    random_state: int | np.random.RandomState | None = None,
    **metric_params: Any,
) -> ScoreInterval:
    """Compute by how much one system scores higher than another, with an interval.

    Both systems are scored on the same resamples of the same clips. What makes a clip
    easy or hard for both cancels out, so that this interval is narrower than those of
    the two scores suggest: they may overlap although one system is better.

    Parameters
    ----------
    metric : callable
        As for :func:`bootstrap`.
    y_true : sequence of length n_clips
        Reference events, or what the metric takes.
    y_pred_a, y_pred_b : sequence of length n_clips
        What the two systems estimate.
    n : int, default=1000
        Number of resamples.
    confidence : float, default=0.95
        Confidence level, between 0 and 1.
    random_state : int, RandomState instance or None, default=None
        Seed of the resampling. Pass an int for the same interval each time.
    **metric_params : dict
        Parameters of the metric, as for :func:`bootstrap`. Pass `labels`: both systems
        are then scored on the same classes.

    Returns
    -------
    difference : ScoreInterval
        The score of a less the score of b. Where 0 lies outside the interval, one of
        them is better, at this confidence, on clips of this kind.

    Raises
    ------
    LabelError
        If the sequences differ in length, or there is no clip.
    ValueError
        As for :func:`bootstrap`.

    See Also
    --------
    bootstrap : The score of one system.

    Examples
    --------
    >>> from sklearn_sed.events import make_events
    >>> from sklearn_sed.metrics import compare, event_based_f1_score
    >>> y_true = [make_events([1.0], [2.0], ["Dog"])] * 40
    >>> right, late = y_true[0], make_events([1.5], [2.0], ["Dog"])
    >>> a, b = [right] * 32 + [late] * 8, [right] * 24 + [late] * 16
    >>> compare(event_based_f1_score, y_true, a, b, random_state=0)
    0.200 (0.075 to 0.325, 95 % confidence)
    """
    score_a, score_b = (
        _prepare(metric, y_true, y_pred, metric_params)
        for y_pred in (y_pred_a, y_pred_b)
    )
    return _interval(
        lambda weights: np.subtract(score_a(weights), score_b(weights)),
        _num_samples(y_true),
        n,
        confidence,
        random_state,
    )


def _interval(
    statistic: Statistic,
    n_clips: int,
    n: int,
    confidence: float,
    random_state: int | np.random.RandomState | None,
) -> ScoreInterval:
    """Resample clips `n` times."""
    if n_clips == 0:
        raise LabelError("y_true has no clips; there is nothing to resample")
    rng = check_random_state(random_state)
    value: Any = _checked(statistic(None))
    samples = []
    for _ in range(n):
        drawn = np.bincount(rng.randint(n_clips, size=n_clips), minlength=n_clips)
        samples.append(_checked(statistic(drawn.astype(np.float64))))
        if samples[-1].shape != value.shape:
            raise ValueError(
                f"metric returns the shape {samples[-1].shape} on a resample of the "
                f"clips but {value.shape} on all; pass `labels`, if it takes them"
            )
    tail = (1 - confidence) / 2
    ends = np.quantile(samples, [tail, 1 - tail], axis=0)
    # As plain numbers, where they are no arrays.
    value, low, high = (x if x.ndim else float(x) for x in (value, *ends))
    return ScoreInterval(value, low, high, confidence)


def _checked(score: Any) -> NDArray[np.float64]:
    """Return a score as an array, or say that it is none."""
    checked = np.asarray(score, dtype=np.float64)
    if not np.isfinite(checked).all():
        raise ValueError(
            f"metric returns {score} on a resample of the clips, it must be finite: "
            "perhaps a class does not occur in it"
        )
    return checked


def _prepare(
    metric: Callable[..., Any], y_true: Any, y_pred: Any, params: dict[str, Any]
) -> Statistic:
    """Return the metric as a function of how often each clip counts."""
    while isinstance(metric, partial) and not metric.args:
        params = metric.keywords | params
        metric = metric.func
    if metric not in _COUNTED and metric not in _SWEPT:
        if metric in _TAGGING and _are_tags(y_true, y_pred, **params):
            return _of_tags(_TAGGING[metric], y_true, y_pred, params["average"])
        return _as_it_is(metric, y_true, y_pred, params)
    bound = inspect.signature(metric).bind(y_true, y_pred, **params)
    bound.apply_defaults()
    arguments = bound.arguments
    constraints = metric._skl_parameter_constraints  # type: ignore[attr-defined]
    validate_parameter_constraints(constraints, arguments, metric.__name__)
    if metric in _SWEPT:
        return _SWEPT[metric](**arguments)
    count, measure = _COUNTED[metric]
    average = arguments.pop("average")
    found = arguments["labels"] is None and average == "macro"
    return _of_counts(count(**arguments), measure, average, found)


def _of_counts(
    counts: ClipCounts, measure: str, average: str | None, only_found: bool = False
) -> Statistic:
    """Return a ratio of counts, of all classes or those that occur in the clips."""

    def statistic(weights: Floats | None) -> float | Floats:
        columns = counts.columns(weights)
        values = columns[measure]
        if only_found and weights is not None:
            occurs = columns["n_ref"] + columns["n_est"] > 0
            values = np.append(values[:-1][occurs[:-1]], values[-1])
        return averaged(values, average)

    return statistic


def _are_tags(y_true: Any, y_pred: Any, average: Any = "binary", **others: Any) -> bool:
    """Tell whether counts of indicators make scikit-learn's metric."""
    kinds = {type_of_target(y) for y in (y_true, y_pred)}
    return kinds == {"multilabel-indicator"} and (
        average in ("macro", "micro", None)
        and others in ({}, {"zero_division": 0})
        and all(isinstance(y, np.ndarray) for y in (y_true, y_pred))
        and y_true.shape == y_pred.shape
    )


def _of_tags(measure: str, y_true: Any, y_pred: Any, average: str | None) -> Statistic:
    """Return a ratio of counts of tags."""
    true, pred = (np.asarray(y, dtype=np.float64) for y in (y_true, y_pred))
    labels = list(range(true.shape[1]))
    counts = ClipCounts(labels, true * pred, true, pred, np.zeros(len(true)))
    return _of_counts(counts, measure, average)


def _as_it_is(
    metric: Callable[..., Any], y_true: Any, y_pred: Any, params: dict[str, Any]
) -> Statistic:
    """Call the metric on the clips themselves."""
    n_clips = _num_samples(y_true)
    if _num_samples(y_pred) != n_clips:
        raise LabelError(
            f"y_true has {n_clips} clips but y_pred has {_num_samples(y_pred)}; pass "
            "what is estimated for the clips in y_true"
        )
    by_clip = {key: params[key] for key in _BY_CLIP if np.ndim(params.get(key, 0))}

    def statistic(weights: Floats | None) -> Any:
        if weights is None:
            return metric(y_true, y_pred, **params)
        clips = np.repeat(np.arange(n_clips), weights.astype(np.int64))
        chosen = {key: _safe_indexing(by_clip[key], clips) for key in by_clip}
        y = (_safe_indexing(y, clips) for y in (y_true, y_pred))
        return metric(*y, **params | chosen)

    return statistic
