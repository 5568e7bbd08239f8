"""Shapes that ONNX Runtime's fused operators give, which ONNX has never heard of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Shape = tuple[int, ...]
Known = list[Shape | None]


def same_as_first(shapes: Known, _: Mapping[str, Any]) -> Shape | None:
    """The rule for most of them: elementwise, normalizing, activating."""
    return shapes[0]


def multiply_shapes(left: Shape, right: Shape) -> Shape:
    """The shape of a matrix product.

    Example:
        >>> multiply_shapes((2, 7, 64), (64, 16))
        (2, 7, 16)
    """
    if len(right) == 1:
        return left[:-1]
    rows = left[-2:-1] if len(left) > 1 else ()
    return (*np.broadcast_shapes(left[:-2], right[:-2]), *rows, right[-1])


def _product(left: int = 0, right: int = 1) -> Callable[[Known, Mapping[str, Any]], Shape | None]:
    def rule(shapes: Known, attributes: Mapping[str, Any]) -> Shape | None:
        a, b = shapes[left], shapes[right]
        if a is None or b is None:
            return None
        a = (*a[:-2], a[-1], a[-2]) if attributes.get("transA") else a
        b = (*b[:-2], b[-1], b[-2]) if attributes.get("transB") else b
        return multiply_shapes(a, b)

    return rule


def _attention(shapes: Known, attributes: Mapping[str, Any]) -> Shape | None:
    states, weight = shapes[0], shapes[1]
    if states is None or weight is None:
        return None
    sizes = attributes.get("qkv_hidden_sizes")
    return (*states[:2], sizes[2] if sizes else weight[-1] // 3)


def _packed_product(shapes: Known, attributes: Mapping[str, Any]) -> Shape | None:
    return None if shapes[0] is None else (*shapes[0][:-1], attributes["N"])


def _embed(shapes: Known, _: Mapping[str, Any]) -> Shape | None:
    ids, words = shapes[0], shapes[2]
    return None if ids is None or words is None else (*ids, words[-1])


def _gather(shapes: Known, _: Mapping[str, Any]) -> Shape | None:
    data, indices = shapes[0], shapes[1]
    return None if data is None or indices is None else (*indices, *data[1:])


# The first output of each fused operator that does not simply look like its first input.
FUSED_SHAPES: dict[str, Callable[[Known, Mapping[str, Any]], Shape | None]] = {
    "Attention": _attention,
    "QAttention": _attention,
    "DynamicQuantizeMatMul": _product(),
    "MatMulIntegerToFloat": _product(),
    "MatMulInteger16": _product(),
    "FusedMatMul": _product(),
    "FusedGemm": _product(),
    "QGemm": _product(0, 3),
    "QLinearMatMul": _product(0, 3),
    "MatMulNBits": _packed_product,
    "EmbedLayerNormalization": _embed,
    "QEmbedLayerNormalization": _embed,
    "GatherBlockQuantized": _gather,
}
FLOAT_FROM_INTEGERS = {
    "QAttention",
    "MatMulIntegerToFloat",
    "DequantizeLinear",
    "EmbedLayerNormalization",
    "QEmbedLayerNormalization",
    "GatherBlockQuantized",
}
