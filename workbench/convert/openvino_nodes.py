"""Which nodes of an ONNX graph become which operations of OpenVINO's model, and which of these are in int8.

OpenVINO reads an ONNX file into operations of its own: one node may become several. They keep the names of the
tensors, so an operation belongs to the node that writes its tensor, or to the one that the operation works for.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import onnx

PRODUCTS = (
    "MatMul",
    "Convolution",
    "GroupConvolution",
    "ConvolutionBackpropData",
    "GroupConvolutionBackpropData",
    "ScaledDotProductAttention",
)
TABLES = ("Gather",)
ON_THE_WAY = ("Convert", "Multiply", "Subtract", "Transpose", "Reshape", "FakeQuantize")
INT8 = ("i8", "u8")


@dataclasses.dataclass(frozen=True)
class Quantizable:
    """A node that NNCF may put into int8.

    Attributes:
        index: The ONNX node's place in its graph.
        node: The node.
        operations: The friendly names of what it became, in this reading of the file: many are numbered anew in each.
        weighted: Those of them that have a constant weight; of the others both sides are activations.
    """

    index: int
    node: onnx.NodeProto
    operations: tuple[str, ...]
    weighted: tuple[str, ...]


def find_quantizable(model: Any, graph: onnx.GraphProto) -> list[Quantizable]:
    """The nodes that NNCF may put into int8, in the graph's order.

    Args:
        model: What OpenVINO read from the file.
        graph: The file's own graph, every node with a name; without its weights will do.
    """
    owners = _find_owners(model, graph)
    found: dict[int, list[Any]] = {}
    for operation in model.get_ordered_ops():
        name = operation.get_friendly_name()
        if name in owners and (operation.get_type_name() in PRODUCTS or _has_weight(operation)):
            found.setdefault(owners[name], []).append(operation)
    return [
        Quantizable(
            index,
            graph.node[index],
            tuple(operation.get_friendly_name() for operation in operations),
            tuple(operation.get_friendly_name() for operation in operations if _has_weight(operation)),
        )
        for index, operations in sorted(found.items())
    ]


def list_int8(model: Any) -> set[str]:
    """The friendly names of the operations of a quantized model whose weight is in int8."""
    return {
        operation.get_friendly_name()
        for operation in model.get_ops()
        if operation.get_type_name() in (*PRODUCTS, *TABLES)
        and any(weight.get_element_type().get_type_name() in INT8 for weight in _weights(operation))
    }


def _find_owners(model: Any, graph: onnx.GraphProto) -> dict[str, int]:
    """By an operation's friendly name, the index of the ONNX node that it belongs to."""
    makers = {name: index for index, node in enumerate(graph.node) for name in node.output if name}
    owners: dict[str, int] = {}
    for operation in reversed(model.get_ordered_ops()):
        name = operation.get_friendly_name()
        written = {tensor for output in operation.outputs() for tensor in output.get_names()}
        known = [makers[tensor] for tensor in written if tensor in makers]
        if known:
            # Of several names the oldest is its own; the others were left behind by nodes that do nothing.
            owners[name] = _skip_identities(graph.node, makers, min(known))
            continue
        users = [
            target.get_node().get_friendly_name()
            for output in operation.outputs()
            for target in output.get_target_inputs()
        ]
        owner = next((owners[user] for user in users if user in owners), None)
        if owner is not None and operation.get_type_name() != "Constant":
            owners[name] = owner
    return owners


def _skip_identities(nodes: Sequence[onnx.NodeProto], makers: Mapping[str, int], index: int) -> int:
    while nodes[index].op_type == "Identity" and nodes[index].input[0] in makers:
        index = makers[nodes[index].input[0]]
    return index


def _has_weight(operation: Any) -> bool:
    """Whether an operation multiplies by a constant matrix, or looks rows of one up."""
    kind = operation.get_type_name()
    if kind not in (*PRODUCTS, *TABLES):
        return False
    return any(
        len(weight.get_output_shape(0)) > 1 and weight.get_element_type().is_real()
        for weight in _weights(operation)
    )


def _weights(operation: Any) -> Iterator[Any]:
    """The constants that come into an operation, also those that are dequantized on the way."""
    inputs = operation.inputs()
    for port in inputs[:1] if operation.get_type_name() in TABLES else inputs:
        source = port.get_source_output().get_node()
        while source.get_type_name() in ON_THE_WAY:
            source = source.input(0).get_source_output().get_node()
        if source.get_type_name() == "Constant":
            yield source
