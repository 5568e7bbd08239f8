"""How a runtime may be set: what `Variant.settings` can hold, and the numbers that callers give.

Manifests say the former, and nobody vouches for a manifest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MOST_THREADS = 4096  # more than any machine has; what is larger is no number of threads
FOR_RUNTIME = {
    "onnxruntime": ("threads", "spinning", "arena"),
    "openvino": ("threads", "inference_precision"),
}


def check_settings(settings: Mapping[str, Any], runtime: str) -> None:
    """Refuses settings that the runtime does not have, or with values that make no sense.

    Raises:
        ValueError: It has a setting that is not known, or a number out of range.
        TypeError: A value is of another kind.

    Example:
        >>> check_settings({"threads": 2, "spinning": False}, "onnxruntime")
        >>> check_settings({"spinning": "no"}, "onnxruntime")
        Traceback (most recent call last):
        TypeError: spinning must be True or False, got 'no'.
    """
    known = FOR_RUNTIME.get(runtime, ())
    for name, value in settings.items():
        if name not in known:
            raise ValueError(
                f"{name} is no setting of {runtime}; it has {', '.join(known) or 'none'}. Leave {name} out."
            )
        if name == "threads":
            if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST_THREADS:
                raise ValueError(f"threads must be a whole number from 1 to {MOST_THREADS}, got {value!r}.")
        elif name == "inference_precision":
            if value not in ("fp32", "bf16"):
                raise ValueError(f"inference_precision must be 'fp32' or 'bf16', got {value!r}.")
        elif not isinstance(value, bool):
            raise TypeError(f"{name} must be True or False, got {value!r}.")


def limit_threads(settings: Mapping[str, Any], threads: int) -> int:
    """How many threads a call takes: as many as the settings say, and never more than it may.

    Example:
        >>> limit_threads({"threads": 4}, 2), limit_threads({"threads": 1}, 2), limit_threads({}, 2)
        (2, 1, 2)
    """
    return min(threads, settings.get("threads", threads))


def check_number(label: str, number: float | None, *, whole: bool = False) -> None:
    """Refuses what is no number above zero; None passes.

    Raises:
        ValueError: It is none; the message names `label`.

    Example:
        >>> check_number("threads", 2, whole=True)
        >>> check_number("threads", 0, whole=True)
        Traceback (most recent call last):
        ValueError: threads must be a whole number from 1 up, or None, got 0.
    """
    if number is None:
        return
    kinds = int if whole else int | float
    if isinstance(number, bool) or not isinstance(number, kinds) or not 0 < number < float("inf"):
        what = "a whole number from 1 up" if whole else "a number of seconds above 0"
        raise ValueError(f"{label} must be {what}, or None, got {number!r}.")


def count_threads(threads: int) -> str:
    """A number of threads in words.

    Example:
        >>> count_threads(1), count_threads(2)
        ('1 thread', '2 threads')
    """
    return "1 thread" if threads == 1 else f"{threads} threads"
