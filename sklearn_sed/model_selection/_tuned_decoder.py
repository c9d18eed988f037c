"""Class-wise tuning of the decoder on the times of held-back clips."""

from collections.abc import Iterator, Mapping, Sequence
from numbers import Integral
from typing import Any, ClassVar, NamedTuple

import numpy as np
from sklearn.base import MetaEstimatorMixin, _fit_context, clone
from sklearn.utils import get_tags, indexable
from sklearn.utils._param_validation import HasMethods, StrOptions
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from sklearn_sed._clips._check import check_time_resolution
from sklearn_sed._decoding._decoder import (
    EventDecoder,
    Timeline,
    finds_boxes,
    make_timeline,
    select_clips,
    stack_scores,
)
from sklearn_sed._labels._check import timed_tables
from sklearn_sed._learners._parts import PartsMixin
from sklearn_sed._learners._predict import (
    PredictMixin,
    Scored,
    score_clips,
    tagged_proba,
)
from sklearn_sed._unwrap import unwrap
from sklearn_sed.events import to_tags
from sklearn_sed.exceptions import LabelError
from sklearn_sed.model_selection._decoder_search import (
    ClassCurves,
    check_grid,
    default_grid,
    make_objectives,
    search_settings,
)
from sklearn_sed.model_selection._held_back import HeldBackMixin


class HeldBack(NamedTuple):
    """What a model says about clips that it was not fitted on.

    The columns of scores and tags are the classes of the model that is tuned.
    """

    frame_proba: list[np.ndarray]
    tags: np.ndarray
    times: Timeline


