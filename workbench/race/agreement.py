"""How many decisions are the same, as a share with its interval."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from workbench.compare.decisions import RANKS

if TYPE_CHECKING:
    from workbench.compare.output_rows import OutputDiff

Z = 1.96  # of a 95 % interval


def count_agreement(diff: OutputDiff) -> tuple[int, int]:
    """How many decisions are the same, ties counted as such, and how many there are: of the kind that agrees least.

    Where a task decides nothing, as with embeddings, its outputs agree as a whole or not.
    """
    decided = [item for item in diff.agreements if item.decides and item.kind != RANKS and item.count]
    if not decided or not all(item.holds for item in diff.agreements if item.kind == RANKS):
        return int(diff.agrees), 1
    worst = min(decided, key=lambda item: (item.count - item.differing + item.ties) / item.count)
    return worst.count - worst.differing + min(worst.ties, worst.differing), worst.count


def find_share(same: int, count: int) -> tuple[float, float, float]:
    """A share with its 95 % interval, which is honest for few and for all (Wilson's).

    Example:
        >>> [round(figure, 2) for figure in find_share(16, 16)]
        [1.0, 0.81, 1.0]
    """
    share = same / count
    middle = (share + Z**2 / (2 * count)) / (1 + Z**2 / count)
    half = Z / (1 + Z**2 / count) * math.sqrt(share * (1 - share) / count + Z**2 / (4 * count**2))
    return share, max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))
