"""`trace_node`: what flows out of one node of a graph for a given input, and out of PyTorch's module beside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from workbench.graph.files import GraphFile, open_graphs, pick_file
from workbench.graph.modules import NO_MODULE, module_of
from workbench.graph.node_info import NodeIndex
from workbench.graph.stats import TensorStats, summarize_array
from workbench.graph.tensors import feed_example, feed_file, read_tensors, run_module
from workbench.models.stored import check_contents
from workbench.models.variant import Variant

if TYPE_CHECKING:
    from workbench.models.source import Source

QUANTIZERS = {"QuantizeLinear", "DynamicQuantizeLinear"}


@dataclasses.dataclass(frozen=True)
class NodeTrace:
    """What a node makes of an input.

    Attributes:
        node: The node's name.
        outputs: The figures of each of its outputs.
        module: The figures of what PyTorch's module makes of the same input, where that was asked for.
        difference: The largest difference between the node's output and the module's; None where these are not the
            same tensor.
        reason: Why there is none, where a module was run.
    """

    node: str
    outputs: tuple[TensorStats, ...]
    module: TensorStats | None = None
    difference: float | None = None
    reason: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain data."""
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        lines = [self.node, *(f"  {stats}" for stats in self.outputs)]
        if self.module is not None:
            lines.append(f"  PyTorch: {self.module}")
        if self.difference is not None:
            lines.append(f"  largest difference: {self.difference:.3g}")
        if self.reason is not None:
            lines.append(f"  not compared: {self.reason}")
        return "\n".join(lines)


def trace_node(
    variant: Variant | Source | str | Path,
    node: str,
    *,
    sample: int = 0,
    example: Any = None,
    feed: Mapping[str, np.ndarray] | None = None,
    module: bool = False,
    file: str | None = None,
) -> NodeTrace:
    """Runs a graph up to a node and says what comes out of it.

    Args:
        variant: An ONNX variant, or its folder.
        node: The node's name, or the name of a tensor that it makes.
        sample: Which of the variant's samples goes in, when nothing else is given.
        example: What a person would give instead: a text, or for question answering a question and its context.
        feed: The inputs as arrays instead.
        module: Whether PyTorch's module of the same name is run beside it.
        file: Which of the variant's ONNX files, where there are several.

    Raises:
        ValueError: There is no such node, sample or file, or no input to give.
        KeyError: PyTorch's model has no module of that name.

    Example:
        >>> variant = export_onnx(load_model("random/tiny-bert"))
        >>> trace = trace_node(variant, "/qa_outputs/Add", module=True)
        >>> trace.difference < 1e-4
        True
    """
    graphs = open_graphs(variant)
    name = pick_file(tuple(path.name for path in graphs.paths), file)
    graph = next(graph for graph in graphs if graph.name == name)
    return trace_in(graph, graphs.variant, node, sample=sample, example=example, feed=feed, module=module)


def trace_in(
    graph: GraphFile,
    variant: Variant | None,
    node: str,
    *,
    sample: int = 0,
    example: Any = None,
    feed: Mapping[str, np.ndarray] | None = None,
    module: bool = False,
) -> NodeTrace:
    """The same for a graph that is open already."""
    index = NodeIndex(graph.model)
    found = index.find(node)
    if found is None:
        raise ValueError(f"{graph.name} has no node {node!r}.")
    info = index.describe(found)
    if info.inner:
        raise ValueError(f"{found} stands in a graph inside another node: what flows there cannot be read.")
    if not info.outputs:
        raise ValueError(f"{found} makes no tensor.")
    if variant is not None:
        check_contents(variant)
    whole = _choose_feed(variant, sample=sample, example=example, feed=feed)
    arrays = read_tensors(
        graph.path,
        [output.name for output in info.outputs],
        whole if variant is None else feed_file(variant, graph, whole),
        model=graph.model,
    )
    outputs = tuple(summarize_array(array, name=name) for name, array in arrays.items())
    if not module:
        return NodeTrace(found, outputs)
    if variant is None or not info.module:
        raise ValueError(f"The names do not say which PyTorch module {found} came from.")
    given = run_module(variant, info.module, whole)
    beside = given[0]
    name, array = next(iter(arrays.items()))
    reason = _why_apart(graph.model.graph, info.module, name) or _why_unlike(array, beside)
    if reason is None and sum(item.shape == array.shape for item in given) > 1:
        reason = f"{info.module} gives out several tensors of this shape."
    return NodeTrace(
        found,
        outputs,
        summarize_array(beside, name=info.module),
        None if reason else float(np.abs(array.astype(np.float64) - beside).max()),
        reason,
    )


def _choose_feed(
    variant: Variant | None, *, sample: int, example: Any, feed: Mapping[str, np.ndarray] | None
) -> Mapping[str, np.ndarray]:
    if feed is not None:
        return feed
    if variant is None:
        raise ValueError("A plain ONNX file comes without samples: give feed={...}, its inputs as arrays.")
    if example is not None:
        return feed_example(variant, example)
    samples = variant.samples()
    if not 0 <= sample < len(samples):
        raise ValueError(
            f"{variant.name} has {len(samples)} samples, and number {sample} was asked for. Give feed={{...}}."
        )
    return samples[sample]


def _why_apart(graph: onnx.GraphProto, module: str, tensor: str) -> str | None:
    """Why a tensor is not what a module gives out; None where it is: the last one that its nodes make.

    Where a later node took in the end of a module (its bias, say), no tensor of the graph is its output.
    """
    rounded: set[str] = set()  # the last tensor is what is rounded, not what comes of it
    last, read = "", set[str]()
    for node in graph.node:
        if node.op_type in QUANTIZERS or (node.op_type == "DequantizeLinear" and node.input[0] in rounded):
            rounded.update(node.output)
            continue
        for name in node.output:
            if f"{_module_of_tensor(node, name)}.".startswith(f"{module}."):
                last = name
                read.update(node.input)
    if tensor != last:
        return f"{tensor} is not what {module} gives out" + (f": that is {last}." if last else ".")
    # Equal parameters of several modules may be stored once, so those that the module reads itself say nothing.
    left = {item.name for item in graph.initializer if item.name.startswith(f"{module}.")} - read
    copies = {tensor}
    for node in graph.node:
        if copies.isdisjoint(node.input):
            continue
        if rounded.intersection(node.output):
            copies.update(node.output)
        elif found := left.intersection(node.input):
            return f"{module} does not end here: {node.name} goes on with its {min(found)}."
    return None


def _module_of_tensor(node: onnx.NodeProto, tensor: str) -> str:
    """A fused node makes tensors of several modules, and each keeps its name."""
    module = module_of(onnx.NodeProto(output=[tensor]))
    return module_of(node) if module == NO_MODULE else module


def _why_unlike(array: np.ndarray, beside: np.ndarray) -> str | None:
    if array.shape != beside.shape:
        return f"the shapes differ, {array.shape} and PyTorch's {beside.shape}."
    if array.dtype.kind != beside.dtype.kind:
        return f"the types differ, {array.dtype} and PyTorch's {beside.dtype}."
    return None if array.size else "there are no values."
