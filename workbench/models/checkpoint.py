"""Reads a model from a local folder, without the network, and is honest about what it found there."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import LoadError, first_line
from workbench.models.devices import torch_dtype
from workbench.models.heads import check_entailment, check_family, check_report
from workbench.models.tasks import Task, find_task, infer_task
from workbench.models.weights import check_weights, find_weights

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

log = logging.getLogger(__name__)

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
    check_entailment(config, row, given)
    processor = read_processor(folder, given, row, local)
    options = {**local, "use_safetensors": check_weights(folder), "dtype": torch_dtype(precision)}
    size = sum(file.stat().st_size for file in find_weights(folder)[0])
    log.info("reading the weights of %s, %s MB", given, f"{size / 1e6:,.1f}")
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
            f"{given} cannot be loaded as a {config.model_type} model: {first_line(error)}. "
            "Check that its config.json and its weights belong together."
        ) from error
    check_report(model, report, given, row)
    return model, processor, row


def read_config(folder: Path, given: str, *, trust_remote_code: bool) -> PretrainedConfig:
    """The config of a folder.

    Raises:
        LoadError: It is missing, broken, or of a family that is not known here.
    """
    from transformers import CONFIG_MAPPING, AutoConfig

    file, values = read_config_file(folder, given)
    family = values.get("model_type")
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
        raise LoadError(f"{file} cannot be used: {first_line(error)}. Check its values.") from error
    config._attn_implementation = None  # a config may ask for a kernel from the Hub, which is code
    return config


def read_config_file(folder: Path, given: str) -> tuple[Path, dict[str, Any]]:
    """The `config.json` of a folder and what is in it, as plain data.

    Raises:
        LoadError: It is missing or broken.
    """
    file = folder / "config.json"
    if not file.is_file():
        advice = "Give a model's own folder."
        if (folder / "adapter_config.json").is_file():
            advice = "It is an adapter: merge it into its base model first."
        raise LoadError(f"{given} holds no config.json, so it is no model folder. {advice}")
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise LoadError(f"{file} is not a readable JSON object. Fetch or save the model again.")
    return file, values


def read_processor(folder: Path, given: str, row: Task, local: dict[str, Any]) -> Any:
    """The tokenizer, image processor or processor that a task needs, from a folder.

    Args:
        folder: Where its files lie.
        given: What the caller called it, for messages.
        row: The task.
        local: Options for transformers.

    Raises:
        LoadError: A file is missing or broken.
    """
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
            f"The {what} files of {given} cannot be read: {first_line(error)}. Fetch or save them again."
        ) from error
