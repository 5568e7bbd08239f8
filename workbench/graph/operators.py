"""Which operators are fused, and which compute with quantized numbers."""

from __future__ import annotations

import onnx

from workbench.graph.parameters import QUANTIZED_OPERATORS
from workbench.models.onnx_nodes import STANDARD_FUSED


def is_fused(node: onnx.NodeProto) -> bool:
    """Whether an operator stands for several simple ones: ONNX Runtime's own, or ONNX's counterparts of them."""
    return node.op_type in STANDARD_FUSED or (node.domain not in ("", "ai.onnx") and not is_quantized(node))


def is_quantized(node: onnx.NodeProto) -> bool:
    """Whether an operator quantizes, or computes with what was quantized."""
    return node.op_type in QUANTIZED_OPERATORS
