"""The state of a learner: its attributes, with the net as plain arrays."""

import json
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import validate_parameter_constraints

from sklearn_sed._learners._record import check_duration, check_record

MAX_LAYERS = 64  # values of a network parameter, such as the channels of each layer


class NetAsArrays(BaseEstimator):
    """Pickling, copying and saving of learners: no torch object is ever stored.

    The state holds the net as what it has learned, with the parameters that it was
    built from; on the way back it is built anew around that, on a device that there
    is: "auto" takes the place of one that is missing.
    """

    def __getstate__(self):
        state = dict(super().__getstate__())
        if "net_" in state:
            from sklearn_sed.nn._state import net_arrays

            epochs = [
                {key: value for key, value in row.items() if np.isscalar(value)}
                for row in self.net_.history
            ]
            state["net_"] = {
                "arrays": net_arrays(self.net_),
                "history": json.dumps(epochs),
            }
        return state

    def __setstate__(self, state):
        super().__setstate__(state)
        if "net_" in state:
            from sklearn_sed.nn._devices import has_device

            if not has_device(self.device):
                self.device = "auto"
            self.net_ = self._restored_net(**state["net_"])

    def _restored_net(self, arrays: dict[str, np.ndarray], history: str):
        """Build the net around what it has learned."""
        from sklearn_sed.nn._training import restore_net

        params = {**self._net_params, "precision": self.precision_}
        constraints = {name: self._parameter_constraints[name] for name in params}
        validate_parameter_constraints(constraints, params, type(self).__name__)
        fitted: Any = object.__new__(type(self))
        vars(fitted).update(vars(self), **params)
        for name, value in (fitted.network_params or {}).items():
            if isinstance(value, list | tuple | np.ndarray) and len(value) > MAX_LAYERS:
                raise ValueError(f"a network has {len(value)} layers ({name!r})")
        return restore_net(
            fitted._net_spec({}),
            self.n_features_in_,
            arrays,
            history,
            on_meta=isinstance(fitted.network, str),
        )

    def _check_state(self) -> None:
        """Complain where what was learned is not finite, or contradicts itself."""
        if "_thresholds" not in vars(self):
            return
        from sklearn_sed.nn._state import net_arrays

        for name, array in net_arrays(self.net_).items():
            if not np.isfinite(array).all():
                raise ValueError(f"the weights {name!r} are not finite numbers")
        thresholds, n_classes = np.asarray(self._thresholds), len(self.classes_)
        if thresholds.shape != (n_classes,) or not np.isfinite(thresholds).all():
            raise ValueError(f"{n_classes} classes have the thresholds {thresholds}")
        if len({*self.classes_.tolist()}) < n_classes:
            raise ValueError("a class is there twice")
        if len(self.history_) != self.n_iter_:
            raise ValueError(f"{self.n_iter_} epochs have {len(self.history_)} losses")
        check_duration(self.clip_duration_)
        check_record(self.training_, n_classes)
