"""The weights of a graph: how many, of which type, and which of them are quantized. Values are not needed."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

import onnx

from workbench.graph.shapes import read_attributes
from workbench.models.onnx_nodes import walk_nodes

T = onnx.TensorProto
BITS: dict[int, int] = {
    T.INT2: 2,
    T.UINT2: 2,
    T.INT4: 4,
    T.UINT4: 4,
    T.FLOAT4E2M1: 4,
    T.FLOAT6E2M3: 6,
    T.FLOAT6E3M2: 6,
}
PLAIN_FLOATS = {T.FLOAT, T.FLOAT16, T.BFLOAT16, T.DOUBLE}
INDICES = {T.INT64, T.UINT64, T.BOOL, T.STRING, T.UINT32, T.UNDEFINED, T.COMPLEX64, T.COMPLEX128}

# Where quantized operators take weights in integers, and where the scales and zero points that belong to them.
WEIGHTS: dict[str, tuple[int, ...]] = {
    "DequantizeLinear": (0,),
    "MatMulInteger": (0, 1),
    "ConvInteger": (0, 1),
    "QLinearMatMul": (0, 3),
    "QLinearConv": (0, 3, 8),
    "QLinearAdd": (0, 3),
    "QLinearMul": (0, 3),
    "QGemm": (0, 3, 6),
    "DynamicQuantizeMatMul": (1,),
    "MatMulIntegerToFloat": (0, 1),
    "MatMulNBits": (1,),
    "QAttention": (1,),
    "QEmbedLayerNormalization": (2, 3, 4, 5, 6),
    "GatherBlockQuantized": (0,),
}
HELPERS: dict[str, tuple[int, ...]] = {
    "QuantizeLinear": (1, 2),
    "DequantizeLinear": (1, 2),
    "MatMulInteger": (2, 3),
    "ConvInteger": (2, 3),
    "QLinearMatMul": (1, 2, 4, 5, 6, 7),
    "QLinearConv": (1, 2, 4, 5, 6, 7),
    "QLinearAdd": (1, 2, 4, 5, 6, 7),
    "QLinearMul": (1, 2, 4, 5, 6, 7),
    "QGemm": (1, 2, 4, 5, 7, 8),
    "DynamicQuantizeMatMul": (2, 3),
    "MatMulIntegerToFloat": (2, 3, 4, 5),
    "MatMulNBits": (2, 3, 4),
    "QAttention": (3, 4, 6, 7),
    "QEmbedLayerNormalization": tuple(range(8, 18)),
    "GatherBlockQuantized": (2, 3),
}
QUANTIZED_OPERATORS = {*WEIGHTS, *HELPERS, "DynamicQuantizeLinear"}


@dataclasses.dataclass(frozen=True)
class Weight:
    """One constant of a graph.

    Attributes:
        name: Its name in the graph.
        type: Its data type, such as "float32", "int8" or "int4".
        elements: How many numbers it holds.
        bytes: What they take in the file.
        role: "parameter", "quantized parameter", "scale or zero point", or "constant" (shapes, indices, masks).
        user: The first node that takes it; None where none does.
    """

    name: str
    type: str
    elements: int
    bytes: int
    role: str
    user: onnx.NodeProto | None = dataclasses.field(repr=False, compare=False)


def list_weights(graph: onnx.GraphProto) -> list[Weight]:
    """Every constant of a graph and of the graphs inside it."""
    users: dict[str, list[tuple[onnx.NodeProto, int]]] = {}
    for node in walk_nodes(graph):
        for position, name in enumerate(node.input):
            users.setdefault(name, []).append((node, position))
    tensors = list(_constants(graph))
    names = {name for name, *_ in tensors}
    return [
        _describe(name, element, dims, users.get(name, []), names, own)
        for name, element, dims, own in dict((item[0], item) for item in tensors).values()
    ]


def type_name(element: int) -> str:
    """A data type's name, as numpy writes it.

    Example:
        >>> type_name(onnx.TensorProto.FLOAT), type_name(onnx.TensorProto.UINT4)
        ('float32', 'uint4')
    """
    try:
        name = onnx.TensorProto.DataType.Name(element).lower()
    except ValueError:
        return f"type {element}"
    return {"float": "float32", "double": "float64"}.get(name, name)


def _constants(graph: onnx.GraphProto) -> Iterator[tuple[str, int, tuple[int, ...], bool]]:
    """Name, type and shape of each constant, and whether the graph keeps it as an initializer."""
    for tensor in graph.initializer:
        yield tensor.name, tensor.data_type, tuple(tensor.dims), True
    for sparse in graph.sparse_initializer:
        yield sparse.values.name, sparse.values.data_type, tuple(sparse.values.dims), True
    for node in graph.node:
        for attribute in node.attribute:
            if node.op_type == "Constant" and attribute.name == "value" and node.output:
                yield node.output[0], attribute.t.data_type, tuple(attribute.t.dims), False
            for inner in (attribute.g, *attribute.graphs):
                yield from _constants(inner)


def _describe(
    name: str,
    element: int,
    dims: tuple[int, ...],
    users: list[tuple[onnx.NodeProto, int]],
    names: set[str],
    initializer: bool,
) -> Weight:
    elements = math.prod(dims)
    user = users[0][0] if users else None
    size = math.ceil(elements * _bits(element) / 8)
    role, label = _role(name, element, dims, users, names, initializer), type_name(element)
    if user is not None and user.op_type == "MatMulNBits" and users[0][1] == 1:
        attributes = read_attributes(user)  # its weights are packed into bytes
        bits = attributes.get("bits", 4)
        elements, label = attributes["N"] * attributes["K"], f"int{bits}"
    return Weight(name, label, elements, size, role, user)


def _bits(element: int) -> int:
    if element in BITS:
        return BITS[element]
    if element in (T.STRING, T.UNDEFINED):
        return 0
    try:
        return onnx.helper.tensor_dtype_to_np_dtype(element).itemsize * 8
    except (KeyError, ValueError, TypeError):  # a type of tomorrow
        return 0


def _role(
    name: str,
    element: int,
    dims: tuple[int, ...],
    users: list[tuple[onnx.NodeProto, int]],
    names: set[str],
    initializer: bool,
) -> str:
    stem, _, suffix = name.rpartition("_scale")
    if any(position in HELPERS.get(node.op_type, ()) for node, position in users) or (
        not suffix and f"{stem}_quantized" in names
    ):
        return "scale or zero point"
    if element in PLAIN_FLOATS:
        # A single number is an epsilon or a square root far more often than something that was learned.
        return "parameter" if initializer and dims else "constant"
    if element in INDICES:
        return "constant"
    quantized = any(position in WEIGHTS.get(node.op_type, ()) for node, position in users)
    wide = element in (T.INT32, T.INT16, T.UINT16)
    return "quantized parameter" if quantized or (len(dims) > 1 and not wide) else "constant"
