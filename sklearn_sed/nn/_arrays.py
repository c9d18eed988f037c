"""What a net has learned as named arrays, and back into a net."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

__all__ = ["net_arrays", "set_memory", "set_net", "to_tensors", "under"]

# What each optimizer remembers of every weight; "step" is one number, the others
# are as large as the weight.
OPTIMIZER_MEMORY = {
    "adam": ("step", "exp_avg", "exp_avg_sq"),
    "adamw": ("step", "exp_avg", "exp_avg_sq"),
    "rmsprop": ("step", "square_avg"),
    "sgd": ("momentum_buffer",),
}


def net_arrays(net: Any, optimizer: str) -> dict[str, np.ndarray]:
    """Return the weights, the loss's weights and the optimizer's memory.

    Parameters
    ----------
    net : SoundEventNet
        A trained net.
    optimizer : str
        Name of its optimizer.

    Returns
    -------
    dict from str to array
        Contiguous copies, named ``module/...``, ``loss/...`` and
        ``optimizer/<what>/<weight>``.
    """
    tensors = _states(net.module_, net.criterion_)
    for name, weight in net.module_.named_parameters():
        memory = net.optimizer_.state.get(weight)
        if memory:
            for key in OPTIMIZER_MEMORY[optimizer]:
                tensors[_memory_name(key, name)] = memory[key]
    return {name: to_array(tensor) for name, tensor in tensors.items()}


def to_array(tensor: Tensor) -> np.ndarray:
    """Return a contiguous copy."""
    return np.array(tensor.detach().cpu().numpy(), order="C")


def set_net(net: Any, optimizer: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Give a net what another one of its kind has learned.

    Parameters
    ----------
    net : SoundEventNet
        The net.
    optimizer : str
        Name of its optimizer.
    arrays : mapping from str to array
        What :func:`net_arrays` returned.

    Raises
    ------
    ValueError
        If the arrays are not those of such a net.
    """
    tensors = to_tensors(net.module_, net.criterion_, optimizer, arrays)
    net.module_.load_state_dict(under("module/", tensors))
    net.criterion_.load_state_dict(under("loss/", tensors))
    set_memory(net, optimizer, tensors)


def to_tensors(
    module: nn.Module, loss: nn.Module, optimizer: str, arrays: Mapping[str, np.ndarray]
) -> dict[str, Tensor]:
    """Return arrays as tensors of their own, after a look at names, shapes and types.

    Parameters
    ----------
    module, loss : Module
        The parts of the net that the arrays are for; they may be without weights.
    optimizer : str
        Name of its optimizer.
    arrays : mapping from str to array
        What :func:`net_arrays` returned.

    Raises
    ------
    ValueError
        If the arrays are not those of such a net.
    """
    forms = {
        name: (tuple(tensor.shape), tensor.dtype)
        for name, tensor in _states(module, loss).items()
    }
    for name, weight in module.named_parameters():
        memory = {
            _memory_name(key, name): ((), torch.float32)
            if key == "step"
            else (tuple(weight.shape), weight.dtype)
            for key in OPTIMIZER_MEMORY[optimizer]
        }
        # A weight that was never trained has left no memory: all of it or nothing.
        if memory.keys() & arrays.keys():
            forms |= memory
    missing, unknown = forms.keys() - arrays.keys(), arrays.keys() - forms.keys()
    if missing or unknown:
        raise ValueError(
            f"{len(missing)} of the net's arrays are missing and {len(unknown)} are "
            f"not the net's, such as {min(missing or unknown)!r}"
        )
    for name, (shape, _) in forms.items():
        if arrays[name].shape != shape:
            raise ValueError(
                f"weights {name!r} have the shape {arrays[name].shape}, expected "
                f"{shape}"
            )
    return {
        name: _tensor(name, arrays[name], dtype) for name, (_, dtype) in forms.items()
    }


def _tensor(name: str, array: np.ndarray, dtype: torch.dtype) -> Tensor:
    tensor = torch.from_numpy(array.copy())
    if tensor.dtype != dtype:
        raise ValueError(f"weights {name!r} are {tensor.dtype}, expected {dtype}")
    return tensor


def set_memory(net: Any, optimizer: str, tensors: Mapping[str, Tensor]) -> None:
    """Give the optimizer its memory back."""
    (group,) = net.optimizer_.param_groups
    index = {weight: i for i, weight in enumerate(group["params"])}
    state = net.optimizer_.state_dict()
    state["state"] = {}
    for name, weight in net.module_.named_parameters():
        memory = {
            key: _laid_out(key, tensors[_memory_name(key, name)], weight)
            for key in OPTIMIZER_MEMORY[optimizer]
            if _memory_name(key, name) in tensors
        }
        if memory:
            state["state"][index[weight]] = memory
    net.optimizer_.load_state_dict(state)


def _laid_out(key: str, memory: Tensor, weight: Tensor) -> Tensor:
    """Return memory in its weight's order: in another, sums might round otherwise."""
    if key == "step":
        return memory
    return torch.empty_like(weight, dtype=memory.dtype).copy_(memory)


def under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose names begin with a prefix, without it."""
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


def _states(module: nn.Module, loss: nn.Module) -> dict[str, Tensor]:
    """Return the state of both modules under the names used here."""
    return {
        f"{part}/{name}": tensor
        for part, owner in (("module", module), ("loss", loss))
        for name, tensor in owner.state_dict().items()
    }


def _memory_name(key: str, weight: str) -> str:
    return f"optimizer/{key}/{weight}"
