"""Rows of different heats side by side: their times brought to one heat, and which rows these are."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from workbench.race.rows import RaceRow

TIMES = ("median_ms", "low_ms", "high_ms", "p90_ms")


def align_times(row: RaceRow, baseline: RaceRow) -> RaceRow:
    """The row with the times that it would have beside the baseline's last ones; its speed-up is what was measured.

    Example:
        >>> last = RaceRow("torch", median_ms=10.0, speedup=1.0, measured="second")
        >>> align_times(RaceRow("a", median_ms=6.0, speedup=2.0, measured="first"), last).median_ms
        5.0
    """
    if row.measured == baseline.measured or not (baseline.median_ms and row.median_ms and row.speedup):
        return row
    factor = baseline.median_ms / (row.speedup * row.median_ms)
    times = {name: getattr(row, name) for name in TIMES}
    changed: dict[str, Any] = {
        name: None if value is None else factor * value for name, value in times.items()
    }
    return dataclasses.replace(row, **changed)


def list_odd_rows(rows: Iterable[RaceRow], baseline: RaceRow, n: int) -> list[str]:
    """Which rows were measured before the baseline's last time, or judged on fewer examples than `n`.

    Example:
        >>> early = RaceRow("a", speedup=2.0, measured="first", quality=80.0, n=200)
        >>> list_odd_rows([early], RaceRow("torch", measured="second"), 400)
        ["Times of an earlier measurement, brought to the last one's: a", 'Quality on 200 examples alone: a']
    """
    rows = list(rows)
    early = [row.name for row in rows if row.speedup is not None and row.measured != baseline.measured]
    lines = []
    if early:
        lines.append(f"Times of an earlier measurement, brought to the last one's: {', '.join(early)}")
    fewer: dict[int, list[str]] = {}
    for row in rows:
        if row.quality is not None and row.n != n:
            fewer.setdefault(row.n, []).append(row.name)
    return [
        *lines,
        *(f"Quality on {count:,} examples alone: {', '.join(names)}" for count, names in fewer.items()),
    ]
