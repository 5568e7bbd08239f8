"""The frame around every verb that makes a variant: look in the cache, work in a hidden folder, check, rename."""

from __future__ import annotations

import dataclasses
import errno
import logging
import shutil
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from workbench.errors import ConvertError, VariantError
from workbench.machine import cpu_features, package_versions, release_memory
from workbench.models.manifest import is_model_file
from workbench.models.variant import Variant, write_manifest
from workbench.models.workspace import MANIFEST, Workspace, lock_folder, new_folder

log = logging.getLogger(__name__)

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def build_variant(
    draft: Variant,
    *,
    out_dir: str | Path | None,
    make: Callable[[Path, Variant], Mapping[str, Any]],
    fits_cpu: bool = False,
    kept: Mapping[str, Mapping[str, Any]] | None = None,
) -> Variant:
    """Makes a variant, or brings back the one that the same steps made before.

    Args:
        draft: The variant as it will be, without path and files.
        out_dir: Where to put it; None puts it into the workspace.
        make: Fills the folder it is given and returns the report. It gets the draft with that folder as its
            path too, so that it can run what it made.
        fits_cpu: Whether the CPU's features decide what is made, so that another CPU makes another variant.
        kept: Files of the parent, as it names them, that stay as they are: with others it is another variant.

    Raises:
        FileExistsError: `out_dir` holds something else.
        ConvertError: It could not be made; nothing was left behind.
        OSError: The workspace cannot be written to.
    """
    versions = package_versions()
    recipe = [
        dataclasses.asdict(draft.origin),
        [dataclasses.asdict(step) for step in draft.steps],
        versions,
        cpu_features() if fits_cpu else (),
        *([kept] if kept else []),
    ]
    target = (
        Path(out_dir).absolute() if out_dir else Workspace().place(draft.origin.source, draft.name, recipe)
    )
    outer = next((folder for folder in target.parents if (folder / MANIFEST).is_file()), None)
    if outer is not None:
        raise ValueError(
            f"out_dir={str(out_dir)!r} lies inside the variant {outer}. Give a folder of its own."
        )
    draft = dataclasses.replace(draft, path=target)
    try:
        with lock_folder(target):
            cached = _cached(draft, kept or {}, in_workspace=out_dir is None)
            if cached is not None:
                return dataclasses.replace(cached, source=draft.source)
            with new_folder(target) as work:
                report = make(work, dataclasses.replace(draft, path=work, files=_list_files(work)))
                release_memory()
                return write_manifest(dataclasses.replace(draft, report=report), work)
    except (OSError, ConvertError) as error:
        explained = _explain(error, draft.name, target)
        if explained is None:
            raise
        raise explained from error


def _explain(raised: BaseException, name: str, target: Path) -> Exception | None:
    """What could not be written where, and what to do; None where the error says enough itself."""
    # A converter's error may be the file system's, wrapped once or twice.
    error: BaseException | None = raised
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__ or error.__context__
    if error is None:
        return None
    if error.errno in NO_SPACE:
        return ConvertError(
            f"No space left for {name} in {target.parent}. Free some, or set WORKBENCH_HOME to a folder on another "
            "disk. Nothing was kept."
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR):
        return PermissionError(
            f"{name} cannot be written to {target.parent} ({error.strerror}). Give another out_dir, or set "
            "WORKBENCH_HOME to a folder that you may write to."
        )
    return None


def _cached(draft: Variant, kept: Mapping[str, Mapping[str, Any]], *, in_workspace: bool) -> Variant | None:
    """The variant that is there already, if it is whole and was made by the same steps."""
    assert draft.path is not None
    try:
        found = Variant.load(draft.path)
    except (FileNotFoundError, VariantError) as error:
        if in_workspace and draft.path.is_dir():
            aside = draft.path.with_name(f".broken-{draft.path.name}-{uuid.uuid4().hex[:8]}")
            draft.path.rename(aside)  # it may hold something of the user's
            log.warning(
                "%s was not whole any more and is made again; what was there is in %s.", draft.path, aside
            )
        elif isinstance(error, VariantError):
            raise
        return None
    same = (found.steps, found.origin, found.versions) == (draft.steps, draft.origin, package_versions())
    same = same and kept.items() <= found.files.items()
    if not same and not in_workspace:
        raise FileExistsError(
            f"{draft.path} holds another variant ({found.name}). Give another out_dir, or delete it."
        )
    return found


def copy_companions(parent: Variant, work: Path) -> None:
    """Copies what is not the model (config, tokenizer, samples), so that the new folder stands alone."""
    assert parent.path is not None
    for name in parent.files:
        if not is_model_file(name):
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(parent.path / name, work / name)


def with_files(draft: Variant) -> Variant:
    """The draft with the files that its folder holds now, so that a runner can open it before it is finished."""
    assert draft.path is not None
    return dataclasses.replace(draft, files=_list_files(draft.path))


def _list_files(folder: Path) -> dict[str, dict[str, Any]]:
    return {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size}
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
