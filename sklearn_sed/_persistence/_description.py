"""The description of a model in JSON's terms, and the way back.

Estimators come in the order in which they can be rebuilt, each with its class, its
parameters and what it has learned; one refers to another by its place. The tensors
``<place>/...`` are what the net of the estimator at that place has learned. Nothing in
a description can name code: classes come from a fixed list, and values are numbers,
texts, lists and arrays.
"""

import inspect
import math
import re
import reprlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from sklearn_sed._decoding._decoder import EventDecoder
from sklearn_sed._features._transformer import LogMelTransformer, _report
from sklearn_sed._learners._base import WeakLearner
from sklearn_sed._learners._detector import WeakEventDetector
from sklearn_sed._learners._ensemble import SeedEnsemble
from sklearn_sed._learners._tagger import WeakTagger
from sklearn_sed._learners._two_pass import TwoPassSED
from sklearn_sed.model_selection import TunedDecoderCV

MAX_ESTIMATORS = 64
MAX_LAYERS = 64  # values of a network parameter, such as the channels of each layer
MAX_ARRAY = 2**24  # bytes of an array in the description
MAX_INT = 2**63

# What the values of an array in the description are in Python, by kind of dtype.
LEAVES: dict[str, tuple[type, ...]] = {
    "b": (bool,),
    "i": (int,),
    "u": (int,),
    "f": (float,),
    "U": (str,),
    "O": (bool, int, float, str),
}
DTYPES = re.compile(r"[|]b1|[|]O|[|<][iu][1248]|<f[248]|<U[0-9]{1,6}")


class Kind(NamedTuple):
    """A class of estimators that can be saved, and what its instances learn."""

    cls: type[BaseEstimator]
    learned: tuple[str, ...] = ()  # all or none of these
    optional: tuple[str, ...] = ()


_OF_LEARNERS = (
    "_single",
    "classes_",
    "history_",
    "n_features_in_",
    "n_iter_",
    "precision_",
    "thresholds_",
)
_OF_INPUT = ("feature_names_in_", "n_features_in_")
KINDS = {
    kind.cls.__name__: kind
    for kind in (
        Kind(EventDecoder),
        Kind(FrozenEstimator),
        Kind(LogMelTransformer, (), (*_OF_INPUT, "report_")),
        Kind(Pipeline),
        Kind(
            SeedEnsemble,
            ("_single", "classes_", "estimators_", "n_features_in_", "thresholds_"),
            ("decoder_",),
        ),
        Kind(
            TunedDecoderCV,
            ("best_score_", "class_scores_", "decoder_", "estimator_"),
            ("n_features_in_",),
        ),
        Kind(
            TwoPassSED,
            ("classes_", "detector_", "n_features_in_", "tagger_"),
            ("feature_names_in_",),
        ),
        Kind(WeakEventDetector, (*_OF_LEARNERS, "decoder_"), ("feature_names_in_",)),
        Kind(WeakTagger, _OF_LEARNERS, ("feature_names_in_",)),
    )
}
# Parameters that only training needs: where their value cannot be stored, the default
# takes its place, with a warning.
TRAINING_ONLY = {"callbacks", "cv", "memory", "random_state", "scoring"}
PLACES = {"checkpoint", "memory"}  # where one machine keeps something


def _is_vector(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype.kind == "f"


def _is_labels(value: Any) -> bool:
    if not isinstance(value, np.ndarray) or value.ndim != 1:
        return False
    return 0 < len(value) == len(set(value.tolist()))


def _is_ensemble(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) > 0
        and all(isinstance(estimator, WeakLearner) for estimator in value)
    )


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and value >= 0


def _is_history(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(row, dict)
        and row.keys() <= {"epoch", "train_loss", "valid_loss"}
        and all(isinstance(number, int | float) for number in row.values())
        for row in value
    )


# What each learned attribute looks like.
FORMS: dict[str, Callable[[Any], bool]] = {
    "_single": lambda value: isinstance(value, bool),
    "best_score_": lambda value: isinstance(value, float),
    "class_scores_": _is_vector,
    "classes_": _is_labels,
    "decoder_": lambda value: isinstance(value, EventDecoder),
    "detector_": lambda value: hasattr(value, "predict_frame_proba"),
    "estimator_": lambda value: isinstance(value, BaseEstimator),
    "estimators_": _is_ensemble,
    "feature_names_in_": _is_labels,
    "history_": _is_history,
    "n_features_in_": _is_count,
    "n_iter_": _is_count,
    "precision_": lambda value: value in ("bfloat16", "float32", "float64"),
    "report_": lambda value: value == [],
    "tagger_": lambda value: hasattr(value, "predict_proba"),
    "thresholds_": lambda value: _is_vector(value) and not np.isnan(value).any(),
}


