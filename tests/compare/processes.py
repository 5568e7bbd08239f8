"""Finds the processes that latency is measured in, and waits for them."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable

import psutil


def find_workers(parent: int | None = None) -> list[psutil.Process]:
    """The measuring processes below a process, this one by default, in the order of their start."""
    found = []
    for process in psutil.Process(parent).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "workbench.compare.worker" in process.cmdline():
                found.append(process)
    return sorted(found, key=lambda process: process.create_time())


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        threading.Event().wait(0.02)
