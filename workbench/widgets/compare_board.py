"""`CompareBoard`: what is known of each variant while a comparison runs, and how long the rest will take."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from workbench.compare.layout import html_table
from workbench.compare.table_progress import TableProgress
from workbench.widgets.run_bar import format_seconds

COLUMNS = ("time", "outputs", "quality")
WAITING, NOW = "…", "now"
TIMING_SHARE = 0.4  # of the bar; what the two steps really take is not known before
ENOUGH = 0.05  # of a step has to be done before the rest of it is estimated


class CompareBoard:
    """Follows a comparison by its news. It has two steps: timing all in turn, then judging one after the other.

    Args:
        names: The variants.
        clock: What tells the time.

    Attributes:
        doing: What is done now, in words.
        part: Which part of all is done, from 0 to 1.

    Example:
        >>> board = CompareBoard(["torch-fp32"], clock=iter([0.0, 10.0, 12.0]).__next__)
        >>> for done in (10, 60):
        ...     board.take(TableProgress("latency", done=done, total=100))
        >>> board.doing + board.say_left()
        'timing all in turn, then outputs and quality, about 6 s to go for the times'
    """

    def __init__(self, names: Iterable[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._cells: dict[str, dict[str, str]] = {name: {} for name in names}
        self._finished: set[str] = set()
        self._first: tuple[float, float] | None = (
            None  # when the step's first news came, and what was done then
        )
        self._end: float | None = None  # when the step will be over
        self._timing = True
        self.doing, self.part = "starting", 0.0

    def take(self, news: TableProgress) -> None:
        """Takes in one piece of news."""
        share = news.done / news.total if news.total else 0.0
        if news.phase == "latency":
            self.part, self.doing = TIMING_SHARE * share, "timing all in turn, then outputs and quality"
            self._estimate(share)
            return
        cells = self._cells.setdefault(news.variant, {})
        if news.phase == "timed":
            cells["time"] = news.message
            self._timing, self._first, self._end = False, None, None
        elif news.phase == "agreement":
            cells["outputs"] = news.message or NOW
            self._judge(f"{news.variant}: comparing outputs", 0.0)
        elif news.phase == "quality":
            count = f"{news.done:,} of {news.total:,}"
            cells["quality"] = news.message or f"{NOW}: {count}"
            self._judge(f"{news.variant}: quality, {count} examples", share)
        elif news.phase == "finished":
            self._finished.add(news.variant)
            for name in COLUMNS:
                if cells.get(name, NOW).startswith(NOW):
                    cells[name] = "failed" if news.message else "–"
            self._judge(f"{news.variant}: done", 0.0)

    def _judge(self, doing: str, share: float) -> None:
        """One variant after the other: each of them is about as much work as the others."""
        done = min(1.0, (len(self._finished) + share) / len(self._cells))
        self.part, self.doing = TIMING_SHARE + (1 - TIMING_SHARE) * done, doing
        self._estimate(done)

    def _estimate(self, share: float) -> None:
        """When the step will be over, from what was done since its first news: before it, processes start."""
        now = self._clock()
        self._first = self._first or (now, share)
        begun, before = self._first
        if share - before >= ENOUGH:
            self._end = now + (now - begun) * (1 - share) / (share - before)

    def say_left(self) -> str:
        """How long the step in hand will still take, once that can be said."""
        left = self._end - self._clock() if self._end is not None else 0.0
        if left < 1:
            return ""
        return f", about {format_seconds(left)} to go{' for the times' if self._timing else ''}"

    def to_html(self) -> str:
        """All variants as a table."""
        lines = [
            [name, *(cells.get(column, WAITING) for column in COLUMNS)] for name, cells in self._cells.items()
        ]
        return html_table(["variant", *COLUMNS], lines, [False] * (1 + len(COLUMNS)))
