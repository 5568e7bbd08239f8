"""What this machine is: the cores a process may use, what its CPU can do, which packages are installed.

Imports nothing heavy, so that a measuring worker can afford it.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import gc
import importlib.metadata
import math
import os
import platform
from pathlib import Path

RECORDED_PACKAGES = (
    *(
        "workbench",
        "torch",
        "transformers",
        "optimum",
        "optimum-onnx",
        "onnx",
        "onnxruntime",
        "onnxruntime-gpu",
    ),
    *("openvino", "nncf", "numpy"),
)
SPEED_FEATURES = (
    *("avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_bf16", "amx_int8"),
    *("asimddp", "i8mm", "bf16", "sve"),
)


def usable_cores() -> int:
    """The cores this process may really use: its affinity, cut by the container's CPU quota.

    Example:
        >>> usable_cores() >= 1
        True
    """
    try:
        allowed = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows have no affinity call
        allowed = os.cpu_count() or 1
    quota = _container_quota(Path("/sys/fs/cgroup"))
    return max(1, min(allowed, math.ceil(quota)) if quota else allowed)


def _container_quota(root: Path) -> float | None:
    """The CPU quota of the container in cores: cgroup v2 first, then v1; None where there is none."""
    try:
        limit, period = (root / "cpu.max").read_text().split()
        return None if limit == "max" else int(limit) / int(period)
    except (OSError, ValueError):
        pass
    try:
        limit_us = int((root / "cpu/cpu.cfs_quota_us").read_text())
        return limit_us / int((root / "cpu/cpu.cfs_period_us").read_text()) if limit_us > 0 else None
    except (OSError, ValueError):
        return None


@functools.cache
def cpu_features() -> tuple[str, ...]:
    """The instruction sets of this CPU that decide how fast inference is, in a fixed order."""
    try:
        text = Path("/proc/cpuinfo").read_text()
        flags = {
            word
            for line in text.splitlines()
            if line.startswith(("flags", "Features"))
            for word in line.split()
        }
    except OSError:
        flags = set()
    if not flags:  # not Linux: numpy knows part of it
        from numpy._core._multiarray_umath import __cpu_features__ as known

        names = {"AVX512VNNI": "avx512_vnni", "ASIMDDP": "asimddp"}
        flags = {names.get(name, name.lower()) for name, present in known.items() if present}
    return tuple(feature for feature in SPEED_FEATURES if feature in flags)


@functools.cache
def package_versions() -> dict[str, str]:
    """The installed versions of the packages that decide what a conversion makes."""
    versions = {"python": platform.python_version()}
    for name in RECORDED_PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def release_memory() -> None:
    """Hands memory that is free inside this process back to the system; glibc would keep gigabytes of it."""
    gc.collect()  # traced graphs and sessions hang together in cycles
    with contextlib.suppress(OSError, AttributeError):  # not glibc
        ctypes.CDLL(None).malloc_trim(0)
