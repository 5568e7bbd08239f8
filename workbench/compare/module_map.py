"""Which tensor of an ONNX graph is the output of which PyTorch module, and what stands between two of them.

The exporter names nodes after the module path. A module's output is the last of its tensors that is read outside
of it. Optimizing and quantizing keep names, but what they fuse away is gone: so the map is drawn on the graph as
it was exported, and holds for everything made from it.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Collection, Iterator, Mapping

import onnx

from workbench.errors import VariantError
from workbench.graph.files import GraphFile, open_graphs
from workbench.models.onnx_nodes import module_names
from workbench.models.variant import Variant
from workbench.runners.onnxruntime import DECODER, ENCODER, WITH_PAST

FLOATS = (
    onnx.TensorProto.FLOAT,
    onnx.TensorProto.FLOAT16,
    onnx.TensorProto.DOUBLE,
    onnx.TensorProto.BFLOAT16,
)


class ModuleMap:
    """The modules of one ONNX graph.

    Args:
        model: The graph, best as it was exported.
        prefix: What stands before every name: an encoder's file speaks of its modules as if it were alone.
    """

    def __init__(self, model: onnx.ModelProto, prefix: str = "") -> None:
        graph = model.graph
        self._nodes = [node for node in graph.node if node.op_type != "Constant"]
        self._maker = {name: index for index, node in enumerate(self._nodes) for name in node.output if name}
        self._readers: dict[str, list[int]] = {}
        for index, node in enumerate(self._nodes):
            for name in node.input:
                self._readers.setdefault(name, []).append(index)
        self._outputs = {value.name for value in graph.output}
        self._weights = self._find_weights(graph)
        self._modules = [_own_module(node, prefix) for node in self._nodes]
        self._no_floats, self._ranks = _infer_types(model)

    def position(self, tensor: str) -> int:
        """Where in the graph's order a tensor is made."""
        return self._maker.get(tensor, len(self._nodes))

    @functools.cached_property
    def outputs(self) -> dict[str, tuple[str, ...]]:
        """Module -> its tensors of floats that are read outside of it, the last one made first: its output."""
        return self._collect(lambda name, module: self._leaves(name, module))

    @functools.cached_property
    def tensors(self) -> dict[str, tuple[str, ...]]:
        """Module -> the tensors of floats that its own nodes make, the last one first."""
        return self._collect(lambda name, module: self._modules[self._maker[name]] == module)

    def rank(self, tensor: str) -> int | None:
        """How many axes a tensor has, as far as the graph says it."""
        return self._ranks.get(tensor)

    def _collect(self, belongs: Callable[[str, str], bool]) -> dict[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {}
        for index, node in reversed(list(enumerate(self._nodes))):
            for name in node.output:
                for module in _with_parents(self._modules[index]):
                    if module and name not in self._no_floats and belongs(name, module):
                        found.setdefault(module, []).append(name)
        return {module: tuple(names) for module, names in found.items()}

    def _leaves(self, tensor: str, module: str) -> bool:
        readers = (self._modules[index] for index in self._readers.get(tensor, ()))
        return tensor in self._outputs or any(not is_inside(reader, module) for reader in readers)

    def between(self, tensor: str, cuts: Collection[str]) -> tuple[set[int], set[str]]:
        """The nodes that make a tensor from the cuts before it, and these cuts."""
        nodes: set[int] = set()
        found: set[str] = set()
        todo = [self._maker[tensor]] if tensor in self._maker else []
        while todo:
            index = todo.pop()
            if index in nodes:
                continue
            nodes.add(index)
            for name in _reads(self._nodes[index]):
                if name in cuts:
                    found.add(name)
                elif name in self._maker and self._nodes[self._maker[name]].op_type != "Shape":
                    todo.append(self._maker[name])
        return nodes, found

    def work_between(self, tensor: str, cuts: Collection[str]) -> set[int]:
        """Those of the nodes that compute from a cut, and not from masks and positions alone; all if none does."""
        nodes, _ = self.between(tensor, cuts)
        work: set[int] = set()
        for index in sorted(nodes):  # a node stands behind what it reads
            if any(name in cuts or self._maker.get(name) in work for name in _reads(self._nodes[index])):
                work.add(index)
        return work or nodes

    def modules_between(self, tensor: str, cuts: Collection[str]) -> set[str]:
        """The modules at work between a tensor and the cuts before it: those with weights, or else all."""
        work = self.work_between(tensor, cuts)
        weighted = {
            index for index in work if any(name in self._weights for name in self._nodes[index].input)
        }
        return {self._modules[index] for index in weighted or work}

    def nodes_between(self, tensor: str, cuts: Collection[str]) -> Iterator[onnx.NodeProto]:
        """The nodes that make a tensor from the cuts before it."""
        for index in sorted(self.between(tensor, cuts)[0]):
            yield self._nodes[index]

    def _find_weights(self, graph: onnx.GraphProto) -> set[str]:
        weights = {
            tensor.name for tensor in graph.initializer if math.prod(tensor.dims) > 1 and _is_float(tensor)
        }
        for node in self._nodes:  # the exporter stores equal weights once
            if node.op_type in ("Identity", "DequantizeLinear", "Transpose") and node.input[0] in weights:
                weights.add(node.output[0])
        return weights


def name_modules(variant: Variant) -> dict[str, ModuleMap]:
    """File -> the map of its modules, drawn on the export that the variant was made from where that still exists."""
    origin = variant
    while origin.parent_path is not None:
        try:
            parent = origin.parent
        except (VariantError, FileNotFoundError):
            break
        assert parent is not None
        origin = parent
    files: dict[str, GraphFile] = {}
    with contextlib.suppress(VariantError):
        files = {file.name: file for file in open_graphs(origin)}
    files = files or {file.name: file for file in open_graphs(variant)}
    prefix = _encoder_prefix(files)
    return {
        name: ModuleMap(file.model, prefix if name == ENCODER else "")
        for name, file in files.items()
        if name != WITH_PAST
    }


def _encoder_prefix(files: Mapping[str, GraphFile]) -> str:
    """The encoder's path in the whole model: where the decoder's is, with the other word."""
    if ENCODER not in files or DECODER not in files:
        return ""
    for node in files[DECODER].model.graph.node:
        steps = _own_module(node, "").split(".")
        if "decoder" in steps:
            prefix = [*steps[: steps.index("decoder")], "encoder"]
            own = (_own_module(item, "") for item in files[ENCODER].model.graph.node)
            inside = any(name.startswith(".".join(prefix)) for name in own)
            return "" if inside else ".".join(prefix) + "."
    return ""


def _own_module(node: onnx.NodeProto, prefix: str) -> str:
    return next((prefix + name for name in module_names(node)), prefix.rstrip("."))


def _with_parents(module: str) -> Iterator[str]:
    steps = module.split(".")
    return (".".join(steps[:depth]) for depth in range(len(steps), 0, -1))


def is_inside(module: str, around: str) -> bool:
    """Whether a module is another one or a part of it."""
    return module == around or module.startswith(f"{around}.")


def _reads(node: onnx.NodeProto) -> Iterator[str]:
    yield from node.input
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            for inner in graph.node:
                yield from _reads(inner)


def _infer_types(model: onnx.ModelProto) -> tuple[set[str], dict[str, int]]:
    """The tensors that hold no floats, and how many axes tensors have, as far as ONNX can tell."""
    try:
        inferred = onnx.shape_inference.infer_shapes(model).graph
    except (onnx.shape_inference.InferenceError, RuntimeError, ValueError):
        return set(), {}
    values = {value.name: value.type.tensor_type for value in (*inferred.value_info, *inferred.output)}
    no_floats = {name for name, kind in values.items() if kind.elem_type not in (0, *FLOATS)}
    return no_floats, {name: len(kind.shape.dim) for name, kind in values.items() if kind.HasField("shape")}


def _is_float(tensor: onnx.TensorProto) -> bool:
    return tensor.data_type in FLOATS