class TunedDecoderCV(HeldBackMixin, PredictMixin, MetaEstimatorMixin, PartsMixin):
    """Tune the decoder of a detector, class by class, on clips it did not learn from.

    The estimator learns from the tags of `y`; the times of `y` serve to choose, for
    each class, the settings of its :class:`~sklearn_sed.EventDecoder`: threshold pair,
    length of smoothing, rescaling, shortest gap and duration. They are chosen on clips
    that the estimator was not fitted on, by cross-validation or, with ``cv="prefit"``,
    on all the clips that are passed.

    Parameters
    ----------
    estimator : estimator
        A :class:`~sklearn_sed.WeakEventDetector` or :class:`~sklearn_sed.TwoPassSED`,
        or a pipeline or search that ends in one: anything with `predict_frame_proba`,
        `predict_tags` and `classes_`.
    cv : int, cross-validation generator, iterable or "prefit", default=5
        The clips that are held back in turn. An int is the number of folds of a
        :class:`MultilabelStratifiedKFold`. "prefit": the estimator is fitted already,
        on other clips, and its decoder is tuned on all of X.
    scoring : callable, default=None
        A scorer ``scoring(estimator, X, y)`` of predicted events, larger is better,
        such as those of :mod:`sklearn_sed.metrics`. It is called with the events of
        one class at a time. By default event-based F1 (0.2 s, 20 %), which a fast
        count makes hundreds of times quicker than a scorer.
    n_jobs : int, default=None
        Number of jobs, over folds, then over classes. None means 1 unless in a
        :obj:`joblib.parallel_backend` context, -1 all processors.
    param_grid : dict from str to list, default=None
        The values to try of each per-class setting of the decoder, in all combinations
        but those with a low threshold above the threshold. Settings not named keep the
        value of the starting decoder. By default about 5,500 combinations of lengths,
        thresholds and gaps, rescaled or not, and 1,500 or so where the decoder finds
        boxes. Give values in rising order: those win that are good in the midst of
        others that are.
    tags : {"predicted", "true"}, default="predicted"
        The classes that are decoded in a held-back clip while tuning: those that the
        estimator finds in it, as in ``predict(X)``; or those that it has, as in
        ``predict(X, tags=...)`` with known tags.

    Attributes
    ----------
    estimator_ : estimator
        The estimator, fitted on all clips; with ``cv="prefit"`` the one passed.
    decoder_ : EventDecoder
        The tuned decoder, its settings dicts from class label to value.
    best_score_ : float
        Mean over classes of the best score. The settings were chosen by it: expect
        less on new clips.
    class_scores_ : ndarray of shape (n_classes,)
        Best score of each class on the held-back clips.
    classes_ : ndarray of shape (n_classes,)
        The classes.
    n_features_in_ : int
        Number of bands. Only where the estimator has it.

    See Also
    --------
    sklearn.model_selection.TunedThresholdClassifierCV : The like for the decision
        threshold of a binary classifier.
    sklearn_sed.EventDecoder : The settings.

    Notes
    -----
    The search starts from the fitted estimator's own decoder. Its settings stay where
    nothing scores higher, as for a class that never occurs in the held-back clips.

    References
    ----------
    .. [1] L. Cances, P. Guyot, T. Pellegrini, "Evaluation of post-processing algorithms
       for polyphonic sound event detection", WASPAA 2019, arXiv:1906.06909.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sed import FeatureArray, WeakEventDetector
    >>> from sklearn_sed.events import make_events, stack_tables
    >>> from sklearn_sed.model_selection import TunedDecoderCV
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(8, 20, 16)).astype("float32")
    >>> X[::2, 5:10, :4] += 5
    >>> X = FeatureArray(X, time_resolution=0.1)
    >>> beep, silence = make_events([0.5], [1.0], ["beep"]), make_events([], [], [])
    >>> y = stack_tables([beep, silence] * 4)
    >>> detector = WeakEventDetector(max_epochs=2, random_state=0)
    >>> tuned = TunedDecoderCV(detector, cv=2).fit(X, y)
    >>> sorted(tuned.decoder_.threshold)
    ['beep']
    >>> len(tuned.predict(X))
    8
    """

    _parameter_constraints: ClassVar[dict] = {
        "estimator": [HasMethods(["fit", "predict"])],
        "cv": HeldBackMixin._cv_constraints,
        "scoring": [callable, None],
        "n_jobs": [Integral, None],
        "param_grid": [Mapping, None],
        "tags": [StrOptions({"predicted", "true"})],
    }

    def __init__(
        self,
        estimator,
        *,
        cv=5,
        scoring=None,
        n_jobs=None,
        param_grid=None,
        tags="predicted",
    ):
        self.estimator = estimator
        self.cv = cv
        self.scoring = scoring
        self.n_jobs = n_jobs
        self.param_grid = param_grid
        self.tags = tags

    @_fit_context(  # the estimator is validated by its own fit
        prefer_skip_nested_validation=False
    )
    def fit(self, X, y, **params):
        """Fit the estimator on the tags of `y` and tune the decoder on its times.

        Parameters
        ----------
        X : sequence of n_clips items
            Whatever the estimator takes: features, or paths where it is a pipeline
            that begins with them.
        y : array-like of n_clips labels
            What is known of each clip, in any form that the estimator takes. The
            decoder is tuned on the clips that have an event table of all their events;
            there have to be some.
        **params : dict
            Metadata for the estimator's ``fit`` and the splitter's ``split``, with
            metadata routing enabled.

        Returns
        -------
        self : TunedDecoderCV
            The fitted estimator.

        Raises
        ------
        AnnotationError
            If an event table is not valid.
        LabelError
            If `y` holds no event tables: tags do not say when a class is heard.
        NotFittedError
            If ``cv="prefit"`` and the estimator is not fitted.
        """
        grid = None if self.param_grid is None else check_grid(self.param_grid)
        X, y = indexable(X, y)
        timed, tables = timed_tables(y)
        if not len(tables):
            raise LabelError(
                "TunedDecoderCV tunes on the times of events: pass an event table "
                "(onset, offset, event_label) for the clips whose events are all "
                "known; to learn from tags alone, fit the estimator itself"
            )
        self.__dict__.pop("decoder_", None)  # an interruption leaves it unfitted
        tested, held_back = self._fit_and_judge(
            X, y, params, _classes_of, _score_clips, timed
        )
        self._tune(held_back, tables[np.cumsum(timed)[tested] - 1], grid)
        if hasattr(self.estimator_, "n_features_in_"):
            self.n_features_in_ = self.estimator_.n_features_in_
        return self

    def _tune(
        self, held_back: Sequence[HeldBack], y: np.ndarray, grid: dict | None
    ) -> None:
        """Choose the settings of each class on the held-back clips."""
        labels = self.classes_.tolist()
        start = _decoder_of(unwrap(self.estimator_).estimator)
        grid = default_grid(start) if grid is None else grid
        tags = to_tags(list(y), labels)
        if self.tags == "predicted":
            tags = np.concatenate([part.tags for part in held_back])
        found = Parallel(n_jobs=self.n_jobs)(
            delayed(search_settings)(own, start, settings, grid, objective)
            for own, settings, objective in zip(
                _split_classes(held_back, tags),
                start._check(labels),
                make_objectives(self.scoring, y, labels),
            )
        )
        for name in grid:
            values = [getattr(settings, name) for settings, _ in found]
            start.set_params(**{name: dict(zip(labels, values))})
        self.decoder_ = start
        self.class_scores_ = np.array([score for _, score in found])
        self.best_score_ = float(self.class_scores_.mean())

    @property
    def classes_(self):
        """The classes."""
        return _classes_of(self.estimator_)

    def _score(self, X: Any, *, tags: bool = True, frames: bool = True) -> Scored:
        check_is_fitted(self)
        return score_clips(self.estimator_, X, tags=tags, frames=frames)[1]

    def _check_state(self) -> None:
        """Complain where what was learned contradicts the estimator."""
        if hasattr(self, "decoder_") and len(self.class_scores_) != len(self.classes_):
            raise ValueError(
                f"{len(self.classes_)} classes have {len(self.class_scores_)} scores"
            )

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "decoder_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags = get_tags(self.estimator).input_tags
        tags.target_tags.required = True
        return tags


