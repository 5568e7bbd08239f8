"""The leaderboard of a race that is running, and what it does now, in words."""

from __future__ import annotations

from workbench.compare.comparison import format_time
from workbench.compare.layout import html_table
from workbench.graph.tables import format_bytes
from workbench.race.progress import PHASES, Progress
from workbench.race.reasons import say_speedup
from workbench.race.rows import RACING, RaceRow

# Which part of the bar is full when a phase begins; how long each takes depends on the model.
STARTS = dict(zip(PHASES, (0.0, 0.35, 0.5, 0.75, 0.8, 0.9, 1.0), strict=True))


def draw_board(news: Progress) -> str:
    """The leaderboard in HTML, fastest first."""
    headers = ["", "variant", "ms", "speed-up", "size", "kept", "status"]
    timed = [row for row in news.rows if row.speedup is not None]
    ranks = {row.name: str(place) for place, row in enumerate(timed, start=1)}
    ordered = [*timed, *(row for row in news.rows if row.speedup is None)]
    lines = [
        [
            ranks.get(row.name, ""),
            row.name,
            "" if row.median_ms is None else format_time(row.median_ms),
            "" if row.speedup is None else say_speedup(row),
            format_bytes(row.size_bytes) if row.size_bytes else "",
            "" if row.kept is None else f"{100 * row.kept:.1f} %",
            describe_status(row, news),
        ]
        for row in ordered
    ]
    return html_table(
        headers,
        lines,
        [True, False, True, True, True, True, False],
        strong=[row.name == news.contestant for row in ordered],
    )


def describe_status(row: RaceRow, news: Progress) -> str:
    """Where a contestant is in a race.

    Example:
        >>> news = Progress("judge", "fast", 16, 400, "judging fast")
        >>> describe_status(RaceRow("fast", heat=1, speedup=2.0), news)
        'now: judging fast'
        >>> describe_status(RaceRow("other", heat=1, speedup=1.5, n=400, meets=False), news)
        'below the bar'
    """
    if row.status != RACING:
        return f"{row.status}: {row.reason}" if row.reason else row.status
    if row.name == news.contestant and news.phase != "done":
        return f"now: {news.message}"
    if row.meets is not None:
        return "meets the bar" if row.meets else row.reason or "below the bar"
    if row.speedup is not None:
        return "timed" if row.n else "timed, not judged yet"
    return "made" if row.code else "waiting"


def describe_news(news: Progress) -> str:
    """What a race does now.

    Example:
        >>> describe_news(Progress("judge", "fast", 16, 400, "judging fast"))
        'judging fast, 16 of 400'
    """
    if news.phase == "first heat":
        return f"first heat, {news.done} of {news.total} timed: {news.message}"
    count = f", {news.done:,} of {news.total:,}" if news.total and news.phase != "heats" else ""
    return f"{news.message}{count}"


def find_part(news: Progress) -> float:
    """Which part of the bar is full.

    Example:
        >>> find_part(Progress("build", "a", 10, 20, "making a"))
        0.175
    """
    at = PHASES.index(news.phase)
    end = STARTS[PHASES[min(at + 1, len(PHASES) - 1)]]
    # Contestants are judged one by one, and how many will be is not known: only these two phases are counted.
    share = news.done / news.total if news.total and news.phase in ("build", "first heat") else 0.0
    return STARTS[news.phase] + share * (end - STARTS[news.phase])
