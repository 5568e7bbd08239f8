"""The shared tiny variants (see `tests.variants`), and graphs written as text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.variants import bench  # noqa: F401


@pytest.fixture
def write_model(tmp_path: Path) -> Callable[..., Path]:
    """Writes a model given as ONNX text, or built, into a file.

    What the text declares and nothing computes becomes a weight of zeros.
    """

    def write(model: str | onnx.ModelProto, name: str = "model.onnx") -> Path:
        path = tmp_path / name
        if isinstance(model, str):
            model = onnx.parser.parse_model(model)
            _store_weights(model.graph)
        onnx.save(model, path)
        return path

    return write


def _store_weights(graph: onnx.GraphProto) -> None:
    known = {name for node in graph.node for name in node.output} | {
        tensor.name for tensor in graph.initializer
    }
    for value in graph.value_info:
        if value.name not in known:
            element = value.type.tensor_type.elem_type
            dims = [axis.dim_value for axis in value.type.tensor_type.shape.dim]
            zeros = np.zeros(dims, onnx.helper.tensor_dtype_to_np_dtype(element))
            graph.initializer.append(onnx.numpy_helper.from_array(zeros, value.name))
