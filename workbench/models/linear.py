"""Which modules of a PyTorch model are plain matrix products with weights: what PyTorch's int8 is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.errors import ConvertError

if TYPE_CHECKING:
    import torch

    from workbench.models.source import Source

BYTES_PER_CHANNEL = 16  # a scale and a zero point for each row of an int8 weight, as PyTorch keeps them


def find_linear(model: torch.nn.Module) -> dict[str, torch.nn.Module]:
    """The Linear layers of a model, GPT-2's Conv1D among them, by name; one that has several names under each.

    Classes derived from Linear are left out: they do something else besides.

    Example:
        >>> list(find_linear(load_model("random/tiny-bert").model))[-1]
        'qa_outputs'
    """
    import torch
    from transformers.pytorch_utils import Conv1D

    return {
        name: module
        for name, module in model.named_modules(remove_duplicate=False)
        if type(module) in (torch.nn.Linear, Conv1D)
    }


def check_int8(source: Source, compiled: bool) -> None:
    """Refuses what PyTorch's int8 cannot be made of.

    Raises:
        ValueError: The model is not fp32 on the CPU, or it is to be compiled as well.
        ConvertError: It has no Linear layer.
    """
    if compiled:
        raise ValueError(
            "int8 cannot be compiled: PyTorch's compiler does not see into its int8 layers. "
            "Take as_variant('int8'), or as_variant('bf16', compiled=True)."
        )
    device = source.model.device.type
    if source.origin.dtype != "fp32" or device != "cpu":
        raise ValueError(
            f"PyTorch's int8 is made from fp32 weights on the CPU, and this model is {source.origin.dtype} on "
            f"{device}. Load it once more: load_model({source.origin.source!r}).as_variant('int8')."
        )
    if not find_linear(source.model):
        raise ConvertError(
            f"PyTorch's int8 is for Linear layers, and {type(source.model).__name__} has none. "
            "Export it and try quantize_dynamic."
        )


def owned_weights(model: torch.nn.Module) -> list[torch.Tensor]:
    """The weights that belong to Linear layers alone: what is not needed any more once those are int8.

    A weight that is tied to an embedding stays, since the embedding stays as it is.
    """
    linear = {id(module) for module in find_linear(model).values()}
    others = {
        id(parameter)
        for module in model.modules()
        for name, parameter in module.named_parameters(recurse=False)
        if id(module) not in linear or name != "weight"
    }
    weights = {id(module.weight): module.weight for module in find_linear(model).values()}
    return [weight for key, weight in weights.items() if key not in others]


def size_as_int8(model: torch.nn.Module) -> int:
    """The bytes of a model whose Linear layers are int8, with a scale for every channel; the rest stays as it is."""
    whole = sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())
    replaced = sum(weight.numel() * weight.element_size() for weight in owned_weights(model))
    layers = {id(module): module for module in find_linear(model).values()}.values()
    # The weight of a Conv1D lies the other way round: its bias tells the channels of both.
    small = sum(layer.weight.numel() + BYTES_PER_CHANNEL * _count_channels(layer) for layer in layers)
    return whole - replaced + small


def _count_channels(layer: torch.nn.Module) -> int:
    return int(getattr(layer, "nf", 0) or layer.out_features)
