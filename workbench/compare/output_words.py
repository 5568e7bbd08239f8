"""What there is to say about an `OutputDiff`: the verdict, and the lines below it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from workbench.compare.decisions import RANKS, Agreement

if TYPE_CHECKING:
    from workbench.compare.output_rows import NotFinite, OutputDiff, OutputRow


def write_verdict(diff: OutputDiff) -> str:
    """What was found, in one sentence that puts the difference in proportion."""
    word = "The same" if diff.agrees else "Not the same"
    if diff.not_finite:
        return f"{word}: {_list_first(diff.not_finite)}."
    decided = [item for item in diff.agreements if item.decides]
    parts = [", ".join(_say(item) for item in decided)] if decided else []
    row = max(diff.rows, key=lambda item: item.relative)
    equal = not row.max_abs
    parts.append("the outputs are equal to the last bit" if equal else _describe_gap(diff, row))
    joined = (" and " if equal else "; ").join(parts)
    return f"{word}: {joined}{f'; {_list_first(diff.both_nan)}' if diff.both_nan else ''}."


def write_notes(diff: OutputDiff) -> list[str]:
    """What else belongs to it: the tolerance, the margins, what was not looked at."""
    samples = "1 sample" if diff.samples == 1 else f"{diff.samples} samples"
    atol = max(row.atol for row in diff.rows)
    passes = f"a check at rtol 0 would pass with atol {atol:g}"
    lines = [f"{samples}; {passes if math.isfinite(atol) else 'a check would pass with no tolerance'}"]
    if diff.margins:
        lines.append(_describe_margins(diff))
    if diff.yardstick is None:
        lines.append(f"not set beside bf16: {diff.yardstick_note}")
    if diff.left_out:
        names = ", ".join(diff.left_out)
        lines.append(f"on one side alone or without a number, so not compared: {names}")
    if diff.random:
        lines.append(
            "the weights are random: which answers they give means nothing, only whether they are the same"
        )
    return lines


def _describe_gap(diff: OutputDiff, row: OutputRow) -> str:
    size = f"the largest difference is {row.max_abs:.2g} in {row.output!r} ({row.relative:.2g} of its size)"
    beside = []
    if row.bf16_max_abs and math.isfinite(row.bf16_max_abs):
        beside.append(f"{_times(row.max_abs / row.bf16_max_abs)} what bf16 makes of PyTorch's model here")
    margin, gap = diff.median_margin, diff.head_gap
    if margin and margin > 0 and gap:
        where = "start and end together " if len(diff.heads) > 1 else ""
        if not where and row.output not in diff.heads:
            where = f"that in {diff.heads[0]!r} "
        beside.append(f"{where}{_times(gap / margin)} the median margin between best and second-best answer")
    return size + (f": {', and '.join(beside)}" if beside else "")


def _describe_margins(diff: OutputDiff) -> str:
    line = (
        f"margins between best and second best: {diff.margins[0]:.3g} at least, "
        f"{diff.median_margin:.3g} in the median"
    )
    gap = diff.head_gap
    if gap is None or not math.isfinite(gap):
        return line
    close = sum(margin <= gap for margin in diff.margins)
    what = "differences of start and end" if len(diff.heads) > 1 else f"difference of {diff.heads[0]!r}"
    return f"{line}; {close:,} of {len(diff.margins):,} are within the largest {what}"


def _list_first(found: tuple[NotFinite, ...]) -> str:
    more = len(found) - 1
    findings = "finding" if more == 1 else "findings"
    return f"{found[0]}{f' (and {more} more such {findings})' if more else ''}"


def _say(item: Agreement) -> str:
    if item.kind == RANKS:
        return f"rank correlation {item.value:.3f} over {item.count:,} pairs"
    thing = item.kind.removeprefix("same ")
    if not item.differing:
        return f"all {item.count:,} {thing}s are the same" if item.count > 1 else f"the {thing} is the same"
    ties = f" ({item.ties} of them ties)" if item.ties else ""
    return f"{item.differing:,} of {item.count:,} {thing}s differ{ties}"


def _times(ratio: float) -> str:
    if ratio >= 1:
        return f"{ratio:.1f} times"
    return f"{ratio:.2g} of" if ratio >= 0.1 else f"1/{float(f'{1 / ratio:.2g}'):,.0f} of"
