"""The weight files of a checkpoint folder: which there are, whether they are whole, and whether one wants to run code.

Everything here looks without loading. The loading itself is done with weights only, so this is not what keeps
us safe; it is what lets us say which file is at fault and why.
"""

from __future__ import annotations

import json
import pickletools
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from workbench.errors import LoadError

SAFETENSORS, PICKLED = "model.safetensors", "pytorch_model.bin"
_FOREIGN = ("tf_model.h5", "flax_model.msgpack", "model.ckpt.index", "rust_model.ot")
_HARMLESS = ("torch", "collections", "numpy", "_codecs")
_STRINGS = "UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8 STRING BINSTRING SHORT_BINSTRING".split()


def check_weights(folder: Path) -> bool:
    """Checks the weight files that loading will read.

    Returns:
        Whether they are safetensors, which are taken before pickled files where both exist.

    Raises:
        LoadError: A file is missing, broken, or a pickle that wants to run code.
    """
    files, is_safe = find_weights(folder)
    for file in files:
        _check_pointer(file)
        _check_safetensors(file) if is_safe else _check_pickle(file)
    return is_safe


def find_weights(folder: Path) -> tuple[list[Path], bool]:
    """The weight files that loading will read, and whether they are safetensors. None is opened.

    Raises:
        LoadError: There are none, or one of several is missing.
    """
    for name, is_safe in ((SAFETENSORS, True), (PICKLED, False)):
        files = _named_files(folder, name)
        if files:
            return files, is_safe
    foreign = [name for name in _FOREIGN if (folder / name).exists()]
    if foreign:
        raise LoadError(
            f"{folder} holds weights for another framework only ({foreign[0]}). "
            f"Load them there, convert to PyTorch, and save them as {SAFETENSORS}."
        )
    raise LoadError(f"{folder} holds no weights. Put {SAFETENSORS} or {PICKLED} beside its config.json.")


def _named_files(folder: Path, name: str) -> list[Path]:
    """The one file of that name, or the pieces that its index names; none where there is neither."""
    if (folder / name).is_file():
        return [folder / name]
    index = folder / f"{name}.index.json"
    if not index.is_file():
        return []
    try:
        pieces = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LoadError(f"{index} is no readable index of weight files. Fetch or save it again.") from error
    for piece in pieces:
        if not isinstance(piece, str) or Path(piece).name != piece:
            raise LoadError(f"{index} names {piece!r}, outside its folder. Refused: get a clean copy.")
        if not (folder / piece).is_file():
            raise LoadError(f"{folder} lacks {piece}, which {index.name} names. Fetch the missing file.")
    return [folder / piece for piece in pieces]


def _check_pointer(file: Path) -> None:
    with file.open("rb") as stream:
        if stream.read(24).startswith(b"version https://git-lfs"):
            raise LoadError(f"{file} is a Git LFS pointer, not weights. Run `git lfs pull` in its folder.")


def _check_safetensors(file: Path) -> None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, "pt") as tensors:
            tensors.keys()
    except (SafetensorError, OSError, ValueError) as error:
        raise LoadError(f"{file} is truncated or corrupt. Fetch or save it again.") from error


def _check_pickle(file: Path) -> None:
    import torch

    try:
        with file.open("rb") as stream:
            if stream.read(2) == b"PK":  # a zip archive, as PyTorch has written them since 1.6
                asked = torch.serialization.get_unsafe_globals_in_checkpoint(file)
            else:
                stream.seek(0)
                asked = _outside_names(stream)
    except Exception as error:  # a broken file fails in the reader, the unpickler or the decoder
        raise LoadError(f"{file} is truncated or corrupt. Fetch or save it again.") from error
    if asked:
        raise LoadError(
            f"{file} wants to run {', '.join(sorted(asked)[:3])} when it is read. Refused: nothing of it was run. "
            f"Only plain weights are read; ask for a {SAFETENSORS} of this model."
        )


def _outside_names(stream: IO[bytes]) -> list[str]:
    """The callables, other than the makers of tensors, that a file of the format before PyTorch 1.6 names."""
    found: list[str] = []
    for _ in range(5):  # such a file is five pickles in a row, and raw bytes after them
        names = list(_global_names(stream))
        found += [name for name in names if name.split(".")[0] not in _HARMLESS]
        if found:
            break
    return found


def _global_names(stream: IO[bytes]) -> Iterator[str]:
    """Module and name of everything that one pickle would import, read without running it."""
    memo: dict[int, Any] = {}
    strings: list[Any] = []
    for code, argument, _ in pickletools.genops(stream):
        if code.name in ("GLOBAL", "INST"):
            yield str(argument).replace(" ", ".")
        elif code.name == "STACK_GLOBAL":
            yield ".".join(map(str, strings[-2:]))
        elif code.name in _STRINGS:
            strings.append(argument)
        elif code.name == "MEMOIZE":
            memo[len(memo)] = strings[-1] if strings else None
        elif code.name in ("PUT", "BINPUT", "LONG_BINPUT"):
            memo[int(str(argument))] = strings[-1] if strings else None
        elif code.name in ("GET", "BINGET", "LONG_BINGET"):
            strings.append(memo.get(int(str(argument))))
