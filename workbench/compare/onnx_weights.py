"""The weights of an ONNX file, for graphs that were cut out of a copy without them."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime as ort

from workbench.graph.files import GraphFile
from workbench.graph.weights import read_weights
from workbench.models.onnx_nodes import walk_nodes


def read_values(file: GraphFile) -> dict[str, ort.OrtValue] | None:
    """What a slim copy left out; None where ONNX Runtime takes some of it from a whole model only."""
    external = onnx.TensorProto.EXTERNAL
    for node in walk_nodes(file.model.graph):
        for attribute in node.attribute:
            inner = (tensor for graph in (attribute.g, *attribute.graphs) for tensor in graph.initializer)
            if any(tensor.data_location == external for tensor in (attribute.t, *attribute.tensors, *inner)):
                return None
    names = [tensor.name for tensor in file.model.graph.initializer if tensor.data_location == external]
    values = {}
    for name, array in read_weights(file.path, names).items():
        if array.dtype.kind not in "fiub":  # bfloat16, 4 bits
            return None
        values[name] = ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array))
    return values if len(values) == len(names) else None


def fill_weights(cut: onnx.ModelProto, whole: onnx.ModelProto, *, twins: str) -> None:
    """Puts the values back into a cut graph.

    Args:
        cut: The graph.
        whole: What it was cut from.
        twins: How the names of tensors end that a node's twin makes.
    """
    tensors = {tensor.name: tensor for tensor in whole.graph.initializer}
    for tensor in cut.graph.initializer:
        tensor.CopyFrom(tensors[tensor.name])
    nodes = {name: node for node in whole.graph.node for name in node.output}
    for node in cut.graph.node:
        original = nodes.get(node.output[0].removesuffix(twins))
        if original is not None:
            del node.attribute[:]
            node.attribute.extend(original.attribute)
