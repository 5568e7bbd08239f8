"""Where a model is put, and in which precision."""

from __future__ import annotations

import importlib.util
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}
BYTES = {"fp32": 4, "bf16": 2, "fp16": 2}


def read_device(device: object) -> str:
    """Validates a device's name: "cpu", "cuda", "cuda:1" or "auto"; "cpu" for None.

    "auto" stays "auto" only where there are several GPUs to spread over.

    Raises:
        ValueError: There is no such device on this machine.
        ImportError: Spreading over several GPUs needs a package that is not installed.
    """
    import torch

    name = "cpu" if device is None else str(device)
    if not re.fullmatch(r"cpu|auto|cuda(:\d+)?", name):
        raise ValueError(f"device must be 'cpu', 'cuda', 'cuda:<number>' or 'auto', got {device!r}.")
    gpus = torch.cuda.device_count() if name != "cpu" else 0
    if name == "auto":
        if gpus > 1 and importlib.util.find_spec("accelerate") is None:
            raise ImportError(
                "device='auto' needs a package to spread over several GPUs: pip install accelerate"
            )
        return "auto" if gpus > 1 else "cuda" if gpus else "cpu"
    if name.startswith("cuda") and int(name[5:] or 0) >= gpus:
        found = f"{gpus} GPUs" if gpus else "no GPU"
        raise ValueError(f"device={name!r} was given, but PyTorch sees {found}. Use device='cpu' or 'auto'.")
    return name


def read_dtype(dtype: Any, *, also: tuple[str, ...] = ()) -> str:
    """The short name of a precision, however it was written; fp32 for None.

    Args:
        dtype: Its name, or PyTorch's own object.
        also: What else the caller takes; named in the error.

    Raises:
        ValueError: It is none that models are loaded in.

    Example:
        >>> read_dtype("bfloat16")
        'bf16'
    """
    name = "fp32" if dtype is None else str(dtype).removeprefix("torch.")
    for short, long in DTYPES.items():
        if name in (short, long):
            return short
    known = [*DTYPES.values(), *also]
    label = "precision" if also else "dtype"
    raise ValueError(f"{label} must be one of {', '.join(known)}, got {dtype!r}.")


def torch_dtype(precision: str) -> torch.dtype:
    """The torch dtype of "fp32", "bf16" or "fp16"."""
    import torch

    dtype: torch.dtype = getattr(torch, DTYPES[precision])
    return dtype


def place_model(model: PreTrainedModel, precision: str, place: str) -> PreTrainedModel:
    """The model in its precision on its device, ready to be run: eval mode, no gradients."""
    model = model.eval().requires_grad_(False)
    if getattr(model, "hf_device_map", None):  # spread over several devices already, in its precision
        return model
    return model.to(device="cuda" if place == "auto" else place, dtype=torch_dtype(precision))
