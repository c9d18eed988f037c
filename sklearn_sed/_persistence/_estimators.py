"""What estimators are before they are stored, and what they must be afterwards."""

import sys
from collections.abc import Iterator
from inspect import signature
from typing import Any

import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sklearn_sed._persistence._archive import nodes_of, read_schema, tidy
from sklearn_sed._persistence._trust import judge

# Parameters that only training needs: where their value cannot be stored, the default
# takes its place, with a warning. The last ones are places on one machine.
TRAINING_ONLY = {"callbacks", "cv", "random_state", "scoring"}
PLACES = {"checkpoint", "memory"}


def portable(model: BaseEstimator) -> tuple[BaseEstimator, list[str]]:
    """Return a model to store in the place of one, and what had to be left out."""
    left_out: list[str] = []
    twins: dict[int, Any] = {}

    def visit(value: Any, where: str) -> Any:
        if type(value) in (list, tuple):
            named = [_item_name(where, i, item) for i, item in enumerate(value)]
            return type(value)(map(visit, value, named))
        if type(value) is dict:
            return {
                key: visit(item, f"{where}[{key!r}]") for key, item in value.items()
            }
        if not is_estimator(value):
            return value
        if id(value) not in twins:
            # Not by copy, which would rebuild nets.
            twin = twins[id(value)] = object.__new__(type(value))
            params = value.get_params(deep=False)
            for name, item in vars(value).items():
                if name not in params and isinstance(item, pd.DataFrame):
                    continue  # a report
                place = f"{where}.{name}"
                if name in params and not _goes_along(name, item):
                    if name != "checkpoint":
                        left_out.append(place)
                    item = signature(type(value)).parameters[name].default
                vars(twin)[name] = visit(item, place)
        return twins[id(value)]

    return visit(model, type(model).__name__), left_out


def _item_name(where: str, index: int, item: Any) -> str:
    """Name an item of a list; a step of a Pipeline has a name."""
    is_step = isinstance(item, tuple) and item and isinstance(item[0], str)
    return f"{where}[{item[0] if is_step else index!r}]"


def _goes_along(name: str, value: Any) -> bool:
    """Tell whether a parameter's value can be stored."""
    from skops.io import dumps

    if value is None or name not in TRAINING_ONLY | PLACES:
        return True
    if name in PLACES:
        return False
    try:
        content = tidy(dumps(value))
        return not judge(content, read_schema(content))[1]
    except Exception:
        return False


def is_estimator(value: Any) -> bool:
    """Tell an estimator from all else, skorch nets too, which are another's part."""
    return isinstance(value, BaseEstimator) and not any(
        kind.__module__.startswith("skorch.") for kind in type(value).__mro__
    )


def check_names(content: bytes) -> None:
    """Check that all classes and functions in an archive of skops can be found again.

    Raises
    ------
    ValueError
        If not.
    """
    for node in nodes_of(read_schema(content)):
        module, name = node["__module__"], node["__class__"]
        found = getattr(sys.modules.get(module), name, None)
        # skops writes the address of each object.
        is_it = node["__loader__"] not in ("FunctionNode", "TypeNode") or (
            id(found) == node["__id__"]
        )
        if found is None or not is_it:
            raise ValueError(
                f"{module}.{name} is not to be found under this name: define it at the "
                "top level of a module"
            )


def check_model(model: Any) -> None:
    """Check that a model that was loaded can be one, and put it onto a device here.

    Raises
    ------
    ValueError
        If not.
    NotFittedError
        If it is not fitted.
    """
    if not is_estimator(model):
        raise ValueError(f"it holds no estimator, but a {type(model).__name__}")
    for estimator in _estimators_in(model, set()):
        _check_estimator(estimator)
    if hasattr(model, "fit"):
        check_is_fitted(model)


def _estimators_in(value: Any, seen: set[int]) -> Iterator[BaseEstimator]:
    """Yield an estimator and all that it holds."""
    if id(value) in seen or isinstance(value, type):
        return
    seen.add(id(value))
    if is_estimator(value):
        yield value
    if isinstance(value, dict):
        value = [*value.values()]
    elif not isinstance(value, list | tuple):
        module = type(value).__module__
        if not is_estimator(value) and not module.startswith("sklearn."):
            return
        value = [*getattr(value, "__dict__", {}).values()]
    for item in value:
        yield from _estimators_in(item, seen)


def _check_estimator(estimator: Any) -> None:
    """Check an estimator's parameters as its ``fit`` would, and a little more."""
    kind = type(estimator).__name__
    params = estimator.get_params(deep=False)
    for name in vars(estimator):
        if callable(getattr(type(estimator), name, None)):
            raise ValueError(f"{kind} has a value in the place of its method {name}")
        if is_own(estimator) and not (name in params or "_" in (name[0], name[-1])):
            raise ValueError(f"{kind} has no {name!r}")
    missing = params.keys() - vars(estimator).keys()
    if is_own(estimator) and missing:  # a default of the class would take its place
        later: frozenset[str] = getattr(estimator, "_later_parameters", frozenset())
        if missing - later:
            raise AttributeError(f"{kind} has no parameter {min(missing - later)!r}")
        # The file is older than they are: their defaults are what there was then.
        estimator.set_params(**{name: params[name] for name in missing})
    for name in getattr(estimator, "_later_attributes", ()):
        if _is_fitted(estimator) and name not in vars(estimator):
            setattr(estimator, name, None)  # not recorded then
    if hasattr(estimator, "_parameter_constraints"):
        estimator._validate_params()
    for name in PLACES & params.keys():
        if params[name] is not None:
            raise ValueError(
                f"{kind} asks for a place on this machine, as {name}, which no model "
                "file does"
            )
    if isinstance(estimator, Pipeline):
        for step in estimator.steps or [None]:
            match step:
                case (str(), BaseEstimator() | "passthrough" | None):
                    continue
            raise ValueError(f"a Pipeline has the impossible step {step!r:.100}")
    if is_own(estimator):
        if "device" in params:
            estimator.device = _device_here(estimator, params["device"])
        getattr(estimator, "_check_state", lambda: None)()


def _is_fitted(estimator: Any) -> bool:
    """Tell whether an estimator has learned anything."""
    try:
        check_is_fitted(estimator)
    except NotFittedError:
        return False
    return True


def is_own(estimator: Any) -> bool:
    """Tell whether an estimator is of this library."""
    return type(estimator).__module__.startswith("sklearn_sed.")


def _device_here(estimator: Any, device: str) -> str:
    """Return the device, or the default where this machine does not have it."""
    default = signature(type(estimator)).parameters["device"].default
    if device in (default, "cpu"):
        return device
    from sklearn_sed.nn._devices import has_device

    return device if has_device(device) else default
