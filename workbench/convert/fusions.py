"""Which fused operators a graph has, and which ones its architecture let expect that did not happen."""

from __future__ import annotations

import collections
from pathlib import Path

from workbench.models.model_config import read_config, read_dimensions
from workbench.models.onnx_files import load_graph
from workbench.models.onnx_nodes import STANDARD_FUSED, walk_nodes
from workbench.models.variant import Variant

ATTENTION = ("Attention", "MultiHeadAttention", "GroupQueryAttention", "DecoderMaskedMultiHeadAttention")
GELU = ("BiasGelu", "Gelu", "FastGelu", "QuickGelu")
UNFUSABLE_ATTENTION = {
    "deberta-v2": "its attention adds relative positions between the products, and ONNX Runtime has no operator for it",
    "t5": "its attention adds a position bias, which the fusion takes in decoders of its own export alone",
}


def count_fused(path: Path) -> dict[str, int]:
    """How many of each fused operator a file has."""
    counts: collections.Counter[str] = collections.Counter()
    for node in walk_nodes(load_graph(path, weights=False).graph):
        if node.domain not in ("", "ai.onnx") or node.op_type in STANDARD_FUSED:
            counts[node.op_type] += 1
    return dict(sorted(counts.items()))


def list_missing(folder: Path, parent: Variant) -> list[str]:
    """What this architecture let expect and did not happen, one sentence per file and kind."""
    config = read_config(parent)
    size = read_dimensions(config)
    missing = []
    for file in parent.onnx_files:
        counts = count_fused(folder / file.name)
        decodes = file.name.startswith("decoder")
        layers = size.decoder_layers or size.layers if decodes else size.layers
        wanted = layers * (2 if decodes else 1)  # a decoder attends to itself and to the encoder
        found = sum(counts.get(name, 0) for name in ATTENTION)
        if found < wanted:
            reason = UNFUSABLE_ATTENTION.get(
                config.get("model_type", ""), "the graph does not match a known pattern"
            )
            missing.append(f"{file.name}: {found} of {wanted} attention blocks fused; {reason}.")
        found = sum(counts.get(name, 0) for name in GELU)
        if size.activation.startswith("gelu") and found < layers:
            missing.append(f"{file.name}: {found} of {layers} Gelu activations fused.")
    return missing
