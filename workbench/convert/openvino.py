"""`convert_openvino`: an ONNX variant for OpenVINO, in fp32, bf16, or in int8."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workbench.convert.build import build_variant, copy_companions, with_files
from workbench.convert.checks import compare_runs, require_close, run_all, trial_feeds
from workbench.convert.linking import link_files
from workbench.convert.openvino_int8 import cannot_run, choose_nodes, quantize_files
from workbench.convert.patterns import as_patterns
from workbench.convert.quantizing import require_fp32
from workbench.errors import ConvertError, VariantError
from workbench.models.origin import Step
from workbench.models.samples import check_feeds, name_feeds, save_feeds
from workbench.models.variant import Variant
from workbench.runners import open_runner
from workbench.runners.openvino_package import import_openvino
from workbench.runners.protocol import pick_inputs

# What may be asked for: (the variant's precision, that of all that is not int8).
PRECISIONS = {
    "fp32": ("fp32", "fp32"),
    "bf16": ("bf16", "bf16"),
    "int8": ("int8", "fp32"),
    "int8-bf16": ("int8", "bf16"),
}
TOLERANCE = 1e-3  # of the largest output, in fp32


def convert_openvino(
    variant: Variant | str | Path,
    *,
    precision: str | None = None,
    samples: Sequence[Mapping[str, np.ndarray]] | str | Path | None = None,
    include: Iterable[str] | str | None = None,
    exclude: Iterable[str] | str | None = None,
    out_dir: str | Path | None = None,
) -> Variant:
    """Makes an ONNX variant run with OpenVINO: as it is, in bf16, or quantized to int8 on sample inputs.

    Args:
        variant: An fp32 ONNX variant, or its folder.
        precision: "fp32", "bf16" (on CPUs that have it), "int8", or "int8-bf16": int8, and bf16 for the rest. None
            takes "fp32".
        samples: Inputs to measure ranges on, for int8: dicts of arrays, or the path of an `.npz` of them; None takes
            the source's.
        include: Globs over PyTorch module names or ONNX node names; only these become int8.
        exclude: Globs of what does not.
        out_dir: A folder for the variant; None puts it into the workspace.

    Returns:
        The OpenVINO variant. Its `report` says how far its outputs moved and, for int8, what was quantized.

    Raises:
        ImportError: OpenVINO is not installed; the message says how to get it.
        ValueError: The variant is no fp32 ONNX variant, an argument makes no sense, or a pattern matches nothing.
        ConvertError: OpenVINO cannot run this graph, this CPU has no bf16, or what came out does not run.

    Example:
        >>> fast = convert_openvino(export_onnx(load_model("random/tiny-bert")), precision="int8", exclude="qa_outputs")
        >>> fast.name, fast.report["left_in_fp32"]
        ('openvino-int8-selective', ['/qa_outputs/MatMul'])
    """
    parent = require_fp32(variant, "convert_openvino")
    precision = "fp32" if precision is None else precision
    if not isinstance(precision, str) or precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(map(repr, PRECISIONS))}, got {precision!r}.")
    stored, hint = PRECISIONS[precision]
    asked = {"samples": samples, "include": include, "exclude": exclude}
    unfit = [name for name, value in asked.items() if value is not None and stored != "int8"]
    if unfit:
        raise ValueError(f"{' and '.join(unfit)} say what becomes int8, but precision is {precision!r}.")
    arguments: dict[str, Any] = {"precision": precision}
    patterns = {
        name: as_patterns(value, name)
        for name, value in (("include", include), ("exclude", exclude))
        if value is not None
    }
    import_openvino()
    _require_bf16(hint, precision)
    feeds = [] if stored != "int8" else check_feeds(parent.samples() if samples is None else samples)
    if samples is not None:
        arguments["samples"] = name_feeds(feeds)
        with open_runner(parent, device="cpu") as runner:
            for index, feed in enumerate(feeds):
                pick_inputs(feed, runner.input_names, f"samples[{index}]: {parent.name}")
    choice = choose_nodes(parent, patterns) if stored == "int8" else {}
    draft = dataclasses.replace(
        parent,
        name=f"openvino-{precision}" + ("-selective" if patterns else ""),
        runtime="openvino",
        precision=stored,
        steps=(*parent.steps, Step("convert_openvino", {**arguments, **patterns})),
        parent_path=parent.path,
        settings={"inference_precision": hint},
    )

    def make(work: Path, draft: Variant) -> Mapping[str, Any]:
        report: dict[str, Any] = {"max_length": parent.report.get("max_length")}
        if stored == "int8" and hint != "fp32":  # the very files of int8, run otherwise
            twin = convert_openvino(
                parent,
                precision="int8",
                samples=feeds if samples is not None else None,
                include=patterns.get("include"),
                exclude=patterns.get("exclude"),
            )
            link_files(twin, work)
            report |= {key: twin.report[key] for key in ("quantized", "left_in_fp32")}
        elif stored == "int8":
            copy_companions(parent, work)
            if samples is not None:
                save_feeds(feeds, work / arguments["samples"])
            report |= quantize_files(parent, work, feeds, choice)
        else:
            link_files(parent, work)
        return {**report, **_compare(parent, with_files(draft))}

    return build_variant(draft, out_dir=out_dir, make=make, fits_cpu=precision != "fp32")


def _require_bf16(hint: str, precision: str) -> None:
    from workbench.runners.openvino import has_bf16, list_capabilities

    if hint == "bf16" and not has_bf16():
        other = "int8" if precision.startswith("int8") else "fp32"
        raise ConvertError(
            f"precision={precision!r} needs a CPU on which OpenVINO runs bf16; this one offers "
            f"{', '.join(list_capabilities())}. Take precision={other!r}."
        )


def _compare(parent: Variant, candidate: Variant) -> dict[str, Any]:
    """Runs what was made at shapes of all kinds, and says how far it lies from the variant before."""
    feeds = trial_feeds(parent.samples(), parent.report.get("max_length"))
    try:
        figures = compare_runs(run_all(parent, feeds), run_all(candidate, feeds), feeds)
    except VariantError as error:
        raise cannot_run(parent, error.__cause__ or error) from error
    if candidate.precision == "fp32":
        return require_close(figures, candidate, "the variant before", TOLERANCE)
    return figures
