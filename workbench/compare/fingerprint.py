"""A hash of records by what is in them, so that only figures on the same examples are paired.

Printed text would not do: an image prints where it lies in memory, and numpy leaves out the middle of an array.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def hash_records(records: Sequence[Mapping[str, Any]]) -> str:
    """Sixteen letters that stand for the content of records.

    Example:
        >>> hash_records([{"audio": np.zeros(9)}]) == hash_records([{"audio": np.zeros(9)}])
        True
        >>> hash_records([{"label": 1}]) == hash_records([{"label": "1"}])
        False
    """
    digest = hashlib.sha256()
    _add(digest, records)
    return digest.hexdigest()[:16]


def _add(digest: Any, value: Any) -> None:
    """Each value with its kind and its length before it, so that no two values run into each other."""
    if isinstance(value, Mapping):
        _begin(digest, "dict", len(value))
        for key in sorted(value, key=str):
            _add(digest, key)
            _add(digest, value[key])
    elif isinstance(value, list | tuple):
        _begin(digest, "list", len(value))
        for item in value:
            _add(digest, item)
    elif isinstance(value, str | bytes):
        data = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
        _begin(digest, type(value).__name__, len(data))
        digest.update(data)
    elif hasattr(value, "mode") and hasattr(value, "size") and hasattr(value, "tobytes"):  # as PIL has images
        _begin(digest, "image", value.mode, value.size)
        digest.update(value.tobytes())
    elif isinstance(value, np.ndarray | np.generic) or hasattr(value, "__array__"):
        _add_array(digest, np.asarray(value))
    else:
        _begin(digest, type(value).__name__, repr(value))


def _add_array(digest: Any, array: np.ndarray) -> None:
    _begin(digest, "array", array.dtype, array.shape)
    if array.dtype.hasobject:  # its bytes would be addresses
        _add(digest, array.tolist())
    else:
        digest.update(np.ascontiguousarray(array).tobytes())


def _begin(digest: Any, *parts: Any) -> None:
    digest.update(("\0".join(map(str, parts)) + "\0").encode("utf-8", "surrogatepass"))
