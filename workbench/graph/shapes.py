"""The shape of every tensor of a graph at given input shapes, worked out without running it and without weights.

ONNX's own inference knows one operator at a time; here the graph is walked with it in order, integers that make
up shapes are computed on the way, and ONNX Runtime's fused operators, which ONNX has never heard of, are told apart
by a small table. (ONNX's inference over whole graphs stops at the first fused operator.)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.inliner import inline_local_functions
from onnx.reference import ReferenceEvaluator
from onnx.shape_inference import infer_node_outputs

from workbench.graph.fused_shapes import FLOAT_FROM_INTEGERS, FUSED_SHAPES, Shape, same_as_first

SMALL = 64  # elements: a tensor that makes up a shape has a few
FLOAT = onnx.TensorProto.FLOAT


class ShapeWalk:
    """What is known of a graph's tensors after walking it.

    Args:
        model: A model whose inputs have whole numbers as their sizes (`fix_inputs`); weights are not needed.

    Attributes:
        types: Name -> type and shape of every tensor that could be worked out.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self.types: dict[str, onnx.TypeProto] = {}
        self._values: dict[str, np.ndarray] = {}
        self._opsets = list(model.opset_import)
        self._versions = {opset.domain: opset.version for opset in model.opset_import}
        self._ir_version = model.ir_version
        self._walk(model.graph)

    def shape(self, name: str) -> Shape | None:
        """A tensor's shape; None where it is not known whole."""
        found = self.types.get(name)
        if found is None or not found.tensor_type.HasField("shape"):
            return None
        sizes = tuple(
            size.dim_value if size.HasField("dim_value") else -1 for size in found.tensor_type.shape.dim
        )
        return None if -1 in sizes else sizes

    def _walk(self, graph: onnx.GraphProto) -> None:
        for value in graph.input:
            self.types.setdefault(value.name, value.type)
        for tensor in graph.initializer:
            self._add_constant(tensor.name, tensor)
        for sparse in graph.sparse_initializer:
            self.types[sparse.values.name] = make_type(sparse.values.data_type, tuple(sparse.dims))
        said = {value.name: value.type for value in (*graph.value_info, *graph.output)}
        for node in graph.node:
            for name, found in self._infer(node).items():
                if name:
                    self.types[name] = found
            for name in node.output:
                if name and self.shape(name) is None and name in said:
                    self.types[name] = said[name]

    def _infer(self, node: onnx.NodeProto) -> dict[str, onnx.TypeProto]:
        inner = [attribute.g for attribute in node.attribute if attribute.HasField("g")]
        if inner:
            return self._enter(node, inner)
        if node.domain not in ("", "ai.onnx"):
            return self._look_up(node)
        if self._compute(node):
            return {}
        given = [name for name in node.input if name]
        if any(name not in self.types for name in given):
            return {}
        data = {name: numpy_helper.from_array(self._values[name]) for name in given if name in self._values}
        try:
            schema = onnx.defs.get_schema(node.op_type, self._versions.get("", 1), "")
            types = {name: self.types[name] for name in given}
            return infer_node_outputs(
                schema, node, types, data, opset_imports=self._opsets, ir_version=self._ir_version
            )
        except Exception:  # an operator or a combination that ONNX does not know: its shape stays unknown
            return {}

    def _enter(self, node: onnx.NodeProto, graphs: list[onnx.GraphProto]) -> dict[str, onnx.TypeProto]:
        """Walks the graphs inside a node. An `If` gives what its branches give; what a loop gives is not known."""
        for graph in graphs:
            self._walk(graph)
        if node.op_type != "If":
            return {}
        pairs = zip(node.output, graphs[0].output, strict=False)
        return {name: self.types[value.name] for name, value in pairs if value.name in self.types}

    def _compute(self, node: onnx.NodeProto) -> bool:
        """Computes a node whose outputs are a few whole numbers; says whether it could."""
        if node.op_type == "Constant":
            for attribute in node.attribute:
                if attribute.name == "value":
                    self._add_constant(node.output[0], attribute.t)
                    return True
        if node.op_type == "Shape":
            shape = self.shape(node.input[0])
            if shape is None:
                return False
            part = read_attributes(node)
            self._add_value(node.output[0], np.array(shape[part.get("start", 0) : part.get("end")], np.int64))
            return True
        if any(name and name not in self._values for name in node.input):
            return False
        try:
            feed = {name: self._values[name] for name in node.input if name}
            with np.errstate(all="ignore"):
                results = ReferenceEvaluator(_single_node_model(node, feed, self._opsets)).run(None, feed)
        except Exception:  # the reference lacks an operator, or the graph is wrong here
            return False
        if not all(isinstance(value, np.ndarray | np.generic) and value.size <= SMALL for value in results):
            return False
        for name, value in zip(node.output, results, strict=True):
            self._add_value(name, np.asarray(value))
        return True

    def _look_up(self, node: onnx.NodeProto) -> dict[str, onnx.TypeProto]:
        rule = FUSED_SHAPES.get(node.op_type, same_as_first)
        shapes = [self.shape(name) if name else None for name in node.input]
        attributes = read_attributes(node)
        try:
            shape = rule(shapes, attributes)
        except (IndexError, TypeError, KeyError):  # an input that the rule needs is not known
            return {}
        if shape is None or not node.output:
            return {}
        first = self.types[node.input[0]].tensor_type.elem_type
        gives_float = node.op_type in FLOAT_FROM_INTEGERS or first in (
            onnx.TensorProto.INT32,
            onnx.TensorProto.INT64,
        )
        return {node.output[0]: make_type(FLOAT if gives_float else first, shape)}

    def _add_constant(self, name: str, tensor: onnx.TensorProto) -> None:
        self.types[name] = make_type(tensor.data_type, tuple(tensor.dims))
        stored = tensor.data_location != onnx.TensorProto.EXTERNAL
        if stored and tensor.data_type != onnx.TensorProto.STRING and int(np.prod(tensor.dims)) <= SMALL:
            try:
                self._values[name] = numpy_helper.to_array(tensor)
            except (ValueError, TypeError):  # the file lies about its size
                return

    def _add_value(self, name: str, value: np.ndarray) -> None:
        self._values[name] = value
        self.types[name] = make_type(onnx.helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)


