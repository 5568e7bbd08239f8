"""What can be chosen when a model is quantized, in plain words, with what follows from it. Knows no widgets."""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Iterable
from typing import Any


@dataclasses.dataclass(frozen=True)
class Method:
    """One way to quantize.

    Attributes:
        verb: The verb that does it.
        label: What stands in the list.
        note: What follows from it.
        controls: The controls that it has, by the names of the arguments.
    """

    verb: str
    label: str
    note: str
    controls: tuple[str, ...]


METHODS = {
    "dynamic": Method(
        "quantize_dynamic",
        "int8, dynamic",
        "Weights become int8 now; activations are measured on the way, so no data is needed. As a rule the fastest "
        "that ONNX Runtime has on a CPU: try it first.",
        ("weight_type", "per_channel", "embeddings"),
    ),
    "static": Method(
        "quantize_static",
        "int8, static",
        "The ranges of the activations are measured now, on the model's sample inputs, and are fixed. On CPUs ONNX "
        "Runtime is as a rule slower this way than with dynamic int8: compare the two.",
        ("method", "per_channel"),
    ),
    "weights": Method(
        "quantize_weights",
        "weights only",
        "The weights alone become 4 or 8 bits, in blocks; everything is still computed in fp32. The smallest file, "
        "and as a rule no faster.",
        ("bits", "block_size"),
    ),
    "openvino": Method(
        "convert_openvino",
        "int8 for OpenVINO",
        "Weights and activations become int8, with ranges measured on the model's sample inputs. Often the fastest on "
        "Intel's CPUs; what you deploy needs OpenVINO.",
        ("precision",),
    ),
}
# What the verbs take anyway is left out of the code.
USUAL = {
    "weight_type": "int8",
    "per_channel": True,
    "embeddings": True,
    "method": "minmax",
    "bits": 4,
    "block_size": 32,
}
CALIBRATION = [
    ("smallest and largest value (minmax)", "minmax"),
    ("least information lost (entropy): slower to make, cuts outliers", "entropy"),
    ("all but the rarest values (percentile): cuts outliers", "percentile"),
]
BITS = [("4 bits: the smallest file", 4), ("8 bits: twice that, and closer to the original", 8)]
BLOCKS = [
    ("16: the closest to the original, the largest file", 16),
    ("32 (recommended)", 32),
    *((str(size), size) for size in (64, 128)),
    ("256: the smallest file", 256),
]
INSTALL = "pip install 'workbench[openvino]'"


def list_methods() -> list[tuple[str, str]]:
    """The methods that this environment has: (label, name).

    Example:
        >>> list_methods()[0]
        ('int8, dynamic', 'dynamic')
    """
    return [(method.label, name) for name, method in METHODS.items() if name != "openvino" or has_openvino()]


def has_openvino() -> bool:
    """Whether what int8 for OpenVINO needs is installed; looks without importing it."""
    return all(importlib.util.find_spec(name) is not None for name in ("openvino", "nncf"))


def describe_weight_types(features: Iterable[str]) -> list[tuple[str, str]]:
    """The types of weights with what they mean on a CPU: (label, value).

    Args:
        features: What the CPU can do, as `machine.cpu_features` says it.

    Example:
        >>> describe_weight_types(["avx2", "avx512_vnni"])[0]
        ('signed: fast on this CPU (VNNI)', 'int8')
    """
    known = set(features)
    if known & {"avx512_vnni", "avx_vnni"}:
        signed, unsigned = (
            "signed: fast on this CPU (VNNI)",
            "unsigned: slower on this CPU, large models several times",
        )
    elif "avx2" in known:
        signed = "signed: the faster one on this CPU (it has no VNNI, so weights get 7 of 8 bits)"
        unsigned = "unsigned: slower on this CPU"
    else:
        signed, unsigned = "signed (recommended)", "unsigned: rarely of use on this CPU"
    return [(signed, "int8"), (unsigned, "uint8")]


def describe_openvino_precisions(features: Iterable[str]) -> list[tuple[str, str]]:
    """What the rest may be computed in on a CPU: (label, value).

    Example:
        >>> [value for _, value in describe_openvino_precisions(["avx2"])]
        ['int8']
    """
    choices = [("fp32: the closest to the original", "int8")]
    if set(features) & {"amx_bf16", "avx512_bf16", "bf16"}:
        choices.append(("bf16: faster on this CPU", "int8-bf16"))
    return choices


def split_globs(text: str) -> str | list[str] | None:
    """What was typed as globs, with commas or spaces between: None, one, or several.

    Example:
        >>> split_globs("encoder.layer.0.*, qa_outputs"), split_globs("qa_outputs "), split_globs(" ")
        (['encoder.layer.0.*', 'qa_outputs'], 'qa_outputs', None)
    """
    globs = text.replace(",", " ").split()
    return globs if len(globs) > 1 else globs[0] if globs else None


def keep_unusual(chosen: dict[str, Any]) -> dict[str, Any]:
    """The arguments that are not what the verb takes anyway.

    Example:
        >>> keep_unusual({"bits": 8, "block_size": 32})
        {'bits': 8}
    """
    return {name: value for name, value in chosen.items() if name not in USUAL or USUAL[name] != value}
