"""Nodes of an ONNX graph: walking them all, naming them, and the PyTorch modules that they came from."""

from __future__ import annotations

from collections.abc import Iterator

import onnx

# ONNX's own operators that stand for several simple ones, as ONNX Runtime's in domains of their own do.
STANDARD_FUSED = (
    "Attention",
    "Gelu",
    "GroupNormalization",
    "LayerNormalization",
    "RMSNormalization",
    "RotaryEmbedding",
)


def walk_nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """All nodes of a graph and of the graphs inside its nodes."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from walk_nodes(inner)


def name_nodes(graph: onnx.GraphProto) -> None:
    """Gives a name to every node that has none, the same ones each time, since nodes are chosen by name."""
    for index, node in enumerate(graph.node):
        if not node.name:
            node.name = f"{node.op_type}_{index}"


def module_names(node: onnx.NodeProto) -> tuple[str, ...]:
    """The PyTorch modules that a node's names speak of, innermost first; empty where they speak of none.

    The exporter names nodes and tensors after the module path (`/encoder/layer.0/query/MatMul`), and optimizing
    and quantizing keep the tensors' names, so a fused node is still found by what it writes.

    Example:
        >>> module_names(onnx.helper.make_node("MatMul", ["x"], ["/layer.0/query/MatMul_output_0"], name="fused_7"))
        ('layer.0.query',)
    """
    found = []
    for name in (node.name, *node.output):
        if name.startswith("/") and name.count("/") > 1:
            found.append(name.strip("/").rpartition("/")[0].replace("/", "."))
    return tuple(dict.fromkeys(found))
