"""Figures in words: what tables, verdicts and reports say about a number."""

from __future__ import annotations

import math

VAGUE = 1.5  # where the ends of an interval are further apart than this, its middle is no figure to state
ALIKE = 1.1  # a speed-up whose whole interval is closer to 1 than this is called "as fast"


def format_figure(value: float, unit: str = "", *, sign: bool = False) -> str:
    """A quality figure as people read it.

    Example:
        >>> format_figure(84.93, "%"), format_figure(-0.312, "%", sign=True), format_figure(12.3456)
        ('84.9', '-0.3', '12.35')
    """
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else "infinite"
    digits = 1 if unit == "%" else 2 if abs(value) >= 1 else 3
    text = f"{abs(value):,.{digits}f}"
    minus = value < 0 and any(digit in text for digit in "123456789")
    return ("-" if minus else "+" if sign and value > 0 else "") + text


def format_interval(low: float | None, high: float | None, unit: str = "", *, sign: bool = False) -> str:
    """An interval in brackets, as it follows a figure; nothing where there is none.

    Example:
        >>> format_interval(84.9, 87.0, "%"), format_interval(None, None)
        (' (84.9 to 87.0)', '')
    """
    if low is None or high is None:
        return ""
    return f" ({format_figure(low, unit, sign=sign)} to {format_figure(high, unit, sign=sign)})"


def judge_noise(significant: bool | None) -> str:
    """Whether a difference is more than the luck of the examples, in words.

    Example:
        >>> judge_noise(True), judge_noise(False), judge_noise(None)
        ('more than noise', 'not decided', 'too few examples to tell')
    """
    if significant is None:
        return "too few examples to tell"
    return "more than noise" if significant else "not decided"


def format_ratio(value: float) -> str:
    """A speed-up in words.

    Example:
        >>> format_ratio(3.61), format_ratio(0.5), format_ratio(1.01)
        ('3.6× faster', '2.0× slower', 'as fast')
    """
    return _say_ratio(value, "faster", "slower", "as fast")


def judge_speed(value: float, low: float | None, high: float | None) -> str:
    """A speed-up in words, and only as sure as its interval; one without ends is taken as it is.

    Example:
        >>> judge_speed(3.6, 3.5, 3.7), judge_speed(2.7, 1.2, 6.0)
        ('3.6× faster', 'faster, by how much cannot be told (1.2–6.0×)')
        >>> judge_speed(1.0, 0.97, 1.04), judge_speed(0.7, 0.4, 1.3)
        ('as fast (within noise)', 'its speed cannot be told (0.40–1.30×)')
    """
    low, high = low or value, high or value
    if high > VAGUE * low and (low > 1 or high < 1):
        return f"{'faster' if low > 1 else 'slower'}, by how much cannot be told ({format_span(low, high)})"
    if low > 1 or high < 1:
        return format_ratio(value)
    if low >= 1 / ALIKE and high <= ALIKE:
        return "as fast (within noise)"
    return f"its speed cannot be told ({low:.2f}–{high:.2f}×)"


def format_span(low: float, high: float) -> str:
    """The ends of a wide interval of speed-ups.

    Example:
        >>> format_span(0.214, 0.8), format_span(5.93, 104.2)
        ('0.21–0.80×', '5.9–104×')
    """
    ends = (f"{end:.2f}" if end < 1 else f"{end:.1f}" if end < 10 else f"{end:,.0f}" for end in (low, high))
    return f"{'–'.join(ends)}×"


def format_size(value: float) -> str:
    """How much smaller something is, in words; nothing where there is nothing to say.

    Example:
        >>> format_size(4.0), format_size(0.8), format_size(1.0)
        ('4.0× smaller', '1.2× larger', '')
    """
    return _say_ratio(value, "smaller", "larger", "")


def _say_ratio(value: float, above: str, below: str, same: str) -> str:
    if not math.isfinite(value) or value <= 0:
        return f"not {above}"
    ratio, word = (value, above) if value >= 1 else (1 / value, below)
    if ratio < 1.05:
        return same
    return f"{ratio:.2f}× {word}" if ratio < 1.2 else f"{ratio:.1f}× {word}"
