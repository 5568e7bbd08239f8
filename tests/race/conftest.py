"""Short heats: these tests look at what a race decides, never at how long something takes."""

from __future__ import annotations

import functools
import importlib

import pytest

from tests.variants import bench, one_thread  # noqa: F401

SHORT = 0.02


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
        "tuned": ["FINAL_SECONDS"],
    }.items():
        for name in names:
            monkeypatch.setattr(importlib.import_module(f"workbench.race.{module}"), name, SHORT)
    monkeypatch.setattr("workbench.compare.tuning.SECONDS", SHORT)
