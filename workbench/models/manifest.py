"""`variant.json`: reads it, checks a folder against it, and hashes files. Plain data; `Variant` gives it meaning."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path, PureWindowsPath
from typing import Any

from workbench.errors import VariantError
from workbench.models.settings import check_settings
from workbench.models.workspace import MANIFEST

FORMAT = 1
MODEL_SUFFIXES = (".onnx", ".onnx_data", ".data", ".xml", ".bin", ".safetensors")
VERBS = (
    "export_onnx",
    "optimize_onnx",
    "quantize_dynamic",
    "quantize_static",
    "quantize_weights",
    "convert_openvino",
    "set_session",
)
_TYPES: dict[str, Any] = {
    "name": str,
    "runtime": str,
    "precision": str,
    "origin": dict,
    "steps": list,
    "parent": str | None,
    "files": dict,
    "versions": dict,
    "cpu": list,
    "report": dict,
    "settings": dict,
    "made": str,
}
_ORIGIN_TYPES: dict[str, Any] = {
    **dict.fromkeys(("source", "task", "dtype", "device", "fingerprint", "companions"), str),
    **dict.fromkeys(("encoder_decoder", "trust_remote_code", "random", "edited"), bool),
    "revision": str | None,
}


def read_manifest(folder: Path) -> dict[str, Any]:
    """The content of a folder's manifest; every entry is there and of its type.

    Raises:
        FileNotFoundError: There is no such folder, or it holds no variant.
        VariantError: The manifest cannot be read, or is of another format.
    """
    manifest = folder / MANIFEST
    if not manifest.is_file():
        what = f"holds no variant (no {MANIFEST})" if folder.is_dir() else "does not exist"
        what = "is a file, and a variant is the folder around it" if folder.is_file() else what
        raise FileNotFoundError(
            f"{folder} {what}. Give the folder that export_onnx or another verb returned."
        )
    try:
        data = {"settings": {}, **json.loads(manifest.read_text(encoding="utf-8"))}
        if data["format"] != FORMAT:
            raise VariantError(
                f"{manifest} has format {data['format']!r}; this version of the workbench reads format {FORMAT}. "
                "Make the variant again."
            )
        _check_types(data)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise unreadable(folder, error) from error
    return dict(data)


def unreadable(folder: Path, error: Exception) -> VariantError:
    """The error for a manifest that makes no sense."""
    reason = f"{type(error).__name__}: {str(error)[:200]}"
    return VariantError(f"{folder / MANIFEST} cannot be read ({reason}). Make the variant again.")


def _check_types(data: dict[str, Any]) -> None:
    for key, wanted in _TYPES.items():
        if not isinstance(data[key], wanted):
            raise TypeError(f"{key!r} is {data[key]!r:.80}")
    for step in data["steps"]:
        # `as_code()` prints these, and what it prints is meant to be run.
        if step["verb"] not in VERBS or not all(name.isidentifier() for name in step["arguments"]):
            raise TypeError(f"'steps' has {step!r:.80}")
    for name, value in data["origin"].items():
        if not isinstance(value, _ORIGIN_TYPES[name]):
            raise TypeError(f"'origin' has {name}={value!r:.80}")
    if data["runtime"] == "torch":
        raise ValueError("a PyTorch variant has no folder")
    check_settings(data["settings"], data["runtime"])
    for name, entry in data["files"].items():
        # Verbs join these names to the folder that they make, where a way out and back in ends elsewhere. As Windows
        # reads a path, both kinds of slashes and drives count.
        path = PureWindowsPath(name)
        if path.anchor or ".." in path.parts:
            raise ValueError(f"'files' names {name!r:.80}, which leads outside its folder. Refused")
        if not isinstance(entry["bytes"], int) or not isinstance(entry["sha256"], str):
            raise TypeError(f"'files' says {entry!r:.80} of {name!r}")
    if not any(map(is_model_file, data["files"])):
        raise ValueError("'files' names no model")


def check_files(folder: Path, files: Mapping[str, Mapping[str, Any]], advice: str) -> None:
    """Compares a folder's files with what its manifest says of their names and sizes; none is read.

    A model file that the manifest does not name is refused too: nobody vouches for it, and a library that looks
    into the folder by itself might open it.

    Raises:
        VariantError: A file is missing, of another size, lies outside the folder, or is one too many.
    """
    root = folder.resolve()
    for name, entry in files.items():
        path = folder / name
        if not path.resolve().is_relative_to(root):
            raise VariantError(
                f"The manifest of {folder} names {name!r}, which lies outside its folder. Refused."
            )
        if not path.is_file():
            raise VariantError(f"{folder} lacks its file {name!r}. Make the variant again: {advice}")
        if path.stat().st_size != entry["bytes"]:
            raise _altered(folder, name, advice)
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if is_model_file(name) and name not in files:
            raise VariantError(
                f"{folder} holds {name!r}, which its manifest does not name. Move it elsewhere: a variant's folder "
                "holds the files that were made with it, and no other models."
            )


def check_hashes(folder: Path, files: Mapping[str, Mapping[str, Any]], advice: str) -> None:
    """Compares what is in a folder's files with what its manifest says; each is read once by a process.

    Raises:
        VariantError: A file is missing or altered.
    """
    for name, entry in files.items():
        try:
            whole = _hash_file(folder / name) == entry["sha256"]
        except FileNotFoundError as error:
            raise VariantError(
                f"{folder} lacks its file {name!r}. Make the variant again: {advice}"
            ) from error
        if not whole:
            raise _altered(folder, name, advice)


def _altered(folder: Path, name: str, advice: str) -> VariantError:
    return VariantError(
        f"{name!r} in {folder} is not the file that was made (its content changed). "
        f"Make the variant again: {advice}"
    )


def is_model_file(name: str) -> bool:
    """Whether a file of a variant's folder belongs to the model itself."""
    return name.endswith(MODEL_SUFFIXES)


def hash_files(folder: Path) -> dict[str, dict[str, Any]]:
    """Size and hash of every file under a folder, the manifest left out."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {
        name: {"bytes": (folder / name).stat().st_size, "sha256": _hash_file(folder / name)}
        for name in names
        if name != MANIFEST
    }


_known_hashes: dict[tuple[int, int, int, int], str] = {}


def _hash_file(path: Path) -> str:
    """A file's SHA-256, remembered as long as its inode, size and time stay, whatever its folder is called by then."""
    stat = path.stat()
    key = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns)
    if key not in _known_hashes:
        with path.open("rb") as stream:
            _known_hashes[key] = hashlib.file_digest(stream, "sha256").hexdigest()
    return _known_hashes[key]
