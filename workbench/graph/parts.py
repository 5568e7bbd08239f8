"""Parts of a graph that can be drawn one at a time: the modules of one that is too large to be drawn whole."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Sequence

import onnx

from workbench.graph.modules import NO_MODULE, module_of
from workbench.models.onnx_nodes import walk_nodes

DRAWABLE = 2500  # nodes: beyond that a browser takes tens of seconds to lay a graph out
MOST_PARTS = 300  # more are no help in a list
WHOLE = "whole graph"


@dataclasses.dataclass(frozen=True)
class Part:
    """Some nodes of a graph.

    Attributes:
        name: The module's path, `whole graph`, or a range of nodes.
        nodes: Their positions in the graph.
        constants: How many of them are constants, which are drawn inside the nodes that read them.
    """

    name: str
    nodes: tuple[int, ...] = dataclasses.field(repr=False)
    constants: int = 0

    def __str__(self) -> str:
        drawn = len(self.nodes) - self.constants
        inside = f", {self.constants:,} constants inside them" if self.constants else ""
        return f"{self.name} ({drawn:,} node{'' if drawn == 1 else 's'}{inside})"


def list_parts(model: onnx.ModelProto, *, limit: int = DRAWABLE) -> tuple[Part, ...]:
    """The parts that a graph can be drawn in, none with more than `limit` nodes; together they hold every node.

    A graph within the limit comes first as a whole, and its modules after it.

    Example:
        >>> from workbench.models.slim import slim_copy
        >>> model = slim_copy(export_onnx(load_model("random/tiny-bert")).onnx_files[0])
        >>> list_parts(model)[0].name
        'whole graph'
        >>> max(len(part.nodes) for part in list_parts(model, limit=50)) <= 50
        True
    """
    count = len(model.graph.node)
    by_depth: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for index, node in enumerate(model.graph.node):
        module = module_of(node)
        steps = [] if module == NO_MODULE else module.split(".")
        for depth in range(1, len(steps) + 1):
            by_depth[depth][".".join(steps[:depth])].append(index)
    parts = [Part(WHOLE, tuple(range(count)))] if count <= limit else []
    covered = set(range(count)) if parts else set()
    for depth in sorted(by_depth):
        level = [
            Part(name, tuple(nodes)) for name, nodes in by_depth[depth].items() if 1 < len(nodes) <= limit
        ]
        if len(parts) + len(level) > MOST_PARTS:
            break
        parts += level
        covered.update(index for part in level for index in part.nodes)
    rest = [index for index in range(count) if index not in covered]
    constants = {index for index, node in enumerate(model.graph.node) if node.op_type == "Constant"}
    return tuple(
        dataclasses.replace(part, constants=len(constants.intersection(part.nodes)))
        for part in (*_in_order(parts), *_slices(rest, limit))
    )


def partition(model: onnx.ModelProto, *, limit: int = DRAWABLE) -> tuple[Part, ...]:
    """The fewest of `list_parts` that hold every node.

    Example:
        >>> from workbench.models.slim import slim_copy
        >>> model = slim_copy(export_onnx(load_model("random/tiny-bert")).onnx_files[0])
        >>> [part.name for part in partition(model)]
        ['whole graph']
    """
    chosen: list[Part] = []
    taken: set[int] = set()
    for part in sorted(list_parts(model, limit=limit), key=lambda part: -len(part.nodes)):
        if not taken.issuperset(part.nodes):
            chosen.append(part)
            taken.update(part.nodes)
    return tuple(_in_order(chosen))


def find_part(parts: Sequence[Part], node: int) -> Part | None:
    """The largest part that holds the node at this position."""
    holding = [part for part in parts if node in part.nodes]
    return max(holding, key=lambda part: len(part.nodes), default=None)


def extract_part(model: onnx.ModelProto, part: Part) -> onnx.ModelProto:
    """The model cut to a part: what comes from outside are its inputs, what others need its outputs.

    Example:
        >>> from workbench.models.slim import slim_copy
        >>> model = slim_copy(export_onnx(load_model("random/tiny-bert")).onnx_files[0])
        >>> layer = next(part for part in list_parts(model) if part.name.endswith("layer.0"))
        >>> len(extract_part(model, layer).graph.node) == len(layer.nodes)
        True
    """
    graph = model.graph
    if len(part.nodes) == len(graph.node):
        return model
    inside = [graph.node[index] for index in part.nodes]
    chosen = set(part.nodes)
    outside = (node for index, node in enumerate(graph.node) if index not in chosen)
    made = {name for node in inside for name in node.output if name}
    needed = dict.fromkeys(name for name in _consumed(inside) if name and name not in made)
    asked = {*_consumed(outside), *(value.name for value in graph.output)}
    weights = {tensor.name for tensor in graph.initializer}
    weights |= {tensor.values.name for tensor in graph.sparse_initializer}
    types = {value.name: value for value in (*graph.input, *graph.value_info, *graph.output)}

    cut = onnx.ModelProto(ir_version=model.ir_version, opset_import=model.opset_import)
    cut.functions.extend(model.functions)
    cut.graph.name = graph.name
    cut.graph.node.extend(inside)
    cut.graph.initializer.extend(tensor for tensor in graph.initializer if tensor.name in needed)
    cut.graph.sparse_initializer.extend(
        tensor for tensor in graph.sparse_initializer if tensor.values.name in needed
    )
    for names, values in (
        ([name for name in needed if name not in weights], cut.graph.input),
        ([name for node in inside for name in node.output if name in asked], cut.graph.output),
    ):
        values.extend(types.get(name) or onnx.ValueInfoProto(name=name) for name in names)
    cut.graph.value_info.extend(value for value in graph.value_info if value.name in made)
    return cut


def _consumed(nodes: Iterable[onnx.NodeProto]) -> Iterable[str]:
    """What nodes read, also from inside their subgraphs."""
    for node in nodes:
        yield from node.input
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                for nested in walk_nodes(inner):
                    yield from nested.input


def _in_order(parts: Iterable[Part]) -> list[Part]:
    """As they stand in the graph, a module before the modules inside it."""
    return sorted(parts, key=lambda part: (part.nodes[0], -len(part.nodes)) if part.nodes else (0, 0))


def _slices(nodes: list[int], limit: int) -> list[Part]:
    parts = []
    for start in range(0, len(nodes), limit):
        piece = nodes[start : start + limit]
        parts.append(Part(f"other nodes, {piece[0] + 1:,} to {piece[-1] + 1:,}", tuple(piece)))
    return parts
