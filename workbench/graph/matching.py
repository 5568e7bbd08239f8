"""Finds the nodes of one graph in another.

Nodes are told by what they compute: operator, attributes and inputs. Where that differs, the name of a tensor that
both graphs have says that what stands before it does the same work, since optimizing and quantizing keep names.
Names of nodes decide nothing: tools renumber them.
"""

from __future__ import annotations

import collections
import functools
import hashlib
from collections.abc import Hashable, Iterable

import onnx

from workbench.models.onnx_nodes import walk_nodes

CONSTANT = "Constant"


class Side:
    """One of the two graphs, indexed.

    Attributes:
        nodes: Its nodes by name, in order; each has a name of its own. Those inside other nodes are among them.
        producer: Tensor -> the node that writes it; a `Constant` writes none, it is a constant.
        constants: Initializer or `Constant` -> type, shape and, of a small one, a hash of its values.
        constant_nodes: Tensor -> the `Constant` node that holds it.
        outputs: The graph's outputs.
    """

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.nodes = {node.name: node for node in walk_nodes(graph)}
        self.producer: dict[str, onnx.NodeProto] = {}
        self.constants: dict[str, Hashable] = {}
        self.constant_nodes: dict[str, onnx.NodeProto] = {}
        self.outputs = [value.name for value in graph.output]
        self._add_initializers(graph)
        for node in self.nodes.values():
            for name in node.output:
                if node.op_type == CONSTANT:
                    self.constants[name] = _sign_constant(node)
                    self.constant_nodes[name] = node
                elif name:
                    self.producer[name] = node

    def _add_initializers(self, graph: onnx.GraphProto) -> None:
        for tensor in graph.initializer:
            self.constants[tensor.name] = _sign_tensor(tensor)
        for node in graph.node:
            for attribute in node.attribute:
                for inner in (attribute.g, *attribute.graphs):
                    self._add_initializers(inner)


class Matching:
    """Which node of `after` is which node of `before`.

    Attributes:
        before: The graph before.
        after: The graph after.
        pairs: Node of `after` -> node of `before` that writes the same tensors.
        exact: The nodes of `after` whose partner has the same operator, attributes and inputs.
    """

    def __init__(self, before: onnx.GraphProto, after: onnx.GraphProto) -> None:
        self.before, self.after = Side(before), Side(after)
        self.pairs: dict[str, str] = {}
        self.exact: set[str] = set()
        self._taken: set[str] = set()
        self._tensors: dict[str, str] = {}  # tensor of `after` -> tensor of `before`
        self._index: dict[Hashable, list[onnx.NodeProto]] = collections.defaultdict(list)
        for node in self.before.nodes.values():
            if node.op_type != CONSTANT:
                inputs = tuple(self._key_before(name) for name in node.input)
                self._index[(sign_node(node), inputs)].append(node)
        self._match_equal(names_agree=True)
        self._match_equal(names_agree=False)
        kept = self._names_are_kept()
        if kept:
            self._match_names(same_operator=True)
        self._match_backwards()
        self._match_equal(names_agree=False)
        if kept:
            self._match_names(same_operator=False)
            self._match_equal(names_agree=False)

    def _key_before(self, name: str) -> Hashable:
        if name in self.before.constants:
            shared = name if name in self.after.constants else ""
            return ("constant", shared, self.before.constants[name])
        return ("tensor", name)

    def _key_after(self, name: str) -> Hashable:
        if name in self.after.constants:
            if name in self.before.producer:  # computed before, stored now
                return ("tensor", name)
            shared = name if name in self.before.constants else ""
            return ("constant", shared, self.after.constants[name])
        if name in self.after.producer:
            return ("tensor", self._tensors[name]) if name in self._tensors else None
        return ("tensor", name)

    def _match_equal(self, *, names_agree: bool) -> None:
        """Pairs nodes that do the same to the same inputs; at first only where no tensor's name speaks against it."""
        for node in self.after.nodes.values():
            if node.name in self.pairs or node.op_type == CONSTANT:
                continue
            inputs = tuple(self._key_after(name) for name in node.input)
            if None in inputs:
                continue
            free = [
                item
                for item in self._index.get((sign_node(node), inputs), ())
                if item.name not in self._taken
            ]
            same = [item for item in free if set(item.output) & set(node.output)]
            if names_agree:
                free = [item for item in free if not any(name in self.after.producer for name in item.output)]
            if same or free:
                self._pair(node, (same or free)[0])
                self.exact.add(node.name)

    def _names_are_kept(self) -> bool:
        """Whether equal nodes mostly write tensors of equal names; where tensors were renumbered, they do not."""
        kept = moved = 0
        for name in self.exact:
            for tensor in self.after.nodes[name].output:
                if self._tensors.get(tensor) == tensor:
                    kept += 1
                elif tensor in self.before.producer:
                    moved += 1
        return kept >= moved

    def _match_names(self, *, same_operator: bool) -> None:
        """Pairs the nodes that write a tensor of the same name."""
        for node in self.after.nodes.values():
            for name in node.output:
                found = self.before.producer.get(name)
                if found is None or node.name in self.pairs or found.name in self._taken:
                    continue
                if node.op_type == CONSTANT or (same_operator and found.op_type != node.op_type):
                    continue
                self._pair(node, found)

    def _match_backwards(self) -> None:
        """Pairs what feeds the graphs' outputs and what feeds pairs, as long as both sides do the same."""
        names = set(self.before.outputs)
        queue = [(name, name) for name in self.after.outputs if name in names]
        queue = queue or list(zip(self.after.outputs, self.before.outputs, strict=False))
        for later, earlier in self.pairs.items():
            queue += zip(self.after.nodes[later].input, self.before.nodes[earlier].input, strict=False)
        while queue:
            tensor, former = queue.pop()
            node, found = self.after.producer.get(tensor), self.before.producer.get(former)
            if node is None or found is None or node.name in self.pairs or found.name in self._taken:
                continue
            if sign_node(node) == sign_node(found) and len(node.input) == len(found.input):
                self._pair(node, found)
                queue += zip(node.input, found.input, strict=True)

    def _pair(self, node: onnx.NodeProto, found: onnx.NodeProto) -> None:
        self.pairs[node.name] = found.name
        self._taken.add(found.name)
        shared = set(node.output) & set(found.output)
        self._tensors.update({name: name for name in shared})
        rest = (
            [name for name in node.output if name not in shared],
            [name for name in found.output if name not in shared],
        )
        self._tensors.update(zip(*rest, strict=False))

    def group_after(self, name: str) -> list[str]:
        """The nodes of `after` that only lead up to this one: back to where both graphs have the same again."""
        return _walk_back(self.after, name, stop=self.pairs.keys())

    def group_before(self, name: str) -> list[str]:
        """The same in `before`. What was computed there and is stored in `after` does not belong to it."""
        return _walk_back(self.before, name, stop=self._taken, stored=self.after.constants)


