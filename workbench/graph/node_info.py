"""What there is to say about one node of a graph: its module, attributes, and the tensors around it."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from typing import Any

import onnx
from onnx import numpy_helper

from workbench.graph.modules import NO_MODULE, module_of
from workbench.graph.parameters import type_name
from workbench.models.onnx_nodes import walk_nodes

LONGEST = 160  # characters of an attribute
INFERRED = 5000  # nodes: shapes of larger graphs are not worked out, since a click should not take seconds


@dataclasses.dataclass(frozen=True)
class TensorInfo:
    """A tensor at a node.

    Attributes:
        name: Its name; "" for an optional one that is left out.
        kind: "tensor", "parameter", "constant", "input" of the graph, or "absent".
        type: Its type and shape, as far as the file says; of a constant its value.
        nodes: The nodes at its other end: its maker, or its readers.
    """

    name: str
    kind: str
    type: str
    nodes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The description as plain data."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class NodeInfo:
    """A node, described.

    Attributes:
        name: Its name.
        operator: Its operator, with the domain where that is not ONNX's own.
        module: The PyTorch module that it came from; "" where the names do not say.
        attributes: Name and value of each attribute, as text.
        inputs: What it reads.
        outputs: What it makes.
        inner: Whether it stands in a graph inside another node.
    """

    name: str
    operator: str
    module: str
    attributes: tuple[tuple[str, str], ...]
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    inner: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The description as plain data."""
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        lines = [f"{self.operator} {self.name}" + (f" of {self.module}" if self.module else "")]
        lines += [f"  {name} = {value}" for name, value in self.attributes]
        lines += [f"  in   {tensor.name} {tensor.type}" for tensor in self.inputs if tensor.name]
        lines += [f"  out  {tensor.name} {tensor.type}" for tensor in self.outputs]
        return "\n".join(lines)


class NodeIndex:
    """Finds the nodes of a model by name, and describes them.

    Example:
        >>> from workbench.models.slim import slim_copy
        >>> model = slim_copy(export_onnx(load_model("random/tiny-bert")).onnx_files[0])
        >>> node = next(node for node in model.graph.node if node.op_type == "Softmax")
        >>> print(NodeIndex(model).describe(node.name).module)
        bert.encoder.layer.0.attention.self
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        graph = model.graph
        self._nodes = {node.name: node for node in walk_nodes(graph)}
        self._makers = {name: node.name for node in walk_nodes(graph) for name in node.output if name}
        self._readers: dict[str, list[str]] = {}
        for node in walk_nodes(graph):
            for name in dict.fromkeys(node.input):
                self._readers.setdefault(name, []).append(node.name)
        self.positions = {node.name: index for index, node in enumerate(graph.node)}
        self._weights = {tensor.name: tensor for tensor in graph.initializer}
        self._inputs = {value.name for value in graph.input}
        self._model = model

    @functools.cached_property
    def _types(self) -> dict[str, str]:
        """What the file says of its tensors' types, and what follows from that."""
        model = self._model
        if len(self) <= INFERRED:
            # Stops without complaint at operators it does not know.
            with contextlib.suppress(Exception):
                model = onnx.shape_inference.infer_shapes(model)
        graph = model.graph
        return {value.name: _type_text(value) for value in (*graph.value_info, *graph.input, *graph.output)}

    def __len__(self) -> int:
        return len(self._nodes)

    def find(self, name: str) -> str | None:
        """The node of this name, or the one that makes the tensor of this name."""
        return name if name in self._nodes else self._makers.get(name)

    def drawn(self, name: str) -> str:
        """The node under which this one is seen: a constant stands inside the first node that reads it."""
        node = self._nodes[name]
        readers = self._readers.get(node.output[0], []) if node.op_type == "Constant" and node.output else []
        return readers[0] if readers else name

    def names(self) -> list[str]:
        """All names of nodes."""
        return list(self._nodes)

    def describe(self, name: str) -> NodeInfo:
        """The node of this name, described.

        Raises:
            KeyError: There is none.
        """
        node = self._nodes[name]
        module = module_of(node)
        domain = f"{node.domain}." if node.domain not in ("", "ai.onnx") else ""
        return NodeInfo(
            name=node.name,
            operator=f"{domain}{node.op_type}",
            module="" if module == NO_MODULE else module,
            attributes=tuple((item.name, _attribute_text(item)) for item in node.attribute),
            inputs=tuple(self.tensor(tensor) for tensor in node.input),
            outputs=tuple(
                TensorInfo(
                    tensor, "tensor", self._types.get(tensor, ""), tuple(self._readers.get(tensor, ()))
                )
                for tensor in node.output
                if tensor
            ),
            inner=node.name not in self.positions,
        )

    def tensor(self, name: str) -> TensorInfo:
        """What is known of a tensor that a node reads."""
        if not name:
            return TensorInfo("", "absent", "")
        if name in self._weights:
            tensor = self._weights[name]
            return TensorInfo(name, "parameter", _tensor_text(tensor.data_type, tensor.dims))
        maker = (self._makers[name],) if name in self._makers else ()
        if maker and self._nodes[maker[0]].op_type == "Constant":
            values = [_attribute_text(item) for item in self._nodes[maker[0]].attribute]
            return TensorInfo(name, "constant", values[0] if values else "")
        kind = "input" if name in self._inputs else "tensor"
        return TensorInfo(name, kind, self._types.get(name, ""), maker)


def _type_text(value: onnx.ValueInfoProto) -> str:
    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        return (kind or "").removesuffix("_type")
    tensor = value.type.tensor_type
    sizes = [axis.dim_param or str(axis.dim_value) for axis in tensor.shape.dim]
    return _tensor_text(tensor.elem_type, sizes if tensor.HasField("shape") else None)


def _tensor_text(data_type: int, sizes: Any) -> str:
    name = type_name(data_type)
    if sizes is None:
        return name
    return f"{name} {'×'.join(map(str, sizes)) or 'scalar'}"


def _attribute_text(attribute: onnx.AttributeProto) -> str:
    kind = attribute.type
    if kind == onnx.AttributeProto.TENSOR:
        tensor = attribute.t
        text = _tensor_text(tensor.data_type, tensor.dims)
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            text += f": {numpy_helper.to_array(tensor).tolist()}"
    elif kind in (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS):
        graphs = [attribute.g] if kind == onnx.AttributeProto.GRAPH else attribute.graphs
        text = ", ".join(f"graph of {len(graph.node)} nodes" for graph in graphs)
    else:
        try:
            value = onnx.helper.get_attribute_value(attribute)
        except ValueError:
            return "unreadable"
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else _list_text(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _list_text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, int | str):
        return str(value)
    if not hasattr(value, "__len__"):
        return type(value).__name__
    items = [item.decode("utf-8", "replace") if isinstance(item, bytes) else item for item in value[:32]]
    more = ", …" if len(value) > 32 else ""
    return f"[{', '.join(map(_list_text, items))}{more}]"
