"""`optimize_onnx`: ONNX Runtime's graph optimizations and transformer fusions, with a report of what was fused."""

from __future__ import annotations

import dataclasses
import logging
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from workbench.convert.build import build_variant, copy_companions, with_files
from workbench.convert.checks import compare_runs, require_close, run_all, trial_feeds
from workbench.convert.fusions import count_fused, list_missing
from workbench.errors import ConvertError, VariantError
from workbench.machine import release_memory
from workbench.models.model_config import read_config, read_dimensions
from workbench.models.onnx_files import load_graph, save_graph
from workbench.models.origin import Step
from workbench.models.samples import Feed
from workbench.models.variant import Variant, resolve_variant
from workbench.quiet import quiet

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Level:
    """What one optimization level does: ONNX Runtime's own passes, then the fusions for transformers."""

    passes: int
    fusions: bool
    approximate_gelu: bool = False
    float16: bool = False


LEVELS: dict[int | str, Level] = {
    0: Level(0, fusions=True),
    1: Level(1, fusions=True),
    2: Level(2, fusions=True),
    99: Level(99, fusions=True),
    "O1": Level(1, fusions=False),
    "O2": Level(2, fusions=True),
    "O3": Level(2, fusions=True, approximate_gelu=True),
    "O4": Level(2, fusions=True, approximate_gelu=True, float16=True),
}
DEFAULT_LEVEL = "O2"
FAMILIES = {
    "gpt2": "gpt2",
    "llama": "gpt2",
    "mistral": "gpt2",
    "qwen3": "qwen3",
    "bart": "bart",
    "whisper": "bart",
}
FAMILIES |= {"mbart": "bart", "marian": "bart", "vit": "vit", "clip": "clip"}
RMS_NORM = ("llama", "mistral", "qwen3", "t5", "mt5")
TOLERANCE = {"fp32": 1e-3, "fp16": 5e-2}


def optimize_onnx(
    variant: Variant | str | Path,
    *,
    level: int | str | None = None,
    float16: bool = False,
    out_dir: str | Path | None = None,
) -> Variant:
    """Optimizes the graph of an ONNX variant and checks that it still says the same.

    A fusion that breaks this model is left out, and the report says so.

    Args:
        variant: What `export_onnx` returned, or its folder.
        level: 0 (transformer fusions alone), 1 (and basic passes), 2 (and extended ones), 99 (all, for this CPU),
            or "O1" (basic passes alone), "O2" (like 2), "O3" (and an approximate Gelu), "O4" (and fp16, for
            GPUs). None takes "O2".
        float16: Converts the weights to fp16, for GPUs.
        out_dir: A folder for the variant; None puts it into the workspace.

    Returns:
        The optimized variant. `report["fused"]` counts the fused operators per file, and `report["not_fused"]` says
        what this architecture let expect and did not happen.

    Raises:
        ValueError: The level is unknown, or the variant cannot be optimized (quantized, fp16, no ONNX).
        ConvertError: No level of it gave a model that runs and agrees.

    Example:
        >>> optimized = optimize_onnx(export_onnx(load_model("random/tiny-bert")))
        >>> optimized.report["fused"]["model.onnx"]["Attention"]
        2
    """
    parent = resolve_variant(variant)
    level = DEFAULT_LEVEL if level is None else level.upper() if isinstance(level, str) else level
    if not isinstance(level, int | str) or isinstance(level, bool) or level not in LEVELS:
        raise ValueError(f"level must be one of {', '.join(map(repr, LEVELS))}, got {level!r}.")
    if not isinstance(float16, bool):
        raise TypeError(f"float16 must be True or False, got {float16!r}.")
    _require_plain_onnx(parent)
    float16 = float16 or LEVELS[level].float16
    draft = dataclasses.replace(
        parent,
        name=f"onnx-optimized-{level}".lower().replace("-o2", "") + ("-fp16" if float16 else ""),
        precision="fp16" if float16 else "fp32",
        steps=(*parent.steps, Step("optimize_onnx", {"level": level, "float16": float16})),
        parent_path=parent.path,
    )

    def make(work: Path, draft: Variant) -> Mapping[str, Any]:
        copy_companions(parent, work)
        feeds = trial_feeds(parent.samples(), parent.report.get("max_length"))
        reference = run_all(parent, feeds)
        problems: list[str] = []
        failure: Exception | None = None
        for attempt in _attempts(LEVELS[level]):
            try:
                for file in parent.onnx_files:
                    log.info("optimizing %s: %s", file.name, attempt.what)
                    _optimize_file(file, work / file.name, parent, attempt, float16=float16)
                log.info("checking the optimized model against %s", parent.name)
                figures = _compare(with_files(draft), reference, feeds)
            except (ConvertError, VariantError) as error:
                failure = error
                problems.append(f"{attempt.what}: {str(error).splitlines()[0]}")
                log.info("optimize_onnx: %s did not work and is left out", attempt.what)
                continue
            return {
                "max_length": parent.report.get("max_length"),
                "fused": {file.name: count_fused(work / file.name) for file in parent.onnx_files},
                "not_fused": list_missing(work, parent) if LEVELS[level].fusions else [],
                "left_out": problems,
                **figures,
            }
        raise ConvertError(
            f"No optimization of {parent.name} gave a model that agrees with it. " + " ".join(problems)
        ) from failure

    return build_variant(draft, out_dir=out_dir, make=make, fits_cpu=LEVELS[level].passes == 99)


