"""The memory of processes that something else has started, followed from outside."""

from __future__ import annotations

import threading

import psutil

EVERY = 0.2  # seconds between two looks


class Watch:
    """Follows the memory of this process's kernels, and of all that they start.

    Attributes:
        peak: The most bytes that they had together, what they share counted once.
    """

    def __init__(self) -> None:
        self.peak = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._over.wait(EVERY):
            self.peak = max(self.peak, sum(map(_own_bytes, _find_kernels())))


def _find_kernels() -> list[psutil.Process]:
    """The kernels and their children, among what this process has started."""
    started = psutil.Process().children(recursive=True)
    kernels = [each for each in started if "ipykernel_launcher" in " ".join(_command(each))]
    children = [child for kernel in kernels for child in _children(kernel)]
    return list(dict.fromkeys([*kernels, *children]))


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return list(process.children(recursive=True))
    except psutil.Error:
        return []


def _command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def _own_bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:
        return 0
