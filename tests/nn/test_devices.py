"""Devices: what is here, and what is said of what is not."""

import pytest
import torch

from sklearn_sed.nn._devices import check_device, has_device


@pytest.mark.parametrize("device", ["cuda:63", "meta", "gpu", "GPU", "nonsense", ""])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_device_that_is_not_here(device, dtype):
    assert check_device("cpu", dtype) == "cpu"
    message = f"device='{device}' is no device .* in {dtype} here: pass 'cpu', or"
    with pytest.raises(ValueError, match=message):
        check_device(device, dtype)


def test_it_says_that_there_is_no_gpu(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: None)
    with pytest.raises(ValueError, match=r"torch finds a GPU \(here it finds none\)"):
        check_device("gpu")


def test_it_names_the_gpus_that_there_are(monkeypatch):
    """As on a machine with a GPU that computes in float32 alone."""
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 2)
    monkeypatch.setattr(
        torch.accelerator, "current_accelerator", lambda: torch.device("mps")
    )
    monkeypatch.setattr(
        "sklearn_sed.nn._devices.has_device",
        lambda name, dtype="float32": "mps" in name and dtype == "float32",
    )
    with pytest.raises(ValueError, match="or 'mps' or 'mps:0' or 'mps:1'"):
        check_device("cuda")
    with pytest.raises(ValueError, match="here it finds none"):
        check_device("mps", "float64")


def test_only_what_computes_is_there():
    assert has_device("cpu")
    assert not has_device("meta")
