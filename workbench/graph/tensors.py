"""What flows through a graph for a given input: any tensor of an ONNX graph, and any module of its PyTorch model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort

from workbench.errors import VariantError, first_line
from workbench.graph.files import GraphFile
from workbench.graph.weights import read_weights
from workbench.machine import usable_cores
from workbench.models.onnx_files import load_graph
from workbench.models.onnx_nodes import walk_nodes
from workbench.models.samples import Feed, make_feed
from workbench.models.variant import Variant
from workbench.runners.onnxruntime import NUMPY_TYPES, SINGLE, OnnxRunner

EXTERNAL = onnx.TensorProto.EXTERNAL


def read_tensors(
    path: str | Path, names: Sequence[str], feed: Mapping[str, np.ndarray], *, model: onnx.ModelProto
) -> dict[str, np.ndarray]:
    """Runs a graph as far as it takes to make some of its tensors.

    Only the part of the graph in front of them is run, and only its weights are read. No optimization changes the
    graph on the way, so the tensors are those that the file describes.

    Args:
        path: The ONNX file.
        names: Tensors of its graph (not of graphs inside its nodes).
        feed: The inputs that this file takes.
        model: Its slim copy.

    Returns:
        The tensors by name.

    Raises:
        KeyError: No node of the graph makes such a tensor.
        ValueError: An input is missing.
        VariantError: ONNX Runtime cannot run it.
    """
    path = Path(path)
    cut = cut_graph(model, names)
    missing = [value.name for value in cut.graph.input if value.name not in feed]
    if missing:
        raise ValueError(f"{path.name} needs the input {', '.join(missing)}; the feed has {', '.join(feed)}.")
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = usable_cores()
    options.log_severity_level = 4
    weights = _supply_weights(cut, path)
    if weights is None:
        cut = cut_graph(load_graph(path), names)
    else:
        options.add_external_initializers(list(weights), list(weights.values()))
    try:
        session = ort.InferenceSession(cut.SerializeToString(), options, providers=["CPUExecutionProvider"])
        inputs = {item.name: _cast(feed[item.name], item.type) for item in session.get_inputs()}
        return dict(zip(names, session.run(list(names), inputs), strict=True))
    except Exception as error:  # ONNX Runtime's exceptions share no base class
        raise VariantError(
            f"ONNX Runtime cannot run {path.name} as far as {names[0]}: {first_line(error)}"
        ) from error


def cut_graph(model: onnx.ModelProto, names: Iterable[str]) -> onnx.ModelProto:
    """The part of a model that it takes to make some tensors, with these as its outputs.

    Raises:
        KeyError: No node of the graph makes one of them.

    Example:
        >>> from workbench.models.slim import slim_copy
        >>> model = slim_copy(export_onnx(load_model("random/tiny-bert")).onnx_files[0])
        >>> tensor = model.graph.node[5].output[0]
        >>> len(cut_graph(model, [tensor]).graph.node) < len(model.graph.node)
        True
    """
    graph, names = model.graph, list(names)
    makers = {name: index for index, node in enumerate(graph.node) for name in node.output if name}
    for name in names:
        if name not in makers:
            raise KeyError(f"No node of this graph makes the tensor {name!r}.")
    todo, needed, tensors = [makers[name] for name in names], set[int](), set[str]()
    while todo:
        index = todo.pop()
        if index in needed:
            continue
        needed.add(index)
        for node in _with_inner(graph.node[index]):
            tensors.update(node.input)
            todo += [makers[name] for name in node.input if name in makers]
    cut = onnx.ModelProto()
    cut.CopyFrom(model)
    for field in ("node", "input", "output", "value_info", "initializer"):
        cut.graph.ClearField(field)
    cut.graph.node.extend(graph.node[index] for index in sorted(needed))
    cut.graph.input.extend(value for value in graph.input if value.name in tensors)
    cut.graph.initializer.extend(tensor for tensor in graph.initializer if tensor.name in tensors)
    cut.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    initial = {tensor.name for tensor in cut.graph.initializer}
    kept = [value for value in cut.graph.input if value.name not in initial]
    cut.graph.ClearField("input")
    cut.graph.input.extend(kept)
    return cut


def feed_file(variant: Variant, file: GraphFile, feed: Mapping[str, np.ndarray]) -> Feed:
    """What one file of a variant is given when the variant is given a feed.

    A decoder's file takes what the encoder's made, and past key values: for these the variant is run. A file that
    takes the feed as it is, is not opened.

    Raises:
        ValueError: An input is missing, or the file takes no part in a run.
    """
    if file.name == SINGLE and len(variant.onnx_files) == 1 and feed.keys() >= _input_names(file.model.graph):
        return dict(feed)
    with OnnxRunner(variant, threads=usable_cores(), device="cpu") as runner:
        for name, inputs, _ in runner.calls(feed):
            if name == file.name:
                return inputs
    raise ValueError(f"{file.name} takes no part in a run of {variant.name}.")


def feed_example(variant: Variant, example: Any) -> Feed:
    """Turns a text (for question answering: a dict of question and context) into a feed, with the variant's tokenizer.

    Raises:
        ImportError: transformers is not installed.
        TaskError: The variant has no tokenizer.
    """
    from workbench.runners.pipeline import load_processor

    try:
        if variant.source is not None:
            config: Any = variant.source.model.config
        else:
            from transformers import AutoConfig

            # Said outright: left open, transformers would ask on the terminal whether foreign code may run.
            config = AutoConfig.from_pretrained(variant.path, local_files_only=True, trust_remote_code=False)
        processor = load_processor(variant)
    except ModuleNotFoundError as error:
        raise ImportError("Typed-in text needs transformers: pip install transformers") from error
    return make_feed(variant.task_row, processor, config, example)


def run_module(variant: Variant, module: str, feed: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """The tensors that a module of the PyTorch model behind a variant gives for a feed, at least one.

    Args:
        variant: Any variant; its source is loaded again when it is not in memory.
        module: The module's path, such as `bert.encoder.layer.0`.
        feed: The inputs of the whole model.

    Raises:
        KeyError: The model has no such module.
        ValueError: The module takes no part in this run, or gives no tensor.
    """
    import torch

    from workbench.models.variant import torch_variant
    from workbench.runners.torch import TorchRunner, open_source

    source = open_source(torch_variant(variant.origin, source=variant.source))
    try:
        target = source.model.get_submodule(module)
    except AttributeError as error:
        raise KeyError(f"{type(source.model).__name__} has no module {module!r}.") from error
    seen: list[torch.Tensor] = []

    def flatten(output: Any) -> Iterable[torch.Tensor]:
        if isinstance(output, torch.Tensor):
            yield output.detach()
        elif isinstance(output, Mapping | tuple | list):
            for item in output.values() if isinstance(output, Mapping) else output:
                yield from flatten(item)

    def keep(_: Any, __: Any, output: Any) -> None:
        seen[:] = flatten(output)  # of a module that runs several times, the last

    hook = target.register_forward_hook(keep)
    try:
        with TorchRunner(source.baseline, threads=usable_cores(), device=source.origin.device) as runner:
            runner.run(feed)
    finally:
        hook.remove()
    if not seen:
        raise ValueError(f"The module {module} gave no tensor in this run.")
    tensors = [tensor.to("cpu") for tensor in seen]
    return [(tensor.float() if tensor.is_floating_point() else tensor).numpy() for tensor in tensors]


def _input_names(graph: onnx.GraphProto) -> set[str]:
    """What has to be fed: older files list their weights among the inputs."""
    return {value.name for value in graph.input} - {tensor.name for tensor in graph.initializer}


def _with_inner(node: onnx.NodeProto) -> Iterable[onnx.NodeProto]:
    yield node
    for attribute in node.attribute:
        for inner in (attribute.g, *attribute.graphs):
            yield from walk_nodes(inner)


def _supply_weights(cut: onnx.ModelProto, path: Path) -> dict[str, ort.OrtValue] | None:
    """The weights that the slim copy left out; None where some stand in places that only a full load fills."""
    left_out = [tensor.name for tensor in cut.graph.initializer if tensor.data_location == EXTERNAL]
    if any(tensor.data_location == EXTERNAL for node in cut.graph.node for tensor in _own_tensors(node)):
        return None
    weights = {}
    for name, array in read_weights(path, left_out).items():
        if array.dtype.kind not in "fiub":  # bfloat16, 4 bits: ONNX Runtime takes these from a model only
            return None
        weights[name] = ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array))
    return weights if len(weights) == len(left_out) else None


def _own_tensors(node: onnx.NodeProto) -> Iterable[onnx.TensorProto]:
    """The tensors in a node's attributes, and in the graphs inside it."""
    for attribute in node.attribute:
        yield from (attribute.t, *attribute.tensors, attribute.sparse_tensor.values)
        for inner in (attribute.g, *attribute.graphs):
            yield from inner.initializer
            for nested in inner.node:
                yield from _own_tensors(nested)


def _cast(array: np.ndarray, kind: str) -> np.ndarray:
    return np.ascontiguousarray(array, dtype=NUMPY_TYPES.get(kind))