def short(value: Any) -> str:
    """Return a short form of a value that a stranger wrote."""
    return reprlib.repr(value)


class Writer:
    """Describes estimators in values that JSON can hold, and collects their tensors."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self.tensors: dict[str, np.ndarray] = {}
        self.networks: dict[str, Callable] = {}
        self.dropped: list[str] = []
        self.places: dict[int, int] = {}

    def encode_estimator(self, estimator: Any, where: str) -> dict[str, int]:
        """Add an estimator after those that it holds; return a reference to it."""
        if id(estimator) not in self.places:
            kind = KINDS.get(type(estimator).__name__)
            if kind is None or type(estimator) is not kind.cls:
                raise ValueError(_foreign(estimator, where))
            entry = {
                "class": kind.cls.__name__,
                "params": self._params(estimator, where),
                "learned": self._learned(estimator, kind, where),
            }
            place = self.places[id(estimator)] = len(self.entries)
            self.entries.append(entry)
            if entry["learned"] and isinstance(estimator, WeakLearner):
                self._add_net(estimator, place)
        return {"estimator": self.places[id(estimator)]}

    def _params(self, estimator: BaseEstimator, where: str) -> dict[str, Any]:
        """Return an estimator's parameters, but for those left out with a warning."""
        params = {}
        for name, value in estimator.get_params(deep=False).items():
            if name == "checkpoint":
                value = None  # of no use where the model goes
            try:
                if name == "memory" and value is not None:
                    raise ValueError("a cache is a place of one machine")
                params[name] = self.encode(value, f"{where}.{name}")
            except ValueError:
                if name not in TRAINING_ONLY:
                    raise
                self.dropped.append(f"{where}.{name}")
        return params

    def _learned(
        self, estimator: BaseEstimator, kind: Kind, where: str
    ) -> dict[str, Any]:
        """Return what an estimator has learned; nothing if it is not fitted."""
        state = dict(vars(estimator))
        for name in estimator.get_params(deep=False):
            del state[name]
        then, net = state.pop("_net_params", None), state.pop("net_", None)
        is_learner = isinstance(estimator, WeakLearner)
        if not state.keys() >= {*kind.learned} or (is_learner and net is None):
            return {}
        if is_learner:
            self._check_unchanged(then, estimator, where)
        if "report_" in state:
            state["report_"] = []
        extra = sorted(state.keys() - {*kind.learned, *kind.optional})
        self.dropped += [f"{where}.{name}" for name in extra]
        return {
            name: self.encode(state[name], f"{where}.{name}")
            for name in sorted(state.keys() - set(extra))
        }

    def _check_unchanged(self, then: dict, learner: WeakLearner, where: str) -> None:
        """Check that the net can be rebuilt from the parameters of today."""
        now = learner._current_net_params()
        for name, value in then.items():
            param = f"{where}.{name}"
            if self.encode(value, param) != self.encode(now[name], param):
                raise ValueError(
                    f"{param} is {now[name]!r}, but the net was fitted with "
                    f"{value!r}: set it back, or fit again, before saving"
                )

    def _add_net(self, learner: Any, place: int) -> None:
        """Add what a net has learned."""
        from sklearn_sed.nn._arrays import net_arrays

        for name, array in net_arrays(learner.net_, learner.optimizer).items():
            self.tensors[f"{place}/{name}"] = array

    def encode(self, value: Any, where: str) -> Any:
        """Return a value in JSON's terms; other types than its own get a tag."""
        match value:
            case np.generic():
                return {"scalar": self._array(np.asarray(value), where)}
            case np.ndarray():
                return {"array": self._array(np.asarray(value), where)}
            case None | bool() | str():
                return value
            case int() if abs(value) < MAX_INT:
                return value
            case float():
                return value if math.isfinite(value) else {"float": repr(value)}
            case list():
                return [
                    self.encode(item, _item_name(where, i, item))
                    for i, item in enumerate(value)
                ]
            case tuple():
                return {"tuple": [self.encode(item, where) for item in value]}
            case Mapping():
                pairs = [[*pair] for pair in value.items()]
                return {"dict": self.encode(pairs, where)}
            case BaseEstimator():
                return self.encode_estimator(value, where)
        if where.endswith(".network") and callable(value):
            return {"network": self._network(value, where)}
        raise ValueError(
            f"{where}={short(value)} cannot be stored: a model file holds numbers, "
            "texts, lists and arrays"
        )

    def _array(self, array: np.ndarray, where: str) -> dict[str, Any]:
        """Return an array's values in one row, with dtype and shape."""
        dtype = array.dtype.newbyteorder("<").str
        if not DTYPES.fullmatch(dtype):
            raise ValueError(f"{where} is an array of {array.dtype}: not storable")
        return {
            "dtype": dtype,
            "shape": [*array.shape],
            "values": self.encode(array.ravel().tolist(), where),
        }

    def _network(self, network: Callable, where: str) -> str:
        """Return the name that a user's network will be asked for by."""
        name = getattr(network, "__name__", None)
        if name is None or self.networks.setdefault(name, network) is not network:
            raise ValueError(
                f"{where}={short(network)} has no name of its own, and load_model "
                "asks for a network by its __name__: define a function"
            )
        return name


