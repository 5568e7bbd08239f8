"""Where variants live: naming, caching by content, atomic writes, locks.

    <WORKBENCH_HOME or ./artifacts>/<source>/<variant>-<key>/variant.json, model.onnx, …

A variant is made in a hidden folder beside its place and renamed into it once it is whole, under a lock that
the operating system drops when its holder dies. So a folder with its final name is complete, whatever happened.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

if TYPE_CHECKING:
    from workbench.models.shelf import Shelf
    from workbench.models.upkeep import Deleted
    from workbench.models.variant import Variant

MANIFEST = "variant.json"
_UNFINISHED = ".making-"


class Workspace:
    """The folder in which variants are kept.

    Args:
        root: The folder; by default `WORKBENCH_HOME`, else `./artifacts`.

    Example:
        >>> Workspace("/tmp/bench").place("demo/qa", "onnx-fp32", {"opset": 18}).parent.name
        'demo-qa'
    """

    def __init__(self, root: str | Path | None = None) -> None:
        self.root = Path(root or os.environ.get("WORKBENCH_HOME") or "artifacts").expanduser().absolute()

    def __repr__(self) -> str:
        return f"Workspace({str(self.root)!r})"

    def place(self, source_name: str, variant_name: str, recipe: Any) -> Path:
        """The folder for a variant: two names to read, and a key made of everything that decides its content."""
        key = hashlib.sha256(json.dumps(recipe, sort_keys=True, default=str).encode()).hexdigest()[:10]
        return self.root / slug(source_name) / f"{slug(variant_name)}-{key}"

    def folders(self) -> list[Path]:
        """The variant folders that are there, newest last."""
        found = [
            path.parent for path in self.root.glob(f"*/*/{MANIFEST}") if not path.parent.name.startswith(".")
        ]
        return sorted(found, key=lambda folder: (folder / MANIFEST).stat().st_mtime_ns)

    def variants(self) -> Shelf:
        """Reads the variants that are there, after checking that their files are, too, and of the right size.

        What is in the files, which may be gigabytes, is checked when a variant is used.

        Returns:
            Those that can be read, the last made at the end, and for the others what is wrong with them.

        Example:
            >>> exported = export_onnx(load_model("random/tiny-bert"))
            >>> [variant.name for variant in Workspace().variants()]
            ['onnx-fp32']
        """
        from workbench.models.shelf import list_variants

        return list_variants(self.root, self.folders())

    def rename(self, variant: Variant, name: str) -> Variant:
        """Gives a variant another name; see `upkeep.rename_variant`."""
        from workbench.models.upkeep import rename_variant

        return rename_variant(variant, name)

    def delete(self, variant: Variant) -> Deleted:
        """Deletes a variant; until the next one is deleted, or the session ends, `restore` brings it back.

        Raises:
            ValueError: It is in memory, or lies outside this workspace.
            FileNotFoundError: It is gone already.
            RuntimeError: It is being made at this moment.

        Example:
            >>> exported = export_onnx(load_model("random/tiny-bert"))
            >>> deleted = Workspace().delete(exported)
            >>> exported.path.exists(), Workspace().restore(deleted).name
            (False, 'onnx-fp32')
        """
        from workbench.models.upkeep import delete_variant

        return delete_variant(self.root, variant)

    def restore(self, deleted: Deleted) -> Variant:
        """Brings back what was deleted last.

        Raises:
            FileNotFoundError: It was removed for good since.
            FileExistsError: It was made again since.
        """
        from workbench.models.upkeep import restore_variant

        return restore_variant(deleted)

    def sweep(self) -> None:
        """Removes what makers that were killed have left; what another process is making stays."""
        for left in self.root.glob(f"*/{_UNFINISHED}*"):
            name = left.name.removeprefix(_UNFINISHED)[: -len("-12345678")]
            lock = FileLock(left.parent / f".{name}.lock")
            with contextlib.suppress(Timeout), lock.acquire(timeout=0):
                shutil.rmtree(left, ignore_errors=True)


def slug(name: str) -> str:
    """A name that is safe as one folder's name on every system.

    Example:
        >>> slug("deepset/roberta-base squad2")
        'deepset-roberta-base-squad2'
    """
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:80] or "model"


@contextlib.contextmanager
def lock_folder(target: Path) -> Iterator[None]:
    """Holds the one right to make `target`; others wait here until it is made, or its maker is gone.

    Raises:
        OSError: The folder around it cannot be written to.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(target.parent / f".{target.name}.lock")
    with lock:
        _sweep(target)
        yield


@contextlib.contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A folder to work in, which becomes `target` when the block ends well, and vanishes when it does not.

    Raises:
        FileExistsError: `target` is there already, with something in it.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise FileExistsError(
            f"{target} is there already and holds something else. Give another out_dir, or empty it first."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    work = target.parent / f"{_UNFINISHED}{target.name}-{uuid.uuid4().hex[:8]}"
    work.mkdir()
    try:
        yield work
        if target.exists():
            target.rmdir()
        work.rename(target)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise


def _sweep(target: Path) -> None:
    """Removes what a killed maker of this target left; only called by the holder of its lock."""
    # All eight digits: `model-*` would take what another process is making of `model-int8` with it.
    for left in target.parent.glob(f"{_UNFINISHED}{glob.escape(target.name)}-{'[0-9a-f]' * 8}"):
        shutil.rmtree(left, ignore_errors=True)
