"""Reads a model from a local folder, without the network, and is honest about what it found there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import LoadError, TaskError
from workbench.models.devices import torch_dtype
from workbench.models.heads import check_family, is_head, spoken_task
from workbench.models.tasks import Task, find_task, infer_task
from workbench.models.weights import check_weights

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

_VOCABULARIES = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
    "source.spm",
)
_LOADERS = {
    "image": "AutoImageProcessor",
    "image+text": "AutoProcessor",
    "audio": "AutoProcessor",
    "speech": "AutoProcessor",
}
_PREPROCESSOR = "preprocessor_config.json"
_TRUST = "If you trust its authors, call load_model(..., trust_remote_code=True)."


def read_checkpoint(
    folder: Path, given: str, *, task: str | None, precision: str, place: str, trust_remote_code: bool
) -> tuple[PreTrainedModel, Any, Task]:
    """The model of a folder, its processor and its task.

    Args:
        folder: Where it lies.
        given: What the caller called it, for messages.
        task: A task's name, or None for the one that the config speaks for.
        precision: "fp32", "bf16" or "fp16".
        place: A device, or "auto" for several GPUs.
        trust_remote_code: Whether Python files of the folder may be run.

    Raises:
        LoadError: A file is missing, broken, or does not belong to the others.
        TaskError: The task is unknown, or the model has no head for it.
    """
    import torch

    local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": trust_remote_code}
    config = read_config(folder, given, trust_remote_code=trust_remote_code)
    row = find_task(task, encoder_decoder=bool(config.is_encoder_decoder)) if task else infer_task(config)
    auto_class = check_family(config, row, given)
    if type(config) not in auto_class._model_mapping and not trust_remote_code:
        raise LoadError(f"{given} brings its own code for {row.name!r}, which was not run. {_TRUST}")
    _check_entailment(config, row, given)
    processor = _read_processor(folder, given, row, local)
    options = {**local, "use_safetensors": check_weights(folder), "dtype": torch_dtype(precision)}
    if place == "auto":
        options["device_map"] = "auto"
    try:
        model, report = auto_class.from_pretrained(
            folder,
            config=config,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # so that they are reported, and refused below
            weights_only=True,
            **options,
        )
    except (MemoryError, torch.cuda.OutOfMemoryError):
        raise
    except Exception as error:  # a config that does not fit its own weights fails in many ways
        raise LoadError(
            f"{given} cannot be loaded: {_first_line(error)}. Check that config.json and the weights belong together."
        ) from error
    check_report(model, report, given, row)
    return model, processor, row


def read_config(folder: Path, given: str, *, trust_remote_code: bool) -> PretrainedConfig:
    """The config of a folder.

    Raises:
        LoadError: It is missing, broken, or of a family that is not known here.
    """
    from transformers import CONFIG_MAPPING, AutoConfig

    file = folder / "config.json"
    if not file.is_file():
        advice = "Give a model's own folder."
        if (folder / "adapter_config.json").is_file():
            advice = "It is an adapter: merge it into its base model first."
        raise LoadError(f"{given} holds no config.json, so it is no model folder. {advice}")
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        family = values.get("model_type")
    except (ValueError, AttributeError) as error:
        raise LoadError(f"{file} is not a readable JSON object. Fetch or save the model again.") from error
    if not trust_remote_code and family not in CONFIG_MAPPING:
        if "auto_map" in values:
            raise LoadError(
                f"{given} brings its own code (model type {family!r}), which was not run. {_TRUST}"
            )
        raise LoadError(
            f"{file} names the model type {family!r}, which the installed transformers does not know. "
            "Check the file, or try a newer transformers."
        )
    try:
        config = AutoConfig.from_pretrained(
            folder, local_files_only=True, trust_remote_code=trust_remote_code
        )
    except Exception as error:  # whatever a config class makes of values that it did not expect
        raise LoadError(f"{file} cannot be used: {_first_line(error)}. Check its values.") from error
    config._attn_implementation = None  # a config may ask for a kernel from the Hub, which is code
    return config


def check_report(model: PreTrainedModel, report: dict[str, Any], given: str, row: Task) -> None:
    """Judges what loading had to make up or leave aside.

    Raises:
        TaskError: The checkpoint has no weights for the head of this task.
        LoadError: Config and weights do not belong together.
    """
    sizes = sorted(report["mismatched_keys"])
    wrong = [f"{name} is {_size(found)}, expected {_size(wanted)}" for name, found, wanted in sizes]
    if wrong:
        raise LoadError(
            f"The config of {given} does not fit its weights: {_some(wrong, 2)}. "
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


def _read_processor(folder: Path, given: str, row: Task, local: dict[str, Any]) -> Any:
    import transformers

    has_words = any((folder / name).is_file() for name in _VOCABULARIES)
    has_preprocessor = (folder / _PREPROCESSOR).is_file()
    if row.inputs != "image" and not has_words:
        raise LoadError(
            f"{given} has no tokenizer, which {row.name!r} needs. "
            "Add its files: tokenizer.json and tokenizer_config.json (or vocab.txt, vocab.json with merges.txt, …)."
        )
    if row.inputs in _LOADERS and not has_preprocessor:
        raise LoadError(
            f"{given} has no {_PREPROCESSOR}, which {row.name!r} needs. Add it from the model's origin."
        )
    loader = getattr(transformers, _LOADERS.get(row.inputs, "AutoTokenizer"))
    try:
        return loader.from_pretrained(folder, **local)
    except Exception as error:  # a tokenizer's files fail in the JSON reader, in Rust, or in a converter
        what = "preprocessor" if row.inputs == "image" else "tokenizer"
        raise LoadError(
            f"The {what} files of {given} cannot be read: {_first_line(error)}. Fetch or save them again."
        ) from error


def _check_entailment(config: PretrainedConfig, row: Task, given: str) -> None:
    if row.name != "zero-shot-classification":
        return
    labels = list((config.id2label or {}).values())
    if not any(str(label).lower().startswith("entail") for label in labels):
        raise TaskError(
            f"The task {row.name!r} does not fit {given}: none of its labels ({_some(labels, 4)}) is 'entailment'. "
            "Give a model trained on natural language inference, or task='text-classification'."
        )


def _first_line(error: BaseException, limit: int = 160) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return text.rstrip(".") if len(text) <= limit else text[: limit - 1] + "…"


def _size(shape: Any) -> str:
    return "×".join(str(number) for number in shape) or "one number"


def _some(names: list[Any], count: int) -> str:
    rest = f" and {len(names) - count} more" if len(names) > count else ""
    return ", ".join(str(name) for name in names[:count]) + rest
