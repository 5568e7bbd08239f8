"""What the demos' training scripts share: the learning rate's course, and how a model folder is written."""

from __future__ import annotations

import math
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch


def make_repeatable(seed: int, threads: int) -> None:
    """Let a run repeat from its seed, on the same versions, number of threads and kind of processor.

    Args:
        seed: What weights and order are drawn from.
        threads: How many threads to compute with.
    """
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)


def rate_at(step: int, steps: int, warmup: int) -> float:
    """Give the share of the learning rate at a step: a linear warm-up, then a cosine down to zero.

    Args:
        step: The step, from 0.
        steps: How many there are.
        warmup: How many of them rise.

    Returns:
        A number from 0 to 1.

    Example:
        >>> [round(rate_at(step, 10, 2), 2) for step in (0, 1, 2, 6, 10)]
        [0.5, 1.0, 1.0, 0.5, 0.0]
    """
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def save_half(model: Any, processor: Any, folder: Path) -> None:
    """Write a model with float16 weights that load as float32, and its tokenizer or image processor.

    Args:
        model: The trained model; its weights become float16.
        processor: What prepares its inputs.
        folder: Where to write.
    """
    model.half().save_pretrained(folder)
    processor.save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)  # safetensors makes it readable by its owner alone
    config = folder / "config.json"
    # float16 is how the weights are packed, not how they are meant to be run: loading with dtype="auto" reads this.
    config.write_text(config.read_text().replace('"dtype": "float16"', '"dtype": "float32"'))


def replace_folder(made: Path, folder: Path) -> None:
    """Put a complete folder where another one may lie.

    Args:
        made: The folder to copy.
        folder: Where to.
    """
    if folder.exists():
        shutil.rmtree(folder)
    shutil.copytree(made, folder)


def name_versions(*packages: str) -> str:
    """Name the installed versions of packages, for a model card.

    Args:
        packages: Their names.

    Returns:
        Names and versions, separated by commas.
    """
    return ", ".join(f"{name} {version(name)}" for name in packages)
