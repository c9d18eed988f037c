"""What a net has learned, as named arrays, and the way back."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sklearn_sed.nn._losses import WeakLabelLoss
from sklearn_sed.nn._networks import WeakLabelNet
from sklearn_sed.nn._training import (
    NetSpec,
    WeakLabelTrainer,
    make_loss,
    make_module,
    make_trainer,
    seeded,
)

__all__ = ["net_arrays", "restore_net"]

# What each optimizer remembers of every weight; "step" is one number, the others
# are as large as the weight.
OPTIMIZER_MEMORY = {
    "adam": ("step", "exp_avg", "exp_avg_sq"),
    "adamw": ("step", "exp_avg", "exp_avg_sq"),
    "rmsprop": ("step", "square_avg"),
    "sgd": ("momentum_buffer",),
}


def net_arrays(net: WeakLabelTrainer, optimizer: str) -> dict[str, np.ndarray]:
    """Return the weights, the loss's class weights and the optimizer's memory.

    Parameters
    ----------
    net : WeakLabelTrainer
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
    return {
        name: np.array(tensor.detach().cpu().numpy(), order="C")
        for name, tensor in tensors.items()
    }


def restore_net(
    spec: NetSpec,
    n_mels: int,
    shapes: Mapping[str, tuple[int, ...]],
    read: Callable[[str], np.ndarray],
    *,
    on_meta: bool,
) -> WeakLabelTrainer:
    """Build a net around arrays that :func:`net_arrays` returned.

    Parameters
    ----------
    spec : NetSpec
        What the net was built from; whether the loss weighs classes is seen from
        the arrays.
    n_mels : int
        Number of bands.
    shapes : mapping from str to tuple
        Shape of each array.
    read : callable
        Called with a name, returns that array. Nothing is read, and no memory taken
        for weights, before all names and shapes are found to be the net's.
    on_meta : bool
        Whether the network's class allows torch's "meta" device, on which building
        takes no memory. If not, it is built with weights, and these are copied.

    Returns
    -------
    WeakLabelTrainer
        The net, on the plan's device.

    Raises
    ------
    ValueError
        If the arrays are not those of such a net.
    """
    if shapes.get("module/mean") != (n_mels,):
        raise ValueError(
            f"weights 'module/mean' have the shape {shapes.get('module/mean')}, "
            f"expected {(n_mels,)}"
        )
    with seeded(0, "cpu"), torch.device("meta" if on_meta else "cpu"):
        module = make_module(spec, torch.zeros(n_mels), torch.ones(n_mels))
    weighs_classes = "loss/class_weight" in shapes
    class_weight = np.ones(spec.n_classes) if weighs_classes else None
    loss = make_loss(replace(spec, loss={**spec.loss, "class_weight": class_weight}))
    forms = _forms(spec, module, loss, shapes)
    tensors = {
        name: _tensor(name, read(name), dtype) for name, (_, dtype) in forms.items()
    }
    module.load_state_dict(_under("module/", tensors), assign=on_meta)
    network: Any = module.network
    network.to(memory_format=torch.channels_last)
    loss.load_state_dict(_under("loss/", tensors))
    net = make_trainer(spec, module, loss)
    _restore_memory(net, spec.plan.optimizer, tensors)
    return net


def _states(module: nn.Module, loss: nn.Module) -> dict[str, Tensor]:
    """Return the state of both modules under the names used here."""
    return {
        f"{part}/{name}": tensor
        for part, owner in (("module", module), ("loss", loss))
        for name, tensor in owner.state_dict().items()
    }


def _memory_name(key: str, weight: str) -> str:
    return f"optimizer/{key}/{weight}"


def _forms(
    spec: NetSpec,
    module: WeakLabelNet,
    loss: WeakLabelLoss,
    shapes: Mapping[str, tuple[int, ...]],
) -> dict[str, tuple[tuple[int, ...], torch.dtype]]:
    """Return the shape and type of each array, after comparing names and shapes."""
    forms: dict[str, tuple[tuple[int, ...], torch.dtype]] = {
        name: (tuple(tensor.shape), tensor.dtype)
        for name, tensor in _states(module, loss).items()
    }
    for name, weight in module.named_parameters():
        memory = {
            _memory_name(key, name): ((), torch.float32)
            if key == "step"
            else (tuple(weight.shape), weight.dtype)
            for key in OPTIMIZER_MEMORY[spec.plan.optimizer]
        }
        # A weight that was never trained has left no memory: all of it or nothing.
        if memory.keys() & shapes.keys():
            forms |= memory
    missing, unknown = forms.keys() - shapes.keys(), shapes.keys() - forms.keys()
    if missing or unknown:
        raise ValueError(
            f"{len(missing)} of the net's arrays are missing and {len(unknown)} are "
            f"not the net's, such as {min(missing or unknown)!r}"
        )
    for name, (shape, _) in forms.items():
        if shapes[name] != shape:
            raise ValueError(
                f"weights {name!r} have the shape {shapes[name]}, expected {shape}"
            )
    return forms


def _tensor(name: str, array: np.ndarray, dtype: torch.dtype) -> Tensor:
    """Turn an array of the right type into a tensor of its own."""
    tensor = torch.from_numpy(array.copy())
    if tensor.dtype != dtype:
        raise ValueError(f"weights {name!r} are {tensor.dtype}, expected {dtype}")
    return tensor


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose names begin with a prefix, without it."""
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


def _restore_memory(
    net: WeakLabelTrainer, optimizer: str, tensors: Mapping[str, Tensor]
) -> None:
    """Give the optimizer its memory back."""
    (group,) = net.optimizer_.param_groups
    index = {weight: i for i, weight in enumerate(group["params"])}
    state = net.optimizer_.state_dict()
    for name, weight in net.module_.named_parameters():
        memory = {
            key: tensors[_memory_name(key, name)]
            for key in OPTIMIZER_MEMORY[optimizer]
            if _memory_name(key, name) in tensors
        }
        if memory:
            state["state"][index[weight]] = memory
    net.optimizer_.load_state_dict(state)