def _item_name(where: str, index: int, item: Any) -> str:
    """Name an item of a list; a step of a Pipeline has a name."""
    is_step = isinstance(item, tuple) and item and isinstance(item[0], str)
    return f"{where}[{item[0] if is_step else index!r}]"


def _foreign(estimator: Any, where: str) -> str:
    """Say that an estimator is of a class that cannot be saved."""
    remedy = (
        "save its best_estimator_"
        if hasattr(estimator, "best_estimator_")
        else f"a model file can hold {', '.join(KINDS)}; use joblib for others"
    )
    kind = type(estimator).__name__
    what = kind if kind == where else f"{where} is a {kind}, which"
    return f"{what} cannot be saved: {remedy}"


class Reader:
    """Builds estimators from their description, believing nothing."""

    def __init__(self, entries: list[Any], networks: Mapping[str, Callable]):
        if not 0 < len(entries) <= MAX_ESTIMATORS:
            raise ValueError(f"it describes {len(entries)} estimators")
        self.networks = networks
        self.estimators: list[Any] = []
        for entry in entries:
            self.estimators.append(self._decode_estimator(entry))

    def _decode_estimator(self, entry: Any) -> BaseEstimator:
        """Build an estimator, without its net."""
        match entry:
            case {
                "class": str(name),
                "params": dict(params),
                "learned": dict(learned),
                **rest,
            } if name in KINDS and not rest:
                kind = KINDS[name]
            case _:
                raise ValueError(f"it describes no known estimator: {short(entry)}")
        unknown = params.keys() - inspect.signature(kind.cls).parameters.keys()
        unknown |= learned.keys() - {*kind.learned, *kind.optional}
        if unknown:
            raise ValueError(f"{name} has no {short(min(unknown))}")
        estimator = kind.cls(**{key: self.decode(v) for key, v in params.items()})
        _check_params(estimator)
        if learned.keys() & {*kind.learned} and not learned.keys() >= {*kind.learned}:
            raise ValueError(f"what {name} has learned is incomplete")
        for key, value in learned.items():
            setattr(estimator, key, _check_learned(key, self.decode(value)))
        if learned:
            _check_fit(estimator)
        return estimator

    def restore_nets(self, tensors: Any) -> None:
        """Rebuild the nets of all fitted learners."""
        left = set(tensors.keys())
        for place, estimator in enumerate(self.estimators):
            if isinstance(estimator, LogMelTransformer):
                estimator.device = _device_here(estimator.device, "cpu")
            if not isinstance(estimator, WeakLearner):
                continue
            estimator.device = _device_here(estimator.device, "auto")
            if not hasattr(estimator, "thresholds_"):
                continue
            prefix = f"{place}/"
            names = {name for name in left if name.startswith(prefix)}
            left -= names
            shapes = {
                name.removeprefix(prefix): tuple(tensors.get_slice(name).get_shape())
                for name in names
            }
            estimator._restore_net(shapes, partial(_read_finite, tensors, prefix))
        if left:
            raise ValueError(f"it holds a tensor for nobody: {short(min(left))}")

    def decode(self, value: Any) -> Any:
        """Return the value that :meth:`Writer.encode` described."""
        match value:
            case None | bool() | str():
                return value
            case int() if abs(value) < MAX_INT:
                return value
            case float() if math.isfinite(value):
                return value
            case list():
                return [self.decode(item) for item in value]
            case {"tuple": list(items)} if len(value) == 1:
                return tuple(self.decode(item) for item in items)
            case {"dict": list(pairs)} if len(value) == 1:
                mapping = dict(self.decode(pairs))
                if len(mapping) == len(pairs):
                    return mapping
            case {"float": "nan" | "inf" | "-inf" as text} if len(value) == 1:
                return float(text)
            case {"array": dict(content)} if len(value) == 1:
                return self._array(**content)
            case {"scalar": {"shape": []} as content} if len(value) == 1:
                return self._array(**content)[()]
            case {"estimator": int(place)} if len(value) == 1 and place >= 0:
                return self.estimators[place]
            case {"network": str(name)} if len(value) == 1:
                if name in self.networks:
                    return self.networks[name]
                raise ValueError(
                    f"it needs a network that is not part of this package: pass "
                    f"networks={{{short(name)}: ...}} to load_model"
                )
        raise ValueError(f"it holds a value of no known form: {short(value)}")

    def _array(self, dtype: str, shape: list[int], values: list[Any]) -> np.ndarray:
        """Build an array after a look at its size and at every value."""
        if not DTYPES.fullmatch(dtype):
            raise ValueError(f"it holds an array of the unknown type {short(dtype)}")
        kind, size = np.dtype(dtype).kind, np.dtype(dtype).itemsize
        values = [self.decode(value) for value in values]
        fits = len(values) * size <= MAX_ARRAY
        if kind == "U":
            fits &= all(isinstance(v, str) and 4 * len(v) <= size for v in values)
        if not fits or not all(type(value) in LEAVES[kind] for value in values):
            raise ValueError(f"it holds an array whose values are not {dtype}")
        array = np.empty(len(values), dtype)
        array[:] = values
        return array.reshape(shape)


