"""What a worker has to be told to measure exactly the variant that its caller holds.

An ONNX variant is a folder. A PyTorch variant lives in memory: it is loaded again from where it came, or, when its
weights have been changed since, from a copy saved for the purpose. The worker checks the fingerprint either way.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.models.variant import Variant
from workbench.quiet import quiet

if TYPE_CHECKING:
    import torch

    from workbench.models.source import Source

Job = dict[str, Any]


class JobWriter:
    """Writes jobs; several variants of one source share its fingerprint and its copy.

    Args:
        folder: Where copies of changed models go.
        threads: How many threads a call may use.
    """

    def __init__(self, folder: Path, threads: int) -> None:
        self._folder = folder
        self._threads = threads
        self._known: dict[int, tuple[str, str | None]] = {}

    def describe(self, variant: Variant) -> Job:
        """The job of measuring a variant in another process.

        Raises:
            ValueError: The model has something that only this process has, such as a hook.
        """
        job: Job = {"runtime": variant.runtime, "threads": self._threads}
        if variant.runtime != "torch":
            return {**job, "folder": str(variant.path)}
        fingerprint, copy = variant.origin.fingerprint, None
        if variant.source is not None:
            check_portable(variant.source.model, "Measure it here, with isolate=False.")
            fingerprint, copy = self._find_copy(variant.source)
        return {
            **job,
            "origin": dataclasses.asdict(variant.origin),
            "precision": variant.precision,
            "compiled": variant.compiled,
            "fingerprint": fingerprint,
            "copy": copy,
        }

    def _find_copy(self, source: Source) -> tuple[str, str | None]:
        """The model's fingerprint as it is now, and the folder of its copy where it has changed since loading."""
        if id(source.model) not in self._known:
            fingerprint, copy = source.fingerprint(), None
            if fingerprint != source.origin.fingerprint:
                folder = self._folder / f"model-{len(self._known)}"
                save_copy(source, folder)
                copy = str(folder)
            self._known[id(source.model)] = fingerprint, copy
        return self._known[id(source.model)]


def save_copy(source: Source, folder: Path) -> None:
    """Saves a model with its processor as they are now, so that `load_model` can read them."""
    with quiet():
        source.model.save_pretrained(folder)
        if source.processor is not None:
            source.processor.save_pretrained(folder)


def check_portable(model: torch.nn.Module, advice: str) -> None:
    """Refuses a model with parts that no file keeps.

    Args:
        model: The model.
        advice: What to do instead.

    Raises:
        ValueError: A module has a hook, or a `forward` of its own.
    """
    for name, module in model.named_modules():
        if hasattr(module, "_hf_hook"):  # accelerate's, which loading puts back
            continue
        own = vars(module).get("forward")
        # Exporters leave the class's own method behind as an attribute, which changes nothing.
        replaced = own is not None and getattr(own, "__func__", own) is not type(module).forward
        if module._forward_hooks or module._forward_pre_hooks or replaced:
            what = "a forward method of its own" if replaced else "a hook"
            raise ValueError(
                f"{f'its module {name}' if name else 'the model'} has {what}, which no file keeps. {advice}"
            )


def estimate_need(variant: Variant) -> int:
    """About how many bytes a worker takes at most for a variant, its loading included."""
    if variant.runtime == "torch":
        copies = 3.0 if variant.compiled else 1.6
        # int8 is made from fp32, layer by layer; and its engines keep the weights twice, once as they came.
        whole = variant.source.size_bytes if variant.precision == "int8" and variant.source else 0
        return int(700e6 + copies * max(variant.size_bytes, whole))
    return int(150e6 + 2.2 * variant.size_bytes)


def plan_groups(needs: list[int], free: int) -> list[list[int]]:
    """Splits variants into groups that fit into memory; the first one, the baseline, is in each of them.

    A group holds at least one variant beside the baseline: a ratio needs two.

    Example:
        >>> plan_groups([500, 300, 300, 900], free=1200)
        [[0, 1, 2], [0, 3]]
    """
    groups: list[list[int]] = []
    for index in range(1, len(needs)):
        if groups and sum(needs[member] for member in groups[-1]) + needs[index] <= free:
            groups[-1].append(index)
        else:
            groups.append([0, index])
    return groups or [[0]]
