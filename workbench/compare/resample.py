"""Intervals by drawing examples again and again (the bootstrap), also for the difference of two variants.

Examples that belong together, such as questions about one text, are drawn together: they are not independent, and
an interval that takes them for independent is too narrow. Where there is no honest interval, both its ends are NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

DRAWS = 1000
COVERAGE = 0.95
# With ten independent groups an interval of 95 % holds the truth about nine times in ten, and 84 times in a hundred
# where the figures are as skewed as can be (tests try it); with five it is four in five, with one it has no width.
FEWEST_GROUPS = 10
# Where only five groups differ, all in one direction is what a coin does once in sixteen times: no finding at 5 %.
FEWEST_DIFFERING = 6
FEWEST_DRAWS = 0.9  # of all, which have to give a figure


def find_interval(
    reduce: Callable[[np.ndarray], float],
    rows: np.ndarray,
    groups: Sequence[Any] | None = None,
    *,
    bounds: tuple[float, float] | None = None,
) -> tuple[float, float]:
    """The 95 % interval of a figure over examples drawn again with replacement; the same on every call.

    Args:
        reduce: Rows -> the figure.
        rows: One row of numbers per example.
        groups: What each example belongs to; by default each stands alone.
        bounds: Between which figures it lies. Where all draws give the same, as with every answer right, the interval
            still reaches as far as groups of a kind not yet met could move it.

    Example:
        >>> rows = np.array([[0.0], [1.0]] * 50)
        >>> low, high = find_interval(lambda rows: float(rows.mean()), rows)
        >>> 0.38 < low < 0.42 and 0.58 < high < 0.62
        True
        >>> find_interval(lambda rows: float(rows.mean()), rows[:8])
        (nan, nan)
    """
    low, high = _percentiles(reduce(rows[picked]) for picked in _draws(len(rows), groups))
    return reach(low, bounds, count_groups(len(rows), groups)) if bounds and low == high else (low, high)


def reach(figure: float, bounds: tuple[float, float], groups: int) -> tuple[float, float]:
    """How far groups of a kind not yet met could move a figure towards its bounds.

    So many groups miss a kind that makes up a larger share with a chance of 2.5 % or less (Clopper and Pearson).

    Example:
        >>> [round(end, 1) for end in reach(100.0, (0, 100), 100)]
        [96.4, 100.0]
    """
    unseen = 1 - ((1 - COVERAGE) / 2) ** (1 / groups)
    low, high = (figure + unseen * (bound - figure) for bound in bounds)
    return low, high


def find_difference(
    reduce: Callable[[np.ndarray], float],
    rows: np.ndarray,
    baseline: np.ndarray,
    groups: Sequence[Any] | None = None,
) -> tuple[float, float, float]:
    """A figure minus the baseline's on the same examples, with its 95 % interval.

    Both sides are reduced over the same drawn examples, so what is hard for both cancels.
    """
    picks = _draws(len(rows), groups)
    apart = (reduce(rows[picked]) - reduce(baseline[picked]) for picked in picks)
    low, high = _percentiles(apart)
    if count_differing(rows, baseline, groups) < FEWEST_DIFFERING and not math.isnan(low):
        low, high = min(low, 0.0), max(high, 0.0)
    return reduce(rows) - reduce(baseline), low, high


def count_groups(count: int, groups: Sequence[Any] | None) -> int:
    """How many independent groups so many examples make up."""
    return count if groups is None else len(set(groups))


def count_differing(rows: np.ndarray, baseline: np.ndarray, groups: Sequence[Any] | None) -> int:
    """In how many independent groups two variants do not score the same."""
    differing = np.flatnonzero((rows != baseline).any(axis=1)).tolist()
    return len({groups[index] for index in differing} if groups else differing)


def _draws(count: int, groups: Sequence[Any] | None) -> Iterator[np.ndarray]:
    """One array of places per draw, one after the other: all at once would be a thousand times the examples."""
    if count_groups(count, groups) < FEWEST_GROUPS:
        return
    rng = np.random.default_rng(0)
    if groups is None or len(set(groups)) == count:
        for _ in range(DRAWS):
            yield rng.integers(0, count, count)
        return
    members: dict[Any, list[int]] = {}
    for index, group in enumerate(groups):
        members.setdefault(group, []).append(index)
    parts = [np.array(indices) for indices in members.values()]
    for _ in range(DRAWS):
        yield np.concatenate([parts[part] for part in rng.integers(0, len(parts), len(parts))])


def _percentiles(values: Iterator[float]) -> tuple[float, float]:
    known = np.array([value for value in values if not math.isnan(value)])
    if known.size < FEWEST_DRAWS * DRAWS:
        return float("nan"), float("nan")
    edge = 100 * (1 - COVERAGE) / 2
    low, high = np.percentile(known, [edge, 100 - edge])
    return float(low), float(high)
