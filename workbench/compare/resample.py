"""Intervals by drawing examples again and again (the bootstrap), also for the difference of two variants.

Examples that belong together, such as questions about one text, are drawn together: they are not independent, and
an interval that takes them for independent is too narrow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

DRAWS = 1000
COVERAGE = 0.95


def find_interval(
    reduce: Callable[[np.ndarray], float], rows: np.ndarray, groups: Sequence[Any] | None = None
) -> tuple[float, float]:
    """The 95 % interval of a figure over examples drawn again with replacement; the same on every call.

    Args:
        reduce: Rows -> the figure.
        rows: One row of numbers per example.
        groups: What each example belongs to; by default each stands alone.

    Example:
        >>> rows = np.array([[0.0], [1.0]] * 50)
        >>> low, high = find_interval(lambda rows: float(rows.mean()), rows)
        >>> 0.38 < low < 0.42 and 0.58 < high < 0.62
        True
    """
    return _percentiles([reduce(rows[picked]) for picked in _draws(len(rows), groups)])


def find_difference(
    reduce: Callable[[np.ndarray], float],
    rows: np.ndarray,
    baseline: np.ndarray,
    groups: Sequence[Any] | None = None,
) -> tuple[float, float, float]:
    """A figure minus the baseline's on the same examples, with its 95 % interval.

    Both sides are reduced over the same drawn examples, so what is hard for both cancels.
    """
    apart = [reduce(rows[picked]) - reduce(baseline[picked]) for picked in _draws(len(rows), groups)]
    return reduce(rows) - reduce(baseline), *_percentiles(apart)


def _draws(count: int, groups: Sequence[Any] | None) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    if groups is None or len(set(groups)) == count:
        return [rng.integers(0, count, count) for _ in range(DRAWS)]
    members: dict[Any, list[int]] = {}
    for index, group in enumerate(groups):
        members.setdefault(group, []).append(index)
    parts = [np.array(indices) for indices in members.values()]
    return [
        np.concatenate([parts[part] for part in rng.integers(0, len(parts), len(parts))])
        for _ in range(DRAWS)
    ]


def _percentiles(values: list[float]) -> tuple[float, float]:
    known = np.array(values)
    known = known[~np.isnan(known)]
    if not known.size:
        return float("nan"), float("nan")
    edge = 100 * (1 - COVERAGE) / 2
    low, high = np.percentile(known, [edge, 100 - edge])
    return float(low), float(high)
