"""Finds which modules of a PyTorch model read what which others gave: what a chunk of them needs to run alone."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.compare.torch_side import listen

if TYPE_CHECKING:
    import torch


def find_reads(
    model: Any, feed: Mapping[str, np.ndarray], names: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """For each of some modules, which of the others' tensors it is computed from without another one in between.

    The model runs once with gradients on, and what each module gives is cut off from what made it: so what is left
    of the graph of gradients, which reaches no further than from one tensor to the next, tells. It does not see past
    whole numbers, such as the choice of an expert.

    Args:
        model: A model of floats.
        feed: A sample; a short one tells the same.
        names: The modules' paths.
    """
    import torch

    reads: dict[str, tuple[str, ...]] = {}
    sources: dict[int, str] = {}
    kept: list[torch.Tensor] = []  # the empty marks stay, so that none of their ids is given out again

    def cut(name: str, tensor: torch.Tensor, _: Sequence[Any]) -> torch.Tensor:
        reads[name] = tuple(dict.fromkeys(_find_marks(tensor.grad_fn, sources)))
        mark = torch.zeros((), requires_grad=True, device=tensor.device, dtype=tensor.dtype)
        kept.append(mark)
        sources[id(mark)] = name
        return tensor.detach() + mark

    accepted = inspect.signature(model.forward).parameters
    options = {"return_dict": True} | ({"use_cache": False} if "use_cache" in accepted else {})
    inputs = {}
    for name, array in feed.items():
        if name in accepted:
            tensor = torch.tensor(array, device=model.device)
            inputs[name] = tensor.to(model.dtype) if tensor.is_floating_point() else tensor
    with torch.enable_grad(), listen(model, dict.fromkeys(names, cut)):
        model(**inputs, **options)
    return reads


def _find_marks(node: Any, sources: Mapping[int, str]) -> Iterator[str]:
    """The names of the marks from which a node of the graph of gradients was computed."""
    seen, todo = set(), [node]
    while todo:
        node = todo.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        source = sources.get(id(getattr(node, "variable", None)))
        if source is not None:
            yield source
        todo += [before for before, _ in node.next_functions]
