"""Reads the tensors of an ONNX variant: as it runs by itself, and as it runs on what another model computed.

One copy of the weights is shared by every session that is opened on a file.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort

from workbench.compare.onnx_weights import fill_weights, read_values
from workbench.errors import VariantError
from workbench.graph.files import GraphFile, open_graphs
from workbench.graph.tensors import cut_graph
from workbench.machine import usable_cores
from workbench.models.onnx_files import load_graph
from workbench.models.samples import Feed
from workbench.models.variant import Variant
from workbench.runners import open_runner
from workbench.runners.onnxruntime import DECODER, ENCODER, NUMPY_TYPES, SINGLE, WITH_PAST, OnnxRunner
from workbench.runners.protocol import pick_inputs

GIVEN = "@given"  # marks the inputs through which a tensor of the other side comes in
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
        self.variant = variant
        self.files: dict[str, GraphFile] = {
            file.name: file for file in open_graphs(variant) if file.name != WITH_PAST
        }
        self._weights: dict[str, dict[str, ort.OrtValue] | None] = {}
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
            session = self._open(file, names)
            types = {item.name: item.type for item in session.get_outputs()}
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

    def run_forced(
        self,
        feeds: Mapping[str, Feed],
        places: Sequence[Place],
        given: Mapping[Place, np.ndarray],
        states: np.ndarray | None,
    ) -> dict[Place, np.ndarray]:
        """The tensors as the variant makes them when every tensor in front of them is the one given.

        Args:
            feeds: The inputs of each file.
            places: The tensors to make.
            given: What stands in for the variant's own tensors.
            states: What stands in for the encoder's states.
        """
        found: dict[Place, np.ndarray] = {}
        for file, names in by_file(places).items():
            known = {place.tensor: array for place, array in given.items() if place.file == file}
            key = ("forced", file, tuple(names), tuple(known))
            if key not in self._sessions:
                self._sessions[key] = self._open(file, names, self._give(file, known))
            feed = {**feeds[file], **{name + GIVEN: array for name, array in known.items()}}
            if states is not None and STATES in feed:
                feed[STATES] = states
            arrays = self._run(self._sessions[key], feed)
            found |= {Place(file, name): array for name, array in arrays.items()}
        return found

    def close_sessions(self) -> None:
        """Frees the sessions; the weights stay."""
        self._sessions.clear()

    def close(self) -> None:
        """Frees everything."""
        self._sessions.clear()
        self._weights.clear()

    def _give(self, file: str, names: Iterable[str]) -> onnx.ModelProto:
        """The graph with every reader of these tensors reading an input instead."""
        renamed = {name: name + GIVEN for name in names}
        model = onnx.ModelProto()
        model.CopyFrom(self.files[file].model)
        for node in model.graph.node:
            node.input[:] = [renamed.get(name, name) for name in node.input]
        for name, given in renamed.items():
            element = ELEMENTS[self._types[Place(file, name)]]
            model.graph.input.append(onnx.helper.make_tensor_value_info(given, element, None))
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
        weights = self._load_weights(file)
        if weights is None:
            fill_weights(cut, load_graph(path))
        else:
            needed = {tensor.name for tensor in cut.graph.initializer} & weights.keys()
            options.add_external_initializers(list(needed), [weights[name] for name in needed])
        try:
            return ort.InferenceSession(cut.SerializeToString(), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's exceptions share no base class
            raise VariantError(
                f"ONNX Runtime cannot open {path} to read its tensors: {_reason(error)}"
            ) from error

    def _load_weights(self, file: str) -> dict[str, ort.OrtValue] | None:
        """The weights that a slim copy leaves out; None where ONNX Runtime takes them from a whole model only."""
        if file not in self._weights:
            self._weights[file] = read_values(self.files[file])
        return self._weights[file]

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


def _reason(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no message"])[0][:300]
