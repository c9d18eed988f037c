"""A net built anew around what one has learned."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from sklearn_sed.nn._arrays import set_memory, to_tensors, under
from sklearn_sed.nn._training import (
    NetSpec,
    SoundEventNet,
    make_loss,
    make_module,
    make_trainer,
    seeded,
)

__all__ = ["restore_net"]


def restore_net(
    spec: NetSpec,
    n_mels: int,
    arrays: Mapping[str, np.ndarray],
    *,
    on_meta: bool,
) -> SoundEventNet:
    """Build a net around arrays that :func:`net_arrays` returned.

    Parameters
    ----------
    spec : NetSpec
        What the net was built from; whether the loss weighs classes and pairs of
        them is seen from the arrays.
    n_mels : int
        Number of bands.
    arrays : mapping from str to array
        What :func:`net_arrays` returned. No memory is taken for weights before all
        names and shapes are found to be the net's.
    on_meta : bool
        Whether the network's class allows torch's "meta" device, on which building
        takes no memory. If not, it is built with weights, and these are copied.

    Returns
    -------
    SoundEventNet
        The net, on the plan's device.

    Raises
    ------
    ValueError
        If the arrays are not those of such a net.
    """
    n_bands = len(arrays.get("module/mean", ()))
    if n_bands != n_mels:
        raise ValueError(f"the net has {n_bands} bands, expected {n_mels}")
    with seeded(0, "cpu"), torch.device("meta" if on_meta else "cpu"):
        module = make_module(spec, torch.zeros(n_mels), torch.ones(n_mels))
    # Of the loss's weights the shapes alone, which take no memory.
    zero = torch.zeros((), dtype=spec.dtype)
    weights = {
        name: zero.expand([spec.n_classes] * n_axes)
        for name, n_axes in (("class_weight", 1), ("pair_weight", 2))
        if f"loss/{name}" in arrays
    }
    loss = make_loss(replace(spec, loss={**spec.loss, **weights}))
    tensors = to_tensors(module, loss, spec.plan.optimizer, arrays)
    module.load_state_dict(under("module/", tensors), assign=on_meta)
    network: Any = module.network
    network.to(memory_format=torch.channels_last)
    loss.load_state_dict(under("loss/", tensors), assign=True)
    net = make_trainer(spec, module, loss)
    set_memory(net, spec.plan.optimizer, tensors)
    return net
