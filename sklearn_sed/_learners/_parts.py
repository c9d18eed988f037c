"""Estimators made of parts: defaults that take parameters, and parts already fitted."""

from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.utils import _safe_indexing

from sklearn_sed._clips._check import ClipSet
from sklearn_sed._labels._check import Tags
from sklearn_sed._unwrap import unwrap

# Parameters that nothing is learned by: they act on a fitted part at once.
UNLEARNED = {"decoder", "threshold", "time_resolution"}


class PartsMixin(BaseEstimator):
    """Estimators some of whose parts, left at None, still take nested parameters.

    ``set_params(part__x=1)`` on a part that is None makes the default part and sets
    ``x`` on it, which is what lets a grid search reach into parts left out. What is
    not learned, such as ``part__decoder__threshold``, is set on the fitted part, too.
    """

    _default_parts: ClassVar[dict[str, type]] = {}

    def set_params(self, **params: Any):
        """Set parameters, of nested parts too.

        Parameters
        ----------
        **params : dict
            Parameters; ``part__name`` reaches into a part, and makes the default one
            where the part is None. A decoder and its parameters, a threshold and a
            time resolution act on parts that are fitted already.

        Returns
        -------
        self : estimator
            The estimator itself.
        """
        nested = {key: params.pop(key) for key in list(params) if "__" in key}
        super().set_params(**params)
        for part, default in self._default_parts.items():
            reached = any(key.startswith(part + "__") for key in nested)
            if reached and getattr(self, part) is None:
                setattr(self, part, default())
        super().set_params(**nested)
        for key, value in nested.items():
            part, _, inner = key.partition("__")
            if UNLEARNED & set(inner.split("__")):
                for fitted in self._fitted_parts(part):
                    fitted.set_params(**{inner: clone(value, safe=False)})
        return self

    def _fitted_parts(self, name: str) -> list[Any]:
        """Return what was made of a part by ``fit``."""
        fitted = vars(self).get(f"{name}_")
        return [] if fitted is None or fitted is getattr(self, name) else [fitted]

    def _unfitted(self, name: str) -> Any:
        """Return an unfitted copy of a part."""
        part = getattr(self, name)
        return self._default_parts[name]() if part is None else clone(part)


def takes_checked(part: Any) -> bool:
    """Tell whether a part takes clips and labels that were checked already."""
    return getattr(part, "_takes_checked", False)


def handed_on(part: Any, X: Any, clips: ClipSet) -> Any:
    """Return clips as a part takes them: checked, where it knows what that is."""
    return clips if takes_checked(part) else X


def fit_part(
    part: Any,
    X: Any,
    tags: Tags,
    sample_weight: Any = None,
    X_val: Any = None,
    y_val: Any = None,
) -> Any:
    """Fit a part of any kind: one of ours, or a classifier of scikit-learn."""
    weight = {} if sample_weight is None else {"sample_weight": sample_weight}
    if takes_checked(part):
        return part.fit(X, tags, **weight, X_val=X_val, y_val=y_val)
    index = np.flatnonzero(tags.labelled)
    y: Any = tags.indicator[index]
    if tags.single:
        y = tags.classes[y.argmax(axis=1)]
    elif y.shape[1] == 1 and not takes_checked(unwrap(part, "fit").estimator):
        y = y.ravel()
    else:
        y = pd.DataFrame(y, columns=tags.classes)
    weight = {
        name: _safe_indexing(np.asarray(value), index) for name, value in weight.items()
    }
    return part.fit(_safe_indexing(X, index), y, **weight)
