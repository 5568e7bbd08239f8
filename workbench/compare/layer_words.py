"""What there is to say about a `LayerDrift`: the verdict, and the lines below it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.compare.layer_rows import LayerDrift, LayerRow

VISIBLE = 1e-5  # a drift below is rounding


def write_verdict(drift: LayerDrift) -> str:
    """What was found, in one sentence."""
    end = _describe_end(drift.rows)
    if drift.jumps:
        return _describe_jumps(drift.jumps, end)
    lost = next((row for row in drift.rows if row.not_finite), None)
    if lost is not None:
        return (
            "No module stands out when it is given the reference's numbers, but left alone the candidate gives "
            f"{lost.not_finite:,} values at {lost.module} that are NaN or Inf."
        )
    worst = max(drift.rows, key=lambda row: -1.0 if math.isnan(row.own) else row.own)
    if worst.own > VISIBLE:
        return (
            f"No module stands out: each adds a little, {worst.module} the most ({_share(worst.own)}), "
            f"and together {end}."
        )
    largest = max(row.drift for row in drift.rows)
    if largest > VISIBLE:
        return f"No module stands out; rounding grows on its way, and {end}."
    return f"No drift: no module differs by more than {_share(largest)}."


def write_notes(drift: LayerDrift) -> list[str]:
    """What else belongs to it: on how much it rests, and what was not looked at."""
    samples = "1 sample" if drift.samples == 1 else f"{drift.samples} samples"
    passes = "1 pass" if drift.passes == 1 else f"{drift.passes} passes"
    lines = [f"{samples}, {len(drift.rows)} tensors in {passes}"]
    if drift.missing:
        lines.append(
            f"{len(drift.missing)} modules could not be compared (fused away, called several times, or without a "
            f"number): {', '.join(drift.missing[:3])}{', …' if len(drift.missing) > 3 else ''}"
        )
    if drift.not_read:
        lines.append(f"not looked at: {', '.join(drift.not_read)}")
    nan = [row for row in drift.rows if row.both_nan]
    if nan:
        lines.append(
            f"both sides give NaN in the same places of {len(nan)} tensors, {nan[0].module} the first"
        )
    return lines


def _describe_end(rows: Sequence[LayerRow]) -> str:
    last = rows[-1]
    where = f"{last.module}, the last of {len(rows)} tensors compared"
    if last.not_finite:
        return f"{last.not_finite:,} values are NaN or Inf at {where}"
    return f"it is {_share(last.drift)} at {where}"


def _describe_jumps(jumps: Sequence[LayerRow], end: str) -> str:
    first = jumps[0]
    if first.not_finite:
        what = f"it gives {first.not_finite:,} values that are NaN or Inf"
    elif first.reference_not_finite:
        what = f"{first.reference_not_finite:,} values of the reference are NaN or Inf there, and not the candidate's"
    else:
        what = f"its own error is {_share(first.own)}"
    others = f" {len(jumps) - 1} more stand out as well." if len(jumps) > 1 else ""
    return f"The drift starts at {first.origin}: {what}; {end}.{others}"


def _share(value: float) -> str:
    if value == math.inf:
        return "infinite"
    return f"{value:.2%}" if value >= 1e-3 else f"{value:.1e} of the signal"
