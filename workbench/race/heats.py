"""One heat: the baseline and some contestants timed in turn, each in a process of its own."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import Any

from workbench.compare.latency import SECONDS, measure_latency
from workbench.errors import WorkbenchError
from workbench.models.variant import Variant
from workbench.race.budget import Budget
from workbench.race.rows import FAILED, RaceRow
from workbench.race.state import RaceState

FIRST_SECONDS, FURTHER_SECONDS, FINAL_SECONDS = 0.6, 1.2, SECONDS
TOGETHER = 6  # contestants beside the baseline in one go of the first heat: a race that is left loses no more
MOST_FURTHER = 2
FINALISTS = 3


@dataclasses.dataclass(frozen=True)
class Timing:
    """What a heat gave for one contestant; `error` says why there is nothing."""

    median_ms: float | None = None
    low_ms: float | None = None
    high_ms: float | None = None
    p90_ms: float | None = None
    speedup: float | None = None
    speedup_low: float | None = None
    speedup_high: float | None = None
    peak_bytes: int | None = None
    error: str = ""


@dataclasses.dataclass(frozen=True)
class Heat:
    """What a heat gave: a timing per name, and why not to trust it."""

    timings: Mapping[str, Timing]
    noise: tuple[str, ...] = ()


class Track:
    """Where heats are run, with the same inputs and threads for all.

    Args:
        name: The baseline's name.
        baseline: The variant that speed-ups refer to.
        samples: Feeds; None takes the baseline's first.
        threads: How many threads a call may use.
        state: Where finished heats are kept.
        budget: Told how long heats take.
    """

    def __init__(
        self,
        name: str,
        baseline: Variant,
        *,
        samples: Any,
        threads: int | None,
        state: RaceState,
        budget: Budget,
    ) -> None:
        self.name, self.baseline = name, baseline
        self._samples, self._threads = samples, threads
        self._state, self._budget = state, budget

    def run(self, step: str, members: Mapping[str, Variant], seconds: float) -> Heat:
        """Times the members beside the baseline; a heat that was finished before is not run again.

        Raises:
            WorkbenchError: The baseline itself could not be measured.
        """
        names = [name for name in members if name != self.name]
        # Two races may have another variant under one name: what is left in fp32 depends on the bar.
        places = [f"{name}@{path.name}" if (path := members[name].path) else name for name in names]
        key = f"{step}/{seconds:g}/{'+'.join(sorted(places))}"
        known = self._state.get(key)
        if known is None:
            known = self._state.put(key, self._measure({name: members[name] for name in names}, seconds))
        return Heat(
            {name: Timing(**found) for name, found in known["timings"].items()}, tuple(known["noise"])
        )

    def is_known(self, step: str, name: str) -> bool:
        """Whether a contestant was timed in the first heat by an earlier call."""
        return self._state.get(f"{step}/{name}") is not None

    def run_first(self, members: Mapping[str, Variant], seconds: float) -> Heat:
        """The same for a part of the first heat, kept contestant by contestant."""
        new = {name: variant for name, variant in members.items() if not self.is_known("first", name)}
        noise: tuple[str, ...] = ()
        if new or not self.is_known("first", self.name):
            found = self._measure(new, seconds)
            noise = tuple(found["noise"])
            for name, timing in found["timings"].items():
                self._state.put(f"first/{name}", timing)
        wanted = (self.name, *members)
        return Heat({name: Timing(**self._state.get(f"first/{name}")) for name in wanted}, noise)

    def _measure(self, members: Mapping[str, Variant], seconds: float) -> dict[str, Any]:
        begun = time.monotonic()
        everyone = {self.name: self.baseline, **members}
        latency = measure_latency(
            list(everyone.values()), samples=self._samples, seconds=seconds, threads=self._threads
        )
        rows = [dataclasses.replace(row, name=name) for row, name in zip(latency.rows, everyone, strict=True)]
        if rows[0].error is not None:
            raise WorkbenchError(
                f"The baseline {self.name} could not be measured: {rows[0].error}. A race measures all others "
                "against it. Try wb.measure_latency(source) to see more."
            )
        self._budget.learn(len(everyone), seconds, time.monotonic() - begun)
        timings = {
            row.name: Timing(
                row.median_ms,
                row.median_low_ms,
                row.median_high_ms,
                row.p90_ms,
                row.speedup,
                row.speedup_low,
                row.speedup_high,
                row.peak_bytes,
                row.error or "",
            )
            for row in rows
        }
        noise = dataclasses.replace(latency, rows=tuple(rows)).noise
        return {
            "timings": {name: dataclasses.asdict(one) for name, one in timings.items()},
            "noise": list(noise),
        }


def apply_timing(row: RaceRow, timing: Timing, heat: int) -> RaceRow:
    """The row with what a heat gave.

    Example:
        >>> apply_timing(RaceRow("a"), Timing(error="it crashed"), 1).status
        'failed'
    """
    if timing.error:
        return dataclasses.replace(row, status=FAILED, reason=timing.error, speedup=None, heat=heat)
    figures = {field.name: getattr(timing, field.name) for field in dataclasses.fields(timing)[:-1]}
    return dataclasses.replace(row, heat=heat, **figures)
