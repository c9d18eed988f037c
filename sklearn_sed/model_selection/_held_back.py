"""Estimators around one that is judged on clips it was not fitted on."""

from collections.abc import Callable
from functools import partial
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import check_cv
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    _raise_for_params,
    process_routing,
)
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _check_method_params, _num_samples, check_is_fitted

from sklearn_sed._labels._folds import MultilabelStratifiedKFold


class HeldBackMixin:
    """What ``cv=`` means, and where metadata go."""

    estimator: Any
    cv: Any
    n_jobs: int | None
    _cv_constraints: ClassVar[list] = [
        Interval(Integral, 2, None, closed="left"),
        "cv_object",
        StrOptions({"prefit"}),
    ]

    def _fit_and_judge(
        self,
        X: Any,
        y: Any,
        params: dict,
        classes_of: Callable[[Any], np.ndarray],
        judge: Callable[..., Any],
        judged_by: np.ndarray | None = None,
    ) -> tuple[np.ndarray, list[Any]]:
        """Fit the estimator; have it, or copies, judged on clips not learned from.

        Parameters
        ----------
        X, y : sequence of n_clips items
            Clips and their labels.
        params : dict
            Metadata.
        classes_of : callable
            Returns the classes of a fitted estimator.
        judge : callable
            Called with a fitted estimator, clips and the classes of that which is
            fitted to all clips.
        judged_by : ndarray of bool of shape (n_clips,), default=None
            The clips that can be judged by; all when None.

        Returns
        -------
        clips : ndarray of int
            The clips that were held back.
        judged : list
            What `judge` returns, of each fold.
        """
        _raise_for_params(params, self, None)
        routed = process_routing(self, "fit", **params)
        if self.cv == "prefit":
            check_is_fitted(self.estimator)
            self.estimator_ = self.estimator
            index = np.arange(_num_samples(X))
            if judged_by is not None and not judged_by.all():
                index = np.flatnonzero(judged_by)
                X = _safe_indexing(X, index)
            return index, [judge(self.estimator, X, classes_of(self.estimator))]
        fit_params = routed["estimator"]["fit"]
        self.estimator_ = clone(self.estimator).fit(X, y, **fit_params)
        splits = list(self._splitter().split(X, y, **routed["splitter"]["split"]))
        if judged_by is not None:
            kept = ((train, test[judged_by[test]]) for train, test in splits)
            splits = [(train, test) for train, test in kept if len(test)]
        judge = partial(judge, classes=classes_of(self.estimator_))
        judged = Parallel(n_jobs=self.n_jobs)(
            delayed(_judge_fold)(
                clone(self.estimator), X, y, train, test, fit_params, judge
            )
            for train, test in splits
        )
        return np.concatenate([test for _, test in splits]), judged

    def _splitter(self) -> Any:
        """Return the cross-validation splitter."""
        if isinstance(self.cv, Integral):
            return MultilabelStratifiedKFold(self.cv)
        return check_cv(self.cv)

    def get_metadata_routing(self):
        """Say where metadata go: to the estimator's ``fit``, the splitter's ``split``.

        Returns
        -------
        routing : MetadataRouter
            Routing information.
        """
        splitter = self._splitter() if isinstance(self.cv, Integral) else self.cv
        to_fit, to_split = (
            MethodMapping().add(caller="fit", callee=callee)
            for callee in ("fit", "split")
        )
        return (
            MetadataRouter(owner=self)
            .add(estimator=self.estimator, method_mapping=to_fit)
            .add(splitter=splitter, method_mapping=to_split)
        )


def _judge_fold(
    estimator: Any,
    X: Any,
    y: Any,
    train: np.ndarray,
    test: np.ndarray,
    fit_params: dict,
    judge: Callable[..., Any],
) -> Any:
    """Fit on some clips and judge on the others."""
    fit_params = _check_method_params(X, fit_params, indices=train)
    estimator.fit(_safe_indexing(X, train), _safe_indexing(y, train), **fit_params)
    return judge(estimator, _safe_indexing(X, test))
