"""`export_onnx`: from PyTorch to ONNX. The one module that knows which exporter is used."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import hashlib
import json
import logging
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.convert.axes import fix_refused_sizes, larger_images
from workbench.convert.build import NO_SPACE, build_variant, with_files
from workbench.convert.checks import compare_runs, require_close, run_all, trial_feeds
from workbench.errors import ConvertError, TaskError
from workbench.machine import release_memory
from workbench.models.onnx_files import load_graph, save_graph
from workbench.models.origin import Origin, Step
from workbench.models.samples import input_limit, name_feeds, save_feeds
from workbench.models.variant import SAMPLES, Variant
from workbench.quiet import quiet

if TYPE_CHECKING:
    import torch

    from workbench.models.source import Source

log = logging.getLogger(__name__)

TOLERANCE = 1e-3
DEFAULT_OPSET = 18
KNOWN_OPSETS = range(14, 21)  # what the tracing exporter can write


def export_onnx(source: Source, *, out_dir: str | Path | None = None, opset: int | None = None) -> Variant:
    """Exports a loaded model to ONNX and checks it against PyTorch, at shapes it was not traced with.

    Args:
        source: What `load_model` returned.
        out_dir: A folder for the variant; None puts it into the workspace, where it is found again.
        opset: The ONNX operator set, 14 to 20; None takes 18, which suits all architectures tried, and records it.

    Returns:
        The fp32 ONNX variant. Its `report` says how far its outputs lie from PyTorch's.

    Raises:
        TaskError: The exporter does not know this architecture for this task.
        ConvertError: The export failed, or what came out does not agree with PyTorch.

    Example:
        >>> variant = export_onnx(load_model("random/tiny-bert"))
        >>> variant.report["max_difference"] < 1e-4
        True
    """
    from workbench.models.source import Source

    if not isinstance(source, Source):
        raise TypeError(
            f"export_onnx takes what load_model returns, got {type(source).__name__}: export_onnx(load_model(…))."
        )
    if opset is not None and (isinstance(opset, bool) or opset not in KNOWN_OPSETS):
        raise ValueError(f"opset must lie between {KNOWN_OPSETS[0]} and {KNOWN_OPSETS[-1]}, got {opset!r}.")
    if source.origin.dtype != "fp32":
        raise ValueError(
            f"The source was loaded in {source.origin.dtype}; ONNX is exported from fp32 and made smaller afterwards. "
            f"Load it with load_model({source.origin.source!r}), then use optimize_onnx(..., float16=True) or quantize."
        )
    if any(weight.device.type == "meta" for weight in source.model.parameters()):
        raise ValueError(
            "Parts of this model are offloaded, and only a whole one can be exported. Load it on one device."
        )
    opset = opset or DEFAULT_OPSET
    draft = Variant(
        name="onnx-fp32" + ("" if opset == DEFAULT_OPSET else f"-opset{opset}"),
        runtime="onnxruntime",
        precision="fp32",
        origin=_current_origin(source),
        steps=(Step("export_onnx", {"opset": opset}),),
        source=source,
    )

    def make(work: Path, draft: Variant) -> Mapping[str, Any]:
        log.info("exporting %s to ONNX (opset %d)", source.origin.source, opset)
        _call_exporter(source, work, opset)
        release_memory()
        fixed = fix_refused_sizes(source, work)
        if source.processor is not None:
            source.processor.save_pretrained(work)
        save_feeds(source.samples, work / SAMPLES)
        log.info("checking the ONNX model against PyTorch")
        return {"fixed_sizes": fixed, **_check(source, with_files(draft))}

    return build_variant(draft, out_dir=out_dir, make=make)


def _current_origin(source: Source) -> Origin:
    """The origin with the weights' hash of now: the caller may have changed the model since it was loaded."""
    now = source.fingerprint()
    edited = now != source.origin.fingerprint
    return dataclasses.replace(
        source.origin, fingerprint=now, edited=edited, companions=_hash_companions(source)
    )