def _check_params(estimator: Any) -> None:
    """Check an estimator's parameters as its ``fit`` would, and a little more."""
    if isinstance(estimator, FrozenEstimator):
        if not isinstance(estimator.estimator, BaseEstimator):
            raise ValueError("a FrozenEstimator holds no estimator")
        return
    estimator._validate_params()
    for name in PLACES & estimator.get_params(deep=False).keys():
        if getattr(estimator, name) is not None:
            raise ValueError(
                f"{type(estimator).__name__} asks for a place on this machine, as "
                f"{name}, which no model file does"
            )
    if isinstance(estimator, Pipeline):
        for step in estimator.steps or [None]:
            match step:
                case (str(), BaseEstimator() | "passthrough" | None):
                    continue
            raise ValueError(f"a Pipeline has the impossible step {short(step)}")
    if isinstance(estimator, WeakLearner) and isinstance(estimator.network, str):
        for name, value in (estimator.network_params or {}).items():
            if isinstance(value, list | tuple) and len(value) > MAX_LAYERS:
                raise ValueError(f"a network has {len(value)} layers ({short(name)})")


def _check_learned(name: str, value: Any) -> Any:
    """Return a learned attribute's value after a look at its form."""
    if not FORMS[name](value):
        raise ValueError(f"{name} is not of its kind: {short(value)}")
    return _report({}) if name == "report_" else value


def _check_fit(estimator: Any) -> None:
    """Check that what an estimator has learned goes together."""
    names = vars(estimator).get("feature_names_in_")
    agree = names is None or len(names) == estimator.n_features_in_
    if isinstance(estimator, WeakLearner):
        agree &= len(estimator.thresholds_) == len(estimator.classes_)
        agree &= len(estimator.history_) == estimator.n_iter_
    if isinstance(estimator, TwoPassSED):
        parts = (estimator.tagger_, estimator.detector_)
        labels = {*estimator.classes_.tolist()}
        agree &= all({*part.classes_.tolist()} == labels for part in parts)
        agree &= all(part.n_features_in_ == estimator.n_features_in_ for part in parts)
    if isinstance(estimator, SeedEnsemble):
        labels = estimator.classes_.tolist()
        for member in estimator.estimators_:
            agree &= member.classes_.tolist() == labels
            agree &= member.n_features_in_ == estimator.n_features_in_
        agree &= len(estimator.thresholds_) == len(labels)
    if isinstance(estimator, TunedDecoderCV):
        agree &= len(estimator.class_scores_) == len(estimator.classes_)
    if not agree:
        raise ValueError(
            f"numbers of classes, features or epochs of {type(estimator).__name__} "
            "contradict each other"
        )


def _device_here(device: str, otherwise: str) -> str:
    """Return the device, or another one where this machine does not have it."""
    if device in (otherwise, "cpu"):
        return device
    from sklearn_sed.nn._training import has_device

    return device if has_device(device) else otherwise


def _read_finite(tensors: Any, prefix: str, name: str) -> np.ndarray:
    """Read a tensor and check that it holds numbers."""
    array = tensors.get_tensor(prefix + name)
    if not np.isfinite(array).all():
        raise ValueError(f"its weights {name!r} are not finite numbers")
    return array
