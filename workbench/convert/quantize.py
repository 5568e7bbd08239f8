"""`quantize_dynamic`, `quantize_static`, `quantize_weights`: smaller numbers, the same answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from workbench.convert.calibrate import METHODS, calibrate_ranges
from workbench.convert.embeddings import quantize_embeddings
from workbench.convert.quantizing import PRODUCTS, Recipe, make_quantized, require_fp32
from workbench.machine import cpu_features
from workbench.models.onnx_files import load_graph, save_graph
from workbench.models.origin import Step
from workbench.models.samples import check_feeds, name_feeds, save_feeds
from workbench.models.variant import Variant
from workbench.runners import open_runner
from workbench.runners.protocol import pick_inputs

Patterns = Iterable[str] | str | None


def quantize_dynamic(
    variant: Variant | str | Path,
    *,
    weight_type: str | None = None,
    per_channel: bool | None = None,
    embeddings: bool = True,
    include: Patterns = None,
    exclude: Patterns = None,
    out_dir: str | Path | None = None,
) -> Variant:
    """Quantizes weights to int8 now, and activations at run time. The first thing to try on a CPU.

    Args:
        variant: An fp32 ONNX variant, or its folder.
        weight_type: "int8" or "uint8"; None takes "int8", whose kernels are the fast ones on CPUs.
        per_channel: One scale per output channel instead of one per tensor; None takes True.
        embeddings: Whether the embedding tables become int8 too: a much smaller file at the same speed.
        include: Globs over PyTorch module names or ONNX node names; only these are quantized.
        exclude: Globs of what stays in fp32.
        out_dir: A folder for the variant; None puts it into the workspace.

    Returns:
        The int8 variant. Its `report` says what was quantized, and how far its outputs moved.

    Raises:
        ValueError: The variant is no fp32 ONNX variant, an argument makes no sense, or a pattern matches nothing.
        ConvertError: What came out does not run.

    Example:
        >>> small = quantize_dynamic(export_onnx(load_model("random/tiny-bert")), exclude="qa_outputs")
        >>> small.precision, small.report["left_in_fp32"]
        ('int8', ['/qa_outputs/MatMul'])
    """
    parent = require_fp32(variant, "quantize_dynamic")
    weight_type = weight_type or "int8"
    if weight_type not in ("int8", "uint8"):
        raise ValueError(f"weight_type must be 'int8' or 'uint8', got {weight_type!r}.")
    per_channel = True if per_channel is None else per_channel
    operators = (*PRODUCTS, "Gather") if embeddings else PRODUCTS
    narrow = _needs_narrow_weights()

    def prepare(model: onnx.ModelProto, nodes: list[str]) -> list[str]:
        look_ups = [
            node.name for node in model.graph.node if node.op_type == "Gather" and node.name in set(nodes)
        ]
        quantize_embeddings(model.graph, look_ups, weight_type)
        return [name for name in nodes if name not in set(look_ups)]

    def convert(prepared: Path, target: Path, nodes: list[str], large: bool) -> None:
        from onnxruntime.quantization import QuantType
        from onnxruntime.quantization import quantize_dynamic as convert_dynamic

        convert_dynamic(
            prepared,
            target,
            op_types_to_quantize=list(PRODUCTS),
            per_channel=per_channel,
            reduce_range=narrow,
            weight_type=QuantType.QInt8 if weight_type == "int8" else QuantType.QUInt8,
            # The converter first turns each Gemm into a MatMul of this name, and then looks for it in the list.
            nodes_to_quantize=[*nodes, *(f"{name}_MatMul" for name in nodes)],
            use_external_data_format=large,
            # Shape inference stops at fused operators; what it does not reach is fp32 in these graphs.
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT, "EnableSubgraph": True},
        )

    name = "onnx-int8-dynamic" + ("-unsigned" if weight_type == "uint8" else "")
    name += ("" if per_channel else "-per-tensor") + ("" if embeddings else "-fp32-embeddings")
    step = Step(
        "quantize_dynamic", {"weight_type": weight_type, "per_channel": per_channel, "embeddings": embeddings}
    )
    recipe = Recipe(name, "int8", step, operators, convert, prepare=prepare, notes={"reduce_range": narrow})
    return make_quantized(parent, recipe, include=include, exclude=exclude, out_dir=out_dir)


def quantize_static(
    variant: Variant | str | Path,
    *,
    samples: Sequence[Mapping[str, np.ndarray]] | str | Path | None = None,
    method: str | None = None,
    per_channel: bool | None = None,
    include: Patterns = None,
    exclude: Patterns = None,
    out_dir: str | Path | None = None,
) -> Variant:
    """Quantizes weights and activations to int8, with ranges measured on sample inputs.

    Args:
        variant: An fp32 ONNX variant, or its folder.
        samples: Inputs to measure on: dicts of arrays, or the path of an `.npz` of them; None takes the source's.
        method: "minmax", "entropy" or "percentile"; None takes "minmax".
        per_channel: One scale per output channel; None takes True.
        include: Globs over PyTorch module names or ONNX node names; only these are quantized.
        exclude: Globs of what stays in fp32.
        out_dir: A folder for the variant; None puts it into the workspace.

    Returns:
        The int8 variant, with the calibration samples beside it.

    Raises:
        ValueError: The variant is no fp32 ONNX variant, an argument makes no sense, or a pattern matches nothing.
        ConvertError: What came out does not run.

    Example:
        >>> quantize_static(export_onnx(load_model("random/tiny-bert")), method="percentile").precision
        'int8'
    """
    parent = require_fp32(variant, "quantize_static")
    method = method or "minmax"
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}.")
    per_channel = True if per_channel is None else per_channel
    narrow = _needs_narrow_weights()
    feeds = check_feeds(parent.samples() if samples is None else samples)
    arguments: dict[str, Any] = {"method": method, "per_channel": per_channel}
    if samples is not None:
        arguments["samples"] = name_feeds(feeds)
        with open_runner(parent, device="cpu") as runner:
            for index, feed in enumerate(feeds):
                pick_inputs(feed, runner.input_names, f"samples[{index}]: {parent.name}")

    def convert(prepared: Path, target: Path, nodes: list[str], large: bool) -> None:
        from onnxruntime.quantization import QuantFormat, QuantType
        from onnxruntime.quantization import quantize_static as convert_static

        if samples is not None:
            save_feeds(feeds, target.parent / arguments["samples"])
        ranges = calibrate_ranges(
            parent, prepared, target.name, feeds, method=method, operators=PRODUCTS, large=large
        )
        convert_static(
            prepared,
            target,
            calibration_data_reader=None,
            calibration_cache_path=ranges,
            calibrate_method=METHODS[method],
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(PRODUCTS),
            per_channel=per_channel,
            reduce_range=narrow,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_quantize=nodes,
            use_external_data_format=large,
        )

    name = f"onnx-int8-static-{method}" + ("" if per_channel else "-per-tensor")
    recipe = Recipe(
        name,
        "int8",
        Step("quantize_static", arguments),
        PRODUCTS,
        convert,
        keep_types=True,
        notes={"reduce_range": narrow},
    )
    return make_quantized(parent, recipe, include=include, exclude=exclude, out_dir=out_dir)


def quantize_weights(
    variant: Variant | str | Path,
    *,
    bits: int = 4,
    block_size: int | None = None,
    include: Patterns = None,
    exclude: Patterns = None,
    out_dir: str | Path | None = None,
) -> Variant:
    """Quantizes weights alone, in blocks, to 4 or 8 bits: the smallest files; activations stay fp32.

    Args:
        variant: An fp32 ONNX variant, or its folder.
        bits: 4 or 8.
        block_size: How many weights share a scale: 16, 32, 64, 128 or 256; None takes 32.
        include: Globs over PyTorch module names or ONNX node names; only these are quantized.
        exclude: Globs of what stays in fp32.
        out_dir: A folder for the variant; None puts it into the workspace.

    Returns:
        The int4 or int8 variant.

    Raises:
        ValueError: The variant is no fp32 ONNX variant, an argument makes no sense, or a pattern matches nothing.
        ConvertError: What came out does not run.

    Example:
        >>> quantize_weights(export_onnx(load_model("random/tiny-bert")), block_size=32).precision
        'int4'
    """
    parent = require_fp32(variant, "quantize_weights")
    if bits not in (4, 8):
        raise ValueError(f"bits must be 4 or 8, got {bits!r}.")
    block_size = 32 if block_size is None else block_size
    if block_size not in (16, 32, 64, 128, 256):
        raise ValueError(f"block_size must be 16, 32, 64, 128 or 256, got {block_size!r}.")

    def convert(prepared: Path, target: Path, nodes: list[str], large: bool) -> None:
        from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

        model = load_graph(prepared)
        others = [node.name for node in model.graph.node if node.name not in set(nodes)]
        quantizer = MatMulNBitsQuantizer(
            model, bits=bits, block_size=block_size, is_symmetric=True, nodes_to_exclude=others
        )
        quantizer.process()
        save_graph(quantizer.model.model, target)

    step = Step("quantize_weights", {"bits": bits, "block_size": block_size})
    name = f"onnx-int{bits}-weights" + ("" if block_size == 32 else f"-block{block_size}")
    recipe = Recipe(name, f"int{bits}", step, ("MatMul",), convert)
    return make_quantized(parent, recipe, include=include, exclude=exclude, out_dir=out_dir)


def _needs_narrow_weights() -> bool:
    """Whether weights get 7 bits: without VNNI the kernels add two products in 16 bits, which 8 can overflow."""
    return "avx2" in cpu_features() and not {"avx512_vnni", "avx_vnni"} & set(cpu_features())