def _hash_companions(source: Source) -> str:
    """A hash of what lies beside the model in its variants: tokenizer, sample inputs, settings of generation."""
    digest = hashlib.sha256(name_feeds(source.samples).encode())
    settings = getattr(source.model, "generation_config", None)
    digest.update(str(settings.to_dict() if settings is not None else None).encode())
    if source.processor is not None:
        try:
            with quiet(), tempfile.TemporaryDirectory() as folder:
                source.processor.save_pretrained(folder)
                for path in sorted(Path(folder).rglob("*")):
                    digest.update(_read_settled(path) if path.is_file() else path.name.encode())
        except OSError as error:
            if error.errno not in NO_SPACE:
                raise
            raise ConvertError(
                f"No space left for onnx-fp32 in {tempfile.gettempdir()}. Free some, or set TMPDIR to a folder on "
                "another disk. Nothing was kept."
            ) from error
    return digest.hexdigest()[:16]


def _read_settled(path: Path) -> bytes:
    """A file's content, but for what a fast tokenizer writes down of its last call: how it padded and cut."""
    content = path.read_bytes()
    if path.name != "tokenizer.json":
        return content
    settings = json.loads(content)
    return json.dumps({**settings, "padding": None, "truncation": None}, sort_keys=True).encode()


def _call_exporter(source: Source, work: Path, opset: int) -> None:
    """Optimum today: traces each part of the model and writes its files with dynamic axes into the folder."""
    with quiet():
        from optimum.exporters.onnx import onnx_export_from_model
        from optimum.exporters.tasks import TasksManager

    with quiet():  # anew: when it is imported, Optimum sets the level of its logger
        row = source.baseline.task_row
        model_type = source.model.config.model_type
        try:
            supported = TasksManager.get_supported_tasks_for_model_type(
                model_type, "onnx", library_name="transformers"
            )
        except KeyError as error:
            raise TaskError(f"The exporter does not know the architecture {model_type!r} yet.") from error
        if row.exporter_task not in supported:
            raise TaskError(
                f"The exporter cannot export {model_type!r} for {row.name!r}. "
                f"It can for: {', '.join(sorted(supported))}."
            )
        try:
            with _left_alone(source.model):
                onnx_export_from_model(
                    source.model,
                    work,
                    task=row.exporter_task,
                    opset=opset,
                    do_validation=False,  # ours is stricter: real inputs, more shapes
                    # An encoder-decoder stays three plain files: a merged decoder hides its products inside an If,
                    # where neither fusions nor static quantization reach them.
                    no_post_process=True,
                )
        except Exception as error:  # whatever the tracer met
            raise ConvertError(
                f"The export of {source.origin.source!r} for {row.name!r} failed: {type(error).__name__}: "
                f"{str(error).strip().splitlines()[0][:300] if str(error).strip() else 'no message'}. "
                "Nothing was kept. Another opset may help."
            ) from error
    for path in work.glob("*.onnx"):
        if not any(sibling.name.startswith(f"{path.name}_data") for sibling in work.iterdir()):
            _move_weights_out(path)


@contextlib.contextmanager
def _left_alone(model: torch.nn.Module) -> Iterator[None]:
    """Puts back what the exporter changes: configs (T5's encoder would not run again), and methods (of a ViT)."""
    configs = {id(part.config): part.config for part in model.modules() if hasattr(part, "config")}
    before = [(config, copy.deepcopy(config.__dict__)) for config in configs.values()]
    methods = [(part, vars(part).get("forward")) for part in model.modules()]
    try:
        yield
    finally:
        for part, method in methods:
            if method is None:
                vars(part).pop("forward", None)
            else:
                part.forward = method
        for config, content in before:
            config.__dict__.clear()
            config.__dict__.update(content)


def _move_weights_out(path: Path) -> None:
    """Gives a graph whose weights pass the limit a file of weights beside it."""
    from workbench.models import onnx_files

    if path.stat().st_size > onnx_files.EXTERNAL_DATA_LIMIT:
        save_graph(load_graph(path), path)


def _check(source: Source, variant: Variant) -> dict[str, Any]:
    limit = input_limit(source.model.config, source.processor)
    feeds = trial_feeds(source.samples, limit)
    feeds += [dict(sample) for sample in source.samples[:2]]
    feeds += larger_images(source, variant)
    reference = run_all(source.baseline, feeds)
    feeds = [{name: np.asarray(value) for name, value in feed.items()} for feed in feeds]
    figures = compare_runs(reference, run_all(variant, feeds), feeds)
    return {"max_length": limit, **require_close(figures, variant, "PyTorch", TOLERANCE)}
