"""What is inside pipelines, searches and frozen estimators."""

from typing import Any, NamedTuple

from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline


class Unwrapped(NamedTuple):
    """The estimator at the end of wrappers, and the transformers on the way to it."""

    transformers: list[Any]
    estimator: Any

    def transform(self, X: Any) -> Any:
        """Return X as the estimator takes it."""
        for transformer in self.transformers:
            X = transformer.transform(X)
        return X


def unwrap(
    estimator: Any, method: str = "predict_frame_proba", *, deep: bool = False
) -> Unwrapped:
    """Look inside pipelines, searches and frozen estimators.

    Parameters
    ----------
    estimator : estimator
        A fitted estimator.
    method : str, default="predict_frame_proba"
        What the estimator inside must have.
    deep : bool, default=False
        Whether to look inside tuners and calibrators, too, which have predictions of
        their own.

    Returns
    -------
    Unwrapped
        The transformers of all pipelines, in order, and what they lead to.

    Raises
    ------
    TypeError
        If the estimator inside has no such method.
    """
    transformers: list[Any] = []
    while True:
        if isinstance(estimator, Pipeline):
            steps = [step for _, step in estimator.steps]
            transformers += [s for s in steps[:-1] if s not in (None, "passthrough")]
            estimator = steps[-1]
        elif isinstance(estimator, FrozenEstimator):
            estimator = estimator.estimator
        elif hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif deep and hasattr(estimator, "estimator_"):
            estimator = estimator.estimator_
        else:
            break
    if not hasattr(estimator, method):
        raise TypeError(
            f"{type(estimator).__name__} has no {method}: pass a WeakEventDetector, a "
            "TwoPassSED, or a pipeline or search that ends in one"
        )
    return Unwrapped(transformers, estimator)
