"""The networks in a fitted model, however it is put together."""

from collections.abc import Iterator
from typing import Any

from sklearn_sed._learners._base import WeakLearner
from sklearn_sed._learners._ensemble import SeedEnsemble
from sklearn_sed._unwrap import unwrap


def networks_in(model: Any) -> Iterator[WeakLearner]:
    """Yield the trained taggers and detectors in a fitted model, taggers first."""
    model = unwrap(model, "classes_", deep=True).estimator
    if isinstance(model, WeakLearner):
        yield model
    elif isinstance(model, SeedEnsemble):
        for member in model.estimators_:
            yield from networks_in(member)
    names = ["tagger_", "detector_", "steered"]
    if getattr(model, "_is_one_network", False):
        names.remove("tagger_")
    for name in names:
        if hasattr(model, name):
            yield from networks_in(getattr(model, name))
