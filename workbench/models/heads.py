"""Does a task fit a model? Judged by the family before loading, and by what was missing after it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from workbench.errors import LoadError, TaskError
from workbench.models.samples import Feed
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
    # Encoders have such a class too, but were not trained to go on writing.
    if task.name == "text-generation":
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


def check_entailment(config: PretrainedConfig, row: Task, given: str) -> None:
    """Zero-shot classification reads the label "entailment", so there must be one.

    Raises:
        TaskError: There is none.
    """
    if row.name != "zero-shot-classification":
        return
    labels = list((config.id2label or {}).values())
    if not any(str(label).lower().startswith("entail") for label in labels):
        raise TaskError(
            f"The task {row.name!r} does not fit {given}: none of its labels ({_some(labels, 4)}) is 'entailment'. "
            "Give a model trained on natural language inference, or task='text-classification'."
        )


def check_report(model: PreTrainedModel, report: dict[str, Any], given: str, row: Task) -> None:
    """Judges what loading had to make up or leave aside.

    Raises:
        TaskError: The checkpoint has no weights for the head of this task.
        LoadError: Config and weights do not belong together.
    """
    sizes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    wrong = [f"{name} is not {_size(sizes[name])}" for name in sorted(report["mismatched_keys"])]
    if wrong:
        raise LoadError(
            f"The config of {given} does not fit the sizes of its weights: {_some(wrong, 2)}. "
            "Use the config.json that was saved with these weights."
        )
    missing = sorted(report["missing_keys"])
    if missing and row.name == "feature-extraction" and all(name.startswith("pooler.") for name in missing):
        model.pooler = None  # its weights would be random, and nothing of this task reads it
        missing = []
    body = [name for name in missing if not is_head(model, name)]
    if body:
        raise LoadError(
            f"The config of {given} does not fit its weights: {len(body)} that a {type(model).__name__} needs are "
            f"missing, such as {_some(body, 3)}. Use the config.json that was saved with these weights."
        )
    if missing:
        spoken = spoken_task(model.config)
        instead = f"It was saved for {spoken!r}" if spoken not in (None, row.name) else "It has no such head"
        raise TaskError(
            f"The task {row.name!r} does not fit the head of {given}: the weights lack {_some(missing, 3)}. "
            f"{instead}; give the task it was trained for, or train that head first."
        )
    surplus = _surplus_layers(model, report["unexpected_keys"])
    if surplus:
        raise LoadError(
            f"The config of {given} does not fit its weights: they have layers that it does not mention, "
            f"such as {_some(surplus, 3)}. Use the config.json that was saved with these weights."
        )


def _surplus_layers(model: PreTrainedModel, unexpected: list[str]) -> list[str]:
    """Weights that nobody asked for and that are named like those of a layer further up or down.

    Other unexpected weights are harmless: heads from pre-training, buffers of older versions.
    """
    patterns = {_without_numbers(name) for name in model.state_dict()}
    return sorted(
        name for name in unexpected if "#" in _without_numbers(name) and _without_numbers(name) in patterns
    )


def _without_numbers(name: str) -> str:
    return re.sub(r"(?<=\.)\d+(?=\.)", "#", name)


def check_ids(model: PreTrainedModel, samples: Sequence[Feed], given: str) -> None:
    """Checks that the tokenizer is this model's: none of its ids may lie beyond the embeddings.

    Raises:
        LoadError: One does.
    """
    highest = max((int(feed["input_ids"].max()) for feed in samples if "input_ids" in feed), default=0)
    known = getattr(model.config.get_text_config(), "vocab_size", None)
    if known is not None and highest >= known:
        raise LoadError(
            f"The tokenizer of {given} is not this model's: it gives the id {highest}, and the model knows {known}. "
            "Use the tokenizer files that were saved with these weights."
        )


def _size(shape: Any) -> str:
    return "×".join(str(number) for number in shape) or "one number"


def _some(names: list[Any], count: int) -> str:
    rest = f" and {len(names) - count} more" if len(names) > count else ""
    return ", ".join(str(name) for name in names[:count]) + rest
