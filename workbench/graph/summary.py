"""`summarize_graph`: what an ONNX graph is made of, read without its weights and without running it."""

from __future__ import annotations

import collections
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import onnx

from workbench.graph.costs import NOTE, count_multiply_adds
from workbench.graph.files import GraphFile, open_graphs
from workbench.graph.modules import NO_MODULE, module_of
from workbench.graph.operators import is_fused, is_quantized
from workbench.graph.parameters import Weight, list_weights, type_name
from workbench.graph.shapes import ShapeWalk, fix_inputs
from workbench.graph.sizes import check_shapes, choose_sizes, list_inputs, read_axes
from workbench.graph.summary_rows import (
    FileSummary,
    GraphSummary,
    ModuleRow,
    OperatorRow,
    TensorRow,
    WeightRow,
)
from workbench.models.onnx_nodes import walk_nodes
from workbench.models.variant import Variant

if TYPE_CHECKING:
    from workbench.models.source import Source


def summarize_graph(
    variant: Variant | Source | str | Path, *, shapes: Mapping[str, Sequence[int] | int] | None = None
) -> GraphSummary:
    """Says what an ONNX graph is made of: operators, weights, inputs, what is fused, quantized, and what it costs.

    The weights are not read, so that this takes no memory to speak of.

    Args:
        variant: An ONNX variant, its folder, or any `.onnx` file.
        shapes: The sizes at which the multiply-adds are estimated: an input's name and its shape, or an axis's
            name and its size. None takes those of the variant's first sample input.

    Returns:
        A summary of every file of the variant.

    Raises:
        ValueError: The variant is PyTorch, or `shapes` does not fit the graph.
        VariantError: A file is damaged.

    Example:
        >>> summary = summarize_graph(export_onnx(load_model("random/tiny-bert")))
        >>> summary.files[0].count("MatMul"), summary.quantized_share
        (17, 0.0)
    """
    graphs = open_graphs(variant)
    files = sorted(
        graphs, key=lambda file: not file.name.startswith("encoder")
    )  # a decoder is fed its states
    check_shapes(shapes, [file.model.graph for file in files])
    states = None
    summaries = []
    for file in files:
        sizes, symbols, guessed = choose_sizes(
            file.model.graph, file_name=file.name, variant=graphs.variant, shapes=shapes, states=states
        )
        walk = ShapeWalk(fix_inputs(file.model, sizes))
        summaries.append(_summarize_file(file, walk, symbols, guessed))
        if file.name.startswith("encoder") and file.model.graph.output:
            states = walk.shape(file.model.graph.output[0].name)
    return GraphSummary(graphs.title, tuple(summaries))


def _summarize_file(
    file: GraphFile, walk: ShapeWalk, symbols: Mapping[str, int], guessed: tuple[str, ...]
) -> FileSummary:
    model, graph = file.model, file.model.graph
    nodes = list(walk_nodes(graph))
    costs = {node.name: count_multiply_adds(node, walk) for node in nodes}
    weights = list_weights(graph)
    return FileSummary(
        name=file.name,
        bytes=file.bytes,
        nodes=len(nodes),
        producer=f"{model.producer_name} {model.producer_version}".strip(),
        ir_version=model.ir_version,
        opsets={opset.domain or "ai.onnx": opset.version for opset in model.opset_import},
        functions=len(model.functions),
        inputs=tuple(_describe(value) for value in list_inputs(graph)),
        outputs=tuple(_describe(value) for value in graph.output),
        operators=_count_operators(nodes, costs),
        weights=_count_weights(weights),
        modules=_group_modules(nodes, weights, costs),
        multiply_adds=sum(cost or 0 for cost in costs.values()),
        sizes=dict(symbols),
        guessed=guessed,
        unknown=tuple(name for name, cost in costs.items() if cost is None),
        note=NOTE,
    )


def _describe(value: onnx.ValueInfoProto) -> TensorRow:
    kind = value.type.WhichOneof("value") or "nothing"
    if kind in ("tensor_type", "sparse_tensor_type"):
        label = type_name(getattr(value.type, kind).elem_type)
        return TensorRow(value.name, label if kind == "tensor_type" else f"sparse {label}", read_axes(value))
    return TensorRow(value.name, kind.removesuffix("_type"), None)


def _count_operators(
    nodes: Sequence[onnx.NodeProto], costs: Mapping[str, int | None]
) -> tuple[OperatorRow, ...]:
    groups: dict[tuple[str, str], list[onnx.NodeProto]] = {}
    for node in nodes:
        groups.setdefault((node.op_type, node.domain or "ai.onnx"), []).append(node)
    rows = [
        OperatorRow(
            operator=operator,
            domain=domain,
            count=len(group),
            fused=is_fused(group[0]),
            quantized=is_quantized(group[0]),
            multiply_adds=sum(costs[node.name] or 0 for node in group),
        )
        for (operator, domain), group in groups.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.count, row.operator)))


def _count_weights(weights: Sequence[Weight]) -> tuple[WeightRow, ...]:
    groups: dict[tuple[str, str], list[Weight]] = {}
    for weight in weights:
        groups.setdefault((weight.role, weight.type), []).append(weight)
    rows = [
        WeightRow(role, kind, len(group), sum(w.elements for w in group), sum(w.bytes for w in group))
        for (role, kind), group in groups.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.bytes, row.role, row.type)))


def _group_modules(
    nodes: Sequence[onnx.NodeProto], weights: Sequence[Weight], costs: Mapping[str, int | None]
) -> tuple[ModuleRow, ...]:
    homes = {node.name: module_of(node) for node in nodes}
    count: collections.Counter[str] = collections.Counter(homes.values())
    cost: collections.Counter[str] = collections.Counter()
    for name, home in homes.items():
        cost[home] += costs[name] or 0
    elements: collections.Counter[str] = collections.Counter()
    quantized: collections.Counter[str] = collections.Counter()
    size: collections.Counter[str] = collections.Counter()
    for weight in weights:
        if not weight.role.endswith("parameter"):
            continue
        home = homes.get(weight.user.name, NO_MODULE) if weight.user is not None else NO_MODULE
        elements[home] += weight.elements
        size[home] += weight.bytes
        quantized[home] += weight.elements if weight.role == "quantized parameter" else 0
    return tuple(
        ModuleRow(home, count[home], elements[home], size[home], quantized[home], cost[home])
        for home in dict.fromkeys((*homes.values(), *elements))
    )
