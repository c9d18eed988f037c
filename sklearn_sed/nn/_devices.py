"""Where torch can compute."""

import torch


def has_device(device: str, dtype: str = "float32") -> bool:
    """Tell whether torch can compute on this device here, in numbers of this type."""
    try:
        return bool(torch.ones(1, device=device, dtype=getattr(torch, dtype)).item())
    except (AssertionError, ImportError, RuntimeError, TypeError):
        return False


def check_device(device: str, dtype: str = "float32") -> str:
    """Return the device, or say on which ones torch can compute here."""
    if has_device(device, dtype):
        return device
    gpus = []
    accelerator = torch.accelerator.current_accelerator()
    if accelerator is not None:
        kind, n_gpus = accelerator.type, torch.accelerator.device_count()
        names = [kind, *(f"{kind}:{index}" for index in range(n_gpus))]
        gpus = [repr(name) for name in names if has_device(name, dtype)]
    others = " or ".join(gpus) or "'cuda' where torch finds a GPU (here it finds none)"
    raise ValueError(
        f"device={device!r} is no device on which torch can compute in {dtype} here: "
        f"pass 'cpu', or {others}"
    )
