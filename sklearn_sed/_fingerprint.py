"""Tell whether two fitted models say the same, by a hash of all that they hold."""

import hashlib
import sys
from collections.abc import Mapping, Set
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType
from typing import Any

import numpy as np

# What changes no prediction of a fitted estimator: where and in what company it is
# computed, how much is told, what was drawn in training, what was noted on the way.
_WITHOUT_EFFECT = {
    *("batch_size", "callbacks", "checkpoint", "device", "memory", "n_jobs"),
    *("on_error", "on_interrupt", "precision", "random_state", "verbose"),
    *("warm_start", "history_", "precision_", "report_", "_sklearn_version"),
    *("clip_duration_", "training_"),
}
_UNORDERED = ("mapping", "set")
# The folders of packages, of a system, a user or an environment, whose classes and
# functions are known by their names.
_PACKAGES = {"site-packages", "dist-packages"}


def fingerprint(*values: Any) -> str:
    """Return a text that is the same for the same values, in whatever process.

    Parameters
    ----------
    *values : object
        Fitted estimators, and whatever these hold: numbers, arrays, networks,
        functions, objects that can be pickled. Functions and classes of the user's are
        known by their code and that of those they use, others by their name.

    Returns
    -------
    str
        Hexadecimal digits. Parameters and attributes of estimators that change no
        prediction have no part in them.
    """
    return _hash(values, ()).hex()


def _hash(value: Any, around: tuple[int, ...]) -> bytes:
    """Return the hash of a value, given the ids of those that it is part of."""
    if id(value) in around:
        return b"one of those around"
    kind, content = _describe(value)
    around = (*around, id(value))
    parts = [x if isinstance(x, bytes) else _hash(x, around) for x in content]
    digest = hashlib.sha256(kind.encode())
    for part in sorted(parts) if kind in _UNORDERED else parts:
        digest.update(b"%d:" % len(part) + part)
    return digest.digest()


def _describe(value: Any) -> tuple[str, list[Any]]:
    """Return the kind of a value and what it holds: further values, or bytes."""
    if isinstance(value, np.generic) and value.dtype.names is None:
        value = value.item()
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # 100 and 100.0 are one setting
    match value:
        case None | bool() | int() | float() | complex() | str():
            return type(value).__name__, [repr(value).encode()]
        case bytes() | bytearray():
            return "bytes", [bytes(value)]
        case list() | tuple():
            return "sequence", list(value)
        case Mapping():
            return "mapping", list(value.items())
        case Set():
            return "set", list(value)
        case np.ndarray():
            return "array", _of_array(np.asarray(value))
        case BuiltinFunctionType() | np.ufunc():
            return "name", [_name(value)]
        case MethodType():
            return "method", [_name(value), value.__self__]
        case type() | FunctionType():
            return "definition", [_name(value), *_of_definition(value)]
        case staticmethod() | classmethod():
            return "method", [value.__func__]
        case property():
            return "property", [value.fget]
        case CodeType():
            return "code", [value.co_code, value.co_names, value.co_consts]
    if hasattr(value, "detach"):  # a tensor of torch
        return "array", _of_array(value.detach().cpu().numpy())
    return "object", [type(value), *_of_object(value)]


def _name(named: Any) -> str:
    """Return where a class or function is found."""
    module = getattr(named, "__module__", None)
    return f"{module}.{getattr(named, '__qualname__', named.__name__)}"


def _of_definition(value: Any) -> list[Any]:
    """Return what a user's class or function does; those of packages do as they did."""
    root = (value.__module__ or "").partition(".")[0]
    file = getattr(sys.modules.get(root), "__file__", None) or ""
    if root in sys.stdlib_module_names or root == "sklearn_sed":
        return []
    if not _PACKAGES.isdisjoint(Path(file).parts):
        return []
    if isinstance(value, type):
        content = {
            name: item
            for name, item in vars(value).items()
            if name not in ("__module__", "__doc__", "__dict__", "__weakref__")
        }
        return [list(value.__bases__), content]
    used = [value.__globals__.get(name) for name in value.__code__.co_names]
    return [
        value.__code__,
        [value.__defaults__, value.__kwdefaults__],
        [cell.cell_contents for cell in value.__closure__ or ()],
        [item for item in used if isinstance(item, FunctionType | type)],
    ]


def _of_array(array: np.ndarray) -> list[Any]:
    """Return what an array holds."""
    shape = repr(array.shape).encode()
    if array.dtype.names is not None:  # one by one, without the gaps between them
        return [shape, {name: array[name] for name in array.dtype.names}]
    if array.dtype.kind in "OU":
        return [shape, *array.ravel().tolist()]
    return [shape, array.dtype.str.encode(), array.tobytes()]


def _of_object(value: Any) -> list[Any]:
    """Return what any other object holds."""
    if hasattr(value, "module_"):  # a net of skorch: how it was trained is over
        return [value.module_]
    if hasattr(value, "named_modules"):  # a network of torch
        settings = {
            name: {
                key: setting
                for key, setting in vars(module).items()
                if key != "training" and not key.startswith("_")
            }
            for name, module in value.named_modules()
        }
        kinds = [type(module) for module in value.modules()]
        return [kinds, settings, value.state_dict()]
    if hasattr(value, "get_params"):
        state = vars(value)
        return [{key: state[key] for key in state.keys() - _WITHOUT_EFFECT}]
    try:
        made = value.__reduce_ex__(4)
    except TypeError:  # of no use elsewhere
        return [getattr(value, "__dict__", {})]
    if isinstance(made, str):
        return [made]
    return [item if i < 3 else list(item or ()) for i, item in enumerate(made)]
