"""From raw times to figures: medians and tails of one variant, and its speed-up over another, round by round.

Variants are measured in turn, so what both met in the same round (a slower clock, a neighbour's load) is in both
times of that round and cancels in their ratio.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from workbench.compare.resample import FEWEST_GROUPS, find_interval

ENOUGH_FOR_P99 = 1000  # fewer runs hold fewer than ten values above the p99: it would be an anecdote
TOO_WIDE = 0.10
STRETCH = 4  # neighbouring rounds that are drawn together: a machine's mood lasts longer than one round
# Two processes that run the same file differ by about this much, on the luck of where the system puts their memory.
# No number of rounds shows it, so it is part of every speed-up's interval (`make bench ARGS=latency` measures it).
PROCESS_LUCK = 0.015


@dataclasses.dataclass(frozen=True)
class Interval:
    """A figure with the ends of its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def width(self) -> float:
        """From end to end, relative to the figure.

        Example:
            >>> Interval(2.0, 1.9, 2.1).width
            0.1...
        """
        return (self.high - self.low) / self.value if self.value else 0.0


@dataclasses.dataclass(frozen=True)
class Summary:
    """What single runs took, in milliseconds; p99 only where there are enough of them."""

    median: float
    p90: float
    p99: float | None
    mean: float
    std: float
    n: int


def summarize_times(nanoseconds: np.ndarray) -> Summary:
    """The figures of many single runs.

    Raises:
        ValueError: There is no run.

    Example:
        >>> summarize_times(np.array([1e6, 2e6, 3e6])).median
        2.0
    """
    times = np.asarray(nanoseconds, dtype=np.float64).ravel() / 1e6
    if not times.size:
        raise ValueError("There is no time to summarize.")
    return Summary(
        median=float(np.median(times)),
        p90=float(np.percentile(times, 90)),
        p99=float(np.percentile(times, 99)) if times.size >= ENOUGH_FOR_P99 else None,
        mean=float(times.mean()),
        std=float(times.std(ddof=1)) if times.size > 1 else 0.0,
        n=int(times.size),
    )


def round_times(rounds: Sequence[np.ndarray]) -> np.ndarray:
    """One time per round: the median over its passes of what a call took on average in that pass.

    Args:
        rounds: Per round, nanoseconds as (passes over the samples, samples).

    Example:
        >>> round_times([np.array([[1.0, 3.0], [2.0, 4.0], [8.0, 8.0]])]).tolist()
        [3.0]
    """
    return np.array([np.median(np.mean(times, axis=1)) for times in rounds])


def find_call_median(rounds: Sequence[np.ndarray]) -> Interval:
    """The median of single calls, with its bootstrap interval over rounds.

    Args:
        rounds: Per round, nanoseconds as (passes over the samples, samples).

    Example:
        >>> find_call_median([np.array([[1.0, 1.0, 9.0]])] * 10)
        Interval(value=1.0, low=1.0, high=1.0)
    """
    calls = [np.ravel(times) for times in rounds]

    def reduce(drawn: np.ndarray) -> float:
        return float(np.median(np.concatenate([calls[index] for index in drawn])))

    every = np.arange(len(calls))
    return Interval(reduce(every), *find_interval(reduce, every, _stretches(len(calls))))


def find_median(values: np.ndarray) -> Interval:
    """The median of one value per round, with its bootstrap interval; neighbouring rounds are drawn together.

    Example:
        >>> find_median(np.full(10, 4.0))
        Interval(value=4.0, low=4.0, high=4.0)
    """
    low, high = find_interval(lambda drawn: float(np.median(drawn)), values, _stretches(len(values)))
    return Interval(float(np.median(values)), low, high)


def _stretches(rounds: int) -> list[int]:
    """Which stretch each round belongs to; there are as many of them as an interval needs."""
    stretch = max(1, min(STRETCH, rounds // FEWEST_GROUPS))
    return [index // stretch for index in range(rounds)]


def find_speedup(baseline: np.ndarray, candidate: np.ndarray) -> Interval:
    """How many times faster the candidate is: the median over the rounds of their ratio, with its interval.

    The interval holds what the rounds say and what they cannot: `PROCESS_LUCK`.

    Raises:
        ValueError: They were not measured in the same rounds.

    Example:
        >>> find_speedup(np.array([10.0, 20.0, 30.0]), np.array([5.0, 10.0, 15.0])).value
        2.0
    """
    if len(baseline) != len(candidate) or not len(baseline):
        raise ValueError(
            f"Ratios need the same rounds on both sides, got {len(baseline)} and {len(candidate)} of them."
        )
    seen = find_median(np.asarray(baseline) / np.asarray(candidate))
    below = math.hypot(math.log(seen.value / seen.low), PROCESS_LUCK)
    above = math.hypot(math.log(seen.high / seen.value), PROCESS_LUCK)
    return Interval(seen.value, seen.value * math.exp(-below), seen.value * math.exp(above))
