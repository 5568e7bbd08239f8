"""PyTorch's own int8: the weights of Linear layers are quantized once, what they multiply is quantized call by call.

It runs on the CPU alone. Weights have a scale for each channel. PyTorch uses seven of the eight bits of what they
multiply: with all eight, CPUs without VNNI would overflow, and it does not ask which CPU it is on.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from workbench.errors import ConvertError, first_line
from workbench.machine import cpu_features
from workbench.models.linear import find_linear, owned_weights
from workbench.quiet import quiet

# onednn knows AMX and is three times as fast there; without VNNI its int8 is slow, and x86 leaves it to FBGEMM.
WITH_VNNI = ("onednn", "x86", "fbgemm", "qnnpack")
WITHOUT = ("x86", "fbgemm", "qnnpack", "onednn")


def copy_as_int8(model: Any) -> Any:
    """A copy of an fp32 model whose Linear layers are int8; the weights that those replace are not copied.

    Raises:
        ConvertError: This PyTorch cannot do it.
    """
    shared = {id(weight): weight for weight in owned_weights(model)}
    return make_int8(copy.deepcopy(model, shared))


def make_int8(model: Any) -> Any:
    """Makes the Linear layers of a model int8, in place and one after the other, so that memory only shrinks.

    Raises:
        ConvertError: This PyTorch cannot do it.
    """
    made: dict[int, Any] = {}
    with quiet(), _engine():
        for name, module in find_linear(model).items():
            if id(module) not in made:
                made[id(module)] = _quantize(module)
                module.weight = None  # frees it at once
            parent, _, own = name.rpartition(".")
            setattr(model.get_submodule(parent), own, made[id(module)])
    return model


def int8_names(model: Any) -> frozenset[str]:
    """The layers of a model that are int8 already."""
    int8 = sys.modules.get("torch.ao.nn.quantized.dynamic")
    if int8 is None:  # not imported, so nobody has made any
        return frozenset()
    return frozenset(name for name, module in model.named_modules() if isinstance(module, int8.Linear))


def _quantize(module: Any) -> Any:
    """The int8 layer that stands for a Linear or a Conv1D."""
    import torch
    from torch.ao.quantization import per_channel_dynamic_qconfig, quantize_dynamic

    linear = module if type(module) is torch.nn.Linear else _as_linear(module)
    try:
        whole = quantize_dynamic(
            torch.nn.Sequential(linear), {torch.nn.Linear: per_channel_dynamic_qconfig}, inplace=True
        )
    except (RuntimeError, NotImplementedError) as error:
        raise ConvertError(
            f"PyTorch could not make a Linear layer int8 here: {first_line(error)} Export the model and take "
            "quantize_dynamic instead."
        ) from error
    return whole[0]


def _as_linear(module: Any) -> Any:
    """A Conv1D of transformers as the Linear that it is; its weight lies the other way round."""
    import torch

    rows, columns = module.weight.shape
    linear = torch.nn.Linear(rows, columns, device="meta")
    linear.weight = torch.nn.Parameter(module.weight.t().contiguous(), requires_grad=False)
    linear.bias = module.bias
    return linear.eval()


@contextmanager
def _engine() -> Iterator[None]:
    """The fastest of PyTorch's int8 engines for this CPU; an int8 layer keeps to the engine that it was made with.

    Raises:
        ConvertError: There is none.
    """
    import torch

    try:
        import torch.ao.quantization
    except ImportError as error:
        raise ConvertError(
            f"PyTorch {torch.__version__} has no dynamic quantization of its own any more (torch.ao.quantization). "
            "Export the model and take quantize_dynamic instead."
        ) from error
    known = torch.backends.quantized.supported_engines
    chosen = choose_engine(known, cpu_features())
    if chosen is None:
        raise ConvertError(
            f"PyTorch {torch.__version__} has no int8 for this machine (its engines: {', '.join(known) or 'none'}). "
            "Export the model and take quantize_dynamic instead."
        )
    before = torch.backends.quantized.engine
    torch.backends.quantized.engine = chosen
    try:
        yield
    finally:
        torch.backends.quantized.engine = before


def choose_engine(known: list[str], features: tuple[str, ...]) -> str | None:
    """The engine to take of those that PyTorch was built with; None where none of them is for int8.

    Example:
        >>> choose_engine(["qnnpack", "onednn", "x86", "fbgemm"], ("avx2", "avx512_vnni"))
        'onednn'
        >>> choose_engine(["qnnpack", "onednn", "x86", "fbgemm"], ("avx2",))
        'x86'
    """
    fast = {"avx_vnni", "avx512_vnni", "amx_int8"} & set(features)
    return next((engine for engine in (WITH_VNNI if fast else WITHOUT) if engine in known), None)
