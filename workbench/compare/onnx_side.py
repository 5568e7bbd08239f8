"""Reads the tensors of an ONNX variant: as it runs by itself, and as it runs on what another model computed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort

from workbench.compare.onnx_weights import fill_weights, read_values
from workbench.errors import VariantError
from workbench.graph.files import GraphFile, name_all_nodes, open_graphs
from workbench.graph.tensors import cut_graph
from workbench.machine import release_memory, usable_cores
from workbench.models.onnx_files import load_graph
from workbench.models.samples import Feed
from workbench.models.slim import slim_copy
from workbench.models.stored import check_contents
from workbench.models.variant import Variant
from workbench.runners import open_runner
from workbench.runners.onnxruntime import DECODER, ENCODER, NUMPY_TYPES, SINGLE, WITH_PAST, OnnxRunner
from workbench.runners.protocol import pick_inputs

CONSTANTS = 1 << 20  # bytes: as much as a causal mask over 1,024 tokens
GIVEN = "@given"  # marks the inputs through which a tensor of the other side comes in
OWN = "@own"  # marks what is made from them
SHAPE = "@shape"
STATES = "encoder_hidden_states"
FLOATS = ("tensor(float)", "tensor(float16)", "tensor(double)")
ELEMENTS = {
    "tensor(float)": onnx.TensorProto.FLOAT,
    "tensor(float16)": onnx.TensorProto.FLOAT16,
    "tensor(double)": onnx.TensorProto.DOUBLE,
}


@dataclasses.dataclass(frozen=True)
class Place:
    """A tensor of a variant: which file, and its name there."""

    file: str
    tensor: str


class OnnxSide:
    """An ONNX variant whose tensors can be read."""

    def __init__(self, variant: Variant) -> None:
        check_contents(variant)
        self.variant = variant
        self.files: dict[str, GraphFile] = {
            file.name: _keep_constants(file) for file in open_graphs(variant) if file.name != WITH_PAST
        }
        self._types: dict[Place, str] = {}
        self._sessions: dict[Any, ort.InferenceSession] = {}

    def prepare_feeds(self, feeds: Sequence[Feed]) -> list[dict[str, Feed]]:
        """What each file of the variant is given for each feed: a decoder gets the encoder's states and an empty past.

        Raises:
            ValueError: An input is missing.
        """
        inputs = {name: self._input_names(file) for name, file in self.files.items()}
        if set(self.files) == {SINGLE} and not any("past_key_values" in name for name in inputs[SINGLE]):
            return [{SINGLE: pick_inputs(feed, inputs[SINGLE], self.variant.name)} for feed in feeds]
        prepared = []
        with open_runner(self.variant, device="cpu") as runner:
            assert isinstance(runner, OnnxRunner)
            for feed in feeds:
                calls: dict[str, Feed] = {}
                for name, given, _ in runner.calls(feed):
                    calls[name] = given
                    if set(calls) >= set(self.files):
                        break
                prepared.append(calls)
        return prepared

    def describe(self, places: Iterable[Place], feeds: Mapping[str, Feed]) -> dict[Place, tuple[int, ...]]:
        """The shapes of those of the tensors that hold floats, found without keeping the tensors."""
        shapes: dict[Place, tuple[int, ...]] = {}
        for file, names in by_file(places).items():
            types = {item.name: item.type for item in self._open(file, names).get_outputs()}
            release_memory()
            floats = [name for name in names if types[name] in FLOATS]
            self._types.update({Place(file, name): types[name] for name in floats})
            if not floats:
                continue
            model = onnx.ModelProto()
            model.CopyFrom(self.files[file].model)
            for name in floats:
                model.graph.node.append(
                    onnx.helper.make_node("Shape", [name], [name + SHAPE], name=name + SHAPE)
                )
            found = self._run(self._open(file, [name + SHAPE for name in floats], model), feeds[file])
            shapes |= {Place(file, name): tuple(int(size) for size in found[name + SHAPE]) for name in floats}
        return shapes

    def run_free(self, feeds: Mapping[str, Feed], places: Sequence[Place]) -> dict[Place, np.ndarray]:
        """The tensors as the variant makes them from the sample itself."""
        found: dict[Place, np.ndarray] = {}
        for file, names in by_file(places).items():
            key = ("free", file, tuple(names))
            if key not in self._sessions:
                self._sessions[key] = self._open(file, names)
            arrays = self._run(self._sessions[key], feeds[file])
            found |= {Place(file, name): array for name, array in arrays.items()}
        return found

    def run_both(
        self,
        feeds: Mapping[str, Feed],
        places: Sequence[Place],
        given: Mapping[Place, np.ndarray],
        states: np.ndarray | None,
    ) -> tuple[dict[Place, np.ndarray], dict[Place, np.ndarray]]:
        """The tensors as `run_free` gives them, and as they are when all in front of them is what is given.

        Args:
            feeds: The inputs of each file.
            places: The tensors to make.
            given: What stands in for the variant's own tensors.
            states: What stands in for the encoder's states.
        """
        free: dict[Place, np.ndarray] = {}
        forced: dict[Place, np.ndarray] = {}
        for file, names in by_file(places).items():
            known = {place.tensor: array for place, array in given.items() if place.file == file}
            if states is not None and file == DECODER:
                known[STATES] = states
            key = ("both", file, tuple(names), tuple(known))
            if key not in self._sessions:
                wanted = [*names, *(name + OWN for name in names)]
                self._sessions[key] = self._open(file, wanted, self._double(file, known))
            feed = {**feeds[file], **{name + GIVEN: array for name, array in known.items()}}
            arrays = self._run(self._sessions[key], feed)
            free |= {Place(file, name): arrays[name] for name in names}
            forced |= {Place(file, name): arrays[name + OWN] for name in names}
        return free, forced

    def close(self) -> None:
        """Frees the sessions; another is opened when it is needed."""
        self._sessions.clear()

    def _double(self, file: str, given: Iterable[str]) -> onnx.ModelProto:
        """The graph with a twin of every node, which reads what is given where the node reads a tensor of its own.

        In one graph, so that both use the same copy of the weights.
        """
        model = onnx.ModelProto()
        model.CopyFrom(self.files[file].model)
        instead = {name: name + OWN for node in model.graph.node for name in node.output if name}
        instead |= {name: name + GIVEN for name in given}
        for node in self.files[file].model.graph.node:
            twin = model.graph.node.add()
            twin.CopyFrom(node)
            twin.name = node.name + OWN
            twin.input[:] = [instead.get(name, name) for name in node.input]
            twin.output[:] = [name and name + OWN for name in node.output]
        inputs = {value.name: value.type.tensor_type.elem_type for value in model.graph.input}
        for name in given:
            element = inputs.get(name) or ELEMENTS[self._types[Place(file, name)]]
            model.graph.input.append(onnx.helper.make_tensor_value_info(name + GIVEN, element, None))
        return model

    def _open(
        self, file: str, names: Sequence[str], model: onnx.ModelProto | None = None
    ) -> ort.InferenceSession:
        """A session on the part of the graph that makes these tensors, nothing of it optimized away."""
        path = self.files[file].path
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.intra_op_num_threads = usable_cores()
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        # Packed for its kernel each weight would be there twice, and once more for each session.
        options.add_session_config_entry("session.disable_prepacking", "1")
        cut = cut_graph(model or self.files[file].model, names)
        weights = read_values(self.files[file])
        if weights is None:
            fill_weights(cut, load_graph(path), twins=OWN)
        else:
            needed = {tensor.name for tensor in cut.graph.initializer} & weights.keys()
            options.add_external_initializers(list(needed), [weights[name] for name in needed])
        try:
            return ort.InferenceSession(cut.SerializeToString(), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's exceptions share no base class
            raise VariantError(
                f"ONNX Runtime cannot open {path} to read its tensors: {_reason(error)}"
            ) from error

    def _run(self, session: ort.InferenceSession, feed: Mapping[str, np.ndarray]) -> Feed:
        inputs = {
            item.name: np.ascontiguousarray(feed[item.name], dtype=NUMPY_TYPES.get(item.type))
            for item in session.get_inputs()
        }
        names = [item.name for item in session.get_outputs()]
        try:
            arrays = session.run(names, inputs)
        except Exception as error:  # ONNX Runtime's exceptions share no base class
            shapes = ", ".join(f"{key} {value.dtype}{list(value.shape)}" for key, value in inputs.items())
            raise ValueError(
                f"{self.variant.name} does not run on this sample ({shapes:.200}): {_reason(error)}"
            ) from error
        return dict(zip(names, arrays, strict=True))

    def _input_names(self, file: GraphFile) -> list[str]:
        weights = {tensor.name for tensor in file.model.graph.initializer}
        return [value.name for value in file.model.graph.input if value.name not in weights]


def by_file(places: Iterable[Place]) -> dict[str, list[str]]:
    """The names of tensors by their file, encoder first."""
    found: dict[str, list[str]] = {}
    for place in places:
        found.setdefault(place.file, []).append(place.tensor)
    order = (ENCODER, DECODER)
    return dict(sorted(found.items(), key=lambda item: order.index(item[0]) if item[0] in order else 0))


def _keep_constants(file: GraphFile) -> GraphFile:
    """The file with its masks and position tables, which stand in nodes and cannot be supplied from outside."""
    model = slim_copy(file.path, limit=CONSTANTS)
    name_all_nodes(model)
    return dataclasses.replace(file, model=model)


def _reason(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no message"])[0][:300]
