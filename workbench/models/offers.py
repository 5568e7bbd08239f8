"""What `load_model` can be given, for those who choose from a list or type a path: demos, architectures, folders.

Nothing is loaded here, and nothing heavy imported: a list is on the screen at once.
"""

from __future__ import annotations

import json
import re
import types
from pathlib import Path
from typing import Any

from workbench.errors import LoadError, TaskError, first_line
from workbench.models.architectures import ARCHITECTURES, PREFIX
from workbench.models.checkpoint import read_config_file
from workbench.models.demo_data import DEMO_TASKS, demo_examples
from workbench.models.hub_place import find_cache
from workbench.models.locate import find_folder
from workbench.models.processors import FAMILIES
from workbench.models.samples import sample_examples
from workbench.models.tasks import infer_task
from workbench.models.variant import Variant
from workbench.models.weights import find_weights

OWN_PREFIXES = ("demo/", PREFIX)
TOKENIZER = "tokenizer_config.json"
_HUB_ID = re.compile(r"[A-Za-z0-9_][\w.-]{0,95}(/[\w.-]{1,96})?", re.ASCII)  # 96: the longest name there


def demo_offers() -> dict[str, str]:
    """The bundled demos that are there, by the name that `load_model` takes, with the task of each.

    Example:
        >>> demo_offers()["demo/qa"]
        'question-answering'
    """
    found = {}
    for name, task in DEMO_TASKS.items():
        try:
            if (find_folder(name, revision=None, trust_remote_code=False) / "config.json").is_file():
                found[name] = task
        except LoadError:
            continue
    return found


def architecture_offers() -> dict[str, str]:
    """The architectures that can be had with random weights, with the task that each is usually used for.

    Example:
        >>> architecture_offers()["random/roberta-base"]
        'question-answering'
    """
    return {PREFIX + name: row.task for name, row in ARCHITECTURES.items()}


def describe_folder(folder: str | Path) -> str:
    """Looks whether a folder holds a model that could be loaded, and says what it is, in a line.

    Args:
        folder: What somebody typed.

    Raises:
        LoadError: It does not exist, cannot be read, or lacks its config or its weights.

    Example:
        >>> from workbench import demo
        >>> describe_folder(demo.model_folder("qa"))
        'BertForQuestionAnswering, for question-answering; weights: model.safetensors, 8.6 MB'
    """
    try:
        path = find_folder(Path(folder), revision=None, trust_remote_code=False)
        _, config = read_config_file(path, str(folder))
        files, is_safe = find_weights(path)
        size = sum(file.stat().st_size for file in files)
    except (
        OSError,
        RuntimeError,
        ValueError,
    ) as error:  # forbidden, too long, another's home, a null character
        raise LoadError(
            f"The folder {str(folder)!r:.200} cannot be looked into: {first_line(error)}. Check the path."
        ) from error
    what = ", ".join(map(str, config.get("architectures") or [config.get("model_type") or "a model"]))
    name = files[0].name if len(files) == 1 else f"{len(files)} files"
    pickled = "" if is_safe else " (pickled: only their numbers are read)"
    return f"{what}, {_speak_for(config)}; weights: {name}, {size / 1e6:,.1f} MB{pickled}"


def is_hub_id(text: str) -> bool:
    """Whether a text could be the id of a model on the Hub.

    Example:
        >>> is_hub_id("org/model"), is_hub_id("../model")
        (True, False)
    """
    return _HUB_ID.fullmatch(text) is not None


def check_hub_id(text: str) -> str:
    """The id of a model on the Hub as somebody typed it. The Hub is not asked.

    Raises:
        ValueError: Nothing was typed, or something that `load_model` would take for another thing.

    Example:
        >>> check_hub_id(" org/model ")
        'org/model'
    """
    name = text.strip()
    if not name:
        raise ValueError("Type the id of a model on the Hub, such as owner/name.")
    if not is_hub_id(name):
        raise ValueError(f"{name!r:.120} is no Hub id: those look like owner/name.")
    if name.startswith(OWN_PREFIXES):
        raise ValueError(f"{name!r} comes with the workbench. Choose it under its own place.")
    if _exists(name):
        raise ValueError(
            f"{name!r} exists here, and load_model would take that. Choose 'Folder', or rename it."
        )
    return name


def _exists(name: str) -> bool:
    try:
        return Path(name).exists()
    except OSError:  # what may not be looked at cannot be loaded from either
        return False


def list_examples(variant: Variant) -> list[Any]:
    """What a person would give a variant, in the form that its task takes: what its source brings, without loading it.

    Example:
        >>> list_examples(load_model("demo/qa").baseline)[0].keys()
        dict_keys(['question', 'context'])
    """
    if variant.source is not None:
        return list(variant.source.examples)
    known = demo_examples(variant.origin.source, variant.task)
    if known is not None:
        return known
    return sample_examples(variant.task_row, types.SimpleNamespace(mask_token=_read_mask(variant)))


def _read_mask(variant: Variant) -> str | None:
    """The mask token of a variant: of the tokenizer beside it, or of the model that it comes from."""
    source = variant.origin.source
    if source.removeprefix(PREFIX) in ARCHITECTURES and variant.origin.random:
        kind = ARCHITECTURES[source.removeprefix(PREFIX)].config.removesuffix("Config").lower()
        specials = [row.specials for name, row in FAMILIES.items() if name.replace("-", "") == kind]
        return specials[0].get("mask") if specials else None
    folder = variant.path or (Path(source) if Path(source).is_dir() else None)
    file: Any = folder / TOKENIZER if folder else _find_in_cache(source, variant.origin.revision)
    try:
        token = json.loads(Path(file).read_text(encoding="utf-8")).get("mask_token")
    except (OSError, ValueError, AttributeError, TypeError):  # there is none that says so
        return None
    return token.get("content") if isinstance(token, dict) else token


def _find_in_cache(name: str, revision: str | None) -> Any:
    from huggingface_hub import try_to_load_from_cache

    try:
        return try_to_load_from_cache(name, TOKENIZER, find_cache(), revision=revision)
    except ValueError:  # no possible id
        return None


def _speak_for(config: dict[str, Any]) -> str:
    try:
        return f"for {infer_task(types.SimpleNamespace(**config)).name}"
    except (TaskError, TypeError, AttributeError):
        return "its config names no task that is known: choose one"
