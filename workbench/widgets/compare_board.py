"""`CompareBoard`: what is known of each variant while a comparison runs, and how long the rest will take."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from workbench.compare.layout import html_table
from workbench.compare.table_progress import TableProgress
from workbench.widgets.run_bar import format_seconds

WAITING, NOW = "…", "now"
TIMING_SHARE = 0.4  # of the bar; what the two steps really take is not known before
ENOUGH = 0.05  # of a step has to be done before the rest of it is estimated


class CompareBoard:
    """Follows a comparison by its news.

    Args:
        names: The variants.
        clock: What tells the time.

    Attributes:
        doing: What is done now, and how long that will take, in words.
        part: Which part of all is done, from 0 to 1.

    Example:
        >>> board = CompareBoard(["torch-fp32"], clock=iter([0.0, 10.0]).__next__)
        >>> board.take(TableProgress("latency", done=50, total=100))
        >>> board.doing
        'timing all in turn, about 10 s to go; then outputs and quality'
    """

    def __init__(self, names: Iterable[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._cells = {name: {"time": WAITING, "outputs": WAITING, "quality": WAITING} for name in names}
        self._finished: set[str] = set()
        self._begun = clock()  # the step, not the whole
        self.doing, self.part = "starting", 0.0

    def take(self, news: TableProgress) -> None:
        """Takes in one piece of news."""
        if news.variant and news.variant not in self._cells:
            self._cells[news.variant] = {"time": WAITING, "outputs": WAITING, "quality": WAITING}
        cells = self._cells.get(news.variant, {})
        share = news.done / news.total if news.total else 0.0
        if news.phase == "latency":
            self.part = TIMING_SHARE * share
            self.doing = f"timing all in turn{self._estimate(share)}; then outputs and quality"
        elif news.phase == "timed":
            cells["time"], self._begun = news.message, self._clock()
        elif news.phase == "agreement":
            cells["outputs"] = news.message or NOW
            self._judge(f"{news.variant}: comparing outputs", 0.0)
        elif news.phase == "quality":
            cells["quality"] = f"{news.done:,} of {news.total:,}"
            self._judge(f"{news.variant}: quality, {news.done:,} of {news.total:,} examples", share)
        elif news.phase == "finished":
            self._finish(news)

    def _finish(self, news: TableProgress) -> None:
        self._finished.add(news.variant)
        cells = self._cells[news.variant]
        left_out = f"failed: {news.message}" if news.message else "–"
        for name, cell in cells.items():
            if cell in (WAITING, NOW):
                cells[name] = left_out
        if cells["quality"][0].isdigit():
            cells["quality"] = left_out if news.message else "done"
        self._judge(f"{news.variant}: done", 0.0)

    def _judge(self, doing: str, share: float) -> None:
        """One variant after the other: each of them is about as much work as the others."""
        done = min(1.0, (len(self._finished) + share) / len(self._cells))
        self.part = TIMING_SHARE + (1 - TIMING_SHARE) * done
        self.doing = f"{doing}{self._estimate(done)}"

    def _estimate(self, share: float) -> str:
        """How long the rest of this step will take, once that can be said."""
        if not ENOUGH <= share < 1:
            return ""
        return f", about {format_seconds((self._clock() - self._begun) * (1 - share) / share)} to go"

    def to_html(self) -> str:
        """All variants as a table."""
        lines = [[name, *cells.values()] for name, cells in self._cells.items()]
        return html_table(["variant", "time", "outputs", "quality"], lines, [False] * 4)
