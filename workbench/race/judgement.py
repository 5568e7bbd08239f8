"""What came out when a contestant was judged: figures, and whether they meet the bar."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.compare.datasets import Data
from workbench.compare.differences import share_kept
from workbench.compare.metrics import find_metric
from workbench.compare.quality import Quality
from workbench.compare.resample import FEWEST_DIFFERING, count_differing, count_groups, find_interval, reach
from workbench.race.rows import RaceRow, meets_bar


@dataclasses.dataclass(frozen=True)
class Judgement:
    """What came out for one contestant.

    Attributes:
        n: On how many examples, decisions or samples.
        kept: What is left of the baseline's quality, as a share, with its paired interval.
        value: The figure itself, with its interval.
        broken: Why it cannot win whatever its speed, such as NaN in its outputs.
        note: What a reader has to know about how it was judged.
        took: How many seconds it took to run the examples.
    """

    n: int
    kept: float | None = None
    kept_low: float | None = None
    kept_high: float | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    broken: str = ""
    note: str = ""
    took: float = 0.0


def draw_part(data: Data, count: int, seed: int) -> Data:
    """So many of the examples, drawn with a seed and in their own order."""
    picked = sorted(np.random.default_rng(seed).choice(len(data.records), count, replace=False).tolist())
    records = [data.records[index] for index in picked]
    return dataclasses.replace(
        data, name=f"a part of {data.name}", records=records, fingerprint=f"{data.fingerprint}-{seed}-{count}"
    )


def compare_kept(own: Quality, base: Quality, task: str) -> tuple[float, float | None, float | None]:
    """What is left of the baseline's quality, as a share, with its interval where the examples suffice for one.

    Both figures are taken over the same drawn examples; draws in which the baseline has nothing to keep do not count.
    Where next to no examples differ, drawing these again cannot show what others would: the interval then reaches as
    far as groups of a kind not yet met could move the figure.

    Raises:
        ValueError: On all of them the baseline has nothing to keep.
    """
    metric = find_metric(own.metric, task)
    width = own.scores.shape[1]

    def share(figure: float, of: float) -> float:
        kept = share_kept(figure, of, unit=own.unit, higher_is_better=own.higher_is_better)
        return math.nan if kept is None else kept / 100

    def divide(rows: np.ndarray) -> float:
        return share(metric.reduce(rows[:, :width]), metric.reduce(rows[:, width:]))

    both = np.hstack([own.scores, base.scores])
    kept = divide(both)
    if math.isnan(kept):
        raise ValueError(f"{base.variant} has no {base.label} to keep on {base.dataset}.")
    low, high = find_interval(divide, both, own.groups)
    if math.isnan(low):
        return kept, None, None
    if metric.bounds and count_differing(own.scores, base.scores, own.groups) < FEWEST_DIFFERING:
        ends = reach(metric.reduce(own.scores), metric.bounds, count_groups(len(both), own.groups))
        shares = [share(end, metric.reduce(base.scores)) for end in ends]
        low, high = min(low, *shares), max(high, *shares)
    return kept, low, high


def apply_judgement(row: RaceRow, judged: Judgement, keep: float) -> RaceRow:
    """The row with what was judged, and whether that meets the bar.

    Example:
        >>> row = apply_judgement(RaceRow("a"), Judgement(n=400, kept=0.995, kept_low=0.98, kept_high=1.0), 0.99)
        >>> row.meets, row.note
        (True, 'not certain at n = 400: 98.0 % is possible')
    """
    meets = None if judged.kept is None else meets_bar(judged.kept, keep)
    if judged.broken:
        meets = False
    notes = [note for note in (row.note, judged.note) if note]
    if judged.kept is not None and judged.kept_low is None and not judged.broken:
        notes.append(f"not certain: {judged.n:,} examples are too few to tell")
    elif meets and judged.kept_low is not None and judged.kept_low < keep:
        notes.append(f"not certain at n = {judged.n:,}: {100 * judged.kept_low:.1f} % is possible")
    elif meets is False and judged.kept_high is not None and judged.kept_high >= keep:
        notes.append(f"not certain at n = {judged.n:,}: {100 * judged.kept_high:.1f} % is possible")
    return dataclasses.replace(
        row,
        quality=judged.value,
        quality_low=judged.low,
        quality_high=judged.high,
        kept=judged.kept,
        kept_low=judged.kept_low,
        kept_high=judged.kept_high,
        n=judged.n,
        meets=meets,
        note="; ".join(notes),
        reason=judged.broken,
    )


def describe_quality(
    quality: Quality,
    kept: float = 1.0,
    low: float | None = 1.0,
    high: float | None = 1.0,
    *,
    took: float = 0.0,
) -> Judgement:
    """A quality as a judgement; the baseline's own keeps all of it."""
    return Judgement(
        quality.n, kept, low, high, value=quality.value, low=quality.low, high=quality.high, took=took
    )


def has_quality(quality: Quality) -> bool:
    """Whether there is any quality to keep: an F1 of 0 is none, and neither is a word error rate of 100 %."""
    own = quality.value
    return share_kept(own, own, unit=quality.unit, higher_is_better=quality.higher_is_better) is not None


def pack_quality(quality: Quality) -> dict[str, Any]:
    """A quality with its single examples as plain data."""
    groups = quality.groups and _number(quality.groups)
    return {**quality.to_dict(), "scores": quality.scores.tolist(), "groups": groups, "difference": None}


def unpack_quality(plain: dict[str, Any]) -> Quality:
    """What `pack_quality` made plain."""
    groups = tuple(plain["groups"]) if plain["groups"] else None
    return Quality(**{**plain, "scores": np.array(plain["scores"], dtype=float), "groups": groups})


def _number(groups: Sequence[Any]) -> list[int]:
    known: dict[Any, int] = {}
    return [known.setdefault(group, len(known)) for group in groups]
