"""A model whose products can be switched to int8 one by one: its fp32 and its int8 graph in one.

Quantizing keeps the tensors' names, so what the int8 graph puts in the place of a product is known: all between the
product's input and its output there. Both go into an `If` whose condition is an input. So one session, opened once,
runs any mixture of the two, with the kernels that the quantized file itself runs with.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper

from workbench.compare.onnx_weights import read_values
from workbench.convert.quantizing import PRODUCTS, QUANTIZED, quantizable_nodes
from workbench.graph.files import GraphFile
from workbench.models.onnx_files import load_graph
from workbench.models.onnx_nodes import module_names
from workbench.models.samples import Feed
from workbench.models.slim import slim_copy
from workbench.models.variant import Variant
from workbench.runners.onnxruntime import OnnxRunner, OnnxSession, explain_refusal

CONSTANTS = (
    1 << 20
)  # bytes: constants in nodes up to this size stay where they are, as masks and positions are
SMALL = "@int8"  # marks what comes out of the quantized graph
SWITCH = "@switch"
MARKS = (*QUANTIZED, "DequantizeLinear")


@dataclasses.dataclass(frozen=True)
class Switch:
    """A product, or a look-up in a table, that can run in int8.

    Attributes:
        file: The ONNX file that it stands in.
        node: Its name there.
        module: The PyTorch module that it came from; empty where its names speak of none.
        weights: How many numbers its weights have.
    """

    file: str
    node: str
    module: str
    weights: int


class SwitchedRunner(OnnxRunner):
    """An fp32 variant of which any part can be run as it is in a quantized one.

    Args:
        parent: The fp32 ONNX variant.
        quantized: What was made of it.
        threads: How many threads a call may use.

    Raises:
        ValueError: The second was not made from the first, or by `quantize_static`.
    """

    def __init__(self, parent: Variant, quantized: Variant, *, threads: int) -> None:
        if any(step.verb == "quantize_static" for step in quantized.steps):
            raise ValueError(
                f"{quantized.name} also rounds between the modules, which cannot be told apart module by module. "
                "Give what quantize_dynamic or quantize_weights made."
            )
        files = {path.name: _read_file(path) for path in parent.onnx_files}
        others = {path.name: _read_file(path) for path in quantized.onnx_files}
        if set(files) != set(others):
            raise _stranger(parent, quantized, f"its files are {', '.join(others) or 'none'}")
        self.switches: tuple[Switch, ...] = ()
        self._on: Collection[Switch] = ()
        self._graphs = {}
        for name, file in files.items():
            try:
                graph, switches = join_graphs(file.model, others[name].model, name)
            except KeyError as error:
                raise _stranger(parent, quantized, f"it has no tensor {error}") from None
            self._graphs[name] = (file, others[name], graph)
            self.switches += tuple(switches)
        super().__init__(parent, threads=threads, device="cpu")

    @contextlib.contextmanager
    def switched(self, switches: Collection[Switch]) -> Iterator[None]:
        """Runs these in int8, and all others in fp32, as long as the block lasts."""
        self._on = switches
        try:
            yield
        finally:
            self._on = ()

    def open_file(self, path: Path) -> OnnxSession:
        """Opens one file, which is told by itself what to run in int8."""
        native = _open(*self._graphs[path.name], threads=self.threads)
        own = [switch for switch in self.switches if switch.file == path.name]
        return _SwitchedSession(native, own, lambda: self._on)


class _SwitchedSession(OnnxSession):
    """A session with its switches as inputs that nobody else sees."""

    def __init__(
        self, native: ort.InferenceSession, switches: list[Switch], on: Callable[[], Collection[Switch]]
    ) -> None:
        super().__init__(native, "cpu")
        self._switches, self._on = switches, on
        self.inputs = tuple(port for port in self.inputs if not port.name.endswith(SWITCH))

    def run(self, names: Sequence[str], arrays: Feed) -> Sequence[np.ndarray]:
        on = set(self._on())
        states = {switch.node + SWITCH: np.array(switch in on) for switch in self._switches}
        return super().run(names, {**arrays, **states})


def join_graphs(
    plain: onnx.ModelProto, small: onnx.ModelProto, file: str
) -> tuple[onnx.ModelProto, list[Switch]]:
    """A copy of the plain graph with the quantized one's way of computing each product in it, behind a switch.

    Raises:
        KeyError: An output of a product is not in the quantized graph.
    """
    joined = onnx.ModelProto()
    joined.CopyFrom(plain)
    graph = joined.graph
    chosen = {node.name for node in quantizable_nodes(graph, (*PRODUCTS, "Gather"))}
    nodes = list(graph.node)
    known = {name for node in nodes for name in node.output} | {value.name for value in graph.input}
    makers = {name: (place, node) for place, node in enumerate(small.graph.node) for name in node.output}
    weights = {tensor.name: math.prod(tensor.dims) for tensor in graph.initializer if len(tensor.dims) > 1}
    stored = {tensor.name: tensor for tensor in small.graph.initializer}
    moved: set[str] = set()
    switches = []
    del graph.node[:]
    for node in nodes:
        inner = _nodes_before(node.output, makers, known) if node.name in chosen else []
        if not any(part.op_type in MARKS for part in inner):  # left in fp32 by the quantized one, too
            graph.node.append(node)
            continue
        outputs = [name for name in node.output if name]
        graph.node.append(_make_switch(node, inner, outputs, stored, moved))
        graph.input.append(helper.make_tensor_value_info(node.name + SWITCH, TensorProto.BOOL, []))
        module = next(iter(module_names(node)), "")
        count = sum(weights.get(name, 0) for name in node.input[:2])
        switches.append(Switch(file, node.name, module, count))
    for name in sorted(moved):
        tensor = graph.initializer.add()
        tensor.CopyFrom(stored[name])
        tensor.name = name + SMALL
    domains = {item.domain for item in joined.opset_import}
    joined.opset_import.extend(item for item in small.opset_import if item.domain not in domains)
    return joined, switches


def _nodes_before(
    names: Collection[str], makers: Mapping[str, tuple[int, onnx.NodeProto]], known: Collection[str]
) -> list[onnx.NodeProto]:
    """What makes these tensors in the quantized graph out of tensors that the plain graph has, too."""
    found: dict[int, onnx.NodeProto] = {}
    todo = [name for name in names if name]
    if missing := next((name for name in todo if name not in makers), None):
        raise KeyError(missing)
    while todo:
        place, node = makers[todo.pop()]
        if place not in found:
            found[place] = node
            todo += [name for name in node.input if name in makers and name not in known]
    return [found[place] for place in sorted(found)]


def _make_switch(
    node: onnx.NodeProto,
    inner: list[onnx.NodeProto],
    outputs: list[str],
    stored: Mapping[str, onnx.TensorProto],
    moved: set[str],
) -> onnx.NodeProto:
    """An `If` around a node: the quantized nodes in one branch, itself in the other. Names must differ everywhere."""
    own = f"{SMALL}:{node.name}"
    renamed = {name: name + own for part in inner for name in part.output if name}
    used = {name for part in inner for name in part.input if name in stored and name not in renamed}
    moved |= used
    renamed |= {name: name + SMALL for name in used}
    copies = []
    for index, part in enumerate(inner):
        copy = onnx.NodeProto()
        copy.CopyFrom(part)
        copy.name = f"{part.name}{own}:{index}"
        copy.input[:] = [renamed.get(name, name) for name in part.input]
        copy.output[:] = [renamed.get(name, name) for name in part.output]
        copies.append(copy)
    plain = onnx.NodeProto()
    plain.CopyFrom(node)
    plain.output[:] = [name and f"{name}@plain" for name in node.output]

    def branch(title: str, parts: list[onnx.NodeProto], names: list[str]) -> onnx.GraphProto:
        ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names]
        return helper.make_graph(parts, f"{node.name}@{title}", [], ends)

    return helper.make_node(
        "If",
        [node.name + SWITCH],
        outputs,
        name=f"{node.name}@if",
        then_branch=branch("int8", copies, [renamed[name] for name in outputs]),
        else_branch=branch("plain", [plain], [f"{name}@plain" for name in outputs]),
    )


def _read_file(path: Path) -> GraphFile:
    """The file's graph without its large weights, which the session gets from outside."""
    return GraphFile(path.name, path, slim_copy(path, limit=CONSTANTS), path.stat().st_size)


def _open(plain: GraphFile, small: GraphFile, graph: onnx.ModelProto, *, threads: int) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    values = read_values(plain), read_values(small)
    # None where a large constant stands in a node, or a weight is of an odd type.
    if values[0] is None or values[1] is None:
        graph, _ = join_graphs(load_graph(plain.path), load_graph(small.path), plain.name)
    else:
        weights = {**values[0], **{name + SMALL: value for name, value in values[1].items()}}
        outside = [
            tensor.name for tensor in graph.graph.initializer if tensor.data_location == TensorProto.EXTERNAL
        ]
        options.add_external_initializers(outside, [weights[name] for name in outside])
    try:
        return ort.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's exceptions share no base class
        raise explain_refusal(small.path, error) from error


def _stranger(parent: Variant, quantized: Variant, found: str) -> ValueError:
    return ValueError(
        f"{quantized.name} was not made from {parent.name}: {found}. "
        "Give the fp32 variant and what quantize_dynamic made of it."
    )
