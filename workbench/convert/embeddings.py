"""Embedding tables as int8: a Gather of bytes, and a DequantizeLinear behind it.

The products are left to ONNX Runtime's converter; it does embeddings too, but holds five copies of the table, which
is the largest weight of most models.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import onnx
from onnx import helper, numpy_helper

ROWS = 4096  # of a table, turned at a time


def quantize_embeddings(graph: onnx.GraphProto, names: Iterable[str], weight_type: str) -> None:
    """Turns the tables of these Gather nodes into int8 or uint8, with one scale each; tensors keep their names.

    Args:
        graph: The graph to change.
        names: The Gather nodes.
        weight_type: "int8" or "uint8".

    Example:
        >>> graph = onnx.parser.parse_graph("g (int64[n] ids) => (float[n, 2] y) { y = Gather (table, ids) }")
        >>> graph.initializer.extend([numpy_helper.from_array(np.float32([[0.5, -1], [1, 0]]), "table")])
        >>> graph.node[0].name = "look_up"
        >>> quantize_embeddings(graph, ["look_up"], "int8")
        >>> [node.op_type for node in graph.node], numpy_helper.to_array(graph.initializer[0]).tolist()
        (['Gather', 'DequantizeLinear'], [[64, -127], [127, 0]])
    """
    chosen = set(names)
    tables = {node.input[0] for node in graph.node if node.name in chosen}
    others = {name for node in graph.node if node.name not in chosen for name in node.input}
    shared = {tensor.name: tensor for tensor in graph.initializer if tensor.name in tables & others}
    for tensor in list(graph.initializer):
        if tensor.name in tables:
            _quantize_table(graph, tensor, weight_type, keep=tensor.name in shared)
    nodes = list(graph.node)
    del graph.node[:]
    for node in nodes:
        if node.name not in chosen:
            graph.node.append(node)
            continue
        table, output = node.input[0], node.output[0]
        node.input[0], node.output[0] = f"{table}_quantized", f"{output}_quantized"
        inputs = [node.output[0], f"{table}_scale", f"{table}_zero_point"]
        graph.node.extend(
            [node, helper.make_node("DequantizeLinear", inputs, [output], name=f"{node.name}_dequantize")]
        )


def _quantize_table(
    graph: onnx.GraphProto, tensor: onnx.TensorProto, weight_type: str, *, keep: bool
) -> None:
    table = numpy_helper.to_array(tensor)
    kind = np.int8 if weight_type == "int8" else np.uint8
    if kind is np.int8:
        zero, scale = 0, float(np.abs(table).max()) / 127
    else:
        low, high = min(float(table.min()), 0.0), max(float(table.max()), 0.0)
        scale = (high - low) / 255
        zero = round(-low / scale) if scale else 0
    scale = scale or 1.0
    limits = np.iinfo(kind)
    small = np.empty(table.shape, kind)
    for start in range(0, len(table), ROWS):
        rows = np.rint(table[start : start + ROWS] / np.float32(scale)) + zero
        small[start : start + ROWS] = np.clip(rows, limits.min, limits.max)
    name = tensor.name
    if keep:
        tensor = graph.initializer.add()
    tensor.CopyFrom(numpy_helper.from_array(small, f"{name}_quantized"))
    graph.initializer.append(numpy_helper.from_array(np.array(scale, np.float32), f"{name}_scale"))
    graph.initializer.append(numpy_helper.from_array(np.array(zero, kind), f"{name}_zero_point"))
