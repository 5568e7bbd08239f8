"""Small ONNX variants whose cost is known: a chain of equal multiplications takes as long as it has links."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import onnx

from workbench.models.origin import Origin
from workbench.models.samples import save_feeds
from workbench.models.variant import Variant, write_manifest


def write_chain(folder: Path, links: int, *, width: int = 256, rows: int = 64) -> Variant:
    """A variant that multiplies (rows, width) with the same (width, width) matrix, link by link."""
    random = np.random.default_rng(0)
    weight = random.standard_normal((width, width), dtype=np.float32) * np.float32(width**-0.5)
    names = ["x", *(f"t{index}" for index in range(1, links)), "last_hidden_state"]
    nodes = [
        onnx.helper.make_node("MatMul", [before, "w"], [after]) for before, after in itertools.pairwise(names)
    ]
    weights = [onnx.numpy_helper.from_array(weight, "w")]
    return _write(folder, f"chain-{links}", nodes, weights, ["N", width], (rows, width))


def write_greedy(folder: Path, gigabytes: int) -> Variant:
    """A variant that wants one array of so many gigabytes."""
    shape = np.array([gigabytes, 1000, 250_000], np.int64)
    nodes = [onnx.helper.make_node("Expand", ["x", "shape"], ["last_hidden_state"])]
    weights = [onnx.numpy_helper.from_array(shape, "shape")]
    return _write(folder, f"greedy-{gigabytes}", nodes, weights, ["N", 1], (1, 1))


def _write(
    folder: Path,
    name: str,
    nodes: list[onnx.NodeProto],
    weights: list[onnx.TensorProto],
    shape: list[int | str],
    fed: tuple[int, int],
) -> Variant:
    folder.mkdir(parents=True)
    graph = onnx.helper.make_graph(
        nodes,
        name,
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, shape)],
        [onnx.helper.make_tensor_value_info("last_hidden_state", onnx.TensorProto.FLOAT, None)],
        weights,
    )
    opset = onnx.helper.make_opsetid("", 18)
    onnx.save(
        onnx.helper.make_model(graph, opset_imports=[opset], ir_version=10),
        folder / "model.onnx",
    )
    save_feeds([{"x": np.ones(fed, np.float32)}], folder / "samples.npz")
    origin = Origin(f"test/{name.partition('-')[0]}", "feature-extraction")
    return write_manifest(Variant(name, "onnxruntime", "fp32", origin, path=folder), folder)
