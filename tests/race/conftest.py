"""Short heats, and scripted ones: these tests look at what a race decides, never at how long something takes."""

from __future__ import annotations

import dataclasses
import functools
import importlib
from collections.abc import Callable, Iterable

import pytest

from tests.variants import bench, one_thread  # noqa: F401
from workbench.compare.latency_rows import Latency, LatencyRow
from workbench.compare.load import MachineLoad
from workbench.race.budget import Budget
from workbench.race.contestants import Contestant, Parts
from workbench.race.course import Course
from workbench.race.judging import Judge
from workbench.race.progress import Reporter
from workbench.race.state import open_state

SHORT = 0.02
BASE_MS = 12.0


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is timed in this process: starting others is what takes long, and has tests of its own."""
    for module in ("workbench.race.heats", "workbench.compare.tuning"):
        measure = importlib.import_module(module).measure_latency
        monkeypatch.setattr(f"{module}.measure_latency", functools.partial(measure, isolate=False))


@pytest.fixture
def short_heats(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every heat takes a moment, and no session is tuned for seconds."""
    for module, names in {
        "qualifying": ["FIRST_SECONDS"],
        "finals": ["FURTHER_SECONDS", "FINAL_SECONDS"],
        "rescue": ["FIRST_SECONDS", "FURTHER_SECONDS"],
        "tuned": ["TRIAL_SECONDS", "HEAT_SECONDS"],
    }.items():
        for name in names:
            monkeypatch.setattr(importlib.import_module(f"workbench.race.{module}"), name, SHORT)


class Clock:
    """A clock that stands still until it is told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Script:
    """Stands in for `measure_latency`, whose figures nobody can provoke.

    Attributes:
        speeds: Name -> what each heat gives it, in turn and the last one for good: a speed-up, with how far its
            interval reaches to either side, or why it failed.
        calls: The names in each heat so far.
        timeouts: What it was told to wait.
    """

    def __init__(self) -> None:
        self.speeds: dict[str, list[tuple[float, float] | str]] = {}
        self.calls: list[list[str]] = []
        self.timeouts: list[float | None] = []

    def __call__(self, variants, *, samples=None, seconds=None, threads=None, timeout=None) -> Latency:
        names = [variant.name for variant in variants]
        rows = [self._make_row(name, first=not index) for index, name in enumerate(names)]
        self.calls.append(names)
        self.timeouts.append(timeout)
        load = MachineLoad(average=None, others=0.0, visible=2)
        return Latency(
            tuple(rows), names[0], threads or 1, seconds or 1.0, 1, True, 1, (), versions={}, load=load
        )

    def _make_row(self, name: str, *, first: bool) -> LatencyRow:
        before = sum(name in call for call in self.calls)
        given = self.speeds.get(name, [(1.0, 0.0)])
        found = given[min(before, len(given) - 1)]
        if isinstance(found, str):
            return LatencyRow(name, 1, 16, error=found)
        speed, spread = (1.0, 0.0) if first else found
        times = {
            "median_ms": BASE_MS / speed,
            "median_low_ms": BASE_MS / speed,
            "median_high_ms": BASE_MS / speed,
        }
        ends = {"speedup_low": speed - spread, "speedup_high": speed + spread}
        return LatencyRow(name, 1, 16, **times, speedup=speed, **ends, n=40, rounds=40)


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    """Heats and tuning are told what they measure."""
    told = Script()
    for module in ("workbench.race.heats", "workbench.compare.tuning"):
        monkeypatch.setattr(f"{module}.measure_latency", told)
    return told


@pytest.fixture
def set_off(bench, workspace, one_thread) -> Iterable[Callable[..., Course]]:  # noqa: F811
    """Makes a course whose contestants are all the tiny model itself: what they measure is scripted."""
    with open_state("made up", "course") as state:

        def make(
            *names: str, clock: Callable[[], float] | None = None, seconds: float | None = None
        ) -> Course:
            source = bench.source()
            budget = Budget(seconds, clock) if clock else Budget(seconds)
            field = [
                Contestant(name, "torch", "fp32", _make_nothing) for name in (source.baseline.name, *names)
            ]
            judge = Judge(source.baseline, dataset=None, metric=None, samples=None, seed=0, threads=1)
            judge.state = state
            course = Course(field, Parts(source), 0.99, judge, state, budget, Reporter(None), threads=1)
            for one in field:
                course.add(one.name, dataclasses.replace(source.baseline, name=one.name))
            return course

        yield make


def _make_nothing(parts: Parts) -> None:
    raise AssertionError("this variant is there already")
