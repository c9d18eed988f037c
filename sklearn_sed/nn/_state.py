"""What a net has learned as named arrays, and back into a net."""

import json
from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop

# What each optimizer remembers of every weight; "step" is one number, the others
# are as large as the weight.
MEMORY: dict[type[Optimizer], tuple[str, ...]] = {
    Adam: ("step", "exp_avg", "exp_avg_sq"),
    AdamW: ("step", "exp_avg", "exp_avg_sq"),
    RMSprop: ("step", "square_avg"),
    SGD: ("momentum_buffer",),
}


def net_arrays(net: Any) -> dict[str, np.ndarray]:
    """Return the weights, the loss's weights and the optimizer's memory.

    Parameters
    ----------
    net : SoundEventNet
        A trained net.

    Returns
    -------
    dict from str to array
        Contiguous copies, named ``module/...``, ``loss/...`` and
        ``optimizer/<what>/<weight>``.
    """
    tensors = _states(net.module_, net.criterion_)
    for name, weight in net.module_.named_parameters():
        for key, memory in net.optimizer_.state.get(weight, {}).items():
            tensors[f"optimizer/{key}/{name}"] = memory
    return {name: to_array(tensor) for name, tensor in tensors.items()}


def to_array(tensor: Tensor) -> np.ndarray:
    """Return a contiguous copy."""
    return np.array(tensor.detach().cpu().numpy(), order="C")


def set_net(net: Any, arrays: Mapping[str, np.ndarray]) -> None:
    """Give a net what another one of its kind has learned.

    Parameters
    ----------
    net : SoundEventNet
        The net.
    arrays : mapping from str to array
        What :func:`net_arrays` returned.

    Raises
    ------
    ValueError
        If the arrays are not those of such a net.
    """
    kind = type(net.optimizer_)
    tensors = to_tensors(net.module_, net.criterion_, kind, arrays)
    net.module_.load_state_dict(under("module/", tensors))
    net.criterion_.load_state_dict(under("loss/", tensors))
    set_memory(net, tensors)


def to_tensors(
    module: nn.Module,
    loss: nn.Module,
    optimizer: type[Optimizer],
    arrays: Mapping[str, np.ndarray],
) -> dict[str, Tensor]:
    """Return arrays as tensors of their own, after a look at names, shapes and types.

    Parameters
    ----------
    module, loss : Module
        The parts of the net that the arrays are for; they may be without weights.
    optimizer : type
        Class of its optimizer.
    arrays : mapping from str to array
        What :func:`net_arrays` returned.

    Raises
    ------
    ValueError
        If the arrays are not those of such a net.
    """
    forms = _states(module, loss)
    for name, weight in module.named_parameters():
        memory = {
            f"optimizer/{key}/{name}": torch.zeros(()) if key == "step" else weight
            for key in MEMORY[optimizer]
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
    tensors = {}
    for name, form in forms.items():
        shape, expected = arrays[name].shape, tuple(form.shape)
        if shape != expected:
            raise ValueError(
                f"weights {name!r} have the shape {shape}, expected {expected}"
            )
        tensors[name] = torch.from_numpy(arrays[name].copy())
        if tensors[name].dtype != form.dtype:
            raise ValueError(
                f"weights {name!r} are {tensors[name].dtype}, expected {form.dtype}"
            )
    return tensors


def set_memory(net: Any, tensors: Mapping[str, Tensor]) -> None:
    """Give the optimizer its memory back."""
    state = net.optimizer_.state
    state.clear()
    for name, weight in net.module_.named_parameters():
        for key in MEMORY[type(net.optimizer_)]:
            memory = tensors.get(f"optimizer/{key}/{name}")
            if memory is not None:
                if key != "step":  # in the weight's order: sums might round otherwise
                    memory = torch.empty_like(weight, dtype=memory.dtype).copy_(memory)
                state[weight][key] = memory


def under(prefix: str, tensors: Mapping[str, Any]) -> dict[str, Any]:
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


def remember(net: Any, epochs: str | bytes) -> None:
    """Continue a net's history by epochs written as JSON."""
    net.history.extend({**row, "batches": []} for row in json.loads(epochs))
