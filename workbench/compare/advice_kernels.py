"""The kernels that ONNX Runtime really ran, sorted by what they do: `explain` counts and weighs them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import onnx

from workbench.graph.modules import NO_MODULE, module_of
from workbench.graph.names import walk_graphs
from workbench.graph.parameters import type_name
from workbench.graph.profile import INNER as HOLDERS
from workbench.graph.profile_rows import FileProfile, NodeTime
from workbench.models.onnx_nodes import walk_nodes

INT8, FLOAT, PACKED, BETWEEN, QUANTIZE, UNPACK, OTHER = (
    *("int8 product", "float product", "packed product", "product of two activations"),
    *("quantize", "unpack weights", "other"),
)
PRODUCTS = (INT8, FLOAT, PACKED, BETWEEN)
INT8_OPERATORS = {
    *("MatMulInteger", "MatMulInteger16", "DynamicQuantizeMatMul", "MatMulIntegerToFloat"),
    *("QLinearMatMul", "QGemm", "QAttention"),
}
PACKED_OPERATORS = {"MatMulNBits", "MatMulBnb4", "MatMulFpQ4"}
FLOAT_OPERATORS = {"MatMul", "Gemm", "FusedMatMul", "FusedGemm", "TransposeMatMul", "Attention"}
ATTENTION_OPERATORS = {"MultiHeadAttention", "GroupQueryAttention", "DecoderMaskedMultiHeadAttention"}
QUANTIZERS = {"QuantizeLinear", "DynamicQuantizeLinear", "DequantizeLinear"}
# What leaves a weight a weight on its way to the product.
PASSING = {"DequantizeLinear", "Transpose", "Cast", "Identity", "Reshape", "QuantizeLinear"}


@dataclasses.dataclass(frozen=True)
class Kernel:
    """One kernel.

    Attributes:
        file: The file it belongs to.
        node: Its node.
        operator: What really ran.
        module: The PyTorch module it came from; empty where the names do not say.
        kind: What it does, one of the names above.
        ms: Its time in one run.
        weight: The type of its stored weights, such as "int8"; empty where it has none.
        dequantized: Whether the file gives it integer weights through a DequantizeLinear.
    """

    file: str
    node: str
    operator: str
    module: str
    kind: str
    ms: float
    weight: str = ""
    dequantized: bool = False


@dataclasses.dataclass(frozen=True)
class Weight:
    """Where a tensor of weights comes from: the type it is stored in, and whether it is dequantized on the way."""

    type: str
    dequantized: bool = False


def read_kernels(profile: FileProfile, model: onnx.ModelProto) -> tuple[Kernel, ...]:
    """Sorts the kernels of a profile by what the graph says about their nodes.

    Args:
        profile: What ran.
        model: The graph of the same file, every node with a name; its weights may be left out.
    """
    nodes = {node.name: node for node in walk_nodes(model.graph)}
    weights = trace_weights(model)
    tails = _find_tails(model)
    return tuple(
        _sort_kernel(row, nodes.get(row.node) or _find_stem(row, nodes), weights, tails, profile.name)
        for row in profile.rows
        if row.operator not in HOLDERS  # what they hold has rows of its own
    )


def _sort_kernel(
    row: NodeTime,
    node: onnx.NodeProto | None,
    weights: Mapping[str, Weight],
    tails: set[str],
    file: str,
) -> Kernel:
    weight = next(
        (weights[name] for name in (node.input if node is not None else ()) if name in weights), None
    )
    is_product = row.operator in INT8_OPERATORS | PACKED_OPERATORS | FLOAT_OPERATORS
    return Kernel(
        file=file,
        node=row.node,
        operator=row.operator,
        module="" if node is None or module_of(node) == NO_MODULE else module_of(node),
        kind=_kind(row, node, weight, tails),
        ms=row.ms,
        weight=weight.type if weight is not None and is_product else "",
        dequantized=weight is not None and is_product and weight.dequantized,
    )


def _kind(row: NodeTime, node: onnx.NodeProto | None, weight: Weight | None, tails: set[str]) -> str:
    if row.operator in INT8_OPERATORS:
        return INT8
    if row.operator in PACKED_OPERATORS:
        return PACKED
    if row.operator in ATTENTION_OPERATORS:
        return BETWEEN
    if row.operator in FLOAT_OPERATORS:
        if node is not None:
            return FLOAT if weight is not None else BETWEEN
        # Made on loading and named after nothing: two matrices that were fed in are activations.
        return BETWEEN if sum("," in given for given in row.inputs) >= 2 else FLOAT
    if row.operator == "DequantizeLinear" and weight is not None:
        return UNPACK
    if row.operator in QUANTIZERS or row.node in tails:
        return QUANTIZE
    return OTHER


def trace_weights(model: onnx.ModelProto) -> dict[str, Weight]:
    """Every tensor that holds a matrix of weights, whether as it is stored, or transposed, cast or dequantized."""
    found: dict[str, Weight] = {}
    for graph in walk_graphs(model.graph):
        for tensor in graph.initializer:
            if len(tensor.dims) > 1:
                found[tensor.name] = Weight(type_name(tensor.data_type))
    for node in walk_nodes(model.graph):
        constant = next((item.t for item in node.attribute if item.name == "value"), None)
        if node.op_type == "Constant" and constant is not None and len(constant.dims) > 1:
            found[node.output[0]] = Weight(type_name(constant.data_type))
        elif node.op_type in PASSING and node.input and node.input[0] in found:
            origin = found[node.input[0]]
            dequantized = origin.dequantized or node.op_type == "DequantizeLinear"
            found[node.output[0]] = Weight(origin.type, dequantized)
    return found


def _find_tails(model: onnx.ModelProto) -> set[str]:
    """The nodes that bring a MatMulInteger's result back to floats: the Cast, and the Muls with the scales."""
    sums: set[str] = set()
    names: set[str] = set()
    for node in walk_nodes(model.graph):
        if node.op_type == "MatMulInteger":
            sums.update(node.output)
        elif node.op_type == "DynamicQuantizeLinear":
            sums.add(node.output[1])  # the scale
        elif node.op_type in ("Cast", "Mul") and not sums.isdisjoint(node.input):
            names.add(node.name)
            if node.op_type == "Cast":
                sums.update(node.output)
    return names


def _find_stem(row: NodeTime, nodes: Mapping[str, onnx.NodeProto]) -> onnx.NodeProto | None:
    """The node that a fused product is called after: ONNX Runtime appends the name of the fusion to the node's."""
    if row.operator not in FLOAT_OPERATORS | INT8_OPERATORS:
        return None
    stems = [name for name in nodes if row.node.startswith((f"{name}/", f"{name}_"))]
    return nodes[max(stems, key=len)] if stems else None


def count_kernels(kernels: Iterable[Kernel]) -> int:
    """How many different ones: a decoder's step runs those of its file again."""
    return len({(kernel.file, kernel.node) for kernel in kernels})


def sum_ms(kernels: Iterable[Kernel]) -> float:
    """What they take together."""
    return sum(kernel.ms for kernel in kernels)


def name_modules(kernels: Sequence[Kernel], limit: int = 3) -> str:
    """The modules (else the nodes) that take the most of the time, in words."""
    names = list(dict.fromkeys(k.module or k.node for k in sorted(kernels, key=lambda kernel: -kernel.ms)))
    rest = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + rest
