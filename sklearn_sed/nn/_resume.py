"""All that decides how training goes on, as named arrays, and back."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch

from sklearn_sed.nn._arrays import net_arrays, set_net, to_array, under

__all__ = ["Checkpoint", "TrainingState"]

LOSSES = ("train_loss", "valid_loss")
NET = ("module/", "loss/", "optimizer/")
# What early stopping remembers beside the best weights.
WATCHED = ("misses_", "dynamic_threshold_", "best_epoch_")


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
    net : WeakLabelTrainer
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
        rows = list(self.net.history)[self.n_before :]
        for loss in LOSSES:
            losses = [row[loss] for row in rows if loss in row]
            arrays[f"history/{loss}"] = np.array(losses, dtype=float)
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
        losses = {loss: arrays[f"history/{loss}"].tolist() for loss in LOSSES}
        for i, train_loss in enumerate(losses["train_loss"]):
            self.net.history.new_epoch()
            self.net.history.record("epoch", self.n_before + i + 1)
            self.net.history.record("train_loss", train_loss)
            if losses["valid_loss"]:
                self.net.history.record("valid_loss", losses["valid_loss"][i])
        torch.set_rng_state(torch.from_numpy(arrays["rng/cpu"]))
        if self.device.startswith("cuda"):
            state = torch.from_numpy(arrays["rng/cuda"])
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
