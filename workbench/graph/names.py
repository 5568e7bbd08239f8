"""Makes a graph safe to draw: no name is endless, and what the viewer chokes on is gone.

The names of a model come from whoever made it. The page shows short ones, and `full_name` leads back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import onnx

LONGEST = 200  # characters: module paths are shorter, and a box of this width is still a box


def shorten_name(name: str) -> str:
    """The name as the page shows it: itself, or its beginning and a mark that tells it from others.

    Example:
        >>> shorten_name("/encoder/layer.0/Add")
        '/encoder/layer.0/Add'
        >>> len(shorten_name("x" * 10_000))
        200
    """
    if len(name) <= LONGEST:
        return name
    mark = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:8]
    return f"{name[: LONGEST - len(mark) - 1]}…{mark}"


def tidy_graph(model: onnx.ModelProto) -> dict[str, str]:
    """Shortens endless names and drops a producer's name that Netron would refuse, in place.

    Returns:
        Short name -> full name, for the names that were shortened.
    """
    full: dict[str, str] = {}

    def shorten(name: str) -> str:
        short = shorten_name(name)
        if short != name:
            full[short] = name
        return short

    for graph in walk_graphs(model.graph):
        graph.name = shorten(graph.name)
        for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
            value.name = shorten(value.name)
        for value in (*graph.input, *graph.output, *graph.value_info):
            for axis in value.type.tensor_type.shape.dim:
                if axis.dim_param:
                    axis.dim_param = shorten(axis.dim_param)
        for sparse in graph.sparse_initializer:
            sparse.values.name = shorten(sparse.values.name)
        for node in graph.node:
            node.name, node.op_type, node.domain = map(shorten, (node.name, node.op_type, node.domain))
            node.input[:] = [shorten(name) for name in node.input]
            node.output[:] = [shorten(name) for name in node.output]
    for function in model.functions:
        function.name, function.domain = shorten(function.name), shorten(function.domain)
    model.producer_name = "".join(char for char in model.producer_name if " " <= char <= "~")[:LONGEST]
    model.producer_version = "".join(char for char in model.producer_version if " " <= char <= "~")[:LONGEST]
    return full


def walk_graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """A graph and the graphs inside its nodes."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                if inner.node:
                    yield from walk_graphs(inner)