def sign_node(node: onnx.NodeProto) -> Hashable:
    """What a node does, inputs and names left out."""
    domain = "" if node.domain == "ai.onnx" else node.domain
    defaults = _default_attributes(node.op_type, domain)
    signed = sorted(_sign_attribute(item) for item in node.attribute)
    return (node.op_type, domain, tuple(item for item in signed if item not in defaults))


@functools.cache
def _default_attributes(operator: str, domain: str) -> frozenset[tuple[str, str]]:
    """The attributes that may as well be left out: some tools write them, some do not."""
    try:
        schema = onnx.defs.get_schema(operator, domain)
    except onnx.defs.SchemaError:
        return frozenset()
    defaults = [item.default_value for item in schema.attributes.values() if item.default_value.name]
    return frozenset(_sign_attribute(item) for item in defaults)


def _walk_back(side: Side, name: str, *, stop: Iterable[str], stored: Iterable[str] = ()) -> list[str]:
    found: dict[str, None] = {}
    queue = [name]
    while queue:
        for tensor in side.nodes[queue.pop()].input:
            node = side.producer.get(tensor)
            if node is None or node.name in stop or node.name in found or tensor in stored:
                continue
            found[node.name] = None
            queue.append(node.name)
    return list(found)


def _sign_attribute(attribute: onnx.AttributeProto) -> tuple[str, str]:
    if attribute.HasField("g") or attribute.graphs:
        return attribute.name, "graph"  # its nodes are compared one by one
    if attribute.HasField("t"):
        return attribute.name, repr(_sign_tensor(attribute.t))
    copy = onnx.AttributeProto()
    copy.CopyFrom(attribute)
    copy.ClearField("doc_string")
    return attribute.name, hashlib.sha256(copy.SerializeToString(deterministic=True)).hexdigest()


def _sign_constant(node: onnx.NodeProto) -> Hashable:
    tensors = [item.t for item in node.attribute if item.name == "value"]
    return _sign_tensor(tensors[0]) if tensors else sign_node(node)


def _sign_tensor(tensor: onnx.TensorProto) -> Hashable:
    copy = onnx.TensorProto()
    copy.CopyFrom(tensor)
    for field in ("name", "doc_string", "metadata_props"):
        copy.ClearField(field)
    return hashlib.sha256(copy.SerializeToString(deterministic=True)).hexdigest()
