"""A net built anew around what one has learned."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from sklearn_sed.nn._arrays import array_forms, read_tensors, set_memory, under
from sklearn_sed.nn._training import (
    NetSpec,
    WeakLabelTrainer,
    make_loss,
    make_module,
    make_trainer,
    seeded,
)

__all__ = ["restore_net"]


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
        What the net was built from; whether the loss weighs classes and pairs of
        them is seen from the arrays.
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
    # Of the loss's weights the shapes alone, which take no memory.
    zero = torch.zeros((), dtype=spec.dtype)
    weights = {
        name: zero.expand([spec.n_classes] * n_axes)
        for name, n_axes in (("class_weight", 1), ("pair_weight", 2))
        if f"loss/{name}" in shapes
    }
    loss = make_loss(replace(spec, loss={**spec.loss, **weights}))
    forms = array_forms(module, loss, spec.plan.optimizer, shapes)
    tensors = read_tensors(forms, read)
    module.load_state_dict(under("module/", tensors), assign=on_meta)
    network: Any = module.network
    network.to(memory_format=torch.channels_last)
    loss.load_state_dict(under("loss/", tensors), assign=True)
    net = make_trainer(spec, module, loss)
    set_memory(net, spec.plan.optimizer, tensors)
    return net
