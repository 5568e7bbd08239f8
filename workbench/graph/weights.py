"""Reads single weights out of an ONNX file, from the file itself or from the data beside it, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import numpy_helper
from onnx.external_data_helper import load_external_data_for_tensor, uses_external_data

from workbench.errors import VariantError
from workbench.models.onnx_files import refuse_outside_tensor
from workbench.models.wire import read_fields

GRAPH = onnx.ModelProto.GRAPH_FIELD_NUMBER
INITIALIZER = onnx.GraphProto.INITIALIZER_FIELD_NUMBER
NAME = onnx.TensorProto.NAME_FIELD_NUMBER


def read_weight(path: str | Path, name: str) -> np.ndarray:
    """One weight, by name.

    Args:
        path: The ONNX file.
        name: An initializer of its graph.

    Raises:
        KeyError: The graph has no weight of that name.
        VariantError: It cannot be read, or lies outside the file's folder.

    Example:
        >>> file = export_onnx(load_model("random/tiny-bert")).onnx_files[0]
        >>> read_weight(file, "bert.embeddings.word_embeddings.weight").shape
        (512, 64)
    """
    found = read_weights(path, [name])
    if name not in found:
        raise KeyError(f"{Path(path).name} has no weight {name!r}.")
    return found[name]


def read_weights(path: str | Path, names: Iterable[str]) -> dict[str, np.ndarray]:
    """The weights of these names, as far as the graph has them.

    Raises:
        VariantError: One cannot be read, or lies outside the file's folder.
    """
    path, wanted = Path(path), {name.encode() for name in names}
    found = {}
    try:
        with path.open("rb") as stream:
            for tensor in _find_tensors(stream, path.stat().st_size, wanted):
                _load_external(tensor, path)
                found[tensor.name] = numpy_helper.to_array(tensor)
    except (OSError, DecodeError, ValueError, onnx.checker.ValidationError) as error:
        raise VariantError(f"A weight of {path} cannot be read: {error}. Export it again.") from error
    return found


def _find_tensors(stream: BinaryIO, size: int, names: set[bytes]) -> Iterable[onnx.TensorProto]:
    for graph in list(read_fields(stream, size)):
        if graph.number != GRAPH:
            continue
        stream.seek(graph.start)
        for field in read_fields(stream, graph.stop):
            if field.number != INITIALIZER:
                continue
            stream.seek(field.start)
            named = [inner for inner in read_fields(stream, field.stop) if inner.number == NAME]
            stream.seek(named[-1].start if named else field.stop)
            if named and stream.read(named[-1].stop - named[-1].start) in names:
                stream.seek(field.start)
                yield onnx.TensorProto.FromString(stream.read(field.stop - field.start))


def _load_external(tensor: onnx.TensorProto, path: Path) -> None:
    if uses_external_data(tensor):
        refuse_outside_tensor(tensor, path)
        load_external_data_for_tensor(tensor, str(path.parent))
