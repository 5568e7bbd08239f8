"""Models of which one layer is disturbed by a known amount, and what is made of them."""

from __future__ import annotations

import copy
import dataclasses
import functools
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

import workbench as wb
from tests.variants import Bench
from workbench.models.source import Source
from workbench.models.variant import Variant, write_manifest

AMOUNT = 0.15  # of the weight's spread


def disturb(source: Source, module: str, amount: float) -> Source:
    """The source with noise on the weight of one module: `amount` of the weight's own spread, the same each time."""
    model = copy.deepcopy(source.model)
    weight = model.get_submodule(module).weight
    noise = torch.randn(weight.shape, generator=torch.Generator().manual_seed(7))
    with torch.no_grad():
        weight.add_(noise * weight.std() * amount)
    return dataclasses.replace(source, model=model)


def make_forms(bench: Bench, source: Source) -> dict[str, Variant]:
    """Its exported, optimized and int8 forms."""
    exported = bench.make(wb.export_onnx, source)
    optimized = bench.make(wb.optimize_onnx, exported)
    return {
        "exported": exported,
        "optimized": optimized,
        "int8": bench.make(wb.quantize_dynamic, exported),
        "int8 optimized": bench.make(wb.quantize_dynamic, optimized),
    }


@pytest.fixture(scope="module")
def disturbed(bench: Bench) -> Callable[[str, str], dict[str, Variant]]:
    """`disturbed(model, module)`: all forms of the model with that module's weight disturbed by `AMOUNT`."""
    return functools.cache(
        lambda name, module: make_forms(bench, disturb(bench.source(name), module, AMOUNT))
    )


def rewrite(
    variant: Variant,
    folder: Path,
    change: Callable[[onnx.GraphProto], object],
    *,
    file: str = "model.onnx",
) -> Variant:
    """A copy of a variant in another folder, one of its graphs changed in place by a function."""
    assert variant.path is not None
    shutil.copytree(variant.path, folder)
    model = onnx.load(folder / file)
    change(model.graph)
    onnx.save(model, folder / file)
    return write_manifest(dataclasses.replace(variant, path=folder, source=None), folder)


def fill_weight(graph: onnx.GraphProto, name: str, value: float) -> None:
    """Sets every number of a weight; where equal ones are stored once, of this one alone."""
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    shared = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Identity"}
    array = np.full_like(onnx.numpy_helper.to_array(tensors[shared.get(name, name)]), value)
    if name in tensors:
        graph.initializer.remove(tensors[name])
    for node in [node for node in graph.node if name in node.output]:
        graph.node.remove(node)
    graph.initializer.append(onnx.numpy_helper.from_array(array, name))
