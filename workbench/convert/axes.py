"""Which sizes of images and sounds a model takes: what PyTorch refuses, its ONNX file must not promise."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from workbench.models.onnx_files import load_graph, save_graph
from workbench.models.samples import Feed
from workbench.models.variant import Variant
from workbench.runners import open_runner

if TYPE_CHECKING:
    from workbench.models.source import Source

SIZED = ("pixel_values", "input_features")
MORE = 32  # pixels or frames


def fix_refused_sizes(source: Source, folder: Path) -> list[str]:
    """Fixes the axes of image and spectrogram inputs to the sample's, where the model takes no other size.

    The exporter writes all of them as free. Returns the inputs that were fixed.
    """
    names = [name for name in SIZED if source.samples and name in source.samples[0]]
    if not names or _takes(source, enlarge(source.samples[0])):
        return []
    for file in sorted(folder.glob("*.onnx")):
        model = load_graph(file)
        inputs = [item for item in model.graph.input if item.name in names]
        for item in inputs:
            sizes = source.samples[0][item.name].shape[1:]
            for dimension, size in zip(item.type.tensor_type.shape.dim[1:], sizes, strict=True):
                dimension.dim_value = size
        if inputs:
            save_graph(model, file)
    return names


def larger_images(source: Source, variant: Variant) -> list[Feed]:
    """A sample with larger images, where the exported file promises to take them; else nothing."""
    for file in variant.onnx_files:
        for item in load_graph(file, weights=False).graph.input:
            if item.name in SIZED and item.type.tensor_type.shape.dim[-1].dim_param:
                return [enlarge(source.samples[0])]
    return []


def enlarge(feed: Feed) -> Feed:
    """The same input with larger images and longer spectrograms."""
    return {name: _pad(name, value) if name in SIZED else value for name, value in feed.items()}


def _pad(name: str, value: np.ndarray) -> np.ndarray:
    free = 2 if name == "pixel_values" else 1  # height and width, or time
    return np.pad(value, [(0, 0)] * (value.ndim - free) + [(0, MORE)] * free, mode="wrap")


def _takes(source: Source, feed: Feed) -> bool:
    with open_runner(source) as runner:
        try:
            runner.run(feed)
        except (ValueError, RuntimeError):
            return False
    return True
