"""Contestants: what each is made from and how, and which of them were asked for."""

from __future__ import annotations

import dataclasses
import difflib
import fnmatch
import functools
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import ConvertError, VariantError
from workbench.models.free_name import find_free_name
from workbench.models.variant import Variant, resolve_variant, torch_variant

if TYPE_CHECKING:
    from workbench.models.source import Source

# (parent, modules to leave in fp32) -> the quantized variant
Quantize = Callable[[Variant, Sequence[str]], Variant]


class Parts:
    """What several contestants are made from; each is made when it is first asked for, and an error is remembered."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._made: dict[str, Variant | Exception] = {}

    @property
    def exported(self) -> Variant:
        """The model in ONNX."""
        from workbench.convert.export import export_onnx

        return self._make("exported", lambda: export_onnx(self.source))

    @property
    def optimized(self) -> Variant:
        """The same with its graph optimized."""
        from workbench.convert.optimize import optimize_onnx

        return self._make("optimized", lambda: optimize_onnx(self.exported))

    @functools.cached_property
    def fingerprint(self) -> str:
        """The hash of the model's config and weights, as they were when it was first asked for."""
        return self.source.fingerprint()

    def recall(self, path: str, parent: Variant | None = None) -> Variant:
        """A variant that an earlier call made of this model.

        Args:
            path: Its folder.
            parent: What it has to be made from, where that is known.

        Raises:
            FileNotFoundError: It is gone.
            VariantError: It is not whole, or was made of something else.
        """
        found = Variant.load(path)
        wanted = parent.origin.fingerprint if parent is not None else self.fingerprint
        steps = parent.steps if parent is not None else ()
        if (found.origin.fingerprint, found.task) != (wanted, self.source.task) or (
            found.steps[: len(steps)] != steps
        ):
            raise VariantError(f"{path} was not made of {parent or self.source}. Make the variant again.")
        return dataclasses.replace(found, source=self.source)

    def _make(self, name: str, make: Callable[[], Variant]) -> Variant:
        if name not in self._made:
            try:
                self._made[name] = make()
            except Exception as error:  # said again to each contestant that needs it, and not tried again
                self._made[name] = error
        made = self._made[name]
        if isinstance(made, Exception):
            raise made
        return made


@dataclasses.dataclass(frozen=True)
class Contestant:
    """A row of the table.

    Attributes:
        name: Its name in the race.
        runtime: What runs it.
        precision: Of its weights.
        make: Makes the variant, with the public verbs.
        applies: Why it makes no sense for this model on this machine; None where it does.
        note: What else a reader has to know of it; None for nothing.
        parent: What it is quantized from, where modules can be left in fp32.
        quantize: How it is quantized from that.
        own: What a variant of the caller's own is made of, so that two of one name are told apart.
    """

    name: str
    runtime: str
    precision: str
    make: Callable[[Parts], Variant]
    applies: Callable[[Parts], str | None] = lambda parts: None
    note: Callable[[Parts], str | None] = lambda parts: None
    parent: Callable[[Parts], Variant] | None = None
    quantize: Quantize | None = None
    own: str = ""

    @property
    def key(self) -> str:
        """What tells it from all others, from race to race."""
        return f"{self.name} {self.own}".strip()


def choose_contestants(
    source: Source,
    candidates: Iterable[str | Variant | Source | Path] | str | Variant | Source | Path | None,
) -> list[Contestant]:
    """The contestants that were asked for, each once, the baseline first.

    Args:
        source: The model.
        candidates: Names and globs of the table, and variants of the caller's own or their folders, one of these or
            several; None for the whole table.

    Raises:
        ValueError: No contestant has such a name, or a variant is for another task.
        TypeError: One is neither a name nor a variant.
        FileNotFoundError: A folder holds no variant.

    Example:
        >>> [row.name for row in choose_contestants(load_model("random/tiny-bert"), ["torch-b*6", "onnx-fp32"])]
        ['torch-fp32', 'torch-bf16', 'onnx-fp32']
    """
    from workbench.race.entries import list_contestants

    baseline = source.baseline
    table = {row.name: row for row in list_contestants()}
    first = Contestant(baseline.name, "torch", baseline.precision, lambda parts: parts.source.baseline)
    chosen = {first.name: first}
    if candidates is None:
        candidates = list(table)
    one_alone = isinstance(candidates, str | Path) or not isinstance(candidates, Iterable)
    asked: list[Any] = [candidates] if one_alone else list(candidates)  # type: ignore[arg-type]
    if not asked:
        raise ValueError(
            f"candidates is empty: give names such as {', '.join([*table][1:4])}, or None for all."
        )
    others = []
    for one in asked:
        found = fnmatch.filter(table, one) if isinstance(one, str) else []
        chosen |= {name: table[name] for name in found if name not in chosen}
        if found or one == first.name:
            continue
        if isinstance(one, str) and not os.path.isdir(one):
            raise ValueError(_describe_unknown(one, table))
        others.append(resolve_variant(one))
    for variant in others:
        own = _take_own(variant, source, chosen)
        if own is not None:
            chosen[own.name] = own
    return list(chosen.values())


def _describe_unknown(name: str, table: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(table), n=2, cutoff=0.5)
    hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
    return (
        f"candidates has {name!r}, and no contestant is named so.{hint} There are: {', '.join(table)}. "
        "Globs such as 'onnx-*', variants of your own and their folders are taken too."
    )


def _take_own(variant: Variant, source: Source, chosen: dict[str, Contestant]) -> Contestant | None:
    """A variant of the caller's own as a contestant, under a name that is still free; None where it is there."""
    if variant.task != source.task:
        raise ValueError(f"{variant.name} is for {variant.task}, and this race is about {source.task}.")
    own = _describe_content(variant)
    if any(one.own == own for one in chosen.values()):
        return None
    name = variant.name
    if variant.runtime == "torch" and name in chosen:
        same = torch_variant(
            source.origin, source=source, precision=variant.precision, compiled=variant.compiled
        )
        if _describe_content(same) == own:
            return None
    name = find_free_name(name, chosen)
    return Contestant(name, variant.runtime, variant.precision, lambda parts: variant, own=own)


def _describe_content(variant: Variant) -> str:
    """Everything that decides what a variant is: the calls, the files, and PyTorch's weights as they are now."""
    loaded = variant.source if variant.runtime == "torch" else None
    return repr(
        [
            variant.as_code(),
            variant.compiled,
            loaded.fingerprint() if loaded is not None else variant.origin.fingerprint,
            sorted(entry["sha256"] for entry in variant.files.values()),
        ]
    )


def is_temporary(error: BaseException) -> bool:
    """Whether another try may end otherwise, such as after making room on the disk."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError | MemoryError):
            return True
        seen = seen.__cause__ or seen.__context__
    return not isinstance(error, ConvertError | ValueError | TypeError)
