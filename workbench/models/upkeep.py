"""Variants on disk are renamed, deleted and brought back. `Workspace` has these as methods."""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from workbench.models.manifest import read_manifest
from workbench.models.stored import read_variant
from workbench.models.variant import Variant
from workbench.models.workspace import MANIFEST

TRASH = ".trash-"
NAME = re.compile(r"[^\W_][\w .+-]{0,59}")
PATIENCE = 1  # seconds for the one who is making this very variant


@dataclasses.dataclass(frozen=True)
class Deleted:
    """A variant that was deleted, and can be brought back for a while.

    Attributes:
        variant: What it was.
        folder: Where it lies now.
    """

    variant: Variant
    folder: Path


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
        raise ValueError(
            f"{variant.name} lives in memory and is named after what it is: it cannot be renamed."
        )
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


def discard_folder(path: Path) -> None:
    """Removes the folder of a variant that nobody has seen yet, for good; one that is in use stays."""
    trash = path.with_name(f"{TRASH}{path.name}-{uuid.uuid4().hex[:8]}")
    with contextlib.suppress(OSError, RuntimeError):
        with _hold(path):
            path.rename(trash)
        shutil.rmtree(trash, ignore_errors=True)


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
    return read_variant(path)


def empty_trash(root: Path, *, keep: Path | None = None) -> None:
    """Removes for good what was deleted."""
    for folder in root.glob(f"*/{TRASH}*"):
        if folder != keep:
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _hold(path: Path) -> Iterator[None]:
    """The right to change a folder, which its maker has while it makes it."""
    lock = FileLock(path.parent / f".{path.name}.lock")
    try:
        lock.acquire(timeout=PATIENCE)
    except Timeout as error:
        raise RuntimeError(
            f"{path.name} is being made at this moment. Try again when it is there."
        ) from error
    with contextlib.ExitStack() as stack:
        stack.callback(lock.release)
        yield


def _read(manifest: Path) -> dict[str, Any]:
    try:
        found = json.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
