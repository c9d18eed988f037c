"""PSDS that does not depend on one choice of post-processing."""

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd
from numpy.typing import ArrayLike
from sklearn.utils._param_validation import validate_params

from sklearn_sed.metrics._psds import PSDS, combine, read_sets


@validate_params(PSDS, prefer_skip_nested_validation=True)
def pi_psds_score(
    y_true: Sequence[pd.DataFrame],
    y_scores: Iterable[Sequence[Any]],
    *,
    time_resolution: float | None = None,
    time_offset: float | None = None,
    labels: Sequence[Any],
    durations: ArrayLike,
    dtc_threshold: float = 0.7,
    gtc_threshold: float = 0.7,
    cttc_threshold: float | None = None,
    alpha_ct: float = 0.0,
    alpha_st: float = 1.0,
    max_efpr: float = 100.0,
) -> float:
    """Compute the post-processing independent PSDS (piPSDS).

    The PSDS judges a network together with its post-processing, such as the length of a
    median filter. This score [1]_ takes the scores after each of several
    post-processings: for each class, the true positive rate at an effective false
    positive rate is the best that any of them reaches. Mean and standard deviation over
    the classes, and the area, are those of :func:`psds_score`. It is never below the
    PSDS of the best single post-processing where `alpha_st` is 0.

    Parameters
    ----------
    y_true : sequence of DataFrame of length n_clips
        Reference events: one table per clip with the columns `onset`, `offset` (in
        seconds) and `event_label`.
    y_scores : iterable of scores
        Scores of all clips after each post-processing, each as `y_score` of
        :func:`psds_score`: frame scores, or events with a column `score`. A generator
        has one of them in memory at a time.
    time_resolution : float, default=None
        Seconds per frame. By default what the scores carry. Events need none.
    time_offset : float, default=None
        When frame 0 begins, in seconds. By default what the scores carry, else 0.
    labels : sequence of str of length n_labels
        The class of each column; of events, all that occur.
    durations : float or array-like of shape (n_clips,)
        Length of each clip in seconds; events are cut off there.
    dtc_threshold, gtc_threshold, cttc_threshold : float
        Criteria, see :func:`psds_score`.
    alpha_ct, alpha_st, max_efpr : float
        Weights and end of the curve, see :func:`psds_score`.

    Returns
    -------
    pi_psds : float
        Score, 0 to 1.

    Raises
    ------
    ValueError
        If `y_scores` is empty, or as for :func:`psds_score`.

    See Also
    --------
    psds_score : With one post-processing.

    References
    ----------
    .. [1] J. Ebbers, R. Haeb-Umbach and R. Serizel, "Post-Processing Independent
       Evaluation of Sound Event Detection Systems", DCASE Workshop 2023,
       arXiv:2306.15440.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.ndimage import median_filter
    >>> from sklearn_sed.events import make_events
    >>> from sklearn_sed.metrics import pi_psds_score, psds_score
    >>> y_true = [make_events([1.0, 7.0], [4.0, 8.0], ["Rain", "Bark"])]
    >>> bark = [0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.9, 0.1, 0.1]
    >>> rain = [0.1, 0.8, 0.2, 0.8, 0.1, 0.1, 0.7, 0.1, 0.1, 0.1]
    >>> frame_proba = np.transpose([[bark, rain]], (0, 2, 1))
    >>> clock = {"time_resolution": 1.0, "labels": ["Bark", "Rain"], "durations": 10}
    >>> y_scores = [median_filter(frame_proba, (1, size, 1)) for size in (1, 3)]
    >>> [psds_score(y_true, y_score, **clock) for y_score in y_scores]
    [0.0, 0.0]
    >>> pi_psds_score(y_true, y_scores, **clock)
    1.0
    """
    sets = read_sets(
        y_true,
        y_scores,
        time_resolution=time_resolution,
        time_offset=time_offset,
        labels=labels,
        durations=durations,
        dtc_threshold=dtc_threshold,
        gtc_threshold=gtc_threshold,
        cttc_threshold=cttc_threshold,
        alpha_ct=alpha_ct,
    )
    return combine(
        sets, labels, alpha_ct=alpha_ct, alpha_st=alpha_st, max_efpr=max_efpr
    ).psds
