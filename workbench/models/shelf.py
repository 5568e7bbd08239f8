"""The variants of a workspace: listed, renamed, deleted, brought back. `Workspace` has all of it as methods."""

from __future__ import annotations

import atexit
import dataclasses
import datetime
import html
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from workbench.errors import WorkbenchError
from workbench.models.manifest import read_manifest
from workbench.models.variant import Variant
from workbench.models.workspace import MANIFEST

TRASH = ".trash-"
NAME = re.compile(r"[^\W_][\w .+-]{0,59}")
PATIENCE = 1  # seconds for the one who is making this very variant


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
            [head, *(f"  {variant}" for variant in self.variants), *(f"  {each.reason}" for each in self.broken)]
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


@dataclasses.dataclass(frozen=True)
class Deleted:
    """A variant that was deleted, and can be brought back for a while.

    Attributes:
        variant: What it was.
        folder: Where it lies now.
    """

    variant: Variant
    folder: Path


def list_variants(root: Path, folders: Sequence[Path]) -> Shelf:
    """Reads the variants in these folders of a workspace."""
    variants, broken = [], []
    for folder in folders:
        try:
            variants.append(Variant.load(folder))
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


def rename_variant(variant: Variant, name: str) -> Variant:
    """Gives a variant another name, in its manifest; its folder stays where it is.

    Args:
        variant: A variant on disk.
        name: Up to 60 letters, digits, spaces and . _ + -, of which no other variant of the same model has it.

    Raises:
        ValueError: The name will not do, or the variant is in memory.
        VariantError: Its manifest cannot be read any more.
        OSError: Its folder cannot be written to.

    Example:
        >>> rename_variant(export_onnx(load_model("random/tiny-bert")), "as exported").name
        'as exported'
    """
    if variant.path is None:
        raise ValueError(f"{variant.name} lives in memory and is named after what it is: it cannot be renamed.")
    name = name.strip()
    if not NAME.fullmatch(name):
        raise ValueError(
            f"{name!r:.80} is no name for a variant. Give up to 60 letters, digits, spaces and . _ + - that begin "
            "with a letter or a digit."
        )
    if name.casefold().startswith("torch-"):
        raise ValueError(f"{name!r} is kept for PyTorch's variants. Give another name.")
    read_manifest(variant.path)  # says what is wrong if it is gone or damaged
    with _hold(variant.path):
        for manifest in variant.path.parent.glob(f"*/{MANIFEST}"):
            if manifest.parent == variant.path or manifest.parent.name.startswith("."):
                continue
            if str(_read(manifest).get("name", "")).casefold() == name.casefold():
                raise ValueError(f"There is a variant {name!r} of this model already. Give another name.")
        manifest = variant.path / MANIFEST
        times = manifest.stat()
        text = json.dumps({**_read(manifest), "name": name}, indent=2, ensure_ascii=False)
        draft = manifest.with_name(f".{MANIFEST}-{uuid.uuid4().hex[:8]}")
        try:
            draft.write_text(text + "\n", encoding="utf-8")
            os.utime(draft, ns=(times.st_atime_ns, times.st_mtime_ns))  # it keeps its place in the list
            draft.replace(manifest)
        finally:
            draft.unlink(missing_ok=True)
    return dataclasses.replace(variant, name=name)


def delete_variant(root: Path, variant: Variant) -> Deleted:
    """Moves a variant of a workspace aside, and removes for good what was deleted before it.

    Raises:
        ValueError: It is in memory, or lies elsewhere.
        FileNotFoundError: It is gone already.
        RuntimeError: It is being made at this moment.
    """
    path = variant.path
    if path is None:
        raise ValueError(f"{variant.name} lives in memory: there is nothing to delete.")
    if path.parent.parent != root:
        raise ValueError(f"{path} lies outside the workspace {root}. Delete the folder yourself.")
    if not (path / MANIFEST).is_file():
        raise FileNotFoundError(f"{path} is gone already.")
    trash = path.with_name(f"{TRASH}{path.name}-{uuid.uuid4().hex[:8]}")
    with _hold(path):
        path.rename(trash)
    empty_trash(root, keep=trash)
    atexit.register(shutil.rmtree, trash, ignore_errors=True)
    return Deleted(variant, trash)


def restore_variant(deleted: Deleted) -> Variant:
    """Brings back what was deleted last.

    Raises:
        FileNotFoundError: It was removed for good since.
        FileExistsError: It was made again since.
    """
    path = deleted.variant.path
    assert path is not None
    again = "print(variant.as_code()) says how to make it again."
    if not deleted.folder.is_dir():
        raise FileNotFoundError(f"{deleted.variant.name} was removed for good since; {again}")
    with _hold(path):
        if path.exists():
            raise FileExistsError(f"{deleted.variant.name} is there already: it was made again since.")
        deleted.folder.rename(path)
    return Variant.load(path)


def empty_trash(root: Path, *, keep: Path | None = None) -> None:
    """Removes for good what was deleted."""
    for folder in root.glob(f"*/{TRASH}*"):
        if folder != keep:
            shutil.rmtree(folder, ignore_errors=True)


def _hold(path: Path) -> FileLock:
    """The right to change a folder, which its maker has while it makes it."""
    lock = FileLock(path.parent / f".{path.name}.lock", timeout=PATIENCE)
    try:
        lock.acquire()
    except Timeout as error:
        raise RuntimeError(f"{path.name} is being made at this moment. Try again when it is there.") from error
    return lock


def _read(manifest: Path) -> dict[str, Any]:
    try:
        found = json.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _format_time(made: str) -> str:
    """A time of the manifest as the clock on the wall here says it."""
    try:
        return datetime.datetime.fromisoformat(made).astimezone().strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return ""
