"""How far two streams of arrays lie apart: statistics are kept, the arrays are not."""

from __future__ import annotations

import math

import numpy as np

from workbench.compare.logits import log_softmax

BLOCK = 1 << 16  # values turned into float64 at a time: what stays in a core's cache


class Similarity:
    """Takes pairs of arrays one after the other and says at any time how far they lie apart.

    A number against NaN or Inf is no difference that could be averaged away: from the first on, the largest, the mean
    and the relative difference are infinite. An Inf that both sides have in the same place is no difference; neither
    is a NaN, but it is counted. Where nothing was compared, the figures are NaN, which no threshold lets pass.

    Attributes:
        values: At how many places both sides had numbers.
        max_abs: The largest absolute difference.
        worst_sample: The sample with the largest difference.
        not_finite: How many values are NaN or Inf on one side where the other has a number, by side.
        both_nan: How many are NaN on both sides.

    Example:
        >>> figures = Similarity()
        >>> figures.add(np.array([3.0, 4.0]), np.array([3.0, 4.5]))
        >>> figures.max_abs, figures.relative
        (0.5, 0.1)
        >>> figures.add(np.array([1.0]), np.array([np.nan]))
        >>> figures.max_abs, figures.not_finite
        (inf, {'reference': 0, 'candidate': 1})
    """

    def __init__(self) -> None:
        self.values = 0
        self.max_abs = 0.0
        self.worst_sample: int | None = None
        self.not_finite: dict[str, int] = {"reference": 0, "candidate": 0}
        self.both_nan = 0
        self._sum_abs = self._error = self._reference = self._candidate = self._product = 0.0

    def add(self, reference: np.ndarray, candidate: np.ndarray, *, sample: int = 0) -> None:
        """Takes in one pair of arrays of the same shape.

        Raises:
            ValueError: Their shapes differ.
        """
        if reference.shape != candidate.shape:
            raise ValueError(f"The shapes differ: {reference.shape} against {candidate.shape}.")
        left, right = reference.reshape(-1), candidate.reshape(-1)
        for start in range(0, left.size, BLOCK):
            self._add_block(left[start : start + BLOCK], right[start : start + BLOCK], sample)

    def _add_block(self, left: np.ndarray, right: np.ndarray, sample: int) -> None:
        a, b = left.astype(np.float64), right.astype(np.float64)
        norms = float(a @ a), float(b @ b)
        if not math.isfinite(sum(norms)):
            finite = self._count_strange(a, b, sample)
            a, b = a[finite], b[finite]
            norms = float(a @ a), float(b @ b)
        if not a.size:
            return
        product = float(a @ b)
        gap = np.subtract(b, a, out=b)
        self._error += float(gap @ gap)
        np.abs(gap, out=gap)
        largest = float(gap.max())
        if self.worst_sample is None or largest > self.max_abs:
            self.max_abs, self.worst_sample = max(largest, self.max_abs), sample
        self.values += a.size
        self._sum_abs += float(gap.sum())
        self._reference += norms[0]
        self._candidate += norms[1]
        self._product += product

    def _count_strange(self, left: np.ndarray, right: np.ndarray, sample: int) -> np.ndarray:
        """Counts NaN and Inf; returns where both sides are finite."""
        finite_left, finite_right = np.isfinite(left), np.isfinite(right)
        self.not_finite["reference"] += int((~finite_left & finite_right).sum())
        self.not_finite["candidate"] += int((finite_left & ~finite_right).sum())
        self.both_nan += int((np.isnan(left) & np.isnan(right)).sum())
        if self.max_abs < math.inf and find_strange(left, right).any():
            self.max_abs, self.worst_sample = math.inf, sample
        return finite_left & finite_right

    @property
    def compared(self) -> bool:
        """Whether there was anything to compare: a number on one side at least."""
        return self.values > 0 or self.max_abs > 0

    @property
    def any_not_finite(self) -> bool:
        """Whether NaN was met, or an Inf on one side alone."""
        return self.max_abs == math.inf or self.both_nan > 0

    @property
    def mean_abs(self) -> float:
        """The mean absolute difference."""
        if self.max_abs == math.inf:
            return math.inf
        return self._sum_abs / self.values if self.values else math.nan

    @property
    def relative(self) -> float:
        """The size of the difference, as a share of the size of the reference (both as root of squares)."""
        if not self.compared:
            return math.nan
        if self.max_abs == math.inf:
            return math.inf
        if not self._error:
            return 0.0
        return math.sqrt(self._error / self._reference) if self._reference else math.inf

    @property
    def cosine(self) -> float:
        """The cosine of the angle between the two, all values as one vector; NaN where one is no vector of numbers."""
        if not self.compared or self.max_abs == math.inf:
            return math.nan
        if not self._error:
            return 1.0
        norm = math.sqrt(self._reference) * math.sqrt(self._candidate)
        return max(-1.0, min(1.0, self._product / norm)) if norm else 0.0

    @property
    def snr_db(self) -> float:
        """The signal-to-noise ratio in decibels: 20 is a difference of 10 %, 40 of 1 %; infinite without any."""
        if not self.relative:
            return math.inf
        return -20 * math.log10(self.relative)


def find_strange(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Where NaN or Inf stands on one side and something else on the other.

    Example:
        >>> find_strange(np.array([1.0, np.inf, np.nan, np.inf]), np.array([2.0, np.inf, np.nan, 0.0])).tolist()
        [False, False, False, True]
    """
    same = (left == right) | (np.isnan(left) & np.isnan(right))
    return ~same & ~(np.isfinite(left) & np.isfinite(right))


def round_up(value: float) -> float:
    """The next of 1, 2 and 5 times a power of ten that is not below the value.

    Example:
        >>> round_up(0.0033), round_up(2e-06)
        (0.005, 2e-06)
    """
    if not value or not math.isfinite(value):
        return value
    exponent = math.floor(math.log10(value))
    steps = (float(f"{step}e{exponent}") for step in (1, 2, 5, 10))
    return next(step for step in steps if step >= value * (1 - 1e-9))


def kl_divergences(left: np.ndarray, right: np.ndarray, mask: np.ndarray | None) -> list[float]:
    """The KL divergence of every distribution that logits stand for, in nats.

    Infinite where the candidate's are not all numbers; where the reference's are not, there is none.

    Args:
        left: The reference's logits.
        right: The candidate's.
        mask: Which positions stand for real tokens; None for all.

    Example:
        >>> kl_divergences(np.array([[1.0, 2.0]]), np.array([[1.5, 2.5]]), None)
        [0.0]
    """
    if mask is None:
        rows = zip(left.reshape(-1, left.shape[-1]), right.reshape(-1, right.shape[-1]), strict=True)
    elif left.ndim > 2:
        rows = zip(left[mask], right[mask], strict=True)
    else:  # one distribution over the positions of a row
        rows = zip(
            *([side[row][mask[row]] for row in range(len(side))] for side in (left, right)), strict=True
        )
    found = []
    for a, b in rows:
        if a.size > 1 and np.isfinite(a).all():
            if not np.isfinite(b).all():
                found.append(math.inf)
                continue
            p, q = log_softmax(a), log_softmax(b)
            found.append(max(0.0, float((np.exp(p) * (p - q)).sum())))
    return found
