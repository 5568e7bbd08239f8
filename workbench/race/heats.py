"""One heat: the baseline and some contestants timed in turn, each in a process of its own."""

from __future__ import annotations

import dataclasses
import math
import time
import uuid
from collections.abc import Mapping
from typing import Any

from workbench.compare.latency import SECONDS, measure_latency
from workbench.errors import WorkbenchError
from workbench.models.variant import Variant
from workbench.race.budget import Budget
from workbench.race.rows import FAILED, RaceRow
from workbench.race.state import RaceState, read_as

FIRST_SECONDS, FURTHER_SECONDS, FINAL_SECONDS = 0.6, 1.2, SECONDS
# Starting a worker and loading its model takes longer than measuring it. So a heat more pays only where it spares the
# final many, and the baseline is started with as few parts of the first heat as it takes to lose little when left.
TOGETHER = 9  # contestants beside the baseline in one part of the first heat
MOST_FURTHER = 1
FINALISTS = 4
PATIENCE = 60.0  # seconds without an answer that a contestant has in any case, however short the time is
PACE = "pace"  # the step under which it is kept how long starting and compiling take
LOST = ("hung:", "killed while", "crashed while", "ended with exit code", "MemoryError")


@dataclasses.dataclass(frozen=True)
class Timing:
    """What a heat gave for one contestant; `error` says why there is nothing, `measured` with whom it was timed."""

    median_ms: float | None = None
    low_ms: float | None = None
    high_ms: float | None = None
    p90_ms: float | None = None
    speedup: float | None = None
    speedup_low: float | None = None
    speedup_high: float | None = None
    peak_bytes: int | None = None
    measured: str = ""
    error: str = ""


@dataclasses.dataclass(frozen=True)
class Heat:
    """What a heat gave.

    Attributes:
        timings: By name.
        noise: Why not to trust them.
        remarks: What else a reader has to know.
        subject: What was run, and how.
    """

    timings: Mapping[str, Timing]
    noise: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    subject: str = ""


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
        if (pace := state.get(PACE, check_pace)) is not None:
            budget.follow(pace)

    def run(self, step: str, members: Mapping[str, Variant], seconds: float) -> Heat:
        """Times the members beside the baseline; a heat that was finished before is not run again.

        Raises:
            WorkbenchError: The baseline itself could not be measured.
        """
        others = {name: variant for name, variant in members.items() if name != self.name}
        known = self._recall(step, others, seconds)
        if known is None:
            known = self._measure(others, seconds)
            if not any(is_lost(timing["error"]) for timing in known["timings"].values()):
                self._state.put(_name_heat(step, others, seconds), known)
        return _make_heat(known["timings"], known)

    def knows(self, step: str, members: Mapping[str, Variant], seconds: float) -> bool:
        """Whether this heat was finished before, so that `run` takes no time."""
        others = {name: variant for name, variant in members.items() if name != self.name}
        return self._recall(step, others, seconds) is not None

    def _recall(self, step: str, others: Mapping[str, Variant], seconds: float) -> dict[str, Any] | None:
        key = _name_heat(step, others, seconds)
        return self._state.get(key, lambda known: _check_heat(known, [self.name, *others]))

    def is_known(self, name: str) -> bool:
        """Whether a contestant was timed in the first heat by an earlier call."""
        step = f"first/{name}"
        return self._state.get(step, lambda known: _make_heat({name: known["timing"]}, known)) is not None

    def run_first(self, members: Mapping[str, Variant], seconds: float) -> Heat:
        """The same for a part of the first heat, kept contestant by contestant."""
        new = {name: variant for name, variant in members.items() if not self.is_known(name)}
        found: dict[str, dict[str, Any]] = {}
        if new or not self.is_known(self.name):
            heat = self._measure(new, seconds)
            for name, timing in heat.pop("timings").items():
                found[name] = {"timing": timing, **heat}
                if not is_lost(timing["error"]):
                    self._state.put(f"first/{name}", found[name])
        wanted = (self.name, *members)
        every = {name: found.get(name) or self._state.get(f"first/{name}") for name in wanted}
        return _make_heat({name: one["timing"] for name, one in every.items()}, *every.values())

    def _measure(self, members: Mapping[str, Variant], seconds: float) -> dict[str, Any]:
        begun = time.monotonic()
        everyone = {self.name: self.baseline, **members}
        left = self._budget.left("tune")
        latency = measure_latency(
            list(everyone.values()),
            samples=self._samples,
            seconds=seconds,
            threads=self._threads,
            timeout=None if left is None else max(PATIENCE, left),
        )
        rows = [dataclasses.replace(row, name=name) for row, name in zip(latency.rows, everyone, strict=True)]
        if rows[0].error is not None:
            raise WorkbenchError(
                f"The baseline {self.name} could not be measured: {rows[0].error}. A race measures all others "
                "against it. Try wb.measure_latency(source) to see more."
            )
        compiled = sum(variant.compiled for variant in everyone.values())
        self._budget.learn(len(everyone), seconds, time.monotonic() - begun, compiled=compiled)
        self._state.put(PACE, self._budget.pace)
        measured = uuid.uuid4().hex[:8]
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
                measured,
                row.error or "",
            )
            for row in rows
        }
        named = dataclasses.replace(latency, rows=tuple(rows))
        groups = f"Memory is short: the last heat was measured in {named.groups} groups."
        return {
            "timings": {name: dataclasses.asdict(one) for name, one in timings.items()},
            "noise": list(named.noise),
            "remarks": [*filter(None, [named.drift]), *([groups] if named.groups > 1 else [])],
            "subject": named.subject,
        }


def _name_heat(step: str, others: Mapping[str, Variant], seconds: float) -> str:
    # Two races may have another variant under one name: what is left in fp32 depends on the bar.
    places = [f"{name}@{variant.path.name}" if variant.path else name for name, variant in others.items()]
    return f"{step}/{seconds:g}/{'+'.join(sorted(places))}"


def _make_heat(timings: Mapping[str, Mapping[str, Any]], *measured: Mapping[str, Any]) -> Heat:
    """A heat of what was kept of one or several measurements."""
    return Heat(
        {name: read_as(Timing, timing) for name, timing in timings.items()},
        tuple(dict.fromkeys(line for one in measured for line in one["noise"])),
        tuple(dict.fromkeys(line for one in measured for line in one["remarks"])),
        measured[0]["subject"],
    )


def _check_heat(known: Any, names: list[str]) -> None:
    if set(_make_heat(known["timings"], known).timings) != set(names):
        raise KeyError("timings of others")


def check_pace(known: Any) -> None:
    """Raises where what was kept of the pace makes no sense."""
    start, compiling = map(float, known)
    if not (0 <= start < math.inf and 0 <= compiling < math.inf):
        raise ValueError("no times")


def is_lost(error: str) -> bool:
    """Whether a worker was lost, which may not happen again: such a timing is not kept.

    Example:
        >>> is_lost("hung: no answer within 600 s while loading; ended"), is_lost("ValueError: no such input")
        (True, False)
    """
    return error.startswith(LOST)


def apply_timing(row: RaceRow, timing: Timing, heat: int) -> RaceRow:
    """The row with what a heat gave; where it failed, without the figures of heats before.

    Example:
        >>> row = apply_timing(RaceRow("a", median_ms=4.0, heat=1), Timing(error="it crashed"), 2)
        >>> row.status, row.median_ms
        ('failed', None)
    """
    figures = dataclasses.asdict(timing)
    error = figures.pop("error")
    row = dataclasses.replace(row, heat=heat, **figures)
    return dataclasses.replace(row, status=FAILED, reason=error) if error else row
