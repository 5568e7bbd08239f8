"""Estimated multiply-adds of a graph's nodes, from the shapes of their tensors."""

from __future__ import annotations

import math
from collections.abc import Callable

import onnx

from workbench.graph.fused_shapes import Shape
from workbench.graph.shapes import ShapeWalk, read_attributes

COUNTED = "matrix products, convolutions, attention, einsum and recurrent layers"
NOTE = f"Multiply-adds are those of {COUNTED}; what works element by element, normalizes or moves data is not counted."


def count_multiply_adds(node: onnx.NodeProto, walk: ShapeWalk) -> int | None:
    """The multiply-adds of one run of a node.

    Returns:
        0 for an operator whose cost is not counted, None for one whose shapes are not known.

    Example:
        >>> model = onnx.parser.parse_model('''<ir_version: 8, opset_import: ["": 18]>
        ...     product (float[2, 7, 64] x, float[64, 16] w) => (float[2, 7, 16] y) { y = MatMul(x, w) }''')
        >>> count_multiply_adds(model.graph.node[0], ShapeWalk(model)) == 2 * 7 * 64 * 16
        True
    """
    rule = RULES.get(node.op_type)
    if rule is None:
        return 0
    try:
        return rule(node, walk)
    except (IndexError, KeyError, TypeError, ValueError):  # an input is missing, or its shape is not known
        return None


def _shape(node: onnx.NodeProto, walk: ShapeWalk, index: int) -> Shape:
    shape = walk.shape(node.input[index])
    if shape is None:
        raise TypeError(f"the shape of {node.input[index]} is not known")
    return shape


def _out(node: onnx.NodeProto, walk: ShapeWalk) -> Shape:
    shape = walk.shape(node.output[0])
    if shape is None:
        raise TypeError(f"the shape of {node.output[0]} is not known")
    return shape


def _product(left: int = 0) -> Callable[[onnx.NodeProto, ShapeWalk], int]:
    def rule(node: onnx.NodeProto, walk: ShapeWalk) -> int:
        shape = _shape(node, walk, left)
        depth = shape[-2] if read_attributes(node).get("transA") else shape[-1]
        return math.prod(_out(node, walk)) * depth

    return rule


def _convolution(weight: int = 1) -> Callable[[onnx.NodeProto, ShapeWalk], int]:
    def rule(node: onnx.NodeProto, walk: ShapeWalk) -> int:
        return math.prod(_out(node, walk)) * math.prod(_shape(node, walk, weight)[1:])

    return rule


def _transposed_convolution(node: onnx.NodeProto, walk: ShapeWalk) -> int:
    return math.prod(_shape(node, walk, 0)) * math.prod(_shape(node, walk, 1)[1:])


def _fused_attention(node: onnx.NodeProto, walk: ShapeWalk) -> int:
    """ONNX Runtime's Attention: the projection of queries, keys and values, then the two products."""
    if node.domain in ("", "ai.onnx"):
        return _attention(node, walk)
    batch, length, hidden = _shape(node, walk, 0)
    projected = _shape(node, walk, 1)[-1]
    sizes = read_attributes(node).get("qkv_hidden_sizes") or [projected // 3] * 3
    past = 8 if node.op_type == "QAttention" else 4
    total = length
    if len(node.input) > past and node.input[past]:
        total += _shape(node, walk, past)[-2]
    return batch * length * (hidden * projected + total * (sizes[1] + sizes[2]))


def _attention(node: onnx.NodeProto, walk: ShapeWalk) -> int:
    """Attention over queries, keys and values that are projected already: two products."""
    query, keys = _shape(node, walk, 0), _shape(node, walk, 1)
    attributes = read_attributes(node)
    past = {"MultiHeadAttention": 6, "GroupQueryAttention": 3}.get(node.op_type, 4)
    total = keys[-2]
    if len(node.input) > past and node.input[past]:
        total += _shape(node, walk, past)[-2]
    if len(query) == 4:  # batch, heads, length, size of a head
        value = _shape(node, walk, 2)[-1] if len(node.input) > 2 and node.input[2] else query[-1]
        return math.prod(query[:3]) * total * (query[-1] + value)
    batch, length, width = query
    if node.op_type == "GroupQueryAttention" and not node.input[1]:  # queries, keys and values in one tensor
        heads, groups = attributes["num_heads"], attributes["kv_num_heads"]
        width = width * heads // (heads + 2 * groups)
    return batch * length * total * 2 * width


def _einsum(node: onnx.NodeProto, walk: ShapeWalk) -> int:
    terms = read_attributes(node)["equation"].decode().replace(" ", "").split("->")[0].split(",")
    sizes: dict[str, int] = {}
    for index, term in enumerate(terms):
        if "." in term:
            raise ValueError("an ellipsis is not counted")
        sizes.update(zip(term, _shape(node, walk, index), strict=True))
    return math.prod(sizes.values())


def _recurrent(node: onnx.NodeProto, walk: ShapeWalk) -> int:
    steps, batch = _shape(node, walk, 0)[:2]
    return steps * batch * (math.prod(_shape(node, walk, 1)) + math.prod(_shape(node, walk, 2)))


RULES: dict[str, Callable[[onnx.NodeProto, ShapeWalk], int]] = {
    **dict.fromkeys(
        "MatMul Gemm MatMulInteger MatMulInteger16 FusedMatMul FusedGemm DynamicQuantizeMatMul "
        "MatMulIntegerToFloat MatMulNBits QLinearMatMul QGemm".split(),
        _product(),
    ),
    **dict.fromkeys("Conv ConvInteger FusedConv NhwcFusedConv".split(), _convolution()),
    "QLinearConv": _convolution(3),
    "ConvTranspose": _transposed_convolution,
    "Attention": _fused_attention,
    "QAttention": _fused_attention,
    "MultiHeadAttention": _attention,
    "GroupQueryAttention": _attention,
    "Einsum": _einsum,
    **dict.fromkeys("LSTM GRU RNN".split(), _recurrent),
}
