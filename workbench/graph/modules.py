"""Sorts nodes under the PyTorch modules that their names speak of."""

from __future__ import annotations

from collections.abc import Iterable

import onnx

from workbench.models.onnx_nodes import module_names

NO_MODULE = "(no module)"


def module_of(node: onnx.NodeProto) -> str:
    """The module of a node, or `NO_MODULE`.

    Example:
        >>> module_of(onnx.helper.make_node("Add", ["x", "y"], ["z"], name="/encoder/layer.0/Add"))
        'encoder.layer.0'
    """
    return next(iter(module_names(node)), NO_MODULE)


def fold_modules(modules: Iterable[str], limit: int) -> dict[str, str]:
    """Cuts module paths to the greatest depth at which there are at most `limit` of them.

    Example:
        >>> fold_modules(["encoder.layer.0.query", "encoder.layer.0.key", "head"], 2)
        {'encoder.layer.0.query': 'encoder.layer.0', 'encoder.layer.0.key': 'encoder.layer.0', 'head': 'head'}
    """
    names = list(dict.fromkeys(modules))
    parts = {name: name.split(".") for name in names}
    folded = {name: parts[name][0] for name in names}
    for depth in range(2, max(map(len, parts.values()), default=0) + 1):
        deeper = {name: ".".join(parts[name][:depth]) for name in names}
        if len(set(deeper.values())) > limit:
            break
        folded = deeper
    return folded
