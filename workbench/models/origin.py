"""Where a variant comes from: the model it started as, the calls that led to it, and the code that makes it again."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any


@dataclasses.dataclass(frozen=True)
class Origin:
    """Where a model came from: enough to load it again.

    Attributes:
        source: What `load_model` was given.
        task: The task's name.
        encoder_decoder: Whether the model has an encoder and a decoder (speech recognition needs to know).
        dtype: The precision it was loaded in.
        revision: The Hub revision asked for, if any.
        trust_remote_code: Whether code from the checkpoint was allowed.
        device: Where it was loaded.
        fingerprint: A hash of the config and the weights.
        random: Whether the weights are random, so that quality figures mean nothing.
        edited: Whether the model was changed in memory after it was loaded.
    """

    source: str
    task: str
    encoder_decoder: bool = False
    dtype: str = "fp32"
    revision: str | None = None
    trust_remote_code: bool = False
    device: str = "cpu"
    fingerprint: str = ""
    random: bool = False
    edited: bool = False
    companions: str = ""


@dataclasses.dataclass(frozen=True)
class Step:
    """One call on the way from the source to a variant, with every argument, also those chosen for the caller."""

    verb: str
    arguments: dict[str, Any] = dataclasses.field(default_factory=dict, hash=False)

    def as_code(self, first: str) -> str:
        """The call as Python, with `first` as its first argument."""
        arguments = "".join(f", {name}={value!r}" for name, value in self.arguments.items())
        return f"wb.{self.verb}({first}{arguments})"


def write_code(origin: Origin, steps: Sequence[Step], asked: Mapping[str, Any] | None = None) -> str:
    """The Python that makes a variant again, from loading its source on.

    Args:
        origin: The model.
        steps: The calls that made the variant of it.
        asked: For a PyTorch variant, its precision and whether it is compiled: what `as_variant` was asked for.
    """
    options: dict[str, Any] = {"task": origin.task}
    if origin.dtype != "fp32":
        options["dtype"] = origin.dtype
    if origin.device != "cpu":
        options["device"] = origin.device
    if origin.revision:
        options["revision"] = origin.revision
    if origin.trust_remote_code:
        options["trust_remote_code"] = True
    load = Step("load_model", options)
    lines = ["import workbench as wb", "", f"source = {load.as_code(repr(origin.source))}"]
    if origin.edited:
        lines.append("# The model was changed after it was loaded: make the same change here.")
    if asked is not None:
        call = ", ".join(f"{name}={value!r}" for name, value in asked.items())
        plain = tuple(asked.values()) == (origin.dtype, False)
        lines.append("variant = source.baseline" if plain else f"variant = source.as_variant({call})")
    for index, step in enumerate(steps):
        lines.append(f"variant = {step.as_code('source' if index == 0 else 'variant')}")
    return "\n".join(lines)
