"""Who is beaten, who wins, who stands on the front: decisions over plain rows. Nothing here measures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from workbench.race.rows import RaceRow, may_win

# Two speed-ups are alike where their intervals meet and the figures lie no further apart than this: a wide interval
# alone must not hand the race to a contestant that is a tenth slower.
TIED = 1.03
SAME_SIZE = 1.02
# What is kept beyond all of it is the luck of the examples; then what was changed least is the most faithful.
FAITHFUL = ("fp32", "bf16", "fp16", "int8", "int4")


def find_beater(row: RaceRow, rivals: Iterable[RaceRow]) -> RaceRow | None:
    """The rival that may win and is clearly faster: its interval lies wholly above the row's. None if there is none.

    Example:
        >>> slow = RaceRow("slow", speedup=1.2, speedup_low=1.1, speedup_high=1.3)
        >>> fast = RaceRow("fast", speedup=3.8, speedup_low=3.6, speedup_high=4.0, meets=True)
        >>> find_beater(slow, [slow, fast]).name, find_beater(fast, [slow, fast])
        ('fast', None)
    """
    high = _or(row.speedup_high, row.speedup)
    beating = [
        rival
        for rival in rivals
        if rival.name != row.name and may_win(rival) and _or(rival.speedup_low, rival.speedup) > high
    ]
    return max(beating, key=lambda rival: (_or(rival.speedup_low, 0.0), rival.name), default=None)


def drop_beaten(rows: Sequence[RaceRow]) -> list[RaceRow]:
    """The rows that no other clearly beats, fastest first.

    Example:
        >>> rows = [RaceRow(name, speedup=s, speedup_low=s - 0.2, speedup_high=s + 0.2, meets=True)
        ...         for name, s in (("a", 1.0), ("b", 2.9), ("c", 3.0))]
        >>> [row.name for row in drop_beaten(rows)]
        ['c', 'b']
    """
    return sort_by_speed(row for row in rows if row.speedup is not None and find_beater(row, rows) is None)


def sort_by_speed(rows: Iterable[RaceRow]) -> list[RaceRow]:
    """Fastest first; those of unknown speed last; equal ones by name."""
    return sorted(rows, key=lambda row: (-_or(row.speedup, 0.0), row.name))


def are_tied(best: RaceRow, other: RaceRow) -> bool:
    """Whether the second is as fast as the first, within noise.

    Example:
        >>> best = RaceRow("a", speedup=3.0, speedup_low=2.7, speedup_high=3.3)
        >>> near = RaceRow("b", speedup=2.95, speedup_low=2.7, speedup_high=3.2)
        >>> far = RaceRow("c", speedup=2.75, speedup_low=2.5, speedup_high=3.0)
        >>> are_tied(best, near), are_tied(best, far)
        (True, False)
    """
    first, second = _or(best.speedup, 0.0), _or(other.speedup, 0.0)
    if min(first, second) <= 0:
        return False
    meet = _or(other.speedup_high, second) >= _or(best.speedup_low, first)
    return meet and first / second <= TIED


def choose_winner(rows: Sequence[RaceRow], baseline: RaceRow | None = None) -> RaceRow | None:
    """The fastest of the rows that may win; of those as fast within noise the smallest, then the most faithful.

    Args:
        rows: Those in the last heat.
        baseline: Whoever has nothing over it, see `is_worth`, is left out; None asks for nothing.

    Example:
        >>> big = RaceRow("a", size_bytes=400, speedup=3.0, speedup_low=2.8, speedup_high=3.2, meets=True)
        >>> small = RaceRow("b", size_bytes=100, speedup=2.95, speedup_low=2.8, speedup_high=3.1, meets=True)
        >>> choose_winner([big, small]).name
        'b'
    """
    able = sort_by_speed(row for row in rows if may_win(row) and (not baseline or is_worth(row, baseline)))
    if not able:
        return None
    tied = [row for row in able if row is able[0] or are_tied(able[0], row)]
    least = min(_size(row) for row in tied)
    smallest = [row for row in tied if _size(row) <= least * SAME_SIZE or _size(row) == least]
    return min(smallest, key=lambda row: (-_faith(row), -_or(row.speedup, 0.0), row.name))


def is_faster(row: RaceRow) -> bool:
    """Whether a row is faster than the baseline by more than noise.

    Example:
        >>> is_faster(RaceRow("a", speedup=1.01, speedup_low=0.99)), is_faster(RaceRow("b", speedup=1.01))
        (False, True)
    """
    return _or(row.speedup_low, row.speedup) > 1


def is_smaller(row: RaceRow, other: RaceRow) -> bool:
    """Whether a row is smaller than another by more than a name or two in its file."""
    return bool(row.size_bytes) and _size(row) * SAME_SIZE < _size(other)


def is_worth(row: RaceRow, baseline: RaceRow) -> bool:
    """Whether a row has anything over the baseline: it is faster, or as fast within noise and smaller.

    Example:
        >>> plain = RaceRow("torch", size_bytes=400, speedup=1.0)
        >>> same, small = (RaceRow("a", size_bytes=size, speedup=1.01, speedup_low=0.99) for size in (400, 100))
        >>> is_worth(same, plain), is_worth(small, plain), is_worth(plain, plain)
        (False, True, True)
    """
    if row.name == baseline.name or is_faster(row):
        return True
    return is_smaller(row, baseline) and are_tied(baseline, row)


def find_front(rows: Sequence[RaceRow]) -> list[RaceRow]:
    """The rows that no other one beats in speed, kept quality and size together, fastest first.

    Rows without a speed are left out, and so are those that were not judged where others were.

    Example:
        >>> figures = {"a": (4, 1.0, 1.0), "b": (1, 3.0, 0.9), "c": (4, 2.0, 0.9)}
        >>> rows = [RaceRow(name, size_bytes=s, speedup=v, kept=k) for name, (s, v, k) in figures.items()]
        >>> [row.name for row in find_front(rows)]
        ['b', 'a']
    """
    known = [row for row in rows if row.speedup is not None and row.size_bytes]
    if any(row.kept is not None for row in known):
        known = [row for row in known if row.kept is not None]
    figures = {row.name: (_or(row.speedup, 0.0), _faith(row), -_size(row)) for row in known}
    return sort_by_speed(
        row
        for row in known
        if not any(
            _dominates(other, figures[row.name]) for name, other in figures.items() if name != row.name
        )
    )


def _dominates(other: tuple[float, ...], own: tuple[float, ...]) -> bool:
    return other != own and all(left >= right for left, right in zip(other, own, strict=True))


def find_fastest(rows: Sequence[RaceRow]) -> RaceRow | None:
    """The fastest of the rows that may win."""
    return next(iter(sort_by_speed(filter(may_win, rows))), None)


def find_smallest(rows: Sequence[RaceRow]) -> RaceRow | None:
    """The smallest of the rows that may win; of those as small, but for a name or two in the file, the fastest."""
    able = sort_by_speed(filter(may_win, rows))
    least = min(map(_size, able), default=0.0)
    return next((row for row in able if _size(row) <= least * SAME_SIZE), None)


def find_most_faithful(rows: Sequence[RaceRow]) -> RaceRow | None:
    """The row that keeps most; of equal ones the one in the highest precision, then the fastest.

    None where nothing was judged.
    """
    judged = [row for row in sort_by_speed(filter(may_win, rows)) if row.kept is not None]
    return min(judged, key=lambda row: (-_faith(row), _rank(row)), default=None)


def _faith(row: RaceRow) -> float:
    return min(_or(row.kept, 0.0), 1.0)


def _rank(row: RaceRow) -> int:
    return FAITHFUL.index(row.precision) if row.precision in FAITHFUL else len(FAITHFUL)


def find_wanting_int8(rows: Sequence[RaceRow]) -> list[RaceRow]:
    """The int8 rows below the bar that are clearly faster than all that may win, other int8 rows included.

    Example:
        >>> rows = [RaceRow("a", precision="int8", speedup=3.0, speedup_low=2.9, meets=False, n=9),
        ...         RaceRow("b", precision="int8", speedup=2.0, speedup_low=1.9, meets=True, n=9)]
        >>> [row.name for row in find_wanting_int8(rows)]
        ['a']
    """
    best = find_fastest(rows)
    return sort_by_speed(
        row
        for row in rows
        if row.precision == "int8"
        and row.meets is False
        and row.speedup is not None
        and _or(row.speedup_low, 0.0) > (_or(best.speedup, 0.0) if best else 0.0)
    )


def _size(row: RaceRow) -> float:
    return float(row.size_bytes) if row.size_bytes else math.inf


def _or(value: float | None, other: float | None) -> float:
    return float(value if value is not None else other or 0.0)
