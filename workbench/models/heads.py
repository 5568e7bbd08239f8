"""Does a task fit a model? Judged by the family before loading, and by what was missing after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.errors import TaskError
from workbench.models.tasks import TASKS, Task, infer_task

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

_TEXT_INPUTS = ("pair", "text", "mask", "prompt", "seq2seq")
_NOT_TEXT = ("vit", "wav2vec2", "whisper", "clip")
_HEADS = ("lm_head", "proj_out", "classifier", "classification_head", "qa_outputs", "score", "cls", "head")


def check_family(config: PretrainedConfig, task: Task, given: str) -> Any:
    """The transformers class that loads this family for a task.

    Raises:
        TaskError: There is none, or it would not do what the task's name says.
    """
    import transformers

    auto_class = getattr(transformers, task.auto_class)
    if not _fits(config, task, auto_class):
        raise TaskError(
            f"The task {task.name!r} does not fit {given!r}, a {config.model_type} model. "
            f"Fitting tasks: {', '.join(fitting_tasks(config)) or 'none that is supported'}."
        )
    return auto_class


def fitting_tasks(config: PretrainedConfig) -> list[str]:
    """The tasks for which there is a head in this family."""
    import transformers

    fitting = [task.name for task in TASKS if _fits(config, task, getattr(transformers, task.auto_class))]
    return list(dict.fromkeys(fitting))


def _fits(config: PretrainedConfig, task: Task, auto_class: Any) -> bool:
    from transformers import AutoModelForMaskedLM

    if type(config) not in auto_class._model_mapping:
        remote = getattr(config, "auto_map", None) or {}
        return auto_class.__name__ in remote
    if task.inputs in _TEXT_INPUTS and config.model_type in _NOT_TEXT:
        return False
    if task.name == "feature-extraction":
        return not config.is_encoder_decoder
    if task.name == "fill-mask":
        return not config.is_encoder_decoder
    if (
        task.name == "text-generation"
    ):  # encoders have such a class too, but were not trained to go on writing
        decodes = config.is_decoder or type(config) not in AutoModelForMaskedLM._model_mapping
        return decodes and not config.is_encoder_decoder
    if task.name == "automatic-speech-recognition":
        return task.is_seq2seq == config.is_encoder_decoder
    return True


def spoken_task(config: PretrainedConfig) -> str | None:
    """The task that the config's architecture speaks for, or None."""
    try:
        return infer_task(config).name
    except TaskError:
        return None


def is_head(model: PreTrainedModel, name: str) -> bool:
    """Whether a weight belongs to what sits on top of the model's body, not to the body."""
    prefix = model.base_model_prefix
    if prefix and hasattr(model, prefix):
        return not name.startswith(f"{prefix}.")
    return name.split(".")[0] in _HEADS  # the body is not in one place (T5), or the model is a body (CLIP)