def make_type(element: int, shape: Shape) -> onnx.TypeProto:
    """A tensor type of a known shape."""
    return onnx.helper.make_tensor_type_proto(element, shape)


def read_attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """A node's plain attributes by name."""
    return {
        item.name: onnx.helper.get_attribute_value(item) for item in node.attribute if not item.ref_attr_name
    }


def fix_inputs(model: onnx.ModelProto, sizes: Mapping[str, Shape]) -> onnx.ModelProto:
    """A copy in which the inputs have these shapes, and what else the file says of shapes by symbols is dropped."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    if copy.functions:
        copy = inline_local_functions(copy)
    for value in copy.graph.input:
        if value.name in sizes and value.type.HasField("tensor_type"):
            value.type.CopyFrom(make_type(value.type.tensor_type.elem_type, sizes[value.name]))
    return copy


def _single_node_model(
    node: onnx.NodeProto, feed: Mapping[str, np.ndarray], opsets: list[onnx.OperatorSetIdProto]
) -> onnx.ModelProto:
    inputs = [
        onnx.helper.make_tensor_value_info(
            name, onnx.helper.np_dtype_to_tensor_dtype(value.dtype), value.shape
        )
        for name, value in feed.items()
    ]
    outputs = [onnx.helper.make_empty_tensor_value_info(name) for name in node.output]
    return onnx.helper.make_model(
        onnx.helper.make_graph([node], "one", inputs, outputs), opset_imports=opsets
    )
