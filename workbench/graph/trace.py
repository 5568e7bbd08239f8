"""`trace_node`: what flows out of one node of a graph for a given input, and out of PyTorch's module beside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.graph.files import GraphFile, open_graphs, pick_file
from workbench.graph.node_info import NodeIndex
from workbench.graph.stats import TensorStats, summarize_array
from workbench.graph.tensors import feed_example, feed_file, read_tensors, run_module
from workbench.models.variant import Variant

if TYPE_CHECKING:
    from workbench.models.source import Source


@dataclasses.dataclass(frozen=True)
class NodeTrace:
    """What a node makes of an input.

    Attributes:
        node: The node's name.
        outputs: The figures of each of its outputs.
        module: The figures of what PyTorch's module makes of the same input, where that was asked for.
        difference: The largest difference between the node's output and the module's; None where their shapes or
            kinds differ.
    """

    node: str
    outputs: tuple[TensorStats, ...]
    module: TensorStats | None = None
    difference: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain data."""
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        lines = [self.node, *(f"  {stats}" for stats in self.outputs)]
        if self.module is not None:
            lines.append(f"  PyTorch: {self.module}")
        if self.difference is not None:
            lines.append(f"  largest difference: {self.difference:.3g}")
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
    whole = _choose_feed(variant, sample=sample, example=example, feed=feed)
    arrays = read_tensors(
        graph.path,
        [output.name for output in info.outputs],
        whole if variant is None else feed_file(variant, graph.name, whole),
        model=graph.model,
    )
    outputs = tuple(summarize_array(array, name=name) for name, array in arrays.items())
    if not module:
        return NodeTrace(found, outputs)
    if variant is None or not info.module:
        raise ValueError(f"The names do not say which PyTorch module {found} came from.")
    beside = run_module(variant, info.module, whole)
    return NodeTrace(
        found,
        outputs,
        summarize_array(beside, name=info.module),
        _difference(next(iter(arrays.values())), beside),
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


def _difference(array: np.ndarray, beside: np.ndarray) -> float | None:
    comparable = array.shape == beside.shape and array.size and array.dtype.kind == beside.dtype.kind
    return float(np.abs(array.astype(np.float64) - beside).max()) if comparable else None
