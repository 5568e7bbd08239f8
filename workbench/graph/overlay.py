"""Colours for the nodes of a drawn graph: numbers on a scale, or a status each."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Mapping
from typing import Any

import onnx

from workbench.graph.diff_rows import STATUSES
from workbench.graph.files import GraphFile
from workbench.graph.modules import NO_MODULE, module_of
from workbench.graph.names import shorten_name
from workbench.graph.profile_rows import FileProfile, GraphProfile
from workbench.models.onnx_nodes import walk_nodes


def make_overlay(graph: GraphFile, values: Any, *, label: str | None = None) -> dict[str, Any]:
    """Finds the nodes that values belong to.

    Args:
        graph: One ONNX file, as `open_graphs` gives it.
        values: A dict from names to numbers, or a result with an `overlay()` method that gives one. A name is a
            node's, a tensor's (its maker is meant), or a PyTorch module's (all its nodes are meant). Or a dict
            from nodes to the statuses of a `GraphDiff`.
        label: What the numbers are, for the legend.

    Returns:
        What the page takes: node name -> number, the label, and the nodes whose number is infinite, if any are. A
        NaN is no number: its node stays plain.

    Raises:
        TypeError: The values are no such thing.
        ValueError: No name fits any node.

    Example:
        >>> from workbench.graph.files import open_graphs
        >>> graph = next(iter(open_graphs(export_onnx(load_model("random/tiny-bert")))))
        >>> len(make_overlay(graph, {"bert.encoder.layer.0": 0.5}, label="drift")["values"]) > 50
        True
    """
    if hasattr(values, "overlay"):
        if label is None and isinstance(values, GraphProfile | FileProfile):
            label = "ms a run"
        by_file = "file" in inspect.signature(values.overlay).parameters
        values = values.overlay(file=graph.name) if by_file else values.overlay()
    if not isinstance(values, Mapping):
        raise TypeError(
            f"An overlay is a dict from names to numbers, or a result with overlay(); got {type(values).__name__}."
        )
    if values and all(value in STATUSES for value in values.values()):
        return make_status_overlay(values, label=label or "")
    numbers: dict[str, float] = {}
    for name, value in values.items():
        try:
            numbers[str(name)] = float(value)
        except (TypeError, ValueError) as error:
            raise TypeError(f"An overlay's values are numbers; {name!r} has {value!r}.") from error
    found, infinite = {}, []
    for node in walk_nodes(graph.model.graph):
        value = _value_of(node, numbers)
        if value is not None and math.isfinite(value):
            found[node.name] = value
        elif value is not None and math.isinf(value):
            infinite.append(node.name)  # JSON has no such number
    if not found and not infinite:
        given = ", ".join(repr(name) for name in list(numbers)[:3]) or "none"
        raise ValueError(
            f"None of the {len(numbers)} names is in this graph (given: {given}). "
            "Give names of nodes, of tensors or of PyTorch modules."
        )
    overlay: dict[str, Any] = {"values": found, "label": label or ""}
    return overlay | ({"infinite": infinite} if infinite else {})


def make_status_overlay(
    statuses: Mapping[str, str], *, label: str = "", counts: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """Colours by status: node name -> one of `STATUSES`.

    Raises:
        ValueError: A status is none of them.
    """
    unknown = set(statuses.values()) - set(STATUSES)
    if unknown:
        raise ValueError(f"Unknown status {sorted(unknown)[0]!r}. Known: {', '.join(STATUSES)}.")
    overlay: dict[str, Any] = {"statuses": dict(statuses), "label": label}
    return overlay | ({"counts": dict(counts)} if counts is not None else {})


def shorten_overlay(overlay: Mapping[str, Any]) -> dict[str, Any]:
    """The same overlay with the names that the page knows."""
    short = dict(overlay)
    for key in short.keys() & {"values", "statuses"}:
        short[key] = {shorten_name(name): value for name, value in overlay[key].items()}
    if "infinite" in short:
        short["infinite"] = [shorten_name(name) for name in overlay["infinite"]]
    return short


def _value_of(node: onnx.NodeProto, numbers: Mapping[str, float]) -> float | None:
    for name in (node.name, *node.output):
        if name in numbers:
            return numbers[name]
    module = module_of(node)
    for prefix in () if module == NO_MODULE else _prefixes(module):
        if prefix in numbers:
            return numbers[prefix]
    return None


def _prefixes(module: str) -> Iterable[str]:
    """The module and the modules around it, the nearest first."""
    steps = module.split(".")
    return (".".join(steps[:depth]) for depth in range(len(steps), 0, -1))
