"""The paired difference of two variants' figures, and how much of the baseline's quality is left."""

from __future__ import annotations

import dataclasses
import math

from workbench.compare.wording import format_figure, format_interval, judge_noise


@dataclasses.dataclass(frozen=True)
class Difference:
    """A figure minus the baseline's on the same examples.

    Attributes:
        baseline: The baseline's name.
        value: The difference.
        low: Where its 95 % interval starts; None where the examples are too few for one.
        high: Where it ends.
        kept: What is left of the baseline's quality, in percent, as `share_kept` counts it; None where that has no
            meaning.
    """

    baseline: str
    value: float
    low: float | None
    high: float | None
    kept: float | None

    @property
    def significant(self) -> bool | None:
        """Whether it is more than the luck of the examples; None where these are too few to tell."""
        return is_significant(self.low, self.high)


def is_significant(low: float | None, high: float | None) -> bool | None:
    """Whether the interval of a difference leaves zero out; None where there is no interval.

    Example:
        >>> is_significant(-2.0, -0.5), is_significant(-2.0, 0.5), is_significant(None, None)
        (True, False, None)
    """
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return None
    return not low <= 0 <= high


def share_kept(value: float, baseline: float, *, unit: str, higher_is_better: bool) -> float | None:
    """What is left of a baseline's quality, in percent; None where it has none to keep.

    An error rate counts as what it leaves right: with 4 % of the words wrong instead of 2 %, 96 of 98 are right, and
    98 % of the quality is kept. For perplexity, which is no share of anything, it is the ratio of the two.

    Example:
        >>> round(share_kept(4.0, 2.0, unit="%", higher_is_better=False), 1)
        98.0
        >>> share_kept(40.0, 50.0, unit="%", higher_is_better=True)
        80.0
        >>> share_kept(12.5, 10.0, unit="", higher_is_better=False)
        80.0
    """
    if unit == "%" and not higher_is_better:
        value, baseline = 100 - value, 100 - baseline
    elif not higher_is_better:
        value, baseline = baseline, value
    if not baseline > 0 or not math.isfinite(value / baseline):
        return None
    return max(0.0, 100 * value / baseline)


def describe_difference(difference: Difference, label: str, unit: str) -> str:
    """A paired difference in words.

    Example:
        >>> describe_difference(Difference("torch-fp32", -0.3, -0.9, 0.2, 99.6), "F1", "%")
        'F1 -0.3 against torch-fp32 (-0.9 to +0.2): not decided'
        >>> describe_difference(Difference("torch-fp32", -12.5, None, None, 85.0), "F1", "%")
        'F1 -12.5 against torch-fp32: too few examples to tell'
    """
    value = format_figure(difference.value, unit, sign=True)
    span = format_interval(difference.low, difference.high, unit, sign=True)
    return f"{label} {value} against {difference.baseline}{span}: {judge_noise(difference.significant)}"
