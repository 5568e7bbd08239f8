"""What there is to say about one tensor: shape, range, spread, a histogram, its first values."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

BINS = 32
FIRST = 24


@dataclasses.dataclass(frozen=True)
class TensorStats:
    """A tensor's figures.

    Attributes:
        name: Whose they are.
        dtype: The type of its elements.
        shape: Its sizes.
        minimum: The smallest finite value; None where there is none (so for the next three).
        maximum: The largest.
        mean: The mean of the finite values.
        std: Their standard deviation.
        zeros: The share that is exactly zero.
        not_finite: How many are infinite or no number.
        counts: The histogram from `minimum` to `maximum`, in steps of the same width.
        first: The first values, in memory's order.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    minimum: float | None
    maximum: float | None
    mean: float | None
    std: float | None
    zeros: float
    not_finite: int
    counts: tuple[int, ...] = dataclasses.field(repr=False)
    first: tuple[float | str, ...] = dataclasses.field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain data."""
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        shape = "×".join(map(str, self.shape)) or "scalar"
        if self.minimum is None:
            return f"{self.name}: {self.dtype} {shape}, no finite values"
        spread = f"{self.minimum:.4g} … {self.maximum:.4g}, mean {self.mean:.4g}, std {self.std:.4g}"
        extra = f", {self.not_finite:,} not finite" if self.not_finite else ""
        return f"{self.name}: {self.dtype} {shape}, {spread}, {self.zeros:.1%} zeros{extra}"


def summarize_array(array: np.ndarray, *, name: str = "") -> TensorStats:
    """The figures of an array.

    Example:
        >>> print(summarize_array(np.array([[0.0, 1.0], [2.0, 5.0]]), name="x"))
        x: float64 2×2, 0 … 5, mean 2, std 1.871, 25.0% zeros
    """
    dtype, shape = str(array.dtype), tuple(array.shape)
    flat = array.reshape(-1)
    if flat.dtype.kind not in "fiub":
        try:
            numbers = flat.astype(np.float32)  # bfloat16, float8 and 4-bit numbers
        except (TypeError, ValueError):  # strings
            texts = tuple(str(value)[:80] for value in flat[:FIRST])
            return TensorStats(name, dtype, shape, None, None, None, None, 0.0, 0, (), texts)
    else:
        numbers = flat
    whole = numbers.dtype.kind in "iub"
    finite = numbers if whole else numbers[np.isfinite(numbers)]
    first = tuple(_plain(value) for value in numbers[:FIRST])
    not_finite = int(numbers.size - finite.size)
    if not finite.size:
        return TensorStats(name, dtype, shape, None, None, None, None, 0.0, not_finite, (), first)
    low, high = float(finite.min()), float(finite.max())
    mean = float(finite.mean(dtype=np.float64))
    std = float(finite.std(dtype=np.float64))
    zeros = float(np.count_nonzero(finite == 0) / numbers.size)
    return TensorStats(
        name, dtype, shape, low, high, mean, std, zeros, not_finite, _count(finite, low, high), first
    )


def _count(values: np.ndarray, low: float, high: float) -> tuple[int, ...]:
    """A histogram, with one step where all values are the same, and one a value for a few whole numbers."""
    if low == high:
        return (int(values.size),)
    bins = BINS
    if values.dtype.kind in "iub" and high - low < BINS:
        bins = int(high - low) + 1
    numbers = values.astype(np.float64) if values.dtype.kind == "b" else values
    counts, _ = np.histogram(numbers, bins=bins, range=(low, high))
    return tuple(int(count) for count in counts)


def _plain(value: Any) -> float | str:
    """A number that JSON knows; else its name."""
    number = value.item()
    if isinstance(number, bool | int):
        return number
    return float(f"{number:.6g}") if np.isfinite(number) else str(number)
