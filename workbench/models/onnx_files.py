"""Reads and writes ONNX files: external data stays inside its folder, and what passes 2 GB goes there."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx.external_data_helper import _get_all_tensors

from workbench.errors import VariantError
from workbench.models.wire import write_tag, write_varint

EXTERNAL_DATA_LIMIT = 2_000_000_000  # a protobuf message ends at 2 GiB


def load_graph(path: Path, *, weights: bool = True) -> onnx.ModelProto:
    """Reads an ONNX file; external data outside its folder is refused.

    Raises:
        VariantError: The file cannot be read, or points outside its folder.
    """
    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as error:  # protobuf's DecodeError, or the file system's
        raise VariantError(f"{path} is no ONNX file that can be read: {error}. Export it again.") from error
    if not model.graph.node:  # an empty file is a valid message, too
        raise VariantError(f"{path} is no ONNX file that can be read: it holds no graph. Export it again.")
    refuse_outside_data(model, path)
    if weights:
        try:
            onnx.load_external_data_for_model(model, str(path.parent))
        except (OSError, onnx.checker.ValidationError) as error:
            raise VariantError(f"The weights of {path} cannot be read: {error}. Export it again.") from error
    return model


def refuse_outside_data(model: onnx.ModelProto, path: Path) -> None:
    """Raises when the data of one of a model's tensors lies outside the model's folder.

    Raises:
        VariantError: It does.
    """
    for tensor in _get_all_tensors(model):
        refuse_outside_tensor(tensor, path)


def refuse_outside_tensor(tensor: onnx.TensorProto, path: Path) -> None:
    """Raises when a tensor's data lies outside the folder of its model.

    Raises:
        VariantError: It does.
    """
    root = path.parent.resolve()
    for entry in tensor.external_data:
        if entry.key == "location" and not (root / entry.value).resolve().is_relative_to(root):
            raise VariantError(
                f"{path} keeps the weight {tensor.name!r} outside its folder ({entry.value!r}). "
                "Refused: a model file may only read what lies beside it."
            )


def save_graph(model: onnx.ModelProto, path: Path, *, limit: int | None = None) -> None:
    """Writes an ONNX file; past the limit its weights go to `<name>_data` beside it. Uses the model up."""
    limit = EXTERNAL_DATA_LIMIT if limit is None else limit
    if weight_bytes(model) > limit:
        path.with_name(f"{path.name}_data").unlink(missing_ok=True)  # onnx would append to it
        onnx.save_model(
            model,
            path,
            save_as_external_data=True,
            all_tensors_to_one_file=True,
            location=f"{path.name}_data",
            size_threshold=1024,
        )
    else:
        _write_in_pieces(model, path)


def _write_in_pieces(model: onnx.ModelProto, path: Path) -> None:
    """Writes the message weight by weight: protobuf's own writer would hold it three times in memory."""
    weights = list(model.graph.initializer)
    del model.graph.initializer[:]
    graph = model.graph.SerializeToString()
    model.ClearField("graph")
    sizes = [weight.ByteSize() for weight in weights]
    length = len(graph) + sum(1 + len(write_varint(size)) + size for size in sizes)
    with path.open("wb") as stream:
        stream.write(model.SerializeToString())
        stream.write(write_tag(onnx.ModelProto.GRAPH_FIELD_NUMBER) + write_varint(length) + graph)
        for weight, size in zip(weights, sizes, strict=True):
            stream.write(write_tag(onnx.GraphProto.INITIALIZER_FIELD_NUMBER) + write_varint(size))
            stream.write(weight.SerializeToString())


def weight_bytes(model: onnx.ModelProto) -> int:
    """The bytes of all the initializers that are loaded."""
    return sum(tensor.ByteSize() for tensor in model.graph.initializer)  # reading raw_data would copy each
