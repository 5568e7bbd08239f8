"""One variant while it is measured: opening, warming up, timed turns. The same in a worker process and in this one.

Imports neither torch nor transformers.
"""

from __future__ import annotations

import contextlib
import gc
import re
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from workbench.machine import release_memory
from workbench.models.samples import Feed
from workbench.runners.protocol import Runner

LONGEST_ERROR = 400
STABLE = 0.05  # two stretches of the warm-up that differ by less
FEWEST_PASSES, SHORTEST, LONGEST = 6, 0.2, 4.0  # of a warm-up: passes over the samples, and seconds


class Subject:
    """A variant under measurement.

    Args:
        open_it: Opens the variant; its time is the load time.
        alone: Whether the process is its own, so that the memory of the process is its memory.
    """

    def __init__(self, open_it: Callable[[], Runner], *, alone: bool = True) -> None:
        self._open_it = open_it
        self._alone = alone
        self._runner: Runner | None = None
        self._feeds: Sequence[Feed] = ()

    def open(self) -> dict[str, Any]:
        """Opens the variant. From here on peak memory counts anew, where the system can do that."""
        begun = time.perf_counter()
        self._runner = self._open_it()
        seconds = time.perf_counter() - begun
        if not self._alone:
            return {"load_s": seconds, "load_peak_bytes": None}
        load_peak = read_peak()
        release_memory()
        forget_peak()
        return {"load_s": seconds, "load_peak_bytes": load_peak}

    def warm(self, feeds: Sequence[Feed]) -> dict[str, Any]:
        """Runs new feeds until the time of a pass over them no longer changes, or long enough."""
        self._feeds = feeds
        if self._alone:
            forget_peak()
        begun = time.perf_counter()
        first = self._time_pass()
        passes: list[float] = []
        while True:
            passes.append(sum(self._time_pass()) / len(feeds))
            spent = time.perf_counter() - begun - sum(first) / 1e9
            stable = is_stable(passes)
            if (stable and spent >= SHORTEST) or (spent >= LONGEST and len(passes) >= 2):
                break
        if len(passes) < FEWEST_PASSES:  # too slow for more: the last two have to say it
            stable = abs(passes[-1] - passes[-2]) <= 2 * STABLE * passes[-2]
        return {
            "first_ms": first[0] / 1e6,
            "warm_up_runs": (len(passes) + 1) * len(feeds),
            "stable": stable,
            "pass_s": statistics.median(passes[-max(3, len(passes) // 3) :]) * len(feeds) / 1e9,
        }

    def turn(self, passes: int) -> dict[str, Any]:
        """Times some passes over the feeds, after one run that does not count; tells the peak of memory so far.

        That run brings back to the caches what the variants before it have pushed out: a model that serves
        alone has no such neighbours.
        """
        assert self._runner is not None
        collecting = gc.isenabled()
        gc.disable()
        try:
            self._runner.run(self._feeds[-1])
            times = [self._time_pass() for _ in range(passes)]
        finally:
            if collecting:
                gc.enable()
        return {"ns": times, "peak_bytes": read_peak() if self._alone else None}

    def _time_pass(self) -> list[int]:
        assert self._runner is not None
        run, clock = self._runner.run, time.perf_counter_ns
        times = []
        for feed in self._feeds:
            begun = clock()
            run(feed)
            times.append(clock() - begun)
        return times

    def close(self) -> None:
        """Frees the variant."""
        if self._runner is not None:
            self._runner.close()
            self._runner = None


def is_stable(passes: Sequence[float]) -> bool:
    """Whether the last third of the passes took as long as the third before it.

    Example:
        >>> is_stable([9, 5, 4, 3, 2, 2]), is_stable([9, 5, 2, 2, 2, 2, 2, 2])
        (False, True)
    """
    stretch = max(3, len(passes) // 3)
    if len(passes) < max(FEWEST_PASSES, 2 * stretch):
        return False
    before, after = (
        statistics.median(passes[-2 * stretch : -stretch]),
        statistics.median(passes[-stretch:]),
    )
    return abs(after - before) <= STABLE * before


def describe_error(error: Exception) -> str:
    """An error in one line, for a row: libraries write whole paragraphs.

    Example:
        >>> describe_error(ValueError("too\\n  long"))
        'ValueError: too long'
    """
    line = " ".join(f"{type(error).__name__}: {error}".split())
    return line if len(line) <= LONGEST_ERROR else f"{line[: LONGEST_ERROR - 1]}…"


def read_peak() -> int:
    """The most memory in bytes that this process has had resident since it began, or since `forget_peak`."""
    try:
        found = re.search(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.M)
        if found:
            return int(found[1]) * 1024
    except OSError:
        pass
    with contextlib.suppress(ImportError):  # not Linux
        import resource

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
    import psutil

    return int(psutil.Process().memory_info().peak_wset)


def forget_peak() -> None:
    """Lets the peak start again from what is resident now; only Linux can."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
