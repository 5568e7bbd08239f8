"""How busy others kept the machine while something was measured."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from collections.abc import Iterable

import psutil

from workbench.machine import usable_cores

TOLERATED = 0.2  # of one core: what an idle desktop uses up


@dataclasses.dataclass(frozen=True)
class MachineLoad:
    """What else ran.

    Attributes:
        average: The system's load average when measuring began; None where the system has none.
        others: How many cores other programs kept busy on average, of those that this process may use.
        visible: How many cores that are.
    """

    average: float | None
    others: float
    visible: int

    def is_crowded(self, threads: int) -> bool:
        """Whether others took cores that the threads under measurement needed.

        Example:
            >>> MachineLoad(1.0, 1.0, 2).is_crowded(2), MachineLoad(1.0, 1.0, 4).is_crowded(2)
            (True, False)
        """
        return self.others > max(0, self.visible - threads) + TOLERATED


class LoadMeter:
    """Counts the time of all processors and takes off that of our own processes."""

    def __init__(self) -> None:
        self.average = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
        self._busy = 0.0
        self._seconds = 0.0
        self._marks = (0.0, 0.0, 0.0)

    def start(self, workers: Iterable[int]) -> None:
        """Begins a stretch; `workers` are the processes that are ours besides this one."""
        self._marks = time.perf_counter(), _busy_seconds(), _own_seconds(workers)

    def stop(self, workers: Iterable[int]) -> None:
        """Ends the stretch."""
        begun, busy, own = self._marks
        self._seconds += time.perf_counter() - begun
        self._busy += _busy_seconds() - busy - (_own_seconds(workers) - own)

    def read(self) -> MachineLoad:
        """The load over all stretches."""
        others = max(0.0, self._busy / self._seconds) if self._seconds else 0.0
        return MachineLoad(self.average, others, len(_visible()))


def _visible() -> list[int]:
    try:
        return sorted(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows have no affinity call
        return list(range(os.cpu_count() or usable_cores()))


def _busy_seconds() -> float:
    every = psutil.cpu_times(percpu=True)
    return sum(
        sum(getattr(every[core], kind, 0.0) for kind in ("user", "nice", "system", "irq", "softirq", "steal"))
        for core in _visible()
        if core < len(every)
    )


def _own_seconds(workers: Iterable[int]) -> float:
    total = sum(os.times()[:4])  # this process, and its children that have ended
    for pid in workers:
        with contextlib.suppress(psutil.Error):
            times = psutil.Process(pid).cpu_times()
            total += times.user + times.system
    return total
