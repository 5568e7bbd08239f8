"""The table of contestants: what may be made of a model, how, and where it does not apply."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from typing import Any

from workbench.machine import cpu_features
from workbench.models.variant import Variant
from workbench.race.contestants import Contestant, Parts
from workbench.runners.compiled import find_missing

HALF_UNITS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
OPENVINO_MISSING = "{} is not installed: pip install 'workbench[openvino]'"


def list_contestants() -> tuple[Contestant, ...]:
    """All contestants, those first that win most often: where time is short, they are the ones that get a turn.

    Example:
        >>> [row.name for row in list_contestants()][:3]
        ['torch-fp32', 'onnx-int8-dynamic', 'openvino-int8-bf16']
    """
    return (
        Contestant("torch-fp32", "torch", "fp32", lambda parts: parts.source.as_variant("fp32"), _needs_fp32),
        _int8("onnx-int8-dynamic", {}),
        _openvino("int8-bf16"),
        Contestant("torch-bf16", "torch", "bf16", lambda parts: parts.source.as_variant("bf16"), note=_half),
        _int8("onnx-optimized-int8-dynamic", {}, optimized=True),
        _openvino("int8"),
        _openvino("bf16"),
        Contestant("torch-int8", "torch", "int8", lambda parts: parts.source.as_variant("int8"), _needs_cpu),
        _compiled("bf16"),
        Contestant("torch-fp16", "torch", "fp16", lambda parts: parts.source.as_variant("fp16"), _needs_gpu),
        _onnx("onnx-fp32", "fp32", lambda parts: parts.exported),
        _onnx("onnx-optimized", "fp32", lambda parts: parts.optimized),
        _onnx("onnx-optimized-fp16", "fp16", _make_fp16),
        _openvino("fp32"),
        _int8("onnx-int8-dynamic-per-tensor", {"per_channel": False}),
        _int8("onnx-optimized-int8-dynamic-per-tensor", {"per_channel": False}, optimized=True),
        _compiled("fp32"),
        _int8("onnx-int8-dynamic-unsigned", {"weight_type": "uint8"}),
        _onnx("onnx-int8-static", "int8", _make_static),
        _onnx("onnx-int4-weights", "int4", _make_int4),
    )


def _onnx(name: str, precision: str, make: Callable[[Parts], Variant], **options: Any) -> Contestant:
    """One on ONNX Runtime, which has to run where the model is: else its speed-up would be that of another device."""

    def applies(parts: Parts) -> str | None:
        from workbench.runners.onnxruntime import choose_device

        place = parts.source.origin.device
        if place != "cpu" and choose_device(place) == "cpu":
            return f"it would run on the CPU, and the model is on {place}: this ONNX Runtime has no CUDA"
        return _needs_gpu(parts) if precision == "fp16" else None

    return Contestant(name, "onnxruntime", precision, make, applies, **options)


def _int8(name: str, options: dict[str, Any], *, optimized: bool = False) -> Contestant:
    """Dynamic int8 on ONNX Runtime, of the exported or of the optimized graph."""

    def find_parent(parts: Parts) -> Variant:
        return parts.optimized if optimized else parts.exported

    def quantize(parent: Variant, exclude: Sequence[str]) -> Variant:
        from workbench.convert.quantize import quantize_dynamic

        return quantize_dynamic(parent, exclude=list(exclude) or None, **options)

    return _onnx(
        name, "int8", lambda parts: quantize(find_parent(parts), ()), parent=find_parent, quantize=quantize
    )


def _openvino(precision: str) -> Contestant:
    def convert(parent: Variant, exclude: Sequence[str]) -> Variant:
        from workbench.convert.openvino import convert_openvino

        return convert_openvino(parent, precision=precision, exclude=list(exclude) or None)

    def applies(parts: Parts) -> str | None:
        needed = ("openvino", "nncf") if "int8" in precision else ("openvino",)
        missing = [name for name in needed if not _is_installed(name)]
        if missing:
            return OPENVINO_MISSING.format(" and ".join(missing))
        if "bf16" in precision and not HALF_UNITS & set(cpu_features()):
            return "this CPU does not compute in bf16"
        return _needs_cpu(parts)

    int8 = "int8" in precision
    return Contestant(
        f"openvino-{precision}",
        "openvino",
        "int8" if int8 else precision,
        lambda parts: convert(parts.exported, ()),
        applies,
        parent=(lambda parts: parts.exported) if int8 else None,
        quantize=convert if int8 else None,
    )


def _compiled(precision: str) -> Contestant:
    return Contestant(
        f"torch-{precision}-compiled",
        "torch",
        precision,
        lambda parts: parts.source.as_variant(precision, compiled=True),
        _needs_compiler,
        note=_half if precision == "bf16" else lambda parts: None,
    )


def _make_fp16(parts: Parts) -> Variant:
    from workbench.convert.optimize import optimize_onnx

    return optimize_onnx(parts.exported, float16=True)


def _make_static(parts: Parts) -> Variant:
    from workbench.convert.quantize import quantize_static

    return quantize_static(parts.exported)


def _make_int4(parts: Parts) -> Variant:
    from workbench.convert.quantize import quantize_weights

    return quantize_weights(parts.exported)


def _needs_fp32(parts: Parts) -> str | None:
    dtype = parts.source.origin.dtype
    return (
        None
        if dtype == "fp32"
        else f"the model was loaded in {dtype}, and fp32 would not bring back what is lost"
    )


def _needs_gpu(parts: Parts) -> str | None:
    return None if parts.source.origin.device != "cpu" else "fp16 is for GPUs, and the model is on the CPU"


def _needs_cpu(parts: Parts) -> str | None:
    place = parts.source.origin.device
    return None if place == "cpu" else f"it runs on the CPU, and the model is on {place}"


def _half(parts: Parts) -> str | None:
    if parts.source.origin.device != "cpu" or HALF_UNITS & set(cpu_features()):
        return None
    return "this CPU does not compute in bf16: PyTorch imitates it"


def _needs_compiler(parts: Parts) -> str | None:
    missing = find_missing(parts.source.origin.device)
    return missing and f"torch.compile {missing}"


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ValueError, ImportError):  # blocked, as tests do it
        return False
