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
    quota = cpu_quota()
    return max(1, min(allowed, math.ceil(quota)) if quota else allowed)


def cpu_quota(
    root: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")
) -> float | None:
    """The processor time that the container grants this process, in cores; None where nothing limits it.

    Args:
        root: Where the control groups are mounted, version 2 or 1.
        membership: The file that says in which groups this process is.
    """
    quotas = []
    for folder, is_newer in _control_groups("cpu", root, membership):
        with contextlib.suppress(OSError, ValueError):  # not there, or "max"
            if is_newer:
                limit, period = map(int, (folder / "cpu.max").read_text().split())
            else:
                limit, period = (
                    int((folder / name).read_text()) for name in ("cpu.cfs_quota_us", "cpu.cfs_period_us")
                )
            quotas += [limit / period] if limit > 0 else []
    return min(quotas, default=None)


def memory_limit(
    root: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")
) -> int | None:
    """The memory in bytes that the container grants this process; None where nothing limits it.

    Args:
        root: Where the control groups are mounted, version 2 or 1.
        membership: The file that says in which groups this process is.

    Example:
        >>> memory_limit() is None or memory_limit() > 0
        True
    """
    limits = [_read_number(folder / limit) for folder, limit, _ in _memory_groups(root, membership)]
    return min((limit for limit in limits if limit is not None and limit < _UNLIMITED), default=None)


def free_memory(root: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")) -> int:
    """The bytes that new processes may still take: what the machine has free, cut by the container's limit."""
    import psutil

    free = int(psutil.virtual_memory().available)
    for folder, limit_file, usage_file in _memory_groups(root, membership):
        limit, usage = _read_number(folder / limit_file), _read_number(folder / usage_file)
        if limit is not None and usage is not None and limit < _UNLIMITED:
            free = min(free, max(0, limit - usage + _reclaimable(folder)))
    return free


_UNLIMITED = 1 << 60  # version 1 writes "no limit" as a number near 2**63


def _memory_groups(root: Path, membership: Path) -> list[tuple[Path, str, str]]:
    """Every control group that may limit this process's memory: (folder, its limit's file, its usage's file)."""
    newer, older = ("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")
    return [
        (folder, *(newer if is_newer else older))
        for folder, is_newer in _control_groups("memory", root, membership)
    ]


def _control_groups(controller: str, root: Path, membership: Path) -> list[tuple[Path, bool]]:
    """Every control group that may limit this process: (its folder, whether it is of version 2)."""
    try:
        lines = [line.split(":", 2) for line in membership.read_text().splitlines()]
    except (OSError, ValueError):
        lines = []
    groups = [(root, True), (root / controller, False)]
    for entry in lines:
        if len(entry) < 3 or (entry[1] and controller not in entry[1].split(",")):
            continue
        top = root / controller if entry[1] else root
        folder = top / entry[2].strip("/")  # inside a container it may not be there: only the root is then
        while folder != top and folder.is_relative_to(top):
            groups.append((folder, not entry[1]))
            folder = folder.parent
    return groups


def count_memory_kills(
    root: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")
) -> int:
    """How many processes of this container the system has killed for lack of memory so far; 0 if unknown."""
    counts = [0]
    for folder, limit_file, _ in _memory_groups(root, membership):
        events = folder / ("memory.events" if limit_file == "memory.max" else "memory.oom_control")
        with contextlib.suppress(OSError, ValueError):
            pairs = dict(line.split() for line in events.read_text().splitlines())
            counts.append(int(pairs.get("oom_kill", 0)))
    return max(counts)


def _read_number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # not there, or "max"
        return None


def _reclaimable(folder: Path) -> int:
    """The group's file cache that the system drops when memory gets short."""
    try:
        pairs = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        return int(pairs.get("total_inactive_file", pairs.get("inactive_file", 0)))
    except (OSError, ValueError):
        return 0


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
    """Hands memory that is free inside this process back to the system; glibc would keep gigabytes of it.

    Does nothing while the process is hardly larger than after the last time: looking for garbage takes half a second.
    """
    import psutil

    global _size_after_release
    process = psutil.Process()
    if process.memory_info().rss < _size_after_release + 64_000_000:
        return
    gc.collect()  # traced graphs and sessions hang together in cycles
    with contextlib.suppress(OSError, AttributeError):  # not glibc
        ctypes.CDLL(None).malloc_trim(0)
    _size_after_release = process.memory_info().rss


_size_after_release = 0
