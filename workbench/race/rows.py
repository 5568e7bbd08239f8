"""What is known of each contestant: one frozen row, replaced as the race goes on."""

from __future__ import annotations

import dataclasses
from typing import Any

WINNER, BEATEN, BELOW = "winner", "beaten", "below the bar"
UNJUDGED = "not judged"  # timed, and maybe faster than the winner
NOT_APPLICABLE, FAILED, NOT_TRIED, RACING = "not applicable", "failed", "not tried", "racing"
STATUSES = (WINNER, BEATEN, BELOW, UNJUDGED, NOT_APPLICABLE, FAILED, NOT_TRIED, RACING)


@dataclasses.dataclass(frozen=True)
class RaceRow:
    """One contestant. What was not found out is None.

    Attributes:
        name: Its name in this race; no two are the same.
        runtime: What runs it.
        precision: Of its weights.
        size_bytes: The bytes of the model.
        median_ms: The latency in its last heat, with `low_ms` and `high_ms` as its 95 % interval, and `p90_ms`.
        speedup: Over the baseline in the same heat, with its interval.
        peak_bytes: The most memory that its process had.
        quality: The figure on the examples that it was judged on, with its interval.
        kept: What is left of the baseline's quality on these examples, as a share, with its paired interval.
        n: On how many examples, or samples, it was judged.
        meets: Whether it meets the bar; None where that was not, or could not be judged.
        heat: The last heat in which it was measured; 0 for none.
        measured: What names that measurement: only rows with the same name were measured side by side.
        status: "winner", "beaten", "below the bar", "not judged", "not applicable", "failed" or "not
            tried".
        reason: Why, in words.
        note: What else a reader has to know of it.
        code: The Python that makes it again.
    """

    name: str
    runtime: str = ""
    precision: str = ""
    size_bytes: int | None = None
    median_ms: float | None = None
    low_ms: float | None = None
    high_ms: float | None = None
    p90_ms: float | None = None
    speedup: float | None = None
    speedup_low: float | None = None
    speedup_high: float | None = None
    peak_bytes: int | None = None
    quality: float | None = None
    quality_low: float | None = None
    quality_high: float | None = None
    kept: float | None = None
    kept_low: float | None = None
    kept_high: float | None = None
    n: int = 0
    meets: bool | None = None
    heat: int = 0
    measured: str = dataclasses.field(default="", repr=False)
    status: str = RACING
    reason: str = ""
    note: str = ""
    code: str = dataclasses.field(default="", repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The row as plain data."""
        return dataclasses.asdict(self)


def meets_bar(kept: float, keep: float) -> bool:
    """Whether what is kept is enough. A share is a quotient, which may miss the bar by a rounding error.

    Example:
        >>> meets_bar(57 / 60, 0.95), meets_bar(56 / 60, 0.95)
        (True, False)
    """
    return kept >= keep - 1e-12


def may_win(row: RaceRow) -> bool:
    """Whether a row was measured and judged, and not found wanting.

    Where the bar cannot be judged, such as with random weights, having been looked at is enough.

    Example:
        >>> may_win(RaceRow("a", speedup=2.0, meets=True)), may_win(RaceRow("b", speedup=2.0))
        (True, False)
    """
    return row.speedup is not None and (bool(row.meets) or (row.meets is None and row.n > 0))