@dataclasses.dataclass(frozen=True)
class _Attempt:
    what: str
    passes: int
    fusions: bool
    attention: bool
    approximate_gelu: bool


def _attempts(level: Level) -> Iterator[_Attempt]:
    """From the most ambitious to the plainest: a fusion written for another graph can break this one."""
    if level.fusions:
        yield _Attempt("all fusions", level.passes, True, True, level.approximate_gelu)
        yield _Attempt("fusions without attention", level.passes, True, False, level.approximate_gelu)
    yield _Attempt("graph passes alone", max(1, level.passes), False, False, False)


def _require_plain_onnx(parent: Variant) -> None:
    if parent.runtime != "onnxruntime":
        raise ValueError(
            f"optimize_onnx takes an ONNX variant, got {parent.name} ({parent.runtime}). Export it first."
        )
    if parent.precision != "fp32":
        raise ValueError(
            f"{parent.name} is {parent.precision} already. Optimize the fp32 variant first, then quantize the result."
        )
    if any(step.verb == "optimize_onnx" for step in parent.steps):
        raise ValueError(
            f"{parent.name} is optimized already. Give the variant it was made from: variant.parent."
        )


def _optimize_file(source: Path, target: Path, parent: Variant, attempt: _Attempt, *, float16: bool) -> None:
    config = read_config(parent)
    size = read_dimensions(config)
    with quiet():
        import onnxruntime
        from onnxruntime.transformers.fusion_options import FusionOptions
        from onnxruntime.transformers.optimizer import optimize_model

        family = FAMILIES.get(config.get("model_type", ""), "bert")
        options = FusionOptions(family)
        options.enable_attention = attempt.attention
        options.enable_gelu_approximation = attempt.approximate_gelu
        # Embeddings stay a Gather, which can be quantized; and a mask index would be wrong for left padding.
        options.enable_embed_layer_norm = False
        options.use_raw_attention_mask(True)
        # It copies the whole model five times over, and only the fusions of RMS norms need what it finds.
        options.enable_shape_inference = config.get("model_type") in RMS_NORM
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".prepared-") as folder:
            # With its weights in a file of their own the graph is read and written without copying them.
            prepared = Path(folder) / source.name
            save_graph(load_graph(source), prepared, limit=0)
            release_memory()
            # At level 99 the session that writes the file warns, on the process's own stderr, that the file fits this
            # machine alone; `fits_cpu` says so. The level of such warnings cannot be asked for: 2 is the usual one.
            onnxruntime.set_default_logger_severity(3)
            try:
                optimized = optimize_model(
                    str(prepared),
                    model_type=family,
                    num_heads=size.heads,
                    hidden_size=size.hidden,
                    opt_level=attempt.passes,
                    optimization_options=options,
                    only_onnxruntime=not attempt.fusions,
                )
                if float16:
                    optimized.convert_float_to_float16(keep_io_types=True)
            except Exception as error:  # an assertion or a KeyError inside a fusion
                raise ConvertError(
                    f"ONNX Runtime's optimizer failed on {source.name}: {type(error).__name__}: {str(error)[:200]}"
                ) from error
            finally:
                onnxruntime.set_default_logger_severity(2)
    release_memory()
    save_graph(optimized.model, target)
    del optimized
    release_memory()


def _compare(draft: Variant, reference: list[Feed], feeds: list[Feed]) -> dict[str, Any]:
    figures = compare_runs(reference, run_all(draft, feeds), feeds)
    return require_close(figures, draft, "the variant before", TOLERANCE[draft.precision])
