"""What stands in a workspace: its variants as a list, and what is wrong with those that cannot be read."""

from __future__ import annotations

import dataclasses
import datetime
import html
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError
from workbench.models.stored import read_variant
from workbench.models.variant import Variant


@dataclasses.dataclass(frozen=True)
class Broken:
    """A folder of a workspace that holds no variant that can be used.

    Attributes:
        folder: The folder.
        reason: What is wrong with it, and what to do.
    """

    folder: Path
    reason: str


@dataclasses.dataclass(frozen=True)
class Row:
    """What a list says of a variant, as text."""

    name: str
    model: str
    runtime: str
    precision: str
    size: str
    made_from: str
    made: str


@dataclasses.dataclass(frozen=True)
class Shelf:
    """What a workspace holds.

    Attributes:
        root: The workspace's folder.
        variants: Those that can be read, the last made at the end.
        broken: The others.
    """

    root: Path
    variants: tuple[Variant, ...]
    broken: tuple[Broken, ...] = ()

    def __iter__(self) -> Iterator[Variant]:
        return iter(self.variants)

    def __len__(self) -> int:
        return len(self.variants)

    def __str__(self) -> str:
        """A line for each."""
        head = f"{len(self.variants)} variants in {self.root}"
        return "\n".join(
            [
                head,
                *(f"  {variant}" for variant in self.variants),
                *(f"  {each.reason}" for each in self.broken),
            ]
        )

    def _repr_html_(self) -> str:
        heads = "".join(f"<th>{field.name.replace('_', ' ')}</th>" for field in dataclasses.fields(Row))
        rows = "".join(
            f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in dataclasses.astuple(row))}</tr>"
            for row in describe_variants(self.variants)
        )
        notes = "".join(f"<p>{html.escape(each.reason)}</p>" for each in self.broken)
        return f"<table><tr>{heads}</tr>{rows}</table>{notes}"

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {
            "root": str(self.root),
            "variants": [variant.to_dict() for variant in self.variants],
            "broken": [{"folder": str(each.folder), "reason": each.reason} for each in self.broken],
        }


def list_variants(root: Path, folders: Sequence[Path]) -> Shelf:
    """Reads the variants in these folders of a workspace; what is in their files is looked at when one is used."""
    variants, broken = [], []
    for folder in folders:
        try:
            variants.append(read_variant(folder))
        except (WorkbenchError, OSError, ValueError, TypeError) as error:
            broken.append(Broken(folder, str(error)))
    return Shelf(root, tuple(variants), tuple(broken))


def describe_variants(variants: Sequence[Variant]) -> list[Row]:
    """What a list says of each variant: a parent that is in the list, too, by its name of today."""
    names = {variant.path: variant.name for variant in variants}
    rows = []
    for variant in variants:
        parent = variant.parent_path
        if parent is not None:
            came = names.get(parent, parent.name if parent.is_dir() else f"{parent.name}, which is gone")
        else:
            came = f"torch-{variant.origin.dtype}" if variant.runtime != "torch" else ""
        verb = variant.steps[-1].verb if variant.steps else "load_model"
        size = f"{variant.size_bytes / 1e6:,.1f} MB" if variant.size_bytes else "in memory"
        rows.append(
            Row(
                name=variant.name,
                model=variant.origin.source,
                runtime=variant.runtime,
                precision=variant.precision,
                size=size,
                made_from=f"{came}, {verb}" if came else verb,
                made=_format_time(variant.made),
            )
        )
    return rows


def _format_time(made: str) -> str:
    """A time of the manifest as the clock on the wall here says it."""
    try:
        return datetime.datetime.fromisoformat(made).astimezone().strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return ""
