"""`make_pipeline`: the transformers pipeline on any variant, so that text goes in and answers come out."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import TaskError
from workbench.machine import usable_cores
from workbench.models.settings import check_number, check_settings, limit_threads
from workbench.models.stored import check_contents
from workbench.models.variant import Variant, resolve_variant
from workbench.quiet import quiet

if TYPE_CHECKING:
    from transformers import Pipeline

    from workbench.models.source import Source


def make_pipeline(
    variant: Variant | Source | str | Path, *, threads: int | None = None, **kwargs: Any
) -> Pipeline:
    """Makes the transformers pipeline of a variant's task.

    Args:
        variant: A variant, a source (its PyTorch model), or a variant's folder.
        threads: How many threads one call may use; by default all usable cores, on PyTorch what it is set to.
        **kwargs: Passed on to `transformers.pipeline`, such as `handle_impossible_answer=True`.

    Returns:
        A pipeline; call it as transformers' documentation says.

    Raises:
        TaskError: The variant has no tokenizer or processor, or its runtime no pipeline.
        ValueError: The number of threads makes no sense.

    Example:
        >>> ask = make_pipeline(export_onnx(load_model("random/tiny-bert")))
        >>> sorted(ask(question="Who knows?", context="Nobody knows.").keys())
        ['answer', 'end', 'score', 'start']
    """
    variant = resolve_variant(variant)
    check_number("threads", threads, whole=True)
    check_settings(variant.settings, variant.runtime)
    with quiet():
        import transformers

        if variant.runtime == "torch":
            model, processor = _open_torch(variant)
        elif variant.runtime == "onnxruntime":
            model, processor = _open_onnx(variant, threads)
        elif variant.runtime == "openvino":
            from workbench.runners.pipeline_model import open_model

            model, processor = open_model(variant, threads), load_processor(variant)
        else:
            raise TaskError(f"There is no pipeline for {variant.name}: its runtime is {variant.runtime!r}.")
        if processor is None:
            raise TaskError(
                f"{variant.name} has no tokenizer or processor, and a pipeline needs one. "
                "Put its files (tokenizer.json, …) into the model's folder and load it again."
            )
        options = {"model": model, **_processor_arguments(processor), **kwargs}
        pipeline = transformers.pipeline(variant.task, **options)
    return _hush(pipeline, threads if variant.runtime == "torch" else None)


def _open_torch(variant: Variant) -> tuple[Any, Any]:
    from workbench.runners.torch import open_source, prepare_model

    source = open_source(variant)
    model = prepare_model(source, variant)
    if variant.compiled:
        model = copy.deepcopy(model) if model is source.model else model
        model.compile()
    return model, source.processor


def _open_onnx(variant: Variant, threads: int | None) -> tuple[Any, Any]:
    """The Optimum class that answers to the task, on the CPU with as many threads as this process may use."""
    from optimum import onnxruntime as classes

    from workbench.runners.onnxruntime import explain_refusal, make_options

    assert variant.path is not None
    check_contents(variant)
    options = make_options(variant.settings)
    options.intra_op_num_threads = limit_threads(variant.settings, threads or usable_cores())
    options.log_severity_level = 4
    row = variant.task_row
    try:
        model = getattr(classes, row.ort_class).from_pretrained(
            variant.path, session_options=options, provider="CPUExecutionProvider", local_files_only=True
        )
    except Exception as error:  # ONNX Runtime's exceptions share no base class
        raise explain_refusal(variant.path, error) from error
    if not hasattr(model, "main_input_name"):  # Optimum's CTC class forgets what the pipeline asks it for
        model.main_input_name = next(iter(model.input_names))
    return model, load_processor(variant)


def _hush(pipeline: Pipeline, threads: int | None) -> Pipeline:
    """The same pipeline, whose calls print no advice meant for developers of transformers.

    PyTorch counts its threads for the whole process, so a number of them is set for the length of a call.
    """
    plain = type(pipeline)

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        with quiet(), _torch_threads(threads):
            return plain.__call__(self, *args, **kwargs)

    pipeline.__class__ = type(plain.__name__, (plain,), {"__call__": call})
    return pipeline


@contextlib.contextmanager
def _torch_threads(count: int | None) -> Iterator[None]:
    if count is None:
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def load_processor(variant: Variant) -> Any:
    """The tokenizer or processor of a variant, from its source or its folder; None where there is none."""
    if variant.source is not None:
        return variant.source.processor
    from workbench.models.checkpoint import read_processor

    assert variant.path is not None
    return read_processor(variant.path, str(variant.path), variant.task_row, _LOCAL)


# Said outright: left open, transformers would ask on the terminal whether foreign code may run.
_LOCAL = {"local_files_only": True, "trust_remote_code": False}


def _processor_arguments(processor: Any) -> dict[str, Any]:
    """A processor of several parts is handed over part by part, as pipelines want it."""
    names = ("tokenizer", "image_processor", "feature_extractor")
    parts = {name: part for name in names if (part := getattr(processor, name, None)) is not None}
    if parts:
        return parts
    kind = type(processor).__name__
    if "ImageProcessor" in kind:
        return {"image_processor": processor}
    return {"feature_extractor" if "FeatureExtractor" in kind else "tokenizer": processor}
