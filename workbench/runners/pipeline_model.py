"""What a transformers pipeline takes for a model, around a runner: tensors in, tensors out."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from workbench.errors import TaskError
from workbench.models.variant import Variant
from workbench.runners import open_runner

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def open_model(variant: Variant, threads: int | None) -> PreTrainedModel:
    """A variant as a model that pipelines can call.

    Raises:
        TaskError: Its task is to generate: that takes a cache of past key values, which this model does not keep.
        VariantError: Its files cannot be opened.
    """
    if variant.task_row.generates:
        raise TaskError(
            f"There is no {variant.task} pipeline for {variant.name} ({variant.runtime}): generating is left to "
            "ONNX Runtime and PyTorch. Make the pipeline of the ONNX variant that it was made from "
            "(variant.parent), or run single steps: open_runner(variant)."
        )
    import torch
    import transformers
    from transformers.utils import ModelOutput

    runner = open_runner(variant, threads=threads)

    class RunnerModel(transformers.PreTrainedModel):
        """Runs a variant; it has no weights of its own."""

        main_input_name = runner.input_names[0]
        device = torch.device("cpu")
        dtype = torch.float32

        def forward(self, **inputs: Any) -> ModelOutput:
            """Runs once; what the variant does not take is left aside."""
            feed = {name: value.numpy() for name, value in inputs.items() if isinstance(value, torch.Tensor)}
            return ModelOutput({name: torch.from_numpy(value) for name, value in runner.run(feed).items()})

    # Pipelines look here for what they may pass.
    parameters = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in runner.input_names]
    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    RunnerModel.forward.__signature__ = inspect.Signature([own, *parameters])  # type: ignore[attr-defined]
    config = transformers.AutoConfig.from_pretrained(
        variant.path, local_files_only=True, trust_remote_code=False
    )
    model: PreTrainedModel = RunnerModel(config)
    return model.eval()
