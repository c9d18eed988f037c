"""The class-wise table of event-based measures."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import pandas as pd
from numpy.typing import ArrayLike
from sklearn.utils._param_validation import Interval, validate_params

from sklearn_sed.metrics._counts import COUNTS, RATIOS, averaged
from sklearn_sed.metrics._scores import EVENT_BASED
from sklearn_sed.metrics._sed_eval import event_based

_SHORT = {
    "f1": "f1-score",
    "error_rate": "ER",
    "substitutions": "sub",
    "deletions": "del",
    "insertions": "ins",
}


@validate_params(
    EVENT_BASED
    | {
        "digits": [Interval(Integral, 0, None, closed="left")],
        "output_dict": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def event_based_report(
    y_true: Sequence[pd.DataFrame],
    y_pred: Sequence[pd.DataFrame],
    *,
    t_collar: float = 0.2,
    percentage_of_length: float = 0.2,
    evaluate_offset: bool = True,
    durations: ArrayLike | None = None,
    labels: Sequence[Any] | None = None,
    digits: int = 3,
    output_dict: bool = False,
) -> str | dict[Any, dict[str, float]]:
    """Build a table of the event-based measures of every class.

    Events are matched as for :func:`event_based_f1_score`.

    Parameters
    ----------
    y_true : sequence of DataFrame of length n_clips
        Reference events: one table per clip with the columns `onset`, `offset` (in
        seconds) and `event_label`.
    y_pred : sequence of DataFrame of length n_clips
        Estimated events of the same clips.
    t_collar : float, default=0.2
        Tolerance of onsets and offsets, in seconds.
    percentage_of_length : float, default=0.2
        Tolerance of offsets as a fraction of the length of the reference event.
    evaluate_offset : bool, default=True
        Whether offsets count. Without them, events that begin at the right time are
        right: the onset-based score.
    durations : float or array-like of shape (n_clips,), default=None
        Length of each clip in seconds; what lies beyond it is not evaluated. By default
        events are taken as they are.
    labels : sequence of str of length n_labels, default=None
        The classes of the table, and their order. Events of other classes are left out,
        with a warning. By default all that occur in `y_true` or `y_pred`, sorted.
    digits : int, default=3
        Number of decimals in the text; the dictionary holds full precision.
    output_dict : bool, default=False
        Whether to return a dictionary rather than text.

    Returns
    -------
    report : str or dict
        One row per class, then the rows "macro avg" and "micro avg". As a dictionary,
        ``report[label]`` has the keys "n_ref", "n_est", "f1-score", "precision",
        "recall", "error_rate", "substitutions", "deletions" and "insertions". Both
        averages carry the totals of the counts; in "micro avg", deletions and
        insertions that agree in time are substitutions instead.

    Raises
    ------
    AnnotationError
        If an event table is not valid.
    LabelError
        If `y_true` and `y_pred` differ in length, or `labels` are not distinct.
    ValueError
        If `durations` does not hold one positive number per clip.

    Warns
    -----
    UserWarning
        If reference events last beyond the end of their clip, or have no length.

    Examples
    --------
    >>> from sklearn_sed.events import make_events
    >>> from sklearn_sed.metrics import event_based_report
    >>> y_true = [make_events([0.0, 4.0], [1.0, 6.0], ["Dog", "Cat"])]
    >>> y_pred = [make_events([0.1, 4.5], [1.1, 6.0], ["Dog", "Cat"])]
    >>> print(event_based_report(y_true, y_pred, digits=2))
              n_ref n_est f1-score precision recall   ER sub del ins
    <BLANKLINE>
    Cat           1     1     0.00      0.00   0.00 2.00   0   1   1
    Dog           1     1     1.00      1.00   1.00 0.00   0   0   0
    <BLANKLINE>
    macro avg     2     2     0.50      0.50   0.50 1.00   0   1   1
    micro avg     2     2     0.50      0.50   0.50 1.00   0   1   1
    <BLANKLINE>
    """
    table = event_based(
        y_true,
        y_pred,
        t_collar,
        percentage_of_length,
        evaluate_offset,
        durations,
        labels,
    ).measures()
    classes = table[:-1]
    macro = {name: averaged(table[name], "macro") for name in RATIOS}
    macro |= {name: classes[name].sum() for name in COUNTS}
    rows = [classes, pd.DataFrame(macro, index=["macro avg"]), table[-1:]]
    table = pd.concat(rows).drop(columns="tp")
    if output_dict:
        return table.rename(columns={"f1": "f1-score"}).to_dict("index")
    return _to_text(table, digits)


def _to_text(table: pd.DataFrame, digits: int) -> str:
    """Lay the table out as text, its averages set off from the classes."""
    heading, *rows = table.to_string(
        header=[_SHORT.get(name, name) for name in table],
        formatters=dict.fromkeys(RATIOS, f"{{:.{digits}f}}".format),
    ).splitlines()
    return "\n".join([heading, "", *rows[:-2], "", *rows[-2:], ""])
