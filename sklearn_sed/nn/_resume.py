"""All that decides how training goes on, as named arrays, and back."""

from collections.abc import Mapping
from numbers import Real
from typing import Any, Protocol

import numpy as np
import torch

from sklearn_sed.nn._arrays import net_arrays, set_net, to_array, under

__all__ = ["Checkpoint", "TrainingState", "epochs_of"]

NET = ("module/", "loss/", "optimizer/")
# What early stopping remembers beside the best weights.
WATCHED = ("misses_", "dynamic_threshold_", "best_epoch_")


def epochs_of(net: Any) -> list[dict[str, Any]]:
    """Return what was recorded of each epoch: numbers, but for times and counts."""
    return [
        {
            name: value if name == "epoch" else float(value)
            for name, value in row.items()
            if isinstance(value, Real)
            and name != "dur"
            and not name.endswith(("_best", "_batch_count"))
        }
        for row in net.history
    ]


class Checkpoint(Protocol):
    """Where the state of training is kept."""

    @property
    def arrays(self) -> Mapping[str, np.ndarray] | None:
        """The state that was kept in an earlier call."""

    @property
    def finished(self) -> bool:
        """Whether training has ended there."""

    def reading(self) -> Any:
        """Return a context in which a bad file is blamed for errors."""

    def write(self, arrays: Mapping[str, np.ndarray], *, finished: bool) -> None:
        """Keep the state."""


class TrainingState:
    """The state of a training between two epochs.

    Parameters
    ----------
    net : SoundEventNet
        The net, as training begins.
    optimizer : str
        Name of its optimizer.
    device : str
        Where it computes.
    watch : EarlyStopping or None
        What remembers the best epoch.
    """

    def __init__(self, net: Any, optimizer: str, device: str, watch: Any):
        self.net = net
        self.optimizer = optimizer
        self.device = device
        self.watch = watch
        self.n_before = len(net.history)

    @property
    def n_epochs(self) -> int:
        """Epochs trained since training began."""
        return len(self.net.history) - self.n_before

    def arrays(self) -> dict[str, np.ndarray]:
        """Return copies of all that decides how training goes on."""
        arrays = net_arrays(self.net, self.optimizer)
        rows = epochs_of(self.net)[self.n_before :]
        for column in dict.fromkeys(name for row in rows for name in row):
            values = [row.get(column, np.nan) for row in rows]
            arrays[f"history/{column}"] = np.array(values)
        arrays["rng/cpu"] = torch.get_rng_state().numpy()
        if self.device.startswith("cuda"):
            arrays["rng/cuda"] = torch.cuda.get_rng_state(self.device).numpy()
        if self.watch is not None:
            memory = [float(getattr(self.watch, name)) for name in WATCHED]
            arrays["watch"] = np.array(memory)
            for name, weight in (self.watch.best_model_weights_ or {}).items():
                arrays[f"best/{name}"] = to_array(weight)
        return arrays

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Bring net, history and random numbers to the state of an earlier call."""
        own = {name: array for name, array in arrays.items() if name.startswith(NET)}
        set_net(self.net, self.optimizer, own)
        columns = {
            name.removeprefix("history/"): array.tolist()
            for name, array in arrays.items()
            if name.startswith("history/")
        }
        for values in zip(*columns.values()):
            self.net.history.new_epoch()
            for column, value in zip(columns, values):
                if value == value:  # NaN stands for what was not recorded
                    self.net.history.record(column, value)
        torch.set_rng_state(_random_state(arrays["rng/cpu"], torch.get_rng_state()))
        if self.device.startswith("cuda"):
            now = torch.cuda.get_rng_state(self.device)
            state = _random_state(arrays["rng/cuda"], now)
            torch.cuda.set_rng_state(state, self.device)

    def restore_watch(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Give the watch its memory back, which it loses as training begins."""
        if self.watch is None:
            return
        for name, value in zip(WATCHED, arrays["watch"], strict=True):
            setattr(self.watch, name, float(value))
        tensors = {
            name: torch.from_numpy(array).to(self.device)
            for name, array in arrays.items()
            if name.startswith("best/")
        }
        self.watch.best_model_weights_ = under("best/", tensors) or None


def _random_state(array: np.ndarray, now: torch.Tensor) -> torch.Tensor:
    """Return the state of a generator, after a look at its form."""
    state = torch.from_numpy(array)
    if (state.shape, state.dtype) != (now.shape, now.dtype):
        raise ValueError("its random numbers have another form")
    return state
