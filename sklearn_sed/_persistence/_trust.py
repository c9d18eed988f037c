"""Which types a model file may hold unasked."""

import re
from collections import defaultdict
from collections.abc import Iterable
from importlib import import_module
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.model_selection import BaseCrossValidator

from sklearn_sed._persistence._archive import name_of, nodes_of

# skops trusts scikit-learn's estimators, the universal functions of NumPy and SciPy,
# and plain data; these are what estimators hold besides, by the loaders of skops that
# may make them. Not among them: trees and neighbours, whose compiled code believes the
# indices in a file, and all functions that do more than arithmetic.
PARTS = {
    "DTypeNode": {"numpy.dtype"},
    "DictNode": {"sklearn.utils._bunch.Bunch"},
    "FunctionNode": {"sklearn.feature_selection._univariate_selection.f_classif"},
    "ObjectNode": {
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
        "sklearn.gaussian_process.kernels.ConstantKernel",
        "sklearn.gaussian_process.kernels.Product",
        "sklearn.gaussian_process.kernels.RBF",
        "sklearn.metrics._scorer._PassthroughScorer",
        "sklearn.model_selection._split.GroupKFold",
        "sklearn.model_selection._split.KFold",
        "sklearn.model_selection._split.ShuffleSplit",
        "sklearn.model_selection._split.StratifiedGroupKFold",
        "sklearn.model_selection._split.StratifiedKFold",
        "sklearn.multiclass._ConstantPredictor",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    },
}
# A module of this library, but for its nets, in which skorch would look for pickles.
OWN_MODULE = re.compile(r"sklearn_sed\.(?!nn\b)_?[a-z]\w*(\._?[a-z]\w*)*")
NEVER = ("skorch.", "torch.", "sklearn_sed.nn.")


def full_names(types: Iterable[Any]) -> set[str]:
    """Return the full names of types, which may be given by name or themselves."""
    return {
        kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__name__}"
        for kind in types
    }


def judge(content: bytes, schema: dict[str, Any]) -> tuple[set[str], set[str]]:
    """Return the types in an archive that are trusted beside skops's, and the others.

    Parameters
    ----------
    content : bytes
        The archive.
    schema : dict
        Its schema.

    Raises
    ------
    ValueError
        If it holds a type that can hide a pickle.
    """
    from skops.io import get_untrusted_types

    loaders = defaultdict(set)
    for node in nodes_of(schema):
        if node["__loader__"] != "CachedNode":
            loaders[name_of(node)].add(node["__loader__"])
    for name, made_by in loaders.items():
        if name.startswith(NEVER) and not made_by <= {"TypeNode", "FunctionNode"}:
            raise ValueError(f"it holds a {name}, in which a pickle could be")
    unknown = set(get_untrusted_types(data=content))
    # skops trusts it, whatever the size of its seed.
    unknown |= {name for name in loaders if "RandomGeneratorNode" in loaders[name]}
    trusted = {name for name in unknown if _is_trusted(name, loaders.get(name, set()))}
    return trusted, unknown - trusted


def _is_trusted(name: str, loaders: set[str]) -> bool:
    if loaders == {"ObjectNode"} and _is_own(name):
        return True
    return bool(loaders) and all(name in PARTS.get(key, ()) for key in loaders)


def _is_own(name: str) -> bool:
    """Tell whether a name is that of an estimator or splitter of this library."""
    module, _, kind = name.rpartition(".")
    if not OWN_MODULE.fullmatch(module):
        return False
    try:
        found = getattr(import_module(module), kind, None)
    except ImportError:
        return False
    kinds = (BaseEstimator, BaseCrossValidator)
    return isinstance(found, type) and issubclass(found, kinds)
