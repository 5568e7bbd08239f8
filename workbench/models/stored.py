"""Variants as they lie in their folders: brought back at a look, and checked to the last byte when they are used."""

from __future__ import annotations

import os
from pathlib import Path

from workbench.models.manifest import check_files, check_hashes, read_manifest, unreadable
from workbench.models.origin import Origin, Step
from workbench.models.variant import Variant


def read_variant(folder: str | Path) -> Variant:
    """Brings a variant back from its folder, like `Variant.load`, but looks at names and sizes alone.

    For lists: what is in the files is checked when the variant is used (`check_contents`).

    Raises:
        FileNotFoundError: There is no such folder, or it holds no variant.
        VariantError: The manifest cannot be read, or a file is missing or of another size.
    """
    folder = Path(folder).absolute()
    data = read_manifest(folder)
    parent = data["parent"]
    try:
        variant = Variant(
            name=data["name"],
            runtime=data["runtime"],
            precision=data["precision"],
            origin=Origin(**data["origin"]),
            path=folder,
            steps=tuple(Step(step["verb"], step["arguments"]) for step in data["steps"]),
            parent_path=Path(os.path.normpath(folder / parent)) if parent else None,
            files=data["files"],
            versions=data["versions"],
            cpu=tuple(data["cpu"]),
            report=data["report"],
            settings=data["settings"],
            made=data["made"],
        )
    except TypeError as error:
        raise unreadable(folder, error) from error
    check_files(folder, variant.files, _advise(variant))
    return variant


def check_contents(variant: Variant) -> None:
    """Checks that what lies in a variant's folder is what was made; in a process, each file is read once.

    A variant that is still being made has no hashes yet, and one in memory no files.

    Raises:
        VariantError: A file is missing or altered.
    """
    if variant.path is not None and all("sha256" in entry for entry in variant.files.values()):
        check_hashes(variant.path, variant.files, _advise(variant))


def _advise(variant: Variant) -> str:
    verb = variant.steps[-1].verb if variant.steps else "export_onnx"
    return f"delete the folder and call {verb} once more."
