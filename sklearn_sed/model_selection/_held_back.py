"""Estimators around one that is judged on clips it was not fitted on."""

from numbers import Integral
from typing import Any, ClassVar

from sklearn.model_selection import check_cv
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping

from sklearn_sed._labels._folds import MultilabelStratifiedKFold


class HeldBackMixin:
    """What ``cv=`` means, and where metadata go."""

    estimator: Any
    cv: Any
    _cv_constraints: ClassVar[list] = [
        Interval(Integral, 2, None, closed="left"),
        "cv_object",
        StrOptions({"prefit"}),
    ]

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
