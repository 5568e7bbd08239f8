"""The Pareto front: what nothing beats in everything that counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.compare.comparison import ComparisonRow


def find_front(rows: Sequence[ComparisonRow], *, higher_is_better: bool = True) -> list[ComparisonRow]:
    """The rows that no other beats in both latency and quality, fastest first.

    Rows without both figures are left out.
    """
    known = [row for row in rows if row.median_ms is not None and row.quality is not None]
    sign = 1 if higher_is_better else -1
    front: list[ComparisonRow] = []
    for row in sorted(known, key=lambda row: (row.median_ms or 0, -sign * (row.quality or 0))):
        if not front or sign * (row.quality or 0) > sign * (front[-1].quality or 0):
            front.append(row)
    return front