def _classes_of(estimator: Any) -> np.ndarray:
    return np.asarray(unwrap(estimator).estimator.classes_)


def _decoder_of(model: Any) -> EventDecoder:
    """Return a copy of the decoder that a fitted detector decodes with."""
    decoder = getattr(model, "decoder_", None)
    return clone(decoder) if isinstance(decoder, EventDecoder) else EventDecoder()


def _score_clips(estimator: Any, X: Any, classes: np.ndarray) -> HeldBack:
    """Score the frames and find the tags of clips.

    A class that the estimator does not know, for want of training clips with it, is
    not found in any clip.
    """
    model, scored = score_clips(estimator, X)
    frames, tags = scored.frames, scored.tags
    if finds_boxes(getattr(model, "decoder_", None)):
        tags = tagged_proba(scored)
    column = {label: i for i, label in enumerate(np.asarray(model.classes_).tolist())}
    source = [column.get(label, -1) for label in classes.tolist()]

    def aligned(values: np.ndarray) -> np.ndarray:
        return np.where(np.array(source) < 0, 0, np.asarray(values)[:, source])

    return HeldBack(
        [aligned(clip) for clip in frames],
        aligned(tags),
        make_timeline(
            frames,
            check_time_resolution(None, getattr(frames, "time_resolution", None)),
        ),
    )


def _split_classes(
    held_back: Sequence[HeldBack], tags: np.ndarray
) -> Iterator[ClassCurves]:
    """Yield the curves of each class in the clips that are tagged with it."""
    frame_proba = [clip for part in held_back for clip in part.frame_proba]
    stacked = stack_scores(frame_proba, tags.shape[1])
    ends = np.concatenate([part.times.ends for part in held_back])
    times = held_back[0].times._replace(ends=ends)
    for column, values in zip(tags.T, stacked.values):
        clips = np.flatnonzero(column > 0)
        curve, bounds = select_clips(values, stacked.bounds, clips)
        own_times, dtype = times.take(clips), stacked.dtype
        yield ClassCurves(curve, bounds, clips, own_times, dtype, column[clips])
